"""Files that a call writes (approvals/reading/files.py), and uploads in parts."""

import base64
import json
from typing import Any

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Reading, find, read

CONTENTS = "https://api.github.com/repos/acme/shop/contents/.github/workflows/ci.yml"
BLOBS = "https://github.example.com/api/v3/repos/acme/shop/git/blobs"
FILES = "https://gitlab.com/api/v4/projects/7/repository/files/src%2Fapp.py"
COMMITS = "https://gitlab.com/api/v4/projects/7/repository/commits"


def put(url: str, body: object) -> Reading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(Http("PUT", url, (("content-type", "application/json"),), raw))


def b64(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


def said(reading: Reading) -> list[Any]:
    return [leaf.value for leaf in reading.body.walk() if isinstance(leaf, Leaf)]


@pytest.mark.parametrize("text", ["hi", "on: push\n", "a line\n" * 40])
def test_a_file_is_shown_as_text_however_short(text: str) -> None:
    """The kind of M4: what a file says stood there in base64 only."""
    reading = put(CONTENTS, {"message": "Tidy CI", "content": b64(text), "branch": "main"})
    assert reading.faithful
    assert find(reading, "file.path") == ".github/workflows/ci.yml"
    assert (find(reading, "file.text"), find(reading, "file.size")) == (text, len(text))
    assert text in said(reading)


def test_only_what_says_so_is_base64_elsewhere() -> None:
    assert find(put(BLOBS, {"content": "aGk=", "encoding": "base64"}), "file.text") == "hi"
    assert find(put(BLOBS, {"content": "aGk=", "encoding": "utf-8"}), "file.text") == "aGk="
    actions = [
        {"action": "create", "file_path": "a.py", "content": "print(1)"},
        {"action": "update", "file_path": "b.py", "content": b64("eval"), "encoding": "base64"},
    ]
    reading = put(COMMITS, {"branch": "main", "actions": actions})
    assert find(reading, "file.paths") == ["a.py", "b.py"]
    assert "eval" in said(reading)


def test_a_picture_is_named_and_an_unclear_body_is_no_file() -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n\0").decode()
    reading = put(CONTENTS, {"content": png})
    assert find(reading, "file.text") is None
    assert [one.media_type for one in reading.opaque] == ["image/png"]
    assert find(put(CONTENTS, b'{"content": "", "Content": "aGk="}'), "file.text") is UNCLEAR
    assert find(put("https://x.example/", {"content": "aGk="}), "file.text") is None


def test_the_metadata_of_an_upload_has_values() -> None:
    body = b'--b\r\nContent-Type: application/json\r\n\r\n{"name": "q3.csv"}\r\n--b\r\n'
    body += b"Content-Type: text/csv\r\n\r\na,b\r\n--b--"
    kind = (("content-type", "multipart/related; boundary=b"),)
    url = "https://www.googleapis.com/upload/drive/v3/files?uploadType=multipart"
    reading = read(Http("POST", url, kind, body))
    assert find(reading, "upload.metadata.name") == "q3.csv"
    assert (find(reading, "upload.type"), find(reading, "upload.text")) == ("text/csv", "a,b")
    broken = read(Http("POST", url, kind, b"x" + body))
    assert find(broken, "upload.metadata.name") is UNCLEAR
