"""`countersign gateway report`: a gateway's record as tables, and rules that would quiet it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from approvals.app.exits import Exit, Stop
from approvals.cli.output import counted
from approvals.config import Config
from approvals.evidence import rfc3339
from approvals.matching import Subject
from approvals.model import SECOND, Instant, Kind, Requester, Risk
from approvals.policy import Deny, decide
from approvals.proxy import record
from approvals.proxy.report import PASS, Count, Group, Tally, quieting, reads
from approvals.text import clean


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. `of`: whom the service would ask; `quiet`: text for gateway.yaml that
    would let it pass."""

    number: int
    group: Group
    count: Count
    of: str | None
    quiet: str | None


def since(text: str, now: Instant) -> str:
    """`7d`, `12h`, `30m` -> the time so long ago. Raises `Stop`."""
    found = re.fullmatch(r"([0-9]{1,4})([dhm])", text)
    if found is None:
        raise Stop(Exit.FAILED, "--since is written like 7d, 12h or 30m.")
    seconds = int(found[1]) * {"d": 86_400, "h": 3_600, "m": 60}[found[2]]
    return rfc3339(now - seconds * SECOND)


def tally(folder: Path, after: str) -> Tally:
    """The record of a gateway's folder, from then on. Raises `Stop`."""
    if not record.files(folder) or not folder.is_dir():
        why = f"{folder} has no {record.LOG}: the gateway has not run yet"
        raise Stop(Exit.FAILED, f"{why}. `countersign gateway` runs it.")
    made = Tally(after)
    made.read(record.rows(folder))
    return made


def lines(made: Tally, service: Config | None, requester: str) -> list[Line]:
    """In the order of the table."""
    by = service.requesters.get(requester) if service is not None else None
    if service is not None and (by is None or by.kind is not Kind.GATEWAY):
        why = f"the service's file has no requester {requester!r} of `kind: gateway`"
        raise Stop(Exit.CONFIG, f"{why}: service.requester names it.")
    return [
        Line(
            number=number,
            group=group,
            count=count,
            of=_of(service, by, group, count) if service is not None and by is not None else None,
            quiet=quieting(number, group, count),
        )
        for number, (group, count) in enumerate(
            sorted(made.counted(), key=lambda it: _ORDER.get(it[0].would, 1)), 1
        )
    ]


_ORDER = {"ask": 0, PASS: 2}


def _of(service: Config, by: Requester, group: Group, count: Count) -> str:
    """Whom the service's rules would ask. The record has no values of bodies: where rules look at
    them, their approvers are included."""
    subject = Subject(
        requester=by.name, agent=group.agent, action=count.action, method=group.method,
        scheme=group.scheme, host=group.host, path=group.path, query="",
    )  # fmt: skip
    said = decide(service.policy, subject, risk=Risk(count.risk) if count.risk else None)
    if isinstance(said, Deny):
        return f"nobody: the service's rule `{said.rule}` refuses it"
    seats = " and ".join(f"{number} of {name}" for name, number in said.quorum)
    return f"{seats}, {said.risk.value} risk" + (", four eyes" if said.four_eyes else "")


def as_json(made: Tally, said: list[Line], mode: str) -> Mapping[str, Any]:
    return {
        "mode": mode,
        "since": made.since,
        "first": made.first,
        "last": made.last,
        "rows": made.rows,
        "refused": dict(made.refused),
        "by_host_only": made.coarse,
        "requests": [
            {**asdict(it.group), **asdict(it.count), "asks": it.of, "quiet": it.quiet}
            for it in said
        ],
    }


def show(out: Console, made: Tally, said: list[Line], *, mode: str, most: int) -> None:
    """For people, in 100 columns."""
    asked = [it for it in said if it.group.would == "ask"]
    denied = [it for it in said if it.group.would not in ("ask", PASS)]
    passed = [it for it in said if it.group.would == PASS]
    would = "would have been " if mode == "observe" else ""
    span = f"{made.first[:16].replace('T', ' ')} to {made.last[:16].replace('T', ' ')} UTC"
    out.print(Text(f"{span}, mode: {mode}" if made.rows else "Nothing was recorded.", "bold"))
    if not made.rows:
        return
    _table(out, f"{would}asked", asked, most, asks=True)
    _table(out, f"{would}refused by a rule", denied, most, asks=False)
    _table(out, "allowed", passed, most, asks=False)
    if made.refused:
        kinds = ", ".join(f"{clean(name)} {n:,}" for name, n in made.refused.most_common())
        out.print(Text(f"\nRefused or failed in any mode: {kinds}"), soft_wrap=False)
    if made.coarse:
        out.print(Text(f"\n{made.coarse:,} requests are counted by their host only."))
    _quiet(out, [it for it in (*asked, *denied)[:most] if it.quiet])


def _table(out: Console, title: str, said: list[Line], most: int, *, asks: bool) -> None:
    many = sum(it.count.times for it in said)
    out.print(Text(f"\n{many:,} {title}", "bold"))
    if not said:
        return
    shown = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    whom = asks and any(it.of for it in said)
    shown.add_column("#", justify="right", no_wrap=True)
    shown.add_column("times", justify="right", no_wrap=True)
    shown.add_column("agent", overflow="fold", max_width=16)
    shown.add_column("request", overflow="fold", ratio=3)
    shown.add_column("rule", overflow="fold", max_width=24 if whom else 34)
    if whom:
        shown.add_column("asks", overflow="fold", max_width=22)
    for it in said[:most]:
        group = it.group
        request = f"{group.method} {group.host}{group.path}"
        rule = group.rule or "no rule"
        rule += "" if asks or group.would in (PASS, "denied") else f" ({group.would})"
        risk = f", {it.count.risk} risk" if it.count.risk and not whom else ""
        row = [str(it.number), f"{it.count.times:,}", group.agent, request, rule + risk]
        shown.add_row(*(Text(clean(cell)) for cell in ([*row, it.of or "?"] if whom else row)))
    out.print(shown)
    if len(said) > most:
        rest = counted(len(said) - most, "more row")
        out.print(Text(f"{rest}: --limit {len(said)} shows all.", "dim"))


def _quiet(out: Console, said: list[Line]) -> None:
    """What can be pasted: packs first, then rules about requests that only read."""
    packs = defaultdict[str, list[str]](list)
    rules = []
    for it in said:
        if it.quiet and it.quiet.startswith("packs:"):
            packs[it.quiet.removeprefix("packs: ").strip("[]")].append(str(it.number))
        elif it.quiet:
            rules.append(it)
    if not packs and not rules:
        return
    out.print(Text("\nWhat would quiet it, for gateway.yaml", "bold"))
    for name, numbers in packs.items():
        out.print(Text(f"- {name}   # in `packs:`; rows {', '.join(numbers)}"), soft_wrap=True)
    for reading in (True, False):
        part = [it for it in rules if reads(it.group) is reading]
        if not part:
            continue
        what = "only read, by their method" if reading else (
            "may change something: paste one only where no person needs to see it"
        )  # fmt: skip
        out.print(Text(f"# First in `rules:`. These {what}.", "dim"))
        for it in part:
            out.print(Text(clean(it.quiet or "")), soft_wrap=True)
