"""Faults injected into real processes, and what is left counted (`bench.faults`)."""

from __future__ import annotations

import asyncio
import os
from argparse import Namespace
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from bench import faults
from bench.parts import Part, Rounds, Setting, number
from bench.peers import POSTGRESQL, SQLITE
from bench.record import Sheet


def measure(setting: Setting) -> Rounds:
    """Each fault once on each of our databases that can have it, on all cores."""
    sizes, rounds = setting.sizes, Rounds()
    options = Namespace(seconds=float(sizes["lasting"]), kills=sizes["kills"])
    ours, one_core = setting.ours(), os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # three copies, nginx and a database
    try:
        for fault, on in islice(_both(ours), sizes["faults"]):
            try:
                row = asyncio.run(faults.one(fault, on, options))
            except faults.Missing as why:
                setting.console.print(f"{fault} on {on} could not be done: {why}")
                continue
            setting.console.print(faults.line(row))
            found = asdict(row) | asdict(row.count)
            del found["on"], found["count"]
            peer = SQLITE if on == "sqlite" else POSTGRESQL
            rounds.append({"peer": peer, **found, "bad": int(not row.count.good)})
    finally:
        os.sched_setaffinity(0, one_core)
    return rounds


def _both(ours: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each fault with each of our databases that can have it."""
    wanted = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
    for fault, (_, databases) in faults.FAULTS.items():
        yield from ((fault, on) for on in databases if wanted[on] in ours)


def sheet(made: Mapping[str, Any]) -> Sheet:
    """A row for each fault and database."""
    names = ("opened", "presses", "again", "turned_away", "lost", "twice", "wrong", "open")
    rows = tuple(
        (
            one["fault"],
            one["peer"],
            *(number(one[name]) for name in names),
            one["chain"],
            *(number(one[name], 1) for name in ("ready", "verdict")),
        )
        for one in made["rounds"]
    )
    heads = ("requests", "cards", "again", "5xx", *names[4:], "chain", "ready s", "verdict s")
    return Sheet("Faults, and what is left", ("fault", "peer", *heads), rows)


PART = Part("faults injected into real processes, and counted", measure, ("fault", "peer"), sheet)
