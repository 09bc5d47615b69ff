"""Text laws: nothing invisible, nothing lost uncounted, no secret shown, everything linear."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.secret_shapes import suspect
from approvals.text import (
    MAX_MARKS,
    clean,
    decode,
    fit,
    redact,
    redact_field,
    redact_headers,
    show_bytes,
    show_hex,
    show_host,
    utf8_len,
    utf16_len,
)
from tests.harness import hostile
from tests.harness.hostile import ANY, raw
from tests.harness.samples import SALT
from tests.reading.work import linear


def read_back(text: str) -> str:
    r"""What a block says, by the only rule a reader needs: `\u{…}` is that character."""
    out, at = [], 0
    while at < len(text):
        if text.startswith("\\u{", at):
            end = text.index("}", at)
            out.append(chr(int(text[at + 3 : end], 16)))
            at = end + 1
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


@pytest.mark.parametrize("texts", hostile.BATCHES, ids=range(len(hostile.BATCHES)))
def test_law_12_the_corpus_shows_no_raw_control_or_format_character(texts: tuple[str, ...]) -> None:
    for text in texts:
        assert not raw(clean(text))
        assert not raw(clean(text, line=False), keep="\n\t")
        assert read_back(clean(text, line=False)) == text


@given(ANY)
def test_law_12_no_text_shows_a_raw_control_or_format_character(text: str) -> None:
    assert not raw(clean(text))
    assert not raw(clean(text, line=False), keep="\n\t")


@given(ANY)
def test_law_12_what_is_shown_is_the_original(text: str) -> None:
    assert read_back(clean(text, line=False)) == text


@given(ANY, ANY)
def test_law_12_two_blocks_look_alike_only_if_they_are(one: str, two: str) -> None:
    assert (clean(one, line=False) == clean(two, line=False)) == (one == two)


@given(ANY)
def test_law_12_a_value_never_begins_a_second_line(text: str) -> None:
    assert len(clean(text).splitlines()) <= 1


@given(ANY.filter(lambda text: "\\" not in text))
def test_cleaning_what_is_clean_changes_nothing(text: str) -> None:
    for line in (True, False):
        once = clean(text, line=line)
        if "\\" not in once:
            assert clean(once, line=line) == once


def test_escapes_are_visible_and_line_ends_have_a_sign() -> None:
    assert clean("a\u202eb") == "a\\u{202e}b"
    assert clean("a\r\nb\nc\rd") == "a⏎b⏎c⏎d"
    assert clean("a\u2028b\u2029\x85") == "a\\u{2028}b\\u{2029}\\u{85}"
    assert clean("a\tb\n\r", line=False) == "a\tb\n\\u{d}"
    assert clean("a\tb") == "a\\u{9}b"
    assert clean("\ud800\U000e0041\ue000\uffff\u0378") == (
        "\\u{d800}\\u{e0041}\\u{e000}\\u{ffff}\\u{378}"
    )
    assert clean("\\u{202e}") == "\\u{5c}u{202e}"


def test_living_scripts_stay_as_they_are() -> None:
    for text in (
        "naïve cafe\u0301",
        "Tiê\u0301ng Viê\u0323t",
        "क्षत्रिय",
        "น้ำ",
        "שָׁלוֹם",
        "日本語 ✅😀",
    ):
        assert clean(text) == text


def test_a_flood_of_marks_is_escaped_and_marks_never_join_our_own_words() -> None:
    shown = clean("a" + "\u0301" * 50)
    assert shown == "a" + "\u0301" * MAX_MARKS + "\\u{301}" * (50 - MAX_MARKS)
    assert clean("\u0301a") == "\\u{301}a"
    assert clean("x\n\u0301a", line=False) == "x\n\\u{301}a"
    assert clean("no\u0336t") == "no\\u{336}t"


@given(ANY, st.integers(0, 60), st.sampled_from([len, utf16_len, utf8_len]))
def test_law_14_fitting_loses_nothing_uncounted(
    text: str, limit: int, measure: Callable[[str], int]
) -> None:
    text = clean(text, line=False)
    found = fit(text, limit, measure)
    assert len(found.head) + found.elided + len(found.tail) == len(text)
    assert text.startswith(found.head)
    assert text.endswith(found.tail)
    assert measure(found.head) + measure(found.tail) <= limit
    assert (found.elided == 0) == (measure(text) <= limit)


@given(st.text("\\u{}20e\u202e\u0301a"), st.integers(0, 40))
def test_a_cut_leaves_no_half_of_an_escape(text: str, limit: int) -> None:
    shown = clean(text, line=False)
    found = fit(shown, limit)
    if found.elided:
        at = {i for i in range(len(shown)) if shown.startswith("\\u{", i)}
        inside = {j for i in at for j in range(i + 1, shown.index("}", i) + 1)}
        assert len(found.head) not in inside
        assert len(shown) - len(found.tail) not in inside or not found.tail
        assert not found.tail.startswith("\u0301")


@given(ANY)
def test_lengths_are_those_of_the_encodings(text: str) -> None:
    assert utf16_len(text) == sum(2 if ord(char) > 0xFFFF else 1 for char in text)
    assert utf8_len(text) == len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("secret", hostile.SECRETS, ids=range(len(hostile.SECRETS)))
@pytest.mark.parametrize("form", ["{}", "a {} b", '{{"x":"{}"}}', "x={}&y=1", "({})", "\u202e{}"])
def test_law_15_known_shapes_are_redacted(secret: str, form: str) -> None:
    found = redact(form.format(secret), SALT)
    assert found.changed
    assert "[redacted " in found.text
    assert secret not in found.text
    assert secret[-12:] not in found.text


@pytest.mark.parametrize(("text", "secret"), hostile.NAMED)
def test_law_15_telling_names_are_redacted(text: str, secret: str) -> None:
    found = redact(text, SALT)
    assert secret not in found.text
    assert f"[redacted {len(secret)} chars #" in found.text


def test_a_redaction_tells_length_and_a_hash_that_only_the_salt_can_make() -> None:
    one = redact("token=abcdef", SALT).text
    assert one == redact("token=abcdef", SALT).text
    assert one != redact("token=abcdeg", SALT).text
    assert one != redact("token=abcdef", b"another salt").text
    assert one.startswith("token=[redacted 6 chars #")
    assert len(one) == len("token=[redacted 6 chars #a1b2c3]")


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=5&next_page_token=abc&pageToken=x&token=",
        '{"token":null,"secret":"","password":false}',
        "authorization: Bearer csk_placeholder_stripe",
        "client_secret=csk_placeholder_a.b-c",
        "passenger=dana; tokenizer=x; secretary: kim",
        "https://api.stripe.com/v1?x=1 and dana@example.com",
        "the bypass is closed, the key is here",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert not redact(text, SALT).changed


def test_the_login_in_an_address_is_redacted() -> None:
    assert "hunter2" not in redact("postgres://dana:hunter2@db.example/x", SALT).text


@given(ANY)
def test_redact_changes_only_what_is_suspect(text: str) -> None:
    assert suspect(text) or not redact(text, SALT).changed


@given(ANY)
def test_redact_survives_any_text_and_is_said_truly(text: str) -> None:
    for prefix in ("password=", '{"token":"', "İ secret: ", "https://a:"):
        found = redact(prefix + text, SALT)
        assert found.changed == (found.text != prefix + text)


def test_a_field_with_a_telling_name_is_a_secret() -> None:
    assert redact_field("Password", "two words", SALT).text.startswith("[redacted 9 chars #")
    assert redact_field("Amount", "12", SALT).text == "12"
    assert not redact_field("api_key", "csk_placeholder_x", SALT).changed


def test_headers_lose_credentials_and_keep_scheme_and_placeholder() -> None:
    shown = redact_headers(
        [
            ("Authorization", "Bearer abcdef"),
            ("authorization", "Bearer csk_placeholder_stripe"),
            ("X-Api-Key", "abc"),
            ("Cookie", "session=1; account=evil"),
            ("x-transfer-token", "pay evil"),
            ("accept", "*/*"),
            ("x-note", hostile.SECRETS[0]),
        ],
        SALT,
    )
    assert [header.hidden for header in shown] == [False, False, False, True, True, False, True]
    assert shown[0].value.startswith("Bearer [redacted 6 chars #")
    assert shown[1].value == "Bearer csk_placeholder_stripe"
    assert "evil" not in shown[3].value + shown[4].value
    assert shown[5].value == "*/*"
    assert hostile.SECRETS[0] not in shown[6].value


@pytest.mark.parametrize("host", hostile.HOSTS)
def test_law_12_a_host_that_is_not_ascii_never_shows_without_punycode(host: str) -> None:
    shown = show_host(host)
    assert not raw(shown)
    assert "xn--" in shown


def test_hosts_of_one_script_are_readable_and_mixed_ones_are_not() -> None:
    assert show_host("API.Stripe.com:8443") == "api.stripe.com:8443"
    assert show_host("münchen.de:80") == "münchen.de:80 (xn--mnchen-3ya.de:80)"
    assert show_host("пример.рф") == "пример.рф (xn--e1afmkfd.xn--p1ai)"
    assert show_host("аpple.com") == "xn--pple-43d.com"
    assert show_host("[::1]:80") == "[::1]:80"


@given(ANY)
def test_any_host_can_be_shown(host: str) -> None:
    assert not raw(show_host(host))


def test_bodies_that_the_receiver_may_read_otherwise_are_not_text() -> None:
    assert decode(b"abc", None) == "abc"
    assert decode("ä".encode(), "text/plain; charset=UTF-8") == "ä"
    assert decode(b"abc", "text/plain; charset=iso-8859-1") == "abc"
    assert decode("ä".encode(), "text/plain; charset=iso-8859-1") is None
    assert decode(b"+ADw-", "text/plain; charset=utf-7") is None
    assert decode("abc".encode("utf-16-le"), "application/json") is None
    assert decode(b"\xff", None) is None
    assert decode("aä".encode()[:-1], None) is None


def test_a_binary_body_is_shown_with_length_hash_and_hex() -> None:
    body = b"\x89PNG\x00" * 40
    shown = show_hex(body)
    assert shown.startswith("200 bytes, not text; SHA-256 ")
    assert "00000010  " in shown
    assert shown.count("\n") == 13
    assert show_bytes(body, "image/png").binary
    assert len(show_bytes(b"\x00" * 40, None).text.splitlines()) == 4
    assert show_bytes(b"a\x1bb\n", None).text == "a\\u{1b}b\n"


@given(st.binary(max_size=200), st.none() | ANY)
def test_any_body_can_be_shown(body: bytes, content_type: str | None) -> None:
    assert not raw(show_bytes(body, content_type).text, keep="\n\t")


def test_law_27_hostile_text_costs_linear_time() -> None:
    def work(text: str) -> None:
        redact(text, SALT)
        clean(text)
        clean(text, line=False)
        fit(text, 3_000, utf8_len)

    def grown(piece: str, size: int) -> str:
        return (piece * size)[:size]

    for text in (*hostile.LONG, *hostile.CORPUS[::50]):
        linear(partial(grown, text[:40]), work)


@pytest.mark.parametrize(
    "seen",
    [
        *("❤️", "☎️", "ℹ️", "⚠️ stop ⚠️", "1️⃣2️⃣#️⃣"),
        *("👩‍💻", "🧑🏽‍🚒", "🏳️‍🌈", "👨‍👩‍👧‍👦", "🤷🏻‍♀️", "🕵️‍♂️", "👩🏻‍❤️‍💋‍👨🏿", "🧑‍🧑‍🧒‍🧒"),
        *("🚀🚀", "👍🏽", "🇩🇪", "ok ✅"),
    ],
)
def test_law_12_emoji_of_several_characters_are_shown_as_they_are(seen: str) -> None:
    for text in (seen, f"a{seen}b", seen * 3):
        assert clean(text) == clean(text, line=False) == text


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("1\ufe0f", "1\\u{fe0f}"),
        ("🚀\ufe0f", "🚀\\u{fe0f}"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f\\u{fe0f}"),
        ("❤\ufe0e", "❤\\u{fe0e}"),
        ("pay\u200dpal", "pay\\u{200d}pal"),
        ("🚀\u200d🚀", "🚀\\u{200d}🚀"),
        ("👩\u200d", "👩\\u{200d}"),
        ("👩\u200d\u200d💻", "👩\\u{200d}\\u{200d}💻"),
        ("👩\u200d💻\u200d", "👩\\u{200d}💻\\u{200d}"),
        ("1\u20e3", "1\\u{20e3}"),
        ("a\ufe0f\u20e3", "a\\u{fe0f}\\u{20e3}"),
        ("👩\u200d💻\u0335x", "👩\u200d💻\\u{335}x"),
    ],
)
def test_law_12_a_joiner_that_is_part_of_no_listed_emoji_is_an_escape(
    hidden: str, shown: str
) -> None:
    assert clean(hidden) == shown


def test_law_12_an_emoji_that_is_cut_in_two_leaves_no_joiner_behind() -> None:
    text = "👩\u200d💻" * 30
    for limit in range(1, 80):
        found = fit(text, limit)
        assert not found.head.endswith("\u200d")
        assert not found.tail.startswith("\u200d")
        assert len(found.head) + found.elided + len(found.tail) == len(text)
