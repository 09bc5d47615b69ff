"""Headers: which are ordinary, and what Content-Type says. Pure.

A header is *ordinary* if it cannot change what is done: its name stands in a fixed list and its
value has the shape that the list gives. Ordinary headers are named on a card in one line and left
out where two requests are compared (law 28); every other header is shown with its value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from approvals.reading.values import Header

Headers = Sequence[tuple[str, str]]

LONGEST: Final = 1_024
"""Characters of a Content-Type; RFC 2046 allows boundaries of 70."""


@dataclass(frozen=True, slots=True)
class ContentType:
    """`media_type` in lower case, "" where there is none; `unclear`: why servers may differ.
    `charset`: one that is not UTF-8, where nothing else is unclear."""

    media_type: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    unclear: str | None = None
    charset: str | None = None

    @property
    def is_json(self) -> bool:
        return _JSON.fullmatch(self.media_type) is not None


def content_type(headers: Headers) -> ContentType:
    """What the body is said to be. One header, a known charset, nothing given twice; else unclear.

    Only UTF-8 is read: servers decode other charsets in different ways, or not at all (body-parser
    takes utf-7, https://github.com/expressjs/body-parser; Go's encoding/json knows UTF-8 only).
    """
    given = named(headers, "content-type")
    if not given:
        return ContentType()
    if len(given[0]) > LONGEST:
        return ContentType(unclear="Its content type is too long.")
    if len(given) > 1 or any(name.lower() == "content_type" for name, _ in headers):
        return ContentType(unclear="It has several content types.")
    text = given[0].strip(" \t")
    at = len(text.partition(";")[0])
    media = text[:at].strip(" \t").lower()
    if MEDIA_TYPE.fullmatch(media) is None:
        return ContentType(unclear="Its content type is not well formed.")
    parameters: dict[str, str] = {}
    while found := _PARAMETER.match(text, at):
        name, quoted, plain = found[1].lower(), found[2], found[3]
        if name in parameters:
            return ContentType(media, parameters, f"Its content type gives `{name}` twice.")
        parameters[name] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = found.end()
    if text[at:].strip(" \t;"):
        return ContentType(media, parameters, "Its content type is not well formed.")
    charset = parameters.get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8"):
        why = f"Its charset is {charset[:40]!r}, which servers do not read alike."
        return ContentType(media, parameters, why, charset)
    return ContentType(media, parameters)


def read_headers(headers: Headers) -> tuple[Header, ...]:
    """Every header with whether it is ordinary; one that is given twice never is."""
    counts = Counter(name.lower() for name, _ in headers)
    return tuple(
        Header(name, value, counts[name.lower()] == 1 and ordinary(name, value))
        for name, value in headers
    )


def ordinary(name: str, value: str) -> bool:
    """Can this header not change what is done?"""
    name = name.lower()
    shape = _ORDINARY.get(name)
    if shape is None:
        shape = next((one for prefix, one in _FAMILIES if name.startswith(prefix)), None)
    return shape is not None and shape.fullmatch(value.strip(" \t")) is not None


def identity(headers: Headers) -> tuple[tuple[str, str], ...]:
    """The headers that count when a request is compared with one that is held (law 28).

    Names in lower case, sorted; values of one name in their order. Ordinary headers do not count.
    Of a signature over the request (`Authorization` by AWS, Google's HMAC, Azure Storage or OAuth
    1) only the key's id counts, with region and service: every retry is signed again, and what it
    signs is compared anyway. A bearer token counts in full, and so do `Idempotency-Key`, session
    tokens and every unknown header: a difference there makes it another request.
    """
    kept = [
        (header.name.lower(), header.value.strip(" \t"))
        for header in read_headers(headers)
        if not header.ordinary and header.name.lower() not in _SIGNATURES
    ]
    said = [(name, _signer(value) if name == "authorization" else value) for name, value in kept]
    return tuple(sorted(said, key=lambda one: one[0]))


def _signer(value: str) -> str:
    """Who signed, without what changes with every retry; other values as they are."""
    found = _SCHEMES.match(value)
    if found is None:
        return value
    if found["v4"]:
        return f"{found['v4']}{found['key']}/{found['scope']}"
    if found["v2"]:
        return found["v2"]
    stays = [one.strip() for one in found["given"].split(",")]
    return found["oauth"] + ", ".join(sorted(one for one in stays if not _ONCE.match(one)))


def named(headers: Headers, name: str) -> list[str]:
    """The values of a header, also under the name that CGI and WSGI take for it (`_` for `-`)."""
    return [value for given, value in headers if dashed(given) == name]


def dashed(name: str) -> str:
    """The name in lower case as CGI and WSGI servers take it, which make no difference between `_`
    and `-`."""
    return name.lower().replace("_", "-")


_JSON: Final = re.compile(r"(application|text)/([a-z0-9.!#$&^_+-]+\+)?json")
MEDIA_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_PARAMETER: Final = re.compile(
    r";[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:\"((?:[^\"\\]|\\[ -~])*)\"|([^\s\";,]+))[ \t]*"
)

_PRINTABLE: Final = re.compile(r"[ -~]{0,1024}")
_TELEMETRY: Final = re.compile(r"[ -~]{0,2048}")
_SHORT: Final = re.compile(r"[ -~]{0,128}")
_WORD: Final = re.compile(r"[A-Za-z0-9._:+/=-]{0,256}")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_FLAG: Final = re.compile(r"(?i)true|false|0|1|on|\?0|\?1")
_DATE: Final = re.compile(r"[A-Za-z0-9:, +-]{1,64}")
_ATTEMPT: Final = re.compile(r"[A-Za-z0-9=; ,._:|-]{0,256}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{4,128}={0,2}")
_PREFERENCES: Final = re.compile(r"[A-Za-z0-9*;=., -]{0,256}")
# No version but in GitHub's own types, where it is about the answer: Heroku's `; version=3` chooses
# the API that acts. Kubernetes's `as=Table` and OData's parameters are about the answer, too.
_TYPE: Final = (
    r"(?:\*|[a-z]+)/(?:\*|vnd\.github[a-z0-9.+-]*|vnd\.kubernetes\.protobuf"
    r"|(?!vnd\.)(?![a-z0-9.+-]*\.v[0-9])[a-z0-9.+-]{1,40})"
    r"(?: ?; ?(?:q=[01](?:\.[0-9]{1,3})?|charset=utf-8|as=[A-Za-z]{1,40}|g=[a-z0-9.]{1,40}"
    r"|v=v[a-z0-9]{1,12}|(?:odata\.?)?[a-z.]{0,20}=(?:minimal|none|full|true|false)))*"
)
_TYPES: Final = re.compile(rf"(?i){_TYPE}(?:, ?{_TYPE}){{0,15}}|")

_STAINLESS: Final = (
    "lang", "package-version", "os", "arch", "runtime", "runtime-version", "async", "retry-count",
    "timeout", "read-timeout", "helper", "helper-method", "stream-helper", "poll-helper",
    "raw-response", "custom-poll-interval",
)  # fmt: skip
_ORDINARY: Final[Mapping[str, re.Pattern[str]]] = {
    # What the client is and what it would like to have back: RFC 9110, RFC 9218 (priority of the
    # answer), RFC 9111 (caches), Client Hints. Not Content-Language: stores keep it. Not Origin,
    # Referer, X-Requested-With, Prefer or If-*: servers act by them.
    "user-agent": _PRINTABLE,
    "accept": _TYPES,
    **dict.fromkeys(("accept-charset", "accept-encoding", "accept-language"), _PREFERENCES),
    "cache-control": re.compile(r"no-cache|no-store|max-age=[0-9]{1,9}"),
    "pragma": re.compile(r"no-cache"),
    "content-length": _NUMBER,
    "content-md5": _BASE64,
    "date": _DATE,
    "priority": re.compile(r"(?:u=[0-7])?(?:, ?)?(?:i(?:=\?[01])?)?"),
    **dict.fromkeys(("dnt", "sec-gpc", "upgrade-insecure-requests"), _FLAG),
    # AWS: docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html; the date and digest
    # of Signature Version 4, and checksums, which can only have a request refused
    # (docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html). STREAMING-… is
    # not here: it says how the body is to be taken apart.
    "amz-sdk-invocation-id": _WORD,
    "amz-sdk-request": _ATTEMPT,
    "amz-sdk-retry": re.compile(r"[0-9/.]{1,32}"),
    "x-amz-user-agent": _PRINTABLE,
    "x-amz-date": re.compile(r"[0-9]{8}T[0-9]{6}Z"),
    "x-amz-content-sha256": re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD"),
    "x-amz-sdk-checksum-algorithm": re.compile(r"(?i)crc32c?|crc64nvme|sha1|sha256|md5"),
    **dict.fromkeys(
        (f"x-amz-checksum-{one}" for one in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")),
        _BASE64,
    ),
    "x-amzn-trace-id": _ATTEMPT,
    # Google: googleapis.dev/python/google-api-core/latest/client_info.html, cloud.google.com/trace
    # /docs/trace-context. Not X-Goog-User-Project, X-Goog-Request-Params, or idempotency tokens.
    "x-goog-api-client": _PRINTABLE,
    "x-goog-gfe-can-retry": _WORD,
    "x-cloud-trace-context": _ATTEMPT,
    # Microsoft: github.com/microsoft/api-guidelines (azure/Guidelines.md, "Distributed Tracing"),
    # learn.microsoft.com/graph/best-practices-concept, and what MSAL adds to its token requests.
    **dict.fromkeys(("client-request-id", "x-ms-client-request-id"), _WORD),
    **dict.fromkeys(("x-ms-correlation-request-id", "x-ms-client-session-id"), _WORD),
    **dict.fromkeys(("return-client-request-id", "x-ms-return-client-request-id"), _FLAG),
    **dict.fromkeys(("x-ms-useragent", "sdkversion"), _PRINTABLE),
    "x-ms-date": _DATE,
    **dict.fromkeys(("x-client-sku", "x-client-ver", "x-client-os", "x-client-cpu"), _SHORT),
    **dict.fromkeys(("x-client-current-telemetry", "x-client-last-telemetry"), _SHORT),
    # Stripe (stripe-python, _api_requestor.py), Twilio, Supabase, Apollo, kubectl (KEP-859): client
    # telemetry. Not Stripe-Version, Notion-Version, Idempotency-Key, X-GitHub-Api-Version.
    **dict.fromkeys(("x-stripe-client-user-agent", "x-stripe-client-telemetry"), _TELEMETRY),
    **dict.fromkeys(("x-twilio-client", "x-client-info", "kubectl-command"), _SHORT),
    **dict.fromkeys(("apollographql-client-name", "apollographql-client-version"), _SHORT),
    "kubectl-session": _WORD,
    # Model providers: openai-python and anthropic-sdk-python, _base_client.py, and what their older
    # versions sent. Not OpenAI-Beta, OpenAI-Organization, Anthropic-Version, Anthropic-Beta.
    **dict.fromkeys((f"x-stainless-{one}" for one in _STAINLESS), _SHORT),
    "x-openai-client-user-agent": _TELEMETRY,
    "x-client-request-id": _WORD,
    # https://git-scm.com/docs/gitprotocol-http: in which version refs are listed and fetched.
    "git-protocol": re.compile("version=[0-2]"),
    # Ids of a trace: W3C Trace Context, B3, Jaeger, OpenTracing, Sentry, Datadog, Elastic, Instana,
    # New Relic, Application Insights, and what proxies add. Not baggage, Correlation-Context,
    # jaeger-baggage, uberctx-… or ot-baggage-…: programs read their own values from those.
    **dict.fromkeys(("traceparent", "sentry-trace", "b3", "elastic-apm-traceparent"), _WORD),
    "tracestate": _PRINTABLE,
    **dict.fromkeys(
        (f"x-b3-{one}" for one in ("traceid", "spanid", "parentspanid", "sampled", "flags")), _WORD
    ),
    "uber-trace-id": re.compile(r"[0-9A-Fa-f:%]{1,128}"),
    **dict.fromkeys((f"ot-tracer-{one}" for one in ("traceid", "spanid", "sampled")), _WORD),
    **dict.fromkeys(
        (f"x-datadog-{one}" for one in ("trace-id", "parent-id", "sampling-priority", "origin")),
        _ATTEMPT,
    ),
    "x-datadog-tags": re.compile(r"(?:_dd\.p\.[a-z]{1,8}=[A-Za-z0-9_-]{1,64},?){0,8}"),
    **dict.fromkeys(("x-instana-t", "x-instana-s", "x-instana-l"), _ATTEMPT),
    "newrelic": re.compile(r"[A-Za-z0-9+/=]{1,1024}"),
    "request-id": re.compile(r"[A-Za-z0-9|._-]{1,128}"),
    "request-context": re.compile(r"appId=[A-Za-z0-9:-]{1,64}"),
    **dict.fromkeys(("x-request-id", "x-correlation-id"), _WORD),
}
_FAMILIES: Final = (
    # developer.mozilla.org/docs/Web/HTTP/Reference/Headers#client_hints and #fetch_metadata…
    ("sec-ch-ua", _PRINTABLE),
    ("sec-fetch-", _WORD),
)

_SCHEMES: Final = re.compile(
    r"(?P<v4>(?:AWS4-HMAC-SHA256|AWS4-ECDSA-P256-SHA256|GOOG4-RSA-SHA256|GOOG4-HMAC-SHA256) )"
    r".*?Credential=(?P<key>[^/,\s]+)/[0-9]{8}/(?P<scope>[^,\s]+)"
    r"|(?P<v2>(?:AWS|SharedKey|SharedKeyLite) [^:\s]+):\S+"
    r"|(?P<oauth>OAuth )(?P<given>.*)"
)
"""Signature Version 4 and 4a (docs.aws.amazon.com/IAM/latest/UserGuide
/reference_sigv-signing-elements.html) and Google's of the same form; AWS's second, and Azure
Storage's Shared Key; OAuth 1 (RFC 5849)."""
_ONCE: Final = re.compile(r"oauth_(?:nonce|timestamp|signature)=")
_SIGNATURES: Final = frozenset(("signature", "signature-input"))
"""RFC 9421: they hold the time of signing, and what they cover is compared itself."""
