"""Lists the laws and the tests that hold them in docs/laws.md: `make docs`.

A test is named after its law: `test_law_04_one_verdict_whatever_the_interleaving`.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "laws.md"
LAWS: Final = {
    1: "Everything that is not a committed approve is a refusal.",
    2: "One function decides who may, and it takes a person, never a display name.",
    3: "Resolve first, render second: no card says an outcome that is not committed.",
    4: "One verdict per request, whatever the interleaving.",
    5: "No road for the agent: a requester's key decides nothing.",
    6: "A button's value is a MAC and nothing else; a refused tap consumes nothing.",
    7: "The card that was tapped must be the card that we sent.",
    8: "GET, HEAD and OPTIONS change nothing, ever; a POST of our own page does.",
    9: "Platform proof first: signature, freshness, our own app and tenant.",
    10: "An address out of a payload is called only if its host is the platform's.",
    11: "Facts come from the held request; the agent's words stand apart, unverified.",
    12: "What cannot be seen, or would reorder what is seen, is shown as an escape.",
    13: "No value can create a field, a mention, a link or a button on any channel.",
    14: "What is elided cannot be approved by a tap.",
    15: "Secrets are redacted on cards, and never change the digest.",
    16: "Identical pending requests of one agent share one card.",
    17: "After repeated refusals of one shape the next is refused without a notification.",
    18: "A grant is a predicate over decoded fields: shown, revocable, counted, audited.",
    19: "High risk is never passed by a tap alone, on any channel.",
    20: "Quorum counts persons; votes bind to a revision; a decline vetoes.",
    21: "Everything that happens is in an append-only chain.",
    22: "A receipt verifies offline; an altered, reordered or cut chain is seen.",
    23: "Tokens, secrets and keys are in no log, no error, no `repr`, no metric label.",
    24: "State, audit entry and effects commit together: `kill -9` loses and repeats nothing.",
    25: "A tap is acknowledged in under a second; what needs others comes after.",
    26: "A platform that is down delays only its own cards.",
    27: "Bad input gets a clear 4xx and changes nothing.",
    28: "A wait belongs to the request: an identical one joins it, attempts and traces aside.",
    29: "One reading, or none: what servers would read differently is unclear.",
    30: "Doubt adds up: an unclear rule adds its demands to those of the rule that decides.",
    31: "What was spent stays spent: old rows, written back, approve nothing.",
    32: "Work is bounded, not only bytes: hostile input takes linear time.",
}
LATER: Final = {
    18: "not in this version",
}
"""Why a law may have no test yet."""


def held() -> dict[int, dict[str, list[str]]]:
    """Law → test file → what its tests say, in the files' own order."""
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                named = re.fullmatch(r"test_law_(\d\d)_(\w+)", node.name)
                if named:
                    file = path.relative_to(ROOT / "tests").as_posix()
                    found[int(named[1])][file].append(named[2].replace("_", " "))
    return found


def text() -> str:
    """The page."""
    found = held()
    lines = [
        "# The laws, and the tests that hold them",
        "",
        "What must be true whatever is attacked. Written by `make docs` from the tests' names; "
        "`make test` runs them all.",
    ]
    for number, law in LAWS.items():
        lines += ["", f"## {number}. {law}"]
        for file, tests in found.get(number, {}).items():
            lines += [f"- [{file}](../tests/{file}): {'; '.join(tests)}"]
        if number not in found:
            lines += [f"- *{LATER.get(number, 'no test')}*"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
