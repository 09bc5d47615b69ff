# ruff: noqa: S608 - what is put into SQL here are names of our own tables and columns
"""PostgreSQL: a pool, and one connection that listens.

The taps of a batch are one statement, so that a batch is one round trip and its own transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final, TypeVar, cast

import asyncpg
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from approvals.model import Busy, Refused
from approvals.store.audit import entry_row
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
from approvals.store.outbox import job_row
from approvals.store.schema import upgrade_postgresql
from approvals.store.statements import Dialect, Script
from approvals.store.tables import audit, cases, outbox, seen

T = TypeVar("T")

CHANNEL: Final = "countersign"
"""Where copies tell each other which cases moved."""

TOGETHER: Final = 100
"""Most cases in a statement: their ids must fit in a notice, which ends at 8,000 bytes."""

HEARD: Final = 2.0
"""Seconds that a notice may take through a pooler."""
_NAME: Final = "application_name"

SETTINGS: Final = {
    _NAME: "countersign",
    "synchronous_commit": "on",
    "jit": "off",
    # Every query is a look-up by key and planned once. A plan made while a table was still empty
    # must not read all of it when it has grown.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""What each of our sessions begins with."""

_MOVE: Final = f"""
WITH given AS (
    SELECT * FROM unnest($1::text::text[], $2::text::bigint[], $3::text::text[],
        $4::text::bigint[], $5::text::text[], $6::text::bigint[], $7::text::text[])
        WITH ORDINALITY AS t(id, before, status, version, state, wake_at, event, i)
), held AS (
    SELECT k.id, g.i FROM {cases} k JOIN given g ON g.id = k.id AND g.before = k.version
    ORDER BY k.id FOR UPDATE OF k
), won AS (
    UPDATE {cases} k SET status = g.status, version = g.version, state = g.state,
        wake_at = g.wake_at
    FROM given g JOIN held h ON h.i = g.i WHERE k.id = g.id AND k.version = g.before
    RETURNING g.i, k.id, g.event
), events AS (
    INSERT INTO {seen} (key, at) SELECT event, $8::bigint FROM won WHERE event IS NOT NULL
), entries AS (
    INSERT INTO {audit} (org, at, kind, request_id, content, salt)
    SELECT org, at, kind, request_id, content, salt
    FROM unnest($9::text::bigint[], $10::text::text[], $11::text::bigint[], $12::text::text[],
        $13::text::text[], $14::text::text[], $15::text::bytea[])
        WITH ORDINALITY AS e(i, org, at, kind, request_id, content, salt, n)
    JOIN won USING (i) ORDER BY n
), jobs AS (
    INSERT INTO {outbox} (kind, request_id, target, due_at, data, attempts)
    SELECT kind, request_id, target, due_at, data, 0
    FROM unnest($16::text::bigint[], $17::text::text[], $18::text::text[], $19::text::text[],
        $20::text::bigint[], $21::text::text[])
        WITH ORDINALITY AS j(i, kind, request_id, target, due_at, data, n)
    JOIN won USING (i) ORDER BY n
)
SELECT array_agg(i), pg_notify('{CHANNEL}', $22::text || string_agg(id, ' ')) FROM won
HAVING count(*) > 0
"""
"""Locks in the order of ids (two copies cannot wait for each other in a ring); the statement's
own snapshot may be older than the lock, so the update compares the version once more."""

_PRESSES: Final = (
    f"SELECT t.place - 1, s.key IS NOT NULL, {PRESS} FROM "
    "unnest($1::text::bytea[], $2::text::text[]) WITH ORDINALITY AS t(lookup, event, place) "
    f"{FROM_BUTTONS}"
)


class Postgresql:
    """The driver for one database."""

    writers: ClassVar = 2  # one decides while the other waits for the server's disk

    def __init__(self, url: str, pool: asyncpg.Pool[Any]) -> None:
        self._dialect = Dialect(PGDialect_asyncpg(), postgresql.insert)  # type: ignore[no-untyped-call] # SQLAlchemy's
        self._url = url
        self._pool = pool
        self._heard: list[Heard] = []
        self._origin = secrets.token_hex(8) + " "
        self._listener: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, url: str, *, read_only: bool = False) -> Postgresql:
        """Connects with the first use, which raises `Busy` while there is no server."""
        only = {"default_transaction_read_only": "on"} if read_only else {}

        async def keep(_: object) -> None:
            """Nothing that we do needs a reset, and it is a round trip after every use."""

        with _errors():
            pool = await asyncpg.create_pool(
                url,
                min_size=0,  # else asyncpg tries by itself, and logs each try with a traceback
                max_size=10,
                statement_cache_size=300,
                timeout=PATIENCE,
                reset=keep,
                server_settings={**SETTINGS, **only},
            )
        return cls(url, pool)

    async def check(self) -> None:
        """A pooler in between may drop our settings and our notices. To a server itself this is
        one question: a pooler gives each client a process number of its own making, because its
        clients cancel at the pooler."""
        with _errors():
            async with self._connection() as connection:
                if await connection.fetchval("SELECT pg_backend_pid()") == (
                    connection.get_server_pid()
                ):
                    return
                here = "SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])"
                found = dict(await connection.fetch(here, list(SETTINGS)))
                lost = {n: v for n, v in SETTINGS.items() if found.get(n) != v and n != _NAME}
                if lost:
                    raise Refused(
                        "a pooler does not pass our settings on: for its user, at the server, "
                        f"{', '.join(f'{n} = {v}' for n, v in lost.items())}"
                    )
                if not await self._hears(connection):
                    raise Refused(
                        "a pooler does not pass LISTEN on, by which copies wake each other: "
                        "it must be in session mode"
                    )

    async def _hears(self, connection: Any) -> bool:
        """Does what another connection notifies arrive on this one?"""
        name, heard = f"{CHANNEL}_{secrets.token_hex(8)}", asyncio.Event()
        hear: Callable[..., None] = lambda *_: heard.set()  # noqa: E731 - it is told twice
        await connection.add_listener(name, hear)
        try:
            async with self._connection() as other:
                await other.execute("SELECT pg_notify($1, '')", name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARD):
                    await heard.wait()
        finally:
            await connection.remove_listener(name, hear)
        return heard.is_set()

    async def upgrade(self) -> None:
        with _errors():
            await upgrade_postgresql(self._url)

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        try:
            await asyncio.wait_for(self._pool.close(), PATIENCE)
        except TimeoutError:
            self._pool.terminate()

    def listen(self, heard: Heard) -> None:
        self._heard.append(heard)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())

    def _tell(self, ids: Collection[str] | None) -> None:
        for heard in self._heard:
            heard(ids)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(
                OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
            ):
                await self._hear()
            await asyncio.sleep(1)

    async def _hear(self) -> None:
        """Listen until the connection drops."""
        gone = asyncio.Event()
        named = {"application_name": "countersign listener"}
        connection = await asyncpg.connect(
            self._url, timeout=PATIENCE, command_timeout=PATIENCE, server_settings=named
        )
        try:
            connection.add_termination_listener(lambda _: gone.set())
            await connection.add_listener(CHANNEL, self._on_notice)
            self._tell(None)  # what happened until here was not heard
            while not gone.is_set():
                try:
                    await asyncio.wait_for(gone.wait(), PATIENCE)
                except TimeoutError:
                    await connection.execute("SELECT 1")  # a dead peer says nothing by itself
        finally:
            connection.terminate()

    def _on_notice(self, _c: object, _pid: int, _channel: str, payload: object) -> None:
        text = str(payload)
        # Our own commits told us already, and sooner.
        if not text.startswith(self._origin):
            self._tell(text.split(" ")[1:])

    @contextlib.asynccontextmanager
    async def _connection(self, within: float = PATIENCE) -> AsyncIterator[Any]:
        """A connection, for `within` seconds in all. One that is in use for longer is cut off: a
        server that hangs answers neither a cancellation nor a rollback, and both would be awaited.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + within
        connection = await self._pool.acquire(timeout=within)
        cut = loop.call_at(ends, connection.terminate)
        try:
            yield connection
        except AttributeError as error:
            if not connection.is_closed():
                raise
            # The client's own, where it was cut off between two steps of one call.
            raise asyncpg.InterfaceError("connection was closed in the middle") from error
        finally:
            cut.cancel()
            await self._pool.release(connection, timeout=max(0.1, ends - loop.time()))

    async def read(self, script: Script[T], *, within: float = PATIENCE) -> T:
        with _errors():
            async with self._connection(within) as connection:
                return await self._run(connection, script)

    async def write(
        self, script: Script[T], moved: Collection[str] = (), *, within: float = PATIENCE
    ) -> T:
        async with (
            self._writing(),
            self._connection(within) as connection,
            connection.transaction(),
        ):
            value = await self._run(connection, script)
            await self._notify(connection, moved)
        if moved:
            self._tell(moved)
        return value

    async def alone(self, script: Script[T]) -> T:
        """Two round trips less than `write`: the server begins and commits by itself."""
        async with self._writing(), self._connection() as connection:
            return await self._run(connection, script)

    async def locked(self, script: Script[T], key: int) -> T | None:
        async with self._writing(), self._connection() as connection, connection.transaction():
            if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", key):
                return await self._run(connection, script)
        return None

    @contextlib.asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        """After a failover a connection may still lead to the standby: none is used again then."""
        with _errors():
            try:
                yield
            except asyncpg.ReadOnlySQLTransactionError:
                await self._pool.expire_connections()
                raise

    async def _notify(self, connection: Any, ids: Collection[str]) -> None:
        every = list(ids)
        for start in range(0, len(every), TOGETHER):
            text = self._origin + " ".join(every[start : start + TOGETHER])
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, text)

    async def _run(self, connection: Any, script: Script[T]) -> T:
        send: Any = None
        try:
            while True:
                build, params = script.send(send)
                sql = self._dialect.sql(build)
                if isinstance(params, Sequence):
                    send = ()
                    if params:
                        await connection.executemany(sql.text, [sql.args(each) for each in params])
                else:
                    send = await connection.fetch(sql.text, *sql.args(params))
        except StopIteration as end:
            return cast("T", end.value)

    async def presses(self, taps: Taps) -> list[Press | None]:
        lookups, events = zip(*taps, strict=True)
        with _errors():
            async with self._connection() as connection:
                found = await connection.fetch(_PRESSES, _bytes(lookups), _texts(events))
        return presses_of(len(taps), found)

    async def commit(self, changes: Sequence[Change]) -> list[Result]:
        results = [Result.WON] * len(changes)
        moves = [i for i, change in enumerate(changes) if is_move(change)]
        singly = [i for i, change in enumerate(changes) if not is_move(change)]
        moved: list[str] = []
        try:
            for start in range(0, len(moves), TOGETHER):
                part = moves[start : start + TOGETHER]
                won = {part[place - 1] for place in await self._move([changes[i] for i in part])}
                moved += [changes[i].case.id for i in won]
                singly += [i for i in part if i not in won]
            for i in singly:
                results[i] = await self._single(changes[i])
                if results[i] is Result.WON:
                    moved.append(changes[i].case.id)
        finally:  # what is durable is told, whatever became of the others
            if moved:
                self._tell(moved)
        return results

    async def _single(self, change: Change) -> Result:
        async with self._writing():
            while True:
                try:
                    async with self._connection() as connection, connection.transaction():
                        result = await self._run(connection, commit_one(change))
                        await self._notify(connection, (change.case.id,))
                        return result
                except Undo as undo:
                    return undo.result
                except asyncpg.DeadlockDetectedError:
                    continue  # one of the two went on, so this ends
                except _UNFIT:
                    return Result.BAD

    async def _move(self, changes: Sequence[Change]) -> Sequence[int]:
        """The places, from 1, of those that won. The others: each by itself, to learn why."""
        cases: list[tuple[Any, ...]] = []
        entries: list[tuple[Any, ...]] = []
        jobs: list[tuple[Any, ...]] = []
        for place, change in enumerate(changes, 1):
            case = change.case
            moved = (case.version, state_row(case), wake_of(change), change.seen)
            cases.append((case.id, change.before, case.status, *moved))
            entries += [(place, *entry_row(entry)) for entry in change.entries]
            jobs += [(place, *job_row(job)) for job in change.effects]
        args = [
            *_columns((_texts, _ints, _texts, _ints, _texts, _ints, _texts), cases),
            wall_clock(),
            *_columns((_ints, _texts, _ints, _texts, _texts, _texts, _bytes), entries),
            *_columns((_ints, _texts, _texts, _texts, _ints, _texts), jobs),
        ]
        async with self._writing():
            try:
                async with self._connection() as connection:
                    row = await connection.fetchrow(_MOVE, *args, self._origin)
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, *_UNFIT):
                return ()
        return cast("Sequence[int]", row[0]) if row else ()


# Arrays as PostgreSQL writes them. The driver's own way looks at each value with three abstract
# classes, which took a third of a commit.


def _ints(values: Iterable[int | None]) -> str:
    return f"{{{','.join(['NULL' if v is None else str(v) for v in values])}}}"


def _texts(values: Iterable[str | None]) -> str:
    return f"{{{','.join(['NULL' if v is None else _quoted(v) for v in values])}}}"


def _quoted(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\", r"\\")
    return '"' + text.replace('"', r"\"") + '"'


def _bytes(values: Iterable[bytes | None]) -> str:
    return _texts(None if v is None else f"\\x{v.hex()}" for v in values)


def _columns(
    how: Sequence[Callable[[Iterable[Any]], str]], table: Sequence[Sequence[Any]]
) -> Iterator[str]:
    columns = zip(*table, strict=True) if table else [()] * len(how)
    return (write(column) for write, column in zip(how, columns, strict=True))


_UNFIT: Final = (
    asyncpg.DataError,  # a NUL in a text, a number that is too large
    asyncpg.ProgramLimitExceededError,  # a key too long for its index
    ValueError,  # what the driver itself cannot encode
)
"""What no repetition will make the database take."""


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """The database is down, going down, too slow or read-only: `Busy`, so that the caller comes
    again. A value that it cannot hold: `ValueError`."""
    try:
        yield
    except _UNFIT as error:
        raise ValueError(f"database: {type(error).__name__}") from error
    except (
        OSError,  # refused, reset; TimeoutError is one too
        # The client's own: a connection that ended in the middle of a message, or is closed.
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        # The server's: https://www.postgresql.org/docs/current/errcodes-appendix.html
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.PostgresSystemError,  # its disk fails
        asyncpg.InternalServerError,
        asyncpg.TransactionRollbackError,
        asyncpg.ReadOnlySQLTransactionError,  # a standby, as while another one takes over
        asyncpg.InvalidAuthorizationSpecificationError,  # its password is just being changed
        asyncpg.InvalidCatalogNameError,  # it is just being restored
        asyncpg.ObjectNotInPrerequisiteStateError,
        # A pooler handed us another server's connection, or the tables have just changed.
        asyncpg.InvalidSQLStatementNameError,
        asyncpg.DuplicatePreparedStatementError,
        asyncpg.InvalidCachedStatementError,
    ) as error:
        raise Busy(f"database: {type(error).__name__}: {error}") from error
