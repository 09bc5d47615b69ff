"""A stand-in for a Matrix homeserver, written from the specification (v1.18): the calls of the
client-server API that Countersign makes, with its limits, `/sync`, and transactions as it pushes
them to an application service. It shares no code with what is tested.

https://spec.matrix.org/v1.18/client-server-api/, /application-service-api/. How a real one behaves:
`make matrix`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from aiohttp import web
from jsonschema import Draft202012Validator

from adapters.matrix.adapter import Matrix
from approvals.model import Address
from approvals.port import Inbound, Payload, Render
from tests.harness.channel_contract import ROOT, Kit, Seat, strings, template

BOT, DANA, LEE = "@countersign:acme.example", "@dana:acme.example", "@lee:acme.example"
EVE = "@dana:evil.example"
TOKEN, HS_TOKEN = "syt_peer_access_token", "peer-hs-token-0123456789"
ROOM = "!Oh1Rb8cVYkB6lK0wqXH2gqF4mZ7tJdS9pNuE3aLvTzQ"
CARD = "$card00000000000000000000000000000000000000"
FIXTURES = ROOT / "tests/fixtures/matrix"
SCHEMAS = {
    name: Draft202012Validator(schema)
    for name, schema in json.loads((FIXTURES / "schemas.json").read_text()).items()
}
# https://spec.matrix.org/v1.18/client-server-api/#size-limits
LARGEST = 65_536


class Wrong(Exception):
    """What the homeserver answers with an error: (status, errcode)."""


@dataclass
class Room:
    """`line`: events, the oldest first. `state`: (type, key) -> content."""

    line: list[dict[str, Any]] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)
    state: dict[tuple[str, str], Any] = field(default_factory=dict)
    creation: dict[str, Any] = field(default_factory=dict)
    invited_at: int = 0


@dataclass
class MatrixPeer:
    """`async with MatrixPeer() as matrix`: `matrix.api` is its base URL; `rooms` is what it holds,
    `calls` are (method, path)."""

    rooms: dict[str, Room] = field(default_factory=dict)
    users: set[str] = field(default_factory=lambda: {BOT, DANA, LEE, EVE})
    calls: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Events that their schema does not allow."""
    page: int = 100
    """Events that one timeline holds at most, whatever is asked for."""
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    stripped: dict[str, list[Any]] = field(default_factory=dict)
    """What another server says of a room that we are invited to, before the invitation itself."""
    refused: str = ""
    """A word in a path that a proxy in front of it refuses, in HTML."""
    at_once: int = 0
    """The most calls that it had to answer at a time."""
    base: str = ""
    _open: int = 0
    _fail: list[web.Response] = field(default_factory=list)
    _sent: dict[tuple[str, str], str] = field(default_factory=dict)
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _at: int = 0

    def __post_init__(self) -> None:
        room = self.rooms[ROOM] = Room(members={BOT: "join", DANA: "join", LEE: "join"})
        card = {"msgtype": "m.text", "body": "A card"}
        room.line.append(self._event(ROOM, BOT, "m.room.message", card, id=CARD))

    @property
    def api(self) -> str:
        return self.base

    async def __aenter__(self) -> MatrixPeer:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/_matrix/client/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def break_next(self, status: int, retry_after: int | None) -> None:
        """https://spec.matrix.org/v1.18/client-server-api/#rate-limiting"""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        said = {"errcode": "M_LIMIT_EXCEEDED" if status == 429 else "M_UNKNOWN", "error": ""}
        self._fail.append(web.json_response(said, status=status, headers=headers))

    # What people do

    async def react(self, room: str, on: str, key: str, by: str) -> dict[str, Any]:
        about = {"rel_type": "m.annotation", "event_id": on, "key": key}
        return await self.happens(room, by, "m.reaction", {"m.relates_to": about})

    async def write(self, room: str, text: str, by: str, **more: Any) -> dict[str, Any]:
        return await self.happens(
            room, by, "m.room.message", {"msgtype": "m.text", "body": text, **more}
        )

    async def happens(self, room: str, by: str, kind: str, content: Any) -> dict[str, Any]:
        event = self._event(room, by, kind, content)
        self._put(room, event)
        async with self.news:
            self.news.notify_all()
        return event

    def make_room(self, *members: str, state: dict[str, Any] | None = None) -> str:
        id = f"!room{next(self._count):039}"
        kept = {(kind, ""): content for kind, content in (state or {}).items()}
        self.rooms[id] = Room(members=dict.fromkeys(members, "join"), state=kept)
        return id

    def shown(self, room: str, id: str) -> Any:
        """The content as clients show it, after all edits."""
        edits = self._related(room, id, "m.replace")
        return edits[-1]["content"]["m.new_content"] if edits else self.event(room, id)["content"]

    def event(self, room: str, id: str) -> dict[str, Any]:
        return next(one for one in self.rooms[room].line if one["event_id"] == id)

    def seeds(self, room: str, id: str, by: str = BOT) -> list[str]:
        found = self._related(room, id, "m.annotation")
        return [one["content"]["m.relates_to"]["key"] for one in found if one["sender"] == by]

    def newest(self, room: str) -> dict[str, Any]:
        """The last message of ours that is no edit."""
        mine = [
            one
            for one in self.rooms[room].line
            if (one["sender"], one["type"]) == (BOT, "m.room.message")
            and one["content"].get("m.relates_to", {}).get("rel_type") != "m.replace"
        ]
        return mine[-1]

    # What it answers

    async def _answer(self, request: web.Request) -> web.Response:
        self._open += 1
        self.at_once = max(self.at_once, self._open)
        try:
            return await self._answered(request)
        finally:
            self._open -= 1

    async def _answered(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.calls.append((request.method, path))
        if self._fail:
            return self._fail.pop(0)
        if self.refused and self.refused in path:
            return web.Response(status=403, text="<html>Forbidden", content_type="text/html")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"errcode": "M_UNKNOWN_TOKEN", "error": ""}, status=401)
        raw = await request.read()
        try:
            return web.json_response(
                await self._said(request.method, path, raw, dict(request.query))
            )
        except Wrong as why:
            return web.json_response({"errcode": why.args[1], "error": ""}, status=why.args[0])

    async def _said(self, method: str, path: str, raw: bytes, query: dict[str, str]) -> Any:
        body = json.loads(raw) if raw else {}
        match method, path.split("/"):
            case "GET", ["v3", "account", "whoami"]:
                return {"user_id": BOT}
            case "GET", ["v3", "profile", user]:
                if user not in self.users:
                    raise Wrong(404, "M_NOT_FOUND")
                return {"displayname": user[1:]}
            case "POST", ["v3", "createRoom"]:
                return {"room_id": self._created(body)}
            case "POST", ["v3", "join", room]:
                if self._room(room).members.get(BOT) not in ("join", "invite"):
                    raise Wrong(403, "M_FORBIDDEN")
                self.rooms[room].members[BOT] = "join"
                return {"room_id": room}
            case "GET", ["v3", "sync"]:
                return await self._synced(query)
            case "GET", ["v3", "rooms", room, "joined_members"]:
                joined = self._joined(room).members
                return {"joined": {id: {} for id, how in joined.items() if how == "join"}}
            case "GET", ["v3", "rooms", room, "members"]:
                found = self._joined(room).members.items()
                return {
                    "chunk": [
                        {"state_key": id, "content": {"membership": how}} for id, how in found
                    ]
                }
            case "GET", ["v3", "rooms", room, "state", kind, key]:
                if (kind, key) not in self._joined(room).state:
                    raise Wrong(404, "M_NOT_FOUND")
                return self.rooms[room].state[kind, key]
            case "GET", ["v3", "rooms", room, "event", id]:
                return self._with_edit(room, id)
            case "GET", ["v3", "rooms", room, "messages"]:
                return self._messages(room, query)
            case "GET", ["v1", "rooms", room, "relations", id, rel, kind]:
                alike = [one for one in self._related(room, id, rel) if one["type"] == kind]
                return {"chunk": alike if query.get("dir") == "f" else alike[::-1]}
            case "PUT", ["v3", "rooms", room, "send", kind, key]:
                return self._taken(room, kind, body, f"{kind}/{key}", raw)
            case "PUT", ["v3", "rooms", room, "redact", id, _]:
                self.event(room, id)["content"] = {}
                return {"event_id": self._id()}
        raise Wrong(404, "M_UNRECOGNIZED")

    def _taken(self, room: str, kind: str, content: Any, key: str, raw: bytes) -> Any:
        # https://spec.matrix.org/v1.18/client-server-api/#transaction-identifiers: of a repeated id
        # the body is not looked at.
        if known := self._sent.get((room, key)):
            return {"event_id": known}
        self._joined(room)
        if len(raw) > LARGEST - 500:
            raise Wrong(413, "M_TOO_LARGE")
        self.faults += [f"{kind}: {one.message}" for one in SCHEMAS[kind].iter_errors(content)]
        event = self._event(room, BOT, kind, content)
        self._put(room, event)
        self._sent[room, key] = event["event_id"]
        return {"event_id": event["event_id"]}

    def _put(self, room: str, event: dict[str, Any]) -> None:
        about = event["content"].get("m.relates_to", {})
        if event["type"] == "m.reaction":
            # #event-annotations-and-reactions: the same by the same sender only once
            for one in self._related(room, about["event_id"], "m.annotation"):
                key = one["content"]["m.relates_to"]["key"]
                if (one["sender"], key) == (event["sender"], about["key"]):
                    raise Wrong(400, "M_DUPLICATE_ANNOTATION")
        self.rooms[room].line.append(event)

    def _created(self, body: dict[str, Any]) -> str:
        for user in body["invite"]:
            if user not in self.users:
                raise Wrong(403, "M_FORBIDDEN")
        id = self.make_room(BOT)
        room = self.rooms[id]
        room.creation = body
        room.members |= dict.fromkeys(body["invite"], "invite")
        for one in body["initial_state"]:
            room.state[one["type"], one["state_key"]] = one["content"]
        return id

    async def _synced(self, query: dict[str, str]) -> Any:
        wanted = json.loads(query["filter"])["room"]["timeline"]
        if not query.get("since", "0").isdigit():
            raise Wrong(400, "M_UNKNOWN")
        since = int(query["since"]) if "since" in query else None
        if since is not None:
            async with self.news:
                if not self._after(since, wanted) and not self._invites(since):
                    wait = int(query["timeout"]) / 1000
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.news.wait(), wait)
        limit = min(self.page, wanted["limit"])
        joined = dict[str, Any]()
        for room, line in self._after(since or 0, wanted).items():
            kept = line[-limit:]
            joined[room] = {"timeline": {"events": deepcopy(kept), "limited": len(line) > limit}}
            joined[room]["timeline"]["prev_batch"] = str(kept[0]["_at"] - 1)
            for one in joined[room]["timeline"]["events"]:
                del one["room_id"]  # not there in /sync
        return {
            "next_batch": str(self._at),
            "rooms": {"join": joined, "invite": self._invites(since)},
        }

    def _after(self, since: int, wanted: dict[str, Any]) -> dict[str, list[Any]]:
        found = {
            id: [one for one in room.line if one["_at"] > since and passes(one, wanted)]
            for id, room in self.rooms.items()
            if room.members.get(BOT) == "join"
        }
        return {id: line for id, line in found.items() if line}

    def _invites(self, since: int | None) -> dict[str, Any]:
        """What changed since then: https://spec.matrix.org/v1.18/client-server-api/#syncing."""
        found = dict[str, Any]()
        for id, room in self.rooms.items():
            if room.members.get(BOT) == "invite" and room.invited_at > (since or 0):
                state = [{"type": k, "state_key": s, "content": c, "sender": room.creation["by"]}
                         for (k, s), c in room.state.items()]  # fmt: skip
                state += [*self.stripped.get(id, ()), self.invitation(id)]
                found[id] = {"invite_state": {"events": state}}
        return found

    def invitation(self, room: str) -> dict[str, Any]:
        content = {"membership": "invite", "is_direct": self.rooms[room].creation["is_direct"]}
        by = self.rooms[room].creation["by"]
        return {"type": "m.room.member", "state_key": BOT, "sender": by, "content": content}

    def invite(self, by: str, *, is_direct: bool = True, encrypted: bool = False) -> str:
        """A room of theirs, to which they invite us."""
        id = self.make_room(
            by,
            state={"m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"}} if encrypted else {},
        )
        self._at += 1
        self.rooms[id].invited_at = self._at
        self.rooms[id].members[BOT] = "invite"
        self.rooms[id].creation = {"is_direct": is_direct, "by": by}
        return id

    def _messages(self, room: str, query: dict[str, str]) -> Any:
        # https://spec.matrix.org/v1.18/client-server-api/#get_matrixclientv3roomsroomidmessages
        wanted = json.loads(query["filter"])
        assert query["dir"] == "b"
        back, to = int(query["from"]), int(query["to"])
        line = [one for one in self._joined(room).line if to < one["_at"] <= back]
        found = [one for one in line if passes(one, wanted)][::-1]
        kept = deepcopy(found[: min(self.page, int(query["limit"]))])
        end = {"end": str(kept[-1]["_at"] - 1)} if len(kept) < len(found) else {}
        return {"chunk": kept, "start": query["from"], **end}

    def _with_edit(self, room: str, id: str) -> Any:
        # #server-side-aggregation-of-mreplace-relationships
        self._joined(room)
        try:
            event = deepcopy(self.event(room, id))
        except StopIteration:
            raise Wrong(404, "M_NOT_FOUND") from None
        edits = self._related(room, id, "m.replace")  # by others it is none
        if edits := [one for one in edits if one["sender"] == event["sender"]]:
            event["unsigned"] = {"m.relations": {"m.replace": deepcopy(edits[-1])}}
        return event

    def _related(self, room: str, id: str, how: str) -> list[dict[str, Any]]:
        found = list[dict[str, Any]]()
        for one in self.rooms[room].line:
            about = one["content"].get("m.relates_to", {})
            if (about.get("rel_type"), about.get("event_id")) == (how, id):
                found.append(one)
        return found

    def _room(self, room: str) -> Room:
        if room not in self.rooms:
            raise Wrong(404, "M_NOT_FOUND")
        return self.rooms[room]

    def _joined(self, room: str) -> Room:
        if room not in self.rooms or self.rooms[room].members.get(BOT) != "join":
            raise Wrong(403, "M_FORBIDDEN")
        return self.rooms[room]

    def _event(
        self, room: str, by: str, kind: str, content: Any, id: str | None = None
    ) -> dict[str, Any]:
        self._at += 1
        return {
            "type": kind,
            "event_id": id or self._id(),
            "room_id": room,
            "sender": by,
            "origin_server_ts": int(time.time() * 1000),
            "content": content,
            "_at": self._at,
        }

    def _id(self) -> str:
        return f"${next(self._count):043}"


def passes(event: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """https://spec.matrix.org/v1.18/client-server-api/#filtering"""
    return event["type"] in wanted["types"] and event["sender"] not in wanted["not_senders"]


def make(api: str, *, render: Render | None = None, **more: Any) -> Matrix:
    given: dict[str, Any] = {"mode": "appservice", "hs_token": HS_TOKEN, **more}
    drawn = render or template("matrix")
    return Matrix(api_url=api, user=BOT, access_token=TOKEN, render=drawn, **given)


def syncing(api: str, **more: Any) -> Matrix:
    return make(api, mode="sync", hs_token="", **more)


def pushed(at: int, *events: Any, token: str = HS_TOKEN, txn: str = "1") -> Inbound:
    """A transaction: https://spec.matrix.org/v1.18/application-service-api/#pushing-events"""
    body = json.dumps({"events": events}).encode()
    path = f"/_matrix/app/v1/transactions/{txn}"
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return Inbound("PUT", path, "", headers, body, at)


def sample() -> dict[str, Any]:
    """The reaction of the fixture."""
    (event,) = json.loads((FIXTURES / "transaction.json").read_text())["events"]
    return dict(event)


def message(text: str, room: str, **content: Any) -> dict[str, Any]:
    said = {"msgtype": "m.text", "body": text, **content}
    return {**sample(), "type": "m.room.message", "room_id": room, "content": said}


def unknown(at: int) -> tuple[Inbound, ...]:
    good = pushed(at)
    bodies = (b"", b"[]", b"{}", b'{"events": 7}', b"\xff", b"[" * 5000)
    return tuple(Inbound("PUT", good.path, "", good.headers, body, at) for body in bodies)


def foreign(at: int) -> tuple[Inbound, ...]:
    """Of other features of the bot's account, or of nobody's."""
    event = sample()
    about = event["content"]["m.relates_to"]
    others = (
        {**event, "sender": BOT},
        {**event, "content": {}},  # it was redacted
        {**event, "content": {"m.relates_to": {**about, "key": "👍"}}},
        {**event, "content": {"m.relates_to": {**about, "event_id": "$lunch"}}},
        {**event, "type": "m.room.redaction", "redacts": CARD},
        {**event, "type": "m.room.encrypted"},
        {**event, "event_id": 7},
        {**event, "content": 7},
        7,
    )
    return (pushed(at), *(pushed(at, one) for one in others))


PRIVATE = f"!private{'0' * 35}"


def peer() -> MatrixPeer:
    found = MatrixPeer()
    found.rooms[PRIVATE] = Room(members={BOT: "join", DANA: "join"})
    return found


class _Text(HTMLParser):
    """The texts of a message in which clients look for links: those outside `code`, `pre`, `a`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.texts, self.hrefs, self.inside = list[str](), list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in {"strong", "em", "code", "pre", "br", "a"}, tag
        if tag == "a":
            self.hrefs += [value for name, value in attrs if name == "href"]
        if tag != "br":
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"code", "a"} & {*self.inside}:
            self.texts.append(data)


def _html(payload: Payload) -> _Text:
    found = _Text()
    found.feed(payload["content"]["formatted_body"])
    found.close()
    assert found.inside == []
    return found


# As linkifyjs and others see one: a scheme, or a name with dots, or a user's id.
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b|@[\w.-]+:\w+", re.I)


def links(payload: Payload) -> list[str]:
    html = _html(payload)
    looked = [one for text in html.texts for one in _LINK.findall(text)]
    return [*html.hrefs, *looked, *_LINK.findall(payload["content"]["body"])]


def parsed(payload: Payload) -> list[str]:
    return _html(payload).texts


KIT = Kit(
    name="matrix",
    make=make,
    tap=lambda at: pushed(at, sample()),
    proofs=("authorization",),
    stale=None,
    unknown=unknown,
    foreign=foreign,
    peer=peer,
    address=Address("matrix", ROOM),
    parsed=parsed,
    links=links,
    secrets=(TOKEN, HS_TOKEN),
    signs_body=False,
    write=lambda at, text: pushed(at, message(text, PRIVATE)),
    overheard=lambda at, text: pushed(at, message(text, ROOM)),
)


def _seen(peer: MatrixPeer) -> list[Any]:
    """Our messages, as clients show them."""
    return [
        peer.shown(id, one["event_id"])
        for id, room in peer.rooms.items()
        for one in room.line
        if (one["sender"], one["type"]) == (BOT, "m.room.message")
        and one["content"].get("m.relates_to", {}).get("rel_type") != "m.replace"
    ]


async def _pressed(peer: MatrixPeer, digest: str, at: int) -> Inbound:
    room, card = next(
        (id, one["event_id"])
        for id, room in peer.rooms.items()
        for one in room.line
        if digest in " ".join(strings(one["content"]))
    )
    event = await peer.react(room, card, "✅", DANA)
    return pushed(at, event, txn=event["event_id"])


SEAT = Seat(account=DANA, messages=_seen, press=_pressed)
