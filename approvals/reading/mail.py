"""A mail (RFC 5322, MIME) as its readers will see it. Pure, linear.

Clear is what mail programs read alike: one kind of line end in its heads, each header once,
addresses, encoded words and parameters in the plainest form, a charset that all of them know.
Every header, text and file is a leaf; the tree holds what titles and rules may name (`VALUES`).
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from approvals.reading.content import opaque, text_in, undecoded
from approvals.reading.headers import ContentType
from approvals.reading.html_text import html_as_text
from approvals.reading.json_text import read_json
from approvals.reading.mime import Head, parameters, read_head, split, typed
from approvals.reading.values import LARGEST, UNCLEAR, Doubtful, Leaf, Opaque, Part, Path

VALUES: Final = (
    "from", "to", "cc", "bcc", "reply_to", "recipients", "subject", "text", "html", "attachments",
)  # fmt: skip
"""The names of a mail's values. `to`, `cc`, `bcc` and `recipients` (all three; None where there are
none, so that no condition holds of all of them) are lists of addresses in lower case, `attachments`
of names with type and size; the others are texts. `text`: the plain one, else the words of the
HTML; `html`: those words where there is a plain text too."""

MAX_HEADERS: Final = 500
MAX_PARTS: Final = 50
DEEPEST: Final = 8
"""Multiparts in one another."""
LONGEST_HEADER: Final = 998
"""Characters of a header, which may be folded; a list of addresses may be as long as its head."""


def read_mail(raw: bytes) -> Part:
    """Never raises. What programs read differently is unclear and counts as not shown."""
    return _read(raw, 0)


def unclear_values() -> dict[str, Any]:
    """What a mail that cannot be read gives: something stands there, and nobody can say what."""
    return dict.fromkeys(VALUES, UNCLEAR)


def named(name: str | None, media_type: str, size: int) -> str:
    """An attachment in a few words."""
    return f"{name or 'without a name'} ({media_type}, {size:,} bytes)"


def addresses(text: str) -> list[str] | None:
    """The addresses of a header in lower case; None where one is not written in the plainest way.

    No groups, comments, routes or escapes: mail programs and servers part ways on those.
    """
    found, at = [], 0
    while True:
        match = _MAILBOX.match(text, at)
        if match is None:
            return None
        address = match[1] or match[2]
        local, _, domain = address.rpartition("@")
        if any(".." in part or part[:1] in ".-" or part[-1:] == "." for part in (local, domain)):
            return None
        found.append(address.lower())
        if match.end() == len(text):
            return found
        at = match.end() + 1


@dataclass(slots=True)
class _Seen:
    """What was found so far, in order."""

    leaves: list[Leaf | Opaque] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    parts: int = 0


def _read(raw: bytes, depth: int) -> Part:
    try:
        head, content = read_head(raw)
        seen = _Seen()
        values = _headers(head, seen)
        _body(head, content, seen, depth)
        values["text"] = "\n".join(seen.texts or map(html_as_text, seen.htmls))
        values["html"] = "\n".join(map(html_as_text, seen.htmls)) if seen.texts else ""
        values["attachments"] = seen.attached
        return Part(kind="mail", leaves=tuple(seen.leaves), tree=values)
    except Doubtful as doubt:
        return undecoded("mail", raw, str(doubt), "message/rfc822")


def _headers(head: Head, seen: _Seen) -> dict[str, Any]:
    values: dict[str, Any] = {"from": "", "to": [], "cc": [], "bcc": [], "reply_to": ""}
    values["subject"] = ""
    plumbing = []
    if len(head.fields) > MAX_HEADERS:
        raise Doubtful(f"It has more than {MAX_HEADERS} headers.")
    for name, value in head.fields:
        lower = name.lower()
        if lower in _ONCE:
            head.only(lower)
        if lower.startswith("resent-"):
            raise Doubtful("It has the headers of a resent mail (`Resent-…`).")
        if len(value) > LONGEST_HEADER and lower not in _LISTS:
            raise Doubtful(f"Its header `{name}` is longer than {LONGEST_HEADER} characters.")
        if lower in _STRUCTURE:
            continue
        if lower in _PLUMBING:
            plumbing.append(f"{name}: {value}")
            continue
        key = lower.replace("-", "_")
        text = _decoded(value)
        seen.leaves.append(Leaf((key,) if key in values else ("header", lower), text))
        if lower in _MAILBOXES:
            listed = addresses(_unquoted(value))
            if listed is None:
                raise Doubtful(f"Its `{name}` is written in a way that programs read differently.")
            values[key] = listed if isinstance(values.get(key), list) else ", ".join(listed)
        elif key in values:
            values[key] = text
    if plumbing:
        seen.leaves.append(Leaf(("header",), "\n".join(plumbing)))
    values.pop("sender", None)
    values["recipients"] = [*values["to"], *values["cc"], *values["bcc"]] or None
    return values


def _body(head: Head, content: bytes, seen: _Seen, depth: int) -> None:
    """One part, and those in it."""
    seen.parts += 1
    if seen.parts > MAX_PARTS or depth > DEEPEST:
        raise Doubtful("It has too many parts, or they are nested too deeply.")
    kind = typed(head.only("content-type") or "text/plain", escapes=True)
    given, placed = parameters(head.only("content-disposition") or "", escapes=True)
    encoding = (head.only("content-transfer-encoding") or "7bit").lower()
    if encoding not in ("7bit", "8bit", "binary", "quoted-printable", "base64"):
        raise Doubtful(f"A part is encoded as {encoding[:40]!r}.")
    main = kind.media_type.partition("/")[0]
    if main in ("multipart", "message") and encoding in ("quoted-printable", "base64"):
        raise Doubtful("A part that holds others is encoded, which not all programs undo.")
    if main == "multipart":
        _parts(head, kind, content, seen, depth)
        return
    if "boundary" in kind.parameters:
        raise Doubtful("A part names a boundary and is not multipart; some programs split it.")
    name = _filename(kind.parameters, placed)
    content = _undone(content, encoding)
    charset = kind.parameters.get("charset", "us-ascii")
    path: Path
    if kind.media_type in ("text/plain", "text/html") and given != "attachment":
        if name is not None or given not in ("", "inline"):  # some show it, some attach it
            seen.attached.append(named(name, kind.media_type, len(content)))
            path = ("attachments", len(seen.attached), "name")
            seen.leaves.append(Leaf(path, seen.attached[-1]))
        text = text_in(content.replace(b"\r\n", b"\n"), charset)
        if text is None:
            raise Doubtful(
                f"Its text is not in a charset that programs read alike ({charset[:40]})."
            )
        if len(content) > LARGEST:
            raise Doubtful("Its text is too large to be shown.")
        html = kind.media_type == "text/html"
        alike = seen.htmls if html else seen.texts
        alike.append(text)
        path = ("html" if html else "text",)
        path = path if len(alike) == 1 else (*path, len(alike))
        leaf = Leaf(path, text)
        if html:
            inside = Part(kind="text", leaves=(Leaf((), html_as_text(text)),))
            leaf = leaf._replace(inside=inside, how="HTML, as text")
        seen.leaves.append(leaf)
        return
    said = named(name, kind.media_type, len(content))
    seen.attached.append(said)
    path = ("attachments", len(seen.attached))
    if kind.media_type == "message/rfc822":
        seen.leaves.append(Leaf((*path, "name"), said))
        seen.leaves.append(Leaf((*path, "mail"), said, _read(content, depth + 1), "a mail"))
        return
    if main == "message" and kind.media_type != "message/delivery-status":
        raise Doubtful(f"It holds a part of type {kind.media_type[:60]!r}.")
    seen.leaves += attachment(content, kind, name, path)


def attachment(
    content: bytes, kind: ContentType, name: str | None, path: Path
) -> tuple[Leaf | Opaque, ...]:
    """A file of a mail: its text if it is one, else its type, size and digest."""
    text = None
    if len(content) <= LARGEST and (kind.media_type.startswith("text/") or kind.is_json):
        text = text_in(content, kind.parameters.get("charset", "utf-8"))
    if text is None:
        return (opaque(content, kind.media_type, name, path),)
    part = read_json(text) if kind.is_json else None
    shown = Leaf((*path, "text"), text)
    if part is not None and part.unclear is None:
        shown = Leaf((*path, "text"), text, part, "JSON")
    return Leaf((*path, "name"), named(name, kind.media_type, len(content))), shown


def _parts(head: Head, kind: ContentType, content: bytes, seen: _Seen, depth: int) -> None:
    if kind.media_type == "multipart/digest":
        raise Doubtful("It is a digest of mails.")
    mark = kind.parameters.get("boundary", "")
    before, pieces, after = split(content, mark, eol=head.eol, most=MAX_PARTS)
    for words, text in (("before", before), ("after", after)):
        if text.strip():
            shown = text_in(text, "us-ascii")
            if shown is None or len(text) > LONGEST_HEADER:
                raise Doubtful("It holds text outside its parts.")
            seen.leaves.append(Leaf((words,), shown))
    for piece in pieces:
        inner, rest = read_head(piece, eol=head.eol)
        for name, value in inner.fields:
            if name.lower() in _ONCE:
                inner.only(name.lower())
            if len(value) > LONGEST_HEADER:
                raise Doubtful(
                    f"A header `{name[:40]}` is longer than {LONGEST_HEADER} characters."
                )
            if name.lower() not in _STRUCTURE:
                seen.leaves.append(Leaf(("part", seen.parts, name.lower()), _decoded(value)))
        _body(inner, rest, seen, depth + 1)


def _undone(content: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        try:
            return b64decode(content.translate(None, b"\r\n"), validate=True)
        except binascii.Error:
            raise Doubtful("A part says that it is base64, but it is not.") from None
    if encoding == "quoted-printable":
        if _BROKEN_QUOTING.search(content):
            raise Doubtful("A part says that it is quoted-printable, but it is not.")
        return binascii.a2b_qp(content)
    return content


def _filename(typed_as: Mapping[str, str], placed: Mapping[str, str]) -> str | None:
    """Its file name, where the ways in which it is given agree; None where there is none."""
    given = {_parameter(placed, "filename"), _parameter(typed_as, "name")} - {None}
    if len(given) > 1:
        raise Doubtful("A file has two names.")
    return next(iter(given), None)


def _parameter(found: Mapping[str, str], name: str) -> str | None:
    """A parameter as it is, as RFC 2231 writes it, or as an encoded word, as many programs do."""
    ways = [key for key in found if key == name or key.startswith(name + "*")]
    if not ways:
        return None
    if ways == [name]:
        return _decoded(found[name])
    if ways == [name + "*"]:
        return _extended(found[name + "*"])
    wanted = [f"{name}*{number}" for number in range(len(ways))]
    if [way.rstrip("*") for way in ways] == wanted and len({way[-1] == "*" for way in ways}) == 1:
        whole = "".join(found[way] for way in ways)
        return _extended(whole) if ways[0].endswith("*") else whole
    raise Doubtful("A file's name is given in several ways.")


def _extended(value: str) -> str:
    match = _EXTENDED.fullmatch(value)
    text = text_in(unquote_to_bytes(match[2]), match[1]) if match else None
    if text is None or _CONTROL.search(text):
        raise Doubtful("A file's name is not well formed.")
    return text


def _decoded(value: str) -> str:
    """A header's text, with its encoded words (RFC 2047) as programs show them."""
    if "=?" not in value:
        return value
    pieces: list[str] = []
    plain: list[str] = []
    at, encoded = 0, False
    while (found := _WORD.search(value, at)) is not None:
        between = value[at : found.start()]
        ends = value[found.end() : found.end() + 1]
        if (between and between[-1] not in ' \t("') or (ends and ends not in ' \t)",'):
            raise Doubtful("An encoded word stands within another word.")
        plain.append(between)
        pieces.append("" if encoded and not between.strip(" \t") else between)
        pieces.append(_word(*found.groups()))
        at, encoded = found.end(), True
    pieces.append(value[at:])
    text = "".join(pieces)
    if "=?" in "\n".join((*plain, value[at:])) or _CONTROL.search(text):
        raise Doubtful("One of its headers holds an encoded word that cannot be read.")
    return text


def _word(charset: str, encoding: str, text: str) -> str:
    raw = text.encode("ascii")
    try:
        if encoding in "bB":
            raw = b64decode(raw, validate=True)
        elif _BROKEN_QUOTING.search(raw):
            raise Doubtful("An encoded word is broken.")
        else:
            raw = binascii.a2b_qp(raw, header=True)
    except binascii.Error:
        raise Doubtful("An encoded word is broken.") from None
    said = text_in(raw, charset)
    if said is None:
        raise Doubtful(f"An encoded word is not in a charset that programs read alike ({charset}).")
    return said


def _unquoted(value: str) -> str:
    """A list of addresses in which no encoded word can hide one: they may name people only, with
    the characters that RFC 2047 (section 5) allows there."""
    return _NAME_WORD.sub("word", value) if "=?" in value else value


_STRUCTURE: Final = frozenset(
    ("content-type", "content-transfer-encoding", "content-disposition", "mime-version")
)
_LISTS: Final = frozenset(("to", "cc", "bcc", "references"))
_MAILBOXES: Final = frozenset(("from", "sender", "to", "cc", "bcc", "reply-to"))
_PLUMBING: Final = frozenset(("date", "message-id", "user-agent", "x-mailer"))
_ONCE: Final = frozenset(
    (*_STRUCTURE, *_LISTS, *_MAILBOXES, "subject", "date", "message-id", "in-reply-to")
)
"""RFC 5322 section 3.6: what may be there once; programs take the first, the last or all."""
_MAILBOX: Final = re.compile(
    r"""[ \t]*+(?:
      (?:"[^"\\\x00-\x1f]*+"|(?!\.)[A-Za-z0-9 \t!#$%&'*+./^_`{|}~-]*+)[ \t]*+
      <([A-Za-z0-9._%+'=&#~-]++@[A-Za-z0-9.-]++)>
    | ([A-Za-z0-9._%+'=&#~-]++@[A-Za-z0-9.-]++)
    )[ \t]*+(?:(?=,)|$)""",
    re.VERBOSE,
)
_WORD: Final = re.compile(r"=\?([A-Za-z0-9_-]{1,40})\?([bBqQ])\?([!->@-~]*+)\?=")
_NAME_WORD: Final = re.compile(
    r"=\?[A-Za-z0-9_-]{1,40}\?(?:[bB]\?[A-Za-z0-9+/]*+={0,2}|[qQ]\?[A-Za-z0-9!*+/=_-]*+)\?="
)
_EXTENDED: Final = re.compile(
    r"([A-Za-z0-9-]{1,40})'[A-Za-z-]{0,20}'((?>(?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*))"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BROKEN_QUOTING: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)")
