"""What `countersign gateway` costs an agent: beside no proxy at all, tinyproxy and mitmproxy.

The proxy has the first core; the client and the API have the last. One request after the other, as
an agent sends them, over a connection that is kept (tinyproxy closes it after each one in clear, so
a new one is in its time); then as many as go through over several connections; then a download, and
the first piece of an answer that goes on; and what requests take that a person has not decided yet.
mitmproxy is measured where MITMDUMP says where its `mitmdump` is (an environment of its own: its
dependencies are pinned).
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from bench.load import percentile
from bench.parts import Part, Rounds, Setting, number, turn_about
from bench.peers import on_core
from bench.record import Sheet
from tools.ports import free_port

DIRECT: Final = "direct"
TINYPROXY: Final = "tinyproxy"
MITMPROXY: Final = "mitmproxy"
GATEWAY: Final = "countersign gateway"
HOWS: Final = ("http", "https")
PASSWORD: Final = "correct-horse-battery"
LOGIN: Final = base64.b64encode(b"agent:" + PASSWORD.encode()).decode()
PATIENCE: Final = 60.0
TOGETHER: Final = 250
"""Connections that are opened at once."""
BODY: Final = {"amount": 1240, "currency": "eur", "to": "ACME GmbH", "n": "x" * 200}

RULES: Final = """\
listen: 127.0.0.1:{port}
folder: {folder}
service: {{url: "http://127.0.0.1:{service}", key: csr_bench, requester: bench,
           issuer: "http://127.0.0.1:{service}", receipt_key: {pin}}}
agents: {{agent: {{password: {password}}}}}
upstream: {{private: ["127.0.0.0/8"], ca_file: world/ca.pem}}
rules: [{{name: read, when: {{method: GET}}, then: allow}}]
"""


@dataclass(frozen=True, slots=True)
class Way:
    """How a request gets to the API. `proxy`: a port, None: straight; `trust`: for https."""

    peer: str
    how: str
    api: int
    proxy: int | None
    trust: ssl.SSLContext

    def request(self, path: str) -> bytes:
        """The bytes of it."""
        clear = self.how == "http" and self.proxy is not None
        place = f"http://127.0.0.1:{self.api}" if clear else ""
        lines = [f"GET {place}{path} HTTP/1.1", f"Host: {self.host}:{self.api}"]
        lines += [f"Proxy-Authorization: Basic {LOGIN}"] if clear else []
        return "\r\n".join([*lines, "Accept: */*", "", ""]).encode()

    @property
    def host(self) -> str:
        return "localhost" if self.how == "https" else "127.0.0.1"

    def open(self) -> socket.socket:
        """A connection on which `request` can be sent; TLS is not begun yet."""
        made = socket.create_connection(("127.0.0.1", self.proxy or self.api), PATIENCE)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.how == "https" and self.proxy is not None:
            place = f"localhost:{self.api}"
            made.sendall(
                f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
                f"Proxy-Authorization: Basic {LOGIN}\r\n\r\n".encode()
            )
            if not made.recv(4096).split(b" ", 2)[1] == b"200":
                raise SystemExit(f"{self.peer} refuses CONNECT")
        return made

    def secured(self) -> socket.socket:
        made = self.open()
        return self.trust.wrap_socket(made, server_hostname="localhost") if self.tls else made

    @property
    def tls(self) -> bool:
        return self.how == "https"

    @property
    def once(self) -> bool:
        """Is the connection closed after each answer?"""
        return self.peer == TINYPROXY and not self.tls


def measure(setting: Setting) -> Rounds:
    """Each way in turn, in clear and over TLS; then downloads; then what is held."""
    sizes, rounds = setting.sizes, Rounds()
    found = [DIRECT, *([TINYPROXY] if shutil.which(TINYPROXY) else [])]
    found += [*([MITMPROXY] if "MITMDUMP" in os.environ else []), GATEWAY]
    if TINYPROXY not in found:
        setting.console.print("tinyproxy is not here: apt-get install tinyproxy-bin")
    folder = setting.bed.folder / "gateway"
    folder.mkdir()
    with _world(folder) as ports:
        for round_ in range(sizes["rounds"]):
            for peer in turn_about(found, round_):
                for how in HOWS:
                    with _way(setting, folder, peer, how, ports) as (way, process):
                        done = _measured(way, process, sizes)
                    rounds.append(done)
                    setting.console.print(
                        f"{round_ + 1}. {peer:<20} {how:<6} p50 {done['p50_ms']:6.3f} ms  "
                        f"p99 {done['p99_ms']:6.3f} ms  {done['rate']:7,.0f}/s  "
                        f"download {done['mb_s']:6,.0f} MB/s, {done['peak_mb'] or 0:4.0f} MB"
                    )
            for how in HOWS:
                # Its own folder: what was held before is taken up by the next gateway on one.
                own = f"held-{how}"
                with _way(setting, folder, GATEWAY, how, ports, own) as (way, process):
                    assert process is not None
                    held = asyncio.run(_held(way, process, sizes["held"], ports["http"]))
                rounds.append({"peer": GATEWAY, "how": f"{how} held", **held})
                setting.console.print(
                    f"{round_ + 1}. {GATEWAY:<20} {how:<6} {held['rest_mb']:4.0f} MB at rest  "
                    f"{held['held_mb']:4.0f} MB with {sizes['held']:,} held"
                )
            with _way(setting, folder, GATEWAY, "http", ports, "bodies") as (way, process):
                assert process is not None
                bodies = asyncio.run(_bodies(way, process, sizes["bodies"], ports["http"]))
            rounds.append({"peer": GATEWAY, "how": "bodies", **bodies})
            setting.console.print(
                f"{round_ + 1}. {GATEWAY:<20} {sizes['bodies']} bodies of 10 MiB held: "
                f"{bodies['held_mb']:4.0f} MB, /healthz within {bodies['health_ms']:.0f} ms"
            )
    return rounds


def _measured(way: Way, process: psutil.Process | None, sizes: Mapping[str, int]) -> dict[str, Any]:
    times, wrong = _in_turn(way, sizes["calls"])
    used = _cpu(process)
    rate, lost = asyncio.run(_together(way, sizes["flow"], sizes["connections"]))
    used = _cpu(process) - used
    speed, peak, short = _download(way, process, sizes["mebibytes"])
    first = _first(way, sizes["streams"])
    return {
        "peer": way.peer,
        "how": way.how,
        "p50_ms": percentile(times, 50) / 1e6,
        "p99_ms": percentile(times, 99) / 1e6,
        "rate": rate,
        "cpu_us": used * 1e6 / sizes["flow"] if process else None,
        "mb_s": speed,
        "peak_mb": peak,
        "first_ms": first,
        "bad": wrong + lost + short,
    }


def _in_turn(way: Way, count: int) -> tuple[list[int], int]:
    """Nanoseconds of each, sorted, and how many were not 200. The first tenth warms up."""
    request, times, wrong = way.request("/v1/charges"), [], 0
    gc.collect()
    gc.disable()
    line = way.secured()
    try:
        for place in range(count + count // 10):
            began = time.perf_counter_ns()
            line.sendall(request)
            ok = _answer(line)
            if way.once:
                line.close()
                line = way.secured()
            if place >= count // 10:
                times.append(time.perf_counter_ns() - began)
                wrong += not ok
    finally:
        gc.enable()
        line.close()
    return sorted(times), wrong


def _answer(line: socket.socket) -> bool:
    """Read one: was it 200?"""
    raw = line.recv(65_536)
    while (end := raw.find(b"\r\n\r\n")) < 0:
        raw += _more(line)
    head = raw[:end].lower()
    left = int(head.partition(b"content-length: ")[2].partition(b"\r")[0]) + end + 4 - len(raw)
    while left > 0:
        left -= len(_more(line))
    return head.startswith(b"http/1.1 200")


def _more(line: socket.socket) -> bytes:
    if not (piece := line.recv(65_536)):
        raise SystemExit("the connection ended within an answer")
    return piece


async def _together(way: Way, count: int, connections: int) -> tuple[float, int]:
    """Requests a second over so many connections at once, and how many were not 200."""
    request, left, wrong = way.request("/v1/charges"), count, 0

    async def one() -> None:
        nonlocal left, wrong
        reader, writer = await _opened(way)
        while left > 0:
            left -= 1
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r")[0]
            await reader.readexactly(int(length))
            wrong += not head.startswith(b"http/1.1 200")
            if way.once:
                writer.close()
                reader, writer = await _opened(way)
        writer.transport.abort()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return count / (time.perf_counter() - began), wrong


async def _opened(way: Way) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not way.tls and way.proxy is not None:
        return await asyncio.open_connection("127.0.0.1", way.proxy)
    made = await asyncio.to_thread(way.open)
    secure: dict[str, Any] = {"ssl": way.trust, "server_hostname": "localhost"} if way.tls else {}
    return await asyncio.open_connection(sock=made, **secure)


def _download(way: Way, process: psutil.Process | None, size: int) -> tuple[float, float, int]:
    """MB/s of so many MiB, the most that the proxy ever held (MB), and 1 if it was cut short."""
    if process is not None:
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # proc(5): forgets VmHWM
    with way.secured() as line:
        began, got, buffer = time.perf_counter(), 0, bytearray(2**20)
        line.sendall(way.request(f"/download/{size}"))
        while got < size * 2**20 and (more := line.recv_into(buffer)):
            got += more
        seconds = time.perf_counter() - began
    return got / 1e6 / seconds, _peak(process), int(got < size * 2**20)


def _first(way: Way, count: int) -> float:
    """Median milliseconds until the first piece of an answer that is not whole yet."""
    request, times = way.request("/stream"), []
    with way.secured() as line:
        for _ in range(count):
            began, raw = time.perf_counter(), b""
            line.sendall(request)
            while b"data: 1" not in raw:
                raw += _more(line)
            times.append(time.perf_counter() - began)
            while not raw.endswith(b"0\r\n\r\n"):
                raw += _more(line)
            if way.once:
                break
    return median(times) * 1e3


def _peak(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


async def _held(way: Way, process: psutil.Process, count: int, world: int) -> dict[str, Any]:
    """The gateway's memory while nobody decides."""
    rest = process.memory_info().rss / 1e6
    head = way.request("/v1/payouts").replace(b"GET ", b"POST ", 1).removesuffix(b"\r\n")
    made = 0  # each is another request: the same one again would join the one that is held
    lines: list[asyncio.StreamWriter] = []
    for start in range(0, count, TOGETHER):
        more = range(start, min(start + TOGETHER, count))
        for _, writer in await asyncio.gather(*(_opened(way) for _ in more)):
            body = json.dumps({**BODY, "invoice": made}).encode()
            writer.write(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            lines.append(writer)
            made += 1
    ours = asyncio.get_running_loop().time
    until = ours() + 2 * PATIENCE
    while (waiting := await asyncio.to_thread(_waiting, world)) < count and ours() < until:
        await asyncio.sleep(0.1)
    full = process.memory_info().rss / 1e6
    for writer in lines:
        writer.transport.abort()
    return {"rest_mb": rest, "held_mb": full, "bad": count - waiting}


async def _bodies(way: Way, process: psutil.Process, count: int, world: int) -> dict[str, Any]:
    """Its memory while so many bodies of 10 MiB wait, and the longest that /healthz took."""
    done = asyncio.Event()
    longest = 0.0

    async def healthy() -> None:
        nonlocal longest
        while not done.is_set():
            began = time.perf_counter()
            reader, writer = await asyncio.open_connection("127.0.0.1", way.proxy)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            await reader.read()
            longest = max(longest, time.perf_counter() - began)
            writer.close()
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(healthy())
    head = way.request("/v1/files").replace(b"GET ", b"POST ", 1).removesuffix(b"\r\n")
    lines: list[asyncio.StreamWriter] = []
    for made in range(count):
        _, writer = await _opened(way)
        body = json.dumps({"invoice": made, "file": "x" * (10 * 2**20 - 64)}).encode()
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 2**20):
            writer.write(body[start : start + 2**20])
            await writer.drain()
        lines.append(writer)
    until = asyncio.get_running_loop().time() + 4 * PATIENCE
    while (waiting := await asyncio.to_thread(_waiting, world)) < count:
        if asyncio.get_running_loop().time() > until:
            break
        await asyncio.sleep(0.1)
    full = process.memory_info().rss / 1e6
    done.set()
    await looking
    for writer in lines:
        writer.transport.abort()
    return {
        "held_mb": full,
        "most_mb": _peak(process),
        "health_ms": longest * 1e3,
        "bad": count - waiting,
    }


def _waiting(world: int) -> int:
    with socket.create_connection(("127.0.0.1", world), PATIENCE) as line:
        line.sendall(b"GET /waiting HTTP/1.1\r\n\r\n")
        return int(line.recv(4096).rpartition(b"\r\n\r\n")[2])


def _cpu(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    used = process.cpu_times()
    return used.user + used.system


@contextmanager
def _world(folder: Path) -> Iterator[dict[str, int]]:
    (folder / "world").mkdir(mode=0o700)
    with subprocess.Popen(
        [sys.executable, "-m", "bench.world", folder / "world"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@contextmanager
def _way(
    setting: Setting, folder: Path, peer: str, how: str, ports: Mapping[str, int], own: str = "ours"
) -> Iterator[tuple[Way, psutil.Process | None]]:
    """A way that is ready, and the proxy on it. `own`: the gateway's folder, with what it holds."""
    trust = ssl.create_default_context(cafile=folder / "world" / "ca.pem")
    if peer == DIRECT:
        yield Way(peer, how, ports[how], None, trust), None
        return
    port = free_port()
    if peer == TINYPROXY:
        file = folder / "tinyproxy.conf"
        file.write_text(f"Port {port}\nListen 127.0.0.1\nMaxClients 500\nLogLevel Critical\n")
        command: tuple[str, ...] = (TINYPROXY, "-d", "-c", str(file))
    elif peer == MITMPROXY:
        sets = (
            f"confdir={folder / 'mitm'}",
            "stream_large_bodies=1m",
            f"ssl_verify_upstream_trusted_ca={folder / 'world' / 'ca.pem'}",
        )
        command = (os.environ["MITMDUMP"], "-q", "--listen-host", "127.0.0.1", "-p", str(port))
        command += tuple(word for text in sets for word in ("--set", text))
    else:
        file = folder / "gateway.yaml"
        file.write_text(
            RULES.format(
                port=port,
                folder=folder / own,
                service=ports["http"],
                pin="A" * 43,
                password=PASSWORD,
            )
        )
        command = (sys.executable, "-m", "approvals.cli", "gateway", "--config", str(file))
    with on_core(setting.bed.core, command, silent=True) as server:
        began = time.perf_counter()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                if server.poll() is not None or time.perf_counter() - began > PATIENCE:
                    raise SystemExit(f"{peer} did not start") from None
                time.sleep(0.02)
        if peer == GATEWAY:
            trust.load_verify_locations(folder / own / "ca.pem")
        if peer == MITMPROXY:
            trust.load_verify_locations(folder / "mitm" / "mitmproxy-ca-cert.pem")
        yield Way(peer, how, ports[how], port, trust), psutil.Process(server.pid)


def sheet(record: Mapping[str, Any]) -> Sheet:
    """Medians; what is added is against `direct` of the same kind."""
    s, medians = record["sizes"], record["medians"]
    rows: list[tuple[str, ...]] = []
    for how in HOWS:
        straight = medians[f"{DIRECT} {how}"]
        for peer in (DIRECT, TINYPROXY, MITMPROXY, GATEWAY):
            m = medians.get(f"{peer} {how}")
            held = medians.get(f"{peer} {how} held")
            if m is None:
                rows.append((how, peer, "not here", *[""] * 9))
                continue
            added = number(m["p50_ms"] - straight["p50_ms"], 2) if peer != DIRECT else ""
            rows.append(
                (
                    *(how, peer, number(m["p50_ms"], 2), number(m["p99_ms"], 2), added),
                    *(number(m["rate"]), number(m["cpu_us"]), number(m["mb_s"])),
                    number(m["first_ms"], 2),
                    number(m["peak_mb"]) if peer != DIRECT else "",
                    number(held["rest_mb"]) if held else "",
                    number(held["held_mb"]) if held else "",
                )
            )
    bodies = medians.get(f"{GATEWAY} bodies")
    if bodies is not None:
        said = f"{number(bodies['health_ms'])} ms at most for /healthz meanwhile"
        many = (number(bodies["most_mb"]), "", number(bodies["held_mb"]))
        what = f"{s['bodies']} bodies of 10 MiB held ({said})"
        rows.append(("http", what, *[""] * 7, *many))
    return Sheet(
        f"Through the gateway: medians of {s['rounds']} rounds of {s['calls']:,} requests in turn, "
        f"{s['flow']:,} over {s['connections']} connections, a download of {s['mebibytes']:,} MiB, "
        f"and {s['held']:,} held",
        (
            *("", "way", "p50 ms", "p99 ms", "added p50 ms", "requests/s", "CPU µs each"),
            *("download MB/s", "first piece ms", "MB at most", "MB at rest", "MB with all held"),
        ),
        tuple(rows),
    )


PART = Part(
    "what our gateway costs: time, throughput, memory of what is held",
    measure,
    ("peer", "how"),
    sheet,
)
