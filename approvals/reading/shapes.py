"""Shared by the special readers: finding names in objects as servers do, and short texts. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from approvals.reading.values import UNCLEAR

MAX_SAYS: Final = 200
"""Characters of `Meaning.says`: two lines of a title on a phone are about a hundred, so that the
counts that begin it are always seen."""


def field(fields: Mapping[Any, Any], *names: str) -> Any:
    """The value of the first of these names that is there; `UNCLEAR` where it is there in another
    letter case only (Go's encoding/json and System.Text.Json with its web defaults take that)."""
    for name in names:
        if name in fields:
            return fields[name]
    wanted = {name.casefold() for name in names}
    return UNCLEAR if any(str(key).casefold() in wanted for key in fields) else None


def short(text: str, room: int = 60) -> str:
    """One line, cut in the middle so that its beginning and its end are seen."""
    line = " ".join(text.split()) if text.isprintable() else " ".join(repr(text)[1:-1].split())
    if len(line) <= room:
        return line
    tail = room // 3
    return f"{line[: room - tail - 1]}…{line[-tail:]}"


def in_words(value: Any, room: int = 60) -> str:
    """A value of JSON: `true`, `null`, `{…}` for what holds others, anything else as `short`."""
    if isinstance(value, dict | list):
        return "{…}" if value else "empty"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return short(str(value), room)


def end_of(path: str, steps: int = 2) -> str:
    """The last segments of a path or address, without its query: `…/Account/0015000000`."""
    before, scheme, after = path.partition("?")[0].partition("://")
    parts = [part for part in (after if scheme else before).split("/") if part]
    shown = "/".join(short(unquote(part), 28) for part in parts[-steps:])
    return shown if scheme and len(parts) <= steps else f"…/{shown}" if parts else ""


def listed(items: Sequence[str], room: int = MAX_SAYS) -> str:
    """`a, b, c`; what does not fit is counted: `a, b and 7 more`."""
    taken: list[str] = []
    for item in items:
        if taken and sum(map(len, taken)) + 2 * len(taken) + len(item) > room:
            break
        taken.append(item)
    left = len(items) - len(taken)
    return ", ".join(taken) + (f" and {left} more" if left else "")


def counted(words: Iterable[str]) -> str:
    """`3 DELETE, 1 POST`, in the order in which they are first met."""
    return listed([f"{count} {word}" for word, count in Counter(words).items()])
