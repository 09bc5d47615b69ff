"""Decoders for what data cannot describe, by name. Pure; what is unclear gives no facts.

A mail is shown whole or not at all: every recipient header, the plain text and the HTML each as
text, and every other part by its name. Where mail programs are known to part ways (mixed line
ends, a header twice that may be there once, bad encodings) there is nothing.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from email import message_from_bytes, policy
from email.header import decode_header
from email.message import Message
from html import unescape
from typing import Final, TypeAlias

from approvals.conditions import Value
from approvals.decoders import fact
from approvals.model import Http
from approvals.proxy.rules import Reading
from approvals.reading import walk
from approvals.reading.body import text_of
from approvals.reading.headers import content_type
from approvals.reading.json_text import parse

Read: TypeAlias = Callable[[Http], Reading]

LARGEST_MAIL: Final = 2 * 1024 * 1024
"""Bytes of a request with a mail: reading more would keep everybody waiting."""
MAX_PARTS: Final = 50


class _Unclear(Exception):
    """It has more than one reading."""


def gmail(http: Http) -> Reading:
    """The mail in a Gmail call, in all three ways in which the API takes one.

    `raw` of the message resource, base64url of RFC 5322
    (https://developers.google.com/gmail/api/reference/rest/v1/users.messages#Message), a draft's
    `message.raw`, or an upload (https://developers.google.com/gmail/api/guides/uploads).
    """
    try:
        raw = _uploaded(http) if "/upload/" in http.url.partition("?")[0] else _in_json(http)
        return mail(raw) if raw is not None else Reading()
    except Exception:  # whatever hostile bytes break in a parser gives no facts
        return Reading()


def mail(raw: bytes) -> Reading:
    """The facts of an RFC 5322 message; raises something where it is unclear."""
    _demand(raw.count(b"boundary") <= MAX_PARTS and _one_kind_of_line_end(raw))
    message = message_from_bytes(raw, policy=policy.compat32)
    facts = [
        fact(name, _decoded(value))
        for name in ("From", *_RECIPIENTS, "Reply-To", "Subject")
        for value in message.get_all(name, ())
    ]
    texts, attached = [], []
    for part in _leaves(message):
        kind, name = part.get_content_type(), part.get_filename()
        content = _content(part)
        if kind in _TEXTS and name is None and part.get_content_disposition() != "attachment":
            text = content.decode(part.get_content_charset("ascii"))
            texts.append(fact(_TEXTS[kind], _html_as_text(text) if kind == "text/html" else text))
        else:
            named = _decoded(name) if name else "without a name"
            attached.append(f"{named} ({kind}, {len(content):,} bytes)")
    _demand(len(texts) <= 20)
    many = f"{len(attached)}: {', '.join(attached)}" if attached else "none"
    found = (*facts, *texts, fact("Attachments", many))
    decoded: dict[str, Value] = {"attachments": len(attached)}
    if (recipients := _recipients(message)) is not None:
        decoded["recipients"] = recipients
    subjects = message.get_all("Subject", ())
    if len(subjects) == 1:
        decoded["subject"] = _decoded(subjects[0])
    return Reading(found, decoded)


READERS: Final[Mapping[str, tuple[Mapping[str, str], Read]]] = {
    "gmail": (
        {"recipients": "list(string)", "subject": "string", "attachments": "int"},
        gmail,
    ),
}
"""Name -> the types of the values that it may give, and how it reads."""

_RECIPIENTS: Final = ("To", "Cc", "Bcc")
_TEXTS: Final = {"text/plain": "Text", "text/html": "HTML, as text"}
_ONCE: Final = ("content-type", "content-transfer-encoding", "content-disposition", "mime-version")
_ENCODINGS: Final = ("", "7bit", "8bit", "binary", "quoted-printable", "base64")
_ADDRESS: Final = re.compile(
    r"""\s*(?:
      (?:"[^"\\\x00-\x1f]*"|[A-Za-z0-9 !#$%&'*+./^_`{|}~-]*)\s*<([A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+)>
    | ([A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+)
    )\s*(,|$)""",
    re.VERBOSE,
)


def _demand(clear: bool) -> None:
    if not clear:
        raise _Unclear


def _in_json(http: Http) -> bytes | None:
    draft = "/drafts" in http.url.partition("?")[0]
    _demand(content_type(http.headers).is_json and len(http.body) <= LARGEST_MAIL)
    given = walk(parse(text_of(http.body) or ""), ["message", "raw"] if draft else ["raw"])
    if not isinstance(given, str) or re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", given) is None:
        return None
    text = given.rstrip("=")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _uploaded(http: Http) -> bytes | None:
    if any(name.lower() == "content-range" for name, _ in http.headers):
        return None  # a piece of a resumable upload
    kind = content_type(http.headers)
    _demand(kind.unclear is None and http.body_complete and len(http.body) <= LARGEST_MAIL)
    _demand(not any(name.lower() == "content-encoding" for name, _ in http.headers))
    match kind.media_type:
        case "message/rfc822":
            return http.body
        case "multipart/related":
            return _second_part(http)
    return None


def _second_part(http: Http) -> bytes | None:
    """The mail of a multipart upload: exactly a JSON part, without a mail of its own, and it."""
    (given,) = (value for name, value in http.headers if name.lower() == "content-type")
    found = re.findall(r';\s*boundary=(?:"([^"\\]{1,70})"|([^\s;"]{1,70}))', given, re.IGNORECASE)
    _demand(len(found) == 1)
    mark = re.escape("".join(found[0]).encode())
    pieces = re.split(rb"(?:^|\r?\n)--" + mark, http.body)
    _demand(len(pieces) == 4 and not pieces[0].strip() and pieces[3].strip() == b"--")
    parts = []
    for piece in pieces[1:3]:
        head, blank, content = re.split(rb"((?:\r?\n){2})", piece, maxsplit=1)
        _demand(re.match(rb"[ \t]*\r?\n", head + blank) is not None)
        parts.append((message_from_bytes(head.lstrip() + b"\n\n", policy=policy.compat32), content))
    (about, metadata), (form, raw) = parts
    for one in (about, form):
        _demand(not one.defects and all(len(one.get_all(name, ())) <= 1 for name in _ONCE))
    _demand(about.get_content_type() == "application/json" and b"raw" not in metadata)
    _demand(b"\\u" not in metadata and form.get_content_type() == "message/rfc822")
    _demand(form.get("content-transfer-encoding", "binary").lower() in ("binary", "7bit", "8bit"))
    return raw


def _one_kind_of_line_end(raw: bytes) -> bool:
    """Do strict and lenient readers agree where the head's lines, and the head, end?"""
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    ends = raw[: len(head) + 4]
    clean = b"\r" not in ends or ends.count(b"\r") == ends.count(b"\n") == ends.count(b"\r\n")
    return clean and b"\0" not in head and re.search(rb"\n[ \t]+\r?\n", ends) is None


def _leaves(message: Message) -> Iterator[Message]:
    """All parts that hold something; a mail within the mail is one, and is not looked into."""
    _demand(not message.defects and all(len(message.get_all(n, ())) <= 1 for n in _ONCE))
    encoding = str(message.get("content-transfer-encoding", "")).strip().lower()
    _demand(encoding in _ENCODINGS)
    if message.get_content_maintype() != "multipart":
        yield message
        return
    _demand(message.is_multipart() and encoding in ("", "7bit", "8bit", "binary"))
    for part in _inside(message):
        yield from _leaves(part)


def _inside(message: Message) -> list[Message]:
    parts = message.get_payload()
    return [part for part in parts if isinstance(part, Message)] if isinstance(parts, list) else []


def _content(part: Message) -> bytes:
    if part.is_multipart():  # message/*: what it holds was parsed
        return b"".join(inner.as_bytes() for inner in _inside(part))
    content = part.get_payload(decode=True)
    _demand(isinstance(content, bytes) and not part.defects)
    return bytes(content)


def _decoded(value: object) -> str:
    """A header's text, unfolded; encoded words as mail programs show them."""
    if not isinstance(value, str):  # it holds raw bytes beyond ASCII
        raise _Unclear
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    pieces = [
        piece.decode(charset or "ascii") if isinstance(piece, bytes) else piece
        for piece, charset in decode_header(unfolded)
    ]
    text = "".join(pieces).strip()
    _demand(re.search(r"[\udc80-\udcff]", text) is None)
    return text


def _recipients(message: Message) -> list[str] | None:
    """Every address in lower case; None where one is not written in the plainest way."""
    found: list[str] = []
    for name in _RECIPIENTS:
        for value in message.get_all(name, ()):
            text, at = re.sub(r"\r?\n(?=[ \t])", "", str(value)), 0
            while at < len(text) or not at:
                address = _ADDRESS.match(text, at)
                if address is None or "=?" in text:
                    return None
                found.append((address[1] or address[2]).lower())
                at = address.end()
            if text.rstrip().endswith(","):
                return None
    return found or None


def _html_as_text(html: str) -> str:
    """Its words and where its links lead, also what a style would hide.

    Not by `html.parser`: on tags that never end its time grows with the square of the length.
    """
    words = []
    for at, piece in enumerate(re.split(r"<([^<>]*)>", html)):
        if at % 2:
            words += [f"[{link.strip(_QUOTES)}]" for link in _LINK.findall(piece)]
        else:
            words.append(piece)
    said = unescape(" ".join(words)).split("\n")
    return "\n".join(line for line in (" ".join(line.split()) for line in said) if line)


_QUOTES: Final = "\"'"
_LINK: Final = re.compile(r"""\b(?:href|src|action)=("[^"]*"|'[^']*'|[^\s"']+)""", re.IGNORECASE)
