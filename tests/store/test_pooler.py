"""A pooler between PostgreSQL and us: what it needs, and that what it keeps back is said in words.

The stand-in does what PgBouncer does to a client: it gives it a process number of its own making,
and according to its settings refuses or drops startup parameters, and, in transaction mode, no
notice ever arrives (https://www.pgbouncer.org/features.html, read 2026-11-29). The real one was
run by hand: docs/operations.md.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from approvals.app import database
from approvals.app.exits import Exit, Stop
from approvals.store import Result, Store
from approvals.store.postgresql import SETTINGS
from tests.harness.house import HANGS
from tests.harness.stored import a_case, opening

SSL, PROTOCOL = 80877103, 196608


@dataclass
class Pooler:
    """`knows`: startup parameters that it takes besides those of every client. `drops`: it takes
    any, and passes none on. `notices`: do they arrive, as in session mode?"""

    socket: Path
    knows: Mapping[str, str] = field(default_factory=lambda: SETTINGS)
    drops: bool = False
    notices: bool = True
    port: int = 0
    clients: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        task = asyncio.current_task()
        assert task is not None
        self.clients.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            writer.close()
            self.clients.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (size,) = struct.unpack("!I", await reader.readexactly(4))
            raw = await reader.readexactly(size - 4)
            if int.from_bytes(raw[:4]) != SSL:
                break
            writer.write(b"N")
        words = raw[4:].rstrip(b"\0").split(b"\0")
        given = dict(zip(words[::2], words[1::2], strict=True))
        common = {b"user", b"database", b"client_encoding", b"application_name"}
        extra = given.keys() - common
        if not self.drops and (unknown := extra - {name.encode() for name in self.knows}):
            why = b"Munsupported startup parameter: " + min(unknown) + b"\0\0"
            said = b"SFATAL\0C08P01\0" + why
            writer.write(b"E" + struct.pack("!I", len(said) + 4) + said)
            await writer.drain()
            return
        for name in extra if self.drops else ():
            del given[name]
        packed = b"".join(k + b"\0" + v + b"\0" for k, v in given.items()) + b"\0"
        there, back = await asyncio.open_unix_connection(str(self.socket))
        back.write(struct.pack("!II", len(packed) + 8, PROTOCOL) + packed)
        up = asyncio.create_task(self._up(reader, back))
        try:
            await self._down(there, writer)
        finally:
            up.cancel()
            back.close()

    async def _up(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            back.write(data)
            await back.drain()
        back.close()

    async def _down(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await there.readexactly(5)
            body = await there.readexactly(int.from_bytes(head[1:]) - 4)
            if head[:1] == b"K":  # BackendKeyData: the process, and a secret to cancel with
                body = (int.from_bytes(body[:4]) + 1).to_bytes(4) + body[4:]
            if head[:1] == b"A" and not self.notices:
                continue
            writer.write(head + body)
            await writer.drain()


@asynccontextmanager
async def pooled(url: str, **how: object) -> AsyncIterator[str]:
    """The same database, through a pooler."""
    parts = urlsplit(url)
    folder = Path(parse_qs(parts.query)["host"][0])
    made = Pooler(next(folder.glob(".s.PGSQL.????")), **how)  # type: ignore[arg-type] # its fields
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://countersign@127.0.0.1:{port}{parts.path}"
    finally:
        server.close()
        for task in tuple(made.clients):
            task.cancel()
        await asyncio.gather(*made.clients, return_exceptions=True)


async def refused(url: str) -> Stop:
    """What is said of a database that cannot be used."""
    with pytest.raises(Stop) as stopped:
        await database.connect(url, migrate=True)
    assert stopped.value.code is Exit.CONFIG
    assert "docs/operations.md#pgbouncer" in (stopped.value.cure or "")
    return stopped.value


async def test_a_pooler_that_passes_settings_and_notices_on_is_as_good_as_none(
    postgresql_database: str,
) -> None:
    async with pooled(postgresql_database) as url:
        store = await Store.connect(url)
        heard: asyncio.Queue[object] = asyncio.Queue()
        store.listen(heard.put_nowait)
        assert await asyncio.wait_for(heard.get(), HANGS) is None  # it listens
        other = await Store.connect(url)
        case = a_case()
        assert await other.commit([opening(case)]) == [Result.WON]
        assert await asyncio.wait_for(heard.get(), HANGS) == [case.id]
        await other.close()
        await store.close()


async def test_one_that_refuses_our_settings_is_named(postgresql_database: str) -> None:
    async with pooled(postgresql_database, knows={}) as url:
        said = await refused(url)
        assert "unsupported startup parameter" in said.message


async def test_law_24_one_that_drops_our_settings_without_a_word_is_refused(
    postgresql_database: str,
) -> None:
    """With them goes `synchronous_commit`: what is acknowledged would not be on the disk."""
    connection = await asyncpg.connect(postgresql_database)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        async with pooled(postgresql_database, drops=True) as url:
            said = (await refused(url)).message
            assert "does not pass our settings on" in said
            assert "synchronous_commit = on" in said
            for setting, value in SETTINGS.items():
                if setting != "application_name":
                    await connection.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
            await (await Store.connect(url)).close()
    finally:
        await connection.execute(f"ALTER DATABASE {name} RESET ALL")
        await connection.close()


async def test_one_in_transaction_mode_is_refused_because_copies_would_not_wake_each_other(
    postgresql_database: str,
) -> None:
    async with pooled(postgresql_database, notices=False) as url:
        assert "session mode" in (await refused(url)).message
