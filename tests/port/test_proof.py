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


# Points of low order: worked out here anew, from the curve's equation and its addition

P = 2**255 - 19
D = -121_665 * pow(121_666, -1, P) % P


def _added(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """RFC 8032, 5.1.4: -x² + y² = 1 + d x² y²."""
    (x1, y1), (x2, y2) = a, b
    both = D * x1 * x2 * y1 * y2
    return (
        (x1 * y2 + x2 * y1) * pow(1 + both, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - both, -1, P) % P,
    )


def _point(raw: bytes) -> tuple[int, int]:
    number = int.from_bytes(raw, "little")
    y, odd = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return (P - x if x % 2 != odd else x) % P, y


def _low() -> list[bytes]:
    """Every way to write a point whose order divides 8, the ways that are not canonical too."""
    y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
    ys = (0, 1, P - 1, y8, P - y8, P, P + 1)
    return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in (0, 1)]


@pytest.mark.parametrize("raw", _low(), ids=lambda raw: raw.hex()[:4] + raw.hex()[-2:])
def test_law_09_a_point_of_low_order_is_no_key(raw: bytes) -> None:
    point = _point(raw)
    for _ in range(3):
        point = _added(point, point)
    assert point == (0, 1)  # it is one
    with pytest.raises(ValueError, match=r"low order|too large"):
        proof.ed25519_key(raw)
    for forged in (raw.hex() + "00" * 32, "01" + "00" * 63, "00" * 64):
        with pytest.raises(Forged):
            proof.check_ed25519(raw, BODY, forged)


@pytest.mark.parametrize(
    "raw", [b"", b"\x02" + bytes(31), b"\xff" * 32, PUBLIC + b"\0", bytes(64)], ids=len
)
def test_law_09_what_is_no_point_of_the_curve_is_no_key(raw: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        proof.ed25519_key(raw)
    with pytest.raises(Forged):
        proof.check_ed25519(raw, BODY, SIGNER.sign(BODY).hex())


@given(st.binary(min_size=32, max_size=32))
def test_every_real_key_is_taken(seed: bytes) -> None:
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    proof.check_ed25519(signer.public_key().public_bytes_raw(), BODY, signer.sign(BODY).hex())
