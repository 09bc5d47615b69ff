"""What mails and multipart bodies are built of: heads, parameters, boundaries. Pure, linear.

One reading, or `Doubtful` with a sentence: programs differ in line ends, folding, comments,
quoting and in what they take for a boundary, so only the plainest form of each is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from approvals.reading.headers import MEDIA_TYPE, ContentType
from approvals.reading.values import Doubtful

LONGEST_LINE: Final = 998
"""Characters in a line of a head (RFC 5322 section 2.1.1)."""
LONGEST_HEAD: Final = 64 * 1024
"""Bytes of a head; Postfix's header_size_limit is about 100 kB."""


@dataclass(frozen=True, slots=True)
class Head:
    """`fields`: names as written and unfolded values, in order. `eol`: the line end it uses."""

    fields: tuple[tuple[str, str], ...]
    eol: bytes

    def all(self, name: str) -> list[str]:
        return [value for given, value in self.fields if given.lower() == name]

    def only(self, name: str) -> str | None:
        """The value of a header that may be there once; None where it is not there."""
        values = self.all(name)
        if len(values) > 1:
            raise Doubtful(f"It has several headers `{name}`.")
        return values[0] if values else None


def read_head(raw: bytes, *, eol: bytes | None = None, folds: bool = True) -> tuple[Head, bytes]:
    """The head of a mail or a part, and what follows it.

    `eol` None: the first line tells which line end it is; no other one may stand in the head.
    `folds`: a header may go on in the next line; web servers do not all read that.
    """
    if eol is None:
        first = raw.find(b"\n")
        eol = b"\r\n" if first > 0 and raw[first - 1 : first] == b"\r" else b"\n"
    if raw.startswith(eol):
        return Head((), eol), raw[len(eol) :]
    end = raw.find(eol * 2, 0, LONGEST_HEAD)
    if end < 0:
        raise Doubtful("Its head has no end, or is longer than 64 kB.")
    lines = raw[:end].split(eol)
    fields: list[list[str]] = []
    for line in lines:
        if _LINE.fullmatch(line) is None:
            raise Doubtful("Its head holds characters or line ends that programs read differently.")
        if len(line) > LONGEST_LINE:
            raise Doubtful(f"A line of its head is longer than {LONGEST_LINE} characters.")
        text = line.decode("ascii")
        if text[0] in " \t":
            if not fields or not folds or not text.strip(" \t"):
                raise Doubtful("A line of its head is blank, or continues no other line.")
            fields[-1].append(text)
            continue
        name, colon, value = text.partition(":")
        if not colon or _NAME.fullmatch(name) is None:
            raise Doubtful("A line of its head is not a header.")
        fields.append([name, value])
    found = tuple((name, "".join(values).strip(" \t")) for name, *values in fields)
    return Head(found, eol), raw[end + 2 * len(eol) :]


def parameters(value: str, *, escapes: bool) -> tuple[str, dict[str, str]]:
    """`form-data; name="x"` as its first word in lower case, and what follows by lower-case name.

    `escapes`: a backslash in quotes is undone, as mail programs do; without, it is doubtful.
    """
    first, _, _ = value.partition(";")
    found: dict[str, str] = {}
    at = len(first)
    while match := _PARAMETER.match(value, at):
        name, quoted, plain = match[1].lower(), match[2], match[3]
        if name in found:
            raise Doubtful(f"`{name}` is given twice in one header.")
        if quoted is not None and "\\" in quoted:
            if not escapes:
                raise Doubtful(
                    "A name in quotes holds a backslash, which servers read differently."
                )
            quoted = re.sub(r"\\(.)", r"\1", quoted)
        if plain is not None and not escapes and "'" in plain:
            raise Doubtful("A name is in single quotes, which PHP takes for quotes.")
        found[name] = plain if quoted is None else quoted
        at = match.end()
    if value[at:].strip(" \t;" if escapes else " \t"):  # busboy drops what ends in `;`
        raise Doubtful("One of its headers is not well formed.")
    return first.strip(" \t").lower(), found


def typed(value: str, *, escapes: bool) -> ContentType:
    """A Content-Type of a part. Its charset is not judged here."""
    media_type, found = parameters(value, escapes=escapes)
    if MEDIA_TYPE.fullmatch(media_type) is None:
        raise Doubtful("The type of a part is not well formed.")
    return ContentType(media_type, found)


def split(
    content: bytes, boundary: str, *, eol: bytes, most: int
) -> tuple[bytes, list[bytes], bytes]:
    """What stands before the first boundary, between each two, and after the last one.

    Every place where the boundary's text stands must be one of its lines: programs that look for
    the text alone, or trim lines, then find the same parts.
    """
    if _BOUNDARY.fullmatch(boundary) is None:
        raise Doubtful("Its boundary is missing or not well formed.")
    mark, size = b"--" + boundary.encode("ascii"), len(eol)
    pieces: list[bytes] = []
    before: bytes | None = None
    start = 0
    at = content.find(mark)
    while at >= 0:
        begins = at == 0 or (at - size >= start and content[at - size : at] == eol)
        if not begins or (size == 1 and content[at - 2 : at] == b"\r\n"):
            raise Doubtful("Its boundary stands where no part begins or ends.")
        piece = content[start : at - size] if at else b""
        if before is None:
            before = piece
        else:
            pieces.append(piece)
        if len(pieces) > most:
            raise Doubtful(f"It has more than {most} parts.")
        end = at + len(mark)
        start = end + size
        if content[end : end + 2] == b"--":
            after = content[end + 2 :]
            if not pieces or mark in after or (after and not after.startswith(eol)):
                raise Doubtful("Something follows its last boundary.")
            return before, pieces, after[size:]
        if content[end:start] != eol:
            raise Doubtful("Its boundary is followed by something else.")
        at = content.find(mark, end)
    raise Doubtful("Its last boundary is missing.")


_LINE: Final = re.compile(rb"[ -~\t]+")
_NAME: Final = re.compile(r"[!-9;-~]{1,100}")
_PARAMETER: Final = re.compile(
    r"[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)="
    r"(?:\"((?>(?:[^\"\\]|\\.)*))\"|([!#$%&'*+.^_`|~0-9A-Za-z-]++))"
)
_BOUNDARY: Final = re.compile(r"[A-Za-z0-9'()+_,./:=?-]{1,70}")
