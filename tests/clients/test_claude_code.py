"""The real Claude Code, offline, with the hook that `connect` wrote: what runs and what does not.

The program is the one inside the PyPI wheel claude-agent-sdk; the model is `model_api`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.commands import Agents
from tests.clients.model_api import ModelApi
from tests.harness.house import HANGS
from tests.harness.installation import ended

TOUCH = ("Bash", {"command": "echo ran > ran.txt", "description": "Leave a trace"})


@pytest.fixture
def claude(agents: Agents) -> str:
    """Claude Code's path, in a home where `pin` and `connect` were run as the guide says."""
    found = importlib.util.find_spec("claude_agent_sdk")
    assert found is not None, "the tests need claude-agent-sdk: `make test` installs it"
    program = Path(str(found.origin)).parent / "_bundled" / "claude"
    (agents.home / "bin").mkdir()
    (agents.home / "bin" / "claude").symlink_to(program)
    run(agents, "pin", "--url", agents.place.url, "--receipt-key", agents.pin)
    said = run(agents, "connect", "claude-code")
    assert "✓ Claude Code asks before Bash|Edit|Write" in said
    assert "!" not in said  # this version knows `onFailure`
    return str(program)


def env(agents: Agents) -> dict[str, str]:
    """With the program on the path, and nothing set but the key: the rest is pinned."""
    path = f"{agents.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    bare = {f"COUNTERSIGN_{name}": "" for name in ("URL", "RECEIPT_KEY", "REQUESTER", "ISSUER")}
    return {"PATH": path, **bare}


def run(agents: Agents, *words: str) -> str:
    ran = ended(agents.start(*words, **env(agents)))
    assert ran.code == 0, ran.err
    return ran.err


def work(agents: Agents, program: str, api: ModelApi, then: Callable[[], Any], **more: str) -> None:
    """One turn of Claude Code, in which the model calls its tools; `then`: what people do."""
    asyncio.run(_work(agents, program, api, then, more))


async def _work(
    agents: Agents, program: str, api: ModelApi, then: Callable[[], Any], more: dict[str, str]
) -> None:
    async with api.open() as url:
        started = await asyncio.create_subprocess_exec(
            program, "-p", "go", "--allowedTools", "Bash,Write,Edit", "--output-format", "json",
            cwd=agents.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={
                **agents.env(**env(agents), COUNTERSIGN_KEY=""), "ANTHROPIC_BASE_URL": url,
                "ANTHROPIC_API_KEY": "none", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                **more,
            },
        )  # fmt: skip
        async with asyncio.timeout(3 * HANGS):
            await asyncio.to_thread(then)
            out, err = await started.communicate()
    assert started.returncode == 0, (out, err)


def test_an_approved_call_runs_once_and_its_outcome_is_reported(
    agents: Agents, claude: str
) -> None:
    api, asked = ModelApi([TOUCH]), list[str]()
    work(agents, claude, api, lambda: asked.append(agents.decide()))
    assert (agents.home / "ran.txt").read_text() == "ran\n"
    shown = agents.shown(asked[0])
    assert shown["asked"]["action"] == "claude-code.Bash"  # type: ignore[index] # of JSON
    assert shown["title"] == "Bash: echo ran > ran.txt"
    assert shown["outcome"]["delivered"] is True  # type: ignore[index] # of JSON


def test_law_01_a_declined_call_does_not_run_and_the_model_reads_why(
    agents: Agents, claude: str
) -> None:
    api = ModelApi([TOUCH])
    work(agents, claude, api, lambda: agents.decide("decline", "Use the other folder."))
    assert not (agents.home / "ran.txt").exists()
    assert "Declined: Use the other folder." in api.results["toolu_0"]


def test_of_two_calls_at_once_each_has_its_own_verdict(agents: Agents, claude: str) -> None:
    two = ("Write", {"file_path": str(agents.home / "two.txt"), "content": "one\ntwo\n"})
    api, titles = ModelApi([TOUCH, two]), list[str]()

    def decide() -> None:
        for _ in range(2):
            shown = agents.shown(agents.pending())
            titles.append(str(shown["title"]))
            agents.decide("approve" if "Write" in titles[-1] else "decline")

    work(agents, claude, api, decide)
    assert len(set(titles)) == 2
    assert (agents.home / "two.txt").read_text() == "one\ntwo\n"
    assert not (agents.home / "ran.txt").exists()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"COUNTERSIGN_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"COUNTERSIGN_KEY": "csr_wrong"}, "COUNTERSIGN_KEY is not a key"),
        ({"COUNTERSIGN_CLIENT_FILE": "/nowhere/service.json"}, "Not set"),
        ({"PYTHONPATH": "/nowhere"}, "No module named"),
    ],
    ids=["the service is away", "a wrong key", "nothing is pinned", "the hook cannot start"],
)
def test_law_01_where_the_hook_fails_nothing_runs(
    agents: Agents, claude: str, changed: dict[str, str], says: str
) -> None:
    """`--allowedTools Bash` would let it run: the hook alone holds it."""
    api = ModelApi([TOUCH])
    work(agents, claude, api, lambda: None, **changed)
    assert not (agents.home / "ran.txt").exists()
    assert says in api.results["toolu_0"]


def test_law_01_a_key_of_the_service_that_is_not_the_pinned_one_runs_nothing(
    agents: Agents, claude: str
) -> None:
    path = agents.home / ".config/countersign-client/service.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "receipt_key": "A" * 43}))
    api = ModelApi([TOUCH])
    work(agents, claude, api, agents.decide)
    assert not (agents.home / "ran.txt").exists()
    assert "does not have the receipt key that is pinned here" in api.results["toolu_0"]


def test_an_input_that_another_hook_changed_is_told_to_the_approvers(
    agents: Agents, claude: str
) -> None:
    """Claude Code takes another hook's `updatedInput` after ours has approved: no hook can stop
    that, and what ran is compared afterwards."""
    settings = agents.home / ".claude/settings.json"
    held = json.loads(settings.read_text())
    said = {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "allow",
            "updatedInput": {"command": "echo other > other.txt"},
        }
    }
    script = agents.home / "other-hook"
    script.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    script.chmod(0o755)
    entry = {"matcher": "Bash", "hooks": [{"type": "command", "command": str(script)}]}
    held["hooks"]["PreToolUse"].append(entry)
    settings.write_text(json.dumps(held))
    api, asked = ModelApi([TOUCH]), list[str]()
    work(agents, claude, api, lambda: asked.append(agents.decide()))
    outcome = agents.shown(asked[0])["outcome"]
    assert (agents.home / "other.txt").exists()
    assert outcome["delivered"] is None  # type: ignore[index] # of JSON
    assert outcome["error"].startswith("Another input ran")  # type: ignore[index] # of JSON


def test_removed_it_asks_no_more_and_the_settings_are_as_before(
    agents: Agents, claude: str
) -> None:
    settings = agents.home / ".claude/settings.json"
    assert "countersign" in settings.read_text()
    assert "✓ Claude Code asks no more" in run(agents, "connect", "claude-code", "--remove")
    assert json.loads(settings.read_text()) == {}
    work(agents, claude, ModelApi([TOUCH]), lambda: None)
    assert (agents.home / "ran.txt").exists()


def test_an_old_version_is_told_that_its_hooks_fail_open(agents: Agents) -> None:
    program = agents.home / "bin" / "claude"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '2.1.294 (Claude Code)'\n")
    program.chmod(0o755)
    said = ended(agents.start("connect", "claude-code", PATH=f"{program.parent}:/usr/bin:/bin"))
    assert said.code == 0
    assert "Before 2.1.295 it lets a call run when a hook fails or times out" in said.err
    program.unlink()
    said = ended(agents.start("connect", "status", PATH="/usr/bin:/bin"))
    assert "`claude` was not found" in said.err
