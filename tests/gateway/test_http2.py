"""HTTP/2 towards agents: each stream is one request, under the same laws as any other."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

from approvals.app.host import clock
from approvals.evidence import ReceiptKey
from approvals.proxy import http2
from approvals.proxy.ca import utc
from approvals.proxy.wire import Patience
from tests.harness.gateway import ALLOW, Gate, Origin, authority, basic, gate, liar, origin
from tests.harness.house import HANGS

PATIENT = Patience(head=20, idle=20, stall=20, answer=20, service=5, away=1, drain=5)


@asynccontextmanager
async def both(
    folder: Path, *, rules: str = ALLOW, **more: Any
) -> AsyncIterator[tuple[Origin, Gate]]:
    """An upstream in TLS, and a gateway that speaks HTTP/2."""
    ca = authority(folder / "ca")
    more.setdefault("patience", PATIENT)
    async with (
        origin(ca.context("localhost", utc(clock()))) as there,
        gate(
            folder / "gate",
            rules=rules,
            ca_file=folder / "ca" / "ca.pem",
            more="http2: true",
            **more,
        ) as our,
    ):
        yield there, our


@dataclass(slots=True)
class Client:
    """An HTTP/2 client that may say anything. `events`: of all streams, as they came."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    port: int
    http: h2.connection.H2Connection
    events: list[h2.events.Event] = field(default_factory=list)

    def request(self, *more: tuple[str, str], method: str = "GET", **pseudo: str) -> list[Any]:
        given = {
            ":method": method,
            ":scheme": "https",
            ":authority": f"localhost:{self.port}",
            ":path": "/",
        }
        given |= {f":{name}": value for name, value in pseudo.items()}
        return [*((n, v) for n, v in given.items() if v is not None), *more]

    def say(self, headers: list[Any], body: bytes | None = None) -> int:
        id_ = self.http.get_next_available_stream_id()
        self.http.send_headers(id_, headers, end_stream=body is None)
        if body is not None:
            self.http.send_data(id_, body, end_stream=True)
        self.flush()
        return id_

    def flush(self) -> None:
        self.writer.write(self.http.data_to_send())

    async def until(self, is_it: Callable[[h2.events.Event], bool]) -> h2.events.Event | None:
        """The first such event, seen before or not; None: the connection ended."""
        async with asyncio.timeout(HANGS):
            while True:
                if found := next(filter(is_it, self.events), None):
                    return found
                try:
                    raw = await self.reader.read(65_536)
                except OSError:
                    return None
                if not raw:
                    return None
                for event in self.http.receive_data(raw):
                    self.events.append(event)
                    if isinstance(event, h2.events.DataReceived) and event.stream_id:
                        size = event.flow_controlled_length or 0
                        if size and not event.stream_ended:
                            self.http.acknowledge_received_data(size, event.stream_id)
                self.flush()

    async def answer(self, id_: int) -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body; status 0: reset, or the connection ended."""
        over = h2.events.StreamEnded, h2.events.StreamReset
        await self.until(lambda it: isinstance(it, over) and it.stream_id == id_)
        mine = [it for it in self.events if getattr(it, "stream_id", None) == id_]
        heads = [it for it in mine if isinstance(it, h2.events.ResponseReceived)]
        body = b"".join(it.data or b"" for it in mine if isinstance(it, h2.events.DataReceived))
        headers = dict(heads[0].headers or ()) if heads else {}
        return int(headers.get(b":status", 0)), headers, body


@asynccontextmanager
async def client(our: Gate, port: int, *, wild: bool = False) -> AsyncIterator[Client]:
    """`wild`: h2 checks nothing of what it sends."""
    reader, writer = await our.inside(port)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    config = h2.config.H2Configuration(
        client_side=True, header_encoding=None, validate_outbound_headers=not wild,
        normalize_outbound_headers=not wild,
    )  # fmt: skip
    made = Client(reader, writer, port, h2.connection.H2Connection(config))
    made.http.initiate_connection()
    made.flush()
    try:
        yield made
    finally:
        writer.transport.abort()


async def test_law_01_a_stream_is_one_request_through_the_same_rules(tmp_path: Path) -> None:
    rules = "- {name: no, when: {path: /no}, then: deny}\n" + ALLOW
    async with both(tmp_path, rules=rules) as (there, our), client(our, there.port) as agent:
        ids = [agent.say(agent.request(path=f"/{at}?b&=")) for at in range(5)]
        body = os.urandom(50_000)
        ids.append(agent.say(agent.request(method="POST"), body[:16_000]))
        for id_ in ids:
            assert (await agent.answer(id_))[::2] == (200, b"ok")
        lines = [raw.split(b"\r\n")[0] for raw in there.seen]
        assert set(lines) == {b"POST / HTTP/1.1"} | {
            b"GET /%d?b&= HTTP/1.1" % at for at in range(5)
        }
        assert any(raw.endswith(body[:16_000]) for raw in there.seen)
        status, headers, said = await agent.answer(agent.say(agent.request(path="/no")))
        assert (status, headers[b"content-type"]) == (403, b"application/problem+json")
        assert json.loads(said)["type"] == "denied"
        assert (await agent.answer(agent.say(agent.request(path="/yes"))))[0] == 200
        assert len(there.seen) == 7


ODD: dict[str, tuple[dict[str, Any], list[tuple[str, str]], bytes | None]] = {
    "another authority": ({"authority": "other.example"}, [], None),
    "a user in the authority": ({"authority": "a@localhost"}, [], None),
    "no authority": ({"authority": None}, [], None),
    "host beside it": ({}, [("host", "other.example")], None),
    "two hosts": ({"authority": None}, [("host", "localhost"), ("host", "other")], None),
    "two equal hosts": ({}, [("host", "HERE"), ("host", "HERE")], None),
    "another scheme": ({"scheme": "http"}, [], None),
    "no path": ({"path": None}, [], None),
    "an empty path": ({"path": ""}, [], None),
    "an absolute path": ({"path": "https://other.example/"}, [], None),
    "a path with a space": ({"path": "/a b"}, [], None),
    "a path with a line": ({"path": "/ HTTP/1.1\r\nHost: other.example\r\nX: "}, [], None),
    "a fragment": ({"path": "/a#b"}, [], None),
    "a method with a space": ({"method": "GET / HTTP/1.1\r\nX:"}, [], None),
    "a lower-case method": ({"method": "get"}, [], None),
    "CONNECT": ({"method": "CONNECT", "scheme": None, "path": None}, [], None),
    "extended CONNECT": ({"method": "CONNECT", "protocol": "websocket"}, [], None),
    "TRACE": ({"method": "TRACE"}, [], None),
    "a line in a value": ({}, [("x", "a\r\nTransfer-Encoding: chunked")], None),
    "a bare LF": ({}, [("x", "a\nb")], None),
    "a NUL": ({}, [("x", "a\0b")], None),
    "a blank before a value": ({}, [("x", " a")], None),
    "a capital": ({}, [("X-One", "a")], None),
    "a colon in a name": ({}, [("x:y", "a")], None),
    "a line in a name": ({}, [("x: y\r\nz", "a")], None),
    "an empty name": ({}, [("", "a")], None),
    "transfer-encoding": ({"method": "POST"}, [("transfer-encoding", "chunked")], b"x"),
    "connection": ({}, [("connection", "x-y")], None),
    "upgrade": ({}, [("upgrade", "websocket"), ("sec-websocket-key", "x")], None),
    "te": ({}, [("te", "trailers, deflate")], None),
    "a length too long": ({"method": "POST"}, [("content-length", "5")], b"x"),
    "a length too short": ({"method": "POST"}, [("content-length", "1")], b"xyz"),
    "a length and no body": ({}, [("content-length", "5")], None),
    "two lengths": (
        {"method": "POST"}, [("content-length", "1"), ("content-length", "9")], b"x"),
    "two equal lengths": (
        {"method": "POST"}, [("content-length", "1"), ("content-length", "1")], b"x"),
    "a signed length": ({"method": "POST"}, [("content-length", "+1")], b"x"),
    "a length with a line": ({"method": "POST"}, [("content-length", "1_0")], b"x" * 10),
    "a pseudo-header twice": ({}, [(":path", "/other")], None),
    "an unknown pseudo-header": ({"other": "x"}, [], None),
    "a pseudo-header of answers": ({"status": "200"}, [], None),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
async def test_law_27_what_has_two_readings_is_refused(tmp_path: Path, name: str) -> None:
    pseudo, more, body = ODD[name]
    async with both(tmp_path) as (there, our), client(our, there.port, wild=True) as agent:
        here = f"localhost:{there.port}"
        fields = [(name, value.replace("HERE", here)) for name, value in more]
        method = pseudo.get("method", "GET")
        rest = {name: value for name, value in pseudo.items() if name != "method"}
        raw = [(n.encode(), v.encode()) for n, v in agent.request(*fields, method=method, **rest)]
        block = agent.http.encoder.encode(raw)
        head = HeadersFrame(1, block)
        head.flags.add("END_HEADERS")
        if body is None:
            head.flags.add("END_STREAM")
        frames: list[Frame] = [head]
        if body is not None:
            data = DataFrame(1, body)
            data.flags.add("END_STREAM")
            frames.append(data)
        # The client's own h2 need not know of it: answers are looked at as frames.
        agent.writer.write(b"".join(frame.serialize() for frame in frames))
        assert await answered(agent) == "refused"
        assert there.seen == []


async def test_the_same_bytes_without_a_fault_are_taken(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our), client(our, there.port, wild=True) as agent:
        raw = [(n.encode(), v.encode()) for n, v in agent.request(("content-length", "1"))]
        head, data = HeadersFrame(1, agent.http.encoder.encode(raw)), DataFrame(1, b"x")
        head.flags.add("END_HEADERS")
        data.flags.add("END_STREAM")
        agent.writer.write(head.serialize() + data.serialize())
        assert await answered(agent) == "taken"


async def answered(agent: Client) -> str:
    """What became of the first request: an error, a reset, a GOAWAY and the end are refusals."""
    async with asyncio.timeout(HANGS):
        while True:
            try:
                head = await agent.reader.readexactly(9)
                body = await agent.reader.readexactly(int.from_bytes(head[:3], "big"))
            except (OSError, asyncio.IncompleteReadError):
                return "refused"
            if head[3] == 1:
                status = int(dict(agent.http.decoder.decode(body, raw=True))[b":status"])
                return "refused" if 400 <= status < 500 else "taken"
            if head[3] in (3, 7):
                return "refused"


async def test_law_27_trailers_of_a_request_are_refused(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our), client(our, there.port) as agent:
        id_ = agent.http.get_next_available_stream_id()
        agent.http.send_headers(id_, agent.request(method="POST"))
        agent.http.send_data(id_, b"x")
        agent.http.send_headers(id_, [("x-more", "y")], end_stream=True)
        agent.flush()
        assert (await agent.answer(id_))[0] == 400
        assert there.seen == []


async def test_trailers_of_an_answer_pass(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our), client(our, there.port) as agent:
        there.reply = lambda _: (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
            b"Grpc-Status: 0\r\nContent-Length: 9\r\n\r\n"
        )
        id_ = agent.say(agent.request())
        assert (await agent.answer(id_))[::2] == (200, b"ok")
        trailers = [it for it in agent.events if isinstance(it, h2.events.TrailersReceived)]
        assert trailers[0].headers == [(b"grpc-status", b"0")]


async def test_law_27_flow_control_holds_both_ways(tmp_path: Path) -> None:
    """A body larger than every window passes; an answer waits for who does not read."""
    rules = "- {name: all, then: allow, oversize: true}"
    async with both(tmp_path, rules=rules) as (there, our):
        size = 20 * 2**20
        there.reply = lambda raw: (
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
        )
        context = ssl.create_default_context(cafile=our.ca)
        async with httpx.AsyncClient(
            http2=True, proxy=our.proxy(), verify=context, timeout=HANGS
        ) as agent:
            body = os.urandom(11 * 2**20)
            url = f"https://localhost:{there.port}/"
            answer = await agent.post(url, content=body)
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
            assert len(answer.content) == size
            assert there.seen[0].endswith(body)
        async with client(our, there.port) as slow:
            slow.say(slow.request())
            await slow.until(lambda it: isinstance(it, h2.events.ResponseReceived))
            got = 0
            while got < 65_535:  # and not a byte more, until we open the window
                got += len(await asyncio.wait_for(slow.reader.read(2**20), HANGS))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(slow.reader.read(1), 0.2)


async def test_law_28_a_held_stream_gets_interim_answers_and_is_released(tmp_path: Path) -> None:
    key = ReceiptKey(Ed25519PrivateKey.generate())
    go = asyncio.Event()
    async with liar(key) as service:

        async def wait(request: Any) -> None:
            if request.method == "GET" and "/v1/requests/" in request.path:
                await go.wait()

        service.before = wait
        more = {"service": service.url, "pin": key.thumbprint, "rules": ""}
        quick = Patience(interim=0.05, stall=20, answer=20)
        async with (
            both(tmp_path, patience=quick, **more) as (there, our),
            client(our, there.port) as agent,
        ):
            id_ = agent.say(agent.request(("user-agent", "curl/8"), method="POST"), b"pay")
            informed = h2.events.InformationalResponseReceived
            first = await agent.until(lambda it: isinstance(it, informed))
            assert isinstance(first, informed)
            assert dict(first.headers or ())[b":status"] == b"100"
            other = agent.say(agent.request(path="/other"))  # held beside it
            go.set()
            assert (await agent.answer(id_))[::2] == (200, b"ok")
            assert (await agent.answer(other))[0] == 200
            assert [raw.rpartition(b"\r\n\r\n")[2] for raw in there.seen].count(b"pay") == 1


async def test_law_28_a_reset_is_a_hang_up_and_the_next_try_joins(tmp_path: Path) -> None:
    key = ReceiptKey(Ed25519PrivateKey.generate())
    go, asked = asyncio.Event(), asyncio.Event()
    async with liar(key) as service:

        async def wait(request: Any) -> None:
            if request.method == "GET" and "/v1/requests/" in request.path:
                asked.set()
                await go.wait()

        service.before = wait
        more = {"service": service.url, "pin": key.thumbprint, "rules": ""}
        async with both(tmp_path, **more) as (there, our), client(our, there.port) as agent:
            first = agent.say(agent.request(method="POST"), b"pay")
            await asyncio.wait_for(asked.wait(), HANGS)
            agent.http.reset_stream(first, h2.errors.ErrorCodes.CANCEL)
            agent.flush()
            second = agent.say(agent.request(method="POST"), b"pay")
            go.set()
            assert (await agent.answer(second))[::2] == (200, b"ok")
            assert (len(there.seen), len(service.opened)) == (1, 1)
            assert service.gone == []


async def test_law_27_streams_at_work_are_bounded_also_after_their_reset(tmp_path: Path) -> None:
    """A reset frees no work at once: what was reset counts until its work has ended."""
    async with both(tmp_path) as (there, our), client(our, there.port) as agent:
        there.gate.clear()
        await agent.until(lambda it: isinstance(it, h2.events.RemoteSettingsChanged))
        limit = agent.http.remote_settings.max_concurrent_streams
        assert limit == http2.STREAMS
        ids = []
        for _ in range(3 * http2.STREAMS):
            id_ = agent.http.get_next_available_stream_id()
            agent.http.send_headers(id_, agent.request(), end_stream=True)
            agent.http.reset_stream(id_)
            ids.append(id_)
        agent.flush()
        last = agent.say(agent.request(path="/last"))
        (made,) = our.gateway._multiplexed
        async with asyncio.timeout(HANGS):
            while made.http.highest_inbound_stream_id < last:
                assert len(made._working) <= http2.STREAMS
                await asyncio.sleep(0)
        assert len(made._working) <= http2.STREAMS
        there.gate.set()


CALM = h2.errors.ErrorCodes.ENHANCE_YOUR_CALM
FLOODS: dict[str, tuple[h2.errors.ErrorCodes, bytes]] = {
    "pings": (CALM, PingFrame(0, b"12345678").serialize() * 3_000),
    "settings": (CALM, SettingsFrame(0).serialize() * 3_000),
    "resets": (CALM, RstStreamFrame(1).serialize() * 3_000),
    "unknown frames": (CALM, b"\0\0\0\xbb\0\0\0\0\0" * 3_000),
    "continuations": (
        h2.errors.ErrorCodes.PROTOCOL_ERROR,
        HeadersFrame(3, b"").serialize() + ContinuationFrame(3, b"").serialize() * 100,
    ),
    "a frame that is too long": (  # seen at its head, before its bytes have come
        h2.errors.ErrorCodes.FRAME_SIZE_ERROR, b"\0\x40\1\0\0\0\0\0\1",
    ),
    "a window that overflows": (
        h2.errors.ErrorCodes.FLOW_CONTROL_ERROR, b"\0\0\4\x08\0\0\0\0\0\x7f\xff\xff\xff" * 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOODS)
async def test_law_27_a_flood_ends_the_connection(tmp_path: Path, name: str) -> None:
    code, raw = FLOODS[name]
    async with both(tmp_path) as (there, our), client(our, there.port) as agent:
        agent.say(agent.request())
        agent.writer.write(raw)
        over = await agent.until(lambda it: isinstance(it, h2.events.ConnectionTerminated))
        assert isinstance(over, h2.events.ConnectionTerminated)
        assert over.error_code == code
        async with asyncio.timeout(HANGS):
            while our.gateway._multiplexed:
                await asyncio.sleep(0)
        alive = await our.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert alive.startswith(b"HTTP/1.1 200 ")


async def test_law_27_empty_data_is_bounded(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our), client(our, there.port) as agent:
        id_ = agent.http.get_next_available_stream_id()
        agent.http.send_headers(id_, agent.request(method="POST"))
        agent.flush()
        agent.writer.write(DataFrame(id_, b"").serialize() * 3_000)
        over = await agent.until(lambda it: isinstance(it, h2.events.ConnectionTerminated))
        assert isinstance(over, h2.events.ConnectionTerminated)
        assert (over.error_code, there.seen) == (CALM, [])


@pytest.mark.parametrize("count", [250, 3_000])
async def test_law_27_a_head_has_so_many_lines_and_bytes(tmp_path: Path, count: int) -> None:
    async with both(tmp_path) as (there, our), client(our, there.port) as agent:
        many = [("x", "y" * (1 if count < 1_000 else 30)) for _ in range(count)]
        id_ = agent.say(agent.request(*many))
        assert (await agent.answer(id_))[0] in (431, 0)
        assert there.seen == []


async def test_without_the_setting_http2_is_not_offered(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        _, writer = await our.inside(there.port)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        writer.transport.abort()


async def test_http11_goes_on_beside_it(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our):
        reader, writer = await asyncio.open_connection("127.0.0.1", our.port)
        place = f"localhost:{there.port}"
        head = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nProxy-Authorization: {basic()}"
        writer.write(f"{head}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        context = ssl.create_default_context(cafile=our.ca)
        await writer.start_tls(context, server_hostname="localhost")
        writer.write(f"GET / HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        assert (await asyncio.wait_for(reader.readuntil(b"ok"), HANGS)).startswith(b"HTTP/1.1 200")
        writer.transport.abort()


async def test_law_15_a_secret_is_put_in_and_crossed_out(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our), client(our, there.port) as agent:
        value = "sk_live_4eC39HqLyjWDarjtT1"
        held = our.secret(value, f"localhost:{there.port}")
        there.reply = lambda raw: (
            b"HTTP/1.1 200 OK\r\nX-Echo: %b\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n"
            b"X-Trailer: %b\r\n\r\n" % (value.encode(), len(raw), raw, value.encode())
        )
        id_ = agent.say(agent.request(("authorization", f"Bearer {held}")))
        status, _, body = await agent.answer(id_)
        assert status == 200
        assert b"authorization: Bearer " + value.encode() in there.seen[0]
        assert value.encode() not in body
        assert not any(value.encode() in repr(it).encode() for it in agent.events)
        id_ = agent.say(agent.request(method="POST"), held.encode())
        assert (await agent.answer(id_))[0] == 403


async def test_sigterm_lets_a_stream_that_was_released_finish(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our), client(our, there.port) as agent:
        there.gate.clear()
        id_ = agent.say(agent.request())
        async with asyncio.timeout(HANGS):
            while not there.seen:
                await asyncio.sleep(0.01)
        ending = asyncio.create_task(our.gateway.close())
        there.gate.set()
        assert (await agent.answer(id_))[0] == 200
        await asyncio.wait_for(ending, HANGS)


async def ran(*command: object, **env: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), env={**os.environ, **env}, stdout=-1, stderr=-2
    )
    out, _ = await asyncio.wait_for(process.communicate(), HANGS)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_curl_speaks_it(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our):
        url = f"https://localhost:{there.port}/x"
        ask = ("curl", "-sS", "--http2", "--proxy", our.proxy(), "--cacert", our.ca)
        for more in ((), ("-d", "hello"), ("-T", tmp_path / "gate" / "gateway.yaml")):
            said = await ran(*ask, "-w", " %{http_version} %{http_code}", *more, url)
            assert said == (0, "ok 2 200")
        assert there.seen[1].endswith(b"hello")


NODE = """
const http2 = require('node:http2'), net = require('node:net'), tls = require('node:tls');
const [proxy, port, auth, ca] = process.argv.slice(2);
const head = [`CONNECT localhost:${port} HTTP/1.1`, `Host: localhost:${port}`,
  `Proxy-Authorization: ${auth}`, '', ''].join('\\r\\n');
const line = net.connect(+proxy, '127.0.0.1', () => line.write(head));
line.once('data', () => {
  const secure = tls.connect({socket: line, servername: 'localhost', ALPNProtocols: ['h2'],
    ca: require('node:fs').readFileSync(ca)});
  const session = http2.connect(`https://localhost:${port}`, {createConnection: () => secure});
  let left = 10;
  for (let n = 0; n < 10; n++) {
    const stream = session.request({':path': `/${n}`, ':method': 'POST'});
    let said = '';
    stream.on('response', (headers) => { said = headers[':status'] + ' '; });
    stream.on('data', (data) => { said += data; });
    stream.on('end', () => { console.log(said); if (!--left) session.close(); });
    stream.end('body ' + n);
  }
});
"""


async def test_node_speaks_it(tmp_path: Path) -> None:
    async with both(tmp_path) as (there, our):
        script = tmp_path / "agent.cjs"
        script.write_text(NODE)
        code, out = await ran("node", script, our.port, there.port, basic(), our.ca)
        assert (code, out.split("\n")) == (0, ["200 ok"] * 10 + [""])
        assert len(there.seen) == 10
