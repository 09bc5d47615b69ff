"""One line that gates every tool of an MCP server written with the Python SDK:

    server = MCPServer("payments", extensions=[Countersign(name="payments")])

It needs `countersign-client[mcp]`. It sees the validated arguments that the tool will be called
with. Put it last among the extensions, so that none stands between it and the tool.
"""

from __future__ import annotations

import json
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.request_state import authenticated_principal
from mcp_types import CallToolRequestParams, CallToolResult, InputRequiredResult, TextContent

from countersign_client.client import AsyncClient
from countersign_client.errors import CountersignError
from countersign_client.gate import Gate, Rules, Then, ToolCall, told
from countersign_client.mcp_commands import HOLD
from countersign_client.protocol import Decision
from countersign_client.rounds import LAST, MODERN, ROUND, Rounds, Waiting

_OURS: Final = "countersign:"


class Countersign(Extension):
    """`name`: of the server, part of the action: `mcp.payments.refund`. `rules`: which tools; by
    default all are asked about. Without `client`, one is made from the environment.

    `hold`: seconds for which the call of a client before 2026-07-28 is held; keep it below that
    client's time-out. `round`: seconds of one round with a newer one.
    """

    identifier = "dev.countersign/approval"

    def __init__(
        self,
        client: AsyncClient | None = None,
        *,
        name: str | None = None,
        rules: Rules | None = None,
        hold: float = HOLD,
        round: float = ROUND,
    ) -> None:
        self._gate = Gate(client, surface=f"mcp.{name}" if name else "mcp")
        self._rules, self._hold, self._round = rules or Rules(), hold, round
        self._rounds = Rounds(self._gate)

    async def intercept_tool_call(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> HandlerResult:
        """Run the tool only on an approval of exactly this call."""
        match self._gate.rule(params.name, self._rules, arguments=lambda: params.arguments):
            case Then.ALLOW:
                return await call_next(ctx)
            case Then.DENY:
                return _refused("A rule of this server denies this tool. Nothing was run.")
        try:
            decision = await self._ask(params, ctx)
        except CountersignError as error:
            return _refused(told(error))
        if not isinstance(decision, Decision):
            return decision
        if not decision:
            return _refused(told(decision))
        result = None
        try:
            result = await call_next(ctx)
            return result
        finally:
            failed = result is None or getattr(result, "is_error", False)
            await self._gate.report(
                decision, error="the tool answered with an error" if failed else None
            )

    async def _ask(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any]
    ) -> Decision | HandlerResult:
        modern = ctx.protocol_version >= MODERN
        state, at = params.request_state, 0
        id: str | None = None
        if state is not None and state.startswith(_OURS):
            # The SDK sealed it: for this caller, these params and this server.
            id, at = json.loads(state.removeprefix(_OURS))
            params.request_state = None  # it is none of the tool's
        call = _call(params)
        caller = authenticated_principal(ctx) or ""
        seconds = self._round if modern else self._hold
        step = await self._rounds.step(call, caller=caller, seconds=seconds, id=id)
        if not isinstance(step, Waiting):
            return step
        if modern and at < LAST:
            return InputRequiredResult(request_state=_OURS + json.dumps([step.id, at + 1]))
        return _refused(self._rounds.later(call, step, caller=caller))


def _call(params: CallToolRequestParams) -> ToolCall:
    """A tool that asked its client for something runs again with the answers: another call, which
    is asked about with them."""
    context: dict[str, Any] = {}
    more = params.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude={"meta", "name", "arguments"}
    )
    if more:
        context["more"] = more
    return ToolCall(tool=params.name, arguments=params.arguments or {}, context=context, rpc=True)


def _refused(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
