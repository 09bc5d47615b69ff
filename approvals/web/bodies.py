"""Reading bodies of unproven origin: a time limit for each, and a memory limit for all together.

When the memory is full, the oldest body is dropped: genuine deliveries arrive within a moment, so
the longest in arriving is the one that was never meant to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from approvals.web.problems import Problem

HELD: Final = 32 * 1024 * 1024
"""Bytes held for all deliveries that have not arrived whole; one has 1 MiB at most."""
SECONDS: Final = 10.0
"""For a body of a few kilobytes; platforms give us three seconds for all of it."""
LARGE_SECONDS: Final = 60.0
"""For a body of a caller whose key is known: 14 MB at 2 Mbit/s."""


class Bodies:
    """Reads bodies that prove nothing. `most` bytes are held at once, each for `seconds`."""

    def __init__(self, *, most: int = HELD, seconds: float = SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._held: dict[asyncio.Timeout, int] = {}
        self._total = 0

    async def read(self, request: web.Request, limit: int) -> bytes:
        """All of it. Raises the 408 or 413 that says why not."""
        pieces, size = list[bytes](), 0
        async with _arriving(self._seconds) as patience:
            try:
                while piece := await request.content.readany():
                    size += len(piece)
                    if size > limit:
                        raise web.HTTPRequestEntityTooLarge(limit, size)
                    pieces.append(piece)
                    self._held[patience] = size
                    self._total += len(piece)
                    self._give_way()
            finally:
                self._total -= self._held.pop(patience, 0)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _give_way(self) -> None:
        while self._total > self._most:
            oldest = next(iter(self._held))
            self._total -= self._held.pop(oldest)
            oldest.reschedule(0)


async def timely(request: web.Request, seconds: float = SECONDS) -> bytes:
    """The body, up to the application's limit. Raises the 408 that says that it took too long."""
    async with _arriving(seconds):
        return await request.read()


@asynccontextmanager
async def _arriving(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    try:
        async with asyncio.timeout(seconds) as patience:
            yield patience
    except TimeoutError:
        detail = f"The body did not arrive within {seconds:g} s, or others needed the room sooner."
        raise Problem(408, "body_too_slow", detail, headers={"Connection": "close"}) from None
    except (ConnectionError, web.RequestPayloadError):  # nothing of ours, and nobody hears this
        raise Problem(400, "body_cut_off", "The body ended before it was whole.") from None
