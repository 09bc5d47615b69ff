"""Matrix as a real homeserver speaks it: cards, reactions, reasons and edits, by /sync and as an
application service. People's clients are plain calls of the client-server API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from adapters.matrix.adapter import Matrix
from approvals.model import Address, Busy, Person, Refused, Risk
from approvals.store import Store
from tests.harness.channel_contract import card, template
from tests.harness.house import HANGS, Place, open_house, rule
from tests.synapse.conftest import APPROVALS, AS_TOKEN, HS_TOKEN, Server

YES, NO = "✅", "❌"
NUMBERS = count()


@dataclass
class Client:
    """What somebody does, with an account of their own."""

    server: Server
    name: str
    token: str = field(repr=False)

    @property
    def user(self) -> str:
        return f"@{self.name}:localhost"

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self.server.call, method, path, body, self.token)

    async def join(self, room: str) -> None:
        await self.call("POST", f"/v3/join/{quote(room)}", {})

    async def make_room(self, *invite: str, **more: Any) -> str:
        wish = {"preset": "private_chat", "invite": invite, **more}
        return str((await self.call("POST", "/v3/createRoom", wish))["room_id"])

    async def send(self, room: str, kind: str, content: Any) -> str:
        path = f"/v3/rooms/{quote(room)}/send/{kind}/t{next(NUMBERS)}"
        return str((await self.call("PUT", path, content))["event_id"])

    async def react(self, room: str, on: str, key: str) -> str:
        about = {"rel_type": "m.annotation", "event_id": on, "key": key}
        return await self.send(room, "m.reaction", {"m.relates_to": about})

    async def write(self, room: str, text: str, **more: Any) -> str:
        return await self.send(room, "m.room.message", {"msgtype": "m.text", "body": text, **more})

    async def timeline(self, room: str) -> list[Any]:
        """The newest last."""
        path = f"/v3/rooms/{quote(room)}/messages?dir=b&limit=100"
        return list((await self.call("GET", path))["chunk"][::-1])

    async def invitations(self) -> Any:
        """Once there are some. A first /sync is kept by the server and said again for a while."""
        since = ""
        while True:
            news = await self.call("GET", f"/v3/sync?timeout=1000{since}")
            if found := news.get("rooms", {}).get("invite"):
                return found
            since = f"&since={news['next_batch']}"

    async def shown(self, room: str, id: str) -> str:
        """The text of a message after all edits."""
        event = await self.call("GET", f"/v3/rooms/{quote(room)}/event/{quote(id)}")
        edit = event["unsigned"].get("m.relations", {}).get("m.replace")
        content = edit["content"]["m.new_content"] if edit else event["content"]
        return str(content["body"])

    async def reactions(self, room: str, id: str, by: str) -> list[str]:
        path = f"/v1/rooms/{quote(room)}/relations/{quote(id)}/m.annotation/m.reaction?dir=f"
        found = (await self.call("GET", path))["chunk"]
        return [one["content"]["m.relates_to"]["key"] for one in found if one["sender"] == by]


def newcomer(server: Server, name: str) -> Client:
    name = f"{name}{next(NUMBERS)}"
    return Client(server, name, server.person(name))


@dataclass
class Home:
    """A house with the bot, and an approver and a stranger at their clients."""

    place: Place
    bot: Client
    dana: Client
    lee: Client
    room: str

    async def opened(self, action: str) -> tuple[Any, str, str]:
        """A request, and room and id of its card."""
        request = await self.place.opened(action)
        await self.place.carried()
        (row,) = await self.place.store.cards_of(request["id"])
        assert row.message is not None
        return request, row.conversation, row.message

    async def becomes(self, request: Any, status: str) -> None:
        async with asyncio.timeout(HANGS):
            while (await self.place.read(request["id"]))["status"] != status:
                await asyncio.sleep(0.05)
        await self.place.carried()

    async def heard(self, request: Any, kind: str) -> None:
        async with asyncio.timeout(HANGS):
            while kind not in await self.place.kinds(request["id"]):
                await asyncio.sleep(0.05)


def adapter(server: Server, bot: Client) -> Matrix:
    given: dict[str, Any] = {"api_url": server.url, "user": bot.user, "access_token": bot.token}
    if bot.user == APPROVALS:
        given |= {"mode": "appservice", "hs_token": HS_TOKEN}
    return Matrix(render=template("matrix"), **given)


@asynccontextmanager
async def house(
    store: Store, server: Server, bot: Client, dana: Client, lee: Client, room: str
) -> AsyncIterator[Home]:
    channel: Any = adapter(server, bot)
    pushed = bot.user == APPROVALS
    people = [
        Person("dana", accounts={"matrix": dana.user}, groups=frozenset({"default"})),
        Person("lee", accounts={"matrix": lee.user}, groups=frozenset({"lunch"})),
    ]
    rules = (
        rule("low", risk=Risk.LOW),
        rule("lowroom", risk=Risk.LOW, via=(f"matrix:{room}",)),
        rule("ready", risk=Risk.LOW, reasons=("Too expensive", "Not now")),
    )
    async with open_house(
        store,
        desks=(channel,),
        people=people,
        groups={"default": frozenset({"dana"}), "lunch": frozenset({"lee"})},
        rules=rules,
        outbound_only=frozenset() if pushed else frozenset({"matrix"}),
        **({"listen": ("127.0.0.1", server.ours)} if pushed else {}),
    ) as place:
        yield Home(place, bot, dana, lee, room)


@asynccontextmanager
async def opened(server: Server, store: Store, bot: Client) -> AsyncIterator[Home]:
    dana, lee = newcomer(server, "dana"), newcomer(server, "lee")
    room = await dana.make_room(bot.user, lee.user)
    await lee.join(room)
    async with house(store, server, bot, dana, lee, room) as place:
        yield place


@pytest.fixture
async def home(server: Server, store: Store) -> AsyncIterator[Home]:
    async with opened(server, store, newcomer(server, "bot")) as place:
        yield place


async def test_an_application_service_is_told_of_reactions_and_invitations(
    server: Server, store: Store
) -> None:
    """In one go: to a service that is away Synapse delivers again after ever longer pauses."""
    async with opened(server, store, Client(server, "approvals", AS_TOKEN)) as home:
        await approves(home)
        await declines(home)
        room = await home.lee.make_room(home.bot.user, is_direct=True)
        await joins(home, room)


async def test_an_approver_is_invited_and_approves_by_a_tap_on_our_reaction(home: Home) -> None:
    await approves(home)


async def approves(home: Home) -> None:
    request, room, message = await home.opened("low.pay")
    assert ":" not in room  # of version 12
    await home.dana.join(room)
    assert "Approve" in await home.dana.shown(room, message)  # posted before they came
    assert await home.dana.reactions(room, message, home.bot.user) == [YES, NO]
    await home.dana.react(room, message, YES)
    await home.becomes(request, "approved")
    assert "Approved by dana" in await home.dana.shown(room, message)
    assert await home.dana.reactions(room, message, home.bot.user) == []
    again, room_again, _ = await home.opened("low.again")
    assert room_again == room
    assert (await home.place.read(again["id"]))["status"] == "pending"


async def test_in_a_room_a_stranger_changes_nothing_and_a_reply_in_the_thread_declines(
    home: Home,
) -> None:
    await declines(home)


async def declines(home: Home) -> None:
    request, room, message = await home.opened("lowroom.pay")
    assert room == home.room
    await home.lee.react(room, message, YES)
    await home.heard(request, "refused")
    assert (await home.place.read(request["id"]))["status"] == "pending"
    await home.dana.react(room, message, NO)
    async with asyncio.timeout(HANGS):
        while not (asked := [one for one in await home.dana.timeline(room) if prompts(one)]):
            await asyncio.sleep(0.05)
    (prompt,) = asked
    about = {"rel_type": "m.thread", "event_id": message, "is_falling_back": True}
    about["m.in_reply_to"] = {"event_id": prompt["event_id"]}
    await home.dana.write(room, "Too much <b>money</b>", **{"m.relates_to": about})
    await home.becomes(request, "declined")
    assert "Too much <b>money</b>" in await home.dana.shown(room, message)


def prompts(event: Any) -> bool:
    return "com.countersign.asks" in event["content"]


async def test_law_07_a_card_edited_with_a_stolen_token_approves_nothing(home: Home) -> None:
    request, room, message = await home.opened("lowroom.pay")
    words = {"msgtype": "m.text", "body": "Pay 12.40"}
    about = {"rel_type": "m.replace", "event_id": message}
    edit = {**words, "m.new_content": words, "m.relates_to": about}
    await home.bot.send(room, "m.room.message", edit)
    await home.dana.react(room, message, YES)
    await home.heard(request, "refused")
    assert (await home.place.read(request["id"]))["status"] == "pending"
    await home.place.carried()
    rows = await home.place.store.cards_of(request["id"])
    (fresh,) = {row.message for row in rows if row.message} - {message}
    await home.dana.react(room, fresh, YES)
    await home.becomes(request, "approved")


async def test_law_24_what_happened_while_we_were_away_is_read_afterwards(
    server: Server, store: Store
) -> None:
    dana, lee, bot = (newcomer(server, name) for name in ("dana", "lee", "bot"))
    room = await dana.make_room(bot.user, lee.user)
    await lee.join(room)
    async with house(store, server, bot, dana, lee, room) as before:
        request, _, message = await before.opened("lowroom.pay")
        await lee.react(room, message, YES)
        await before.heard(request, "refused")
    await dana.react(room, message, YES)
    for number in range(120):  # more than one timeline has
        await lee.write(room, f"Lunch {number}?")
    async with house(store, server, bot, dana, lee, room) as after:
        await after.becomes(request, "approved")


async def test_an_invitation_to_a_private_chat_is_followed_and_to_an_encrypted_one_answered(
    home: Home,
) -> None:
    bot = home.bot.user
    encryption = {"type": "m.room.encryption", "state_key": ""}
    encryption["content"] = {"algorithm": "m.megolm.v1.aes-sha2"}  # type: ignore[assignment] # JSON
    plain = await home.lee.make_room(bot, is_direct=True)
    sealed = await home.lee.make_room(bot, is_direct=True, initial_state=[encryption])

    await joins(home, plain)
    async with asyncio.timeout(HANGS):
        found = await home.lee.invitations()
    (own,) = found
    await home.lee.join(own)
    async with asyncio.timeout(HANGS):
        while "encrypted" not in str(await home.lee.timeline(own)):
            await asyncio.sleep(0.05)
    assert home.bot.user not in await joined(home.lee, sealed)


async def joined(client: Client, room: str) -> Any:
    return (await client.call("GET", f"/v3/rooms/{quote(room)}/joined_members"))["joined"]


async def joins(home: Home, room: str) -> None:
    async with asyncio.timeout(HANGS):
        while home.bot.user not in await joined(home.lee, room):
            await asyncio.sleep(0.05)


async def test_what_the_homeserver_does_not_take_is_refused(server: Server) -> None:
    dana, bot = newcomer(server, "dana"), newcomer(server, "bot")
    made = adapter(server, bot)
    room = await dana.make_room(bot.user)
    payload = made.layout(card())
    large = {**payload, "content": {**payload["content"], "body": "x" * 66_000}}
    await made._rooms.join(room)
    for where, what in ((room, large), ("!nowhere", payload)):
        with pytest.raises(Refused):
            await made.post(Address("matrix", where), what, "crd_1")
    ref = await made.post(Address("matrix", room), payload, "crd_2")
    assert await made.post(Address("matrix", room), payload, "crd_2") == ref
    assert await dana.reactions(room, ref.message, bot.user) == [YES, NO]
    with pytest.raises(Refused):
        await made.open("@nobody:localhost")
    assert {one.subject: one.ok for one in await made.check()} == dict.fromkeys(
        ("token", "clock", "servers"), True
    )
    await made.close()
    other = adapter(server, Client(server, "bot", "no-token"))
    with pytest.raises(Busy):
        await other.post(Address("matrix", room), payload, "crd_3")
    await other.close()
