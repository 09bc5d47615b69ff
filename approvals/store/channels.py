"""What is kept about a channel: when accounts last wrote there, and its small sealed memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from approvals.model import ORG, Instant
from approvals.store.statements import (
    Dialect,
    P,
    Params,
    Row,
    Script,
    delete_by,
    insert,
    one,
    select,
    update,
)
from approvals.store.subject import Subject
from approvals.store.tables import memory, windows


def _upsert_heard(d: Dialect) -> Any:
    """Note who wrote when; an older note than the one that is there changes nothing."""
    put, w = d.put(windows), windows.c
    newer = {"index_elements": list(windows.primary_key), "where": w.at < put.excluded.at}
    return put.on_conflict_do_update(**newer, set_={"at": put.excluded.at})


_WINDOW: Final = ("org", "channel", "account")
_select_window: Final = select(windows, ["at", "over_at"], *_WINDOW)
_update_over: Final = (
    windows.update()
    .where(*(windows.c[name] == P(f"{name}_") for name in _WINDOW))
    .where(windows.c.over_at < windows.c.at)
    .values(over_at=P("now"))
)


def _end_window(key: Params, now: Instant) -> Script[Sequence[Row]]:
    """End it unless it has ended since they last wrote; the row as it is then."""
    yield _update_over, {**key, "now": now}
    found = yield _select_window, key
    return found


_MEMORY: Final = ("org", "channel", "key")
_select_memory: Final = select(memory, ["value"], *_MEMORY)
_insert_memory: Final = insert(memory, quiet=True)
_update_memory: Final = update(memory, ["value"], *_MEMORY, "value")
_delete_memory: Final = delete_by(memory, *_MEMORY, "value")


def _put_memory(key: Params, value: bytes | None, was: bytes | None) -> Script[bool]:
    """Compare, and set or delete; False: it was not `was`."""
    where = {f"{name}_": part for name, part in key.items()} | {"value_": was}
    if value is None:
        if was is None:
            return not (yield _select_memory, where)
        return bool((yield _delete_memory, where))
    if was is None:
        return bool((yield _insert_memory, {**key, "value": value}))
    return bool((yield _update_memory, {**where, "value": value}))


class ChannelStore(Subject):
    """When accounts last wrote, and what a channel keeps."""

    async def heard_from(
        self, channel: str, accounts: Mapping[str, Instant], *, org: str = ORG
    ) -> None:
        """These accounts wrote to us, at these times."""
        # In one order everywhere, so that no two wait for each other.
        where = {"org": org, "channel": channel, "over_at": 0}
        params = [{**where, "account": who, "at": at} for who, at in sorted(accounts.items())]
        if params:
            await self._db.write(one(_upsert_heard, params))

    async def last_heard(self, channel: str, account: str, *, org: str = ORG) -> Instant:
        """When an account last wrote to us; 0: not known, or what that allowed has ended since."""
        key = {"org_": org, "channel_": channel, "account_": account}
        found = await self._read(_select_window, **key)
        return found[0][0] if found and found[0][0] > found[0][1] else 0

    async def end_window(
        self, channel: str, account: str, now: Instant, *, org: str = ORG
    ) -> Instant:
        """What their last word allowed is over, says the platform. Since when we know that; 0: the
        account never wrote."""
        key = {"org_": org, "channel_": channel, "account_": account}
        found = await self._db.write(_end_window(key, now))
        return found[0][1] if found else 0

    async def remembered(self, channel: str, key: str, *, org: str = ORG) -> bytes | None:
        """What a channel keeps under this name, as it was sealed."""
        found = await self._read(_select_memory, org_=org, channel_=channel, key_=key)
        return bytes(found[0][0]) if found else None

    async def put_remembered(
        self,
        channel: str,
        key: str,
        value: bytes | None,
        *,
        was: bytes | None,
        org: str = ORG,
    ) -> bool:
        """Keep it instead of `was`, or delete that (None). False: it is another by now."""
        where = {"org": org, "channel": channel, "key": key}
        return await self._db.write(_put_memory(where, value, was))
