"""Card laws: facts from the held request, only committed state, whole or not approvable, and no
value that leaves its place."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import cards
from approvals.cards import Bound, build, fingerprint, renderer
from approvals.cards.outline import LONGEST
from approvals.model import (
    Agent,
    Card,
    Case,
    Choice,
    Conflict,
    Fact,
    Http,
    Kind,
    Label,
    Outcome,
    Refused,
    Request,
    Risk,
    Status,
    Tier,
)
from approvals.port import Abilities, Limits, same_buttons
from approvals.text import utf8_len, utf16_len
from approvals.web.sheet import sheet
from tests.harness import hostile
from tests.harness.hostile import ANY, raw
from tests.harness.samples import (
    APPROVE,
    BODY,
    BUTTONS,
    CASE,
    DECLINE,
    LIMITS,
    REASON,
    REQUEST,
    SALT,
    card,
    everywhere,
    plain,
    reading,
    strings,
    values,
    vote,
)

assert REQUEST.http is not None
HTTP = REQUEST.http


def bound(request: Request, salt: bytes | None = SALT) -> Bound:
    return cards.bound(request, reading(request), salt=salt)


def inspectable(request: Request) -> bool:
    return cards.inspectable(request, reading(request))


def labels_for(
    case: Case, request: Request, can: Abilities, limits: Limits, **more: Any
) -> tuple[Label, ...]:
    return cards.labels_for(case, request, reading(request), can, limits, **more)


def http(request: Request = REQUEST, **changes: Any) -> Request:
    assert request.http is not None
    return replace(request, http=replace(request.http, **changes))


def abilities(tier: Tier = Tier.A, *, reason_prompt: bool = True) -> Abilities:
    return Abilities(
        edit=True,
        echo=True,
        private_notice=True,
        reason_prompt=reason_prompt,
        open_by_email=True,
        listen=False,
        tier=tier,
    )


def assert_showable(shown: Card) -> None:
    for name, value in strings(shown):
        blocks = {"payload": "\n\t", "payload_tail": "\n\t", "note": "\n", "value": "\n"}
        assert not raw(value, keep=blocks.get(name, "")), name
        if value and name not in ("digest",):
            assert value == value.strip(), f"{name} ends in white space"


def check_hostile(text: str) -> None:
    for kind in Kind:
        case, request = everywhere(text, kind)
        for status in Status:
            assert_showable(card(replace(case, status=status), request, needs=((text, 1),)))
        assert_showable(card(case, replace(request, http=None, payload=text)))
        assert_showable(card(case, request, stub=True))
        assert not raw(bound(request, salt=None).text, keep="\n\t")


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_12_no_card_shows_a_raw_control_or_format_character(texts: tuple[str, ...]) -> None:
    for text in texts:
        if len(text) < 1_000:
            check_hostile(text)


@pytest.mark.parametrize("text", hostile.LONG, ids=range(len(hostile.LONG)))
def test_law_12_nor_does_one_of_a_hundred_kilobytes(text: str) -> None:
    assert_showable(card(*everywhere(text, Kind.AGENT)))


@given(ANY)
def test_law_12_nor_any_other(text: str) -> None:
    check_hostile(text)


@given(ANY)
def test_law_11_the_agents_words_stand_in_the_note_alone(text: str) -> None:
    said = f"zq{text}qz"
    roomy = replace(LIMITS, note=100_000)
    loud = card(
        request=replace(
            REQUEST,
            agent=replace(REQUEST.agent, name=said),
            claimed_title=said,
            claimed_facts=(Fact(said, said),),
            note=said,
        ),
        limits=roomy,
    )
    assert loud.note is not None
    assert replace(loud, note=None) == card(limits=roomy)
    starts = ("Name: zq", "Title: zq", "zq", "Note: zq")
    lines = loud.note.splitlines()
    assert len(lines) == 4
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))


def test_law_11_an_agents_words_cannot_become_facts_in_the_database() -> None:
    said = replace(
        REQUEST,
        facts=(Fact("To", "bob"),),
        claimed_title="Amount",
        claimed_facts=(Fact("1 EUR", "trust me"),),
        note="x",
    )
    moved = replace(
        said,
        facts=(*said.facts, Fact("Amount", "1 EUR")),
        claimed_title="trust me",
        claimed_facts=(),
    )
    assert fingerprint(moved) != fingerprint(said)


def test_law_11_a_gateways_title_and_facts_are_facts() -> None:
    shown = card(
        request=replace(
            REQUEST,
            kind=Kind.GATEWAY,
            title="Pay ACME GmbH",
            facts=(Fact("Amount", "12,400.00 EUR"),),
            agent=Agent("billing-bot", "Billing bot"),
            note="because",
        )
    )
    assert shown.title == "Pay ACME GmbH"
    assert shown.facts[0] == Fact("Amount", "12,400.00 EUR")
    assert shown.agent == "Billing bot (billing-bot) via billing"
    assert shown.note == "because"


def test_an_agents_title_is_made_of_what_it_asks() -> None:
    assert card().title == "POST api.stripe.com/v1/payouts"
    assert card(request=plain("{}")).title == "stripe.payouts.create"
    assert card(request=plain("{}", action="Approved by the CFO")).title == (
        "An action without a plain name"
    )


def test_the_subject_is_title_and_risk_then_state_and_title() -> None:
    assert card().subject == "POST api.stripe.com/v1/payouts · medium risk"
    closed = card(replace(CASE, status=Status.APPROVED, votes=(vote("dana"),)))
    assert closed.subject == "Approved: POST api.stripe.com/v1/payouts"


def test_the_card_shows_every_part_of_what_is_bound() -> None:
    shown = card()
    assert values(shown) == {}
    assert shown.line == "POST api.stripe.com/v1/payouts · form, 27 bytes"
    assert shown.payload.splitlines() == [
        "?expand: balance",
        "amount: 1240000",
        "currency: eur",
        "content-type: application/x-www-form-urlencoded",
        "authorization: Bearer csk_placeholder_stripe",
        "stripe-account: acct_1",
    ]
    size = len(shown.payload.encode())
    assert (shown.elided, shown.payload_tail, shown.payload_size) == (0, "", size)
    assert (shown.digest, shown.deadline) == ("abababab", 900_000)
    assert shown.agent == "billing-bot for dana via billing"
    assert shown.buttons == BUTTONS
    assert shown.review_needed is None


def test_the_deadline_is_in_the_zone_of_the_reader_and_else_in_utc() -> None:
    assert card().until == "1 Jan 00:15 UTC"
    assert card(zone=ZoneInfo("Europe/Berlin")).until == "1 Jan 01:15 CET"
    assert card(zone=ZoneInfo("America/Sao_Paulo")).until == "31 Dec 21:15 UTC-03"
    closed = replace(CASE, status=Status.APPROVED, decided_at=60_000)
    assert (card().decided, card().decided_at) == ("", None)
    assert card(closed, zone=ZoneInfo("Europe/Berlin")).decided == "1 Jan 01:01 CET"


def test_people_are_called_by_their_names() -> None:
    names = {"dana": "Dana Lee"}
    case = replace(CASE, votes=(vote("dana"),))
    shown = card(case, names=names, needs=(("finance", 1),))
    assert shown.agent == "billing-bot for Dana Lee via billing"
    assert shown.progress == "Needs two people from finance: Dana Lee approved, one more."


def test_a_note_alone_is_quoted_with_its_lines() -> None:
    assert card(request=replace(REQUEST, note="First.\nSecond.")).note == "First.\nSecond."
    claimed = replace(REQUEST, note="First.\nSecond.", claimed_title="Pay")
    assert card(request=claimed).note == "Title: Pay\nNote: First.⏎Second."


@pytest.mark.parametrize(
    "other",
    [
        http(method="PUT"),
        http(url="https://api.stripe.com/v1/payouts?expand=balance&to=evil"),
        http(url="https://api.stripe.com/v1/payouts?"),
        http(url="https://api.stripe.com/v1/payouts"),
        http(url="https://api.stripe.com/v1/refunds?expand=balance"),
        http(url="http://api.stripe.com/v1/payouts?expand=balance"),
        http(url="https://api.stripe.com:8443/v1/payouts?expand=balance"),
        http(url="https://аpi.stripe.com/v1/payouts?expand=balance"),
        http(headers=(*HTTP.headers, ("x-http-method-override", "DELETE"))),
        http(headers=HTTP.headers[:2]),
        http(headers=()),
        http(headers=(), body=b"stripe-account: acct_1\n\n" + BODY),
        http(body=BODY + b"\n"),
        http(body=BODY.replace(b"e", "е".encode())),
    ],
    ids=range(14),
)
def test_law_14_two_requests_never_share_a_card(other: Request) -> None:
    assert card(request=other) != card()


def test_law_14_what_a_tap_may_approve_looks_like_nothing_else() -> None:
    urls = ["https://a/", "https://a/?", "https://a/??", "https://a/?a", "http://a/", "https://a/a"]
    lines = ["", "a: a", "a: a\n", "\na: a", "a: a\n\na: a", "a: a\r\n\r\n", "\\u{d}", "\r", "⏎"]
    pairs = [
        *(("a", "a"), ("a", "a: a"), ("a: a", "a"), ("a", "a\n"), ("a", "a⏎"), ("a", "a\r\n")),
        *(("a", "\\u{d}"), ("a", "\r"), ("a", ""), ("content-type", "a"), ("content-type", "")),
        *(("authorization", "a"), ("authorization", "b"), ("authorization", "a\nb: c")),
    ]
    headers = [(), *((one,) for one in pairs), *((one, two) for one in pairs for two in pairs[:3])]
    seen = set()
    count = 0
    for url, sent, line in product(urls, headers, lines):
        told = (("content-type", "text/plain"), *sent)
        request = http(url=url, headers=told, body=line.encode())
        if inspectable(request):
            count += 1
            seen.add(bound(request))
    assert count > 1_000
    assert len(seen) == count


def test_a_query_is_shown_decoded_and_with_its_mark() -> None:
    def first(url: str) -> tuple[str, str]:
        shown = card(request=http(url=url))
        return shown.line.partition(" · ")[0], shown.payload.splitlines()[0]

    assert first("https://a.example?x=%31") == ("POST a.example/", "?x: 1")
    assert first("https://a.example/?") == ("POST a.example/?", "amount: 1240000")
    assert first("http://a.example/") == ("POST http://a.example/", "amount: 1240000")


def test_a_card_of_another_revision_or_content_is_refused() -> None:
    for change in ({"revision": 2}, {"digest": "sha-256:" + "cd" * 32}, {"id": "req_2"}):
        with pytest.raises(Conflict):
            card(request=replace(REQUEST, **change))


UNSEEN = {
    "too long": plain('"' + "x, " * 1_000 + '"'),
    "binary": http(body=b"\x89PNG\xff"),
    "another charset": http(
        headers=(("content-type", "text/plain; charset=utf-7"),), body=b"+ADw-"
    ),
    "two content types": http(
        headers=(("content-type", "text/plain"), ("content-type", "application/json"))
    ),
    "incomplete": http(body_complete=False),
    "secret in body": http(body=b"amount=1&token=pay-evil"),
    "secret in query": http(url="https://api.stripe.com/?api_key=pay-evil"),
    "secret in host": http(url=f"https://{hostile.SECRETS[12]}.evil.example/"),
    "secret in path": http(url="https://api.stripe.com/" + hostile.SECRETS[0]),
    "secret in payload": plain('{"password":"pay evil"}'),
    "secret in action": plain("{}", action="token:" + hostile.SECRETS[0]),
    "cookie": http(headers=(("cookie", "account=evil"),)),
    "header that merely sounds secret": http(headers=(("x-pay-token", "evil"),)),
    "user name in address": http(url="https://api.stripe.com@evil.example/"),
    "backslash in address": http(url="https://api.stripe.com\\@evil.example/"),
    "percent in host": http(url="https://api.stripe.com%2f.evil.example/"),
    "fragment": http(url="https://api.stripe.com/#/../evil"),
    "blank in address": http(url="https://api.stripe.com/a b"),
    "other scheme": http(url="ftp://api.stripe.com/"),
    "line end in credential": http(headers=(("authorization", "Bearer a\r\nx-evil: 2"),)),
    "credential that is prose": http(headers=(("authorization", "Bearer zahle evil \u00e4"),)),
    "header name with a colon": http(headers=(("x-a: 1", "evil"),)),
    "empty header name": http(headers=(("", "evil"),)),
    "method with a blank": http(method="POST "),
    "compressed": http(headers=(("content-encoding", "br"),), body=b"amount=1"),
    "line end in header": http(headers=(("x-a", "1\r\nx-evil: 2"),)),
    "long path": http(url="https://api.stripe.com/" + "a" * 300),
    "long query": http(url="https://api.stripe.com/?" + "a" * 3000),
    "long action": plain("{}", action="a" * 301),
    "too many facts": replace(REQUEST, facts=tuple(Fact("a", "b") for _ in range(13))),
    "long label": replace(REQUEST, facts=(Fact("a" * 51, "b"),)),
    "long fact": replace(REQUEST, facts=(Fact("a", "b" * 301),)),
    "nothing": replace(REQUEST, http=None, payload=None),
}


@pytest.mark.parametrize("request_", UNSEEN.values(), ids=UNSEEN)
def test_law_14_what_is_elided_cannot_be_approved_by_a_tap(request_: Request) -> None:
    assert Label.APPROVE not in labels_for(CASE, request_, abilities(), LIMITS)
    shown = card(request=request_)
    assert shown.buttons == (DECLINE, REASON)
    assert shown.review == "https://x.example/r"
    assert shown.review_needed
    assert "evil" not in (shown.review_needed or "")


def test_law_14_only_what_does_not_fit_here_may_fit_elsewhere() -> None:
    fits = {"too long", "long path", "long query", "long action", "too many facts", "long label"}
    fits |= {"long fact"}
    assert {name for name, request in UNSEEN.items() if inspectable(request)} == fits
    assert inspectable(REQUEST)
    assert inspectable(plain(json.dumps("x, y" * (LONGEST // 4))))
    assert not inspectable(plain(json.dumps("x, y" * (LONGEST // 4 + 1)))), "its middle is nowhere"


def test_law_14_a_credential_where_credentials_belong_is_no_obstacle() -> None:
    typed = ("content-type", "application/x-www-form-urlencoded")
    request = http(headers=(typed, ("Authorization", "Bearer " + hostile.SECRETS[0])))
    shown = card(request=request)
    assert APPROVE in shown.buttons
    assert hostile.SECRETS[0] not in shown.payload
    assert "Authorization: Bearer [redacted 32 chars #" in shown.payload


def test_why_no_tap_may_approve_is_the_specific_reason() -> None:
    why = {name: card(request=request).review_needed for name, request in UNSEEN.items()}
    assert why["secret in body"] == "A secret in it is not shown on cards."
    assert why["incomplete"] == "Part of it was never received."
    assert "bytes that must be escaped" in str(why["binary"])
    assert why["too long"] == "It is too long for this card."
    assert "compressed (br)" in str(why["compressed"])


def test_law_14_truncation_shows_head_tail_and_length() -> None:
    text = "a: " + "é" * 4_000
    shown = card(request=plain(json.dumps({"a": "é" * 4_000}, ensure_ascii=False)))
    assert utf16_len(shown.payload) + utf16_len(shown.payload_tail) <= LIMITS.payload
    assert text.startswith(shown.payload)
    assert text.endswith(shown.payload_tail)
    assert shown.payload_size == utf8_len(text)
    assert utf8_len(shown.payload) + shown.elided + utf8_len(shown.payload_tail) == utf8_len(text)


@given(ANY, st.integers(0, 400))
def test_what_is_left_out_is_counted_in_the_bytes_that_are_named(text: str, size: int) -> None:
    """Both numbers count the same bytes, headers too (C13)."""
    request = http(body=text.encode("utf-8", "surrogatepass"))
    shown = card(request=request, limits=replace(LIMITS, payload=size))
    seen = utf8_len(shown.payload) + utf8_len(shown.payload_tail)
    assert seen + shown.elided == shown.payload_size


def test_facts_that_do_not_fit_are_counted_and_labels_are_never_cut_for_headers() -> None:
    request = replace(REQUEST, facts=tuple(Fact(f"F{i}", "v") for i in range(20)))
    shown = card(request=request)
    assert len(shown.facts) == LIMITS.facts
    assert values(shown)["More"] == "9 facts not shown here"
    assert card(request=request, limits=replace(LIMITS, facts=0)).facts == ()
    together = card(request=request, limits=replace(LIMITS, facts=30, together=36))
    assert values(together) == {
        **{f"F{i}": "v" for i in range(5)},
        "More": "15 facts not shown here",
    }


def test_facts_come_first_then_the_reading_then_the_note() -> None:
    facts = tuple(Fact(f"F{i}", "v" * 90) for i in range(8))
    assert REQUEST.http is not None
    many = http(headers=REQUEST.http.headers + tuple((f"x-{i}", "w" * 90) for i in range(20)))
    request = replace(many, facts=facts, note="n" * 900)
    tight = replace(LIMITS, total=1_800)
    shown = card(request=request, limits=tight)
    assert shown.facts == facts
    assert shown.payload.startswith("?expand: balance\namount: 1240000")
    assert APPROVE not in shown.buttons
    assert 0 < len(shown.note or "") <= 200
    roomy = card(request=request, limits=replace(LIMITS, total=6_000))
    assert (roomy.facts, roomy.elided, roomy.note) == (facts, 0, "n" * 900)


def test_the_terminal_sees_all_of_it_unredacted() -> None:
    for request in (UNSEEN["secret in body"], UNSEEN["secret in payload"]):
        seen = bound(request, salt=None)
        assert seen.refusal is None
        assert "evil" in seen.text


@given(ANY, st.integers(0, 80))
def test_no_text_of_a_card_is_longer_than_its_limit(text: str, size: int) -> None:
    for measure in (utf16_len, utf8_len):
        limits = Limits(
            title=size,
            fact_label=size,
            fact_value=size,
            facts=9,
            payload=size,
            note=size,
            buttons=3,
            label=75,
            measure=measure,
        )
        case, request = everywhere(text, Kind.GATEWAY)
        shown = card(case, request, limits=limits)
        assert measure(shown.title) <= size
        assert measure(shown.note or "") <= size
        assert measure(shown.payload) + measure(shown.payload_tail) <= size
        assert len(shown.facts) <= 9
        if size >= len("(empty)"):
            assert all(measure(f.label) <= size and measure(f.value) <= size for f in shown.facts)


def test_law_15_secrets_are_on_no_part_of_a_card() -> None:
    for secret in hostile.SECRETS:
        if "\n" in secret:
            continue
        case, request = everywhere(f"x {secret} y", Kind.GATEWAY)
        case = replace(case, votes=())
        request = http(request, url=f"https://a.example/{secret}?{secret}")
        for shown in (card(case, request), card(replace(case, status=Status.DECLINED), request)):
            assert not [name for name, value in strings(shown) if secret in value]
    shown = card(request=replace(REQUEST, facts=(Fact("Password", "hunter two"),)))
    assert values(shown)["Password"].startswith("[redacted 10 chars #")


def test_law_15_a_stub_is_the_rules_name_state_and_link_only() -> None:
    shown = card(
        replace(CASE, reason="why"), replace(REQUEST, note="n", facts=(Fact("a", "b"),)), stub=True
    )
    assert (shown.facts, shown.payload, shown.payload_tail, shown.note) == ((), "", "", None)
    assert shown.buttons == ()
    assert shown.elided == 0
    assert (shown.title, shown.line) == ("payments", "")
    assert shown.subject == "payments · medium risk"
    assert shown.review == "https://x.example/r"
    assert shown.review_needed == "This channel shows titles only."
    assert labels_for(CASE, REQUEST, abilities(), LIMITS, stub=True) == ()


STATES = [
    (CASE, (("finance", 2),), "Waiting for approval"),
    (
        replace(CASE, status=Status.APPROVED, votes=(vote("dana"), vote("kim"))),
        (),
        "Approved by Dana D and kim",
    ),
    (
        replace(CASE, status=Status.APPROVED, votes=(vote("dana"),), outcome=Outcome(True, 9, 201)),
        (),
        "Approved by Dana D. Delivered: 201",
    ),
    (
        replace(
            CASE,
            status=Status.APPROVED,
            votes=(vote("dana"),),
            outcome=Outcome(False, 9, None, "connection\nrefused"),
        ),
        (),
        "Approved by Dana D. Not delivered: connection⏎refused",
    ),
    (
        replace(CASE, status=Status.APPROVED, votes=(vote("dana"),), outcome=Outcome(None, 9)),
        (),
        "Approved by Dana D. Delivery unknown",
    ),
    (
        replace(
            CASE,
            status=Status.DECLINED,
            votes=(vote("kim"), vote("dana", Choice.DECLINE)),
            reason="too\nmuch",
        ),
        (),
        "Declined by Dana D: too⏎much",
    ),
    (replace(CASE, status=Status.DECLINED, reason="a rule"), (), "Declined: a rule"),
    (
        replace(CASE, status=Status.EXPIRED, votes=(vote("dana"),)),
        (),
        "Expired. Nothing was run.",
    ),
    (replace(CASE, status=Status.WITHDRAWN), (), "Withdrawn. Nothing was run."),
]


@pytest.mark.parametrize(("case", "needs", "headline"), STATES, ids=range(len(STATES)))
def test_law_03_the_headline_says_what_is_committed(
    case: Case, needs: tuple[tuple[str, int], ...], headline: str
) -> None:
    shown = card(case, needs=needs, names={"dana": "Dana D"})
    assert shown.headline == headline
    assert shown.status is case.status
    if not case.open:
        assert shown.buttons == ()
        assert shown.review_needed is None


def test_progress_counts_the_votes_on_this_revision() -> None:
    votes = (vote("kim", revision=1), vote("dana", revision=2))
    shown = build(
        replace(CASE, revision=2, votes=votes),
        replace(REQUEST, revision=2),
        reading(REQUEST),
        limits=LIMITS,
        review=None,
        salt=SALT,
        needs=(("finance", 1),),
    )
    assert shown.progress == "Needs two people from finance: dana approved, one more."
    assert card(needs=(("finance", 2),)).progress == "Needs two people from finance."
    alone = replace(CASE, ask=replace(CASE.ask, quorum=(("default", 1),)))
    assert card(alone, reader="dana").progress == "You can approve this alone."


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("risk", Risk)
def test_law_19_which_buttons_a_card_gets(tier: Tier, risk: Risk) -> None:
    case = replace(CASE, ask=replace(CASE.ask, risk=risk))
    labels = labels_for(case, REQUEST, abilities(tier), LIMITS)
    assert (Label.APPROVE in labels) == tier.carries(risk)
    assert labels[-1] is Label.DECLINE_PROMPT
    shown = card(case, buttons=tuple(b for b in BUTTONS if b.label in labels))
    assert (shown.review_needed is None) == tier.carries(risk)


def test_law_19_high_risk_and_step_up_need_the_page() -> None:
    for ask in (replace(CASE.ask, risk=Risk.HIGH), replace(CASE.ask, step_up="passkey")):
        case = replace(CASE, ask=ask)
        assert Label.APPROVE not in labels_for(case, REQUEST, abilities(), LIMITS)
        shown = card(case)
        assert APPROVE not in shown.buttons
        assert shown.review_needed == "Approving this needs a fresh sign-in on the review page."


def test_what_the_case_says_of_itself_is_believed_too() -> None:
    for case in (replace(CASE, inspectable=False), replace(CASE, complete=False)):
        assert Label.APPROVE not in labels_for(case, REQUEST, abilities(), LIMITS)
        assert APPROVE not in card(case).buttons


def test_few_buttons_never_leave_an_approve_alone() -> None:
    def labels(limits: Limits, *, reason_prompt: bool = True) -> tuple[Label, ...]:
        return labels_for(CASE, REQUEST, abilities(reason_prompt=reason_prompt), limits)

    assert labels(LIMITS) == (Label.APPROVE, Label.DECLINE_PROMPT)
    assert labels(LIMITS, reason_prompt=False) == (Label.APPROVE, Label.DECLINE)
    assert labels(replace(LIMITS, buttons=2)) == (Label.APPROVE, Label.DECLINE_PROMPT)
    assert labels(replace(LIMITS, buttons=1)) == (Label.DECLINE_PROMPT,)
    assert labels(replace(LIMITS, buttons=0)) == ()
    assert labels(replace(LIMITS, label=7)) == (Label.APPROVE, Label.DECLINE)
    assert labels_for(replace(CASE, status=Status.EXPIRED), REQUEST, abilities(), LIMITS) == ()


def test_a_channel_that_takes_no_words_asks_only_where_there_are_ready_reasons() -> None:
    lists = replace(abilities(reason_prompt=False), ready_prompt=True)
    ready = replace(CASE, ask=replace(CASE.ask, reasons=("Not agreed",)))
    assert labels_for(CASE, REQUEST, lists, LIMITS) == (Label.APPROVE, Label.DECLINE)
    assert labels_for(ready, REQUEST, lists, LIMITS) == (Label.APPROVE, Label.DECLINE_PROMPT)


TEMPLATE = """
{# a comment with "quotes and {{ tags }} #}
{
  "text": {{ card.headline ~ ": " ~ card.title }},
  "risk": {{ card.risk }}, "elided": {{ card.elided }}, "note": {{ card.note }},
  "facts": [
    {% for fact in card.facts %}
    {"label": {{ fact.label }}, "value": {{ fact.value }}, "said": "it's \\"our\\" text"}
    {% if not loop.last %},{% endif %}
    {% endfor %}
  ],
  "payload": {{ card.payload }},
  "buttons": [{% for button in card.buttons %}
    {"label": {{ button.label }}, "value": {{ button.token }}}{% if not loop.last %},{% endif %}
  {% endfor %}]
}
"""


def drawn(payload: dict[str, Any]) -> list[tuple[str, str]]:
    return [(button["label"], button["value"]) for button in payload["buttons"]]


RENDER = renderer("test.json.j2", TEMPLATE)


def test_law_13_no_value_passes_for_a_remark_of_ours() -> None:
    """How a text was encoded stands in the label's line; a text cannot put anything there."""
    coded = b64encode(b"A text in base64, as long as such texts are.").decode()
    body = json.dumps({"note": "(approved by the CFO)\nPay", "coded": coded}).encode()
    headers = (("content-type", "application/json"),)
    http = Http("POST", "https://api.example.com/pay", headers, body)
    assert bound(replace(REQUEST, http=http)).text.split("\n")[:5] == [
        "note:",
        "  (approved by the CFO)",
        "  Pay",
        "coded (base64):",
        "  A text in base64, as long as such texts are.",
    ]


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_13_no_value_leaves_its_place_in_a_payload(texts: tuple[str, ...]) -> None:
    for text in texts:
        facts = tuple(Fact(text, text) for _ in range(3))
        shown = replace(card(), facts=facts, title=text, note=text, payload=text)
        payload = RENDER({"card": shown})
        same_buttons(shown, drawn(payload))
        assert list(payload) == ["text", "risk", "elided", "note", "facts", "payload", "buttons"]
        assert payload["text"] == f"{shown.headline}: {text}"
        assert payload["facts"] == [{"label": text, "value": text, "said": 'it\'s "our" text'}] * 3
        assert (payload["note"], payload["payload"]) == (text, text)
        assert drawn(payload) == [(str(button.label), button.token) for button in BUTTONS]


@given(ANY)
def test_law_13_nor_does_any_other_value(text: str) -> None:
    payload = RENDER({"card": replace(card(), title=text, payload=text)})
    assert payload["payload"] == text


@pytest.mark.parametrize(
    "source",
    [
        '{"a": "{{ card.title }}"}',
        '{"a": "x{% if 1 %}y{% endif %}"}',
        '{"a\\\\": "{{ card.title }}"}',
        "{ {{ card.title }}: 1}",
        "{{ card.title",
        "{{ card.title | safe }}",
        "{{ card.title | tojson }}",
        "{{ card.title | attr('x') }}",
        "{% nonsense %}",
    ],
)
def test_law_13_an_unsafe_template_is_refused_when_it_is_read(source: str) -> None:
    with pytest.raises(ValueError, match=r"test\.json\.j2"):
        renderer("test.json.j2", source)


@pytest.mark.parametrize(
    "source",
    [
        '{"a": {{ missing }}}',
        '{"a": {{ card.missing }}}',
        '{"a": {{ card }}}',
        '{"a": {{ card.__class__ }}}',
        '{"a": {{ card.title.upper }}}',
        '{"a": {{ "".__class__.__mro__ }}}',
        '{"a": {{ self }}}',
        '{"a": {{ lipsum }}}',
        '{"a": {{ cycler.__init__.__globals__ }}}',
        '{"a": 1',
        '{"a": {{ card.title }} {{ card.title }} }',
        "[]",
        "",
        '{{ "a string" }}',
    ],
)
def test_a_template_reads_plain_values_and_calls_nothing(source: str) -> None:
    with pytest.raises(Refused, match=r"test\.json\.j2"):
        renderer("test.json.j2", source)({"card": card()})


@pytest.mark.parametrize(
    "buttons",
    [
        '[{"label": "Approve", "value": "x"}]',
        "[]",
        "[{% for b in card.buttons | reverse %}{% endfor %}]",
        '[{% for b in card.buttons %}{"label": "Approve", "value": {{ b.token }}},{% endfor %}'
        '{"label": "Decline", "value": "x"}]',
        "[{% for b in card.buttons %}{% if loop.index > 1 %},{% endif %}"
        '{"label": "Approve", "value": {{ b.token }}}{% endfor %}]',
        "[{% for b in card.buttons %}{% if loop.index > 1 %},{% endif %}"
        '{"label": {{ b.label }}, "value": {{ card.buttons[0].token }}}{% endfor %}]',
    ],
)
def test_other_buttons_than_the_cards_own_are_refused(buttons: str) -> None:
    source = '{"buttons": ' + buttons.replace(" | reverse", "") + "}"
    payload = renderer("t.json.j2", source)({"card": card()})
    with pytest.raises(Refused, match="buttons") as refused:
        same_buttons(card(), drawn(payload))
    for button in BUTTONS:
        assert button.token not in str(refused.value)


def test_a_key_that_is_called_like_a_method_is_that_key() -> None:
    render = renderer("t.json.j2", '{"a": {{ fact.items }}, "b": {{ fact["items"] }}}')
    assert render({"fact": {"items": "x"}}) == {"a": "x", "b": "x"}
    with pytest.raises(Refused, match="keys"):
        renderer("t.json.j2", '{"a": {{ fact.keys }}}')({"fact": {}})


def test_law_23_no_error_of_the_renderer_holds_a_value() -> None:
    source = '{"a": {{ card.title }} {{ card.payload }} }'
    with pytest.raises(Refused) as refused:
        renderer("t.json.j2", source)({"card": replace(card(), title="s3cret", payload="s3cret")})
    assert "s3cret" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_html_is_escaped_and_none_is_not_printed() -> None:
    render = renderer("email.html.j2", "<p title='{{ card.title }}'>{{ card.payload }}</p>")
    for text in hostile.LINKS:
        html = render({"card": replace(card(), title=text, payload=text)})["html"]
        assert html.count("<") == html.count(">") == 2
        assert html.count("'") == 2
    with pytest.raises(Refused):
        renderer("email.html.j2", "{{ card.note }}")({"card": card()})
    with pytest.raises(ValueError, match=r"email\.html\.j2"):
        renderer("email.html.j2", "{{ card.title | safe }}")
    with pytest.raises(ValueError, match="called"):
        renderer("email.txt", "")


def test_what_opens_a_connection_says_so_whatever_words_a_rule_has() -> None:
    """C12: the gateway's fact about it may be replaced by the facts of a rule."""
    opening = http(
        method="GET", body=b"", headers=(("Sec-WebSocket-Key", "AAAA"),),
        url="https://live.example.com/ws",
    )  # fmt: skip
    opening = replace(opening, facts=(Fact("Feed", "prices"),), title="Open the feed")
    shown = card(request=opening)
    said = "opens a WebSocket: what is sent on it afterwards is not shown"
    assert shown.line == f"GET live.example.com/ws · {said}"
    assert sheet(opening, reading(opening), salt=SALT).kind == said
    assert said not in card(request=http(method="GET", body=b"")).line
