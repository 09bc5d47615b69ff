"""A stand-in for Webex, written from its documentation and its published OpenAPI description: the
REST calls that a bot makes, and webhooks, signed as Webex signs them.

github.com/webex/webex-openapi-specs, public-spec/webex-messaging.json (messages, people, webhooks,
attachment actions, errors), https://developer.webex.com/docs/buttons-and-cards (five actions, one
card, version 1.3), https://developer.webex.com/docs/api/v1/messages/edit-a-message (ten edits),
https://developer.webex.com/blog/using-a-webhook-secret and, for the newer header,
https://github.com/wxsd-sales/webex-webhook-manager; read 2026-11. A card must fit Microsoft's
schema (fixtures/webex/adaptive-card-1.3.json). It shares no code with what is tested.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import jsonschema_rs
from aiohttp import web

from adapters.webex.adapter import Webex
from approvals.model import Address
from approvals.port import Inbound, Payload, Render
from tests.harness.channel_contract import NOW, ROOT, Kit, Seat, says, template
from tests.peers.loopback import started

FIXTURES: Final = ROOT / "tests/fixtures/webex"
TOKEN: Final = "peer-webex-bot-access-token"
SECRET: Final = "a-webhook-secret-of-ours-with-32-characters"
KIND: Final = "application/vnd.microsoft.card.adaptive"
MOST: Final = 22_000
"""Bytes of a card; said of Webex, and not documented."""
TAPPED: Final = "T" * 20
CARDS: Final = jsonschema_rs.validator_for(
    json.loads((FIXTURES / "adaptive-card-1.3.json").read_text())
)


def ident(kind: str, name: str) -> str:
    """An id as Webex writes it."""
    told = f"ciscospark://us/{kind}/{uuid.uuid5(uuid.NAMESPACE_URL, name)}"
    return urlsafe_b64encode(told.encode()).decode().rstrip("=")


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


ORG, FOREIGN = ident("ORGANIZATION", "acme"), ident("ORGANIZATION", "other")
ROOM, CARD, WORD = ident("ROOM", "room"), ident("MESSAGE", "card"), ident("MESSAGE", "word")


def person(name: str, **more: Any) -> dict[str, Any]:
    """https://developer.webex.com/docs/api/v1/people/get-person-details"""
    return {
        "id": ident("PEOPLE", name), "emails": [f"{name}@example.com"], "displayName": name.title(),
        "nickName": name.title(), "orgId": ORG, "created": "2025-01-01T08:00:00.000Z",
        "status": "active", "type": "person", **more,
    }  # fmt: skip


PEOPLE: Final = {
    one["id"]: one
    for one in (
        person("bot", type="bot", emails=["countersign@webex.bot"], orgId=FOREIGN),
        person("dana"),
        person("lee"),
        person("far", orgId=FOREIGN),
        person("robot", type="bot", emails=["robot@webex.bot"]),
        person("guest", type="appuser"),
    )
}
BOT, DANA, LEE, FAR, ROBOT, GUEST = PEOPLE


def message(id: str, room: str, kind: str, who: str, text: str, **more: Any) -> dict[str, Any]:
    """https://developer.webex.com/docs/api/v1/messages/get-message-details"""
    return {
        "id": id, "roomId": room, "roomType": kind, "text": text, "personId": who,
        "personEmail": PEOPLE[who]["emails"][0], "created": "2026-01-02T03:55:00.000Z", **more,
    }  # fmt: skip


WRITTEN: Final[dict[str, dict[str, Any]]] = {
    CARD: message(CARD, ROOM, "group", BOT, "Pay", attachments=[]),
}
"""Messages that every stand-in has."""
ACTIONS: Final[dict[str, dict[str, Any]]] = {fixture("action")["id"]: fixture("action")}
"""Presses that every stand-in knows."""


def make(api: str, *, render: Render | None = None, **more: Any) -> Webex:
    given = {"token": TOKEN, "webhook_secret": SECRET, "org_id": ORG, "api_url": api}
    return Webex(**{**given, "render": render or template("webex"), **more})


def delivery(sent: Any, at: int, secret: str = SECRET) -> Inbound:
    """A webhook as Webex delivers it, with both of its signatures."""
    body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    spark, first, second = (
        hmac.new(secret.encode(), body, how).hexdigest()
        for how in (hashlib.sha1, hashlib.sha256, hashlib.sha512)
    )
    heads = {
        "content-type": "application/json; charset=UTF-8",
        "x-spark-signature": spark,
        "x-webex-signature": f"SHA-256={first}, SHA-512={second}",
    }
    return Inbound("POST", "/channels/webex/events", "", heads, body, at)


def pressed(at: int, **data: Any) -> Inbound:
    sent = fixture("pressed")
    return delivery({**sent, "data": {**sent["data"], **data}}, at)


def acted(name: str, at: int, **action: Any) -> Inbound:
    """The delivery of a press that Webex knows as this."""
    whole = {**fixture("action"), "id": ident("ATTACHMENT_ACTION", name), **action}
    ACTIONS[whole["id"]] = whole
    return pressed(at, id=whole["id"])


def wrote(at: int, text: str, *, who: str = DANA, kind: str = "direct") -> Inbound:
    """The delivery of what this account wrote."""
    id, room = ident("MESSAGE", f"{who}{kind}{text}"), ROOM if kind == "group" else direct(who)
    WRITTEN[id] = message(id, room, kind, who, text)
    sent = fixture("written")
    told = {"id": id, "roomId": room, "roomType": kind, "personId": who}
    return delivery({**sent, "actorId": who, "data": {**sent["data"], **told}}, at)


def direct(who: str) -> str:
    """The room of our bot and this account."""
    return ident("ROOM", f"direct {who}")


def unknown(at: int) -> tuple[Inbound, ...]:
    good, words = fixture("pressed"), fixture("written")
    return (
        delivery(b"{", at),
        delivery([], at),
        delivery("x", at),
        delivery({}, at),
        delivery({**good, "data": None}, at),
        delivery({**good, "data": {}}, at),
        delivery({**good, "data": {"id": 7}}, at),
        delivery({**words, "data": {}}, at),
    )


def foreign(at: int) -> tuple[Inbound, ...]:
    good = fixture("pressed")
    inputs: tuple[Any, ...] = (
        None,
        [],
        {},
        {"dish": "soup"},
        {"token": 7},
        {"token": "soup"},
        {"declines": ["x"]},
    )
    return (
        *(acted(f"foreign {number}", at, inputs=one) for number, one in enumerate(inputs)),
        delivery({**good, "resource": "memberships", "data": {"id": "x"}}, at),
        delivery({**good, "event": "deleted"}, at),
        wrote(at, "hello", kind="group"),
        wrote(at, "our own", who=BOT),
        wrote(at, ""),  # a file alone
        # Whoever sees a card can send such inputs, and take back at once what they wrote.
        acted("a reason that is no text", at, inputs={"declines": TAPPED, "reason": [1]}),
        acted("no ready reason", at, inputs={"declines": TAPPED, "ready": "9"}),
        pressed(at, id="B" * 20),
        delivery({**fixture("written"), "data": {"id": "B" * 20, "roomType": "direct"}}, at),
    )


@dataclass
class WebexPeer:
    """One bot's Webex. `messages` by id; `edits` of each; `calls` in order."""

    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    edits: dict[str, int] = field(default_factory=dict)
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    hooks: list[dict[str, Any]] = field(default_factory=list)
    rooms: set[str] = field(default_factory=lambda: {ROOM})
    """Group rooms that the bot is in."""
    broken: list[tuple[int, int | None]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    edits_cards: bool = True
    """As the platform's own sample shows; False: as its documentation says."""
    drops_cards: bool = False
    """An edit is taken, and changes the text only."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def __aenter__(self) -> WebexPeer:
        app = web.Application()
        app.router.add_route("*", "/v1/{path:.*}", self._take)
        self._runner, base = await started(app)
        self.api = f"{base}/v1/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        self.broken.append((status, retry_after))

    def card(self, id: str) -> dict[str, Any]:
        """The card of a message."""
        (one,) = self.messages[id]["attachments"]
        content: dict[str, Any] = one["content"]
        return content

    def press(self, id: str, title: str, who: str, at: int = NOW, **entered: Any) -> Inbound:
        """What it delivers when this account presses the button of this title. `entered`: what
        stands in the inputs that it gathers."""
        kept = self.messages[id]
        (action, inputs) = next(
            found for found in _buttons(self.card(id)) if found[0]["title"] == title
        )
        if action.get("associatedInputs", "").lower() == "none":
            inputs = []
        given = {name: entered.get(name, "") for name in inputs}
        made = {
            "id": ident("ATTACHMENT_ACTION", f"{next(self._numbers)}{id}"), "type": "submit",
            "messageId": id, "inputs": {**given, **action["data"]}, "personId": who,
            "roomId": kept["roomId"], "created": "2026-01-02T03:55:30.000Z",
        }  # fmt: skip
        self.actions[made["id"]] = made
        told = {name: value for name, value in made.items() if name != "inputs"}
        return delivery({**fixture("pressed"), "actorId": who, "data": told}, at)

    async def deliver(self, url: str, inbound: Inbound) -> tuple[int, bytes]:
        """Bring a delivery to our service."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=inbound.body, headers=dict(inbound.headers)) as answer,
        ):
            return answer.status, await answer.read()

    async def _take(self, request: web.Request) -> web.Response:
        path, raw = request.match_info["path"], await request.read()
        self.calls.append(f"{request.method} {path}")
        if self.broken:
            status, wait = self.broken.pop(0)
            return _error(status, {} if wait is None else {"Retry-After": str(wait)})
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(401)
        sent = json.loads(raw) if raw else {}
        match request.method, path.split("/"):
            case "GET", ["people", "me"]:
                return web.json_response(PEOPLE[BOT])
            case "GET", ["people"]:
                mail = request.query["email"]
                found = [one for one in PEOPLE.values() if mail in one["emails"]]
                return web.json_response({"notFoundIds": None, "items": found})
            case "GET", ["people", id]:
                return _found(PEOPLE.get(id))
            case "GET", ["attachment", "actions", id]:
                return _found(self.actions.get(id) or ACTIONS.get(id))
            case "GET", ["messages", id]:
                return _found(self.messages.get(id) or WRITTEN.get(id))
            case "POST", ["messages"]:
                return self._create(sent)
            case "PUT", ["messages", id]:
                return self._edit(id, sent)
            case "DELETE", ["messages", id]:
                if self.messages.pop(id, None) is None:
                    return _error(404)
                return web.Response(status=204)
            case "GET", ["webhooks"]:
                return web.json_response({"items": self.hooks})
            case "POST", ["webhooks"]:
                if any(sent.items() <= one.items() for one in self.hooks):
                    return _error(409, why="it exists already")
                hook = {"id": ident("WEBHOOK", str(len(self.hooks))), "status": "active", **sent}
                self.hooks.append(hook)
                return web.json_response(hook)
        return _error(404)

    def _create(self, sent: Any) -> web.Response:
        places = [name for name in ("roomId", "toPersonId", "toPersonEmail") if name in sent]
        if len(places) != 1 or (why := faults(sent)):
            return _error(400, why=why if len(places) == 1 else "no place, or several")
        room, kind, more = sent.get("roomId", ""), "group", {}
        if "toPersonId" in sent:
            who = sent["toPersonId"]
            if who not in PEOPLE or who == BOT:
                return _error(404)
            room, kind, more = direct(who), "direct", {"toPersonId": who}
        elif room not in self.rooms:
            return _error(404)
        id = ident("MESSAGE", f"{self.api} {next(self._numbers)}")
        kept = {name: sent[name] for name in ("text", "attachments") if name in sent}
        made = message(id, room, kind, BOT, "", **more)
        self.messages[id] = deepcopy({**made, **kept})
        return web.json_response(self.messages[id])

    def _edit(self, id: str, sent: Any) -> web.Response:
        kept = self.messages.get(id)
        if kept is None:
            return _error(404)
        if sent.get("roomId") != kept["roomId"]:
            return _error(400, why="roomId")
        if why := faults(sent):
            return _error(400, why=why)
        if kept.get("attachments") and not self.edits_cards:
            return _error(400, why="Editing a message with attachments is unsupported")
        self.edits[id] = self.edits.get(id, 0) + 1
        if self.edits[id] > 10:
            return _error(400, why="The edit limit has been reached")
        new = {"text": sent["text"]} if self.drops_cards else sent
        shown = deepcopy({name: new[name] for name in ("text", "attachments") if name in new})
        self.messages[id] = {**kept, **shown, "updated": "2026-01-02T03:56:00.000Z"}
        return web.json_response(self.messages[id])


def _found(one: Any) -> web.Response:
    return _error(404) if one is None else web.json_response(one)


def _error(status: int, heads: dict[str, str] | None = None, why: str = "no") -> web.Response:
    """https://developer.webex.com/docs/basics, "API Errors" """
    said = {"message": why, "errors": [{"description": why}], "trackingId": "ROUTER_67A1-01BB"}
    return web.json_response(said, status=status, headers=heads)


def faults(sent: Any) -> str:
    """What Webex would refuse it for; "": nothing."""
    if not sent.get("text"):
        return "a message needs text"
    if len(sent["text"].encode()) > 7439:
        return "the text is over 7439 bytes"
    hung = sent.get("attachments", [])
    if len(hung) > 1 or any(one["contentType"] != KIND for one in hung):
        return "one card a message"
    for one in hung:
        card = one["content"]
        if len(json.dumps(card, ensure_ascii=False).encode()) > MOST:
            return "the card is too large"
        if card.get("version") not in ("1.0", "1.1", "1.2", "1.3"):
            return "its version is not supported"
        if not CARDS.is_valid(card):
            return f"not an Adaptive Card 1.3: {next(CARDS.iter_errors(card)).message}"
        if any(len(each.get("actions", ())) > 5 for each in _cards(card)):
            return "over five actions"
    return ""


def _cards(card: Any) -> list[Any]:
    """The card and those that its buttons open."""
    opened = [one["card"] for one in card.get("actions", ()) if one["type"] == "Action.ShowCard"]
    return [card, *(each for one in opened for each in _cards(one))]


def _buttons(card: Any) -> list[tuple[dict[str, Any], list[str]]]:
    """Every Action.Submit, with the inputs of its card."""
    return [
        (action, [one["id"] for one in each.get("body", ()) if one["type"].startswith("Input.")])
        for each in _cards(card)
        for action in each.get("actions", ())
        if action["type"] == "Action.Submit"
    ]


def nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in nodes(item)]
    if isinstance(node, dict):
        return [node, *(found for item in node.values() for found in nodes(item))]
    return []


def _parsed(payload: Payload) -> list[str]:
    """Where clients read markdown: everything but TextRuns."""
    return [
        node[name]
        for node in nodes(payload["attachments"])
        if node.get("type") != "TextRun"
        for name in ("text", "title", "label", "placeholder", "fallbackText")
        if isinstance(node.get(name), str)
    ]


KIT: Final = Kit(
    name="webex",
    make=make,
    tap=pressed,
    proofs=("x-spark-signature",),
    stale=None,
    unknown=unknown,
    foreign=foreign,
    peer=WebexPeer,
    address=Address("webex", ROOM),
    parsed=_parsed,
    links=lambda payload: [node["url"] for node in nodes(payload) if "url" in node],
    secrets=(TOKEN, SECRET),
    write=wrote,
    overheard=lambda at, text: wrote(at, text, kind="group"),
)


def _approved(peer: WebexPeer, digest: str, at: int) -> Inbound:
    return peer.press(says(digest, peer.messages), "Approve", DANA, at)


SEAT: Final = Seat(account=DANA, messages=lambda peer: peer.messages.values(), press=_approved)
