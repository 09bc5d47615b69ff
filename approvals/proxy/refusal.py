"""A refusal as the client's own SDK shows it, so that the model behind it learns why.

Pure. Every body is a problem document (RFC 9457) that also has `message` and `error` where most
SDKs look; AWS's protocols, Notion, Google and git get what theirs read (tried, docs/gateway.md).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from approvals.evidence import Headers
from approvals.proxy.clients import NOTION
from approvals.proxy.wire import Problem

PHRASE: Final = 200
"""Characters of the reason phrase."""
_AWS: Final = re.compile(r"(?:^|\.)amazonaws\.com(?:\.cn)?$")
_S3: Final = re.compile(r"(?:^|\.)s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$")
_SCOPE: Final = re.compile(r"Credential=[^/,\s]+/[0-9]{8}/[^/,\s]+/([a-z0-9-]+)/aws4_request")
_GOOGLE: Final = {
    400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 409: "ABORTED", 413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
# Its client raises any other code as an error without words.
_NOTION: Final = {
    400: "validation_error", 403: "restricted_resource", 409: "conflict_error",
    429: "rate_limited", 503: "service_unavailable",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of the request that is refused. `host`: without a port; empty: not known."""

    host: str = ""
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer. `phrase`: ASCII, after the status."""

    kind: str
    body: bytes
    phrase: bytes
    headers: tuple[tuple[str, str], ...]


def refusal(problem: Problem, asked: Asked) -> Refusal:
    """The answer of a problem for whoever sent this."""
    named = {name.lower(): value for name, value in asked.headers}
    agent = named.get("user-agent", "")
    document, words = problem.document(), problem.words
    headers = tuple(problem.headers)
    if problem.again is not None:  # what SDKs made by Stainless obey (openai, anthropic)
        headers += (("x-should-retry", str(problem.again).lower()),)
    kind = "application/problem+json"
    if _AWS.search(asked.host) or named.get("authorization", "").startswith("AWS4-"):
        kind, body, headers = _aws(problem, asked.host, named, document, headers)
        return Refusal(kind, body, _phrase(words), headers)
    if agent.startswith("git/"):  # it shows text, and nothing else
        return Refusal("text/plain", words.encode() + b"\n", _phrase(words), headers)
    if asked.host == "api.notion.com" or agent.startswith(NOTION):
        code = _NOTION.get(problem.status, "internal_server_error")
        document |= {"object": "error", "code": code, "request_id": _request(problem)}
    if asked.host == "api.stripe.com" and problem.again is not None:
        headers += (("stripe-should-retry", str(problem.again).lower()),)
    if asked.host.endswith(".googleapis.com"):
        status = _GOOGLE.get(problem.status, "UNKNOWN")
        listed = [{"message": words, "domain": "global", "reason": problem.slug}]
        document["error"] |= {"status": status, "errors": listed}
    return Refusal(kind, json.dumps(document).encode(), _phrase(words), headers)


def _aws(
    problem: Problem, host: str, named: Mapping[str, str], document: dict[str, Any],
    headers: tuple[tuple[str, str], ...],
) -> tuple[str, bytes, tuple[tuple[str, str], ...]]:  # fmt: skip
    """Its protocols: JSON 1.0/1.1, REST JSON, and the XML of S3, EC2 and the query services."""
    code, words, request = _code(problem), problem.words, _request(problem)
    error = f"<Code>{code}</Code><Message>{escape(_text(words))}</Message>"
    # The signature names the service also where the host does not (MinIO, LocalStack, a VPC's own).
    scope = _SCOPE.search(named.get("authorization", ""))
    service = scope[1] if scope else host.partition(".")[0]
    if service == "s3" or _S3.search(host):
        xml = f"<Error>{error}<RequestId>{request}</RequestId></Error>"
    elif service == "ec2":
        xml = f"<Response><Errors><Error>{error}</Error></Errors>"
        xml += f"<RequestID>{request}</RequestID></Response>"
    elif named.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        xml = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>"
        xml += f"<RequestId>{request}</RequestId></ErrorResponse>"
    else:
        kind = named.get("content-type", "")
        kind = kind if kind.startswith("application/x-amz-json-") else "application/json"
        document |= {"__type": code}
        return kind, json.dumps(document).encode(), (*headers, ("x-amzn-errortype", code))
    return "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}'.encode(), headers


def _code(problem: Problem) -> str:
    return "".join(part.capitalize() for part in problem.slug.split("_"))


def _request(problem: Problem) -> str:
    return str(problem.more.get("request", "countersign"))


def _text(words: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", words)


def _phrase(words: str) -> bytes:
    """The reason phrase: one line of ASCII."""
    plain = unicodedata.normalize("NFKD", " ".join(words.split()))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    line = re.sub(r"[^ -~]", "?", plain)
    return (line if len(line) <= PHRASE else line[: PHRASE - 3] + "...").encode()
