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

from approvals import emoji, secret_shapes
from approvals.emoji import ZWJ
from approvals.secret_shapes import Span

Measure: TypeAlias = Callable[[str], int]
"""How a platform counts: `len` (code points), `utf16_len` or `utf8_len`."""

LINE_END: Final = "⏎"
UNBROKEN: Final = 20
"""Characters without a break that the narrowest column of a card has room for."""
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

    A word that mixes scripts (UTS 39's "highly restrictive" level is what may stand together) has
    its letters of other scripts as escapes too: `d\u{430}na@ex\u{430}mple.com`. So has a part of an
    address that is made of lookalikes only, beside a Latin part: `\u{440}\u{430}\u{443}.com`.

    A joiner or a selector that is part of an emoji of Unicode's own lists is seen, as that emoji:
    those stand as they are (`emoji.SEQUENCE`). Anywhere else it is an escape.
    """
    if text.isascii() and "\\u{" not in text:
        if text.isprintable():
            return text
        if not line and text.replace("\n", "").replace("\t", "").isprintable():
            return text
    if not emoji.SELECTS.isdisjoint(text):
        parts = emoji.SEQUENCE.split(text)
        parts[::2] = [_cleaned(part, line) for part in parts[::2]]
        return "".join(parts)
    return _cleaned(text, line)


def _cleaned(text: str, line: bool) -> str:
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
    if _may_mix(text):
        text = _WORDS.sub(_unmixed, text)
    return _tame(text, marks) if marks else text


def breakable(text: str) -> str:
    """Cleaned text in which every word can be wrapped, for clients that cut off what they cannot.

    A zero-width space, which cleaned text brings none of, stands behind every 20 characters that
    have no break: that is less than the narrowest column of a card.
    """
    if len(text) <= UNBROKEN or max(map(len, text.split()), default=0) <= UNBROKEN:
        return text  # most texts, and this is a tenth of the work
    return _UNBROKEN.sub(_spaced, text)


def ends(text: str) -> str:
    """Cleaned text that neither begins nor ends in white space, which platforms cut off: such a
    character stands there as an escape."""
    if not text or not (text[0].isspace() or text[-1].isspace()):
        return text
    first = _escape(text[0]) if text[0].isspace() else text[0]
    last = _escape(text[-1]) if text[-1].isspace() else text[-1]
    return first if len(text) == 1 else f"{first}{text[1:-1]}{last}"


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
    while start < len(text) and (unicodedata.category(text[start])[0] == "M" or text[start] == ZWJ):
        start += 1
    while end and text[end - 1] == ZWJ:  # of an emoji that was cut in two: it would join nothing
        end -= 1
    return Fitted(text[:end], text[start:], start - end)


def unlinked(text: str) -> str:
    """Cleaned text in which no client finds an address to link, for platforms that link by looks.

    A zero-width space, which cleaned text brings none of, stands after each dot within a word, each
    `:` before `//` and each `@` within a word: what looked like an address ends where it begins.
    """
    return _ADDRESSES.sub(_spaced, text)


def _spaced(found: re.Match[str]) -> str:
    return f"{found[0]}\u200b"


def utf16_len(text: str) -> int:
    """Length in UTF-16 code units; a lone surrogate counts one."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8_len(text: str) -> int:
    """Length in UTF-8 bytes; a lone surrogate counts three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def fitting(text: str, limit: int, measure: Measure = utf16_len) -> str:
    """Cleaned text within `limit`, its end replaced by "…" where it is longer."""
    if within(text, limit, measure):
        return text
    return f"{text[: _prefix(text, limit - measure('…'), measure)].rstrip()}…"


def redact(text: str, salt: bytes, *, url_path: str | None = None) -> Redacted:
    """Secrets replaced by `[redacted 40 chars #a1b2c3]`; run it before `clean`.

    What a secret is: `secret_shapes`. Placeholders (`csk_placeholder_…`) and template variables are
    no secrets and stay. The hash lets two cards be compared; `salt` (secret, the caller's) keeps it
    from being an oracle. `url_path`: of the request whose body the text is, where that is known.
    """
    shown = _without(text, secret_shapes.spans(text, url_path), salt)
    return Redacted(shown, shown != text)


def redact_address(
    host: str, path: str, query: str, salt: bytes
) -> tuple[Redacted, Redacted, Redacted]:
    """Host, path and query (with its "?") of one address, redacted by what they are together.

    A webhook's credential is known by the host in front of it, so the parts are judged as a whole.
    """
    whole = f"https://{host}{path}{query}"
    found = secret_shapes.spans(whole)
    at, shown = len("https://"), []
    for part in (host, path, query):
        end = at + len(part)
        inside = [(max(start, at) - at, min(stop, end) - at) for start, stop in found]
        text = _without(part, [span for span in inside if span[0] < span[1]], salt)
        shown.append(Redacted(text, text != part))
        at = end
    return shown[0], shown[1], shown[2]


def safe(text: str, salt: bytes, *, line: bool = True) -> str:
    """The text fit to be shown: without secrets, and cleaned."""
    return clean(redact(text, salt).text, line=line)


def redact_field(name: str, value: str, salt: bytes) -> Redacted:
    """The value of a field; all of it where the name tells that it is a secret."""
    told = secret_shapes.telling(name)
    return _redact_all(value, salt) if told else redact(value, salt)


def redact_headers(headers: Iterable[tuple[str, str]], salt: bytes) -> tuple[Header, ...]:
    """Header values without their secrets; the scheme ("Bearer") and placeholders stay.

    Not `hidden` are credentials in headers that exist for nothing else
    (`secret_shapes.credential_header`: a list of names, and unmistakable ones by rule): an approver
    cannot judge an opaque credential by sight, and its length and hash are shown. `Cookie` is not
    among them (a site may read an account or an amount from it), nor is a header that merely has a
    telling name (`X-Transfer-Token`), since whoever wrote the request chose that name.
    """
    shown = []
    for name, value in headers:
        secret = secret_shapes.secret_header(name)
        found = _redact_all(value, salt) if secret else redact(value, salt)
        spoken = redact(name, salt)
        excused = secret_shapes.credential_header(name, value)
        excused = excused and value.isascii() and value.isprintable()
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


def decode(body: bytes, content_type: str | None) -> str | None:
    """A body as text (not cleaned) if it is UTF-8 and its type claims nothing else; else None.

    A body of another charset is not text here: the receiver would read other text than the
    approver. Nor is one with a NUL (UTF-16 passes for UTF-8 otherwise).
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    named = _CHARSET.search(content_type) if content_type else None
    charset = named[1].lower() if named else "utf-8"
    same = charset in _UTF8 or (text.isascii() and _ASCII_LIKE(charset) is not None)
    return text if same else None


def show_bytes(body: bytes, content_type: str | None) -> Shown:
    """A body as `decode` reads it, cleaned; what is not text as `show_hex` shows it."""
    text = decode(body, content_type)
    if text is None:
        return Shown(show_hex(body), binary=True)
    return Shown(clean(text, line=False), binary=False)


def show_hex(body: bytes) -> str:
    """Length, SHA-256 and a dump of all bytes."""
    rows = [f"{len(body)} bytes, not text; SHA-256 {hashlib.sha256(body).hexdigest()}"]
    rows += [_hex_row(body, offset) for offset in range(0, len(body), 16)]
    return "\n".join(rows)


# Each begins with the characters themselves: an expression that begins by looking back is tried at
# every character of a text.
_ADDRESSES: Final = re.compile(r"[.。．｡:@](?:(?<=\w[.。．｡])(?=\w)|(?<=:)(?=//)|(?<=\S@)(?=\w))")
_LINE_ENDS: Final = re.compile(r"\r\n?|\n")
_CUT_ESCAPE: Final = re.compile(r"(?:\\(?:u(?:\{[0-9a-f]{0,6})?)?)?\Z")
# Words, and what an address joins: `name@host.example`. Marks belong to the letter before them.
_WORDS: Final = re.compile(r"[^\W_][\w\u0300-\u036f@.-]*")
_PARTS: Final = re.compile(r"([_@.-]+)")
# https://www.unicode.org/reports/tr39/#Restriction_Level_Detection; and scripts that are written
# without blanks, so that a foreign name stands within a word of theirs.
_TOGETHER: Final = (
    frozenset(("LATIN", "FULLWIDTH", "CJK", "HIRAGANA", "KATAKANA")),
    frozenset(("LATIN", "CJK", "BOPOMOFO")),
    frozenset(("LATIN", "CJK", "HANGUL")),
    *(frozenset(("LATIN", name)) for name in ("THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")),
)
# First words of names of letters that are no script's own. MATHEMATICAL letters are not among them:
# within a word they pass for Latin ones.
_COMMON: Final = frozenset(
    ("MODIFIER", "MICRO", "OHM", "KELVIN", "ANGSTROM", "FEMININE", "MASCULINE", "IDEOGRAPHIC")
)
# Greek letters that stand in units and formulas (µs, kΩ, Δt) and look like no Latin letter.
_SYMBOLS: Final = frozenset("μΩΔΣΠΘΛΞΦΨπλθφψσδ")
# Letters that look like Latin ones, from Unicode's confusables.txt (UTS 39), in part.
_LOOKALIKES: Final = re.compile(
    r"[аАсСеЕоОрРхХуУіІјЈѕЅԁһԛԝВМНКТӏ"
    r"οΟαΑρΡνΝυΥιΙκΚτΤεΕΒΖΗΜΧγ0-9\u0300-\u036f]+"
).fullmatch
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


def _unshowable(char: str) -> bool:
    # `isprintable` is False for every Cc Cf Cs Co Cn Zl Zp, and for Zs other than U+0020.
    return (
        not char.isprintable()
        or char in _INVISIBLE
        or unicodedata.combining(char) == _OVERLAY
        or unicodedata.category(char) == "Me"
    )


def _may_mix(text: str) -> bool:
    scripts = {_script(char) for char in set(text) if not char.isascii()} - {""}
    if any("a" <= char <= "z" or "A" <= char <= "Z" for char in set(text)):
        scripts.add("LATIN")
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in _TOGETHER)


@lru_cache(maxsize=8192)
def _script(char: str) -> str:
    """A letter's script by its Unicode name (Python has no property for it); "": common to all."""
    if not char.isalpha() or char in _SYMBOLS:
        return ""
    words = unicodedata.name(char, "").replace("-", " ").split()
    if words[:1] == ["HALFWIDTH"]:
        del words[0]
    if not words or words[0] in _COMMON or words[:2] == ["KATAKANA", "HIRAGANA"]:
        return ""
    return words[0]


_UNBROKEN: Final = re.compile(rf"\S{{{UNBROKEN}}}(?=\S)")


def _unmixed(found: re.Match[str]) -> str:
    whole = found[0]
    if whole.isascii():
        return whole
    return _remembered(whole) if len(whole) <= 40 else _word_unmixed(whole)


def _word_unmixed(whole: str) -> str:
    """An address or a word, with the letters that do not belong to it as escapes."""
    parts = _PARTS.split(whole)
    scripts = [{_script(char) for char in part} - {""} for part in parts]
    latin = len(parts) > 1 and {"LATIN"} in scripts
    for at, (part, mix) in enumerate(zip(parts, scripts, strict=True)):
        if len(mix) > 1 and not any(mix <= allowed for allowed in _TOGETHER):
            home = "LATIN" if "LATIN" in mix else next(filter(None, map(_script, part)))
            parts[at] = _marked(part, home)
        elif latin and mix and mix <= {"CYRILLIC", "GREEK"} and _LOOKALIKES(part):
            parts[at] = _marked(part, "LATIN")
    return "".join(parts)


_remembered: Final = lru_cache(maxsize=4096)(_word_unmixed)


def _marked(word: str, home: str) -> str:
    out: list[str] = []
    before = False
    for char in word:
        # A mark that stood on an escaped letter would now stand on a brace.
        before = _script(char) not in ("", home) or (before and unicodedata.combining(char) > 0)
        out.append(_escape(char) if before else char)
    return "".join(out)


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


def _redact_all(value: str, salt: bytes) -> Redacted:
    scheme, secret = secret_shapes.split_scheme(value)
    if secret_shapes.is_open(secret):
        return Redacted(value, False)
    return Redacted(scheme + _mark(secret, salt), True)


def _without(text: str, secrets: Iterable[Span], salt: bytes) -> str:
    out: list[str] = []
    done = 0
    for start, end in secrets:
        out += (text[done:start], _mark(text[start:end], salt))
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
