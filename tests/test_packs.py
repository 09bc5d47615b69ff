"""Every rule of every pack with a request and what its card says: `tests/packs/<pack>.yaml`.

A case is `{rule, request, verb, risk, title, facts}`; `request` has `method`, `url`, `headers` and
one of `json`, `form`, `text`, `base64` or `raw` (a file beside it). What is left out is not
compared.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from approvals.packs import PACKS, Verb
from approvals.proxy.rulebook import rulebook
from approvals.proxy.rules import Decision, Outbound, Rules

FOLDER = Path(__file__).parent / "packs"


def book(name: str) -> Rules:
    return rulebook({"packs": [name]}, lambda *fault: pytest.fail(str(fault)))


def outbound(request: dict[str, Any]) -> Outbound:
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


@pytest.mark.parametrize(("name", "case"), cases())
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
