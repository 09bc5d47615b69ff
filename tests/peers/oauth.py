"""An authorization server on loopback: oauthlib's, which checks requests as RFC 6749 says."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from oauthlib.oauth2 import RequestValidator, Server

CLIENT, SECRET, REFRESH = "mail:bot", "client-secret+/ &=x", "refresh-token-0000"


class _Clients(RequestValidator):  # type: ignore[misc] # oauthlib has no types
    """One client, and its refresh tokens."""

    def __init__(self, server: AuthorizationServer) -> None:
        self.server = server

    def authenticate_client(self, request: Any, *_: Any, **__: Any) -> bool:
        scheme, _, login = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            given = base64.b64decode(login).decode().partition(":")
            id_, secret = unquote_plus(given[0]), unquote_plus(given[2])
        else:
            id_, secret = request.client_id, request.client_secret
        request.client = SimpleNamespace(client_id=id_)
        return (id_, secret) == (CLIENT, SECRET)

    def client_authentication_required(self, *_: Any, **__: Any) -> bool:
        return True

    def validate_grant_type(self, *_: Any, **__: Any) -> bool:
        return True

    def validate_refresh_token(self, token: str, *_: Any, **__: Any) -> bool:
        return token in self.server.live

    def rotate_refresh_token(self, _: Any) -> bool:
        return self.server.rotates

    def get_original_scopes(self, *_: Any, **__: Any) -> list[str]:
        return ["mail", "calendar"]

    def get_default_scopes(self, *_: Any, **__: Any) -> list[str]:
        return ["mail"]

    def validate_scopes(self, *_: Any, **__: Any) -> bool:
        return True

    def save_bearer_token(self, token: dict[str, str], request: Any, *_: Any, **__: Any) -> None:
        self.server.given.append(token["access_token"])
        new = token.get("refresh_token")
        if new and new != request.refresh_token:
            self.server.live.discard(request.refresh_token)
            self.server.live.add(new)


@dataclass(slots=True)
class AuthorizationServer:
    """`given`: every access token so far; `live`: refresh tokens that still work; `gate`: answers
    wait for it; `answer`: instead of the real one."""

    url: str = ""
    rotates: bool = False
    life: int = 3600
    given: list[str] = field(default_factory=list)
    live: set[str] = field(default_factory=lambda: {REFRESH})
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Callable[[], web.Response] | None = None

    async def token(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.asked.append(body)
        self.arrived.set()
        await self.gate.wait()
        if self.answer is not None:
            return self.answer()
        server = Server(_Clients(self), token_expires_in=self.life)
        headers, said, status = server.create_token_response(
            str(request.url).replace("http:", "https:"), "POST", body, dict(request.headers)
        )
        return web.Response(status=status, text=said, headers=headers)


@asynccontextmanager
async def authorization_server() -> AsyncIterator[AuthorizationServer]:
    logging.getLogger("oauthlib").setLevel(logging.ERROR)
    made = AuthorizationServer()
    made.gate.set()
    app = web.Application()
    app.router.add_post("/token", made.token)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    try:
        yield made
    finally:
        made.gate.set()
        await runner.cleanup()
