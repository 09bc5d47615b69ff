"""What the store asks of a database."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import ClassVar, Final, Protocol, TypeAlias, TypeVar

from approvals.store.statements import Script

T = TypeVar("T")

PATIENCE: Final = 5.0
"""Seconds after which a database that has not answered is `Busy`, the wait for a connection or a
lock included."""

Heard: TypeAlias = Callable[[Collection[str] | None], None]
"""Called with the ids of requests that moved; None: any may have (notices were lost)."""


class Driver(Protocol):
    """Runs scripts."""

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

    async def upgrade(self) -> None: ...
    async def check(self) -> None:
        """`Refused`, in words: what stands between the database and us keeps back what we need."""
        ...

    def listen(self, heard: Heard) -> None: ...
    async def close(self) -> None: ...
