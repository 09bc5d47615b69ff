"""GraphQL: which operation runs, and what it does with which arguments."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Part, find, read
from tests.reading.made import known, meaning, post, recorded

URL = "https://api.example.com/graphql"
DELETE = "mutation { deleteUser(id: 7) { ok } }"


def values(query: str, **more: Any) -> Mapping[str, Any]:
    return meaning(post(URL, {"query": query, **more}), "graphql").values


def test_a_mutation_of_github_says_what_it_does_with_its_variables_in_place() -> None:
    reading = read(recorded("github-graphql"))
    assert meaning(reading, "graphql").says == (
        "mutation: addComment (subjectId PR_kwDOABCD5M5abcde, body LGTM, shipping it.), "
        "mergePullRequest (pullRequestId PR_kwDOABCD5M5abcde, mergeMethod SQUASH)"
    )
    assert find(reading, "graphql.names") == ["addComment", "mergePullRequest"]
    assert find(reading, "graphql.fields.*.arguments.input")[1]["mergeMethod"] == "SQUASH"
    assert (find(reading, "graphql.type"), find(reading, "graphql.reads")) == ("mutation", False)


def test_the_document_is_shown_with_line_ends() -> None:
    leaf = next(one for one in read(recorded("github-graphql")).body.leaves if "query" in one.path)
    assert isinstance(leaf, Leaf)
    assert isinstance(leaf.inside, Part)
    (inner,) = leaf.inside.leaves
    assert isinstance(inner, Leaf)
    assert "\n  mergePullRequest(" in str(inner.value)


def test_fragments_are_expanded_and_aliases_shown() -> None:
    query = """
    mutation M { safe: renameUser(id: 1, name: "x") { ok } ...More
      ... on Mutation { c(x: [1, {y: B}]) } }
    fragment More on Mutation { ...Deep ...Deep }
    fragment Deep on Mutation { deleteUser(id: 7) { ok } }
    """
    assert values(query)["fields"] == [
        {"name": "renameUser", "alias": "safe", "arguments": {"id": 1, "name": "x"}},
        {"name": "deleteUser", "alias": None, "arguments": {"id": 7}},
        {"name": "c", "alias": None, "arguments": {"x": [1, {"y": "B"}]}},
    ]
    says = meaning(post(URL, {"query": query}), "graphql").says
    assert str(says).startswith("mutation: safe: renameUser (id 1, name x), deleteUser (id 7), c")


@pytest.mark.parametrize(
    ("variables", "names"),
    [({"go": True}, ["a", "deleteUser"]), ({"go": False}, ["a"]), ({}, ["a", "deleteUser"])],
)
def test_skip_and_include_are_evaluated(variables: dict[str, Any], names: list[str]) -> None:
    query = (
        "mutation($go: Boolean = true) { a b @skip(if: true) deleteUser(id: 7) @include(if: $go) }"
    )
    assert values(query, variables=variables)["names"] == names


def test_the_operation_is_the_one_that_is_named() -> None:
    query = "query Look { me { id } } mutation Wipe { wipe }"
    assert values(query, operationName="Look")["reads"] is True
    found = values(query, operationName="Wipe")
    assert (found["type"], found["operation"], found["names"]) == ("mutation", "Wipe", ["wipe"])


@pytest.mark.parametrize(
    "body",
    [
        {"query": "query Look { me } mutation Wipe { wipe }"},
        {"query": "query Look { me } mutation Wipe { wipe }", "operationName": "wipe"},
        {"query": "query Look { me } mutation Wipe { wipe }", "operationName": ["Look"]},
        {"query": "query A { me } query A { you }", "operationName": "A"},
        {"query": "query { me } query { you }"},
        {"query": "query A { ...F } fragment F on Q { a } fragment F on Q { b }"},
        {"query": "query A { me", "operationName": "A"},
        {"query": "query($x: ID!) { user(id: $x) { id } }"},
        {"query": "query { user(id: $x) { id } }", "variables": {"x": 1}},
        {"query": "query($x: ID) { user(id: $x) }", "variables": {"x": 1, "y": 2}},
        {"query": "query($x: ID) { user(id: $x) }", "variables": "{"},
        {"query": "query($x: ID) { user(id: $x) }", "variables": [1]},
        {"query": "query($x: ID = 1, $x: ID = 2) { user(id: $x) }"},
        {"query": "query { a(x: 1, x: 2) }"}, {"query": "query { a(x: {y: 1, y: 2}) }"},
        {"query": "query { a @include(if: $b) }"}, {"query": "query { a @defer }"},
        {"query": "query { a @skip(if: 1) }"}, {"query": "query { ...Missing }"},
        {"query": "query @live { a }"}, {"query": "query { a(x: 99999999999999999999) }"},
        {"query": "{" * 5_000}, {"query": "query { " + "a " * 3_000 + "}"},
        {"query": "query { " + "a{" * 900 + "b" + "}" * 900 + "}"},
        {"query": "type A { b: Int } query { me }"}, {"Query": "query { me }"},
        {"query": "query { me }", "extensions": {"persistedQuery": {"sha256Hash": "0" * 64}}},
        [{"query": "query { me }"}, {"query": "broken {"}], [{"query": "query { me }"}, 5],
        [{"query": "query { me }"}] * 11,
    ],
)  # fmt: skip
def test_a_document_that_has_no_one_reading_gives_no_fields_and_does_not_read(body: Any) -> None:
    reading = read(post(URL, body))
    assert find(reading, "graphql.fields") is UNCLEAR
    assert find(reading, "graphql.reads") is False
    assert meaning(reading, "graphql").says is None


@pytest.mark.parametrize(
    "body",
    [
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab" * 32}},
         "operationName": "Wipe", "variables": {"id": 7}},
        {"doc_id": "1234567890", "variables": {}}, {"documentId": "sha256:" + "ab" * 32},
    ],
)  # fmt: skip
def test_a_document_that_is_named_by_a_hash_only_counts_as_not_shown(body: Any) -> None:
    reading = read(post(URL, body))
    assert reading.undecoded is not None
    assert "not in the request" in reading.undecoded
    assert not reading.faithful
    assert find(reading, "graphql.type") is UNCLEAR


def test_a_hash_that_fits_its_document_changes_nothing() -> None:
    digest = hashlib.sha256(DELETE.encode()).hexdigest()
    more = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}
    assert values(DELETE, **more)["names"] == ["deleteUser"]


def test_a_batch_names_every_field_and_mutations_first() -> None:
    request = post(URL, [{"query": "{ me }"}, {"query": DELETE}])
    found = meaning(request, "graphql")
    assert found.says == "2 operations, query and mutation: deleteUser (id 7), me"
    assert found.values["names"] == ["me", "deleteUser"]
    assert found.values["reads"] is False
    assert found.values["type"] is UNCLEAR


def test_documents_in_a_query_or_of_their_own_type_are_read() -> None:
    variables = quote(json.dumps({"id": 7}))
    query = quote("query($id: ID) { user(id: $id) { name } }", safe="")
    found = meaning(Http("GET", f"{URL}?query={query}&variables={variables}", (), b""), "graphql")
    assert found.values["fields"] == [{"name": "user", "alias": None, "arguments": {"id": 7}}]
    assert found.values["reads"] is True
    own = post(URL, DELETE.encode(), (("content-type", "application/graphql; charset=utf-8"),))
    assert meaning(own, "graphql").values["names"] == ["deleteUser"]


@pytest.mark.parametrize(
    "body",
    [{"query": "mutation of genes"}, {"query": "shoes"}, {"query": {"a": 1}}, {"id": "7"}, [], 5],
)
def test_other_json_is_no_graphql(body: Any) -> None:
    assert "graphql" not in known(post("https://api.example.com/search", body))
