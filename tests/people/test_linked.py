"""Linking an account on the platforms themselves: a code is written where each lets people write,
by webhook and by a connection of ours, and from then on cards come and taps count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from adapters.discord import settings, setup
from approvals import linking
from approvals.model import Person
from approvals.port import Channel, Inbound
from approvals.store import Store
from tests.harness.house import HANGS, Place, code, open_house, whose
from tests.harness.installation import install
from tests.peers import discord as peer_discord
from tests.peers import slack as peer_slack
from tests.peers import telegram as peer_telegram

PEOPLE = (Person("dana", groups=frozenset({"default"})), Person("lee"))
GROUPS = {"default": frozenset({"dana"})}


class Line(Protocol):
    """An account on a platform. `outbound`: it reaches us by a connection of ours."""

    outbound: bool
    account: str

    def channel(self) -> Channel: ...
    async def write(self, place: Place, text: str) -> None:
        """As `countersign link` says: the text in private, or behind the command."""
        ...

    async def approve(self, place: Place) -> None:
        """Press Approve on the newest card in private."""
        ...

    def words(self) -> list[tuple[str, str]]:
        """Whom we told what, in their order, cards left out."""
        ...

    @property
    def told(self) -> asyncio.Event: ...


async def deliver(place: Place, inbound: Inbound) -> Any:
    url = f"{place.url}{inbound.path}"
    async with place.http.post(url, data=inbound.body, headers=dict(inbound.headers)) as answer:
        assert answer.status == 200
        return await answer.json() if await answer.read() else None


@dataclass
class Telegram:
    peer: peer_telegram.TelegramPeer
    outbound: bool
    account: str = str(peer_telegram.DANA)

    @property
    def told(self) -> asyncio.Event:
        return self.peer.said

    def channel(self) -> Channel:
        more = {"mode": "polling", "secret_token": ""} if self.outbound else {}
        return peer_telegram.make(self.peer.api, **more)

    async def _sent(self, place: Place, update: dict[str, Any]) -> None:
        if not self.outbound:
            await deliver(place, peer_telegram.delivery(update, place.clock()))

    async def write(self, place: Place, text: str) -> None:
        who = peer_telegram.DANA
        await self._sent(place, self.peer.write(who, f"/start {text}", who))

    async def approve(self, place: Place) -> None:
        who = peer_telegram.DANA
        card = self.peer.newest(who)["message_id"]
        await self._sent(place, self.peer.press(who, card, "Approve", who))

    def words(self) -> list[tuple[str, str]]:
        sent = [body for method, body in self.peer.calls if method == "sendMessage"]
        return [(str(one["chat_id"]), one["text"]) for one in sent if "reply_markup" not in one]


@dataclass
class Discord:
    peer: peer_discord.DiscordPeer
    outbound: bool
    account: str = peer_discord.DANA
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def told(self) -> asyncio.Event:
        return self.peer.answered

    def channel(self) -> Channel:
        self.peer._register(dict(setup.COMMAND))
        more = {"mode": "gateway", "public_key": ""} if self.outbound else {}
        return peer_discord.make(self.peer.api, gateway_url=self.peer.gateway, **more)

    async def _sent(self, place: Place, interaction: dict[str, Any]) -> None:
        if self.outbound:
            await asyncio.wait_for(self.peer.connected.wait(), HANGS)
            await self.peer.dispatch(interaction)
            return
        answer = await deliver(place, peer_discord.signed(interaction, place.clock()))
        assert peer_discord.answer_faults(answer) == []
        self.peer.answers.append(answer)
        self.peer.answered.set()

    async def write(self, place: Place, text: str) -> None:
        # In a server, where others are: nobody sees it.
        await self._sent(place, self.peer.command(peer_discord.ROOM, text, self.account))

    async def approve(self, place: Place) -> None:
        room = peer_discord.direct(self.account)
        card = self.peer.newest(room)["id"]
        await self._sent(place, self.peer.press(room, card, "Approve", self.account))

    def words(self) -> list[tuple[str, str]]:
        said = [one["data"] for one in self.peer.answers if one["type"] == 4]
        assert all(one["flags"] == 64 for one in said)
        return [(self.account, one["content"].strip("`").replace("\\u{60}", "`")) for one in said]


@dataclass
class Slack:
    peer: peer_slack.SlackPeer
    outbound: bool
    account: str = "U024BE7LH"

    @property
    def told(self) -> asyncio.Event:
        return self.peer.sent

    def channel(self) -> Channel:
        self.peer.users[self.account] = peer_slack.person(self.account)
        socket = {"mode": "socket", "app_token": peer_slack.APP_TOKEN, "signing_secret": ""}
        return peer_slack.make(self.peer.api, **(socket if self.outbound else {}))

    async def _sent(self, place: Place, body: dict[str, Any]) -> None:
        if self.outbound:
            await asyncio.wait_for(self.peer.connected.wait(), HANGS)
            ack = await self.peer.envelope(body, f"e{len(self.peer.acks)}")
            assert "payload" not in ack  # or it would stand in the room
            return
        sent = peer_slack.form(body) if "command" in body else body
        assert await deliver(place, peer_slack.signed(sent, place.clock())) is None

    async def write(self, place: Place, text: str) -> None:
        await self._sent(place, self.peer.command(text, self.account, "C024BE91L"))

    async def approve(self, place: Place) -> None:
        room = f"D{self.account[1:]}"
        ts = max(ts for where, ts in self.peer.messages if where == room)
        await self._sent(place, self.peer.press(room, ts, "approve", self.account))

    def words(self) -> list[tuple[str, str]]:
        sent = [body for method, _, body in self.peer.calls if method == "chat.postMessage"]
        return [(one["channel"], one["text"]) for one in sent if "blocks" not in one]


LINES: dict[str, Any] = {
    "discord": (peer_discord.DiscordPeer, Discord),
    "slack": (peer_slack.SlackPeer, Slack),
    "telegram": (peer_telegram.TelegramPeer, Telegram),
}


@pytest.fixture(
    params=[(name, how) for name in LINES for how in ("webhook", "outbound")], ids="-".join
)
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    name, how = request.param
    peer, made = LINES[name]
    async with peer() as running:
        yield made(running, how == "outbound")


@asynccontextmanager
async def house(store: Store, line: Line) -> AsyncIterator[Place]:
    channel = line.channel()
    only = frozenset({channel.name}) if line.outbound else frozenset()
    async with AsyncExitStack() as stack:
        desks: Any = (channel,)
        yield await stack.enter_async_context(
            open_house(store, desks=desks, people=PEOPLE, groups=GROUPS, outbound_only=only)
        )


async def answer(place: Place, line: Line, text: str) -> str:
    """What the account is told that wrote this: it alone, once."""
    before = len(line.words())
    await line.write(place, text)
    async with asyncio.timeout(HANGS):
        while len(line.words()) == before:
            line.told.clear()
            await line.told.wait()
    ((whom, said),) = line.words()[before:]
    assert whom == line.account
    return said


async def test_law_02_an_account_that_was_linked_by_a_code_gets_cards_and_its_tap_counts(
    store: Store, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with house(store, line) as place:
        secret = await code(place, "dana", place.channel.name)
        said = await answer(place, line, secret)
        assert said == "This account is dana's from now on."
        assert whose(place, line.account) == "dana"
        request = await place.opened()
        await place.carried()
        await line.approve(place)
        async with asyncio.timeout(HANGS):
            while (case := await place.case(request["id"])).open:
                await asyncio.sleep(0.01)
        assert (case.status.value, [vote.person for vote in case.votes]) == ("approved", ["dana"])
    assert secret not in caplog.text


async def test_law_06_a_wrong_code_links_nobody_and_is_answered_in_private(
    store: Store, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with house(store, line) as place:
        real = await code(place, "dana", place.channel.name)
        for wrong in (real[:-1] + ("0" if real[-1] != "0" else "1"), "please"):
            # Discord shows no backtick of a text as it is: a lookalike stands for it.
            said = (await answer(place, line, wrong)).replace("\u200bˋ", "`")
            assert said == linking.DEAD.text
        assert whose(place, line.account) is None
        # Nothing was used up by it.
        assert "dana's from now on" in await answer(place, line, real)
        assert "already" in await answer(place, line, real)
    assert real not in caplog.text


async def test_the_link_of_the_command_line_links_at_a_running_service(tmp_path: Path) -> None:
    place = install(tmp_path)
    path = tmp_path / "countersign.yaml"
    async with peer_telegram.TelegramPeer() as peer:
        section = f'bot_token: "{peer_telegram.BOT_TOKEN}", mode: polling, api_url: "{peer.api}"'
        path.write_text(f"channels: {{telegram: {{{section}}}}}\n{path.read_text()}")
        await asyncio.to_thread(place.start)
        try:
            made = (await asyncio.to_thread(place.run, "link", "lee", "telegram", "--json")).json
            start = made["words"][-1].removeprefix("https://t.me/approvals_bot?start=")
            assert start == made["code"]
            line = Telegram(peer, outbound=True)
            peer.write(peer_telegram.LEE, f"/start {start}", peer_telegram.LEE)
            async with asyncio.timeout(HANGS):
                while not line.words():
                    line.told.clear()
                    await line.told.wait()
            rows = (await asyncio.to_thread(place.run, "links", "--json")).json
        finally:
            await asyncio.to_thread(place.stop)
    (row,) = [row for row in rows if row["channel"] == "telegram"]
    who = str(peer_telegram.LEE)
    assert (row["person"], row["account"], row["how"]) == ("lee", who, "code")
    assert line.words() == [(who, "This account is lee's from now on.")]


def test_the_command_that_is_registered_is_the_one_that_people_are_told() -> None:
    name, (option,) = setup.COMMAND["name"], setup.COMMAND["options"]
    assert settings.Settings.linking.command == f"/{name} {option['name']}:{{code}}"
