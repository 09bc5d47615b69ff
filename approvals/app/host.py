"""This machine's clock and randomness: the only ones there are, handed to all who need them; and
what a process does that only serves."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from approvals.model import Instant


def clock() -> Instant:
    """Now, by this machine's clock."""
    return time.time_ns() // 1_000_000


def steady() -> Instant:
    """Milliseconds since some moment, by a clock that nobody sets: for limits and pauses."""
    return time.monotonic_ns() // 1_000_000


random: Final[Callable[[int], bytes]] = os.urandom
"""So many bytes from the operating system's generator."""


WHOLE: Final = 100
"""After so many looks at what is young the collector looks at everything. 10, as Python has it, was
every thousand taps; with 5,000 clients waiting such a look takes 0.2 s (docs/performance.md)."""


@contextmanager
def settled() -> Iterator[None]:
    """For a process that is one of our servers and nothing else, once it has started.

    Modules, routes and statements stay as long as it does. The collector looks through all that may
    have become garbage, which took a quarter of a second on a busy machine, and nobody was answered
    meanwhile; so it is told what has not (https://docs.python.org/3/library/gc.html#gc.freeze).
    What clients that wait hold has not either, but it ends with them: it is looked through seldom.
    """
    young, middle, whole = gc.get_threshold()
    gc.set_threshold(young, middle, max(whole, WHOLE))
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(young, middle, whole)
