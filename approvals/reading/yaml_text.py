"""YAML as servers read it. Pure; linear, on libyaml where it is there.

Clear is what YAML 1.1 and 1.2 read as the same values: no anchors, aliases, tags or merge keys, no
name twice, one document, and no plain word that is a boolean, a number or a time to some parsers
only (https://yaml.org/type/bool.html, https://yaml.org/spec/1.2.2/#103-core-schema).
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from approvals.reading.json_text import read_json
from approvals.reading.values import MAX_DEPTH, Doubtful, Part, nested, unclear_text

LARGEST_YAML: Final = 32 * 1024
"""Characters: read in about 20 ms; what is larger is shown as text (law 32)."""


def read_yaml(text: str) -> Part:
    """A YAML text. Never raises; what has no one reading is shown as it stands and unclear."""
    if text[:1] in ("{", "["):
        as_json = read_json(text, kind="yaml")
        if as_json.unclear is None:
            return as_json
    if len(text) > LARGEST_YAML:
        return unclear_text("yaml", text, "It is too large to be taken apart.")
    try:
        return nested("yaml", _Tree().of(text))
    except Doubtful as doubt:
        return unclear_text("yaml", text, str(doubt))
    except (yaml.YAMLError, ValueError, RecursionError):
        return unclear_text("yaml", text, "It is not valid YAML.")


_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")
_ODD: Final = re.compile(
    r"y|n|yes|no|on|off|<<|=|[-+]?\.?[0-9][0-9_.,:xobeE+a-f-]*|[-+]?\.(?:inf|nan)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*",
    re.IGNORECASE,
)
"""Plain words that are booleans, numbers, times or merges to some parsers only."""
_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}


class _Tree:
    """One document, grown from libyaml's events."""

    def __init__(self) -> None:
        self.open: list[Any] = []
        self.keys: list[Any] = []
        self.folded: list[set[str]] = []
        self.roots: list[Any] = []

    def of(self, text: str) -> Any:
        for event in yaml.parse(text, Loader=_LOADER):
            if getattr(event, "anchor", None) is not None:
                raise Doubtful("It has anchors or aliases, which some servers do not follow.")
            if getattr(event, "tag", None) is not None:
                raise Doubtful("It has tags, which servers read in different ways.")
            match event:
                case yaml.ScalarEvent():
                    self._add(self._scalar(event))
                case yaml.MappingStartEvent():
                    self._enter({})
                case yaml.SequenceStartEvent():
                    self._enter([])
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self.open.pop()
                    self.keys.pop()
                    self.folded.pop()
        if len(self.roots) != 1:
            raise Doubtful("It is not a single YAML document.")
        return self.roots[0]

    def _enter(self, value: Any) -> None:
        self._add(value)
        self.open.append(value)
        self.keys.append(_NONE)
        self.folded.append(set())
        if len(self.open) > MAX_DEPTH:
            raise Doubtful(f"It is nested deeper than {MAX_DEPTH} levels.")

    def _add(self, value: Any) -> None:
        if not self.open:
            self.roots.append(value)
        elif isinstance(self.open[-1], list):
            self.open[-1].append(value)
        elif self.keys[-1] is _NONE:
            if not isinstance(value, str):
                raise Doubtful("One of its keys is not text.")
            if value.casefold() in self.folded[-1]:
                raise Doubtful("A name appears twice in one mapping.")
            self.folded[-1].add(value.casefold())
            self.keys[-1] = value
        else:
            self.open[-1][self.keys[-1]] = value
            self.keys[-1] = _NONE

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text: str = event.value
        if "\0" in text or re.search("[\ud800-\udfff]", text):
            raise Doubtful("It holds a NUL character or half of a surrogate pair.")
        if event.style not in (None, ""):
            return text
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if _NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
        if _ODD.fullmatch(text):
            raise Doubtful(f"`{text[:40]}` without quotes is text only to some servers.")
        return text


_NONE: Final = object()
