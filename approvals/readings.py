"""Reading requests without holding anybody up: small ones here, large ones in a process apart.

Law 32: nothing that an agent posts may hold the event loop for 50 ms. A worker process reads what
is larger than `HERE`, one at a time, within `SECONDS`; what takes longer counts as unclear. The
worker starts with the first large request and is started again if it dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import structlog

from approvals.model import Http, Request
from approvals.packs import RuleBook
from approvals.reading import Dialect, Part, Reading, read, read_payload
from approvals.reading.content import opaque
from approvals.reading.headers import content_type
from approvals.reading.values import UNCLEAR
from approvals.reading.worker import LENGTH

HERE: Final = 48 * 1024
"""Bytes that are read on the event loop, under 20 ms for the worst (docs/performance.md)."""
SECONDS: Final = 5.0
START: Final = 30.0
"""Seconds that a worker may take to start; they are not those of the request."""
REMEMBERED: Final = 8 * 1024 * 1024
"""Bytes of requests whose readings are kept for the next card of the same request."""
TOO_LONG: Final = "It takes too long to be read."
FAILED: Final = (TimeoutError, OSError, EOFError, asyncio.IncompleteReadError)
_T = TypeVar("_T")


class Apart:
    """A process beside this one that makes one call after the other, each within `seconds`.

    `call` raises TimeoutError, or OSError, EOFError or IncompleteReadError where the process ended;
    the next call starts it again.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self.process: asyncio.subprocess.Process | None = None

    async def call(self, function: Callable[..., _T], *args: Any, **named: Any) -> _T:
        """What `function`, which stands in a module, makes of values that can be pickled."""
        async with self._turn:
            try:
                async with asyncio.timeout(START):
                    await self._started()
                async with asyncio.timeout(self._seconds):
                    return await self._asked(function, args, named)
            except FAILED as error:
                structlog.get_logger().warning("reading_failed", why=type(error).__name__)
                await self._end()
                raise

    async def close(self) -> None:
        async with self._turn:
            await self._end()

    async def _started(self) -> None:
        if self.process is not None and self.process.returncode is None:
            return
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "approvals.reading.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self._pipes()[0].readexactly(struct.calcsize(LENGTH))

    def _pipes(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        worker = self.process
        if worker is None or worker.stdout is None or worker.stdin is None:
            raise EOFError
        return worker.stdout, worker.stdin

    async def _asked(
        self, function: Callable[..., _T], args: tuple[Any, ...], named: dict[str, Any]
    ) -> _T:
        source, sink = self._pipes()
        asked = pickle.dumps((function, args, named))
        sink.write(struct.pack(LENGTH, len(asked)) + asked)
        await sink.drain()
        (length,) = struct.unpack(LENGTH, await source.readexactly(struct.calcsize(LENGTH)))
        found: _T = pickle.loads(await source.readexactly(length))  # noqa: S301 # our own child
        return found

    async def _end(self) -> None:
        worker, self.process = self.process, None
        if worker is not None:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()


class Readings:
    """`of` and `request` answer with a `Reading` and never raise; `close` ends the processes."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._reader = Apart(seconds)
        self._drawer = Apart(seconds)  # so that nobody's page holds up what is asked
        self._known: OrderedDict[tuple[str, Dialect], tuple[Reading, int]] = OrderedDict()
        self._size = 0

    async def of(self, http: Http | None, payload: str | None, dialect: Dialect) -> Reading:
        """The reading of an HTTP request, or of a JSON payload."""
        if _size(http, payload) <= HERE:
            return _read(http, payload, dialect)
        try:
            return await self._reader.call(_read, http, payload, dialect)
        except FAILED:
            return _unread(http, payload, dialect)

    async def request(self, request: Request, book: RuleBook) -> Reading:
        """The reading of a request that was opened, remembered for its other cards.

        A gateway's summary of a body is not the body: only the address of such a request is read.
        """
        http = held(request.http, summary=request.digest.startswith("summary-"))
        dialect = book.dialect(http)
        key = (request.digest, dialect)
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known[0]
        reading = await self.of(http, request.payload, dialect)
        size = _size(http, request.payload)
        self._known[key] = (reading, size)
        self._size += size
        while self._size > REMEMBERED and len(self._known) > 1:
            self._size -= self._known.popitem(last=False)[1][1]
        return reading

    async def draw(
        self, function: Callable[..., _T], *given: Any, about: Sequence[Request], **named: Any
    ) -> _T | None:
        """What a function of requests and readings makes of them, in a thread; of large ones in a
        process, and None where that takes too long."""
        if sum(_size(one.http, one.payload) for one in about) <= HERE:
            return await asyncio.to_thread(function, *given, **named)
        try:
            return await self._drawer.call(function, *given, **named)
        except FAILED:
            return None

    async def close(self) -> None:
        await self._reader.close()
        await self._drawer.close()


def held(http: Http | None, *, summary: bool) -> Http | None:
    """The request without its body, where that is only a gateway's description of it."""
    if http is None or not summary:
        return http
    return replace(http, body_complete=False)


def _size(http: Http | None, payload: str | None) -> int:
    if http is None:
        return len(payload or "")
    around = sum(len(name) + len(value) for name, value in http.headers)
    return len(http.url) + around + (len(http.body) if http.body_complete else 0)


def _read(http: Http | None, payload: str | None, dialect: Dialect) -> Reading:
    if http is not None:
        return read(http, dialect=dialect)
    return read_payload("null" if payload is None else payload, dialect=dialect)


def _unread(http: Http | None, payload: str | None, dialect: Dialect) -> Reading:
    """Of the address only; the body is unclear."""
    raw = (payload or "").encode("utf-8", "surrogatepass") if http is None else http.body
    media = "application/json" if http is None else content_type(http.headers).media_type
    body = Part(kind="opaque", leaves=(opaque(raw, media),), tree=UNCLEAR, unclear=TOO_LONG)
    if http is None:
        reading = Reading(target=None, query=Part(kind="none"), headers=(), body=body)
        return replace(reading, dialect=dialect)
    head = replace(http, body=b"", body_complete=False)
    return replace(read(head, dialect=dialect), body=body, complete=http.body_complete)
