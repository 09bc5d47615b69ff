"""WCAG 2.2 AA, as far as a program can tell: axe-core finds nothing on any page, in light and dark,
at 320 px and on a desk; nothing scrolls sideways; everything to press is large enough.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser

from approvals import policy
from approvals.model import MINUTE, Ask, Choice, Http, Outcome, Risk
from approvals.proposal import Proposal
from tests.browser.wcag import faults

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _pages(house: Any) -> dict[str, str]:
    """A path for every page and every state of it, by its name."""
    who = house.deps.directory.person
    service = house.deps.service

    async def vote(case: Any, person: str, choice: Choice, reason: str | None = None) -> None:
        await service.decide(
            who(person), case.id, choice, case.digest, reason, way=policy.Page(fresh=True)
        )

    house.rule(Ask("pair", (("default", 2),), risk=Risk.HIGH, expires=60 * MINUTE))
    high = await house.open()
    await vote(high, "lee", Choice.APPROVE)
    house.rule(Ask("low", (("default", 1),), risk=Risk.LOW))
    agents = Proposal(
        "disk.wipe",
        house.payout.agent,
        title="Harmless",
        payload='{"disk":["a","b"]}',
        facts=house.payout.facts,
        note="Trust me.\n" * 3,
    )
    claims = await house.open(agents, house.agent)
    house.rule(Ask("any", (("default", 1),), allow_unseen=True))
    held = Http("PUT", "https://files.example.com/", (), bytes(range(256)), body_complete=False)
    unseen = await house.open(replace(house.payout, http=held))
    done = await house.open()
    await vote(done, "lee", Choice.APPROVE)
    await service.conclude([done.id])
    await service.report(house.gateway, done.id, Outcome(False, house.clock(), None, "timeout"))
    declined = await house.open()
    await vote(declined, "lee", Choice.DECLINE, "Not before the audit.")
    gone = await house.open()
    await service.withdraw(house.gateway, gone.id)
    secret = Http(
        "POST",
        "https://a.example/x?sig=1",
        (("Authorization", "Bearer fake-token-x"),),
        b'{"password": "hunter2hunter2", "deep": {"a": [1, {"b": "%s"}]}}' % (b"w " * 900),
    )
    revised = await house.open(replace(house.payout, http=secret))
    house.rule(Ask("any", (("default", 1),), reasons=("Wrong amount", "Not agreed")))
    await service.revise(
        house.gateway,
        revised.id,
        replace(
            house.payout,
            http=replace(secret, headers=(*secret.headers, ("Content-Type", "application/json"))),
        ),
    )
    utf7 = Http(
        "POST", "https://a.example/", (("Content-Type", "text/x; charset=utf-7"),), b"+AGE-"
    )
    unclear = await house.open(replace(house.payout, http=utf7))
    house.rule(Ask("infra", (("infra", 1),)))
    cases = {
        "high": high, "claims": claims, "unseen": unseen, "approved": done,
        "declined": declined, "withdrawn": gone, "revised": revised, "unclear": unclear,
    }  # fmt: skip
    return {
        **{name: f"/requests/{case.id}" for name, case in cases.items()},
        "waiting": "/inbox",
        "filtered": "/inbox?q=pay&sort=risk&agent=billing-bot",
        "together": "/inbox/together",
        "result": f"/requests/{done.id}/result",
        "decided": "/inbox?tab=decided",
        "settings": "/settings",
        "not found": "/requests/none",
        "link": f"/login/{await house.link()}",
        "dead link": "/login/none",
    }


async def test_no_page_has_a_fault_that_axe_can_find(
    house: Any, browser: Browser, axe: str
) -> None:
    context = await browser.new_context(bypass_csp=True)
    page = await context.new_page()
    found: list[str] = []

    async def look(name: str) -> None:
        found.extend(await faults(page, axe, name))

    await page.goto(f"{house.origin}/inbox")
    await look("signed out")
    await page.goto(f"{house.origin}/login/{await house.link('dana')}")
    await page.get_by_role("button", name="Sign in").click()
    await look("empty")
    paths = await _pages(house)
    for name, path in paths.items():
        await page.goto(house.origin + path)
        await look(name)
    await page.goto(f"{house.origin}/settings")
    await page.get_by_label("Name").fill("Phone")
    await page.get_by_role("button", name="Make token").click()
    await look("new token")
    await page.goto(house.origin + paths["high"])
    await page.get_by_text("Decline…").click()
    await look("declining")
    await page.goto(house.origin + paths["revised"])
    await page.get_by_text("Decline…").click()
    await look("ready reasons")
    for summary in await page.locator(".content summary").all():
        await summary.click()
    await look("all unfolded")
    await page.get_by_role("button", name="password").click()
    await look("a secret shown")
    await page.goto(house.origin + paths["high"])
    house.clock.now += 6 * MINUTE
    await page.reload()
    await look("sign in again")
    await page.get_by_text("Decline…").click()
    await page.get_by_role("button", name="Decline", exact=True).click()
    await look("declined just now")
    await context.close()
    assert found == []
