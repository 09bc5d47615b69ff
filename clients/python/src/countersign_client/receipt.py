"""The receipt: the only thing that this package believes. Pure, offline.

A receipt is a compact JWS (RFC 7515), signed by the service when a request is decided. It releases
an action only if every claim is what the holder expects; everything else is `Unverified`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

from countersign_client.digest import read_json
from countersign_client.errors import Unverified, printable

TYPE: Final = "countersign-receipt+jwt"
SKEW: Final = 30
"""Seconds by which two clocks may differ."""
LONGEST: Final = 64 * 1024


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The RFC 7638 thumbprint of an Ed25519 key. `ValueError`: another kind of key."""
    x = jwk.get("x")
    if (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519") or not isinstance(x, str):
        raise ValueError("the key is not an Ed25519 key")
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    return urlsafe_b64encode(sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def thumbprints(published: Iterable[Mapping[str, Any]]) -> list[str]:
    """Of those that are Ed25519 keys."""
    found = []
    for jwk in published:
        with suppress(ValueError):
            found.append(thumbprint(jwk))
    return found


def verify(
    token: str,
    key: Mapping[str, Any],
    *,
    pin: str,
    issuer: str,
    requester: str,
    request_id: str,
    digest: str,
    now: float,
) -> int:
    """Check that a receipt approves exactly this, now; when it expires (seconds since 1970).
    `Unverified`, in words.

    `key`: a public JWK, from wherever it came; only one with the thumbprint `pin` counts. `now`:
    seconds since 1970.
    """
    claims = _signed(token, key, pin)
    wanted = {"iss": issuer, "aud": requester, "sub": request_id, "digest": digest}
    for name, value in {**wanted, "choice": "approve"}.items():
        if claims.get(name) != value:
            shown = printable(repr(claims.get(name)))[:200]
            raise Unverified(f"The receipt's {name} is {shown} and not {value!r}.", _NOTHING)
    for name in ("iat", "exp", "revision"):
        if type(claims.get(name)) is not int:
            raise Unverified(f"The receipt has no {name}.", _NOTHING)
    if claims["iat"] > now + SKEW:
        raise Unverified(
            "The receipt is from the future.", "Set this machine's clock: see `date -u`."
        )
    if now >= claims["exp"] + SKEW:
        raise Unverified("The receipt has expired.", "Ask again.")
    expires: int = claims["exp"]
    return expires


_NOTHING: Final = "Nothing may run on it. If this repeats, tell the operator of the service."


def _signed(token: str, key: Mapping[str, Any], pin: str) -> dict[str, Any]:
    # Imported here: it takes longer than the rest of this package together.
    from joserfc import jws  # noqa: PLC0415 # only where it is used
    from joserfc.jwk import OKPKey  # noqa: PLC0415 # only where it is used

    class Registry(jws.JWSRegistry):
        """EdDSA and nothing else, whatever the token's header says."""

        def get_alg(self, name: str) -> Any:
            if name != "EdDSA":
                raise ValueError(f"its algorithm is {name!r} and not EdDSA")
            return self.algorithms[name]

    try:
        if len(token) > LONGEST:
            raise ValueError("it is too long")
        if thumbprint(key) != pin:
            raise ValueError("its key is not the pinned one")
        trusted = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": str(key["x"])})
        read = jws.deserialize_compact(token.encode(), trusted, registry=Registry())
        if read.headers().get("typ") != TYPE:
            raise ValueError(f"it is not a {TYPE}")
        claims = read_json(read.payload)
        if not isinstance(claims, dict):
            raise ValueError("its claims are not an object")
    except Exception as error:  # whatever hostile text breaks in a parser is a refusal
        why = printable(str(error))[:200] or type(error).__name__
        raise Unverified(f"The receipt does not verify: {why}.", _NOTHING) from None
    return claims
