"""`countersign audit verify`: chains in files, and whether two tell of the same requests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from approvals.app.exits import Exit, Stop
from approvals.cli.output import counted
from approvals.evidence import ChainReport, read_json
from approvals.proxy import record, tied

Source: TypeAlias = Callable[[], Iterator[str]]
"""The lines of a chain, from the beginning each time."""


@dataclass(slots=True)
class Checked:
    """A chain and what it proved. `org`: whose it is, as its first row says."""

    report: ChainReport
    rows: int = 0
    org: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self.report)


def source(path: Path) -> Source:
    """Raises `Stop` where there is nothing to read."""
    if str(path) == "-":
        kept = sys.stdin.readlines()
        return lambda: iter(kept)
    if path.is_dir() and not record.files(path):
        raise Stop(Exit.FAILED, f"{path} has no {record.LOG}.")

    def lines() -> Iterator[str]:
        try:
            yield from record.rows(path)
        except FileNotFoundError:
            raise Stop(Exit.FAILED, f"{path}: there is no such file.") from None
        except OSError as error:
            raise Stop(Exit.FAILED, f"{path} cannot be read: {error.strerror}.") from error

    return lines


def is_gateways(path: Path) -> bool:
    """A gateway's folder, or a file of its record, and not an export of the service?"""
    if path.is_dir():
        return True
    try:
        with path.open(encoding="utf-8") as file:
            return str(read_json(file.readline())["org"]).startswith(record.OURS)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def checked(lines: Source, heads: Sequence[str]) -> Checked:
    """Verify row by row; nothing of it stays in memory."""
    many, first = 0, ""

    def counting() -> Iterator[str]:
        nonlocal many, first
        for line in lines():
            first = first or line
            many += bool(line.strip())
            yield line

    try:
        report = record.verify(counting(), heads=heads)
    except ValueError as error:
        raise Stop(Exit.FAILED, f"--head: {error}.") from error
    try:
        org = str(read_json(first)["org"])
    except (ValueError, LookupError, TypeError):
        org = ""
    return Checked(report, many, org)


def apart(one: Source, said: Checked, other: Source, beside: Checked) -> list[str]:
    """What a gateway's record and a service's chain, in either order, tell differently."""
    if said.report.bad is not None or beside.report.bad is not None:
        return []
    ours = [it.org.startswith(record.OURS) for it in (said, beside)]
    if ours[0] == ours[1]:
        raise Stop(Exit.FAILED, "--with wants a gateway's record and an export of the service.")
    gateway, service = (one, other) if ours[0] else (other, one)
    return list(tied.apart(gateway(), service()))


def sentences(said: Checked, beside: Checked | None, told: Sequence[str]) -> Iterator[str]:
    """What people read about one chain, or two and the differences `told` between them."""
    for it in filter(None, (said, beside)):
        whose = f"{it.org}: " if beside is not None else ""
        if it.report.bad is not None:
            yield f"✗ {whose}Row {it.report.bad}: {it.report.why}"
            continue
        many = counted(it.rows, "entry", "entries")
        yield f"✓ {whose}The chain is intact: {many}, head {it.report.head}."
        if it.report.erased:
            many = counted(it.report.erased, "entry was", "entries were")
            yield f"· {many} erased; the links still verify."
    if beside is not None and said.report.bad is None and beside.report.bad is None:
        yield from (f"✗ {sentence}." for sentence in told)
        if not told:
            yield "✓ Both tell of the same requests, with the same digests."
