"""Taps a second: ours and others', the same bytes, on the same core, turn about.

Each tap is verified, authorised and durably committed before it is acknowledged; `chat` verifies
and counts in memory, `chat-postgresql` has its state there, `bolt` is Slack's own framework with a
handler that only counts, `aiohttp` what any server in Python takes for as much. The outbox is
paused. `full` is the same with many decided requests in the store.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bench import load, taps
from bench.parts import Part, Rounds, Setting, number, turn_about
from bench.peers import BASELINE, OURS
from bench.record import Sheet


def measure(setting: Setting) -> Rounds:
    """All peers on an empty store."""
    # Ours first, so that its cards are there for the others.
    peers = [(name, 0) for name in sorted(setting.peers, key=lambda name: name not in OURS)]
    return _measure(setting, peers)


def measure_full(setting: Setting) -> Rounds:
    """Ours on an empty store, and on one that holds what was decided before."""
    decided = setting.sizes["decided"]
    return _measure(setting, [(name, n) for name in setting.ours() for n in (0, decided)])


def _measure(setting: Setting, peers: list[tuple[str, int]]) -> Rounds:
    sizes, rounds = setting.sizes, Rounds()
    count = sizes["warm"] + sizes["taps"]
    cards = taps.synthetic(count)
    for round_ in range(sizes["rounds"]):
        for name, decided in turn_about(peers, round_):
            with setting.bed.serving(name, setting.cards, decided=str(decided)) as server:
                if server.cards.exists():
                    cards = taps.read(server.cards)[:count]
                path = server.path
                requests = taps.sign(cards, path=path, secret=server.secret, now=time.time())
                warm, timed = requests[: sizes["warm"]], requests[sizes["warm"] :]
                cold = load.run("127.0.0.1", server.port, warm, sizes["connections"])
                used, database = server.cpu(), server.database_cpu()
                result = load.run("127.0.0.1", server.port, timed, sizes["connections"])
                used, database = server.cpu() - used, server.database_cpu() - database
                taken = server.taken()
                lost = 0 if taken is None else len(requests) - taken
                done = {
                    "peer": name,
                    "decided": decided,
                    "rate": round(result.rate, 1),
                    "p50_ms": round(result.p50_ms, 3),
                    "p99_ms": round(result.p99_ms, 3),
                    "cpu_us": round(used * 1e6 / result.taps, 1),
                    "database_cpu_us": round(database * 1e6 / result.taps, 1),
                    "rss_mb": server.rss_mb(),
                    "bad": max(cold.non200 + result.non200, lost),
                }
            rounds.append(done)
            setting.console.print(
                f"{round_ + 1}. {name:<24}{decided or '':>8} {done['rate']:8,.0f} taps/s  "
                f"p50 {done['p50_ms']:6.2f} ms  p99 {done['p99_ms']:6.2f} ms  "
                f"{done['cpu_us']:4.0f} µs  {done['rss_mb']:4.0f} MB"
            )
    return rounds


def sheet(record: Mapping[str, Any]) -> Sheet:
    """Medians, and the ratio to the baseline where it was there."""
    medians = record["medians"]
    base = medians.get(f"{BASELINE} 0")
    rows = []
    for key, m in medians.items():
        rows.append(
            (
                key.removesuffix(" 0"),
                number(m["rate"]),
                number(m["p50_ms"], 1),
                number(m["p99_ms"], 1),
                number(m["cpu_us"]),
                number(m["database_cpu_us"] or None),
                number(m["rss_mb"]),
                number(m["rate"] / base["rate"], 2) if base else "",
                number(base["cpu_us"] / m["cpu_us"], 2) if base else "",
            )
        )
    s = record["sizes"]
    return Sheet(
        f"Taps: medians of {s['rounds']} rounds of {s['taps']:,}, {s['connections']} connections",
        (
            *("peer", "taps/s", "p50 ms", "p99 ms", "CPU µs a tap", "database's CPU µs", "MB"),
            *("rate against chat", "CPU against chat"),
        ),
        tuple(rows),
    )


def sheet_full(record: Mapping[str, Any]) -> Sheet:
    """Medians, and the ratio to the same on an empty store."""
    medians = record["medians"]
    rows = []
    for key, m in medians.items():
        name, decided = key.split(" ")
        empty = medians[f"{name} 0"]
        rows.append(
            (
                name,
                number(int(decided)),
                number(m["rate"]),
                number(m["p50_ms"], 1),
                number(m["p99_ms"], 1),
                number(m["cpu_us"]),
                number(m["rss_mb"]),
                number(m["rate"] / empty["rate"], 2),
                number(empty["cpu_us"] / m["cpu_us"], 2),
            )
        )
    s = record["sizes"]
    return Sheet(
        f"With decided requests in the store: medians of {s['rounds']} rounds of {s['taps']:,}",
        (
            *("peer", "decided before", "taps/s", "p50 ms", "p99 ms", "CPU µs a tap", "MB"),
            *("rate against empty", "CPU against empty"),
        ),
        tuple(rows),
    )


BY = ("peer", "decided")
TAPS = Part("taps a second, beside the npm package chat", measure, BY, sheet)
FULL = Part("the same with many decided requests in the store", measure_full, BY, sheet_full)
