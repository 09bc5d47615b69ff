"""Approvals in advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from approvals.evidence import Entry
from approvals.model import ORG, Instant
from approvals.store.cases import GRANT, insert_seen, wall_clock
from approvals.store.columns import named
from approvals.store.outbox import write, write_if
from approvals.store.statements import Dialect, P, insert
from approvals.store.subject import Subject
from approvals.store.tables import grants, seen


@dataclass(frozen=True, slots=True)
class Grant:
    """A person's approval, in advance, of the next request that is identical, until `expires_at`.

    `request_id`: the one that it was given on. `seal`: the caller's own proof that it, not the
    database, made the row. That it is used or revoked is the event `grant:<id>` among those seen.
    """

    id: str
    identity: str
    person: str
    request_id: str
    at: Instant
    expires_at: Instant
    org: str = ORG
    seal: str = ""


_insert_grant: Final = insert(grants)


def _select_grants(d: Dialect) -> Any:
    """Of an identity or a request, with whether each was used or revoked, the oldest first."""
    g = grants.c
    spent = sa.exists().where(seen.c.key == sa.literal(GRANT, type_=sa.Text()).concat(g.id))
    what = sa.select(*(g[n] for n in Grant.__slots__), sa.case((spent, 1), else_=0))
    which = sa.or_(g.identity == P("identity_"), g.request_id == P("request_id_"))
    return what.where(which).order_by(g.id)


class GrantStore(Subject):
    """Grants, and that they are used up."""

    async def add_grant(self, grant: Grant, entries: Sequence[Entry]) -> None:
        """Keep it, with the entries."""
        await self._db.write(write(entries, (), _insert_grant, named(grant)))

    async def grants(self, *, identity: str = "", request_id: str = "") -> list[tuple[Grant, bool]]:
        """Those of an identity, or given on a request; and whether each is used up or revoked."""
        found = await self._read(_select_grants, identity_=identity, request_id_=request_id)
        both = [(Grant(*row[:-1]), bool(row[-1])) for row in found]
        return [(one, spent or f"{GRANT}{one.id}" in self._ended) for one, spent in both]

    async def spend(self, grant_id: str, entries: Sequence[Entry]) -> bool:
        """Revoke a grant. False: it was used up, or revoked before."""
        if (key := f"{GRANT}{grant_id}") in self._ended:
            return False
        event = {"key": key, "at": wall_clock()}
        done = await self._db.write(write_if(insert_seen, event, entries))
        self._ended.add(key)
        return done
