"""JSON as servers read it. Pure.

Clear is what Python, JavaScript, PHP, Ruby, Java and Go read as the same values: no name twice (nor
in another letter case: Go's encoding/json ignores it), no number beyond what a double holds, no
lone surrogate, no NUL, nothing that only lenient parsers take.
"""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from typing import Any, Final

from approvals.reading.values import (
    MAX_DEPTH,
    MAX_LEAVES,
    TOO_MANY,
    Doubtful,
    Part,
    nested,
    nodes,
    unclear_text,
)

NOT_JSON: Final = "It is not valid JSON."
_EXACT: Final = 2**53 - 1


def read_json(text: str, *, kind: str = "json") -> Part:
    """A JSON text. Never raises; what has no one reading is shown as it stands and unclear."""
    if _too_many(text):
        return unclear_text(kind, text, TOO_MANY)
    try:
        return nested(kind, parse(text))
    except Doubtful as doubt:
        return unclear_text(kind, text, str(doubt))
    except (ValueError, RecursionError):
        return unclear_text(kind, text, NOT_JSON)


def read_lines(text: str) -> Part:
    """Newline-delimited JSON (https://github.com/ndjson/ndjson-spec): one value a line."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > MAX_LEAVES or _too_many(text):
        return unclear_text("ndjson", text, TOO_MANY)
    try:
        return nested("ndjson", [parse(line) for line in lines])
    except (ValueError, RecursionError):
        return unclear_text("ndjson", text, "One of its lines is not valid JSON.")


def parse(text: str) -> Any:
    """The one value that every parser reads. `ValueError` where they differ, with a sentence."""
    if text.startswith("\ufeff"):
        raise Doubtful("It begins with a byte order mark, which not all servers skip.")
    if text.count("[") + text.count("{") > MAX_DEPTH and _too_deep(text):
        raise Doubtful(f"It is nested deeper than {MAX_DEPTH} levels.")
    value = _DECODER.decode(text)
    # Only an escape can make these, so that most texts are not searched for them.
    if "\\u" in text and _ODD_ESCAPE.search(text) and _odd(value):
        raise Doubtful("It holds a NUL character or half of a surrogate pair.")
    return value


_ODD_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_TEXT: Final = r'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"?'
_TEXTS: Final = re.compile(_TEXT, re.DOTALL)
_BRACKETS: Final = re.compile(_TEXT + r'|[^\[\]{}"]++', re.DOTALL)


def _too_many(text: str) -> bool:
    """More values than are shown? There is one comma less than there are values, at any depth; so
    that a large text is not taken apart in vain. Lists within lists take as long as values do."""
    if text.count(",") < MAX_LEAVES and text.count("[") + text.count("{") <= 3 * MAX_LEAVES:
        return False
    bare = _TEXTS.sub("", text)
    return bare.count(",") >= MAX_LEAVES or bare.count("[") + bare.count("{") > 3 * MAX_LEAVES


def _too_deep(text: str) -> bool:
    steps = map(_STEPS.__getitem__, _BRACKETS.sub("", text))
    return max(accumulate(steps), default=0) > MAX_DEPTH


_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


def _odd(value: Any) -> bool:
    for node in nodes(value):
        for text in node if isinstance(node, dict) else (node,):
            if isinstance(text, str) and ("\0" in text or re.search("[\ud800-\udfff]", text)):
                return True
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Doubtful("A name appears twice in one object.")
    folded = {key.casefold() for key in fields}
    if len(folded) != len(fields):
        raise Doubtful("Two names differ in their letter case only, which some servers ignore.")
    if "__proto__" in folded:
        raise Doubtful("The name `__proto__` means something else to some servers.")
    return fields


def _integer(text: str) -> int:
    number = int(text) if len(text) < 20 else _EXACT + 1
    if abs(number) > _EXACT:
        raise Doubtful("A number is larger than some servers can hold exactly.")
    return number


def _float(text: str) -> float:
    number = float(text)
    if len(text) < 16 and text.replace(".", "", 1).isdecimal():
        return number
    digits = re.sub(r"[eE].*|[-.]", "", text).strip("0")
    if math.isinf(number) or len(digits) > 17 or (number == 0 and digits):
        raise Doubtful("A number has more digits than some servers keep.")
    return number


def _constant(text: str) -> Any:
    raise Doubtful(f"{text} is not a JSON number.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)
