"""Queries and forms: `name=value` pairs as servers read them. Pure.

Clear is what PHP, Rack, Express (`qs`), werkzeug, Django, Starlette and Go read as the same names
and values. `metadata[invoice]` is one name to some and nested to others; the value is the same, so
it is clear, and stands in the tree as nested. Names that some server folds into one (`a.b`, `a b`
and `a_b` in PHP, another letter case in ASP.NET) must not stand side by side.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from approvals.reading.values import UNCLEAR, Leaf, Part, Path, Repeated

MAX_PAIRS: Final = 1_000
"""PHP's max_input_vars and qs's parameterLimit; what comes after is dropped there."""
MAX_BRACKETS: Final = 5
"""qs stops nesting at five levels (https://github.com/ljharb/qs#parsing-objects)."""


def read_pairs(raw: bytes, *, kind: str) -> Part:
    """A query (without its `?`) or a form's body. Never raises."""
    if not raw:
        return Part(kind=kind)
    if why := _fault(raw):
        return _unclear(kind, raw, why)
    pairs: list[tuple[str, str]] = []
    for piece in raw.split(b"&"):
        if not piece:
            continue
        name, _, value = piece.partition(b"=")
        try:
            pairs.append((_decoded(name), _decoded(value)))
        except ValueError:
            return _unclear(kind, raw, "It is not UTF-8.")
        if "\0" in pairs[-1][0] or "\0" in pairs[-1][1]:
            return _unclear(kind, raw, "It holds a NUL character; some servers stop there.")
    part = read_fields(kind, pairs)
    return part if part.unclear is None else _unclear(kind, raw, part.unclear)


def read_fields(kind: str, pairs: list[tuple[str, str]]) -> Part:
    """Names and values that are decoded already: a leaf each, in order; without any if unclear."""
    why = _names(pairs)
    if len(pairs) > MAX_PAIRS:
        why = f"It has more than {MAX_PAIRS} fields; some servers drop some."
    return Part(kind=kind, tree=UNCLEAR, unclear=why) if why else _grown(kind, pairs)


def folded(name: str) -> str:
    """The name as the most careless server sees it: one letter case, and PHP's `_` for `.`, blanks
    and an open `[` (https://www.php.net/manual/en/language.variables.external.php)."""
    return re.sub(r"[. \t\[-]", "_", name.lstrip(" ").casefold())


def steps(name: str) -> Path | None:
    """`a[b][0]` as ("a", "b", "0"), `a[]` as ("a", ""); None where brackets are not in pairs."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return (found[1], *re.findall(r"\[([^\[\]]*)\]", found[2]))


_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STRANGE: Final = frozenset(
    ("__proto__", "constructor", "prototype", "hasownproperty", "tostring", "valueof", "_charset_")
)
"""Names that JavaScript's objects have already (qs leaves them out), and the one by which HTML's
forms announce a charset that some servers then use."""


def _fault(raw: bytes) -> str | None:
    if re.search(rb"[^!-~]", raw):
        return "It holds bytes that must be escaped there."
    if b";" in raw:
        return "It holds a `;`, which separates fields for some servers."
    if re.search(rb"%(?![0-9A-Fa-f]{2})", raw):
        return "It has a broken escape, which servers read in several ways."
    if raw[:1] in b"{[" and b"=" not in raw.partition(b"&")[0]:
        return "It looks like JSON but is sent as a form."
    return None


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()


def _names(pairs: list[tuple[str, str]]) -> str | None:
    """Why servers may see other names than these; None where they agree."""
    names = dict.fromkeys(name for name, _ in pairs)
    roots: dict[str, Path] = {}
    alike: dict[tuple[str | int, ...], str] = {}
    for name in names:
        path = steps(name)
        if not name or path is None:
            return f"The name `{name[:60]}` has no one reading."
        if len(path) > MAX_BRACKETS + 1:
            return f"The name `{name[:60]}` is nested deeper than some servers read."
        if any(str(step).casefold() in _STRANGE for step in path):
            return f"The name `{name[:60]}` means something else to some servers."
        if name != name.strip():
            return f"The name `{name[:60]}` begins or ends with a blank, which some servers drop."
        key = tuple(folded(str(step)) for step in path)
        if alike.setdefault(key, name) != name:
            return f"`{alike[key][:60]}` and `{name[:60]}` are one name to some servers."
        roots[name] = key
    return _nesting(roots, pairs)


def _nesting(keys: dict[str, Path], pairs: list[tuple[str, str]]) -> str | None:
    """Values and branches under one name, and lists whose items servers number differently."""
    whole = set(keys.values())
    under: dict[Path, set[str]] = {}
    for name, key in keys.items():
        for at in range(1, len(key)):
            if key[:at] in whole:
                return f"`{name[:60]}` stands below a name that has a value itself."
            under.setdefault(key[:at], set()).add("list" if key[at] == "" else "map")
    if any(len(kinds) > 1 for kinds in under.values()):
        return "One name is a list and a mapping at once."
    # `a[][b]=1&a[][c]=2` is one item to Rack and two to PHP.
    inner = Counter(
        keys[name][: keys[name].index("")] for name, _ in pairs if "" in keys[name][:-1]
    )
    if any(count > 1 for count in inner.values()):
        return "A list of mappings is written in a way that servers group differently."
    return None


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


def _unclear(kind: str, raw: bytes, why: str) -> Part:
    text = raw.decode("utf-8", "backslashreplace")
    return Part(kind=kind, leaves=(Leaf((), text),), tree=UNCLEAR, unclear=why)
