"""LangChain and LangGraph: `create_agent(…, middleware=[Countersign()])`.

https://docs.langchain.com/oss/python/langchain/human-in-the-loop (langchain 1.5.2, langgraph 1.2.24
were run). For a graph of your own: `ToolNode(tools, awrap_tool_call=door.awrap_tool_call)`. Use the
async methods (`ainvoke`); without them LangChain refuses, and nothing runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.tools.tool_node import ToolCallRequest
from langchain_core.messages import ToolMessage
from langgraph.types import Command, interrupt

from countersign_client.client import AsyncClient
from countersign_client.errors import CountersignError
from countersign_client.gate import Gate, Rules, Then, ToolCall, told


class Countersign(AgentMiddleware[Any, Any, Any]):
    """`pause`: each pending call is an interrupt of its own, with the request's id. Resume by
    `Command(resume={interrupt.id: True})` once it is decided; the value decides nothing, and what
    is still pending interrupts again. It needs a checkpointer and a `thread_id`."""

    def __init__(
        self,
        client: AsyncClient | None = None,
        *,
        rules: Rules | None = None,
        pause: bool = False,
    ) -> None:
        super().__init__()
        self._gate = Gate(client, surface="langchain")
        self._rules, self._pause = rules or Rules(), pause

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run the tool only on an approval. A node restarts from its beginning when it is resumed:
        the call's id makes asking again harmless."""
        asked = request.tool_call
        then = self._gate.rule(asked["name"], self._rules, arguments=lambda: asked["args"])
        if then is Then.ALLOW:
            return await handler(request)
        if then is Then.DENY:
            return _refused(request, "A rule denies this tool. Nothing was run.")
        thread = request.runtime.config.get("configurable", {}).get("thread_id", "")
        call = ToolCall(tool=asked["name"], arguments=asked["args"], id=f"{thread}:{asked['id']}")
        try:
            while self._pause and (opened := await self._gate.look(call)).status == "pending":
                interrupt({"type": "countersign", "request_id": opened.id, "tool": call.tool})
            return await self._gate.run(call, lambda: handler(request), later=self._pause)
        except CountersignError as error:
            return _refused(request, told(error))


def _refused(request: ToolCallRequest, text: str) -> ToolMessage:
    call = request.tool_call
    return ToolMessage(
        content=text, name=call["name"], tool_call_id=call["id"] or "", status="error"
    )
