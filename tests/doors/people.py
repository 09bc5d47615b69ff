"""The service, as an agent asks it and as Dana decides there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import httpx
from countersign_client import AsyncClient, Memory, Service

HANGS: Final = 60.0
"""Seconds after which a test that waits has hung. No claim about speed."""


@dataclass(frozen=True, slots=True)
class People:
    """`token`: Dana's. Every test makes requests of its own, and leaves none pending."""

    url: str
    key: str
    pin: str
    token: str

    def client(self, store: Memory | None = None) -> AsyncClient:
        """An agent's client. A program that was restarted keeps its folder, here its `store`."""
        known = Service(
            url=self.url, key=self.key, receipt_key=self.pin, requester="bot", issuer=self.url
        )
        return AsyncClient(known, store=store or Memory(), patience=0)

    def away(self) -> AsyncClient:
        """The client of a service that is down."""
        known = Service(
            url="http://127.0.0.1:1", key=self.key, receipt_key=self.pin, requester="bot",
            issuer=self.url,
        )  # fmt: skip
        return AsyncClient(known, store=Memory(), patience=0)

    async def pending(self, count: int = 1) -> list[str]:
        """The ids of what waits, once there are `count`."""
        listed: list[Any] = []
        async with asyncio.timeout(HANGS):
            while len(listed) < count:
                page = await self._call("GET", "/v1/requests?status=pending", self.key)
                listed = page["requests"]
        return [str(one["id"]) for one in listed]

    async def decide(self, choice: str = "approve", reason: str | None = None) -> Any:
        """Dana decides what waits; what she was shown."""
        return await self.on((await self.pending())[0], choice, reason)

    async def on(self, request: str, choice: str = "approve", reason: str | None = None) -> Any:
        """Dana decides this one."""
        shown = await self.shown(request)
        body = {"choice": choice, "digest": shown["digest"], "reason": reason}
        await self._call("POST", f"/v1/requests/{request}/decision", self.token, body)
        return shown

    async def shown(self, request: str) -> Any:
        """What Dana sees of it."""
        return await self._call("GET", f"/v1/requests/{request}", self.token)

    async def outcome(self, request: str) -> Any:
        """What became of it, once that is reported."""
        async with asyncio.timeout(HANGS):
            while (outcome := (await self.shown(request)).get("outcome")) is None:
                pass
        return outcome

    async def clear(self) -> None:
        """Withdraw what a test left."""
        listed = (await self._call("GET", "/v1/requests?status=pending", self.key))["requests"]
        for one in listed:
            await self._call("DELETE", f"/v1/requests/{one['id']}", self.key)

    async def _call(self, method: str, path: str, key: str, body: Any = None) -> Any:
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {"Authorization": f"Bearer {key}"}
            answer = await http.request(method, self.url + path, headers=headers, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None
