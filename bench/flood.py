"""Forged taps at a fixed rate, from a process of its own: `python -m bench.flood PORT RATE`.

They are whole taps by Slack's rules, signed with another secret, over keep-alive connections. It
runs until it is told to end, and prints how many were refused (401 or 429) and how many were not.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from itertools import cycle
from typing import Final

from bench import taps
from bench.waiting import Line

CONNECTIONS: Final = 64
KINDS: Final = 200
"""Different taps, sent again and again."""
REFUSED: Final = (b"HTTP/1.1 401 ", b"HTTP/1.1 429 ")


async def main(port: int, rate: float) -> None:
    """Refused, not refused, and seconds, as one line."""
    path, now = "/channels/slack/events", time.time()
    forged = cycle(taps.sign(taps.synthetic(KINDS), path=path, secret="x" * 32, now=now))
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    found, sent = Counter[bool](), 0
    began = loop.time()

    async def sends(line: Line) -> None:
        nonlocal sent
        while not stop.is_set():
            at, sent = began + sent / rate, sent + 1
            if (early := at - loop.time()) > 0:
                await asyncio.sleep(early)
            answer, _ = await line.ask(next(forged))
            found[answer.startswith(REFUSED)] += 1

    lines = [await Line.open(port) for _ in range(CONNECTIONS)]
    print("sending", flush=True)
    tasks = [asyncio.create_task(sends(line)) for line in lines]
    ends = asyncio.create_task(stop.wait())
    await asyncio.wait([ends, *tasks], return_when=asyncio.FIRST_COMPLETED)
    seconds = loop.time() - began
    for task in (ends, *tasks):
        task.cancel()
    for done in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(done, Exception):
            found[False] += 1  # a connection that the server closed
    for line in lines:
        line.close()
    print(found[True], found[False], seconds, flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
