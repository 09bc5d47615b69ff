"""Every rule of every pack with a request and what its card says: `tests/packs/<pack>.yaml`.

A case is `{rule, request, verb, risk, title, facts}`; `request` has `method`, `url`, `headers` and
one of `json`, `form`, `text`, `base64` or `raw` (a file beside it). What is left out is not
compared.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from approvals.cli.rules import outbound as read_outbound
from approvals.packs import PACKS, Verb
from approvals.proxy.rules import Decision, Outbound, Rules, rulebook
from approvals.reading import read
from tools import packs

FOLDER = Path(__file__).parent
VENDORS = packs.REQUESTS


@cache
def book(*names: str) -> Rules:
    return packs.book(names)


def outbound(request: dict[str, Any]) -> Outbound:
    if "recorded" in request:
        own, shared = FOLDER / "recorded" / request["recorded"], VENDORS / request["recorded"]
        return read_outbound((shared if shared.exists() else own).read_text())
    headers = {name.lower(): value for name, value in request.get("headers", {}).items()}
    body, kind = b"", ""
    if "json" in request:
        body, kind = json.dumps(request["json"]).encode(), "application/json"
    elif "form" in request:
        body, kind = urlencode(request["form"]).encode(), "application/x-www-form-urlencoded"
    elif "text" in request:
        body = request["text"].encode()
    elif "base64" in request:
        body = base64.b64decode(request["base64"])
    elif "raw" in request:
        body = (FOLDER / request["raw"]).read_bytes()
    if kind:
        headers.setdefault("content-type", kind)
    method = request.get("method", "GET")
    return Outbound("bot", method, request["url"], tuple(headers.items()), body)


def loaded(path: Path) -> Any:
    """By libyaml where it is: every worker of a run reads all of them."""
    return yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def written(name: str) -> tuple[dict[str, Any], ...]:
    """The cases of a pack."""
    path = FOLDER / f"{name}.yaml"
    return tuple(loaded(path)) if path.exists() else ()


def cases() -> Iterator[Any]:
    for name in PACKS:
        for at, case in enumerate(written(name)):
            yield pytest.param(name, case, id=f"{name}-{at}-{case['rule']}".replace(" ", "-"))


def decided(name: str, case: dict[str, Any]) -> Decision:
    return book(name).decide(outbound(case["request"]))


@pytest.mark.parametrize(("name", "case"), [*cases()])
def test_a_pack_says_what_a_request_does(name: str, case: dict[str, Any]) -> None:
    found = decided(name, case)
    assert found.rule == f"{name}: {case['rule']}", found.why
    if "verb" in case:
        assert found.verb == case["verb"]
    if "risk" in case:
        assert (found.risk or "medium") == case["risk"]
    if "title" in case:
        assert found.title == case["title"]
    if "facts" in case:
        assert {fact.label: fact.value for fact in found.facts} == case["facts"]
    if found.verb is Verb.ASK:
        assert found.title, "a rule that asks says in words what is asked"


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_of_a_pack_has_a_request(name: str) -> None:
    tried = {case["rule"] for case in written(name)}
    assert {rule.name for rule in book(name).rules} <= tried


LONGEST_TITLE = 85
"""Characters: two lines on a phone."""
OVERRIDES = (
    {"x-http-method-override": "DELETE"},
    {"x-http-method": "DELETE"},
    {"x-original-url": "/"},
)


def overridden(request: Outbound) -> Iterator[Outbound]:
    """The same request, where some server may take another method or path."""
    mark = "&" if "?" in request.url else "?"
    for field in ("_method=DELETE", "$httpMethod=DELETE", "_HttpMethod=DELETE"):
        yield replace(request, url=f"{request.url}{mark}{field}")
    for header in OVERRIDES:
        changed = tuple({**dict(request.headers), **header}.items())
        yield replace(request, headers=changed)
        yield replace(request, method="GET", headers=changed)


def respelled(request: Outbound) -> Iterator[Outbound]:
    """The same request, with its path in ways that some servers take for the same."""
    address, mark, query = request.url.partition("?")
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    for other in (
        path.upper(),
        f"{path}/",
        f"{path};a=b",
        f"{path[:-1]}%{ord(path[-1:] or '/'):02x}",
        f"x/../{path}",
    ):
        yield replace(request, url=f"{scheme}://{host}/{other}{mark}{query}")


@pytest.mark.parametrize(("name", "case"), [*cases()])
def test_law_29_a_pack_lets_no_disguised_request_pass(name: str, case: dict[str, Any]) -> None:
    request = outbound(case["request"])
    given = [*overridden(request), *(respelled(request) if case["verb"] != "allow" else ())]
    for one in given:
        said = book(name).decide(one)
        assert said.verb is not Verb.ALLOW, (said.rule, one.method, one.url, one.headers)


RISKS = ("low", "medium", "high")


@pytest.mark.parametrize(("name", "case"), [*cases()])
def test_law_30_a_body_that_cannot_be_read_lowers_no_risk(name: str, case: dict[str, Any]) -> None:
    request = outbound(case["request"])
    before = decided(name, case)
    if not request.body:
        return
    kinds = [value for key, value in request.headers if key.lower() == "content-type"]
    kind = (kinds or ["text/plain"])[0].partition(";")[0]
    rest = tuple(one for one in request.headers if one[0].lower() != "content-type")
    for other in (
        replace(request, headers=(*rest, ("content-type", f"{kind}; charset=utf-7"))),
        replace(request, headers=(*rest, ("content-encoding", "br"), ("content-type", kind))),
        replace(request, body=request.body[:-1] + b"\xff"),
    ):
        said = book(name).decide(other)
        if before.verb is Verb.ALLOW:
            rule = next(one for one in book(name).rules if one.id == before.rule)
            looks = rule.condition is not None and any(
                one.startswith("decoded.") for one in rule.condition.names
            )
            assert said.verb is not Verb.ALLOW or not looks, said.rule
        elif said.verb is Verb.ASK and before.verb is Verb.ASK:
            ranks = [RISKS.index(one.risk or "medium") for one in (before, said)]
            assert ranks[1] >= ranks[0], (before.rule, said.rule)
        assert said.verb is not Verb.ALLOW or before.verb is Verb.ALLOW, said.rule


@pytest.mark.parametrize(("name", "case"), [*cases()])
def test_packs_together_decide_as_each_alone(name: str, case: dict[str, Any]) -> None:
    found, alone = book(*PACKS).decide(outbound(case["request"])), decided(name, case)
    assert (found.verb, found.risk, found.title) == (alone.verb, alone.risk, alone.title)
    assert found.facts == alone.facts


@pytest.mark.parametrize(("name", "case"), [*cases()])
def test_a_title_fits_a_phone_and_facts_hold_nothing_encoded(
    name: str, case: dict[str, Any]
) -> None:
    found = decided(name, case)
    assert len(found.title or "") <= LONGEST_TITLE
    assert len({fact.label for fact in found.facts}) == len(found.facts)
    for text in (found.title or "", *(fact.value for fact in found.facts)):
        assert not re.search(r"[A-Za-z0-9+/_-]{60}|%[0-9A-F]{2}|entries, see the request", text)


RECORDED = sorted(
    {path.name for at in (FOLDER / "recorded", VENDORS) for path in at.glob("*.json")}
)


@pytest.mark.parametrize("name", RECORDED)
def test_a_request_of_a_vendors_sdk_is_faithful_and_described(name: str) -> None:
    request = outbound({"recorded": name})
    said = book(*PACKS).decide(request)
    reading = read(request.http(), dialect=book(*PACKS).book.dialect(request.http()))
    by_reader = said.rule is None and any(one.says for one in reading.meanings)
    assert said.verb is Verb.ALLOW or said.facts or by_reader or not request.body, said
    assert reading.faithful, (reading.unclear, reading.undecoded)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("application/x-www-form-urlencoded; charset=utf-7", b"amount=5"),
        ("application/x-www-form-urlencoded", b"amount=5&amount=6"),
        ("text/plain", b"amount=5"),
        ("application/octet-stream", b"amount=5\xff"),
        ("", b"amount=5"),
    ],
)
def test_a_title_says_all_of_it_only_where_the_body_says_no_amount(
    headers: str, body: bytes
) -> None:
    url = "https://api.stripe.com/v1/payment_intents/pi_1/capture"
    given = (("content-type", headers),) if headers else ()
    assert book("stripe").decide(Outbound("bot", "POST", url, given, body)).title == (
        "Capture a payment"
    )
    assert book("stripe").decide(Outbound("bot", "POST", url, (), b"")).title == (
        "Capture all of pi_1"
    )


HOSTLESS = [name for name in PACKS if "host" not in loaded(PACKS[name])]


@pytest.mark.parametrize("name", HOSTLESS)
def test_law_29_a_pack_whose_hosts_nobody_named_decides_nothing(name: str) -> None:
    bare = rulebook({"packs": [name, "stripe"]}, lambda *fault: pytest.fail(str(fault)))
    for case in written(name):
        said = bare.decide(outbound(case["request"]))
        assert (said.verb, said.rule) == (Verb.ASK, None), case
    read_only = Outbound("bot", "GET", "https://api.stripe.com/v1/charges", (), b"")
    assert bare.decide(read_only).rule == "stripe: read"
    refund = outbound({"recorded": "stripe-jpy.json"})
    assert bare.decide(refund) == book("stripe").decide(refund)


def test_a_pack_without_hosts_finds_words_for_what_is_certainly_its_own() -> None:
    bare = rulebook({"packs": ["mcp"]}, lambda *fault: pytest.fail(str(fault)))
    said = bare.decide(outbound({"recorded": "mcp-call.json"}))
    assert (said.title or "").startswith("Call send_invoice: customer: cus_4711")


@pytest.mark.parametrize(
    ("url", "verb"),
    [
        ("https://gitlab.com/api/v4/projects/acme%2Fshop", Verb.ALLOW),
        ("https://gitlab.com/acme%2Fshop.git/info/refs", Verb.DENY),
        ("https://gitlab.com/api/v4/projects/acme%2F..%2Fshop", Verb.DENY),
        ("https://other.example/api/v4/projects/acme%2Fshop", Verb.DENY),
    ],
)
def test_an_encoded_slash_is_one_where_its_source_says_so(url: str, verb: Verb) -> None:
    assert book("gitlab").decide(Outbound("bot", "GET", url, (), b"")).verb is verb


GOOGLE = "https://cloudresourcemanager.googleapis.com"


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        # S3: what looks like a read and is not, or goes to two operations.
        ("GET", "https://b.s3.amazonaws.com/k?delete", {}),
        ("POST", "https://b.s3.amazonaws.com/?select&delete", {}),
        ("PUT", "https://b.s3.amazonaws.com/k", {"x-amz-copy-source": "/a/b"}),
        ("PUT", "https://b.s3.amazonaws.com/?acl", {"x-amz-acl": "public-read"}),
        ("PUT", "https://b.s3.amazonaws.com/k?X-Amz-Signature=1&x-amz-acl=public-read", {}),
        ("GET", "https://sts.amazonaws.com/?Action=GetSessionToken&Version=2011-06-15", {}),
        ("GET", "https://iam.amazonaws.com/?Action=CreateAccessKey&Version=2010-05-08", {}),
        ("GET", "https://ec2.us-east-1.amazonaws.com/?Action=GetPasswordData&InstanceId=i-1", {}),
        ("POST", f"{GOOGLE}/v1/projects/a:setIamPolicy:testIamPermissions", {}),
        # A file whose name is that of a call that reads.
        ("POST", "https://gitlab.com/api/v4/projects/1/repository/files/git-upload-pack", {}),
        ("POST", "https://gitlab.com/a/b/-/create/main/x.git/git-upload-pack", {}),
        ("POST", "https://api.github.com/a/b/git-upload-pack", {}),
        # A query by GET, a batch, a session's end elsewhere.
        ("GET", "https://api.github.com/graphql?query=mutation%7Bx%7D", {}),
        ("POST", "https://management.azure.com/batch?api-version=1", {}),
        ("DELETE", "https://mcp.example.com/customers/7", {"mcp-session-id": "1"}),
        ("GET", "https://k8s.example.com/api/v1/namespaces/a/pods/b/exec?command=id", {}),
        ("GET", "https://k8s.example.com/api/v1/pods", {"impersonate-user": "admin"}),
        ("GET", "https://k8s.example.com/api/v1/pods", {"impersonate-group": "system:masters"}),
        ("POST", "https://api.openai.com/v1/files", {}),
        ("POST", "https://acme.openai.azure.com/openai/assistants", {}),
    ],
)
def test_a_call_that_writes_or_gives_secrets_is_never_a_read(
    method: str, url: str, headers: dict[str, str]
) -> None:
    said = book(*PACKS).decide(Outbound("bot", method, url, tuple(headers.items()), b""))
    assert said.verb is not Verb.ALLOW, said.why
