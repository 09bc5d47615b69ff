"""`countersign rules test` and `rules lint`."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from approvals.app.exits import Exit, Stop
from approvals.cli.commands import app
from approvals.packs import PACKS
from approvals.proxy.lint import lint
from approvals.proxy.rules import rulebook

BOOK = """
packs: [github]
rules:
  - {name: agents, when: {agent: other}, then: deny}
  - name: mine
    when: {host: api.github.com, method: POST, path: /repos/me/notes/issues}
    then: allow
"""
REQUEST = {"agent": "builder", "url": "https://api.github.com/repos/me/x/pulls", "method": "POST"}
SERVICE = """
people: {dana: {email: dana@example.com}, lee: {email: lee@example.com}}
groups: {default: [dana], both: [dana, lee]}
requesters: {proxy: {key: "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", kind: gateway, owner: dana}}
"""


def run(*words: str, input: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["rules", *words], input=input)
    if isinstance(result.exception, Stop):
        return result.exception.code, result.stdout, str(result.exception)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(BOOK)
    return path


def test_test_says_which_rule_and_why_no_earlier_one(book: Path, tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps(REQUEST | {"headers": {}, "body": None}))
    code, said, _ = run("test", str(request), "--config", str(book))
    assert code == 0
    assert "· mine: `path` does not match" in said
    assert "· agents: `agent` does not match" in said
    assert "ask: the rule `github: open a pull request` says ask" in said
    _, said, _ = run("test", str(request), "-c", str(book), "--json")
    answer = json.loads(said)
    assert (answer["verb"], answer["needs_body"]) == ("ask", True)
    assert answer["tried"][-1] == {
        "rule": "github: open a pull request", "matched": True, "why": ""
    }  # fmt: skip


def test_test_reads_stdin_and_says_what_a_request_looks_like(book: Path) -> None:
    code, said, _ = run(
        "test", "-", "-c", str(book), input=json.dumps(REQUEST | {"agent": "other"})
    )
    assert (code, "deny: the rule `agents` says deny" in said) == (0, True)
    for odd in ("{}", "[]", "x", '{"agent": "a", "url": "u", "extra": 1}'):
        code, _, why = run("test", "-", "-c", str(book), input=odd)
        assert (code, "It looks like" in why) == (Exit.FAILED, True)


def test_faults_are_told_with_their_line_and_other_sections_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text('listen: "${NOT_SET_HERE}"\npacks: [gihub]\n')
    code, _, why = run("lint", "-c", str(path))
    assert (code, why.strip()) == (
        Exit.CONFIG, f"{path}:2:9: there is no pack `gihub` (do you mean `github`?)"
    )  # fmt: skip
    code, _, why = run("test", "-", "-c", str(path), input=json.dumps(REQUEST))
    assert (code, "there is no pack" in why) == (Exit.CONFIG, True)
    assert run("lint", "-c", str(tmp_path / "none.yaml"))[0] == Exit.CONFIG


def test_lint_is_content_with_sound_rules(book: Path) -> None:
    assert run("lint", "-c", str(book))[0] == 0


def allow(name: str = "a", **when: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "then": "allow"}


def deny(name: str = "d", **when: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "then": "deny"}


@pytest.mark.parametrize(
    ("rules", "kinds"),
    [
        ([allow(path="/x")], ["no-host"]),
        ([allow(host="h"), deny(host="h", path="/x")], ["shadowed"]),
        ([allow(host="h", path="/x/*"), deny(host="h", path="/x/y")], ["shadowed"]),
        ([allow(host="h", path="/x/**"), deny(host="*", path="/**/y")], ["faulty"]),
        ([allow(host="a.h", path="/x/**"), deny(host="*.h", path="/**/y")], ["shadowed"]),
        ([allow(host="h", path="/x/y"), deny(host="h", path="/x/**")], []),
        ([allow(host="h", method="GET"), deny(host="h", method="POST")], []),
        ([allow(host="h"), deny(host="i")], []),
        ([deny(host="h"), allow(host="h", path="/x")], ["unreachable"]),
        ([deny(path="/**"), allow(host="h", path="/x")], ["unreachable"]),
        ([deny(path="/x/**"), allow(host="h", path=["/x", "/x/*/y"])], ["unreachable"]),
        ([deny(path="/x/*"), allow(host="h", path="/x/**")], []),
        ([deny(header={"a": "b"}), allow(host="h")], []),
        ([deny(agent="b*"), allow(host="h", agent=["bot", "beta"])], ["unreachable"]),
        ([deny(agent="b*"), allow(host="h", agent=["bot", "c"])], []),
    ],
)
def test_lint_finds(rules: list[dict[str, Any]], kinds: list[str]) -> None:
    faults: list[Any] = []
    book = rulebook({"rules": rules}, lambda *fault: faults.append(fault))
    assert (["faulty"] if faults else [finding.kind for finding in lint(book)]) == kinds


@pytest.mark.parametrize("names", [*([name] for name in PACKS), list(PACKS)])
def test_lint_finds_nothing_in_the_packs(names: list[str]) -> None:
    assert lint(rulebook({"packs": names}, lambda *_: pytest.fail("fault"))) == []


def test_an_own_rule_that_undoes_a_packs_denial_is_found(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "packs: [gmail]\n"
        "rules: [{name: all of it, when: {host: gmail.googleapis.com}, then: allow}]"
    )
    code, said, _ = run("lint", "-c", str(path), "--json")
    assert code == Exit.FAILED
    found = {(one["rule"], one["kind"]) for one in json.loads(said)["findings"]}
    assert ("gmail: forward mail elsewhere", "shadowed") in found


def test_an_ask_that_nobody_could_answer_is_found(book: Path, tmp_path: Path) -> None:
    service = tmp_path / "countersign.yaml"
    service.write_text(SERVICE)
    code, said, _ = run("lint", "-c", str(book), "--service", str(service), "--json")
    found = {one["rule"]: one["why"] for one in json.loads(said)["findings"]}
    assert code == Exit.FAILED
    # High risk wants four eyes, and the gateway's owner is the only approver.
    assert "four eyes" in found["github: run a workflow"]
    assert "github: open an issue" not in found
    service.write_text(SERVICE + "rules: [{name: no, when: {action: 'github.*'}, then: deny}]")
    _, said, _ = run("lint", "-c", str(book), "--service", str(service), "--json")
    found = {one["rule"]: one["why"] for one in json.loads(said)["findings"]}
    assert found["github: open an issue"] == "the service's rule `no` refuses what it asks about"
    service.write_text(SERVICE.replace("[dana]", "[lee]"))
    assert run("lint", "-c", str(book), "--service", str(service))[0] == 0
    service.write_text(SERVICE.replace(", kind: gateway", ""))
    _, said, _ = run("lint", "-c", str(book), "--service", str(service), "--json")
    assert [one["kind"] for one in json.loads(said)["findings"]] == ["no-gateway"]
