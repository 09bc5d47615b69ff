"""Queries and forms: `name=value` pairs as servers read them. Pure.

Clear is what PHP, Rack, Express (`qs`), werkzeug, Django, Starlette and Go read as the same names
and values. `metadata[invoice]` is one name to some and nested to others; the value is the same, so
it is clear, and stands in the tree as nested. Names that some server folds into one (`a.b`, `a b`
and `a_b` in PHP, another letter case in ASP.NET) must not stand side by side.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from approvals.reading.values import (
    UNCLEAR,
    Doubtful,
    Leaf,
    Part,
    Path,
    Repeated,
    unclear_text,
)

MAX_PAIRS: Final = 1_000
"""PHP's max_input_vars and qs's parameterLimit; what comes after is dropped there."""
MAX_BRACKETS: Final = 5
"""qs stops nesting at five levels (https://github.com/ljharb/qs#parsing-objects)."""


def read_pairs(raw: bytes, *, kind: str) -> Part:
    """A query (without its `?`) or a form's body. Never raises."""
    try:
        part = read_fields(kind, _pairs(raw, kind))
    except Doubtful as doubt:
        part = Part(kind=kind, unclear=str(doubt))
    if part.unclear is None:
        return part
    return unclear_text(kind, raw.decode("utf-8", "backslashreplace"), part.unclear)


def read_fields(kind: str, pairs: list[tuple[str, str]]) -> Part:
    """Names and values that are decoded already: a leaf each, in order; without any if unclear."""
    why = _names(pairs)
    if len(pairs) > MAX_PAIRS:
        why = f"It has more than {MAX_PAIRS} fields; some servers drop some."
    return Part(kind=kind, tree=UNCLEAR, unclear=why) if why else _grown(kind, pairs)


_FOLDED: Final = str.maketrans(dict.fromkeys(". \t[-", "_"))


def folded(name: str) -> str:
    """The name as the most careless server sees it: one letter case, and PHP's `_` for `.`, blanks
    and an open `[` (https://www.php.net/manual/en/language.variables.external.php)."""
    return name.lstrip(" ").casefold().translate(_FOLDED)


def steps(name: str) -> Path | None:
    """`a[b][0]` as ("a", "b", "0"), `a[]` as ("a", ""); None where brackets are not in pairs."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return (found[1], *re.findall(r"\[([^\[\]]*)\]", found[2]))


_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STRANGE: Final = frozenset({
    "__proto__", "constructor", "prototype", "hasownproperty", "tostring", "valueof",
    "isprototypeof", "propertyisenumerable", "tolocalestring", "__definegetter__",
    "__definesetter__", "__lookupgetter__", "__lookupsetter__", "_charset_",
})  # fmt: skip
"""Names that JavaScript's objects have already (qs leaves them out), and the one by which HTML's
forms announce a charset that some servers then use."""
_INDEX: Final = re.compile(r"[0-9]+")
_LONGEST_LIST: Final = 1_000
"""No list of qs is longer (its parameterLimit), so that a number above it is a name to everybody:
`items[48213][quantity]`."""


def _pairs(raw: bytes, kind: str) -> list[tuple[str, str]]:
    if re.search(rb"[^!-~]", raw):
        raise Doubtful("It holds bytes that must be escaped there.")
    if b";" in raw:
        raise Doubtful("It holds a `;`, which separates fields for some servers.")
    if re.search(rb"%(?![0-9A-Fa-f]{2})", raw):
        raise Doubtful("It has a broken escape, which servers read in several ways.")
    if kind == "form" and raw[:1] in (b"{", b"["):
        raise Doubtful("It looks like JSON but is sent as a form.")
    if raw[:1] == b"?":
        raise Doubtful("It begins with a `?` of its own, which some servers drop.")
    pieces = [piece for piece in raw.split(b"&") if piece]
    if len(pieces) > MAX_PAIRS:
        raise Doubtful(f"It has more than {MAX_PAIRS} fields; some servers drop some.")
    return [_pair(piece) for piece in pieces]


def _pair(piece: bytes) -> tuple[str, str]:
    name, _, value = piece.partition(b"=")
    # qs splits a pair at the first `]=`, wherever that stands (qs 6.17, lib/parse.js).
    if b"]=" in value.replace(b"%5D", b"]").replace(b"%5d", b"]"):
        raise Doubtful("A value holds `]=`, where some servers end the name.")
    try:
        pair = _decoded(name), _decoded(value)
    except ValueError:
        raise Doubtful("It is not UTF-8.") from None
    if "\0" in pair[0] or "\0" in pair[1]:
        raise Doubtful("It holds a NUL character; some servers stop there.")
    return pair


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()


def _names(pairs: list[tuple[str, str]]) -> str | None:
    """Why servers may see other names than these; None where they agree."""
    names = dict.fromkeys(name for name, _ in pairs)
    roots: dict[str, Path] = {}
    alike: dict[Path, Path] = {}
    for name in names:
        path = steps(name)
        if not name or path is None:
            return f"The name `{name[:60]}` is read differently by servers."
        if len(path) > MAX_BRACKETS + 1:
            return f"The name `{name[:60]}` is nested deeper than some servers read."
        if any(str(step).casefold() in _STRANGE for step in path):
            return f"The name `{name[:60]}` means something else to some servers."
        if any(str(step) != str(step).strip() for step in path):
            return f"The name `{name[:60]}` begins or ends with a blank, which some servers drop."
        key = tuple(folded(str(step)) for step in path)
        for at in range(1, len(path) + 1):
            if alike.setdefault(key[:at], path[:at]) != path[:at]:
                other, this = str(alike[key[:at]][-1])[:60], str(path[at - 1])[:60]
                return f"`{other}` and `{this}` are one name to some servers."
        roots[name] = key
    return _nesting(roots, pairs)


def _nesting(keys: dict[str, Path], pairs: list[tuple[str, str]]) -> str | None:
    """Values and branches under one name, and lists whose items servers number differently."""
    whole = set(keys.values())
    under: dict[Path, dict[str, None]] = {}
    for name, key in keys.items():
        for at in range(1, len(key)):
            if key[:at] in whole:
                return f"`{name[:60]}` is nested below a name that has a value of its own."
            under.setdefault(key[:at], {})[str(key[at])] = None
    if any("" in steps and len(steps) > 1 for steps in under.values()):
        return "One name is a list and a mapping at once."
    if any(_renumbered([*steps]) for steps in under.values()):
        return "A list is numbered in a way that some servers renumber."
    # `a[][b]=1&a[][c]=2` is one item to Rack and two to PHP.
    # `a[][0]=1` is a list of one list to PHP, and a list of one text to qs.
    if any(
        step == "" and (after == "" or _INDEX.fullmatch(str(after)))
        for key in keys.values()
        for step, after in pairwise(key)
    ):
        return "A list is inside a list without a number, which servers read differently."
    inner = Counter(
        keys[name][: keys[name].index("")] for name, _ in pairs if "" in keys[name][:-1]
    )
    if any(count > 1 for count in inner.values()):
        return "A list of mappings is written in a way that servers group differently."
    return None


def _renumbered(steps: list[str]) -> bool:
    """Does qs make another list of these than PHP does? To it `a[5]=x` is the first item of `a`."""
    numbers = [step for step in steps if _INDEX.fullmatch(step)]
    if not numbers or numbers == [str(at) for at in range(len(steps))]:
        return False
    return any(len(one) > 15 or int(one) <= _LONGEST_LIST or one[0] == "0" for one in numbers)


def _grown(kind: str, pairs: list[tuple[str, str]]) -> Part:
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    tree: dict[str, Any] = {}
    repeated = []
    for name, given in texts.items():
        path = [str(step) for step in steps(name) or (name,)]
        value: str | list[str] | Repeated = given[0] if len(given) == 1 else Repeated(tuple(given))
        if path[-1] == "" and len(path) > 1:
            path, value = path[:-1], given
        elif len(given) > 1:
            repeated.append(name)
        at = tree
        for step in path[:-1]:
            at = at.setdefault(step, {})
        at[path[-1]] = value
    leaves = tuple(Leaf(tuple(steps(name) or (name,)), text) for name, text in pairs)
    return Part(kind=kind, leaves=leaves, tree=tree, repeated=tuple(repeated))
