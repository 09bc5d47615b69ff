"""`countersign-client mcp-proxy -- COMMAND` or `--url URL`: in front of an MCP server of others.

It speaks stdio to the client and passes every message on as it is, but `tools/call`, which runs
only when a rule or a person lets it. It knows no version of the protocol: what it does not gate it
does not read. What it forwards is what it parsed, so that the server cannot read it otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import urlsplit

from countersign_client.client import AsyncClient
from countersign_client.digest import read_json
from countersign_client.errors import CountersignError, Misconfigured, Unreachable
from countersign_client.gate import Gate, Rules, Then, ToolCall, told
from countersign_client.logs import Line, log, setup
from countersign_client.mcp_commands import HOLD
from countersign_client.observe import observer
from countersign_client.protocol import Decision
from countersign_client.rounds import LAST, MODERN, ROUND, Rounds, Waiting

LONGEST: Final = 8 * 1024 * 1024
"""Bytes of one message."""
GRACE: Final = 5.0
"""Seconds for a server to end by itself when its client has gone."""
VERSION: Final = "io.modelcontextprotocol/protocolVersion"
"""In `_meta` of every request since 2026-07-28."""
_STATE: Final = "countersign:"
Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Upstream = tuple[Send, AsyncIterator[Message], Callable[[], Awaitable[None]], Callable[[], int]]
"""How to send to a server, what it sends, how to say that no more comes, and its exit code."""


def run(args: argparse.Namespace) -> int:
    """Serve until the client or the server ends."""
    if bool(args.url) == bool(args.command):
        raise Misconfigured("Give either --url or a COMMAND.", "`-- COMMAND` comes last.")
    setup()
    rules = Rules(ask=tuple(args.ask), allow=tuple(args.allow), deny=tuple(args.deny))
    server: dict[str, Any] = {"url": args.url} if args.url else {"started_by": list(args.command)}
    surface = f"mcp.{args.name}" if args.name else "mcp"

    async def serve() -> int:
        watching = observer(args.observe or None, door=surface)
        client = AsyncClient(patience=args.patience, observe=watching or False)
        upstream = _http(args.url, args.bearer) if args.url else _process(args.command)
        async with upstream as (send, messages, hang_up, code):
            proxy = Proxy(
                gate=Gate(client, surface=surface), rules=rules, server=server,
                hold=args.hold, round=args.round, upstream=send, hang_up=hang_up, client=_write,
            )  # fmt: skip
            await proxy.serve(_lines(), messages)
        await client.aclose()
        return code()

    try:
        return asyncio.run(serve())
    except BaseExceptionGroup as group:  # of the SDK's transport
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, CountersignError) or not args.url:
            raise error from None
        raise Unreachable(
            f"The MCP server at {urlsplit(args.url).hostname} does not answer as one: "
            f"{type(error).__name__}.",
            "Is --url right, and is the server up?",
        ) from None


@dataclass(slots=True, kw_only=True)
class Proxy:
    """Between a client and a server, each as messages. `server`: what it is, part of what is
    approved."""

    gate: Gate
    rules: Rules
    server: Mapping[str, Any]
    upstream: Send
    hang_up: Callable[[], Awaitable[None]]
    client: Send
    hold: float = HOLD
    round: float = ROUND
    _rounds: Rounds = field(init=False)
    _held: dict[Any, asyncio.Task[None]] = field(default_factory=dict)
    _states: dict[str, tuple[str, int]] = field(default_factory=dict)
    _ran: dict[Any, Decision] = field(default_factory=dict)
    _last: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rounds = Rounds(self.gate)

    async def serve(self, lines: AsyncIterator[bytes], messages: AsyncIterator[Message]) -> None:
        """Until either side ends. What is held then is withdrawn; what runs may still answer."""
        client = asyncio.ensure_future(self._from_client(lines))
        server = asyncio.ensure_future(self._from_server(messages))
        sides = (client, server)
        done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        if server not in done:
            for held in self._held.values():
                held.cancel()
            await self.hang_up()
            done |= (await asyncio.wait([server], timeout=GRACE))[0]
        left = [*sides, *self._held.values(), *self._last]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for task in done:
            task.result()

    async def _from_client(self, lines: AsyncIterator[bytes]) -> None:
        async for line in lines:
            try:
                message = read_json(line)
                if not isinstance(message, dict):
                    raise ValueError("it is not one message")
            except ValueError as error:
                log.warning(Line("client_message_refused", why=error))
                why = f"This is not one JSON-RPC message that can be asked about: {error}."
                await self.client(_error(self._answerable(line), -32700, why))
                continue
            await self._one(message)

    def _answerable(self, line: bytes) -> str | int | None:
        """The id of a message that is refused, so that its client does not wait for it."""
        try:
            message = json.loads(line)
            id = message["id"] if "method" in message else None  # an answer has the server's
        except (ValueError, TypeError, LookupError, RecursionError):
            return None
        given = isinstance(id, str | int) and not isinstance(id, bool)
        return id if given and id not in self._held and id not in self._ran else None

    async def _one(self, message: Message) -> None:
        params, id = message.get("params"), message.get("id")
        if message.get("method") == "notifications/cancelled":
            wanted = params.get("requestId") if isinstance(params, dict) else None
            if isinstance(wanted, str | int) and (held := self._held.get(wanted)) is not None:
                held.cancel()  # the server never had it
                return
        if message.get("method") != "tools/call":
            await self.upstream(message)
        elif not isinstance(id, str | int) or isinstance(id, bool):
            log.warning(Line("call_without_id_refused"))
        elif id in self._held:
            await self.client(_error(id, -32600, "This id is in use."))
        elif not isinstance(params, dict) or not isinstance(params.get("name"), str):
            await self.client(_error(id, -32602, "This call names no tool."))
        else:
            task = asyncio.ensure_future(self._call(message, params, id))
            self._held[id] = task
            task.add_done_callback(lambda _: self._held.pop(id, None))

    async def _call(self, message: Message, params: Message, id: str | int) -> None:
        then = self.gate.rule(params["name"], self.rules, arguments=lambda: params.get("arguments"))
        if then is Then.ALLOW:
            await self.upstream(message)
            return
        if then is Then.DENY:
            text = "A rule in front of this server denies this tool. Nothing was run."
            await self.client(_refused(id, text))
            return
        try:
            await self._ask(message, params, id)
        except CountersignError as error:
            await self.client(_refused(id, told(error)))
        except Exception:
            log.exception(Line("proxy_failed"))
            await self.client(_refused(id, "The approval proxy failed. Nothing was run."))

    async def _ask(self, message: Message, params: Message, id: str | int) -> None:
        meta, state = params.get("_meta"), params.get("requestState")
        version = meta.get(VERSION) if isinstance(meta, dict) else None
        modern = isinstance(version, str) and version >= MODERN
        known: tuple[str | None, int] = (None, 0)
        if isinstance(state, str) and state.startswith(_STATE):
            found = self._states.pop(state, None)
            if found is None:
                text = "This requestState is not known, or was used. Make a new call."
                await self.client(_error(id, -32602, text))
                return
            known = found
            params.pop("requestState")  # it is none of the server's
        call = self._asked(params, params.get("requestState"))
        step = await self._rounds.step(
            call, caller="", seconds=self.round if modern else self.hold, id=known[0]
        )
        if isinstance(step, Waiting):
            if modern and known[1] < LAST:
                token = _STATE + secrets.token_urlsafe(24)
                self._states[token] = (step.id, known[1] + 1)
                result = {"resultType": "input_required", "requestState": token}
                await self.client({"jsonrpc": "2.0", "id": id, "result": result})
            else:
                text = self._rounds.later(call, step, caller="")
                await self.client(_refused(id, text))
        elif step:
            self._ran[id] = step
            await self.upstream(message)
        else:
            await self.client(_refused(id, told(step)))

    def _asked(self, params: Message, state: Any) -> ToolCall:
        """A call that brings answers to what the server asked its client is asked about with them.
        So is whatever else a version of the protocol adds to a call."""
        more = {name: one for name, one in params.items() if name not in _READ}
        if state is not None:
            more["requestState"] = state
        context = {"server": dict(self.server), **({"more": more} if more else {})}
        given = params.get("arguments")
        return ToolCall(
            tool=params["name"], arguments={} if given is None else given, context=context, rpc=True
        )

    async def _from_server(self, messages: AsyncIterator[Message]) -> None:
        async for message in messages:
            id = message.get("id")
            if "method" not in message and isinstance(id, str | int):
                decision = self._ran.pop(id, None)
                if decision is not None:
                    self._report(decision, message)
            await self.client(message)

    def _report(self, decision: Decision, message: Message) -> None:
        result = message.get("result")
        failed = not isinstance(result, dict) or result.get("isError") is True
        why = "the tool answered with an error" if failed else None
        task = asyncio.ensure_future(self.gate.report(decision, error=why))
        self._last.add(task)
        task.add_done_callback(self._last.discard)


_READ: Final = frozenset({"name", "arguments", "_meta", "requestState"})


def _error(id: Any, code: int, text: str) -> Message:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": text}}


def _refused(id: Any, text: str) -> Message:
    content = [{"type": "text", "text": text}]
    # `resultType` is required since 2026-07-28 and unknown, so ignored, before.
    result = {"content": content, "isError": True, "resultType": "complete"}
    return {"jsonrpc": "2.0", "id": id, "result": result}


def _line(message: Message) -> bytes:
    return json.dumps(message, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


async def _write(message: Message) -> None:
    with contextlib.suppress(ConnectionError):  # its end is noticed where it is read
        sys.stdout.buffer.write(_line(message))
        sys.stdout.buffer.flush()


async def _lines() -> AsyncIterator[bytes]:
    """Of stdin, read in a thread: a pipe of another program may be anything, also on Windows."""
    if sys.stdin is None:
        return  # it is closed
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[bytes]()
    # Python aborts where a thread still reads `sys.stdin` when it ends.
    stdin = os.fdopen(os.dup(0), "rb")

    def read() -> None:
        line = b"-"
        while line:
            line = stdin.readline(LONGEST + 1)
            if len(line) > LONGEST:
                log.error(Line("client_message_too_long"))
                line = b""
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(queue.put_nowait, line)

    threading.Thread(target=read, daemon=True).start()
    while line := await queue.get():
        if line.strip():
            yield line


@asynccontextmanager
async def _process(
    command: list[str],
) -> AsyncIterator[Upstream]:
    """A server as a process, without our variables: it is not to ask, or decide, in our name."""
    env = {name: one for name, one in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    try:
        started = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=env, limit=LONGEST,
        )  # fmt: skip
    except OSError as error:
        raise Misconfigured(
            f"{PurePath(command[0]).name} cannot be started: {error.strerror}.",
            "COMMAND is what starts the MCP server, as in your client's settings.",
        ) from None
    stdin, stdout = started.stdin, started.stdout
    assert stdin is not None  # noqa: S101 - both are pipes
    assert stdout is not None  # noqa: S101 # for mypy

    async def send(message: Message) -> None:
        with contextlib.suppress(ConnectionError):  # its end is noticed where it is read
            stdin.write(_line(message))
            await stdin.drain()

    async def hang_up() -> None:
        stdin.close()

    async def messages() -> AsyncIterator[Message]:
        while True:
            try:
                if not (line := await stdout.readline()):
                    return
            except ValueError:  # what follows is the rest of it
                log.error(Line("server_message_too_long"))
                return
            try:
                message = json.loads(line, parse_constant=_no_number)
            except (ValueError, RecursionError):
                log.warning(Line("server_message_dropped", why="not JSON"))
                continue
            if isinstance(message, dict):
                yield message

    try:
        yield send, messages(), hang_up, lambda: started.returncode or 0
    finally:
        stdin.close()
        try:
            async with asyncio.timeout(GRACE):
                await started.wait()
        except TimeoutError:
            started.terminate()
            await started.wait()
        if started.returncode == -signal.SIGTERM:
            log.info(Line("server_stopped"))


@asynccontextmanager
async def _http(url: str, bearer: str | None) -> AsyncIterator[Upstream]:
    """A server of streamable HTTP, over the SDK's transport (`countersign-client[mcp]`)."""
    try:
        from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 # only where it is used
        from mcp.shared._httpx_utils import create_mcp_http_client  # noqa: PLC0415 # only where it is used
        from mcp.shared.message import ClientMessageMetadata, SessionMessage  # noqa: PLC0415 # only where it is used
        from mcp_types import jsonrpc_message_adapter  # noqa: PLC0415 # only where it is used
    except ImportError:
        raise Misconfigured(
            "--url needs the MCP SDK.", "Install countersign-client[mcp]."
        ) from None
    if not _address(url):
        raise Misconfigured("--url is not an address.", "Like https://mcp.example.com/mcp.")
    headers = None
    if bearer:
        if not (token := os.environ.get(bearer)):
            raise Misconfigured(f"--bearer names {bearer}, which is not set.", "Set it.")
        if not re.fullmatch("[!-~]+", token):
            raise Misconfigured(
                f"--bearer names {bearer}, which has blanks or other characters than ASCII.",
                "Set it to the token alone.",
            )
        headers = {"Authorization": f"Bearer {token}"}
    async with (
        create_mcp_http_client(headers=headers) as http,
        streamable_http_client(url, http_client=http) as (incoming, outgoing),
    ):

        async def send(message: Message) -> None:
            about = ClientMessageMetadata(headers=_routing(message) or None)
            parsed = jsonrpc_message_adapter.validate_python(message)
            await outgoing.send(SessionMessage(parsed, metadata=about))

        async def messages() -> AsyncIterator[Message]:
            async for one in incoming:
                if isinstance(one, Exception):
                    log.warning(Line("server_message_dropped", why=type(one).__name__))
                    continue
                yield one.message.model_dump(mode="json", by_alias=True, exclude_unset=True)

        yield send, messages(), outgoing.aclose, lambda: 0


def _address(url: str) -> bool:
    """Whether it can be called."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    plain = re.fullmatch("[!-~]+", url) is not None
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)


def _routing(message: Message) -> dict[str, str]:
    """The headers that repeat parts of a message since 2026-07-28, and the negotiated version."""
    from mcp.shared.inbound import (  # noqa: PLC0415 # only where it is used
        MCP_METHOD_HEADER,
        MCP_NAME_HEADER,
        MCP_PROTOCOL_VERSION_HEADER,
        NAME_BEARING_METHODS,
        encode_header_value,
    )

    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    meta = params.get("_meta")
    version = meta.get(VERSION) if isinstance(meta, dict) else None
    if not isinstance(version, str) or version < MODERN:
        return {}
    method = str(message.get("method"))
    headers = {MCP_PROTOCOL_VERSION_HEADER: version, MCP_METHOD_HEADER: method}
    if (key := NAME_BEARING_METHODS.get(method)) and isinstance(params.get(key), str):
        headers[MCP_NAME_HEADER] = encode_header_value(params[key])
    return headers
