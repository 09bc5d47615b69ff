"""A stand-in for X, written from its documentation and its OpenAPI document: direct messages,
tokens that rotate, a webhook with its challenge, and deliveries that come again when asked for.

https://docs.x.com/x-api/webhooks/introduction, /x-api/webhooks/quickstart,
/x-api/activity/event-payloads, /x-api/fundamentals/rate-limits,
/x-api/fundamentals/response-codes-and-errors, /fundamentals/authentication/oauth-2-0/ and
tests/fixtures/x/openapi.json, read 2026-11. It shares no code with what is tested. Requests and its
own answers are held against that document.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import hmac
import itertools
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from typing import Any, Final

import aiohttp
import jsonschema_rs
from aiohttp import web

from adapters.x.adapter import X
from approvals.model import Address
from approvals.port import Inbound, Memory, Payload, Render
from tests.harness.channel_contract import NOW, ROOT, Kit, Seat, template
from tests.peers.loopback import started

CLIENT, SECRET, CONSUMER = "peer-client-id", "peer-client-secret", "peer-consumer-secret"
APP, FIRST = "peer-app-only-bearer", "peer-first-refresh-token"
BOT, DANA, LEE = "1111111111111111111", "2222222222222222222", "3333333333333333333"
CLOSED: Final = "4444444444444444444"
"""Takes messages of nobody whom they do not follow."""
HOOK = "1234567890123456789"
FIXTURES = ROOT / "tests/fixtures/x"
LASTS: Final = 7200
LIMIT: Final = 15
"""Messages of one account in a window of 15 minutes: rate-limits, "Manage Direct Messages"."""


class Kept(dict[str, bytes]):
    """A memory, as the service gives one; those that share it are copies of one service."""

    async def get(self, key: str) -> bytes | None:  # type: ignore[override] # a port, by its shape
        return super().get(key)

    async def put(self, key: str, value: bytes | None, *, was: bytes | None) -> bool:
        assert value is not None
        if super().get(key) != was:
            return False
        self[key] = value
        return True


def make(api: str, *, render: Render | None = None, memory: Memory | None = None, **more: Any) -> X:
    given: dict[str, Any] = {"client_id": CLIENT, "client_secret": SECRET, "refresh_token": FIRST}
    given |= {"bearer_token": APP, "user_id": BOT, "webhook_id": HOOK, "api_url": api}
    given |= {"render": render or template("x"), "clock": lambda: NOW}
    channel = X(**{**given, **more})
    channel.remember(Kept() if memory is None else memory)
    return channel


def signature(message: bytes, secret: str = SECRET) -> str:
    """https://docs.x.com/x-api/webhooks/quickstart#signature-verification"""
    made = hmac.new(secret.encode(), message, hashlib.sha256)
    return "sha256=" + b64encode(made.digest()).decode()


def delivery(event: Any, at: int = NOW) -> Inbound:
    """What X posts to our webhook, signed by the client secret."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    heads = {"content-type": "application/json"}
    heads["x-twitter-webhooks-signature-oauth2"] = signature(body)
    return Inbound("POST", "/channels/x/events", "", heads, body, at)


def received(text: str, who: str = DANA, id: str = "2080765901528535096", **more: Any) -> Any:
    """`dm.received`. `more`: what else the envelope says."""
    event = json.loads((FIXTURES / "dm_received.json").read_text())
    (one,) = event["data"]["payload"]["direct_message_events"]
    one["id"] = id
    one["message_create"]["sender_id"] = who
    one["message_create"]["message_data"]["text"] = text
    event["data"].update(more)
    return event


def challenge(query: str, at: int = NOW) -> Inbound:
    return Inbound("GET", "/channels/x/events", query, {}, b"", at)


def unknown(at: int) -> tuple[Inbound, ...]:
    def without(*path: str) -> Any:
        event = received("hello")
        node = event["data"]["payload"]["direct_message_events"][0]
        for name in path[:-1]:
            node = node[name]
        del node[path[-1]]
        return event

    empty = received("hello")
    empty["data"]["payload"]["direct_message_events"] = []
    number = received("hello")
    number["data"]["payload"]["direct_message_events"][0]["message_create"]["sender_id"] = 7
    sent: list[Any] = [
        b"", b"{", b"1234", b"null", b"[]", b'"x"', b"{}", b'{"data": []}', b"\xff", b"[" * 9000,
        {"data": {"event_type": 7}}, received("x", event_type="a" * 61),
        received("x", filter=None), received("x", payload={}), empty, number,
        without("id"), without("message_create"), without("message_create", "sender_id"),
        without("message_create", "message_data"), received("x", who="dana"), received("x", id=""),
    ]  # fmt: skip
    return tuple(delivery(one, at) for one in sent)


def reaction() -> Any:
    event = received("hello")
    one = {"type": "reaction_create", "id": "1", "created_timestamp": "1"}
    event["data"]["payload"]["direct_message_events"] = [one]
    return event


def foreign(at: int) -> tuple[Inbound, ...]:
    def to(**target: str) -> Any:
        event = received("hello")
        (one,) = event["data"]["payload"]["direct_message_events"]
        one["message_create"]["target"] = target
        return event

    return tuple(
        delivery(one, at)
        for one in (
            received("x", event_type="dm.sent"),
            received("x", event_type="chat.received", payload={"encoded_event": "AAAA"}),
            received("x", event_type="oauth.revoke", filter={}),
            received("x", filter={"user_id": LEE}),
            received("x", who=BOT),
            reaction(),
            to(recipient_id=LEE),
            to(conversation_id="1-2-3"),
        )
    )


@cache
def _validator(name: str) -> Any:
    def turned(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: f"#/$defs/{item.rpartition('/')[2]}" if key == "$ref" else turned(item)
                for key, item in node.items()
                if key not in ("discriminator", "example", "format")
            }
        return [turned(one) for one in node] if isinstance(node, list) else node

    document = json.loads((FIXTURES / "openapi.json").read_text())
    defs = turned(document["components"]["schemas"])
    return jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": defs})


def fits(name: str, value: Any) -> None:
    """Raises `jsonschema_rs.ValidationError` where the document knows it otherwise."""
    _validator(name).validate(value)


@dataclass
class XPeer:
    """One app with one account, and its webhook at `hook`."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    """To whom, what, and the message's id."""
    delivered: list[tuple[int, Any]] = field(default_factory=list)
    """What happened when, whether or not anybody took it."""
    calls: list[str] = field(default_factory=list)
    replays: list[dict[str, str]] = field(default_factory=list)
    youngest: int = 0
    """Minutes ago that what it repeats must have begun: its former endpoint said 31."""
    answers: list[int] = field(default_factory=list)
    """What our service said to what was delivered again."""
    refresh: str | None = FIRST
    """The only one that is worth something; None: the grant is gone."""
    access: dict[str, float] = field(default_factory=dict)
    """Access tokens, and when they end."""
    valid: bool = True
    hook: str = ""
    opening: asyncio.Event | None = None
    """Challenges wait for it: `hook` is about to be known."""
    now: int = NOW
    left: int = LIMIT
    stops: asyncio.Event | None = None
    """The next exchange of tokens waits for it, after it was made."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    broken: list[tuple[int, int | None]] = field(default_factory=list)
    no_tokens: list[int | tuple[int, Any]] = field(default_factory=list)
    """What it says to exchanges instead: a status, or one with an object."""
    instead: tuple[int, Any] | None = None
    """What it says to every message: the status and a problem."""
    faults: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _jobs: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> XPeer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner, self.api = await started(app)
        return self

    async def __aexit__(self, *_: object) -> None:
        for job in self._jobs:
            job.cancel()
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        self.broken.append((status, retry_after))

    def next_window(self) -> None:
        self.left = LIMIT

    def texts(self, who: str) -> list[str]:
        return [text for to, text, _ in self.sent if to == who]

    def written(self, text: str, who: str = DANA) -> Any:
        """What happens when somebody writes to our account: a message with an id of its own."""
        return received(text, who, str(2080765901528535096 + next(self._numbers)))

    async def write(self, url: str, text: str, who: str = DANA, *, at: int | None = None) -> int:
        """Somebody writes to our account, and X delivers it: the status that it gets. `url`: of our
        webhook; "": nobody is there."""
        event = self.written(text, who)
        self.delivered.append((self.now if at is None else at, event))
        return await self.deliver(url, event) if url else 0

    async def deliver(self, url: str, event: Any) -> int:
        inbound = delivery(event)
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=inbound.body, headers=inbound.headers) as answer,
        ):
            return answer.status

    async def _take(self, request: web.Request) -> web.Response:
        path = request.path
        self.calls.append(f"{request.method} {path}")
        if request.method == "POST" and path == "/2/oauth2/token":
            return await self._token(request)
        whose = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if to := re.fullmatch("/2/dm_conversations/with/([0-9]{1,19})/messages", path):
            return await self._message(request, to[1], whose)
        if whose != APP:
            return self._problem(401, "about:blank", "Unauthorized", "Unauthorized")
        match request.method, path:
            case "GET", "/2/webhooks":
                ours = {"id": HOOK, "url": self.hook, "valid": self.valid, "created_at": "2026"}
                return self._ok("GetWebhooksResponse", {"data": [ours]})
            case "PUT", _ if path == f"/2/webhooks/{HOOK}":
                self.valid = await self._challenged()
                return self._ok("ValidateWebhooksResponse", {"data": {"valid": self.valid}})
            case "POST", "/2/webhooks/replay":
                return await self._replay(request)
        return self._wrong("path", path)

    async def _token(self, request: web.Request) -> web.Response:
        proof = b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {proof}":
            return web.json_response({"error": "unauthorized_client"}, status=401)
        if self.no_tokens:
            match self.no_tokens.pop():
                case (status, refusal):
                    return web.json_response(refusal, status=status)
                case status:
                    return web.Response(status=status)
        form = await request.post()
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh:
            # Users say that one which was used already ends the whole grant.
            self.refresh, self.access = None, {}
            why = "Value passed for the token was invalid."
            return web.json_response(
                {"error": "invalid_request", "error_description": why}, status=400
            )
        number = next(self._numbers)
        self.refresh, access = f"peer-refresh-{number}", f"peer-access-{number}"
        self.access[access] = self.now + LASTS * 1000
        self.asked.set()
        if self.stops is not None:
            stops, self.stops = self.stops, None
            await stops.wait()
        said: dict[str, Any] = {"token_type": "bearer", "expires_in": LASTS}
        scope = "tweet.read users.read dm.read dm.write offline.access"
        said |= {"access_token": access, "refresh_token": self.refresh, "scope": scope}
        return web.json_response(said)

    async def _message(self, request: web.Request, to: str, whose: str) -> web.Response:
        if self.broken:
            status, wait = self.broken.pop(0)
            if status != 429:
                heads = {} if wait is None else {"Retry-After": str(wait)}
                return web.Response(status=status, text="Over capacity", headers=heads)
            return self._slower(wait)
        if self.instead is not None:
            return web.json_response(self.instead[1], status=self.instead[0])
        if self.access.get(whose, 0) <= self.now:
            return self._problem(401, "about:blank", "Unauthorized", "Unauthorized")
        sent = await request.json()
        try:
            fits("CreateDirectMessagesByParticipantIdRequest", sent)
        except jsonschema_rs.ValidationError as error:
            self.faults.append(error.message)
            return self._wrong("body", "")
        if len(sent["text"]) > 10_000:
            return self._wrong("text", "")
        if self.left <= 0:
            return self._slower(900)
        self.left -= 1
        if to == CLOSED:
            why = "You do not have permission to DM one or more participants."
            return self._problem(403, "about:blank", "Forbidden", why)
        id = str(2080765901528535096 + next(self._numbers))
        self.sent.append((to, sent["text"], id))
        said = {"data": {"dm_conversation_id": f"{BOT}-{to}", "dm_event_id": id}}
        return self._ok("CreateDirectMessagesByParticipantIdResponse", said, 201)

    async def _challenged(self) -> bool:
        token = f"{next(self._numbers):x}-CRC_+/{'y' * 40}=="
        if self.opening is not None:
            await self.opening.wait()
        if not self.hook:
            return False
        async with (
            aiohttp.ClientSession() as http,
            http.get(self.hook, params={"crc_token": token}) as answer,
        ):
            if answer.status != 200:
                return False
            said = await answer.json()
        return bool(said == {"response_token": signature(token.encode())})

    async def _replay(self, request: web.Request) -> web.Response:
        asked = await request.json()
        try:
            fits("CreateWebhookReplayJobRequest", asked)
        except jsonschema_rs.ValidationError as error:
            self.faults.append(error.message)
            return self._wrong("body", "")
        if asked["webhook_id"] != HOOK or asked["from_date"] > asked["to_date"]:
            return self._wrong("webhook_id", asked["webhook_id"])
        if asked["from_date"] > minute(self.now - self.youngest * 60_000):
            return self._wrong("from_date", asked["from_date"])
        self.replays.append(asked)
        job = asyncio.create_task(self._again(asked["from_date"], asked["to_date"]))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        said = {"data": {"job_id": "1915510368169844736", "created_at": "2026-11-29T07:00:00Z"}}
        return self._ok("CreateWebhookReplayJobResponse", said)

    async def _again(self, start: str, end: str) -> None:
        """All that it had for the webhook in these minutes, whether or not it was taken."""
        for at, event in self.delivered:
            if start <= minute(at) <= end and self.hook:
                self.answers.append(await self.deliver(self.hook, event))

    def _ok(self, name: str, said: Any, status: int = 200) -> web.Response:
        fits(name, said)
        heads = {"Date": formatdate(self.now / 1000, usegmt=True), **self._window(900)}
        return web.json_response(said, status=status, headers=heads)

    def _window(self, seconds: int) -> dict[str, str]:
        ends = str(self.now // 1000 + seconds)
        left = {"limit": str(LIMIT), "remaining": str(self.left), "reset": ends}
        return {f"x-rate-limit-{name}": value for name, value in left.items()}

    def _slower(self, seconds: int | None) -> web.Response:
        heads = {} if seconds is None else {**self._window(seconds), "x-rate-limit-remaining": "0"}
        said = {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}
        return web.json_response(said, status=429, headers=heads)

    def _wrong(self, parameter: str, value: str) -> web.Response:
        url = "https://api.x.com/2/problems/invalid-request"
        said = {"type": url, "title": "Invalid Request", "detail": "One or more parameters"}
        said |= {"parameter": parameter, "value": value}
        fits("Problem", said)
        return web.json_response(said, status=400)

    def _problem(self, status: int, type: str, title: str, detail: str) -> web.Response:
        said: dict[str, Any] = {"type": type, "title": title, "status": status, "detail": detail}
        return web.json_response(said, status=status)


def minute(at: int) -> str:
    """yyyymmddhhmm, in UTC."""
    return datetime.datetime.fromtimestamp(at / 1000, datetime.UTC).strftime("%Y%m%d%H%M")


# What X makes links of: https://github.com/twitter/twitter-text, and its conformance tests.
ADDRESS = re.compile(
    r"https?://\S+|(?<![\w@.-])(?:[\w-]+\.)+(?:com|example|net|org|io|ly|evil|de|berlin)\b[^\s]*"
    r"|(?<!\w)[@＠]\w{1,20}|(?<!\w)[#＃]\w*[^\W\d_]\w*|(?<!\w)\$[A-Za-z]{1,6}\b",
    re.IGNORECASE,
)


def links(payload: Payload) -> list[str]:
    """Every address, name and tag that can be followed."""
    return ADDRESS.findall(payload["text"])


def _write(at: int, text: str) -> Inbound:
    return delivery(received(text), at)


KIT = Kit(
    name="x",
    make=make,
    tap=None,
    write=_write,
    proofs=("x-twitter-webhooks-signature-oauth2",),
    stale=None,
    unknown=unknown,
    foreign=foreign,
    peer=XPeer,
    address=Address("x", DANA, account=DANA),
    parsed=lambda payload: [],
    links=links,
    secrets=(SECRET, FIRST, APP, CONSUMER),
)


def _declined(peer: XPeer, digest: str, at: int) -> Inbound:
    return delivery(peer.written(f"decline {digest} not now"), at)


SEAT = Seat(
    account=DANA,
    messages=lambda peer: peer.sent,
    text=lambda message: str(message[1]),
    press=_declined,
    approves=False,
    anew=True,
    ready=lambda peer: setattr(peer, "left", 10_000),  # more than a window has
)
