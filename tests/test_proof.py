"""How platforms prove themselves: whatever is wrong is `Forged`, never another exception."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from approvals import proof
from approvals.model import MINUTE, Forged

KEY = b"8f742231b10e8888abcd99yyyzzz85a5"
BODY = b"v0:1531420618:token=x"
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key().public_bytes_raw()
NOW = 1_767_326_140_250
WRONG = ["", " ", "v0=", "é", "\ud800", "0" * 64, "g" * 64, "x" * 100_000, "\0"]


def test_the_mac_is_hmac_sha256_in_hex() -> None:
    """RFC 4231, test case 2."""
    want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert proof.hmac_sha256(b"Jefe", b"what do ya want for nothing?") == want
    assert proof.hmac_sha256(KEY, BODY) == hmac.new(KEY, BODY, hashlib.sha256).hexdigest()


def test_law_09_the_senders_mac_is_taken() -> None:
    proof.check_hmac(KEY, BODY, proof.hmac_sha256(KEY, BODY))
    proof.check_hmac(KEY, BODY, "v0=" + proof.hmac_sha256(KEY, BODY), prefix="v0=")


@pytest.mark.parametrize("given_mac", [None, *WRONG])
def test_law_09_another_mac_is_forged(given_mac: str | None) -> None:
    with pytest.raises(Forged):
        proof.check_hmac(KEY, BODY, given_mac)
    with pytest.raises(Forged):
        proof.check_hmac(KEY, BODY, given_mac, prefix="v0=")


def test_law_09_a_mac_of_another_key_body_prefix_or_spelling_is_forged() -> None:
    mac = proof.hmac_sha256(KEY, BODY)
    for key, body, text in (
        (KEY + b"x", BODY, f"v0={mac}"),
        (KEY, BODY + b"x", f"v0={mac}"),
        (KEY, BODY, mac),
        (KEY, BODY, f"v1={mac}"),
        (KEY, BODY, f"v0={mac.upper()}"),
        (KEY, BODY, f"v0={mac} "),
        (KEY, BODY, f"v0={mac[:-1]}"),
    ):
        with pytest.raises(Forged):
            proof.check_hmac(key, body, text, prefix="v0=")


def test_law_09_an_empty_key_or_secret_proves_nothing() -> None:
    mac = hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    with pytest.raises(Forged):
        proof.check_hmac(b"", BODY, mac)
    for text in (None, "", "x"):
        with pytest.raises(Forged):
            proof.check_secret("", text)


def test_law_09_the_senders_signature_is_taken() -> None:
    proof.check_ed25519(PUBLIC, BODY, SIGNER.sign(BODY).hex())


@pytest.mark.parametrize("text", [None, *WRONG, "00" * 64, "0"])
def test_law_09_another_signature_is_forged(text: str | None) -> None:
    with pytest.raises(Forged):
        proof.check_ed25519(PUBLIC, BODY, text)


def test_law_09_a_signature_under_another_key_or_body_is_forged() -> None:
    signature = SIGNER.sign(BODY).hex()
    for key, body in ((bytes(32), BODY), (b"", BODY), (PUBLIC[:-1], BODY), (PUBLIC, BODY + b"x")):
        with pytest.raises(Forged):
            proof.check_ed25519(key, body, signature)


def test_law_09_the_shared_secret_is_taken_and_another_is_forged() -> None:
    proof.check_secret("s3crét", "s3crét")
    for text in (None, *WRONG, "s3cret", "s3crét ", "s3cré"):
        with pytest.raises(Forged):
            proof.check_secret("s3crét", text)


def test_law_09_a_time_within_the_window_is_taken_either_way() -> None:
    sent = NOW // 1000
    assert proof.check_fresh(str(sent), NOW, 5 * MINUTE) == sent * 1000
    proof.check_fresh(str(sent - 299), NOW, 5 * MINUTE)
    proof.check_fresh(str(sent + 300), NOW, 5 * MINUTE)


@pytest.mark.parametrize("away", [-301, 301, -31_536_000])
def test_law_09_a_time_outside_the_window_is_forged(away: int) -> None:
    with pytest.raises(Forged):
        proof.check_fresh(str(NOW // 1000 + away), NOW, 5 * MINUTE)


@pytest.mark.parametrize(
    "text",
    [
        *(None, *WRONG, "abc", "1767326140.5", " 1767326140", "1_767_326_140", "-1", "+1767326140"),
        *("١٧٦٧٣٢٦١٤٠", "²", "0x6957", "1e9", "9" * 5000, "nan", "1767326140\n"),
    ],
)
def test_law_09_a_time_that_is_no_number_is_forged(text: str | None) -> None:
    with pytest.raises(Forged):
        proof.check_fresh(text, NOW, 10**15)


@given(st.binary(), st.binary(), st.none() | st.text(), st.text(max_size=4))
def test_law_09_nothing_but_forged_is_ever_raised(
    key: bytes, message: bytes, text: str | None, prefix: str
) -> None:
    for check in (
        lambda: proof.check_hmac(key, message, text, prefix=prefix),
        lambda: proof.check_ed25519(key, message, text),
        lambda: proof.check_secret("secret", text),
        lambda: proof.check_fresh(text, NOW, MINUTE),
    ):
        with pytest.raises(Forged):
            check()


def test_law_23_what_is_forged_says_nothing_of_key_or_mac() -> None:
    with pytest.raises(Forged) as caught:
        proof.check_hmac(KEY, BODY, "00" * 32)
    assert str(caught.value) == "the proof is absent or not the sender's"
