"""From a tap to the gateway's waiting request returning with the verdict and its receipt.

The outbox works here: it signs the receipts and redraws the cards (Slack itself is short-circuited)
while taps come in at a moderate fixed rate. Each is timed from the write of its own bytes, and has
a client that asked `AHEAD` seconds before.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Mapping
from typing import Any, Final

from bench import taps
from bench.load import percentile
from bench.parts import Part, Rounds, Setting, number, turn_about
from bench.record import Sheet
from bench.serve_taps import KEY
from bench.waiting import Line, Verdict, question, verdict

AHEAD: Final = 1.0


def measure(setting: Setting) -> Rounds:
    """Each of our databases in turn."""
    sizes, rounds = setting.sizes, Rounds()
    count = sizes["verdicts"]
    for round_ in range(sizes["rounds"]):
        for name in turn_about(setting.ours(), round_):
            with setting.bed.serving(name, setting.cards, carry="1") as server:
                cards = taps.read(server.cards)[:count]
                signed = taps.sign(cards, path=server.path, secret=server.secret, now=time.time())
                questions = [question(card.request, KEY) for card in cards]
                used = server.cpu()
                acks, verdicts, bad = asyncio.run(
                    _round(server.port, questions, signed, sizes["rate"])
                )
                used = server.cpu() - used
            done = {
                "peer": name,
                "p50_ms": percentile(verdicts, 50) / 1e6,
                "p99_ms": percentile(verdicts, 99) / 1e6,
                "ack_p50_ms": percentile(acks, 50) / 1e6,
                "ack_p99_ms": percentile(acks, 99) / 1e6,
                "cpu_us": used * 1e6 / count,
                "bad": bad,
            }
            rounds.append(done)
            setting.console.print(
                f"{round_ + 1}. {name:<24} verdict p50 {done['p50_ms']:6.2f} ms  "
                f"p99 {done['p99_ms']:6.2f} ms  acknowledged p50 {done['ack_p50_ms']:6.2f} ms  "
                f"p99 {done['ack_p99_ms']:6.2f} ms  {done['cpu_us']:5.0f} µs"
            )
    return rounds


async def _round(
    port: int, questions: list[bytes], signed: list[bytes], rate: int
) -> tuple[list[int], list[int], int]:
    """Times in ns from tap to acknowledgement and to verdict, sorted; and how many went wrong."""
    idle: list[Line] = [await Line.open(port) for _ in range(64 + int(rate * (AHEAD + 1)))]
    acks: list[int] = []
    verdicts: list[int] = []
    bad = 0

    async def waits(place: int) -> Verdict:
        line = idle.pop() if idle else await Line.open(port)
        found = await verdict(line, questions[place])
        idle.append(line)
        return found

    async def one(place: int, at: float) -> None:
        nonlocal bad
        await asyncio.sleep(at - loop.time())
        waiting = asyncio.create_task(waits(place))
        await asyncio.sleep(at + AHEAD - loop.time())
        line = idle.pop() if idle else await Line.open(port)
        sent = time.perf_counter_ns()
        answer, acked = await line.ask(signed[place])
        idle.append(line)
        found = await waiting
        acks.append(acked - sent)
        verdicts.append(found.at - sent)
        if not answer.startswith(b"HTTP/1.1 200") or not found.whole or found.at < sent:
            bad += 1

    loop = asyncio.get_running_loop()
    start = loop.time() + 0.5
    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(*(one(n, start + n / rate) for n in range(len(signed))))
    finally:
        gc.enable()
    for line in idle:
        line.close()
    return sorted(acks), sorted(verdicts), bad


def sheet(record: Mapping[str, Any]) -> Sheet:
    """Medians of the rounds' percentiles."""
    s = record["sizes"]
    rows = tuple(
        (
            key,
            number(m["p50_ms"], 1),
            number(m["p99_ms"], 1),
            number(m["ack_p50_ms"], 1),
            number(m["ack_p99_ms"], 1),
            number(m["cpu_us"]),
        )
        for key, m in record["medians"].items()
    )
    return Sheet(
        f"From tap to verdict: medians of {s['rounds']} rounds of {s['verdicts']:,} "
        f"at {s['rate']} a second",
        (
            *("peer", "verdict p50 ms", "verdict p99 ms", "tap acknowledged p50 ms"),
            *("tap acknowledged p99 ms", "CPU µs each"),
        ),
        rows,
    )


PART = Part("from a tap to the waiting client's verdict and receipt", measure, ("peer",), sheet)
