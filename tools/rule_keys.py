"""Draws the keys of a rule in docs/rules.md from the models that read them: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from approvals.config.schema import ServiceRule
from approvals.packs.rule_file import GatewayRule
from approvals.rule_schema import GatewayWhen, RuleSection, ServiceWhen, WhenSection

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
MARKS: Final = ("<!-- made by tools/rule_keys.py -->\n", "<!-- end -->\n")


def rows(
    common: type[BaseModel], service: type[BaseModel], gateway: type[BaseModel]
) -> Iterator[str]:
    """A row for each key: first those that both files have, then those of one."""
    for model, where in ((common, "both"), (service, "service"), (gateway, "gateway, packs")):
        for name, info in model.model_fields.items():
            if model is common or name not in common.model_fields:
                yield f"| `{info.alias or name}` | {where} | {info.description} |"


def text() -> str:
    """The page as it should be."""
    head = "| {} | file | means |\n|---|---|---|\n"
    drawn = (
        head.format("key")
        + "\n".join(rows(RuleSection, ServiceRule, GatewayRule))
        + "\n\n"
        + head.format("key of `when`")
        + "\n".join(rows(WhenSection, ServiceWhen, GatewayWhen))
        + "\n"
    )
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return before + MARKS[0] + drawn + MARKS[1] + after


if __name__ == "__main__":
    PAGE.write_text(text())
