"""Meta's Send API, as Messenger and Instagram have it: a stand-in written from the documentation.

https://developers.facebook.com/documentation/business-messaging: messenger-platform/send-messages
with its template/button, buttons/postback, buttons/url, quick-replies and utility-messages;
messenger-platform/error-codes and webhooks/webhook-events; instagram-messaging/button-template.
https://developers.facebook.com/docs/graph-api/reference/page/messages. Limits are checked by code
of its own, shared with nothing under test.
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
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from adapters.kit.direct import Direct
from approvals.port import Inbound, Payload
from tests.harness.channel_contract import ROOT
from tests.peers.loopback import started

VERIFY = "a-random-word-of-ours"
LINK = re.compile(
    r"(?:https?://|www\.(?=\w))\S+|[^\s@/:]+@[^\s@]+\.\w+|\b[\w-]+(?:\.[a-z]{2,})+\b\S*"
)
# What Messenger formats on a computer: https://www.facebook.com/help/147348452522644
FORMAT = re.compile(
    r"(?<![A-Za-z0-9*])\*[^*\n]+\*|(?<![A-Za-z0-9_])_[^_\n]+_|(?<![A-Za-z0-9~])~[^~\n]+~|`|\$\$|\\[(\[]"
)


def size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@dataclass
class SendPeer:
    """A page or a professional account, the people who wrote to it, and what it was sent.

    `sent`: (account, body) by message id, in order. `open`: who wrote within 24 hours. `unknown`:
    whom it cannot find. `templates`: the utility messages that were approved, by name.
    """

    own: str
    token: str
    secret: str
    path: str
    me: dict[str, str]
    object: str
    most: int
    """Of a text: characters, or bytes on Instagram."""
    in_bytes: bool
    fields: list[str]
    open: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    templates: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)
    renewed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """The token of each call, in order."""
    fail: deque[web.Response] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    base: str = ""
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> str:
        return self.base

    async def __aenter__(self) -> SendPeer:
        app = web.Application()
        app.router.add_post(f"/v26.0/{self.own}/messages", self._send)
        app.router.add_get("/v26.0/me", self._me)
        app.router.add_get(f"/v26.0/{self.own}/subscribed_apps", self._apps)
        app.router.add_post("/v26.0/me/messenger_profile", self._profile)
        if self.in_bytes:
            app.router.add_get("/refresh_access_token", self._refresh)
        app.router.add_route("*", "/{rest:.*}", self._nothing)
        self._runner, self.base = await started(app)
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        body = {"error": {"message": "again", "type": "OAuthException", "code": 613}}
        self.fail.append(web.json_response(body, status=status, headers=headers))

    def refuse_next(self, code: int, sub: int | None = None, status: int = 400) -> None:
        """Answer the next call with this error."""
        self.fail.append(self._error(code, "refused", sub, status))

    # What we call

    def _error(
        self, code: int, why: str, sub: int | None = None, status: int = 400
    ) -> web.Response:
        said: dict[str, Any] = {"message": f"(#{code}) {why}", "type": "OAuthException"}
        said |= {"code": code, "fbtrace_id": "AwMMAADqOMgrDJ2YmXPJ3sk"}
        if sub is not None:
            said["error_subcode"] = sub
        return web.json_response({"error": said}, status=status)

    async def _refresh(self, request: web.Request) -> web.StreamResponse:
        """https://developers.facebook.com/docs/instagram-platform/reference/refresh_access_token"""
        if self.fail:
            return self.fail.popleft()
        good = request.query["grant_type"] == "ig_refresh_token"
        if not good or request.query["access_token"] not in (self.token, *self.renewed):
            return self._error(190, "Invalid OAuth access token.", 463)
        self.renewed.append(f"{self.token}Renewed{len(self.renewed)}")
        said = {"access_token": self.renewed[-1], "token_type": "bearer", "expires_in": 5183944}
        return web.json_response(said)

    def _refused(self, request: web.Request) -> web.Response | None:
        if self.fail:
            return self.fail.popleft()
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.shown.append(shown)
        if shown not in (self.token, *self.renewed):
            return self._error(190, "Invalid OAuth access token.", 463, 401)
        return None

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        return self._refused(request) or self._error(100, "Object does not exist", 33)

    async def _me(self, request: web.Request) -> web.StreamResponse:
        asked = [name for name in request.query["fields"].split(",") if name in self.me]
        said = {name: self.me[name] for name in asked}
        date = {"Date": formatdate(usegmt=True)}
        return self._refused(request) or web.json_response(said, headers=date)

    async def _apps(self, request: web.Request) -> web.StreamResponse:
        said = {"data": [{"id": "1", "name": "approvals", "subscribed_fields": self.fields}]}
        date = {"Date": formatdate(usegmt=True)}
        return self._refused(request) or web.json_response(said, headers=date)

    async def _profile(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        self.profile = await request.json()
        return web.json_response({"result": "success"})

    async def _send(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.calls.append(body)
        if refused := self._refused(request):
            return refused
        account, message = str(body["recipient"].get("id")), body.get("message") or {}
        if not account.isdigit() or account in self.unknown:
            return self._error(100, "No matching user found", self.nobody)
        if "template" in message:
            if why := self.template_fault(body):
                return self._error(100, why)
        elif account not in self.open:
            return self._error(
                10, "This message is sent outside of allowed window.", self.late, 403
            )
        elif body.get("messaging_type") not in self.types:
            return self._error(100, "Param messaging_type must be one of RESPONSE, UPDATE …")
        elif why := self.fault(message):
            return self._error(100, why)
        id = f"{self.prefix}{next(self._count):06}"
        self.sent[id] = (account, body)
        self.arrived.set()
        return web.json_response({"recipient_id": account, "message_id": id})

    @property
    def nobody(self) -> int:
        return 2534014 if self.in_bytes else 2018001

    @property
    def late(self) -> int:
        return 2534022 if self.in_bytes else 2018278

    @property
    def types(self) -> tuple[str | None, ...]:
        return (None, "RESPONSE") if self.in_bytes else ("RESPONSE", "UPDATE")

    @property
    def prefix(self) -> str:
        return "aWdfZAG" if self.in_bytes else "m_"

    def too_long(self, text: str) -> bool:
        return (len(text.encode()) if self.in_bytes else size(text)) > self.most

    def fault(self, message: dict[str, Any]) -> str | None:
        """Why a free message is refused."""
        if set(message) == {"attachment"}:
            return self.card_fault(message["attachment"])
        text, replies = message.get("text"), message.get("quick_replies", [])
        if not isinstance(text, str) or not text.strip() or self.too_long(text):
            return "message.text"
        if set(message) - {"text", "quick_replies"} or len(replies) > 13:
            return "message"
        for one in replies:
            if one.get("content_type") != "text" or set(one) != {
                "content_type",
                "title",
                "payload",
            }:
                return "quick_replies"
            if not 0 < size(one["title"]) <= 20 or not 0 < len(one["payload"]) <= 1000:
                return "quick_replies"
        return None

    def card_fault(self, attachment: Any) -> str | None:
        """Why a button template is refused."""
        payload = attachment["payload"]
        if attachment["type"] != "template" or payload["template_type"] != "button":
            return "attachment"
        if (
            not payload["text"].strip()
            or size(payload["text"]) > 640
            or self.too_long(payload["text"])
        ):
            return "text"
        if not 1 <= len(payload["buttons"]) <= 3:
            return "buttons"
        for one in payload["buttons"]:
            if not 0 < size(one["title"]) <= 20:
                return "title"
            if one["type"] == "postback":
                if set(one) != {"type", "title", "payload"} or not 0 < len(one["payload"]) <= 1000:
                    return "payload"
            elif one["type"] != "web_url" or not one["url"].startswith("https://"):
                return "url"
        return None

    def template_fault(self, body: dict[str, Any]) -> str | None:
        """Why a utility message is refused."""
        asked = body["message"]["template"]
        known = self.templates.get(asked["name"])
        if body.get("messaging_type") != "UTILITY" or set(body["message"]) != {"template"}:
            return "messaging_type"
        if known is None or asked["language"]["code"] != known["language"]:
            return "template"
        (text,) = (one["text"] for one in known["components"] if one["type"] == "BODY")
        kinds = {one["type"]: one["parameters"] for one in asked["components"]}
        if len(kinds["body"]) != len(set(re.findall(r"\{\{\d+\}\}", text))):
            return "parameters"
        if not all(one["type"] == "text" and one["text"].strip() for one in kinds["body"]):
            return "parameters"
        (button,) = kinds["buttons"]
        return None if button["type"] == "URL" and not button["url"].startswith("/") else "buttons"

    # What a person sees and does

    def text(self, id: str) -> str:
        """What a message shows, without its buttons."""
        _, body = self.sent[id]
        message = body["message"]
        if "template" in message:
            named = self.templates[message["template"]["name"]]
            text = str(named["components"][0]["text"])
            for at, one in enumerate(message["template"]["components"][0]["parameters"], 1):
                text = text.replace(f"{{{{{at}}}}}", one["text"])
            return text
        return str(message.get("text") or message["attachment"]["payload"]["text"])

    def buttons(self, id: str) -> dict[str, str]:
        """What its buttons say, and what they send or open. Quick replies stand there as long as
        theirs is the last message."""
        account, body = self.sent[id]
        message = body["message"]
        if "template" in message:
            named = self.templates[message["template"]["name"]]
            (button,) = named["components"][1]["buttons"]
            suffix = message["template"]["components"][1]["parameters"][0]["url"]
            return {button["text"]: button["url"].replace("{{1}}", suffix)}
        if "attachment" in message:
            shown = message["attachment"]["payload"]["buttons"]
            return {one["title"]: one.get("payload") or one["url"] for one in shown}
        last = [known for known, (whose, _) in self.sent.items() if whose == account][-1]
        shown = message.get("quick_replies", ()) if last == id else ()
        return {one["title"]: one["payload"] for one in shown}

    def press(self, id: str, label: str, by: str | None = None, at: int = 0) -> dict[str, Any]:
        """What is delivered when this button is pressed; the 24 hours begin anew."""
        account, body = self.sent[id]
        by, token = by or account, self.buttons(id)[label]
        self.open.add(by)
        mid = f"{self.prefix}tap{next(self._count):06}"
        if "quick_replies" in body["message"]:
            said = {"mid": mid, "text": label, "quick_reply": {"payload": token}}
            return self.event(by, at, message=said)
        return self.event(by, at, postback={"mid": mid, "title": label, "payload": token})

    def wrote(self, text: str, by: str, at: int = 0) -> dict[str, Any]:
        """What is delivered when this account writes this; the 24 hours begin anew."""
        self.open.add(by)
        mid = f"{self.prefix}text{next(self._count):06}"
        return self.event(by, at, message={"mid": mid, "text": text})

    def event(self, by: str, at: int, **said: Any) -> dict[str, Any]:
        """A delivery with one event of this account's."""
        return delivered(self.object, self.own, by, at, **said)


def delivered(object: str, own: str, by: str, at: int, **said: Any) -> dict[str, Any]:
    one = {"sender": {"id": by}, "recipient": {"id": own}, "timestamp": at, **said}
    return {"object": object, "entry": [{"id": own, "time": at, "messaging": [one]}]}


def referral(ref: str) -> dict[str, str]:
    return {"ref": ref, "source": "SHORTLINK", "type": "OPEN_THREAD"}


def signed(payload: Any, at: int, secret: str, channel: str) -> Inbound:
    """As Meta signs (https://developers.facebook.com/docs/graph-api/webhooks/getting-started)."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    proof = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={proof}"}
    return Inbound("POST", f"/channels/{channel}/events", "", headers, body, at)


def handshake(channel: str, token: str = VERIFY, **more: str) -> Inbound:
    """How Meta asks whether an address is ours (same page)."""
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": token}
    query = urlencode(asked | {f"hub.{name}": value for name, value in more.items()})
    return Inbound("GET", f"/channels/{channel}/events", query, {}, b"", 0)


def body(channel: str, name: str) -> Any:
    path = ROOT / f"tests/fixtures/{channel}/{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["body"]


def unknown(good: Any) -> list[Any]:
    """Deliveries that mean nothing, made from one that does."""
    (entry,) = good["entry"]
    (one,) = entry["messaging"]
    text = {name: value for name, value in one.items() if name != "postback"}

    def of(*events: Any) -> Any:
        return {**good, "entry": [{**entry, "messaging": [*events]}]}

    press = one["postback"]
    odd: list[Any] = [None, "now", {}, float("inf"), 7, "x", []]
    return [
        *({}, [], None, "text", 7, {**good, "object": "user"}, {**good, "entry": []}),
        *({**good, "entry": 7}, {**good, "entry": [{}]}, {**good, "entry": [7]}, of(), of(None)),
        {**good, "entry": [{**entry, "messaging": 7}]},
        *(of({**one, "sender": x}) for x in (None, {}, {"id": 7}, {"id": ["1"]}, {"id": "dana"})),
        *(of({**one, "sender": {"id": x}}) for x in ("+16505551234", "0123456", "")),
        *(of({**one, "recipient": x}) for x in (None, {}, {"id": "99999"})),
        *(of({**one, "timestamp": x}) for x in odd[:4]),
        *(of({**one, "postback": {**press, "payload": x}}) for x in (7, ["x"], {"a": 1})),
        *(of({**one, "postback": x}) for x in odd[4:]),
        of({**one, "postback": {**press, "mid": 7}}),
        *(of({**text, "message": x}) for x in (7, "x", {}, {"text": "x"}, {"mid": 7, "text": "x"})),
        *(of({**text, "message": {"mid": "m", "text": x}}) for x in (7, ["x"])),
        of({**text, "message": {"mid": "m", "text": "x", "quick_reply": {"payload": 7}}}),
        of({**text, "message": {"mid": "m", "text": "x", "quick_reply": 7}}),
        *(of({**text, "referral": x}) for x in (7, "x", {"ref": 7})),
        *(b"", b"{", b"\xff", b"[" * 100_000, b"{}{}"),
    ]


def foreign(good: Any) -> list[Any]:
    """Deliveries that are another feature's, another account's, or no person's."""
    (entry,) = good["entry"]
    (one,) = entry["messaging"]
    about = {name: value for name, value in one.items() if name != "postback"}
    own, who = one["recipient"], one["sender"]

    def of(event: Any, **more: Any) -> Any:
        return {**good, "entry": [{**entry, "messaging": [event], **more}]}

    press = one["postback"]
    bare = {name: value for name, value in entry.items() if name != "messaging"}
    file = {"mid": "m_1", "attachments": [{"type": "sticker_v2", "payload": {"sticker_id": 1}}]}
    echo = {"mid": "m_1", "text": "x", "is_echo": True}
    return [
        of(one, id="99999"),
        {**good, "entry": [{**bare, "changes": [{"field": "feed", "value": {}}]}]},
        {**good, "entry": [{**bare, "standby": [one]}]},
        of({**one, "postback": {**press, "payload": "lunch:17"}}),
        of({**one, "postback": {"title": "Get Started", "payload": "countersign-hello"}}),
        of({**about, "message": file}),
        of({**about, "message": {"mid": "m_1", "text": "Yes", "quick_reply": {"payload": "a:b"}}}),
        of({**about, "message": echo}),
        of({**about, "message": {**echo, "is_echo": False, "is_deleted": True}}),
        of({**about, "sender": own, "recipient": who, "message": echo}),
        of({**about, "sender": {"id": "6432109876543210"}, "recipient": who, "message": echo}),
        of({**about, "referral": referral("summer_coupon")}),
        of({**about, "reaction": {"mid": "m_1", "action": "react", "emoji": "x"}}),
        of({**about, "read": {"watermark": 1}}),
        of({**about, "delivery": {"mids": ["m_1"], "watermark": 1}}),
    ]


def texts(payload: Payload) -> list[str]:
    """What a client reads for addresses and marks."""
    message = payload["message"]
    said = message.get("text") or message["attachment"]["payload"]["text"]
    return [one for one in (payload["before"], said) if one]


def links(payload: Payload) -> list[str]:
    """Every address that can be followed, and whatever would format."""
    shown = payload["message"].get("attachment", {}).get("payload", {}).get("buttons", ())
    found = [one["url"] for one in shown if "url" in one]
    for text in texts(payload):
        found += LINK.findall(text) + FORMAT.findall(text)
    return found


def wrote(channel: Direct, when: dict[str, int]) -> None:
    """This is when people wrote, and no more is known."""

    async def last(account: str) -> int:
        return when.get(account, 0)

    channel.recall(last)
