"""`make differential N=100000`: so many mutated requests, and how many disagreements there are.

Every request that is clear to us goes to every server (peers.py), in batches; what they read must
be what we read (agree.py).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.differential.agree import differences, reading_of, shown
from tests.differential.corpus import TRAPS, mutated, ordinary
from tests.differential.peers import Case, Peer, running

BATCH = 512


@dataclass(slots=True)
class Tally:
    """`taken`: answers of servers that took a request, by server; `found`: disagreements."""

    asked: int = 0
    clear: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)


async def compare(peers: Sequence[Peer], cases: Sequence[Case], tally: Tally) -> None:
    """Ask every server about every case that is clear to us."""
    clear = []
    for case in cases:
        reading = reading_of(case)
        tally.asked += 1
        if reading.unclear is None:
            clear.append((case, reading))
        else:
            tally.why[reading.unclear] += 1
    tally.clear += len(clear)
    answers = await asyncio.gather(*(peer.ask([case for case, _ in clear]) for peer in peers))
    for peer, given in zip(peers, answers, strict=True):
        for (case, reading), answer in zip(clear, given, strict=True):
            tally.taken[peer.name] += answer.seen is not None
            for line in differences(reading, answer, peer.name):
                tally.found.append(f"{peer.name}: {line}\n    {shown(case)}")


def mutations(count: int, seed: int) -> Iterator[list[Case]]:
    """Batches of traps and ordinary requests, changed at random."""
    random = Random(seed)
    grown = [*TRAPS.values(), *ordinary() * 3]
    grown = [case for case in grown if len(case.body) < 4_000]
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        yield [mutated(random.choice(grown), random) for _ in range(size)]


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential.run", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=20, help="disagreements to print")
    options = parser.parse_args()
    tally, began = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        async with running(Path(scratch)) as peers:
            await compare(peers, [*TRAPS.values(), *ordinary()], tally)
            for cases in mutations(options.count, options.seed):
                await compare(peers, cases, tally)
    print(f"{tally.asked:,} requests, {tally.clear:,} clear, {time.monotonic() - began:,.0f} s")
    for name, count in sorted(tally.taken.items()):
        print(f"  {name} took {count:,}")
    print(f"{len(tally.found):,} disagreements")
    for line in tally.found[: options.show]:
        print(line)
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
