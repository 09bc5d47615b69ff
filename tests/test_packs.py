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
from approvals.proxy.rulebook import rulebook
from approvals.proxy.rules import Decision, Outbound, Rules
from approvals.reading import read

FOLDER = Path(__file__).parent / "packs"


@cache
def book(name: str) -> Rules:
    return rulebook({"packs": [name]}, lambda *fault: pytest.fail(str(fault)))


def outbound(request: dict[str, Any]) -> Outbound:
    if "recorded" in request:
        return read_outbound((FOLDER / "recorded" / request["recorded"]).read_text())
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


def cases() -> Iterator[Any]:
    for name in PACKS:
        path = FOLDER / f"{name}.yaml"
        for at, case in enumerate(yaml.safe_load(path.read_text()) if path.exists() else ()):
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
    path = FOLDER / f"{name}.yaml"
    tried = {case["rule"] for case in yaml.safe_load(path.read_text())} if path.exists() else set()
    assert {rule.name for rule in book(name).rules} <= tried


LONGEST_TITLE = 85
"""Characters: two lines on a phone."""
ALL = rulebook({"packs": list(PACKS)}, lambda *fault: pytest.fail(str(fault)))
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


@pytest.mark.parametrize(("name", "case"), [*cases()])
def test_packs_together_decide_as_each_alone(name: str, case: dict[str, Any]) -> None:
    found, alone = ALL.decide(outbound(case["request"])), decided(name, case)
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


RECORDED = sorted(path.name for path in (FOLDER / "recorded").glob("*.json"))


@pytest.mark.parametrize("name", RECORDED)
def test_a_request_of_a_vendors_sdk_is_faithful_and_described(name: str) -> None:
    request = outbound({"recorded": name})
    said = ALL.decide(request)
    assert said.verb is Verb.ALLOW or said.facts or not request.body, said
    reading = read(request.http(), dialect=ALL.book.dialect(request.http()))
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
