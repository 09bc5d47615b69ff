"""How the work of a reader grows with its input."""

import time
from collections.abc import Callable
from typing import Any

SMALL, LARGE = 20_000, 160_000


def linear(make: Callable[[int], Any], work: Callable[[Any], object]) -> None:
    """Eight times the input may take at most some twenty times as long; a square takes 64 times.

    Below a few milliseconds nothing is said: the clock is too coarse, and nobody waits.
    """
    small, large = make(SMALL), make(LARGE)
    before = min(_took(work, small) for _ in range(3))
    after = min(_took(work, large) for _ in range(3))
    assert after < 0.02 or after < 24 * before + 0.01, (before, after)


def _took(work: Callable[[Any], object], value: Any) -> float:
    began = time.process_time()
    work(value)
    return time.process_time() - began
