"""What is sent to a token endpoint, and what its answer says. Pure (RFC 6749).

Law: an answer that is not a bearer token which can be sent and crossed out is none; of an error
only its code is repeated, and never where it holds a secret.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from approvals.evidence import read_json
from approvals.proxy.credentials import Client, OAuth, fit

LIFE: Final = 3600.0
"""Seconds for which a token is used whose answer has no `expires_in`: 5.1 leaves that open."""
MARGIN: Final = 60.0
"""Seconds before its end in which a token is not used any more; a tenth of a short life."""
_REASONS: Final[Mapping[str, str]] = {  # 5.2; what the operator does about it
    "invalid_grant": "the refresh token has expired, was revoked, or was used by somebody else",
    "invalid_client": "the client id or its secret is wrong",
    "unauthorized_client": "this client may not use this grant",
    "unsupported_grant_type": "the server does not know this grant",
    "invalid_scope": "the scope is unknown, or more than was granted",
    "invalid_request": "the server wants other parameters: see --client-auth and --param",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`until`: when it is not used any more; `since`: when it came. Seconds since 1970.

    `refresh_token`: the one for the next time, where the server gave another.
    """

    value: str = field(repr=False)
    since: float
    until: float
    refresh_token: str | None = field(default=None, repr=False)


class Denied(Exception):
    """No token; `str()` says why. `again`: may it work in a while?"""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


def question(oauth: OAuth, client: Client) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of the POST: a refresh (6), or client credentials (4.4.2)."""
    fields = dict(oauth.extra)
    if client.refresh_token is not None:
        fields |= {"grant_type": "refresh_token", "refresh_token": client.refresh_token}
    else:
        fields["grant_type"] = "client_credentials"
    if oauth.scope:
        fields["scope"] = oauth.scope
    headers = [("Accept", "application/json")]
    headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    if client.client_secret is not None and oauth.client_auth == "basic":
        login = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"  # 2.3.1
        headers.append(("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}"))
    else:
        fields["client_id"] = client.client_id
        if client.client_secret is not None and oauth.client_auth == "post":
            fields["client_secret"] = client.client_secret
    return headers, urlencode(fields).encode()


def answer(status: int, raw: bytes, client: Client, now: float) -> Token:
    """The token of an answer (5.1). `Denied`."""
    try:
        said = read_json(raw)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        why = f"its authorization server answered {status}, and not with a JSON object"
        raise Denied(why, again=status >= 500 or status == 429)
    if status != 200 or "error" in said:  # GitHub and others answer 200 with an error
        raise _denied(status, said, client)
    value = said.get("access_token")
    try:
        if not isinstance(value, str):
            raise ValueError
        fit(value)
    except ValueError:
        why = "its authorization server gave no access token that a header can carry"
        raise Denied(why, again=False) from None
    if str(said.get("token_type", "bearer")).lower() != "bearer":
        why = "its authorization server gives tokens of another type than Bearer"
        raise Denied(why, again=False)
    life = _seconds(said.get("expires_in"))
    refresh = said.get("refresh_token")
    refresh = refresh if isinstance(refresh, str) and refresh else None
    return Token(value, now, now + life - min(MARGIN, life / 10), refresh)


def _denied(status: int, said: Mapping[str, Any], client: Client) -> Denied:
    code = str(said.get("error"))
    echoed = any(code in secret or secret in code for secret in client.secrets())
    if echoed or not re.fullmatch(r"[a-z_]{3,40}", code):
        code = f"{status}, without an error code"
    reason = _REASONS.get(code)
    again = status >= 500 or status == 429 or code in ("temporarily_unavailable", "slow_down")
    why = f"its authorization server refuses a new access token ({code})"
    return Denied(f"{why}: {reason}" if reason else why, again=again)


def _seconds(value: object) -> float:
    """Some servers write `expires_in` as text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return LIFE
    return float(max(0, value))
