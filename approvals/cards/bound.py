"""What a request's digest binds, as a card shows it, and whether a tap may approve it. Pure.

Law 14: a tap may approve only what the card determines. The text of a `Bound` holds every leaf of
the reading: query, then body, then headers. Each line that begins without a blank is ours: a value
stands behind its label, and a value of several lines is indented below it, so that no value can
pass for another line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from approvals.model import Http, Request
from approvals.reading import Leaf, Opaque, Part, Path, Reading, Scalar, Target
from approvals.reading.presentation import size
from approvals.secret_shapes import secret_paths
from approvals.text import (
    clean,
    ends,
    redact,
    redact_address,
    redact_field,
    redact_headers,
    show_host,
    utf8_len,
)

LONGEST: Final = 32 * 1024
"""Characters of one value that a card looks at: of more, the ends. No tap approves that much, and
to redact ten megabytes takes seconds, for each card."""
MANY: Final = 1_000
"""Values of one part that a card looks at: more fit on none, and each is searched for secrets."""
INDENT: Final = "  "
SECRET: Final = 12
"""Characters of the shortest secret that is known by its shape."""


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
    hide = _Hide(salt)
    path = reading.target.path if reading.target is not None else None
    hide.secrets = secret_paths(reading.body.tree, path)
    line = _line(request, reading, hide)  # which also finds the secrets of the query
    if summarised(request.digest) and request.http is not None:
        told = _block("summary", request.http.body.decode("utf-8", "replace"), hide)
        text = "\n".join([*_part(reading.query, hide, prefix="?"), told])
    else:
        text = "\n".join(_part(reading.query, hide, prefix="?") + _part(reading.body, hide))
    headers = "\n".join(_headers(reading, hide)) if request.http is not None else ""
    whole = ends("\n".join(one for one in (text, headers) if one))
    return Bound(
        line=ends(line),
        text=whole,
        refusal=refusal(request, reading, opaque=opaque, hidden=hide.hidden, cut=hide.left_out > 0),
        left_out=hide.left_out,
    )


def refusal(
    request: Request, reading: Reading, *, opaque: bool, hidden: bool, cut: bool
) -> str | None:
    """Why a tap may not approve this; None where it may, as far as the bytes go.

    Everything bound is shown or ordinary, nothing is left encoded, servers agree on what it says,
    no secret in it is hidden, and opaque parts are allowed by the rule.
    """
    http = request.http
    if not reading.complete and not summarised(request.digest):
        return "Part of it was never received."
    if http is not None and not http.body_complete:
        return "Part of it was never received."
    if http is None and request.payload is None:
        return "Nothing is bound."
    if reading.unclear is not None and not summarised(request.digest):
        return f"Servers may read it in different ways. {reading.unclear}"
    if http is not None and not _well_formed(http):
        return "Its method or a header is not well formed."
    if reading.undecoded is not None:
        return reading.undecoded
    if reading.opaque and not opaque:
        return f"It holds {_file(reading.opaque[0])}, which a card cannot show."
    if hidden:
        return "A secret in it is not shown on cards."
    return "It is too long for any card." if cut else None


OPENS: Final = "opens a WebSocket: what is sent on it afterwards is not shown"


def opens(http: Http) -> bool:
    """Does it become a tunnel, once approved? `Upgrade` itself belongs to a hop, and is not bound;
    this header is, and goes with it (https://www.rfc-editor.org/rfc/rfc6455#section-4.1)."""
    return any(name.lower() == "sec-websocket-key" for name, _ in http.headers)


SUMMARY: Final = "summary-"
"""Begins the digest of a request whose body is only described (docs/digest.md): all that was
received is bound, and no digest of the bytes themselves can ever be equal to it."""


def summarised(digest: str) -> bool:
    """Is this the digest of a gateway's summary of the body, and not of the body?"""
    return digest.startswith(SUMMARY)


class _Hide:
    """Redacts what is shown, and remembers whether a secret was hidden and how much was cut."""

    def __init__(self, salt: bytes | None) -> None:
        self.salt, self.hidden, self.left_out = salt, False, 0
        self.secrets: set[Path] = set()

    def text(self, text: str) -> str:
        if self.salt is None:
            return text
        found = redact(self._ends(text), self.salt)
        self.hidden = self.hidden or found.changed
        return found.text

    def field(self, name: str, value: str) -> str:
        if self.salt is None:
            return value
        found = redact_field(name, self._ends(value), self.salt)
        self.hidden = self.hidden or found.changed
        return found.text

    def address(self, target: Target, host_: str, query: Part) -> tuple[str, str]:
        """Host (as it was written) and path, judged together with the query, whose secrets are
        noted."""
        if self.salt is None:
            return host_, target.path
        raw = f"?{target.query}" if target.query else ""
        host, path, shown = redact_address(host_, target.path, raw, self.salt)
        self.hidden = self.hidden or host.changed or path.changed or shown.changed
        if shown.changed:
            pieces = [piece for piece in raw[1:].split("&") if piece]
            whole = len(pieces) != len(query.leaves)
            for piece, leaf in zip(pieces, query.leaves, strict=False):
                if whole or piece not in shown.text:
                    self.secrets.add(("?", *leaf.path))
        return host.text, path.text

    def secret(self, path: Path, value: str) -> str | None:
        """What stands for a value that is secret where it stands; None for any other."""
        if self.salt is None or path not in self.secrets:
            return None
        self.hidden = True
        return redact_field("secret", value, self.salt).text

    def header(self, name: str, value: str) -> tuple[str, str]:
        if self.salt is None:
            return name, value
        (found,) = redact_headers([(name, value)], self.salt)
        self.hidden = self.hidden or found.hidden
        return found.name, found.value

    def _ends(self, text: str) -> str:
        if len(text) <= LONGEST:
            return text
        half = LONGEST // 2
        left_out = utf8_len(text[half:-half])
        self.left_out += left_out
        return f"{text[:half]}\n…[{left_out} bytes left out]…\n{text[-half:]}"


def _line(request: Request, reading: Reading, hide: _Hide) -> str:
    """ "POST api.stripe.com/v1/payouts · form, 156 bytes"."""
    http, target = request.http, reading.target
    if http is None or target is None:
        return f"{clean(hide.text(request.action))} · {_kind(reading.body)}"
    if not target.host:
        where = clean(hide.text(http.url))
    else:
        scheme = "" if target.scheme == "https" else f"{target.scheme}://"
        host, path = hide.address(target, _host(http, target), reading.query)
        shown = show_host(target.host) if host.lower() == target.host else clean(host)
        empty = "?" if target.query == "" else ""
        where = f"{scheme}{shown}{clean(path)}{empty}"
    what = "no body" if not http.body and http.body_complete else _kind(reading.body)
    if opens(http):
        what = OPENS
    amount = f", {size(len(http.body))}" if http.body else ""
    if summarised(request.digest):
        what, amount = "the gateway's summary, not the bytes: parts may be missing", ""
    return f"{clean(hide.text(http.method))} {where} · {what}{amount}"


def _host(http: Http, target: Target) -> str:
    """The host in the letters in which it was written: some secrets are known by them."""
    start = http.url.find("//") + 2
    written = http.url[start : start + len(target.host)]
    return written if written.lower() == target.host else target.host


def _kind(part: Part) -> str:
    return {"none": "no body", "json": "JSON", "ndjson": "JSON lines", "xml": "XML"}.get(
        part.kind, part.kind
    )


def _headers(reading: Reading, hide: _Hide) -> list[str]:
    """Every header that can matter, then the names of the ordinary ones in one line."""
    host = reading.target.host if reading.target is not None else ""
    shown, ordinary = [], []
    for header in reading.headers:
        name = header.name.lower()
        if header.ordinary or (name == "host" and header.value.strip().lower() == host):
            ordinary.append(name)
            continue
        shown.append(": ".join(map(clean, hide.header(header.name, header.value))))
    if ordinary:
        shown.append(f"Ordinary headers: {', '.join(clean(one) for one in ordinary)}")
    return shown


def _part(part: Part, hide: _Hide, prefix: str = "") -> list[str]:
    if part.unclear is not None or part.kind == "text":
        lines = []
        for leaf in part.leaves:
            text = _file(leaf) if isinstance(leaf, Opaque) else str(leaf.value)
            if prefix and (hidden := hide.secret(("?",), text)) is not None:
                text = hidden
            label = f"{prefix}query" if prefix else "body"
            lines.append(_labelled(label, _value(leaf, text, hide)))
        return lines
    leaves, more = part.leaves, []
    if hide.salt is not None and len(leaves) > MANY:
        leaves, rest = leaves[:MANY], leaves[MANY:]
        hide.left_out += sum(len(str(getattr(leaf, "value", ""))) + 1 for leaf in rest)
        more = [f"…[{len(rest)} more values]…"]
    rows = [(leaf.path, leaf) for leaf in leaves]
    return [*_tree(rows, hide, part.kind, prefix), *more]


_Rows = Sequence[tuple[tuple[str | int, ...], Leaf | Opaque]]


def _tree(rows: _Rows, hide: _Hide, kind: str, prefix: str = "") -> Iterator[str]:
    """The leaves as an indented outline: names that lead to one value only stand in one line."""
    for (head,), group in groupby(rows, key=lambda row: row[0][:1] or ("",)):
        below = [(path[1:], leaf) for path, leaf in group]
        label, rest = _join(prefix, head, kind, hide), below
        while len({path[:1] for path, _ in rest}) == 1 and rest[0][0]:
            label = _join(label, rest[0][0][0], kind, hide)
            rest = [(path[1:], leaf) for path, leaf in rest]
        if all(not path for path, _ in rest):
            for _, leaf in rest:
                yield _labelled(label or "value", _shown(leaf, label, kind, hide))
        else:
            yield f"{label}:"
            for line in _tree(rest, hide, kind):
                yield from (f"{INDENT}{one}" for one in line.split("\n"))


def _join(label: str, step: str | int, kind: str, hide: _Hide) -> str:
    """A label and one more step: `a.b`, `a[0]`, `a[b]` in a form, `a["odd name"]`. A name may hold
    a secret, too."""
    if isinstance(step, int):
        return f"{label}[{step}]"
    step = hide.text(step) if len(step) >= SECRET else step
    known = _PLAIN.fullmatch(step.replace(".", "") if kind in _BRACKETS else step)
    plain = clean(step if known else json.dumps(step, ensure_ascii=False))
    if not label or label == "?":
        return f"{label}{plain}"
    return f"{label}[{plain if step else ''}]" if kind in _BRACKETS else f"{label}.{plain}"


def _shown(leaf: Leaf | Opaque, label: str, kind: str, hide: _Hide) -> str:
    if isinstance(leaf, Opaque):
        return _file(leaf)
    place = ("?", *leaf.path) if kind == "query" else leaf.path
    if (hidden := hide.secret(place, str(leaf.value))) is not None:
        return hidden
    if leaf.inside is not None:
        return _value(leaf, "", hide)
    if leaf.how == "empty":
        return str(leaf.value)
    name = str(leaf.path[-1]) if leaf.path else label
    return clean(hide.field(name, scalar(leaf.value, kind)), line=False)


def _value(leaf: Leaf | Opaque, text: str, hide: _Hide) -> str:
    """The value of a text, or what it says once decoded."""
    match leaf:
        case Leaf(inside=Part() as part):
            only = part.leaves[0] if len(part.leaves) == 1 else None
            if isinstance(only, Leaf) and only.inside is None and not only.path:
                return f"({leaf.how})\n{clean(hide.text(str(only.value)), line=False)}"
            return "\n".join([f"({leaf.how})", *_part(part, hide)])
        case Leaf(inside=Opaque() as opaque):
            return f"{_file(opaque)}"
        case Opaque():
            return text
    return clean(hide.text(text), line=False)


def scalar(value: Scalar, kind: str) -> str:
    """A value as it is told apart from others: a text that looks like a number is in quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    odd = kind not in _TEXTS and _LOOKS_ODD.fullmatch(value) is not None
    blank = "\n" not in value and value != value.strip()
    return json.dumps(value, ensure_ascii=False) if odd or blank or not value else value


def _labelled(label: str, value: str) -> str:
    """`label: value`, or the label and the value's lines below it, indented."""
    if "\n" not in value:
        return f"{label}: {value}"
    head, _, rest = value.partition("\n")
    if head.startswith("(") and head.endswith(")"):
        return f"{label} {head}:\n" + _indented(rest)
    return f"{label}:\n" + _indented(value)


def _block(label: str, text: str, hide: _Hide) -> str:
    return f"{label}:\n" + _indented(clean(hide.text(text), line=False))


def _indented(text: str) -> str:
    return "\n".join(f"{INDENT}{line}" for line in text.rstrip("\n").split("\n"))


def _file(opaque: Opaque) -> str:
    """ "a file offer.pdf (application/pdf, 1.8 kB, SHA-256 9f86…)"."""
    name = f" {clean(opaque.name)}" if opaque.name else ""
    return (
        f"a file{name} ({clean(opaque.media_type)}, {size(opaque.size)}, SHA-256 {opaque.sha256})"
    )


def _well_formed(http: Http) -> bool:
    names = (http.method, *(name for name, _ in http.headers))
    return all(map(_TOKEN, names)) and not any(
        "\n" in value or "\r" in value for _, value in http.headers
    )


_TOKEN: Final[Callable[[str], object]] = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@$-][A-Za-z0-9_@$ -]{0,60}|")
_LOOKS_ODD: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null|\{\}|\[\]")
_BRACKETS: Final = ("form", "query", "multipart")
_TEXTS: Final = ("form", "query", "multipart", "mail", "text")
