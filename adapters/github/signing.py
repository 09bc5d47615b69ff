"""How a GitHub App says who it is: a token of a few minutes, signed with its private key.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

GOOD_FOR: Final = 540
"""Seconds; GitHub takes ten minutes at most."""
AHEAD: Final = 60
"""Seconds that our clock may be ahead: GitHub takes no token of the future."""


@lru_cache(maxsize=2)  # to look at one takes a fifth of a second
def signing_key(pem: str) -> RSAKey:
    """The App's private key. `ValueError`, in words: it is none."""
    try:
        key = RSAKey.import_key(pem)
        if not key.is_private:
            raise ValueError
    except (JoseError, ValueError, TypeError):
        raise ValueError("private_key is not the .pem file of a GitHub App's private key") from None
    return key


def signed(app_id: int, key: RSAKey, now: float) -> str:
    """The App's token, as of `now` (Unix seconds)."""
    claims = {"iss": str(app_id), "iat": int(now) - AHEAD, "exp": int(now) + GOOD_FOR}
    return jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, key)
