"""A connection to an upstream that is used again: nothing is sent twice, no answer is another's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h11
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.app.host import clock
from approvals.evidence import ReceiptKey
from approvals.proxy.ca import utc
from approvals.proxy.reach import Upstream
from approvals.proxy.wire import PIECE
from tests.harness.gateway import (
    OK,
    OTHER,
    QUICK,
    VALUE,
    Gate,
    Origin,
    authority,
    basic,
    gate,
    liar,
    origin,
)
from tests.harness.house import HANGS

KEY = ReceiptKey(Ed25519PrivateKey.generate())


def said(raw: bytes) -> bytes:
    """An answer whose body is the path that was asked for."""
    method, path = raw.split()[:2]
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path)
    return head if method == b"HEAD" else head + path


@dataclass(slots=True)
class Way:
    """An agent's way to an upstream that keeps its connections: over TLS, all GET allowed."""

    our: Gate
    there: Origin

    async def send(self, path: str, *lines: str, method: str = "GET", **more: Any) -> list[str]:
        """The answers to some requests for paths (parted by spaces), sent at once in one tunnel."""
        reader, writer = await self.our.inside(self.there.port, more.get("agent", ""))
        http = h11.Connection(h11.CLIENT)
        try:
            for one in path.split():
                head = [f"{method} {one} HTTP/1.1", f"Host: localhost:{self.there.port}", *lines]
                writer.write("\r\n".join([*head, "", more.get("body", "")]).encode())
            return [await self._answer(http, reader, method) for _ in path.split()]
        finally:
            writer.transport.abort()

    async def _answer(self, http: h11.Connection, reader: asyncio.StreamReader, method: str) -> str:
        about = h11.Request(method=method, target="/", headers=[("Host", "x")])
        http.send(about)
        http.send(h11.EndOfMessage())
        status, body = "", b""
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(2**16))
            elif isinstance(event, h11.Response):
                status = str(event.status_code)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        if http.our_state is h11.DONE:
            http.start_next_cycle()
        return body.decode() if status == "200" else status

    async def again(self, *addresses: str) -> Upstream | None:
        """The connection that the next request would get."""
        reach = self.our.gateway._reach
        (whose,) = (owner for owner, _ in reach._kept.values())
        return await reach.kept(whose, addresses or ["127.0.0.1"])

    async def over(self) -> None:
        """Return once the upstream's last connection is closed, as far as it can tell."""
        async with asyncio.timeout(HANGS):
            await self.there.lines[-1].wait_closed()


@asynccontextmanager
async def way(tmp_path: Path, **more: Any) -> AsyncIterator[Way]:
    theirs = authority(tmp_path / "theirs").context("localhost", utc(clock()))
    async with (
        origin(theirs) as there,
        gate(tmp_path, ca_file=tmp_path / "theirs/ca.pem", **more) as our,
    ):
        there.keeps, there.reply = True, said
        yield Way(our, there)


async def test_allowed_reading_over_tls_shares_a_connection_and_each_gets_its_own_answer(
    tmp_path: Path,
) -> None:
    async with way(tmp_path) as to:
        assert await to.send("/1") == ["/1"]
        assert await to.send("/2 /3") == ["/2", "/3"]
        assert await to.send("/4", method="HEAD") == [""]
        to.there.reply = lambda _: b"HTTP/1.1 204 No Content\r\n\r\n"
        assert await to.send("/5", method="OPTIONS") == ["204"]
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        to.there.reply = lambda _: b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + chunks
        await to.send("/6")
        to.there.reply = said
        assert await to.send("/7") == ["/7"]
        assert to.there.on == [0] * 7
        assert b"\r\nConnection:" not in b"".join(to.there.seen)


@pytest.mark.parametrize(
    "more",
    [{"method": "POST"}, {"method": "DELETE"}, {"method": "POST", "lines": "Content-Length: 2"},
     {"method": "GET", "lines": "Content-Length: 2"}],
    ids=["POST", "DELETE", "a body", "GET with a body"],
)  # fmt: skip
async def test_what_may_change_something_has_a_connection_of_its_own(
    tmp_path: Path, more: dict[str, str]
) -> None:
    lines = [more["lines"]] if "lines" in more else []
    async with way(tmp_path) as to:
        await to.send("/before")
        for _ in range(2):
            body = "hi" if lines else ""
            assert await to.send("/x", *lines, method=more["method"], body=body) == ["/x"]
        await to.send("/after")
        assert to.there.on == [0, 1, 2, 0]
        assert b"\r\nConnection: close\r\n" in to.there.seen[1]


async def test_law_24_what_a_person_released_has_a_connection_of_its_own(tmp_path: Path) -> None:
    rules = "- {name: free, when: {path: /free}, then: allow}"
    async with (
        liar(KEY) as service,
        way(tmp_path, rules=rules, service=service.url, pin=KEY.thumbprint) as to,
    ):
        for path in ("/free", "/asked", "/asked", "/free"):
            assert await to.send(path) == [path]
        assert to.there.on == [0, 1, 2, 0]
        assert len(service.opened) == 2


async def test_law_15_a_connection_belongs_to_one_agent_and_one_set_of_secrets(
    tmp_path: Path,
) -> None:
    """An answer that came late would not have its secret crossed out, or be another agent's."""
    async with way(tmp_path) as to:
        held = to.our.secret(VALUE, f"localhost:{to.there.port}")
        line = f"Authorization: Bearer {held}"
        for lines in ((), (line,), (), (line,)):
            assert await to.send("/", *lines) == ["/"]
        assert to.there.on == [0, 1, 0, 1]
        assert await to.send("/", agent=basic("other", OTHER)) == ["/"]
        assert to.there.on[-1] == 2
        assert VALUE not in repr(to.our.gateway) + repr(vars(to.our.gateway))


async def test_another_origin_has_another_connection(tmp_path: Path) -> None:
    async with way(tmp_path) as to:
        theirs = authority(tmp_path / "theirs").context("localhost", utc(clock()))
        async with origin(theirs) as other:
            other.keeps, other.reply = True, lambda _: OK
            for _ in range(2):
                assert await to.send("/") == ["/"]
                assert await Way(to.our, other).send("/") == ["ok"]
            assert (to.there.on, other.on) == ([0, 0], [0, 0])


ODD: dict[str, bytes] = {
    "Connection: close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n",
    "more than its length": OK + OK.replace(b"ok", b"no"),
    "much more than its length": b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n"
    + b"x" * 400_000 + OK.replace(b"ok", b"no"),
    "more than no body": b"HTTP/1.1 204 No Content\r\n\r\n" + OK.replace(b"ok", b"no"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
async def test_after_an_answer_that_did_not_end_cleanly_the_connection_ends(
    tmp_path: Path, name: str
) -> None:
    async with way(tmp_path) as to:
        to.there.reply = lambda raw: ODD[name] if b" /odd " in raw else said(raw)
        answers = await to.send("/odd /after /later")
        assert answers[1:] == ["/after", "/later"]
        assert to.there.on == [0, 1, 1]


async def test_an_agent_that_leaves_within_an_answer_ends_the_connection(tmp_path: Path) -> None:
    async with way(tmp_path) as to:
        to.there.reply = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        reader, writer = await to.our.inside(to.there.port)
        writer.write(f"GET / HTTP/1.1\r\nHost: localhost:{to.there.port}\r\n\r\n".encode())
        await reader.readuntil(b"half")
        writer.transport.abort()
        await to.over()
        to.there.reply = said
        assert await to.send("/after") == ["/after"]
        assert to.there.on == [0, 1]


def _closes(writer: asyncio.StreamWriter) -> None:
    writer.close()


def _breaks(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def _half_closes(writer: asyncio.StreamWriter) -> None:
    """Without a word in TLS; it would still read."""
    writer.get_extra_info("socket").shutdown(socket.SHUT_WR)


def _says_more(writer: asyncio.StreamWriter) -> None:
    writer.write(OK.replace(b"ok", b"no"))


@pytest.mark.parametrize("act", [_closes, _breaks, _half_closes, _says_more])
async def test_law_24_a_connection_that_ended_or_said_more_is_not_used_again(
    tmp_path: Path, act: Callable[[asyncio.StreamWriter], None]
) -> None:
    async with way(tmp_path) as to:
        assert await to.send("/1") == ["/1"]
        act(to.there.lines[0])
        assert await to.send("/2 /3") == ["/2", "/3"]
        assert to.there.on == [0, 1, 1]
        act(to.there.lines[1])  # it is in the socket, and no loop has seen it
        assert await to.again() is None


async def test_law_24_what_tls_held_back_is_seen_too(tmp_path: Path) -> None:
    """asyncio stops taking from TLS while much is unread, and goes on one turn after it is read."""
    async with way(tmp_path) as to:
        size, reach = 2 * PIECE + 8, to.our.gateway._reach  # the last record is one too many
        url = f"https://localhost:{to.there.port}/"
        to.there.reply = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        upstream = await reach.connect(url, ["127.0.0.1"])
        head = h11.Request(method="GET", target="/", headers=[("Host", "localhost")])
        await upstream.exchange(head, _nothing())
        to.there.lines[0].write(b"x" * size)
        while upstream.reader.came < size:
            await asyncio.sleep(0.01)
        _says_more(to.there.lines[0])
        await asyncio.sleep(0.05)  # it gets as far as it can
        assert sum([len(piece) async for piece in upstream.data()]) == size
        assert reach.keep("mine", upstream)
        assert await reach.kept("mine", ["127.0.0.1"]) is None


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


async def test_law_24_an_upstream_that_ends_as_the_request_comes_gets_it_once(
    tmp_path: Path,
) -> None:
    async with way(tmp_path) as to:
        assert await to.send("/1") == ["/1"]
        to.there.reply = lambda _: b""  # it reads the second, and ends without a word
        assert await to.send("/2") == ["502"]
        assert [raw.split()[1] for raw in to.there.seen] == [b"/1", b"/2"]
        assert to.there.on == [0, 0]
        assert to.our.lines()[-1]["type"] == "upstream_failed"


async def test_connections_wait_a_while_only_and_end_with_the_gateway(tmp_path: Path) -> None:
    async with way(tmp_path, patience=replace(QUICK, kept=0.05)) as to:
        await to.send("/1")
        await to.over()
        await to.send("/2")
        assert to.there.on == [0, 1]
    async with way(tmp_path, patience=replace(QUICK, kept=60)) as to:
        await to.send("/1")
        there = to.there
        assert len(there.lines) == 1
        await to.our.gateway.close()
        await to.over()


async def test_law_10_a_connection_is_used_again_only_for_an_address_judged_anew(
    tmp_path: Path,
) -> None:
    async with way(tmp_path) as to:
        await to.send("/1")
        for addresses in (["127.0.0.2"], ["::1", "127.0.0.3"]):
            assert await to.again(*addresses) is None
        assert await to.send("/2") == ["/2"]
        assert to.there.on == [0, 0]


async def test_law_10_a_name_is_asked_again_after_a_while_and_its_addresses_judged_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = authority(tmp_path / "theirs").context("localhost", utc(clock()))
    async with origin(theirs) as there:
        there.keeps, there.reply = True, said
        private = f"127.0.0.1:{there.port}"
        async with gate(tmp_path, ca_file=tmp_path / "theirs/ca.pem", private=private) as our:
            to, loop, asked = Way(our, there), asyncio.get_running_loop(), list[str]()
            found = ["127.0.0.1", "127.0.0.2"]

            async def resolve(host: str, port: int, **_: Any) -> list[Any]:
                asked.append(host)
                return [(0, 0, 0, "", (found[0], port))]

            monkeypatch.setattr(loop, "getaddrinfo", resolve)
            assert await to.send("/1 /2") == ["/1", "/2"]
            assert asked == ["localhost"]
            del found[0]  # the name moves to an address that is not listed
            names = our.gateway._reach._names
            names.update({key: (0.001, known) for key, (_, known) in names.items()})  # long ago
            assert await to.send("/3") == ["403"]
            assert there.on == [0, 0]
            assert our.lines()[-1]["type"] == "address_refused"
