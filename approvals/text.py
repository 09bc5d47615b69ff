"""Making hostile text safe to show: visible escapes, redaction, and cutting without losing count.

Laws: what is shown is the original, character for character, with everything that a reader could
not see (or that could reorder what they see) replaced by a visible escape; nothing is normalised,
except to *detect*; a redaction says how long the secret is and never changes a digest; a cut says
how much it left out; every regular expression here is linear in its input.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

Measure: TypeAlias = Callable[[str], int]
"""How a platform counts: `len` (code points), `utf16_len` or `utf8_len`."""

LINE_END: Final = "⏎"
MAX_MARKS: Final = 4
"""Combining marks left on one letter; more than any living script writes is a flood."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """`head` + `elided` code points + `tail` is the text; `elided` 0: `head` is all of it."""

    head: str
    tail: str
    elided: int


@dataclass(frozen=True, slots=True)
class Redacted:
    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Header:
    """One header as a card shows it (not cleaned yet).

    `hidden`: something is left out of `value` that an approver may have needed to see. False for a
    credential in a header made for credentials (`redact_headers`).
    """

    name: str
    value: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A body as cleaned text; `binary`: length, SHA-256 and hex."""

    text: str
    binary: bool


def clean(text: str, *, line: bool = True) -> str:
    r"""The text with everything invisible, reordering or unprintable as an escape: `\u{202e}`.

    `line` True: one line, every line end is ⏎. False: a block; \n and \t stay, \r is escaped.

    Escaped are controls, format characters (bidi, zero-width, tags), line and paragraph separators,
    every blank but U+0020, lone surrogates, variation selectors and fillers; private-use and
    unassigned code points and non-characters, because what they look like depends on the device;
    marks that strike through or enclose, marks with nothing to stand on, and all beyond the fourth
    on one letter. A literal backslash before `u{` is escaped too, so that no text can imitate an
    escape. "Unassigned" is by this Python's Unicode tables: the newest emoji show as escapes.
    """
    if text.isascii() and "\\u{" not in text:
        if text.isprintable():
            return text
        if not line and text.replace("\n", "").replace("\t", "").isprintable():
            return text
    if line:
        text = _LINE_ENDS.sub(LINE_END, text)
    escapes: dict[int, str] = {}
    marks: set[str] = set()
    for char in set(text):
        if _unshowable(char):
            if line or char not in "\n\t":
                escapes[ord(char)] = _escape(char)
        elif unicodedata.category(char)[0] == "M":
            marks.add(char)
    text = text.replace("\\u{", "\\u{5c}u{")
    if escapes:
        text = text.translate(escapes)
    return _tame(text, marks) if marks else text


def within(text: str, limit: int, measure: Measure) -> bool:
    """Does it fit? It is never less than its code points, so what is huge need not be measured."""
    return len(text) <= limit and measure(text) <= limit


def fit(text: str, limit: int, measure: Measure = len) -> Fitted:
    r"""Head and tail of cleaned text that together measure at most `limit`; nothing lost uncounted.

    Two thirds go to the head. A cut never falls inside a visible escape, and a tail never begins
    with a combining mark, which would change what stands before it.
    """
    if within(text, limit, measure):
        return Fitted(text, "", 0)
    limit = max(limit, 0)
    room = limit - limit // 3
    end = _prefix(text[:room], room, measure)
    end -= len(_CUT_ESCAPE.search(text[max(end - 9, 0) : end])[0])  # type: ignore[index] # matches ""
    room = limit // 3
    start = len(text) - _prefix(text[len(text) - room :][::-1], room, measure)
    if cut := _CUT_ESCAPE.search(text[max(start - 9, 0) : start])[0]:  # type: ignore[index] # as above
        close = text.find("}", start, start + 9 - len(cut))
        start = close + 1 if close >= 0 else start
    while start < len(text) and unicodedata.category(text[start])[0] == "M":
        start += 1
    return Fitted(text[:end], text[start:], start - end)


def unlinked(text: str) -> str:
    """Cleaned text in which no client finds an address to link, for platforms that link by looks.

    A zero-width space, which cleaned text brings none of, stands after each dot within a word, each
    `:` before `//` and each `@` within a word: what looked like an address ends where it begins.
    """
    return _ADDRESSES.sub("\\g<0>\u200b", text)


def utf16_len(text: str) -> int:
    """Length in UTF-16 code units; a lone surrogate counts one."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8_len(text: str) -> int:
    """Length in UTF-8 bytes; a lone surrogate counts three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def redact(text: str, salt: bytes) -> Redacted:
    """Secrets replaced by `[redacted 40 chars #a1b2c3]`; run it before `clean`.

    Secrets are values under telling names in JSON, forms, queries, YAML and XML, and strings of
    well-known shapes. Placeholders (`csk_placeholder_…`) are no secrets and stay. The hash lets two
    cards be compared; `salt` (secret, the caller's) keeps it from being an oracle.
    """
    shown = text
    if _hints_name(text):
        shown = _hide_named(shown, salt)
    if _hints_shape(text):
        shown = _SHAPES.sub(lambda found: _mark(found[0], salt), shown)
        shown = _LOGIN.sub(lambda found: _mark(found[0], salt), shown)
    return Redacted(shown, shown != text)


def suspect(text: str) -> bool:
    """May `redact` change this text? Cheap; True for much that holds no secret."""
    return _hints_name(text) or _hints_shape(text)


def telling(name: str) -> bool:
    """Does the name of a field say that its value is a secret?"""
    return _telling(name[-40:].lower())


def redact_field(name: str, value: str, salt: bytes) -> Redacted:
    """The value of a field; all of it where the name tells that it is a secret."""
    if not telling(name):
        return redact(value, salt)
    scheme, secret = _split_scheme(value)
    if _is_open(secret):
        return Redacted(value, False)
    return Redacted(scheme + _mark(secret, salt), True)


def redact_headers(headers: Iterable[tuple[str, str]], salt: bytes) -> tuple[Header, ...]:
    """Header values without their secrets; the scheme ("Bearer") and placeholders stay.

    Not `hidden` are credentials in headers that exist for nothing else: an approver cannot judge an
    opaque credential by sight, and its length and hash are shown. `Cookie` is not among them (a
    site may read an account or an amount from it), nor is a header that merely has a telling name,
    since whoever wrote the request chose that name.
    """
    shown = []
    for name, value in headers:
        folded = name.lower()
        credential = folded in CREDENTIAL_HEADERS
        known = credential or folded in STATE_HEADERS
        found = redact_field("secret" if known else name, value, salt)
        spoken = redact(name, salt)
        excused = credential and value.isascii() and value.isprintable()
        hidden = spoken.changed or (found.changed and not excused)
        shown.append(Header(spoken.text, found.text, hidden))
    return tuple(shown)


def show_host(host: str) -> str:
    """A host as a person should read it, cleaned; in lower case if it is ASCII.

    Letters of several scripts, or characters that are compatibility variants of others, give
    punycode alone; a host in one script that is not ASCII gives both: `münchen.de (xn--…)`.
    """
    if host.isascii():
        return clean(host.lower())
    name, port = _PORT.fullmatch(host).groups()  # type: ignore[union-attr] # matches anything
    encoded = ".".join(map(_punycode, name.split("."))) + port
    scripts = {unicodedata.name(char, "?").split()[0] for char in host if char.isalpha()}
    plain = all(char.isalnum() or char in "-." for char in name)
    if len(scripts) > 1 or not plain or unicodedata.normalize("NFKC", host) != host:
        return clean(encoded)
    return f"{host} ({clean(encoded)})"


def decode(body: bytes, content_type: str | None, *, complete: bool = True) -> str | None:
    """A body as text (not cleaned) if it is UTF-8 and its type claims nothing else; else None.

    A body of another charset is not text here: the receiver would read other text than the
    approver. Nor is one with a NUL (UTF-16 passes for UTF-8 otherwise). `complete` False: a last
    character cut in two is left out.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        if complete or error.reason != "unexpected end of data":
            return None
        text = body[: error.start].decode("utf-8")
    if "\0" in text:
        return None
    named = _CHARSET.search(content_type) if content_type else None
    charset = named[1].lower() if named else "utf-8"
    same = charset in _UTF8 or (text.isascii() and _ASCII_LIKE(charset) is not None)
    return text if same else None


def show_bytes(body: bytes, content_type: str | None) -> Shown:
    """A body as `decode` reads it, cleaned; what is not text as `show_hex` shows it, all of it."""
    text = decode(body, content_type)
    if text is None:
        return Shown(show_hex(body), binary=True)
    return Shown(clean(text, line=False), binary=False)


def show_hex(body: bytes, head: int | None = None) -> str:
    """Length, SHA-256 and a dump of the first `head` bytes (None: all)."""
    shown = body if head is None else body[:head]
    rows = [f"{len(body)} bytes, not text; SHA-256 {hashlib.sha256(body).hexdigest()}"]
    rows += [_hex_row(shown, offset) for offset in range(0, len(shown), 16)]
    if len(shown) < len(body):
        rows.append(f"… {len(body) - len(shown)} more bytes")
    return "\n".join(rows)


CREDENTIAL_HEADERS: Final = frozenset(
    (
        *("authorization", "proxy-authorization", "x-api-key", "api-key", "apikey"),
        *("x-auth-token", "x-access-token", "x-goog-api-key", "x-amz-security-token"),
        *("private-token", "x-gitlab-token", "x-vault-token", "dd-api-key", "dd-application-key"),
        *("x-shopify-access-token", "x-figma-token", "circle-token"),
    )
)
"""Headers that exist to carry a credential and nothing else."""
STATE_HEADERS: Final = frozenset(("cookie", "cookie2", "set-cookie", "set-cookie2"))
"""Headers that carry credentials among other things that a receiver may act on."""

_ADDRESSES: Final = re.compile(r"(?<=\w)[.。．｡](?=\w)|:(?=//)|(?<=\S)@(?=\w)")
_LINE_ENDS: Final = re.compile(r"\r\n?|\n")
_CUT_ESCAPE: Final = re.compile(r"(?:\\(?:u(?:\{[0-9a-f]{0,6})?)?)?\Z")
_PORT: Final = re.compile(r"(.*?)((?::[0-9]+)?)", re.DOTALL)
_CHARSET: Final = re.compile(r"(?i)charset\s{0,8}=\s{0,8}[\"']?([^\s;\"',]+)")
_UTF8: Final = ("utf-8", "utf8", "us-ascii", "ascii")
_ASCII_LIKE: Final = re.compile(r"iso-8859-\d{1,2}|latin-?1|windows-125\d").fullmatch

# Printable by category, yet nothing, or only blank, is drawn: fillers, variation selectors.
_INVISIBLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc"
    "\U00016fe4\U0001d159"
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_OVERLAY: Final = 1  # canonical combining class of marks drawn through their letter

# In lower case, and each beginning with a letter: that lets the engine skip to candidates.
_NAMES: Final = (
    r"pass(?:word|wd|phrase|code)|pwd|secret|secret[_-]?key|client[_-]?secret|api[_-]?key"
    r"|access[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|account[_-]?key"
    r"|token(?<!(?:page|next)[_-]token)(?<!(?:page|next|sync)token)(?<!sync[_-]token)"
    r"|credentials?|authorization|cookie|session[_-]?id"
    r"|cvc(?<![a-z]cvc)|cvv(?<![a-z]cvv)2?|otp(?<![a-z]otp)"
)
_NAME: Final = re.compile(rf"(?:{_NAMES})\]?\Z")
_NAME_HINTS: Final = (
    *("token", "secret", "pass", "pwd", "session", "credential", "authorization", "cookie"),
    *("cvc", "cvv", "otp"),
)
_KEY_HINTS: Final = ("api", "access", "private", "signing", "encryption", "account")
# The end of a telling name, how it is tied to its value, and the value: quoted, quoted inside a
# quoted string, or bare. A value that has begun always matches, so that nothing is scanned twice.
_NAMED: Final = re.compile(
    rf"(?:{_NAMES})(?:\]|%5d)?\\{{0,4}}[\"']?(?:\s{{0,8}}(?:=>|[:=>]|%3d)\s{{0,8}}|\r?\n\r?\n)"
    r"(?:\"((?:[^\"\\]|\\.)*+)|'((?:[^'\\]|\\.)*+)|\\{1,4}\"((?:[^\"\\]|\\(?!\"))*+)"
    r"|((?:(?:bearer|basic|token|bot)\s{1,8})?[^\s&,;\"'<>\\}\]]++))",
    re.DOTALL,
)
_SHAPES: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?!-----END)[\s\S])*+(?:-----END [A-Z0-9 ]{0,60}-----)?"
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+"
    r"|(?<![A-Za-z0-9])(?:"
    r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}+|whsec_[A-Za-z0-9+/=]{16,}+"
    r"|sk-[A-Za-z0-9_-]{20,}+"
    r"|gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_[A-Za-z0-9_]{20,}+|glpat-[A-Za-z0-9_-]{16,}+"
    r"|xox[a-z]-[A-Za-z0-9-]{10,}+|xapp-[A-Za-z0-9-]{10,}+"
    r"|A(?:KIA|SIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}+|ya29\.[A-Za-z0-9_-]{20,}+"
    r"|npm_[A-Za-z0-9]{30,}+|pypi-[A-Za-z0-9_-]{30,}+|hf_[A-Za-z0-9]{30,}+"
    r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}+|dop_v1_[0-9a-f]{40,}+"
    r"|shp(?:at|ca|pa|ss)_[0-9a-f]{32}|[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}+"
    r"|hooks\.slack\.com/services/[A-Za-z0-9/]{20,}+"
    r"|api/webhooks/[0-9]{5,20}/[A-Za-z0-9_-]{20,}+"
    r")"
)
_LOGIN: Final = re.compile(r"(?<=://)[^\s/:@\"'?#]{0,100}:[^\s/@\"'?#]{1,200}(?=@)")
_SHAPE_HINTS: Final = (
    *("-----BEGIN ", "eyJ", "k_live_", "k_test_", "whsec_", "sk-", "ghp_", "gho_", "ghu_", "ghs_"),
    *("ghr_", "github_pat_", "glpat-", "xox", "xapp-", "AKIA", "ASIA", "AIza", "ya29.", "npm_"),
    *("pypi-", "hf_", "SG.", "dop_v1_", "shp", ":AA", "hooks.slack.com", "api/webhooks/"),
)
_PLACEHOLDER: Final = re.compile(r"csk_placeholder_[A-Za-z0-9_.-]{1,80}").fullmatch
_SCHEME: Final = re.compile(r"(?i)(?:bearer|basic|token|bot|digest)\s{1,8}")


def _hints_name(text: str) -> bool:
    folded = text.lower()
    for hint in _NAME_HINTS:
        if hint in folded:
            return True
    return "key" in folded and any(hint in folded for hint in _KEY_HINTS)


def _hints_shape(text: str) -> bool:
    for hint in _SHAPE_HINTS:
        if hint in text:
            return True
    return "://" in text and "@" in text


@lru_cache(maxsize=1024)
def _telling(name: str) -> bool:
    return _NAME.search(name) is not None


def _unshowable(char: str) -> bool:
    # `isprintable` is False for every Cc Cf Cs Co Cn Zl Zp, and for Zs other than U+0020.
    return (
        not char.isprintable()
        or char in _INVISIBLE
        or unicodedata.combining(char) == _OVERLAY
        or unicodedata.category(char) == "Me"
    )


def _escape(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


def _tame(text: str, marks: set[str]) -> str:
    out, run = [], MAX_MARKS
    for char in text:
        if char in marks:
            run += 1
            out.append(char if run <= MAX_MARKS else _escape(char))
        else:
            run = MAX_MARKS if char in "\n\t" else 0
            out.append(char)
    return "".join(out)


def _prefix(text: str, room: int, measure: Measure) -> int:
    """How many code points from the start fit; every code point measures at least one."""
    if measure(text) <= room:
        return len(text)
    return bisect_right(range(1, len(text)), room, key=lambda size: measure(text[:size]))


def _mark(secret: str, salt: bytes) -> str:
    code = hmac.digest(salt, secret.encode("utf-8", "surrogatepass"), "sha256").hex()[:6]
    return f"[redacted {len(secret)} chars #{code}]"


def _is_open(value: str) -> bool:
    return value.lower() in ("", "null", "true", "false", "none") or bool(_PLACEHOLDER(value))


def _split_scheme(value: str) -> tuple[str, str]:
    found = _SCHEME.match(value)
    return (found[0], value[found.end() :]) if found else ("", value)


def _hide_named(text: str, salt: bytes) -> str:
    folded = text.lower()
    if len(folded) != len(text):  # U+0130 alone becomes two code points
        folded = text.replace("\u0130", "i").lower()
    out: list[str] = []
    done = 0
    for found in _NAMED.finditer(folded):
        start, end = found.span(found.lastindex or 0)
        scheme, secret = _split_scheme(text[start:end])
        if not _is_open(secret):
            out += (text[done:start], scheme, _mark(secret, salt))
            done = end
    return "".join((*out, text[done:]))


def _punycode(label: str) -> str:
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode").decode("ascii")


def _hex_row(data: bytes, offset: int) -> str:
    row = data[offset : offset + 16]
    drawn = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
    return f"{offset:08x}  {row.hex(' '):<47}  {drawn}"
