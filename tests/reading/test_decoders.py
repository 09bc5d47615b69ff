import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.conditions import TYPES, Value, fits
from approvals.decoders import BUILT_IN, Decoder, Field, decode, types
from approvals.matching import Subject, When
from approvals.model import Http
from approvals.reading import read, read_payload

FORM = (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),)
JSON = (("content-type", "application/json"),)
STRIPE = "https://api.stripe.com/v1/payouts"


def http(body: bytes, headers: tuple[tuple[str, str], ...] = FORM, url: str = STRIPE) -> Http:
    return Http("POST", url, headers, body)


def decoded(request: Http, *decoders: Decoder) -> dict[str, Value]:
    subject = Subject.of("r", "a", "x", request)
    return dict(decode(subject, read(request), decoders or BUILT_IN))


def one(source: str, type: str) -> Decoder:
    return Decoder("test", When(), {"value": Field(source, type)})


def test_a_stripe_payout_is_understood() -> None:
    body = b"amount=12400&currency=eur&destination=ba_1&metadata%5Ba%5D=b"
    assert decoded(http(body)) == {"amount": 12400, "currency": "eur", "destination": "ba_1"}


def test_another_path_or_host_is_not_decoded() -> None:
    assert decoded(http(b"amount=1", url="https://api.stripe.com/v1/balance")) == {}
    assert decoded(http(b"amount=1", url="https://evil.example/v1/payouts")) == {}
    assert decoded(http(b"amount=1", url="https://api.stripe.com/v1%2fpayouts")) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"amount=1&amount=99999", b"amount=1&Amount=99999", b"amount=1e9", b"amount=1.0",
        b"amount=+1", b"amount= 1", b"amount=0x10", b"amount=01", b"amount=", b"amount=1_000",
        b"amount=99999999999999999999", b"amount=%ff", b"\xff", b"amount=\xd9\xa1", b"x=1",
        b"&".join([b"x=1"] * 2_000) + b"&amount=1",
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_not_there(body: bytes) -> None:
    assert "amount" not in decoded(http(body))


@pytest.mark.parametrize(
    "headers",
    [
        (),
        JSON,
        (*FORM, *FORM),
        (*FORM, ("content-encoding", "gzip")),
        (("content-type", "multipart/form-data"),),
    ],
)
def test_a_body_of_another_type_is_not_decoded(headers: tuple[tuple[str, str], ...]) -> None:
    assert decoded(http(b"amount=1", headers)) == {}


def test_the_head_of_a_body_is_not_decoded() -> None:
    request = Http("POST", STRIPE, FORM, b"amount=1", body_complete=False)
    assert decoded(request) == {}


@pytest.mark.parametrize(
    ("body", "source", "type", "value"),
    [
        ({"a": {"b": 5}}, "json.a.b", "int", 5),
        ({"a": "5"}, "json.a", "int", None),
        ({"a": True}, "json.a", "int", None),
        ({"a": 5.0}, "json.a", "int", None),
        ({"a": 5}, "json.a", "double", 5.0),
        ({"a": True}, "json.a", "double", None),
        ({"a": True}, "json.a", "bool", True),
        ({"a": ["x", "y"]}, "json.a", "list(string)", ["x", "y"]),
        ({"a": ["x", 1]}, "json.a", "list(string)", None),
        ({"a": [{"b": 1}]}, "json.a.b", "int", None),
        ({"a": 1, "A": 2}, "json.a", "int", None),
        ([1], "json.a", "int", None),
    ],
)
def test_json_fields(body: object, source: str, type: str, value: Value | None) -> None:
    found = decoded(http(json.dumps(body).encode(), JSON), one(source, type))
    assert found == ({} if value is None else {"value": value})


@pytest.mark.parametrize(
    "body",
    [b'{"a":1,"a":2}', b'{"a":1', b"\xff", b'{"a":NaN}', b"[" * 100_000, b'{"a":' + b"9" * 9_000],
)
def test_bad_json_is_not_decoded(body: bytes) -> None:
    assert decoded(http(body, JSON), one("json.a", "int"), one("json.a", "int")) == {}


def test_queries_and_lists() -> None:
    request = http(b"to[]=a&to[]=b", url="https://h/?force=true&rate=1.5")
    assert decoded(request, one("form.to[]", "list(string)")) == {"value": ["a", "b"]}
    assert decoded(request, one("form.cc[]", "list(string)")) == {}
    assert decoded(request, one("query.force", "bool")) == {"value": True}
    assert decoded(request, one("query.rate", "double")) == {"value": 1.5}


def test_the_payload_of_what_is_not_http_is_decoded_too() -> None:
    subject = Subject.of("r", "a", "mail.send", None)
    decoder = Decoder("mail", When(action=("mail.*",)), {"to": Field("json.to", "list(string)")})
    assert decode(subject, read_payload('{"to":["a@x"]}'), [decoder]) == {"to": ["a@x"]}


def test_decoders_that_disagree_say_nothing() -> None:
    request = http(b"a=1&b=2")
    assert decoded(request, one("form.a", "int"), one("form.b", "int")) == {}
    assert decoded(request, one("form.a", "int"), one("form.a", "int")) == {"value": 1}


def test_every_name_has_its_type() -> None:
    assert types([one("form.a", "int")]) == {"value": "int"}


@given(st.binary(max_size=80), st.sampled_from(TYPES), st.booleans())
def test_whatever_the_bytes_nothing_is_raised_and_types_hold(
    body: bytes, type: str, form: bool
) -> None:
    source = "form.a" if form else "json.a"
    found = decoded(http(b"a=" + body if form else body, FORM if form else JSON), one(source, type))
    assert all(fits(type, value) for value in found.values())
