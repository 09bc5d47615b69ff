"""Uploads in aws-chunked: the content around which a client wrote sizes and signatures. Pure.

The format: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and, with trailing
headers, …/sigv4-streaming-trailers.html (read 28 November 2026). Clear is what has the length that
`x-amz-decoded-content-length` says, in chunks that are as long as they say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from approvals.reading.content import opaque, sniffed, text_of, undecoded
from approvals.reading.headers import ContentType, Headers, named
from approvals.reading.values import LARGEST, Leaf, Opaque, Part

MAX_CHUNKS: Final = 10_000
"""64 kB each, as the SDKs make them, are 640 MB."""


def read_chunked(
    body: bytes,
    headers: Headers,
    kind: ContentType,
    read_typed: Callable[[bytes, ContentType], Part],
    *,
    packed: str = "",
) -> Part:
    """The content (`content`), as its content type says, and each trailer. Never raises.

    `packed`: another coding of the content, which the store keeps: then it is only named.
    """
    why = _headers(headers)
    found = _taken_apart(body) if why is None else None
    sizes = named(headers, "x-amz-decoded-content-length")
    if found is None or sizes != [str(len(found[0]))]:
        why = why or "It says that it is sent in chunks, but they are malformed."
        return undecoded("aws-chunked", body, why, kind.media_type)
    content, trailers, signatures = found
    leaves = [_content(content, kind, read_typed, packed)]
    leaves += [Leaf(("trailer", name), value) for name, value in trailers]
    if signatures:
        leaves.append(Leaf(("signatures",), f"{signatures} chunks are signed"))
    tree = {"size": len(content), "trailer": dict(trailers)}
    return Part(kind="aws-chunked", leaves=tuple(leaves), tree=tree)


def _content(
    content: bytes,
    kind: ContentType,
    read_typed: Callable[[bytes, ContentType], Part],
    packed: str,
) -> Leaf | Opaque:
    text = None if packed or len(content) > LARGEST else text_of(content)
    if text is None:
        media_type = kind.media_type
        if media_type in _UNTOLD:
            media_type = sniffed(content) or media_type
        return opaque(content, media_type, None, ("content",))
    inside = read_typed(content, kind) if content and kind.unclear is None else None
    if inside is None or inside.unclear or inside.kind in ("text", "opaque"):
        return Leaf(("content",), text)
    return Leaf(("content",), text, inside, inside.kind)


def _headers(headers: Headers) -> str | None:
    """Why a store might take the chunks themselves for the content."""
    stated = named(headers, "x-amz-content-sha256")
    if len(stated) != 1 or not stated[0].strip().startswith("STREAMING-"):
        return "It is aws-chunked, but its headers do not say so to every server."
    return None


def _taken_apart(body: bytes) -> tuple[bytes, list[tuple[str, str]], int] | None:
    """The content, the trailers, and how many chunks are signed; None where it is not well formed.

    One CRLF each: after a chunk's size, its bytes, each trailer, and at the end.
    """
    pieces: list[bytes] = []
    at = signatures = 0
    while True:
        end = body.find(b"\r\n", at, at + 200)
        head = _CHUNK.fullmatch(body, at, end) if end >= 0 else None
        if head is None or len(pieces) > MAX_CHUNKS:
            return None
        size, start = int(head[1], 16), end + 2
        signatures += head[2] is not None
        if size == 0:
            break
        at = start + size + 2
        if body[at - 2 : at] != b"\r\n":
            return None
        pieces.append(body[start : at - 2])
    trailers: dict[str, str] = {}
    rest = body[start:]
    if rest[-2:] != b"\r\n" or len(rest) > 8 * 1024:
        return None
    lines = rest[:-2].split(b"\r\n")
    if lines[-1] == b"":  # the empty line at the end, which not all clients write
        lines.pop()
    for line in lines:
        found = _TRAILER.fullmatch(line)
        if found is None or found[1].decode().lower() in trailers:
            return None
        trailers[found[1].decode().lower()] = found[2].decode()
    if signatures and signatures != len(pieces) + 1:
        return None
    return b"".join(pieces), list(trailers.items()), signatures


_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;chunk-signature=([0-9a-f]{64,150}))?")
_TRAILER: Final = re.compile(
    rb"(x-amz-[a-z0-9-]{1,60}):([A-Za-z0-9+/=._ -]{1,1024})", re.IGNORECASE
)
_UNTOLD: Final = ("", "application/octet-stream", "binary/octet-stream")
