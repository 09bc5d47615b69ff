"""Typed values out of the bytes that are bound, for rules to look at. Pure; decoders are data.

What cannot be read in one way only is not there, and a condition that needs it is undecidable: a
key given twice (also in another letter case, which some servers take for the same), a number that
is not whole, a compressed body, a body of which only the head was received, and all of a body or
payload of more than `LARGEST` bytes, because everybody waits while it is read.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from approvals.conditions import Value, fits
from approvals.matching import Subject, When, match, normal_path
from approvals.model import Fact, Http

LARGEST: Final = 64 * 1024
LONGEST: Final = 4_000
"""Characters of one fact; a longer one is cut and says so."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value. `source`: `form.<key>`, `query.<key>`, `header.<name>`, or `json.<key>.<key>`
    (into objects; `*`: of every item of a list), or `path.<n>`: a segment of the path, from 1;
    `path.2-3`: two of them with the slash; `path.2-`: all from there.

    `type`: one of `conditions.TYPES`. In a form or query a list is its key given any number of
    times, and a bool is `true` or `false`.
    """

    source: str
    type: str


@dataclass(frozen=True, slots=True)
class Decoder:
    """`fields` by name (`decoded.<name>`), read from the requests that `when` is about."""

    name: str
    when: When
    fields: Mapping[str, Field]


BUILT_IN: Final = (
    # https://docs.stripe.com/api: form-encoded bodies; `amount` in the currency's smallest unit.
    Decoder(
        "stripe money",
        When(
            host=("api.stripe.com",),
            method=("POST",),
            path=("/v1/payouts", "/v1/transfers", "/v1/refunds", "/v1/charges"),
        ),
        {
            "amount": Field("form.amount", "int"),
            "currency": Field("form.currency", "string"),
            "destination": Field("form.destination", "string"),
        },
    ),
    # https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request
    Decoder(
        "github merge",
        When(host=("api.github.com",), method=("PUT",), path=("/repos/*/*/pulls/*/merge",)),
        {"merge_method": Field("json.merge_method", "string")},
    ),
)


def decode(
    subject: Subject, http: Http | None, payload: str | None, decoders: Sequence[Decoder]
) -> Mapping[str, Value]:
    """The values that can be read for certain, by name. Never raises; what is unclear is absent."""
    found: dict[str, Value | None] = {}
    read: dict[str, Any] = {}
    for decoder in decoders:
        if match(decoder.when, None, subject) is not True:
            continue
        for name, wanted in decoder.fields.items():
            kind, _, key = wanted.source.partition(".")
            if kind not in read:
                read[kind] = _READERS[kind](http, payload)
            value = _pick(read[kind], kind, key, wanted.type)
            same = name not in found or found[name] == value
            found[name] = value if same else None  # two decoders disagree
    return {name: value for name, value in found.items() if value is not None}


def show(http: Http, labels: Sequence[tuple[str, Sequence[str]]]) -> tuple[Fact, ...]:
    """Facts for people, each from the sources (see `Field`) that may hold it.

    Never raises. A value that is absent or unclear, or two sources that disagree, give no fact.
    """
    found, read = [], dict[str, Any]()
    for label, sources in labels:
        texts = set()
        for source in sources:
            kind, _, key = source.partition(".")
            if kind not in read:
                read[kind] = _READERS[kind](http, None)
            value = _reach(read[kind], kind, key)
            if kind in _MANY and isinstance(value, list) and not key.endswith("[]"):
                value = value[0] if len(value) == 1 else _UNCLEAR
            if value is not None:
                texts.add(_words(value))
        if len(texts) == 1 and (text := texts.pop()) is not None:
            found.append(fact(label, text))
    return tuple(found)


def fact(label: str, text: str) -> Fact:
    """A fact that can be sent and shown: cut where it is too long, and lone surrogates escaped."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters in all)"
    return Fact(label, cut.encode("utf-8", "backslashreplace").decode())


def media_type(http: Http, largest: int = LARGEST) -> str | None:
    """In lower case; None where the body is not there as meant, or is larger than `largest`."""
    if not http.body_complete or len(http.body) > largest:
        return None
    named = Counter(name.lower() for name, _ in http.headers)
    if named["content-encoding"] or named["content-type"] != 1:
        return None
    (value,) = (value for name, value in http.headers if name.lower() == "content-type")
    return value.partition(";")[0].strip().lower()


def json_text(http: Http, key: str, largest: int = LARGEST) -> str | None:
    """The text at `<key>.<key>` of a JSON body; None where it is absent, unclear or no text."""
    value = _walk(_json(http, None, largest), key.split("."))
    return value if isinstance(value, str) else None


def from_body(wanted: Field) -> bool:
    """Is it read from the body, and not from the URL?"""
    return wanted.source.startswith(("form.", "json."))


def types(decoders: Sequence[Decoder], declared: Mapping[str, str]) -> Mapping[str, str]:
    """Every `decoded` name and its type. `ValueError` where two say different types of one name."""
    known = dict(declared)
    for decoder in decoders:
        for name, wanted in decoder.fields.items():
            if known.setdefault(name, wanted.type) != wanted.type:
                raise ValueError(f"`{name}` is {known[name]} elsewhere and {wanted.type} here")
    return known


SOURCE: Final = re.compile(
    r"(form|query)\..+|header\.[A-Za-z0-9-]+|json(\.[^.]+)+|path\.[1-9][0-9]?(-([1-9][0-9]?)?)?"
)
"""What `Field.source` looks like."""
SOURCES: Final = "it is form.<key>, query.<key>, header.<name>, path.<n> or json.<key>.<key>"

_UNCLEAR: Final = object()
"""Something stands there, and it cannot be told what."""
_MANY: Final = ("form", "query", "header")
"""Where one name may stand several times."""
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")


def _form(http: Http | None, payload: str | None) -> list[tuple[str, str]]:
    if http is None or media_type(http) != "application/x-www-form-urlencoded":
        return []
    return _pairs(http.body)


def _query(http: Http | None, payload: str | None) -> list[tuple[str, str]]:
    if http is None:
        return []
    return _pairs(http.url.partition("#")[0].partition("?")[2].encode("utf-8", "replace"))


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    """Nothing at all where the bytes are not UTF-8 key=value pairs, or are too many."""
    try:
        return parse_qsl(
            raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=1_000
        )
    except ValueError:
        return []


def _headers(http: Http | None, payload: str | None) -> list[tuple[str, str]]:
    return [] if http is None else [(name.lower(), value.strip()) for name, value in http.headers]


def _json(http: Http | None, payload: str | None, largest: int = LARGEST) -> object:
    if http is None:
        # A character is a byte at least.
        text = payload if payload and len(payload) <= LARGEST else ""
    elif re.fullmatch(r"application/([a-z0-9.-]+\+)?json", media_type(http, largest) or ""):
        try:
            text = http.body.decode()
        except ValueError:
            return None
    else:
        return None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    counts = Counter(key.casefold() for key, _ in pairs)
    return {key: value if counts[key.casefold()] == 1 else _UNCLEAR for key, value in pairs}


def _path(http: Http | None, payload: str | None) -> list[str]:
    if http is None:
        return []
    path = Subject.of("", "", "", http).path or ""
    # Where servers may count the segments in two ways, none can be named by its number.
    if "//" in path or (normal := normal_path(path)) is None:
        return []
    return normal.strip("/").split("/")


_READERS: Final[Mapping[str, Callable[[Http | None, str | None], Any]]] = {
    "form": _form,
    "query": _query,
    "header": _headers,
    "path": _path,
    "json": _json,
}


def _pick(read: Any, kind: str, key: str, wanted: str) -> Value | None:
    value = _reach(read, kind, key)
    if kind in _MANY and wanted != "list(string)":
        one = isinstance(value, list) and len(value) == 1
        value = _typed(value[0], wanted) if one else None
    elif kind == "path":
        value = _typed(value, wanted) if value is not None else None
    if wanted == "double" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) <= 2**53 else None
    return value if fits(wanted, value) else None


def _reach(read: Any, kind: str, key: str) -> Any:
    """What stands there: any JSON value, a segment's text, or all texts of a form's key."""
    if kind == "json":
        return _walk(read, key.split("."))
    if kind == "path":
        first, to, last = key.partition("-")
        end = int(last or (len(read) if to else first))
        part = read[int(first) - 1 : end]
        try:
            whole = len(part) == end - int(first) + 1 > 0
            return "/".join(unquote(name, errors="strict") for name in part) if whole else None
        except ValueError:
            return None
    key = key.lower() if kind == "header" else key
    alike = [(name, text) for name, text in read if name.casefold() == key.casefold()]
    texts = [text for name, text in alike if name == key]
    # Another letter case may be the same key to some servers.
    return (texts if len(texts) == len(alike) else _UNCLEAR) if alike else None


def _walk(value: Any, steps: Sequence[str]) -> Any:
    """None where a step leads nowhere, also for one item of a list: half a list would mislead."""
    for at, step in enumerate(steps):
        if step == "*" and isinstance(value, list):
            items = [_walk(item, steps[at + 1 :]) for item in value]
            return None if None in items else items
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _words(value: Any) -> str | None:
    """A value as people read it; None for what has no short form."""
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return json.dumps(value)
        case [str(only)]:
            return only
        case list() if value and all(isinstance(item, str) for item in value):
            return ", ".join(json.dumps(item) if "," in item else item for item in value)
        case list() | dict():
            return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}, see the request"
    return None


def _typed(text: str, wanted: str) -> Value | None:
    """A form's text as the type that is wanted, if it says exactly that."""
    if wanted == "string":
        return text
    if wanted == "bool":
        return {"true": True, "false": False}.get(text)
    if wanted == "double":
        return float(text) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text) else None
    return int(text) if _WHOLE.fullmatch(text) else None
