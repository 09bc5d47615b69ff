"""Multipart bodies: forms with files, and the parts of an upload. Pure, linear.

Clear is what PHP, Rack, Express (busboy), werkzeug, Django, Starlette and Go read as the same
fields and files. RFC 7578: names in plain ASCII quotes, CRLF, nothing before, between and after.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from approvals.reading.calls import CALL, Typed, read_call
from approvals.reading.content import opaque, text_of, undecoded
from approvals.reading.forms import MAX_PAIRS, read_fields, steps
from approvals.reading.headers import ContentType
from approvals.reading.mime import Head, parameters, read_head, split, typed
from approvals.reading.values import (
    LARGEST,
    UNCLEAR,
    Doubtful,
    Leaf,
    Meaning,
    Opaque,
    Part,
    Path,
    Reading,
)

MAX_PARTS: Final = 100
"""Parts of an upload that is not a form."""


def read_form(body: bytes, kind: ContentType, read_typed: Typed) -> Part:
    """multipart/form-data. Text fields as in a form; a file in the tree is an `Opaque`, also where
    its text is shown (a leaf `<field>`, with its name at `<field>.filename`). Never raises."""
    try:
        return _form(_pieces(body, kind, MAX_PAIRS), read_typed)
    except Doubtful as doubt:
        return undecoded("multipart", body, str(doubt))


def read_related(body: bytes, kind: ContentType, read_typed: Typed) -> Part:
    """multipart/related and multipart/mixed: parts by number, from 1. Never raises.

    The tree maps the number, as text, to what a part says: the values of JSON, the text of a text,
    a call's `method`, `url`, `headers` and `body` (`calls`), an `Opaque` for all else.
    """
    try:
        leaves, tree = _parts(body, kind, read_typed, outermost=True)
        return Part(kind="parts", leaves=tuple(leaves), tree=tree)
    except Doubtful as doubt:
        return undecoded("parts", body, str(doubt))


def _parts(
    body: bytes, kind: ContentType, read_typed: Typed, *, outermost: bool
) -> tuple[list[Leaf | Opaque], dict[str, Any]]:
    """`outermost`: a part may be a multipart/mixed of its own, as OData's change sets are."""
    mixed = kind.media_type == "multipart/mixed"
    # Python's and so Google's client ends its lines with LF alone.
    eol = b"\n" if mixed and b"\r" not in body else b"\r\n"
    leaves: list[Leaf | Opaque] = []
    tree: dict[str, Any] = {}
    for number, (head, content) in enumerate(_pieces(body, kind, MAX_PARTS, eol=eol), 1):
        path: Path = (str(number),)
        found = typed(head.only("content-type") or "text/plain", escapes=False)
        encoding = head.only("content-transfer-encoding") or "binary"
        if encoding.lower() not in _AS_IT_IS:
            raise Doubtful("One of its parts is encoded, which not all servers undo.")
        leaves += [
            Leaf((*path, name.lower()), value)
            for name, value in head.fields
            if name.lower() != "content-transfer-encoding"
        ]
        shown: list[Leaf | Opaque]
        if mixed and found.media_type == CALL:
            call = read_call(content, read_typed, eol=eol)
            said = f"{call.tree['method']} {call.tree['url']}"
            shown, tree[str(number)] = [Leaf(path, said, call, "a call")], call.tree
        elif mixed and outermost and found.media_type == "multipart/mixed":
            inner, tree[str(number)] = _parts(content, found, read_typed, outermost=False)
            inside = Part(kind="parts", leaves=tuple(inner), tree=tree[str(number)])
            shown = [Leaf(path, f"{len(tree[str(number)])} parts", inside, "parts")]
        else:
            shown, tree[str(number)] = _content(content, found, path, read_typed, name=None)
        leaves += shown
    return leaves, tree


def upload(reading: Reading) -> Meaning | None:
    """A file sent with its metadata in one request (multipart/related): `upload.metadata`, the
    values of its JSON; `upload.type`, and `upload.text` where it is one."""
    body = reading.body
    if body.kind != "parts":
        return None
    names = ("metadata", "type", "text")
    if body.unclear is not None:
        return Meaning(name="upload", values=dict.fromkeys(names, UNCLEAR))
    about, content = body.tree.get("1"), body.tree.get("2")
    if len(body.tree) != 2 or not isinstance(about, Mapping):
        return None
    types = [leaf.value for leaf in body.leaves if isinstance(leaf, Leaf) and leaf.path == _TYPE]
    text = content if isinstance(content, str) else None
    values = {"metadata": about, "type": types[0] if types else "", "text": text}
    return Meaning(name="upload", values=values)


def _pieces(
    body: bytes, kind: ContentType, most: int, *, eol: bytes = b"\r\n"
) -> list[tuple[Head, bytes]]:
    before, pieces, after = split(body, kind.parameters.get("boundary", ""), eol=eol, most=most)
    if before or after:
        raise Doubtful("Something stands before its first part or after its last one.")
    if body.startswith(eol):
        raise Doubtful("An empty line stands before its first part.")
    return [read_head(piece, eol=eol, folds=False) for piece in pieces]


def _form(pieces: list[tuple[Head, bytes]], read_typed: Typed) -> Part:
    fields = [_field(head, content) for head, content in pieces]
    pairs = [(name, _FILE if text is None else text) for name, text, _, _ in fields]
    part = read_fields("multipart", pairs)
    if part.unclear is not None:
        raise Doubtful(part.unclear)
    leaves: list[Leaf | Opaque] = []
    for (_, content), (name, text, filename, media), leaf in zip(
        pieces, fields, part.leaves, strict=True
    ):
        if text is not None:
            leaves.append(leaf)
            continue
        path: Path = tuple(steps(name) or (name,))
        shown, _ = _content(content, media, path, read_typed, name=filename)
        file = shown[0]
        if not isinstance(file, Opaque):
            leaves.append(Leaf((*path, "filename"), filename or ""))
            leaves.append(Leaf((*path, "content-type"), media.media_type))
            file = opaque(content, media.media_type, filename, path)
        leaves += shown
        _put(part.tree, name, file, part.repeated)
    return Part(kind="multipart", leaves=tuple(leaves), tree=part.tree, repeated=part.repeated)


def _field(head: Head, content: bytes) -> tuple[str, str | None, str | None, ContentType]:
    """Name, text (None: it is a file), file name, type."""
    headers = {name.lower(): value for name, value in head.fields}
    if len(headers) != len(head.fields) or not headers.keys() <= _HEADERS:
        raise Doubtful("A part has a header twice, or one that not all servers know.")
    if headers.get("content-length", str(len(content))) != str(len(content)):
        raise Doubtful("A part is not as long as it says.")
    if headers.get("content-transfer-encoding", "binary").lower() not in _AS_IT_IS:
        raise Doubtful("One of its parts is encoded, which not all servers undo.")
    given, found = parameters(headers.get("content-disposition", ""), escapes=False)
    if given != "form-data" or "name" not in found or set(found) - {"name", "filename"}:
        raise Doubtful("A part is not named the way a form names its fields.")
    if any(_PERCENT.search(name) for name in found.values()):
        raise Doubtful("A name holds percent-escapes, which some servers undo.")
    told = headers.get("content-type")
    plain = ContentType("text/plain")
    media = plain if told is None else typed(told, escapes=False)
    charset = media.parameters.get("charset", "utf-8").lower()
    if "filename" in found:
        if found["filename"].strip() in ("", ".", "..") or re.search("[/:]", found["filename"]):
            raise Doubtful("A file's name is empty or a path, which servers shorten differently.")
        if told is None:
            media = ContentType("application/octet-stream")
        return found["name"], None, found["filename"], media
    if media.media_type not in ("text/plain", "application/json"):
        raise Doubtful(
            "A part without a file name has a file's type, which servers read differently."
        )
    text = text_of(content)
    if text is None or charset not in ("utf-8", "utf8"):
        raise Doubtful("A field is not UTF-8 text.")
    return found["name"], text, None, media


def _content(
    content: bytes, kind: ContentType, path: Path, read_typed: Typed, *, name: str | None
) -> tuple[list[Leaf | Opaque], Any]:
    """The leaf that shows a part, and its value in a tree."""
    charset = kind.parameters.get("charset", "utf-8").lower()
    textual = kind.media_type.startswith("text/") or kind.media_type in _TEXTUAL or kind.is_json
    if kind.media_type == "message/rfc822":
        inside = read_typed(content, kind)
        return [Leaf(path, f"{len(content):,} bytes", inside, "a mail")], inside.tree
    readable = textual and charset in ("utf-8", "utf8", "us-ascii")
    text = text_of(content) if readable and len(content) <= LARGEST else None
    if text is None:
        one = opaque(content, kind.media_type, name, path)
        return [one], one
    inside = read_typed(content, kind)
    if inside.unclear is not None and name is None:
        raise Doubtful(f"In one of its parts: {inside.unclear}")
    if inside.unclear is not None or inside.kind in ("text", "none"):
        return [Leaf(path, text)], text
    return [Leaf(path, text, inside, _WORDS.get(inside.kind, inside.kind))], inside.tree


def _put(tree: Any, name: str, value: Opaque, repeated: tuple[str, ...]) -> None:
    """A file in the place that `forms` made for it."""
    path = [str(step) for step in steps(name) or (name,)]
    listed = path[-1] == "" and len(path) > 1
    path = path[:-1] if listed else path
    for step in path[:-1]:
        tree = tree[step]
    if listed and isinstance(tree[path[-1]], list):
        items = tree[path[-1]]
        items[items.index(_FILE)] = value
    else:
        tree[path[-1]] = UNCLEAR if name in repeated else value


_FILE: Final = "\0"
"""Stands for a file where `forms` is asked; no text field can hold it."""
_HEADERS: Final = frozenset(
    ("content-disposition", "content-type", "content-transfer-encoding", "content-length")
)
_TYPE: Final = ("2", "content-type")
_AS_IT_IS: Final = ("binary", "8bit", "7bit")
_PERCENT: Final = re.compile("%[0-9A-Fa-f]{2}")
_WORDS: Final = {"json": "JSON", "ndjson": "JSON, one value a line", "xml": "XML", "form": "a form"}
_TEXTUAL: Final = frozenset({
    "application/xml", "application/yaml", "application/x-yaml", "application/toml",
    "application/javascript", "application/sql", "application/x-sh", "application/x-ndjson",
    "application/jsonl", "image/svg+xml", "application/graphql",
})  # fmt: skip
