"""Servers as processes of their own on the first core: started, watched from outside, ended.

A peer is a command. It finds in its environment BENCH_SIGNING_SECRET, BENCH_TAPS (how many cards
it must be able to take), BENCH_CARDS (a file) and BENCH_STATE (a folder that lives as long as the
run). It prints one line of JSON when it listens: `port`, and where it can `version` and `count` (a
path whose answer is how many taps it took; with `metric`, in Prometheus' format). It runs until it
is told to end. A peer with cards of its own writes them to BENCH_CARDS before that line.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from bench.record import NODE, ROOT

SQLITE: Final = "countersign"
POSTGRESQL: Final = "countersign-postgresql"
BASELINE: Final = "chat"
CHAT_POSTGRESQL: Final = "chat-postgresql"
BOLT: Final = "bolt"
FLOOR: Final = "aiohttp"
"""What any server in Python takes for a tap that is checked, parsed and counted."""
OURS: Final = (SQLITE, POSTGRESQL)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server to measure: how to start it, and where it takes taps."""

    command: tuple[str, ...]
    path: str


_US: Final = Peer((sys.executable, "-m", "bench.serve_taps"), "/channels/slack/events")
PEERS: Final[Mapping[str, Peer]] = {
    BASELINE: Peer((NODE, "bench/chat/server.mjs"), "/slack"),
    CHAT_POSTGRESQL: Peer((NODE, "bench/chat/server.mjs"), "/slack"),
    BOLT: Peer((NODE, "bench/chat/bolt.mjs"), "/slack"),
    FLOOR: Peer((sys.executable, "-m", "bench.floor"), "/slack"),
    SQLITE: _US,
    POSTGRESQL: _US,
}


@dataclass(slots=True)
class Serving:
    """A peer that listens. `secret` signs its taps; `cards` are those it left, if any."""

    process: psutil.Process
    port: int
    path: str
    secret: str
    cards: Path
    ready: Mapping[str, Any]
    database: psutil.Process | None = None

    def cpu(self) -> float:
        """Seconds of processor time so far, with its children."""
        return _cpu([self.process, *self.process.children(recursive=True)])

    def database_cpu(self) -> float:
        """Seconds of the database server's; 0 where the database is a part of the process."""
        if self.database is None:
            return 0.0
        return _cpu([self.database, *self.database.children(recursive=True)])

    def rss_mb(self) -> float:
        """Resident memory, with its children."""
        family = [self.process, *self.process.children(recursive=True)]
        return round(sum(p.memory_info().rss for p in family) / 1e6, 1)

    def get(self, path: str) -> str:
        """What it answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> int:
        """A value of its metrics."""
        return metric(self.get("/metrics"), name)

    def taken(self) -> int | None:
        """How many taps it counted; None where it does not say."""
        if not (path := self.ready.get("count")):
            return None
        name = self.ready.get("metric")
        return metric(self.get(path), name) if name else int(self.get(path))


@dataclass(frozen=True, slots=True)
class Bed:
    """Where peers are run: on `core`, with their state in `folder`, beside this PostgreSQL."""

    core: int
    folder: Path
    postgres: str | None

    @contextmanager
    def serving(
        self, name: str, count: int, *, soft: int | None = None, **environment: str
    ) -> Iterator[Serving]:
        """Start a peer that can take `count` taps, and end it. `environment`: BENCH_… by name;
        `soft`: how many files it may have open at its start."""
        peer, secret = PEERS[name], secrets.token_hex(16)
        cards = self.folder / f"cards.{secrets.token_hex(4)}"
        given = {
            **os.environ,
            "BENCH_SIGNING_SECRET": secret,
            "BENCH_TAPS": str(count),
            "BENCH_CARDS": str(cards),
            "BENCH_STATE": str(self.folder),
            **{f"BENCH_{key.upper()}": value for key, value in environment.items()},
        }
        behind = None
        if name in (POSTGRESQL, CHAT_POSTGRESQL):
            if self.postgres is None:
                raise SystemExit("this run has no PostgreSQL")
            given["BENCH_POSTGRES"] = self.postgres
            if name == CHAT_POSTGRESQL:
                made = f"{prefix(self.folder)}_chat"
                asyncio.run(emptied(self.postgres, made))
                given["BENCH_POSTGRES"] = database(self.postgres, made)
            behind = database_server(self.postgres)
        limit = () if soft is None else ("prlimit", f"--nofile={soft}:")
        with on_core(self.core, (*limit, *peer.command), given) as server:
            assert server.stdout is not None
            line = server.stdout.readline()
            if not line:
                command = " ".join(peer.command)
                raise SystemExit(f"{command} ended with {server.wait()} before it listened")
            ready = json.loads(line)
            process = psutil.Process(server.pid)
            yield Serving(process, ready["port"], peer.path, secret, cards, ready, behind)
        cards.unlink(missing_ok=True)


@contextmanager
def on_core(
    core: int,
    command: tuple[str, ...],
    environment: Mapping[str, str] | None = None,
    *,
    silent: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    """A process pinned to one core, until the block ends. `silent`: its stderr is not shown."""
    server = subprocess.Popen(
        ("taskset", "--cpu-list", str(core), *command),
        cwd=ROOT,
        env=None if environment is None else dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if silent else None,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        server.stdout.close()


def metric(text: str, name: str) -> int:
    """The value of a metric in Prometheus' format; 0 where it is not there."""
    lines = (line.rpartition(" ") for line in text.splitlines())
    return int(float(next((value for known, _, value in lines if known == name), "0")))


def database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    head, mark, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{mark}{query}"


def prefix(folder: Path) -> str:
    """How the databases of a run are called, on a server that others may use too."""
    return "bench_" + hashlib.sha256(str(folder).encode()).hexdigest()[:8]


async def emptied(url: str, name: str) -> None:
    """A new database on that server, in the place of what was called so."""
    admin = await asyncpg.connect(url)
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()


def database_server(url: str) -> psutil.Process | None:
    """The PostgreSQL behind a URL, where it runs on this machine."""

    async def parent() -> psutil.Process | None:
        connection = await asyncpg.connect(url)
        try:
            pid = int(await connection.fetchval("SELECT pg_backend_pid()"))
            found = psutil.Process(pid).parent()
            return found if found and "postgres" in found.name() else None
        except psutil.Error:
            return None
        finally:
            await connection.close()

    return asyncio.run(parent())


def _cpu(family: list[psutil.Process]) -> float:
    total = 0.0
    for process in family:
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system
    return total
