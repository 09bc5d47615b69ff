"""Matrix: cards as messages, decided by a reaction.

A reaction carries no token, so it is tier C: it may approve at low risk. What the
homeserver shows of the card is fetched for each tap and must be what we last sent.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, ClassVar, Final

from pydantic_core import from_json

from adapters.kit.base import Base
from adapters.kit.echo import digest
from adapters.kit.http import FAULTS, Denied
from adapters.kit.openid import bearer
from adapters.matrix.api import Api, Unheard, at, log
from adapters.matrix.ids import EVENT_ID, ROOM, USER, server
from adapters.matrix.rooms import Rooms, txn
from approvals import port
from approvals.model import Address, Busy, Card, Choice, Malformed, MessageRef, Refused, Tier
from approvals.proof import check_secret
from approvals.text import unlinked

# https://spec.matrix.org/v1.18/client-server-api/#size-limits: the event with all that servers add,
# which is under 4 kB. An edit holds the card once more, in short.
EVENT: Final = 65_536 - 4096
KEYS: Final[Mapping[Choice, str]] = {Choice.APPROVE: "✅", Choice.DECLINE: "❌"}
READY: Final = tuple(f"{number}\ufe0f\u20e3" for number in range(1, 9))
REASON: Final = 500
# Longer than any code with a reason behind it.
TYPED: Final = 1000
# Whom one of our prompts asks. The bot's token could make one, too; its answers only decline.
ASKED: Final = "com.countersign.asks"
ANSWER: Final = "Reply to this message in your own words; the agent reads it."
NO_REASON: Final = "Decline without a reason"
# How a text stands in a line, and the HTML for it. No client looks for links in the last two:
# https://spec.matrix.org/v1.18/client-server-api/#mroommessage-msgtypes
STYLES: Final = {"text": "{}", "bold": "<strong>{}</strong>", "italic": "<em>{}</em>"}
VERBATIM: Final = {"code": "<code>{}</code>", "pre": "<pre><code>{}</code></pre>"}
# Seconds that /sync waits for news, pages that are read of what it left out, events in each.
POLL: Final = 30
PAGES: Final = 50
PAGE: Final = 100
KINDS: Final = ["m.reaction", "m.room.message"]
CURSOR: Final = "cursor"
# Calls at once, to look things up; and how many one sender may cause with what we hear at a time.
AT_ONCE: Final = 8
EACH: Final = 50


def inert(text: str) -> str:
    """Text in which no client finds an address; `@room` pings nobody, because each message of ours
    has `m.mentions` (https://spec.matrix.org/v1.18/client-server-api/#user-and-room-mentions)."""
    return unlinked(text)


def measure(text: str) -> int:
    """Bytes of an event, as HTML, which is never shorter than the plain text."""
    return len(json.dumps(escape(inert(text)), ensure_ascii=False).encode(errors="replace")) - 2


@dataclass(frozen=True, slots=True)
class Matrix(Base):
    """The fields are those of the section, in settings.py."""

    api_url: str
    user: str
    access_token: str = field(repr=False)
    render: port.Render = field(repr=False)
    hs_token: str = field(default="", repr=False)
    mode: str = "sync"
    servers: tuple[str, ...] = ()
    _api: Api = field(init=False, repr=False, compare=False)
    _rooms: Rooms = field(init=False, repr=False, compare=False)
    _looks: asyncio.Semaphore = field(init=False, repr=False, compare=False)
    _joining: dict[str, asyncio.Task[None]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    name: ClassVar[str] = "matrix"
    limits: ClassVar = port.Limits(
        title=300,
        fact_label=1200,
        fact_value=1500,
        facts=24,
        payload=6000,
        note=1500,
        buttons=2,
        label=40,
        measure=measure,
        total=9000,
        together=5000,
    )

    def __post_init__(self) -> None:
        api = Api(self.api_url, self.access_token)
        object.__setattr__(self, "_api", api)
        object.__setattr__(self, "_rooms", Rooms(api, self.user))
        object.__setattr__(self, "_looks", asyncio.Semaphore(AT_ONCE))

    @property
    def abilities(self) -> port.Abilities:
        return port.Abilities(
            edit=True,
            echo=True,  # not with the reaction: it is fetched
            reason_prompt=True,
            listen=self.mode == "sync",
            tier=Tier.C,
        )

    @property
    def routes(self) -> Sequence[port.Route]:
        # https://spec.matrix.org/v1.18/application-service-api/#pushing-events, #pinging
        if self.mode == "sync":
            return ()
        return (
            port.Route("PUT", "/_matrix/app/v1/transactions/{txn}", done=b"{}"),
            port.Route("POST", "/_matrix/app/v1/ping", done=b"{}"),
        )

    def remember(self, memory: port.Memory) -> None:
        self._rooms.memory = memory

    def drawn(self, card: Card) -> port.Drawn:
        return port.whole(card, self._draw, str)

    def _draw(self, card: Card) -> port.Drawn:
        link = card.review if card.review and port.reachable(card.review) else None
        made = self.render({"card": card, "facts": port.block(card.facts), "link": link})
        plain, body, html = _written(made["lines"], link)
        buttons = made["buttons"]
        port.same_buttons(card, [(one["label"], one["token"]) for one in buttons])
        if [one["key"] for one in buttons] != [KEYS[one.label.choice] for one in card.buttons]:
            raise Refused("matrix: ✅ approves and ❌ declines, in every template")
        content: dict[str, Any] = {"msgtype": "m.text", "body": body}
        content |= {"format": "org.matrix.custom.html", "formatted_body": html, "m.mentions": {}}
        if len(json.dumps(_edited(content, "$" * 255), ensure_ascii=False).encode()) > EVENT:
            raise Refused(f"matrix: over {EVENT} bytes")
        return port.Drawn(card, {"content": content, "buttons": buttons}, [plain])

    def authenticate(self, inbound: port.Inbound) -> port.Proven:
        # The homeserver has no other proof: https://spec.matrix.org/v1.18/application-service-api/
        check_secret(self.hs_token, bearer(inbound))
        return port.Proven(inbound)

    async def resolve(self, proven: port.Proven) -> port.Resolved:
        return port.Resolved.of(proven, **await self._looked(_events(proven.inbound)))

    def read(self, resolved: port.Resolved) -> port.Event:
        events = resolved.claims.get("events", _events(resolved.inbound))
        match read := self._all(events, resolved.claims):
            case ():
                return port.Ignored("nothing in it")
            case (one,):
                return one
        return port.Several(read)

    def _all(
        self, events: Sequence[Any], claims: Mapping[str, Any]
    ) -> tuple[port.Tap | port.Reply | port.Ignored, ...]:
        return tuple(self._read(one, claims) for one in events)

    def _read(self, event: Any, claims: Mapping[str, Any]) -> port.Tap | port.Reply | port.Ignored:
        # One that is not understood holds up no other: the homeserver would send all of them again.
        try:
            if event["sender"] == self.user or event["type"] not in KINDS or "state_key" in event:
                return port.Ignored("our own, or not a kind of event that we read")
            room, sender = _fits(ROOM, event["room_id"]), _fits(USER, event["sender"])
            id = _fits(EVENT_ID, event["event_id"])
            stranger = None if self._may(sender) else "a user of another server"
            words: dict[str, Any] = {
                "channel": "matrix",
                "event": id,
                "account": sender,
                "stranger": stranger,
            }
            if on := _about(event):
                target = claims.get("cards", {}).get((room, on))
                return self._tap(event, target, words | {"conversation": room})
            if (room, sender) not in claims.get("private", ()):
                return port.Ignored("a message to others")
            return port.Reply(**words, conversation=room, text=_said(event["content"]))
        except FAULTS as error:
            return port.Ignored(f"not understood: {type(error).__name__}")

    def _tap(
        self, event: Any, target: _Target | None, words: dict[str, Any]
    ) -> port.Tap | port.Ignored:
        if target is None:
            return port.Ignored("about a message that is not ours")
        words |= {"message": target.card, "echo": target.echo}
        reply_to = {"card": target.card}
        reason, ready, choice = None, None, Choice.DECLINE
        if target.asks is None and event["type"] == "m.reaction":
            chosen = _chosen(event, KEYS.values())
            if chosen is None:
                return port.Ignored("another reaction, or one that was taken back")
            choice = [*KEYS][chosen]
        elif target.asks != words["account"]:
            return port.Ignored("talk below a card, or another's prompt")
        else:
            reply_to["prompt"] = target.id
            if event["type"] == "m.room.message":
                reason = _said(event["content"])[:REASON]
            else:
                chosen = _chosen(event, (KEYS[Choice.DECLINE], *READY))
                if chosen is None:
                    return port.Ignored("another reaction, or one that was taken back")
                reason, ready = "", chosen - 1 if chosen else None
        return port.Tap(**words, choice=choice, reason=reason, ready=ready, reply_to=reply_to)

    async def _looked(self, events: Sequence[Any]) -> dict[str, Any]:
        # What `_read` must know: each message that somebody reacted to or answered, and whether a
        # word was said in private.
        wanted, written = set[tuple[str, str]](), set[tuple[str, str]]()
        asked = Counter[str]()
        for event in events:
            try:
                room, sender = _fits(ROOM, event["room_id"]), _fits(USER, event["sender"])
                if sender == self.user:
                    continue
                # All strangers share one allowance: nothing that they do counts.
                who = sender if self._may(sender) else ""
                if event["type"] == "m.room.member":
                    if who and asked[who] < EACH and self._invited(room, who, event):
                        asked[who] += 1
                elif event["type"] in KINDS and (on := _about(event)):
                    if (room, on) not in wanted and asked[who] < EACH:
                        asked[who] += 1
                        wanted.add((room, on))
                elif event["type"] == "m.room.message" and len(_said(event["content"])) <= TYPED:
                    written.add((room, who))
            except FAULTS:
                continue
        rooms = {room for room, who in written if who}
        cards = await asyncio.gather(*(self._target(*one) for one in wanted))
        members = await asyncio.gather(*(self._members(room) for room in rooms))
        there = dict(zip(rooms, members, strict=True))
        return {
            "events": events,
            "cards": dict(zip(wanted, cards, strict=True)),
            "private": {one for one in written if there.get(one[0]) == {self.user, one[1]}},
        }

    async def _target(self, room: str, id: str) -> _Target | None:
        event = await self._event(room, id)
        if event is None or event["sender"] != self.user:
            return None
        asks, root = event["content"].get(ASKED), _thread(event["content"])
        if root is None:
            return _Target(id, id, _echo(_shown(event, self.user)), None)
        card = await self._event(room, root) if asks else None
        if card is None or card["sender"] != self.user:
            return None
        return _Target(id, root, _echo(_shown(card, self.user)), str(asks))

    async def _event(self, room: str, id: str) -> Any:
        try:
            async with self._looks:
                found = await self._api.call("GET", at("/v3/rooms/{}/event/{}", room, id))
        except Denied:
            return None
        except Unheard as why:  # else one made-up id holds up all that comes after it
            log.warning(port.Line("message_not_read", why=why))
            return None
        return found if isinstance(found.get("content"), dict) else None

    async def _members(self, room: str) -> set[str]:
        try:
            async with self._looks:
                return await self._rooms.members(room)
        except (Denied, Unheard):
            return set()

    def _invited(self, room: str, sender: str, event: Any) -> bool:
        # Followed beside: to join a room of another server may take longer than a tap should wait.
        content = event["content"]
        if event["state_key"] != self.user or content["membership"] != "invite":
            return False
        # https://spec.matrix.org/v1.18/client-server-api/#stripped-state
        state = event.get("unsigned", {}).get("invite_room_state", ())
        encrypted = any(one["type"] == "m.room.encryption" for one in state)
        direct = content.get("is_direct") is True
        if room not in self._joining:
            task = asyncio.create_task(self._join(room, sender, direct=direct, encrypted=encrypted))
            self._joining[room] = task
            task.add_done_callback(lambda _: self._joining.pop(room))
        return True

    async def _join(self, room: str, sender: str, *, direct: bool, encrypted: bool) -> None:
        try:
            async with self._looks:
                await self._rooms.invited(room, sender, direct=direct, encrypted=encrypted)
        except FAULTS as error:
            log.warning(port.Line("invitation_not_followed", why=type(error).__name__))

    def _may(self, account: str) -> bool:
        """Is this a user of a server that we believe?"""
        return server(account) in (self.servers or (server(self.user),))

    async def open(self, account: str) -> Address:
        if not re.fullmatch(USER, account):
            raise Refused(f"matrix: {account} is no id of a user: it is like @dana:acme.example")
        if account == self.user or not self._may(account):
            raise Refused(f"matrix: {account} is our bot, or not a user of one of `servers`")
        # An unknown user has no profile; we would be inviting nobody.
        await self._api.call("GET", at("/v3/profile/{}", account))
        return Address("matrix", await self._rooms.direct(account), account=account)

    def echo(self, payload: port.Payload) -> str:
        return _echo(payload["content"])

    async def post(self, address: Address, payload: port.Payload, key: str) -> MessageRef:
        room = address.conversation
        if await self._encrypted(room):
            raise Refused("matrix: that room is encrypted, and a card would stand there in clear")
        id = await self._rooms.send(room, "m.room.message", payload["content"], key)
        await self._seed(room, id, dict.fromkeys(one["key"] for one in payload["buttons"]))
        return MessageRef("matrix", room, id)

    async def redraw(self, ref: MessageRef, payload: port.Payload) -> MessageRef | None:
        edit = _edited(payload["content"], ref.message)
        await self._rooms.send(ref.conversation, "m.room.message", edit, txn())
        wanted = dict.fromkeys(one["key"] for one in payload["buttons"])
        for key, id in (await self._seeds(ref)).items():
            if key in wanted:
                del wanted[key]
            else:  # a button that is over
                await self._redact(ref.conversation, id)
        await self._seed(ref.conversation, ref.message, wanted)
        return None

    async def _encrypted(self, room: str) -> bool:
        try:
            return await self._rooms.encrypted(room)
        except Denied:  # we are not there: in a room of `via` we become so now, if invited
            await self._rooms.join(room)
            return await self._rooms.encrypted(room)

    async def _seed(self, room: str, message: str, keys: Iterable[str]) -> None:
        # Our own reaction of each kind, so that a tap on it is one tap. Without it a reaction can
        # still be chosen from the menu: no card is posted again because of it.
        for key in keys:
            about = {"rel_type": "m.annotation", "event_id": message, "key": key}
            try:
                await self._rooms.send(room, "m.reaction", {"m.relates_to": about}, txn())
            except (Busy, Refused) as why:
                if not (isinstance(why, Denied) and why.code == "M_DUPLICATE_ANNOTATION"):
                    log.warning(port.Line("reaction_not_added", why=why))

    async def _seeds(self, ref: MessageRef) -> dict[str, str]:
        path = at(
            "/v1/rooms/{}/relations/{}/m.annotation/m.reaction", ref.conversation, ref.message
        )
        seeds, since = dict[str, str](), None
        for _ in range(PAGES):
            said = await self._api.call(
                "GET", path, query={"limit": PAGE, "dir": "f", "from": since}
            )
            for one in said["chunk"]:
                if one["sender"] == self.user and (about := one["content"].get("m.relates_to")):
                    seeds[about["key"]] = one["event_id"]
            # Ours were first.
            if not (since := said.get("next_batch")) or len(seeds) >= len(KEYS):
                break
        return seeds

    async def _redact(self, room: str, id: str) -> None:
        await self._api.call("PUT", at("/v3/rooms/{}/redact/{}/{}", room, id, txn()), {})

    async def tell(self, tap: port.Tap, notice: port.Notice) -> None:
        if notice.kind is port.NoticeKind.ASK_REASON:
            await self._ask(tap, notice)
            return
        if notice.kind is not port.NoticeKind.COUNTED and not tap.stranger:
            await self._whisper(tap, notice.text)
        if notice.kind is not port.NoticeKind.REFUSED and "prompt" in tap.reply_to:
            await self._redact(tap.conversation, tap.reply_to["prompt"])

    async def say(self, reply: port.Reply, notice: port.Notice) -> None:
        await self._rooms.say(reply.conversation, inert(notice.text))

    async def called(self) -> str:
        return self.user

    async def _whisper(self, tap: port.Tap, text: str) -> None:
        # Where others read along we are silent; a private room is not made for a refusal.
        room: str | None = tap.conversation
        if not await self._rooms.alone(tap.conversation, tap.account):
            room = await self._rooms.known(tap.account)
        if room:
            await self._rooms.say(room, inert(text))

    async def _ask(self, tap: port.Tap, notice: port.Notice) -> None:
        ready = [*zip(READY, notice.reasons, strict=False)]
        answers = [*ready, (KEYS[Choice.DECLINE], NO_REASON)]
        lines = [f"{tap.account}: {notice.text} {ANSWER}", *(f"{k} {text}" for k, text in answers)]
        about: dict[str, Any] = {"rel_type": "m.thread", "event_id": tap.message}
        about["is_falling_back"] = True
        about["m.in_reply_to"] = {"event_id": tap.message}
        # No notice: of those no push comes, not even of one that mentions somebody.
        asks: dict[str, Any] = {
            "msgtype": "m.text",
            "body": inert("\n".join(lines)),
            ASKED: tap.account,
        }
        asks |= {"m.mentions": {"user_ids": [tap.account]}, "m.relates_to": about}
        prompt = await self._rooms.send(tap.conversation, "m.room.message", asks, txn())
        await self._seed(tap.conversation, prompt, [key for key, _ in answers])

    async def listen(self, deliver: port.Deliver) -> None:
        # https://spec.matrix.org/v1.18/client-server-api/#syncing: the cursor is kept when all that
        # came with it was delivered. Whatever goes wrong, it comes again, with the same ids.
        memory = self._rooms.memory
        kept = await memory.get(CURSOR) if memory else None
        since = kept.decode() if kept else None
        while True:
            wait = POLL if since else 0
            how = {"since": since, "timeout": wait * 1000, "filter": _wanted(self.user)}
            try:
                news = await self._api.call("GET", "/v3/sync", query=how, patience=wait + 20)
            except Denied as why:
                if since is None:
                    raise
                # One of another homeserver, or of a database that was put back. What is read twice
                # counts once.
                log.error(port.Line("sync_position_lost", why=why))
                since = None
                continue
            events = [one async for one in self._news(news, since)]
            if events:
                await deliver(port.Several(self._all(events, await self._looked(events))))
            since = str(news["next_batch"])
            # A cursor that is somewhat old costs nothing but reading what there was since.
            if memory and (events or kept is None or not wait):
                new = since.encode()
                kept = new if await memory.put(CURSOR, new, was=kept) else await memory.get(CURSOR)

    async def _news(self, news: Any, since: str | None) -> Any:
        rooms = news.get("rooms", {})
        for room, one in rooms.get("invite", {}).items():
            if invitation := _invitation(room, one, self.user):
                yield invitation
        for room, one in rooms.get("join", {}).items():
            line = one["timeline"]
            if line.get("limited") and since:
                try:
                    missed = await self._missed(room, line["prev_batch"], since)
                except Denied as why:
                    log.warning(port.Line("missed_events_not_read", why=why))
                    missed = []
                for event in missed:
                    yield event | {"room_id": room}
            for event in line["events"]:
                yield event | {"room_id": room}

    async def _missed(self, room: str, back: str, since: str) -> list[Any]:
        # What there was between two syncs and did not fit: after an outage of ours, mostly.
        missed, here = list[Any](), back
        how: dict[str, Any] = {
            "to": since,
            "dir": "b",
            "limit": PAGE,
            "filter": json.dumps({"types": KINDS, "not_senders": [self.user]}),
        }
        for _ in range(PAGES):
            path = at("/v3/rooms/{}/messages", room)
            said = await self._api.call("GET", path, query=how | {"from": here})
            missed += said["chunk"]
            if not said.get("end"):
                break
            here = said["end"]
        else:
            log.warning(port.Line("missed_events_not_read", why=f"over {PAGES * PAGE} in one room"))
        return missed[::-1]

    async def check(self) -> list[port.Finding]:
        try:
            me = (await self._api.call("GET", "/v3/account/whoami"))["user_id"]
        except (Busy, Refused) as why:
            return [port.Finding("token", False, str(why))]
        return [
            port.Finding("token", me == self.user, f"it is {me}'s"),
            self._api.calls.clock(),
            port.Finding("servers", True, ", ".join(self.servers or (server(self.user),))),
        ]

    async def close(self) -> None:
        for task in (joining := [*self._joining.values()]):
            task.cancel()
        await asyncio.gather(*joining, return_exceptions=True)
        await self._api.close()


@dataclass(frozen=True, slots=True)
class _Target:
    """Our message that somebody reacted to or answered. `card`: its own id, or that of the card
    above it; `asks`: of a prompt, the account that it asks; `echo`: of the card."""

    id: str
    card: str
    echo: str
    asks: str | None


def _wanted(user: str) -> str:
    # https://spec.matrix.org/v1.18/client-server-api/#filtering
    none: dict[str, Any] = {"types": []}
    line = {"types": KINDS, "not_senders": [user], "limit": PAGE}
    rooms = {"timeline": line, "state": none, "ephemeral": none, "account_data": none}
    return json.dumps({"presence": none, "account_data": none, "room": rooms})


def _invitation(room: str, one: Any, user: str) -> Any:
    # Servers that we do not know write this state. Only its end is our own server's: the invitation
    # itself. https://spec.matrix.org/v1.18/client-server-api/#stripped-state
    try:
        state = one["invite_state"]["events"]
        ours = [
            event
            for event in state
            if event["type"] == "m.room.member" and event["state_key"] == user
        ]
        return ours[-1] | {"room_id": room, "unsigned": {"invite_room_state": state}}
    except FAULTS as error:
        log.warning(port.Line("event_not_understood", why=type(error).__name__))
        return None


def _events(inbound: port.Inbound) -> list[Any]:
    # https://spec.matrix.org/v1.18/application-service-api/#put_matrixappv1transactionstxnid
    try:
        body = from_json(inbound.body)
        events = body.get("events", []) if inbound.path.endswith("/ping") else body["events"]
        if not isinstance(events, list):
            raise TypeError
    except FAULTS as error:
        raise Malformed(f"matrix: {type(error).__name__}") from None
    return events


def _fits(pattern: str, value: Any) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError("an id of another shape")
    return str(value)


def _about(event: Any) -> str | None:
    """The message that a reaction is on, or that a message answers; None: none, or it was redacted,
    or it is an edit."""
    about = event["content"].get("m.relates_to") or {}
    if event["type"] == "m.reaction":
        if about.get("rel_type") != "m.annotation":
            raise ValueError("a reaction to nothing")
        return _fits(EVENT_ID, about["event_id"])
    if about.get("rel_type") not in (None, "m.thread") or event["content"]["msgtype"] != "m.text":
        raise ValueError("not something that somebody wrote")
    answers = about.get("m.in_reply_to") or {}
    return _fits(EVENT_ID, answers["event_id"]) if answers else None


def _chosen(event: Any, keys: Iterable[str]) -> int | None:
    # Clients differ in whether an emoji is followed by a selector of its look.
    said = event["content"]["m.relates_to"]["key"].replace("\ufe0f", "")
    known = [key.replace("\ufe0f", "") for key in keys]
    return known.index(said) if said in known else None


def _said(content: Any) -> str:
    """What somebody wrote, without the quotation that older clients put before an answer:
    https://spec.matrix.org/v1.12/client-server-api/#fallbacks-for-rich-replies"""
    return re.sub(r"\A> <@[^\n]*\n(>[^\n]*\n)*\n?", "", content["body"]).strip()


def _thread(content: Any) -> str | None:
    about = content.get("m.relates_to") or {}
    return _fits(EVENT_ID, about["event_id"]) if about.get("rel_type") == "m.thread" else None


def _shown(event: Any, user: str) -> Any:
    """The content that clients show: of the newest edit, which the server sends along.
    https://spec.matrix.org/v1.18/client-server-api/#server-side-aggregation-of-mreplace-relationships
    """
    edit = event.get("unsigned", {}).get("m.relations", {}).get("m.replace")
    if not edit:
        return event["content"]
    content = edit.get("content", {})
    return content.get("m.new_content") if edit.get("sender") == user else None


def _echo(content: Any) -> str:
    # All of it, in one order: a homeserver keeps texts as they are, and sorts names.
    return digest(json.dumps(content, sort_keys=True))


def _edited(content: Mapping[str, Any], id: str) -> dict[str, Any]:
    # https://spec.matrix.org/v1.18/client-server-api/#event-replacements
    # Old clients show this instead, below the card as it was: its first line, not all of it twice.
    title, _, _ = content["body"].partition("\n")
    return {
        "msgtype": content["msgtype"],
        "body": f"* {title}",
        "m.mentions": {},
        "m.new_content": content,
        "m.relates_to": {"rel_type": "m.replace", "event_id": id},
    }


def _written(lines: Any, link: str | None) -> tuple[str, str, str]:
    """[[{style: text}, …], …] as plain text, as the plain text of the message, and as its HTML."""
    plain, body, html = list[str](), list[str](), list[str]()
    for line in lines:
        drawn = list[str]()
        for style, text in (pair for part in line for pair in part.items()):
            if style == "link":
                if link is None:
                    raise Refused("matrix: a template has a link where there is none")
                href = escape(link)
                drawn.append(f'<a href="{href}">{escape(text)}</a>')
                plain.append(text)
                body.append(f"{text}: {link}")
                continue
            how = STYLES.get(style) or VERBATIM.get(style)
            if how is None or not isinstance(text, str):
                raise Refused(f"matrix: a part of a line is one of {(*STYLES, *VERBATIM, 'link')}")
            drawn.append(how.format(escape(inert(text) if style in STYLES else text)))
            plain.append(text)
            body.append(inert(text))
        html.append("".join(drawn))
        plain.append("\n")
        body.append("\n")
    # A block ends its line by itself.
    whole = re.sub("</pre><br>", "</pre>", "<br>".join(html))
    return "".join(plain), "".join(body).strip(), whole
