"""Claude Agent SDK: `ClaudeAgentOptions(can_use_tool=Countersign().can_use_tool)`.

https://docs.claude.com/en/api/agent-sdk/permissions (0.2.189 was run, with its program). It is
asked where Claude Code's own permission rules would ask: a tool in `allowed_tools` passes without
it. For tools that always need a person, use the hook: docs/agents/claude-code.md.
"""

from __future__ import annotations

from typing import Any

from claude_agent_sdk import (
    PermissionResultAllow,
    PermissionResultDeny,
    ToolPermissionContext,
)

from countersign_client.client import AsyncClient
from countersign_client.errors import CountersignError
from countersign_client.gate import Gate, Rules, Then, ToolCall, told


class Countersign:
    """`session`: names the run; `cwd`: where its commands run, a part of what is approved."""

    def __init__(
        self,
        client: AsyncClient | None = None,
        *,
        rules: Rules | None = None,
        session: str = "",
        cwd: str | None = None,
    ) -> None:
        self._gate = Gate(client, surface="claude-agent")
        self._rules, self._session = rules or Rules(), session
        self._context = {"cwd": cwd} if cwd else {}

    async def can_use_tool(
        self, tool: str, given: dict[str, Any], context: ToolPermissionContext
    ) -> PermissionResultAllow | PermissionResultDeny:
        """The SDK's callback. It never changes the input: what was approved is what runs."""
        then = self._gate.rule(tool, self._rules, arguments=lambda: given)
        if then is Then.ALLOW:
            return PermissionResultAllow()
        if then is Then.DENY:
            return PermissionResultDeny(message="A rule denies this tool. Nothing was run.")
        call = ToolCall(
            tool=tool, arguments=given, context=self._context,
            id=f"{self._session}:{context.tool_use_id}" if context.tool_use_id else None,
        )  # fmt: skip
        try:
            decision = await self._gate.hold(call)
            decision.require()
        except CountersignError as error:
            return PermissionResultDeny(message=told(error))
        return PermissionResultAllow()
