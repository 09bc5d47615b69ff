"""MCP servers that ask: one line in the server, with the real SDK on both sides and both protocols.

Law 1 on this door: a tool runs only on a verified approval of exactly this call.
"""

from __future__ import annotations

import asyncio
from typing import Any

import mcp_types as types
import pytest
from countersign_client.gate import Rules
from countersign_client.mcp import Countersign
from mcp import Client
from mcp.server.extension import Extension

from tests.clients.house import client, decided, pending
from tests.clients.mcp_gated import server
from tests.harness.house import HANGS, Place

ERAS = ("legacy", "auto")


@pytest.fixture(params=ERAS)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def text(result: types.CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


async def test_a_tool_runs_once_it_is_approved(house: Place, mode: str) -> None:
    ran: list[int] = []
    async with client(house) as asking:
        gated = server(Countersign(asking, name="payments"), ran)
        async with asyncio.timeout(HANGS), Client(gated, mode=mode) as agent:
            running = asyncio.create_task(agent.call_tool("refund", {"cents": 5}))
            case = await pending(house)
            assert not ran
            await decided(house)
            result = await running
    assert (text(result), ran) == ("paid 5 to ACME", [5])
    shown = await house.read(case["id"], key=await house.token("dana"))
    assert shown["asked"]["action"] == "mcp.payments.refund"
    assert shown["title"] == "tools/call refund"
    assert shown["outcome"]["delivered"] is True


async def test_law_01_a_declined_tool_does_not_run_and_the_model_reads_why(
    house: Place, mode: str
) -> None:
    ran: list[int] = []
    async with (
        client(house) as asking,
        Client(server(Countersign(asking), ran), mode=mode) as agent,
    ):
        running = asyncio.create_task(agent.call_tool("refund", {"cents": 5}))
        await decided(house, "decline", reason="Too much\u202e.")
        result = await running
    assert result.is_error
    assert text(result) == "Declined: Too much\\u{202e}. Nothing was run."
    assert not ran


async def test_law_01_nothing_runs_while_the_service_is_away(house: Place, mode: str) -> None:
    ran: list[int] = []
    async with (
        client(house, url="http://127.0.0.1:1") as asking,
        Client(server(Countersign(asking), ran), mode=mode) as agent,
    ):
        result = await agent.call_tool("refund", {"cents": 5})
    assert result.is_error
    assert "nobody can be asked now. Nothing was run." in text(result)
    assert "127.0.0.1" not in text(result)
    assert not ran


class Changes(Extension):
    """Another extension, that changes the arguments once somebody may have approved them."""

    identifier = "example.com/changes"

    def __init__(self, house: Place) -> None:
        self.house = house

    async def intercept_tool_call(self, params: Any, ctx: Any, call_next: Any) -> Any:
        async def change() -> None:
            await pending(self.house)
            params.arguments["cents"] = 500_000
            await decided(self.house)

        changing = asyncio.create_task(change())
        result = await call_next(ctx)
        await changing
        return result


async def test_law_03_arguments_that_change_while_it_waits_do_not_run(
    house: Place, mode: str
) -> None:
    ran: list[int] = []
    async with client(house) as asking:
        gated = server(Countersign(asking), ran, Changes(house))
        async with Client(gated, mode=mode) as agent:
            result = await agent.call_tool("refund", {"cents": 5})
    assert result.is_error
    assert "Nothing was run" in text(result)
    assert not ran


async def test_a_wait_that_outlasts_the_client_is_taken_up_by_the_same_call(
    house: Place, mode: str
) -> None:
    """Nobody waits in this test: rounds of no seconds, until the client is told "pending"."""
    ran: list[int] = []
    async with client(house) as asking:
        gated = server(Countersign(asking, hold=0, round=0), ran)
        async with Client(gated, mode=mode) as agent:
            first = await agent.call_tool("refund", {"cents": 5})
            case = await pending(house)
            assert first.is_error
            assert f"Waiting for a person to decide about this call (request {case['id']})" in text(
                first
            )
            other = await agent.call_tool("refund", {"cents": 6})
            assert case["id"] not in text(other)
            status, _ = await house.decide(case, "approve", by="kim")
            assert status == 200
            assert not ran
            assert text(await agent.call_tool("refund", {"cents": 5})) == "paid 5 to ACME"
            again = await agent.call_tool("refund", {"cents": 5})
            assert "Waiting for a person" in text(again)  # an approval is for one run
    assert ran == [5]


async def test_a_forged_request_state_is_refused(house: Place) -> None:
    ran: list[int] = []
    async with (
        client(house) as asking,
        Client(server(Countersign(asking, round=0), ran), mode="auto") as agent,
    ):
        for state in ('countersign:["x", 1]', "rubbish"):
            with pytest.raises(Exception, match=r"(?i)request.?state"):
                await agent.session.call_tool(
                    "refund", {"cents": 5}, request_state=state, allow_input_required=True
                )
        first = await agent.session.call_tool("refund", {"cents": 5}, allow_input_required=True)
        assert isinstance(first, types.InputRequiredResult)
        await decided(house)
        with pytest.raises(Exception, match=r"(?i)request.?state"):  # for another call
            await agent.session.call_tool(
                "refund", {"cents": 500}, request_state=first.request_state,
                allow_input_required=True,
            )  # fmt: skip
    assert not ran


async def test_a_cancelled_call_withdraws_its_request(house: Place, mode: str) -> None:
    ran: list[int] = []
    async with (
        client(house) as asking,
        Client(server(Countersign(asking), ran), mode=mode) as agent,
    ):
        running = asyncio.create_task(agent.call_tool("refund", {"cents": 5}))
        await pending(house)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        async def left() -> list[Any]:
            _, page = await house.call("GET", "/v1/requests?status=pending", key="csr_scripts")
            return list(page["requests"])

        async with asyncio.timeout(HANGS):
            while await left():
                pass
    assert not ran


async def test_rules_say_which_tools_are_asked_about(house: Place, mode: str) -> None:
    ran: list[int] = []
    async with client(house) as asking:
        free = server(Countersign(asking, rules=Rules(allow=("re*",))), ran)
        async with Client(free, mode=mode) as agent:
            assert text(await agent.call_tool("refund", {"cents": 1})) == "paid 1 to ACME"
        closed = server(Countersign(asking, rules=Rules(allow=("*",), deny=("re*",))), ran)
        async with Client(closed, mode=mode) as agent:
            assert "denies this tool" in text(await agent.call_tool("refund", {"cents": 2}))
    assert ran == [1]


async def test_a_tool_that_fails_is_reported_as_unknown(house: Place, mode: str) -> None:
    ran: list[int] = []
    async with client(house) as asking:
        gated = server(Countersign(asking), ran, fails=True)
        async with Client(gated, mode=mode) as agent:
            running = asyncio.create_task(agent.call_tool("refund", {"cents": 5}))
            case = await decided(house)
            assert (await running).is_error
    shown = await house.read(case["id"], key=await house.token("dana"))
    assert shown["outcome"]["delivered"] is None


async def test_calls_at_once_have_verdicts_of_their_own(house: Place, mode: str) -> None:
    ran: list[int] = []
    async with (
        client(house) as asking,
        Client(server(Countersign(asking), ran), mode=mode) as agent,
    ):
        calls = [
            asyncio.create_task(agent.call_tool("refund", {"cents": cents})) for cents in (1, 2)
        ]

        async def both() -> list[Any]:
            _, page = await house.call("GET", "/v1/requests?status=pending", key="csr_scripts")
            return list(page["requests"]) if len(page["requests"]) == 2 else []

        async with asyncio.timeout(HANGS):
            while not (cases := await both()):
                pass
        for case in cases:
            shown = await house.read(case["id"], key=await house.token("kim"))
            cents = shown["asked"]["payload"]["params"]["arguments"]["cents"]
            await house.decide(case, "approve" if cents == 2 else "decline", by="kim")
        first, second = await asyncio.gather(*calls)
    assert first.is_error
    assert text(second) == "paid 2 to ACME"
    assert ran == [2]


def test_a_denied_tool_stays_denied_whatever_else_names_it() -> None:
    rules = Rules(allow=("*",), ask=("delete_*",), deny=("delete_all",))
    said = [rules.of(tool) for tool in ("list", "delete_one", "delete_all")]
    assert said == ["allow", "ask", "deny"]
    assert Rules().of("anything") == "ask"
