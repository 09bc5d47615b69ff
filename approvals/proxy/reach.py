"""Where a request goes: the address is resolved once, judged, and connected to.

Laws: the resolved address that is connected to is judged, not a name; an address that is not public
is refused unless it is listed; a certificate that does not verify is the end; head and body are
sent as they were digested, byte for byte, and once. A connection is kept only where its answer
ended cleanly, and used again only by its owner, to an address judged again (docs/adr/0019).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import select
import socket
import ssl
from collections.abc import AsyncIterator, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import h11

from approvals.evidence import split_url
from approvals.proxy.wire import PIECE, Patience, Problem, Reader, cut

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
CONNECT: Final = 15.0
"""Seconds for one address."""
MOST_KEPT: Final = 64
"""Connections that wait for another request."""
MOST_NAMES: Final = 1_000
"""Hosts whose addresses are remembered, as long as a connection may wait."""
_LENGTHS: Final = (b"content-length", b"transfer-encoding")
# IANA's special-purpose registries (iana.org/assignments/iana-ipv4-special-registry and
# iana-ipv6-special-registry, 2025-10): what they call not globally reachable, with the parts that
# are nevertheless. The standard library's table is as old as the Python.
_CLOSED: Final = tuple(map(ipaddress.ip_network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "2001::/23", "2001:db8::/32", "3fff::/20",
)))  # fmt: skip
_OPEN: Final = tuple(map(ipaddress.ip_network, (
    "192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128",
    "2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28",
)))  # fmt: skip
_UNICAST: Final = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out (RFC 4291)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052; its v4 address is the last 32 bits
_COMPATIBLE: Final = ipaddress.ip_network("::/96")  # RFC 4291 §2.5.5.1


@dataclass(frozen=True, slots=True)
class Private:
    """An address that is not public and may be reached nevertheless. `port` None: any."""

    network: Network
    port: int | None

    @classmethod
    def read(cls, text: str) -> Private:
        """`127.0.0.1:9000`, `10.1.0.0/16`, `[::1]:80`, `[fd00::/8]`. `ValueError`."""
        parts = re.fullmatch(
            r"(?:\[([0-9A-Fa-f:.]+)(?:(/\d+)\]|\](/\d+)?)|([\d.]+(?:/\d+)?))(?::(\d{1,5}))?", text
        )
        if parts is None:
            raise ValueError("an address is written like 127.0.0.1:9000, 10.1.0.0/16 or [::1]:80")
        v6, inside, behind, v4, port = parts.groups()
        network = ipaddress.ip_network(v4 or v6 + (inside or behind or ""))
        return cls(network, int(port) if port else None)


def place(url: str) -> tuple[str, str, int]:
    """Scheme, host (an IPv6 address in brackets) and port. `ValueError`: it has two readings."""
    scheme, authority, *_ = split_url(url)
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        return scheme, authority, 443 if scheme == "https" else 80
    return scheme, host, int(port)


def public(address: Address) -> bool:
    """May anybody reach it? Judged with the IPv4 address that an IPv6 one carries."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _NAT64 or address in _COMPATIBLE:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return public(inner)
        if address not in _UNICAST:
            return False
    closed = any(address in network for network in _CLOSED)
    return not closed or any(address in network for network in _OPEN)


def refused(host: str) -> Problem:
    """The same answer for an unknown name and for an internal one: agents learn neither."""
    why = f"{host} does not exist, or is at an address that is not public and not listed."
    return Problem(403, "address_refused", why)


class Reach:
    """The way out."""

    def __init__(
        self, private: Sequence[Private], ca_file: Path | None, patience: Patience
    ) -> None:
        self._private, self._patience = private, patience
        self._kept: dict[Upstream, tuple[Hashable, asyncio.TimerHandle]] = {}  # youngest last
        self._names: dict[tuple[str, int], tuple[float, list[str]]] = {}
        self._tls = ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        if ca_file:
            self._tls.load_verify_locations(ca_file)

    def listed(self, url: str) -> bool:
        """Is it at a listed loopback address, where secrets may go unencrypted?"""
        _, host, port = place(url)
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(host.strip("[]"))
            return address.is_loopback and self._may(address, port) is True
        return False

    async def addresses(self, url: str, *, listed: bool = True) -> list[str]:
        """The addresses of its host that may be reached: public ones, and where `listed`, also
        those that are listed. `Problem`: there is none."""
        _, host, port = place(url)
        try:
            reached = [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:  # a name
            reached = await self._named(host, port)
        found = {text: ipaddress.ip_address(text) for text in reached}
        may = partial(self._may, port=port) if listed else public
        allowed = [text for text, address in found.items() if may(address)]
        if not allowed:
            raise refused(host)
        return allowed

    async def _named(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        until, found = self._names.get((host, port), (0.0, []))
        if until < loop.time():  # asking wakes a thread, and perhaps a server far away
            try:
                infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                raise refused(host) from None
            found = list(dict.fromkeys(str(entry[4][0]) for entry in infos))
            if len(self._names) >= MOST_NAMES:
                self._names.clear()
            self._names[host, port] = loop.time() + self._patience.kept, found
        return found

    def _may(self, address: Address, port: int) -> bool:
        mapped = getattr(address, "ipv4_mapped", None) or address
        return public(address) or any(
            mapped in private.network and private.port in (None, port) for private in self._private
        )

    async def connect(self, url: str, addresses: Sequence[str]) -> Upstream:
        """A new connection to one of these, the result of `addresses`. `Problem`: none answers."""
        scheme, host, port = place(url)
        secure = self._tls if scheme == "https" else None
        name = host.strip("[]").rstrip(".") if secure else None
        loop = asyncio.get_running_loop()
        for address in addresses:
            reader = Reader()
            streams = partial(asyncio.StreamReaderProtocol, reader, loop=loop)
            try:
                async with asyncio.timeout(CONNECT):
                    made, protocol = await loop.create_connection(
                        streams, address, port, ssl=secure, server_hostname=name
                    )
            except ssl.SSLError as error:
                why = getattr(error, "verify_message", None) or error.reason
                why = f"{host} does not prove who it is: {why}."
                raise Problem(502, "upstream_tls", why) from None
            except (OSError, TimeoutError):
                continue
            writer = asyncio.StreamWriter(made, protocol, reader, loop)
            return Upstream(address, reader, writer, self._patience)
        raise Problem(502, "upstream_unreachable", f"{host} does not answer.")

    async def kept(self, whose: Hashable, addresses: Sequence[str]) -> Upstream | None:
        """A connection kept for `whose`, to one of these addresses, on which no byte came since."""
        for upstream, (owner, timer) in reversed(tuple(self._kept.items())):
            if owner == whose and upstream.address in addresses and upstream in self._kept:
                del self._kept[upstream]
                timer.cancel()
                await asyncio.sleep(0)  # now the loop hands on bytes that TLS has held back
                if upstream.quiet():
                    return upstream
                cut(upstream.writer)
        return None

    def keep(self, whose: Hashable, upstream: Upstream) -> bool:
        """Keep it for the next request of `whose`. False: it can't be, or there are enough."""
        if len(self._kept) >= MOST_KEPT or not upstream.renewed():
            return False
        later = asyncio.get_running_loop().call_later
        self._kept[upstream] = whose, later(self._patience.kept, self._end, upstream)
        return True

    def _end(self, upstream: Upstream) -> None:
        self._kept.pop(upstream)[1].cancel()
        cut(upstream.writer)

    def close(self) -> None:
        for upstream in tuple(self._kept):
            self._end(upstream)


class Upstream:
    """A connection to a server, for one request at a time."""

    def __init__(
        self, address: str, reader: Reader, writer: asyncio.StreamWriter, patience: Patience
    ) -> None:
        self.address, self.reader, self.writer, self._patience = address, reader, writer, patience
        self._taken, self._plain = 0, False
        self.trailers: list[tuple[bytes, bytes]] = []
        """Of the answer, once `data` has ended."""
        self.http = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * PIECE)
        self._sending: asyncio.Task[None] | None = None
        self._fault: Problem | None = None  # in the body, while it was sent

    async def exchange(
        self, head: h11.Request, body: AsyncIterator[bytes]
    ) -> h11.Response | h11.InformationalResponse:
        """Send a request and return the head of its answer (101 counts as one), which may come
        before all is sent.

        `OSError`, `TimeoutError`, `h11.RemoteProtocolError`: it is not known what was done.
        `Problem`: the body cannot be sent.
        """
        self.writer.write(self.http.send(head) or b"")
        self._sending = asyncio.create_task(self._send(body))
        try:
            async with asyncio.timeout(self._patience.answer):
                while True:
                    event = await self._next()
                    if isinstance(event, h11.Response) or (
                        isinstance(event, h11.InformationalResponse) and event.status_code == 101
                    ):
                        lengths = sum(name in _LENGTHS for name, _ in event.headers)
                        self._plain = lengths <= 1
                        return event
                    if isinstance(event, h11.ConnectionClosed):
                        raise ConnectionResetError
        except (OSError, h11.RemoteProtocolError):
            if self._fault is not None:
                raise self._fault from None
            raise

    async def _send(self, body: AsyncIterator[bytes]) -> None:
        try:
            async for piece in body:
                self.writer.write(self.http.send(h11.Data(data=piece)) or b"")
                await self.writer.drain()
            self.writer.write(self.http.send(h11.EndOfMessage()) or b"")
            await self.writer.drain()
        except OSError:
            pass  # it may have answered early; if not, reading finds that out
        except BaseException as error:
            self._fault = error if isinstance(error, Problem) else None
            cut(self.writer)  # half a request must not look like a whole one
            raise

    async def data(self) -> AsyncIterator[bytes]:
        """The body of the answer. The errors of `exchange` where it is cut off."""
        while True:
            async with asyncio.timeout(self._patience.answer):
                event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.trailers = list(event.headers)
                return

    async def _next(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            piece = await self.reader.read(PIECE)
            self._taken += len(piece)
            self.http.receive_data(piece)
        return event

    def renewed(self) -> bool:
        """Make it ready for another request. False: this one did not end cleanly on both sides."""
        done = self.http.our_state is self.http.their_state is h11.DONE
        sent = self._sending is None or self._sending.done()
        if not (done and sent and self._plain and self.http.trailing_data == (b"", False)):
            return False
        self.http.start_next_cycle()
        return True

    def quiet(self) -> bool:
        """Did nothing come since the last answer: no byte, and not the end of the connection?"""
        if self.writer.is_closing() or self.reader.gone.done() or self.reader.came != self._taken:
            return False
        waits = select.poll()
        waits.register(self.writer.get_extra_info("socket"), select.POLLIN)
        return not waits.poll(0)

    async def close(self) -> None:
        cut(self.writer)
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
