"""Verdicts that nobody collects, and requesters that try again without a key (laws 16 and 28)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from approvals.store import Store
from tests.harness.house import Place, open_house

HTTP = {"method": "POST", "url": "https://erp.example.com/x", "body": "eA=="}
ASK = {"action": "erp.pay", "http": HTTP, "agent": {"id": "bot"}}


@pytest.fixture
async def house(database: str) -> AsyncIterator[Place]:
    store = await Store.connect(database)
    async with open_house(store) as made:
        yield made
    await store.close()


async def opened(house: Place, **more: Any) -> dict[str, Any]:
    status, case = await house.call("POST", "/v1/requests", {**ASK, **more})
    assert status in (200, 201), case
    return dict(case)


async def approved(house: Place, case: dict[str, Any]) -> None:
    await house.carried()
    assert (await house.decide(case, by="dana"))[0] == 200
    await house.carried()


async def test_law_28_a_verdict_that_nobody_collected_says_so_on_every_card(house: Place) -> None:
    case = await opened(house)
    await approved(house, case)
    assert (await house.card(case, "U-dana")).now["headline"].startswith("Approved by dana")
    house.clock.turn(60_000 + 4_000)
    await house.carried()
    assert "lapsed" not in await house.read(case["id"])
    house.clock.turn(2_000)
    for account in ("U-dana", "U-kim"):
        headline = (await house.card(case, account)).now["headline"]
        assert headline == "Approved by dana, but never collected. Nothing was run."
    after = await house.read(case["id"])
    assert (after["lapsed"], after["status"], after["outcome"]) == (True, "approved", None)
    history = await house.store.history(case["id"])
    assert "request.lapsed" in [entry.kind for entry in history]


async def test_law_28_an_outcome_keeps_a_verdict_from_lapsing_also_when_it_comes_late(
    house: Place,
) -> None:
    in_time, late = await opened(house), await opened(house, action="erp.other")
    for case in (in_time, late):
        await approved(house, case)
    outcome = {"delivered": True, "status": 201}
    assert (await house.call("POST", f"/v1/requests/{in_time['id']}/outcome", outcome))[0] == 200
    house.clock.turn(70_000)
    await house.carried()
    assert "lapsed" not in await house.read(in_time["id"])
    assert (await house.read(late["id"]))["lapsed"] is True
    assert (await house.call("POST", f"/v1/requests/{late['id']}/outcome", outcome))[0] == 200
    after = await house.read(late["id"])
    assert ("lapsed" in after, after["outcome"]["delivered"]) == (False, True)
    assert (await house.card(late, "U-dana")).now["headline"].endswith("Delivered: 201")


async def test_an_agent_that_never_reports_is_not_said_to_have_run_nothing(house: Place) -> None:
    """An agent that reads its own verdict and acts owes us no outcome: silence proves nothing."""
    status, case = await house.call("POST", "/v1/requests", ASK, key="csr_scripts")
    assert status == 201
    await house.carried()
    case = dict(case)
    assert (await house.decide(case, by="kim"))[0] == 200
    await house.carried()
    house.clock.turn(70_000)
    await house.carried()
    _, after = await house.call("GET", f"/v1/requests/{case['id']}", key="csr_scripts")
    assert "lapsed" not in after


async def test_law_16_join_gives_the_same_case_to_identical_requests(house: Place) -> None:
    cases = await asyncio.gather(*(opened(house, join=True) for _ in range(10)))
    assert len({case["id"] for case in cases}) == 1
    other = await opened(house, join=True, action="erp.other")
    assert other["id"] != cases[0]["id"]
    assert (await opened(house))["id"] != cases[0]["id"], "only who asks for it joins"


async def test_law_32_a_request_that_was_asked_often_is_joined_as_quickly_as_a_new_one(
    house: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, tries = house.house.service, 0
    plain = service.open

    async def counted(*args: Any) -> Any:
        nonlocal tries
        tries += 1
        return await plain(*args)

    ids = set()
    for _ in range(12):
        ids.add((await opened(house, join=True))["id"])
        await house.call("DELETE", f"/v1/requests/{max(ids)}")
    assert len(ids) == 12
    monkeypatch.setattr(service, "open", counted)
    again = await asyncio.gather(*(opened(house, join=True) for _ in range(5)))
    assert len({case["id"] for case in again}) == 1
    assert tries <= 2 * len(again), "what was asked before is not gone through"


async def _agents(house: Place, key: str | None = None, **more: Any) -> str:
    """An agent's own key asks: the request that it gets."""
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {**ASK, "note": "invoice 2291", **more}
    status, case = await house.call(
        "POST", "/v1/requests", body, key="csr_scripts", headers=headers
    )
    assert status in (200, 201), case
    return str(case["id"])


async def test_law_16_an_agent_that_sends_the_same_again_shares_its_pending_case(
    house: Place,
) -> None:
    hour = 3_600_000
    house.clock.turn(hour - house.clock() % hour - 30_000)
    ids = await asyncio.gather(*(_agents(house) for _ in range(10)))
    assert len(set(ids)) == 1
    await house.carried()
    cards = len(house.desk.messages)
    house.clock.turn(61_000)  # into the next hour, of which no key is known
    for _ in range(3):
        assert await _agents(house) == ids[0]
    await house.carried()
    assert len(house.desk.messages) == cards, "nobody is asked twice"


@pytest.mark.parametrize(
    "more",
    [
        {"note": "invoice 2292"},
        {"title": "Pay"},
        {"facts": [{"label": "Amount", "value": "1"}]},
        {"risk": "high"},
        {"expires_in": 60},
        {"action": "erp.other"},
        {"http": {**HTTP, "body": "eQ=="}},
        {"key": "another"},
    ],
    ids=lambda more: next(iter(more)),
)
async def test_law_16_what_an_agent_says_otherwise_is_another_case(
    house: Place, more: dict[str, Any]
) -> None:
    first, other = await _agents(house), await _agents(house, **more)
    assert first != other
    assert await _agents(house, **more) == other
    # One without a key may be either: nothing about them differs that anybody sees.
    assert await _agents(house) in ((first, other) if "key" in more else (first,))


async def test_law_16_an_agents_decided_or_revised_request_is_not_shared(house: Place) -> None:
    first = await _agents(house)
    await house.carried()
    case = await house.read(first, key="csr_scripts")
    assert (await house.decide(case, by="kim"))[0] == 200
    second = await _agents(house)
    assert second != first, "a verdict is for one run"
    revised = {**ASK, "action": "erp.other"}
    status, _ = await house.call("PUT", f"/v1/requests/{second}", revised, key="csr_scripts")
    assert status == 200
    third = await _agents(house)
    assert third not in (first, second), "that asks for something else now"
    assert await _agents(house) == third


@pytest.mark.parametrize("choice", ["approve", "decline"])
async def test_law_28_join_collects_a_verdict_that_was_just_given(
    house: Place, choice: str
) -> None:
    case = await opened(house, join=True)
    await house.carried()
    assert (await house.decide(case, choice, by="dana"))[0] == 200
    await house.carried()
    again = await opened(house, join=True)
    said = "approved" if choice == "approve" else "declined"
    assert (again["id"], again["status"]) == (case["id"], said)
    house.clock.turn(11 * 60_000)
    later = await opened(house, join=True)
    assert later["id"] != case["id"]
    assert later["status"] == "pending"
    assert (await opened(house, join=True))["id"] == later["id"]


async def test_law_28_what_was_carried_out_is_not_joined(house: Place) -> None:
    case = await opened(house, join=True)
    await approved(house, case)
    outcome = {"delivered": True, "status": 201}
    await house.call("POST", f"/v1/requests/{case['id']}/outcome", outcome)
    assert (await opened(house, join=True))["id"] != case["id"]


async def test_law_11_a_gateways_reason_for_withdrawing_is_shown_and_an_agents_is_not(
    house: Place,
) -> None:
    why = {"reason": "The agent's client gave up waiting."}
    case = await opened(house)
    assert (await house.call("DELETE", f"/v1/requests/{case['id']}", why))[0] == 200
    assert (await house.read(case["id"]))["reason"] == why["reason"]
    _, mine = await house.call("POST", "/v1/requests", ASK, key="csr_scripts")
    status, after = await house.call("DELETE", f"/v1/requests/{mine['id']}", why, key="csr_scripts")
    assert (status, after["reason"]) == (200, None)
