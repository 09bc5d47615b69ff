"""An HTTP request inside a part of a batch (`application/http`, RFC 9112 section 10). Pure, linear.

Google's and OData's batches send theirs so:
https://developers.google.com/workspace/gmail/api/guides/batch ·
https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part1-protocol.html#sec_MultipartBatchFormat
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from approvals.reading.headers import ContentType
from approvals.reading.mime import Head, read_head, typed
from approvals.reading.target import read_target
from approvals.reading.values import LARGEST, Doubtful, Leaf, Opaque, Part, under

Typed = Callable[[bytes, ContentType], Part]
"""`body.read_typed`: what a body of a given type says."""

CALL: Final = "application/http"


def read_call(raw: bytes, read_typed: Typed, *, eol: bytes) -> Part:
    """One request: `method`, `url`, `headers` by name in lower case, and `body`, its values.

    `eol`: the line end of the whole batch. Raises Doubtful where servers may read another request.
    """
    line, found, rest = raw.partition(eol)
    asked = _REQUEST.fullmatch(line)
    if not found or asked is None:
        raise Doubtful("It does not begin with a method and an address.")
    method, url = asked[1].decode(), asked[2].decode()
    head, content = read_head(rest, eol=eol, folds=False) if rest else (Head((), eol), b"")
    names = [name.lower() for name, _ in head.fields]
    if len(set(names)) != len(names):
        raise Doubtful("It has a header twice.")
    if "transfer-encoding" in names or "content-encoding" in names:
        raise Doubtful("Its body is encoded, which not all servers undo.")
    where = url if url[:4].lower() == "http" else f"https://batch.invalid/{url.lstrip('/')}"
    if (doubt := read_target(method, where, head.fields, body=bool(content)).unclear) is not None:
        raise Doubtful(doubt)
    headers = {name.lower(): value for name, value in head.fields}
    body = _body(_whole(content, headers.get("content-length")), headers, read_typed)
    leaves: list[Leaf | Opaque] = [Leaf(("method",), method), Leaf(("url",), url)]
    leaves += [Leaf(("headers", name), value) for name, value in headers.items()]
    leaves += [under(("body",), leaf) for leaf in body.leaves]
    tree: dict[str, Any] = {"method": method, "url": url, "headers": headers, "body": body.tree}
    return Part(kind="call", leaves=tuple(leaves), tree=tree, undecoded=body.undecoded)


def _whole(content: bytes, length: str | None) -> bytes:
    """The body; line ends behind one that says its length belong to nothing."""
    if length is None:
        return b"" if not content.strip(b"\r\n") else content
    size = int(length[:9]) if length.isdecimal() else len(content) + 1
    if size > len(content) or content[size:].strip(b"\r\n"):
        raise Doubtful("Its body is not as long as it says.")
    return content[:size]


def _body(content: bytes, headers: dict[str, str], read_typed: Typed) -> Part:
    if not content:
        return Part(kind="none", tree=None)
    given = headers.get("content-type")
    kind = ContentType("") if given is None else typed(given, escapes=False)
    if kind.media_type.startswith("multipart/") or len(content) > LARGEST:
        raise Doubtful("Its body has parts of its own, or is too large to be taken apart.")
    if kind.parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Doubtful("Its body is not UTF-8.")
    if not kind.media_type:
        raise Doubtful("Its body does not say what it is.")
    part = read_typed(content, kind)
    if part.unclear is not None:
        raise Doubtful(part.unclear)
    return part


_REQUEST: Final = re.compile(rb"([A-Z]{1,20}) ([!-~]{1,8000})(?: HTTP/1\.[01])?")
