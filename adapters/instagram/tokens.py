"""The account's access token. It lasts for 60 days; once it is a day old, it can be exchanged for
one that lasts another 60. The old one works on until its own end, so that nothing is lost where an
exchange fails, or where two copies of us make one each.

https://developers.facebook.com/docs/instagram-platform/reference/refresh_access_token
"""

from __future__ import annotations

import asyncio
import logging
from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json, to_json

from adapters.kit.http import FAULTS, Http
from approvals.model import MINUTE, Busy, Duration, Instant
from approvals.port import Line, Memory

DAY: Final[Duration] = 24 * 60 * MINUTE
WEEK: Final[Duration] = 7 * DAY
"""The age at which a token is exchanged: time enough to mend what keeps it from that."""
AGAIN: Final[Duration] = 60 * MINUTE
"""When to try again what failed."""


class Tokens:
    """`first`: the token of the configuration. It names the stored value, so that a new one there
    starts over. `url`: of the API, with a version or without."""

    def __init__(self, first: str, url: str, log: logging.Logger) -> None:
        self.memory: Memory | None = None
        host = url.rpartition("/v")[0] or url
        self._first, self._log, self._url = first, log, f"{host}/refresh_access_token"
        self._key = f"token {sha256(first.encode()).hexdigest()[:16]}"
        self._one, self._tried = asyncio.Lock(), 0

    async def access(self, http: Http, now: Instant) -> str:
        """The newest token. Without a memory it is the configuration's."""
        if self.memory is None:
            return self._first
        async with self._one:
            raw = await self.memory.get(self._key)
            # How old the first one is nobody says, so it is exchanged as soon as that surely works.
            kept = from_json(raw) if raw else {"token": self._first, "at": now + DAY - WEEK}
            made = kept if raw is None else await self._renewed(http, kept, now)
            if made != kept or raw is None:  # where another copy was faster, its token is as good
                await self.memory.put(self._key, to_json(made), was=raw)
            return str(made["token"])

    async def _renewed(self, http: Http, kept: Any, now: Instant) -> Any:
        if now - kept["at"] < WEEK or now - self._tried < AGAIN:
            return kept
        self._tried = now
        asked = {"grant_type": "ig_refresh_token", "access_token": kept["token"]}
        try:
            status, said = await http.ask("GET", self._url, params=asked)
            token = from_json(said)["access_token"]
            if status >= 300 or not isinstance(token, str) or not token:
                raise ValueError("no token")
        except (Busy, *FAULTS) as why:
            self._log.error(Line("app_token_not_exchanged", why=type(why).__name__))
            return kept
        return {"token": token, "at": now}
