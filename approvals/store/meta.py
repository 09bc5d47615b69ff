"""The few values of our own that are kept by a name."""

from __future__ import annotations

from typing import Final

from approvals.store.driver import PATIENCE
from approvals.store.statements import Script, insert, select, upsert
from approvals.store.subject import Subject
from approvals.store.tables import meta

select_meta: Final = select(meta, ["value"], "key")
upsert_meta: Final = upsert(meta)
insert_meta: Final = insert(meta, quiet=True)


def put_meta(key: str, value: str, once: bool) -> Script[str]:
    """Write, and read what holds now."""
    yield (insert_meta if once else upsert_meta), {"key": key, "value": value}
    found = yield select_meta, {"key_": key}
    return str(found[0][0])


class MetaStore(Subject):
    """Values by name."""

    async def meta(self, key: str) -> str | None:
        """A value of our own."""
        found = await self._read(select_meta, key_=key)
        return found[0][0] if found else None

    async def put_meta(
        self, key: str, value: str, *, once: bool = False, within: float = PATIENCE
    ) -> str:
        """Keep a value; with `once` only where there is none. Returns what holds now."""
        return await self._db.write(put_meta(key, value, once), within=within)
