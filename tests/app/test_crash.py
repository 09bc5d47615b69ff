"""Law 24: `kill -9` at any point loses nothing and repeats nothing that matters.

Real clients open requests and tap cards of a service in a process of its own, which is killed at
some acknowledgement or other. What was acknowledged must be there, before anything is repaired;
then the service starts again, the clients go on, and every request comes to its one verdict.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp

from approvals.app import host, keys
from approvals.evidence import read_checkpoint, read_receipt, sign_checkpoint, verify_chain
from approvals.model import Case, Label, Status
from approvals.store import Store
from tests.harness.siege import GATEWAY_KEY, Desk, Issued, Served, audiences_of, colleagues, install
from tests.peers.slack import signed

T = TypeVar("T")
ROUNDS: Final = int(os.environ.get("COUNTERSIGN_CRASHES", "3"))
"""How often the service is killed on SQLite. Ten take a minute or two; a change to the store, the
turns or the outbox is worth them."""
REQUESTS: Final = 200
CLIENTS: Final = 8
LEASE: Final = 2_000
"""Milliseconds for which the dead process still holds the jobs that it had taken."""
PATIENCE: Final = 60
SEED: Final = 24


class Clients:
    """A gateway and people on Slack who never give up. What the service acknowledged is noted."""

    def __init__(self, desk: Desk, http: aiohttp.ClientSession) -> None:
        self.desk = desk
        self.url = ""
        self.up = asyncio.Event()
        self.opened: dict[str, str] = {}
        self.tapped: dict[tuple[str, str], str] = {}
        self.concluded: dict[str, dict[str, Any]] = {}
        self._http = http
        self._at_once = asyncio.Semaphore(CLIENTS)
        self._count = 0
        self._fuse: tuple[int, asyncio.Event] | None = None

    def fuse(self, after: int) -> asyncio.Event:
        """Set once so many more acknowledgements have come."""
        burnt = asyncio.Event()
        self._fuse = self._count + after, burnt
        return burnt

    def _acknowledged(self) -> None:
        self._count += 1
        if self._fuse and self._count >= self._fuse[0]:
            self._fuse[1].set()

    async def _insist(self, ask: Callable[[], Awaitable[T | None]]) -> T:
        """Ask until there is an answer, over any number of deaths."""
        while True:
            await self.up.wait()
            try:
                answer = await ask()
            except (aiohttp.ClientError, OSError):
                answer = None
            if answer is not None:
                self._acknowledged()
                return answer

    async def request(self, key: str) -> None:
        """Open a request, once however often that takes; wait for its verdict."""

        async def opening() -> dict[str, Any] | None:
            body = {"action": "one.pay", "payload": {"key": key}}
            headers = {"Idempotency-Key": key}
            where = f"{self.url}/v1/requests"
            async with self._http.post(where, json=body, headers=headers) as answer:
                return dict(await answer.json()) if answer.status in (200, 201) else None

        async with self._at_once:
            request = await self._insist(opening)
        self.opened[request["id"]] = request["digest"]

        async def verdict() -> dict[str, Any] | None:
            where = f"{self.url}/v1/requests/{request['id']}?wait=60"
            async with self._http.get(where) as answer:
                found = dict(await answer.json())
                return found if found.get("receipt") else None

        self.concluded[request["id"]] = await self._insist(verdict)

    async def people(self) -> None:
        """Press Approve on every card that appears."""
        async with asyncio.TaskGroup() as tapping:
            number = 0
            while True:
                place = await self.desk.posted.get()
                self._acknowledged()
                for button in self.desk.buttons(*place):
                    if button.label == Label.APPROVE:
                        number += 1
                        tapping.create_task(self._tap(button, number))

    async def _tap(self, button: Issued, number: int) -> None:
        press = button.press(min(audiences_of(button)), number)

        async def tap() -> int | None:
            inbound = signed(press, host.clock())
            where = f"{self.url}/channels/slack/events"
            async with self._http.post(where, data=inbound.body, headers=inbound.headers) as got:
                return got.status if got.status == 200 else None

        await self._insist(tap)
        self.tapped[button.room, button.ts] = button.request_id


async def nothing_is_lost(store: Store, clients: Clients, finished: set[str]) -> None:
    """While the service is dead: what it acknowledged is in the database."""
    open_ = clients.opened.keys() - finished
    cases = await store.cases([*open_, *set(clients.tapped.values())])
    for id_ in open_:
        assert cases[id_].digest == clients.opened[id_]
    for (room, ts), id_ in clients.tapped.items():
        if id_ not in finished:
            card = await store.card_by_message("slack", room, ts)
            # Without a row its post was never confirmed, and that tap was refused.
            assert card is None or voted(cases[id_]) == ["dana"]
    for id_ in clients.concluded.keys() - finished:
        assert cases[id_].status is Status.APPROVED
        assert await store.receipt(id_) == clients.concluded[id_]["receipt"]


def voted(case: Case) -> list[str]:
    return [vote.person for vote in case.votes]


async def chain_is_sound(store: Store, heads: set[str], keyring: keys.Keys) -> None:
    """The sealed part, with every head that anybody has seen so far."""
    jwks = [keyring.receipt.jwk()]
    heads |= {read_checkpoint(jws, jwks).head for jws in await store.checkpoints()}
    report = verify_chain([line async for line in store.export()], heads=heads)
    assert report.bad is None, report
    heads.add(report.head)


async def besiege(tmp_path: Path, database: str, rounds: int) -> None:
    dice, heads, finished = random.Random(SEED), set[str](), set[str]()
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(Desk(users=colleagues()))
        config = install(tmp_path, database, desk.api)
        held = keys.load(tmp_path / "keys")
        headers = {"Authorization": f"Bearer {GATEWAY_KEY}"}
        line = aiohttp.TCPConnector(limit=0)  # everybody waits at once
        http = await stack.enter_async_context(
            aiohttp.ClientSession(headers=headers, connector=line)
        )
        store = await Store.connect(database)
        stack.push_async_callback(store.close)
        clients = Clients(desk, http)
        served = await Served(config, lease=LEASE).__aenter__()
        clients.url = served.url
        clients.up.set()
        people = asyncio.create_task(clients.people())
        try:
            for turn in range(rounds):
                # Opened, posted, tapped, concluded: four acknowledgements a request.
                burnt = clients.fuse(dice.randrange(1, 4 * REQUESTS))
                asking = asyncio.gather(*(clients.request(f"{turn}.{n}") for n in range(REQUESTS)))
                successor = await Served(config, lease=LEASE).prepare()
                await asyncio.wait_for(burnt.wait(), PATIENCE)
                clients.up.clear()
                await served.kill()
                await nothing_is_lost(store, clients, finished)
                await chain_is_sound(store, heads, held)
                served = await successor.__aenter__()
                clients.url = served.url
                clients.up.set()
                await asyncio.wait_for(asking, PATIENCE)
                await every_card_says_so(desk, clients.concluded.keys() - finished)
                await nothing_is_lost(store, clients, finished)
                finished |= clients.concluded.keys()
            assert len(finished) == rounds * REQUESTS
        finally:
            people.cancel()
            await asyncio.gather(people, return_exceptions=True)
            await served.__aexit__(None, None, None)
        await one_verdict_each(store, clients, held)
        while (
            await store.seal(
                host.clock(), lambda point: sign_checkpoint(held.receipt, point, issuer="x")
            )
            != 0
        ):
            pass
        jwks = [held.receipt.jwk()]
        for request in clients.concluded.values():
            head = read_receipt(request["receipt"], jwks, now=host.clock())[0]["head"]
            if not head.startswith("0:"):
                heads.add(head)
        await chain_is_sound(store, heads, held)


async def every_card_says_so(desk: Desk, missing: set[str]) -> None:
    """Jobs that the dead process had taken are done by its successor: no card stays behind."""
    while missing:
        place = await asyncio.wait_for(desk.drawn.get(), PATIENCE)
        if "Approved" in desk.says(*place):
            missing.discard(desk.request_of(*place))


async def one_verdict_each(store: Store, clients: Clients, held: keys.Keys) -> None:
    jwks = [held.receipt.jwk()]
    for id_, case in (await store.cases(list(clients.concluded))).items():
        assert (case.status, voted(case)) == (Status.APPROVED, ["dana"])
        kinds = Counter(entry.kind for entry in await store.history(id_))
        assert (kinds["request.opened"], kinds["vote"]) == (1, 1), kinds
        receipt = await store.receipt(id_)
        assert receipt == clients.concluded[id_]["receipt"]
        assert receipt is not None
        claims, _ = read_receipt(receipt, jwks, now=host.clock())
        assert (claims["choice"], claims["digest"]) == ("approve", clients.opened[id_])
    assert not await store.parked()


async def test_law_24_killed_at_any_point_nothing_is_lost_and_nothing_is_decided_twice(
    tmp_path: Path, sqlite_database: str
) -> None:
    await besiege(tmp_path, sqlite_database, ROUNDS)


async def test_law_24_nor_on_postgresql(tmp_path: Path, postgresql_database: str) -> None:
    await besiege(tmp_path, postgresql_database, 1)
