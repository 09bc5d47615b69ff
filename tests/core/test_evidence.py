"""Digests, canonical JSON, receipts, the audit chain: each law of evidence.py and its breach."""

import base64
import dataclasses
import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from approvals import evidence
from approvals.evidence import Checkpoint, Claims, Entry, ReceiptKey
from approvals.model import Ask, Case, Choice, Refused, Status, Vote

NOW = 1_767_326_140_250
ISSUER = "https://approve.example.com"
KEY = ReceiptKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = ReceiptKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
DOCUMENT = (Path(__file__).parents[2] / "docs" / "digest.md").read_text(encoding="utf-8")
VECTORS: list[dict[str, Any]] = json.loads(DOCUMENT.split("```json\n")[1].split("```")[0])

FIELD = st.one_of(st.text(max_size=8), st.binary(max_size=8), st.integers(), st.none())


# A second implementation of the digest, from docs/digest.md alone: it shares no code and no
# technique (no regular expression, no library for JCS) with the first.

DROPPED = {
    *("connection", "http2-settings", "keep-alive", "te", "trailer", "transfer-encoding"),
    *("upgrade", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
}


class Second:
    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def text(self, value: str) -> "Second":
        raw = value.encode("utf-8")
        self.hash.update(b"s" + str(len(raw)).encode() + b":" + raw)
        return self

    def integer(self, value: int) -> "Second":
        self.hash.update(b"i" + str(value).encode() + b":")
        return self

    def done(self) -> str:
        return "sha-256:" + self.hash.hexdigest()


def second_http(
    revision: int, action: str, method: str, url: str, headers: list[Any], body: bytes
) -> str:
    scheme, rest = url.split("://", 1)
    before, question, query = rest.partition("?")
    authority, _, path = before.partition("/")
    scheme, authority = scheme.lower(), authority.lower()
    authority = authority.removesuffix({"http": ":80", "https": ":443"}[scheme])
    out = Second().text("countersign/digest/http/1").integer(revision).text(action).text(method)
    out.text(scheme).text(authority).text("/" + path)
    if question:
        out.text(query)
    else:
        out.hash.update(b"n:")
    kept = [(n.lower(), v.strip(" \t")) for n, v in headers if n.lower() not in DROPPED]
    out.integer(len(kept))
    for name in sorted({n for n, _ in kept}):
        for value in (v for n, v in kept if n == name):
            out.text(name).text(value)
    out.hash.update(b"b" + str(len(body)).encode() + b":" + body)
    return out.done()


def second_payload(revision: int, action: str, payload: str) -> str:
    out = Second().text("countersign/digest/payload/1").integer(revision).text(action)
    return out.text(jcs(json.loads(payload))).done()


def jcs(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: list(key.encode("utf-16-be")))
        return "{" + ",".join(f"{jcs(key)}:{jcs(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    if isinstance(value, float):
        return ecmascript(value)
    return json.dumps(value, ensure_ascii=False)


def ecmascript(value: float) -> str:
    """Number::toString of ECMA-262 for the doubles that a payload may hold."""
    if value == 0:
        return "0"
    if abs(value) >= 1e-6:
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def first_http(**changed: Any) -> str:
    fields: dict[str, Any] = {
        "revision": 1,
        "action": "stripe.payouts.create",
        "method": "POST",
        "url": "https://api.stripe.com/v1/payouts?expand=balance",
        "headers": [("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")],
        "body": b"amount=1",
    }
    return evidence.digest_http(**(fields | changed))


def test_the_document_has_ten_vectors() -> None:
    assert len({vector["digest"] for vector in VECTORS}) == 10


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_both_implementations_agree_with_the_vectors_of_the_document(
    vector: dict[str, Any],
) -> None:
    about: dict[str, Any] = {"revision": vector["revision"], "action": vector["action"]}
    if "http" in vector:
        sent: dict[str, Any] = vector["http"] | {"body": base64.b64decode(vector["http"]["body"])}
        assert evidence.digest_http(**about, **sent) == vector["digest"]
        assert second_http(**about, **sent) == vector["digest"]
    else:
        payload = vector["payload"]
        assert evidence.digest_payload(**about, payload=payload) == vector["digest"]
        assert second_payload(**about, payload=payload) == vector["digest"]


NAMES = st.sampled_from(["x-a", "X-A", "x-b", "accept", "TE", "Upgrade", "X_c", "x-"])
PATHS = st.text("/ab%26.;&=+~|\\[]{}\"'<>^`:@", max_size=12)


@given(
    revision=st.integers(1, 10**9),
    action=st.text(max_size=8),
    method=st.sampled_from(["GET", "POST", "get", "M-SEARCH"]),
    scheme=st.sampled_from(["http", "https", "HTTPS"]),
    host=st.sampled_from(["h", "API.Example.com", "a_b.c.", "[::1]", "127.0.0.1"]),
    port=st.sampled_from(["", ":80", ":443", ":8443", ":65535"]),
    path=PATHS,
    query=st.none() | PATHS,
    headers=st.lists(st.tuples(NAMES, st.text(" \tab\xe9", max_size=5))),
    body=st.binary(max_size=20),
)
def test_both_implementations_agree_on_any_http_request(
    revision: int,
    action: str,
    method: str,
    scheme: str,
    host: str,
    port: str,
    path: str,
    query: str | None,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    url = f"{scheme}://{host}{port}" + (f"/{path}" if path else "")
    url += "" if query is None else f"?{query}"
    sent = (revision, action, method, url, headers, body)
    names = ("revision", "action", "method", "url", "headers", "body")
    assert first_http(**dict(zip(names, sent, strict=True))) == second_http(*sent)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-9e15, 9e15, allow_nan=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_both_implementations_agree_on_any_payload(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1)
    given_text = evidence.digest_payload(revision=3, action="a", payload=text)
    assert given_text == second_payload(3, "a", text)
    assert evidence.canonical(evidence.canonical(text)) == evidence.canonical(text)


# Framing


def unframe(raw: bytes) -> list[Any]:
    """What a frame says, read back: there being one reading is what injective means."""
    out: list[Any] = []
    while raw:
        head, _, raw = raw.partition(b":")
        tag, number = head[:1], head[1:]
        if tag == b"n":
            out.append(None)
        elif tag == b"i":
            out.append(int(number))
        else:
            value, raw = raw[: int(number)], raw[int(number) :]
            out.append(value.decode() if tag == b"s" else value)
    return out


@given(st.text(), st.lists(FIELD))
def test_evidence_law_1_a_frame_is_read_back_in_one_way_only(
    purpose: str, fields: list[Any]
) -> None:
    assert unframe(evidence.frame(purpose, *fields)) == [purpose, *fields]


@given(st.lists(FIELD), st.lists(FIELD))
def test_evidence_law_1_two_runs_of_fields_never_frame_alike(
    one: list[Any], two: list[Any]
) -> None:
    same = evidence.frame("p", *one) == evidence.frame("p", *two)
    assert same == (one == two and [*map(type, one)] == [*map(type, two)])


def test_evidence_law_1_a_lone_surrogate_and_another_type_cannot_be_framed() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        evidence.frame("p", "\ud800")
    with pytest.raises(TypeError):
        evidence.frame("p", ["x"])  # type: ignore[arg-type] # on purpose


# Digests


@pytest.mark.parametrize(
    "changed",
    [
        {"revision": 2},
        {"action": "stripe.payouts.creat"},
        {"method": "PUT"},
        {"method": "post"},
        {"url": "http://api.stripe.com/v1/payouts?expand=balance"},
        {"url": "https://api.stripe.co/v1/payouts?expand=balance"},
        {"url": "https://api.stripe.com:8443/v1/payouts?expand=balance"},
        {"url": "https://api.stripe.com/v1/payout%73?expand=balance"},
        {"url": "https://api.stripe.com/v1//payouts?expand=balance"},
        {"url": "https://api.stripe.com/v1/./payouts?expand=balance"},
        {"url": "https://api.stripe.com/v1/payouts?expand=balance&"},
        {"url": "https://api.stripe.com/v1/payouts?"},
        {"url": "https://api.stripe.com/v1/payouts"},
        {"headers": [("content-type", "text/plain"), ("x-a", "2"), ("x-a", "1")]},
        {"headers": [("content-type", "text/plain"), ("x-a", "1")]},
        {"headers": [("content-type", "text/plain"), ("x-a", "1, 2")]},
        {"headers": [("content-type", "text/plain"), ("x-a", "1"), ("x-b", "2")]},
        {"headers": [("content-type", "text/Plain"), ("x-a", "1"), ("x-a", "2")]},
        {"body": b"amount=10"},
        {"body": b""},
    ],
    ids=str,
)
def test_evidence_law_2_whatever_changes_what_is_sent_changes_the_digest(
    changed: dict[str, Any],
) -> None:
    assert first_http(**changed) != first_http()


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "HTTPS://API.STRIPE.COM:443/v1/payouts?expand=balance"},
        {"headers": [("X-A", "1"), ("x-a", " 2\t"), ("Content-Type", "text/plain")]},
        {
            "headers": [
                ("content-type", "text/plain"),
                ("connection", "close, TE"),
                ("te", "trailers"),
                ("x-a", "1"),
                ("keep-alive", "5"),
                ("x-a", "2"),
                ("proxy-authorization", "Basic x"),
            ]
        },
    ],
    ids=str,
)
def test_evidence_law_2_what_is_sent_alike_has_one_digest(changed: dict[str, Any]) -> None:
    assert first_http(**changed) == first_http()


def test_evidence_law_2_an_empty_path_is_sent_as_a_slash() -> None:
    assert evidence.split_url("http://h?q") == ("http", "h", "/", "q")


def test_evidence_law_2_path_and_query_stay_as_they_are() -> None:
    url = "https://H.example:8443/a/%2e%2E//b;c=%6D?q=a+b%20c&&q=?/"
    want = ("https", "h.example:8443", "/a/%2e%2E//b;c=%6D", "q=a+b%20c&&q=?/")
    assert evidence.split_url(url) == want


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/v1/payouts",
        "api.stripe.com/v1",
        "//api.stripe.com/v1",
        "ftp://h/",
        "https:/h/",
        "https:///v1",
        "https://:443/v1",
        "https://?x",
        "https://user@h/",
        "https://user:pw@h/",
        "https://good.example\\@evil.example/",
        "https://good.example\\.evil.example/",
        "https://h/#top",
        "https://h#top",
        "https://h/a?b#c",
        "https://h/a b",
        "https://h/a\tb",
        "https://h/a\nb",
        "https://h/\x7f",
        "https://h/\u00fc",
        "https://\u00fc.example/",
        "https://\u212a.example/",
        "https://h%2eexample/",
        "https://h..example/",
        "https://.h/",
        "https://h:/",
        "https://h:0/",
        "https://h:0443/",
        "https://h:65536/",
        "https://h:99999999999/",
        "https://h:4\u0661/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://h/\n",
        " https://h/",
    ],
)
def test_evidence_law_2_a_url_with_two_readings_is_refused_in_words(url: str) -> None:
    with pytest.raises(ValueError, match="no user, no fragment"):
        first_http(url=url)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ([("", "x")], "cannot be sent"),
        ([("x y", "x")], "cannot be sent"),
        ([("x:", "x")], "cannot be sent"),
        ([(":authority", "x")], "cannot be sent"),
        ([("\u212aeep-alive", "x")], "cannot be sent"),
        ([("x\n", "x")], "cannot be sent"),
        ([("x", "a\r\nx-b: c")], "cannot be sent"),
        ([("x", "a\n")], "cannot be sent"),
        ([("x", "a\0")], "cannot be sent"),
        ([("x", "\u2713")], "cannot be sent"),
        ([("x-amount", "1"), ("connection", "close,\tX-Amount ")], "names x-amount"),
        ([("connection", "close"), ("Connection", "Host"), ("host", "api.stripe.com")], "host"),
        ([("host", "evil.example")], "another host"),
        ([("host", "api.stripe.com:8443")], "another host"),
        ([("host", "api.stripe.com/")], "another host"),
        ([("host", "api.stripe.com"), ("host", "evil.example")], "another host"),
        ([("host", "a@api.stripe.com")], "no user"),
    ],
    ids=str,
)
def test_evidence_law_2_a_header_with_two_readings_is_refused_in_words(
    headers: list[tuple[str, str]], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        first_http(headers=headers)


def test_evidence_law_2_a_host_header_that_agrees_is_a_header_like_any_other() -> None:
    assert evidence.end_to_end([("Host", "A"), ("te", "x")]) == [("host", "A")]
    assert first_http(headers=[("host", "API.stripe.com:443")]) != first_http(headers=[])


@pytest.mark.parametrize("method", ["", "GET ", "GE T", "GET\r\n", "G\u00c9T"])
def test_evidence_law_2_a_method_that_is_no_token_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="not an HTTP method"):
        first_http(method=method)


# Canonical JSON


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ('{"b":1,"a":[ ]}', '{"a":[],"b":1}'),
        (b'\n"\xe2\x82\xac" ', '"€"'),
        ("-0", "0"),
        ("[1.0,1E3,0.10,-0.0]", "[1,1000,0.1,0]"),
        ("9007199254740991", "9007199254740991"),
        ("-9007199254740991.0", "-9007199254740991"),
        ('"\\ud83d\\ude00"', '"😀"'),
        ("[" * 64 + "]" * 64, "[" * 64 + "]" * 64),
        ('"' + "[" * 99 + '"', '"' + "[" * 99 + '"'),
        ('"' + "\\\\" * 9 + "[" * 99 + '\\""', '"' + "\\\\" * 9 + "[" * 99 + '\\""'),
    ],
)
def test_evidence_law_2_one_value_has_one_form(text: str | bytes, want: str) -> None:
    assert evidence.canonical(text) == want


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("{'a':1}", "Expecting property name"),
        ("[1,]", "Expecting value"),
        ("1 2", "Extra data"),
        ("\ufeff1", "Expecting value"),
        (b"\xff", "decode"),
        ("[1]".encode("utf-16"), "decode"),
        ('{"a":1,"a":1}', "twice"),
        ('{"a":1,"\\u0061":2}', "twice"),
        ('[{"b":{"a":1,"a":2}}]', "twice"),
        ("9007199254740992", "beyond"),
        ("-9007199254740992", "beyond"),
        ("9007199254740993.0", "beyond"),
        ("1e16", "beyond"),
        ("1e400", "beyond"),
        ("1" * 5000, "beyond"),
        ("NaN", "beyond"),
        ("-Infinity", "beyond"),
        ('"\\ud800"', "codepoints"),
        ('"\\ude00\\ud83d"', "codepoints"),
        ('{"\\udfff":1}', "surrogates"),
        ('"\ud800"', "codepoints"),
        ('"a\nb"', "control character"),
        ("[" * 65 + "]" * 65, "nested deeper than 64"),
        ('{"a":' * 65 + "1" + "}" * 65, "nested deeper than 64"),
        ("[" * 100_000, "nested deeper than 64"),
        ('"\\"' + "[" * 65, "Unterminated"),
    ],
)
def test_evidence_law_2_json_with_no_reading_or_two_is_refused_in_words(
    text: str | bytes, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        evidence.canonical(text)


def test_evidence_law_2_strings_that_never_end_cost_linear_time() -> None:
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        evidence.canonical('"\\' * 500_000)


# Receipts


def decided(**changed: Any) -> Case:
    ask = Ask("payments", (("finance", 1),), policy="sha-256:" + "c" * 64, release_within=60_000)
    vote = Vote("dana", Choice.APPROVE, ("finance",), "slack", 1, NOW - 10)
    case = Case(
        id="req_1",
        org="default",
        revision=1,
        digest="sha-256:" + "a" * 64,
        requester="billing",
        agent="bot",
        ask=ask,
        created_at=NOW - 9_000,
        expires_at=NOW + 9_000,
        status=Status.APPROVED,
        votes=(vote,),
        decided_at=NOW,
        head="7:" + "d" * 64,
    )
    return dataclasses.replace(case, **changed)


def receipt(key: ReceiptKey = KEY, **changed: Any) -> str:
    return evidence.sign_receipt(key, evidence.receipt_claims(decided(), issuer=ISSUER) | changed)


def verify(token: str, *, now: int = NOW + 1_000, **changed: Any) -> Claims:
    wanted: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": "billing",
        "subject": "req_1",
        "now": now,
    }
    wanted |= {"digest": "sha-256:" + "a" * 64, "keys": [OTHER.jwk(), KEY.jwk()]}
    return evidence.verify_receipt(token, **(wanted | changed))


def public(key: ReceiptKey = KEY) -> Any:
    return key.private.public_key()


def test_law_22_a_receipt_verifies_with_another_jose_library() -> None:
    token = receipt()
    assert jwt.get_unverified_header(token) == {
        "alg": "EdDSA",
        "typ": "countersign-receipt+jwt",
        "kid": KEY.thumbprint,
    }
    checks: dict[str, Any] = {
        "audience": "billing",
        "issuer": ISSUER,
        "options": {"verify_exp": False},
    }
    claims = jwt.decode(token, jwt.PyJWK(KEY.jwk()).key, algorithms=["EdDSA"], **checks)
    assert claims == verify(token)
    issued = NOW // 1000
    assert claims == {
        "iss": ISSUER,
        "aud": "billing",
        "sub": "req_1",
        "jti": "req_1.1",
        "org": "default",
        "iat": issued,
        "exp": issued + 60,
        "choice": "approve",
        "status": "approved",
        "digest": "sha-256:" + "a" * 64,
        "revision": 1,
        "people": [{"choice": "approve", "at": issued, "seal": decided().votes[0].mac[:32]}],
        "policy": "sha-256:" + "c" * 64,
        "rule": "payments",
        "head": "7:" + "d" * 64,
        "unseen": False,
    }


def test_law_22_one_case_has_one_receipt() -> None:
    assert receipt() == receipt()


def test_law_22_the_thumbprint_is_that_of_rfc_8037() -> None:
    """https://www.rfc-editor.org/rfc/rfc8037#appendix-A.3"""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
    assert evidence.thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    with pytest.raises(ValueError, match="not an Ed25519 key"):
        evidence.thumbprint({"kty": "oct", "k": "AAAA"})


@pytest.mark.parametrize("status", [Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN])
def test_law_01_every_other_end_is_a_decline(status: Status) -> None:
    claims = evidence.receipt_claims(decided(status=status), issuer=ISSUER)
    assert claims["choice"] == "decline"
    with pytest.raises(Refused, match="choice"):
        verify(evidence.sign_receipt(KEY, claims))


def test_law_04_an_open_case_has_no_receipt() -> None:
    with pytest.raises(ValueError, match="open"):
        evidence.receipt_claims(decided(status=Status.PENDING), issuer=ISSUER)


def test_law_14_a_receipt_over_unseen_bytes_says_so() -> None:
    assert evidence.receipt_claims(decided(complete=False), issuer=ISSUER)["unseen"] is True


def test_law_22_a_receipt_names_no_person() -> None:
    assert "dana" not in json.dumps(evidence.receipt_claims(decided(), issuer=ISSUER))


def test_law_01_a_receipt_by_another_key_is_refused() -> None:
    with pytest.raises(Refused, match="not trusted"):
        verify(receipt(), keys=[OTHER.jwk()])
    with pytest.raises(Refused, match="not trusted"):
        verify(receipt(), keys=[])
    forged = {"typ": evidence.RECEIPT, "kid": KEY.thumbprint}
    claims = evidence.receipt_claims(decided(), issuer=ISSUER)
    with pytest.raises(Refused, match="does not verify"):
        verify(jwt.encode(claims, OTHER.private, "EdDSA", headers=forged))


def test_law_01_a_pinned_key_counts_by_its_thumbprint_and_not_by_its_name() -> None:
    with pytest.raises(Refused, match="not trusted"):
        verify(receipt(), keys=[OTHER.jwk() | {"kid": KEY.thumbprint}])


def test_law_01_alg_none_is_refused() -> None:
    claims = evidence.receipt_claims(decided(), issuer=ISSUER)
    header = {"typ": evidence.RECEIPT, "kid": KEY.thumbprint}
    for alg in ("none", "None", "NONE"):
        parts = (json.dumps(header | {"alg": alg}), json.dumps(claims))
        text = ".".join(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts)
        for token in (f"{text}.", f"{text}.AAAA"):
            with pytest.raises(Refused, match="does not verify"):
                verify(token)


def test_law_01_hs256_with_the_public_key_as_secret_is_refused() -> None:
    claims = evidence.receipt_claims(decided(), issuer=ISSUER)
    header = {"typ": evidence.RECEIPT, "kid": KEY.thumbprint}
    for secret in (public().public_bytes_raw(), KEY.jwk()["x"].encode()):
        token = jwt.encode(claims, secret, "HS256", headers=header)
        with pytest.raises(Refused, match="HS256"):
            verify(token)


@pytest.mark.parametrize("typ", ["JWT", "countersign-checkpoint+jwt", "", None])
def test_law_01_another_typ_is_refused(typ: str | None) -> None:
    claims = evidence.receipt_claims(decided(), issuer=ISSUER)
    header = {"typ": typ, "kid": KEY.thumbprint}
    with pytest.raises(Refused, match=re.escape("not a countersign-receipt+jwt")):
        verify(jwt.encode(claims, KEY.private, "EdDSA", headers=header))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "https://evil.example.com"),
        ("iss", None),
        ("aud", "another"),
        ("aud", ["billing"]),
        ("sub", "req_2"),
        ("choice", "decline"),
        ("choice", "APPROVE"),
        ("choice", True),
        ("digest", "sha-256:" + "b" * 64),
        ("digest", None),
        ("jti", None),
        ("jti", 1),
        ("iat", None),
        ("iat", "1"),
        ("exp", None),
        ("exp", True),
        ("exp", 1e99),
    ],
)
def test_law_01_a_receipt_with_another_claim_is_refused(claim: str, value: Any) -> None:
    with pytest.raises(Refused, match=claim if value != 1e99 else "beyond"):
        verify(receipt(**{claim: value}))


def test_law_01_a_receipt_without_a_claim_is_refused() -> None:
    for claim in ("iss", "aud", "sub", "choice", "digest", "jti", "iat", "exp"):
        claims = evidence.receipt_claims(decided(), issuer=ISSUER)
        del claims[claim]
        with pytest.raises(Refused, match=claim):
            verify(evidence.sign_receipt(KEY, claims))


def test_law_01_a_receipt_holds_from_its_second_to_its_end_and_30_s_of_skew() -> None:
    issued, ends = NOW // 1000 * 1000, NOW // 1000 * 1000 + 60_000
    for good in (issued - 30_000, issued, ends, ends + 29_999):
        verify(receipt(), now=good)
    with pytest.raises(Refused, match="expired"):
        verify(receipt(), now=ends + 30_000)
    with pytest.raises(Refused, match="future"):
        verify(receipt(), now=issued - 30_001)


def test_law_01_an_altered_receipt_is_refused() -> None:
    token = receipt()
    head, body, signature = token.split(".")
    flipped = body[:40] + ("A" if body[40] != "A" else "B") + body[41:]
    short = signature[:-2]
    for bad in (f"{head}.{flipped}.{signature}", f"{head}.{body}.{short}", f"{head}.{body}"):
        with pytest.raises(Refused, match="does not verify"):
            verify(bad)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*){2}"))
def test_law_01_any_text_at_all_is_refused_and_nothing_else(token: str) -> None:
    with pytest.raises(Refused):
        verify(token)


@pytest.mark.parametrize("header", ["[]", '"alg"', "1", '{"alg":[]}', '{"alg":"EdDSA","kid":[]}'])
def test_law_01_a_header_of_any_shape_is_refused_and_nothing_else(header: str) -> None:
    _, body, signature = receipt().split(".")
    head = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
    with pytest.raises(Refused):
        verify(f"{head}.{body}.{signature}")


def test_law_01_a_payload_that_names_a_claim_twice_is_refused() -> None:
    text = json.dumps(evidence.receipt_claims(decided(), issuer=ISSUER))
    parts = ({"alg": "EdDSA", "typ": evidence.RECEIPT, "kid": KEY.thumbprint}, None)
    raw = (json.dumps(parts[0]), text[:-1] + ',"choice":"approve"}')
    message = ".".join(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in raw)
    signature = base64.urlsafe_b64encode(KEY.private.sign(message.encode())).decode().rstrip("=")
    with pytest.raises(Refused, match="twice"):
        verify(f"{message}.{signature}")


def test_law_22_reading_says_that_a_receipt_has_expired_and_does_not_fail() -> None:
    keys = [KEY.jwk()]
    claims, expired = evidence.read_receipt(receipt(), keys, now=NOW)
    assert (claims["sub"], expired) == ("req_1", False)
    assert evidence.read_receipt(receipt(), keys, now=NOW + 10**9) == (claims, True)
    with pytest.raises(Refused):
        evidence.read_receipt(receipt(OTHER), keys, now=NOW)


def test_law_23_the_key_is_in_no_repr() -> None:
    raw = KEY.private.private_bytes_raw()
    assert "private" not in repr(KEY)
    assert not {raw.hex(), str(raw), base64.b64encode(raw).decode()} & {repr(KEY), str(KEY)}
    assert "d" not in KEY.jwk()


# The audit chain


def entries(count: int = 6) -> list[Entry]:
    return [
        Entry(
            "default",
            NOW + n,
            "vote",
            f"req_{n}" if n else None,
            json.dumps({"n": n, "who": "däna"}),
            bytes([n]) * 16,
        )
        for n in range(count)
    ]


def exported(rows: list[Entry], erased: tuple[int, ...] = (), start: int = 0) -> list[str]:
    out, linked = [], evidence.GENESIS
    for seq, entry in enumerate(rows, 1):
        committed = evidence.commitment(entry)
        linked = evidence.link(linked, seq, entry, committed)
        gone = dataclasses.replace(entry, content=None, salt=None) if seq in erased else entry
        out.append(evidence.export_line(seq, gone, committed, linked))
    return out[start:]


def head_of(line: str) -> str:
    row = json.loads(line)
    return f"{row['seq']}:{row['link']}"


def test_law_21_a_commitment_is_framed_like_everything_else() -> None:
    entry = entries(2)[1]
    assert entry.salt is not None
    framed = evidence.frame("countersign/commitment/1", entry.salt, entry.content)
    assert evidence.commitment(entry) == hashlib.sha256(framed).digest()


@pytest.mark.parametrize("about", [None, 'req_ä"\n'])
def test_law_21_a_link_and_a_line_are_framed_like_everything_else(about: str | None) -> None:
    entry = dataclasses.replace(entries(2)[1], request_id=about, kind='vo"te')
    committed, previous = evidence.commitment(entry), bytes([7]) * 32
    said = (entry.org, evidence.rfc3339(entry.at), entry.kind, about)
    framed = evidence.frame("countersign/link/1", previous, 12, *said, committed)
    linked = evidence.link(previous, 12, entry, committed)
    assert linked == hashlib.sha256(framed).digest()
    line = evidence.export_line(12, entry, committed, linked)
    assert json.dumps(json.loads(line)) == line
    assert entry.salt is not None
    assert json.loads(line) == {
        **dict(zip(("org", "at", "kind", "request_id"), said, strict=True)),
        "seq": 12,
        "commitment": committed.hex(),
        "link": linked.hex(),
        "content": entry.content,
        "salt": entry.salt.hex(),
    }


def test_law_22_a_row_written_by_another_program_verifies() -> None:
    lines = [
        json.dumps(json.loads(line), sort_keys=True, indent=None) for line in exported(entries())
    ]
    spaced = [f" {line[:-1]} }}" for line in lines]
    assert evidence.verify_chain(lines).bad is None
    assert evidence.verify_chain(spaced).bad is None
    twice = [*lines[:2], lines[2].replace('"seq"', '"seq": 3, "seq"'), *lines[3:]]
    assert evidence.verify_chain(twice).bad == 3


def test_law_21_a_sound_export_verifies_and_names_its_head() -> None:
    lines = exported(entries())
    report = evidence.verify_chain(lines, heads=[head_of(lines[3]), head_of(lines[5])])
    assert report == evidence.ChainReport(head_of(lines[5]), erased=0, known=6)
    assert evidence.verify_chain([]).head == f"0:{evidence.GENESIS.hex()}"


def test_law_21_a_row_says_when_in_rfc_3339() -> None:
    assert json.loads(exported(entries())[0])["at"] == "2026-01-02T03:55:40.250Z"
    assert evidence.rfc3339(0) == "1970-01-01T00:00:00.000Z"


def test_law_21_erasing_content_and_salt_breaks_no_link() -> None:
    whole, lines = exported(entries()), exported(entries(), erased=(2, 5))
    report = evidence.verify_chain(lines, heads=[head_of(whole[5])])
    assert (report.bad, report.erased, report.known) == (None, 2, 6)
    assert "däna" not in json.loads(lines[1])


def test_law_21_what_was_erased_cannot_be_guessed_without_the_salt() -> None:
    entry = entries(2)[1]
    guess = dataclasses.replace(entry, salt=bytes(16))
    assert evidence.commitment(guess) != evidence.commitment(entry)
    with pytest.raises(ValueError, match="erased"):
        evidence.commitment(dataclasses.replace(entry, content=None, salt=None))


ALTERED = {
    "seq": 40,
    "org": "other",
    "at": "2026-01-02T03:55:40.999Z",
    "kind": "tap",
    "request_id": "req_9",
    "content": '{"n":9}',
    "salt": "00" * 16,
    "commitment": "11" * 32,
    "link": "22" * 32,
}


@pytest.mark.parametrize("field", ALTERED)
def test_law_22_an_altered_field_names_its_row(field: str) -> None:
    lines = exported(entries())
    lines[2] = json.dumps(json.loads(lines[2]) | {field: ALTERED[field]})
    report = evidence.verify_chain(lines)
    assert report.bad == 3
    assert report.head == head_of(lines[1])
    assert report.why


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '"row"',
        "{}",
        "null",
        "[" * 1000,
        '{"seq":3}',
        '{"seq":3,"seq":3}',
    ],
)
def test_law_22_a_line_that_is_no_row_is_the_bad_row(line: str) -> None:
    lines = exported(entries())
    lines[2] = line
    assert evidence.verify_chain(lines).bad == 3


@pytest.mark.parametrize(
    "change",
    [
        {"note": "x"},
        {"at": "2026-01-02T03:55:40.252000Z"},
        {"at": "2026-01-02T04:55:40.252+01:00"},
        {"at": "2026-01-02T03:55:40.252"},
        {"at": 5},
        {"link": "AA" * 32},
        {"commitment": "xyz"},
        {"salt": None},
        {"kind": ["vote"]},
    ],
    ids=str,
)
def test_law_22_a_row_spelt_otherwise_is_a_bad_row(change: dict[str, Any]) -> None:
    lines = exported(entries())
    lines[2] = json.dumps(json.loads(lines[2]) | change)
    assert evidence.verify_chain(lines).bad == 3


@pytest.mark.parametrize("field", list(ALTERED))
def test_law_22_a_row_without_a_field_is_a_bad_row(field: str) -> None:
    lines = exported(entries())
    row = json.loads(lines[2])
    del row[field]
    lines[2] = json.dumps(row)
    assert evidence.verify_chain(lines).bad == 3


def test_law_22_rows_in_another_order_are_named() -> None:
    lines = exported(entries())
    lines[2], lines[3] = lines[3], lines[2]
    report = evidence.verify_chain(lines)
    assert (report.bad, report.why[:5]) == (3, "row 4")


def test_law_22_a_missing_row_is_named() -> None:
    lines = exported(entries())
    assert evidence.verify_chain(lines[:2] + lines[3:]).bad == 3
    assert evidence.verify_chain(lines[1:]).bad == 1


def test_law_22_an_inserted_or_repeated_row_is_named() -> None:
    lines = exported(entries())
    assert evidence.verify_chain([*lines[:3], lines[2], *lines[3:]]).bad == 4


def test_law_22_a_row_altered_with_its_own_link_betrays_itself_in_the_next() -> None:
    rows, lines = entries(), exported(entries())
    previous = bytes.fromhex(json.loads(lines[1])["link"])
    changed = dataclasses.replace(rows[2], content='{"n":9}')
    committed = evidence.commitment(changed)
    linked = evidence.link(previous, 3, changed, committed)
    lines[2] = evidence.export_line(3, changed, committed, linked)
    report = evidence.verify_chain(lines)
    assert (report.bad, "row before" in report.why) == (4, True)
    known = head_of(exported(rows)[2])
    assert evidence.verify_chain(lines, heads=[known]).bad == 3


def test_law_22_a_chain_rewritten_throughout_betrays_itself_at_a_known_head() -> None:
    rows = entries()
    known = head_of(exported(rows)[4])
    rows[1] = dataclasses.replace(rows[1], content='{"n":9}')
    assert evidence.verify_chain(exported(rows)).bad is None
    report = evidence.verify_chain(exported(rows), heads=[known])
    assert (report.bad, report.known) == (5, 0)


def test_law_22_a_chain_cut_off_below_a_known_head_is_named() -> None:
    lines = exported(entries())
    report = evidence.verify_chain(lines[:4], heads=[head_of(lines[5]), head_of(lines[1])])
    assert (report.bad, report.known) == (5, 2)
    assert "row 6 is known" in report.why
    assert evidence.verify_chain([], heads=[head_of(lines[0])]).bad == 1


def test_law_22_two_heads_that_disagree_are_a_bad_row() -> None:
    lines = exported(entries())
    heads = [head_of(lines[3]), "4:" + "0" * 64]
    assert evidence.verify_chain(lines, heads=heads).bad == 4


def test_law_22_an_export_that_begins_later_verifies_from_the_head_below_it() -> None:
    lines = exported(entries())
    rest = exported(entries(), start=3)
    below = head_of(lines[2])
    heads = [head_of(lines[0]), head_of(lines[5])]
    assert evidence.verify_chain(rest, heads=heads, after=below).bad is None
    assert evidence.verify_chain(rest, after="3:" + "0" * 64).bad == 4
    assert evidence.verify_chain(rest).bad == 1


@pytest.mark.parametrize("head", ["", "6", "6:ab", "x:" + "0" * 64, "-1:" + "0" * 64])
def test_a_head_that_is_none_is_said_to_the_caller(head: str) -> None:
    with pytest.raises(ValueError, match="not a chain head"):
        evidence.verify_chain([], heads=[head])


def test_law_21_a_checkpoint_is_signed_and_stands_for_its_head() -> None:
    lines = exported(entries())
    point = Checkpoint(6, bytes.fromhex(json.loads(lines[5])["link"]), NOW // 1000 * 1000)
    token = evidence.sign_checkpoint(KEY, point, issuer=ISSUER)
    read = evidence.read_checkpoint(token, [KEY.jwk()])
    assert read == point
    assert evidence.verify_chain(lines, heads=[read.head]).known == 6
    assert evidence.verify_chain(lines[:5], heads=[read.head]).bad == 6
    jwt.decode(token, public(), algorithms=["EdDSA"])


def test_law_21_a_receipt_is_no_checkpoint_and_a_strangers_neither() -> None:
    with pytest.raises(Refused, match="checkpoint"):
        evidence.read_checkpoint(receipt(), [KEY.jwk()])
    point = Checkpoint(1, bytes(32), NOW)
    token = evidence.sign_checkpoint(OTHER, point, issuer=ISSUER)
    with pytest.raises(Refused, match="not trusted"):
        evidence.read_checkpoint(token, [KEY.jwk()])
