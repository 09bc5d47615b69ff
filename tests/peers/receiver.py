"""A receiver of webhooks: a real server on loopback that answers as it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt, as it arrived."""

    headers: dict[str, str]
    body: bytes
    path: str

    def verified(self, secret: str) -> Any:
        """The event, by the published library; raises unless this secret signed it just now."""
        return Webhook(secret).verify(self.body, self.headers)

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]


@dataclass(slots=True)
class Receiver:
    """`answers`: (status, headers) of the next attempts, in order; then 204. `gate`: what arrives
    waits for it. `endless`: its answers have a body without an end."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    got: list[Delivery] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    endless: bool = False
    broken_off: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Receiver:
        self.gate.set()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hooks?token=path-secret"
        return self

    async def __aexit__(self, *error: object) -> None:
        self.gate.set()
        if self._runner:
            await self._runner.cleanup()

    def answer(self, *statuses: int, **headers: str) -> None:
        """What the next attempts are answered with."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers += [(status, named) for status in statuses]

    @property
    def statuses(self) -> Sequence[str]:
        """What the events say, in order."""
        return [delivery.data["status"] for delivery in self.got]

    async def _take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Delivery(headers, await request.read(), request.path_qs))
        self.arrived.set()
        await self.gate.wait()
        status, more = self.answers.pop(0) if self.answers else (204, {})
        if not self.endless:
            return web.Response(status=status, headers=more)
        answer = web.StreamResponse(status=200)
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 65536)
        except (ConnectionError, asyncio.CancelledError):
            self.broken_off.set()
            raise
