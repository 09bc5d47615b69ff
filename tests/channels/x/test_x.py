"""What is special about X. What every channel keeps is in test_channels.py."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from pydantic import ValidationError

from adapters.x import outage
from adapters.x.adapter import REFUSALS, TEXT, X, inert
from adapters.x.api import DAY, WINDOW
from adapters.x.settings import Settings
from adapters.x.tokens import AGAIN, PATIENCE
from approvals import linking
from approvals.app.database import connect
from approvals.app.host import clock as wall
from approvals.model import Address, Busy, Fact, Forged, Malformed, Person, Refused, Risk, Status
from approvals.port import Handshake, Inbound, Notice, NoticeKind, Reply, Resolved
from approvals.store import Store
from approvals.text import utf16_len
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import AWAY, CARDS, HOSTILE, NOW, card
from tests.harness.house import HANGS, RING, Clock, Place, everything, open_house, rule, until
from tests.harness.installation import install
from tests.peers.loopback import started
from tests.peers.x import (
    APP,
    BOT,
    CLIENT,
    CLOSED,
    CONSUMER,
    DANA,
    FIRST,
    LEE,
    LIMIT,
    SECRET,
    Kept,
    XPeer,
    challenge,
    delivery,
    links,
    make,
    minute,
    received,
    signature,
)

MINUTE, HOUR = 60_000, 3_600_000
TO_DANA = Address("x", DANA, account=DANA)
PEOPLE = (
    Person("dana", accounts={"x": DANA}, groups=frozenset({"default"})),
    Person("lee", accounts={"x": LEE}, groups=frozenset({"lunch"})),
    Person("kim"),
)
GROUPS = {"default": frozenset({"dana"}), "lunch": frozenset({"lee"})}
RULES = (rule("low", risk=Risk.LOW),)


@pytest.fixture
async def x() -> AsyncIterator[XPeer]:
    async with XPeer() as peer:
        yield peer
        assert peer.faults == []


def plain(text: str) -> str:
    """Without what breaks links."""
    return text.replace("\u200b", "")


# A card


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(make(AWAY), state)


@pytest.mark.parametrize("status", Status)
def test_the_longest_cards_fit_a_message(status: Status) -> None:
    for fill in ("x", "é", "@a ", "😀", "a.b ", "\n"):
        assert utf16_len(on_platforms.longest(make(AWAY), status, fill)["text"]) < TEXT // 2


@pytest.mark.parametrize("text", [*HOSTILE, *(batch[0] for batch in hostile.BATCHES if batch[0])])
def test_law_13_no_text_of_others_links_names_anybody_or_tags(text: str) -> None:
    for shown, payload in on_platforms.full_of(make(AWAY), f"{text} @dana #go $ACME ＠dana a.com"):
        assert set(links(payload)) <= {shown.review}


@pytest.mark.parametrize("forged", ["Review and approve: x", "To decline, reply: decline 00000000"])
def test_law_13_no_line_of_others_passes_for_one_of_ours(forged: str) -> None:
    text = f"a\n{forged}"
    for facts, marked in (((Fact("To", text),), 2), ((), 3)):
        shown = card(note=text, payload=text, payload_tail=text, facts=facts)
        lines = make(AWAY).layout(shown)["text"].split("\n")
        assert forged not in lines
        assert sum(forged in plain(line) for line in lines) == marked


def test_law_06_no_button_and_no_token_is_on_a_card() -> None:
    drawn = make(AWAY).drawn(card())
    assert drawn.card.buttons == ()
    assert f"decline {card().digest} your reason" in drawn.payload["text"]


def test_law_13_a_tag_that_begins_with_a_mark_is_broken_too() -> None:
    """https://github.com/twitter/twitter-text: "·" and "・" may stand in a hashtag."""
    for tag in ("#·go", "#・go", "＃·go"):
        assert tag not in inert(tag)
    assert inert("a # b @ c") == "a # b @ c"


# Who delivers


def challenged(query: str, **more: Any) -> Any:
    channel = make(AWAY, **more)
    event = channel.read(Resolved.of(channel.authenticate(challenge(query))))
    assert isinstance(event, Handshake)
    return json.loads(event.response.body)


WORDS = ("challenge_string", "9b4507b3-9040-4669-9ca3-6b94edb50553", "AZaz09+/==", "x" * 256)


@pytest.mark.parametrize("word", WORDS)
def test_a_challenge_is_answered(word: str) -> None:
    query = urlencode({"crc_token": word, "nonce": "1"})
    assert challenged(query) == {"response_token": signature(word.encode())}
    ours = challenged(query, consumer_secret=CONSUMER)
    assert ours == {"response_token": signature(word.encode(), CONSUMER)}


BODY = json.dumps(received("decline a1b2c3d4"))
NO_WORDS = (
    BODY, "{}", "[]", '"x"', "a b", "a\n", "a:b", "a,b", "é", "\u0661", "x" * 257, "", "%7B",
    "a\x00",
)  # fmt: skip


@pytest.mark.parametrize("word", NO_WORDS)
def test_law_09_nothing_but_a_word_is_signed_for_whoever_asks(word: str) -> None:
    """Else anybody could have a delivery signed here, and deliver it."""
    with pytest.raises(Forged):
        make(AWAY).authenticate(challenge(urlencode({"crc_token": word})))


@pytest.mark.parametrize(
    "query", ["", "crc_token", "crc_token=", "other=x", "crc_token=a&crc_token=b", "&" * 50]
)
def test_law_09_a_challenge_is_one_word(query: str) -> None:
    with pytest.raises(Forged):
        make(AWAY).authenticate(challenge(query))


@pytest.mark.parametrize("word", [*WORDS, "1234", "true", "null", "0e1"])
def test_law_09_a_word_that_was_signed_is_no_delivery(word: str) -> None:
    channel = make(AWAY)
    proof = challenged(urlencode({"crc_token": word}))["response_token"]
    said = {"x-twitter-webhooks-signature-oauth2": proof}
    inbound = Inbound("POST", "/channels/x/events", "", said, word.encode(), NOW)
    with pytest.raises(Malformed):
        channel.read(Resolved.of(channel.authenticate(inbound)))


def test_law_09_the_older_signature_counts_only_with_its_secret_and_without_the_newer_one() -> None:
    body = BODY.encode()
    older = {"x-twitter-webhooks-signature": signature(body, CONSUMER)}
    sent = Inbound("POST", "/channels/x/events", "", older, body, NOW)
    make(AWAY, consumer_secret=CONSUMER).authenticate(sent)
    for channel in (make(AWAY), make(AWAY, consumer_secret="another")):
        with pytest.raises(Forged):
            channel.authenticate(sent)
    both = {**older, "x-twitter-webhooks-signature-oauth2": signature(body, CONSUMER)}
    for heads in (both, {**older, "x-twitter-webhooks-signature-oauth2": ""}):
        with pytest.raises(Forged):
            make(AWAY, consumer_secret=CONSUMER).authenticate(replace(sent, headers=heads))
    unsigned = {"x-twitter-webhooks-signature": signature(body, "")}
    with pytest.raises(Forged):
        make(AWAY).authenticate(replace(sent, headers=unsigned))


@pytest.mark.parametrize("name", ["client_secret", "refresh_token", "bearer_token"])
def test_law_09_an_absent_secret_is_an_error_at_start(name: str) -> None:
    given = {"client_id": CLIENT, "client_secret": SECRET, "refresh_token": FIRST}
    given |= {"bearer_token": APP, "user_id": BOT}
    Settings.model_validate(given)
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({**given, name: ""})


async def test_several_messages_in_one_delivery_are_each_read() -> None:
    channel, event = make(AWAY), received("one", id="1")
    event["data"]["payload"]["direct_message_events"] += received("two", LEE, "2")["data"][
        "payload"
    ]["direct_message_events"]
    found: Any = channel.read(Resolved.of(channel.authenticate(delivery(event))))
    assert [(one.account, one.text, one.event) for one in found.events] == [
        (DANA, "one", "1"),
        (LEE, "two", "2"),
    ]


# Tokens that rotate


async def sends(channel: X, times: int = 1) -> None:
    for _ in range(times):
        await channel.post(TO_DANA, channel.layout(card()), "crd_1")


def exchanges(x: XPeer) -> int:
    return x.calls.count("POST /2/oauth2/token")


async def test_one_access_token_is_used_until_it_ends_and_then_the_newest_refresh_token(
    x: XPeer,
) -> None:
    memory = Kept()
    for hours in (0, 1, 2, 3, 30):
        x.now = NOW + hours * HOUR
        x.next_window()
        channel = make(x.api, memory=memory, clock=lambda: x.now)  # a restart
        await sends(channel, 2)
        await channel.close()
    assert exchanges(x) == 3
    assert len(x.sent) == 10


async def test_two_copies_that_need_tokens_at_once_ask_once_and_share_them(x: XPeer) -> None:
    memory = Kept()
    copies = [make(x.api, memory=memory) for _ in range(4)]
    ends = await asyncio.gather(*(sends(one) for one in copies), return_exceptions=True)
    waited = [one for one in ends if one is not None]
    assert all(isinstance(one, Busy) and one.retry_after == AGAIN for one in waited)
    assert len(waited) == 3
    for one in copies:
        await sends(one)
        await one.close()
    assert (exchanges(x), x.refresh is None) == (1, False)


async def test_many_cards_of_one_copy_at_once_need_one_exchange(x: XPeer) -> None:
    channel = make(x.api)
    await asyncio.gather(*(sends(channel) for _ in range(10)))
    await channel.close()
    assert (exchanges(x), len(x.sent)) == (1, 10)


async def test_a_copy_that_died_while_it_asked_holds_up_the_others_for_a_while(x: XPeer) -> None:
    memory, clock = Kept(), Clock(NOW)
    (key,) = await claimed(x, memory)
    other = make(x.api, memory=memory, clock=clock)
    with pytest.raises(Busy, match="another copy"):
        await sends(other)
    clock.turn(PATIENCE)
    await sends(other)
    await other.close()
    assert json.loads(memory[key])["refresh"] == x.refresh


async def claimed(x: XPeer, memory: Kept) -> list[str]:
    """A copy said that it asks, and died before it did."""
    dying = make(AWAY, memory=memory)
    with pytest.raises(Busy):
        await sends(dying)
    await dying.close()
    (key,) = memory
    memory[key] = json.dumps({**json.loads(memory[key]), "asking": NOW}).encode()
    return [key]


async def test_what_x_gives_is_kept_though_nobody_waits_for_it_any_more(x: XPeer) -> None:
    memory, channel = Kept(), None
    x.stops = stops = asyncio.Event()
    channel = make(x.api, memory=memory)
    task = asyncio.create_task(sends(channel))
    await asyncio.wait_for(x.asked.wait(), HANGS)
    task.cancel()
    await asyncio.wait({task})
    closing = asyncio.create_task(channel.close())
    stops.set()
    await asyncio.wait_for(closing, HANGS)
    after = make(x.api, memory=memory)
    await sends(after)
    await after.close()
    assert exchanges(x) == 1


class Flaky(Kept):
    """Takes nothing for a while."""

    down = False

    async def put(self, key: str, value: bytes | None, *, was: bytes | None) -> bool:
        if self.down:
            raise Busy("the database is away")
        return await super().put(key, value, was=was)


async def test_what_could_not_be_stored_is_stored_once_it_can(x: XPeer) -> None:
    memory = Flaky()
    channel = await unstored(x, memory)
    memory.down = False
    await sends(channel)
    assert exchanges(x) == 1
    assert kept_in(memory) == [x.refresh]
    await channel.close()


async def test_what_could_not_be_stored_is_stored_though_no_card_follows(x: XPeer) -> None:
    memory = Flaky()
    channel = await unstored(x, memory)
    memory.down = False
    watching = asyncio.create_task(channel.catch_up())  # as the service does all the time
    await until(lambda: x.refresh in kept_in(memory))
    watching.cancel()
    await asyncio.wait({watching})
    await channel.close()


@pytest.mark.parametrize("down", [False, True])
async def test_closing_stores_what_could_not_be_stored(
    x: XPeer, down: bool, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Flaky()
    channel = await unstored(x, memory)
    memory.down = down
    await channel.close()
    assert (x.refresh in kept_in(memory)) is not down
    assert ("app_tokens_not_stored" in caplog.text) is down


async def unstored(x: XPeer, memory: Flaky) -> X:
    """A channel that has new tokens, and the database was away."""
    channel = make(x.api, memory=memory)
    x.stops = stops = asyncio.Event()
    task = asyncio.create_task(sends(channel))
    await asyncio.wait_for(x.asked.wait(), HANGS)
    memory.down = True
    stops.set()
    with pytest.raises(Busy):
        await task
    return channel


def kept_in(memory: Kept) -> list[str]:
    return [json.loads(value).get("refresh") for value in memory.values()]


async def test_an_access_token_that_ends_early_is_replaced_once(x: XPeer) -> None:
    channel = make(x.api)
    await sends(channel)
    x.access.clear()
    await sends(channel)
    assert (exchanges(x), len(x.sent)) == (2, 2)
    x.no_tokens = [500]
    x.access.clear()
    with pytest.raises(Busy):
        await sends(channel)
    await sends(channel)
    await channel.close()


async def test_a_grant_that_is_gone_is_said_until_there_is_another(
    x: XPeer, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Kept()
    channel = make(x.api, memory=memory)
    x.refresh = None
    for _ in range(2):
        with pytest.raises(Busy, match="authorise the bot again"):
            await sends(channel)
    await channel.close()
    assert "authorise the bot again" in caplog.text
    assert FIRST not in caplog.text
    x.refresh = "another-first-token"
    renewed = make(x.api, memory=memory, refresh_token=x.refresh)
    await sends(renewed)
    await renewed.close()


@pytest.mark.parametrize("said", [{"error": f"no {FIRST}"}, {"error": [FIRST]}, {}])
async def test_law_23_an_exchange_refused_for_another_reason_does_not_blame_the_token(
    x: XPeer, said: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    channel = make(x.api)
    x.no_tokens = [(403, said)]
    with pytest.raises(Busy) as caught:
        await sends(channel)
    assert "authorise the bot again" not in f"{caught.value} {caplog.text}"
    assert "refused to exchange" in caplog.text
    assert FIRST not in caplog.text
    await sends(channel)
    await channel.close()


def test_law_23_no_token_is_in_the_repr_of_a_part() -> None:
    channel = make(AWAY)
    parts = repr((channel, channel._tokens, channel._outages, channel._api))
    assert not any(secret in parts for secret in (SECRET, FIRST, APP, CONSUMER))


async def test_an_app_that_x_does_not_know_is_no_fault_of_the_token(x: XPeer) -> None:
    channel = make(x.api, client_secret="another")
    with pytest.raises(Busy, match="client_secret"):
        await sends(channel)
    await channel.close()
    assert x.refresh == FIRST


async def test_without_a_memory_no_token_is_used_up(x: XPeer) -> None:
    channel = make(x.api)
    channel.remember(None)  # type: ignore[arg-type] # as a command has it that has no database
    with pytest.raises(Busy, match="no memory"):
        await sends(channel)
    assert await on_platforms.found(channel) == {"webhook": True, "tokens": True, "clock": True}
    assert exchanges(x) == 0


async def test_a_test_card_of_the_doctor_keeps_the_tokens_where_the_service_does(
    x: XPeer, tmp_path: Path
) -> None:
    x.now = wall()
    tables = f"sqlite:///{tmp_path}/house.db"
    place, path = install(tmp_path, tables), tmp_path / "countersign.yaml"
    await (await connect(tables, migrate=True)).close()
    secrets = f"client_id: {CLIENT}, client_secret: {SECRET}, refresh_token: {FIRST}"
    section = f'{secrets}, bearer_token: {APP}, user_id: "{BOT}", api_url: "{x.api}"'
    plain_ = path.read_text().replace("server:     {", "server: {public_url: https://a.example, ")
    plain_ = plain_.replace("dana:     {", f'dana: {{x: "{DANA}", ')
    path.write_text(f"channels: {{x: {{{section}}}}}\n{plain_}")
    for _ in range(2):
        ran = await asyncio.to_thread(place.run, "doctor", "x", "--card-to", "dana", "--json")
        (line,) = [one for one in ran.json if one["check"] == "card to dana"]
        assert line["state"] == "ok", line
    assert (exchanges(x), len(x.texts(DANA))) == (1, 2)
    assert "This is a test" in x.texts(DANA)[0]


# What X refuses


async def test_law_26_windows_that_are_used_up_say_how_long(x: XPeer) -> None:
    channel = make(x.api)
    await sends(channel, LIMIT)
    with pytest.raises(Busy) as caught:
        await sends(channel)
    assert caught.value.retry_after == 15 * MINUTE
    x.next_window()
    await sends(channel)
    await channel.close()


async def test_law_26_no_window_is_longer_than_a_day(x: XPeer) -> None:
    channel = make(x.api)
    await sends(channel, LIMIT)
    x.now *= 10  # and the windows end in ages
    x.access = dict.fromkeys(x.access, x.now + HOUR)
    with pytest.raises(Busy) as caught:
        await sends(channel)
    assert caught.value.retry_after == DAY
    await channel.close()


async def test_law_26_strangers_use_up_no_window_that_cards_need(x: XPeer) -> None:
    clock = Clock(NOW)
    channel = make(x.api, clock=clock)

    async def says(kind: NoticeKind) -> None:
        reply = Reply("x", "1", LEE, LEE, "link x", reply_to={"to": LEE})
        await channel.say(reply, Notice(kind, "no"))

    for _ in range(REFUSALS):
        await says(NoticeKind.REFUSED)
    with pytest.raises(Busy, match="cards need the rest"):
        await says(NoticeKind.REFUSED)
    await says(NoticeKind.COUNTED)
    await sends(channel, LIMIT - REFUSALS - 1)
    x.next_window()
    clock.turn(WINDOW)
    await says(NoticeKind.REFUSED)
    await channel.close()
    assert len(x.texts(LEE)) == REFUSALS + 2


async def test_who_takes_no_messages_is_asked_by_another_way(x: XPeer) -> None:
    channel = make(x.api)
    with pytest.raises(Refused):
        await channel.post(await channel.open(CLOSED), channel.layout(card()), "crd_1")
    for account in (BOT, "@dana", "", "1" * 20, "1/../2"):
        with pytest.raises(Refused):
            await channel.open(account)
    await channel.close()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (402, {"title": "Payment Required", "type": "about:blank"}),
        (403, {"title": "Forbidden", "type": "about:blank", "detail": "Forbidden"}),
        (403, {"title": "x", "type": "https://api.x.com/2/problems/client-forbidden"}),
        (403, {"title": "x", "type": "https://api.x.com/2/problems/usage-capped"}),
        (401, {"title": "Unauthorized", "type": "about:blank", "detail": "Unauthorized"}),
        (200, "not an object"),
    ],
)
async def test_what_an_operator_mends_is_no_fault_of_the_person(
    x: XPeer, status: int, said: Any
) -> None:
    channel = make(x.api)
    x.instead = (status, said)
    with pytest.raises(Busy):
        await sends(channel)
    await channel.close()


@pytest.mark.parametrize("said", [{}, {"data": {}}, {"errors": [{"title": "Gone"}]}])
async def test_a_message_that_was_sent_is_not_sent_again_for_want_of_its_id(
    x: XPeer, said: dict[str, Any]
) -> None:
    channel = make(x.api)
    x.instead = (201, said)
    with pytest.raises(Refused):
        await sends(channel)
    await channel.close()


@pytest.mark.parametrize(
    ("valid", "more", "why"),
    [
        (False, {}, "disabled"),
        (True, {"webhook_id": "7"}, "no webhook with this webhook_id"),
        (True, {"webhook_id": ""}, "not configured"),
        (True, {"bearer_token": "wrong"}, "401"),
    ],
)
async def test_the_doctor_says_why_a_webhook_does_not_deliver(
    x: XPeer, valid: bool, more: dict[str, Any], why: str
) -> None:
    x.valid = valid
    channel = make(x.api, **more)
    finding, *_ = await channel.check()
    await channel.close()
    assert not finding.ok
    assert why in finding.detail


# An outage


@asynccontextmanager
async def copy(x: XPeer, memory: Kept, **more: Any) -> AsyncIterator[X]:
    channel = make(x.api, memory=memory, clock=lambda: x.now, **more)
    yield channel
    await channel.close()


async def watched(channel: X, memory: Kept) -> None:
    await channel._outages.watch(memory, channel.clock())


async def test_after_an_outage_x_is_asked_once_for_what_came_in_it(x: XPeer) -> None:
    memory = Kept()
    async with copy(x, memory) as one, copy(x, memory) as other, answering(x, one):
        for _ in range(5):  # no outage, whichever copy is there
            for channel in (one, other):
                await watched(channel, memory)
                x.now += 20_000
        assert x.replays == []
        began = x.now - 20_000
        x.now += HOUR
        await asyncio.gather(watched(one, memory), watched(other, memory))
        await watched(other, memory)
        (asked,) = x.replays
        assert (asked["from_date"], asked["to_date"]) == (minute(began), minute(x.now))
        began, x.now = x.now, x.now + 40 * HOUR
        await watched(one, memory)
        assert x.replays[1]["from_date"] == minute(x.now - 24 * HOUR)


@pytest.mark.parametrize("ever", [True, False])
async def test_an_outage_that_x_does_not_repeat_at_once_is_asked_for_once_more(
    x: XPeer, ever: bool, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Kept()
    async with copy(x, memory) as channel, answering(x, channel):
        await watched(channel, memory)
        began, x.now = x.now, x.now + 5 * MINUTE
        x.youngest = 31 if ever else 1440
        ended = x.now
        for _ in range(200):
            await watched(channel, memory)
            x.now += 30_000
        assert x.calls.count("POST /2/webhooks/replay") == 2
        assert "missed_deliveries_not_repeated" in caplog.text
        assert len(x.replays) == ever
        for asked in x.replays:  # the last minute of it, too, if X leaves that out
            assert asked["from_date"] == minute(began)
            assert asked["to_date"] == minute(ended + MINUTE)


async def test_a_webhook_that_x_switched_off_is_switched_on_first(x: XPeer) -> None:
    memory = Kept()
    async with copy(x, memory) as channel:
        await watched(channel, memory)
        x.now, x.valid = x.now + 30 * HOUR, False
        with pytest.raises(Busy, match="challenge failed"):  # nothing answers there yet
            await watched(channel, memory)
        assert x.replays == []
        x.now += 15_000
        async with answering(x, channel):
            await watched(channel, memory)
        assert x.valid
        assert x.replays[0]["from_date"] == minute(x.now - 24 * HOUR)


async def test_a_bearer_token_that_is_wrong_is_no_fault_of_the_webhook(x: XPeer) -> None:
    memory = Kept()
    async with copy(x, memory, bearer_token="wrong") as channel:
        await watched(channel, memory)
        x.now += HOUR
        with pytest.raises(Busy, match="x: 401 Unauthorized"):
            await watched(channel, memory)
    async with copy(x, memory) as channel, answering(x, channel):
        await watched(channel, memory)
        assert len(x.replays) == 1


@pytest.mark.parametrize("webhook", ["", "7"])
async def test_without_a_webhook_that_is_known_nothing_is_asked(
    x: XPeer, webhook: str, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Kept()
    async with copy(x, memory, webhook_id=webhook) as channel:
        await watched(channel, memory)
        x.now += HOUR
        if webhook:
            with pytest.raises(Busy, match="not ours"):
                await watched(channel, memory)
        else:
            await watched(channel, memory)
            assert "webhook_id is not configured" in caplog.text
        assert x.replays == []


@asynccontextmanager
async def answering(x: XPeer, channel: X) -> AsyncIterator[None]:
    """Our webhook, as far as challenges go."""

    async def take(request: web.Request) -> web.Response:
        inbound = Inbound("GET", request.path, request.query_string, {}, b"", NOW)
        event: Any = channel.read(Resolved.of(channel.authenticate(inbound)))
        return web.Response(body=event.response.body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/events", take)
    runner, url = await started(app)
    x.hook = f"{url}/events"
    yield
    x.hook = ""
    await runner.cleanup()


# A house


@asynccontextmanager
async def home(store: Store, x: XPeer, clock: Clock, **more: Any) -> AsyncIterator[Place]:
    channel: Any = make(x.api, clock=clock, **more)
    given: dict[str, Any] = {"people": PEOPLE, "groups": GROUPS, "rules": RULES}
    x.opening = asyncio.Event()
    async with open_house(store, desks=(channel,), clock=clock, **given) as place:
        x.hook = f"{place.url}/channels/x/events"
        x.opening.set()
        yield place
        x.hook = ""


def counted(place: Place, what: str) -> float:
    registry = place.house.deps.metrics.registry
    labels = {"channel": "x", "what": what}
    return registry.get_sample_value("countersign_channel_charges_total", labels) or 0


def code(request: Any) -> str:
    return str(request["digest"]).rpartition(":")[2][:8]


async def test_a_reply_declines_and_its_words_are_the_reason(store: Store, x: XPeer) -> None:
    clock = Clock()
    x.now = clock()
    async with home(store, x, clock) as place:
        request = await place.opened("low.pay")
        await place.carried()
        (shown,) = x.texts(DANA)
        assert f"decline {code(request)} your reason" in shown
        for text in ("approve", f"approve {code(request)}", "yes", f"decline {'0' * 8}"):
            assert await x.write(x.hook, text) == 200
        assert await x.write(x.hook, f"decline {code(request)} not hers", LEE) == 200
        await until(lambda: len(x.sent) == 3)  # the two codes that decline nothing got an answer
        assert (await place.read(request["id"]))["status"] == "pending"
        assert await x.write(x.hook, f"Decline {code(request)}, not during freeze") == 200
        await place.carried()
        read = await place.read(request["id"])
        assert (read["status"], read["reason"]) == ("declined", "not during freeze")
        await until(lambda: len(x.sent) == 5)
        told, *_ = [text for text in x.texts(DANA) if "⛔" in text]
        assert "Declined by dana: not during freeze" in told
        assert (counted(place, "dm_create"), counted(place, "dm_received")) == (5, 6)


async def test_law_24_what_was_written_while_we_were_away_counts_once_we_are_back(
    store: Store, x: XPeer
) -> None:
    clock = Clock()
    x.now = clock()
    async with home(store, x, clock) as place:
        request = await place.opened("low.pay")
        other = await place.opened("low.ask")
        await place.carried()
        assert await x.write(x.hook, f"decline {code(other)}") == 200
    assert await x.write("", f"decline {code(request)} too late for me") == 0
    clock.turn(5 * MINUTE)
    x.now = clock()
    async with home(store, x, clock) as place:
        await until(lambda: x.answers == [200, 200])
        await place.carried()  # or a receipt is waited for
        read = await place.read(request["id"])
        assert (read["status"], read["reason"]) == ("declined", "too late for me")
        assert (await place.read(other["id"]))["status"] == "declined"
        assert len(x.replays) == 1
        assert exchanges(x) == 1  # a restart, and the tokens are those of before


async def test_a_person_links_the_account_that_sends_the_code(
    store: Store, x: XPeer, database: str
) -> None:
    clock = Clock()
    x.now = clock()
    async with home(store, x, clock) as place:
        made = await linking.make_code(
            place.store, RING, "kim", "x", by="a test", now=clock(), random=os.urandom
        )
        stranger = "5555555555555555555"
        assert await x.write(x.hook, f"link {made}", stranger) == 200
        await until(lambda: x.texts(stranger))
        assert "kim" in x.texts(stranger)[0]
        person = place.house.service.trust.directory.by_account("x", stranger)
        assert person is not None
        assert person.id == "kim"
        # Law 23: the tokens are in a table, and cannot be read there.
        assert exchanges(x) == 1
        assert "peer-" not in await everything(database)


async def test_a_word_of_ours_links_nothing(x: XPeer) -> None:
    channel = make(x.api)
    reply = Reply("x", "1", DANA, DANA, "link x", reply_to={"to": DANA})
    await channel.say(reply, Notice(NoticeKind.REFUSED, "See evil.example, @dana"))
    await channel.close()
    assert plain(x.texts(DANA)[0]) == "See evil.example, @dana"
    assert links({"text": x.texts(DANA)[0]}) == []
    assert SECRET not in repr(channel)
    assert outage.EVERY * 1000 * 2 < outage.GAP
