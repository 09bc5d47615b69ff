"""The only place that changes a case. Pure: `transition(case, event) -> Step`.

Laws, each a property test in tests/core/test_machine.py:
  1. A closed case never reopens, and its votes and verdict never change.
  2. One verdict, one `Forward`: it is emitted on leaving `pending` and at no other time.
  3. Approved implies the quorum of distinct eligible people on this revision, and no decline on it.
  4. A decline by an eligible approver closes the case at once.
  5. Whatever changes, every posted card is redrawn: each change emits `Redraw`.
  6. Time comes in events: a vote at or after the deadline finds the case expired.
  7. An approved case lapses once, after its receipt has expired, and only while nothing is known of
     an outcome; an outcome that is told later still counts.

Who is eligible is not asked here: `policy.may` said so before a `Voted` event was made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, TypeAlias, assert_never

from approvals.model import SECOND, Case, Choice, Instant, Outcome, Status, Vote
from approvals.policy import filled

LATE: Final = 5 * SECOND
"""After a receipt has expired: a gateway that released at the last moment has told us by then."""


@dataclass(frozen=True, slots=True)
class Voted:
    """An eligible person chose, on the revision that the vote names."""

    vote: Vote


@dataclass(frozen=True, slots=True)
class Ticked:
    """It is now `at`."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The requester no longer waits. `reason`: what is known of why, for the cards."""

    at: Instant
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """A rule refuses without asking anybody."""

    at: Instant
    reason: str


@dataclass(frozen=True, slots=True)
class Revised:
    """The requester asks for something else instead: votes so far count for nothing."""

    at: Instant
    to: Case
    """The case as it would be if it were opened now."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The gateway says what it did with the verdict."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Lapsed:
    """It is now `at`, and no outcome came: was the verdict never collected?"""

    at: Instant


Event: TypeAlias = Voted | Ticked | Withdrawn | Denied | Revised | Reported | Lapsed


@dataclass(frozen=True, slots=True)
class Post:
    """Send cards to everyone who is asked. `to`: only this group (an escalation); None: all."""

    to: str | None = None


@dataclass(frozen=True, slots=True)
class Redraw:
    """Make every posted card say what the case says now."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Sign the receipt and hand it to whoever waits for the verdict."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Remind those who are asked and have not voted."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Send `Ticked` at this time."""

    at: Instant


Effect: TypeAlias = Post | Redraw | Forward | Notify | Wake


class Said(Enum):
    """What the event came to."""

    DONE = "it counted"
    REPEATED = "it was said before; nothing changed"
    CLOSED = "the case was closed already; nothing changed"
    EXPIRED = "the deadline had passed; the case is expired"
    STALE = "it named another revision; nothing changed"
    NOTHING = "nothing was due"


@dataclass(frozen=True, slots=True)
class Step:
    """The case after the event, what must be done outside, and what to say to whoever sent it."""

    case: Case
    effects: tuple[Effect, ...]
    said: Said


TABLE: Final[dict[tuple[Status, type], frozenset[Status]]] = {
    (Status.PENDING, Voted): frozenset(
        {Status.PENDING, Status.APPROVED, Status.DECLINED, Status.EXPIRED}
    ),
    (Status.PENDING, Ticked): frozenset({Status.PENDING, Status.EXPIRED}),
    (Status.PENDING, Withdrawn): frozenset({Status.WITHDRAWN, Status.EXPIRED}),
    (Status.PENDING, Denied): frozenset({Status.DECLINED}),
    (Status.PENDING, Revised): frozenset({Status.PENDING, Status.EXPIRED}),
    (Status.APPROVED, Reported): frozenset({Status.APPROVED}),
    (Status.APPROVED, Lapsed): frozenset({Status.APPROVED}),
    (Status.DECLINED, Reported): frozenset({Status.DECLINED}),
}
"""From which status which event may lead where. What is not here changes nothing."""


def opened(case: Case) -> Step:
    """The first step of a case: ask everyone, and wake up when time matters."""
    return Step(case, (Post(), Wake(wake_at(case))), Said.DONE)


def transition(case: Case, event: Event, head: str | None = None) -> Step:
    """What `event` makes of `case`. Never raises; an event that may not happen changes nothing.

    `head`: the newest sealed chain head, for the receipt if this closes the case.
    """
    allowed = TABLE.get((case.status, type(event)))
    if allowed is None:
        return Step(case, (), Said.CLOSED)
    step = _expired(case, event, head) or _step(case, event, head)
    assert step.case.status in allowed, (case.status, event, step.case.status)  # noqa: S101 - the table is the law
    return step


def wake_at(case: Case) -> Instant:
    """When time next matters to a pending case: a reminder, the escalation, the deadline."""
    ask = case.ask
    times = [case.expires_at]
    times += [case.created_at + after for after in ask.remind[case.reminded :][:1]]
    if ask.escalate and not case.escalated:
        times.append(case.created_at + ask.escalate.after)
    return min(times)


def lapse_at(case: Case) -> Instant:
    """When an approved case that nobody reported on was never collected."""
    return (case.decided_at or 0) + case.ask.release_within + LATE


def _expired(case: Case, event: Event, head: str | None) -> Step | None:
    """Law 6. A refusal by a rule needs no time; a report comes after the verdict."""
    match event:
        case Voted(vote):
            at = vote.at
        case Ticked(at) | Withdrawn(at=at) | Revised(at=at):
            pass
        case Denied() | Reported() | Lapsed():
            return None
    if at < case.expires_at:
        return None
    said = Said.DONE if isinstance(event, Ticked) else Said.EXPIRED
    after = _closed(case, Status.EXPIRED, case.expires_at, head)
    return Step(after, (Redraw(), Forward()), said)


def _step(case: Case, event: Event, head: str | None) -> Step:
    match event:
        case Voted(vote):
            return _voted(case, vote, head)
        case Ticked(at):
            return _ticked(case, at)
        case Withdrawn(at, reason):
            after = _closed(case, Status.WITHDRAWN, at, head, reason=reason)
            return Step(after, (Redraw(), Forward()), Said.DONE)
        case Denied(at, reason):
            after = _closed(case, Status.DECLINED, at, head, reason=reason)
            return Step(after, (Redraw(), Forward()), Said.DONE)
        case Revised():
            return _revised(case, event)
        case Reported(outcome):
            if case.status is Status.DECLINED and outcome.delivered is not None:
                return Step(case, (), Said.CLOSED)  # of a refusal, only that it is not known
            if case.outcome is not None and case.outcome.delivered is not None:
                return Step(case, (), Said.REPEATED)
            after = replace(case, outcome=outcome, lapsed=False, version=case.version + 1)
            return Step(after, (Redraw(),), Said.DONE)
        case Lapsed(at):
            if case.lapsed or case.outcome is not None or at < lapse_at(case):
                return Step(case, (), Said.NOTHING)
            after = replace(case, lapsed=True, version=case.version + 1)
            return Step(after, (Redraw(),), Said.DONE)
        case _:
            assert_never(event)


def _voted(case: Case, vote: Vote, head: str | None) -> Step:
    if vote.revision != case.revision:
        return Step(case, (), Said.STALE)
    votes = (*case.votes, vote)
    if vote.choice is Choice.DECLINE:
        after = _closed(case, Status.DECLINED, vote.at, head, reason=vote.reason, votes=votes)
        return Step(after, (Redraw(), Forward()), Said.DONE)
    if any(earlier.person == vote.person for earlier in case.votes):
        return Step(case, (), Said.REPEATED)
    if filled(case.ask.quorum, votes):
        after = _closed(case, Status.APPROVED, vote.at, head, reason=vote.reason, votes=votes)
        return Step(after, (Redraw(), Forward()), Said.DONE)
    after = replace(case, votes=votes, version=case.version + 1)
    return Step(after, (Redraw(), Wake(wake_at(after))), Said.DONE)


def _ticked(case: Case, at: Instant) -> Step:
    effects: list[Effect] = []
    due, escalated = _due(case, at)
    if due > case.reminded:
        effects.append(Notify())
    if case.ask.escalate and escalated and not case.escalated:
        effects += [Post(case.ask.escalate.to), Redraw()]
    if not effects:
        return Step(case, (Wake(wake_at(case)),), Said.NOTHING)
    after = replace(case, reminded=due, escalated=escalated, version=case.version + 1)
    return Step(after, (*effects, Wake(wake_at(after))), Said.DONE)


def _revised(case: Case, event: Revised) -> Step:
    after = replace(
        event.to,
        revision=case.revision + 1,
        created_at=case.created_at,
        expires_at=min(case.expires_at, event.to.expires_at),
        version=case.version + 1,
    )
    # What was due before is not said again: the new cards are reminder enough.
    reminded, escalated = _due(after, event.at)
    after = replace(after, reminded=reminded, escalated=escalated)
    return Step(after, (Redraw(), Post(), Wake(wake_at(after))), Said.DONE)


def _due(case: Case, at: Instant) -> tuple[int, bool]:
    """How many reminders are due at this time, and whether others are called in."""
    late = case.ask.escalate
    reminders = sum(case.created_at + after <= at for after in case.ask.remind)
    return reminders, case.escalated or (late is not None and case.created_at + late.after <= at)


def _closed(case: Case, status: Status, at: Instant, head: str | None, **more: Any) -> Case:
    version = case.version + 1
    return replace(case, status=status, decided_at=at, head=head, version=version, **more)
