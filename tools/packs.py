"""Writes what cards say of the vendors' requests into docs/packs.md: `make docs`.

The requests are those of tests/fixtures/requests, made by the vendors' own SDKs; every pack is on.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from approvals.cli.rules import outbound
from approvals.packs import PACKS, Verb
from approvals.proxy.rules import Outbound, Rules, rulebook
from approvals.reading import read

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "packs.md"
REQUESTS: Final = ROOT / "tests" / "fixtures" / "requests"
MARKS: Final = ("<!-- made by tools/packs.py -->\n", "<!-- end -->\n")
HOSTS: Final = {
    "gitlab": "git.acme.example",
    "kubernetes": "k8s.example.com",
    "mcp": "mcp.example.com",
    "model-providers": "acme.openai.azure.com",
    "registries": "packages.example.com",
}
"""Hosts that only an operator knows, as their file would name them."""
LONGEST: Final = 160
"""Characters of one fact in the table; a card shows more."""


def book(names: Iterable[str] = tuple(PACKS)) -> Rules:
    """The rules of these packs, with the hosts that an operator would name."""
    faults: list[object] = []
    named = [{name: HOSTS[name]} if name in HOSTS else name for name in names]
    made = rulebook({"packs": named}, lambda *fault: faults.append(fault))
    if faults:
        raise ValueError(f"{faults}")
    return made


def row(name: str, request: Outbound, rules: Rules) -> str:
    """One request: what is decided, and the title and facts of its card."""
    said = rules.decide(request)
    reading = read(request.http(), dialect=rules.book.dialect(request.http()))
    title = said.title or next((one.says for one in reading.meanings if one.says), "")
    facts = (f"{_cell(fact.label)}: {_cell(fact.value)}" for fact in said.facts)
    how = "passes" if said.verb is Verb.ALLOW else f"{said.verb}, {said.risk or 'medium'}"
    by = (said.rule or "").partition(":")[0]
    shown = "<br>".join(facts) if said.verb is not Verb.ALLOW else ""
    return f"| `{name}` | {f'`{by}`' if by else ''} | {how} | {_cell(title)} | {shown} |"


def text() -> str:
    """The page as it should be."""
    rules = book()
    rows = [
        row(path.stem, outbound(path.read_text()), rules)
        for path in sorted(REQUESTS.glob("*.json"))
    ]
    head = "| request | pack | decided | title | facts |\n|---|---|---|---|---|\n"
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return before + MARKS[0] + head + "\n".join(rows) + "\n" + MARKS[1] + after


def _cell(value: str) -> str:
    cut = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
    for plain, escaped in (("|", "\\|"), ("<", "&lt;"), ("\n", "<br>")):
        cut = cut.replace(plain, escaped)
    return cut


if __name__ == "__main__":
    PAGE.write_text(text())
