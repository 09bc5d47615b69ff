"""How platforms prove themselves: a MAC, a signature, a shared secret, and freshness.

Every check either returns or raises `Forged`, whatever it is given: absent, not ASCII, not hex, of
the wrong length. An empty key proves nothing and is `Forged` too. Comparisons take constant time.
"""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from approvals.model import SECOND, Duration, Forged, Instant


def hmac_sha256(key: bytes, message: bytes) -> str:
    """HMAC-SHA256 in lower-case hex."""
    return hmac.digest(key, message, "sha256").hex()


def check_hmac(key: bytes, message: bytes, given: str | None, *, prefix: str = "") -> None:
    """`given` must be `prefix` (like "v0=") and the lower-case hex HMAC-SHA256 of `message`."""
    check_secret(prefix + hmac_sha256(key, message) if key else "", given)


def check_ed25519(public_key: bytes, message: bytes, given: str | None) -> None:
    """`given` must be the hex Ed25519 signature of `message`; `public_key` is its raw 32 bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(bytes.fromhex(given or ""), message)
    except (InvalidSignature, ValueError) as error:
        raise Forged("the signature is absent or not the sender's") from error


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
