"""The public contract, over HTTP, on both databases: what each call does, and who may make it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest

from approvals.buttons import Key, KeyRing, seal_vote
from approvals.evidence import rfc3339, verify_chain
from approvals.model import MINUTE, SECOND, Case, Choice, Risk, Status, Vote
from approvals.store import Store
from tests.harness.house import ISSUER, RING, Place, intrude, open_house

BASE = 1_000
"""Enough milliseconds for a request's id to come after that of the one before."""


@pytest.fixture
async def place(store: Store) -> AsyncIterator[Place]:
    async with open_house(store) as place:
        yield place


async def claims_of(place: Place, receipt: str) -> dict[str, Any]:
    """A receipt as an auditor reads it: with a JOSE library of others and the published keys."""
    status, keys = await place.call("GET", "/.well-known/jwks.json")
    assert status == 200
    header = jwt.get_unverified_header(receipt)
    assert (header["alg"], header["typ"]) == ("EdDSA", "countersign-receipt+jwt")
    key = jwt.PyJWKSet.from_dict(keys)[header["kid"]]
    # the test's clock is not the wall's
    options: jwt.types.Options = {"verify_exp": False, "verify_iat": False}
    claims: dict[str, Any] = jwt.decode(
        receipt, key, algorithms=["EdDSA"], audience="billing", issuer=ISSUER, options=options
    )
    return claims


# Opening


async def test_an_opened_request_says_what_the_contract_says(place: Place) -> None:
    asked = await place.opened("two.transfer", risk="medium", expires_in=60)
    assert set(asked) == {
        *("id", "revision", "status", "digest", "rule", "risk", "votes", "needs", "created_at"),
        *("expires_at", "decided_at", "reason", "outcome", "receipt"),
    }
    assert asked["rule"] == "two"
    assert (asked["status"], asked["revision"], asked["needs"]) == ("pending", 1, ["2 more"])
    assert asked["expires_at"] == rfc3339(place.clock() + MINUTE)
    assert await place.read(asked["id"]) == asked


async def test_a_requester_can_raise_the_risk_and_shorten_the_time_only(place: Place) -> None:
    lower = await place.opened("two.transfer", risk="low", expires_in=7 * 24 * 3600)
    assert lower["risk"] == "medium"
    assert lower["expires_at"] == rfc3339(place.clock() + 15 * MINUTE)
    assert (await place.opened("two.transfer", risk="high"))["risk"] == "high"


async def test_law_05_an_agent_id_of_somebody_else_is_refused(place: Place) -> None:
    body = {"action": "mail.send", "payload": 1, "agent": {"id": "other-bot"}}
    status, problem = await place.call("POST", "/v1/requests", body, key="csr_scripts")
    assert (status, problem["type"]) == (403, "forbidden")
    assert await place.store.page() == []


async def test_action_and_payload_are_all_that_a_request_needs(place: Place) -> None:
    for key, agent in (("csr_scripts", "bot"), ("csr_billing", "agent")):
        body = {"action": "mail.send", "payload": 1}
        status, asked = await place.call("POST", "/v1/requests", body, key=key)
        assert status == 201
        assert (await place.case(asked["id"])).agent == agent, "its only one, where it has one"
        revised = {**body, "payload": 2}
        status, _ = await place.call("PUT", f"/v1/requests/{asked['id']}", revised, key=key)
        assert (status, (await place.case(asked["id"])).agent) == (200, agent)


async def test_the_same_idempotency_key_and_body_get_the_first_answer_again(place: Place) -> None:
    body = {"action": "mail.send", "payload": 1}
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "abc"}}
    status, first = await place.call("POST", "/v1/requests", body, **once)
    assert status == 201
    again = await place.call("POST", "/v1/requests", body, **once)
    assert again == (200, first)
    other = {**body, "payload": 2}
    status, problem = await place.call("POST", "/v1/requests", other, **once)
    assert (status, problem["type"]) == (409, "idempotency_mismatch")
    theirs = {**body, "agent": {"id": "bot"}}
    status, _ = await place.call("POST", "/v1/requests", theirs, key="csr_scripts", **once)
    assert status == 201, "keys are each requester's own"
    assert len(await place.store.page()) == 2


async def test_two_at_once_with_one_idempotency_key_open_one_case(place: Place) -> None:
    body = {"action": "mail.send", "payload": 1}
    headers = {"Idempotency-Key": "abc"}
    answers = await asyncio.gather(
        *(place.call("POST", "/v1/requests", body, headers=headers) for _ in range(12))
    )
    assert sorted(status for status, _ in answers) == [200] * 11 + [201]
    assert len({answer["id"] for _, answer in answers}) == 1
    assert len(await place.store.page()) == 1
    assert (await place.kinds()).count("request.opened") == 1


# Reading and listing


async def test_law_05_a_requester_sees_its_own_requests_only(place: Place) -> None:
    mine = await place.opened()
    path = f"/v1/requests/{mine['id']}"
    agent = {"action": "mail.send", "payload": 1, "agent": {"id": "bot"}}
    outcome = {"delivered": True}
    for method, where, body in (
        ("GET", path, None),
        ("GET", f"{path}?wait=1", None),
        ("GET", f"{path}/receipt", None),
        ("DELETE", path, None),
        ("PUT", path, agent),
        ("POST", f"{path}/outcome", outcome),
    ):
        status, problem = await place.call(method, where, body, key="csr_scripts")
        assert (status, problem["type"]) == (404, "not_found"), (method, where)
    unknown = await place.call("GET", "/v1/requests/req_00000000000000000000000000")
    theirs = await place.call("GET", path, key="csr_scripts")
    assert unknown == theirs, "not there and not yours are not told apart"
    status, listed = await place.call("GET", "/v1/requests?agent=agent", key="csr_scripts")
    assert (status, listed) == (200, {"requests": [], "next": None})


async def test_law_05_a_requester_key_cannot_decide_or_read_the_audit_chain(place: Place) -> None:
    asked = await place.opened()
    decision = {"choice": "approve", "digest": asked["digest"]}
    path = f"/v1/requests/{asked['id']}/decision"
    for key in ("csr_billing", "csr_scripts"):
        for body in (decision, {}, None):
            status, problem = await place.call("POST", path, body, key=key)
            assert (status, problem["type"]) == (403, "forbidden")
        assert (await place.call("GET", "/v1/audit", key=key))[0] == 403
    assert (await place.read(asked["id"])) == asked


async def test_law_05_a_person_cannot_open_revise_withdraw_or_report(place: Place) -> None:
    asked = await place.opened()
    token = await place.token("dana")
    body = {"action": "mail.send", "payload": 1}
    path = f"/v1/requests/{asked['id']}"
    for method, where, sent in (
        ("POST", "/v1/requests", body),
        ("PUT", path, body),
        ("DELETE", path, None),
        ("POST", f"{path}/outcome", {"delivered": True}),
    ):
        assert (await place.call(method, where, sent, key=token))[0] == 403
    assert len(await place.store.page()) == 1


async def test_law_09_whoever_has_no_key_gets_401(place: Place) -> None:
    bearer = ("", "csr_nobody", "csp_", "csp_" + "x" * 63, "é", "csr_billing x", "CSR_BILLING")
    others = ("", "Basic Y3NyX2JpbGxpbmc6", "csr_billing", "Bearer")
    for header in (*(f"Bearer {key}" for key in bearer), *others):
        for method, path in (("GET", "requests"), ("POST", "requests"), ("GET", "audit")):
            sent = {"Authorization": header}
            async with place.http.request(method, f"{place.url}/v1/{path}", headers=sent) as answer:
                assert answer.status == 401, header
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                assert answer.content_type == "application/problem+json"


async def test_people_see_what_they_may_decide_with_names_and_requesters_see_none(
    place: Place,
) -> None:
    asked = await place.opened("two.transfer")
    await place.decide(asked, by="dana")
    mine = await place.read(asked["id"])
    assert (mine["votes"], mine["needs"]) == (
        [{"choice": "approve", "at": rfc3339(place.clock())}],
        ["1 more"],
    )
    for by in ("lee", "ada"):  # may decide; an auditor
        theirs = await place.read(asked["id"], key=await place.token(by))
        assert theirs["votes"][0]["person"] == "dana"
        assert theirs["needs"] == ["1 more of finance"]
    for by in ("eve", "sam"):
        token = await place.token(by)
        assert (await place.call("GET", f"/v1/requests/{asked['id']}", key=token))[0] == 404
        assert (await place.call("GET", "/v1/requests", key=token))[1]["requests"] == []


async def test_people_see_what_is_done_for_them_and_what_they_own(place: Place) -> None:
    held = await place.opened(agent={"id": "bot", "on_behalf_of": "eve"})  # a gateway is believed
    claimed = {"id": "bot", "on_behalf_of": "eve"}
    theirs = await place.opened(key="csr_scripts", agent=claimed)  # for dana, owned by lee
    for by, sees in (("eve", [held["id"]]), ("lee", [theirs["id"]]), ("sam", [])):
        status, found = await place.call("GET", "/v1/requests", key=await place.token(by))
        assert [request["id"] for request in found["requests"]] == sees
        for asked in (held, theirs):
            path = f"/v1/requests/{asked['id']}"
            status, _ = await place.call("GET", path, key=await place.token(by))
            assert (status == 200) is (asked["id"] in sees)
    assert (await place.decide(held, by="eve"))[0] == 403, "to see it is not to decide it"


async def test_the_list_is_newest_first_in_pages_and_filtered(place: Place) -> None:
    ids = []
    for n in range(7):
        place.clock.turn(BASE)
        asked = await place.opened(agent={"id": f"bot{n % 2}"})
        ids.append(asked["id"])
    await place.call("DELETE", f"/v1/requests/{ids[3]}")

    async def listed(query: str, key: str = "csr_billing") -> list[str]:
        found: list[str] = []
        after = ""
        while True:
            status, page = await place.call("GET", f"/v1/requests?{query}{after}", key=key)
            assert status == 200
            found += [request["id"] for request in page["requests"]]
            if page["next"] is None:
                return found
            assert page["next"] == found[-1]
            after = f"&after={page['next']}"

    newest = ids[::-1]
    assert await listed("limit=3") == newest
    assert await listed("limit=7") == newest
    assert await listed("limit=1&agent=bot1") == [ids[5], ids[3], ids[1]]
    assert await listed("status=withdrawn") == [ids[3]]
    assert await listed("limit=2&status=pending") == [i for i in newest if i != ids[3]]
    assert await listed("limit=2", await place.token("kim")) == newest
    assert await listed("limit=2", await place.token("lee")) == []
    assert await listed("agent=nobody") == []


async def test_law_27_a_bad_parameter_is_a_422_that_names_it(place: Place) -> None:
    for query in (
        *("limit=0", "limit=101", "limit=x", "limit=-1", "limit=1e1", "limit=", "limit=٣"),
        *("status=open", "status=", "agent=%00", "after=%0a", "limit=" + "9" * 5000),
        *("limit=" + "0" * 17 + "1000000", "limit=" + "0" * 5000),
    ):
        status, problem = await place.call("GET", f"/v1/requests?{query}")
        assert (status, problem["type"]) == (422, "invalid_parameter"), query
        assert query.partition("=")[0] in problem["detail"]


async def test_law_27_what_cannot_be_an_id_is_not_found(place: Place) -> None:
    for id_ in ("x", "req_", "%00", "..%2faudit", "req_%ff", "r" * 5000):
        for tail in ("", "/receipt"):
            status, problem = await place.call("GET", f"/v1/requests/{id_}{tail}")
            assert (status, problem["type"]) == (404, "not_found"), id_


# Deciding with a personal token


@pytest.mark.parametrize("action", ["low.read", "mail.send"])
async def test_a_personal_token_decides_low_and_medium_risk(place: Place, action: str) -> None:
    asked = await place.opened(action)
    status, answer = await place.decide(asked, by="dana", reason="fine by me")
    assert (status, answer["status"], answer["reason"]) == (200, "approved", "fine by me")
    assert answer["votes"][0] == {
        "person": "dana",
        "channel": "cli",
        "choice": "approve",
        "at": rfc3339(place.clock()),
    }
    again, problem = await place.decide(asked, by="kim")
    assert (again, problem["type"]) == (409, "closed")
    assert "Approved by dana" in problem["detail"]


async def test_law_19_a_personal_token_approves_no_high_risk_but_declines_it(place: Place) -> None:
    asked = await place.opened("high.transfer")
    status, problem = await place.decide(asked, by="dana")
    assert (status, problem["type"]) == (403, "forbidden")
    assert "last five minutes" in problem["detail"]
    assert (await place.read(asked["id"]))["status"] == "pending"
    status, answer = await place.decide(asked, "decline", by="dana")
    assert (status, answer["status"]) == (200, "declined")


async def test_another_digest_than_the_current_one_is_a_409(place: Place) -> None:
    asked = await place.opened()
    for wrong in ("sha-256:" + "0" * 64, (await place.opened("other"))["digest"]):
        status, problem = await place.decide({**asked, "digest": wrong}, by="dana")
        assert (status, problem["type"]) == (409, "digest_mismatch")
    assert (await place.read(asked["id"])) == asked


# Withdrawing, revising, reporting


async def test_a_withdrawn_request_is_closed_and_its_cards_say_so(place: Place) -> None:
    asked = await place.opened()
    card = await place.card(asked, "U-dana")
    status, answer = await place.call("DELETE", f"/v1/requests/{asked['id']}")
    assert (status, answer["status"]) == (200, "withdrawn")
    await place.carried()
    assert (card.now["headline"], card.now["buttons"]) == ("Withdrawn. Nothing was run.", [])
    status, problem = await place.call("DELETE", f"/v1/requests/{asked['id']}")
    assert (status, problem["type"]) == (409, "conflict")
    assert (await place.decide(asked, by="dana"))[0] == 409


async def test_what_is_decided_cannot_be_withdrawn(place: Place) -> None:
    asked = await place.opened()
    await place.decide(asked, by="dana")
    status, problem = await place.call("DELETE", f"/v1/requests/{asked['id']}")
    assert (status, problem["type"]) == (409, "conflict")
    assert (await place.read(asked["id"]))["status"] == "approved"


async def test_law_20_a_revision_asks_anew_and_the_old_card_is_stale(place: Place) -> None:
    asked = await place.opened("two.transfer", payload={"amount": 1})
    old = await place.card(asked, "U-lee")
    press = place.desk.press(old)
    await place.decide(asked, by="dana")
    body = {"action": "two.transfer", "payload": {"amount": 2}}
    status, revised = await place.call("PUT", f"/v1/requests/{asked['id']}", body)
    assert status == 200
    assert (revised["id"], revised["revision"], revised["votes"]) == (asked["id"], 2, [])
    assert revised["digest"] != asked["digest"]
    status, said = await place.tap(press)
    assert (status, said["kind"]) == (200, "refused")
    assert "changed" in said["text"]
    assert (await place.decide(asked, by="lee"))[0] == 409, "the page shown before is stale too"
    new = await place.card(asked, "U-lee")
    assert new is not old
    assert old.now["buttons"] == []
    assert new.now["payload"][0] == "amount: 2"
    assert (await place.tap(place.desk.press(new)))[1]["kind"] == "counted"
    assert (await place.read(asked["id"]))["status"] == "pending", "dana's vote was for revision 1"
    assert (await place.decide(revised, by="dana"))[1]["status"] == "approved"


async def test_law_03_the_card_of_an_old_revision_says_nothing_of_the_new_one(place: Place) -> None:
    asked = await place.opened("two.transfer")
    old = await place.card(asked, "U-dana")
    body = {"action": "two.transfer", "payload": {"amount": 2}}
    _, revised = await place.call("PUT", f"/v1/requests/{asked['id']}", body)
    await place.carried()
    answer = await place.decide(revised, "decline", by="dana", reason="two is too much")
    assert answer[1]["status"] == "declined"
    new = await place.card(asked, "U-dana")
    assert "two is too much" in new.now["headline"]
    assert old.now["headline"] == "Withdrawn. Nothing was run."


async def test_those_who_may_decide_see_a_revision_too(place: Place) -> None:
    asked = await place.opened()
    body = {"action": "two.transfer", "payload": 2}
    _, revised = await place.call("PUT", f"/v1/requests/{asked['id']}", body)
    assert revised["rule"] == "two"
    for by, sees in (("dana", 200), ("lee", 200), ("kim", 404)):
        token = await place.token(by)
        assert (await place.call("GET", f"/v1/requests/{asked['id']}", key=token))[0] == sees, by
        listed = (await place.call("GET", "/v1/requests", key=token))[1]["requests"]
        assert bool(listed) is (sees == 200)


async def test_a_revision_that_a_rule_denies_is_declined(place: Place) -> None:
    asked = await place.opened()
    body = {"action": "denied.drop", "payload": 1}
    status, answer = await place.call("PUT", f"/v1/requests/{asked['id']}", body)
    assert (status, answer["status"]) == (200, "declined")
    assert "denied" in answer["reason"]
    assert (await place.decide(answer, by="dana"))[0] == 409


async def test_what_is_decided_cannot_be_revised(place: Place) -> None:
    asked = await place.opened()
    await place.decide(asked, "decline", by="dana")
    before = await place.read(asked["id"])
    body = {"action": "mail.send", "payload": 2}
    assert (await place.call("PUT", f"/v1/requests/{asked['id']}", body))[0] == 409
    assert await place.read(asked["id"]) == before


async def test_an_outcome_becomes_known_once(place: Place) -> None:
    asked = await place.opened()
    path = f"/v1/requests/{asked['id']}/outcome"
    assert (await place.call("POST", path, {"delivered": True}))[0] == 409, "nobody approved yet"
    card = await place.card(asked, "U-dana")
    await place.decide(asked, by="dana")
    status, answer = await place.call("POST", path, {"delivered": None, "error": "no answer"})
    assert (status, answer["outcome"]["delivered"]) == (200, None)
    await place.carried()
    assert "Delivery unknown" in card.now["headline"]
    status, answer = await place.call("POST", path, {"delivered": True, "status": 201})
    assert status == 200
    assert answer["outcome"] == {
        "delivered": True,
        "status": 201,
        "error": None,
        "at": rfc3339(place.clock()),
    }
    await place.carried()
    assert card.now["headline"] == "Approved by dana. Delivered: 201"
    for late in ({"delivered": False}, {"delivered": True, "status": 201}, {"delivered": None}):
        assert (await place.call("POST", path, late))[0] == 409
    assert (await place.read(asked["id"]))["outcome"]["delivered"] is True


async def test_only_an_approved_request_has_an_outcome(place: Place) -> None:
    asked = await place.opened()
    await place.decide(asked, "decline", by="dana")
    path = f"/v1/requests/{asked['id']}/outcome"
    assert (await place.call("POST", path, {"delivered": True}))[0] == 409


# Waiting


async def test_wait_answers_as_soon_as_it_is_decided_with_the_receipt(store: Store) -> None:
    async with open_house(store, carry=True) as place:
        asked = await place.opened()
        waiting = asyncio.create_task(place.read(asked["id"], "?wait=60"))
        while not place.house.live.waiting:
            await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        await place.decide(asked, by="dana")
        answer = await waiting
        assert asyncio.get_running_loop().time() - began < 1
        assert answer["status"] == "approved"
        assert (await claims_of(place, answer["receipt"]))["choice"] == "approve"


async def test_two_hundred_wait_at_once_and_each_is_told(store: Store) -> None:
    async with open_house(store, carry=True) as place:
        asked = [await place.opened() for _ in range(4)]
        waiting = [
            asyncio.create_task(place.read(asked[n % 4]["id"], "?wait=60")) for n in range(200)
        ]
        while place.house.live.waiting < 200:
            await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(place.decide(one, by="dana") for one in asked))
        answers = await asyncio.gather(*waiting)
        assert asyncio.get_running_loop().time() - began < 5
        assert {answer["status"] for answer in answers} == {"approved"}
        assert len({answer["receipt"] for answer in answers}) == 4
        assert place.house.live.waiting == 0


async def test_a_wait_that_ends_first_returns_the_pending_request(place: Place) -> None:
    asked = await place.opened()
    assert await place.read(asked["id"], "?wait=1") == asked
    assert place.house.live.waiting == 0
    for bad in ("61", "-1", "1.5", "x"):
        assert (await place.call("GET", f"/v1/requests/{asked['id']}?wait={bad}"))[0] == 422


# Receipts


async def test_law_22_a_receipt_verifies_with_the_published_key_and_names_nobody(
    place: Place,
) -> None:
    asked = await place.opened("two.transfer")
    await place.sealed()
    place.house.service.head = await place.store.head()
    await place.decide(asked, by="dana")
    place.clock.turn(SECOND)
    await place.decide(asked, by="lee")
    head = (await place.case(asked["id"])).head or ""
    await place.carried()
    decided = await place.read(asked["id"])
    async with place.http.get(
        f"{place.url}/v1/requests/{asked['id']}/receipt",
        headers={"Authorization": "Bearer csr_billing"},
    ) as answer:
        assert (answer.status, answer.content_type) == (200, "application/jose")
        receipt = await answer.text()
    assert receipt == decided["receipt"]
    at = place.clock() // 1000
    seq, _, link = head.partition(":")
    chain = [json.loads(line) for line in await place.sealed()]
    voted = [json.loads(row["content"]) for row in chain if row["kind"] == "vote"]
    seals = [vote["seal"] for vote in voted]  # which entry of the chain it is, without a name
    assert int(seq) > 0
    assert len(link) == 64
    assert await claims_of(place, receipt) == {
        "iss": ISSUER,
        "aud": "billing",
        "sub": asked["id"],
        "org": "default",
        "jti": f"{asked['id']}.1",
        "iat": at,
        "exp": at + 60,
        "choice": "approve",
        "status": "approved",
        "digest": asked["digest"],
        "revision": 1,
        "people": [
            {"choice": "approve", "at": at - 1, "seal": seals[0]},
            {"choice": "approve", "at": at, "seal": seals[1]},
        ],
        "policy": place.house.service.trust.policy.digest,
        "rule": "two",
        "head": head,
        "unseen": False,
    }
    everything = json.dumps(await claims_of(place, receipt))
    assert "dana" not in everything
    assert "lee" not in everything


@pytest.mark.parametrize("end", ["declined", "expired", "withdrawn", "denied"])
async def test_law_01_whatever_is_no_approval_is_a_receipt_that_declines(
    place: Place, end: str
) -> None:
    asked = await place.opened("denied.drop" if end == "denied" else "mail.send")
    match end:
        case "declined":
            await place.decide(asked, "decline", by="dana")
        case "expired":
            place.clock.turn(15 * MINUTE)
            await place.house.service.tick()
        case "withdrawn":
            await place.call("DELETE", f"/v1/requests/{asked['id']}")
    await place.carried()
    claims = await claims_of(place, (await place.read(asked["id"]))["receipt"])
    assert claims["choice"] == "decline"
    assert claims["status"] == ("declined" if end == "denied" else end)


async def test_a_pending_request_has_no_receipt(place: Place) -> None:
    asked = await place.opened()
    assert asked["receipt"] is None
    status, problem = await place.call("GET", f"/v1/requests/{asked['id']}/receipt")
    assert (status, problem["type"]) == (404, "not_found")


async def test_a_receipt_is_signed_once_and_stays_the_same(place: Place) -> None:
    asked = await place.opened()
    await place.decide(asked, by="dana")
    await asyncio.gather(*(place.carried() for _ in range(8)))
    answers = await asyncio.gather(*(place.read(asked["id"]) for _ in range(8)))
    receipts = {answer["receipt"] for answer in answers}
    place.clock.turn(MINUTE)
    await place.house.service.conclude([asked["id"]])
    receipts.add((await place.read(asked["id"]))["receipt"])
    path = f"/v1/requests/{asked['id']}/outcome"
    receipts.add((await place.call("POST", path, {"delivered": True}))[1]["receipt"])
    assert len(receipts) == 1


def _first(case: Case, **changes: Any) -> Case:
    return replace(case, votes=(replace(case.votes[0], **changes), *case.votes[1:]))


def _no(case: Case) -> Vote:
    """A genuine one of somebody else's, as only we can make it."""
    return seal_vote(RING, case, replace(case.votes[0], person="kim", choice=Choice.DECLINE))


TAMPERINGS: dict[str, Callable[[Case], Case]] = {
    "a verdict without votes": lambda case: replace(case, votes=()),
    "another person": lambda case: _first(case, person="kim"),
    "a vote for others": lambda case: replace(
        case, votes=(*case.votes, replace(case.votes[0], person="kim"))
    ),
    "a decline turned round": lambda case: _first(case, choice=Choice.APPROVE),
    "a smaller quorum": lambda case: replace(case, ask=replace(case.ask, quorum=(("finance", 1),))),
    "a longer release": lambda case: replace(case, ask=replace(case.ask, release_within=10**9)),
    "a lower risk": lambda case: replace(case, ask=replace(case.ask, risk=Risk.LOW)),
    "another policy": lambda case: replace(case, ask=replace(case.ask, policy="sha-256:1")),
    "another digest": lambda case: replace(case, digest="sha-256:" + "0" * 64),
    "another revision": lambda case: replace(_first(case, revision=2), revision=2),
    "another requester": lambda case: replace(case, requester="scripts"),
    "another agent": lambda case: replace(case, agent="other"),
    "another bar": lambda case: replace(case, barred=("kim",)),
    "nothing unseen": lambda case: replace(case, complete=False),
    "a later verdict": lambda case: replace(case, decided_at=(case.decided_at or 0) + 3_600_000),
    "a later vote": lambda case: replace(
        _first(case, at=case.votes[0].at + 9), decided_at=case.votes[0].at + 9
    ),
    "a no beside the yes": lambda case: replace(case, votes=(_no(case), *case.votes)),
    "a MAC of zeros": lambda case: _first(case, mac="0" * 64),
}


async def test_law_01_who_writes_into_the_database_gets_no_receipt(
    place: Place, database: str
) -> None:
    tampered = {}
    for how, change in TAMPERINGS.items():
        asked = await place.opened("two.transfer" if "quorum" in how else "mail.send")
        choice = "decline" if "decline" in how else "approve"
        assert (await place.decide(asked, choice, by="dana"))[0] == 200
        forged = replace(change(await place.case(asked["id"])), status=Status.APPROVED)
        forged = replace(forged, decided_at=forged.decided_at or place.clock())
        tampered[how] = forged
        await intrude(database, forged)
    await place.carried()
    place.clock.turn(MINUTE)  # long enough ago for nobody to wait for it
    for how, forged in tampered.items():
        key = "csr_scripts" if "requester" in how else "csr_billing"
        for _ in range(3):
            status, problem = await place.call("GET", f"/v1/requests/{forged.id}/receipt", key=key)
            assert (status, problem["type"]) == (404, "not_found"), how
            assert (await place.read(forged.id, key=key))["receipt"] is None, how
    for how, forged in tampered.items():
        kinds = await place.kinds(forged.id)
        alarms = 0 if "quorum" in how else 1  # that one never closed: nobody concludes it
        assert kinds.count("tampered") == alarms, f"{how}: however often it is asked for"


async def test_law_08_reading_a_verdict_signs_nothing(place: Place) -> None:
    asked = await place.opened()
    await place.decide(asked, by="dana")
    place.clock.turn(MINUTE)
    assert (await place.read(asked["id"]))["receipt"] is None
    assert (await place.call("GET", f"/v1/requests/{asked['id']}/receipt"))[0] == 404
    assert await place.store.receipt(asked["id"]) is None
    await place.carried()
    assert (await place.read(asked["id"]))["receipt"] is not None


async def test_law_24_a_row_that_nobody_touched_gets_its_receipt(
    place: Place, database: str
) -> None:
    """What makes the test above one: rewriting a row as it was changes nothing."""
    asked = await place.opened()
    await place.decide(asked, by="dana")
    await intrude(database, await place.case(asked["id"]))
    await place.carried()
    receipt = (await place.read(asked["id"]))["receipt"]
    assert (await claims_of(place, receipt))["choice"] == "approve"


async def test_law_24_a_case_that_waits_for_a_key_holds_nobody_else_up(place: Place) -> None:
    """A copy that does not have the newest button key yet; or it was revoked; or a row says so."""
    service = place.house.service
    both = KeyRing({**RING.keys, "k2": Key("k2", b"2" * 32)}, "k2")
    service.trust = replace(service.trust, ring=both)
    early = await place.opened()
    assert (await place.page(early, "approve", by="dana")).counted
    service.trust = replace(service.trust, ring=RING)
    asked = await place.opened()
    card = await place.card(asked, "U-dana")
    assert (await place.page(asked, "approve", by="dana")).counted
    await place.house.outbox.drain("")
    await place.house.outbox.drain("desk")
    assert (await place.store.receipt(asked["id"])) is not None, "in the same batch"
    assert card.now["headline"] == "Approved by dana"
    status, listed = await place.call("GET", "/v1/requests")
    assert status == 200
    known = {request["id"]: request["receipt"] is not None for request in listed["requests"]}
    assert known == {early["id"]: False, asked["id"]: True}
    status, _ = await place.call("GET", f"/v1/requests/{early['id']}/receipt")
    assert status == 404
    assert "tampered" not in await place.kinds(early["id"])
    service.trust = replace(service.trust, ring=both)  # here it is
    place.clock.turn(MINUTE)
    await place.carried()
    receipt = (await place.read(early["id"]))["receipt"]
    assert (await claims_of(place, receipt))["choice"] == "approve"


# The audit chain


async def test_law_21_auditors_and_only_they_read_the_chain_and_it_verifies(place: Place) -> None:
    asked = await place.opened()
    await place.tap(place.desk.press(await place.card(asked, "U-dana"), by="U-eve"))
    await place.decide(asked, by="dana")
    await place.carried()
    await place.sealed()
    for by in ("dana", "kim", "sam"):
        assert (await place.call("GET", "/v1/audit", key=await place.token(by)))[0] == 403
    token, head = await place.token("ada"), await place.store.head()
    status, text = await place.call("GET", "/v1/audit", key=token)
    assert status == 200
    lines = text.splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert [k for k in kinds if k.startswith(("request", "vote", "refused"))] == [
        "request.opened",
        "refused",
        "vote",
    ]
    assert {"card.posting", "card.posted"} <= set(kinds)
    report = verify_chain(lines, heads=[head])
    assert (report.bad, report.known) == (None, len(lines))
    status, rest = await place.call("GET", "/v1/audit?after=2", key=token)
    assert rest.splitlines()[: len(lines) - 2] == lines[2:]
    altered = [line.replace('"vote"', '"tick"') for line in lines]
    assert verify_chain(altered).bad == kinds.index("vote") + 1
    assert (await place.decide(asked, by="ada"))[0] in (403, 409), "an auditor decides nothing"


async def test_law_21_the_chain_says_whose_the_votes_of_a_receipt_are(place: Place) -> None:
    asked = await place.opened("two.transfer")
    for by in ("dana", "lee"):
        assert (await place.decide(asked, by=by, reason=f"{by} looked"))[0] == 200
    await place.carried()
    claims = await claims_of(place, (await place.read(asked["id"]))["receipt"])
    rows = [json.loads(line) for line in await place.sealed()]
    votes = [json.loads(row["content"]) for row in rows if row["kind"] == "vote"]
    assert [(vote["by"], vote["choice"], vote["reason"]) for vote in votes] == [
        ("dana", "approve", "dana looked"),
        ("lee", "approve", "lee looked"),
    ]
    seals = [vote["seal"] for vote in votes]
    assert [one["seal"] for one in claims["people"]] == seals
    assert len({*seals}) == 2


async def test_law_21_an_auditor_decides_nothing(place: Place) -> None:
    asked = await place.opened()
    status, problem = await place.decide(asked, by="ada")
    assert (status, problem["type"]) == (403, "forbidden")
    assert (await place.read(asked["id"])) == asked


# Failing


async def test_law_01_a_database_that_is_away_is_a_503_and_changes_nothing(
    place: Place, database: str
) -> None:
    asked = await place.opened()
    token = await place.token("dana")
    card = await place.card(asked, "U-dana")
    await place.store.close()
    path = f"/v1/requests/{asked['id']}"
    decision = {"choice": "approve", "digest": asked["digest"]}
    for method, where, body, key in (
        ("POST", "/v1/requests", {"action": "mail.send", "payload": 1}, "csr_billing"),
        ("GET", path, None, "csr_billing"),
        ("DELETE", path, None, "csr_billing"),
        ("POST", f"{path}/decision", decision, token),
        ("GET", "/readyz", None, ""),
    ):
        status, problem = await place.call(method, where, body, key=key)
        assert status == 503, where
        assert problem["type"] in ("unavailable", "not_ready")
    status, said = await place.tap(place.desk.press(card))
    assert (status, said) == (503, None), "the platform must not be told that it was counted"
    assert (await place.call("GET", "/healthz"))[0] == 200
    again = await Store.connect(database)
    try:
        (case,) = await again.page()
        assert (case.status, case.version, case.votes) == ("pending", 1, ())
    finally:
        await again.close()


async def test_law_08_get_head_and_options_change_nothing(place: Place) -> None:
    asked = await place.opened()
    before = await place.case(asked["id"])
    chain = await place.sealed()
    keys = ("csr_billing", await place.token("dana"), "")
    tails = ("", "/decision", "/outcome", "/receipt")
    for path in ("/v1/requests", *(f"/v1/requests/{asked['id']}{tail}" for tail in tails)):
        for method in ("GET", "HEAD", "OPTIONS", "TRACE"):
            for key in keys:
                status, _ = await place.call(
                    method, f"{path}?choice=approve&digest={asked['digest']}", key=key
                )
                assert status in (200, 401, 404, 405), (method, path)
    assert await place.case(asked["id"]) == before
    assert await place.sealed() == chain


async def test_law_27_opening_has_a_rate_limit(store: Store) -> None:
    async with open_house(store, opens_per_second=2) as place:
        body = {"action": "mail.send", "payload": 1}
        answers = [await place.call("POST", "/v1/requests", body) for _ in range(9)]
        assert [status for status, _ in answers] == [201] * 8 + [429]
        assert answers[-1][1]["type"] == "too_many_requests"
        other = {**body, "agent": {"id": "bot"}}
        assert (await place.call("POST", "/v1/requests", other, key="csr_scripts"))[0] == 201
        place.clock.turn(SECOND)
        assert (await place.call("POST", "/v1/requests", body))[0] == 201
        assert len(await place.store.page()) == 10


async def test_an_unknown_place_is_a_problem_document_too(place: Place) -> None:
    for method, path, status, slug in (
        ("GET", "/v1/nope", 404, "not_found"),
        ("PATCH", "/v1/requests", 405, "method_not_allowed"),
        ("POST", "/channels/nope/events", 404, "not_found"),
    ):
        got, problem = await place.call(method, path)
        assert (got, problem["status"], problem["type"]) == (status, status, slug)


async def test_an_unknown_page_is_a_page_to_a_browser(place: Place) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("/nope", "/v1", "/requests", "/static/nope.css"):
        for method in ("GET", "HEAD"):
            async with place.http.request(method, place.url + path, headers=browser) as answer:
                page = await answer.text()
            assert (answer.status, answer.content_type) == (404, "text/html"), path
            assert answer.headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert ("There is no such page" in page) is (method == "GET")
            assert "nope" not in page
        async with place.http.get(place.url + path, headers={"Accept": "*/*"}) as answer:
            assert answer.content_type == "application/problem+json"
