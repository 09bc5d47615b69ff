"""Uploads in aws-chunked (approvals/reading/aws_chunked.py)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.model import Http
from approvals.reading import Leaf, Opaque, Part, Reading, read
from tests.reading.work import linear

CSV = b"region,revenue\nEMEA,1204\nAPAC,998\n"
TRAILER = b"x-amz-checksum-crc32:ohdE/w==\r\n"
SIGNED = b";chunk-signature=" + b"a" * 64


def put(body: bytes, size: object, **headers: str) -> Reading:
    given = {
        "content-type": "text/csv",
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(size),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    return read(Http("PUT", "https://b.s3.amazonaws.com/q3.csv", tuple(given.items()), body))


def chunked(content: bytes, signed: bytes = b"", trailer: bytes = b"") -> bytes:
    half = len(content) // 2
    return b"".join(
        b"%x%s\r\n%s\r\n" % (len(piece), signed, piece)
        for piece in (content[:half], content[half:])
    ) + b"0%s\r\n%s\r\n" % (signed, trailer)


@pytest.mark.parametrize("signed", [b"", SIGNED])
@pytest.mark.parametrize("trailer", [b"", TRAILER])
def test_the_content_of_an_upload_is_read_as_its_type(signed: bytes, trailer: bytes) -> None:
    """The kind of C14: sizes and signatures around a text are no reason for a hex dump."""
    reading = put(chunked(CSV, signed, trailer), len(CSV))
    assert reading.faithful, reading.unclear
    shown = {leaf.path: leaf.value for leaf in reading.body.leaves if isinstance(leaf, Leaf)}
    assert shown["content",] == CSV.decode()
    assert shown.get(("trailer", "x-amz-checksum-crc32")) == ("ohdE/w==" if trailer else None)
    assert shown.get(("signatures",)) == ("3 chunks are signed" if signed else None)


def test_json_in_chunks_is_a_tree_and_a_picture_is_named() -> None:
    body = b'{"a": 1}'
    reading = put(chunked(body), len(body), content_type="application/json")
    (leaf,) = reading.body.leaves
    assert isinstance(leaf, Leaf)
    assert isinstance(leaf.inside, Part)
    assert leaf.inside.tree == {"a": 1}
    picture = b"\x89PNG\r\n\x1a\n\0\0"
    (opaque,) = put(chunked(picture), len(picture), content_type="").opaque
    assert (opaque.media_type, opaque.size, opaque.path) == ("image/png", 10, ("content",))


@pytest.mark.parametrize(
    ("body", "size"),
    [
        (chunked(CSV), len(CSV) + 1),
        (chunked(CSV), f"+{len(CSV)}"),
        (chunked(CSV)[:-2], len(CSV)),
        (chunked(CSV) + b"x", len(CSV)),
        (chunked(CSV) + chunked(b"evil"), len(CSV)),
        (chunked(CSV).replace(b"\r\n", b"\n"), len(CSV)),
        (b"0x" + chunked(CSV), len(CSV)),
        (b" " + chunked(CSV), len(CSV)),
        (chunked(CSV, b";x=y"), len(CSV)),
        (chunked(CSV, b"", TRAILER + TRAILER), len(CSV)),
        (chunked(CSV, b"", b"x-other: y\r\n"), len(CSV)),
        (b"5\r\nhello\r\n" + chunked(CSV, SIGNED), len(CSV) + 5),
        (CSV, len(CSV)),
        (b"", 0),
    ],
)
def test_law_29_chunks_that_are_not_as_they_say_are_unclear(body: bytes, size: object) -> None:
    reading = put(body, size)
    assert reading.unclear is not None
    assert not reading.faithful


def test_headers_that_do_not_all_say_chunked_make_it_unclear() -> None:
    body = chunked(CSV)
    assert put(body, len(CSV), x_amz_content_sha256="UNSIGNED-PAYLOAD").unclear is not None
    assert put(body, len(CSV), x_amz_decoded_content_length="").unclear is not None
    gzipped = put(body, len(CSV), content_encoding="gzip,aws-chunked")
    (opaque,) = gzipped.opaque
    assert (gzipped.unclear, opaque.size) == (None, len(CSV))


@given(
    st.lists(
        st.sampled_from(
            [b"0", b"5", b"\r\n", b"hello", b";chunk-signature=", b"a" * 64, b"\n", TRAILER]
        )
    ),
    st.integers(0, 20),
)
def test_pieces_of_chunks_in_any_order_account_for_every_byte(
    pieces: list[bytes], size: int
) -> None:
    body = b"".join(pieces)
    reading = put(body, size)
    if reading.unclear is None:
        content = next((one for one in reading.body.leaves if one.path == ("content",)), None)
        shown = content.size if isinstance(content, Opaque) else len(str(content and content.value))
        assert shown == size


@pytest.mark.parametrize("unit", [b"1\r\na\r\n", b"\r\n", b"1", b"x-amz-a:b\r\n"])
def test_law_32_hostile_chunks_take_linear_work(unit: bytes) -> None:
    linear(lambda size: unit * (size // len(unit)), lambda body: put(body, 5))
