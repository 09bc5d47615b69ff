"""Google's side as a Chat app speaks to it: an access token for its service account, the Chat API,
Pub/Sub, and the keys of those who speak to us. With our errors, and whose fault a refusal is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import aiohttp
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic_core import from_json, to_json
from yarl import URL

from adapters.kit.http import ERRORS, FAULTS, Http, object_of
from adapters.kit.token import Token
from approvals.model import Busy, Refused, Scope
from approvals.port import Line, retry_after

log = logging.getLogger("countersign.google_chat")

CHAT: Final = "https://www.googleapis.com/auth/chat.bot"
PUBSUB: Final = "https://www.googleapis.com/auth/pubsub"
# https://developers.google.com/identity/protocols/oauth2/service-account#httprest
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# "When making an access token request this value is always" this, wherever it is asked:
# https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
AUDIENCE: Final = "https://oauth2.googleapis.com/token"
LASTS: Final = 3600
"""Seconds that an assertion is good for; Google allows no more."""
PATIENCE: Final = 10.0
"""Seconds for a call, all in all."""
PULL: Final = 120.0
"""Seconds for a pull: Pub/Sub answers an empty one after about ninety."""
BATCH: Final = 20
# Nothing about the card or the person: our project, our token, our scopes. An operator mends these.
# https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto
OURS: Final = frozenset(
    (
        "SERVICE_DISABLED",
        "BILLING_DISABLED",
        "API_KEY_INVALID",
        "CONSUMER_INVALID",
        "CONSUMER_SUSPENDED",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "ACCESS_TOKEN_EXPIRED",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        "ACCOUNT_STATE_INVALID",
        "CREDENTIALS_MISSING",
    )
)


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, out of the JSON file that Google gives for its key."""

    email: str
    kid: str
    key: RSAKey = field(repr=False)

    @classmethod
    def read(cls, text: str) -> Account:
        """`ValueError`, in words: it is not such a file."""
        try:
            given = from_json(text)
            email, kid, pem = (given[x] for x in ("client_email", "private_key_id", "private_key"))
            if given["type"] != "service_account" or {*map(type, (email, kid))} != {str}:
                raise ValueError
            return cls(email, kid, RSAKey.import_key(pem))
        except (JoseError, *FAULTS):
            raise ValueError(
                "service_account is not the JSON file of a service account's key"
            ) from None


class Google:
    """One app's connections. `keys_url`: a JWK set, or certificates by key id."""

    def __init__(
        self, account: Account, *, scopes: Sequence[str], chat: str, token_url: str, keys_url: str
    ) -> None:
        self._account, self._scope = account, " ".join(scopes)
        self._chat, self._sign_in, self._keys_url = chat, token_url, keys_url
        self._token, self.http = Token(self._signed_in), Http(read=ERRORS)

    async def keys(self) -> Any:
        """Google's keys, as a JWK set. `Busy`: none to be had."""
        got = await self._fetch("GET", self._keys_url)
        try:
            return got if "keys" in got else {"keys": [_jwk(*one) for one in got.items()]}
        except (JoseError, *FAULTS):
            raise Busy("google_chat: what is at keys_url are no keys") from None

    async def token(self) -> str:
        """Our own, good for a while yet. `Busy`: we get none."""
        return await self._token.get()

    async def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        scope: Scope = Scope.PLATFORM,
    ) -> Any:
        """Ask the Chat API; its answer, an object. `Busy`, or `Refused`: it never will.

        `scope`: what a 429 holds up. All of it, waiting for a token too, within `PATIENCE`.
        """
        url = URL(f"{self._chat}v1/{path}", encoded=True).with_query(query or {})
        ask = partial(self._signed_fetch, method, url, body, scope=scope)
        return await self._within(PATIENCE, ask)

    async def pulled(self, method: str, url: str, body: Any) -> Any:
        """Ask Pub/Sub: https://cloud.google.com/pubsub/docs/reference/rest"""
        patience = PULL if url.endswith(":pull") else PATIENCE
        more = {"timeout": aiohttp.ClientTimeout(total=patience)}
        ask = partial(self._signed_fetch, method, URL(url), body, scope=Scope.PLATFORM, **more)
        return await self._within(patience, ask)

    async def close(self) -> None:
        """Give the connections back, and forget."""
        await self.http.close()
        self._token.forget()

    async def _signed_in(self) -> tuple[str, float]:
        form = {"grant_type": GRANT, "assertion": self._assertion()}
        try:
            got = await self._fetch("POST", self._sign_in, data=form)
            return str(got["access_token"]), float(got["expires_in"]) - 300
        except (Refused, *FAULTS) as why:
            log.error(Line("app_token_not_issued", why=why))
            raise Busy("google_chat: we get no token") from None

    def _assertion(self) -> str:
        now, us = int(time.time()), self._account
        claims = {"iss": us.email, "scope": self._scope, "aud": AUDIENCE}
        head = {"alg": "RS256", "typ": "JWT", "kid": us.kid}
        return jwt.encode(head, claims | {"iat": now, "exp": now + LASTS}, us.key)

    async def _within(self, patience: float, ask: Any) -> Any:
        try:
            async with asyncio.timeout(patience):
                return await ask()
        except TimeoutError:
            raise Busy(f"google_chat: no answer within {patience:.0f} s") from None

    async def _signed_fetch(self, method: str, url: URL, body: Any, **more: Any) -> Any:
        head = {"Authorization": f"Bearer {await self.token()}"}
        if body is not None:
            head["Content-Type"] = "application/json; charset=utf-8"
            more["data"] = to_json(body)
        return await self._fetch(method, url, headers=head, **more)

    async def _fetch(
        self, method: str, url: str | URL, *, scope: Scope = Scope.PLATFORM, **more: Any
    ) -> Any:
        where = URL(url) if isinstance(url, str) else url
        what = f"google_chat: {method} {where.host}"
        try:
            status, text = await self.http.ask(method, where, **more)
        except Busy as why:
            narrow = scope if str(why) == "429" else Scope.PLATFORM
            raise Busy(f"{what}: {why}", why.retry_after, scope=narrow) from None
        if status < 300:
            if (got := object_of(text or "{}")) is None:
                raise Busy(f"{what}: {status}, not Google's answer")
            return got
        code, cause = _refusal(text, oauth=where == URL(self._sign_in))
        said = f"{what}: {status} {cause or code}".strip()
        if status == 401:
            self._token.forget()
        ours = status == 401 or cause in OURS
        if ours:
            log.error(Line("platform_refused_app", why=said))
        # Without a code it is not Google that refuses: a proxy, a portal.
        if ours or not code or status >= 500 or status < 400:
            raise Busy(said, retry_after(self.http.heads.get("Retry-After")))
        raise Refused(said)


def _refusal(text: str, *, oauth: bool) -> tuple[str, str]:
    """Google's own code of a refusal (`PERMISSION_DENIED`), and its reason, where it has one:
    https://cloud.google.com/apis/design/errors#error_model. ("", ""): these are not its words.
    `oauth`: of the token endpoint, as https://www.rfc-editor.org/rfc/rfc6749#section-5.2 says."""
    try:
        error = from_json(text)["error"]
        if oauth:
            return str(error)[:60], ""
        reasons = [one["reason"] for one in error.get("details", ()) if "reason" in one]
        if not isinstance(code := error["status"], str):
            return "", ""
        return code[:60], str(reasons[0])[:60] if reasons else ""
    except FAULTS:
        return "", ""


def _jwk(kid: str, certificate: str) -> dict[str, Any]:
    public = load_pem_x509_certificate(certificate.encode()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {**RSAKey.import_key(pem).as_dict(private=False), "kid": kid}
