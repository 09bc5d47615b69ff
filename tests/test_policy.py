from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.conditions import compile
from approvals.model import (
    MINUTE,
    Ask,
    Case,
    Choice,
    Escalation,
    Http,
    Person,
    Risk,
    Tier,
    Vote,
)
from approvals.policy import (
    ESCALATED,
    Deny,
    No,
    Policy,
    Rule,
    Seats,
    Subject,
    When,
    decide,
    effective,
    filled,
    may,
    needs,
)

GROUPS = {"default": frozenset({"dana"}), "finance": frozenset({"dana", "lee"})}
DANA = Person("dana", groups=frozenset({"default", "finance"}))
LEE = Person("lee", groups=frozenset({"finance"}))
SAM = Person("sam", groups=frozenset({"infra"}))
EVE = Person("eve", groups=frozenset({"marketing"}), roles=frozenset({"auditor", "operator"}))


def ask(rule: str = "r", seats: int = 1, risk: Risk = Risk.MEDIUM) -> Ask:
    return Ask(rule, (("finance", seats),), risk=risk)


def case(risk: Risk = Risk.MEDIUM, **changes: object) -> Case:
    terms = replace(
        ask(risk=risk), quorum=(("finance", 1), ("ops", 1)), escalate=Escalation(MINUTE, "infra")
    )
    made = Case("req_1", "default", 1, "sha-256:0", "billing", "bot", terms, 0, MINUTE)
    return replace(made, **changes)  # type: ignore[arg-type]  # tests name real fields


def tap(person: Person | None, of: Case, choice: Choice, tier: Tier | None = Tier.A) -> Seats | No:
    return may(person, of, choice, tier=tier, page=False, fresh=False)


def page(person: Person | None, of: Case, choice: Choice, fresh: bool = False) -> Seats | No:
    return may(person, of, choice, tier=None, page=True, fresh=fresh)


def subject(path: str = "/x", action: str = "act") -> Subject:
    return Subject.of("billing", "bot", action, Http("POST", f"https://h{path}", (), b""))


def rules(*given: Rule) -> Policy:
    return Policy.of(given, GROUPS)


# Which rule


def test_the_first_rule_that_matches_decides() -> None:
    policy = rules(
        Rule("a", When(path=("/a",)), ask=ask("a", risk=Risk.LOW)),
        Rule("b", When(path=("/**",)), ask=ask("b", risk=Risk.HIGH)),
        Rule("c", ask=ask("c")),
    )
    found = decide(policy, subject("/a"))
    assert isinstance(found, Ask)
    assert found.rule == "a"
    assert decide(policy, subject("/b")).rule == "b"


def test_no_rule_asks_one_of_the_default_group() -> None:
    found = decide(rules(Rule("a", When(path=("/a",)), ask=ask("a"))), subject("/b"))
    assert isinstance(found, Ask)
    assert found.rule == "default"
    assert found.quorum == (("default", 1),)


def test_a_rule_may_refuse() -> None:
    assert decide(rules(Rule("no")), subject()) == Deny("no")


def test_law_01_a_condition_that_cannot_be_evaluated_asks_and_denies() -> None:
    condition = compile("decoded.amount > 100000", {"amount": "int"})
    rest = Rule("rest", ask=ask("rest"))
    payments = Rule("payments", condition=condition, ask=ask("payments", 2, Risk.HIGH))
    assert decide(rules(payments, rest), subject()).rule == "payments"
    assert decide(rules(Rule("no", condition=condition), rest), subject()) == Deny("no")
    small = replace(subject(), decoded={"amount": 5})
    assert decide(rules(payments, rest), small).rule == "rest"


def test_law_01_doubt_never_makes_it_easier() -> None:
    """An agent that makes a path ambiguous, or a value unreadable, does not choose the lax rule."""
    condition = compile("decoded.amount < 100", {"amount": "int"})
    lax = Rule("lax", condition=condition, ask=ask("lax", risk=Risk.LOW))
    for strict in (Rule("s", ask=ask("s", risk=Risk.HIGH)), Rule("s", ask=ask("s", 2)), Rule("s")):
        assert decide(rules(lax, strict), subject()).rule == "s"
    assert decide(rules(lax), subject()).rule == "default"
    assert decide(rules(lax, Rule("late", When(path=("/y",)))), subject()).rule == "default"
    paths = rules(
        Rule("read", When(path=("/public/*",)), ask=ask("read", risk=Risk.LOW)),
        Rule("admin", When(path=("/admin/*",)), ask=ask("admin", risk=Risk.HIGH)),
    )
    assert decide(paths, subject("/public/..%2fadmin%2fx")).rule == "admin"


# On which terms


def test_a_requester_only_raises_risk_and_only_shortens_the_deadline() -> None:
    high, low = ask(risk=Risk.HIGH), ask(risk=Risk.LOW)
    assert effective(high, Risk.LOW, None).risk is Risk.HIGH
    assert effective(low, Risk.MEDIUM, None).risk is Risk.MEDIUM
    assert effective(low, None, None) == low
    assert effective(low, None, 60 * MINUTE).expires == 15 * MINUTE
    assert effective(low, None, MINUTE).expires == MINUTE


def test_law_02_four_eyes_hold_at_high_risk_unless_the_rule_says_otherwise() -> None:
    assert not effective(ask(), Risk.MEDIUM, None).four_eyes
    assert effective(ask(), Risk.HIGH, None).four_eyes
    assert effective(replace(ask(), four_eyes=True), None, None).four_eyes
    said_no = rules(Rule("r", ask=ask(), four_eyes=False))
    said_yes = rules(Rule("r", ask=ask(), four_eyes=True))
    unsaid = rules(Rule("r", ask=ask()))
    for policy, expected in ((said_no, False), (said_yes, True), (unsaid, True)):
        found = decide(policy, subject(), risk=Risk.HIGH)
        assert isinstance(found, Ask)
        assert found.four_eyes is expected
        assert found.risk is Risk.HIGH
    default = decide(rules(), subject(), risk=Risk.HIGH, expires_in=MINUTE)
    assert isinstance(default, Ask)
    assert (default.four_eyes, default.expires) == (True, MINUTE)


def test_the_policys_digest_names_rules_groups_and_decoders() -> None:
    base = rules(Rule("a", ask=ask("a")))
    assert base.digest.startswith("sha-256:")
    assert base.digest == rules(Rule("a", ask=ask("a"))).digest
    condition = compile("true", {})
    others = [
        rules(Rule("a", ask=ask("a", 2))),
        rules(Rule("a", When(path=("/a",)), ask=ask("a"))),
        rules(Rule("a", condition=condition, ask=ask("a"))),
        rules(Rule("a")),
        Policy.of([Rule("a", ask=ask("a"))], {**GROUPS, "default": frozenset({"lee"})}),
        Policy.of([Rule("a", ask=ask("a"))], GROUPS, ["a decoder"]),
    ]
    assert len({base.digest, *(policy.digest for policy in others)}) == len(others) + 1
    found = decide(base, subject())
    assert isinstance(found, Ask)
    assert found.policy == base.default_ask.policy == base.digest


# Who may


EVERY_WAY = list(product(Choice, [*Tier, None], [True, False], [True, False]))


def test_law_02_a_stranger_may_nothing() -> None:
    for person, (choice, tier, on_page, fresh) in product((None, EVE, SAM), EVERY_WAY):
        assert isinstance(may(person, case(), choice, tier=tier, page=on_page, fresh=fresh), No)


def test_an_approver_by_tap_on_a_fitting_channel() -> None:
    assert tap(LEE, case(), Choice.APPROVE) == Seats(("finance",))
    both = replace(LEE, groups=frozenset({"ops", "finance"}))
    assert tap(both, case(), Choice.APPROVE) == Seats(("finance", "ops"))


def test_law_02_roles_give_no_vote_and_take_none() -> None:
    assert isinstance(page(EVE, case(), Choice.APPROVE, fresh=True), No)
    lee = replace(LEE, roles=frozenset({"auditor"}))
    assert tap(lee, case(), Choice.APPROVE) == Seats(("finance",))


def test_the_escalated_may_once_it_is_escalated() -> None:
    assert isinstance(tap(SAM, case(), Choice.APPROVE), No)
    assert tap(SAM, case(escalated=True), Choice.APPROVE) == Seats((ESCALATED,))
    assert tap(LEE, case(escalated=True), Choice.APPROVE) == Seats(("finance",))


def test_law_02_the_barred_may_not_approve_but_decline() -> None:
    barred = case(barred=("lee",), escalated=True)
    for fresh in (True, False):
        assert isinstance(page(LEE, barred, Choice.APPROVE, fresh), No)
    assert isinstance(tap(LEE, barred, Choice.APPROVE), No)
    assert isinstance(tap(LEE, barred, Choice.DECLINE), Seats)
    assert isinstance(tap(DANA, barred, Choice.APPROVE), Seats)


@pytest.mark.parametrize(
    ("risk", "tier", "allowed"),
    [
        (Risk.LOW, Tier.A, True),
        (Risk.LOW, Tier.B, True),
        (Risk.LOW, Tier.C, True),
        (Risk.MEDIUM, Tier.A, True),
        (Risk.MEDIUM, Tier.B, True),
        (Risk.MEDIUM, Tier.C, False),
        (Risk.HIGH, Tier.A, False),
        (Risk.HIGH, Tier.B, False),
        (Risk.HIGH, Tier.C, False),
        (Risk.LOW, None, False),
    ],
)
def test_law_07_a_tap_carries_the_risk_of_its_channel(
    risk: Risk, tier: Tier | None, allowed: bool
) -> None:
    assert isinstance(tap(LEE, case(risk), Choice.APPROVE, tier), Seats) is allowed


def test_law_14_what_the_card_cannot_show_is_not_approved_by_a_tap() -> None:
    hidden = case(Risk.LOW, inspectable=False)
    assert isinstance(tap(LEE, hidden, Choice.APPROVE), No)
    assert isinstance(page(LEE, hidden, Choice.APPROVE), Seats)


def test_law_14_unseen_bytes_need_a_rule_and_the_page() -> None:
    unseen = case(Risk.LOW, complete=False)
    allowed = replace(unseen, ask=replace(unseen.ask, allow_unseen=True))
    assert isinstance(page(LEE, unseen, Choice.APPROVE, fresh=True), No)
    assert isinstance(tap(LEE, allowed, Choice.APPROVE), No)
    assert isinstance(page(LEE, allowed, Choice.APPROVE), Seats)


def test_law_19_high_risk_needs_the_page_and_a_fresh_proof() -> None:
    assert isinstance(page(LEE, case(Risk.HIGH), Choice.APPROVE), No)
    assert isinstance(page(LEE, case(Risk.HIGH), Choice.APPROVE, fresh=True), Seats)
    for tier in Tier:
        way = may(LEE, case(Risk.HIGH), Choice.APPROVE, tier=tier, page=False, fresh=True)
        assert isinstance(way, No)


def test_law_19_what_asks_for_a_step_up_needs_the_same_at_any_risk() -> None:
    plain = case(Risk.LOW)
    asks = replace(plain, ask=replace(plain.ask, step_up="passkey"))
    assert isinstance(page(LEE, plain, Choice.APPROVE), Seats)
    assert isinstance(page(LEE, asks, Choice.APPROVE), No)
    assert isinstance(page(LEE, asks, Choice.APPROVE, fresh=True), Seats)
    for tier in Tier:
        way = may(LEE, asks, Choice.APPROVE, tier=tier, page=False, fresh=True)
        assert isinstance(way, No)


def test_law_20_any_approver_may_decline_in_any_way() -> None:
    worst = case(Risk.HIGH, complete=False, inspectable=False, barred=("lee",))
    for tier, on_page in product([*Tier, None], [True, False]):
        way = may(LEE, worst, Choice.DECLINE, tier=tier, page=on_page, fresh=False)
        assert way == Seats(("finance",))


def test_every_refusal_is_one_short_sentence() -> None:
    cases = [
        case(risk, complete=complete, inspectable=inspectable, barred=barred)
        for risk, complete, inspectable, barred in product(
            Risk, [True, False], [True, False], [(), ("lee",)]
        )
    ]
    answers = [
        may(person, of, choice, tier=tier, page=on_page, fresh=fresh)
        for person, of, (choice, tier, on_page, fresh) in product(
            (None, EVE, LEE), cases, EVERY_WAY
        )
    ]
    whys = {answer.why for answer in answers if isinstance(answer, No)}
    assert len(whys) == 8
    assert all(why.endswith(".") and len(why) < 80 for why in whys)


# Quorum


def vote(person: str, *groups: str, choice: Choice = Choice.APPROVE) -> Vote:
    return Vote(person, choice, groups, "slack", 1, 0)


def test_law_20_a_quorum_counts_persons() -> None:
    two = (("finance", 2),)
    assert not filled(two, [])
    assert not filled(two, [vote("dana", "finance")])
    assert not filled(two, [vote("dana", "finance"), vote("dana", "finance")])
    assert not filled(two, [vote("dana", "finance"), vote("sam", "infra")])
    assert not filled(two, [vote("dana", "finance"), vote("lee", "finance", choice=Choice.DECLINE)])
    assert filled(two, [vote("dana", "finance"), vote("lee", "finance")])


def test_one_person_fills_one_seat_though_in_two_groups() -> None:
    quorum = (("finance", 1), ("legal", 1))
    both = vote("dana", "finance", "legal")
    assert not filled(quorum, [both])
    assert needs(quorum, [both]) == (("legal", 1),)
    assert filled(quorum, [both, vote("lee", "finance")])  # dana moves to the other seat
    assert filled(quorum, [vote("lee", "legal"), both])


def test_the_escalated_fill_any_seat() -> None:
    quorum = (("finance", 2),)
    assert filled(quorum, [vote("sam", ESCALATED), vote("lee", "finance")])
    assert not filled(quorum, [vote("sam", ESCALATED)])


def test_law_01_a_quorum_without_seats_is_never_filled() -> None:
    for quorum in ((), (("finance", 0),)):
        assert not filled(quorum, [vote("dana", "finance")])


_GROUPS = st.sampled_from(["a", "b", "c"])
_VOTES = st.lists(
    st.builds(
        lambda person, groups, choice: vote(person, *groups, choice=choice),
        st.sampled_from("pqrst"),
        st.sets(st.sampled_from(["a", "b", "c", ESCALATED])),
        st.sampled_from([Choice.APPROVE] * 4 + [Choice.DECLINE]),
    ),
    max_size=5,
    unique_by=lambda made: made.person,
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(_GROUPS, st.integers(1, 2)), max_size=3, unique_by=lambda s: s[0]), _VOTES
)
def test_law_20_seats_agree_with_trying_everything(
    quorum: list[tuple[str, int]], votes: list[Vote]
) -> None:
    seats = [group for group, count in quorum for _ in range(count)]

    def most(left: list[Vote], free: list[str]) -> int:
        """Try every way: this person takes no seat, or each that they may take."""
        if not left or not free:
            return 0
        first, *rest = left
        ways = [most(rest, free)]
        for at, group in enumerate(free):
            if group in first.groups or ESCALATED in first.groups:
                ways.append(1 + most(rest, free[:at] + free[at + 1 :]))
        return max(ways)

    best = most([made for made in votes if made.choice is Choice.APPROVE], seats)
    assert sum(count for _, count in needs(quorum, votes)) == len(seats) - best
    assert filled(quorum, votes) is (bool(seats) and best == len(seats))
    assert {group for group, _ in needs(quorum, votes)} <= set(seats)
