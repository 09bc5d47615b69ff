"""A house with people in it: the whole service on loopback over a given store, for tests.

`open_house` starts what `countersign serve` starts, with a clock that the test turns and, instead
of a platform, a `Desk`: a channel whose messages lie open in memory and whose deliveries are signed
like anybody's. Nothing in it is patched.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final

import aiohttp
import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals import linking, port
from approvals.app.compose import House, Plan, running
from approvals.app.host import clock as wall
from approvals.buttons import Key, KeyRing
from approvals.evidence import ReceiptKey
from approvals.model import (
    MINUTE,
    Address,
    Agent,
    Ask,
    Budget,
    Busy,
    Card,
    Case,
    Choice,
    Instant,
    Kind,
    Malformed,
    MessageRef,
    Person,
    Refused,
    Requester,
    Risk,
    Tier,
)
from approvals.people import Directory, Link
from approvals.policy import Page, Policy, Rule, When
from approvals.port import (
    Abilities,
    Inbound,
    Limits,
    Notice,
    Payload,
    Proven,
    Reply,
    Resolved,
    Tap,
)
from approvals.proof import check_fresh, check_hmac
from approvals.proposal import Proposal
from approvals.service import Answer, Trust
from approvals.store import Change, Store, metadata
from approvals.store.cases import case_params
from approvals.web import credentials
from approvals.web.site import Site
from tests.harness.contract import held

START: Final[Instant] = 1_790_000_000_000
ISSUER: Final = "https://approve.example.com"
DESK_SECRET: Final = b"the desk's signing secret"
ROOM: Final = Limits(
    title=150,
    fact_label=50,
    fact_value=300,
    facts=10,
    payload=3000,
    note=1000,
    buttons=3,
    label=75,
)
RING: Final = KeyRing({"k1": Key("k1", b"1" * 32)}, "k1")

PEOPLE: Final = (
    Person("dana", "dana@example.com", {"desk": "U-dana"}),
    Person("lee", None, {"desk": "U-lee"}),
    Person("kim", None, {"desk": "U-kim"}),
    Person("sam", None, {"desk": "U-sam"}),
    Person("eve", None, {"desk": "U-eve"}),
    Person("ada", roles=frozenset({"auditor"})),
)
GROUPS: Final = {
    "default": frozenset({"dana", "kim"}),
    "finance": frozenset({"dana", "lee"}),
    "infra": frozenset({"kim", "sam"}),
    "ghosts": frozenset[str](),
}
"""dana and kim decide by default, dana and lee on money; sam is asked by escalation, eve never."""

# Tests ask the same again and again: refusals are remembered for those that are about that.
FORGETS: Final = Budget(refusals=0)
GATEWAY: Final = Requester("billing", Kind.GATEWAY, budget=FORGETS)
AGENT: Final = Requester(
    "scripts", Kind.AGENT, ("bot",), on_behalf_of="dana", owner="lee", budget=FORGETS
)
KEYS: Final = {"csr_billing": GATEWAY, "csr_scripts": AGENT}
REQUESTERS: Final = {hashlib.sha256(k.encode()).digest(): who for k, who in KEYS.items()}

OTHERWISE: Final = Ask("default", (("default", 1),))


def rule(name: str, **ask: Any) -> Rule:
    """A rule for actions `name.…`: what is not said is as where no rule matches."""
    four_eyes = ask.pop("four_eyes", None)
    asked = replace(OTHERWISE, rule=name, **ask)
    return Rule(name, When(action=(f"{name}.*",)), None, asked, four_eyes)


HANGS: Final = 60.0
"""Seconds after which a test that waits has hung. No claim about speed: a good run is far below."""

RULES: Final = (
    rule("two", quorum=(("finance", 2),)),
    rule("low", risk=Risk.LOW),
    rule("high", risk=Risk.HIGH, four_eyes=True),
    rule("eyes", four_eyes=True, quorum=(("finance", 1),)),
    rule("nobody", quorum=(("ghosts", 1),)),
    rule("seatless", quorum=()),
    rule("room", via=("desk:ROOM",)),
    rule("unseen", allow_unseen=True),
    Rule("denied", When(action=("denied.*",))),
)
"""A request of action `two.…` meets the rule `two`; any other the group `default`."""


async def until(holds: Callable[[], Any], seconds: float = HANGS) -> Any:
    """What is about to be so, once it is; asks again whenever the loop comes round."""
    async with asyncio.timeout(seconds):
        while not (found := holds()):
            await asyncio.sleep(0.01)
    return found


def _set(event: asyncio.Event) -> asyncio.Event:
    event.set()
    return event


@dataclass(slots=True)
class Clock:
    """What time it is. The test turns it."""

    now: Instant = START
    was_set: int = 0

    def __call__(self) -> Instant:
        return self.now

    def turn(self, milliseconds: int) -> None:
        """Time passes."""
        self.now += milliseconds

    def set(self, milliseconds: int) -> None:
        """Somebody sets it, and no time passes."""
        self.now += milliseconds
        self.was_set += milliseconds

    def steady(self) -> Instant:
        return self() - self.was_set


@dataclass(slots=True)
class Wall(Clock):
    """The real time, turned by `now` milliseconds."""

    now: int = 0

    def __call__(self) -> Instant:
        return wall() + self.now


@dataclass(slots=True)
class Message:
    """One message at the desk: what it shows now, and all it ever showed."""

    ref: MessageRef
    address: Address
    key: str
    shown: list[Payload]

    @property
    def now(self) -> Payload:
        return self.shown[-1]

    def token(self, label: str = "Approve") -> str:
        """The value of the button that is drawn with this label."""
        return str(dict(self.now["buttons"])[label])


@dataclass(slots=True)
class Desk:
    """A channel without a platform. A press carries the message as it is shown, like Slack's.

    `down`: posts and redraws fail. `gate`: what is sent waits for it; `slow`: so do the answers.
    `lose`: so many posts arrive and their answers get lost. `barred`: accounts that it will not
    vouch for. `listens`: it is asked for what is `written`, as well as delivering. `says_counted`:
    as in `Abilities`. `asks`: Decline… asks for a reason.
    """

    tier: Tier = Tier.A
    name: str = "desk"
    down: bool = False
    lose: int = 0
    barred: frozenset[str] = frozenset()
    gate: asyncio.Event = field(default_factory=lambda: _set(asyncio.Event()))
    slow: asyncio.Event = field(default_factory=lambda: _set(asyncio.Event()))
    messages: list[Message] = field(default_factory=list)
    told: list[tuple[str, Notice]] = field(default_factory=list)
    written: asyncio.Queue[port.Event] = field(default_factory=asyncio.Queue)
    limits: Limits = ROOM
    listens: bool = False
    says_counted: bool = True
    asks: bool = False
    _numbers: Any = field(default_factory=count)

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            edit=True,
            echo=True,
            private_notice=True,
            reason_prompt=self.asks,
            open_by_email=False,
            listen=self.listens,
            tier=self.tier,
            says_counted=self.says_counted,
        )

    def drawn(self, card: Card) -> port.Drawn:
        return port.Drawn(card, self.layout(card), ())

    def layout(self, card: Card) -> Payload:
        return {
            "headline": card.headline,
            "title": card.title,
            "risk": card.risk.value,
            "facts": [[fact.label, fact.value] for fact in card.facts],
            "payload": [card.payload, card.elided, card.payload_tail],
            "note": card.note,
            "progress": card.progress,
            "status": card.status.value,
            "revision": card.revision,
            "request": card.request_id,
            "review": card.review_needed,
            "buttons": [[button.label.value, button.token] for button in card.buttons],
        }

    def echo(self, payload: Payload) -> str:
        return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()

    def authenticate(self, inbound: Inbound) -> Proven:
        time = inbound.headers.get("x-desk-time")
        check_fresh(time, inbound.at, 5 * MINUTE)
        signed = f"{time}:".encode() + inbound.body
        check_hmac(DESK_SECRET, signed, inbound.headers.get("x-desk-signature"))
        return Proven(inbound)

    def read(self, resolved: Resolved) -> Tap | Reply:
        try:
            sent = json.loads(resolved.inbound.body)
            match sent:
                case {"choice": str(choice)}:
                    sent["choice"] = Choice(choice)
            return (Reply if "text" in sent else Tap)(channel=self.name, **sent)
        except (TypeError, ValueError, RecursionError) as error:
            raise Malformed(type(error).__name__) from None

    async def open(self, account: str) -> Address:
        if account in self.barred:
            raise Refused("a guest")
        return Address(self.name, f"D-{account}", account=account)

    async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
        await self.gate.wait()
        if self.down:
            raise Busy("the desk is down")
        ref = MessageRef(self.name, address.conversation, f"M{next(self._numbers)}")
        self.messages.append(Message(ref, address, key, [payload]))
        await self.slow.wait()
        await asyncio.sleep(0)  # like any network's, its answers come later
        if self.lose:
            self.lose -= 1
            raise Busy("no answer")
        return ref

    async def redraw(self, ref: MessageRef, payload: Payload) -> MessageRef | None:
        if self.down:
            raise Busy("the desk is down")
        self.at(ref).shown.append(payload)
        return None

    def answer(self, tap: Tap, notice: Notice) -> port.Response | None:
        return port.Response(body=json.dumps({"kind": notice.kind, "text": notice.text}).encode())

    async def tell(self, tap: Tap, notice: Notice) -> None:
        await self.gate.wait()
        self.told.append((tap.account, notice))

    async def say(self, reply: Reply, notice: Notice) -> None:
        await self.gate.wait()
        self.told.append((reply.account, notice))

    async def listen(self, deliver: port.Deliver) -> None:
        if not self.listens:
            raise Refused("the desk has no outbound mode")
        while True:
            await deliver(await self.written.get())

    async def check(self) -> list[port.Finding]:
        return []

    async def close(self) -> None:
        return None

    # What tests do at the desk

    def at(self, ref: MessageRef) -> Message:
        return next(message for message in self.messages if message.ref == ref)

    def of(self, case: str, account: str | None = None) -> list[Message]:
        """The messages about a request, the oldest first."""
        return [
            message
            for message in self.messages
            if message.now["request"] == case
            and (account is None or message.address.account == account)
        ]

    def press(
        self, card: Message, label: str = "Approve", /, by: str | None = None, **other: Any
    ) -> Tap:
        """What the desk would deliver when this button is pressed now."""
        tap = Tap(
            channel=self.name,
            event=f"E{next(self._numbers)}",
            account=by or card.address.account or "",
            conversation=card.ref.conversation,
            message=card.ref.message,
            token=other["token"] if "token" in other else card.token(label),
            echo=self.echo(card.now),
            reply_to={"to": "whom"},
        )
        return replace(tap, **other)

    def reply(self, text: str, by: str, **other: Any) -> Reply:
        """What the desk would deliver when this account writes this now."""
        reply = Reply(self.name, f"E{next(self._numbers)}", by, f"D-{by}", text)
        return replace(reply, **other)


@dataclass(slots=True)
class Whisperer(Desk):
    """A desk that can write to an account by itself. `refuses`: accounts that it will not reach."""

    letters: list[tuple[str, port.Letter]] = field(default_factory=list)
    refuses: frozenset[str] = frozenset()

    async def whisper(self, account: str, letter: port.Letter) -> None:
        if self.down:
            raise Busy("the desk is down")
        if account in self.refuses:
            raise Refused("no such account")
        self.letters.append((account, letter))


@dataclass(slots=True)
class Place:
    """A running house, and how a test talks to it."""

    house: House
    channel: port.Channel
    clock: Clock
    key: ReceiptKey
    http: aiohttp.ClientSession

    @property
    def desk(self) -> Desk:
        """The channel, where it is a desk."""
        assert isinstance(self.channel, Desk)
        return self.channel

    @property
    def url(self) -> str:
        return self.house.url

    @property
    def store(self) -> Store:
        return self.house.store

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str = "csr_billing", **more: Any
    ) -> tuple[int, Any]:
        """Status and JSON of one API call. `key`: the bearer token."""
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        async with self.http.request(method, self.url + path, headers=headers, **more) as answer:
            text = await answer.text()
            is_json = answer.content_type.endswith("json") and answer.content_type != NDJSON
            return answer.status, json.loads(text) if is_json and text else text

    async def opened(
        self, action: str = "mail.send", *, key: str = "csr_billing", **more: Any
    ) -> Any:
        """A new request, as the API answers it. It has a `payload` unless it has `http`."""
        body = {"action": action, **({} if "http" in more else {"payload": {"to": "bob"}}), **more}
        status, answer = await self.call("POST", "/v1/requests", body, key=key)
        assert status == 201, answer
        return answer

    async def read(self, request_id: str, query: str = "", *, key: str = "csr_billing") -> Any:
        status, answer = await self.call("GET", f"/v1/requests/{request_id}{query}", key=key)
        assert status == 200, answer
        return answer

    async def case(self, request_id: str) -> Case:
        return (await self.store.cases([request_id]))[request_id]

    async def token(self, person: str) -> str:
        """A new personal token."""
        return await credentials.make_token(
            self.store, RING, person, f"t{os.urandom(4).hex()}", 30,
            now=self.clock(), random=os.urandom,
        )  # fmt: skip

    async def decide(
        self, request: Mapping[str, Any], choice: str = "approve", *, by: str, **more: Any
    ) -> tuple[int, Any]:
        """Decide through the API, with a personal token."""
        body = {"choice": choice, "digest": request["digest"], **more}
        path = f"/v1/requests/{request['id']}/decision"
        return await self.call("POST", path, body, key=await self.token(by))

    async def page(
        self, request: Mapping[str, Any], choice: str, *, by: str, fresh: bool = True
    ) -> Answer:
        """Decide as our own page does, signed in as this person."""
        person = self.house.service.trust.directory.person(by)
        assert person is not None
        return await self.house.service.decide(
            person, request["id"], Choice(choice), request["digest"], None, way=Page(fresh)
        )

    async def tap(
        self, tap: Tap, method: str = "POST", *, at: str = "", **headers: str
    ) -> tuple[int, Any]:
        """Deliver a press over HTTP, signed."""
        fields = {name: getattr(tap, name) for name in Tap.__slots__ if name != "channel"}
        return await self.deliver(json.dumps(fields).encode(), method, at=at, **headers)

    async def write(self, reply: Reply) -> tuple[int, Any]:
        """Deliver what somebody wrote over HTTP, signed."""
        fields = {name: getattr(reply, name) for name in Reply.__slots__ if name != "channel"}
        return await self.deliver(json.dumps(fields).encode())

    async def deliver(
        self, body: bytes, method: str = "POST", *, at: str = "", **headers: str
    ) -> tuple[int, Any]:
        """Deliver these bytes as the desk would, signed. `at`: the path, if it is another."""
        time = str(self.clock() // 1000)
        proof = hmac.digest(DESK_SECRET, f"{time}:".encode() + body, "sha256").hex()
        sent = {"x-desk-time": time, "x-desk-signature": proof, **headers}
        url = self.url + (at or f"/channels/{self.channel.name}/events")
        async with self.http.request(method, url, data=body, headers=sent) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if raw else None

    async def carried(self) -> None:
        """Carry out all that is due: cards are posted, redrawn, receipts signed."""
        lanes = ("", *self.house.service.trust.channels)
        while sum([await self.house.outbox.drain(lane) for lane in lanes]):
            pass

    async def card(self, request: Mapping[str, Any], account: str) -> Message:
        """The newest card of a request at an account, once all is carried."""
        await self.carried()
        return self.desk.of(request["id"], account)[-1]

    async def sealed(self) -> list[str]:
        """The audit chain, sealed to its end, as exported."""
        while await self.store.seal(self.clock()) != 0:  # None: another is at it
            pass
        return [line async for line in self.store.export(0)]

    async def kinds(self, request_id: str | None = None) -> list[str]:
        """What the audit chain says happened."""
        rows = [json.loads(line) for line in await self.sealed()]
        return [row["kind"] for row in rows if request_id in (None, row["request_id"])]


NDJSON: Final = "application/x-ndjson"


def plan(
    clock: Clock,
    key: ReceiptKey,
    *,
    desks: Sequence[port.Channel],
    people: Sequence[Person] = PEOPLE,
    groups: Mapping[str, frozenset[str]] = GROUPS,
    rules: Sequence[Rule] = RULES,
    **changes: Any,
) -> Plan:
    """What the house is made of."""

    def directory(links: Iterable[Link] = ()) -> Directory:
        here = {person.id for person in people}
        return Directory(people, {name: who & here for name, who in groups.items()}, links)

    made = Plan(
        trust=Trust(
            Policy.of(rules, groups),
            directory(),
            RING,
            channels={desk.name: desk.abilities for desk in desks},
        ),
        directory=directory,
        key=key,
        issuer=ISSUER,
        site=Site.at("http://127.0.0.1:8080", "k3v9"),
        listen=("127.0.0.1", 0),
        requesters=REQUESTERS,
        channels={desk.name: desk for desk in desks},
        worker="w1",
        salt=b"salt",
        opens_per_second=1e6,
    )
    return replace(made, **changes)


@asynccontextmanager
async def open_house(
    store: Store,
    *,
    desks: Sequence[port.Channel] = (),
    clock: Clock | None = None,
    key: ReceiptKey | None = None,
    carry: bool = False,
    **changes: Any,
) -> AsyncIterator[Place]:
    """The service, listening. `carry` False: the test calls `carried` when effects shall happen.

    `changes`: of `plan`.
    """
    clock, desks = clock or Clock(), desks or (Desk(),)
    key = key or ReceiptKey(Ed25519PrivateKey.generate())
    made = plan(clock, key, desks=desks, **changes)
    async with (
        running(
            made, store, clock=clock, random=os.urandom, steady=clock.steady, carry=carry
        ) as house,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), response_class=held(authzen=made.authzen)
        ) as http,
    ):
        yield Place(house, desks[0], clock, key, http)


async def intrude(database: str, case: Case, *, unsigned: bool = True) -> None:
    """Write this over a case's row, as who has write access to the database could.

    `unsigned`: forget its receipt too, as if it had not been signed yet.
    """
    fields = case_params(Change(case, None))
    id_ = fields.pop("id")
    path = database.removeprefix("sqlite:///")
    if path != database:
        with closing(sqlite3.connect(path, timeout=10)) as direct, direct:
            names = ", ".join(f"{name} = ?" for name in fields)
            direct.execute(f"UPDATE cases SET {names} WHERE id = ?", [*fields.values(), id_])
            if unsigned:
                direct.execute("DELETE FROM receipts WHERE request_id = ?", [id_])
        return
    connection = await asyncpg.connect(database)
    try:
        names = ", ".join(f"{name} = ${place}" for place, name in enumerate(fields, 2))
        await connection.execute(f"UPDATE cases SET {names} WHERE id = $1", id_, *fields.values())
        if unsigned:
            await connection.execute("DELETE FROM receipts WHERE request_id = $1", id_)
    finally:
        await connection.close()


async def everything(database: str) -> str:
    """Every row of every table, as text."""
    path = database.removeprefix("sqlite:///")
    if path != database:
        with closing(sqlite3.connect(path)) as direct:
            return repr([direct.execute(f"SELECT * FROM {t}").fetchall() for t in metadata.tables])
    connection = await asyncpg.connect(database)
    try:
        return repr([await connection.fetch(f"SELECT * FROM {t}") for t in metadata.tables])
    finally:
        await connection.close()


def proposal(action: str = "mail.send", **changes: Any) -> Proposal:
    """What a requester sends, as the service takes it."""
    return replace(Proposal(action, Agent("bot"), payload='{"to":"bob"}'), **changes)


class Thief:
    """Somebody who can read and write the database, and has no key."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def run(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """One statement, with `?` for values."""
        if self._url.startswith("sqlite"):
            connection = sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=10)
            try:
                connection.row_factory = sqlite3.Row
                found = [dict(row) for row in connection.execute(sql, values).fetchall()]
                connection.commit()
            finally:
                connection.close()
            return found
        for number in range(1, len(values) + 1):
            sql = sql.replace("?", f"${number}", 1)
        remote = await asyncpg.connect(self._url)
        try:
            return [dict(row) for row in await remote.fetch(sql, *values)]
        finally:
            await remote.close()

    async def put(self, table: str, column: str, value: Any, where: str, key: Any) -> None:
        await self.run(f"UPDATE {table} SET {column} = ? WHERE {where} = ?", value, key)

    async def state(self, request_id: str, **changes: Any) -> None:
        """Rewrite what moves in a case: votes (as lists), decided_at, reason, escalated …"""
        names = ("votes", "decided_at", "reason", "outcome", "escalated", "reminded", "head")
        (row,) = await self.run("SELECT state FROM cases WHERE id = ?", request_id)
        now = dict(zip(names, json.loads(row["state"]), strict=True))
        text = json.dumps([(now | changes)[name] for name in names], separators=(",", ":"))
        await self.put("cases", "state", text, "id", request_id)

    async def terms(self, request_id: str, **changes: Any) -> None:
        """Rewrite what policy asked, or who is barred, or what a card can show."""
        (row,) = await self.run("SELECT terms FROM cases WHERE id = ?", request_id)
        seal, shown, text = row["terms"].split(" ", 2)
        ask, barred, inspectable, complete = json.loads(text)
        rest = [changes.pop("barred", barred), changes.pop("inspectable", inspectable)]
        rest.append(changes.pop("complete", complete))
        text = json.dumps([ask | changes, *rest], separators=(",", ":"))
        await self.put("cases", "terms", f"{seal} {shown} {text}", "id", request_id)


async def code(place: Place, person: str, channel: str = "desk") -> str:
    return await linking.make_code(
        place.store, RING, person, channel, by="a test", now=place.clock(), random=os.urandom
    )


def whose(place: Place, account: str) -> str | None:
    person = place.house.service.trust.directory.by_account(place.channel.name, account)
    return person.id if person else None
