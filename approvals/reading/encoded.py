"""Text inside text: base64, JSON in a string, percent-escapes, compressed. Pure, bounded.

Law 14: text that is encoded is decoded and shown, or it counts as not shown. `look` answers for one
string: what it says once decoded, or nothing where it is plain.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from approvals.reading.body import opaque, text_of
from approvals.reading.json_text import read_json
from approvals.reading.values import Leaf, Opaque, Part

SHORTEST: Final = 16
"""Characters that base64 must have to be looked at: twelve bytes are all printable by chance once
in a hundred thousand words."""
LONGEST_NAME: Final = 128
"""Longer base64 that is no text is a file, not an id or a hash."""
DEEPEST: Final = 3
"""Layers of encoding that are undone; a further one counts as not shown."""


def look(text: str, depth: int = 0) -> tuple[Part | Opaque, str] | None:
    """What this text says once decoded, and how it was encoded; None where it is plain."""
    if len(text) < SHORTEST:
        return None
    if text[0] in "{[" and text.rstrip()[-1] in "}]":
        part = read_json(text)
        return None if part.unclear else (part, "JSON in a text")
    if _BASE64.fullmatch(text):
        return _base64(text, depth)
    return None


def text_part(text: str, depth: int = 0) -> Part:
    """A decoded text as a part: what it says itself once decoded again, up to `DEEPEST` layers."""
    again = look(text, depth + 1)
    if again is None:
        return Part(kind="text", leaves=(Leaf((), text),))
    if depth + 1 >= DEEPEST:
        why = "It holds text that is encoded several times over."
        return Part(kind="text", leaves=(Leaf((), text),), undecoded=why)
    return Part(kind="text", leaves=(Leaf((), text, *again),))


_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/_-]{4}|[\r\n]){4,}[A-Za-z0-9+/_-]{0,3}={0,2}\s?")


def _base64(text: str, depth: int) -> tuple[Part | Opaque, str] | None:
    plain = text.translate({10: None, 13: None}).strip().rstrip("=")
    plain = plain.replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    said = text_of(raw)
    if said is not None and all(char.isprintable() or char in "\r\n\t" for char in said):
        return text_part(said, depth), "base64"
    if len(plain) > LONGEST_NAME:
        return opaque(raw, ""), "base64"
    return None
