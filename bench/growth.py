"""How each use case takes longer as a store fills: the same calls at several sizes.

    python -m bench.growth [--decided 1000 100000] [--pending 100 100000] [--on countersign]

One decided and one waiting request are made by the service; their rows are then copied inside the
database, so that they have whatever columns there are today, and a million takes minutes. (Their
audit entries are numbered like sealed ones, but not linked: nothing here reads the chain.) Almost
all are those of one busy person and agent; a quiet person and agent have the five oldest. Times are
medians, as seen by the caller, with the service in this process. It prints a table in Markdown;
`make bench BENCH="growth"` stores the two smaller sizes. Without options it takes a million
decided, then 100,000 pending beside them, on both databases: about 20 GB of disk.

With `--turns` it prints instead, for each use case, the longest turn of the event loop in processor
time: for so long nobody else is answered, whoever asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp
import asyncpg

from approvals.app.compose import House, Plan, running
from approvals.app.host import steady
from approvals.store import Store, metadata
from approvals.web import credentials
from bench import loading, serve_taps
from bench.parts import number
from bench.peers import POSTGRESQL, SQLITE, prefix
from bench.peers import database as database_of
from bench.serve_taps import Posted, Wanted, clock, decide_one, drain, open_cases, pressed
from tests.harness.postgres import postgres

BUSY, QUIET = 3, 50
"""Who the requests are for, and who has five: of the people of `serve_taps`."""
FEW: Final = 5
MANY: Final = 50_000
"""Requests whose rows are filled in faster without indexes."""
DECIDED, WAITING = 0, 5_000_000_000
"""Where the numbers in the ids of copies begin."""
TIMES: Final = 9

Call = Callable[[], Awaitable[object]]


def copies(
    request: str, start: int, count: int, *, on_postgresql: bool, shared: bool
) -> Iterator[str]:
    """The SQL that copies all that one request left `count` times.

    `shared`: the five oldest are the quiet person's, and of the others every third was declined.
    """
    if on_postgresql:
        series = f"(SELECT generate_series({start}, {start + count - 1}) AS n) AS s"
        ids = {kind: f"'{kind}_' || lpad(n::text, 26, '0')" for kind in ("req", "crd")}
        spread = "decode(md5(n::text || '.' || t.label), 'hex')"
        top, noise = "(SELECT coalesce(max(seq), 0) FROM audit)", "decode(repeat('00', 32), 'hex')"
    else:
        series = (
            f"(WITH RECURSIVE s(n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM s "
            f"WHERE n < {start + count - 1}) SELECT n FROM s) AS s"
        )
        ids = {kind: f"printf('{kind}_%026d', n)" for kind in ("req", "crd")}
        spread, top, noise = "randomblob(16)", "(SELECT max(seq) FROM audit)", "zeroblob(32)"
    few, third = f"n < {FEW}", "n % 10 IN (0, 3, 6)"
    own = {
        "cases": {
            "agent": f"CASE WHEN {few} THEN 'quiet-bot' ELSE t.agent END",
            "requester": f"CASE WHEN {few} THEN 'quiet' ELSE t.requester END",
            "status": f"CASE WHEN {few} THEN 'expired' WHEN {third} THEN 'declined' "
            "ELSE t.status END",
        },
        "audiences": {"audience": f"CASE WHEN {few} THEN 'group:g{QUIET}' ELSE t.audience END"},
        "cards": {"id": ids["crd"], "message": "'1' || n || '.000100'"},
        "buttons": {"card_id": ids["crd"], "lookup": spread},
        "audit": {
            "seq": f"{top} + row_number() OVER (ORDER BY n, t.id)",
            "commitment": noise,
            "link": noise,
        },
    }
    if not shared:
        del own["cases"], own["audiences"]
    # In the order of their own key, so that a tree grows at its end and not everywhere.
    order = {"buttons": "lookup", "audit": "seq"}
    for table, key in loading.KEYED.items():
        names = [
            c.name for c in metadata.tables[table].columns if (table, c.name) != ("audit", "id")
        ]
        said = {key: ids["req"], **own.get(table, {})}
        values = {name: said.get(name, f"t.{name}") for name in names}
        # What is copied is looked for once: not every table has an index on its request.
        yield (
            f"INSERT INTO {table} ({', '.join(names)}) "
            f"WITH t AS MATERIALIZED (SELECT * FROM {table} WHERE {key} = '{request}') "
            f"SELECT {', '.join(f'{value} AS {name}' for name, value in values.items())} "
            f"FROM t, {series} ORDER BY {order.get(table, 'n')}"
        )


async def fill(url: str, decided: str, waits: str, many: range, waiting: range) -> None:
    """The copies of these numbers, on either database, and its statistics as autovacuum would keep
    them. Where they are many, indexes are made anew behind them, which is faster."""
    on_postgresql = url.startswith("postgres")
    script = [
        sql
        for request, start, more, shared in (
            (decided, DECIDED, many, True),
            (waits, WAITING, waiting, False),
        )
        if more
        for sql in copies(
            request, start + more.start, len(more), on_postgresql=on_postgresql, shared=shared
        )
    ]
    tables = ", ".join(f"'{table}'" for table in loading.KEYED)
    if on_postgresql:
        server = await asyncpg.connect(url)
        known = await server.fetch(
            f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({tables}) "
            "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
        without, again = _indexes([*map(tuple, known)], len(many) + len(waiting))
        lazy = ("SET synchronous_commit = off", "SET maintenance_work_mem = '512MB'")
        for sql in [*lazy, *without, *script, *again, "VACUUM (ANALYZE)", "CHECKPOINT"]:
            await server.execute(sql, timeout=None)
        await server.close()
        return
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA cache_size = -500000")
        found = file.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
            f"AND tbl_name IN ({tables})"
        ).fetchall()
        without, again = _indexes(found, len(many) + len(waiting))
        for sql in [*without, *script, *again]:
            file.execute(sql)
        file.commit()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # Else the first commits that are measured wait until all this is on the disk.
    await asyncio.to_thread(os.sync)


def _indexes(found: Sequence[Sequence[str]], rows_: int) -> tuple[list[str], list[str]]:
    """What drops them, and what makes them again; nothing where few rows come."""
    if rows_ < MANY:
        return [], []
    return [f"DROP INDEX {name}" for name, _ in found], [sql for _, sql in found]


@contextlib.asynccontextmanager
async def housed(base: Plan, url: str) -> AsyncIterator[tuple[House, Store]]:
    store = await Store.connect(url)
    async with running(
        base, store, clock=clock, random=os.urandom, steady=steady, carry=False
    ) as house:
        yield house, store
    await store.close()


class Visitor:
    """Somebody who is signed in to the inbox and has a token."""

    def __init__(self, house: House, http: aiohttp.ClientSession, cookie: str, token: str) -> None:
        self._house, self._http = house, http
        site = house.deps.site
        self._page = {"Host": site.host, "Cookie": f"{site.cookie}={cookie}"}
        self._api = {"Authorization": f"Bearer {token}"}

    @classmethod
    async def of(cls, house: House, http: aiohttp.ClientSession, person: int) -> Visitor:
        store, ring, name = house.store, house.service.trust.ring, f"p{person}"
        now, random = clock(), os.urandom
        cookie = await credentials.start_session(store, ring, name, "link", now=now, random=random)
        token = await credentials.make_token(store, ring, name, "b", 1, now=now, random=random)
        return cls(house, http, cookie, token)

    async def page(self, path: str) -> None:
        await self._get(path, self._page)

    async def list(self, query: str) -> None:
        await self._get(f"/v1/requests?{query}", self._api)

    async def _get(self, path: str, headers: Mapping[str, str]) -> None:
        async with self._http.get(
            self._house.url + path, headers=headers, allow_redirects=False
        ) as answer:
            text = await answer.text()
            if answer.status != 200:
                raise SystemExit(f"{path}: {answer.status} {text[:200]}")


class Turns:
    """The longest turn of the event loop since `longest` was asked, in this thread's own processor
    time, because the clock of a busy machine says more about its other work."""

    def __init__(self) -> None:
        self._seen = 0.0

    def longest(self) -> float:
        """Milliseconds; begins anew."""
        seen, self._seen = self._seen, 0.0
        return seen * 1e3

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Look at each callback. asyncio has no place to hook in (its debug mode only logs)."""
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            began = time.thread_time()
            run(handle)
            self._seen = max(self._seen, time.thread_time() - began)

        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment] # see above
        try:
            yield
        finally:
            asyncio.Handle._run = run  # type: ignore[method-assign] # as it was


async def measure(base: Plan, url: str, times: int, turns: Turns | None = None) -> dict[str, float]:
    """Milliseconds of each use case; with `turns`, of the longest turn of the loop meanwhile."""
    found: dict[str, float] = {}
    started = time.perf_counter()
    async with housed(base, url) as (house, store), aiohttp.ClientSession() as http:
        found["start"] = (time.perf_counter() - started) * 1e3
        busy, quiet = [await Visitor.of(house, http, who) for who in (BUSY, QUIET)]

        async def metrics() -> None:
            async with http.get(house.url + "/metrics") as answer:
                assert answer.status == 200

        fresh, sent = 10_000, len(Posted.sent)
        await open_cases(house, base, fresh, fresh + 97)
        await drain(house, "slack")
        cards = iter(Posted.sent[sent:])

        async def open_one() -> None:
            nonlocal fresh
            fresh += 97 * 97
            await open_cases(house, base, fresh, fresh + 1)

        async def tap() -> None:
            card = next(cards)
            echo = base.channels["slack"].echo(card.message)
            event = f"{card.ts}:{time.time_ns()}"
            assert (await house.service.tap(pressed(card, event, echo))).counted

        calls: dict[str, Call] = {"open": open_one, "tap": tap}
        for name, visitor in (("busy", busy), ("quiet", quiet)):
            for status in ("", "pending", "approved", "declined", "expired", "withdrawn"):
                query = f"status={status}" if status else ""
                calls[f"list {status or 'all'}, {name}"] = partial(visitor.list, query)
            for agent in ("billing-bot", "quiet-bot", "no-bot"):
                calls[f"list of {agent}, {name}"] = partial(visitor.list, f"agent={agent}")
            for path in ("/inbox", "/inbox?tab=decided", "/inbox?q=invoice"):
                calls[f"{path}, {name}"] = partial(visitor.page, path)
        calls["/metrics"] = metrics
        calls["the clock's look at what is due"] = lambda: store.due(clock())
        calls["doctor's look at the outbox"] = lambda: asyncio.gather(
            store.counts(), store.parked(10_000), store.altered("crd_")
        )
        for name, call in calls.items():
            took = []
            for _ in range(times):
                if turns is not None:
                    turns.longest()
                before = time.perf_counter()
                await call()
                ended = (time.perf_counter() - before) * 1e3
                took.append(ended if turns is None else turns.longest())
            found[name] = median(took)
    return found


async def made(folder: Path) -> tuple[Wanted, str, str]:
    """A small installation: a decided request of the busy person, and one that waits."""
    wanted = Wanted(folder, "secret", 5, 0, None)
    await serve_taps.prepare(wanted)
    file = wanted.made / "made.db"
    async with serve_taps._house(wanted, file) as (house, base):
        decided = await decide_one(house, base, BUSY)
        await open_cases(house, base, BUSY + 97, BUSY + 98)
        (waits, *_) = await house.store.page(limit=1)
    return wanted, decided, waits.id


async def grow(
    databases: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    folder: Path,
    server: str | None,
    times: int,
    turns: Turns | None = None,
) -> list[dict[str, Any]]:
    """Each use case on each database at each size (decided, pending), in milliseconds.

    A database grows from one size to the next, which must be larger; about 100 requests more are
    pending after each, which the measuring opened.
    """
    found = list[dict[str, Any]]()
    wanted, decided, waits = await made(folder)
    for peer in databases:
        name = f"{prefix(folder)}_growth"
        if peer == POSTGRESQL:
            url = database_of(server or "", name)
            await _command(server, f"CREATE DATABASE {name}")
            await loading.copy(wanted.made / "made.db", url)
        else:
            file = folder / f"{name}.db"
            file.write_bytes((wanted.made / "made.db").read_bytes())
            url = f"sqlite:///{file}"
        before = (0, 0)
        for many, waiting in sizes:
            began = time.monotonic()
            await fill(url, decided, waits, range(before[0], many), range(before[1], waiting))
            filled, began = time.monotonic() - began, time.monotonic()
            took = await measure(serve_taps.plan(wanted.made, "secret"), url, times, turns)
            print(
                f"{peer}: {many:,} decided, {waiting:,} pending: filled in {filled:.0f} s, "
                f"measured in {time.monotonic() - began:.0f} s",
                file=sys.stderr,
            )
            size = {"peer": peer, "decided": many, "pending": waiting}
            found += [{**size, "use": use, "ms": ms, "bad": 0} for use, ms in took.items()]
            before = (many, waiting)
        if peer == POSTGRESQL:
            await _command(server, f"DROP DATABASE {name} WITH (FORCE)")
        for stale in folder.glob(f"{name}.db*"):
            stale.unlink()
    return found


async def _command(server: str | None, sql: str) -> None:
    admin = await asyncpg.connect(server)
    await admin.execute(sql)
    await admin.close()


def rows(found: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Database, use case, its times by size, and the most of these against the first."""
    table: dict[tuple[str, str], list[float]] = {}
    for one in found:
        table.setdefault((one["peer"], one["use"]), []).append(one["ms"])
    for (peer, use), took in table.items():
        yield peer, use, *(number(ms, 1) for ms in took), f"{number(max(took) / took[0], 1)} ×"


def heads(found: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The heads of `rows`."""
    sizes = dict.fromkeys((one["decided"], one["pending"]) for one in found)
    each = (f"ms, {decided:,} decided, {pending:,} pending" for decided, pending in sizes)
    return "peer", "use case", *each, "most"


async def main(arguments: argparse.Namespace) -> None:
    sizes = [(decided, arguments.pending[0]) for decided in arguments.decided]
    sizes += [(arguments.decided[-1], pending) for pending in arguments.pending[1:]]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.dir)))
        server = stack.enter_context(postgres(fsync=True)) if POSTGRESQL in arguments.on else None
        turns = Turns() if arguments.turns else None
        if turns is not None:
            stack.enter_context(turns.watched())
        found = await grow(arguments.on, sizes, folder, server, arguments.times, turns)
    columns = heads(found)
    print(f"| {' | '.join(columns)} |\n| --- | --- |{' ---: |' * (len(columns) - 2)}")
    for row in rows(found):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--decided", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--pending", type=int, nargs="+", default=[100, 100_000])
    parser.add_argument("--on", nargs="+", default=[SQLITE, POSTGRESQL])
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--turns", action="store_true", help="the longest turn of the loop instead")
    parser.add_argument("--dir", default=".", help="where the files are made: not in memory")
    asyncio.run(main(parser.parse_args()))
