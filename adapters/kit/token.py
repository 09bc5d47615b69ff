"""An access token for a platform, fetched when needed and kept until it expires."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Token(Generic[T]):
    """`ask` fetches a new token and the number of seconds that it is valid. Only one call fetches
    at a time."""

    def __init__(self, ask: Callable[[], Awaitable[tuple[T, float]]]) -> None:
        self._ask, self._one = ask, asyncio.Lock()
        self._kept: tuple[T, float] | None = None

    async def get(self) -> T:
        """The kept token, or a new one. Raises what `ask` raises."""
        async with self._one:
            if self._kept is None or time.monotonic() >= self._kept[1]:
                value, serves = await self._ask()
                self._kept = (value, time.monotonic() + serves)
            return self._kept[0]

    def forget(self, value: T | None = None) -> None:
        """Fetch a new one next time. `value`: only if this one is still kept."""
        if self._kept and value in (None, self._kept[0]):
            self._kept = None
