"""Several copies of the service over one PostgreSQL: they decide once, post once, and fill in for
each other. Each copy is a process of its own; Slack's stand-in is here and counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web

from approvals.app import host, keys
from approvals.evidence import read_checkpoint, sign_checkpoint, verify_chain
from approvals.model import Label, Status
from approvals.store import Store
from tests.conftest import create, drop
from tests.harness.siege import (
    ACCOUNTS,
    GATEWAY_KEY,
    ROOM,
    Desk,
    Issued,
    Served,
    colleagues,
    install,
)
from tests.peers.slack import signed

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATIENCE: Final = 60
LEASE: Final = 2_000
"""Milliseconds that a dead copy keeps the jobs it had taken."""


@dataclass
class Gate(Desk):
    """A stand-in that can be made to think for a while before it posts."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def _method(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["method"] == "chat.postMessage":
            self.queue.put_nowait("post")
            await self.open.wait()
        return await super()._method(request)


@dataclass
class Copies:
    """Running copies, what stands around them, and their database."""

    served: Sequence[Served]
    slack: Gate
    http: aiohttp.ClientSession
    store: Store
    url: str
    config: Path

    async def call(self, copy: int, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.http.request(method, self.served[copy].url + path, **more) as answer:
            return answer.status, await answer.json(content_type=None)

    async def open(self, copy: int, action: str, **headers: str) -> str:
        body = {"action": action, "payload": {"do": action}}
        code, request = await self.call(copy, "POST", "/v1/requests", json=body, headers=headers)
        assert code in (200, 201), request
        return str(request["id"])

    async def wait(self, copy: int, id_: str) -> dict[str, Any]:
        code, request = await self.call(copy, "GET", f"/v1/requests/{id_}?wait=60")
        assert code == 200, request
        return dict(request)

    async def cards(self, ids: Sequence[str]) -> dict[str, list[Issued]]:
        """The buttons of these requests, as soon as each has a card."""
        found: dict[str, list[Issued]] = {}
        while found.keys() != set(ids):
            place = await asyncio.wait_for(self.slack.posted.get(), PATIENCE)
            for button in self.slack.buttons(*place):
                if button.request_id in ids:
                    found.setdefault(button.request_id, []).append(button)
        return found

    async def press(self, copy: int, button: Issued, user: str, number: int = 0) -> int:
        declines = button.label == Label.DECLINE_PROMPT
        pressed = button.submit(user, number) if declines else button.press(user, number)
        inbound = signed(pressed, host.clock())
        where = self.served[copy].url + "/channels/slack/events"
        async with self.http.post(where, data=inbound.body, headers=inbound.headers) as answer:
            await answer.read()
            return answer.status


@asynccontextmanager
async def copies(
    folder: Path, server: str, template: str, count: int, lease: int | None = None
) -> AsyncIterator[Copies]:
    url = await create(server, template)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(drop, server, url)
        slack = await stack.enter_async_context(Gate(users=colleagues()))
        slack.open.set()
        config = install(folder, url, slack.api)
        prepared = await asyncio.gather(
            *(Served(config, lease=lease).prepare() for _ in range(count))
        )
        served = [await stack.enter_async_context(one) for one in prepared]
        line = aiohttp.TCPConnector(limit=0)
        headers = {"Authorization": f"Bearer {GATEWAY_KEY}"}
        http = aiohttp.ClientSession(headers=headers, connector=line)
        await stack.enter_async_context(http)
        store = await Store.connect(url)
        stack.push_async_callback(store.close)
        yield Copies(served, slack, http, store, url, config)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def three(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, postgres_template: str
) -> AsyncIterator[Copies]:
    folder = tmp_path_factory.mktemp("three")
    async with copies(folder, postgres_url, postgres_template, 3) as running:
        yield running


async def test_opened_at_one_tapped_at_another_and_awaited_at_a_third(three: Copies) -> None:
    ids = [await three.open(n % 3, "one.pay") for n in range(30)]
    waiting = [asyncio.create_task(three.wait((n + 2) % 3, id_)) for n, id_ in enumerate(ids)]
    cards = await three.cards(ids)
    dana = ACCOUNTS["dana"]
    for number, id_ in enumerate(ids):
        approve = next(b for b in cards[id_] if b.label == Label.APPROVE)
        assert await three.press((number + 1) % 3, approve, dana, number) == 200
    for request in await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE):
        assert request["status"] == "approved"
        assert request["receipt"]


async def test_law_04_one_verdict_however_many_copies_are_told_at_once(three: Copies) -> None:
    ids = await asyncio.gather(*(three.open(n % 3, "room.pay") for n in range(30)))
    cards = await three.cards(ids)
    waiting = [three.wait(n % 3, id_) for n, id_ in enumerate(ids)]
    pressed = []
    for number, id_ in enumerate(ids):
        of = {button.label: button for button in cards[id_]}
        assert {button.room for button in cards[id_]} == {ROOM}
        for copy in range(3):
            said = (Label.APPROVE, ACCOUNTS["lee"]), (Label.DECLINE_PROMPT, ACCOUNTS["sam"])
            for label, user in said if number % 2 else said[::-1]:
                pressed.append(three.press((copy + number) % 3, of[label], user, copy))
                pressed.append(three.press((copy + number) % 3, of[label], user, 9))  # the same one
    verdicts, codes = await asyncio.wait_for(
        asyncio.gather(asyncio.gather(*waiting), asyncio.gather(*pressed)), PATIENCE
    )
    assert set(codes) == {200}
    assert {request["status"] for request in verdicts} <= {"approved", "declined"}
    stored = await three.store.cases(ids)
    for request in verdicts:
        case = stored[request["id"]]
        assert (case.status, len(case.votes)) == (Status(request["status"]), 1)
        kinds = Counter(entry.kind for entry in await three.store.history(case.id))
        assert kinds["vote"] == 1, kinds
        for copy in range(3):
            again = await three.wait(copy, case.id)
            assert (again["status"], again["receipt"]) == (request["status"], request["receipt"])


async def test_law_20_two_people_at_two_copies_fill_two_seats(three: Copies) -> None:
    ids = await asyncio.gather(*(three.open(n % 3, "two.pay") for n in range(15)))
    places: dict[tuple[str, str], tuple[str, str]] = {}
    while len(places) < len(ids) * 3:
        place = await asyncio.wait_for(three.slack.posted.get(), PATIENCE)
        if (request := three.slack.request_of(*place)) in ids:
            places[request, place[0]] = place

    async def insists(copy: int, id_: str, name: str) -> None:
        """Press until it counts: whoever taps while their card is being redrawn taps again."""
        account = ACCOUNTS[name]
        place = places[id_, "D" + account[1:]]
        for number in count():
            case = (await three.store.cases([id_]))[id_]
            if not case.open or name in [vote.person for vote in case.votes]:
                return
            for button in three.slack.buttons(*place):
                if button.label == Label.APPROVE:
                    assert await three.press(copy, button, account, number) == 200

    people = list(enumerate(("dana", "lee", "kim")))
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(insists(copy, id_, who) for id_ in ids for copy, who in people))
    for case in (await three.store.cases(ids)).values():
        assert case.status is Status.APPROVED
        assert len({vote.person for vote in case.votes}) == len(case.votes) == 2


async def test_the_same_key_at_all_copies_opens_one_request(three: Copies) -> None:
    names = [f"key-{n}" for n in range(10)]
    answers = await asyncio.gather(
        *(
            three.open(copy, "high.pay", **{"Idempotency-Key": key})
            for key in names
            for copy in range(3)
        ),
        return_exceptions=True,
    )
    opened = {answer for answer in answers if isinstance(answer, str)}
    # Whoever comes while the first is being written may be told to come again (409), then finds it.
    again = [await three.open(2, "high.pay", **{"Idempotency-Key": key}) for key in names]
    assert opened == set(again)
    assert len(set(again)) == len(names)
    await three.cards(again)


async def test_law_24_every_card_is_posted_once_and_drawn_once(three: Copies) -> None:
    calls = three.slack.calls
    before = len(calls)
    ids = await asyncio.gather(*(three.open(n % 3, "one.pay") for n in range(60)))
    cards = await three.cards(ids)
    waiting = [asyncio.create_task(three.wait(n % 3, id_)) for n, id_ in enumerate(ids)]
    while not three.slack.drawn.empty():
        three.slack.drawn.get_nowait()
    for number, id_ in enumerate(ids):
        approve = next(b for b in cards[id_] if b.label == Label.APPROVE)
        assert await three.press(number % 3, approve, ACCOUNTS["dana"], number) == 200
    await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
    missing = set(ids)
    while missing:
        place = await asyncio.wait_for(three.slack.drawn.get(), PATIENCE)
        missing.discard(three.slack.request_of(*place))
    counted = Counter(
        (method, body["metadata"]["event_payload"]["request_id"])
        for method, _, body in calls[before:]
        if "metadata" in body
    )
    assert {counted["chat.postMessage", id_] for id_ in ids} == {1}
    assert {counted["chat.update", id_] for id_ in ids} == {1}
    assert not await three.store.parked()


async def test_waiters_return_though_the_listening_connection_was_cut(three: Copies) -> None:
    ids = [await three.open(0, "one.pay") for _ in range(6)]
    cards = await three.cards(ids)
    waiting = [asyncio.create_task(three.wait(n % 3, id_)) for n, id_ in enumerate(ids)]
    database = await asyncpg.connect(three.url)
    try:
        cut = await database.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'countersign listener'"
        )
    finally:
        await database.close()
    assert len(cut) >= 3
    for number, id_ in enumerate(ids):
        approve = next(b for b in cards[id_] if b.label == Label.APPROVE)
        assert await three.press((number + 1) % 3, approve, ACCOUNTS["dana"], number) == 200
    for request in await asyncio.wait_for(asyncio.gather(*waiting), 30):
        assert request["status"] == "approved"
        assert request["receipt"]


async def test_law_21_one_chain_whoever_seals(three: Copies) -> None:
    held = keys.load(three.config.parent / "keys")
    ids = await asyncio.gather(*(three.open(n % 3, "one.chain") for n in range(60)))
    while (await three.store.counts()).unsealed:  # one more who seals, beside the three
        await three.store.seal(
            host.clock(), lambda point: sign_checkpoint(held.receipt, point, issuer="x")
        )
    lines = [line async for line in three.store.export()]
    assert sum('"request.opened"' in line for line in lines) >= len(ids)
    jwks = [held.receipt.jwk()]
    heads = [read_checkpoint(jws, jwks).head for jws in await three.store.checkpoints()]
    report = verify_chain(lines, heads=heads)
    assert report.bad is None, report


async def test_law_24_jobs_of_a_killed_copy_are_done_by_another(
    tmp_path: Path, postgres_url: str, postgres_template: str
) -> None:
    async with copies(tmp_path, postgres_url, postgres_template, 2, LEASE) as two:
        two.slack.open.clear()
        ids = [await two.open(0, "one.pay") for _ in range(12)]
        # One is being posted, and whoever does it holds more: they go one after the other, because
        # it is one conversation.
        assert await asyncio.wait_for(two.slack.queue.get(), PATIENCE) == "post"
        database = await asyncpg.connect(two.url)
        try:
            pid = None
            async with asyncio.timeout(PATIENCE):
                while pid is None:  # a copy that had to wait too long gave its jobs back
                    pid = await database.fetchval(
                        "SELECT split_part(worker, '.', -2) FROM outbox WHERE kind = 'post' "
                        "AND worker IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
                    )
        finally:
            await database.close()
        busiest = next(n for n, one in enumerate(two.served) if str(one.pid) == pid)
        await two.served[busiest].kill()
        other = 1 - busiest
        two.slack.open.set()
        dana, done = ACCOUNTS["dana"], set[str]()
        waiting = {id_: asyncio.create_task(two.wait(other, id_)) for id_ in ids}
        number = 0
        while len(done) < len(ids):
            place = await asyncio.wait_for(two.slack.posted.get(), PATIENCE)
            number += 1
            for button in two.slack.buttons(*place):
                if button.label == Label.APPROVE:
                    # A card of the dead copy's was never confirmed: that one is refused.
                    assert await two.press(other, button, dana, number) == 200
                    case = (await two.store.cases([button.request_id]))[button.request_id]
                    if case.status is Status.APPROVED:
                        done.add(button.request_id)
        for request in await asyncio.wait_for(asyncio.gather(*waiting.values()), PATIENCE):
            assert request["status"] == "approved"
            assert request["receipt"]
        # Each request has the one card that was confirmed, whatever else was put up.
        for id_ in ids:
            posted = [card for card in await two.store.cards_of(id_) if card.message]
            assert len(posted) == 1, posted
