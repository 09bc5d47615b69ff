"""Google Chat's quirks: whose tokens count, whose people, both formats of events, dialogs, the
echo, what its store may change, Pub/Sub."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.google_chat.adapter import GoogleChat, inert
from approvals.app import channels
from approvals.model import Address, Busy, Fact, Forged, Label, Malformed, Refused, Risk, Status
from approvals.port import (
    Event,
    Ignored,
    Notice,
    NoticeKind,
    Payload,
    Reply,
    Resolved,
    Tap,
    resolve,
)
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import AWAY, CARDS, HOSTILE, NOW, card, natural
from tests.harness.house import HANGS, Clock, Place
from tests.peers.google_chat import (
    ACCOUNT,
    AGENT,
    CHAT,
    CHAT_SCOPE,
    DANA,
    DOMAIN,
    ENDPOINT,
    FIXTURES,
    LEE,
    OWN,
    PROJECT,
    PUBSUB_SCOPE,
    ROOM,
    STRANGE,
    SUBSCRIPTION,
    GoogleChatPeer,
    SigningKey,
    addon_token,
    answered,
    buttons,
    checked,
    delivery,
    fixture,
    links,
    make,
    nodes,
    person,
    token,
    written,
)

CHANNEL = make(AWAY)
ADDON = make(AWAY, app="addon")
HERE = Address("google_chat", "dmDana", account=DANA)
THERE = Address("google_chat", ROOM)
TOKENS = [button.token for button in card().buttons]


@pytest.fixture
async def google() -> AsyncIterator[GoogleChatPeer]:
    async with GoogleChatPeer() as peer:
        yield peer


@pytest.fixture
async def channel(google: GoogleChatPeer) -> AsyncIterator[GoogleChat]:
    made = make(google.api)
    yield made
    await made.close()


@pytest.fixture(params=["classic", "addon"])
async def both(google: GoogleChatPeer, request: pytest.FixtureRequest) -> AsyncIterator[GoogleChat]:
    """An app of either kind, whose events look and are answered differently."""
    google.addon = request.param == "addon"
    made = make(google.api, app=request.param)
    yield made
    await made.close()


def read(event: Any, channel: GoogleChat | None = None) -> Event:
    channel = channel or (ADDON if "chat" in event else CHANNEL)
    return channel.read(Resolved.of(channel.authenticate(delivery(event, NOW))))


def tapped(event: Any) -> Tap:
    return on_platforms.tapped(read(event))


async def asked(channel: GoogleChat, event: Any) -> Tap:
    """The press, with what Google says of its message."""
    proven = channel.authenticate(delivery(event, NOW))
    return on_platforms.tapped(channel.read(await resolve(channel, proven)))


def shown(channel: GoogleChat = CHANNEL, **changes: Any) -> Payload:
    return channel.layout(natural(card(**changes), channel.abilities))


# Configuration


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"service_account": "{}"}, "service_account"),
        ({"service_account": ACCOUNT.replace("BEGIN PRIVATE", "BEGIN")}, "service_account"),
        ({"project_number": "approvals-dev"}, "project_number"),
        ({"domains": ()}, "domains"),
        ({"app": "bot"}, "app is"),
        ({"mode": "socket"}, "mode is"),
        ({"mode": "pubsub", "subscription": ""}, "subscription"),
        ({"mode": "pubsub", "app": "addon", "endpoint_url": ENDPOINT}, "classic"),
        ({"app": "addon", "endpoint_url": ""}, "endpoint_url"),
    ],
)
def test_law_09_an_absent_or_unfit_setting_is_an_error_at_start(
    given: dict[str, Any], word: str
) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        make(AWAY, **given)
    assert "PRIVATE" not in str(caught.value)
    section = {"service_account": ACCOUNT, "project_number": PROJECT, "domains": [DOMAIN]}
    if "BEGIN" not in str(given):
        with pytest.raises(ValueError, match=next(iter(given))):
            channels.SECTIONS["google_chat"].model_validate({**section, **given})


def test_a_configured_channel_is_the_adapter_with_its_section() -> None:
    section = channels.SECTIONS["google_chat"].model_validate(
        {"service_account": ACCOUNT, "project_number": PROJECT, "domains": [DOMAIN]}
    )
    made: Any = channels.made({"google_chat": section}, {})["google_chat"]
    assert (made.app, made.mode, made.project_number, made.domains) == (
        "classic",
        "webhook",
        PROJECT,
        (DOMAIN,),
    )
    assert section.wants_public_url()


# Whose tokens count


def test_law_09_only_googles_token_for_our_project_proves_an_app() -> None:
    good = fixture("card_clicked")
    CHANNEL.authenticate(delivery(good, NOW))
    wrong = (
        token(NOW, STRANGE),
        token(NOW, aud="123456789013"),
        token(NOW, aud=[PROJECT, "123456789013"]),
        token(NOW, aud=ENDPOINT),
        token(NOW, iss=AGENT),
        token(NOW, exp=None),
        token(NOW, iat=None),
        token(NOW, iat=NOW // 1000 + 120),
        # With the URL as audience every app that somebody points here would be proven.
        addon_token(NOW, email=CHAT),
        addon_token(NOW),
    )
    for bearer in wrong:
        with pytest.raises(Forged):
            CHANNEL.authenticate(delivery(good, NOW, bearer))


def test_law_09_only_our_own_projects_agent_proves_an_add_on() -> None:
    good = fixture("addon_button_clicked")
    ADDON.authenticate(delivery(good, NOW))
    wrong = (
        addon_token(NOW, STRANGE),
        addon_token(NOW, aud=f"{ENDPOINT}/"),
        addon_token(NOW, aud=PROJECT),
        addon_token(NOW, iss=CHAT),
        addon_token(NOW, email=AGENT.replace(PROJECT, "123456789013")),
        addon_token(NOW, email=f"x{AGENT}"),
        addon_token(NOW, email=CHAT),
        addon_token(NOW, email=None),
        addon_token(NOW, email_verified=False),
        addon_token(NOW, email_verified=None),
        token(NOW),
    )
    for bearer in wrong:
        with pytest.raises(Forged):
            ADDON.authenticate(delivery(good, NOW, bearer))


def test_law_09_who_pulls_takes_no_delivery_from_outside() -> None:
    channel = make(AWAY, mode="pubsub")
    assert channel.abilities.listen
    with pytest.raises(Forged):
        channel.authenticate(delivery(fixture("card_clicked"), NOW))


@pytest.mark.parametrize("app", ["classic", "addon"])
async def test_googles_keys_are_read_when_one_is_new(google: GoogleChatPeer, app: str) -> None:
    channel, new = make(google.api, app=app), SigningKey("new")
    google.keys.append(new)
    made = addon_token if app == "addon" else token
    inbound = delivery(fixture("card_clicked"), NOW, made(NOW, new))
    google.away = True
    with pytest.raises(Busy):
        await channel.prepare(inbound)
    google.away = False
    channel.signers.asked = 0  # a minute is over
    await channel.prepare(inbound)
    channel.authenticate(inbound)
    reads = google.key_reads
    await channel.prepare(replace(inbound, at=NOW + 1000))
    assert google.key_reads == reads
    await channel.close()


# Cards


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(CHANNEL, state)


@pytest.mark.parametrize("path", sorted((FIXTURES / "golden").glob("*.json")), ids=lambda p: p.stem)
def test_googles_published_schema_accepts_every_golden_card(path: Path) -> None:
    checked(json.loads(path.read_text())["message"])


def tags(payload: Payload) -> list[str]:
    texts = (node["textParagraph"]["text"] for node in nodes(payload) if "textParagraph" in node)
    return [tag for text in texts for tag in OWN.findall(text)]


FRAMED = re.compile(
    r'(?:<font color="#[0-9a-f]{6}">)?(?:<[bi]>)?[^<>]*(?:</[bi]>)?(?:</font>)?[^<>]*'
)


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_13_hostile_words_everywhere_make_no_tag_and_no_link_and_fit(
    texts: tuple[str, ...],
) -> None:
    for given, payload in (one for text in texts for one in on_platforms.full_of(CHANNEL, text)):
        checked(payload["message"])
        assert set(links(payload)) <= {given.review}
        for node in nodes(payload):
            if "textParagraph" in node:
                assert FRAMED.fullmatch(node["textParagraph"]["text"])


@pytest.mark.parametrize("text", HOSTILE)
def test_law_13_a_value_has_no_tag_of_its_own(text: str) -> None:
    for wild in (text, "<b>12.40</b>", '</b><font color="#ffffff">x</font>', "&lt;b&gt;"):
        words = ("title", "payload", "note", "agent", "line")
        each: dict[str, Any] = dict.fromkeys(words, wild) | {"facts": (Fact(wild, wild),)}
        plain: dict[str, Any] = dict.fromkeys(words, "x") | {"facts": (Fact("x", "x"),)}
        assert tags(shown(**each)) == tags(shown(**plain))


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("fill", ["x", "😀", "\u202e", "<", "&", "a\t"])
def test_whatever_it_is_full_of_a_card_fits(status: Status, fill: str) -> None:
    checked(on_platforms.longest(CHANNEL, status, fill)["message"])


def test_blanks_are_kept_and_numbers_are_not_broken() -> None:
    assert inert("a  b\n  c") == "a \xa0b\n\xa0\xa0c"
    assert inert("12,400.00 at 10.0.0.1") == "12,400.00 at 10.0.0.1"
    assert inert("https://evil.example") == "https:\u200b//evil.\u200bexample"
    assert inert("") == "(empty)"


@pytest.mark.parametrize("review", ["http://localhost:8080/r/1", "http://[::1]:8080/r/1"])
def test_an_address_that_nobody_else_reaches_stands_in_the_text(review: str) -> None:
    payload = shown(review=review)
    assert links(payload) == []
    assert review in json.dumps(payload)


def changed(change: Callable[[Any], None]) -> GoogleChat:
    """The channel with a template that makes something else of the message."""

    def render(values: Any) -> Payload:
        made = CHANNEL.render(values)
        change(made)
        return made

    return make(AWAY, render=render)


def sections(message: Any) -> Any:
    return message["cardsV2"][0]["card"]["sections"]


def swapped(message: Any) -> None:
    first, second = buttons(message)[:2]
    first["onClick"], second["onClick"] = second["onClick"], first["onClick"]


def calling(message: Any) -> None:
    more = {"name": "x", "label": "x", "onChangeAction": {"function": "countersign"}}
    sections(message)[0]["widgets"].append({"textInput": more})


def clickable(message: Any) -> None:
    token = buttons(message)[0]["onClick"]
    sections(message)[0]["widgets"].append({"decoratedText": {"text": "x", "onClick": token}})


@pytest.mark.parametrize(
    "change", [swapped, calling, clickable, lambda message: message.update(text="Approve?")]
)
def test_law_07_a_template_that_draws_something_else_is_refused(change: Any) -> None:
    with pytest.raises(Refused, match=r"button|template"):
        changed(change).layout(card())


def folded(message: Any) -> None:
    sections(message)[1]["collapsible"] = True


def hidden(message: Any) -> None:
    sections(message)[1]["widgets"][0]["visibility"] = "HIDDEN"


def clipped(message: Any) -> None:
    sections(message)[1]["widgets"][0]["textParagraph"]["maxLines"] = 1


@pytest.mark.parametrize("change", [folded, hidden, clipped])
def test_law_14_a_template_that_folds_a_fact_in_has_no_approve(change: Any) -> None:
    left = [one["text"] for one in buttons(changed(change).layout(card())["message"])]
    assert "Approve" not in left
    assert "Decline" in left


# The echo


@pytest.mark.parametrize("text", [*HOSTILE, "a & b", "a\tb", " lead ", "  two  ", "\n", "&amp;lt;"])
async def test_law_07_an_unchanged_card_comes_back_with_its_echo(
    google: GoogleChatPeer, both: GoogleChat, text: str
) -> None:
    words = dict.fromkeys(("title", "payload", "note", "headline", "progress"), text)
    payload = shown(both, **words, facts=(Fact(text, text),))
    ref = await both.post(HERE, payload, "crd_1")
    assert ref.altered == ()
    for google.with_cards in (True, False):
        tap = await asked(both, google.press(ref.conversation, ref.message, "Approve"))
        assert (tap.echo, tap.message, tap.token) == (both.echo(payload), ref.message, TOKENS[0])


async def test_law_07_google_is_asked_for_the_card_only_where_a_press_does_not_bring_it(
    google: GoogleChatPeer, both: GoogleChat
) -> None:
    ref = await both.post(HERE, shown(both), "crd_1")
    google.calls.clear()
    press = google.press(ref.conversation, ref.message, "Approve")
    await asked(both, press)
    assert google.calls == []
    google.with_cards = False
    press = google.press(ref.conversation, ref.message, "Approve")
    assert tapped(press).echo is None
    assert (await asked(both, press)).echo
    assert [call[0] for call in google.calls] == ["GET"]
    # Of another button nothing is asked, nor of a dialog.
    foreign = google.press(ref.conversation, ref.message, "Approve")
    common = foreign["commonEventObject" if google.addon else "common"]
    common["parameters"] = {"dish": "soup"}
    proven = both.authenticate(delivery(foreign, NOW))
    assert isinstance(both.read(await resolve(both, proven)), Ignored)
    assert len(google.calls) == 1
    google.break_next(503, None)
    with pytest.raises(Busy):
        await asked(both, press)
    google.messages.clear()
    with pytest.raises(Forged):
        await asked(both, press)


def altered(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The message with one thing changed, for every thing that a thief could change."""
    found = [
        {**message, "text": "It is only 12.40"},
        {**message, "accessoryWidgets": [{"buttonList": {"buttons": []}}, {}]},
        {**message, "attachment": [{"name": "x"}]},
        {**message, "cards": [{"header": {"title": "x"}}]},
        {**message, "cardsV2": message["cardsV2"] * 2},
        {**message, "cardsV2": []},
    ]

    def other(change: Callable[[Any], None]) -> None:
        new = copy.deepcopy(message)
        change(new)
        found.append(new)

    def with_node(at: int, changes: Mapping[str, object]) -> None:
        other(lambda new: nodes(new["cardsV2"])[at].update(changes))

    for at in range(len(nodes(message["cardsV2"]))):
        node = nodes(message["cardsV2"])[at]
        for name in ("text", "url", "key", "value", "function", "interaction"):
            if isinstance(node.get(name), str):
                for value in (f"{node[name]}x", f"<b>{node[name]}</b>", ""):
                    with_node(at, {name: value})
        for name in ("disabled", "collapsible", "maxLines"):
            with_node(at, {name: 1})
    other(lambda new: sections(new).reverse())
    other(lambda new: sections(new)[0]["widgets"].insert(0, {"image": {"imageUrl": "https://x.y"}}))
    other(lambda new: new["cardsV2"][0]["card"].update(header={"title": "Only 12.40"}))
    other(swapped)
    return found


def test_law_07_any_change_of_a_card_changes_its_echo() -> None:
    message = fixture("card_clicked")["message"]
    sent = CHANNEL.echo(shown())

    def echo(one: Any) -> str | None:
        return CHANNEL.echo({"message": one})

    assert echo(message) == sent
    assert tapped(fixture("card_clicked")).echo == sent
    seen = [echo(one) for one in altered(message)]
    assert len(seen) > 80
    assert sent not in seen


def test_law_07_a_text_that_is_cut_off_and_was_not_is_another_card() -> None:
    def echo(wrapped: bool) -> str | None:
        message = copy.deepcopy(fixture("card_clicked")["message"])
        widget = {"decoratedText": {"text": "12,400.00 EUR to ACME", "wrapText": wrapped}}
        sections(message)[0]["widgets"].append(widget)
        return CHANNEL.echo({"message": message})

    assert echo(True) != echo(False)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("&lt;", "&#60;").replace("&amp;", "&#x26;"),
        lambda text: text.replace("&gt;", ">"),
        lambda text: text.replace("'", "&#39;"),
        lambda text: text.replace("\u200b", "").replace("\xa0", " "),
    ],
)
async def test_law_07_how_google_writes_a_character_makes_no_difference(
    google: GoogleChatPeer, channel: GoogleChat, change: Callable[[str], str]
) -> None:
    google.alters = change
    payload = shown(payload="<b> a &amp; b's www.x.example\n  c", note="it's <urgent>")
    assert (await channel.post(HERE, payload, "crd_1")).altered == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("&lt;", "<"),
        lambda text: text.replace("&amp;lt;", "&lt;"),
        lambda text: text.replace("12,400", "12.40"),
    ],
)
async def test_law_07_another_text_that_google_stored_is_reported(
    google: GoogleChatPeer, channel: GoogleChat, change: Callable[[str], str]
) -> None:
    google.alters = change
    payload = shown(payload="<b>x &lt;b&gt;", note=None)
    (one, *_) = (await channel.post(HERE, payload, "crd_1")).altered
    assert one.path.startswith("$.cardsV2[0].card.sections[")


# Reading


def test_a_press_says_who_where_and_what() -> None:
    for name in ("card_clicked", "addon_button_clicked"):
        tap = tapped(fixture(name))
        assert (tap.account, tap.conversation, tap.message) == (
            DANA,
            "dmDana",
            "A6woZAHrIjs.9qQCF6JGUNg",
        )
        assert (tap.token, tap.reason, tap.stranger) == (TOKENS[0], None, None)


def test_law_09_presses_have_different_ids_and_the_same_press_has_one() -> None:
    good = fixture("card_clicked")
    later = {**good, "eventTime": "2026-01-02T03:55:31.000001Z"}
    other = {**good, "user": person(LEE)}
    assert len({tapped(one).event for one in (good, good, later, other)}) == 3


def test_older_events_have_the_parameters_beside_the_function() -> None:
    good = fixture("card_clicked")
    del good["common"]["parameters"]
    assert tapped(good).token == TOKENS[0]


def test_what_a_dialog_sends_may_decline_only() -> None:
    tap = tapped(fixture("dialog_submitted"))
    assert (tap.message, tap.echo, tap.token, tap.reason, tap.ready) == (
        None,
        None,
        TOKENS[1],
        "Too much.",
        1,
    )


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"email": "dana@evil.example"}, "domain"),
        ({"email": f"dana@{DOMAIN}.evil.example"}, "domain"),
        ({"email": f"{DOMAIN}"}, "domain"),
        ({"email": None}, "domain"),
        ({"email": [f"dana@{DOMAIN}"]}, "domain"),
        ({"type": "BOT"}, "person"),
        ({"isAnonymous": True}, "person"),
    ],
)
def test_law_02_who_is_not_of_our_organisation_is_a_stranger(
    other: dict[str, Any], why: str
) -> None:
    user = person(DANA, **other)
    addon = fixture("addon_button_clicked")
    addon["chat"]["user"] = user
    for event in ({**fixture("card_clicked"), "user": user}, addon):
        assert why in str(tapped(event).stranger)
    reply = read({**fixture("message"), "user": user})
    assert isinstance(reply, Reply)
    assert why in str(reply.stranger)


@pytest.mark.parametrize("addon", [False, True])
def test_law_06_only_what_is_written_to_the_app_alone_is_read(addon: bool) -> None:
    reply = read(fixture("addon_message" if addon else "message"))
    assert isinstance(reply, Reply)
    assert (reply.account, reply.conversation, reply.text, reply.event) == (
        DANA,
        "dmDana",
        "link CS-0123-4567-89AB-CDEF",
        "dmDana:W1.W1",
    )
    assert isinstance(read(written("link x", ROOM, person(), "W1.W1", addon)), Ignored)
    people = written("link x", "dmDana", person(), "W1.W1", addon)
    (payload,) = [node for node in nodes(people) if "message" in node]
    payload["space"]["singleUserBotDm"] = False  # two people, and the app was named
    assert isinstance(read(people), Ignored)
    silent = written("", "dmDana", person(), "W1.W1", addon)
    assert isinstance(read(silent), Ignored)


def test_law_07_a_press_on_a_message_of_another_space_is_malformed() -> None:
    odd = fixture("card_clicked")
    odd["message"]["name"] = odd["message"]["name"].replace("dmDana", "dmLee")
    with pytest.raises(Malformed):
        read(odd)


# Accounts


async def test_a_person_who_opened_the_app_is_reached(channel: GoogleChat) -> None:
    assert await channel.open(DANA) == HERE


@pytest.mark.parametrize(
    "account", ["100000000000000000003", f"p1@{DOMAIN}", "users/1", "", "../1", "1?x=1"]
)
async def test_law_02_who_cannot_be_reached_is_refused(channel: GoogleChat, account: str) -> None:
    with pytest.raises(Refused):
        await channel.open(account)


@pytest.mark.parametrize("affiliation", ["EXTERNAL", "MANAGED_EXTERNAL"])
async def test_law_02_who_is_of_another_organisation_is_refused(
    google: GoogleChatPeer, channel: GoogleChat, affiliation: str
) -> None:
    google.affiliation = affiliation
    with pytest.raises(Refused, match="no person of ours"):
        await channel.open(DANA)


async def test_law_02_a_bot_is_refused_and_who_is_not_there(
    google: GoogleChatPeer, channel: GoogleChat
) -> None:
    google.people[DANA] = person(DANA, type="BOT")
    del google.people[LEE]
    for who in (DANA, LEE):
        with pytest.raises(Refused):
            await channel.open(who)


# Sending


async def test_a_card_is_posted_once_and_patched_in_place(
    google: GoogleChatPeer, channel: GoogleChat
) -> None:
    first = await channel.post(HERE, shown(), "crd_1")
    assert await channel.post(HERE, shown(), "crd_1") == first
    assert (await channel.post(HERE, shown(), "crd_2")).message != first.message
    google.messages[first.conversation, first.message]["text"] = "It is only 12.40"
    closed = CHANNEL.layout(CARDS["approved"])
    ref = await channel.redraw(first, closed)
    assert (ref, ref.altered) == (first, ())
    now = google.messages[first.conversation, first.message]
    assert "text" not in now
    assert now["cardsV2"] == closed["message"]["cardsV2"]
    assert [one["text"] for one in buttons(now)] == ["Details"]
    assert google.calls[-1][2] == {"updateMask": "cardsV2,text"}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"risk": Risk.HIGH}, "FORCE_NOTIFY"),
        ({"risk": Risk.HIGH, "shared": True}, "NONE"),
        ({"risk": Risk.MEDIUM}, "NONE"),
        ({"risk": Risk.HIGH, "status": Status.EXPIRED, "buttons": ()}, "NONE"),
    ],
)
async def test_only_high_risk_to_one_person_breaks_do_not_disturb(
    google: GoogleChatPeer, channel: GoogleChat, changes: dict[str, Any], kind: str
) -> None:
    await channel.post(HERE, CHANNEL.layout(card(**changes)), "crd_1")
    query = google.calls[-1][2]
    name = "createMessageNotificationOptions.notificationType"
    assert query[name] == f"NOTIFICATION_TYPE_{kind}"


async def test_one_token_does_for_many_calls_and_a_refused_one_is_replaced(
    google: GoogleChatPeer, channel: GoogleChat
) -> None:
    for number in range(3):
        await channel.post(HERE, shown(), f"crd_{number}")
    assert (google.tokens, [*google.live.values()]) == (1, [CHAT_SCOPE])
    google.live.clear()
    with pytest.raises(Busy, match="401"):
        await channel.post(HERE, shown(), "crd_4")
    await channel.post(HERE, shown(), "crd_4")


async def test_law_26_without_a_token_cards_wait(
    google: GoogleChatPeer, channel: GoogleChat, caplog: pytest.LogCaptureFixture
) -> None:
    google.away = True
    with pytest.raises(Busy):
        await channel.post(HERE, shown(), "crd_1")
    google.away = False
    other = make(google.api, service_account=ACCOUNT.replace("countersign@", "other@"))
    with pytest.raises(Busy, match="no token"):
        await other.post(HERE, shown(), "crd_1")
    assert "invalid_grant" in caplog.text
    await other.close()


@pytest.mark.parametrize("reason", ["SERVICE_DISABLED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"])
async def test_law_26_what_an_operator_mends_is_not_held_against_a_card(
    google: GoogleChatPeer, channel: GoogleChat, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    google.fail.append(google.error(403, "PERMISSION_DENIED", reason))
    with pytest.raises(Busy):
        await channel.post(HERE, shown(), "crd_1")
    assert reason in caplog.text


async def test_a_space_without_the_app_is_refused_and_a_portal_is_not_google(
    google: GoogleChatPeer, channel: GoogleChat
) -> None:
    from aiohttp import web

    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        await channel.post(Address("google_chat", "AAAAelse"), shown(), "crd_1")
    for odd in (
        web.Response(status=404, text="<html>Sign in</html>"),
        web.Response(status=302, headers={"Location": f"{google.base}/token"}),
        web.json_response([]),
        web.json_response({}),
        web.json_response({"name": "spaces/Other/messages/x"}),
    ):
        google.fail.append(odd)
        with pytest.raises(Busy):
            await channel.post(HERE, shown(), "crd_1")


# Answers


async def test_a_word_to_one_person_is_private_in_a_room_and_plain_in_a_chat_with_the_app(
    google: GoogleChatPeer, both: GoogleChat
) -> None:
    for address, viewer in ((THERE, f"users/{LEE}"), (HERE, None)):
        ref = await both.post(address, shown(both), f"crd_{address.conversation}")
        tap = await asked(both, google.press(ref.conversation, ref.message, "Approve", LEE))
        for kind in (NoticeKind.REFUSED, NoticeKind.CLOSED):
            said = both.answer(tap, Notice(kind, "Not yours, <users/all>."))
            assert said is not None
            kind_, what = answered(said.body, addon=google.addon)
            assert (kind_, what) == ("message", ("Not yours, <\u200busers/all>.", viewer))
        said = both.answer(tap, Notice(NoticeKind.COUNTED, "Approved."))
        assert said is not None
        assert answered(said.body, addon=google.addon)[0] == "nothing"


async def test_decline_opens_a_dialog_whose_end_says_what_became_of_it(
    google: GoogleChatPeer, both: GoogleChat
) -> None:
    ref = await both.post(THERE, shown(both), "crd_1")
    press = google.press(ref.conversation, ref.message, str(Label.DECLINE_PROMPT))
    tap = await asked(both, press)
    asks = Notice(NoticeKind.ASK_REASON, "Why?", ("Too much", "Not now & never"))
    said = both.answer(tap, asks)
    assert said is not None
    kind, dialog = answered(said.body, addon=google.addon)
    assert kind == "dialog"
    for given, expected in (
        ({"reason": "No @here", "ready": "1"}, ("No @here", 1)),
        ({"reason": ""}, ("", None)),
        ({"reason": "x" * 900}, ("x" * 500, None)),
        ({}, ("", None)),
    ):
        submitted = google.submit(ref.conversation, ref.message, dialog, **given)
        tap = await asked(both, submitted)
        assert (tap.token, tap.message, tap.reason, tap.ready) == (TOKENS[1], None, *expected)
    for kind_ in (NoticeKind.COUNTED, NoticeKind.REFUSED):
        said = both.answer(tap, Notice(kind_, "Recorded."))
        assert said is not None
        assert answered(said.body, addon=google.addon) == ("closed", "Recorded.")
    odd = google.submit(ref.conversation, ref.message, dialog, ready="99")
    with pytest.raises(Malformed):
        await asked(both, odd)


async def test_law_02_a_stranger_who_presses_decline_gets_no_dialog(
    google: GoogleChatPeer, both: GoogleChat
) -> None:
    ref = await both.post(THERE, shown(both), "crd_1")
    press = google.press(ref.conversation, ref.message, "Decline…", LEE, email="lee@evil.example")
    tap = await asked(both, press)
    assert tap.stranger
    said = both.answer(tap, Notice(NoticeKind.REFUSED, "You may not decide here."))
    assert said is not None
    assert answered(said.body, addon=google.addon) == ("closed", "You may not decide here.")


def test_a_word_about_a_code_is_the_answer() -> None:
    for name, addon in (("message", False), ("addon_message", True)):
        reply = read(fixture(name))
        assert isinstance(reply, Reply)
        said = CHANNEL.word(reply, Notice(NoticeKind.COUNTED, "This account is dana's."))
        assert answered(said.body, addon=addon)[1][0] == "This account is dana's."


# Pub/Sub


def listening(google: GoogleChatPeer, deliver: Any) -> AbstractAsyncContextManager[GoogleChat]:
    made = make(google.api, mode="pubsub")
    return on_platforms.listening(made, deliver, google.pulling)


async def test_a_press_by_pubsub_reads_the_same_and_is_answered_by_a_private_message(
    google: GoogleChatPeer, channel: GoogleChat
) -> None:
    events: list[Event] = []

    async def deliver(event: Event) -> Notice | None:
        assert not google.taken
        events.append(event)
        return Notice(NoticeKind.REFUSED, "You are not an approver.")

    async with listening(google, deliver) as puller:
        assert not puller.abilities.reason_prompt
        ref = await puller.post(THERE, shown(puller), "crd_1")
        google.with_cards = False
        press = google.press(ref.conversation, ref.message, "Approve")
        google.publish(press)
        async with asyncio.timeout(HANGS):
            while not google.private:
                google.heard.clear()
                await google.heard.wait()
        (event,) = events
        tap = await asked(channel, press)
        assert event == tap
        assert puller.answer(tap, Notice(NoticeKind.REFUSED, "x")) is None
    assert google.private == [(ROOM, "You are not an approver.", f"users/{DANA}")]
    assert f"{CHAT_SCOPE} {PUBSUB_SCOPE}" in google.live.values()


async def test_law_24_what_comes_by_pubsub_is_acknowledged_only_once_it_was_delivered(
    google: GoogleChatPeer,
) -> None:
    first, second = google.publish(b"not an event"), google.publish(fixture("card_clicked"))
    seen: list[Event] = []
    done = asyncio.Event()

    async def fails(event: Event) -> Notice | None:
        seen.append(event)
        if isinstance(event, Tap):
            raise Busy("the database is away")
        return None

    async def works(event: Event) -> Notice | None:
        seen.append(event)
        done.set()
        return None

    puller = make(google.api, mode="pubsub")
    with pytest.raises(Busy):
        await asyncio.wait_for(puller.listen(fails), HANGS)
    await puller.close()
    assert (google.taken, [type(one) for one in seen]) == ({first}, [Ignored, Tap])
    async with listening(google, works):
        await asyncio.wait_for(done.wait(), HANGS)
        async with asyncio.timeout(HANGS):
            while second not in google.taken:
                google.heard.clear()
                await google.heard.wait()
    assert seen[1] == seen[2]


async def test_who_may_not_pull_is_told_why(google: GoogleChatPeer) -> None:
    google.may_pull = False
    channel = make(google.api, mode="pubsub")
    with pytest.raises(Refused):
        await channel.listen(lambda event: None)  # type: ignore[arg-type, return-value] # never called
    await channel.close()


# Doctor


async def test_check_names_what_is_wrong(google: GoogleChatPeer) -> None:
    async def found(**more: Any) -> dict[str, bool]:
        return await on_platforms.found(make(google.api, **more))

    assert await found() == {"token": True, "Chat API": True, "keys": True, "clock": True}
    google.fail.append(google.error(403, "PERMISSION_DENIED", "SERVICE_DISABLED"))
    assert not (await found())["Chat API"]
    assert (await found(mode="pubsub"))["subscription"]
    google.may_pull = False
    assert not (await found(mode="pubsub"))["subscription"]
    other = await found(service_account=ACCOUNT.replace("countersign@", "other@"))
    assert not other["token"]
    google.away = True
    assert not (await found())["keys"]


# In the whole house


def house(
    store: Store, google: GoogleChatPeer, *, clock: Clock | None = None, **more: Any
) -> AbstractAsyncContextManager[Place]:
    channel = make(google.api, **more)
    return on_platforms.house(store, channel, dana=DANA, lee=LEE, room=ROOM, clock=clock)


async def delivered(place: Place, google: GoogleChatPeer, event: Any) -> tuple[str, Any]:
    """What our answer does there."""
    inbound = delivery(event, place.clock())
    url = f"{place.url}/channels/google_chat/events"
    async with place.http.post(url, data=inbound.body, headers=dict(inbound.headers)) as answer:
        assert answer.status == 200
        return answered(await answer.read(), addon=google.addon)


def newest(google: GoogleChatPeer, where: str) -> str:
    return [id_ for space, id_ in google.messages if space == where][-1]


@pytest.mark.parametrize("app", ["classic", "addon"])
async def test_a_request_is_approved_by_a_tap_and_by_nobody_elses(
    store: Store, google: GoogleChatPeer, app: str
) -> None:
    google.addon, google.with_cards = app == "addon", app != "addon"
    async with house(store, google, app=app) as place:
        request = await place.opened()
        await place.carried()
        id_ = newest(google, "dmDana")
        press = google.press("dmDana", id_, "Approve")
        for who, more in ((LEE, {}), (DANA, {"email": "dana@evil.example"})):
            odd = google.press("dmDana", id_, "Approve", who, **more)
            assert (await delivered(place, google, odd))[0] == "message"
            assert (await place.read(request["id"]))["status"] == "pending"
        assert await delivered(place, google, press) == ("nothing", None)
        assert (await place.read(request["id"]))["status"] == "approved"
        await place.carried()
        now = google.messages["dmDana", id_]
        assert "Approved by dana" in json.dumps(now)
        assert [one["text"] for one in buttons(now)] in ([], ["Details"])
        assert (await delivered(place, google, press))[0] in ("nothing", "message")


async def test_law_07_a_card_that_a_thief_of_the_key_changed_approves_nothing(
    store: Store, google: GoogleChatPeer
) -> None:
    async with house(store, google) as place:
        request = await place.opened()
        await place.carried()
        id_ = newest(google, "dmDana")
        sections(google.messages["dmDana", id_])[0]["widgets"][0]["textParagraph"]["text"] = "Lunch"
        kind, said = await delivered(place, google, google.press("dmDana", id_, "Approve"))
        assert (kind, "isn't the card we sent" in said[0]) == ("message", True)
        assert (await place.read(request["id"]))["status"] == "pending"


async def test_a_request_in_a_room_is_declined_with_a_reason(
    store: Store, google: GoogleChatPeer
) -> None:
    async with house(store, google) as place:
        request = await place.opened("room.x")
        await place.carried()
        id_ = newest(google, ROOM)
        kind, dialog = await delivered(place, google, google.press(ROOM, id_, "Decline…"))
        assert kind == "dialog"
        submitted = google.submit(ROOM, id_, dialog, reason="No <b>@here</b>")
        kind, said = await delivered(place, google, submitted)
        assert (kind, "eclined" in said) == ("closed", True)
        assert (await place.read(request["id"]))["status"] == "declined"
        await place.carried()
        said = json.dumps(google.messages[ROOM, id_], ensure_ascii=False)
        assert "No &lt;b&gt;@here" in said.replace("\u200b", "")


async def test_the_same_house_by_pubsub(store: Store, google: GoogleChatPeer) -> None:
    async with house(store, google, mode="pubsub") as place:
        request = await place.opened()
        await place.carried()
        id_ = newest(google, "dmDana")
        assert [one["text"] for one in buttons(google.messages["dmDana", id_])][:2] == [
            "Approve",
            "Decline",
        ]
        ack = google.publish(google.press("dmDana", id_, "Approve"))
        async with asyncio.timeout(HANGS):
            while ack not in google.taken:
                google.heard.clear()
                await google.heard.wait()
        assert (await place.read(request["id"]))["status"] == "approved"


async def test_a_typed_code_declines_in_a_chat_with_the_app(
    store: Store, google: GoogleChatPeer
) -> None:
    async with house(store, google) as place:
        request = await place.opened()
        await place.carried()
        code = request["digest"].rpartition(":")[2][:8]
        event = google.wrote("dmDana", f"decline {code} too much")
        assert (await delivered(place, google, event))[0] == "message"
        assert (await place.read(request["id"]))["status"] == "declined"
        assert await delivered(place, google, google.wrote("dmDana", "Hello")) == ("nothing", None)


def test_the_subscription_is_written_in_full() -> None:
    section = {"service_account": ACCOUNT, "project_number": PROJECT, "domains": [DOMAIN]}
    read_ = channels.SECTIONS["google_chat"].model_validate
    assert not read_({**section, "mode": "pubsub", "subscription": SUBSCRIPTION}).wants_public_url()
    with pytest.raises(ValueError, match="subscription"):
        read_({**section, "mode": "pubsub", "subscription": "countersign"})
