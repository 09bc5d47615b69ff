# ruff: noqa: PLC0415 - Alembic costs memory that tables which are up to date never need
"""Brings the tables up to date, under a lock, so that copies may start at the same time.

Expand, then contract: while an upgrade rolls out, copies of the version before it go on with the
newer tables, and may be started again or gone back to. So a migration only adds: tables, indexes
that are not unique, columns that may be absent or have a default. Unused columns and tables are
dropped one release later, when no running copy names them. The rule is in docs/operations.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from approvals.model import Refused

HEAD: Final = "0007"
"""The newest migration. Said here, so that tables that are up to date cost no import of Alembic."""

FITS: Final = "0004"
"""The oldest version, by its `HEAD`, that runs beside the tables of this one. It is noted in the
database, because that version knows nothing of this one. A migration that takes something away
raises it, at most to the `HEAD` of the last release."""
FITS_KEY: Final = "fits"
"""Where that stands in the table `meta`."""

_LOCK: Final = 0x636F756E01
"""Of PostgreSQL's advisory locks; a number that nobody else uses there."""


def upgrade_sqlite(path: str) -> None:
    """The whole file is the lock, and SQLite's DDL is part of the transaction."""
    url = sa.URL.create("sqlite", database=path)
    engine = sa.create_engine(url, connect_args={"timeout": 30, "isolation_level": None})
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            _upgrade(connection)
    finally:
        engine.dispose()


async def upgrade_postgresql(url: str) -> None:
    """Whoever comes second waits, and finds nothing to do."""
    import asyncpg
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url, timeout=30)
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        # The tables are from a newer version, most likely.
        raise Refused(f"the database cannot be brought to revision {HEAD}: {error}") from error
    note = "INSERT INTO meta (key, value) VALUES (:key, :fits) "
    note += "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    connection.execute(sa.text(note), {"key": FITS_KEY, "fits": FITS})
