"""Slack's quirks: what its store changes, whose taps count, prompts, Socket Mode."""

from __future__ import annotations

import asyncio
import copy
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.models.blocks import ActionsBlock, Block

from adapters.slack.adapter import Slack
from approvals import linking
from approvals.model import (
    Address,
    Busy,
    Card,
    Fact,
    Forged,
    Refused,
    Risk,
    Status,
)
from approvals.port import (
    Event,
    Ignored,
    Inbound,
    Notice,
    NoticeKind,
    Payload,
    Reply,
    Resolved,
    Tap,
)
from approvals.proof import hmac_sha256
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import CARDS, HOSTILE, NOW, ROOT, card
from tests.harness.house import HANGS
from tests.harness.node import NODE
from tests.peers.slack import (
    APP_TOKEN,
    BOT_TOKEN,
    FIXTURES,
    TEAM,
    SlackPeer,
    command,
    faults,
    form,
    make,
    person,
    signed,
    stored,
)
from tools.ports import free_port

PEERS = ROOT / "tests/peers"
ROOM = Address("slack", "C024BE91L")
AWAY = "http://127.0.0.1:9/"


@pytest.fixture
async def slack() -> AsyncIterator[SlackPeer]:
    async with SlackPeer(users={"U024BE7LH": person("U024BE7LH")}) as peer:
        yield peer


@pytest.fixture
async def channel(slack: SlackPeer) -> AsyncIterator[Slack]:
    made = make(slack.api)
    yield made
    await made.close()


def read(channel: Slack, payload: dict[str, Any]) -> Event:
    return channel.read(Resolved.of(channel.authenticate(signed(payload, NOW))))


def tapped(channel: Slack, payload: dict[str, Any]) -> Tap:
    return on_platforms.tapped(read(channel, payload))


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())["body"]
    return found


# Configuration


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"bot_token": " "}, "bot_token"),
        ({"signing_secret": ""}, "signing_secret"),
        ({"mode": "socket"}, "app_token"),
        ({"mode": "rtm"}, "webhook or socket"),
    ],
)
def test_law_09_an_absent_secret_is_an_error_at_start(given: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make(AWAY, **given)


def test_law_09_without_a_signing_secret_every_delivery_is_forged() -> None:
    channel = make(AWAY, mode="socket", app_token=APP_TOKEN, signing_secret="")
    good = signed(fixture("block_actions"), NOW)
    sent = good.headers["x-slack-request-timestamp"].encode()
    empty = "v0=" + hmac_sha256(b"", b"v0:%b:%b" % (sent, good.body))
    for proof in (good.headers["x-slack-signature"], empty):
        with pytest.raises(Forged):
            channel.authenticate(
                replace(good, headers={**good.headers, "x-slack-signature": proof})
            )


# Cards


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    on_platforms.as_it_was(make(AWAY), state)


@pytest.mark.parametrize("path", sorted((FIXTURES / "golden").glob("*.json")), ids=lambda p: p.stem)
def test_slacks_own_models_accept_every_golden_card(path: Path) -> None:
    accepted(json.loads(path.read_text())["blocks"])


def accepted(blocks: list[dict[str, Any]]) -> None:
    """Slack's own models raise nothing on them, and know each."""
    parsed = Block.parse_all(blocks)
    assert len(list(filter(None, parsed))) == len(blocks)
    for block in parsed:
        block.validate_json()
        if isinstance(block, ActionsBlock):
            for element in block.elements:
                element.validate_json()


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_slacks_own_models_accept_a_request_with_hostile_words_everywhere(
    texts: tuple[str, ...],
) -> None:
    for text in texts:
        for _, payload in on_platforms.full_of(make(AWAY), text):
            accepted(payload["blocks"])
            assert faults(payload["blocks"]) == []


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("fill", ["x", "😀", "\u202e", "é"])
def test_whatever_it_is_full_of_a_card_fits_and_can_say_how_it_ended(
    status: Status, fill: str
) -> None:
    """An emoji stands as an escape of nine characters, and is counted as that before it is cut."""
    accepted(on_platforms.longest(make(AWAY), status, fill)["blocks"])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_cards_are_within_slacks_limits(text: str) -> None:
    assert faults(make(AWAY).layout(card(title=text, payload=text, note=text))["blocks"]) == []


def test_the_longest_card_fits_and_slacks_own_models_accept_it() -> None:
    limits = make(AWAY).limits
    most = limits.together // (limits.fact_label + limits.fact_value + limits.each)
    facts = (Fact("l" * limits.fact_label, "v" * limits.fact_value),) * most
    room = limits.total - limits.together - 1_300
    longest = card(
        title="t" * limits.title,
        facts=facts,
        action="a" * limits.fact_value,
        agent="a" * limits.fact_value,
        payload="p" * (room // 2),
        payload_tail="p" * (room // 2),
        elided=10**9,
        note="n" * limits.note,
        headline="h" * 400,
    )
    blocks = make(AWAY).layout(longest)["blocks"]
    assert faults(blocks) == []
    accepted(blocks)


def test_law_11_values_stand_in_nodes_that_slack_does_not_parse() -> None:
    value = "https://evil.example <!here>"
    shown = card(title=value, payload=value, note=value, facts=(Fact(value, value),))
    for block in make(AWAY).layout(shown)["blocks"]:
        assert block["type"] == "rich_text" or value not in json.dumps(block)


def test_law_14_what_no_tap_may_approve_has_review_and_no_approve() -> None:
    (actions,) = [
        b for b in make(AWAY).layout(CARDS["uninspectable"])["blocks"] if b["type"] == "actions"
    ]
    said = [element["text"]["text"] for element in actions["elements"]]
    assert said == ["Review and approve…", "Decline", "Decline with reason"]


def test_law_13_a_value_of_several_lines_is_no_fact_of_its_own() -> None:
    forged = "12.40\nApproved by: CFO"
    shown = card(shared=True, facts=(Fact("Amount", forged), Fact("To", "ACME")))
    blocks = make(AWAY).layout(shown)["blocks"]
    parts = [part for block in blocks for part in block.get("elements", ()) if "elements" in part]
    texts: dict[str, list[str]] = {part["type"]: [] for part in parts}
    for part in parts:
        texts[part["type"]].append("".join(one["text"] for one in part["elements"]))
    assert forged in texts["rich_text_preformatted"]
    assert "Amount:" in texts["rich_text_section"]
    assert not any("CFO" in text for text in texts["rich_text_section"])
    assert "\nApproved by" not in buttons(shown)[0]["confirm"]["text"]["text"]


def buttons(shown: Card) -> list[dict[str, Any]]:
    (actions,) = [b for b in make(AWAY).layout(shown)["blocks"] if b["type"] == "actions"]
    found: list[dict[str, Any]] = actions["elements"]
    return found


@pytest.mark.parametrize("risk", [Risk.LOW, Risk.MEDIUM])
@pytest.mark.parametrize("shared", [True, False])
def test_approving_asks_again_in_a_room_above_low_risk(risk: Risk, shared: bool) -> None:
    asks = [shared and risk is Risk.MEDIUM, False, False, False]
    assert ["confirm" in one for one in buttons(card(risk=risk, shared=shared))] == asks


def test_the_dialog_says_what_is_approved_and_links_nowhere() -> None:
    shown = card(shared=True, facts=(Fact("To", "www.evil.example 🚀 <!here>"),) * 9)
    said = buttons(shown)[0]["confirm"]["text"]["text"]
    assert said.replace("\u200b", "").startswith(f"{shown.title}\nTo: ")
    assert "www.evil" not in said
    assert ":rocket: <!here>" in said
    long = buttons(card(shared=True, title="t" * 150, facts=(Fact("a", "v" * 900),)))
    assert 290 < len(long[0]["confirm"]["text"]["text"]) <= 300


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("🚀 Deploy finished", ":rocket: Deploy finished"),
        ("© 2026 ACME™ ✅", ":copyright: 2026 ACME:tm: :white_check_mark:"),
        ("👩‍💻 ☎️", ":woman::personal_computer: :black_telephone:"),
        ("🦕 *all* `pass`", ":sauropod: *all* `pass`"),
        ("&amp; & &lt;", "&\u200bamp; & &\u200blt;"),
    ],
)
def test_everyday_text_is_shown_and_an_emoji_by_its_name(text: str, shown: str) -> None:
    """C18: never as an escape."""
    assert shown in json.dumps(make(AWAY).layout(card(payload=text)), ensure_ascii=False)


def test_a_template_that_draws_other_buttons_is_refused() -> None:
    inner = make(AWAY).render

    def swapped(values: Any) -> Payload:
        payload = inner(values)
        (actions,) = [b for b in payload["blocks"] if b["type"] == "actions"]
        first, second = actions["elements"][:2]
        first["value"], second["value"] = second["value"], first["value"]
        return payload

    with pytest.raises(Refused, match="buttons"):
        make(AWAY, render=swapped).layout(card())


@pytest.mark.parametrize(
    "block",
    [
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "context", "elements": [{"type": "plain_text", "text": "x" * 3001}]},
        {"type": "context", "elements": [{"type": "plain_text", "text": "x"}] * 11},
        {"type": "context", "elements": []},
        {
            "type": "actions",
            "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x" * 76}}],
        },
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "x"}, "url": "h" * 3001}
            ],
        },
    ],
)
def test_what_is_over_a_limit_is_refused_and_not_sent(block: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        make(AWAY, render=lambda values: {"text": "x", "blocks": [block]}).layout(card(buttons=()))
    with pytest.raises(Refused):
        make(
            AWAY, render=lambda values: {"text": "x", "blocks": [{"type": "divider"}] * 51}
        ).layout(card(buttons=()))


# The echo


@pytest.mark.parametrize("text", [*HOSTILE, "a & b < c > d", "&amp;amp;", "✅ ok 🚀™ ©"])
def test_law_07_an_unchanged_card_comes_back_with_its_echo(text: str) -> None:
    channel = make(AWAY)
    sent = channel.layout(
        card(title=text, payload=text, note=text, headline=text, facts=(Fact(text[:40], text),))
    )
    back = {"text": "rewritten", "blocks": stored(sent["blocks"])}
    assert channel.echo(back) == channel.echo(sent)


def variations(node: Any) -> Iterator[Any]:
    """The payload with one thing changed, for every thing that can be."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("emoji", "verbatim", "block_id"):
                continue
            if isinstance(value, str):
                yield {**node, name: value + "x"}
            yield {key: kept for key, kept in node.items() if key != name}
            for other in variations(value):
                yield {**node, name: other}
        if node.get("type") in ("plain_text", "text"):
            yield (
                {**node, "emoji": not node["emoji"]}
                if node["type"] == "plain_text"
                else {**node, "style": {"strike": True}}
            )
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield [*node[:index], *node[index + 1 :]]
            yield [*node[: index + 1], *node[index:]]
            for other in variations(value):
                yield [*node[:index], other, *node[index + 1 :]]
        if len(node) > 1 and node != node[::-1]:
            yield node[::-1]


@pytest.mark.parametrize("state", CARDS)
def test_law_07_any_change_of_a_card_changes_its_echo(state: str) -> None:
    channel = make(AWAY)
    sent = channel.layout(CARDS[state])
    seen = [channel.echo({"blocks": blocks}) for blocks in variations(sent["blocks"])]
    assert len(seen) > 50
    assert channel.echo(sent) not in seen


@pytest.mark.parametrize("name", ["attachments", "files"])
def test_law_07_what_hangs_under_the_card_changes_its_echo(name: str) -> None:
    channel = make(AWAY)
    sent = channel.layout(card())
    assert channel.echo({**sent, name: [{"text": "It is only 12.40"}]}) != channel.echo(sent)
    assert channel.echo({**sent, name: []}) == channel.echo(sent)


async def test_law_07_whoever_has_the_bot_token_cannot_swap_the_buttons(
    slack: SlackPeer, channel: Slack
) -> None:
    payload = channel.layout(card())
    ref = await channel.post(ROOM, payload, "crd_1")
    assert tapped(
        channel, slack.press(ref.conversation, ref.message, "decline", "U024BE7LH")
    ).echo == channel.echo(payload)
    forged = copy.deepcopy(payload)
    buttons = forged["blocks"][-1]["elements"]
    buttons[0]["value"], buttons[1]["value"] = buttons[1]["value"], buttons[0]["value"]
    await channel.redraw(ref, forged)
    tap = tapped(channel, slack.press(ref.conversation, ref.message, "decline", "U024BE7LH"))
    assert tap.token == card().buttons[0].token
    assert tap.echo != channel.echo(payload)


def test_a_message_that_did_not_come_back_is_another_card() -> None:
    channel, press = make(AWAY), fixture("block_actions")
    del press["message"]
    assert tapped(channel, press).echo not in (None, channel.echo(channel.layout(card())))


# Reading


def test_a_press_says_who_where_and_what() -> None:
    tap = tapped(make(AWAY), fixture("block_actions"))
    assert (tap.account, tap.conversation, tap.message, tap.token, tap.stranger, tap.reason) == (
        "U024BE7LH",
        "D024BE7LH",
        "1767326126.000001",
        card().buttons[0].token,
        None,
        None,
    )
    assert tap.echo == make(AWAY).echo(make(AWAY).layout(card()))


@pytest.mark.parametrize(
    "change",
    [
        {"user": {"id": "U024BE7LH", "team_id": "T0OTHER"}},
        {"user": {"id": "U024BE7LH", "team_id": None}},
        {"user": {"id": "U024BE7LH"}},
        {"team": {"id": "T0OTHER"}},
        {"team": {"id": "T0OTHER"}, "user": {"id": "U024BE7LH", "team_id": "T0OTHER"}},
    ],
)
def test_law_02_a_tap_from_another_team_is_a_strangers(change: dict[str, Any]) -> None:
    assert tapped(make(AWAY), {**fixture("block_actions"), **change}).stranger == "foreign team"


def test_law_02_without_a_team_configured_nobody_without_a_team_counts() -> None:
    channel = make(AWAY, team_id="")
    press = fixture("block_actions")
    assert tapped(channel, press).stranger is None
    assert tapped(channel, {**press, "team": {"id": "T0HOST"}}).stranger == "foreign team"
    assert tapped(channel, {**press, "team": None, "user": {"id": "U1"}}).stranger == "foreign team"


def test_an_org_wide_installation_names_no_team() -> None:
    assert tapped(make(AWAY), {**fixture("block_actions"), "team": None}).stranger is None


def test_opening_the_review_link_is_ignored() -> None:
    assert isinstance(read(make(AWAY), fixture("url_button")), Ignored)


def test_what_is_of_another_feature_of_the_app_is_ignored() -> None:
    """Signed, and not for us: a 400 would show its user a warning, and in time end our address."""
    press = fixture("block_actions")
    other = {**press["actions"][0], "action_id": "lunch", "value": "pizza"}
    assert isinstance(read(make(AWAY), {**press, "actions": [other]}), Ignored)
    ids = {"api_app_id": press["api_app_id"], "team_id": "T1", "event_id": "Ev1"}
    event = {**ids, "type": "event_callback", "event": {"type": "app_mention", "text": "hi"}}
    assert isinstance(read(make(AWAY), event), Ignored)
    for kind in ("shortcut", "message_action", "block_suggestion", "workflow_step_edit"):
        assert isinstance(read(make(AWAY), {**press, "type": kind}), Ignored)


def test_closing_the_prompt_is_ignored() -> None:
    assert isinstance(
        read(make(AWAY), {**fixture("view_submission"), "type": "view_closed"}), Ignored
    )


@pytest.mark.parametrize("text", ["CS-0123-4567-89AB-CDEF", " link  CS-0123-4567-89AB-CDEF "])
def test_a_command_says_who_and_which_code(text: str) -> None:
    channel, typed = make(AWAY), command(text)
    reply = channel.read(Resolved.of(channel.authenticate(signed(form(typed), NOW))))
    assert isinstance(reply, Reply)
    assert (reply.event, reply.account, reply.conversation, reply.text, reply.stranger) == (
        typed["trigger_id"],
        "U024BE7LH",
        "C024BE91L",
        "link CS-0123-4567-89AB-CDEF",
        None,
    )
    socket = Inbound("SOCKET", "", "", {}, b"", NOW)
    assert channel.read(Resolved(socket, {"payload": typed})) == reply


@pytest.mark.parametrize("text", ["please", "é 日本", "x" * 500])
def test_whatever_stands_behind_the_command_is_an_attempt_and_is_answered(text: str) -> None:
    channel = make(AWAY)
    reply = channel.read(Resolved.of(channel.authenticate(signed(form(command(text)), NOW))))
    assert isinstance(reply, Reply)
    assert linking.code_in(reply.text) == ""


def test_law_02_a_command_from_another_team_is_a_strangers() -> None:
    for team, home, stranger in (
        ("T0OTHER", TEAM, "foreign team"),
        (TEAM, TEAM, None),
        ("T0OTHER", "", None),
    ):
        channel = make(AWAY, team_id=home)
        typed = {**command("x"), "team_id": team}
        reply = channel.read(Resolved.of(channel.authenticate(signed(form(typed), NOW))))
        assert isinstance(reply, Reply)
        assert reply.stranger == stranger


def test_law_09_any_flipped_byte_of_a_command_is_forged() -> None:
    channel, good = make(AWAY), signed(form(command("CS-0123-4567-89AB-CDEF")), NOW)
    for index in range(0, len(good.body), 7):
        body = bytearray(good.body)
        body[index] ^= 1
        with pytest.raises(Forged):
            channel.authenticate(replace(good, body=bytes(body)))


def test_law_10_no_address_of_a_payload_is_kept() -> None:
    press = {**fixture("block_actions"), "response_url": "http://169.254.169.254/"}
    assert "169.254" not in str(dict(tapped(make(AWAY), press).reply_to))


# Accounts


@pytest.mark.parametrize(
    "flag", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"]
)
async def test_law_02_who_can_never_approve_is_refused(
    slack: SlackPeer, channel: Slack, flag: str
) -> None:
    slack.users["U0BAD"] = person("U0BAD", **{flag: True})
    for account in ("U0BAD", "u0bad@example.com"):
        with pytest.raises(Refused, match=flag):
            await channel.open(account)


@pytest.mark.parametrize(
    "code", ["invalid_auth", "token_revoked", "account_inactive", "missing_scope", "invalid_cursor"]
)
async def test_law_02_what_is_wrong_with_us_is_not_held_against_a_person(
    slack: SlackPeer, channel: Slack, code: str
) -> None:
    slack.fail.append(web.json_response({"ok": False, "error": code}))
    with pytest.raises(Busy, match=code):
        await channel.open("U024BE7LH")


@pytest.mark.parametrize("account", ["U0NOBODY", "nobody@example.com", ""])
async def test_an_unknown_account_is_refused(channel: Slack, account: str) -> None:
    with pytest.raises(Refused):
        await channel.open(account)


async def test_law_02_an_account_of_another_team_is_refused(
    slack: SlackPeer, channel: Slack
) -> None:
    slack.users["U0FAR"] = person("U0FAR", team_id="T0OTHER")
    with pytest.raises(Refused, match="team"):
        await channel.open("U0FAR")


@pytest.mark.parametrize("account", ["U024BE7LH", "u024be7lh@example.com"])
async def test_a_person_is_reached_by_id_or_address(channel: Slack, account: str) -> None:
    assert await channel.open(account) == Address("slack", "D024BE7LH", account="U024BE7LH")


# Posting, and words


async def test_a_card_is_posted_quietly_and_redrawn_whole(slack: SlackPeer, channel: Slack) -> None:
    ref = await channel.post(ROOM, channel.layout(card()), "crd_1")
    method, token, body = slack.calls[-1]
    assert (method, token, body["unfurl_links"], body["unfurl_media"]) == (
        "chat.postMessage",
        BOT_TOKEN,
        False,
        False,
    )
    assert body["metadata"]["event_payload"] == {"request_id": "req_01K8ZJ3V9Q"}
    slack.messages[ref.conversation, ref.message]["attachments"] = [{"text": "by a thief"}]
    await channel.redraw(ref, channel.layout(CARDS["expired"]))
    now = slack.messages[ref.conversation, ref.message]
    assert "attachments" not in now
    assert "Expired. Nothing was run." in json.dumps(now["blocks"])
    assert card().buttons[0].token not in json.dumps(now)


async def test_a_card_that_slack_stored_otherwise_is_reported(
    slack: SlackPeer, channel: Slack
) -> None:
    assert (await channel.post(ROOM, channel.layout(card()), "crd_1")).altered == ()
    payload = channel.layout(card())
    payload["blocks"][0]["elements"][0]["elements"][0]["text"] = "✅"
    (one,) = (await channel.post(ROOM, payload, "crd_2")).altered
    assert one.path == "$.blocks[0].elements[0].elements[0].text"


@pytest.mark.parametrize(
    ("address", "blocks", "word"),
    [
        ("C0NOWHERE", None, "channel_not_found"),
        ("C024BE91L", [{"type": "image"}], "invalid_blocks"),
    ],
)
async def test_what_slack_will_never_take_is_refused(
    channel: Slack, address: str, blocks: list[Any] | None, word: str
) -> None:
    payload = channel.layout(card())
    with pytest.raises(Refused, match=word):
        await channel.post(
            Address("slack", address), {**payload, **({"blocks": blocks} if blocks else {})}, "k"
        )


async def test_a_wrong_token_is_ours_to_mend(slack: SlackPeer) -> None:
    channel = make(slack.api, bot_token="xoxb-other")
    with pytest.raises(Busy, match="invalid_auth"):
        await channel.post(ROOM, channel.layout(card()), "crd_1")
    await channel.close()


async def test_a_private_word_is_seen_by_one_person(slack: SlackPeer, channel: Slack) -> None:
    ref = await channel.post(ROOM, channel.layout(card()), "crd_1")
    tap = tapped(channel, slack.press(ref.conversation, ref.message, "approve", "U024BE7LH"))
    notice = Notice(NoticeKind.REFUSED, "You are not an approver <here>.")
    assert channel.answer(tap, notice) is None
    await channel.tell(tap, notice)
    (said,) = slack.whispers
    assert (said["user"], said["text"]) == ("U024BE7LH", "You are not an approver &lt;here&gt;.")
    await channel.tell(tap, Notice(NoticeKind.COUNTED, "Counted."))
    assert len(slack.whispers) == 1


async def test_where_no_whisper_is_possible_the_word_is_a_direct_message(
    slack: SlackPeer, channel: Slack
) -> None:
    ref = await channel.post(ROOM, channel.layout(card()), "crd_1")
    tap = tapped(channel, slack.press(ref.conversation, ref.message, "approve", "U024BE7LH"))
    slack.rooms.clear()
    await channel.tell(tap, Notice(NoticeKind.CLOSED, "Expired. Nothing was run."))
    assert [where for where, _ in slack.messages] == ["C024BE91L", "D024BE7LH"]


async def test_a_reason_is_asked_for_and_comes_back_with_the_token(
    slack: SlackPeer, channel: Slack
) -> None:
    ref = await channel.post(ROOM, channel.layout(card()), "crd_1")
    tap = tapped(
        channel, slack.press(ref.conversation, ref.message, "decline_with_reason", "U024BE7LH")
    )
    await channel.tell(tap, Notice(NoticeKind.ASK_REASON, "Why?"))
    sent = tapped(channel, slack.submit("Too much.", "U024BE7LH"))
    assert (sent.token, sent.conversation, sent.message, sent.reason, sent.echo) == (
        tap.token,
        tap.conversation,
        None,
        "Too much.",
        None,
    )
    assert channel.answer(sent, Notice(NoticeKind.COUNTED, "Declined.")) is None
    refused = channel.answer(sent, Notice(NoticeKind.CLOSED, "Already approved."))
    assert refused is not None
    assert json.loads(refused.body) == {
        "response_action": "errors",
        "errors": {"reason": "Already approved."},
    }
    await channel.tell(sent, Notice(NoticeKind.CLOSED, "Already approved."))
    assert slack.whispers == []
    # A trigger is good for one prompt and three seconds: after that, a direct message.
    await channel.tell(tap, Notice(NoticeKind.ASK_REASON, "Press it again to say why."))
    assert slack.calls[-1][2] == {"channel": "U024BE7LH", "text": "Press it again to say why."}


async def test_a_press_arrives_over_http(slack: SlackPeer, channel: Slack) -> None:
    taps: list[Event] = []

    async def receive(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        inbound = Inbound("POST", request.path, "", headers, await request.read(), NOW)
        taps.append(channel.read(Resolved.of(channel.authenticate(inbound))))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ref = await channel.post(ROOM, channel.layout(card()), "crd_1")
    press = signed(slack.press(ref.conversation, ref.message, "approve", "U024BE7LH"), NOW)
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with session.post(url, data=press.body, headers=press.headers) as response:
            assert response.status == 200
    await runner.cleanup()
    (tap,) = taps
    assert isinstance(tap, Tap)
    assert tap.echo == channel.echo(channel.layout(card()))


# Socket Mode


def listening(slack: SlackPeer, deliver: Any) -> AbstractAsyncContextManager[Slack]:
    made = make(slack.api, mode="socket", app_token=APP_TOKEN, signing_secret="")
    return on_platforms.listening(made, deliver, slack.connected)


async def test_a_press_over_a_socket_is_acknowledged_once_delivered(slack: SlackPeer) -> None:
    events: list[Event] = []

    async def deliver(event: Event) -> Notice | None:
        assert slack.acks == []
        events.append(event)
        return Notice(NoticeKind.REFUSED, "You are not an approver.")

    async with listening(slack, deliver) as channel:
        ref = await channel.post(ROOM, channel.layout(card()), "crd_1")
        press = slack.press(ref.conversation, ref.message, "approve", "U024BE7LH")
        assert await slack.envelope(press, "e1") == {"envelope_id": "e1"}
        assert events == [read(make(AWAY), press)]
        await asyncio.wait_for(slack.whispered.wait(), HANGS)


async def test_a_prompt_over_a_socket_is_answered_in_the_acknowledgement(slack: SlackPeer) -> None:
    async def deliver(event: Event) -> Notice | None:
        return Notice(NoticeKind.CLOSED, "Too late.")

    async with listening(slack, deliver):
        ack = await slack.envelope(fixture("view_submission"), "e1")
    assert ack["payload"] == {"response_action": "errors", "errors": {"reason": "Too late."}}


async def test_the_socket_is_renewed_when_slack_asks(slack: SlackPeer) -> None:
    events: list[Event] = []

    async def deliver(event: Event) -> None:
        events.append(event)

    async with listening(slack, deliver):
        await slack.refresh()
        assert (await slack.envelope({"type": "nonsense"}, "e1"))["envelope_id"] == "e1"
        await slack.envelope(fixture("block_actions"), "e2")
    assert [type(event) for event in events] == [Ignored, Tap]
    assert len(slack.sockets) == 2


async def test_a_socket_without_a_valid_token_is_tried_again(slack: SlackPeer) -> None:
    channel = make(slack.api, mode="socket", app_token="xapp-other")
    with pytest.raises(Busy, match="invalid_auth"):
        await channel.listen(lambda event: None)  # type: ignore[arg-type, return-value] # never called
    await channel.close()


# Doctor


async def test_check_finds_nothing_where_all_is_well(slack: SlackPeer, channel: Slack) -> None:
    assert [(one.subject, one.ok) for one in await channel.check()] == [
        ("scopes", True),
        ("team", True),
        ("clock", True),
    ]


async def test_check_names_what_is_wrong(slack: SlackPeer) -> None:
    slack.scopes = "chat:write,users:read"
    channel = make(slack.api, team_id="T0OTHER")
    found = {one.subject: one for one in await channel.check()}
    assert not found["scopes"].ok
    assert "im:write" in found["scopes"].detail
    assert "commands" in found["scopes"].detail
    assert not found["team"].ok
    await channel.close()
    channel = make(slack.api, mode="socket", app_token="xapp-other")
    (only,) = await channel.check()
    assert (only.ok, "invalid_auth" in only.detail) == (False, True)
    await channel.close()


# A peer that nobody here wrote


@pytest.fixture(scope="module")
def emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of the Slack of npm's `emulate` 0.12.2 (`make test` installs it)."""
    seed = tmp_path_factory.mktemp("emulate") / "seed.json"
    content = {
        "tokens": {BOT_TOKEN: {"login": "countersign", "scopes": []}},
        "slack": {
            "team": {"name": "Acme", "domain": "acme"},
            "users": [{"name": "dana", "real_name": "Dana", "email": "dana@example.com"}],
            "channels": [{"name": "general"}],
            "bots": [{"name": "countersign"}],
        },
    }
    seed.write_text(json.dumps(content))
    assert (PEERS / "node_modules").exists(), "run npm ci in tests/peers; make test does"
    port = free_port()
    command = (NODE, "emulate.mjs", "slack", str(port), str(seed))
    with subprocess.Popen(command, cwd=PEERS, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = process.stdout.readline()
        assert said.startswith("http"), said
        yield f"http://127.0.0.1:{port}/api/"
        process.terminate()


@pytest.fixture
async def other(emulate: str) -> AsyncIterator[Slack]:
    made = make(emulate, team_id="")
    yield made
    await made.close()


async def test_emulate_opens_a_conversation_by_address_and_takes_every_card(other: Slack) -> None:
    address = await other.open("dana@example.com")
    assert address.conversation.startswith("D")
    assert await other.open(address.account or "") == address
    for shown in CARDS.values():
        ref = await other.post(address, other.layout(shown), "crd")
        await other.redraw(ref, other.layout(CARDS["withdrawn"]))
        history = await other._call("conversations.history", {"channel": ref.conversation})
        (message,) = [one for one in history["messages"] if one["ts"] == ref.message]
        assert other.echo(message) == other.echo(other.layout(CARDS["withdrawn"]))


async def test_emulate_whispers_and_opens_the_prompt(other: Slack) -> None:
    address = await other.open("dana@example.com")
    ref = await other.post(address, other.layout(card()), "crd")
    made = await other._call("views.generateTriggerId", {"user_id": address.account})
    to = {"trigger": made["trigger_id"], "prompt": ""}
    tap = Tap(
        channel="slack",
        event="e",
        account=address.account or "",
        conversation=ref.conversation,
        message=ref.message,
        token="t" * 20,
        reply_to=to,
    )
    await other.tell(tap, Notice(NoticeKind.REFUSED, "Not you."))
    await other.tell(tap, Notice(NoticeKind.ASK_REASON, "Why?"))


async def test_emulate_refuses_what_is_not_there(other: Slack) -> None:
    with pytest.raises(Refused, match="users_not_found"):
        await other.open("nobody@example.com")
    with pytest.raises(Refused, match="channel_not_found"):
        await other.post(Address("slack", "C0NOWHERE"), other.layout(card()), "crd")
