import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.conditions import compile
from approvals.matching import Subject, When, faults, match, normal_path
from approvals.model import Http


def http(url: str, method: str = "POST") -> Subject:
    return Subject.of("billing", "bot", "act", Http(method, url, (), b""))


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("/v1/payouts", "/v1/payouts"),
        ("/v1/%70ayouts", "/v1/payouts"),
        ("/v1/p%c3%a4y", "/v1/p%C3%A4y"),
        ("/v1/payouts/", "/v1/payouts/"),
        ("/", "/"),
    ],
)
def test_paths_are_compared_after_normalising(raw: str, normal: str) -> None:
    assert normal_path(raw) == normal


@pytest.mark.parametrize(
    "raw",
    [
        "//", "/v1//payouts", "/v1/./payouts", "/v1/x/../payouts", "/v1/x/%2e%2E/payouts",
        "/v1/payouts/x/..", "/v1%2fpayouts", "/v1%5Cpayouts", "/v1\\payouts", "/v1/%252e%252e/x",
        "/../v1", "/%2e%2e/v1", "/v1/%zz", "/v1/%", "/v1/%u002e", "/v1/..;/x",
        "/v1/%2e%2e;x/y", "/v1/..%3b/x", "/v1/%00",
        "/v1/%c0%ae%c0%ae/x", "/v1/ä", "/v1/a b", "v1", "", "/v1?x", "/v1#x",
        "/v1/\ud800", "/v1/\n",
    ],
)  # fmt: skip
def test_a_path_that_servers_may_read_in_two_ways_is_ambiguous(raw: str) -> None:
    assert normal_path(raw) is None


@given(st.text(alphabet="/.%25eE7a;\\", max_size=12).map("/".__add__))
def test_normalising_again_changes_nothing(raw: str) -> None:
    normal = normal_path(raw)
    assert normal is None or normal_path(normal) == normal


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/v1/payouts", "/v1/payouts", True),
        ("/v1/payouts", "/v1/%70ayouts", None),
        ("/v1/payouts", "/v1//payouts", None),
        ("/v1/**", "/v1/x;y/z", None),
        ("/v1/payouts", "/v1/payouts/", None),
        ("/v1/payouts", "/V1/Payouts", None),
        ("/v1/payouts", "/v1/payouts/x", False),
        ("/v1/payouts", "/v1%2Fpayouts", None),
        ("/v1/payouts", "/other%2F", None),
        ("/repos/*/issues", "/repos/a/issues", True),
        ("/repos/*/issues", "/repos/a/b/issues", False),
        ("/repos/*/issues", "/repos/issues", False),
        ("/repos/**/issues", "/repos/issues", True),
        ("/repos/**/issues", "/repos/a/b/issues", True),
        ("/repos/a*c", "/repos/abc", True),
        ("/repos/a*c", "/repos/ac", True),
        ("/repos/a*ca*c", "/repos/aca", False),
        ("/admin/**", "/admin", True),
        ("/**", "/", True),
        ("/**", "/a/b", True),
    ],
)
def test_path_patterns(pattern: str, path: str, expected: bool | None) -> None:
    assert match(When(path=(pattern,)), None, http(f"https://h.example{path}")) is expected


_PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "*b"]), max_size=5)
_NAMES = st.lists(st.sampled_from(["a", "b", "ab", "ba", "aab"]), max_size=5)


@given(_PATTERNS, _NAMES)
def test_path_patterns_agree_with_a_regular_expression(parts: list[str], names: list[str]) -> None:
    regex = "".join("(/[^/]+)*" if p == "**" else "/" + p.replace("*", "[^/]*") for p in parts)
    expected = re.fullmatch(regex or "/", "/" + "/".join(names) if names else "") is not None
    if names and parts:
        pattern, path = "/" + "/".join(parts), "/" + "/".join(names)
        assert (match(When(path=(pattern,)), None, http(f"https://h{path}")) is True) is expected


def test_patterns_are_linear() -> None:
    pattern = "/" + "/".join(["**", "a*a*a*a*b"] * 20)
    path = "/" + "/".join(["a" * 60] * 60)
    assert match(When(path=(pattern,)), None, http(f"https://h{path}")) is False


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("api.stripe.com", "https://api.stripe.com/x", True),
        ("api.stripe.com", "https://API.Stripe.com/x", True),
        ("api.stripe.com", "https://api.stripe.com:443/x", True),
        ("api.stripe.com", "https://api.stripe.com./x", True),
        ("api.stripe.com", "https://user:pw@api.stripe.com/x", None),
        ("api.stripe.com", "https://api.stripe.com:8443/x", None),
        ("api.stripe.com:8443", "https://api.stripe.com:8443/x", True),
        ("api.stripe.com:443", "https://api.stripe.com/x", True),
        ("api.stripe.com:8443", "https://api.stripe.com/x", False),
        ("api.stripe.com", "https://api.stripe.com.evil.example/x", False),
        ("api.stripe.com", "https://api.stripe.com@evil.example/x", None),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://badexample.com/", False),
        ("[::1]", "http://[::1]:80/", True),
        ("[::1]:81", "http://[::1]:81/", True),
        ("api.stripe.com", "https://api.ſtripe.com/", None),
        ("api.stripe.com", "https://api.stripe.com\\@evil.example/", None),
        ("api.stripe.com", "https://api.str\tipe.com/", None),
        ("api.stripe.com", "https://api.stripe%2ecom/", None),
        ("api.stripe.com", "https://api.stripe.com:99999/", None),
        ("api.stripe.com", "not a url", None),
    ],
)
def test_host_patterns(pattern: str, url: str, expected: bool | None) -> None:
    assert match(When(host=(pattern,)), None, http(url)) is expected


def test_methods_actions_agents_and_requesters() -> None:
    subject = Subject("billing", "billing-bot", "stripe.payouts.create", "post", "https", "h", "/")
    assert match(When(method=("PUT", "POST")), None, subject)
    assert match(When(method=("PUT",)), None, subject) is False
    assert match(
        When(action=("stripe.*",), agent=("*-bot",), requester=("billing",)), None, subject
    )
    assert match(When(action=("stripe",)), None, subject) is False
    assert match(When(), None, subject) is True


def test_what_is_not_http_has_no_host_method_or_path() -> None:
    subject = Subject.of("r", "a", "mail.send", None)
    for when in (When(host=("h",)), When(method=("GET",)), When(path=("/**",))):
        assert match(when, None, subject) is False
    assert match(When(action=("mail.*",)), None, subject) is True


def test_a_certain_no_outweighs_doubt() -> None:
    condition = compile("decoded.amount > 1", {"amount": "int"})
    subject = Subject("r", "a", "x")
    assert match(When(action=("y",)), condition, subject) is False
    assert match(When(action=("x",)), condition, subject) is None


def test_law_01_what_is_unclear_is_neither_a_match_nor_none() -> None:
    condition = compile("decoded.amount < 100", {"amount": "int"})
    for when, check, subject in (
        (When(), condition, Subject("r", "a", "x")),
        (When(path=("/public/**",)), None, http("https://h/public/%2e%2e%2fadmin")),
        (When(host=("h",)), None, http("https://h:8443/")),
    ):
        assert match(when, check, subject) is None


def test_conditions_see_the_normal_request() -> None:
    condition = compile('http.path == "/a" && http.host == "h" && http.query == "q=1"', {})
    assert match(When(), condition, http("https://H:443/a?q=1")) is True
    assert match(When(), condition, http("https://h/%61?q=1")) is None


@pytest.mark.parametrize(
    "when",
    [
        When(host=()), When(host=("",)), When(host=("https://h",)), When(host=("a*b.example",)),
        When(host=("*",)), When(method=("post",)), When(path=("v1",)), When(path=("/a/**b",)),
        When(path=("/a/../b",)), When(path=("/%61",)), When(path=("/a//b",)), When(action=("",)),
    ],
)  # fmt: skip
def test_patterns_that_could_never_match_are_faults(when: When) -> None:
    assert len(faults(when)) == 1


def test_good_patterns_have_no_faults() -> None:
    when = When(("h.example", "*.h.example", "[::1]:80"), ("GET",), ("/**", "/a/*/b"), ("*",))
    assert faults(when) == []


@pytest.mark.parametrize(
    "header",
    ["X-Original-URL", "X_Rewrite_URL", "X-Forwarded-Host", "Forwarded", "X-HTTP-Method-Override"],
)
def test_law_29_what_a_header_may_override_is_never_certain(header: str) -> None:
    request = Http("GET", "https://shop.example.com/ok/a", ((header, "/evil"),), b"")
    subject = Subject.of("r", "a", "act", request)
    for when in (When(path=("/ok/**",)), When(method=("GET",)), When(host=("shop.example.com",))):
        assert match(when, None, subject) is None
    assert match(When(agent=("a",)), None, subject) is True


def test_law_29_a_body_on_get_is_never_certain() -> None:
    request = Http("GET", "https://shop.example.com/ok/a", (), b"x")
    when = When(method=("GET",), path=("/ok/**",))
    assert match(when, None, Subject.of("r", "a", "act", request)) is None
