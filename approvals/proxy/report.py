"""Counts a gateway's record: requests that were or would have been asked, refused, allowed. Pure.

Requests are counted by agent, rule, method, host and path. In paths, segments that look like ids,
and places with many different segments, become `*`. At most `MOST` groups are kept, however long
the record is; further requests are counted by their host.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from approvals.audit import RecordKind
from approvals.evidence import split_url
from approvals.matching import When, faults
from approvals.model import Risk

MOST: Final = 4_000
"""Groups whose paths are told apart."""
ALIKE: Final = 6
"""With so many values in one place of a path, they become one `*`."""
ASK: Final = "ask"
PASS: Final = "pass"
_HELD: Final = frozenset({"denied", "too_large", "websocket_refused"})
"""Refusals by rules and their limits; the others are for safety, or failures."""
_WORD: Final = re.compile(r"[A-Za-z0-9._~@:-]{1,40}")
_ID: Final = re.compile(
    r"(?i)[0-9]+|[0-9a-f]{8,}|[0-9a-f-]{36}|(?=.*[0-9])(?=.*[a-z])[a-z0-9_-]{12,}|[a-z]{1,8}_.*[0-9].*"
)
_KEPT: Final = re.compile(r"(?i)v[0-9.]+|[0-9]{4}-[0-9]{2}-[0-9]{2}|[a-z]+|[a-z._-]+")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Group:
    """Requests that are counted as one. `would`: `ask`, `pass`, or the type of the refusal."""

    would: str
    agent: str
    rule: str | None
    method: str
    scheme: str
    host: str
    path: str


@dataclass(slots=True)
class Count:
    """`first`, `last`: RFC 3339. `pack`: one that would let them pass; "" where they differ."""

    times: int = 0
    first: str = ""
    last: str = ""
    action: str = ""
    risk: str | None = None
    pack: str | None = None

    def add(self, other: Count) -> None:
        if not self.times:
            self.action, self.risk, self.pack = other.action, other.risk, other.pack
        self.pack = self.pack if self.pack == other.pack else None
        self.times += other.times
        self.first = min(self.first or other.first, other.first)
        self.last = max(self.last, other.last)


@dataclass(slots=True)
class Tally:
    """A record as far as it was read. `since`: RFC 3339; older rows do not count."""

    since: str = ""
    groups: dict[Group, Count] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    """Refusals for safety or because of failures, by type: they are the same in any mode."""
    modes: Counter[str] = field(default_factory=Counter)
    """How often the gateway was started in each mode."""
    rows: int = 0
    first: str = ""
    last: str = ""
    coarse: int = 0
    """Requests that were counted by their host, because there were too many groups."""

    def read(self, lines: Iterable[str]) -> None:
        """Raises nothing for a row that it cannot read: `audit verify` is for that."""
        for line in lines:
            try:
                row = json.loads(line)
                if row["at"] >= self.since:
                    self._row(row["kind"], row["at"], json.loads(row["content"]))
            except (ValueError, KeyError, TypeError):
                continue

    def _row(self, kind: str, at: str, said: Mapping[str, Any]) -> None:
        self.rows += 1
        self.first, self.last = self.first or at, at
        if kind == RecordKind.GATEWAY_STARTED:
            self.modes[str(said["mode"])] += 1
        elif kind == RecordKind.OBSERVED:
            self._add(ASK if said["would"] == ASK else said["would"], at, said)
        elif kind == RecordKind.ASKED:
            self._add(ASK, at, said)
        elif kind == RecordKind.SENT and not said.keys() & {"would", "digest"}:
            self._add(PASS, at, said)
        elif kind == RecordKind.REFUSED and not said.keys() & {"would", "digest"}:
            if said["type"] in _HELD and "url" in said:
                self._add(said["type"], at, said)
            else:
                self.refused[said["type"]] += said.get("count", 1)

    def _add(self, would: str, at: str, said: Mapping[str, Any]) -> None:
        try:
            scheme, host, path, _ = split_url(said["url"])
        except ValueError:
            scheme, host, path = _loose(said["url"])
        group = Group(
            would, said["agent"], said.get("rule"), said["method"], scheme, host, pattern(path)
        )
        if group not in self.groups and len(self.groups) >= MOST:
            self.coarse += 1
            group = replace(group, path="/**")
            if group not in self.groups and len(self.groups) >= 2 * MOST:
                group = Group(would, "*", None, "*", "*", "*", "/**")
        one = Count(1, at, at, said.get("action", ""), said.get("risk"), said.get("pack"))
        self.groups.setdefault(group, Count()).add(one)

    def counted(self) -> list[tuple[Group, Count]]:
        """The groups, those that differ only in names merged, the most frequent first."""
        alike = defaultdict[tuple[Any, ...], list[Group]](list)
        for group in self.groups:
            whose = (group.would, group.agent, group.rule, group.method, group.scheme, group.host)
            alike[*whose, group.path.count("/")].append(group)
        merged: dict[Group, Count] = {}
        for groups in alike.values():
            paths = folded([group.path for group in groups])
            for group, path in zip(groups, paths, strict=True):
                merged.setdefault(replace(group, path=path), Count()).add(self.groups[group])
        return sorted(merged.items(), key=lambda it: (-it[1].times, str(it[0])))


def pattern(path: str) -> str:
    """A path with `*` for each part that is an id, a secret that was crossed out, or odd.

    A number that stands first is an API's version: `/2/tweets/*`.
    """
    first, *parts = path.removeprefix("/").split("/")
    kept = first if re.fullmatch(r"[0-9]", first) else _part(first)
    return "/".join(["", kept, *map(_part, parts)])


@lru_cache(4096)
def _part(text: str) -> str:
    if not text or (_WORD.fullmatch(text) and _KEPT.fullmatch(text)):
        return text
    return "*" if not _WORD.fullmatch(text) or _ID.fullmatch(text) else text


def folded(paths: list[str]) -> list[str]:
    """Paths of one length, with `*` where there are many beside each other."""
    split = [path.split("/") for path in paths]
    for place in range(1, len(split[0])):
        beside = defaultdict[tuple[str, ...], set[str]](set)
        for parts in split:
            beside[*parts[:place], "", *parts[place + 1 :]].add(parts[place])
        for parts in split:
            if len(beside[*parts[:place], "", *parts[place + 1 :]]) >= ALIKE:
                parts[place] = "*"
    return ["/".join(parts) for parts in split]


def quieting(number: int, group: Group, count: Count) -> str | None:
    """Text for gateway.yaml that would let these pass: an entry of `packs:`, or a first one of
    `rules:`. None: nothing should, as for denied requests and those asked at high risk."""
    if count.risk == Risk.HIGH:
        return None
    if group.would == ASK and count.pack:
        return f"packs: [{count.pack}]"
    also = {ASK: "", "too_large": ", oversize: true", "websocket_refused": ", websocket: true"}
    if group.would not in also or group.host == "*":
        return None
    host, method, path = group.host, group.method, group.path
    wrong = {key for key, _ in faults(When(host=(host,), method=(method,), path=(path,)))}
    said = {"host": host, "method": method, "path": path}
    when = {key: value for key, value in said.items() if key not in wrong}
    if "host" not in when:
        return None
    about = ", ".join(f"{key}: {json.dumps(value)}" for key, value in when.items())
    name = f"observed {number}"
    return f"- {{name: {name}, when: {{{about}}}, then: allow{also[group.would]}}}"


def reads(group: Group) -> bool:
    """Does it only read, by its method?"""
    return group.method in _SAFE


def _loose(url: str) -> tuple[str, str, str]:
    """Scheme, host and path of an address in which something was crossed out."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme, host, slash + path
