"""What only some platforms need of the port, and what the core makes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import pytest

from approvals import service
from approvals.buttons import Key, KeyRing
from approvals.evidence import Entry
from approvals.memory import MOST, ChannelMemory
from approvals.model import (
    MINUTE,
    Address,
    Card,
    Choice,
    Forged,
    MessageRef,
    Person,
    Refused,
    Request,
    Risk,
    Tier,
)
from approvals.notices import INVALID, NEWER, UNOFFERED
from approvals.outbox import LEASE
from approvals.policy import tap_tier
from approvals.port import (
    Abilities,
    Drawn,
    Lost,
    Memory,
    Payload,
    Proven,
    Resolved,
    Route,
    Tap,
    reviewed,
)
from approvals.store import CardState, Store, again_job, post_job
from approvals.web import events, typed_codes
from tests.harness.browsing import Browser
from tests.harness.house import (
    GATEWAY,
    HANGS,
    PEOPLE,
    RING,
    Desk,
    Message,
    Place,
    everything,
    open_house,
    proposal,
    rule,
    until,
)
from tests.reading.work import linear

LOW: Final = rule("low", risk=Risk.LOW)
LOW_ROOM: Final = rule("lowroom", risk=Risk.LOW, via=("desk:ROOM",))
RULES: Final = (LOW, LOW_ROOM, rule("high", risk=Risk.HIGH), rule("room", via=("desk:ROOM",)))


class Plain(Desk):
    """A desk that brings back nothing of the card: taps are reactions, or name no message."""

    names_message = True

    @property
    def abilities(self) -> Abilities:
        mine: Abilities = Desk.abilities.fget(self)  # type: ignore[attr-defined] # a property, of a slotted class
        return replace(mine, echo=False, names_message=self.names_message)

    def echo(self, payload: Payload) -> None:  # type: ignore[override] # as where a tap carries none
        return None

    def react(self, card: Message, choice: Choice, by: str, **other: Any) -> Tap:
        return self.press(card, by=by, token="", choice=choice, echo=None, **other)


class Blind(Plain):
    """A desk whose taps never say which message they were on."""

    names_message = False


# A tap by message and choice


async def test_law_06_a_reaction_approves_the_card_that_it_is_on(store: Store) -> None:
    desk = Plain()
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        first, second = await place.opened("lowroom.a"), await place.opened("lowroom.b")
        await place.carried()
        cards = {one["id"]: desk.of(one["id"])[0] for one in (first, second)}
        assert len({card.ref.conversation for card in cards.values()}) == 1
        status, word = await place.tap(desk.react(cards[second["id"]], Choice.APPROVE, "U-dana"))
        assert (status, word["kind"]) == (200, "counted")
        assert (await place.read(second["id"]))["status"] == "approved"
        assert (await place.read(first["id"]))["status"] == "pending"


async def test_law_06_a_reaction_is_tier_c_and_approves_low_risk_only(store: Store) -> None:
    desk = Plain(tier=Tier.A)
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("room.pay")  # medium risk
        await place.carried()
        (card,) = desk.of(request["id"])
        _, word = await place.tap(desk.react(card, Choice.APPROVE, "U-dana"))
        assert (word["kind"], "does not prove enough" in word["text"]) == ("refused", True)
        assert (await place.read(request["id"]))["status"] == "pending"
        _, word = await place.tap(desk.react(card, Choice.DECLINE, "U-dana"))
        assert word["kind"] == "counted"
        assert (await place.read(request["id"]))["status"] == "declined"


async def test_law_06_a_reaction_chooses_only_what_the_card_offers(store: Store) -> None:
    desk = Plain()
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("high.pay")
        card = await place.card(request, "U-dana")
        assert "Approve" not in dict(card.now["buttons"])
        _, word = await place.tap(desk.react(card, Choice.APPROVE, "U-dana"))
        assert word == {"kind": "refused", "text": UNOFFERED}
        assert (await place.read(request["id"]))["status"] == "pending"
        assert (await place.kinds(request["id"])).count("refused") == 1


@dataclass(slots=True)
class Leaving(Plain):
    """A desk whose template, where it `leaves` out a part, costs a card its Approve."""

    leaves: bool = True

    def drawn(self, card: Card) -> Drawn:
        shown = reviewed(card, "a fact") if self.leaves else card
        return Drawn(shown, self.layout(shown), ())


async def test_law_14_a_reaction_chooses_nothing_that_was_not_drawn(store: Store) -> None:
    desk = Leaving()
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("low.a")
        card = await place.card(request, "U-dana")
        assert [*dict(card.now["buttons"])] == ["Decline"]
        _, word = await place.tap(desk.react(card, Choice.APPROVE, "U-dana"))
        assert word == {"kind": "refused", "text": UNOFFERED}
        assert (await place.read(request["id"]))["status"] == "pending"
        _, word = await place.tap(desk.react(card, Choice.DECLINE, "U-dana"))
        assert word["kind"] == "counted"


@pytest.mark.parametrize("by_token", [False, True])
async def test_law_14_what_a_redraw_drops_is_chosen_by_nothing(
    store: Store, by_token: bool
) -> None:
    desk = Leaving(leaves=False)
    low = rule("low", risk=Risk.LOW, quorum=(("finance", 2),))
    async with open_house(store, desks=(desk,), rules=(low,)) as place:
        request = await place.opened("low.a")
        card = await place.card(request, "U-dana")
        kept = desk.press(card, echo=None)
        desk.leaves = True
        assert (await place.decide(request, by="lee"))[0] == 200
        await place.carried()
        assert [*dict(card.now["buttons"])] == ["Decline"]
        tap = kept if by_token else desk.react(card, Choice.APPROVE, "U-dana")
        assert (await place.tap(tap))[1]["kind"] == "refused"
        assert (await place.read(request["id"]))["status"] == "pending"
        assert (await place.tap(desk.press(card, "Decline", echo=None)))[1]["kind"] == "counted"


@pytest.mark.parametrize("by", ["U-lee", "U-nobody"])
async def test_law_02_a_reaction_of_somebody_else_consumes_nothing(store: Store, by: str) -> None:
    desk = Plain()
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("lowroom.a")
        await place.carried()
        (card,) = desk.of(request["id"])
        assert (await place.tap(desk.react(card, Choice.APPROVE, by)))[1]["kind"] == "refused"
        assert (await place.tap(desk.react(card, Choice.APPROVE, "U-dana")))[1]["kind"] == "counted"


async def test_law_06_a_reaction_to_a_card_for_one_person_is_that_persons(store: Store) -> None:
    desk = Plain()
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("low.a")
        card = await place.card(request, "U-dana")
        _, word = await place.tap(desk.react(card, Choice.APPROVE, "U-kim"))
        assert word == {"kind": "refused", "text": INVALID}
        assert (await place.read(request["id"]))["status"] == "pending"


async def test_a_reaction_to_another_message_is_ignored_without_a_word(store: Store) -> None:
    desk = Plain()
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("low.a")
        card = await place.card(request, "U-dana")
        for other in ({"message": "M-lunch"}, {"conversation": "D-elsewhere"}):
            assert await place.tap(desk.react(card, Choice.APPROVE, "U-dana", **other)) == (
                200,
                None,
            )
        assert (await place.kinds(request["id"])).count("refused") == 0
        assert desk.told == []


async def test_a_reaction_that_overtakes_the_answer_to_the_post_waits_for_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Plain()
    monkeypatch.setattr(service, "OVERTAKES", (0.01,) * 6000)  # however busy this machine is
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("low.a")
        desk.slow.clear()
        posting = asyncio.create_task(place.carried())
        while not desk.of(request["id"], "U-dana"):
            await asyncio.sleep(0)
        (card,) = desk.of(request["id"], "U-dana")
        tapping = asyncio.create_task(place.tap(desk.react(card, Choice.APPROVE, "U-dana")))
        while not tapping.done():
            desk.slow.set()
            await asyncio.sleep(0.01)
        assert (await tapping)[1]["kind"] == "counted"
        await posting


async def test_law_07_a_message_that_the_database_calls_a_card_approves_nothing(
    store: Store, database: str
) -> None:
    """A reaction has no token: that the message is our card is known by the seal over both."""
    desk = Plain()
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("low.a")
        card = await place.card(request, "U-dana")
        rows = await place.store.cards_of(request["id"])
        (row,) = [one for one in rows if one.account == "U-dana"]
        await place.store.drawn(row.id, row.drawn + 1, moved=("M-lunch", row.echo or ""))
        lunch = desk.react(card, Choice.APPROVE, "U-dana", message="M-lunch")
        assert (await place.tap(lunch))[1]["kind"] == "refused"
        assert (await place.read(request["id"]))["status"] == "pending"


# What a tap proves by what it brings


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("alone", [True, False])
def test_law_07_what_a_tap_proves_is_said_in_one_place(tier: Tier, alone: bool) -> None:
    def of(**brings: bool) -> Tier | None:
        usual = {"token": True, "message": True, "names_message": True, "alone": alone}
        return tap_tier(tier, **{**usual, **brings})

    assert of() is tier
    assert of(token=False) is Tier.C
    assert of(message=False) is None
    without = of(message=False, names_message=False)
    assert without == (None if not alone else min(tier, Tier.B, key="CBA".index))


async def test_law_07_a_tap_that_names_no_message_counts_where_none_ever_does(
    store: Store,
) -> None:
    desk = Blind(tier=Tier.A)
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request, other = await place.opened("mail.send"), await place.opened("mail.sent")
        card = await place.card(request, "U-dana")
        tap = desk.press(card, message=None, echo=None)
        assert (await place.tap(replace(tap, account="U-kim")))[1]["text"] == INVALID
        assert (await place.tap(replace(tap, conversation="D-U-kim")))[1]["text"] == INVALID
        assert (await place.tap(tap))[1]["kind"] == "counted"
        assert (await place.read(request["id"]))["status"] == "approved"
        assert (await place.read(other["id"]))["status"] == "pending"


async def test_law_07_such_a_tap_approves_nothing_in_a_room_or_after_a_revision(
    store: Store,
) -> None:
    desk = Blind()
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("room.pay")
        await place.carried()
        (card,) = desk.of(request["id"])
        tap = desk.press(card, by="U-dana", message=None, echo=None)
        assert (await place.tap(tap))[1] == {"kind": "refused", "text": INVALID}
        other = proposal("room.pay", payload='{"to":"eve"}')
        await place.house.service.revise(GATEWAY, request["id"], other)
        decline = desk.press(card, "Decline", by="U-dana", message=None, echo=None)
        assert (await place.tap(decline))[1]["kind"] == "refused"  # of the revision before
        assert (await place.read(request["id"]))["status"] == "pending"


async def test_law_07_a_lost_card_approves_nothing_where_no_message_is_named(store: Store) -> None:
    desk = Blind(lose=1)
    async with open_house(store, desks=(desk,), rules=RULES) as place:
        request = await place.opened("mail.send")
        await place.carried()
        lost = desk.messages[0]
        tap = desk.press(lost, message=None, echo=None)
        assert (await place.tap(tap))[1] == {"kind": "refused", "text": NEWER}
        assert (await place.read(request["id"]))["status"] == "pending"


# A card that has to be posted again


class Reposting(Desk):
    """A desk that edits no message: a redraw is another message, and the old one stays."""

    async def redraw(self, ref: MessageRef, payload: Payload) -> MessageRef:
        address = self.at(ref).address
        new = replace(ref, message=f"{ref.message}+")
        self.messages.append(Message(new, address, "again", [payload]))
        return new


async def test_law_07_a_card_that_is_posted_again_takes_the_taps_and_the_old_one_none(
    store: Store,
) -> None:
    desk = Reposting()
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened("two.pay")
        await place.carried()
        old = desk.of(request["id"], "U-dana")[-1]
        assert (await place.decide(request, by="lee"))[0] == 200
        await place.carried()
        new = desk.of(request["id"], "U-dana")[-1]
        assert new.ref.message == f"{old.ref.message}+"
        posted = len(desk.messages)
        assert (await place.tap(desk.press(old)))[1] == {"kind": "refused", "text": NEWER}
        await place.carried()
        assert len(desk.messages) == posted  # nobody gets one more card for it
        assert (await place.tap(desk.press(new)))[1]["kind"] == "counted"
        await place.carried()
        ends = desk.of(request["id"], "U-dana")
        assert [one.ref.message for one in ends] == [old.ref.message + "+" * n for n in range(3)]
        assert ends[-1].now["status"] == "approved"


async def test_law_07_a_reaction_to_the_old_one_is_told_that_there_is_a_newer(
    store: Store,
) -> None:
    class Both(Reposting, Plain):
        pass

    desk = Both()
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened("two.pay")
        await place.carried()
        old = desk.of(request["id"], "U-dana")[-1]
        assert (await place.decide(request, by="lee"))[0] == 200
        await place.carried()
        tap = desk.react(old, Choice.APPROVE, "U-dana")
        assert (await place.tap(tap))[1] == {"kind": "refused", "text": NEWER}
        assert (await place.read(request["id"]))["status"] == "pending"


# `via` as a chain


@dataclass(slots=True)
class Second(Desk):
    """The channel that comes after the desk."""

    name: str = "second"


BOTH: Final = tuple(
    replace(one, accounts={**one.accounts, "second": f"V-{one.id}"}) for one in PEOPLE
)
CHAIN: Final = rule("chain", via=("desk", "second"))
TO_ROOM: Final = rule("toroom", via=("desk", "second:ROOM"), quorum=(("finance", 1),))
FROM_ROOM: Final = rule("fromroom", via=("desk:ROOM", "second"), quorum=(("finance", 1),))


class Refusing(Desk):
    """A desk that takes no card."""

    async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
        raise Refused("desk: no such conversation")


@asynccontextmanager
async def chained(store: Store, desk: Desk, **more: Any) -> AsyncIterator[tuple[Place, Desk]]:
    second = Second()
    rules = (CHAIN, TO_ROOM, FROM_ROOM)
    async with open_house(store, desks=(desk, second), people=BOTH, rules=rules, **more) as place:
        yield place, second


async def test_law_26_whom_a_platform_does_not_know_is_asked_by_the_next_entry(
    store: Store,
) -> None:
    desk = Desk(barred=frozenset({"U-dana"}))
    async with chained(store, desk) as (place, second):
        request = await place.opened("chain.pay")
        await place.carried()
        assert [card.address.account for card in desk.of(request["id"])] == ["U-kim"]
        (card,) = second.of(request["id"])
        assert card.address.account == "V-dana"
        assert await place.store.parked() == []
        assert "card.rerouted" in await place.kinds(request["id"])
        tap = second.press(card)
        place.channel = second
        assert (await place.tap(tap))[1]["kind"] == "counted"


async def test_law_26_a_card_that_is_refused_goes_by_the_next_entry_and_the_page_says_so(
    store: Store,
) -> None:
    async with chained(store, Refusing()) as (place, second):
        request = await place.opened("chain.pay")
        await place.carried()
        assert {card.address.account for card in second.of(request["id"])} == {"V-dana", "V-kim"}
        page = await (await Browser(place).signed_in("dana")).get(f"/requests/{request['id']}")
        assert "Desk couldn&#39;t reach dana, so the card goes to Second." in page.text


async def test_law_26_the_last_entry_that_refuses_is_parked(store: Store) -> None:
    async with open_house(
        store, desks=(Refusing(),), rules=(rule("chain", via=("web", "desk")),)
    ) as place:
        await place.opened("chain.pay")
        await place.carried()
        assert {one.job.target for one in await place.store.parked()} == {"desk"}


async def test_law_26_a_platform_that_is_away_sends_nobody_on(store: Store) -> None:
    async with chained(store, Desk(down=True)) as (place, second):
        request = await place.opened("chain.pay")
        await place.carried()
        assert second.of(request["id"]) == []


async def test_law_26_several_peoples_next_entry_is_one_room_and_gets_one_card(
    store: Store,
) -> None:
    async with chained(store, Refusing()) as (place, second):
        request = await place.opened("toroom.pay")
        await place.carried()
        (card,) = second.of(request["id"])
        assert (card.address.account, card.ref.conversation) == (None, "ROOM")


async def test_law_26_a_room_that_refuses_sends_each_person_on(store: Store) -> None:
    async with chained(store, Refusing()) as (place, second):
        request = await place.opened("fromroom.pay")
        await place.carried()
        assert {card.address.account for card in second.of(request["id"])} == {"V-dana", "V-lee"}


async def test_law_26_a_card_that_did_not_arrive_goes_by_the_next_entry(store: Store) -> None:
    desk = Desk(listens=True)
    async with chained(store, desk, outbound_only=frozenset({"desk"})) as (place, second):
        request = await place.opened("chain.pay")
        card = await place.card(request, "U-dana")
        desk.written.put_nowait(Lost("desk", card.ref.conversation, card.ref.message))
        async with asyncio.timeout(HANGS):
            while not second.of(request["id"]):
                await place.carried()
                await asyncio.sleep(0.01)
        assert {one.address.account for one in second.of(request["id"])} == {"V-dana"}
        assert (await place.tap(desk.press(card)))[1]["kind"] == "refused"


async def test_law_26_two_entries_that_refuse_by_turns_end(store: Store) -> None:
    """`via` may name one entry twice where no configuration file was asked."""
    twice = rule("chain", via=("desk", "second", "desk"))

    class Unwilling(Second):
        async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
            raise Refused("second: no such conversation")

    desks = (Refusing(), Unwilling())
    async with open_house(store, desks=desks, people=BOTH, rules=(twice,)) as place:
        await place.opened("chain.pay")
        async with asyncio.timeout(HANGS):
            await place.carried()
        assert {one.job.target for one in await place.store.parked()} == {"second"}


@dataclass(slots=True)
class Third(Desk):
    """The channel that comes after the second."""

    name: str = "third"


async def test_law_26_a_room_that_refuses_sends_nobody_on_who_is_asked_before_it(
    store: Store,
) -> None:
    class Roomless(Second):
        async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
            raise Refused("second: no such room")

    desk, room, third = Desk(down=True), Roomless(), Third()
    way = rule("chain", via=("desk", "second:ROOM", "third"), quorum=(("finance", 1),))
    people = (
        Person("dana", None, {"desk": "U-dana", "third": "W-dana"}),
        Person("lee", None, {"third": "W-lee"}),
    )
    async with open_house(store, desks=(desk, room, third), people=people, rules=(way,)) as place:
        request = await place.opened("chain.pay")
        await place.carried()
        assert [one.address.account for one in third.of(request["id"])] == ["W-lee"]


async def test_law_26_who_was_sent_on_to_a_room_is_sent_on_from_it_once(store: Store) -> None:
    class Roomless(Second):
        async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
            raise Refused("second: no such room")

    desk, room, third = Refusing(), Roomless(), Third()
    way = rule("chain", via=("desk", "second:ROOM", "third"), quorum=(("finance", 1),))
    people = [replace(one, accounts={**one.accounts, "third": f"W-{one.id}"}) for one in PEOPLE]
    async with open_house(store, desks=(desk, room, third), people=people, rules=(way,)) as place:
        request = await place.opened("chain.pay")
        await place.carried()
        asked = sorted(str(one.address.account) for one in third.of(request["id"]))
        assert asked == ["W-dana", "W-lee"]


async def test_law_24_a_copy_that_dies_while_it_posts_to_a_shared_room_loses_no_card(
    store: Store,
) -> None:
    """What it had begun is no card that stands there, once its job is due again."""
    async with chained(store, Refusing()) as (place, second):
        request = await place.opened("toroom.pay")
        await place.house.outbox.drain("desk")
        second.slow.clear()
        posting = asyncio.create_task(place.house.outbox.drain("second"))
        await until(lambda: second.of(request["id"]))
        posting.cancel()  # as by a kill: nothing is written any more
        await asyncio.gather(posting, return_exceptions=True)
        second.slow.set()
        place.clock.turn(LEASE + 1)
        await place.carried()
        cards = await place.store.cards_of(request["id"])
        states = [card.state for card in cards if card.channel == "second"]
        assert states.count(CardState.POSTED) == 1


async def test_two_copies_post_one_card_to_a_room_that_is_several_peoples_next_way(
    store: Store,
) -> None:
    async with chained(store, Refusing()) as (place, second):
        request = await place.opened("toroom.pay")
        case = await place.case(request["id"])
        await place.carried()
        (posted,) = [c for c in await place.store.cards_of(case.id) if c.channel == "second"]
        other = replace(posted, id=posted.id[:-1] + "~", message=None, state=CardState.POSTING)
        assert not await place.store.add_card(other, [], since=posted.id, once=True)
        # While the first is on its way the second waits: the first may be refused.
        another = await place.opened("toroom.pay")
        begun = replace(other, id=posted.id[:-1] + "!", request_id=another["id"])
        assert await place.store.add_card(begun, [], since=posted.id, once=True)
        for one in range(2):
            await place.house.outbox.drain("desk")
            await place.house.outbox.drain("second")
            assert len(second.of(another["id"])) == one
            await place.store.fail_card(begun.id)
            place.clock.turn(MINUTE)


async def test_one_loss_that_two_copies_hear_of_is_followed_once(store: Store) -> None:
    async with chained(store, Desk()) as (place, _):
        request = await place.opened("chain.pay")
        await place.carried()
        case = await place.case(request["id"])
        card, *_ = await place.store.cards_of(case.id)
        again = again_job(case, card, place.clock())
        entry = Entry("default", place.clock(), "card.lost", case.id, "{}", b"0" * 16)
        assert await place.store.fail_card(card.id, [entry], [again])
        assert not await place.store.fail_card(card.id, [entry], [again])
        assert (await place.kinds(case.id)).count("card.lost") == 1
        waiting = (await place.store.counts()).jobs
        assert waiting["post", "desk"][0] == 1


async def test_law_24_who_lost_the_lease_sends_nobody_on(store: Store) -> None:
    async with chained(store, Refusing()) as (place, _):
        request = await place.opened("chain.pay")
        now = place.clock()
        first, *_ = await place.store.claim("desk", worker="w2", now=now, lease=1, limit=1)
        await place.store.claim("desk", worker="w3", now=now + 1, lease=MINUTE, limit=9)
        then = post_job(await place.case(request["id"]), "second", now, room="ROOM")
        assert not await place.store.end(first, [], then=[then])
        assert ("post", "second") not in (await place.store.counts()).jobs


async def test_law_26_a_channel_that_is_no_longer_there_sends_its_people_on(store: Store) -> None:
    gone = rule("chain", via=("gone", "desk"))
    async with open_house(store, rules=(gone,)) as place:
        request = await place.opened("chain.pay")
        await place.carried()
        case, before = await place.case(request["id"]), len(place.desk.of(request["id"]))
        to = {"person": "dana", "account": "G-dana", "room": None}
        job = post_job(case, "gone", place.clock(), **to)
        await place.store.append([], [job])
        await place.house.outbox.drain("gone")
        await place.carried()
        assert await place.store.parked() == []
        assert len(place.desk.of(request["id"])) == before + 1


async def test_a_history_is_asked_for_one_kind(store: Store) -> None:
    async with chained(store, Refusing()) as (place, _):
        request = await place.opened("chain.pay")
        await place.carried()
        kinds = {one.kind for one in await place.store.history(request["id"], "card.rerouted")}
        assert kinds == {"card.rerouted"}
        await place.sealed()
        assert len(await place.store.history(request["id"], "card.rerouted")) == 2


# A card where its request lives


class Placing(Desk):
    """A desk where a card stands at what its request is about."""

    async def place(self, whom: Address, request: Request) -> Address:
        if request.action.endswith(".here"):
            return whom
        return Address(self.name, f"about {request.action}")


async def test_a_card_stands_where_its_request_lives_once(store: Store) -> None:
    desk = Placing()
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened("mail.send")
        await place.carried()
        (card,) = desk.of(request["id"])  # dana and kim are asked: one place, one card
        assert (card.ref.conversation, card.address.account) == ("about mail.send", None)
        assert (await place.tap(desk.press(card, by="U-eve")))[1]["kind"] == "refused"
        assert (await place.tap(desk.press(card, by="U-kim")))[1]["kind"] == "counted"
        own = await place.opened("mail.here")
        await place.carried()
        assert {one.address.account for one in desk.of(own["id"])} == {"U-dana", "U-kim"}


async def test_law_02_whom_the_platform_bars_is_asked_nowhere_else_either(store: Store) -> None:
    desk = Placing(barred=frozenset({"U-dana", "U-kim"}))
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened("mail.send")
        await place.carried()
        assert desk.of(request["id"]) == []


# What only the platform can say


class Asking(Desk):
    """A desk whose deliveries hold an id only: the press itself has to be asked for."""

    answer_with: Callable[[], Mapping[str, Any]]

    async def resolve(self, proven: Proven) -> Resolved:
        return Resolved.of(proven, press=self.answer_with())

    def read(self, resolved: Resolved) -> Tap:
        return Tap(channel=self.name, **resolved.claims["press"])


async def test_law_09_what_the_platform_says_is_read_and_not_what_was_delivered(
    store: Store,
) -> None:
    desk = Asking()
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened()
        tap = desk.press(await place.card(request, "U-dana"))
        said = {name: getattr(tap, name) for name in Tap.__slots__ if name != "channel"}
        desk.answer_with = lambda: said
        assert (await place.deliver(b'{"id": "press-1"}'))[1]["kind"] == "counted"
        assert (await place.read(request["id"]))["status"] == "approved"


async def test_law_09_what_the_platform_does_not_know_is_forged(store: Store) -> None:
    desk = Asking()

    def unknown() -> Mapping[str, Any]:
        raise Forged("no such press")

    desk.answer_with = unknown
    async with open_house(store, desks=(desk,)) as place:
        assert await place.deliver(b'{"id": "press-2"}') == (401, None)


async def test_law_25_a_platform_that_does_not_say_in_time_is_told_to_come_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hanging(Asking):
        async def resolve(self, proven: Proven) -> Resolved:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(events, "RESOLVED", 0.01)
    async with open_house(store, desks=(Hanging(),)) as place:
        assert await place.deliver(b'{"id": "press-3"}') == (503, None)


# Several addresses and methods


class Transacting(Desk):
    """A desk that delivers by PUT, to an address that a protocol demands."""

    routes: tuple[Route, ...] = (
        Route("PUT", "/_desk/transactions/{id}", done=b'{"taken": true}'),
        Route("GET", "/channels/desk/hello"),
    )
    came: list[str]

    def read(self, resolved: Resolved) -> Any:
        self.came.append(resolved.inbound.path)
        return Desk.read(self, resolved)


async def test_a_channel_is_delivered_to_at_the_addresses_that_it_names(store: Store) -> None:
    desk = Transacting()
    desk.came = []
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened()
        tap = desk.press(await place.card(request, "U-dana"))
        status, word = await place.tap(tap, "PUT", at="/_desk/transactions/7")
        assert (status, word["kind"], desk.came) == (200, "counted", ["/_desk/transactions/7"])
        assert (await place.tap(tap, at="/_desk/transactions/7"))[0] == 405


async def test_a_delivery_with_no_other_answer_is_answered_as_its_address_wants(
    store: Store,
) -> None:
    desk = Transacting()
    desk.came = []
    async with open_house(store, desks=(desk,)) as place:
        reply = json.dumps(
            {"text": "hi", "account": "U-dana", "event": "E1", "conversation": "D1"}
        ).encode()
        for body, answer in ((reply, (200, {"taken": True})), (b"?", (400, None))):
            assert await place.deliver(body, "PUT", at="/_desk/transactions/7") == answer


async def test_law_08_a_get_changes_nothing_at_those_either(store: Store) -> None:
    desk = Transacting()
    desk.came = []
    async with open_house(store, desks=(desk,)) as place:
        request = await place.opened()
        tap = desk.press(await place.card(request, "U-dana"))
        assert (await place.tap(tap, "GET", at="/channels/desk/hello"))[0] == 405
        assert (await place.read(request["id"]))["status"] == "pending"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/requests"),
        ("POST", "/channels/slack/events"),
        ("POST", "/channels/desktop/x"),
        ("DELETE", "/_desk/x"),
        ("GET", "/inbox"),
    ],
)
async def test_law_05_an_address_that_is_not_its_own_keeps_the_service_from_starting(
    store: Store, method: str, path: str
) -> None:
    desk = Transacting()
    desk.routes = (Route(method, path),)
    with pytest.raises(ValueError, match="is not its own to name: GET, POST or PUT"):
        async with open_house(store, desks=(desk,)):
            pass


# Memory


async def test_what_another_copy_keeps_meanwhile_is_not_called_nothing(store: Store) -> None:
    assert await store.put_remembered("desk", "token", None, was=None)
    assert await store.put_remembered("desk", "token", b"kept", was=None)
    assert not await store.put_remembered("desk", "token", None, was=None)


def memory(store: Store, ring: KeyRing = RING, channel: str = "desk") -> ChannelMemory:
    return ChannelMemory(store, lambda: ring, channel)


async def test_a_channel_remembers_what_it_kept(store: Store) -> None:
    mine, other = memory(store), memory(store, channel="other")
    assert await mine.get("cursor") is None
    assert await mine.put("cursor", b"1", was=None)
    assert not await mine.put("cursor", b"2", was=None)
    assert not await mine.put("cursor", b"2", was=b"0")
    assert await mine.put("cursor", b"2", was=b"1")
    assert (await mine.get("cursor"), await other.get("cursor")) == (b"2", None)
    assert not await mine.put("cursor", None, was=b"1")
    assert await mine.put("cursor", None, was=b"2")
    assert await mine.get("cursor") is None
    with pytest.raises(ValueError, match="at most"):
        await mine.put("cursor", bytes(MOST + 1), was=None)


async def test_of_two_copies_that_change_a_value_at_once_one_wins(store: Store) -> None:
    mine = memory(store)
    assert await mine.put("token", b"0", was=None)
    won = await asyncio.gather(*(mine.put("token", b"%d" % n, was=b"0") for n in range(1, 9)))
    assert sum(won) == 1
    assert await mine.get("token") == b"%d" % (won.index(True) + 1)


async def test_law_23_a_thief_of_the_database_reads_no_value(store: Store, database: str) -> None:
    assert await memory(store).put("token", b"not-a-real-secret", was=None)
    assert "not-a-real-secret" not in await everything(database)


async def test_law_06_a_value_that_somebody_wrote_or_moved_is_none(store: Store) -> None:
    mine = memory(store)
    assert await mine.put("token", b"ours", was=None)
    kept = await store.remembered("desk", "token")
    assert kept is not None
    for channel, key, value in (
        ("desk", "cursor", kept),
        ("other", "token", kept),
        ("desk", "made", b"k1\0" + bytes(40)),
        ("desk", "short", b"k1\0x"),
        ("desk", "empty", b""),
        ("desk", "odd", b"\xff\0" + bytes(40)),
    ):
        assert await store.put_remembered(channel, key, value, was=None)
        assert await memory(store, channel=channel).get(key) is None
        assert await memory(store, channel=channel).put(key, b"new", was=None)  # it starts anew


async def test_a_value_outlives_the_key_that_it_was_sealed_by(store: Store) -> None:
    two = KeyRing({**RING.keys, "k2": Key("k2", b"2" * 32)}, "k2")
    assert await memory(store).put("token", b"ours", was=None)
    assert await memory(store, two).get("token") == b"ours"
    assert await memory(store, KeyRing({"k2": two.keys["k2"]}, "k2")).get("token") == b"ours"


class Remembering(Desk):
    kept: Memory

    def remember(self, memory: Memory) -> None:
        self.kept = memory


async def test_a_channel_that_wants_a_memory_is_given_its_own(store: Store) -> None:
    desk = Remembering()
    async with open_house(store, desks=(desk,)):
        assert await desk.kept.put("cursor", b"1", was=None)
    assert await memory(store).get("cursor") == b"1"


# Typed codes


def code_of(request: Mapping[str, Any]) -> str:
    return str(request["digest"]).rpartition(":")[2][:8]


async def told(place: Place, text: str, by: str) -> str:
    """What the account is told that wrote this."""
    before = len(place.desk.told)
    assert await place.write(place.desk.reply(text, by)) == (200, None)
    async with asyncio.timeout(HANGS):
        while len(place.desk.told) == before:
            await asyncio.sleep(0)
    assert place.desk.told[-1][0] == by
    return place.desk.told[-1][1].text


async def test_law_06_a_typed_code_declines_and_says_why(store: Store) -> None:
    async with open_house(store) as place:
        request, other = await place.opened("mail.a"), await place.opened("mail.b")
        assert await told(
            place, f"Decline {code_of(request).upper()} not this month", "U-dana"
        ) == ("Declined.")
        declined = await place.read(request["id"])
        assert (declined["status"], declined["reason"]) == ("declined", "not this month")
        assert (await place.read(other["id"]))["status"] == "pending"


def told_so_often(place: Place, times: int) -> bool:
    return len(place.desk.told) == times


async def test_law_06_a_typed_code_that_is_delivered_again_counted_already(store: Store) -> None:
    async with open_house(store) as place:
        request = await place.opened("mail.a")
        reply = place.desk.reply(f"decline {code_of(request)}", "U-dana")
        for times in (1, 2):
            assert await place.write(reply) == (200, None)
            await until(partial(told_so_often, place, times))
        said = [notice.text for _, notice in place.desk.told]
        assert said == ["Declined.", "This was counted already."]
        assert "refused" not in await place.kinds()


@pytest.mark.parametrize("text", ["approve {}", "{}", "please decline {}", "decline {}x", "ok {}"])
async def test_law_06_no_typed_code_approves(store: Store, text: str) -> None:
    async with open_house(store) as place:
        request = await place.opened("low.a")
        await place.write(place.desk.reply(text.format(code_of(request)), "U-dana"))
        assert (await place.read(request["id"]))["status"] == "pending"


@pytest.mark.parametrize("gap", [" ", ":", ", ", "\n"])
def test_law_27_what_might_be_a_typed_code_is_looked_at_once(gap: str) -> None:
    said = "decline a1b2c3d4"
    linear(lambda n: f"{said}{gap * n}{' ' * n}x", typed_codes.decline_in)
    linear(lambda n: f"{said} x{gap * n}y", typed_codes.decline_in)
    assert typed_codes.decline_in(f"{said}{gap}not now. ") == typed_codes.Typed(
        "a1b2c3d4", "not now."
    )
    assert typed_codes.decline_in(f"{said} {'x' * 600}") is None


@pytest.mark.parametrize(
    ("by", "more"), [("U-lee", {}), ("U-9", {}), ("U-dana", {"stranger": "x"})]
)
async def test_law_06_a_code_of_who_may_not_decline_it_gets_the_one_answer(
    store: Store, by: str, more: dict[str, str]
) -> None:
    async with open_house(store) as place:
        request = await place.opened()
        reply = place.desk.reply(f"decline {code_of(request)}", by, **more)
        await place.write(reply)
        async with asyncio.timeout(HANGS):
            while not place.desk.told:
                await asyncio.sleep(0)
        assert place.desk.told == [(by, typed_codes.DEAD)]
        assert (await place.read(request["id"]))["status"] == "pending"
        assert await told(place, "decline 00000000", "U-kim") == typed_codes.DEAD.text
        # The owner of the agent sees this one, and may not decline it.
        owned = await place.opened(key="csr_scripts")
        said = await told(place, f"decline {code_of(owned)}", "U-lee")
        assert said == typed_codes.DEAD.text


async def test_law_06_typed_codes_are_slowed_down_and_then_not_answered(store: Store) -> None:
    async with open_house(store) as place:
        for _ in range(5):
            assert await told(place, "decline 00000000", "U-dana") == typed_codes.DEAD.text
        await place.write(place.desk.reply("decline 00000000", "U-dana"))
        request = await place.opened()
        await place.write(place.desk.reply(f"decline {code_of(request)}", "U-dana"))
        assert (await place.read(request["id"]))["status"] == "pending"
        assert len(place.desk.told) == 5
