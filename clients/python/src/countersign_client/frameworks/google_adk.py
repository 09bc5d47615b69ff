"""Google ADK: `Agent(tools=[door.tool(transfer)])`.

https://google.github.io/adk-docs/tools/confirmation/ (2.13.0 was run). Whoever can write a user's
message into a session can confirm a call there; here that decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from google.adk.events import Event
from google.adk.flows.llm_flows.functions import REQUEST_CONFIRMATION_FUNCTION_CALL_NAME as NAME
from google.adk.tools import FunctionTool, ToolContext
from google.genai import types

from countersign_client.client import AsyncClient
from countersign_client.errors import CountersignError
from countersign_client.gate import Gate, Then, ToolCall, told
from countersign_client.protocol import POLL


class Countersign:
    """`pause`: the run ends with requests for confirmation; `answers` makes the message to go on
    with. The session's id is part of each call's."""

    def __init__(self, client: AsyncClient | None = None, *, pause: bool = False) -> None:
        self._gate = Gate(client, surface="google-adk")
        self._pause = pause

    def tool(self, function: Callable[..., Any]) -> FunctionTool:
        """A tool of this function, which runs only once its call is approved."""
        held = _Held(function, self._gate, pause=self._pause)
        self._gate.wraps(held.name)
        return held

    async def answers(
        self, events: Iterable[Event], *, session: str, seconds: float = POLL
    ) -> types.Content | None:
        """The user's message for all that `events` ask to confirm, or None while any is pending.

        It releases nothing: the tool does, when it runs."""
        parts = list[types.Part]()
        for event in events:
            for asked in event.get_function_calls():
                if asked.name != NAME:
                    continue
                original = (asked.args or {})["originalFunctionCall"]
                if self._gate.observer is None:
                    call = _call(session, original["id"], original["name"], original["args"])
                    opened = await self._gate.look(call, seconds=seconds)
                    if opened.status == "pending":
                        return None
                elif not self._gate.passes(original["name"]):
                    continue
                # Also where it was declined: the tool finds out by itself, and says why.
                answer = types.FunctionResponse(
                    id=asked.id, name=NAME, response={"confirmed": True}
                )
                parts.append(types.Part(function_response=answer))
        return types.Content(role="user", parts=parts) if parts else None


class _Held(FunctionTool):
    def __init__(self, function: Callable[..., Any], gate: Gate, *, pause: bool) -> None:
        super().__init__(function)
        self._gate, self._pause, self._checked = gate, pause, _Checked(function)

    async def run_async(self, *, args: dict[str, Any], tool_context: ToolContext) -> Any:
        """Run the function only on an approval of these arguments."""
        try:
            # Arguments that it would not be called with: the model reads why, and nobody is asked.
            return await self._checked.run_async(args=args, tool_context=tool_context)
        except _Valid:
            pass
        run = super().run_async
        if self._gate.rule(self.name, arguments=lambda: args) is Then.ALLOW:
            return await run(args=args, tool_context=tool_context)
        call = _call(tool_context.session.id, tool_context.function_call_id, self.name, args)
        try:
            if self._pause and not tool_context.tool_confirmation:
                opened = await self._gate.look(call)
                if opened.status == "pending":
                    tool_context.request_confirmation(hint=f"Countersign asks ({opened.id}).")
                    tool_context.actions.skip_summarization = True
                    return {"error": "This waits for a person's approval. Nothing was run."}
            return await self._gate.run(
                call, lambda: run(args=args, tool_context=tool_context), later=self._pause
            )
        except CountersignError as error:
            return {"error": told(error)}


class _Valid(Exception):
    """The arguments are those of the function."""


class _Checked(FunctionTool):
    async def check_require_confirmation(
        self, args: dict[str, Any], tool_context: ToolContext
    ) -> bool:
        """ADK comes here once it has validated the arguments, before it calls the function."""
        raise _Valid


def _call(session: str, id: str | None, tool: str, arguments: Any) -> ToolCall:
    return ToolCall(tool=tool, arguments=arguments, id=f"{session}:{id}" if id else None)
