"""What a request's digest binds, as a card shows it, and whether a tap may approve it. Pure.

Law 14: a tap may approve only what the card determines. The text of a `Bound` holds every value of
the reading: query, then body, then headers (`outline`). `refusal` says what no card can determine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from approvals.cards.outline import Redactor, file_line, header_lines, indented, part_lines
from approvals.evidence import digest_http, digest_payload
from approvals.model import Http, Request
from approvals.reading import Part, Reading
from approvals.reading.presentation import size
from approvals.text import clean, ends, show_host, utf8_len

OPENS: Final = "opens a WebSocket: what is sent on it afterwards is not shown"
SUMMARY: Final = "summary-"
"""Begins the digest of a request whose body is only described (docs/digest.md): all that was
received is bound, and no digest of the bytes themselves can ever be equal to it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """`line`: method, host, path, kind and size, in one line. `text`: the reading, uncut.

    `refusal`: why no tap may approve this on any channel, as a sentence; None where one may.
    `left_out`: bytes that `text` itself lacks, and says so.
    """

    line: str
    text: str
    refusal: str | None
    left_out: int = 0

    @property
    def size(self) -> int:
        """Bytes of the text and of what it lacks: what a card's "not shown" is a part of."""
        return utf8_len(self.text) + self.left_out


def bound(request: Request, reading: Reading, *, salt: bytes | None, opaque: bool = False) -> Bound:
    """Everything that is bound. `opaque`: the rule lets a tap approve files by name and digest.

    `salt` None: nothing is redacted or cut, for the person's own terminal.
    """
    http, redactor = request.http, Redactor(salt, request, reading)
    line = _line(request, reading, redactor)
    lines = part_lines(reading.query, redactor, prefix="?")
    if http is not None and summarised(request.digest):
        summary = redactor.text(http.body.decode("utf-8", "replace"))
        lines.append(f"summary:\n{indented(clean(summary, line=False))}")
    else:
        lines += part_lines(reading.body, redactor)
    if http is not None:
        lines += header_lines(reading, redactor)
    cut = redactor.left_out > 0
    return Bound(
        line=ends(line),
        text=ends("\n".join(lines)),
        refusal=refusal(request, reading, opaque=opaque, hidden=redactor.hidden, cut=cut),
        left_out=redactor.left_out,
    )


def refusal(
    request: Request, reading: Reading, *, opaque: bool, hidden: bool, cut: bool
) -> str | None:
    """Why no tap may approve this, as a sentence; None where the card shows all that is bound.

    `opaque`: the rule allows files that are shown by name and digest only. `hidden`: a secret is
    not shown. `cut`: a value is not shown whole. A summary is bound as such: what it leaves out is
    not bound, and the card says that it is one.
    """
    http, summary = request.http, summarised(request.digest)
    if not (reading.complete or summary) or (http is not None and not http.body_complete):
        return "Part of it was never received."
    if http is None and request.payload is None:
        return "Nothing is bound."
    if reading.unclear is not None and not summary:
        return f"Servers may read it in different ways. {reading.unclear}"
    if http is not None and not _well_formed(http):
        return "Its method or a header is not well formed."
    if reading.undecoded is not None:
        return reading.undecoded
    if reading.opaque and not opaque:
        return f"It holds {file_line(reading.opaque[0])}, which a card cannot show."
    if hidden:
        return "A secret in it is not shown on cards."
    return "It is too long for any card." if cut else None


def opens(http: Http) -> bool:
    """Does it become a tunnel, once approved? `Upgrade` itself belongs to a hop, and is not bound;
    this header is, and goes with it (https://www.rfc-editor.org/rfc/rfc6455#section-4.1)."""
    return any(name.lower() == "sec-websocket-key" for name, _ in http.headers)


def digest_of(
    http: Http | None, payload: str | None, *, revision: int, action: str, summary: bool
) -> str:
    """The digest of a request (docs/digest.md). `summary`: `http.body` describes the body. Raises
    `ValueError`: it cannot be digested."""
    if http is None:
        payload = "null" if payload is None else payload
        return digest_payload(revision=revision, action=action, payload=payload)
    digest = digest_http(
        revision=revision,
        action=action,
        method=http.method,
        url=http.url,
        headers=http.headers,
        body=http.body,
    )
    return SUMMARY + digest if summary else digest  # never equal to a digest of the bytes


def summarised(digest: str) -> bool:
    """Is this the digest of a gateway's summary of the body, and not of the body?"""
    return digest.startswith(SUMMARY)


def _line(request: Request, reading: Reading, redactor: Redactor) -> str:
    """ "POST api.stripe.com/v1/payouts · form, 156 bytes"."""
    http = request.http
    if http is None or reading.target is None:
        return f"{clean(redactor.text(request.action))} · {_kind(reading.body)}"
    where, what = _where(http, reading, redactor), _what(request, http, reading)
    return f"{clean(redactor.text(http.method))} {where} · {what}"


def _where(http: Http, reading: Reading, redactor: Redactor) -> str:
    """Host and path, with the scheme where it is not https; the whole URL where no host is known.
    The query follows below, each value in its line, but for one without any."""
    target = reading.target
    if target is None or not target.host:
        return clean(redactor.text(http.url))
    scheme = "" if target.scheme == "https" else f"{target.scheme}://"
    redacted = redactor.host.lower() != target.host
    host = clean(redactor.host) if redacted else show_host(target.host)
    empty_query = "?" if target.query == "" else ""
    return f"{scheme}{host}{clean(redactor.path)}{empty_query}"


def _what(request: Request, http: Http, reading: Reading) -> str:
    """Of what kind the body is, and how large."""
    if summarised(request.digest):
        return "the gateway's summary, not the bytes: parts may be missing"
    if opens(http):
        kind = OPENS
    else:
        kind = "no body" if not http.body and http.body_complete else _kind(reading.body)
    return f"{kind}, {size(len(http.body))}" if http.body else kind


def _kind(part: Part) -> str:
    return {"none": "no body", "json": "JSON", "ndjson": "JSON lines", "xml": "XML"}.get(
        part.kind, part.kind
    )


def _well_formed(http: Http) -> bool:
    names = (http.method, *(name for name, _ in http.headers))
    return all(map(_TOKEN, names)) and not any(
        "\n" in value or "\r" in value for _, value in http.headers
    )


_TOKEN: Final[Callable[[str], object]] = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
