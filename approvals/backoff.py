"""How long to wait before the next try: said once, for all who try again."""

from __future__ import annotations

from collections.abc import Callable


def backoff(
    failures: int, *, first: float, longest: float, random: Callable[[int], bytes] | None
) -> float:
    """The pause after so many failures, in the unit of `first`: `first` after none, twice as long
    after each, up to `longest`.

    `random(n)`, n random bytes: up to half less or half as much again, so that those who failed
    together do not come back together. None: exactly so long.
    """
    wait = min(longest, first * 2.0 ** min(failures, 30))
    return wait if random is None else wait * (0.5 + int.from_bytes(random(2), "big") / 65536)
