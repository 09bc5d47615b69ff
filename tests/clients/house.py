"""A client of a running house: the real service, the real wire, and a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from countersign_client import AsyncClient, Client, Memory, Service

from tests.harness.house import ISSUER, Place, until

T = TypeVar("T")
DEPLOY: dict[str, Any] = {"action": "deploy", "payload": {"commit": "4f1d2ab", "to": "production"}}


def service(house: Place, **changes: str) -> Service:
    """The house, as the agent `bot` of the requester `scripts` knows it."""
    known = {
        "url": house.url,
        "key": "csr_scripts",
        "receipt_key": house.key.thumbprint,
        "requester": "scripts",
        "issuer": ISSUER,
    }
    return Service(**{**known, **changes})


def client(house: Place, **changes: Any) -> AsyncClient:
    """Its asynchronous client, which remembers what it used for as long as it lives."""
    more = {name: changes.pop(name) for name in ["store", "patience"] if name in changes}
    given: dict[str, Any] = {"store": Memory(), "patience": 0.0, **more}
    return AsyncClient(service(house, **changes), clock=lambda: house.clock() / 1000, **given)


def blocking(house: Place, **changes: Any) -> Client:
    """The same, blocking: for `asyncio.to_thread`."""
    more = {name: changes.pop(name) for name in ["store", "patience"] if name in changes}
    given: dict[str, Any] = {"store": Memory(), "patience": 0.0, **more}
    return Client(service(house, **changes), clock=lambda: house.clock() / 1000, **given)


async def pending(house: Place) -> dict[str, Any]:
    """The newest request, once it is there."""
    listed: list[dict[str, Any]] = []

    async def look() -> list[dict[str, Any]]:
        _, page = await house.call("GET", "/v1/requests?status=pending", key="csr_scripts")
        return list(page["requests"])

    while not listed:
        listed = await look()
    return listed[0]


async def decided(house: Place, choice: str = "approve", **more: Any) -> dict[str, Any]:
    """Kim decides the request that is pending."""
    case = await pending(house)
    status, answer = await house.decide(case, choice, by="kim", **more)
    assert status == 200, answer
    return case


async def meanwhile(call: Callable[[], T], *, then: Any) -> T:
    """A blocking call in a thread, and what others do while it waits."""
    running = asyncio.create_task(asyncio.to_thread(call))
    await then
    return await running


__all__ = ["DEPLOY", "blocking", "client", "decided", "meanwhile", "pending", "service", "until"]
