"""A rule's ready reasons in each channel's own dialog.

What comes back is the place of a reason, never its words: the case has those
(tests/core/test_service.py). Whatever is chosen, a tap out of a dialog names no message, and so may
decline only.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from slack_sdk.models.views import View

from approvals.model import Malformed
from approvals.port import Channel, Event, Inbound, Notice, NoticeKind, Resolved, Tap, chosen
from tests.harness.channel_contract import NOW, REASONS, ROOT, card, kit, natural
from tests.peers import discord as discord_peer
from tests.peers import outlook as outlook_peer
from tests.peers import telegram as telegram_peer
from tests.peers import whatsapp as whatsapp_peer
from tests.peers.discord import DiscordPeer
from tests.peers.slack import SlackPeer
from tests.peers.teams import TeamsPeer
from tests.peers.telegram import TelegramPeer
from tests.peers.whatsapp import WhatsAppPeer

AWAY: Final = "http://127.0.0.1:9/"
WHY: Final = Notice(NoticeKind.ASK_REASON, "Why do you decline?", REASONS)
DECLINED: Final = Notice(NoticeKind.COUNTED, "Declined.")


def tapped(event: Event) -> Tap:
    assert isinstance(event, Tap)
    return event


def _tap(channel: str, account: str, conversation: str, message: str) -> Tap:
    return Tap(
        channel=channel,
        event="1",
        account=account,
        conversation=conversation,
        message=message,
        token="R" * 20,
    )


def read(channel: Channel, body: Any) -> Event:
    return channel.read(Resolved(Inbound("POST", "/", "", {}, json.dumps(body).encode(), NOW)))


async def test_slack_offers_them_above_the_text_and_says_which_was_chosen() -> None:
    async with SlackPeer() as slack:
        channel = kit("slack").make(slack.api)
        ref = await channel.post(
            kit("slack").address, channel.layout(natural(card(), channel.abilities)), "crd_1"
        )
        press = slack.press(ref.conversation, ref.message, "decline_prompt", "U024BE7LH")
        tap = tapped(channel.read(Resolved(delivery(), {"payload": press})))
        await channel.tell(tap, WHY)
        (view,) = slack.views
        View(**view).validate_json()
        (ready, _) = view["blocks"]
        shown = [one["text"]["text"] for one in ready["element"]["options"]]
        assert shown[:2] == list(REASONS[:2])
        assert [one[-1] for one in shown[2:]] == ["…", "…"]
        for place, text in enumerate(shown):
            sent = slack.submit("", "U024BE7LH", text)
            found = tapped(channel.read(Resolved(delivery(), {"payload": sent})))
            assert (found.token, found.message, found.reason) == (tap.token, None, "")
            assert found.ready == place
        both = slack.submit("by 10", "U024BE7LH", shown[0])
        found = tapped(channel.read(Resolved(delivery(), {"payload": both})))
        assert (found.ready, found.reason) == (0, "by 10")
        none = slack.submit("by 10", "U024BE7LH")
        assert tapped(channel.read(Resolved(delivery(), {"payload": none}))).ready is None
        await channel.close()


def delivery() -> Inbound:
    return Inbound("SOCKET", "", "", {}, b"", NOW)


async def test_discord_offers_them_in_a_select_of_its_dialog() -> None:
    channel = kit("discord").make(AWAY)
    (room, dana) = (discord_peer.ROOM, discord_peer.DANA)
    tap = _tap("discord", dana, room, "2")
    response = channel.answer(tap, WHY)
    assert response is not None
    modal = json.loads(response.body)["data"]
    select, _ = modal["components"]
    labels = [one["label"] for one in select["component"]["options"]]
    assert labels[:3] == list(REASONS[:3])
    assert all(len(one.encode("utf-16-le")) // 2 <= 100 for one in labels)
    assert all(len(one["label"]) <= 45 for one in modal["components"])
    peer = DiscordPeer()
    for place, label in [*enumerate(labels), (None, None)]:
        sent = peer.submit(modal, "", room, dana, label)
        found = tapped(read(channel, sent))
        assert (found.token, found.message, found.ready) == ("R" * 20, None, place)


async def test_telegram_offers_them_as_buttons_below_its_question() -> None:
    (group, dana) = (telegram_peer.GROUP, telegram_peer.DANA)
    async with TelegramPeer() as telegram:
        channel = kit("telegram").make(telegram.api)
        shown = natural(card(), channel.abilities)
        assert [str(one.label) for one in shown.buttons] == ["Approve", "Decline…"]
        ref = await channel.post(kit("telegram").address, channel.layout(shown), "crd_1")
        press = telegram.press(group, int(ref.message), "Decline…", dana)
        tap = tapped(read(channel, press))
        await channel.tell(tap, WHY)
        prompt = telegram.newest(group)
        buttons = [row[0] for row in prompt["reply_markup"]["inline_keyboard"]]
        assert [one["text"] for one in buttons] == [*REASONS, "Decline without a reason"]
        for place, button in enumerate(buttons):
            sent = telegram.press(group, prompt["message_id"], button["text"], dana)
            found = tapped(read(channel, sent))
            expected = place if place < len(REASONS) else None
            assert (found.token, found.message, found.reason, found.echo) == (
                tap.token, None, "", None,
            )  # fmt: skip
            assert (found.ready, found.conversation) == (expected, tap.conversation)
        answer = channel.answer(found, DECLINED)
        assert answer is not None
        assert json.loads(answer.body)["text"] == "Declined."
        await channel.tell(found, Notice(NoticeKind.REFUSED, "You are not an approver."))
        assert (group, prompt["message_id"]) in telegram.messages
        await channel.tell(found, DECLINED)
        assert (group, prompt["message_id"]) not in telegram.messages
        await channel.close()


async def test_whatsapp_offers_them_in_a_list() -> None:
    dana = whatsapp_peer.DANA
    async with WhatsAppPeer() as whatsapp:
        channel = kit("whatsapp").make(whatsapp.api)
        assert channel.abilities.ready_prompt
        assert not whatsapp_peer.make_twilio(AWAY).abilities.ready_prompt
        whatsapp.open.add(dana)
        tap = replace(_tap("whatsapp", dana, dana, "wamid.CARD"), reply_to={"to": dana})
        await channel.tell(tap, WHY)
        (id_,) = whatsapp.sent
        told = whatsapp.sent[id_][1]["interactive"]
        rows = told["action"]["sections"][0]["rows"]
        assert [row["title"] for row in rows][::4] == ["Wrong amount", "Without a reason"]
        assert rows[1]["description"] == REASONS[1]
        for place, row in enumerate(rows):
            found = tapped(read(channel, whatsapp.press(id_, row["title"])))
            expected = place if place < len(REASONS) else None
            assert (found.token, found.message, found.reason) == ("R" * 20, None, "")
            assert found.ready == expected
        await channel.close()


async def test_teams_offers_them_on_the_card_itself() -> None:
    async with TeamsPeer() as teams:
        channel = kit("teams").make(teams.api)
        view = replace(natural(card(), channel.abilities), reasons=REASONS)
        payload = channel.layout(view)
        content = payload["attachments"][0]["content"]
        (opens,) = [one for one in content["body"][-1]["actions"] if "card" in one]
        field, _ = opens["card"]["body"]
        assert field["type"] == "Input.ChoiceSet"
        assert [(one["value"], one["title"]) for one in field["choices"]] == [
            (str(place), reason) for place, reason in enumerate(REASONS)
        ]
        ref = await channel.post(kit("teams").address, payload, "crd_1")
        for value, ready in (("1", 1), ("", None), (None, None)):
            press = teams.press(ref.conversation, ref.message, "Decline", ready=value)
            found = tapped(channel.read(Resolved(delivery(), {"activity": press})))
            assert (found.token, found.ready) == ("R" * 20, ready)
        bare = channel.layout(replace(view, reasons=()))
        assert "ChoiceSet" not in json.dumps(bare)
        await channel.close()


def test_what_is_asked_has_the_room_before_ready_reasons_in_teams() -> None:
    channel = kit("teams").make(AWAY)
    view = natural(card(), channel.abilities)
    room = next(
        size for size in range(13_000, 30_000, 50)
        if len(json.dumps(channel.layout(replace(view, payload="x" * size)))) > 23_000
    )  # fmt: skip
    full = replace(view, payload="x" * room, reasons=("😀" * 100,) * 8)
    drawn = channel.drawn(full)
    assert (drawn.card.buttons, drawn.card.reasons) == (view.buttons, ())
    assert "ChoiceSet" not in json.dumps(drawn.payload)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("R" * 20 + ".3", ("R" * 20, 3)),
        ("R" * 20 + ".", ("R" * 20, None)),
        ("R" * 20, None),
        ("R" * 20 + ".8", None),
        ("R" * 20 + ".12", None),
        ("R" * 20 + ".\n", None),
        ("R" * 19 + ".1", None),
        ("R" * 20 + ".³", None),
    ],
)
def test_law_06_a_prompts_button_is_a_token_and_a_place(value: str, found: Any) -> None:
    assert chosen(value) == found


@pytest.mark.parametrize("bad", ["8", "-1", "00", "³", 1, ["0"], {"value": "0"}])
def test_law_09_a_choice_that_no_dialog_of_ours_has_is_not_read(bad: Any) -> None:
    teams = kit("teams").make(AWAY)
    press = json.loads((ROOT / "tests/fixtures/teams/execute.json").read_text())["body"]
    press["value"]["action"]["data"]["ready"] = bad
    with pytest.raises(Malformed):
        teams.read(Resolved(delivery(), {"activity": press}))
    discord = kit("discord").make(AWAY)
    field = {"type": 3, "custom_id": "ready", "values": bad if isinstance(bad, list) else [bad]}
    if bad != ["0"]:
        sent = DiscordPeer().submit(
            discord.render({"prompt": "R" * 20, "reasons": ["a"]}),  # type: ignore[attr-defined] # the adapter's own
            "", discord_peer.ROOM, discord_peer.DANA,
        )  # fmt: skip
        sent["data"]["components"][0]["component"] = field
        with pytest.raises(Malformed):
            read(discord, sent)


def test_outlook_offers_them_and_sends_the_place() -> None:
    from adapters.email.outlook import draw, script

    view = replace(card(), reasons=REASONS)
    native = draw(view, "provider")
    assert native is not None
    found = json.loads(script(native, "crd_1", "dana@example.com").split(">", 1)[1][:-9])
    (field,) = [one for one in found["body"] if one.get("id") == "ready"]
    assert [one["value"] for one in field["choices"]] == ["0", "1", "2", "3"]
    said = outlook_peer.press(found, "Decline", "no", "1")
    assert said == f"{'R' * 20} crd_1 dana@example.com reason 1\nno"
    assert outlook_peer.press(found, "Approve") == f"{'Q' * 20} crd_1 dana@example.com"
