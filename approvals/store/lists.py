"""Lists of cases, the newest first: each walks one index, and no further than it must."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from approvals.model import ORG, Case, Status
from approvals.store.cases import CASE, CaseStore, case_of
from approvals.store.statements import Dialect, P, Statement
from approvals.store.tables import audiences, cases

PROBED: Final = 100
"""Rows of an index that say whether a condition of a list leaves few."""
WALKED: Final = 500
"""Requests that are looked at in one step of a long list."""
_ORG, _REQUESTER, _AGENT, _STATUS = map(CASE.index, ("org", "requester", "agent", "status"))


@lru_cache(maxsize=64)
def select_newest(condition: str, before: bool, many: int = 1) -> Statement:
    """The ids that one condition of a list leaves, the newest first, from one index and no further
    than the limit: "status" (a state's name), "closed", "agent", "requester", "audience" (`many` of
    them) or "" (all). With `before`, below an id.

    That a column is one value is said as a range. As an equation PostgreSQL, which plans once for
    every value, would take what is common for what is asked, and walk all ids for one that is rare.
    """
    return _together([part.limit(P("most")) for part in _walks(condition, before, many)])


def _walks(condition: str, before: bool, many: int) -> list[Any]:
    c, a = cases.c, audiences.c
    if condition in ("agent", "requester"):
        return [_walk(c[condition], c.id, f"{condition}_", before)]
    if condition == "audience":
        parts = [_walk(a.audience, a.request_id, f"audience{i}_", before) for i in range(many)]
        return [part.where(a.org == P("org_")) for part in parts]
    states: list[str | None] = [condition or None]
    if condition == "closed":
        states = [state for state in Status if state is not Status.PENDING]
    parts = [sa.select(c.id).order_by(c.id.desc()) for _ in states]
    where = [() if state is None else _state(state) for state in states]
    below = (c.id < P("before_"),) if before else ()
    return [part.where(*said, *below) for part, said in zip(parts, where, strict=True)]


def _state(state: str) -> tuple[Any, ...]:
    # In so many words: PostgreSQL then knows how many there are of this state, and SQLite that the
    # index of what is closed serves.
    said = sa.text(f"status = '{state}'")
    closed = () if state == Status.PENDING else (sa.text(f"status <> '{Status.PENDING}'"),)
    return said, *closed


def _walk(column: Any, id_: Any, name: str, before: bool) -> Any:
    top = sa.tuple_(column, id_) < sa.tuple_(P(name), P("before_")) if before else column <= P(name)
    return sa.select(id_).where(column >= P(name), top).order_by(column.desc(), id_.desc())


def _together(parts: Sequence[Any]) -> Statement:
    """The newest of several selections, each of which is walked no further than it may matter."""
    if len(parts) == 1:
        alone: Statement = parts[0]
        return alone
    every = sa.union(*(sa.select(one.subquery().columns[0].label("id")) for one in parts))
    return every.order_by(sa.text("id DESC")).limit(P("most"))


def _select_shown(d: Dialect) -> Any:
    """Which of these requests one of the audiences may see."""
    a = audiences.c
    theirs = (a.org == P("org_"), d.among(a.request_id, "ids"), d.among(a.audience, "audiences_"))
    return sa.select(a.request_id).where(*theirs)


def _select_visible(d: Dialect) -> Any:
    a = audiences.c
    mine = (a.org == P("org_"), a.request_id == P("id_"), d.among(a.audience, "audiences_"))
    return sa.select(a.request_id).where(*mine).limit(1)


class ListStore(CaseStore):
    """Lists, and who is shown what."""

    async def page(
        self,
        *,
        status: Status | None = None,
        closed: bool = False,
        agent: str | None = None,
        requester: str | None = None,
        audiences: Collection[str] | None = None,
        before: str | None = None,
        limit: int = 50,
        org: str = ORG,
    ) -> list[Case]:
        """Newest first, below the id `before`. None filters nothing, empty `audiences` all; with
        `closed` all but the pending."""
        if audiences is not None and not audiences:
            return []
        # What waits is little, most of the time: of it, and of what somebody may see, the former.
        conditions = ["pending"] if status is Status.PENDING else []
        conditions += ["audience"] if audiences else []
        conditions += [n for n, v in (("agent", agent), ("requester", requester)) if v is not None]
        if status is not Status.PENDING and (status or closed):
            conditions.append(str(status) if status else "closed")
        params = {"org_": org, "agent_": agent, "requester_": requester}
        params |= {f"audience{i}_": one for i, one in enumerate(audiences or ())}

        async def walk(condition: str, below: str | None, most: int) -> list[str]:
            many = len(audiences or ()) if condition == "audience" else 1
            build = select_newest(condition, below is not None, many)
            found = await self._read(build, **params, before_=below, most=most)
            return [row[0] for row in found]

        # Walked is the first condition that leaves few, else the first. Each step is a read of its
        # own, so that nobody waits for a long list.
        ids, driver = list[str](), ""
        for condition in conditions:
            some = await walk(condition, before, PROBED)
            if not driver or len(some) < PROBED:
                ids, driver = some, condition
            if len(some) < PROBED:
                break
        step = PROBED
        if not conditions:
            step = min(PROBED, limit)
            ids = await walk(driver, before, step)
        found = list[Case]()
        while ids:
            theirs = None
            if audiences and driver != "audience":
                seen = await self._read(
                    _select_shown, org_=org, ids=ids, audiences_=list(audiences)
                )
                theirs = {row[0] for row in seen}
            read = await self._case_rows(ids)
            barren = True
            for row in (read[one] for one in ids if one in read):
                # Before a case is made of it: that takes longer than all the rest.
                state = row[_STATUS]
                fits = (
                    row[_ORG] == org
                    and (theirs is None or row[0] in theirs)
                    and agent in (None, row[_AGENT])
                    and requester in (None, row[_REQUESTER])
                    and (state == status if status else not (closed and state == Status.PENDING))
                )
                barren &= not fits
                if fits and len(found) < limit:
                    found.append(case_of(row))
            if len(found) >= limit or len(ids) < step:
                break
            step, below = WALKED, ids[-1]
            for other in conditions if barren else ():
                # Not one by one through 100,000 that wait, where what was decided is asked for.
                if other != driver:
                    top = await walk(other, below, 1)
                    if not top:
                        return found
                    below = min(below, f"{top[0]}!")  # no other id is between
            ids = await walk(driver, below, step)
        return found

    async def visible(self, request_id: str, audiences: Collection[str], org: str = ORG) -> bool:
        """Is the request shown to one of these audiences?"""
        found = await self._read(
            _select_visible, org_=org, id_=request_id, audiences_=list(audiences)
        )
        return bool(found)
