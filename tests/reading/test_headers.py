"""Which headers are ordinary (law 14), and which count when two requests are compared (law 28)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from approvals.reading.headers import identity, ordinary, read_headers

RECORDED = Path(__file__).parents[1] / "differential/requests"

AWS4 = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/us-east-1/ec2/aws4_request, "
    "SignedHeaders={signed}, Signature={signature}"
)
OAUTH = (
    'OAuth oauth_consumer_key="key", oauth_nonce="{nonce}", oauth_signature="{nonce}%3D", '
    'oauth_signature_method="HMAC-SHA1", oauth_timestamp="1318622958", oauth_token="{token}"'
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("User-Agent", "Stripe/v1 PythonBindings/16.1.0"),
        ("Accept", "*/*"),
        ("Accept", "application/json, text/event-stream"),
        ("Accept", "application/json, text/plain, */*"),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("Accept", "application/vnd.github+json"),
        ("Accept", "application/vnd.github.v3.diff"),
        ("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"),
        ("Accept", "application/json;odata.metadata=minimal;odata.streaming=true"),
        ("Accept-Encoding", "gzip, deflate, br;q=0.5"),
        ("Accept-Language", "de-DE,de;q=0.9,*;q=0.1"),
        ("Priority", "u=1, i"),
        ("Cache-Control", "no-cache"),
        (
            "X-Amz-Content-Sha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("X-Amz-Date", "20261128T100000Z"),
        ("amz-sdk-request", "attempt=2; max=3"),
        ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678;Sampled=1"),
        ("x-goog-api-client", "gdcl/2.202.0 gl-python/3.11.7 cred-type/u"),
        ("x-ms-client-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ("x-stainless-retry-count", "1"),
        ("X-Stainless-Async", "async:asyncio"),
        ("X-Stripe-Client-Telemetry", '{"last_request_metrics": {"request_id": "req_1"}}'),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("x-datadog-tags", "_dd.p.dm=-1,_dd.p.tid=640cfd8d00000000"),
        ("sec-ch-ua-platform", '"Linux"'),
    ],
)
def test_law_14_client_telemetry_is_ordinary(name: str, value: str) -> None:
    assert ordinary(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Accept", "application/vnd.heroku+json; version=3"),
        ("Accept", "application/vnd.acme.v2+json"),
        ("Accept", "application/json; version=2"),
        ("Accept", "application/acme.v1+json"),
        ("Accept", "application/json\n"),
        ("Content-Language", "de"),
        ("baggage", "tenant=acme"),
        ("Correlation-Context", "tenant=acme"),
        ("jaeger-baggage", "a=1"),
        ("uberctx-tenant", "acme"),
        ("x-datadog-tags", "usr.id=mallory"),
        ("X-Amz-Content-Sha256", "required"),
        ("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("X-Amz-Target", "DynamoDB_20120810.DeleteTable"),
        ("X-Amz-Acl", "public-read"),
        ("X-Amz-Date", "tomorrow"),
        ("X-Goog-User-Project", "acme"),
        ("X-Ms-Version", "2021-08-06"),
        ("Stripe-Version", "2026-10-28.endive"),
        ("Stripe-Account", "acct_1"),
        ("Idempotency-Key", "1"),
        ("OpenAI-Organization", "org-1"),
        ("X-Stainless-Something-New", "1"),
        ("Prefer", "respond-async"),
        ("If-Match", "*"),
        ("Range", "bytes=0-1"),
        ("Origin", "https://example.com"),
        ("X-Requested-With", "XMLHttpRequest"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Cookie", "a=b"),
        ("User_Agent", "x"),
        ("User-Agent", "caf\xe9"),
        ("Cache-Control", "only-if-cached, x=1"),
        ("Priority", "u=1, tenant=acme"),
        ("X-Tenant", "acme"),
    ],
)
def test_law_14_what_a_server_may_act_on_is_not_ordinary(name: str, value: str) -> None:
    assert not ordinary(name, value)


def test_law_14_an_ordinary_header_given_twice_is_shown() -> None:
    headers = (("Accept", "*/*"), ("accept", "text/html"), ("User-Agent", "x"))
    assert [header.ordinary for header in read_headers(headers)] == [False, False, True]


def test_law_28_a_retry_is_the_same_request() -> None:
    first = (
        ("Authorization", AWS4.format(day="20261128", signed="host", signature="a" * 64)),
        ("X-Amz-Date", "20261128T235959Z"),
        ("amz-sdk-request", "attempt=1"),
        ("X-Amz-Target", "DynamoDB_20120810.DeleteTable"),
        ("Content-Type", "application/x-amz-json-1.0"),
    )
    again = (
        ("content-type", " application/x-amz-json-1.0"),
        ("x-amz-target", "DynamoDB_20120810.DeleteTable"),
        ("amz-sdk-request", "ttl=20261129T000105Z; attempt=2; max=3"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("x-amz-date", "20261129T000005Z"),
        ("authorization", AWS4.format(day="20261129", signed="host;x", signature="b" * 64)),
    )
    assert identity(first) == identity(again)
    assert identity(first) == (
        ("authorization", "AWS4-HMAC-SHA256 AKIDEXAMPLE/us-east-1/ec2/aws4_request"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "DynamoDB_20120810.DeleteTable"),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", "AWS AKIDEXAMPLE:MyyxeRY7whkBe+bq8fHCL="),
        ("SharedKey acme:ctzMq410TV3wS7upTBcunJTDLEJwMAZuFPfr0mrrA08=", "SharedKey acme:abc="),
        (OAUTH.format(nonce="a", token="t"), OAUTH.format(nonce="b", token="t")),
    ],
    ids=["AWS", "SharedKey", "OAuth 1"],
)
def test_law_28_a_signature_made_anew_is_the_same_request(one: str, other: str) -> None:
    assert identity([("Authorization", one)]) == identity([("Authorization", other)])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Authorization", "Bearer a"), ("Authorization", "Bearer b")),
        (("Authorization", "AWS A:x="), ("Authorization", "AWS B:x=")),
        (("Authorization", "SharedKey a:x="), ("Authorization", "SharedKey b:x=")),
        (
            ("Authorization", OAUTH.format(nonce="a", token="t")),
            ("Authorization", OAUTH.format(nonce="a", token="u")),
        ),
        (
            ("Authorization", AWS4.format(day="20261128", signed="a", signature="a")),
            (
                "Authorization",
                AWS4.format(day="20261128", signed="a", signature="a").replace("us-", "eu-"),
            ),
        ),
        (("Idempotency-Key", "1"), ("Idempotency-Key", "2")),
        (("X-Amz-Security-Token", "1"), ("X-Amz-Security-Token", "2")),
        (("X-Tenant", "acme"), ("X-Tenant", "mallory")),
        (("baggage", "a=1"), ("baggage", "a=2")),
        (("Accept", "application/json; version=2"), ("Accept", "application/json; version=3")),
    ],
)
def test_law_28_another_header_is_another_request(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert identity([one]) != identity([other])
    assert identity([one]) != identity([])


def test_law_28_the_order_of_values_counts() -> None:
    one, other = ("X-A", "1"), ("X-A", "2")
    assert identity([one, other]) != identity([other, one])
    assert identity([one, ("X-B", "1")]) == identity([("X-B", "1"), one])


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.json")), ids=lambda file: file.stem)
def test_the_headers_of_recorded_requests_that_count_are_few(file: Path) -> None:
    headers = [*json.loads(file.read_text())["headers"].items()]
    means = (
        *("authorization", "content-type", "content-encoding", "host", "idempotency-key"),
        *("stripe-version", "notion-version", "x-github-api-version", "x-amz-target"),
        *("x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer", "x-amz-acl"),
        *("mcp-session-id", "mcp-protocol-version", "x-snowflake-authorization-token-type"),
        *("content-md5", "expect", "transfer-encoding", "x-amz-query-mode"),
    )
    assert {name for name, _ in identity(headers)} <= set(means)
