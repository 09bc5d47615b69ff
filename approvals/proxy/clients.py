"""What is known of agents' HTTP clients: what they change between two tries, what makes them wait.

Pure. `alike` says which requests are one: a retry differs from the first try in attempt counters,
dates and trace ids, and in a signature over these, and in nothing that changes what is done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from approvals.evidence import Headers, end_to_end, frame, split_url

ORDINARY: Final = re.compile(
    r"""accept | accept-charset | accept-encoding | accept-language | user-agent | date
    | content-length | expect | cache-control | pragma | priority
    | traceparent | tracestate | baggage | b3 | x-b3-[a-z]+ | uber-trace-id | sentry-trace
    | elastic-apm-traceparent | newrelic | x-datadog-[a-z-]+ | x-cloud-trace-context
    | x-amzn-trace-id | x-request-id | x-correlation-id | x-client-request-id | request-id
    | x-amz-date | x-amz-user-agent | amz-sdk-request | amz-sdk-invocation-id
    | x-goog-api-client | x-goog-request-params-hash | x-ms-date | x-ms-client-request-id
    | x-stainless-[a-z-]+ | x-stripe-client-telemetry | x-stripe-client-user-agent
    | x-retry-count | x-retry-attempt | retry-attempt | x-github-client | x-twilio-client
    | sec-fetch-(?:mode|site|dest|user) | sec-ch-ua(?:-[a-z-]+)? | dpop | signature
    | signature-input
    """,
    re.VERBOSE,
)
"""Headers by lower-case name that cannot change what is done. `dpop` (RFC 9449), `signature` (RFC
9421) and the dates are signatures and what they cover; the request that is sent keeps its own."""
_AWS: Final = re.compile(r"(AWS4-[A-Z0-9-]+ +Credential=[^/,\s]+)/[0-9]{8}(/[^,\s]+),.*")
_OAUTH1: Final = re.compile(r'(?i)\b(oauth_(?:nonce|timestamp|signature))="[^"]*"')
_AZURE: Final = re.compile(r"(SharedKey(?:Lite)? +[^:\s]+):.*")

_UNDICI: Final = re.compile(r"(?i)node$|undici\b")
_HTTPX: Final = re.compile(r"(?i)python-httpx/")
# Go's transport gave up on the sixth interim answer until Go 1.24 (go.dev/doc/go1.24, net/http),
# and has no read timeout of its own: nothing is won by sending it any.
_GO: Final = re.compile(
    r"(?i)\b(?:go-http-client|golang|aws-sdk-go|google-api-go-client|gobindings|go-github"
    r"|github cli|git-lfs|kubectl|helm|terraform|opentofu|packer|hashicorp|docker|containerd"
    r"|buildkit|podman|rclone|pulumi|argocd)\b"
)


@dataclass(frozen=True, slots=True)
class Interim:
    """The answer that keeps a client waiting, and after how many seconds each."""

    status: int
    seconds: float


def interim(headers: Headers, *, version: bytes = b"1.1") -> Interim | None:
    """What keeps the client that sent this waiting; None: nothing does, or nothing need.

    Measured with a read timeout of 3 s: requests, urllib, httplib2, botocore, httpx, aiohttp,
    Node's http and curl wait on at 100; undici fails at 100 and waits on at 102; requests, urllib,
    httplib2 and botocore take a 102 for the answer. HTTP/1.0 has no interim answers.
    """
    if version == b"1.0":
        return None
    named = {name.lower(): value for name, value in headers}
    agent = named.get("user-agent", "")
    # Each `fetch` of undici, also under an SDK's own name, sends `sec-fetch-mode`.
    if "sec-fetch-mode" in named or _UNDICI.match(agent):
        return Interim(102, 10)
    if _GO.search(agent):
        return None
    # httpx gives up after 5 s unless it is told otherwise; nobody else does before 15 s.
    return Interim(100, 4 if _HTTPX.match(agent) else 10)


def alike(agent: str, kind: str, method: str, url: str, headers: Headers, body: bytes) -> bytes:
    """32 bytes: the same for a request and its retry by the same agent. `ValueError`: unfit."""
    bound = [
        (name, _unsigned(value) if name == "authorization" else value)
        for name, value in end_to_end(headers)
        if not ORDINARY.fullmatch(name)
    ]
    flat = [text for header in bound for text in header]
    fields = (agent, kind, method, *split_url(url), len(bound), *flat, sha256(body).digest())
    return sha256(frame("countersign/alike/1", *fields)).digest()


def _unsigned(value: str) -> str:
    """Credentials without a signature that is new each time, and the day it is for."""
    for pattern, kept in ((_AWS, r"\1\2"), (_AZURE, r"\1")):
        if found := pattern.fullmatch(value):
            return found.expand(kept)
    return _OAUTH1.sub(r"\1", value) if value[:6].lower() == "oauth " else value
