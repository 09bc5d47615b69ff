"""What cards show of a mail, and of the calls that packs know."""

import base64
import json
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from approvals.marked import Marked
from approvals.model import Risk
from approvals.packs import PACKS, Verb
from approvals.proxy.rules import Decision, Outbound, Rules, rulebook

SEND = "https://gmail.googleapis.com/gmail/v1/users/me/messages/send"
UPLOAD = SEND.replace("/gmail/v1", "/upload/gmail/v1")
JSON = (("content-type", "application/json"),)
FORM = (("content-type", "application/x-www-form-urlencoded"),)


@cache
def every() -> Rules:
    """The rules of every pack."""
    return rulebook({"packs": list(PACKS)}, lambda *_: pytest.fail("a pack has a fault"))


def call(method: str, url: str, body: bytes | None = b"", headers: Any = ()) -> Decision:
    return every().decide(Outbound("bot", method, url, tuple(headers), body))


def shown(decision: Decision) -> list[tuple[str, str]]:
    return [(fact.label, fact.value) for fact in decision.facts]


def sent(raw: bytes, **more: Any) -> Decision:
    body = {"raw": base64.urlsafe_b64encode(raw).decode()} | more
    return call("POST", SEND, json.dumps(body).encode(), JSON)


def a_mail() -> EmailMessage:
    mail = EmailMessage()
    mail["To"] = "Ann <ann@example.com>, bob@example.com"
    mail["Bcc"] = "eve@evil.example"
    mail["Subject"] = "Grüße"
    mail.set_content("Hello Ann,\nsee the file.\n")
    mail.add_alternative(
        "<p>Hello <a href='https://x.example'>Ann</a></p><style>p{}</style>", "html"
    )
    mail.add_attachment(b"12345", maintype="application", subtype="pdf", filename="report.pdf")
    return mail


FACTS = [
    ("To", "ann@example.com, bob@example.com"),
    ("Bcc", "eve@evil.example"),
    ("Subject", "Grüße"),
    ("Text", "Hello Ann,\nsee the file."),
    ("HTML, as text", "Hello [https://x.example] Ann\np{}"),
    ("Attachments", "report.pdf (application/pdf, 5 bytes)"),
]


def test_law_11_a_mail_is_shown_as_its_readers_will_see_it() -> None:
    decision = sent(a_mail().as_bytes())
    assert (decision.verb, decision.action) == (Verb.ASK, "gmail.messages.send")
    assert shown(decision) == FACTS
    assert decision.decoded == {
        "attachments": ["report.pdf (application/pdf, 5 bytes)"],
        "recipients": ["ann@example.com", "bob@example.com", "eve@evil.example"],
        "subject": "Grüße",
    }


def test_an_uploaded_mail_is_shown_too() -> None:
    raw = a_mail().as_bytes()
    assert shown(call("POST", UPLOAD, raw, (("content-type", "message/rfc822"),))) == FACTS
    parts = b"--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\n"
    parts += b"content-type: message/rfc822\r\n\r\n" + raw + b"\r\n--b--\r\n"
    related = (("content-type", 'multipart/related; boundary="b"'),)
    found = shown(call("POST", UPLOAD, parts, related))
    assert found[:3] == FACTS[:3]
    for hostile in (
        parts.replace(b"{}", b'{"raw": "eA"}'),
        parts.replace(b"{}", b'{"\\u0072aw": "eA"}'),
        parts.replace(
            b"--b--", b"--b\r\ncontent-type: message/rfc822\r\n\r\nTo: x@y.z\r\n\r\n--b--"
        ),
    ):
        assert call("POST", UPLOAD, hostile, related).facts == ()
    piece = (("content-type", "message/rfc822"), ("content-range", "bytes 0-9/99"))
    assert call("PUT", UPLOAD, raw, piece).facts == ()


def test_a_mail_with_two_readings_gives_no_facts() -> None:
    """Which those are: tests/reading/test_mail.py."""
    for raw in (b"To: a@x.example\nTo: b@evil.example\n\nhi", b"To: a@x.example\rBcc: b@x.example"):
        decision = sent(raw)
        assert (decision.verb, decision.facts, dict(decision.decoded)) == (Verb.ASK, (), {})


@pytest.mark.parametrize("body", [b'{"raw": 5}', b'{"raw": ""}', b"[]", b"nonsense", b""])
def test_a_body_that_is_not_clearly_one_mail_gives_no_facts(body: bytes) -> None:
    assert call("POST", SEND, body, JSON).facts == ()


@pytest.mark.parametrize(
    ("call_to", "body"),
    [
        (
            "me/messages/1/reply",
            {"comment": "fine"},
        ),  # goes to the sender of that mail
        ("me/sendMail", {"message": {"subject": "x", "toRecipients": []}}),
        ("me/sendMail", {"message": {"toRecipients": [{"emailAddress": {"name": "Kim"}}]}}),
    ],
)
def test_law_29_a_condition_on_all_recipients_needs_recipients(
    call_to: str, body: dict[str, Any]
) -> None:
    ours = {
        "name": "mail to ourselves",
        "when": {"host": "graph.microsoft.com", "method": "POST"},
        "if": 'decoded.recipients.all(to, to.endsWith("@acme.example"))',
        "then": "allow",
    }
    faults: list[Any] = []
    rules = rulebook(
        {"packs": ["microsoft-graph"], "rules": [ours]}, lambda *one: faults.append(one)
    )
    assert not faults

    def decided(path: str, body: dict[str, Any]) -> Verb:
        url = f"https://graph.microsoft.com/v1.0/{path}"
        return rules.decide(Outbound("bot", "POST", url, JSON, json.dumps(body).encode())).verb

    assert decided(call_to, body) is Verb.ASK
    to = [{"emailAddress": {"address": "kim@acme.example"}}]
    assert decided("me/sendMail", {"message": {"toRecipients": to}}) is Verb.ALLOW


GH, GC = "https://api.github.com", "https://www.googleapis.com/calendar/v3"
GM, SL, ST = (
    "https://gmail.googleapis.com/gmail/v1/users/me",
    "https://slack.com/api",
    ("https://api.stripe.com/v1"),
)
OVERRIDE = (("X-HTTP-Method-Override", "DELETE"),)


@pytest.mark.parametrize(
    ("method", "url", "verb", "action"),
    [
        ("GET", f"{GM}/messages?q=x", "allow", "gmail.read"),
        ("GET", f"{GM}/messages/1?$httpMethod=DELETE", "ask", "gmail.messages.delete"),
        ("GET", f"{GM}/messages/1?%24HTTPMETHOD=DELETE", "ask", "gmail.messages.delete"),
        ("POST", f"{GM}/messages/send", "ask", "gmail.messages.send"),
        ("POST", f"{GM}/messages%3Asend", "ask", "gmail.call"),
        ("POST", f"{GM}/messages/batchDelete", "ask", "gmail.messages.batchDelete"),
        ("POST", f"{GM}/messages/batchModify", "ask", "gmail.messages.modify"),
        ("POST", f"{GM}/settings/forwardingAddresses", "deny", "gmail.settings.forward"),
        ("POST", f"{GM}/settings/ForwardingAddresses/", "deny", "gmail.settings.forward"),
        ("PUT", f"{GM}/settings/autoForwarding", "deny", "gmail.settings.forward"),
        ("POST", f"{GM}/settings/delegates", "deny", "gmail.settings.delegates.create"),
        ("POST", f"{GM}/settings/filters", "ask", "gmail.settings.filters.create"),
        ("POST", "https://gmail.googleapis.com/batch/gmail/v1", "ask", "gmail.batch"),
        ("POST", "https://www.googleapis.com/batch", "ask", "gmail.batch"),
        ("GET", f"{GC}/calendars/primary/events", "allow", "calendar.read"),
        ("POST", f"{GC}/freeBusy", "allow", "calendar.freebusy.query"),
        ("POST", f"{GC}/calendars/primary/events/watch", "ask", "calendar.watch"),
        ("POST", f"{GC}/calendars/primary/acl", "ask", "calendar.acl.change"),
        ("POST", "https://www.googleapis.com/batch/calendar/v3", "ask", "calendar.batch"),
        ("GET", f"{GH}/repos/a/b", "allow", "github.read"),
        ("DELETE", f"{GH}/repos/a/b", "deny", "github.repos.delete"),
        ("DELETE", f"{GH}/Repos/a/b/", "deny", "github.repos.delete"),
        ("POST", f"{GH}/repos/a/b/transfer", "deny", "github.repos.transfer"),
        ("DELETE", f"{GH}/repositories/1296269", "deny", "github.repos.delete"),
        ("POST", f"{GH}/repositories/1296269/transfer", "deny", "github.repos.transfer"),
        ("PATCH", f"{GH}/repositories/1296269", "ask", "github.access.change"),
        ("PUT", f"{GH}/repos/a/b/branches/release/1/protection", "ask", "github.access.change"),
        ("PUT", f"{GH}/user/codespaces/secrets/X", "ask", "github.access.change"),
        ("POST", f"{GH}/repos/a/b/actions/jobs/1/rerun", "ask", "github.actions.run"),
        ("PUT", f"{GH}/repos/a/b/contents/secrets/x", "ask", "github.contents.write"),
        ("PUT", f"{GH}/repos/a/b/actions/secrets/X", "ask", "github.access.change"),
        ("POST", f"{GH}/graphql", "ask", "github.graphql.change"),
        ("GET", f"{GH}/somewhere/else", "ask", "github.call"),
        ("GET", f"{ST}/charges", "allow", "stripe.read"),
        ("GET", f"{ST}/issuing/cards/ic_1?expand[]=number", "ask", "stripe.issuing.read"),
        ("GET", f"{ST}/apps/secrets/find?name=x&expand[]=payload", "ask", "stripe.secrets.read"),
        ("GET", f"{ST}/apps/secrets", "ask", "stripe.secrets.read"),
        ("POST", f"{ST}/payouts", "ask", "stripe.payouts.create"),
        ("DELETE", f"{ST}/subscriptions/sub_1", "ask", "stripe.subscriptions.cancel"),
        ("GET", f"{SL}/users.list", "allow", "slack.read"),
        ("POST", f"{SL}/conversations.history", "allow", "slack.read"),
        ("GET", f"{SL}/auth.revoke", "ask", "slack.people.change"),
        ("GET", f"{SL}/chat.postMessage?channel=C1&text=hi", "ask", "slack.chat.post"),
        ("GET", f"{SL}/users.list?token=xoxb-1", "deny", "slack.token"),
        ("GET", f"{SL}/users.list?limit=1&%74oken=xoxb-1", "deny", "slack.token"),
        ("GET", "https://team.slack.com/api/users.list", "ask", "slack.people.change"),
        ("GET", "https://slack.com.evil.example/api/users.list", "ask", "http.get"),
    ],
)
def test_packs_tell_reading_from_writing(method: str, url: str, verb: str, action: str) -> None:
    decision = call(method, url)
    assert (decision.verb.value, decision.action) == (verb, action), decision.why


@pytest.mark.parametrize("url", [f"{GM}/messages/1", f"{GC}/x", f"{GH}/repos/a/b", f"{ST}/charges"])
def test_an_overridden_method_passes_no_rule_that_allows(url: str) -> None:
    assert call("GET", url).verb is Verb.ALLOW
    assert call("GET", url, headers=OVERRIDE).verb is not Verb.ALLOW
    assert call("GET", url, headers=(("x_http_method_override", "DELETE"),)).verb is not Verb.ALLOW


def test_facts_come_from_wherever_the_call_has_them() -> None:
    body = b"amount=1200&currency=eur&destination=ba_1&transfer_data[destination]=x"
    payout = call("POST", f"{ST}/payouts", body, (*FORM, ("Stripe-Account", "acct_1")))
    assert payout.risk is Risk.HIGH
    assert payout.title == "Pay out 12.00 EUR to ba_1"
    assert shown(payout) == [
        ("Amount", "12.00 EUR"), ("To", "ba_1"), ("For the account", "acct_1")
    ]  # fmt: skip
    event = {
        "summary": "Lunch", "start": {"dateTime": "2026-01-01T12:00:00Z"},
        "attendees": [{"email": "a@x.example"}, {"email": "b@x.example"}],
    }  # fmt: skip
    url = f"{GC}/calendars/team%40x.example/events?sendUpdates=all"
    assert shown(call("POST", url, json.dumps(event).encode(), JSON)) == [
        ("Event", "Lunch"), ("Starts", "Thu, 1 Jan 2026, 12:00 UTC"),
        ("Guests", "a@x.example, b@x.example"), ("Invitations go to", "all"),
        ("Calendar", "team@x.example"),
    ]  # fmt: skip
    event["attendees"].append({"id": "hidden"})  # type: ignore[attr-defined] # half a list misleads
    found = dict(shown(call("POST", url, json.dumps(event).encode(), JSON)))
    assert "Guests" not in found
    file = call("PUT", f"{GH}/repos/a/b/contents/src/x.py", b'{"message": "m", "branch": 5}', JSON)
    assert shown(file) == [
        ("Repository", "a/b"), ("File", "src/x.py"), ("Branch", "5"), ("Message", "m")
    ]  # fmt: skip


def test_facts_of_slack_name_all_that_a_message_is_made_of_and_all_it_goes_to() -> None:
    changed = {"channel": "C1", "ts": "1.2", "attachments": [{"text": "x"}], "markdown_text": "*y*"}
    facts = dict(shown(call("POST", f"{SL}/chat.update", json.dumps(changed).encode(), JSON)))
    assert facts["Attachments"] == "x"
    assert facts["New text"] == "*y*"
    file = (
        b'{"files": [{"id": "F1"}], "channels": "C1,C2", "blocks": [{"type": "text", "text": "z"}]}'
    )
    facts = dict(shown(call("POST", f"{SL}/files.completeUploadExternal", file, JSON)))
    assert facts["Channels and people"] == "C1,C2"
    assert facts["Blocks"] == "z"
    share = b"channel=C1&user_ids=U1"
    facts = dict(shown(call("POST", f"{SL}/conversations.inviteShared", share, FORM)))
    assert facts["People of others"] == "U1"


def test_what_is_said_in_two_ways_is_no_fact() -> None:
    post = f"{SL}/chat.postMessage"
    assert ("Channel", "C1") in shown(call("POST", f"{post}?channel=C1", b"channel=C1", FORM))
    for url, body in (
        (f"{post}?channel=C1", b"channel=C2"),
        (post, b"channel=C1&channel=C2"),
        (f"{post}?channel=C1&channel=C1", b"channel=C1"),
        (post, b"channel=C1&Channel=C2"),
    ):
        assert "Channel" not in dict(shown(call("POST", url, body, FORM)))
    doubled = b'{"channel": "C1", "channel": "C2"}'
    assert "Channel" not in dict(shown(call("POST", f"{post}?channel=C3", doubled, JSON)))


@pytest.mark.parametrize("name", PACKS)
def test_every_entry_of_a_pack_names_its_source_and_its_words(name: str) -> None:
    values = Marked(PACKS[name], {}, lenient="").values
    assert values["docs"].startswith("https://")
    for rule in values["rules"]:
        assert rule["docs"].startswith("https://"), rule["name"]
        assert rule["action"].split(".")[0] in name
        titles = [rule["title"]] if isinstance(rule["title"], str) else rule["title"]
        assert titles[-1][0].isupper(), "the last title can always be filled"
        assert "{" not in titles[-1]
    assert values["rules"][-1] | {"when": {}, "facts": {}} == values["rules"][-1] | {
        "when": {}, "facts": {}, "then": "ask", "name": "anything else",
    }  # fmt: skip


def test_the_packs_page_names_every_pack() -> None:
    page = (Path(__file__).parents[2] / "docs" / "packs.md").read_text()
    assert all(f"| `{name}` |" in page for name in PACKS)
