"""Bytes as text, or as something that is only named: charsets, and kinds of files. Pure, linear."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from approvals.reading.values import UNCLEAR, Leaf, Opaque, Part, Path


def text_of(body: bytes) -> str | None:
    """Bytes as UTF-8 text; None for what is no text (a NUL, broken UTF-8)."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def text_in(body: bytes, charset: str) -> str | None:
    """Bytes in a charset that servers, browsers and mail programs decode alike; else None.

    Where the name means different charsets to them, only bytes count on which all agree: browsers
    take both `us-ascii` and `iso-8859-1` for windows-1252
    (https://encoding.spec.whatwg.org/#names-and-labels). UTF-7 is no charset to most of them.
    """
    codec = _CHARSETS.get(charset.strip().lower())
    if codec is None or (codec == "latin-1" and _C1.search(body)):
        return None
    if codec == "utf-16" and body[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return None
    try:
        text = body.decode(codec)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def opaque(body: bytes, media_type: str, name: str | None = None, path: Path = ()) -> Opaque:
    """Bytes that are only named. Without a media type it is told by their first bytes."""
    return Opaque(
        media_type=media_type or sniffed(body) or "application/octet-stream",
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        name=name,
        path=path,
    )


def undecoded(kind: str, body: bytes, why: str, media_type: str = "") -> Part:
    """A body that servers may take apart in more than one way: the bytes as they stand."""
    text = text_of(body)
    shown = opaque(body, media_type) if text is None else Leaf((), text)
    return Part(kind=kind, leaves=(shown,), tree=UNCLEAR, unclear=why, undecoded=why)


def sniffed(body: bytes) -> str | None:
    """The media type that the first bytes of a file tell; None where they tell none."""
    if body.startswith(_ANY_MAGIC):
        return next(kind for magic, kind in _MAGICS if body.startswith(magic))
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    return "video/mp4" if body[4:8] == b"ftyp" else None


_C1: Final = re.compile(rb"[\x80-\x9f]")
_CHARSETS: Final = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "utf-16": "utf-16",
    "iso-8859-1": "latin-1", "latin1": "latin-1", "iso-8859-15": "iso8859-15",
    "windows-1252": "cp1252",
}  # fmt: skip
_MAGICS: Final = (
    # https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern and the formats' own pages.
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x7fELF", "application/x-elf"),
    (b"MZ\x90\x00", "application/x-msdownload"),
    (b"\x00asm", "application/wasm"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"PAR1", "application/vnd.apache.parquet"),
)
_ANY_MAGIC: Final = tuple(magic for magic, _ in _MAGICS)
