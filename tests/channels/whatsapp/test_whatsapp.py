"""WhatsApp's quirks: the 24 hours, templates, two providers, several events, one closing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from adapters.kit.window import DAY as WINDOW
from adapters.whatsapp.adapter import FIXED, UNASKED, WhatsApp, flat, inert
from adapters.whatsapp.news import ACCOUNT
from approvals.app import channels as sections
from approvals.model import (
    Address,
    Busy,
    Fact,
    Forged,
    Kind,
    Malformed,
    Outcome,
    Refused,
    Status,
)
from approvals.port import (
    Event,
    GivenUp,
    Handshake,
    Ignored,
    Inbound,
    Lost,
    Notice,
    NoticeKind,
    Payload,
    Reply,
    Resolved,
    Several,
    Tap,
)
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import CARDS, HOSTILE, NOW, ROOT, card, strings
from tests.harness.house import HANGS, Clock, Place, open_house
from tests.harness.node import NODE
from tests.harness.samples import CASE, REQUEST, vote
from tests.harness.samples import card as built
from tests.peers.whatsapp import (
    ACCOUNT_SID,
    ADDRESS,
    AUTH_TOKEN,
    CONTENTS,
    DANA,
    FIXTURES,
    GROUPS,
    LEE,
    LINK,
    MAKERS,
    PEOPLE,
    SECTION,
    SENDER,
    SIDS,
    TEMPLATES,
    VERIFY,
    WEBHOOK,
    WhatsAppPeer,
    body,
    deliver,
    delivered,
    fault,
    filled,
    in_a_group,
    make,
    make_twilio,
    pressed,
    signed,
    size,
    twilio_signed,
    written,
)
from tools.ports import free_port

AWAY = "http://127.0.0.1:9/"
BSUID = "US.13491208655302741918"
both = pytest.mark.parametrize("provider", MAKERS)


@pytest.fixture
async def whatsapp() -> AsyncIterator[WhatsAppPeer]:
    async with WhatsAppPeer() as peer:
        yield peer


@pytest.fixture
async def channel(whatsapp: WhatsAppPeer, provider: str) -> AsyncIterator[WhatsApp]:
    made = MAKERS[provider](whatsapp.api, clock=lambda: NOW)
    yield made
    await made.close()


def read(channel: WhatsApp, payload: Any, at: int = NOW) -> Event:
    return channel.read(Resolved.of(channel.authenticate(deliver(payload, at))))


def tapped(channel: WhatsApp, payload: Any) -> Tap:
    event = read(channel, payload)
    assert isinstance(event, Tap)
    return event


def hear(channel: WhatsApp, payload: Any, at: int = NOW) -> Event:
    """Read it, and from now on know of the last words what was in it, and no more."""
    proven = Resolved.of(channel.authenticate(deliver(payload, at)))
    event, found = channel.read(proven), channel.heard(proven)

    async def last(account: str) -> int:
        return found.get(account, 0)

    channel.recall(last)
    return event


def said(channel: WhatsApp, at: int = NOW, by: str = DANA) -> None:
    """This person writes something."""
    event = hear(channel, written("Approve", by, channel.provider, at, 1), at)
    assert isinstance(event, Reply)


# Configuration


@pytest.mark.parametrize(
    ("maker", "given", "word"),
    [
        (make, {"access_token": ""}, "access_token"),
        (make, {"app_secret": ""}, "app_secret"),
        (make, {"verify_token": ""}, "verify_token"),
        (make, {"phone_number_id": ""}, "phone_number_id"),
        (make, {"provider": "vonage"}, "meta or twilio"),
        (make_twilio, {"auth_token": ""}, "auth_token"),
        (make_twilio, {"webhook_url": ""}, "webhook_url"),
        (make_twilio, {"templates": {}}, "templates"),
    ],
)
def test_law_09_an_absent_secret_is_an_error_at_start(maker: Any, given: Any, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        maker(AWAY, **given)


@both
def test_a_section_makes_its_adapter(provider: str) -> None:
    section = sections.SECTIONS["whatsapp"].model_validate(SECTION[provider])
    made = sections.made({"whatsapp": section}, {})["whatsapp"]
    assert isinstance(made, WhatsApp)
    assert (made.provider, made.webhook_url == WEBHOOK) == (provider, provider == "twilio")
    assert "auth_token" not in repr(section) or "SecretStr('**********')" in repr(section)


@pytest.mark.parametrize(
    ("provider", "change", "word"),
    [
        ("meta", {"app_secret": None}, "meta needs app_secret"),
        ("meta", {"auth_token": "t"}, "meta has no use for auth_token"),
        ("meta", {"verify_token": "with blanks in it"}, "verify_token is 8 or more"),
        ("meta", {"phone_number_id": "+1555"}, "phone_number_id"),
        ("meta", {"provider": "vonage"}, "provider"),
        ("meta", {"accounts": "name"}, "accounts"),
        ("meta", {"templates": {"other": "x"}}, "templates"),
        ("twilio", {"webhook_url": "http://approve.example.com/"}, "webhook_url"),
        ("twilio", {"webhook_url": WEBHOOK + "?a=b"}, "webhook_url"),
        ("twilio", {"sender": "whatsapp:+1555"}, "sender"),
        ("twilio", {"templates": {"request": "HX1"}}, "twilio needs templates"),
        ("twilio", {"access_token": "t"}, "twilio has no use for access_token"),
    ],
)
def test_a_section_that_cannot_work_is_refused_in_words(
    provider: str, change: dict[str, Any], word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        sections.SECTIONS["whatsapp"].model_validate({**SECTION[provider], **change})


# Cards


@both
@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str, provider: str) -> None:
    path = FIXTURES / "golden" / f"{state}.{provider}.json"
    payload = MAKERS[provider](AWAY).layout(CARDS[state])
    if os.environ.get("GOLDEN"):
        path.write_text(json.dumps(payload, indent=1, ensure_ascii=False) + "\n")
    assert payload == json.loads(path.read_text())


def accepted(payload: Payload) -> None:
    """Within what the documentation allows, both ways of sending it."""
    for how in ("session", "template"):
        assert fault({"messaging_product": "whatsapp", **payload[how]}, open_=True) is None


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_13_a_request_with_hostile_words_everywhere_is_within_the_limits(
    texts: tuple[str, ...],
) -> None:
    channel = make(AWAY)
    for text in texts:
        for _, payload in on_platforms.full_of(channel, text):
            accepted(payload)


@both
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("fill", ["x", "😀", "\u202e", "é", "*", ".a", " ", "\n", "`", "┃"])
def test_whatever_it_is_full_of_a_card_fits_and_can_say_how_it_ended(
    status: Status, fill: str, provider: str
) -> None:
    channel = MAKERS[provider](AWAY)
    facts = tuple(Fact(fill * 60, fill * 400) for _ in range(10))
    texts: dict[str, Any] = {"title": fill * 400, "action": fill * 400, "note": fill * 3000}
    request = replace(REQUEST, http=None, kind=Kind.GATEWAY, facts=facts, **texts)
    request = replace(request, payload=fill * 3000)
    votes = () if status is Status.PENDING else (vote("dana"), vote("lee"))
    case = replace(CASE, status=status, votes=votes, reason=fill * 1000 if votes else None)
    if status is Status.APPROVED:
        case = replace(case, outcome=Outcome(False, 9, 500, fill * 1000))
    payload = channel.layout(built(case, request, limits=channel.limits))
    assert payload["final"] == (status is not Status.PENDING)
    if provider == "meta":
        accepted(payload)


def test_law_14_what_does_not_fit_is_cut_and_loses_approve() -> None:
    channel = make(AWAY)
    many = tuple(Fact(f"Fact {number}", "v" * 100) for number in range(10))
    shown = card(facts=many, payload="p" * 400, payload_size=400)
    payload = channel.layout(shown)
    accepted(payload)
    told = payload["session"]["interactive"]
    titles = [one["reply"]["title"] for one in told["action"]["buttons"]]
    assert titles == ["Decline", "Decline with reason"]
    assert payload["template"]["template"]["name"] == "countersign_review"
    assert shown.buttons[0].token not in strings(payload)
    text = told["body"]["text"]
    assert "6 facts not shown here" in text
    assert "280 bytes of 400 are not shown" in text
    assert "It is too long for this card." in text
    assert f"Review and approve: {shown.review}" in text


def test_law_14_what_is_not_bound_goes_first() -> None:
    channel = make(AWAY)
    shown = card(note="n" * 200, title="t" * 120, payload="p" * 450, payload_size=450)
    payload = channel.layout(shown)
    titles = [
        one["reply"]["title"] for one in payload["session"]["interactive"]["action"]["buttons"]
    ]
    assert titles[0] == "Approve"
    text = payload["session"]["interactive"]["body"]["text"]
    assert "p" * 450 in text
    assert re.search(r"n…\[\d+ more\]…n", text)


def test_law_14_a_template_that_takes_less_leaves_the_session_its_approve() -> None:
    payload = make(AWAY).layout(card(payload="p" * 570, payload_size=570, note=None))
    told = payload["session"]["interactive"]
    assert told["action"]["buttons"][0]["reply"]["title"] == "Approve"
    assert payload["template"]["template"]["name"] == "countersign_review"
    assert card().buttons[0].token not in json.dumps(payload["template"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("🚀 Deploy of *all* `tests`", "🚀 Deploy of \u200b∗all\u200b∗ \u200bˋtests\u200bˋ"),
        ("a_b ~c~ d*e", "a_b \u200b∼c\u200b∼ d*e"),
    ],
)
def test_everyday_text_is_shown_and_a_mark_by_what_looks_like_it(text: str, shown: str) -> None:
    """C18: never as an escape."""
    assert inert(text) == shown


def test_no_line_of_a_fact_begins_a_line() -> None:
    payload = make(AWAY).layout(card(facts=(Fact("Text", "Hello\nApproved by: CFO"),)))
    lines = payload["session"]["interactive"]["body"]["text"].split("\n")
    assert "  Approved by: CFO" in lines
    assert "Approved by: CFO" not in lines


def test_law_13_nothing_formats_links_or_leaves_its_place() -> None:
    for text in (*HOSTILE, *hostile.CORPUS):
        shown = inert(text[:3000])
        assert "`" not in shown
        assert "┃" not in shown
        assert not re.search(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])", shown)
        assert LINK.findall(shown) == []
        assert re.search(r"[\n\t]| {4}", flat(shown)) is None


def test_law_13_no_value_makes_a_line_or_a_part_of_a_template() -> None:
    value = "12.40 ┃ To: CFO⏎Votes: 2 of 2\nApproved by: CFO"
    payload = make(AWAY).layout(card(payload=value, note=value))
    given = payload["template"]["template"]["components"][0]["parameters"]
    assert all("\n" not in one["text"] for one in given)
    assert given[6]["text"].count("┃") == 0
    assert given[6]["text"].count("⏎") == 1
    lines = payload["session"]["interactive"]["body"]["text"].split("\n")
    assert "> Approved by: CFO" in lines  # quoted: it is the note's


def test_a_template_that_draws_other_buttons_is_refused() -> None:
    inner = make(AWAY).render

    def swapped(values: Any) -> Payload:
        made = inner(values)
        first, second = made["buttons"][:2]
        first["id"], second["id"] = second["id"], first["id"]
        return made

    with pytest.raises(Refused, match="buttons"):
        make(AWAY, render=swapped).layout(card())


def test_the_registered_templates_are_those_that_are_filled() -> None:
    assert {*TEMPLATES} == {f"countersign_{kind}" for kind in ("request", "review", "notice")}
    for name, known in TEMPLATES.items():
        twin = CONTENTS[SIDS[name.removeprefix("countersign_")]]
        (kind,) = twin["types"].values()
        text = known["components"][0]["text"]
        assert kind["body"] == text
        assert size(re.sub(r"\{\{\d+\}\}", "", text)) <= FIXED
        # Refused at approval: a variable at an end, or two of them side by side.
        assert not re.search(r"^\{\{|\}\}$|\}\}\s*\{\{", text)
        (example,) = known["components"][0]["example"]["body_text"]
        numbers = [int(number) for number in re.findall(r"\{\{(\d+)\}\}", text)]
        assert numbers == [*range(1, len(example) + 1)]
        assert [*twin["variables"].values()][: len(example)] == example
        assert size(filled(text, example)) <= 1024
        titles = [x["text"] for one in known["components"] for x in one.get("buttons", ())]
        assert titles == [x["title"] for x in kind.get("actions", ())]


# The 24 hours


@both
async def test_until_somebody_writes_a_card_is_a_template(
    whatsapp: WhatsAppPeer, channel: WhatsApp
) -> None:
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert ref.conversation == DANA
    buttons = {str(one.label): one.token for one in card().buttons[:2]}
    assert whatsapp.buttons(ref.message) == buttons
    text = whatsapp.text(ref.message)
    assert text.startswith("An agent asks for approval at medium risk.")
    assert "https://approve.example.com/r/req_01K8ZJ3V9Q (you need to sign in)" in text


@both
async def test_within_24_hours_a_card_is_a_message_with_reply_buttons(
    whatsapp: WhatsAppPeer, channel: WhatsApp
) -> None:
    said(channel, NOW - WINDOW + 1000)
    whatsapp.open.add(DANA)
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert whatsapp.text(ref.message).startswith("*Pay 12,400.\u200b00 EUR to ACME")
    assert "🟠 Medium risk" in whatsapp.text(ref.message)
    assert whatsapp.buttons(ref.message)["Approve"] == card().buttons[0].token
    other = await channel.post(
        replace(ADDRESS, conversation="15550001"), channel.layout(card()), "k"
    )
    assert whatsapp.text(other.message).startswith("An agent asks")


@both
async def test_after_24_hours_it_is_a_template_again(
    whatsapp: WhatsAppPeer, channel: WhatsApp
) -> None:
    said(channel, NOW - WINDOW)
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert whatsapp.text(ref.message).startswith("An agent asks")


@both
async def test_a_window_that_was_closed_already_falls_back_at_once(
    whatsapp: WhatsAppPeer, channel: WhatsApp
) -> None:
    said(channel)
    for _ in range(2):
        ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
        assert whatsapp.text(ref.message).startswith("An agent asks")
    assert len(whatsapp.calls) == 3  # refused once, and remembered


@both
async def test_a_message_that_failed_later_is_lost_and_opens_nothing(
    whatsapp: WhatsAppPeer, channel: WhatsApp
) -> None:
    # What comes of it then, the store and the service know: below, at "The whole way".
    said(channel)
    whatsapp.open.add(DANA)
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert whatsapp.text(ref.message).startswith("*Pay 12,400")
    failed = whatsapp.failed(ref.message)
    assert read(channel, failed) == Lost("whatsapp", DANA, ref.message)
    assert hear(channel, failed) == Lost("whatsapp", DANA, ref.message)  # and opens nothing
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert whatsapp.text(ref.message).startswith("An agent asks")


async def test_a_delivery_of_yesterday_opens_nothing(whatsapp: WhatsAppPeer) -> None:
    channel = make(whatsapp.api, clock=lambda: NOW)
    text = body("text")["entry"][0]["changes"][0]["value"]["messages"][0]
    late = {**text, "timestamp": str((NOW - WINDOW) // 1000)}
    hear(channel, delivered(late))
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert whatsapp.text(ref.message).startswith("An agent asks")
    await channel.close()


async def test_without_session_contents_twilio_sends_the_approved_ones(
    whatsapp: WhatsAppPeer,
) -> None:
    kept = {name: sid for name, sid in SIDS.items() if "session" not in name}
    channel = make_twilio(whatsapp.api, templates=kept, clock=lambda: NOW)
    said(channel)
    whatsapp.open.add(DANA)
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert whatsapp.text(ref.message).startswith("An agent asks")
    await channel.close()


def test_a_status_about_what_can_be_no_message_loses_none() -> None:
    failed = body("failed")
    failed["entry"][0]["changes"][0]["value"]["statuses"][0]["id"] = "wamid.\u0000"
    assert isinstance(read(make(AWAY), failed), Ignored)


# Closing


@both
@pytest.mark.parametrize("open_", [True, False])
async def test_the_end_is_told_once_and_nothing_before(
    whatsapp: WhatsAppPeer, channel: WhatsApp, open_: bool
) -> None:
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    if open_:
        said(channel)
        whatsapp.open.add(DANA)
    await channel.redraw(ref, channel.layout(CARDS["one-of-two"]))
    await channel.redraw(ref, channel.layout(CARDS["approved"]))
    await channel.redraw(ref, channel.layout(replace(CARDS["approved"], headline="Delivered")))
    _, (account, sent) = whatsapp.sent.values()
    assert account == DANA
    text = whatsapp.text([*whatsapp.sent][-1])
    assert "Approved by Dana Lee and Lee Kim." in text
    assert whatsapp.buttons([*whatsapp.sent][-1]) == {}
    if open_ and channel.provider == "meta":
        assert sent["context"] == {"message_id": ref.message}
        assert sent["text"]["preview_url"] is False


@both
async def test_an_end_that_could_not_be_told_is_told_later(
    whatsapp: WhatsAppPeer, channel: WhatsApp
) -> None:
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    whatsapp.break_next(503, 2)
    with pytest.raises(Busy):
        await channel.redraw(ref, channel.layout(CARDS["expired"]))
    await channel.redraw(ref, channel.layout(CARDS["expired"]))
    assert len(whatsapp.sent) == 2


@both
async def test_a_private_word_is_a_message_and_a_counted_vote_that_ends_it_needs_none(
    whatsapp: WhatsAppPeer, channel: WhatsApp
) -> None:
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    tap = tapped(channel, whatsapp.press(ref.message, "Approve", at=NOW))
    answer = channel.answer(tap, Notice(NoticeKind.COUNTED, "Approved."))
    assert (answer.body if answer else None) == (
        b"<Response/>" if channel.provider == "twilio" else None
    )
    await channel.tell(tap, Notice(NoticeKind.COUNTED, "Approved."))
    assert len(whatsapp.sent) == 1
    counted = "Your approval counts. Needs two people from finance: dana approved, one more."
    for word in (counted, "You are not an approver of *this*."):
        await channel.tell(tap, Notice(NoticeKind.REFUSED, word))
        assert whatsapp.text([*whatsapp.sent][-1]) == inert(word)


async def test_whoever_cannot_be_offered_the_reasons_is_told_so(whatsapp: WhatsAppPeer) -> None:
    channel = MAKERS["meta"](whatsapp.api, clock=lambda: NOW)
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    tap = tapped(channel, whatsapp.press(ref.message, "Decline", at=NOW))
    refused = {"error": {"message": "(#131009)", "type": "OAuthException", "code": 131009}}
    whatsapp.fail.append(web.json_response(refused, status=400))
    with pytest.raises(Refused):
        await channel.tell(tap, Notice(NoticeKind.ASK_REASON, "Why do you decline?", ("Too much",)))
    assert whatsapp.text([*whatsapp.sent][-1]) == inert(UNASKED)
    await channel.close()


# Reading


@pytest.mark.parametrize(
    ("name", "message"), [("button_reply", "wamid."), ("template_button", "wamid.")]
)
def test_a_press_says_who_where_and_what(name: str, message: str) -> None:
    payload = body(name)
    sent = payload["entry"][0]["changes"][0]["value"]["messages"][0]
    tap = tapped(make(AWAY), payload)
    assert (tap.event, tap.account, tap.conversation) == (sent["id"], DANA, DANA)
    assert (tap.message, tap.token, tap.echo) == (sent["context"]["id"], "Q" * 20, None)


def test_a_press_through_twilio_says_the_same() -> None:
    form = body("twilio_button")
    tap = tapped(make_twilio(AWAY), form)
    assert (tap.event, tap.account, tap.conversation) == (form["MessageSid"], DANA, DANA)
    assert (tap.message, tap.token) == (form["OriginalRepliedMessageSid"], "Q" * 20)


def test_law_07_a_press_that_names_no_card_can_only_decline() -> None:
    form = {k: v for k, v in body("twilio_button").items() if k != "OriginalRepliedMessageSid"}
    assert tapped(make_twilio(AWAY), form).message is None


def test_several_events_of_one_delivery_are_each_taken() -> None:
    found = read(make(AWAY), body("several"))
    assert isinstance(found, Several)
    assert [type(one) for one in found.events] == [Ignored, Tap, Tap]
    assert [one.account for one in found.events if isinstance(one, Tap)] == [DANA, "15557654321"]


def test_one_that_is_not_understood_takes_no_other_along() -> None:
    good = body("button_reply")["entry"][0]["changes"][0]["value"]["messages"][0]
    found = read(make(AWAY), delivered({**good, "id": 7}, good, {**good, "from": "me"}))
    assert isinstance(found, Tap)


@pytest.mark.parametrize(("name", "kind"), [("text", Reply), ("status", Ignored), ("failed", Lost)])
def test_law_06_words_and_news_of_messages_are_no_verdicts(name: str, kind: type[Event]) -> None:
    assert type(read(make(AWAY), body(name))) is kind


def test_law_06_a_typed_label_is_no_verdict() -> None:
    form = {k: v for k, v in body("twilio_button").items() if k != "ButtonPayload"}
    assert isinstance(read(make_twilio(AWAY), form), Ignored)


@pytest.mark.parametrize("token", ["approve", "Q" * 19, "Q" * 21, "Q" * 19 + "!", ""])
def test_a_button_of_somebody_elses_is_ignored(token: str) -> None:
    assert isinstance(
        read(make_twilio(AWAY), {**body("twilio_button"), "ButtonPayload": token}), Ignored
    )


def test_law_09_what_is_for_another_number_is_ignored() -> None:
    channel = make(AWAY, phone_number_id="1")
    assert isinstance(read(channel, body("button_reply")), Ignored)


@pytest.mark.parametrize("name", ["button_reply", "text"])
def test_what_happens_in_a_group_is_ignored_and_opens_nothing(name: str) -> None:
    channel, payload = make(AWAY), in_a_group(body(name))
    assert isinstance(read(channel, payload), Ignored)
    assert channel.heard(Resolved.of(channel.authenticate(signed(payload, NOW)))) == {}


KINDS = ("image", "audio", "video", "document", "sticker", "location", "contacts", "order")


@pytest.mark.parametrize("kind", [*KINDS, "reaction", "unsupported", "edit"])
def test_what_is_neither_words_nor_a_button_is_ignored_and_opens_what_it_opens(kind: str) -> None:
    channel, text = make(AWAY), body("text")["entry"][0]["changes"][0]["value"]["messages"][0]
    del text["text"]
    payload = delivered({**text, "type": kind, kind: {"id": "1", "caption": "link CS-1"}})
    assert isinstance(read(channel, payload), Ignored)
    heard = channel.heard(Resolved.of(channel.authenticate(signed(payload, NOW))))
    assert heard == ({DANA: NOW, BSUID: NOW} if kind in KINDS else {})


@pytest.mark.parametrize(
    "change",
    [
        {"MessageType": "image", "NumMedia": "1", "Body": "link CS-1"},
        {"NumMedia": "1"},
        {"MessageType": "button"},
    ],
)
def test_what_stands_under_a_picture_or_on_a_button_is_no_word_to_us(
    change: dict[str, str],
) -> None:
    form = {**body("twilio_text"), **change}
    channel = make_twilio(AWAY)
    assert isinstance(read(channel, form), Ignored)
    assert channel.heard(Resolved.of(channel.authenticate(deliver(form)))) == {DANA: NOW}


@pytest.mark.parametrize(
    ("name", "opened"),
    [
        *((name, {DANA: NOW, BSUID: NOW}) for name in ("text", "button_reply", "template_button")),
        ("username", {BSUID: NOW}),
        ("several", {DANA: NOW, BSUID: NOW, "15557654321": NOW}),
        *((name, {}) for name in ("status", "failed", "changed_number", "changed_user_id")),
        *((name, {DANA: NOW}) for name in ("twilio_text", "twilio_button")),
        ("twilio_status", {}),
    ],
)
def test_whoever_writes_opens_the_24_hours_by_every_id_and_a_status_does_not(
    name: str, opened: dict[str, int]
) -> None:
    channel = (make_twilio if name.startswith("twilio") else make)(AWAY)
    payload = body(name)
    assert channel.heard(Resolved.of(channel.authenticate(deliver(payload, NOW + 10)))) == (
        dict.fromkeys(opened, NOW + 10) if name.startswith("twilio") else opened
    )
    hello = asked(urlencode(HELLO))
    if channel.provider == "meta":
        assert channel.heard(Resolved.of(channel.authenticate(hello))) == {}


def test_law_02_a_number_that_changed_is_given_up_and_the_new_one_is_nobody_s() -> None:
    for accounts in ("phone", "user_id"):
        channel = make(AWAY, accounts=accounts)
        found = read(channel, body("changed_number"))
        assert found == Several(tuple(GivenUp("whatsapp", x, NOW) for x in (DANA, BSUID)))
        assert read(channel, body("changed_user_id")) == GivenUp("whatsapp", BSUID, NOW)
    other = body("changed_number")
    other["entry"][0]["changes"][0]["value"]["messages"][0]["system"]["type"] = "of_tomorrow"
    assert isinstance(read(make(AWAY), other), Ignored)


def test_law_02_an_account_is_a_number_or_a_user_id_and_never_a_name() -> None:
    assert tapped(make(AWAY), body("button_reply")).account == DANA
    assert tapped(make(AWAY, accounts="user_id"), body("button_reply")).account == BSUID
    assert tapped(make(AWAY), body("username")).account == BSUID
    assert re.fullmatch(ACCOUNT, BSUID)


@pytest.mark.parametrize("account", ["+16505551234", "dana", "", "@dana", "US.", "0165055512"])
async def test_an_account_that_is_not_written_exactly_is_refused(account: str) -> None:
    with pytest.raises(Refused, match="digits"):
        await make(AWAY).open(account)


async def test_an_account_is_its_own_conversation() -> None:
    for account in (DANA, BSUID):
        assert await make(AWAY).open(account) == Address("whatsapp", account, account=account)


# Proof


def asked(query: str) -> Inbound:
    return Inbound("GET", "/channels/whatsapp/events", query, {}, b"", NOW)


HELLO = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY}


def test_the_handshake_answers_the_challenge() -> None:
    channel = make(AWAY)
    event = channel.read(Resolved.of(channel.authenticate(asked(urlencode(HELLO)))))
    assert isinstance(event, Handshake)
    assert (event.response.body, event.response.content_type) == (b"1158201444", "text/plain")


@pytest.mark.parametrize(
    "change",
    [
        {"hub.verify_token": VERIFY[:-1]},
        {"hub.verify_token": ""},
        {"hub.verify_token": "é"},
        {"hub.mode": "unsubscribe"},
        {"hub.challenge": "<script>"},
        {"hub.challenge": ""},
    ],
)
def test_law_09_another_handshake_is_forged(change: dict[str, str]) -> None:
    for query in (urlencode(HELLO | change), "", "%", "hub.verify_token=" + VERIFY):
        with pytest.raises(Forged):
            make(AWAY).authenticate(asked(query))


def test_law_09_twilio_has_no_handshake_and_signs_forms_only() -> None:
    channel, good = make_twilio(AWAY), twilio_signed(body("twilio_button"), NOW)
    for other in (
        asked(urlencode(HELLO)),
        replace(good, headers={**good.headers, "content-type": "application/json"}),
        replace(good, query="bodySHA256=" + "0" * 64),
        twilio_signed(b"{}", NOW),
        twilio_signed(b"", NOW),
        twilio_signed({"a": "b"}, NOW, url="https://evil.example/"),
    ):
        with pytest.raises(Forged):
            channel.authenticate(other)


def test_law_09_no_field_comes_twice() -> None:
    good = twilio_signed(body("twilio_button"), NOW)
    again = replace(good, body=good.body + b"&" + good.body.split(b"&")[0])
    with pytest.raises(Forged):
        make_twilio(AWAY).authenticate(again)


def test_law_09_fields_that_are_cut_elsewhere_are_not_understood() -> None:
    """Twilio's signature has no bounds between names and values: moved ones sign alike."""
    form = body("twilio_button")
    good = twilio_signed(form, NOW)
    moved = {k: v for k, v in form.items() if k != "From"} | {"Fromwhatsapp": ":+16505551234"}
    forged = replace(good, body=urlencode(moved).encode())
    channel = make_twilio(AWAY)
    with pytest.raises(Malformed):
        channel.read(Resolved.of(channel.authenticate(forged)))


def test_law_09_which_algorithm_counts_no_header_says() -> None:
    form, secret = body("twilio_button"), "a-shared-key"
    new = twilio_signed(form, NOW, secret=secret, algorithm="sha256")
    old = twilio_signed(form, NOW, secret=secret)
    channel = make_twilio(AWAY, webhook_secret=secret)
    channel.authenticate(new)
    named = {**old.headers, "x-twilio-webhooks-signature-settings": "key=x,algorithm=HMAC_SHA1"}
    for other in (old, replace(old, headers=named), twilio_signed(form, NOW)):
        with pytest.raises(Forged):
            channel.authenticate(other)


# What the platforms refuse


@both
async def test_a_wrong_secret_is_ours_to_mend(whatsapp: WhatsAppPeer, provider: str) -> None:
    changes = {"access_token": "other"} if provider == "meta" else {"auth_token": "other"}
    channel = MAKERS[provider](whatsapp.api, **changes)
    with pytest.raises(Busy):
        await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    (finding,) = await channel.check()
    assert not finding.ok
    await channel.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, Busy) for code in (4, 80007, 130429, 131056, 190, 200, 131031, 132001, 132015)),
        *((code, Refused) for code in (131026, 131051, 131009, 132018)),
    ],
)
async def test_what_is_ours_or_passes_is_busy_and_what_never_works_is_refused(
    whatsapp: WhatsAppPeer, code: int, kind: type[Exception]
) -> None:
    channel = make(whatsapp.api)
    whatsapp.fail.append(whatsapp._error(code, "no"))
    with pytest.raises(kind, match=str(code)):
        await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    await channel.close()


@pytest.mark.parametrize(("code", "kind"), [(63007, Busy), (63018, Busy), (21211, Refused)])
async def test_twilio_s_codes_mean_the_same(
    whatsapp: WhatsAppPeer, code: int, kind: type[Exception]
) -> None:
    channel = make_twilio(whatsapp.api)
    whatsapp.fail.append(whatsapp._twilio_error(code, "no"))
    with pytest.raises(kind, match=str(code)):
        await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    await channel.close()


@both
@pytest.mark.parametrize("answer", ["", "{", "[]", "7", '{"messages": []}', '{"messages": [{}]}'])
async def test_an_answer_that_is_none_is_busy(
    whatsapp: WhatsAppPeer, channel: WhatsApp, answer: str
) -> None:
    whatsapp.fail.append(web.Response(text=answer, content_type="application/json"))
    with pytest.raises(Busy):
        await channel.post(ADDRESS, channel.layout(card()), "crd_1")


@both
async def test_nobody_there_is_refused(whatsapp: WhatsAppPeer, channel: WhatsApp) -> None:
    whatsapp.unknown.add(DANA)
    with pytest.raises(Refused, match=r"131026|63024"):
        await channel.post(ADDRESS, channel.layout(card()), "crd_1")


async def test_a_number_that_whatsapp_writes_otherwise_is_logged(
    whatsapp: WhatsAppPeer, caplog: pytest.LogCaptureFixture
) -> None:
    channel = make(whatsapp.api)
    whatsapp.wa_ids[DANA] = "5216505551234"
    await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert "5216505551234" in caplog.text
    await channel.close()


async def test_a_user_id_is_written_to_as_such(whatsapp: WhatsAppPeer) -> None:
    channel = make(whatsapp.api)
    await channel.post(Address("whatsapp", BSUID, account=BSUID), channel.layout(card()), "crd_1")
    ((account, sent),) = whatsapp.sent.values()
    assert (account, "to" in sent, sent["recipient"]) == (BSUID, False, BSUID)
    await channel.close()


@both
async def test_check_finds_nothing_where_all_is_well(whatsapp: WhatsAppPeer, provider: str) -> None:
    channel = MAKERS[provider](whatsapp.api)
    found = await channel.check()
    assert [(one.subject, one.ok) for one in found] == [("access", True), ("clock", True)]
    await channel.close()


# The whole way


@asynccontextmanager
async def house(
    store: Store, whatsapp: WhatsAppPeer, maker: Callable[..., WhatsApp] = make
) -> AsyncIterator[Place]:
    """Three people who are reached by WhatsApp."""
    clock = Clock()
    more: Any = {"people": PEOPLE, "groups": GROUPS, "clock": clock}
    async with open_house(store, desks=(maker(whatsapp.api, clock=clock),), **more) as place:
        yield place


@both
async def test_law_04_from_a_request_to_a_verdict(
    store: Store, whatsapp: WhatsAppPeer, provider: str
) -> None:
    async with house(store, whatsapp, MAKERS[provider]) as place:
        clock = place.clock
        request = await place.opened()
        await place.carried()
        ((id, (account, _)),) = whatsapp.sent.items()
        assert (account, [*whatsapp.buttons(id)]) == (DANA, ["Approve", "Decline"])
        # A stranger's tap consumes nothing, and the stranger is told.
        whatsapp.arrived.clear()
        assert await pressed(place, whatsapp.press(id, "Approve", "15550006666", clock())) == 200
        await asyncio.wait_for(whatsapp.arrived.wait(), HANGS)
        assert [*whatsapp.sent.values()][-1][0] == "15550006666"
        assert (await place.case(request["id"])).open
        # The tap, and the same one again.
        press = whatsapp.press(id, "Approve", at=clock())
        assert await pressed(place, press) == 200
        assert await pressed(place, press) == 200
        case = await place.case(request["id"])
        assert (case.status, [vote.person for vote in case.votes]) == (Status.APPROVED, ["dana"])
        await place.carried()
        closing = [x for x in whatsapp.sent if "Approved by dana" in whatsapp.text(x)]
        assert len(closing) == 1
        # What came of it is no second message, by whichever copy of us; a late tap is answered.
        assert isinstance(place.channel, WhatsApp)
        place.channel._ended.clear()
        done = {"delivered": True, "status": 200}
        path = f"/v1/requests/{request['id']}/outcome"
        status, _ = await place.call("POST", path, done)
        assert status in (200, 204)
        await place.carried()
        assert len([x for x in whatsapp.sent if "Approved by dana" in whatsapp.text(x)]) == 1
        whatsapp.arrived.clear()
        assert await pressed(place, whatsapp.press(id, "Decline", at=clock())) == 200
        await asyncio.wait_for(whatsapp.arrived.wait(), HANGS)
        assert whatsapp.text([*whatsapp.sent][-1]) == "Approved by dana. Delivered: 200"


async def test_law_20_votes_in_between_are_told_to_nobody_but_who_voted(
    store: Store, whatsapp: WhatsAppPeer
) -> None:
    async with house(store, whatsapp) as place:
        clock = place.clock
        request = await place.opened("two.payouts")
        await place.carried()
        first, second = sorted(whatsapp.sent, key=lambda id: whatsapp.sent[id][0] != DANA)
        whatsapp.arrived.clear()
        one = whatsapp.press(first, "Approve", at=clock())
        assert await pressed(place, one) == 200
        await asyncio.wait_for(whatsapp.arrived.wait(), HANGS)
        await place.carried()
        assert [whatsapp.sent[id][0] for id in [*whatsapp.sent][2:]] == [DANA]
        # Two presses in one delivery: a late one of dana's, and lee's.
        other = whatsapp.press(second, "Approve", at=clock())
        value = one["entry"][0]["changes"][0]["value"]
        value["messages"] += other["entry"][0]["changes"][0]["value"]["messages"]
        assert await pressed(place, one) == 200
        assert (await place.case(request["id"])).status is Status.APPROVED
        await place.carried()
        closing = [x for x in whatsapp.sent if "Approved by dana and lee" in whatsapp.text(x)]
        assert sorted(whatsapp.sent[id][0] for id in closing) == [LEE, DANA]


async def test_law_03_a_revised_request_ends_its_old_card_once(
    store: Store, whatsapp: WhatsAppPeer
) -> None:
    async with house(store, whatsapp) as place:
        clock = place.clock
        request = await place.opened("two.payouts")
        await place.carried()
        again = {"action": "two.payouts", "payload": {"to": "eve"}}
        status, _ = await place.call("PUT", f"/v1/requests/{request['id']}", again)
        assert status == 200
        await place.carried()
        cards = [x for x in whatsapp.sent if whatsapp.buttons(x) and whatsapp.sent[x][0] == DANA]
        assert len(cards) == 2
        assert await pressed(place, whatsapp.press(cards[1], "Approve", at=clock())) == 200
        await place.carried()
        gone = [x for x in whatsapp.sent if "Withdrawn" in whatsapp.text(x)]
        assert sorted(whatsapp.sent[id][0] for id in gone) == [LEE, DANA]


# A peer that nobody here wrote

PEERS = ROOT / "tests/peers"


def _node() -> str:
    assert (PEERS / "node_modules").exists(), "run npm ci in tests/peers; make test does"
    return NODE


@pytest.fixture(scope="module")
def emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of the Twilio of npm's `emulate` 0.12.2 (`make test` installs it).

    It knows messages, status callbacks and signatures; contents and the 24 hours it does not.
    """
    port, hook = free_port(), free_port()
    number = {"phone_number": SENDER, "sms_url": f"http://127.0.0.1:{hook}/events"}
    account = {"sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "friendly_name": "countersign"}
    seed = tmp_path_factory.mktemp("emulate") / "seed.json"
    seed.write_text(json.dumps({"twilio": {"account": account, "phone_numbers": [number]}}))
    command = (_node(), "emulate.mjs", "twilio", str(port), str(seed))
    with subprocess.Popen(command, cwd=PEERS, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = process.stdout.readline()
        assert said.startswith("http"), said
        yield f"http://127.0.0.1:{port} http://127.0.0.1:{hook}/events"
        process.terminate()


async def test_emulate_takes_our_messages_and_its_deliveries_are_proven(emulate: str) -> None:
    api, hook = emulate.split(" ")
    channel = make_twilio(api, webhook_url=hook)
    came: asyncio.Queue[Event] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        inbound = Inbound("POST", request.path, "", headers, await request.read(), NOW)
        came.put_nowait(channel.read(Resolved.of(channel.authenticate(inbound))))
        return web.Response(body=b"<Response/>", content_type="text/xml")

    app = web.Application()
    app.router.add_post("/events", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(hook.split(":")[2].split("/")[0])).start()
    ref = await channel.post(ADDRESS, channel.layout(card()), "crd_1")
    assert await asyncio.wait_for(came.get(), HANGS) == Ignored("how a message fared")
    assert (await channel.check())[0].ok
    proof = aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)
    async with aiohttp.ClientSession(headers={"Authorization": proof}) as session:
        said_ = {"To": SENDER, "From": f"whatsapp:+{DANA}", "Body": "Approve"}
        async with session.post(f"{api}/_twilio/simulate/inbound-message", data=said_) as answer:
            assert answer.status == 201
        reply = await asyncio.wait_for(came.get(), HANGS)
        assert isinstance(reply, Reply)
        assert (reply.account, reply.text) == (DANA, "Approve")
        status = {"MessageSid": ref.message, "Status": "undelivered"}
        async with session.post(f"{api}/_twilio/simulate/message-status", data=status) as answer:
            assert answer.status == 200
        assert await asyncio.wait_for(came.get(), HANGS) == Ignored("how a message fared")
        async with session.get(f"{api}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json") as answer:
            sent = {one["sid"]: one for one in (await answer.json())["messages"]}
    assert (sent[ref.message]["to"], sent[ref.message]["from"]) == (f"whatsapp:+{DANA}", SENDER)
    wrong = make_twilio(api, auth_token="other")
    with pytest.raises(Busy):
        await wrong.post(ADDRESS, wrong.layout(card()), "crd_2")
    await wrong.close()
    await channel.close()
    await runner.cleanup()


def test_a_client_that_others_wrote_makes_the_same_messages_of_the_same_words() -> None:
    """npm's whatsapp-api-js 6.3.0 throws where a message is over a limit of the Cloud API's."""
    channel, sent = make(AWAY), list[dict[str, Any]]()
    for shown in (
        *CARDS.values(),
        *(card(title=text, payload=text, note=text) for text in HOSTILE),
    ):
        payload = channel.layout(shown)
        sent += [payload["session"], payload["template"]]
    command = (_node(), "whatsapp.mjs")
    ran = subprocess.run(
        command, cwd=PEERS, input=json.dumps(sent), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    for ours, theirs in zip(sent, json.loads(ran.stdout), strict=True):
        ours.get("text", {}).pop("preview_url", None)  # false is what it leaves out
        if named := theirs.get("template"):
            assert named["language"].pop("policy") == "deterministic"  # the only one there is
            for part in (one for one in named["components"] if "index" in one):
                part["index"] = str(part["index"])
        assert theirs == ours
