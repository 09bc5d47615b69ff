"""Where the processor's time goes, by room, seen from within.

The kernel interrupts the process after every so many milliseconds of processor time (not of the
clock), whichever thread used them; the handler runs in the main thread and notes where that is.
While it waits for the network it uses none itself, so what is noted there belongs to the other
threads: those of SQLite. No instrument slows down a call, and C is seen as the line that called it.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

EVERY: Final = 0.002
"""Seconds of processor time. The kernel rounds this up to its own tick, 4 ms on most."""
ROOT: Final = str(Path(__file__).resolve().parent.parent) + "/"
WAITING: Final = "selectors.py"
"""Where an event loop is when it has nothing to do."""
LIBRARIES: Final = ("aiohttp", "asyncpg", "asyncio", "structlog", "prometheus_client")


class Sampler:
    """Counts until `stop`, then writes JSON {place: samples}. Without a file it does nothing."""

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._seen: Counter[str] = Counter()

    def start(self) -> None:
        if self._file:
            signal.signal(signal.SIGPROF, self._look)
            signal.siginterrupt(signal.SIGPROF, False)
            signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)

    def stop(self) -> None:
        if self._file:
            signal.setitimer(signal.ITIMER_PROF, 0)
            Path(self._file).write_text(json.dumps(dict(self._seen)))

    def _look(self, number: int, frame: FrameType | None) -> None:
        self._seen[place(frame)] += 1


def place(frame: FrameType | None) -> str:
    """The innermost room or library that a frame is in: the standard library works for others."""
    if frame is not None and frame.f_code.co_filename.endswith(WAITING):
        return "threads"
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(ROOT) and "/site-packages/" not in path:
            return path.removeprefix(ROOT).removesuffix(".py").removesuffix("/__init__")
        for library in LIBRARIES:
            if f"/{library}/" in path:
                return library
        frame = frame.f_back
    return "other"
