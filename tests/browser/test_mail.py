"""Mails as they are drawn, and the page of their links, in a browser.

`PICTURES=1 pytest` draws those of docs/channels/email.md anew.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from approvals import linking
from approvals.model import Person, Risk, Status
from approvals.store import Store
from approvals.web import credentials
from approvals.web.site import Site
from tests.browser.conftest import HERE
from tests.browser.wcag import RULES, SCHEMES, faults
from tests.harness.channel_contract import CARDS, card
from tests.harness.house import RING, Clock, open_house, rule
from tests.peers.email import MailServer, Page, make
from tools.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")
PICTURES: Final = HERE.parent.parent / "docs/channels/images"
DANA: Final = Person("dana", "dana@example.com")
STATES: Final = {
    **CARDS,
    "plain": card(buttons=card().buttons[:2], note="Note: it is due today."),
    "long": card(
        title="POST " + "x" * 290,
        payload="y" * 3000 + "\n" + "漢" * 500,
        note="z" * 900,
        buttons=card().buttons[:2],
    ),
}


async def test_a_mail_fits_and_has_no_fault_that_axe_can_find(browser: Browser, axe: str) -> None:
    context = await browser.new_context(bypass_csp=True)
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    found: list[str] = []
    for state, shown in STATES.items():
        await page.set_content(make("smtp://127.0.0.1:9").layout(shown)["html"])
        found += await faults(page, axe, state, wide=600, rules=RULES[:-1])
        if os.environ.get("PICTURES") and state == "plain":
            for scheme, width in product(SCHEMES, (320, 600)):
                await page.emulate_media(color_scheme=scheme)
                await page.set_viewport_size({"width": width, "height": 700})
                path = PICTURES / f"email-{width}-{scheme}.png"
                await page.screenshot(path=path, full_page=True)
    await context.close()
    assert (found, asked) == ([], [])


@pytest_asyncio.fixture(loop_scope="session")
async def letters(tmp_path: Path) -> AsyncIterator[Any]:
    """A house at the address that its links name, and its mail server."""
    port = free_port()
    site = Site.at(f"http://127.0.0.1:{port}", "k3v9x2")
    store = await Store.connect(f"sqlite:///{tmp_path}/mail.db")
    async with (
        MailServer() as server,
        open_house(
            store,
            desks=[make(server.api)],
            clock=Clock(time.time_ns() // 1_000_000),
            people=[DANA],
            rules=[rule("high", risk=Risk.HIGH)],
            site=site,
            listen=("127.0.0.1", port),
            review_url=lambda case_id: f"{site.origin}/requests/{case_id}",
        ) as place,
    ):
        yield place, server
    await store.close()


async def _asked(place: Any, server: MailServer, action: str) -> tuple[Any, dict[str, str]]:
    request = await place.opened(action)
    await place.carried()
    return request, dict(Page(server.mails[-1].part("html")).links)


async def test_law_08_approve_is_armed_late_and_one_press_decides(
    letters: Any, context: BrowserContext
) -> None:
    place, server = letters
    request, links = await _asked(place, server, "mail.send")
    page = await context.new_page()
    for _ in range(50):
        await page.goto(links["Approve"])
    assert (await place.case(request["id"])).votes == ()
    assert await page.evaluate("document.activeElement === document.body")
    button = page.get_by_role("button", name="Approve")
    await page.goto(links["Approve"])
    assert await button.get_attribute("aria-disabled") == "true"
    await button.evaluate("button => button.click()")
    assert (await place.case(request["id"])).votes == ()
    await page.locator(".go:not([aria-disabled])").wait_for()
    await button.click()
    await page.get_by_role("heading", name="Approved").wait_for()
    case = await place.case(request["id"])
    assert (case.status, case.votes[0].channel) == (Status.APPROVED, "email")
    await place.carried()
    first, closing = server.mails
    assert closing.parsed["in-reply-to"] == first.parsed["message-id"]
    assert "Approved by dana" in closing.part("plain")
    await page.goto(links["Decline"])
    await page.get_by_text("Approved by dana").wait_for()
    assert await page.get_by_role("button").count() == 0


async def test_a_reason_can_be_given_and_another_tab_stays_good(
    letters: Any, context: BrowserContext
) -> None:
    place, server = letters
    request, links = await _asked(place, server, "mail.send")
    page, other = await context.new_page(), await context.new_page()
    await page.goto(links["Decline"])
    await other.goto(links["Approve"])
    await page.get_by_label(re.compile("Reason")).fill("Not before the audit.")
    await page.get_by_role("button", name="Decline", exact=True).click()
    await page.get_by_role("heading", name="Declined").wait_for()
    assert (await place.case(request["id"])).reason == "Not before the audit."
    await other.locator(".go:not([aria-disabled])").click()
    await other.get_by_role("heading", name="Declined by dana").wait_for()


async def test_the_pages_of_a_link_have_no_fault_that_axe_can_find(
    letters: Any, browser: Browser, axe: str
) -> None:
    place, server = letters
    _, plain = await _asked(place, server, "mail.send")
    _, high = await _asked(place, server, "high.pay")
    gone, old = await _asked(place, server, "mail.send")
    await place.page(gone, "decline", by="dana")
    context = await browser.new_context(bypass_csp=True)
    page = await context.new_page()
    found: list[str] = []
    origin, now = place.house.deps.site.origin, place.clock()
    sign_in = await credentials.make_link(place.store, RING, "dana", now=now, random=os.urandom)
    code = await linking.make_code(
        place.store, RING, "dana", "email",
        by="a test", now=now, random=os.urandom, account="dana@private.example",
    )  # fmt: skip
    paths = {
        "waiting": plain["Approve"],
        "high": high["Decline"],
        "declined": old["Approve"],
        "dead": plain["Approve"][:-1] + "!",
        "mailbox, signed out": f"{origin}/link/{code}",
        "mailbox": f"{origin}/link/{code}",
        "mailbox, dead": f"{origin}/link/{code}x",
        "mailbox, linked": f"{origin}/link/{code}",
    }
    for name, path in paths.items():
        if name == "mailbox":
            await page.goto(f"{origin}/login/{sign_in}")
            await page.get_by_role("button", name="Sign in").click()
            await page.wait_for_url("**/inbox")
        await page.goto(path)
        if name == "mailbox, linked":
            await page.get_by_role("button", name="Link this mailbox").click()
            await page.get_by_role("heading", name="Linked").wait_for()
        found += await faults(page, axe, name)
    await context.close()
    assert found == []
