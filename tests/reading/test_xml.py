"""XML as a tree (approvals/reading/xml.py)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Reading, find, read
from approvals.reading.values import MAX_DEPTH
from approvals.reading.xml import read_xml
from tests.reading.work import linear


def posted(body: bytes, kind: str = "application/xml") -> Reading:
    return read(Http("POST", "https://x.example/", (("content-type", kind),), body))


def test_xml_is_a_tree_with_attributes_and_lists() -> None:
    body = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<Delete xmlns="http://s3.example/"><Object><Key>a&amp;b</Key></Object>\n'
        b'<Object id="2"><Key><![CDATA[<c>]]></Key></Object><Quiet/><!-- all of it --></Delete>'
    )
    reading = posted(body)
    assert reading.faithful, reading.unclear
    assert reading.body.tree == {
        "Delete": {
            "@xmlns": "http://s3.example/",
            "Object": [{"Key": "a&b"}, {"@id": "2", "Key": "<c>"}],
            "Quiet": "",
            "#comment": " all of it ",
        }
    }
    shown = {leaf.path: leaf.value for leaf in reading.body.leaves if isinstance(leaf, Leaf)}
    assert shown["Delete", "Object", 1, "Key"] == "<c>"
    assert posted(body, "application/soap+xml; charset=utf-8").body == reading.body


def test_text_between_elements_keeps_its_order() -> None:
    assert read_xml("<p>Pay <b>5</b> now</p>").tree == {
        "p": {"#content": ["Pay ", {"b": "5"}, " now"]}
    }
    assert read_xml('<p a="1">x</p>').tree == {"p": {"@a": "1", "#text": "x"}}


def test_one_element_and_several_are_found_alike() -> None:
    one, two = (posted(b"<d>" + b"<o><k>a</k></o>" * count + b"</d>") for count in (1, 2))
    assert find(one, "xml.d.o.*.k") == ["a"]
    assert find(two, "xml.d.o.*.k") == ["a", "a"]
    assert find(one, "xml.d.o.k") == "a"
    assert find(posted(b"<d>"), "xml.d.o.*.k") is UNCLEAR
    assert find(posted(b"{}", "application/json"), "xml.d") is None


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://evil.example/x.dtd"><a/>',
        "<!DOCTYPE a><a/>",
        "<?php evil() ?><a/>",
        "<a>user@x.example<!-- -->.evil.example</a>",
        "<a>user<![CDATA[@x]]>.example</a>",
        "<a><![CDATA[x]]><![CDATA[y]]></a>",
        "<a><![CDATA[x]]> y</a>",
        '<?xml version="1.0" encoding="utf-7"?><a/>',
        '<?xml version="1.1"?><a/>',
        "\ufeff<a/>",
        "<a>&nbsp;</a>",
        '<a b="1" b="2"/>',
        '<a b="x\ty"/>',
        "<a b='x' c='\n'/>",
        "<a><b></a>",
        "<a/><b/>",
        "<a/>x",
        "",
        "x",
        '<a xmlns:n="u"><n:b>1</n:b><b>2</b></a>',
        "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1),
        "<a>" + "<b/>" * 5_001 + "</a>",
        "<a>" + "<!---->" * 5_001 + "</a>",
        "<a>\ud800</a>",
    ],
)
def test_law_29_xml_that_programs_read_differently_gives_no_values(text: str) -> None:
    part = read_xml(text)
    assert part.unclear is not None
    assert part.tree is UNCLEAR


def test_xml_in_another_encoding_is_unclear() -> None:
    body = '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1")
    assert posted(body).unclear is not None
    assert (
        posted('<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16")).unclear is not None
    )
    assert posted(b"<a/>", "application/xml; charset=iso-8859-1").unclear is not None


@given(
    st.lists(
        st.sampled_from(
            ["<a>", "</a>", "<b/>", "x", "<!-- c -->", "<![CDATA[", "]]>", "&amp;", "&#65;", "\n",
             '<a c="d">', "<?x y?>", "<!DOCTYPE a>", "<n:a>", "</n:a>"]
        ),
        max_size=30,
    )
)  # fmt: skip
def test_pieces_of_xml_in_any_order_lose_no_text(pieces: list[str]) -> None:
    part = read_xml("".join(pieces))
    if part.unclear is None:
        said = "".join(str(leaf.value) for leaf in part.walk() if isinstance(leaf, Leaf))
        assert said.count("x") >= pieces.count("x")
        assert said.count(" c ") >= pieces.count("<!-- c -->")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for one in (text, f"<a>{text}</a>", f'<a b="{text}"/>'):
        assert read_xml(one).kind == "xml"


@pytest.mark.parametrize(
    "unit", ["<a>", "<a/>", "<!-- -->", "x&amp;", '<a b="c">x</a>', "<![CDATA[x]]>", "<"]
)
def test_law_32_hostile_xml_takes_linear_work(unit: str) -> None:
    linear(lambda size: "<r>" + unit * (size // len(unit)) + "</r>", read_xml)
