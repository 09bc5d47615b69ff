"""What is special about Matrix. What every channel keeps is in test_channels.py; a real homeserver
is in tests/synapse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from adapters.matrix.adapter import AT_ONCE, CURSOR, EACH
from adapters.matrix.settings import Settings
from approvals.model import Address, Busy, Choice, Person, Refused, Risk, Status
from approvals.port import Ignored, Memory, Notice, NoticeKind, Several, Tap
from approvals.store import Store
from tests.harness import on_platforms
from tests.harness.channel_contract import AWAY, CARDS, NOW, card, event_of, natural
from tests.harness.house import HANGS, Place, open_house, rule, until
from tests.peers.matrix import (
    BOT,
    CARD,
    DANA,
    EVE,
    FIXTURES,
    HS_TOKEN,
    LEE,
    ROOM,
    TOKEN,
    MatrixPeer,
    make,
    message,
    peer,
    pushed,
    sample,
    syncing,
)

CHANNEL = make(AWAY)
YES, NO = "✅", "❌"
PEOPLE = (
    Person("dana", accounts={"matrix": DANA}, groups=frozenset({"default"})),
    Person("lee", accounts={"matrix": LEE}, groups=frozenset({"lunch"})),
)
GROUPS = {"default": frozenset({"dana"}), "lunch": frozenset({"lee"})}
RULES = (
    rule("low", risk=Risk.LOW),
    rule("lowroom", risk=Risk.LOW, via=(f"matrix:{ROOM}",)),
    rule("ready", risk=Risk.LOW, reasons=("Too expensive", "Not now")),
)


class Kept(dict[str, bytes]):
    """A memory, as the service gives one."""

    async def get(self, key: str) -> bytes | None:  # type: ignore[override] # a port, by its shape
        return super().get(key)

    async def put(self, key: str, value: bytes | None, *, was: bytes | None) -> bool:
        assert value is not None
        if super().get(key) != was:
            return False
        self[key] = value
        return True


def remembering(channel: Any) -> Any:
    memory: Memory = Kept()
    channel.remember(memory)
    return channel


@pytest.fixture
async def matrix() -> AsyncIterator[MatrixPeer]:
    async with peer() as running:
        yield running
        assert running.faults == []


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(CHANNEL, state)


@pytest.mark.parametrize("status", Status)
async def test_the_longest_cards_fit_an_event_and_its_edit(
    matrix: MatrixPeer, status: Status
) -> None:
    made = make(matrix.api)
    for fill in ("x", "é", "<", "😀", "\\", '"'):
        payload = on_platforms.longest(made, status, fill)
        ref = await made.post(Address("matrix", ROOM), payload, f"crd_{fill}")
        await made.redraw(ref, payload)
    await made.close()


# A house


@dataclass
class Home:
    """A house whose channel is Matrix; `does`: something happens at the homeserver, and we hear."""

    place: Place
    matrix: MatrixPeer
    pushes: bool

    async def does(self, doing: Any) -> dict[str, Any]:
        event: dict[str, Any] = await doing
        if self.pushes:
            sent = {name: value for name, value in event.items() if name != "_at"}
            assert await self.push(sent) == (200, b"{}")
        return event

    async def push(self, *events: Any, token: str = HS_TOKEN) -> tuple[int, bytes]:
        inbound = pushed(0, *events, token=token)
        url, headers = self.place.url + inbound.path, dict(inbound.headers)
        async with self.place.http.put(url, data=inbound.body, headers=headers) as answer:
            return answer.status, await answer.read()

    async def opened(self, action: str) -> tuple[dict[str, Any], str, str]:
        """A request, and room and id of its card."""
        request = await self.place.opened(action)
        await self.place.carried()
        (row,) = await self.place.store.cards_of(request["id"])
        assert row.message is not None
        return request, row.conversation, row.message

    async def becomes(self, request: Any, status: str) -> None:
        async with asyncio.timeout(HANGS):
            while (await self.place.read(request["id"]))["status"] != status:
                await asyncio.sleep(0.01)
        await self.place.carried()

    async def heard(self, request: Any, kind: str, times: int = 1) -> None:
        """This stands in the audit chain that often."""
        async with asyncio.timeout(HANGS):
            while (await self.place.kinds(request["id"])).count(kind) < times:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def home(store: Store, matrix: MatrixPeer, *, pushes: bool) -> AsyncIterator[Home]:
    channel: Any = (make if pushes else syncing)(matrix.api)
    outbound: frozenset[str] = frozenset() if pushes else frozenset({"matrix"})
    people: dict[str, Any] = {"people": PEOPLE, "groups": GROUPS, "rules": RULES}
    async with open_house(store, desks=(channel,), outbound_only=outbound, **people) as place:
        yield Home(place, matrix, pushes)


@pytest.fixture
async def here(store: Store, matrix: MatrixPeer) -> AsyncIterator[Home]:
    async with home(store, matrix, pushes=True) as found:
        yield found


@pytest.fixture(params=["pushed", "synced"])
async def either(
    request: pytest.FixtureRequest, store: Store, matrix: MatrixPeer
) -> AsyncIterator[Home]:
    async with home(store, matrix, pushes=request.param == "pushed") as found:
        yield found


async def test_a_reaction_in_the_private_room_approves(either: Home) -> None:
    request, room, message = await either.opened("low.pay")
    made = either.matrix.rooms[room]
    assert made.members == {BOT: "join", DANA: "invite"}
    assert either.matrix.seeds(room, message) == [YES, NO]
    made.members[DANA] = "join"
    await either.does(either.matrix.react(room, message, "✅\ufe0f", DANA))
    await either.becomes(request, "approved")
    assert "Approved by dana" in either.matrix.shown(room, message)["body"]
    assert either.matrix.seeds(room, message) == []  # no button stays on a decided card


async def test_law_06_at_medium_risk_the_card_has_no_approve(here: Home) -> None:
    request, room, message = await here.opened("mail.send")
    assert here.matrix.seeds(room, message) == [NO]
    await here.does(here.matrix.react(room, message, YES, DANA))
    await here.heard(request, "refused")
    assert (await here.place.read(request["id"]))["status"] == "pending"


async def test_law_02_a_reaction_by_a_stranger_in_a_room_changes_nothing(here: Home) -> None:
    request, room, message = await here.opened("lowroom.pay")
    here.matrix.rooms[room].members[EVE] = "join"
    said = len(here.matrix.rooms[room].line)
    await here.does(here.matrix.react(room, message, YES, LEE))
    await here.does(here.matrix.react(room, message, YES, EVE))
    await here.heard(request, "refused", 2)
    assert len(here.matrix.rooms[room].line) == said + 2  # in a room we say nothing to them
    await here.does(here.matrix.react(room, message, YES, DANA))
    await here.becomes(request, "approved")


async def prompted(here: Home, room: str, message: str) -> dict[str, Any]:
    await here.does(here.matrix.react(room, message, NO, DANA))
    await until(lambda: here.matrix.newest(room)["event_id"] != message)
    prompt = here.matrix.newest(room)
    about = prompt["content"]["m.relates_to"]
    assert (about["rel_type"], about["event_id"]) == ("m.thread", message)
    assert prompt["content"]["m.mentions"] == {"user_ids": [DANA]}
    return prompt


def thread(root: str, answers: str, *, by_hand: bool = False) -> dict[str, Any]:
    """https://spec.matrix.org/v1.18/client-server-api/#threading"""
    about = {"rel_type": "m.thread", "event_id": root, "is_falling_back": not by_hand}
    return {"m.relates_to": {**about, "m.in_reply_to": {"event_id": answers}}}


async def test_a_reply_in_the_thread_declines_with_that_reason(either: Home) -> None:
    request, room, message = await either.opened("lowroom.pay")
    prompt = await prompted(either, room, message)
    id = prompt["event_id"]
    for text, by, about in (
        ("I like it", DANA, thread(message, message)),
        ("Not me", LEE, thread(message, id)),
        ("Lunch?", DANA, {}),
    ):
        await either.does(either.matrix.write(room, text, by, **about))
    await either.does(either.matrix.write(room, "No @room\nno", DANA, **thread(message, id)))
    await either.becomes(request, "declined")
    assert "No @room" in either.matrix.shown(room, message)["body"]
    await until(lambda: prompt["content"] == {})  # the prompt is gone


async def test_a_reaction_to_the_prompt_declines_with_a_ready_reason(here: Home) -> None:
    request, room, message = await here.opened("ready.pay")
    prompt = await prompted(here, room, message)
    await until(lambda: len(here.matrix.seeds(room, prompt["event_id"])) == 3)
    assert "2️⃣ Not now" in prompt["content"]["body"]
    await here.does(here.matrix.react(room, prompt["event_id"], "2️⃣", DANA))
    await here.becomes(request, "declined")
    assert "Not now" in here.matrix.shown(room, message)["body"]


async def test_a_reaction_to_the_prompt_declines_without_a_reason(here: Home) -> None:
    request, room, message = await here.opened("low.pay")
    prompt = await prompted(here, room, message)
    await here.does(here.matrix.react(room, prompt["event_id"], NO, DANA))
    await here.becomes(request, "declined")


async def test_law_07_a_card_that_somebody_edited_with_our_token_approves_nothing(
    here: Home,
) -> None:
    request, room, message = await here.opened("low.pay")
    about = {"rel_type": "m.replace", "event_id": message}
    words = {"msgtype": "m.text", "body": "Pay 12.40"}
    edit = {**words, "m.new_content": words, "m.relates_to": about}
    await here.matrix.happens(room, BOT, "m.room.message", edit)
    await here.does(here.matrix.react(room, message, YES, DANA))
    await here.heard(request, "refused")
    assert (await here.place.read(request["id"]))["status"] == "pending"
    await here.place.carried()
    fresh = here.matrix.newest(room)["event_id"]
    assert fresh != message
    await here.does(here.matrix.react(room, fresh, YES, DANA))
    await here.becomes(request, "approved")


async def test_law_07_an_edit_of_our_card_by_somebody_else_is_not_shown(here: Home) -> None:
    request, room, message = await here.opened("low.pay")
    about = {"rel_type": "m.replace", "event_id": message}
    edit = {"msgtype": "m.text", "body": "x", "m.new_content": {}, "m.relates_to": about}
    await here.matrix.happens(room, LEE, "m.room.message", edit)
    await here.does(here.matrix.react(room, message, YES, DANA))
    await here.becomes(request, "approved")


async def test_law_04_the_same_event_counts_once(here: Home) -> None:
    request, room, message = await here.opened("low.pay")
    event = await here.does(here.matrix.react(room, message, YES, DANA))
    await here.becomes(request, "approved")
    if here.pushes:
        assert (await here.push(event))[0] == 200
    assert (await here.place.kinds(request["id"])).count("vote") == 1


async def test_law_06_a_code_is_taken_in_private_only(here: Home) -> None:
    request, room, _ = await here.opened("low.pay")
    here.matrix.rooms[room].members[DANA] = "join"
    code = f"decline {request['digest'].partition(':')[2][:8]} no"
    await here.does(here.matrix.write(ROOM, code, DANA))
    await here.does(here.matrix.write(room, "hello", DANA))
    assert (await here.place.read(request["id"]))["status"] == "pending"
    await here.does(here.matrix.write(room, code, DANA))
    await here.becomes(request, "declined")


# Deliveries


async def test_law_09_a_transaction_is_proven_and_answered_with_an_object(
    store: Store, matrix: MatrixPeer
) -> None:
    async with home(store, matrix, pushes=True) as here:
        assert await here.push() == (200, b"{}")
        assert (await here.push(token="other"))[0] == 401
        headers = {"authorization": f"Bearer {HS_TOKEN}"}
        url = f"{here.place.url}/_matrix/app/v1/ping"
        async with here.place.http.post(url, json={"transaction_id": "1"}, headers=headers) as got:
            assert (got.status, await got.read()) == (200, b"{}")


async def test_an_event_that_is_not_understood_holds_up_no_other(matrix: MatrixPeer) -> None:
    made = make(matrix.api)
    odd: tuple[Any, ...] = (7, {}, {**sample(), "event_id": "..", "room_id": "!a/../b"})
    said = await event_of(made, pushed(NOW, *odd, sample(), {**sample(), "content": []}))
    assert isinstance(said, Several)
    kinds = [type(one) for one in said.events]
    assert kinds == [Ignored, Ignored, Ignored, Tap, Ignored]
    await made.close()


async def test_law_26_a_homeserver_that_is_busy_delivers_again(
    store: Store, matrix: MatrixPeer
) -> None:
    async with home(store, matrix, pushes=True) as here:
        matrix.break_next(503, None)
        assert (await here.push(sample()))[0] == 503


async def test_law_02_a_user_of_another_server_is_a_stranger(matrix: MatrixPeer) -> None:
    event = {**sample(), "sender": EVE}
    made, wide = make(matrix.api), make(matrix.api, servers=("acme.example", "evil.example"))
    first, second = [await event_of(one, pushed(NOW, event)) for one in (made, wide)]
    assert isinstance(first, Tap)
    assert isinstance(second, Tap)
    assert (first.stranger, second.stranger) == ("a user of another server", None)
    with pytest.raises(Refused):
        await made.open(EVE)
    await made.close()
    await wide.close()


def on(target: str, by: str = DANA) -> dict[str, Any]:
    """A reaction to this message."""
    about = {**sample()["content"]["m.relates_to"], "event_id": target}
    return {**sample(), "sender": by, "content": {"m.relates_to": about}}


async def test_law_26_an_id_that_a_proxy_refuses_holds_up_no_other(matrix: MatrixPeer) -> None:
    made = make(matrix.api)
    matrix.refused = "firewall"
    odd = on("$<script>'OR 1=1"), on("$firewall"), {**sample(), "room_id": "!firewall"}
    spoken = message("hello", "!firewall")
    said = await event_of(made, pushed(NOW, *odd, spoken, sample()))
    assert isinstance(said, Several)
    assert [type(one) for one in said.events] == [Ignored] * 4 + [Tap]
    assert not any("script" in path for _, path in matrix.calls)
    await made.close()


async def test_law_26_made_up_targets_cost_a_limited_number_of_calls(matrix: MatrixPeer) -> None:
    made = make(matrix.api)
    strange = [on(f"$made-up-{n}", f"@e{n}:evil.example") for n in range(2 * EACH)]
    many = [on(f"$up-{n}", LEE) for n in range(2 * EACH)]
    chat = [message("hello", ROOM) | {"sender": f"@p{n}:acme.example"} for n in range(EACH)]
    said = await event_of(made, pushed(NOW, *strange, *many, *chat, sample()))
    assert isinstance(said, Several)
    assert isinstance(said.events[-1], Tap)
    asked = [path.rsplit("/", 2)[1] for _, path in matrix.calls]
    assert (asked.count("event"), sum("joined" in path for _, path in matrix.calls)) == (
        2 * EACH + 1,
        1,
    )
    assert matrix.at_once <= AT_ONCE
    await made.close()


# Syncing


async def test_a_cursor_that_the_homeserver_rejects_is_dropped(matrix: MatrixPeer) -> None:
    made = remembering(syncing(matrix.api))
    memory = made._rooms.memory
    memory[CURSOR] = b"of-another-homeserver"
    await matrix.react(ROOM, CARD, YES, DANA)
    heard = asyncio.Event()

    async def deliver(event: Any) -> None:
        heard.set()

    listening = asyncio.create_task(made.listen(deliver))
    async with asyncio.timeout(HANGS):
        await heard.wait()
    await until(lambda: memory[CURSOR] != b"of-another-homeserver")
    listening.cancel()
    await asyncio.wait({listening})
    await made.close()


async def test_law_24_a_restart_goes_on_where_it_was_and_reads_what_it_missed(
    store: Store, matrix: MatrixPeer
) -> None:
    async with home(store, matrix, pushes=False) as here:
        request, room, message = await here.opened("lowroom.pay")
        await here.does(matrix.react(room, message, "👍", DANA))
        # The second asks from where the first ended, so that is kept by now.
        await until(lambda: sum("sync" in path for _, path in matrix.calls) > 1)
    matrix.page = 3
    await matrix.react(room, message, YES, DANA)
    for number in range(9):
        await matrix.write(room, f"Lunch {number}?", LEE)
    matrix.calls.clear()
    async with home(store, matrix, pushes=False) as here:
        await here.becomes(request, "approved")
    assert any(path.endswith("/messages") for _, path in matrix.calls)


async def test_law_24_what_was_not_stored_is_synced_again(matrix: MatrixPeer) -> None:
    made = remembering(syncing(matrix.api))
    taken = list[Any]()

    async def deliver(event: Any) -> None:
        if not taken:
            taken.append(event)
            raise Busy("the database")
        taken.append(event)
        raise asyncio.CancelledError

    await matrix.react(ROOM, CARD, YES, DANA)
    with pytest.raises(Busy):
        await made.listen(deliver)
    with pytest.raises(asyncio.CancelledError):
        await made.listen(deliver)
    assert taken[0] == taken[1]
    await made.close()


# Rooms


async def test_a_private_room_is_made_once_and_anew_where_others_came_in(
    matrix: MatrixPeer,
) -> None:
    made = remembering(make(matrix.api))
    first = await made.open(DANA)
    assert first == await made.open(DANA)
    wish = matrix.rooms[first.conversation].creation
    assert wish["power_level_content_override"]["state_default"] == 100
    matrix.rooms[first.conversation].members[LEE] = "invite"
    second = await made.open(DANA)
    assert second.conversation != first.conversation
    matrix.rooms[second.conversation].members[DANA] = "leave"
    assert (await made.open(DANA)).conversation not in (first.conversation, second.conversation)
    for account in ("dana", BOT, "@nobody:acme.example"):
        with pytest.raises(Refused):
            await made.open(account)
    await made.close()


@pytest.mark.parametrize("how", ["pushed", "synced"])
async def test_invitations_to_private_rooms_are_followed(matrix: MatrixPeer, how: str) -> None:
    made: Any = remembering((make if how == "pushed" else syncing)(matrix.api))
    direct, group = matrix.invite(DANA), matrix.invite(DANA, is_direct=False)
    foreign, sealed = matrix.invite(EVE), matrix.invite(LEE, encrypted=True)
    if how == "pushed":
        encryption = {"type": "m.room.encryption", "state_key": "", "content": {}}
        for room in (direct, group, foreign, sealed):
            more = {"invite_room_state": [encryption] if room == sealed else []}
            event = {**sample(), **matrix.invitation(room), "room_id": room, "unsigned": more}
            assert isinstance(await event_of(made, pushed(NOW, event)), Ignored)
    else:
        listening = asyncio.create_task(made.listen(lambda event: asyncio.sleep(0)))
        await until(lambda: len(matrix.rooms) > 6)
        listening.cancel()
        await asyncio.wait({listening})
    await until(lambda: len(matrix.rooms) > 6)
    own = [*matrix.rooms][-1]
    await until(lambda: matrix.rooms[own].line)
    await until(lambda: matrix.rooms[direct].members[BOT] == "join")
    joined = {room for room, one in matrix.rooms.items() if one.members.get(BOT) == "join"}
    assert joined >= {direct, own}
    assert not joined & {group, foreign, sealed}
    assert matrix.rooms[own].members == {BOT: "join", LEE: "invite"}
    assert "can't read encrypted" in matrix.newest(own)["content"]["body"]
    await made.close()


@pytest.mark.parametrize(
    "state",
    [
        [{"type": "m.room.member"}],
        [7],
        [
            {
                "type": "m.room.member",
                "state_key": BOT,
                "sender": DANA,
                "content": {"membership": "invite", "is_direct": True},
            }
        ],
    ],
)
async def test_law_26_an_invitation_that_a_strangers_server_made_up_is_not_followed(
    matrix: MatrixPeer, state: list[Any]
) -> None:
    made = remembering(syncing(matrix.api))
    foreign = matrix.invite(EVE)
    matrix.stripped[foreign] = state
    await matrix.react(ROOM, CARD, YES, DANA)

    async def deliver(event: Any) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await made.listen(deliver)
    await asyncio.gather(*made._joining)
    assert matrix.rooms[foreign].members[BOT] == "invite"
    await made.close()


async def test_a_room_is_joined_when_a_card_is_for_it_and_never_an_encrypted_one(
    matrix: MatrixPeer,
) -> None:
    made = make(matrix.api)
    room, sealed = matrix.invite(DANA), matrix.invite(DANA, encrypted=True)
    payload = made.layout(card())
    assert (await made.post(Address("matrix", room), payload, "crd_1")).conversation == room
    for other in (sealed, matrix.make_room(DANA), "!nowhere"):
        with pytest.raises(Refused):
            await made.post(Address("matrix", other), payload, "crd_2")
        assert not any(one["sender"] == BOT for one in getattr(matrix.rooms.get(other), "line", ()))
    await made.close()


# Cards


async def test_a_redraw_adds_and_takes_away_our_own_reactions_only(matrix: MatrixPeer) -> None:
    made = make(matrix.api)
    shown = natural(CARDS["pending"], made.abilities)
    payload = made.layout(shown)
    ref = await made.post(Address("matrix", ROOM), payload, "crd_1")
    again = await made.post(Address("matrix", ROOM), payload, "crd_1")
    assert again == ref  # the second seeds were M_DUPLICATE_ANNOTATION
    await matrix.react(ROOM, ref.message, YES, DANA)
    only = made.layout(natural(CARDS["high"], made.abilities))
    await made.redraw(ref, only)
    assert matrix.seeds(ROOM, ref.message) == [NO]
    assert matrix.shown(ROOM, ref.message) == only["content"]
    await made.redraw(ref, payload)
    assert matrix.seeds(ROOM, ref.message) == [NO, YES]
    assert matrix.seeds(ROOM, ref.message, DANA) == [YES]
    await made.close()


async def test_a_card_whose_reactions_are_not_taken_is_posted_all_the_same(
    matrix: MatrixPeer,
) -> None:
    made = make(matrix.api)
    send = made._rooms.send

    async def limited(room: str, kind: str, content: Any, key: str) -> str:
        if kind == "m.reaction":
            matrix.break_next(429, 1)
        return await send(room, kind, content, key)

    object.__setattr__(made, "_rooms", Limited(made, limited))
    ref = await made.post(Address("matrix", ROOM), made.layout(card()), "crd_1")
    assert matrix.seeds(ROOM, ref.message) == []
    await made.close()


class Limited:
    """The rooms of a channel, with another `send`."""

    def __init__(self, made: Any, send: Callable[..., Any]) -> None:
        self.send = send
        self.encrypted = made._rooms.encrypted


async def test_law_02_a_refusal_is_said_in_private_or_not_at_all(matrix: MatrixPeer) -> None:
    made = remembering(make(matrix.api))
    tap = await event_of(made, pushed(NOW, sample()))
    assert isinstance(tap, Tap)
    word = Notice(NoticeKind.REFUSED, "You are not an approver of this request.")
    said = len(matrix.rooms[ROOM].line)
    await made.tell(tap, word)
    room = (await made.open(DANA)).conversation
    assert matrix.rooms[room].line == []
    await made.tell(tap, word)
    assert len(matrix.rooms[ROOM].line) == said
    assert matrix.newest(room)["content"]["msgtype"] == "m.notice"
    assert tap.choice is Choice.APPROVE
    await made.close()


# Set-up


async def test_check_says_whose_token_it_is(matrix: MatrixPeer) -> None:
    for changes, ok in (({}, True), ({"user": "@other:acme.example"}, False)):
        made = make(matrix.api)
        for name, value in changes.items():
            object.__setattr__(made, name, value)
        assert (await on_platforms.found(made))["token"] is ok
    other = make(matrix.api)
    object.__setattr__(other._api, "token", "other")
    assert await on_platforms.found(other) == {"token": False}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"api_url": "http://matrix.acme.example"}, "https"),
        ({"mode": "appservice"}, "hs_token"),
        ({"hs_token": SecretStr("x")}, "hs_token"),
        ({"servers": ("@dana:acme.example",)}, "server name"),
        ({"user": "countersign"}, "user"),
    ],
)
def test_a_section_that_cannot_be_safe_is_a_fault(changes: dict[str, Any], why: str) -> None:
    sound: dict[str, Any] = {"api_url": "https://matrix.acme.example", "user": BOT}
    sound["access_token"] = SecretStr(TOKEN)
    assert Settings(**sound)
    with pytest.raises(ValidationError, match=why):
        Settings(**sound | changes)


def test_the_fixtures_say_where_they_come_from() -> None:
    said = (FIXTURES / "README.md").read_text()
    assert all(path.name in said for path in FIXTURES.glob("*.json"))
