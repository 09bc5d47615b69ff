"""The operator's words over values of a reading: titles and facts. Pure.

A text is a Jinja template in a sandbox without calls and without globals. It may use the names
that `reading.names` gives. A text with a value that is absent or unclear is not used: half a title
would mislead.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, get_currency_symbol, is_currency
from jinja2 import (
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    UndefinedError,
    meta,
    nodes,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from approvals.model import Fact
from approvals.reading import SOURCE, UNCLEAR, Leaf, Reading, Repeated, find, names
from approvals.reading.html_text import html_as_text
from approvals.reading.rich_text import broadcasts, marked, values, words
from approvals.reading.values import nested

LONGEST: Final = 4_000
"""Characters of one fact; a longer one is cut and says so."""
LOCALE: Final = Locale("en")
MOST: Final = 100_000
"""Characters that one text may make, and one filter; a fact has 4,000 at most."""
ITEMS: Final = 2_000
"""Values that a loop may go over."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a rule says for the card; see `check`, `present`.

    Of `titles` the first that can be filled is used. A fact is a label, and either texts, of which
    the first that can be filled is shown, or the sources that may hold its value (`is_text`).
    """

    titles: tuple[str, ...] = ()
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.titles or self.facts)


@dataclass(frozen=True, slots=True)
class Presented:
    """What one request's card says. `title` None: the plain one stands."""

    title: str | None = None
    facts: tuple[Fact, ...] = ()


def present(words: Words, request: Reading) -> Presented:
    """The words filled with this request's values. Never raises."""
    if not words:
        return Presented()
    values = names(request)

    def first(texts: Sequence[str]) -> str | None:
        filled = (_filled(text, values) for text in texts)
        return next((one for one in filled if one and one.strip()), None)

    title = first(words.titles)
    found = []
    for label, texts in words.facts:
        if is_text(texts):
            value = (text := first(texts)) and text.strip("\n")
        else:
            value = _shown(request, texts)
        if value is not None:
            found.append(fact(label, value))
    return Presented(title and title.strip(), tuple(found))


def is_text(sources: Sequence[str]) -> bool:
    """Are these texts, and not sources (`reading.find`)?"""
    return any("{" in one or SOURCE.fullmatch(one) is None for one in sources)


def _shown(request: Reading, sources: Sequence[str]) -> str | None:
    """The one value that these sources give; None where it is absent or unclear, or they
    disagree."""
    values = [find(request, source) for source in sources]
    texts = {_in_words(value) for value in values if value is not None}
    return texts.pop() if len(texts) == 1 else None


def _in_words(value: Any) -> str | None:
    """A value as people read it; None for what has no short form."""
    match value:
        case str() | bool() | int() | float():
            return _text(value)
        case [str(only)]:
            return only
        case list() if value and all(isinstance(item, str) for item in value):
            return ", ".join(json.dumps(item) if "," in item else item for item in value)
        case list() | dict():
            return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}, see the request"
    return None


def said(request: Reading) -> str | None:
    """What the reader of its protocol calls it, and where: "DeleteTable: orders at …". None where
    no reader knows it, or where servers may read it in more than one way."""
    says = next((one.says for one in request.meanings if one.says), None)
    if says is None or request.unclear is not None:
        return None
    return f"{says} at {request.target.host}" if request.target is not None else says


def fact(label: str, text: str) -> Fact:
    """A fact that can be sent and shown: cut where it is too long, and lone surrogates escaped."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters in all)"
    return Fact(label, cut.encode("utf-8", "backslashreplace").decode())


def check(text: str) -> str | None:
    """What is wrong with a title or a fact, as a sentence; None where it can be used.

    It reads values and computes nothing. It is looked at before it is compiled: Jinja works
    constants out when it compiles (`'%999999999d' % 1`).
    """
    try:
        if (why := _wrong(_ENV.parse(text), 0)) is None and "{" in text:
            _compiled(text)
        return why
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: `{{{{ … }}}}` or `{{% … %}}` is not closed, or not understood"
    except (RecursionError, ValueError, SyntaxError):
        return "it is nested too deeply, or a number or name in it cannot be used"


def _wrong(node: nodes.Node, loops: int) -> str | None:
    loops += isinstance(node, nodes.For)
    why = ""
    match node:
        case nodes.Filter(name=name) if name not in _ENV.filters:
            return _unknown("filter", name, _ENV.filters, node.lineno)
        case nodes.Test(name=name) if name not in _ENV.tests:
            return _unknown("test", name, _ENV.tests, node.lineno)
        case nodes.For() if loops > 1 or node.recursive:
            why = "one loop, and no other in it"
        case nodes.For() if not _path(node.iter):
            why = "a loop goes over a value as it was given"
        case nodes.Assign() if not _path(node.node):
            why = "`set` names a value as it was given"
        case nodes.Add() | nodes.Sub() if not isinstance(node.right, nodes.Const):
            why = "only a constant can be added or subtracted"
        case _ if not isinstance(node, _READS):
            why = f"no calls, no `{_SIGNS.get(type(node), type(node).__name__.lower())}`"
    if why:
        return f"line {node.lineno}: a text only reads values: {why}"
    return next(filter(None, (_wrong(one, loops) for one in node.iter_child_nodes())), None)


def _unknown(kind: str, name: str, known: Iterable[str], line: int) -> str:
    close = difflib.get_close_matches(name, sorted(set(known) - {_ITEMS}), 1)
    hint = f": do you mean `{close[0]}`?" if close else ""
    return f"line {line}: there is no {kind} `{name}`{hint}"


def _path(node: nodes.Node) -> bool:
    """`body.items[0]`: a value as it was given."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        node = node.node
    return isinstance(node, nodes.Name)


def named(text: str) -> frozenset[str]:
    """The names that a text reads."""
    return frozenset(meta.find_undeclared_variables(_ENV.parse(text)))


def money(
    value: Any,
    currency: Any,
    decimals: int | Mapping[str, int] | None = None,
    *,
    major: bool = False,
) -> str:
    """An amount in smallest units as people write it: 1240000 and "eur" give "12,400.00 EUR".

    ISO 4217's decimals unless `decimals` says otherwise: for all, or by currency where an API has
    its own (`{"ISK": 2}`). `major`: the amount is in whole units already. A currency without
    decimals carries its sign too ("¥50,000 JPY"), so that its number is not taken for hundredths.
    `ValueError` where either is not what it should be.
    """
    code = str(currency).strip().upper()
    if not re.fullmatch("[A-Z]{3}", code) or not is_currency(code, LOCALE):
        raise ValueError("no currency of ISO 4217")
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", str(value)):
        raise ValueError("no amount")
    own = decimals.get(code) if isinstance(decimals, Mapping) else decimals
    places = _DECIMALS.get(code, 2) if own is None else own
    amount = Decimal(str(value))
    if not major:
        if amount != amount.to_integral_value():
            raise ValueError("smallest units are whole")
        amount = amount.scaleb(-places)
    shown = max(places, -int(amount.normalize().as_tuple().exponent))
    pattern = "#,##0." + "0" * shown if shown else "#,##0"
    text = format_decimal(amount, format=pattern, locale=LOCALE)
    sign = get_currency_symbol(code, LOCALE) if places == 0 else code
    return f"{sign}{text} {code}" if sign != code else f"{text} {code}"


def when(value: Any) -> str:
    """A date or time as people write it, in its own offset: "Thu, 3 Dec 2026, 09:00 +01:00".

    ISO 8601 texts, and seconds or milliseconds since 1970 (as a text of ten digits or more too).
    `ValueError`.
    """
    if isinstance(value, str) and re.fullmatch("[0-9]{10,13}", value):
        value = int(value)
    text = str(value).strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) > 100_000_000_000 else value
        moment = datetime.fromtimestamp(seconds, UTC)
    elif re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return format_date(date.fromisoformat(text), "EEE, d MMM y", locale=LOCALE)
    else:
        moment = datetime.fromisoformat(text)
    zone = "" if moment.tzinfo is None else " xxx" if moment.utcoffset() else " 'UTC'"
    pattern = f"EEE, d MMM y, HH:mm{zone}"
    return format_datetime(moment, pattern, tzinfo=moment.tzinfo, locale=LOCALE)


def count(value: Any, one: str = "", many: str = "") -> str:
    """How many: 3, or with words "3 guests" (`count("guest")`)."""
    several = isinstance(value, Sequence | Mapping) and not isinstance(value, str)
    number = len(value) if several else value
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError("nothing to count")
    words = (one if number == 1 else many or f"{one}s") if one else ""
    return f"{number:,} {words}".strip()


def size(value: Any) -> str:
    """Bytes as people write them: "412 bytes", "1.8 kB", "12.4 MB"."""
    number = len(value.encode()) if isinstance(value, str) else int(value)
    if number < 1_000:
        return f"{number} {'byte' if number == 1 else 'bytes'}"
    for unit in ("kB", "MB", "GB", "TB"):
        number_of = number / 1_000
        if number_of < 999.95 or unit == "TB":
            return f"{number_of:.1f} {unit}"
        number = round(number_of)
    raise AssertionError(unit)


def lines(value: Any, most: int = 40) -> str:
    """A text with its real line ends, at most `most` lines; it says how many are left out."""
    given = _text(value).replace("\r\n", "\n").rstrip("\n").split("\n")
    left = len(given) - most
    return "\n".join(given) if left <= 0 else "\n".join([*given[:most], f"… {left} more lines"])


def diff(before: Any, after: Any) -> str:
    """What changes from one text to another, as lines that begin with `-` and `+`."""
    old, new = _text(before).splitlines(), _text(after).splitlines()
    if len(old) + len(new) > 2_000:
        raise ValueError("too long to be compared")
    return "\n".join(list(difflib.unified_diff(old, new, lineterm="", n=1))[2:])


def pluck(value: Any, path: str) -> list[Any]:
    """One member of every item: `attendees | pluck("email")`. `ValueError` where one lacks it."""
    found = []
    for item in value:
        at = item
        for step in path.split("."):
            if not isinstance(at, Mapping) or step not in at or at[step] is UNCLEAR:
                raise ValueError("an item lacks it")
            at = at[step]
        found.append(at)
    return found


def short(value: Any, most: int = 80) -> str:
    """A text in one line of at most `most` characters; it shows where it was cut."""
    text = " ".join(_text(value).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def pairs(value: Any, most: int = 20) -> str:
    """Every value in nested fields, one a line: "priority.name: Highest"; null is "(none)".
    Of a list, only the values."""
    if not isinstance(value, Mapping | list | tuple) or not value:
        raise ValueError("no fields")
    found = []
    for leaf in nested("fields", value).leaves:
        value = leaf.value if isinstance(leaf, Leaf) else UNCLEAR
        said = "(none)" if value is None else short(value, 200)
        name = ".".join(str(step) for step in leaf.path)
        found.append(said if name.isdecimal() else f"{name}: {said}")
    return lines("\n".join(found), most)


def rows(value: Any, most: int = 20) -> str:
    """A table, one row a line: "Kim | 12 | yes"."""
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise ValueError("no table")
    shown = [" | ".join("" if one is None else short(one) for one in row) for row in value]
    return lines("\n".join(shown), most)


def notified(value: Any) -> str:
    """The words in it that notify everybody in a room. `ValueError` where there are none."""
    if not (found := broadcasts(value)):
        raise ValueError("nobody")
    return ", ".join(found)


def replaced(value: Any, old: str, new: str) -> str:
    """As `str.replace`. `ValueError` where far more comes of it than anybody reads."""
    text = _text(value)
    if not old or len(text) + text.count(old) * (len(new) - len(old)) > MOST:
        raise ValueError("too long")
    return text.replace(old, new)


def joined(value: Any, between: str = "") -> str:
    """As `str.join`, of the items of a list. `ValueError` as for `replaced`."""
    items = [_text(one) for one in value]
    if sum(map(len, items)) + len(items) * len(between) > MOST:
        raise ValueError("too long")
    return between.join(items)


def default(value: Any, instead: Any = "") -> Any:
    """Something else where a value is absent. One that is there and unclear is not absent."""
    if value is _DOUBTFUL:
        raise UndefinedError("unclear")
    return instead if value is None or isinstance(value, StrictUndefined) else value


_WHOLE: Final = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
    "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
_DECIMALS: Final[Mapping[str, int]] = {
    **dict.fromkeys(_WHOLE, 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""ISO 4217's currencies that have not two decimals (list one of
https://www.six-group.com/en/products-services/financial-information/data-standards.html). CLDR, and
so Babel, has the decimals that are customary in cash: none for COP, HUF or IDR."""


class _Doubtful:
    """A value that servers may read in more than one way: it is defined, but a text that looks at
    it in any other way than `is defined` is not used."""

    def _refuse(self, *_: Any) -> Any:
        raise UndefinedError("unclear")

    __bool__ = __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse
    __len__ = __iter__ = __contains__ = __getitem__ = __hash__ = __str__ = __add__ = _refuse


_DOUBTFUL: Final = _Doubtful()


def _sure(value: Any) -> Any:
    return _DOUBTFUL if value is UNCLEAR or isinstance(value, Repeated) else value


def _items(value: Any) -> Any:
    """What a loop goes over. `ValueError`: more than a text has room for."""
    if len(value) > ITEMS:
        raise ValueError("too many")
    return value


def _put_together(parts: Iterable[str]) -> str:
    made: list[str] = []
    room = MOST
    for part in parts:
        room -= len(part)
        if room < 0:
            raise ValueError("too long")
        made.append(part)
    return "".join(made)


class _Env(ImmutableSandboxedEnvironment):
    """Templates read values; they call nothing but filters."""

    concat = staticmethod(_put_together)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if obj is _DOUBTFUL:
            return obj
        if isinstance(obj, Mapping):  # a key called "items" is that key
            if attribute in obj:
                return _sure(obj[attribute])
            return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return obj if obj is _DOUBTFUL else _sure(super().getitem(obj, argument))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not attr.startswith("_") and not callable(value)

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _text(value: Any) -> str:
    """A value as it is printed. Raises where it has no short, certain form."""
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case int() | float() | Decimal():
            return f"{value}"
        case list() | tuple() if value and all(isinstance(one, str | int) for one in value):
            return ", ".join(_text(one) for one in value)
    raise UndefinedError("absent, unclear or no plain value")


def _finalize(value: Any) -> Any:
    return value if isinstance(value, StrictUndefined) else _text(value)


_ITEMS: Final = "items of a loop"
"""The filter that every loop's list is put through; no text can write its name."""
_READS: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Name,
    nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.Filter, nodes.Test, nodes.Keyword, nodes.Compare, nodes.Operand, nodes.And,
    nodes.Or, nodes.Not, nodes.Neg, nodes.CondExpr, nodes.Concat, nodes.Add, nodes.Sub,
)  # fmt: skip
_SIGNS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Mul: "*", nodes.Pow: "**", nodes.Div: "/", nodes.FloorDiv: "//", nodes.Mod: "%",
    nodes.Pos: "+", nodes.Call: "(…)",
}  # fmt: skip
_ENV: Final = _Env(undefined=StrictUndefined, finalize=_finalize, autoescape=False)
_ENV.globals.clear()
_KEPT: Final = ("first", "last", "lower", "upper", "trim", "length")
_ENV.filters = {
    **{key: _ENV.filters[key] for key in _KEPT},
    _ITEMS: _items,
    "join": joined,
    "replace": replaced,
    "money": money,
    "date": when,
    "count": count,
    "bytes": size,
    "lines": lines,
    "diff": diff,
    "pluck": pluck,
    "short": short,
    "default": default,
    "pairs": pairs,
    "rows": rows,
    "words": words,
    "values": lambda value, most=30: lines(values(value), most),
    "marked": lambda text: marked(_text(text)),
    "notified": notified,
    "html": lambda text: html_as_text(_text(text)).strip(),
}
_ENV.tests = {key: _ENV.tests[key] for key in ("defined", "undefined", "none", "string", "number")}
_COMPILED: Final[dict[str, tuple[Template, frozenset[str]]]] = {}


def _compiled(text: str) -> tuple[Template, frozenset[str]]:
    """As a template, and the names that it reads. `TemplateSyntaxError`, `SyntaxError`."""
    if text not in _COMPILED:
        tree = _ENV.parse(text)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _ITEMS, [], [], None, None, lineno=loop.lineno)
        tree.set_environment(_ENV)
        _COMPILED[text] = _ENV.from_string(tree), named(text)
    return _COMPILED[text]


def _filled(text: str, values: Mapping[str, Any]) -> str | None:
    if "{" not in text:
        return text
    try:
        template, wanted = _compiled(text)
    except (TemplateSyntaxError, SyntaxError, RecursionError):  # `check` says why
        return None
    # Any name may stand in a body that servers read in different ways.
    unread = _DOUBTFUL if values.get("body") is UNCLEAR else None
    known = {name: _sure(values[name]) for name in wanted if name in values}
    known |= {name: unread for name in wanted if name not in values and unread is not None}
    try:
        return template.render(known)
    except (TemplateError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        return None
    except (InvalidOperation, OverflowError, UnknownLocaleError):
        return None
