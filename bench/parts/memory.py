"""Memory, seen from outside, with everything open and a client waiting on each; then all at once.

Once all of them are tapped over 32 connections, once the clock jumps past their expiry. Each waiter
has its own socket and must get its verdict with the receipt.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Mapping
from typing import Any

from bench import load, taps
from bench.parts import Part, Rounds, Setting, number, turn_about
from bench.peers import Serving
from bench.record import Sheet
from bench.serve_taps import KEY
from bench.waiting import Line, Verdict, question, verdict

TOGETHER = 250
"""Connections that are opened at once: a server's backlog is finite."""


def measure(setting: Setting) -> Rounds:
    """Each of our databases in turn, tapped and expired."""
    sizes, rounds = setting.sizes, Rounds()
    count = sizes["waiters"]
    kinds = [(name, how) for name in setting.ours() for how in ("tapped", "expired")]
    for round_ in range(sizes["rounds"]):
        for name, how in turn_about(kinds, round_):
            with setting.bed.serving(name, count, carry="1") as server:
                done = {"peer": name, "how": how}
                done |= asyncio.run(_round(server, how, sizes["connections"]))
            rounds.append(done)
            setting.console.print(
                f"{round_ + 1}. {name:<24} {how:<8} {done['rest_mb']:4.0f} MB at rest  "
                f"{done['waiting_mb']:4.0f} MB with {count:,} waiting  "
                f"all back after {done['all_s']:6.2f} s  {done['after_mb']:4.0f} MB after"
            )
    return rounds


async def _round(server: Serving, how: str, connections: int) -> dict[str, Any]:
    cards = taps.read(server.cards)
    questions = [question(card.request, KEY) for card in cards]
    await _quiet(server)
    rest = server.rss_mb()
    lines: list[Line] = []
    for start in range(0, len(cards), TOGETHER):
        more = range(start, min(start + TOGETHER, len(cards)))
        lines += await asyncio.gather(*(Line.open(server.port) for _ in more))
    waiting = [
        asyncio.create_task(verdict(line, asked))
        for line, asked in zip(lines, questions, strict=True)
    ]
    while await asyncio.to_thread(server.metric, "countersign_waiting") < len(cards):
        await asyncio.sleep(0.1)
    full = server.rss_mb()
    signed = taps.sign(cards, path=server.path, secret=server.secret, now=time.time())
    gc.collect()
    used, bad, tapped_s = server.cpu(), 0, None
    began = time.perf_counter_ns()
    if how == "tapped":
        result = await load.drive("127.0.0.1", server.port, signed, connections)
        bad, tapped_s = result.non200, result.seconds
    else:
        server.process.send_signal(signal.SIGUSR1)
    verdicts = await asyncio.gather(*waiting)
    used = server.cpu() - used
    for line in lines:
        line.close()
    return {
        "rest_mb": rest,
        "waiting_mb": full,
        "each_kb": (full - rest) * 1e3 / len(cards),
        "after_mb": server.rss_mb(),
        "tapped_s": tapped_s,
        "all_s": (max(v.at for v in verdicts) - began) / 1e9,
        "half_s": (sorted(v.at for v in verdicts)[len(verdicts) // 2] - began) / 1e9,
        "cpu_us": used * 1e6 / len(cards),
        "asked_again": sum(v.asked - 1 for v in verdicts),
        "bad": bad + sum(not _as_it_should(v, how) for v in verdicts),
    }


def _as_it_should(found: Verdict, how: str) -> bool:
    return found.whole and found.body["status"] == ("approved" if how == "tapped" else "expired")


async def _quiet(server: Serving) -> None:
    """Until it has done what starting brings with it."""
    used = -1.0
    while (now := server.cpu()) - used > 0.02:
        used = now
        await asyncio.sleep(0.5)


def sheet(record: Mapping[str, Any]) -> Sheet:
    """Medians."""
    s = record["sizes"]
    rows = tuple(
        (
            *key.split(" "),
            number(m["rest_mb"]),
            number(m["waiting_mb"]),
            number(m["each_kb"], 1),
            number(m["half_s"], 1),
            number(m["all_s"], 1),
            number(m["cpu_us"]),
            number(m["after_mb"]),
        )
        for key, m in record["medians"].items()
    )
    return Sheet(
        f"{s['waiters']:,} requests pending and a client waiting on each: "
        f"medians of {s['rounds']} rounds",
        (
            *("peer", "closed by", "MB before", "MB waiting", "kB a waiter", "half back after s"),
            *("all back after s", "CPU µs each", "MB after"),
        ),
        rows,
    )


PART = Part(
    "memory with many clients waiting, and how fast all get their verdict",
    measure,
    ("peer", "how"),
    sheet,
)
