"""Where a request goes: method, host, path. Pure.

Servers fold paths in different ways: Express routes by the raw path, Go's ServeMux by the decoded
one, Tomcat drops `;parameters`, nginx merges `//`. Where they would take another path than the one
that stands there, the path is refused; where it only might be, it is a doubt (law 29).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, unquote_plus

from approvals.reading.headers import Headers, dashed
from approvals.reading.values import PLAIN, Dialect, Target


def read_target(
    method: str, url: str, headers: Headers, *, body: bool = False, dialect: Dialect = PLAIN
) -> Target:
    """`body`: the request has one. Never raises."""
    found = _URL.fullmatch(url)
    if found is None:
        return Target(method=method, refused="Its address is not a plain http address.")
    scheme, host, port, path, query = found.groups()
    scheme, path = scheme.lower(), path or "/"
    port = "" if port in (None, PORTS[scheme]) else f":{port}"
    refused, doubt = path_faults(path, encoded_slash=dialect.encoded_slash)
    doubts = _overrides(method, query or "", headers, body=body)
    if doubt:
        doubts = {"spelling": doubt, **doubts}
    segments: tuple[str, ...] = ()
    if refused is None:
        segments = tuple(unquote(part, errors="replace") for part in path[1:].split("/"))
    return Target(
        method=method,
        scheme=scheme,
        host=host.lower().rstrip(".") + port,
        path=path,
        query=query,
        segments=segments,
        refused=refused,
        doubts=doubts,
    )


def path_faults(raw: str, *, encoded_slash: bool = False) -> tuple[str | None, str | None]:
    """Why this path is refused, and why it is in doubt, each as a sentence or None.

    Refused: dot segments, empty segments, encoded separators, escapes of control characters or of
    `%`, bad escapes, what no URL may contain. In doubt: an escape that was not needed (`%61` is `a`
    to some routers only), escapes that are not UTF-8, `;`, which Tomcat and Jetty cut off.

    `encoded_slash`: `%2F` is allowed within a segment, because this API's paths are written so.
    """
    if re.fullmatch(r"/[!-~]*", raw) is None or re.search(r"[\\?#]", raw):
        return "Its path has characters that no address may contain.", None
    if re.search(r"%(?![0-9A-Fa-f]{2})", raw):
        return "Its path has a broken escape, which servers read in several ways.", None
    if re.search(r"(?i)%(?:5c|25|[01][0-9a-f]|7f|c0|c1)", raw):
        return "Its path escapes a character in a way that servers read differently.", None
    plain = re.sub(r"(?i)%2e", ".", raw)
    if re.search(r"(?i)%2f", raw):
        if not encoded_slash:
            return "Its path has an encoded slash, which servers read in several ways.", None
        plain = re.sub(r"(?i)%2f", "/", plain)
    segments = [re.split("(?i);|%3b", segment)[0] for segment in plain[1:].split("/")]
    if any(segment in (".", "..") for segment in segments):
        return "Its path has dot segments, which some servers resolve and others do not.", None
    if "" in segments[:-1]:
        return "Its path has an empty segment (`//`), which some servers merge away.", None
    if any(UNRESERVED.fullmatch(chr(int(code, 16))) for code in re.findall("%(..)", raw)):
        return None, "Its path escapes a character that needs no escape; not all servers undo that."
    if ";" in raw or re.search(r"(?i)%3b", raw):
        return None, "Its path has a `;`, behind which some servers cut it off."
    if re.search(r"[\"<>\[\]^`{|}]", raw):
        return None, "Its path holds a character that should be escaped; not all servers take it."
    try:
        unquote(raw, errors="strict")
    except ValueError:
        return None, "Its path has escapes that are not UTF-8."
    return None, None


def framing(headers: Headers) -> str | None:
    """The name of a header that a CGI-like server takes for one that frames the message (`_` for
    `-`, RFC 3875 section 4.1.18), or None."""
    for name, _ in headers:
        if "_" in name and dashed(name) in _FRAMING:
            return name
    return None


def method_override(names: set[str]) -> str | None:
    """The name of a field of a query or form by which a server may take another method."""
    folded = {dashed(name.strip()): name for name in names}
    return next((folded[name] for name in _FIELD_OVERRIDES if name in folded), None)


def _overrides(method: str, query: str, headers: Headers, *, body: bool) -> dict[str, str]:
    doubts: dict[str, str] = {}
    if re.fullmatch("[A-Z]+(?:-[A-Z]+)*", method) is None:
        doubts["method"] = "Its method is not in capitals; some servers take it for another."
    for name, _ in headers:
        if part := _HEADER_OVERRIDES.get(dashed(name)):
            shown = "-".join(piece.capitalize() for piece in dashed(name).split("-"))
            doubts.setdefault(part, f"Its header {shown} lets some servers take another {part}.")
    names = {unquote_plus(pair.partition("=")[0]) for pair in re.split("[&;]", query)}
    if found := method_override(names):
        doubts.setdefault("method", f"`{found}` in its query may change the method.")
    if body and method in ("GET", "HEAD"):
        why = f"It is a {method} with a body: some servers drop the body, some read it, and to"
        doubts.setdefault("method", f"{why} others it is the next request.")
    return doubts


_URL: Final = re.compile(
    r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[!\"$->@-\[\]-~]*)?(?:\?([!\"$-~]*))?",
    re.IGNORECASE,
)
PORTS: Final = {"http": "80", "https": "443"}
UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
_FRAMING: Final = frozenset(
    ("content-length", "transfer-encoding", "host", "connection", "te", "trailer", "upgrade")
)
_METHOD_HEADERS: Final = ("x-http-method-override", "x-http-method", "x-method-override")
"""Headers with which a server may take another method: Rack, Symfony, OData, Google's APIs
(https://cloud.google.com/java/docs/reference/google-api-client/latest/com.google.api.client.googleapis)."""
# IIS's URL Rewrite, Symfony before 2018 (CVE-2018-14773), Zend; Envoy, Traefik, Spring's
# ForwardedHeaderFilter and Rails take the others.
_PATH_HEADERS: Final = (
    "x-original-url", "x-rewrite-url", "x-original-uri", "x-envoy-original-path", "path-info",
    "x-forwarded-prefix", "x-forwarded-path", "x-forwarded-uri", "x-script-name", "script-name",
    "x-override-url", "x-http-destinationurl", "x-request-uri", "x-replaced-path",
    "x-accel-redirect",
)  # fmt: skip
_HOST_HEADERS: Final = (
    "x-forwarded-host", "x-host", "x-http-host-override", "x-original-host", "forwarded",
    "x-forwarded-server", "x-backend-host", "x-forwarded-proto", "x-forwarded-scheme",
    "x-forwarded-port", "x-real-host", "x-proxy-host",
)  # fmt: skip
_HEADER_OVERRIDES: Final[Mapping[str, str]] = {
    **dict.fromkeys(_METHOD_HEADERS, "method"),
    **dict.fromkeys(_PATH_HEADERS, "path"),
    **dict.fromkeys(_HOST_HEADERS, "host"),
}
_FIELD_OVERRIDES: Final = (
    *_METHOD_HEADERS, "-method", "-httpmethod", "$httpmethod", "$httpheaders",
)  # fmt: skip
"""The same as fields: Rack, Laravel and Symfony (`_method`), Salesforce (`_HttpMethod`,
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_update_fields.htm),
and Google's servers for browsers without CORS
(https://google.github.io/closure-library/api/goog.net.rpc.HttpCors.html)."""
