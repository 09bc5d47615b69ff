"""`countersign outbox`: messages that were given up, and another try. Works on the database itself.

A parked job holds no payload: it names a request, a lane and why it was given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from approvals import audit
from approvals.app import serve
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random
from approvals.evidence import rfc3339
from approvals.store import Parked
from approvals.text import clean

MOST: Final = 100_000


async def listed(config: Path, limit: int) -> list[Parked]:
    """The newest first."""
    async with serve.base(serve.configuration(config), migrate=False) as on:
        return await on.store.parked(limit)


async def resent(config: Path, job_id: int | None) -> list[int]:
    """Make one due again, or all (None), each with an audit entry; their numbers. Raises `Stop`:
    none has that number."""
    done = []
    async with serve.base(serve.configuration(config), migrate=False) as on:
        for one in reversed(await on.store.parked(MOST)):
            job = one.job
            if job_id in (None, job.id):
                said = {"by": audit.COMMAND_LINE, "job": job.kind, "lane": job.target}
                about = (clock(), random, job.request_id)
                entry = audit.entry(audit.Kind.RESENT, *about, **said)
                if await on.store.resend(job.id, clock(), (entry,)):
                    done.append(job.id)
    if job_id is not None and not done:
        raise Stop(Exit.FAILED, f"Nothing of the number {job_id} is parked.")
    return done


def as_json(one: Parked) -> dict[str, Any]:
    """For programs."""
    job = one.job
    return {
        "id": job.id,
        "kind": job.kind,
        "lane": job.target,
        "request_id": job.request_id,
        "attempts": job.attempts,
        "parked_at": rfc3339(one.at),
        "error": one.error,
    }


def table(found: Sequence[Parked]) -> Table:
    """For people."""
    shown = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("ID", "WHAT", "LANE", "SINCE"):
        shown.add_column(name, no_wrap=True)
    shown.add_column("REQUEST, AND WHY", overflow="fold", ratio=1)
    for one in found:
        why = Text(one.job.request_id, overflow="fold").append(f"\n{clean(one.error)}", "dim")
        since = rfc3339(one.at)[:16].replace("T", " ")
        lane = clean(one.job.target) or "core"
        shown.add_row(str(one.job.id), clean(one.job.kind), lane, since, why)
    return shown
