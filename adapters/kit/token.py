"""An access token for a platform. It is asked for when it is needed, and kept until it expires."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Token:
    """`ask` gets a new token, and says for how many seconds it is good. Only one call asks at a
    time."""

    def __init__(self, ask: Callable[[], Awaitable[tuple[str, float]]]) -> None:
        self._ask, self._one = ask, asyncio.Lock()
        self._kept: tuple[str, float] = ("", 0.0)

    async def get(self) -> str:
        """The one that is kept, or a new one. Raises what `ask` raises."""
        async with self._one:
            value, until = self._kept
            if time.monotonic() >= until:
                value, serves = await self._ask()
                self._kept = (value, time.monotonic() + serves)
        return value

    def forget(self, value: str | None = None) -> None:
        """Ask for a new one next time. `value`: if this one is still kept."""
        if value in (None, self._kept[0]):
            self._kept = ("", 0.0)
