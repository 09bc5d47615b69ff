"""What a request's bytes mean, to rules, facts, cards and pages alike. Pure; linear time.

`read(http)` and `read_payload(text)` give one `Reading`; `find` looks up one value by its source;
`names` is what titles and facts may name. Law 29: where mainstream servers would differ, there is
no value. Law 14: what is still encoded is not shown.

Inside: `values` (the nouns) · `target`, `headers` · `forms`, `json_text`, `body` (media type ->
reader) · `encoded` (text inside text) · `readers` (protocols) · `presentation` (titles and facts).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from approvals.model import Http
from approvals.reading.body import read_body, read_typed
from approvals.reading.encoded import looked
from approvals.reading.forms import folded, read_pairs, steps
from approvals.reading.headers import ContentType, dashed, named, read_headers
from approvals.reading.readers import NAMESPACES, hidden_json, meanings
from approvals.reading.target import method_override, read_target
from approvals.reading.values import (
    PLAIN,
    UNCLEAR,
    Dialect,
    Header,
    Leaf,
    Meaning,
    Opaque,
    Part,
    Path,
    Reading,
    Repeated,
    Scalar,
    Target,
)

__all__ = [
    "PLAIN", "SOURCE", "SOURCES", "UNCLEAR", "Dialect", "Header", "Leaf", "Meaning", "Opaque",
    "Part", "Path", "Reading", "Repeated", "Scalar", "Target", "doubting_headers", "find", "names",
    "read", "read_payload",
]  # fmt: skip

SOURCE: Final = re.compile(
    r"(form|query)\..+|header\.[A-Za-z0-9-]+|(json|" + "|".join(NAMESPACES) + r")(\.[^.]+)+"
    r"|path\.[1-9][0-9]?(-([1-9][0-9]?)?)?"
)
"""What a source looks like (`find`)."""
SOURCES: Final = "it is form.<key>, query.<key>, header.<name>, path.<n> or json.<key>.<key>"


def read(http: Http, *, dialect: Dialect = PLAIN) -> Reading:
    """One outbound request. Never raises."""
    target = read_target(
        http.method,
        http.url,
        http.headers,
        body=bool(http.body) or not http.body_complete,
        dialect=dialect,
    )
    query = _listed(read_pairs((target.query or "").encode(), kind="query"), dialect)
    body = read_body(http.body, http.headers, complete=http.body_complete)
    body = _listed(body, dialect)
    query, body = _both(query, body)
    fields = body.tree if body.kind in ("form", "multipart") else None
    if isinstance(fields, dict) and (field := method_override(set(map(str, fields)))):
        why = f"`{field}` in its form lets some servers take another method."
        target = replace(target, doubts={"method": why, **target.doubts})
    return _understood(
        Reading(
            target=target,
            query=query,
            headers=read_headers(http.headers),
            body=body,
            complete=http.body_complete,
            dialect=dialect,
        )
    )


def read_payload(text: str, *, dialect: Dialect = PLAIN) -> Reading:
    """A request that is not HTTP: its JSON payload, in the sender's order."""
    body = read_typed(text.encode("utf-8", "surrogatepass"), _JSON)
    reading = Reading(target=None, query=Part(kind="none"), headers=(), body=body, dialect=dialect)
    return _understood(reading)


def doubting_headers(reading: Reading) -> Reading:
    """The reading, where more lines of each name may be sent than were listed: the value of a
    header is unclear, and so is what was read by it."""
    doubted = replace(reading, some_headers=True)
    return replace(doubted, meanings=meanings(doubted))


def find(reading: Reading, source: str) -> Any:
    """The value at a source: None where it is absent, `UNCLEAR` where servers may differ.

    `form.<key>`, `query.<key>` (a key as it is written there, `a[b]` too), `header.<name>`,
    `json.<key>.<key>` (into objects; `*`: of every item of a list), `path.<n>`: a segment, from 1;
    `path.2-3`: two of them with the slash; `path.2-`: all from there; `<reader>.<key>`: what a
    special reader found (`mail.to`); `xml.<name>.<name>`, in which `*` is every element of a name.
    A name that was given several times is a `Repeated`.
    """
    kind, _, key = source.partition(".")
    body = reading.body
    match kind:
        case "form":
            return _field(body, key) if body.kind in ("form", "multipart") else None
        case "query":
            return _field(reading.query, key)
        case "header":
            return _header(reading, key)
        case "path":
            return _segments(reading.target, key)
        case "json":
            fields = body.kind in ("json", "ndjson", "yaml")
            return walk(body.tree, key.split(".")) if fields else None
        case "xml":
            return walk(body.tree, key.split("."), every=True) if body.kind == "xml" else None
    for meaning in reading.meanings:
        if meaning.name == kind:
            return walk(dict(meaning.values), key.split("."))
    # Where servers differ in what it is, any special reader might have known it.
    hidden = hidden_json(body)
    doubt = reading.unclear is not None or (hidden is not None and hidden.unclear is not None)
    return UNCLEAR if doubt else None


def names(reading: Reading) -> Mapping[str, Any]:
    """What a title or a fact may name.

    The top names of a JSON body, form or payload themselves (`amount`), and over them: `body`,
    `query` (nested), `path` (segments by number, from 1), `header` (by name in lower case, `_` for
    `-`), `method`, `host`, and each reader's own (`mail`, `aws`, …), with `says`: the operation in
    a few words. Unclear values are `UNCLEAR`, and so is a body that was not read as fields: a
    server may find some in it.
    """
    tree = reading.body.tree
    found: dict[str, Any] = dict(tree) if isinstance(tree, dict) else {}
    fields = reading.body.kind in ("none", "form", "multipart", "parts", "json", "ndjson", "mail")
    found |= {"body": tree if tree or fields else UNCLEAR, "query": reading.query.tree}
    if reading.target is not None:
        target = reading.target
        found |= {"method": target.method, "host": target.host}
        found["path"] = dict(enumerate(target.segments, 1)) if target.unclear is None else UNCLEAR
        found["header"] = {
            header.name.lower().replace("-", "_"): _header(reading, header.name)
            for header in reading.headers
        }
    return found | {one.name: {**one.values, "says": one.says} for one in reading.meanings}


_JSON: Final = ContentType("application/json")


def walk(value: Any, path: list[str], *, every: bool = False) -> Any:
    """Into nested mappings; `*`: into every item of a list, where half a list would mislead.

    `every`: a value that is no list is a list of one, as where XML has one element of a name.
    """
    for at, step in enumerate(path):
        if value is UNCLEAR:
            return UNCLEAR
        if step == "*" and (every or isinstance(value, list | tuple)):
            items = value if isinstance(value, list | tuple) else [value]
            values = [walk(item, path[at + 1 :], every=every) for item in items]
            return UNCLEAR if UNCLEAR in values else None if None in values else values
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _listed(part: Part, dialect: Dialect) -> Part:
    """With those names as lists that this API reads so."""
    names = [name for name in part.repeated if dialect.lists(name)]
    for name in names:
        at = part.tree
        *path, last = [str(step) for step in steps(name) or (name,)]
        for step in path:
            at = at[step]
        at[last] = list(at[last].texts)  # the part was made just now, and nobody else has it
    rest = tuple(name for name in part.repeated if name not in names)
    return replace(part, repeated=rest) if names else part


def _both(query: Part, body: Part) -> tuple[Part, Part]:
    """A name in the query and in the body: servers differ in which of the two they take."""
    if not query.leaves or body.kind not in ("form", "multipart", "json"):
        return query, body
    given = _by_root(query, None)
    more = _by_root(body, given.keys())
    root = next((root for root, values in more.items() if given[root] != values), None)
    if root is None:
        return query, body
    name = next(leaf.path[0] for leaf in body.leaves if leaf.path and _root(leaf) == root)
    why = f"`{name}` is in its query and, with another value, in its body."
    return replace(query, unclear=why, tree=UNCLEAR), replace(body, unclear=why, tree=UNCLEAR)


def _by_root(part: Part, only: Collection[str] | None) -> dict[str, list[tuple[list[str], str]]]:
    """All that stands under each name: to Rack, `a[c]` in the body replaces a query's whole `a`.

    `only`: the names that are looked for; None: all.
    """
    found: dict[str, list[tuple[list[str], str]]] = {}
    roots: dict[str | int, str] = {}
    for leaf in part.leaves:
        if not isinstance(leaf, Leaf) or not leaf.path:
            continue
        first = leaf.path[0]
        root = roots.get(first)
        if root is None:
            root = roots[first] = _root(leaf)
        if only is None or root in only:
            steps = [folded(str(step)) for step in leaf.path]
            text = leaf.value if isinstance(leaf.value, str) else json.dumps(leaf.value)
            found.setdefault(root, []).append((steps, text))
    return found


def _root(leaf: Leaf | Opaque) -> str:
    return folded(str(leaf.path[0]))


def _understood(reading: Reading) -> Reading:
    """With what special readers make of it, and what encoded texts say."""
    found = meanings(reading)
    inside = {path: part for meaning in found for path, part in meaning.inside.items()}
    return replace(
        reading,
        meanings=found,
        query=looked(reading.query, {}),
        body=looked(reading.body, inside),
    )


def _field(part: Part, key: str) -> Any:
    """A key as it is written in a form or query; in another letter case it may be the same one."""
    if part.unclear is not None:
        return UNCLEAR
    path = [str(step) for step in steps(key) or (key,)]
    if path[-1] == "" and len(path) > 1:
        path = path[:-1]
    value: Any = part.tree
    for step in path:
        if not isinstance(value, dict):
            return None
        if step not in value and any(folded(name) == folded(step) for name in value):
            return UNCLEAR
        value = value.get(step)
    return value


def _header(reading: Reading, name: str) -> Any:
    headers = [(header.name, header.value) for header in reading.headers]
    values = named(headers, dashed(name))
    if not values:
        return None
    exact = all("_" not in given for given, _ in headers if dashed(given) == name.lower())
    sure = len(values) == 1 and exact and not reading.some_headers
    return values[0].strip(" \t") if sure else UNCLEAR


def _segments(target: Target | None, key: str) -> Any:
    if target is None:
        return None
    if target.unclear is not None:
        return UNCLEAR
    first, to, last = key.partition("-")
    end = int(last or (len(target.segments) if to else first))
    part = target.segments[int(first) - 1 : end]
    return "/".join(part) if len(part) == end - int(first) + 1 > 0 else None
