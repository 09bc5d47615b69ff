"""Opens an installation's database, or explains why it cannot be opened and what to do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError

from approvals.app.exits import Exit, Stop
from approvals.model import Busy, Refused
from approvals.port import reason
from approvals.store import Store, Unready

PATIENCE: Final = 45.0
"""Seconds that a database has to answer; its own drivers give up before."""
_STATES: Final = {
    "28000": ("it does not let this user in", "look at database.url, and at pg_hba.conf there"),
    "28P01": ("it refuses the user name or the password", "correct database.url"),
    "3D000": (
        "it has no database of that name",
        "make it with `createdb`, or correct the URL",
    ),
    "42501": ("its user may not make or read our tables", "grant it CREATE on the schema"),
    "53300": ("it has no connection left", "raise max_connections there, or end others"),
    "57P03": ("it is starting up or shutting down", "try again in a moment"),
}
"""What PostgreSQL says by SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_POOLED: Final = ("26000", "42P05")
"""A prepared statement is missing, or there already: another server process answered."""
_POOLER: Final = (
    "Let database.url lead to PostgreSQL itself; "
    "docs/operations.md#pgbouncer says what a pooler in session mode needs."
)


async def connect(url: str, *, migrate: bool, read_only: bool = False) -> Store:
    """The open store. Raises `Stop`: its message says what is wrong, its `cure` what to do."""
    file = url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else None
    if file is not None and not migrate and not os.path.exists(file):  # noqa: PTH110, ASYNC240 - one look
        raise Stop(Exit.CONFIG, f"There is no database yet: no file {file}.", cure=_START)
    try:
        async with asyncio.timeout(PATIENCE):
            return await Store.connect(url, migrate=migrate, read_only=read_only)
    except Unready as error:
        raise Stop(Exit.CONFIG, *_unready(error, migrate=migrate)) from error
    except Exception as error:
        code, why, cure = _explained(error, url, file)
        raise Stop(code, why, cure=cure) from error


def look(url: str) -> tuple[str, str] | None:
    """What is wrong with the file, as far as its first bytes show, and what to do."""
    if not url.startswith("sqlite:///"):
        return None
    file = Path(url.removeprefix("sqlite:///"))
    with contextlib.suppress(OSError):
        if file.is_dir():
            return f"{file} is a folder, not a database", "name a file in it"
        if not file.parent.exists():
            return f"there is no folder {file.parent}", "make it, or name another file"
        with file.open("rb") as opened:
            head = opened.read(16)
        if head and head != b"SQLite format 3\0":  # https://www.sqlite.org/fileformat.html
            return f"{file} is not a database (or it is encrypted)", "name another file"
    return None


_START: Final = "Start the service once: `countersign serve` makes it."


def _unready(error: Unready, *, migrate: bool) -> tuple[str, str]:
    if error.revision is None:
        return "The database has no Countersign tables yet.", (
            "Start the service once, without --no-migrate: it makes them."
        )
    if migrate:  # and that was tried
        return (
            f"The database's tables are of a version that this one does not know "
            f"({error.revision}; this is {error.wanted}).",
            "Install the version of Countersign that last used it, or a newer one.",
        )
    return (
        f"The database's tables are of another version ({error.revision}; this is {error.wanted}).",
        "Start the service once, without --no-migrate: it brings them up to date.",
    )


def _explained(error: Exception, url: str, file: str | None) -> tuple[Exit, str, str]:
    """Exit code, what is wrong, what to do."""
    cause: BaseException = error
    while isinstance(cause, Busy | DBAPIError):
        inner = cause.orig if isinstance(cause, DBAPIError) else cause.__cause__
        if inner is None:
            break
        cause = inner
    if file is not None:
        return _sqlite(cause, file)
    where = f"PostgreSQL at {_place(url)}"
    state = getattr(cause, "sqlstate", None)
    if state in _STATES:
        why, cure = _STATES[state]
        return Exit.UNREACHABLE, f"{where}: {why}.", f"{cure[:1].upper()}{cure[1:]}."
    if isinstance(cause, Refused) or state in _POOLED or "startup parameter" in str(cause):
        why = f"{where} is behind a pooler that cannot be used so: {_line(cause)}"
        return Exit.CONFIG, why, _POOLER
    if isinstance(cause, OSError):  # a TimeoutError is one too
        why = f"{where} does not answer: {reason(cause)}."
        return Exit.UNREACHABLE, why, "Is it running, and is database.url right?"
    if isinstance(cause, ValueError):
        return Exit.CONFIG, "database.url cannot be read.", "Like postgresql://user@host/database."
    why = f"{where} cannot be used: {_line(cause)}"
    return Exit.UNREACHABLE, why, "Its own log says more."


def _sqlite(cause: BaseException, file: str) -> tuple[Exit, str, str]:
    name, folder = Path(file), Path(file).parent
    other = "or let database.url name another file"
    if name.is_dir():
        return Exit.CONFIG, f"{file} is a folder, not a database.", "Correct database.url."
    if not folder.exists():
        return Exit.UNREACHABLE, f"There is no folder {folder}.", f"Make it, {other}."
    if isinstance(cause, PermissionError) or "readonly" in str(cause):
        why = f"{file} cannot be written by this user."
        return Exit.UNREACHABLE, why, f"Run it as the user that owns the file, {other}."
    if isinstance(cause, sqlite3.DatabaseError) and "not a database" in str(cause):
        why = f"{file} is not a database (or it is encrypted)."
        return Exit.UNREACHABLE, why, f"Restore it from a backup, move it away, {other}."
    if isinstance(cause, sqlite3.DatabaseError) and "malformed" in str(cause):
        return Exit.UNREACHABLE, f"{file} is damaged.", f"Restore it from a backup, {other}."
    if "locked" in str(cause):
        why = f"{file} is held by another process."
        return Exit.UNREACHABLE, why, "Is a backup or another service running on it?"
    if "already exists" in str(cause):
        why = f"{file} has tables of another program."
        return Exit.CONFIG, why, "Let database.url name another file."
    if isinstance(cause, Refused | ValueError):
        return Exit.CONFIG, f"{_line(cause)}", "Correct database.url."
    return Exit.UNREACHABLE, f"{file} cannot be opened: {_line(cause)}", "Look at the disk."


def _line(error: BaseException) -> str:
    """The first line of the driver's own words."""
    words = str(getattr(error, "strerror", None) or error).partition("\n")[0].strip().rstrip(".")
    return f"{words or 'no reason given'}."


def _place(url: str) -> str:
    """Host and port of its URL, without user and password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "this machine", parts.port
    except ValueError:
        return "the address in database.url"
    return f"{host}:{port}" if port else host
