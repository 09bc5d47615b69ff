from dataclasses import replace
from itertools import combinations, product

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
    Page,
    Policy,
    Rule,
    Seats,
    Subject,
    Tap,
    Way,
    When,
    decide,
    effective,
    filled,
    may,
    needs,
    nobody,
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
    return may(person, of, choice, Tap(tier))


def page(person: Person | None, of: Case, choice: Choice, fresh: bool = False) -> Seats | No:
    return may(person, of, choice, Page(fresh))


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
    found = decide(rules(payments, rest), subject())
    assert isinstance(found, Ask)
    assert (found.rule, found.also, found.risk) == ("rest", ("payments",), Risk.HIGH)
    assert found.quorum == (("finance", 2),)
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
    found = decide(paths, subject("/public/..%2fadmin%2fx"))
    assert isinstance(found, Ask)
    assert (found.also, found.risk) == (("read", "admin"), Risk.HIGH)
    assert found.quorum == (("default", 1), ("finance", 1))


# Doubt adds up


VALUES = {f"v{at}": "int" for at in range(4)}
PARTS = [compile(f"decoded.{name} == 1", VALUES) for name in VALUES]
TEAM = (
    Person("a", groups=frozenset({"red", "default"})),
    Person("b", groups=frozenset({"red", "blue"})),
    Person("c", groups=frozenset({"blue", "late"})),
    Person("d", groups=frozenset({"default", "late"})),
    Person("e", groups=frozenset({"later"})),
)
TEAM_GROUPS = {
    group: frozenset(one.id for one in TEAM if group in one.groups)
    for group in ("default", "red", "blue", "late", "later")
}
BARRED = ("a", "c")
_ASKS = st.builds(
    Ask,
    rule=st.just("r"),
    quorum=st.dictionaries(
        st.sampled_from(["default", "red", "blue"]), st.integers(1, 2), min_size=1, max_size=2
    ).map(lambda seats: tuple(seats.items())),
    via=st.lists(st.sampled_from(["web", "slack", "email"]), max_size=3, unique=True).map(tuple),
    risk=st.sampled_from(Risk),
    expires=st.integers(2, 6),
    release_within=st.integers(1, 6),
    allow_unseen=st.booleans(),
    step_up=st.sampled_from([None, None, "passkey"]),
    remind=st.lists(st.integers(1, 3), max_size=2).map(tuple),
    escalate=st.none()
    | st.builds(Escalation, st.integers(1, 5), st.sampled_from(["late", "late", "later"])),
)
_RULES = st.lists(
    st.tuples(st.none() | _ASKS, st.sampled_from([None, True, False])), min_size=1, max_size=4
)
_TRUTHS = st.lists(st.sampled_from([True, False, None]), min_size=4, max_size=4)


def policy_of(given: list[tuple[Ask | None, bool | None]]) -> Policy:
    """Each rule has a condition of its own, of which a subject says whether it holds."""
    made = []
    for at, (terms, eyes) in enumerate(given):
        asked = terms and replace(terms, rule=f"r{at}", four_eyes=bool(eyes))
        made.append(Rule(f"r{at}", condition=PARTS[at], ask=asked, four_eyes=eyes))
    return Policy.of(made, TEAM_GROUPS)


def holding(truths: list[bool | None]) -> Subject:
    """A subject for which the conditions hold, do not hold, or cannot be told."""
    decoded = {f"v{at}": int(held) for at, held in enumerate(truths) if held is not None}
    return replace(subject(), decoded=decoded)


WHAT_AND_HOW: tuple[tuple[bool, Way], ...] = (  # complete, and the way
    (True, Page(fresh=True)),
    (True, Page(fresh=False)),
    (False, Page(fresh=True)),
    *((True, Tap(tier)) for tier in Tier),
)


def approving(said: Ask | Deny) -> set[tuple[frozenset[str], int, bool, Way]]:
    """Which people can approve together, when, of what, and by which way: everything tried."""
    if isinstance(said, Deny):
        return set()
    said, found = replace(said, expires=min(said.expires, 6)), set()
    crowds = [frozenset(who) for n in range(1, 6) for who in combinations("abcde", n)]
    for at, (complete, way) in product(range(said.expires), WHAT_AND_HOW):
        late = said.escalate is not None and said.escalate.after <= at
        open_case = case(
            ask=said, escalated=late, complete=complete, barred=BARRED if said.four_eyes else ()
        )
        seats = {
            person.id: answer.groups
            for person in TEAM
            for answer in [may(person, open_case, Choice.APPROVE, way)]
            if isinstance(answer, Seats)
        }
        found |= {
            (crowd, at, complete, way)
            for crowd in crowds
            if filled(said.quorum, [vote(who, *seats[who]) for who in crowd if who in seats])
        }
    return found


def assert_no_easier(doubtful: Ask | Deny, plain: Ask | Deny) -> None:
    assert approving(doubtful) <= approving(plain)
    if isinstance(doubtful, Deny):
        return
    assert isinstance(plain, Ask), "what is refused clearly is refused in doubt"
    assert doubtful.risk.rank() >= plain.risk.rank()
    assert doubtful.four_eyes >= plain.four_eyes
    assert doubtful.expires <= plain.expires
    assert doubtful.release_within <= plain.release_within
    assert doubtful.allow_unseen <= plain.allow_unseen
    assert doubtful.step_up or not plain.step_up
    assert dict(doubtful.quorum).items() >= {
        (group, max(count, dict(doubtful.quorum).get(group, 0))) for group, count in plain.quorum
    }
    assert not plain.via or (doubtful.via and {*doubtful.via} <= {*plain.via, "web"})
    assert {*plain.remind} <= {*doubtful.remind}


@settings(deadline=None, max_examples=300)
@given(_RULES, _TRUTHS, st.integers(0, 3), st.none() | st.sampled_from(Risk))
def test_law_30_what_cannot_be_told_never_makes_it_easier(
    given: list[tuple[Ask | None, bool | None]],
    truths: list[bool | None],
    at: int,
    wish: Risk | None,
) -> None:
    """Also where other rules are in doubt already: more doubt never makes it easier again."""
    policy, unclear = policy_of(given), [None if i == at else one for i, one in enumerate(truths)]
    plain = decide(policy, holding(truths), risk=wish)
    assert_no_easier(decide(policy, holding(unclear), risk=wish), plain)


@settings(deadline=None, max_examples=100)
@given(_RULES, st.lists(st.booleans(), min_size=4, max_size=4), st.none() | st.sampled_from(Risk))
def test_law_30_who_makes_all_of_it_unreadable_gets_the_demands_of_every_rule(
    given: list[tuple[Ask | None, bool | None]], truths: list[bool], wish: Risk | None
) -> None:
    policy = policy_of(given)
    worst = decide(policy, holding([None] * 4), risk=wish)
    assert_no_easier(worst, decide(policy, holding([*truths]), risk=wish))
    denials = [rule.name for rule in policy.rules if rule.ask is None]
    if denials:
        assert worst == Deny(denials[0])
    else:
        assert isinstance(worst, Ask)
        assert worst.rule == "default"
        assert worst.also == tuple(rule.name for rule in policy.rules)
        assert worst.policy == policy.digest


CFO = (("finance", 1),)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (  # an agent's interns instead of the finance people
            Ask("big", CFO, four_eyes=True, expires=5 * MINUTE),
            Ask("small", (("default", 2),)),
            {"quorum": (("default", 2), *CFO), "four_eyes": True, "expires": 5 * MINUTE},
        ),
        (  # the weaker rule is the riskier one
            Ask("big", CFO),
            Ask("rest", (("default", 1),), risk=Risk.HIGH),
            {"quorum": (("default", 1), *CFO), "risk": Risk.HIGH, "four_eyes": True},
        ),
        (
            Ask("big", (("finance", 2), ("default", 1))),
            Ask("rest", (("default", 2),)),
            {"quorum": (("default", 2), ("finance", 2))},
        ),
        (Ask("big", CFO, via=("slack",)), Ask("rest", CFO), {"via": ("slack",)}),
        (
            Ask("big", CFO, via=("email", "slack", "teams")),
            Ask("rest", CFO, via=("teams", "telegram", "email")),
            {"via": ("teams", "email")},
        ),
        (Ask("big", CFO, via=("slack",)), Ask("rest", CFO, via=("email",)), {"via": ("web",)}),
        (
            Ask("big", CFO, escalate=Escalation(2, "infra")),
            Ask("rest", CFO, escalate=Escalation(1, "infra")),
            {"escalate": Escalation(2, "infra")},
        ),
        (
            Ask("big", CFO, escalate=Escalation(1, "infra")),
            Ask("rest", CFO, escalate=Escalation(1, "default")),
            {"escalate": None},
        ),
        (Ask("big", CFO), Ask("rest", CFO, escalate=Escalation(1, "infra")), {"escalate": None}),
        (
            Ask("big", CFO, allow_unseen=True, release_within=1, step_up="passkey", remind=(9, 5)),
            Ask("rest", CFO, remind=(7,)),
            {"allow_unseen": False, "release_within": 1, "step_up": "passkey", "remind": (5, 7, 9)},
        ),
        (Ask("big", ()), Ask("rest", CFO), {"quorum": ()}),
    ],
)
def test_law_30_a_doubtful_rule_adds_its_demands(
    first: Ask, then: Ask, expected: dict[str, object]
) -> None:
    condition = compile("decoded.amount > 100000", {"amount": "int"})
    given = rules(
        Rule("big", condition=condition, ask=first, four_eyes=first.four_eyes or None),
        Rule(then.rule, ask=then, four_eyes=then.four_eyes or None),
    )
    found = decide(given, subject())
    assert isinstance(found, Ask)
    assert (found.rule, found.also) == (then.rule, ("big",))
    assert {name: getattr(found, name) for name in expected} == expected


# Whether anybody could


def test_law_02_who_could_never_approve_is_known_beforehand() -> None:
    one = replace(ask(), four_eyes=True)
    assert nobody(one, (DANA, LEE), ("dana",)) is None
    assert nobody(one, (DANA, SAM), ("dana",)) == (
        "four eyes bar dana, and no other approver is in the group finance"
    )
    assert nobody(replace(one, four_eyes=False), (DANA,), ("dana",)) is None
    assert nobody(one, (DANA, LEE), ("dana", "lee", "eve")) == (
        "four eyes bar dana and lee, and no other approver is in the group finance"
    )
    assert nobody(ask(), (SAM, EVE), ()) == "no approver is in the group finance"
    assert nobody(replace(ask(), quorum=()), (DANA,), ()) == "no approver is asked for"
    two = replace(ask(), quorum=(("finance", 1), ("default", 1)))
    assert nobody(two, (DANA,), ()) == (
        "too few approvers are in the group default: every seat needs another person"
    )
    assert nobody(two, (DANA, LEE), ()) is None


def test_an_escalation_that_comes_in_time_can_answer() -> None:
    called = replace(ask(), escalate=Escalation(5 * MINUTE, "infra"))
    assert nobody(called, (SAM,), ()) is None
    assert nobody(called, (SAM,), (), wait=5 * MINUTE) is not None, "it expires before"
    assert nobody(replace(called, expires=MINUTE), (SAM,), ()) is not None
    assert nobody(replace(called, four_eyes=True), (SAM,), ("sam",)) is not None


@settings(deadline=None)
@given(_ASKS, st.booleans())
def test_law_02_nobody_agrees_with_trying_everybody(terms: Ask, eyes: bool) -> None:
    terms = replace(terms, four_eyes=eyes)
    assert (nobody(terms, TEAM, BARRED) is None) is bool(approving(terms))


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


EVERY_WAY: list[Way] = [*map(Tap, [*Tier, None]), Page(fresh=True), Page(fresh=False)]


def test_law_02_a_stranger_may_nothing() -> None:
    for person, choice, way in product((None, EVE, SAM), Choice, EVERY_WAY):
        assert isinstance(may(person, case(), choice, way), No)


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
        assert isinstance(tap(LEE, case(Risk.HIGH), Choice.APPROVE, tier), No)


def test_law_19_what_asks_for_a_step_up_needs_the_same_at_any_risk() -> None:
    plain = case(Risk.LOW)
    asks = replace(plain, ask=replace(plain.ask, step_up="passkey"))
    assert isinstance(page(LEE, plain, Choice.APPROVE), Seats)
    assert isinstance(page(LEE, asks, Choice.APPROVE), No)
    assert isinstance(page(LEE, asks, Choice.APPROVE, fresh=True), Seats)
    for tier in Tier:
        assert isinstance(tap(LEE, asks, Choice.APPROVE, tier), No)


def test_law_20_any_approver_may_decline_in_any_way() -> None:
    worst = case(Risk.HIGH, complete=False, inspectable=False, barred=("lee",))
    for way in EVERY_WAY:
        assert may(LEE, worst, Choice.DECLINE, way) == Seats(("finance",))


def test_every_refusal_is_one_short_sentence() -> None:
    cases = [
        case(risk, complete=complete, inspectable=inspectable, barred=barred)
        for risk, complete, inspectable, barred in product(
            Risk, [True, False], [True, False], [(), ("lee",)]
        )
    ]
    answers = [
        may(person, of, choice, way)
        for person, of, choice, way in product((None, EVE, LEE), cases, Choice, EVERY_WAY)
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
