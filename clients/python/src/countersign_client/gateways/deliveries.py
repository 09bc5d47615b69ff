"""Where a gateway of others delivers by POST: a small server on one address, behind your TLS."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from countersign_client.errors import Misconfigured
from countersign_client.settings import LOOPBACK

LONGEST: Final = 256 * 1024
"""Bytes of a delivery."""
PATIENCE: Final = 10.0
"""Seconds for a delivery to arrive."""
Take: TypeAlias = Callable[[bytes, Message], int]
"""Body and headers of a delivery, not proven by anything yet; the status that answers it."""


class Malformed(Exception):
    """A proven delivery that cannot be asked about."""


def listen(address: str, take: Take) -> int:
    """Serve until interrupted. `address`: HOST:PORT."""
    named = re.fullmatch(r"(.+):([0-9]{1,5})", address)
    if named is None or int(named[2]) > 65535:
        raise Misconfigured("--listen is not HOST:PORT.", "Write it like 127.0.0.1:8090.")
    with _Server((named[1], int(named[2])), take) as server:
        print(f"Listening on {named[1]}:{server.server_port}", flush=True)  # noqa: T201 - its one line
        server.serve_forever()
    return 0


def lies_at(address: object, hosts: Collection[str]) -> bool:
    """Whether this is an address of one of these hosts (`HOST` or `HOST:PORT`): https, or plain
    http on this machine."""
    parts = urlsplit(address) if isinstance(address, str) else None
    if parts is None or parts.netloc not in hosts:
        return False
    loopback = LOOPBACK.fullmatch(parts.hostname or "") is not None
    return parts.scheme == "https" or (parts.scheme == "http" and loopback)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], take: Take) -> None:
        super().__init__(address, _Handler)
        self.take = take


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE

    def do_POST(self) -> None:
        """One delivery."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length[:9]) > LONGEST:
            self._end(413)
            return
        self._end(self.server.take(self.rfile.read(int(length)), self.headers))

    def _end(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: what is sent here is for strangers to choose."""
