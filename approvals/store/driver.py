"""What the store asks of a database, and the words of SQL that both drivers share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar, Final, Protocol, TypeVar

from approvals.store.rows import BUTTON, CARD, CASE
from approvals.store.statements import Script
from approvals.store.tables import buttons, cards, cases, seen
from approvals.store.values import Change, Heard, Press, Result, Taps

T = TypeVar("T")

PATIENCE: Final = 5.0
"""Seconds after which a database that has not answered is `Busy`, the wait for a connection or a
lock included."""

PRESS: Final = ", ".join(
    [*(f"b.{n}" for n in BUTTON), *(f"c.{n}" for n in CARD), *(f"k.{n}" for n in CASE)]
)
FROM_BUTTONS: Final = (
    f"JOIN {buttons} b ON b.lookup = t.lookup JOIN {cards} c ON c.id = b.card_id "
    f"JOIN {cases} k ON k.id = c.request_id LEFT JOIN {seen} s ON s.key = t.event"
)


class Driver(Protocol):
    """Runs scripts; `presses` and `commit` have words of their own, because all taps wait there."""

    writers: ClassVar[int]
    """How many commits may usefully be under way at once."""

    async def read(self, script: Script[T], *, within: float = PATIENCE) -> T: ...

    async def write(
        self, script: Script[T], moved: Collection[str] = (), *, within: float = PATIENCE
    ) -> T:
        """In a transaction; then those who listen, everywhere, hear that `moved` moved."""
        ...

    async def alone(self, script: Script[T]) -> T:
        """Write by a script of one statement, which is a transaction by itself."""
        ...

    async def locked(self, script: Script[T], key: int) -> T | None:
        """Write, unless somebody else is just doing so under this key: then None."""
        ...

    async def presses(self, taps: Taps) -> list[Press | None]: ...
    async def commit(self, changes: Sequence[Change]) -> list[Result]: ...
    async def upgrade(self) -> None: ...
    async def check(self) -> None:
        """`Refused`, in words: what stands between the database and us keeps back what we need."""
        ...

    def listen(self, heard: Heard) -> None: ...
    async def close(self) -> None: ...


def is_move(change: Change) -> bool:
    """A vote, a closing: a case that only moves, so that many go in one statement."""
    return change.before is not None and change.content is None and change.idempotency is None
