"""A YAML file as plain values that remember where they stood, with the environment put in.

Stricter than YAML: repeated keys, aliases, merge keys and tags are faults, and of YAML's guesses
only `true`, `false`, `null` and plain whole numbers remain (an account `0123`, a country `no`, a
time `12:30` stay text). `"${NAME}"` is replaced in scalars that were parsed already, so no variable
can add structure. `<key>_file` in a section that may hold secrets reads a file.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeAlias, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

Place: TypeAlias = tuple[str | int, ...]
"""Keys and positions that lead to a value."""
FaultAt: TypeAlias = Callable[[Place, str, str], None]
"""As `Marked.fault`: where, what is wrong, how to fix it."""


class Section(BaseModel):
    """A part of a file, which refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Keys that belong in another place or file, and where, as a hint."""


class Within(int):
    """The last step of a place: a character of the text that stands there, from 0."""


MAX_FILE: Final = 1_048_576
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_GUESSED: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("bool", "float", "int", "map", "null", "seq", "str", "timestamp", "value")
)
"""The tags that values have without anybody writing one."""
_YAML: Final = (
    ("mapping values are not", "a `:` is not expected here", "quote a value with `: ` in it"),
    ("\\t", "there is a tab here", "indent with blanks"),
    ("cannot start any token", "this character cannot begin a value", "quote the value"),
    ("could not find expected ':'", "a `:` is missing after a key", ""),
    ("while scanning a quoted scalar", "a quote is not closed", ""),
    ("flow sequence", "a `,` or a `]` is missing", ""),
    ("flow mapping", "a `,` or a `}` is missing", ""),
    ("block mapping", "a key does not stand below the others", "indent them alike"),
    ("block collection", "an item does not stand below the others", "indent them alike"),
    ("found undefined alias", "aliases and tags are not supported", "write the value out"),
    ("escape", "this `\\` is not an escape", "use single quotes"),
)
"""What PyYAML says, what we say, and what helps."""
_FILES: Final[Mapping[str, tuple[int, ...]]] = {
    "requesters": (2, 3), "gateways": (2,), "channels": (2,), "database": (1,),
    "service": (1,), "agents": (2,), "derived": (1,),  # of gateway.yaml
}  # fmt: skip
"""Where `<key>_file` is meant as such: top-level section -> depths of the mapping."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where it is (line and column from 1), what is wrong, and how to fix it."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{hint}"


class Marked:
    """A file that was read: its `values`, and the faults found in it so far.

    `lenient`: a top-level section where a key whose variable is not set is only left out; `unset`
    has the variable's name. `ours`: a file that we ship, read by a faster parser. Raises `OSError`
    where the file cannot be read.
    """

    def __init__(
        self, path: Path, env: Mapping[str, str], *, lenient: str, ours: bool = False
    ) -> None:
        self.path = path
        self.values: dict[str, Any] = {}
        self.unset: dict[Place, str] = {}
        self._env, self._lenient = env, lenient
        self._found: dict[Place, Fault] = {}
        self._marks: dict[Place, tuple[int, int]] = {(): (1, 1)}
        self._nodes: set[int] = set()
        self._texts: dict[Place, yaml.ScalarNode] = {}
        raw = path.read_bytes()
        self._lines = raw.decode(errors="replace").split("\n")
        tree = (self._quick(raw) if ours else None) or self._tree(raw)
        if isinstance(tree, yaml.MappingNode):
            self.values = self._mapping(tree, ())
        else:
            self.fault((), "this is not a mapping of sections")

    def fault(self, place: Place, message: str, hint: str = "") -> None:
        """Note what is wrong with the value there; only the first thing about each is kept."""
        marked = place
        while marked not in self._marks:
            marked = marked[:-1]
        line, column = self._marks[marked]
        if place and isinstance(place[-1], Within) and marked == place[:-1]:
            line, column = self._character(marked, place[-1])
        fault = Fault(str(self.path), line, column, message, hint)
        self._found.setdefault(place, fault)

    def _character(self, place: Place, at: int) -> tuple[int, int]:
        """Where that character of a text stands; the text's beginning where that is not plain."""
        node, start = self._texts.get(place), self._marks[place]
        if node is None:
            return start
        row, column = node.start_mark.line, node.start_mark.column
        if node.style in ("|", ">"):
            rows = node.value[:at].split("\n")
            row, column, part = row + len(rows), 0, node.value.split("\n")[len(rows) - 1]
            at = len(rows[-1])
        else:
            column, part = column + bool(node.style), node.value
        text = self._lines[row] if row < len(self._lines) else ""
        found = text.find(part, column)
        if found < 0 or (node.style not in ("|", ">") and found != column):
            return start  # folded, or with escapes
        return row + 1, found + at + 1

    @property
    def faults(self) -> list[Fault]:
        """In the order of the file."""
        return sorted(self._found.values(), key=lambda fault: (fault.line, fault.column))

    def within(self, *sections: str) -> list[Fault]:
        """Those in these top-level sections, and those of the file as a whole."""
        return sorted(
            (fault for place, fault in self._found.items() if not place or place[0] in sections),
            key=lambda fault: (fault.line, fault.column),
        )

    def _quick(self, raw: bytes) -> yaml.Node | None:
        # libyaml takes a tenth of the time; a file that it rejects is parsed again for the message.
        try:
            return yaml.compose(raw.decode(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, ValueError, RecursionError):
            return None

    def _tree(self, raw: bytes) -> yaml.Node | None:
        try:
            if len(raw) > MAX_FILE:
                raise ValueError
            return yaml.compose(raw.decode(), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._marks[()] = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            said = f"{error.context or ''} {error.problem or ''}"
            why, hint = next((found for part, *found in _YAML if part in said), ("", ""))
            self.fault((), f"this is not YAML{': ' * bool(why)}{why}", hint)
        except UnicodeDecodeError as error:
            self._marks[()] = (raw[: error.start].count(b"\n") + 1, 1)
            self.fault((), "this is not YAML: it is not text", "save the file as UTF-8")
        except RecursionError:
            self.fault((), "this is not YAML that can be read: it is nested too deeply")
        except yaml.reader.ReaderError as error:
            before = raw.decode()[: error.position]
            self._marks[()] = (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
            self.fault((), "this is not YAML: there is a control character here", "remove it")
        except (ValueError, yaml.YAMLError):
            self.fault((), f"this is not YAML of at most {MAX_FILE} bytes")
        return None

    def _mark(self, place: Place, node: yaml.Node) -> None:
        self._marks[place] = node.start_mark.line + 1, node.start_mark.column + 1

    def _plain(self, node: yaml.Node, place: Place) -> Any:
        if place not in self._marks:
            self._mark(place, node)
        if id(node) in self._nodes or node.tag not in _GUESSED:
            self.fault(place, "aliases and tags are not supported", "write the value out")
            return None
        self._nodes.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*place, at)) for at, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            self._texts[place] = node
        plain = isinstance(node, yaml.ScalarNode) and not node.style
        return self._scalar(node.value, place, plain=plain)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for at, (key, value) in enumerate(node.value):
            odd = (*place, at)
            self._mark(odd, key)
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                self.fault(odd, "this is not a plain key", "write the keys out")
                continue
            here = (*place, key.value)
            if here in self._marks:
                line, _ = self._marks[here]
                self.fault(odd, f"`{key.value}` is given twice, first on line {line}", "remove one")
                continue
            self._mark(here, value if isinstance(value, yaml.ScalarNode) else key)
            plain = self._plain(value, here)
            if here not in self.unset and not (plain == "" and here[0] == self._lenient):
                values[key.value] = plain
        return self._with_files(values, place)

    def _scalar(self, text: str, place: Place, *, plain: bool) -> object:
        if plain and text in ("true", "false"):
            return text == "true"
        if plain and text in ("", "~", "null"):
            return None
        if plain and re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text):
            return int(text)

        def value(variable: re.Match[str]) -> str:
            name = variable[1]
            if not self._env.get(name) and place[0] == self._lenient:
                self.unset[place] = name
            elif not self._env.get(name):
                self.fault(place, f"the environment has no {name}", "set it, or read a file")
            return self._env.get(name, "")

        return _VARIABLE.sub(value, text)

    def _with_files(self, values: dict[str, Any], place: Place) -> dict[str, Any]:
        if not place or len(place) not in _FILES.get(str(place[0]), ()):
            return values
        for key in [key for key in values if key.endswith("_file")]:
            name, here = key.removesuffix("_file"), (*place, key)
            file = values.pop(key)
            if name in values:
                self.fault(here, f"`{name}` and `{key}` are both given", "remove one")
                continue
            self._marks[(*place, name)] = self._marks[here]
            secret = self.path.parent / str(file)
            try:
                values[name] = secret.read_text("utf-8").strip()
                if open_to_others(secret.stat(), os.geteuid()):
                    why = f"the file of `{name}` can be read by others"
                    self.fault(here, why, f"chmod 600 {shlex.quote(str(secret))}")
            except (OSError, ValueError) as error:
                why = "it is not text" if isinstance(error, UnicodeError) else "it is not a file"
                if isinstance(error, OSError) and error.errno:
                    why = os.strerror(error.errno).lower()
                self.fault((*place, name), f"the file of `{name}` cannot be read: {why}")
                values[name] = ""
        return values


def open_to_others(of: os.stat_result, user: int) -> bool:
    """Can anyone read this file who should not? The group of a file that another user owns, such
    as a mounted secret, may read it: that is how this `user` reads it."""
    own = of.st_uid == user
    return bool(of.st_mode & (0o077 if own else 0o007))


def explain(
    errors: ValidationError,
    model: type[BaseModel],
    prefix: Place,
    fault: FaultAt,
    unset: Mapping[Place, str],
    shapes: Mapping[Place, str] = MappingProxyType({}),
) -> None:
    """pydantic's errors as faults. The value given is never quoted: it may be a secret.

    `shapes`: an example of the value at a place; `*` in a place is any key there.
    """
    for error in errors.errors(include_url=False):
        place: Place = prefix + tuple(part for part in error["loc"] if part != "[key]")
        # An item is called by its list's name: `0` says nothing to someone who wrote a single text.
        keys = [part for part in place if isinstance(part, str)] or ["the file"]
        last = keys[-1]
        if error["type"] == "missing" and (variable := unset.get(place)):
            fault(place, f"`{last}` is missing", f"{variable} is not set")
            continue
        at = model_at(model, error["loc"][:-1])
        message, hint = wording(error, f"`{last}`", keys_of(at))
        if error["type"] == "extra_forbidden" and issubclass(at, Section):
            hint = at.elsewhere.get(last, hint)
        shape = _shape(place, shapes) if error["type"].endswith("_type") else ""
        fault(place, message, shape or hint)


def wording(error: ErrorDetails, name: str, known: Iterable[str]) -> tuple[str, str]:
    """A pydantic error in our words, about the value called `name`, and a hint or "".

    `known`: the keys beside it. The value itself is never quoted."""
    ctx = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key {name}", nearest(name.strip("`").rpartition(".")[2], known)
        case "missing":
            return f"{name} is missing", f"add {name}"
        case "value_error":
            return f"{name}: {ctx['error']}", ""
        case "string_pattern_mismatch" if "a-z" in str(ctx.get("pattern", "")).lower():
            return f"{name} cannot be a name", "letters, digits and _ - . @"
        case "string_pattern_mismatch":
            return f"{name} is not written as it must be", ""
        case "literal_error" | "enum":
            allowed = re.findall(r"'([^']*)'", str(ctx.get("expected", "")))
            given = error.get("input")
            close = difflib.get_close_matches(given, allowed, 1) if isinstance(given, str) else ()
            *first, last = [f"`{one}`" for one in allowed or ["something else"]]
            listed = f"{', '.join(first)} or {last}" if first else last
            return f"{name} must be {listed}", f"do you mean `{close[0]}`?" if close else ""
        case "tuple_type" | "list_type" | "set_type" | "frozen_set_type":
            return f"{name} must be a list", "like [one, two]"
        case "dict_type" | "model_type" | "model_attributes_type" | "mapping_type":
            return f"{name} must have keys of its own", "like {key: value}"
        case "string_type" | "string_sub_type":
            what = "not a list or a section" if isinstance(error.get("input"), list | dict) else ""
            return f"{name} must be a text{', ' * bool(what)}{what}", "" if what else "in quotes"
        case "int_type" | "int_parsing" | "int_from_float" | "int_parsing_size":
            return f"{name} must be a whole number", ""
        case "float_type" | "float_parsing" | "finite_number":
            return f"{name} must be a number", ""
        case "bool_type" | "bool_parsing":
            return f"{name} must be true or false", ""
        case "none_required":
            return f"{name} must not be set", ""
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than" as kind:
            (bound,) = ctx.values()
            most = {"greater_than_equal": "at least", "less_than_equal": "at most"}
            return f"{name} must be {most.get(kind, kind.replace('_', ' '))} {bound}", ""
        case "too_short" | "too_long" | "string_too_short" | "string_too_long" as kind:
            bound = ctx["min_length"] if kind.endswith("short") else ctx["max_length"]
            counted = ctx.get("field_type") in ("List", "Tuple", "Set", "Frozenset", "Dictionary")
            thing = ("entry", "entries") if counted else ("character", "characters")
            if bound == 1 and kind.endswith("short"):
                return f"{name} is empty", ""
            many = "at least" if kind.endswith("short") else "at most"
            return f"{name} must have {many} {bound} {thing[bound != 1]}", ""
        case kind if kind.startswith("uuid"):
            return f"{name} must be an id like 12345678-1234-1234-1234-123456789abc", ""
        case kind if kind.startswith(("url", "json")):
            return f"{name} cannot be read", ""
    return f"{name} is not of the kind that belongs here", ""


def _shape(place: Place, shapes: Mapping[Place, str]) -> str:
    for pattern, example in shapes.items():
        if len(pattern) == len(place) and all(
            p in ("*", q) for p, q in zip(pattern, place, strict=True)
        ):
            return f"like {example}"
    return ""


def model_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """The model of the value at that place, as far as it can be followed."""
    for step in place:
        for name, info in model.model_fields.items():
            if step in (name, info.alias):
                model = next(_models(info.annotation), model)
                break
    return model


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys that a model knows, as they are written."""
    return [info.alias or name for name, info in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, 1)
    return f"do you mean `{close[0]}`?" if close else f"known are {', '.join(names) or 'none'}"
