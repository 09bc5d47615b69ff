"""Rate limits: a bucket of tokens for each caller, in memory of this process."""

from __future__ import annotations

from collections.abc import Callable

from approvals.budgets import Bucket, Spent
from approvals.model import SECOND, Duration, Instant
from approvals.web.problems import Problem


class Limit:
    """`burst` at once, and `per_second` more as time goes on, for each key."""

    def __init__(self, steady: Callable[[], Instant], *, burst: float, per_second: float) -> None:
        self._bucket = Bucket(steady, burst=burst, period=round(burst / per_second * SECOND))

    def take(self, key: str | None) -> None:
        """Count one; raises a 429 problem that says when to try again."""
        self.check(key)
        self.count(key)

    def check(self, key: str | None) -> None:
        """Raise the 429 if nothing is left, without counting."""
        if wait := self._bucket.wait(key or ""):
            raise slower("", wait)

    def count(self, key: str | None) -> None:
        """One less is left."""
        self._bucket.count(key or "")


def slower(why: str, wait: Duration) -> Problem:
    """429, with when to try again in the text and in the header."""
    seconds = max(1, round(wait / SECOND))
    detail = " ".join(filter(None, (why, f"Try again in {seconds} s.")))
    return Problem(429, "too_many_requests", detail, headers={"Retry-After": str(seconds)})


def spent(error: Spent) -> Problem:
    """The same for an agent's own budget."""
    return slower(f"{error.why[:1].upper()}{error.why[1:]}", error.wait)
