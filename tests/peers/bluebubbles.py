"""A BlueBubbles server, as far as we speak to it: a stand-in written from its documentation.

https://docs.bluebubbles.app/server/developer-guides/rest-api-and-webhooks; where that is silent,
what bluebubbles-server does (messageRouter.ts, messageValidator.ts, MessageSerializer.ts, v1.9.9).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections import ChainMap, deque
from collections.abc import MutableMapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from adapters.imessage.adapter import IMessage
from approvals.model import Address
from approvals.port import Inbound
from tests.harness.channel_contract import Kit, template
from tests.peers.imessage import SCHEMAS, body, links

PASSWORD, SECRET = "peer-server-password", "a-word-of-ours-in-the-address-0123456789"
DANA, LEE, MAIL = "+15550100123", "+15550100999", "dana@icloud.example"
KEPT: dict[str, dict[str, Any]] = {}
"""What every stand-in's database holds, because a delivery of `written` told of it."""


@dataclass
class BlueBubblesPeer:
    """`async with BlueBubblesPeer() as mac`: `mac.api` is its base URL.

    `messages`: what its database holds, by GUID. `unreachable`: who has no iMessage. `queued`: the
    tries that are still under way.
    """

    messages: MutableMapping[str, dict[str, Any]] = field(
        default_factory=lambda: ChainMap({}, KEPT)
    )
    sent: dict[str, tuple[str, str]] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    queued: set[str] = field(default_factory=set)
    hooks: list[Any] = field(default_factory=lambda: [{"id": 1, "url": "x", "events": ["*"]}])
    calls: list[str] = field(default_factory=list)
    answers: deque[web.Response] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    base: str = ""
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> str:
        return self.base

    async def __aenter__(self) -> BlueBubblesPeer:
        app = web.Application(middlewares=[self._guarded])
        app.router.add_get("/api/v1/ping", self._ping)
        app.router.add_get("/api/v1/webhook", self._webhooks)
        app.router.add_get("/api/v1/message/{guid}", self._find)
        app.router.add_post("/api/v1/message/text", self._send)
        # No log of addresses: the password is in each.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call with this: the server has no limit, a proxy before it may."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.answers.append(self.error(status, "Server Error", "x", headers=headers))

    def error(self, status: int, kind: str, why: str, **more: Any) -> web.Response:
        headers = more.pop("headers", None)
        said = {"status": status, "message": "x", "error": {"type": kind, "message": why}, **more}
        return web.json_response(said, status=status, headers=headers)

    def well(self, data: Any) -> web.Response:
        return web.json_response({"status": 200, "message": "Success", "data": data})

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        if self.answers:
            return self.answers.popleft()
        given = [request.query.get(name) for name in ("guid", "password", "token")]
        if PASSWORD not in given:
            return self.error(401, "Authentication Error", "Unauthorized")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _ping(self, request: web.Request) -> web.StreamResponse:
        return self.well("pong")

    async def _webhooks(self, request: web.Request) -> web.StreamResponse:
        return self.well(self.hooks)

    async def _find(self, request: web.Request) -> web.StreamResponse:
        found = deepcopy(self.messages.get(request.match_info["guid"]))
        if found is None:
            return self.error(404, "Database Error", "Message does not exist!")
        if "chats" not in request.query.get("with", "").split(","):
            found["chats"] = []
        return self.well(found)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        given = await request.json()
        if wrong := [*SCHEMAS["bluebubbles_send"].iter_errors(given)]:
            return self.error(400, "Validation Error", wrong[0].message)
        chat, text, temp = given["chatGuid"], given["message"], given["tempGuid"]
        if temp in self.queued:
            why = f"Message is already queued to be sent! (Temp GUID: {temp})"
            return self.error(400, "Validation Error", why)
        service, _, account = chat.split(";")
        guid = f"0A1B2C3D-0000-4000-8000-{next(self._count):012}"
        if service != "iMessage" or account in self.unreachable:
            data = {"guid": guid, "error": 22, "text": text}
            return self.error(500, "iMessage Error", "Failed to send message!", data=data)
        self.sent[guid] = (account, text)
        self.arrived.set()
        return self.well({"guid": guid, "tempGuid": temp, "error": 0, "text": text})

    def wrote(self, words: Any, by: str, at: int = 0, **more: Any) -> Inbound:
        """What is delivered when this account writes this to us; `more` of the stored message."""
        message = stored(words, by, f"9F1C2B7A-0000-4000-8000-{next(self._count):012}")
        message |= more
        self.messages[message["guid"]] = message
        return delivered(message, at)


def stored(text: Any, by: str = DANA, guid: str = "9F1C2B7A-1") -> dict[str, Any]:
    """A message as the server gives it."""
    message: dict[str, Any] = body("bluebubbles_message")["data"]
    message |= {"text": text, "guid": guid}
    message["handle"]["address"] = by
    message["chats"][0]["guid"] = f"iMessage;-;{by}"
    return message


def delivered(
    message: Any, at: int, kind: str = "new-message", query: str = f"secret={SECRET}"
) -> Inbound:
    """A webhook: nothing signs it."""
    sent = json.dumps({"type": kind, "data": message}).encode()
    headers = {"content-type": "application/json"}
    return Inbound("POST", "/channels/imessage/events", query, headers, sent, at)


def make(api: str, **more: Any) -> IMessage:
    given: dict[str, Any] = {"provider": "bluebubbles", "url": api, "password": PASSWORD}
    return IMessage(**{**given, "webhook_secret": SECRET, "render": template("imessage"), **more})


def written(words: str, at: int, **more: Any) -> Inbound:
    """A delivery of what Dana wrote, which every stand-in has; `more` of the stored message."""
    guid = str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([words, more])))
    KEPT[guid] = {**stored(words, guid=guid), **more}
    return delivered(KEPT[guid], at)


def unproven(at: int) -> tuple[Inbound, ...]:
    queries = ("", "secret=", f"secret={SECRET}x", "secret=é", "x=1&" * 11, "secret=%ff", "\udcff")
    return tuple(delivered(stored("hi"), at, query=query) for query in queries)


def unknown(at: int) -> tuple[Inbound, ...]:
    new = {"type": "new-message"}
    bad: list[Any] = [
        *({}, [], None, 7, new, {**new, "data": None}),
        *({**new, "data": {"guid": x}} for x in (None, 7, "", "../x", "x" * 65)),
    ]
    raw = (b"", b"{", b"\xff", b"[" * 100_000, *(json.dumps(one).encode() for one in bad))
    odd: list[dict[str, Any]] = [
        *({"text": 7}, {"text": ["x"]}, {"handle": None}),
        *({"handle": {"address": by, "service": "iMessage"}} for by in ("12345", None)),
        *({"chats": None}, {"chats": [{"guid": 7}]}),
    ]
    return (
        *(replace(delivered({}, at), body=one) for one in raw),
        *(written("hi", at, **more) for more in odd),
    )


def foreign(at: int) -> tuple[Inbound, ...]:
    others: list[dict[str, Any]] = [
        *({"isFromMe": True}, {"isFromMe": None}, {"itemType": 2}, {"text": None}),
        *({"handle": {"address": DANA, "service": service}} for service in ("SMS", "RCS")),
        *({"chats": []}, {"chats": [{"guid": f"iMessage;-;{by}"} for by in (DANA, LEE)]}),
        {"associatedMessageGuid": "p:0/X", "associatedMessageType": "like"},
    ]
    kinds = ("typing-indicator", "updated-message", "new-server")
    return (
        *(written("decline a1b2c3d4", at, **more) for more in others),
        *(delivered(stored("hi"), at, kind=kind) for kind in kinds),
    )


KIT = Kit(
    name="imessage",
    make=make,
    tap=None,
    write=lambda at, text: written(text, at),
    overheard=lambda at, text: written(text, at, chats=[{"guid": "iMessage;+;chat123"}]),
    proofs=(),
    unproven=unproven,
    signs_body=False,
    stale=None,
    unknown=unknown,
    foreign=foreign,
    peer=BlueBubblesPeer,
    address=Address("imessage", DANA, account=DANA),
    parsed=lambda payload: [],
    links=links,
    secrets=(PASSWORD, SECRET),
)
