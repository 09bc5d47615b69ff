"""The client's own digest: the vectors of docs/digest.md, and the service's implementation."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from countersign_client.digest import canonical, digest_http, digest_payload, read_json
from hypothesis import given
from hypothesis import strategies as st

from approvals import evidence

DOCUMENT = (Path(__file__).parents[2] / "docs" / "digest.md").read_text(encoding="utf-8")
VECTORS: list[dict[str, Any]] = json.loads(DOCUMENT.split("```json\n")[1].split("```")[0])
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2**53) + 1, 2**53 - 1)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


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


PIECES = st.text("/ab%26.;&=+~|\\[]{}\"'<>^`:@?#\u00e9 ", max_size=12)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["x-a", "X-A", "x-b", "Connection", "TE", "Host", "x y", ""]),
        st.sampled_from(["1", " 2\t", "close, x-a", "h.example", "H.example:80", "a\n", "\u00ff"]),
    ),
    max_size=4,
)


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


def said(digest: Callable[[], str]) -> str:
    """A digest, or why there is none."""
    try:
        return digest()
    except ValueError as error:
        return f"refused: {error}"


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
