"""A card template reads values and computes nothing: what could grow without end is refused when
it is read, and its output is bounded."""

from typing import Any

import pytest

from approvals.cards import renderer, template_rules
from approvals.model import Refused

CARD: dict[str, Any] = {
    "title": "x" * 1_000,
    "facts": [{"value": "v"}] * 30,
    "deadline": 1_767_000_000_000,
}
VALUES: dict[str, Any] = {"card": CARD, "links": [("Approve", "u"), ("Decline", "w")]}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('{"a": {{ 9**(9**9) }}}', "line 1: a template does no arithmetic"),
        ('{"a":\n{{ "a"*10**9 }}}', "line 2: a template does no arithmetic"),
        ('{"a": {{ 2 + card.deadline }}}', "arithmetic"),
        ('{"a": {{ card.deadline - 1 }}}', "arithmetic"),
        ('{"a": {{ "%999999999d" % 1 }}}', "arithmetic"),
        ('{"a": {{ 1 / 0 }}}', "arithmetic"),
        ('{"a": {{ card.deadline // 0 }}}', "arithmetic"),
        ('{"a": {{ +card.deadline }}}', "arithmetic"),
        ("{% if 9**9**9 %}{% endif %}{}", "arithmetic"),
        ("{% set a = 'a' * 9 %}{}", "arithmetic"),
        ("{% for a in card.facts if 9**9**9 %}{% endfor %}{}", "arithmetic"),
        ('{"a": {{ card.facts[9**9**9] }}}', "arithmetic"),
        ('{"a": {{ card.title | default("a" * 9) }}}', "arithmetic"),
        ('{"a": {{ card.title.upper() }}}', "calls nothing"),
        ('{"a": {{ card.title.format() }}}', "calls nothing"),
        ('{"a": {{ range(999999999) | join }}}', "calls nothing"),
        ('{"a": {% macro m() %}1{% endmacro %}{{ m() }}}', "calls nothing"),
        ("{% filter upper %}{% endfilter %}{}", "calls nothing"),
        ('{% include "x" %}', "one file"),
        ('{% extends "x" %}', "one file"),
        ("{% block a %}{% endblock %}", "one file"),
        ("{% set a %}{{ card.title }}{% endset %}{}", "no place"),
        ("{% set a.b = 1 %}{}", "no place"),
        ("{% set a = card.title ~ card.title %}{% set b = a ~ a %}{}", "no other `set`"),
        ("{% set a = card.title %}{% with b = a ~ a %}{% endwith %}{}", "no other `set`"),
        ("{% set a, b = [1, 2] %}{% set c = [b] %}{}", "no other `set`"),
        ('{"a": {{ card.title | join(card.title) }}}', "`join`"),
        ('{"a": {{ card.title | join("-") | upper | join("-") }}}', "`join`"),
        ('{"a": {{ card.title | join(d="' + "-" * 101 + '") }}}', "`join`"),
        ("{% for a in [card.title ~ card.title] %}{% endfor %}{}", "card's lists"),
        ("{% for a in card.title | join %}{% endfor %}{}", "card's lists"),
        ("{% for a in card.facts recursive %}{% endfor %}{}", "call itself"),
        (
            "{% for a in card.facts %}{% for b in card.facts %}{% for c in card.facts %}"
            "{% endfor %}{% endfor %}{% endfor %}{}",
            "2 loops",
        ),
        ('{"a": {{ ' + " ~ ".join(["card.title"] * 65) + " }}}", "64 values"),
        ('{"a": {{ ' + "(" * 5_000 + "1" + ")" * 5_000 + " }}}", "nested too deeply"),
        ("{% if 1 %}" * 150 + "{% endif %}" * 150, "nested too deeply"),
        ('{"a": {{ ' + "9" * 5_000 + " }}}", "too large"),
        (" " * (template_rules.MAX_SOURCE + 1), "characters"),
    ],
)
def test_law_13_a_template_that_computes_or_can_grow_is_refused_when_read(
    source: str, why: str
) -> None:
    with pytest.raises(ValueError, match=r"^t\.json\.j2") as refused:
        renderer("t.json.j2", source)
    assert why in str(refused.value)
    with pytest.raises(ValueError, match=r"^t\.html.j2"):
        renderer("t.html.j2", source)


def test_what_templates_need_is_allowed() -> None:
    source = """{% set colours = {"low": 1} %}{"a": {{ colours["low"] }},
    "b": {{ card.deadline // 1000 }},
    "c": [{% for fact in card.facts[:2] %}{{ "`" ~ fact.value ~ "`" }}
          {% if not loop.last %},{% endif %}{% endfor %}],
    "d": {{ "x" if card.title is defined and 1 in [1] else none }}, "e": {{ card.facts | length }},
    "f": [{% for one in ["p", "q"] %}{{ one | upper }}{% if loop.first %},{% endif %}{% endfor %}],
    "g": {{ links[-1] | join(": ") }}}"""
    assert renderer("t.json.j2", source)(VALUES) == {
        "a": 1,
        "b": 1_767_000_000,
        "c": ["`v`", "`v`"],
        "d": "x",
        "e": 30,
        "f": ["P", "Q"],
        "g": "Decline: w",
    }


@pytest.mark.parametrize("listed", ["card.title", "card.many", "card.deadline"])
def test_a_loop_goes_over_short_lists_only(listed: str) -> None:
    values = {"card": {**CARD, "many": [0] * (template_rules.MAX_ITEMS + 1)}}
    render = renderer("t.json.j2", "{% for a in " + listed + " %}{% endfor %}{}")
    with pytest.raises(Refused, match=r"t\.json\.j2"):
        render(values)


def test_more_output_than_any_card_needs_is_refused() -> None:
    source = (
        "{% for a in card.facts %}{% for b in card.facts %}{{ card.title * 1 }}"
        + "{% endfor %}" * 2
    )
    with pytest.raises(ValueError, match="arithmetic"):
        renderer("t.html.j2", source)
    render = renderer("t.html.j2", source.replace(" * 1", ""))
    assert len(render(VALUES)["html"]) == 900_000
    longer = {**VALUES, "card": {**CARD, "title": "x" * 5_000}}
    with pytest.raises(Refused, match="characters"):
        render(longer)
