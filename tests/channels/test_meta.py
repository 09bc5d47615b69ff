"""What Messenger and Instagram share: Meta's Send API, its deliveries, 24 hours, quick replies."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.kit.direct import HELLO, REF, WHO, Direct, inert
from adapters.kit.window import DAY
from approvals import linking
from approvals.app.exits import Exit
from approvals.model import Busy, Fact, Forged, Person, Refused, Status
from approvals.port import (
    Event,
    Handshake,
    Ignored,
    Notice,
    NoticeKind,
    Reply,
    Resolved,
    Several,
    Tap,
)
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import (
    AWAY,
    CARDS,
    HOSTILE,
    NOW,
    REASONS,
    card,
    hostile_card,
    natural,
    words,
)
from tests.harness.house import HANGS, RING, Clock, Desk, Place, open_house, rule
from tests.harness.installation import install, run
from tests.peers import instagram, messenger
from tests.peers.meta import FORMAT, LINK, VERIFY, SendPeer, handshake, referral, texts, wrote

PLATFORMS: dict[str, Any] = {"messenger": messenger, "instagram": instagram}
LEE, EVE = "20000000000000002", "20000000000000003"
TOKEN = "Q" * 20
SURROGATE = re.compile("[\ud800-\udfff]")  # no request holds a lone one


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> Any:
    return PLATFORMS[request.param]


@pytest.fixture
async def peer(platform: Any) -> AsyncIterator[SendPeer]:
    async with platform.KIT.peer() as running:
        running.open.clear()  # nobody has written yet
        yield running


@pytest.fixture
async def channel(platform: Any, peer: SendPeer) -> AsyncIterator[Direct]:
    made = platform.make(peer.api, clock=lambda: NOW)
    wrote(made, {})
    yield made
    await made.close()


def read(platform: Any, payload: Any, at: int = NOW) -> Event:
    made = platform.make(AWAY)
    event: Event = made.read(Resolved.of(made.authenticate(platform.signed(payload, at))))
    return event


def heard(platform: Any, payload: Any, at: int = NOW) -> dict[str, int]:
    made = platform.make(AWAY)
    return dict(made.heard(Resolved.of(made.authenticate(platform.signed(payload, at)))))


def long_card() -> Any:
    """Too long for a button template, and not for a text."""
    return natural(
        card(payload="p" * 450, payload_size=450, note=None), messenger.make(AWAY).abilities
    )


# Deliveries


@pytest.mark.parametrize("name", ["access_token", "app_secret", "verify_token"])
def test_law_09_an_absent_secret_is_an_error_at_start(platform: Any, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        platform.make(AWAY, **{name: ""})


@pytest.mark.parametrize("id", ["", "acme.approvals", "0123456"])
def test_an_id_that_is_none_is_an_error_at_start(platform: Any, id: str) -> None:
    name = "page_id" if platform is messenger else "account_id"
    with pytest.raises(ValueError, match="in digits"):
        platform.make(AWAY, **{name: id})


def test_law_09_the_handshake_is_answered_to_who_knows_the_word(platform: Any) -> None:
    made, name = platform.make(AWAY), platform.KIT.name
    event = made.read(Resolved.of(made.authenticate(handshake(name))))
    assert isinstance(event, Handshake)
    assert (event.response.body, event.response.content_type) == (b"1158201444", "text/plain")
    assert made.heard(Resolved.of(made.authenticate(handshake(name)))) == {}
    wrong = (handshake(name, "another"), handshake(name, ""), handshake(name, mode="unsubscribe"))
    for inbound in (*wrong, handshake(name, challenge="<script>"), replace(wrong[0], query="%")):
        with pytest.raises(Forged):
            made.authenticate(inbound)


@pytest.mark.parametrize("name", ["postback", "quick_reply"])
def test_a_press_brings_our_token_and_no_message(platform: Any, name: str) -> None:
    tap = on_platforms.tapped(read(platform, platform.body(name)))
    assert (tap.account, tap.conversation) == (platform.DANA, platform.DANA)
    assert (tap.token, tap.message, tap.choice, tap.reason) == (TOKEN, None, None, None)
    assert tap.event.startswith(("m_", "aWdf"))
    assert not platform.make(AWAY).abilities.names_message


def test_law_04_a_press_without_an_id_is_known_by_all_that_it_says(platform: Any) -> None:
    """Old postbacks have none."""
    found = []
    for changes in ({}, {}, {"payload": "R" * 20}, {"timestamp": 1}, {"sender": {"id": LEE}}):
        payload = platform.body("postback")
        (one,) = payload["entry"][0]["messaging"]
        del one["postback"]["mid"]
        for key, value in changes.items():
            (one["postback"] if key == "payload" else one)[key] = value
        found.append(on_platforms.tapped(read(platform, payload)).event)
    assert found[0] == found[1]
    assert len(set(found)) == 4


def test_words_are_read_as_a_person_wrote_them(platform: Any) -> None:
    event = read(platform, platform.body("text"))
    assert isinstance(event, Reply)
    assert (event.account, event.text) == (platform.DANA, "Hello")


@pytest.mark.parametrize("name", ["referral", "new_thread", "new_thread_words"])
def test_law_02_who_comes_by_our_link_has_sent_its_code(platform: Any, name: str) -> None:
    if (platform, name) == (messenger, "new_thread_words"):
        name = "new_thread"  # there nobody can write before Get Started
    event = read(platform, platform.body(name))
    assert isinstance(event, Reply)
    assert linking.code_in(event.text) == "CS-0123-4567-89AB-CDEF"
    assert "CS-0123" not in repr(event)
    assert heard(platform, platform.body(name)) == {platform.DANA: 1_767_326_129_000}
    for ref in (f"{REF}hello", f"{REF}{'x' * 500}", REF):
        said = platform.body("referral")
        said["entry"][0]["messaging"][0]["referral"] = referral(ref)
        event = read(platform, said)
        assert isinstance(event, Reply)
        assert linking.code_in(event.text) == ""  # and so gets the one refusal


def test_the_link_that_pairs_is_as_the_platform_wants_it(platform: Any) -> None:
    """Only letters, digits, `-`, `_` and `=` stand in a `ref`; it is passed on as it is."""
    code = "CS-0123-4567-89AB-CDEF"
    *_, link = words(platform.KIT.name, code, "acme.approvals")
    start = "https://m.me/" if platform is messenger else "https://ig.me/m/"
    assert link == f"{start}acme.approvals?ref={REF}{code}"


def test_several_events_of_a_delivery_count_each_and_a_strange_one_is_left_out(
    platform: Any, caplog: pytest.LogCaptureFixture
) -> None:
    payload = platform.body("postback")
    (one,) = payload["entry"][0]["messaging"]
    text = platform.body("text")["entry"][0]["messaging"][0]
    payload["entry"][0]["messaging"] = [one, {**one, "timestamp": "now"}, text]
    payload["entry"].append({"id": "99999", "messaging": [one]})
    event = read(platform, payload)
    assert isinstance(event, Several)
    assert [type(each) for each in event.events] == [Tap, Reply, Ignored]
    assert "event_not_understood" in caplog.text
    assert TOKEN not in caplog.text


def test_what_a_person_did_by_hand_opens_the_window_and_nothing_else_does(platform: Any) -> None:
    for name in ("postback", "quick_reply", "text", "referral"):
        assert heard(platform, platform.body(name)) == {platform.DANA: 1_767_326_129_000}
    # Never later than it came.
    assert heard(platform, platform.body("text"), NOW - 5000) == {platform.DANA: NOW - 5000}
    (one,) = platform.body("postback")["entry"][0]["messaging"]
    for inbound in platform.KIT.foreign(NOW):
        made = platform.make(AWAY)
        found = made.heard(Resolved.of(made.authenticate(inbound)))
        by_hand = any(word in inbound.body for word in (b"lunch", b"hello", b"sticker", b"a:b"))
        by_hand |= b"summer_coupon" in inbound.body
        assert (one["sender"]["id"] in found) is by_hand, inbound.body


# The 24 hours


async def test_within_24_hours_a_card_has_buttons(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    wrote(channel, {platform.DANA: NOW - DAY + 1000})
    peer.open.add(platform.DANA)
    ref = await channel.post(
        platform.ADDRESS, channel.layout(natural(card(), channel.abilities)), "k"
    )
    assert (ref.channel, ref.conversation) == (platform.KIT.name, platform.DANA)
    shown = {"Approve": TOKEN, "Decline": "R" * 20, "Details": card().review}
    assert peer.buttons(ref.message) == shown
    lines = peer.text(ref.message).split("\n")
    assert lines[:2] == ["Pay 12,400.\u200b00 EUR to ACME & Söhne GmbH", lines[1]]
    assert "Medium risk" in lines[1]
    assert lines[-1] == "Automated message. Digest a1b2c3d4"


async def test_where_the_24_hours_are_over_before_ours_it_is_asked_once(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    wrote(channel, {platform.DANA: NOW})
    for _ in range(2):
        if platform is messenger:
            await channel.post(platform.ADDRESS, channel.layout(card()), "k")
        else:
            with pytest.raises(Refused, match="24 hours"):
                await channel.post(platform.ADDRESS, channel.layout(card()), "k")
    assert sum("template" not in one["message"] for one in peer.calls) == 1
    # They wrote again.
    wrote(channel, {platform.DANA: NOW + 1})
    peer.open.add(platform.DANA)
    ref = await channel.post(platform.ADDRESS, channel.layout(card()), "k")
    assert "Approve" in peer.buttons(ref.message)


# Two messages, and quick replies


async def test_law_14_what_is_too_long_for_one_message_goes_before_it_and_buttons_stay(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    wrote(channel, {platform.DANA: NOW})
    peer.open.add(platform.DANA)
    ref = await channel.post(platform.ADDRESS, channel.layout(long_card()), "k")
    before, last = peer.sent
    assert ref.message == last
    assert peer.buttons(last) == {"Approve": TOKEN, "Decline": "R" * 20, "Details": card().review}
    sent, shown = peer.text(before), peer.text(last)
    (mark,) = re.findall(
        r"^Will be sent \(mark ([0-9a-f]{4})\), under digest a1b2c3d4:$", sent, re.M
    )
    assert sent.endswith(f"\n│ {'p' * 450}")
    assert "Amount: 12,400" in shown
    assert f"What will be sent stands above, with the mark {mark}." in shown
    quiet = [one.get("notification_type") for one in peer.calls]
    assert quiet == (["NO_PUSH", None] if platform is messenger else [None, None])
    tap = on_platforms.tapped(read(platform, peer.press(last, "Approve", at=NOW)))
    assert tap.token == TOKEN


async def test_two_cards_at_once_do_not_come_between_each_other(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    wrote(channel, {platform.DANA: NOW})
    peer.open.add(platform.DANA)
    cards = [replace(long_card(), digest=f"0000000{number}") for number in range(5)]
    await asyncio.gather(
        *(channel.post(platform.ADDRESS, channel.layout(one), "k") for one in cards)
    )
    digests = [re.findall(r"0000000\d", peer.text(one))[0] for one in peer.sent]
    assert digests[::2] == digests[1::2]
    assert len(set(digests)) == 5


def test_law_14_a_text_above_is_of_its_own_card_though_the_digests_look_alike(
    platform: Any,
) -> None:
    """Who writes two requests can give both digests the same eight characters, and two copies of us
    send at once: then text, text, card, card stand there, in any order."""
    made, marks = platform.make(AWAY), list[set[str]]()
    for token in ("A" * 20, "B" * 20):
        one = long_card()
        buttons = tuple(
            replace(button, token=token[:-1] + button.token[0]) for button in one.buttons
        )
        payload = made.layout(replace(one, buttons=buttons))
        shown = texts(payload)
        assert len(shown) == 2
        marks.append({*re.findall(r"\bmark ([0-9a-f]{4})\b", "\n".join(shown))})
    assert [len(one) for one in marks] == [1, 1]
    assert marks[0] != marks[1]


async def test_where_the_message_is_refused_the_text_before_it_approves_nothing(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    wrote(channel, {platform.DANA: NOW})
    peer.open.add(platform.DANA)
    payload = channel.layout(long_card())
    assert TOKEN not in payload["before"]
    peer.fail.append(web.json_response({"message_id": "m_before"}))
    peer.refuse_next(551)
    with pytest.raises(Refused):
        await channel.post(platform.ADDRESS, payload, "k")
    assert peer.sent == {}


async def test_ready_reasons_are_quick_replies_and_can_only_decline(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    peer.open.add(platform.DANA)
    tap = on_platforms.tapped(read(platform, platform.body("postback")))
    await channel.tell(tap, Notice(NoticeKind.ASK_REASON, "Why do you decline?", REASONS))
    (id,) = peer.sent
    assert len(peer.buttons(id)) == len(REASONS) + 1
    for reason in REASONS:
        assert inert(reason)[:30] in peer.text(id)
    for place, label in enumerate(peer.buttons(id)):
        found = on_platforms.tapped(read(platform, peer.press(id, label, at=NOW)))
        expected = place if place < len(REASONS) else None
        assert (found.token, found.reason, found.ready) == (TOKEN, "", expected)


async def test_many_long_reasons_fit(channel: Direct, peer: SendPeer, platform: Any) -> None:
    peer.open.add(platform.DANA)
    tap = on_platforms.tapped(read(platform, platform.body("postback")))
    for fill in ("😀", "x", "."):
        why = tuple(f"{number}{fill * 300}" for number in range(8))
        await channel.tell(tap, Notice(NoticeKind.ASK_REASON, "Why do you decline?", why))
    assert len(peer.sent) == 3


# Cards


@pytest.mark.parametrize("texts_", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_13_a_request_with_hostile_words_everywhere_is_within_the_limits(
    platform: Any, texts_: tuple[str, ...]
) -> None:
    made, running = platform.make(AWAY), platform.KIT.peer()
    several = [text[:500] + text[-50:] for text in texts_ if not SURROGATE.search(text)]
    drawn = [(shown, made.layout(shown)) for shown in (hostile_card(x, made) for x in several)]
    for shown, payload in (*drawn, *on_platforms.full_of(made, texts_[0])):
        assert running.fault(payload["message"]) is None
        assert not payload["before"] or running.fault({"text": payload["before"]}) is None
        found = [one for said in texts(payload) for one in LINK.findall(said)]
        assert [one for one in found if one != shown.review] == []
        assert [one for said in texts(payload) for one in FORMAT.findall(said)] == []
        if payload["outside"]:
            body = {"messaging_type": "UTILITY", "message": payload["outside"]}
            assert running.template_fault(body) is None


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("fill", ["x", "😀", "\u202e", "é", "*", ".a", " ", "\n", "`", "$"])
def test_whatever_it_is_full_of_a_card_fits_and_can_say_how_it_ended(
    platform: Any, status: Status, fill: str
) -> None:
    payload = on_platforms.longest(platform.make(AWAY), status, fill)
    assert platform.KIT.peer().fault(payload["message"]) is None
    assert not payload["before"] or platform.KIT.peer().fault({"text": payload["before"]}) is None
    assert payload["final"] == (status is not Status.PENDING)


@pytest.mark.parametrize("text", [*HOSTILE, r"\(x\) $$y$$ \[z\]"])
def test_law_13_nothing_formats_or_links(text: str) -> None:
    assert FORMAT.findall(inert(text)) == []
    assert LINK.findall(inert(text)) == []


def test_law_14_what_does_not_fit_is_cut_and_loses_approve(platform: Any) -> None:
    made = platform.make(AWAY)
    shown = natural(card(payload="é" * (made.limits.payload - 10)), made.abilities)
    many = replace(shown, facts=shown.facts * 10, note="n" * 200)
    payload = made.layout(many)
    buttons = payload["message"]["attachment"]["payload"]["buttons"]
    assert [one["title"] for one in buttons] == ["Review and approve…", "Decline"]
    assert any("facts not shown here" in text for text in texts(payload))
    assert TOKEN not in str(payload)


def test_law_13_no_line_of_others_looks_like_one_of_ours(platform: Any) -> None:
    words_ = "12.40\nApproved by: CFO\nAutomated message. Digest 00000000"
    facts = (Fact("Text", words_),)
    for shown in (card(payload=words_, facts=facts, note=words_), card(payload=words_ * 8)):
        lines = [
            line for text in texts(platform.make(AWAY).layout(shown)) for line in text.split("\n")
        ]
        ours = [line for line in lines if line[:2] not in ("│ ", "  ", "> ")]
        assert any("Approved by: CFO" in line for line in lines)
        assert not any("CFO" in line or "00000000" in line for line in ours)


def test_where_nobody_could_follow_it_the_address_stands_in_the_text(platform: Any) -> None:
    made = platform.make(AWAY)
    for review, said in ((None, "in the inbox"), ("http://localhost:8080/r/1", "http://localhost")):
        payload = made.layout(natural(card(review=review), made.abilities))
        shown = payload["message"]["attachment"]["payload"]
        assert [one["title"] for one in shown["buttons"]] == ["Approve", "Decline"]
        assert f"Details: {said}" in shown["text"]
        assert payload["outside"] is None


def test_a_template_that_draws_other_buttons_is_refused(platform: Any) -> None:
    inner = platform.make(AWAY).render

    def swapped(values: Any) -> Any:
        made = inner(values)
        first, second = made["buttons"][:2]
        first["payload"], second["payload"] = second["payload"], first["payload"]
        return made

    with pytest.raises(Refused, match="buttons"):
        platform.make(AWAY, render=swapped).layout(card())


# Words


async def test_the_end_is_told_once_and_later_where_it_could_not(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    wrote(channel, {platform.DANA: NOW})
    peer.open.add(platform.DANA)
    ref = await channel.post(platform.ADDRESS, channel.layout(card()), "k")
    peer.break_next(503, 2)
    with pytest.raises(Busy):
        await channel.redraw(ref, channel.layout(CARDS["approved"]))
    for state in ("one-of-two", "approved", "approved"):
        await channel.redraw(ref, channel.layout(CARDS[state]))
    _, (account, _) = peer.sent.values()
    assert account == platform.DANA
    text = peer.text([*peer.sent][-1])
    assert "Approved by Dana Lee and Lee Kim." in text
    assert peer.buttons([*peer.sent][-1]) == {"Details": card().review}


async def test_a_private_word_is_a_message_and_a_counted_vote_that_ends_it_needs_none(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    peer.open.add(platform.DANA)
    tap = on_platforms.tapped(read(platform, platform.body("postback")))
    assert channel.answer(tap, Notice(NoticeKind.COUNTED, "Approved.")) is None
    await channel.tell(tap, Notice(NoticeKind.COUNTED, "Approved."))
    assert peer.sent == {}
    await channel.tell(tap, Notice(NoticeKind.REFUSED, "You are not an approver of *this*."))
    assert peer.text([*peer.sent][-1]) == inert("You are not an approver of *this*.")
    # A gateway's reason of 200 characters, each of them escaped.
    await channel.tell(tap, Notice(NoticeKind.CLOSED, "Withdrawn. " + "\\u{202e}" * 250))
    assert peer.text([*peer.sent][-1]).startswith("Withdrawn. \\u{202e}")


async def test_what_a_conversation_begins_with_says_that_it_is_automated(
    channel: Direct, peer: SendPeer, platform: Any
) -> None:
    peer.open.add(platform.DANA)
    event = read(platform, platform.body("referral"))
    assert isinstance(event, Reply)
    await channel.say(event, Notice(NoticeKind.COUNTED, "This account is dana's from now on."))
    text = peer.text([*peer.sent][-1])
    assert text == f"This account is dana's from now on.\n\n{WHO}"


# Refusals


@pytest.mark.parametrize(
    ("code", "sub", "status", "kind"),
    [
        (190, 463, 401, Busy),  # an expired token
        (10, None, 403, Busy),  # a missing right
        (10, 1893063, 400, Busy),  # the page is restricted
        (200, 2018028, 403, Busy),  # the app may not write to everybody yet
        (613, None, 400, Busy),
        (2, 2018344, 400, Busy),
        (100, 33, 400, Busy),  # our own id is wrong
        (100, 2018001, 400, Refused),  # nobody has this id
        (200, 1545041, 403, Refused),  # they receive nothing from us
        (551, 1545041, 400, Refused),
        (100, None, 400, Refused),
    ],
)
async def test_law_26_a_code_says_whose_fault_it_is(
    channel: Direct,
    peer: SendPeer,
    platform: Any,
    code: int,
    sub: int | None,
    status: int,
    kind: Any,
) -> None:
    wrote(channel, {platform.DANA: NOW})
    peer.open.add(platform.DANA)
    peer.refuse_next(code, sub, status)
    with pytest.raises(kind) as caught:
        await channel.post(platform.ADDRESS, channel.layout(card()), "k")
    assert type(caught.value) is kind
    assert str(code) in str(caught.value)
    await channel.post(platform.ADDRESS, channel.layout(card()), "k")


@pytest.mark.parametrize("answer", ["", "{", "[]", "7", "{}", '{"message_id": null}'])
async def test_an_answer_that_is_none_is_busy(
    channel: Direct, peer: SendPeer, platform: Any, answer: str
) -> None:
    wrote(channel, {platform.DANA: NOW})
    peer.fail.append(web.Response(text=answer, content_type="application/json"))
    with pytest.raises(Busy):
        await channel.post(platform.ADDRESS, channel.layout(card()), "k")


async def test_only_an_id_is_an_account(channel: Direct, platform: Any) -> None:
    assert await channel.open(platform.DANA) == platform.ADDRESS
    for account in ("dana", "dana@example.com", "+16505551234", "0123", "", "1" * 30):
        with pytest.raises(Refused):
            await channel.open(account)


async def test_check_looks_at_token_subscriptions_and_clock(peer: SendPeer, platform: Any) -> None:
    all_well = {"token": True, "webhook": True, "clock": True}
    assert await on_platforms.found(platform.make(peer.api)) == all_well
    peer.fields.remove("messaging_postbacks")
    try:
        made = platform.make(peer.api)
        (finding,) = [one for one in await made.check() if one.subject == "webhook"]
        await made.close()
        assert (finding.ok, "messaging_postbacks" in finding.detail) == (False, True)
    finally:
        peer.fields.append("messaging_postbacks")
    peer.me["id"] = peer.me["user_id"] = "99999"
    found = await on_platforms.found(platform.make(peer.api))
    assert found == {**all_well, "token": False}
    found = await on_platforms.found(platform.make(peer.api, access_token="old"))
    assert found == {"token": False}


async def test_setup_sets_what_a_conversation_begins_with_and_only_when_asked(
    tmp_path: Path, peer: SendPeer, platform: Any
) -> None:
    """Without it a link of ours brings nothing from who never wrote to us."""
    install(tmp_path)
    path, name = tmp_path / "countersign.yaml", platform.KIT.name
    plain = path.read_text().replace(
        'server:     {listen: "', 'server:     {public_url: "https://a.example.com", listen: "'
    )
    keys = {"BOT_KEY": "csr_" + "a" * 24, "GATE_KEY": "csr_" + "b" * 24}
    own = {"page_id" if platform is messenger else "account_id": peer.own}
    section = {"app_secret": platform.SECRET, "verify_token": VERIFY, **own}
    section["api_url"] = f"{peer.api}/v26.0"
    for token, code in (("wrong-secret", Exit.FAILED), (platform.TOKEN, 0)):
        given = json.dumps({name: {**section, "access_token": token}})
        path.write_text(f"channels: {given}\n{plain}")
        if not code:
            asked = await asyncio.to_thread(lambda: run("setup", name, cwd=tmp_path, **keys))
            assert (asked.code, peer.profile) == (0, {}), asked.err
        done = await asyncio.to_thread(lambda: run("setup", name, "--yes", cwd=tmp_path, **keys))
        assert done.code == code, done.err
        assert token not in done.out + done.err
    assert HELLO in json.dumps(peer.profile)
    assert peer.profile.get("platform") == (None if platform is messenger else "instagram")


# In the house


@asynccontextmanager
async def house(
    store: Store, peer: SendPeer, platform: Any, clock: Clock | None = None, **more: Any
) -> AsyncIterator[Place]:
    """dana approves, lee too where two are wanted, eve nothing; a desk is there besides."""
    clock = clock or Clock()
    made = platform.make(peer.api, clock=clock)
    name = platform.KIT.name
    people = (
        Person("dana", accounts={name: platform.DANA, "desk": "D1"}),
        Person("lee", accounts={name: LEE}),
        Person("eve", accounts={name: EVE}),
    )
    groups = {"default": frozenset({"dana"}), "finance": frozenset({"dana", "lee"})}
    rules = (
        rule("ask", via=(name,), reasons=REASONS),
        rule("next", via=(name, "desk")),
        rule("only", via=(name,)),
        rule("two", via=(name,), quorum=(("finance", 2),)),
    )
    given: Any = {"people": people, "groups": groups, "rules": rules, **more}
    async with open_house(store, desks=(made, Desk()), clock=clock, **given) as place:
        yield place


async def deliver(place: Place, platform: Any, payload: Any) -> int:
    sent = platform.signed(payload, place.clock())
    url = f"{place.url}/channels/{platform.KIT.name}/events"
    async with place.http.post(url, data=sent.body, headers=dict(sent.headers)) as answer:
        return answer.status


async def hello(place: Place, peer: SendPeer, platform: Any, *who: str) -> None:
    for one in who or (platform.DANA,):
        assert await deliver(place, platform, peer.wrote("Hello", one, place.clock())) == 200


async def told(place: Place, peer: SendPeer, platform: Any, payload: Any) -> tuple[str, str]:
    """Who is told what because of this delivery."""
    before = [*peer.sent]
    peer.arrived.clear()
    assert await deliver(place, platform, payload) == 200
    await asyncio.wait_for(peer.arrived.wait(), HANGS)
    (id,) = [one for one in peer.sent if one not in before]
    return peer.sent[id][0], peer.text(id)


async def test_law_06_from_a_request_to_a_verdict(
    store: Store, peer: SendPeer, platform: Any
) -> None:
    async with house(store, peer, platform) as place:
        clock = place.clock
        await hello(place, peer, platform, platform.DANA, EVE)
        request = await place.opened("only.a")
        await place.carried()
        ((id, (account, _)),) = peer.sent.items()
        assert account == platform.DANA
        # Moved to another account: refused in private, and it consumes nothing.
        stolen = peer.press(id, "Approve", EVE, clock())
        assert (await told(place, peer, platform, stolen))[0] == EVE
        assert (await place.case(request["id"])).open
        press = peer.press(id, "Approve", at=clock())
        assert (
            await asyncio.gather(*(deliver(place, platform, press) for _ in range(3))) == [200] * 3
        )
        case = await place.case(request["id"])
        assert (case.status, [vote.person for vote in case.votes]) == (Status.APPROVED, ["dana"])
        await place.carried()
        assert sum("Approved by dana" in peer.text(one) for one in peer.sent) == 1
        late = peer.press(id, "Decline", at=clock())
        assert "Approved by dana" in (await told(place, peer, platform, late))[1]


async def test_a_press_declines_with_a_ready_reason_and_a_typed_code_with_words(
    store: Store, peer: SendPeer, platform: Any
) -> None:
    async with house(store, peer, platform) as place:
        await hello(place, peer, platform)
        first = await place.opened("ask.a")
        await place.carried()
        (id,) = peer.sent
        _, text = await told(place, peer, platform, peer.press(id, "Decline…", at=place.clock()))
        assert text.startswith("Why")
        label = next(one for one in peer.buttons([*peer.sent][-1]) if one.startswith("2."))
        chosen = peer.press([*peer.sent][-1], label, at=place.clock())
        assert await deliver(place, platform, chosen) == 200
        case = await place.case(first["id"])
        assert (case.status, case.reason) == (Status.DECLINED, REASONS[1])
        second = await place.opened("only.b")
        await place.carried()
        digest = second["digest"].removeprefix("sha-256:")[:8]
        said = peer.wrote(f"decline {digest} not today", platform.DANA, place.clock())
        assert await deliver(place, platform, said) == 200
        case = await place.case(second["id"])
        assert (case.status, case.reason) == (Status.DECLINED, "not today")


async def test_law_26_whom_the_24_hours_are_over_for_is_asked_by_the_next_entry(
    store: Store, peer: SendPeer, platform: Any
) -> None:
    async with house(store, peer, platform) as place:
        if platform is messenger:
            peer.templates = {}
        request = await place.opened("next.a")
        await place.carried()
        assert peer.sent == {}
        assert "card.rerouted" in await place.kinds(request["id"])
        await hello(place, peer, platform)
        again = await place.opened("next.b")
        await place.carried()
        assert len(peer.sent) == 1
        assert "card.rerouted" not in await place.kinds(again["id"])


async def test_law_02_a_link_pairs_an_account_and_the_window_it_opened_outlives_a_restart(
    store: Store, peer: SendPeer, platform: Any
) -> None:
    clock, name = Clock(), platform.KIT.name
    nobody = {"people": (Person("dana"), Person("lee"))}
    async with house(store, peer, platform, clock, **nobody) as place:
        code = await linking.make_code(
            store, RING, "dana", name, by="a test", now=clock(), random=os.urandom
        )
        peer.open.add(LEE)
        wrong = peer.event(LEE, clock(), referral=referral(f"{REF}CS-0000-0000-0000-0000"))
        assert linking.DEAD.text in (await told(place, peer, platform, wrong))[1]
        peer.open.add(platform.DANA)
        came = peer.event(platform.DANA, clock(), referral=referral(f"{REF}{code}"))
        assert (await told(place, peer, platform, came))[1].startswith("This account is dana's")
    clock.turn(DAY - 1000)
    async with house(store, peer, platform, clock, **nobody) as place:
        request = await place.opened("only.a")
        await place.carried()
        id = [*peer.sent][-1]
        assert peer.sent[id][0] == platform.DANA
        assert await deliver(place, platform, peer.press(id, "Approve", at=clock())) == 200
        assert (await place.case(request["id"])).status is Status.APPROVED


async def test_a_link_to_us_names_the_account(store: Store, peer: SendPeer, platform: Any) -> None:
    async with house(store, peer, platform) as place:
        known = place.house.deps.linkable[platform.KIT.name]
        assert await known() == "acme.approvals"
        peer.refuse_next(190, None, 401)
        assert await known() == ""


async def test_law_20_two_votes_in_one_delivery(
    store: Store, peer: SendPeer, platform: Any
) -> None:
    async with house(store, peer, platform) as place:
        await hello(place, peer, platform, platform.DANA, LEE)
        request = await place.opened("two.payouts")
        await place.carried()
        ours = {peer.sent[id][0]: id for id in peer.sent}
        both = peer.press(ours[platform.DANA], "Approve", at=place.clock())
        other = peer.press(ours[LEE], "Approve", at=place.clock())
        both["entry"][0]["messaging"] += other["entry"][0]["messaging"]
        assert await deliver(place, platform, both) == 200
        assert (await place.case(request["id"])).status is Status.APPROVED


async def test_law_09_a_delivery_that_is_not_signed_gets_a_401_and_changes_nothing(
    store: Store, peer: SendPeer, platform: Any
) -> None:
    async with house(store, peer, platform) as place:
        name = platform.KIT.name
        sent = platform.signed(platform.body("postback"), place.clock(), "another secret")
        url = f"{place.url}/channels/{name}/events"
        async with place.http.post(url, data=sent.body, headers=dict(sent.headers)) as answer:
            assert answer.status == 401
        async with place.http.get(f"{url}?{handshake(name).query}") as answer:
            assert (answer.status, await answer.text()) == (200, "1158201444")
        async with place.http.get(f"{url}?{handshake(name, 'wrong').query}") as answer:
            assert answer.status == 401
