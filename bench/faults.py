"""What is left after a bad day: real processes of the service, injected faults, then a count.

    python -m bench.faults [FAULT …] [--on sqlite postgresql] [--seconds 4] [--kills 20]

Three copies of the service over PostgreSQL behind nginx, or one over SQLite, each a process of its
own; the stand-in of Slack that the tests use; a gateway that opens requests without end; a person
who presses one button on each card, and the other one after the verdict. A fault is injected
meanwhile and taken back. When everybody is done, the database is read:

- lost: presses that were answered with 200, on a card that was confirmed, without a vote;
- twice: requests with more than one vote, verdict or receipt, or whose receipt changed;
- wrong: verdicts that are not what was pressed, or whose receipt does not verify;
- the chain, linked and checked from its start with every checkpoint.

By hand, because it takes minutes: all on loopback, nothing is left running. Faults of the disk need
root (a small tmpfs), the failover pg_basebackup, the clock Debian's faketime, the pooler its
pgbouncer; what is missing is said, not skipped in silence. It prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from aiohttp import web

from approvals.app import keys
from approvals.app.host import clock
from approvals.evidence import (
    ReceiptKey,
    read_checkpoint,
    read_receipt,
    sign_checkpoint,
    verify_chain,
)
from approvals.model import Label, Refused, Status
from approvals.store import Store
from approvals.store.postgresql import SETTINGS
from tests.harness.portal import ANSWERS
from tests.harness.postgres import programs
from tests.harness.siege import GATEWAY_KEY, Desk, Issued, Served, audiences_of, colleagues, install
from tests.peers.slack import signed
from tools.ports import free_port

LEASE: Final = 2_000
"""Milliseconds for which a dead copy keeps the jobs it had taken."""
PATIENCE: Final = 90
"""Seconds until what was opened must have its verdict, and a copy must be ready."""
IMPATIENT: Final = 10
"""Seconds after which a person presses again."""
PER_SECOND: Final = 10
FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
LIMITS: Final = {
    "requests_a_minute": 100_000,
    "open_requests": 100_000,
    "cards_a_minute": 100_000,
    "refusals_for": "never",
}
NGINX: Final = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream copies {{ {servers} keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://copies; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_connect_timeout 3s; proxy_read_timeout 90s; proxy_buffering off;
      proxy_next_upstream error timeout http_503; proxy_next_upstream_tries 3;
    }}
  }}
}}
"""
"""The lines that matter of deploy/nginx/countersign.conf, without its TLS and rate."""


class Missing(Exception):
    """This machine cannot do it; says why."""


# The database


@dataclass
class Server:
    """A PostgreSQL of our own, on a socket in its folder."""

    root: Path
    process: subprocess.Popen[bytes] | None = None
    user: dict[str, Any] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.root / ".s.PGSQL.5432"

    def run(self, name: str, *words: str | Path) -> None:
        """One of its programs, to its end."""
        quiet = subprocess.DEVNULL
        command = [programs(self.root) / name, *words]
        subprocess.run(command, check=True, stdout=quiet, stderr=quiet, cwd=self.root, **self.user)

    def start(self) -> None:
        """Listen, and return when it answers."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.root),
            "max_connections": "100",
            "max_wal_size": "64MB",
        }
        words = [word for k, v in options.items() for word in ("-c", f"{k}={v}")]
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [programs(self.root) / "postgres", "-D", self.root / "data", *words],
                stdout=log,
                stderr=log,
                cwd=self.root,
                **self.user,
            )
        for _ in range(300):
            with suppress(subprocess.CalledProcessError):
                self.run("pg_isready", "-q", "-h", self.root, "-U", "countersign")
                return
            time.sleep(0.1)
        raise RuntimeError((self.root / "log").read_text()[-2000:])

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: as an operator; SIGQUIT: at once, as when the machine fails."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def sql(self, *statements: str) -> None:
        """As its owner."""
        words = [word for one in statements for word in ("-c", one)]
        self.run("psql", "-q", "-h", self.root, "-U", "countersign", "-d", "postgres", *words)

    @classmethod
    def folder(cls, parent: Path, name: str) -> Server:
        """A place for one; not root's, because PostgreSQL refuses to be."""
        root = parent / name
        root.mkdir()
        made = cls(root)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(root, nobody.pw_uid, nobody.pw_gid)
            made.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        return made

    def init(self) -> None:
        """A new one."""
        words = ("-U", "countersign", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.run("initdb", "-D", self.root / "data", *words)


@dataclass
class Way:
    """The way to the database, by TCP: what an operator's network or virtual address is."""

    to: Path
    port: int = 0
    open: bool = True
    flows: asyncio.Event = field(default_factory=asyncio.Event)
    ends: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        """Every connection is reset, and no other is taken."""
        self.open = False
        for end in self.ends:
            end.transport.abort()
        self.ends.clear()

    async def __aenter__(self) -> Way:
        self.flows.set()
        self._server = await asyncio.start_server(self._one, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.flows.set()
        self.cut()
        self._server.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not self.open:
                raise ConnectionResetError
            there, back = await asyncio.open_unix_connection(str(self.to))
        except OSError:
            writer.transport.abort()
            return
        self.ends += [writer, back]
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@dataclass
class Pooler:
    """PgBouncer in session mode before a server, which is told what the pooler keeps from it."""

    server: Server
    port: int
    process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Write its files; and for our user, at the server, what it must not pass on."""
        names = [name for name in SETTINGS if name != "application_name"]
        self.server.sql(*(f"ALTER ROLE countersign SET {n} = {SETTINGS[n]}" for n in names))
        root = self.server.root
        (root / "users").write_text('"countersign" ""\n')
        (root / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={root}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\n"
            f"auth_file = {root}/users\npool_mode = session\ndefault_pool_size = 60\n"
            f"ignore_startup_parameters = {', '.join(names)}\n"
        )

    def start(self) -> None:
        """Return when it listens."""
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            raise Missing("there is no pgbouncer: install Debian's package")
        command = (program, "-q", self.server.root / "pgbouncer.ini")
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stderr=quiet, **self.server.user)
        for _ in range(300):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.1)
        raise RuntimeError("pgbouncer does not listen")

    def kill(self) -> None:
        """At once: every connection through it ends."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


# Who opens and who presses


def wish(request: str) -> Status:
    """What the person thinks of a request: any of them can be told from its id."""
    return Status.DECLINED if sum(request.encode()) % 4 == 0 else Status.APPROVED


class Crowd:
    """A gateway and a person on Slack who never give up. What was acknowledged is noted."""

    def __init__(self, desk: Desk, http: aiohttp.ClientSession, url: str) -> None:
        self.desk, self.url, self.http = desk, url, http
        self.opened: dict[str, str] = {}
        self.pressed: dict[tuple[str, str], str] = {}
        self.concluded: dict[str, dict[str, Any]] = {}
        self.stop = asyncio.Event()
        self.turned_away = 0
        self.again = 0
        self._presses = 0

    async def _insist(
        self, method: str, path: str, good: Callable[[int, Any], Any], **more: Any
    ) -> Any:
        while True:
            status: int | None = None
            with suppress(aiohttp.ClientError, OSError, ValueError):
                made = {key: value() if callable(value) else value for key, value in more.items()}
                async with self.http.request(method, self.url + path, **made) as answer:
                    status, body = answer.status, await answer.read()
                    if found := good(status, body):
                        return found
            self.turned_away += status is None or status >= 500
            await asyncio.sleep(0.1)

    async def open(self) -> str:
        """One request, once however often that takes; its id."""
        key = f"{time.time_ns()}.{len(self.opened)}"

        def good(status: int, body: bytes) -> Any:
            return yaml.safe_load(body) if status in (200, 201) else None

        asked = {"action": "one.pay", "payload": {"key": key}}
        head = {"Idempotency-Key": key}
        request = await self._insist("POST", "/v1/requests", good, json=asked, headers=head)
        self.opened[request["id"]] = request["digest"]
        return str(request["id"])

    async def concludes(self, id_: str) -> None:
        """Wait for the verdict; then somebody presses the other button."""

        def good(status: int, body: bytes) -> Any:
            found = yaml.safe_load(body) if status == 200 else {}
            return found if found.get("receipt") else None

        self.concluded[id_] = await self._insist("GET", f"/v1/requests/{id_}?wait=20", good)

    async def opens(self) -> None:
        """Request after request, until it is enough; then all verdicts."""
        async with asyncio.TaskGroup() as group:
            while not self.stop.is_set():
                group.create_task(self.concludes(await self.open()))
                await asyncio.sleep(1 / PER_SECOND)

    async def presses(self) -> None:
        """What the person wishes, on every card that appears."""
        async with asyncio.TaskGroup() as group:
            while True:
                place = await self.desk.posted.get()
                for button in self.desk.buttons(*place):
                    approves = wish(button.request_id) is Status.APPROVED
                    if button.label == (Label.APPROVE if approves else Label.DECLINE_PROMPT):
                        group.create_task(self.wishes(button))
                    else:
                        group.create_task(self.regrets(button))

    async def wishes(self, button: Issued) -> None:
        """Press, and again while the card keeps its buttons and no verdict comes: who was faster
        than the answer to the card's post is told to, where he can be told anything."""
        await self.press(button)
        while True:
            await asyncio.sleep(IMPATIENT)
            shown = str(self.desk.messages[button.room, button.ts])
            if button.request_id in self.concluded or button.token not in shown:
                return
            self.again += 1
            await self.press(button)

    async def press(self, button: Issued) -> None:
        """Until it is acknowledged."""
        self._presses += 1
        user, declines = min(audiences_of(button)), button.label == Label.DECLINE_PROMPT
        made = (button.submit if declines else button.press)(user, self._presses)
        sent: list[Any] = []

        def data() -> bytes:
            sent[:] = [signed(made, clock())]  # good for five minutes only
            return bytes(sent[0].body)

        await self._insist(
            "POST",
            "/channels/slack/events",
            lambda status, _: status == 200,
            data=data,
            headers=lambda: dict(sent[0].headers),
        )
        self.pressed.setdefault((button.room, button.ts), button.request_id)

    async def regrets(self, button: Issued) -> None:
        """The other button, when the verdict is there: it must change nothing."""
        while button.request_id not in self.concluded:
            await asyncio.sleep(0.2)
        await self.press(button)


# The service


@dataclass
class Place:
    """A running installation and what stands around it."""

    folder: Path
    database: str
    desk: Desk
    crowd: Crowd
    configs: list[Path]
    copies: list[Served]
    seconds: float
    kills: int
    server: Server | None = None
    way: Way | None = None
    disk: Path | None = None
    skew: Path | None = None
    other: Server | None = None
    """A place for a standby."""
    pooler: Pooler | None = None

    async def restart(self, which: int, how: signal.Signals) -> None:
        """End one copy and start it again."""
        copy = self.copies[which]
        if how is signal.SIGKILL:
            await copy.kill()
        else:
            await copy.__aexit__(None, None, None)
        self.copies[which] = await Served(self.configs[which], lease=LEASE, anew=True).__aenter__()

    async def ready(self) -> float:
        """Seconds until every copy says that it can decide."""
        began = time.monotonic()
        for copy in self.copies:
            while True:
                with suppress(aiohttp.ClientError, OSError):
                    async with self.crowd.http.get(copy.url + "/readyz") as answer:
                        if answer.status == 200:
                            break
                if time.monotonic() - began > PATIENCE:
                    return float("inf")
                await asyncio.sleep(0.05)
        return time.monotonic() - began


Fault = Callable[[Place], Awaitable[None]]


async def killed(place: Place) -> None:
    """kill -9, one copy after the other, at any moment."""
    dice = random.Random(24)
    for n in range(place.kills):
        await asyncio.sleep(dice.random())
        await place.restart(n % len(place.copies), signal.SIGKILL)


async def stopped(place: Place) -> None:
    """SIGTERM and start, one copy after the other."""
    for n in range(3):
        await place.restart(n % len(place.copies), signal.SIGTERM)
        await asyncio.sleep(1)


async def paused(place: Place) -> None:
    """SIGSTOP and SIGCONT."""
    for copy in place.copies:
        os.kill(copy.pid, signal.SIGSTOP)
        await asyncio.sleep(place.seconds)
        os.kill(copy.pid, signal.SIGCONT)


async def cut(place: Place) -> None:
    """The network to the database is cut, and whole again."""
    assert place.way is not None
    place.way.cut()
    await asyncio.sleep(place.seconds)
    place.way.open = True


async def silent(place: Place) -> None:
    """The network swallows what is sent to the database, without a word."""
    assert place.way is not None
    place.way.flows.clear()
    await asyncio.sleep(place.seconds + 6)
    place.way.flows.set()


async def crashed(place: Place) -> None:
    """PostgreSQL ends at once and starts again."""
    assert place.server is not None
    await asyncio.to_thread(place.server.stop, signal.SIGQUIT)
    await asyncio.sleep(place.seconds)
    await asyncio.to_thread(place.server.start)


async def unpooled(place: Place) -> None:
    """PgBouncer (session mode), through which all copies are connected, is killed and started"""
    assert place.pooler is not None
    await asyncio.to_thread(place.pooler.kill)
    await asyncio.sleep(place.seconds)
    await asyncio.to_thread(place.pooler.start)


async def read_only(place: Place) -> None:
    """PostgreSQL answers questions only."""
    assert place.server is not None
    for on in ("on", "off"):
        alter = f"ALTER DATABASE postgres SET default_transaction_read_only = {on}"
        force = "SET default_transaction_read_only = off"
        # New sessions have it: those that are open are sent away.
        away = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        away += " AND datname = 'postgres'"
        await asyncio.to_thread(place.server.sql, force, alter, away)
        if on == "on":
            await asyncio.sleep(place.seconds)


async def failover(place: Place) -> None:
    """The primary dies; its synchronous standby takes over, and its address."""
    assert place.server is not None
    assert place.other is not None
    assert place.way is not None
    first = place.server
    standby = place.other
    data = standby.root / "data"
    words = ("-R", "-X", "stream", "-c", "fast", "-h", first.root, "-U", "countersign")
    await asyncio.to_thread(standby.run, "pg_basebackup", "-D", data, *words)
    await asyncio.to_thread(standby.start)
    # Or what was acknowledged may be on the dead machine only.
    sync = ("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
    await asyncio.to_thread(first.sql, *sync)
    await asyncio.sleep(place.seconds)
    await asyncio.to_thread(first.stop, signal.SIGQUIT)
    place.way.cut()
    place.server, place.way.to = standby, standby.socket
    await asyncio.to_thread(standby.sql, "SELECT pg_promote()")
    back = ("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
    await asyncio.to_thread(standby.sql, *back)
    place.way.open = True


async def full(place: Place) -> None:
    """The disk of the database is full, and has room again."""
    assert place.disk is not None
    filler = place.disk / "filler"
    with filler.open("wb", buffering=0) as out, suppress(OSError):
        while True:
            out.write(bytes(65_536))
    await asyncio.sleep(place.seconds)
    filler.unlink()
    if place.server and place.server.process and place.server.process.poll() is not None:
        # Without room for its log PostgreSQL ends itself; whoever runs it starts it again.
        await asyncio.to_thread(place.server.start)


async def locked(place: Place) -> None:
    """Another process holds the file of SQLite."""
    file = place.database.removeprefix("sqlite:///")

    def hold() -> None:
        with sqlite3.connect(file, timeout=30, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(place.seconds + 4)
            other.execute("ROLLBACK")
        other.close()

    await asyncio.to_thread(hold)


async def clocks(place: Place) -> None:
    """The wall clock of the service jumps ten minutes ahead, then back, then is right."""
    assert place.skew is not None
    for ahead in ("+600", "-600", "+0"):
        place.skew.write_text(ahead)
        await asyncio.sleep(place.seconds)


async def portal(place: Place) -> None:
    """Slack's address answers what is not Slack's: every row of X13."""
    for status, kind, body in ANSWERS.values():
        until = time.monotonic() + place.seconds / 4
        while time.monotonic() < until:
            while len(place.desk.fail) < 4:
                head = {"Content-Type": kind, "Location": "/portal"}
                place.desk.fail.append(web.Response(status=status, body=body, headers=head))
            await asyncio.sleep(0.02)
    place.desk.fail.clear()


BOTH: Final = ("sqlite", "postgresql")
FAULTS: Final[dict[str, tuple[Fault, tuple[str, ...]]]] = {
    "kill": (killed, BOTH),
    "restart": (stopped, BOTH),
    "pause": (paused, BOTH),
    "cut": (cut, ("postgresql",)),
    "silence": (silent, ("postgresql",)),
    "crash": (crashed, ("postgresql",)),
    "pooler": (unpooled, ("postgresql",)),
    "failover": (failover, ("postgresql",)),
    "read-only": (read_only, ("postgresql",)),
    "full": (full, BOTH),
    "locked": (locked, ("sqlite",)),
    "clock": (clocks, BOTH),
    "portal": (portal, BOTH),
}


@contextmanager
def small_disk(wanted: bool, size: str) -> Iterator[Path | None]:
    """A file system that is soon full."""
    if not wanted:
        yield None
        return
    if os.geteuid() != 0:
        raise Missing("a small disk needs root (mount -t tmpfs)")
    with tempfile.TemporaryDirectory(prefix="faults-") as at:
        subprocess.run(
            ("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "faults", at), check=True
        )
        try:
            yield Path(at)
        finally:
            subprocess.run(("umount", "-l", at), check=True)


@contextmanager
def own_clock(wanted: bool, folder: Path) -> Iterator[Path | None]:
    """Processes that are started in the block take their wall clock's error from a file."""
    if not wanted:
        yield None
        return
    if not FAKETIME.exists():
        raise Missing("the clock needs Debian's package faketime")
    skew = folder / "skew"
    skew.write_text("+0")
    given = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(skew),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    os.environ.update(given)
    try:
        yield skew
    finally:
        for name in given:
            del os.environ[name]


@asynccontextmanager
async def running(fault: str, on: str, options: argparse.Namespace) -> AsyncIterator[Place]:
    """An installation for one fault, from nothing."""
    async with AsyncExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-"))
        folder = Path(name)
        folder.chmod(0o755)
        skew = stack.enter_context(own_clock(fault == "clock", folder))
        disk = stack.enter_context(
            small_disk(fault == "full", "260m" if on == "postgresql" else "24m")
        )
        server, other, way, pooler = None, None, None, None
        database = f"sqlite:///{(disk or folder) / 'countersign.db'}"
        if on == "postgresql":
            server = Server.folder(disk or folder, "first")
            other = Server.folder(disk or folder, "other")
            stack.callback(other.stop, signal.SIGQUIT)
            stack.callback(server.stop, signal.SIGQUIT)
            await asyncio.to_thread(server.init)
            await asyncio.to_thread(server.start)
            way = await stack.enter_async_context(Way(server.socket))
            database = f"postgresql://countersign@127.0.0.1:{way.port}/postgres"
            if fault == "pooler":
                pooler = Pooler(server, free_port())
                stack.callback(pooler.kill)
                await asyncio.to_thread(pooler.prepare)
                await asyncio.to_thread(pooler.start)
                database = f"postgresql://countersign@127.0.0.1:{pooler.port}/postgres"
            await (await Store.connect(database)).close()
        desk = Desk(users=colleagues())
        await stack.enter_async_context(desk)
        ports = [free_port() for _ in range(3 if on == "postgresql" else 1)]
        configs = []
        for port in ports:
            path = install(folder, database, desk.api, limits=LIMITS)
            file = yaml.safe_load(path.read_text())
            file["server"]["listen"] = f"127.0.0.1:{port}"
            configs.append(path.with_name(f"{port}.yaml"))
            configs[-1].write_text(yaml.safe_dump(file))
        copies = [await Served(config, lease=LEASE, anew=True).prepare() for config in configs]
        stack.push_async_callback(end, copies)
        for copy in copies:
            await copy.__aenter__()
        url = copies[0].url
        if len(copies) > 1:
            url = stack.enter_context(nginx(folder, ports))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {GATEWAY_KEY}"},
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=30),
            )
        )
        crowd = Crowd(desk, http, url)
        place = Place(
            folder, database, desk, crowd, configs, copies, options.seconds, options.kills,
            server, way, disk, skew, other, pooler,
        )  # fmt: skip
        yield place


async def end(copies: Sequence[Served]) -> None:
    """Every copy, also one that is paused."""
    for copy in copies:
        with suppress(ProcessLookupError):
            os.kill(copy.pid, signal.SIGCONT)
        await copy.__aexit__(None, None, None)


@contextmanager
def nginx(folder: Path, ports: Sequence[int]) -> Iterator[str]:
    """The address of an nginx before these copies."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise Missing("the copies stand behind nginx: install Debian's package nginx-light")
    port, file = free_port(), folder / "nginx.conf"
    servers = " ".join(f"server 127.0.0.1:{p} max_fails=2 fail_timeout=5s;" for p in ports)
    file.write_text(NGINX.format(folder=folder, servers=servers, port=port))
    process = subprocess.Popen((program, "-c", str(file)), stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


# The count


@dataclass(frozen=True, slots=True)
class Count:
    """What is wrong in the database. `open`: requests without a receipt; `chain`: "whole"."""

    lost: int
    twice: int
    wrong: int
    open: int
    chain: str

    @property
    def good(self) -> bool:
        """Nothing lost, nothing twice, nothing wrong, all decided, the chain whole."""
        return not (self.lost or self.twice or self.wrong or self.open) and self.chain == "whole"


@dataclass(frozen=True, slots=True)
class Row:
    """What one fault came to."""

    fault: str
    on: str
    opened: int
    presses: int
    again: int
    turned_away: int
    count: Count
    ready: float
    verdict: float


async def one(fault: str, on: str, options: argparse.Namespace) -> Row:
    """Inject one fault into one installation, and count."""
    async with running(fault, on, options) as place:
        crowd = place.crowd
        await place.ready()
        tasks = [asyncio.create_task(crowd.opens()), asyncio.create_task(crowd.presses())]
        try:
            while len(crowd.concluded) < PER_SECOND:  # all parts have begun
                await asyncio.sleep(0.1)
            await FAULTS[fault][0](place)
            ready, ended = await place.ready(), time.monotonic()
            probe = await crowd.open()
            await asyncio.wait_for(crowd.concludes(probe), PATIENCE)
            verdict = ready + time.monotonic() - ended
            await asyncio.sleep(options.seconds)
            crowd.stop.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(tasks[0]), PATIENCE)
            await asyncio.sleep(1)  # the last of those who regret
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return await counted(place, fault, on, ready, verdict)


async def counted(place: Place, fault: str, on: str, ready: float, verdict: float) -> Row:
    """From the database alone, against what was acknowledged."""
    crowd = place.crowd
    store = await Store.connect(place.database)
    try:
        key = keys.load(place.folder / "keys").receipt
        found = await count(store, crowd.opened, crowd.pressed, crowd.concluded, key)
    finally:
        await store.close()
    times = len(crowd.opened), len(crowd.pressed), crowd.again, crowd.turned_away
    return Row(fault, on, *times, found, ready, verdict)


async def count(
    store: Store,
    opened: Mapping[str, str],
    pressed: Mapping[tuple[str, str], str],
    concluded: Mapping[str, Mapping[str, Any]],
    key: ReceiptKey,
    *,
    channel: str = "slack",
) -> Count:
    """Against what was acknowledged: `opened`: the digest of each request; `pressed`: the request
    of each message (conversation, id) on which a button was; `concluded`: as it was shown last."""
    jwks = [key.jwk()]
    cases = await store.cases(list(opened))
    lost = sum(id_ not in cases for id_ in opened)
    twice = wrong = undecided = 0
    for (room, ts), id_ in pressed.items():
        card = await store.card_by_message(channel, room, ts)
        lost += card is not None and id_ in cases and not cases[id_].votes
    for id_, case in cases.items():
        kinds = Counter(entry.kind for entry in await store.history(id_))
        receipt = await store.receipt(id_)
        said = concluded.get(id_)
        twice += len(case.votes) > 1 or kinds["vote"] > 1 or kinds["request.opened"] != 1
        twice += said is not None and said["receipt"] != receipt
        if case.open or receipt is None:
            undecided += 1
            continue
        wrong += case.status is not wish(id_) or not _says(receipt, jwks, id_, opened[id_])
    while await store.seal(clock(), lambda point: sign_checkpoint(key, point, issuer="x")) != 0:
        pass
    heads = {read_checkpoint(jws, jwks).head for jws in await store.checkpoints()}
    report = verify_chain([line async for line in store.export()], heads=heads)
    chain = "whole" if report.bad is None else f"broken: {report.bad}"
    return Count(lost, twice, wrong, undecided, chain)


def _says(receipt: str, jwks: Sequence[Mapping[str, Any]], id_: str, digest: str) -> bool:
    """Does it verify, and say what was pressed about what was asked?"""
    try:
        claims, _ = read_receipt(receipt, jwks, now=clock())
    except Refused:
        return False
    choice = "approve" if wish(id_) is Status.APPROVED else "decline"
    return (claims["choice"], claims["digest"]) == (choice, digest)


COLUMNS: Final = (
    *("fault", "on", "requests", "cards", "again", "5xx", "lost", "twice", "wrong", "open"),
    *("chain", "ready s", "verdict s"),
)
"""`again`: presses made again, because nothing came of the first; `5xx`: calls that failed or were
answered so, and were made again; `ready`: seconds from the end of the fault until all copies are;
`verdict`: until a request of then has its verdict."""
HEAD: Final = "| " + " | ".join(COLUMNS) + " |\n|---|---|" + "---:|" * 8 + "---|---:|---:|"


def line(row: Row) -> str:
    """As it stands in docs/operations.md."""
    says = (FAULTS[row.fault][0].__doc__ or "").rstrip(".")
    count = row.count
    seen = (row.opened, row.presses, row.again, row.turned_away)
    found = (count.lost, count.twice, count.wrong, count.open)
    cells = (says, row.on, *seen, *found, count.chain, f"{row.ready:.1f}", f"{row.verdict:.1f}")
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    """0: nothing was lost, decided twice or wrong anywhere."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--on", nargs="+", choices=BOTH, default=list(BOTH))
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a fault lasts")
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    if unknown := set(options.faults) - FAULTS.keys():
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    print(HEAD, flush=True)
    bad = 0
    for name in options.faults or FAULTS:
        for on in options.on:
            if on not in FAULTS[name][1]:
                continue
            try:
                row = asyncio.run(one(name, on, options))
            except Missing as why:
                print(f"{name} on {on} could not be done: {why}", file=sys.stderr)
                continue
            print(line(row), flush=True)
            bad += not row.count.good
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
