"""What is special about iMessage: three providers, quick replies, and cards that only lead on.

What every channel keeps is in test_channels.py, over all three.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import yaml
from aiohttp import web

from adapters.imessage import setup as guides
from adapters.imessage.adapter import ABOVE, IMessage
from adapters.imessage.settings import Settings
from approvals import cards, linking
from approvals.model import (
    Address,
    Busy,
    Fact,
    Forged,
    Label,
    Malformed,
    Person,
    Refused,
    Scope,
    Status,
    Tier,
)
from approvals.port import (
    Ignored,
    Inbound,
    Lost,
    Notice,
    NoticeKind,
    Payload,
    Reply,
    Tap,
)
from approvals.port.setup import Wishes, fields
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import AWAY, CARDS, NOW, ROOT, card, event_of, natural
from tests.harness.house import HANGS, RING, Desk, Place, Wall, open_house, rule
from tests.peers import bluebubbles, imessage, photon
from tests.peers.bluebubbles import BlueBubblesPeer, delivered, stored
from tests.peers.imessage import SinchPeer, body, changed, chosen, fault, links, signed
from tests.peers.photon import PhotonPeer

PEERS: dict[str, Callable[[], AbstractAsyncContextManager[Any]]] = {
    "sinch": SinchPeer,
    "photon": PhotonPeer,
    "bluebubbles": BlueBubblesPeer,
}
MODULES: dict[str, Any] = {"sinch": imessage, "photon": photon, "bluebubbles": bluebubbles}
EVENTS = "https://approve.example.com/channels/imessage/events"
every = pytest.mark.parametrize("provider", PEERS)
mute = pytest.mark.parametrize("provider", ["photon", "bluebubbles"])


@asynccontextmanager
async def opened(provider: str, **more: Any) -> Any:
    """A peer, and the adapter before it."""
    async with PEERS[provider]() as peer:
        channel = MODULES[provider].make(peer.api, **more)
        yield peer, channel
        await channel.close()


def at(provider: str) -> Address:
    return Address("imessage", MODULES[provider].DANA, account=MODULES[provider].DANA)


def bubble(payload: Payload) -> str:
    """What the bubble says, whichever provider it is for."""
    one = payload["messages"][0]
    text = one.get("text_message", one)
    return str(text.get("text", text.get("message")))


def shown(channel: IMessage, state: str) -> Payload:
    """The card of this state with the buttons that the product would give it."""
    return channel.layout(natural(CARDS[state], channel.abilities))


# Cards


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(imessage.make(AWAY), state)


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_without_buttons_are_as_they_were(state: str) -> None:
    path = ROOT / f"tests/fixtures/imessage/golden/{state}.bluebubbles.json"
    payload = shown(bluebubbles.make(AWAY), state)
    if os.environ.get("GOLDEN"):
        path.write_text(json.dumps(payload, indent=1, ensure_ascii=False) + "\n")
    assert payload == json.loads(path.read_text())
    assert bubble(shown(photon.make(AWAY), state)) == bubble(payload)


@mute
def test_law_06_where_nothing_vouches_for_a_press_there_is_no_button(provider: str) -> None:
    channel = MODULES[provider].make(AWAY)
    assert (channel.limits.buttons, channel.abilities.tier) == (0, Tier.C)
    lines = bubble(shown(channel, "pending")).split("\n")
    assert lines[2] == f"Review and approve: {card().review}"
    assert lines[3] == "To decline, reply: decline a1b2c3d4"


@pytest.mark.parametrize("state", ["high", "uninspectable"])
def test_where_only_the_page_approves_its_link_comes_before_the_rest(state: str) -> None:
    payload = shown(imessage.make(AWAY), state)
    lines = bubble(payload).split("\n")
    assert lines[2:4] == [CARDS[state].review_needed, f"Review and approve: {card().review}"]
    question = payload["messages"][1]["choice_message"]
    assert "Only the page linked above can approve it" in question["text_message"]["text"]
    assert [one["text_message"]["text"] for one in question["choices"]] == ["Decline", "Later"]


@pytest.mark.parametrize("text", [batch[0] for batch in hostile.BATCHES if batch[0]])
def test_law_13_hostile_words_everywhere_link_nowhere_and_fit(text: str) -> None:
    channel, mac = imessage.make(AWAY), bluebubbles.make(AWAY)
    for made, payload in on_platforms.full_of(channel, text):
        for drawn in (payload, mac.layout(made)):
            assert {*links(drawn)} <= {made.review}
            accepted(drawn)


def accepted(payload: Payload) -> None:
    """Within what the documentation allows."""
    first, *questions = payload["messages"]
    if "text_message" not in first:
        first = {"text_message": {"text": bubble(payload)}}
    assert [fault(one) for one in (first, *questions)] == [None] * len(payload["messages"])


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("fill", ["x", "😀", "\u202e", "é", ".a", " ", "\n"])
def test_whatever_it_is_full_of_a_card_fits_and_can_say_how_it_ended(
    status: Status, fill: str
) -> None:
    payload = on_platforms.longest(imessage.make(AWAY), status, fill)
    assert payload["final"] == (status is not Status.PENDING)
    accepted(payload)


def test_law_14_what_does_not_fit_is_cut_and_loses_approve() -> None:
    facts = tuple(Fact(f"Fact {n}", "y" * 590) for n in range(5))
    payload = imessage.make(AWAY).layout(card(facts=facts, payload="x" * 1400))
    choices = payload["messages"][1]["choice_message"]["choices"]
    assert "Approve" not in [one["text_message"]["text"] for one in choices]
    assert "It is too long for this card." in bubble(payload)


@pytest.mark.parametrize(
    ("title", "begins"),
    [
        ("Pay 12,400.00 EUR to ACME", "Pay 12,400.00 EUR to ACME?"),
        ("Point www.acme.example to 203.0.113.66", f"{ABOVE}?"),
        ("Write to bob@acme.example", f"{ABOVE}?"),
        ("Get https://x", f"{ABOVE}?"),
        ("A word\u200bjoined", f"{ABOVE}?"),
        ("x" * 150, "xxx"),
    ],
)
def test_law_13_a_question_has_no_address_and_only_printable_characters(
    title: str, begins: str
) -> None:
    payload = imessage.make(AWAY).layout(card(title=title))
    question = payload["messages"][1]
    assert fault(question) is None
    said = question["choice_message"]["text_message"]["text"]
    assert said.startswith(begins)
    assert said.endswith("Digest a1b2c3d4"), "it names the message that it is about"


def test_an_owners_question_that_apple_would_refuse_is_refused_before() -> None:
    source = (ROOT / "card_templates/imessage.json.j2").read_text()
    for theirs in ("x" * 201, "a\u200bb"):
        changed_ = source.replace('"question": {{ question }}', f'"question": "{theirs}"')
        assert changed_ != source
        render = cards.renderer("imessage.json.j2", changed_)
        with pytest.raises(Refused):
            imessage.make(AWAY, render=render).layout(card())


# What proves a delivery


def test_law_09_what_another_signed_is_not_photons() -> None:
    channel = photon.make(AWAY)
    with pytest.raises(Forged):
        channel.authenticate(photon.signed(photon.written("hi"), NOW, secret="another"))


async def test_law_09_of_what_bluebubbles_delivers_wrongly_nothing_is_asked() -> None:
    kinds = [delivered(stored("hi"), NOW, kind=kind) for kind in ("typing-indicator", "new-server")]
    ours = delivered({**stored("hi"), "isFromMe": True}, NOW)
    bad = [delivered({"guid": guid}, NOW) for guid in (None, 7, "", "../x", "x" * 65)]
    async with opened("bluebubbles") as (mac, channel):
        for inbound in (*kinds, ours):
            assert isinstance(await event_of(channel, inbound), Ignored)
        for inbound in bad:
            with pytest.raises(Malformed):
                await event_of(channel, inbound)
        assert mac.calls == []


async def test_law_09_of_a_webhook_of_bluebubbles_only_the_id_is_believed() -> None:
    async with opened("bluebubbles") as (mac, channel):
        true = mac.wrote("decline a1b2c3d4", bluebubbles.DANA)
        told = json.loads(true.body)["data"]
        lies = {"text": "link CS-1", "handle": {"address": bluebubbles.LEE, "service": "iMessage"}}
        for inbound in (true, delivered({**told, **lies}, NOW)):
            reply = await event_of(channel, inbound)
            assert isinstance(reply, Reply)
            assert (reply.account, reply.text) == (bluebubbles.DANA, "decline a1b2c3d4")
            assert reply.event == told["guid"]
        with pytest.raises(Forged):
            await event_of(channel, delivered(stored("hi", guid="0000-NOT-THERE"), NOW))
        true_guid = told["guid"]
        mac.messages["A-1"] = mac.messages[true_guid]
        with pytest.raises(Malformed):
            await event_of(channel, delivered({**told, "guid": "A-1"}, NOW))
        mac.break_next(500, None)
        with pytest.raises(Busy):
            await event_of(channel, true)


async def test_a_private_chat_of_macos_26_is_one() -> None:
    async with opened("bluebubbles") as (mac, channel):
        chats = [{"guid": f"any;-;{bluebubbles.DANA}"}]
        inbound = mac.wrote("hi", bluebubbles.DANA, chats=chats)
        assert isinstance(await event_of(channel, inbound), Reply)


async def test_an_address_of_apple_counts_in_small_letters() -> None:
    async with opened("bluebubbles") as (mac, channel):
        reply = await event_of(channel, mac.wrote("hi", "Dana@iCloud.example"))
        assert isinstance(reply, Reply)
        assert reply.account == bluebubbles.MAIL


async def test_law_02_a_letter_that_only_becomes_an_approvers_is_another_account() -> None:
    async with opened("bluebubbles") as (mac, channel):
        reply = await event_of(channel, mac.wrote("hi", "\u212aim@icloud.example"))
        assert isinstance(reply, Reply)
        assert reply.account != "kim@icloud.example"


async def test_a_choice_says_who_where_and_what() -> None:
    tap = await event_of(imessage.make(AWAY), signed(chosen("Q" * 20, imessage.LEE), NOW))
    assert isinstance(tap, Tap)
    assert (tap.account, tap.conversation) == (imessage.LEE, imessage.LEE)
    assert (tap.message, tap.token, tap.echo) == (imessage.CARD, "Q" * 20, None)


async def test_law_06_a_typed_label_is_no_verdict() -> None:
    for label in Label:
        event = await event_of(imessage.make(AWAY), signed(imessage.written(label.value), NOW))
        assert isinstance(event, Reply)


async def test_a_card_that_did_not_arrive_is_lost_and_the_next_way_is_tried() -> None:
    event = await event_of(imessage.make(AWAY), signed(body("sinch_failed"), NOW))
    assert event == Lost("imessage", imessage.DANA, imessage.CARD)


# Sending


@every
async def test_a_card_is_sent_and_its_end_is_told_once(provider: str) -> None:
    async with opened(provider) as (peer, channel):
        ref = await channel.post(at(provider), shown(channel, "pending"), "crd_1")
        number = len(peer.sent)
        assert number == 1 + (provider == "sinch")
        assert ref.message == [*peer.sent][-1]
        await channel.redraw(ref, shown(channel, "one-of-two"))
        assert len(peer.sent) == number, "votes in between are told to nobody"
        await channel.redraw(ref, shown(channel, "expired"))
        account, last = [*peer.sent.values()][-1]
        said = last if isinstance(last, str) else last["text_message"]["text"]
        assert (account, "Expired. Nothing was run." in said) == (MODULES[provider].DANA, True)
        assert len(peer.sent) == number + 1


async def test_the_bubble_goes_before_the_question() -> None:
    async with opened("sinch") as (sinch, channel):
        await channel.post(at("sinch"), shown(channel, "pending"), "crd_1")
        first, second = sinch.sent
        assert (sinch.buttons(first), [*sinch.buttons(second)]) == ({}, ["Approve", "Decline"])


WRONG: dict[str, Any] = {
    "sinch": {"key_secret": "another"},
    "photon": {"project_secret": "another"},
    "bluebubbles": {"password": "another"},
}


@every
async def test_a_wrong_secret_of_ours_is_nobodys_fault(provider: str) -> None:
    async with opened(provider, **WRONG[provider]) as (_, channel):
        with pytest.raises(Busy):
            await channel.post(at(provider), shown(channel, "pending"), "crd_1")
        found = await channel.check()
        assert [(one.subject, one.ok) for one in found] == [("access", False)]


@pytest.mark.parametrize("provider", ["sinch", "photon"])
async def test_one_token_serves_many_calls_and_an_ended_one_is_renewed(provider: str) -> None:
    async with opened(provider) as (peer, channel):
        for key in ("crd_1", "crd_2"):
            await channel.post(at(provider), shown(channel, "pending"), key)
        assert peer.calls.count("token") == 1
        peer.tokens.clear()
        await channel.post(at(provider), shown(channel, "pending"), "crd_3")
        assert peer.calls.count("token") == 2


@every
@pytest.mark.parametrize("answer", ["<html>", "[]", "{}", '{"data": 7, "message": 7}'])
async def test_an_answer_that_is_none_is_busy(provider: str, answer: str) -> None:
    async with opened(provider) as (peer, channel):
        peer.answers.append(web.Response(text=answer))
        with pytest.raises(Busy):
            await channel.post(at(provider), shown(channel, "pending"), "crd_1")


async def test_law_26_whom_a_provider_cannot_reach_is_refused() -> None:
    async with opened("photon") as (bridge, channel):
        bridge.chats.clear()
        with pytest.raises(Refused):
            await channel.post(at("photon"), shown(channel, "pending"), "crd_1")
    async with opened("bluebubbles") as (mac, channel):
        mac.unreachable.add(bluebubbles.DANA)
        with pytest.raises(Refused, match="error 22"):
            await channel.post(at("bluebubbles"), shown(channel, "pending"), "crd_1")
    async with opened("sinch") as (sinch, channel):
        sinch.answers.append(sinch.error(400, "INVALID_ARGUMENT"))
        with pytest.raises(Refused):
            await channel.post(at("sinch"), shown(channel, "pending"), "crd_1")


async def test_law_26_a_mac_that_is_offline_ends_nothing_and_delays_one_chat() -> None:
    async with opened("bluebubbles") as (mac, channel):
        for error in (3, 6, 32, "x"):
            data = {"guid": "A-1", "error": error}
            mac.answers.append(mac.error(500, "iMessage Error", "Failed to send!", data=data))
            with pytest.raises(Busy, match=f"error {error}") as caught:
                await channel.post(at("bluebubbles"), shown(channel, "pending"), "crd_1")
            assert caught.value.scope is Scope.CONVERSATION


@pytest.mark.parametrize("status", [400, 429])
@pytest.mark.parametrize(
    ("code", "scope"),
    [
        ("recipientCoolingDown", Scope.CONVERSATION),
        ("recipientLocked", Scope.CONVERSATION),
        ("recipientLimitExceeded", Scope.CONVERSATION),
        ("dailyLimitExceeded", Scope.PLATFORM),
    ],
)
async def test_law_26_a_limit_of_one_recipient_delays_nobody_else(
    code: str, scope: Scope, status: int
) -> None:
    async with opened("photon") as (bridge, channel):
        bridge.answers.append(bridge.error(status, "resource_exhausted", code))
        with pytest.raises(Busy) as caught:
            await channel.post(at("photon"), shown(channel, "pending"), "crd_1")
        assert caught.value.scope is scope


async def test_an_end_that_photon_has_already_sent_is_no_failure() -> None:
    async with opened("photon") as (bridge, channel):
        ref = await channel.post(at("photon"), shown(channel, "pending"), "crd_1")
        for _ in range(2):  # the answer to the first was lost
            await channel.redraw(ref, shown(channel, "expired"))
        assert len(bridge.sent) == 2


async def test_law_26_an_app_that_sinch_does_not_know_is_nobodys_fault() -> None:
    async with opened("sinch", app_id="01F6T8M717SPW0186EC5A90Z0F") as (_, channel):
        with pytest.raises(Busy):
            await channel.post(at("sinch"), shown(channel, "pending"), "crd_1")


async def test_a_message_that_bluebubbles_is_still_sending_is_not_sent_beside_it() -> None:
    async with opened("bluebubbles") as (mac, channel):
        mac.queued.add("crd_1-0")
        with pytest.raises(Busy):
            await channel.post(at("bluebubbles"), shown(channel, "pending"), "crd_1")
        assert mac.sent == {}


async def test_a_line_of_the_projects_own_is_named_to_photon() -> None:
    lines = {"srv1": "+15550000001", "srv2": photon.LINE}
    async with opened("photon", line=photon.LINE) as (bridge, channel):
        bridge.servers = lines
        await channel.post(at("photon"), shown(channel, "pending"), "crd_1")
        assert bridge.heads[-1]["x-photon-server"] == "srv2"
    async with opened("photon", line="+15559999999") as (bridge, channel):
        bridge.servers = lines
        with pytest.raises(Busy):
            await channel.post(at("photon"), shown(channel, "pending"), "crd_1")


async def test_what_somebody_is_told_is_a_bubble_and_links_nowhere() -> None:
    async with opened("bluebubbles") as (mac, channel):
        reply = Reply("imessage", "A-1", bluebubbles.DANA, bluebubbles.DANA, "x")
        notice = Notice(NoticeKind.REFUSED, "See acme.example")
        await channel.say(reply, notice)
        ((account, text),) = mac.sent.values()
        assert (account, links({"text": text})) == (bluebubbles.DANA, [])


GOOD = {
    "sinch": [("access", True), ("Apple Messages for Business", True), ("clock", True)],
    "photon": [("access", True), ("clock", True), ("bridge", True)],
    "bluebubbles": [("access", True), ("webhook", True), ("clock", True)],
}


@every
async def test_check_finds_nothing_where_all_is_well(provider: str) -> None:
    async with opened(provider) as (_, channel):
        assert [(one.subject, one.ok) for one in await channel.check()] == GOOD[provider]


async def test_check_says_what_is_not_well() -> None:
    async with opened("sinch") as (sinch, channel):
        sinch.state = "FAILED"
        assert [one.ok for one in await channel.check()] == [True, False, True]
    async with opened("bluebubbles") as (mac, channel):
        mac.hooks = [{"id": 1, "url": "x", "events": ["typing-indicator"]}]
        assert [one.ok for one in await channel.check()] == [True, False, True]
    async with opened("photon") as (bridge, channel):
        bridge.break_next(503, None)
        assert [one.ok for one in await channel.check()] == [True, True, False]


@pytest.mark.parametrize(
    ("provider", "account", "good"),
    [
        ("sinch", imessage.DANA, True),
        ("sinch", "3964920326927846", True),
        ("sinch", "a b", False),
        *((mute_, "+15550100123", True) for mute_ in ("photon", "bluebubbles")),
        *((mute_, "dana@icloud.example", True) for mute_ in ("photon", "bluebubbles")),
        *((mute_, x, False) for mute_ in ("photon", "bluebubbles")
          for x in ("15550100123", "Dana@icloud.example", imessage.DANA, "+1;-;x", "")),
    ],
)  # fmt: skip
async def test_law_02_an_account_is_written_exactly(
    provider: str, account: str, good: bool
) -> None:
    channel = MODULES[provider].make(AWAY)
    if good:
        assert await channel.open(account) == Address("imessage", account, account=account)
    else:
        with pytest.raises(Refused):
            await channel.open(account)


# Set-up

SECTION: dict[str, dict[str, Any]] = {
    "sinch": {
        "project_id": "p",
        "app_id": "a",
        "key_id": "k",
        "key_secret": "s",
        "webhook_secret": "w",
    },
    "photon": {
        "project_id": "p",
        "project_secret": "s",
        "webhook_secret": "w",
        "url": "http://127.0.0.1:8080",
    },
    "bluebubbles": {
        "url": "https://mac.example.net",
        "password": "p",
        "webhook_secret": "w" * 32,
    },
}


@every
def test_a_section_makes_its_adapter_and_its_guide_says_how(provider: str) -> None:
    section = Settings.model_validate({"provider": provider, **SECTION[provider]})
    made = IMessage(render=lambda _: {}, **fields(section))
    assert made.provider == provider
    guide = guides.guide(EVENTS, Wishes(provider=provider))
    assert any(EVENTS in step for step in guide.steps)
    said = yaml.safe_load(guide.section)["channels"]["imessage"]
    assert {"provider", *SECTION[provider]} <= {*said, "webhook_secret"}
    assert {*said} <= {*Settings.model_fields}


@pytest.mark.parametrize(
    ("provider", "change", "word"),
    [
        ("sinch", {"app_id": ""}, "sinch needs app_id"),
        ("sinch", {"password": "x"}, "sinch has no use for password"),
        ("sinch", {"provider": "apple"}, "provider"),
        ("sinch", {"region": "mars"}, "region"),
        ("photon", {"url": "http://bridge.example.net"}, "https://"),
        ("photon", {"line": "5551234"}, "line"),
        ("photon", {"webhook_secret": None}, "photon needs webhook_secret"),
        ("bluebubbles", {"url": "http://mac.example.net"}, "https://"),
        ("photon", {"api_url": "http://spectrum.example.net"}, "https://"),
        ("sinch", {"auth_url": "http://auth.example.net"}, "https://"),
        ("bluebubbles", {"webhook_secret": "short"}, "32 or more"),
        ("bluebubbles", {"line": photon.LINE}, "bluebubbles has no use for line"),
    ],
)
def test_a_section_that_cannot_work_is_refused_in_words(
    provider: str, change: dict[str, Any], word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        Settings.model_validate({"provider": provider, **SECTION[provider], **change})


@pytest.mark.parametrize("provider", [*PEERS, "another"])
def test_law_09_an_absent_secret_is_an_error_at_start(provider: str) -> None:
    with pytest.raises(ValueError, match="needs"):
        IMessage(render=lambda _: {}, provider=provider)


def test_where_no_address_of_ours_is_known_it_is_said_that_nothing_is_heard() -> None:
    here = {"bluebubbles": {"url": "http://127.0.0.1:1234"}, "photon": {}, "sinch": {}}
    for provider, more in here.items():
        section = Settings.model_validate({"provider": provider, **SECTION[provider], **more})
        assert bool(section.wants_public_url()) == (provider != "bluebubbles")
    with pytest.raises(ValueError, match="sinch, photon or bluebubbles"):
        guides.guide(EVENTS, Wishes(provider="twilio"))


@every
async def test_law_23_no_secret_is_in_a_repr_or_a_log(
    provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with opened(provider) as (peer, channel):
        await channel.post(at(provider), shown(channel, "pending"), "crd_1")
        peer.break_next(503, None)
        with pytest.raises(Busy) as caught:
            await channel.post(at(provider), shown(channel, "pending"), "crd_2")
        seen = [repr(channel), repr(channel._by), str(caught.value), caplog.text]
    module = MODULES[provider]
    names = ("KEY_SECRET", "WEBHOOK_SECRET", "SECRET", "PASSWORD")
    for secret in (*(getattr(module, x, None) for x in names), *getattr(peer, "tokens", ())):
        assert secret is None or secret not in "".join(seen)


# The whole way


@asynccontextmanager
async def house(store: Store, provider: str) -> Any:
    """dana decides, lee does not; both are reached by iMessage."""
    module = MODULES[provider]
    people = [Person(x, None, {"imessage": getattr(module, x.upper())}) for x in ("dana", "lee")]
    groups = {"default": frozenset({"dana"}), "lunch": frozenset({"lee"})}
    async with PEERS[provider]() as peer:
        desks: Any = (module.make(peer.api),)
        how: Any = {"desks": desks, "people": people, "groups": groups, "clock": Wall()}
        async with open_house(store, **how) as place:
            yield peer, place


async def deliver(place: Place, peer: Any, inbound: Inbound) -> None:
    """Deliver it, and wait for the word that comes back."""
    peer.arrived.clear()
    url = f"{place.url}{inbound.path}{'?' if inbound.query else ''}{inbound.query}"
    async with place.http.post(url, data=inbound.body, headers=dict(inbound.headers)) as answer:
        assert answer.status == 200
    await asyncio.wait_for(peer.arrived.wait(), HANGS)


async def test_law_04_from_a_request_to_a_verdict_by_a_quick_reply(store: Store) -> None:
    async with house(store, "sinch") as (sinch, place):
        request = await place.opened()
        await place.carried()
        bubble_, question = sinch.sent
        assert request["digest"].partition(":")[2][:8] in sinch.text(bubble_)
        now = place.clock
        # A stranger's choice consumes nothing, and the stranger is told.
        await deliver(place, sinch, sinch.press(question, "Approve", imessage.LEE, now()))
        assert [*sinch.sent.values()][-1][0] == imessage.LEE
        assert (await place.case(request["id"])).open
        press = sinch.press(question, "Approve", at=now())
        for _ in range(2):  # delivered twice
            url = f"{place.url}{press.path}"
            async with place.http.post(url, data=press.body, headers=dict(press.headers)) as answer:
                assert answer.status == 200
        case = await place.case(request["id"])
        assert (case.status, [vote.person for vote in case.votes]) == (Status.APPROVED, ["dana"])
        await place.carried()
        ends = [id for id in sinch.sent if "Approved by dana" in sinch.text(id)]
        assert [sinch.sent[id][0] for id in ends] == [imessage.DANA]
        await deliver(place, sinch, sinch.press(question, "Decline", at=now()))
        assert "Approved by dana" in sinch.text([*sinch.sent][-1])


@pytest.mark.parametrize("part", [0, 1])
async def test_law_14_a_question_whose_bubble_did_not_arrive_approves_nothing(
    store: Store, part: int
) -> None:
    async with house(store, "sinch") as (sinch, place):
        request = await place.opened()
        await place.carried()
        first, question = sinch.sent
        lost = sinch.failed((first, question)[part], place.clock())
        url, headers = f"{place.url}{lost.path}", dict(lost.headers)
        async with place.http.post(url, data=lost.body, headers=headers) as answer:
            assert answer.status == 200
        await place.carried()
        await deliver(place, sinch, sinch.press(question, "Approve", at=place.clock()))
        assert (await place.case(request["id"])).open


async def test_law_14_a_bubble_lost_before_its_question_is_sent_is_told_again(store: Store) -> None:
    async with house(store, "sinch") as (sinch, place):
        sinch.gate.clear()
        request = await place.opened()
        carrying = asyncio.create_task(place.carried())
        await asyncio.wait_for(sinch.arrived.wait(), HANGS)
        lost = sinch.failed(*sinch.sent, at=place.clock())
        url, headers = f"{place.url}{lost.path}", dict(lost.headers)
        async with place.http.post(url, data=lost.body, headers=headers) as answer:
            assert answer.status == 503
        sinch.gate.set()
        await carrying
        async with place.http.post(url, data=lost.body, headers=headers) as answer:
            assert answer.status == 200
        _, question = sinch.sent
        await deliver(place, sinch, sinch.press(question, "Approve", at=place.clock()))
        assert (await place.case(request["id"])).open


async def test_law_26_a_card_that_did_not_arrive_goes_by_the_next_way(store: Store) -> None:
    async with SinchPeer() as sinch:
        desk, channel = Desk(), imessage.make(sinch.api)
        dana = Person("dana", None, {"imessage": imessage.DANA, desk.name: "U-dana"})
        how: Any = {"desks": (channel, desk), "people": [dana], "clock": Wall()}
        how |= {"groups": {"default": frozenset({"dana"})}}
        how |= {"rules": (rule("mail", via=("imessage", desk.name)),)}
        async with open_house(store, **how) as place:
            request = await place.opened()
            await place.carried()
            _, question = sinch.sent
            assert desk.of(request["id"]) == []
            failed = body("sinch_failed")
            told = changed(failed, "message_delivery_report", "message_id", to=question)
            inbound = signed(told, place.clock())
            url, headers = f"{place.url}{inbound.path}", dict(inbound.headers)
            async with place.http.post(url, data=inbound.body, headers=headers) as answer:
                assert answer.status == 200
            await place.carried()
            assert len(desk.of(request["id"])) == 1
            # The choices of the card that got lost count for nothing.
            await deliver(place, sinch, sinch.press(question, "Approve", at=place.clock()))
            assert (await place.case(request["id"])).open


async def test_a_choice_on_another_message_approves_nothing(store: Store) -> None:
    async with house(store, "sinch") as (sinch, place):
        request = await place.opened()
        await place.carried()
        bubble_, question = sinch.sent
        token = sinch.buttons(question)["Approve"]
        for elsewhere in (bubble_, "01ANOTHER"):
            told = chosen(token, card=elsewhere, id=f"01TAP{elsewhere[-8:]}")
            await deliver(place, sinch, signed(told, place.clock()))
        assert (await place.case(request["id"])).open


@every
async def test_law_06_a_typed_code_declines_and_never_approves(store: Store, provider: str) -> None:
    module = MODULES[provider]
    async with house(store, provider) as (peer, place):
        request = await place.opened()
        await place.carried()
        code = request["digest"].partition(":")[2][:8]
        for text in (f"approve {code}", "Approve", "yes", "👍"):
            inbound = peer.wrote(text, module.DANA, place.clock())
            url = f"{place.url}{inbound.path}?{inbound.query}"
            async with place.http.post(
                url, data=inbound.body, headers=dict(inbound.headers)
            ) as answer:
                assert answer.status == 200
        await deliver(place, peer, peer.wrote(f"decline {code}", module.LEE, place.clock()))
        assert (await place.case(request["id"])).open
        words = f"Decline {code} not this month"
        await deliver(place, peer, peer.wrote(words, module.DANA, place.clock()))
        case = await place.case(request["id"])
        assert (case.status, case.reason) == (Status.DECLINED, "not this month")
        await place.carried()


@every
async def test_law_02_who_sends_a_code_gets_the_cards(store: Store, provider: str) -> None:
    module = MODULES[provider]
    async with PEERS[provider]() as peer:
        desks: Any = (module.make(peer.api),)
        how: Any = {"desks": desks, "people": [Person("dana")], "clock": Wall()}
        how["groups"] = {"default": frozenset({"dana"})}
        async with open_house(store, **how) as place:
            code = await linking.make_code(
                store, RING, "dana", "imessage", by="x", now=place.clock(), random=os.urandom
            )
            await deliver(place, peer, peer.wrote(f"link {code}", module.DANA, place.clock()))
            await place.opened()
            await place.carried()
            assert len(peer.sent) == 2 + (provider == "sinch")
            assert {account for account, _ in peer.sent.values()} == {module.DANA}
