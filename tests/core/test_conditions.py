import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from subprocess import run
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from approvals import conditions
from approvals.conditions import Undecidable, Value, compile

TYPES = {
    "amount": "int",
    "currency": "string",
    "to": "list(string)",
    "rate": "double",
    "ok": "bool",
}
VALUES: Mapping[str, Value] = {
    "decoded.amount": 5,
    "decoded.currency": "eur",
    "decoded.to": ["a@x", "b@x"],
    "decoded.rate": 1.5,
    "decoded.ok": True,
    "http.method": "POST",
    "http.host": "h.example",
    "http.path": "/p",
    "http.query": "",
    "action": "stripe.payouts.create",
    "agent": "bot",
    "requester": "billing",
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("decoded.amount > 4", True),
        ("decoded.amount-1 == 4 && decoded.amount -1 == 4", True),
        ("2 + 3 * 4 == 14 && 10 - 3 - 2 == 5 && 7 % 4 == 3", True),
        ("decoded.ok || false && false", True),
        ("(decoded.ok || false) && false", False),
        ('decoded.currency in ["eur", "usd"]', True),
        ('"a@x" in decoded.to && !("c@x" in decoded.to)', True),
        ('decoded.to.all(x, x.endsWith("@x"))', True),
        ('decoded.to.exists_one(x, x == "a@x")', True),
        ("size(decoded.to) == decoded.to.size()", True),
        ("has(decoded.amount) ? decoded.amount > 9 : true", False),
        ("double(decoded.amount) * decoded.rate > 7.0", True),
        ('string(decoded.amount) + "!" == "5!"', True),
        ('action.matches("^stripe[.]") && http.method != "GET"', True),
        ('"\\u0065ur" == decoded.currency', True),
        ("--decoded.amount == 5 && !!decoded.ok", True),
        ("\n  decoded.ok\n  && true\n", True),
    ],
)
def test_a_condition_means_what_cel_says(source: str, value: bool) -> None:
    assert compile(source, TYPES).holds(VALUES) is value


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("decoded.amout > 4", "unknown name `decoded.amout`"),
        ("facts.amount > 4", "unknown name `facts`"),
        ("decoded.amount > 4.0", "cannot compare int with double"),
        ('decoded.amount == "5"', "cannot compare int with string"),
        ("decoded.amount", "is of type int"),
        ("decoded", "`.` is expected"),
        ("decoded.ok &&", "a name is expected"),
        ("decoded.ok && 1", "needs bools"),
        ("!decoded.amount", "needs a bool"),
        ("-decoded.currency == -decoded.currency", "needs a number"),
        ("decoded.ok < true", "cannot order bool"),
        ("decoded.ok ? 1 : true", "must have one type"),
        ("decoded.rate / 2.0 > 1.0", "does not go with"),
        ('size("abc") == 3', "is for lists"),
        ("decoded.to.map(x, x) == decoded.to", "does not exist"),
        ("decoded.to.all(x, decoded.to.all(y, x == y))", "cannot stand in another"),
        ("decoded.to.all(action, true)", "is taken"),
        ('decoded["amount"] > 1', "`.` is expected"),
        ('decoded.to[0] == "a"', "indexing"),
        ("action.matches(decoded.currency)", "as a literal"),
        ('action.matches("(")', "not a regular expression"),
        ('{"a": 1} == {"a": 1}', "cannot be read"),
        ("1u > 0u", "cannot be read"),
        ('b"a" == b"a"', "cannot be read"),
        ("decoded.ok decoded.ok", "not expected"),
        ("99999999999999999999 > 1", "not valid CEL"),
        ('timestamp("x") > timestamp("y")', "no function `timestamp`"),
        ("1 in [1, 2.0]", "one type"),
        ('1 in ["a"]', "needs a list(int)"),
        ("has(decoded)", "`.` is expected"),
        ("has(action)", "needs a name like"),
        ("has(decoded.nope)", "unknown name"),
        ("", "a name is expected"),
        ("true // sure", "does not go|cannot be read|a name is expected"),
    ],
)
def test_law_01_names_and_types_are_checked_at_the_start(source: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("(", "\\(").replace(")", "\\)")):
        compile(source, TYPES)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 900 + "decoded.ok" + ")" * 900,
        "!" * 1_999 + "true",
        "x" * 3_000,
        "[" * 999,
        "-" * 1_999,
    ],
)
def test_hostile_expressions_end_in_words(source: str) -> None:
    complaint = ""
    try:
        compile(source, TYPES)
    except ValueError as error:
        complaint = str(error)
    assert len(complaint) < 300


@pytest.mark.parametrize(
    ("source", "without"),
    [
        ("decoded.amount > 4", "decoded.amount"),
        ("false || decoded.amount > 4", "decoded.amount"),
        ('http.host == "a"', "http.host"),
        ("decoded.amount / 0 > 1", ""),
        ("decoded.amount * 9223372036854775807 > 1", ""),
    ],
)
def test_what_cannot_be_evaluated_is_undecidable(source: str, without: str) -> None:
    values = {name: value for name, value in VALUES.items() if name != without}
    with pytest.raises(Undecidable):
        compile(source, TYPES).holds(values)


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("amount", "5"),
        ("amount", True),
        ("amount", 5.0),
        ("amount", 2**63),
        ("ok", 1),
        ("rate", float("nan")),
        ("rate", 1),
        ("currency", 5),
        ("currency", "x" * 100_000),
        ("to", "a@x"),
        ("to", ["a", 1]),
        ("to", ["a"] * 10_000),
    ],
)
def test_a_value_of_another_type_is_undecidable_and_never_quoted(name: str, lie: Any) -> None:
    condition = compile(f"decoded.{name} == decoded.{name} || true", TYPES)
    with pytest.raises(Undecidable) as caught:
        condition.holds({**VALUES, f"decoded.{name}": lie})
    assert str(caught.value) == f"`decoded.{name}` is not a usable {TYPES[name]}"


def test_a_missing_value_in_a_long_expression_costs_nothing() -> None:
    condition = compile(" || ".join(["decoded.ok"] * 140), TYPES)
    with pytest.raises(Undecidable):
        condition.holds({})


def test_has_tells_what_is_there() -> None:
    condition = compile("has(decoded.amount) && decoded.amount > 4", TYPES)
    assert condition.holds(VALUES)
    assert not condition.holds({})


def test_only_names_that_are_used_are_looked_at() -> None:
    condition = compile("decoded.amount > 4", TYPES)
    assert condition.names == {"decoded.amount": "int"}
    assert condition.holds({"decoded.amount": 5, "decoded.ok": 7})


# Everything that the subset has, well typed; the first line of each kind ends the recursion.
GRAMMAR = {
    "int": (
        ["decoded.amount", "3", "0x1f"],
        ["-I", "size(L)", *(f"(I {sign} I)" for sign in "+-*/%"), "(B ? I : I)"],
    ),
    "double": (["decoded.rate", "2.5", "1e3"], ["double(I)", "(D + D)", "(D - D)", "(D * D)"]),
    "string": (["decoded.currency", "action", '"a\\"b"', "'it\\'s'"], ["string(I)", "(S + S)"]),
    "list": (["decoded.to", '["a@x"]'], ["[S, S]"]),
    "bool": (
        ["decoded.ok", "true", "has(decoded.amount)"],
        [
            *("!B", "(B && B)", "(B || B)", "(B == B)", "(D < D)", "(S >= S)", "(L == L)"),
            *(f"(I {sign} I)" for sign in ("<", "<=", ">", ">=", "==", "!=")),
            *("(S in L)", 'S.matches("a+")', "S.contains(S)", "L.exists(x, x + action == S)"),
        ],
    ),
}


def _expression(random: Random, kind: str = "bool", depth: int = 5) -> str:
    ends, grows = GRAMMAR[kind]
    kinds = {"I": "int", "D": "double", "S": "string", "L": "list", "B": "bool"}
    return re.sub(
        r"\b[IDSLB]\b",
        lambda hole: _expression(random, kinds[hole[0]], depth - 1),
        random.choice(grows if depth else ends),
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(0))
def test_our_reading_and_the_librarys_agree(seed: int) -> None:
    source = _expression(Random(seed))
    assume(len(source) < conditions.MAX_SOURCE)
    # Well typed for us, so nothing but arithmetic may stop the library.
    try:
        condition = compile(source, TYPES)
    except ValueError as error:
        if "one macro cannot stand in another" in str(error):
            return  # a rule of ours, and not one of types
        raise
    stopped = ""
    try:
        condition.holds(VALUES)
    except Undecidable as error:
        stopped = str(error)
    assert not stopped or "OverflowError" in stopped or "ZeroDivisionError" in stopped


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="decoded.amountok ()[]!&|<>=+-*/%?:,'\"\\0123x\n", max_size=60))
def test_any_text_compiles_or_is_a_value_error(source: str) -> None:
    with suppress(ValueError):
        compile(source, TYPES)


def test_without_conditions_the_library_is_not_imported() -> None:
    code = "import sys, approvals.policy; sys.exit('cel' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_types_are_the_documented_ones() -> None:
    assert conditions.TYPES == ("int", "string", "bool", "double", "list(string)")
