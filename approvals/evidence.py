"""What was asked (digests), what was said (receipts), what happened (the audit chain). The laws:

1. Whatever is hashed or signed passes `frame` or a JWS `typ`: two meanings never share bytes.
2. A digest binds every end-to-end byte as it will be sent; what has two readings is refused.
3. A receipt not proven in every claim is a refusal that says why.
4. The chain names its first bad row; erasing a row's content and salt breaks no link.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from typing import Any, Final, Self, TypeAlias

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from approvals.model import SECOND, Case, Choice, Instant, Refused, Status
from approvals.proof import ed25519_key

Field: TypeAlias = str | bytes | int | None
Headers: TypeAlias = Iterable[tuple[str, str]]
Claims: TypeAlias = dict[str, Any]
Keys: TypeAlias = Iterable[Mapping[str, str]]  # public JWKs

MAX_DEPTH, MAX_NUMBER = 64, 2**53 - 1  # a double, and so JCS, mixes larger neighbours up
SKEW: Final = 30 * SECOND
RECEIPT: Final = "countersign-receipt+jwt"
CHECKPOINT: Final = "countersign-checkpoint+jwt"
GENESIS: Final = bytes(32)  # the link before row 1
ROOT: Final = f"0:{GENESIS.hex()}"  # the head of an empty chain


def frame(purpose: str, *fields: Field) -> bytes:
    """An injective, domain-separated encoding (docs/digest.md). `ValueError`: a lone surrogate."""
    out = []
    for value in (purpose, *fields):
        if isinstance(value, str):
            raw = value.encode()
            out.append(b"s%d:%b" % (len(raw), raw))
        elif isinstance(value, bytes):
            out.append(b"b%d:%b" % (len(value), value))
        else:
            out.append(b"n:" if value is None else b"i%d:" % value)
    return b"".join(out)


_HOST: Final = r"(\[[0-9a-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::([1-9]\d{0,4}))?"
_URL: Final = re.compile(rf"(?ai)(https?)://{_HOST}(/[!-\"$->@-~]*)?(?:\?([!-\"$-~]*))?")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110 §7.6.1 and its forerunners.
_HOPS: Final = "connection|http2-settings|keep-alive|te|trailer|transfer-encoding|upgrade"
_HOP_BY_HOP: Final = re.compile(rf"{_HOPS}|proxy-(authenticate|authorization|connection)")


def split_url(url: str) -> tuple[str, str, str, str | None]:
    """Scheme, authority, raw path, raw query (None: no "?"). `ValueError`: it has two readings."""
    # Scheme and authority in lower case, without default port. An empty path is sent as "/".
    parts = _URL.fullmatch(url)
    if parts is None or int(parts[3] or 0) > 65535:
        raise ValueError("not a plain http(s)://host[:port]/path?query, no user, no fragment")
    scheme, host, port = parts[1].lower(), parts[2].lower(), parts[3]
    authority = host if port in {None, "80" if scheme == "http" else "443"} else f"{host}:{port}"
    return scheme, authority, parts[4] or "/", parts[5]


def end_to_end(headers: Headers) -> list[tuple[str, str]]:
    """The bound headers by lower-case name, duplicates in order. `ValueError`: not fit to send."""
    listed = []
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or re.search(r"[^\t -~\x80-\xff]", value):
            raise ValueError(f"the header {name!r} has a name or value that cannot be sent")
        listed.append((name.lower(), value.strip(" \t")))
    options = ",".join(value for name, value in listed if name == "connection").lower().split(",")
    bound = [header for header in listed if not _HOP_BY_HOP.fullmatch(header[0])]
    # Whoever obeys Connection drops such a header, and whoever does not sends it unbound.
    if named := {option.strip(" \t") for option in options}.intersection(dict(bound)):
        raise ValueError(f"the Connection header names {min(named)}, which is sent end to end")
    return sorted(bound, key=lambda header: header[0])


def digest_http(
    *, revision: int, action: str, method: str, url: str, headers: Headers, body: bytes
) -> str:
    """ "sha-256:" + hex over all that will be sent. `ValueError`: it cannot be sent."""
    target, bound = split_url(url), end_to_end(headers)
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"{method!r} is not an HTTP method")
    for name, value in bound:
        if name == "host" and split_url(f"{target[0]}://{value}/") != (*target[:2], "/", None):
            raise ValueError("the Host header names another host than the URL")
    flat = [text for header in bound for text in header]
    fields = (revision, action, method, *target, len(bound), *flat, body)
    return "sha-256:" + sha256(frame("countersign/digest/http/1", *fields)).hexdigest()


def digest_payload(*, revision: int, action: str, payload: str) -> str:
    """ "sha-256:" + hex over the canonical form of a JSON text. `ValueError` as `canonical`."""
    message = frame("countersign/digest/payload/1", revision, action, canonical(payload))
    return "sha-256:" + sha256(message).hexdigest()


class Canonical(str):
    """JSON text known to be in JCS form: finding that out again costs a second for a megabyte."""


class Ordered(str):
    """JSON text in its sender's order, which people read, with the JCS form, which is digested."""

    canonical: Canonical

    @classmethod
    def of(cls, value: Any) -> Self:
        """Of what `read_json` read. `ValueError`: it has no JCS form."""
        form = canonical_of(value)
        text = cls(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
        text.canonical = form
        return text


def canonical(text: bytes | str) -> Canonical:
    """The JCS form (RFC 8785) of a JSON text. `ValueError`, in words: it has none, or several."""
    if isinstance(text, Ordered):
        return text.canonical
    return text if isinstance(text, Canonical) else canonical_of(read_json(text))


def canonical_of(value: Any) -> Canonical:
    """The JCS form of what `read_json` read."""
    return Canonical(rfc8785.dumps(value).decode())


def read_json(text: bytes | str) -> Any:
    """A JSON text's one reading. `ValueError`: a key twice, too large a number, nested too deep."""
    text = text if isinstance(text, str) else text.decode()
    if text.count("[") + text.count("{") > MAX_DEPTH:  # else it cannot, whatever stands in strings
        shape = text.encode(errors="surrogatepass").translate(None, _SHAPELESS).decode()
        steps = (1 if bracket in "[{" else -1 for bracket in _BESIDE_BRACKETS.sub("", shape))
        if max(accumulate(steps), default=0) > MAX_DEPTH:
            raise ValueError(f"the JSON is nested deeper than {MAX_DEPTH}")
    return _DECODER.decode(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(value := dict(pairs)) != len(pairs):
        raise ValueError("the JSON has a key twice in one object")
    return value


def _number(text: str) -> float:
    # 1e16 is bounded like 10000000000000000: JCS writes both as that integer. NaN is never <=.
    if not abs(value := float(text)) <= MAX_NUMBER:
        raise ValueError("the JSON has a number beyond ±(2^53-1)")
    return int(value) if value.is_integer() else value


# What a backslash may stand before is left in, or the one of "\\n" would be before a quote.
_SHAPELESS: Final = bytes({*range(256)} - {*b'"\\[]{}bfnrtu/'})
_BESIDE_BRACKETS: Final = re.compile(r'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"?|[^]["{}]+', re.DOTALL)
_JSON: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_quoted: Final = json.encoder.encode_basestring_ascii
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_number
)


@dataclass(frozen=True, eq=False)  # no slots: the thumbprint is kept, every signature needs it
class ReceiptKey:
    """The Ed25519 key that signs receipts and checkpoints."""

    private: Ed25519PrivateKey = field(repr=False)

    def jwk(self) -> dict[str, str]:
        """The public half, for `/.well-known/jwks.json`; `kid` is its thumbprint."""
        x = _b64(self.private.public_key().public_bytes_raw())
        public = {"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig"}
        return public | {"kid": thumbprint(public)}

    @cached_property
    def thumbprint(self) -> str:
        return self.jwk()["kid"]


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The RFC 7638 thumbprint of an Ed25519 key: what a gateway pins. `ValueError`: another key."""
    if (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519"):
        raise ValueError("the key is not an Ed25519 key")
    return _b64(sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{jwk["x"]}"}}'.encode()).digest())


def receipt_claims(case: Case, *, issuer: str) -> Claims:
    """The claims of a closed case's receipt. `ValueError`: it is open."""
    # No names: the requester reads it, and should not learn whom to persuade. The chain joins each
    # seal to a person (docs/adr/0006).
    if case.open or case.decided_at is None:
        raise ValueError("an open case has no receipt")
    about, issued = case.ask, case.decided_at // SECOND
    choice = Choice.APPROVE if case.status is Status.APPROVED else Choice.DECLINE
    people = [
        {"choice": vote.choice, "at": vote.at // SECOND, "seal": vote.mac[:32]}
        | ({"channel": vote.channel} if vote.channel == "grant" else {})  # given in advance
        for vote in case.votes
    ]
    claims: Claims = {"iss": issuer, "aud": case.requester, "sub": case.id, "org": case.org}
    claims |= {"jti": f"{case.id}.{case.revision}", "iat": issued}
    claims |= {"exp": issued + about.release_within // SECOND, "choice": choice}
    claims |= {"status": case.status, "digest": case.digest, "revision": case.revision}
    claims |= {"people": people, "policy": about.policy, "rule": about.rule, "head": case.head}
    return claims | {"unseen": not case.complete}


def sign_receipt(key: ReceiptKey, claims: Claims) -> str:
    """A compact JWS; the same key and claims give the same text."""
    return _sign(key, RECEIPT, claims)


def verify_receipt(
    token: str, keys: Keys, *, issuer: str, audience: str, subject: str, digest: str, now: Instant
) -> Claims:
    """The claims of a receipt that releases exactly this now; else `Refused`, in words.

    `keys`: the pinned ones. The caller notes `jti` as used before it sends."""
    claims, expired = read_receipt(token, keys, now=now - SKEW)
    wanted = {"iss": issuer, "aud": audience, "sub": subject, "choice": "approve", "digest": digest}
    for name, value in wanted.items():
        if claims.get(name) != value:
            raise Refused(f"the receipt's {name} is {claims.get(name)!r} and not {value!r}")
    if claims["iat"] * SECOND > now + SKEW:
        raise Refused("the receipt was issued in the future")
    if expired:
        raise Refused("the receipt has expired")
    return claims


def read_receipt(token: str, keys: Keys, *, now: Instant) -> tuple[Claims, bool]:
    """A genuine receipt's claims, and whether it has expired (it is evidence still). `Refused`."""
    claims = _open(token, RECEIPT, keys)
    for name, wanted in {"iat": int, "exp": int, "jti": str}.items():
        if type(claims.get(name)) is not wanted:
            raise Refused(f"the receipt has no {name}, or not as {wanted.__name__}")
    return claims, now >= claims["exp"] * SECOND


class _EdDSA(jws.JWSRegistry):
    # Pins the algorithm, and leaves out joserfc's warning that RFC 9864 renames EdDSA to Ed25519:
    # the format uses the name that every JOSE library knows, and the key itself says Ed25519.
    def get_alg(self, name: str) -> Any:
        if name != "EdDSA":
            raise ValueError(f"its algorithm is {name!r} and not EdDSA")
        return self.algorithms[name]


def _sign(key: ReceiptKey, typ: str, claims: Claims) -> str:
    # By hand since every verdict waits for it: three base64 parts. joserfc reads what comes in.
    parts = ({"alg": "EdDSA", "kid": key.thumbprint, "typ": typ}, claims)
    message = ".".join(_b64(_JSON.encode(part).encode()) for part in parts)
    return f"{message}.{_b64(key.private.sign(message.encode()))}"


def _open(token: str, typ: str, keys: Keys) -> Claims:
    trusted = {thumbprint(jwk): jwk["x"] for jwk in keys}
    try:
        header = jws.extract_compact(token.encode()).headers()
        if header.get("typ") != typ or (x := trusted.get(header.get("kid", ""))) is None:
            raise ValueError(f"it is not a {typ}, or its key is not trusted here")
        ed25519_key(urlsafe_b64decode(x + "=" * (-len(x) % 4)))  # not one that proves nothing
        key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x})
        return dict(read_json(jws.deserialize_compact(token, key, registry=_EdDSA()).payload))
    except Exception as error:  # whatever hostile text breaks in a parser is a refusal
        raise Refused(f"the token does not verify: {error}") from error


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `content`: JSON text; `salt`: 16 random bytes; erased: both None."""

    org: str
    at: Instant
    kind: str
    request_id: str | None
    content: str | None
    salt: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Row `seq` of the chain had this `link`; `head` is "seq:hash", as receipts name it."""

    seq: int
    link: bytes
    at: Instant

    @property
    def head(self) -> str:
        return f"{self.seq}:{self.link.hex()}"


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What an export proved. `bad`: the first wrong row, and `why`; None: sound up to `head`.

    Above `known`, the last row that a given head confirmed, its holder could have rewritten it."""

    head: str
    erased: int
    known: int
    bad: int | None = None
    why: str = ""


def commitment(entry: Entry) -> bytes:
    """32 bytes that bind the content, and tell nothing about it to who lacks the salt."""
    if entry.content is None or entry.salt is None:
        raise ValueError("an erased entry has only the commitment that was stored")
    return _commitment(entry.salt, entry.content)


def link(previous: bytes, seq: int, entry: Entry, committed: bytes) -> bytes:
    """The hash of a row and all before it. `seq` counts from 1, and row 1 follows `GENESIS`."""
    said = (entry.org, rfc3339(entry.at), entry.kind, entry.request_id)
    return _link(previous, seq, said, committed)


def export_line(seq: int, entry: Entry, committed: bytes, linked: bytes) -> str:
    """One row of `GET /v1/audit`, without a line end; erased rows lack content and salt."""
    said = (entry.org, rfc3339(entry.at), entry.kind, entry.request_id)
    return _line(seq, said, entry.content, entry.salt, committed, linked)


# Years of rows are checked by these, and every tap waits for the first: each is written out.

_Said: TypeAlias = tuple[str, str, str, str | None]  # org, when (RFC 3339), kind, request id


def _commitment(salt: bytes, content: str) -> bytes:
    # frame("countersign/commitment/1", salt, content)
    raw = content.encode()
    framed = b"s24:countersign/commitment/1b%d:%bs%d:%b" % (len(salt), salt, len(raw), raw)
    return sha256(framed).digest()


def _link(previous: bytes, seq: int, said: _Said, committed: bytes) -> bytes:
    # frame("countersign/link/1", previous, seq, *said, committed)
    org, at, kind = said[0].encode(), said[1].encode(), said[2].encode()
    about = b"n:" if said[3] is None else b"s%d:%b" % (len(raw := said[3].encode()), raw)
    framed = b"s18:countersign/link/1b%d:%bi%d:s%d:%bs%d:%bs%d:%b%bb%d:%b" % (
        *(len(previous), previous, seq, len(org), org, len(at), at, len(kind), kind),
        *(about, len(committed), committed),
    )
    return sha256(framed).digest()


def _line(
    seq: int, said: _Said, content: str | None, salt: bytes | None, committed: bytes, linked: bytes
) -> str:
    # json.dumps of the row
    org, at, kind, about = said
    case = "null" if about is None else _quoted(about)
    row = (
        f'{{"seq": {seq}, "org": {_quoted(org)}, "at": "{at}", "kind": {_quoted(kind)}, '
        f'"request_id": {case}, "commitment": "{committed.hex()}", "link": "{linked.hex()}"'
    )
    if content is None or salt is None:
        return row + "}"
    return f'{row}, "content": {_quoted(content)}, "salt": "{salt.hex()}"}}'


def sign_checkpoint(key: ReceiptKey, point: Checkpoint, *, issuer: str) -> str:
    """A signed head for auditors to keep elsewhere, a compact JWS."""
    return _sign(key, CHECKPOINT, {"iss": issuer, "iat": point.at // SECOND, "head": point.head})


def read_checkpoint(token: str, keys: Keys) -> Checkpoint:
    """A genuine checkpoint, to the second; else `Refused`, in words."""
    claims = _open(token, CHECKPOINT, keys)
    seq, linked = _head(claims["head"])
    return Checkpoint(seq, linked, claims["iat"] * SECOND)


def verify_chain(
    lines: Iterable[str], *, heads: Iterable[str] = (), after: str = ROOT
) -> ChainReport:
    """Check an export row by row, and that `heads` (of receipts, checkpoints) are all in it.

    `after`: the head below the first row. `ValueError`: a given head is not "seq:hash"."""
    chain = Chain(heads=heads, after=after)
    for line in lines:
        if line.strip() and not chain.line(line):
            break
    return chain.report()


class Chain:
    """A chain that is checked while it is read, each row once; what was read is not kept.

    `heads` must be in it where it reaches above `after`, the head below its first row.
    `ValueError`: one is not "seq:hash"."""

    def __init__(self, *, heads: Iterable[str] = (), after: str = ROOT) -> None:
        self._heads = dict[int, set[bytes]]()
        for number, hashed in map(_head, heads):
            self._heads.setdefault(number, set()).add(hashed)
        self._seq, self._link = _head(after)
        self._erased = self._known = 0
        self._why = ""

    def line(self, text: str) -> bool:
        """The next row as exported. False: it is the first bad one, and there is no more to do."""
        try:
            row = json.loads(text)
            if row["seq"] != (seq := self._seq + 1):
                why = "rows are missing or out of order"
                raise ValueError(f"row {row['seq']} stands in its place: {why}")
            said = (row["org"], row["at"], row["kind"], row["request_id"])
            if not _AT.fullmatch(said[1]) or not datetime.fromisoformat(said[1]):
                raise ValueError(_UNLINKED)
            content, salt = row.get("content"), None
            if "salt" in row:
                salt = bytes.fromhex(row["salt"])
            committed, linked = bytes.fromhex(row["commitment"]), bytes.fromhex(row["link"])
            self._step(said, content, salt, committed, linked)
            # Byte for byte as we write it, it has one reading. Else it is read again, strictly.
            written = _line(seq, said, content, salt, committed, linked)
            if written != text and read_json(text) != json.loads(written):
                raise ValueError(_UNLINKED)
        except json.JSONDecodeError:
            return self._bad("it is not JSON")
        except KeyError as error:
            return self._bad(f"it has no {error}")
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            return self._bad(str(error))
        return self._good(salt, linked)

    def row(self, seq: int, entry: Entry, committed: bytes, linked: bytes) -> bool:
        """The next row as stored. False: as of `line`."""
        try:
            if seq != self._seq + 1:
                raise ValueError(f"row {seq} stands in its place: rows are missing")
            said = (entry.org, rfc3339(entry.at), entry.kind, entry.request_id)
            self._step(said, entry.content, entry.salt, committed, linked)
        except ValueError as error:
            return self._bad(str(error))
        return self._good(entry.salt, linked)

    def report(self) -> ChainReport:
        """What was proven of the rows that were read."""
        bad = self._seq + 1 if self._why else None
        last, why = max(self._heads, default=0), self._why
        if not why and last > self._seq:
            bad, why = self._seq + 1, f"it is missing, and row {last} is known"
        return ChainReport(f"{self._seq}:{self._link.hex()}", self._erased, self._known, bad, why)

    def _step(
        self, said: _Said, content: str | None, salt: bytes | None, committed: bytes, linked: bytes
    ) -> None:
        if salt is not None and _commitment(salt, content or "") != committed:
            raise ValueError("its content is not the one that was committed to")
        seq = self._seq + 1
        if _link(self._link, seq, said, committed) != linked:
            raise ValueError(_UNLINKED)
        if self._heads and self._heads.get(seq, {linked}) != {linked}:
            raise ValueError("its link is not the one that a known head names")

    def _good(self, salt: bytes | None, linked: bytes) -> bool:
        self._seq, self._link = self._seq + 1, linked
        self._erased += salt is None
        self._known = self._seq if self._seq in self._heads else self._known
        return True

    def _bad(self, why: str) -> bool:
        self._why = why
        return False


_UNLINKED: Final = "it, or the row before it, is not the one that was linked"


def _head(text: str) -> tuple[int, bytes]:
    if not re.fullmatch(r"[0-9]{1,15}:[0-9a-f]{64}", text):
        raise ValueError(f"{text!r} is not a chain head (seq:hash)")
    return int(text[:-65]), bytes.fromhex(text[-64:])


_AT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at: Instant) -> str:
    """An instant as RFC 3339 text in UTC with milliseconds: the one spelling that we write."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")[:-6] + "Z"
