"""A stand-in for OneCLI 2.x's gateway: its approval API, and the agents that wait behind it.

Written from its source (https://github.com/onecli/onecli, apps/gateway/crates: approval/src/lib.rs,
server/src/lib.rs, summary/src/generic.rs, redact.rs and records.rs, proxy/src/forward.rs; as of
November 2026) and kept honest by its own SDK, which must work against it unmodified (npm,
`@onecli-sh/sdk`). It shares no code with what is under test.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import aiohttp
from aiohttp import web

KEY, ORG_KEY, WORKSPACE = "oc_peer_key", "oc_org_peer_key", "ws_8c1"
NEWER = ("summary", "workspaceId", "projectId", "bodyPreview", "rawBody", "app", "batch")
RAW_MOST = 8 * 1024
"""Bytes of a body that a row carries (RAW_BODY_MAX)."""
SECRET: tuple[str, ...] = ("authorization", "password", "passwd", "secret", "token", "api_key")
SECRET += ("apikey", "access_key", "accesskey", "private_key")


def clamp(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def redacted(value: Any, key: str = "") -> Any:
    """A JSON value as summary/generic.rs shows it."""
    if any(word in key.lower() for word in SECRET):
        return "***"
    if isinstance(value, dict):
        return {name: redacted(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [redacted(one) for one in value]
    if isinstance(value, str) and len(value) > 96:
        kind = ", base64" if len(value) >= 100 and value.isalnum() else ""
        return f"<{len(value)} chars{kind}>"
    return value


def summary(method: str, path: str, body: bytes) -> dict[str, Any]:
    """What generic.rs makes of a request, from the first 16 KiB of its body."""
    details = [{"label": "Endpoint", "value": clamp(path.partition("?")[0], 240)}]
    head = body[: 16 * 1024]
    text = " ".join(head.decode(errors="replace").split())
    try:
        text = json.dumps(redacted(json.loads(head)), separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        if head and sum(byte < 9 for byte in head[:512]) > 0.1 * len(head[:512]):
            text = f"<binary, {len(head)}+ bytes>"
    if text:
        details.append({"label": "Body", "value": clamp(text, 500)})
    return {"action": f"{method} request", "details": details}


def raw_body(body: bytes) -> dict[str, Any] | None:
    """What `RawBody::from_bytes` makes of the body: 8 KiB of its text, masked, with its flags."""
    if not body:
        return None
    truncated, head = len(body) > RAW_MOST, body[:RAW_MOST]
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if not truncated or error.reason != "unexpected end of data":
            return {"text": "", "truncated": truncated, "binary": True, "redacted": False}
        text = head[: error.start].decode()
    word = "|".join(SECRET)
    masked = re.sub(rf'(?i)("[^"]*(?:{word})[^"]*"\s*:\s*)"[^"]*"?', r'\1"***"', text)
    if not text.lstrip().startswith(("{", "[")):
        masked = re.sub(rf"(?i)((?:^|&)[^=&]*(?:{word})[^=&]*=)[^&]*", r"\1***", masked)
    flags = {"truncated": truncated, "binary": False, "redacted": masked != text}
    return {"text": masked, **flags}


def batch(headers: Mapping[str, str]) -> dict[str, Any] | None:
    """What `ApprovalBatch::from_headers` makes of the agent's headers."""
    id = headers.get("X-OneCLI-Batch", "").strip()
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", id):
        return None
    label = " ".join(headers.get("X-OneCLI-Batch-Label", "").split())[:120].rstrip()
    total = headers.get("X-OneCLI-Batch-Total", "").strip()
    said: dict[str, Any] = {"id": id, **({"label": label} if label else {})}
    return {**said, "total": int(total)} if total.isdigit() and 1 <= int(total) <= 500 else said


def rendered(said: dict[str, Any]) -> str:
    lines = [f"{d['label']}: {d['value']}" for d in said["details"]]
    return clamp("\n".join([said["action"], *lines]), 3000)


@dataclass
class Held:
    row: dict[str, Any]
    workspace: str
    expires: float
    since: float
    decision: asyncio.Future[str]


@dataclass
class OneCliPeer:
    """`async with OneCliPeer() as onecli`: `onecli.url` is its port, for agents and for the API.

    `timeout`: seconds for which a request is held. `hold`: for which a poll is. `early`: after so
    many seconds a poll is answered empty all the same. `deaf`: no wake-up reaches a poll. `burst`:
    seconds that a woken poll waits for what comes together (0.75 there). `slow`: seconds until a
    list is answered. `prefix`: `/api` before May 2026. `older`: rows lack the newer fields.
    `ahead`: seconds that its clock is ahead. `fault`: "401", "500", "hang", "rubbish", "huge",
    "endless" instead of any answer of the API. `swallow`: so many verdicts are honoured and not
    answered; `lose`: neither. `gone`: verdicts meet the rare 410. `clustered`: verdicts on requests
    younger than a second are lost. `stalls`: so many lists are answered only once `/healthz` was.
    `instead`: what answers the next verdict in its place, status and text.

    `polls`: what each excluded. `verdicts`: (id, decision, status) in order. `seen`: headers of
    each call of the API. `forwarded`: bodies that went upstream.
    """

    timeout: int = 180
    hold: float = 30.0
    early: float | None = None
    deaf: bool = False
    burst: float = 0.0
    slow: float = 0.0
    prefix: str = "/v1"
    older: bool = False
    ahead: float = 0.0
    fault: str = ""
    swallow: int = 0
    lose: int = 0
    gone: bool = False
    clustered: bool = False
    stalls: int = 0
    instead: tuple[int, str] | None = None
    held: dict[str, Held] = field(default_factory=dict)
    polls: list[tuple[str, ...]] = field(default_factory=list)
    verdicts: list[tuple[str, str, int]] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    forwarded: list[bytes] = field(default_factory=list)
    url: str = ""
    _port: int = 0
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _moving: asyncio.Event = field(default_factory=asyncio.Event)
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    _runner: web.AppRunner | None = None
    _agents: set[asyncio.Task[Any]] = field(default_factory=set)
    _numbers: Any = field(default_factory=itertools.count)

    async def __aenter__(self) -> OneCliPeer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for task in self._agents:
            task.cancel()
        await asyncio.gather(*self._agents, return_exceptions=True)

    async def start(self) -> None:
        """Listen, on the same port as before."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._route)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Go away. What was held is forgotten, and its agents are told to come again."""
        self.forget()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def forget(self) -> None:
        """Drop all state, as a restart does."""
        for held in self.held.values():
            if not held.decision.done():
                held.decision.set_result("restart")
        self.held.clear()

    @property
    def now(self) -> float:
        return time.time() + self.ahead

    # What agents and tests do

    def ask(
        self,
        url: str = "https://gmail.googleapis.com:443/gmail/v1/users/me/messages/send",
        *,
        method: str = "POST",
        body: bytes = b'{"to":"bob@example.com"}',
        workspace: str = WORKSPACE,
        agent: str = "research-bot",
        headers: Mapping[str, str] | None = None,
    ) -> asyncio.Task[tuple[int, dict[str, str], bytes]]:
        """An agent sends a request through the gateway: what it is answered, in the end."""

        async def send() -> tuple[int, dict[str, str], bytes]:
            about = {"X-Target": url, "X-Workspace": workspace, "X-Agent": agent}
            sent = {"Content-Type": "application/json", **(headers or {}), **about}
            async with (
                aiohttp.ClientSession() as http,
                http.request(method, f"{self.url}/proxy", data=body, headers=sent) as answer,
            ):
                return answer.status, dict(answer.headers), await answer.read()

        task = asyncio.create_task(send())
        self._agents.add(task)
        return task

    async def hold_one(self, **more: Any) -> tuple[str, asyncio.Task[Any]]:
        """An agent that waits: the id of its request, and its task."""
        before = set(self.held)
        task = self.ask(**more)
        async with asyncio.timeout(5), self._moved:
            await self._moved.wait_for(lambda: self.held.keys() - before)
        return (self.held.keys() - before).pop(), task

    def put(self, row: dict[str, Any]) -> str:
        """A row as it is, with nobody behind it."""
        row = {"id": str(uuid.uuid4()), **row}
        future = asyncio.get_running_loop().create_future()
        workspace = row.get("workspaceId") or WORKSPACE
        self.held[row["id"]] = Held(row, workspace, self.now + self.timeout, self.now, future)
        self._wake()
        return str(row["id"])

    def row(self, **more: Any) -> dict[str, Any]:
        """The row of the documentation, with changes."""
        said = {"action": "Send email", "details": [{"label": "To", "value": "bob@example.com"}]}
        host, path = "gmail.googleapis.com:443", "/gmail/v1/users/me/messages/send"
        return {
            "id": str(uuid.uuid4()),
            "workspaceId": WORKSPACE,
            "projectId": WORKSPACE,
            "method": "POST",
            "url": f"https://{host}{path}",
            "host": host,
            "path": path,
            "headers": {"content-type": "application/json"},
            "bodyPreview": "Send email\nTo: bob@example.com",
            "summary": said,
            "agent": {"id": "6f2e", "name": "Research bot", "externalId": "research-bot"},
            "createdAt": _iso(self.now),
            "expiresAt": _iso(self.now + self.timeout),
            **more,
        }

    async def decided(self, count: int = 1, seconds: float = 10) -> list[tuple[str, str, int]]:
        """The verdicts, once there are so many."""
        async with asyncio.timeout(seconds), self._moved:
            await self._moved.wait_for(lambda: len(self.verdicts) >= count)
        return self.verdicts

    async def polled(self, count: int, seconds: float = 10) -> None:
        """Once there were so many polls."""
        async with asyncio.timeout(seconds), self._moved:
            await self._moved.wait_for(lambda: len(self.polls) >= count)

    # What it serves

    async def _route(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/proxy":
            return await self._proxy(request)
        if path == "/healthz":
            if self.fault == "hang":
                await asyncio.sleep(3600)
            self._moving.set()
            return web.json_response({"status": "ok"})
        self.seen.append(dict(request.headers))
        if self.fault and (answer := await self._broken(request)) is not None:
            return answer
        if request.headers.get("Authorization") not in (f"Bearer {KEY}", f"Bearer {ORG_KEY}"):
            return web.Response(status=401, text="invalid api key")
        if path == "/me":
            return web.json_response({"workspaceId": WORKSPACE})
        if path == f"{self.prefix}/gateway-url":
            return web.json_response({"url": self.url})
        if path == f"{self.prefix}/approvals/pending" and request.method == "GET":
            return await self._pending(request)
        parts = path.removeprefix(self.prefix).split("/")
        if request.method == "POST" and parts[1:2] == ["approvals"] and parts[3:] == ["decision"]:
            return await self._decide(request, parts[2])
        return web.Response(status=400, text="bad request")

    async def _broken(self, request: web.Request) -> web.StreamResponse | None:
        await self._tell()
        match self.fault:
            case "401":
                return web.Response(status=401, text="invalid api key")
            case "500":
                return web.Response(status=500, text="oops")
            case "rubbish":
                return web.Response(body=b'{"requests": "none', content_type="application/json")
            case "huge":
                return web.Response(body=b" " * (9 * 1024 * 1024))
            case "endless":
                stream = web.StreamResponse()
                await stream.prepare(request)
                await stream.write(b"{")
                await asyncio.sleep(3600)
            case "hang":
                await asyncio.sleep(3600)
        return None

    def _workspace(self, request: web.Request) -> str | None:
        if request.headers["Authorization"] == f"Bearer {KEY}":
            return WORKSPACE
        return request.headers.get("X-Workspace-Id") or request.headers.get("X-Project-Id")

    async def _pending(self, request: web.Request) -> web.Response:
        exclude = tuple(filter(None, request.query.get("exclude", "").split(",")))
        self.polls.append(exclude)
        await self._tell()
        workspace = self._workspace(request)

        def listed() -> list[dict[str, Any]]:
            return [
                held.row
                for id, held in self.held.items()
                if id not in exclude
                and held.expires > self.now
                and workspace in (None, held.workspace)
            ]

        await asyncio.sleep(self.slow)
        if self.stalls:
            self.stalls -= 1
            self._moving.clear()
            await self._moving.wait()
        found = listed()
        if not found:
            woken = asyncio.Event() if self.deaf else self._woken  # it lists, then subscribes
            seconds = self.hold if self.early is None else min(self.early, self.hold)
            try:
                async with asyncio.timeout(seconds):
                    await woken.wait()
                await asyncio.sleep(self.burst)
            except TimeoutError:
                pass
            found = listed()
        reply = {"requests": found, "timeoutSeconds": self.timeout, "newField": {"x": 1}}
        date = format_datetime(datetime.fromtimestamp(self.now, UTC), usegmt=True)
        return web.json_response(reply, headers={"Date": date})

    async def _decide(self, request: web.Request, id: str) -> web.StreamResponse:
        if self.instead is not None:
            (status, text), self.instead = self.instead, None
            return web.Response(status=status, text=text, content_type="text/html")
        if request.content_type != "application/json":
            return web.Response(status=415, text="expected application/json")
        try:
            decision = json.loads(await request.read())["decision"]
        except (ValueError, KeyError, TypeError):
            decision = None
        if decision not in ("approve", "deny"):
            return web.Response(status=422, text="unknown variant")
        held = self.held.get(id)
        workspace = self._workspace(request)
        mine = held is not None and workspace in (None, held.workspace)
        status = 200 if held is not None and mine and held.expires > self.now else 404
        if self.gone and status == 200:
            status = 410
        if self.lose:
            self.lose -= 1
            status = 0
        self.verdicts.append((id, decision, status))
        if status == 200 and held is not None:
            del self.held[id]
            young = self.clustered and self.now - held.since < 1
            if not young and not held.decision.done():
                held.decision.set_result(decision)
        await self._tell()
        if status == 0 or (status == 200 and self.swallow):
            self.swallow -= bool(status)
            await asyncio.sleep(3600)
        if status == 200:
            return web.json_response({"success": True})
        error = {404: "approval_not_found", 410: "approval_gone"}[status]
        return web.json_response({"error": error}, status=status)

    async def _proxy(self, request: web.Request) -> web.Response:
        body, target = await request.read(), request.headers["X-Target"]
        scheme, _, rest = target.partition("://")
        host, slash, path = rest.partition("/")
        said = summary(request.method, slash + path, body)
        id = str(uuid.uuid4())
        created = self.now
        row = {
            "id": id,
            "workspaceId": request.headers["X-Workspace"],
            "projectId": request.headers["X-Workspace"],
            "method": request.method,
            "url": f"{scheme}://{host}{slash}{path}",
            "host": host,
            "path": slash + path,
            "headers": {"content-type": request.headers["Content-Type"], "accept": "*/*"},
            "bodyPreview": rendered(said),
            "summary": said,
            "rawBody": raw_body(body),
            "app": None,
            "batch": batch(request.headers),
            "agent": {"id": "6f2e", "name": "Bot", "externalId": request.headers["X-Agent"]},
            "createdAt": _iso(created),
            "expiresAt": _iso(created + self.timeout),
        }
        if self.older:
            row = {name: value for name, value in row.items() if name not in NEWER}
            row["agent"] = {"id": "6f2e", "name": "Bot", "externalId": None}
            row["bodyPreview"] = body[:4096].decode(errors="replace") or None
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        workspace = request.headers["X-Workspace"]
        held = self.held[id] = Held(row, workspace, created + self.timeout, created, future)
        self._wake()
        await self._tell()
        try:
            async with asyncio.timeout(self.timeout):
                decision = await held.decision
        except TimeoutError:
            decision = "timeout"
        finally:  # the agent hung up: nothing wakes a poll
            self.held.pop(id, None)
        if decision == "approve":
            self.forwarded.append(body)
            return web.json_response({"sent": True})
        if decision == "restart":
            return web.json_response(
                {"error": "gateway_restarting"}, status=503, headers={"retry-after": "1"}
            )
        reason = "declined" if decision == "deny" else "expired"
        refusal = {"error": "manual_approval_denied", "approval_id": id, "reason": reason}
        return web.json_response(refusal, status=403, headers={"x-should-retry": "false"})

    def _wake(self) -> None:
        self._woken.set()
        self._woken = asyncio.Event()

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")
