"""LangChain and LangGraph, the real ones, with a model that calls what the test tells it to."""

from __future__ import annotations

import asyncio
from typing import Any

from countersign_client import Memory
from countersign_client.frameworks.langchain import Countersign
from countersign_client.gate import Rules
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.doors.people import People


class Scripted(GenericFakeChatModel):
    def bind_tools(self, *_: Any, **__: Any) -> Any:
        return self


def agent(door: Countersign, ran: list[int], saver: Any, *cents: int) -> Any:
    async def transfer(cents: int) -> str:
        """Send money."""
        ran.append(cents)
        return f"sent {cents}"

    calls = [
        {"name": "transfer", "args": {"cents": one}, "id": f"call_{at}", "type": "tool_call"}
        for at, one in enumerate(cents)
    ]
    said = [AIMessage(content="", tool_calls=calls)] if cents else []
    model = Scripted(messages=iter([*said, AIMessage(content="Done.")]))
    return create_agent(model, [transfer], middleware=[door], checkpointer=saver)


def thread(name: str) -> Any:
    return {"configurable": {"thread_id": name}}


def read(result: Any) -> list[str]:
    return [str(one.content) for one in result["messages"] if isinstance(one, ToolMessage)]


START: Any = {"messages": [{"role": "user", "content": "Pay"}]}


async def test_an_approved_call_runs_and_a_declined_one_tells_the_model_why(
    people: People,
) -> None:
    for cents, choice, said in (
        (5, "approve", "sent 5"),
        (6, "decline", "Declined: No. Nothing was run."),  # a service remembers what it declined
    ):
        ran: list[int] = []
        payer = agent(Countersign(people.client()), ran, InMemorySaver(), cents)
        running = asyncio.create_task(payer.ainvoke(START, thread(f"inline-{choice}")))
        shown = await people.decide(choice, "No." if choice == "decline" else None)
        assert read(await running) == [said]
        assert shown["asked"]["action"] == "langchain.transfer"
        assert ran == ([5] if choice == "approve" else [])


async def test_law_01_nothing_runs_while_the_service_is_away(people: People) -> None:
    ran: list[int] = []
    payer = agent(Countersign(people.away()), ran, InMemorySaver(), 5)
    assert "nobody can be asked now" in read(await payer.ainvoke(START, thread("away")))[0]
    assert not ran


async def test_rules_say_which_tools_are_asked_about(people: People) -> None:
    ran: list[int] = []
    free = Countersign(people.away(), rules=Rules(allow=("transfer",)))
    assert read(await agent(free, ran, None, 5).ainvoke(START)) == ["sent 5"]
    closed = Countersign(people.away(), rules=Rules(deny=("trans*",)))
    assert "denies" in read(await agent(closed, ran, None, 6).ainvoke(START))[0]
    assert ran == [5]


async def test_several_paused_calls_are_taken_up_after_a_restart(people: People) -> None:
    ran, saver, store = list[int](), InMemorySaver(), Memory()
    payer = agent(Countersign(people.client(store), pause=True), ran, saver, 105, 106)
    result = await payer.ainvoke(START, thread("later"))
    waiting = {one.value["request_id"]: one.id for one in result["__interrupt__"]}
    assert set(waiting) == set(await people.pending(2))
    assert not ran

    # Somebody resumes before anything is decided: that decides nothing.
    result = await payer.ainvoke(
        Command(resume={one: {"type": "approve"} for one in waiting.values()}), thread("later")
    )
    assert len(result["__interrupt__"]) == 2
    assert not ran

    for request in waiting:
        cents = (await people.shown(request))["asked"]["payload"]["tool_input"]["cents"]
        await people.on(request, "approve" if cents == 106 else "decline", None)
    # Another process: only the checkpoints and the folder of used approvals are left.
    again = agent(Countersign(people.client(store), pause=True), ran, saver)
    resume = {one.id: True for one in result["__interrupt__"]}
    result = await again.ainvoke(Command(resume=resume), thread("later"))
    assert read(result) == ["Declined. Nothing was run.", "sent 106"]
    assert ran == [106]


async def test_law_03_an_argument_changed_in_the_checkpoint_does_not_run(people: People) -> None:
    ran, saver, store = list[int](), InMemorySaver(), Memory()
    payer = agent(Countersign(people.client(store), pause=True), ran, saver, 205)
    await payer.ainvoke(START, thread("changed"))
    await people.decide()
    state = await payer.aget_state(thread("changed"))
    message = state.values["messages"][-1]
    message.tool_calls[0]["args"]["cents"] = 500_000
    changed = await payer.aupdate_state(thread("changed"), {"messages": [message]}, as_node="model")
    result = await payer.ainvoke(None, changed)
    assert not ran
    assert "not those that were asked about" in read(result)[0]
