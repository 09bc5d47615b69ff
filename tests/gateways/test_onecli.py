"""OneCLI as a gateway: what it holds is asked, what is decided it is told, nothing is guessed."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console
from structlog.testing import capture_logs

from approvals import cards
from approvals.app.exits import Stop
from approvals.cli import remote
from approvals.conditions import compile as compile_condition
from approvals.evidence import read_receipt
from approvals.gateways import onecli_rows as rows
from approvals.gateways.onecli import GONE, OneCli, Pace, Seat
from approvals.model import Busy, Case, Choice, Fact, Kind, Requester, Risk, Status, Vote
from approvals.packs import RuleBook
from approvals.policy import Rule, When
from approvals.proposal import Bound, Proposal, bind
from approvals.reading import read
from approvals.reading.presentation import Words
from approvals.readings import held
from approvals.store import Job, Store
from approvals.store.requests import content_params
from approvals.web import api, views
from approvals.web.inbox import sheet_of
from approvals.web.site import Visitor, render
from tests.harness.house import (
    HANGS,
    OTHERWISE,
    ROOM,
    Clock,
    Desk,
    Place,
    Wall,
    intrude,
    open_house,
    until,
)
from tests.harness.node import NODE
from tests.peers.onecli import KEY, ORG_KEY, WORKSPACE, OneCliPeer

PEERS = Path(__file__).parents[1] / "peers"
BY = Requester("home.ws_8c1", Kind.GATEWAY)
QUICK = Pace(watch=1.0, list=0.2, every=0.05, rest=0.02, barred=0.4, first=0.05, slowest=0.2)
QUICK = replace(QUICK, answer=0.4)


@pytest.fixture
async def small(sqlite_database: str) -> AsyncIterator[Store]:
    """A store, where it does not matter on which database."""
    store = await Store.connect(sqlite_database)
    yield store
    await store.close()


def seat(onecli: OneCliPeer, **more: Any) -> Seat:
    made = Seat("home", BY, onecli.url, KEY, WORKSPACE, pace=QUICK)
    return replace(made, **more)


@asynccontextmanager
async def serving(
    store: Store, *seats: Seat, clock: Clock | None = None, **more: Any
) -> AsyncIterator[Place]:
    """A house that asks these seats, with its outbox at work, by the real time."""
    clock = clock or Wall()
    async with open_house(store, clock=clock, carry=True, gateways=seats, **more) as place:
        yield place


async def cases(store: Store, status: Status | None = None) -> list[Case]:
    return await store.page(requester=BY.name, status=status)


async def one(store: Store, status: Status | None = Status.PENDING, seconds: float = HANGS) -> Case:
    """The only case of this status, once there is one."""
    async with asyncio.timeout(seconds):
        while not (found := await cases(store, status)):
            await asyncio.sleep(0.01)
    (case,) = found
    return case


async def headline(desk: Desk, case: Case, *words: str) -> str:
    """What its first card says, once it says these words."""
    card = await until(lambda: desk.of(case.id))
    await until(lambda: all(word in card[0].now["headline"] for word in words))
    return str(card[0].now["headline"])


async def posted(place: Place, case: Case) -> None:
    """Once a card of it is out."""
    async with asyncio.timeout(HANGS):
        while not any(card.message for card in await place.store.cards_of(case.id)):
            await asyncio.sleep(0.01)


async def decide(place: Place, case: Case, choice: str = "approve", by: str = "dana") -> None:
    await posted(place, case)  # or there is no card to say what became of it
    answer = await place.page({"id": case.id, "digest": case.digest}, choice, by=by)
    assert answer.counted, answer


async def _decide_elsewhere(onecli: OneCliPeer, id: str, decision: str) -> None:
    """Another consumer of the same workspace."""
    url = f"{onecli.url}/v1/approvals/{id}/decision"
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, json={"decision": decision}, headers=headers) as answer,
    ):
        assert answer.status == 200


# The whole way


async def test_a_yes_reaches_the_agent_and_the_card_says_what_is_known(store: Store) -> None:
    async with OneCliPeer() as onecli, serving(store, seat(onecli)) as place:
        id, agent = await onecli.hold_one()
        case = await one(store)
        card = (await until(lambda: place.desk.of(case.id, "U-dana")))[0]
        assert card.now["title"] == "POST request"
        assert ["Summary", "POST request"] in card.now["facts"]
        assert ["OneCLI id", id] in card.now["facts"]
        status, said = await place.tap(place.desk.press(card))
        assert (status, said["text"]) == (200, "Approved.")
        status, _, _ = await agent
        assert status == 200
        assert onecli.forwarded == [b'{"to":"bob@example.com"}']
        assert onecli.verdicts == [(id, "approve", 200)]
        said = await headline(place.desk, case, "OneCLI")
        assert said == "Approved by dana. Passed on to OneCLI"


async def test_a_no_reaches_the_agent(store: Store) -> None:
    async with OneCliPeer() as onecli, serving(store, seat(onecli)) as place:
        id, agent = await onecli.hold_one()
        await decide(place, await one(store), "decline")
        status, headers, body = await agent
        assert (status, headers["x-should-retry"]) == (403, "false")
        assert json.loads(body)["error"] == "manual_approval_denied"
        assert onecli.verdicts == [(id, "deny", 200)]


MAIL = b"To: a@example.com\r\nBcc: boss@evil.example\r\nSubject: Hi\r\n\r\nLunch at noon?"


async def test_law_14_a_tap_rests_on_the_whole_body(store: Store) -> None:
    """A `Bcc` stands in no summary of OneCLI's: the body says it, and so does the card."""
    mail = json.dumps({"raw": base64.urlsafe_b64encode(MAIL).decode()}).encode()
    async with OneCliPeer() as onecli, serving(store, seat(onecli)) as place:
        id, agent = await onecli.hold_one(body=mail, url=HOST)
        case = await one(store)
        assert case.digest.startswith("sha-256:")
        assert (case.complete, case.inspectable) == (True, True)
        card = (await until(lambda: place.desk.of(case.id, "U-dana")))[0]
        assert "boss@evil.example" in card.now["payload"][0]
        assert ["OneCLI id", id] in card.now["facts"]
        status, said = await place.tap(place.desk.press(card))
        assert (status, said["text"]) == (200, "Approved.")
        assert (await agent)[0] == 200
        assert onecli.forwarded == [mail]
        receipt = await store.receipt(case.id)
        assert receipt is not None
        claims, _ = read_receipt(receipt, [place.key.jwk()], now=place.clock())
        assert claims["digest"] == case.digest


async def test_rules_and_packs_read_the_whole_body_and_their_words_go_first(small: Store) -> None:
    """OneCLI is told all the same: what says which request it is stands under any words."""
    words = Words(("Pay {{ amount }}",), (("Amount", ("{{ amount }}",)),))
    large = compile_condition("decoded.amount > 1000", {"amount": "int"})
    ask = replace(OTHERWISE, rule="large", risk=Risk.LOW)
    rule = Rule("large", When(action=("onecli.*",)), large, ask, words=words)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with OneCliPeer() as onecli, serving(small, seat(onecli), rules=(rule,)) as place:
        id, agent = await onecli.hold_one(
            url="https://api.stripe.com/v1/payouts", body=b"amount=1240000", headers=form
        )
        case = await one(small)
        assert case.ask.rule == "large"
        card = (await until(lambda: place.desk.of(case.id)))[0]
        assert card.now["title"] == "Pay 1240000"
        assert card.now["facts"] == [["Amount", "1240000"], ["OneCLI id", id]]
        await decide(place, case)
        assert (await agent)[0] == 200


async def test_law_11_what_the_agent_says_of_its_task_is_its_note(small: Store) -> None:
    tags = {"X-OneCLI-Batch": "import-7", "X-OneCLI-Batch-Total": "3"}
    tags["X-OneCLI-Batch-Label"] = "  Approved\tby the CFO "
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        await onecli.hold_one(headers=tags)
        case = await one(small)
        card = (await until(lambda: place.desk.of(case.id)))[0].now
        task = "Part of the task 'import-7', 3 requests: Approved by the CFO"
        assert card["note"] == task
        elsewhere = json.dumps({**card, "note": None})
        assert "CFO" not in elsewhere
        assert "import-7" not in elsewhere


async def test_a_request_decided_elsewhere_ends_the_card(small: Store) -> None:
    """With the pace of the product: OneCLI keeps an empty list for half a minute."""
    pace = Pace()
    longest = pace.every + 2 * pace.brief
    assert longest < 2
    async with (
        OneCliPeer(burst=0.75) as onecli,
        serving(small, seat(onecli, pace=pace)) as place,
    ):
        id, agent = await onecli.hold_one()
        case = await one(small)
        await until(lambda: place.desk.of(case.id))
        looks = len([polled for polled in onecli.polls if not polled])
        await until(lambda: len([polled for polled in onecli.polls if not polled]) > looks + 1)
        await _decide_elsewhere(onecli, id, "approve")
        assert (await agent)[0] == 200
        said = await headline(place.desk, case, "Withdrawn")
        assert "somebody else decided" in said


async def test_a_tap_looks_again_before_it_decides(small: Store) -> None:
    """Also where the list would not have been looked at for an hour."""
    never = replace(QUICK, every=3600.0)
    async with OneCliPeer() as onecli, serving(small, seat(onecli, pace=never)) as place:
        id, agent = await onecli.hold_one()
        other, _ = await onecli.hold_one()
        async with asyncio.timeout(HANGS):
            while len(found := await cases(small, Status.PENDING)) < 2:
                await asyncio.sleep(0.01)
        by_id = {(await small.content(one.id, 1)).facts[-1].value: one for one in found}  # type: ignore[union-attr] # it is there
        case, left = by_id[id], by_id[other]
        card = (await until(lambda: place.desk.of(case.id, "U-dana")))[0]
        await _decide_elsewhere(onecli, id, "approve")
        await agent
        _, said = await place.tap(place.desk.press(card))
        assert said["kind"] == "closed"
        assert (await place.case(case.id)).status is Status.WITHDRAWN
        onecli.fault = "hang"
        await decide(place, left)
        assert (await place.case(left.id)).status is Status.APPROVED, (
            "one that is away ends nothing"
        )
        assert [(held, status) for held, _, status in onecli.verdicts] == [(id, 200)]


async def test_what_was_taken_for_gone_and_is_listed_again_is_asked_again(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        id, agent = await onecli.hold_one()
        first = await one(small)
        held = onecli.held.pop(id)
        await one(small, Status.WITHDRAWN)
        onecli.held[id] = held
        onecli._wake()
        again = await one(small)
        assert again.id != first.id
        await decide(place, again)
        assert (await agent)[0] == 200
        assert onecli.verdicts == [(id, "approve", 200)]


async def test_a_slow_list_is_not_taken_for_an_empty_one(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        await onecli.hold_one()
        case = await one(small)
        gateway = await until(lambda: place.house.service.holders[BY.name])
        seen = gateway.__self__
        onecli.slow = 0.15  # under the longest that a list may take, and far over the usual
        await until(lambda: (seen._usual or 0) > 0.1)
        polls = len(onecli.polls)
        await onecli.polled(polls + 5)
        assert (await place.case(case.id)).open


async def test_a_onecli_that_stood_still_takes_no_verdict_away(small: Store) -> None:
    """Its list comes later than any list that is held would be given up, and with its next word."""
    never = replace(QUICK, every=3600.0)
    async with OneCliPeer() as onecli, serving(small, seat(onecli, pace=never)) as place:
        _, agent = await onecli.hold_one()
        case = await one(small)
        card = (await until(lambda: place.desk.of(case.id, "U-dana")))[0]
        onecli.stalls = 1
        _, said = await place.tap(place.desk.press(card))
        assert said["text"] == "Approved."
        assert (await agent)[0] == 200
        assert onecli.stalls == 0
        assert [one.id for one in await cases(small)] == [case.id], "nothing was asked again"


async def test_what_is_left_out_is_decided_on_the_page_only_if_the_rule_says_so(
    small: Store,
) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        id, _ = await onecli.hold_one(url="https://x.example/a?to=eve", body=b"y" * 9000)
        case = await one(small)
        assert not case.complete
        assert not case.inspectable
        card = (await until(lambda: place.desk.of(case.id)))[0]
        assert [label for label, _ in card.now["buttons"]] == ["Decline"]
        assert any("?to: eve" in text for text in card.now["payload"]), "the summary hides it"
        answer = await place.page({"id": case.id, "digest": case.digest}, "approve", by="dana")
        assert not answer.counted
        assert onecli.verdicts == []
        assert id in onecli.held


async def test_law_14_the_page_calls_a_summary_what_it_is(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        onecli.put(onecli.row())
        case = await one(small)
        content = await small.content(case.id, 1)
        assert content is not None
        person = place.house.service.trust.directory.person("dana")
        assert person is not None
        what = await sheet_of(place.house.deps, case, content)
        view = views.whole(
            case, content, what, person, fresh=True, receipt=False, salt=b"", names={}
        )
        visitor = Visitor(person, "secret", place.clock())
        page = str(render("request", visitor=visitor, view=view, ways=(), declining=False).text)
        assert "Summary digest" in page
        assert "This is the gateway’s summary of the body," in page
        assert "It may leave parts out without a sign" in page
        assert "What will be sent, as the gateway sums it up" in page
        assert not any(word in page for word in ("Exactly", "exact bytes"))


async def test_law_14_a_summary_and_its_digest_are_called_what_they_are(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        onecli.put(onecli.row())
        case = await one(small)
        content = await small.content(case.id, 1)
        assert content is not None
        read = await place.house.service.readings.request(content, place.house.service.trust.book)
        built = cards.build(case, content, read, limits=ROOM, review=None, salt=b"")
        assert built.digest.endswith(" (summary digest)")
        assert "summary" in built.payload
        await decide(place, case)
        await onecli.decided()
        receipt = await small.receipt(case.id)
        assert receipt is not None
        claims, _ = read_receipt(receipt, [place.key.jwk()], now=place.clock())
        assert claims["digest"].startswith("summary-sha-256:")


# Deciding


async def test_law_24_a_verdict_is_noted_before_it_is_sent_and_its_result_after(
    small: Store,
) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        id, agent = await onecli.hold_one()
        case = await one(small)
        await decide(place, case)
        await agent
        await headline(place.desk, case, "OneCLI")
        said = [(e.kind, json.loads(e.content or "")) for e in await small.history(case.id)]
        ours = [(kind, content) for kind, content in said if kind.startswith("verdict.")]
        assert [kind for kind, _ in ours] == ["verdict.sending", "verdict.result"]
        assert ours[0][1] == {"id": id, "decision": "approve", "gateway": BY.name}
        assert ours[1][1]["said"] == "passed on to OneCLI"


async def test_an_answer_that_got_lost_and_then_404_is_unknown_probably_delivered(
    small: Store,
) -> None:
    async with OneCliPeer(swallow=1) as onecli, serving(small, seat(onecli)) as place:
        _, agent = await onecli.hold_one()
        case = await one(small)
        await decide(place, case)
        assert (await agent)[0] == 200
        await onecli.decided(2)
        assert [status for _, _, status in onecli.verdicts] == [200, 404]
        said = await headline(place.desk, case, "unknown")
        assert said == "Approved by dana. Delivery unknown, probably delivered"
        outcome = (await place.case(case.id)).outcome
        assert outcome is not None
        assert (outcome.delivered, outcome.error) == (None, "unknown, probably delivered")
        assert "unknown, probably delivered" in "".join(await place.sealed())


@pytest.mark.parametrize(
    "instead",
    [
        *((status, "<h1>Sign in to the network</h1>") for status in (200, 302, 403, 404, 405, 410)),
        *((200, text) for text in ("", "{}", "[]", "null", '{"success": "yes"}', "[" * 100_000)),
        (404, "{}"),
    ],
)
async def test_law_26_a_verdict_is_sent_again_where_another_answers_in_its_place(
    small: Store, instead: tuple[int, str]
) -> None:
    async with OneCliPeer(instead=instead) as onecli, serving(small, seat(onecli)) as place:
        _, agent = await onecli.hold_one()
        case = await one(small)
        await decide(place, case)
        assert (await agent)[0] == 200
        assert await headline(place.desk, case, "Passed on")


@pytest.mark.parametrize("choice", ["approve", "decline"])
async def test_a_verdict_on_what_is_not_held_any_more_is_unknown(small: Store, choice: str) -> None:
    async with OneCliPeer(gone=True) as onecli, serving(small, seat(onecli)) as place:
        await onecli.hold_one()
        case = await one(small)
        await decide(place, case, choice)
        said = await headline(place.desk, case, "did not hold")
        verb = "Approved" if choice == "approve" else "Declined"
        assert said == f"{verb} by dana. Delivery unknown, OneCLI did not hold it any more"
        assert len(onecli.verdicts) == 1, "it said so: asking again would say nothing new"


async def test_a_verdict_is_not_sent_once_it_is_no_longer_good(small: Store) -> None:
    clock = Wall()
    async with OneCliPeer() as onecli, serving(small, seat(onecli), clock=clock) as place:
        await onecli.hold_one()
        case = await one(small)
        await onecli.stop()
        await decide(place, case)
        while "verdict.unsent" not in await place.kinds(case.id):
            await asyncio.sleep(0.01)
        clock.turn(61_000)
        said = await headline(place.desk, case, "never")
        assert said.endswith("Not delivered: never passed on, OneCLI could not be reached in time")
        assert onecli.verdicts == []


async def test_a_verdict_rests_on_what_we_signed_and_sealed(sqlite_database: str) -> None:
    database = sqlite_database
    store = await Store.connect(database)
    clock = Wall()

    async def refused() -> int:
        return sum(one.job.kind == "verdict" for one in await store.parked())

    async with OneCliPeer() as onecli, serving(store, seat(onecli), clock=clock) as place:
        first, _ = await onecli.hold_one()
        case = await one(store)
        vote = Vote("dana", Choice.APPROVE, ("default",), "web", 1, clock())
        forged = replace(case, status=Status.APPROVED, votes=(vote,), decided_at=clock(), version=2)
        await intrude(database, forged)
        await store.append([], [Job("verdict", case.id, f"onecli:{BY.name}", clock())])
        place.house.outbox.kick()
        async with asyncio.timeout(HANGS):
            while await refused() < 1:
                await asyncio.sleep(0.01)
        # And one that was decided as it should be, of which the rows name another held request.
        second, _ = await onecli.hold_one()
        case = await one(store)
        await posted(place, case)  # no card shows what was altered before
        content = await store.content(case.id, 1)
        assert content is not None
        other = replace(content, facts=(*content.facts[:-1], Fact("OneCLI id", first)))
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as direct, direct:
            meta = content_params(other)["meta"]
            direct.execute("UPDATE contents SET meta = ? WHERE request_id = ?", (meta, case.id))
        await decide(place, case)
        async with asyncio.timeout(HANGS):
            while await refused() < 2:
                await asyncio.sleep(0.01)
        assert onecli.verdicts == []
        assert {first, second} <= onecli.held.keys()
    await store.close()


async def test_an_automatic_refusal_waits_until_the_request_is_a_second_old(small: Store) -> None:
    clock = Wall()
    deny = Rule("never", When(host=("evil.example",)))
    async with (
        OneCliPeer(clustered=True) as onecli,
        serving(small, seat(onecli), clock=clock, rules=(deny,)),
    ):
        began = time.monotonic()
        _, agent = await onecli.hold_one(url="https://evil.example/x")
        case = await one(small, Status.DECLINED)
        assert (await asyncio.wait_for(agent, HANGS))[0] == 403
        assert time.monotonic() - began >= 1
        assert case.reason == "Refused by the rule 'never'."


async def test_what_nobody_can_be_asked_about_is_left_alone(small: Store) -> None:
    only = replace(BY, agents=("research-bot",))
    async with (
        OneCliPeer() as onecli,
        serving(small, seat(onecli, requester=only)) as place,
    ):
        ids = [
            onecli.put(onecli.row(agent={"id": "other", "name": "x"})),
            onecli.put(onecli.row(url="https://a b/")),
            onecli.put(onecli.row(headers={"x": "a\nb"})),
            onecli.put(onecli.row(method="\ud800")),
            onecli.put(onecli.row(bodyPreview="\ud800")),
            onecli.put(onecli.row(workspaceId="ws_other")),
        ]
        ours = onecli.put(onecli.row())
        case = await one(small)
        await decide(place, case, "decline")
        await onecli.decided()
        left = (await place.kinds()).count("gateway.left_alone")
        assert left == 5
        assert onecli.verdicts == [(ours, "deny", 200)], "never a word on what is not ours"
        assert set(ids) <= onecli.held.keys()


async def test_what_ran_out_here_is_not_refused_there(small: Store) -> None:
    clock = Wall()
    short = Rule("short", ask=replace(OTHERWISE, rule="short", expires=30_000))
    async with (
        OneCliPeer() as onecli,
        serving(small, seat(onecli), clock=clock, rules=(short,)) as place,
    ):
        id, _ = await onecli.hold_one()
        case = await one(small)
        clock.turn(31_000)
        await one(small, Status.EXPIRED)
        await headline(place.desk, case, "Expired")
        await onecli.polled(len(onecli.polls) + 3)
        assert onecli.verdicts == []
        assert id in onecli.held


# What goes


async def test_an_agent_that_hangs_up_is_withdrawn_in_words_that_guess_nothing(
    small: Store,
) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        _, agent = await onecli.hold_one()
        case = await one(small)
        await until(lambda: place.desk.of(case.id))
        agent.cancel()
        said = await headline(place.desk, case, "Withdrawn")
        assert said == f"Withdrawn. {GONE}"
        assert onecli.verdicts == []


async def test_a_second_consumer_that_decides_first_is_not_contradicted(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        id, agent = await onecli.hold_one()
        case = await one(small)
        await until(lambda: place.desk.of(case.id))
        await _decide_elsewhere(onecli, id, "approve")
        assert (await agent)[0] == 200
        said = await headline(place.desk, case, "Withdrawn")
        assert "somebody else decided" in said
        assert "Nothing was run" not in said
        assert [status for _, _, status in onecli.verdicts] == [200]


async def test_what_goes_at_its_deadline_has_expired(small: Store) -> None:
    clock = Wall()
    async with OneCliPeer() as onecli, serving(small, seat(onecli), clock=clock) as place:
        id, _ = await onecli.hold_one()
        case = await one(small)
        clock.turn(178_500)
        onecli.held.pop(id)
        polls = len(onecli.polls)
        await onecli.polled(polls + 3)
        assert (await place.case(case.id)).open
        clock.turn(2_000)
        await one(small, Status.EXPIRED)
        assert await headline(place.desk, case, "Expired") == "Expired. Nothing was run."


async def test_what_a_case_shows_is_what_is_held(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        row = onecli.row()
        onecli.put(row)
        case = await one(small)
        onecli.held[row["id"]].row = onecli.row(id=row["id"], url="https://evil.example/")
        async with serving(small, seat(onecli)):  # a copy that sees it for the first time
            said = await headline(place.desk, case, "Withdrawn")
        assert "something else" in said
        assert onecli.verdicts == []


# Faults


async def test_a_restart_of_ours_loses_nothing(small: Store) -> None:
    async with OneCliPeer() as onecli:
        async with serving(small, seat(onecli)):
            id, agent = await onecli.hold_one()
            case = await one(small)
        other, gone = await onecli.hold_one()
        gone.cancel()
        async with serving(small, seat(onecli)) as place:
            third, _ = await onecli.hold_one()
            await until(lambda: len(place.desk.messages) >= 2)
            open_now = await cases(small, Status.PENDING)
            assert len(open_now) == 2
            await decide(place, case)
            assert (await agent)[0] == 200
        assert onecli.verdicts == [(id, "approve", 200)]
        assert {other, third} & onecli.held.keys() == {third}


async def test_a_restart_of_theirs_loses_what_they_lost_and_nothing_else(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        _, agent = await onecli.hold_one()
        case = await one(small)
        await until(lambda: place.desk.of(case.id))
        onecli.forget()
        assert (await agent)[0] == 503
        await headline(place.desk, case, "Withdrawn", "restarted")
        await onecli.stop()
        await onecli.start()
        _, again = await onecli.hold_one()
        await decide(place, await one(small))
        assert (await again)[0] == 200


@pytest.mark.parametrize("choice", ["approve", "decline"])
async def test_law_24_two_copies_open_and_decide_once(database: str, choice: str) -> None:
    first, second = await Store.connect(database), await Store.connect(database)
    desk = Desk()
    async with (
        OneCliPeer() as onecli,
        serving(first, seat(onecli), desks=(desk,)) as place,
        serving(second, seat(onecli), desks=(desk,), key=place.key, worker="w2"),
    ):
        asked = [await onecli.hold_one() for _ in range(6)]
        async with asyncio.timeout(HANGS):
            while len(found := await cases(first, Status.PENDING)) < 6:
                await asyncio.sleep(0.01)
        await until(lambda: len(desk.messages) >= 12)
        for case in found:
            await decide(place, case, choice)
        answers = [(await asyncio.wait_for(agent, HANGS))[0] for _, agent in asked]
        assert answers == [200 if choice == "approve" else 403] * 6
        assert len(await cases(first)) == 6
        assert sorted(id for id, _, _ in onecli.verdicts) == sorted(id for id, _ in asked)
        assert len({message.key for message in desk.messages}) == len(desk.messages) == 12
    await first.close()
    await second.close()


async def test_a_missed_wake_up_costs_one_poll(small: Store) -> None:
    async with OneCliPeer(deaf=True) as onecli, serving(small, seat(onecli)):
        await onecli.polled(2)
        await onecli.hold_one()
        await one(small, seconds=5)


async def test_early_empty_answers_are_normal(small: Store) -> None:
    async with OneCliPeer(early=0.01) as onecli, serving(small, seat(onecli)):
        await onecli.polled(5)
        assert len(onecli.polls) < 500
        await onecli.hold_one()
        await one(small)


async def test_a_poll_names_what_is_known(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)):
        id, _ = await onecli.hold_one()
        await one(small)
        await until(lambda: (id,) in onecli.polls)


@pytest.mark.parametrize("ahead", [-86_400, -300, 300, 86_400])
async def test_a_wrong_clock_denies_nothing(small: Store, ahead: int) -> None:
    async with OneCliPeer(ahead=ahead) as onecli, serving(small, seat(onecli)) as place:
        _, agent = await onecli.hold_one()
        case = await one(small)
        assert 170_000 < case.expires_at - case.created_at <= 180_000
        await decide(place, case)
        assert (await agent)[0] == 200


async def test_a_refused_key_stops_us_for_a_while_and_we_say_so(small: Store) -> None:
    slow = replace(QUICK, barred=1.0)
    async with (
        OneCliPeer(fault="401") as onecli,
        serving(small, seat(onecli, pace=slow)) as place,
    ):
        async with asyncio.timeout(HANGS):
            while (answer := await place.call("GET", "/readyz"))[0] != 503:
                await asyncio.sleep(0.01)
        assert "OneCLI 'home' refuses our key." in answer[1]["detail"]
        calls = len(onecli.seen)
        assert calls <= 2, "one for each loop, then none"
        assert "gateway.key_refused" in await place.kinds()
        onecli.fault = ""
        await onecli.polled(1)
        async with asyncio.timeout(HANGS):
            while (await place.call("GET", "/readyz"))[0] != 200:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", ["500", "rubbish", "huge", "hang", "endless"])
async def test_law_26_an_odd_onecli_delays_nothing_else_and_is_asked_again(
    small: Store, fault: str
) -> None:
    async with (
        OneCliPeer(fault=fault) as onecli,
        OneCliPeer() as well,
        serving(
            small,
            seat(onecli, name="odd", requester=replace(BY, name="odd")),
            seat(well),
        ) as place,
    ):
        _, agent = await well.hold_one()
        await decide(place, await one(small))
        assert (await asyncio.wait_for(agent, HANGS))[0] == 200
        asked = await place.opened()
        assert (await place.decide(asked, by="dana"))[0] == 200
        onecli.fault = ""
        _, agent = await onecli.hold_one()
        async with asyncio.timeout(HANGS):
            while not (found := await small.page(requester="odd")):
                await asyncio.sleep(0.01)
        await decide(place, found[0])
        assert (await asyncio.wait_for(agent, HANGS))[0] == 200


async def test_law_26_a_onecli_that_is_away_for_long_is_two_lines_in_the_log(small: Store) -> None:
    async with OneCliPeer(fault="500") as onecli:
        with capture_logs() as logs:
            async with serving(small, seat(onecli)) as place:
                await until(lambda: len(onecli.seen) >= 8)
                onecli.fault = ""
                _, agent = await onecli.hold_one()
                await decide(place, await one(small))
                assert (await agent)[0] == 200
    told = [log["event"] for log in logs if log["event"].startswith("onecli_poll")]
    assert told == ["onecli_poll_failed", "onecli_polled_again"]


async def test_law_26_a_store_that_is_away_while_onecli_answers_is_not_a_line_an_attempt(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, commit = list[str](), small.commit

    async def busy(*args: Any, **more: Any) -> Any:
        tries.append("")
        if len(tries) <= 6:
            raise Busy("database: away")
        return await commit(*args, **more)

    async with OneCliPeer() as onecli:
        with capture_logs() as logs:
            async with serving(small, seat(onecli)) as place:
                monkeypatch.setattr(small, "commit", busy)
                _, agent = await onecli.hold_one()
                await decide(place, await one(small))
                assert (await agent)[0] == 200
    told = [log["event"] for log in logs if log["event"].startswith("onecli_poll")]
    assert len(tries) > 6
    assert told == ["onecli_poll_failed", "onecli_polled_again"]


@pytest.mark.parametrize("chance", [b"\0\0", b"\x80\0", b"\xff\xff"], ids=range(3))
async def test_law_26_the_pauses_grow_from_one_to_thirty_seconds_and_are_never_alike(
    small: Store, chance: bytes
) -> None:
    async with open_house(small) as place:
        about = (Seat("home", BY, "http://127.0.0.1:1", KEY), place.house.service, small)

        def drawing(drawn: bytes) -> OneCli:
            return OneCli(*about, keys=(), issuer="", clock=place.clock, random=lambda n: drawn)

        onecli, other = drawing(chance), drawing(b"\x40\0")
        pauses = [onecli._back_off(failures) for failures in (1, 2, 3, 4, 5, 6, 99, 10_000)]
        assert pauses == sorted(pauses)
        assert 1 <= pauses[0] < pauses[3]
        assert 15 <= pauses[-1] <= 30
        assert onecli._back_off(4) != other._back_off(4)


async def test_how_long_ago_a_gateway_answered_is_measured(small: Store) -> None:
    async with OneCliPeer() as onecli, serving(small, seat(onecli)) as place:
        await onecli.polled(1)
        _, text = await place.call("GET", "/metrics")
        (line,) = [one for one in text.splitlines() if one.startswith("countersign_gateway")]
        name, value = line.split(" ")
        assert name == 'countersign_gateway_poll_age_seconds{gateway="home"}'
        assert 0 <= float(value) < 5
        assert KEY not in text


async def test_the_legacy_prefix_is_found(small: Store) -> None:
    old = OneCliPeer(prefix="/api", older=True, timeout=300)
    async with old as onecli, serving(small, seat(onecli)) as place:
        _, agent = await onecli.hold_one()
        case = await one(small)
        assert 280_000 < case.expires_at - case.created_at <= 300_000
        assert case.agent == "6f2e"
        await decide(place, case)
        assert (await agent)[0] == 200


async def test_an_organisations_key_says_which_workspace(small: Store) -> None:
    async with OneCliPeer() as onecli:
        mine = seat(onecli, key=ORG_KEY)
        other = Requester("home.ws_2", Kind.GATEWAY)
        theirs = seat(onecli, key=ORG_KEY, workspace="ws_2", requester=other)
        async with serving(small, mine, theirs) as place:
            await onecli.hold_one()
            await onecli.hold_one(workspace="ws_2")
            await one(small)
            async with asyncio.timeout(HANGS):
                while not (found := await small.page(requester="home.ws_2")):
                    await asyncio.sleep(0.01)
            await decide(place, found[0])
            await onecli.decided()
            assert [status for _, _, status in onecli.verdicts] == [200]
        named = {(h.get("X-Workspace-Id"), h.get("X-Project-Id")) for h in onecli.seen}
        assert named == {(WORKSPACE, WORKSPACE), ("ws_2", "ws_2")}


async def test_law_23_the_key_is_in_no_log_and_no_repr(
    small: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    async with OneCliPeer(fault="401") as onecli, serving(small, seat(onecli)) as place:
        await until(lambda: onecli.seen)
        assert KEY not in repr(seat(onecli))
        assert KEY not in "".join(await place.sealed())
    assert KEY not in "".join(capsys.readouterr())


async def test_reminders_come_by_themselves_and_cards_at_once(small: Store) -> None:
    clock = Wall()
    async with OneCliPeer() as onecli, serving(small, seat(onecli), clock=clock) as place:
        await onecli.hold_one()
        case = await one(small)
        await until(lambda: len(place.desk.of(case.id)) == 2)  # while the clock stands still
        assert case.ask.remind == (60_000, 120_000)
        clock.turn(60_000)
        await until(lambda: len(place.desk.of(case.id)) == 4)
        clock.turn(60_000)
        await until(lambda: len(place.desk.of(case.id)) == 6)


# What it says, read


HOST = "https://gmail.googleapis.com:443/gmail/v1/users/me/messages/send"


def reply(*held: object, date: str | None = None, **more: Any) -> rows.Reply:
    said = {"requests": list(held), "timeoutSeconds": 180, **more}
    return rows.read(json.dumps(said).encode(), date)


def a_row(**more: Any) -> dict[str, Any]:
    """The documented row, its times long ago by anybody's clock but OneCLI's."""
    times = {"createdAt": "2026-08-19T10:16:28Z", "expiresAt": "2026-08-19T10:19:28Z"}
    return {**OneCliPeer().row(id="3f0c9c1e"), **times, **more}


def read_one(**more: Any) -> rows.Row:
    (row,) = reply(a_row(**more)).rows
    assert isinstance(row, rows.Row), row
    return row


def generic(body: str, method: str = "POST") -> dict[str, Any]:
    details = [{"label": "Endpoint", "value": "/v1"}, {"label": "Body", "value": body}]
    said = {"action": f"{method} request", "details": details}
    preview = f"{method} request\nEndpoint: /v1\nBody: {body}"
    return {"method": method, "summary": said, "bodyPreview": preview}


def raw(text: str, **flags: object) -> dict[str, Any]:
    return {"text": text, "truncated": False, "binary": False, "redacted": False, **flags}


def guests(number: int) -> dict[str, Any]:
    """Of an event, as OneCLI names them: ten at most, and no word of the others."""
    said = ", ".join(f"{n}@example.com" for n in range(number))
    details = [{"label": "Title", "value": "Sync"}, {"label": "Attendees", "value": said}]
    preview = f"Create calendar event\nTitle: Sync\nAttendees: {said}"
    summary = {"action": "Create calendar event", "details": details}
    return {"summary": summary, "bodyPreview": preview}


def test_the_documented_row_is_read_whole() -> None:
    row = read_one(newer={"x": [1]}, batch=None)
    asked = rows.proposal(row, reply(a_row()))
    assert asked.http is not None
    assert (asked.http.method, asked.http.url, asked.http.body_complete) == ("POST", HOST, True)
    assert asked.http.body == b"Send email\nTo: bob@example.com"
    assert (asked.title, asked.action) == ("Send email", "onecli.send_email")
    assert [(f.label, f.value) for f in (*asked.facts, *asked.mark)] == [
        ("Summary", "Send email"),
        ("To", "bob@example.com"),
        ("OneCLI id", "3f0c9c1e"),
    ]
    assert (asked.agent.id, asked.agent.name) == ("research-bot", "Research bot")
    assert asked.remind == (60_000, 120_000)


@pytest.mark.parametrize("gone", ["absent", "null"])
def test_older_rows_are_read_without_the_newer_fields(gone: str) -> None:
    said = a_row(agent={"id": "6f2e", "name": "Bot", "externalId": None})
    for name in ("summary", "workspaceId", "projectId", "bodyPreview"):
        said[name] = None
        if gone == "absent":
            del said[name]
    (row,) = reply(said).rows
    assert isinstance(row, rows.Row)
    assert (row.agent.id, row.action, row.workspace) == ("6f2e", None, None)
    asked = rows.proposal(row, reply(said))
    assert asked.title is None
    assert asked.action == "onecli.request"
    assert asked.http is not None
    assert not asked.http.body_complete, "a body was sent and nothing of it is shown"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "lists no requests"),
        (b'{"requests": {}}', "lists no requests"),
        (json.dumps({"requests": [{}] * 1001}).encode(), "more than 1000"),
        (json.dumps({"requests": [{"id": "a"}] * 2}).encode(), "one id twice"),
    ],
    ids=range(8),
)
def test_a_reply_of_absurd_shape_is_refused_in_words(said: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        rows.read(said, None)


@pytest.mark.parametrize(
    "odd",
    [
        {"method": None},
        {"method": "post it"},
        {"url": 7},
        {"url": "https://x/" + "a" * 20_000},
        {"headers": []},
        {"headers": {"a": 1}},
        {"headers": {f"h{n}": "" for n in range(201)}},
        {"summary": "Send"},
        {"summary": {"action": 1, "details": []}},
        {"summary": {"action": "x", "details": [7]}},
        {"summary": {"action": "x", "details": [{}] * 101}},
        {"agent": None},
        {"agent": {"id": ""}},
        {"bodyPreview": "x" * (1024 * 1024 + 1)},
        {"rawBody": "text"},
        {"rawBody": {"truncated": False, "binary": False}},
        {"batch": "import-7"},
    ],
    ids=range(17),
)
def test_one_bad_row_does_not_hide_the_others(odd: dict[str, Any]) -> None:
    bad, good = reply(a_row(**odd), a_row(id="other")).rows
    assert isinstance(bad, rows.Bad)
    assert bad.id == "3f0c9c1e"
    assert bad.why
    assert isinstance(good, rows.Row)


@pytest.mark.parametrize("id", [None, 7, "", "a,b", "a/../b", "a b", "x" * 101])
def test_an_id_that_fits_into_no_address_is_refused(id: object) -> None:
    (bad,) = reply(a_row(id=id)).rows
    assert isinstance(bad, rows.Bad)
    assert bad.id is None


def test_the_deadline_rests_on_ages_and_not_on_clocks() -> None:
    row = read_one()
    at = "Wed, 19 Aug 2026 10:17:08 GMT"
    assert rows.left(row, reply(date=at)) == 140_000
    assert rows.left(row, reply(date=at, timeoutSeconds=300)) == 260_000
    assert rows.left(row, reply(date=at, timeoutSeconds=None)) == 140_000, "expiresAt says it"
    assert rows.left(row, reply()) == 180_000, "of what age it is, nobody says"
    assert rows.left(row, reply(date="yesterday")) == 180_000
    assert rows.left(row, reply(date="Wed, 19 Aug 2026 09:00:00 GMT")) == 180_000
    late = reply(date="Wed, 19 Aug 2026 12:00:00 GMT")
    assert rows.left(row, late) == 180_000, "it is listed, so it is held: their clock jumped"
    for odd in (0, -1, True, "180", 1e9, None):
        odd_times = read_one(createdAt="x", expiresAt=None)
        assert rows.left(odd_times, reply(timeoutSeconds=odd)) == 180_000


@pytest.mark.parametrize(
    "more",
    [
        generic('{"to":"<412 chars>"}'),
        generic('{"image":"<4000 chars, base64>"}'),
        generic("<binary, 5000+ bytes>"),
        generic('{"api_key":"***"}'),
        generic("x" * 499 + "…"),
        generic("y" * 240),
        generic("\ufffd\ufffd"),
        {"bodyPreview": "x" * 16_384},
        {"summary": None, "bodyPreview": "x" * 4096},
        {"summary": None, "bodyPreview": None},
        {"summary": None, "bodyPreview": ""},
        {"summary": {"action": "Send existing draft", "details": []}, "bodyPreview": None},
        {
            "summary": {"action": "Send existing draft", "details": []},
            "bodyPreview": "Send existing draft",
        },
        {"summary": {"action": "S", "details": [{"label": "Attachments", "value": "a.pdf"}]}},
        {"summary": {"action": "S", "details": [{"label": "To", "value": "b" * 239 + "…"}]}},
        {"summary": {"action": "S", "details": [{"label": "N", "value": "(not in preview)"}]}},
        {"headers": {"content-length": "4000"}},
        {"headers": {"content-encoding": "gzip"}},
        guests(10),
        {"method": "DELETE", "headers": {"Content-Length": "4000"}},
        generic('{"to":"<412 chars>"}', "DELETE"),
        {"method": "PROPFIND", "summary": None, "bodyPreview": None},
        generic("+3 more fields"),
        {"rawBody": raw("a", truncated=True)},
        {"rawBody": raw("", binary=True)},
        {"rawBody": raw('{"password":"***"}', redacted=True)},
        {"rawBody": {"text": "a"}},
        {"rawBody": raw("a", truncated=0)},
        {"rawBody": raw("a"), "headers": {"content-length": "4000"}},
    ],
    ids=range(29),
)
def test_law_14_what_onecli_leaves_out_is_not_taken_for_shown(more: dict[str, Any]) -> None:
    row = read_one(**more)
    assert rows.unseen(row)
    made = rows.proposal(row, reply()).http
    assert made is not None
    assert not made.body_complete


@pytest.mark.parametrize(
    "more",
    [
        {},
        generic('{"to":"bob"}'),
        generic('{"to":"bob"}', "PUT"),
        guests(9),
        {"method": "GET", "summary": None, "bodyPreview": None},
        {"method": "DELETE", "summary": None, "bodyPreview": None},
        {"method": "POST", "headers": {"content-length": "0"}, "bodyPreview": None},
        {"summary": {"action": "POST request", "details": []}, "bodyPreview": "POST request"},
        {"summary": None, "bodyPreview": '{"to":"bob"}'},
        {"summary": None, "bodyPreview": '{"to":"bob"}', "headers": {"content-length": "12"}},
        {**generic('{"to":"<412 chars>"}'), "rawBody": raw("x" * 8192)},
        {"rawBody": {"text": "{}", "truncated": False, "binary": False}},
        {"summary": None, "bodyPreview": None, "rawBody": raw("***")},
    ],
    ids=range(13),
)
def test_what_is_not_left_out_may_be_decided_by_a_tap(more: dict[str, Any]) -> None:
    assert rows.unseen(read_one(**more)) is None


def bound(asked: Proposal) -> Bound:
    http = held(asked.http, summary=asked.summary)
    assert http is not None
    book = RuleBook()
    return bind(BY, asked, read(http), book, request_id="req_1", revision=1, now=1)


def test_all_that_is_received_is_bound() -> None:
    def digest(**more: Any) -> str:
        row = read_one(**more)
        asked = rows.proposal(row, reply())
        return bound(asked).request.digest

    plain = digest()
    assert plain.startswith("summary-sha-256:")
    for more in (
        {"url": HOST + "?to=eve"},
        {"method": "PUT"},
        {"headers": {"content-type": "text/plain"}},
        {"bodyPreview": "Send email\nTo: bob@example.com "},
        {"summary": {"action": "Send email", "details": [{"label": "To", "value": "eve"}]}},
        {"summary": {"action": "Send mail", "details": []}},
        {"rawBody": raw("x", truncated=True)},
    ):
        assert digest(**more) != plain, more
    whole = digest(rawBody=raw("x"))
    assert whole.startswith("sha-256:")
    assert len({whole, *(digest(rawBody=raw(text)) for text in ("x ", "X", "é"))}) == 4
    assert digest(rawBody=raw("x"), headers={"x-account": "other"}) != whole


def test_law_14_no_part_of_a_row_can_change_unseen() -> None:
    """Under one id: another copy, or a later look, is told another request."""
    subject = {"verb": "Send", "lead": "Send ", "record": "email", "row": 0}
    said = {"action": "Send email", "details": []}
    alike = [{}, {"app": "gmail"}, {"createdAt": "2026-08-19T10:16:29Z"}]
    others: list[dict[str, Any]] = [
        {"rawBody": raw("a")},
        {"rawBody": raw("b")},
        {"rawBody": raw("a", truncated=True)},
        {"batch": {"id": "a"}},
        {"batch": {"id": "a", "label": "b"}},
        {"summary": said},
        {"summary": {**said, "subject": subject}},
        {"headers": {}},
    ]
    assert len({rows.fingerprint(read_one(**one)) for one in alike}) == 1
    assert len({rows.fingerprint(read_one(**one)) for one in (*others, {})}) == len(others) + 1


@pytest.mark.parametrize("verb", ["Create Contact", "create_contact"])
def test_the_action_has_no_id_of_a_record_in_it(verb: str) -> None:
    record = "Account 001QO000010eH0cYAF"
    subject = {"verb": verb, "lead": f"{verb} in ", "record": record, "row": 0}
    said = {"action": f"{verb} in {record}", "details": [], "subject": subject}
    asked = rows.proposal(read_one(summary=said), reply())
    assert asked.action == "onecli.create_contact"
    assert asked.title == f"{verb} in {record}"
    for odd in (None, "x", {}, {"verb": None}):
        older = rows.proposal(read_one(summary={**said, "subject": odd}), reply())
        assert older.action == "onecli.create_contact_in_account_001qo000010eh0cyaf"


def test_the_command_line_shows_what_was_summed_up_and_nothing_else() -> None:
    asked = rows.proposal(read_one(), reply())
    request = bound(asked).request
    told: dict[str, Any] = {"id": "req_1", "revision": 1, "digest": request.digest}
    told["asked"] = api.asked(request)
    found = remote.bound_request(told)
    assert found is not None
    assert found.http == request.http
    told_at = Console(width=100, file=io.StringIO())
    case = {"status": "pending", "outcome": None, "review": "https://x.example/"}
    remote._asked(told_at, case, found)
    shown = told_at.file.getvalue()  # type: ignore[attr-defined] # a StringIO
    assert "as the gateway sums it up" in shown
    assert "not the bytes" in shown
    assert "xact" not in shown
    with pytest.raises(Stop):
        remote.bound_request({**told, "digest": request.digest[:-1] + "x"})
    told["asked"]["http"]["body"] = "eA=="
    with pytest.raises(Stop):
        remote.bound_request(told)


def test_a_summary_is_not_decoded_as_if_it_were_the_body() -> None:
    url = "https://api.stripe.com/v1/payouts?currency=eur"
    form = {"headers": {"content-type": "application/x-www-form-urlencoded"}, "url": url}
    asked = rows.proposal(read_one(**generic("a=1&amount=5"), **form), reply())
    assert "amount" not in bound(asked).subject.decoded


# The stand-in is honest: its own SDK works against it


async def test_the_sdk_sees_decides_and_the_agent_is_answered() -> None:
    assert (PEERS / "node_modules/@onecli-sh").exists(), "run npm ci in tests/peers"
    for decision, answer in (("approve", 200), ("deny", 403)):
        async with OneCliPeer() as onecli:
            command = (NODE, "onecli_sdk.mjs", onecli.url, KEY, decision)
            pipe = asyncio.subprocess.PIPE
            sdk = await asyncio.create_subprocess_exec(*command, cwd=PEERS, stdin=pipe, stdout=pipe)
            assert sdk.stdin is not None
            assert sdk.stdout is not None
            id, agent = await onecli.hold_one()
            seen = json.loads(await asyncio.wait_for(sdk.stdout.readline(), HANGS))
            assert seen["id"] == id
            assert seen["timeoutSeconds"] == 180
            status, _, _ = await asyncio.wait_for(agent, HANGS)
            assert status == answer
            assert onecli.verdicts == [(id, decision, 200)]
            sdk.stdin.close()
            await sdk.wait()
