"""Texts in declared charsets, files told by their first bytes (approvals/reading/content.py)."""

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Reading, find, read
from approvals.reading.content import opaque, sniffed


def posted(body: bytes, kind: str) -> Reading:
    return read(Http("POST", "https://x.example/", (("content-type", kind),), body))


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("iso-8859-1", "latin-1"), ("windows-1252", "cp1252"), ("utf-16", "utf-16"),
     ("ISO-8859-15", "iso8859-15"), ('"utf-8"', "utf-8")],
)  # fmt: skip
def test_a_text_in_a_known_charset_is_shown(charset: str, codec: str) -> None:
    for kind in ("text/plain", "text/csv", "text/html", "text/markdown"):
        reading = posted("Grüße an alle".encode(codec), f"{kind}; charset={charset}")
        assert reading.faithful, reading.unclear
        assert reading.body.leaves == (Leaf((), "Grüße an alle"),)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain; charset=utf-7", b"Lunch at +ACQ-5"),
        ("text/plain; charset=us-ascii", "Grüße".encode()),
        ("text/plain; charset=iso-8859-1", b"\x80 5"),
        ("text/plain; charset=utf-16", "Grüße".encode("utf-16-le")),
        ("text/plain; charset=windows-1252", b"\x81"),
        ("text/xml; charset=iso-8859-1", b"<a/>"),
        ("application/json; charset=iso-8859-1", b'{"total": 5}'),
        ("text/json; charset=iso-8859-1", b'{"total": 5}'),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", b"total=5"),
    ],
)
def test_law_29_a_charset_that_is_not_read_alike_gives_no_values(kind: str, body: bytes) -> None:
    """The kind of M1: what is judged must be what the receiver reads."""
    reading = posted(body, kind)
    assert reading.unclear is not None
    assert find(reading, "json.total") in (None, UNCLEAR)
    assert find(reading, "form.total") in (None, UNCLEAR)


def test_a_file_without_a_type_is_told_by_its_first_bytes() -> None:
    assert sniffed(b"%PDF-1.7") == "application/pdf"
    assert sniffed(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    assert sniffed(b"hello") is None
    assert opaque(b"\x1f\x8b\x08", "").media_type == "application/gzip"
    assert opaque(b"\x1f\x8b\x08", "text/plain").media_type == "text/plain"
