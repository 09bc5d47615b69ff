"""This machine: its clock, its randomness and its free ports; and the settings of Python's garbage
collector in a process that only serves."""

from __future__ import annotations

import gc
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from approvals.app.exits import Exit, Stop
from approvals.model import Instant


def clock() -> Instant:
    """Now, by this machine's clock."""
    return time.time_ns() // 1_000_000


def steady() -> Instant:
    """Milliseconds since some moment, by a clock that nobody sets: for limits and pauses."""
    return time.monotonic_ns() // 1_000_000


random: Final[Callable[[int], bytes]] = os.urandom
"""So many bytes from the operating system's generator."""


def free_port(wanted: int) -> int:
    """That port of loopback or one of the next hundred; 0: any. Raises `Stop`: none is free."""
    for port in range(wanted, min(wanted + 100, 65_536) if wanted else 1):
        try:
            with socket.create_server(("127.0.0.1", port)) as probe:
                return int(probe.getsockname()[1])
        except OSError:
            continue
    raise Stop(Exit.FAILED, f"No port from {wanted} on is free.", "--port names another.")


WHOLE: Final = 100
"""Collections of the middle generation for each full one. With Python's own 10 there was a full one
every thousand taps; with 5,000 clients waiting it takes 0.2 s (docs/performance.md)."""


@contextmanager
def settled() -> Iterator[None]:
    """For a process that is one of our servers and nothing else, once it has started.

    Modules, routes and statements live as long as the process. A full collection looks at all of
    them, which took a quarter of a second on a busy machine, and nobody was answered meanwhile; so
    they are frozen (https://docs.python.org/3/library/gc.html#gc.freeze). The objects of waiting
    clients end with these clients: full collections, which look at them, become rare.
    """
    young, middle, whole = gc.get_threshold()
    gc.set_threshold(young, middle, max(whole, WHOLE))
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(young, middle, whole)
