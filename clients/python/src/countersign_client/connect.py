"""`countersign-client connect`: write the hook into a coding agent's settings, and take it out.

Settings of others are merged, never replaced; the file as it was is kept beside it. A client that
lets a call through when a hook fails is named for it: what cannot be held is said, not hidden.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from countersign_client import settings
from countersign_client.client import Client
from countersign_client.digest import read_json
from countersign_client.errors import CountersignError, Misconfigured, printable
from countersign_client.logs import say
from countersign_client.observe import FLAG
from countersign_client.receipt import thumbprints

CANNOT: Final = 5
MARK: Final = "countersign_client hook --client"
"""What the hook's command has in it: so it is found again."""
WATCH: Final = "--observe"
ON_FAILURE: Final = (2, 1, 295)
"""The first Claude Code that knows `onFailure` (8 October 2026); an older one ignores it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A coding agent. `file`: its settings, from the user's home. `program`: its command, or "".

    `before`, `after`: its events. `tools`: what is held unless another pattern is given. `within`:
    seconds that a hook may take there; `timeout`: how its settings say so, or None. `warning`:
    what this client does not hold, in words.
    """

    title: str
    file: str
    home: str
    program: str
    before: tuple[str, ...]
    after: tuple[str, ...] = ()
    tools: str = ""
    within: int = 3600
    timeout: tuple[str, int] | None = None
    grouped: bool = True
    extra: Mapping[str, Any]
    warning: str = ""


_EXITS: Final = "Where it stops a hook for its time, the call may run: the request expires before."
AGENTS: Final[Mapping[str, Agent]] = {
    "claude-code": Agent(
        title="Claude Code", file=".claude/settings.json", home="CLAUDE_CONFIG_DIR",
        program="claude", before=("PreToolUse",), after=("PostToolUse",),
        tools="Bash|Edit|Write|MultiEdit|NotebookEdit|mcp__.*", timeout=("timeout", 3600),
        extra={"onFailure": "block"},
    ),
    "codex": Agent(
        title="Codex", file=".codex/hooks.json", home="CODEX_HOME", program="codex",
        before=("PreToolUse",), after=("PostToolUse",), tools="Bash|apply_patch|mcp__.*",
        timeout=("timeout", 3600), extra={},
        warning=f"Trust the hook in Codex (/hooks): until then it is skipped. {_EXITS}",
    ),
    "gemini": Agent(
        title="Gemini CLI", file=".gemini/settings.json", home="", program="gemini",
        before=("BeforeTool",), tools="run_shell_command|write_file|replace|mcp__.*",
        timeout=("timeout", 3_600_000), extra={}, warning=_EXITS,
    ),
    "cursor": Agent(
        # Its limit is given in seconds by some sources and in milliseconds by others (November
        # 2026): this number is half an hour or more in both, and no overflow of a timer.
        title="Cursor", file=".cursor/hooks.json", home="", program="",
        before=("beforeShellExecution", "beforeMCPExecution"), within=1800,
        timeout=("timeout", 2_000_000), grouped=False, extra={"failClosed": True},
        warning="File edits are not held: Cursor tells of them after they are made.",
    ),
    "copilot": Agent(
        title="Copilot CLI", file=".copilot/hooks/countersign.json", home="", program="copilot",
        before=("preToolUse",), timeout=("timeoutSec", 3600), grouped=False,
        extra={"type": "command"}, warning=f"Every tool is held, reads too. {_EXITS}",
    ),
}  # fmt: skip


def add(commands: Any) -> None:
    """The command's part of the command line."""
    parser = commands.add_parser("connect", help="hold the tools of a coding agent")
    parser.add_argument("client", choices=(*AGENTS, "all", "status"))
    parser.add_argument("--remove", action="store_true", help="take it out again")
    parser.add_argument("--tools", metavar="PATTERN", help="which tools are asked about")
    parser.add_argument("--file", type=Path, help="another settings file, like one of a project")
    parser.add_argument("--tap", action="store_true", help="ask for one real approval, as a trial")
    parser.add_argument("--observe", action="store_true", help=FLAG)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Connect, disconnect, or say how things stand."""
    if args.client == "status":
        if args.remove or args.tools or args.file or args.tap or args.observe:
            raise Misconfigured("`connect status` takes no options.", "Leave them out.")
        return _status()
    if args.tools:
        _pattern(args.tools)
    names = [*AGENTS] if args.client == "all" else [args.client]
    if args.client == "all" and (args.file or args.tools):
        raise Misconfigured("--file and --tools go with one client.", "Name it instead of `all`.")
    if args.remove:
        for name in names:
            _remove(name, args.file or _file(name))
        return 0
    if args.client == "all":
        names = [name for name in names if _present(name)]
        if not names:
            raise Misconfigured(
                "No coding agent was found here.", f"Name one: {', '.join(AGENTS)}."
            )
    if not args.observe:  # which asks nobody
        _prove(tap=args.tap)
    for name in names:
        _connect(name, args.file or _file(name), args.tools, observe=args.observe)
    return 0


def _pattern(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise Misconfigured(
            f"--tools is no pattern: {error}.",
            "It is a regular expression, like 'Bash|mcp__.*'; one that is none would hold nothing.",
        ) from None


def command(name: str, *, observe: bool = False) -> str:
    """What the client runs. `-P` keeps a folder that the agent works in off the import path, and a
    start that fails blocks as well."""
    words = [sys.executable, "-P", "-m", *MARK.split(), name, "--within", str(AGENTS[name].within)]
    if observe:
        return f"{shlex.join(words)} {WATCH} || exit 0"
    return f"{shlex.join(words)} || exit 2"


def _connect(name: str, path: Path, tools: str | None, *, observe: bool) -> None:
    agent = AGENTS[name]
    if tools and not agent.tools:
        raise Misconfigured(f"{agent.title} has no pattern of tools.", "Leave --tools out.")
    before = _read(path)
    after = _without(before)
    hooks = after["hooks"] = after.get("hooks") or {}
    if not agent.grouped:
        after.setdefault("version", 1)
    for event in agent.before if observe else (*agent.before, *agent.after):
        hooks.setdefault(event, []).append(_entry(name, event, tools, observe=observe))
    _write(path, before, after)
    which = tools or agent.tools or "every tool that it tells of"
    say(f"✓ {agent.title} {'holds nothing, and records' if observe else 'asks before'} {which}")
    say(f"  in {path}")
    if observe:
        say("  `countersign-client observed` counts what would have been asked")
        return
    for line in _warnings(name):
        say(f"  ! {line}")


def _entry(name: str, event: str, tools: str | None, *, observe: bool) -> dict[str, Any]:
    agent, line = AGENTS[name], command(name, observe=observe)
    run: dict[str, Any] = {"bash" if name == "copilot" else "command": line}
    if agent.timeout is not None:
        run[agent.timeout[0]] = agent.timeout[1]
    if event in agent.before:
        # Without what makes a hook's failure block: watching holds nothing up.
        kept = ("type",) if observe else agent.extra
        run |= {name: value for name, value in agent.extra.items() if name in kept}
    if not agent.grouped:
        return run
    return {"matcher": tools or agent.tools, "hooks": [{"type": "command", **run}]}


def _remove(name: str, path: Path) -> None:
    before = _read(path)
    after = _without(before)
    if after == before:
        say(f"  {AGENTS[name].title}: nothing to remove in {path}")
        return
    _write(path, before, after)
    say(f"✓ {AGENTS[name].title} asks no more ({path})")


def _without(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without our hooks; everything else as it was."""
    kept = json.loads(json.dumps(given))
    hooks = kept.get("hooks")
    if hooks is None:
        return dict(kept)
    if not isinstance(hooks, dict) or not all(isinstance(one, list) for one in hooks.values()):
        raise Misconfigured("`hooks` in the settings is not of this client's shape.", "Fix it.")
    for event, entries in [*hooks.items()]:
        left = []
        for entry in entries:
            if not isinstance(entry, dict) or MARK not in json.dumps(entry):
                left.append(entry)
            elif isinstance(entry.get("hooks"), list):
                others = [one for one in entry["hooks"] if MARK not in json.dumps(one)]
                left += [{**entry, "hooks": others}] if others else []
        if left:
            hooks[event] = left
        else:
            del hooks[event]
    if not hooks:
        del kept["hooks"]
    return dict(kept)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        # Written back, a key that stands twice, a NaN or a comment would be lost.
        why = getattr(error, "strerror", None) or str(error)
        raise Misconfigured(
            f"{path} cannot be read as JSON ({why}), and is left as it is.",
            "Fix it, then try again.",
        ) from error
    if not isinstance(value, dict):
        raise Misconfigured(f"{path} is not an object.", "Fix it, then try again.")
    return value


def _write(path: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """All or nothing, with the file as it was beside it."""
    if after == before:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The file as it was, and not as an earlier `connect` left it.
        if path.exists() and not _ours(before.get("hooks")):
            shutil.copy2(path, path.with_name(f"{path.name}.before-countersign"))
        target = path.resolve()  # a link to a file in a repository of settings stays one
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
        try:
            text = json.dumps(after, indent=2, ensure_ascii=False) + "\n"
            beside.write_text(text, encoding="utf-8")
            if target.exists():
                shutil.copymode(target, beside)
                _give(beside, target)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be written: {error.strerror}.", "It is as it was."
        ) from error


def _give(made: Path, old: Path) -> None:
    """It stays its owner's, also where another user connects, like root: an agent that cannot read
    its settings has no hook. `OSError`: this user may not."""
    if (user := _owner(old))[0] != _owner(made)[0]:
        shutil.chown(made, *user)


def _owner(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_uid, about.st_gid


def _prove(*, tap: bool) -> None:
    """Is the service there, is the pinned key its own, and may this key ask?"""
    with Client(settings.Service.from_environment(), patience=0, observe=False) as client:
        _pinned(client)
        about: dict[str, Any] = {
            "action": "countersign-client.hello",
            "payload": {"hello": "A trial of `countersign-client connect`. It runs nothing."},
        }
        if tap:
            say("Please approve the trial that you were just sent.")
            client.ask(**about, expires_in=600).require()
            say("✓ Approved, and the receipt verifies.")
            return
        opened = client.open(**about, key=uuid.uuid4().hex)
        if opened.status != "pending":
            why = printable(opened.reason or opened.status)
            raise Misconfigured(
                f"A trial request was not let wait for anybody: {why}.",
                "Give this requester a rule with approvers in the service's configuration.",
            )
        client.withdraw(opened.id)
    say("✓ The service takes requests, and has the pinned key (a trial was opened and withdrawn)")


def _pinned(client: Client) -> None:
    found = thumbprints(client.published())
    requester, issuer, _ = client.identity()
    service = client.service
    if service.receipt_key not in found:
        why = "does not have the receipt key that is pinned here"
    elif requester != service.requester:
        why = f"calls this key {printable(requester)!r} and not {service.requester!r}"
    elif issuer != service.issuer:
        why = f"signs as {printable(issuer)!r} and not {service.issuer!r}"
    else:
        return
    raise Misconfigured(
        f"The service {why}: every approval would be refused.", "Run `countersign-client pin`."
    )


def _status() -> int:
    code = 0
    try:
        with Client(settings.Service.from_environment(), patience=0, observe=False) as client:
            _pinned(client)
            say(f"✓ service       {client.service.url}, as {client.service.requester}")
    except CountersignError as error:
        say(f"✗ service       {printable(str(error))}")
        code = CANNOT
    for name, agent in AGENTS.items():
        path = _file(name)
        try:
            ours = _ours(_read(path).get("hooks"))
        except Misconfigured as error:
            say(f"✗ {name:<13} {printable(str(error))}")
            code = CANNOT
            continue
        if not ours:
            say(f"  {name:<13} not connected" + ("" if _present(name) else ", not found here"))
            continue
        if any(WATCH in one for one in ours):
            say(f"  {name:<13} {path} (holds nothing, records)")
            continue
        say(f"✓ {name:<13} {path}")
        for line in _warnings(name):
            say(f"  ! {agent.title}: {line}")
    return code


def _ours(value: Any) -> list[str]:
    """Our commands, wherever they stand in the hooks."""
    if isinstance(value, str):
        return [value] if MARK in value else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for one in inner for found in _ours(one)]


def _file(name: str) -> Path:
    agent = AGENTS[name]
    given = os.environ.get(agent.home) if agent.home else None
    return Path(given) / Path(agent.file).name if given else settings.home() / agent.file


def _present(name: str) -> bool:
    agent = AGENTS[name]
    return bool(agent.program and shutil.which(agent.program)) or _file(name).exists()


def _warnings(name: str) -> list[str]:
    """What this client does not hold."""
    agent, found = AGENTS[name], []
    if agent.warning:
        found.append(agent.warning)
    if name == "claude-code":
        version = _version(agent.program)
        wanted = ".".join(map(str, ON_FAILURE))
        if version is None:
            found.append(
                f"`{agent.program}` was not found: a Claude Code older than {wanted} lets a call "
                "run when a hook fails or times out."
            )
        elif version < ON_FAILURE:
            found.append(
                f"This Claude Code is {'.'.join(map(str, version))}. Before {wanted} it lets a "
                "call run when a hook fails or times out: update it."
            )
    return found


def _version(program: str) -> tuple[int, ...] | None:
    path = shutil.which(program)
    if path is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - the program that is connected
            [path, "--version"], capture_output=True, text=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", said.stdout)
    return tuple(map(int, found.groups())) if found else None
