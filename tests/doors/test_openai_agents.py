"""OpenAI Agents SDK, the real one, with a model that calls what the test tells it to."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, FunctionTool, Model, ModelResponse, RunConfig, Runner, RunState, Usage
from agents import function_tool as tool
from agents.exceptions import ModelBehaviorError
from agents.tool_context import ToolContext
from countersign_client import AsyncClient, Memory
from countersign_client.frameworks.openai_agents import Countersign
from countersign_client.observe import counts
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from tests.doors.people import People

QUIET = RunConfig(tracing_disabled=True)


class Scripted(Model):
    """It calls `transfer` with each of `cents` at once, then says what it read."""

    def __init__(self, *cents: int) -> None:
        self.cents, self.read = cents, list[str]()

    async def get_response(self, *_: Any, input: Any, **__: Any) -> ModelResponse:
        items = input if isinstance(input, list) else []
        outputs = [str(one["output"]) for one in items if one.get("type") == "function_call_output"]
        output: list[Any] = [
            ResponseFunctionToolCall(
                call_id=f"call_{at}", name="transfer", type="function_call",
                arguments=json.dumps({"cents": cents}),
            )
            for at, cents in enumerate(self.cents)
        ]  # fmt: skip
        if outputs:
            self.read = outputs
            text = ResponseOutputText(text="Done.", type="output_text", annotations=[])
            output = [
                ResponseOutputMessage(
                    id="m", content=[text], role="assistant", status="completed", type="message"
                )
            ]
        return ModelResponse(output=output, usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def transfer(ran: list[int]) -> FunctionTool:
    @tool(name_override="transfer")
    async def transfer(cents: int) -> str:
        """Send money."""
        ran.append(cents)
        return f"sent {cents}"

    return transfer


def agent(door: Countersign, model: Scripted, ran: list[int]) -> Agent[Any]:
    return Agent(name="payer", model=model, tools=[door.tool(transfer(ran))])


async def test_an_approved_call_runs_and_a_declined_one_tells_the_model_why(
    people: People,
) -> None:
    for number, choice in enumerate(("approve", "decline")):
        ran, model = list[int](), Scripted(5 + number)  # it remembers what it declined
        door = Countersign(people.client(), session=f"inline-{number}")
        running = asyncio.create_task(Runner.run(agent(door, model, ran), "Pay", run_config=QUIET))
        shown = await people.decide(choice, "Too much." if number else None)
        await running
        assert shown["asked"]["action"] == "openai-agents.transfer"
        assert ran == ([] if number else [5])
        assert model.read == ["Declined: Too much. Nothing was run." if number else "sent 5"]
        if choice == "approve":
            assert (await people.outcome(shown["id"]))["delivered"] is True


async def test_law_01_nothing_runs_while_the_service_is_away(people: People) -> None:
    ran, model = list[int](), Scripted(5)
    door = Countersign(people.away(), session="away")
    await Runner.run(agent(door, model, ran), "Pay", run_config=QUIET)
    assert not ran
    assert "nobody can be asked now" in model.read[0]


async def test_a_paused_run_is_taken_up_after_a_restart(people: People) -> None:
    ran, model, store = list[int](), Scripted(105, 106), Memory()
    door = Countersign(people.client(store), session="later", pause=True)
    result = await Runner.run(agent(door, model, ran), "Pay", run_config=QUIET)
    state = result.to_state()
    assert await door.answer(state, result.interruptions, seconds=0) == 0
    kept = state.to_string()

    first, second = await people.pending(2)
    await people.on(first, "decline", "Not this.")
    await people.on(second)
    again = Countersign(people.client(store), session="later", pause=True)
    payer = agent(again, model, ran)
    taken: RunState[Any, Any] = await RunState.from_string(payer, kept)
    assert await again.answer(taken, taken.get_interruptions(), seconds=0) == 2
    decided = taken.to_string()
    await Runner.run(payer, taken, run_config=QUIET)
    assert len(ran) == 1
    assert sorted(model.read)[0] == "Declined: Not this. Nothing was run."

    # The same stored state, run once more: an approval is for one run.
    twice: RunState[Any, Any] = await RunState.from_string(payer, decided)
    await Runner.run(payer, twice, run_config=QUIET)
    assert len(ran) == 1
    assert any("used before" in text for text in model.read)


async def test_law_03_an_argument_changed_in_the_stored_state_does_not_run(people: People) -> None:
    ran, model, store = list[int](), Scripted(205), Memory()
    door = Countersign(people.client(store), session="changed", pause=True)
    payer = agent(door, model, ran)
    result = await Runner.run(payer, "Pay", run_config=QUIET)
    state = result.to_state()
    await door.answer(state, result.interruptions, seconds=0)
    await people.decide()
    changed = state.to_string().replace('{\\"cents\\": 205}', '{\\"cents\\": 500000}')
    assert changed != state.to_string()
    taken: RunState[Any, Any] = await RunState.from_string(payer, changed)
    with pytest.raises(Exception, match="not those that were asked about"):
        await door.answer(taken, taken.get_interruptions(), seconds=0)
    with pytest.raises(ModelBehaviorError):  # approved past us: this SDK notices by itself
        taken.approve(taken.get_interruptions()[0])
    # And where it would not, the tool does.
    given = '{"cents": 500000}'
    context: ToolContext[Any] = ToolContext(
        context=None, tool_name="transfer", tool_call_id="call_0", tool_arguments=given
    )
    text = await door.tool(transfer(ran)).on_invoke_tool(context, given)
    assert "not those that were asked about" in text
    assert not ran


async def test_a_door_that_observes_answers_for_its_own_tools_alone(record: Path) -> None:
    door, ran = Countersign(AsyncClient(observe=True), pause=True), list[int]()
    theirs = dataclasses.replace(transfer(ran), needs_approval=True)
    payer: Agent[Any] = Agent(name="payer", model=Scripted(5), tools=[theirs])
    result = await Runner.run(payer, "Pay", run_config=QUIET)
    state = result.to_state()
    assert await door.answer(state, result.interruptions) == 1  # it has wrapped none: who knows?
    assert counts(record) == {("ask", "openai-agents.transfer", "openai-agents"): 1}
    refund = dataclasses.replace(transfer(ran), name="refund")
    door.tool(refund)
    state = result.to_state()
    assert await door.answer(state, result.interruptions) == 0
    assert (await Runner.run(payer, state, run_config=QUIET)).interruptions
    assert not ran
    own = door.tool(theirs)
    assert own.needs_approval is False
    assert await door.answer(state, result.interruptions) == 1
    assert counts(record).total() == 1  # the tool records it when it runs
