"""The Claude Agent SDK with its real program, offline: `can_use_tool` asks a person."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient
from countersign_client import AsyncClient
from countersign_client.frameworks.claude_agent import Countersign
from countersign_client.gate import Rules
from countersign_client.observe import counts

from tests.clients.house import client, decided
from tests.clients.model_api import ModelApi
from tests.harness.house import HANGS, Place


async def turn(door: Countersign, api: ModelApi, home: Any) -> None:
    """One turn, in which the model calls its tools."""
    async with api.open() as url, asyncio.timeout(3 * HANGS):
        options = ClaudeAgentOptions(
            can_use_tool=door.can_use_tool, cwd=home, setting_sources=[],
            env={
                "HOME": str(home), "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "none",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            },
        )  # fmt: skip
        async with ClaudeSDKClient(options) as agent:
            await agent.query("go")
            async for _ in agent.receive_response():
                pass


@pytest.mark.parametrize("choice", ["approve", "decline"])
async def test_law_01_a_tool_runs_only_once_it_is_approved(
    house: Place, tmp_path: Any, choice: str
) -> None:
    api = ModelApi([("Bash", {"command": "echo ran > ran.txt", "description": "Leave a trace"})])
    async with client(house) as asking:
        door = Countersign(asking, session="s", cwd=str(tmp_path))
        running = asyncio.create_task(turn(door, api, tmp_path))
        case = await decided(house, choice, reason=None if choice == "approve" else "Not here.")
        await running
    assert (tmp_path / "ran.txt").exists() == (choice == "approve")
    shown = await house.read(case["id"], key=await house.token("dana"))
    assert shown["asked"]["action"] == "claude-agent.Bash"
    if choice == "decline":
        assert "Declined: Not here. Nothing was run." in api.results["toolu_0"]


async def test_law_01_nothing_runs_while_the_service_is_away(house: Place, tmp_path: Any) -> None:
    api = ModelApi([("Bash", {"command": "echo ran > ran.txt", "description": "Leave a trace"})])
    asking: AsyncClient = client(house, url="http://127.0.0.1:1")
    await turn(Countersign(asking), api, tmp_path)
    assert not (tmp_path / "ran.txt").exists()
    assert "nobody can be asked now" in api.results["toolu_0"]


async def test_a_tool_of_an_agent_that_is_observed_runs(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_STATE", str(tmp_path / "state"))
    api = ModelApi([("Bash", {"command": "echo ran > ran.txt", "description": "Leave a trace"})])
    door = Countersign(AsyncClient(observe=True), rules=Rules(deny=("Bash",)))
    await turn(door, api, tmp_path)
    assert (tmp_path / "ran.txt").exists()
    assert counts(tmp_path / "state/observed.jsonl") == {
        ("deny", "claude-agent.Bash", "claude-agent"): 1
    }
