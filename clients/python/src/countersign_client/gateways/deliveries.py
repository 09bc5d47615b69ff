"""Where a gateway of others delivers by POST: a small server on one address, behind your TLS."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
from collections.abc import Callable, Collection
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from countersign_client.digest import read_json
from countersign_client.errors import Misconfigured, printable
from countersign_client.logs import Line, log, out
from countersign_client.settings import LOOPBACK

LONGEST: Final = 256 * 1024
"""Bytes of a delivery."""
PATIENCE: Final = 10.0
"""Seconds for a delivery to arrive, whole."""
AT_ONCE: Final = 64
"""Deliveries that arrive at the same time. One more is closed unread."""
REMEMBERED: Final = 10_000
T = TypeVar("T")
Take: TypeAlias = Callable[[bytes, Message], int]
"""Body and headers of a delivery, not proven by anything yet; the status that answers it."""


class Malformed(Exception):
    """A proven delivery that cannot be asked about."""


class Once:
    """Which things were taken up already, by their id: the newest `REMEMBERED`."""

    def __init__(self) -> None:
        self._seen: dict[str | int, None] = {}
        self._lock = threading.Lock()

    def first(self, id: str | int) -> bool:
        """Take it up. False: it was."""
        with self._lock:
            if first := id not in self._seen:
                self._seen[id] = None
                if len(self._seen) > REMEMBERED:
                    del self._seen[next(iter(self._seen))]
            return first

    def forget(self, id: str | int) -> None:
        """It may be taken up again."""
        with self._lock:
            self._seen.pop(id, None)


def taken(read: Callable[[], T | None], decide: Callable[[T], None], status: int = 200) -> int:
    """The status for a delivery that is proven. What `read` makes of it is decided about in a
    thread of its own; None: there is nothing to decide."""
    try:
        value = read()
    except Malformed as error:
        log.warning(Line("delivery_not_asked_about", why=error))
        return 422
    if value is not None:
        threading.Thread(target=decide, args=(value,), daemon=True).start()
    return status


def json_object(body: bytes) -> dict[str, Any]:
    """A body that is an object of JSON. `Malformed`."""
    try:
        value = read_json(body)
    except ValueError as error:
        raise Malformed(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Malformed("it is not an object")
    return value


def listen(address: str, take: Take) -> int:
    """Serve until interrupted. `address`: HOST:PORT."""
    named = re.fullmatch(r"(.+):([0-9]{1,5})", address)
    if named is None or int(named[2]) > 65535:
        raise Misconfigured("--listen is not HOST:PORT.", "Write it like 127.0.0.1:8090.")
    host, port = named[1], int(named[2])
    try:
        server = _Server((host, port), take)
    except OSError as error:
        raise Misconfigured(
            f"{printable(address)} cannot be listened on: {error.strerror}.",
            "Is the port taken, or the address another host's? It has to be an IPv4 address.",
        ) from error
    with server:
        out(f"Listening on {host}:{server.server_port}")
        server.serve_forever()
    return 0


def lies_at(address: object, hosts: Collection[str]) -> bool:
    """Whether this is an address of one of these hosts (`HOST` or `HOST:PORT`): https, or plain
    http on this machine."""
    # Without what `urlsplit` drops and a client of HTTP does not: blanks and line ends.
    if not isinstance(address, str) or not re.fullmatch(r"[!-~]+", address):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.netloc not in hosts:
        return False
    loopback = LOOPBACK.fullmatch(parts.hostname or "") is not None
    return parts.scheme == "https" or (parts.scheme == "http" and loopback)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], take: Take) -> None:
        super().__init__(address, _Handler)
        self.take = take
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, if one is free."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As its parent; then the thread is free."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """One line: strangers can break a request off as often as they like."""
        log.info(Line("delivery_broke_off", why=type(sys.exception()).__name__))


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def handle(self) -> None:
        """One request, cut off after `PATIENCE` however slowly it comes."""
        end = threading.Timer(PATIENCE, self._cut)
        end.daemon = True
        end.start()
        try:
            super().handle()
        finally:
            end.cancel()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):  # it has just ended
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_POST(self) -> None:
        """One delivery."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,6}", length) or int(length) > LONGEST:
            self._end(413)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return
        self._end(self.server.take(body, self.headers))

    def _end(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: what is sent here is for strangers to choose."""
