"""How each use case takes longer as the store fills (`bench.growth`, which also takes more)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bench import growth
from bench.parts import Part, Rounds, Setting
from bench.record import Sheet


def measure(setting: Setting) -> Rounds:
    """Our databases, each with a hundredth of the requests and with all of them."""
    sizes, folder = setting.sizes, setting.bed.folder / "growth"
    folder.mkdir()
    many = [(max(10, sizes["grown"] // 100), 100), (sizes["grown"], 100)]
    return asyncio.run(
        growth.grow(setting.ours(), many, folder, setting.bed.postgres, sizes["rounds"])
    )


def sheet(made: Mapping[str, Any]) -> Sheet:
    """A row for each use case and database."""
    found = made["rounds"]
    title = f"As the store fills: medians of {made['sizes']['rounds']} calls, one after the other"
    return Sheet(title, growth.heads(found), tuple(growth.rows(found)))


PART = Part("every use case at two sizes", measure, ("peer", "use", "decided", "pending"), sheet)
