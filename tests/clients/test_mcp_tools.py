"""The tools for an agent that is trusted to ask, over both of their transports."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.clients.commands import Agents
from tests.harness.house import HANGS
from tests.harness.installation import listening
from tools.ports import free_port

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/agents/mcp.md"
PLAN: dict[str, Any] = {"action": "deploy", "payload": {"commit": "4f1d2ab"}}

# A service remembers for ten minutes what was declined.
OTHER: dict[str, Any] = {"action": "deploy", "payload": {"commit": "0000000"}}


@asynccontextmanager
async def tools(agents: Agents, *words: str, **env: str) -> AsyncIterator[Client]:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "countersign_client", "mcp-tools", *words],
        env=agents.env(**env),
        cwd=agents.home,
    )
    async with asyncio.timeout(2 * HANGS), Client(parameters) as agent:
        yield agent


async def call(agent: Client, tool: str, **given: Any) -> dict[str, Any]:
    result = await agent.call_tool(tool, given)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def test_approved_is_said_once_and_only_of_what_was_asked(agents: Agents) -> None:
    async with tools(agents, "--hold", "0") as agent:
        first = await call(agent, "request_approval", **PLAN, note="Please.", key="k")
        assert first["status"] == "pending"
        assert await call(agent, "request_approval", **PLAN, note="Please.", key="k") == first
        request = await asyncio.to_thread(agents.decide)
        assert first["request_id"] == request
        about = {"request_id": request, "action": "deploy"}
        other = await call(agent, "approval_status", **about, payload={"commit": "another"})
        assert other["status"] == "not_approved"
        assert "not what was approved" in other["reason"]
        same = {**about, "payload": PLAN["payload"]}
        assert (await call(agent, "approval_status", **same))["status"] == "approved"
        again = await call(agent, "approval_status", **same)
    assert again["status"] == "not_approved"
    assert "used before" in again["reason"]


async def test_law_01_a_decline_approves_nothing_and_says_why(
    agents: Agents,
) -> None:
    async with tools(agents) as agent:
        running = asyncio.create_task(call(agent, "request_approval", **OTHER))
        await asyncio.to_thread(agents.decide, "decline", "Not now.")
        answer = await running
    assert (answer["status"], answer["reason"]) == (
        "declined", "Declined: Not now. Nothing was run.",
    )  # fmt: skip


async def test_law_01_tools_that_observe_never_say_approved(agents: Agents) -> None:
    async with tools(agents, "--observe", COUNTERSIGN_URL="") as agent:
        first = await call(agent, "request_approval", **PLAN, note="Please.")
        about = {"request_id": "req_1", **PLAN}
        second = await call(agent, "approval_status", **about)
        assert "go on as you would without" in str(agent.instructions)
    assert first == second == {
        "status": "observed",
        "reason": "Countersign only observes: no person was asked, and none has approved this.",
    }  # fmt: skip
    events = (agents.home / "state/observed.jsonl").read_text().splitlines()
    assert [json.loads(line)["door"] for line in events] == ["mcp-tools"]


async def test_they_are_served_over_http_on_this_machine(agents: Agents) -> None:
    port = free_port()
    started = subprocess.Popen(
        [sys.executable, "-P", "-m", "countersign_client", "mcp-tools", "--http", str(port)],
        env=agents.env(), cwd=agents.home, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not await asyncio.to_thread(listening, port):
            assert started.poll() is None
        async with asyncio.timeout(2 * HANGS), Client(f"http://127.0.0.1:{port}/mcp") as agent:
            running = asyncio.create_task(call(agent, "request_approval", **PLAN))
            await asyncio.to_thread(agents.decide)
            assert (await running)["status"] == "approved"
    finally:
        started.terminate()
        started.wait()


async def test_the_server_that_is_shown_asks_before_its_tools_run(agents: Agents) -> None:
    """The example, which the page shows the heart of."""
    example = ROOT / "examples/mcp_server.py"
    shown = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert shown[0].strip() in example.read_text()
    parameters = StdioServerParameters(
        command=sys.executable, args=["-P", str(example)], env=agents.env(), cwd=agents.home
    )
    async with asyncio.timeout(2 * HANGS), Client(parameters) as agent:
        listed = await agent.call_tool("list_invoices", {})
        assert not listed.is_error
        refund = {"invoice": "2291", "cents": 500}
        running = asyncio.create_task(agent.call_tool("refund", refund))
        await asyncio.to_thread(agents.decide)
        result = await running
    assert not result.is_error
    assert result.structured_content == {"result": "paid 500 for 2291"}
