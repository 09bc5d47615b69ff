"""Every fault that ends is recovered from without a restart; hangs are bounded."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from structlog.testing import capture_logs

from approvals.app import compose, supervisor
from approvals.app.supervisor import Parts
from approvals.model import Busy
from approvals.store import Result, Store
from approvals.store.driver import PATIENCE
from approvals.store.postgresql import _errors
from approvals.store.sqlite import LOCKED
from tests.harness.house import HANGS, open_house, until
from tests.harness.installation import BOT, install, listening
from tests.harness.stored import a_case, opening, voting


@dataclass(slots=True)
class Wire:
    """The way to a database. While `open` is not set nothing passes, and nobody is told."""

    url: str
    open: asyncio.Event
    junk: bytes = b""
    """Sent to the client once, in place of the server's next bytes."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    """A way to that server which the test can stop."""
    folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    wire = Wire("", asyncio.Event())
    wire.open.set()

    async def passed(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_server: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await wire.open.wait()
                if from_server and wire.junk:
                    data, wire.junk = wire.junk, b""
                writer.write(data)
                await writer.drain()
        writer.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await wire.open.wait()
        there = await asyncio.open_unix_connection(str(next(folder.glob(".s.PGSQL.????"))))
        wire.writers += [writer, there[1]]
        await asyncio.gather(
            passed(reader, there[1], from_server=False), passed(there[0], writer, from_server=True)
        )

    server = await asyncio.start_server(joined, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire.url = f"postgresql://countersign@127.0.0.1:{port}{urlsplit(url).path}"
    try:
        yield wire
    finally:
        wire.open.set()
        server.close()
        for writer in wire.writers:
            writer.close()


def test_the_times_fit_together() -> None:
    assert compose.WRITES + compose.ANSWERS < 5  # until `/readyz` says that the database hangs
    assert max(supervisor.SHORTEST, compose.WRITES) < 5  # until it says that it is back
    assert LOCKED < PATIENCE <= 5 < compose.DRAIN


async def test_a_database_that_hangs_is_busy_and_is_used_again_afterwards(
    postgresql_database: str,
) -> None:
    async with wired(postgresql_database) as wire, asyncio.timeout(HANGS):
        store = await Store.connect(wire.url)
        case = a_case("req_1")
        assert await store.commit([opening(case)]) == [Result.WON]
        wire.open.clear()
        failed = await asyncio.gather(
            store.ping(),
            store.ping(within=0.1),
            store.put_meta("a", "b"),
            store.cases(["req_1"]),
            store.presses([(b"look", "event")]),
            store.commit([voting(case, "lee")]),
            *(store.meta("more than the pool has") for _ in range(20)),
            return_exceptions=True,
        )
        assert {type(error) for error in failed} == {Busy}
        wire.open.set()
        assert await store.commit([voting(case, "dana")]) in ([Result.WON], [Result.LOST])
        await store.ping()
        await store.close()


async def test_what_the_driver_itself_cannot_make_sense_of_is_busy(
    postgresql_database: str,
) -> None:
    """asyncpg's own errors are no subclass of PostgreSQL's."""
    async with wired(postgresql_database) as wire, asyncio.timeout(HANGS):
        store = await Store.connect(wire.url)
        for junk in (b"!\x00\x00\x00\x04", b"T\x00\x00\x00\x05\xff", b"D\x00\x00\x00\x06\x00\x09"):
            wire.junk = junk
            with pytest.raises(Busy, match="database"):
                await store.ping(within=0.5)
            await store.ping()
        await store.close()


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError,
        asyncpg.ProtocolError,
        asyncpg.InterfaceError,
        asyncpg.PostgresIOError,
        asyncpg.InternalServerError,
        asyncpg.InvalidPasswordError,
        asyncpg.InvalidSQLStatementNameError,
        asyncpg.InvalidCachedStatementError,
    ],
)
def test_an_error_that_passes_is_busy(error: type[Exception]) -> None:
    with pytest.raises(Busy, match=error.__name__), _errors():
        raise error("any")


async def test_a_database_that_is_being_restored_is_busy(
    postgresql_database: str, postgres_url: str
) -> None:
    store = await Store.connect(postgresql_database)
    direct = await asyncpg.connect(postgres_url)
    name = urlsplit(postgresql_database).path[1:]
    end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1"
    await direct.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await direct.fetch(end, name)
    for _ in range(2):
        with pytest.raises(Busy, match="database"):
            await store.ping()
    await direct.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await store.ping()
    await direct.close()
    await store.close()


async def test_readyz_follows_a_database_that_hangs_and_the_log_says_so_once(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "WRITES", 0.05)
    monkeypatch.setattr(compose, "ANSWERS", 0.2)
    async with wired(postgresql_database) as wire, asyncio.timeout(HANGS):
        store = await Store.connect(wire.url)
        with capture_logs() as lines:
            async with open_house(store) as place:

                async def ready(wanted: int) -> None:
                    while (await place.call("GET", "/readyz"))[0] != wanted:
                        await asyncio.sleep(0.02)

                def said(event: str) -> list[str]:
                    return [str(line["part"]) for line in lines if line["event"] == event]

                await ready(200)
                wire.open.clear()
                await ready(503)
                assert (await place.call("GET", "/healthz"))[0] == 200
                writing = "writing to the database"
                await until(lambda: writing in said("part_failed"))
                tries = place.house.deps.faults
                for _ in range(5):
                    assert await tries()
                wire.open.set()
                await ready(200)
                await until(lambda: set(said("part_failed")) == set(said("part_recovered")))
                for event in ("part_failed", "part_recovered"):
                    assert len(said(event)) == len(set(said(event))), lines
        await store.close()


async def test_a_part_that_fails_again_and_again_is_logged_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "SHORTEST", 0.0)
    monkeypatch.setattr(supervisor, "SETTLED", 0.0)
    tries, broken = [0, 0], [True]

    async def act() -> None:
        tries[0] += 1
        if broken[0]:
            raise Busy("away")

    async def run() -> None:
        tries[1] += 1
        if broken[0]:
            raise Busy("away")
        await asyncio.Event().wait()

    with capture_logs() as lines:
        running = Parts(asyncio.get_running_loop().time)
        running.repeat("clock", 0, act)
        running.keep("outbox", run)
        await until(lambda: min(tries) > 5)
        broken[0] = False
        await until(lambda: len(lines) == 4)
        await running.stop()
    said = sorted((line["part"], line["event"]) for line in lines)
    assert said == [
        (part, event) for part in ("clock", "outbox") for event in ("part_failed", "part_recovered")
    ]


def test_sigterm_lets_a_request_under_way_end(tmp_path: Path) -> None:
    """The listener closes first, so that whoever balances the load sends others elsewhere."""
    place = install(tmp_path)
    place.start()
    assert place.process is not None
    body = json.dumps(
        {"agent": {"id": "bot"}, "action": "mail.send", "payload": {"to": "bob"}}
    ).encode()
    head = f"POST /v1/requests HTTP/1.1\r\nHost: {place.url[7:]}\r\nAuthorization: Bearer {BOT}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head += "Expect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", place.port), timeout=HANGS) as link:
        link.sendall(head.encode())
        assert link.recv(1000).startswith(b"HTTP/1.1 100")  # it is being read
        os.kill(place.process.pid, signal.SIGTERM)
        while listening(place.port):
            pass
        link.sendall(body)
        answer = b""
        while more := link.recv(65_536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")
    ran = place.stop(0)
    assert ran.code == 0, ran.err
    opened = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
    place.start()
    try:
        assert place.call("GET", f"/v1/requests/{opened}")[1]["status"] == "pending"
    finally:
        place.stop()
