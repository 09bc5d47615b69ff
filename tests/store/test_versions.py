"""An older copy beside tables that a newer one made: expand first, contract one release later."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from approvals.store import Job, Result, Store, Unready, metadata, schema
from tests.harness.stored import a_case, opening, voting


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes `Store.connect` that of a version with one more migration, which adds; `fits` is what
    it notes. With "" it is this version again."""
    ours = Path(schema.__file__).parents[1] / "migrations"
    theirs = tmp_path / "approvals" / "migrations"
    shutil.copytree(ours, theirs)
    (theirs / "versions" / "9999_next.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f"revision = '9999'\ndown_revision = '{schema.HEAD}'\n"
        "def upgrade() -> None:\n"
        "    op.create_table('novel', sa.Column('id', sa.Text(), primary_key=True))\n"
        "    op.add_column('cases', sa.Column('novel', sa.Text(), nullable=True))\n"
        "    op.add_column('outbox', sa.Column('novel', sa.Text(), server_default='x'))\n"
    )
    real = schema.__file__, schema.HEAD, schema.FITS

    def become(fits: str) -> None:
        newer = (str(tmp_path / "approvals" / "store" / "schema.py"), "9999", fits)
        for name, value in zip(("__file__", "HEAD", "FITS"), newer if fits else real, strict=True):
            monkeypatch.setattr(schema, name, value)

    return become


async def test_an_older_copy_goes_on_and_starts_beside_tables_that_are_one_step_newer(
    database: str, next_version: Callable[[str], None]
) -> None:
    runs = await Store.connect(database)
    case = a_case("req_1")
    assert await runs.commit([opening(case)]) == [Result.WON]
    ours = runs.revision
    next_version(ours)
    newer = await Store.connect(database)
    assert newer.revision == "9999"
    next_version("")
    starts = await Store.connect(database)
    without = await Store.connect(database, migrate=False)
    assert starts.revision == without.revision == "9999" > ours
    for place, copy in enumerate((runs, newer, starts, without)):
        name, now = f"req_new_{place}", (await copy.cases(["req_1"]))["req_1"]
        job = Job("post", name, "slack", 0, "{}")
        made = replace(opening(a_case(name)), effects=(job,))
        voted = voting(now, f"person {place}", f"event {place}")
        assert await copy.commit([made, voted]) == [Result.WON, Result.WON]
        assert await copy.cases([name]) == {name: made.case}
        (claimed,) = await copy.claim("slack", worker="w", now=1, lease=99, limit=9)
        await copy.done([claimed])
        assert claimed.request_id == name
    assert len((await runs.cases(["req_1"]))["req_1"].votes) == 4
    for copy in (runs, newer, starts, without):
        await copy.close()


async def test_an_older_copy_refuses_tables_that_no_longer_fit_it(
    database: str, next_version: Callable[[str], None]
) -> None:
    ours = schema.HEAD
    next_version("9999")
    await (await Store.connect(database)).close()
    next_version("")
    for migrate in (True, False):
        with pytest.raises(Unready, match=f"revision 9999 and this version needs {ours}"):
            await Store.connect(database, migrate=migrate)


async def test_migrations_since_the_oldest_version_that_fits_only_add(
    blank: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that version reads and writes is still there, and takes rows without what is new."""
    with monkeypatch.context() as before:
        before.setattr(schema, "HEAD", schema.FITS)
        await (await Store.connect(blank)).close()
    old = await _reflected(blank)
    store = await Store.connect(blank)
    assert await store.meta(schema.FITS_KEY) == schema.FITS <= schema.HEAD
    await store.close()
    assert list(_taken_away(old, await _reflected(blank))) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda made: made.remove(made.tables["seen"]), "seen is gone"),
        (lambda made: _column(made, "at", None), "seen.at is gone"),
        (lambda made: _column(made, "at", sa.Column("at", sa.Text)), "seen.at is another"),
        (lambda made: _column(made, "n", sa.Column("n", sa.Text, nullable=False)), "seen.n must"),
        (
            lambda made: sa.Index("one", made.tables["seen"].c.at, unique=True),
            "seen: another must be unique",
        ),
    ],
)
def test_a_migration_that_takes_away_is_noticed(
    change: Callable[[sa.MetaData], None], fault: str
) -> None:
    old, new = sa.MetaData(), sa.MetaData()
    for made in (old, new):
        metadata.tables["seen"].to_metadata(made)
    assert list(_taken_away(old, new)) == []
    change(new)
    assert [one[: len(fault)] for one in _taken_away(old, new)] == [fault]


def _column(made: sa.MetaData, name: str, column: sa.Column[Any] | None) -> None:
    old = made.tables["seen"]
    kept = [sa.Column(c.name, c.type, primary_key=c.primary_key) for c in old.c if c.name != name]
    made.remove(old)
    sa.Table("seen", made, *kept, *([] if column is None else [column]))


async def _reflected(url: str) -> sa.MetaData:
    """The tables as the database says that they are."""
    found = sa.MetaData()
    if url.startswith("sqlite"):
        engine = sa.create_engine(url)
        found.reflect(engine)
        engine.dispose()
    else:
        remote = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url)
        )
        async with remote.connect() as connection:
            await connection.run_sync(found.reflect)
        await remote.dispose()
    return found


def _taken_away(old: sa.MetaData, new: sa.MetaData) -> Iterator[str]:
    """What a copy that knows the old tables would miss in the new ones."""
    for name, table in old.tables.items():
        now = new.tables.get(name)
        if now is None:
            yield f"{name} is gone"
            continue
        for column in table.c:
            if column.name not in now.c:
                yield f"{name}.{column.name} is gone"
            elif str(now.c[column.name].type) != str(column.type):
                yield f"{name}.{column.name} is another type"
        for column in now.c:
            was = table.c.get(column.name)
            demands = not column.nullable and column.server_default is None
            if demands and column.autoincrement is not True and (was is None or was.nullable):
                yield f"{name}.{column.name} must be given"
        if len(_unique(now)) > len(_unique(table)):
            yield f"{name}: another must be unique"


def _unique(table: sa.Table) -> set[frozenset[str]]:
    found = {frozenset(i.columns.keys()) for i in table.indexes if i.unique}
    kinds = (sa.UniqueConstraint, sa.PrimaryKeyConstraint)
    return found | {frozenset(c.columns.keys()) for c in table.constraints if isinstance(c, kinds)}
