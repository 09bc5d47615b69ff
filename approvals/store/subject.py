"""What every subject of the store has: the driver, and what this process saw end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from approvals.store.driver import Driver
from approvals.store.ended import Ended
from approvals.store.statements import Row, Statement, one


class Subject:
    """A part of the `Store`: the methods about one subject."""

    _db: Driver
    _ended: Ended

    async def _read(self, statement: Statement, **params: Any) -> Sequence[Row]:
        return await self._db.read(one(statement, params))

    async def _write(self, statement: Statement, **params: Any) -> Sequence[Row]:
        return await self._db.alone(one(statement, params))
