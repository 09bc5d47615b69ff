"""Redaction where people and files see it: cards, titles, pages, the gateway's audit file.

Every credential is invented. Each request stands for a kind; `test_secret_shapes.py` has the kinds.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.evidence import ReceiptKey
from approvals.model import Fact, Http, Kind, Label, Request
from approvals.reading import read, read_payload
from approvals.web import views
from approvals.web.sheet import sheet
from tests.harness.gateway import gate, liar, origin
from tests.harness.samples import REQUEST, SALT, card, plain, strings, values

KEY = ReceiptKey(Ed25519PrivateKey.generate())
JSON = (("content-type", "application/json"),)
ID = "00000000-0000-0000-0000-00000000000"
TEXT = b'{"text":"Build 12 is out"}'
SECRET = (
    b'{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"},'
    b' "data": {"DATABASE_URL": "bXlzcWw6Ly9hcHBAZGIvcHJvZD9mYWtlPW5vdC1hLXJlYWwtc2VjcmV0"}}'
)
HELD: dict[str, tuple[Http, str]] = {
    "telegram": (
        Http("POST", "https://api.telegram.org/bot123456789:AAFAKEfakeFAKEfakeFAKEfakeFAKEfake0"
             "/sendMessage", JSON, b'{"chat_id":1,"text":"Build 12 is out"}'),
        "AAFAKEfakeFAKEfakeFAKEfakeFAKEfake0",
    ),
    "slack-webhook": (
        Http("POST", "https://hooks.slack.com/services/T00000000/B00000000/"
             "FAKEfakeFAKEfakeFAKEfake", JSON, TEXT),
        "FAKEfakeFAKEfakeFAKEfake",
    ),
    "teams-webhook": (
        Http("POST", f"https://example.webhook.office.com/webhookb2/{ID}1@{ID}2/IncomingWebhook/"
             f"{'fake' * 8}/{ID}3", JSON, TEXT),
        "fake" * 8,
    ),
    "s3-presigned": (
        Http("PUT", "https://example-bucket.s3.amazonaws.com/report.txt?X-Amz-Algorithm="
             f"AWS4-HMAC-SHA256&X-Amz-Expires=3600&X-Amz-Signature={'fade' * 16}",
             (("content-type", "text/plain"),), b"hello"),
        "fade" * 16,
    ),
    "apim-key": (
        Http("POST", "https://example.azure-api.net/orders",
             (*JSON, ("ocp-apim-subscription-key", "fakefakefakefake0000")), b"{}"),
        "fakefakefakefake0000",
    ),
    "appid": (
        Http("GET", f"https://weather.example.com/data/2.5/weather?q=Berlin&appid={'fade' * 8}",
             (), b""),
        "fade" * 8,
    ),
    "k8s-secret": (
        Http("POST", "https://k8s.example.com/api/v1/namespaces/prod/secrets", JSON, SECRET),
        "bXlzcWw6Ly9hcHBAZGIvcHJvZD9mYWtlPW5vdC1hLXJlYWwtc2VjcmV0",
    ),
    "k8s-patch": (
        Http("PATCH", "https://k8s.example.com/api/v1/namespaces/prod/secrets/db", JSON,
             b'{"data":{"URL":"bm90LWEtcmVhbC1vbmU="}}'),
        "bm90LWEtcmVhbC1vbmU=",
    ),
}  # fmt: skip


def of(held: Http) -> Request:
    return replace(REQUEST, http=held)


@pytest.mark.parametrize(("held", "secret"), HELD.values(), ids=HELD)
def test_law_15_a_credential_is_on_no_card_and_in_no_title(held: Http, secret: str) -> None:
    shown = card(request=of(held))
    assert not [name for name, text in strings(shown) if secret in text]
    assert any("[redacted " in text for _, text in strings(shown))
    assert secret not in views.title(of(held), salt=SALT)
    told = replace(of(held), kind=Kind.GATEWAY, title=held.url, facts=(Fact("To", held.url),))
    if secret in held.url:
        assert not [name for name, text in strings(card(request=told)) if secret in text]
        assert secret not in views.title(told, salt=SALT)


def test_what_is_judged_stays_beside_what_is_hidden() -> None:
    shown = card(request=of(HELD["slack-webhook"][0]))
    assert shown.line.startswith("POST hooks.slack.com/services/T00000000/[redacted ")
    shown = card(request=of(HELD["appid"][0]))
    assert shown.payload.startswith("?q: Berlin\n?appid: [redacted 32 chars #")
    assert "metadata.name: db" in card(request=of(HELD["k8s-secret"][0])).payload


def test_law_15_a_credential_in_a_header_is_hidden_on_the_page() -> None:
    held = Http(
        "POST",
        "https://reports.example.com/api/v2/runs",
        (
            *JSON,
            ("authorization", "Bearer fake-token-fake-token-fake-token"),
            ("x-api-key", "fakefakefakefake0000"),
            ("x-note", "token=hidden-like-this"),
        ),
        b'{"warehouse":"small"}',
    )
    page = sheet(of(held), read(held), salt=SALT)
    shown = {row.label: row.text or "" for row in page.headers}
    assert shown["authorization"].startswith("Bearer [redacted 32 chars #")
    assert shown["x-api-key"].startswith("[redacted 20 chars #")
    assert shown["x-note"].startswith("token=[redacted 16 chars #")
    on_card = card(request=of(held)).payload
    assert shown["authorization"] in on_card, "the same hash, to be compared"


CHECKOUT = (
    b"mode=payment&success_url=https%3A%2F%2Fshop.example.com%2Fok%3Fsession_id%3D"
    b"%7BCHECKOUT_SESSION_ID%7D"
)
TAPPABLE = {
    "mcp": Http(
        "POST",
        "https://mcp.example.com/mcp",
        (*JSON, ("mcp-session-id", f"{ID}1"), ("mcp-protocol-version", "2025-06-18")),
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"send_invoice"}}',
    ),
    "checkout": Http(
        "POST",
        "https://api.stripe.com/v1/checkout/sessions",
        (("content-type", "application/x-www-form-urlencoded"), ("idempotency-key", "a-1")),
        CHECKOUT,
    ),
    "page": Http("POST", "https://api.example.com/list?pageToken=abc", JSON, b'{"max_tokens":5}'),
    "key": HELD["apim-key"][0],
}


@pytest.mark.parametrize("held", TAPPABLE.values(), ids=TAPPABLE)
def test_what_is_no_secret_costs_no_approve_on_a_card(held: Http) -> None:
    shown = card(request=of(held))
    assert Label.APPROVE in {button.label for button in shown.buttons}
    assert shown.review_needed is None


MIXED = {
    "d\u0430na@ex\u0430mple.com": "d\\u{430}na@ex\\u{430}mple.com",
    "p\u0430ypal": "p\\u{430}ypal",
    "g\u03bfogle": "g\\u{3bf}ogle",
    "\u0440\u0430\u0443\u0440\u0430l.com": "\\u{440}\\u{430}\\u{443}\\u{440}\\u{430}l.com",
    "dana@\u0440\u0430\u0443.com": "dana@\\u{440}\\u{430}\\u{443}.com",
    "a\u0431\u0301c": "a\\u{431}\\u{301}c",
    "\u043f\u03c1": "\u043f\\u{3c1}",
    "a\U0001d41abc": "a\\u{1d41a}bc",
    "\u0531bc": "\\u{531}bc",
}


@pytest.mark.parametrize(("text", "marked"), MIXED.items(), ids=range(len(MIXED)))
def test_law_12_a_word_of_mixed_scripts_is_marked_on_cards_and_pages(
    text: str, marked: str
) -> None:
    request = plain(json.dumps({"to": text}, ensure_ascii=False))
    told = replace(request, kind=Kind.GATEWAY, title=f"Pay {text}", facts=(Fact("To", text),))
    shown = card(request=told)
    assert marked in shown.payload
    assert marked in shown.title
    assert values(shown)["To"] == marked
    page = sheet(told, read_payload(told.payload or ""), salt=SALT)
    assert page.bytes is not None
    assert marked in page.bytes.text
    assert (page.body[0].text, page.facts[0].text) == (marked, marked)
    assert views.title(told, salt=SALT) == f"Pay {marked}"


@pytest.mark.parametrize(
    "text",
    [
        *("Привет, мир", "Γειά σου Κόσμε", "日本語とEnglish、한국어", "カタカナのABCひらがな漢字"),
        *("한국어ABC漢字", "ㄅㄆㄇ注音abc", "مرحبا", "שלום", "नमस्ते", "ราคาiPhone", "Ελλάδα.gr"),
        *("10 kΩ, 5 μs, Δt, π/2, 1º, 5 µm", "пример.com", "USB-кабель и IT-отдел", "naïve Straße"),
        *("сор и ВТС", "Москва.Office", "Visit Москва now", "ＡＢＣabc", "dana@пример.рф"),
    ],
)
def test_everyday_words_of_any_script_stay_as_they_are(text: str) -> None:
    assert text in card(request=plain(json.dumps({"a": text}, ensure_ascii=False))).payload


@pytest.mark.parametrize(
    ("address", "secret"),
    [(held.url, secret) for held, secret in HELD.values() if secret in held.url.partition("?")[0]],
)
async def test_law_15_a_credential_in_an_address_is_not_in_the_audit_file(
    tmp_path: Path, address: str, secret: str
) -> None:
    async with gate(tmp_path, rules="- {name: never, then: deny}") as our:
        status, _ = await our.ask(address.replace("https:", "http:"), "POST", body=b"x")
        assert status == 403
        (line,) = our.lines()
    assert secret not in json.dumps(line)
    assert "[redacted " in line["url"]
    assert line["url"].startswith("http://")


async def test_law_15_a_bot_token_is_in_no_line_of_what_is_asked_released_and_sent(
    tmp_path: Path,
) -> None:
    token = "987654321:" + "AAfakeFAKE" * 3 + "fake0"
    async with (
        origin() as there,
        liar(KEY) as service,
        gate(tmp_path, rules="", service=service.url, pin=KEY.thumbprint) as our,
    ):
        assert (await our.ask(f"{there.url}/bot{token}/sendMessage", "POST", body=b"{}"))[0] == 200
        assert token.encode() in there.seen[0]
        lines = our.lines()
    assert [line["event"] for line in lines] == ["asked", "opened", "released", "sent"]
    assert all(token[10:] not in json.dumps(line) for line in lines)
    assert all(line["url"].endswith("]/sendMessage") for line in lines if "url" in line)


RULE = "- {name: ws, when: {path: /ws}, then: ask, websocket: true, title: Open it}"
HANDSHAKE = ("Upgrade: websocket", "Sec-WebSocket-Key: AAAA", "Sec-WebSocket-Version: 13")


async def test_a_request_that_opens_a_connection_says_so_first(tmp_path: Path) -> None:
    async with (
        origin() as there,
        liar(KEY) as service,
        gate(tmp_path, rules=RULE, service=service.url, pin=KEY.thumbprint) as our,
    ):
        await our.ask(f"{there.url}/ws", "GET", *HANDSHAKE)
        await our.ask(f"{there.url}/ws", "GET")
    opening, ordinary = service.opened
    assert opening["facts"][0] == {
        "label": "WebSocket",
        "value": "Opens a connection; what is sent on it afterwards is not shown.",
    }
    assert ordinary["facts"] == []
    assert opening["http"]["headers"]["sec-websocket-key"] == ["AAAA"], "which the digest binds"


async def test_the_digest_tells_a_tunnel_from_a_request(tmp_path: Path) -> None:
    """`Upgrade` is not in it, but `Sec-WebSocket-Key` is, and each needs the other."""
    async with (
        origin() as there,
        liar(KEY) as service,
        gate(tmp_path, rules=RULE, service=service.url, pin=KEY.thumbprint) as our,
    ):
        for lines in (HANDSHAKE[:1], HANDSHAKE[1:], ("upgrade: WebSocket",), HANDSHAKE[1:2]):
            status, said = await our.ask(f"{there.url}/ws", "GET", *lines)
            assert (status, said["type"]) == (400, "malformed")
    assert (service.opened, there.seen) == ([], [])
