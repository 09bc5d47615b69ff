"""The store as a whole: what is kept of every subject, over one driver."""

from __future__ import annotations

from typing import Any, Final, Self

import sqlalchemy as sa

from approvals.model import Instant, Refused
from approvals.store import schema
from approvals.store.audit import AuditStore
from approvals.store.cards import CardStore
from approvals.store.cases import CaseDriver
from approvals.store.channels import ChannelStore
from approvals.store.counts import CountStore
from approvals.store.driver import PATIENCE, Driver, Heard
from approvals.store.ended import Ended
from approvals.store.grants import GrantStore
from approvals.store.lists import ListStore
from approvals.store.meta import MetaStore, select_meta
from approvals.store.outbox import OutboxStore
from approvals.store.people import PeopleStore
from approvals.store.requests import RequestStore
from approvals.store.retention import RetentionStore
from approvals.store.statements import Dialect, Script, Statement, one


class Unready(Refused):
    """The tables are not those of this version: `revision` is theirs (None: there are none),
    `wanted` is ours."""

    def __init__(self, revision: str | None, wanted: str) -> None:
        super().__init__(
            f"the database is at revision {revision or 'none'} and this version needs {wanted}"
        )
        self.revision = revision
        self.wanted = wanted


class Store(
    ListStore,
    RequestStore,
    CardStore,
    OutboxStore,
    AuditStore,
    PeopleStore,
    GrantStore,
    ChannelStore,
    MetaStore,
    CountStore,
    RetentionStore,
):
    """All that is kept. Every method raises `Busy` when the database is away, locked, read-only or
    full, and `ValueError` for a value that no database can hold, like a NUL in a text.

    One instance a process, made and used on one event loop; methods may run at the same time. What
    it saw end stays ended for it, whatever is written back (`ended`).
    """

    def __init__(self, driver: CaseDriver, revision: str) -> None:
        self._db = driver
        self.revision: Final = revision
        """The newest migration of the tables; a newer one than ours where a newer copy was here."""
        self._ended = Ended()

    @classmethod
    async def connect(cls, url: str, *, migrate: bool = True, read_only: bool = False) -> Self:
        """Open `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/db`.

        Brings the tables up to date first; raises `Unready` where that is not wanted (`migrate`
        False, `read_only`) or cannot be done. Tables that a newer version made are used as they
        are, if it noted that this one fits. `Refused`: a pooler keeps back what we need.
        `ValueError` for any other URL: a database in memory would forget. `read_only`: nothing is
        written, so a copy on a read-only disk, or a standby, will do.
        """
        migrate = migrate and not read_only
        driver: CaseDriver
        if url.startswith(("postgresql://", "postgres://")):
            # Each driver is imported where it is wanted: the other one's memory is saved.
            from approvals.store.postgresql import Postgresql  # noqa: PLC0415 - see above

            driver = await Postgresql.connect(url, read_only=read_only)
        else:
            path = url.removeprefix("sqlite:///")
            if path in (url, "", ":memory:"):
                raise ValueError("database.url: sqlite:///file.db or postgresql://user@host/db")
            from approvals.store.sqlite import Sqlite  # noqa: PLC0415 - see above

            driver = Sqlite(path, read_only=read_only)
        try:
            if not read_only:  # a standby takes no LISTEN
                await driver.check()
            found = await driver.read(_revision())
            newer = found is not None and found > schema.HEAD and await _fits(driver)
            # What is only read has been the same since the first version.
            as_it_is = newer or read_only
            revision = found if found is not None and as_it_is else schema.HEAD
            if found != revision:
                if not migrate:
                    raise Unready(found, schema.HEAD)
                try:
                    await driver.upgrade()
                except Refused as error:
                    raise Unready(found, schema.HEAD) from error
        except BaseException:
            await driver.close()
            raise
        return cls(driver, revision)

    @property
    def writers(self) -> int:
        """How many commits may usefully be under way at once."""
        return self._db.writers

    async def close(self) -> None:
        """Finish what is under way and give the connections back."""
        await self._db.close()

    async def ping(self, *, within: float = PATIENCE) -> None:
        """Return if the database answers within so many seconds."""
        await self._db.read(one(select_meta, {"key_": ""}), within=within)

    async def time(self) -> Instant:
        """What time it is where the database is."""
        return int((await self._read(_select_time))[0][0])

    def listen(self, heard: Heard) -> None:
        """Call `heard` with the ids of requests that moved, after each commit, here or in a copy.

        On the event loop; it must not raise. None: notices were lost, so any may have moved.
        """
        self._db.listen(heard)


async def _fits(driver: Driver) -> bool:
    """Did the newer version that made these tables leave to this one what it needs?"""
    noted = await driver.read(one(select_meta, {"key_": schema.FITS_KEY}))
    return bool(noted) and noted[0][0] <= schema.HEAD


def _select_time(d: Dialect) -> Any:
    if d.postgresql:
        return sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    return sa.text("SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)")


# The revision of the tables


def _select_table(d: Dialect) -> Any:
    # Asking a table that is not there would fail, and end the transaction on PostgreSQL.
    if d.postgresql:
        return sa.text("SELECT to_regclass('alembic_version')::text")
    return sa.text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")


_select_revision: Final[Statement] = sa.select(sa.column("version_num")).select_from(
    sa.table("alembic_version")
)


def _revision() -> Script[str | None]:
    """What Alembic noted; None: nothing yet."""
    known = yield _select_table, {}
    if not known or known[0][0] is None:
        return None
    found = yield _select_revision, {}
    return str(found[0][0]) if found else None
