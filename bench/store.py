"""What the store's share of a tap costs: `presses`, then `commit` of a vote that closes the case.

    python bench/store.py [sqlite | postgresql | both] [--taps N] [--profile]

Prints JSON: for each database and batch size taps per second by the clock, and microseconds of our
own CPU per tap, median of the batches (all threads of this process; PostgreSQL's own work is
another process's). Deciding is not in it. SQLite lies in the current directory, because /tmp may be
memory; PostgreSQL is started with fsync on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import json
import pstats
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from approvals.buttons import Binding, Stored
from approvals.evidence import Entry
from approvals.model import Agent, Ask, Case, Choice, Http, Kind, Label, Request, Status, Vote
from approvals.store import CardRow, CardState, Change, Job, Result, Store
from tests.harness.postgres import postgres

NOW = 1_790_000_000_000
ASK = Ask("everything else", (("default", 1),), ("web", "slack"), policy="sha-256:" + "ab" * 32)


def a_case(n: int) -> Case:
    id_ = f"req_01K{n:023d}"
    digest = f"sha-256:{n:064x}"
    return Case(id_, "default", 1, digest, "billing", "billing-bot", ASK, NOW, NOW + 900_000)


def an_entry(case: Case, kind: str) -> Entry:
    said: dict[str, object] = {
        "by": "dana",
        "choice": "approve",
        "digest": case.digest,
        "groups": ["default"],
    }
    said |= {"reason": None, "revision": 1, "status": "approved", "version": 2, "via": "slack"}
    return Entry("default", NOW, kind, case.id, json.dumps(said, sort_keys=True), bytes(16))


async def fill(store: Store, n: int) -> list[bytes]:
    """Open cases with a posted card each; the look-ups of their approve buttons."""
    lookups = []
    for start in range(0, n, 500):
        changes = []
        for i in range(start, min(n, start + 500)):
            case = a_case(i)
            http = Http("POST", "https://api.example.com/v1/payouts", (), b"amount=12400")
            request = Request(
                case.id, "default", 1, "billing", Kind.GATEWAY, Agent("billing-bot"), "pay", http,
                None, case.digest, NOW,
            )  # fmt: skip
            opened = (an_entry(case, "request.opened"),)
            changes.append(Change(case, None, opened, content=request, audiences=("group:x",)))
        await store.commit(changes)
        cards = []
        for change in changes:
            case = change.case
            card = CardRow(
                f"crd_{case.id[4:]}", case.id, 1, "slack", "D024BE91L", "U024BE7LH", "dana",
                "1790000000.000100", "ab" * 32, None, CardState.POSTED, 1,
            )  # fmt: skip
            stored = [
                Stored(
                    bytes([k]) * 8 + int(case.id[7:]).to_bytes(8, "big"), card.id, bytes(16),
                    Binding(
                        "k1", case.id, 1, case.digest, label.choice, label, "slack", "D024BE91L",
                        "U024BE7LH", NOW + 900_000,
                    ),
                )
                for k, label in enumerate((Label.APPROVE, Label.DECLINE))
            ]  # fmt: skip
            lookups.append(stored[0].lookup)
            cards.append(store.add_card(card, stored))
        await asyncio.gather(*cards)
    return lookups


async def measure(url: str, taps: int, sizes: list[int], profile: bool) -> dict[str, object]:
    store = await Store.connect(url)
    found: dict[str, object] = {}
    try:
        lookups = iter(await fill(store, taps * len(sizes)))
        for size in sizes:
            watch = cProfile.Profile() if profile else None
            reading, writing = [], []
            start = time.perf_counter()
            if watch:
                watch.enable()
            for n in range(0, taps, size):
                batch = [(next(lookups), f"slack:{size}-{n + i:032d}") for i in range(size)]
                t0 = time.process_time()
                presses = await store.presses(batch)
                t1 = time.process_time()
                changes = []
                for (_, event), press in zip(batch, presses, strict=True):
                    assert press is not None
                    assert not press.seen
                    case = press.case
                    vote = Vote(
                        "dana", Choice.APPROVE, ("default",), "slack", 1, NOW, None, False, "k1",
                        "ab" * 32,
                    )  # fmt: skip
                    after = replace(
                        case, version=2, status=Status.APPROVED, votes=(vote,), decided_at=NOW
                    )
                    jobs = (
                        Job("redraw", case.id, "", NOW),
                        Job("forward", case.id, "", NOW),
                    )
                    changes.append(Change(after, 1, (an_entry(case, "vote"),), jobs, event))
                t2 = time.process_time()
                results = await store.commit(changes)
                t3 = time.process_time()
                assert set(results) == {Result.WON}, results
                reading.append((t1 - t0) / size * 1e6)
                writing.append((t3 - t2) / size * 1e6)
            seconds = time.perf_counter() - start
            if watch:
                watch.disable()
                pstats.Stats(watch, stream=sys.stderr).sort_stats("tottime").print_stats(25)
            found[f"batches of {size}"] = {
                "taps_per_second": round(taps / seconds),
                "presses_cpu_us": round(median(reading), 1),
                "commit_cpu_us": round(median(writing), 1),
                "cpu_us": round(median(map(sum, zip(reading, writing, strict=True))), 1),
                "cpu_us_mean": round((sum(reading) + sum(writing)) / len(reading), 1),
            }
    finally:
        await store.close()
    return found


@contextlib.contextmanager
def databases(which: str) -> Iterator[dict[str, str]]:
    with contextlib.ExitStack() as stack:
        urls = {}
        if which in ("sqlite", "both"):
            path = stack.enter_context(tempfile.TemporaryDirectory(dir="."))
            urls["sqlite"] = f"sqlite:///{path}/bench.db"
        if which in ("postgresql", "both"):
            urls["postgresql"] = stack.enter_context(postgres(fsync=True))
        yield urls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "which", nargs="?", default="both", choices=["sqlite", "postgresql", "both"]
    )
    parser.add_argument("--taps", type=int, default=3200)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    with databases(args.which) as urls:
        found = {
            name: asyncio.run(measure(url, args.taps, args.sizes, args.profile))
            for name, url in urls.items()
        }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
