"""The special readers on hostile input: none raises, and no change makes a request that writes look
as if it only read."""

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from approvals.model import Http
from approvals.reading import UNCLEAR, Reading, find, read, read_payload
from approvals.reading.git import PUSH, read_fetch, read_push
from approvals.reading.readers import READERS, Reader
from approvals.reading.shell import split
from approvals.reading.yaml_text import read_yaml
from tests.reading.made import FIXTURES, JSON, post, recorded

NAMES = sorted(file.stem for file in FIXTURES.glob("*.json"))
MANY = settings(max_examples=150, deadline=None)
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=12)
KEYS = st.sampled_from(
    ["method", "params", "jsonrpc", "id", "query", "variables", "operationName", "extensions",
     "persistedQuery", "sha256Hash", "requests", "url", "compositeRequest", "graphs", "command",
     "args", "tool_input", "file_path", "edits", "old_string", "new_string", "patch", "content",
     "statement", "sql", "metadata", "name", "kind", "data", "spec", "arguments", "dryRun", "Query"]
)  # fmt: skip
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5)
)
URLS = st.sampled_from(
    ["https://api.example.com/graphql", "https://api.example.com/x", "https://s3.amazonaws.com/a/b",
     "https://dynamodb.eu-west-1.amazonaws.com/", "https://ec2.us-east-1.amazonaws.com/?Action=A",
     "https://k8s.example.com/api/v1/namespaces/a/secrets/b", "https://k8s.example.com/api/v1/pods",
     "https://k8s.example.com/apis/apps/v1/namespaces/a/deployments/b/scale",
     "https://git.example.com/a/b.git/git-receive-pack", "https://bigquery.googleapis.com/q",
     "https://git.example.com/a/b.git/info/refs?service=git-upload-pack"]
)  # fmt: skip
TYPES = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "application/yaml", PUSH,
     "application/graphql", "application/x-git-upload-pack-request", "application/x-amz-json-1.0",
     "application/json-patch+json", "application/apply-patch+yaml", "text/plain"]
)  # fmt: skip


def harmless(reading: Reading) -> bool:
    """Does any reader say that it only reads?"""
    return any(one.values.get("reads") is True for one in reading.meanings)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_an_empty_request(reader: Reader) -> None:
    for request in (Http("GET", "https://a.example/", (), b""), Http("GET", "nonsense", (), b"")):
        assert reader(read(request)) is None


@MANY
@given(URLS, TYPES, st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "X"]), TREES)
def test_no_reader_raises_on_any_tree(url: str, kind: str, method: str, tree: Any) -> None:
    body = json.dumps(tree).encode()
    for headers in (
        (("content-type", kind),),
        (("x-amz-target", "A.B"), ("content-type", kind)),
        (),
    ):
        read(Http(method, url, headers, body))
        read(Http(method, url, headers, body, body_complete=False))
    read_payload(json.dumps(tree))


@MANY
@given(URLS, TYPES, st.binary(max_size=300))
def test_no_reader_raises_on_any_bytes(url: str, kind: str, body: bytes) -> None:
    read(Http("POST", url, (("content-type", kind),), body))
    read_push(body)
    read_push(body, complete=False)
    read_fetch(body)


@MANY
@given(st.text(max_size=200))
@example("a: &x {")
@example("- " * 100)
def test_no_reader_raises_on_any_text(text: str) -> None:
    read_yaml(text)
    split(text)
    for key in ("sql", "query", "statement", "command", "patch"):
        read_payload(json.dumps({key: text}))
        read(post("https://a.example/graphql", json.dumps({key: text}).encode()))


@MANY
@given(st.sampled_from(NAMES), st.data())
def test_a_changed_request_never_reads_as_harmless(name: str, data: st.DataObject) -> None:
    """A recorded request that writes, with bytes of its body changed, doubled or cut out."""
    request = recorded(name)
    if harmless(read(request)) or not request.body:
        return
    at = data.draw(st.integers(0, len(request.body)))
    to = data.draw(st.integers(at, min(at + 40, len(request.body))))
    new = data.draw(st.sampled_from([b"", b"&", b"\0", b'"', b",", b"}", b"Get", b"Describe"]))
    body = request.body[:at] + new + request.body[at if data.draw(st.booleans()) else to :]
    reading = read(replace(request, body=body))
    # `GetTerminateInstances` would be another operation, and one that reads.
    another = b"Action=Get" in body or b"Action=Describe" in body
    assert not harmless(reading) or reading.unclear is not None or another


@MANY
@given(st.sampled_from(NAMES), st.sampled_from(["x-amz-target", "X_Amz_Target", "content-type"]))
def test_a_header_given_twice_never_makes_a_request_harmless(name: str, header: str) -> None:
    request = recorded(name)
    if harmless(read(request)):
        return
    for value in ("DynamoDB_20120810.ListTables", "application/json"):
        for headers in (((header, value), *request.headers), (*request.headers, (header, value))):
            assert not harmless(read(replace(request, headers=headers)))


@MANY
@given(st.lists(TREES, max_size=4), st.integers(0, 4))
def test_a_call_never_vanishes_in_a_batch(others: list[Any], at: int) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "wipe", "params": []}
    batch = [*others[:at], call, *others[at:]]
    methods = find(read(post("https://rpc.example.com/", batch)), "rpc.methods")
    assert methods is UNCLEAR or "wipe" in methods
    http = {"method": "DELETE", "url": "/users/1"}
    graph = {"requests": [*others[:at], http, *others[at:]]}
    methods = find(read(post("https://a.example/$batch", graph)), "batch.methods")
    assert methods is UNCLEAR or "DELETE" in methods


@MANY
@given(st.data())
def test_a_clear_push_accounts_for_every_byte(data: st.DataObject) -> None:
    ids = st.sampled_from(["1" * 40, "2" * 40, "0" * 40])
    names = st.sampled_from(["refs/heads/main", "refs/tags/v1", "refs/heads/a b", "x\0y", "\n", ""])
    lines = [
        f"{data.draw(ids)} {data.draw(ids)} {data.draw(names)}"
        for _ in range(data.draw(st.integers(0, 3)))
    ]
    body = b""
    for at, line in enumerate(lines):
        raw = (line + ("\0 report-status push-options" if at == 0 else "")).encode()
        body += b"%04x" % (len(raw) + 4) + raw
    body += b"0000" + data.draw(st.sampled_from([b"", b"0006ci0000", b"0000PACK\0\0\0\2", b"x"]))
    part = read_push(body)
    if part.unclear is None:
        assert [f"{one['old']} {one['new']} {one['ref']}" for one in part.tree["updates"]] == lines
        size = sum(4 + len(line) for line in lines) + 4
        if lines:
            size += 1 + len(" report-status push-options") + 4
            size += sum(4 + len(one) for one in part.tree["options"])
        size += sum(getattr(one, "size", 0) for one in part.leaves)
        assert size == len(body)


@MANY
@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), min_size=1, max_size=4))
def test_quoted_words_come_back_as_they_were(commands: list[list[str]]) -> None:
    commands = [["run", *words] for words in commands]
    for joint in ("; ", " && ", " | ", "\n", " & "):
        pieces, _ = split(joint.join(shlex.join(words) for words in commands))
        assert [piece.words for piece in pieces] == commands


SELECT = "SELECT a , b FROM t WHERE a = 1 AND ( b > 2 OR c IS NULL ) ORDER BY 1 LIMIT 5"


@pytest.mark.parametrize(
    "extra", ["; DROP TABLE z ; ", "; DELETE FROM z ; ", " /*! x */ ", "DELETE "]
)
@MANY
@given(at=st.integers(0, len(SELECT.split())))
def test_a_statement_that_is_put_into_a_query_is_always_seen(extra: str, at: int) -> None:
    words = SELECT.split()
    text = " ".join([*words[:at], extra, *words[at:]])
    for url in (
        "https://db.example.com/",
        "https://x.snowflakecomputing.com/",
        "https://bigquery.googleapis.com/",
    ):
        assert find(read(post(url, {"sql": text}, JSON)), "sql.destructive") is True


GRAPHQL = "query Look { me { id } ...More } fragment More on Query { you }"


@MANY
@given(
    st.integers(0, len(GRAPHQL)), st.sampled_from(["mutation { wipe }", "...X", "@a ", "}", "{"])
)
def test_a_mutation_in_a_document_is_never_taken_for_a_query(at: int, extra: str) -> None:
    query = GRAPHQL[:at] + extra + GRAPHQL[at:]
    reading = read(post("https://api.example.com/graphql", {"query": query}))
    if find(reading, "graphql.reads") is True:
        assert "wipe" not in find(reading, "graphql.names")
        assert find(reading, "graphql.type") == "query"
