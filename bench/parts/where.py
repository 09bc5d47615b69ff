"""Where the microseconds of a tap go: the processor's time by room, sampled while taps come in.

The share of each room, times what a tap costs in the same round (`bench.sample` says how).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from bench import load, taps
from bench.parts import Part, Rounds, Setting, number, turn_about
from bench.record import Sheet

ROOMS: Final = {
    "aiohttp": "HTTP (aiohttp)",
    "asyncio": "sockets and the event loop",
    "approvals/web": "the events route",
    "adapters/slack": "Slack: proof, parsing, echo",
    "approvals/proof": "Slack: proof, parsing, echo",
    "approvals/port": "Slack: proof, parsing, echo",
    "approvals/store": "store: rows and statements",
    "asyncpg": "store: the PostgreSQL driver",
    "threads": "store: SQLite's threads",
    "approvals/evidence": "deciding: MACs and digests",
    "approvals/buttons": "deciding: MACs and digests",
    "approvals/service": "deciding: may, machine, change",
    "approvals/policy": "deciding: may, machine, change",
    "approvals/machine": "deciding: may, machine, change",
    "approvals/model": "deciding: may, machine, change",
    "approvals/people": "deciding: may, machine, change",
    "approvals/notices": "deciding: may, machine, change",
    "approvals/turns": "group commit",
    "prometheus_client": "metrics and logs",
    "structlog": "metrics and logs",
}
OTHER: Final = "all else"


def measure(setting: Setting) -> Rounds:
    """Each of our databases in turn."""
    sizes, rounds = setting.sizes, Rounds()
    count = sizes["warm"] + sizes["taps"]
    for round_ in range(sizes["rounds"]):
        for name in turn_about(setting.ours(), round_):
            file = setting.bed.folder / f"sample.{name}.{round_}"
            with setting.bed.serving(name, setting.cards, sample=str(file)) as server:
                cards = taps.read(server.cards)[:count]
                signed = taps.sign(cards, path=server.path, secret=server.secret, now=time.time())
                used = server.cpu()
                result = load.run("127.0.0.1", server.port, signed, sizes["connections"])
                used = (server.cpu() - used) * 1e6 / count
            seen: dict[str, int] = json.loads(file.read_text())
            samples = max(1, sum(seen.values()))
            for place in dict.fromkeys([*ROOMS.values(), OTHER]):
                mine = sum(n for where, n in seen.items() if _room(where) == place)
                rounds.append(
                    {
                        "peer": name,
                        "room": place,
                        "cpu_us": used * mine / samples,
                        "share": mine / samples,
                        "samples": samples,
                        "bad": result.non200,
                    }
                )
            setting.console.print(
                f"{round_ + 1}. {name:<24} {used:4.0f} µs a tap, {samples:,} samples"
            )
    return rounds


def _room(where: str) -> str:
    return next((name for start, name in ROOMS.items() if where.startswith(start)), OTHER)


def sheet(record: Mapping[str, Any]) -> Sheet:
    """Microseconds by room, the databases side by side."""
    medians = record["medians"]
    peers = list(dict.fromkeys(key.partition(" ")[0] for key in medians))
    places = dict.fromkeys([*ROOMS.values(), OTHER])
    cells = {
        place: [medians[f"{peer} {place}"]["cpu_us"] for peer in peers]
        for place in places
        if any(medians[f"{peer} {place}"]["cpu_us"] for peer in peers)
    }
    total = [sum(column) for column in zip(*cells.values(), strict=True)]
    rows = [(place, *(number(us) for us in mine)) for place, mine in cells.items()]
    return Sheet(
        "Where the CPU µs of a tap go: medians of "
        f"{record['sizes']['rounds']} rounds of {record['sizes']['taps']:,}",
        ("room", *(f"{peer}, µs" for peer in peers)),
        (*rows, ("together", *(number(us) for us in total))),
    )


PART = Part("where the microseconds of a tap go", measure, ("peer", "room"), sheet)
