"""A YAML file as plain values that remember where they stood, with the environment put in.

Stricter than YAML: repeated keys, aliases, merge keys and tags are faults, and of YAML's guesses
only `true`, `false`, `null` and plain whole numbers remain (an account `0123`, a country `no`, a
time `12:30` stay text). `"${NAME}"` is replaced in scalars that were parsed already, so no variable
can add structure. `<key>_file` in a section that may hold secrets reads a file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args

import yaml
from pydantic import BaseModel, ValidationError

Place: TypeAlias = tuple[str | int, ...]
"""Keys and positions that lead to a value."""

MAX_FILE: Final = 1_048_576
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_GUESSED: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("bool", "float", "int", "map", "null", "seq", "str", "timestamp", "value")
)
"""The tags that values have without anybody writing one."""
_FILES: Final[Mapping[str, tuple[int, ...]]] = {
    "requesters": (2, 3),
    "gateways": (2,),
    "channels": (2,),
    "database": (1,),
}
"""Where `<key>_file` is meant as such: top-level section -> depths of the mapping."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where (line and column from 1), what, and how to mend it."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{hint}"


class Marked:
    """A file that was read: `values`, and the faults found in it by anybody so far.

    `lenient`: a top-level section where a variable that is not set only leaves its key out; `unset`
    has its name. Raises `OSError` where the file cannot be read.
    """

    def __init__(self, path: Path, env: Mapping[str, str], *, lenient: str) -> None:
        self.path = path
        self.values: dict[str, Any] = {}
        self.unset: dict[Place, str] = {}
        self._env, self._lenient = env, lenient
        self._found: dict[Place, Fault] = {}
        self._marks: dict[Place, tuple[int, int]] = {(): (1, 1)}
        self._nodes: set[int] = set()
        tree = self._tree(path.read_bytes())
        if isinstance(tree, yaml.MappingNode):
            self.values = self._mapping(tree, ())
        else:
            self.fault((), "this is not a mapping of sections")

    def fault(self, place: Place, message: str, hint: str = "") -> None:
        """Note what is wrong with the value there; only the first thing about each is kept."""
        marked = place
        while marked not in self._marks:
            marked = marked[:-1]
        fault = Fault(str(self.path), *self._marks[marked], message, hint)
        self._found.setdefault(place, fault)

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

    def _tree(self, raw: bytes) -> yaml.Node | None:
        try:
            if len(raw) > MAX_FILE:
                raise ValueError("it is too large")
            return yaml.compose(raw.decode(), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._marks[()] = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self.fault((), f"this is not YAML: {error.problem}")
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            self.fault((), f"this is not YAML: {error}")
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
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
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
            try:
                values[name] = (self.path.parent / str(file)).read_text("utf-8").strip()
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not text"
                self.fault((*place, name), f"the file of `{name}` cannot be read: {why}")
                values[name] = ""
        return values


def explain(
    errors: ValidationError,
    model: type[BaseModel],
    prefix: Place,
    fault: Callable[[Place, str, str], None],
    unset: Mapping[Place, str],
) -> None:
    """pydantic's findings as faults. What was given is never quoted: it may be a secret."""
    for error in errors.errors(include_url=False, include_input=False):
        place: Place = prefix + tuple(part for part in error["loc"] if part != "[key]")
        last = str(place[-1]) if place else "the file"
        match error["type"]:
            case "extra_forbidden":
                known = _keys_at(model, error["loc"][:-1])
                fault(place, f"unknown key `{last}`", nearest(last, known))
            case "missing":
                variable = unset.get(place)
                hint = f"{variable} is not set" if variable else f"add `{last}`"
                fault(place, f"`{last}` is missing", hint)
            case "value_error":
                fault(place, f"`{last}`: {error['ctx']['error']}", "")
            case "string_pattern_mismatch":
                fault(place, f"`{last}` cannot be a name", "letters, digits and _ - . @")
            case _:
                fault(place, f"`{last}`: {error['msg'][:1].lower()}{error['msg'][1:]}", "")


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the model at that place knows, as far as it can be followed."""
    for step in place:
        info = model.model_fields.get(str(step)) or next(
            (field for field in model.model_fields.values() if field.alias == step), None
        )
        inner = next(_models(info.annotation), None) if info is not None else None
        model = inner or model
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
