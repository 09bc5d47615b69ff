"""CrewAI: `Agent(tools=[door.tool(transfer)])`, with a tool of `@tool` or a `BaseTool`.

https://docs.crewai.com/en/learn/create-custom-tools (1.15.30 was run). CrewAI's own
`@human_feedback` with `emit` has a model turn a person's words into the outcome: never take that
for an approval. Its calls have no id, so a call that was interrupted is asked about again.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from crewai.tools import BaseTool
from pydantic import PrivateAttr

from countersign_client.approval import approved, reported
from countersign_client.client import Client
from countersign_client.errors import CountersignError
from countersign_client.gate import Gate, Then, ToolCall, told


class Countersign:
    """Crews run in threads, so this asks with a blocking `Client`, one for each call if none is
    given."""

    def __init__(self, client: Client | None = None) -> None:
        self._client = client
        observe = None if client is None else client.observer is not None
        self._gate = Gate(surface="crewai", observe=observe)

    def tool(self, tool: BaseTool) -> BaseTool:
        """The same tool, which runs only once its call is approved."""
        held = _Held(
            name=tool.name, description=tool.description, args_schema=tool.args_schema,
            result_as_answer=tool.result_as_answer,
            # CrewAI counts its uses, and refuses one too many before anybody is asked.
            max_usage_count=tool.max_usage_count, current_usage_count=tool.current_usage_count,
            cache_function=_never,  # a refusal is no result to keep
        )  # fmt: skip
        held._inner, held._client, held._gate = tool, self._client, self._gate
        return held


def _never(_arguments: Any = None, _result: Any = None) -> bool:
    return False


class _Held(BaseTool):
    _inner: BaseTool = PrivateAttr()
    _client: Client | None = PrivateAttr(default=None)
    _gate: Gate = PrivateAttr()

    def _run(self, **arguments: Any) -> Any:
        gate = self._gate
        if gate.rule(self.name, arguments=lambda: arguments) is Then.ALLOW:
            return self._ran(arguments)
        with contextlib.ExitStack() as stack:
            client = self._client or stack.enter_context(Client(observe=False))
            call = ToolCall(tool=self.name, arguments=arguments)
            try:
                decision = approved(client, lambda: gate.action(call))
            except CountersignError as error:
                return told(error)
            return reported(client, decision, lambda: self._ran(arguments))

    def _ran(self, arguments: dict[str, Any]) -> Any:
        # Not `run`, which would validate what was approved once more, and so may change it.
        result = self._inner._run(**arguments)
        return asyncio.run(result) if asyncio.iscoroutine(result) else result
