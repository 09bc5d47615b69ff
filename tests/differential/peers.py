"""Servers that nobody here wrote, asked what they see. Pipelined over connections that stay open.

`running()` starts all that this machine has; each says as JSON what it read (`servers/`). Frames
are ours alone: what is sent is a request whose reading is clear, and that is one frame to all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.node import NODE
from tools.ports import free_port

HERE = Path(__file__).parent
SERVERS = HERE / "servers"
WANTED = (
    *("php", "rack", "express extended", "express simple", "fastify", "node fetch"),
    *("django", "starlette", "aiohttp", "flask"),
)
"""Those that must be there. Go's is asked where a toolchain is."""
HOST = "api.example.com"
WINDOW = 64
"""Requests that are under way on one connection."""
PATIENCE = 10.0
"""Seconds for an answer; a server that waits for more bytes has not taken the request."""


@dataclass(frozen=True, slots=True)
class Case:
    """One request as it is sent; `Host` and `Content-Length` are added on the wire."""

    method: str = "POST"
    target: str = "/public/x"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"")

    def wire(self, *, close: bool = False) -> bytes:
        head = [f"{self.method} {self.target} HTTP/1.1", f"Host: {HOST}"]
        head += [f"{name}: {value}" for name, value in self.headers]
        if self.body or self.method not in ("GET", "HEAD"):
            head.append(f"Content-Length: {len(self.body)}")
        if close:
            head.append("Connection: close")
        return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """`seen` None: it did not take the request (another status, or it hung up)."""

    status: int
    seen: dict[str, Any] | None


NO_ANSWER = Answer(0, None)


@dataclass(slots=True)
class Peer:
    """One server. `keeps`: it answers many requests on one connection; `window`: so many at once.

    Puma 5.6 takes what follows a `Content-Length: 0` for its body, so it is given one at a time.
    """

    name: str
    port: int
    keeps: bool = True
    window: int = WINDOW
    _open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def ask(self, cases: Sequence[Case]) -> list[Answer]:
        """What it made of each, in order."""
        if not self.keeps:
            gate = asyncio.Semaphore(4)
            return list(await asyncio.gather(*(self._alone(case, gate) for case in cases)))
        size = max(self.window, -(-len(cases) // 4))
        shares = [cases[at : at + size] for at in range(0, len(cases), size)]
        found = await asyncio.gather(*map(self._all, shares))
        return [answer for share in found for answer in share]

    async def close(self) -> None:
        for _, writer in self._open:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        self._open.clear()

    async def _alone(self, case: Case, gate: asyncio.Semaphore) -> Answer:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(case.wire(close=True))
            try:
                async with asyncio.timeout(PATIENCE):
                    return await read(reader)
            except (OSError, EOFError, ValueError):
                return NO_ANSWER
            finally:
                writer.close()

    async def _all(self, cases: Sequence[Case]) -> list[Answer]:
        answers: list[Answer] = []
        while len(answers) < len(cases):
            fresh = not self._open
            link = (
                self._open.pop()
                if self._open
                else await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
            )
            batch = cases[len(answers) : len(answers) + self.window]
            got = await self._batch(*link, batch)
            answers += got
            if len(got) == len(batch):
                self._open.append(link)
                continue
            link[1].close()
            if not got and fresh:
                answers.append(NO_ANSWER)
        return answers

    async def _batch(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, batch: Sequence[Case]
    ) -> list[Answer]:
        """Answers until the server hangs up, which it may do after any of them."""
        writer.write(b"".join(case.wire() for case in batch))
        answers: list[Answer] = []
        try:
            while len(answers) < len(batch):
                async with asyncio.timeout(PATIENCE):
                    answers.append(await read(reader))
        except (OSError, EOFError, ValueError):
            pass  # TimeoutError is an OSError
        return answers


async def read(reader: asyncio.StreamReader) -> Answer:
    """One answer. `EOFError` where there is none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = {
        name.lower(): value.strip() for name, _, value in (one.partition(":") for one in head[1:])
    }
    if status in (204, 304) or 100 <= status < 200:
        body = b""
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    if not 200 <= status < 300:
        return Answer(status, None)
    return Answer(status, json.loads(body))


def missing() -> list[str]:
    """What this machine lacks for the suite, in words."""
    said = []
    if not (HERE / "node_modules").exists():
        said.append("the Node packages of tests/differential (npm ci there; make test does)")
    for command, package in {"php": "php-cli", "ruby": "ruby-sinatra and puma"}.items():
        if shutil.which(command) is None:
            said.append(f"{command} (Debian: {package}; .ci/run installs it)")
    return said


@contextlib.asynccontextmanager
async def running(scratch: Path) -> AsyncIterator[list[Peer]]:
    """All servers, each on a port of loopback; they end with this block."""
    if lacks := missing():
        raise AssertionError("The differential suite needs: " + "; ".join(lacks))
    with contextlib.ExitStack() as stack:
        ports: dict[str, int] = {}
        for command in _commands(scratch):
            ports |= stack.enter_context(_started(command))
        ports["php"] = stack.enter_context(_php())
        peers = [
            Peer(
                name,
                port,
                keeps=name not in ("php", "flask"),
                window=1 if name == "rack" else WINDOW,
            )
            for name, port in ports.items()
        ]
        try:
            yield peers
        finally:
            for peer in peers:
                await peer.close()


def _commands(scratch: Path) -> list[list[str]]:
    found = [
        [NODE, str(SERVERS / "node.mjs")],
        [sys.executable, str(SERVERS / "python.py")],
        ["ruby", str(SERVERS / "rack.rb")],
    ]
    if shutil.which("go"):
        built = scratch / "go-echo"
        environment = {**os.environ, "GOCACHE": str(scratch / "go-cache"), "GOFLAGS": "-mod=mod"}
        source = str(SERVERS / "main.go")
        subprocess.run(["go", "build", "-o", built, source], check=True, env=environment)
        found.append([str(built)])
    return found


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[dict[str, int]]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def _php() -> Iterator[int]:
    """PHP cannot be given a port of 0, so it may lose a race for one: then it is asked again."""
    for _ in range(5):
        port = free_port()
        with subprocess.Popen(
            ["php", "-n", "-d", "display_errors=0", "-S", f"127.0.0.1:{port}", SERVERS / "php.php"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                if _answers(port, process):
                    yield port
                    return
            finally:
                process.kill()
    raise AssertionError("PHP's server does not start")


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.02)
    return False
