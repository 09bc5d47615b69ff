"""One agent's budget, which is never another's; and refusals, which are remembered."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from approvals.budgets import Bucket, Budgets, Spent
from approvals.model import MINUTE, SECOND, Budget, Kind, Requester
from approvals.store import Store
from tests.harness.house import Clock, Place, open_house

GATE = Requester("gate", Kind.GATEWAY)


def keyed(**budget: Any) -> dict[bytes, Requester]:
    """A gateway and an agent of these budgets, with the keys csr_gate and csr_agent."""
    who = {
        "csr_gate": replace(GATE, budget=Budget(**budget)),
        "csr_agent": Requester("agent", Kind.AGENT, budget=Budget(**budget)),
        "csr_other": Requester("other", Kind.GATEWAY, budget=Budget(**budget)),
    }
    return {hashlib.sha256(key.encode()).digest(): by for key, by in who.items()}


async def ask(
    place: Place,
    n: object = 0,
    *,
    agent: str = "bot",
    key: str = "csr_gate",
    method: str = "POST",
    path: str = "/v1/requests",
    **more: Any,
) -> tuple[int, Any]:
    body = {"action": "mail.send", "payload": {"n": n}, "agent": {"id": agent}, **more}
    return await place.call(method, path, body, key=key)


async def test_law_27_one_agents_requests_are_bounded_and_never_anothers(store: Store) -> None:
    async with open_house(store, requesters=keyed(requests=3)) as place:
        for n in range(3):
            assert (await ask(place, n))[0] == 201
        status, problem = await ask(place, 3)
        assert (status, problem["type"]) == (429, "too_many_requests")
        assert problem["detail"] == (
            "Agent 'bot' may send 3 requests a minute, and has. Try again in 20 s."
        )
        assert (await ask(place, 3, agent="other"))[0] == 201
        assert (await ask(place, 3, key="csr_other"))[0] == 201
        place.clock.turn(20 * SECOND)
        assert (await ask(place, 3))[0] == 201


async def test_law_27_an_agent_that_takes_another_name_has_the_budget_of_its_key(
    store: Store,
) -> None:
    async with open_house(store, requesters=keyed(requests=3)) as place:
        statuses = [(await ask(place, n, agent=f"bot{n}", key="csr_agent"))[0] for n in range(4)]
        assert statuses == [201, 201, 201, 429]


async def test_law_27_open_requests_are_bounded_until_some_are_decided(store: Store) -> None:
    async with open_house(store, requesters=keyed(open=2)) as place:
        first = (await ask(place, 1))[1]
        assert (await ask(place, 2))[0] == 201
        status, problem = await ask(place, 3)
        assert status == 429
        assert problem["detail"] == (
            "Agent 'bot' may have 2 open requests, and has. Wait until some are decided, or "
            "withdraw one. Try again in 30 s."
        )
        assert (await ask(place, 3, agent="other"))[0] == 201
        assert (await place.decide(first, by="dana"))[0] == 200
        assert (await ask(place, 3))[0] == 201
        assert (await ask(place, 4))[0] == 429
        place.clock.turn(20 * MINUTE)
        assert (await ask(place, 4))[0] == 201, "what ran out is not open"


async def test_law_27_bytes_are_bounded_by_day_and_by_what_is_open(store: Store) -> None:
    async with open_house(store, requesters=keyed(bytes=5_000, held=3_000)) as place:
        first = (await ask(place, "x" * 2_000))[1]
        status, problem = await ask(place, "y" * 2_000)
        assert status == 429
        assert "hold 2," in problem["detail"]
        assert (await place.decide(first, by="dana"))[0] == 200
        second = (await ask(place, "y" * 2_000))[1]
        assert (await place.decide(second, by="dana"))[0] == 200
        status, problem = await ask(place, "z" * 900)
        assert status == 429
        assert "5,000 bytes a day" in problem["detail"]


async def test_law_27_what_is_revised_holds_what_it_grew_to(store: Store) -> None:
    async with open_house(store, requesters=keyed(held=3_000, open=2)) as place:
        ids = [(await ask(place, n))[1]["id"] for n in range(2)]

        async def revise(id: str, text: str) -> int:
            return (await ask(place, text, method="PUT", path=f"/v1/requests/{id}"))[0]

        assert await revise(ids[0], "x" * 2_000) == 200
        assert await revise(ids[0], "y" * 2_000) == 200, "it takes the place of itself"
        assert await revise(ids[1], "x" * 2_000) == 429
        assert await revise(ids[0], "small") == 200
        assert await revise(ids[1], "x" * 2_000) == 200


async def test_law_27_what_is_revised_to_another_agents_is_that_agents(store: Store) -> None:
    async with open_house(store, requesters=keyed(open=1)) as place:
        path = "/v1/requests/" + (await ask(place, 1, agent="one"))[1]["id"]
        assert (await ask(place, 2, agent="two", method="PUT", path=path))[0] == 200
        assert (await ask(place, 3, agent="two"))[0] == 429
        assert (await ask(place, 4, agent="one"))[0] == 201, "it has nothing open any more"


async def test_law_16_what_joins_costs_nothing(store: Store) -> None:
    """A thousand identical requests of one agent are one case, with a card for each approver."""
    async with open_house(store, requesters=keyed(requests=5, open=2, bytes=2_000)) as place:
        ids = {(await ask(place, join=True))[1]["id"] for _ in range(100)}
        assert len(ids) == 1
        await place.carried()
        assert len(place.desk.messages) == 2
        assert (await ask(place, 1))[0] == 201


async def test_law_27_the_cards_to_one_person_are_bounded_and_the_rest_comes_later(
    store: Store,
) -> None:
    async with open_house(store, requesters=keyed(cards=4)) as place:
        for n in range(6):
            assert (await ask(place, n))[0] == 201
        other = (await ask(place, 0, agent="other"))[1]
        await place.carried()

        def cards(account: str) -> int:
            return len([m for m in place.desk.messages if m.address.account == account])

        assert len(place.desk.of(other["id"])) == 2, "another agent's come at once"
        assert cards("U-dana") == 4 + 1
        for _ in range(6):
            place.clock.turn(15 * SECOND)
            await place.carried()
        assert cards("U-dana") == 6 + 1


# Refusals


async def declined(place: Place, n: object = 0, reason: str | None = "not now", **more: Any) -> Any:
    """A request that dana declined, as soon as everybody knows."""
    status, request = await ask(place, n, **more)
    assert (status, request["status"]) == (201, "pending")
    await place.carried()
    assert (await place.decide(request, "decline", by="dana", reason=reason))[0] == 200
    await place.carried()
    return request


async def test_law_17_a_refusal_is_the_answer_to_the_same_request_for_a_while(
    store: Store,
) -> None:
    async with open_house(store, requesters=keyed()) as place:
        request = await declined(place)
        shown = len(place.desk.messages)
        ids = [request["id"]]
        for join in (False, False, True, True):
            _, again = await ask(place, join=join)
            assert again["status"] == "declined"
            assert "not now" in again["reason"]
            ids.append(again["id"])
        assert len(set(ids)) == 4, "what joins opens one"
        await place.carried()
        assert len(place.desk.messages) == shown, "nobody is asked"
        assert (await ask(place, agent="other"))[1]["status"] == "pending"
        assert (await ask(place, key="csr_other"))[1]["status"] == "pending"
        place.clock.turn(10 * MINUTE)
        assert (await ask(place))[1]["status"] == "pending"


async def test_law_17_the_agent_is_told_until_when_and_why(store: Store) -> None:
    async with open_house(store, requesters=keyed()) as place:
        await declined(place)
        again = (await ask(place))[1]
        assert again["reason"].startswith("The same request was declined a short while ago.")
        assert " is of no use. The reason was: not now" in again["reason"]
        assert (await place.store.receipt(again["id"])) is None or again["votes"] == []


async def test_law_17_after_several_refusals_their_neighbours_are_refused(store: Store) -> None:
    async with open_house(store, requesters=keyed()) as place:
        for n in range(3):
            await declined(place, n, None)
        again = (await ask(place, "another"))[1]
        assert again["status"] == "declined"
        assert again["reason"].startswith("3 like it were declined a short while ago.")
        assert (await ask(place, "x", action="mail.read"))[1]["status"] == "pending"
        place.clock.turn(10 * MINUTE)
        assert (await ask(place, "another"))[1]["status"] == "pending"


async def test_law_17_no_other_name_makes_a_refused_request_another_one(store: Store) -> None:
    """Neither that of the agent, where it may take any, nor its name for an HTTP request."""
    http = {"method": "POST", "url": "https://erp.example.com/pay", "headers": {}, "body": ""}
    same = {"action": "mail.send", "payload": 1}
    named = [(1, [{**same, "agent": {"id": f"bot{n}"}} for n in range(4)])]
    named += [(1, [{"action": f"pay.{n}", "http": http} for n in range(5)])]
    for most, tries in named:
        async with open_house(store, requesters=keyed()) as place:
            asked = 0
            for body in tries:
                request = (await place.call("POST", "/v1/requests", body, key="csr_agent"))[1]
                if request["status"] == "pending":
                    asked += 1
                    await place.decide(request, "decline", by="dana")
                    await place.carried()
            assert asked == most


async def test_law_17_a_clock_that_is_set_back_neither_forgets_a_refusal_nor_keeps_it(
    store: Store,
) -> None:
    async with open_house(store, requesters=keyed()) as place:
        place.clock.set(8 * MINUTE)
        await declined(place)
        place.clock.set(-8 * MINUTE)
        assert (await ask(place))[1]["status"] == "declined"
        place.clock.set(300 * MINUTE)
        await declined(place, 1)
        place.clock.set(-300 * MINUTE)
        assert (await ask(place, 1))[1]["status"] == "pending"


async def test_law_17_a_revision_is_held_to_what_was_refused(store: Store) -> None:
    async with open_house(store, requesters=keyed()) as place:
        path = "/v1/requests/" + (await ask(place, 1))[1]["id"]
        assert (await ask(place, 2, method="PUT", path=path))[1]["revision"] == 2
        await declined(place)
        revised = (await ask(place, method="PUT", path=path))[1]
        assert revised["status"] == "declined"
        assert revised["reason"].startswith("The same request was declined a short while ago.")
        path = "/v1/requests/" + (await ask(place, 3))[1]["id"]
        revised = (await ask(place, 4, method="PUT", path=path))[1]
        assert (await place.decide(revised, "decline", by="dana"))[0] == 200
        await place.carried()
        assert (await ask(place, 4))[1]["status"] == "declined", "as what it was revised to"


async def test_law_17_refusals_far_apart_do_not_add_up(store: Store) -> None:
    async with open_house(store, requesters=keyed()) as place:
        for n in range(4):
            await declined(place, n, None)
            place.clock.turn(9 * MINUTE if n == 0 else 11 * MINUTE)
        assert (await ask(place, "another"))[1]["status"] == "pending"


async def test_law_17_a_yes_and_a_rules_no_are_not_remembered(store: Store) -> None:
    async with open_house(store, requesters=keyed()) as place:
        for _ in range(2):
            request = (await ask(place))[1]
            assert (await place.decide(request, by="dana"))[0] == 200
            await place.carried()
        for _ in range(4):
            again = (await ask(place, action="denied.it"))[1]
            assert again["reason"] == "Refused by the rule 'denied'."
            await place.carried()


async def test_law_17_no_key_of_an_agent_writes_a_refusal(store: Store) -> None:
    async with open_house(store, requesters=keyed()) as place:
        from approvals import refusals

        request = (await ask(place))[1]
        content = await store.content(request["id"], 1)
        assert content is not None
        for key in await refusals._keys(content, GATE):
            headers = {"Idempotency-Key": key}
            body = {"action": "mail.send", "payload": 7, "agent": {"id": "bot"}}
            made = await place.call("POST", "/v1/requests", body, key="csr_gate", headers=headers)
            assert made[0] == 201
        assert (await ask(place))[1]["status"] == "pending"


def test_a_bucket_gives_back_and_never_more_than_it_holds() -> None:
    clock = Clock()
    bucket = Bucket(clock.steady, burst=2, period=MINUTE)
    bucket.count("a", 2)
    assert bucket.wait("a") == 30 * SECOND
    assert bucket.wait("a", 99) == MINUTE, "more than all of it counts as all of it"
    bucket.count("a", -5)
    assert bucket.wait("a", 2) == 0
    bucket.count("a")
    bucket.count("a")
    assert bucket.wait("a") > 0
    assert bucket.wait("b") == 0


def test_law_27_by_a_clock_that_is_set_back_nobody_waits_longer() -> None:
    clock = Clock()
    budgets, by = Budgets(clock.steady), replace(GATE, budget=Budget(requests=1))
    budgets.take(by, "bot", 1)
    clock.set(-60 * MINUTE)
    with pytest.raises(Spent) as caught:
        budgets.take(by, "bot", 1)
    assert caught.value.wait == MINUTE
    clock.turn(MINUTE)
    budgets.take(by, "bot", 1)
    assert "bot" not in json.dumps(repr(budgets))
