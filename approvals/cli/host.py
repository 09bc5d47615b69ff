"""This machine's clock and randomness: the only ones there are, handed to all who need them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
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
