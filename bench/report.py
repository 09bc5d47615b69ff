"""`python -m bench.report`: puts the newest records into docs/performance.md.

The document holds places like `<!-- bench:taps -->` … `<!-- /bench -->`; what stands between them
comes from bench/results and from nowhere else.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import record
from bench.parts.gateway import DIRECT, GATEWAY, HOWS
from bench.peers import BASELINE, POSTGRESQL, SQLITE
from bench.record import BUSY, QUIET_US, ROOT, Sheet
from bench.run import PARTS

DOCUMENT: Final = ROOT / "docs" / "performance.md"
PLACE: Final = re.compile(r"(<!-- bench:([a-z]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)
P99_MS: Final = 15
"""The most a tap's acknowledgement may take, at the 99th percentile."""
RATIOS: Final = {SQLITE: (0.5, 1.0), POSTGRESQL: (0.4, 0.7)}
"""Taps a second against chat's: the least, and the aim."""
ADDED_MS: Final = 1.5
"""The most that our gateway may add to a request that it allows, at the median."""
HELD_MB: Final = 500
"""The most memory that it may take with all the requests of its part held."""

Records = Mapping[str, Mapping[str, Any] | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill every place of the document. A part that was never measured says so."""
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
    others: dict[str, Callable[[Records], str]] = {"goals": goals, "machine": _machine}

    def fill(match: re.Match[str]) -> str:
        name = match[2]
        if name in others:
            return f"{match[1]}{others[name](found)}\n{match[3]}"
        if name not in PARTS:
            raise ValueError(f"docs: there is no part {name!r}")
        made = found[name]
        inside = (
            f"{_markdown(PARTS[name].sheet(made))}\n\n{_taken(made)}" if made else "Not measured."
        )
        return f"{match[1]}{inside}\n{match[3]}"

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


def _machine(found: Records) -> str:
    made = next((one for one in found.values() if one), None)
    if made is None:
        return "Nothing was measured."
    machine, versions = made["machine"], made["versions"]
    named = ", ".join(f"{name} {number}" for name, number in sorted(versions.items()) if number)
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_mb'] / 1000:.0f} GB, "
        f"{machine['system']}; databases on {machine['files_on']}.\n\nVersions: {named}."
    )


def goals(found: Records) -> str:
    """The goals of the `taps` and `gateway` parts, and whether they are met."""
    taps = found["taps"]
    medians = taps["medians"] if taps else {}
    base = medians.get(f"{BASELINE} 0")
    rows: list[tuple[str, ...]] = []

    def add(goal: str, wanted: str, is_: float | None, unit: str, met: str) -> None:
        measured = "not measured" if is_ is None else f"{is_:,.2f}".rstrip("0").rstrip(".") + unit
        rows.append((goal, wanted, measured, met if is_ is not None else ""))

    for peer, (least, aim) in RATIOS.items():
        ours = medians.get(f"{peer} 0")
        ratio = ours["rate"] / base["rate"] if ours and base else None
        said = (
            "" if ratio is None else "aim" if ratio > aim else "least" if ratio >= least else "no"
        )
        wanted = f"at least {least}, aim {aim}"
        add(f"taps/s of {BASELINE}'s, {peer}", wanted, ratio, "", said)
    for peer in RATIOS:
        ours = medians.get(f"{peer} 0")
        p99 = ours["p99_ms"] if ours else None
        add(f"p99, {peer}", f"{P99_MS} ms", p99, " ms", _yes(p99, P99_MS))
    for peer in RATIOS:
        ours = medians.get(f"{peer} 0")
        most = base["rss_mb"] if base else None
        mine = ours["rss_mb"] if ours and base else None
        wanted = f"less than {BASELINE}'s {most:,.0f} MB" if most else f"less than {BASELINE}'s"
        add(f"memory after the taps, {peer}", wanted, mine, " MB", _yes(mine, most))
    through = (found["gateway"] or {"medians": {}})["medians"]
    for how in HOWS:
        straight, ours = through.get(f"{DIRECT} {how}"), through.get(f"{GATEWAY} {how}")
        more = ours["p50_ms"] - straight["p50_ms"] if straight and ours else None
        add(f"p50 added by our gateway, {how}", f"{ADDED_MS} ms", more, " ms", _yes(more, ADDED_MS))
    for how in HOWS:
        held = through.get(f"{GATEWAY} {how} held")
        mine = held["held_mb"] if held else None
        add(f"memory with all held, {how}", f"{HELD_MB} MB", mine, " MB", _yes(mine, HELD_MB))
    return _markdown(Sheet("Goals", ("goal", "wanted", "measured", "met"), tuple(rows)))


def _yes(value: float | None, most: float | None) -> str:
    return "" if value is None or most is None else "yes" if value <= most else "no"


if __name__ == "__main__":
    sys.exit(main())
