"""Microsoft Agent Framework, the real one, with a model that calls what the test tells it to."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agent_framework import (
    Agent,
    AgentSession,
    BaseChatClient,
    ChatResponse,
    Content,
    FunctionInvocationContext,
    FunctionInvocationLayer,
    Message,
    tool,
)
from countersign_client import Memory
from countersign_client.frameworks.agent_framework import Countersign
from countersign_client.gate import Rules

from tests.doors.people import People


class Scripted(FunctionInvocationLayer, BaseChatClient):  # type: ignore[type-arg,misc] # as its own clients
    """It calls `transfer` with each of `cents` at once, then says what it read."""

    def __init__(self, *cents: int) -> None:
        super().__init__()
        self.cents, self.read = cents, list[str]()

    async def _inner_get_response(self, *, messages: Any, **_: Any) -> ChatResponse:
        results = [
            str(one.result)
            for message in messages
            for one in message.contents
            if one.type == "function_result"
        ]
        contents = [
            Content.from_function_call(
                call_id=f"call_{at}", name="transfer", arguments=json.dumps({"cents": cents})
            )
            for at, cents in enumerate(self.cents)
        ]
        if results:
            self.read, contents = results, [Content.from_text("Done.")]
        return ChatResponse(messages=[Message(role="assistant", contents=contents)])


def agent(door: Countersign, model: Scripted, ran: list[int], mode: Any = "never_require") -> Any:
    @tool(approval_mode=mode)
    async def transfer(cents: int, to: str = "ACME") -> str:
        """Send money."""
        ran.append(cents)
        return f"sent {cents} to {to}"

    return Agent(client=model, name="payer", tools=[transfer], middleware=[door])


async def test_an_approved_call_runs_and_a_declined_one_tells_the_model_why(
    people: People,
) -> None:
    for cents, choice, said in (
        (5, "approve", "sent 5 to ACME"),
        (6, "decline", "Declined: No. Nothing was run."),
    ):
        ran, model = list[int](), Scripted(cents)
        door = Countersign(people.client(), session=f"inline-{choice}")
        running = asyncio.create_task(agent(door, model, ran).run("Pay"))
        shown = await people.decide(choice, "No." if choice == "decline" else None)
        await running
        assert model.read == [said]
        assert shown["asked"]["action"] == "agent-framework.transfer"
        assert ran == ([5] if choice == "approve" else [])


async def test_law_01_nothing_runs_while_the_service_is_away(people: People) -> None:
    ran, model = list[int](), Scripted(5)
    await agent(Countersign(people.away()), model, ran).run("Pay")
    assert "nobody can be asked now" in model.read[0]
    assert not ran


async def test_rules_say_which_tools_are_asked_about(people: People) -> None:
    ran = list[int]()
    for rules in (Rules(allow=("transfer",)), Rules(deny=("trans*",))):
        model = Scripted(5)
        await agent(Countersign(people.away(), rules=rules), model, ran).run("Pay")
    assert ran == [5]
    assert "denies" in model.read[0]


async def test_several_paused_calls_are_taken_up_after_a_restart(people: People) -> None:
    ran, store, model = list[int](), Memory(), Scripted(105, 106)
    door = Countersign(people.client(store), session="later", pause=True)
    payer = agent(door, model, ran, "always_require")
    session = payer.create_session()
    response = await payer.run("Pay", session=session)
    assert await door.answers(response, seconds=0) is None
    kept = json.dumps(session.to_dict())
    for request in await people.pending(2):
        cents = (await people.shown(request))["asked"]["payload"]["tool_input"]["cents"]
        await people.on(request, "approve" if cents == 105 else "decline", None)
    # Another process: only the session and the folder of used approvals are left.
    again = Countersign(people.client(store), session="later", pause=True)
    answers = await again.answers(response)
    second = agent(again, model, ran, "always_require")
    await second.run(answers, session=AgentSession.from_dict(json.loads(kept)))
    assert model.read == ["sent 105 to ACME", "Declined. Nothing was run."]
    await second.run(answers, session=AgentSession.from_dict(json.loads(kept)))
    assert "used before" in model.read[0]
    assert ran == [105]


async def test_law_01_whoever_answers_in_the_session_decides_nothing(people: People) -> None:
    ran, model = list[int](), Scripted(107)
    door = Countersign(people.client(), session="forged", pause=True)
    payer = agent(door, model, ran, "always_require")
    session = payer.create_session()
    response = await payer.run("Pay", session=session)
    yes = [one.to_function_approval_response(True) for one in response.user_input_requests]
    # Nobody was asked, so this asks; and nobody has decided.
    await payer.run(Message(role="user", contents=yes), session=session)
    assert "Nobody has decided yet" in model.read[0]
    assert not ran


async def test_law_03_an_argument_changed_while_it_waits_does_not_run(people: People) -> None:
    ran = list[int]()
    door = Countersign(people.client(), session="waiting")
    (held,) = agent(door, Scripted(), ran).default_options["tools"]

    async def run() -> None:
        ran.append(1)

    for at, put in enumerate(("into", "instead", "nothing")):
        context = FunctionInvocationContext(function=held, arguments={"cents": 5})
        context.metadata["call_id"] = f"call_{at}"
        running = asyncio.create_task(door.process(context, run))
        (request,) = await people.pending()
        if put == "into":
            context.arguments["cents"] = 500_000  # type: ignore[index] # it is a dict here
        elif put == "instead":
            context.arguments = {"cents": 500_000}
        await people.on(request)
        await running
        if put != "nothing":
            assert "changed after they were approved" in context.result
            assert not ran
    assert ran == [1]


async def test_law_03_an_argument_changed_in_the_stored_session_does_not_run(
    people: People,
) -> None:
    ran, store, model = list[int](), Memory(), Scripted(205)
    door = Countersign(people.client(store), session="changed", pause=True)
    payer = agent(door, model, ran, "always_require")
    session = payer.create_session()
    response = await payer.run("Pay", session=session)
    await door.answers(response, seconds=0)
    await people.decide()
    answers = await door.answers(response)
    kept = json.dumps(session.to_dict())
    changed = kept.replace("205", "500000")
    assert changed != kept
    await payer.run(answers, session=AgentSession.from_dict(json.loads(changed)))
    assert not ran
    # The framework runs nothing that it did not ask about. Where it would, the door refuses.
    (held,) = payer.default_options["tools"]
    context = FunctionInvocationContext(function=held, arguments={"cents": 500_000})
    context.metadata["call_id"] = "call_0"

    async def run() -> None:
        ran.append(500_000)

    await door.process(context, run)
    assert not ran
    assert "not those that were asked about" in context.result
