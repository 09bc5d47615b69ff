"""Taps at a fixed rate: alone, while thousands of clients wait, and while forged taps come in.

The server starts with the usual soft limit of 1,024 open files, as systemd and shells give it, and
raises it by itself. Clients that wait have a socket each. Forged taps come from a process of their
own (`bench.flood`); how many a second it gets through is told, because that is what was measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from bench import taps
from bench.load import percentile
from bench.parts import Part, Rounds, Setting, number, turn_about
from bench.parts.memory import TOGETHER
from bench.peers import Serving
from bench.record import ROOT, Sheet
from bench.serve_taps import KEY
from bench.waiting import Line, question

SOFT: Final = 1_024
"""Open files that a process may have unless it asks for more: systemd's default, and Debian's."""
CONNECTIONS: Final = 64
ALONE: Final = "alone"
FORGED: Final = "with forged taps"
WAITING: Final = "with clients waiting"
SERVERS: Final = ((ALONE, FORGED), (WAITING,))
"""What each server is put through. Its memory says how much the clients that wait take, so nobody
came before them."""


def measure(setting: Setting) -> Rounds:
    """Each of our databases in turn."""
    sizes, rounds = setting.sizes, Rounds()
    count = sizes["crowd"]
    for round_ in range(sizes["rounds"]):
        for name in turn_about(setting.ours(), round_):
            needed = sizes["crowd"] + 2 * sizes["crowdtaps"]
            for hows in SERVERS:
                with setting.bed.serving(name, needed, soft=SOFT, carry="1") as server:
                    for done in asyncio.run(_round(server, hows, count, sizes)):
                        rounds.append({"peer": name, **done})
                        setting.console.print(
                            f"{round_ + 1}. {name:<24} {done['how']:<22} "
                            f"p50 {done['p50_ms']:6.2f} ms  p99 {done['p99_ms']:6.2f} ms  "
                            f"{done['rss_mb']:4.0f} MB  {done['forged']:6,.0f} forged/s"
                        )
    return rounds


async def _round(
    server: Serving, hows: Sequence[str], count: int, sizes: Mapping[str, int]
) -> list[dict[str, Any]]:
    cards = taps.read(server.cards)
    each = sizes["crowdtaps"]
    signed = taps.sign(cards[: 2 * each], path=server.path, secret=server.secret, now=time.time())
    questions = [question(card.request, KEY) for card in cards[2 * each :][:count]]
    found = []
    for place, how in enumerate(hows):
        mine, forged, passed = signed[place * each :][:each], 0.0, 0.0
        async with contextlib.AsyncExitStack() as stack:
            if how == WAITING:
                await stack.enter_async_context(_waiting(server, questions))
            flood: subprocess.Popen[str] | None = None
            if how == FORGED:
                flood = _flood(server.port, sizes["forged"])
            times, bad = await _taps(server.port, mine, sizes["crowdrate"])
            rss = server.rss_mb()
            if flood is not None:
                flood.terminate()
                said, _ = await asyncio.to_thread(flood.communicate)
                refused, passed, seconds = map(float, said.split()[-3:])
                forged = refused / seconds
        found.append(
            {
                "how": how,
                "p50_ms": percentile(times, 50) / 1e6,
                "p99_ms": percentile(times, 99) / 1e6,
                "rss_mb": rss,
                "waiting": len(questions) if how == WAITING else 0,
                "forged": forged,
                "bad": bad + int(passed),
            }
        )
    return found


async def _taps(port: int, signed: list[bytes], rate: int) -> tuple[list[int], int]:
    """The time of each answer in ns, in order of size, and how many were not 200."""
    loop, times, bad = asyncio.get_running_loop(), list[int](), 0
    idle = [await Line.open(port) for _ in range(CONNECTIONS)]
    gc.collect()
    began = loop.time()

    async def one(place: int) -> None:
        nonlocal bad
        await asyncio.sleep(began + place / rate - loop.time())
        line = idle.pop() if idle else await Line.open(port)
        sent = time.perf_counter_ns()
        answer, at = await line.ask(signed[place])
        idle.append(line)
        times.append(at - sent)
        bad += not answer.startswith(b"HTTP/1.1 200 ")

    async with asyncio.TaskGroup() as group:
        for place in range(len(signed)):
            group.create_task(one(place))
    for line in idle:
        line.close()
    return sorted(times), bad


@contextlib.asynccontextmanager
async def _waiting(server: Serving, questions: list[bytes]) -> AsyncIterator[None]:
    """All of them have asked, and none has an answer."""
    lines: list[Line] = []
    asked: list[asyncio.Future[tuple[bytes, int]]] = []
    for start in range(0, len(questions), TOGETHER):
        some = questions[start : start + TOGETHER]
        made = await asyncio.gather(*(Line.open(server.port) for _ in some))
        asked += [line.ask(text) for line, text in zip(made, some, strict=True)]
        lines += made
        while await asyncio.to_thread(server.metric, "countersign_waiting") < len(lines):
            if any(one.done() for one in asked):
                raise SystemExit(f"a client was not kept waiting: {_first(asked)!r}")
            await asyncio.sleep(0.05)
    try:
        yield
    finally:
        for line in lines:
            line.close()
        await asyncio.gather(*asked, return_exceptions=True)


def _first(asked: list[asyncio.Future[tuple[bytes, int]]]) -> object:
    done = next(one for one in asked if one.done())
    return done.exception() or done.result()[0][:200]


def _flood(port: int, rate: int) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "bench.flood", str(port), str(rate))
    made = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert made.stdout is not None
    made.stdout.readline()  # it sends
    return made


def sheet(record: Mapping[str, Any]) -> Sheet:
    """Medians, and the ratio to the taps alone."""
    medians, s = record["medians"], record["sizes"]
    rows = []
    for key, m in medians.items():
        peer, _, how = key.partition(" ")
        alone = medians[f"{peer} {ALONE}"]
        rows.append(
            (
                peer,
                how,
                number(m["p50_ms"], 1),
                number(m["p99_ms"], 1),
                f"{number(m['p50_ms'] / alone['p50_ms'], 1)} ×",
                f"{number(m['p99_ms'] / alone['p99_ms'], 1)} ×",
                number(m["rss_mb"]),
                number(m["waiting"] or None),
                number(m["forged"] or None),
            )
        )
    return Sheet(
        f"{s['crowdrate']} taps a second: medians of {s['rounds']} rounds of {s['crowdtaps']:,}",
        (
            *("peer", "how", "p50 ms", "p99 ms", "p50 against alone", "p99 against alone", "MB"),
            *("clients waiting", "forged/s"),
        ),
        tuple(rows),
    )


PART = Part(
    "taps while thousands wait at a soft limit of 1,024 files, and while forged taps come in",
    measure,
    ("peer", "how"),
    sheet,
)
