"""Photon Spectrum and its HTTP bridge, as far as we speak to them: a stand-in written from Photon's
documentation and packages.

https://photon.codes/docs/webhooks (/events, /verifying-signatures), /docs/api-reference; npm
@photon-ai/advanced-imessage 2.2.0 (proto/photon/imessage/v1/message_service.proto and the errors of
`imessage-server-v2-http`) and @spectrum-ts/core 12.8.0 (`/imessage/tokens`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from adapters.imessage.adapter import IMessage
from approvals.model import Address
from approvals.port import Inbound
from tests.harness.channel_contract import Kit, template
from tests.peers.imessage import SCHEMAS, body, changed, links
from tests.peers.loopback import started

PROJECT, SECRET = "6a4d2e8c-7b1f-4d3a-9a8e-2c5d6f7e8a9b", "peer-project-secret-01234567"
WEBHOOK_SECRET = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"
DANA, LEE, LINE = "+15550100123", "+15550100999", "+15551234567"


@dataclass
class PhotonPeer:
    """`async with PhotonPeer() as photon`: `photon.api` is the base URL of both.

    `chats`: who wrote first. `servers`: the project's own lines, by server; empty: a shared one.
    """

    chats: set[str] = field(default_factory=lambda: {DANA, LEE})
    servers: dict[str, str] = field(default_factory=dict)
    sent: dict[str, tuple[str, str]] = field(default_factory=dict)
    heads: list[dict[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    answers: deque[web.Response] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    base: str = ""
    _seen: set[str] = field(default_factory=set)
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> str:
        return self.base

    async def __aenter__(self) -> PhotonPeer:
        app = web.Application()
        app.router.add_post("/projects/{project}/imessage/tokens", self._issue)
        app.router.add_post("/v1/messages:sendText", self._send)
        app.router.add_get("/v1/chats:count", self._chats)
        self._runner, self.base = await started(app)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call of the bridge with this."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        code = "resource_exhausted" if status == 429 else "unavailable"
        self.answers.append(self.error(status, code, "serviceUnavailable", headers))

    def error(self, status: int, code: str, name: str, headers: Any = None) -> web.Response:
        said = {"code": code, "message": name, "source": "upstream", "errorCode": name}
        return web.json_response({**said, "retryable": False}, status=status, headers=headers)

    async def _issue(self, request: web.Request) -> web.StreamResponse:
        self.calls.append("token")
        good = aiohttp.encode_basic_auth(PROJECT, SECRET)
        known = request.match_info["project"] == PROJECT
        if request.headers.get("Authorization") != good or not known:
            told = {"succeed": False, "message": "Unauthorized"}
            return web.json_response(told, status=401)
        made = {name: f"token-{name}-{next(self._count)}" for name in self.servers or {"": ""}}
        self.tokens |= {*made.values()}
        data: dict[str, Any] = {
            "type": "shared",
            "token": next(iter(made.values())),
            "expiresIn": 900,
        }
        if self.servers:
            data = {"type": "dedicated", "auth": made, "numbers": self.servers, "expiresIn": 900}
        return web.json_response({"succeed": True, "data": data})

    def _refused(self, request: web.Request) -> web.StreamResponse | None:
        self.heads.append({name.lower(): value for name, value in request.headers.items()})
        if self.answers:
            return self.answers.popleft()
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return self.error(401, "unauthenticated", "tokenExpired")
        server = request.headers.get("x-photon-server", "")
        if not token.startswith(f"token-{server}-"):
            return self.error(403, "permission_denied", "unauthorized")
        return None

    async def _chats(self, request: web.Request) -> web.StreamResponse:
        return self._refused(request) or web.json_response({"count": len(self.chats)})

    async def _send(self, request: web.Request) -> web.StreamResponse:
        given = await request.json()
        self.calls.append("send")
        if refused := self._refused(request):
            return refused
        found = re.fullmatch(r"(?:any|iMessage);-;(\S+)", str(given.get("chatGuid")))
        if not SCHEMAS["photon_send"].is_valid(given) or found is None:
            return self.error(400, "invalid_argument", "invalidArgument")
        if found[1] not in self.chats:
            return self.error(404, "not_found", "chatNotFound")
        if (key := given.get("clientMessageId")) in self._seen:
            return self.error(409, "already_exists", "duplicateMessage")
        self._seen |= {key} - {None}
        guid = f"spc-msg-00000000-0000-4000-8000-{next(self._count):012}"
        self.sent[guid] = (found[1], given["text"])
        self.arrived.set()
        message = {"guid": guid, "dateCreated": "2026-01-02T03:55:30Z", "isFromMe": True}
        return web.json_response({"message": message | {"content": {"text": given["text"]}}})

    def wrote(self, text: str, by: str, at: int = 0) -> Inbound:
        """What is delivered when this account writes this to us."""
        id = f"spc-msg-00000000-0000-4000-9000-{next(self._count):012}"
        return signed(written(text, by, id), at)


def written(text: Any, by: Any = DANA, id: Any = "spc-msg-1") -> Any:
    told = body("photon_text")
    told["message"]["content"]["text"] = text
    told["message"]["sender"]["id"] = by
    told["message"]["id"] = id
    told["space"]["id"] = told["message"]["space"]["id"] = f"any;-;{by}"
    return told


def signed(told: Any, at: int, secret: str = WEBHOOK_SECRET) -> Inbound:
    """https://photon.codes/docs/webhooks/verifying-signatures#the-recipe"""
    sent = told if isinstance(told, bytes) else json.dumps(told).encode()
    when = str(at // 1000)
    mac = hmac.new(secret.encode(), f"v0:{when}:".encode() + sent, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-spectrum-event": "messages",
        "x-spectrum-timestamp": when,
        "x-spectrum-signature": f"v0={mac}",
    }
    return Inbound("POST", "/channels/imessage/events", "", headers, sent, at)


def make(api: str, **more: Any) -> IMessage:
    given: dict[str, Any] = {"provider": "photon", "project_id": PROJECT, "project_secret": SECRET}
    given |= {"webhook_secret": WEBHOOK_SECRET, "url": api, "api_url": api}
    return IMessage(**{**given, "render": template("imessage"), **more})


def unknown(at: int) -> tuple[Inbound, ...]:
    told = body("photon_text")
    bad: list[Any] = [
        *({}, [], None, "text", {"event": "messages"}),
        *(written(text) for text in (None, 7, ["x"])),
        *(written("hi", by) for by in (None, 7, "", "dana", "+1", "12345", "é" * 9)),
        *(written("hi", id=id) for id in (None, 7, "", "x" * 201, "a b")),
        changed(told, "message", "space", to=None),
        changed(told, "message", "content", to=None),
        changed(told, "message", "platform", to=7),
    ]
    # The first is as a Fusor delivery, which bears the same signature.
    raw = (b"\x0a\x07webhook\x12\x03abc", b"", b"{", b"\xff", b"[" * 100_000)
    return tuple(signed(one, at) for one in (*bad, *raw))


def foreign(at: int) -> tuple[Inbound, ...]:
    told = body("photon_text")
    others = (
        changed(told, "event", to="deliveries"),
        changed(told, "message", "direction", to="outbound"),
        changed(told, "message", "platform", to="whatsapp_business"),
        changed(told, "message", "platform", to="sms"),
        changed(told, "message", "space", "type", to="group"),
        changed(told, "message", "content", to={"type": "reaction", "emoji": "👍"}),
    )
    return tuple(signed(one, at) for one in others)


KIT = Kit(
    name="imessage",
    make=make,
    tap=None,
    write=lambda at, text: signed(written(text), at),
    proofs=("x-spectrum-signature", "x-spectrum-timestamp"),
    stale=300_000,
    unknown=unknown,
    foreign=foreign,
    peer=PhotonPeer,
    address=Address("imessage", DANA, account=DANA),
    parsed=lambda payload: [],
    links=links,
    secrets=(SECRET, WEBHOOK_SECRET),
)
