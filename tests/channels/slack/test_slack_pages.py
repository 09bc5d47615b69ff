"""Slack's pages besides cards: the Home tab, the command without words, the shortcut."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.models.blocks import Block

from adapters.slack import home
from adapters.slack.adapter import inert
from approvals.model import Person, Risk
from approvals.port import Home, HomeRow, Ignored, Inbound, Visit
from approvals.store import Store
from tests.harness.channel_contract import HOSTILE, NOW
from tests.harness.house import GROUPS, HANGS, Place, open_house, rule, until
from tests.harness.on_platforms import listening
from tests.peers.slack import (
    APP_TOKEN,
    TEAM,
    SlackPeer,
    event,
    faults,
    form,
    make,
    person,
    read,
    send,
    shown,
    signed,
)

DANA, LEE, EVE = "U024BE7LH", "U024BE7LJ", "U024BE7LK"
PEOPLE = (Person("dana", accounts={"slack": DANA}), Person("lee", accounts={"slack": LEE}))
AWAY = "http://127.0.0.1:9/"
SITE = "http://k3v9.localhost:8080"


@pytest.fixture
async def slack() -> AsyncIterator[SlackPeer]:
    async with SlackPeer(users={one: person(one) for one in (DANA, LEE, EVE)}) as peer:
        yield peer


@asynccontextmanager
async def house(store: Store, slack: SlackPeer, **more: Any) -> AsyncIterator[Place]:
    desks: Any = (make(slack.api),)
    rules = (rule("low", risk=Risk.LOW),)
    made = {"desks": desks, "people": PEOPLE, "rules": rules, **more}
    async with open_house(store, groups={**GROUPS, "default": frozenset({"dana"})}, **made) as one:
        yield one


# The Home tab


async def test_bolt_silences_no_log_but_its_own(store: Store, slack: SlackPeer) -> None:
    """It sets the level of the logger that is called like the app: all of ours, once."""
    async with house(store, slack) as place:
        await shown(slack, place, DANA)
    for name in ("countersign", "countersign.slack", "countersign.telegram"):
        assert logging.getLogger(name).isEnabledFor(logging.WARNING), name


async def test_the_home_tab_says_what_waits_for_this_person_and_what_they_decided(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        assert "Nothing is waiting for you." in await shown(slack, place, DANA)
        request = await place.opened("low.send", title="Send it to Bob")
        said = await shown(slack, place, DANA)
        assert "Waiting for you" in said
        assert "Send it to Bob" in said
        assert f"{SITE}/requests/{request['id']}" in said
        assert "You can approve this alone." in said
        assert "You decided" not in said
        assert (await place.page(request, "approve", by="dana")).counted
        said = await shown(slack, place, DANA)
        assert "Nothing is waiting for you." in said
        assert "You decided" in said
        assert f"{SITE}/requests/{request['id']}" in said


async def test_law_02_what_somebody_may_not_decide_or_voted_on_does_not_wait_for_them(
    store: Store, slack: SlackPeer
) -> None:
    rules = (rule("two", quorum=(("finance", 2),), risk=Risk.LOW),)
    async with house(store, slack, rules=rules) as place:
        request = await place.opened("two.send", title="Send it to Bob")
        assert "Send it to Bob" in await shown(slack, place, DANA)
        assert (await place.page(request, "approve", by="dana")).counted
        assert "Nothing is waiting for you." in await shown(slack, place, DANA)
        assert "Send it to Bob" in await shown(slack, place, LEE)


async def test_an_open_home_tab_is_published_again_when_it_changes(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        await shown(slack, place, DANA)
        slack.published.clear()
        await place.opened("low.send", title="Send it to Bob")
        await asyncio.wait_for(slack.published.wait(), HANGS)
        assert "Send it to Bob" in json.dumps(slack.homes[DANA][-1])
        assert len(slack.homes[DANA]) == 2
    assert set(slack.homes) == {DANA}


async def test_law_02_nobody_sees_what_waits_for_others(store: Store, slack: SlackPeer) -> None:
    async with house(store, slack) as place:
        await place.opened("low.send", title="Send it to Bob")
        assert "Nothing is waiting for you." in await shown(slack, place, LEE)
        assert home.NOBODY in await shown(slack, place, EVE)
        slack.published.clear()
        await shown(slack, place, DANA)
        await place.opened("low.other", title="Send it to Carol")
        await until(lambda: len(slack.homes[DANA]) > 1)
    assert "Bob" not in json.dumps([slack.homes[LEE], slack.homes[EVE]])
    assert "Carol" not in json.dumps([slack.homes[LEE], slack.homes[EVE]])


async def test_law_11_a_home_tab_holds_no_words_of_an_agent(store: Store, slack: SlackPeer) -> None:
    async with house(store, slack) as place:
        more = {"agent": {"id": "bot"}, "title": "Harmless", "note": "Click it"}
        request = await place.opened("low.send", key="csr_scripts", **more)
        said = await shown(slack, place, DANA)
        assert request["id"] in said
        assert "Harmless" not in said
        assert "Click it" not in said


async def test_law_15_a_stub_channels_home_tab_names_the_rule_only(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack, stub=frozenset({"slack"})) as place:
        request = await place.opened("low.send", title="Send it to Bob")
        said = await shown(slack, place, DANA)
        assert request["id"] in said
        assert "low" in said
        assert "Bob" not in said
        await place.page(request, "approve", by="dana")
        assert "dana" not in await shown(slack, place, DANA)


async def test_law_30_a_request_that_is_asked_elsewhere_shows_its_rule_only(
    store: Store, slack: SlackPeer
) -> None:
    rules = (rule("low", risk=Risk.LOW, via=("web",)),)
    async with house(store, slack, rules=rules) as place:
        request = await place.opened("low.send", title="Send it to Bob")
        said = await shown(slack, place, DANA)
    assert request["id"] in said
    assert "low" in said
    assert "Bob" not in said


@pytest.mark.parametrize("text", HOSTILE)
def test_law_13_no_value_becomes_markup_on_a_page(text: str) -> None:
    row = HomeRow(title=text, state=text, risk=Risk.LOW, at=NOW, link=f"{SITE}/requests/req_1")
    full = Home(waiting=(row,) * 10, decided=(row,) * 5, more=3, inbox=f"{SITE}/inbox")
    views = (home.tab(full, inert), home.message(full, inert), home.modal(full, inert))
    for view, most in zip(views, (100, 50, 100), strict=True):
        assert faults(view["blocks"], most) == []
        for block in Block.parse_all(view["blocks"]):
            block.validate_json()
        links = {one["url"] for one in nodes(view) if one.get("type") == "link"}
        assert links == {f"{SITE}/requests/req_1", f"{SITE}/inbox"}
        for block in view["blocks"]:
            assert block["type"] == "rich_text" or inert(text) not in json.dumps(block)
        assert not [one for one in nodes(view) if one.get("type") == "button"]


def nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in nodes(item)]
    if isinstance(node, dict):
        return [node, *(found for item in node.values() for found in nodes(item))]
    return []


# Who is believed


async def test_law_09_an_unsigned_page_is_forged_before_bolt_sees_it(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        bodies = (slack.opened_home(DANA), slack.shortcut(home.SHORTCUT, DANA))
        for body in bodies:
            good = event(body, place.clock())
            forged = {**good.headers, "x-slack-signature": "v0=" + "0" * 64}
            bare = Inbound("POST", good.path, "", forged, good.body, good.at)
            await send(place, bare, 401)
        # Malformed and unsigned: bolt would parse it first.
        await send(place, Inbound("POST", "", "", {}, b'{"type": "event_callback"', NOW), 401)
    assert (slack.homes, slack.calls) == ({}, [])


def test_law_02_a_page_of_another_team_is_not_shown() -> None:
    channel, peer = make(AWAY), SlackPeer()
    away = {**peer.opened_home(DANA), "team_id": "T0OTHER"}
    assert isinstance(read(channel, event(away, NOW)), Ignored)
    asked = peer.shortcut(home.SHORTCUT, DANA)
    for change in ({"team": {"id": "T0OTHER"}}, {"user": {"id": DANA, "team_id": "T0OTHER"}}):
        assert isinstance(read(channel, signed({**asked, **change}, NOW)), Ignored)
    typed = {**peer.command("", DANA, "C024BE91L"), "team_id": "T0OTHER"}
    assert not isinstance(read(channel, signed(form(typed), NOW)), Visit)
    assert isinstance(read(channel, event(peer.opened_home(DANA), NOW)), Visit)


async def test_law_02_who_looks_is_who_was_read_and_not_whom_bolt_finds(
    store: Store, slack: SlackPeer
) -> None:
    """Bolt takes its ids from other places of a body, like that of whose view is open."""
    async with house(store, slack) as place:
        await place.opened("low.send", title="Send it to Bob")
        body = slack.opened_home(LEE)
        body["event"]["view"] = {"team_id": "T0OTHER", "app_installed_team_id": "T0OTHER"}
        body |= {"user": {"id": DANA, "team_id": TEAM}, "user_id": DANA}
        body["authorizations"][0] |= {"team_id": "T0OTHER", "user_id": DANA}
        await send(place, event(body, place.clock()))
        await until(lambda: slack.homes)
    assert list(slack.homes) == [LEE]
    assert "Bob" not in json.dumps(slack.homes)


def test_the_messages_tab_and_other_events_are_ignored() -> None:
    channel, peer = make(AWAY), SlackPeer()
    for body in (
        peer.opened_home(DANA, tab="messages"),
        peer.opened_home(DANA, type="message"),
        {"type": "app_rate_limited", "team_id": TEAM, "minute_rate_limited": 1518467820},
        peer.shortcut("lunch", DANA),
    ):
        assert isinstance(read(channel, event(body, NOW)), Ignored)


# The command and the shortcut


async def test_the_command_without_words_lists_what_waits_to_its_user_alone(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        request = await place.opened("low.send", title="Send it to Bob")

        async def typed(user: str) -> Any:
            body = slack.command(" ", user, "C024BE91L")
            return await send(place, signed(form(body), place.clock()))

        answer = await typed(DANA)
        assert (answer["response_type"], answer["text"]) == ("ephemeral", "1 waiting for you")
        assert f"{SITE}/requests/{request['id']}" in json.dumps(answer["blocks"])
        assert faults(answer["blocks"]) == []
        assert (await typed(EVE))["text"] == home.NOBODY
        assert (await typed(LEE))["text"] == "Nothing is waiting for you."
    assert slack.calls == []  # nothing is said in the room, and no address of theirs is called


async def test_the_shortcut_opens_the_list(store: Store, slack: SlackPeer) -> None:
    async with house(store, slack) as place:
        request = await place.opened("low.send", title="Send it to Bob")
        asked = slack.shortcut(home.SHORTCUT, DANA)
        assert await send(place, signed(asked, place.clock())) is None
        await until(lambda: slack.views)
        assert f"{SITE}/requests/{request['id']}" in json.dumps(slack.views[-1])


async def test_law_26_a_page_that_slack_does_not_take_keeps_nothing_else(
    store: Store, slack: SlackPeer
) -> None:
    async with house(store, slack) as place:
        slack.break_next(429, 30)
        await send(place, event(slack.opened_home(DANA), place.clock()))
        await until(lambda: slack.calls)
        assert "Nothing is waiting for you." in await shown(slack, place, DANA)


async def test_law_26_open_pages_wait_as_long_as_slack_wants(
    store: Store, slack: SlackPeer
) -> None:
    rules = (rule("two", quorum=(("finance", 2),), risk=Risk.LOW),)
    async with house(store, slack, rules=rules) as place:
        for user in (DANA, LEE):
            await shown(slack, place, user)
        slack.calls.clear()
        slack.break_next(429, 1)
        await place.opened("two.send", title="Send it to Bob")
        await until(lambda: len(slack.homes[DANA]) + len(slack.homes[LEE]) == 4)
    asked = [body["user_id"] for method, _, body in slack.calls if method == "views.publish"]
    assert asked == [DANA, DANA, LEE]


async def test_law_25_pages_over_a_socket_are_acknowledged_first(slack: SlackPeer) -> None:
    class Homes:
        async def of(self, account: str, *, stays: bool) -> Home | None:
            return Home(waiting=(), decided=(), more=0, inbox=f"{SITE}/inbox")

    async def deliver(happened: Any) -> None:
        raise AssertionError(happened)

    channel = make(slack.api, mode="socket", app_token=APP_TOKEN, signing_secret="")
    channel.look_up(Homes())
    async with listening(channel, deliver, slack.connected):
        assert await slack.envelope(slack.opened_home(DANA), "e1") == {"envelope_id": "e1"}
        await asyncio.wait_for(slack.published.wait(), HANGS)
        ack = await slack.envelope(slack.command("", DANA, "C024BE91L"), "e2")
    assert ack["payload"]["text"] == "Nothing is waiting for you."
    assert ack["payload"]["response_type"] == "ephemeral"


def test_what_stands_in_the_environment_makes_bolt_write_no_files(tmp_path: Path) -> None:
    """With a client id and secret there, bolt makes an OAuth flow by itself, which keeps its
    installations in files of the home directory."""
    script = f"""
import asyncio, json
from tests.peers.slack import SlackPeer, form, make, signed
from approvals.port import Resolved

class Homes:
    async def of(self, account, *, stays):
        return None

async def main():
    async with SlackPeer() as peer:
        channel = make(peer.api)
        channel.look_up(Homes())
        asked = signed(form(peer.command("", {DANA!r}, "C1")), {NOW})
        visit = channel.read(Resolved.of(channel.authenticate(asked)))
        print((await channel.host(visit)).body.decode())
        await channel.close()

asyncio.run(main())
"""
    variables = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "s", "SLACK_BOT_TOKEN": "xoxb-0"}
    env = {"PYTHONPATH": ":".join(filter(None, sys.path)), "HOME": str(tmp_path), **variables}
    command = (sys.executable, "-c", script)
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["text"] == home.NOBODY
    assert list(tmp_path.iterdir()) == []
