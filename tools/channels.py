"""Draws the table of the channels into docs/channels/README.md: `python -m tools.channels`.

It says what `countersign channels` says where nothing is configured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from approvals.cli.channels import WEB, Row, rows

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/channels/README.md"
MARKS: Final = ("<!-- table: made by tools/channels.py -->\n", "<!-- end of this table -->\n")


def _line(row: Row) -> str:
    name = "inbox" if row.name == WEB else row.name
    page = f"[{name}.md]({'../' if row.name == WEB else ''}{name}.md)"
    outbound = f"`mode: {row.outbound}`" if row.outbound else ""
    return f"| {' | '.join((row.title, str(row.tier), ', '.join(row.can), outbound, page))} |"


def text() -> str:
    """The page as it should be."""
    names = ("Channel", "Tier", "What it can", "Without an address of yours", "Set-up")
    head = f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n"
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    made = "".join(f"{_line(row)}\n" for row in rows(None))
    return before + MARKS[0] + head + made + MARKS[1] + after


if __name__ == "__main__":
    PAGE.write_text(text())
