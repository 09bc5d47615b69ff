"""Platforms where we may write freely only for 24 hours after somebody wrote to us."""

from __future__ import annotations

from typing import Final

from approvals.model import MINUTE, Duration, Instant
from approvals.port import Last

DAY: Final[Duration] = 24 * 60 * MINUTE - 5 * MINUTE
"""Less what a message may be under way."""
REMEMBERED: Final = 10_000


class Window:
    """Who wrote when, as the store says, and for whom the platform said that it is over."""

    def __init__(self) -> None:
        self._last: Last | None = None
        self._over: dict[str, Instant] = {}

    def recall(self, last: Last) -> None:
        """Whom to ask. Until then every window is closed."""
        self._last = last

    async def since(self, account: str, now: Instant) -> Instant | None:
        """When they last wrote, if we may still answer that freely; None: not any more, or it is
        not known, or the platform has said no already."""
        last = await self._last(account) if self._last else 0
        return last if now - last < DAY and self._over.get(account) != last else None

    def over(self, account: str, since: Instant) -> None:
        """The platform refused what would have answered their words of then."""
        remember(self._over, account, since)


def remember(known: dict[str, Instant], name: str, at: Instant) -> None:
    """Keep the latest, of the last ten thousand names."""
    known[name] = max(at, known.pop(name, 0))
    if len(known) > REMEMBERED:
        known.pop(next(iter(known)))
