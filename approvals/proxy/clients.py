"""Facts about agents' HTTP clients: what they change between two tries, what makes them wait. Pure.

`alike` says which requests are one: a retry differs from the first try in attempt counters, dates,
trace ids and a signature over these, and in nothing that changes what is done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from approvals.evidence import Headers, end_to_end, frame, split_url
from approvals.reading.headers import identity

_UNDICI: Final = re.compile(r"(?i)node$|undici\b")
_HTTPX: Final = re.compile(r"(?i)python-httpx/")
# Go's transport gave up on the sixth interim answer until Go 1.24 (go.dev/doc/go1.24, net/http),
# and has no read timeout of its own: nothing is won by sending it any.
_GO: Final = re.compile(
    r"(?i)\b(?:go-http-client|golang|aws-sdk-go|google-api-go-client|gobindings|go-github"
    r"|github cli|git-lfs|kubectl|helm|terraform|opentofu|packer|hashicorp|docker|containerd"
    r"|buildkit|podman|rclone|pulumi|argocd)\b"
)


NOTION: Final = "notionhq-client/"
"""How the user agent of Notion's client begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The answer to a client that would give up despite interim answers: after `seconds` it gets
    this `status`, and a `Retry-After` of `again` seconds, after which it comes again."""

    seconds: float
    status: int
    again: int


@dataclass(frozen=True, slots=True)
class Interim:
    """The answer that keeps a client waiting, and after how many seconds each."""

    status: int
    seconds: float


def interim(headers: Headers, *, version: bytes = b"1.1") -> Interim | None:
    """What keeps the client that sent this waiting; None: nothing does, or it waits anyway.

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
    # httpx gives up after 5 s unless it is told otherwise, nobody else before 15 s; 4 s were too
    # many once, on a busy machine.
    return Interim(100, 2 if _HTTPX.match(agent) else 10)


def limit(headers: Headers) -> Limit | None:
    """The limit of the client that sent this; None: interim answers keep it waiting.

    Notion's client (@notionhq/client 5.26, `Client.ts`) gives up after 60 s, and does not try again
    by itself. It does after a 429, twice, and waits for up to 60 s before each.
    """
    agent = next((value for name, value in headers if name.lower() == "user-agent"), "")
    return Limit(seconds=50, status=429, again=30) if agent.startswith(NOTION) else None


def alike(agent: str, kind: str, method: str, url: str, headers: Headers, body: bytes) -> bytes:
    """32 bytes: the same for a request and its retry by the same agent. `ValueError`: unfit."""
    bound = identity(end_to_end(headers))
    flat = [text for header in bound for text in header]
    fields = (agent, kind, method, *split_url(url), len(bound), *flat, sha256(body).digest())
    return sha256(frame("countersign/alike/1", *fields)).digest()
