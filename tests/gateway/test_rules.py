"""What the gateway's own rules say about one request; see approvals/proxy/rules.py."""

from pathlib import Path
from typing import Any

import pytest

from approvals.marked import Marked
from approvals.model import Risk
from approvals.packs import PACKS, Verb
from approvals.proxy.rules import Decision, Outbound, Rules, rulebook


def made(tmp_path: Path, text: str) -> tuple[Rules, list[str]]:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    marked = Marked(file, {}, lenient="")
    rules = rulebook(marked.values, marked.fault)
    return rules, [f"{fault.line}: {fault.message}" for fault in marked.faults]


def rules(tmp_path: Path, text: str) -> Rules:
    found, faults = made(tmp_path, text)
    assert faults == []
    return found


def ask(
    book: Rules, url: str, method: str = "GET", body: bytes | None = b"", **headers: str
) -> Decision:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return book.decide(Outbound("builder", method, url, named, body))


READ = """
rules:
  - name: read repositories
    when: {host: api.github.com, method: [GET, HEAD], path: "/repos/**", agent: [builder],
           header: {x-github-api-version: "2022-*"}}
    then: allow
  - name: small payouts
    when: {host: api.stripe.com, method: POST, path: /v1/payouts}
    if: decoded.amount < 10000
    then: allow
  - name: payouts
    when: {host: api.stripe.com, path: /v1/payouts}
    then: ask
    risk: high
    action: stripe.payouts.create
    title: Pay out
    facts: {Amount: form.amount, Host: query.host}
  - name: nothing of theirs
    when: {host: "*.evil.example"}
    then: deny
"""


def test_the_first_rule_that_matches_decides(tmp_path: Path) -> None:
    book = rules(tmp_path, READ)
    read, dated = "https://api.github.com/repos/a/b", "2022-11-28"
    assert ask(book, read, x_github_api_version=dated).verb is Verb.ALLOW
    assert ask(book, read).verb is Verb.ASK
    assert ask(book, read, "POST", x_github_api_version=dated).rule is None
    assert ask(book, "https://x.evil.example/").verb is Verb.DENY
    payout = ask(
        book, "https://api.stripe.com/v1/payouts", "POST", b"amount=20000",
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert (payout.verb, payout.rule, payout.risk) == (Verb.ASK, "payouts", Risk.HIGH)
    assert [(fact.label, fact.value) for fact in payout.facts] == [("Amount", "20000")]


def test_before_the_body_is_read_nothing_is_decided_that_it_could_change(tmp_path: Path) -> None:
    book = rules(tmp_path, READ)
    first = ask(
        book, "https://api.stripe.com/v1/payouts", "POST", None,
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert (first.needs_body, first.verb) == (True, Verb.ASK)
    assert ask(book, "https://x.evil.example/", "POST", None).needs_body is False


def test_faults_name_their_line(tmp_path: Path) -> None:
    _, faults = made(tmp_path, "packs: [gmial]\nrules:\n  - name: x\n    then: alow\n")
    assert faults == ["4: `then` must be `allow`, `ask` or `deny`"]


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_has_no_faults(name: str) -> None:
    found: list[Any] = []
    rulebook({"packs": [name]}, lambda *fault: found.append(fault))
    assert found == []
