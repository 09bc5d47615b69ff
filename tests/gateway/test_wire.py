"""The bytes on both sides of the gateway: what goes out is what was digested, or nothing does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

from approvals.app.host import clock
from approvals.proxy import wire
from approvals.proxy.ca import utc
from approvals.proxy.proxy import Guesses
from approvals.proxy.reach import Private, public
from approvals.proxy.revoked import Revoked
from approvals.proxy.wire import PATIENCE
from tests.harness.gateway import OK, OTHER, QUICK, authority, basic, gate, origin, parsed
from tests.harness.house import HANGS

AUTH = f"Proxy-Authorization: {basic()}\r\n".encode()


@pytest.mark.parametrize(
    "target",
    ["/%7e", "/~", "/x?", "/x?a=b+c%20d", "/x?%2F%2f&&=", "/?q=%00"],
)
async def test_law_01_path_and_query_go_out_byte_for_byte(tmp_path: Path, target: str) -> None:
    async with origin() as there, gate(tmp_path) as our:
        status, said = await our.ask(there.url + target)
        assert (status, said) == (200, b"ok")
        assert there.seen[0].split(b"\r\n")[0] == b"GET %b HTTP/1.1" % target.encode()


@pytest.mark.parametrize(
    "target", ["/a%2Fb", "/%2e%2e%2f", "/../x", "/a\\b", "/a%00", "/a/../b", "//", "//x//"]
)
async def test_what_a_server_may_read_otherwise_is_refused(tmp_path: Path, target: str) -> None:
    async with origin() as there, gate(tmp_path) as our:
        status, said = await our.ask(there.url + target)
        assert (status, said["type"]) == (400, "ambiguous")
        assert there.seen == []


async def test_law_01_headers_go_out_as_given_without_those_of_the_hop(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        lines = ["X-One: 1", "x-TWO:  a  b ", "Keep-Alive: 5", "TE: trailers", "X-One: 2"]
        assert (await our.ask(f"{there.url}/", "GET", *lines))[0] == 200
        assert there.seen[0] == (
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-One: 1\r\nx-TWO: a  b\r\nX-One: 2\r\n"
            b"Connection: close\r\n\r\n" % there.port
        )


HOST = b"Host: 127.0.0.1:%d\r\n"
SMUGGLED = {
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "lengths that differ": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
    "a list of lengths": b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx",
    "a signed length": b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
    "an empty length": b"POST / HTTP/1.1\r\nContent-Length:\r\n\r\nx",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two encodings": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an odd encoding": b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "space before the colon": b"POST / HTTP/1.1\r\nContent-Length : 1\r\n\r\nx",
    "chunks in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a fold": b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
    "a fold first": b"GET / HTTP/1.1\r\n X: a\r\n\r\n",
    "a bare LF": b"GET / HTTP/1.1\nX: a\r\n\r\n",
    "bare LFs": b"GET / HTTP/1.1\n\n",
    "a bare CR": b"GET / HTTP/1.1\r\nX: a\rY: b\r\n\r\n",
    "NUL": b"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nX: a\x01b\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nX\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: other\r\n\r\n",
    "HTTP/2": b"GET / HTTP/2.0\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\n\r\n",
    "an extension": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n",
    "a spaced size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n",
    "a hex prefix": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
    "a bare LF size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
    "a long chunk": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n",
    "trailers": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
    "Connection names Host": b"GET / HTTP/1.1\r\nConnection: host\r\n\r\n",
    "Connection names a length": b"POST / HTTP/1.1\r\nConnection: content-length\r\n"
    b"Content-Length: 1\r\n\r\nx",
    "a space in the target": b"GET /a b HTTP/1.1\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\n\r\n",
    "a user": b"GET http://a@127.0.0.1:%d/ HTTP/1.1\r\n\r\n",
    "a lower-case method": b"get / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
async def test_law_27_what_has_two_readings_is_refused_and_the_connection_ends(
    tmp_path: Path, name: str
) -> None:
    async with origin() as there, gate(tmp_path) as our:
        url, host = there.url.encode(), HOST % there.port
        raw = SMUGGLED[name].replace(b"%d", b"%d" % there.port)
        line, rest = raw.split(b" /", 1) if b" /" in raw else (raw, b"")
        sent = line + b" " + url + b"/" + rest if rest else raw
        end = sent.index(b"\n") + 1
        head = sent[:end] + host + AUTH + sent[end:]
        answer = await our.raw(head + b"GET %b/smuggled HTTP/1.1\r\n%b\r\n" % (url, host + AUTH))
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert answer.count(b"HTTP/1.1 ") == 1
        assert there.seen == []


async def test_requests_one_after_the_other_and_all_at_once(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        one = b"GET %b/%%d HTTP/1.1\r\n%b%b" % (there.url.encode(), HOST % there.port, AUTH)
        sent = (
            b"".join(one % n + b"\r\n" for n in range(3)) + one % 3 + b"Connection: close\r\n\r\n"
        )
        answer = await our.raw(sent)
        assert answer.count(b"HTTP/1.1 200 ") == 4
        assert [raw.split()[1] for raw in there.seen] == [b"/0", b"/1", b"/2", b"/3"]


async def test_a_chunked_body_goes_out_whole_with_its_length(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        head = b"POST %b/ HTTP/1.1\r\n%bConnection: close\r\nTransfer-Encoding: chunked\r\n%b\r\n"
        sent = (
            head % (there.url.encode(), HOST % there.port, AUTH)
            + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert parsed(await our.raw(sent)) == (200, b"ok")
        assert there.seen[0].endswith(b"Content-Length: 5\r\nConnection: close\r\n\r\nabcde")


async def test_who_expects_100_gets_it_when_the_body_is_wanted(tmp_path: Path) -> None:
    refusing = "- {name: no, when: {path: /no}, then: deny}\n" + "- {name: all, then: allow}"
    async with origin() as there, gate(tmp_path, rules=refusing) as our:
        head = b"POST %b%%b HTTP/1.1\r\n%bContent-Length: %%d\r\nExpect: 100-continue\r\n%b\r\n" % (
            there.url.encode(), HOST % there.port, AUTH,
        )  # fmt: skip
        answer = await our.raw(head % (b"/", 2) + b"hiGARBAGE\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 ")
        assert b"Expect" not in there.seen[0]
        assert (await our.raw(head % (b"/no", 2))).startswith(b"HTTP/1.1 403 ")
        assert (await our.raw(head % (b"/", 2**24))).startswith(b"HTTP/1.1 413 ")


async def test_law_27_a_body_of_10_MiB_passes_and_a_larger_one_only_by_rule(tmp_path: Path) -> None:
    rules = "- {name: big, when: {path: /big}, then: allow, oversize: true}\n"
    async with origin() as there, gate(tmp_path, rules=rules + "- {name: all, then: allow}") as our:
        body = os.urandom(10 * 2**20)
        assert (await our.ask(f"{there.url}/", "POST", body=body))[0] == 200
        assert there.seen.pop().endswith(b"\r\n\r\n" + body)
        with contextlib.suppress(OSError):
            status, _ = await our.ask(f"{there.url}/", "POST", body=body + b"x")
            assert status == 413
        chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
        head = b"POST %b/ HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n%b\r\n" % (
            there.url.encode(), HOST % there.port, AUTH,
        )  # fmt: skip
        answer = await our.raw(head + chunk * 10 + b"1\r\nx\r\n0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert there.seen == []
        assert (await our.ask(f"{there.url}/big", "POST", body=body + b"x"))[0] == 200
        assert there.seen.pop().endswith(body + b"x")


async def test_law_27_only_so_many_connections_take_large_pieces_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_WIDE", 1)
    ca, body = authority(tmp_path / "ca"), os.urandom(2**20)
    context = ca.context("localhost", utc(clock()))
    async with (
        origin(context) as there,
        gate(tmp_path / "gate", ca_file=tmp_path / "ca" / "ca.pem", patience=PATIENCE) as our,
    ):
        lines = [await our.inside(there.port) for _ in range(2)]
        head = f"POST / HTTP/1.1\r\nHost: localhost:{there.port}\r\nContent-Length: {2**20}\r\n\r\n"
        for reader, writer in lines:
            writer.write(head.encode() + body)
            answer = await asyncio.wait_for(reader.readuntil(b"ok"), HANGS)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert there.seen.pop().endswith(body)
        assert sorted(tls.max_size for tls in list(wire._WIDE)) == [wire.WIDE]
        for _, writer in lines:
            writer.transport.abort()


async def test_law_27_a_head_that_dribbles_or_grows_ends(tmp_path: Path) -> None:
    async with gate(tmp_path, patience=QUICK) as our:
        assert await our.raw(b"GET http://x/ HT") == b""
        slow = await our.raw(b"GET http://x/ HTTP/1.1\r\nHost")
        assert slow.startswith(b"HTTP/1.1 408 ")
        large = await our.raw(b"GET http://x/ HTTP/1.1\r\n" + b"X: %b\r\n" % (b"y" * 2**17))
        assert large.startswith(b"HTTP/1.1 431 ")
        many = await our.raw(b"GET http://x/ HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n")
        assert many.startswith(b"HTTP/1.1 431 ")


async def test_who_is_no_agent_gets_407(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        for wrong in (
            basic("bot", OTHER),
            basic("nobody"),
            "Bearer x",
            "Basic !",
            basic("bot", ""),
        ):
            status, said = await our.ask(f"{there.url}/", agent=wrong)
            assert (status, said["type"]) == (407, "unknown_agent")
        connect = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % there.port
        assert (await our.raw(connect)).startswith(b"HTTP/1.1 407")
        assert there.seen == []


async def test_its_own_page_is_healthz(tmp_path: Path) -> None:
    async with gate(tmp_path) as our:
        sent = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert parsed(await our.raw(sent % b"/healthz")) == (
            200, b'{"status": "ok", "mode": "hold"}',
        )  # fmt: skip
        assert parsed(await our.raw(sent % b"/v1/requests"))[0] == 404


async def test_a_download_streams_in_flat_memory_and_waits_for_a_slow_reader(
    tmp_path: Path,
) -> None:
    size, piece, sent = 2**30, b"x" * 2**20, 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with gate(tmp_path, patience=replace(QUICK, stall=60, answer=60)) as our:
        reader, writer = await asyncio.open_connection("127.0.0.1", our.port)
        head = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        writer.write(head.encode() + AUTH + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        before = psutil.Process().memory_info().rss
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert sent < 64 * 2**20  # it waits for us, who do not read
        got = 0
        while got < size:
            got += len(await reader.read(2**20))
        assert psutil.Process().memory_info().rss - before < 40 * 2**20
        writer.close()
        await writer.wait_closed()
    server.close()


async def test_events_come_as_they_are_sent_and_a_cut_answer_is_cut(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await go.wait()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(events, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with gate(tmp_path) as our:
        reader, writer = await asyncio.open_connection("127.0.0.1", our.port)
        head = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        writer.write(head.encode() + AUTH + b"\r\n")
        assert await asyncio.wait_for(reader.readuntil(b"one\r\n"), HANGS)
        go.set()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""  # and no last chunk
        writer.close()
    server.close()


async def test_a_tunnel_is_answered_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    theirs = authority(tmp_path / "theirs")
    tls = theirs.context("localhost", utc(clock()))
    async with (
        origin(tls) as there,
        gate(tmp_path, ca_file=tmp_path / "theirs/ca.pem") as our,
    ):
        reader, writer = await our.inside(there.port)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        for n in range(2):  # kept alive
            writer.write(b"GET /%d HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % (n, there.port))
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        assert [raw.split()[1] for raw in there.seen] == [b"/0", b"/1"]
        assert oct((our.settings.folder / "ca.key").stat().st_mode)[-3:] == "600"


async def test_an_upstream_that_proves_nothing_is_502(tmp_path: Path) -> None:
    theirs = authority(tmp_path / "theirs")
    async with origin(theirs.context("localhost", utc(clock()))) as there, gate(tmp_path) as our:
        reader, writer = await our.inside(there.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % there.port)
        status, said = parsed(await reader.read())
        assert (status, said["type"]) == (502, "upstream_tls")
        writer.close()
        assert there.seen == []


async def test_websockets_pass_by_rule_only(tmp_path: Path) -> None:
    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x")
    async with origin() as there, gate(tmp_path) as our:
        status, said = await our.ask(f"{there.url}/", "GET", *lines)
        assert (status, said["type"]) == (403, "websocket_refused")
        assert there.seen == []
    async with (
        origin() as there,
        gate(tmp_path, rules="- {name: ws, then: allow, websocket: true}") as our,
    ):
        there.reply = lambda _: (
            b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nframes"
        )
        url = f"{there.url}/".encode()
        answer = await our.raw(
            b"GET %b HTTP/1.1\r\n%b%bConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            % (url, HOST % there.port, AUTH)
        )
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert answer.endswith(b"\r\n\r\nframes")


async def test_who_is_shut_out_gets_no_byte_more_through_a_websocket(tmp_path: Path) -> None:
    rules = "- {name: ws, then: allow, websocket: true}"
    async with origin() as there, gate(tmp_path, rules=rules) as our:
        there.keeps = True
        there.reply = lambda _: (
            b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nframes"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", our.port)
        writer.write(
            b"GET %b/ HTTP/1.1\r\n%b%bConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            % (there.url.encode(), HOST % there.port, AUTH)
        )
        await asyncio.wait_for(reader.readuntil(b"frames"), HANGS)
        Revoked(our.settings.folder).put("bot", undo=False)
        writer.write(b"more\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), HANGS) == b""
        writer.close()
    assert len(there.seen) == 1


def _always(reply: bytes, _: bytes) -> bytes:
    return reply


async def test_an_upstream_that_breaks_off_or_talks_rubbish_is_502(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        for reply in (b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"):
            there.reply = partial(_always, reply)
            status, said = await our.ask(f"{there.url}/")
            assert (status, said["type"]) == (502, "upstream_failed")
        there.reply = lambda _: OK
        assert (await our.ask(f"{there.url}/", "TRACE"))[0] == 405
        assert (await our.ask(f"{there.url}/", "HEAD"))[0] == 200
        assert (await our.ask("http://127.0.0.1:1/", "HEAD"))[0] == 502


async def test_bytes_that_come_with_connect_are_refused_in_words(tmp_path: Path) -> None:
    async with gate(tmp_path) as our:
        head = b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n" + AUTH + b"\r\n"
        status, said = parsed(await our.raw(head + b"\x16\x03\x01\x02\x00"))
        assert (status, said["type"]) == (400, "malformed")
        assert "wait for its 200" in said["detail"]


async def test_a_name_that_does_not_exist_looks_like_one_inside(tmp_path: Path) -> None:
    async with gate(tmp_path, private="127.0.0.9:80") as our:
        answers = []
        for host in ("localhost", "nosuch.invalid"):
            status, said = await our.ask(f"http://{host}:8090/")
            answers.append((status, str(said).replace(host, "HOST")))
        assert answers[0] == answers[1]
        assert answers[0][0] == 403


async def test_law_27_strangers_fill_no_disk(tmp_path: Path) -> None:
    async with gate(tmp_path) as our:
        for _ in range(15):
            status, said = await our.ask("http://a.example/", agent=basic("bot", "a wrong guess"))
            assert (status, said["type"]) == (407, "unknown_agent")
        assert len([line for line in our.lines() if line["status"] == 407]) == 1


def test_law_27_refusals_of_strangers_are_counted_and_slowed_down() -> None:
    guesses = Guesses()
    first = [guesses.take("10.0.0.1", 5.0) for _ in range(25)]
    assert first == [(0.0, 1)] + [(0.0, 0)] * 19 + [(1.0, 0)] * 5
    assert guesses.take("10.0.0.2", 6.0) == (0.0, 1)
    assert guesses.take("10.0.0.1", 66.0) == (0.0, 25)  # with the 24 before it


async def test_a_body_that_is_too_large_says_which_rule_to_change(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        head = f"POST {there.url}/ HTTP/1.1\r\nHost: 127.0.0.1:{there.port}\r\n".encode()
        raw = await our.raw(head + AUTH + b"Content-Length: 99999999\r\n\r\n")
        status, said = parsed(raw)
        assert (status, said["rule"]) == (413, "all")
        phrase = raw.split(b"\r\n")[0].decode()  # curl and some SDKs show no more
        for words in (said["detail"], said["message"], said["error"]["message"], phrase):
            assert "the rule 'all' decides" in words
            assert "`oversize: true` before it in gateway.yaml" in words
        assert our.lines()[-1]["rule"] == "all"


@pytest.mark.parametrize("address", ["3fff::1", "5f00::1", "192.88.99.1", "2001:10::1", "4000::1"])
def test_law_10_the_registries_say_what_is_public(address: str) -> None:
    assert not public(ip_address(address))


@pytest.mark.parametrize("address", ["2606:4700::1", "8.8.8.8", "192.0.0.9", "64:ff9b::808:808"])
def test_what_is_public_can_be_reached(address: str) -> None:
    assert public(ip_address(address))


@pytest.mark.parametrize("text", ["[::1]/128", "[fd00::/8]", "[::1]:80", "10.0.0.0/8:443"])
def test_a_private_address_has_its_length_in_or_behind_the_brackets(text: str) -> None:
    assert Private.read(text)
