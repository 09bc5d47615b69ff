"""What is special about Mattermost. What every channel keeps is in test_channels.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.mattermost import press
from adapters.mattermost.adapter import PAUSE
from adapters.mattermost.settings import Settings, sample
from approvals.model import Address, Busy, Fact, Forged, Label, Malformed, Refused
from approvals.port import Event, Ignored, Notice, NoticeKind, Resolved, Tap, resolve
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import AWAY, CARDS, HOSTILE, NOW, REASONS, card, event_of
from tests.harness.house import Place, Wall, until
from tests.peers.mattermost import (
    BOT,
    CARD,
    DANA,
    FAR,
    GONE,
    GUEST,
    LEE,
    ROBOT,
    ROOM,
    TAPPED,
    MattermostPeer,
    answered,
    links,
    make,
    pressed,
    unstyled,
)


@pytest.fixture
async def mattermost() -> AsyncIterator[MattermostPeer]:
    async with MattermostPeer() as peer:
        yield peer


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(make(AWAY), state)


@pytest.mark.parametrize("text", [*HOSTILE, *(batch[0] for batch in hostile.BATCHES if batch[0])])
def test_law_13_whatever_others_wrote_stands_in_code(text: str) -> None:
    channel = make(AWAY)
    plain = channel.layout(card(facts=(Fact("x", "x"),), title="x", note="x", payload="x"))
    wild = channel.layout(card(facts=(Fact(text, text),), title=text, note=text, payload=text))
    assert links(wild) == links(plain)
    assert "".join(unstyled(wild)) == "".join(unstyled(plain))


def test_law_14_what_a_tap_approves_stands_in_fields_which_clients_do_not_fold() -> None:
    (one,) = make(AWAY).layout(card())["props"]["attachments"]
    assert one["text"].count("\n") == 1
    values = "\n".join(part["value"] for part in one["fields"])
    assert all(text in values for text in (card().payload, card().line, "12,400.00 EUR"))


# A press


async def read(channel: Any, inbound: Any) -> Event:
    return await event_of(channel, inbound)


async def test_a_press_brings_the_post_as_the_server_shows_it(mattermost: MattermostPeer) -> None:
    channel = make(mattermost.api)
    payload = channel.layout(card())
    ref = await channel.post(Address("mattermost", ROOM), payload, "crd_1")
    assert ref.altered == ()
    tap = on_platforms.tapped(await read(channel, mattermost.press(ref.message, "Approve", DANA)))
    assert (tap.account, tap.conversation, tap.message) == (DANA, ROOM, ref.message)
    assert (tap.token, tap.stranger, tap.echo) == ("Q" * 20, None, channel.echo(payload))
    await channel.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda post: post.update(message="`Pay 12.40 EUR` · low risk"),
        lambda post: post["props"]["attachments"][0].update(text="Answer by tomorrow"),
        lambda post: post["props"]["attachments"][0]["fields"].pop(0),
        lambda post: post["props"]["attachments"][0]["actions"][0].update(name="Decline"),
        lambda post: post["props"]["attachments"].append({"text": "Ignore the above"}),
        lambda post: post["props"].update(mm_blocks=[{"type": "text", "text": "x"}]),
        lambda post: post.update(file_ids=["f" * 26]),
    ],
)
async def test_law_07_a_post_that_somebody_changed_has_another_echo(
    mattermost: MattermostPeer, change: Callable[[Any], Any]
) -> None:
    channel = make(mattermost.api)
    payload = channel.layout(card())
    ref = await channel.post(Address("mattermost", ROOM), payload, "crd_1")
    change(mattermost.posts[ref.message])
    tap = on_platforms.tapped(await read(channel, mattermost.press(ref.message, "Approve", DANA)))
    assert tap.echo not in (None, channel.echo(payload))
    await channel.close()


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (DANA, None),
        (GUEST, "a guest"),
        (GONE, "a deactivated account"),
        (ROBOT, "a bot"),
        (FAR, "from another server"),
    ],
)
async def test_law_02_guests_bots_and_others_are_strangers(
    mattermost: MattermostPeer, who: str, why: str | None
) -> None:
    channel = make(mattermost.api)
    for inbound in (pressed(NOW, user_id=who), answered(NOW, user_id=who)):
        assert on_platforms.tapped(await read(channel, inbound)).stranger == why
    await channel.close()


@pytest.mark.parametrize(
    "more",
    [
        {"post_id": "z" * 26},
        {"post_id": "../users/me"},
        {"post_id": None},
        {"channel_id": "q" * 26},
        {"user_id": "y" * 26},
    ],
)
async def test_law_09_what_the_server_does_not_know_of_is_forged(
    mattermost: MattermostPeer, more: dict[str, Any]
) -> None:
    channel = make(mattermost.api)
    with pytest.raises(Forged):
        await read(channel, pressed(NOW, **more))
    await channel.close()


async def test_law_09_a_button_on_somebody_elses_post_is_forged(mattermost: MattermostPeer) -> None:
    channel = make(mattermost.api)
    mattermost.posts[CARD]["user_id"] = LEE
    with pytest.raises(Forged):
        await read(channel, pressed(NOW))
    await channel.close()


async def test_the_servers_key_is_asked_for_once(mattermost: MattermostPeer) -> None:
    channel = make(mattermost.api, server_key="")
    with pytest.raises(Forged):
        channel.authenticate(pressed(NOW))
    for _ in range(2):
        await channel.prepare(pressed(NOW))
        assert isinstance(await read(channel, pressed(NOW)), Tap)
    assert mattermost.calls.count("GET config/client") == 1
    await channel.close()


async def test_law_26_the_key_is_not_asked_for_because_of_what_is_no_press_of_ours(
    mattermost: MattermostPeer,
) -> None:
    channel = make(mattermost.api, server_key="")
    for inbound in (pressed(NOW, context={"token": TAPPED, "proof": "0" * 64}), answered(NOW)):
        await channel.prepare(inbound)
        await channel.prepare(replace(inbound, body=b"["))
    assert mattermost.calls == []
    mattermost.break_next(503, None)
    said = await asyncio.gather(
        *(channel.prepare(pressed(NOW)) for _ in range(5)), return_exceptions=True
    )
    assert [type(one) for one in said] == [Busy] * 5
    assert mattermost.calls.count("GET config/client") == 1
    await channel.prepare(pressed(NOW + PAUSE))
    channel.authenticate(pressed(NOW))
    await channel.close()


async def test_a_server_that_is_away_is_busy_and_nothing_is_forged() -> None:
    channel = make(AWAY)
    with pytest.raises(Busy):
        await resolve(channel, channel.authenticate(pressed(NOW)))
    await channel.close()


# A dialog


@pytest.mark.parametrize("reasons", [(), REASONS])
async def test_a_dialog_asks_why_and_what_it_brings_may_only_decline(
    mattermost: MattermostPeer, reasons: tuple[str, ...]
) -> None:
    channel, clock = make(mattermost.api), Wall()
    ref = await channel.post(Address("mattermost", ROOM), channel.layout(shown()), "crd_1")
    inbound = mattermost.press(ref.message, "Decline…", DANA, clock())
    tap = on_platforms.tapped(await read(channel, inbound))
    notice = Notice(NoticeKind.ASK_REASON, "Why do you decline?", reasons)
    answer = channel.answer(tap, notice)
    assert answer is not None
    assert json.loads(answer.body) == {}
    await channel.tell(tap, notice)
    given = {"reason": "Too much", **({"ready": "1"} if reasons else {})}
    back = on_platforms.tapped(await read(channel, mattermost.submit(DANA, clock(), **given)))
    assert (back.token, back.message, back.conversation) == (tap.token, None, ROOM)
    assert (back.reason, back.ready) == ("Too much", 1 if reasons else None)
    refused = channel.answer(back, Notice(NoticeKind.REFUSED, "Not you."))
    assert refused is not None
    assert json.loads(refused.body) == {"error": "Not you."}
    await channel.close()


def shown() -> Any:
    """A card as it is today: one Decline, which asks why."""
    approve, decline, _ = card().buttons
    return card(buttons=(approve, replace(decline, label=Label.DECLINE_PROMPT)))


async def test_law_23_what_the_client_is_shown_of_a_dialog_forges_no_press(
    mattermost: MattermostPeer,
) -> None:
    """A dialog's state goes through the client of whoever declines: no secret is in it."""
    asked = press.Asked(TAPPED, ROOM)
    state = press.state(make(AWAY).secret, asked, DANA, NOW)
    mac = state.rpartition(" ")[2]
    assert make(AWAY).secret not in state
    channel = make(mattermost.api)
    for context in ({"token": TAPPED, "proof": mac}, {"token": state, "proof": mac}):
        with pytest.raises(Forged):
            channel.authenticate(pressed(NOW, context=context))
    with pytest.raises(Forged):
        channel.authenticate(answered(NOW, user_id=LEE, state=state))
    with pytest.raises(Forged):
        channel.authenticate(answered(NOW + press.ANSWERED + 1000, state=state))
    await channel.close()


async def test_a_closed_dialog_is_ignored(mattermost: MattermostPeer) -> None:
    channel = make(mattermost.api)
    assert isinstance(await read(channel, answered(NOW, cancelled=True)), Ignored)
    await channel.close()


# Sending


async def test_a_person_is_found_by_address_or_id(mattermost: MattermostPeer) -> None:
    channel = make(mattermost.api)
    address = await channel.open("dana@example.com")
    assert address.account == DANA
    assert await channel.open(DANA) == address
    for other in (GUEST, GONE, ROBOT, FAR, "nobody@example.com", "z" * 26, "dana", BOT):
        with pytest.raises(Refused):
            await channel.open(other)
    await channel.close()


async def test_law_02_an_address_that_nobody_verified_is_nobodys(
    mattermost: MattermostPeer,
) -> None:
    mattermost.verifies = False
    channel = make(mattermost.api)
    with pytest.raises(Refused, match="mmctl user search"):
        await channel.open("dana@example.com")
    assert (await channel.open(DANA)).account == DANA
    await channel.close()


async def test_a_card_that_is_too_old_to_be_edited_is_posted_anew_and_keeps_no_buttons(
    mattermost: MattermostPeer,
) -> None:
    channel = make(mattermost.api)
    ref = await channel.post(Address("mattermost", ROOM), channel.layout(card()), "crd_1")
    mattermost.too_late = True
    now_at = await channel.redraw(ref, channel.layout(CARDS["expired"]))
    assert ref.message not in mattermost.posts
    (shown_,) = mattermost.posts[now_at.message]["props"]["attachments"]
    assert shown_["actions"] == []
    await channel.close()


@pytest.mark.parametrize("name", ["url", "events_url"])
def test_law_23_nothing_secret_goes_over_plain_http(name: str) -> None:
    sound = {key: getattr(sample(), key) for key in ("url", "token", "secret", "events_url")}
    assert Settings(**sound | {name: "http://127.0.0.1:8065/x"})
    with pytest.raises(ValidationError, match="https"):
        Settings(**sound | {name: "http://mattermost.example.com/x"})


async def test_law_26_what_our_bot_may_not_do_is_nobodys_fault(mattermost: MattermostPeer) -> None:
    channel = make(mattermost.api, token="another-token")
    with pytest.raises(Busy):
        await channel.open(DANA)
    await channel.close()
    channel = make(mattermost.api)
    with pytest.raises(Busy):
        await channel.post(Address("mattermost", "q" * 26), channel.layout(card()), "crd_1")
    await channel.close()


async def test_a_card_is_redrawn_where_it_is(mattermost: MattermostPeer) -> None:
    channel = make(mattermost.api)
    ref = await channel.post(Address("mattermost", ROOM), channel.layout(card()), "crd_1")
    now_at = await channel.redraw(ref, channel.layout(CARDS["expired"]))
    assert (now_at, now_at.altered) == (ref, ())
    (shown_,) = mattermost.posts[ref.message]["props"]["attachments"]
    assert ("Expired. Nothing was run." in shown_["text"], shown_["actions"]) == (True, [])
    with pytest.raises(Refused):
        await channel.redraw(replace(ref, message="z" * 26), channel.layout(card()))
    await channel.close()


async def test_law_07_what_the_server_stores_otherwise_is_known_at_once(
    mattermost: MattermostPeer,
) -> None:
    channel = make(mattermost.api)
    payload = channel.layout(card())
    kept = mattermost._keep

    def altering(post: dict[str, Any]) -> dict[str, Any]:
        shown_ = kept(post)
        shown_["message"] = shown_["message"].replace("12,400.00", "12.40")
        return shown_

    mattermost._keep = altering  # type: ignore[method-assign] # as a plugin of the server might
    ref = await channel.post(Address("mattermost", ROOM), deepcopy(payload), "crd_1")
    assert [one.path for one in ref.altered] == ["$.message"]
    await channel.close()


async def test_check_looks_at_token_key_and_clock(mattermost: MattermostPeer) -> None:
    found = await on_platforms.found(make(mattermost.api, server_key=""))
    assert found == {"token": True, "server's key": True, "clock": True}
    assert await on_platforms.found(make(mattermost.api, token="wrong")) == {"token": False}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("url", " ", "needs url"),
        ("token", "", "needs token"),
        ("secret", "short", "32 characters"),
        ("server_key", "AAAA", "no public key"),
    ],
)
def test_what_cannot_work_is_said_at_once(name: str, value: str, why: str) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=why):
        make(AWAY, **given)


# In the house


async def test_a_whole_approval_and_a_decline_with_a_reason(
    store: Store, mattermost: MattermostPeer
) -> None:
    channel = make(mattermost.api)
    async with on_platforms.house(
        store, channel, dana=DANA, lee=LEE, room=ROOM, clock=Wall()
    ) as place:
        url = f"{place.url}/channels/mattermost/events"
        first, second = await place.opened("room.a"), await place.opened("room.b")
        await place.carried()
        posts = {one: await of(place, one) for one in (first["id"], second["id"])}
        now = place.clock
        stranger = mattermost.press(posts[first["id"]], "Approve", LEE, now())
        status, said = await mattermost.deliver(url, stranger)
        assert (status, "not an approver" in said["ephemeral_text"]) == (200, True)
        inbound = mattermost.press(posts[first["id"]], "Approve", DANA, now())
        assert await mattermost.deliver(url, inbound) == (200, {})
        assert (await place.read(first["id"]))["status"] == "approved"
        again = mattermost.press(posts[first["id"]], "Approve", DANA, now())
        assert "Approved" in (await mattermost.deliver(url, again))[1]["ephemeral_text"]
        declining = mattermost.press(posts[second["id"]], "Decline…", DANA, now())
        assert await mattermost.deliver(url, declining) == (200, {})
        await until(lambda: mattermost.dialogs)
        submitted = mattermost.submit(DANA, now(), reason="Not this month")
        assert await mattermost.deliver(url, submitted) == (200, {})
        declined = await place.read(second["id"])
        assert (declined["status"], declined["reason"]) == ("declined", "Not this month")
        await place.carried()
        for post in posts.values():
            (one,) = mattermost.posts[post]["props"]["attachments"]
            assert one["actions"] == []
        await channel.close()


async def of(place: Place, request_id: str) -> str:
    (row,) = await place.store.cards_of(request_id)
    assert row.message is not None
    return row.message


async def test_law_07_a_changed_post_approves_nothing_and_a_fresh_card_comes(
    store: Store, mattermost: MattermostPeer
) -> None:
    channel = make(mattermost.api)
    async with on_platforms.house(
        store, channel, dana=DANA, lee=LEE, room=ROOM, clock=Wall()
    ) as place:
        request = await place.opened("room.a")
        await place.carried()
        post = await of(place, request["id"])
        mattermost.posts[post]["message"] = "`Lunch` · low risk"
        inbound = mattermost.press(post, "Approve", DANA, place.clock())
        _, said = await mattermost.deliver(f"{place.url}/channels/mattermost/events", inbound)
        assert "isn't the card we sent" in said["ephemeral_text"]
        assert (await place.read(request["id"]))["status"] == "pending"
        await place.carried()
        assert len(await place.store.cards_of(request["id"])) == 2
        await channel.close()


def test_law_09_nothing_is_read_that_was_not_resolved() -> None:
    channel = make(AWAY)
    with pytest.raises(Malformed):
        channel.read(Resolved.of(channel.authenticate(pressed(NOW))))
