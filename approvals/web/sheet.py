"""A request as its page shows it: rows of a tree, the bytes behind them, and the changes since the
revision before. Pure; that of a large request is made in another process (`readings.work`).

Law 14: each value of the reading is here, whole, with its own line ends. Law 15: a secret is
replaced by its length and a salted hash. Each has a `place` by which one press shows it; the bytes
have one as a whole wherever they hold a secret, since bytes that are changed are not the bytes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from approvals import cards, text
from approvals.cards.bound import OPENS, opens, refusal
from approvals.cards.outline import LONGEST, Rows, branches, is_ordinary, query_secrets, scalar
from approvals.model import Fact, Http, Request
from approvals.reading import Leaf, Opaque, Part, Path, Reading
from approvals.reading.presentation import size
from approvals.secret_shapes import secret_paths

FOLD_LINES: Final = 32
"""Lines of the tree that stand on the page; what follows is folded."""
LONG_LINES: Final = 12
LONG: Final = 700
"""Lines and characters of one value beyond which it is folded by itself, and only begins."""
PEEK: Final = 280
SAID: Final = 120
"""Characters of the agent's words that stand on the page: they are not what is approved."""
WIDTH: Final = 44
"""Characters in a line on a phone: a guess, to tell how high a value will be."""
SCANNED: Final = 1024 * 1024
"""Bytes of a body that are searched for secrets (0.4 s for the worst); larger ones are shown by a
press, as if they held one."""
COMPARED: Final = 2_000
"""Lines of both revisions together; with more, nobody would read what changed."""
BYTES: Final = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One value with its label, or (`text` None) the label of those below it.

    `how`: how it was encoded. `place`: of the secret in it; `shown`: it was asked for and is here.
    `size`, `peek`: set where it is long, in words, and how it begins.
    """

    depth: int = 0
    label: str = ""
    how: str = ""
    text: str | None = None
    place: str = ""
    shown: bool = False
    size: str = ""
    peek: str = ""
    file: bool = False

    @property
    def short(self) -> bool:
        """Do label and value fit into one line of a phone?"""
        room = WIDTH - 2 * self.depth
        return not self.how and len(self.label) + len(self.text or "") <= room and not self.place

    @property
    def lines(self) -> int:
        """How many lines it takes on a phone, about."""
        if self.text is None or self.size:
            return 1 if self.text is None else 5
        return 1 + sum(1 + len(line) // WIDTH for line in self.text.split("\n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """The exact bytes, or with `place` and not `shown` only what they are. `cut`: the rest was
    never received."""

    title: str
    size: str
    text: str
    binary: bool = False
    place: str = ""
    shown: bool = False
    cut: bool = False
    line: str = ""
    """Method and address as they are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One line of what is different from the revision before: "+", "-" or " " (as it was)."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All of it. `secrets`: what stands at each place, in words, for the audit entry."""

    line: Row
    kind: str
    facts: tuple[Row, ...]
    note: Row | None = None
    body: tuple[Row, ...] = ()
    rest: tuple[Row, ...] = ()
    """Those of `body` that are folded."""
    query: tuple[Row, ...] = ()
    headers: tuple[Row, ...] = ()
    ordinary: tuple[Row, ...] = ()
    bytes: Bytes | None = None
    refusal: str | None
    """Why no tap may approve this, as a sentence."""
    unclear: bool
    secrets: dict[str, str] = field(default_factory=dict)
    changed: tuple[Changed, ...] | None = None
    """What is different from the revision before; None: there is none to compare with."""
    changed_note: str = ""
    read: bool = True
    """False: it could not be drawn, and nothing of it is here."""


def sheet(
    request: Request,
    reading: Reading,
    *,
    salt: bytes,
    opaque: bool = False,
    show: str = "",
    before: tuple[Request, Reading] | None = None,
) -> Sheet:
    """The page's part that is the request. `show`: the place of the one secret to be shown;
    `opaque`: as of the rule; `before`: what was asked before, if this is a revision."""
    hide = _Hide(salt, show)
    http, target = request.http, reading.target
    path = target.path if target is not None else None
    facts = tuple(_folded(hide.fact(f"fact.{at}", one)) for at, one in enumerate(request.facts))
    note = None
    if request.note:
        note = _folded(hide.row("note", "agent's note", request.note), SAID, 2)
    hide.costs = False  # neither is bound
    line, query = _address(request, reading, hide)
    hide.secrets = secret_paths(reading.body.tree, path)
    if cards.summarised(request.digest) and http is not None:
        words = http.body.decode("utf-8", "replace")
        rows = [hide.row("body.0", "summary", words)]
    else:
        rows = list(_part(reading.body, hide, "body", 0))
    head, rest = _split([_folded(row) for row in rows])
    headers, ordinary = _headers(reading, hide)
    whole = _bytes(request, hide)
    long = any(len(row.text or "") > LONGEST for row in rows)
    changed, why = _compared(request, reading, before, salt) if before else (None, "")
    return Sheet(
        line=line,
        kind=_kind(reading.body, http),
        facts=facts,
        note=note,
        body=head,
        rest=rest,
        query=query,
        headers=headers,
        ordinary=ordinary,
        bytes=whole,
        refusal=refusal(request, reading, opaque=opaque, hidden=hide.costs, cut=long),
        unclear=reading.unclear is not None and not cards.summarised(request.digest),
        secrets=hide.places,
        changed=changed,
        changed_note=why,
    )


def unread(request: Request, *, salt: bytes) -> Sheet:
    """The sheet of a request that could not be read in time; its bytes can be downloaded."""
    http = request.http
    return Sheet(
        line=Row(text=f"{text.clean(http.method)} (address not read)" if http else ""),
        kind="not read",
        facts=tuple(_Hide(salt, "").fact("", one) for one in request.facts),
        refusal="It takes too long to be read.",
        unclear=True,
        read=False,
    )


@dataclass(slots=True)
class _Hide:
    """Replaces secrets, except the one to be `show`n, and remembers where each is."""

    salt: bytes
    show: str
    secrets: set[Path] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)
    costs: bool = False
    """Something is hidden that an approver may have needed to see."""

    def swap(
        self, place: str, name: str, plain: str, safe: str, *, costs: bool = True
    ) -> tuple[str, str, bool]:
        """What to show for it (not cleaned), its place if it is a secret, and if it is shown."""
        if plain == safe:
            return plain, "", False
        self.places[place] = text.safe(name, self.salt)[:200]
        self.costs = self.costs or costs
        return (plain, place, True) if place == self.show else (safe, place, False)

    def row(
        self, place: str, label: str, value: str, *, safe: str | None = None, depth: int = 0,
        how: str = "", costs: bool = True, line: bool = False,
    ) -> Row:  # fmt: skip
        """A row of one value. `safe`: what stands for it, where that is known already."""
        if safe is None:
            safe = text.redact(value, self.salt).text
        name = f"{place.partition('.')[0]}: {label}"
        words, place, shown = self.swap(place, name, value, safe, costs=costs)
        words = text.clean(words, line=line)
        return Row(depth=depth, label=label, how=how, text=words, place=place, shown=shown)

    def fact(self, place: str, fact: Fact) -> Row:
        safe = text.redact_field(fact.label, fact.value, self.salt).text
        return self.row(place, text.safe(fact.label, self.salt), fact.value, safe=safe)

    def name(self, step: str) -> str:
        return text.redact(step, self.salt).text


def _address(request: Request, reading: Reading, hide: _Hide) -> tuple[Row, tuple[Row, ...]]:
    """Method and address without the query; and the query, value by value."""
    http, target = request.http, reading.target
    if http is None or target is None:
        return hide.row("action", "Action", request.action, line=True), ()
    method = text.clean(hide.name(http.method))
    if not target.host:
        row = hide.row("address", "Address", http.url, line=True)
        return Row(label=method, text=row.text, place=row.place, shown=row.shown), ()
    raw = f"?{target.query}" if target.query else ""
    host, path, query = text.redact_address(target.host, target.path, raw, hide.salt)
    scheme = "" if target.scheme == "https" else f"{target.scheme}://"
    words, place, shown = hide.swap(
        "address", "the address", f"{target.host}{target.path}", f"{host.text}{path.text}"
    )
    if not place or shown:
        words = f"{text.show_host(target.host)}{text.clean(target.path)}"
    row = Row(label=method, text=f"{scheme}{text.clean(words)}", place=place, shown=shown)
    if query.changed:
        hide.secrets = query_secrets(raw, query.text, reading.query)
    rows = tuple(_folded(one) for one in _part(reading.query, hide, "query", 0))
    return row, rows


def _headers(reading: Reading, hide: _Hide) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    shown, ordinary = list[Row](), list[Row]()
    for at, header in enumerate(reading.headers):
        (safe,) = text.redact_headers([(header.name, header.value)], hide.salt)
        row = hide.row(
            f"header.{at}", text.clean(safe.name), header.value,
            safe=safe.value, costs=safe.hidden, line=True,
        )  # fmt: skip
        plain = is_ordinary(header, reading) and not row.place
        (ordinary if plain else shown).append(_folded(row))
    return tuple(shown), tuple(ordinary)


def _part(part: Part, hide: _Hide, place: str, depth: int) -> Iterator[Row]:
    if part.unclear is not None or part.kind == "text":
        for at, leaf in enumerate(part.leaves):
            yield from _leaf(leaf, place, f"{place}.{at}", part.kind, hide, depth)
        return
    rows = [(leaf.path, leaf) for leaf in part.leaves]
    yield from _tree(rows, hide, part.kind, place, depth, [0])


def _tree(
    rows: Rows, hide: _Hide, kind: str, place: str, depth: int, count: list[int]
) -> Iterator[Row]:
    """Names that lead to one value only stand in one row. `count`: of the values so far, by which
    each has its place."""
    for label, below in branches(rows, kind, hide.name):
        if any(path for path, _ in below):
            yield Row(depth=depth, label=label)
            yield from _tree(below, hide, kind, place, depth + 1, count)
        else:
            for _, leaf in below:
                count[0] += 1
                where = f"{place}.{count[0]}"
                yield from _leaf(leaf, label or place.partition(".")[0], where, kind, hide, depth)


def _leaf(
    leaf: Leaf | Opaque, label: str, place: str, kind: str, hide: _Hide, depth: int
) -> Iterator[Row]:
    if isinstance(leaf, Opaque):
        yield _file(leaf, label, depth)
        return
    value = str(leaf.value)
    if (("?", *leaf.path) if kind == "query" else leaf.path) in hide.secrets:
        safe = text.redact_field("secret", value, hide.salt).text
        yield hide.row(place, label, value, safe=safe, depth=depth)
        return
    match leaf.inside:
        case Opaque() as opaque:
            yield _file(opaque, label, depth, leaf.how)
        case Part() as part:
            only = part.leaves[0] if len(part.leaves) == 1 else None
            if isinstance(only, Leaf) and only.inside is None and not only.path:
                yield hide.row(place, label, str(only.value), depth=depth, how=leaf.how)
                return
            yield Row(depth=depth, label=label, how=leaf.how)
            outer, hide.secrets = hide.secrets, secret_paths(part.tree)
            yield from _part(part, hide, place, depth + 1)
            hide.secrets = outer
        case None if leaf.how == "empty":
            yield Row(depth=depth, label=label, text=value)
        case None:
            name = str(leaf.path[-1]) if leaf.path else label
            plain = value if not leaf.path and kind == "text" else scalar(leaf.value, kind)
            safe = text.redact_field(name, plain, hide.salt).text
            yield hide.row(place, label, plain, safe=safe, depth=depth)


def _file(file: Opaque, label: str, depth: int, how: str = "") -> Row:
    name = f"{text.clean(file.name)}\n" if file.name else ""
    what = f"{text.clean(file.media_type)}, {size(file.size)}\nSHA-256 {file.sha256}"
    return Row(depth=depth, label=label, how=how, text=f"{name}{what}", file=True)


def _folded(row: Row, most: int = LONG, most_lines: int = LONG_LINES) -> Row:
    """With how it begins, where it has more than `most` characters or `most_lines` lines."""
    words = row.text or ""
    breaks = words.count("\n")
    if row.file or (len(words) <= most and breaks < most_lines):
        return row
    peek = "\n".join(words[: PEEK if most > SAID else 72].split("\n")[: min(4, most_lines)])
    return replace(row, size=size(text.utf8_len(words)), peek=f"{peek}…")


def _split(rows: Sequence[Row]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """What stands on the page, and what is folded; not for the sake of a few lines."""
    used = 0
    for at, row in enumerate(rows):
        used += row.lines
        if used > FOLD_LINES and at:
            if sum(one.lines for one in rows[at:]) <= 6:
                break
            return tuple(rows[:at]), tuple(rows[at:])
    return tuple(rows), ()


def _kind(part: Part, http: Http | None) -> str:
    if http is not None and opens(http):
        return OPENS
    if http is not None and not http.body and http.body_complete:
        return "no body"
    length = f", {size(len(http.body))}" if http is not None else ""
    return f"{_KINDS.get(part.kind, part.kind)}{length}"


def _bytes(request: Request, hide: _Hide) -> Bytes | None:
    summary = cards.summarised(request.digest)
    http = request.http
    if http is None:
        data, kind, line = (request.payload or "").encode(errors="surrogatepass"), None, ""
    else:
        kinds = [value for name, value in http.headers if name.lower() == "content-type"]
        kind = kinds[0] if len(kinds) == 1 and not summary else None
        data, line = http.body, f"{http.method} {http.url}"
    cut = http is not None and not http.body_complete and not summary
    secret = any(place.partition(".")[0] in _BOUND for place in hide.places)
    if len(data) > SCANNED:
        secret = True
    elif not secret:
        plain = text.decode(data, kind) or data.decode("latin-1")
        secret = text.redact(f"{line}\n{plain}", hide.salt).changed
    place = BYTES if secret else ""
    if secret:
        hide.places[BYTES] = "all of its bytes"
    see = not secret or hide.show == BYTES
    raw = text.show_bytes(data, kind) if see else text.Shown("", False)
    title = (
        "Payload" if http is None else "The gateway's summary of the body" if summary else "Body"
    )
    return Bytes(
        title=title,
        size=size(len(data)),
        text=raw.text,
        binary=raw.binary,
        place=place,
        shown=secret and see,
        cut=cut,
        line=text.clean(line) if see else "",
    )


def _compared(
    request: Request, reading: Reading, before: tuple[Request, Reading], salt: bytes
) -> tuple[tuple[Changed, ...], str]:
    """What is different, line by line, and what cannot be told."""
    old, old_cut = _outline(*before, salt)
    new, new_cut = _outline(request, reading, salt)
    if old == new and not (old_cut or new_cut):
        return (), "It says the same as before; its bytes or the agent's words may differ."
    if len(old) + len(new) > COMPARED:
        return (), "Too much of it is different to be listed here. Read it as if it were new."
    found = tuple(
        Changed(sign=line[:1], text=line[1:])
        for line in list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]
        if not line.startswith("@@")
    )
    if old_cut or new_cut:
        return found, "It holds values that are too long to be compared. Read all of it again."
    return found, ""


def _outline(request: Request, reading: Reading, salt: bytes) -> tuple[list[str], bool]:
    what = cards.bound(request, reading, salt=salt)
    facts = [
        f"{text.clean(fact.label)}: "
        f"{text.clean(text.redact_field(fact.label, fact.value, salt).text)}"
        for fact in request.facts
    ]
    title = [text.safe(request.title, salt)] if request.title else []
    return [*title, *facts, what.line, *what.text.split("\n")], what.left_out > 0


_BOUND: Final = ("address", "query", "body", "action")
_KINDS: Final = {
    "none": "no body", "json": "JSON", "ndjson": "JSON lines", "xml": "XML", "yaml": "YAML",
    "opaque": "a file", "multipart": "form with files", "parts": "upload in parts",
}  # fmt: skip
