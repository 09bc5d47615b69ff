"""An agent's connection in HTTP/2 (RFC 9113): each of its streams is a `Wire` for one request.

Laws: what h2 accepts and HTTP/1.1 could read in two ways is refused here, since upstreams get
HTTP/1.1; a connection has a limit of streams at work (streams that were reset count until their
work ends), of unread bytes, and of frames without effect (resets, pings, settings, empty data).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import h11

from approvals.proxy.wire import MAX_LINES, PIECE, Gone, Patience, Problem, Reader, Wire, cut

STREAMS: Final = 100
"""Streams of a connection at the same time (RFC 9113, 6.5.2, advises 100 at least)."""
WINDOW: Final = 65_535
"""Bytes of a stream's body that may be unread: the initial window. The connection's window is that
of all its streams together, so that a stream which waits cannot stop another."""
FRAME: Final = 16_384
"""Bytes of a frame: the smallest limit that HTTP/2 allows."""
IDLE_FRAMES: Final = 1_000
"""Frames without effect that may come at once; `REFILL` more a second."""
REFILL: Final = 50.0
TURN: Final = 32
"""Frames, a head counted as one for each 512 bytes, that are read before others may run."""
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS = 0, 1  # types of frames
# A message of HTTP/1.1 names these for its own framing; h2 refuses most of them too.
_HOP: Final = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade",
})  # fmt: skip
_FAILED: Final = (h2.exceptions.ProtocolError, h2.exceptions.NoSuchStreamError)


class Connection:
    """One connection, from its preface to its end."""

    def __init__(
        self, reader: Reader, writer: asyncio.StreamWriter, patience: Patience, agent: str,
        origin: str, begin: Callable[[Wire], asyncio.Task[None]],
    ) -> None:  # fmt: skip
        """`begin`: starts the work for one stream."""
        self.reader, self.writer, self.agent, self.origin = reader, writer, agent, origin
        self.patience, self._begin = patience, begin
        self.http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        self._streams: dict[int, Stream] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()  # a window was opened, or all is over
        self._main: asyncio.Task[None] | None = None
        self._ending = False
        self._calm, self._since = float(IDLE_FRAMES), 0.0

    async def run(self) -> None:
        """Read frames until one side ends. Nothing is raised for what the other side does."""
        self._main = asyncio.current_task()
        self._since = asyncio.get_running_loop().time()
        self.http.local_settings = h2.settings.Settings(client=False, initial_values={
            h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS,
            h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: PIECE,
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
            h2.settings.SettingCodes.ENABLE_PUSH: 0,
        })  # fmt: skip
        self.http.decoder.max_header_list_size = PIECE
        try:
            async with asyncio.timeout(self.patience.head):
                if await self.reader.readexactly(len(_PREFACE)) != _PREFACE:
                    return
            self.http.initiate_connection()
            self.http.increment_flow_control_window((STREAMS - 1) * WINDOW)
            self.http.receive_data(_PREFACE)
            await self.flush()
            await self._read()
        except h2.exceptions.ProtocolError:
            await self._over()  # h2 has said why, in a GOAWAY
        except _Excess:
            self.http.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
            await self._over()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            with contextlib.suppress(*_FAILED):
                self.http.close_connection()
                self.writer.write(self.http.data_to_send())
            self.writer.close()
            for stream in tuple(self._streams.values()):
                stream.leave()
            self._streams.clear()
            await self._closed()

    async def _closed(self) -> None:
        """Let the last bytes arrive, for a second; then cut the connection off."""
        for _ in range(2):
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self.writer.wait_closed()
            cut(self.writer)

    def drain(self) -> None:
        """Take no more streams; end with the last. (After a GOAWAY h2 sends nothing.)"""
        self._ending = True
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._ending and not self._working and self._main is not None:
            self._main.cancel()

    async def flush(self) -> None:
        """Write what h2 has to send, and wait for a slow reader. `OSError`, `TimeoutError`."""
        if self.writer.transport.is_closing():
            raise ConnectionResetError
        self.writer.write(self.http.data_to_send())
        async with asyncio.timeout(self.patience.stall):
            await self.writer.drain()

    async def _over(self) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            await self.flush()

    async def _read(self) -> None:
        work = 0
        while True:
            try:
                async with asyncio.timeout(self.patience.idle):
                    head = await self.reader.readexactly(9)
            except TimeoutError:
                if self._working:
                    continue
                return
            length, kind = int.from_bytes(head[:3]), head[3]
            if length > FRAME:  # before it is read: h2 looks when all of it has come
                self.http.close_connection(h2.errors.ErrorCodes.FRAME_SIZE_ERROR)
                await self._over()
                return
            async with asyncio.timeout(self.patience.stall):
                body = await self.reader.readexactly(length)
            if kind not in (_DATA, _HEADERS) or not length:
                self._spend()
            for event in self.http.receive_data(head + body):
                self._take(event)
            # Our limit, whatever the agent announces: it does not decide how much we remember.
            self.http.encoder.header_table_size = min(self.http.encoder.header_table_size, 4096)
            await self.flush()
            # A head costs by its bytes: each header is decoded and looked at.
            work += 1 if kind == _DATA else 1 + length // 512
            if work >= TURN:
                work = 0
                await asyncio.sleep(0)

    def _spend(self) -> None:
        """Count a frame without effect. `_Excess`: too many."""
        now = asyncio.get_running_loop().time()
        self._calm = min(IDLE_FRAMES, self._calm + (now - self._since) * REFILL) - 1
        self._since = now
        if self._calm < 0:
            raise _Excess

    def earn(self) -> None:
        """A frame of data was sent: the agent answers it by at most two window updates."""
        self._calm = min(IDLE_FRAMES, self._calm + 2)

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._open(event)
            case h2.events.DataReceived(stream_id=int(id_)) if id_ in self._streams:
                self._streams[id_].feed(event.data or b"", event.flow_controlled_length or 0)
            case h2.events.DataReceived(stream_id=int(id_)):
                # Nobody reads it: its stream was answered, or reset.
                self.consumed(id_, event.flow_controlled_length or 0)
            case h2.events.TrailersReceived(stream_id=int(id_)) if id_ in self._streams:
                self._streams[id_].fail(Problem.malformed("trailers"))
            case h2.events.StreamEnded(stream_id=int(id_)) if id_ in self._streams:
                self._streams[id_].end()
            case h2.events.StreamReset(stream_id=int(id_)) if id_ in self._streams:
                self._streams.pop(id_).leave()
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self.moved()
            case h2.events.ConnectionTerminated():  # h2 sends nothing after it
                raise ConnectionResetError

    def _open(self, event: h2.events.RequestReceived) -> None:
        id_ = event.stream_id
        assert id_ is not None  # noqa: S101 - of its own header block
        if self._ending or len(self._working) >= STREAMS:
            # Not only h2's open ones: what was reset may still be at work (CVE-2023-44487).
            self._spend()
            self.http.reset_stream(id_, h2.errors.ErrorCodes.REFUSED_STREAM)
            return
        ended = event.stream_ended is not None
        stream = Stream(self, id_, [(bytes(n), bytes(v)) for n, v in event.headers or ()], ended)
        self._streams[id_] = stream
        task = self._begin(stream)
        self._working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._end_if_done()

    def consumed(self, id_: int, size: int) -> None:
        """Open the windows by bytes of a stream's body that were read, or never will be."""
        if size:
            with contextlib.suppress(*_FAILED):
                self.http.acknowledge_received_data(size, id_)

    def moved(self) -> None:
        """Wake those who wait for a window."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def window(self, id_: int) -> int:
        """How many bytes may be sent on this stream; waits until that is more than none."""
        while (room := self.http.local_flow_control_window(id_)) <= 0:
            if self.writer.transport.is_closing():
                raise ConnectionResetError
            async with asyncio.timeout(self.patience.stall):
                await self._moved.wait()
        return min(room, self.http.max_outbound_frame_size)

    def forget(self, id_: int) -> None:
        self._streams.pop(id_, None)


class Stream(Wire):
    """One request and its answer."""

    trailers = True

    def __init__(
        self, connection: Connection, id_: int, headers: list[tuple[bytes, bytes]], ended: bool
    ) -> None:
        super().__init__(
            Reader(), connection.writer, connection.patience, connection.agent, connection.origin
        )
        self._on, self._id, self._headers = connection, id_, headers
        self._pieces: list[tuple[bytes, int]] = []
        self._came = asyncio.Event()
        self._empty = self._ended = ended
        self._fault: Problem | None = None
        self._said, self._over = False, False  # the head of the answer; all of it

    # What the connection says

    def feed(self, data: bytes, size: int) -> None:
        """More of the body. `size`: its share of the window, with padding."""
        self._pieces.append((data, size))
        self._came.set()

    def end(self) -> None:
        self._ended = True
        self._came.set()

    def fail(self, problem: Problem) -> None:
        self._fault = problem
        self._came.set()

    def leave(self) -> None:
        """The agent has reset the stream, or the connection is over."""
        if not self.reader.gone.done():
            self.reader.gone.set_result(None)
        self._over = True
        self._came.set()
        self._on.moved()

    # What the gateway asks, as of any wire

    async def head(self) -> h11.Request | None:
        """Its request in the form of HTTP/1.1, for h11 and the rules. `Problem`."""
        given = dict(self._headers[: sum(name[:1] == b":" for name, _ in self._headers)])
        fields = [(name, value) for name, value in self._headers if name[:1] != b":"]
        if len(fields) > MAX_LINES:
            raise Problem(431, "head_too_large", "The head of a request is too large.")
        authority = given.get(b":authority")
        if authority is not None:
            if any(name == b"host" and value != authority for name, value in fields):
                raise Problem.malformed("`host` is not `:authority`")
            fields = [(b"host", authority), *((n, v) for n, v in fields if n != b"host")]
        lengths = [value for name, value in fields if name == b"content-length"]
        if len(lengths) > 1 or not all(re.fullmatch(rb"\d{1,15}", one) for one in lengths):
            raise Problem.malformed("lengths that conflict, or one that is no number")
        if self._empty and lengths and int(lengths[0]):
            raise Problem.malformed("a length, and no body")
        if any(name in _HOP for name, _ in fields):
            raise Problem.malformed("a header of a connection")
        scheme = self.origin.partition(":")[0].encode()
        if given.get(b":scheme", scheme) != scheme:
            raise Problem.malformed("`:scheme` is not the connection's")
        try:
            request = h11.Request(
                method=given[b":method"], target=given.get(b":path", b"*"), headers=fields
            )
        except (h11.LocalProtocolError, KeyError):
            raise Problem.malformed("it is not a request") from None
        self.asked, self._bodiless = request, request.method == b"HEAD"
        # Where the head was not the end, the end is still to come: `-1` reads up to it.
        self.length = 0 if self._empty else (int(lengths[0]) if lengths else 0) or -1
        return request

    async def body(self) -> AsyncIterator[bytes]:
        """The body in pieces; each piece that was read makes room for more."""
        asked = self.asked
        if asked and any(n == b"expect" and v == b"100-continue" for n, v in asked.headers):
            await self.send(h11.InformationalResponse(status_code=100, headers=[]))
        while True:
            while self._pieces:
                data, size = self._pieces.pop(0)
                self._on.consumed(self._id, size)
                if data:
                    yield data
                await self._on.flush()
            if self._fault is not None:
                raise self._fault
            if self._ended:
                return
            if self.reader.gone.done():
                raise Gone
            self._came.clear()
            try:
                async with asyncio.timeout(self._patience.stall):
                    await self._came.wait()
            except TimeoutError:
                raise Problem(408, "too_slow", "The body stopped coming.") from None

    async def send(self, *events: h11.Event) -> None:
        """Send as frames. `OSError`, `TimeoutError`: the agent has gone, or does not read."""
        try:
            for event in events:
                await self._one(event)
            await self._on.flush()
        except _FAILED:
            self.abort()
            raise ConnectionResetError from None

    async def _one(self, event: h11.Event) -> None:
        if self._over:
            raise ConnectionResetError
        http = self._on.http
        if isinstance(event, h11.Response | h11.InformationalResponse):
            fields = [(n, v) for n, v in event.headers if n not in _HOP]
            http.send_headers(self._id, [(b":status", b"%d" % event.status_code), *fields])
            self._said = self._said or isinstance(event, h11.Response)
        elif isinstance(event, h11.Data):
            data = bytes(event.data)
            while data:
                room = await self._on.window(self._id)
                http.send_data(self._id, data[:room])
                data = data[room:]
                self._on.earn()
                await self._on.flush()
        elif isinstance(event, h11.EndOfMessage):
            if fields := [(n, v) for n, v in event.headers if n not in _HOP]:
                http.send_headers(self._id, fields, end_stream=True)
            else:
                http.end_stream(self._id)
            self._over = True

    @property
    def answerable(self) -> bool:
        return not self._said and not self._over

    def abort(self) -> None:
        self._reset(h2.errors.ErrorCodes.INTERNAL_ERROR)

    def again(self) -> bool:
        return False

    async def close(self) -> None:
        """Where the answer ended before the request did, say so (RFC 9113, 8.1)."""
        if not self._over:
            self.abort()
        elif not self._ended:
            self._reset(h2.errors.ErrorCodes.NO_ERROR)
        self._on.forget(self._id)
        for _, size in self._pieces:
            self._on.consumed(self._id, size)
        self._pieces.clear()
        with contextlib.suppress(OSError, TimeoutError):
            await self._on.flush()

    def _reset(self, code: h2.errors.ErrorCodes) -> None:
        self._over = True
        with contextlib.suppress(*_FAILED):
            self._on.http.reset_stream(self._id, code)
            self.writer.write(self._on.http.data_to_send())


class _Excess(Exception):
    """More frames without effect than any client needs."""
