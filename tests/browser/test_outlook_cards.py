"""Outlook's cards as Microsoft's own renderer draws them, pressed in a real browser.

`GOLDEN=1 pytest` takes the pictures of docs/channels/email.md anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page

from tests.browser.adaptive import DARK, DRAW, IMAGES, LIGHT
from tests.harness.channel_contract import CARDS, card
from tests.peers.outlook import DANA, make, posted, shown, texts

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTLOOK: Final = """() => {
  AdaptiveCards.GlobalRegistry.actions.register("Action.Http", AdaptiveCards.HttpAction);
  AdaptiveCards.Versions.v1_5 = AdaptiveCards.Versions.v1_0;
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    const plain = document.createElement("p");
    plain.textContent = text.replace(/\\\\([!-\\/:-@\\[-`{-~])/g, "$1");
    result.outputHtml = plain.outerHTML;
    result.didProcess = true;
  };
}"""
"""Version 1.0 and Action.Http, as in Outlook; of markdown nothing but its escapes, since
tests/channels/email/test_outlook.py proves by another parser that there is nothing else."""


async def draw(page: Page, adaptive: dict[str, Any], look: dict[str, str] = LIGHT) -> str:
    """Draw it; the words on it. Whatever the renderer has to say against it is an error."""
    await page.evaluate(OUTLOOK)
    assert await page.evaluate(DRAW, [adaptive, look]) == []
    return await page.locator("#card").inner_text()


@pytest.mark.parametrize("state", [name for name, one in CARDS.items() if one.buttons])
async def test_microsofts_renderer_draws_every_card_without_a_complaint(
    canvas: Page, state: str
) -> None:
    view = CARDS[state]
    adaptive = shown(await posted(make("smtp://127.0.0.1:9").layout(view)))
    words = re.sub("[\u2060\u200b]", "", await draw(canvas, adaptive)).replace("\xa0", " ")
    for part in (view.title, view.agent, view.progress, view.line):
        assert part in words
    for fact in view.facts:
        assert fact.label in words
        assert fact.value in words
    for line in view.payload.strip().split("\n"):
        assert line in words
    labels = await canvas.locator(".ac-pushButton").all_inner_texts()
    own = [button.label for button in view.buttons]
    page_only = view.review_needed is not None
    assert labels == (["Review and approve…", *own] if page_only else [*own, "Details"])


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_what_it_looks_like(canvas: Page, look: str, tmp_path: Path) -> None:
    view = card(buttons=card().buttons[:2], note="Note: it is due today.")
    adaptive = shown(await posted(make("smtp://127.0.0.1:9").layout(view)))
    await draw(canvas, adaptive, LIGHT if look == "light" else DARK)
    path = (IMAGES if os.environ.get("GOLDEN") else tmp_path) / f"email-outlook-{look}.png"
    await canvas.locator("#card").screenshot(path=path)
    assert 5_000 < path.stat().st_size < 60_000


async def test_a_press_sends_its_token_and_what_was_typed_as_it_is(page: Page) -> None:
    view = card(buttons=card().buttons[:2])
    adaptive = shown(await posted(make("smtp://127.0.0.1:9").layout(view)))
    assert texts(adaptive)
    await draw(page, adaptive)
    typed = 'Not "now" & not \\n here: 100 % <b>é</b>\nAsk kim.'
    await page.locator("textarea").fill(typed)
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Decline").click()
    approve, decline = await page.evaluate("window.pressed")
    url = "https://approve.example.com/channels/email/events"
    assert {one["url"] for one in (approve, decline)} == {url}
    assert approve["body"] == f"{'Q' * 20} crd_01K8ZJ3V9Q {DANA}"
    assert decline["body"] == f"{'R' * 20} crd_01K8ZJ3V9Q {DANA}\n{typed}"
