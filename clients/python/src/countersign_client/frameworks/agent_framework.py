"""Microsoft Agent Framework: `Agent(…, middleware=[Countersign()])` gates every tool of the agent.

https://learn.microsoft.com/agent-framework/agents/tools/tool-approval (core 1.23.0 was run). Put it
last among the middleware, so that no other changes a call's arguments after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from agent_framework import (
    AgentResponse,
    Content,
    FunctionInvocationContext,
    FunctionMiddleware,
    Message,
)

from countersign_client.client import AsyncClient
from countersign_client.digest import read_json
from countersign_client.errors import CountersignError
from countersign_client.gate import Gate, Rules, Then, ToolCall, told
from countersign_client.protocol import POLL


class Countersign(FunctionMiddleware):
    """`pause`: with tools of `approval_mode="always_require"`, the run ends with
    `user_input_requests`; `answers` makes the message to go on with. `session`: names the run where
    call ids are unique only within one."""

    def __init__(
        self,
        client: AsyncClient | None = None,
        *,
        rules: Rules | None = None,
        session: str = "",
        pause: bool = False,
    ) -> None:
        self._gate = Gate(client, surface="agent-framework")
        self._rules, self._session, self._pause = rules or Rules(), session, pause

    async def process(
        self, context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]
    ) -> None:
        """Run the tool only on an approval; else its result is why not."""
        tool = context.function.name
        then = self._gate.rule(tool, self._rules, arguments=lambda: dict(context.arguments))
        if then is Then.ALLOW:
            await call_next()
            return
        if then is Then.DENY:
            context.result = "A rule denies this tool. Nothing was run."
            return
        id = context.metadata["call_id"]

        def now() -> ToolCall:
            return self._call(tool, dict(context.arguments), id)

        try:
            # What is in the context when it is approved is what `call_next` runs.
            await self._gate.run(now(), call_next, later=self._pause, now=now)
        except CountersignError as error:
            context.result = told(error)

    async def answers(self, response: AgentResponse, *, seconds: float = POLL) -> Message | None:
        """The user's message for all that `response` asks about, or None while any is pending: the
        framework wants all of them. It releases nothing: the tool does, when it runs."""
        requests = [one for one in response.user_input_requests if one.function_call]
        looks = [self._gate.look(self._asked(one), seconds=seconds) for one in requests]
        if any(one.status == "pending" for one in await asyncio.gather(*looks)) or not requests:
            return None
        # Also where it was declined: the tool finds out by itself, and says why.
        yes = [one.to_function_approval_response(True) for one in requests]
        return Message(role="user", contents=yes)

    def _asked(self, request: Content) -> ToolCall:
        asked: Any = request.function_call
        given = asked.arguments
        arguments = read_json(given) if isinstance(given, str) else dict(given or {})
        return self._call(str(asked.name), arguments, str(asked.call_id))

    def _call(self, tool: str, arguments: Any, id: str) -> ToolCall:
        return ToolCall(tool=tool, arguments=arguments, id=f"{self._session}:{id}")
