"""When each platform may be asked again: what it said, and whether it answers at all.

Laws: a limit of one conversation stops that conversation; a platform that does not answer is asked
by one call at a time, further and further apart, however much waits for it; one call that it takes
ends that. In memory of this process: a copy that starts learns it anew, by two calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from approvals.backoff import backoff
from approvals.model import SECOND, Busy, Duration, Instant, Scope

LONGEST: Final[Duration] = 20 * SECOND
"""Between two calls to a platform that is down, half as much again with jitter: one that is back is
noticed within half a minute."""
HUNG: Final[Duration] = 5 * SECOND
"""A call that fails after so long says by itself that the platform is down; else two in a row."""
WIDE: Final = 8
"""So many conversations that wait at once are a limit of the platform, whatever it says."""
REPORTED: Final[Duration] = 5 * SECOND
"""For how long a platform has been down before people are warned."""


@dataclass(slots=True)
class Outage:
    """Calls that failed in a row. `since`: when the first of them began; `why`: the last one's
    reason; `about`: the conversations; `declared`: it is known that the platform is down."""

    since: Instant
    began: Instant
    why: str
    about: set[str | None] = field(default_factory=set)
    failures: int = 0
    declared: bool = False


@dataclass(slots=True)
class Lanes:
    """`clock` tells the time; `steady` counts durations; `random(n)` n random bytes."""

    clock: Callable[[], Instant]
    steady: Callable[[], Instant]
    random: Callable[[int], bytes]
    outages: dict[str, Outage] = field(default_factory=dict)
    _until: dict[tuple[str, str | None], Instant] = field(default_factory=dict)
    _alone: dict[tuple[str, str], int] = field(default_factory=dict)
    _taken: dict[str, tuple[Instant, str | None]] = field(default_factory=dict)

    def pause(self, lane: str, conversation: str | None = None) -> Duration:
        """For how long this lane, or this conversation of it, is still to be left alone."""
        ends = (self._until.get((lane, part), 0) for part in (None, conversation))
        return max(0, max(ends) - self.steady())

    def failed(
        self, lane: str, error: Busy, *, began: Instant, conversation: str | None = None
    ) -> Outage | None:
        """A call that began then (by `steady`) failed. The outage, if it is declared by this."""
        now = self.steady()
        narrow = error.scope is Scope.CONVERSATION and self._waiting(lane) < WIDE
        if narrow and conversation is not None:
            self._wait(lane, conversation, now + (error.retry_after or SECOND))
            self.outages.pop(lane, None)  # it answers, and would take other conversations' calls
            return None
        alone = (lane, conversation or "")
        taken, other = self._taken.get(lane, (-1, None))
        if conversation is not None and taken >= began and other != conversation:
            self._alone.setdefault(alone, 0)  # the platform took another call meanwhile
        if alone in self._alone and not error.retry_after:
            self._alone[alone] += 1
            self._wait(lane, conversation, now + self._backoff(self._alone[alone]))
            return None
        if error.retry_after:
            self._wait(lane, None, now + error.retry_after)
        known = self.outages.get(lane)
        if known is not None and began < known.began:
            return None  # it was under way when that was known: one failure, not several
        outage = known or Outage(self.clock() - (now - began), now, "")
        self.outages[lane] = outage
        outage.failures, outage.why, outage.began = outage.failures + 1, str(error), now
        outage.about.add(conversation)
        if outage.failures < 2 and now - began < HUNG:
            return None
        self._wait(lane, None, now + self._backoff(outage.failures - 1))
        first, outage.declared = not outage.declared, True
        return outage if first else None

    def answered(self, lane: str, conversation: str | None = None) -> Outage | None:
        """A call was taken, or refused in the platform's own words. The declared outage that ends
        with it. Conversations that failed meanwhile may fail alone: they stop no other again until
        they are well."""
        self._alone.pop((lane, conversation or ""), None)
        if conversation is not None:  # who can be looked up may still get no message
            self._taken[lane] = (self.steady(), conversation)
        ended = self.outages.pop(lane, None)
        for other in ended.about - {conversation, None} if ended is not None else ():
            self._alone[lane, other or ""] = 0
        return ended if ended is not None and ended.declared else None

    def late(self, lane: str) -> Duration:
        """For how long this platform has been down; 0: it is not, as far as is known."""
        outage = self.outages.get(lane)
        return max(0, self.clock() - outage.since) if outage is not None else 0

    def warnings(self) -> list[str]:
        """Each platform that is down, in a sentence."""
        return [
            f"{lane!r} has been failing for {late // SECOND} s: {outage.why}. What is for it waits."
            for lane, outage in sorted(self.outages.items())
            if outage.declared and (late := self.late(lane)) >= REPORTED
        ]

    def _backoff(self, failures: int) -> Duration:
        return int(backoff(failures, first=SECOND, longest=LONGEST, random=self.random))

    def _wait(self, lane: str, conversation: str | None, until: Instant) -> None:
        key = (lane, conversation)
        self._until[key] = max(until, self._until.get(key, 0))

    def _waiting(self, lane: str) -> int:
        """Conversations of this lane that wait now. What is over is forgotten."""
        now = self.steady()
        for key in [key for key, until in self._until.items() if until <= now]:
            del self._until[key]
        return sum(one == lane and part is not None for one, part in self._until)
