"""The laws of the pages in a real browser, with its CSP, with a script and without."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from approvals import policy
from approvals.model import MINUTE, Ask, Choice, Http, Outcome, Risk, Status
from approvals.proposal import Proposal

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _open(page: Page, house: Any, **more: Any) -> Any:
    case = await house.open(replace(house.payout, **more))
    await page.goto(f"{house.origin}/requests/{case.id}")
    return case


async def _stop_time(page: Page, house: Any) -> None:
    """The page's timers go on only by `run_for`."""
    await page.clock.install(time=house.clock() / 1000)
    await page.clock.pause_at(house.clock() / 1000 + 60)


async def _vote(house: Any, case: Any, person: str, choice: Choice) -> None:
    who = house.deps.directory.person(person)
    await house.deps.service.decide(
        who, case.id, choice, case.digest, None, way=policy.Page(fresh=True)
    )


# Arming


async def test_law_08_approve_is_armed_700_ms_after_it_is_in_view(house: Any, dana: Page) -> None:
    await _stop_time(dana, house)
    case = await _open(dana, house)
    approve = dana.get_by_role("button", name="Approve")
    await expect(approve).to_have_class("button go arming")
    await expect(approve).to_have_attribute("aria-disabled", "true")
    await dana.clock.run_for(690)
    await approve.dispatch_event("click")
    await approve.focus()
    await dana.keyboard.press("Enter")
    await dana.keyboard.press("Space")
    assert (await house.case(case)).votes == ()
    await dana.clock.run_for(20)
    await expect(approve).not_to_have_attribute("aria-disabled", "true")
    await approve.click()
    await expect(dana.get_by_role("heading", name="Approved")).to_be_visible()
    assert (await house.case(case)).status is Status.APPROVED


async def test_law_08_approve_out_of_view_is_not_armed(house: Any, dana: Page) -> None:
    await dana.set_viewport_size({"width": 390, "height": 300})  # too low for a bar that stays
    await _stop_time(dana, house)
    await _open(dana, house)
    approve = dana.get_by_role("button", name="Approve")
    await expect(approve).to_have_attribute("aria-disabled", "true")
    await dana.clock.run_for(5_000)
    await expect(approve).to_have_attribute("aria-disabled", "true")
    await approve.scroll_into_view_if_needed()
    await expect(approve).to_have_class("button go arming")
    await dana.clock.run_for(700)
    await expect(approve).not_to_have_attribute("aria-disabled", "true")


async def test_law_08_approve_is_never_the_default_focus(house: Any, dana: Page) -> None:
    await _open(dana, house)
    assert await dana.evaluate("document.activeElement.tagName") == "BODY"
    first = []
    for _ in range(5):
        await dana.keyboard.press("Tab")
        first.append(await dana.evaluate("document.activeElement.textContent.trim()"))
    assert first[0] == "Skip to content"
    assert "Approve" not in first


async def test_law_08_enter_in_a_field_never_approves(house: Any, dana: Page) -> None:
    case = await _open(dana, house)
    approve = dana.get_by_role("button", name="Approve")
    await expect(approve).to_be_enabled()
    await dana.get_by_text("Decline…").click()
    await expect(approve).to_be_hidden()
    reason = dana.get_by_label("Reason")
    await reason.fill("No")
    await reason.press("Enter")
    assert (await house.case(case)).status is Status.PENDING
    await dana.get_by_role("button", name="Decline", exact=True).click()
    await expect(dana.get_by_role("heading", name="Declined")).to_be_visible()
    after = await house.case(case)
    assert (after.status, after.votes[0].reason) == (Status.DECLINED, "No")


async def test_a_double_click_votes_once_and_says_so(house: Any, dana: Page) -> None:
    case = await _open(dana, house)
    approve = dana.get_by_role("button", name="Approve")
    await expect(approve).to_be_enabled()
    await approve.dblclick()
    await expect(dana.get_by_role("heading", name="Approved")).to_be_visible()
    assert len((await house.case(case)).votes) == 1


# Without a script


async def test_everything_works_without_a_script(house: Any, browser: Browser) -> None:
    context = await browser.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    page = await context.new_page()
    await page.goto(f"{house.origin}/login/{await house.link('dana')}")
    await page.get_by_role("button", name="Sign in").click()
    first, second = await house.open(), await house.open()
    await page.goto(f"{house.origin}/inbox")
    await page.locator(f'a[href="/requests/{first.id}"]').click()
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    await page.goto(f"{house.origin}/requests/{second.id}")
    await page.get_by_text("Decline…").click()
    await page.get_by_label("Reason").fill("Twice is once too often.")
    await page.get_by_role("button", name="Decline", exact=True).click()
    await expect(page.get_by_role("heading", name="Declined")).to_be_visible()
    await page.goto(f"{house.origin}/settings")
    await page.get_by_label("Name").fill("Phone")
    await page.get_by_role("button", name="Make token").click()
    await expect(page.get_by_text("csp_")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    await context.close()
    assert (await house.case(first)).status is Status.APPROVED
    assert (await house.case(second)).votes[0].reason == "Twice is once too often."


# Live


async def test_the_list_is_live(house: Any, dana: Page) -> None:
    await expect(dana.get_by_text("Nothing is waiting for you.")).to_be_visible()
    case = await house.open()
    await expect(dana.get_by_role("link", name="Pay ACME GmbH")).to_be_visible()
    await expect(dana.locator(".count")).to_have_text("1 for you")
    await _vote(house, case, "lee", Choice.APPROVE)
    await expect(dana.get_by_text("Nothing is waiting for you.")).to_be_visible()


async def test_an_open_request_says_at_once_that_it_was_decided(house: Any, dana: Page) -> None:
    case = await _open(dana, house)
    await _vote(house, case, "lee", Choice.DECLINE)
    await expect(dana.locator(".say", has_text="Declined by lee")).to_be_visible()
    await expect(dana.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(dana.locator("#announce")).to_have_text("Declined")


async def test_law_08_what_changed_under_the_thumb_is_armed_anew(house: Any, dana: Page) -> None:
    house.rule(Ask("pair", (("default", 2),)))
    case = await _open(dana, house)
    await expect(dana.get_by_role("button", name="Approve")).to_be_enabled()
    await _stop_time(dana, house)
    other = replace(house.payout, title="Pay Mallory Ltd 99,000.00 EUR")
    await house.deps.service.revise(house.gateway, case.id, other)
    await expect(dana.get_by_text("This request has changed since you opened it.")).to_be_visible()
    await expect(dana.get_by_role("heading", name="Pay Mallory Ltd")).to_be_visible()
    approve = dana.get_by_role("button", name="Approve")
    await expect(approve).to_have_class("button go arming")
    await expect(approve).to_have_attribute("aria-disabled", "true")


async def test_a_reason_that_is_being_written_is_kept(house: Any, dana: Page) -> None:
    house.rule(Ask("pair", (("default", 2),)))
    case = await _open(dana, house)
    await dana.get_by_text("Decline…").click()
    await dana.get_by_label("Reason").fill("Half a sent")
    await _vote(house, case, "lee", Choice.APPROVE)
    await expect(dana.locator("#progress")).to_contain_text("lee approved")
    await expect(dana.get_by_label("Reason")).to_have_value("Half a sent")


async def test_a_session_that_has_ended_ends_its_live_page(house: Any, dana: Page) -> None:
    await _open(dana, house)
    await house.deps.store.forget("dana", ())
    await house.deps.service.withdraw(house.gateway, (await house.deps.store.page(limit=1))[0].id)
    await expect(dana.get_by_role("heading", name="You are signed out")).to_be_visible()


async def test_times_count_down_in_words(house: Any, dana: Page) -> None:
    await _stop_time(dana, house)
    await _open(dana, house, expires_in=3 * MINUTE)
    left = dana.locator("time[data-countdown]")
    await expect(left).to_contain_text("left")
    await dana.clock.run_for(90_000)
    await expect(left).to_contain_text("0:")
    await expect(left).to_have_class("soon")


# Where the cookie goes


async def test_law_08_a_server_on_another_port_gets_no_cookie(
    house: Any, dana: Page, context: BrowserContext
) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    page = await context.new_page()
    for host in ("127.0.0.1", "localhost", "other.localhost"):
        await page.evaluate(
            "url => fetch(url, {mode: 'no-cors', credentials: 'include'}).catch(() => 0)",
            f"http://{host}:{port}/",
        )
    server.close()
    await server.wait_closed()
    assert len(heard) == 3
    assert not [request for request in heard if b"cookie" in request.lower()]
    assert [c["name"] for c in await context.cookies(house.origin)] == ["countersign"]


async def test_a_browser_finds_the_pages_from_the_plain_address(house: Any, dana: Page) -> None:
    await dana.goto(f"http://127.0.0.1:{house.port}/")
    assert dana.url == f"{house.origin}/inbox"


# On a phone


async def test_a_phone_shows_both_choices_large_and_well_apart(house: Any, dana: Page) -> None:
    for width in (320, 390):
        await dana.set_viewport_size({"width": width, "height": 640})
        await _open(dana, house)
        decline = await dana.get_by_text("Decline…").bounding_box()
        approve = await dana.get_by_role("button", name="Approve").bounding_box()
        assert decline
        assert approve
        assert min(decline["height"], approve["height"], decline["width"], approve["width"]) >= 44
        assert approve["x"] - (decline["x"] + decline["width"]) >= 16
        assert approve["y"] + approve["height"] <= 640


async def test_large_requests_are_shown_whole(house: Any, dana: Page) -> None:
    body = b"start " + b"0123456789abcdef" * 20_000 + b" end"
    held = Http("POST", "https://a.example/", (), body)
    case = await house.open(Proposal("send", house.payout.agent, http=held))
    await dana.goto(f"{house.origin}/requests/{case.id}")
    await dana.get_by_text("The exact bytes").first.click()
    shown = await dana.get_by_label("Body").text_content()
    assert shown == body.decode()
    async with dana.expect_download() as download:
        await dana.get_by_text("Download the exact bytes").click()
    path = await (await download.value).path()
    assert path.read_bytes() == body


async def _above_the_bar(page: Page, text: str) -> bool:
    """Does this stand on the first screen, and not under the bar with the buttons?"""
    shown = await page.get_by_text(text).first.bounding_box()
    bar = await page.locator(".decision").bounding_box()
    assert shown is not None
    assert bar is not None
    assert bar["y"] + bar["height"] <= 845, "the bar is on the first screen"
    return bool(shown["y"] + shown["height"] <= bar["y"])


async def test_what_is_approved_stands_above_approve_on_a_phone(house: Any, dana: Page) -> None:
    headers = [(f"X-Amz-{at}", "a value of some length that takes a line") for at in range(6)]
    kind = ("Content-Type", "application/x-amz-json-1.1")
    body = b'{"Action": "TerminateInstances", "InstanceId": "i-0abcd1234ef567890"}'
    http = Http("POST", "https://ec2.example.com/", (*headers, kind), body)
    note = "It is not used any more, and costs 400 EUR a month.\n" * 9
    case = await house.open(Proposal("act", house.payout.agent, http=http, note=note))
    await dana.goto(f"{house.origin}/requests/{case.id}")
    assert await _above_the_bar(dana, "i-0abcd1234ef567890")


ROWS = [
    {"id": at, "name": f"Customer {at}", "mail": f"customer{at}@x.example"} for at in range(1_620)
]
PAIRS = [(f"field{at}", "some value") for at in range(5_500)]
LONG: dict[str, tuple[str, str]] = {
    "many values": ("application/json", json.dumps({"items": ROWS})),
    "one text": ("application/json", json.dumps({"note": "Some words to read.\n" * 5_600})),
    "numbers": ("application/json", json.dumps([*range(20_000)])),
    "deep": ("application/json", '{"a":' * 60 + json.dumps("b " * 56_000) + "}" * 60),
    "lines": ("application/x-ndjson", "".join(json.dumps(row) + "\n" for row in ROWS)),
    "a form": ("application/x-www-form-urlencoded", urlencode(PAIRS)),
    "XML": ("text/xml", "<a>" + '<b c="1">words</b>' * 6_300 + "</a>"),
    "a text": ("text/plain", "a line of text\n" * 7_500),
    "one word": ("text/plain", "abcdefgh" * 14_500),
}


@pytest.mark.parametrize(("kind", "body"), LONG.values(), ids=LONG)
async def test_a_page_of_112_kb_is_three_screens_high_until_unfolded(
    house: Any, dana: Page, kind: str, body: str
) -> None:
    assert len(body) > 112_000
    http = Http("POST", "https://a.example/import", (("Content-Type", kind),), body.encode())
    case = await house.open(Proposal("act", house.payout.agent, http=http, note="Because.\n" * 99))
    await dana.goto(f"{house.origin}/requests/{case.id}")
    assert await dana.evaluate("document.documentElement.scrollHeight") <= 3 * 844
    assert await dana.evaluate("document.documentElement.scrollWidth") <= 390
    if body in (LONG["many values"][1], LONG["one text"][1]):
        await dana.get_by_text("Show all 1").first.click()
        assert await dana.evaluate("document.documentElement.scrollHeight") > 30 * 844


async def test_law_15_a_secret_is_revealed_where_it_stands(house: Any, dana: Page) -> None:
    body = b'{"a": 1, "password": "hunter2hunter2hunter2"}'
    http = Http("POST", "https://a.example/", (("Content-Type", "application/json"),), body)
    case = await house.open(Proposal("act", house.payout.agent, http=http))
    await dana.goto(f"{house.origin}/requests/{case.id}")
    await expect(dana.get_by_text("hunter2hunter2hunter2")).to_have_count(0)
    await dana.get_by_role("button", name=re.compile("password")).click()
    await expect(dana.get_by_text("hunter2hunter2hunter2")).to_be_in_viewport()
    await dana.get_by_role("button", name="Approve").click()
    await expect(dana.get_by_role("heading", name="Approved")).to_be_visible()


async def test_high_risk_leads_through_a_fresh_sign_in(house: Any, dana: Page) -> None:
    house.rule(Ask("risky", (("default", 1),), risk=Risk.HIGH, expires=60 * MINUTE))
    house.clock.now += 6 * MINUTE
    case = await _open(dana, house)
    await expect(dana.get_by_role("button", name="Approve")).to_have_count(0)
    await dana.get_by_role("button", name="Send me a link").click()
    await expect(dana.get_by_role("heading", name="Check your mail or chat")).to_be_visible()
    await dana.goto(await house.sent())
    await dana.get_by_role("button", name="Sign in").click()
    assert dana.url == f"{house.origin}/requests/{case.id}"
    approve = dana.get_by_role("button", name="Approve")
    await expect(approve).to_be_enabled()
    await approve.click()
    await expect(dana.get_by_role("heading", name="Approved")).to_be_visible()


# A tab in the background, and a service that is gone


HIDE = """() => {
  Object.defineProperty(document, 'hidden', {get: () => true, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


async def test_a_hidden_inbox_counts_in_its_title_and_its_icon(house: Any, dana: Page) -> None:
    icon = dana.locator('link[rel="icon"]')
    await expect(dana.locator("#list")).to_be_visible()
    assert "icon-dot" not in (await icon.get_attribute("href") or "")
    await dana.evaluate(HIDE)
    case = await house.open()
    await expect(dana).to_have_title("(1) Waiting · Countersign")
    assert "icon-dot" in (await icon.get_attribute("href") or "")
    await _vote(house, case, "lee", Choice.APPROVE)
    await expect(dana).to_have_title("Waiting · Countersign")
    assert "icon-dot" not in (await icon.get_attribute("href") or "")


NOTES = """() => {
  window.notes = [];
  window.Notification = class extends EventTarget {
    static permission = 'default';
    static async requestPermission() { return (Notification.permission = 'granted'); }
    constructor(title, more) { super(); notes.push([title, more.body, more.tag]); }
  };
}"""


async def test_law_11_who_asked_for_it_is_notified_in_our_words_while_hidden(
    house: Any, dana: Page
) -> None:
    await dana.add_init_script(f"({NOTES})()")
    await dana.reload()
    await house.open()
    await expect(dana.locator(".count")).to_have_text("1 for you")
    await dana.evaluate(HIDE)
    await house.open()
    await expect(dana).to_have_title("(2) Waiting · Countersign")
    assert await dana.evaluate("notes") == [], "nobody is notified who did not ask for it"
    await dana.get_by_role("button", name="Notify me of new requests").click()
    await expect(dana.get_by_role("button", name="Stop notifying me")).to_be_visible()
    asked = Proposal("x", house.payout.agent, title="Harmless", payload="{}", note="Trust me")
    case = await house.open(asked, house.agent)
    await expect(dana).to_have_title("(3) Waiting · Countersign")
    told = [["x", "Medium risk · Countersign", case.id]]
    assert await dana.evaluate("notes") == told
    await dana.get_by_role("button", name="Stop notifying me").click()
    await house.open()
    await expect(dana).to_have_title("(4) Waiting · Countersign")
    assert await dana.evaluate("notes") == told


async def test_a_service_that_is_gone_is_said_and_approve_waits_until_it_is_back(
    house: Any, dana: Page
) -> None:
    case = await _open(dana, house)
    approve = dana.get_by_role("button", name="Approve")
    await expect(dana.locator(".go:not([aria-disabled])")).to_be_visible()
    await dana.context.set_offline(True)
    banner = dana.get_by_role("alert")
    await expect(banner).to_contain_text("Connection lost")
    await expect(approve).to_have_attribute("aria-disabled", "true")
    await approve.dispatch_event("click")
    assert (await house.case(case)).votes == ()
    await dana.context.set_offline(False)
    await expect(banner).to_be_hidden()
    await expect(dana.locator(".go:not([aria-disabled])")).to_be_visible()
    await approve.click()
    await expect(dana.get_by_role("heading", name="Approved")).to_be_visible()


async def test_a_service_that_ends_its_live_stream_and_is_not_there_is_said(
    house: Any, dana: Page
) -> None:
    await _open(dana, house)
    await expect(dana.locator(".go:not([aria-disabled])")).to_be_visible()
    await dana.route("**/*", lambda route: route.abort())
    house.deps.live.close()
    await expect(dana.get_by_role("alert")).to_contain_text("Connection lost")
    await expect(dana.get_by_role("button", name="Approve")).to_have_attribute(
        "aria-disabled", "true"
    )


async def test_several_are_decided_together_after_each_was_unfolded(house: Any, dana: Page) -> None:
    house.rule(Ask("reads", (("default", 1),), risk=Risk.LOW))
    first = await house.open(replace(house.payout, title="Read one"))
    second = await house.open(replace(house.payout, title="Read two"))
    await dana.goto(f"{house.origin}/inbox")
    await dana.get_by_role("link", name="Decide 2 of low risk together").click()
    assert await dana.locator("input[type=checkbox]:enabled").count() == 0
    for case in (first, second):
        await dana.locator(f'[data-look="/requests/{case.id}"] summary').click()
        box = dana.locator(f'input[name="do.{case.id}"]')
        await expect(box).to_be_enabled()
        await box.check()
    await expect(dana.locator(".looked")).to_have_count(2)
    await expect(dana.locator(".looked").first).to_contain_text("Exactly what will be sent")
    await dana.locator(".go:not([aria-disabled])").click()
    await expect(dana.get_by_role("heading", name="2 of 2 decided")).to_be_visible()
    for case in (first, second):
        assert (await house.case(case)).status is Status.APPROVED


async def test_the_result_shows_the_outcome_when_it_comes(house: Any, dana: Page) -> None:
    case = await _open(dana, house)
    await dana.locator(".go:not([aria-disabled])").click()
    await expect(dana.get_by_text("What comes of it appears here.")).to_be_visible()
    done = Outcome(True, house.clock(), 201)
    await house.deps.service.report(house.gateway, case.id, done)
    await expect(dana.get_by_text("Approved by dana. Delivered: 201")).to_be_visible()
