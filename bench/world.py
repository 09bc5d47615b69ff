"""What the gateway meets in the bench: an API in clear and over TLS, and who is asked.

A process of its own: `python -m bench.world FOLDER`, where the certificate lies. It prints its
ports as one line of JSON. As an approval service it holds every wait and counts them: `/waiting`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Final

from approvals.app.host import clock
from approvals.proxy.ca import Authority, utc

PIECE: Final = b"x" * 65_536
BODY: Final = b'{"object":"list","data":[{"id":"ch_1","amount":1240,"currency":"eur"}]}'
_LENGTH: Final = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)\r\n")


def answer(body: bytes, status: str = "200 OK") -> bytes:
    """As this API says it."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


OK: Final = answer(BODY)
STREAM: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"9\r\ndata: 1\n\n\r\n"
)
REST: Final = b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"
LATER: Final = 0.05
"""Seconds after which a stream goes on."""


class Api(asyncio.Protocol):
    """One connection. `GET /download/N`: N MiB; `/stream`: a piece, and `LATER` the rest; anything
    else is a short answer."""

    waiting = 0
    opened = 0

    def __init__(self) -> None:
        self._buffer, self._flows = bytearray(), asyncio.Event()
        self._download: asyncio.Task[None] | None = None
        self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._flows.set()

    def connection_lost(self, exc: Exception | None) -> None:
        Api.waiting -= self._waits
        if self._download is not None:
            self._download.cancel()

    def pause_writing(self) -> None:
        self._flows.clear()

    def resume_writing(self) -> None:
        self._flows.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._buffer, 0, end + 2)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < whole:
                return
            line = bytes(self._buffer[: self._buffer.index(b"\r")])
            del self._buffer[:whole]
            self._one(*line.split()[:2])

    def _one(self, method: bytes, path: bytes) -> None:
        if path.startswith(b"/download/"):
            size = int(path.rpartition(b"/")[2])
            self._download = asyncio.get_running_loop().create_task(self._flow(size))
        elif path == b"/stream":
            self._transport.write(STREAM)
            asyncio.get_running_loop().call_later(LATER, self._transport.write, REST)
        elif path == b"/v1/requests":
            Api.opened += 1
            said = {"id": f"req_{Api.opened}", "status": "pending"}
            self._transport.write(answer(json.dumps(said).encode(), "201 Created"))
        elif path.startswith(b"/v1/requests/") and method == b"GET":
            self._waits = True
            Api.waiting += 1
        elif path == b"/waiting":
            self._transport.write(answer(b"%d" % Api.waiting))
        else:
            self._transport.write(OK)

    async def _flow(self, size: int) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {size * 2**20}\r\n\r\n"
        self._transport.write(head.encode())
        for _ in range(size * 16):
            await self._flows.wait()
            self._transport.write(PIECE)


async def main(folder: Path) -> None:
    """Serve until we are told to end."""
    loop = asyncio.get_running_loop()
    tls = Authority(folder, utc(clock())).context("localhost", utc(clock()))
    clear = await loop.create_server(Api, "127.0.0.1", 0, backlog=8192)
    secure = await loop.create_server(Api, "127.0.0.1", 0, ssl=tls, backlog=8192)
    ports = [server.sockets[0].getsockname()[1] for server in (clear, secure)]
    print(json.dumps(dict(zip(("http", "https"), ports, strict=True))), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
