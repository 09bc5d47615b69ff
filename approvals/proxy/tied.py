"""Compares a gateway's record with the service's chain: do they tell of the same requests? Pure.

Both were verified before. Their rows share a request's id and its digest. The export is made first
and the record is read after it: a request in the record alone may be newer, one in the export alone
was removed from the record. The record may begin later, as its older files may be gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from approvals.audit import Kind, RecordKind
from approvals.evidence import read_json
from approvals.proxy.record import OURS

SKEW: Final = timedelta(minutes=1)
"""By how much the clocks of the two may differ."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Told:
    """One side's account of a request."""

    at: datetime
    digests: set[str] = field(default_factory=set)
    status: str = ""
    passed: bool = False
    """Released, or reported as delivered."""


@dataclass(slots=True)
class _Side:
    first: datetime = _NEVER
    last: datetime = _NEVER
    told: dict[str, _Told] = field(default_factory=dict)

    def of(self, row: dict[str, Any]) -> _Told:
        return self.told.setdefault(row["request_id"], _Told(self.last))

    def seen(self, row: dict[str, Any]) -> None:
        self.last = datetime.fromisoformat(row["at"])
        self.first = self.last if self.first is _NEVER else self.first


def apart(record: Iterable[str], export: Iterable[str]) -> Iterator[str]:
    """A sentence for each difference between the two, the oldest request first.

    `record`: rows of a gateway; `export`: rows of the service. Erased rows are not compared.
    """
    ours, org = _recorded(record)
    theirs = _exported(export, org)
    known = ours.told.keys() | theirs.told.keys()
    at = {id_: (ours.told.get(id_) or theirs.told[id_]).at for id_ in known}
    for id_ in sorted(known, key=lambda id_: (at[id_], id_)):
        yield from _compared(id_, ours, theirs)


def _compared(id_: str, ours: _Side, theirs: _Side) -> Iterator[str]:
    held, asked = ours.told.get(id_), theirs.told.get(id_)
    if held is None and asked is not None and asked.at >= ours.first - SKEW:
        yield f"{id_} is in the service's chain and not in the gateway's record"
    if asked is None and held is not None and theirs.first <= held.at <= theirs.last - SKEW:
        yield f"{id_} is in the gateway's record and not in the service's chain"
    if held is None or asked is None:
        return
    if held.digests and asked.digests and not held.digests <= asked.digests:
        yield f"{id_} has another digest in the gateway's record than in the service's chain"
    if held.passed and asked.status != "approved" and held.at <= theirs.last - SKEW:
        yield f"{id_} was released by the gateway, and at the service it is {asked.status}"
    if asked.passed and not held.passed:
        yield f"{id_} was reported as delivered, and the gateway's record has no release of it"


def _recorded(lines: Iterable[str]) -> tuple[_Side, str]:
    side, org = _Side(), ""
    for row, said in _read(lines):
        org = org or row["org"]
        side.seen(row)
        if row["request_id"]:
            told = side.of(row)
            told.digests |= {said["digest"]} if "digest" in said else set()
            told.passed |= row["kind"] == RecordKind.RELEASED
    return side, org.removeprefix(OURS)


def _exported(lines: Iterable[str], requester: str) -> _Side:
    side = _Side()
    for row, said in _read(lines):
        side.seen(row)
        id_ = row["request_id"]
        if row["kind"] == Kind.REQUEST_OPENED and said.get("requester") == requester:
            side.of(row)
        if id_ in side.told and "digest" in said:
            told = side.told[id_]
            told.digests.add(said["digest"])
            told.status = str(said.get("status"))
            told.passed |= said.get("delivered") is True
    return side


def _read(lines: Iterable[str]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for line in lines:
        if line.strip():
            row = read_json(line)
            said = read_json(row.get("content") or "{}")
            yield row, said if isinstance(said, dict) else {}
