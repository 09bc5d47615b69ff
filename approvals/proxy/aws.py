"""AWS Signature Version 4: what an agent signed with its placeholder is signed anew with the keys.

Laws:

1. Only what the agent's own signature covers is signed: it must verify with the placeholder as
   access key and as secret key, over the method, path, query, headers and payload that go out.
2. Nothing else changes: `Authorization`, `X-Amz-Date` and `X-Amz-Security-Token` are ours, every
   other header and the body stay as they were digested.
3. What cannot be signed anew is refused in words.

The signer is botocore's. The algorithm:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from approvals.evidence import Headers, split_url
from approvals.proxy.credentials import KeyPair
from approvals.proxy.wire import Problem

_DATE: Final = "x-amz-date"
_TOKEN: Final = "x-amz-security-token"
_PAYLOAD: Final = "x-amz-content-sha256"
_OURS: Final = frozenset(("authorization", _DATE, _TOKEN))
# docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html: what may stand for a hash
# of the payload. With STREAMING-AWS4-…, each chunk of the body has a signature of its own.
_PAYLOADS: Final = re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-UNSIGNED-PAYLOAD-TRAILER")
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/(?P<date>[0-9]{8})/(?P<region>[A-Za-z0-9-]+)"
    r"/(?P<service>[A-Za-z0-9-]+)/aws4_request, *SignedHeaders=(?P<signed>[a-z0-9;_.-]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_SERVICE: Final = re.compile(
    r"(?:^|\.)(?P<service>[a-z0-9-]+)\.(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])\.)?"
    r"amazonaws\.com(?:\.cn)?$"
)
_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
# Their paths are signed as they stand; of all other services encoded once more.
_PLAIN: Final = frozenset(("s3", "s3-object-lambda", "s3-outposts"))


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request as it goes out. `body` None: it is not kept, and passes as it comes."""

    method: str
    url: str
    headers: Headers
    body: bytes | None


def missing() -> str | None:
    """What to install so that requests can be signed; None: it is there."""
    try:
        import botocore.auth  # noqa: F401, PLC0415 - an optional extra
    except ImportError:
        return 'signing for AWS needs botocore: pip install "countersign-server[aws]"'
    return None


def resigned(
    request: Unsigned, placeholder: str, keys: KeyPair, now: datetime
) -> tuple[tuple[str, str], ...]:
    """Its headers, signed with the keys at this time. `Problem`: it is refused."""
    found = _AUTHORIZATION.fullmatch(_one(request.headers, "authorization") or "")
    if found is None:
        raise _refused(
            "Its Authorization is not a signature of Signature Version 4 (AWS4-HMAC-SHA256)"
            " in headers; the gateway can make no other"
        )
    if found["key"] != placeholder:
        raise _refused("The access key id is not the placeholder alone")
    if found["service"] == "s3express":
        raise _refused("S3 Express signs with keys of a session, which the gateway does not have")
    time, payload = _one(request.headers, _DATE) or "", _one(request.headers, _PAYLOAD)
    if not _TIME.fullmatch(time) or time[:8] != found["date"]:
        raise _refused("X-Amz-Date is missing, or is not the date of the signature")
    if payload is None:
        if request.body is None:
            raise _refused(
                "Its body passes as it comes (`oversize: true`), and there is no"
                " X-Amz-Content-SHA256 to sign in its place"
            )
        payload = sha256(request.body).hexdigest()
    elif not _PAYLOADS.fullmatch(payload):
        raise _refused(
            f"X-Amz-Content-SHA256 is {payload[:60]!r}: each chunk of the body has a signature of"
            " its own, which the gateway can't make anew. Over https, SDKs can send"
            " STREAMING-UNSIGNED-PAYLOAD-TRAILER or a hash"
        )
    given = _one(request.headers, _TOKEN)
    if given not in (None, placeholder):
        raise _refused("X-Amz-Security-Token is not the placeholder: leave AWS_SESSION_TOKEN unset")
    signed = set(found["signed"].split(";"))
    if "host" not in signed:
        raise _refused("Its signature does not cover the Host header")
    place = (found["region"], found["service"])
    theirs = KeyPair(placeholder, placeholder)
    named = [(name, value) for name, value in request.headers if name.lower() in signed]
    signature = _signature(request, named, payload, theirs, place, time)[0]
    if not hmac.compare_digest(signature, found["signature"]):
        raise _refused(
            "Its signature does not fit: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to"
            " the placeholder, and let nothing change the request after it is signed"
        )
    ours = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = [(name, value) for name, value in request.headers if name.lower() not in _OURS]
    added = [("X-Amz-Date", ours)]
    added += [("X-Amz-Security-Token", keys.token)] if keys.token else []
    covered = [(name, value) for name, value in kept if name.lower() in signed]
    return (*kept, *added, _authorization(request, covered + added, payload, keys, place, ours))


def as_agent(
    url: str, headers: Headers, placeholder: str, now: datetime
) -> tuple[tuple[str, str], ...]:
    """The headers of a GET, signed as an agent signs it: with the placeholder."""
    found = _SERVICE.search(split_url(url)[1])
    region = (found and found["region"]) or "us-east-1"
    service = (found and found["service"]) or "sts"
    time = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    empty = sha256(b"").hexdigest()
    given = (*headers, ("X-Amz-Date", time), ("X-Amz-Content-SHA256", empty))
    request, keys = Unsigned("GET", url, given, b""), KeyPair(placeholder, placeholder)
    return (*given, _authorization(request, given, empty, keys, (region, service), time))


def _authorization(
    request: Unsigned, headers: Headers, payload: str, keys: KeyPair, place: tuple[str, str],
    time: str,
) -> tuple[str, str]:  # fmt: skip
    """The header with the signature over exactly these headers. `place`: region and service."""
    signature, names = _signature(request, headers, payload, keys, place, time)
    credential = "/".join((keys.access_key, time[:8], *place, "aws4_request"))
    value = f"Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return "Authorization", f"AWS4-HMAC-SHA256 {value}"


def _signature(
    request: Unsigned, headers: Headers, payload: str, keys: KeyPair, place: tuple[str, str],
    time: str,
) -> tuple[str, str]:  # fmt: skip
    """The signature over exactly these headers, and their names. `place`: region and service."""
    from botocore.auth import S3SigV4Auth, SigV4Auth  # noqa: PLC0415 - an optional extra
    from botocore.awsrequest import AWSRequest, HTTPHeaders  # noqa: PLC0415 # an extra
    from botocore.credentials import Credentials  # noqa: PLC0415 # an extra

    region, service = place
    kind = S3SigV4Auth if service in _PLAIN else SigV4Auth
    signer: Any = kind(Credentials(keys.access_key, keys.secret_key), service, region)
    covered = HTTPHeaders()
    for name, value in headers:
        covered.add_header(name.lower(), _text(value))
    signer.headers_to_sign = lambda _: covered  # its own would leave out what some SDKs sign
    made = AWSRequest(request.method, request.url, {_PAYLOAD: payload})
    made.context["timestamp"] = time  # add_auth would take the time from the system
    canonical = signer.canonical_request(made)
    signature: str = signer.signature(signer.string_to_sign(made, canonical), made)
    return signature, signer.signed_headers(covered)


def _one(headers: Headers, name: str) -> str | None:
    """A header's value; None: there is none. `Problem`: there are several."""
    given = [value.strip(" \t") for it, value in headers if it.lower() == name]
    if len(given) > 1:
        raise _refused(f"The header {name} is given twice")
    return given[0] if given else None


def _text(value: str) -> str:
    """As it was signed: SDKs sign text, and send it as UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _refused(why: str) -> Problem:
    return Problem(403, "signature_refused", f"{why}. Nothing was sent.", again=False)
