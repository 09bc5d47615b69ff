"""The laws of the pages, over plain HTTP: what they send, what they refuse, what they change."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from approvals import linking
from approvals.model import MINUTE, Agent, Ask, Http, Outcome, Risk, Status
from approvals.people import Directory
from approvals.port import Reply
from approvals.proposal import Proposal
from approvals.store import Session, Token
from approvals.web import credentials

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINE = (
    *("/inbox", "/inbox?tab=decided", "/inbox?q=pay&mine=1&sort=risk", "/inbox/together"),
    *("/settings", "/login/x", "/", "/inbox?tab=decided&before=req_0"),
)


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page)
    assert found
    return found[1]


# Headers, hosts and methods


async def test_law_08_every_page_carries_the_headers(house: Any) -> None:
    case = await house.open()
    for signed_in in (False, True):
        if signed_in:
            await house.sign_in()
        for path in (*MINE, f"/requests/{case.id}", "/requests/req_none"):
            answer = await house.get(path)
            assert answer.headers["Cache-Control"] == "no-store", path
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Robots-Tag"] == "noindex"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            csp = answer.headers["Content-Security-Policy"]
            assert csp.startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in csp
            assert "form-action 'self'" in csp
            assert "base-uri 'none'" in csp
            assert "unsafe" not in csp


async def test_law_08_no_page_loads_anything_from_elsewhere_or_runs_inline(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    for path in (*MINE, f"/requests/{case.id}"):
        page = (await house.get(path)).text
        assert not re.findall(r"""(?:src|href|action)=["']?(?:https?:)?//""", page), path
        assert not re.findall(r"<style|style=|<script(?![^>]*\ssrc=)|\son\w+=", page), path


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_law_08_nothing_but_a_post_changes_anything(house: Any, method: str) -> None:
    case = await house.open()
    await house.sign_in()
    link = await house.link("lee")
    fields = await house.form(f"/requests/{case.id}", f"/requests/{case.id}/decision")
    query = f"?choice=approve&digest={fields['digest']}&revision=1&csrf={fields['csrf']}"
    for path in (
        f"/requests/{case.id}",
        f"/requests/{case.id}/decision{query}",
        f"/login/{link}",
        f"/login?link={link}",
        f"/logout{query}",
        f"/settings/tokens{query}&name=x&days=7",
        f"/requests/{case.id}/body",
    ):
        await house._call(method, path, None, {})
    assert await house.case(case) == case
    assert (await house.get("/inbox")).status == 200
    assert await house.deps.store.tokens("dana") == []
    house.cookies.clear()
    assert (await house.post("/login", link=link)).status == 303


async def test_another_host_is_sent_to_the_one_where_the_pages_live(house: Any) -> None:
    for host in (f"127.0.0.1:{house.port}", f"localhost:{house.port}", "evil.example"):
        answer = await house.get("/inbox?tab=decided", Host=host)
        assert (answer.status, answer.headers["Location"]) == (
            307,
            f"{house.origin}/inbox?tab=decided",
        )
        answer = await house.get("//evil.example/inbox", Host=host)
        assert answer.headers.get("Location", house.origin).startswith(house.origin)
        refused = await house.post("/login", {"Host": host, "Origin": f"http://{host}"}, link="x")
        assert refused.status == 421
        assert "Set-Cookie" not in refused.headers


# Signing in


async def test_law_08_a_sign_in_link_shows_a_button_and_its_post_signs_in_once(house: Any) -> None:
    link = await house.link("dana")
    for _ in range(3):
        page = await house.get(f"/login/{link}")
        assert "Sign in as dana" in page.text
        assert "Set-Cookie" not in page.headers
    answer = await house.post("/login", link=link)
    assert (answer.status, answer.headers["Location"]) == (303, "/inbox")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("countersign=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"):
        assert part in cookie
    assert "Domain" not in cookie
    assert (await house.post("/login", link=link)).status == 410
    assert (await house.get(f"/login/{link}")).status == 410


async def test_a_sign_in_link_can_lead_to_its_request(house: Any) -> None:
    case = await house.open()
    answer = await house.post("/login", link=await house.link("dana", case.id))
    assert answer.headers["Location"] == f"/requests/{case.id}"


async def test_an_old_link_is_dead(house: Any) -> None:
    link = await house.link("dana")
    house.clock.now += 10 * MINUTE
    assert (await house.get(f"/login/{link}")).status == 410
    assert (await house.post("/login", link=link)).status == 410


async def test_signing_in_makes_a_new_session_and_ends_the_old_one(house: Any) -> None:
    await house.sign_in()
    first = dict(house.cookies)
    await house.sign_in()
    assert house.cookies != first
    house.cookies = first
    assert (await house.get("/inbox")).status == 401


async def test_a_session_ends_after_twelve_hours_and_by_signing_out(house: Any) -> None:
    await house.sign_in()
    house.clock.now += 12 * 60 * MINUTE - 1
    page = await house.get("/inbox")
    assert page.status == 200
    kept = dict(house.cookies)
    assert (await house.post("/logout", csrf=_csrf(page.text))).status == 303
    assert house.cookies == {}
    house.cookies = kept
    assert (await house.get("/inbox")).status == 401
    await house.sign_in()
    house.clock.now += 12 * 60 * MINUTE
    signed_out = await house.get("/inbox")
    assert signed_out.status == 401
    assert "countersign login-link NAME" in signed_out.text


async def test_failed_sign_ins_are_counted_and_good_ones_are_not(house: Any) -> None:
    for _ in range(7):
        await house.sign_in()
    house.cookies.clear()
    codes = [(await house.post("/login", link="wrong")).status for _ in range(7)]
    assert codes == [410] * 5 + [429] * 2
    house.clock.now += MINUTE
    await house.sign_in()


async def test_a_row_written_into_the_database_is_no_session_link_or_token(house: Any) -> None:
    now, store = house.clock(), house.deps.store
    await store.put_session("forged.code", Session("dana", "link", now, now + MINUTE))
    house.cookies = {"countersign": "forged.code"}
    assert (await house.get("/inbox")).status == 401
    await store.add_token("csp_" + "x" * 63, Token("dana", "forged", now, now + MINUTE))
    assert await house.deps.person_of_token("csp_" + "x" * 63) is None


async def test_a_session_moved_to_another_person_or_time_is_none(house: Any) -> None:
    await house.sign_in("sam")
    cookie = house.cookies["countersign"]
    now, store = house.clock(), house.deps.store
    found = await store.session(cookie, now)
    assert found is not None
    for change in ({"person": "dana"}, {"at": now + 1}, {"expires_at": now + 10**9}):
        await store.put_session(cookie, replace(found, **change))
        assert (await house.get("/inbox")).status == 401
    await store.put_session(cookie, found)
    assert (await house.get("/inbox")).status == 200


async def test_somebody_who_is_configured_no_more_is_signed_out(house: Any) -> None:
    answer = await house.post("/login", link=await house.link("gone"))
    assert answer.status == 410


async def test_law_02_the_session_of_somebody_removed_ends_at_once(house: Any) -> None:
    await house.sign_in("dana")
    assert (await house.get("/inbox")).status == 200
    trust = house.deps.service.trust
    left = [person for person in trust.directory.people() if person.id != "dana"]
    groups = {name: who - {"dana"} for name, who in trust.directory.groups.items()}
    house.deps.service.trust = replace(trust, directory=Directory(left, groups))
    for path in ("/inbox", "/settings"):
        assert (await house.get(path)).status == 401


# CSRF


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_law_08_a_post_from_elsewhere_changes_nothing(
    house: Any, headers: dict[str, str]
) -> None:
    case = await house.open()
    await house.sign_in()
    path = f"/requests/{case.id}"
    fields = await house.form(path, f"{path}/decision")
    refused = await house.post(f"{path}/decision", headers, **fields, choice="approve")
    assert refused.status == 403
    assert (await house.post("/login", headers, link=await house.link())).status == 403
    assert (await house.case(case)).status is Status.PENDING


async def test_law_08_what_a_browser_sends_under_no_referrer_is_taken(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    path = f"/requests/{case.id}"
    fields = await house.form(path, f"{path}/decision")
    sent = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert (await house.post(f"{path}/decision", sent, **fields, choice="approve")).status == 303


@pytest.mark.parametrize("csrf", ["", "0" * 64, "ü", None])
async def test_law_08_a_form_without_this_sessions_token_changes_nothing(
    house: Any, csrf: str | None
) -> None:
    case = await house.open()
    await house.sign_in()
    path = f"/requests/{case.id}"
    fields = await house.form(path, f"{path}/decision")
    del fields["csrf"]
    if csrf is not None:
        fields["csrf"] = csrf
    assert (await house.post(f"{path}/decision", **fields, choice="approve")).status == 403
    assert (await house.case(case)).status is Status.PENDING


async def test_a_form_of_another_session_changes_nothing(house: Any) -> None:
    case = await house.open()
    path = f"/requests/{case.id}"
    await house.sign_in("lee")
    fields = await house.form(path, f"{path}/decision")
    await house.sign_in("dana")
    assert (await house.post(f"{path}/decision", **fields, choice="approve")).status == 403
    assert (await house.case(case)).status is Status.PENDING


async def test_law_27_a_post_that_is_no_small_form_is_refused_in_words(house: Any) -> None:
    await house.sign_in()
    assert (await house.post("/settings/tokens", name="x" * 20_000)).status == 413
    headers = {"Origin": house.origin, "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{house.port}/login"
    host = {"Host": house.deps.site.host}
    async with house.http.post(url, data=b"{}", headers={**headers, **host}) as answer:
        assert answer.status == 415
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    for body in (b"link=a&link=b", b"link=%ff", "link=ü".encode(), b"&".join([b"a=1"] * 50)):
        async with house.http.post(url, data=body, headers={**headers, **host}) as answer:
            assert answer.status == 400, body


# Who sees what


async def test_a_request_is_not_there_for_those_who_have_nothing_to_do_with_it(house: Any) -> None:
    case = await house.open()
    await house.sign_in("sam")
    assert "Nothing is waiting for you" in (await house.get("/inbox")).text
    for path in ("", "/body", "/receipt"):
        assert (await house.get(f"/requests/{case.id}{path}")).status == 404
    csrf = _csrf((await house.get("/settings")).text)
    answer = await house.post(
        f"/requests/{case.id}/decision",
        csrf=csrf,
        digest=case.digest,
        revision="1",
        choice="approve",
    )
    assert answer.status == 404
    assert "Not found" in answer.text


async def test_an_auditor_sees_all_and_decides_nothing(house: Any) -> None:
    case = await house.open()
    await house.sign_in("ada")
    assert case.id in (await house.get("/inbox")).text
    page = (await house.get(f"/requests/{case.id}")).text
    assert "/decision" not in page
    answer = await house.post(
        f"/requests/{case.id}/decision",
        csrf=_csrf(page),
        digest=case.digest,
        revision="1",
        choice="approve",
    )
    assert answer.status == 403
    assert (await house.case(case)).votes == ()


async def test_the_owner_of_a_requester_sees_its_requests_and_may_not_decide(house: Any) -> None:
    case = await house.open()
    await house.sign_in("olga")
    page = await house.get(f"/requests/{case.id}")
    assert page.status == 200
    assert "/decision" not in page.text


# What is shown


async def test_law_14_the_page_shows_every_byte_that_is_bound(house: Any) -> None:
    body = b"x" * 70_000 + b"THE-END"
    held = Http("POST", "https://a.example/p?q=%2e&payee=mallory", (("X-A", "1"),), body)
    case = await house.open(Proposal("send", Agent("a"), http=held))
    await house.sign_in()
    page = (await house.get(f"/requests/{case.id}")).text
    assert body.decode() in page
    assert "https://a.example/p?q=%2e&amp;payee=mallory" in page
    assert re.search(r"<dt>payee</dt><dd>\s*<span[^>]*>mallory<", page)
    assert re.search(r"<dt>X-A</dt><dd>\s*<span[^>]*>1<", page)
    assert case.digest in page


async def test_law_14_a_binary_body_is_hex_and_a_download_that_no_browser_shows(house: Any) -> None:
    body = b"<script>alert(1)</script>" + bytes(range(256))
    held = Http("PUT", "https://a.example/", (("Content-Type", "text/html"),), body)
    case = await house.open(Proposal("put", Agent("a"), http=held))
    await house.sign_in()
    page = (await house.get(f"/requests/{case.id}")).text
    assert "3c 73 63 72 69 70 74" in page.replace("3c736372", "3c 73 63 72")
    answer = await house.get(f"/requests/{case.id}/body")
    assert answer.body == body
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


SECRET = "hunter2hunter2hunter2"
HIDDEN = Http(
    "POST",
    "https://a.example/p",
    (("Content-Type", "application/json"), ("Authorization", "Bearer fake-token-fake-token")),
    b'{"password": "hunter2hunter2hunter2", "amount": 12}',
)


async def _revealed(house: Any, case: Any) -> list[dict[str, Any]]:
    rows = await house.deps.store.history(case.id)
    return [json.loads(row.content or "") for row in rows if row.kind == "secret.revealed"]


async def test_law_15_a_secret_is_shown_once_by_a_press_that_is_kept(house: Any) -> None:
    case = await house.open(Proposal("send", Agent("a"), http=HIDDEN))
    await house.sign_in()
    path = f"/requests/{case.id}"
    page = (await house.get(path)).text
    assert SECRET not in page
    assert "fake-token" not in page
    places = dict(re.findall(r'action="(\S+)/reveal#at\.([a-z0-9.]+)"', page))
    assert places, "each secret has its button"
    fields = await house.form(path, f"{path}/reveal#at.body.1")
    answer = await house.post(f"{path}/reveal", **fields)
    assert answer.status == 200
    assert SECRET in answer.text
    assert "fake-token" not in answer.text, "one press shows one"
    assert "this was recorded" in answer.text
    assert await _revealed(house, case) == [
        {"by": "dana", "revision": 1, "place": "body.1", "what": "body: password"}
    ]
    again = await house.get(f"{path}/reveal")
    assert (again.status, again.headers["Location"]) == (303, path)
    assert SECRET not in (await house.get(path)).text
    assert (await house.decide(case, "approve")).status == 200, "it can be decided from there"


async def test_law_15_a_secret_that_was_folded_is_in_view_once_it_is_shown(house: Any) -> None:
    value = {"items": [f"word {at}" for at in range(99)], "password": SECRET}
    http = replace(HIDDEN, body=json.dumps(value).encode())
    case = await house.open(Proposal("send", Agent("a"), http=http))
    await house.sign_in()
    path = f"/requests/{case.id}"
    page = (await house.get(path)).text
    assert '<details class="more"><summary>Show all' in page
    answer = await house.post(
        f"{path}/reveal", **await house.form(path, f"{path}/reveal#at.body.100")
    )
    assert '<details class="more" open><summary>Show all' in answer.text
    assert SECRET in answer.text


async def test_law_15_only_those_who_decide_and_auditors_see_a_secret(house: Any) -> None:
    house.rule(Ask("infra", (("infra", 1),)))
    case = await house.open(Proposal("send", Agent("a"), http=HIDDEN))
    path = f"/requests/{case.id}"
    form = {"digest": case.digest, "revision": "1", "place": "body.1"}
    await house.sign_in("ada")
    csrf = _csrf((await house.get("/settings")).text)
    assert SECRET in (await house.post(f"{path}/reveal", csrf=csrf, **form)).text
    for bad in ({"place": "body.2"}, {"place": ""}, {"revision": "2"}, {"digest": "x"}):
        answer = await house.post(f"{path}/reveal", csrf=csrf, **{**form, **bad})
        assert answer.status in (400, 409)
    assert (await house.post(f"{path}/reveal", csrf="x", **form)).status == 403
    assert [one["by"] for one in await _revealed(house, case)] == ["ada"]
    house.cookies.clear()
    await house.sign_in("sam")
    csrf = _csrf((await house.get("/settings")).text)
    answer = await house.post(f"{path}/reveal", csrf=csrf, **form)
    assert answer.status == 404
    assert len(await _revealed(house, case)) == 1


async def test_law_15_an_owner_who_may_only_look_sees_no_secret(house: Any) -> None:
    case = await house.open(Proposal("send", Agent("a"), http=HIDDEN))
    path = f"/requests/{case.id}"
    await house.sign_in("olga")  # the requester's owner: it is theirs to see, not to decide
    page = (await house.get(path)).text
    assert "[redacted " in page
    assert "/reveal" not in page
    csrf = _csrf((await house.get("/settings")).text)
    form = {"digest": case.digest, "revision": "1", "place": "body.1", "csrf": csrf}
    for where in ("reveal", "body"):
        answer = await house.post(f"{path}/{where}", **form)
        assert answer.status == 403
        assert SECRET.encode() not in answer.body
    assert await _revealed(house, case) == []


async def test_law_15_bytes_that_hold_a_secret_are_downloaded_by_a_press_that_is_kept(
    house: Any,
) -> None:
    case = await house.open(Proposal("send", Agent("a"), http=HIDDEN))
    path = f"/requests/{case.id}"
    await house.sign_in()
    answer = await house.get(f"{path}/body")
    assert (answer.status, SECRET.encode() in answer.body) == (403, False)
    assert await _revealed(house, case) == []
    answer = await house.post(f"{path}/body", **await house.form(path, f"{path}/body"))
    assert answer.body == HIDDEN.body
    assert [one["place"] for one in await _revealed(house, case)] == ["bytes"]


async def test_a_ready_reason_is_the_rules_and_no_other(house: Any) -> None:
    house.rule(Ask("pay", (("default", 1),), reasons=("Wrong amount", "Not <agreed>")))
    case = await house.open()
    await house.sign_in()
    page = (await house.get(f"/requests/{case.id}")).text
    assert 'name="ready" value="Not &lt;agreed&gt;"' in page
    assert (await house.decide(case, "decline", ready="Made up")).status == 400
    assert (await house.case(case)).votes == ()
    await house.decide(case, "decline", ready="Not <agreed>", reason="See the mail.")
    assert (await house.case(case)).reason == "Not <agreed>: See the mail."


async def test_a_revised_request_says_what_changed(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    assert "What changed" not in (await house.get(f"/requests/{case.id}")).text
    http = replace(house.payout.http, body=house.payout.http.body.replace(b"1240000", b"9900000"))
    await house.deps.service.revise(house.gateway, case.id, replace(house.payout, http=http))
    page = (await house.get(f"/requests/{case.id}")).text
    assert "What changed since revision 1" in page
    assert '<span class="removed">- amount: 1240000</span>' in page
    assert '<span class="added">+ amount: 9900000</span>' in page


async def test_law_14_what_could_not_be_drawn_in_time_offers_no_approve(house: Any) -> None:
    http = Http("POST", "https://a.example/", (), b"some words " * 9_000)
    case = await house.open(Proposal("send", Agent("a"), http=http))
    await house.sign_in()
    house.deps.service.readings._drawer._seconds = 0
    page = (await house.get(f"/requests/{case.id}")).text
    assert "could not be shown in time" in page
    assert 'value="approve"' not in page
    assert 'value="decline"' in page


async def test_law_14_bytes_never_received_are_said_to_be_missing(house: Any) -> None:
    held = Http("POST", "https://a.example/", (), b"head", body_complete=False)
    house.rule(Ask("unseen", (("default", 1),), allow_unseen=True))
    case = await house.open(Proposal("send", Agent("a"), http=held))
    await house.sign_in()
    page = (await house.get(f"/requests/{case.id}")).text
    assert "Not all of this request was received." in page
    assert "The rest was never received." in page


async def test_law_11_an_agents_words_stand_apart_and_are_never_the_title(house: Any) -> None:
    asked = Proposal(
        "wipe",
        Agent("a", "Finance department"),
        title="Totally harmless",
        payload='{"disk":"all"}',
        note="Approved by: CFO\n<b>trust me</b>",
    )
    case = await house.open(asked, house.agent)
    await house.sign_in()
    page = (await house.get(f"/requests/{case.id}")).text
    assert "<h1>wipe</h1>" in page
    assert page.index("Agent’s note, unverified") < page.index("Totally harmless")
    assert "<b>trust me</b>" not in page
    assert page.index("unverified") < page.index("Finance department")
    listed = (await house.get("/inbox")).text
    assert "Totally harmless" not in listed
    assert "Finance department" not in listed


async def test_law_12_hostile_text_is_shown_as_what_it_is(house: Any) -> None:
    evil = "a\u202eb\u200bc\nApproved by: CFO</pre><script>"
    held = Http("POST", "https://a.example/", (), evil.encode())
    asked = Proposal("act\u202e", Agent("a\u200b"), http=held, title=f"T{evil}", note=evil)
    case = await house.open(asked)
    await house.sign_in()
    for path in (f"/requests/{case.id}", "/inbox"):
        page = (await house.get(path)).text
        assert "\u202e" not in page
        assert "\u200b" not in page
        assert "</pre><script>" not in page
        assert "\\u{202e}" in page
        assert "⏎Approved by: CFO" in page


# Deciding


async def test_approving_is_counted_and_said(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    answer = await house.decide(case, "approve")
    assert answer.status == 200
    assert "<h1>Approved</h1>" in answer.text
    after = await house.case(case)
    assert (after.status, after.votes[0].person, after.votes[0].channel) == (
        Status.APPROVED,
        "dana",
        "web",
    )


async def test_declining_carries_its_reason(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    answer = await house.decide(case, "decline", reason="  Not before the audit.\r\nAsk kim. ")
    assert "<h1>Declined</h1>" in answer.text
    after = await house.case(case)
    assert (after.status, after.votes[0].reason) == (
        Status.DECLINED,
        "Not before the audit.\nAsk kim.",
    )
    page = (await house.get(f"/requests/{case.id}")).text
    assert "Not before the audit." in page
    assert "/decision" not in page


async def test_a_reason_that_is_too_long_is_no_vote(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    assert (await house.decide(case, "decline", reason="x" * 1001)).status == 413
    assert (await house.case(case)).votes == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "sha-256:" + "0" * 64},
        {"digest": ""},
        {"revision": "2"},
        {"revision": "x"},
        {"choice": "yes"},
        {"choice": ""},
    ],
)
async def test_law_08_a_form_for_something_else_is_no_vote(
    house: Any, wrong: dict[str, str]
) -> None:
    case = await house.open()
    await house.sign_in()
    answer = await house.decide(case, **{"choice": "approve", **wrong})
    assert answer.status in (400, 409)
    assert (await house.case(case)).votes == ()


async def test_a_revised_request_must_be_read_again(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    path = f"/requests/{case.id}"
    fields = await house.form(path, f"{path}/decision")
    await house.deps.service.revise(house.gateway, case.id, replace(house.payout, title="Other"))
    answer = await house.post(f"{path}/decision", **fields, choice="approve")
    assert answer.status == 409
    assert "This request has changed" in answer.text
    assert (await house.case(case)).votes == ()
    assert (await house.get(f"{path}/body?revision=1")).status == 409
    assert (await house.decide(case, "approve")).status == 200


async def test_law_03_a_late_tap_says_expired_and_never_approved(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    path = f"/requests/{case.id}"
    fields = await house.form(path, f"{path}/decision")
    house.clock.now += 15 * MINUTE
    answer = await house.post(f"{path}/decision", **fields, choice="approve")
    assert answer.status == 409
    assert "<h1>Expired. Nothing was run.</h1>" in answer.text
    assert "Approved" not in answer.text
    assert (await house.case(case)).votes == ()


async def test_law_04_the_second_verdict_is_told_of_the_first(house: Any) -> None:
    case = await house.open()
    await house.sign_in("lee")
    path = f"/requests/{case.id}"
    fields = await house.form(path, f"{path}/decision")
    lees = dict(house.cookies)
    house.cookies.clear()
    await house.sign_in("dana")
    await house.decide(case, "decline")
    house.cookies = lees
    answer = await house.post(f"{path}/decision", **fields, choice="approve")
    assert answer.status == 409
    assert "<h1>Declined by dana</h1>" in answer.text


async def test_law_19_high_risk_needs_a_sign_in_of_the_last_five_minutes(house: Any) -> None:
    house.rule(Ask("risky", (("default", 1),), risk=Risk.HIGH, expires=60 * MINUTE))
    case = await house.open()
    await house.sign_in()
    path = f"/requests/{case.id}"
    fields = await house.form(path, f"{path}/decision")
    house.clock.now += 5 * MINUTE + 1
    page = (await house.get(path)).text
    assert "Send me a link" in page
    assert 'value="approve"' not in page
    assert 'value="decline"' in page
    answer = await house.post(f"{path}/decision", **fields, choice="approve")
    assert answer.status == 403
    assert "Please sign in again" in answer.text
    assert "countersign login-link dana" in answer.text
    assert (await house.case(case)).votes == ()
    await house.sign_in()
    assert (await house.decide(case, "approve")).status == 200
    assert (await house.case(case)).status is Status.APPROVED


async def test_declining_at_high_risk_needs_no_fresh_sign_in(house: Any) -> None:
    house.rule(Ask("risky", (("default", 1),), risk=Risk.HIGH, expires=60 * MINUTE))
    case = await house.open()
    await house.sign_in()
    house.clock.now += 30 * MINUTE
    assert (await house.decide(case, "decline")).status == 200
    assert (await house.case(case)).status is Status.DECLINED


async def test_law_20_two_seats_are_two_people(house: Any) -> None:
    house.rule(Ask("pair", (("default", 2),)))
    case = await house.open()
    await house.sign_in("dana")
    answer = await house.decide(case, "approve")
    assert "Your approval counts" in answer.text
    assert "Needs two people: you approved, one more." in answer.text
    page = (await house.get(f"/requests/{case.id}")).text
    assert "You approved this" in page
    assert 'value="approve"' not in page
    assert "Needs two people: you approved, one more." in (await house.get("/inbox")).text
    await house.sign_in("lee")
    await house.decide(case, "approve")
    assert (await house.case(case)).status is Status.APPROVED


async def test_the_page_of_a_closed_request_says_who_what_and_what_came_of_it(house: Any) -> None:
    case = await house.open()
    await house.sign_in()
    await house.decide(case, "approve")
    await house.deps.service.conclude([case.id])
    page = (await house.get(f"/requests/{case.id}")).text
    assert "Not reported yet" in page
    receipt = await house.get(f"/requests/{case.id}/receipt")
    assert receipt.body.count(b".") == 2
    assert receipt.headers["Content-Type"] == "application/octet-stream"
    done = Outcome(True, house.clock(), 201)
    await house.deps.service.report(house.gateway, case.id, done)
    page = (await house.get(f"/requests/{case.id}")).text
    assert "Delivered: 201" in page, "the card's own words"
    assert "<b>dana</b> approved" in page


async def test_the_lists_are_paged_by_cursor_newest_first(house: Any) -> None:
    await house.sign_in()
    newest: list[str] = []
    for _ in range(60):
        house.clock.now += 1
        newest.insert(0, (await house.open()).id)

    async def listed(path: str) -> list[str]:
        seen: list[str] = []
        while path:
            page = (await house.get(path)).text
            ids = re.findall(r'<h3><a href="/requests/(\w+)"', page)
            assert len(ids) <= 25
            seen += ids
            older = re.search(r'href="([^"]+)">(?:Older|More)<', page)
            path = older[1].replace("&amp;", "&") if older else ""
        return seen

    assert await listed("/inbox?sort=age") == newest
    assert await listed("/inbox") == newest[::-1], "the nearest deadline first"
    assert await listed("/inbox?tab=decided") == []
    for case_id in newest[::2]:
        await house.deps.service.withdraw(house.gateway, case_id)
    assert await listed("/inbox?sort=age") == newest[1::2]
    assert await listed("/inbox?tab=decided") == newest[::2]


# Live


async def test_an_open_page_hears_of_its_own_requests_and_of_no_others(house: Any) -> None:
    await house.sign_in()
    headers = {
        "Host": house.deps.site.host,
        "Cookie": f"countersign={house.cookies['countersign']}",
    }
    url = f"http://127.0.0.1:{house.port}/inbox/events"
    async with house.http.get(url, headers=headers) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-store"
        assert await stream.content.readuntil(b"\n\n") == b"retry: 3000\n\n"
        house.rule(Ask("infra", (("infra", 1),)))
        await house.open()
        house.rule(Ask("everything", (("default", 1),)))
        case = await house.open()
        heard = await stream.content.readuntil(b"\n\n")
        assert heard == f"event: change\ndata: {case.id}\n\n".encode()
        house.deps.live.changed(None)
        assert await stream.content.readuntil(b"\n\n") == b"event: change\ndata: \n\n"


async def test_nobody_hears_anything_without_a_session(house: Any) -> None:
    assert (await house.get("/inbox/events")).status == 401


# Settings


async def test_a_personal_token_is_shown_once_lives_its_days_and_can_be_revoked(
    house: Any,
) -> None:
    await house.sign_in()
    csrf = _csrf((await house.get("/settings")).text)
    made = await house.post("/settings/tokens", csrf=csrf, name="My laptop", days="30")
    found = re.search(r"csp_[\w-]{63}", made.text)
    assert found
    token = found[0]
    assert token not in (await house.get("/settings")).text
    person = await house.deps.person_of_token(token)
    assert person is not None
    assert person.id == "dana"
    for wrong in (token[:-1], token + "x", token.removeprefix("csp_"), "", "csp_ü"):
        assert await house.deps.person_of_token(wrong) is None
    house.clock.now += 30 * 24 * 60 * MINUTE
    assert await house.deps.person_of_token(token) is None
    house.clock.now -= MINUTE
    assert await house.deps.person_of_token(token) is not None
    await house.sign_in()
    page = (await house.get("/settings")).text
    assert "My laptop" in page
    await house.post("/settings/tokens/revoke", csrf=_csrf(page), name="My laptop")
    assert await house.deps.person_of_token(token) is None


async def test_a_token_needs_a_name_a_lifetime_and_a_fresh_sign_in(house: Any) -> None:
    await house.sign_in()
    csrf = _csrf((await house.get("/settings")).text)
    for name, days in (("", "7"), ("x" * 61, "7"), ("a", "0"), ("a", "9999"), ("a", "")):
        answer = await house.post("/settings/tokens", csrf=csrf, name=name, days=days)
        assert answer.status == 422
    assert (await house.post("/settings/tokens", csrf=csrf, name="a", days="7")).status == 200
    assert (await house.post("/settings/tokens", csrf=csrf, name="a", days="7")).status == 409
    house.clock.now += 5 * MINUTE + 1
    answer = await house.post("/settings/tokens", csrf=csrf, name="b", days="7")
    assert answer.status == 403
    assert "Please sign in again" in answer.text
    assert len(await house.deps.store.tokens("dana")) == 1


async def test_a_token_of_another_person_cannot_be_revoked(house: Any) -> None:
    ring, now = house.deps.service.trust.ring, house.clock()
    text = await credentials.make_token(
        house.deps.store, ring, "lee", "lees", 7, now=now, random=house.deps.random
    )
    await house.sign_in("dana")
    csrf = _csrf((await house.get("/settings")).text)
    await house.post("/settings/tokens/revoke", csrf=csrf, name="lees")
    assert await house.deps.person_of_token(text) is not None


async def test_law_21_signing_in_and_tokens_are_in_the_audit_chain_without_a_secret(
    house: Any,
) -> None:
    await house.sign_in()
    csrf = _csrf((await house.get("/settings")).text)
    made = await house.post("/settings/tokens", csrf=csrf, name="laptop", days="7")
    await house.post("/settings/tokens/revoke", csrf=csrf, name="laptop")
    await house.post("/logout", csrf=csrf)
    await house.deps.store.seal(house.clock())
    entries = [row.entry for row in await house.deps.store.audit()]
    assert [e.kind for e in entries] == ["signed_in", "token.made", "token.revoked", "signed_out"]
    secret = re.search(r"csp_([\w-]+)", made.text)
    assert secret
    assert not [e for e in entries if secret[1] in (e.content or "")]


async def test_an_account_is_linked_and_unlinked_in_the_settings(house: Any) -> None:
    await house.sign_in()
    csrf = _csrf((await house.get("/settings")).text)
    page = await house.post("/settings/accounts", csrf=csrf, channel="telegram")
    link = re.search(r"https://t\.me/our_bot\?start=(CS[-0-9A-Z]{20})<", page.text)
    assert link
    assert link[1] not in (await house.get("/settings")).text
    deps, reply = house.deps, Reply("telegram", "E1", "100000001", "100000001", link[1])
    await linking.take(
        deps.store,
        deps.service.trust.ring,
        deps.directory,
        reply,
        link[1],
        now=house.clock(),
        random=deps.random,
    )
    await deps.refresh()
    assert "100000001" in (await house.get("/settings")).text
    # Nobody else sees it there, nor ends it.
    await house.sign_in("lee")
    page = await house.get("/settings")
    assert "100000001" not in page.text
    gone = {"channel": "telegram", "account": "100000001"}
    await house.post("/settings/accounts/unlink", csrf=_csrf(page.text), **gone)
    assert len(await deps.store.linked()) == 1
    await house.sign_in("dana")
    csrf = _csrf((await house.get("/settings")).text)
    answer = await house.post("/settings/accounts/unlink", csrf=csrf, **gone)
    assert answer.status == 303
    assert "100000001" not in (await house.get("/settings")).text


async def test_a_code_needs_a_channel_and_a_fresh_sign_in(house: Any) -> None:
    await house.sign_in()
    csrf = _csrf((await house.get("/settings")).text)
    assert (await house.post("/settings/accounts", csrf=csrf, channel="slack")).status == 422
    assert (await house.post("/settings/accounts", csrf="x", channel="telegram")).status == 403
    house.clock.now += 5 * MINUTE + 1
    answer = await house.post("/settings/accounts", csrf=csrf, channel="telegram")
    assert answer.status == 403
    assert "CS-" not in answer.text


async def test_law_23_no_secret_is_in_a_repr(house: Any) -> None:
    await house.sign_in()
    case = await house.open()
    assert "b'k" not in repr(house.deps)
    assert house.cookies["countersign"] not in repr(house.deps)
    assert case.id


# Static files


async def test_static_files_may_be_kept_and_are_only_ours(house: Any) -> None:
    page = (await house.get("/login/x")).text
    for address in re.findall(r'"(/static/[^"]+)"', page):
        answer = await house.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("nothing.css", "..%2finbox.py", "%2e%2e/inbox.py"):
        assert (await house.get(f"/static/{name}")).status == 404
