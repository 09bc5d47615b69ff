"""The jobs that are to be carried out, and what commits together with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final

import sqlalchemy as sa

from approvals.evidence import Entry
from approvals.model import Duration, Instant
from approvals.store.audit import insert_entry
from approvals.store.columns import named
from approvals.store.meta import insert_meta, upsert_meta
from approvals.store.statements import (
    Dialect,
    P,
    Params,
    Row,
    Script,
    Statement,
    count,
    insert,
    one,
)
from approvals.store.subject import Subject
from approvals.store.tables import meta, outbox


@dataclass(frozen=True, slots=True)
class Job:
    """One effect to carry out.

    `target`: the lane, for what may be slow or down on its own (a channel, an endpoint). `data` is
    the worker's own. `id` and `attempts` (claims so far) come from `claim`; together they say which
    claim this is.
    """

    kind: str
    request_id: str
    target: str
    due_at: Instant
    data: str = ""
    id: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Parked:
    """A job that is not tried again until `resend`."""

    job: Job
    error: str
    at: Instant


JOBS: Final = frozenset(("post", "draw", "redraw", "forward", "verdict", "lapse"))
"""Kinds of jobs that every copy of this version carries out."""

JOB: Final = Job.__slots__
QUEUED: Final = JOB[:5]

job_row: Final[Callable[[Job], tuple[Any, ...]]] = attrgetter(*QUEUED)


insert_job: Final = insert(outbox, *QUEUED, "attempts")
count_parked: Final = count(outbox, outbox.c.parked_at.is_not(None))


def write(
    entries: Sequence[Entry],
    jobs: Sequence[Job] = (),
    statement: Statement | None = None,
    params: Params | Sequence[Params] = (),
) -> Script[Sequence[Row]]:
    """A statement, if there is one, and the audit entries and jobs that commit with it."""
    found: Sequence[Row] = ()
    if statement is not None:
        found = yield statement, params
    if entries:
        yield insert_entry, [named(entry) for entry in entries]
    if jobs:
        yield insert_job, [named(job) | {"attempts": 0} for job in jobs]
    return found


def write_if(
    statement: Statement, params: Params, entries: Sequence[Entry], jobs: Sequence[Job] = ()
) -> Script[bool]:
    """A statement, and the entries and jobs only where it changed a row: of two copies that do the
    same, one writes them. False: nothing was changed."""
    found = yield statement, params
    if found:
        yield from write(entries, jobs)
    return bool(found)


def _append(
    entries: Sequence[Entry], jobs: Sequence[Job], known: tuple[str, str] | None
) -> Script[None]:
    """Entries, jobs, and a value of our own with them."""
    if known is not None:
        yield upsert_meta, {"key": known[0], "value": known[1]}
    yield from write(entries, jobs)


_turns: Final = (meta.c.value == "") != (P("value", type_=meta.c.value.type) == "")
_update_turned: Final = (
    meta.update()
    .where(meta.c.key == P("key_"), _turns)
    .values(value=P("value"))
    .returning(meta.c.key)
)


def _turn(key: str, value: str, entries: Sequence[Entry]) -> Script[bool]:
    yield insert_meta, {"key": key, "value": ""}
    if not (yield _update_turned, {"key_": key, "value": value}):
        return False
    yield from write(entries)
    return True


def _update_claimed(d: Dialect) -> Any:
    o = outbox.c
    ready = [o.parked_at.is_(None), o.target == P("target_"), o.due_at <= P("now")]
    ready.append(d.among(o.kind, "kinds"))
    # A CTE that locks is never folded into the statement around it, so it runs once and its limit
    # holds; the outer condition repeats for a row that moved between snapshot and lock.
    picked = (
        sa.select(o.id)
        .where(*ready)
        .order_by(o.due_at, o.id)
        .limit(P("most"))
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    # Nobody waits for the disk. A claim that is lost with the server leaves its job due, as a lease
    # that ended does; and what a worker writes next is on the disk only after its claim, because
    # the log is written in order: https://www.postgresql.org/docs/current/wal-async-commit.html
    lazy = [sa.func.set_config("synchronous_commit", "off", True)] if d.postgresql else []
    return (
        outbox.update()
        .where(o.id.in_(sa.select(picked.c.id)), *ready)
        .values(worker=P("worker"), attempts=o.attempts + 1, due_at=P("until"))
        .returning(*(o[name] for name in JOB), *lazy)
    )


_waits: Final = outbox.c.parked_at.is_(None)
# Each claim counts `attempts` up and ends its lease at another time, so that who lost the lease
# meanwhile matches nothing, not even a new job that was given the old one's id.
_held: Final = sa.and_(
    outbox.c.id == P("id_"),
    outbox.c.attempts == P("attempts_"),
    outbox.c.due_at == P("due_at_"),
    _waits,
)


def held(job: Job) -> Params:
    """The parameters that say which claim this is."""
    return {"id_": job.id, "attempts_": job.attempts, "due_at_": job.due_at}


delete_done: Final = outbox.delete().where(_held)
_delete_held: Final = delete_done.returning(outbox.c.id)
_update_renewed: Final = (
    outbox.update().where(_held).values(due_at=P("due_at")).returning(outbox.c.id)
)
_update_retried: Final = (
    outbox.update()
    .where(_held)
    .values(due_at=P("due_at"), last_error=P("last_error"), worker=sa.null())
)
_PARKED: Final = {
    "parked_at": P("parked_at"), "last_error": P("last_error"), "worker": sa.null()
}  # fmt: skip


_update_parked: Final = outbox.update().where(_held).values(_PARKED).returning(outbox.c.id)


def _select_stranded(d: Dialect) -> Any:
    ours = d.among(outbox.c.target, "lanes") & d.among(outbox.c.kind, "kinds")
    what = sa.select(outbox.c.id, outbox.c.kind, outbox.c.request_id, outbox.c.target)
    return what.where(_waits, outbox.c.due_at < P("before"), ~ours)


def _update_hastened(d: Dialect) -> Any:
    late = (outbox.c.attempts <= P("attempts"), _waits, outbox.c.due_at > P("beyond"))
    which = outbox.update().where(*late, d.among(outbox.c.kind, "kinds"))
    return which.values(due_at=P("now")).returning(outbox.c.id)


_update_stranded: Final = (
    outbox.update()
    .where(outbox.c.id == P("id_"), _waits, outbox.c.due_at < P("before"))
    .values(_PARKED)
    .returning(outbox.c.id)
)
_select_parked: Final = (
    sa.select(*(outbox.c[name] for name in JOB), outbox.c.last_error, outbox.c.parked_at)
    .where(outbox.c.parked_at.is_not(None))
    .order_by(outbox.c.id.desc())
    .limit(P("most"))
)
_update_resent: Final = (
    outbox.update()
    .where(outbox.c.id == P("id_"), outbox.c.parked_at.is_not(None))
    .values(parked_at=sa.null(), due_at=P("due_at"))
    .returning(outbox.c.request_id)
)
count_jobs: Final = (
    sa.select(outbox.c.kind, outbox.c.target, sa.func.count(), sa.func.min(outbox.c.due_at))
    .where(_waits)
    .group_by(outbox.c.kind, outbox.c.target)
)


class OutboxStore(Subject):
    """The queue: claimed, done, retried or parked."""

    async def append(
        self,
        entries: Sequence[Entry],
        jobs: Sequence[Job] = (),
        *,
        known: tuple[str, str] | None = None,
    ) -> None:
        """Audit entries, and jobs, that belong to no change of a case. `known`: a `meta` key and
        its value, kept with them."""
        moved = {job.request_id for job in jobs}
        await self._db.write(_append(entries, jobs, known), moved)

    async def turn(self, key: str, value: str, entries: Sequence[Entry]) -> bool:
        """Set a `meta` value and write the entries with it, if that makes an empty one set or a set
        one empty. False: it does not, as where another copy was first, and nothing is written."""
        return await self._db.write(_turn(key, value, entries))

    async def claim(
        self,
        target: str,
        *,
        worker: str,
        now: Instant,
        lease: Duration,
        limit: int,
        kinds: Collection[str] = JOBS,
    ) -> list[Job]:
        """Take up to `limit` due jobs of one lane and of these kinds for `lease`; after that they
        are due again. A claim may be lost with the database's server, and is over then too."""
        found = await self._write(
            _update_claimed, target_=target, worker=worker, now=now, until=now + lease, most=limit,
            kinds=sorted(kinds),
        )  # fmt: skip
        return sorted((Job(*row[: len(JOB)]) for row in found), key=attrgetter("id"))

    async def done(
        self, jobs: Sequence[Job], entries: Sequence[Entry] = (), *, then: Sequence[Job] = ()
    ) -> None:
        """They are finished, and what follows from them is queued, in one transaction.

        Nothing for one whose lease ended and that another took; what follows is queued all the
        same.
        """
        params = [held(job) for job in jobs]
        if not (entries or then):
            await self._db.alone(one(delete_done, params))
            return
        moved = {job.request_id for job in then}
        await self._db.write(write(entries, then, delete_done, params), moved)

    async def end(self, job: Job, entries: Sequence[Entry], *, then: Sequence[Job]) -> bool:
        """As `done`; but where another took the job nothing is written or queued (False): who has
        it now does that."""
        script = write_if(_delete_held, held(job), entries, then)
        return await self._db.write(script, {one.request_id for one in then})

    async def renew(self, job: Job, until: Instant) -> Job | None:
        """Keep it leased until then; the job as it is held now. None: another has taken it."""
        found = await self._write(_update_renewed, **held(job), due_at=until)
        return replace(job, due_at=until) if found else None

    async def retry(self, job: Job, *, due: Instant, error: str) -> None:
        """Not now: again at `due`."""
        await self._write(_update_retried, **held(job), due_at=due, last_error=error)

    async def park(
        self, job: Job, *, now: Instant, error: str, entries: Sequence[Entry] = ()
    ) -> None:
        """Never again by itself: it is among `parked` until `resend`."""
        params = {**held(job), "parked_at": now, "last_error": error}
        await self._db.write(write(entries, (), _update_parked, params))

    async def stranded(
        self, before: Instant, lanes: Collection[str], kinds: Collection[str]
    ) -> list[tuple[int, str, str, str]]:
        """Jobs due since before then that are not of these lanes and kinds: their id, kind, request
        and lane."""
        found = await self._read(
            _select_stranded, before=before, lanes=sorted(lanes), kinds=sorted(kinds)
        )
        return [(row[0], row[1], row[2], row[3]) for row in found]

    async def hasten(
        self, now: Instant, beyond: Instant, kinds: Collection[str], *, tried: bool = False
    ) -> int:
        """Make jobs of these kinds that are due after `beyond` due now: how many. Only those that
        nobody tried yet, unless `tried`."""
        params = {"now": now, "beyond": beyond, "kinds": sorted(kinds)}
        params["attempts"] = 2**31 - 1 if tried else 0
        return len(await self._write(_update_hastened, **params))

    async def strand(
        self, job_id: int, before: Instant, *, now: Instant, error: str, entries: Sequence[Entry]
    ) -> bool:
        """Park a job that was due before then, and that nobody took. False: somebody did."""
        params = {"id_": job_id, "before": before, "parked_at": now, "last_error": error}
        return await self._db.write(write_if(_update_stranded, params, entries))

    async def parked(self, limit: int = 100) -> list[Parked]:
        """The newest first."""
        found = await self._read(_select_parked, most=limit)
        return [Parked(Job(*row[:-2]), row[-2], row[-1]) for row in found]

    async def resend(self, job_id: int, now: Instant, entries: Sequence[Entry] = ()) -> bool:
        """Make a parked job due. False: there is none of this id."""
        params = {"id_": job_id, "due_at": now}
        return await self._db.write(write_if(_update_resent, params, entries))
