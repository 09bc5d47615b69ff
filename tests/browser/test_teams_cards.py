"""Teams' cards as Microsoft's own renderer draws them, and one of them pressed in a real browser.

`GOLDEN=1 pytest` takes the pictures of docs/channels/teams.md anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page

from approvals.model import Fact, Kind, Person
from approvals.port import Glance
from approvals.store import Store
from tests.browser.adaptive import DARK, DRAW, DRAW_ALL, IMAGES, LIGHT
from tests.harness import hostile
from tests.harness.channel_contract import CARDS, HOSTILE, card
from tests.harness.house import Clock, Place, open_house, rule
from tests.harness.samples import CASE, everywhere
from tests.harness.samples import card as built
from tests.peers.teams import DANA, ROOM, TeamsPeer, delivery, make

pytestmark = pytest.mark.asyncio(loop_scope="session")

AWAY: Final = "http://127.0.0.1:9/"


def content(payload: dict[str, Any]) -> dict[str, Any]:
    (hung,) = payload["attachments"]
    found: dict[str, Any] = hung["content"]
    return found


async def draw(page: Page, adaptive: dict[str, Any], look: dict[str, str] = LIGHT) -> str:
    """Draw it; the words on it. Whatever the renderer has to say against it is an error."""
    faults = await page.evaluate(DRAW, [adaptive, look])
    assert [fault for fault in faults if "Teams" not in fault] == []
    return await page.locator("#card").inner_text()


@pytest.mark.parametrize("state", CARDS)
async def test_microsofts_renderer_draws_every_card_without_a_complaint(
    canvas: Page, state: str
) -> None:
    shown = CARDS[state]
    words = (await draw(canvas, content(make(AWAY).layout(shown)))).replace("\u200b", "")
    pending = shown.status.value == "pending"
    for part in (shown.title, shown.agent, shown.progress, "" if pending else shown.headline):
        assert part in words
    for fact in shown.facts:
        assert fact.label in words
        assert fact.value in words
    assert shown.payload.strip() in words.replace("\xa0", " ")
    # The reader's own time, an hour ahead of UTC.
    assert ("Answer by Fri, 2 Jan 2026 5:10" in words) == pending
    labels = await canvas.locator(".ac-pushButton:visible").all_inner_texts()
    ours = ["Approve" if one.choice == "approve" else "Decline…" for one in shown.buttons[:2]]
    ours = [*dict.fromkeys(ours)]
    review = [*ours, "Details"]
    assert labels == (["Review and approve…", *ours] if shown.review_needed else review)


@pytest.mark.parametrize("name", ["pending", "approved", "declined", "uninspectable"])
@pytest.mark.parametrize("look", ["light", "dark"])
async def test_what_it_looks_like(canvas: Page, name: str, look: str, tmp_path: Path) -> None:
    await draw(canvas, content(make(AWAY).layout(CARDS[name])), LIGHT if look == "light" else DARK)
    path = (IMAGES if os.environ.get("GOLDEN") else tmp_path) / f"teams-{name}-{look}.png"
    path.parent.mkdir(exist_ok=True)
    await canvas.locator("#card").screenshot(path=path)
    assert 5_000 < path.stat().st_size < 60_000


SHARED: Final = make(AWAY).shared(card(), [f"29:{DANA}"])
LOOK: Final = Glance("teams", DANA, ROOM, "1", False, None, {"viewer": f"29:{DANA}"})


def voted() -> dict[str, Any]:
    """What dana is shown who approved already."""
    shown = replace(CARDS["one-of-two"], buttons=card().buttons[1:2])
    said = make(AWAY).face(LOOK, shown, "You approved this. It waits for others.")
    found: dict[str, Any] = json.loads(said.body)["value"]
    return found


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_what_a_room_looks_like(canvas: Page, look: str, tmp_path: Path) -> None:
    colours = LIGHT if look == "light" else DARK
    for name, adaptive in (("shared", content(SHARED)), ("voted", voted())):
        await draw(canvas, adaptive, colours)
        path = (IMAGES if os.environ.get("GOLDEN") else tmp_path) / f"teams-{name}-{look}.png"
        await canvas.locator("#card").screenshot(path=path)
        assert 5_000 < path.stat().st_size < 60_000
    labels = await canvas.locator(".ac-pushButton:visible").all_inner_texts()
    assert labels == ["Decline…", "Details"]


@pytest.mark.parametrize(
    "text",
    [
        *HOSTILE,
        "{{DATE(2017-02-14T06:08:00Z, SHORT)}} {{TIME(2017-02-14T06:08:00Z)}} {{date(x)}}",
        "a  b   c\n  indented\nx",
        "[Approve](https://evil.example) **bold** _it_\n- list\n1. one",
    ],
)
async def test_law_13_hostile_words_are_drawn_as_they_are(canvas: Page, text: str) -> None:
    shown = card(title=text, payload=text, note=text, agent=text, facts=(Fact("F", text),))
    words = await draw(canvas, content(make(AWAY).layout(shown)))
    drawn = words.replace("\xa0", " ").replace("\u200b", "")
    assert drawn.count(text.rstrip()) >= 5
    assert await canvas.locator("#card a, #card img, #card script").count() == 0
    assert await canvas.locator("#card strong, #card em, #card li").count() == 0


async def test_law_13_the_whole_corpus_is_drawn_without_a_complaint(canvas: Page) -> None:
    channel = make(AWAY)
    for text in hostile.CORPUS:
        cards = []
        for kind in Kind:
            said, request = everywhere(text, kind)
            case = replace(said, ask=CASE.ask, votes=(), outcome=None)
            given = built(case, request, limits=channel.limits, needs=(("finance", 2),))
            cards.append(content(channel.layout(given)))
        for faults, strange in await canvas.evaluate(DRAW_ALL, [cards, LIGHT]):
            assert [fault for fault in faults if "Teams" not in fault] == []
            assert strange == 0


async def test_a_reason_is_asked_for_where_decline_was_pressed(page: Page) -> None:
    await draw(page, content(make(AWAY).layout(card(buttons=card().buttons[:2]))))
    assert not await page.locator("textarea").is_visible()
    await page.get_by_role("button", name="Decline…").click()
    assert await page.evaluate("window.pressed") == []
    await page.locator("textarea").fill("Wrong account")
    await page.get_by_role("button", name="Decline", exact=True).click()
    await page.get_by_role("button", name="Approve").click()
    first, second = await page.evaluate("window.pressed")
    assert (first["type"], first["verb"]) == ("Action.Execute", "decline")
    assert first["data"] == {"token": "R" * 20, "reason": "Wrong account"}
    assert second["data"] == {"token": "Q" * 20}


@pytest.mark.parametrize("width", [464, 390])
async def test_law_14_a_word_without_a_break_is_wrapped_and_not_cut_off(
    page: Page, width: int
) -> None:
    """C4: in Microsoft's renderer it ran out of the card, with Approve below."""
    long = "A" * 90 + "PAYALLTOMALLORY" + "C" * 90
    await page.set_viewport_size({"width": width, "height": 800})
    shown = card(title=long, payload=f"blob: {long}", facts=(Fact("Blob", long),), line=long)
    await draw(page, content(make(AWAY).layout(shown)))
    over = """() => [...document.querySelectorAll("#card *")]
      .filter((one) => one.scrollWidth > document.querySelector("#card").clientWidth + 1).length"""
    assert await page.evaluate(over) == 0


async def test_a_real_click_approves(page: Page, tmp_path: Path) -> None:
    """Request, card at the peer, drawn, clicked in the browser, delivered, counted, redrawn."""
    async with a_place(tmp_path) as (place, teams):
        asked = await place.opened()
        await place.carried()
        ((room, id_),) = teams.messages
        await clicked(page, place, teams, room, id_, teams.card(room, id_))
        await place.carried()
        assert (await place.case(asked["id"])).status == "approved"
        words = await draw(page, teams.card(room, id_))
        assert "Approved by dana" in words
        assert await page.get_by_role("button", name="Approve").count() == 0


async def test_in_a_room_a_client_that_refreshes_draws_the_buttons(
    page: Page, tmp_path: Path
) -> None:
    """Everybody's card has none; the renderer says for whom to ask, and what it gets is clicked."""
    async with a_place(
        tmp_path,
        rules=(rule("room", via=(f"teams:{ROOM}",)),),
        review_url=lambda case_id: f"https://approve.example.com/requests/{case_id}",
    ) as (place, teams):
        asked = await place.opened("room.mail")
        await place.carried()
        ((room, id_),) = teams.messages
        await draw(page, teams.card(room, id_))
        assert await page.locator(".ac-pushButton:visible").all_inner_texts() == ["Details"]
        asks = await page.evaluate("window.asks")
        assert asks["userIds"] == [f"29:{DANA}"]
        value = {"action": {"id": "", **asks["action"]}, "trigger": "automatic"}
        said = await delivered(place, teams.activity(room, id_, name=INVOKE, value=value))
        teams.answered(room, id_, DANA, said)
        await clicked(page, place, teams, room, id_, teams.seen(room, id_, DANA))
        await place.carried()
        assert (await place.case(asked["id"])).status == "approved"
        words = await draw(page, teams.seen(room, id_, DANA))
        assert "Approved by dana" in words
        assert await page.evaluate("window.asks") is None


INVOKE: Final = "adaptiveCard/action"


@asynccontextmanager
async def a_place(tmp_path: Path, **more: Any) -> AsyncIterator[tuple[Place, TeamsPeer]]:
    """A house where dana approves, on Teams."""
    store = await Store.connect(f"sqlite:///{tmp_path}/teams.db")
    async with TeamsPeer() as teams:
        channel: Any = make(teams.api)
        people = (Person("dana", None, {"teams": DANA}),)
        groups = {"default": frozenset({"dana"})}
        how = {"people": people, "groups": groups, "rules": (), **more}
        async with open_house(store, desks=(channel,), clock=Clock(), **how) as place:
            yield place, teams
        await channel.close()
    await store.close()


async def delivered(place: Place, activity: dict[str, Any]) -> dict[str, Any]:
    """What this activity is answered."""
    tap = delivery(activity, place.clock())
    url = f"{place.url}/channels/teams/events"
    async with place.http.post(url, data=tap.body, headers=tap.headers) as answer:
        said: dict[str, Any] = json.loads(await answer.read())
    assert said["statusCode"] == 200
    return said


async def clicked(
    page: Page, place: Place, teams: TeamsPeer, room: str, id_: str, shown: dict[str, Any]
) -> None:
    """Draw this card, click Approve on it in the browser, and deliver what the click sends."""
    sent: list[Any] = []

    async def press(action: dict[str, Any]) -> None:
        value = {"action": {**action, "id": ""}, "trigger": "manual"}
        sent.append(await delivered(place, teams.activity(room, id_, name=INVOKE, value=value)))

    await page.expose_function("press", press)
    await draw(page, shown)
    await page.get_by_role("button", name="Approve").click()
    while not sent:
        await page.evaluate("new Promise(requestAnimationFrame)")
    assert sent[0]["value"] == "Approved."
