"""Discord's quirks: code that nothing leaves, what its store adds, prompts, the gateway."""

from __future__ import annotations

import asyncio
import copy
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.discord import setup
from adapters.discord.adapter import Discord
from approvals import linking
from approvals.model import Address, Busy, Fact, Forged, Refused, Status
from approvals.port import (
    Event,
    Handshake,
    Ignored,
    Notice,
    NoticeKind,
    Payload,
    Reply,
    Resolved,
    Tap,
)
from approvals.store import Store
from tests.harness import hostile, on_platforms
from tests.harness.channel_contract import CARDS, HOSTILE, NOW, ROOT, card
from tests.harness.house import HANGS, Clock, Place
from tests.harness.node import NODE
from tests.peers.discord import (
    CODE,
    DANA,
    FIXTURES,
    LEE,
    ROBOT,
    ROOM,
    DiscordPeer,
    answer_faults,
    direct,
    faults,
    fixture,
    links,
    make,
    signed,
    stored,
    unstyled,
)

PEERS = ROOT / "tests/peers"
AWAY = "http://127.0.0.1:9/api"
HALL = Address("discord", ROOM)
CHANNEL = make(AWAY)


@pytest.fixture
async def discord() -> AsyncIterator[DiscordPeer]:
    async with DiscordPeer() as peer:
        yield peer


@pytest.fixture
async def channel(discord: DiscordPeer) -> AsyncIterator[Discord]:
    made = make(discord.api)
    yield made
    await made.close()


def read(interaction: dict[str, Any]) -> Event:
    return CHANNEL.read(Resolved.of(CHANNEL.authenticate(signed(interaction, NOW))))


def tapped(interaction: dict[str, Any]) -> Tap:
    return on_platforms.tapped(read(interaction))


def replied(interaction: dict[str, Any]) -> Reply:
    event = read(interaction)
    assert isinstance(event, Reply)
    return event


OTHER = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c"
"""The public key of somebody else."""


# Configuration, proof


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"bot_token": " "}, "bot_token"),
        ({"application_id": "app"}, "application_id"),
        ({"public_key": ""}, "public_key"),
        ({"public_key": "g" * 64}, "public_key"),
        ({"public_key": "01" + "0" * 62}, "low order"),
        ({"public_key": "02" + "0" * 62}, "not a point"),
        ({"mode": "socket"}, "webhook or gateway"),
    ],
)
def test_law_09_an_absent_secret_is_an_error_at_start(given: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make(AWAY, **given)


def test_law_09_without_a_public_key_every_delivery_is_forged() -> None:
    channel = make(AWAY, mode="gateway", public_key="")
    with pytest.raises(Forged):
        channel.authenticate(signed(fixture("button_in_a_server"), NOW))


def test_law_09_another_applications_signature_is_forged() -> None:
    with pytest.raises(Forged):
        CHANNEL.authenticate(signed(fixture("ping"), NOW, Ed25519PrivateKey.generate()))


def test_a_ping_is_answered_with_a_pong() -> None:
    event = read(fixture("ping"))
    assert isinstance(event, Handshake)
    assert json.loads(event.response.body) == {"type": 1}
    assert event.response.content_type == "application/json"


# Cards


@pytest.mark.parametrize("state", CARDS)
def test_a_part_that_a_card_does_not_have_is_not_drawn(state: str) -> None:
    bare = replace(CARDS[state], payload="", payload_tail="", line="", elided=0)
    assert "(empty)" not in json.dumps(CHANNEL.layout(bare))


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_cards_are_as_they_were(state: str) -> None:
    assert faults(on_platforms.as_it_was(CHANNEL, state)) == []


def test_discords_published_types_accept_what_we_send(tmp_path: Path) -> None:
    """`discord-api-types` and TypeScript, from npm (`make test` installs them)."""
    goldens = {path.stem: json.loads(path.read_text()) for path in (FIXTURES / "golden").glob("*")}
    prompt = goldens.pop("prompt")
    assert prompt == CHANNEL.render({"prompt": "S" * 20, "reasons": []})
    offering = CHANNEL.render({"prompt": "S" * 20, "reasons": ["Too much", "Not agreed"]})
    tap = tapped(fixture("button_in_a_server"))
    answers = [CHANNEL.answer(tap, Notice(kind, "Not `you`.")) for kind in NoticeKind]
    said = [json.loads(one.body) for one in answers if one]
    assert len(said) == len(NoticeKind)
    word = Notice(NoticeKind.COUNTED, "It is `yours`.")
    said.append(json.loads(CHANNEL.word(replied(fixture("command_in_a_server")), word).body))
    assert [one for body in said for one in answer_faults(body)] == []
    lines = ["import type * as d from 'discord-api-types/v10';"]
    wanted = [
        *(("RESTPostAPIChannelMessageJSONBody", one | {"nonce": "x", "enforce_nonce": True})
          for one in goldens.values()),
        *(("RESTPatchAPIChannelMessageJSONBody", one | {"attachments": []})
          for one in goldens.values()),
        ("APIModalInteractionResponseCallbackData", prompt),
        ("APIModalInteractionResponseCallbackData", offering),
        *(("APIInteractionResponse", one) for one in said),
        ("RESTPostAPIApplicationCommandsJSONBody", dict(setup.COMMAND)),
    ]  # fmt: skip
    for number, (kind, value) in enumerate(wanted):
        lines.append(f"export const v{number}: d.{kind} = {json.dumps(value)};")
    bad = goldens["pending"] | {"embedz": []}
    assert compiled(tmp_path / "good.ts", lines) == ""
    lines.append(f"export const bad: d.RESTPostAPIChannelMessageJSONBody = {json.dumps(bad)};")
    assert "embedz" in compiled(tmp_path / "bad.ts", lines)


def compiled(path: Path, lines: list[str]) -> str:
    """What the TypeScript compiler has against these lines."""
    path.write_text("\n".join(lines))
    modules = PEERS / "node_modules"
    assert (modules / "typescript").exists(), "run npm ci in tests/peers; make test does"
    (path.parent / "node_modules").unlink(missing_ok=True)
    (path.parent / "node_modules").symlink_to(modules)
    options = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022")
    compiler = (NODE, str(modules / "typescript/bin/tsc"))
    command = (*compiler, *options, "--module", "nodenext", str(path))
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_13_hostile_words_everywhere_make_no_markup_and_fit(texts: tuple[str, ...]) -> None:
    for given, payload in (one for text in texts for one in on_platforms.full_of(CHANNEL, text)):
        assert faults(payload) == []
        assert set(links(payload)) <= {given.review}
        assert CHANNEL.echo(stored(payload)) == CHANNEL.echo(payload)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("fill", ["x", "😀", "\u202e", "é", "`", "a\n"])
def test_whatever_it_is_full_of_a_card_fits(status: Status, fill: str) -> None:
    assert faults(on_platforms.longest(CHANNEL, status, fill)) == []


@pytest.mark.parametrize(
    "text", [*HOSTILE, "`", "```", "a```b", "```\nout\n```", "\\`", "`` x ``", "\n\n", " "]
)
def test_law_13_nothing_gets_out_of_its_code(text: str) -> None:
    def drawn(said: str) -> Payload:
        line = said.replace("\n", "⏎")  # as `cards.build` does
        lines = dict.fromkeys(("title", "headline", "action", "agent", "review_needed"), line)
        return CHANNEL.layout(card(**lines, payload=said, note=said, facts=(Fact(line, line),)))

    tame, wild = drawn("x"), drawn(text)
    assert unstyled(wild) == unstyled(tame)
    spans = [
        len(CODE.findall(json.dumps(one, ensure_ascii=False).replace("\\n", "\n")))
        for one in (tame, wild)
    ]
    assert spans[0] == spans[1]


def test_law_14_what_no_tap_may_approve_has_review_and_no_approve() -> None:
    (row,) = CHANNEL.layout(CARDS["uninspectable"])["components"]
    assert [one["label"] for one in row["components"]] == [
        "Review and approve…",
        "Decline",
        "Decline with reason",
    ]


@pytest.mark.parametrize("review", ["http://localhost:8080/r/1", "http://k3v9.localhost:8080/r/1"])
async def test_an_address_that_discord_refuses_stands_in_the_text(
    channel: Discord, review: str
) -> None:
    payload = channel.layout(card(review=review))
    assert f"`{review}`" in json.dumps(payload)
    assert links(payload) == []
    await channel.post(HALL, payload, "crd_1")


def test_a_closed_card_without_a_page_sends_that_it_has_no_buttons() -> None:
    assert CHANNEL.layout(replace(CARDS["expired"], review=None))["components"] == []


def test_a_template_that_draws_other_buttons_is_refused() -> None:
    def swapped(values: Any) -> Payload:
        payload = make(AWAY).render(values)
        first, second, *_ = payload["components"][0]["components"]
        first["custom_id"], second["custom_id"] = second["custom_id"], first["custom_id"]
        return payload

    with pytest.raises(Refused, match="buttons"):
        make(AWAY, render=swapped).layout(card())


@pytest.mark.parametrize(
    "embed",
    [
        {"description": "x" * 4097},
        {"description": ""},
        {"fields": [{"name": "x", "value": "x" * 1025}]},
        {"fields": [{"name": "", "value": "x"}]},
        {"fields": [{"name": "x", "value": "x"}] * 26},
        {"description": "x" * 4000, "fields": [{"name": "x", "value": "x" * 1000}] * 3},
        {"footer": {"text": "x" * 2049}},
    ],
)
def test_what_is_over_a_limit_is_refused_and_not_sent(embed: dict[str, Any]) -> None:
    drawn = {"content": "x", "embeds": [embed], "components": []}
    with pytest.raises(Refused):
        make(AWAY, render=lambda values: drawn).layout(card(buttons=()))


# The echo


@pytest.mark.parametrize("text", [*HOSTILE, " lead ", "trail\n", "`", "a\tb"])
async def test_law_07_an_unchanged_card_comes_back_with_its_echo(
    discord: DiscordPeer, channel: Discord, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    words = dict.fromkeys(("title", "payload", "note", "headline"), text)
    payload = channel.layout(card(**words, facts=(Fact(text, text),)))
    ref = await channel.post(HALL, payload, "crd_1")
    assert tapped(discord.press(ROOM, ref.message, "Decline", DANA)).echo == channel.echo(payload)
    assert caplog.text == ""


def variations(node: Any) -> list[Any]:
    """The part of a message with one thing changed, for every thing that is seen or pressed."""
    found: list[Any] = []
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("id", "inline", "content_scan_version") or value == "rich":
                continue
            if isinstance(value, (str, int)):
                found.append({**node, name: f"{value}x" if isinstance(value, str) else value + 1})
            found.append({key: kept for key, kept in node.items() if key != name})
            found += [{**node, name: other} for other in variations(value)]
    elif isinstance(node, list):
        for index, value in enumerate(node):
            found.append([*node[:index], *node[index + 1 :]])
            found.append([*node[: index + 1], *node[index:]])
            found += [[*node[:index], other, *node[index + 1 :]] for other in variations(value)]
        if len(node) > 1:
            found.append(node[::-1])
    return found


def test_law_07_any_change_of_a_card_changes_its_echo() -> None:
    message = fixture("button_in_a_server")["message"]
    sent = CHANNEL.echo(CHANNEL.layout(card()))
    assert CHANNEL.echo(message) == sent
    shown = {name: message[name] for name in ("content", "embeds", "components")}
    seen = [CHANNEL.echo({**message, **dict.fromkeys(shown), **one}) for one in variations(shown)]
    assert len(seen) > 50
    more: list[dict[str, Any]] = [
        {"attachments": [{"id": "1", "filename": "it-is-only-12.40.png"}]},
        {"flags": 4},
        {"poll": {"question": {"text": "x"}}},
        {"sticker_items": [{"id": "1", "name": "ok"}]},
        {"embeds": [{**message["embeds"][0], "image": {"url": "https://evil.example"}}]},
        {"embeds": [{**message["embeds"][0], "url": "https://evil.example"}]},
    ]
    seen += [CHANNEL.echo({**message, **one}) for one in more]
    assert sent not in seen


async def test_law_07_whoever_has_the_bot_token_cannot_swap_the_buttons(
    discord: DiscordPeer, channel: Discord
) -> None:
    payload = channel.layout(card())
    ref = await channel.post(HALL, payload, "crd_1")
    forged = copy.deepcopy(payload)
    first, second, *_ = forged["components"][0]["components"]
    first["custom_id"], second["custom_id"] = second["custom_id"], first["custom_id"]
    await channel.redraw(ref, forged)
    tap = tapped(discord.press(ROOM, ref.message, "Decline", DANA))
    assert tap.token == card().buttons[0].token
    assert tap.echo != channel.echo(payload)


async def test_a_card_that_discord_stored_otherwise_is_reported(
    discord: DiscordPeer, channel: Discord
) -> None:
    payload = channel.layout(card())
    payload["embeds"][0]["description"] += " "  # which Discord cuts off
    assert (await channel.post(HALL, payload, "crd_1")).altered == ()
    discord.alters = str.upper
    (one, *_) = (await channel.post(HALL, channel.layout(card()), "crd_2")).altered
    assert one.path.startswith("$.embeds[0].")


# Reading


@pytest.mark.parametrize("name", ["button_in_a_server", "button_in_a_direct_message"])
def test_a_press_says_who_where_and_what(name: str) -> None:
    body = fixture(name)
    tap = tapped(body)
    assert (tap.event, tap.account, tap.conversation, tap.message, tap.token, tap.reason) == (
        body["id"],
        DANA,
        body["channel_id"],
        body["message"]["id"],
        card().buttons[0].token,
        None,
    )
    assert tap.echo == CHANNEL.echo(CHANNEL.layout(card()))


@pytest.mark.parametrize("name", ["modal_submit", "modal_submit_by_rows"])
def test_a_prompt_carries_the_reason_and_may_decline_only(name: str) -> None:
    tap = tapped(fixture(name))
    assert (tap.message, tap.echo, tap.token, tap.reason, tap.conversation) == (
        None,
        None,
        card().buttons[2].token,
        "Too much.",
        ROOM,
    )


@pytest.mark.parametrize("name", ["command_in_a_server", "command_in_a_direct_message"])
def test_a_command_says_who_and_which_code(name: str) -> None:
    body = fixture(name)
    reply = replied(body)
    assert (reply.event, reply.account, reply.conversation, reply.text, reply.stranger) == (
        body["id"],
        DANA,
        body["channel_id"],
        "link CS-0123-4567-89AB-CDEF",
        None,
    )


@pytest.mark.parametrize("text", [" ", "please", "link CS-1", "x" * 100, "\u2003"])
def test_whatever_stands_behind_the_command_is_an_attempt_and_is_answered(text: str) -> None:
    body = fixture("command_in_a_server")
    body["data"]["options"][0]["value"] = text
    assert linking.code_in(replied(body).text) == ""


def test_another_command_of_the_application_is_ignored() -> None:
    body = fixture("command_in_a_server")
    body["data"]["name"] = "poll"
    assert isinstance(read(body), Ignored)


def test_what_is_answered_to_a_command_is_seen_by_one_person() -> None:
    reply = replied(fixture("command_in_a_server"))
    for kind in (NoticeKind.COUNTED, NoticeKind.REFUSED):
        body = json.loads(CHANNEL.word(reply, Notice(kind, "It is `yours`.")).body)
        assert answer_faults(body) == []
        assert (body["type"], body["data"]["flags"]) == (4, 64)
        assert body["data"]["content"] == "`It is \u200bˋyours\u200bˋ.`"


@pytest.mark.parametrize("flag", ["bot", "system"])
def test_law_02_who_is_no_person_is_a_stranger(flag: str) -> None:
    body = fixture("button_in_a_server")
    body["member"]["user"][flag] = True
    assert tapped(body).stranger == "a bot"
    body = fixture("command_in_a_server")
    body["member"]["user"][flag] = True
    assert replied(body).stranger == "a bot"


def test_law_23_the_interactions_own_token_is_in_no_repr() -> None:
    channel = make(AWAY, mode="gateway")
    body = fixture("button_in_a_server")
    tap = channel.read(Resolved.of(channel.authenticate(signed(body, NOW))))
    assert isinstance(tap, Tap)
    assert tap.reply_to["token"] == body["token"]
    assert body["token"] not in repr(tap)
    body = fixture("command_in_a_server")
    reply = channel.read(Resolved.of(channel.authenticate(signed(body, NOW))))
    assert isinstance(reply, Reply)
    assert reply.reply_to["token"] == body["token"]
    assert body["token"] not in repr(reply)


# Accounts and posting


async def test_a_person_is_reached_by_direct_message(channel: Discord) -> None:
    assert await channel.open(DANA) == Address("discord", direct(DANA), account=DANA)


@pytest.mark.parametrize("account", [ROBOT, "1033044521375764599", "dana", "", "1", "dana@x.org"])
async def test_law_02_who_can_never_approve_is_refused(channel: Discord, account: str) -> None:
    with pytest.raises(Refused):
        await channel.open(account)


@pytest.mark.parametrize(("status", "code"), [(401, 0), (403, 50001), (403, 50013), (404, 0)])
async def test_law_02_what_is_wrong_with_us_is_not_held_against_a_person(
    discord: DiscordPeer, channel: Discord, status: int, code: int
) -> None:
    discord.fail.append(discord.refusal(status, code))
    with pytest.raises(Busy):
        await channel.open(DANA)


async def test_a_card_is_posted_once_and_redrawn_whole(
    discord: DiscordPeer, channel: Discord
) -> None:
    ref = await channel.post(HALL, channel.layout(card()), "crd_1")
    sent = discord.calls[-1][2]
    assert (sent["enforce_nonce"], len(sent["nonce"])) == (True, 25)
    assert await channel.post(HALL, channel.layout(card()), "crd_1") == ref
    discord.messages[ROOM, ref.message]["attachments"] = [{"id": "1"}]
    await channel.redraw(ref, channel.layout(replace(CARDS["expired"], review=None)))
    now = discord.messages[ROOM, ref.message]
    assert "Expired. Nothing was run." in json.dumps(now["embeds"])
    assert (now["components"], now["attachments"]) == ([], [])


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, 50007, Refused),
        (404, 10003, Refused),
        (400, 50035, Refused),
        (403, 50001, Busy),
        (403, 50013, Busy),
        (401, 0, Busy),
        (503, 0, Busy),
    ],
)
async def test_who_is_to_blame(
    discord: DiscordPeer, channel: Discord, status: int, code: int, kind: type[Exception]
) -> None:
    discord.fail.append(discord.refusal(status, code))
    with pytest.raises(kind):
        await channel.post(HALL, channel.layout(card()), "crd_1")


async def test_a_card_that_was_deleted_is_refused(discord: DiscordPeer, channel: Discord) -> None:
    ref = await channel.post(HALL, channel.layout(card()), "crd_1")
    discord.messages.clear()
    with pytest.raises(Refused, match="10008"):
        await channel.redraw(ref, channel.layout(CARDS["expired"]))


async def test_a_wrong_token_is_ours_to_mend(
    discord: DiscordPeer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    channel = make(discord.api, bot_token="other-token")
    discord.application = {}
    with pytest.raises(Busy):
        await channel.open(DANA)
    assert "platform_refused_app" in caplog.text
    assert "other-token" not in caplog.text
    await channel.close()


# Words


async def pressed(discord: DiscordPeer, channel: Discord, label: str = "Approve") -> dict[str, Any]:
    ref = await channel.post(HALL, channel.layout(card()), f"crd_{label}")
    return discord.press(ROOM, ref.message, label, DANA)


def said(tap: Tap, kind: NoticeKind, text: str = "Not `you`: *now*.") -> dict[str, Any]:
    answer = CHANNEL.answer(tap, Notice(kind, text))
    assert answer is not None
    found: dict[str, Any] = json.loads(answer.body)
    return found


def test_an_answer_is_seen_by_one_person_and_not_read_as_markup() -> None:
    tap = tapped(fixture("button_in_a_server"))
    assert said(tap, NoticeKind.COUNTED) == {"type": 6}
    for kind in (NoticeKind.REFUSED, NoticeKind.CLOSED):
        body = said(tap, kind)
        assert (body["type"], body["data"]["flags"]) == (4, 64)
        assert body["data"]["content"] == "`Not \u200bˋyou\u200bˋ: *now*.`"


def test_a_reason_is_asked_for_in_a_prompt_and_comes_back_with_the_token() -> None:
    tap = tapped(fixture("button_in_a_server"))
    body = said(tap, NoticeKind.ASK_REASON)
    assert answer_faults(body) == []
    peer = DiscordPeer()
    sent = tapped(peer.submit(body["data"], "Too much.", ROOM, DANA))
    assert (sent.token, sent.conversation, sent.message, sent.reason) == (
        tap.token,
        tap.conversation,
        None,
        "Too much.",
    )


async def test_a_webhook_is_answered_in_its_response_and_nowhere_else(
    discord: DiscordPeer, channel: Discord
) -> None:
    tap = tapped(await pressed(discord, channel))
    before = len(discord.calls)
    await channel.tell(tap, Notice(NoticeKind.REFUSED, "No."))
    assert len(discord.calls) == before


# The gateway


def listening(discord: DiscordPeer, deliver: Any) -> AbstractAsyncContextManager[Discord]:
    made = make(discord.api, mode="gateway", public_key="", gateway_url=discord.gateway)
    return on_platforms.listening(made, deliver, discord.connected)


async def test_a_press_over_the_gateway_reads_the_same_and_is_answered(
    discord: DiscordPeer, channel: Discord
) -> None:
    events: list[Event] = []

    async def deliver(event: Event) -> Notice | None:
        events.append(event)
        return Notice(NoticeKind.REFUSED, "You are not an approver.")

    async with listening(discord, deliver):
        press = await pressed(discord, channel)
        await discord.dispatch(press)
        await asyncio.wait_for(discord.answered.wait(), HANGS)
        (event,) = events
        assert isinstance(event, Tap)
        assert replace(event, reply_to={}) == tapped(press)
        assert discord.answers[-1]["data"]["content"] == "`You are not an approver.`"
        discord.answered.clear()
        await discord.reconnect()
        await discord.dispatch(fixture("ping") | {"type": 2})
        await discord.dispatch(await pressed(discord, channel, "Decline"))
        await asyncio.wait_for(discord.answered.wait(), HANGS)
    assert len(events) == 2
    assert [one["intents"] for one in discord.identified] == [0]


async def test_a_tap_that_was_not_stored_is_not_answered(
    discord: DiscordPeer, channel: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    tried = asyncio.Event()

    async def deliver(event: Event) -> Notice | None:
        if not tried.is_set():
            tried.set()
            raise Busy("the database is away")
        return Notice(NoticeKind.COUNTED, "Counted.")

    async with listening(discord, deliver):
        await discord.dispatch(await pressed(discord, channel))
        await asyncio.wait_for(tried.wait(), HANGS)
        await discord.dispatch(await pressed(discord, channel, "Decline"))
        await asyncio.wait_for(discord.answered.wait(), HANGS)
    assert discord.answers == [{"type": 6}]
    assert "database is away" in caplog.text


async def test_a_gateway_that_does_not_take_our_token_is_tried_again(discord: DiscordPeer) -> None:
    more: Any = {"mode": "gateway", "bot_token": "other", "gateway_url": discord.gateway}
    channel = make(discord.api, **more)
    with pytest.raises(Busy):
        await channel.listen(lambda event: None)  # type: ignore[arg-type, return-value] # never called
    await channel.close()


# Doctor


async def test_check_names_what_is_wrong(discord: DiscordPeer) -> None:
    async def found(**more: Any) -> dict[str, bool]:
        return await on_platforms.found(make(discord.api, **more))

    assert await found(bot_token="other") == {"token": False}
    well = {"application": True, "public key": True, "endpoint": True, "clock": True}
    assert await found() == well | {"endpoint": False, "command": False}
    discord._register(dict(setup.COMMAND))
    well["command"] = True
    assert await found() == well | {"endpoint": False}
    assert await found(mode="gateway", public_key="") == well
    discord.application = {"interactions_endpoint_url": "https://approve.example.com/x"}
    assert await found() == well
    wrong = {"application": False, "public key": False}
    assert await found(application_id=DANA, public_key=OTHER) == well | wrong


# In the whole house


def house(
    store: Store, discord: DiscordPeer, *, mode: str = "webhook", clock: Clock | None = None
) -> AbstractAsyncContextManager[Place]:
    channel = make(discord.api, mode=mode, gateway_url=discord.gateway)
    return on_platforms.house(store, channel, dana=DANA, lee=LEE, room=ROOM, clock=clock)


async def delivered(place: Place, interaction: dict[str, Any]) -> dict[str, Any]:
    """What the webhook answers."""
    inbound = signed(interaction, place.clock())
    url = f"{place.url}/channels/discord/events"
    async with place.http.post(url, data=inbound.body, headers=dict(inbound.headers)) as answer:
        assert answer.status == 200
        body: dict[str, Any] = await answer.json()
    assert answer_faults(body) == [] or body == {"type": 1}
    return body


async def test_a_request_is_approved_by_a_tap(store: Store, discord: DiscordPeer) -> None:
    async with house(store, discord) as place:
        assert await delivered(place, fixture("ping")) == {"type": 1}
        request = await place.opened()
        await place.carried()
        room = direct(DANA)
        card_ = discord.newest(room)["id"]
        press = discord.press(room, card_, "Approve", DANA)
        stranger = discord.press(room, card_, "Approve", LEE)
        assert (await delivered(place, stranger))["type"] == 4
        assert (await place.read(request["id"]))["status"] == "pending"
        assert await delivered(place, press) == {"type": 6}
        assert (await place.read(request["id"]))["status"] == "approved"
        await place.carried()
        now = discord.newest(room)
        assert "Approved by dana" in json.dumps(now["embeds"])
        assert now["components"] == []
        await delivered(place, press)
        late = await delivered(place, {**stranger, "id": "1457536583141169999"})
        assert late["type"] == 4


async def test_a_request_in_a_server_is_declined_with_a_reason(
    store: Store, discord: DiscordPeer
) -> None:
    async with house(store, discord) as place:
        request = await place.opened("room.x")
        await place.carried()
        card_ = discord.newest(ROOM)["id"]
        asked = await delivered(place, discord.press(ROOM, card_, "Decline…", DANA))
        assert asked["type"] == 9
        stranger = await delivered(place, discord.submit(asked["data"], "Mine!", ROOM, LEE))
        assert stranger["type"] == 4
        told = await delivered(place, discord.submit(asked["data"], "No @here", ROOM, DANA))
        assert told == {"type": 6}
        assert (await place.read(request["id"]))["status"] == "declined"
        await place.carried()
        assert "No @here" in json.dumps(discord.messages[ROOM, card_]["embeds"])


async def test_law_03_a_late_tap_says_that_nothing_was_run(
    store: Store, discord: DiscordPeer
) -> None:
    clock = Clock()
    async with house(store, discord, clock=clock) as place:
        await place.opened()
        await place.carried()
        room = direct(DANA)
        press = discord.press(room, discord.newest(room)["id"], "Approve", DANA)
        clock.turn(24 * 3_600_000)
        body = await delivered(place, press)
        assert "Expired. Nothing was run." in body["data"]["content"]


async def test_the_same_house_by_the_gateway(store: Store, discord: DiscordPeer) -> None:
    async with house(store, discord, mode="gateway") as place:
        await asyncio.wait_for(discord.connected.wait(), HANGS)
        request = await place.opened()
        await place.carried()
        room = direct(DANA)
        await discord.dispatch(discord.press(room, discord.newest(room)["id"], "Approve", DANA))
        await asyncio.wait_for(discord.answered.wait(), HANGS)
        assert discord.answers == [{"type": 6}]
        assert (await place.read(request["id"]))["status"] == "approved"
