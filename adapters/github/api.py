"""GitHub's REST API as an App speaks to it, with our errors and whose fault a refusal is.

For a token that the App signs it gets one of an hour for its installation:
https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any, Final

from joserfc.jwk import RSAKey
from pydantic_core import from_json, to_json

from adapters.github.signing import signed
from adapters.kit.http import Denied, Http
from adapters.kit.token import Token
from approvals.model import SECOND, Busy, Duration
from approvals.port import Line

log = logging.getLogger("countersign.github")

VERSION: Final = "2022-11-28"
"""https://docs.github.com/en/rest/about-the-rest-api/api-versions"""
LASTS: Final = 3000
"""Seconds after which a new token is asked for: one is good for an hour."""
SLOWER: Final = re.compile("rate limit|abuse detection", re.IGNORECASE)


class Api:
    """One installation of one App. `permissions`: what it may do there, once it has a token."""

    def __init__(self, url: str, app_id: int, installation_id: int, key: RSAKey) -> None:
        self.permissions: dict[str, str] = {}
        self._url, self._app, self._installation = url.rstrip("/"), app_id, installation_id
        self._key = key
        self.http = Http()
        self._token = Token(self._issued)

    async def call(self, method: str, path: str, body: Any = None, *, many: bool = False) -> Any:
        """What it answers: an object, or a list where `many`. `Busy`, or `Denied`: it never
        will."""
        token, kind = await self.token(), list if many else dict
        try:
            return await self._ask(method, path, token, body, kind)
        except _Stale:
            self._token.forget(token)
        # It was revoked before its time. If the next is no good either, we are not welcome.
        try:
            return await self._ask(method, path, await self.token(), body, kind)
        except _Stale:
            log.error(Line("platform_refused_app", call=f"{method} {path}", why="its tokens"))
            raise Busy("github: it rejects our tokens") from None

    async def token(self) -> str:
        """That of the installation, good for a while yet. `Busy`: we get none."""
        return await self._token.get()

    async def _issued(self) -> tuple[str, float]:
        path = f"/app/installations/{self._installation}/access_tokens"
        got = await self.as_app("POST", path, {})
        try:
            token, self.permissions = str(got["token"]), dict(got["permissions"])
        except (LookupError, TypeError, ValueError):
            raise Busy("github: we get no token") from None
        return token, LASTS

    async def as_app(self, method: str, path: str, body: Any = None, *, many: bool = False) -> Any:
        """The same as the App itself, not as an installation of it."""
        try:
            token, kind = signed(self._app, self._key, time.time()), list if many else dict
            return await self._ask(method, path, token, body, kind)
        except (_Stale, Denied) as why:
            if isinstance(why, Denied) and why.code not in (403, 404):
                raise
            # Which App, which key, which installation: an operator mends that.
            log.error(Line("app_token_not_issued", why=why))
            raise Busy("github: it does not know our App, its key or its installation") from None

    async def close(self) -> None:
        """Give the connections back, and forget."""
        self._token.forget()
        await self.http.close()

    async def _ask(self, method: str, path: str, token: str, body: Any, kind: type = dict) -> Any:
        heads = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": VERSION,
            "User-Agent": "countersign",
        }
        sent = {} if body is None else {"data": to_json(body)}
        what = f"github: {method} {path.partition('?')[0]}"
        try:
            status, text = await self.http.ask(method, self._url + path, headers=heads, **sent)
        except Busy as why:
            raise Busy(f"{what}: {why}", why.retry_after or self._wait()) from None
        try:
            said = from_json(text) if text else {}
        except ValueError:
            said = None
        if status in (200, 201, 202, 204) and isinstance(said, kind):
            return said
        why_not = said.get("message") if isinstance(said, dict) else None
        # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
        if status == 403 and isinstance(why_not, str) and SLOWER.search(why_not):
            raise Busy(f"{what}: {why_not}", self._wait())
        # Each of its refusals has both, or a proxy or portal said it:
        # https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
        theirs = isinstance(said, dict) and isinstance(said.get("documentation_url"), str)
        if status < 400 or not theirs or not isinstance(why_not, str):
            raise Busy(f"{what}: {status}, not GitHub's answer")
        if status == 401:
            raise _Stale(f"{what}: {why_not}")
        raise Denied(f"{what}: {status} {why_not}", status)

    def _wait(self) -> Duration | None:
        """For how long it wants to be left alone."""
        heads = self.http.heads
        if (given := heads.get("Retry-After", "")).isdigit():
            return int(given[:6]) * SECOND
        reset = heads.get("X-RateLimit-Reset", "")
        if heads.get("X-RateLimit-Remaining") == "0" and reset.isdigit():
            return max(0, min(int(reset[:12]) - int(time.time()), 3600)) * SECOND
        return None


class _Stale(Exception):
    """It takes this token no more."""
