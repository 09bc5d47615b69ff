"""Rate limits: a bucket of tokens for each caller, in memory of this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from approvals.model import Instant
from approvals.web.problems import Problem

KEPT: Final = 10_000
"""Callers remembered; the ones not seen for longest are forgotten first."""


class Limit:
    """`burst` at once, and `per_second` more as time goes on, for each key.

    `steady`: a clock that nobody sets. By one that is set back, nothing would come for as long.
    """

    def __init__(self, steady: Callable[[], Instant], *, burst: float, per_second: float) -> None:
        self._steady = steady
        self._burst = burst
        self._rate = per_second / 1000
        self._left: OrderedDict[str, tuple[float, Instant]] = OrderedDict()

    def take(self, key: str | None) -> None:
        """Count one; raises a 429 problem that says when to come again."""
        self.check(key)
        self.count(key)

    def check(self, key: str | None) -> None:
        """Raise the 429 if nothing is left, without counting."""
        if self._left and (left := self._now(key or "")) < 1:
            wait = max(1, round((1 - left) / self._rate / 1000))
            headers = {"Retry-After": str(wait)}
            raise Problem(429, "too_many_requests", f"Try again in {wait} s.", headers=headers)

    def count(self, key: str | None) -> None:
        """One less is left."""
        key = key or ""
        self._left[key] = (self._now(key) - 1, self._steady())
        self._left.move_to_end(key)
        if len(self._left) > KEPT:
            self._left.popitem(last=False)

    def _now(self, key: str) -> float:
        left, since = self._left.get(key, (self._burst, 0))
        return min(self._burst, left + (self._steady() - since) * self._rate)
