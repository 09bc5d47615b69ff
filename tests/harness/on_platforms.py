"""What the tests of several platforms do alike: cards of whole requests, a connection of ours that
listens, and a house with two people in it and a room."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from approvals.model import Card, Fact, Kind, Outcome, Person, Status
from approvals.port import Channel, Event, Payload, Tap
from approvals.store import Store
from tests.harness.channel_contract import CARDS, ROOT, natural
from tests.harness.house import HANGS, Clock, Place, open_house, rule
from tests.harness.samples import CASE, REQUEST, everywhere, vote
from tests.harness.samples import card as built

AnyChannel = TypeVar("AnyChannel", bound=Channel)
GROUPS = {"default": frozenset({"dana"}), "lunch": frozenset({"lee"})}


def as_it_was(channel: Channel, state: str) -> Payload:
    """The card of this state, which is the golden one; `GOLDEN=1` writes that anew."""
    path = ROOT / "tests/fixtures" / channel.name / "golden" / f"{state}.json"
    payload = channel.layout(natural(CARDS[state], channel.abilities))
    if os.environ.get("GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(payload, indent=1, ensure_ascii=False) + "\n")
    assert path.exists(), f"{path} is missing: GOLDEN=1 pytest writes it, and then look at it"
    assert payload == json.loads(path.read_text())
    return payload


def tapped(event: Event) -> Tap:
    assert isinstance(event, Tap)
    return event


def full_of(channel: Channel, text: str) -> Iterator[tuple[Card, Payload]]:
    """Requests of every kind with this text wherever others write, as card and as drawn."""
    for kind in Kind:
        said, request = everywhere(text, kind)
        case = replace(said, ask=CASE.ask, votes=(), outcome=None)  # what is the owner's own
        asked = request if kind is Kind.GATEWAY else replace(request, http=None, payload=text)
        given = built(case, asked, limits=channel.limits, needs=(("finance", 2),))
        yield given, channel.layout(given)


def longest(channel: Channel, status: Status, fill: str) -> Payload:
    """A card of a request that is too long everywhere, in this state."""
    facts = tuple(Fact(fill * 60, fill * 400) for _ in range(10))
    texts: dict[str, Any] = {"title": fill * 400, "action": fill * 400, "note": fill * 3000}
    request = replace(REQUEST, http=None, kind=Kind.GATEWAY, facts=facts, **texts)
    request = replace(request, payload=fill * 3000)
    votes = () if status is Status.PENDING else (vote("d" * 64), vote("l" * 64), vote("k" * 64))
    case = replace(CASE, status=status, votes=votes, reason=fill * 1000 if votes else None)
    if status is Status.APPROVED:
        case = replace(case, outcome=Outcome(False, 9, 500, fill * 1000))
    return channel.layout(built(case, request, limits=channel.limits))


@asynccontextmanager
async def listening(
    channel: AnyChannel, deliver: Any, connected: asyncio.Event | None = None
) -> AsyncIterator[AnyChannel]:
    """The channel, listening; `connected`: what tells that it does."""
    assert channel.abilities.listen
    task = asyncio.create_task(channel.listen(deliver))
    if connected:
        await asyncio.wait_for(connected.wait(), HANGS)
    yield channel
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    await channel.close()


async def found(channel: Channel) -> dict[str, bool]:
    """What `check` says, by subject."""
    findings = await channel.check()
    await channel.close()
    return {one.subject: one.ok for one in findings}


@asynccontextmanager
async def house(
    store: Store,
    channel: Channel,
    *,
    dana: str,
    lee: str,
    room: str | int,
    clock: Clock | None = None,
) -> AsyncIterator[Place]:
    """dana decides, lee does not; requests of action `room.…` go to the room."""
    accounts = {"dana": ("default", dana), "lee": ("lunch", lee)}
    people = [
        Person(name, accounts={channel.name: str(account)}, groups=frozenset({group}))
        for name, (group, account) in accounts.items()
    ]
    async with open_house(
        store,
        clock=clock,
        desks=(channel,),
        people=people,
        groups=GROUPS,
        rules=(rule("room", via=(f"{channel.name}:{room}",)),),
        outbound_only=frozenset({channel.name}) if channel.abilities.listen else frozenset(),
    ) as place:
        yield place
