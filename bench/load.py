"""Drives a web server with ready-made requests over keep-alive connections and times each answer.

The bytes are laid out before the clock starts, so that a round measures the server and not us: a
connection writes one request, waits for the whole answer, and takes the next from the common heap.
Against a server that does nothing this reaches far more than any peer (`python -m bench.load`).
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

GIVE_UP = 30.0
"""Seconds without a single answer after which a round fails instead of hanging."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run measured; times from the write of a request to the last byte of its answer."""

    taps: int
    seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    non200: int


async def drive(host: str, port: int, requests: Iterable[bytes], connections: int = 32) -> Result:
    """Send every request once, spread over `connections`, and measure.

    Raises RuntimeError when the server closes a connection, answers without a Content-Length, or
    says nothing for `GIVE_UP` seconds.
    """
    loop = asyncio.get_running_loop()
    run = _Run(deque(requests), loop.create_future())
    lines = [
        (await loop.create_connection(lambda: _Line(run), host, port))[1]
        for _ in range(connections)
    ]
    gc.collect()
    gc.disable()
    try:
        started = time.perf_counter_ns()
        for line in lines:
            line.next()
        seen = -1
        while not run.over.done():
            if seen == len(run.times):
                raise RuntimeError(f"no answer for {GIVE_UP:.0f} s after {seen} of them")
            seen = len(run.times)
            await asyncio.wait([run.over], timeout=GIVE_UP)
        ended = run.over.result()
    finally:
        gc.enable()
        run.done = True
        for line in lines:
            line.close()
    times = sorted(run.times)
    seconds = (ended - started) / 1e9
    return Result(
        taps=len(times),
        seconds=seconds,
        rate=len(times) / seconds,
        p50_ms=percentile(times, 50) / 1e6,
        p99_ms=percentile(times, 99) / 1e6,
        non200=run.non200,
    )


def run(host: str, port: int, requests: Iterable[bytes], connections: int = 32) -> Result:
    """`drive` for callers without an event loop."""
    return asyncio.run(drive(host, port, requests, connections))


def percentile(ordered: list[int], percent: float) -> int:
    """The smallest value that at least `percent` of the (sorted) values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0


class _Run:
    """What the connections of one run share."""

    __slots__ = ("done", "heap", "non200", "open", "over", "times")

    def __init__(self, heap: deque[bytes], over: asyncio.Future[int]) -> None:
        self.heap = heap
        self.over = over
        self.times: list[int] = []
        self.non200 = 0
        self.open = 0
        self.done = False

    def fail(self, why: str) -> None:
        if not self.over.done() and not self.done:
            self.over.set_exception(RuntimeError(why))


class _Line(asyncio.Protocol):
    """One keep-alive connection: one request out, one answer in, the next."""

    __slots__ = ("buffer", "run", "sent", "transport", "waiting")

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.buffer = b""
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting:
            self.run.fail(f"the server closed a connection in mid-answer: {exc}")

    def next(self) -> None:
        run = self.run
        if run.heap:
            request = run.heap.popleft()
            if not self.waiting:
                self.waiting = True
                run.open += 1
            self.sent = time.perf_counter_ns()
            self.transport.write(request)
        else:
            self.waiting = False
            run.open -= 1
            if run.open <= 0 and not run.over.done():
                run.over.set_result(time.perf_counter_ns())

    def data_received(self, data: bytes) -> None:
        data = self.buffer + data if self.buffer else data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            self.buffer = data
            return
        try:
            complete = len(data) >= head + 4 + length(data[:head])
        except ValueError as fault:
            self.run.fail(str(fault))
            return
        if not complete:
            self.buffer = data
            return
        self.buffer = b""
        self.run.times.append(time.perf_counter_ns() - self.sent)
        if not data.startswith(b"HTTP/1.1 200"):
            self.run.non200 += 1
        self.next()

    def close(self) -> None:
        self.transport.abort()


def length(head: bytes) -> int:
    """The Content-Length of an answer's head; ValueError when it has none."""
    at = head.find(b"Content-Length: ")
    if at < 0:
        at = head.lower().find(b"content-length: ")
        if at < 0:
            raise ValueError(f"an answer without Content-Length: {head[:200]!r}")
    end = head.find(b"\r\n", at)
    return int(head[at + 16 : end if end > 0 else len(head)])


if __name__ == "__main__":  # how fast is the generator itself? A server that only counts bytes.
    import os
    import subprocess
    import sys

    ECHO = """
import asyncio
class Sink(asyncio.Protocol):
    def connection_made(self, transport): self.transport, self.got = transport, 0
    def data_received(self, data):
        self.got += len(data)
        while self.got >= SIZE:
            self.got -= SIZE
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
    request = b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: 4400\r\n\r\n" + b"x" * 4400
    cores = sorted(os.sched_getaffinity(0))
    server = subprocess.Popen(
        [sys.executable, "-c", ECHO.replace("SIZE", str(len(request)))], stdout=subprocess.PIPE
    )
    os.sched_setaffinity(server.pid, {cores[0]})
    os.sched_setaffinity(0, {cores[-1]})
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        own = time.process_time()
        result = run("127.0.0.1", port, [request] * 60_000)
        own = (time.process_time() - own) * 1e6 / result.taps
        print(result, f"the generator's own: {own:.1f} µs a request", sep="\n")
    finally:
        server.terminate()
