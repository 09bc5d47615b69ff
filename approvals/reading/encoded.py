"""Text inside text: base64, hex, JSON in a string, escapes, compressed. Pure, linear, bounded.

Law 14: encoded text is decoded and shown, or it counts as not shown. `look` takes one string and
gives what it says once decoded, or None where it is plain. Ids, hashes, paths and words count as
plain: only what decodes to text counts as encoded, and they do so by chance about once in a hundred
thousand times.
"""

from __future__ import annotations

import binascii
import json
import operator
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

from approvals.reading.content import opaque, sniffed, text_in, text_of
from approvals.reading.json_text import read_json
from approvals.reading.values import LARGEST, Leaf, Opaque, Part, Path, under

Found: TypeAlias = tuple[Part | Opaque, str]
"""What a text says, and how it was encoded, in plain words."""

SHORTEST: Final = 16
"""Characters that base64 without `=` must have to be looked at, also within a longer text."""
SHORTEST_PADDED: Final = 8
"""The same with `=` at its end, which words and ids do not have."""
LONGEST_NAME: Final = 128
"""Longer base64 that is no text is a file, not an id or a hash."""
LONGEST_HEX: Final = 512
"""Longer hex that is no text is a file, not a hash or a signature."""
DEEPEST: Final = 3
"""Layers of encoding that are undone; a further one counts as not shown."""
GROWTH: Final = 8
"""How many times longer a compressed text may become when unpacked, and only one layer of it: a
small request must not make a lot of work."""
MOST_WITHIN: Final = 100
"""Encoded words that are shown of one text."""
MOST_WORDS: Final = 5_000
"""Words of a text that are tried; one with more long words may hide what is encoded in it."""
_TOO_MANY: Final = "It holds too many words that may be encoded."
_TOO_DEEP: Final = "It holds text that is encoded several times over."


def look(text: str, depth: int = 0) -> Found | None:
    """What this text says once decoded, and how it was encoded; None where it is plain."""
    if len(text) < SHORTEST_PADDED or depth > DEEPEST:
        return None
    found = _as_json(text, depth) if text[0] in '{["' else None
    if found is None and _BASE64.fullmatch(text):
        # One word: an id, a hash or a path, if it is not encoded.
        return _hex(text, depth) if _HEX.fullmatch(text) else _base64(text, depth)
    if found is None and text[:5].lower() == "data:":
        found = _data_url(text, depth)
    if found is None and text[:3] == "eyJ" and _JWT.match(text):
        found = _jwt(text, depth)
    if found is None and ("%" in text or "&#" in text or "\\" in text):
        found = _escaped(text, depth)
    return found or _within(text, depth)


def looked(part: Part, inside: Mapping[Path, Part | Opaque], depth: int = 0) -> Part:
    """The same part with what its texts say, those of its inner parts too.

    `inside`: what readers know already, by the path of a leaf.
    """
    if part.unclear is not None:
        return part
    leaves: list[Leaf | Opaque] = []
    undecoded = part.undecoded
    for leaf in part.leaves:
        value = leaf.value if isinstance(leaf, Leaf) else None
        long = isinstance(value, str) and len(value) >= SHORTEST_PADDED
        if not isinstance(leaf, Leaf) or not (long or inside or leaf.inside):
            leaves.append(leaf)
            continue
        found = _known(leaf, inside.get(leaf.path, leaf.inside), depth)
        if found is not None and depth >= DEEPEST:
            found, undecoded = None, _TOO_DEEP
        leaves.append(leaf if found is None else leaf._replace(inside=found[0], how=found[1]))
    if undecoded == part.undecoded and all(map(operator.is_, leaves, part.leaves)):
        return part
    return replace(part, leaves=tuple(leaves), undecoded=undecoded)


_CALLED: Final = {
    "mail": "a mail", "sql": "SQL", "graphql": "GraphQL", "shell": "commands", "diff": "changes",
}  # fmt: skip


def _known(leaf: Leaf, inside: Part | Opaque | None, depth: int) -> Found | None:
    if inside is not None:
        how = leaf.how or _CALLED.get(getattr(inside, "kind", ""), "decoded")
        return looked(inside, {}, depth) if isinstance(inside, Part) else inside, how
    if not isinstance(leaf.value, str) or leaf.how == "empty":
        return None
    return look(leaf.value, depth)


def text_part(text: str, depth: int = 0) -> Part:
    """A decoded text as a part: what it says itself once decoded again, up to `DEEPEST` layers."""
    again = look(text, depth + 1)
    if again is not None and depth + 1 >= DEEPEST:
        return Part(kind="text", leaves=(Leaf((), text),), undecoded=_TOO_DEEP)
    return Part(kind="text", leaves=(Leaf((), text, *(again or ())),))


def base64_bytes(text: str) -> bytes | None:
    """The bytes of base64 or base64url of any length, with or without line breaks and `=`."""
    plain = text.translate(_BREAKS).rstrip("=")
    if len(plain) % 4 == 1 or (("-" in plain or "_" in plain) and ("+" in plain or "/" in plain)):
        return None
    try:
        padded = plain.replace("-", "+").replace("_", "/") + "=" * (-len(plain) % 4)
        return binascii.a2b_base64(padded, strict_mode=True)
    except (binascii.Error, ValueError):
        return None


def from_base64(text: str) -> Part | Opaque | None:
    """For readers that know that a value is base64: what it holds, however short it is."""
    raw = base64_bytes(text)
    if raw is None:
        return None
    said = text_of(raw)
    return opaque(raw, "") if said is None else text_part(said)


def _as_json(text: str, depth: int) -> Found | None:
    """JSON in a text; also with its quotes escaped, once more or without the outer quotes."""
    start, end = text[0], text.rstrip()[-1:]
    if (start == "{" and end == "}") or (start == "[" and end == "]"):
        part = read_json(text)
        if part.unclear is None and part.leaves:
            return looked(part, {}, depth + 1), "JSON in a text"
        if text.lstrip("{[ \t\r\n")[:2] != '\\"':
            return None
        text = f'"{text.strip()}"'
    elif not (start == end == '"'):
        return None
    try:
        inner = json.loads(text)
    except ValueError:
        return None
    if isinstance(inner, str) and (found := _as_json(inner or " ", depth)):
        return found[0], "JSON in a text, with its quotes escaped"
    return None


def _data_url(text: str, depth: int) -> Found | None:
    """https://www.rfc-editor.org/rfc/rfc2397"""
    match = _DATA_URL.match(text)
    if match is None:
        return None
    rest = text[match.end() :]
    raw = base64_bytes(rest) if match[2] else unquote_to_bytes(rest)
    if raw is None:
        return None
    media_type = match[1].lower().partition(";")[0] or "text/plain"
    said = text_of(raw)
    if said is not None and raw:
        return text_part(said, depth), f"a data: address, {media_type}"
    return opaque(raw, media_type), "a data: address"


def _jwt(text: str, depth: int) -> Found | None:
    """Header and claims of a JSON Web Token; its signature is only named."""
    head, claims, signature = text.split(".")
    leaves: list[Leaf | Opaque] = []
    for name, piece in (("header", head), ("claims", claims)):
        said = text_of(base64_bytes(piece) or b"\0")
        part = None if said is None else read_json(said)
        if part is None or part.unclear is not None:
            return None
        leaves += [under((name,), leaf) for leaf in looked(part, {}, depth + 1).leaves]
    raw = base64_bytes(signature)
    if raw is None:
        return None
    if raw:
        leaves.append(opaque(raw, "application/octet-stream", "signature", ("signature",)))
    return Part(kind="jwt", leaves=tuple(leaves)), "a JSON Web Token"


def _base64(encoded: str, depth: int) -> Found | None:
    padded = "=" in encoded[-4:]
    if len(encoded) < SHORTEST and not padded:
        return None
    raw = base64_bytes(encoded)
    if not raw or (len(raw) < 8 and not _WORDS.fullmatch(raw)):
        return None
    if (said := _said(raw, sure=padded)) is not None:
        return text_part(said, depth), "base64"
    if (wide := _wide(raw)) is not None:
        return text_part(wide, depth), "base64 of UTF-16"
    if depth == 0 and (unpacked := _unpacked(raw)) is not None:
        text = text_of(unpacked)
        inside = opaque(unpacked, "") if text is None else text_part(text, depth)
        return inside, "base64, compressed"
    if len(encoded) > LONGEST_NAME or (len(encoded) > 32 and sniffed(raw)):
        return opaque(raw, ""), "base64"
    return None


def _hex(text: str, depth: int) -> Found | None:
    marked = text[:2] in ("0x", "0X")
    digits = text[2:] if marked else text
    if len(digits) % 2 or len(digits) < (16 if marked else 32):
        return None
    raw = bytes.fromhex(digits)
    said = _said(raw, sure=False) if not digits.isdecimal() or len(digits) >= 64 else None
    if said is not None:
        return text_part(said, depth), "hexadecimal"
    if len(digits) > LONGEST_HEX:
        return opaque(raw, ""), "hexadecimal"
    return None


def _escaped(text: str, depth: int) -> Found | None:
    """Escapes of addresses, HTML and JavaScript, where they spell letters: a whole text that is
    percent-encoded, or three letters within another text, which is shown beside what they say."""
    if "%" in text and _PERCENT.search(text):
        whole = _ADDRESS.fullmatch(text) is not None
        if whole or len(_PERCENT_LETTER.findall(text)) >= 3:
            plain = text_of(unquote_to_bytes(text))
            if plain is not None and plain != text and _shown(plain):
                part = text_part(plain, depth)
                return (part if whole else _beside(text, part)), "percent-encoded"
    if text.count("&#") >= 3 and sum(map(_spells, _HTML.findall(text))) >= 3:
        return _beside(text, text_part(unescape(text), depth)), "HTML escapes"
    if text.count("\\") >= 3 and sum(map(_spells, _BACKSLASH.findall(text))) >= 3:
        plain = _BACKSLASH.sub(_character, text)
        return _beside(text, text_part(plain, depth)), "escaped characters"
    return None


def _beside(text: str, part: Part) -> Part:
    return Part(kind="text", leaves=(Leaf((), text), Leaf(("decoded",), "", part, "decoded")))


def _spells(numbers: tuple[str, str]) -> bool:
    """Does this escape (a hexadecimal or decimal number) stand for a letter or digit?"""
    code = int(numbers[0], 16) if numbers[0] else int(numbers[1], 10)
    return code < 0x110000 and chr(code).isalnum()


def _character(match: re.Match[str]) -> str:
    """What an escape stands for; NUL and half a surrogate pair are left as they are written."""
    code = int(match[1], 16)
    return match[0] if code == 0 or 0xD800 <= code <= 0xDFFF else chr(code)


def _within(text: str, depth: int) -> Found | None:
    """Base64 that is a word of a longer text, as in `powershell -EncodedCommand …`: the text as it
    is, and what each such word says."""
    words: list[Leaf | Opaque] = []
    undecoded = None
    for number, match in enumerate(_WORD.finditer(text)):
        word = match[0]
        if number >= MOST_WORDS:
            undecoded = _TOO_MANY
            break
        if _HEX.fullmatch(word) or len(word) == len(text):
            continue
        found = _base64(word, depth + 1)
        if found is None or (isinstance(found[0], Opaque) and "/" in word):
            continue
        words.append(Leaf(("decoded", len(words) + 1), word, *found))
        if len(words) >= MOST_WITHIN or depth + 1 >= DEEPEST:
            undecoded = _TOO_DEEP
            break
    if not words and undecoded is None:
        return None
    whole = Part(kind="text", leaves=(Leaf((), text), *words), undecoded=undecoded)
    return whole, "with encoded words"


def _said(raw: bytes, *, sure: bool) -> str | None:
    """The text in decoded bytes; None where they look like an id, a hash or a file.

    `sure`: something else says already that they are encoded. A few odd bytes do not make a text
    a file, or one NUL would hide it.
    """
    odd = len(raw.translate(None, _PRINTABLE))
    if odd == 0:
        return raw.decode("ascii")
    text = text_of(raw) if sure or len(raw) >= 18 else None
    if text is not None and _shown(text):
        return text
    if len(raw) >= 24 and odd * 10 <= len(raw):
        return raw.decode("utf-8", "backslashreplace")
    return text if text is not None and len(raw) >= 48 and _few_controls(raw) else None


def _shown(text: str) -> bool:
    return _INVISIBLE.sub("", text).isprintable()


def _few_controls(raw: bytes) -> bool:
    return (len(raw) - len(raw.translate(None, _CONTROLS))) * 10 <= len(raw)


def _wide(raw: bytes) -> str | None:
    """UTF-16, as PowerShell and Windows take it; its every other byte is mostly zero."""
    if len(raw) % 2 or len(raw) < 8:
        return None
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = text_in(raw, "utf-16")
        return text if text is not None and _shown(text) else None
    for odd, codec in ((raw[1::2], "utf-16-le"), (raw[::2], "utf-16-be")):
        if odd.count(0) * 10 >= len(odd) * 9:
            try:
                text = raw.decode(codec)
            except UnicodeDecodeError:
                return None
            return text if _shown(text) else None
    return None


def _unpacked(raw: bytes) -> bytes | None:
    """gzip or zlib, undone; None for what is neither, and for what grows too large by it."""
    if raw[:3] == b"\x1f\x8b\x08":
        wbits = 31
    elif raw[:2] in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        wbits = 15
    else:
        return None
    unpacker = zlib.decompressobj(wbits=wbits)
    try:
        plain = unpacker.decompress(raw, min(LARGEST, 1024 + GROWTH * len(raw)))
    except zlib.error:
        return None
    return plain if unpacker.eof and not unpacker.unused_data else None


_BREAKS: Final = {ord("\r"): None, ord("\n"): None}
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\r\n-]++={0,2}\s{0,2}")
_WORDS: Final = re.compile(rb"[A-Za-z0-9 ]{5,}")
"""What few bytes must be to be a text: a checksum of four bytes is no word."""
_HEX: Final = re.compile(r"(?:0[xX])?[0-9A-Fa-f]+")
_WORD: Final = re.compile(
    r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{10,}+(?:={1,2}|(?<=[A-Za-z0-9+/_-]{16}))(?![A-Za-z0-9=])"
)
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]++\.eyJ[A-Za-z0-9_-]++\.[A-Za-z0-9_-]*+$")
_DATA_URL: Final = re.compile(
    r"data:([A-Za-z0-9.+/-]{0,100}(?:;[A-Za-z0-9-]{1,40}=[^;,]{0,100}){0,4})(;base64)?,",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile("%[0-9A-Fa-f]{2}")
_PERCENT_LETTER: Final = re.compile("%(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])")
_ADDRESS: Final = re.compile(r"(?>(?:[!-$&-~]|%[0-9A-Fa-f]{2})*)")
_BACKSLASH: Final = re.compile(
    r"\\(?:u(?=[0-9A-Fa-f]{4})|x(?=[0-9A-Fa-f]{2}))((?<=u)....|(?<=x)..)()"
)
_HTML: Final = re.compile(r"&#(?:[xX]([0-9A-Fa-f]{1,6})|([0-9]{1,7}));?")
_PRINTABLE: Final = bytes((9, 10, 13, *range(32, 127)))
_CONTROLS: Final = bytes((*range(9), 11, 12, *range(14, 32), 127))
_INVISIBLE: Final = re.compile(
    "[\\s\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe0f\ufeff\U000e0000-\U000e007f]"
)
"""What a reader does not see, and what is no sign of a file either."""
