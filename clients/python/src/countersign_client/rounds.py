"""Waiting for a person behind an MCP client that does not wait long.

A client of 2026-07-28 is answered `input_required` and repeats the call, ten times at most; an
older one gives up after its own time-out, 60 s in the TypeScript SDK. Before either, the call is
answered "pending", and the same call again takes up the same request.
https://modelcontextprotocol.io/specification/2026-07-28 (multi-round-trip requests)
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field, replace
from typing import Final

from countersign_client.gate import Gate, ToolCall
from countersign_client.logs import Line, log
from countersign_client.protocol import Decision

MODERN: Final = "2026-07-28"
"""The first version in which a server answers `input_required`; they compare as dates."""
ROUND: Final = 20.0
"""Seconds of one round."""
LAST: Final = 8
"""Rounds before "pending": SDKs give up after 10 (`DEFAULT_INPUT_REQUIRED_MAX_ROUNDS`)."""
REMEMBERED: Final = 1000
"""Calls that were answered "pending" and may come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Nobody has decided yet. `id` names the call for the next round; nothing has run."""

    id: str
    request_id: str

    @property
    def text(self) -> str:
        """What the model is told when its client cannot wait any longer."""
        return (
            f"Waiting for a person to decide about this call (request {self.request_id}). Nothing "
            "has run. Make the same call again, with the same arguments, to go on waiting."
        )


@dataclass(slots=True)
class Rounds:
    """Asks about calls in steps. A call that waits is taken up by its id, or by being the same call
    of the same caller."""

    gate: Gate
    _pending: dict[tuple[str, str], str] = field(default_factory=dict)

    async def step(
        self, call: ToolCall, *, caller: str, seconds: float, id: str | None = None
    ) -> Decision | Waiting:
        """Wait for `seconds`; a decision is verified for this call, and used."""
        same = (caller, self.gate.action(call).digest())
        id = id or self._pending.pop(same, None) or uuid.uuid4().hex
        call = replace(call, id=id)
        try:
            opened = await self.gate.look(call, seconds=seconds)
        except asyncio.CancelledError:
            await self.gate.abandon(call)
            raise
        if opened.status != "pending":
            return await self.gate.release(call)
        return Waiting(id=id, request_id=opened.id)

    def later(self, call: ToolCall, waiting: Waiting, *, caller: str) -> str:
        """The client is told "pending": remember the call, and say so."""
        while len(self._pending) >= REMEMBERED:
            self._pending.pop(next(iter(self._pending)))
        self._pending[caller, self.gate.action(call).digest()] = waiting.id
        log.info(Line("request_pending", request=waiting.request_id))
        return waiting.text
