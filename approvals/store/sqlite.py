# ruff: noqa: S608 - what is put into SQL here are names of our own tables and columns
"""SQLite: one file, one thread that writes (and reads for taps) and a few that read.

One transaction takes all that queued while the last one ran, so that they share the wait for the
disk. Many rows go in one statement: the driver lets go of the interpreter at each step of each
statement, and taking it back from a busy event loop costs more than a row.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from approvals.model import Busy
from approvals.store.audit import ENTRY, entry_row
from approvals.store.cases import (
    FROM_BUTTONS,
    PRESS,
    Change,
    Press,
    Result,
    Taps,
    Undo,
    commit_one,
    is_move,
    presses_of,
    state_row,
    wake_of,
    wall_clock,
)
from approvals.store.driver import PATIENCE, Heard
from approvals.store.outbox import QUEUED, job_row
from approvals.store.schema import upgrade_sqlite
from approvals.store.statements import Dialect, Params, Script, Sql
from approvals.store.tables import audit, cases, outbox, seen

T = TypeVar("T")
_Work: TypeAlias = "tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]"
"""What to do with the connection, and who waits for what comes of it."""

_UNFIT: Final = (sqlite3.DataError, OverflowError, ValueError)
"""What no repetition will make the database take."""
LOCKED: Final = 4.0
"""Seconds that another process may hold the file. Less than `PATIENCE`, so that the error says
that it is locked."""
TOGETHER: Final = 64
"""Most pieces of work in a transaction, and most cases in a statement."""
READERS: Final = 3
"""Threads that read: a long list on one holds up nobody who reads on another."""


class Sqlite:
    """The driver for one file."""

    writers: ClassVar = 1  # SQLite lets one write at a time

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        self._path = path
        opened = _open_copy if read_only else _open
        self._dialect = Dialect(sqlite.dialect(paramstyle="qmark"), sqlite.insert)
        self._writer = _Thread(opened(path), "writer")
        self._readers = [_Thread(opened(path), f"reader-{n}") for n in range(READERS)]
        self._heard: list[Heard] = []

    async def check(self) -> None:
        """Nothing stands between a file and us."""

    async def upgrade(self) -> None:
        await asyncio.to_thread(upgrade_sqlite, self._path)

    async def close(self) -> None:
        for reader in self._readers:
            await reader.stop()
        await self._writer.stop()

    def listen(self, heard: Heard) -> None:
        self._heard.append(heard)

    async def read(self, script: Script[T], *, within: float = PATIENCE) -> T:
        # The first that is idle: its pages are the warmest.
        reader = min(self._readers, key=attrgetter("waiting"))
        return await reader.look(lambda connection: self._run(connection, script), within)

    async def write(
        self, script: Script[T], moved: Collection[str] = (), *, within: float = PATIENCE
    ) -> T:
        value = await self._writer.change(lambda connection: self._run(connection, script), within)
        self._tell(moved)
        return value

    async def alone(self, script: Script[T]) -> T:
        return await self.write(script)

    async def locked(self, script: Script[T], key: int) -> T | None:
        """Writers stand in line anyway."""
        return await self.write(script)

    async def presses(self, taps: Taps) -> list[Press | None]:
        args = [value for place, tap in enumerate(taps) for value in (place, *tap)]
        sql = _press_text(len(taps))
        # On the writer's connection, which keeps its pages in memory: any other's are thrown away
        # after each commit.
        found = await self._writer.look(lambda connection: connection.execute(sql, args).fetchall())
        return presses_of(len(taps), found)

    async def commit(self, changes: Sequence[Change]) -> list[Result]:
        results = await self._writer.change(lambda connection: self._commit(connection, changes))
        self._tell([c.case.id for c, r in zip(changes, results, strict=True) if r is Result.WON])
        return results

    def _tell(self, ids: Collection[str]) -> None:
        if ids:
            for heard in self._heard:
                heard(ids)

    def _run(self, connection: sqlite3.Connection, script: Script[T]) -> T:
        send: Any = None
        try:
            while True:
                build, params = script.send(send)
                sql = self._dialect.sql(build)
                if isinstance(params, Sequence):
                    connection.executemany(sql.text, [_args(sql, each) for each in params])
                    send = ()
                else:
                    send = connection.execute(sql.text, _args(sql, params)).fetchall()
        except StopIteration as end:
            return cast("T", end.value)

    def _commit(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> list[Result]:
        results = [Result.WON] * len(changes)
        moves = [i for i, change in enumerate(changes) if is_move(change)]
        singly = [i for i, change in enumerate(changes) if not is_move(change)]
        for start in range(0, len(moves), TOGETHER):
            part = moves[start : start + TOGETHER]
            # Apply the batch optimistically; on failure, one by one.
            connection.execute("SAVEPOINT many")
            try:
                moved = self._move(connection, [changes[i] for i in part])
            except _UNFIT:
                moved = False
            if not moved:
                connection.execute("ROLLBACK TO many")
                singly += part
            connection.execute("RELEASE many")
        for i in singly:
            connection.execute("SAVEPOINT single")
            try:
                results[i] = self._run(connection, commit_one(changes[i]))
            except Undo as undo:
                connection.execute("ROLLBACK TO single")
                results[i] = undo.result
            except _UNFIT:
                connection.execute("ROLLBACK TO single")
                results[i] = Result.BAD
            connection.execute("RELEASE single")
        return results

    def _move(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> bool:
        args: list[Any] = []
        events: list[Any] = []
        entries: list[Any] = []
        jobs: list[Any] = []
        now = wall_clock()
        for change in changes:
            case = change.case
            args += (case.id, change.before, case.status, case.version, state_row(case))
            args.append(wake_of(change))
            if change.seen is not None:
                events += (change.seen, now)
            for entry in change.entries:
                entries += entry_row(entry)
            for job in change.effects:
                jobs += job_row(job)
                jobs.append(0)
        updated = connection.execute(_move_text(len(changes)), args).rowcount
        if updated != len(changes):
            return False
        try:
            _insert(connection, seen, ("key", "at"), events)
        except sqlite3.IntegrityError:
            return False
        _insert(connection, audit, ENTRY, entries)
        _insert(connection, outbox, (*QUEUED, "attempts"), jobs)
        return True


def _insert(
    connection: sqlite3.Connection, table: sa.Table, columns: Sequence[str], args: Sequence[Any]
) -> None:
    if args:
        connection.execute(_insert_text(table, columns, len(args) // len(columns)), args)


@cache
def _insert_text(table: sa.Table, columns: Sequence[str], n: int) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {_marks(len(columns), n)}"


@cache
def _move_text(n: int) -> str:
    # It begins with UPDATE, because sqlite3 counts the rows of nothing else.
    return (
        f"UPDATE {cases} AS k SET status = t.column3, version = t.column4, "
        "state = t.column5, wake_at = t.column6 "
        f"FROM (VALUES {_marks(6, n)}) AS t "
        "WHERE k.id = t.column1 AND k.version = t.column2"
    )


@cache
def _press_text(n: int) -> str:
    return (
        f"WITH t(place, lookup, event) AS (VALUES {_marks(3, n)}) "
        f"SELECT t.place, s.key IS NOT NULL, {PRESS} FROM t {FROM_BUTTONS}"
    )


def _marks(columns: int, n: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return ", ".join([row] * n)


def _args(sql: Sql, params: Params) -> list[Any]:
    return [json.dumps(v) if isinstance(v, list) else v for v in sql.args(params)]


class _Thread(threading.Thread):
    """A connection and the thread that owns it."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        super().__init__(name=f"countersign-{name}", daemon=True)
        self._connection = connection
        self._stopped = False
        self.waiting = 0
        """Pieces of work that are not done yet."""
        self._queue: queue.SimpleQueue[tuple[bool, _Work] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self.start()

    async def look(self, work: Callable[[sqlite3.Connection], T], within: float = PATIENCE) -> T:
        """Before the changes that queued with it."""
        return await self._do(work, False, within)

    async def change(self, work: Callable[[sqlite3.Connection], T], within: float = PATIENCE) -> T:
        """In a transaction, and durable on return."""
        return await self._do(work, True, within)

    async def _do(self, work: Callable[[sqlite3.Connection], T], changes: bool, within: float) -> T:
        if self._stopped:
            raise Busy("database: closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((changes, (work, future)))
        self.waiting += 1
        try:
            async with asyncio.timeout(within):
                return await future
        except TimeoutError as error:
            raise Busy(f"database: no answer within {within:g} s") from error
        finally:
            self.waiting -= 1

    async def stop(self) -> None:
        """Finish what is queued."""
        self._stopped = True
        self._queue.put(None)
        await asyncio.to_thread(self.join)

    def run(self) -> None:
        running = True
        while running:
            batch = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(batch) < TOGETHER:
                    batch.append(self._queue.get_nowait())
            running = None not in batch
            for changes, run in ((False, self._query), (True, self._transact)):
                # Skip work whose caller gave up: it was told to come again.
                work = [
                    item[1]
                    for item in batch
                    if item is not None and item[0] is changes and not item[1][1].cancelled()
                ]
                if work:
                    done = run(work)
                    # A loop that was closed meanwhile waits for nothing.
                    with contextlib.suppress(RuntimeError):
                        self._loop.call_soon_threadsafe(_settle, work, done)
        self._connection.close()

    def _query(self, batch: Sequence[_Work]) -> list[Any]:
        done: list[Any] = []
        for work, _ in batch:
            try:
                done.append(work(self._connection))
            except Exception as error:
                done.append(error)
        return done

    def _transact(self, batch: Sequence[_Work]) -> list[Any]:
        run = self._connection.execute
        done: list[Any] = []
        try:
            run("BEGIN IMMEDIATE")
            if len(batch) == 1:  # the common case: what fails alone takes nobody with it
                done.append(batch[0][0](self._connection))
            else:
                done += [self._apart(work) for work, _ in batch]
            run("COMMIT")
        except Exception as error:
            # The disk is full, or another process holds the file: nobody's work was done.
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    run("ROLLBACK")
            return [error] * len(batch)
        return done

    def _apart(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Work beside others in a transaction: undone alone if it fails."""
        run = self._connection.execute
        run("SAVEPOINT one")
        try:
            return work(self._connection)
        except Exception as error:
            run("ROLLBACK TO one")
            return error
        finally:
            run("RELEASE one")


def _settle(batch: Sequence[_Work], done: Sequence[Any]) -> None:
    for (_, future), value in zip(batch, done, strict=True):
        if future.done():
            continue
        if isinstance(value, sqlite3.OperationalError) or type(value) is sqlite3.DatabaseError:
            # Locked, read-only, full; or damaged, which is the base class itself.
            busy = Busy(f"database: {value}")
            busy.__cause__ = value
            future.set_exception(busy)
        elif isinstance(value, _UNFIT):
            future.set_exception(ValueError(f"database: {type(value).__name__}"))
        elif isinstance(value, Exception):
            future.set_exception(value)
        else:
            future.set_result(value)


def _open(path: str) -> sqlite3.Connection:
    try:
        Path(path).touch(mode=0o600)  # requests are nobody else's to read; its WAL gets the same
        connection = sqlite3.connect(
            path,
            timeout=LOCKED,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # less, and a WAL loses its last commits with the power
            "temp_store = MEMORY",
            "cache_size = -16000",
            "secure_delete = FAST",  # erase what is deleted where that costs no page more
            # Pages, 64 MB. To copy four times as many back takes little longer, and every tap waits
            # for it.
            "wal_autocheckpoint = 16000",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except (OSError, sqlite3.DatabaseError) as error:
        raise Busy(f"database {path}: {error}") from error
    return connection


def _open_copy(path: str) -> sqlite3.Connection:
    """For reading only; also where nothing can be written beside the file."""
    file = Path(path).absolute()
    # In WAL mode SQLite makes a -shm beside the file, unless nobody can be writing to it:
    # https://www.sqlite.org/wal.html#readonly, https://www.sqlite.org/uri.html#uriimmutable
    still = not Path(f"{file}-wal").exists()
    try:
        file.stat()
        connection = sqlite3.connect(
            f"{file.as_uri()}?mode=ro{'&immutable=1' if still else ''}",
            uri=True, timeout=10, isolation_level=None, check_same_thread=False,
        )  # fmt: skip
        connection.execute("SELECT 1 FROM sqlite_master")
    except (OSError, sqlite3.DatabaseError) as error:
        raise Busy(f"database {path}: {error}") from error
    return connection
