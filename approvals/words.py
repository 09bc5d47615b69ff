"""The words of every state, once: cards, pages, lists, notices, mails, terminal and API use these.

Pure: no clock, no I/O. What is committed is all that is said (law 3), and no word here is the
agent's (law 11): a reason or an error that somebody else wrote goes through `Voice.quote` first.

    label      "Approved"                              a badge, a filter, a column
    state      "Approved by Dana Lee. Delivered: 201." one or two sentences; the whole truth
    progress   "Needs two people from finance: Dana Lee approved, one more."    while it is open
    own        "You approved this. It waits for others."     what the reader did, if anything
    outcome    "Delivered: 201"                        what came of the verdict

A place chooses how much it may say by a `Voice`, never its own wording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from approvals.model import (
    MINUTE,
    Case,
    Choice,
    Duration,
    Instant,
    Outcome,
    Status,
    Vote,
)
from approvals.text import clean

NOTHING_RUN: Final = "Nothing was run."
GOES_ON: Final = "The request will continue in a moment."
"""Of what was approved just now."""
REPEATED: Final = "You have approved this already."
NEVER_COLLECTED: Final = "but never collected. Nothing was run."
NOT_REPORTED: Final = "Not reported yet"
EVERYONE: Final = "default"
"""The group that always exists (`policy.DEFAULT`): naming it tells a reader nothing."""
NAME: Final = 64
"""Characters of a person's or group's name; longer ones are cut off."""
REPORT: Final[Duration] = 5 * MINUTE
"""How long after its end a receipt may still be in use: what was released at the last moment may
take the upstream this long, and only then does the gateway report. Until then nobody knows."""
DECIDED: Final = {Choice.APPROVE: "Approved.", Choice.DECLINE: "Declined."}
"""To whoever gave the last vote: their card says the same a moment later."""
_NUMBERS: Final = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip
_LABELS: Final = {
    Status.PENDING: "Waiting for approval",
    Status.APPROVED: "Approved",
    Status.DECLINED: "Declined",
    Status.EXPIRED: "Expired",
    Status.WITHDRAWN: "Withdrawn",
}


def _short(name: str) -> str:
    shown = clean(name)
    return shown if len(shown) <= NAME else f"{shown[: NAME - 1]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How one place speaks.

    `names`: display names by a person's id; an id without one stands for itself. `people` False:
    nobody is named (to a requester, on a stub). `reader`: the person who reads, where it is one
    person and an approver; None in a room, and for those who may only look. `quote` makes words
    that somebody else wrote fit to be shown: cleaned, redacted, cut. None: they are left out (a
    lock screen, a stub, the answer to a tap). `short` does that with names of people and groups.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    people: bool = True
    reader: str | None = None
    quote: Callable[[str], str] | None = clean
    short: Callable[[str], str] = _short

    def name(self, person: str) -> str:
        """What a person is called here."""
        return self.short(self.names.get(person, person))


PLAIN: Final = Voice()


def channel(name: str) -> str:
    """A channel, as a person reads it."""
    return " ".join(word.capitalize() for word in name.split("_"))


def label(case: Case) -> str:
    """The state in one to three words. It never says more than `state` does."""
    return _LABELS[case.status]


def state(case: Case, voice: Voice = PLAIN, *, now: Instant | None = None) -> str:
    """The state in a sentence or two, without what is still missing (`progress`).

    `now`: what time it is, so that an approval that nobody can use any more is not told as one that
    was; None where the place cannot say it again later (it would go stale).
    """
    match case.status:
        case Status.PENDING:
            return label(case)
        case Status.APPROVED:
            by = _by("Approved", _of(case, Choice.APPROVE), voice)
            if lapsed(case, now):
                return f"{by}, {NEVER_COLLECTED}"
            return _sentences(by, _told(case, voice))
        case Status.DECLINED:
            by = _by("Declined", _of(case, Choice.DECLINE), voice)
            why = voice.quote(case.reason) if case.reason and voice.quote else ""
            return _sentences(f"{by}: {why}" if why else by, _told(case, voice))
        case Status.EXPIRED:
            return f"{label(case)}. {NOTHING_RUN}"
        case Status.WITHDRAWN:
            # A reason says what is known, which may be less than that nothing was run.
            known = voice.quote(case.reason) if case.reason and voice.quote else ""
            if case.reason and not known:
                return f"{label(case)}."
            return f"{label(case)}. {known or NOTHING_RUN}"


def progress(case: Case, needs: Sequence[tuple[str, int]], voice: Voice = PLAIN) -> str:
    """Who still has to approve, for a reader who knows of no groups; "" once it is closed.

    `needs`: the seats that are empty, by group (`policy.needs`).
    """
    if not case.open:
        return ""
    votes = _of(case, Choice.APPROVE)
    seats = sum(count for _, count in case.ask.quorum)
    if seats == 1 and not votes and voice.reader is not None:
        return "You can approve this alone."
    whole = f"Needs {_seats(case.ask.quorum, voice)}"
    if not votes:
        return f"{whole}."
    return f"{whole}: {_approved(votes, voice)}, {_more(needs, len(case.ask.quorum) > 1, voice)}."


def own(case: Case, voice: Voice) -> str | None:
    """What the reader did on what is asked now; None: nothing."""
    for vote in case.votes:
        if vote.person == voice.reader and vote.revision == case.revision:
            if vote.choice is Choice.DECLINE:
                return "You declined this."
            return "You approved this. It waits for others." if case.open else "You approved this."
    return None


def counted(case: Case, choice: Choice, needs: Sequence[tuple[str, int]], voice: Voice) -> str:
    """What somebody is told whose vote was just committed. `case`: as it is after it."""
    if case.open:
        return f"Your approval counts. {progress(case, needs, voice)}"
    return DECIDED[choice]


def declining(ready: str | None, own: str | None) -> str | None:
    """Why, for the agent: a ready reason as the rule words it, the person's own words, or both."""
    return ": ".join(part for part in (ready, own) if part) or None


def outcome(case: Case, voice: Voice = PLAIN, *, now: Instant | None = None) -> str | None:
    """What came of the verdict, for a row of its own; None where nothing can come of it."""
    if case.outcome is not None:
        return _told(case, voice)
    if case.status is not Status.APPROVED:
        return None
    return f"Never collected. {NOTHING_RUN}" if lapsed(case, now) else NOT_REPORTED


def tense(status: Status, told: Outcome | None, *, lapsed: bool) -> str:
    """The verb for what is asked: it "will be", "was", "may have been" or "would have been" (sent,
    done). `told`: what came of the verdict. `lapsed`: nobody can use it any more."""
    if status is Status.APPROVED and told is not None:
        return {True: "was", False: "would have been", None: "may have been"}[told.delivered]
    if status is Status.PENDING or (status is Status.APPROVED and not lapsed):
        return "will be"
    return "would have been"


def over_the_bytes(tense: str, *, http: bool, summary: bool) -> str:
    """The heading of what is bound: "Exactly what will be sent", "What would have been done"."""
    exactly = tense in ("will be", "was") and not summary
    said = f"{'Exactly what' if exactly else 'What'} {tense} {'sent' if http else 'done'}"
    return f"{said}, as the gateway sums it up" if summary else said


def lapsed(case: Case, now: Instant | None) -> bool:
    """Was it approved and can nobody use that any more, and did nobody say that they had?

    A committed lapse says so at once; without one (an agent's own request) time says it later.
    """
    if case.lapsed:
        return True
    if now is None or case.status is not Status.APPROVED or case.outcome is not None:
        return False
    return now >= (case.decided_at or 0) + case.ask.release_within + REPORT


def delivery(outcome: Outcome, error: str | None) -> str:
    """What became of the verdict. `error`: the gateway's words, as they may be shown."""
    if outcome.delivered is not None:
        detail = ", ".join(str(part) for part in (outcome.status, error) if part is not None)
        told = "Delivered" if outcome.delivered else "Not delivered"
        return f"{told}: {detail}" if detail else told
    if error and outcome.status is not None:  # it was taken: the gateway's words are all there is
        return error[:1].upper() + error[1:]
    if error and error.startswith("unknown"):
        return f"Delivery {error}"
    return f"Delivery unknown: {error}" if error else "Delivery unknown"


def number(count: int) -> str:
    """A small number as a word."""
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else str(count)


def listed(names: Sequence[str]) -> str:
    """ "Dana", "Dana and Lee", "Dana, Lee and Kim"."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _of(case: Case, choice: Choice) -> tuple[Vote, ...]:
    return tuple(v for v in case.votes if v.choice is choice and v.revision == case.revision)


def _by(verb: str, votes: Sequence[Vote], voice: Voice) -> str:
    if not votes or not voice.people:
        return verb
    return f"{verb} by {listed([voice.name(vote.person) for vote in votes])}"


def _told(case: Case, voice: Voice) -> str:
    if case.outcome is None:
        return ""
    error = case.outcome.error
    return delivery(case.outcome, voice.quote(error) if error and voice.quote else None)


def _sentences(first: str, second: str) -> str:
    return f"{first}. {second}" if second else first


def _seats(quorum: Sequence[tuple[str, int]], voice: Voice) -> str:
    parts = []
    for at, (group, count) in enumerate(quorum):
        noun = (" person" if count == 1 else " people") if at == 0 else ""
        whose = "" if group == EVERYONE and len(quorum) == 1 else f" from {voice.short(group)}"
        parts.append(f"{number(count)}{noun}{whose}")
    return listed(parts)


def _approved(votes: Sequence[Vote], voice: Voice) -> str:
    if not voice.people:
        return f"{number(len(votes))} approved"
    # The reader first, as "you": it is the one thing they need not look up.
    others = [voice.name(vote.person) for vote in votes if vote.person != voice.reader]
    you = ["you"] if len(others) < len(votes) else []
    return f"{listed([*you, *others])} approved"


def _more(needs: Sequence[tuple[str, int]], several: bool, voice: Voice) -> str:
    if not several:
        return f"{number(sum(count for _, count in needs))} more"
    return listed([f"{number(count)} more from {voice.short(group)}" for group, count in needs])
