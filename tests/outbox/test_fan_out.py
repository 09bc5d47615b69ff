"""One request to an approver on each channel, all of them real adapters before their stand-ins: one
verdict, and the same words at all of them, whatever one of the platforms does meanwhile.

Each stand-in is behind a `Wire`, which keeps the platform's address and can be cut or made slow.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from adapters import CHANNELS
from approvals.model import SECOND, Person, Risk
from approvals.people import Directory
from approvals.port import Channel, Hears, Inbound
from approvals.store import Store
from tests.harness.channel_contract import Seat, kit, seat
from tests.harness.house import GROUPS, Place, Wall, open_house, rule, until
from tests.harness.visitor import SITE, TOKEN, Visitor

SEATS: Final = {name: seat(name) for name in CHANNELS}
PEOPLE: Final = {
    name: Person(f"{name.replace('_', '-')}-person", None, {name: one.account})
    for name, one in SEATS.items()
    if name != "email"
} | {"email": Person("email-person", SEATS["email"].account)}
"""Who is reached where: each on one channel."""
VIA: Final = ("email", *(name for name in SEATS if name != "email"))
"""E-mail first: others would find somebody by an address."""
ALL: Final = rule("all", quorum=(("all", 1),), via=VIA, risk=Risk.LOW)


def http(status: str, **headers: str) -> bytes:
    """An answer of this status, with a delay in the body for who reads it there."""
    delay = headers.get("retry_after", "1")
    body = f'{{"ok": false, "error_code": {status[:3]}, "description": "x", "retry_after": {delay}'
    body += f', "parameters": {{"retry_after": {delay}}}}}'
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", body]).encode()


SLOWLY: Final = 0.5
"""Seconds that a platform takes which has nothing to say but that it is busy."""
TAPPER: Final = "slack"
HOW: Final[dict[str, bytes | None]] = {
    "whatsapp": b"",  # refuses connections
    "teams": None,  # takes them, and is silent
    "discord": http("503 Service Unavailable"),
    "telegram": http("429 Too Many Requests", retry_after="2"),
    "email": None,
}
"""What each of them does instead of answering."""
AWAY: Final = tuple(name for name in SEATS if name != TAPPER)


@dataclass
class Wire:
    """A line to a peer at `to`."""

    to: int
    port: int = 0
    how: bytes | None = b""
    """What it answers to everything, slowly; None: nothing, for ever; empty: the peer answers."""
    given_up: int = 0
    """Callers that waited for an answer in vain until they hung up."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Nobody is there: every connection breaks, and a new one is refused."""
        if self._server is not None:
            self._server.close()
        self._server = None
        self._hang_up()

    async def mend(self) -> None:
        """As always."""
        self.how = b""
        self._hang_up()
        if self._server is None:
            await self.listen()

    def instead(self, how: bytes | None) -> None:
        """From now on it is like this."""
        self.how = how
        self._hang_up()

    def _hang_up(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                if self.how == b"":
                    await self._pass_on(reader, writer)
                else:
                    await self._answer(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to)

        async def down() -> None:
            while data := await reader.read(65536):
                back.write(data)
            back.close()

        async def up() -> None:
            while data := await there.read(65536):
                writer.write(data)
            writer.close()

        try:
            await asyncio.gather(down(), up())
        finally:
            back.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.how is None:
            while await reader.read(65536):
                pass
            self.given_up += self.how is None
            return
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(size[1]) if size else 0)
        await asyncio.sleep(SLOWLY)
        writer.write(self.how)


def verdict(by: str) -> str:
    return "approved" if SEATS[by].approves else "declined"


def ending(by: str) -> str:
    """How every card says what the person of this channel decided."""
    return f"{verdict(by).capitalize()} by {PEOPLE[by].id}"


def short(request: Any) -> str:
    """What a card says of a request's digest."""
    return str(request["digest"]).rpartition(":")[2][:8]


@dataclass
class Office:
    """A house with every channel on."""

    place: Place
    peers: dict[str, Any]
    wires: dict[str, Wire]
    clock: Wall
    visitor: Visitor
    _read: dict[int, tuple[Any, str]] = field(default_factory=dict)

    async def asked(self) -> Any:
        return await self.place.opened(
            "all.pay", payload={"to": "bob", "once": time.time_ns() % 10**9}
        )

    def said(self, channel: str, request: Any) -> list[str]:
        """What stands at a channel about a request, the oldest message first."""
        digest, one = short(request), SEATS[channel]
        found = [self._text(one, each) for each in one.messages(self.peers[channel])]
        return [text for text in found if digest in text]

    def _text(self, one: Seat, message: Any) -> str:
        if id(message) not in self._read:
            self._read[id(message)] = message, one.text(message)
        return self._read[id(message)][1]

    def shows(self, request: Any, headline: str, channels: Iterable[str] = SEATS) -> set[str]:
        """The channels whose newest word about a request is this."""
        return {one for one in channels if any(headline in x for x in self.said(one, request)[-1:])}

    async def carded(self, request: Any, channels: Iterable[str] = SEATS) -> None:
        """Wait until each of them has its card, and no more of them."""
        wanted = {*channels}
        await self._say(request, "Answer by", wanted)
        assert [len(self.said(one, request)) for one in wanted] == [1] * len(wanted)

    async def ended(self, request: Any, by: str, channels: Iterable[str] = SEATS) -> None:
        await self._say(request, ending(by), {*channels})

    async def _say(self, request: Any, headline: str, wanted: set[str]) -> None:
        try:
            await until(lambda: self.shows(request, headline, wanted) == wanted)
        except TimeoutError:
            lacks = {name: self.said(name, request)[-1:] for name in wanted}
            lacks = {name: said for name, said in lacks.items() if headline not in "".join(said)}
            raise AssertionError(f"{headline}: not at {lacks}") from None

    async def tap(self, channel: str, request: Any) -> None:
        """The person of this channel presses Approve there, or declines where it cannot approve."""
        press = SEATS[channel].press
        if press is None:
            (mail,) = self.said(channel, request)
            token = re.search(TOKEN, mail)
            assert token is not None
            assert (await self.visitor.press(token[0])).status == 200
            return
        made = press(self.peers[channel], short(request), self.clock())
        inbound = made if isinstance(made, Inbound) else await made
        async with self.place.http.request(
            inbound.method,
            f"{self.place.url}{inbound.path}{'?' if inbound.query else ''}{inbound.query}",
            data=inbound.body,
            headers=inbound.headers,
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def passes(self, *, seconds: int = 0, times: int = 1) -> None:
        """So many seconds pass, so many times; what has fallen due is carried out each time."""
        for _ in range(times):
            self.clock.turn(seconds * SECOND)
            await self.place.carried()


@asynccontextmanager
async def opened(store: Store, *, carry: bool = True) -> AsyncIterator[Office]:
    """The office, with the time of this machine. `carry` False: the test says what happens when."""
    async with AsyncExitStack() as stack:
        peers, wires, channels = dict[str, Any](), dict[str, Wire](), list[Channel]()
        for name, one in SEATS.items():
            peer: Any = await stack.enter_async_context(kit(name).peer())
            one.ready(peer)
            wires[name] = wire = Wire(int(peer.api.split(":")[2].split("/")[0]))
            await wire.listen()
            behind, peer_api = f":{wire.to}", peer.api
            if name == "teams":
                peer.base = peer.base.replace(behind, f":{wire.port}")
            peers[name] = peer
            channels.append(kit(name).make(peer_api.replace(behind, f":{wire.port}")))
        clock = Wall(0)
        async with open_house(
            store,
            desks=channels,
            clock=clock,
            people=(*PEOPLE.values(),),
            groups={**GROUPS, "all": frozenset(person.id for person in PEOPLE.values())},
            rules=(ALL,),
            site=SITE,
            review_url=lambda case_id: f"{SITE.origin}/requests/{case_id}",
            carry=carry,
        ) as place:
            for each in channels:
                if isinstance(each, Hears):  # they have written to us today
                    await store.heard_from(each.name, {SEATS[each.name].account: clock()})
            yield Office(place, peers, wires, clock, Visitor(place))
        for wire in wires.values():
            await wire.cut()


@pytest.fixture
async def office(store: Store) -> AsyncIterator[Office]:
    async with opened(store) as made:
        yield made


@pytest.fixture
async def still(store: Store) -> AsyncIterator[Office]:
    """Nothing is carried out but when time `passes`."""
    async with opened(store, carry=False) as made:
        yield made


async def test_one_request_is_a_card_everywhere_and_one_verdict_is_shown_by_all(
    office: Office,
) -> None:
    """A tap on each channel in turn, and all the others say the same."""
    for tapped in SEATS:
        request = await office.asked()
        await office.carded(request)
        await office.tap(tapped, request)
        await office.ended(request, tapped)
        # Most edit their card; what cannot be edited is followed by a word.
        counts = {one: len(office.said(one, request)) for one in SEATS}
        assert counts == {name: 1 + one.anew for name, one in SEATS.items()}
        assert (await office.place.read(request["id"]))["status"] == verdict(tapped)


async def test_law_02_a_tap_of_a_stranger_changes_nothing_on_any_channel(office: Office) -> None:
    """The accounts that have the cards become nobody's; then each of them taps."""
    request = await office.asked()
    await office.carded(request)
    service = office.place.house.service
    nobody = Directory(tuple(replace(one, accounts={}, email=None) for one in PEOPLE.values()), {})
    service.trust = replace(service.trust, directory=nobody)
    for channel, one in SEATS.items():
        if one.press is not None:  # a link in a mail is its reader's, whoever that is
            await office.tap(channel, request)
    await office.place.carried()
    assert service.trust.directory is nobody
    case = await office.place.read(request["id"])
    assert (case["status"], case["votes"]) == ("pending", [])
    assert office.shows(request, "Answer by") == {*SEATS}


async def test_law_26_what_one_platform_does_delays_no_other(office: Office) -> None:
    """The others say it while the one that is silent still keeps its caller waiting."""
    for away, instead in HOW.items():
        request = await office.asked()
        await office.carded(request)
        wire, others = office.wires[away], [one for one in AWAY if one != away]
        if instead == b"":
            await wire.cut()
        else:
            wire.instead(instead)
        await office.tap(TAPPER, request)
        await office.ended(request, TAPPER, others)
        assert wire.given_up == 0
        assert not office.shows(request, "Approved", [away])
        await wire.mend()
        await office.ended(request, TAPPER)


async def test_law_26_a_platform_that_was_away_for_an_hour_says_it_within_a_minute(
    still: Office,
) -> None:
    request = await still.asked()
    await still.passes()
    await still.carded(request)
    for one in AWAY:
        await still.wires[one].cut()
    await still.tap(TAPPER, request)
    await still.passes(seconds=60, times=60)
    assert still.shows(request, ending(TAPPER)) == {TAPPER}
    for one in AWAY:
        await still.wires[one].mend()
    await still.passes(seconds=50)
    assert still.shows(request, ending(TAPPER)) == {*SEATS}


async def test_law_26_a_card_that_could_not_be_posted_is_posted_later_while_it_is_asked_about(
    still: Office,
) -> None:
    for one in AWAY:
        await still.wires[one].cut()
    request, over = await still.asked(), await still.asked()
    await still.passes()
    for each in (request, over):
        await still.carded(each, [TAPPER])
    await still.tap(TAPPER, over)
    await still.passes(seconds=30, times=20)
    assert still.shows(over, ending(TAPPER)) == {TAPPER}
    for one in AWAY:
        await still.wires[one].mend()
    await still.passes(seconds=50)
    await still.carded(request)
    await still.tap("telegram", request)
    await still.passes()
    assert still.shows(request, ending("telegram")) == {*SEATS}
    # Nobody is told of a request that is over who never heard of it.
    assert [len(still.said(one, over)) for one in SEATS] == [one == TAPPER for one in SEATS]
