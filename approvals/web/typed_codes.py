"""Declining by a few typed characters: `decline a1b2c3d4`, the digest at the foot of a card.

1. A typed code declines and never approves: everybody who can read a card knows it, the agent too.
2. It counts only from an account that the platform vouches for, of a person who may decline.
3. Every refusal has the same answer, and an account has few tries.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from approvals import audit, policy
from approvals.evidence import Entry
from approvals.model import Case, Choice, Instant, Person, Status
from approvals.port import Notice, NoticeKind, Reply
from approvals.service import COUNTED_ALREADY
from approvals.web.deps import Deps, audiences

DEAD: Final = Notice(
    NoticeKind.REFUSED,
    "No request that waits for you has this code. It is the digest at the foot of its card.",
)
"""The one answer to every code that declines nothing."""
SEVERAL: Final = Notice(
    NoticeKind.REFUSED, "More than one request has this code. Decline on the card or in the inbox."
)
MOST: Final = 500
"""Open requests of one person that are looked through."""
LONGEST: Final = 600
"""Characters of a message that may hold a code: anybody can write to us."""
_TYPED: Final = policy.Tap(tier=None)
_SAID: Final = re.compile(r"decline\s+([0-9a-f]{8})((?:[\s:,.].*)?)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Typed:
    """`code`: eight hex characters. `reason`: what stood behind it."""

    code: str
    reason: str | None


def decline_in(text: str) -> Typed | None:
    """The code that a person typed to decline; None: the message has none."""
    if len(text) > LONGEST or (said := _SAID.fullmatch(text.strip())) is None:
        return None
    return Typed(said[1].lower(), said[2].lstrip(":,. \t\r\n") or None)


async def decline(deps: Deps, person: Person, typed: Typed, reply: Reply) -> Notice | None:
    """Decline the request that has this code; None: there is none that they may decline."""
    theirs = await deps.store.page(status=Status.PENDING, audiences=audiences(person), limit=MOST)
    match [case for case in theirs if _meant(case, person, typed)]:
        case []:
            # Delivered again, most likely after an answer that came too late: no failed try.
            if reply.event and await deps.store.saw(reply.channel, reply.event):
                return COUNTED_ALREADY.notice
            return None
        case [case]:
            answer = await deps.service.decide(
                person, case.id, Choice.DECLINE, case.digest, typed.reason,
                way=_TYPED, channel=reply.channel, event=reply.event,
            )  # fmt: skip
            return answer.notice
        case _:
            return SEVERAL


def refused(reply: Reply, now: Instant, random: Callable[[int], bytes]) -> Entry:
    """For the chain: an account typed a code that declines nothing. Not the code."""
    said = {"who": reply.account, "channel": reply.channel, "why": reply.stranger or "typed code"}
    return audit.entry(audit.Kind.REFUSED, now, random, None, **said)


def _meant(case: Case, person: Person, typed: Typed) -> bool:
    may = policy.may(person, case, Choice.DECLINE, _TYPED)
    named = case.digest.rpartition(":")[2].startswith(typed.code)
    return named and isinstance(may, policy.Seats)
