"""The outbox: cards are posted once and say what is so, and a platform is asked no faster than it
wants, whatever fails in between."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from approvals.model import (
    MINUTE,
    SECOND,
    Address,
    Ask,
    Busy,
    Escalation,
    MessageRef,
    Person,
    Refused,
)
from approvals.outbox import AT_ONCE, LEASE, STRANDED, VETTED
from approvals.policy import Rule, When
from approvals.port import Abilities, Payload
from approvals.store import CardState, Job, Store
from tests.harness.house import GROUPS, PEOPLE, RULES, Clock, Desk, Place, open_house

ESCALATED = Rule(
    "called",
    When(action=("called.*",)),
    None,
    Ask("called", (("finance", 1),), via=("desk:ROOM",), escalate=Escalation(MINUTE, "infra")),
)


@dataclass(slots=True)
class Window(Desk):
    """A desk that opens by e-mail address too, says what was asked of it, and may be throttled."""

    emails: dict[str, str] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    throttle: int | None = None
    refuse: bool = False
    calls: int = 0
    most: int = 0
    now_open: int = 0
    opens_in: int = 0
    drawing: list[MessageRef] = field(default_factory=list)
    overtook: bool = False
    hangs: int = 0
    """Milliseconds until a redraw is given up while the desk is down."""
    clock: Clock | None = None

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            edit=True,
            echo=True,
            private_notice=True,
            reason_prompt=True,
            open_by_email=True,
            listen=False,
            tier=self.tier,
        )

    async def open(self, account: str) -> Address:
        self.opened.append(account)
        if self.clock:
            self.clock.turn(self.opens_in)
        return await Desk.open(self, self.emails.get(account, account))

    async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
        self.calls += 1
        self.now_open += 1
        self.most = max(self.most, self.now_open)
        try:
            if self.throttle is not None:
                raise Busy("slower", self.throttle)
            if self.refuse:
                raise Refused("no such room")
            return await Desk.post(self, address, payload, key)
        finally:
            self.now_open -= 1

    async def redraw(self, ref: MessageRef, payload: Payload) -> MessageRef | None:
        if self.down and self.clock:
            self.clock.turn(self.hangs)
        self.overtook |= ref in self.drawing
        self.drawing.append(ref)
        await asyncio.sleep(0)
        self.drawing.remove(ref)
        return await Desk.redraw(self, ref, payload)


class Thief(Window):
    """While it opens, the lease ends and another copy takes what is due."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(clock=clock, opens_in=40 * SECOND)
        self.store, self.taken = store, 0

    async def open(self, account: str) -> Address:
        address = await Window.open(self, account)
        if self.opens_in:
            assert self.clock is not None
            now = self.clock()
            taken = await self.store.claim("desk", worker="w0", now=now, lease=MINUTE, limit=9)
            self.taken += len(taken)
        return address


async def states(place: Place, request: Any) -> list[CardState]:
    return [card.state for card in await place.store.cards_of(request["id"])]


async def test_law_26_a_platform_that_says_wait_is_not_asked_before(store: Store) -> None:
    clock, slow, other = Clock(), Window(), Desk(name="other")
    people = tuple(replace(p, accounts={**p.accounts, "other": p.id}) for p in PEOPLE)
    async with open_house(store, desks=(slow, other), clock=clock, people=people) as place:
        slow.throttle = 30 * SECOND
        request = await place.opened("two.pay")
        await place.carried()
        asked, slow.throttle = slow.calls, None
        assert asked >= 1
        second = await place.opened("two.pay")
        clock.turn(29 * SECOND)
        await place.carried()
        assert slow.calls == asked
        assert other.of(second["id"])  # another lane goes on
        assert (await place.decide(second, "decline", by="dana"))[0] == 200  # and so do verdicts
        await place.carried()
        assert (await place.read(second["id"]))["receipt"]
        clock.turn(31 * SECOND)
        await place.carried()
        assert slow.of(request["id"])


@pytest.mark.parametrize("hangs", [0, 20 * SECOND])
async def test_law_26_a_platform_that_comes_back_says_what_was_decided_within_a_minute(
    store: Store, hangs: int
) -> None:
    """However long it was away, and however long a call takes that it does not answer."""
    desk, clock = Window(hangs=hangs), Clock()
    desk.clock = clock
    async with open_house(store, desks=(desk,), clock=clock) as place:
        request = await place.opened("two.pay")
        await place.carried()
        desk.down = True
        assert (await place.decide(request, "decline", by="dana"))[0] == 200
        gone = clock() + 60 * MINUTE
        while clock() < gone:
            clock.turn(10 * SECOND)
            await place.carried()
        assert [card.now["status"] for card in desk.messages] == ["pending"] * 2
        back, desk.down = clock(), False
        while "pending" in (card.now["status"] for card in desk.messages):
            clock.turn(SECOND)
            await place.carried()
        assert clock() - back < MINUTE - hangs
        assert await store.parked() == []


async def test_law_03_two_draws_of_one_card_are_made_one_after_the_other(store: Store) -> None:
    desk = Window()
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened()
        await place.carried()
        assert (await place.decide(request, by="dana"))[0] == 200
        await place.house.outbox.drain("")
        outcome = {"delivered": True, "status": 200}
        path = f"/v1/requests/{request['id']}/outcome"
        assert (await place.call("POST", path, outcome))[0] in (200, 204)
        await place.house.outbox.drain("")
        await place.carried()
        assert {card.now["headline"] for card in desk.messages} == {
            "Approved by dana. Delivered: 200"
        }
        assert not desk.overtook


async def test_law_26_few_are_sent_at_once(store: Store) -> None:
    desk = Window()
    async with open_house(store, desks=(desk,)) as place:
        for _ in range(2 * AT_ONCE):
            await place.opened("two.pay")
        await place.carried()
        assert len(desk.messages) == 4 * AT_ONCE
        assert desk.most <= AT_ONCE


async def test_law_07_a_card_and_its_next_look_are_kept_together(store: Store) -> None:
    """The case changed while its card was being posted: the card says so, and is posted once."""
    desk = Window()
    async with open_house(store, desks=(desk,)) as place:
        await place.house.outbox.drain("")
        request = await place.opened("two.pay")
        desk.slow.clear()
        posting = asyncio.create_task(place.house.outbox.drain("desk"))
        while len(desk.messages) < 2:
            await asyncio.sleep(0.01)
        assert (await place.decide(request, "decline", by="dana"))[0] == 200
        await place.house.outbox.drain("")  # redraws those that are posted: none
        desk.slow.set()
        await posting
        await place.carried()
        assert [message.now["status"] for message in desk.messages] == ["declined"] * 2
        assert await states(place, request) == [CardState.POSTED] * 2


@pytest.mark.parametrize("how", ["refused", "lost"])
async def test_law_07_a_card_that_failed_is_marked(store: Store, how: str) -> None:
    desk = Window()
    async with open_house(store, desks=(desk,)) as place:
        desk.refuse, desk.lose = how == "refused", 2 * (how == "lost")
        request = await place.opened("two.pay")
        await place.carried()
        assert await states(place, request) == [CardState.FAILED] * 2
        if how == "lost":
            lost = desk.messages[0]
            _, answer = await place.tap(desk.press(lost))
            assert answer["kind"] != "counted"
            place.clock.turn(MINUTE)
            await place.carried()
            # One is for who pressed the card that counts no more.
            assert (await states(place, request)).count(CardState.POSTED) >= 2


@pytest.mark.parametrize("carried", ["each", "together"])
@pytest.mark.parametrize("room", [False, True])
async def test_law_07_an_altered_card_is_replaced_once_however_often_it_is_tapped(
    store: Store, carried: str, room: bool
) -> None:
    desk = Window()
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened("room.x" if room else "mail.send")
        await place.carried()
        cards = desk.of(request["id"], None if room else "U-dana")
        assert len(cards) == 1

        async def ten_taps() -> None:
            token = cards[-1].token()
            for _ in range(10):
                place.clock.turn(1)
                tap = desk.press(cards[-1], by="U-dana", token=token, echo="another")
                assert (await place.tap(tap))[1]["kind"] == "refused"
                if carried == "each":
                    await place.carried()
            await place.carried()
            cards[:] = desk.of(request["id"], None if room else "U-dana")

        await ten_taps()
        assert len(cards) == 2
        assert "Approve" not in dict(cards[0].now["buttons"])
        assert "Approve" in dict(cards[1].now["buttons"])
        await ten_taps()  # the fresh one is altered as well: it gives no other
        assert len(cards) == 2
        assert "Approve" not in dict(cards[1].now["buttons"])
        assert cards[1].now["review"] == (
            "Desk altered this card, so a tap on it can't be trusted to mean what you saw. "
            "Review it instead."
        )
        # A reminder is another thing than a card in another one's place.
        to = {"room": "ROOM" if room else None, "account": cards[0].address.account}
        data = json.dumps({**to, "person": cards[0].address.person, "revision": 1})
        await store.append([], [Job("post", request["id"], "desk", place.clock(), data)])
        await place.carried()
        cards[:] = desk.of(request["id"], None if room else "U-dana")
        assert len(cards) == 3
        status, answer = await place.tap(desk.press(cards[-1], by="U-dana"))
        assert (status, answer["kind"]) == (200, "counted")


async def test_law_07_two_copies_replace_an_altered_card_once(database: str) -> None:
    one, two = await Store.connect(database), await Store.connect(database)
    desk, clock = Window(), Clock()
    async with (
        open_house(one, desks=(desk,), clock=clock) as place,
        open_house(two, desks=(desk,), clock=clock, worker="w2") as copy,
    ):
        request = await place.opened("room.x")
        await place.carried()
        (card,) = desk.of(request["id"])
        for _ in range(10):
            await place.tap(desk.press(card, by="U-dana", echo="another"))
        both = (place.house.outbox, copy.house.outbox)
        while any(await asyncio.gather(*(outbox.drain("desk") for outbox in both))):
            pass
        assert len(desk.of(request["id"])) == 2
    await one.close()
    await two.close()


async def test_law_07_a_card_in_place_of_an_altered_one_survives_a_copy_that_died(
    store: Store,
) -> None:
    """It had begun to post, and its job is another's now."""
    desk = Window()
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened("room.x")
        await place.carried()
        (card,) = desk.of(request["id"])
        place.clock.turn(SECOND)
        await place.tap(desk.press(card, by="U-dana", echo="another"))
        desk.slow.clear()
        dying = asyncio.create_task(place.house.outbox.drain("desk"))
        while len(desk.messages) < 2:
            await asyncio.sleep(0.01)
        dying.cancel()
        desk.slow.set()
        place.clock.turn(LEASE + 1)
        await place.carried()
        assert (await states(place, request)).count(CardState.POSTED) == 2
        tap = desk.press(desk.of(request["id"])[-1], by="U-dana")
        assert (await place.tap(tap))[1]["kind"] == "counted"


async def test_law_24_a_job_that_another_took_is_not_sent(store: Store) -> None:
    """Opening took longer than the lease, and another copy has the job: it posts the card."""
    clock = Clock()
    slow = Thief(store, clock)
    async with open_house(store, desks=(slow,), clock=clock) as place:
        request = await place.opened("two.pay")
        await place.carried()
        assert slow.taken
        assert slow.calls == 0
        assert await states(place, request) == []
        clock.turn(2 * MINUTE)  # that copy died: its lease ends
        slow.opens_in = 0
        await place.carried()
        assert await states(place, request) == [CardState.POSTED] * slow.calls
        assert slow.calls > 0


async def test_law_24_a_slow_job_is_leased_anew(store: Store) -> None:
    clock = Clock()
    slow = Window(clock=clock, opens_in=40 * SECOND)
    async with open_house(store, desks=(slow,), clock=clock) as place:
        request = await place.opened("two.pay")
        await place.carried()
        assert await states(place, request) == [CardState.POSTED] * 2


async def test_a_service_that_ends_finishes_what_it_is_sending(store: Store) -> None:
    desk = Window()
    async with open_house(store, desks=(desk,), carry=True) as place:
        desk.slow.clear()
        request = await place.opened("two.pay")
        while len(desk.messages) < 2:
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.2, desk.slow.set)
    cards = await store.cards_of(request["id"])
    assert [card.state for card in cards] == [CardState.POSTED] * 2


async def test_law_02_an_address_of_somebody_else_is_not_learnt(store: Store) -> None:
    people = (Person("dana", "dana@example.com"), *PEOPLE[1:])
    desk = Window(emails={"dana@example.com": "U-kim"})
    async with open_house(store, desks=(desk,), people=people) as place:
        await place.opened()
        await place.carried()
        assert await store.account("desk", "U-kim") is None or (
            (await store.account("desk", "U-kim")).person == "kim"  # type: ignore[union-attr]  # it is there
        )
        directory = place.house.service.trust.directory
        assert directory.by_account("desk", "U-kim") == directory.person("kim")
        assert [one.address.person for one in desk.messages] == ["kim"], "nobody else's card"
        assert "parked" in await place.kinds()


async def test_law_02_a_learnt_account_stays_when_it_is_asked_about_again(store: Store) -> None:
    people = (Person("dana", "dana@example.com"), *PEOPLE[1:])
    desk, clock = Window(emails={"dana@example.com": "U-9"}), Clock()
    async with open_house(store, desks=(desk,), people=people, clock=clock) as place:
        for _ in range(2):
            await place.opened()
            await place.carried()
            directory = place.house.service.trust.directory
            assert directory.by_account("desk", "U-9") == directory.person("dana")
            clock.turn(VETTED + 1)
        assert "U-9" in desk.opened
    moved = (Person("dana", "dana@elsewhere.example"), *PEOPLE[1:])
    async with open_house(store, desks=(desk,), people=moved, clock=clock) as place:
        assert place.house.service.trust.directory.by_account("desk", "U-9") is None


async def test_law_02_a_bad_standing_is_asked_about_again(store: Store) -> None:
    desk, clock = Window(barred=frozenset({"U-dana"})), Clock()
    async with open_house(store, desks=(desk,), clock=clock) as place:
        await place.opened("two.pay")
        await place.carried()
        dana = place.house.service.trust.directory.person("dana")
        assert dana is not None
        assert "desk" not in dana.accounts
        desk.barred = frozenset()
        outbox = place.house.outbox
        await outbox.ask_again()  # at the start
        assert place.house.service.trust.directory.by_account("desk", "U-dana")
        desk.barred = frozenset({"U-dana"})
        clock.turn(VETTED + 1)
        await place.opened("two.pay")
        await place.carried()
        assert not place.house.service.trust.directory.by_account("desk", "U-dana")
        desk.barred = frozenset()
        await outbox.ask_again()
        assert not place.house.service.trust.directory.by_account("desk", "U-dana")
        clock.turn(VETTED + 1)
        await outbox.ask_again()
        assert place.house.service.trust.directory.by_account("desk", "U-dana")


async def test_law_02_those_called_in_later_are_vetted_for_the_room(store: Store) -> None:
    desk = Window()
    async with open_house(store, desks=(desk,), rules=(ESCALATED, *RULES), groups=GROUPS) as place:
        await place.opened("called.pay")
        await place.carried()
        assert {"U-dana", "U-lee", "U-kim", "U-sam"} == set(desk.opened)


async def test_a_commit_wakes_the_outbox_once(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL it is also woken when it begins to listen, some time after the start."""
    woken, store = list[int](), await Store.connect(sqlite_database)
    async with open_house(store) as place:
        monkeypatch.setattr(type(place.house.outbox), "kick", lambda _: woken.append(1))
        await place.opened()
        assert len(woken) == 1
    await store.close()


async def test_law_24_a_copy_takes_only_what_it_can_carry(store: Store) -> None:
    """X14: a copy with an older file took jobs that it did not know, and parked them."""
    async with open_house(store) as place:
        asked = await place.opened()
        await place.carried()
        now = place.clock()
        newer = Job("errand-of-tomorrow", asked["id"], "desk", now)
        elsewhere = Job("verdict", asked["id"], "webhook new", now)
        await store.append([], [newer, elsewhere])
        for _ in range(3):
            place.clock.turn(MINUTE)
            await place.carried()
            await place.house.outbox.sweep()
        assert await store.parked() == []
        left = {job.kind for job in await store.claim(
            "desk", worker="newer", now=place.clock(), lease=1, limit=9, kinds=[newer.kind]
        )}  # fmt: skip
        assert left == {newer.kind}, "a newer copy carries it"
        place.clock.turn(STRANDED + MINUTE)
        await place.house.outbox.sweep()
        parked = await store.parked()
        assert {(one.job.kind, one.job.target) for one in parked} == {
            (newer.kind, "desk"), ("verdict", "webhook new"),
        }  # fmt: skip
        assert all("no copy" in one.error for one in parked)
        assert (await place.kinds()).count("parked") == 2
        await place.house.outbox.sweep()
        assert (await place.kinds()).count("parked") == 2
