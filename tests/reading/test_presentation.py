"""Titles and facts: the filters that packs and operators use, and what is not used."""

import json
from typing import Any

import pytest

from approvals.model import Http
from approvals.reading import read
from approvals.reading.presentation import Words, check, money, present

FORM = (("content-type", "application/x-www-form-urlencoded"),)
JSON = (("content-type", "application/json"),)


def title(text: str, body: object, query: str = "") -> str | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = FORM if isinstance(body, bytes) else JSON
    request = read(Http("POST", f"https://api.example.com/a/b{query}", headers, raw))
    return present(Words((text,)), request).title


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (1240000, "eur", "12,400.00 EUR"),
        (50000, "jpy", "¥50,000 JPY"),
        # CLDR rounds these to whole units, as cash is; ISO 4217 does not.
        (120000, "cop", "1,200.00 COP"),
        (120000, "huf", "1,200.00 HUF"),
        (120000, "idr", "1,200.00 IDR"),
        (5124, "kwd", "5.124 KWD"),
        (500, "ugx", "500 UGX"),
        (500, "xof", "F CFA500 XOF"),
    ],
)
def test_money_has_the_decimals_of_iso_4217(amount: int, currency: str, said: str) -> None:
    assert money(amount, currency) == said


def test_money_takes_the_decimals_of_an_api_for_some_currencies() -> None:
    assert money(500, "isk", {"ISK": 2}) == "5.00 ISK"
    assert money(500, "eur", {"ISK": 2}) == "5.00 EUR"
    assert money(5, "eur", 0) == "€5 EUR"


def test_default_stands_for_what_is_absent_and_never_for_what_is_unclear() -> None:
    text = "To {{ to | default('everybody') }}"
    assert title(text, {"to": "Kim"}) == "To Kim"
    assert title(text, {}) == title(text, {"to": None}) == "To everybody"
    assert title(text, b"to=Kim&to=Eve") is None
    assert title("{{ a | default(b) }}", {"b": "x"}) == "x"
    assert title("{{ a | default(b) }}", {}) is None


@pytest.mark.parametrize(
    ("text", "body", "said"),
    [
        ("{{ body | pairs }}", {"a": {"b": 1, "c": None}, "d": True},
         "a.b: 1\na.c: (none)\nd: yes"),
        ("{{ ids | pairs }}", {"ids": ["x", "y"]}, "x\ny"),
        ("{{ body | pairs(1) }}", {"a": 1, "b": 2}, "a: 1\n… 1 more lines"),
        ("{{ body | pairs }}", {}, None),
        ("{{ rows | rows }}", {"rows": [["a", 1], [None, "=B2"]]}, "a | 1\n | =B2"),
        ("{{ rows | rows }}", {"rows": [{"a": 1}]}, None),
        ("{{ text | marked }}", {"text": "<https://x.y|z>"}, "z (https://x.y)"),
        ("{{ text | notified }}", {"text": "<!here> hi"}, "@here"),
        ("{{ text | notified }}", {"text": "hi"}, None),
        ("{{ text | html }}", {"text": "<p>Pay <a href='https://x.y'>here</a></p>"},
         "Pay [https://x.y] here"),
        ("{{ at | date }}", {"at": "1796288400"}, "Thu, 3 Dec 2026, 09:00 UTC"),
        ("{{ at | date }}", {"at": "17962"}, None),
    ],
)  # fmt: skip
def test_a_filter_gives_words_or_the_text_is_not_used(
    text: str, body: Any, said: str | None
) -> None:
    assert check(text) is None
    assert title(text, body) == said


def test_a_fact_is_the_first_of_its_texts_that_can_be_filled() -> None:
    words = Words((), (("Says", ("{{ html | html }}", "{{ text }}")), ("From", ("json.from",))))
    for body, said in (({"text": "a"}, "a"), ({"text": "a", "html": "<b>b</b>"}, "b"), ({}, None)):
        raw = json.dumps(body).encode()
        found = present(words, read(Http("POST", "https://api.example.com/", JSON, raw))).facts
        assert [fact.value for fact in found] == ([said] if said else [])


@pytest.mark.parametrize(
    "text",
    [
        "Write to {{ branch | default('the default branch') }}",
        "Write to {{ body.branch | default('the default branch') }}",
        "{% if branch is not defined %}Write to the default branch{% endif %}",
        "{{ 'Approve' if event == 'APPROVE' else 'Comment on' }} it",
        "{% if private %}Make it private{% endif %}",
        "{{ 'reads' if branch in ['a'] else 'writes' }}",
    ],
)
def test_law_29_a_title_guesses_nothing_of_a_body_that_servers_read_differently(text: str) -> None:
    doubled = b'{"branch": "a", "branch": "main", "event": "APPROVE", "private": false}'
    request = Http("POST", "https://api.example.com/a/b", JSON, doubled)
    assert present(Words((text,)), read(request)).title is None


@pytest.mark.parametrize(
    "text",
    [
        "{% for loop in a %}{{ loop }}{% endfor %}",
        "{% for x, loop in a %}{{ x }}{% endfor %}",
        "{% for x in a %}{% set loop = a %}{{ x }}{% endfor %}",
        "{{ a | default(x=1, x=2) }}",
        "{% if a %}" * 120 + "x" + "{% endif %}" * 120,
    ],
)
def test_what_jinja_cannot_compile_is_found_by_check_and_fills_nothing(text: str) -> None:
    assert check(text) is not None
    assert title(text, {"a": "b"}) is None


@pytest.mark.parametrize(
    "text",
    [
        "{{ 9**(9**9) }}",
        "{{ 'a' * 10**9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 7 // 2 }}{{ +1 }}",
        "{{ a.upper() }}",
        "{{ a + a }}",
        "{% set a = b ~ b %}{% set c = a ~ a %}{{ c }}",
        "{% set a %}{{ b }}{% endset %}",
        "{% for a in b %}{% for c in b %}{{ c }}{% endfor %}{% endfor %}",
        "{% for a in b recursive %}{{ loop(a) }}{% endfor %}",
        "{% for a in b | join %}{{ a }}{% endfor %}",
        "{% macro m() %}{% endmacro %}",
        "{% filter upper %}a{% endfilter %}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    ],
)
def test_a_text_that_computes_is_refused_when_it_is_read(text: str) -> None:
    """T10: an operator's titles and facts read values, as card templates do."""
    assert check(text) is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ a | mony }}", "line 1: there is no filter `mony`: do you mean `money`?"),
        ("{{ a | format }}", "line 1: there is no filter `format`"),
        (
            "{% if a is defind %}{% endif %}",
            "line 1: there is no test `defind`: do you mean `defined`?",
        ),
        ("a\n{{ b ", "line 2: `{{ … }}` or `{% … %}` is not closed, or not understood"),
        ("{% if a %}", "line 1: `{{ … }}` or `{% … %}` is not closed, or not understood"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_in_our_words(text: str, why: str) -> None:
    assert check(text) == why


def test_what_a_text_makes_is_bounded_whatever_the_request_holds() -> None:
    """T10: filters that multiply, and long lists."""
    ten, chain = "x" * 10, "{{ a" + " | replace('x', b)" * 9 + " }}"
    assert check(chain) is None
    assert title(chain, {"a": ten, "b": ten}) is None
    assert title("{{ a | join(b) }}", {"a": "x" * 1_000, "b": "y" * 1_000}) is None
    assert title("{% for x in a %}{{ b }}{% endfor %}", {"a": [1] * 200, "b": "y" * 999}) is None
    assert title("{% for x in a %}{% endfor %}z", {"a": [1] * 2_001}) is None
    assert title("{% for x in a %}{{ x }}{% endfor %}", {"a": [1] * 200}) == "1" * 200
    assert title("{{ a | replace('x', 'y') | join('-') }}", {"a": "xx"}) == "y-y"
