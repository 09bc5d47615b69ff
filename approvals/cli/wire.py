"""HTTP that cannot be read: answered in fixed words, and never written into a log.

aiohttp quotes the line it could not parse, in its log and in its answer, and that line may be a
header with a key. It offers no setting for either: its connection handler is subclassed here.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

UNREADABLE: Final = json.dumps(
    {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "This is not HTTP that can be read.",
    }
).encode()


class _ClassOnly(logging.Filter):
    """Of an exception only its class is logged: its words and its frames quote what was sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if isinstance(record.exc_info, tuple) else None
        record.msg, record.args = "http: %s", (kind.__name__ if kind else "error",)
        record.exc_info = record.exc_text = record.stack_info = None
        return True


LOGGER: Final = logging.getLogger("countersign.http")
LOGGER.addFilter(_ClassOnly())


class _Handler(RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp's own, but what a client error is answered with quotes nothing."""
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
    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


async def _nameless(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


class Runner(web.AppRunner):
    """An `AppRunner` whose connections are those above, and that does not say its versions."""

    def __init__(self, app: web.Application, **settings: Any) -> None:
        # A compressed body is never unpacked: nothing needs it, and that would be work for anybody.
        # Of a body that was refused a little is read and thrown away, so that the answer arrives.
        super().__init__(app, auto_decompress=False, lingering_time=2.0, **settings)
        app.on_response_prepare.append(_nameless)

    async def _make_server(self) -> Any:
        server = await super()._make_server()
        server.__class__ = _Server
        return server
