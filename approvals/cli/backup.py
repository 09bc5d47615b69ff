"""`countersign backup` and `restore`: an installation's SQLite database, copied and put back.

A backup is one moment of the database, taken while the service runs. People may have decided since,
so nothing that was open in it is decided by it: requests that waited are withdrawn, their cards are
drawn again, and nobody is signed in. The keys are not in it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import Any, BinaryIO, Final

from approvals import __version__, audit
from approvals.app import keys, serve
from approvals.app.exits import Exit, Stop
from approvals.app.host import clock, random
from approvals.cli import audit as chains
from approvals.config import Config
from approvals.evidence import ROOT, read_checkpoint, rfc3339
from approvals.model import Conflict, Kind, Refused, Requester, Status
from approvals.readings import Readings
from approvals.service import Service
from approvals.store import Store

FILE: Final = "countersign.db"
NOTE: Final = "backup.json"
_HEAD: Final = re.compile("[0-9]{1,18}:[0-9a-f]{64}")
_BESIDE: Final = ("-wal", "-shm")
"""End the names of the files that SQLite puts beside a database."""
REASON: Final = "The approval service was restored from a backup. Ask again."
_DUMP: Final = (
    "For PostgreSQL: pg_dump --format=custom, and pg_restore into an empty database; or "
    "your server's own backups; then `countersign restore --reconcile` (docs/keeping.md)."
)


_KEYS: Final = "Put the key folder of that time back first: it is not in a backup."


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A backup: where, how large in bytes, and the head of its audit chain."""

    folder: str
    size: int
    head: str


async def make(path: Path, folder: Path) -> Made:
    """Copy the database into a new folder. Raises `Stop` in words."""
    config = serve.configuration(path)
    _sqlite(config.database_url)
    _make(folder)
    async with serve.base(config, migrate=False) as on:
        await serve.note(on, audit.Kind.BACKUP_MADE, by=audit.COMMAND_LINE)
        while await on.store.seal(clock()):
            pass
        try:
            await asyncio.to_thread(_copy, _sqlite(config.database_url), folder / FILE)
        except FileExistsError:  # another backup began to write here meanwhile
            raise _full(folder) from None
        except (OSError, sqlite3.Error) as error:
            raise Stop(Exit.FAILED, f"Not copied to {folder}: {error}.") from error
    url = f"sqlite:///{folder / FILE}"
    store = await Store.connect(url, read_only=True)
    try:
        head, signed = await store.head(), await store.checkpoint()
    finally:
        await store.close()
    size = (folder / FILE).stat().st_size
    with (folder / FILE).open("rb") as copied:
        sha256 = file_digest(copied, "sha256").hexdigest()
    note = {"version": __version__, "at": rfc3339(clock()), "size": size, "sha256": sha256}
    note |= {"head": head, "checkpoint": signed}
    (folder / NOTE).write_text(json.dumps(note, indent=2) + "\n")
    _flush(folder / NOTE)
    return Made(folder=str(folder), size=size, head=head)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise _full(folder)
    except OSError as error:
        raise Stop(Exit.FAILED, f"{folder} cannot be made: {error.strerror}.") from error


def _full(folder: Path) -> Stop:
    return Stop(Exit.FAILED, f"{folder} is not empty.", cure="Name a new folder.")


def _sqlite(url: str) -> Path:
    if not url.startswith("sqlite:///"):
        raise Stop(Exit.FAILED, "This installation's database is not SQLite.", cure=_DUMP)
    return Path(url.removeprefix("sqlite:///"))


def _copy(source: Path, target: Path) -> None:
    # One step is one moment; in steps it would begin again with every commit of the service
    # (https://www.sqlite.org/backup.html). In WAL mode the service writes on meanwhile.
    target.touch(mode=0o600, exist_ok=False)
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as ours,
        closing(sqlite3.connect(target)) as copied,
    ):
        ours.backup(copied, pages=-1)
        copied.execute("PRAGMA journal_mode = DELETE")  # whole in one file
        if (said := copied.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {said}")
    _flush(target)


def _flush(file: Path) -> None:
    for path in (file, file.parent):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What putting a backup back would mean. `head`: of its chain. `newest`: the newest head that
    is known here and goes further, None: there is none. `used`: the file that is replaced."""

    at: str
    head: str
    newest: str | None
    used: Path | None


async def look(path: Path, folder: Path, checkpoints: Iterable[str]) -> Looked:
    """Check a backup: its file, and its chain against every signed head that is known. `Stop`."""
    config = serve.configuration(path)
    target = _sqlite(config.database_url)
    note = await asyncio.to_thread(_checked, folder)
    trusted = [keys.load(config.keys_dir).receipt.jwk()]
    given = [*checkpoints, *([note["checkpoint"]] if note["checkpoint"] else [])]
    points = [chains.genuine(signed, trusted, _KEYS) for signed in given]
    if target.exists() and (mine := await _newest(target)):
        with suppress(Refused):  # what is replaced may be damaged, or worse
            points.append(read_checkpoint(mine, trusted))
    seq = int(note["head"].partition(":")[0])
    newest = max(points, key=lambda point: point.seq, default=None)
    known = [note["head"], *(point.head for point in points if point.seq <= seq)]
    copy = chains.copy(f"sqlite:///{folder / FILE}", trusted)
    report = await chains.verify(copy, after=ROOT, heads=known)
    if report.bad is not None:
        raise Stop(Exit.UNVERIFIED, f"✗ Row {report.bad} of the backup's chain: {report.why}")
    return Looked(
        at=note["at"],
        head=note["head"],
        newest=newest.head if newest and newest.seq > seq else None,
        used=target if target.exists() else None,
    )


def _checked(folder: Path) -> Mapping[str, Any]:
    try:
        note: Mapping[str, Any] = json.loads((folder / NOTE).read_text())
        with (folder / FILE).open("rb") as file:
            sha256 = file_digest(file, "sha256").hexdigest()
        if note["sha256"] != sha256:
            raise Stop(Exit.UNVERIFIED, f"✗ {folder / FILE} is not the file that was written.")
        said = {name: note[name] for name in ("at", "head", "checkpoint")}
        if not isinstance(said["at"], str) or not isinstance(said["checkpoint"], str | None):
            raise TypeError
        if not _HEAD.fullmatch(said["head"]):
            raise ValueError
        return said
    except OSError as error:
        raise Stop(Exit.FAILED, f"{folder} is no backup: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Stop(Exit.FAILED, f"{folder / NOTE} cannot be read.") from error


async def _newest(file: Path) -> str | None:
    """The newest checkpoint of the database that is replaced, if it can be read at all."""
    try:
        store = await Store.connect(f"sqlite:///{file}", read_only=True)
    except Exception:  # it may be anything: that is why a backup is put back
        return None
    try:
        return await store.checkpoint()
    except Exception:
        return None
    finally:
        await store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A backup that was put back. `withdrawn`: requests that waited in it. `kept`: where the file
    that was replaced is now."""

    head: str
    withdrawn: int
    kept: str | None


async def restore(path: Path, folder: Path, looked: Looked) -> Restored:
    """Reconcile what is open in it, then put it in the place of the database. Raises `Stop`.

    Whenever this is cut off, the database is the old one or the new one, and nothing that was open
    in the backup can be decided.
    """
    config = serve.configuration(path)
    target = _sqlite(config.database_url)
    fresh = target.with_name(f"{target.name}.new")
    try:
        await asyncio.to_thread(_unused, target)
        with _alone(fresh) as file:
            await asyncio.to_thread(_copy_into, folder / FILE, file)
            beside = replace(config, database_url=f"sqlite:///{fresh}")
            done = await _reconcile(beside, newest=looked.newest)
            await asyncio.to_thread(_unused, fresh)
            kept = await asyncio.to_thread(_replace, fresh, target)
    except sqlite3.OperationalError as error:
        raise Stop(
            Exit.FAILED, f"{target} is in use ({error}).", cure="Stop the service first."
        ) from error
    except OSError as error:
        raise Stop(Exit.FAILED, f"Not put back: {error}.") from error
    return replace(done, kept=str(kept) if kept else None)


async def reconcile(path: Path) -> Restored:
    """After a database was put back by its own tools: nothing that was open in it is decided, and
    nobody is signed in."""
    return await _reconcile(serve.configuration(path))


async def _reconcile(config: Config, *, newest: str | None = None) -> Restored:
    """`newest`: a head that is known and goes further."""
    async with serve.base(config) as on:
        head = await on.store.head()
        await on.store.sign_everybody_out()
        said = {"by": audit.COMMAND_LINE, "head": head, "newest": newest}
        await serve.note(on, audit.Kind.BACKUP_RESTORED, **said)
        return Restored(head=head, withdrawn=await _withdraw(on), kept=None)


@contextmanager
def _alone(fresh: Path) -> Iterator[BinaryIO]:
    """The file, empty and locked against other restores, without what an interrupted one left."""
    with os.fdopen(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Or one that just ended has put it in the place of the database.
            there = os.path.samestat(os.fstat(file.fileno()), fresh.stat())
        except (BlockingIOError, FileNotFoundError):
            there = False
        if not there:
            raise Stop(Exit.FAILED, "Another restore is at work.", cure="Wait until it has ended.")
        file.truncate()
        for more in _BESIDE:
            fresh.with_name(fresh.name + more).unlink(missing_ok=True)
        yield file


def _unused(database: Path) -> None:
    """Nobody has it open, and all of it is in one file. Raises `OperationalError` if not."""
    if not database.exists():
        return
    with closing(sqlite3.connect(database, timeout=1)) as old:
        try:
            # Only the last who has it open may: https://www.sqlite.org/wal.html#persistence
            old.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise


def _copy_into(source: Path, fresh: BinaryIO) -> None:
    with source.open("rb") as read:
        shutil.copyfileobj(read, fresh, 1 << 20)
    fresh.flush()


def _replace(fresh: Path, target: Path) -> Path | None:
    """Put the fresh database in place, and keep the old one beside it: its path, if there was one.

    The place is never empty: a service that starts there would begin an empty database."""
    kept = None
    _unused(target)
    _flush(fresh)
    if target.exists():
        kept = target.with_name(f"{target.name}.before-{clock()}")
        try:
            kept.hardlink_to(target)
        except OSError:  # a file system without hard links
            target.rename(kept)
        for more in _BESIDE:  # of a file that was damaged
            with suppress(FileNotFoundError):
                target.with_name(target.name + more).rename(kept.with_name(kept.name + more))
    fresh.replace(target)
    _flush(target)
    return kept


async def _withdraw(on: serve.Base) -> int:
    """Close what waits: a person may have declined it after the backup was made."""
    made = await serve.plan(on)
    readings = Readings()
    service = Service(
        on.store, made.trust, key=made.key, issuer=made.issuer, clock=clock, random=random,
        readings=readings,
    )  # fmt: skip
    service.head = await on.store.head()
    running = asyncio.create_task(service.run())
    many, last = 0, None
    try:
        while waiting := await on.store.page(status=Status.PENDING, before=last):
            last = waiting[-1].id
            for case in waiting:
                by = Requester(case.requester, Kind.GATEWAY)
                with suppress(Conflict):  # it has just expired
                    await service.withdraw(by, case.id, REASON)
                many += 1
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await readings.close()
        for channel in made.channels.values():
            await channel.close()
    return many
