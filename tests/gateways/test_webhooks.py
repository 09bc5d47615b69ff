"""Verdicts pushed to a requester: signed, once more until they arrive, and in nobody's way."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from approvals.gateways import webhook
from approvals.gateways.webhook import PATIENCE, Webhook
from approvals.model import MINUTE, SECOND, Status
from approvals.store import Job, Store
from approvals.web.api import view
from tests.harness.house import HANGS, Clock, Desk, Place, everything, intrude, open_house
from tests.peers.receiver import Receiver

KEYS = (b"n" * 32, b"o" * 24)
NEW, OLD = ("whsec_" + base64.b64encode(key).decode() for key in KEYS)
LANE = "webhook:billing"


def hook(
    store: Store, clock: Clock, url: str, name: str = "billing", keys: tuple[bytes, ...] = KEYS[:1]
) -> Webhook:
    return Webhook(name, url, keys, store, clock, lambda n: b"r" * n, partial(view, names=False))


@asynccontextmanager
async def told(
    store: Store, *receivers: Receiver, keys: tuple[bytes, ...] = KEYS[:1], **more: Any
) -> AsyncIterator[Place]:
    """A house that tells `billing` (and `scripts`, if there are two receivers) of its verdicts."""
    clock = Clock(int(time.time() * 1000))  # the library that verifies has no other
    names = ("billing", "scripts")
    hooks = [hook(store, clock, r.url, n, keys) for n, r in zip(names, receivers, strict=False)]
    carriers = {one.lane: one for one in hooks}
    routes = {one.requester: (one.lane,) for one in hooks}
    async with open_house(store, clock=clock, carriers=carriers, routes=routes, **more) as place:
        yield place


async def pushed(place: Place, lane: str = LANE) -> None:
    """All that is due is carried out, in that lane too."""
    await place.carried()
    while await place.house.outbox.drain(lane):
        pass


async def parked(place: Place) -> list[str]:
    return [one.error for one in await place.store.parked()]


async def declined(place: Place, **more: Any) -> Any:
    request = await place.opened(**more)
    assert (await place.decide(request, "decline", by="dana", reason="no"))[0] == 200
    return request


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.PENDING])
async def test_law_22_a_verdict_is_pushed_as_its_requester_may_read_it(
    store: Store, status: Status
) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        place.clock.turn(-15 * MINUTE)
        request = await place.opened()
        match status:
            case Status.APPROVED | Status.DECLINED:
                choice = status.value.removesuffix("d")
                assert (await place.decide(request, choice, by="dana"))[0] == 200
            case Status.EXPIRED:
                place.clock.turn(15 * MINUTE)
                await place.house.service.tick()
                place.clock.turn(-15 * MINUTE)
            case _:
                assert (await place.call("DELETE", f"/v1/requests/{request['id']}"))[0] == 200
        place.clock.turn(15 * MINUTE)
        await pushed(place)
        (delivery,) = receiver.got
        event = delivery.verified(NEW)
        read = await place.read(request["id"])
        assert event == {
            "type": "request.decided",
            "timestamp": read["decided_at"],
            "data": read,
        }
        assert (read["status"], bool(read["receipt"])) == (status.value, True)
        assert "dana" not in delivery.body.decode()
        assert delivery.headers["content-type"] == "application/json"
        assert delivery.path == "/hooks?token=path-secret"


async def test_law_05_a_requester_is_told_of_its_own_requests_only(store: Store) -> None:
    async with Receiver() as one, Receiver() as two, told(store, one, two) as place:
        mine = await declined(place)
        theirs = await declined(place, key="csr_scripts", agent={"id": "bot"})
        denied = await place.opened("denied.x")
        await pushed(place)
        await pushed(place, "webhook:scripts")
        assert {d.data["id"] for d in one.got} == {mine["id"], denied["id"]}
        assert [d.data["id"] for d in two.got] == [theirs["id"]]


async def test_law_24_an_event_keeps_its_id_and_each_attempt_has_its_time(store: Store) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        receiver.answer(500, 404)
        await declined(place)
        for _ in range(3):
            await pushed(place)
            place.clock.turn(MINUTE)
        first, second, third = receiver.got
        ids = {d.headers["webhook-id"] for d in receiver.got}
        assert len(ids) == 1
        assert first.body == second.body == third.body
        at = [int(d.headers["webhook-timestamp"]) for d in receiver.got]
        assert [b - a for a, b in pairwise(at)] == [60, 60]
        assert all(d.verified(NEW) for d in receiver.got)
        place.clock.turn(PATIENCE)
        await pushed(place)
        assert (len(receiver.got), await parked(place)) == (3, [])


async def test_two_secrets_sign_while_one_is_replaced(store: Store) -> None:
    async with Receiver() as receiver, told(store, receiver, keys=KEYS) as place:
        await declined(place)
        await pushed(place)
        (delivery,) = receiver.got
        assert delivery.headers["webhook-signature"].count("v1,") == 2
        assert delivery.verified(NEW) == delivery.verified(OLD)
        with pytest.raises(WebhookVerificationError):
            delivery.verified("whsec_" + base64.b64encode(b"x" * 32).decode())
        with pytest.raises(WebhookVerificationError):
            replace(delivery, body=delivery.body.replace(b"declined", b"approved")).verified(NEW)


async def test_a_receiver_that_is_gone_is_not_asked_again(store: Store) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        receiver.answer(410)
        await declined(place)
        await pushed(place)
        assert await parked(place) == ["HTTP 410: the receiver wants no more"]
        place.clock.turn(PATIENCE)
        await pushed(place)
        assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [302, 400, 503, 0])
async def test_law_26_a_receiver_that_fails_is_asked_for_a_day(store: Store, status: int) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        if status:
            receiver.answer(*[status] * 200, Location="/elsewhere")
        else:
            await receiver.__aexit__()
        await declined(place)
        began = place.clock()
        attempts = 0
        while not await parked(place):
            assert place.clock() - began < 2 * PATIENCE
            if await place.house.outbox.drain(""):
                continue
            attempts += await place.house.outbox.drain(LANE)
            place.clock.turn(MINUTE if attempts < 9 else 45 * MINUTE)
        assert PATIENCE <= place.clock() - began <= PATIENCE + 90 * MINUTE
        assert attempts > 20
        assert {d.path for d in receiver.got} <= {"/hooks?token=path-secret"}
        (why,) = await parked(place)
        assert why.endswith("; it has failed for a day")
        (job,) = [one.job for one in await store.parked()]
        assert await store.resend(job.id, place.clock())
        receiver.answers.clear()
        await pushed(place)
        assert len(await parked(place)) == (not status)


@pytest.mark.parametrize("date", [False, True])
async def test_law_26_what_a_receiver_says_of_waiting_holds_for_its_lane(
    store: Store, date: bool
) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        wait = formatdate(place.clock() / 1000 + 600, usegmt=True) if date else "600"
        receiver.answer(429, Retry_After=wait)
        await declined(place)
        await pushed(place)
        await declined(place)
        place.clock.turn(590 * SECOND)
        await pushed(place)
        assert len(receiver.got) == 1
        place.clock.turn(11 * SECOND)
        await pushed(place)
        assert len(receiver.got) == 3


@pytest.mark.parametrize("wait", ["9" * 40, "-1", "soon", "Mon, 99 Foo", "٣", ""])
async def test_law_27_an_odd_retry_after_stops_nothing(store: Store, wait: str) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        receiver.answer(503, Retry_After=wait)
        await declined(place)
        await pushed(place)
        place.clock.turn(PATIENCE + MINUTE)
        await pushed(place)
        assert receiver.statuses == ["declined"] * 2


async def test_law_26_a_dead_receiver_delays_nobody(store: Store) -> None:
    desk = Desk()
    async with (
        Receiver() as dead,
        Receiver() as well,
        told(store, dead, well, desks=(desk,), carry=True) as place,
    ):
        dead.gate.clear()
        for _ in range(20):
            await declined(place)
        await asyncio.wait_for(dead.arrived.wait(), HANGS)
        other = await place.opened(key="csr_scripts", agent={"id": "bot"})
        async with asyncio.timeout(HANGS):
            while not desk.of(other["id"]):
                await asyncio.sleep(0.01)
        assert (await place.decide(other, "approve", by="kim"))[0] == 200
        await asyncio.wait_for(well.arrived.wait(), HANGS)
        assert well.got[0].data["status"] == "approved"
        answer = await place.read(other["id"], "?wait=5", key="csr_scripts")
        assert answer["receipt"]
        dead.gate.set()


async def test_law_26_a_receiver_that_is_slow_is_asked_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT", 0.1)
    async with Receiver() as receiver, told(store, receiver) as place:
        receiver.gate.clear()
        request = await declined(place)
        await pushed(place)
        (failed,) = [e for e in await store.history(request["id"]) if e.kind == "webhook.failed"]
        assert "no answer within" in (failed.content or "")
        receiver.gate.set()
        place.clock.turn(MINUTE)
        await pushed(place)
        assert len({d.headers["webhook-id"] for d in receiver.got}) == 1
        assert len(receiver.got) == 2


async def test_law_27_an_answer_without_an_end_is_not_read(store: Store) -> None:
    async with Receiver(endless=True) as receiver, told(store, receiver) as place:
        await declined(place)
        async with asyncio.timeout(HANGS):
            await pushed(place)
            await receiver.broken_off.wait()
        assert (len(receiver.got), await parked(place)) == (1, [])


async def test_law_21_each_attempt_is_in_the_chain_before_and_after(store: Store) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        receiver.answer(500)
        request = await declined(place)
        await pushed(place)
        place.clock.turn(MINUTE)
        receiver.gate.clear()
        delivering = asyncio.create_task(pushed(place))
        receiver.arrived.clear()
        await asyncio.wait_for(receiver.arrived.wait(), HANGS)
        entries = [e for e in await store.history(request["id"]) if "webhook" in e.kind]
        kinds = [e.kind.removeprefix("webhook.") for e in entries]
        assert kinds == ["sending", "failed", "sending"]
        receiver.gate.set()
        await delivering
        entries = [e for e in await store.history(request["id"]) if "webhook" in e.kind]
        assert entries[-1].kind == "webhook.delivered"
        said = [json.loads(e.content or "") for e in entries]
        assert [one.get("why", one.get("status")) for one in said] == [None, "HTTP 500", None, 204]
        assert {one["attempt"] for one in said} == {1, 2}
        assert {one["lane"] for one in said} == {LANE}


async def test_law_01_a_yes_that_does_not_verify_is_not_pushed(store: Store, database: str) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        request = await place.opened("two.pay")
        case = await place.case(request["id"])
        await intrude(database, replace(case, status=Status.APPROVED, decided_at=place.clock()))
        await store.append([], [Job("forward", case.id, "", place.clock())])
        await pushed(place)
        assert receiver.got == []
        (why,) = await parked(place)
        assert "has no receipt" in why


async def test_law_23_neither_secret_nor_path_is_kept_or_said(store: Store, database: str) -> None:
    async with Receiver() as receiver, told(store, receiver) as place:
        receiver.answer(500, 410)
        await declined(place)
        await pushed(place)
        place.clock.turn(MINUTE)
        await pushed(place)
        one = hook(store, place.clock, receiver.url)
        kept = await everything(database) + repr(one) + repr(place.house)
        for secret in ("path-secret", NEW[6:], "n" * 32):
            assert secret not in kept
