"""Batches whose parts are HTTP requests (approvals/reading/calls.py)."""

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Reading, find, read
from tests.reading.work import linear

GOOGLE = """--===============60==
Content-Type: application/http
MIME-Version: 1.0
Content-Transfer-Encoding: binary
Content-ID: <b24ce0dc + 1>

POST /gmail/v1/users/me/messages/18c1/trash?alt=json HTTP/1.1
Content-Type: application/json
accept: application/json
Host: gmail.googleapis.com


--===============60==
Content-Type: application/http
MIME-Version: 1.0
Content-Transfer-Encoding: binary
Content-ID: <b24ce0dc + 2>

POST /gmail/v1/users/me/messages/18c2/modify?alt=json HTTP/1.1
Content-Type: application/json
Host: gmail.googleapis.com
content-length: 28

{"addLabelIds": ["STARRED"]}
--===============60==
Content-Type: application/http
MIME-Version: 1.0
Content-Transfer-Encoding: binary
Content-ID: <b24ce0dc + 3>

GET /gmail/v1/users/me/messages/18c3?alt=json HTTP/1.1
Host: gmail.googleapis.com


--===============60==--
"""
"""As google-api-python-client 2.202.0 sends it: with LF alone."""

ODATA = """--b
Content-Type: application/http

GET /service/Customers('ALFKI') HTTP/1.1
Host: host


--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-ID: 1

DELETE /service/Customers(1) HTTP/1.1
Host: host


--c
Content-Type: application/http
Content-ID: 2

PATCH /service/Orders(2) HTTP/1.1
Host: host
Content-Type: application/json
Content-Length: 13

{"paid":true}
--c--
--b--
""".replace("\n", "\r\n")
"""The example of OData 4.01, section 11.7.7.1, with other requests."""


def posted(body: str | bytes, boundary: str = "===============60==") -> Reading:
    kind = f'multipart/mixed; boundary="{boundary}"'
    raw = body.encode() if isinstance(body, str) else body
    return read(Http("POST", "https://gmail.googleapis.com/batch", (("content-type", kind),), raw))


def test_a_batch_of_googles_client_is_its_calls() -> None:
    reading = posted(GOOGLE)
    assert reading.faithful, reading.unclear or reading.undecoded
    assert find(reading, "batch.methods") == ["POST", "GET"]
    assert find(reading, "batch.reads") is False
    trash, change, get = find(reading, "batch.calls")
    assert trash["url"] == "/gmail/v1/users/me/messages/18c1/trash?alt=json"
    assert (trash["body"], get["body"]) == (None, None)
    assert change["body"] == {"addLabelIds": ["STARRED"]}
    (said,) = (one.says for one in reading.meanings if one.name == "batch")
    assert said is not None
    assert said.startswith("3 calls: POST ")
    shown = {leaf.value for leaf in reading.body.walk() if isinstance(leaf, Leaf)}
    assert {"STARRED", "GET", "/gmail/v1/users/me/messages/18c3?alt=json"} <= shown


def test_change_sets_of_odata_are_calls_too() -> None:
    reading = posted(ODATA, "b")
    assert reading.faithful, reading.unclear or reading.undecoded
    assert [call["method"] for call in find(reading, "batch.calls")] == ["GET", "DELETE", "PATCH"]
    assert find(reading, "batch.calls")[2]["body"] == {"paid": True}


def test_a_part_that_is_no_call_may_be_anything() -> None:
    text = GOOGLE.replace("application/http", "text/plain", 1)
    reading = posted(text)
    assert find(reading, "batch.calls") is UNCLEAR
    assert find(reading, "batch.reads") is False


HOSTILE = {
    "a folded path": ("/gmail/v1/users/me/messages/18c3?", "/gmail/v1/x/../users/me/18c3?"),
    "another method": ("GET /gmail", "get /gmail"),
    "an overridden method": (
        "GET /gmail/v1/users/me/messages/18c3?alt=json HTTP/1.1\n",
        "POST /gmail/v1/users/me/messages/18c3 HTTP/1.1\nX-HTTP-Method-Override: DELETE\n",
    ),
    "two bodies": ("content-length: 28", "content-length: 2"),
    "a body that goes on": ("content-length: 28", "content-length: 29"),
    "a length twice": ("content-length: 28", "content-length: 28\ncontent-length: 2"),
    "chunks": ("content-length: 28", "transfer-encoding: chunked"),
    "a packed body": ("content-length: 28", "content-encoding: gzip"),
    "a body of no type": ("Content-Type: application/json\nHost: gmail.googleapis.com\ncon", "con"),
    "no JSON": ('{"addLabelIds": ["STARRED"]}', '{"addLabelIds": ["STARRED"]]'),
    "two requests in one line": ("18c3?alt=json HTTP/1.1", "18c3 HTTP/1.1 HTTP/1.1"),
    "an encoded part": ("Transfer-Encoding: binary", "Transfer-Encoding: base64"),
    "another line end": ("GET /gmail", "GET\r /gmail"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_law_29_a_call_that_servers_read_otherwise_is_unclear(what: str) -> None:
    old, new = HOSTILE[what]
    assert old in GOOGLE
    reading = posted(GOOGLE.replace(old, new, 1))
    assert reading.unclear is not None
    assert find(reading, "batch.calls") is UNCLEAR


def test_change_sets_lie_one_deep() -> None:
    inner = ODATA.replace("--c", "--d").replace("boundary=c", "boundary=d").replace("--b", "--c")
    head = "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    reading = posted(f"{head}{inner}--b--\r\n", "b")
    assert not reading.faithful or find(reading, "batch.calls") is UNCLEAR


def test_law_27_calls_are_read_in_linear_time() -> None:
    def made(size: int) -> str:
        body = "x=" + "a" * size
        head = "POST /a HTTP/1.1\nContent-Type: application/x-www-form-urlencoded"
        part = f"--b\nContent-Type: application/http\n\n{head}\n\n{body}\n"
        return part * 4 + "--b--\n"

    linear(made, lambda text: posted(text, "b"))
