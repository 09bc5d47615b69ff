"""WhatsApp, the whole way: accounts that are linked by what they write, and the 24 hours that each
word begins, over a restart, at other copies, and where the platform counts otherwise than we."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.kit.window import DAY as WINDOW
from approvals import linking
from approvals.model import MINUTE, Busy, Person, Status
from approvals.people import GIVEN_UP
from approvals.store import Store
from tests.harness.channel_contract import words
from tests.harness.house import HANGS, RING, Clock, Place, open_house
from tests.harness.installation import install
from tests.peers.whatsapp import (
    ACCESS_TOKEN,
    DANA,
    GROUPS,
    MAKERS,
    NUMBER,
    NUMBER_ID,
    PEOPLE,
    SECTION,
    SENDER,
    WhatsAppPeer,
    body,
    changed_number,
    pressed,
)

both = pytest.mark.parametrize("provider", MAKERS)
STRANGER = "15550007777"
NOBODY_YET = (Person("dana"), *PEOPLE[1:])
SESSION = "*"


@pytest.fixture
async def whatsapp() -> AsyncIterator[WhatsAppPeer]:
    async with WhatsAppPeer() as peer:
        yield peer


@asynccontextmanager
async def opened(
    store: Store, peer: WhatsAppPeer, provider: str, clock: Clock, **more: Any
) -> AsyncIterator[Place]:
    """A copy of the service with an adapter of its own, which knows nothing yet."""
    channel = MAKERS[provider](peer.api, clock=clock)
    given: Any = {"people": PEOPLE, "groups": GROUPS, "clock": clock, **more}
    async with open_house(store, desks=(channel,), **given) as place:
        yield place


async def code(place: Place, person: str) -> str:
    return await linking.make_code(
        place.store, RING, person, "whatsapp", by="a test", now=place.clock(), random=os.urandom
    )


async def wrote(place: Place, peer: WhatsAppPeer, provider: str, text: str, by: str = DANA) -> None:
    assert await pressed(place, peer.wrote(text, by, provider, place.clock())) == 200


async def told(place: Place, peer: WhatsAppPeer, provider: str, text: str, by: str = DANA) -> str:
    """What is answered to this message, and to nobody else."""
    before = [*peer.sent]
    peer.arrived.clear()
    await wrote(place, peer, provider, text, by)
    await asyncio.wait_for(peer.arrived.wait(), HANGS)
    (id,) = [id for id in peer.sent if id not in before]
    assert (peer.sent[id][0], peer.buttons(id)) == (by, {})
    return peer.text(id)


async def fooled(place: Place, peer: WhatsAppPeer, provider: str) -> None:
    """We think that dana's 24 hours run, the platform does not, and says so only afterwards."""
    await wrote(place, peer, provider, "hello")
    peer.open.clear()
    peer.later = True
    place.clock.turn(1000)


async def posted(place: Place, peer: WhatsAppPeer, action: str = "mail.send") -> tuple[str, str]:
    """A new request, and the message that is its card."""
    before = [*peer.sent]
    request = await place.opened(action)
    await place.carried()
    (id,) = [id for id in peer.sent if id not in before and peer.buttons(id)]
    return request["id"], id


def whose(place: Place, account: str) -> str | None:
    person = place.house.service.trust.directory.by_account("whatsapp", account)
    return person.id if person else None


# Linking


@both
async def test_law_02_who_sends_a_code_gets_the_cards_and_the_tap_counts(
    store: Store, whatsapp: WhatsAppPeer, provider: str
) -> None:
    async with opened(store, whatsapp, provider, Clock(), people=NOBODY_YET) as place:
        said = await told(place, whatsapp, provider, f"Link {(await code(place, 'dana')).lower()}")
        assert (said, whose(place, DANA)) == ("This account is dana's from now on.", "dana")
        request, id = await posted(place, whatsapp)
        # That very message has begun the 24 hours.
        assert whatsapp.text(id).startswith(SESSION)
        assert await pressed(place, whatsapp.press(id, "Approve", at=place.clock())) == 200
        case = await place.case(request)
        assert (case.status, case.votes[0].person) == (Status.APPROVED, "dana")


@both
async def test_law_06_a_wrong_code_gets_the_one_refusal_and_small_talk_nothing(
    store: Store, whatsapp: WhatsAppPeer, provider: str
) -> None:
    async with opened(store, whatsapp, provider, Clock(), people=NOBODY_YET) as place:
        real = await code(place, "dana")
        wrong = real[:-1] + ("0" if real[-1] != "0" else "1")
        elsewhere = await linking.make_code(
            store, RING, "lee", "slack", by="a test", now=place.clock(), random=os.urandom
        )
        for text in (f"link {wrong}", elsewhere, "link me"):
            assert await told(place, whatsapp, provider, text, STRANGER) == linking.DEAD.text
        before = len(whatsapp.sent)
        for text in ("Approve", "approve it please", "hello", "CS-1234"):
            await wrote(place, whatsapp, provider, text, STRANGER)
        # The next answer is the first: before it nothing was said, to nobody.
        assert "dana" in await told(place, whatsapp, provider, real)
        assert len(whatsapp.sent) == before + 1
        assert (whose(place, STRANGER), whose(place, DANA)) == (None, "dana")


async def test_a_code_that_a_user_id_sends_links_the_user_id(
    store: Store, whatsapp: WhatsAppPeer
) -> None:
    user_id = "US.13491208655302741918"
    async with opened(store, whatsapp, "meta", Clock(), people=NOBODY_YET) as place:
        await told(place, whatsapp, "meta", await code(place, "dana"), user_id)
        assert whose(place, user_id) == "dana"
        _, id = await posted(place, whatsapp)
        account, sent = whatsapp.sent[id]
        assert (account, sent["recipient"], sent["type"]) == (user_id, user_id, "interactive")


@both
async def test_our_number_is_known_for_the_link_that_sends_a_code(
    whatsapp: WhatsAppPeer, store: Store, provider: str
) -> None:
    number = NUMBER if provider == "meta" else SENDER.removeprefix("whatsapp:+")
    async with opened(store, whatsapp, provider, Clock()) as place:
        bot = await place.house.deps.linkable["whatsapp"]()
        assert bot == number
        *_, link = words("whatsapp", "CS-0000-0000-0000-0000", bot)
        assert link == f"https://wa.me/{number}?text=link%20CS-0000-0000-0000-0000"
        if provider == "meta":  # who does not answer, or refuses, takes nothing but the link away
            for status in (503, 400):
                whatsapp.break_next(status, None)
                assert await place.house.deps.linkable["whatsapp"]() == ""


@both
async def test_the_command_line_prints_a_link_to_our_number(
    tmp_path: Path, sqlite_database: str, whatsapp: WhatsAppPeer, provider: str
) -> None:
    place = install(tmp_path, sqlite_database)
    path = tmp_path / "countersign.yaml"
    section = {**SECTION[provider], "api_url": f"{whatsapp.api}/v26.0"}
    if provider == "meta":
        section |= {"access_token": ACCESS_TOKEN, "phone_number_id": NUMBER_ID}
    path.write_text(f"channels: {json.dumps({'whatsapp': section})}\n{path.read_text()}")
    ours = NUMBER if provider == "meta" else "15550000000"
    for more, number in (((), ours), (("--bot", "1"), "1")):
        ran = await asyncio.to_thread(place.run, "link", "dana", "whatsapp", "--json", *more)
        assert ran.code == 0, ran.err
        made = ran.json
        assert made["words"][-1] == f"https://wa.me/{number}?text=link%20{made['code']}"


# Numbers that change


async def test_law_02_a_linked_number_that_its_person_gave_up_is_nobody_s(
    store: Store, whatsapp: WhatsAppPeer
) -> None:
    clock = Clock()
    async with opened(store, whatsapp, "meta", clock, people=NOBODY_YET) as place:
        await told(place, whatsapp, "meta", await code(place, "dana"))
        request, id = await posted(place, whatsapp)
        clock.turn(1000)
        assert await pressed(place, changed_number(DANA, "12195555358", clock())) == 200
        assert (whose(place, DANA), await store.linked()) == (None, [])
        # Whoever has the number now has the old card, too.
        assert await pressed(place, whatsapp.press(id, "Approve", at=clock())) == 200
        assert (await place.case(request)).votes == ()
        assert (await place.kinds())[-1] == "refused"
        assert "unlinked" in await place.kinds()
        # A code links it anew; then what WhatsApp said before, said again, changes nothing.
        before = clock()
        clock.turn(2000)
        await told(place, whatsapp, "meta", await code(place, "lee"))
        assert await pressed(place, changed_number(DANA, "12195555358", before)) == 200
        assert whose(place, DANA) == "lee"


async def test_law_02_a_configured_number_that_was_given_up_counts_only_after_a_code(
    store: Store, whatsapp: WhatsAppPeer
) -> None:
    clock = Clock()
    async with opened(store, whatsapp, "meta", clock) as place:
        request, id = await posted(place, whatsapp)
        assert await pressed(place, changed_number("15559998888", "15559997777", clock())) == 200
        assert whose(place, DANA) == "dana"
        for _ in range(2):
            assert await pressed(place, changed_number(DANA, "12195555358", clock())) == 200
            assert whose(place, DANA) is None
        whatsapp.arrived.clear()
        assert await pressed(place, whatsapp.press(id, "Approve", at=clock())) == 200
        assert (await place.case(request)).votes == ()
        await asyncio.wait_for(whatsapp.arrived.wait(), HANGS)  # a stranger's private refusal
        # It gets no card, and neither a card nor the daily question brings it back.
        sent = len(whatsapp.sent)
        await place.opened()
        await place.carried()
        assert len(whatsapp.sent) == sent
        assert (await place.kinds()).count("account.given_up") == 1
    # Nor does a restart, a day later, with the job of a card that was on its way.
    async with opened(store, whatsapp, "meta", clock) as place:
        clock.turn(25 * 60 * MINUTE)
        await place.house.outbox.ask_again()
        await place.house.deps.refresh()
        assert whose(place, DANA) is None
        with pytest.raises(Exception, match="was given up by 'dana'"):
            await place.house.outbox._vet(place.channel, DANA, "dana")
        (row,) = [one for one in await store.accounts() if one.account == DANA]
        assert row.standing == GIVEN_UP
        # Somebody else's code does not make it theirs while the configuration says it is dana's …
        said = await told(place, whatsapp, "meta", await code(place, "eve"))
        assert ("barred" in said, whose(place, DANA)) == (True, None)
        (theirs,) = await store.linked()
        assert await store.unbind(theirs, [])
        # … and dana's own does.
        await told(place, whatsapp, "meta", await code(place, "dana"))
        assert whose(place, DANA) == "dana"
        _, id = await posted(place, whatsapp)
        assert whatsapp.sent[id][0] == DANA
    # Once the configuration has let go of it, it is whose code it sends.
    await store.put_account("whatsapp", DANA, "dana", GIVEN_UP, clock())
    (row_,) = await store.linked()
    assert await store.unbind(row_, [])
    clock.turn(1000)  # a link of the same second would be the one that has just ended
    async with opened(store, whatsapp, "meta", clock, people=NOBODY_YET) as place:
        await told(place, whatsapp, "meta", await code(place, "eve"))
        assert whose(place, DANA) == "eve"


# The 24 hours


@both
@pytest.mark.parametrize(
    ("how", "late"), [("words", 0), ("button", WINDOW - 1000), ("template", 1000)]
)
async def test_a_restart_forgets_no_window(
    store: Store, whatsapp: WhatsAppPeer, provider: str, how: str, late: int
) -> None:
    clock = Clock(1_790_000_000_000)
    async with opened(store, whatsapp, provider, clock) as place:
        _, id = await posted(place, whatsapp)
        assert not whatsapp.text(id).startswith(SESSION)  # nobody wrote yet
        if how == "button":  # one that the person had within the 24 hours
            await wrote(place, whatsapp, provider, "hello")
            _, id = await posted(place, whatsapp)
            assert whatsapp.text(id).startswith(SESSION)
        if how == "words":
            await wrote(place, whatsapp, provider, "hello")
        else:
            assert await pressed(place, whatsapp.press(id, "Approve", at=clock())) == 200
        await place.carried()
    clock.turn(late)
    async with opened(store, whatsapp, provider, clock) as place:
        _, id = await posted(place, whatsapp)
        assert whatsapp.text(id).startswith(SESSION)


@both
async def test_another_copy_knows_the_window_and_a_second_after_24_hours_a_template_goes(
    database: str, whatsapp: WhatsAppPeer, provider: str
) -> None:
    clock, one, two = Clock(), await Store.connect(database), await Store.connect(database)
    async with (
        opened(one, whatsapp, provider, clock) as here,
        opened(two, whatsapp, provider, clock) as there,
    ):
        await wrote(here, whatsapp, provider, "hello")
        for later, session in ((0, True), (WINDOW - 1, True), (24 * 60 * MINUTE + 1000, False)):
            clock.now = Clock().now + later
            _, id = await posted(there, whatsapp)
            assert whatsapp.text(id).startswith(SESSION) is session
        # An older word that comes late, as platforms repeat themselves, shortens nothing.
        await wrote(here, whatsapp, provider, "hello again")
        if provider == "meta":
            old = whatsapp.wrote("hello", DANA, provider, clock() - 24 * 60 * MINUTE)
            assert await pressed(here, old) == 200
        _, id = await posted(there, whatsapp)
        assert whatsapp.text(id).startswith(SESSION)
    await one.close()
    await two.close()


@both
async def test_what_cannot_be_kept_of_a_window_costs_no_tap(
    store: Store, whatsapp: WhatsAppPeer, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*given: object) -> None:
        raise Busy("the disk is full")

    async with opened(store, whatsapp, provider, Clock()) as place:
        request, id = await posted(place, whatsapp)
        monkeypatch.setattr(store, "heard_from", full)
        assert await pressed(place, whatsapp.press(id, "Approve", at=place.clock())) == 200
        assert (await place.case(request)).status is Status.APPROVED
        _, id = await posted(place, whatsapp)
        assert not whatsapp.text(id).startswith(SESSION)


@both
async def test_a_status_opens_no_window(
    store: Store, whatsapp: WhatsAppPeer, provider: str
) -> None:
    clock = Clock()
    async with opened(store, whatsapp, provider, clock) as place:
        status = body("status" if provider == "meta" else "twilio_status")
        if provider == "twilio":
            del status["ErrorCode"]
        assert await pressed(place, status) == 200
        assert await store.last_heard("whatsapp", DANA) == 0


@both
async def test_a_guess_that_is_refused_at_once_goes_as_a_template_at_once(
    store: Store, whatsapp: WhatsAppPeer, provider: str
) -> None:
    async with opened(store, whatsapp, provider, Clock()) as place:
        await wrote(place, whatsapp, provider, "hello")
        whatsapp.open.clear()
        request, id = await posted(place, whatsapp)
        assert whatsapp.text(id).startswith("An agent asks")
        assert await pressed(place, whatsapp.press(id, "Approve", at=place.clock())) == 200
        assert (await place.case(request)).status is Status.APPROVED


@both
async def test_a_card_that_was_taken_and_did_not_arrive_comes_as_a_template_once(
    store: Store, whatsapp: WhatsAppPeer, provider: str
) -> None:
    clock = Clock()
    async with opened(store, whatsapp, provider, clock) as place:
        await fooled(place, whatsapp, provider)
        cards = [await posted(place, whatsapp, action) for action in ("mail.send", "mail.read")]
        assert all(whatsapp.text(id).startswith(SESSION) for _, id in cards)
        clock.turn(1000)
        for _, id in (*cards, *cards):  # both, and each status twice
            assert await pressed(place, whatsapp.failed(id)) == 200
        await place.carried()
        again = [*whatsapp.sent][2:]
        assert [whatsapp.text(id)[:13] for id in again] == ["An agent asks"] * 2
        # What goes by template and fails the same way is not sent for ever.
        clock.turn(1000)
        for id in again:
            assert await pressed(place, whatsapp.failed(id)) == 200
        await place.carried()
        assert len(whatsapp.sent) == 4
        # The new card is the card: its tap counts, and the end is told once, there.
        request = cards[0][0]
        (id,) = [row.message for row in await store.cards_of(request) if row.message in again]
        assert await pressed(place, whatsapp.press(id, "Approve", at=clock())) == 200
        assert (await place.case(request)).status is Status.APPROVED
        await place.carried()
        ends = [x for x in whatsapp.sent if "Approved by dana" in whatsapp.text(x)]
        assert len(ends) == 1
        assert (await place.kinds(request)).count("card.lost") == 1


async def test_a_lost_card_of_a_case_that_is_over_is_not_sent_again(
    store: Store, whatsapp: WhatsAppPeer
) -> None:
    clock = Clock()
    async with opened(store, whatsapp, "meta", clock) as place:
        await fooled(place, whatsapp, "meta")
        request, id = await posted(place, whatsapp)
        status, _ = await place.decide(await place.read(request), "decline", by="dana")
        assert status == 200
        clock.turn(1000)
        assert await pressed(place, whatsapp.failed(id)) == 200
        await place.carried()
        # Nor is the end of what never arrived told.
        assert [*whatsapp.sent] == [id]
