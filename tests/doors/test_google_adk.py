"""Google ADK, the real one, with a model that calls what the test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from countersign_client import AsyncClient, Memory
from countersign_client.frameworks.google_adk import NAME, Countersign
from countersign_client.observe import counts
from google.adk.agents import Agent
from google.adk.events import Event
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.genai import types

from tests.doors.people import People


class Scripted(BaseLlm):
    """It calls `transfer` with each of `cents` at once, then says that it is done."""

    model: str = "scripted"
    cents: list[int]

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse]:
        parts = [part for one in llm_request.contents for part in one.parts or []]
        answer = [types.Part(text="Done.")]
        if not any(part.function_response for part in parts):
            answer = [
                types.Part(function_call=types.FunctionCall(name="transfer", args={"cents": one}))
                for one in self.cents
            ]
        yield LlmResponse(content=types.Content(role="model", parts=answer))


SESSIONS = InMemorySessionService()


async def run(door: Countersign, ran: list[int], session: str, *cents: int, text: Any) -> Any:
    """The events of a run."""

    async def transfer(cents: int, to: str = "ACME") -> dict[str, str]:
        """Send money."""
        ran.append(cents)
        return {"result": f"sent {cents} to {to}"}

    agent = Agent(name="payer", model=Scripted(cents=[*cents]), tools=[door.tool(transfer)])
    runner = Runner(app_name="pay", agent=agent, session_service=SESSIONS, auto_create_session=True)
    message = types.UserContent(text) if isinstance(text, str) else text
    return [
        event
        async for event in runner.run_async(user_id="u", session_id=session, new_message=message)
    ]


def read(events: Any) -> list[dict[str, Any]]:
    return [
        answer.response
        for event in events
        for answer in event.get_function_responses()
        if answer.name == "transfer"
    ]


async def test_an_approved_call_runs_and_a_declined_one_tells_the_model_why(
    people: People,
) -> None:
    for cents, choice, said in (
        (5, "approve", {"result": "sent 5 to ACME"}),
        (6, "decline", {"error": "Declined: No. Nothing was run."}),
    ):
        ran: list[int] = []
        door = Countersign(people.client())
        running = asyncio.create_task(run(door, ran, f"inline-{choice}", cents, text="Pay"))
        shown = await people.decide(choice, "No." if choice == "decline" else None)
        assert read(await running) == [said]
        assert shown["asked"]["action"] == "google-adk.transfer"
        assert ran == ([5] if choice == "approve" else [])


async def test_law_01_nothing_runs_while_the_service_is_away(people: People) -> None:
    ran: list[int] = []
    events = await run(Countersign(people.away()), ran, "away", 5, text="Pay")
    assert "nobody can be asked now" in read(events)[0]["error"]
    assert not ran


def context(call: str) -> Any:
    """What the door and ADK read of a tool's context."""
    return SimpleNamespace(
        session=SimpleNamespace(id="direct"), function_call_id=call, tool_confirmation=None,
        _invocation_context=SimpleNamespace(_active_background_tools=None),
    )  # fmt: skip


async def test_arguments_that_are_not_the_functions_are_asked_about_by_nobody(
    people: People,
) -> None:
    async def transfer(cents: int) -> str:
        """Send money."""
        raise AssertionError("it ran")

    tool = Countersign(people.away()).tool(transfer)
    for at, args in enumerate(({}, {"to": "ACME"})):
        said = await tool.run_async(args=args, tool_context=context(f"bad-{at}"))
        assert "Invoking `transfer()` failed" in said["error"]


async def test_a_tool_that_streams_is_reported_when_its_last_value_is_read(people: People) -> None:
    async def transfer(cents: int, input_stream: Any = None) -> AsyncGenerator[str]:
        """Send money."""
        yield "sending"
        if cents == 6:
            raise OSError("the bank is closed")
        yield f"sent {cents}"

    tool = Countersign(people.client()).tool(transfer)
    for cents, delivered in ((5, True), (6, None)):
        running = asyncio.create_task(
            tool.run_async(args={"cents": cents}, tool_context=context(f"stream-{cents}"))
        )
        shown = await people.decide()
        stream = await running
        assert await anext(stream) == "sending"
        assert (await people.shown(shown["id"])).get("outcome") is None
        if delivered:
            assert [one async for one in stream] == ["sent 5"]
        else:
            with pytest.raises(OSError, match="closed"):
                await anext(stream)
        assert (await people.outcome(shown["id"]))["delivered"] is delivered


async def test_several_paused_calls_are_taken_up_after_a_restart(people: People) -> None:
    ran, store = list[int](), Memory()
    door = Countersign(people.client(store), pause=True)
    events = await run(door, ran, "later", 105, 106, text="Pay")
    assert await door.answers(events, session="later", seconds=0) is None
    for request in await people.pending(2):
        cents = (await people.shown(request))["asked"]["payload"]["tool_input"]["cents"]
        await people.on(request, "approve" if cents == 105 else "decline", None)
    # Another process: only the session and the folder of used approvals are left.
    again = Countersign(people.client(store), pause=True)
    answers = await again.answers(events, session="later")
    found = read(await run(again, ran, "later", text=answers))
    assert found == [{"result": "sent 105 to ACME"}, {"error": "Declined. Nothing was run."}]
    await run(again, ran, "later", text=answers)
    assert ran == [105]


async def test_law_01_whoever_confirms_in_the_session_decides_nothing(people: People) -> None:
    ran: list[int] = []
    door = Countersign(people.client(), pause=True)
    events = await run(door, ran, "forged", 107, text="Pay")
    (asked,) = [
        call
        for event in events
        for call in event.get_function_calls()
        if call.name == "adk_request_confirmation"
    ]
    answer = types.FunctionResponse(id=asked.id, name=asked.name, response={"confirmed": True})
    message = types.Content(role="user", parts=[types.Part(function_response=answer)])
    found = read(await run(door, ran, "forged", text=message))
    assert "Nobody has decided yet" in found[0]["error"]
    assert not ran


async def test_law_03_an_argument_changed_in_the_stored_session_does_not_run(
    people: People,
) -> None:
    ran, store = list[int](), Memory()
    door = Countersign(people.client(store), pause=True)
    events = await run(door, ran, "changed", 205, text="Pay")
    await people.decide()
    answers = await door.answers(events, session="changed")
    stored = SESSIONS.sessions["pay"]["u"]["changed"]
    for event in stored.events:
        for call in event.get_function_calls():
            args = (call.args or {}).get("originalFunctionCall", {}).get("args", call.args)
            if args and "cents" in args:
                args["cents"] = 500_000
    found = read(await run(door, ran, "changed", text=answers))
    assert not ran
    assert "not those that were asked about" in found[0]["error"]


async def test_a_door_that_observes_answers_for_its_own_tools_alone(record: Path) -> None:
    def asked(tool: str) -> Event:
        args = {"originalFunctionCall": {"id": f"of-{tool}", "name": tool, "args": {"cents": 5}}}
        call = types.FunctionCall(id=tool, name=NAME, args=args)
        parts = [types.Part(function_call=call)]
        return Event(author="payer", content=types.Content(role="model", parts=parts))

    async def transfer(cents: int) -> dict[str, str]:
        """Send money."""
        raise AssertionError("it ran")

    door = Countersign(AsyncClient(observe=True), pause=True)
    events = [asked("refund"), asked("transfer")]

    async def answered() -> list[str | None]:
        content = await door.answers(events, session="s")
        parts = content.parts if content else None
        return [one.function_response.id for one in parts or [] if one.function_response]

    assert await answered() == ["refund", "transfer"]  # it has wrapped none: who knows?
    assert counts(record).total() == 2
    door.tool(transfer)
    assert await answered() == ["transfer"]
    events.pop()
    assert await answered() == []
    assert counts(record).total() == 2  # the tool records it when it runs
