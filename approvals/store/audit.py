"""The audit entries and the chain that they are sealed into."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from approvals.evidence import GENESIS, Checkpoint, Entry, commitment, export_line, link
from approvals.model import ORG, Instant
from approvals.store.statements import P, Params, Script, count, insert, select
from approvals.store.subject import Subject
from approvals.store.tables import audit, checkpoints


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A sealed row of the chain. Its entry's content and salt are None once erased."""

    seq: int
    entry: Entry
    commitment: bytes
    link: bytes

    def line(self) -> str:
        """As exported, without a line end."""
        return export_line(self.seq, self.entry, self.commitment, self.link)


Sign: TypeAlias = Callable[[Checkpoint], str]
"""Makes the signed checkpoint (JWS) of a chain's new head ("seq:hash") at this time."""

_SEAL: Final = 0x636F756E02
"""The sealer's advisory lock on PostgreSQL."""

ENTRY: Final = Entry.__slots__

entry_row: Final[Callable[[Entry], tuple[Any, ...]]] = attrgetter(*ENTRY)

_LINKED: Final = ("seq", *ENTRY, "commitment", "link")
insert_entry: Final = insert(audit, *ENTRY)
count_unsealed: Final = count(audit, audit.c.seq.is_(None))
select_unsealed_since: Final = (
    sa.select(audit.c.at).where(audit.c.seq.is_(None)).order_by(audit.c.id).limit(1)
)
_insert_checkpoint: Final = insert(checkpoints, quiet=True)
_entries: Final = sa.select(audit.c.id, *(audit.c[name] for name in ENTRY))
_select_unsealed: Final = (
    _entries.where(audit.c.seq.is_(None)).order_by(audit.c.id).limit(P("most"))
)


def _history(*more: sa.ColumnElement[bool]) -> sa.CompoundSelect[Any]:
    # In two parts, since each has an index of its own.
    whole = audit.c.seq.is_not(None), audit.c.seq.is_(None)
    parts = [_entries.where(audit.c.request_id == P("request_id_"), part, *more) for part in whole]
    return sa.union_all(*parts).order_by(sa.text("1"))


_select_history: Final = _history()
_select_history_of: Final = _history(audit.c.kind == P("kind_"))
_update_sealed: Final = (
    audit.update()
    .where(audit.c.id == P("id_"), audit.c.seq.is_(None))
    .values({name: P(name) for name in ("seq", "commitment", "link")})
)
_select_head: Final = (
    sa.select(audit.c.seq, audit.c.link)
    .where(audit.c.org == P("org_"), audit.c.seq.is_not(None))
    .order_by(audit.c.seq.desc())
    .limit(1)
)
_select_after: Final = (
    sa.select(*(audit.c[name] for name in _LINKED))
    .where(audit.c.org == P("org_"), audit.c.seq > P("after"))
    .order_by(audit.c.seq)
    .limit(P("most"))
)
_signed: Final = select(checkpoints, ["jws"], "org")
_select_checkpoints: Final = _signed.where(checkpoints.c.seq > P("after")).order_by(
    checkpoints.c.seq
)
_select_checkpoint: Final = _signed.order_by(checkpoints.c.seq.desc()).limit(1)


def _seal(now: Instant, sign: Sign | None, limit: int) -> Script[int]:
    """Link what is unsealed behind each organisation's head, by ascending id."""
    found = yield _select_unsealed, {"most": limit}
    heads: dict[str, tuple[int, bytes]] = {}
    sealed: list[Params] = []
    for id_, org, *fields in found:
        if org not in heads:
            last = yield _select_head, {"org_": org}
            heads[org] = (last[0][0], last[0][1]) if last else (0, GENESIS)
        seq, previous = heads[org]
        entry = Entry(org, *fields)
        committed = commitment(entry)
        linked = link(previous, seq + 1, entry, committed)
        heads[org] = seq + 1, linked
        sealed.append({"id_": id_, "seq": seq + 1, "commitment": committed, "link": linked})
    yield _update_sealed, sealed
    if sign is not None:
        for org, (seq, linked) in heads.items():
            jws = sign(Checkpoint(seq, linked, now))
            yield _insert_checkpoint, {"org": org, "seq": seq, "at": now, "jws": jws}
    return len(sealed)


class AuditStore(Subject):
    """The chain, and what is not in it yet."""

    async def seal(self, now: Instant, sign: Sign | None = None, limit: int = 500) -> int | None:
        """Link up to `limit` unsealed entries to the chain; how many were.

        One sealer at a time: None where another is at it. With `sign` a signed checkpoint of the
        new head is kept. On PostgreSQL an entry may commit after one of a higher id was sealed, so
        the order of the chain is that of sealing, and none is ever passed over.
        """
        return await self._db.locked(_seal(now, sign, limit), _SEAL)

    async def audit(self, after: int = 0, limit: int = 1000, *, org: str = ORG) -> list[AuditRow]:
        """Sealed entries whose `seq` is above `after`, in order."""
        found = await self._read(_select_after, org_=org, after=after, most=limit)
        return [AuditRow(row[0], Entry(*row[1:-2]), row[-2], row[-1]) for row in found]

    async def chain(
        self, after: int = 0, *, page: int = 1000, org: str = ORG
    ) -> AsyncIterator[list[AuditRow]]:
        """The sealed chain above `after`, in order, up to `page` entries at a time."""
        while found := await self.audit(after, page, org=org):
            yield found
            after = found[-1].seq

    async def export(self, after: int = 0, *, org: str = ORG) -> AsyncIterator[str]:
        """The sealed chain above `after` as lines of JSON, without line ends."""
        async for found in self.chain(after, org=org):
            for row in found:
                yield row.line()

    async def history(self, request_id: str, kind: str | None = None) -> list[Entry]:
        """What happened to one request, sealed or not, as it was written. `kind`: only this."""
        build = _select_history if kind is None else _select_history_of
        found = await self._read(build, request_id_=request_id, kind_=kind)
        return [Entry(*row[1:]) for row in found]

    async def head(self, *, org: str = ORG) -> str:
        """The newest sealed head, "seq:hash" as receipts and checkpoints name it; of an empty chain
        its start."""
        found = await self._read(_select_head, org_=org)
        seq, linked = found[0] if found else (0, GENESIS)
        return f"{seq}:{linked.hex()}"

    async def checkpoint(self, *, org: str = ORG) -> str | None:
        """The newest signed head."""
        found = await self._read(_select_checkpoint, org_=org)
        return found[0][0] if found else None

    async def checkpoints(self, after: int = 0, *, org: str = ORG) -> list[str]:
        """Signed heads above `after`, in order."""
        found = await self._read(_select_checkpoints, org_=org, after=after)
        return [row[0] for row in found]
