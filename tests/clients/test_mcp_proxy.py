"""The proxy in front of a real MCP server, with the real SDK as client, in both protocols.

Law 1 on this door: a call reaches the server only on a verified approval of exactly that call.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.clients import mcp_upstream
from tests.clients.commands import Agents
from tests.clients.frames import BAD, CALL
from tests.harness.house import HANGS
from tests.harness.installation import ended, listening
from tools.ports import free_port

UPSTREAM = str(mcp_upstream.__file__)


@pytest.fixture(params=("legacy", "auto"))
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def command(agents: Agents, *words: str, server: list[str] | None = None) -> list[str]:
    behind = server or ["--", sys.executable, UPSTREAM, str(agents.home / "ran.txt")]
    return ["-P", "-m", "countersign_client", "mcp-proxy", *words, *behind]


@asynccontextmanager
async def proxied(
    agents: Agents, mode: str, *words: str, server: list[str] | None = None, **env: str
) -> AsyncIterator[Client]:
    """A client whose server is the proxy."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=command(agents, *words, server=server),
        env=agents.env(**env),
        cwd=agents.home,
    )
    async with asyncio.timeout(2 * HANGS), Client(parameters, mode=mode) as agent:
        yield agent


def text(result: types.CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


def ran(agents: Agents) -> str:
    path = agents.home / "ran.txt"
    return path.read_text() if path.exists() else ""


async def reported(agents: Agents, request: str) -> dict[str, Any]:
    """What the person sees once the outcome is reported."""
    shown: dict[str, Any] = {}
    async with asyncio.timeout(HANGS):
        while not shown.get("outcome"):
            shown = await asyncio.to_thread(agents.shown, request)
    return shown


async def test_a_call_reaches_the_server_once_it_is_approved(agents: Agents, mode: str) -> None:
    async with proxied(agents, mode, "--name", "files", "--allow", "read") as agent:
        assert {tool.name for tool in (await agent.list_tools()).tools} == {
            "delete", "read", "fail",
        }  # fmt: skip
        assert text(await agent.call_tool("read", {"path": "a"})) == "a: []"  # nor our variables
        running = asyncio.create_task(agent.call_tool("delete", {"path": "a"}))
        await asyncio.to_thread(agents.pending)
        assert not ran(agents)
        request = await asyncio.to_thread(agents.decide)
        assert text(await running) == "deleted a"
        shown = await reported(agents, request)
    assert ran(agents) == "a\n"
    assert shown["asked"]["action"] == "mcp.files.delete"
    assert shown["title"] == "tools/call delete"
    assert UPSTREAM in shown["asked"]["payload"]["server"]["started_by"]
    assert shown["outcome"]["delivered"] is True


async def test_law_01_a_declined_call_never_reaches_the_server(agents: Agents, mode: str) -> None:
    async with proxied(agents, mode) as agent:
        running = asyncio.create_task(agent.call_tool("delete", {"path": "a"}))
        await asyncio.to_thread(agents.decide, "decline", "Keep it.")
        result = await running
    assert result.is_error
    assert text(result) == "Declined: Keep it. Nothing was run."
    assert not ran(agents)


async def test_law_01_nothing_reaches_the_server_while_the_service_is_away(
    agents: Agents, mode: str
) -> None:
    words, away = ("--patience", "0", "--deny", "fail"), "http://127.0.0.1:1"
    async with proxied(agents, mode, *words, COUNTERSIGN_URL=away) as agent:
        result = await agent.call_tool("delete", {"path": "a"})
        denied = await agent.call_tool("fail", {})
    assert "nobody can be asked now. Nothing was run." in text(result)
    assert "denies this tool" in text(denied)
    assert not ran(agents)


async def test_a_wait_that_outlasts_the_client_is_taken_up_by_the_same_call(
    agents: Agents, mode: str
) -> None:
    async with proxied(agents, mode, "--hold", "0", "--round", "0") as agent:
        first = await agent.call_tool("delete", {"path": "a"})
        request = await asyncio.to_thread(agents.decide)
        assert first.is_error
        assert f"Waiting for a person to decide about this call (request {request})" in text(first)
        assert text(await agent.call_tool("delete", {"path": "a"})) == "deleted a"
        again = await agent.call_tool("delete", {"path": "a"})
    assert "Waiting for a person" in text(again)  # an approval is for one run
    assert ran(agents) == "a\n"


async def test_a_request_state_that_is_not_ours_or_was_used_runs_nothing(agents: Agents) -> None:
    async with proxied(agents, "auto", "--round", "0") as agent:

        async def call(path: str, state: str | None = None) -> Any:
            return await agent.session.call_tool(
                "delete", {"path": path}, request_state=state, allow_input_required=True
            )

        first = await call("a")
        assert isinstance(first, types.InputRequiredResult)
        await asyncio.to_thread(agents.decide)
        with pytest.raises(Exception, match="not known"):
            await call("a", "countersign:x")
        changed = await call("everything", first.request_state)
        assert "are not those that were asked about" in text(changed)
        with pytest.raises(Exception, match="was used"):
            await call("a", first.request_state)
    assert not ran(agents)


async def test_a_cancelled_call_is_withdrawn(agents: Agents, mode: str) -> None:
    async with proxied(agents, mode) as agent:
        running = asyncio.create_task(agent.call_tool("delete", {"path": "a"}))
        request = await asyncio.to_thread(agents.pending)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        while (await asyncio.to_thread(agents.shown, request))["status"] == "pending":
            pass
        assert (await asyncio.to_thread(agents.shown, request))["status"] == "withdrawn"
    assert not ran(agents)


async def test_a_tool_that_fails_is_reported_as_unknown(agents: Agents, mode: str) -> None:
    async with proxied(agents, mode) as agent:
        running = asyncio.create_task(agent.call_tool("fail", {}))
        request = await asyncio.to_thread(agents.decide)
        assert (await running).is_error
        shown = await reported(agents, request)
    assert shown["outcome"]["delivered"] is None


async def test_a_server_of_streamable_http_is_behind_it_all_the_same(
    agents: Agents, mode: str
) -> None:
    port = free_port()
    started = subprocess.Popen(
        [sys.executable, UPSTREAM, agents.home / "ran.txt", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        while not listening(port):
            assert started.poll() is None
        behind = ["--url", f"http://127.0.0.1:{port}/mcp"]
        async with proxied(agents, mode, "--allow", "read", server=behind) as agent:
            assert text(await agent.call_tool("read", {"path": "a"})).startswith("a: ")
            running = asyncio.create_task(agent.call_tool("delete", {"path": "a"}))
            await asyncio.to_thread(agents.pending)
            assert not ran(agents)
            request = await asyncio.to_thread(agents.decide)
            assert text(await running) == "deleted a"
            running = asyncio.create_task(agent.call_tool("delete", {"path": "b"}))
            await asyncio.to_thread(agents.decide, "decline")
            assert (await running).is_error
            shown: dict[str, Any] = await asyncio.to_thread(agents.shown, request)
        assert shown["asked"]["payload"]["server"] == {"url": behind[1]}
    finally:
        started.terminate()
        started.wait()
    assert ran(agents) == "a\n"


async def test_observing_holds_nothing_and_counts_without_arguments(
    agents: Agents, mode: str
) -> None:
    # Nobody is asked, so no service is needed.
    words = ("--observe", "--allow", "read", "--deny", "fail", "--name", "files")
    async with proxied(agents, mode, *words, COUNTERSIGN_URL="") as agent:
        assert text(await agent.call_tool("delete", {"path": "secret"})) == "deleted secret"
        await agent.call_tool("read", {"path": "a"})
        await agent.call_tool("delete", {"path": "b"})
        await agent.call_tool("fail", {})
    out, _ = agents.start("observed").communicate(timeout=HANGS)
    assert sorted(line.split() for line in out.splitlines()) == [
        ["1", "would", "allow", "mcp.files.read"],
        ["1", "would", "deny", "mcp.files.fail"],
        ["2", "would", "ask", "mcp.files.delete"],
    ]
    # As the variable says, where no flag does.
    async with proxied(agents, mode, COUNTERSIGN_URL="", COUNTERSIGN_OBSERVE="1") as agent:
        assert text(await agent.call_tool("delete", {"path": "secret"})) == "deleted secret"
    assert "secret" not in (agents.home / "state/observed.jsonl").read_text()


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_words(agents: Agents, name: str) -> None:
    """A server that echoes whatever it gets: nothing comes back but our own answer."""
    line, why = BAD[name]
    echo = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    words = command(agents, "--patience", "0", server=["--", sys.executable, "-c", echo])
    proxy = subprocess.Popen(
        [sys.executable, *words],
        env=agents.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=agents.home,
    )  # fmt: skip
    assert proxy.stdin is not None
    assert proxy.stdout is not None
    proxy.stdin.write(f"{line}\n")
    proxy.stdin.flush()
    answer = proxy.stdout.readline()
    rest, _ = proxy.communicate(timeout=HANGS)
    assert why in answer
    assert rest == ""
    assert proxy.returncode == 0


def test_a_call_without_an_id_is_dropped_and_a_message_passes_as_it_is(agents: Agents) -> None:
    echo = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    notification = {name: one for name, one in CALL.items() if name != "id"}
    other = {"jsonrpc": "2.0", "id": "x", "method": "what/ever", "params": {"é": [1.5, None]}}
    ran = subprocess.run(
        [sys.executable, *command(agents, server=["--", sys.executable, "-c", echo])],
        env=agents.env(), cwd=agents.home, capture_output=True, text=True, timeout=HANGS,
        input=f"{json.dumps(notification)}\n{json.dumps(other)}\n", check=True,
    )  # fmt: skip
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [other]
    assert "call_without_id_refused" in ran.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "Give either --url or a COMMAND"),
        (["--url", "http://127.0.0.1:1", "--", "x"], "Give either --url or a COMMAND"),
        (["--", "no-such-server"], "no-such-server cannot be started"),
        (["--url", "file:///etc/passwd"], "--url is not an address"),
        (["--url", "http://[::1"], "--url is not an address"),
        (["--url", "https://mcp.example.com/a b"], "--url is not an address"),
        (["--url", "http://127.0.0.1:1", "--bearer", "BLANK"], "BLANK, which has blanks"),
        (["--url", "http://127.0.0.1:1", "--bearer", "NOTHING"], "which is not set"),
    ],
)
def test_wrong_usage_says_what_to_do(agents: Agents, words: list[str], why: str) -> None:
    started = agents.start("mcp-proxy", *words, BLANK="secret\nvalue")
    _, err = started.communicate(timeout=HANGS)
    assert started.returncode == 5
    assert why in err
    assert "secret" not in err


def test_a_server_at_an_address_that_is_away_is_named(agents: Agents) -> None:
    words = ("--url", f"http://127.0.0.1:{free_port()}/mcp?key=secret", "--allow", "*")
    ran = ended(agents.start("mcp-proxy", *words, stdin=f"{json.dumps(CALL)}\n"))
    assert ran.code == 5, ran.err
    assert "The MCP server at 127.0.0.1 does not answer" in ran.err
    assert "Traceback" not in ran.err
    assert "secret" not in ran.err


ANSWERS = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["method"] == "end":
        sys.exit(7)
    print(asked["method"].replace("N", "[" * 100_000), flush=True)
"""


def answering(agents: Agents, *lines: str) -> subprocess.Popen[str]:
    """A proxy before a server that answers with the name of the method; its client stays."""
    words = command(agents, "--patience", "0", server=["--", sys.executable, "-c", ANSWERS])
    started = subprocess.Popen(
        [sys.executable, *words], env=agents.env(), cwd=agents.home, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert started.stdin is not None
    started.stdin.writelines(f"{line}\n" for line in lines)
    started.stdin.flush()
    return started


def test_a_server_that_ends_ends_the_proxy_with_its_exit_code(agents: Agents) -> None:
    proxy = answering(agents, '{"jsonrpc": "2.0", "id": 1, "method": "end"}')
    assert proxy.wait(timeout=HANGS) == 7
    assert proxy.communicate()[1] == ""


def test_what_a_server_sends_that_is_no_message_is_dropped(agents: Agents) -> None:
    rubbish = ("NaN", '{"id": NaN}', "N", '{"id": ' + "1" * 5000 + "}", '["a"]')
    sent = [json.dumps({"jsonrpc": "2.0", "id": 1, "method": text}) for text in rubbish]
    sound = json.dumps({"method": '{"jsonrpc": "2.0", "id": 2, "result": {}}'})
    proxy = answering(agents, *sent, sound)
    assert proxy.stdout is not None
    assert json.loads(proxy.stdout.readline()) == {"jsonrpc": "2.0", "id": 2, "result": {}}
    rest, err = proxy.communicate(timeout=HANGS)
    assert (rest, proxy.returncode) == ("", 0), err
    assert err.count("server_message_dropped") == 4


def test_an_answer_that_cannot_be_read_ends_no_call_of_its_sender(agents: Agents) -> None:
    """Its id is one of the server's, which may be that of a call of the client's own."""
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"n": 2**60}}
    proxy = answering(agents, json.dumps(answer))
    assert proxy.stdout is not None
    said = json.loads(proxy.stdout.readline())
    proxy.communicate(timeout=HANGS)
    assert said["id"] is None
    assert "a number is beyond" in said["error"]["message"]


def test_a_message_that_cannot_be_asked_about_is_answered_by_its_id(agents: Agents) -> None:
    """Its client would wait for it: a snowflake is a number beyond what a digest can tell apart."""
    call = {**CALL, "params": {"name": "delete", "arguments": {"path": 2**60}}}
    proxy = answering(agents, json.dumps(call))
    assert proxy.stdout is not None
    answer = json.loads(proxy.stdout.readline())
    proxy.communicate(timeout=HANGS)
    assert answer["id"] == 1
    assert "a number is beyond" in answer["error"]["message"]
