"""A reading as lines of text, redacted. Pure.

Law 13: each line that begins without a blank is ours. A value stands behind its label; a value of
several lines is indented below it, and how it was encoded stands in the label's line. So no value
can look like another line, or like a remark that we added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, TypeAlias

from approvals.model import Http, Request
from approvals.reading import Header, Leaf, Opaque, Part, Path, Reading, Scalar, Target
from approvals.reading.presentation import size
from approvals.secret_shapes import secret_paths
from approvals.text import clean, redact, redact_address, redact_field, redact_headers, utf8_len

LONGEST: Final = 32 * 1024
"""Characters of one value that a card reads; of a longer one it reads both ends. No tap approves
that much, and redacting ten megabytes takes seconds for each card."""
MANY: Final = 1_000
"""Values of one part that a card reads: none has room for more, each is searched for secrets."""
INDENT: Final = "  "
SECRET: Final = 12
"""Characters of the shortest secret that is known by its shape."""
Rows: TypeAlias = Sequence[tuple[Path, Leaf | Opaque]]
"""Values, each with the steps that lead to it from here."""


class Redactor:
    """Redacts the texts of one request. Without a salt it changes nothing.

    `hidden`: was a secret replaced? `left_out`: how many bytes were cut from values that are too
    long, or too many. `host` and `path` are those of the address, redacted; "" where it has none.
    """

    def __init__(self, salt: bytes | None, request: Request, reading: Reading) -> None:
        self.salt = salt
        self.hidden = False
        self.left_out = 0
        self.host = self.path = ""
        target = reading.target
        self._secrets = secret_paths(reading.body.tree, target.path if target else None)
        if request.http is not None and target is not None and target.host:
            self.host, self.path = self._address(request.http, target, reading.query)

    def text(self, text: str) -> str:
        """A text that may hold secrets."""
        if self.salt is None:
            return text
        found = redact(self._cut(text), self.salt)
        self.hidden |= found.changed
        return found.text

    def field(self, name: str, value: str) -> str:
        """The same of a field, whose name may tell that all of it is a secret."""
        if self.salt is None:
            return value
        found = redact_field(name, self._cut(value), self.salt)
        self.hidden |= found.changed
        return found.text

    def header(self, name: str, value: str) -> tuple[str, str]:
        """The same of a header: its name and value."""
        if self.salt is None:
            return name, value
        (found,) = redact_headers([(name, value)], self.salt)
        self.hidden |= found.hidden
        return found.name, found.value

    def secret(self, place: Path, value: str) -> str | None:
        """What to show for a value that is a secret because of its place; None for any other."""
        if self.salt is None or place not in self._secrets:
            return None
        self.hidden = True
        return redact_field("secret", value, self.salt).text

    def _address(self, http: Http, target: Target, query: Part) -> tuple[str, str]:
        """Host (in the letters of the request: some secrets are known by them) and path.

        They are judged together with the query. Values in it that are secrets because of what
        stands before them are noted as `secret`s, at `("?", *path)`.
        """
        start = http.url.find("//") + 2
        written = http.url[start : start + len(target.host)]
        host = written if written.lower() == target.host else target.host
        if self.salt is None:
            return host, target.path
        raw = f"?{target.query}" if target.query else ""
        found = redact_address(host, target.path, raw, self.salt)
        self.hidden |= any(one.changed for one in found)
        shown_host, shown_path, shown_query = found
        if shown_query.changed:
            self._secrets |= query_secrets(raw, shown_query.text, query)
        return shown_host.text, shown_path.text

    def _cut(self, text: str) -> str:
        """The two ends of a text that is too long to be looked at."""
        if len(text) <= LONGEST:
            return text
        half = LONGEST // 2
        left_out = utf8_len(text[half:-half])
        self.left_out += left_out
        return f"{text[:half]}\n…[{left_out} bytes left out]…\n{text[-half:]}"


def query_secrets(raw: str, shown: str, query: Part) -> set[Path]:
    """The places, as `("?", *path)`, of the secrets in a query (`raw`, with its "?"). `shown`: the
    query without them."""
    pieces = [piece for piece in raw[1:].split("&") if piece]
    hidden: list[Leaf | Opaque] = []
    if len(pieces) == len(query.leaves):
        pairs = zip(pieces, query.leaves, strict=True)
        hidden = [leaf for piece, leaf in pairs if piece not in shown]
    # Where nothing tells which of the values it is, it may be any.
    return {("?", *leaf.path) for leaf in hidden or query.leaves}


def part_lines(part: Part, redactor: Redactor, *, prefix: str = "") -> list[str]:
    """Every value of a part. `prefix`: begins the labels; `?` for those of the query."""
    if part.unclear is not None or part.kind == "text":
        label = f"{prefix}query" if prefix else "body"
        return [labelled(label, *_text_value(leaf, prefix, redactor)) for leaf in part.leaves]
    leaves, rest = part.leaves, part.leaves[MANY:]
    if redactor.salt is None or not rest:
        return [*_outline([(leaf.path, leaf) for leaf in leaves], part.kind, redactor, prefix)]
    redactor.left_out += sum(len(str(getattr(leaf, "value", ""))) + 1 for leaf in rest)
    rows = [(leaf.path, leaf) for leaf in leaves[:MANY]]
    return [*_outline(rows, part.kind, redactor, prefix), f"…[{len(rest)} more values]…"]


def header_lines(reading: Reading, redactor: Redactor) -> list[str]:
    """Every header that can matter, then the names of the ordinary ones in one line."""
    shown, ordinary = [], []
    for header in reading.headers:
        if is_ordinary(header, reading):
            ordinary.append(clean(header.name.lower()))
        else:
            shown.append(": ".join(map(clean, redactor.header(header.name, header.value))))
    return [*shown, *([f"Ordinary headers: {', '.join(ordinary)}"] if ordinary else [])]


def is_ordinary(header: Header, reading: Reading) -> bool:
    """Can it change nothing, or does it only name the host of the address?"""
    host = reading.target.host if reading.target is not None else ""
    same = header.name.lower() == "host" and header.value.strip().lower() == host
    return header.ordinary or same


def labelled(label: str, how: str, text: str) -> str:
    """`label: text`, or the label and the text's lines below it, indented.

    `how`: how the text was encoded, in our words; "" where it was not.
    """
    if how:
        return f"{label} ({how}):\n{indented(text)}"
    return f"{label}:\n{indented(text)}" if "\n" in text else f"{label}: {text}"


def indented(text: str) -> str:
    """Each line of it behind blanks."""
    return "\n".join(f"{INDENT}{line}" for line in text.rstrip("\n").split("\n"))


def file_line(opaque: Opaque) -> str:
    """ "a file offer.pdf (application/pdf, 1.8 kB, SHA-256 9f86…)"."""
    name = f" {clean(opaque.name)}" if opaque.name else ""
    return (
        f"a file{name} ({clean(opaque.media_type)}, {size(opaque.size)}, SHA-256 {opaque.sha256})"
    )


def scalar(value: Scalar, kind: str) -> str:
    """A value as it is told apart from others: a text that looks like a number is in quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    odd = kind not in _TEXTS and _LOOKS_ODD.fullmatch(value) is not None
    blank = "\n" not in value and value != value.strip()
    return json.dumps(value, ensure_ascii=False) if odd or blank or not value else value


def branches(
    rows: Rows, kind: str, redacted: Callable[[str], str], prefix: str = ""
) -> Iterator[tuple[str, Rows]]:
    """What begins with one step each, with its label. Steps that lead to one step only share a
    label, as in `a.b: 1`. `redacted`: a step's name without secrets."""
    for (first,), group in groupby(rows, key=lambda row: row[0][:1] or ("",)):
        label = _join(prefix, first, kind, redacted)
        below = _below(group)
        while (step := _only_step(below)) is not None:
            label = _join(label, step, kind, redacted)
            below = _below(below)
        yield label, below


def _outline(rows: Rows, kind: str, redactor: Redactor, prefix: str = "") -> Iterator[str]:
    """What lies below a step that leads to several is indented."""
    for label, below in branches(rows, kind, redactor.text, prefix):
        if any(path for path, _ in below):
            yield f"{label}:"
            for lines in _outline(below, kind, redactor):
                yield from (f"{INDENT}{line}" for line in lines.split("\n"))
        else:
            for _, leaf in below:
                yield labelled(label or "value", *_value(leaf, label, kind, redactor))


def _below(rows: Iterable[tuple[Path, Leaf | Opaque]]) -> Rows:
    return [(path[1:], leaf) for path, leaf in rows]


def _only_step(rows: Rows) -> str | int | None:
    """The step with which all paths begin; None where they differ, or one of them ends here."""
    path = rows[0][0]
    return path[0] if path and all(other[:1] == path[:1] for other, _ in rows) else None


def _join(label: str, step: str | int, kind: str, redacted: Callable[[str], str]) -> str:
    """A label and one more step: `a.b`, `a[0]`, `a[b]` in a form, `a["odd name"]`. A name may hold
    a secret, too."""
    if isinstance(step, int):
        return f"{label}[{step}]"
    step = redacted(step) if len(step) >= SECRET else step
    plain = _PLAIN.fullmatch(step.replace(".", "") if kind in _BRACKETS else step)
    shown = clean(step if plain else json.dumps(step, ensure_ascii=False))
    if not label or label == "?":
        return f"{label}{shown}"
    return f"{label}[{shown if step else ''}]" if kind in _BRACKETS else f"{label}.{shown}"


def _value(leaf: Leaf | Opaque, label: str, kind: str, redactor: Redactor) -> tuple[str, str]:
    """How a value was encoded, and what it says: see `labelled`."""
    if isinstance(leaf, Opaque):
        return "", file_line(leaf)
    text = str(leaf.value)
    place = ("?", *leaf.path) if kind == "query" else leaf.path
    if (hidden := redactor.secret(place, text)) is not None:
        return "", hidden
    if leaf.inside is not None:
        return _decoded(leaf.inside, leaf.how, redactor)
    if leaf.how == "empty":
        return "", text
    name = str(leaf.path[-1]) if leaf.path else label
    return "", clean(redactor.field(name, scalar(leaf.value, kind)), line=False)


def _text_value(leaf: Leaf | Opaque, prefix: str, redactor: Redactor) -> tuple[str, str]:
    """The same of a part that is one text, or is shown as it came because it is unclear."""
    if isinstance(leaf, Opaque):
        return "", file_line(leaf)
    text = str(leaf.value)
    hidden = redactor.secret(("?",), text) if prefix else None
    if hidden is None and leaf.inside is not None:
        return _decoded(leaf.inside, leaf.how, redactor)
    return "", clean(redactor.text(hidden or text), line=False)


def _decoded(inside: Part | Opaque, how: str, redactor: Redactor) -> tuple[str, str]:
    """What an encoded text says."""
    if isinstance(inside, Opaque):
        return "", file_line(inside)
    only = inside.leaves[0] if len(inside.leaves) == 1 else None
    if isinstance(only, Leaf) and only.inside is None and not only.path:
        return how, clean(redactor.text(str(only.value)), line=False)
    return how, "\n".join(part_lines(inside, redactor))


_PLAIN: Final = re.compile(r"[A-Za-z0-9_@$-][A-Za-z0-9_@$ -]{0,60}|")
_LOOKS_ODD: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null|\{\}|\[\]")
_BRACKETS: Final = ("form", "query", "multipart")
_TEXTS: Final = ("form", "query", "multipart", "mail", "text")
