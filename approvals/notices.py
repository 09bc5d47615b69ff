"""What a person is told after a tap or a decision: only what is committed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from approvals import machine, policy, words
from approvals.model import Choice
from approvals.port import Notice, NoticeKind
from approvals.text import clean

INVALID: Final = "This button is not valid here."
NEWER: Final = "There is a newer card about this, or it comes in a moment. Decide there."
"""To who presses a button of a message that we sent and then lost sight of."""
EARLY: Final = (
    "Your tap wasn't counted: this card was still being sent. "
    "Press again, or on the card that replaces it."
)
"""To who was faster than the platform's answer to the post of this card. If that answer never comes
the card is posted anew, and this one counts nothing; nobody can tell which it will be."""
UNOFFERED: Final = "This card has no button for that. Decide on the review page."
"""To who reacts to a card that offers no such choice."""
STALE: Final = "The request has changed since. Please look at it again."
TAMPERED: Final = "What is stored of this request was altered. Nobody can approve it."
ALTERED: Final = (
    "This message isn't the card we sent, so your tap wasn't counted. "
    "Decide on the review page, or on the card that replaces it."
)
WHY: Final = "Why do you decline?"
OVER: Final = "This request is closed, so your tap wasn't counted."
UNTRUSTED: Final = (
    "This message isn't the card we sent, so your tap wasn't counted. Decide on the review page."
)


def notice_of(step: machine.Step, choice: Choice, person: str, names: Mapping[str, str]) -> Notice:
    """What the person is told who caused this step by a vote. `names`: people's, by id."""
    case, voice = step.case, words.Voice(names=names, reader=person)
    match step.said:
        case machine.Said.DONE:
            needs = policy.needs(case.ask.quorum, case.votes)
            return Notice(NoticeKind.COUNTED, words.counted(case, choice, needs, voice))
        case machine.Said.REPEATED:
            return Notice(NoticeKind.CLOSED, words.REPEATED)
        case machine.Said.STALE:
            return Notice(NoticeKind.REFUSED, STALE)
        case _:
            # Short: one platform shows 200 characters. The reason stands on the card and the page.
            late = words.Voice(names=names, quote=None if case.votes else clean)
            return Notice(NoticeKind.CLOSED, words.state(case, late))
