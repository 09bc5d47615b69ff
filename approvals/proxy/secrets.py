"""Credentials that the gateway puts in, and agents never see.

Laws: a value is on disk encrypted only, bound to its name, hosts, place and agents; it replaces its
agent's placeholder in its place, on the way to its hosts, over https; a placeholder anywhere else
is a refusal, so that no server can be made to echo the value; in answers the value is crossed out.
AWS keys replace nothing: a request signed with the placeholder is signed again with them.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import json
import os
import re
import shlex
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from approvals.evidence import Headers, frame, split_url
from approvals.model import Instant, Refused
from approvals.proxy import aws
from approvals.proxy.ca import guarded, private, utc
from approvals.proxy.credentials import (
    AWS,
    COMMAND,
    OAUTH,
    SHORTEST,
    VALUE,
    Command,
    KeyPair,
    Secret,
    Unavailable,
    client,
    fit,
    key_pair,
    stored,
)
from approvals.proxy.fetched import Fetched, Post, Uses
from approvals.proxy.wire import Problem

FILE: Final = "secrets.json"
KEY: Final = "secrets.key"
VARIABLE: Final = "COUNTERSIGN_GATEWAY_KEY"
"""32 bytes in base64, instead of the key file."""
PREFIX: Final = "csk_placeholder_"
FORM: Final = "application/x-www-form-urlencoded"
FIELDS: Final = 1_000
"""Fields of a form, and bytes of a field's name: in a larger one nothing is replaced (PHP's
max_input_vars and Django's DATA_UPLOAD_MAX_NUMBER_FIELDS are 1,000)."""
STEP: Final = 64 * 1024
"""Bytes that are looked through at once: some milliseconds at most."""
_AGAIN: Final = re.compile(rb"%(?:25)+")  # percent-encoded several times
_MARK: Final = re.compile("".join(rf"(?:{char}|%{ord(char):02x})" for char in PREFIX).encode())
# Each spelling holds all of it, or one of its characters percent-encoded. These two are searched
# for at the speed of C, and `_MARK` only where one of them is.
_PLAIN: Final = PREFIX.encode()
_CODED: Final = re.compile(
    f"%(?:25|{'|'.join(sorted({f'{ord(char):02x}' for char in PREFIX}))})".encode()
)
_BASIC: Final = re.compile(r"(?i)(basic +)([A-Za-z0-9+/_-]+=*) *")


class Misuse(Exception):
    """A placeholder where it does not belong; `str()` says where."""


@dataclass(frozen=True, slots=True)
class Filled:
    """Headers, target and body as they go out, and what must not come back (longest first).

    `url`, `body` None: as they came. `used`: the credentials in it, each with the access token that
    it had.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    values: tuple[bytes, ...] = field(repr=False)
    url: str | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    used: Mapping[Secret, str] = field(default_factory=dict, repr=False)


class Secrets:
    """The secrets of a folder, read again when its file changes, and those of the configuration
    (`declared`). Without `clock` and `post` those that are fetched or signed with can't be used."""

    def __init__(
        self, folder: Path, env: Mapping[str, str], *, declared: Sequence[Secret] = (),
        clock: Callable[[], Instant] | None = None, post: Post | None = None,
    ) -> None:  # fmt: skip
        self._file, self._declared = folder / FILE, tuple(declared)
        self._key = _key(folder / KEY, env.get(VARIABLE))
        self._read: tuple[object, tuple[Secret, ...]] = (None, ())
        self.uses = Uses(folder, self._key)
        self._clock = clock
        self._fetched = Fetched(folder, self.uses, clock, post) if clock and post else None

    def all(self) -> tuple[Secret, ...]:
        """Every secret. `Refused`: others can read the file."""
        if not self._file.exists():
            return self._declared
        about = self._file.stat()
        version = about.st_mtime_ns, about.st_ino
        if self._read[0] != version:
            try:
                listed = tuple(map(stored, json.loads(guarded(self._file))))
            except (LookupError, TypeError, ValueError):
                raise Refused(f"{self._file} is not a list of secrets") from None
            if twice := {it.name for it in listed} & {it.name for it in self._declared}:
                why = "is in the configuration and kept by `secret set`: remove one"
                raise Refused(f"the secret {min(twice)} {why}")
            self._read = version, listed
        return (*self._read[1], *self._declared)

    def put(self, secret: Secret, value: str) -> None:
        """Add it, or give the one of its name a new value and place. `ValueError`: unfit."""
        if any(it.name == secret.name for it in self._declared):
            raise ValueError(f"{secret.name} is in the configuration: change it there")
        if secret.kind == VALUE:
            fit(value)
        elif secret.kind == AWS:
            key_pair(value)
        elif secret.oauth is not None:
            client(secret.oauth, value)
        elif not shlex.split(value):  # raises where a quote is open
            raise ValueError("a command has a program")
        nonce = os.urandom(12)
        sealed = AESGCM(self._key).encrypt(nonce, value.encode(), secret.bound())
        made = replace(secret, nonce=nonce.hex(), sealed=sealed.hex())
        self._write([it for it in self._kept() if it.name != secret.name] + [made])
        self.uses.forget(secret.name)

    async def fetch(self, agent: str, url: str, headers: Headers, body: bytes | None) -> None:
        """Run the commands and fetch the tokens that a request's placeholders need. `Refused`."""
        authority = split_url(url)[1]
        texts = [url, *(value for _, value in headers)]
        texts += [inner for _, value in headers if (inner := _basic(value)) is not None]
        for secret in self.all():
            if secret.kind in (VALUE, AWS) and secret.command is None:
                continue
            if not secret.of(agent) or not secret.at(authority):
                continue
            placeholder = self.placeholder(secret.name, agent)
            if any(placeholder in text for text in texts) or placeholder.encode() in (body or b""):
                await self.ready(secret)

    async def ready(self, secret: Secret) -> None:
        """Run its command and fetch its access token, if what is there is too old. `Refused`."""
        if self._fetched is None:
            raise Unavailable(secret.name, "nothing is fetched here", again=False)
        if (command := self._command(secret)) is not None:
            await self._fetched.printed(secret, command)
        if secret.kind == OAUTH:
            await self._fetched.renewed(secret, self._text(secret))

    def answered(self, filled: Filled, status: int) -> None:
        """Note what an upstream said to a request with these credentials."""
        if self._clock is None:
            return
        for secret, token in filled.used.items():
            with contextlib.suppress(sqlite3.Error):  # what was sent is sent, noted or not
                if status != 401:
                    self.uses.used(secret.name, self._clock())
                else:
                    self.uses.failed(secret.name, self._clock(), "a server answered 401 to it")
            if status == 401 and token and self._fetched is not None:
                self._fetched.refused(secret, token)

    async def close(self) -> None:
        if self._fetched is not None:
            await self._fetched.close()

    def remove(self, name: str) -> bool:
        """False: there is none of this name."""
        before = self._kept()
        self._write([it for it in before if it.name != name])
        self.uses.forget(name)
        return any(it.name == name for it in before)

    def _kept(self) -> list[Secret]:
        return [it for it in self.all() if it not in self._declared]

    def _write(self, secrets: Sequence[Secret]) -> None:
        beside = self._file.with_suffix(f".{os.urandom(4).hex()}")
        private(beside, json.dumps([it.record() for it in secrets], indent=1).encode())
        beside.replace(self._file)

    def placeholder(self, name: str, agent: str) -> str:
        """What an agent has in its environment. It changes only with the key."""
        code = hmac.digest(self._key, frame("countersign/placeholder/1", agent, name), "sha256")
        return f"{PREFIX}{agent}_{name}_{code[:12].hex()}"

    def fill(
        self, agent: str, url: str, headers: Headers, body: bytes | None = b"", *,
        clear: bool, method: str = "",
    ) -> Filled:  # fmt: skip
        """Put the values in. `clear`: plain http may carry them here. `body` None: it passes as it
        comes. Placeholders elsewhere in the body are for `spelt` to find.

        `Misuse`, `Refused`; `Problem`: the request cannot be signed.
        """
        scheme, authority, path, query = split_url(url)
        mine = [it for it in self.all() if it.at(authority)]
        mine = [it for it in mine if it.of(agent)]
        filled, values, used = [], set[bytes](), dict[Secret, str]()
        for signer in mine:
            if signer.kind == AWS and self._signs(signer, agent, headers, query):
                if scheme != "https" and not clear:
                    raise Misuse("a request that is not encrypted")
                unsigned = aws.Unsigned(method, url, headers, body)
                headers = self._signed(signer, agent, unsigned)
                used[signer] = ""

        def put(text: str, place: str, coded: Callable[[str], str] = str) -> str:
            for secret in mine:
                placeholder = self.placeholder(secret.name, agent)
                if secret.kind != AWS and secret.header == place and placeholder in text:
                    real = self._value(secret)
                    text = text.replace(placeholder, coded(real))
                    values.update(_shapes(real))
                    used[secret] = real if secret.kind == OAUTH else ""
            return text

        def fields(text: str, kind: str, coded: Callable[[str], str]) -> str:
            pairs = [pair.partition("=") for pair in text.split("&")]
            done = [(k, eq, put(v, _place(kind, k), coded)) for k, eq, v in pairs]
            return "&".join("".join(pair) for pair in done)

        path = put(path, "path:", lambda real: quote(real, safe=":@!$'()*,~"))
        query = query and fields(query, "query", lambda real: quote(real, safe=""))
        sent = None
        if body and _is_form(headers) and _few(body):
            text = body.decode("latin-1")
            text = fields(text, "form", quote_plus)
            sent = text.encode("latin-1") if text.encode("latin-1") != body else None
        found = "the path" if spelt(path) else "the query" if spelt(query or "") else None
        for name, value in headers:
            if spelt(name):
                found = "the name of a header"
            inner = _basic(value)
            if not spelt(value) and not (inner and spelt(inner)):
                filled.append((name, value))
                continue
            if scheme != "https" and not clear:
                raise Misuse("a request that is not encrypted")
            text = put(inner or value, name.lower())
            if spelt(text):
                found = f"the header {name} for {authority}"
            if inner is not None:
                encoded = base64.b64encode(text.encode("latin-1")).decode()
                values.add(encoded.encode())
                text = value[: value.index(" ")] + " " + encoded
            filled.append((name, text))
        target = f"{scheme}://{authority}{path}" + ("" if query is None else f"?{query}")
        if found is not None:
            raise Misuse(found)
        if values and scheme != "https" and not clear:
            raise Misuse("a request that is not encrypted")
        if sent is not None:
            length = ("Content-Length", str(len(sent)))
            filled = [length if n.lower() == "content-length" else (n, v) for n, v in filled]
        if values and any(secret.kind == AWS for secret in used):
            why = "It is signed for AWS and has another placeholder, which the signature covers"
            raise Problem(403, "signature_refused", f"{why}. Nothing was sent.", again=False)
        crossed = tuple(sorted(values, key=len, reverse=True))
        return Filled(tuple(filled), crossed, target if target != url else None, sent, used)

    def blank(self, agent: str, url: str, headers: Headers, body: bytes) -> bytes:
        """A form's body without the placeholders that belong in its fields."""
        authority = split_url(url)[1]
        mine = [it for it in self.all() if it.header.startswith("form:") and it.at(authority)]
        if not mine or not _is_form(headers) or not _few(body):
            return body
        kept = []
        for pair in body.split(b"&"):
            key, equals, value = pair.partition(b"=")
            place = _place("form", key.decode("latin-1"))
            for secret in mine:
                if secret.header == place and secret.of(agent):
                    value = value.replace(self.placeholder(secret.name, agent).encode(), b"")
            kept.append(key + equals + value)
        return b"&".join(kept)

    def _signs(self, secret: Secret, agent: str, headers: Headers, query: str | None) -> bool:
        """Is this key's placeholder what the request is signed with? `Problem`: in its address."""
        placeholder = self.placeholder(secret.name, agent)
        if placeholder in unquote_plus(query or ""):
            why = "A presigned address can't be signed anew: its signature is part of what is shown"
            raise Problem(403, "signature_refused", f"{why}. Nothing was sent.", again=False)
        return any(
            name.lower() == "authorization" and placeholder in value for name, value in headers
        )

    def _signed(
        self, secret: Secret, agent: str, unsigned: aws.Unsigned
    ) -> tuple[tuple[str, str], ...]:
        if (missing := aws.missing()) is not None:
            raise Unavailable(secret.name, missing, again=False)
        if self._clock is None:
            raise Unavailable(secret.name, "nothing is signed here", again=False)
        keys, now = self._keys(secret), utc(self._clock())
        if keys.until is not None and keys.until <= now.timestamp():
            raise Unavailable(secret.name, "its keys have expired", again=False)
        return aws.resigned(unsigned, self.placeholder(secret.name, agent), keys, now)

    def _keys(self, secret: Secret) -> KeyPair:
        try:
            return key_pair(self._text(secret))
        except ValueError as error:
            raise Unavailable(secret.name, str(error), again=False) from None

    def _value(self, secret: Secret) -> str:
        if secret.kind == OAUTH and self._fetched is not None:
            return self._fetched.token(secret)
        return self._text(secret)

    def _text(self, secret: Secret) -> str:
        """Its text: kept here, or printed by its command."""
        if self._command(secret) is None:
            return self._opened(secret)
        if self._fetched is None:
            raise Unavailable(secret.name, "no command is run here", again=False)
        return self._fetched.text(secret)

    def _command(self, secret: Secret) -> Command | None:
        if secret.kind == COMMAND:
            return Command(tuple(shlex.split(self._opened(secret))))
        return secret.command

    def _opened(self, secret: Secret) -> str:
        try:
            nonce, sealed = bytes.fromhex(secret.nonce), bytes.fromhex(secret.sealed)
            return AESGCM(self._key).decrypt(nonce, sealed, secret.bound()).decode()
        except (InvalidTag, ValueError):
            raise Refused(f"the secret {secret.name} was altered, or its key is another") from None


class Scrubber:
    """Crosses values out of a stream, also where one spans two pieces; lengths stay the same."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self._values, self._kept = values, b""

    def feed(self, piece: bytes) -> bytes:
        """The bytes that can be passed on: all but an end that may be the beginning of a value."""
        if not self._values:
            return piece
        seen = self.whole(self._kept + piece)
        longest = min(len(self._values[0]) - 1, len(seen))
        keep = next((n for n in range(longest, 0, -1) if self._begins(seen[-n:])), 0)
        self._kept = seen[len(seen) - keep :]
        return seen[: len(seen) - keep]

    def _begins(self, tail: bytes) -> bool:
        return any(value.startswith(tail) for value in self._values)

    def end(self) -> bytes:
        """The bytes that were held back."""
        return self._kept

    def whole(self, raw: bytes) -> bytes:
        for value in self._values:
            raw = raw.replace(value, b"*" * len(value))
        return raw


class Spelling:
    """Looks through a text, in pieces, for any agent's placeholder, however percent-encoded.

    Linear: each piece is read by a few passes, whatever it holds (law 32).
    """

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, piece: bytes) -> bool:
        """Does one end in this piece?"""
        raw = self._tail + piece.lower()
        if coded := _CODED.search(raw) is not None:
            raw = _AGAIN.sub(b"%", raw)
        self._tail = raw[-3 * len(PREFIX) :]
        return _PLAIN in raw or (coded and _MARK.search(raw) is not None)


def spelt(text: str | bytes) -> bool:
    """Does it hold any agent's placeholder, however percent-encoded?"""
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    look = Spelling()
    return any(look.feed(raw[at : at + STEP]) for at in range(0, len(raw), STEP))


def _is_form(headers: Headers) -> bool:
    kinds = [value for name, value in headers if name.lower() == "content-type"]
    return [kind.partition(";")[0].strip().lower() for kind in kinds] == [FORM]


def _few(form: bytes) -> bool:
    """Does it hold a placeholder, and few enough fields to look at each?"""
    return _PLAIN in form and form.count(b"&") < FIELDS


def _place(kind: str, name: str) -> str:
    return f"{kind}:{unquote_plus(name) if len(name) <= FIELDS else ''}"


def _basic(value: str) -> str | None:
    """Login and password of Basic credentials; None: they are not Basic."""
    parts = _BASIC.fullmatch(value)
    try:
        raw = base64.b64decode(parts[2].translate({45: "+", 95: "/"}) + "==") if parts else None
    except binascii.Error:
        return None
    return None if raw is None else raw.decode("latin-1")


def _shapes(value: str) -> set[bytes]:
    """A value as servers may echo it: in addresses, JSON, HTML and base64, as encoders write it."""
    plain, named = json.dumps(value)[1:-1], ("&", "<", ">", "+", "'", "/", "=", '"', "`")
    texts = {value, quote(value, safe=""), quote(value), quote_plus(value), plain, escape(value)}
    texts |= {re.sub("%[0-9A-F]{2}", lambda it: it[0].lower(), text) for text in tuple(texts)}
    texts |= {plain.replace("/", "\\/"), repr(value)[1:-1], value.replace("'", "''")}
    html = escape(value, quote=False)
    texts |= {html, html.replace('"', "&quot;"), html.replace('"', "&#34;").replace("'", "&#39;")}
    texts.add(escape(value).replace("&#x27;", "&#39;"))
    # Go, Rails and .NET write some of these as \uXXXX, in either case.
    for some in (named[:3], (*named[:3], "'"), (*named[:5], '"', "`"), named):
        for form in ("%04x", "%04X"):
            coded = "".join("\\u" + form % ord(c) if c in some else c for c in value)
            texts |= {coded, coded.replace("/", "\\/")}
    shapes = {text.encode() for text in texts}
    for raw in (value.encode(), b" " + value.encode(), b"  " + value.encode()):
        # Within more text, three thirds of it look different: the middle of each is certain.
        lead = len(raw) - len(value)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(raw).rstrip(b"=")
            shapes.add(text[-(-lead * 8 // 6) : len(text) if not lead and not len(raw) % 3 else -1])
            if not lead:
                shapes.add(text)
    return {shape for shape in shapes if len(shape) >= SHORTEST}


def _key(path: Path, given: str | None) -> bytes:
    if given is None and not path.exists():
        private(path, base64.b64encode(os.urandom(32)))
    try:
        key = base64.b64decode(guarded(path) if given is None else given, validate=True)
        if len(key) == 32:
            return key
    except binascii.Error:
        pass
    raise Refused(f"{VARIABLE if given else path} is not 32 bytes in base64")
