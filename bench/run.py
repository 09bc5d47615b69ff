"""`make bench`: measures, prints and stores what docs/performance.md says.

A run is made of parts; each stores a record of its own in bench/results, with the machine, the
versions and a calibration before and after. Servers are pinned to the first core, we keep to the
last; PostgreSQL, with fsync, runs where it likes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import asyncpg
from rich.console import Console
from rich.table import Table

from bench import record
from bench.parts import (
    Part,
    Setting,
    cards,
    crowd,
    doors,
    faults,
    gateway,
    growth,
    memory,
    reading,
    start,
    taps,
    wait,
    where,
)
from bench.peers import BASELINE, BOLT, CHAT_POSTGRESQL, PEERS, POSTGRESQL, Bed, prefix
from bench.record import ROOT, Sheet
from tests.harness.postgres import postgres

PARTS: Final[dict[str, Part]] = {
    "taps": taps.TAPS,
    "where": where.PART,
    "full": taps.FULL,
    "wait": wait.PART,
    "cards": cards.PART,
    "memory": memory.PART,
    "start": start.PART,
    "gateway": gateway.PART,
    "reading": reading.PART,
    "growth": growth.PART,
    "crowd": crowd.PART,
    "faults": faults.PART,
    "doors": doors.PART,
}

SIZES: Final[dict[str, tuple[int, int, str]]] = {
    "rounds": (5, 1, "rounds of each part"),
    "taps": (20_000, 30, "timed taps in a round"),
    "warm": (2_000, 10, "taps before the clock starts"),
    "connections": (32, 8, "over which taps come"),
    "decided": (100_000, 100, "decided requests in the store (full)"),
    "grown": (100_000, 500, "decided requests in the store, and a hundredth of them (growth)"),
    "verdicts": (4_000, 40, "taps with a client waiting (wait)"),
    "rate": (200, 100, "of them a second (wait)"),
    "waiters": (10_000, 40, "requests pending, each with a client (memory)"),
    "cards": (2_000, 40, "cards (cards)"),
    "calls": (2_000, 20, "requests one after the other (gateway)"),
    "flow": (10_000, 64, "requests over the connections (gateway)"),
    "mebibytes": (1_024, 4, "of a download (gateway)"),
    "streams": (50, 3, "streamed answers, for their first piece (gateway)"),
    "held": (5_000, 40, "requests held at once (gateway)"),
    "bodies": (100, 2, "bodies of 10 MiB held at once (gateway)"),
    "crowd": (5_000, 40, "clients that wait (crowd)"),
    "crowdtaps": (2_000, 30, "taps meanwhile (crowd)"),
    "crowdrate": (100, 100, "of them a second (crowd)"),
    "forged": (6_000, 200, "forged taps a second (crowd)"),
    "faults": (19, 1, "faults, each on one database (faults)"),
    "lasting": (4, 1, "seconds that a fault lasts (faults)"),
    "kills": (20, 2, "kills (faults)"),
    "reads": (4_000_000, 30_000, "bytes that each reader is given in a round (reading)"),
    "largest": (10_485_000, 65_536, "bytes of the largest body (reading)"),
    "decisions": (500, 5, "decisions by each door in a round (doors)"),
}
"""Name → (full size, size of --quick, what it is)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, store. Not 0 when anything was refused or lost: no figure stands then."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no peer outlives us
    # On a terminal the width is its own; elsewhere no table is to be folded.
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    _files(console, options.sizes)
    bad = 0
    with ExitStack() as stack:
        # A process started before we keep to one core may run on any.
        server = stack.enter_context(postgres(fsync=True)) if _wants_postgres(options) else None
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[-1]})
        if len(cores) < 2:
            console.print("One core only: we share it with the server; figures will be low.")
        results = Path(options.results)
        results.mkdir(exist_ok=True, parents=True)
        name = stack.enter_context(tempfile.TemporaryDirectory(dir=results, prefix="state-"))
        folder = Path(name)
        if server is not None:
            stack.callback(lambda: asyncio.run(_drop(server, prefix(folder))))
        bed = Bed(cores[0], folder, server)
        for part in options.parts:
            setting = Setting(bed, console, options.peers, options.sizes)
            bad += _run(part, setting, results, quick=options.quick)
    return 1 if bad else 0


def _run(name: str, setting: Setting, results: Path, *, quick: bool) -> int:
    """One part; how much went wrong in it."""
    part, console = PARTS[name], setting.console
    console.rule(f"{name}: {part.says}")
    machine, before = record.machine(setting.bed.folder), record.calibrate()
    if before["clock_us"] > record.QUIET_US * record.BUSY:
        console.print(
            f"HMAC-SHA256 takes {before['clock_us']} µs by the clock and {before['cpu_us']} µs of "
            "processor time: this machine is slower than ours, or shared."
        )
    began = time.time()
    rounds = [
        {k: round(v, 4) if isinstance(v, float) else v for k, v in one.items()}
        for one in part.measure(setting)
    ]
    bad = sum(one["bad"] for one in rounds)
    made: dict[str, Any] = {
        "part": name,
        "at": time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime(began)),
        "seconds": round(time.time() - began),
        "quick": quick,
        "command": ["python", "-m", "bench.run", *sys.argv[1:]],
        "commit": record.commit(),
        "machine": machine,
        "versions": {**record.versions(), **_database_version(setting.bed.postgres)},
        "calibration": {"before": before, "after": record.calibrate()},
        "sizes": dict(setting.sizes),
        "medians": record.medians(rounds, part.by),
        "rounds": rounds,
    }
    console.print(table(part.sheet(made)))
    if bad:
        console.print(f"{bad} were refused or lost: these figures do not stand.")
    path = record.store(results, made)
    console.print(f"Stored in {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")
    return int(bad)


def table(sheet: Sheet) -> Table:
    """For a terminal."""
    made = Table(title=sheet.title)
    for place, heading in enumerate(sheet.columns):
        words = all(not row[place][:1].isdigit() for row in sheet.rows if row[place])
        made.add_column(heading, justify="left" if words else "right")
    for row in sheet.rows:
        made.add_row(*row)
    return made


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    says = " · ".join(f"{name}: {part.says}" for name, part in PARTS.items())
    parser.add_argument("parts", nargs="*", metavar="part", help=says)
    parser.add_argument("--quick", action="store_true", help="seconds, to see that it works")
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--results", default=str(record.RESULTS), help="where records are kept")
    for name, (full, quick, what) in SIZES.items():
        parser.add_argument(
            f"--{name}", type=int, metavar="N", help=f"{what}; {full:,}, with --quick {quick}"
        )
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    options.parts = options.parts or list(PARTS)
    options.peers = tuple(name for name in PEERS if name in options.peers)
    options.sizes = {
        name: getattr(options, name) or (quick if options.quick else full)
        for name, (full, quick, _) in SIZES.items()
    }
    others = {BASELINE, CHAT_POSTGRESQL, BOLT} & set(options.peers)
    if (
        others
        and {"taps", "start"} & set(options.parts)
        and not (ROOT / "bench/chat/node_modules").exists()
    ):
        parser.error(
            "bench/chat is not installed: `make bench` does that, or leave it out with "
            "--peers countersign countersign-postgresql"
        )
    return options


def _wants_postgres(options: argparse.Namespace) -> bool:
    wanted = {POSTGRESQL, CHAT_POSTGRESQL} & {*options.peers}
    return bool(wanted and {*options.parts} - {"start", "gateway", "reading", "doors"})


def _files(console: Console, sizes: dict[str, int]) -> None:
    """Ten thousand sockets need as many file descriptors, here and in the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(sizes["waiters"], sizes["held"], sizes["crowd"]) + 1_000
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < wanted:
            for name in ("waiters", "held", "crowd"):
                sizes[name] = min(sizes[name], most - 1_000)
            console.print(f"`ulimit -Hn` is {hard}: only {most - 1_000:,} clients wait.")


def _database_version(url: str | None) -> dict[str, str]:
    async def ask(given: str) -> str:
        connection = await asyncpg.connect(given)
        try:
            return str(await connection.fetchval("SHOW server_version"))
        finally:
            await connection.close()

    return {"postgresql": asyncio.run(ask(url))} if url else {}


async def _drop(server: str, start: str) -> None:
    """Leave nothing behind on a server that was there before."""
    admin = await asyncpg.connect(server)
    found = await admin.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1", start + "%")
    for row in found:
        await admin.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
    await admin.close()


if __name__ == "__main__":
    sys.exit(main())
