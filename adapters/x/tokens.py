"""The bot's tokens. With each access token X issues a new refresh token and voids the old one.

1. They are stored in the channel's memory, sealed: they outlive a restart, and all copies share
   them.
2. One copy at a time exchanges them: it first says so in the memory, by compare-and-set.
3. Without a memory no token is used: the new ones would be lost, and the access with them.

X's documentation does not say what a used refresh token does. Its users report that it is void, and
that using it may end the whole grant: https://github.com/trypostit/trypost/issues/126
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json, to_json

from adapters.kit.http import FAULTS
from adapters.x.api import Api, log
from approvals.model import Busy, Duration, Instant
from approvals.port import Line, Memory

PATH: Final = "/2/oauth2/token"
EARLY: Final[Duration] = 300_000
"""How long before it expires an access token is replaced; it lasts two hours."""
PATIENCE: Final[Duration] = 30_000
"""After so long a copy that is exchanging tokens counts as dead: no call takes more than 10 s."""
AGAIN: Final[Duration] = 2_000
"""When to look again while another copy exchanges them."""
DEAD: Final = "X no longer accepts this refresh token: authorise the bot again (docs/channels/x.md)"
WRONG: Final = "X does not know the app: look at client_id and client_secret"
REFUSED: Final = "X refused to exchange the refresh token"


@dataclass(frozen=True, slots=True)
class Kept:
    """`until`: when `access` expires. `asking`: when a copy began an exchange; 0: none did."""

    refresh: str = field(repr=False)
    access: str = field(default="", repr=False)
    until: Instant = 0
    asking: Instant = 0

    @property
    def raw(self) -> bytes:
        return to_json(asdict(self))


class Tokens:
    """`first`: the refresh token of the configuration. It names the stored value, so that a new one
    there starts over. `basic`: the header with the app's credentials."""

    def __init__(self, api: Api, basic: str, first: str) -> None:
        self.memory: Memory | None = None
        self._api, self._basic, self._first = api, basic, first
        self._key = f"tokens {sha256(first.encode()).hexdigest()[:16]}"
        self._one = asyncio.Lock()
        self._unkept: tuple[Kept, Kept] | None = None
        self._exchange: asyncio.Task[Kept] | None = None

    async def settled(self) -> None:
        """Wait for an exchange in progress, and store tokens that could not be stored so far: they
        are the only valid ones. `Busy`."""
        if self._exchange is not None:
            await asyncio.wait({self._exchange})
        if self._unkept is not None and self.memory is not None:
            await self._keep(self.memory, *self._unkept)

    async def access(self, now: Instant, *, refused: str = "") -> str:
        """A valid access token. `refused`: one that X rejected, although it has not expired.
        `Busy`: there is none now."""
        if self.memory is None:
            raise Busy("x: its tokens change with each use, and there is no memory to store them")
        async with self._one:
            if self._unkept is not None:
                await self._keep(self.memory, *self._unkept)
            raw = await self.memory.get(self._key)
            kept = Kept(**from_json(raw)) if raw else Kept(self._first)
            if kept.access not in ("", refused) and now < kept.until:
                return kept.access
            if kept.asking and abs(now - kept.asking) < PATIENCE:
                raise Busy("x: another copy asks for new tokens", AGAIN)
            claim = replace(kept, asking=now)
            if not await self.memory.put(self._key, claim.raw, was=raw):
                raise Busy("x: another copy asks for new tokens", AGAIN)
            # The caller may be cancelled; the new tokens are stored all the same.
            self._exchange = asyncio.create_task(self._renewed(self.memory, claim, now))
            self._exchange.add_done_callback(lambda done: done.cancelled() or done.exception())
            return (await asyncio.shield(self._exchange)).access

    async def _renewed(self, memory: Memory, claim: Kept, now: Instant) -> Kept:
        form = {"grant_type": "refresh_token", "refresh_token": claim.refresh}
        try:
            status, said = await self._api.call("POST", PATH, self._basic, data=form)
            if status >= 300:
                # RFC 6749, 5.2: 400 for a void token, 401 for the app; `error` is one word.
                why = {400: DEAD, 401: WRONG}.get(status, REFUSED)
                word = re.fullmatch("[a-z_]{1,40}", str(said.get("error")))
                log.error(
                    Line("app_token_not_issued", why=why, status=status, error=word and word[0])
                )
                raise Busy(f"x: {why}")
            made = _made(said, now)
        except Busy:
            # Without an answer we do not know whether X voided it; it is the only one we have.
            await memory.put(self._key, replace(claim, asking=0).raw, was=claim.raw)
            raise
        self._unkept = claim, made
        return await self._keep(memory, claim, made)

    async def _keep(self, memory: Memory, claim: Kept, made: Kept) -> Kept:
        """Store the tokens that replace `claim`. Until then only this process has them."""
        while True:
            raw = await memory.get(self._key)
            now_kept = Kept(**from_json(raw)) if raw else claim
            if now_kept.refresh != claim.refresh:  # we counted as dead, and another copy got newer
                self._unkept = None
                return now_kept
            if await memory.put(self._key, made.raw, was=raw):
                self._unkept = None
                return made


def _made(said: Any, now: Instant) -> Kept:
    # https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token, RFC 6749, 5.1
    try:
        refresh, access = said["refresh_token"], said["access_token"]
        lasts = int(said["expires_in"]) * 1000
        if not (isinstance(refresh, str) and isinstance(access, str) and refresh and access):
            raise TypeError
    except FAULTS as error:
        raise Busy(f"x: no tokens in X's answer: {type(error).__name__}") from None
    return Kept(refresh, access, now + max(lasts - EARLY, lasts // 2))
