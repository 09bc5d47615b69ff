"""Headers: which are ordinary, and what Content-Type says. Pure.

A header is *ordinary* if it cannot change what is done: its name stands in a fixed list and its
value has the shape that the list gives. Ordinary headers are named on a card in one line and left
out where two requests are compared (law 28); every other header is shown with its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from approvals.reading.values import Header

Headers = Sequence[tuple[str, str]]


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
        return (
            re.fullmatch(r"(application|text)/([a-z0-9.!#$&^_+-]+\+)?json", self.media_type)
            is not None
        )


def content_type(headers: Headers) -> ContentType:
    """What the body is said to be. One header, a known charset, nothing given twice; else unclear.

    Only UTF-8 is read: servers decode other charsets in different ways, or not at all (body-parser
    takes utf-7, https://github.com/expressjs/body-parser; Go's encoding/json knows UTF-8 only).
    """
    given = [value for name, value in headers if _dashed(name) == "content-type"]
    if not given:
        return ContentType()
    if len(given) > 1 or any(name.lower() == "content_type" for name, _ in headers):
        return ContentType(unclear="It has several content types.")
    media, *rest = _PARAMETER_START.split(given[0].strip(" \t"), maxsplit=1)
    media = media.strip(" \t").lower()
    if _MEDIA_TYPE.fullmatch(media) is None:
        return ContentType(unclear="Its content type is not well formed.")
    parameters: dict[str, str] = {}
    text = ";" + rest[0] if rest else ""
    while text:
        found = _PARAMETER.match(text)
        if found is None:
            if text.strip(" \t;") == "":
                break
            return ContentType(media, parameters, "Its content type is not well formed.")
        name, quoted, plain = found[1].lower(), found[2], found[3]
        if name in parameters:
            return ContentType(media, parameters, f"Its content type gives `{name}` twice.")
        parameters[name] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        text = text[found.end() :]
    charset = parameters.get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8"):
        why = f"Its charset is {charset[:40]!r}, which servers do not read alike."
        return ContentType(media, parameters, why, charset)
    return ContentType(media, parameters)


def read_headers(headers: Headers) -> tuple[Header, ...]:
    """Every header with whether it is ordinary; one that is given twice never is."""
    counts: dict[str, int] = {}
    for name, _ in headers:
        counts[name.lower()] = counts.get(name.lower(), 0) + 1
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


def named(headers: Headers, name: str) -> list[str]:
    """The values of a header, also under the name that CGI and WSGI take for it (`_` for `-`)."""
    return [value for given, value in headers if _dashed(given) == name]


def _dashed(name: str) -> str:
    return name.lower().replace("_", "-")


_MEDIA_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_PARAMETER_START: Final = re.compile(r"[ \t]*;")
_PARAMETER: Final = re.compile(
    r";[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:\"((?:[^\"\\]|\\[ -~])*)\"|([^\s\";,]+))[ \t]*"
)

_PRINTABLE: Final = re.compile(r"[ -~]{0,1024}")
_WORD: Final = re.compile(r"[A-Za-z0-9._:+/=-]{0,256}")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_TYPES: Final = re.compile(r"[A-Za-z0-9*/+.;=, _-]{0,512}")
_DATE: Final = re.compile(r"[A-Za-z0-9:, +-]{1,64}")
_ATTEMPT: Final = re.compile(r"[A-Za-z0-9=; ._:-]{0,128}")

_ORDINARY: Final[Mapping[str, re.Pattern[str]]] = {
    # RFC 9110: what the client is and what it would like to have back.
    "user-agent": _PRINTABLE,
    "accept": _TYPES,
    "accept-charset": _TYPES,
    "accept-encoding": _TYPES,
    "accept-language": _TYPES,
    "content-length": _NUMBER,
    "content-language": re.compile(r"[A-Za-z0-9, -]{1,64}"),
    "date": _DATE,
    "dnt": _NUMBER,
    "priority": _ATTEMPT,
    "upgrade-insecure-requests": _NUMBER,
    "pragma": re.compile("no-cache"),
    # https://git-scm.com/docs/gitprotocol-http: in which version refs are listed and fetched.
    "git-protocol": re.compile("version=[0-2]"),
    # AWS SDKs: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html, and the
    # date and digest of Signature Version 4, which the signature binds.
    "amz-sdk-invocation-id": _WORD,
    "amz-sdk-request": _ATTEMPT,
    "x-amz-user-agent": _PRINTABLE,
    "x-amz-date": _WORD,
    "x-amz-content-sha256": re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]{1,60}"),
    "x-amzn-trace-id": _ATTEMPT,
    # Google: https://cloud.google.com/apis/docs/system-parameters
    "x-goog-api-client": _PRINTABLE,
    "x-goog-gfe-can-retry": _WORD,
    "x-cloud-trace-context": _ATTEMPT,
    # Stripe, Twilio, Microsoft Graph, Slack: client telemetry and ids of one try.
    "x-stripe-client-user-agent": re.compile(r"[ -~]{0,2048}"),
    "x-stripe-client-telemetry": re.compile(r"[ -~]{0,2048}"),
    "x-twilio-client": _WORD,
    "sdkversion": _PRINTABLE,
    "client-request-id": _WORD,
    "x-client-request-id": _WORD,
    "x-ms-client-request-id": _WORD,
    "return-client-request-id": re.compile(r"true|false"),
    # Trace ids: W3C Trace Context, B3, Sentry, and what proxies add.
    "traceparent": _WORD,
    "tracestate": _PRINTABLE,
    "sentry-trace": _WORD,
    "b3": _WORD,
    "uber-trace-id": _WORD,
    "x-request-id": _WORD,
    "x-correlation-id": _WORD,
}
_FAMILIES: Final = (
    ("x-stainless-", _PRINTABLE),  # https://www.stainless.com/docs: openai, anthropic and others
    ("x-b3-", _WORD),
    ("x-datadog-", _ATTEMPT),
    ("sec-ch-ua", _PRINTABLE),
    ("sec-fetch-", _WORD),
)
