"""The gateway's own record: a chain of what it asked, released, sent and refused (law 21).

The rows are those of the service's export (`evidence.export_line`), so one verifier reads both. The
laws:

1. A row holds the hash of the row before it, also across files: the first row of a file names the
   head below it, so files verify alone and together.
2. One process writes. A second one on the same folder is refused.
3. After `kill -9` the last line may be torn: it is cut off, and a row says how many bytes were.
   Damage anywhere else stops the start.
4. Where a row cannot be written `note` says so, and nothing that needs the row may go on.

Who can write the files can make the chain again from its first row. So its head goes to another
place now and then, the log, and `audit verify --head` takes it from there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import Any, Final

import structlog

from approvals import audit
from approvals.audit import RecordKind
from approvals.evidence import (
    GENESIS,
    ChainReport,
    Checkpoint,
    commitment,
    export_line,
    link,
    read_json,
    verify_chain,
)
from approvals.model import MINUTE, SECOND, Duration, Instant, Refused

LOG: Final = "audit.jsonl"
OLDER: Final = "audit-*.jsonl"
"""Files that are full, each named after its first row."""
OURS: Final = "gateway:"
"""Stands before our name at the service where rows say whose they are."""
TOLD: Final = 60 * MINUTE
"""After so long the log has the head again."""
_LOCK: Final = "audit.lock"
_TAIL: Final = 1024 * 1024
"""Bytes from the end of a file that are looked at when it is opened: more than any two rows."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a new file is begun. `bytes`: of one file; `age`: of its first row."""

    bytes: int = 64 * 1024 * 1024
    age: Duration = 7 * 24 * 60 * MINUTE


class Record:
    """The open record of a folder."""

    def __init__(
        self, folder: Path, *, org: str, clock: Callable[[], Instant],
        random: Callable[[int], bytes], limits: Limits,
    ) -> None:  # fmt: skip
        """`org`: whose rows these are. `Refused`: see the laws."""
        self._folder, self._org, self._limits = folder, org, limits
        self._clock, self._random = clock, random
        self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Refused(f"another gateway is running on {folder}: stop it first") from None
        self._file, self.sound = -1, True
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @property
    def head(self) -> str:
        """ "seq:hash" of the last row."""
        return Checkpoint(self._seq, self._link, 0).head

    def note(
        self, kind: RecordKind, content: Mapping[str, Any], request: str | None = None
    ) -> bool:
        """Add a row. False: it is not there, and the log says why."""
        now = self._clock()
        try:
            full = self._size >= self._limits.bytes or now - self._begun >= self._limits.age
            if full and self._rows:
                self._rotate(now)
            self._write(kind, content, request, now)
        except OSError as error:
            if self.sound:
                structlog.get_logger().error("record_not_written", why=error.strerror, next=_NEXT)
            self.sound = False
            return False
        self.sound = True
        if now - self._told >= TOLD:
            self._tell(now)
        return True

    def writable(self) -> bool:
        """Can rows be written? Tried again where the last one could not."""
        return self.sound or self.note(RecordKind.RESUMED, {})

    def close(self) -> None:
        if self._file >= 0:
            self._tell(self._clock())
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1
        if self._lock >= 0:
            os.close(self._lock)  # and with it the lock
            self._lock = -1

    def _open(self) -> None:
        path, now = self._folder / LOG, self._clock()
        older = sorted(self._folder.glob(OLDER))
        self._seq, self._link = _last(older[-1])[:2] if older else (0, GENESIS)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size
        self._begun, self._told, self._rows = now, now, 0
        torn = b""
        if self._size:
            seq, linked, torn = _last(path)
            self._size -= len(torn)
            if torn:
                os.ftruncate(self._file, self._size)
        if self._size:
            self._seq, self._link, self._rows = seq, linked, 1
            self._begun = _begun(path)
        elif self._seq:
            self._continue(now)
        if torn:
            structlog.get_logger().warning("record_repaired", file=str(path), bytes=len(torn))
            what = {"bytes": len(torn), "sha256": sha256(torn).hexdigest()}
            self._write(RecordKind.REPAIRED, what, None, now)

    def _rotate(self, now: Instant) -> None:
        """Close this file and begin the next. After a crash in between, `_open` goes on from it."""
        path = self._folder / LOG
        with path.open() as lines:
            first = int(read_json(lines.readline())["seq"])
        path.rename(self._folder / OLDER.replace("*", f"{first:012d}"))
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        full, self._file = self._file, file
        Thread(target=_settled, args=(full,)).start()  # 64 MiB would hold the loop up
        self._size, self._rows, self._begun = 0, 0, now
        self._continue(now)
        self._tell(now)

    def _continue(self, now: Instant) -> None:
        self._write(RecordKind.CONTINUED, {"after": self.head}, None, now)
        self._rows = 0  # a file with nothing else in it is not closed

    def _write(
        self, kind: RecordKind, content: Mapping[str, Any], request: str | None, now: Instant
    ) -> None:
        entry = audit.entry(kind, now, self._random, request, self._org, **content)
        seq, committed = self._seq + 1, commitment(entry)
        linked = link(self._link, seq, entry, committed)
        line = export_line(seq, entry, committed, linked).encode() + b"\n"
        try:
            if os.write(self._file, line) < len(line):
                raise OSError(28, "No space left on device")
        except OSError:
            os.ftruncate(self._file, self._size)  # no half of a row
            raise
        self._seq, self._link = seq, linked
        self._size += len(line)
        self._rows += 1

    def _tell(self, now: Instant) -> None:
        """The head, in another place than the rows."""
        self._told = now
        structlog.get_logger().info("record_head", head=self.head)


def _settled(file: int) -> None:
    with contextlib.suppress(OSError):
        os.fsync(file)
    os.close(file)


_NEXT: Final = "free space on the disk of the gateway's folder; until then nothing passes"


def _last(path: Path) -> tuple[int, bytes, bytes]:
    """Number and link of the last whole row, and the bytes after it; (0, GENESIS, the whole file)
    where there is no whole row. `Refused`: it is damaged."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    whole, end, torn = tail.rpartition(b"\n")
    if not end and size > _TAIL:
        raise Refused(f"{path} is damaged. Move it away to begin a new record")
    if not end:
        return 0, GENESIS, torn
    lines = whole.decode(errors="replace").split("\n")[-2:]
    try:
        rows = [read_json(line) for line in lines]
        one = len(rows) == 1
        after = _after(rows[0]) if one else f"{rows[0]['seq']}:{rows[0]['link']}"
        report = verify_chain(lines[-1:], after=after)
    except (ValueError, KeyError, TypeError, AttributeError):
        why = "is no record of this version, or damaged"
        raise Refused(f"{path} {why}. Move it away to begin a new record") from None
    if report.bad is not None:
        why = f"row {report.bad} of {path} is damaged: {report.why}"
        raise Refused(f"{why}. Move it away to begin a new record")
    seq, _, linked = report.head.partition(":")
    return int(seq), bytes.fromhex(linked), torn


def _begun(path: Path) -> Instant:
    with path.open() as lines:
        at = read_json(lines.readline())["at"]
    return int(datetime.fromisoformat(at).timestamp() * SECOND)


def _after(row: Mapping[str, Any]) -> str:
    """The head below the first row of a file. `ValueError`: it names none."""
    if row["seq"] == 1:
        return f"0:{GENESIS.hex()}"
    if row["kind"] != RecordKind.CONTINUED:
        raise ValueError(f"it begins with row {row['seq']}, and rows before it are missing")
    after = str(read_json(row["content"])["after"])
    if re.fullmatch(r"[0-9]{1,15}:[0-9a-f]{64}", after) is None:
        raise ValueError("it does not name the head below it")
    return after


def files(path: Path) -> list[Path]:
    """The files of a record, oldest first. `path`: a gateway's folder, or one file."""
    if not path.is_dir():
        return [path]
    newest = [path / LOG] if (path / LOG).exists() else []
    return [*sorted(path.glob(OLDER)), *newest]


def verify(lines: Iterator[str], *, heads: Iterable[str] = ()) -> ChainReport:
    """Like `verify_chain`, for rows that may begin where an older file ends.

    The first row then names the head below it, and its own link binds that. Older files are checked
    against it when they are read together with it.
    """
    first = next(lines, "")
    try:
        row = read_json(first)
        after = _after(row) if isinstance(row, dict) else f"0:{GENESIS.hex()}"
    except (ValueError, KeyError, TypeError, AttributeError):
        after = f"0:{GENESIS.hex()}"  # and the verifier says what is wrong with it
    below = int(after.partition(":")[0])
    heads = list(heads)
    for head in heads:
        number = head.partition(":")[0]
        if number.isdigit() and 0 < int(number) < below:
            why = f"row {number} is known, and stands in a file that was not given"
            return ChainReport(after, 0, 0, int(number), why)
    if below and any(head.startswith(f"{below}:") and head != after for head in heads):
        why = "its link is not the one that a known head names"
        return ChainReport(after, 0, 0, below, why)
    return verify_chain(chain([first] if first else [], lines), heads=heads, after=after)


def rows(path: Path) -> Iterator[str]:
    """The lines of a record's file, or of all files in a gateway's folder. `OSError`.

    A gateway may be writing there: a last line that is not whole yet is left out, and a file that
    it closes meanwhile is neither lost nor read twice.
    """
    if not path.is_dir():
        with path.open(**_TEXT) as file:
            yield from file
        return
    with contextlib.ExitStack() as opened:
        newest, known = None, None
        with contextlib.suppress(FileNotFoundError):  # it is just being renamed
            newest = opened.enter_context((path / LOG).open(**_TEXT))
            known = os.fstat(newest.fileno()).st_ino
        for older in sorted(path.glob(OLDER)):
            if older.stat().st_ino != known:
                with older.open(**_TEXT) as file:
                    yield from file
        if newest is not None:
            yield from (line for line in newest if line.endswith("\n"))


_TEXT: Final[dict[str, Any]] = {"encoding": "utf-8", "errors": "replace", "newline": "\n"}
