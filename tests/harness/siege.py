"""An installation as its owner would configure it, for tests that besiege it: with Slack's stand-in
beside it, in this process (`besieged`) or in processes of its own that can be killed (`Served`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import aiohttp
import yaml

from adapters.slack.adapter import Slack
from approvals.app import host, keys, serve
from approvals.app.compose import House, running
from approvals.model import Duration, Instant
from approvals.port import Resolved, Tap
from tests.harness import forks
from tests.harness.forks import ROOT
from tests.peers.slack import APP, BOT_TOKEN, SECRET, TEAM, SlackPeer, person, signed

ROOM: Final = "C024BE91L"
ACCOUNTS: Final = {
    name: f"U024BE7{name[:2].upper()}" for name in ("dana", "lee", "kim", "sam", "mallory")
}
"""Mallory works here too: she has an account on Slack, and is nobody's approver."""
PERSON: Final = {account: name for name, account in ACCOUNTS.items()}
APPROVERS: Final = ("dana", "lee", "kim", "sam")
GATEWAY_KEY: Final = "gateway-key-" + "g" * 24
OTHER_KEY: Final = "another-key-" + "o" * 24
RULES: Final = [
    {"name": "two", "when": {"action": "two.*"}, "ask": {"quorum": {"finance": 2}}},
    {
        "name": "room",
        "when": {"action": "room.*"},
        "ask": {"quorum": {"ops": 1}, "via": [f"slack:{ROOM}"]},
    },
    {"name": "high", "when": {"action": "high.*"}, "ask": {"quorum": {"lead": 1}, "risk": "high"}},
    {
        "name": "late",
        "when": {"action": "late.*"},
        "ask": {"quorum": {"lead": 1}, "escalate": {"after": "10m", "to": "ops"}},
    },
    {"name": "one", "when": {"action": "one.*"}, "ask": {"quorum": {"lead": 1}}},
]
GROUPS: Final = {
    "default": ["dana"],
    "lead": ["dana"],
    "finance": ["dana", "lee", "kim"],
    "ops": ["lee", "sam"],
}


def install(folder: Path, database: str, api: str, **more: Any) -> Path:
    """Write a configuration and keys into `folder`; returns the configuration's path."""
    people = {
        name: {"email": f"{ACCOUNTS[name].lower()}@example.com", "slack": ACCOUNTS[name]}
        for name in APPROVERS
    }
    file = {
        "server": {"listen": "127.0.0.1:0", "public_url": "https://approve.example.com"},
        "database": {"url": database},
        "keys": {"dir": "keys"},
        "limits": {"requests_a_minute": 100_000, "cards_a_minute": 100_000},
        "requesters": {
            "gateway": {"key": GATEWAY_KEY, "kind": "gateway"},
            "other": {"key": OTHER_KEY, "kind": "agent", "on_behalf_of": "kim", "owner": "sam"},
        },
        "channels": {
            "slack": {
                "bot_token": BOT_TOKEN,
                "signing_secret": SECRET,
                "app_id": APP,
                "team_id": TEAM,
                "api_url": api,
            }
        },
        "people": people,
        "groups": GROUPS,
        "roles": {"auditor": ["kim"]},
        "rules": RULES,
        **more,
    }
    path = folder / "countersign.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False))
    if not (folder / "keys").exists():
        keys.new(folder / "keys", now=host.clock(), random=os.urandom)
    return path


def colleagues() -> dict[str, dict[str, Any]]:
    """Everybody's account on Slack."""
    return {account: person(account) for account in ACCOUNTS.values()}


@dataclass
class Clock:
    """The time, which stands still until it is set."""

    now: Instant = field(default_factory=host.clock)

    def __call__(self) -> Instant:
        return self.now


@dataclass
class Siege:
    """A running house, the platform beside it, and what was posted there."""

    house: House
    slack: SlackPeer
    channel: Slack
    clock: Callable[[], Instant]
    http: aiohttp.ClientSession
    config: Path
    url: str
    """Of the database."""

    async def open(self, action: str, **more: Any) -> dict[str, Any]:
        """Open a request as the gateway does; its JSON."""
        body = {"action": action, **({} if "http" in more else {"payload": {"do": action}}), **more}
        async with self.http.post(f"{self.house.url}/v1/requests", json=body) as answer:
            assert answer.status == 201, await answer.text()
            return dict(await answer.json())

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Ask the API as the gateway; status and JSON."""
        async with self.http.request(method, self.house.url + path, **more) as answer:
            return answer.status, await answer.json(content_type=None)

    async def issued(self) -> list[Issued]:
        """Every button that can be seen on the platform now, in the order of the messages."""
        found: list[Issued] = []
        for (room, ts), message in self.slack.messages.items():
            card = await self.house.store.card_by_message("slack", room, ts)
            if card is None:
                continue
            for block in message["blocks"]:
                for part in block.get("elements", ()):
                    if "value" in part:
                        what = (part["text"]["text"], part["action_id"], part["value"])
                        found.append(Issued(card.request_id, *what, room, ts, deepcopy(message)))
        return found

    async def settle(self) -> None:
        """Carry out everything that is due."""
        while await self.house.outbox.drain("") + await self.house.outbox.drain("slack"):
            pass

    def tap(self, payload: Mapping[str, Any]) -> Tap:
        """What the adapter reads out of a signed interaction."""
        inbound = signed(payload, self.clock())
        event = self.channel.read(Resolved.of(self.channel.authenticate(inbound)))
        assert isinstance(event, Tap), event
        return event

    async def deliver(self, payload: Mapping[str, Any], **headers: str) -> int:
        """Send a signed interaction as Slack does; the status of the answer."""
        inbound = signed(payload, self.clock())
        url = self.house.url + "/channels/slack/events"
        sent = {**inbound.headers, **headers}
        async with self.http.post(url, data=inbound.body, headers=sent) as answer:
            await answer.read()
            return answer.status


@asynccontextmanager
async def besieged(
    folder: Path,
    database: str,
    slack: SlackPeer,
    *,
    clock: Callable[[], Instant] = host.clock,
    carry: bool = False,
    **more: Any,
) -> AsyncIterator[Siege]:
    """The service in this process. `carry` False: nothing is sent but by `settle`."""
    config = install(folder, database, slack.api, **more)
    async with serve.base(serve.configuration(config)) as on:
        plan = replace(await serve.plan(on), opens_per_second=1e6)
        channel = plan.channels["slack"]
        assert isinstance(channel, Slack)
        headers = {"Authorization": f"Bearer {GATEWAY_KEY}"}
        async with (
            running(
                plan, on.store, clock=clock, random=os.urandom, steady=clock, carry=carry
            ) as house,
            aiohttp.ClientSession(headers=headers) as http,
        ):
            yield Siege(house, slack, channel, clock, http, config, database)


@dataclass(frozen=True)
class Issued:
    """One button as it was posted: where, on which message, and who may press it."""

    request_id: str
    label: str
    action_id: str
    token: str
    room: str
    ts: str
    message: Mapping[str, Any]

    def press(self, user: str, n: int = 0, **more: Any) -> dict[str, Any]:
        """The interaction that Slack makes of a press by `user`, the `n`-th."""
        return {
            "type": "block_actions",
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM},
            "api_app_id": APP,
            "container": {"type": "message", "message_ts": self.ts, "channel_id": self.room},
            "trigger_id": f"{n}.1.x",
            "team": {"id": TEAM, "domain": "acme"},
            "channel": {"id": self.room, "name": "directmessage"},
            "message": deepcopy(dict(self.message)),
            "state": {"values": {}},
            "actions": [
                {
                    "type": "button",
                    "action_id": self.action_id,
                    "text": {"type": "plain_text", "text": self.label, "emoji": True},
                    "value": self.token,
                    "action_ts": f"1767326130.{n:06}",
                }
            ],
            **more,
        }

    def submit(self, user: str, n: int = 0) -> dict[str, Any]:
        """The interaction that Slack makes of this button's dialog, sent without a reason."""
        view = {
            "id": f"V{self.ts}{user}{n}",
            "callback_id": "reason",
            "private_metadata": f"{self.room} {self.token}",
            "state": {
                "values": {"reason": {"reason": {"type": "plain_text_input", "value": None}}}
            },
        }
        return {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "acme"},
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM},
            "api_app_id": APP,
            "trigger_id": f"{n}.2.x",
            "view": view,
        }


def audiences_of(one: Issued) -> set[str]:
    """The accounts that may press it."""
    if one.room == ROOM:
        return {ACCOUNTS[name] for name in GROUPS["ops"]}
    return {"U" + one.room[1:]}


class Served:
    """The service in a process of its own: `async with Served(config) as served`, `served.url`.

    As `countersign serve`. With a `lease` (milliseconds that a dead copy keeps its jobs) as
    `tests/harness/serving.py`: that is not for configurations. `anew`: by an interpreter of its
    own, which loads it first.
    """

    def __init__(self, config: Path, *, lease: Duration | None = None, anew: bool = False) -> None:
        started = ("approvals.cli", "serve", "--config", config)
        runner = ("tests.harness.serving", config, str(lease))
        self._command: tuple[str | Path, ...] = started if lease is None else runner
        self._anew = anew
        self._drain: asyncio.Task[str] | None = None
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    async def prepare(self) -> Served:
        """Start it; one with a lease only loads its program and touches nothing until entered."""
        env = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        env["PYTHONPATH"] = str(ROOT)
        program, *words = self._command
        self._process = forks.command(
            str(program), *words, cwd=Path.cwd(), env=env, stdin=subprocess.PIPE, anew=self._anew
        )
        return self

    async def __aenter__(self) -> Served:
        if self._process is None:
            await self.prepare()
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        read = asyncio.to_thread(self._process.stderr.readline)
        line = await asyncio.wait_for(read, 60)
        assert '"serving"' in line, line + self._process.stderr.read()
        self.url = json.loads(line)["listen"]
        self._drain = asyncio.create_task(asyncio.to_thread(self._process.stderr.read))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        await self._ended()

    async def _ended(self) -> None:
        assert self._process is not None
        await asyncio.to_thread(self._process.wait, 60)
        if self._drain is not None:
            await self._drain
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """`kill -9`: it gets to do nothing more."""
        assert self._process is not None
        self._process.kill()
        await self._ended()


def texts(blocks: Iterable[Any]) -> list[str]:
    """Every text that a person reads on a message."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("text"), str):
                found.append(node["text"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(list(blocks))
    return found


@dataclass
class Desk(SlackPeer):
    """The stand-in, which says at once what was posted and what was drawn anew."""

    posted: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    drawn: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)

    def _keep(self, room: str, ts: str, body: Any) -> dict[str, Any]:
        new = (room, ts) not in self.messages
        answer = super()._keep(room, ts, body)
        if "ts" in answer:
            (self.posted if new else self.drawn).put_nowait((room, ts))
        return answer

    def buttons(self, room: str, ts: str) -> list[Issued]:
        """What can be pressed on a message now; whose request it is only its review link says."""
        message, found, request_id = deepcopy(self.messages[room, ts]), [], ""
        for block in message["blocks"]:
            for part in block.get("elements", ()):
                if "value" in part:
                    what = (part["text"]["text"], part["action_id"], part["value"])
                    found.append(Issued("", *what, room, ts, message))
        request_id = self.request_of(room, ts)
        return [replace(one, request_id=request_id) for one in found]

    def request_of(self, room: str, ts: str) -> str:
        """The id of the request that a message is about."""
        for block in self.messages[room, ts]["blocks"]:
            for part in block.get("elements", ()):
                if "url" in part:
                    return str(part["url"]).rpartition("/")[2]
        raise LookupError(ts)

    def says(self, room: str, ts: str) -> str:
        """All the words on a message."""
        return " ".join(texts(self.messages[room, ts]["blocks"]))
