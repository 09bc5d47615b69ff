"""Agents that are shut out while the gateway runs: one name a line in a file of its folder.

A derived password cannot be changed alone, so a name is what is revoked. Where the file is there
and cannot be read, nobody is let in.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import structlog

from approvals.proxy.ca import private

FILE: Final = "revoked"


class Revoked:
    """The names in the file, read again whenever it changes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stamp: tuple[int, int, int] | None = None
        self._names: frozenset[str] = frozenset()

    def holds(self, agent: str) -> bool:
        """Is this agent shut out?"""
        try:
            now = self._path.stat()
            stamp = (now.st_mtime_ns, now.st_size, now.st_ino)
            if stamp != self._stamp:
                self._names = frozenset(self._path.read_text(encoding="utf-8").split())
                self._stamp = stamp
        except FileNotFoundError:
            self._stamp, self._names = None, frozenset()
        except (OSError, ValueError) as error:
            why = type(error).__name__
            structlog.get_logger().error("revoked_not_readable", file=str(self._path), why=why)
            return True
        return agent in self._names

    def put(self, agent: str, *, undo: bool) -> None:
        """Add the name, or take it out. `OSError`. The file is replaced whole."""
        self.holds(agent)
        names = self._names - {agent} if undo else self._names | {agent}
        beside = self._path.with_name(f"{FILE}.{os.urandom(4).hex()}")
        private(beside, "".join(f"{name}\n" for name in sorted(names)).encode())
        beside.replace(self._path)
