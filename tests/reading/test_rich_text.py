"""What people will read of blocks, documents and marked texts."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.reading.rich_text import MOST, broadcasts, marked, values, words
from approvals.reading.values import UNCLEAR, Repeated

SECTION = {
    "type": "section",
    "block_id": "b1",
    "text": {"type": "mrkdwn", "text": "<!channel> pay: <https://evil.example|invoice> &amp; go"},
}
RICH = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "broadcast", "range": "here"},
                {"type": "text", "text": " see "},
                {"type": "link", "url": "https://x.example", "text": "this"},
                {"type": "link", "url": "https://y.example"},
                {"type": "user", "user_id": "U1"},
                {"type": "emoji", "name": "wave"},
            ],
        }
    ],
}
DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [
        {
            "type": "paragraph",
            "content": [
                {"type": "mention", "attrs": {"id": "5b", "text": "@Kim"}},
                {"type": "text", "text": " pay "},
                {
                    "type": "text",
                    "text": "here",
                    "marks": [{"type": "link", "attrs": {"href": "https://evil.example"}}],
                },
            ],
        },
        {"type": "paragraph", "content": [{"type": "text", "text": "today"}]},
    ],
}
RUNS = [{"type": "text", "text": {"content": "Pay", "link": {"url": "https://evil.example"}}}]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ([SECTION], "@channel pay: invoice (https://evil.example) & go"),
        ([RICH], "@here see this (https://x.example)https://y.example@U1:wave:"),
        (DOCUMENT, "@Kim pay here (https://evil.example)\ntoday"),
        ([{"object": "block", "paragraph": {"rich_text": RUNS}}], "Pay (https://evil.example)"),
        (json.dumps([SECTION]), "@channel pay: invoice (https://evil.example) & go"),
        ("[draft] hello", "[draft] hello"),
        ([{"type": "unheard_of", "caption": "read me", "style": "big"}], "read me"),
        (
            [{"type": "button", "text": {"type": "plain_text", "text": "Go"}, "url": "https://z.x"}],
            "[Go] (https://z.x)",
        ),
        ([{"type": "image", "image_url": "https://i.x/a.png", "alt_text": "A cat"}],
         "https://i.x/a.png\nA cat"),
    ],
)  # fmt: skip
def test_words_are_what_people_will_read_with_each_link(shown: Any, said: str) -> None:
    assert words(shown) == said


@pytest.mark.parametrize(
    "nothing", [[], {}, [{"type": "divider"}], "", UNCLEAR, Repeated(("a", "b"))]
)
def test_words_of_nothing_or_of_what_is_unclear_are_none(nothing: Any) -> None:
    with pytest.raises(ValueError, match=r"nothing|unclear"):
        words(nothing)


def test_words_are_bounded_and_show_their_cut() -> None:
    said = words([{"type": "mrkdwn", "text": "word " * 100}, DOCUMENT] * 500)
    assert len(said) < MOST + 100
    assert said.endswith("… and more")
    assert len(marked("<" * 900_000)) < MOST + 100


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("see <https://x.example>", "see https://x.example"),
        ("<@U1> and <#C1|general>", "@U1 and #general (C1)"),
        ("<!subteam^S1|@ops> <!date^1^{date}|noon>", "@ops noon"),
        ("1 < 2 > 1", "1 < 2 > 1"),
        ("a &lt;b&gt;", "a <b>"),
    ],
)
def test_marks_are_shown_as_people_will_see_them(shown: str, said: str) -> None:
    assert marked(shown) == said


def test_everybody_who_is_notified_is_named_wherever_it_stands() -> None:
    assert broadcasts({"text": "hi", "blocks": [SECTION]}) == ["@channel"]
    assert broadcasts({"blocks": json.dumps([RICH])}) == ["@here"]
    assert broadcasts("@everyone, <!here|here>") == ["@everyone", "@here"]
    assert broadcasts({"channel": "channel", "text": "in this channel, not@channels"}) == []


KEYS = st.sampled_from(
    [*("type", "text", "content", "url", "attrs", "marks", "link", "elements", "range", "emoji")]
)
KINDS = st.sampled_from(
    [*("text", "link", "emoji", "mention", "button", "mrkdwn", "broadcast", "hardBreak", "user")]
)
NODES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | KINDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


@given(NODES)
def test_any_structure_gives_words_or_a_value_error(node: Any) -> None:
    for read in (words, values):
        with suppress(ValueError):
            assert isinstance(read(node), str)
    assert isinstance(broadcasts(node), list)


def test_fields_with_structured_values_say_what_they_hold() -> None:
    fields = {
        "Name": {"title": RUNS},
        "Status": {"select": {"name": "Paid"}},
        "Amount": {"number": 12400},
        "Done": {"checkbox": False},
        "Due": None,
        "Owner": {"people": [{"id": "c2f2"}]},
        "Plain": "a\nb",
        "Empty": [],
    }
    assert values(fields).splitlines() == [
        "Name: Pay (https://evil.example)", "Status: Paid", "Amount: 12400", "Done: no",
        "Due: (none)", "Owner: c2f2", "Plain: a b", "Empty: (none)",
    ]  # fmt: skip
    for unclear in ({"a": UNCLEAR}, {"a": [UNCLEAR]}, UNCLEAR, {}, "text"):
        with pytest.raises(ValueError, match=r"unclear|no fields"):
            values(unclear)
