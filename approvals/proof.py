"""How platforms prove themselves: a MAC, a signature, a shared secret, and freshness.

Every check either returns or raises `Forged`, whatever it is given: absent, not ASCII, not hex, of
the wrong length. An empty key proves nothing and is `Forged` too. Comparisons take constant time.
"""

from __future__ import annotations

import asyncio
import hmac
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic_core import from_json

from approvals.model import MINUTE, SECOND, Busy, Duration, Forged, Instant

KEYS_LAST: Final[Duration] = 24 * 60 * MINUTE
"""After so long a platform's keys are read again: one that it withdrew is believed no longer."""
KEYS_PAUSE: Final[Duration] = MINUTE
"""Between two looks for a key that we do not know: who invents keys makes us look."""
_P: Final = 2**255 - 19
_D: Final = -121_665 * pow(121_666, -1, _P) % _P
"""Of edwards25519: https://www.rfc-editor.org/rfc/rfc8032#section-5.1"""
_Y8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_LOW: Final = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})
"""The y of the eight points whose order divides 8. With such a key, forged signatures verify:
https://www.rfc-editor.org/rfc/rfc8032#section-8.9 wants them refused where that matters. A test
works them out again."""
_WRONG: Final = (JoseError, LookupError, TypeError, ValueError, AttributeError, RecursionError)


def hmac_sha256(key: bytes, message: bytes) -> str:
    """HMAC-SHA256 in lower-case hex."""
    return hmac.digest(key, message, "sha256").hex()


def check_hmac(key: bytes, message: bytes, given: str | None, *, prefix: str = "") -> None:
    """`given` must be `prefix` (like "v0=") and the lower-case hex HMAC-SHA256 of `message`."""
    check_secret(prefix + hmac_sha256(key, message) if key else "", given)


def check_ed25519(public_key: bytes, message: bytes, given: str | None) -> None:
    """`given` must be the hex Ed25519 signature of `message`; `public_key` is its raw 32 bytes."""
    try:
        ed25519_key(public_key).verify(bytes.fromhex(given or ""), message)
    except (InvalidSignature, ValueError) as error:
        raise Forged("the signature is absent or not the sender's") from error


@lru_cache(maxsize=64)  # the check costs more than a signature's, and keys are few
def ed25519_key(raw: bytes) -> Ed25519PublicKey:
    """The public key of these 32 bytes. `ValueError`, in words, for one that cannot be a key: not a
    point of the curve, not written in its one form, or of low order, so that it proves nothing."""
    _check_point(raw)
    return Ed25519PublicKey.from_public_bytes(raw)


def _check_point(raw: bytes) -> None:
    if len(raw) != 32:
        raise ValueError("a key has 32 bytes")
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise ValueError("this is not a key: the number is too large")
    if y in _LOW:
        raise ValueError("this is a point of low order: anybody could sign for it")
    x2 = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(x2, (_P - 1) // 2, _P) != 1:
        raise ValueError("this is not a key: it is not a point of the curve")


def check_secret(expected: str, given: str | None) -> None:
    """`given` must be the secret that only the platform and we know."""
    ours, theirs = expected.encode(), (given or "").encode(errors="surrogatepass")
    if not ours or not hmac.compare_digest(ours, theirs):
        raise Forged("the proof is absent or not the sender's")


def check_fresh(timestamp: str | None, now: Instant, window: Duration) -> Instant:
    """When it was sent: `timestamp` in whole Unix seconds, at most `window` from `now` either way.

    Twelve ASCII digits at most: `int` would also take "1_0", " 10 " and digits of other scripts.
    """
    text = timestamp or ""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Forged("the timestamp is absent or not a number")
    sent = int(text) * SECOND
    if abs(now - sent) > window:
        raise Forged("the timestamp is not of now")
    return sent


@dataclass(slots=True)
class Signers:
    """The RSA keys with which a platform signs what it delivers, by key id, as it published them.

    With each key stands what it is endorsed for, if the platform says such things.
    """

    keys: dict[str, tuple[RSAKey, frozenset[str]]] = field(default_factory=dict)
    read: Instant = -KEYS_LAST
    asked: Instant = -KEYS_LAST
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def trust(self, document: Any, at: Instant) -> None:
        """Believe the keys of this JWKS document from now on, and no others. `Busy`: it is none."""
        try:
            self.keys = {
                str(key["kid"]): (
                    RSAKey.import_key({name: key[name] for name in ("kty", "n", "e")}),
                    frozenset(key.get("endorsements", ())),
                )
                for key in document["keys"]
                if key["kty"] == "RSA" and key.get("use", "sig") == "sig"
            }
        except _WRONG as error:
            raise Busy(f"no set of keys: {type(error).__name__}") from None
        self.read = at

    async def have(self, token: str, fetch: Callable[[], Awaitable[Any]], now: Instant) -> None:
        """Have the key that `token` names, if the platform has it: `fetch` reads its JWKS document.

        Nobody who names a known key waits for those who invent some. `Busy`: it cannot be asked.
        """
        kid = _kid(token)
        if kid is None or self._enough(kid, now):
            return
        async with self._asking:
            if self._enough(kid, now):
                return
            self.asked = now
            try:
                self.trust(await fetch(), now)
            except Busy:
                if kid not in self.keys:
                    raise

    def _enough(self, kid: str, now: Instant) -> bool:
        known = kid in self.keys and now - self.read < KEYS_LAST
        return known or now - self.asked < KEYS_PAUSE


def check_jwt(
    signers: Signers, token: str, *, issuer: str, audience: str, now: Instant, leeway: Duration
) -> tuple[dict[str, Any], frozenset[str]]:
    """The claims of `token`, and what its key is endorsed for.

    It must be signed with RS256 by a key of `signers`, come from `issuer` for `audience` and no one
    besides, and be valid at `now`; one that never expires is `Forged`.
    """
    try:
        key, endorsed = signers.keys[_kid(token) or ""]
        claims = jwt.decode(token, key, algorithms=["RS256"]).claims
        early, late = claims.get("nbf", 0) * SECOND - leeway, claims["exp"] * SECOND + leeway
        good = early <= now <= late and (claims["iss"], claims["aud"]) == (issuer, audience)
    except _WRONG as error:
        raise Forged(f"the token proves nothing: {type(error).__name__}") from None
    if not good:
        raise Forged("the token is of another issuer, for another audience, or not of now")
    return claims, endorsed


def _kid(token: str) -> str | None:
    """The key that a token says it is signed with; nothing of it is proven."""
    head = token.partition(".")[0]
    try:
        kid = from_json(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]
    except _WRONG:
        return None
    return kid if isinstance(kid, str) else None
