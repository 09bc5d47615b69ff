"""An agent's connection: HTTP/1.1 read strictly, written by h11.

Law: what could have two readings (lengths given twice or beside chunks, folded headers, bare line
ends, NUL, chunk extensions, trailers) is a 400 and the end of the connection. h11 is more lenient
there, so every line is checked before h11 sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Awaitable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from weakref import WeakSet

import h11

T = TypeVar("T")
PIECE: Final = 64 * 1024
"""Bytes read or written at once; also the most that a head or one of its lines may have."""
MAX_LINES: Final = 200
WIDE: Final = 256 * 1024
"""Bytes that TLS takes at once from an agent that sends a large body; else one record, 16 KiB."""
MOST_WIDE: Final = 64
"""Connections that may, at the same time: each keeps a buffer of that size."""
_WIDE: Final = WeakSet[SSLProtocol]()
_FRAMING: Final = re.compile(rb"(?i)\s*(?:content-length|transfer-encoding)\s*(?::|$)")
_FRAMED: Final = re.compile(
    rb"(?i)(?:content-length:[ \t]*(\d+)|transfer-encoding:[ \t]*chunked)[ \t]*\r\n"
)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `head`: a whole head; `idle`: until the next one; `stall`: a body or a reader that
    does not move; `answer`: an upstream's answer; `kept`: how long a connection to one waits for
    another request; `service`: one answer of the approval service; `away`: how long it may be away
    while a request is held; `drain`: what was released, when the gateway ends; `slow`: after which
    the service is told that an answer is awaited; `interim`: instead of a client's own; `tunnel`: a
    tunnel in all, `tunnel_idle`: one in which nothing moves."""

    head: float = 20
    idle: float = 75
    stall: float = 60
    answer: float = 900
    kept: float = 4  # under the 5 s after which Node, Apache and uvicorn close
    service: float = 15
    away: float = 30
    drain: float = 30
    slow: float = 2
    interim: float | None = None
    tunnel: float = 4 * 3600
    tunnel_idle: float = 300


PATIENCE: Final = Patience()


class Problem(Exception):
    """What the agent gets instead of an answer: an RFC 9457 document.

    `again`: does sending the same request again help? None: that depends on what happened. `after`:
    seconds until then. `request`: the id of a held one. `more`: further members of the document.
    """

    def __init__(
        self, status: int, slug: str, detail: str, *, headers: Iterable[tuple[str, str]] = (),
        again: bool | None = False, after: int | None = None, request: str = "", **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status, self.slug, self.detail, self.again = status, slug, detail, again
        self.headers = [*headers, *([("retry-after", str(after))] if after else [])]
        self.more = {"request": request, **more} if request else more

    @classmethod
    def malformed(cls, why: str) -> Problem:
        return cls(400, "malformed", f"This request could be read in two ways: {why}.")

    @property
    def words(self) -> str:
        """What is wrong, and whether to send it again."""
        if self.again is None or "again" in self.detail:
            return self.detail
        return f"{self.detail} Sending it again {'may' if self.again else 'will not'} help."

    def document(self) -> dict[str, Any]:
        """Its members; `message` and `error` are where SDKs look for words."""
        title = self.slug.replace("_", " ").capitalize()
        said = {"type": self.slug, "title": title, "status": self.status, "detail": self.words}
        error = {"type": self.slug, "code": self.status, "message": self.words}
        told = {} if self.again is None else {"retryable": self.again}
        return {**said, "message": self.words, "error": error, **told, **self.more}


class Gone(Exception):
    """The agent has hung up."""


class Reader(asyncio.StreamReader):
    """`gone` is done when the other side hangs up, also while nobody reads; `came`: all bytes."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(limit=PIECE, loop=loop)
        self.gone: asyncio.Future[Any] = loop.create_future()
        self.came = 0

    @property
    def early(self) -> int:
        """Bytes that came and were not read."""
        return len(self._buffer)  # type: ignore[attr-defined] # asyncio has no public name for it

    def feed_data(self, data: Any) -> None:
        super().feed_data(data)
        self.came += len(data)

    def feed_eof(self) -> None:
        super().feed_eof()
        self._leave()

    def set_exception(self, exc: BaseException | type[BaseException]) -> None:
        super().set_exception(exc)  # type: ignore[arg-type] # as asyncio calls it
        self._leave()

    def _leave(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    async def unless_gone(self, work: Awaitable[T]) -> T:
        """Its result; `Gone`, and it is cancelled, if the other side hangs up meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self.gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Gone
            return task.result()
        finally:
            task.cancel()


class Wire:
    """One connection, or what is inside a CONNECT: then its agent and the origin are known."""

    trailers = False
    """May an answer have trailers? In HTTP/1.1 nobody waits for them."""

    def __init__(
        self, reader: Reader, writer: asyncio.StreamWriter, patience: Patience, agent: str = "",
        origin: str = "",
    ) -> None:  # fmt: skip
        self.reader, self.writer, self.agent, self.origin = reader, writer, agent, origin
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * PIECE)
        self._patience = patience
        self.length = 0
        """Bytes in the body of the last request; -1: it comes in chunks."""
        self.begun = b""
        """The part of its body that was read already, where the body is passed on as it comes."""
        self.asked: h11.Request | None = None
        """The last request."""
        self.tls: SSLProtocol | None = None
        """The TLS layer that this connection's bytes come through."""
        self._left = 0  # bytes of the body or chunk; -1: a line with a chunk's size is next
        self._fresh, self._chunked, self._bodiless = True, False, False

    async def head(self) -> h11.Request | None:
        """The next request, None at a clean end. `Problem`; `TimeoutError` where none came."""
        patience, self._fresh = self._patience.head if self._fresh else self._patience.idle, False
        async with asyncio.timeout(patience):
            lines = [await self._line()]
        if not lines[0]:
            return None
        try:
            async with asyncio.timeout(self._patience.head):
                while lines[-1] != b"\r\n":
                    lines.append(await self._line())
                    if len(lines) > MAX_LINES or sum(map(len, lines)) > PIECE:
                        raise Problem(431, "head_too_large", "The head of a request is too large.")
        except TimeoutError:
            raise Problem(408, "too_slow", "The head of the request took too long.") from None
        return self._parsed(lines)

    def _parsed(self, lines: list[bytes]) -> h11.Request:
        framing = [line for line in lines[1:] if _FRAMING.match(line)]
        if len(framing) > 1 or any(line[:1] in b" \t" for line in lines[1:]):
            raise Problem.malformed("lengths that conflict, or a folded header")
        framed = _FRAMED.fullmatch(framing[0]) if framing else None
        if framing and framed is None:
            raise Problem.malformed("a length that is no number, or an encoding other than chunked")
        self.http.receive_data(b"".join(lines))
        try:
            request = self.http.next_event()
        except h11.RemoteProtocolError:
            raise Problem.malformed("it is not a request") from None
        if not isinstance(request, h11.Request) or request.http_version not in (b"1.1", b"1.0"):
            raise Problem.malformed("it is not HTTP/1.1")
        self.asked, self._bodiless = request, request.method == b"HEAD"
        self.length = int(framed[1] or -1) if framed else 0
        self._chunked, self._left = self.length < 0, self.length
        if self._chunked and request.http_version == b"1.0":
            raise Problem.malformed("chunks in HTTP/1.0")
        if self.length == 0:
            self.http.next_event()  # its end
        return request

    async def body(self) -> AsyncIterator[bytes]:
        """The body in pieces. `Problem` where its framing is odd."""
        if self.tls is not None and not 0 <= self.length <= WIDE:
            self._widen(self.tls)
        while self.http.their_state is h11.SEND_BODY:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError:
                raise Problem.malformed("a chunk that does not end where it says") from None
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif event is h11.NEED_DATA:
                if self.http.they_are_waiting_for_100_continue:
                    await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                try:
                    async with asyncio.timeout(self._patience.stall):
                        self.http.receive_data(await self._more())
                except TimeoutError:
                    raise Problem(408, "too_slow", "The body stopped coming.") from None

    @staticmethod
    def _widen(tls: SSLProtocol) -> None:
        # asyncio reads TLS into a buffer of `max_size` bytes, and makes a larger one if that grows
        # (CPython's Lib/asyncio/sslproto.py, get_buffer). A sixteenth of the system calls.
        if tls not in _WIDE and len(_WIDE) < MOST_WIDE:
            _WIDE.add(tls)
            tls.max_size = WIDE  # type: ignore[misc] # read as self.max_size

    async def _more(self) -> bytes:
        if self._chunked and self._left < 0:
            line = await self._line()
            if re.fullmatch(rb"[0-9A-Fa-f]{1,8}\r\n", line) is None:
                raise Problem.malformed("a chunk size that is odd, or has an extension")
            self._left = int(line, 16) + 2  # and its line end, which h11 checks
            if self._left > 2:
                return line
            if await self._line() != b"\r\n":
                raise Problem.malformed("trailers")
            return line + b"\r\n"
        piece = await self.reader.read(min(self._left, PIECE))
        if not piece:
            raise Gone
        self._left -= len(piece)
        if self._chunked and self._left == 0:
            self._left = -1
        return piece

    async def _line(self) -> bytes:
        """With its CRLF; empty at the end of the connection."""
        try:
            line = await self.reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise Problem(431, "head_too_large", "A line of the request is too long.") from None
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise Gone from None
            return b""
        if not line.endswith(b"\r\n"):  # a bare CR, or NUL, h11 refuses itself
            raise Problem.malformed("a bare LF")
        return line

    async def send(self, *events: h11.Event) -> None:
        """Write, and wait for a slow reader. `TimeoutError`: it does not read at all."""
        self.writer.write(b"".join(self.http.send(event) or b"" for event in events))
        async with asyncio.timeout(self._patience.stall):
            await self.writer.drain()

    async def answer(
        self, status: int, kind: str, body: bytes, headers: Iterable[tuple[str, str]] = (),
        reason: bytes = b"",
    ) -> None:  # fmt: skip
        """A whole answer of our own."""
        about = [("content-type", kind), ("content-length", str(len(body))), *headers]
        about.append(("cache-control", "no-store"))
        response = h11.Response(status_code=status, headers=about, reason=reason)
        shown = h11.Data(data=b"" if self._bodiless else body)
        await self.send(response, shown, h11.EndOfMessage())

    @property
    def answerable(self) -> bool:
        """Is there a request, or the place of one, that was not answered yet?"""
        return self.http.our_state in (h11.IDLE, h11.SEND_RESPONSE)

    def abort(self) -> None:
        """Cut it off, so that nothing looks whole that is not."""
        cut(self.writer)

    def again(self) -> bool:
        """Ready for the next request? False: the connection is at its end."""
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
            return True
        return False

    async def close(self) -> None:
        """Let the last answer arrive: what is still being sent to us is read and forgotten."""
        try:
            if not self.reader.at_eof() and self.http.our_state in (h11.DONE, h11.MUST_CLOSE):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        if self.writer.can_write_eof():
                            self.writer.write_eof()
                        while await self.reader.read(PIECE):
                            pass
            self.writer.close()
            async with asyncio.timeout(self._patience.stall):
                await self.writer.wait_closed()
        except (TimeoutError, OSError):
            pass
        finally:
            cut(self.writer)
            with contextlib.suppress(OSError, TimeoutError):  # else asyncio reports a reset
                async with asyncio.timeout(1):
                    await self.writer.wait_closed()


def cut(writer: asyncio.StreamWriter) -> None:
    """Cut a connection off, even one that has ended."""
    # Debian 12's Python, 3.11.2, fails where TLS has ended it; later ones look first:
    # https://github.com/python/cpython/blob/v3.11.2/Lib/asyncio/sslproto.py#L240-L247
    with contextlib.suppress(AttributeError):
        writer.transport.abort()
