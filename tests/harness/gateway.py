"""Our gateway on loopback, an upstream that keeps every byte, and an approval service to lie."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.app.host import clock, random
from approvals.audit import RecordKind
from approvals.evidence import Claims, ReceiptKey, digest_http, sign_receipt
from approvals.model import Instant
from approvals.proxy.ca import Authority, utc
from approvals.proxy.credentials import Secret
from approvals.proxy.environment import environment
from approvals.proxy.proxy import Gateway, running
from approvals.proxy.record import rows
from approvals.proxy.secrets import (
    Secrets,
)
from approvals.proxy.settings import Settings, read
from approvals.proxy.wire import Patience, cut
from tests.harness.house import HANGS

PASSWORD: Final = "correct-horse-battery"
OTHER: Final = "another-horse-battery"
ISSUER: Final = "https://approve.example.com"
QUICK: Final = Patience(head=0.5, idle=5, stall=5, answer=10, service=3, away=0.3, drain=0.5)
OWN: Final = {kind for kind in RecordKind if not {"agent", "type"} & kind.fields.keys()}
"""Kinds of rows that are about no request."""
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ALLOW: Final = "- {name: all, then: allow}"
VALUE: Final = "sk_live_4eC39HqLyjWDarjtT1"


def basic(agent: str = "bot", password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{agent}:{password}".encode()).decode()


@dataclass(slots=True)
class Origin:
    """An upstream that keeps the bytes of each request and answers what it is told to.

    `keeps`: its connections stay open after an answer, but for an empty one. `lines`: all there
    were; `on`: the one that each request came on.
    """

    port: int = 0
    keeps: bool = False
    seen: list[bytes] = field(default_factory=list)
    lines: list[asyncio.StreamWriter] = field(default_factory=list)
    on: list[int] = field(default_factory=list)
    reply: Callable[[bytes], bytes] = lambda raw: OK
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.lines)
        self.lines.append(writer)
        try:
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", raw)
                raw += await reader.readexactly(int(length[1]) if length else 0)
                self.seen.append(raw)
                self.on.append(number)
                await self.gate.wait()
                writer.write(answer := self.reply(raw))
                await writer.drain()
                if not (self.keeps and answer):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def origin(tls: ssl.SSLContext | None = None) -> AsyncIterator[Origin]:
    made = Origin()
    made.gate.set()
    server = await asyncio.start_server(made, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for line in made.lines:
            cut(line)
        await asyncio.sleep(0)


def authority(folder: Path) -> Authority:
    """A CA that upstreams in tests have their certificates from."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return Authority(folder, utc(clock()))


@dataclass(slots=True)
class Gate:
    """A running gateway, and what an agent sends through it."""

    gateway: Gateway
    settings: Settings

    @property
    def port(self) -> int:
        return self.gateway.port

    @property
    def ca(self) -> Path:
        return self.settings.folder / "ca.pem"

    def proxy(self, agent: str = "bot", password: str = PASSWORD) -> str:
        return f"http://{agent}:{password}@127.0.0.1:{self.port}"

    def environ(self) -> dict[str, str]:
        """What `countersign gateway env` prints."""
        return environment(self.proxy(), str(self.ca))

    def lines(self) -> list[dict[str, Any]]:
        """What the record says, without the rows about the gateway itself."""
        said = []
        for line in rows(self.settings.folder):
            row = json.loads(line)
            more = {"request": row["request_id"]} if row["request_id"] else {}
            about = {"event": row["kind"], "at": row["at"], **json.loads(row["content"]), **more}
            said += [about] if row["kind"] not in OWN else []
        return said

    async def raw(self, sent: bytes, *, eof: bool = False) -> bytes:
        """Bytes in, and all that comes back until the gateway hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(sent)
            if eof:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), HANGS)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def ask(
        self,
        url: str,
        method: str = "GET",
        *lines: str,
        body: bytes = b"",
        agent: str | None = None,
    ) -> tuple[int, Any]:
        """One request; the status, and the answer (JSON where it is a problem)."""
        head = [f"{method} {url} HTTP/1.1", f"Host: {url.split('/')[2].partition('?')[0]}"]
        head += [f"Proxy-Authorization: {agent or basic()}", "Connection: close", *lines]
        head += [f"Content-Length: {len(body)}"] if body else []
        raw = await self.raw("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        return parsed(raw)

    async def inside(
        self, port: int, agent: str = ""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A tunnel to an upstream, in TLS."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        place = f"localhost:{port}"
        head = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
        writer.write(f"{head}Proxy-Authorization: {agent or basic()}\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        await writer.start_tls(context, server_hostname="localhost")
        return reader, writer

    def secret(self, value: str, host: str, header: str = "authorization", **more: Any) -> str:
        """Keep a secret; the placeholder of the agent `bot`."""
        secrets = Secrets(self.settings.folder, {})
        secrets.put(Secret("token", host, header, more.get("agents")), value)
        return secrets.placeholder("token", "bot")


def parsed(raw: bytes) -> tuple[int, Any]:
    """Status and body of an answer; 0 where there was none."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if not head:
        return 0, None
    return int(head.split()[1]), json.loads(body) if b"problem+json" in head and body else body


@asynccontextmanager
async def gate(
    folder: Path,
    *,
    rules: str = ALLOW,
    private: str = "127.0.0.0/8",
    service: str = "http://127.0.0.1:9",
    pin: str = "A" * 43,
    requester: str = "billing",
    ca_file: Path | None = None,
    env: Mapping[str, str] | None = None,
    patience: Patience = QUICK,
    more: str = "",
    clock: Callable[[], Instant] = clock,
) -> AsyncIterator[Gate]:
    """A gateway whose rules these are."""
    folder.mkdir(exist_ok=True)
    file = folder / "gateway.yaml"
    file.write_text(
        f"""\
listen: 127.0.0.1:0
service: {{url: "{service}", key: csr_billing, requester: {requester}, issuer: "{ISSUER}",
          receipt_key: {pin}}}
agents: {{bot: {{password: "{PASSWORD}"}}, other: {{password: "{OTHER}"}}}}
upstream: {{private: ["{private}"]{f', ca_file: "{ca_file}"' if ca_file else ""}}}
{more}
rules:
{rules}
"""
    )
    settings, faults = read(file, env or {})
    assert settings is not None, [str(fault) for fault in faults]
    async with running(settings, env or {}, clock=clock, random=random, patience=patience) as made:
        yield Gate(made, settings)


@dataclass(slots=True)
class Liar:
    """An approval service that answers what it is told to. `opened`: the bodies it got; `away`:
    what answers an outcome in its place."""

    key: ReceiptKey
    url: str = ""
    opened: list[dict[str, Any]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    withdrawn: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    refused: asyncio.Event = field(default_factory=asyncio.Event)
    away: tuple[int, object] | None = None
    keys: Sequence[Mapping[str, object]] | None = None
    claims: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[[Claims], str] | None = None
    view: Callable[[dict[str, Any]], Any] = lambda view: view
    before: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
    stop: Callable[[], Any] = lambda: None

    async def open(self, request: web.Request) -> web.StreamResponse:
        if self.before and (said := await self.before(request)) is not None:
            return said
        self.opened.append(await request.json())
        return web.json_response({"id": f"req_{len(self.opened)}", "status": "pending"}, status=201)

    async def show(self, request: web.Request) -> web.StreamResponse:
        if self.before and (said := await self.before(request)) is not None:
            return said
        id_ = request.match_info["id"]
        asked = self.opened[int(id_.removeprefix("req_")) - 1]
        http = asked["http"]
        headers = [(name, value) for name, values in http["headers"].items() for value in values]
        digest = digest_http(
            revision=1, action=asked["action"], method=http["method"], url=http["url"],
            headers=headers, body=base64.b64decode(http["body"]),
        )  # fmt: skip
        now = clock() // 1000
        claims = {
            "iss": ISSUER, "aud": "billing", "sub": id_, "jti": f"{id_}.1", "iat": now,
            "exp": now + 60, "choice": "approve", "status": "approved", "digest": digest,
        }  # fmt: skip
        receipt = (self.sign or (lambda made: sign_receipt(self.key, made)))(self.claims(claims))
        view = {"id": id_, "status": "approved", "reason": None, "receipt": receipt}
        return web.json_response(self.view(view))

    async def forget(self, request: web.Request) -> web.StreamResponse:
        if self.before and (said := await self.before(request)) is not None:
            return said
        self.gone.append(request.match_info["id"])
        self.withdrawn.set()
        return web.json_response({"id": request.match_info["id"], "status": "withdrawn"})

    async def outcome(self, request: web.Request) -> web.StreamResponse:
        if self.away is not None:
            self.refused.set()
            status, said = self.away
            return web.json_response(said, status=status)
        self.outcomes.append(await request.json())
        self.told.set()
        return web.json_response({"id": request.match_info["id"], "status": "approved"})

    async def jwks(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"keys": [self.key.jwk()] if self.keys is None else self.keys})


@asynccontextmanager
async def liar(key: ReceiptKey, port: int = 0) -> AsyncIterator[Liar]:
    made = Liar(key)
    app = web.Application(client_max_size=2**26)
    app.add_routes([
        web.post("/v1/requests", made.open),
        web.get("/v1/requests/{id}", made.show),
        web.delete("/v1/requests/{id}", made.forget),
        web.post("/v1/requests/{id}/outcome", made.outcome),
        web.get("/.well-known/jwks.json", made.jwks),
    ])  # fmt: skip
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    made.stop = runner.cleanup
    try:
        yield made
    finally:
        await runner.cleanup()


async def ran(*words: str | Path, cwd: Path, env: dict[str, str], stdin: bytes = b"") -> str:
    """A program's output, in time."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words), cwd=cwd, env={**os.environ, **env}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(stdin), 60)
    assert process.returncode == 0, out.decode()
    return out.decode()


KEY = ReceiptKey(Ed25519PrivateKey.generate())


def config(tmp_path: Path, url: str = "http://127.0.0.1:9", **changed: str) -> Path:
    file = tmp_path / "gateway.yaml"
    listen = changed.get("listen", "127.0.0.1:0")
    requester = changed.get("requester", "billing")
    pin = changed.get("pin", KEY.thumbprint)
    file.write_text(
        f"listen: {listen}\n"
        f"service: {{url: '{url}', key: csr_x, requester: {requester}, issuer: '{ISSUER}', "
        f"receipt_key: {pin}}}\n"
        'agents: {bot: {password: "it\'s a p@ss:word"}, other: {password: another-long-one}}\n'
    )
    return file


async def started(file: Path, *, seconds: float = HANGS, until: str = "") -> tuple[int | None, str]:
    """`countersign gateway`: its exit code, and what it said; ended once it has said `until`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "approvals.cli", "gateway", "-c", str(file),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(seconds):
        while line := (await process.stdout.readline()).decode():
            said += line
            if until and until in said:
                process.send_signal(signal.SIGTERM)
                until = ""  # a second one, while it ends, would kill it
        return await process.wait(), said
