"""Discord's REST API and gateway by its SDK, with our errors, and without its sleeping and trying
again: the outbox does that, and with other buttons."""

from __future__ import annotations

import asyncio
import importlib
import logging
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
from pydantic_core import from_json
from yarl import URL

from adapters.kit.http import read_as
from approvals.model import Busy, Refused, Scope
from approvals.port import Line, reason, retry_after

log = logging.getLogger("countersign.discord")

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json. Nothing about the card
# or the person: what our bot may do, an operator mends. And what is wrong with a person.
OURS: Final = {40001, 50001, 50013, 50014}
THEIRS: Final = {10013, 50007, 50033, 50278}
CHANNELS: Final = "/channels/"
"""https://discord.com/developers/docs/topics/rate-limits: limits of such routes are counted by
channel, unless the answer says `X-RateLimit-Global`."""


class Rest:
    """One bot's connections, opened when first needed. `date`: the header of the last answer."""

    def __init__(self, bot_token: str, url: str) -> None:
        self.date: str | None = None
        self._bot_token, self._url = bot_token, url
        self._lock = asyncio.Lock()
        self._http: Any = None

    async def call(self, method: str, path: str, body: Any = None, **to: str) -> Any:
        """What the route of this path, filled with `to`, returns. `Busy`, `Refused`."""
        discord = _sdk(self._url)
        try:
            async with asyncio.timeout(10):
                with read_as("discord"):
                    http = await self._opened()
                    route = discord.http.Route(method, path, **to)
                    said = await http.request(route, **({} if body is None else {"json": body}))
        except discord.RateLimited as why:
            wait, scope = int(why.retry_after * 1000), _scope(path)
            raise Busy(f"discord: {method} {path}: slower", wait, scope=scope) from None
        except (discord.LoginFailure, discord.HTTPException) as why:
            status, code = getattr(why, "status", 401), getattr(why, "code", 0)
            # A proxy or a portal: Discord's own words have a code, which is a number.
            if status != 401 and not (isinstance(code, int) and code):
                raise Busy(f"discord: {method} {path}: {status}, not Discord's answer") from None
            opening = path.startswith("/users/") and code not in THEIRS
            if status == 401 or code in OURS or opening:
                log.error(Line("platform_refused_app", call=path, why=code or status))
                raise Busy(f"discord: {method} {path}: {status}, code {code}") from None
            raise Refused(f"discord: {method} {path}: {status}, code {code}") from None
        except (discord.DiscordException, aiohttp.ClientError, OSError, ValueError) as why:
            raise Busy(f"discord: {method} {path}: {reason(why)}") from None
        if not _own(path, said):
            raise Busy(f"discord: {method} {path}: not Discord's answer")
        return said

    async def listen(self, gateway: str, take: Callable[[Any], Awaitable[None]]) -> None:
        """Hand every interaction that the gateway brings to `take`, until cancelled. `Busy`."""
        discord = _sdk(self._url)
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway)
        more: Any = {"enable_debug_events": True, "http_trace": self._trace()}
        client: Any = discord.Client(intents=discord.Intents.none(), **more)
        # Its own reading of an interaction ends the connection where one lacks a field.
        client._connection.parsers.pop("INTERACTION_CREATE")

        async def heard(raw: str) -> None:
            if (sent := from_json(raw)).get("t") == "INTERACTION_CREATE":
                await take(sent["d"])

        client.on_socket_raw_receive = heard
        try:
            await client.start(self._bot_token)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as why:
            raise Busy(f"discord: the gateway: {reason(why)}") from None
        finally:
            await client.close()

    async def close(self) -> None:
        """Give the connections back."""
        if self._http is not None:
            await self._http.close()
        self._http = None

    async def _opened(self) -> Any:
        async with self._lock:
            if self._http is None:
                sdk, loop = _sdk(self._url).http, asyncio.get_running_loop()
                http = sdk.HTTPClient(loop, http_trace=self._trace(), max_ratelimit_timeout=30)
                try:
                    await http.static_login(self._bot_token)
                except BaseException:
                    await http.close()
                    raise
                self._http = http
        return self._http

    def _trace(self) -> aiohttp.TraceConfig:
        async def ended(session: Any, context: Any, sent: aiohttp.TraceRequestEndParams) -> None:
            answer, self.date = sent.response, sent.response.headers.get("Date")
            if answer.status == 429 or answer.status >= 500:
                answer.close()
                after = retry_after(answer.headers.get("Retry-After"))
                narrow = answer.status == 429 and "X-RateLimit-Global" not in answer.headers
                scope = _scope(sent.url.path) if narrow else Scope.PLATFORM
                raise Busy(f"discord: {answer.status}", after, scope=scope)

        (trace := aiohttp.TraceConfig()).on_request_end.append(ended)
        return trace


def _scope(path: str) -> Scope:
    """What a limit of this route holds up; before the path there may be that of the API."""
    return Scope.CONVERSATION if CHANNELS in path else Scope.PLATFORM


def _own(path: str, said: Any) -> bool:
    """Is it what this route returns: nothing, a list, or an object that has an id?"""
    if path.endswith("/callback"):
        return bool(said == "")
    if path.endswith("/commands"):
        return isinstance(said, list)
    return isinstance(said, dict) and isinstance(said.get("id"), str)


def _sdk(url: str) -> Any:
    # At DEBUG and WARNING it logs payloads and addresses, with the tokens in them.
    logging.getLogger("discord").setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of audioop, for voice
        discord: Any = importlib.import_module("discord")
    discord.http.Route.BASE = url
    return discord
