"""Pydantic AI, the real one, with a model that calls what the test tells it to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from countersign_client import AsyncClient, Memory
from countersign_client.frameworks.pydantic_ai import Countersign
from pydantic_ai import Agent, DeferredToolRequests
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from tests.doors.people import People


def agent(door: Countersign, ran: list[int], *cents: int) -> Agent[Any, Any]:
    def model(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        if any(isinstance(part, ToolReturnPart) for one in messages for part in one.parts):
            return ModelResponse(parts=[TextPart("Done.")])
        return ModelResponse(
            parts=[
                ToolCallPart("transfer", {"cents": one}, tool_call_id=f"call_{at}")
                for at, one in enumerate(cents)
            ]
        )

    made: Agent[Any, Any] = Agent(
        FunctionModel(model), output_type=[str, DeferredToolRequests], capabilities=[door]
    )

    @made.tool_plain
    async def transfer(cents: int, to: str = "ACME") -> str:
        ran.append(cents)
        return f"sent {cents} to {to}"

    return made


def read(messages: list[ModelMessage]) -> list[str]:
    parts = [part for one in messages for part in one.parts]
    return [str(part.content) for part in parts if isinstance(part, ToolReturnPart)]


async def test_an_approved_call_runs_and_a_declined_one_tells_the_model_why(
    people: People,
) -> None:
    for cents, choice, said in (
        (5, "approve", "sent 5 to ACME"),
        (6, "decline", "Declined: No. Nothing was run."),  # a service remembers what it declined
    ):
        ran: list[int] = []
        running = asyncio.create_task(agent(Countersign(people.client()), ran, cents).run("Pay"))
        shown = await people.decide(choice, "No." if choice == "decline" else None)
        assert read((await running).all_messages()) == [said]
        assert shown["asked"]["action"] == "pydantic-ai.transfer"
        assert ran == ([5] if choice == "approve" else [])


async def test_law_01_nothing_runs_while_the_service_is_away(people: People) -> None:
    ran: list[int] = []
    result = await agent(Countersign(people.away()), ran, 5).run("Pay")
    assert "nobody can be asked now" in read(result.all_messages())[0]
    assert not ran


async def paused(people: People, ran: list[int], store: Memory, *cents: int) -> tuple[Any, bytes]:
    """A run that waits: what it waits for, and its stored messages."""
    door = Countersign(people.client(store), pause=True)
    result = await agent(door, ran, *cents).run("Pay")
    assert isinstance(result.output, DeferredToolRequests)
    assert await door.answers(result.output, seconds=0) is None
    return result.output, ModelMessagesTypeAdapter.dump_json(result.all_messages())


async def test_several_paused_calls_are_taken_up_after_a_restart(people: People) -> None:
    ran, store = list[int](), Memory()
    requests, kept = await paused(people, ran, store, 105, 106)
    for request in await people.pending(2):
        cents = (await people.shown(request))["asked"]["payload"]["tool_input"]["cents"]
        await people.on(request, "approve" if cents == 106 else "decline")
    door = Countersign(people.client(store), pause=True)
    answers = await door.answers(requests)
    assert answers is not None
    history = ModelMessagesTypeAdapter.validate_json(kept)
    result = await agent(door, ran, 105, 106).run(
        message_history=history, deferred_tool_results=answers
    )
    assert read(result.all_messages()) == ["Declined. Nothing was run.", "sent 106 to ACME"]
    assert ran == [106]
    twice = await agent(door, ran, 105, 106).run(
        message_history=history, deferred_tool_results=answers
    )
    assert "used before" in read(twice.all_messages())[1]
    assert ran == [106]


async def test_law_03_an_argument_changed_in_the_stored_history_does_not_run(
    people: People,
) -> None:
    ran, store = list[int](), Memory()
    requests, kept = await paused(people, ran, store, 205)
    await people.decide()
    changed = kept.replace(b'"cents":205', b'"cents":500000')
    assert changed != kept
    door = Countersign(people.client(store), pause=True)
    result = await agent(door, ran, 205).run(
        message_history=ModelMessagesTypeAdapter.validate_json(changed),
        deferred_tool_results=await door.answers(requests),
    )
    assert "not those that were asked about" in read(result.all_messages())[0]
    assert not ran


async def test_a_door_that_observes_answers_for_its_own_pauses_alone(record: Path) -> None:
    door = Countersign(AsyncClient(observe=True), pause=True)
    calls = [ToolCallPart("transfer", {"cents": 5}, tool_call_id=one) for one in ("a", "b")]
    metadata = {"a": {"countersign": "req_1"}}  # of before it observed
    requests = DeferredToolRequests(approvals=calls, metadata=metadata)
    answers = await door.answers(requests)
    assert answers is not None
    assert answers.approvals == {"a": True}
    assert not record.exists()  # the tool records it when it runs
