"""Credentials that the gateway puts in, and agents never see.

Laws: a value is on disk encrypted only, bound to its name, hosts, place and agents; it replaces its
agent's placeholder in its place, on the way to its hosts, over https; a placeholder anywhere else
is a refusal, so that nobody can be made to echo the value; what comes back has it crossed out.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import os
import re
import shlex
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from approvals.evidence import Headers, frame, split_url
from approvals.model import Refused
from approvals.proxy.ca import guarded, private

FILE: Final = "secrets.json"
KEY: Final = "secrets.key"
VARIABLE: Final = "COUNTERSIGN_GATEWAY_KEY"
"""32 bytes in base64, instead of the key file."""
SHORTEST: Final = 8
"""Characters of a value; a shorter one could not be crossed out of answers."""
NAME: Final = r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}"
VALUE: Final = "value"
COMMAND: Final = "command"
"""What a secret holds: its value, or a command that prints it (`op read …`)."""
FETCHED: Final = 300.0
"""Seconds for which what a command printed is used."""
PATIENCE: Final = 20.0
"""Seconds that a command may take."""
PREFIX: Final = "csk_placeholder_"
FORM: Final = "application/x-www-form-urlencoded"
STEP: Final = 64 * 1024
"""Bytes that are looked through at once: some milliseconds at most."""
_AGAIN: Final = re.compile(rb"%(?:25)+")  # percent-encoded several times
_MARK: Final = re.compile("".join(rf"(?:{char}|%{ord(char):02x})" for char in PREFIX).encode())
_BASIC: Final = re.compile(r"(?i)(basic +)([A-Za-z0-9+/_-]+=*) *")


@dataclass(frozen=True, slots=True)
class Secret:
    """`host`: one or more, parted by commas: `api.example.com`, with a port, or `*.example.com`.

    `header`: where it stands: the name of a header, `query:NAME`, `form:NAME` or `path:`. `agents`
    None: every agent's placeholder.
    """

    name: str
    host: str
    header: str
    agents: tuple[str, ...] | None
    nonce: str = field(default="", repr=False)
    sealed: str = field(default="", repr=False)
    kind: str = VALUE

    def bound(self) -> bytes:
        agents = self.agents and json.dumps(self.agents)
        kind = () if self.kind == VALUE else (self.kind,)  # there were only values once
        terms = (self.name, self.host, self.header, agents or None, *kind)
        return frame("countersign/secret/1", *terms)

    def of(self, agent: str) -> bool:
        return self.agents is None or agent in self.agents

    def at(self, authority: str) -> bool:
        """May it go there? `*.example.com` is every name below example.com, and not that itself."""
        return any(
            authority == host or (host.startswith("*.") and authority.endswith(host[1:]))
            for host in self.host.split(",")
        )


class Misuse(Exception):
    """A placeholder where it does not belong; `str()` says where."""


@dataclass(frozen=True, slots=True)
class Filled:
    """Headers, target and body as they go out, and what must not come back (longest first).

    `url`, `body` None: as they came.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    values: tuple[bytes, ...] = field(repr=False)
    url: str | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)


class Secrets:
    """Those of a folder. Read again when the file changes."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._file = folder / FILE
        self._key = _key(folder / KEY, env.get(VARIABLE))
        self._read: tuple[object, tuple[Secret, ...]] = (None, ())
        self._fetched: dict[Secret, tuple[float, str]] = {}
        self._fetching = asyncio.Lock()

    def all(self) -> tuple[Secret, ...]:
        """What there is. `Refused`: others can read the file."""
        if not self._file.exists():
            return ()
        about = self._file.stat()
        version = about.st_mtime_ns, about.st_ino
        if self._read[0] != version:
            listed = json.loads(guarded(self._file))
            tupled = [{**it, "agents": it["agents"] and tuple(it["agents"])} for it in listed]
            self._read = version, tuple(Secret(**it) for it in tupled)
        return self._read[1]

    def any(self) -> bool:
        """Is there one? If not, no placeholder stands for anything."""
        return bool(self.all())

    def put(self, secret: Secret, value: str) -> None:
        """Add it, or give the one of its name a new value and place. `ValueError`: unfit."""
        if secret.kind == VALUE:
            _fit(value)
        elif not shlex.split(value):  # raises where a quote is open
            raise ValueError("a command has a program")
        nonce = os.urandom(12)
        sealed = AESGCM(self._key).encrypt(nonce, value.encode(), secret.bound())
        fields = asdict(secret) | {"nonce": nonce.hex(), "sealed": sealed.hex()}
        self._write([it for it in self.all() if it.name != secret.name] + [Secret(**fields)])

    async def fetch(self, agent: str, url: str) -> None:
        """Run the commands of what may go there, if they were not just run. `Refused`: one failed.

        A command is the operator's own, run without a shell, and gets nothing of the request.
        """
        authority = split_url(url)[1]
        for secret in self.all():
            if secret.kind != COMMAND or not secret.of(agent) or not secret.at(authority):
                continue
            async with self._fetching:  # many requests at once wait for one command
                now = asyncio.get_running_loop().time()
                if self._fetched.get(secret, (0.0, ""))[0] <= now:
                    self._fetched[secret] = now + FETCHED, await self.printed(secret)

    async def printed(self, secret: Secret) -> str:
        """What a secret's command prints. `Refused`, in words that hold none of it."""
        words = shlex.split(self._opened(secret))
        try:
            process = await asyncio.create_subprocess_exec(
                *words, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
            )
            try:
                async with asyncio.timeout(PATIENCE):
                    out, _ = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if process.returncode:
                raise ValueError(f"it exits with {process.returncode}")
            value = out.decode("latin-1").rstrip("\r\n")
            _fit(value)
        except TimeoutError:
            raise Refused(f"the command of {secret.name}: no answer in {PATIENCE:.0f} s") from None
        except (OSError, ValueError) as error:
            raise Refused(f"the command of {secret.name}: {error}") from None
        return value

    def remove(self, name: str) -> bool:
        """False: there is none of this name."""
        kept = [it for it in self.all() if it.name != name]
        self._write(kept)
        return len(kept) < len(self._read[1])

    def _write(self, secrets: Sequence[Secret]) -> None:
        beside = self._file.with_suffix(f".{os.urandom(4).hex()}")
        private(beside, json.dumps([asdict(it) for it in secrets], indent=1).encode())
        beside.replace(self._file)

    def placeholder(self, name: str, agent: str) -> str:
        """What an agent has in its environment; the same one as long as the key stays."""
        code = hmac.digest(self._key, frame("countersign/placeholder/1", agent, name), "sha256")
        return f"{PREFIX}{agent}_{name}_{code[:12].hex()}"

    def fill(
        self, agent: str, url: str, headers: Headers, body: bytes = b"", *, clear: bool
    ) -> Filled:
        """Put the values in. `clear`: plain http may carry them here. `Misuse`, `Refused`.

        That a placeholder stands elsewhere in the body is for `spelt` to find.
        """
        scheme, authority, path, query = split_url(url)
        mine = [it for it in self.all() if it.at(authority)]
        mine = [it for it in mine if it.of(agent)]
        filled, values = [], set[bytes]()

        def put(text: str, place: str, coded: Callable[[str], str] = str) -> str:
            for secret in mine:
                placeholder = self.placeholder(secret.name, agent)
                if secret.header == place and placeholder in text:
                    real = self._value(secret)
                    text = text.replace(placeholder, coded(real))
                    values.update(_shapes(real))
            return text

        def fields(text: str, kind: str, coded: Callable[[str], str]) -> str:
            pairs = [pair.partition("=") for pair in text.split("&")]
            done = [(k, eq, put(v, f"{kind}:{unquote_plus(k)}", coded)) for k, eq, v in pairs]
            return "&".join("".join(pair) for pair in done)

        path = put(path, "path:", lambda real: quote(real, safe=":@!$'()*,~"))
        query = query and fields(query, "query", lambda real: quote(real, safe=""))
        sent = None
        if body and _is_form(headers):
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
        crossed = tuple(sorted(values, key=len, reverse=True))
        return Filled(tuple(filled), crossed, target if target != url else None, sent)

    def blank(self, agent: str, url: str, headers: Headers, body: bytes) -> bytes:
        """A form's body without the placeholders that belong in its fields."""
        authority = split_url(url)[1]
        mine = [it for it in self.all() if it.header.startswith("form:") and it.at(authority)]
        if not mine or not _is_form(headers):
            return body
        kept = []
        for pair in body.split(b"&"):
            key, equals, value = pair.partition(b"=")
            place = f"form:{unquote_plus(key.decode('latin-1'))}"
            for secret in mine:
                if secret.header == place and secret.of(agent):
                    value = value.replace(self.placeholder(secret.name, agent).encode(), b"")
            kept.append(key + equals + value)
        return b"&".join(kept)

    def _value(self, secret: Secret) -> str:
        if secret.kind != COMMAND:
            return self._opened(secret)
        if secret not in self._fetched:
            raise Refused(f"the command of {secret.name} was not run")
        return self._fetched[secret][1]

    def _opened(self, secret: Secret) -> str:
        try:
            nonce, sealed = bytes.fromhex(secret.nonce), bytes.fromhex(secret.sealed)
            return AESGCM(self._key).decrypt(nonce, sealed, secret.bound()).decode()
        except (InvalidTag, ValueError):
            raise Refused(f"the secret {secret.name} was altered, or its key is another") from None


class Scrubber:
    """Crosses values out of a stream, also across the borders of its pieces; lengths stay."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self._values, self._kept = values, b""

    def feed(self, piece: bytes) -> bytes:
        """What can go on already: all but what may be the beginning of a value."""
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
        """What was held back."""
        return self._kept

    def whole(self, raw: bytes) -> bytes:
        for value in self._values:
            raw = raw.replace(value, b"*" * len(value))
        return raw


class Spelling:
    """Looks through a text for a placeholder, whoever's and however percent-encoded, in pieces.

    Linear: each piece is read by a few passes, whatever it holds (law 32).
    """

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, piece: bytes) -> bool:
        """Does one end in this piece?"""
        raw = self._tail + piece.lower()
        if b"%25" in raw:
            raw = _AGAIN.sub(b"%", raw)
        self._tail = raw[-3 * len(PREFIX) :]
        return _MARK.search(raw) is not None


def spelt(text: str | bytes) -> bool:
    """Does it hold a placeholder, whoever's and however percent-encoded?"""
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    look = Spelling()
    return any(look.feed(raw[at : at + STEP]) for at in range(0, len(raw), STEP))


def _fit(value: str) -> None:
    if len(value) < SHORTEST or re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", value) is None:
        raise ValueError(f"a value is {SHORTEST} or more printable ASCII characters")


def _is_form(headers: Headers) -> bool:
    kinds = [value for name, value in headers if name.lower() == "content-type"]
    return [kind.partition(";")[0].strip().lower() for kind in kinds] == [FORM]


def _basic(value: str) -> str | None:
    """The credentials in clear; None: not Basic."""
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
    texts |= {_percent_lower(text) for text in tuple(texts)}
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


def _percent_lower(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


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
