"""Counts the core that decides, file by file: lines that are neither blank nor only a comment."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CORE: Final = ("model", "policy", "machine", "buttons", "evidence", "service")
CORE_LIMIT: Final = 1_500
ADAPTER_LIMIT: Final = 250


def lines(path: Path) -> int:
    """Lines of a Python file that are neither blank nor only a comment; docstrings count."""
    stripped = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return sum(1 for line in stripped if line and not line.startswith("#"))


def core() -> dict[str, int]:
    """Room → lines, of the rooms that an auditor reads in one sitting."""
    paths = {name: ROOT / "approvals" / f"{name}.py" for name in CORE}
    return {name: lines(path) for name, path in paths.items() if path.exists()}


if __name__ == "__main__":
    counted = core()
    for name, count in counted.items():
        print(f"{count:6,}  approvals/{name}.py")
    print(f"{sum(counted.values()):6,}  of at most {CORE_LIMIT:,}")
