"""The client's own digest: the vectors of docs/digest.md, and the service's implementation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from countersign_client.digest import canonical, digest_http, digest_payload, read_json
from hypothesis import given
from hypothesis import strategies as st

from approvals import evidence
from tests.clients.digests import HEADERS, PIECES, VALUES, VECTORS, said


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_ten_vectors_of_the_document(vector: dict[str, Any]) -> None:
    about: dict[str, Any] = {"revision": vector["revision"], "action": vector["action"]}
    if "http" in vector:
        sent = vector["http"] | {"body": base64.b64decode(vector["http"]["body"])}
        assert digest_http(**about, **sent) == vector["digest"]
    else:
        assert digest_payload(**about, payload=read_json(vector["payload"])) == vector["digest"]
    assert len(VECTORS) == 10


@given(VALUES)
def test_the_canonical_form_is_the_services(value: Any) -> None:
    assert canonical(value) == evidence.canonical(json.dumps(value))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_the_service_writes_them(number: float) -> None:
    try:
        theirs = evidence.canonical(json.dumps(number))
    except ValueError:
        with pytest.raises(ValueError, match="number"):
            canonical(number)
    else:
        assert canonical(number) == theirs


@given(
    st.sampled_from(["http", "https", "HTTP", "ftp"]),
    st.sampled_from(["h.example", "H.example:80", "h:443", "[::1]:8", "u@h", "h:0", "h..x", ""]),
    PIECES,
    HEADERS,
    st.binary(max_size=8),
)
def test_http_requests_are_digested_and_refused_as_the_service_does(
    scheme: str, host: str, path: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    sent: dict[str, Any] = {"action": "a", "method": "POST", "headers": headers, "body": body}
    sent["url"] = f"{scheme}://{host}/{path}"
    assert said(lambda: digest_http(**sent)) == said(
        lambda: evidence.digest_http(revision=1, **sent)
    )


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (2**53, "beyond"),
        (float("nan"), "beyond"),
        ({1: 2}, "a key of an object is int"),
        ({"a": {1, 2}}, "set is not a JSON value"),
        (b"x", "bytes is not a JSON value"),
        ("\ud800", "half a character"),
        ({"\ud800": 1}, "half a character"),
    ],
)
def test_what_has_no_one_meaning_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        canonical(value)


def test_json_with_two_readings_is_refused() -> None:
    nested: Any = "x"
    for _ in range(64):
        nested = [nested]
    assert canonical(nested) == "[" * 64 + '"x"' + "]" * 64
    for text in ('{"a":1,"a":2}', "[" * 65 + "]" * 65, "[" * 100_000, "1e999", "9007199254740992"):
        with pytest.raises(ValueError, match=r"twice|nested|number"):
            read_json(text)
