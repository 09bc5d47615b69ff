"""Large states, quickly: rows as they are, written behind the service's back.

Everything is made once, on SQLite. PostgreSQL gets the very same rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import asyncpg

from approvals.store import Store, metadata

AT_ONCE: Final = 5_000
KEYED: Final = {"cases": "id"} | dict.fromkeys(
    ("contents", "audiences", "receipts", "cards", "buttons", "audit"), "request_id"
)
"""The tables that keep something of a decided request, and the column that says whose it is."""


def multiply(path: Path, request: str, count: int) -> None:
    """Copy all that one decided request left `count` times, with ids older than what is open.

    The service made the one; so the copies have whatever columns there are today. Their audit
    entries are not in the chain yet: `Store.seal` puts them there as it does any others.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA cache_size = -200000")
        file.execute("BEGIN")
        for table, key in KEYED.items():
            found = file.execute(f"SELECT * FROM {table} WHERE {key} = ?", (request,))
            names, models = [column[0] for column in found.description], found.fetchall()
            kept = [i for i, name in enumerate(names) if (table, name) != ("audit", "id")]
            sql = _insert(table, [names[i] for i in kept])
            copies = _copies(table, names, models, count)
            file.executemany(sql, ([row[i] for i in kept] for row in copies))
        events = ((f"slack:{_message(n)}:{n}:U1", 1_600_000_000_000 + n) for n in range(count))
        file.executemany(_insert("seen", ["key", "at"]), events)
        file.execute("COMMIT")


async def copy(path: Path, url: str) -> None:
    """All rows of a file into an empty PostgreSQL database, which is then left in order."""
    await (await Store.connect(url)).close()
    server = await asyncpg.connect(url)
    await server.execute("DELETE FROM meta")  # what the tables' version notes is copied, too
    with closing(sqlite3.connect(path)) as file:
        for table in metadata.sorted_tables:
            names = [column.name for column in table.columns]
            found = file.execute(f"SELECT {', '.join(names)} FROM {table.name}")
            while some := found.fetchmany(AT_ONCE):
                await server.copy_records_to_table(table.name, records=some, columns=names)
    for numbered in ("audit", "outbox"):
        await server.execute(
            f"SELECT setval(pg_get_serial_sequence('{numbered}', 'id'), "
            f"(SELECT coalesce(max(id), 0) + 1 FROM {numbered}))"
        )
    await server.execute("VACUUM (ANALYZE)")  # or autovacuum does it while we measure
    await server.close()


def _copies(
    table: str, names: Sequence[str], models: Sequence[Sequence[Any]], count: int
) -> Iterator[list[Any]]:
    for n in range(count):
        new: dict[str, Any] = {KEYED[table]: f"req_{n:026}"}
        if table == "cards":
            new.update(id=f"crd_{n:026}", message=_message(n))
        elif table == "buttons":
            new.update(card_id=f"crd_{n:026}")
        elif table == "audit":
            new.update(seq=None, commitment=None, link=None)
        for place, model in enumerate(models):
            if table == "buttons":  # looked for by hash: spread all over the index
                new["lookup"] = sha256(b"%d %d" % (n, place)).digest()[:16]
            yield [new.get(name, value) for name, value in zip(names, model, strict=True)]


def _message(n: int) -> str:
    return f"{1_600_000_000 + n}.000100"


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
