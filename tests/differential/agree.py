"""Does a server's view of a request agree with our reading of it?

`differences` lists what differs, in words. What counts as the same although it is written
differently, and why that is harmless:

- PHP writes `_` for `.` and blanks in names: our reading is clear only where no two names collide,
  and a condition on the other spelling is unclear (`reading.find`).
- `?flag` is null to Rack and "" to the others: an empty value either way.
- `a[b]` is a name to some and nested to others: the value is the same.
- JSON's 1.0 and 1 are one number; `{}` is `[]` to PHP.
- JSON without a type is one field without a value to Rack.
- Express's routes know no letter case and no slash at the end: `matching` treats both as doubt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from approvals.model import Http
from approvals.reading import Leaf, Part, Reading, read
from tests.differential.peers import HOST, Answer, Case

Texts = dict[tuple[str, ...], list[Any]]


def reading_of(case: Case) -> Reading:
    return read(
        Http(
            method=case.method,
            url=f"http://{HOST}{case.target}",
            headers=case.headers,
            body=case.body,
        )
    )


def differences(reading: Reading, answer: Answer, peer: str) -> list[str]:
    """What this server read otherwise than we did; nothing where it did not take the request."""
    seen = answer.seen
    if seen is None or reading.target is None:
        return []
    found = []
    if seen["method"] != reading.target.method:
        found.append(f"method {seen['method']}")
    if seen["host"].lower() != reading.target.host:
        found.append(f"host {seen['host']}")
    route = (seen["route"], [*map(str, seen["params"])])
    segments = [*reading.target.segments]
    if route != (ours := _route(segments)) and route not in _carelessly(segments):
        found.append(f"route {route}, not {ours}")
    found += _differ("query", reading.query, seen.get("query"), peer)
    fields = reading.body if reading.body.kind in ("form", "multipart") else Part(kind="none")
    if seen.get("form") is not None:
        form = _texts(seen["form"], peer)
        if form and not _nameless(reading, form):
            found += _differ("form", fields, seen["form"], peer)
    if isinstance(seen.get("json"), dict | list):
        found += _json(reading, seen["json"])
    if seen.get("merged") is not None:
        took = bool(_texts(seen["form"], peer))
        found += _merged(reading, fields if took else Part(kind="none"), seen["merged"], peer)
    return found


def _route(segments: list[str]) -> tuple[str, list[str]]:
    match segments:
        case [("admin" | "public") as name, *rest] if any(rest):
            return name, ["/".join(rest)]
        case ["a", one, "b"] if one:
            return "b", [one]
        case ["v1", one, two] if one and two:
            return "v1", [one, two]
    return "none", []


def _carelessly(segments: list[str]) -> list[tuple[str, list[str]]]:
    """Where a router goes that ignores letter case or a slash at the end, or takes no rest for an
    empty one: `approvals.matching` is in doubt about all of these."""
    found = []
    for way in ([*segments], segments[:-1] if segments[-1] == "" else [*segments]):
        named = [one.lower() if at in (0, 2) else one for at, one in enumerate(way)]
        if named[:1] == ["v1"] or named[0] != "a":
            named = [named[0], *way[1:]]
        found.append(_route(named))
        if way[-1] == "" and len(way) in (2, 3):
            found.append((named[0], way[1:]))
    return found


def _differ(what: str, ours: Part, theirs: Any, peer: str) -> list[str]:
    if theirs is None:
        return []
    if "tree" in theirs:
        mine = _placed(ours)
    else:
        mine = {}
        for leaf in ours.leaves:
            if isinstance(leaf, Leaf):
                mine.setdefault((_written(leaf.path),), []).append(leaf.value)
    if peer == "php":
        mine = {(re.sub("[. ]", "_", path[0]), *path[1:]): texts for path, texts in mine.items()}
    seen = _texts(theirs, peer)
    return [] if mine == seen else [f"{what} {seen}, not {mine}"]


def _nameless(reading: Reading, seen: Texts) -> bool:
    """Rack, where no type is said: text as the name of a field without a value."""
    typed = any(header.name.lower() == "content-type" for header in reading.headers)
    return not typed and all(texts == [""] for texts in seen.values())


def _merged(reading: Reading, fields: Part, theirs: Any, peer: str) -> list[str]:
    """Servers that mix query and body must find each value that we found, wherever it stood."""
    seen = _texts(theirs, peer)
    found = []
    for what, part in (("query", reading.query), ("form", fields)):
        for line in _differ(what, part, theirs, peer):
            mine = (
                _placed(part)
                if "tree" in theirs
                else {
                    (_written(leaf.path),): [leaf.value]
                    for leaf in part.leaves
                    if isinstance(leaf, Leaf)
                }
            )
            if peer == "php":
                mine = {
                    (re.sub("[. ]", "_", path[0]), *path[1:]): one for path, one in mine.items()
                }
            if "tree" in theirs and any(seen.get(path) != texts for path, texts in mine.items()):
                found.append(f"merged {line}")
    return found


def _texts(view: Mapping[str, Any], peer: str) -> Texts:
    """A server's view as texts by path."""
    found: Texts = {}
    if "pairs" in view:
        for name, value in view["pairs"]:
            found.setdefault((name,), []).append("" if value is None else value)
        return found
    for path, value in flat(view["tree"]).items():
        found[path] = [""] if value is None else [value]
    return {} if found == {(): ["empty"]} else found


def _placed(part: Part) -> Texts:
    """Ours with items of lists by their number."""
    found: Texts = {}
    counts: dict[tuple[str, ...], int] = {}
    for leaf in part.leaves:
        if not isinstance(leaf, Leaf):
            continue
        path: tuple[str, ...] = ()
        for at, step in enumerate(leaf.path):
            if step == "" and at:
                number = counts.get(path, 0)
                counts[path] = number + 1
                path = (*path, str(number))
            else:
                path = (*path, str(step))
        found.setdefault(path, []).append(leaf.value)
    return found


def _written(path: tuple[str | int, ...]) -> str:
    return str(path[0]) + "".join(f"[{step}]" for step in path[1:]) if path else ""


def _json(reading: Reading, theirs: Any) -> list[str]:
    if not theirs and reading.body.kind in ("none", "text"):
        return []  # Express makes {} of no body
    if reading.body.kind != "json":
        return [f"JSON {theirs}, and to us it is {reading.body.kind}"]
    mine, seen = flat(reading.body.tree), flat(theirs)
    listed = {tuple(str(step) for step in leaf.path) for leaf in reading.body.leaves}
    if listed != set(mine):
        return [f"leaves {listed} and tree {mine}"]
    if {path: _typed(one) for path, one in mine.items()} == {
        path: _typed(one) for path, one in seen.items()
    }:
        return []
    return [f"JSON {seen}, not {mine}"]


def _typed(value: Any) -> Any:
    """A scalar with JSON's own type: True is not 1, and a number is the double that holds it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value if isinstance(value, str) or value is None else (value,)


def flat(tree: Any) -> dict[tuple[str, ...], Any]:
    """Scalars by path; what is empty is "empty"."""
    found: dict[tuple[str, ...], Any] = {}
    stack: list[tuple[tuple[str, ...], Any]] = [((), tree)]
    while stack:
        path, value = stack.pop()
        items = (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, list)
            else None
        )
        if items is None:
            found[path] = value
        elif not value:
            found[path] = "empty"
        else:
            stack += [((*path, str(key)), one) for key, one in items]
    return found


def shown(case: Case) -> str:
    """For a failure's words: what to type to see it again."""
    return json.dumps(
        {
            "method": case.method,
            "target": case.target,
            "headers": case.headers,
            "body": quote(case.body, safe="!\"#$&'()*+,/:;<=>?@[]^`{|}~ "),
        },
        ensure_ascii=False,
    )
