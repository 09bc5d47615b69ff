"""Forms with files, and uploads in parts (approvals/reading/multipart.py)."""

import asyncio
import json
from unittest.mock import Mock

import httpx
import pytest
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import FileField
from hypothesis import given
from hypothesis import strategies as st

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Opaque, Part, Reading, Repeated, find, read
from approvals.reading.body import read_typed
from approvals.reading.headers import ContentType
from tests.reading.work import linear

FORM = "multipart/form-data; boundary=xyz"


def part(disposition: str, content: bytes, *headers: str) -> bytes:
    head = "\r\n".join((f"Content-Disposition: form-data; {disposition}", *headers))
    return b"--xyz\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


def posted(*parts: bytes, kind: str = FORM, end: bytes = b"--xyz--\r\n", more: str = "") -> Reading:
    url = "https://erp.example.com/documents" + more
    return read(Http("POST", url, (("content-type", kind),), b"".join(parts) + end))


def test_a_form_is_a_list_of_its_parts() -> None:
    """The kind of C14: text fields are shown, files are named."""
    reading = posted(
        part('name="folder"', b"invoices"),
        part('name="meta[year]"', b"2026"),
        part('name="file"; filename="i.pdf"', b"%PDF-1.7\n\xe2\0", "Content-Type: application/pdf"),
        part('name="rows"; filename="r.csv"', b"a,b\n1,2\n", "Content-Type: text/csv"),
        part('name="data"; filename="d.json"', b'{"a": 1}', "Content-Type: application/json"),
    )
    assert reading.faithful, reading.unclear
    assert find(reading, "form.folder") == "invoices"
    assert find(reading, "form.meta[year]") == "2026"
    pdf = find(reading, "form.file")
    assert isinstance(pdf, Opaque)
    assert (pdf.name, pdf.media_type, pdf.size) == ("i.pdf", "application/pdf", 11)
    assert reading.opaque == (pdf,)
    shown = {leaf.path: leaf.value for leaf in reading.body.leaves if isinstance(leaf, Leaf)}
    assert shown["rows",] == "a,b\n1,2\n"
    assert (shown["rows", "filename"], shown["rows", "content-type"]) == ("r.csv", "text/csv")
    (data,) = (leaf for leaf in reading.body.leaves if leaf.path == ("data",))
    assert isinstance(data, Leaf)
    assert isinstance(data.inside, Part)
    assert (data.how, data.inside.tree) == ("JSON", {"a": 1})


def test_forms_as_clients_make_them_are_clear() -> None:
    request = httpx.Request(
        "POST",
        "https://x.example/",
        data={"to": "savings", "note": "a\nb"},
        files={"file": ("a b.txt", b"hi", "text/plain"), "raw": ("x.bin", b"\0\1")},
    )
    headers = tuple((name, value) for name, value in request.headers.items())
    reading = read(Http("POST", str(request.url), headers, request.read()))
    assert reading.faithful, reading.unclear
    assert (find(reading, "form.to"), find(reading, "form.note")) == ("savings", "a\nb")


HOSTILE = {
    "preamble": (b"hello\r\n", part('name="a"', b"1")),
    "empty line first": (b"\r\n", part('name="a"', b"1")),
    "epilogue": (part('name="a"', b"1"), b"--xyz--\r\nhello"),
    "second end": (part('name="a"', b"1"), b"--xyz--\r\n", part('name="b"', b"2")),
    "line feeds": (part('name="a"', b"1").replace(b"\r\n", b"\n"),),
    "boundary in a value": (part('name="a"', b"1--xyz2"),),
    "boundary behind a value": (
        part('name="a"', b'1--xyz\r\nContent-Disposition: form-data; name="b"\r\n\r\n2'),
    ),
    "boundary behind a line feed": (
        part('name="a"', b'1\n--xyz\r\nContent-Disposition: form-data; name="b"\r\n\r\n2'),
    ),
    "boundary after a line feed": (part('name="a"', b"1\n--xyz\nb"),),
    "longer boundary": (part('name="a"', b"1"), b"--xyz2\r\n"),
    "blank after boundary": (part('name="a"', b"1").replace(b"--xyz", b"--xyz "),),
    "two names": (part('name="a"; name="b"', b"1"),),
    "filename*": (part("name=\"a\"; filename*=utf-8''x", b"1"),),
    "name*": (part("name*=utf-8''a", b"1"),),
    "percent": (part('name="a%22"', b"1"),),
    "backslash": (part('name="a\\"b"', b"1"),),
    "path": (part('name="a"; filename="../x"', b"1"),),
    "no name": (part('filename="x"', b"1"),),
    "empty filename": (part('name="a"; filename=""', b"1"),),
    "non-ASCII name": (part('name="ä"', b"1"),),
    "_charset_": (part('name="_charset_"', b"iso-8859-1"), part('name="a"', b"1")),
    "charset": (part('name="a"', b"1", "Content-Type: text/plain; charset=utf-7"),),
    "not UTF-8": (part('name="a"', b"\xff"),),
    "NUL": (part('name="a"', b"1\x00"),),
    "encoding": (part('name="a"', b"MQ==", "Content-Transfer-Encoding: base64"),),
    "folded": (part('name="a"', b"1", "Content-Type: text/plain;", " charset=utf-8"),),
    "semicolon at the end": (part('name="a";', b"1"),),
    "single quotes": (part("name='a'", b"1"),),
    "us-ascii": (part('name="a"', "ü".encode(), "Content-Type: text/plain; charset=us-ascii"),),
    "strange header": (part('name="a"', b"1", "X-Name: b"),),
    "two dispositions": (part('name="a"', b"1", 'Content-Disposition: form-data; name="b"'),),
    "type of a file": (part('name="a"', b"1", "Content-Type: application/octet-stream"),),
    "wrong length": (part('name="a"', b"1", "Content-Length: 2"),),
    "alike names": (part('name="account_to"', b"1"), part('name="account.to"', b"2")),
    "letter case": (part('name="to"', b"1"), part('name="To"', b"2")),
    "value and branch": (part('name="a"', b"1"), part('name="a[b]"', b"2")),
    "no part": (b"",),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_law_29_a_form_that_servers_read_differently_gives_no_values(name: str) -> None:
    reading = posted(*HOSTILE[name])
    assert reading.unclear is not None
    assert not reading.faithful
    assert find(reading, "form.a") in (UNCLEAR, None)
    assert reading.body.tree is UNCLEAR


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=",
                                  'multipart/form-data; boundary="x z"',
                                  "multipart/form-data; boundary=xyz; charset=utf-7"])  # fmt: skip
def test_a_form_without_one_clear_boundary_is_unclear(kind: str) -> None:
    assert posted(part('name="a"', b"1"), kind=kind).unclear is not None


def test_names_that_are_given_several_times_are_lists_to_some() -> None:
    reading = posted(part('name="to"', b"1"), part('name="to"', b"2"))
    assert find(reading, "form.to") == Repeated(("1", "2"))
    assert reading.unclear is not None
    file = 'name="f[]"; filename="x.txt"'
    reading = posted(part('name="f[]"', b""), part(file, b"1"), part(file, b"2"))
    listed = find(reading, "form.f[]")
    assert [one if isinstance(one, str) else one.size for one in listed] == ["", 1, 1]
    twice = posted(part('name="f"; filename="x"', b"1"), part('name="f"; filename="x"', b"2"))
    assert find(twice, "form.f") is UNCLEAR


def test_a_name_in_the_query_and_in_the_form_is_unclear() -> None:
    reading = posted(part('name="to"', b"1"), more="?to=2")
    assert find(reading, "form.to") is UNCLEAR
    override = posted(part('name="_method"', b"DELETE"))
    assert "method" in (override.target.doubts if override.target else {})


def test_an_upload_is_its_metadata_and_its_content() -> None:
    def upload(media: bytes, content: bytes, kind: str = "multipart/related") -> Reading:
        body = b"--xyz\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
        body += json.dumps({"name": "q3.csv", "parents": ["root"]}).encode()
        body += b"\r\n--xyz\r\nContent-Type: " + media + b"\r\n\r\n" + content + b"\r\n"
        return posted(body, kind=kind + "; boundary=xyz", end=b"--xyz--")

    reading = upload(b"text/csv", b"a,b\n1,2\n")
    assert reading.faithful
    assert reading.body.tree["1"]["name"] == "q3.csv"
    assert reading.body.tree["2"] == "a,b\n1,2\n"
    shown = {leaf.path: leaf.value for leaf in reading.body.leaves if isinstance(leaf, Leaf)}
    assert shown["2", "content-type"] == "text/csv"
    (picture,) = upload(b"image/png", b"\x89PNG\r\n\x1a\n", "multipart/mixed").opaque
    assert (picture.media_type, picture.path) == ("image/png", ("2",))
    assert upload(b"text/csv\r\nContent-Type: text/html", b"a").unclear is not None
    assert upload(b"application/json", b'{"a": 1, "a": 2}').unclear is not None
    assert upload(b"text/csv\r\nContent-Transfer-Encoding: base64", b"YQ==").unclear is not None


@given(
    st.lists(
        st.sampled_from([
            b"--b", b"--b--", b"\r\n", b"\n", b'Content-Disposition: form-data; name="a"', b"x",
            b'; filename="f"', b"\r\n\r\n", b"Content-Type: text/plain", b"=", b'"', b"--", b"\xff",
        ]),
        max_size=30,
    ),
    st.sampled_from(["multipart/form-data", "multipart/related"]),
)  # fmt: skip
def test_pieces_of_forms_in_any_order_account_for_every_byte(
    pieces: list[bytes], kind: str
) -> None:
    body = b"".join(pieces)
    found = read_typed(body, ContentType(kind, {"boundary": "b"}))
    if found.unclear is None:
        plain = sum(
            one.size if isinstance(one, Opaque) else len(str(one.value).encode())
            for one in found.leaves
        )
        assert plain >= len(body) - 130 * body.count(b"--b")
    else:
        assert found.tree is UNCLEAR


async def by_aiohttp(body: bytes) -> list[tuple[str, str | int]]:
    """Names with texts, and with the sizes of files, as another server reads them."""
    payload = StreamReader(Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
    payload.feed_data(body)
    payload.feed_eof()
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    form = await make_mocked_request("POST", "/", headers=headers, payload=payload).post()
    found: list[tuple[str, str | int]] = []
    for name, value in form.items():
        if isinstance(value, FileField):
            with value.file:
                found.append((name, len(value.file.read())))
        else:
            found.append((name, value if isinstance(value, str) else bytes(value).decode()))
    return found


NAMED = [
    b'Content-Disposition: form-data; name="a"', b"Content-Disposition: form-data; name=b",
    b'content-disposition:Form-Data ; filename="f.txt"; name="c"',
    b'Content-Disposition: form-data; name="d"\r\nContent-Type: application/json',
    b'Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name="e"',
    b'Content-Disposition: form-data; name="f"; filename=f\r\nContent-Type: image/png',
]  # fmt: skip
ODD = [
    b"", b"", b"", b" folded", b"Content-Length: 1", b"Content-Transfer-Encoding: base64",
    b"Content-Type: text/plain; charset=us-ascii", b'Content-Disposition: form-data; name="g"',
]  # fmt: skip
CONTENTS = [b"", b"x", b"\r\n", b"--b", b"\r\n--b", b"\n--b\r\n", b"--", "ü".encode(), b"MQ=="]
A_PART = st.tuples(
    st.sampled_from(NAMED), st.sampled_from(ODD), st.lists(st.sampled_from(CONTENTS), max_size=3)
)


@given(st.lists(A_PART, min_size=1, max_size=3), st.sampled_from([b"--b--", b"--b--\r\n", b"--b"]))
def test_law_29_a_clear_form_is_what_another_server_reads(
    parts: list[tuple[bytes, bytes, list[bytes]]], end: bytes
) -> None:
    body = b""
    for name, odd, texts in parts:
        head = name + (b"\r\n" + odd if odd else b"")
        body += b"--b\r\n" + head + b"\r\n\r\n" + b"".join(texts) + b"\r\n"
    ours = read_typed(body + end, ContentType("multipart/form-data", {"boundary": "b"}))
    if ours.unclear is not None or ours.repeated:
        return
    said = {
        (str(name), value.size if isinstance(value, Opaque) else value)
        for name, value in ours.tree.items()
    }
    assert set(asyncio.run(by_aiohttp(body + end))) == said


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    for kind in ("multipart/form-data", "multipart/related"):
        for body in (raw, b"--b\r\n" + raw + b"\r\n--b--"):
            assert read_typed(body, ContentType(kind, {"boundary": "b"})).kind


@pytest.mark.parametrize(
    "unit", [b"--b", b"\r\n--b", b"\r\n", b"a", b"-", b"\r\n--b\r\n\r\n", b";a"]
)
@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/related"])
def test_law_32_a_hostile_form_takes_linear_work(kind: str, unit: bytes) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n'
    content = ContentType(kind, {"boundary": "b"})
    linear(
        lambda size: head + unit * (size // len(unit)) + b"\r\n--b--",
        lambda body: read_typed(body, content),
    )
