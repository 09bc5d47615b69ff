"""The laws at the head of approvals/proxy/rules.py, for whatever an agent may send."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from approvals.packs import PACKS, Verb
from approvals.proxy.rules import Outbound, Rules, rulebook


def book(*rules: dict[str, Any], packs: tuple[str, ...] = ()) -> Rules:
    faults: list[Any] = []
    given = [{"name": f"r{at}"} | rule for at, rule in enumerate(rules)]
    made = rulebook({"rules": given, "packs": list(packs)}, lambda *fault: faults.append(fault))
    assert faults == []
    return made


ALLOW = book({"when": {"host": "api.example.com", "path": "/open/**"}, "then": "allow"})
DENY = book({"when": {"host": "api.example.com", "path": "/shut/**"}, "then": "deny"})

SPELLINGS = [
    "/", "//", "/.", "/..", "..", ".", "%2e", "%2E%2e", "%2f", "%5c", "\\", ";", ";x", "..;", "%3b",
    "open", "OPEN", "%6fpen", "op%65n", "shut", "Shut", "%73hut", "a", "%25", "%00", "%", "%zz",
    "?", "#", "@", ":", "*", "%3a", "%c0%ae", "~", " ", "\t", "ä", "\ud800",
]  # fmt: skip
PATHS = st.lists(st.sampled_from(SPELLINGS), max_size=9).map("".join)
HOSTS = st.sampled_from([
    "api.example.com", "API.Example.COM", "api.example.com.", "api.example.com..",
    "api.example.com:443", "api.example.com:80", "api.example.com:8443", "api.example.com:0443",
    "api.example.com:", "api.example.com@evil.example", "evil.example@api.example.com",
    "api.example.com:x@evil.example", "api.example.com\\@evil.example", "api.example.com%2eevil",
    "api.example.com.evil.example", "xapi.example.com", "api。example.com", "ａpi.example.com",
    "api.example.com%00.evil.example", "[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]:443",
    "[::1%25eth0]", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "", "-", ".",
    "xn--api-example-com", "api.example.com\t", "api.example.com#@x",
])  # fmt: skip
SCHEMES = st.sampled_from(["https://", "HTTPS://", "http://", "https:", "https:/", "ftp://", "//"])
URLS = st.builds("{}{}/{}".format, SCHEMES, HOSTS, PATHS)
SHUT = st.builds(
    "https://{}/{}{}".format,
    st.sampled_from(["api.example.com", "API.example.com.", "api.example.com:443"]),
    st.sampled_from(["shut", "%73hut", "a/../shut", "//shut", "./shut", "open/%2e%2e/shut"]),
    PATHS,
)


def plainly(url: str) -> tuple[str, str] | None:
    """A plain oracle: host and path as a careful server reads them, by the standard library.

    Everything is decoded once, slashes are merged, dots resolved; None: it would refuse.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
        path = unquote_to_bytes(parts.path).decode()
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or port not in (
        None,
        {"http": 80}.get(parts.scheme, 443),
    ):
        return None
    stack: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        name = segment.partition(";")[0]
        if name == "..":
            if not stack:
                return None
            stack.pop()
        elif name not in ("", "."):
            stack.append(segment)
    return host, "/" + "/".join(stack)


def asked(url: str, **more: Any) -> Outbound:
    return replace(Outbound("bot", "GET", url, (), b""), **more)


@given(URLS)
@example("https://api.example.com/open/a//../../../shut")
@example("https://api.example.com/open/..;/shut")
def test_whatever_the_spelling_an_allow_means_what_a_plain_reader_sees(url: str) -> None:
    if ALLOW.decide(asked(url)).verb is Verb.ALLOW:
        read = plainly(url)
        assert read is not None
        assert read[0] == "api.example.com"
        assert read[1] == "/open" or read[1].startswith("/open/")


@given(st.one_of(URLS, SHUT))
@example("https://api.example.com/shut;x/a")
@example("https://API.example.com./%73hut")
def test_whatever_the_spelling_a_denial_holds(url: str) -> None:
    read = plainly(url)
    if read is not None and re.match(r"api.example.com/shut(/|$)", "".join(read)):
        assert DENY.decide(asked(url)).verb is Verb.DENY


TEXT = st.text(max_size=20)
HEADERS = st.lists(
    st.tuples(
        st.one_of(
            TEXT, st.sampled_from(["host", "Host", "content-type", "x-a", "X_A", "X-HTTP-Method"])
        ),
        st.one_of(TEXT, st.sampled_from(["application/json", "v1", "v1, v2", "api.example.com"])),
    ),
    max_size=4,
).map(tuple)
REQUESTS = st.builds(
    Outbound,
    agent=st.one_of(TEXT, st.just("bot")),
    method=st.one_of(st.sampled_from(["GET", "POST", "get", "DELETE"]), TEXT),
    url=st.one_of(URLS, TEXT, st.sampled_from([
        "https://api.example.com/open/x", "https://api.example.com/shut?a=1",
        "https://slack.com/api/chat.postMessage?channel=1",
        "https://gmail.googleapis.com/gmail/v1/users/me/messages/send",
    ])),
    headers=HEADERS,
    body=st.one_of(st.binary(max_size=60), st.none(), st.sampled_from([
        b'{"raw": "dG86IGFAeC55Cgpo"}', b'{"n": 1, "N": 2}', b'{"n": 5}', b"[[[[", b'{"n": 1e999}',
    ])),
)  # fmt: skip
DECODED = {
    "name": "d", "when": {"host": "api.example.com"},
    "fields": {"n": {"from": "json.n", "type": "int"}},
}  # fmt: skip
RULES = st.fixed_dictionaries(
    {
        "when": st.fixed_dictionaries(
            {},
            optional={
                "host": st.sampled_from(["api.example.com", "*.example.com", "slack.com"]),
                "method": st.sampled_from(["GET", "POST"]),
                "path": st.sampled_from(["/open/**", "/shut/*", "/**"]),
                "agent": st.sampled_from(["bot", "b*"]),
                "header": st.just({"x-a": "v*"}),
            },
        ),
        "then": st.sampled_from(["allow", "ask", "deny"]),
    },
    optional={"if": st.sampled_from(["decoded.n > 3", "has(decoded.n)", 'agent == "bot"'])},
)


def some(rules: list[dict[str, Any]]) -> Rules:
    given = [{"name": f"r{at}"} | rule for at, rule in enumerate(rules)]
    return rulebook({"rules": given, "decoders": [DECODED]}, lambda *fault: None)


BOOKS = st.lists(RULES, max_size=4)
EVERYTHING = book(packs=tuple(PACKS))


@given(REQUESTS)
def test_whatever_is_sent_there_is_an_answer(request: Outbound) -> None:
    decision = EVERYTHING.decide(request)
    assert decision.verb in Verb
    assert EVERYTHING.decide(request) == decision
    EVERYTHING.explain(request)
    for fact in decision.facts:
        assert len(fact.label) <= 200
        assert len(fact.value.encode()) <= 60_000


@given(BOOKS, REQUESTS, RULES)
def test_a_rule_behind_the_one_that_decided_changes_nothing(
    rules: list[dict[str, Any]], request: Outbound, added: dict[str, Any]
) -> None:
    before, after = some(rules).decide(request), some([*rules, added]).decide(request)
    if before.rule is not None:
        assert after == before
    elif after.rule is not None:
        assert after.rule == f"r{len(rules)}"


@given(BOOKS, REQUESTS)
def test_only_a_rule_that_says_allow_allows(rules: list[dict[str, Any]], request: Outbound) -> None:
    decision = some(rules).decide(request)
    if decision.verb is Verb.ALLOW:
        assert decision.rule is not None
        assert rules[int(decision.rule[1:])]["then"] == "allow"
        assert decision.needs_body is False
    if decision.oversize:
        assert decision.verb is Verb.ALLOW


@given(
    BOOKS,
    st.sampled_from(["https://api.example.com/open/x", "https://api.example.com/shut/x"]),
    st.sampled_from([b"", b'{"n": 5}', b'{"n": 1}', b"x"]),
)
@example([{"when": {}, "if": "has(decoded.n)", "then": "allow"}], "https://api.example.com/", b"x")
def test_what_is_decided_before_the_body_is_read_holds_after(
    rules: list[dict[str, Any]], url: str, body: bytes
) -> None:
    request = asked(url, method="POST", headers=(("content-type", "application/json"),))
    made = some(rules)
    before, after = (
        made.decide(replace(request, body=None)),
        made.decide(replace(request, body=body)),
    )
    if not before.needs_body:
        assert (after.verb, after.rule, after.risk) == (before.verb, before.rule, before.risk)
    else:
        assert before.verb is Verb.ASK


def test_a_header_that_a_rule_names() -> None:
    made = book(
        {
            "when": {"host": "h.example", "header": {"X-Version": ["2022-*", "2026"]}},
            "then": "allow",
        },
        {"when": {"header": {"x-bad": "*"}}, "then": "deny"},
    )

    def verb(*headers: tuple[str, str]) -> str:
        return made.decide(asked("https://h.example/", headers=headers)).verb.value

    assert verb(("x-version", " 2022-11-28 ")) == "allow"
    assert verb(("X-VERSION", "2026")) == "allow"
    assert verb(("x-version", "2021-1")) == "ask"
    assert verb() == "ask"
    assert verb(("x-version", "2022-1"), ("x-version", "2022-1")) == "ask"  # doubt
    assert verb(("x-version", "2022-1, 1999-1")) == "ask"  # doubt: it is a list
    assert verb(("x_version", "2022-1")) == "ask"  # doubt: CGI's spelling
    assert verb(("x-bad", "a"), ("x-bad", "b")) == "deny"
    assert verb(("x_bad", "a")) == "deny"


def test_what_has_no_one_reading_is_denied() -> None:
    made = book({"then": "allow"})
    for url in (
        "https://u:p@h.example/", "https://h.example/a%2fb", "https://h.example/a//../b",
        "https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://[::x]/",
        "https://bücher.example/", "https://h.example:99999/", "/relative", "",
    ):  # fmt: skip
        decision = made.decide(asked(url))
        assert (decision.verb, decision.rule) == (Verb.DENY, None), url
    assert made.decide(asked("https://h.example/", method="post")).verb is Verb.DENY
    other = (("Host", "other.example"),)
    assert made.decide(asked("https://h.example/", headers=other)).verb is Verb.DENY
    for fine in ("https://127.0.0.1:8080/", "http://[::1]/", "https://xn--bcher-kva.example/a;b=c"):
        assert made.decide(asked(fine)).verb is Verb.ALLOW
    same = (("Host", "H.example:443"),)
    assert made.decide(asked("https://h.example/", headers=same)).verb is Verb.ALLOW
