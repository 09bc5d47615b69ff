"""What is special about Linear. What every channel keeps is in test_channels.py."""

from __future__ import annotations

import asyncio
import hmac
import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from aiohttp import ClientSession, web
from graphql import build_schema, get_named_type, graphql_sync, is_leaf_type
from pydantic import SecretStr, ValidationError

from adapters.linear import markdown
from adapters.linear.adapter import MOST, Linear
from adapters.linear.api import SCOPES, TOKEN, Token
from adapters.linear.settings import Settings, sample
from approvals.cards import renderer
from approvals.memory import ChannelMemory
from approvals.model import (
    Address,
    Busy,
    Choice,
    Fact,
    Forged,
    Malformed,
    Refused,
    Risk,
    Status,
)
from approvals.port import Event, Ignored, Inbound, Notice, NoticeKind, Reply, Resolved, Tap
from approvals.service import COUNTED_ALREADY
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import (
    AWAY,
    CARDS,
    HOSTILE,
    NOW,
    REASONS,
    ROOT,
    card,
    event_of,
    natural,
)
from tests.harness.house import HANGS, RING, Place, Wall, until
from tests.harness.node import NODE
from tests.peers.linear import (
    APP,
    CARD,
    CLIENT,
    CLIENT_SECRET,
    DANA,
    FIXTURES,
    GONE,
    GUEST,
    ISSUE,
    LEE,
    OTHER,
    ROBOT,
    WEBHOOK_SECRET,
    LinearPeer,
    commented,
    delivery,
    fixture,
    links,
    make,
    prompted,
)
from tests.reading.work import linear as grows
from tools.ports import free_port

PEERS = ROOT / "tests/peers"
WELL = {"token": True, "clock": True, "issue": True}
REFUSED = Notice(NoticeKind.REFUSED, "You are not an approver of this request.")
ROOM = Address("linear", OTHER)


@pytest.fixture
async def linear() -> AsyncIterator[LinearPeer]:
    async with LinearPeer() as peer:
        yield peer
        assert peer.faults == []


def shown(channel: Linear, **changes: Any) -> Any:
    """The payload of a card as it is today: without the buttons of older ones."""
    return channel.layout(natural(card(**changes), channel.abilities))


async def read(channel: Linear, inbound: Any) -> Event:
    return await event_of(channel, inbound)


# The card


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(make(AWAY), state)


@pytest.mark.parametrize("status", Status)
def test_the_longest_cards_fit(status: Status) -> None:
    for fill in ("x", "é", "<", "😀", "`", "x\n", " "):
        assert on_platforms.longest(make(AWAY), status, fill)["card"]


@pytest.mark.parametrize("text", [*HOSTILE, *(batch[0] for batch in hostile.BATCHES if batch[0])])
def test_law_13_whatever_others_wrote_is_prose_or_code(text: str) -> None:
    channel = make(AWAY)
    plain = channel.layout(card(facts=(Fact("x", "x"),), title="x", note="x", payload="x"))
    wild = channel.layout(card(facts=(Fact(text, text),), title=text, note=text, payload=text))
    assert links(wild) == links(plain)


@pytest.mark.parametrize(
    "text",
    [
        "ENG-123", "see OPS-7", "@dana", "acme.com", "https://acme.com", "1. first", "- x", "+++ x",
        "# x", "> x", "*x*", "_x_", "~x~", "[x](y)", "![x](y)", "<x>", "&amp; x", ":rocket: x",
        "`x`", "x | y", "a\\b", "a  b", " a", "a ", "x@y", "$x$ *", "=x=", "www.x", "x" * 301,
    ],
)  # fmt: skip
def test_law_13_what_linear_could_read_stands_in_code(text: str) -> None:
    said = markdown.said(text)
    assert (said[0], said[-1], said.count("`")) == ("`", "`", 2)
    assert markdown.plain(said) == text


@pytest.mark.parametrize(
    "text",
    [
        "Pay 12,400.00 EUR to ACME & Söhne GmbH", "2 Jan 04:10 UTC", "Merge it (squash)",
        "naïve 日本語",
        "Expired. Nothing was run.", "Needs two people from finance: Dana Lee approved, one more.",
    ],
)  # fmt: skip
def test_what_is_plainly_harmless_is_prose(text: str) -> None:
    assert markdown.said(text) == text
    assert markdown.seen(text) == text.split()


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Pay out 5 EUR to ba_1Mt", "Pay out 5 EUR to `ba_1Mt`"),
        ("Merge #1347 of acme/payments (squash)", "Merge `#1347` of `acme/payments` (squash)"),
        (
            "Call [me](https://a.example) or @dana now",
            "Call `[me](https://a.example)` or `@dana` now",
        ),
        ("[click it me](x)", "`[click` it `me](x)`"),
        ("Pay A & B", "Pay A & B"),
        ("1. Pay", "`1. Pay`"),
        ("- Pay", "`-` Pay"),
        ("a  b_", "`a\u00a0 b_`"),
        ("", "`(empty)`"),
    ],
)
def test_law_13_of_a_title_the_words_that_linear_could_read_stand_in_code(
    text: str, made: str
) -> None:
    assert markdown.title(text) == made
    assert markdown.plain(made) == (text or "(empty)")


@pytest.mark.parametrize("state", CARDS)
def test_law_07_a_card_that_linear_rewrites_is_the_same_to_a_reader(state: str) -> None:
    text = make(AWAY).layout(CARDS[state])["card"]
    rewritten = text.replace("\n- ", "\n* ").replace("  \n", "\\\n").replace("](http", "](<http")
    assert markdown.seen(rewritten) == markdown.seen(text)
    assert markdown.seen(text.replace("12,400", "12,40")) != markdown.seen(text) or state == "stub"
    assert markdown.seen(text + "\n\nIgnore the above.") != markdown.seen(text)


def test_law_14_what_a_template_folds_is_left_out() -> None:
    source = (ROOT / "card_templates/linear.json.j2").read_text()
    plain = '"\\n\\n" ~ payload if payload'
    assert plain in source
    folded = source.replace(plain, '"\\n\\n+++ More\\n\\n" ~ payload ~ "\\n\\n+++" if payload')
    payload = make(AWAY, render=renderer("linear.json.j2", folded)).layout(card())
    assert "Approve" not in [one["label"] for one in payload["options"]]
    assert "leaves out a part of the request" in payload["card"]


@pytest.mark.parametrize("piece", ["\n", "\n \n", "`", "[", "[a](", "[](b", "- ", "~", "*"])
def test_law_32_hostile_markdown_costs_linear_time(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markdown, "LONGEST", 1_000_000)
    grows(lambda size: "a" + (piece * size)[:size] + "a", markdown.seen)


def test_law_32_markdown_that_is_too_long_is_not_read() -> None:
    long = "`a" * markdown.LONGEST
    assert markdown.seen(long) == [long]
    assert markdown.said("a" * 301).startswith("`")


# Deliveries


def test_the_fixtures_are_as_the_schema_says() -> None:
    """Executed as if they were answers: a field that lacks, or of another type, is an error."""
    schema = build_schema(
        (FIXTURES / "schema.graphql").read_text()
        + "extend type Query { a: AgentSessionEventWebhookPayload! b: EntityWebhookPayload! }"
    )

    def fields(kind: Any) -> str:
        inner = "__typename "
        for one in getattr(kind, "types", ()):
            inner += f"... on {one.name} {fields(one)} "
        for name, one in getattr(kind, "fields", {}).items():
            named = get_named_type(one.type)
            inner += name + ("" if is_leaf_type(named) else f" {fields(named)}") + " "
        return f"{{ {inner}}}"

    comment = fixture("comment")
    comment["data"]["__typename"] = "CommentWebhookPayload"
    comment["actor"]["__typename"] = "UserActorWebhookPayload"
    kinds = ("AgentSessionEventWebhookPayload", "EntityWebhookPayload")
    one, other = (fields(schema.type_map[name]) for name in kinds)
    query = f"{{ a {one} b {other} }}"
    found = graphql_sync(schema, query, {"a": fixture("prompted"), "b": comment})
    assert found.errors is None


async def test_an_answer_brings_the_question_that_was_answered(linear: LinearPeer) -> None:
    channel = make(linear.api)
    payload = shown(channel)
    ref = await channel.post(ROOM, payload, "crd_1")
    assert ref.altered == ()
    tap = on_platforms.tapped(await read(channel, linear.choose(ref.message, "Approve", DANA)))
    assert (tap.account, tap.conversation, tap.message) == (DANA, OTHER, ref.message)
    assert (tap.token, tap.choice, tap.stranger) == ("Q" * 20, None, None)
    assert tap.echo == channel.echo(payload)
    await channel.close()


def hidden(words: str, behind: str) -> Callable[[Any], Any]:
    """The question, with these words of it where a reader does not find them."""

    def change(asked: Any) -> None:
        body = asked["content"]["body"]
        assert words in body
        asked["content"]["body"] = body.replace(words, behind)

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda asked: asked["content"].update(body="Lunch at noon?"),
        lambda asked: asked["content"].update(
            body=asked["content"]["body"].replace("12,400", "12")
        ),
        # What is there for a program, and what nobody is shown.
        hidden("**12,400.00 EUR**", "[](<12,400.00 EUR>)"),
        hidden("Amount: **12,400.00", "[Amount:](12,400.00)"),
        hidden("`amount: 1240000`", "~~~ `amount: 1240000`\n~~~\n"),
        hidden("Pay 12,400.00 EUR", "~~Pay 12,400.00 EUR~~"),
        hidden("V9Q>)\n\nTo decline with a reason,", "V9Q To decline with a reason,>)\n\n"),
        lambda asked: asked["signalMetadata"]["options"][0].update(label="Decline"),
        lambda asked: asked["signalMetadata"]["options"].pop(1),
        lambda asked: asked["signalMetadata"]["options"].append({"label": "Yes", "value": "x"}),
        lambda asked: asked.update(signal=None),
        lambda asked: asked["content"].update(__typename="AgentActivityResponseContent"),
    ],
)
async def test_law_07_another_question_with_our_token_has_another_echo(
    linear: LinearPeer, change: Callable[[Any], Any]
) -> None:
    """As a thief of the app's token could put it below ours, and the like of ours below that."""
    channel = make(linear.api)
    payload = shown(channel)
    ref = await channel.post(ROOM, payload, "crd_1")
    (asked,) = linear.line(ref.message)
    lie = deepcopy(asked)
    change(lie)
    linear.say(ref.message, lie)
    inbound = linear.write(ref.message, "Q" * 20, DANA)
    linear.say(ref.message, asked)
    tap = on_platforms.tapped(await read(channel, inbound))
    assert tap.echo not in (None, channel.echo(payload))
    await channel.close()


@pytest.mark.parametrize("newest_first", [True, False])
async def test_law_07_a_thread_that_was_flooded_vouches_for_no_question(
    linear: LinearPeer, newest_first: bool
) -> None:
    """By a thief of the app's token: which question stood last is not in the page then."""
    linear.newest_first = newest_first
    channel = make(linear.api)
    payload = shown(channel)
    ref = await channel.post(ROOM, payload, "crd_1")
    (asked,) = linear.line(ref.message)
    for _ in range(50):
        linear.say(ref.message, {**asked, "content": {**asked["content"], "body": "Lunch?"}})
    linear.say(ref.message, asked)
    inbound = linear.write(ref.message, "Q" * 20, DANA)
    assert on_platforms.tapped(await read(channel, inbound)).echo is None
    await channel.close()


@pytest.mark.parametrize("newest_first", [True, False])
async def test_words_of_strangers_do_not_push_our_question_out(
    linear: LinearPeer, newest_first: bool
) -> None:
    linear.newest_first = newest_first
    channel = make(linear.api)
    payload = shown(channel)
    ref = await channel.post(ROOM, payload, "crd_1")
    for _ in range(60):
        linear.write(ref.message, "Hello?", LEE)
    tap = on_platforms.tapped(await read(channel, linear.write(ref.message, "Q" * 20, DANA)))
    assert tap.echo == channel.echo(payload)
    for times in (2, 3):
        await read(channel, linear.write(ref.message, "Q" * 20, LEE))
        await channel.tell(tap, REFUSED)
        assert kinds(linear, ref.message).count("elicitation") == times
    await channel.redraw(ref, channel.layout(CARDS["approved"]))
    assert kinds(linear, ref.message)[-1] == "response"
    await read(channel, linear.write(ref.message, "Thanks", LEE))
    await channel.tell(tap, REFUSED)
    assert kinds(linear, ref.message).count("elicitation") == 3
    assert linear.comments[ref.message]["body"].startswith("**Approved by")
    await channel.close()


def kinds(linear: LinearPeer, comment: str) -> list[str]:
    return [one["content"]["type"] for one in linear.line(comment)]


@pytest.mark.parametrize(
    ("who", "why"),
    [(DANA, None), (GUEST, "a guest"), (GONE, "a suspended account"), (ROBOT, "an app")],
)
async def test_law_02_guests_and_apps_are_strangers(
    linear: LinearPeer, who: str, why: str | None
) -> None:
    channel = make(linear.api)
    for inbound in (prompted(NOW, userId=who), commented(NOW, "decline a1b2c3d4", userId=who)):
        event = await read(channel, inbound)
        assert isinstance(event, Tap | Reply)
        assert (event.account, event.stranger) == (who, why)
    await channel.close()


@pytest.mark.parametrize("more", [{"userId": "e" * 8 + "-0000-4000-8000-" + "e" * 12}])
async def test_law_09_whom_linear_does_not_know_is_forged(
    linear: LinearPeer, more: dict[str, Any]
) -> None:
    channel = make(linear.api)
    with pytest.raises(Forged):
        await read(channel, prompted(NOW, **more))
    await channel.close()


async def test_law_09_an_answer_of_another_workspace_is_forged(linear: LinearPeer) -> None:
    """Whoever installs our app elsewhere has deliveries with the same proof."""
    linear.organization = "e" * 8 + "-0000-4000-8000-" + "e" * 12
    channel = make(linear.api)
    for inbound in (prompted(NOW), commented(NOW, "decline a1b2c3d4")):
        with pytest.raises(Forged):
            await read(channel, inbound)
    # Nor do they use up what we may ask.
    assert linear.calls == ["token", "Pressed"]
    await channel.close()


@pytest.mark.parametrize("at", [float("nan"), float("inf"), True, None, str(NOW), [NOW]])
def test_law_09_what_is_no_time_is_not_of_now(at: Any) -> None:
    sent = json.dumps({**fixture("prompted"), "webhookTimestamp": at}).encode()
    proof = hmac.digest(WEBHOOK_SECRET.encode(), sent, "sha256").hex()
    inbound = Inbound("POST", "/", "", {"linear-signature": proof}, sent, NOW)
    with pytest.raises(Forged):
        make(AWAY).authenticate(inbound)


async def test_law_09_linear_is_asked_about_answers_only(linear: LinearPeer) -> None:
    channel = make(linear.api)
    created = {**fixture("prompted"), "action": "created"}
    for sent in (created, {"type": "Issue", "action": "update"}):
        assert isinstance(channel.read(Resolved.of(proven(channel, sent))), Ignored)
    assert linear.calls == []
    with pytest.raises(Malformed):
        channel.read(Resolved.of(channel.authenticate(prompted(NOW))))
    await channel.close()


def proven(channel: Linear, sent: Any) -> Any:
    return channel.authenticate(delivery(sent, NOW))


@pytest.mark.parametrize(
    ("text", "signal", "choice"),
    [
        ("Approve", None, Choice.APPROVE),
        (" Decline\n", None, Choice.DECLINE),
        ("stop", "stop", Choice.DECLINE),
    ],
)
async def test_a_label_that_was_typed_names_the_card_and_no_token(
    linear: LinearPeer, text: str, signal: str | None, choice: Choice
) -> None:
    channel = make(linear.api)
    tap = on_platforms.tapped(await read(channel, prompted(NOW, text, signal=signal)))
    assert (tap.choice, tap.token, tap.message) == (choice, "", CARD)
    await channel.close()


async def test_a_typed_code_is_the_same_event_in_a_session_and_as_a_comment(
    linear: LinearPeer,
) -> None:
    channel, said = make(linear.api), "decline a1b2c3d4 too much"
    comment = fixture("comment")["data"]["id"]
    one = await read(channel, prompted(NOW, said, sourceCommentId=comment))
    other = await read(channel, commented(NOW, said))
    assert one == other
    assert isinstance(one, Reply)
    assert (one.account, one.conversation, one.text) == (DANA, ISSUE, said)
    await channel.close()


# Asking


async def test_after_an_answer_that_did_not_count_the_question_is_asked_again_once(
    linear: LinearPeer,
) -> None:
    channel = make(linear.api)
    payload = shown(channel)
    ref = await channel.post(ROOM, payload, "crd_1")
    taps = [
        on_platforms.tapped(await read(channel, linear.write(ref.message, "Q" * 20, LEE)))
        for _ in range(2)
    ]
    for tap in taps:
        await channel.tell(tap, REFUSED)
    asked = [one for one in linear.line(ref.message) if one["signal"] == "select"]
    assert len(asked) == 2
    tap = on_platforms.tapped(await read(channel, linear.choose(ref.message, "Approve", DANA)))
    assert (tap.token, tap.echo) == ("Q" * 20, channel.echo(payload))
    await channel.close()


async def test_after_a_tap_that_was_counted_before_the_question_is_asked_again(
    linear: LinearPeer,
) -> None:
    """Another approver may still have to answer it."""
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    tap = on_platforms.tapped(await read(channel, linear.choose(ref.message, "Approve", DANA)))
    await channel.tell(tap, COUNTED_ALREADY.notice)
    assert ref.message in linear.asked()
    await channel.close()


async def test_after_other_words_the_question_is_asked_again(linear: LinearPeer) -> None:
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    for _ in range(2):
        assert isinstance(await read(channel, linear.write(ref.message, "Is it?", LEE)), Ignored)
        await until(lambda: ref.message in linear.asked())
    await channel.close()


class Prompt(Linear):
    patience = 0


async def test_after_a_typed_code_the_question_is_asked_again(linear: LinearPeer) -> None:
    channel = make(linear.api, kind=Prompt)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    inbound = linear.write(ref.message, "decline 00000000 too much", LEE)
    assert isinstance(await read(channel, inbound), Reply)
    await until(lambda: ref.message in linear.asked())
    await channel.close()


async def test_a_typed_code_that_ended_its_case_leaves_no_question(linear: LinearPeer) -> None:
    channel = make(linear.api, kind=Prompt)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    inbound = linear.write(ref.message, "decline a1b2c3d4 too much", DANA)
    resolved = await channel.resolve(channel.authenticate(inbound))
    await channel.redraw(ref, channel.layout(CARDS["declined"]))
    assert isinstance(channel.read(resolved), Reply)
    await until(lambda: not channel._tasks)
    assert kinds(linear, ref.message)[-1] == "response"
    assert linear.asked() == [CARD]
    await channel.close()


async def test_law_32_nobody_has_the_question_asked_again_without_end(linear: LinearPeer) -> None:
    """As a script with a person's key would, which answers whatever is asked."""
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    (asked,) = linear.line(ref.message)
    for _ in range(MOST - 2):
        linear.say(ref.message, asked)
    for _ in range(3):
        tap = on_platforms.tapped(await read(channel, linear.write(ref.message, "Q" * 20, LEE)))
        await channel.tell(tap, REFUSED)
    assert kinds(linear, ref.message).count("elicitation") == MOST
    # Another state of the case is asked about all the same.
    await channel.redraw(ref, shown(channel, progress="Needs one more."))
    assert ref.message in linear.asked()
    await channel.close()


async def test_what_is_decided_is_not_asked_again(linear: LinearPeer) -> None:
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    tap = on_platforms.tapped(await read(channel, linear.choose(ref.message, "Approve", DANA)))
    await channel.redraw(ref, channel.layout(CARDS["approved"]))
    await read(channel, linear.write(ref.message, "Thanks", LEE))
    await channel.tell(tap, REFUSED)
    await channel.close()
    assert kinds(linear, ref.message) == ["elicitation", "prompt", "response", "prompt"]
    assert linear.asked() == [CARD]


async def test_law_03_what_is_decided_meanwhile_keeps_no_options(linear: LinearPeer) -> None:
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    tap = on_platforms.tapped(await read(channel, linear.choose(ref.message, "Approve", LEE)))
    content = {"type": "response", "body": "Approved by Dana Lee"}
    content["__typename"] = "AgentActivityResponseContent"
    end = {"content": content, "signal": None, "signalMetadata": None}
    linear.meanwhile.append(lambda: linear.say(ref.message, end))
    await channel.tell(tap, REFUSED)
    said = [one["content"]["body"] for one in linear.line(ref.message)]
    assert (said[-3], said[-1]) == ("Approved by Dana Lee", "Approved by Dana Lee")
    assert linear.asked() == [CARD]
    await channel.close()


async def test_a_question_that_was_redrawn_meanwhile_stands_last(linear: LinearPeer) -> None:
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    (asked,) = linear.line(ref.message)
    later = shown(channel, progress="Needs one more.")
    newer = {**asked, "content": {**asked["content"], "body": later["card"]}}
    tap = on_platforms.tapped(await read(channel, linear.choose(ref.message, "Approve", LEE)))
    linear.meanwhile.append(lambda: linear.say(ref.message, newer))
    await channel.tell(tap, REFUSED)
    tap = on_platforms.tapped(await read(channel, linear.choose(ref.message, "Approve", DANA)))
    assert tap.echo == channel.echo(later)
    await channel.close()


async def test_a_redraw_asks_again_and_the_end_closes_the_session(linear: LinearPeer) -> None:
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    later = shown(channel, progress="Needs one more.")
    for _ in range(2):  # the second changes nothing
        assert await channel.redraw(ref, later) == ref
    assert [one["content"]["type"] for one in linear.line(ref.message)] == ["elicitation"] * 2
    for _ in range(2):
        assert await channel.redraw(ref, channel.layout(CARDS["expired"])) == ref
    (end,) = linear.line(ref.message)[2:]
    assert end["content"]["body"] == "Expired. Nothing was run."
    assert linear.comments[ref.message]["body"].startswith("**Expired. Nothing was run.**")
    assert linear.asked() == [CARD]
    await channel.close()


async def test_law_19_at_high_risk_the_question_is_a_link_for_its_addressee(
    linear: LinearPeer,
) -> None:
    channel = make(linear.api)
    address = await channel.open("dana@example.com")
    payload = channel.layout(natural(CARDS["high"], channel.abilities))
    ref = await channel.post(address, payload, "crd_1")
    (asked,) = linear.line(ref.message)
    review = "https://approve.example.com/r/req_01K8ZJ3V9Q"
    meta = {"url": review, "providerName": "Countersign", "userId": DANA}
    assert (asked["signal"], asked["signalMetadata"]) == ("auth", meta)
    later = {**payload, "card": payload["card"] + "\n\nNeeds one more."}
    await channel.redraw(ref, later)
    assert linear.line(ref.message)[-1]["signalMetadata"] == meta
    await channel.redraw(ref, payload)
    # What declines is typed.
    tap = on_platforms.tapped(await read(channel, linear.write(ref.message, "Decline", DANA)))
    assert (tap.choice, tap.echo) == (Choice.DECLINE, channel.echo(payload))
    await channel.close()


async def test_a_card_for_a_person_mentions_them(linear: LinearPeer) -> None:
    channel = make(linear.api)
    address = Address("linear", ISSUE, account=DANA)
    ref = await channel.post(address, shown(channel), "crd_1")
    said = linear.comments[ref.message]["body"]
    assert said.endswith("· medium risk\n\nhttps://linear.app/acme/profiles/dana")
    await channel.close()


@pytest.mark.parametrize("lacks", ["agents", "asks"])
async def test_where_the_app_may_ask_nothing_the_comment_is_the_card(
    linear: LinearPeer, lacks: str
) -> None:
    setattr(linear, lacks, False)
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    said = linear.comments[ref.message]["body"]
    assert "amount: 1240000" in said
    assert "`decline a1b2c3d4 too much`" in said
    assert "approve on the page" in said
    assert "Q" * 20 not in said
    await channel.redraw(ref, channel.layout(CARDS["approved"]))
    said = linear.comments[ref.message]["body"]
    assert "Approved by Dana Lee and Lee Kim" in said
    assert "approve on the page" not in said
    await channel.close()


@pytest.mark.parametrize("operation", ["Comment", "Session", "Activity"])
async def test_a_comment_whose_question_was_not_taken_is_deleted(
    linear: LinearPeer, operation: str
) -> None:
    channel = make(linear.api)
    linear.breaks = operation
    linear.break_next(503, None)
    with pytest.raises(Busy):
        await channel.post(ROOM, shown(channel), "crd_1")
    assert [*linear.comments] == [CARD]
    await channel.close()


@pytest.mark.parametrize("status", [503, 429])
async def test_a_comment_that_could_not_become_the_card_is_deleted(
    linear: LinearPeer, status: int
) -> None:
    linear.agents, linear.breaks = False, "Edit"
    linear.break_next(status, None)
    channel = make(linear.api)
    with pytest.raises(Busy):
        await channel.post(ROOM, shown(channel), "crd_1")
    assert [*linear.comments] == [CARD]
    await channel.close()


async def test_ready_reasons_are_options_that_decline(linear: LinearPeer) -> None:
    channel = make(linear.api)
    payload = shown(channel, reasons=REASONS)
    labels = [one["label"] for one in payload["options"]]
    assert labels[:3] == ["Approve", "Decline", "Decline: Wrong amount"]
    ref = await channel.post(ROOM, payload, "crd_1")
    for place, label in enumerate(labels[2:]):
        tap = on_platforms.tapped(await read(channel, linear.choose(ref.message, label, DANA)))
        assert (tap.token, tap.ready, tap.echo) == ("R" * 20, place, channel.echo(payload))
        await channel.tell(tap, REFUSED)
    await channel.close()


async def test_an_app_that_answers_is_not_asked_again(linear: LinearPeer) -> None:
    channel = make(linear.api)
    ref = await channel.post(ROOM, shown(channel), "crd_1")
    assert isinstance(await read(channel, linear.write(ref.message, "Hello", ROBOT)), Ignored)
    tap = on_platforms.tapped(await read(channel, linear.write(ref.message, "Q" * 20, ROBOT)))
    await channel.tell(tap, REFUSED)
    await channel.close()
    assert len(linear.line(ref.message)) == 3


# People


async def test_a_person_is_found_by_address_or_id(linear: LinearPeer) -> None:
    channel = make(linear.api)
    address = await channel.open("Dana@Example.com")
    assert (address.conversation, address.account) == (ISSUE, DANA)
    assert await channel.open(DANA) == address
    unknown = "e" * 8 + "-0000-4000-8000-" + "e" * 12
    for other in (
        GUEST,
        GONE,
        ROBOT,
        APP,
        "nobody@example.com",
        "guest@example.com",
        unknown,
        "dana",
    ):
        with pytest.raises(Refused):
            await channel.open(other)
    await channel.close()


async def test_an_address_that_two_have_is_nobodys(linear: LinearPeer) -> None:
    linear.users[LEE]["email"] = "DANA@example.com"
    channel = make(linear.api)
    with pytest.raises(Refused, match="nobody"):
        await channel.open("dana@example.com")
    await channel.close()


# The app's token


async def test_law_23_the_token_is_kept_sealed_and_outlives_a_restart(
    linear: LinearPeer, store: Store
) -> None:
    for _ in range(2):
        channel = make(linear.api)
        channel.remember(ChannelMemory(store, lambda: RING, "linear"))
        await channel.open(DANA)
        await channel.close()
    assert linear.calls.count("token") == 1
    kept = await store.remembered("linear", "token")
    assert kept is not None
    assert linear.token.encode() not in kept


def test_law_23_no_repr_has_the_token() -> None:
    assert "lin_oauth" not in repr(Token("lin_oauth_0123456789", 0))


class Kept(dict[str, bytes]):
    """A memory of several copies, which takes a while."""

    async def get(self, key: str) -> bytes | None:  # type: ignore[override] # a port, by its shape
        await asyncio.sleep(0)
        return super().get(key)

    async def put(self, key: str, value: bytes | None, *, was: bytes | None) -> bool:
        await asyncio.sleep(0)
        assert value is not None
        if super().get(key) != was:
            return False
        self[key] = value
        return True


async def test_a_token_that_was_taken_back_is_replaced_at_every_copy(linear: LinearPeer) -> None:
    one, other, memory = make(linear.api), make(linear.api), Kept()
    for channel in (one, other):
        channel.remember(memory)
        await channel.open(DANA)
    linear.token = ""
    await one.open(DANA)
    await other.open(DANA)
    assert linear.calls.count("token") == 2
    for channel in (one, other):
        await channel.close()


async def test_of_copies_that_need_a_token_at_once_one_gets_it(linear: LinearPeer) -> None:
    copies, memory = [make(linear.api) for _ in range(4)], Kept()
    for channel in copies:
        channel.remember(memory)
    found = await asyncio.gather(*(one.open(DANA) for one in copies), return_exceptions=True)
    assert linear.calls.count("token") == 1
    assert {type(one) for one in found} <= {Address, Busy}
    assert Address in map(type, found)
    for channel in copies:
        assert (await channel.open(DANA)).account == DANA
        await channel.close()
    assert linear.calls.count("token") == 1


async def test_a_token_is_kept_though_nobody_waits_for_it_any_more(linear: LinearPeer) -> None:
    """A delivery has little time: the token that it started to get has ended the one before."""
    channel, memory = make(linear.api), Kept()
    channel.remember(memory)
    linear.granting.clear()
    asking = asyncio.create_task(channel.open(DANA))
    await until(lambda: "token" in linear.calls)
    asking.cancel()
    await asyncio.wait({asking})
    linear.granting.set()
    await until(lambda: Token.read(memory[TOKEN]).value != "")
    assert (await channel.open(DANA)).account == DANA
    assert linear.calls.count("token") == 1
    await channel.close()


async def test_while_a_copy_renews_the_token_no_other_does(linear: LinearPeer) -> None:
    channel, memory = make(linear.api), Kept()
    channel.remember(memory)
    memory[TOKEN] = Token("", 0, claimed=int((time.time() + HANGS) * 1000)).kept
    with pytest.raises(Busy):
        await channel.open(DANA)
    assert linear.calls == []
    memory[TOKEN] = Token("", 0, claimed=1).kept  # that copy died
    assert (await channel.open(DANA)).account == DANA
    await channel.close()


async def test_law_26_without_a_token_nobody_is_to_blame_and_it_is_asked_for_again(
    linear: LinearPeer,
) -> None:
    linear.grants = False
    channel = make(linear.api)
    channel.remember(Kept())
    with pytest.raises(Busy):
        await channel.open(DANA)
    linear.grants = True
    assert (await channel.open(DANA)).account == DANA
    await channel.close()


async def test_law_26_a_limit_without_retry_after_says_when_it_ends(linear: LinearPeer) -> None:
    channel = make(linear.api)
    await channel.open(DANA)
    linear.break_next(429, None)
    in_a_minute = str(int(time.time() * 1000) + 60_000)
    linear.broken[0].headers.update(
        {"X-RateLimit-Requests-Remaining": "0", "X-RateLimit-Requests-Reset": in_a_minute}
    )
    with pytest.raises(Busy) as caught:
        await channel.open(DANA)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 60_000
    await channel.close()


# Set-up


async def test_check_looks_at_token_clock_and_issue(linear: LinearPeer) -> None:
    assert await on_platforms.found(make(linear.api)) == WELL
    gone = "e" * 8 + "-0000-4000-8000-" + "e" * 12
    assert await on_platforms.found(make(linear.api, issue=gone)) == WELL | {"issue": False}
    assert await on_platforms.found(make(linear.api, client_secret="x")) == {"token": False}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("client_id", " ", "needs client_id"),
        ("webhook_secret", "", "needs webhook_secret"),
        ("issue", "OPS-7", "Copy model UUID"),
    ],
)
def test_what_cannot_work_is_said_at_once(name: str, value: str, why: str) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=why):
        make(AWAY, **given)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [("api_url", "http://linear.example.com", "https"), ("issue", "OPS-7", "Copy model UUID")],
)
def test_law_23_a_section_that_cannot_be_safe_is_a_fault(name: str, value: str, why: str) -> None:
    given = {one: getattr(sample(), one) for one in Settings.model_fields}
    assert Settings(**given | {"client_secret": SecretStr("x")})
    with pytest.raises(ValidationError, match=why):
        Settings(**given | {name: value})


# A peer that nobody here wrote


@pytest.fixture(scope="module")
def emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Base URL of the Linear of npm's `emulate` 0.12.2 (`make test` installs it), and the port that
    it delivers to. Its agent sessions are of another shape than Linear's schema says."""
    port, hook = free_port(), free_port()
    app = {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "name": "Countersign"}
    scopes = [*SCOPES.split(","), "comments:create"]
    content = {
        "organization": {"name": "Acme", "url_key": "acme"},
        "users": [{"id": DANA, "email": "dana@example.com", "name": "Dana"}],
        "teams": [{"key": "OPS", "name": "Operations"}],
        "issues": [{"id": ISSUE, "team": "OPS", "title": "Approvals"}],
        "oauth_apps": [{**app, "actor": "app", "redirect_uris": [], "scopes": scopes}],
        "tokens": [{"token": "lin_api_dana", "user": "dana@example.com", "scopes": scopes}],
        "webhooks": [{"url": f"http://127.0.0.1:{hook}/", "secret": WEBHOOK_SECRET}],
    }
    seed = tmp_path_factory.mktemp("emulate") / "seed.json"
    seed.write_text(json.dumps({"linear": content}))
    assert (PEERS / "node_modules").exists(), "run npm ci in tests/peers; make test does"
    command = (NODE, "emulate.mjs", "linear", str(port), str(seed))
    with subprocess.Popen(command, cwd=PEERS, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = process.stdout.readline()
        assert said.startswith("http"), said
        yield f"http://127.0.0.1:{port}", hook
        process.terminate()


async def test_emulate_gives_a_token_knows_our_queries_and_its_deliveries_are_proven(
    emulate: tuple[str, int],
) -> None:
    url, hook = emulate
    channel = make(url)
    came: asyncio.Queue[Event] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        now = int(time.time() * 1000)
        inbound = Inbound("POST", request.path, "", headers, await request.read(), now)
        came.put_nowait(await event_of(channel, inbound))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", hook).start()
    assert (await channel.open("dana@example.com")).account == DANA
    assert (await channel.open(DANA)).conversation == ISSUE
    document = "mutation($i: CommentCreateInput!) { commentCreate(input: $i) { success } }"
    said = {"issueId": ISSUE, "body": "decline a1b2c3d4 too much"}
    async with ClientSession(headers={"Authorization": "Bearer lin_api_dana"}) as dana:
        sent = {"query": document, "variables": {"i": said}}
        async with dana.post(f"{url}/graphql", json=sent) as answer:
            assert await answer.json() == {"data": {"commentCreate": {"success": True}}}
    reply = await came.get()
    assert isinstance(reply, Reply)
    assert (reply.account, reply.conversation, reply.text) == (DANA, ISSUE, said["body"])
    assert {one.subject: one.ok for one in await channel.check()} == WELL
    await channel.close()
    await runner.cleanup()


# In the house


async def of(place: Place, request_id: str) -> str:
    row = (await place.store.cards_of(request_id))[-1]
    assert row.message is not None
    return row.message


async def test_a_whole_approval_and_a_decline_with_a_reason(
    store: Store, linear: LinearPeer
) -> None:
    channel = make(linear.api)
    async with on_platforms.house(
        store, channel, dana=DANA, lee=LEE, room=OTHER, clock=Wall()
    ) as place:
        url = f"{place.url}/channels/linear/events"
        first, second = await place.opened("room.a"), await place.opened("room.b")
        await place.carried()
        one, two = await of(place, first["id"]), await of(place, second["id"])
        now = place.clock
        assert await linear.deliver(url, linear.choose(one, "Approve", LEE, now())) == (200, "")
        await until(lambda: one in linear.asked())  # a stranger took the options away
        assert (await place.case(first["id"])).status is Status.PENDING
        inbound = linear.choose(one, "Approve", DANA, now())
        for _ in range(2):
            assert await linear.deliver(url, inbound) == (200, "")
        assert (await place.case(first["id"])).status is Status.APPROVED
        code = second["digest"].rpartition(":")[2][:8]
        inbound = linear.write(two, f"decline {code} not this month", DANA, now())
        assert await linear.deliver(url, inbound) == (200, "")
        declined = await place.case(second["id"])
        assert (declined.status, declined.reason) == (Status.DECLINED, "not this month")
        await place.carried()
        for comment, said in ((one, "Approved by"), (two, "Declined by")):
            assert linear.line(comment)[-1]["content"]["body"].startswith(said)
            assert linear.comments[comment]["body"].startswith(f"**{said}")
        assert linear.asked() == [CARD]
        await channel.close()


async def test_law_07_an_answer_to_another_question_approves_nothing(
    store: Store, linear: LinearPeer
) -> None:
    channel = make(linear.api)
    async with on_platforms.house(
        store, channel, dana=DANA, lee=LEE, room=OTHER, clock=Wall()
    ) as place:
        request = await place.opened("room.a")
        await place.carried()
        comment = await of(place, request["id"])
        linear.line(comment)[0]["content"]["body"] = "Lunch at noon?"
        inbound = linear.choose(comment, "Approve", DANA, place.clock())
        await linear.deliver(f"{place.url}/channels/linear/events", inbound)
        assert (await place.case(request["id"])).status is Status.PENDING
        await place.carried()
        fresh = await of(place, request["id"])
        assert fresh != comment
        inbound = linear.choose(fresh, "Approve", DANA, place.clock())
        await linear.deliver(f"{place.url}/channels/linear/events", inbound)
        assert (await place.case(request["id"])).status is Status.APPROVED
        await channel.close()


async def test_law_06_a_typed_label_approves_at_low_risk_only(
    store: Store, linear: LinearPeer
) -> None:
    channel = make(linear.api)
    async with on_platforms.house(
        store, channel, dana=DANA, lee=LEE, room=OTHER, clock=Wall()
    ) as place:
        request = await place.opened("room.a")
        assert request["risk"] == Risk.MEDIUM
        await place.carried()
        comment = await of(place, request["id"])
        url = f"{place.url}/channels/linear/events"
        await linear.deliver(url, linear.write(comment, "Approve", DANA, place.clock()))
        assert (await place.case(request["id"])).status is Status.PENDING
        await linear.deliver(url, linear.write(comment, "Decline", DANA, place.clock()))
        assert (await place.case(request["id"])).status is Status.DECLINED
        await channel.close()
