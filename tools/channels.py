"""Draws the tables of the channels into docs/channels/README.md: `python -m tools.channels`.

It says what `countersign channels` says where nothing is configured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from approvals.cli.channels import WEB, Row, rows

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/channels/README.md"
MARKS: Final = ("<!-- table: made by tools/channels.py -->\n", "<!-- end of this table -->\n")

PICTURES: Final = (
    "<!-- pictures: listed by tools/channels.py, drawn by tools/pictures.py -->\n",
    "<!-- end of the pictures -->\n",
)


def _line(row: Row) -> str:
    name = "inbox" if row.name == WEB else row.name
    page = f"[{name}.md]({'../' if row.name == WEB else ''}{name}.md)"
    outbound = f"`mode: {row.outbound}`" if row.outbound else ""
    return f"| {' | '.join((row.title, str(row.tier), ', '.join(row.can), outbound, page))} |"


def _pictures(found: Sequence[Row]) -> str:
    """Three beside each other, each below its name."""
    lines = list[str]()
    for start in range(0, len(found), 3):
        three = found[start : start + 3]
        blank = ("",) * (3 - len(three))
        names = (*(f"**{row.title}**" for row in three), *blank)
        shown = (*(f"![The card in {row.title}](images/{row.name}.png)" for row in three), *blank)
        lines.append(f"| {' | '.join(names)} |\n")
        lines += ["|---|---|---|\n"] if start == 0 else []
        lines.append(f"| {' | '.join(shown)} |\n")
    return "".join(lines)


def text() -> str:
    """The page as it should be."""
    names = ("Channel", "Tier", "What it can", "Without an address of yours", "Set-up")
    head = f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n"
    found = rows(None)
    page = PAGE.read_text()
    table = head + "".join(f"{_line(row)}\n" for row in found)
    for (start, end), made in (
        (MARKS, table),
        (PICTURES, _pictures([row for row in found if row.name != WEB])),
    ):
        before, _, rest = page.partition(start)
        _, _, after = rest.partition(end)
        page = before + start + made + end + after
    return page


if __name__ == "__main__":
    PAGE.write_text(text())
