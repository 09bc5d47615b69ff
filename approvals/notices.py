"""What a person is told after a tap or a decision: only what is committed. Pure."""

from __future__ import annotations

from typing import Final

from approvals import machine, policy
from approvals.channel import Notice, NoticeKind
from approvals.model import Case, Choice, Status

INVALID: Final = "This button is not valid here."
STALE: Final = "The request has changed since. Please look at it again."
TAMPERED: Final = "What is stored of this request was altered. Nobody can approve it."
ALTERED: Final = "This message is not the card that we sent. A fresh one is on its way."


def closed(case: Case) -> str:
    """What a late tap is told: only what is committed."""
    names = ", ".join(v.person for v in case.votes if v.choice is Choice.APPROVE)
    match case.status:
        case Status.APPROVED:
            return f"Already approved by {names}."
        case Status.DECLINED if case.votes:
            return f"Already declined by {case.votes[-1].person}."
        case Status.DECLINED:
            return case.reason or "Declined."
        case Status.EXPIRED:
            return "Expired. Nothing was run."
        case Status.WITHDRAWN:
            known = f"Withdrawn. {case.reason}" if case.reason else None
            return known or "Withdrawn by the requester. Nothing was run."
        case Status.PENDING:
            return "Still waiting for approval."


def notice_of(step: machine.Step, choice: Choice) -> Notice:
    """What the person is told who caused this step by a vote."""
    case = step.case
    match step.said:
        case machine.Said.DONE if case.open:
            missing = ", ".join(
                f"{n} more of {g}" for g, n in policy.needs(case.ask.quorum, case.votes)
            )
            return Notice(NoticeKind.COUNTED, f"Your approval counts. Still needed: {missing}.")
        case machine.Said.DONE:
            return Notice(
                NoticeKind.COUNTED, "Approved." if choice is Choice.APPROVE else "Declined."
            )
        case machine.Said.REPEATED:
            return Notice(NoticeKind.CLOSED, "You have approved this already.")
        case machine.Said.STALE:
            return Notice(NoticeKind.REFUSED, STALE)
        case _:
            return Notice(NoticeKind.CLOSED, closed(case))
