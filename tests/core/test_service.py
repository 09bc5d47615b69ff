"""The laws of deciding, through every road that a decision can take, on both databases."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import pytest
import structlog

from approvals import buttons, policy
from approvals.app import log
from approvals.conditions import compile
from approvals.decoders import BUILT_IN, Decoder, Field
from approvals.evidence import digest_http
from approvals.model import (
    MINUTE,
    AgentPeople,
    Busy,
    Case,
    Choice,
    Escalation,
    Http,
    Label,
    Person,
    Requester,
    Risk,
    Status,
    Tier,
)
from approvals.notices import EARLY, INVALID, NEWER
from approvals.packs import RuleBook
from approvals.policy import Rule, When
from approvals.port import NoticeKind
from approvals.store import CardState, Store
from tests.harness.house import (
    DESK_SECRET,
    GATEWAY,
    GROUPS,
    HANGS,
    KEYS,
    OTHERWISE,
    PEOPLE,
    REQUESTERS,
    RING,
    START,
    Desk,
    Place,
    everything,
    open_house,
    proposal,
    rule,
    until,
)

NOT_YOURS = "You are not an approver of this request."


@pytest.fixture
async def place(store: Store) -> AsyncIterator[Place]:
    async with open_house(store) as place:
        yield place


async def untouched(place: Place, asked: Any) -> None:
    """Still pending, nothing voted, no version gone by."""
    case = await place.case(asked["id"])
    assert (case.status, case.version, case.votes) == (Status.PENDING, 1, ())


# 1. Everything that is not a committed approve is a refusal


async def test_law_01_a_database_that_is_away_is_busy_and_nothing_changes(
    place: Place, database: str
) -> None:
    asked = await place.opened()
    card = await place.card(asked, "U-dana")
    await place.store.close()
    service = place.house.service
    for attempt in (
        service.open(GATEWAY, proposal()),
        service.withdraw(GATEWAY, asked["id"]),
        service.tap(place.desk.press(card)),
        place.page(asked, "approve", by="dana"),
        service.conclude([asked["id"]]),
        service.tick(),
    ):
        with pytest.raises(Busy):
            await attempt
    again = await Store.connect(database)
    try:
        (case,) = await again.page()
        assert (case.status, case.version, case.votes) == (Status.PENDING, 1, ())
    finally:
        await again.close()


async def test_law_01_a_failed_commit_tells_everyone_who_shared_it_and_counts_nobody(
    place: Place,
) -> None:
    asked = [await place.opened() for _ in range(5)]
    deciding = [asyncio.create_task(place.page(one, "approve", by="dana")) for one in asked]
    await asyncio.sleep(0)
    closing = asyncio.create_task(place.store.close())
    outcomes = await asyncio.gather(*deciding, return_exceptions=True)
    await closing
    for outcome in outcomes:
        assert isinstance(outcome, Busy) or (
            not isinstance(outcome, BaseException) and outcome.counted
        )


async def test_law_01_an_unknown_token_is_refused_without_a_hint(place: Place) -> None:
    asked = await place.opened()
    card = await place.card(asked, "U-dana")
    for token in ("x" * 20, "", "é" * 20, "\ud800", card.token()[:-1], card.token() + "A"):
        answer = await place.house.service.tap(place.desk.press(card, token=token))
        assert (answer.notice.kind, answer.notice.text) == (NoticeKind.REFUSED, INVALID)
        assert answer.case is None
    await untouched(place, asked)


async def test_law_01_an_empty_approver_list_approves_nothing(place: Place) -> None:
    for action, why in (
        ("nobody.asked", "no approver is in the group ghosts"),
        ("seatless.asked", "no approver is asked for"),
    ):
        asked = await place.opened(action)
        await place.carried()
        assert place.desk.of(asked["id"]) == []
        assert (asked["status"], asked["reason"]) == (
            "declined",
            f"Nobody may approve this: {why}.",
        )
        for by in ("dana", "lee", "kim", "sam", "eve", "ada"):
            answer = await place.page(asked, "approve", by=by)
            assert (answer.counted, answer.notice.text) == (False, NOT_YOURS)
        assert (await place.case(asked["id"])).status is Status.DECLINED


async def test_law_01_a_denied_request_asks_nobody_and_is_declined(place: Place) -> None:
    asked = await place.opened("denied.drop")
    await place.carried()
    assert (asked["status"], place.desk.messages) == ("declined", [])
    assert asked["receipt"] is None or "denied" in asked["reason"]


async def test_law_01_a_platform_that_vouches_for_nobody_lets_nobody_decide(store: Store) -> None:
    desk = Desk(barred=frozenset({"U-dana"}))
    async with open_house(store, desks=[desk]) as place:
        asked = await place.opened("room.post")
        await place.carried()
        (card,) = desk.of(asked["id"])
        answer = await place.house.service.tap(desk.press(card, by="U-dana"))
        assert (answer.notice.kind, answer.notice.text) == (NoticeKind.REFUSED, NOT_YOURS)
        await untouched(place, asked)


# 2. One function decides who may


def a_case(**changes: Any) -> Case:
    case = Case(
        "req_1", "default", 1, "sha-256:" + "0" * 64, "billing", "bot", OTHERWISE, START,
        START + 15 * MINUTE,
    )  # fmt: skip
    return replace(case, **changes)


DANA, LEE, KIM, SAM, EVE, ADA = (
    replace(one, groups=frozenset(name for name, who in GROUPS.items() if one.id in who))
    for one in PEOPLE
)
MONEY = replace(OTHERWISE, quorum=(("finance", 1),))
HIGH = replace(OTHERWISE, risk=Risk.HIGH)
LOW = replace(OTHERWISE, risk=Risk.LOW)
LATER = replace(OTHERWISE, escalate=Escalation(MINUTE, "infra"))

WHO_MAY: list[tuple[str, Person | None, Case, dict[str, bool]]] = [
    # what, who, on which case, and whether: by tap (A, B, C), on the page (signed in long ago, now)
    ("an approver", DANA, a_case(), {"A": True, "B": True, "C": False, "old": True, "new": True}),
    ("an approver, low", DANA, a_case(ask=LOW), dict.fromkeys("ABC", True) | {"old": True}),
    ("an approver, high", DANA, a_case(ask=HIGH), dict.fromkeys("ABC", False) | {"new": True}),
    ("high, old sign-in", DANA, a_case(ask=HIGH), {"old": False}),
    ("nobody we know", None, a_case(), dict.fromkeys(("A", "new"), False)),
    ("of no group", EVE, a_case(), dict.fromkeys(("A", "new"), False)),
    ("of another group", LEE, a_case(), dict.fromkeys(("A", "new"), False)),
    ("an auditor", ADA, a_case(), dict.fromkeys(("A", "new"), False)),
    ("barred", DANA, a_case(barred=("dana",)), dict.fromkeys(("A", "old", "new"), False)),
    ("another barred", KIM, a_case(barred=("dana",)), dict.fromkeys(("A", "old"), True)),
    ("not escalated yet", SAM, a_case(ask=LATER), dict.fromkeys(("A", "new"), False)),
    ("escalated", SAM, a_case(ask=LATER, escalated=True), dict.fromkeys(("A", "old"), True)),
    ("of a group of the name *", replace(EVE, groups=frozenset({"*"})), a_case(), {"new": False}),
    ("no seats", DANA, a_case(ask=replace(OTHERWISE, quorum=())), {"A": False, "new": False}),
    ("not all shown", DANA, a_case(inspectable=False), {"A": False, "old": True}),
    ("not all received", DANA, a_case(complete=False), {"A": False, "old": False, "new": False}),
    (
        "not all received, allowed",
        DANA,
        a_case(complete=False, ask=replace(OTHERWISE, allow_unseen=True)),
        {"A": False, "old": True},
    ),
]
WAYS: dict[str, policy.Way] = {
    "A": policy.Tap(Tier.A),
    "B": policy.Tap(Tier.B),
    "C": policy.Tap(Tier.C),
    "old": policy.Page(fresh=False),
    "new": policy.Page(fresh=True),
}


@pytest.mark.parametrize(
    ("person", "case", "ways"), [row[1:] for row in WHO_MAY], ids=[row[0] for row in WHO_MAY]
)
def test_law_02_one_function_says_who_may_approve(
    person: Person | None, case: Case, ways: dict[str, bool]
) -> None:
    for way, may in ways.items():
        found = policy.may(person, case, Choice.APPROVE, WAYS[way])
        assert isinstance(found, policy.Seats) is may, (way, found)
    if any(ways.values()):  # who may approve in some way may decline in each
        for any_way in WAYS.values():
            assert isinstance(policy.may(person, case, Choice.DECLINE, any_way), policy.Seats)


def test_law_02_a_tap_that_proves_nothing_approves_nothing() -> None:
    """A typed code, or a press without its message."""
    found = policy.may(DANA, a_case(), Choice.APPROVE, policy.Tap(None))
    assert isinstance(found, policy.No)


async def test_law_02_button_page_and_api_refuse_in_the_same_words(store: Store) -> None:
    """Every road asks `policy.may` and says what it says; nothing changes, the card neither."""
    groups = {**GROUPS, "finance": GROUPS["finance"] | {"eve"}}  # eve could approve, and does not
    async with open_house(store, groups=groups) as place:
        await refused_everywhere(place)


async def refused_everywhere(place: Place) -> None:
    asked = {
        "eyes": await place.opened(
            "eyes.pay", key="csr_scripts", agent={"id": "bot"}
        ),  # for dana, whose bot it is; lee owns it
        "room": await place.opened("room.post"),
        "unread": await place.opened("mail.send", http=http_body(b"half", complete=False)),
    }
    await place.carried()
    service = place.house.service
    for name, by in (("eyes", "dana"), ("eyes", "lee"), ("room", "lee"), ("unread", "dana")):
        one = asked[name]
        case = await place.case(one["id"])
        person = service.trust.directory.person(by)
        no = policy.may(person, case, Choice.APPROVE, policy.Page(fresh=True))
        assert isinstance(no, policy.No)
        page = await place.page(one, "approve", by=by)
        assert (page.counted, page.notice.kind, page.notice.text) == (
            False,
            NoticeKind.REFUSED,
            no.why,
        )
        status, problem = await place.decide(one, by=by)
        assert (status, problem.get("detail")) in ((403, no.why), (404, problem.get("detail")))
        assert (status == 404) is (name == "room"), "what is not theirs to see is not there"
        messages = place.desk.of(one["id"])
        for card in messages:
            shown = list(card.shown)
            if card.address.account in (None, f"U-{by}") and "Approve" in dict(card.now["buttons"]):
                tapped = await service.tap(place.desk.press(card, by=f"U-{by}"))
                assert (tapped.counted, tapped.notice.text) == (False, no.why)
            await place.carried()
            assert card.shown == shown
        assert place.desk.of(one["id"]) == messages
        await untouched(place, one)


async def test_law_02_a_bot_a_guest_and_a_stranger_are_refused_in_private(place: Place) -> None:
    asked = await place.opened("room.post")
    await place.carried()
    (card,) = place.desk.of(asked["id"])
    before = list(card.shown)
    for tap in (
        place.desk.press(card, by="U-dana", stranger="a bot"),
        place.desk.press(card, by="U-kim", stranger="foreign team"),
        place.desk.press(card, by="U-nobody"),
        place.desk.press(card, by="u-dana"),
        place.desk.press(card, by="dana"),
        place.desk.press(card, by=""),
    ):
        status, said = await place.tap(tap)
        assert (status, said["kind"]) == (200, "refused")
    await place.carried()
    assert (card.shown, len(place.desk.messages)) == (before, 1)
    await untouched(place, asked)
    assert {who for who, _ in place.desk.told} >= {"U-dana", "U-nobody"}
    assert (await place.tap(place.desk.press(card, by="U-dana")))[1]["kind"] == "counted"


async def test_law_02_four_eyes_bars_whom_the_agent_acts_for_and_its_owner(store: Store) -> None:
    people = [*PEOPLE, Person("fay")]
    groups = {**GROUPS, "finance": GROUPS["finance"] | {"fay"}}
    async with open_house(store, people=people, groups=groups) as place:
        asked = await place.opened("eyes.pay", key="csr_scripts", agent={"id": "bot"})
        assert (await place.case(asked["id"])).barred == ("dana", "lee")
        for by in ("dana", "lee"):
            assert not (await place.page(asked, "approve", by=by)).counted
        assert (await place.page(asked, "approve", by="fay")).counted
        other = await place.opened(
            "eyes.pay", agent={"id": "bot", "on_behalf_of": "fay"}
        )  # a gateway is believed
        assert not (await place.page(other, "approve", by="fay")).counted
        assert (await place.page(other, "decline", by="fay")).counted, "a no needs no other eyes"
        claimed = {"id": "bot", "on_behalf_of": "eve"}
        lied = await place.opened("eyes.pay", key="csr_scripts", agent=claimed)
        assert (await place.case(lied["id"])).barred == ("dana", "lee"), "an agent is not believed"


async def test_law_02_four_eyes_on_behalf_of_nobody_known_are_refused(place: Place) -> None:
    body = {"action": "eyes.pay", "payload": 1, "agent": {"id": "bot", "on_behalf_of": "Dana"}}
    status, problem = await place.call("POST", "/v1/requests", body)
    assert (status, problem["type"]) == (403, "forbidden")
    assert "four eyes cannot be kept" in problem["detail"]
    assert await place.store.page() == []
    status, _ = await place.call("POST", "/v1/requests", {**body, "action": "mail.send"})
    assert status == 201, "where nobody is barred it does not matter who it is"


async def test_law_02_each_agent_behind_a_gateway_has_its_own_people(store: Store) -> None:
    """Whose an agent is stands at the agent, at the gateway, or in the gateway's request."""
    gateway = replace(
        GATEWAY,
        on_behalf_of="kim",
        agent_people={
            "danas-bot": AgentPeople("dana"),
            "both": AgentPeople("dana", "lee"),
            "owned": AgentPeople(owner="lee"),
        },
    )
    everybody = {"default": frozenset({"dana", "lee", "kim", "sam"})}
    eyes = rule("pay", four_eyes=True)
    async with open_house(
        store, rules=(eyes,), groups=everybody, requesters=asking(gateway)
    ) as place:
        for agent, barred in {
            "danas-bot": ["dana"],
            "both": ["dana", "lee"],
            "owned": ["kim", "lee"],
            "unnamed": ["kim"],
        }.items():
            asked = await place.opened("pay.out", agent={"id": agent})
            assert [*(await place.case(asked["id"])).barred] == barred
            for by in barred:
                assert not (await place.page(asked, "approve", by=by)).counted
            assert (await place.page(asked, "approve", by="sam")).counted
        # The configuration says whose it is; whom the gateway names besides is barred as well.
        other = await place.opened("pay.out", agent={"id": "danas-bot", "on_behalf_of": "sam"})
        assert {*(await place.case(other["id"])).barred} == {"dana", "sam"}
        content = await place.store.content(other["id"], 1)
        assert content is not None
        assert content.agent.on_behalf_of == "dana"
        # The owner of an agent sees its cases, as the owner of a requester does.
        owned = await place.opened("mail.send", agent={"id": "owned"})
        status, _ = await place.call(
            "GET", f"/v1/requests/{owned['id']}", key=await place.token("lee")
        )
        assert status == 200


async def test_law_02_what_nobody_may_approve_is_refused_at_once(store: Store) -> None:
    owned = replace(GATEWAY, owner="dana")
    alone = {"default": frozenset({"dana"}), "infra": frozenset({"kim", "dana"})}
    late = Escalation(5 * MINUTE, "infra")
    rules = (rule("late", escalate=late, four_eyes=True),)
    async with open_house(store, rules=rules, groups=alone, requesters=asking(owned)) as place:
        asked = await place.opened("pay.out", risk="high", agent={"id": "bot"})
        await place.carried()
        assert (asked["status"], asked["reason"], place.desk.messages) == (
            "declined",
            "Nobody may approve this: four eyes bar dana, and no other approver is in the group "
            "default.",
            [],
        )
        assert (await place.opened("pay.out"))["status"] == "pending", "without four eyes dana may"
        called = await place.opened("late.pay", agent={"id": "bot"})
        assert called["status"] == "pending", "kim is called in later"
        soon = await place.opened("late.pay", agent={"id": "bot"}, expires_in=60)
        assert (soon["status"], "default" in soon["reason"]) == ("declined", True), "kim never is"


async def test_law_02_a_revision_that_nobody_may_approve_is_refused_at_once(store: Store) -> None:
    owned = replace(GATEWAY, owner="dana")
    alone = {"default": frozenset({"dana"}), "infra": frozenset({"kim"})}
    late = rule("late", escalate=Escalation(10 * MINUTE, "infra"), four_eyes=True)
    async with open_house(store, rules=(late,), groups=alone, requesters=asking(owned)) as place:
        service = place.house.service
        plain = await place.opened("pay.out")
        high = replace(proposal("pay.out"), risk=Risk.HIGH)
        revised = await service.revise(owned, plain["id"], high)
        assert revised.status is Status.DECLINED
        assert "four eyes bar dana" in (revised.reason or "")
        # The escalation counts from the first opening, and the deadline never moves away from it.
        first = await place.opened("late.pay")
        place.clock.turn(9 * MINUTE)
        short = replace(proposal("late.pay"), expires_in=5 * MINUTE)
        assert (await service.revise(owned, first["id"], short)).status is Status.PENDING
        brief = await place.opened("pay.out", expires_in=120)
        ended = await service.revise(owned, brief["id"], proposal("late.pay"))
        assert ended.status is Status.DECLINED, "kim would be called in after the deadline"


async def test_law_30_an_unreadable_value_brings_no_other_approvers(store: Store) -> None:
    """Four ways to write one payout: what cannot be read for certain asks finance too."""
    big = compile("decoded.amount > 100000", {"amount": "int"})
    payouts = When(host=("api.stripe.com",), path=("/v1/payouts",))
    rules = (
        Rule(
            "big",
            payouts,
            big,
            replace(OTHERWISE, rule="big", quorum=(("finance", 1),), four_eyes=True),
            True,
        ),
        Rule("small", payouts, None, replace(OTHERWISE, rule="small", quorum=(("default", 2),))),
    )
    groups = {"default": frozenset({"kim", "sam"}), "finance": frozenset({"lee"})}
    form, boundary = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
    part = b'--b\r\nContent-Disposition: form-data; name="amount"\r\n\r\n990000\r\n--b--\r\n'
    async with open_house(store, rules=rules, groups=groups) as place:
        service = place.house.service
        service.trust = replace(service.trust, book=RuleBook(decoders=BUILT_IN))
        for kind, body in (
            (form, b"amount=990000&currency=eur"),
            (form, b"amount=990000&amount=990000&currency=eur"),
            ("application/json", b'{"amount":990000,"currency":"eur"}'),
            (boundary, part),
        ):
            http = {**http_body(body), "headers": {"content-type": kind}}
            asked = await place.opened(
                "http.post", http={**http, "url": "https://api.stripe.com/v1/payouts"}
            )
            case = await place.case(asked["id"])
            assert ("finance", 1) in case.ask.quorum
            assert case.ask.four_eyes
            if case.ask.also:
                assert (asked["rule"], asked["also"]) == ("small", ["big"])
                for by in ("kim", "sam"):
                    assert (await place.page(asked, "approve", by=by)).counted
                assert (await place.case(asked["id"])).open, "finance is missing"
            assert (await place.page(asked, "approve", by="lee")).counted
            assert (await place.case(asked["id"])).status is Status.APPROVED
            await place.house.service.conclude([asked["id"]])
            assert (await place.read(asked["id"]))["receipt"] is not None


def asking(gateway: Requester) -> dict[bytes, Requester]:
    """Who may ask, with another gateway than usual."""
    return {sha: gateway if who.name == gateway.name else who for sha, who in REQUESTERS.items()}


async def test_law_02_high_risk_is_four_eyes_also_when_the_requester_says_so(place: Place) -> None:
    asked = await place.opened("room.post", key="csr_scripts", agent={"id": "bot"}, risk="high")
    assert (await place.case(asked["id"])).barred == ("dana", "lee")


async def test_law_02_one_person_with_two_accounts_is_one_person(store: Store) -> None:
    desk, other = Desk(), Desk(name="other")
    accounts = {"desk": "U-dana", "other": "V-dana"}
    people = [replace(DANA, accounts=accounts), LEE]
    async with open_house(store, desks=[desk, other], people=people) as place:
        asked = await place.opened("two.transfer")
        await place.carried()
        (here,) = desk.of(asked["id"], "U-dana")
        (there,) = other.of(asked["id"], "V-dana")
        service = place.house.service
        assert (await service.tap(desk.press(here))).counted
        again = await service.tap(other.press(there))
        assert (again.counted, again.notice.kind) == (False, NoticeKind.CLOSED)
        case = await place.case(asked["id"])
        assert (case.status, [vote.person for vote in case.votes]) == (Status.PENDING, ["dana"])


# 3. Resolve first, render second


async def test_law_03_a_late_tap_is_told_that_nothing_was_run(place: Place) -> None:
    for tick_first in (True, False):
        asked = await place.opened()
        card = await place.card(asked, "U-dana")
        press = place.desk.press(card)
        place.clock.turn(15 * MINUTE)
        if tick_first:
            await place.house.service.tick()
        answer = await place.house.service.tap(press)
        assert answer.notice.text == "Expired. Nothing was run."
        assert (answer.counted, answer.notice.kind) == (False, NoticeKind.CLOSED)
        await place.carried()
        assert (card.now["headline"], card.now["buttons"]) == ("Expired. Nothing was run.", [])
        assert not any("Approved" in shown["headline"] for shown in card.shown)
        assert (await place.case(asked["id"])).votes == ()


async def test_law_03_a_second_tap_is_told_what_is_committed(place: Place) -> None:
    asked = await place.opened()
    dana, kim = await place.card(asked, "U-dana"), await place.card(asked, "U-kim")
    late = place.desk.press(kim, "Decline")
    await place.house.service.tap(place.desk.press(dana))
    answer = await place.house.service.tap(late)
    assert (answer.counted, answer.notice.text) == (False, "Approved by dana")
    withdrawn = await place.opened()
    card = await place.card(withdrawn, "U-dana")
    press = place.desk.press(card)
    await place.house.service.withdraw(GATEWAY, withdrawn["id"])
    answer = await place.house.service.tap(press)
    assert answer.notice.text == "Withdrawn. Nothing was run."


async def test_law_03_a_card_that_is_posted_late_says_what_holds_by_then(place: Place) -> None:
    asked = await place.opened()
    place.desk.gate.clear()
    carrying = asyncio.create_task(place.carried())
    while CardState.POSTING not in [r.state for r in await place.store.cards_of(asked["id"])]:
        await asyncio.sleep(0)
    await place.house.service.withdraw(GATEWAY, asked["id"])
    await place.house.outbox.drain("")  # every card that is there is redrawn; none is
    place.desk.gate.set()
    await carrying
    await place.carried()
    for card in place.desk.of(asked["id"]):
        assert (card.now["headline"], card.now["buttons"]) == ("Withdrawn. Nothing was run.", [])


# 6. A button's value is a MAC and nothing else


async def test_law_06_a_button_counts_where_it_was_sent_only(place: Place) -> None:
    asked, other = await place.opened(), await place.opened()
    dana, kim = await place.card(asked, "U-dana"), await place.card(asked, "U-kim")
    elsewhere = await place.card(other, "U-dana")
    press = place.desk.press
    for tap in (
        press(dana, by="U-kim"),  # another addressee
        press(dana, by="U-kim", conversation=kim.ref.conversation),
        press(dana, conversation=kim.ref.conversation),  # another chat
        press(kim, by="U-dana", conversation=dana.ref.conversation, message=dana.ref.message),
        press(dana, channel="web"),
        press(dana, message=kim.ref.message),  # another message
        press(dana, token=elsewhere.token()),  # another request
        press(dana, message=None),  # an approval from nowhere
    ):
        answer = await place.house.service.tap(tap)
        assert (answer.counted, answer.notice.text) == (False, INVALID)
    await untouched(place, asked)
    assert (await place.house.service.tap(press(dana))).counted, "refused taps consume nothing"
    await untouched(place, other)


async def test_law_06_the_same_delivery_counts_once(place: Place) -> None:
    asked = await place.opened("two.transfer")
    tap = place.desk.press(await place.card(asked, "U-dana"))
    answers = await asyncio.gather(*(place.tap(tap) for _ in range(6)))
    assert sorted(said["kind"] for _, said in answers) == ["closed"] * 5 + ["counted"]
    await place.carried()
    later = (await place.tap(tap))[1]
    assert (later["kind"], later["text"]) == ("closed", "This was counted already.")
    assert len((await place.case(asked["id"])).votes) == 1
    assert (await place.kinds(asked["id"])).count("vote") == 1


async def test_law_06_a_revoked_key_ends_its_buttons_and_a_new_one_does_not(place: Place) -> None:
    asked, other = await place.opened(), await place.opened()
    card, second = await place.card(asked, "U-dana"), await place.card(other, "U-dana")
    service = place.house.service
    new = buttons.Key("k2", b"2" * 32)
    service.trust = replace(service.trust, ring=buttons.KeyRing({**RING.keys, "k2": new}, "k2"))
    assert (await service.tap(place.desk.press(card))).counted, "the newest signs, all verify"
    service.trust = replace(service.trust, ring=buttons.KeyRing({"k2": new}, "k2"))
    assert (await service.tap(place.desk.press(second))).notice.text == INVALID


async def test_law_23_no_secret_is_stored_queued_logged_shown_or_exported(
    place: Place, database: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        asked, left = await place.opened(), await place.opened()
        card = await place.card(asked, "U-dana")
        await place.card(left, "U-dana")
        queued = await place.opened()  # its posts still wait
        press = place.desk.press(card)
        tokens = [token for m in place.desk.messages for _, token in m.now["buttons"]]
        await place.tap(place.desk.press(card, by="U-kim"))
        await place.tap(press)
        await place.house.service.tap(place.desk.press(card, token="x" * 20))
        await place.house.outbox.drain("")
        personal = await place.token("dana")
        await place.call("GET", "/v1/requests", key=personal)
        await place.decide(queued, by="kim")
        await place.deliver(json.dumps({"token": press.token}).encode())
    assert len(tokens) == 8
    said = repr(logs) + "".join(await place.sealed()) + repr(place.house.deps) + repr(press)
    said += (await place.call("GET", "/metrics"))[1] + await everything(database)
    keys = (RING.keys["k1"].secret.decode(), DESK_SECRET.decode(), *KEYS)
    for secret in (*tokens, personal, *keys):
        assert secret not in said
        assert secret.encode().hex() not in said


@pytest.mark.parametrize("console", [True, False])
def test_law_23_a_traceback_in_the_log_holds_no_variables(
    console: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(token: str) -> None:
        raise ValueError("something")

    log.setup(console=console)
    try:
        fails("csp_" + "secret")
    except ValueError:
        structlog.get_logger().exception("it_failed")
    said = capsys.readouterr().err
    assert "ValueError: something" in said
    assert "csp_secret" not in said


# 7. The card that was tapped must be the card that we sent


async def test_law_07_a_card_that_was_altered_is_refused_and_a_fresh_one_sent(
    place: Place,
) -> None:
    asked = await place.opened(facts=[{"label": "Amount", "value": "12,400.00 EUR"}])
    card = await place.card(asked, "U-dana")
    true, pressed = card.now, card.token()
    approve, decline, *rest = true["buttons"]
    for lie in (
        {**true, "facts": [["Amount", "12.40 EUR"]]},
        {**true, "buttons": [["Decline", approve[1]], ["Approve", decline[1]], *rest]},
        {**true, "title": "Nothing to see"},
        {},
    ):
        tap = place.desk.press(card, echo=place.desk.echo(lie))
        answer = await place.house.service.tap(tap)
        assert (answer.counted, answer.notice.kind) == (False, NoticeKind.REFUSED)
    assert not (await place.house.service.tap(place.desk.press(card, echo=None))).counted
    await untouched(place, asked)
    fresh = await place.card(asked, "U-dana")
    assert fresh is not card
    assert fresh.token() != pressed
    assert "Approve" not in dict(card.now["buttons"])
    assert (await place.house.service.tap(place.desk.press(fresh))).counted


async def test_law_07_a_card_whose_post_was_never_confirmed_counts_nothing(store: Store) -> None:
    desk = Desk(lose=1)
    async with open_house(store, desks=[desk], people=[DANA]) as place:
        asked = await place.opened()
        await place.carried()
        (lost,) = desk.of(asked["id"])
        (row,) = await place.store.cards_of(asked["id"])
        assert row.state is not CardState.POSTED
        tapping = asyncio.create_task(place.house.service.tap(desk.press(lost)))
        while not tapping.done():
            place.clock.turn(500)
            await asyncio.sleep(0.02)
        assert tapping.result().notice.text == NEWER
        await untouched(place, asked)
        place.clock.turn(MINUTE)
        await place.carried()
        fresh = desk.of(asked["id"])[-1]
        assert fresh is not lost
        assert fresh.key != lost.key, "each attempt has buttons of its own"
        assert (await place.house.service.tap(desk.press(fresh))).counted


async def test_law_07_a_tap_that_overtakes_the_answer_to_its_post_waits_for_it(
    store: Store,
) -> None:
    desk = Desk(slow=asyncio.Event())
    async with open_house(store, desks=[desk], people=[DANA]) as place:
        asked = await place.opened()
        carrying = asyncio.create_task(place.carried())
        while not desk.messages:
            await asyncio.sleep(0)
        tapping = asyncio.create_task(place.house.service.tap(desk.press(desk.messages[0])))
        await asyncio.sleep(0.1)
        assert not tapping.done()
        place.clock.turn(MINUTE)  # somebody sets the clock: a tap waits for so long, not until then
        await asyncio.sleep(0.1)
        assert not tapping.done()
        desk.slow.set()
        assert (await tapping).counted
        await carrying
        assert (await place.case(asked["id"])).status is Status.APPROVED


async def test_law_07_a_redrawn_card_may_be_tapped_as_it_was_until_the_redraw_is_done(
    place: Place,
) -> None:
    asked = await place.opened("two.transfer")
    dana, lee = await place.card(asked, "U-dana"), await place.card(asked, "U-lee")
    before = place.desk.press(lee)
    await place.house.service.tap(place.desk.press(dana))
    place.desk.gate.clear()
    await place.house.outbox.drain("")
    place.desk.gate.set()
    assert (await place.house.service.tap(before)).counted, "the old picture is still out there"


# 9. Platform proof first


async def test_law_09_an_unproven_delivery_is_a_401_and_nothing_else(place: Place) -> None:
    asked = await place.opened()
    tap = place.desk.press(await place.card(asked, "U-dana"))
    chain = await place.kinds()
    time = place.clock() // 1000
    for headers in (
        {"x-desk-signature": "0" * 64},
        {"x-desk-signature": ""},
        {"x-desk-signature": "é" * 64},
        {"x-desk-signature": "not hex"},
        {"x-desk-time": str(time - 301)},
        {"x-desk-time": str(time + 301)},
        {"x-desk-time": "soon"},
        {"x-desk-time": "٣"},
        {"x-desk-time": "9" * 400},
        {"x-desk-time": ""},
    ):
        assert await place.tap(tap, **headers) == (401, None), headers
    async with place.http.post(f"{place.url}/channels/desk/events", data=b"{}") as answer:
        assert (answer.status, await answer.read()) == (401, b"")
    await untouched(place, asked)
    assert await place.kinds() == chain, "who proves nothing leaves no mark"
    assert (await place.tap(tap))[1]["kind"] == "counted"


async def test_law_08_a_tap_that_comes_by_get_is_no_tap(place: Place) -> None:
    asked = await place.opened()
    tap = place.desk.press(await place.card(asked, "U-dana"))
    assert await place.tap(tap, method="GET") == (405, None)
    await untouched(place, asked)
    assert (await place.tap(tap))[1]["kind"] == "counted"


async def test_who_has_no_word_for_what_counted_is_not_asked_for_one(store: Store) -> None:
    async with open_house(store, desks=[Desk(says_counted=False)]) as place:
        card = await place.card(await place.opened(), "U-dana")
        assert (await place.tap(place.desk.press(card)))[1]["kind"] == "counted"
        assert (await place.tap(place.desk.press(card)))[1]["kind"] == "closed"
        async with asyncio.timeout(HANGS):
            while not place.desk.told:
                await asyncio.sleep(0)
    assert [notice.kind for _, notice in place.desk.told] == ["closed"]


async def test_law_09_what_is_proven_and_not_understood_is_a_400(place: Place) -> None:
    asked = await place.opened()
    tap = place.desk.press(await place.card(asked, "U-dana"))
    for body in (b"", b"[]", b"{}", b'{"event":1}', b"\xff", b"[" * 100_000):
        assert await place.deliver(body) == (400, None)
    await untouched(place, asked)
    assert (await place.tap(tap))[1]["kind"] == "counted"


async def test_law_27_forged_deliveries_have_a_rate_limit(place: Place) -> None:
    asked = await place.opened()
    tap = place.desk.press(await place.card(asked, "U-dana"))
    statuses = [(await place.tap(tap, **{"x-desk-signature": "0" * 64}))[0] for _ in range(102)]
    assert statuses == [401] * 100 + [429] * 2
    place.clock.turn(MINUTE)
    assert (await place.tap(tap))[1]["kind"] == "counted"


# 11, 14, 15. What a card says


async def test_law_11_an_agents_words_stand_apart_and_a_gateways_are_facts(place: Place) -> None:
    words: dict[str, Any] = {
        "title": "Approved by: CFO",
        "facts": [{"label": "Amount", "value": "1.00 EUR"}],
        "note": "please hurry",
        "agent": {"id": "bot", "name": "The CFO"},
    }
    theirs = await place.opened("low.read", key="csr_scripts", **words)
    card = (await place.card(theirs, "U-dana")).now
    assert card["title"] == "low.read"
    assert card["facts"] == []
    for said in ("Approved by: CFO", "1.00 EUR", "please hurry", "The CFO"):
        assert said in card["note"]
        assert said not in json.dumps({**card, "note": None})
    stored = await place.store.content(theirs["id"], 1)
    assert stored is not None
    assert (stored.title, stored.facts) == (None, ())
    held = await place.opened("low.read", **words)
    card = (await place.card(held, "U-dana")).now
    assert (card["title"], card["facts"]) == ("Approved by: CFO", [["Amount", "1.00 EUR"]])
    assert card["note"] == "please hurry"


async def test_law_11_rules_see_nothing_that_an_agent_says_it_decoded(store: Store) -> None:
    large = compile("decoded.amount > 100", {"amount": "int"})
    strict = replace(OTHERWISE, rule="large", quorum=(("finance", 2),))
    async with open_house(store, rules=(Rule("large", When(), large, strict),)) as place:
        for key, agent, meets in (
            ("csr_billing", "any", "default"),  # a gateway held the request and read it
            ("csr_scripts", "bot", "large"),  # whose own word leaves it open, so that it is asked
        ):
            said = {"decoded": {"amount": 1}, "agent": {"id": agent}}
            asked = await place.opened("pay.out", key=key, **said)
            assert asked.get("also", []) == ([] if meets == "default" else [meets])
            assert (await place.case(asked["id"])).ask.quorum[-1] == (
                ("finance", 2) if meets == "large" else ("default", 1)
            )


async def test_law_11_what_we_read_ourselves_beats_what_a_gateway_says(store: Store) -> None:
    large = compile("decoded.amount > 100", {"amount": "int"})
    strict = replace(OTHERWISE, rule="large", quorum=(("finance", 2),))
    ours = Decoder("pay", When(), {"amount": Field("form.amount", "int")})
    async with open_house(store, rules=(Rule("large", When(), large, strict),)) as place:
        service = place.house.service
        service.trust = replace(service.trust, book=RuleBook(decoders=(ours,)))
        form = {"content-type": "application/x-www-form-urlencoded"}
        for paid, meets in ((99, "default"), (101, "large")):
            http = {**http_body(b"amount=%d" % paid), "headers": form}
            asked = await place.opened("pay.out", http=http, decoded={"amount": 1})
            assert asked["rule"] == meets


def http_body(body: bytes, *, complete: bool = True, **headers: str) -> dict[str, Any]:
    return {
        "method": "POST",
        "url": "https://api.example.com/v1/pay?to=acme",
        "headers": {"content-type": "text/plain", **headers},
        "body": b64encode(body).decode(),
        "body_complete": complete,
    }


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("too long", {"http": http_body(b"pay 1\n" * 2000 + b"and 9999 to eve")}),
        ("too long by far", {"http": http_body(b"pay 1\n" * 100_000)}),
        ("binary", {"http": http_body(bytes(range(256)))}),
        ("redacted", {"http": http_body(b"token=4242424242424242424242")}),
        ("a long payload", {"payload": "x" * 5000}),
        ("part of it", {"http": http_body(b"pay", complete=False)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_law_14_what_is_elided_cannot_be_approved_by_a_tap(
    place: Place, what: str, body: dict[str, Any]
) -> None:
    asked = await place.opened("unseen.pay", **body)
    card = await place.card(asked, "U-dana")
    assert "Approve" not in dict(card.now["buttons"])
    assert card.now["review"]
    assert (await place.page(asked, "approve", by="dana")).counted, "the page shows all of it"
    (vote,) = (await place.case(asked["id"])).votes
    assert vote.unseen is (what == "part of it")


async def test_law_07_a_message_that_we_lost_sight_of_sends_to_the_newer_card(
    store: Store,
) -> None:
    """We die between the post and the note of its message id."""
    desk = Desk()
    async with open_house(store, desks=[desk], people=[DANA]) as place:
        asked = await place.opened()
        while await place.house.outbox.drain(""):
            pass
        desk.slow.clear()
        dying = asyncio.create_task(place.house.outbox.drain("desk"))
        await until(lambda: desk.messages)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        desk.slow.set()
        (orphan,) = desk.of(asked["id"])
        token = orphan.token()
        place.clock.turn(MINUTE)
        await place.carried()
        newer = desk.of(asked["id"])[-1]
        assert newer is not orphan
        for label in ("Approve", "Decline"):
            tapping = asyncio.create_task(place.house.service.tap(desk.press(orphan, label)))
            await asyncio.sleep(0)
            place.clock.turn(-MINUTE)  # a clock that is set back holds nobody
            assert (await asyncio.wait_for(tapping, HANGS)).notice.text == EARLY
        await untouched(place, asked)
        place.clock.turn(MINUTE)
        await place.carried()
        assert orphan.now["buttons"] == [], "the press named its message: it is drawn again"
        assert "newer card" in orphan.now["review"]
        assert len(dict(newer.now["buttons"])) > 1
        for _ in range(2):
            press = desk.press(orphan, token=token)
            assert not (await place.house.service.tap(press)).counted
            await place.carried()
        assert len(desk.of(asked["id"])) == 2, "and no press makes another"
        assert (await place.house.service.tap(desk.press(newer))).counted


async def test_law_07_a_lost_message_is_adopted_only_by_its_own_genuine_button(
    store: Store,
) -> None:
    """Its post arrived, the answer did not; then the case was decided on the newer card."""
    desk = Desk(lose=1)
    async with open_house(store, desks=[desk], people=[DANA]) as place:
        asked = await place.opened()
        await place.carried()
        (lost,) = desk.of(asked["id"])
        (row,) = await place.store.cards_of(asked["id"])
        assert row.state is CardState.FAILED
        token = lost.token()
        place.clock.turn(MINUTE)
        await place.carried()
        newer = desk.of(asked["id"])[-1]
        shown, other = lost.now, newer.ref.message
        for press in (
            desk.press(lost, token=token[:-1] + ("A" if token[-1] != "A" else "B")),
            desk.press(lost, conversation="D-eve"),
            desk.press(lost, account="U-eve"),
            desk.press(lost, message=other),  # which is another card's
        ):
            assert not (await place.house.service.tap(press)).counted
            await place.carried()
            assert lost.now == shown, "not adopted"
        assert len(dict(newer.now["buttons"])) > 1
        assert (await place.house.service.tap(desk.press(newer))).counted
        await place.carried()
        assert not (await place.house.service.tap(desk.press(lost, token=token))).counted
        await place.carried()
        assert lost.now["buttons"] == []
        assert lost.now["headline"].startswith("Approved by dana")
        kinds = [entry.kind for entry in await place.store.history(asked["id"])]
        assert kinds.count("card.found") == 1


async def test_law_14_an_approve_button_on_what_no_card_shows_is_worth_nothing(
    place: Place,
) -> None:
    """Even a genuine one, minted by a copy of us that thought otherwise."""
    asked = await place.opened("mail.send", http=http_body(b"\x00\x01"))
    card = await place.card(asked, "U-dana")
    case = await place.case(asked["id"])
    address = replace(card.address, person="dana")
    (row,) = [r for r in await place.store.cards_of(case.id) if r.person == "dana"]
    stored, token = buttons.mint(
        RING, b"n" * 16, card_id="crd_x", case=case, label=Label.APPROVE, address=address
    )
    other = replace(row, id="crd_x", message=None, state=CardState.POSTING)
    echo = buttons.seal(RING, buttons.CARD, "crd_x", card.ref.message, place.desk.echo(card.now))
    await place.store.add_card(other, [stored])
    await place.store.bind_message("crd_x", card.ref.message, echo=echo)
    answer = await place.house.service.tap(place.desk.press(card, token=token))
    assert (answer.counted, answer.notice.kind) == (False, NoticeKind.REFUSED)
    assert "review page" in answer.notice.text
    await untouched(place, asked)


async def test_law_14_bytes_that_were_never_received_need_a_rule_that_allows_it(
    place: Place,
) -> None:
    for action, may in (("mail.send", False), ("unseen.pay", True)):
        asked = await place.opened(action, http=http_body(b"h", complete=False))
        assert (await place.page(asked, "approve", by="dana")).counted is may


async def test_law_15_secrets_are_redacted_on_cards_and_in_the_digest_they_are_not(
    place: Place,
) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6" * 3
    held = http_body(b'{"amount": 1}', authorization=f"Bearer {secret}")
    asked = await place.opened(http=held, note=f"use {secret}")
    card = await place.card(asked, "U-dana")
    assert secret not in json.dumps(card.shown)
    headers = tuple(held["headers"].items())
    http = Http("POST", held["url"], headers, b'{"amount": 1}')
    assert asked["digest"] == digest_http(
        revision=1,
        action="mail.send",
        method=http.method,
        url=http.url,
        headers=http.headers,
        body=http.body,
    )
    assert secret not in "".join(await place.sealed())


async def test_law_15_a_stub_channel_shows_the_title_only(store: Store) -> None:
    async with open_house(store, stub=frozenset({"desk"})) as place:
        asked = await place.opened(note="a note", facts=[{"label": "To", "value": "bob"}])
        card = (await place.card(asked, "U-dana")).now
        assert (card["facts"], card["note"], card["buttons"]) == ([], None, [])
        assert "bob" not in json.dumps(card)


# 19. High risk is never passed by a tap alone


async def test_law_19_high_risk_needs_our_page_and_a_fresh_sign_in(place: Place) -> None:
    asked = await place.opened("high.pay")
    card = await place.card(asked, "U-dana")
    assert list(dict(card.now["buttons"])) == ["Decline"]
    stale = await place.page(asked, "approve", by="dana", fresh=False)
    assert (stale.counted, stale.notice.kind) == (False, NoticeKind.REFUSED)
    await untouched(place, asked)
    assert (await place.page(asked, "approve", by="dana", fresh=True)).counted


@pytest.mark.parametrize(("tier", "counted"), [(Tier.A, True), (Tier.B, True), (Tier.C, False)])
async def test_law_06_a_forgeable_channel_carries_low_risk_only(
    store: Store, tier: Tier, counted: bool
) -> None:
    async with open_house(store, desks=[Desk(tier=tier)]) as place:
        low, medium = await place.opened("low.read"), await place.opened("mail.send")
        press = place.desk.press
        assert (await place.house.service.tap(press(await place.card(low, "U-dana")))).counted
        card = await place.card(medium, "U-dana")
        assert ("Approve" in dict(card.now["buttons"])) is counted


# 20. Quorum counts persons


async def test_law_20_the_same_person_fills_one_seat(place: Place) -> None:
    asked = await place.opened("two.transfer")
    card = await place.card(asked, "U-dana")
    assert (await place.house.service.tap(place.desk.press(card))).counted
    await place.carried()
    for again in (
        await place.house.service.tap(place.desk.press(card)),
        await place.page(asked, "approve", by="dana"),
    ):
        assert (again.counted, again.notice.text) == (False, "You have approved this already.")
    assert card.now["progress"] == "Needs two people from finance: you approved, one more."
    done = await place.page(asked, "approve", by="lee")
    assert (done.counted, done.case and done.case.status) == (True, Status.APPROVED)


async def test_law_20_a_seat_is_for_its_group_and_one_person_takes_one(store: Store) -> None:
    both = rule("both", quorum=(("finance", 1), ("default", 1)))
    async with open_house(store, rules=[both]) as place:
        asked = await place.opened("both.pay")
        assert (await place.page(asked, "approve", by="dana")).counted  # in either group
        (seat,) = policy.needs(both.ask.quorum, (await place.case(asked["id"])).votes)  # type: ignore[union-attr] # it is a quorum
        assert seat[1] == 1
        answer = await place.page(asked, "approve", by="kim")  # default only: dana moves over
        assert answer.case is not None
        assert answer.case.status is Status.APPROVED


async def test_law_20_a_decline_by_any_eligible_person_vetoes(place: Place) -> None:
    asked = await place.opened("two.transfer")
    await place.page(asked, "approve", by="dana")
    answer = await place.page(asked, "decline", by="lee")
    assert answer.case is not None
    assert (answer.counted, answer.case.status) == (True, Status.DECLINED)
    late = await place.page(asked, "approve", by="dana")
    assert (late.counted, late.notice.text) == (False, "Declined by lee")
    own = await place.opened("two.transfer")
    await place.page(own, "approve", by="dana")
    changed = await place.page(own, "decline", by="dana")
    assert changed.counted, "who approved may still think better of it"


REASONS: Final = ("Wrong amount", "Not agreed: ask <Kim>")


@asynccontextmanager
async def asking_why(store: Store) -> AsyncIterator[Place]:
    """A channel whose Decline… asks why, and a rule with ready reasons."""
    ready = rule("ready", reasons=REASONS)
    async with open_house(store, desks=[Desk(asks=True)], rules=[ready]) as place:
        yield place


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"reason": "too late"}, "too late"),
        ({"ready": 1}, REASONS[1]),
        ({"ready": 0, "reason": ""}, REASONS[0]),
        ({"ready": 0, "reason": "by 10"}, "Wrong amount: by 10"),
        ({"reason": ""}, None),
    ],
)
async def test_law_20_a_decline_asks_why_first_and_offers_the_rules_own_words(
    store: Store, given: dict[str, Any], reason: str | None
) -> None:
    async with asking_why(store) as place:
        asked = await place.opened("ready.pay")
        card = await place.card(asked, "U-dana")
        button = Label.DECLINE_PROMPT.value
        answer = await place.house.service.tap(place.desk.press(card, button))
        assert (answer.counted, answer.notice.kind) == (False, NoticeKind.ASK_REASON)
        assert answer.notice.reasons == REASONS
        await untouched(place, asked)
        press = place.desk.press(card, button, message=None, **given)
        assert (await place.house.service.tap(press)).counted
        assert (await place.read(asked["id"])).get("reason") == reason


@pytest.mark.parametrize("place_of", [-1, 2, 7])
async def test_law_06_a_reason_that_the_rule_has_not_is_no_decline(
    store: Store, place_of: int
) -> None:
    async with asking_why(store) as place:
        asked = await place.opened("ready.pay")
        card = await place.card(asked, "U-dana")
        button = Label.DECLINE_PROMPT.value
        press = place.desk.press(card, button, message=None, ready=place_of)
        answer = await place.house.service.tap(press)
        assert (answer.counted, answer.notice.kind) == (False, NoticeKind.REFUSED)
        await untouched(place, asked)


async def test_law_06_no_ready_reason_makes_an_approve_of_a_decline_or_the_other_way(
    store: Store,
) -> None:
    async with asking_why(store) as place:
        asked = await place.opened("ready.pay")
        card = await place.card(asked, "U-dana")
        answer = await place.house.service.tap(place.desk.press(card, "Approve", ready=0))
        assert (answer.counted, answer.notice.kind) == (False, NoticeKind.REFUSED)
        await untouched(place, asked)
        stranger = place.desk.press(card, Label.DECLINE_PROMPT.value, message=None, ready=0)
        stranger = replace(stranger, account="U-nobody")
        assert not (await place.house.service.tap(stranger)).counted
        await untouched(place, asked)


async def test_escalated_people_are_asked_and_may_fill_any_seat(store: Store) -> None:
    late = rule("late", remind=(2 * MINUTE,), escalate=Escalation(5 * MINUTE, "infra"))
    async with open_house(store, rules=[late]) as place:
        asked = await place.opened("late.deploy")
        assert not (await place.page(asked, "approve", by="sam")).counted
        await place.carried()
        assert {m.address.account for m in place.desk.messages} == {"U-dana", "U-kim"}
        place.clock.turn(2 * MINUTE)
        await place.house.service.tick()
        await place.carried()
        assert len(place.desk.messages) == 4, "reminded"
        place.clock.turn(3 * MINUTE)
        await place.house.service.tick()
        card = await place.card(asked, "U-sam")
        assert (await place.house.service.tap(place.desk.press(card))).counted
        assert (await place.case(asked["id"])).status is Status.APPROVED


# 24. What is committed survives, and only once


async def test_law_24_effects_of_a_copy_that_died_are_carried_out_by_another(
    store: Store, database: str
) -> None:
    desk = Desk()
    async with open_house(store, desks=[desk]) as place:
        asked = await place.opened()
        card = await place.card(asked, "U-dana")
        tap = desk.press(card)
        assert (await place.house.service.tap(tap)).counted
        clock = place.clock
    # It never came to the receipt and the redraw. Another one takes over, with the same database.
    again = await Store.connect(database)
    try:
        async with open_house(again, desks=[desk], clock=clock) as place:
            assert (await place.house.service.tap(tap)).counted is False, "the platform repeats it"
            await place.carried()
            assert card.now["headline"] == "Approved by dana"
            assert (await place.read(asked["id"]))["receipt"]
            kinds = await place.kinds(asked["id"])
            assert kinds.count("vote") == 1
    finally:
        await again.close()


async def test_law_24_the_same_event_at_two_copies_counts_once(store: Store, database: str) -> None:
    desk = Desk()
    other = await Store.connect(database)
    try:
        async with (
            open_house(store, desks=[desk]) as one,
            open_house(other, desks=[desk], clock=one.clock, worker="w2") as two,
        ):
            asked = await one.opened("two.transfer")
            tap = desk.press(await one.card(asked, "U-dana"))
            two.house.service.trust = replace(
                two.house.service.trust, directory=one.house.service.trust.directory
            )
            answers = await asyncio.gather(
                *(place.house.service.tap(tap) for place in (one, two) * 4)
            )
            assert sum(answer.counted for answer in answers) == 1
            assert len((await two.case(asked["id"])).votes) == 1
    finally:
        await other.close()


# 25, 26. A platform that is slow or down


async def test_law_25_a_tap_is_acknowledged_though_the_platform_hangs(store: Store) -> None:
    async with open_house(store, carry=True) as place:
        asked = await place.opened("room.post")
        while not place.desk.of(asked["id"]):
            await asyncio.sleep(0.01)
        (card,) = place.desk.of(asked["id"])
        while (await place.store.cards_of(asked["id"]))[0].state is not CardState.POSTED:
            await asyncio.sleep(0.01)
        place.desk.gate.clear()  # posts and private words hang from now on
        for by, kind in (("U-nobody", "refused"), ("U-dana", "counted"), ("U-kim", "closed")):
            began = asyncio.get_running_loop().time()
            status, said = await place.tap(place.desk.press(card, by=by))
            assert (status, said["kind"]) == (200, kind)
            assert asyncio.get_running_loop().time() - began < 1
        place.desk.gate.set()


async def test_law_26_a_channel_that_is_down_delays_its_own_cards_only(store: Store) -> None:
    desk, other = Desk(down=True), Desk(name="other")
    people = [replace(DANA, accounts={"desk": "U-dana", "other": "V-dana"}), KIM]
    async with open_house(store, desks=[desk, other], people=people) as place:
        asked = await place.opened()
        await place.carried()
        (there,) = other.of(asked["id"])
        assert desk.messages == []
        assert (await place.house.service.tap(other.press(there))).counted
        await place.carried()
        assert (await place.read(asked["id"]))["receipt"]
        assert there.now["headline"] == "Approved by dana"
        desk.down = False
        place.clock.turn(MINUTE)
        await place.carried()
        assert desk.messages == [], "a decided request needs no card"
