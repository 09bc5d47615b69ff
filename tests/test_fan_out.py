"""One request to six people on six channels, all of them real adapters before their stand-ins: six
cards, one verdict, and the same words at all of them, whatever one of the platforms does meanwhile.

Each stand-in is behind a `Wire`, which keeps the platform's address and can be cut or made slow.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pytest

from approvals.model import SECOND, Person
from approvals.port import Channel, Inbound
from approvals.store import Store
from tests.channel_contract import strings
from tests.house import GROUPS, Desk, Place, Wall, open_house, rule, until
from tests.peers import discord, email, slack, teams, telegram, whatsapp
from tests.test_email import SITE, TOKEN, Visitor

SEATS: Final = {
    "slack": Person("dana", None, {"slack": "U024BE7LH"}),
    "teams": Person("lee", None, {"teams": teams.DANA}),
    "telegram": Person("kim", None, {"telegram": str(telegram.DANA)}),
    "discord": Person("sam", None, {"discord": discord.DANA}),
    "whatsapp": Person("eve", None, {"whatsapp": whatsapp.DANA}),
    "email": Person("ada", "ada@example.com"),
}
"""Who is reached where. Slack, which would find somebody by an address, comes last for ada."""
VIA: Final = (*(name for name in SEATS if name != "slack"), "slack")
SIX: Final = rule("six", quorum=(("six", 1),), via=VIA)
MODULES: Final = (slack, teams, telegram, discord, whatsapp, email)
PEERS: Final = {module.KIT.name: module for module in MODULES}
SLOWLY: Final = 0.5
"""Seconds that a platform takes which has nothing to say but that it is busy."""
TAPPER: Final = "slack"
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


def http(status: str, **headers: str) -> bytes:
    """An answer of this status, with a delay in the body for who reads it there."""
    delay = headers.get("retry_after", "1")
    body = f'{{"ok": false, "error_code": {status[:3]}, "description": "x", "retry_after": {delay}'
    body += f', "parameters": {{"retry_after": {delay}}}}}'
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", body]).encode()


def short(request: Any) -> str:
    """What a card says of a request's digest."""
    return str(request["digest"]).rpartition(":")[2][:8]


@dataclass
class Office:
    """A house with all six channels on."""

    place: Place
    peers: dict[str, Any]
    wires: dict[str, Wire]
    clock: Wall
    visitor: Visitor
    _read: dict[int, tuple[Any, str]] = field(default_factory=dict)

    async def asked(self) -> Any:
        return await self.place.opened(
            "six.pay", payload={"to": "bob", "once": time.time_ns() % 10**9}
        )

    def said(self, channel: str, request: Any) -> list[str]:
        """What stands at a channel about a request, the oldest message first."""
        digest, peer = short(request), self.peers[channel]
        if channel == "whatsapp":
            return [text for text in map(peer.text, peer.sent) if digest in text]
        found = peer.mails if channel == "email" else peer.messages.values()
        return [text for text in map(self._text, found) if digest in text]

    def _text(self, message: Any) -> str:
        """All that it says. A message that is edited is another one to its peer."""
        if id(message) not in self._read:
            mail = isinstance(message, email.Received)
            text = message.part("plain") if mail else " ".join(strings(message))
            self._read[id(message)] = message, text
        return self._read[id(message)][1]

    def shows(self, request: Any, headline: str, channels: Iterable[str] = SEATS) -> set[str]:
        """The channels whose newest word about a request is this."""
        return {one for one in channels if any(headline in x for x in self.said(one, request)[-1:])}

    async def carded(self, request: Any, channels: Iterable[str] = SEATS) -> None:
        """Wait until each of them has its card, and no more of them."""
        wanted = {*channels}
        await until(lambda: self.shows(request, "Answer by", wanted) == wanted)
        assert [len(self.said(one, request)) for one in wanted] == [1] * len(wanted)

    async def ended(self, request: Any, by: str, channels: Iterable[str] = SEATS) -> None:
        wanted, headline = {*channels}, f"Approved by {SEATS[by].id}"
        await until(lambda: self.shows(request, headline, wanted) == wanted)

    async def tap(self, channel: str, request: Any) -> None:
        """The person of this channel presses Approve there."""
        if channel == "email":
            (mail,) = self.said(channel, request)
            token = re.search(TOKEN, mail)
            assert token is not None
            assert (await self.visitor.press(token[0])).status == 200
            return
        inbound = self._delivery(channel, request)
        url = self.place.url + inbound.path
        async with self.place.http.post(url, data=inbound.body, headers=inbound.headers) as answer:
            assert answer.status == 200, await answer.text()

    def _delivery(self, channel: str, request: Any) -> Inbound:
        peer, at, digest = self.peers[channel], self.clock(), short(request)
        account = SEATS[channel].accounts[channel]
        if channel == "whatsapp":
            card = next(one for one in peer.sent if digest in peer.text(one))
            return whatsapp.signed(peer.press(card, "Approve", at=at), at)
        card = next(k for k, v in peer.messages.items() if digest in " ".join(strings(v)))
        match channel:
            case "slack":
                return slack.signed(peer.press(*card, "approve", account), at)
            case "teams":
                return teams.delivery(peer.press(*card, "Approve", account), at)
            case "telegram":
                return telegram.delivery(peer.press(*card, "Approve", int(account)), at)
            case _:
                return discord.signed(peer.press(*card, "Approve", account), at)

    async def passes(self, *, seconds: int = 0, times: int = 1) -> None:
        """So many seconds pass, so many times; what has fallen due is carried out each time."""
        for _ in range(times):
            self.clock.turn(seconds * SECOND)
            await self.place.carried()


@asynccontextmanager
async def opened(store: Store, *, carry: bool = True) -> AsyncIterator[Office]:
    """The office, with the time of this machine. `carry` False: the test says what happens when."""
    async with (
        slack.SlackPeer() as slack_,
        teams.TeamsPeer() as teams_,
        telegram.TelegramPeer() as telegram_,
        discord.DiscordPeer() as discord_,
        whatsapp.WhatsAppPeer() as whatsapp_,
        email.MailServer() as email_,
    ):
        found = (slack_, teams_, telegram_, discord_, whatsapp_, email_)
        peers: dict[str, Any] = dict(zip(PEERS, found, strict=True))
        account = SEATS["slack"].accounts["slack"]
        slack_.users[account] = slack.person(account)
        wires, channels, clock = dict[str, Wire](), list[Channel](), Wall(0)
        for name, peer in peers.items():
            wires[name] = wire = Wire(int(peer.api.split(":")[2].split("/")[0]))
            await wire.listen()
            behind, peer_api = f":{wire.to}", peer.api
            if name == "teams":
                peer.base = peer.base.replace(behind, f":{wire.port}")
            channels.append(PEERS[name].make(peer_api.replace(behind, f":{wire.port}")))
        async with open_house(
            store,
            desks=cast(list[Desk], channels),
            clock=clock,
            people=(*SEATS.values(),),
            groups={**GROUPS, "six": frozenset(person.id for person in SEATS.values())},
            rules=(SIX,),
            site=SITE,
            review_url=lambda case_id: f"{SITE.origin}/requests/{case_id}",
            carry=carry,
        ) as place:
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


async def test_one_request_is_six_cards_and_one_verdict_is_shown_by_all(office: Office) -> None:
    """A tap on each channel in turn, and the other five say the same."""
    for tapped in SEATS:
        request = await office.asked()
        await office.carded(request)
        await office.tap(tapped, request)
        await office.ended(request, tapped)
        # Four edit their card; the mail and the message that cannot be are followed by one.
        counts = {one: len(office.said(one, request)) for one in SEATS}
        assert counts == {one: 2 if one in ("whatsapp", "email") else 1 for one in SEATS}
        assert (await office.place.read(request["id"]))["status"] == "approved"


HOW: Final[dict[str, bytes | None]] = {
    "whatsapp": b"",  # refuses connections
    "teams": None,  # takes them, and is silent
    "discord": http("503 Service Unavailable"),
    "telegram": http("429 Too Many Requests", retry_after="2"),
    "email": None,
}
"""What each of them does instead of answering."""


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
    await still.passes(seconds=30, times=120)
    assert still.shows(request, "Approved by dana") == {TAPPER}
    for one in AWAY:
        await still.wires[one].mend()
    await still.passes(seconds=50)
    assert still.shows(request, "Approved by dana") == {*SEATS}


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
    assert still.shows(over, "Approved by dana") == {TAPPER}
    for one in AWAY:
        await still.wires[one].mend()
    await still.passes(seconds=50)
    await still.carded(request)
    await still.tap("telegram", request)
    await still.passes()
    assert still.shows(request, "Approved by kim") == {*SEATS}
    # Nobody is told of a request that is over who never heard of it.
    assert [len(still.said(one, over)) for one in SEATS] == [one == TAPPER for one in SEATS]
