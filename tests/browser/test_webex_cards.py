"""Webex's cards as Microsoft's own renderer draws them, which is told that it knows 1.3 and nothing
newer, and one of them pressed in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from approvals.model import Fact, Person
from approvals.port import Payload
from approvals.store import Store
from tests.browser.adaptive import DRAW, LIGHT, RENDERER
from tests.harness.channel_contract import AWAY, CARDS, HOSTILE, REASONS, card, natural
from tests.harness.house import open_house
from tests.peers.webex import DANA, WebexPeer, delivery, fixture, ident, make

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHANNEL = make(AWAY)
OLDER = DRAW.replace("Versions.v1_5", "Versions.v1_3")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page as wide as a phone, with Microsoft's renderer in it: each card it draws takes the
    place of the one before."""
    assert RENDERER.exists(), "Run `npm ci` in tests/browser, or `make test`."
    context = await browser.new_context(viewport={"width": 390, "height": 800}, locale="en-GB")
    made = await context.new_page()
    await made.add_script_tag(path=RENDERER)
    yield made
    await context.close()


async def draw(page: Page, payload: Payload) -> str:
    """Draw it; the words on it. Whatever the renderer has to say against it is an error."""
    assert await page.evaluate(OLDER, [payload["attachments"][0]["content"], LIGHT]) == []
    words = await page.locator("#card").inner_text()
    return words.replace("\u200b", "").replace("\xa0", " ")


@pytest.mark.parametrize("state", CARDS)
async def test_microsofts_renderer_draws_every_card_without_a_complaint(
    canvas: Page, state: str
) -> None:
    shown = natural(CARDS[state], CHANNEL.abilities)
    words = await draw(canvas, CHANNEL.layout(shown))
    pending = shown.status.value == "pending"
    for part in (shown.title, shown.agent, shown.progress, "" if pending else shown.headline):
        assert part in words
    for text in (*(x for fact in shown.facts for x in (fact.label, fact.value)), shown.payload):
        assert all(line in words.split("\n") for line in text.split("\n") if line.strip())
    labels = await canvas.locator(".ac-pushButton:visible").all_inner_texts()
    ours = ["Approve" if one.choice == "approve" else "Decline…" for one in shown.buttons]
    assert labels == (["Review and approve…", *ours] if shown.review_needed else [*ours, "Details"])


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Table", {"columns": [], "rows": []}),
        ("ActionSet", {"actions": [{"type": "Action.Execute"}]}),
    ],
)
async def test_the_renderer_complains_of_what_is_newer_than_1_3(
    canvas: Page, kind: str, more: dict[str, Any]
) -> None:
    payload = CHANNEL.layout(card())
    payload["attachments"][0]["content"]["body"].append({"type": kind, **more})
    with pytest.raises(AssertionError):
        await draw(canvas, payload)


async def test_law_13_hostile_words_are_drawn_as_they_are(canvas: Page) -> None:
    for text in (
        *HOSTILE,
        "{{DATE(2017-02-14T06:08:00Z, SHORT)}}",
        "a  b   c",
        "[x](https://e.example)",
    ):
        shown = card(title=text, payload=text, note=text, agent=text, facts=(Fact("F", text),))
        words = await draw(canvas, CHANNEL.layout(shown))
        assert words.count(text.rstrip()) >= 5
        assert await canvas.locator("#card a, #card img, #card script, #card strong").count() == 0


async def test_a_reason_is_asked_for_where_decline_was_pressed(page: Page) -> None:
    shown = natural(card(reasons=REASONS), CHANNEL.abilities)
    await draw(page, CHANNEL.layout(shown))
    assert not await page.locator("textarea").is_visible()
    await page.get_by_role("button", name="Decline…").click()
    assert await page.evaluate("window.pressed") == []
    await page.locator("textarea").fill("Wrong account")
    await page.locator("select").select_option("1")
    await page.get_by_role("button", name="Decline", exact=True).click()
    await page.get_by_role("button", name="Approve").click()
    first, second = await page.evaluate("window.pressed")
    assert {first["type"], second["type"]} == {"Action.Submit"}
    assert first["data"] == {"declines": "R" * 20, "reason": "Wrong account", "ready": "1"}
    assert second["data"] == {"token": "Q" * 20}


async def test_law_14_a_word_without_a_break_is_wrapped_and_not_cut_off(page: Page) -> None:
    long = "A" * 90 + "PAYALLTOMALLORY" + "C" * 90
    shown = card(title=long, payload=f"blob: {long}", facts=(Fact("Blob", long),), line=long)
    await draw(page, CHANNEL.layout(shown))
    over = """() => [...document.querySelectorAll("#card *")]
      .filter((one) => one.scrollWidth > document.querySelector("#card").clientWidth + 1).length"""
    assert await page.evaluate(over) == 0


async def test_a_real_click_approves(page: Page, tmp_path: Path) -> None:
    """Request, card at the peer, drawn, clicked in the browser, delivered, counted, redrawn."""
    store = await Store.connect(f"sqlite:///{tmp_path}/webex.db")
    async with WebexPeer() as webex:
        channel: Any = make(webex.api)
        people = (Person("dana", None, {"webex": DANA}),)
        groups = {"default": frozenset({"dana"})}
        how: Any = {"people": people, "groups": groups, "rules": ()}
        async with open_house(store, desks=(channel,), **how) as place:
            asked = await place.opened()
            await place.carried()
            ((id, kept),) = webex.messages.items()
            await draw(page, kept)
            await page.get_by_role("button", name="Approve").click()
            (clicked,) = await page.evaluate("window.pressed")
            action = {**fixture("action"), "id": ident("ATTACHMENT_ACTION", "a click")}
            action |= {"messageId": id, "roomId": kept["roomId"], "inputs": clicked["data"]}
            webex.actions[action["id"]] = action
            told = delivery({**fixture("pressed"), "data": {"id": action["id"]}}, place.clock())
            assert await webex.deliver(f"{place.url}/channels/webex/events", told) == (200, b"")
            assert (await place.case(asked["id"])).status == "approved"
            await place.carried()
            assert "Approved by dana" in await draw(page, webex.messages[id])
            assert await page.get_by_role("button", name="Approve").count() == 0
        await channel.close()
    await store.close()
