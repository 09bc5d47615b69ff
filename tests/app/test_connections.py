"""Law 27: what happens where there are more connections than can be held (X15)."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import socket
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import structlog
from aiohttp import ClientSession, web

from approvals.app import connections, descriptors
from approvals.store import Store
from tests.harness.house import open_house

MOST = 8


async def idle(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which nothing is asked."""
    return await asyncio.open_connection("127.0.0.1", port)


async def test_law_27_idle_connections_give_way_to_a_tap(store: Store) -> None:
    async with open_house(store, connections=MOST) as place:
        asked = await place.opened()
        card = await place.card(asked, "U-dana")
        port = int(place.url.rpartition(":")[2])
        held = [await idle(port) for _ in range(MOST * 3)]
        assert (await place.tap(place.desk.press(card)))[0] == 200
        assert (await place.case(asked["id"])).votes
        for reader, _ in held[:MOST]:
            assert await reader.read() == b"", "the oldest are closed"
        for _, writer in held:
            writer.close()
        async with place.http.get(f"{place.url}/metrics") as answer:
            said = await answer.text()
        assert 'countersign_connections_dropped_total{why="idle"}' in said


async def test_law_27_who_waits_leaves_room_for_taps(store: Store) -> None:
    async with open_house(store, connections=MOST) as place:
        asked = await place.opened()
        card = await place.card(asked, "U-dana")
        path = f"/v1/requests/{asked['id']}?wait=30"
        room = MOST * 3 // 4
        async with ClientSession() as others:
            headers = {"Authorization": "Bearer csr_billing"}
            waiting = [
                asyncio.create_task(others.get(place.url + path, headers=headers))
                for _ in range(room)
            ]
            while place.house.live.waiting < room:
                await asyncio.sleep(0)
            status, said = await place.call("GET", path)
            assert (status, said["type"]) == (503, "too_many_waiting")
            assert (await place.call("GET", path.partition("?")[0]))[0] == 200
            assert (await place.tap(place.desk.press(card)))[0] == 200
            await place.carried()
            for one in waiting:
                async with await one as answer:
                    assert (await answer.json())["status"] == "approved"


async def test_law_27_without_a_descriptor_there_is_one_line_and_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """3.5 million lines were written in a minute: each accept failed, said so, and was tried."""
    # Fresh: one that wrote before keeps the stream that it had then.
    monkeypatch.setattr(connections, "log", structlog.get_logger())
    dropped, loop = list[str](), asyncio.get_running_loop()
    enough = asyncio.Event()

    def drop(why: str) -> None:
        dropped.append(why)
        if len(dropped) > 2 * connections.ACCEPT:  # it was tried again after a pause
            enough.set()

    app = web.Application()

    async def fine(request: web.Request) -> web.Response:
        return web.Response(text="fine")

    app.router.add_get("/", fine)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(structlog.testing.capture_logs())
        runner = connections.Runner(
            app, most=None, dropped=drop, access_log=None, logger=connections.LOGGER
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        stack.callback(loop.set_exception_handler, loop.get_exception_handler())
        loop.set_exception_handler(connections.full(drop, loop.time))
        url = await connections.listen(runner, ("127.0.0.1", 0))
        port = int(url.rpartition(":")[2])
        clients = [socket.socket() for _ in range(4)]
        for client in clients:
            stack.callback(client.close)
            client.setblocking(False)
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        gc.collect()  # what other tests left open is not closed in between
        last = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1, hard))
        taken = list[int]()
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for client in clients:
            with suppress(BlockingIOError):
                client.connect(("127.0.0.1", port))
        await asyncio.wait_for(enough.wait(), 30)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in taken:
            os.close(one)
        async with ClientSession() as http, http.get(url) as answer:
            assert await answer.text() == "fine", "it goes on by itself"
    assert set(dropped) == {"no_descriptor"}
    assert [line["event"] for line in lines].count("connections_not_accepted") == 1


def test_serve_raises_its_soft_limit_and_keeps_descriptors_for_itself() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        most = descriptors.raised()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, descriptors.MOST)
        assert most == min(hard, descriptors.MOST) - descriptors.OWN
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
