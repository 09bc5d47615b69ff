"""What is special about Webex. What every channel keeps is in test_channels.py."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.webex import setup
from adapters.webex.adapter import Webex, inert
from adapters.webex.settings import CONSUMER, Settings
from approvals.app.exits import Stop
from approvals.cli import setup as guides
from approvals.model import Address, Busy, Fact, Forged, Malformed, Person, Refused, Status
from approvals.port import Ignored, Notice, NoticeKind, Payload, Reply, Resolved, Tap, resolve
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import (
    AWAY,
    CARDS,
    HOSTILE,
    NOW,
    REASONS,
    card,
    event_of,
    natural,
    strings,
)
from tests.harness.house import Place, open_house, rule, until
from tests.peers.webex import (
    BOT,
    CARD,
    DANA,
    FAR,
    GUEST,
    LEE,
    ORG,
    PEOPLE,
    ROBOT,
    ROOM,
    SECRET,
    TAPPED,
    TOKEN,
    WebexPeer,
    acted,
    delivery,
    direct,
    faults,
    fixture,
    make,
    nodes,
    pressed,
    wrote,
)

CHANNEL = make(AWAY)
HERE = Address("webex", f"person:{DANA}", account=DANA)
THERE = Address("webex", ROOM)


@pytest.fixture
async def webex() -> AsyncIterator[WebexPeer]:
    async with WebexPeer() as peer:
        yield peer


@pytest.fixture
async def channel(webex: WebexPeer) -> AsyncIterator[Webex]:
    made = make(webex.api)
    yield made
    await made.close()


def shown(**changes: Any) -> Payload:
    return CHANNEL.layout(natural(card(**changes), CHANNEL.abilities))


# The card


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were_and_are_adaptive_cards_1_3(state: str) -> None:
    assert faults(on_platforms.as_it_was(CHANNEL, state)) == ""


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_13_a_card_full_of_anything_is_an_adaptive_card_1_3(texts: tuple[str, ...]) -> None:
    for text in {text[:300] for text in texts}:
        for given, payload in on_platforms.full_of(CHANNEL, text):
            assert faults(payload) == "", ascii(text)
            buttons = [one for one in nodes(payload) if one.get("type") == "Action.Submit"]
            assert len(buttons) <= len(given.buttons)


@pytest.mark.parametrize("fill", ["w ", "😀", "<&>", "\n", "\\", "ы "])
@pytest.mark.parametrize("status", [Status.PENDING, Status.APPROVED, Status.DECLINED])
def test_whatever_it_is_full_of_a_card_fits(status: Status, fill: str) -> None:
    assert faults(on_platforms.longest(CHANNEL, status, fill)) == ""


def test_ready_reasons_are_on_the_card_and_give_way_to_what_is_asked() -> None:
    payload = shown(reasons=REASONS)
    assert faults(payload) == ""
    (choices,) = [one["choices"] for one in nodes(payload) if "choices" in one]
    assert [one["title"] for one in choices] == [*REASONS]
    full = {"payload": "x" * 90 + "\n" + "ы" * 3900, "note": "n" * 1400, "title": "t" * 300}
    facts = tuple(Fact("f" * 100, "v" * 500) for _ in range(6))
    crowded = shown(reasons=("ж" * 200,) * 8, facts=facts, **full)
    assert not [one for one in nodes(crowded) if "choices" in one]
    assert "Approve" in [*strings(crowded)]


@pytest.mark.parametrize("text", ["a\nb\n\n  c", "a \n b", *HOSTILE])
def test_every_line_is_an_element_of_its_own(text: str) -> None:
    """It is documented nowhere how a client draws a line break inside a TextRun."""
    payload = shown(payload=text, note=text, title=text, facts=(Fact(text, text),))
    runs = [one["text"] for one in nodes(payload) if one.get("type") == "TextRun"]
    assert not [run for run in runs if "\n" in run or not run]
    lines = [inert(line) if line else "\u200b" for line in text.split("\n")]
    assert "\n".join(runs).count("\n".join(lines)) == 5


@pytest.mark.parametrize("text", ["{{DATE(2017-02-14T06:08:00Z, SHORT)}}", "${payload.amount}"])
def test_law_13_macros_and_template_expressions_are_broken_up(text: str) -> None:
    (said,) = [one for one in strings(shown(title=text)) if one.replace("\u200b", "") == text][:1]
    assert "{{" not in said
    assert "${" not in said


def test_a_template_cannot_send_another_button_or_a_second_card() -> None:
    whole = CHANNEL.render

    def altering(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def render(values: Any) -> Any:
            made = whole(values)
            change(made)
            return made

        return render

    def submit(made: Any) -> None:
        made["attachments"][0]["content"]["selectAction"] = {"type": "Action.Submit"}

    changes: tuple[Callable[[Any], Any], ...] = (
        submit,
        lambda made: made["attachments"].append(made["attachments"][0]),
        lambda made: made.update(markdown="<@all>"),
        lambda made: made["attachments"][0]["content"]["actions"].pop(0),
    )
    for change in changes:
        with pytest.raises(Refused):
            make(AWAY, render=altering(change)).layout(card())


# Who delivers


@pytest.mark.parametrize("how", ["sha1", "sha256", "sha512"])
def test_law_09_only_the_configured_signature_counts(how: str) -> None:
    made, good = make(AWAY, signature=how), pressed(NOW)
    assert made.authenticate(good)
    header = "x-spark-signature" if how == "sha1" else "x-webex-signature"
    whole, mac = good.headers[header], hmac.new(SECRET.encode(), good.body, how).hexdigest()
    assert mac in whole
    others = {name: "" if name == header else value for name, value in good.headers.items()}
    for wrong in (
        "",
        mac[:-1],
        mac.upper(),
        f"{mac}0",
        mac[::-1],
        "é",
        f"SHA-1={mac}",
        f" {mac} x",
    ):
        lame = replace(good, headers={**others, header: whole.replace(mac, wrong)})
        with pytest.raises(Forged):
            made.authenticate(lame)
    for body in (good.body + b" ", good.body.replace(b"submit", b"Submit")):
        with pytest.raises(Forged):
            made.authenticate(replace(good, body=body))
    with pytest.raises(Forged):
        made.authenticate(delivery(fixture("pressed"), NOW, "another-secret"))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"token": " "}, "needs token"),
        ({"webhook_secret": ""}, "needs webhook_secret"),
        ({"org_id": ""}, "needs org_id"),
        ({"signature": "md5"}, "signature is one of"),
    ],
)
def test_law_09_what_cannot_work_is_said_at_once(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make(AWAY, **given)


def test_the_section_refuses_what_is_not_safe() -> None:
    sound: dict[str, Any] = {"token": "t", "webhook_secret": "s" * 32, "org_id": ORG}
    assert Settings(**sound).api_url == "https://webexapis.com/v1/"
    for wrong, why in (
        ({"webhook_secret": "short"}, "32 characters"),
        ({"org_id": CONSUMER}, "anybody can be in it"),
        ({"org_id": f"{CONSUMER}=="}, "anybody can be in it"),
        ({"api_url": "http://webex.example.com/v1/"}, "https"),
        ({"signature": "md5"}, "sha1"),
    ):
        with pytest.raises(ValidationError, match=why):
            Settings(**{**sound, **wrong})


# A press


async def test_law_09_only_the_fetched_action_counts(webex: WebexPeer, channel: Webex) -> None:
    """The delivery names lee, another message and a token; Webex knows better."""
    ref = await channel.post(HERE, shown(), "crd_1")
    good = webex.press(ref.message, "Approve", DANA)
    (id,) = webex.actions
    lies = {"id": id, "personId": LEE, "messageId": CARD, "roomId": ROOM, "inputs": {"token": "x"}}
    told = delivery({**fixture("pressed"), "actorId": LEE, "data": lies}, NOW)
    for inbound in (good, told):
        tap = on_platforms.tapped(await event_of(channel, inbound))
        assert (tap.account, tap.conversation) == (DANA, HERE.conversation)
        assert (tap.message, tap.token, tap.event) == (ref.message, "Q" * 20, id)
        assert (tap.stranger, tap.reason, tap.ready) == (None, None, None)
        assert tap.echo == channel.echo(shown())


async def test_law_09_what_webex_does_not_know_of_is_ignored(
    webex: WebexPeer, channel: Webex
) -> None:
    """No error either: anybody can write to the bot and delete it at once, and Webex switches off a
    webhook that answers with many errors."""
    ref = await channel.post(THERE, shown(), "crd_1")
    theirs = {**webex.messages[ref.message], "personId": LEE}
    webex.messages["A" * 20] = theirs
    for inbound in (
        pressed(NOW, id="B" * 20),
        pressed(NOW, id="../people/me"),
        acted("no message", NOW, messageId="B" * 20),
        acted("no person", NOW, personId="B" * 20),
        acted("no ids", NOW, messageId=None, personId=7),
        acted("another's message", NOW, messageId="A" * 20),
        acted("another room", NOW, messageId=ref.message, roomId=direct(DANA)),
        delivery({**fixture("written"), "data": {"id": "B" * 20, "roomType": "direct"}}, NOW),
    ):
        assert isinstance(await event_of(channel, inbound), Ignored), inbound.body
    for status in (400, 403, 404, 410):
        webex.break_next(status, None)
        assert isinstance(await event_of(channel, pressed(NOW)), Ignored)


def test_law_09_nothing_is_read_that_was_not_fetched() -> None:
    for inbound in (pressed(NOW), wrote(NOW, "link CS-1")):
        with pytest.raises(Malformed):
            CHANNEL.read(Resolved.of(CHANNEL.authenticate(inbound)))


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (DANA, None),
        (FAR, "of another organisation"),
        (ROBOT, "not a person's account"),
        (GUEST, "not a person's account"),
    ],
    ids=("dana", "far", "robot", "guest"),
)
async def test_law_02_bots_guests_and_other_organisations_are_strangers(
    channel: Webex, who: str, why: str | None
) -> None:
    tap = await event_of(channel, acted(f"by {who}", NOW, personId=who))
    assert on_platforms.tapped(tap).stranger == why
    reply = await event_of(channel, wrote(NOW, "link CS-1", who=who))
    assert isinstance(reply, Reply)
    assert (reply.stranger, reply.conversation) == (why, f"person:{who}")


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.update(text="Pay 12.40 EUR · low risk"),
        lambda kept: kept.update(markdown="**Pay 12.40 EUR**"),
        lambda kept: kept.update(files=["https://webexapis.com/v1/contents/x"]),
        lambda kept: _body(kept)[0]["inlines"][0].update(text="Pay 12.40 EUR"),
        lambda kept: _body(kept).pop(),
        lambda kept: _body(kept)[0].update(isVisible=False),
        lambda kept: _body(kept)[0].update(isVisible="false"),
        lambda kept: kept["attachments"][0]["content"]["actions"][0].update(title="Decline"),
        lambda kept: kept["attachments"][0]["content"]["actions"].reverse(),
    ],
)
async def test_law_07_a_card_that_somebody_changed_has_another_echo(
    webex: WebexPeer, channel: Webex, change: Callable[[Any], Any]
) -> None:
    ref = await channel.post(THERE, shown(), "crd_1")
    inbound = webex.press(ref.message, "Approve", DANA)
    assert on_platforms.tapped(await event_of(channel, inbound)).echo == channel.echo(shown())
    change(webex.messages[ref.message])
    assert on_platforms.tapped(await event_of(channel, inbound)).echo != channel.echo(shown())


def _body(kept: Any) -> Any:
    return kept["attachments"][0]["content"]["body"]


async def test_law_07_what_nobody_can_see_changes_no_echo(webex: WebexPeer) -> None:
    channel = make(webex.api)
    ref = await channel.post(THERE, shown(), "crd_1")
    kept = webex.messages[ref.message]
    _body(kept)[0].update(isVisible=None, id="")
    _body(kept)[0]["inlines"][0]["text"] += " "
    kept.update(html="<p>Pay</p>", updated="2026-01-02T03:57:00.000Z", isVoiceClip=False)
    tap = on_platforms.tapped(await event_of(channel, webex.press(ref.message, "Approve", DANA)))
    assert tap.echo == channel.echo(shown())
    await channel.close()


async def test_a_decline_brings_its_reason_and_an_approval_none(
    webex: WebexPeer, channel: Webex
) -> None:
    ref = await channel.post(THERE, shown(reasons=REASONS), "crd_1")
    entered: dict[str, Any] = {"reason": "Too much " * 100, "ready": "1"}
    inbound = webex.press(ref.message, "Decline", DANA, **entered)
    tap = on_platforms.tapped(await event_of(channel, inbound))
    assert (tap.token, tap.ready, tap.reason) == ("R" * 20, 1, entered["reason"][:500])
    bare = on_platforms.tapped(await event_of(channel, webex.press(ref.message, "Decline", DANA)))
    assert (bare.ready, bare.reason) == (None, None)
    # Some clients gather every input of a card, whatever the button says of that.
    everything = acted("approve", NOW, inputs={"token": TAPPED, **entered})
    tap = on_platforms.tapped(await event_of(channel, everything))
    assert (tap.token, tap.ready, tap.reason) == (TAPPED, None, None)
    both = acted("both", NOW, inputs={"token": TAPPED, "declines": "R" * 20})
    assert isinstance(await event_of(channel, both), Ignored)


async def test_law_26_a_press_that_cannot_be_fetched_is_told_to_come_again(
    webex: WebexPeer, channel: Webex
) -> None:
    away = make(AWAY)
    with pytest.raises(Busy):
        await resolve(away, away.authenticate(pressed(NOW)))
    await away.close()
    for status in (401, 423, 429, 500, 502):
        webex.break_next(status, 3)
        with pytest.raises(Busy) as caught:
            await event_of(channel, pressed(NOW))
        assert caught.value.retry_after == (None if status == 401 else 3000)
    assert isinstance(await event_of(channel, pressed(NOW)), Tap)


# Sending


async def test_a_person_is_found_by_address_or_id(webex: WebexPeer, channel: Webex) -> None:
    assert await channel.open("Dana@example.com".lower()) == HERE
    assert await channel.open(DANA) == HERE
    for other in (
        FAR,
        ROBOT,
        GUEST,
        BOT,
        "nobody@example.com",
        "far@example.com",
        "A" * 40,
        "dana",
    ):
        with pytest.raises(Refused):
            await channel.open(other)


async def test_a_card_goes_to_a_person_in_a_room_of_the_two_which_nobody_had_to_open(
    webex: WebexPeer, channel: Webex
) -> None:
    ref = await channel.post(HERE, shown(), "crd_1")
    assert (ref.conversation, ref.altered) == (HERE.conversation, ())
    assert webex.messages[ref.message]["roomId"] == direct(DANA)
    # After a restart the room has to be asked for.
    fresh = make(webex.api)
    for other in (channel, fresh, fresh):
        assert await other.redraw(ref, other.layout(CARDS["expired"])) == ref
    assert webex.calls.count(f"GET messages/{ref.message}") == 1
    assert "actions" not in webex.card(ref.message) or not webex.card(ref.message)["actions"][1:]
    await fresh.close()


@pytest.mark.parametrize("address", [HERE, THERE], ids=("a person", "a room"))
async def test_after_ten_edits_a_card_is_deleted_and_posted_again(
    webex: WebexPeer, channel: Webex, address: Address
) -> None:
    ref = first = await channel.post(address, shown(), "crd_1")
    for number in range(23):
        changed = shown(progress=f"Needs {number} more.")
        ref = await channel.redraw(ref, changed)
        assert [*webex.messages] == [ref.message]
        tap = await event_of(channel, webex.press(ref.message, "Approve", DANA))
        assert on_platforms.tapped(tap).echo == channel.echo(changed)
        assert on_platforms.tapped(tap).conversation == ref.conversation == address.conversation
    assert ref != first
    assert (webex.calls.count("POST messages"), len(webex.edits)) == (3, 3)


@pytest.mark.parametrize("status", [403, 405, 413])
async def test_law_03_a_card_that_may_not_be_edited_for_any_reason_still_says_how_it_ended(
    webex: WebexPeer, channel: Webex, status: int
) -> None:
    """With which status Webex refuses an edit is documented nowhere."""
    ref = await channel.post(THERE, shown(), "crd_1")
    webex.break_next(status, None)
    now_at = await channel.redraw(ref, channel.layout(CARDS["declined"]))
    assert [*webex.messages] == [now_at.message] != [ref.message]


async def test_who_the_bot_is_is_asked_again_until_webex_says_it(
    webex: WebexPeer, channel: Webex
) -> None:
    ref = await channel.post(THERE, shown(), "crd_1")
    inbound = webex.press(ref.message, "Approve", DANA)
    id = PEOPLE[BOT].pop("id")
    try:
        with pytest.raises(Busy):
            await event_of(channel, inbound)
    finally:
        PEOPLE[BOT]["id"] = id
    assert isinstance(await event_of(channel, inbound), Tap)


@pytest.mark.parametrize("how", ["as documented", "the text alone is edited", "it is gone"])
async def test_where_a_card_is_not_edited_it_is_posted_again_and_keeps_no_buttons(
    webex: WebexPeer, channel: Webex, how: str
) -> None:
    ref = await channel.post(HERE, shown(), "crd_1")
    webex.edits_cards, webex.drops_cards = how != "as documented", how.startswith("the text")
    if how == "it is gone":
        del webex.messages[ref.message]
    now_at = await channel.redraw(ref, channel.layout(CARDS["expired"]))
    assert [*webex.messages] == [now_at.message] != [ref.message]
    assert now_at.conversation == ref.conversation
    assert not [one for one in nodes(webex.card(now_at.message)) if "data" in one]


async def test_law_26_a_card_that_is_being_posted_again_when_webex_goes_away_is_posted_later(
    webex: WebexPeer, channel: Webex
) -> None:
    """Deleted, and then nobody is there: the next try posts it, once."""
    ref = await channel.post(HERE, shown(), "crd_1")
    webex.edits[ref.message] = 10
    ended = channel.layout(CARDS["declined"])
    calls = len(webex.calls)
    webex.break_next(400, None)  # the edit
    webex.break_next(503, 1)  # the deletion
    with pytest.raises(Busy):
        await channel.redraw(ref, ended)
    await channel._api.call("DELETE", f"messages/{ref.message}")
    webex.break_next(404, None)  # the edit
    webex.break_next(404, None)  # the deletion
    webex.break_next(429, 5)  # the post
    with pytest.raises(Busy):
        await channel.redraw(ref, ended)
    now_at = await channel.redraw(ref, ended)
    assert [*webex.messages] == [now_at.message]
    assert [one.split()[0] for one in webex.calls[calls:]] == [
        *("PUT", "DELETE"), "DELETE", *("PUT", "DELETE", "POST"), *("PUT", "DELETE", "POST"),
    ]  # fmt: skip


async def test_law_07_what_webex_stores_otherwise_is_known_at_once(
    webex: WebexPeer, channel: Webex
) -> None:
    create = webex._create

    def altering(sent: Any) -> Any:
        sent["attachments"][0]["content"]["body"][0]["inlines"][0]["text"] = "Pay 12.40 EUR"
        return create(sent)

    webex._create = altering  # type: ignore[method-assign] # as the platform might
    ref = await channel.post(THERE, shown(), "crd_1")
    assert [one.path for one in ref.altered] == ["$.attachments[0].content.body[0].inlines[0].text"]


async def test_a_room_or_a_person_that_the_bot_cannot_write_to_is_refused(
    webex: WebexPeer, channel: Webex
) -> None:
    for place in (Address("webex", direct(LEE)), Address("webex", f"person:{'A' * 40}")):
        with pytest.raises(Refused, match="404 ROUTER_67A1-01BB"):
            await channel.post(place, shown(), "crd_1")


async def test_law_26_a_token_that_webex_refuses_is_nobodys_fault(
    webex: WebexPeer, caplog: pytest.LogCaptureFixture
) -> None:
    channel = make(webex.api, token="another-token")
    with pytest.raises(Busy):
        await channel.post(THERE, shown(), "crd_1")
    assert "platform_refused_app" in caplog.text
    assert await on_platforms.found(channel) == {"token": False}


async def test_a_private_word_goes_to_the_one_who_tapped_and_never_into_the_room(
    webex: WebexPeer, channel: Webex
) -> None:
    ref = await channel.post(THERE, shown(), "crd_1")
    tap = on_platforms.tapped(await event_of(channel, webex.press(ref.message, "Approve", FAR)))
    await channel.tell(tap, Notice(NoticeKind.COUNTED, "Approved."))
    await channel.tell(tap, Notice(NoticeKind.REFUSED, "You cannot approve here."))
    _, said = webex.messages.values()
    assert (said["roomId"], said["text"]) == (direct(FAR), "You cannot approve here.")
    assert channel.answer(tap, Notice(NoticeKind.REFUSED, "no")) is None


# Set-up


async def test_check_looks_at_token_webhooks_and_clock(webex: WebexPeer) -> None:
    async def checked(*hooks: tuple[str, str, dict[str, Any]]) -> dict[str, bool]:
        webex.hooks = [
            {"resource": resource, "event": event, "status": "active", "secret": SECRET, **more}
            for resource, event, more in hooks
        ]
        return await on_platforms.found(make(webex.api))

    base = {"token": True, "clock": True}
    nothing: dict[str, Any] = {}
    taps, words = ("attachmentActions", "created", nothing), ("messages", "created", nothing)
    name = "what people write"
    assert await checked(taps, words) == {**base, "taps": True, name: True}
    assert await checked(("all", "all", {})) == {**base, "taps": True, name: True}
    assert await checked(words) == {**base, "taps": False, name: True}
    off = (*taps[:2], {"status": "inactive"})
    assert await checked(off) == {**base, "taps": False, name: False}
    other = (*taps[:2], {"secret": "another"})
    assert (await checked(taps, other))["taps"] is False
    PEOPLE[BOT]["type"] = "person"
    try:
        assert (await checked(taps))["token"] is False
    finally:
        PEOPLE[BOT]["type"] = "bot"


async def test_what_setup_tells_webex_is_what_check_looks_for(
    webex: WebexPeer, channel: Webex
) -> None:
    given: dict[str, Any] = {"token": TOKEN, "webhook_secret": SECRET, "org_id": ORG}
    section = Settings(**given, api_url=webex.api)
    url = "https://approve.example.com/channels/webex/events"
    order = setup.order(section, url)
    assert order is not None
    await guides.give(order)
    assert [hook["targetUrl"] for hook in webex.hooks] == [url, url]
    found = await on_platforms.found(make(webex.api))
    assert found == {"token": True, "taps": True, "what people write": True, "clock": True}
    webex.break_next(403, None)
    with pytest.raises(Stop, match="Webex refuses: no; it exists already"):
        await guides.give(order)
    for gone in (0, 1):  # what is there does not keep out what is missing
        del webex.hooks[gone]
        with pytest.raises(Stop, match="Webex refuses: it exists already"):
            await guides.give(order)
        assert {hook["resource"] for hook in webex.hooks} == {"attachmentActions", "messages"}
    where = {one.detail for one in await channel.check() if one.ok}
    assert f"delivered to {url}" in where
    assert setup.order(section, None) is None
    assert TOKEN not in repr(order)
    assert SECRET not in repr(order)


# In the house


async def card_of(place: Place, request_id: str) -> str:
    (row,) = await place.store.cards_of(request_id)
    assert row.message is not None
    return row.message


async def test_a_whole_approval_in_a_room_and_a_decline_with_a_reason(
    store: Store, webex: WebexPeer
) -> None:
    channel = make(webex.api)
    async with on_platforms.house(store, channel, dana=DANA, lee=LEE, room=ROOM) as place:
        url, now = f"{place.url}/channels/webex/events", place.clock
        first, second = await place.opened("room.a"), await place.opened("room.b")
        await place.carried()
        one, other = await card_of(place, first["id"]), await card_of(place, second["id"])
        stranger = webex.press(one, "Approve", LEE, now())
        assert await webex.deliver(url, stranger) == (200, b"")
        await until(lambda: said(webex, LEE))
        assert "not an approver" in said(webex, LEE)[-1]
        approving = webex.press(one, "Approve", DANA, now())
        answers = await asyncio.gather(*(webex.deliver(url, approving) for _ in range(3)))
        assert {status for status, _ in answers} == {200}
        declining = webex.press(other, "Decline", DANA, now(), reason="Not this month")
        assert await webex.deliver(url, declining) == (200, b"")
        await place.carried()
        assert (await place.read(first["id"]))["status"] == "approved"
        declined = await place.read(second["id"])
        assert (declined["status"], declined["reason"]) == ("declined", "Not this month")
        forged = replace(approving, headers={**approving.headers, "x-spark-signature": "0" * 40})
        assert (await webex.deliver(url, forged))[0] == 401
        for message in (one, other):
            assert not [node for node in nodes(webex.card(message)) if "data" in node]
        await channel.close()


def said(webex: WebexPeer, who: str) -> list[str]:
    """What the bot wrote to this account alone, cards left out."""
    return [
        kept["text"]
        for kept in webex.messages.values()
        if kept["roomId"] == direct(who) and not kept.get("attachments")
    ]


async def test_law_07_a_changed_card_approves_nothing_and_a_fresh_one_comes(
    store: Store, webex: WebexPeer
) -> None:
    channel = make(webex.api)
    async with on_platforms.house(store, channel, dana=DANA, lee=LEE, room=ROOM) as place:
        request = await place.opened("room.a")
        await place.carried()
        message = await card_of(place, request["id"])
        _body(webex.messages[message])[0]["inlines"][0]["text"] = "Lunch"
        inbound = webex.press(message, "Approve", DANA, place.clock())
        assert await webex.deliver(f"{place.url}/channels/webex/events", inbound) == (200, b"")
        await until(lambda: said(webex, DANA))
        assert "isn't the card we sent" in said(webex, DANA)[-1]
        assert (await place.read(request["id"]))["status"] == "pending"
        await place.carried()
        assert len(await place.store.cards_of(request["id"])) == 2
        await channel.close()


async def test_people_are_found_by_address_and_a_card_that_moved_takes_their_taps(
    store: Store, webex: WebexPeer
) -> None:
    """Two decide, each in a chat of their own; this Webex edits no card, as its pages say."""
    webex.edits_cards, channel = False, make(webex.api)
    people = [
        Person(name, f"{name}@example.com", groups=frozenset({"default"}))
        for name in ("dana", "lee")
    ]
    groups = {"default": frozenset({"dana", "lee"})}
    rules = (rule("both", quorum=(("default", 2),)),)
    desks: Any = (channel,)
    async with open_house(store, desks=desks, people=people, groups=groups, rules=rules) as place:
        url, now = f"{place.url}/channels/webex/events", place.clock
        request = await place.opened("both.pay")
        await place.carried()
        theirs = {kept["toPersonId"]: id for id, kept in webex.messages.items()}
        assert {*theirs} == {DANA, LEE}
        old = webex.press(theirs[LEE], "Approve", LEE, now())
        await webex.deliver(url, webex.press(theirs[DANA], "Approve", DANA, now()))
        await place.carried()
        moved = {kept["toPersonId"]: id for id, kept in webex.messages.items()}
        assert not {*moved.values()} & {*theirs.values()}
        assert "dana approved" in " ".join(strings(webex.card(moved[LEE])))
        await webex.deliver(url, old)  # Webex has no such message any more
        assert (await place.read(request["id"]))["status"] == "pending"
        await webex.deliver(url, webex.press(moved[LEE], "Approve", LEE, now()))
        await place.carried()
        assert (await place.read(request["id"]))["status"] == "approved"
        assert len(webex.messages) == 2
        for message in webex.messages:
            assert not [node for node in nodes(webex.card(message)) if "data" in node]
        await channel.close()


async def test_law_02_a_code_written_to_the_bot_alone_links_the_account_and_one_declines(
    store: Store, webex: WebexPeer
) -> None:
    channel = make(webex.api)
    async with on_platforms.house(store, channel, dana=DANA, lee=LEE, room=ROOM) as place:
        url = f"{place.url}/channels/webex/events"
        request = await place.opened("room.a")
        await place.carried()
        message = await card_of(place, request["id"])
        digest = next(one for one in strings(webex.card(message)) if one.startswith("Digest "))
        words = f"decline {digest.removeprefix('Digest ')} too much"
        for who, kind in ((LEE, "direct"), (DANA, "group"), (BOT, "direct")):
            await webex.deliver(url, wrote(place.clock(), words, who=who, kind=kind))
        assert (await place.read(request["id"]))["status"] == "pending"
        await webex.deliver(url, wrote(place.clock(), words))
        await place.carried()
        declined = await place.read(request["id"])
        assert (declined["status"], declined["reason"]) == ("declined", "too much")
        await channel.close()
