"""E-mail: the mail as it arrives, the links in it, and the page that they open."""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.email.adapter import Email, inert
from approvals import buttons
from approvals.app.channels import SECTIONS, made
from approvals.app.channels import template as load
from approvals.buttons import Key, KeyRing
from approvals.config import load as load_config
from approvals.model import (
    MINUTE,
    Address,
    Busy,
    Choice,
    Fact,
    Kind,
    Outcome,
    Person,
    Refused,
    Status,
)
from approvals.port import Payload
from approvals.store import CardState, Store
from approvals.web.site import HEADERS
from tests.harness import hostile
from tests.harness.channel_contract import CARDS, HOSTILE, ROOT, card
from tests.harness.house import GATEWAY, RING, Place, everything, open_house, proposal, rule
from tests.harness.installation import CONFIGURATION, SECRETS
from tests.harness.samples import card as built
from tests.harness.samples import everywhere
from tests.harness.visitor import OWNED, SITE, TOKEN, Visitor
from tests.peers.email import (
    BODY,
    PASSWORD,
    SENDER,
    SOURCE,
    USER,
    MailServer,
    Page,
    Received,
    certificate,
    make,
)

AWAY: Final = "smtp://127.0.0.1:9"
DANA: Final = Address("email", "dana@example.com", account="dana@example.com")
GOLDEN: Final = ROOT / "tests/fixtures/email/golden"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer() as made:
        yield made


async def sent(server: MailServer, payload: Payload, **more: Any) -> Received:
    await make(server.api, **more).post(DANA, payload, "crd_01K8ZJ3V9Q")
    return server.mails[-1]


# Configuration


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"security": "none", "host": "mail.example.com"}, "this machine only"),
        ({"security": "none", "host": "127.0.0.1.evil.example"}, "this machine only"),
        ({"security": "ssl"}, "starttls"),
        ({"user": "u"}, "go together"),
        ({"password": "p"}, "go together"),
        ({"sender": "nobody"}, "not an address"),
        ({"sender": "A <a@example.com>\r\nBcc: eve@evil.example"}, "not an address"),
        ({"reply_to": "a@b\nX: y"}, "not an address"),
    ],
)
def test_what_cannot_be_safe_is_an_error_at_start(given: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make(AWAY, **given)


def test_the_section_has_the_names_that_the_documentation_has() -> None:
    given = {
        "host": "smtp.example.com",
        "user": "u",
        "password": "p",
        "from": "Countersign <approve@example.com>",
    }
    section = SECTIONS["email"].model_validate(given)
    (channel,) = made({"email": section}, {}).values()
    assert isinstance(channel, Email)
    assert (channel.sender, channel.security, channel.port) == (given["from"], "starttls", 0)
    for wrong in ({"from": "nobody"}, {"security": "none"}, {"user": ""}, {"port": 70000}):
        with pytest.raises(ValueError, match=r"."):
            SECTIONS["email"].model_validate(given | wrong)


@pytest.mark.parametrize(
    ("login", "on"),
    [
        ("", True),
        ("password: '', ", True),
        ("user: u, password: p, ", True),
        ("password: '${SMTP_PASSWORD}', ", False),
        ("user: u, password: '${SMTP_PASSWORD}', ", False),
    ],
)
def test_a_relay_that_wants_no_login_needs_none(tmp_path: Path, login: str, on: bool) -> None:
    path = tmp_path / "countersign.yaml"
    mail = f"channels: {{email: {{{login}host: 127.0.0.1, from: a@example.com}}}}\n"
    ours = 'server:     {public_url: "https://sign.example.org", '
    rest = CONFIGURATION % (8080, "sqlite:///x.db")
    path.write_text(mail + rest.replace("server:     {", ours))
    config = load_config(path, SECRETS, sections=SECTIONS)
    assert ("email" in config.channels, "email" in config.off) == (on, not on)


# The mail


@pytest.mark.parametrize("state", CARDS)
def test_the_golden_mails_are_as_they_were(state: str) -> None:
    path = GOLDEN / f"{state}.json"
    payload = make(AWAY).layout(CARDS[state])
    if os.environ.get("GOLDEN"):
        path.write_text(json.dumps(payload, indent=1, ensure_ascii=False) + "\n")
    assert payload == json.loads(path.read_text())


def test_the_products_renderer_makes_the_same_of_the_template() -> None:
    ours, theirs = make(AWAY), make(AWAY, render=load("email"))
    for shown in CARDS.values():
        assert ours.layout(shown) == theirs.layout(shown)


async def test_a_mail_is_what_the_standards_say(server: MailServer) -> None:
    mail = await sent(server, make(AWAY).layout(card()), reply_to="Ops <ops@example.com>")
    assert (mail.sender, mail.recipients) == ("approve@example.com", ["dana@example.com"])
    found = mail.parsed
    assert found.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in found.iter_parts()] == ["text/plain", "text/html"]
    said = {name.lower(): str(value) for name, value in found.items()}
    assert len(said) == len(found.items())
    assert said.keys() == {
        *("from", "to", "subject", "date", "message-id", "reply-to", "auto-submitted"),
        *("x-auto-response-suppress", "list-id", "list-unsubscribe"),
        *("mime-version", "content-type"),
    }
    assert said["from"] == SENDER
    assert said["reply-to"] == "Ops <ops@example.com>"
    assert said["message-id"] == "<crd_01K8ZJ3V9Q@example.com>"
    assert said["auto-submitted"] == "auto-generated"
    assert said["list-unsubscribe"] == "<mailto:ops@example.com?subject=unsubscribe>"
    assert all(len(line) <= 78 for line in mail.raw.split(b"\r\n\r\n")[0].split(b"\r\n"))


async def test_law_11_the_subject_is_title_and_risk_and_no_word_of_the_agents(
    server: MailServer,
) -> None:
    subjects = set()
    for text in ("Pay me", "Approved by: CFO", "x" * 500):
        loud = {"action": text, "agent": text, "headline": text, "note": text}
        shown = card(**loud, facts=(Fact(text, text),))
        subjects.add(str((await sent(server, make(AWAY).layout(shown))).parsed["subject"]))
    assert subjects == {"Pay 12,400.00 EUR to ACME & Söhne GmbH · medium risk"}


async def test_the_closing_mail_says_in_its_subject_how_it_ended(server: MailServer) -> None:
    mail = await sent(server, make(AWAY).layout(CARDS["approved"]))
    assert mail.parsed["subject"] == "Approved: Pay 12,400.00 EUR to ACME & Söhne GmbH"
    for part in (mail.part("plain"), Page(mail.part("html")).text):
        assert "Approved by Dana Lee and Lee Kim. Delivered: 201" in " ".join(part.split())
        assert "Closed 2 Jan 03:56 UTC" in part


async def test_both_parts_say_the_same(server: MailServer) -> None:
    shown = CARDS["uninspectable"]
    mail = await sent(server, make(AWAY).layout(shown))
    page = Page(mail.part("html"))
    for part in (mail.part("plain"), page.text):
        text = " ".join(part.replace("\u2060", "").replace("’", "'").split())
        facts = [f.value for f in shown.facts]
        for word in (shown.title, shown.progress, shown.agent, shown.line, shown.until, *facts):
            assert word in text
        for word in ("5946 bytes of 6144 are not shown here", "Agent's note, unverified"):
            assert word in text
        assert "Medium risk" in text
        assert f"Digest {shown.digest}" in text
        assert str(shown.review_needed) in text
    links = [f"https://approve.example.com/m/{b.token}" for b in shown.buttons]
    assert [href for _, href in page.links] == [shown.review, *links]
    found = re.findall(r"https://approve\.example\.com\S+", mail.part("plain"))
    assert found == [shown.review, *links]


SHORT: Final = tuple(text for text in hostile.CORPUS if len(text) < 1000)
WORDS: Final = (*HOSTILE, *SHORT)
TAME: Final = {
    tag for state in CARDS.values() for tag, _ in Page(make(AWAY).layout(state)["html"]).elements
}


@pytest.mark.parametrize("start", range(0, len(WORDS), 40))
def test_law_13_hostile_words_everywhere_add_nothing_to_a_mail(start: int) -> None:
    channel, buttons = make(AWAY), card().buttons
    ours = {f"https://x.example/m/{button.token}" for button in buttons} | {"https://x.example/r"}
    for text in WORDS[start : start + 40]:
        for kind in Kind:
            said, request = everywhere(text, kind)
            shown = built(said, request, limits=channel.limits, buttons=buttons)
            payload = channel.layout(shown)
            page = Page(payload["html"])
            assert {tag for tag, _ in page.elements} <= TAME
            assert {href for _, href in page.links} <= ours
            assert len(page.links) == len(shown.buttons) + 1
            body = " ".join(page.texts[page.texts.index(page.style) + 1 :])
            lines = payload["text"].split("\n")
            plain = "\n".join(line for line in lines if "https://x.example/" not in line)
            for seen in (body, plain):
                assert not re.search(r"[A-Za-z]://|\w\.[^\W\d_]|\S@[^\s\u2060]", seen), text
                assert not re.search(r"[\x00-\x08\x0b-\x1f]", seen)
            assert len(lines) - len(plain.split("\n")) == len(page.links)


@pytest.mark.parametrize("start", range(0, len(SHORT), 40))
async def test_law_13_no_words_get_into_a_header_and_all_come_back_as_they_were(
    server: MailServer, start: int
) -> None:
    channel = make(server.api)
    for text in SHORT[start : start + 40]:
        said, request = everywhere(text, Kind.AGENT)
        payload = channel.layout(built(said, request, limits=channel.limits))
        mail = await sent(server, payload)
        found = mail.parsed
        plain, page = (part.get_content() for part in found.iter_parts())
        assert plain.replace("\r\n", "\n") == payload["text"]
        assert page.replace("\r\n", "\n").rstrip("\n") == payload["html"].rstrip("\n")
        assert len(found.keys()) == 11
        assert mail.recipients == ["dana@example.com"]


@pytest.mark.parametrize(
    "account",
    [
        "dana@example.com\r\nBcc: eve@evil.example",
        "dana@example.com\nX: y",
        "dana@example.com, eve@evil.example",
        "dana@example.com>\r\nRCPT TO:<eve@evil.example",
        "Dana <dana@example.com>",
        '"dana smith"@example.com',
        "dana@example.com ",
        "dana@münchen.example",
        "dánа@example.com",
        "dana",
        "@example.com",
        "dana@",
        "a" * 65 + "@example.com",
        "",
    ],
)
async def test_law_13_an_address_that_could_be_more_is_refused(
    server: MailServer, account: str
) -> None:
    channel = make(server.api)
    with pytest.raises(Refused):
        await channel.open(account)
    for made_ in (replace(DANA, conversation=account), DANA):
        key = "crd_1" if made_ is not DANA else f"crd\r\nBcc: {account}"
        with pytest.raises((Refused, ValueError)):
            await channel.post(made_, channel.layout(card()), key)
    assert server.mails == []


async def test_a_shared_mailbox_is_refused(server: MailServer) -> None:
    with pytest.raises(Refused, match="who answers"):
        await make(server.api).post(replace(DANA, account=None), make(AWAY).layout(card()), "c")


def test_the_longest_card_is_sent() -> None:
    channel = make(AWAY)
    for text in ("&", "'", "@", "\u6f22", "a.b", "\U0001f600", "x"):
        many = text * 20_000
        said, request = everywhere(many, Kind.GATEWAY)
        facts = tuple(Fact(many, many) for _ in range(14))
        payload = channel.layout(built(said, replace(request, facts=facts), limits=channel.limits))
        assert len(payload["html"].encode()) < 50_000


def test_without_a_public_address_no_mail_has_buttons() -> None:
    with pytest.raises(Refused, match="public_url"):
        make(AWAY).layout(card(review=None))
    assert "/m/" not in make(AWAY).layout(card(review=None, buttons=()))["html"]


# Templates of an owner's


@pytest.mark.parametrize(
    "more",
    [
        '<img src="https://evil.example/p.png">',
        '<img src="data:image/png;base64,x">',
        "<script>1</script>",
        '<form action="https://evil.example"></form>',
        "<input>",
        "<button>Approve</button>",
        '<a href="https://evil.example">Approve</a>',
        '<a href="{{ card.review }}" onclick="x">a</a>',
        '<a href="{{ links[0][1] }}">Decline</a>',
        '<a href="{{ links[1][1] }}">Approve</a>',
        '<link rel="stylesheet" href="https://evil.example/x.css">',
        '<meta http-equiv="refresh" content="0;url=https://evil.example">',
        '<base href="https://evil.example">',
        '<p style="background:url(https://evil.example/x)">a</p>',
        '<p style="background:\\75rl(x)">a</p>',
        "<style>@import 'https://evil.example/x.css';</style>",
        '<td background="https://evil.example/x">a</td>',
        "<iframe></iframe>",
        "<svg></svg>",
        "<!--[if mso]><img src=x><![endif]-->",
        "<![if mso]>",
        "<?xml?>",
        "<!entity x>",
    ],
)
def test_law_08_a_template_that_fetches_runs_or_asks_is_refused(more: str) -> None:
    assert SOURCE.count(BODY) == 1
    from approvals.cards import renderer

    changed = renderer("email.html.j2", SOURCE.replace(BODY, more + BODY))
    with pytest.raises(Refused):
        make(AWAY, render=changed).layout(card())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ('class="facts" role', 'class="facts" style="display:none" role'),
        (":root {", ".facts { DISPLAY : none } :root {"),
        ('class="value" valign="top" style="', 'class="value" valign="top" style="font-size:0px;'),
        ('class="value" valign="top" style="', 'class="value" valign="top" style="opacity:0;'),
        ('class="value" valign="top" style="', 'class="value" style="height:0;overflow:hidden;'),
        ('class="value" valign="top" style="', 'class="value" style="color:transparent;'),
    ],
)
def test_law_14_a_template_whose_styles_hide_is_refused(ours: str, theirs: str) -> None:
    from approvals.cards import renderer

    assert ours in SOURCE
    changed = renderer("email.html.j2", SOURCE.replace(ours, theirs, 1))
    with pytest.raises(Refused, match="hides"):
        make(AWAY, render=changed).layout(card())


def test_a_template_may_have_styles_that_hide_nothing() -> None:
    from approvals.cards import renderer

    ours = 'class="value" valign="top" style="'
    style = "background:transparent;overflow:hidden;opacity:0.9;font-size:0.9em;border-width:0;"
    changed = renderer("email.html.j2", SOURCE.replace(ours, ours + style, 1))
    assert "/m/" in make(AWAY, render=changed).layout(card())["html"]


def test_a_template_that_leaves_a_button_out_is_refused() -> None:
    from approvals.cards import renderer

    changed = renderer("email.html.j2", SOURCE.replace("in links %}", "in links[1:] %}"))
    with pytest.raises(Refused, match="other buttons"):
        make(AWAY, render=changed).layout(card())


# The server


@pytest.mark.parametrize(
    ("stage", "answer", "error"),
    [
        ("RCPT", "550 5.1.1 No such user", Refused),
        ("RCPT", "552 5.2.2 Mailbox full", Refused),
        ("DATA", "554 5.6.0 Message refused", Refused),
        ("RCPT", "450 4.2.1 Greylisted", Busy),
        ("RCPT", "452 4.5.3 Too many recipients", Busy),
        ("DATA", "451 4.3.0 Later", Busy),
        ("MAIL", "421 4.3.2 Closing", Busy),
        ("MAIL", "550 5.7.1 Sender not allowed", Busy),
        ("MAIL", "530 5.7.0 Authentication required", Busy),
        ("RCPT", "554 5.7.1 Relay access denied", Busy),
        ("RCPT", "530 5.7.0 Authentication required", Busy),
    ],
)
async def test_law_26_what_the_server_says_is_told_apart(
    server: MailServer, caplog: pytest.LogCaptureFixture, stage: str, answer: str, error: type
) -> None:
    channel = make(server.api)
    server.refuse(stage, answer)
    with pytest.raises((Busy, Refused)) as caught:
        await channel.post(DANA, channel.layout(card()), "crd_1")
    assert type(caught.value) is error
    assert answer.split(maxsplit=1)[0] in str(caught.value)
    ours = error is Busy and answer.startswith("5")
    assert ("platform_refused_app" in caplog.text) == ours
    assert (await channel.post(DANA, channel.layout(card()), "crd_2")).message


async def test_a_login_is_given_and_a_refused_one_is_our_own_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with MailServer(login=True) as server:
        good = make(server.api, user=USER, password=PASSWORD)
        await good.post(DANA, good.layout(card()), "crd_1")
        assert server.logins == [True]
        assert [(f.ok, f.detail) for f in await good.check()] == [(True, "none, login countersign")]
        bad = make(server.api, user=USER, password="wrong-password")
        with pytest.raises(Busy):
            await bad.post(DANA, bad.layout(card()), "crd_2")
        assert not (await bad.check())[0].ok
        without = make(server.api)
        with pytest.raises(Busy):
            await without.post(DANA, without.layout(card()), "crd_3")
    assert len(server.mails) == 1
    assert "platform_refused_app" in caplog.text
    assert "wrong-password" not in caplog.text


@pytest.mark.parametrize("implicit", [False, True])
async def test_mail_goes_over_tls_to_a_server_that_can_prove_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, implicit: bool
) -> None:
    security = "tls" if implicit else "starttls"
    tls = certificate(tmp_path)
    async with MailServer(login=True, tls=tls, implicit=implicit) as server:
        unknown = make(server.api, security=security, user=USER, password=PASSWORD)
        with pytest.raises(Busy):
            await unknown.post(DANA, unknown.layout(card()), "crd_1")
        assert (server.logins, server.mails) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        known = make(server.api, security=security, user=USER, password=PASSWORD)
        await known.post(DANA, known.layout(card()), "crd_1")
        assert (server.logins, len(server.mails)) == ([True], 1)
        # By another name than the certificate has: nobody knows who that is.
        other = make(server.api, security=security, host="localhost", user=USER, password=PASSWORD)
        with pytest.raises(Busy):
            await other.post(DANA, other.layout(card()), "crd_1")


async def test_law_23_without_starttls_neither_login_nor_mail_leaves() -> None:
    async with MailServer(login=True) as server:
        channel = make(server.api, security="starttls", user=USER, password=PASSWORD)
        with pytest.raises(Busy):
            await channel.post(DANA, channel.layout(card()), "crd_1")
    assert (server.logins, server.mails) == ([], [])


# A house that writes mails

PEOPLE: Final = (
    Person("dana", "dana@example.com"),
    Person("lee", "lee@example.com"),
    Person("kim", "Kim@Example.com"),
)


@dataclass
class Letters:
    """A house and the mail server that it writes to."""

    place: Place
    server: MailServer

    def browser(self) -> Visitor:
        return Visitor(self.place)

    def to(self, account: str) -> list[Received]:
        return [mail for mail in self.server.mails if mail.recipients == [account]]

    def links(self, mail: Received) -> dict[str, str]:
        """Path by label, read from the HTML part by a standard parser."""
        page = Page(mail.part("html"))
        return {label: href.removeprefix(SITE.origin) for label, href in page.links}

    async def asked(
        self, action: str = "mail.send", account: str = "dana@example.com", **more: Any
    ) -> tuple[Any, dict[str, str]]:
        """A new request, and the links of the mail about it."""
        request = await self.place.opened(action, **more)
        await self.place.carried()
        return request, self.links(self.to(account)[-1])


@asynccontextmanager
async def letters(store: Store, **more: Any) -> AsyncIterator[Letters]:
    async with MailServer() as server:
        channel = make(server.api)
        async with open_house(
            store,
            desks=[channel],
            people=PEOPLE,
            rules=OWNED,
            site=SITE,
            review_url=lambda case_id: f"{SITE.origin}/requests/{case_id}",
            **more,
        ) as place:
            yield Letters(place, server)


@pytest.fixture
async def house(store: Store) -> AsyncIterator[Letters]:
    async with letters(store) as made:
        yield made


@pytest.fixture
async def small(sqlite_database: str) -> AsyncIterator[Letters]:
    store = await Store.connect(sqlite_database)
    async with letters(store) as made:
        yield made
    await store.close()


async def test_a_request_is_approved_by_mail_from_end_to_end(house: Letters) -> None:
    request, links = await house.asked(http=HELD)
    assert set(links) == {"Approve", "Decline", "Details"}
    before = await everything_but_times(house)
    for _ in range(50):
        page = await house.browser().get(links["Approve"])
        assert page.status == 200
    assert await everything_but_times(house) == before
    browser = house.browser()
    page = await browser.get(links["Approve"])
    for word in ("acme &amp; sons", "api.example.com", "dana@example.com", request["digest"]):
        assert word in page.text
    answer = await browser.press(links["Approve"])
    assert answer.status == 200
    assert "<h1>Approved</h1>" in answer.text
    case = await house.place.case(request["id"])
    assert (case.status, case.votes[0].person, case.votes[0].channel) == (
        Status.APPROVED,
        "dana",
        "email",
    )
    await house.place.carried()
    first, closing = house.to("dana@example.com")
    assert closing.parsed["in-reply-to"] == first.parsed["message-id"]
    assert closing.parsed["references"] == first.parsed["message-id"]
    assert closing.parsed["message-id"] != first.parsed["message-id"]
    assert closing.parsed["subject"] == "Approved: POST api.example.com/pay"
    assert "Approved by dana" in closing.part("plain")
    assert "/m/" not in closing.part("plain") + closing.part("html")
    after = await browser.get(links["Approve"])
    assert (after.status, after.forms) == (200, {})
    assert "Approved by dana" in after.text


HELD: Final = {
    "method": "POST",
    "url": "https://api.example.com/pay?to=acme",
    "headers": {"content-type": "text/plain"},
    "body": b64encode(b"pay acme & sons").decode(),
}


async def everything_but_times(small: Letters) -> list[Any]:
    """All that is stored about cases, votes, cards, buttons, effects, and the audit trail."""
    store = small.place.store
    cases = await store.page(status=None, closed=False, audiences=None, before=None, limit=100)
    return [
        cases,
        await store.cards_of(*(case.id for case in cases)),
        await small.place.sealed(),
        await store.counts(),
        len(small.server.mails),
    ]


async def test_law_08_a_scanner_that_follows_every_link_decides_nothing(house: Letters) -> None:
    _, links = await house.asked()
    before = await everything_but_times(house)
    for method in ("GET", "HEAD", "OPTIONS", "GET", "PUT", "DELETE", "PATCH"):
        for path in (*links.values(), f"{links['Approve']}?x=1", f"{links['Approve']}#approve"):
            answer = await house.browser().ask(method, path)
            assert answer.status in (200, 401, 404, 405)
    assert await everything_but_times(house) == before


async def test_law_08_the_page_is_kept_framed_and_indexed_by_nobody(small: Letters) -> None:
    _, links = await small.asked()
    for path in (links["Approve"], "/m/" + "x" * 20):
        page = await small.browser().get(path)
        assert {name: page.headers.get(name) for name in HEADERS} == HEADERS
        for outside in re.findall(r'(?:src|href|action)="([^"]+)"', page.text):
            assert outside.startswith(("/", "#"))
        assert "autofocus" not in page.text
    page = await small.browser().get(links["Approve"])
    assert re.search(
        rf'<form class="approve"[^>]* action="{links["Approve"]}"[^>]* data-arm', page.text
    )
    cookie = page.headers["Set-Cookie"]
    assert "SameSite=Strict" in cookie
    assert "HttpOnly" in cookie


async def test_law_08_a_high_risk_link_asks_for_a_sign_in(small: Letters) -> None:
    request, links = await small.asked("high.pay")
    assert set(links) == {"Review and approve…", "Decline"}
    assert links["Review and approve…"] == f"/requests/{request['id']}"
    page = await small.browser().get(links["Decline"])
    assert list(page.forms) == [links["Decline"]]
    assert "Sign in to approve" in page.text
    assert f'href="/requests/{request["id"]}"' in page.text
    assert (await small.browser().get(links["Review and approve…"])).status == 401
    assert "never by a tap" in page.text
    # With the fields of the one form the other choice cannot be made.
    browser = small.browser()
    fields = (await browser.get(links["Decline"])).forms[links["Decline"]]
    answer = await browser.post(links["Decline"], {**fields, "choice": "approve"})
    assert "Declined" in answer.text
    assert (await small.place.case(request["id"])).status is Status.DECLINED


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
        {"X": "y"},
    ],
)
async def test_law_08_a_form_of_another_site_decides_nothing(
    small: Letters, headers: dict[str, str]
) -> None:
    request, links = await small.asked()
    browser = small.browser()
    fields = (await browser.get(links["Approve"])).forms[links["Approve"]]
    assert (await browser.post(links["Approve"], fields, **headers)).status == 403
    assert (await small.place.case(request["id"])).votes == ()


async def test_law_08_a_form_without_the_proof_of_this_browser_decides_nothing(
    small: Letters,
) -> None:
    request, links = await small.asked()
    _, others = await small.asked("low.other")
    path = links["Approve"]
    browser, stranger = small.browser(), small.browser()
    fields = (await browser.get(path)).forms[path]
    others_fields = (await browser.get(others["Approve"])).forms[others["Approve"]]
    await stranger.get(path)
    wrong: list[tuple[Visitor, dict[str, str]]] = [
        (browser, {}),
        (browser, {"press": fields["press"]}),
        (browser, {**fields, "csrf": ""}),
        (browser, {**fields, "csrf": fields["csrf"][:-1] + "x"}),
        (browser, {**fields, "csrf": "é"}),
        (browser, {**fields, "press": "0" * 32}),
        (browser, others_fields),
        (stranger, fields),
        (small.browser(), fields),
    ]
    for who, form in wrong:
        answer = await who.post(path, form)
        assert (answer.status, "Open the page again" in answer.text) == (403, True)
    for name in list(browser.cookies):
        for value in ("", "x", "é" * 43, "x" * 43):
            spoilt = replace(browser, cookies={name: value})
            assert (await spoilt.post(path, fields)).status == 403
    assert (await small.place.case(request["id"])).votes == ()
    assert (await browser.post(path, fields)).status == 200


async def test_law_06_a_link_that_is_not_ours_opens_one_page_without_a_hint(
    small: Letters,
) -> None:
    request, links = await small.asked()
    token = links["Approve"].removeprefix("/m/")
    pages = set()
    swapped = ("A" if token[0] != "A" else "B") + token[1:]
    for wrong in (
        swapped,
        token[:-1],
        token + "A",
        token[::-1],
        "x",
        "%00",
        "é",
        "." * 20,
        "-" * 20,
    ):
        for method in ("GET", "POST"):
            browser = small.browser()
            own = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
            form = {"press": "0" * 32, "csrf": "x"} if method == "POST" else None
            answer = await browser.ask(method, f"/m/{wrong}", form, **own)
            assert answer.status == 404
            assert browser.cookies == {}
            pages.add(answer.text)
    assert len(pages) == 1
    assert (await small.place.case(request["id"])).votes == ()


async def test_law_06_the_links_of_a_revoked_key_open_nothing(small: Letters) -> None:
    _, links = await small.asked()
    browser = small.browser()
    assert (await browser.get(links["Approve"])).status == 200
    service = small.place.house.service
    new = Key("k2", b"2" * 32)
    service.trust = replace(service.trust, ring=KeyRing({"k2": new}, "k2"))
    assert (await browser.get(links["Approve"])).status == 404


async def test_law_06_a_button_of_another_channel_opens_nothing(store: Store) -> None:
    from tests.harness.house import Desk

    desk = Desk()
    async with MailServer() as server:
        people = (Person("dana", "dana@example.com", {"desk": "U-dana"}),)
        async with open_house(
            store, desks=[desk, make(server.api)], people=people, site=SITE,
            review_url=lambda case_id: f"{SITE.origin}/requests/{case_id}",
        ) as place:  # fmt: skip
            request = await place.opened()
            token = (await place.card(request, "U-dana")).token()
            assert (await Visitor(place).get(f"/m/{token}")).status == 404
            mail = re.search(TOKEN, server.mails[0].part("plain"))
            assert mail is not None
            assert (await Visitor(place).get(mail[0])).status == 200
            # Nor does a link's token do anything at the desk.
            tap = desk.press(desk.messages[-1], token=mail[1])
            assert (await place.tap(tap))[1]["kind"] == "refused"
            assert (await place.case(request["id"])).votes == ()


async def test_law_27_guessing_links_is_slowed_down_and_real_ones_are_not(small: Letters) -> None:
    _, links = await small.asked()
    browser = small.browser()
    answers = [await browser.get(f"/m/{n:020}") for n in range(120)]
    assert [a.status for a in answers].count(404) == 100
    assert answers[-1].status == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert (await browser.get(links["Approve"])).status == 200
    assert "<h1>Approved</h1>" in (await browser.press(links["Approve"])).text


async def test_law_04_a_second_press_is_told_of_the_first(house: Letters) -> None:
    request, links = await house.asked()
    browser, late = house.browser(), house.browser()
    path = links["Approve"]
    fields = (await browser.get(path)).forms[path]
    other = (await late.get(path)).forms[links["Decline"]]
    assert (await browser.post(path, fields)).status == 200
    again = await browser.post(path, fields)  # the page was loaded again
    assert (again.status, "This was counted already." in again.text) == (409, True)
    after = await late.post(links["Decline"], other)
    assert (after.status, "Approved by dana" in after.text) == (409, True)
    case = await house.place.case(request["id"])
    assert (case.status, len(case.votes)) == (Status.APPROVED, 1)


async def test_law_03_a_late_press_says_expired_and_never_approved(small: Letters) -> None:
    request, links = await small.asked()
    browser = small.browser()
    path = links["Approve"]
    fields = (await browser.get(path)).forms[path]
    small.place.clock.turn(15 * MINUTE)
    page = await small.browser().get(path)
    assert (page.status, page.forms) == (200, {})
    assert "Expired. Nothing was run." in page.text
    answer = await browser.post(path, fields)
    assert (answer.status, "Expired. Nothing was run." in answer.text) == (409, True)
    assert "Approved" not in answer.text
    assert (await small.place.case(request["id"])).votes == ()
    await small.place.carried()
    assert "Expired. Nothing was run." in small.to("dana@example.com")[-1].part("plain")


async def test_law_20_two_seats_are_two_mailboxes_and_one_closing_mail_each(
    small: Letters,
) -> None:
    request, links = await small.asked("two.pay")
    lees = small.links(small.to("lee@example.com")[-1])
    assert not set(links.values()) & set(lees.values()) - {links["Details"]}
    answer = await small.browser().press(links["Approve"])
    assert "Your approval counts" in answer.text
    await small.place.carried()
    assert len(small.server.mails) == 2
    page = await small.browser().get(links["Approve"])
    assert "You approved this. It waits for others." in page.text
    assert links["Approve"] not in page.forms
    assert "<h1>Approved</h1>" in (await small.browser().press(lees["Approve"])).text
    await small.place.carried()
    assert len(small.server.mails) == 4
    service = small.place.house.service
    await service.report(GATEWAY, request["id"], Outcome(True, small.place.clock(), 201))
    await small.place.carried()
    assert len(small.server.mails) == 4


async def test_a_revised_request_closes_its_mail_once_and_sends_another(small: Letters) -> None:
    request, old = await small.asked()
    browser = small.browser()
    fields = (await browser.get(old["Approve"])).forms[old["Approve"]]
    service = small.place.house.service
    await service.revise(GATEWAY, request["id"], proposal(payload='{"to":"eve"}'))
    await small.place.carried()
    mails = small.to("dana@example.com")
    assert [m.parsed["in-reply-to"] is None for m in mails].count(False) == 1
    new = next(links for m in mails if (links := small.links(m)).get("Approve") != old["Approve"]
               and "Approve" in links)  # fmt: skip
    for answer in (await browser.get(old["Approve"]), await browser.post(old["Approve"], fields)):
        assert (answer.status, "This request has changed" in answer.text) == (409, True)
        assert "eve" not in answer.text
    assert (await small.place.case(request["id"])).votes == ()
    assert "<h1>Approved</h1>" in (await small.browser().press(new["Approve"])).text
    await small.place.carried()
    replies = [m.parsed["in-reply-to"] for m in small.to("dana@example.com")]
    assert len(replies) == 4
    assert len({r for r in replies if r}) == 2


async def test_a_reason_is_carried(small: Letters) -> None:
    request, links = await small.asked()
    path = links["Decline"]
    browser = small.browser()
    fields = (await browser.get(path)).forms[path]
    assert (await browser.post(path, {**fields, "reason": "x" * 1001})).status == 413
    await browser.post(path, {**fields, "reason": "  Not now.\r\nAsk kim. "})
    case = await small.place.case(request["id"])
    assert (case.status, case.reason) == (Status.DECLINED, "Not now.\nAsk kim.")


async def test_law_02_a_mailbox_that_is_nobodys_any_more_decides_nothing(small: Letters) -> None:
    request, links = await small.asked()
    browser = small.browser()
    fields = (await browser.get(links["Approve"])).forms[links["Approve"]]
    service = small.place.house.service
    directory = type(service.trust.directory)
    gone = directory([p for p in PEOPLE if p.id != "dana"], {"default": frozenset({"kim"})})
    for changed in (
        gone,
        directory(PEOPLE, {"default": frozenset({"kim"})}),
    ):
        service.trust = replace(service.trust, directory=changed)
        for answer in (
            await browser.get(links["Approve"]),
            await browser.post(links["Approve"], fields),
        ):
            assert (answer.status, "may not decide here" in answer.text) == (403, True)
            assert request["id"] not in answer.text
    assert (await small.place.case(request["id"])).votes == ()


async def test_law_02_four_eyes_hold_on_the_page_of_a_mail(store: Store) -> None:
    eyes = rule("eyes", four_eyes=True)
    async with letters(store) as house:
        trust = house.place.house.service.trust
        policy = type(trust.policy).of([eyes], trust.policy.groups)
        house.place.house.service.trust = replace(trust, policy=policy)
        body: dict[str, Any] = {"agent": {"id": "bot"}, "note": "please"}
        request, links = await house.asked("eyes.pay", key="csr_scripts", **body)
        page = await house.browser().get(links["Approve"])
        assert list(page.forms) == [links["Decline"]]
        assert "somebody else must approve" in page.text
        assert (await house.place.case(request["id"])).votes == ()


async def test_law_07_a_mail_whose_sending_was_not_confirmed_decides_nothing(
    house: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.server.refuse("DATA", "451 4.3.0 Later")
    outbox, tails = house.place.house.outbox, list[str]()
    made = outbox._random

    def remembered(count: int) -> bytes:
        tails.append(urlsafe_b64encode(one := made(count)).decode())
        return one

    monkeypatch.setattr(outbox, "_random", remembered)
    request = await house.place.opened()
    await house.place.carried()
    cards = await house.place.store.cards_of(request["id"])
    (lost,) = [one for one in cards if one.state is CardState.FAILED]
    house.place.clock.turn(10 * MINUTE)
    await house.place.carried()
    assert len(house.to(str(lost.account))) == 1
    # Had it arrived all the same: its token as only the server that wrote it knew it.
    stored = await house.place.store.buttons_of(lost.id)
    tokens = [f"{buttons.token_of(RING, one)}{tail}" for one in stored for tail in tails]
    token = next(
        one for one in tokens for button in stored
        if button.lookup == buttons.lookup(one) and button.binding.choice is Choice.APPROVE
    )  # fmt: skip
    answer = await house.browser().press(f"/m/{token}")
    assert (answer.status, "There is a newer card" in answer.text) == (403, True)
    assert (await house.place.case(request["id"])).votes == ()
    await house.place.carried()
    assert len(house.to(str(lost.account))) == 1, "the mail that was sent after it is the fresh one"


async def test_law_31_a_copy_of_the_database_and_the_button_key_make_no_link(
    house: Letters,
) -> None:
    request = await house.place.opened()
    await house.place.carried()
    cards = await house.place.store.cards_of(request["id"])
    for sent in (one for one in cards if one.state is CardState.POSTED):
        mine = house.to(str(sent.account))[0]
        links = list(house.links(mine).values())
        found = re.search(TOKEN, links[0])
        assert found is not None
        tail = found[1][buttons.LENGTH :]
        stored = await house.place.store.buttons_of(sent.id)
        everything_kept = repr([sent, *stored]) + repr([one.lookup.hex() for one in stored])
        assert tail not in everything_kept
        for one in stored:
            begun = buttons.token_of(RING, one)
            for guess in ("", tail[::-1], "A" * 20, urlsafe_b64encode(one.nonce[:15]).decode()):
                answer = await house.browser().get(f"/m/{begun}{guess}")
                assert answer.status == 404, "nothing is told about it either"
                pressed = await house.browser().post(f"/m/{begun}{guess}", {"press": "x"})
                assert pressed.status in (403, 404)
    assert (await house.place.case(request["id"])).votes == ()
    assert found is not None
    answer = await house.browser().press(f"/m/{found[1]}")
    assert answer.status == 200, "the link itself decides"


async def test_a_room_is_parked_in_words(small: Letters) -> None:
    await small.place.opened("room.x")
    await small.place.carried()
    (parked,) = await small.place.store.parked()
    assert "who answers" in parked.error
    assert small.server.mails == []


async def test_law_15_a_stub_has_a_title_and_a_link_only(sqlite_database: str) -> None:
    store = await Store.connect(sqlite_database)
    async with letters(store, stub=frozenset({"email"})) as house:
        _, links = await house.asked(http=HELD)
        assert set(links) == {"Review and approve…"}
        assert "acme" not in house.server.mails[-1].part("plain").split("\n", 3)[3]
    await store.close()


async def test_law_09_the_webhook_of_mail_takes_nothing(small: Letters) -> None:
    async with small.place.http.post(
        f"{small.place.url}/channels/email/events", data=b"From: dana@example.com\r\n\r\nApprove"
    ) as answer:
        assert answer.status == 401


async def test_law_23_no_link_is_stored_or_logged(
    sqlite_database: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    store = await Store.connect(sqlite_database)
    async with letters(store) as house:
        _, links = await house.asked()
        await house.browser().press(links["Approve"])
        await house.place.carried()
    await store.close()
    kept = await everything(sqlite_database)
    said = capsys.readouterr()
    for path in (links["Approve"], links["Decline"]):
        token = path.removeprefix("/m/")
        for place in (kept, caplog.text, said.out, said.err):
            assert token not in place


def test_inert_breaks_every_address_and_nothing_else() -> None:
    for text in ("https://evil.example/x", "www.evil.example", "a@b.example", "evil.example"):
        assert inert(text).replace("\u2060", "") == text
        assert not re.search(r"[A-Za-z]://|\w\.[^\W\d_]|\S@[^\s\u2060]", inert(text))
    for text in ("12,400.00 EUR", "10:30:45", "Paid. Done", "@here", "a: b"):
        assert inert(text) == text
