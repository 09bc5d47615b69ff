"""Our gateway's way there and back: what agents send is what arrives, once it may."""

from __future__ import annotations

import time
from pathlib import Path

from approvals.store import Store
from tests.gateway import gate, origin
from tests.house import Clock, open_house


async def test_an_allowed_request_passes(tmp_path: Path) -> None:
    async with origin() as there, gate(tmp_path) as our:
        assert await our.ask(f"{there.url}/x?y", "GET") == (200, b"ok")
        assert there.seen[0].startswith(b"GET /x?y HTTP/1.1\r\n")


async def test_asked_approved_sent(tmp_path: Path, sqlite_database: str) -> None:
    import asyncio

    store = await Store.connect(sqlite_database)
    async with (
        open_house(store, clock=Clock(int(time.time() * 1000))) as house,
        origin() as there,
        gate(tmp_path, rules="", service=house.url, pin=house.key.thumbprint) as our,
    ):
        held = asyncio.create_task(our.ask(f"{there.url}/x", "POST", body=b"hello"))
        while not (case := await house.call("GET", "/v1/requests"))[1]["requests"]:
            await asyncio.sleep(0.05)
        case = case[1]["requests"][0]
        assert there.seen == []
        status, _ = await house.decide(case, by="dana")
        assert status == 200
        await house.carried()
        assert await held == (200, b"ok")
        print(our.lines(), there.seen)
    await store.close()
