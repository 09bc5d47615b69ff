"""What is special about Messenger: utility messages after the 24 hours. What it shares with
Instagram is in test_meta.py, and what every channel keeps in test_channels.py."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.kit.window import DAY
from adapters.messenger import registered, setup
from adapters.messenger.adapter import Messenger
from adapters.messenger.settings import Settings, sample
from approvals.model import Refused
from approvals.port.setup import Wishes
from tests.harness import on_platforms
from tests.harness.channel_contract import AWAY, CARDS, NOW, card
from tests.peers.messenger import ADDRESS, DANA, KIT, PAGE, SITE, TOKEN, make
from tests.peers.meta import SendPeer, wrote


@pytest.fixture
async def messenger() -> AsyncIterator[SendPeer]:
    async with KIT.peer() as peer:
        assert isinstance(peer, SendPeer)
        yield peer


@pytest.fixture
async def channel(messenger: SendPeer) -> AsyncIterator[Messenger]:
    made = make(messenger.api, clock=lambda: NOW)
    yield made
    await made.close()


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(make(AWAY), state)


@pytest.mark.parametrize("since", [0, NOW - DAY])
async def test_after_24_hours_a_utility_message_leads_to_the_page(
    messenger: SendPeer, channel: Messenger, since: int
) -> None:
    wrote(channel, {DANA: since})
    ref = await channel.post(ADDRESS, channel.layout(card()), "k")
    assert messenger.text(ref.message) == (
        "A request waits for your approval: Pay 12,400.\u200b00 EUR to ACME & Söhne GmbH. Its risk "
        "is medium. Please answer by 2 Jan 04:10 UTC: until then nothing is run. Its digest is "
        "a1b2c3d4. This is an automated message."
    )
    assert messenger.buttons(ref.message) == {"Open the request": card().review}
    assert [one["messaging_type"] for one in messenger.calls] == ["UTILITY"]  # nothing else tried
    await channel.redraw(ref, channel.layout(CARDS["declined"]))
    said = messenger.text([*messenger.sent][-1])
    assert "Declined by Dana: not this <month> & not @here Its digest" in said


async def test_law_14_no_utility_message_approves(messenger: SendPeer, channel: Messenger) -> None:
    """Meta may draw as little as 80 characters of it."""
    for shown in CARDS.values():
        outside = str(channel.layout(shown)["outside"])
        assert not any(button.token in outside for button in card().buttons)


@pytest.mark.parametrize(
    "changes", [{"templates": {}}, {"templates": {"notice": "n"}}, {"language": "de"}]
)
async def test_where_none_is_approved_the_next_entry_of_via_is_asked(
    messenger: SendPeer, changes: dict[str, Any]
) -> None:
    channel = make(messenger.api, **changes)
    with pytest.raises(Refused):
        await channel.post(ADDRESS, channel.layout(card()), "k")
    assert messenger.sent == {}
    await channel.close()


def test_what_meta_approves_is_what_is_filled() -> None:
    """https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/utility-messages,
    "Common Template Rejection Reasons"."""
    for text, values in registered.TEXTS.values():
        assert not re.search(r"^\{\{|\}\}$|\}\}\s*\{\{", text)
        numbers = [int(number) for number in re.findall(r"\{\{(\d+)\}\}", text)]
        assert numbers == [*range(1, len(values) + 1)]
    made = registered.templates("en", SITE)
    for kind, shown in (("request", card()), ("notice", CARDS["approved"])):
        outside = make(AWAY).layout(shown)["outside"]["template"]
        body, button = made[f"countersign_{kind}.json"]["components"]
        filled, address = (one["parameters"] for one in outside["components"])
        assert len(filled) == len(body["example"]["body_text"][0])
        assert button["buttons"][0]["url"].replace("{{1}}", address[0]["url"]) == shown.review


async def test_a_page_without_a_name_is_linked_to_by_its_id(
    messenger: SendPeer, channel: Messenger
) -> None:
    assert await channel.called() == "acme.approvals"
    del messenger.me["username"]
    assert await channel.called() == PAGE


async def test_setup_sets_what_a_conversation_begins_with(messenger: SendPeer) -> None:
    section = sample().model_copy(update={"api_url": f"{messenger.api}/v26.0"})
    order = setup.order(section, None)
    assert order is not None
    assert order.url == f"{messenger.api}/v26.0/me/messenger_profile"
    (greeting,) = order.body["greeting"]
    assert greeting["locale"] == "default"
    assert len(greeting["text"]) <= 160
    assert "automated" in greeting["text"]
    assert TOKEN not in repr(order)
    assert "preview" not in repr(order)


def test_a_guide_names_every_step() -> None:
    made = setup.guide(f"{SITE}/channels/messenger/events", Wishes())
    assert {*made.files} == {"countersign_request.json", "countersign_notice.json"}
    for word in ("messaging_referrals", "Get Started", "countersign link NAME messenger"):
        assert any(word in step for step in made.steps)
    with pytest.raises(ValueError, match="public_url"):
        setup.guide(None, Wishes())


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"page_id": "acme.approvals"}, "page_id"),
        ({"verify_token": "short"}, "8 or more"),
        ({"templates": {"other": "x"}}, "templates"),
        ({"language": "English"}, "language"),
    ],
)
def test_a_section_that_cannot_work_is_refused_in_words(change: dict[str, Any], word: str) -> None:
    word_ = {"access_token": "t", "app_secret": "s", "verify_token": "a-word-of-ours"}
    assert Settings.model_validate({**word_, "page_id": PAGE}).templates == {}
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate({**word_, "page_id": PAGE, **change})
