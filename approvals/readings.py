"""Reads requests without blocking the event loop: large ones in a process of their own.

Law 32: nothing that an agent posts may hold the event loop for 50 ms. A worker process reads
requests larger than `HERE`, one at a time; one that takes longer than `SECONDS` is unclear. The
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
from typing import Any, Final, TypeAlias, TypeVar

import structlog

from approvals.model import Http, Request
from approvals.packs import RuleBook
from approvals.reading import Dialect, Part, Reading, read, read_payload
from approvals.reading.content import opaque
from approvals.reading.headers import content_type
from approvals.reading.values import UNCLEAR
from approvals.reading.worker import LENGTH

HERE: Final = 48 * 1024
"""Bytes that are read on the event loop, in under 20 ms at worst (docs/performance.md)."""
SECONDS: Final = 5.0
START: Final = 30.0
"""Seconds that a worker may take to start; the request's own time begins afterwards."""
REMEMBERED: Final = 8 * 1024 * 1024
"""About how many bytes of memory the kept readings may take. They serve the cards and pages of a
request that was just opened."""
LEAF: Final = 400
"""About how many bytes of memory one value of a reading takes: `{"a":1}` is 8 bytes of a request,
and takes 360."""
TOO_LONG: Final = "It takes too long to be read."
FAILED: Final = (TimeoutError, OSError, EOFError, asyncio.IncompleteReadError)
_T = TypeVar("_T")
_Asked: TypeAlias = tuple[Http | None, str | None, Dialect]


class Apart:
    """A child process that makes one call after the other, each within `seconds`.

    `call` raises TimeoutError, or OSError, EOFError or IncompleteReadError of the process itself;
    the next call starts it again.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self.process: asyncio.subprocess.Process | None = None

    async def call(self, function: Callable[..., _T], *args: Any, **named: Any) -> _T:
        """The result of `function`, defined in a module, for arguments that can be pickled."""
        async with self._turn:
            try:
                try:
                    async with asyncio.timeout(START):
                        await self._started()
                except TimeoutError:
                    raise EOFError from None  # of the process: the request took no time yet
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

    def __init__(self, *, seconds: float = SECONDS, remembered: int = REMEMBERED) -> None:
        """`remembered`: bytes of memory for what may be asked for again; 0: nothing is."""
        self._reader = Apart(seconds)
        self._drawer = Apart(seconds)  # so that nobody's page holds up what is asked
        self._known: OrderedDict[_Asked, tuple[Reading, int]] = OrderedDict()
        self._size, self._most = 0, remembered

    async def of(self, http: Http | None, payload: str | None, dialect: Dialect) -> Reading:
        """The reading of an HTTP request, or of a JSON payload."""
        asked = (http, payload, dialect)
        if (known := self._known.get(asked)) is not None:
            self._known.move_to_end(asked)
            return known[0]
        if _size(http, payload) <= HERE:
            return self._kept(asked, _read(http, payload, dialect))
        try:
            return self._kept(asked, await self._reader.call(_read, http, payload, dialect))
        except TimeoutError:
            return self._kept(asked, _unread(http, payload, dialect))
        except FAILED:  # of the process, not of the request
            return _unread(http, payload, dialect)

    def _kept(self, asked: _Asked, reading: Reading) -> Reading:
        if not self._most:
            return reading
        leaves = sum(1 for part in (reading.query, reading.body) for _ in part.walk())
        size = _size(*asked[:2]) + LEAF * (leaves + len(reading.headers))
        self._size += size - self._known.pop(asked, (reading, 0))[1]
        self._known[asked] = (reading, size)
        while self._size > self._most and len(self._known) > 1:
            self._size -= self._known.popitem(last=False)[1][1]
        return reading

    async def request(self, request: Request, book: RuleBook) -> Reading:
        """The reading of a request that was opened.

        A gateway's summary of a body is not the body: only the address of such a request is read.
        """
        http = held(request.http, summary=request.digest.startswith("summary-"))
        return await self.of(http, request.payload, book.dialect(http))

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
        nothing = Part(kind="none")
        return Reading(target=None, query=nothing, headers=(), body=body, dialect=dialect)
    head = replace(http, body=b"", body_complete=False)
    return replace(read(head, dialect=dialect), body=body, complete=http.body_complete)
