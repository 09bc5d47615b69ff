"""Sinch's Conversation API with Apple Messages for Business, as far as we speak to it: a stand-in
written from Sinch's and Apple's documentation. Photon and BlueBubbles have their own beside it.

https://developers.sinch.com/docs/conversation: /channel-support/apple-messages-for-business,
/callbacks, /api-reference; fields as in the models of PyPI `sinch` 2.3.0. Limits are checked by
code of its own, shared with nothing under test.
"""

from __future__ import annotations

import asyncio
import base64
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
from jsonschema import Draft202012Validator

from adapters.imessage.adapter import IMessage
from approvals.model import Address
from approvals.port import Inbound, Payload
from tests.harness.channel_contract import ROOT, Kit, Seat, strings, template
from tests.peers.loopback import started

PROJECT, APP = "5b7c830f-4183-4275-14ad-13e40c98e29f", "01F6T8M717SPW0186EC5A90Z0E"
KEY_ID, KEY_SECRET = "17e3a4f0-key", "peer-key-secret-0123456789"
WEBHOOK_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
DANA = "urn:mbid:AQAAY5Dana0000000000000000000000000000000000000000000000000="
LEE = DANA.replace("Dana", "LeeK")
CARD = "01F6ZMCARD0000000000000001"
FIXTURES = ROOT / "tests/fixtures/imessage"
SCHEMAS = {
    name: Draft202012Validator(schema)
    for name, schema in json.loads((FIXTURES / "schemas.json").read_text()).items()
}
"""What a call may hold, by provider; where each comes from is in the README there."""
# Apple, for interactive messages since 2026-08-21: printable, 200 characters; Infobip, for text.
INTERACTIVE, BUBBLE = 200, 3000
LINK = re.compile(
    r"(?:https?://|www\.(?=\w))\S+|[^\s@/:]+@[^\s@]+\.\w+|\b[\w-]+(?:\.[a-z]{2,})+\b\S*"
)


def size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def fault(message: Any) -> str | None:
    """Why Apple does not take this message of ours."""
    if "text_message" in message:
        fits = 0 < size(message["text_message"]["text"]) <= BUBBLE
        return None if fits else f"a bubble of more than {BUBBLE} characters"
    choice = message["choice_message"]
    # Two to five quick replies in every example of Apple's providers.
    if not 2 <= len(choice["choices"]) <= 5:
        return "the number of choices"
    said = [choice, *choice["choices"]]
    texts = [one["text_message"]["text"] for one in said]
    if not all(0 < size(text) <= INTERACTIVE and text.isprintable() for text in texts):
        return f"an interactive text of more than {INTERACTIVE} printable characters"
    data = [one.get("postback_data") for one in choice["choices"]]
    return None if all(isinstance(one, str) and one for one in data) else "postback_data"


@dataclass
class SinchPeer:
    """`async with SinchPeer() as sinch`: `sinch.api` is the base URL of the API and of the tokens.

    `sent`: (account, message) by message id, in order. `tokens`: those that are good.
    """

    sent: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    noted: dict[str, str] = field(default_factory=dict)
    """The `message_metadata` of each, which its report gives back."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Clear it, and a question is not answered before it is set."""
    calls: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    state: str = "ACTIVE"
    answers: deque[web.Response] = field(default_factory=deque)
    """Given to the next calls of the API instead, first come first served."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    base: str = ""
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def api(self) -> str:
        return self.base

    async def __aenter__(self) -> SinchPeer:
        self.gate.set()
        app = web.Application()
        app.router.add_post("/oauth2/token", self._token)
        app.router.add_post("/v1/projects/{project}/messages:send", self._send)
        app.router.add_get("/v1/projects/{project}/apps/{app}", self._app)
        self._runner, self.base = await started(app)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """Answer the next call of the API with this."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        name = "RESOURCE_EXHAUSTED" if status == 429 else "UNAVAILABLE"
        self.answers.append(self.error(status, name, headers))

    def error(self, status: int, name: str, headers: Any = None) -> web.Response:
        """As Google's APIs say it, which Sinch's does too."""
        said = {"code": status, "message": name.lower(), "status": name, "details": []}
        return web.json_response({"error": said}, status=status, headers=headers)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        self.calls.append("token")
        good = aiohttp.encode_basic_auth(KEY_ID, KEY_SECRET)
        if request.headers.get("Authorization") != good:
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        token = f"peer-token-{next(self._count)}"
        self.tokens.add(token)
        said = {"access_token": token, "expires_in": 3599, "scope": "", "token_type": "bearer"}
        return web.json_response(said)

    def _refused(self, request: web.Request) -> web.StreamResponse | None:
        if self.answers:
            return self.answers.popleft()
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.tokens:
            return self.error(401, "UNAUTHENTICATED")
        if request.match_info["project"] != PROJECT:
            return self.error(404, "NOT_FOUND")
        return None

    async def _app(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        if request.match_info["app"] != APP:
            return self.error(404, "NOT_FOUND")
        state = {"status": self.state, "description": ""}
        apple = {"channel": "APPLEBC", "state": state, "channel_known_id": "urn:biz:1"}
        return web.json_response({"id": APP, "channel_credentials": [apple]})

    async def _send(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.calls.append("send")
        if "choice_message" in body["message"]:
            await self.gate.wait()
        if refused := self._refused(request):
            return refused
        if not SCHEMAS["sinch_send"].is_valid(body):
            return self.error(400, "INVALID_ARGUMENT")
        (whose,) = body["recipient"]["identified_by"]["channel_identities"]
        if (body["app_id"], whose["channel"]) != (APP, "APPLEBC"):
            return self.error(404, "NOT_FOUND")
        if wrong := fault(body["message"]):
            return self.error(400, "INVALID_ARGUMENT", {"x-why": wrong})
        id = f"01PEER{next(self._count):020}"
        self.sent[id] = (whose["identity"], body["message"])
        self.noted[id] = body.get("message_metadata", "")
        self.arrived.set()
        return web.json_response({"message_id": id, "accepted_time": "2026-01-02T03:55:30Z"})

    # What a person does

    def buttons(self, id: str) -> dict[str, str]:
        """What a message's quick replies say, and what they send."""
        choices = self.sent[id][1].get("choice_message", {}).get("choices", ())
        return {one["text_message"]["text"]: one["postback_data"] for one in choices}

    def text(self, id: str) -> str:
        """What a message says."""
        message = self.sent[id][1]
        said = message.get("text_message") or message["choice_message"]["text_message"]
        return str(said["text"])

    def press(self, id: str, label: str, by: str | None = None, at: int = 0) -> Inbound:
        """What is delivered when this quick reply is chosen."""
        number = next(self._count)
        told = chosen(self.buttons(id)[label], by or self.sent[id][0], id, f"01TAP{number:021}")
        return signed(told, at)

    def failed(self, id: str, at: int = 0) -> Inbound:
        """What is delivered when this message of ours did not arrive."""
        told = changed(body("sinch_failed"), "message_delivery_report", "message_id", to=id)
        return signed(changed(told, "message_delivery_report", "metadata", to=self.noted[id]), at)

    def wrote(self, text: str, by: str, at: int = 0) -> Inbound:
        """What is delivered when this account writes this to us."""
        return signed(written(text, by, f"01TXT{next(self._count):021}"), at)


def body(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())["body"]


def chosen(token: Any, by: str = DANA, card: str = CARD, id: str = "") -> Any:
    told = body("sinch_choice")
    answer = {"message_id": card, "postback_data": token}
    told["message"]["contact_message"]["choice_response_message"] = answer
    return of_message(told, by, id)


def written(text: Any, by: str = DANA, id: str = "") -> Any:
    told = body("sinch_text")
    told["message"]["contact_message"]["text_message"]["text"] = text
    return of_message(told, by, id)


def of_message(told: Any, by: str, id: str) -> Any:
    told["message"]["channel_identity"]["identity"] = by
    told["message"]["id"] = id or told["message"]["id"]
    return told


def signed(told: Any, at: int, secret: str = WEBHOOK_SECRET) -> Inbound:
    """As https://developers.sinch.com/docs/conversation/callbacks/#validating-callbacks says."""
    sent = told if isinstance(told, bytes) else json.dumps(told).encode()
    nonce, when = "01GJA3RS6TH1J1A3VJZWZ5W7X7", str(at // 1000)
    mac = hmac.new(secret.encode(), sent + f".{nonce}.{when}".encode(), hashlib.sha256)
    headers = {
        "content-type": "application/json",
        "x-sinch-webhook-signature": base64.b64encode(mac.digest()).decode(),
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": when,
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }
    return Inbound("POST", "/channels/imessage/events", "", headers, sent, at)


def make(api: str, **more: Any) -> IMessage:
    given: dict[str, Any] = {"project_id": PROJECT, "app_id": APP, "key_id": KEY_ID}
    given |= {"key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}
    given |= {"api_url": api, "auth_url": api, "render": template("imessage")}
    return IMessage(**{**given, **more})


def changed(told: Any, *path: str, to: Any) -> Any:
    """The same with another value there."""
    here = told
    for name in path[:-1]:
        here = here[name]
    here[path[-1]] = to
    return told


def unknown(at: int) -> tuple[Inbound, ...]:
    bad: list[Any] = [
        *({}, [], None, "text", 7),
        changed(body("sinch_choice"), "app_id", to="01OTHER"),
        changed(body("sinch_choice"), "project_id", to="another"),
        changed(body("sinch_choice"), "message", "id", to=None),
        changed(body("sinch_choice"), "message", "contact_message", to=None),
        changed(body("sinch_choice"), "message", "channel_identity", to="x"),
        *(chosen("Q" * 20, by) for by in ("", "x", "a b c d e f", "é" * 20)),
        *(chosen(token) for token in (None, 7, ["Q" * 20])),
        *(chosen("Q" * 20, card=card) for card in ("", "a/b", "x" * 65)),
        *(written(text) for text in (None, 7, ["x"])),
        changed(body("sinch_failed"), "message_delivery_report", to=7),
        changed(body("sinch_failed"), "message_delivery_report", "message_id", to=None),
    ]
    raw = (b"", b"{", b"\xff", b"[" * 100_000, b"{}{}")
    return tuple(signed(one, at) for one in (*bad, *raw))


def foreign(at: int) -> tuple[Inbound, ...]:
    media = {"media_message": {"url": "https://example.com/x.png"}}
    others: list[Any] = [
        changed(body("sinch_choice"), "message", "channel_identity", "channel", to="WHATSAPP"),
        changed(body("sinch_choice"), "message", "direction", to="TO_CONTACT"),
        changed(body("sinch_text"), "message", "injected", to=True),
        changed(body("sinch_text"), "message", "contact_message", to=media),
        changed(body("sinch_failed"), "message_delivery_report", "status", to="DELIVERED"),
        *(chosen(token) for token in ("lunch:17", "01F6ZM_Approve", "")),
        {"app_id": APP, "project_id": PROJECT, "event": {"contact_event": {"composing_event": {}}}},
        {"app_id": APP, "project_id": PROJECT, "conversation_stop_notification": {}},
    ]
    return tuple(signed(one, at) for one in others)


def links(payload: Payload) -> list[str]:
    """What a client would make a link of, by its looks."""
    return [found for text in strings(payload) for found in LINK.findall(text)]


KIT = Kit(
    name="imessage",
    make=make,
    tap=lambda at: signed(body("sinch_choice"), at),
    proofs=(
        "x-sinch-webhook-signature",
        "x-sinch-webhook-signature-nonce",
        "x-sinch-webhook-signature-timestamp",
    ),
    stale=300_000,
    unknown=unknown,
    foreign=foreign,
    peer=SinchPeer,
    address=Address("imessage", DANA, account=DANA),
    parsed=lambda payload: [],
    links=links,
    secrets=(KEY_SECRET, WEBHOOK_SECRET),
    write=lambda at, text: signed(written(text), at),
)


def _pressed(peer: SinchPeer, digest: str, at: int) -> Inbound:
    card = next(one for one in peer.sent if peer.buttons(one) and digest in peer.text(one))
    return peer.press(card, "Approve", at=at)


SEAT = Seat(
    account=DANA,
    messages=lambda peer: [peer.text(one) for one in peer.sent if not peer.buttons(one)],
    text=str,
    press=_pressed,
    anew=True,
)
