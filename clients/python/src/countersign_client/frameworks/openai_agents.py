"""OpenAI Agents SDK: `Agent(tools=[door.tool(transfer)])`.

https://openai.github.io/openai-agents-python/human_in_the_loop/ (0.24.0 was run). `always_approve`
is never used: it is by the tool's name, whatever its arguments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from agents import FunctionTool, RunState, ToolApprovalItem
from agents.tool_context import ToolContext

from countersign_client.client import AsyncClient
from countersign_client.digest import read_json
from countersign_client.errors import CountersignError, Unverified
from countersign_client.gate import Gate, Then, ToolCall, told
from countersign_client.protocol import POLL


class Countersign:
    """`pause`: the run ends with `interruptions`; give them to `answer`, then run the state on."""

    def __init__(
        self, client: AsyncClient | None = None, *, session: str = "", pause: bool = False
    ) -> None:
        self._gate = Gate(client, surface="openai-agents")
        self._session, self._pause = session, pause

    def tool(self, tool: FunctionTool) -> FunctionTool:
        """The same tool, which runs only once it is approved."""

        async def invoke(ctx: ToolContext[Any], given: str) -> Any:
            if self._gate.rule(tool.name, arguments=lambda: _read(given)) is Then.ALLOW:
                return await tool.on_invoke_tool(ctx, given)
            try:
                call = self._call(tool.name, given, ctx.tool_call_id)
                return await self._gate.run(
                    call, lambda: tool.on_invoke_tool(ctx, given), later=self._pause
                )
            except CountersignError as error:
                return told(error)

        self._gate.wraps(tool.name)
        pause = self._pause and self._gate.observer is None
        return dataclasses.replace(tool, on_invoke_tool=invoke, needs_approval=pause)

    async def answer(
        self,
        state: RunState[Any, Any],
        interruptions: Sequence[ToolApprovalItem],
        *,
        seconds: float = POLL,
    ) -> int:
        """Ask about what is interrupted, wait for each, and put what was decided into `state`. How
        many were; run the state on if any. It releases nothing: the tool does, when it runs."""
        decided = 0
        for item in interruptions:
            if self._gate.observer is not None:
                if self._gate.passes(item.name or ""):
                    state.approve(item)  # the SDK has no other word for “go on”
                    decided += 1
                continue
            call = self._call(item.name or "", item.arguments or "", item.call_id)
            opened = await self._gate.look(call, seconds=seconds)
            if opened.status == "pending":
                continue
            decided += 1
            if opened.status == "approved":
                state.approve(item)
                continue
            try:
                (await self._gate.release(call)).require()
            except CountersignError as error:
                state.reject(item, rejection_message=told(error))
        return decided

    def _call(self, name: str, given: str, call_id: str | None) -> ToolCall:
        try:
            arguments = _read(given)
        except ValueError as error:
            raise Unverified(
                f"The arguments are not JSON: {error}. Nothing was run.", "Make a new call."
            ) from None
        return ToolCall(tool=name, arguments=arguments, id=f"{self._session}:{call_id}")


def _read(given: str) -> Any:
    """The arguments as the SDK has them: a text of JSON, or none. `ValueError`."""
    return read_json(given) if given else {}
