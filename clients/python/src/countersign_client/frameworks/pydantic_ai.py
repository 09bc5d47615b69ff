"""Pydantic AI: `Agent(…, capabilities=[Countersign()])` gates every tool of the agent.

https://ai.pydantic.dev/deferred-tools/ (2.68.0 was run). What is asked about is the validated
arguments, as the tool gets them. `override_args` is never used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import DeferredToolRequests, DeferredToolResults, RunContext, ToolDenied
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import ToolDefinition
from pydantic_core import to_jsonable_python

from countersign_client.client import AsyncClient
from countersign_client.errors import CountersignError
from countersign_client.gate import Gate, Rules, Then, ToolCall, told
from countersign_client.protocol import POLL


@dataclass
class Countersign(AbstractCapability[Any]):
    """`pause`: the run ends with `DeferredToolRequests` (put it into `output_type`); give them to
    `answers`, and run the message history on. The conversation's id is part of each call's."""

    client: AsyncClient | None = None
    rules: Rules = field(default_factory=Rules)
    pause: bool = False

    def __post_init__(self) -> None:
        self._gate = Gate(self.client, surface="pydantic-ai")

    async def wrap_tool_execute(
        self,
        ctx: RunContext[Any],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        handler: Callable[[dict[str, Any]], Awaitable[Any]],
    ) -> Any:
        """Run the tool only on an approval."""
        then = self._gate.rule(
            call.tool_name, self.rules, arguments=lambda: to_jsonable_python(args)
        )
        if then is Then.ALLOW:
            return await handler(args)
        if then is Then.DENY:
            return "A rule denies this tool. Nothing was run."
        asked = ToolCall(
            tool=call.tool_name, arguments=to_jsonable_python(args),
            id=f"{ctx.conversation_id}:{call.tool_call_id}",
        )  # fmt: skip
        try:
            if self.pause and (opened := await self._gate.look(asked)).status == "pending":
                raise ApprovalRequired(metadata={"countersign": opened.id})
            return await self._gate.run(asked, lambda: handler(args), later=self.pause)
        except CountersignError as error:
            return told(error)

    async def answers(
        self, requests: DeferredToolRequests, *, seconds: float = POLL
    ) -> DeferredToolResults | None:
        """What was decided, or None while any is pending: Pydantic AI wants all of them. It
        releases nothing: the tool does, when it runs."""
        found = DeferredToolResults()
        for call in requests.approvals:
            known = requests.metadata.get(call.tool_call_id, {}).get("countersign")
            if self._gate.observer is not None:
                if known is not None:  # else the pause is not ours: its owner answers it
                    found.approvals[call.tool_call_id] = True
                continue
            if known is None:
                found.approvals[call.tool_call_id] = ToolDenied("Nobody was asked about this call.")
                continue
            opened = await self._gate.client.wait(known, seconds=seconds)
            if opened.status == "pending":
                return None
            # Also where it was declined: the tool finds out by itself, and says why.
            found.approvals[call.tool_call_id] = True
        return found
