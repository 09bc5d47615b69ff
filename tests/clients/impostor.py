"""A service that lies: what it says, and what a client has to make of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from countersign_client import (
    AlreadyUsed,
    AsyncClient,
    CountersignError,
    Memory,
    Service,
    Unreachable,
    Unverified,
    digest_payload,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.evidence import ReceiptKey, sign_receipt
from tests.clients.house import DEPLOY
from tests.harness.house import ISSUER
from tests.harness.installation import answering


class Impostor:
    """A service on somebody else's port. It answers whatever the test says, and keeps the calls."""

    def __init__(self, **said: Any) -> None:
        self.said, self.calls = said, list[str]()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        if request.path.endswith("jwks.json"):
            return web.json_response({"keys": self.said["keys"]})
        body = await request.read()
        return self.said["answer"](request, body)  # type: ignore[no-any-return] # of JSON

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self.answer)
        async with answering(app) as url:
            yield url


PINNED = ReceiptKey(Ed25519PrivateKey.generate())
OWN = Service(
    url="http://127.0.0.1:1", key="csr_x", receipt_key=PINNED.thumbprint,
    requester="scripts", issuer=ISSUER,
)  # fmt: skip
NOW = 1_790_000_000


def approved(digest: str, receipt: Any, **more: Any) -> dict[str, Any]:
    return {"id": "req_1", "status": "approved", "digest": digest, "expires_at": "…",
            "outcome": None, "reason": None, "receipt": receipt, **more}  # fmt: skip


def genuine(key: ReceiptKey = PINNED, **changed: Any) -> str:
    claims = {
        "iss": ISSUER, "aud": "scripts", "sub": "req_1", "org": "default", "jti": "req_1.1",
        "iat": NOW, "exp": NOW + 60, "choice": "approve", "status": "approved", "revision": 1,
        "digest": digest_payload(**DEPLOY), "unseen": False,
    }  # fmt: skip
    return sign_receipt(key, {**claims, **changed})


def digest() -> str:
    return digest_payload(**DEPLOY)


FORGER = ReceiptKey(Ed25519PrivateKey.generate())


def waited_for(signed: bool) -> list[dict[str, Any]]:
    """What the service answers to opening, to the long polls, and to whoever asks once more."""
    pending = approved(digest(), None, status="pending")
    first = approved(digest(), genuine() if signed else None)
    return [pending, pending, first, approved(digest(), genuine())]


SIGNED = {"with its receipt": (True, 2), "not signed yet": (False, 3)}
"""Whether the receipt comes with the verdict, and how often the request is read then."""

LIES: dict[str, tuple[type[CountersignError], str, Callable[[], Any]]] = {
    "no receipt": (Unverified, "signed no receipt", lambda: approved(digest(), None)),
    "another key": (
        Unverified,
        "does not verify",
        lambda: approved(digest(), sign_receipt(FORGER, json.loads("{}"))),
    ),
    "a decline": (
        Unverified,
        "choice is 'decline'",
        lambda: approved(digest(), genuine(choice="decline")),
    ),
    "stolen from another requester": (
        Unverified,
        "aud is 'billing'",
        lambda: approved(digest(), genuine(aud="billing")),
    ),
    "of another request": (
        Unverified,
        "sub is 'req_2'",
        lambda: approved(digest(), genuine(sub="req_2")),
    ),
    "of another action": (
        Unverified,
        "digest is 'sha-256:00'",
        lambda: approved(digest(), genuine(digest="sha-256:00")),
    ),
    "expired": (Unverified, "has expired", lambda: approved(digest(), genuine(exp=NOW - 31))),
    "from the future": (
        Unverified,
        "from the future",
        lambda: approved(digest(), genuine(iat=NOW + 31)),
    ),
    "cut off": (Unverified, "does not verify", lambda: approved(digest(), genuine()[:-4])),
    "rubbish": (Unverified, "does not verify", lambda: approved(digest(), "a.b.\u00fc")),
    "not a text": (Unverified, "signed no receipt", lambda: approved(digest(), {"a": 1})),
    "used already": (
        AlreadyUsed,
        "used before",
        lambda: approved(digest(), genuine(), outcome={"delivered": None}),
    ),
    "another digest": (
        Unverified,
        "binds something else",
        lambda: approved("sha-256:00", genuine()),
    ),
    "no request": (Unreachable, "not that of a Countersign service", lambda: {"id": "req_1"}),
    "a path for an id": (
        Unreachable,
        "names no request",
        lambda: approved(digest(), genuine(), id="../v1/requester"),
    ),
    "a list": (Unreachable, "not that of a Countersign service", lambda: []),
}


async def asked_of(impostor: Impostor) -> Any:
    async with impostor.open() as url:
        known = Service(
            url=url, key=OWN.key, receipt_key=OWN.receipt_key,
            requester=OWN.requester, issuer=OWN.issuer,
        )  # fmt: skip
        asking = AsyncClient(known, store=Memory(), patience=0.0, clock=lambda: NOW)
        async with asking:
            return await asking.ask(**DEPLOY)
