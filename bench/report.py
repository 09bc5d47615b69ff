"""`python -m bench.report`: puts the newest records into docs/performance.md.

The document holds places like `<!-- bench:taps -->` … `<!-- /bench -->`; what stands between them
comes from bench/results and from nowhere else.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import record
from bench.parts.crowd import WAITING
from bench.parts.gateway import DIRECT, GATEWAY, HOWS
from bench.peers import BASELINE, CHAT_POSTGRESQL, POSTGRESQL, SQLITE
from bench.record import BUSY, QUIET_US, ROOT, Sheet
from bench.run import PARTS

DOCUMENT: Final = ROOT / "docs" / "performance.md"
PLACE: Final = re.compile(r"(<!-- bench:([a-z]+) -->\n)(.*?)(<!-- /bench -->)", re.DOTALL)
ON: Final = {SQLITE: "SQLite", POSTGRESQL: "PostgreSQL"}
ROW: Final = re.compile(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| [^|]* \|$", re.MULTILINE)

Records = Mapping[str, Mapping[str, Any] | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill every place of the document of which there is a record; the others stay."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=record.RESULTS)
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    parser.add_argument("--quick", action="store_true", help="take runs of --quick as well")
    options = parser.parse_args(arguments)
    found = {name: record.newest(options.results, name, quick=options.quick) for name in PARTS}
    text = options.document.read_text()
    options.document.write_text(filled(text, found))
    for name, made in found.items():
        print(f"{name:<8} {made['at'] if made else 'not measured'}")
    return 0


def filled(text: str, found: Records) -> str:
    """The document with these records in its places. ValueError for a place that is not known."""

    def fill(match: re.Match[str]) -> str:
        head, name, before, end = match.groups()
        if name == "goals":
            return f"{head}{goals(found, before)}\n{end}"
        made = next((one for one in found.values() if one), None) if name == "machine" else None
        if made is not None:
            return f"{head}{_machine(made)}\n{end}"
        if name not in {*PARTS, "machine"}:
            raise ValueError(f"docs: there is no part {name!r}")
        made = found.get(name)
        if made is None:  # what was measured before stands, with its own date
            return match[0]
        return f"{head}{_markdown(PARTS[name].sheet(made))}\n\n{_taken(made)}\n{end}"

    return PLACE.sub(fill, text)


def _markdown(sheet: Sheet) -> str:
    right = [
        all(row[place][:1].isdigit() or not row[place] for row in sheet.rows)
        for place in range(len(sheet.columns))
    ]
    lines = [f"**{sheet.title}**", "", _row(sheet.columns)]
    lines.append(_row(["---:" if it else "---" for it in right]))
    lines += [_row(row) for row in sheet.rows]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _taken(made: Mapping[str, Any]) -> str:
    """When, of what, and how much others were on the machine."""
    around = made["calibration"].values()
    day, _, clock = made["at"].partition("T")
    by_clock, of_cpu = (max(one[name] for one in around) for name in ("clock_us", "cpu_us"))
    text = (
        f"Taken {day} {clock[:5].replace('-', ':')} UTC of {made['commit']}; HMAC-SHA256 took "
        f"{by_clock} µs by the clock and {of_cpu} µs of processor time."
    )
    if by_clock >= QUIET_US * BUSY:
        text += (
            f" **The machine was busy** ({by_clock / QUIET_US:.1f} and {of_cpu / QUIET_US:.1f} "
            "times what it takes when quiet): rates, times and CPU time are that much worse."
        )
    lost = sum(one["bad"] for one in made["rounds"])
    if lost:
        text += f" **{lost} were refused or lost: these figures do not stand.**"
    return text


def _machine(made: Mapping[str, Any]) -> str:
    machine, versions = made["machine"], made["versions"]
    named = ", ".join(f"{name} {number}" for name, number in sorted(versions.items()) if number)
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_mb'] / 1000:.0f} GB, "
        f"{machine['system']}; databases on {machine['files_on']}.\n\nVersions: {named}."
    )


@dataclass(frozen=True, slots=True)
class Goal:
    """`wanted` at the most, or at the least, of what `figure` finds in the medians of a part."""

    says: str
    part: str
    wanted: float
    unit: str
    figure: Callable[[Mapping[str, Any]], float]
    least: bool = False

    def row(self, found: Records) -> tuple[str, ...] | None:
        """The goal, what is wanted, what was measured, and whether it is met. None: it was not."""
        made = found[self.part]
        try:
            is_ = self.figure(made["medians"]) if made else None
        except KeyError:  # that peer was left out
            is_ = None
        if is_ is None:
            return None
        met = is_ >= self.wanted if self.least else is_ <= self.wanted
        bound = f"{'≥' if self.least else '≤'} {self.wanted:,g}{self.unit}"
        return self.says, bound, f"{is_:,.2f}{self.unit}", "yes" if met else "no"


def _rate(peer: str, against: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda medians: medians[f"{peer} 0"]["rate"] / medians[f"{against} 0"]["rate"]


def _of(key: str, name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda medians: float(medians[key][name])


def _added(how: str) -> Callable[[Mapping[str, Any]], float]:
    def more(medians: Mapping[str, Any]) -> float:
        return float(medians[f"{GATEWAY} {how}"]["p50_ms"] - medians[f"{DIRECT} {how}"]["p50_ms"])

    return more


GOALS: Final = (
    Goal("taps/s against chat's, SQLite", "taps", 1, " ×", _rate(SQLITE, BASELINE), least=True),
    Goal(
        "taps/s against chat's, PostgreSQL", "taps", 0.7, " ×", _rate(POSTGRESQL, BASELINE),
        least=True,
    ),
    Goal(
        "taps/s against chat's with its PostgreSQL, PostgreSQL", "taps", 3, " ×",
        _rate(POSTGRESQL, CHAT_POSTGRESQL), least=True,
    ),
    *(
        Goal(f"tap to verdict at 200 a second, p99, {on}", "wait", 20, " ms", _of(peer, "p99_ms"))
        for peer, on in ON.items()
    ),
    Goal(
        "cards posted a second, SQLite", "cards", 1_000, "", _of(f"{SQLITE} cards posted", "rate"),
        least=True,
    ),
    *(
        Goal(f"a tap with 5,000 clients waiting, p99, {on}", "crowd", 20, " ms",
             _of(f"{peer} {WAITING}", "p99_ms"))
        for peer, on in ON.items()
    ),
    *(
        Goal(f"memory with 5,000 clients waiting, {on}", "crowd", 200, " MB",
             _of(f"{peer} {WAITING}", "rss_mb"))
        for peer, on in ON.items()
    ),
    *(
        Goal(f"p50 added by our gateway, {how}", "gateway", 1, " ms", _added(how))
        for how in HOWS
    ),
    *(
        Goal(f"memory with 5,000 held, {how}", "gateway", 500, " MB",
             _of(f"{GATEWAY} {how} held", "held_mb"))
        for how in HOWS
    ),
)  # fmt: skip


def goals(found: Records, before: str = "") -> str:
    """Each goal, and whether it is met. What was not measured keeps its row from `before`."""
    kept = {match[1]: match[0] for match in ROW.finditer(before)}
    lines = ["**Goals**", "", "| goal | wanted | measured | met |", "| --- | --- | ---: | --- |"]
    for goal in GOALS:
        row = goal.row(found)
        unmeasured = kept.get(goal.says) or _row((goal.says, "", "not measured", ""))
        lines.append(_row(row) if row else unmeasured)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
