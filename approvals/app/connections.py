"""Connections: their limit, and the answer to what cannot be parsed as HTTP.

That answer has fixed words, and nothing of the input is logged: aiohttp quotes the line it could
not parse, in its log and in its answer, and that line may be a header with a key. It has no setting
for either, so its connection handler is subclassed here.

When the limit is reached an idle connection is closed for a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import socket
from collections.abc import Callable
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

log = structlog.get_logger()
Dropped = Callable[[str], None]
BACKLOG: Final = 4096
"""Connections that the system keeps until they are accepted."""
ACCEPT: Final = 64
"""How many are accepted at a time. When no descriptor is left, asyncio still tries each of them."""
LOOK: Final = 0.02
"""Seconds between looks whether the last request has been answered."""
QUIET: Final = 60.0
"""Seconds without another line about the same."""
_NO_ROOM: Final = "socket.accept() out of system resource"
UNREADABLE: Final = json.dumps(
    {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "This is not HTTP that can be read.",
    }
).encode()


class _ClassOnly(logging.Filter):
    """Logs only the class of an exception: its words and its frames quote what was sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if isinstance(record.exc_info, tuple) else None
        record.msg, record.args = "http: %s", (kind.__name__ if kind else "error",)
        record.exc_info = record.exc_text = record.stack_info = None
        return True


LOGGER: Final = logging.getLogger("countersign.http")
LOGGER.addFilter(_ClassOnly())


class _Handler(RequestHandler):
    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """aiohttp's own, and it is counted."""
        super().connection_made(transport)
        if isinstance(self._manager, _Server):
            self._manager.crowded(self)

    @property
    def idle(self) -> bool:
        """Has every request on it been answered?"""
        return self._current_request is None and not self._messages

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp's own, but the answer to a client error quotes nothing."""
        answer = super().handle_error(request, status, exc, "" if status < 500 else None)
        if status >= 500:
            return answer
        fixed = web.Response(
            status=400,
            body=UNREADABLE,
            content_type="application/problem+json",
            headers={"Server": "countersign"},
        )
        fixed.force_close()
        return fixed


class _Server(web.Server):
    most: int | None
    dropped: Dropped

    def crowded(self, new: _Handler) -> None:
        """Where there are too many now, close one: the oldest idle one, or else the new one."""
        if self.most is None or len(self.connections) <= self.most:
            return
        others = (one for one in self.connections if isinstance(one, _Handler) and one.idle)
        oldest = next((one for one in others if one is not new), None)
        self.dropped("full" if oldest is None else "idle")
        (oldest or new).force_close()

    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


async def _nameless(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


class Runner(web.AppRunner):
    """An `AppRunner` with the connections above, which does not disclose its versions.

    `most`: connections at once, None: any number; `dropped` is told why one was closed for that.
    """

    def __init__(
        self, app: web.Application, *, most: int | None, dropped: Dropped, **settings: Any
    ) -> None:
        # Compressed bodies are never unpacked: nobody needs them, and anybody could cause the work.
        # A part of a refused body is still read and thrown away, so that the answer arrives.
        super().__init__(app, auto_decompress=False, lingering_time=2.0, **settings)
        app.on_response_prepare.append(_nameless)
        app.on_response_prepare.append(self._last)
        self._most, self._dropped = most, dropped
        self._draining = False

    async def drain(self, seconds: float) -> None:
        """Accept no more connections, and wait until every request under way has its answer, for
        `seconds` at most. Without this aiohttp's `cleanup` stops reading at once, and a request
        whose body is still arriving is lost."""
        self._draining = True
        for site in list(self.sites):
            await site.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._busy():  # noqa: ASYNC110 - aiohttp tells nobody of its last handler
                    await asyncio.sleep(LOOK)

    def _busy(self) -> bool:
        open_ = self.server.connections if self.server else ()
        return any(isinstance(one, _Handler) and not one.idle for one in open_)

    async def _last(self, _: web.Request, response: web.StreamResponse) -> None:
        """While draining, a kept connection takes no other request."""
        if self._draining:
            response.force_close()

    async def _make_server(self) -> Any:
        server: Any = await super()._make_server()
        server.__class__ = _Server
        server.most, server.dropped = self._most, self._dropped
        return server


def full(
    dropped: Dropped, now: Callable[[], float]
) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """An exception handler for the loop, for when the system has no descriptor left.

    asyncio then pauses for a second by itself, but says so once for each connection that it might
    have accepted. Here each is counted, and a line is written once in `QUIET`.
    """
    last = -QUIET

    def heard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal last
        if not str(context.get("message", "")).startswith(_NO_ROOM):
            loop.default_exception_handler(context)
            return
        dropped("no_descriptor")
        if now() - last >= QUIET:
            last = now()
            why = os.strerror(getattr(context.get("exception"), "errno", None) or errno.EMFILE)
            log.error("connections_not_accepted", why=why, cure="raise the limit of open files")

    return heard


async def listen(runner: Runner, where: tuple[str, int]) -> str:
    """Accept connections at this host and port; port 0: any. The URL that it became."""
    host, port = where
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, reuse_port=False)
    await web.SockSite(runner, listener, backlog=ACCEPT).start()
    listener.listen(BACKLOG)
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
