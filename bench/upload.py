"""100 MB uploaded through the gateway and through mitmproxy: `python -m bench.upload MITMDUMP`.

Both stream it to the same server on loopback; the proxies have one core, the client and the server
the rest. Seconds by the clock, and of the proxy's processor: on a shared machine the latter counts.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from approvals.app.host import clock
from approvals.proxy.ca import Authority, utc
from bench.peers import on_core
from tools.ports import free_port

SIZE: Final = 100_000_000
ROUNDS: Final = 7
PASSWORD: Final = "correct-horse-battery"
LOGIN: Final = base64.b64encode(f"agent:{PASSWORD}".encode()).decode()
RULES: Final = """\
listen: 127.0.0.1:{port}
folder: {folder}
service: {{url: "http://127.0.0.1:9", key: csr_bench, requester: bench,
           issuer: "http://127.0.0.1:9", receipt_key: {pin}}}
agents: {{agent: {{password: {password}}}}}
upstream: {{private: ["127.0.0.0/8"], ca_file: {ca}}}
rules: [{{name: up, when: {{method: POST}}, then: allow, oversize: true}}]
"""


def server(tls: ssl.SSLContext | None) -> int:
    """The port of one that reads a body of `SIZE` bytes and answers."""
    listening = socket.create_server(("127.0.0.1", 0))

    def one(line: socket.socket) -> None:
        with tls.wrap_socket(line, server_side=True) if tls else line as open_:
            raw = b""
            while b"\r\n\r\n" not in raw:
                if not (piece := open_.recv(65_536)):
                    return
                raw += piece
            left, buffer = SIZE - len(raw.partition(b"\r\n\r\n")[2]), bytearray(2**20)
            while left > 0 and (got := open_.recv_into(buffer)):
                left -= got
            open_.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    def accept() -> None:
        while True:
            threading.Thread(target=one, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listening.getsockname()[1])


def ready(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("a proxy did not start")


def upload(proxy: int, port: int, trust: Path | None, body: bytes) -> float:
    """Seconds. `trust`: over TLS, with this CA."""
    host = f"localhost:{port}"
    login = f"Proxy-Authorization: Basic {LOGIN}\r\n"
    line = socket.create_connection(("127.0.0.1", proxy))
    if trust is not None:
        line.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{login}\r\n".encode())
        assert b" 200" in line.recv(4096)
        context = ssl.create_default_context(cafile=trust)
        line = context.wrap_socket(line, server_hostname="localhost")
    place, login = ("/", "") if trust is not None else (f"http://127.0.0.1:{port}/", login)
    host = host if trust is not None else f"127.0.0.1:{port}"
    began = time.perf_counter()
    line.sendall(
        f"POST {place} HTTP/1.1\r\nHost: {host}\r\n{login}Content-Length: {SIZE}\r\n\r\n".encode()
    )
    for at in range(0, SIZE, len(body)):
        line.sendall(body[: SIZE - at])
    assert b" 200" in line.recv(4096)[:16]
    line.close()
    return time.perf_counter() - began


def main(mitmdump: str, folder: Path) -> None:
    world, certificates = folder / "world", folder / "mitmproxy"
    world.mkdir(mode=0o700)
    certificates.mkdir()
    tls = Authority(world, utc(clock())).context("localhost", utc(clock()))
    ports = {"http": server(None), "https": server(tls)}
    ca, body = world / "ca.pem", os.urandom(2**20)
    with ExitStack() as running:

        def start(command: tuple[str, ...], port: int) -> tuple[int, psutil.Process]:
            process = running.enter_context(on_core(0, command, silent=True))
            ready(port)
            return port, psutil.Process(process.pid)

        def ours(name: str, secret: bool) -> tuple[int, psutil.Process, Path]:
            port, file, made = free_port(), folder / f"{name}.yaml", folder / name
            file.write_text(
                RULES.format(port=port, folder=made, pin="A" * 43, password=PASSWORD, ca=ca)
            )
            command = (sys.executable, "-m", "approvals.cli")
            if secret:
                place = ("--host", "api.example.com", "--header", "Authorization")
                kept = (*command, "secret", "set", "one", *place, "--config", str(file))
                subprocess.run(
                    kept, input=b"a-secret-of-the-bench", check=True, capture_output=True
                )
            return (*start((*command, "gateway", "--config", str(file)), port), made / "ca.pem")

        port = free_port()
        mitm = (mitmdump, "-q", "--listen-host", "127.0.0.1", "-p", str(port))
        sets = (
            f"confdir={certificates}",
            "stream_large_bodies=1m",
            f"ssl_verify_upstream_trusted_ca={ca}",
        )
        command = (*mitm, *(word for text in sets for word in ("--set", text)))
        peers = {
            "mitmproxy": (*start(command, port), certificates / "mitmproxy-ca-cert.pem"),
            "countersign gateway": ours("plain", False),
            "countersign gateway, with a secret": ours("secret", True),
        }
        taken = defaultdict[tuple[str, str], list[tuple[float, float]]](list)
        for _ in range(ROUNDS):
            for how, to in ports.items():
                for name, (proxy, process, trust) in peers.items():
                    before = sum(process.cpu_times()[:2])
                    seconds = upload(proxy, to, trust if how == "https" else None, body)
                    used = sum(process.cpu_times()[:2]) - before
                    taken[how, name].append((seconds, used))
    print("|  | way | s | CPU s |\n| --- | --- | ---: | ---: |")
    for (how, name), values in taken.items():
        clocked, used = (median(column) for column in zip(*values, strict=True))
        print(f"| {how} | {name} | {clocked:.2f} | {used:.2f} |")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        main(sys.argv[1], Path(where))
