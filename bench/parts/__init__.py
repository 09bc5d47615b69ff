"""The parts of the bench, by name. Each measures in rounds and lays its figures out as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from bench.peers import Bed
from bench.record import Sheet

Rounds = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a part is given: the peers that are wanted, how much to do, and where."""

    bed: Bed
    console: Console
    peers: tuple[str, ...]
    sizes: Mapping[str, int]

    @property
    def cards(self) -> int:
        """How many open cases with cards most parts start with: the same, so made only once."""
        return max(self.sizes["warm"] + self.sizes["taps"], self.sizes["verdicts"])

    def ours(self) -> tuple[str, ...]:
        """The peers that are Countersign."""
        return tuple(name for name in self.peers if name.startswith("countersign"))


@dataclass(frozen=True, slots=True)
class Part:
    """`measure` yields one dictionary for each round and peer; `by` are those of its names that say
    what was measured, the others are numbers. `bad` counts what was lost or refused: no figure
    stands then. `sheet` lays out a stored record."""

    says: str
    measure: Callable[[Setting], Rounds]
    by: tuple[str, ...]
    sheet: Callable[[Mapping[str, Any]], Sheet]


def number(value: float | None, digits: int = 0) -> str:
    """As it stands in a table."""
    return "" if value is None else f"{value:,.{digits}f}"


def turn_about(names: Sequence[Any], round_: int) -> list[Any]:
    """In each round the other way round, so that nobody is always first."""
    return list(names) if round_ % 2 == 0 else list(reversed(names))
