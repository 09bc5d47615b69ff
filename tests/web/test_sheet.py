"""What the page of a request shows of it: every value, no secret, and what changed. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from approvals.cards import bound
from approvals.model import Agent, Fact, Http, Kind, Request
from approvals.reading import Leaf, Opaque, Reading, read, read_payload
from approvals.readings import Readings
from approvals.text import clean
from approvals.web import sheet as module
from approvals.web.sheet import BYTES, Row, Sheet, sheet
from tests.harness.house import HANGS

SALT = b"s" * 16
JSON = (("Content-Type", "application/json"),)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
HOST = "https://api.example.com"


def asked(http: Http | None, payload: str | None = None, **more: Any) -> tuple[Request, Reading]:
    request = Request(
        "req_1", "default", 1, "r", Kind.GATEWAY, Agent("a"), "act", http, payload, "sha-256:x", 0,
        **more,
    )  # fmt: skip
    return request, read(http) if http is not None else read_payload(payload or "null")


def post(
    body: bytes, headers: tuple[tuple[str, str], ...] = JSON, url: str = f"{HOST}/pay"
) -> Http:
    return Http("POST", url, headers, body)


def drawn(http: Http | None, **more: Any) -> Sheet:
    return sheet(*asked(http), salt=SALT, **more)


def texts(value: Any) -> Iterator[str]:
    """Every text in a sheet, but for the names of its places."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for one in fields(value):
            yield from texts(getattr(value, one.name))
    elif isinstance(value, tuple):
        for one in value:
            yield from texts(one)


def told(shown: Sheet) -> list[tuple[str, str]]:
    rows = (*shown.query, *shown.body, *shown.rest, *shown.headers, *shown.ordinary)
    return [(row.label, row.text) for row in rows if row.text is not None]


SECRET = "hunter2hunter2hunter2"
TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
KEPT = base64.b64encode(SECRET.encode()).decode()
KUBERNETES = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"},
              "data": {"url": KEPT}}  # fmt: skip
HELD = {
    "in a form": (post(f"client_secret={SECRET}&amount=12".encode(), FORM), SECRET),
    "in JSON": (post(json.dumps({"a": {"password": SECRET}, "amount": 12}).encode()), SECRET),
    "by its look": (post(json.dumps({"text": f"use {TOKEN} there"}).encode()), TOKEN),
    "in JSON in a text": (
        post(json.dumps({"raw": json.dumps({"api_key": SECRET, "b": 1})}).encode()), SECRET,
    ),
    "in base64": (
        post(json.dumps({"raw": base64.b64encode(f"key: {TOKEN}".encode()).decode()}).encode()),
        TOKEN,
    ),
    "in a Kubernetes Secret": (
        post(json.dumps(KUBERNETES).encode(), url=f"{HOST}/api/v1/namespaces/x/secrets"),
        KEPT,
    ),
    "in a header": (post(b"{}", (*JSON, ("Authorization", f"Bearer {TOKEN}"))), TOKEN),
    "in the query": (post(b"{}", url=f"{HOST}/pay?a=1&access_token={SECRET}"), SECRET),
    "in the path": (
        post(b"{}", url="https://hooks.slack.com/services/T00000000/B00000000/FAKEfakeFAKEfakeFAKE"),
        "FAKEfakeFAKEfakeFAKE",
    ),
    "in what is unclear": (
        post(f"password={SECRET}&a=1;b".encode(), (("Content-Type", "text/plain; charset=utf-7"),)),
        SECRET,
    ),
    "in another language": (
        post(json.dumps({"Passwort": SECRET, "mot_de_passe": f"{SECRET}2"}).encode()), SECRET,
    ),
    "in another script": (post(json.dumps({"db_пароль": SECRET, "密码": SECRET}).encode()), SECRET),
    "in a name": (post(json.dumps({TOKEN: 1, "b": {"c": 2, "d": 3}}).encode()), TOKEN),
}  # fmt: skip


@pytest.mark.parametrize(("held", "secret"), HELD.values(), ids=HELD)
def test_law_15_a_secret_is_hidden_on_the_page_until_its_place_is_asked_for(
    held: Http, secret: str
) -> None:
    hidden = drawn(held)
    assert [text for text in texts(hidden) if secret in text] == []
    assert secret not in "".join(hidden.secrets.values())
    assert "[redacted " in "".join(texts(hidden))
    for place in hidden.secrets:
        shown = drawn(held, show=place)
        assert shown.secrets.keys() == hidden.secrets.keys()
        if place == BYTES:  # as they are: encoded, or in hexadecimal
            assert shown.bytes is not None
            assert shown.bytes.text
        else:
            assert any(secret in text for text in texts(shown)), place


def test_law_15_one_press_shows_one_secret() -> None:
    held = post(f"client_secret={SECRET}1&password={SECRET}2".encode(), FORM)
    first, second, whole = drawn(held).secrets
    assert whole == BYTES
    shown = [text for text in texts(drawn(held, show=first)) if SECRET in text]
    assert shown == [f"{SECRET}1"]
    assert drawn(held).secrets[second] == "body: password"


def test_law_15_a_secret_in_a_fact_or_in_the_agents_words_is_hidden() -> None:
    request, reading = asked(
        post(b"{}"), facts=(Fact("Password", SECRET),), note=f"I used {TOKEN} for it."
    )
    hidden = sheet(request, reading, salt=SALT)
    assert [text for text in texts(hidden) if SECRET in text or TOKEN in text] == []
    assert hidden.refusal is None, "neither is bound"
    shown = sheet(request, reading, salt=SALT, show="note")
    assert shown.note is not None
    assert TOKEN in (shown.note.text or "")


def test_law_15_bytes_with_a_secret_are_shown_by_a_press_and_then_exactly() -> None:
    body = f"client_secret={SECRET}&a=%2e".encode()
    hidden, shown = drawn(post(body, FORM)).bytes, drawn(post(body, FORM), show=BYTES).bytes
    assert hidden is not None
    assert shown is not None
    assert (hidden.text, hidden.line, hidden.place, hidden.shown) == ("", "", BYTES, False)
    assert (shown.text, shown.shown) == (body.decode(), True)


def test_bytes_too_many_to_be_searched_are_shown_by_a_press(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SCANNED", 100)
    found = drawn(post(b'{"a": "' + b"x" * 100 + b'"}')).bytes
    assert found is not None
    assert (found.place, found.text) == (BYTES, "")


def test_a_form_is_decoded_on_the_page() -> None:
    held = post(b"to=ACME+GmbH&memo=a%0Ab&metadata%5Binvoice%5D=7", FORM)
    assert told(drawn(held))[:3] == [
        ("to", "ACME GmbH"), ("memo", "a\nb"), ("metadata[invoice]", "7"),
    ]  # fmt: skip


def test_a_name_with_dots_in_a_form_is_written_as_on_a_card() -> None:
    request, reading = asked(post(b"card.name=ACME", FORM))
    assert "card.name: ACME" in bound(request, reading, salt=SALT).text
    assert told(sheet(request, reading, salt=SALT))[0] == ("card.name", "ACME")


def test_a_text_in_base64_is_decoded_with_a_word_on_how() -> None:
    raw = base64.b64encode("Über den Wolken\nund so weiter".encode()).decode()
    (row,) = drawn(post(json.dumps({"content": raw}).encode())).body
    assert (row.how, row.text) == ("base64", "Über den Wolken\nund so weiter")


def test_a_file_is_named_by_type_size_and_digest() -> None:
    (row,) = drawn(post(b"%PDF-1.7\0\xff", (("Content-Type", "application/pdf"),))).body
    assert row.label == "body"
    assert (row.text or "").startswith("application/pdf, 10 bytes\nSHA-256 ")


def test_the_page_begins_with_the_body_and_folds_what_is_ordinary() -> None:
    held = post(b'{"a":1}', (*JSON, ("User-Agent", "x/1"), ("Host", "api.example.com")))
    shown = drawn(held)
    assert [row.label for row in shown.headers] == ["Content-Type"]
    assert [row.label for row in shown.ordinary] == ["User-Agent", "Host"]
    assert shown.query == ()


MANY = {
    "values": {"items": [{"id": at, "name": f"Customer {at}"} for at in range(2_000)]},
    "one text": {"note": "Some words.\n" * 9_500},
    "one line": {"note": "lorem ipsum " * 9_500 + "end"},
}


@pytest.mark.parametrize("value", MANY.values(), ids=MANY)
def test_a_long_body_is_folded_and_none_of_it_is_left_out(value: Any) -> None:
    shown = drawn(post(json.dumps(value).encode()))
    high = sum(row.lines for row in shown.body)
    assert high <= module.FOLD_LINES + module.LONG_LINES
    rows = [row for row in (*shown.body, *shown.rest) if row.text is not None]
    leaves = read(post(json.dumps(value).encode())).body.leaves
    assert [row.text for row in rows] == [str(leaf.value) for leaf in leaves if type(leaf) is Leaf]


def test_law_12_a_value_cannot_pass_for_a_row_and_hides_nothing() -> None:
    shown = drawn(post(json.dumps({"to\nApproved by": "eve\u202e", "b\u200b": [1, 2]}).encode()))
    labels = [row.label for row in shown.body]
    assert labels == ['"to\\nApproved by"', '"b\\u{200b}"', "[0]", "[1]"]
    assert shown.body[0].text == "eve\\u{202e}"


WHY = {
    "binary": (post(bytes(range(256)), (("Content-Type", "image/x"),)), "It holds a file"),
    "secret": (post(f"password={SECRET}".encode(), FORM), "A secret in it is not shown on cards."),
    "cut": (Http("POST", HOST, JSON, b'{"a"', body_complete=False), "Part of it was never"),
    "utf-7": (
        post(b"pay +AGE-", (("Content-Type", "text/plain; charset=utf-7"),)),
        "Servers may read it in different ways. Its charset is 'utf-7'",
    ),
    "twice": (post(b"to=a&to=b", FORM), "Servers may read it in different ways."),
}  # fmt: skip


@pytest.mark.parametrize(("held", "why"), WHY.values(), ids=WHY)
def test_law_14_the_page_gives_the_reason_that_is_known(held: Http, why: str) -> None:
    shown = drawn(held)
    assert shown.refusal is not None
    assert shown.refusal.startswith(why)


def test_law_14_what_is_unclear_is_there_as_text() -> None:
    shown = drawn(WHY["utf-7"][0])
    assert shown.unclear
    assert told(shown)[0] == ("body", "pay +AGE-")


def test_a_revision_is_compared_with_what_was_asked_before() -> None:
    old = asked(post(b"amount=1240000&to=acme", FORM), title="Pay 12,400.00 EUR")
    new = asked(post(b"amount=9900000&to=acme", FORM), title="Pay 99,000.00 EUR")
    shown = sheet(*new, salt=SALT, before=old)
    assert shown.changed is not None
    lines = {(one.sign, one.text) for one in shown.changed}
    assert {("-", "amount: 1240000"), ("+", "amount: 9900000")} <= lines
    assert {("-", "Pay 12,400.00 EUR"), ("+", "Pay 99,000.00 EUR")} <= lines
    assert (" ", "to: acme") in lines


def test_law_15_a_comparison_shows_no_secret() -> None:
    old, new = (asked(post(f"password={SECRET}{at}".encode(), FORM)) for at in "12")
    shown = sheet(*new, salt=SALT, before=old)
    assert {one.sign for one in shown.changed or ()} >= {"+", "-"}
    assert [text for text in texts(shown) if SECRET in text] == []


def test_a_comparison_of_what_is_too_long_or_alike_says_so() -> None:
    old, new = (asked(post(json.dumps({"n": ("a\n" * 1_500) + at}).encode())) for at in "12")
    assert "Too much" in sheet(*new, salt=SALT, before=old).changed_note
    assert "the same as before" in sheet(*new, salt=SALT, before=new).changed_note
    old, new = (asked(post(json.dumps({"n": "no end " * 6_000 + at}).encode())) for at in "12")
    assert "too long to be compared" in sheet(*new, salt=SALT, before=old).changed_note


async def test_law_32_a_large_page_is_drawn_apart_and_is_the_same() -> None:
    readings = Readings(seconds=HANGS)
    request, reading = asked(post(json.dumps({"a": "x" * 100_000, "password": SECRET}).encode()))
    found = await readings.draw(sheet, request, reading, about=[request], salt=SALT)
    assert found == sheet(request, reading, salt=SALT)
    assert readings._drawer.process is not None
    await readings.close()


async def test_law_32_a_page_that_takes_too_long_is_not_drawn() -> None:
    readings = Readings(seconds=0)
    request, reading = asked(post(json.dumps({"a": "x" * 100_000}).encode()))
    assert await readings.draw(sheet, request, reading, about=[request], salt=SALT) is None
    nothing = module.unread(request, salt=SALT)
    assert (nothing.read, nothing.body, nothing.bytes) == (False, (), None)


def test_a_payload_that_is_not_http_is_a_tree_too() -> None:
    request, reading = asked(None, '{"disk":["a","b"]}')
    shown = sheet(replace(request, action="disk.wipe"), reading, salt=SALT)
    assert [(row.depth, row.label, row.text) for row in shown.body] == [
        (0, "disk", None), (1, "[0]", "a"), (1, "[1]", "b"),
    ]  # fmt: skip
    assert shown.line == Row(label="Action", text="disk.wipe")


REAL = sorted((Path(__file__).parents[1] / "fixtures/requests").glob("*.json"))


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_law_14_the_page_shows_every_leaf_of_a_request_of_a_real_sdk(path: Path) -> None:
    given = json.loads(path.read_text())
    body = base64.b64decode(given.get("body_base64") or "")
    http = Http(given["method"], given["url"], tuple(given["headers"].items()), body)
    request, reading = asked(http)
    shown = sheet(request, reading, salt=SALT)
    words = "\n".join(texts(shown))
    for leaf in (*reading.query.walk(), *reading.body.walk()):
        if isinstance(leaf, Opaque):
            assert leaf.sha256 in words
        elif leaf.inside is None and not any(place.startswith("body") for place in shown.secrets):
            value = leaf.value if isinstance(leaf.value, str) else json.dumps(leaf.value)
            assert clean(value, line=False) in words
    assert not re.search(r"%[0-9A-F]{2}|\\n|\b(?!0x)[A-Za-z0-9+/]{200}", "\n".join(
        row.text or "" for row in (*shown.query, *shown.body, *shown.rest)
    ))  # fmt: skip
