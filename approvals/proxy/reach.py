"""Where a request goes: the address is resolved once, judged, and connected to.

Laws: what is judged is the resolved address that is connected to, not a name; what is not public
is refused unless it is listed; a certificate that does not verify is the end; what is sent is the
head and body as they were digested, byte for byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import h11

from approvals.proxy.wire import PIECE, Patience, Problem

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
CONNECT: Final = 15.0
"""Seconds for one address."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052; its v4 address is the last 32 bits
_COMPATIBLE: Final = ipaddress.ip_network("::/96")  # RFC 4291 §2.5.5.1


@dataclass(frozen=True, slots=True)
class Private:
    """Not public, and may be reached nevertheless. `port` None: any."""

    network: Network
    port: int | None

    @classmethod
    def read(cls, text: str) -> Private:
        """`127.0.0.1:9000`, `10.1.0.0/16`, `[::1]:80`, `[fd00::/8]`. `ValueError`."""
        parts = re.fullmatch(
            r"(?:\[([0-9A-Fa-f:.]+(?:/\d+)?)\]|([\d.]+(?:/\d+)?))(?::(\d{1,5}))?", text
        )
        if parts is None:
            raise ValueError("an address is written like 127.0.0.1:9000, 10.1.0.0/16 or [::1]:80")
        return cls(ipaddress.ip_network(parts[1] or parts[2]), int(parts[3]) if parts[3] else None)


def public(address: Address) -> bool:
    """May anybody reach it? Judged with the IPv4 address that an IPv6 one carries."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_site_local:  # RFC 3879
            return False
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _NAT64 or address in _COMPATIBLE:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return public(inner)
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


class Reach:
    """The way out."""

    def __init__(
        self, private: Sequence[Private], ca_file: Path | None, patience: Patience
    ) -> None:
        self._private, self._patience = private, patience
        self._tls = ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        if ca_file:
            self._tls.load_verify_locations(ca_file)

    def listed(self, host: str, port: int) -> bool:
        """Is it a loopback address that is listed? Secrets may go there in clear."""
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(host.strip("[]"))
            return address.is_loopback and self._may(address, port) is True
        return False

    async def addresses(self, host: str, port: int) -> list[str]:
        """Where this host is and may be reached. `Problem`: nowhere."""
        bare = host.strip("[]")
        try:
            reached = [str(ipaddress.ip_address(bare))]
        except ValueError:  # a name; asking for it wakes a thread, which takes a while
            reached = await self._named(bare, port)
        allowed = [text for text in reached if self._may(ipaddress.ip_address(text), port)]
        if not allowed:
            raise Problem(
                403,
                "address_refused",
                f"{host} is at an address that is not public and not listed.",
            )
        return allowed

    async def _named(self, host: str, port: int) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError):
            raise Problem(502, "unknown_host", f"The host {host} is not known.") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _may(self, address: Address, port: int) -> bool:
        mapped = getattr(address, "ipv4_mapped", None) or address
        return public(address) or any(
            mapped in private.network and private.port in (None, port) for private in self._private
        )

    async def connect(
        self, scheme: str, host: str, port: int, addresses: Sequence[str]
    ) -> Upstream:
        """A connection of its own for one request, to what `addresses` gave just now. `Problem`:
        there is none."""
        bare = host.strip("[]").rstrip(".")
        secure = {"ssl": self._tls, "server_hostname": bare} if scheme == "https" else {}
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT):
                    pair = await asyncio.open_connection(address, port, limit=PIECE, **secure)  # type: ignore[arg-type] # typeshed wants each by name
                return Upstream(*pair, self._patience)
            except ssl.SSLError as error:
                why = getattr(error, "verify_message", None) or error.reason
                raise Problem(
                    502, "upstream_tls", f"{host} does not prove who it is: {why}."
                ) from None
            except (OSError, TimeoutError):
                continue
        raise Problem(502, "upstream_unreachable", f"{host} does not answer.")


class Upstream:
    """One request and its answer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: Patience
    ) -> None:
        self.reader, self.writer, self._patience = reader, writer, patience
        self.http = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * PIECE)
        self._sending: asyncio.Task[None] | None = None
        self._fault: Problem | None = None  # in the body, while it was sent

    async def exchange(
        self, head: h11.Request, body: AsyncIterator[bytes]
    ) -> h11.Response | h11.InformationalResponse:
        """Send it; the head of the answer, which may come before all is sent. 101 is an answer.

        `OSError`, `TimeoutError`, `h11.RemoteProtocolError`: it is not known what was done.
        `Problem`: the body that was to be sent is none.
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
            self.writer.transport.abort()  # half a request must not look like a whole one
            raise

    async def data(self) -> AsyncIterator[bytes]:
        """The body of the answer. The errors of `exchange` where it is cut off."""
        while True:
            async with asyncio.timeout(self._patience.answer):
                event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return

    async def _next(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.reader.read(PIECE))
        return event

    async def close(self) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
