"""Typed values of a reading, by name, for the conditions of rules. Pure; decoders are data.

A value that servers may read in more than one way is left out, and a condition that needs it is
undecidable. The same goes for a number with a fraction where an int is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from approvals import reading
from approvals.conditions import Value, fits
from approvals.matching import Subject, When, match
from approvals.reading import SOURCE, SOURCES, UNCLEAR, Reading, Repeated

__all__ = ["BUILT_IN", "SOURCE", "SOURCES", "Decoder", "Field", "decode", "from_body", "types"]


@dataclass(frozen=True, slots=True)
class Field:
    """One value. `source`: see `reading.find`. `type`: one of `conditions.TYPES`.

    In a form or query a list is its key given any number of times, and a bool is `true` or `false`.
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


def decode(subject: Subject, request: Reading, decoders: Sequence[Decoder]) -> Mapping[str, Value]:
    """The values that can be read for certain, by name. Never raises; unclear ones are absent."""
    found: dict[str, Value | None] = {}
    for decoder in decoders:
        if match(decoder.when, None, subject) is not True:
            continue
        for name, wanted in decoder.fields.items():
            value = _pick(reading.find(request, wanted.source), wanted)
            same = name not in found or found[name] == value
            found[name] = value if same else None  # two decoders disagree
    return {name: value for name, value in found.items() if value is not None}


def from_body(wanted: Field) -> bool:
    """Is it read from the body, and not from the address or a header?"""
    return not wanted.source.startswith(("query.", "header.", "path."))


def types(decoders: Sequence[Decoder]) -> dict[str, str]:
    """Every `decoded` name and its type."""
    fields = (one for decoder in decoders for one in decoder.fields.items())
    return {name: wanted.type for name, wanted in fields}


_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_TEXTS: Final = ("form", "query", "header", "path")
"""Where every value is text, and a number is written out."""


def _pick(value: Any, wanted: Field) -> Value | None:
    if value is UNCLEAR:
        return None
    if wanted.source.partition(".")[0] in _TEXTS:
        if wanted.type == "list(string)":
            value = [value] if isinstance(value, str) else value
            value = [*value.texts] if isinstance(value, Repeated) else value
        else:
            value = _typed(value, wanted.type) if isinstance(value, str) else None
    if wanted.type == "double" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return value if fits(wanted.type, value) else None


def _typed(text: str, wanted: str) -> Value | None:
    """A form's text as the type that is wanted, if it says exactly that."""
    if wanted == "string":
        return text
    if wanted == "bool":
        return {"true": True, "false": False}.get(text)
    if wanted == "double":
        return float(text) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text) else None
    return int(text) if _WHOLE.fullmatch(text) else None
