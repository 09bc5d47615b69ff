"""The contract of channels, over all of CHANNELS."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from adapters import CHANNELS
from approvals import cards
from approvals.model import (
    Busy,
    Fact,
    Forged,
    Malformed,
    Refused,
    Scope,
    Status,
)
from approvals.port import (
    LEAVES_OUT,
    Channel,
    Ignored,
    Inbound,
    Payload,
    Render,
    Reply,
    Resolved,
    Talks,
    Tap,
    block,
    resolve,
)
from approvals.web.events import named_routes
from tests.harness import hostile
from tests.harness.channel_contract import (
    AWAY,
    CARDS,
    HOSTILE,
    KITS,
    NOW,
    ROOT,
    Kit,
    card,
    event_of,
    hostile_card,
    kit,
    natural,
    strings,
    template,
)

SDKS = ("_sdk", "_bolt", "telegram.", "discord.", "botbuilder", "aiosmtp", "twilio")


@pytest.fixture(params=KITS)
def one(request: pytest.FixtureRequest) -> Kit:
    return kit(request.param)


@pytest.fixture(params=[name for name in KITS if kit(name).delivers])
def told(request: pytest.FixtureRequest) -> Kit:
    """A channel whose platform delivers to us: presses, or words."""
    return kit(request.param)


@pytest.fixture(params=[name for name in KITS if kit(name).tap])
def pressed(request: pytest.FixtureRequest) -> Kit:
    """A channel whose platform delivers presses to us."""
    return kit(request.param)


@pytest.fixture(params=[name for name in KITS if not kit(name).delivers])
def mute(request: pytest.FixtureRequest) -> Kit:
    """A channel whose buttons lead to our own page: nothing is ever delivered."""
    return kit(request.param)


def test_the_five_sets_are_equal() -> None:
    names = set(CHANNELS)
    folders = {p.name for p in (ROOT / "tests/fixtures").iterdir() if p.is_dir()}
    sets = {
        "adapters/*/adapter.py": {p.parent.name for p in ROOT.glob("adapters/*/adapter.py")},
        "card_templates": {p.name.split(".")[0] for p in ROOT.glob("card_templates/*.j2")},
        "tests/fixtures": folders - {"requests", "aws"},
        "docs/channels": {p.stem for p in ROOT.glob("docs/channels/[!R]*.md")},
    }
    for where, there in sets.items():
        assert there == names, f"{where} differs from CHANNELS in {sorted(there ^ names)}"


def imported(code: str, *words: str) -> list[str]:
    """The modules with one of `words` in their names that a fresh interpreter has after `code`."""
    code += "; import sys; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in ran.stdout.split() if any(word in name for word in words)]


def test_importing_the_table_imports_no_adapter() -> None:
    assert imported("import adapters", "adapters.", *SDKS, "aiohttp") == []


def test_importing_every_section_and_guide_imports_no_adapter_and_no_sdk() -> None:
    code = "import adapters; [(one.section(), one.setup()) for one in adapters.CHANNELS.values()]"
    found = imported(code, ".adapter", *SDKS)
    ours: tuple[str, ...] = ("adapters.telegram.settings", "adapters.telegram.setup")
    ours += ("adapters.discord.settings", "adapters.discord.setup")
    assert [name for name in found if name not in ours] == []


def test_importing_an_adapter_imports_no_sdk(one: Kit) -> None:
    code = f"import adapters; adapters.CHANNELS[{one.name!r}].adapter()"
    found = imported(code, "adapters.", *SDKS)
    assert f"adapters.{one.name}.adapter" in found
    ours = (["adapters", one.name], ["adapters", "kit"])
    others = [name for name in found if name.split(".")[:2] not in ours]
    assert others == []


def test_a_channel_is_called_as_the_table_calls_it(one: Kit) -> None:
    channel = one.make(AWAY)
    assert channel.name == one.name == CHANNELS[one.name].adapter().__module__.split(".")[1]


def test_the_routes_of_a_channel_are_its_own(one: Kit) -> None:
    """The service would not start otherwise. Each is whole: `/channels/<name>/…`."""
    assert set(named_routes({one.name: one.make(AWAY)}).values()) <= {one.name}


async def test_law_09_a_proven_press_is_read(told: Kit) -> None:
    async with told.asked() as channel:
        event = await event_of(channel, told.press(NOW))
    assert isinstance(event, Tap if told.tap else Reply)
    assert (event.channel, event.stranger) == (told.name, None)


async def test_law_07_a_press_names_its_button_and_its_message(pressed: Kit) -> None:
    """By our token, or by the message and the choice; and what a tap may approve rests on which."""
    async with pressed.asked() as channel:
        tap = await event_of(channel, pressed.press(NOW))
    assert isinstance(tap, Tap)
    assert bool(tap.token) != (tap.choice is not None)
    assert bool(tap.message) == channel.abilities.names_message


async def test_law_09_the_same_press_has_the_same_event_id(told: Kit) -> None:
    async with told.asked() as channel:
        first, second = [await event_of(channel, told.press(NOW)) for _ in range(2)]
    assert isinstance(first, Tap | Reply)
    assert isinstance(second, Tap | Reply)
    assert first.event == second.event


CODE = "link CS-0123-4567-89AB-CDEF"


def test_a_channel_talks_where_people_can_write_to_it(one: Kit) -> None:
    assert isinstance(one.make(AWAY), Talks) == (one.write is not None), (
        "an adapter that reads what people write has `say`, and its kit has `write`"
    )


async def test_law_02_what_an_account_writes_in_private_is_read_as_its_own(told: Kit) -> None:
    if told.write is not None:
        async with told.asked() as channel:
            reply, again = [await event_of(channel, told.write(NOW, CODE)) for _ in range(2)]
            tap = await event_of(channel, told.press(NOW))
        assert isinstance(reply, Reply)
        assert isinstance(tap, Tap | Reply)
        assert (reply.channel, reply.account, reply.text) == (told.name, tap.account, CODE)
        assert reply.stranger is None
        assert reply == again
        assert CODE not in repr(reply)


async def test_law_06_what_others_could_read_too_is_no_reply(told: Kit) -> None:
    if told.overheard is not None:
        async with told.asked() as channel:
            assert isinstance(await event_of(channel, told.overheard(NOW, CODE)), Ignored)


def forged(channel: Channel, inbound: Inbound) -> None:
    with pytest.raises(Forged) as caught:
        channel.authenticate(inbound)
    assert type(caught.value) is Forged


def test_law_09_any_flipped_byte_of_the_body_is_forged(told: Kit) -> None:
    channel = told.make(AWAY)
    good = told.press(NOW)
    for index in range(0, len(good.body), 7):
        body = bytearray(good.body)
        body[index] ^= 1
        changed = replace(good, body=bytes(body))
        if told.signs_body:
            forged(channel, changed)
        else:  # nobody but the platform can do it; and whatever comes of it has a name
            with suppress(Forged, Malformed):
                channel.read(Resolved.of(channel.authenticate(changed)))
    if told.signs_body:
        forged(channel, replace(good, body=good.body + b"\n"))
        forged(channel, replace(good, body=b""))


def test_law_09_any_flipped_character_of_the_proof_is_forged(told: Kit) -> None:
    channel = told.make(AWAY)
    good = told.press(NOW)
    for name in told.proofs:
        value = good.headers[name]
        for index in range(len(value)):
            other = value[:index] + chr(ord(value[index]) ^ 1) + value[index + 1 :]
            forged(channel, replace(good, headers={**good.headers, name: other}))


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "v0=",
        "é",
        "v0=é" + "0" * 63,
        "\udcff",
        "٣" * 10,
        "0" * 64,
        "v0=" + "g" * 64,
        "-1",
        "1e9",
    ],
)
def test_law_09_a_strange_proof_is_forged_and_nothing_else(told: Kit, value: str) -> None:
    channel = told.make(AWAY)
    good = told.press(NOW)
    for name in told.proofs:
        forged(channel, replace(good, headers={**good.headers, name: value}))


def test_law_09_a_missing_proof_is_forged(told: Kit) -> None:
    channel = told.make(AWAY)
    good = told.press(NOW)
    for name in told.proofs:
        kept = {key: value for key, value in good.headers.items() if key != name}
        forged(channel, replace(good, headers=kept))
    if told.proofs:
        forged(channel, replace(good, headers={}))


def test_law_09_a_body_that_proves_nothing_is_forged(told: Kit) -> None:
    channel, unproven = told.make(AWAY), told.unproven(NOW)
    assert told.proofs or unproven, (
        "name in the kit the headers that prove (`proofs`), or deliveries that do not (`unproven`)"
    )
    for inbound in unproven:
        forged(channel, inbound)


def test_law_09_a_stale_or_future_delivery_is_forged(told: Kit) -> None:
    channel = told.make(AWAY)
    if told.stale is not None:
        good = told.press(NOW)
        for late in (told.stale + 1000, -told.stale - 1000, 365 * 86_400_000):
            forged(channel, replace(good, at=NOW + late))


async def test_what_is_not_understood_is_malformed(told: Kit) -> None:
    async with told.asked() as channel:
        for inbound in told.unknown(NOW):
            proven = channel.authenticate(inbound)
            with pytest.raises(Malformed) as caught:
                channel.read(await resolve(channel, proven))
            assert type(caught.value) is Malformed


async def test_proven_deliveries_for_other_features_of_the_app_are_ignored(told: Kit) -> None:
    async with told.asked() as channel:
        for inbound in told.foreign(NOW):
            assert isinstance(await event_of(channel, inbound), Ignored), inbound.body


@pytest.mark.parametrize("state", CARDS)
def test_an_unchanged_layout_has_an_unchanged_echo(one: Kit, state: str) -> None:
    channel = one.make(AWAY)
    first, second = (channel.layout(CARDS[state]) for _ in range(2))
    assert first == second
    assert channel.echo(first) == channel.echo(second)
    assert (channel.echo(first) is not None) == channel.abilities.echo


@pytest.mark.parametrize("state", CARDS)
def test_law_03_a_card_says_its_state_and_has_no_button_but_its_own(one: Kit, state: str) -> None:
    channel = one.make(AWAY)
    shown = natural(CARDS[state], channel.abilities)
    found = list(strings(channel.layout(shown)))
    said = shown.headline if shown.status is not Status.PENDING else shown.title
    # Where a platform reads markup, `&` and `<` stand as entities.
    texts = [unescape(re.sub("[\u2060\u200b]", "", text)) for text in found]
    assert any(said in text for text in texts)
    offered = shown.buttons if channel.limits.buttons else ()
    for button in natural(card(), channel.abilities).buttons:
        assert (button.token in found) == (button in offered)


@pytest.mark.parametrize("text", HOSTILE)
def test_law_13_no_value_makes_a_link_a_mention_a_field_or_a_button(one: Kit, text: str) -> None:
    channel = one.make(AWAY)
    names = ("title", "action", "agent", "payload", "note", "headline", "review_needed")
    for name in (*names, "facts"):
        # One at a time: where a message takes few characters, all of them would cost it a button.
        tame, wild = (
            channel.layout(card(**{name: (Fact(x[:50], x),) if name == "facts" else x}))
            for x in ("x", text)
        )
        assert one.links(wild) == one.links(tame)
        assert len(list(strings(wild))) == len(list(strings(tame)))
        for said in one.parsed(wild):
            assert not re.search(r"<(?!!date\^)", said)


@pytest.mark.parametrize("text", HOSTILE)
def test_law_12_nothing_unseen_gets_onto_a_card(one: Kit, text: str) -> None:
    payload = one.make(AWAY).layout(card(title=text))
    for said in strings(payload):
        assert not any(ord(char) < 32 and char != "\n" for char in said)


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_07_no_element_of_a_card_ends_in_white_space(one: Kit, texts: tuple[str, ...]) -> None:
    """Platforms cut it off, and then the card is not what was sent."""
    channel = one.make(AWAY)
    # No request holds a lone surrogate: its digest cannot be computed.
    whole = [text[:500] + text[-50:] for text in texts if not re.search("[\ud800-\udfff]", text)]
    for text in (*whole, "ends in a blank ", "ends in a line\n", "\t", " both "):
        for said in strings(channel.layout(hostile_card(text, channel))):
            end = "" if channel.abilities.echo else "\n"  # of a mail's text
            assert said.removesuffix(end) == said.rstrip(), ascii(said)


def test_law_14_a_card_that_is_too_long_is_refused_not_cut(one: Kit) -> None:
    channel = one.make(AWAY)
    try:
        channel.layout(card(payload="x" * 50_000))
    except Refused:
        return
    pytest.fail(f"`drawn` has to refuse more than its limits.payload ({channel.limits.payload})")


def test_law_23_no_secret_is_in_a_repr(one: Kit) -> None:
    channel = one.make(AWAY)
    for secret in one.secrets:
        assert secret not in repr(channel)


async def test_law_23_no_secret_and_no_token_is_in_the_repr_of_a_press(told: Kit) -> None:
    async with told.asked() as channel:
        proven = channel.authenticate(told.press(NOW))
        resolved = await resolve(channel, proven)
        event = channel.read(resolved)
    assert isinstance(event, Tap | Reply)
    hidden = event.token if isinstance(event, Tap) else event.text
    for secret in filter(None, (*told.secrets, hidden)):
        assert secret not in repr(event) + repr(proven) + repr(resolved)


@pytest.mark.parametrize("body", [b"", b"{}", b"payload={}", b"\xff", b"From: a@b\r\n\r\nApprove"])
def test_law_09_whatever_is_delivered_to_a_channel_without_deliveries_is_forged(
    mute: Kit, body: bytes
) -> None:
    channel = mute.make(AWAY)
    for headers in ({}, {"authorization": "Bearer x"}, {"x-slack-signature": "v0=" + "0" * 64}):
        forged(channel, Inbound("POST", f"/channels/{mute.name}/events", "", headers, body, NOW))
    with pytest.raises(Malformed):
        channel.read(Resolved(Inbound("POST", "/", "", {}, body, NOW)))


@pytest.mark.parametrize(
    ("status", "retry_after", "delay"),
    [(429, 7, 7000), (429, None, None), (500, None, None), (503, 2, 2000)],
)
async def test_law_26_a_platform_that_is_busy_names_the_delay(
    one: Kit, status: int, retry_after: int | None, delay: int | None
) -> None:
    async with one.peer() as peer:
        channel = one.make(peer.api)
        peer.break_next(status, retry_after)
        with pytest.raises(Busy) as caught:
            await channel.post(one.address, channel.layout(card()), "crd_1")
        assert caught.value.retry_after == (delay if one.delays else None)
        slower = retry_after is not None if one.slow_in_words else status == 429
        assert (caught.value.scope is Scope.CONVERSATION) == (slower and one.by_conversation)
        assert (await channel.post(one.address, channel.layout(card()), "crd_2")).message
        await channel.close()


async def test_law_26_a_platform_that_is_away_is_busy(one: Kit) -> None:
    channel = one.make(AWAY)
    with pytest.raises(Busy):
        await channel.post(one.address, channel.layout(card()), "crd_1")
    await channel.close()


async def test_law_23_no_token_of_a_button_is_logged(
    one: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with one.peer() as peer:
        channel = one.make(peer.api)
        ref = await channel.post(one.address, channel.layout(card()), "crd_1")
        await channel.redraw(ref, channel.layout(card(progress="Needs one more.")))
        await channel.close()
    for secret in (*one.secrets, *(button.token for button in card().buttons)):
        assert secret not in caplog.text


def blind(channel: str, name: str, empty: object) -> Render:
    """A template that leaves this part of the card out."""
    whole = template(channel)

    def render(values: Mapping[str, Any]) -> Payload:
        given = dict(values)
        if "card" in given:
            given["card"] = replace(given["card"], **{name: empty})
        if name in given:  # all facts as lines, of some channels
            lines = name == "facts" and isinstance(given[name], str)
            given[name] = block(empty) if lines else empty  # type: ignore[arg-type] # they are facts
        if "fences" in given:
            given["fences"] = {**given["fences"], name: ""}
        return whole(given)

    return render


@pytest.mark.parametrize(
    ("part", "empty", "why"),
    [
        ("facts", (), "a fact"),
        ("facts", (Fact("Amount", "12,400.00 EUR"),), "a fact"),
        ("line", "", "method and address"),
        ("payload", "amount: 1240000", "a part of the request"),
        ("note", None, "the agent's note"),
    ],
)
def test_law_14_a_template_that_leaves_out_what_is_approved_has_no_approve(
    one: Kit, part: str, empty: object, why: str
) -> None:
    """C5: and the card says so."""
    shown = card(note="urgent")
    sound, lame = (
        one.make(AWAY, render=render).layout(shown)
        for render in (template(one.name), blind(one.name, part, empty))
    )
    approve, decline = (button.token for button in shown.buttons[:2])
    drawn = json.dumps(lame)
    if not one.make(AWAY).limits.buttons:  # nothing on it approves, whatever it shows
        assert approve not in json.dumps(sound) + drawn
        return
    assert approve in json.dumps(sound)
    assert approve not in drawn
    assert decline in drawn
    said = [text.replace("\u200b", "").replace("\u2060", "") for text in strings(lame)]
    assert any(f"{LEAVES_OUT}{why}." in text for text in said)


VALUE = '{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": {{ fact.value }}}]}'
FACTS = r'"\n```\n" ~ fences.facts ~ "\n```"'
PAYLOAD = r'"\n```\n" ~ fences.payload ~ "\n```"'
HIDING: dict[str, tuple[str, dict[str, str]]] = {
    "on one line": ("teams", {VALUE: '{"type": "TextBlock", "text": {{ fact.value }}}'}),
    "cut after a line": (
        "teams",
        {VALUE: '{"type": "TextBlock", "wrap": true, "maxLines": 1, "text": {{ fact.value }}}'},
    ),
    "for another client": (
        "teams",
        {VALUE: f'{{"type": "TextBlock", "wrap": true, "text": "ask us", "fallback": {VALUE}}}'},
    ),
    "invisible": (
        "teams",
        {'"Column", "width": "stretch"': '"Column", "isVisible": false, "width": "stretch"'},
    ),
    "for newer clients": (
        "webex",
        {'"Column", "width": "stretch"': '"Column", "requires": {"x": "9"}, "width": "stretch"'},
    ),
    "in a column as wide as a letter": (
        "webex",
        {'"Column", "width": "stretch"': '"Column", "width": "9px"'},
    ),
    "in a part that no client has": ("webex", {'{"type": "Container", ': '{"type": "Carousel", '}),
    "hidden by a word": (
        "webex",
        {'"Column", "width": "stretch"': '"Column", "width": "stretch", "isVisible": "false"'},
    ),
    "for newer clients, in Teams": (
        "teams",
        {'"Column", "width": "stretch"': '"Column", "requires": {"x": "9"}, "width": "stretch"'},
    ),
    "in a column as wide as a letter, in Teams": (
        "teams",
        {'"Column", "width": "stretch"': '"Column", "width": "9px"'},
    ),
    "in a part that no client has, in Teams": (
        "teams",
        {'{"type": "Container", ': '{"type": "Carousel", '},
    ),
    "hidden by a word, in Teams": (
        "teams",
        {'"Column", "width": "stretch"': '"Column", "width": "stretch", "isVisible": "false"'},
    ),
    "behind a spoiler": ("discord", {FACTS: r'"\n||```\n" ~ fences.facts ~ "\n```||"'}),
    "no embeds": ("discord", {'"embeds": [': '"flags": 4, "embeds": ['}),
    "in an address": (
        "discord",
        {PAYLOAD: '""', '"footer":': '"url": {{ fences.payload }}, "footer":'},
    ),
    "in the template": ("whatsapp", {"[{{ card.line }}]": '["see the page"]'}),
    "in the message": ("whatsapp", {"    {{ card.line }},": '    "see the page",'}),
}


@pytest.mark.parametrize(("name", "changes"), HIDING.values(), ids=HIDING)
def test_law_14_what_a_template_draws_out_of_sight_is_left_out(
    name: str, changes: dict[str, str]
) -> None:
    """C5: a part of the message that nobody sees, or that another form of it lacks."""
    file, one, shown = next((ROOT / "card_templates").glob(f"{name}.*")), kit(name), card()
    source = file.read_text()
    for ours, theirs in changes.items():
        assert ours in source
        source = source.replace(ours, theirs)
    drawn = json.dumps(one.make(AWAY, render=cards.renderer(file.name, source)).layout(shown))
    assert shown.buttons[0].token not in drawn
    assert LEAVES_OUT in drawn.replace("\\u200b", "")
    assert shown.buttons[1].token in drawn, "it can still be declined"


@pytest.mark.parametrize("letter", ["l", "ы", "受", "ا", "*"])
def test_no_label_of_a_fact_is_cut(one: Kit, letter: str) -> None:
    """C13: the longest that the API takes, in any script; plumbing is cut first."""
    limits = one.make(AWAY).limits
    assert limits.measure(letter * 200) <= limits.fact_label
