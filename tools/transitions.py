"""Draws docs/transitions.md from the table in approvals/machine.py: `make docs`."""

from __future__ import annotations

import inspect
from collections import defaultdict
from pathlib import Path
from typing import Final

from approvals import machine
from approvals.model import Status

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "transitions.md"


def text() -> str:
    """The page."""
    edges: dict[tuple[str, str], list[str]] = defaultdict(list)
    rows = []
    for (before, event), after in machine.TABLE.items():
        reached = [status.value for status in Status if status in after]
        rows.append(f"| `{before}` | {event.__name__} | {_said(event)} | {_quoted(reached)} |")
        for status in reached:
            edges[before.value, status].append(event.__name__)
    drawn = [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in edges.items()]
    ends = [status.value for status in Status if not any(a == status for a, _ in edges)]
    drawn += [f"    {status} --> [*]" for status in ends]
    laws = inspect.getdoc(machine) or ""
    numbered = list[str]()
    for line in map(str.strip, laws.split("\n\n")[1].splitlines()):
        if line[:1].isdigit():
            numbered.append(line)
        elif numbered:  # the rest of a long one
            numbered.append(f"   {line}")
    return "\n".join(
        [
            "# How a case moves",
            "",
            "Drawn by `make docs` from `TABLE` in [machine.py]"
            "(../approvals/machine.py), the only place that changes a case.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> pending: opened",
            *drawn,
            "```",
            "",
            "| from | event | what it says | to |",
            "|---|---|---|---|",
            *rows,
            "",
            "What is not in the table changes nothing. Each law is a property test in",
            "[test_machine.py](../tests/core/test_machine.py):",
            "",
            *numbered,
            "",
        ]
    )


def _said(event: type) -> str:
    return (inspect.getdoc(event) or "").split("\n")[0]


def _quoted(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
