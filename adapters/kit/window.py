"""Platforms where we may write free text only for 24 hours after a person wrote to us."""

from __future__ import annotations

from typing import Final

from approvals.model import MINUTE, Duration, Instant
from approvals.port import Last

DAY: Final[Duration] = 24 * 60 * MINUTE - 5 * MINUTE
"""Minus the time that a message may take."""
REMEMBERED: Final = 10_000


class Window:
    """When people last wrote, by the store, and whose 24 hours the platform says are over."""

    def __init__(self) -> None:
        self._last: Last | None = None
        self._over: dict[str, Instant] = {}

    def recall(self, last: Last) -> None:
        """Gives it what the store knows. Before that every window is closed."""
        self._last = last

    async def since(self, account: str, now: Instant) -> Instant | None:
        """When they last wrote, if free text is still allowed; None: no longer, unknown, or the
        platform has refused it already."""
        last = await self._last(account) if self._last else 0
        return last if now - last < DAY and self._over.get(account) != last else None

    def over(self, account: str, since: Instant) -> None:
        """The platform refused free text that relied on the message of `since`."""
        remember(self._over, account, since)


def remember(known: dict[str, Instant], name: str, at: Instant) -> None:
    """Keep the latest, of the last ten thousand names."""
    known[name] = max(at, known.pop(name, 0))
    if len(known) > REMEMBERED:
        known.pop(next(iter(known)))
