"""The files of this repository, as git knows them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked() -> tuple[tuple[str, str], ...]:
    """Path and text of every text file that belongs to the repository."""
    return tuple(_tracked())


def _tracked() -> Iterator[tuple[str, str]]:
    list_files = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(
        ("git", "-c", "safe.directory=*", *list_files),
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            yield name, data.decode("utf-8", "replace")
