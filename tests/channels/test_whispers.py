"""A letter with a sign-in link, on every channel that carries one."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from adapters import CHANNELS
from adapters.whatsapp.adapter import WhatsApp
from approvals.model import Busy, Refused
from approvals.port import Letter, Whispers
from tests.harness.channel_contract import Kit, kit
from tests.peers import slack, teams, telegram, whatsapp

LINK = "https://approve.example.com/login/k3v9_Jx-a0"
LETTER = Letter(
    subject="Sign in to Countersign",
    before=("Somebody asked for a link that signs Dana *Lee* <b> in to Countersign.",),
    label="Sign in",
    link=LINK,
    after=("It works once, within ten minutes.",),
)
AWAY = "http://127.0.0.1:9/"
DANA = {
    "email": "dana@example.com",
    "slack": "U024BE7LH",
    "teams": teams.DANA,
    "telegram": str(telegram.DANA),
    "whatsapp": whatsapp.DANA,
}


def landed(name: str, peer: Any) -> list[tuple[str, str]]:
    """What arrived: where, and its text."""
    match name:
        case "email":
            return [(mail.recipients[0], mail.part("plain")) for mail in peer.mails]
        case "whatsapp":
            return [(who, message["text"]["body"]) for who, message in peer.sent.values()]
        case _:
            return [(str(at[0]), said["text"]) for at, said in peer.messages.items()]


def opened(made: Any) -> Any:
    """The channel; on WhatsApp they have just written to us."""

    async def just_now(account: str) -> int:
        return int(made.clock())

    if isinstance(made, WhatsApp):
        made.recall(just_now)
    return made


def test_discord_carries_no_link_for_its_token_reads_what_its_bot_wrote() -> None:
    able = [name for name in sorted(CHANNELS) if isinstance(kit(name).make(AWAY), Whispers)]
    assert able == [*DANA]


@pytest.mark.parametrize("name", DANA)
async def test_a_letter_arrives_at_the_account_alone_and_its_link_is_whole(name: str) -> None:
    it: Kit = kit(name)
    async with it.peer() as peer:
        channel = opened(it.make(peer.api))
        if isinstance(peer, slack.SlackPeer):
            peer.users[DANA[name]] = slack.person(DANA[name])
        if isinstance(peer, whatsapp.WhatsAppPeer):
            peer.open.add(DANA[name])
        try:
            await channel.whisper(DANA[name], LETTER)
        finally:
            await channel.close()
        ((where, text),) = landed(name, peer)
        assert where == ("D024BE7LH" if name == "slack" else DANA[name]) or name == "teams"
        assert LINK in re.split(r"[\s<>]+", text)
        for line in (*LETTER.before, *LETTER.after):
            assert line in html.unescape(text)
        if name == "slack":
            assert isinstance(peer, slack.SlackPeer)
            sent = peer.calls[-1][2]
            assert (sent["mrkdwn"], sent["unfurl_links"]) == (False, False)
        if name == "telegram":
            assert isinstance(peer, telegram.TelegramPeer)
            asked = json.dumps(peer.calls[-1][1])
            assert "protect_content" in asked
            assert "is_disabled" in asked


@pytest.mark.parametrize("name", DANA)
async def test_law_26_a_letter_to_a_platform_that_is_away_is_busy(name: str) -> None:
    it = kit(name)
    channel = opened(it.make("smtp://127.0.0.1:9" if name == "email" else AWAY))
    try:
        with pytest.raises(Busy):
            await channel.whisper(DANA[name], LETTER)
    finally:
        await channel.close()


async def test_whatsapp_carries_no_link_to_who_did_not_write_for_a_day() -> None:
    it = kit("whatsapp")
    async with it.peer() as peer:
        channel: Any = it.make(peer.api)
        try:
            with pytest.raises(Refused, match="24 hours"):
                await channel.whisper(DANA["whatsapp"], LETTER)
        finally:
            await channel.close()
