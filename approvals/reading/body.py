"""A body, by what its headers say it is. Pure: one table from media type to reader.

What no reader knows is text where it is UTF-8, and opaque otherwise. Adding a kind is a function
`(body, type, name) -> Part` and a line in `_KINDS`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from approvals.reading.aws_chunked import read_chunked
from approvals.reading.content import opaque, text_in, text_of
from approvals.reading.forms import read_pairs
from approvals.reading.git import FETCH, PUSH, read_fetch, read_push
from approvals.reading.headers import ContentType, Headers, content_type, named
from approvals.reading.json_text import NOT_JSON, read_json, read_lines
from approvals.reading.mail import read_mail
from approvals.reading.multipart import read_form, read_related
from approvals.reading.values import LARGEST, MAX_LEAVES, UNCLEAR, Leaf, Part
from approvals.reading.xml import read_xml
from approvals.reading.yaml_text import read_yaml

LARGEST_TEXT: Final = 16 * 1024 * 1024
"""Bytes of JSON with few values: an attachment of 10 MiB in base64 (Gmail takes 25 MB, Graph 4)."""

Reader = Callable[[bytes, ContentType], Part]


def read_body(body: bytes, headers: Headers, *, complete: bool = True) -> Part:
    """What a body says. Never raises."""
    kind = content_type(headers)
    if not complete and kind.media_type == PUSH and kind.unclear is None:
        return read_push(body, complete=False)
    if not complete:
        return _as_it_is(body, kind, "Part of it was never received.")
    codings = [value.strip().lower() for value in named(headers, "content-encoding")]
    coding = ",".join(one for one in codings if one not in ("", "identity"))
    if "aws-chunked" in coding:
        return _chunked(body, headers, kind, coding)
    if coding:
        return _unpacked(body, kind, coding)
    if not body:
        return Part(kind="none")
    if kind.charset and kind.media_type.startswith("text/") and not kind.is_json:
        return _in_charset(body, kind)
    if kind.unclear:
        return _as_it_is(body, kind, kind.unclear)
    part = read_typed(body, kind)
    return _unsaid(part, body, kind) if part.kind in ("text", "opaque") else part


def read_typed(body: bytes, kind: ContentType) -> Part:
    """A body or a part of one, whose type is clear."""
    reader = _KINDS.get(kind.media_type)
    if reader is None and kind.is_json:
        reader = _json
    if reader is None and kind.media_type.endswith(("/xml", "+xml")):
        reader = _xml
    if reader is None:
        return _as_it_is(body, kind, None)
    large = len(body) > LARGEST and kind.media_type not in _ANY_SIZE
    if large and not (reader is _json and _few(body)):
        return _as_it_is(body, kind, "It is too large to be taken apart.")
    return reader(body, kind)


def _few(body: bytes) -> bool:
    """Can these bytes hold few values only, as where a mail or a file stands in a text?"""
    return len(body) <= LARGEST_TEXT and sum(map(body.count, (b",", b"[", b"{"))) <= MAX_LEAVES


def _unsaid(part: Part, body: bytes, kind: ContentType) -> Part:
    """Text whose type does not say what many servers make of it.

    Flask, Django, Starlette, PHP and Go's programs read JSON whatever the type says; Rack reads a
    form where none is said (rack 2.2, `Request#form_data?`).
    """
    if part.unclear is not None:
        return part
    head = body[:_HEAD].replace(b"\0", b"")
    like = _MAYBE_JSON.match(head) is not None
    if not kind.media_type and _is_utf8(body) and not (like and not re.search(b"[=&]", body)):
        why = "It does not say what it is; some servers read it as a form."
        return _as_it_is(body, kind, why)
    if not like:
        return part
    if len(body) > LARGEST:
        return _as_it_is(body, kind, "It is too large to be taken apart.")
    text = text_of(body)
    found = Part(kind="text", unclear=NOT_JSON) if text is None else read_json(text)
    if found.unclear == NOT_JSON:
        why = "It looks like JSON that only some servers can read."
        strange = not kind.media_type or _LIKE_JSON.match(head)
        return _as_it_is(body, kind, why) if strange else part
    return found


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


_HEAD: Final = 4096
_BEFORE: Final = rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?(?>(?:\s|/\*[^*]*+\*/|//[^\n]*+\n)*)"
_MAYBE_JSON: Final = re.compile(_BEFORE + rb"[\[{]")
_LIKE_JSON: Final = re.compile(_BEFORE + rb"(?:\{\s*[\"}/]|\[\s*[\"{\[\]/]|\[[\s0-9,.eE+-]*+/)")
"""Ruby's parser skips comments and unknown escapes, Node's and Go's mend broken UTF-8, Python's
knows UTF-16 and UTF-32; `[2026-11-28] a line of a log` is none of it."""


def _text(read: Callable[[str], Part]) -> Reader:
    """A reader of texts, for bodies that are UTF-8."""

    def reader(body: bytes, kind: ContentType) -> Part:
        text = text_of(body)
        return _as_it_is(body, kind, "It is not UTF-8.") if text is None else read(text)

    return reader


_json = _text(read_json)
_xml = _text(read_xml)
_yaml = _text(read_yaml)


def _chunked(body: bytes, headers: Headers, kind: ContentType, coding: str) -> Part:
    others = [one.strip() for one in coding.split(",")]
    others.remove("aws-chunked") if "aws-chunked" in others else others.append(coding)
    return read_chunked(body, headers, kind, read_typed, packed=",".join(others))


def _in_charset(body: bytes, kind: ContentType) -> Part:
    """A text in a charset of which everybody knows what it says; only shown, never a value."""
    text = text_in(body, kind.charset or "")
    if text is None or kind.media_type in _KINDS or kind.media_type.endswith("xml"):
        return _as_it_is(body, kind, kind.unclear)
    return Part(kind="text", leaves=(Leaf((), text),))


def _as_it_is(body: bytes, kind: ContentType, unclear: str | None) -> Part:
    text = text_of(body)
    if text is None and kind.charset:
        text = text_in(body, kind.charset)
    tree: Any = UNCLEAR if unclear else {}
    if text is None:
        leaf = opaque(body, kind.media_type)
        return Part(kind="opaque", leaves=(leaf,), tree=tree, unclear=unclear)
    leaves = (Leaf((), text),) if text else ()
    return Part(kind="text", leaves=leaves, tree=tree, unclear=unclear)


def _unpacked(body: bytes, kind: ContentType, coding: str) -> Part:
    """Of compressed bodies only JSON and git's (which compresses its fetches) are read: to a server
    that does not unpack them, they are neither."""
    if coding != "gzip" or not (kind.is_json or kind.media_type == FETCH) or kind.unclear:
        return _as_it_is(
            body, kind, f"It is compressed ({coding[:40]}); not all servers undo that."
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, LARGEST)
    except zlib.error:
        return _as_it_is(body, kind, "It says that it is compressed, but it is not.")
    if not unpacker.eof or unpacker.unused_data:
        return _as_it_is(body, kind, "It is compressed and too large, or something follows it.")
    return read_typed(plain, kind)


_KINDS: Final[Mapping[str, Reader]] = {
    "application/x-www-form-urlencoded": lambda body, _: read_pairs(body, kind="form"),
    "application/x-ndjson": _text(read_lines),
    "application/jsonl": _text(read_lines),
    "application/x-json": _json,
    "text/x-json": _json,
    "application/x-amz-json-1.0": _json,
    "application/x-amz-json-1.1": _json,
    "application/yaml": _yaml,
    "application/x-yaml": _yaml,
    "application/apply-patch+yaml": _yaml,
    "text/yaml": _yaml,
    "text/x-yaml": _yaml,
    PUSH: lambda body, _: read_push(body),
    FETCH: lambda body, _: read_fetch(body),
    "message/rfc822": lambda body, _: read_mail(body),
    "multipart/form-data": lambda body, kind: read_form(body, kind, read_typed),
    "multipart/related": lambda body, kind: read_related(body, kind, read_typed),
    "multipart/mixed": lambda body, kind: read_related(body, kind, read_typed),
}
_ANY_SIZE: Final = frozenset(
    (PUSH, FETCH, "message/rfc822", "multipart/form-data", "multipart/related", "multipart/mixed")
)
"""Types whose readers look at the head of a body only, or leave large parts opaque."""
