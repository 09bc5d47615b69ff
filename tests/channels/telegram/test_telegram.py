"""Telegram's quirks: entities, what its store changes, whose taps count, prompts, polling."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from telegram import InlineKeyboardMarkup, Message, Update

from adapters.telegram.adapter import Telegram
from approvals.model import Address, Busy, Fact, Forged, Refused, Status
from approvals.port import Event, Ignored, Notice, NoticeKind, Payload, Reply, Resolved, Tap
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import CARDS, HOSTILE, NOW, card
from tests.harness.house import HANGS, Clock, Place
from tests.peers.telegram import (
    BOT_TOKEN,
    DANA,
    FIXTURES,
    GROUP,
    LEE,
    SECRET,
    TelegramPeer,
    delivery,
    fixture,
    links,
    make,
    person,
    unstyled,
)

AWAY = "http://127.0.0.1:9/bot"
ROOM = Address("telegram", str(GROUP))
HERE = Address("telegram", str(DANA), account=str(DANA))
CHANNEL = make(AWAY)


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramPeer]:
    async with TelegramPeer() as peer:
        yield peer


@pytest.fixture
async def channel(telegram: TelegramPeer) -> AsyncIterator[Telegram]:
    made = make(telegram.api)
    yield made
    await made.close()


def read(update: dict[str, Any]) -> Event:
    return CHANNEL.read(Resolved.of(CHANNEL.authenticate(delivery(update, NOW))))


def tapped(update: dict[str, Any]) -> Tap:
    return on_platforms.tapped(read(update))


def accepted(payload: Payload) -> None:
    """The library's own types and Telegram's limits have nothing against it."""
    keyboard = InlineKeyboardMarkup.de_json(payload["reply_markup"])
    assert keyboard.to_dict() == payload["reply_markup"]
    parts = {name: payload[name] for name in ("text", "entities", "reply_markup")}
    chat = {"id": DANA, "type": "private"}
    message = Message.de_json({"message_id": 1, "date": NOW // 1000, "chat": chat, **parts})
    assert {name: message.to_dict()[name] for name in parts} == parts
    assert not message.api_kwargs
    for entity, said in message.parse_entities().items():
        assert said.strip() or entity.length
    peer = TelegramPeer()
    assert peer._content(payload)["text"] == payload["text"]
    assert all(kind in ("bold", "italic", "code", "pre") for kind in kinds(peer._content(payload)))


def kinds(content: dict[str, Any]) -> list[str]:
    return [one["type"] for one in content["entities"]]


# Configuration


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"bot_token": " "}, "bot_token"),
        ({"bot_token": "AAE-peer"}, "bot_token"),
        ({"secret_token": ""}, "secret_token"),
        ({"secret_token": "with blank"}, "secret_token"),
        ({"secret_token": "x" * 257}, "secret_token"),
        ({"mode": "socket"}, "webhook or polling"),
    ],
)
def test_law_09_an_absent_secret_is_an_error_at_start(given: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make(AWAY, **given)


def test_law_09_who_polls_takes_no_delivery_from_outside() -> None:
    channel = make(AWAY, mode="polling", secret_token="")
    assert channel.abilities.listen
    for secret in ("", SECRET):
        with pytest.raises(Forged):
            channel.authenticate(delivery(fixture("callback_query"), NOW, secret))


# Cards


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(CHANNEL, state)


@pytest.mark.parametrize("path", sorted((FIXTURES / "golden").glob("*.json")), ids=lambda p: p.stem)
def test_telegrams_types_and_limits_accept_every_golden_card(path: Path) -> None:
    accepted(json.loads(path.read_text()))


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_13_hostile_words_everywhere_make_no_link_and_fit(texts: tuple[str, ...]) -> None:
    for given, payload in (one for text in texts for one in on_platforms.full_of(CHANNEL, text)):
        accepted(payload)
        assert set(links(payload)) <= {given.review}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("fill", ["x", "😀", "\u202e", "é", "\u030a", "a\t"])
def test_whatever_it_is_full_of_a_card_fits(status: Status, fill: str) -> None:
    accepted(on_platforms.longest(CHANNEL, status, fill))


@pytest.mark.parametrize("text", HOSTILE)
def test_law_11_what_others_wrote_stands_where_nothing_is_read(text: str) -> None:
    words = dict.fromkeys(("title", "payload", "note", "headline", "action", "agent"), text)
    payload = CHANNEL.layout(card(**words, progress=text, facts=(Fact(text, text),)))
    accepted(payload)
    assert text not in "".join(unstyled(payload))


@pytest.mark.parametrize("text", ["😀 then", "日本語", "a\u030ab", "\t", "e\u0301"])
def test_offsets_count_utf16_units(text: str) -> None:
    payload = CHANNEL.layout(card(title=text, headline=text * 3))
    accepted(payload)
    bold = [one for one in payload["entities"] if one["type"] == "bold"]
    units16 = payload["text"].encode("utf-16-le")
    said = [
        units16[2 * b["offset"] : 2 * (b["offset"] + b["length"])].decode("utf-16-le") for b in bold
    ]
    assert said == ["🟠 Medium risk"]


def test_law_14_what_no_tap_may_approve_has_review_and_no_approve() -> None:
    rows = CHANNEL.layout(CARDS["uninspectable"])["reply_markup"]["inline_keyboard"]
    assert [one["text"] for (one,) in rows] == [
        "Review and approve…",
        "Decline",
        "Decline with reason",
    ]


@pytest.mark.parametrize(
    "review",
    ["http://localhost:8080/r/1", "http://k3v9.localhost:8080/r/1", "http://[::1]:8080/r/1"],
)
async def test_an_address_that_telegram_refuses_stands_in_the_text(
    channel: Telegram, review: str
) -> None:
    payload = channel.layout(card(review=review))
    assert review in payload["text"]
    assert review not in "".join(unstyled(payload))
    await channel.post(ROOM, payload, "crd_1")


def test_a_card_without_a_page_has_no_link() -> None:
    payload = CHANNEL.layout(card(review=None))
    assert links(payload) == []
    assert "Review" not in payload["text"]


def swapped(values: Any) -> Payload:
    drawn = make(AWAY).render(values)
    (first,), (second,), *_ = drawn["inline_keyboard"]
    first["callback_data"], second["callback_data"] = (
        second["callback_data"],
        first["callback_data"],
    )
    return drawn


def styled(values: Any) -> Payload:
    return {"lines": [[{"text_link": "x"}]], "inline_keyboard": []}


def test_a_template_that_draws_something_else_is_refused() -> None:
    with pytest.raises(Refused, match="buttons"):
        make(AWAY, render=swapped).layout(card())
    with pytest.raises(Refused, match="part of a line"):
        make(AWAY, render=styled).layout(card(buttons=()))


# The echo


@pytest.mark.parametrize("text", [*HOSTILE, "a & b", "a\tb", "a\u030a\u0333\u033f", " lead ", "\n"])
async def test_law_07_an_unchanged_card_comes_back_with_its_echo(
    telegram: TelegramPeer, channel: Telegram, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    words = dict.fromkeys(("title", "payload", "note", "headline", "progress"), text)
    payload = channel.layout(card(**words, facts=(Fact(text, text),)))
    ref = await channel.post(HERE, payload, "crd_1")
    press = telegram.press(DANA, int(ref.message), "Decline", DANA)
    assert tapped(press).echo == channel.echo(payload)
    polled = Update.de_json(press, None).to_dict()
    assert tapped(polled).echo == channel.echo(payload)
    assert caplog.text == ""


def altered(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The message with one thing changed, for every thing that a thief could change."""
    found = [
        {**message, "text": message["text"].replace("12,400", "12.40")},
        {name: message[name] for name in message if name != "text"} | {"caption": message["text"]},
        {**message, "link_preview_options": {"url": "https://evil.example/it-is-only-12.40"}},
        {name: message[name] for name in message if name != "reply_markup"},
    ]
    for kind in ("spoiler", "strikethrough", "expandable_blockquote", "url", "mention"):
        odd = {"type": kind, "offset": 40, "length": 9}
        found.append({**message, "entities": [*message["entities"], odd]})
    link = {"type": "text_link", "offset": 0, "length": 9, "url": "https://evil.example"}
    found.append({**message, "entities": [*message["entities"], link]})
    rows = message["reply_markup"]["inline_keyboard"]
    keyboards: list[Any] = [
        rows[::-1],
        rows[1:],
        rows[:-1],
        [[*rows[0], *rows[1]], *rows[2:]],
        [*rows, rows[0]],
    ]
    for number, (button,) in enumerate(rows):
        for name in ("text", "callback_data", "url"):
            if name in button:
                other = [[{**button, name: button[name] + "x"}]]
                keyboards.append([*rows[:number], *other, *rows[number + 1 :]])
    swap = copy.deepcopy(rows)
    swap[0][0]["callback_data"], swap[1][0]["callback_data"] = (
        rows[1][0]["callback_data"],
        rows[0][0]["callback_data"],
    )
    keyboards.append(swap)
    found += [{**message, "reply_markup": {"inline_keyboard": one}} for one in keyboards]
    return found


def test_law_07_any_change_of_a_card_changes_its_echo() -> None:
    message = fixture("callback_query")["callback_query"]["message"]
    sent = CHANNEL.echo(CHANNEL.layout(card()))
    assert CHANNEL.echo(message) == sent
    seen = [CHANNEL.echo(one) for one in altered(message)]
    assert len(seen) > 20
    assert sent not in seen


async def test_a_card_that_telegram_stored_otherwise_is_reported(channel: Telegram) -> None:
    payload = {**channel.layout(card()), "text": "https://evil.example", "entities": []}
    (one,) = (await channel.post(ROOM, payload, "crd_1")).altered
    assert one.path == "$.entities[0]"


# Reading


def test_a_press_says_who_where_and_what() -> None:
    tap = tapped(fixture("callback_query"))
    assert (tap.event, tap.account, tap.conversation, tap.message, tap.token, tap.reason) == (
        "4382000000000000020",
        str(DANA),
        str(DANA),
        "17",
        card().buttons[0].token,
        None,
    )
    assert tap.echo == CHANNEL.echo(CHANNEL.layout(card()))


def test_law_07_a_message_that_telegram_forgot_has_no_echo() -> None:
    tap = tapped(fixture("inaccessible"))
    assert (tap.message, tap.echo) == ("17", None)


def test_a_topic_is_a_conversation_of_its_own() -> None:
    assert tapped(fixture("in_a_topic")).conversation == f"{GROUP}/7"


def test_an_answer_to_our_prompt_carries_the_reason_and_may_decline_only() -> None:
    tap = tapped(fixture("reason"))
    assert (tap.message, tap.echo, tap.token, tap.reason, tap.account) == (
        None,
        None,
        card().buttons[2].token,
        "Too much.",
        str(DANA),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"reply_to_message": None},
        {"text": None},
        {
            "reply_to_message": {
                "message_id": 18,
                "from": person(LEE),
                "text": "x\nReference " + "S" * 20,
            }
        },
        {"reply_to_message": {"message_id": 18, "from": {"id": 777000123}, "text": "Reference S"}},
        {"reply_to_message": {"message_id": 18, "from": {"id": 777000123}, "photo": []}},
    ],
)
def test_any_other_message_is_ignored_in_a_group_and_in_private_only_words(
    change: dict[str, Any],
) -> None:
    update = fixture("reason")
    kept = {k: v for k, v in {**update["message"], **change}.items() if v is not None}
    group = {"id": GROUP, "type": "supergroup", "title": "Ops"}
    assert isinstance(read({**update, "message": {**kept, "chat": group}}), Ignored)
    event = read({**update, "message": kept})
    assert isinstance(event, Reply if "text" in kept else Ignored)


@pytest.mark.parametrize("text", ["/start CS-0123-4567-89AB-CDEF", "link x", "/start", "Hello"])
def test_what_is_written_in_private_is_the_accounts_own(text: str) -> None:
    update = fixture("start")
    update["message"]["text"] = text
    reply = read(update)
    assert isinstance(reply, Reply)
    assert (reply.event, reply.account, reply.conversation, reply.text, reply.stranger) == (
        f"{DANA}:20",
        str(DANA),
        str(DANA),
        text,
        None,
    )
    # Whoever forwards it to us has written it; what was changed later is not asked for.
    assert isinstance(read({"update_id": 1, "edited_message": update["message"]}), Ignored)


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel", "sender"])
def test_law_06_a_code_that_others_could_read_is_no_reply(kind: str) -> None:
    update = fixture("message_in_a_group")
    update["message"]["chat"]["type"] = kind
    assert isinstance(read(update), Ignored)


def test_updates_that_are_no_presses_are_ignored() -> None:
    press = fixture("callback_query")["callback_query"]
    inline = {k: v for k, v in press.items() if k != "message"} | {"inline_message_id": "AAE"}
    game = {k: v for k, v in press.items() if k != "data"} | {"game_short_name": "chess"}
    updates: list[dict[str, Any]] = [{"callback_query": inline}, {"callback_query": game}]
    for update in (*updates, {"edited_message": {}}):
        assert isinstance(read({"update_id": 1, **update}), Ignored)
    assert isinstance(read(fixture("my_chat_member")), Ignored)


@pytest.mark.parametrize(
    "who",
    [person(5, is_bot=True), person(1087968824, is_bot=True), person(136817688), person(777000)],
    ids=["a bot", "an anonymous administrator", "a channel", "Telegram"],
)
def test_law_02_who_is_nobody_is_a_stranger(who: dict[str, Any]) -> None:
    update = fixture("callback_query")
    update["callback_query"]["from"] = who
    assert tapped(update).stranger
    update = fixture("reason")
    update["message"]["from"] = who
    assert tapped(update).stranger
    update = fixture("start")
    update["message"]["from"] = who
    reply = read(update)
    assert isinstance(reply, Reply)
    assert reply.stranger


def test_law_02_a_reason_in_the_name_of_a_group_is_a_strangers() -> None:
    update = fixture("reason")
    update["message"]["sender_chat"] = {"id": GROUP, "type": "supergroup", "title": "Ops"}
    assert tapped(update).stranger == "somebody unseen"


# Accounts and posting


async def test_a_person_who_pressed_start_is_reached(channel: Telegram) -> None:
    assert await channel.open(str(DANA)) == HERE


@pytest.mark.parametrize(
    "account", ["100000009", "dana", "@dana", "", "0", "-5", "1e9", str(GROUP)]
)
async def test_law_02_who_cannot_be_reached_is_refused(channel: Telegram, account: str) -> None:
    with pytest.raises(Refused):
        await channel.open(account)


async def test_a_card_is_posted_and_redrawn_whole(
    telegram: TelegramPeer, channel: Telegram
) -> None:
    ref = await channel.post(ROOM, channel.layout(card()), "crd_1")
    sent = telegram.calls[-1][1]
    assert sent["link_preview_options"] == {"is_disabled": True}
    assert "parse_mode" not in sent
    await channel.redraw(ref, channel.layout(CARDS["expired"]))
    now = telegram.messages[GROUP, int(ref.message)]
    assert "Expired. Nothing was run." in now["text"]
    assert card().buttons[0].token not in json.dumps(now)
    await channel.redraw(ref, channel.layout(CARDS["expired"]))  # as it is: nothing to say


async def test_a_topic_is_posted_to(telegram: TelegramPeer, channel: Telegram) -> None:
    ref = await channel.post(Address("telegram", f"{GROUP}/7"), channel.layout(card()), "crd_1")
    press = telegram.press(GROUP, int(ref.message), "Decline", DANA)
    assert tapped(press).conversation == ref.conversation == f"{GROUP}/7"
    await channel.redraw(ref, channel.layout(CARDS["expired"]))


@pytest.mark.parametrize(
    ("status", "said", "more", "kind"),
    [
        (403, "Forbidden: bot was blocked by the user", {}, Refused),
        (400, "Bad Request: chat not found", {}, Refused),
        (400, "Bad Request: x", {"parameters": {"migrate_to_chat_id": -1009}}, Refused),
        (401, "Unauthorized", {}, Busy),
        (404, "Not Found", {}, Busy),
        (409, "Conflict: terminated by other getUpdates request", {}, Busy),
        (502, "Bad Gateway", {}, Busy),
    ],
)
async def test_who_is_to_blame(
    telegram: TelegramPeer,
    channel: Telegram,
    status: int,
    said: str,
    more: dict[str, Any],
    kind: type[Exception],
) -> None:
    telegram.fail.append(telegram._failed(status, said, **more))
    with pytest.raises(kind) as caught:
        await channel.post(ROOM, channel.layout(card()), "crd_1")
    assert BOT_TOKEN not in str(caught.value)


async def test_an_answer_that_is_no_json_is_busy(telegram: TelegramPeer, channel: Telegram) -> None:
    telegram.fail.append(web.Response(status=502, text="<html>Bad Gateway</html>"))
    with pytest.raises(Busy):
        await channel.open(str(DANA))


async def test_a_wrong_token_is_ours_to_mend(
    telegram: TelegramPeer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    channel = make(telegram.api, bot_token="777000123:other")
    with pytest.raises(Busy):
        await channel.open(str(DANA))
    assert "platform_refused_app" in caplog.text
    assert "777000123:other" not in caplog.text
    await channel.close()


# Words


async def pressed(telegram: TelegramPeer, channel: Telegram, label: str, user: int = DANA) -> Tap:
    ref = await channel.post(ROOM, channel.layout(card()), "crd_1")
    return tapped(telegram.press(GROUP, int(ref.message), label, user))


@pytest.mark.parametrize("kind", NoticeKind)
async def test_a_webhook_is_answered_with_a_note_that_one_person_sees(
    telegram: TelegramPeer, channel: Telegram, kind: NoticeKind
) -> None:
    tap = await pressed(telegram, channel, "Approve")
    answer = channel.answer(tap, Notice(kind, "You are not an approver here. " * 20))
    assert answer is not None
    call = json.loads(answer.body)
    assert call.pop("method") == "answerCallbackQuery"
    assert telegram._answerCallbackQuery(call)
    assert call["show_alert"] == (kind in (NoticeKind.REFUSED, NoticeKind.CLOSED))


async def test_a_reason_is_asked_for_and_comes_back_with_the_token(
    telegram: TelegramPeer, channel: Telegram
) -> None:
    tap = await pressed(telegram, channel, "Decline with reason")
    await channel.tell(tap, Notice(NoticeKind.ASK_REASON, "Why do you decline?"))
    method, asked = telegram.calls[-1]
    assert (method, asked["reply_markup"]) == (
        "sendMessage",
        {
            "inline_keyboard": [
                [{"text": "Decline without a reason", "callback_data": f"{tap.token}."}]
            ]
        },
    )
    assert asked["reply_parameters"]["message_id"] == int(tap.message or 0)
    assert [(one["type"], one["user"]["id"]) for one in asked["entities"]] == [
        ("text_mention", DANA)
    ]
    prompt = telegram.newest(GROUP)["message_id"]
    sent = tapped(telegram.reply(GROUP, prompt, "Too much.", DANA))
    assert (sent.token, sent.conversation, sent.message, sent.reason) == (
        tap.token,
        tap.conversation,
        None,
        "Too much.",
    )
    assert channel.answer(sent, Notice(NoticeKind.CLOSED, "Too late.")) is None
    await channel.tell(sent, Notice(NoticeKind.CLOSED, "Already approved."))
    assert telegram.newest(DANA)["text"] == "Already approved."
    assert (GROUP, prompt) not in telegram.messages, "its buttons are gone with it"


async def test_a_word_to_who_wrote_goes_to_the_chat_that_it_came_from(
    telegram: TelegramPeer, channel: Telegram
) -> None:
    new = 100000003  # pressing Start is what lets us write
    for more, thread in (({}, None), ({"message_thread_id": 7, "is_topic_message": True}, 7)):
        reply = read(telegram.write(new, "/start x", new, **more))
        assert isinstance(reply, Reply)
        await channel.say(reply, Notice(NoticeKind.REFUSED, "This code\tlinks nothing <here>."))
        _, body = telegram.calls[-1]
        assert (body["text"], body["chat_id"]) == ("This code\\u{9}links nothing <here>.", new)
        assert body.get("message_thread_id") == thread
        assert "parse_mode" not in body


async def test_the_inbox_learns_what_the_bot_is_called(
    store: Store, telegram: TelegramPeer
) -> None:
    async with house(store, telegram) as place:
        called = place.house.deps.linkable["telegram"]
        assert await called() == "approvals_bot"
        telegram.break_next(500, None)
        assert await called() == ""


# Polling


def polling(telegram: TelegramPeer, deliver: Any) -> AbstractAsyncContextManager[Telegram]:
    made = make(telegram.api, mode="polling", secret_token="")
    return on_platforms.listening(made, deliver)


async def test_a_press_that_was_asked_for_reads_the_same_and_is_answered(
    telegram: TelegramPeer, channel: Telegram
) -> None:
    events: list[Event] = []

    async def deliver(event: Event) -> Notice | None:
        events.append(event)
        return Notice(NoticeKind.REFUSED, "You are not an approver.")

    tap = await pressed(telegram, channel, "Approve")
    telegram.said.clear()
    async with polling(telegram, deliver) as poller:
        await asyncio.wait_for(telegram.said.wait(), HANGS)
        (event,) = events
        assert isinstance(event, Tap)
        assert replace(event, reply_to=tap.reply_to) == tap
        assert poller.answer(event, Notice(NoticeKind.REFUSED, "x")) is None
    assert [one["text"] for one in telegram.toasts] == ["You are not an approver."]


async def test_law_24_an_update_is_confirmed_only_once_it_was_delivered(
    telegram: TelegramPeer, channel: Telegram
) -> None:
    first = await pressed(telegram, channel, "Approve")
    second = await pressed(telegram, channel, "Decline", LEE)
    seen: list[str] = []
    done = asyncio.Event()

    async def fails(event: Event) -> Notice | None:
        assert isinstance(event, Tap)
        seen.append(event.event)
        if event.event == second.event:
            raise Busy("the database is away")
        return None

    async def works(event: Event) -> Notice | None:
        assert isinstance(event, Tap)
        seen.append(event.event)
        if len(seen) == 4:
            done.set()
        return None

    poller = make(telegram.api, mode="polling", secret_token="")
    with pytest.raises(Busy):
        await asyncio.wait_for(poller.listen(fails), HANGS)
    await poller.close()
    assert len(telegram.updates) == 2
    async with polling(telegram, works):
        await asyncio.wait_for(done.wait(), HANGS)
        await telegram.drained()
    assert sorted(seen) == sorted([first.event, second.event] * 2)


async def test_what_cannot_be_read_does_not_stop_the_others(telegram: TelegramPeer) -> None:
    events: list[Event] = []
    both = asyncio.Event()

    async def deliver(event: Event) -> Notice | None:
        events.append(event)
        if len(events) == 2:
            both.set()
        return None

    odd = fixture("callback_query")
    odd["callback_query"]["message"]["chat"]["id"] = 1
    odd["callback_query"]["data"] = None
    telegram.updates += [odd, {**fixture("callback_query"), "update_id": 312744990}]
    async with polling(telegram, deliver):
        await asyncio.wait_for(both.wait(), HANGS)
    assert {type(event) for event in events} == {Ignored, Tap}


async def test_a_word_that_cannot_be_said_does_not_stop_the_others(
    telegram: TelegramPeer, caplog: pytest.LogCaptureFixture
) -> None:
    async def deliver(event: Event) -> Notice | None:
        return Notice(NoticeKind.REFUSED, "No.")

    telegram.updates.append(fixture("callback_query"))  # its query is too old
    async with polling(telegram, deliver):
        await telegram.drained()
    assert "too old" in caplog.text


# Doctor


async def test_check_names_what_is_wrong(telegram: TelegramPeer) -> None:
    async def found(**more: Any) -> dict[str, bool]:
        return await on_platforms.found(make(telegram.api, **more))

    assert await found(bot_token="777000123:other") == {"token": False}
    assert not (await found())["webhook"]
    assert (await found(mode="polling", secret_token=""))["webhook"]
    telegram.webhook = {
        "url": "https://approve.example.com/x",
        "allowed_updates": ["callback_query"],
    }
    telegram.webhook["last_error_message"] = "Wrong response from the webhook: 401 Unauthorized"
    telegram.webhook["last_error_date"] = NOW // 1000
    assert await found() == {"token": True, "webhook": True, "updates": False, "deliveries": False}
    telegram.webhook = {"url": "https://approve.example.com/x"}
    assert all((await found()).values())


# In the whole house


def house(
    store: Store, telegram: TelegramPeer, *, mode: str = "webhook", clock: Clock | None = None
) -> AbstractAsyncContextManager[Place]:
    channel = make(telegram.api, mode=mode, secret_token=SECRET if mode == "webhook" else "")
    dana, lee = str(DANA), str(LEE)
    return on_platforms.house(store, channel, dana=dana, lee=lee, room=GROUP, clock=clock)


async def delivered(place: Place, update: dict[str, Any]) -> dict[str, Any]:
    """What the webhook answers, as the call that it is."""
    inbound = delivery(update, place.clock())
    url = f"{place.url}/channels/telegram/events"
    async with place.http.post(url, data=inbound.body, headers=dict(inbound.headers)) as answer:
        assert answer.status == 200
        body = await answer.read()
    return json.loads(body) if body else {}


async def test_a_request_is_approved_by_a_tap(store: Store, telegram: TelegramPeer) -> None:
    async with house(store, telegram) as place:
        request = await place.opened()
        await place.carried()
        card_ = telegram.newest(DANA)
        press = telegram.press(DANA, card_["message_id"], "Approve", DANA)
        stranger = telegram.press(DANA, card_["message_id"], "Approve", LEE)
        said = await delivered(place, stranger)
        assert said["show_alert"]
        assert (await place.read(request["id"]))["status"] == "pending"
        said = await delivered(place, press)
        assert (said["method"], said["show_alert"]) == ("answerCallbackQuery", False)
        assert (await place.read(request["id"]))["status"] == "approved"
        await place.carried()
        now = telegram.newest(DANA)
        assert "Approved by dana" in now["text"]
        assert "reply_markup" not in now
        again = await delivered(place, press)
        assert again["method"] == "answerCallbackQuery"
        late = await delivered(place, {**stranger, "update_id": 9})
        assert late["show_alert"]


async def test_a_request_in_a_group_is_declined_with_a_reason(
    store: Store, telegram: TelegramPeer
) -> None:
    async with house(store, telegram) as place:
        request = await place.opened("room.x")
        await place.carried()
        card_ = telegram.newest(GROUP)["message_id"]
        telegram.said.clear()
        await delivered(place, telegram.press(GROUP, card_, "Decline…", DANA))
        await asyncio.wait_for(telegram.said.wait(), HANGS)
        prompt = telegram.newest(GROUP)
        assert prompt["message_id"] != card_
        told = await delivered(place, telegram.reply(GROUP, prompt["message_id"], "No @here", DANA))
        assert told == {}
        assert (await place.read(request["id"]))["status"] == "declined"
        await place.carried()
        assert "No @here" in telegram.messages[GROUP, card_]["text"]


async def test_law_03_a_late_tap_says_that_nothing_was_run(
    store: Store, telegram: TelegramPeer
) -> None:
    clock = Clock()
    async with house(store, telegram, clock=clock) as place:
        await place.opened()
        await place.carried()
        card_ = telegram.newest(DANA)["message_id"]
        press = telegram.press(DANA, card_, "Approve", DANA)
        clock.turn(24 * 3_600_000)
        said = await delivered(place, press)
        assert "Expired. Nothing was run." in said["text"]


async def test_the_same_house_by_polling(store: Store, telegram: TelegramPeer) -> None:
    async with house(store, telegram, mode="polling") as place:
        request = await place.opened()
        await place.carried()
        telegram.said.clear()
        telegram.press(DANA, telegram.newest(DANA)["message_id"], "Approve", DANA)
        await asyncio.wait_for(telegram.said.wait(), HANGS)
        assert (await place.read(request["id"]))["status"] == "approved"
        assert [one["show_alert"] for one in telegram.toasts] == [False]
