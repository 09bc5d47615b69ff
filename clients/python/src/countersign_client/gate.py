"""May this tool call run? The one function under every door to an agent's framework.

The laws, wherever it is used:

1. A call runs only on a verified approval of its name and its arguments as they are at that moment.
2. A call that has an id is asked about once, however often it is resumed or repeated: its id is the
   idempotency key. The same id with other arguments is refused, so stored state needs no trust.
3. What a framework, a model or a client answers decides nothing. Only the receipt does.
4. A model reads the approver's reason, and nothing of ours.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, Final, TypeVar, cast

from countersign_client.client import AsyncClient
from countersign_client.errors import (
    CountersignError,
    NotAccepted,
    NotApproved,
    Unverified,
    printable,
    raised,
)
from countersign_client.logs import Line, log
from countersign_client.observe import STATUS, Switch, observer
from countersign_client.protocol import Action, Decision, Opened, Then, same

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Patterns of tool names, as a shell matches files: `delete_*`. A tool that is denied by one
    pattern stays denied; `ask` comes before `allow`; what none of them names is asked about."""

    ask: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def of(self, tool: str) -> Then:
        """What becomes of a call of this tool."""
        for then, patterns in ((Then.DENY, self.deny), (Then.ASK, self.ask)):
            if any(fnmatchcase(tool, pattern) for pattern in patterns):
                return then
        allowed = any(fnmatchcase(tool, pattern) for pattern in self.allow)
        return Then.ALLOW if allowed else Then.ASK


_ASK_ALL: Final = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call as it would run. `id`: unique to it, with its session, or None where the framework has
    none; then it cannot be resumed. `context`: what else decides what happens; it is bound too.
    `rpc`: it goes over the wire as MCP's tools/call, and is shown as one."""

    tool: str
    arguments: Any
    id: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    rpc: bool = False


class Gate:
    """Asks about tool calls of one `surface`: the framework, and so the first part of the action.

    Without a `client`, one is made from the environment when it is first needed. It observes where
    its client does, or without one as `observe` says.
    """

    def __init__(
        self, client: AsyncClient | None = None, *, surface: str, observe: Switch = None
    ) -> None:
        self._client, self.surface = client, surface
        if client is not None:
            observe = client.observer is not None
        self.observer = observer(observe, door=surface)
        self._wrapped = set[str]()

    @property
    def client(self) -> AsyncClient:
        self._client = self._client or AsyncClient(observe=self.observer or False)
        return self._client

    def rule(
        self, tool: str, rules: Rules = _ASK_ALL, *, arguments: Callable[[], Any] = lambda: None
    ) -> Then:
        """What becomes of a call of this tool. A gate that observes records it, and allows it: as
        denied, too, where nobody could be asked about its `arguments`."""
        then = rules.of(tool)
        if self.observer is None:
            return then
        name = self._name(tool)
        if then is Then.ASK:
            self.observer.ask(name, lambda: self.action(ToolCall(tool=tool, arguments=arguments())))
        else:
            self.observer.note(then, name)
        return Then.ALLOW

    def wraps(self, tool: str) -> None:
        """This door wrapped a tool of that name, and so records its calls."""
        self._wrapped.add(tool)

    def passes(self, tool: str) -> bool:
        """Whether a gate that observes lets the framework's pause of this tool go on. Not that of a
        tool that it did not wrap: whoever made that pause answers it. A gate that has wrapped none
        yet, in a process that takes a run up, cannot tell: it records the call, and passes it."""
        if self.observer is None:
            return False
        if self._wrapped:
            return tool in self._wrapped
        self.observer.note(Then.ASK, self._name(tool))
        return True

    def action(self, call: ToolCall) -> Action:
        """What is asked about, and what its receipt must be for. A copy: arguments may change."""
        payload: dict[str, Any] = {"tool_name": call.tool, "tool_input": call.arguments}
        if call.rpc:
            params = {"name": call.tool, "arguments": call.arguments}
            payload = {"jsonrpc": "2.0", "method": "tools/call", "params": params}
        payload |= call.context
        return Action(action=self._name(call.tool), payload=copy.deepcopy(payload))

    def _name(self, tool: str) -> str:
        name = re.sub(r"[^A-Za-z0-9]+", ".", tool).strip(".")[:100] or "tool"
        return f"{self.surface}.{name}"

    def key(self, call: ToolCall) -> str | None:
        """The idempotency key of this call."""
        return call.id and sha256(f"{self.surface}:{call.id}".encode()).hexdigest()

    async def hold(self, call: ToolCall, *, expires_in: int | None = None) -> Decision:
        """Ask, wait as long as it takes, and use the approval. Cancelled, it withdraws."""
        asked = self.action(call)
        with _changed():
            decision = await self.client.ask(
                action=asked.action, payload=asked.payload, key=self.key(call),
                expires_in=expires_in,
            )  # fmt: skip
        return same(self.action(call), decision)

    async def look(self, call: ToolCall, *, seconds: float = 0) -> Opened:
        """Ask, or take up what was asked, and wait for `seconds`. Nothing is released by it."""
        if self.observer is not None:  # the call is recorded when it runs
            return self.observer.opened(STATUS)
        asked = self.action(call)
        with _changed():
            opened = await self.client.open(
                action=asked.action, payload=asked.payload, key=self.key(call)
            )
        return await self.client.wait(opened.id, seconds=seconds)

    async def abandon(self, call: ToolCall) -> None:
        """Nobody waits any more, and the caller is being cancelled: withdraw it."""
        asked = self.action(call)
        if key := self.key(call):
            await self.client.abandon(action=asked.action, payload=asked.payload, key=key)

    async def release(self, call: ToolCall) -> Decision:
        """The decision about this call, verified for its arguments now, and used. `Unverified`:
        nobody has decided yet, or another call was decided on."""
        opened = await self.look(call)
        asked = self.action(call)
        decision = await self.client.receipt(opened.id, action=asked.action, payload=asked.payload)
        return same(self.action(call), decision)

    async def run(
        self,
        call: ToolCall,
        function: Callable[[], Awaitable[T]],
        *,
        later: bool = False,
        now: Callable[[], ToolCall] | None = None,
    ) -> T:
        """Run it on an approval, and tell the approvers what came of it. `later`: it was decided
        on before, while the framework's run was paused. `now`: the call as it would run, where the
        framework may put another in its place. Raises `CountersignError`: it did not run, or it
        raised that itself (`of_the_call`).
        """
        decision = await (self.release(call) if later else self.hold(call))
        decision.require()
        if now is not None:
            same(self.action(now()), decision)
        try:
            result = await function()
        except BaseException as error:
            if isinstance(error, CountersignError):
                error.of_the_call = True
            await self.report(decision, error=raised(error))
            raise
        if isinstance(result, AsyncGenerator):
            return cast(T, self._streamed(result, decision))
        await self.report(decision)
        return result

    async def _streamed(
        self, values: AsyncGenerator[Any, None], decision: Decision
    ) -> AsyncIterator[Any]:
        """It has run once its last value is read."""
        try:
            async with contextlib.aclosing(values):
                async for value in values:
                    yield value
        except BaseException as error:
            await self.report(decision, error=raised(error))
            raise
        await self.report(decision)

    async def report(self, decision: Decision, *, error: str | None = None) -> None:
        """Delivered, or with `error` unknown. That it cannot be reported stops nothing."""
        with contextlib.suppress(CountersignError):
            await self.client.report(
                decision.request_id, delivered=None if error else True, error=error
            )


def told(error: CountersignError | Decision) -> str:
    """Why a call did not run, for the model: the approver's reason, or that it could not be asked.
    The rest is for the operator and goes to the log."""
    if isinstance(error, Decision):
        try:
            error.require()
        except NotApproved as why:
            error = why
        else:
            raise AssertionError("an approval is no refusal")
    if error.of_the_call:
        return f"It was approved, it ran, and it failed: {printable(str(error))}"
    if isinstance(error, NotApproved | Unverified):
        log.info(Line("call_not_run", why=error.message))
        last = "" if "Nothing was run" in str(error) else " Nothing was run."
        return printable(str(error)) + last
    log.warning(Line("cannot_ask", why=error.message, cure=error.cure))
    return "This needs a person's approval, and nobody can be asked now. Nothing was run."


@contextlib.contextmanager
def _changed() -> Iterator[None]:
    try:
        yield
    except NotAccepted as error:
        if error.type != "idempotency_mismatch":
            raise
        raise Unverified(
            "This call's arguments are not those that were asked about.",
            "They changed while it waited. Nothing was run: make a new call.",
        ) from None


__all__ = ["Gate", "Rules", "Then", "ToolCall", "told"]
