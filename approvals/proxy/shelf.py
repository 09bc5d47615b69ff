"""What a gateway holds, on disk: encrypted, so that a copy of the folder shows no agent's request.

Law: what was put here before the service was asked is here after a crash of the process. A loss of
power may lose it; then nothing is sent, and the service says that nobody collected the verdict.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from approvals.model import Refused
from approvals.proxy.ca import guarded, private

T = TypeVar("T")
FILE: Final = "held.db"
BODIES: Final = "held"
KEY: Final = "held.key"


class Shelf:
    """Small records in a database, bodies as files beside it. Methods wait for the disk aside."""

    def __init__(self, folder: Path) -> None:
        if not (folder / KEY).exists():
            private(folder / KEY, os.urandom(32))
        key = guarded(folder / KEY)
        if len(key) != 32:
            raise Refused(f"{folder / KEY} is not 32 bytes")
        self._cipher, self._bodies = AESGCM(key), folder / BODIES
        self._bodies.mkdir(mode=0o700, exist_ok=True)
        self._database = sqlite3.connect(
            folder / FILE, isolation_level=None, check_same_thread=False
        )
        (folder / FILE).chmod(0o600)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")  # a crash of ours loses nothing
        self._database.execute("CREATE TABLE IF NOT EXISTS held (id TEXT PRIMARY KEY, sealed BLOB)")
        self._aside = ThreadPoolExecutor(1, "countersign-held")

    def records(self) -> list[tuple[str, bytes]]:
        """(id, record) of all that is here. What cannot be read any more is dropped."""
        rows = self._database.execute("SELECT id, sealed FROM held ORDER BY rowid").fetchall()
        found = []
        for id_, sealed in rows:
            try:
                found.append((id_, self._open(sealed, f"record {id_}")))
            except (InvalidTag, ValueError):
                self._drop(id_)
        known = {id_ for id_, _ in found}
        for file in self._bodies.iterdir():
            if file.name not in known:
                file.unlink()
        return found

    async def put(self, id_: str, record: bytes, body: bytes | None = None) -> None:
        """Keep it, or another record of this id. `body`: kept apart. `OSError`, `sqlite3.Error`."""

        def write() -> None:
            if body is not None:
                handle = os.open(self._bodies / id_, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(self._seal(body, f"body {id_}"))
            row = (id_, self._seal(record, f"record {id_}"))
            query = (
                "INSERT INTO held VALUES (?, ?) ON CONFLICT DO UPDATE SET sealed = excluded.sealed"
            )
            self._database.execute(query, row)

        await self._do(write)

    async def body(self, id_: str) -> bytes:
        """A body. `OSError`, `InvalidTag`: it is not there, or not as it was put."""
        return await self._do(lambda: self._open((self._bodies / id_).read_bytes(), f"body {id_}"))

    async def drop(self, id_: str) -> None:
        await self._do(lambda: self._drop(id_))

    def _drop(self, id_: str) -> None:
        self._database.execute("DELETE FROM held WHERE id = ?", (id_,))
        with contextlib.suppress(FileNotFoundError):
            (self._bodies / id_).unlink()

    def _seal(self, raw: bytes, what: str) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, raw, what.encode())

    def _open(self, sealed: bytes, what: str) -> bytes:
        return self._cipher.decrypt(sealed[:12], sealed[12:], what.encode())

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)

    def close(self) -> None:
        self._aside.shutdown()
        self._database.close()
