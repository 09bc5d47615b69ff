"""An installation of Countersign in a folder, its commands, and its service as a process.

`run` runs a command in this process; `process` starts one of its own, as a person would.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from approvals.cli import commands
from approvals.cli.browser import Browser
from tests.harness import forks
from tools.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
BOT: Final = "csr_bot_0123456789abcdefghij"
GATE: Final = "csr_gate_0123456789abcdefghi"
CONFIGURATION: Final = """\
server:     {listen: "127.0.0.1:%d"}
database:   {url: "%s"}
requesters:
  bot:      {key: "${BOT_KEY}", kind: agent, agents: [bot], limits: {refusals_for: never}}
  gate:     {key: "${GATE_KEY}", kind: gateway}
people:
  dana:     {email: dana@example.com}
  lee:      {}
  ada:      {}
groups:     {default: [dana], finance: [dana, lee]}
roles:      {auditor: [ada, dana]}
rules:
  - {name: reading, when: {method: GET}, ask: {quorum: {default: 1}, risk: low}}
  - {name: payouts, when: {host: api.stripe.com}, ask: {quorum: {default: 1}, risk: high}}
  - {name: two, when: {action: two}, ask: {quorum: {finance: 2}}}
"""
SECRETS: Final = {"BOT_KEY": BOT, "GATE_KEY": GATE}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """Ours, without what could be set around the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN_")}
    plain = {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    return {**kept, **plain, **more}


def run(*words: str | Path, cwd: Path, stdin: str = "", **env: str) -> Ran:
    """A command in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = dict(os.environ), sys.argv, sys.stdin
    code: Any = 0
    try:
        os.environ.clear()
        os.environ.update(environment(**env))
        sys.argv = ["countersign", *map(str, words)]
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin.encode())), "utf-8")
        with (
            contextlib.chdir(cwd),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            commands.main()
    except SystemExit as end:
        code = end.code
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        sys.argv, sys.stdin = before[1:]
    return Ran(int(code or 0), out.getvalue(), err.getvalue())


def process(*words: str | Path, cwd: Path, **env: str) -> subprocess.Popen[str]:
    """A command as a process of its own."""
    return forks.command("approvals.cli", *words, cwd=cwd, env=environment(**env))


def ended(started: subprocess.Popen[str], seconds: float = 60) -> Ran:
    """What it came to, in time."""
    out, err = started.communicate(timeout=seconds)
    return Ran(started.returncode, out, err)


def read_until(started: subprocess.Popen[str], wanted: str, seconds: float = 60) -> str:
    """What it printed on stdout up to the line that holds `wanted`."""
    assert started.stdout is not None
    text = ""
    for line in started.stdout:
        text += line
        if re.search(wanted, line):
            return text
    raise AssertionError(f"it ended without {wanted!r}: {text}")


PAUSE: Final = 0.02
"""Seconds between two looks at another process: without it we take from it what it needs."""


def listening(port: int) -> bool:
    """Does somebody? Where nobody does, after a pause: they are starting, and we ask again."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return True
    time.sleep(PAUSE)
    return False


@dataclass(slots=True)
class Installation:
    """A folder with keys and a configuration, and the service that runs on it."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = process("serve", cwd=self.folder, **SECRETS)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert json.loads(line)["event"] == "serving", line + self.process.stderr.read()

    def stop(self, number: int = signal.SIGINT) -> Ran:
        """End it; what it said since it started."""
        assert self.process is not None
        self.process.send_signal(number)
        ran = ended(self.process)
        self.process = None
        return ran

    def run(self, *words: str | Path, **more: str) -> Ran:
        """A command in the folder, as the operator."""
        return run(*words, cwd=self.folder, **SECRETS, **more)

    def by(self, token: str, *words: str | Path, stdin: str = "") -> Ran:
        """A command as somebody with this token."""
        env = {"COUNTERSIGN_URL": self.url, "COUNTERSIGN_TOKEN": token}
        return run(*words, cwd=self.folder, stdin=stdin, **env)

    def call(
        self, method: str, path: str, body: Any = None, *, key: str = BOT, **more: str
    ) -> tuple[int, Any]:
        """One API call: status, and JSON or text. `more`: headers."""

        async def send() -> tuple[int, Any]:
            headers = {"Authorization": f"Bearer {key}", **more}
            async with (
                aiohttp.ClientSession() as http,
                http.request(method, self.url + path, json=body, headers=headers) as answer,
            ):
                text = await answer.text()
                is_json = (
                    answer.content_type.endswith("json") and "ndjson" not in answer.content_type
                )
                return answer.status, json.loads(text) if is_json else text

        return asyncio.run(send())

    def ask(self, *, key: str = BOT, **body: Any) -> Any:
        """A new request, also where the same one waits already."""
        by = {} if key == GATE else {"agent": {"id": "bot"}}
        once = {"Idempotency-Key": os.urandom(8).hex()}
        status, answer = self.call("POST", "/v1/requests", {**by, **body}, key=key, **once)
        assert status == 201, answer
        return answer

    def small(self, action: str = "mail.send") -> Any:
        """A new request of medium risk."""
        return self.ask(action=action, payload={"to": "bob"})

    def token(self, person: str) -> str:
        """A personal token, made in the inbox after signing in by a link of the command line."""
        link = self.run("login-link", person).out.strip()

        async def make() -> str:
            async with Browser.opened() as browser:
                await browser.sign_in(link)
                settings = (await browser.get("/settings")).form("/settings/tokens")
                page = await browser.send(settings, {"name": os.urandom(4).hex(), "days": "7"})
                return str(re.findall(r"csp_[\w-]+", page.text)[0])

        return asyncio.run(make())


def install(folder: Path, database: str = "sqlite:///countersign.db") -> Installation:
    port = free_port()
    (folder / "countersign.yaml").write_text(CONFIGURATION % (port, database))
    assert run("keys", "new", cwd=folder).code == 0
    return Installation(folder, port)


@asynccontextmanager
async def answering(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """It listens on loopback; where."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
