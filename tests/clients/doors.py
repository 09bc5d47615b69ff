"""Every door of the client, what is tried on it, and the words that refuse it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

from countersign_client import AsyncClient, CountersignError, Memory, Service, mcp_tools
from countersign_client.dialects import DIALECTS
from countersign_client.mcp import Countersign
from mcp import Client as Mcp
from mcp import MCPError

from tests.clients import mcp_upstream
from tests.clients.commands import Agents
from tests.clients.events import EVENTS
from tests.clients.mcp_gated import server
from tests.clients.middleman import Does, Middleman
from tests.clients.peers import github as peer_github
from tests.clients.peers import n8n as peer_n8n
from tests.clients.peers import openclaw as peer_openclaw
from tests.clients.peers import terraform as peer_terraform
from tests.harness.house import HANGS
from tests.harness.installation import ended, read_until
from tests.harness.node import NODE

LARGE: Final = "x" * 2**20
Outcome: TypeAlias = tuple[bool, str]
"""Whether it ran, and what the door said."""
Ask: TypeAlias = Callable[[str, int], Awaitable[Outcome]]
"""`good` or one of `INPUTS`; and a number, which is part of what would run."""
Say: TypeAlias = Callable[[str], Awaitable[str]]
"""A line to a program, and its answer, a line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a door is tried."""

    agents: Agents
    middle: Middleman

    def env(self) -> dict[str, str]:
        return self.agents.env(COUNTERSIGN_URL=self.middle.url)

    def client(self) -> AsyncClient:
        env = self.env()
        names = ("url", "key", "receipt_key", "requester", "issuer")
        known = {name: env[f"COUNTERSIGN_{name.upper()}"] for name in names}
        return AsyncClient(Service(**known), store=Memory(), patience=0)

    async def run(self, stdin: str, *words: str) -> tuple[int, str, str]:
        """The command, in a process of its own: exit code, stdout, stderr."""
        env = {"COUNTERSIGN_URL": self.middle.url}
        started = self.agents.start(*words, stdin=stdin, **env)
        ran = await asyncio.to_thread(ended, started)
        return ran.code, ran.out, ran.err


Door: TypeAlias = Callable[[Place], AbstractAsyncContextManager[Ask]]


@asynccontextmanager
async def python(place: Place) -> AsyncIterator[Ask]:
    async with place.client() as client:

        async def ask(given: str, number: int) -> Outcome:
            payload = {"junk": {1, 2}, "1 MB of arguments": LARGE}.get(given, number)
            try:
                return bool(await client.ask(action="deploy", payload=payload)), "approved"
            except CountersignError as error:
                return False, f"{type(error).__name__}: {error}"

        yield ask


@contextmanager
def lines(*command: str | Path, cwd: Path, env: Mapping[str, str]) -> Iterator[Say]:
    """A program that answers lines with lines."""
    with subprocess.Popen(
        command, cwd=cwd, env=env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as started:  # fmt: skip
        stdin, stdout = started.stdin, started.stdout
        assert stdin is not None
        assert stdout is not None

        async def say(line: str) -> str:
            stdin.write(f"{line}\n")
            stdin.flush()
            return await asyncio.to_thread(stdout.readline)

        yield say
        stdin.close()


@asynccontextmanager
async def command(place: Place) -> AsyncIterator[Ask]:
    async def ask(given: str, number: int) -> Outcome:
        payload = {"junk": "{", "1 MB of arguments": json.dumps(LARGE)}.get(given, str(number))
        words = ("ask", "--action", "deploy", "--patience", "0", "--payload", "-")
        code, _, err = await place.run(payload, *words)
        return code == 0, f"exit code {code}: {err}"

    yield ask


def hook(name: str) -> Door:
    client, event, *_ = EVENTS[name]
    tool = "toolName" if client == "copilot" else "tool_name"

    @asynccontextmanager
    async def open_(place: Place) -> AsyncIterator[Ask]:
        calls = count()

        async def ask(given: str, number: int) -> Outcome:
            text = json.dumps(event).replace("Broken", "rm -rf build")
            text = text.replace("toolu_1", f"toolu_{next(calls)}")
            text = {
                "junk": "junk",
                "no such tool": json.dumps({**event, tool: None}),
                "1 MB of arguments": text.replace("rm -rf", f"rm -rf {LARGE}"),
            }.get(given, text.replace("build", f"build/{number}"))
            code, out, err = await place.run(text, "hook", "--client", client)
            allowed = DIALECTS[client].allow(event.get("hook_event_name", "preToolUse"))
            ran = code == 0 and json.loads(out) == json.loads(allowed)
            return ran, f"exit code {code}: {out}{err}"

        yield ask

    return open_


async def called(agent: Mcp, tool: str, **arguments: Any) -> str:
    try:
        result = await agent.call_tool(tool, arguments)
    except MCPError as error:
        return str(error)
    text = " ".join(block.text for block in result.content if block.type == "text")
    return f"isError: {text}" if result.is_error else text


@asynccontextmanager
async def in_the_server(place: Place) -> AsyncIterator[Ask]:
    ran = list[int]()
    async with (
        place.client() as client,
        Mcp(server(Countersign(client), ran)) as agent,
    ):

        async def ask(given: str, number: int) -> Outcome:
            before = len(ran)
            bad: dict[str, dict[str, Any]] = {
                "junk": {"cents": "many"},
                "1 MB of arguments": {"cents": number, "to": LARGE},
            }
            arguments = bad.get(given, {"cents": number})
            tool = "refunds" if given == "no such tool" else "refund"
            said = await called(agent, tool, **arguments)
            return len(ran) > before, said

        yield ask


@asynccontextmanager
async def proxy(place: Place) -> AsyncIterator[Ask]:
    ran = place.agents.home / "ran.txt"
    words = ("-P", "-m", "countersign_client", "mcp-proxy", "--patience", "0", "--")
    upstream = (sys.executable, str(mcp_upstream.__file__), ran)
    started = (sys.executable, *words, *upstream)
    with lines(*started, cwd=place.agents.home, env=place.env()) as say:
        rpc: dict[str, Any] = {"jsonrpc": "2.0", "id": 0}
        about = {"protocolVersion": "2025-11-25", "capabilities": {},
                 "clientInfo": {"name": "a test", "version": "1"}}  # fmt: skip
        await say(json.dumps({**rpc, "method": "initialize", "params": about}))

        async def ask(given: str, number: int) -> Outcome:
            before = ran.read_text() if ran.exists() else ""
            path = LARGE if given == "1 MB of arguments" else str(number)
            name = "deletes" if given == "no such tool" else "delete"
            params = {"name": name, "arguments": {"path": path}}
            call = {**rpc, "method": "tools/call", "params": params}
            said = await say("tools/call" if given == "junk" else json.dumps(call))
            return (ran.read_text() if ran.exists() else "") != before, said

        yield ask


@asynccontextmanager
async def tools(place: Place) -> AsyncIterator[Ask]:
    async with (
        place.client() as client,
        Mcp(mcp_tools.server(client)) as agent,
    ):

        async def ask(given: str, number: int) -> Outcome:
            tool = "approve" if given == "no such tool" else "request_approval"
            bad: dict[str, Any] = {"junk": "junk", "1 MB of arguments": {"n": LARGE}}
            payload = bad.get(given, {"n": number})
            said = await called(agent, tool, action="deploy", payload=payload)
            return json.loads(said)["status"] == "approved" if said[0] == "{" else False, said

        yield ask


@asynccontextmanager
async def typescript(place: Place) -> AsyncIterator[Ask]:
    script = Path(__file__).parents[2] / "clients/typescript/test/bad.ts"
    words = (NODE, "--disable-warning=ExperimentalWarning", script)
    with lines(*words, cwd=place.agents.home, env=place.env()) as say:

        async def ask(given: str, number: int) -> Outcome:
            came = json.loads(await say(json.dumps({"input": given, "number": number})))
            return isinstance(came, dict), ": ".join(came)

        yield ask


@asynccontextmanager
async def n8n(place: Place) -> AsyncIterator[Ask]:
    there = peer_n8n.N8n()
    door = peer_n8n.Door(place.agents, there, COUNTERSIGN_URL=place.middle.url)
    steps = count()

    async def ask(given: str, number: int) -> Outcome:
        step = there.step(number, id=f"step-{next(steps)}")
        body: Any = {
            "junk": b"junk",
            "no such tool": {**step, "action": "no tool"},
            "1 MB of arguments": {**step, "payload": LARGE},
        }.get(given, step)
        key = "Bearer another" if given == "unproven" else f"Bearer {peer_n8n.KEY}"
        status = await asyncio.to_thread(door.send, body, key)
        if status != 202:
            return False, f"HTTP {status}"
        _, verdict = await asyncio.to_thread(there.resumed.get, timeout=HANGS)
        return verdict["approved"], str(verdict)

    try:
        yield ask
    finally:
        door.end()
        there.end()


@asynccontextmanager
async def terraform(place: Place) -> AsyncIterator[Ask]:
    there = peer_terraform.Terraform()
    door = peer_terraform.Door(place.agents, there, COUNTERSIGN_URL=place.middle.url)
    tasks = count()

    async def ask(given: str, number: int) -> Outcome:
        task = there.task(number, task_result_id=f"taskrs-{next(tasks)}")
        body: Any = {
            "junk": b"junk",
            "no such tool": {**task, "stage": None},
            "1 MB of arguments": {**task, "run_message": LARGE},
        }.get(given, task)
        signature = "0" * 128 if given == "unproven" else None
        status = await asyncio.to_thread(door.send, body, signature)
        if status != 200:
            return False, f"HTTP {status}"
        verdict, message = await asyncio.to_thread(there.last)
        return verdict == "passed", f"{verdict}: {message}"

    try:
        yield ask
    finally:
        door.end()
        there.end()


@asynccontextmanager
async def github(place: Place) -> AsyncIterator[Ask]:
    there = peer_github.GitHub()
    door = peer_github.Door(place.agents, there, COUNTERSIGN_URL=place.middle.url)
    deployments = count(1)

    async def ask(given: str, _: int) -> Outcome:
        deployment = there.asks(next(deployments))
        body: Any = {
            "junk": b"junk",
            "no such tool": {**deployment, "environment": ""},
            "1 MB of arguments": {**deployment, "event": LARGE},
        }.get(given, deployment)
        signature = "sha256=" + "0" * 64 if given == "unproven" else None
        status = await asyncio.to_thread(door.send, body, signature)
        if status != 200:
            return False, f"HTTP {status}"
        state, comment = await asyncio.to_thread(there.last)
        return state == "approved", f"{state}: {comment}"

    try:
        yield ask
    finally:
        door.end()
        there.end()


class Scrambled(peer_openclaw.OpenClaw):
    """It can list something else."""

    listed: str | None = None

    def answer(self, words: list[str]) -> tuple[int, str]:
        if self.listed is not None and words[1] == "pending":
            return 0, self.listed
        return super().answer(words)


@asynccontextmanager
async def openclaw(place: Place) -> AsyncIterator[Ask]:
    there = Scrambled(place.agents.home)
    words = ("openclaw", "--command", there.command, "--every", "0.5")
    process = place.agents.start(*words, COUNTERSIGN_URL=place.middle.url)
    read_until(process, "Looking")
    held = count()

    async def ask(given: str, number: int) -> Outcome:
        if given in ("junk", "no such tool"):
            kind = {"id": "a", "kind": "No Kind", "summary": "ls", "expiresAtMs": 1}
            there.listed = "junk" if given == "junk" else json.dumps({"approvals": [kind]})
            wanted = "another form" if given == "junk" else "unsafe_ids_left_out"
            said = await asyncio.to_thread(logged, process, wanted)
            there.listed = None
            return not there.resolved.empty(), said
        there.hold(f"ap_{next(held)}", f"ls {LARGE if given == '1 MB of arguments' else number}")
        _, verdict, *why = await asyncio.to_thread(there.resolved.get, timeout=HANGS)
        return verdict == "allow-once", " ".join((verdict, *why))

    try:
        yield ask
    finally:
        process.terminate()
        process.communicate(timeout=HANGS)
        there.end()


def logged(process: subprocess.Popen[str], wanted: str) -> str:
    assert process.stderr is not None
    return next(line for line in process.stderr if wanted in line)


DOORS: Final[dict[str, Door]] = {
    "Python client": python,
    "TypeScript client": typescript,
    "command": command,
    **{f"hook of {EVENTS[name][0]}": hook(name) for name in (
        "claude-code Bash", "codex Bash", "gemini shell", "cursor MCP", "copilot shell"
    )},
    "MCP, in the server": in_the_server,
    "MCP, the proxy": proxy,
    "MCP, the tools": tools,
    "GitHub Actions": github,
    "n8n": n8n,
    "OpenClaw": openclaw,
    "Terraform": terraform,
}  # fmt: skip

INPUTS: Final = ("junk", "no such tool", "1 MB of arguments", "unproven")
LIES: Final = {
    "the service is away": Does.DROPS,
    "a wrong key": Does.CHANGES_KEY,
    "a stolen receipt": Does.STEALS,
    "a replayed answer": Does.REPLAYS,
}


def said(
    junk: str | None = None, tool: str | None = None, large: str | None = None, *,
    away: str = "nobody can be asked now", key: str = "nobody can be asked now", how: str = "",
    again: str = "was used before", unproven: str | None = None,
) -> dict[str, str | None]:  # fmt: skip
    """What is tried, and the words that answer it; None: it has no meaning at this door. `how`:
    stands before the answers to what is tried between door and service."""
    service = (away, key, "The receipt's sub is", again)
    lies = {lie: f"{how}…{words}" for lie, words in zip(LIES, service, strict=True)}
    return {**dict(zip(INPUTS, (junk, tool, large, unproven), strict=True)), **lies}


LESS: Final = "Ask about less at a time"
PLAIN: Final = {"away": "cannot be reached", "key": "COUNTERSIGN_KEY is not a key"}
WORDS: Final[dict[str, dict[str, str | None]]] = {
    "Python client": said("Misconfigured…not a JSON value", None, f"NotAccepted…{LESS}", **PLAIN),
    "TypeScript client": said("Misconfigured…nested deeper", None, f"NotAccepted…{LESS}", **PLAIN),
    "command": said(
        "exit code 5…--payload is not JSON", None, f"exit code 5…{LESS}", how="exit code 5", **PLAIN
    ),
    **{name: said(
        "exit code 2…it is not JSON", "exit code 2…it has no tool", f"exit code 2…{LESS}",
        how="exit code 2", **PLAIN,
    ) for name in DOORS if name.startswith("hook")},
    "MCP, in the server": said(
        "isError…should be a valid integer", "Unknown tool", "isError…nobody can be asked now",
        how="isError",
    ),
    "MCP, the proxy": said(
        "error…not one JSON-RPC message", "Unknown tool", "nobody can be asked now…isError",
    ),
    "MCP, the tools": said(
        "isError…should be a valid dictionary", "Unknown tool", "not_asked…nobody can be asked now",
        how="status",
    ),
    # A deployment's id is part of what is approved: an answer about another one binds another.
    "GitHub Actions": said(
        "HTTP 422", "HTTP 422", "HTTP 413", how="rejected", again="binds something else",
        unproven="HTTP 401",
    ),
    "n8n": said("HTTP 422", "HTTP 422", "HTTP 413", how="'approved': False", unproven="HTTP 401"),
    "OpenClaw": said(
        "list is of another form", "unsafe_ids_left_out", "deny…nobody can be asked now", how="deny"
    ),
    "Terraform": said("HTTP 422", "HTTP 422", "HTTP 413", how="failed", unproven="HTTP 401"),
}  # fmt: skip
"""Door, what is tried there, and the words that refuse it, with … for what stands between them."""
