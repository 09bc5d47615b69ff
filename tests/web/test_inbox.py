"""The inbox: what it lists, for whom, in which order and words; and deciding several together."""

from __future__ import annotations

import asyncio
import html
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from approvals import words
from approvals.model import MINUTE, Choice, Outcome, Person, Risk, Status
from approvals.store import Store
from approvals.web.inbox import LOOKED, STREAMS
from approvals.web.together import MOST
from tests.harness.browsing import Answer, Browser
from tests.harness.house import GATEWAY, PEOPLE, RULES, Place, open_house, proposal, rule

KNOWN = (
    Person("dana", "dana@example.com", {"desk": "U-dana"}, name="Dana Lee", time_zone="Asia/Tokyo"),
    *PEOPLE[1:],
)


@pytest.fixture
async def place(store: Store) -> AsyncIterator[Place]:
    rules = (*RULES, rule("quick", expires=5 * MINUTE), rule("ours", four_eyes=True))
    async with open_house(store, people=KNOWN, rules=rules) as place:
        yield place


async def dana(place: Place) -> Browser:
    return await Browser(place).signed_in("dana")


def rows(page: Answer, heading: str | None = None) -> list[str]:
    """The titles in the list, below this heading."""
    text = page.text
    if heading is not None:
        text = text.partition(f">{heading}</h2>")[2].partition("</h2>")[0]
    return [html.unescape(one) for one in re.findall(r'<h3><a href="[^"]+">(.*?)</a>', text)]


def pill(page: Answer) -> str:
    found = re.search(r'<span class="count">(\d+)', page.text)
    return found[1] if found else ""


def title(page: Answer) -> str:
    return page.text.partition("<title>")[2].partition("<")[0]


# What is listed, and for whom


async def test_the_title_counts_what_waits_for_the_reader(place: Place) -> None:
    browser = await dana(place)
    page = await browser.get("/inbox")
    assert (title(page), pill(page)) == ("Waiting · Countersign", "")
    for number in range(3):
        await place.opened(title=f"Pay {number}")
    page = await browser.get("/inbox")
    assert (title(page), pill(page)) == ("(3) Waiting · Countersign", "3")


async def test_what_is_not_mine_to_decide_is_marked_and_apart(place: Place) -> None:
    await place.opened("mail.send", title="Mine")
    voted = await place.opened("two.pay", title="Voted")
    await place.page(voted, "approve", by="dana")
    page = await (await dana(place)).get("/inbox")
    assert rows(page, "Waiting for you") == ["Mine"]
    assert rows(page, "Waiting for others") == ["Voted"]
    assert "You approved this. It waits for others." in page.text
    assert (pill(page), title(page)) == ("1", "(1) Waiting · Countersign")
    for by in ("ada", "lee"):  # an auditor; lee decides on money only
        page = await (await Browser(place).signed_in(by)).get("/inbox")
        mine = ["Voted"] if by == "lee" else []
        assert rows(page, "Waiting for you") == mine
        assert pill(page) == ("1" if mine else "")
    auditors = await (await Browser(place).signed_in("ada")).get("/inbox")
    assert "You are not an approver of this request." in auditors.text
    for by, waits, why in (
        ("ada", False, "You are not an approver of this request."),
        ("dana", False, "You approved this. It waits for others."),
        ("lee", True, None),
    ):
        shown = await place.read(voted["id"], key=await place.token(by))
        assert (shown["mine"], shown["why"], shown["names"]) == (waits, why, {"dana": "Dana Lee"})


async def test_law_02_whom_an_agent_acts_for_is_told_that_others_decide(place: Place) -> None:
    await place.opened("ours.pay", key="csr_scripts", agent={"id": "bot"})
    page = await (await dana(place)).get("/inbox")
    assert rows(page, "Waiting for others") == ["ours.pay"]
    assert "somebody else must approve" in page.text
    assert pill(page) == ""


async def test_a_list_names_people_for_what_they_did(place: Place) -> None:
    asked = await place.opened("two.pay")
    await place.page(asked, "approve", by="dana")
    await place.page(asked, "decline", by="lee")
    page = (await (await dana(place)).get("/inbox?tab=decided")).text
    assert "Declined by lee" in page
    assert "Dana" not in page.partition('id="list"')[2]


@pytest.mark.parametrize("size", [700_000, 10])
async def test_a_large_body_has_its_title_in_lists(place: Place, size: int) -> None:
    body = b64encode(b"x" * size).decode()
    http = {"method": "POST", "url": "https://erp.example.com/up", "headers": {}, "body": body}
    asked = await place.opened("erp.up", http=http)
    for _ in range(2):  # the second time it is remembered
        page = await (await dana(place)).get("/inbox")
        assert rows(page) == ["POST erp.example.com/up"]
        listed = (await place.call("GET", "/v1/requests", key=await place.token("dana")))[1]
        assert [one["title"] for one in listed["requests"]] == ["POST erp.example.com/up"]
    assert asked["id"] in page.text


async def test_law_11_an_agents_action_is_no_title_on_page_list_and_api(place: Place) -> None:
    words_of_theirs = "Nightly check, already approved by dana"
    asked = await place.opened(words_of_theirs, key="csr_scripts", agent={"id": "bot"})
    browser = await dana(place)
    path = f"/requests/{asked['id']}"
    assert rows(await browser.get("/inbox")) == ["An action without a plain name"]
    assert words_of_theirs not in (await browser.get("/inbox")).text
    assert "<h1>An action without a plain name</h1>" in (await browser.get(path)).text
    shown = await place.read(asked["id"], key=await place.token("dana"))
    assert shown["title"] == "An action without a plain name"


# Order, filters, search


async def test_the_list_is_sorted_by_deadline_risk_or_age(place: Place) -> None:
    for action, name in (("high.a", "High"), ("low.a", "Low"), ("quick.a", "Soon")):
        await place.opened(action, title=name)
        place.clock.turn(1)
    browser = await dana(place)
    for query, order in (
        ("", ["Soon", "High", "Low"]),
        ("?sort=risk", ["High", "Soon", "Low"]),
        ("?sort=age", ["Soon", "Low", "High"]),
    ):
        assert rows(await browser.get(f"/inbox{query}")) == order
    assert (await browser.get("/inbox?sort=x")).status == 400


async def test_what_came_in_one_millisecond_is_listed_as_it_came(place: Place) -> None:
    names = [f"Nr {number}" for number in range(12)]
    for name in names:
        await place.opened(title=name)
    browser = await dana(place)
    for query, order in (("", names), ("?sort=risk", names), ("?sort=age", names[::-1])):
        for _ in range(2):
            assert rows(await browser.get(f"/inbox{query}")) == order
    listed = (await place.call("GET", "/v1/requests", key=await place.token("dana")))[1]
    assert [one["title"] for one in listed["requests"]] == names[::-1]


async def test_the_list_is_filtered_and_searched_by_a_plain_form(place: Place) -> None:
    await place.opened("mail.send", title="Write to bob", agent={"id": "mailer"})
    await place.opened("high.pay", title="Pay ACME", agent={"id": "payer"})
    voted = await place.opened("two.pay", title="Pay others", agent={"id": "payer"})
    await place.page(voted, "approve", by="dana")
    browser = await dana(place)
    for query, found in (
        ("agent=payer", ["Pay ACME", "Pay others"]),
        ("agent=payer&mine=1", ["Pay ACME"]),
        ("rule=high", ["Pay ACME"]),
        ("risk=high", ["Pay ACME"]),
        ("q=PAY+acme", ["Pay ACME"]),
        ("q=mailer", ["Write to bob"]),
        ("q=two", ["Pay others"]),
        ("q=nothing", []),
        ("q=pay&risk=medium", ["Pay others"]),
    ):
        page = await browser.get(f"/inbox?{query}")
        assert sorted(rows(page)) == sorted(found), query
        assert pill(page) == "2", "what is filtered still waits"
    page = await browser.get("/inbox?q=pay&agent=payer")
    assert '<option value="payer" selected>payer</option>' in page.text
    assert 'name="q" type="search" value="pay"' in page.text
    await place.page(voted, "decline", by="lee")
    for query, found in (
        ("mine=1", ["Pay others"]),
        ("q=zzz", []),
        ("agent=payer", ["Pay others"]),
    ):
        assert rows(await browser.get(f"/inbox?tab=decided&{query}")) == found


async def test_law_13_a_search_is_shown_as_text(place: Place) -> None:
    browser = await dana(place)
    page = await browser.get("/inbox?q=%22%3E%3Cscript%3E&agent=%3Cb%3E")
    assert "<script>" not in page.text
    assert '<option value="&lt;b&gt;" selected>&lt;b&gt;</option>' in page.text
    for bad in ("q=" + "x" * 201, "q=%00", "risk=none", "page=0", "page=x", "agent=%0a"):
        answer = await browser.get(f"/inbox?{bad}")
        assert (answer.status == 400) or bad == "agent=%0a", bad  # a blank is no agent
    assert (await browser.get("/inbox?tab=decided&before=x")).status == 400


async def test_more_than_is_looked_at_is_said(place: Place) -> None:
    by = place.house.service
    await asyncio.gather(*(by.open(GATEWAY, proposal()) for _ in range(LOOKED + 1)))
    page = await (await dana(place)).get("/inbox")
    assert "Only the newest 300 are listed here." in page.text
    assert pill(page) == str(LOOKED)


# The words of states


async def _everywhere(place: Place, asked: Any) -> dict[str, str]:
    """The state of a request as each place words it."""
    await place.carried()
    browser = await dana(place)
    listed = (await browser.get("/inbox?tab=decided")).text
    row = re.search(rf'/requests/{asked["id"]}">.*?<p class="stands">(.*?)</p>', listed, re.S)
    page = (await browser.get(f"/requests/{asked['id']}")).text
    say = re.search(r'<p class="say">(.*?)</p>', page, re.S)
    api = await place.read(asked["id"], key=await place.token("dana"))
    late = await place.page(asked, "approve", by="kim")
    found = {
        "card": place.desk.of(asked["id"], "U-dana")[-1].now["headline"],
        "row": row[1] if row else "",
        "page": say[1] if say else "",
        "api": api["state"],
        "late": late.notice.text,
    }
    return {name: html.unescape(text) for name, text in found.items()}


@pytest.mark.parametrize("state", ["approved", "delivered", "declined", "withdrawn", "let go"])
async def test_law_03_all_places_word_a_state_alike(place: Place, state: str) -> None:
    asked = await place.opened()
    await place.carried()
    service = place.house.service
    expected = {
        "approved": "Approved by Dana Lee",
        "delivered": "Approved by Dana Lee. Delivered: 201",
        "declined": "Declined by Dana Lee",
        "withdrawn": "Withdrawn. Nothing was run.",
        "let go": "Withdrawn. OneCLI no longer holds it.",
    }
    match state:
        case "approved" | "delivered":
            await place.page(asked, "approve", by="dana")
        case "declined":
            await place.page(asked, "decline", by="dana")
        case "withdrawn":
            await service.withdraw(GATEWAY, asked["id"])
        case "let go":
            await service.withdraw(GATEWAY, asked["id"], "OneCLI no longer holds it.")
    if state == "delivered":
        await service.report(GATEWAY, asked["id"], Outcome(True, place.clock(), 201))
    found = await _everywhere(place, asked)
    assert found == dict.fromkeys(found, expected[state])


async def test_an_approval_that_nobody_collected_says_so_on_page_and_list(place: Place) -> None:
    asked = await place.opened()
    await place.page(asked, "approve", by="dana")
    browser = await dana(place)
    place.clock.turn(MINUTE + words.REPORT)
    for path in (f"/requests/{asked['id']}", "/inbox?tab=decided"):
        text = (await browser.get(path)).text
        assert "Approved by Dana Lee, but never collected. Nothing was run." in text


async def test_the_page_speaks_of_what_is_over_in_the_past(place: Place) -> None:
    http = {"method": "POST", "url": "https://a.example/x", "headers": {"a": "b"}, "body": ""}
    asked = await place.opened(http=http)
    browser, path = await dana(place), f"/requests/{asked['id']}"
    assert "Exactly what will be sent" in (await browser.get(path)).text
    await place.page(asked, "decline", by="kim")
    text = (await browser.get(path)).text
    assert "What would have been sent" in text
    assert "will be sent" not in text
    done = await place.opened(http=http)
    await place.page(done, "approve", by="dana")
    await place.house.service.report(GATEWAY, done["id"], Outcome(True, place.clock(), 201))
    assert "Exactly what was sent" in (await browser.get(f"/requests/{done['id']}")).text
    unsure = await place.opened(http=http)
    await place.page(unsure, "approve", by="dana")
    place.clock.turn(MINUTE + words.REPORT)
    lapsed = (await browser.get(f"/requests/{unsure['id']}")).text
    assert "What would have been sent" in lapsed, "nobody collected it"
    assert "will be sent" not in lapsed
    await place.house.service.report(GATEWAY, unsure["id"], Outcome(None, place.clock()))
    assert "What may have been sent" in (await browser.get(f"/requests/{unsure['id']}")).text


async def test_a_page_is_short_whatever_there_is_much_of(place: Place) -> None:
    """I4, I5: facts, parameters, headers and claims are folded as a body is."""
    many = [{"label": f"Fact {at}", "value": f"value {at}"} for at in range(100)]
    query = "&".join(f"q{at}={at}" for at in range(300))
    http = {
        "method": "POST", "url": f"https://a.example/x?{query}", "body": b64encode(b"12").decode(),
        "headers": {f"x-more-{at}": str(at) for at in range(60)},
    }  # fmt: skip
    browser = await dana(place)
    for key in ("csr_billing", "csr_scripts"):
        asked = await place.opened(key=key, agent={"id": "bot"}, http=http, facts=many)
        page = (await browser.get(f"/requests/{asked['id']}")).text
        assert all(f">{one}<" in page for one in ("q299", "x-more-59"))
        assert all(one["value"] in page for one in many)
        unfolded = page
        while "<details" in unfolded:  # the innermost first
            unfolded = re.sub(r"<details(?:(?!<details).)*?</details>", "", unfolded, flags=re.S)
        assert unfolded.count("<dt>") < 60
        assert ">x-more-3<" in unfolded


async def test_names_and_the_readers_time_zone_are_on_every_page(place: Place) -> None:
    asked = await place.opened("two.pay")
    await place.page(asked, "approve", by="dana")
    browser, path = await dana(place), f"/requests/{asked['id']}"
    text = (await browser.get(path)).text
    assert "<b>Dana Lee</b> approved" in text
    assert re.search(r"\d\d:\d\d:\d\d JST</time>", text)
    assert 'data-zone="Asia/Tokyo"' in text
    other = (await (await Browser(place).signed_in("lee")).get(path)).text
    assert "Needs two people from finance: Dana Lee approved, one more." in other
    assert re.search(r"\d\d:\d\d:\d\d UTC</time>", other)
    assert "data-zone" not in other
    assert "Dana Lee" in (await browser.get("/settings")).text


# After a decision


async def _decided(browser: Browser, asked: Any, choice: str = "approve") -> Answer:
    path = f"/requests/{asked['id']}"
    form = (await browser.get(path)).form(f"{path}/decision")
    answer = await browser.post(f"{path}/decision", **form, choice=choice)
    assert (answer.status, answer.location) == (303, f"{path}/result")
    return await browser.get(f"{path}/result")


async def test_the_result_leads_to_the_request_its_outcome_and_the_next_one(place: Place) -> None:
    asked = await place.opened(title="First")
    await place.opened("low.a", title="Later")
    soon = await place.opened("quick.a", title="Soon")
    browser = await dana(place)
    page = await _decided(browser, asked)
    assert "<h1>Approved</h1>" in page.text
    assert f'<a href="/requests/{asked["id"]}">First</a>' in page.text
    assert f'href="/requests/{soon["id"]}">Next (2 waiting)</a>' in page.text
    assert words.GOES_ON in page.text
    await place.house.service.report(GATEWAY, asked["id"], Outcome(True, place.clock(), 201))
    page = await browser.get(f"/requests/{asked['id']}/result")
    assert "Approved by Dana Lee. Delivered: 201" in page.text
    page = await _decided(browser, soon, "decline")
    assert "<h1>Declined</h1>" in page.text
    assert "Next (1 waiting)" in page.text


async def test_the_result_of_one_of_two_says_who_is_missing(place: Place) -> None:
    page = await _decided(await dana(place), await place.opened("two.pay"))
    assert "<h1>Your approval counts</h1>" in page.text
    assert "Needs two people from finance: you approved, one more." in page.text


async def test_the_result_is_for_those_who_may_see_the_request(place: Place) -> None:
    asked = await place.opened()
    path = f"/requests/{asked['id']}/result"
    assert (await (await Browser(place).signed_in("eve")).get(path)).status == 404
    assert (await Browser(place).get(path)).status == 401


async def test_an_unknown_address_has_the_frame_of_every_page(place: Place) -> None:
    site = place.house.deps.site
    browser = await dana(place)
    for who, signed_in in ((browser, True), (Browser(place), False)):
        cookies = "; ".join(f"{k}={v}" for k, v in who.cookies.items())
        headers = {"Host": site.host, "Accept": "text/html", "Cookie": cookies}
        async with place.http.get(f"{place.url}/nope", headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 404
        assert ("Sign out" in text) is signed_in
        assert ('href="/settings"' in text) is signed_in


# Live


async def test_law_27_one_session_has_a_handful_of_live_pages(place: Place) -> None:
    site, browser = place.house.deps.site, await dana(place)
    other = await Browser(place).signed_in("kim")

    async def stream(of: Browser) -> Any:
        cookies = "; ".join(f"{k}={v}" for k, v in of.cookies.items())
        answer = await place.http.get(
            f"{place.url}/inbox/events", headers={"Host": site.host, "Cookie": cookies}
        )
        assert await answer.content.readuntil(b"\n\n") == b"retry: 3000\n\n"
        return answer

    kims = await stream(other)
    streams = [await stream(browser) for _ in range(STREAMS + 2)]
    for ended in streams[:2]:
        assert await ended.content.readuntil(b"\n\n") == b"event: enough\ndata:\n\n"
        assert await ended.content.read() == b""
    asked = await place.opened()
    for live in (*streams[2:], kims):
        # PostgreSQL's listener may begin anew meanwhile: then anything may have changed.
        while (heard := await live.content.readuntil(b"\n\n")) == b"event: change\ndata: \n\n":
            pass
        assert heard == f"event: change\ndata: {asked['id']}\n\n".encode()
        live.close()


# Several together


async def _form(browser: Browser) -> tuple[dict[str, str], dict[str, str], Answer]:
    """The form, what can be ticked in it, and its page."""
    page = await browser.get("/inbox/together")
    boxes = re.findall(r'type="checkbox" name="(do\.\w+)" value="([^"]+)"( disabled)?', page.text)
    open_ = {name: digest for name, digest, disabled in boxes if not disabled}
    return page.form("/inbox/together"), open_, page


async def test_low_risk_is_decided_together_once_each_was_looked_at(place: Place) -> None:
    asked = [await place.opened("low.read", title=f"Read {n}") for n in range(3)]
    medium = await place.opened("mail.send", title="Send")
    browser = await dana(place)
    assert "Decide 3 of low risk together" in (await browser.get("/inbox")).text
    form, ticks, page = await _form(browser)
    assert ticks == {}
    assert page.text.count("Look at it first") == 3
    assert "Send" not in page.text
    for one in asked[:2]:
        await browser.get(f"/requests/{one['id']}")
    form, ticks, page = await _form(browser)
    assert ticks == {f"do.{one['id']}": one["digest"] for one in asked[:2]}
    done = await browser.post("/inbox/together", **form, **ticks, choice="approve")
    assert (done.status, "2 of 2 decided" in done.text) == (200, True)
    assert done.text.count("Approved by Dana Lee") == 2
    for one in asked[:2]:
        case = await place.case(one["id"])
        assert (case.status, case.votes[0].channel) == (Status.APPROVED, "web")
    for left in (asked[2], medium):
        assert (await place.case(left["id"])).votes == ()


async def test_several_are_declined_together(place: Place) -> None:
    asked = await place.opened("low.read")
    browser = await dana(place)
    await browser.get(f"/requests/{asked['id']}")
    form, ticks, _ = await _form(browser)
    done = await browser.post("/inbox/together", **form, **ticks, choice="decline")
    assert "Declined by Dana Lee" in done.text


async def test_one_that_was_not_looked_at_is_not_decided(place: Place) -> None:
    seen, unseen = await place.opened("low.read"), await place.opened("low.read")
    browser = await dana(place)
    await browser.get(f"/requests/{unseen['id']}", "HEAD")  # which shows nothing
    await browser.get(f"/requests/{seen['id']}")
    form, ticks, _ = await _form(browser)
    ticks[f"do.{unseen['id']}"] = unseen["digest"]
    done = await browser.post("/inbox/together", **form, **ticks, choice="approve")
    assert (done.status, "1 of 2 decided" in done.text) == (409, True)
    assert "You have not looked at it." in done.text
    assert (await place.case(unseen["id"])).votes == ()


@pytest.mark.parametrize("action", ["mail.send", "high.pay"])
async def test_law_19_medium_and_high_risk_are_never_decided_together(
    place: Place, action: str
) -> None:
    asked = await place.opened(action)
    browser = await dana(place)
    await browser.get(f"/requests/{asked['id']}")
    low = await place.opened("low.read")
    form, _, page = await _form(browser)
    assert asked["id"] not in page.text
    ticks = {f"do.{asked['id']}": asked["digest"]}
    done = await browser.post("/inbox/together", **form, **ticks, choice="approve")
    assert (done.status, "Only requests of low risk" in done.text) == (409, True)
    assert (await place.case(asked["id"])).votes == ()
    assert (await place.case(low["id"])).votes == ()


async def test_a_mark_is_of_one_revision_and_one_session(place: Place) -> None:
    asked = await place.opened("low.read")
    browser = await dana(place)
    await browser.get(f"/requests/{asked['id']}")
    form, ticks, _ = await _form(browser)
    other = await dana(place)
    looked = {k: v for k, v in browser.cookies.items() if k.endswith("-looked")}
    other.cookies |= looked
    theirs, none, _ = await _form(other)
    assert (len(looked), none) == (1, {})
    body = {"action": "low.read", "payload": {"to": "mallory"}}
    status, now = await place.call("PUT", f"/v1/requests/{asked['id']}", body)
    assert status == 200
    done = await browser.post("/inbox/together", **form, **ticks, choice="approve")
    assert "It has changed since you looked at it." in done.text
    fresh = {f"do.{asked['id']}": now["digest"]}
    done = await browser.post("/inbox/together", **form, **fresh, choice="approve")
    assert "You have not looked at it." in done.text
    assert (await place.case(asked["id"])).votes == ()
    assert theirs["csrf"] != form["csrf"]


async def test_a_mark_cannot_be_made_up(place: Place) -> None:
    asked = await place.opened("low.read")
    browser = await dana(place)
    form, _, _ = await _form(browser)
    for marks in ("", "x" * 16, ".".join(["A" * 16] * 100), "\u00e4".encode().decode("latin-1")):
        browser.cookies["countersign-looked"] = marks
        done = await browser.post(
            "/inbox/together", **form, **{f"do.{asked['id']}": asked["digest"]}, choice="approve"
        )
        assert "You have not looked at it." in done.text
    assert (await place.case(asked["id"])).votes == ()


async def test_one_that_was_decided_meanwhile_leaves_the_others(place: Place) -> None:
    gone, stays = await place.opened("low.read"), await place.opened("low.read")
    browser = await dana(place)
    for one in (gone, stays):
        await browser.get(f"/requests/{one['id']}")
    form, ticks, _ = await _form(browser)
    await place.page(gone, "decline", by="kim")
    done = await browser.post("/inbox/together", **form, **ticks, choice="approve")
    assert (done.status, "1 of 2 decided" in done.text) == (409, True)
    assert "Declined by kim" in done.text
    assert (await place.case(stays["id"])).status is Status.APPROVED


async def test_law_08_the_form_for_several_is_of_its_session_and_its_size(place: Place) -> None:
    asked = await place.opened("low.read")
    browser = await dana(place)
    await browser.get(f"/requests/{asked['id']}")
    form, ticks, _ = await _form(browser)
    wrong = (
        {**form, **ticks, "choice": "approve", "csrf": "0" * 64},
        {**form, **ticks, "choice": "yes"},
        {**form, "do.x": "y", "choice": "approve"},
        {**form, **{f"do.req_{n:026}": "d" for n in range(MOST + 1)}, "choice": "approve"},
    )
    for sent in wrong:
        assert (await browser.post("/inbox/together", **sent)).status in (400, 403)
    empty = await browser.post("/inbox/together", **form, choice="approve")
    assert "Nothing was ticked" in empty.text
    stranger = await Browser(place).signed_in("eve")
    theirs = (await stranger.get("/settings")).form("/logout")
    done = await stranger.post("/inbox/together", **theirs, **ticks, choice="approve")
    assert "it is not yours" in done.text
    assert (await place.case(asked["id"])).votes == ()


async def test_law_21_each_of_several_is_a_vote_of_its_own(place: Place) -> None:
    asked = [await place.opened("low.read") for _ in range(2)]
    browser = await dana(place)
    for one in asked:
        await browser.get(f"/requests/{one['id']}")
    form, ticks, _ = await _form(browser)
    await browser.post("/inbox/together", **form, **ticks, choice="approve")
    lines = [json.loads(line) for line in await place.sealed()]
    votes = [json.loads(line["content"]) for line in lines if line["kind"] == "vote"]
    assert sorted(vote["digest"] for vote in votes) == sorted(one["digest"] for one in asked)
    assert {vote["choice"] for vote in votes} == {Choice.APPROVE}
    assert {(await place.case(one["id"])).ask.risk for one in asked} == {Risk.LOW}
