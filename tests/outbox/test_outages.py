"""Platforms that are away: asked by one call at a time, told once, and no other waits for them."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from approvals import audit, lanes
from approvals.app.compose import EXPIRED
from approvals.evidence import Entry
from approvals.lanes import Lanes
from approvals.model import MINUTE, SECOND, Address, Agent, Busy, Instant, MessageRef, Scope
from approvals.port import Payload
from approvals.proposal import Proposal
from approvals.store import Store, metadata
from tests.harness.house import GATEWAY, PEOPLE, START, Clock, Desk, Place, open_house, rule


@dataclass(slots=True)
class Counted(Desk):
    """A desk that counts what it is asked. `slower`: conversations that want to be left alone;
    `strange`: what comes of reading its answers."""

    calls: int = 0
    slower: dict[str, int] = field(default_factory=dict)
    strange: object = None

    async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
        self.calls += 1
        if isinstance(self.strange, Exception):
            raise self.strange
        if self.strange is not None:
            return MessageRef(self.name, address.conversation, cast("str", self.strange))
        if wait := self.slower.get(address.conversation):
            raise Busy("slower", wait, scope=Scope.CONVERSATION)
        return await Desk.post(self, address, payload, key)

    async def redraw(self, ref: MessageRef, payload: Payload) -> MessageRef | None:
        self.calls += 1
        return await Desk.redraw(self, ref, payload)


def _rows_of(name: str) -> Callable[..., sa.Select[Any]]:
    query = sa.select(sa.func.count()).select_from(metadata.tables[name])
    return lambda _: query


async def written(place: Place, tables: tuple[str, ...] = ("audit", "cards", "buttons")) -> int:
    """Rows in these tables."""
    counted = 0
    for name in tables:
        found = await place.store._read(_rows_of(name))
        counted += found[0][0]
    return counted


async def passes(place: Place, milliseconds: int, *others: str) -> None:
    """Time goes by, and these lanes look each second."""
    for _ in range(milliseconds // SECOND):
        place.clock.turn(SECOND)
        for lane in ("", "desk", *others):
            while await place.house.outbox.drain(lane):
                pass


async def outages(place: Place) -> list[str]:
    return [kind for kind in await place.kinds() if kind.startswith("outage.")]


async def test_an_hour_without_a_platform_costs_few_calls_and_rows(store: Store) -> None:
    """1,000 cards wait: 500 requests, each for two people."""
    desk, long = Counted(down=True), rule("long", expires=3 * 60 * MINUTE)
    async with open_house(store, desks=(desk,), rules=(long,)) as place:
        for n in range(500):
            asked = Proposal("long.send", Agent("bot"), payload=f'{{"n":{n}}}')
            await place.house.service.open(GATEWAY, asked)
        before = await written(place)
        await passes(place, 60 * MINUTE)
        rows = await written(place) - before
        assert desk.calls < 5_000
        assert rows < 5_000
        assert desk.calls > 60, "it is looked after all the same"
        assert await outages(place) == ["outage.began"]
        calls, desk.down = desk.calls, False
        await passes(place, MINUTE)
        assert len(desk.messages) == 1_000
        assert desk.calls - calls <= 2_100, "one post and one look each"
        assert await outages(place) == ["outage.began", "outage.ended"]


async def test_law_26_what_begins_while_an_older_outage_is_looked_up_has_not_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer asks the store for an outage of before we were started; meanwhile one
    begins."""
    desk, read, began, looked = Counted(down=True), store.meta, asyncio.Event(), list[str]()

    async def slow(key: str) -> str | None:
        if key.startswith("outage ") and not looked:
            looked.append(key)
            await began.wait()
        return await read(key)

    monkeypatch.setattr(store, "meta", slow)
    async with open_house(store, desks=(desk,)) as place:
        outbox = place.house.outbox
        with capture_logs() as logs:
            answered = asyncio.create_task(outbox._answered("desk", None))
            while not looked:
                await asyncio.sleep(0)
            for n in range(5):
                await place.opened("long.send", payload={"n": n})
            await passes(place, MINUTE)
            began.set()
            await answered
        assert await outages(place) == ["outage.began"]
        assert [log["event"] for log in logs] == ["platform_down"]


STRANGE = (KeyError("id"), TypeError(), RecursionError(), "", "\0", "\ud800", 7, "9" * 3000)


@pytest.mark.parametrize("strange", STRANGE)
async def test_law_26_an_answer_of_a_shape_that_is_not_the_platforms_is_an_outage(
    store: Store, strange: object
) -> None:
    """Whether its adapter stumbles over it, or takes something for the id of a message."""
    desk = Counted(strange=strange)
    async with open_house(store, desks=(desk,)) as place:
        for n in range(50):
            await place.opened("long.send", payload={"n": n})
        with capture_logs() as logs:
            await passes(place, 5 * MINUTE)
            assert desk.calls < 100
            desk.strange = None
            await passes(place, MINUTE)
        assert len(desk.messages) == 100
        assert await outages(place) == ["outage.began", "outage.ended"]
        assert [log["event"] for log in logs] == ["platform_down", "platform_back"]


async def test_law_26_an_outage_that_ended_while_nobody_was_there_ends_in_the_chain(
    store: Store,
) -> None:
    desk = Counted(down=True)
    async with open_house(store, desks=(desk,)) as place:
        await place.opened()
        await passes(place, MINUTE)
        assert await outages(place) == ["outage.began"]
    desk.down = False
    async with open_house(store, desks=(desk,), clock=place.clock) as place:
        await passes(place, MINUTE)
        assert await outages(place) == ["outage.began", "outage.ended"]
        desk.down = True
        await place.opened("two.pay")
        await passes(place, MINUTE)
        assert (await outages(place))[2:] == ["outage.began"]


async def test_law_26_an_outage_that_could_not_be_looked_up_is_looked_up_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, read, refused = Counted(down=True), store.meta, list[str]()
    async with open_house(store, desks=(desk,)) as place:
        await place.opened()
        await passes(place, MINUTE)
    desk.down = False

    async def busy_once(key: str) -> str | None:
        if key.startswith("outage ") and not refused:
            refused.append(key)
            raise Busy("database: away for a moment")
        return await read(key)

    monkeypatch.setattr(store, "meta", busy_once)
    async with open_house(store, desks=(desk,), clock=place.clock) as place:
        await place.opened("two.pay")
        await passes(place, MINUTE)
        assert refused
        assert await outages(place) == ["outage.began", "outage.ended"]


async def test_law_26_two_copies_that_see_an_outage_tell_it_once(database: str) -> None:
    one, other = await Store.connect(database), await Store.connect(database)

    def entry(kind: audit.Kind, **said: object) -> Entry:
        return audit.entry(kind, START, bytes, None, lane="desk", **said)

    began, ended = audit.Kind.OUTAGE_BEGAN, audit.Kind.OUTAGE_ENDED
    for value, found in ("7", entry(began, why="x")), ("", entry(ended, seconds=1, failures=2)):
        both = (store.turn("outage desk", value, [found]) for store in (one, other))
        assert sorted(await asyncio.gather(*both)) == [False, True]
    await one.seal(START)
    assert [json.loads(line)["kind"] async for line in one.export()] == [began, ended]
    await one.close()
    await other.close()


async def test_law_26_an_outage_is_seen_everywhere_and_ends_nobodys_work(store: Store) -> None:
    desk, other = Counted(down=True), Desk(name="other")
    people = tuple(replace(p, accounts={**p.accounts, "other": p.id}) for p in PEOPLE)
    async with open_house(store, desks=(desk, other), people=people) as place:
        request = await place.opened()
        await passes(place, 25 * SECOND, "other")
        assert other.of(request["id"]), "it is the platform's own"
        status, ready = await place.call("GET", "/readyz")
        assert (status, ready["status"]) == (200, "ready")
        (warning,) = ready["warnings"]
        assert warning.startswith("'desk' has been failing for ")
        assert "the desk is down" in warning
        text = (await place.call("GET", "/metrics"))[1]
        found = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        assert float(found['countersign_calls_failed_total{lane="desk"}']) == desk.calls
        assert float(found['countersign_outbox_oldest_seconds{lane="desk"}']) >= 20
        assert found["countersign_pending"] == "1.0"
        assert found['countersign_pending_older{seconds="60"}'] == "0.0"
        desk.down = False
        await passes(place, MINUTE)
        assert desk.of(request["id"])
        assert (await place.call("GET", "/readyz"))[1]["warnings"] == []
        text = (await place.call("GET", "/metrics"))[1]
        assert 'countersign_pending_older{seconds="60"} 1.0' in text
        assert "countersign_audit_lag_seconds" in text
        assert "process_resident_memory_bytes" in text
        assert "countersign_card_seconds_count 4.0" in text


def refused(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (START, START / SECOND),
        (refused(EXPIRED), 0),
        (refused(20), None),  # by an authority that is not known here: browsers may know it
        (ConnectionRefusedError(), None),
        (None, None),
    ],
)
async def test_metrics_say_when_the_certificate_before_us_ends(
    store: Store, found: Instant | OSError | None, told: float | None
) -> None:
    """0: it has ended. Nothing is said where it was not seen, or is believed elsewhere."""
    looked = asyncio.Event()

    async def until() -> Instant | None:
        looked.set()
        if isinstance(found, OSError):
            raise found
        return found

    async with open_house(store, certificate=until) as place:
        await looked.wait()
        text = (await place.call("GET", "/metrics"))[1]
        assert (await place.call("GET", "/readyz"))[1]["warnings"] == []
    lines = [line.rpartition(" ") for line in text.splitlines()]
    name = "countersign_certificate_expires_timestamp_seconds"
    assert next((float(value) for known, _, value in lines if known == name), None) == told


async def test_law_26_a_limit_of_one_conversation_stops_that_conversation(store: Store) -> None:
    desk = Counted(slower={"D-U-dana": MINUTE})
    async with open_house(store, desks=(desk,)) as place:
        for _ in range(3):
            request = await place.opened()
            await passes(place, 2 * SECOND)
            assert desk.of(request["id"], "U-kim"), "the other approver is asked"
        assert not [message for message in desk.messages if message.address.account == "U-dana"]
        assert desk.calls == 1 + 3, "one call told us"
        desk.slower.clear()
        await passes(place, MINUTE)
        assert len([m for m in desk.messages if m.address.account == "U-dana"]) == 3
        assert await outages(place) == []


@dataclass(slots=True)
class Poisoned(Counted):
    """It fails on what is for one account."""

    async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
        if address.account == "U-dana":
            raise Busy("500 for this one")
        return await Counted.post(self, address, payload, key)


async def test_law_26_one_card_that_always_fails_holds_up_no_other(store: Store) -> None:
    desk = Poisoned()
    async with open_house(store, desks=(desk,)) as place:
        for _ in range(5):
            request = await place.opened()
            await passes(place, 2 * SECOND)
            assert desk.of(request["id"], "U-kim")
        assert await outages(place) == []


def made(clock: Clock) -> Lanes:
    return Lanes(clock, clock.steady, lambda n: b"\x80" * n)


def test_calls_that_were_under_way_together_are_one_failure() -> None:
    clock = Clock()
    known = made(clock)
    began = clock.steady()
    clock.turn(SECOND)
    for _ in range(8):
        assert known.failed("desk", Busy("x"), began=began) is None
    assert known.outages["desk"].failures == 1
    assert known.pause("desk") == 0, "the next call says whether it was by chance"
    assert known.failed("desk", Busy("y"), began=clock.steady()) is known.outages["desk"]
    assert 0 < known.pause("desk") <= 3 * SECOND
    assert known.failed("desk", Busy("z"), began=clock.steady()) is None, "told once"


@pytest.mark.parametrize("first", ["it fails", "another is taken"])
def test_law_26_what_fails_while_another_call_is_taken_fails_alone(first: str) -> None:
    """Whichever of the two answers comes first."""
    clock = Clock()
    known = made(clock)
    began = clock.steady()

    def fails() -> None:
        known.failed("desk", Busy("x"), began=began, conversation="C1")

    def answered() -> None:
        known.answered("desk", "C2")

    for act in (fails, answered)[:: 1 if first == "it fails" else -1]:
        act()
    for _ in range(5):
        assert known.failed("desk", Busy("x"), began=clock.steady(), conversation="C1") is None
        assert known.pause("desk", "C2") == 0
        assert known.pause("desk", "C1") > 0
        clock.turn(MINUTE)
    known.answered("desk", "C1")
    clock.turn(1)
    for _ in range(2):
        known.failed("desk", Busy("x"), began=clock.steady(), conversation="C1")
    assert known.pause("desk", "C2") > 0, "it was well, so it may be the platform again"


def test_a_call_that_hangs_says_by_itself_that_the_platform_is_down() -> None:
    clock = Clock()
    known = made(clock)
    began = clock.steady()
    clock.turn(10 * SECOND)
    outage = known.failed("desk", Busy("no answer"), began=began)
    assert outage is not None
    assert known.late("desk") == 10 * SECOND
    assert known.warnings() == [
        "'desk' has been failing for 10 s: no answer. What is for it waits."
    ]
    assert known.answered("desk") is outage
    assert (known.answered("desk"), known.late("desk"), known.warnings()) == (None, 0, [])


@pytest.mark.parametrize("chance", [b"\0\0", b"\xff\xff"], ids=["least", "most"])
def test_the_calls_grow_apart_and_one_that_is_back_is_noticed_within_half_a_minute(
    chance: bytes,
) -> None:
    clock = Clock()
    known = Lanes(clock, clock.steady, lambda n: chance)
    pauses = []
    for _ in range(20):
        known.failed("desk", Busy("x"), began=clock.steady())
        pauses.append(known.pause("desk"))
        clock.turn(known.pause("desk") + 1)
    assert pauses == sorted(pauses)
    assert pauses[-1] <= 30 * SECOND


def test_many_conversations_that_wait_at_once_are_the_platforms_limit() -> None:
    clock = Clock()
    known = made(clock)
    for n in range(lanes.WIDE):
        slower = Busy("slower", MINUTE, scope=Scope.CONVERSATION)
        known.failed("desk", slower, began=clock.steady(), conversation=f"C{n}")
        assert known.pause("desk", f"C{n}") == MINUTE
        assert known.pause("desk") == 0
    slower = Busy("slower", MINUTE, scope=Scope.CONVERSATION)
    known.failed("desk", slower, began=clock.steady(), conversation="C99")
    assert known.pause("desk", "C100") == MINUTE
    clock.turn(MINUTE)
    assert known.pause("desk", "C1") == 0


@pytest.mark.parametrize("restarted", [False, True])
async def test_law_26_what_failed_while_the_clock_ran_ahead_is_tried_when_it_is_right(
    store: Store, restarted: bool
) -> None:
    desk = Counted(down=True)
    rules = (rule("long", expires=300 * MINUTE),)
    async with open_house(store, desks=[desk], rules=rules) as place:
        await place.house.outbox.sweep()
        await place.house.outbox.sweep()
        place.clock.set(120 * MINUTE)
        request = await place.opened("long.send")
        await passes(place, 5 * SECOND)
        await place.house.outbox.sweep()
        assert desk.calls
        place.clock.set(-120 * MINUTE)
        desk.down = False
        if not restarted:
            await passes(place, 2 * MINUTE)
            assert not desk.of(request["id"]), "due by the clock that ran ahead"
            await place.house.outbox.sweep()
            await place.house.outbox.sweep()
            await passes(place, MINUTE)
            assert desk.of(request["id"])
            return
    async with open_house(store, desks=[desk], rules=rules, clock=place.clock) as place:
        await place.house.outbox.sweep()
        await place.house.outbox.sweep()
        await passes(place, MINUTE)
        assert desk.of(request["id"])


async def test_law_26_what_was_queued_while_the_clock_ran_ahead_is_sent_when_it_is_right(
    store: Store,
) -> None:
    desk = Counted()
    async with open_house(store, desks=[desk]) as place:
        place.clock.turn(10 * MINUTE)
        request = await place.opened()
        place.clock.turn(-10 * MINUTE)
        await place.carried()
        assert not desk.of(request["id"]), "due by the clock that ran ahead"
        await place.house.outbox.sweep()
        await place.carried()
        (card, *_) = desk.of(request["id"])
        assert (await place.house.service.tap(desk.press(card))).counted
        await place.carried()
        waiting = [kind for kind, _ in (await store.counts()).jobs]
        await place.house.outbox.sweep()
        assert waiting == [kind for kind, _ in (await store.counts()).jobs]
        assert not await store.hasten(place.clock(), place.clock(), {"post", "draw", "forward"})
