"""A yes in advance to the next identical request: who gives one, for what, and once."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from approvals import grants
from approvals.evidence import read_receipt
from approvals.model import MINUTE, Agent, Case, Http, Person, Refused, Request, Risk, Status
from approvals.policy import Rule
from approvals.proposal import Proposal
from approvals.store import Grant, Store
from approvals.web import credentials
from tests.harness.house import GATEWAY, OTHERWISE, RING, Place, open_house, rule

HELD = Http("POST", "https://x.example/a?b=1", (), b"POST request\nBody: hello")
ASKED = Proposal(
    "onecli.post_request", Agent("bot"), http=HELD, summary=True, expires_in=3 * MINUTE
)


@pytest.fixture
async def place(store: Store) -> AsyncIterator[Place]:
    async with open_house(store, rules=()) as place:
        hold(place)
        yield place


def hold(place: Place) -> None:
    """Its requester is a gateway that holds requests for minutes."""

    async def held(case: Case) -> None:
        """It still does."""

    place.house.service.holders = {GATEWAY.name: held}


async def asked(place: Place, http: Http = HELD, agent: str = "bot", **more: Any) -> Case:
    """A request as a gateway that holds it opens it, and looks for grants."""
    what = replace(ASKED, http=http, agent=Agent(agent), **more)
    case, _ = await place.house.service.open(GATEWAY, what)
    service = place.house.service
    await grants.use(service, place.store, case, now=place.clock())
    return await place.case(case.id)


async def ran_out(place: Place, http: Http = HELD, **more: Any) -> tuple[Case, Request]:
    case = await asked(place, http, **more)
    place.clock.turn(3 * MINUTE)
    await place.house.service.tick()
    content = await place.store.content(case.id, 1)
    assert content is not None
    return await place.case(case.id), content


def person(place: Place, name: str = "dana") -> Person:
    found = place.house.service.trust.directory.person(name)
    assert found is not None
    return found


async def give(place: Place, case: Case, content: Request, by: str = "dana") -> Grant:
    return await grants.give(
        place.house.service, place.store, case, content, person(place, by),
        now=place.clock(), random=os.urandom,
    )  # fmt: skip


async def test_a_grant_lets_the_next_identical_request_through_once(place: Place) -> None:
    case, content = await ran_out(place)
    grant = await give(place, case, content)
    assert await give(place, case, content) == grant, "asked twice, given once"
    again = await asked(place)
    assert again.status is Status.APPROVED
    assert [(vote.person, vote.channel) for vote in again.votes] == [("dana", "grant")]
    assert (await asked(place)).open, "it was for one"
    await place.carried()
    receipt = await place.store.receipt(again.id)
    assert receipt is not None
    claims, _ = read_receipt(receipt, [place.key.jwk()], now=place.clock())
    assert claims["choice"] == "approve"
    assert [vote["channel"] for vote in claims["people"]] == ["grant"]
    assert (await place.kinds()).count("grant.given") == 1


@pytest.mark.parametrize(
    "other",
    [
        {"http": replace(HELD, method="PUT")},
        {"http": replace(HELD, url="https://x.example/a?b=2")},
        {"http": replace(HELD, body=HELD.body + b" ")},
        {"http": replace(HELD, headers=(("x-account", "other"),))},
        {"http": replace(HELD, body_complete=False)},
        {"agent": "other"},
    ],
    ids=["method", "url", "body", "header", "incomplete", "agent"],
)
async def test_another_request_is_not_let_through(place: Place, other: dict[str, Any]) -> None:
    await give(place, *await ran_out(place))
    assert (await asked(place, **other)).open
    assert not (await asked(place)).open


async def test_a_grant_ends_after_ten_minutes(place: Place) -> None:
    case, content = await ran_out(place)
    await give(place, case, content)
    about = (place.house.service, place.store, case, person(place))
    assert await grants.of(*about, place.clock())
    place.clock.turn(10 * MINUTE)
    assert await grants.of(*about, place.clock()) is None, "its page does not offer to take it back"
    assert (await asked(place)).open


async def test_law_01_a_grant_that_ends_while_it_is_used_gives_no_vote(place: Place) -> None:
    """Between the look at it and the vote time goes on, and the request may be revised."""
    case, now = await asked(place), place.clock()
    granted = place.house.service.granted
    assert not (await granted(person(place), case, "grt_1", now)).counted, "it is over"
    other = replace(case, digest="summary-sha-256:" + "0" * 64)
    assert not (await granted(person(place), other, "grt_1", now + MINUTE)).counted
    assert (await place.case(case.id)).votes == ()
    assert (await granted(person(place), case, "grt_1", now + MINUTE)).counted


async def test_a_grant_is_taken_back(place: Place) -> None:
    grant = await give(place, *await ran_out(place))
    when = {"now": place.clock(), "random": os.urandom}
    assert await grants.revoke(place.store, grant, **when)  # type: ignore[arg-type] # by name
    assert not await grants.revoke(place.store, grant, **when)  # type: ignore[arg-type] # by name
    assert (await asked(place)).open
    assert (await place.kinds()).count("grant.revoked") == 1


async def test_what_was_not_shown_whole_is_not_granted(place: Place) -> None:
    case, content = await ran_out(place, replace(HELD, body_complete=False))
    with pytest.raises(Refused):
        await give(place, case, content)


async def test_law_14_nor_where_a_rule_lets_people_approve_unseen(store: Store) -> None:
    """A person who looks at the rest being missing may; nobody says so in advance."""
    async with open_house(store, rules=(rule("onecli", allow_unseen=True),)) as place:
        hold(place)
        case, content = await ran_out(place, replace(HELD, body_complete=False))
        assert case.ask.allow_unseen
        with pytest.raises(Refused):
            await give(place, case, content)


async def test_who_may_not_approve_may_not_grant(place: Place) -> None:
    case, content = await ran_out(place)
    for name in ("eve", "ada", "lee"):
        with pytest.raises(Refused):
            await give(place, case, content, name)


async def test_law_19_high_risk_is_never_granted(place: Place) -> None:
    case, content = await ran_out(place, risk=Risk.HIGH)
    with pytest.raises(Refused):
        await give(place, case, content)
    await give(place, *await ran_out(place))
    assert (await asked(place, risk=Risk.HIGH)).open, "nor used"


async def test_a_gateway_that_can_wait_needs_no_grant(place: Place) -> None:
    place.house.service.holders = {}
    case, content = await ran_out(place)
    service = place.house.service
    assert not grants.offered(service, case, content, person(place), place.clock())
    with pytest.raises(Refused):
        await give(place, case, content)


async def test_a_request_with_its_whole_body_is_granted_as_well(place: Place) -> None:
    await give(place, *await ran_out(place, summary=False))
    assert (await asked(place)).open, "a summary that says the same is another request"
    assert (await asked(place, summary=False)).status is Status.APPROVED


async def test_only_what_ran_out_is_granted(place: Place) -> None:
    case = await asked(place)
    content = await place.store.content(case.id, 1)
    assert content is not None
    with pytest.raises(Refused):
        await give(place, case, content)


async def test_a_grant_is_one_vote_and_no_quorum(store: Store) -> None:
    two = Rule("two", ask=replace(OTHERWISE, rule="two", quorum=(("default", 2),)))
    async with open_house(store, rules=(two,)) as place:
        hold(place)
        case, content = await ran_out(place)
        await give(place, case, content)
        place.clock.turn(1000)
        again = await asked(place)
        assert again.open
        assert [vote.person for vote in again.votes] == ["dana"]
        await give(place, case, content, "kim")
        third = await asked(place)
        assert [vote.person for vote in third.votes] == ["kim"], "dana's was used up"


async def test_a_row_that_we_did_not_write_grants_nothing(place: Place) -> None:
    case, content = await ran_out(place)
    grant = await give(place, case, content)
    forged = replace(grant, id="grt_forged", person="kim")
    await place.store.add_grant(forged, [])
    await place.store.add_grant(replace(forged, id="grt_2", seal="k1:00"), [])
    again = await asked(place)
    assert [vote.person for vote in again.votes] == ["dana"]
    assert (await asked(place)).open


async def test_law_04_two_copies_use_a_grant_once(database: str) -> None:
    first, second = await Store.connect(database), await Store.connect(database)
    async with (
        open_house(first, rules=()) as one,
        open_house(second, rules=(), clock=one.clock, key=one.key) as two,
    ):
        hold(one)
        await give(one, *await ran_out(one))
        made = []
        for place in (one, two):
            case, _ = await place.house.service.open(GATEWAY, ASKED)
            made.append(case)
        for place, case in ((one, made[0]), (two, made[1]), (two, made[0])):
            service = place.house.service
            now = place.clock()
            await grants.use(service, place.store, case, now=now)
        found = await first.cases([case.id for case in made])
        assert sorted(case.status for case in found.values()) == ["approved", "pending"]
        (grant,) = [g for g, _ in await first.grants(request_id=(await _spent(first)))]
        answer = await two.house.service.granted(person(two), made[1], grant.id, grant.expires_at)
        assert not answer.counted, "whoever looked before it was used is told so by the commit"
    await first.close()
    await second.close()


async def _spent(store: Store) -> str:
    ran = await store.page(status=Status.EXPIRED)
    return ran[0].id


async def test_law_08_the_page_offers_gives_and_takes_back(place: Place) -> None:
    case, _ = await ran_out(place)
    cookie = await credentials.start_session(
        place.store, RING, "dana", "link", now=place.clock(), random=os.urandom
    )
    site = place.house.deps.site
    headers = {"Host": site.host, "Cookie": f"{site.cookie}={cookie}"}
    path = f"/requests/{case.id}"

    async def page() -> str:
        async with place.http.get(place.url + path, headers=headers) as answer:
            assert answer.status == 200
            return await answer.text()

    async def post(**form: str) -> int:
        sent = {**headers, "Origin": site.origin, "Sec-Fetch-Site": "same-origin"}
        url = f"{place.url}{path}/grant"
        async with place.http.post(url, data=form, headers=sent) as answer:
            return answer.status

    text = await page()
    assert "Let the next identical request through" in text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
    assert await post(**{**fields, "csrf": "x"}, do="give") == 403
    assert await post(**{**fields, "digest": "x"}, do="give") == 409
    assert await post(**fields, do="dance") == 400
    async with place.http.get(f"{place.url}{path}/grant", headers=headers) as answer:
        assert answer.status in (404, 405)
    assert await post(**fields, do="revoke") == 409
    assert await post(**fields, do="give") == 200
    assert "Take it back" in await page()
    assert await post(**fields, do="revoke") == 200
    assert "Let the next identical request through" in await page()
    assert await post(**fields, do="give") == 200
    assert (await asked(place)).status is Status.APPROVED
