"""The laws of approvals/machine.py, one test a law, and random interleavings against an oracle."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import machine
from approvals.machine import (
    Denied,
    Forward,
    Lapsed,
    Notify,
    Post,
    Redraw,
    Reported,
    Revised,
    Said,
    Ticked,
    Voted,
    Wake,
    Withdrawn,
    opened,
    transition,
)
from approvals.model import Ask, Case, Choice, Escalation, Outcome, Risk, Status, Vote

OPENED = 1_000_000
DEADLINE = OPENED + 900_000


def a_case(**changes: object) -> Case:
    ask = Ask(
        rule="r",
        quorum=(("finance", 2), ("cfo", 1)),
        risk=Risk.MEDIUM,
        remind=(300_000, 600_000),
        escalate=Escalation(450_000, "infra"),
    )
    case = Case(
        id="req_1",
        org="default",
        revision=1,
        digest="sha-256:" + "0" * 64,
        requester="gw",
        agent="bot",
        ask=ask,
        created_at=OPENED,
        expires_at=DEADLINE,
    )
    return replace(case, **changes)  # type: ignore[arg-type] # real fields


def a_vote(
    person: str = "dana",
    choice: Choice = Choice.APPROVE,
    groups: tuple[str, ...] = ("finance",),
    at: int = OPENED + 10,
    revision: int = 1,
    reason: str | None = None,
) -> Voted:
    return Voted(Vote(person, choice, groups, "slack", revision, at, reason))


def approved() -> Case:
    case = a_case(ask=replace(a_case().ask, quorum=(("finance", 1),)))
    return transition(case, a_vote()).case


CLOSING = {
    Status.APPROVED: approved(),
    Status.DECLINED: transition(a_case(), a_vote(choice=Choice.DECLINE)).case,
    Status.EXPIRED: transition(a_case(), Ticked(DEADLINE)).case,
    Status.WITHDRAWN: transition(a_case(), Withdrawn(OPENED + 5)).case,
}
EVENTS = [
    a_vote("lee"),
    a_vote("lee", Choice.DECLINE),
    Ticked(DEADLINE + 1),
    Withdrawn(OPENED + 20),
    Denied(OPENED + 20, "no"),
    Revised(OPENED + 20, a_case(digest="sha-256:" + "1" * 64)),
    Reported(Outcome(True, OPENED + 30, 201)),
    Lapsed(OPENED + 10_000_000),
]


@pytest.mark.parametrize("status", CLOSING)
@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_machine_law_1_a_closed_case_never_reopens(status: Status, event: machine.Event) -> None:
    case = CLOSING[status]
    assert case.status is status
    step = transition(case, event)
    assert step.case.status is status
    assert (step.case.votes, step.case.decided_at) == (case.votes, case.decided_at)
    if not (status is Status.APPROVED and isinstance(event, Reported | Lapsed)):
        assert step.case == case
        assert step.effects == ()
        assert step.said is Said.CLOSED


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_machine_law_2_forward_exactly_on_leaving_pending(event: machine.Event) -> None:
    for case in (a_case(), a_case(ask=replace(a_case().ask, quorum=(("finance", 1),)))):
        step = transition(case, event)
        assert (Forward() in step.effects) == (not step.case.open)


def test_law_20_a_second_yes_of_one_person_changes_nothing() -> None:
    case = transition(a_case(), a_vote("dana")).case
    step = transition(case, a_vote("dana", at=OPENED + 40))
    assert (step.case, step.effects, step.said) == (case, (), Said.REPEATED)


def test_machine_law_3_approved_needs_every_seat_filled_by_another_person() -> None:
    case = transition(a_case(), a_vote("dana")).case
    case = transition(case, a_vote("dana")).case
    assert case.open, "one person twice is one person"
    case = transition(case, a_vote("kim", groups=("cfo", "finance"))).case
    assert case.open, "two people cannot fill three seats"
    case = transition(case, a_vote("lee")).case
    assert case.status is Status.APPROVED


def test_machine_law_4_a_decline_closes_at_once_and_keeps_its_reason() -> None:
    case = transition(a_case(), a_vote("dana")).case
    step = transition(case, a_vote("lee", Choice.DECLINE, reason="wrong payee"))
    assert step.case.status is Status.DECLINED
    assert step.case.reason == "wrong payee"
    assert step.case.votes[-1].person == "lee"


def test_machine_law_4_an_approver_may_still_veto_what_he_approved() -> None:
    case = transition(a_case(), a_vote("dana")).case
    assert transition(case, a_vote("dana", Choice.DECLINE)).case.status is Status.DECLINED


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_machine_law_5_every_change_that_shows_redraws(event: machine.Event) -> None:
    for case in (a_case(), approved()):
        step = transition(case, event)
        if step.case != case:
            assert Redraw() in step.effects


def test_machine_law_6_a_vote_at_the_deadline_finds_the_case_expired() -> None:
    step = transition(a_case(), a_vote(at=DEADLINE))
    assert step.case.status is Status.EXPIRED
    assert step.case.votes == ()
    assert step.said is Said.EXPIRED
    assert transition(a_case(), a_vote(at=DEADLINE - 1)).case.votes


def test_a_vote_on_another_revision_counts_for_nothing() -> None:
    step = transition(a_case(), a_vote(revision=2))
    assert step.said is Said.STALE
    assert step.case == a_case()


def test_a_revision_starts_the_votes_anew_and_never_gains_time() -> None:
    case = transition(a_case(), a_vote()).case
    fresh = a_case(digest="sha-256:" + "1" * 64, expires_at=DEADLINE + 1_000)
    step = transition(case, Revised(OPENED + 20, fresh))
    assert step.case.revision == 2
    assert step.case.votes == ()
    assert step.case.digest == fresh.digest
    assert step.case.expires_at == DEADLINE
    assert step.case.version == case.version + 1
    assert Post() in step.effects


def test_reminders_and_escalation_come_once_each_and_in_time() -> None:
    step = opened(a_case())
    assert step.effects == (Post(), Wake(OPENED + 300_000))
    step = transition(step.case, Ticked(OPENED + 300_000))
    assert step.effects == (Notify(), Wake(OPENED + 450_000))
    assert transition(step.case, Ticked(OPENED + 300_001)).said is Said.NOTHING
    step = transition(step.case, Ticked(OPENED + 450_000))
    assert step.effects == (Post("infra"), Redraw(), Wake(OPENED + 600_000))
    assert step.case.escalated
    step = transition(step.case, Ticked(OPENED + 700_000))
    assert step.effects == (Notify(), Wake(DEADLINE))
    assert transition(step.case, Ticked(DEADLINE)).case.status is Status.EXPIRED


def test_an_unknown_outcome_may_become_known_and_a_known_one_is_final() -> None:
    unknown = transition(approved(), Reported(Outcome(None, OPENED + 30)))
    assert unknown.said is Said.DONE
    known = transition(unknown.case, Reported(Outcome(True, OPENED + 40, 201)))
    assert known.case.outcome == Outcome(True, OPENED + 40, 201)
    again = transition(known.case, Reported(Outcome(False, OPENED + 50)))
    assert again.said is Said.REPEATED
    assert again.case == known.case


@given(
    st.integers(OPENED, OPENED + 200_000),
    st.lists(
        st.sampled_from([Outcome(None, 1), Outcome(True, 1, 200), Outcome(False, 1), None]),
        max_size=5,
    ),
)
def test_machine_law_7_only_an_expired_receipt_without_an_outcome_lapses(
    at: int, told: list[Outcome | None]
) -> None:
    case = approved()
    due = machine.lapse_at(case)
    assert due > (case.decided_at or 0) + case.ask.release_within
    for outcome in told:
        before = case
        step = transition(case, Lapsed(at) if outcome is None else Reported(outcome))
        case = step.case
        if outcome is None:
            lapses = at >= due and before.outcome is None and not before.lapsed
            assert (case.lapsed and not before.lapsed) == lapses
            assert (Redraw() in step.effects) == lapses
        elif step.said is Said.DONE:
            assert not case.lapsed, "what was told late still counts"
        assert case.status is Status.APPROVED
        assert (case.votes, case.decided_at) == (before.votes, before.decided_at)


PEOPLE = {
    "dana": ("finance",),
    "lee": ("finance",),
    "kim": ("finance", "cfo"),
    "sam": ("cfo",),
}


@dataclass
class Oracle:
    """The rules told again, in the plainest way: three named seats, tried in every order."""

    status: Status = Status.PENDING
    revision: int = 1
    approvals: set[str] = field(default_factory=set)
    forwards: int = 0

    def seated(self) -> bool:
        from itertools import permutations

        return any(
            "finance" in PEOPLE[a] and "finance" in PEOPLE[b] and "cfo" in PEOPLE[c]
            for a, b, c in permutations(sorted(self.approvals), 3)
        )

    def close(self, status: Status) -> None:
        self.status = status
        self.forwards += 1

    def tell(self, event: machine.Event) -> None:
        if self.status is not Status.PENDING:
            return
        at = event.vote.at if isinstance(event, Voted) else getattr(event, "at", 0)
        if at >= DEADLINE and isinstance(event, Voted | Ticked | Withdrawn | Revised):
            self.close(Status.EXPIRED)
        elif isinstance(event, Voted) and event.vote.revision == self.revision:
            if event.vote.choice is Choice.DECLINE:
                self.close(Status.DECLINED)
            else:
                self.approvals.add(event.vote.person)
                if self.seated():
                    self.close(Status.APPROVED)
        elif isinstance(event, Withdrawn):
            self.close(Status.WITHDRAWN)
        elif isinstance(event, Denied):
            self.close(Status.DECLINED)
        elif isinstance(event, Revised):
            self.revision += 1
            self.approvals = set()


times = st.integers(OPENED, DEADLINE - 1) | st.integers(DEADLINE, DEADLINE + 10_000)
votes = st.builds(
    lambda person, choice, revision, at: a_vote(person, choice, PEOPLE[person], at, revision),
    st.sampled_from(sorted(PEOPLE)),
    st.sampled_from([Choice.APPROVE] * 4 + [Choice.DECLINE]),
    st.sampled_from([1, 1, 1, 2, 2, 3]),
    st.integers(OPENED, DEADLINE - 1),
)
events = st.one_of(
    votes,
    votes,
    votes,
    votes,
    st.builds(Ticked, times),
    st.builds(Withdrawn, times),
    st.builds(Denied, times, st.just("no")),
    st.builds(lambda at: Revised(at, a_case(digest=f"sha-256:{at:064d}")), times),
    st.builds(lambda ok: Reported(Outcome(ok, OPENED)), st.sampled_from([True, False, None])),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(events, max_size=14))
def test_any_interleaving_ends_as_the_oracle_says(story: list[machine.Event]) -> None:
    case, oracle, forwards = a_case(), Oracle(), 0
    for event in story:
        before = case
        step = transition(case, event)
        case = step.case
        oracle.tell(event)
        forwards += step.effects.count(Forward())
        assert case.status is oracle.status
        assert case.revision == oracle.revision
        assert forwards == oracle.forwards <= 1
        assert case.version == before.version + (case != before)
        if case.status is Status.APPROVED:
            voters = {v.person for v in case.votes if v.choice is Choice.APPROVE}
            assert voters == oracle.approvals
            assert all(v.revision == case.revision for v in case.votes)
