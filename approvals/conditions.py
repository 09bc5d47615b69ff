"""`if` of a rule: a CEL expression over typed values, checked at the start.

The library evaluates; it checks neither names nor types beforehand, so `compile` reads the
expression once itself and infers its types. What may be written is a subset of CEL, chosen so that
every evaluation ends soon and nothing goes wrong in silence, whatever an agent sent: comparisons,
`&& || ! ?:`, whole-number arithmetic, `in`, string tests, `has`, `size` of a list, one macro deep.
Regular expressions are literals only (linear time).

A condition that passed can still meet a request that lacks a value: then `holds` raises
`Undecidable`, and who asked must take the strict side (a rule that asks or denies matches, one that
allows does not).

The library costs 0.3 s and up to 30 MB (most of it for command-line toys that it imports): only the
first condition imports it. Why this one: docs/adr/0003-cel-library.md.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from types import ModuleType

Value: TypeAlias = int | str | bool | float | Sequence[str]

TYPES: Final = ("int", "string", "bool", "double", "list(string)")
"""What a decoded value may be; whole numbers are 64 bits wide, as in CEL."""

VARIABLES: Final[Mapping[str, str]] = {
    "http.method": "string",
    "http.host": "string",
    "http.path": "string",
    "http.query": "string",
    "action": "string",
    "agent": "string",
    "requester": "string",
}
"""What every condition may name besides `decoded.<name>`. A request without HTTP has no `http`."""

MAX_SOURCE: Final = 2_000
MAX_TEXT: Final = 65_536
MAX_ITEMS: Final = 1_000
"""A macro takes about 8 µs for each item."""


class Wrong(ValueError):
    """An expression that cannot be a condition: what is wrong (`str()`), a hint or "", and at which
    character it is, from 0; None: all of it."""

    def __init__(self, message: str, hint: str = "", at: int | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.at = at


class Undecidable(Exception):
    """This request lacks what the condition needs. `str()` says what, and quotes no value."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked expression. `names`: the variables it looks at, with their types."""

    source: str
    names: Mapping[str, str]
    _execute: Callable[[dict[str, Any]], object] = field(repr=False, compare=False)

    def holds(self, variables: Mapping[str, Value | None]) -> bool:
        """Is it true of these values, named as in `names` (absent or None: not known)?

        Raises `Undecidable`. CEL's own rules apply: `true || <unknown>` is true.
        """
        known: dict[str, Any] = {"decoded": {}, "http": {}}
        for name, kind in self.names.items():
            value = variables.get(name)
            if value is None:
                continue
            if not fits(kind, value):
                raise Undecidable(f"`{name}` is not a usable {kind}")
            head, dot, tail = name.partition(".")
            if dot:
                known[head][tail] = value
            else:
                known[name] = value
        try:
            result = self._execute(known)
        except Exception as error:  # whatever the library stumbles over decides nothing
            raise Undecidable(f"it cannot be evaluated ({type(error).__name__})") from None
        if not isinstance(result, bool):
            raise Undecidable("it is neither true nor false")
        return result


def compile(source: str, types: Mapping[str, str]) -> Condition:
    """Check an expression against the `decoded` names and their types (see `TYPES`).

    Raises `Wrong` that says what is wrong, and where: syntax, an unknown name, operands that do not
    go together, a result that is not a bool.
    """
    if len(source) > MAX_SOURCE:
        raise Wrong(f"the condition is longer than {MAX_SOURCE} characters")
    reader = _Reader(source, {f"decoded.{name}": kind for name, kind in types.items()})
    try:
        kind = reader.whole()
    except RecursionError:
        raise Wrong("the condition is nested too deeply") from None
    except Wrong as error:
        if error.at is None:
            error.at = reader.position
        raise
    try:
        program = _library().compile(source)
    except (ValueError, RecursionError):  # the library's words quote everything
        raise Wrong("the condition is not valid CEL") from None
    if kind != "bool":
        raise Wrong(f"the condition is of type {kind}; it must be true or false")
    return Condition(source, reader.used, program.execute)


def fits(kind: str, value: object) -> bool:
    """Is this a value of that type, small enough to be looked at?"""
    match kind, value:
        case "bool", bool():
            return True
        case "int", int():
            return not isinstance(value, bool) and -(2**63) <= value < 2**63
        case "double", float():
            return math.isfinite(value)
        case "string", str():
            return len(value) <= MAX_TEXT
        case "list(string)", list() | tuple():
            return len(value) <= MAX_ITEMS and all(fits("string", item) for item in value)
    return False


_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    | (?P<int>0x[0-9a-fA-F]+|\d+)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:()\[\],.])
    | (?P<end>$)
    )""",
    re.VERBOSE,
)
_METHODS: Final = ("startsWith", "endsWith", "contains", "matches")
_MACROS: Final = ("all", "exists", "exists_one")
_CONVERSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "int": ("double",),
    "double": ("int",),
    "string": ("int",),
}
_RELATIONS: Final = ("==", "!=", "<", "<=", ">", ">=", "in")
_ARITHMETIC: Final[Mapping[str, tuple[str, ...]]] = {
    "+": ("int", "double", "string"),
    "-": ("int", "double"),
    "*": ("int", "double"),
    "/": ("int",),  # of doubles: 0.0 / 0.0 is equal to nothing and would say false in silence
    "%": ("int",),
}


class _Reader:
    """Recursive descent over CEL's ladder of precedence; each step returns the type it read."""

    def __init__(self, source: str, types: Mapping[str, str]) -> None:
        self.names = {**types, **VARIABLES}
        self.used: dict[str, str] = {}
        self.local: dict[str, str] = {}
        self.tokens = _tokens(source)
        self.at = 0

    def whole(self) -> str:
        kind = self.choice()
        other = _OTHERS.get(self.word.lower(), "")
        hint = f"CEL writes `{other}`" if other else ""
        _demand(self.peek("end"), f"`{self.word}` is not expected there", hint)
        return kind

    @property
    def position(self) -> int:
        """The character at which the next token begins."""
        return self.tokens[self.at][2]

    @property
    def word(self) -> str:
        return self.tokens[self.at][1]

    def peek(self, *kinds: str) -> bool:
        return self.tokens[self.at][0] in kinds

    def take(self, *words: str) -> str | None:
        """The next token, if it is one of these signs (or the word `in`)."""
        kind, word, _ = self.tokens[self.at]
        if word in words and (kind == "sign" or word == "in"):
            self.at += 1
            return word
        return None

    def need(self, sign: str) -> None:
        before = f" before `{self.word}`" if self.word else " at the end"
        _demand(self.take(sign) is not None, f"`{sign}` is expected{before}")

    def identifier(self) -> str:
        kind, word, _ = self.tokens[self.at]
        there = f"not `{word}`" if word else "but the condition ends"
        _demand(kind == "name" and word != "in", f"a name is expected, {there}")
        self.at += 1
        return word

    def choice(self) -> str:
        kind = self.either()
        if self.take("?") is None:
            return kind
        _demand(kind == "bool", f"`?` needs a bool before it, not {kind}")
        yes = self.either()
        self.need(":")
        no = self.choice()
        _demand(yes == no, f"both sides of `:` must have one type, not {yes} and {no}")
        return yes

    def either(self) -> str:
        return self.bools("||", self.both)

    def both(self) -> str:
        return self.bools("&&", self.relation)

    def bools(self, sign: str, part: Callable[[], str]) -> str:
        kind = part()
        while self.take(sign):
            right = part()
            _demand(kind == right == "bool", f"`{sign}` needs bools, not {kind} and {right}")
        return kind

    def relation(self) -> str:
        left = self.sum()
        while sign := self.take(*_RELATIONS):
            right = self.sum()
            if sign == "in":
                _demand(right == f"list({left})", f"`in` needs a list({left}), not {right}")
            else:
                _demand(left == right, f"`{sign}` cannot compare {left} with {right}")
                ordered = left in ("int", "double", "string")
                _demand(ordered or sign in ("==", "!="), f"`{sign}` cannot order {left}")
            left = "bool"
        return left

    def sum(self) -> str:
        return self.arithmetic(("+", "-"), self.product)

    def product(self) -> str:
        return self.arithmetic(("*", "/", "%"), self.unary)

    def arithmetic(self, signs: tuple[str, ...], part: Callable[[], str]) -> str:
        left = part()
        while sign := self.take(*signs):
            right = part()
            fine = left == right and left in _ARITHMETIC[sign]
            _demand(fine, f"`{sign}` does not go with {left} and {right}")
        return left

    def unary(self) -> str:
        if self.take("!"):
            kind = self.unary()
            _demand(kind == "bool", f"`!` needs a bool, not {kind}")
            return kind
        if self.take("-"):
            kind = self.unary()
            _demand(kind in ("int", "double"), f"`-` needs a number, not {kind}")
            return kind
        return self.member()

    def member(self) -> str:
        kind = self.primary()
        while self.take("."):
            kind = self.method(kind)
        _demand(self.word not in ("[", "{"), "indexing is not supported in a condition")
        return kind

    def primary(self) -> str:
        if self.take("("):
            kind = self.choice()
            self.need(")")
            return kind
        if self.take("["):
            kind = self.sum()
            while self.take(","):
                _demand(self.sum() == kind, "the items of a list must have one type")
            self.need("]")
            _demand(not kind.startswith("list"), "a list cannot hold lists")
            return f"list({kind})"
        if self.peek("int", "double", "string"):
            self.at += 1
            return self.tokens[self.at - 1][0]
        word = self.identifier()
        if word in ("true", "false"):
            return "bool"
        if word.lower() in ("true", "false", "not"):
            self.at -= 1
            raise Wrong(f"`{word}` is not a name", f"CEL writes `{_OTHERS[word.lower()]}`")
        return self.function(word) if self.take("(") else self.variable(word)

    def variable(self, word: str) -> str:
        if word in self.local:
            return self.local[word]
        start = self.tokens[self.at - 1][2]
        if word in ("decoded", "http"):
            self.need(".")
            word = f"{word}.{self.identifier()}"
        if word not in self.names:
            raise Wrong(f"unknown name `{word}`", _near(word, self.names), start)
        self.used[word] = self.names[word]
        return self.names[word]

    def function(self, name: str) -> str:
        if name == "has":
            self.variable(self.identifier())
            _demand(self.tokens[self.at - 2][1] == ".", "`has` needs a name like decoded.amount")
            self.need(")")
            return "bool"
        known = ("has", "size", *_CONVERSIONS)
        _demand(name in known, f"there is no function `{name}`", _near(name, known))
        kind = self.choice()
        self.need(")")
        if name == "size":
            return _size(kind)
        _demand(kind in _CONVERSIONS[name], f"`{name}` does not convert {kind}")
        return name

    def method(self, kind: str) -> str:
        name = self.identifier()
        self.need("(")
        if name == "size":
            self.need(")")
            return _size(kind)
        if name in _MACROS and kind.startswith("list("):
            return self.macro(kind.removeprefix("list(").removesuffix(")"))
        known = kind == "string" and name in _METHODS
        others = (*_METHODS, "size") if kind == "string" else ("size", *_MACROS)
        _demand(known, f"`.{name}` does not exist for {kind}", _near(name, others, listed=False))
        start = self.at
        given = self.choice()
        _demand(given == "string", f"`.{name}` needs a string, not {given}")
        if name == "matches":
            literal = self.tokens[start][0] == "string" and self.at == start + 1
            _demand(literal, "`.matches` needs its pattern as a literal")
            _try_pattern(self.tokens[start][1])
        self.need(")")
        return "bool"

    def macro(self, item: str) -> str:
        _demand(not self.local, "one macro cannot stand in another")
        variable = self.identifier()
        taken = {name.partition(".")[0] for name in self.names} | {"decoded", "true", "false"}
        _demand(variable not in taken, f"`{variable}` is taken: use another variable")
        self.need(",")
        self.local = {variable: item}
        body = self.choice()
        self.local = {}
        self.need(")")
        _demand(body == "bool", f"a macro needs a bool, not {body}")
        return "bool"


_OTHERS: Final[Mapping[str, str]] = {
    ">>": ">", "<<": "<", "=>": ">=", "=<": "<=", "===": "==", "!==": "!=", "<>": "!=", "=": "==",
    "&": "&&", "|": "||", "**": "*", "and": "&&", "or": "||", "not": "!", "is": "==",
    "true": "true", "false": "false",
}  # fmt: skip
"""What other languages write, and CEL."""
_OTHER: Final = re.compile(
    r"[=!]==|>>|<<|=>|=<|<>|\*\*|(?<![=!<>])=(?!=)|(?<!&)&(?!&)|(?<!\|)\|(?!\|)"
)


def _tokens(source: str) -> list[tuple[str, str, int]]:
    """Kind, text, and the character at which it begins."""
    found: list[tuple[str, str, int]] = []
    at = 0
    while not found or found[-1][0] != "end":
        here = len(source) - len(source[at:].lstrip())
        other = _OTHER.match(source, here)
        if other is not None:
            sign = other[0]
            raise Wrong(
                f"`{sign}` is not an operator of CEL", f"do you mean `{_OTHERS[sign]}`?", here
            )
        match = _TOKEN.match(source, at)
        if match is None or match.lastgroup is None:
            what = "a quote is not closed" if source[here] in "\"'" else f"`{source[here]}`"
            raise Wrong(f"the condition cannot be read at character {here + 1}: {what}", "", here)
        word, previous = match[match.lastgroup], found[-1][0] if found else "sign"
        glued = match.start(match.lastgroup) == at and match.lastgroup in ("name", "string")
        if glued and previous in ("int", "double", "name", "string"):  # 1u, b"x", r"x", """x"""
            raise Wrong(f"the condition cannot be read at character {at + 1}", "", at)
        begins = match.start(match.lastgroup) if word else len(source.rstrip())
        found.append((match.lastgroup, word, begins))
        at = match.end()
    return found


def _near(word: str, known: Iterable[str], *, listed: bool = True) -> str:
    """A hint for a name that is not known."""
    names = sorted(known)
    if close := difflib.get_close_matches(word, names, 1):
        return f"do you mean `{close[0]}`?"
    same = [name for name in names if name.rpartition(".")[2] == word]
    if same:
        return f"do you mean `{same[0]}`?"
    return f"known are {', '.join(names)}" if listed else ""


def _try_pattern(literal: str) -> None:
    """A pattern that is known at the start cannot come from an agent, and is tried at once."""
    try:
        _library().evaluate(f'"".matches({literal})')
    except Exception:
        raise Wrong("the pattern of `.matches` is not a regular expression") from None


def _size(kind: str) -> str:
    # Of a string the library counts bytes where CEL counts characters.
    _demand(kind.startswith("list("), f"`size` is for lists, not {kind}")
    return "int"


def _demand(true: bool, complaint: str, hint: str = "") -> None:
    if not true:
        raise Wrong(complaint, hint)


@cache
def _library() -> ModuleType:
    import cel  # noqa: PLC0415 - what a policy without conditions need not pay for

    return cel
