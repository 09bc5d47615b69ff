"""Which approvals were used: each releases one run, whatever is restarted or replayed.

One small file an approval, made with O_EXCL, so that two processes that hold the same receipt
cannot both win. What is noted is on disk before anything runs. This holds on one machine (or one
shared folder); on another one, the outcome that was reported to the service is what refuses.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from countersign_client import settings
from countersign_client.errors import AlreadyUsed, Misconfigured

KEPT: Final = 24 * 3600
"""Seconds for which an expired receipt is remembered; by then it releases nothing anyway."""
EVERY: Final = 3600
"""Seconds between two looks for what can be forgotten: each reads all that is there."""


class Store(Protocol):
    """`note` returns once it is durable that this request was released, and raises `AlreadyUsed`
    where it was before."""

    def note(self, request_id: str, *, expires: int, now: float) -> None: ...


class Folder:
    """On disk, shared by all processes of one user."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, request_id: str, *, expires: int, now: float) -> None:
        name = sha256(request_id.encode()).hexdigest()[:40]
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._forget(now)
            try:
                made = os.open(self._path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                raise used(request_id) from None
            try:
                os.write(made, f"{expires}\n".encode())
                os.fsync(made)
            finally:
                os.close(made)
            if os.name == "posix":  # the name too, not only what is in the file
                folder = os.open(self._path, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except OSError as error:
            raise Misconfigured(
                f"The use of an approval cannot be noted in {self._path}: {error.strerror}.",
                "Make the folder writable, or set COUNTERSIGN_STATE to one that is.",
            ) from error

    def _forget(self, now: float) -> None:
        looked = self._path / "looked"
        try:
            if 0 <= now - int(looked.read_text()) < EVERY:
                return
        except (OSError, ValueError):
            pass  # never, or another process is writing it
        looked.write_text(f"{int(now)}\n")
        for path in self._path.iterdir():
            try:
                if int(path.read_text()) + KEPT < now:
                    path.unlink(missing_ok=True)
            except (OSError, ValueError):
                continue  # another process is writing or removing it; a strange file stays


class Memory:
    """For as long as this process runs: where a request is asked and used in one go."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def note(self, request_id: str, *, expires: int, now: float) -> None:
        if request_id in self._used:
            raise used(request_id)
        self._used.add(request_id)


def used(request_id: str) -> AlreadyUsed:
    return AlreadyUsed(
        f"The approval {request_id} was used before: it is for one run.",
        "Ask again; where you give a key, give a new one for a new run.",
    )


def folder(environ: Mapping[str, str]) -> Path:
    """What this package keeps: `COUNTERSIGN_STATE`, or a folder in the user's state folder."""
    if given := environ.get("COUNTERSIGN_STATE"):
        return Path(given)
    state = environ.get("XDG_STATE_HOME")
    where = Path(state) if state else settings.home() / ".local" / "state"
    return where / "countersign-client"


def default(environ: Mapping[str, str]) -> Folder:
    """The folder of this user's used approvals."""
    return Folder(folder(environ) / "used")
