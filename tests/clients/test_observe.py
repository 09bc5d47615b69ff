"""Doors that observe: nothing is held, it is recorded, and nothing looks like an approval.

No test here has a service, but the one of a service that lies.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from countersign_client import (
    AsyncClient,
    Client,
    Memory,
    Misconfigured,
    Withdrawn,
    requires_approval,
)
from countersign_client.gate import Gate, Rules, Then, ToolCall
from countersign_client.gateways import GATEWAYS
from countersign_client.gateways.held import clients
from countersign_client.mcp import Countersign
from countersign_client.observe import Observer, counts
from mcp import Client as McpClient
from mcp.server.mcpserver import MCPServer

from tests.clients.house import DEPLOY
from tests.clients.impostor import NOW, OWN, PINNED, Impostor, approved, asked_of, digest, genuine
from tests.harness.house import HANGS
from tests.harness.installation import Ran, ended, environment

SOURCE: Final = Path(__file__).parents[2] / "clients/python/src"
SECRET: Final = "sk_live_never_recorded"


@pytest.fixture(autouse=True)
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of a user without a service."""
    for name in ("URL", "KEY", "KEY_FILE", "RECEIPT_KEY", "REQUESTER", "ISSUER", "OBSERVE"):
        monkeypatch.delenv(f"COUNTERSIGN_{name}", raising=False)
    monkeypatch.setenv("COUNTERSIGN_CLIENT_FILE", str(tmp_path / "service.json"))
    monkeypatch.setenv("COUNTERSIGN_STATE", str(tmp_path / "state"))
    return tmp_path / "state/observed.jsonl"


def seen(record: Path) -> list[tuple[str, str, str]]:
    """(what would have become of it, action, door), in order."""
    events = [json.loads(line) for line in record.read_text().splitlines()]
    assert all(set(event) == {"at", "door", "action", "would"} for event in events)
    return [(event["would"], event["action"], event["door"]) for event in events]


def python(home: Path, script: str, *words: str, **env: str) -> subprocess.Popen[str]:
    """A program of a user without a service."""
    known = {"HOME": str(home), "COUNTERSIGN_STATE": str(home / "state")}
    given = ["-c", textwrap.dedent(script)] if script else ["-P", "-m", "countersign_client"]
    return subprocess.Popen(
        [sys.executable, *given, *words], cwd=home, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(PYTHONPATH=str(SOURCE), **{**known, **env}),
    )  # fmt: skip


def command(home: Path, *words: str, **env: str) -> Ran:
    return ended(python(home, "", *words, **env))


def test_law_01_what_a_client_observed_is_true_and_approved_by_nobody(record: Path) -> None:
    with Client(observe=True) as asking:
        decision = asking.ask(action="deploy", payload={"token": SECRET}, note=SECRET)
        opened = asking.open(action="migrate", payload=SECRET, key="migration-42")
        assert asking.wait(opened.id).status == "observed"
        later = asking.receipt(opened.id, action="migrate", payload=SECRET)
        asking.report(later.request_id, delivered=True)
        asking.withdraw(opened.id)
    for one in (decision, later):
        assert one
        assert one.require() is one
        assert (one.observed, one.approved, one.status, one.digest) == (True, False, "observed", "")
    assert decision.request_id.startswith("observed_")
    assert later.request_id == opened.id != decision.request_id
    assert seen(record) == [("ask", "deploy", "python"), ("ask", "migrate", "python")]
    assert SECRET not in record.read_text()
    assert record.stat().st_mode & 0o777 == 0o600


async def test_the_asynchronous_client_does_the_same(record: Path) -> None:
    async with AsyncClient(observe=True) as asking:
        decision = await asking.ask(**DEPLOY)
        opened = await asking.open(**DEPLOY)
        assert (await asking.wait(opened.id)).status == "observed"
        later = await asking.receipt(opened.id, **DEPLOY)
        await asking.report(later.request_id, delivered=None)
        await asking.withdraw(opened.id)
        await asking.abandon(**DEPLOY, key="k")
    assert [(one.observed, one.approved) for one in (decision, later)] == [(True, False)] * 2
    assert seen(record) == [("ask", "deploy", "python")] * 2


async def test_law_01_no_answer_of_a_service_makes_a_decision_observed() -> None:
    says = {**approved(digest(), genuine()), "status": "observed", "observed": True}
    impostor = Impostor(keys=[PINNED.jwk()], answer=lambda *_: web.json_response(says))
    decision = await asked_of(impostor)
    assert not decision
    assert not decision.observed
    with pytest.raises(Withdrawn):
        decision.require()


def test_law_01_only_a_plain_switch_makes_a_door_observe(monkeypatch: pytest.MonkeyPatch) -> None:
    makes: tuple[Callable[..., Any], ...] = (Client, AsyncClient)
    for make in makes:
        monkeypatch.setenv("COUNTERSIGN_OBSERVE", "1")
        assert make().observer is not None
        with pytest.raises(Misconfigured, match="Not set"):
            make(observe=False)  # in code it holds, whatever the environment says
        for value in ("", "0", " 0 "):
            monkeypatch.setenv("COUNTERSIGN_OBSERVE", value)
            with pytest.raises(Misconfigured, match="Not set"):
                make()
        for value in ("true", "yes", "2", "1x"):
            monkeypatch.setenv("COUNTERSIGN_OBSERVE", value)
            with pytest.raises(Misconfigured, match="neither 1 nor 0"):
                make()
        for unclear in ("1", "0", 1, "no"):
            with pytest.raises(Misconfigured, match="Not set"):
                make(observe=unclear)


def test_law_01_the_gateways_of_others_read_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_OBSERVE", "1")
    for name in GATEWAYS:
        with pytest.raises(Misconfigured, match="Not set"):
            clients(Namespace(observe=False), name)
        made = clients(Namespace(observe=True), name)()
        assert made.observer == Observer(name)
        source = (SOURCE / f"countersign_client/gateways/{name}.py").read_text()
        assert f'clients(args, "{name}")' in source
        assert "Client(" not in source


async def test_a_function_that_needs_approval_runs_with_its_arguments(record: Path) -> None:
    ran: list[Any] = []

    @requires_approval("payouts.create", client=Client(observe=True))
    def pay(to: str, cents: int = 1) -> str:
        ran.append((to, cents))
        return to

    @requires_approval("mail.send", client=AsyncClient(observe=True), payload=lambda given: 1 / 0)
    async def send(to: object) -> object:
        ran.append(to)
        return to

    assert pay(SECRET) == SECRET
    thing = object()
    assert await send(thing) is thing
    with pytest.raises(TypeError):
        pay()  # type: ignore[call-arg] # as a program may
    assert ran == [(SECRET, 1), thing]
    assert seen(record)[:2] == [
        ("ask", "payouts.create", "python"),
        ("deny", "mail.send", "python"),
    ]
    assert SECRET not in record.read_text()


def test_what_cannot_be_asked_about_is_recorded_as_a_refusal(record: Path) -> None:
    asking = Client(observe=True)
    for payload in (object(), float("nan"), 2**70):
        assert asking.ask(action="x" * 1000, payload=payload).observed
    assert seen(record) == [("deny", "x" * 200, "python")] * 3


async def test_a_gate_runs_every_call_and_records_what_its_rules_say(record: Path) -> None:
    gate = Gate(AsyncClient(observe=True), surface="langchain")
    rules = Rules(allow=("read_*",), deny=("drop_*",))
    said = [gate.rule(tool, rules) for tool in ("read_one", "drop_all", "transfer")]
    assert said == [Then.ALLOW] * 3
    call = ToolCall(tool="transfer", arguments={"token": SECRET}, id="1")
    # A paused run that is taken up: looked at, it is no more pending, and it is counted once.
    assert (await gate.look(call)).status == "observed"

    async def run() -> str:
        call.arguments["token"] = "changed meanwhile"
        return "ran"

    assert await gate.run(call, run) == await gate.run(call, run, later=True) == "ran"
    assert seen(record) == [
        ("allow", "langchain.read.one", "langchain"),
        ("deny", "langchain.drop.all", "langchain"),
        ("ask", "langchain.transfer", "langchain"),
        ("ask", "langchain.transfer", "python"),
    ]


async def test_a_call_that_cannot_be_asked_about_is_recorded_as_a_refusal(record: Path) -> None:
    gate = Gate(surface="x", observe=True)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: {"cents": float("nan")}, lambda: {"at": object()}, lambda: {"cents": 5},
        lambda: 1 / 0,
    )  # fmt: skip
    for arguments in calls:
        assert gate.rule("t", arguments=arguments) is Then.ALLOW
    assert [would for would, *_ in seen(record)] == ["deny", "deny", "ask", "deny"]


def test_a_gate_passes_no_pause_of_a_tool_that_it_did_not_wrap(record: Path) -> None:
    gate = Gate(surface="x", observe=True)
    assert gate.passes("transfer")  # it has wrapped none, so it cannot tell
    assert seen(record) == [("ask", "x.transfer", "x")]
    gate.wraps("transfer")
    assert gate.passes("transfer")  # the tool records it when it runs
    assert not gate.passes("refund")
    assert len(seen(record)) == 1
    assert not Gate(surface="x", observe=False).passes("transfer")


def test_a_gate_without_a_client_decides_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in its process later may set variables as it likes."""
    held, seeing = Gate(surface="x"), Gate(surface="x", observe=True)
    monkeypatch.setenv("COUNTERSIGN_OBSERVE", "1")
    assert held.rule("t") is Then.ASK
    with pytest.raises(Misconfigured, match="Not set"):
        _ = held.client
    monkeypatch.setenv("COUNTERSIGN_OBSERVE", "0")
    assert seeing.rule("t") is Then.ALLOW
    assert seeing.client.observer == seeing.observer


FRAMEWORKS: Final = sorted((SOURCE / "countersign_client/frameworks").glob("[a-z]*.py"))


@pytest.mark.parametrize("path", FRAMEWORKS, ids=lambda path: path.stem)
def test_every_framework_lets_its_gate_say_whether_a_call_is_held(path: Path) -> None:
    """Their own tests need their libraries: `make doors`. A door that asks past `Gate.rule` would
    hold while it should observe."""
    tree = ast.parse(path.read_text())
    called = [
        (ast.unparse(node.func.value).rpartition(".")[2], node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        # With the arguments: the record says deny where nobody could be asked about them.
        and (node.func.attr != "rule" or [one.arg for one in node.keywords] == ["arguments"])
    ]
    assert [one for one in called if one[1] == "rule"] in ([("_gate", "rule")], [("gate", "rule")])
    assert "of" not in {name for _, name in called}


async def test_a_tool_of_a_server_runs_whatever_its_rules_say(record: Path) -> None:
    gate = Countersign(AsyncClient(observe=True), name="payments", rules=Rules(deny=("refund",)))
    made: MCPServer[Any] = MCPServer("payments", extensions=[gate])

    @made.tool()
    async def refund(cents: int) -> str:
        """Pay money back."""
        return f"paid {cents}"

    async with McpClient(made) as agent:
        result = await agent.call_tool("refund", {"cents": 5})
    assert not result.is_error
    assert seen(record) == [("deny", "mcp.payments.refund", "mcp.payments")]


def test_a_script_goes_on_and_reads_that_nobody_approved(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text(SECRET)
    for words, env in (
        (("--observe", "--file", "plan.txt"), {}),
        (("--observe", "--payload", "{"), {}),
        (("--file", "none.txt"), {"COUNTERSIGN_OBSERVE": "1"}),
    ):
        ran = command(tmp_path, "ask", "--action", "deploy", *words, **env)
        assert (ran.code, ran.out) == (0, "")
        assert "NOTHING IS HELD (ask)" in ran.err
        assert "nobody has approved this" in ran.err
        assert "Approved" not in ran.err
    assert "none.txt cannot be read" in ran.err
    ran = command(tmp_path, "ask", "--action", "deploy", COUNTERSIGN_OBSERVE="yes")
    assert (ran.code, "neither 1 nor 0" in ran.err) == (5, True)
    lines = [line.split() for line in command(tmp_path, "observed").out.splitlines()]
    assert lines == [
        ["2", "would", "deny", "deploy", "(ask)"],
        ["1", "would", "ask", "deploy", "(ask)"],
    ]
    assert SECRET not in (tmp_path / "state/observed.jsonl").read_text()


TWICE: Final = """
    from countersign_client import Client
    for _ in range(3):
        with Client(observe=True) as client:
            assert client.ask(action="deploy")
    print("went on")
"""


def test_observing_is_said_once_in_a_process(tmp_path: Path) -> None:
    ran = ended(python(tmp_path, TWICE))
    assert (ran.code, ran.out) == (0, "went on\n")
    (line,) = ran.err.splitlines()
    assert line.startswith("countersign: NOTHING IS HELD (python)")


def test_a_full_disk_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/observed.jsonl").symlink_to("/dev/full")
    ran = ended(python(tmp_path, TWICE))
    assert (ran.code, ran.out) == (0, "went on\n")
    _, line = ran.err.splitlines()
    assert "cannot be recorded: No space left on device" in line
    (tmp_path / "file").write_text("")
    for state in ("file/x", "x" * 300):
        there = ended(python(tmp_path, TWICE, COUNTERSIGN_STATE=str(tmp_path / state)))
        assert (there.code, "cannot be recorded" in there.err) == (0, True), there.err
    closed = ended(python(tmp_path, "import sys; sys.stderr = None" + textwrap.dedent(TWICE)))
    assert (closed.code, closed.out) == (0, "went on\n")


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_a_stderr_that_nobody_reads_stops_nothing(tmp_path: Path, stderr: str) -> None:
    for words, given in (
        ("ask --observe --action deploy", ""),
        ("ask --observe --action deploy --payload {", ""),
        ("hook --client claude-code --observe", "junk"),
    ):
        run = f'exec "$0" -P -m countersign_client {words} {stderr}'
        ran = subprocess.run(
            ["sh", "-c", run, sys.executable], cwd=tmp_path, input=given, text=True, check=False,
            stdout=subprocess.PIPE, timeout=HANGS,
            env=environment(PYTHONPATH=str(SOURCE), COUNTERSIGN_STATE=str(tmp_path / "state")),
        )  # fmt: skip
        assert (ran.returncode, ran.stdout) == (0, ""), words
    assert counts(tmp_path / "state/observed.jsonl").total() == 2


def test_a_user_without_a_home_observes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user id may be in no passwd file."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("COUNTERSIGN_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    for service in (None, OWN):
        with Client(service, observe=True) as client:
            assert client.ask(action="deploy").observed
    with pytest.raises(Misconfigured, match="no home folder"):
        Client(OWN)


MANY: Final = """
    import sys
    from countersign_client import Client
    with Client(observe=True) as client:
        for _ in range(200):
            client.ask(action=sys.argv[1] * 100)
"""


def test_several_processes_record_at_once_and_lose_nothing(tmp_path: Path) -> None:
    started = [python(tmp_path, MANY, name) for name in "abcd"]
    assert [ended(one).code for one in started] == [0] * 4
    found = counts(tmp_path / "state/observed.jsonl")
    assert found == {("ask", name * 100, "python"): 200 for name in "abcd"}


def test_a_record_that_was_cut_off_is_still_counted(record: Path) -> None:
    record.parent.mkdir()
    old = b'{"at": 1, "action": "claude-code.Bash", "would": "ask"}\n'  # of before doors were named
    record.write_bytes(old + b'{"at": 2, "act\n\xff[]\n7\n' + old)
    assert counts(record) == {("ask", "claude-code.Bash", ""): 2}


async def test_law_01_a_service_that_the_code_pins_is_asked_whatever_the_variable_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One process may have both; a client is one or the other."""
    monkeypatch.setenv("COUNTERSIGN_OBSERVE", "1")
    says = approved(digest(), genuine())
    impostor = Impostor(keys=[PINNED.jwk()], answer=lambda *_: web.json_response(says))
    async with impostor.open() as url:
        known = replace(OWN, url=url)
        async with (
            AsyncClient(known, store=Memory(), clock=lambda: NOW, observe=True) as seeing,
            AsyncClient(known, store=Memory(), clock=lambda: NOW) as holding,
        ):
            assert (await seeing.ask(**DEPLOY)).observed
            assert impostor.calls == []
            decision = await holding.ask(**DEPLOY)
    assert (decision.approved, decision.observed) == (True, False)
