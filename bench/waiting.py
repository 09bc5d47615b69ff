"""Clients that wait for a verdict: `GET /v1/requests/{id}?wait=60`, asked again until it is there.

Raw asyncio, so that ten thousand of them cost this process little: a connection writes bytes that
were laid out before, and takes whole answers.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Final

from bench.load import GIVE_UP, length

LONGEST: Final = 60
"""Seconds that one wait may last; then the client asks again."""


class Line(asyncio.Protocol):
    """One keep-alive connection; one exchange at a time."""

    __slots__ = ("_answer", "_buffer", "_transport")

    def __init__(self) -> None:
        self._answer: asyncio.Future[tuple[bytes, int]] | None = None
        self._buffer = b""

    @classmethod
    async def open(cls, port: int) -> Line:
        """Connect to a server on this machine."""
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(cls, "127.0.0.1", port))[1]

    def ask(self, request: bytes) -> asyncio.Future[tuple[bytes, int]]:
        """Write now; the future holds the whole answer and when its last byte came (ns)."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed in mid-answer"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0 or len(self._buffer) < head + 4 + length(self._buffer[:head]):
            return
        now, whole, self._buffer = time.perf_counter_ns(), self._buffer, b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((whole, now))

    def close(self) -> None:
        """At once, so that the port is free again."""
        self._transport.abort()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a waiter got: the body, when it came (ns), and how often it had to ask."""

    body: dict[str, Any]
    at: int
    asked: int

    @property
    def whole(self) -> bool:
        """Decided or expired, with the receipt that says so."""
        return self.body.get("status") not in (None, "pending") and bool(self.body.get("receipt"))


def question(request: str, key: str) -> bytes:
    """The bytes of one wait."""
    return (
        f"GET /v1/requests/{request}?wait={LONGEST} HTTP/1.1\r\n"
        f"Host: approve.example.com\r\nAuthorization: Bearer {key}\r\n\r\n"
    ).encode()


async def verdict(line: Line, request: bytes) -> Verdict:
    """Wait until it is decided, however often one has to ask.

    Raises TimeoutError when the server does not keep to its own limit.
    """
    asked = 0
    while True:
        asked += 1
        whole, at = await asyncio.wait_for(line.ask(request), LONGEST + 10 * GIVE_UP)
        body = json.loads(whole[whole.index(b"\r\n\r\n") :])
        if body.get("status") != "pending":
            return Verdict(body, at, asked)
