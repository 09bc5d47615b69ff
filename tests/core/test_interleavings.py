"""Two copies of the service on one database, and everybody at once, against a plain oracle.

Whatever the interleaving of taps, decisions on the page, expiry, withdrawals, revisions and
repeated deliveries: one verdict, one forwarding, a quorum of distinct eligible people on the
revision that was approved, and every card says what is committed.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from approvals import words
from approvals.evidence import read_receipt
from approvals.model import MINUTE, SECOND, Agent, Case, Conflict, Outcome, Person
from approvals.port import Tap
from approvals.service import COUNTED_ALREADY, Service
from approvals.store import CardState, Job, Store
from tests.harness.house import (
    GATEWAY,
    Clock,
    Desk,
    Message,
    Place,
    open_house,
    proposal,
    rule,
)

NAMES = ("dana", "lee", "gus", "fay", "eve")
PEOPLE = [Person(name, None, {"desk": f"U-{name}"}) for name in NAMES]
MAY_APPROVE = {"dana", "lee", "gus"}
"""fay sits in the group too, but the agent acts for her; eve sits nowhere."""
MAY_DECLINE = MAY_APPROVE | {"fay"}
SEATS = 2
RULES = [
    rule("direct", quorum=(("finance", SEATS),), four_eyes=True),
    rule("room", quorum=(("finance", SEATS),), four_eyes=True, via=("desk:ROOM",)),
]
GROUPS = {"default": frozenset({"eve"}), "finance": frozenset(MAY_DECLINE)}
OPEN_FOR = 15 * MINUTE

GAMES = 60
LIKELY = {
    "tap": 12,
    "page": 3,
    "again": 3,
    "old page": 1,
    "withdraw": 0.4,
    "revise": 0.8,
    "report": 1,
    "tick": 1,
    "carry": 3,
}
PAUSES = {0: 6, SECOND: 6, MINUTE: 2, OPEN_FOR - 1: 0.3, OPEN_FOR: 0.3}

Act = tuple[Any, ...]
Game = list[tuple[list[Act], int]]


def deal(chance: Random) -> Game:
    """Some rounds: what happens at once, and how long nothing happens then."""

    def act() -> Act:
        (what,) = chance.choices(list(LIKELY), list(LIKELY.values()))
        how: dict[str, Act] = {
            "tap": (
                chance.choice(NAMES),
                chance.choices(["Approve", "Decline"], [9, 1])[0],
                chance.randrange(10),
            ),
            "again": (chance.randrange(10),),
            "page": (chance.choice(NAMES), chance.choices(["approve", "decline"], [9, 1])[0]),
            "old page": (chance.choice(NAMES), "approve"),
            "report": (chance.choice([True, False, None]),),
            "carry": (chance.choice(["", "desk"]),),
        }
        return what, chance.randrange(2), *how.get(what, ())

    def pause() -> int:
        return chance.choices(list(PAUSES), list(PAUSES.values()))[0]

    return [
        ([act() for _ in range(chance.randint(1, 7))], pause()) for _ in range(chance.randint(2, 7))
    ]


class Watched(Store):
    """Remembers which jobs were handed out."""

    def __init__(self, driver: Any, revision: str) -> None:
        super().__init__(driver, revision)
        self.claimed: list[Job] = []

    async def claim(self, target: str, **how: Any) -> list[Job]:
        jobs = await super().claim(target, **how)
        self.claimed += jobs
        return jobs


@dataclass
class World:
    """The two copies, and what one run of the game did to its request."""

    copies: list[Place]
    stores: list[Watched]
    clock: Clock
    desk: Desk
    case: str = ""
    action: str = ""
    digests: list[str] = field(default_factory=list)
    taps: list[tuple[Tap, int]] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    events: set[str] = field(default_factory=set)
    repeats: set[str] = field(default_factory=set)

    async def play(self, action: str, game: Game, *, posted: bool) -> str:
        service = self.copies[0].house.service
        agent = Agent("bot", None, "fay")
        opened, _ = await service.open(GATEWAY, proposal(f"{action}.x", agent=agent))
        self.case, self.action, self.digests = opened.id, action, [opened.digest]
        self.taps, self.counted, self.events, self.repeats = [], [], set(), set()
        if posted:
            await self.copies[1].carried()
        for together, pause in game:
            await asyncio.gather(*(self.act(*what) for what in together))
            self.clock.turn(pause)
        await self.settle()
        return await self.judge()

    async def act(self, what: str, worker: int, *how: Any) -> None:
        copy = self.copies[worker]
        service = copy.house.service
        match what, how:
            case "tap", (person, label, which):
                if pressed := self.press(person, label, which):
                    self.taps.append(pressed)
                    await self.tap(service, *pressed)
            case "again", (which,):
                if self.taps:
                    await self.tap(service, *self.taps[which % len(self.taps)])
            case "page" | "old page", (person, choice):
                digest = self.digests[0 if what == "old page" else -1]
                answer = await copy.page({"id": self.case, "digest": digest}, choice, by=person)
                self.note(person, answer)
                assert answer is not COUNTED_ALREADY
                if answer.counted:
                    assert answer.case is not None
                    assert answer.case.digest == digest, "the page was about this"
            case "withdraw", ():
                await allow(service.withdraw(GATEWAY, self.case))
            case "revise", ():
                payload = json.dumps({"n": len(self.digests)})
                asked = proposal(
                    f"{self.action}.x", payload=payload, agent=Agent("bot", None, "fay")
                )
                revised = await allow(service.revise(GATEWAY, self.case, asked))
                if revised is not None:
                    self.digests.append(revised.digest)
            case "report", (delivered,):
                said = Outcome(delivered, self.clock())
                await allow(service.report(GATEWAY, self.case, said))
            case "tick", ():
                await service.tick()
            case "carry", (lane,):
                await copy.house.outbox.drain(lane)
            case _:
                raise AssertionError(what)

    async def tap(self, service: Service, tap: Tap, revision: int) -> None:
        answer = await service.tap(tap)
        self.note(tap.account.removeprefix("U-"), answer)
        if answer.counted:
            assert answer.case is not None
            assert answer.case.revision == revision, "the card was about this"
            self.events.add(tap.event)
        elif answer is COUNTED_ALREADY:
            self.repeats.add(tap.event)

    def press(self, person: str, label: str, which: int) -> tuple[Tap, int] | None:
        """A press of a button that was on this person's card (or the room's) at some time, and the
        revision that the card was about."""
        cards = [
            card
            for card in self.desk.of(self.case)
            if card.address.account in (None, f"U-{person}")
        ]
        pictures = [(card, shown) for card in cards for shown in card.shown if shown["buttons"]]
        if not pictures:
            return None
        card, shown = pictures[which % len(pictures)]
        token = dict(shown["buttons"])[label]
        echo = self.desk.echo(card.now)
        tap = self.desk.press(card, by=f"U-{person}", token=token, echo=echo)
        return tap, shown["revision"]

    def note(self, person: str, answer: Any) -> None:
        if answer.counted:
            self.counted.append(person)

    async def settle(self) -> None:
        for copy in self.copies:
            await copy.house.service.tick()
        for copy in self.copies * 2:
            await copy.carried()

    # The oracle

    async def judge(self) -> str:
        case = (await self.stores[0].cases([self.case]))[self.case]
        assert case == (await self.stores[1].cases([self.case]))[self.case]
        history = await self.stores[0].history(self.case)
        said = [(entry, json.loads(entry.content or "{}")) for entry in history]
        changes = sorted(
            ((e, what) for e, what in said if e.kind == "vote" or e.kind.startswith("request.")),
            key=lambda pair: pair[1]["version"],
        )
        assert [what["version"] for _, what in changes] == list(range(1, case.version + 1))
        status, revision, approvals, voted = "pending", 1, list[str](), list[str]()
        closed_at = None
        for entry, what in changes:
            if entry.kind == "request.reported":
                unknown = what["delivered"] is None
                assert status == "approved" or (status == "declined" and unknown)
                continue
            if entry.kind == "request.lapsed":
                assert status == "approved"
                assert entry.at > (closed_at or 0) + case.ask.release_within
                continue
            assert status == "pending", "a closed case never changes again"
            in_time = entry.at < case.created_at + OPEN_FOR
            match entry.kind:
                case "request.opened":
                    assert entry.at == case.created_at
                case "vote":
                    who, choice = what["by"], what["choice"]
                    assert in_time
                    voted.append(who)
                    if choice == "approve":
                        assert who in MAY_APPROVE - set(approvals)
                        approvals.append(who)
                        status = "approved" if len(approvals) == SEATS else "pending"
                    else:
                        assert who in MAY_DECLINE
                        status = "declined"
                case "request.withdrawn":
                    status = "withdrawn" if in_time else "expired"
                case "request.revised":
                    status = "pending" if in_time else "expired"
                    if in_time:
                        revision, approvals = revision + 1, []
                case "request.ticked" | "request.expired":
                    assert not in_time
                    status = "expired"
                case other:
                    raise AssertionError(other)
            assert what["status"] == status
            assert what["revision"] == revision
            if status != "pending":
                closed_at = entry.at
        assert (case.status, case.revision) == (status, revision)
        assert [v.person for v in case.votes if v.choice == "approve"] == approvals
        assert sorted(voted) == sorted(self.counted), "who was told that it counted, counted"
        assert self.repeats <= self.events, "who was told that it was counted, was counted"
        if case.open:
            assert self.clock() < case.created_at + OPEN_FOR
        await self.judge_effects(case, closed_at is not None)
        await self.judge_cards(case)
        return status

    async def judge_effects(self, case: Case, closed: bool) -> None:
        forwards = {
            job.id
            for store in self.stores
            for job in store.claimed
            if job.kind == "forward" and job.request_id == case.id
        }
        assert len(forwards) == (1 if closed else 0), "one verdict, one forwarding"
        receipt = await self.stores[0].receipt(case.id)
        assert (receipt is not None) is closed
        if receipt is not None:
            claims, _ = read_receipt(receipt, [self.copies[0].key.jwk()], now=0)
            assert (claims["status"], claims["digest"]) == (case.status, case.digest)
            assert claims["choice"] == ("approve" if case.status == "approved" else "decline")
            assert len(claims["people"]) == len(case.votes)

    async def judge_cards(self, case: Case) -> None:
        rows = {row.message: row for row in await self.stores[0].cards_of(case.id)}
        messages = self.desk.of(case.id)
        assert messages or not case.open, "somebody was asked"
        for message in messages:
            row = rows[message.ref.message]
            assert row.state is CardState.POSTED
            expect(message, case, row.revision)
            for shown in message.shown:
                if shown["headline"].startswith("Approved"):
                    assert case.status == "approved", "no card says what is not committed"


def expect(message: Message, case: Case, revision: int) -> None:
    """What a card must say now."""
    now = message.now
    approvals = [vote.person for vote in case.votes if vote.choice == "approve"]
    decliners = [vote.person for vote in case.votes if vote.choice == "decline"]
    if revision != case.revision:
        assert now["headline"] == "Withdrawn. Nothing was run."
        assert now["buttons"] == []
        return
    outcome = case.outcome
    delivery = {None: "Delivery unknown", True: "Delivered", False: "Not delivered"}
    told = f". {delivery[outcome.delivered]}" if outcome else ""
    headline = {
        "pending": "Waiting for approval",
        "approved": f"Approved by {' and '.join(approvals)}{told}",
        "declined": f"Declined by {''.join(decliners)}{told}",
        "expired": "Expired. Nothing was run.",
        "withdrawn": "Withdrawn. Nothing was run.",
    }
    if case.lapsed:
        by = " and ".join(approvals)
        headline["approved"] = f"Approved by {by}, but never collected. Nothing was run."
    assert now["headline"] == headline[case.status]
    assert now["status"] == case.status
    left = (f"{words.number(SEATS - len(approvals))} more") if approvals else "from finance"
    assert (f"{left}." in now["progress"]) == case.open
    assert [label for label, _ in now["buttons"]] == (["Approve", "Decline"] if case.open else [])


async def allow(doing: Any) -> Case | None:
    """What is too late is a conflict, and no more than that."""
    try:
        found: Case = await doing
    except Conflict:
        return None
    return found


@asynccontextmanager
async def world(database: str) -> AsyncIterator[World]:
    """Two copies. SQLite is for one process, so there they share its one store."""
    async with AsyncExitStack() as stack:
        clock, desk = Clock(), Desk()
        stores = [await Watched.connect(database)]
        stack.push_async_callback(stores[0].close)
        if database.startswith("sqlite"):
            stores.append(stores[0])
        else:
            stores.append(await Watched.connect(database))
            stack.push_async_callback(stores[1].close)
        house: dict[str, Any] = {"desks": [desk], "clock": clock, "rules": RULES}
        house |= {"people": PEOPLE, "groups": GROUPS}
        one = await stack.enter_async_context(open_house(stores[0], **house))
        two = await stack.enter_async_context(
            open_house(stores[1], key=one.key, worker="w2", **house)
        )
        yield World([one, two], stores, clock, desk)


async def test_law_04_one_verdict_whatever_the_interleaving(database: str) -> None:
    ends: Counter[str] = Counter()
    async with world(database) as here:
        for seed in range(GAMES):
            action = RULES[seed % 2].name
            game = deal(Random(seed))
            try:
                ends[await here.play(action, game, posted=seed % 3 > 0)] += 1
            except Exception as error:
                error.add_note(f"game {seed} ({action}): {game}")
                raise
    assert {"approved", "declined", "expired", "withdrawn"} <= set(ends), "games worth playing"
