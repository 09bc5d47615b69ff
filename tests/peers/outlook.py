"""A stand-in for Outlook and the service behind its cards, written from Microsoft's documentation:
Microsoft Entra's keys and tokens, and what a press on a card in a mail delivers.

https://learn.microsoft.com/outlook/actionable-messages/adaptive-card (what a press sends, and how
inputs are put into it), https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
It signs with PyJWT, which nothing under test uses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

import jwt
from aiohttp import web

from adapters.email.adapter import Email
from approvals.model import Address
from approvals.port import Inbound, Payload
from tests.harness.channel_contract import NOW, Kit
from tests.peers import email
from tests.peers.email import PASSWORD, MailServer, Received
from tests.peers.loopback import started
from tests.peers.teams import SigningKey

TENANT: Final = "8a2c1c0e-5f6d-4bd6-9a31-3f6d2f0f1c55"
APP: Final = "5b6c1c0e-7f6d-4bd6-9a31-3f6d2f0f1c55"
PROVIDER: Final = "1c9e6679-7425-40de-944b-e07fc1f90ae7"
ACTIONS: Final = "48af08dc-f6d2-435f-b2a7-069abd99c086"
LOGIN: Final = "https://login.microsoftonline.com/"
KEY: Final = SigningKey("LTTO9ogDsGQHxYo5gLrQoPlWVnc", endorsements=())
STRANGE: Final = SigningKey("LTTO9ogDsGQHxYo5gLrQoPlWVnc", endorsements=())
"""Another private key under the same name: a forger's."""
DANA: Final = "dana@example.com"


def token(
    at: int, who: str | None = DANA, key: SigningKey = KEY, login: str = LOGIN, **claims: Any
) -> str:
    """A bearer token of version 2.0, as Entra gives Outlook one for our registration."""
    now = at // 1000
    said = {
        "iss": f"{login}{TENANT}/v2.0",
        "aud": APP,
        "azp": ACTIONS,
        "tid": TENANT,
        "iat": now - 300,
        "nbf": now - 300,
        "exp": now + 3600,
        "oid": "0d2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b10",
        "sub": "AUCeKGQXBnSqpWfTYEk0li8TyNul1QSuSxcPplBAwaQ",
        "preferred_username": who,
        "scp": "Actions.Invoke",
        "ver": "2.0",
        **claims,
    }
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, key.private, "RS256", {"kid": key.kid})


def delivery(body: str | bytes, at: int = NOW, bearer: str | None = None) -> Inbound:
    """What arrives when somebody pressed."""
    headers = {
        "authorization": f"Bearer {token(at) if bearer is None else bearer}",
        "content-type": "text/plain",
        "action-request-id": "5b2ba6d4-9c54-4f3c-8b4e-6f2f3f1a9b10",
    }
    raw = body if isinstance(body, bytes) else body.encode()
    return Inbound("POST", "/channels/email/events", "", headers, raw, at)


class _Scripts(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._in = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag == "script"
        if self._in:
            assert attrs == [("type", "application/adaptivecard+json")]
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = False

    def handle_data(self, data: str) -> None:
        if self._in:
            self.found[-1] += data


def card_in(html: str) -> dict[str, Any] | None:
    """The card of a mail, as Outlook finds it."""
    found = [json.loads(text) for text in _Scripts(html).found]
    assert len(found) <= 1
    return found[0] if found else None


def shown(mail: Received) -> dict[str, Any]:
    card = card_in(mail.part("html"))
    assert card is not None
    return card


def press(card: dict[str, Any], title: str, reason: str = "", ready: str = "") -> str:
    """The body that a press on this button sends; what was typed goes in as it is, and `ready`,
    the value of what was chosen."""
    (action,) = [one for one in card["actions"] if one["title"] == title]
    assert (action["type"], action["method"]) == ("Action.Http", "POST")
    assert action["headers"] == [{"name": "Content-Type", "value": "text/plain"}]
    body = action["body"].replace("{{ready.value}}", ready)
    return re.sub(r"\{\{reason\.value\}\}", lambda _: reason, body)


@dataclass
class Entra:
    """`async with Entra() as entra`: `entra.login` is where keys are. `away`: it gives 503."""

    keys: list[SigningKey] = field(default_factory=lambda: [KEY])
    away: bool = False
    jwks_uri: str = ""
    reads: int = 0
    login: str = ""

    async def __aenter__(self) -> Entra:
        app = web.Application()
        openid = f"/{TENANT}/v2.0/.well-known/openid-configuration"
        app.router.add_get(openid, self._openid)
        app.router.add_get(f"/{TENANT}/discovery/v2.0/keys", self._keys)
        self._runner, base = await started(app)
        self.login = f"{base}/"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    async def _openid(self, request: web.Request) -> web.Response:
        self.reads += 1
        if self.away:
            return web.Response(status=503)
        uri = self.jwks_uri or f"{self.login}{TENANT}/discovery/v2.0/keys"
        return web.json_response({"issuer": f"{self.login}{TENANT}/v2.0", "jwks_uri": uri})

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [key.jwk() for key in self.keys]})


def make(api: str, *, keys: tuple[SigningKey, ...] = (KEY,), login: str = "", **more: Any) -> Email:
    """The adapter with Outlook's cards on, and these keys read already."""
    given = {"originator": PROVIDER, "tenant_id": TENANT, "app_id": APP}
    given |= {"login_url": login} if login else {}
    made = email.make(api, actionable=given, **more)
    if keys and made._outlook:
        made._outlook.signers.trust({"keys": [key.jwk() for key in keys]}, NOW)
    return made


BODY: Final = f"{'Q' * 20} crd_01K8ZJ3V9Q {DANA}"


def unknown(at: int) -> tuple[Inbound, ...]:
    bodies = (
        *("", "Q" * 20, f"{'Q' * 20} crd_1", f"{'Q' * 19} crd_1 {DANA}", BODY + " x", f" {BODY}"),
        *('{"token":"QQQQQQQQQQQQQQQQQQQQ"}', f"{BODY}\n{'x' * 1001}", b"\xff" * 50),
        f"{'é' * 20} crd_1 {DANA}",
    )
    nobody = [delivery(BODY, at, token(at, who)) for who in (None, "")]
    names: tuple[Any, ...] = (7, ["a"], {})
    odd = [delivery(BODY, at, token(at, preferred_username=who)) for who in names]
    return (*(delivery(body, at) for body in bodies), *nobody, *odd)


def _nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in _nodes(item)]
    if isinstance(node, dict):
        return [node, *(found for item in node.values() for found in _nodes(item))]
    return []


def texts(card: dict[str, Any]) -> list[str]:
    """What its TextBlocks say, as markdown."""
    return [node["text"] for node in _nodes(card) if node.get("type") == "TextBlock"]


def _links(payload: Payload) -> list[str]:
    native = [node["url"] for node in _nodes(payload["native"]) if "url" in node]
    return [*native, *email.KIT.links(payload)]


KIT: Final = Kit(
    name="email",
    make=make,
    tap=lambda at: delivery(BODY, at),
    proofs=("authorization",),
    stale=3_900_000,
    unknown=unknown,
    peer=MailServer,
    address=Address("email", DANA, account=DANA),
    parsed=lambda payload: [payload["subject"]],
    links=_links,
    secrets=(PASSWORD, token(NOW)),
    signs_body=False,
    delays=False,
)


async def posted(payload: dict[str, Any]) -> Received:
    async with MailServer() as server:
        channel = make(server.api)
        address = await channel.open(DANA)
        await channel.post(address, payload, "crd_01K8ZJ3V9Q")
        await channel.close()
        return server.mails[-1]
