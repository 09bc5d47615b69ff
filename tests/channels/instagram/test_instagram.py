"""What is special about Instagram. What it shares with Messenger is in test_meta.py, and what every
channel keeps in test_channels.py."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from adapters.instagram import setup
from adapters.instagram.settings import sample
from adapters.kit.window import DAY
from approvals.app import keys
from approvals.app.database import connect
from approvals.app.host import clock as wall
from approvals.memory import ChannelMemory
from approvals.model import MINUTE, Refused
from approvals.port.setup import Wishes
from approvals.store import Store
from tests.harness import on_platforms
from tests.harness.channel_contract import AWAY, CARDS, NOW, card, natural
from tests.harness.house import RING, Clock
from tests.harness.installation import install
from tests.peers.instagram import ACCOUNT, ADDRESS, DANA, KIT, SECRET, TOKEN, make
from tests.peers.meta import VERIFY, SendPeer, wrote


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(make(AWAY), state)


@pytest.mark.parametrize("since", [0, NOW - DAY])
async def test_after_24_hours_nothing_is_sent_and_the_next_entry_of_via_is_asked(
    since: int,
) -> None:
    async with KIT.peer() as instagram:
        channel = make(instagram.api, clock=lambda: NOW)
        wrote(channel, {DANA: since})
        for state in ("pending", "approved"):
            with pytest.raises(Refused, match="24 hours"):
                await channel.post(ADDRESS, channel.layout(CARDS[state]), "k")
        assert instagram.calls == []  # type: ignore[attr-defined] # the stand-in
        await channel.close()


def test_a_text_is_counted_in_bytes() -> None:
    channel, peer = make(AWAY), KIT.peer()
    for letter, most in (("x", 800), ("é", 400), ("受", 266)):
        shown = natural(card(payload=letter * most, note=None), channel.abilities)
        payload = channel.layout(shown)
        assert peer.fault({"text": payload["before"]}) is None  # type: ignore[attr-defined] # the stand-in
        assert shown.buttons[0].token in str(payload)
        if letter != "x":
            longer = replace(shown, payload=letter * (most + most // 5))
            assert shown.buttons[0].token not in str(channel.layout(longer))


async def test_the_token_is_exchanged_before_it_ends_and_outlives_a_restart(store: Store) -> None:
    async with KIT.peer() as running:
        peer, clock = cast(SendPeer, running), Clock()
        # Of the first nobody says how old it is: it may end tomorrow.
        for day, renewed in ((0, 0), (1, 1), (7, 1), (8, 2), (8, 2), (14, 2), (15, 3), (80, 4)):
            clock.now = Clock().now + day * 24 * 60 * MINUTE
            channel = make(peer.api, clock=clock)  # a copy that has just started
            channel.remember(ChannelMemory(store, lambda: RING, "instagram"))
            wrote(channel, {DANA: clock()})
            calls = (channel.post(ADDRESS, channel.layout(card()), "k") for _ in range(3))
            await asyncio.gather(*calls)
            assert len(peer.renewed) == renewed
            assert set(peer.shown[-3:]) == {(TOKEN, *peer.renewed)[-1]}
            await channel.close()


async def test_a_token_that_cannot_be_exchanged_is_used_to_its_end(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with KIT.peer() as running:
        peer, clock = cast(SendPeer, running), Clock()
        channel = make(peer.api, clock=clock)
        channel.remember(ChannelMemory(store, lambda: RING, "instagram"))
        wrote(channel, {DANA: clock() + 60 * 24 * 60 * MINUTE})
        await channel.post(ADDRESS, channel.layout(card()), "k")
        for answer in ("", "{", '{"access_token": 7}', None):
            clock.turn(8 * 24 * 60 * MINUTE)
            if answer is None:
                peer.break_next(503, 1)
            else:
                peer.fail.append(web.Response(text=answer))
            for _ in range(2):  # and it is not asked for again at once
                await channel.post(ADDRESS, channel.layout(card()), "k")
            assert peer.shown[-2:] == [TOKEN, TOKEN]
        clock.turn(60 * MINUTE)
        await channel.post(ADDRESS, channel.layout(card()), "k")
        assert peer.shown[-1] == peer.renewed[0]
        assert caplog.text.count("app_token_not_exchanged") == 4
        assert TOKEN not in caplog.text
        await channel.close()
        # A new one in the configuration starts over.
        peer.token = "IGAAnother"
        channel = make(peer.api, clock=clock, access_token=peer.token)
        channel.remember(ChannelMemory(store, lambda: RING, "instagram"))
        wrote(channel, {DANA: clock()})
        await channel.post(ADDRESS, channel.layout(card()), "k")
        assert peer.shown[-1] == "IGAAnother"
        await channel.close()


async def test_commands_use_the_token_that_the_service_has_exchanged(tmp_path: Path) -> None:
    """The one of the configuration ends after 60 days, and nobody has to write a new one there."""
    tables = f"sqlite:///{tmp_path}/house.db"
    place, path = install(tmp_path, tables), tmp_path / "countersign.yaml"
    store = await connect(tables, migrate=True)
    async with KIT.peer() as running:
        peer, clock = cast(SendPeer, running), Clock()
        clock.now = wall() - 24 * 60 * MINUTE
        channel = make(peer.api, clock=clock)
        ring = keys.load(tmp_path / "keys").ring
        channel.remember(ChannelMemory(store, lambda: ring, "instagram"))
        for _ in range(2):
            await channel.called()
            clock.now = wall()
        assert len(peer.renewed) == 1
        await channel.close()
        await store.close()
        peer.token = "IGAAnother"  # the first one has ended
        section = {"access_token": TOKEN, "app_secret": SECRET, "verify_token": VERIFY}
        section |= {"account_id": ACCOUNT, "api_url": f"{peer.api}/v26.0"}
        given = json.dumps({"instagram": section})
        path.write_text(f"channels: {given}\n{path.read_text()}")
        ran = await asyncio.to_thread(place.run, "doctor", "instagram", "--json")
        (line,) = [one for one in ran.json if one["detail"].startswith("token")]
        assert line["state"] == "ok", line
        ran = await asyncio.to_thread(place.run, "link", "dana", "instagram", "--json")
        assert "https://ig.me/m/acme.approvals?ref=link_" in ran.json["words"][-1]


def test_setup_sets_the_question_a_conversation_begins_with() -> None:
    order = setup.order(sample(), None)
    assert order is not None
    assert order.url == "https://graph.instagram.com/v26.0/me/messenger_profile"
    (begin,) = order.body["ice_breakers"]
    assert begin["locale"] == "default"
    assert [*begin["call_to_actions"][0]] == ["question", "payload"]
    assert "preview" not in repr(order)


def test_a_guide_names_every_step() -> None:
    made = setup.guide("https://approve.example.com/channels/instagram/events", Wishes())
    for word in ("messaging_referral,", "Instagram app secret", "countersign link NAME instagram"):
        assert any(word in step for step in made.steps)
    with pytest.raises(ValueError, match="public_url"):
        setup.guide(None, Wishes())
