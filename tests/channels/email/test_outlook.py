"""Outlook's cards in mails: whose presses count, and that nobody's words are more than words."""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from html import unescape
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from markdown_it import MarkdownIt

from adapters.email.adapter import inert
from adapters.email.outlook import SIZE, escape
from approvals.app.channels import SECTIONS, made
from approvals.model import Busy, Fact, Forged, Kind, Person, Refused, Risk, Status
from approvals.port import Notice, NoticeKind, Resolved, Tap
from approvals.store import Store
from approvals.web.site import Site
from tests.harness import hostile
from tests.harness.channel_contract import CARDS, HOSTILE, NOW, card
from tests.harness.house import Place, open_house, rule
from tests.harness.samples import card as built
from tests.harness.samples import everywhere
from tests.harness.visitor import Seen
from tests.peers.email import BODY as ABOVE
from tests.peers.email import SOURCE, MailServer, Page
from tests.peers.outlook import (
    ACTIONS,
    APP,
    BODY,
    DANA,
    KEY,
    PROVIDER,
    STRANGE,
    TENANT,
    Entra,
    card_in,
    delivery,
    make,
    posted,
    press,
    shown,
    texts,
    token,
)
from tests.peers.teams import SigningKey

AWAY: Final = "smtp://127.0.0.1:9"
SITE: Final = Site.at("https://approve.example.com", "k3v9")


def forged(bearer: str, at: int = NOW) -> None:
    with pytest.raises(Forged):
        make(AWAY).authenticate(delivery(BODY, at, bearer))


# Whose tokens count


@pytest.mark.parametrize(
    "claims",
    [
        # What Outlook sent until June 2026, and what other kinds of Entra's tokens have.
        {"iss": "https://substrate.office.com/sts/", "aud": "https://approve.example.com"},
        {"iss": "https://substrate.office.com/sts/"},
        {"iss": f"https://sts.windows.net/{TENANT}/"},
        {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0/"},
        {"iss": "https://login.microsoftonline.com/common/v2.0"},
        {"iss": None},
        {"aud": "https://approve.example.com"},
        {"aud": f"api://auth-am-{PROVIDER}/{APP}"},
        {"aud": [APP]},
        {"aud": None},
        # Of the same tenant, for us, and given to another program than Outlook.
        {"azp": APP},
        {"azp": None},
        {"azp": None, "appid": ACTIONS},
        {"azp": [ACTIONS]},
        {"tid": APP},
        {"tid": None},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": float("nan")},
        {"exp": NOW // 1000 - 301},
        {"nbf": NOW // 1000 + 301},
    ],
    ids=str,
)
def test_law_09_a_token_that_lacks_one_thing_is_forged(claims: dict[str, Any]) -> None:
    forged(token(NOW, **claims))


def test_law_09_only_rs256_by_a_key_of_entras_counts() -> None:
    forged(token(NOW, key=STRANGE))
    forged(token(NOW, key=SigningKey("of-my-own")))
    said = jwt.decode(token(NOW), options={"verify_signature": False})
    for alg in ("RS384", "PS256"):
        forged(jwt.encode(said, KEY.private, alg, {"kid": KEY.kid}))
    _, claims, proof = token(NOW).split(".")
    public = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for alg in ("HS256", "none"):
        text = json.dumps({"alg": alg, "kid": KEY.kid}).encode()
        head = urlsafe_b64encode(text).decode().rstrip("=")
        mac = hmac.digest(public, f"{head}.{claims}".encode(), "sha256")
        for end in ("", proof, urlsafe_b64encode(mac).decode().rstrip("=")):
            forged(f"{head}.{claims}.{end}")


def test_law_09_off_every_token_is_forged() -> None:
    from tests.peers.email import make as plain

    with pytest.raises(Forged):
        plain(AWAY).authenticate(delivery(BODY))


def read(body: str, bearer: str | None = None) -> Tap:
    channel = make(AWAY)
    tap = channel.read(Resolved.of(channel.authenticate(delivery(body, NOW, bearer))))
    assert isinstance(tap, Tap)
    return tap


def test_a_press_is_of_the_mailbox_that_the_token_names() -> None:
    tap = read(BODY)
    assert (tap.account, tap.conversation, tap.token) == (DANA, DANA, "Q" * 20)
    assert (tap.message, tap.reason) == ("<crd_01K8ZJ3V9Q@example.com>", None)
    # A mailbox is one however it is spelled, and as we spell it ourselves.
    odd = read(BODY.replace(DANA, "Dana@Example.com"), token(NOW, "DANA@example.COM"))
    assert (odd.account, odd.conversation) == ("Dana@Example.com", "Dana@Example.com")
    # Whatever the body says: who pressed is who the token names.
    other = read(BODY, token(NOW, "Eve@Example.com"))
    assert (other.account, other.conversation) == ("eve@example.com", "eve@example.com")


@pytest.mark.parametrize("claims", [{"idp": "live.com"}, {"acct": 1}], ids=str)
def test_law_02_a_guest_is_a_stranger(claims: dict[str, Any]) -> None:
    assert read(BODY, token(NOW, **claims)).stranger == "a guest"
    assert read(BODY, token(NOW, acct=0)).stranger is None


def test_a_reason_is_whatever_was_typed() -> None:
    for typed in ('He said "no".', "a\nb\r\n{{reason.value}}", "\\n & <b> é 漢", "  x  "):
        assert read(f"{BODY}\n{typed}").reason == typed.strip()
    assert read(f"{BODY}\n  ").reason is None


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_what_outlook_is_told_is_one_line_of_ascii(kind: NoticeKind) -> None:
    answer = make(AWAY).answer(read(BODY), Notice(kind, "Bereits abgelehnt:\r\nX-Evil: é *b*"))
    assert answer is not None
    said = answer.headers["CARD-ACTION-STATUS"]
    assert said == "Bereits abgelehnt: X-Evil: ? *b*"
    over = kind in (NoticeKind.COUNTED, NoticeKind.CLOSED)
    assert answer.status == (200 if over else 403)
    assert answer.headers.get("CARD-UPDATE-IN-BODY") == ("true" if over else None)
    if over:
        new = json.loads(answer.body)
        assert (new["originator"], new["actions"]) == (PROVIDER, [])
        assert texts(new)[0] == r"Bereits abgelehnt: X\-Evil: é \*b\*"


# What is shown


def native(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = make(AWAY).layout(card(**changes))["native"]
    return found


def drawn(text: str) -> str:
    """What CommonMark makes of it: words alone, in one paragraph; anything else is an error."""
    parts = MarkdownIt("commonmark").parse(text)
    assert [it.type for it in parts] == ["paragraph_open", "inline", "paragraph_close"], text
    inline = parts[1].children or []
    assert {it.type for it in inline} <= {"text", "text_special"}, text
    return "".join(it.content for it in inline).replace("\xa0", " ").replace("\u200b", "")


def bare(text: str) -> str:
    """Without the joiners that break addresses and keep blanks."""
    return text.replace("\u2060", "")


@pytest.mark.parametrize("start", range(0, len(hostile.CORPUS), 80))
def test_law_13_hostile_words_are_words_on_a_card(start: int) -> None:
    channel, buttons = make(AWAY), card().buttons
    seen = 0
    for text in (*HOSTILE, *hostile.CORPUS[start : start + 80]):
        said, request = everywhere(text, Kind.AGENT)
        view = built(said, request, limits=channel.limits, buttons=buttons)
        view = replace(view, review="https://x.example/r")
        found = channel.layout(view).get("native")
        if found is None:
            continue
        seen += 1
        lines = [drawn(line) for line in texts(found)]
        words = [view.title, view.line, *(x for f in view.facts for x in f.value.split("\n"))]
        assert {*map(bare, words)} <= {*map(bare, lines)}
        labels: list[str] = [*(button.label for button in view.buttons)]
        labels = ["Review and approve…", *labels] if view.review_needed else [*labels, "Details"]
        assert [action["title"] for action in found["actions"]] == labels
        for line in lines:
            assert not re.search(r"[A-Za-z]://|\w\.[^\W\d_]|\S@[^\s\u2060]", line), text
    assert seen > 30


@pytest.mark.parametrize(
    "text",
    [
        "    indented code",
        "{{DATE(2017-02-14T06:08:00Z, SHORT)}}",
        "1. one",
        "- a",
        "# head",
        "> quote",
        "a  b",
        "&nbsp;&lt;b&gt;&#35;",
        "<b>x</b>",
        "[a](https://evil.example)",
        "![a](b)",
        "`x` ~~~ ***",
        "a\\*b",
        "===",
        "| a | b |",
    ],
)
def test_law_13_a_line_is_shown_as_it_is(text: str) -> None:
    assert bare(drawn(escape(text))) == text
    assert "{{" not in escape(text)


async def test_law_13_no_word_ends_the_element_that_the_card_stands_in() -> None:
    evil = "</script><script>alert(1)</script><!-- <script> ]]>"
    plain = card(note=None)
    mail = await posted(make(AWAY).layout(replace(plain, title=evil, payload=evil)))
    html = mail.part("html")
    assert html.count("<script") == 1
    assert html.index("<script") < html.index("</head>")
    assert inert(evil) in [drawn(line) for line in texts(shown(mail))]
    # Without it, it is the mail that everybody else gets.
    rest = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    others = make(AWAY).layout(replace(plain, title=evil, payload=evil))["html"]
    assert rest.replace("\r\n", "\n").strip() == others.strip()


async def test_a_card_says_what_its_mail_says_and_its_presses_hold_a_token_alone() -> None:
    view = CARDS["uninspectable"]
    mail = await posted(make(AWAY).layout(view))
    found = shown(mail)
    said = [drawn(line) for line in texts(found)]
    page = unescape(mail.part("html"))
    for word in (view.title, view.line, view.review_needed):
        assert inert(str(word)) in said
    assert "… 5946 bytes of 6144 are not shown here …" in said
    for line in said:
        for part in re.split(" · |Agent's", line):
            assert part.strip() in page or part == "Agent's note, unverified"
    assert {name: found[name] for name in ("version", "originator", "hideOriginalBody")} == {
        **{"version": "1.0", "originator": PROVIDER, "hideOriginalBody": True}
    }
    titles = {action["title"]: action for action in found["actions"]}
    assert list(titles) == ["Review and approve…", "Decline", "Decline with reason"]
    assert titles["Review and approve…"]["url"] == view.review
    assert titles["Decline"]["url"] == "https://approve.example.com/channels/email/events"
    assert press(found, "Decline", "no") == f"{'R' * 20} crd_01K8ZJ3V9Q {DANA}\nno"


@pytest.mark.parametrize("state", [s for s, one in CARDS.items() if not one.buttons])
def test_a_closed_case_has_no_card(state: str) -> None:
    assert "native" not in make(AWAY).layout(CARDS[state])


def test_what_outlook_could_not_show_or_reach_has_links_only() -> None:
    assert "native" not in make(AWAY).layout(card(review="http://k3v9.localhost:8080/r/x"))
    long = make(AWAY).layout(card(payload="*\n" * 600))
    assert ("native" in long, "<pre" in long["html"]) == (False, True)
    assert len(json.dumps(native(payload="*" * 3000))) < SIZE


@pytest.mark.parametrize(
    "more", ['<script type="application/adaptivecard+json">{}</script>', "<script>1</script>"]
)
def test_law_08_a_template_of_an_owners_brings_no_card_of_its_own(more: str) -> None:
    from approvals.cards import renderer

    changed = renderer("email.html.j2", SOURCE.replace(ABOVE, more + ABOVE))
    with pytest.raises(Refused):
        make(AWAY, render=changed).layout(card())


async def test_a_template_without_a_head_is_refused_with_cards_on() -> None:
    from approvals.cards import renderer

    changed = renderer("email.html.j2", SOURCE.replace("</head>", ""))
    channel = make(AWAY, render=changed)
    payload = channel.layout(card())
    with pytest.raises(Refused, match="head"):
        await channel.post(await channel.open(DANA), payload, "crd_1")


# Configuration


GIVEN: Final = {"originator": PROVIDER, "tenant_id": TENANT, "app_id": APP}


def test_the_section_has_the_names_that_the_documentation_has() -> None:
    mail = {"host": "smtp.example.com", "user": "u", "password": "p", "from": "a@example.com"}
    section = SECTIONS["email"].model_validate({**mail, "actionable": GIVEN})
    (channel,) = made({"email": section}, {}).values()
    assert channel._outlook == make(AWAY)._outlook  # type: ignore[attr-defined] # the adapter's own
    wrong: list[dict[str, Any]] = [
        {name: value for name, value in GIVEN.items() if name != left} for left in GIVEN
    ]
    wrong += [{**GIVEN, "tenant_id": "common"}, {**GIVEN, "originator": ""}, {**GIVEN, "x": "y"}]
    wrong += [{**GIVEN, "login_url": "http://login.example.com/"}]
    for one in wrong:
        with pytest.raises(ValueError, match=r"."):
            SECTIONS["email"].model_validate({**mail, "actionable": one})


# A house whose mails have cards

PEOPLE: Final = (
    Person("dana", DANA),
    Person("kim", "Kim@Example.com"),
    Person("lee", "lee@example.com"),
)
GROUPS: Final = {"default": frozenset({"dana", "kim"}), "finance": frozenset({"lee"})}
RULES: Final = (rule("high", risk=Risk.HIGH), rule("pair", quorum=(("default", 2),)))


@dataclass
class Letters:
    """A house, and the mail server that it writes to."""

    place: Place
    server: MailServer
    login: str

    async def asked(self, action: str = "mail.send", to: str = DANA) -> tuple[Any, dict[str, Any]]:
        """A new request, and the card in the mail about it."""
        request = await self.place.opened(action)
        await self.place.carried()
        return request, shown([m for m in self.server.mails if m.recipients == [to]][-1])

    async def press(self, body: str, who: str = DANA, **claims: Any) -> Seen:
        """Deliver a press of this person's."""
        bearer = token(self.place.clock(), who, login=self.login, **claims)
        sent = delivery(body, self.place.clock(), bearer)
        url = f"{self.place.url}/channels/email/events"
        async with self.place.http.post(url, data=sent.body, headers=sent.headers) as answer:
            return Seen(answer.status, answer.headers, await answer.text())


@asynccontextmanager
async def letters(store: Store, entra: Entra) -> AsyncIterator[Letters]:
    async with (
        MailServer() as server,
        open_house(
            store,
            desks=[make(server.api, keys=(), login=entra.login)],
            people=PEOPLE,
            groups=GROUPS,
            rules=RULES,
            site=SITE,
            review_url=lambda case_id: f"{SITE.origin}/requests/{case_id}",
        ) as place,
    ):
        yield Letters(place, server, entra.login)


@pytest.fixture
async def house(store: Store) -> AsyncIterator[Letters]:
    async with Entra() as entra, letters(store, entra) as opened:
        yield opened


async def test_a_press_in_outlook_approves_from_end_to_end(house: Letters) -> None:
    request, found = await house.asked()
    answer = await house.press(press(found, "Approve"))
    assert (answer.status, answer.headers["CARD-UPDATE-IN-BODY"]) == (200, "true")
    assert answer.headers["CARD-ACTION-STATUS"]
    new = json.loads(answer.text)
    assert (new["type"], new["version"], new["actions"]) == ("AdaptiveCard", "1.0", [])
    case = await house.place.case(request["id"])
    (vote,) = case.votes
    assert (case.status, vote.person, vote.channel) == (Status.APPROVED, "dana", "email")
    # Pressed again, by the same token: it counts once, and is answered as the first was not.
    again = await house.press(press(found, "Approve"))
    assert again.status == 200
    assert len((await house.place.case(request["id"])).votes) == 1
    await house.place.carried()
    closing = [mail for mail in house.server.mails if mail.recipients == [DANA]][-1]
    assert "Approved by dana" in closing.part("plain")
    assert card_in(closing.part("html")) is None


async def test_a_reason_typed_in_outlook_is_carried(house: Letters) -> None:
    request, found = await house.asked()
    typed = 'Not "now".\nAsk kim & lee <b>'
    assert (await house.press(press(found, "Decline", typed))).status == 200
    case = await house.place.case(request["id"])
    assert (case.status, case.reason) == (Status.DECLINED, typed)


async def test_law_02_only_the_addressed_person_presses_and_others_take_nothing_away(
    house: Letters,
) -> None:
    request, found = await house.asked()
    body = press(found, "Approve")
    for who in ("eve@example.com", "lee@example.com", "kim@example.com", "Kim@Example.com"):
        answer = await house.press(body, who)
        assert (answer.status, answer.headers.get("CARD-UPDATE-IN-BODY")) == (403, None)
        swapped = await house.press(body.replace(DANA, who), who)
        assert swapped.status == 403
    guest = await house.press(body, idp="live.com")
    assert "a guest" in guest.headers["CARD-ACTION-STATUS"]
    assert (await house.place.case(request["id"])).votes == ()
    assert (await house.press(body, "DANA@EXAMPLE.COM")).status == 200
    assert (await house.place.case(request["id"])).status is Status.APPROVED


async def test_a_mailbox_that_is_written_with_capitals_decides(house: Letters) -> None:
    request, found = await house.asked("pair.x", "Kim@Example.com")
    assert (await house.press(press(found, "Approve"), "kim@example.com")).status == 200
    case = await house.place.case(request["id"])
    assert (case.open, [vote.person for vote in case.votes]) == (True, ["kim"])


async def test_law_06_an_altered_press_counts_for_nothing(house: Letters) -> None:
    request, found = await house.asked()
    _, others = await house.asked()
    good, other = press(found, "Approve"), press(others, "Approve")
    token_, key, to = good.split(" ")
    for body in (
        f"{token_[:-1]}{'A' if token_[-1] != 'A' else 'B'} {key} {to}",
        f"{token_} {other.split(' ')[1]} {to}",
        f"{token_} crd_none {to}",
    ):
        answer = await house.press(body)
        assert answer.status == 403
        assert "not valid here" in answer.headers["CARD-ACTION-STATUS"]
    assert (await house.place.case(request["id"])).votes == ()
    assert Counter(await house.place.kinds(request["id"]))["refused"] == 2


async def test_law_19_high_risk_is_not_approved_in_outlook(house: Letters) -> None:
    request, found = await house.asked("high.pay")
    titles = [action["title"] for action in found["actions"]]
    assert titles == ["Review and approve…", "Decline"]
    assert found["actions"][0]["url"] == f"{SITE.origin}/requests/{request['id']}"


async def test_law_09_who_is_not_microsoft_gets_a_401(house: Letters) -> None:
    request, found = await house.asked()
    body = press(found, "Approve")
    for claims in ({"azp": APP}, {"aud": "x"}, {"exp": 1}):
        assert (await house.press(body, **claims)).status == 401
    url = f"{house.place.url}/channels/email/events"
    for headers in ({}, {"Authorization": "Bearer é"}, {"Authorization": "Basic x"}):
        async with house.place.http.post(url, data=body.encode(), headers=headers) as answer:
            assert answer.status == 401
    assert (await house.place.case(request["id"])).votes == ()


async def test_law_26_keys_are_read_once_and_a_place_that_is_away_is_later(
    sqlite_database: str,
) -> None:
    store = await Store.connect(sqlite_database)
    async with Entra(away=True) as entra, letters(store, entra) as house:
        _, found = await house.asked()
        body = press(found, "Approve")
        assert (await house.press(body)).status == 503
        assert (await house.press(body)).status == 401  # asked a moment ago: no key, no proof
        entra.away = False
        house.place.clock.turn(61_000)
        assert (await house.press(body)).status == 200
        assert (await house.press(body)).status == 200
        assert entra.reads == 2
    await store.close()


async def test_law_10_keys_on_another_host_are_not_read() -> None:
    async with Entra(jwks_uri="https://evil.example/keys") as entra:
        channel = make(AWAY, keys=(), login=entra.login)
        with pytest.raises(Busy, match="another host"):
            await channel.prepare(delivery(BODY, NOW, token(NOW, login=entra.login)))
        await channel.close()


async def test_the_links_of_the_mail_work_beside_the_card(house: Letters) -> None:
    _, found = await house.asked()
    (mail,) = [mail for mail in house.server.mails if mail.recipients == [DANA]]
    links = dict(Page(mail.part("html")).links)
    assert set(links) == {"Approve", "Decline", "Details"}
    assert links["Approve"].rpartition("/")[2] == press(found, "Approve").split(" ")[0]


def test_facts_keep_their_order_and_place() -> None:
    facts = (Fact("Amount", "1 EUR"), Fact("To", "a.b"))
    said = [drawn(line) for line in texts(native(facts=facts))]
    at = said.index("Amount")
    assert said[at : at + 4] == ["Amount", "1 EUR", "To", inert("a.b")]
