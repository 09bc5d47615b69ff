"""`countersign channels`, and what a channel's taps are made to count for (`tier`)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from adapters import CHANNELS
from approvals.app import channels
from approvals.app.exits import Exit
from approvals.cli.channels import WEB
from approvals.model import Person, Tier
from approvals.store import Store
from tests.harness.house import Desk, open_house
from tests.harness.installation import Installation, install

TELEGRAM = """
channels:
  telegram: {bot_token: "7:x", mode: polling%s}
  slack: {bot_token: "${SLACK_BOT_TOKEN}", signing_secret: "${SLACK_SIGNING_SECRET}"}
"""


def told(place: Installation) -> dict[str, dict[str, object]]:
    ran = place.run("channels", "--json")
    assert ran.code == 0, ran.err
    return {one["channel"]: one for one in json.loads(ran.out)}


def configured(place: Installation, more: str = "") -> None:
    path = place.folder / "countersign.yaml"
    path.write_text(path.read_text() + TELEGRAM % more)


def test_without_a_configuration_it_lists_what_there_is(tmp_path: Path) -> None:
    found = told(Installation(tmp_path, 0))
    assert list(found) == [WEB, *sorted(CHANNELS)]
    assert {name for name, one in found.items() if one["on"]} == {WEB}
    assert found["telegram"]["outbound_mode"] == "polling"


async def test_it_says_what_is_on_and_what_went_wrong(
    database: str, store: Store, tmp_path: Path
) -> None:
    """The newest card of a channel, and that its platform is down."""
    place = install(tmp_path, database)
    configured(place)
    desk = Desk(name="telegram")
    dana = Person("dana", None, {"telegram": "7"})
    groups = {"default": frozenset({"dana"})}
    async with open_house(store, desks=[desk], people=(dana,), groups=groups, rules=()) as house:
        await house.opened("pay")
        await house.carried()
    await store.put_meta("outage telegram", "1700000000000")
    found = await asyncio.to_thread(told, place)
    telegram = found["telegram"]
    assert (telegram["on"], telegram["mode"], telegram["tier"]) == (True, "polling", "B")
    assert telegram["last_error"] == "down since 2023-11-14T22:13:20.000Z"
    assert str(telegram["last_card"]).startswith("20")
    assert (found["slack"]["on"], "SLACK_BOT_TOKEN" in str(found["slack"]["off"])) == (False, True)


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_law_06_a_section_can_make_taps_count_for_less_and_never_for_more(name: str) -> None:
    section = channels.samples()[name]
    own = channels.made({name: section}, {})[name].abilities
    for tier in Tier:
        tighter = section.model_copy(update={"tier": tier})
        made = channels.made({name: tighter}, {})[name]
        assert made.abilities.tier == max(own.tier, tier)  # "A" < "B" < "C"
        assert made.abilities.echo == own.echo


def test_a_tier_that_is_more_than_the_channel_proves_is_a_fault(tmp_path: Path) -> None:
    place = install(tmp_path)
    configured(place, ", tier: A")
    ran = place.run("check")
    assert ran.code == Exit.CONFIG
    assert "a tap on telegram proves B at most, not A" in ran.err


def test_a_tier_that_is_less_is_sound(tmp_path: Path) -> None:
    place = install(tmp_path)
    configured(place, ", tier: C")
    assert place.run("check").code == 0
    assert told(place)["telegram"]["tier"] == "C"
