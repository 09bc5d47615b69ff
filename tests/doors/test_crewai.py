"""CrewAI, the real one, in an environment of its own: its versions of other libraries fit no other.

Its tools are run as an agent runs them, by `CrewStructuredTool.invoke`; the crew needs a model.
"""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path
from typing import Annotated, Any

import pytest
from countersign_client import Client, Folder
from countersign_client.frameworks.crewai import Countersign
from countersign_client.observe import counts
from crewai.tools import BaseTool, tool
from crewai.tools.structured_tool import ToolUsageLimitExceededError
from pydantic import AfterValidator, BaseModel

from tests.doors.people import People


def transfer(ran: list[int]) -> BaseTool:
    @tool("transfer")
    def transfer(cents: int, to: str = "ACME") -> str:
        """Send money."""
        ran.append(cents)
        return f"sent {cents} to {to}"

    return transfer


class Transfer(BaseTool):
    name: str = "transfer"
    description: str = "Send money."

    def _run(self, cents: int, to: str = "ACME") -> str:
        return f"a class sent {cents} to {to}"


class InCents(BaseModel):
    cents: Annotated[int, AfterValidator(lambda units: units * 100)]


class Units(BaseTool):
    """What it is given in units, its schema turns into cents."""

    name: str = "transfer"
    description: str = "Send money."
    args_schema: type[BaseModel] = InCents

    async def _run(self, cents: int) -> str:
        return f"sent {cents}"


def client(people: People, folder: Path, *, away: bool = False) -> Client:
    known = (people.away() if away else people.client()).service
    return Client(known, store=Folder(folder), patience=0)


async def invoked(held: BaseTool, **given: Any) -> Any:
    return await asyncio.to_thread(held.to_structured_tool().invoke, given)


async def test_an_approved_call_runs_and_a_declined_one_tells_the_model_why(
    people: People, tmp_path: Path
) -> None:
    ran: list[int] = []
    door = Countersign(client(people, tmp_path))
    for kind, sent in ((transfer(ran), "sent 5 to ACME"), (Transfer(), "a class sent 5 to ACME")):
        held = door.tool(kind)
        assert held.args_schema.model_json_schema()["required"] == ["cents"]
        running = asyncio.create_task(invoked(held, cents=5))
        shown = await people.decide()
        assert await running == sent
        assert shown["asked"]["action"] == "crewai.transfer"
        assert shown["asked"]["payload"]["tool_input"] == {"cents": 5, "to": "ACME"}
        assert (await people.outcome(shown["id"]))["delivered"] is True
    running = asyncio.create_task(invoked(door.tool(transfer(ran)), cents=6))
    await people.decide("decline", "No.")
    assert await running == "Declined: No. Nothing was run."
    assert ran == [5]


async def test_law_03_what_was_approved_is_not_validated_once_more(
    people: People, tmp_path: Path
) -> None:
    running = asyncio.create_task(
        invoked(Countersign(client(people, tmp_path)).tool(Units()), cents=5)
    )
    shown = await people.decide()
    assert shown["asked"]["payload"]["tool_input"] == {"cents": 500}
    assert await running == "sent 500"


async def test_a_tool_that_is_used_up_asks_nobody(people: People, tmp_path: Path) -> None:
    held = Countersign(client(people, tmp_path, away=True)).tool(Transfer(max_usage_count=1))
    structured = held.to_structured_tool()
    assert "nobody can be asked" in await asyncio.to_thread(structured.invoke, {"cents": 5})
    with pytest.raises(ToolUsageLimitExceededError):
        await asyncio.to_thread(structured.invoke, {"cents": 5})
    assert "usage limit" in str(await asyncio.to_thread(held.run, cents=5))


async def test_law_01_nothing_runs_while_the_service_is_away(
    people: People, tmp_path: Path
) -> None:
    ran: list[int] = []
    held = Countersign(client(people, tmp_path, away=True)).tool(transfer(ran))
    assert "nobody can be asked now" in await invoked(held, cents=5)
    assert not ran


async def test_a_tool_that_fails_is_reported_as_unknown(people: People, tmp_path: Path) -> None:
    @tool("transfer")
    def broken(cents: int) -> str:
        """Send money."""
        raise OSError("the bank is closed")

    held = Countersign(client(people, tmp_path)).tool(broken)
    running = asyncio.create_task(invoked(held, cents=5))
    shown = await people.decide()
    with pytest.raises(OSError, match="closed"):
        await running
    outcome = await people.outcome(shown["id"])
    assert (outcome["delivered"], outcome["error"]) == (None, "it raised OSError")


async def test_a_door_that_observes_runs_it_and_records_what_it_would_ask(record: Path) -> None:
    """Without a service, and in a crew's own way of calling."""
    ran: list[int] = []
    held = Countersign(Client(observe=True)).tool(transfer(ran))
    assert await invoked(held, cents=5) == "sent 5 to ACME"
    assert ran == [5]
    assert counts(record) == {("ask", "crewai.transfer", "crewai"): 1}
    assert "cents" not in record.read_text(), "no argument is recorded"


def test_a_refusal_is_not_kept_as_a_result(people: People, tmp_path: Path) -> None:
    held = Countersign(client(people, tmp_path, away=True)).tool(Transfer())
    assert held.cache_function({}, "refused") is False


def test_the_example_loads() -> None:
    example = Path(__file__).parents[2] / "examples/crewai_agent.py"
    assert "main" in runpy.run_path(str(example))
