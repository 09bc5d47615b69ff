"""What waits, for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import sqlalchemy as sa

from approvals.model import Instant
from approvals.store.audit import count_unsealed, select_unsealed_since
from approvals.store.cases import IS_OPEN
from approvals.store.outbox import count_jobs, count_parked
from approvals.store.statements import P, Statement
from approvals.store.subject import Subject
from approvals.store.tables import cases


@dataclass(frozen=True, slots=True)
class Counts:
    """For metrics. `jobs`: (kind, target) → (waiting or leased, earliest due). `older`: open cases
    by age, as they were asked for. `unsealed_since`: when the oldest entry was made that is not in
    the chain yet."""

    pending: int
    jobs: Mapping[tuple[str, str], tuple[int, Instant]]
    parked: int
    unsealed: int
    older: Mapping[int, int] = field(default_factory=dict)
    unsealed_since: Instant | None = None


@lru_cache(maxsize=8)
def _count_open(ages: int) -> Statement:
    """How many are open, then how many of them are below each of so many ids, in one walk."""
    below = [sa.func.count().filter(cases.c.id < P(f"before{n}_")) for n in range(ages)]
    return sa.select(sa.func.count(), *below).select_from(cases).where(IS_OPEN)


class CountStore(Subject):
    """How much waits."""

    async def counts(self, older: Mapping[int, str] | None = None) -> Counts:
        """What waits, for metrics. `older`: for each age in seconds, the id that a case had which
        was opened then; how many open ones have a smaller one is counted."""
        jobs = await self._read(count_jobs)
        ages = {f"before{n}_": id for n, id in enumerate((older or {}).values())}
        ((pending, *below),) = await self._read(_count_open(len(ages)), **ages)
        parked, unsealed = [
            (await self._read(what))[0][0] for what in (count_parked, count_unsealed)
        ]
        queued = {(kind, target): (n, due) for kind, target, n, due in jobs}
        oldest = await self._read(select_unsealed_since)
        since = oldest[0][0] if oldest else None
        by_age = dict(zip(older or {}, below, strict=True))
        return Counts(pending, queued, parked, unsealed, by_age, since)
