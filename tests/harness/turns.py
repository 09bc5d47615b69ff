"""How much an event loop does at a stretch: counted, so that a busy machine changes nothing."""

import sys
from asyncio.base_events import BaseEventLoop
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_TURN: Final = BaseEventLoop._run_once.__code__  # type: ignore[attr-defined] # not public


class Turns:
    """The calls of functions, of Python's and of C's, in the turns of this thread's event loop.

    What one call of C does is not seen: that reading grows by no more than its input is for the
    tests with `tests.reading.work`, and how long it takes for the benchmark.
    """

    def __init__(self) -> None:
        self.longest = 0
        self._calls = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is _TURN:
            self._calls = 0
        elif event in ("call", "c_call"):
            self._calls += 1
            self.longest = max(self.longest, self._calls)


@contextmanager
def counted() -> Iterator[Turns]:
    """`longest` is the most calls that one turn of the loop made inside the block."""
    turns = Turns()
    sys.setprofile(turns)
    try:
        yield turns
    finally:
        sys.setprofile(None)
