"""How coding agents speak to their hooks: one `Dialect` each. Pure.

What they send is turned into an action whose payload the service can read: a shell command, an edit
of files or a call of MCP gets a title and facts of its own there. The whole input is bound, and the
folder in which it would run. Sources, November 2026:

Claude Code: https://code.claude.com/docs/en/hooks · Codex: https://developers.openai.com/codex/hooks
· Gemini CLI: https://geminicli.com/docs/hooks/reference · Cursor: https://cursor.com/docs/hooks ·
Copilot: https://docs.github.com/en/copilot/reference/hooks-reference. Claude Code's was run against
the program, in the tests, and Gemini CLI's by hand; the others were read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from countersign_client.digest import read_json


class Malformed(Exception):
    """This is no event that can be asked about. It blocks."""


class Moment(Enum):
    """BEFORE a tool runs, it is asked about; AFTER, the outcome is reported."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A tool call. `call`: unique to it, or None; the same call asks once, however often. `note`:
    what the model says of its command, which runs nothing and is no part of what is approved."""

    moment: Moment
    action: str
    payload: dict[str, Any]
    call: str | None
    name: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One client. `before`, `after`: its names of events."""

    name: str
    before: frozenset[str]
    after: frozenset[str]

    def read(self, event: Mapping[str, Any]) -> Event:
        """What a hook was sent. `Malformed`."""
        name = event.get("hook_event_name")
        if name is None and self.name == "copilot":
            name = "preToolUse"  # its command hooks are not told their event
        if isinstance(name, str) and name in self.before:
            moment = Moment.BEFORE
        elif isinstance(name, str) and name in self.after:
            moment = Moment.AFTER
        else:
            raise Malformed(f"the event {_short(name)} is none that this hook can decide")
        tool, given = self._tool(event)
        note = None
        if isinstance(given.get("command"), str) and isinstance(given.get("description"), str):
            note = given["description"] or None
            given = {name: value for name, value in given.items() if name != "description"}
        return Event(
            moment=moment,
            action=f"{self.name}.{_identifier(tool)}",
            payload=_payload(tool, given, _text(event, "cwd"), self._server(event)),
            call=self._call(event),
            name=str(name),
            note=note,
        )

    def allow(self, event: str) -> str:
        """What lets the call through. It never changes the call's input."""
        return self._answer(event, allowed=True, why="Approved by a person in Countersign.")

    def deny(self, event: str, why: str) -> str:
        """What keeps it from running; the model reads `why`."""
        return self._answer(event, allowed=False, why=why)

    def _answer(self, event: str, *, allowed: bool, why: str) -> str:
        word = "allow" if allowed else "deny"
        said: dict[str, Any]
        match self.name:
            case "claude-code" | "codex" if event == "PermissionRequest":
                decision = {"behavior": word} | ({} if allowed else {"message": why})
                said = {"hookSpecificOutput": {"hookEventName": event, "decision": decision}}
            case "claude-code" | "codex":
                decision = {"permissionDecision": word, "permissionDecisionReason": why}
                said = {"hookSpecificOutput": {"hookEventName": event, **decision}}
            case "gemini":
                said = {"decision": word} | ({} if allowed else {"reason": why})
            case "cursor":
                said = {"permission": word}
                said |= {} if allowed else {"user_message": why, "agent_message": why}
            case _:
                said = {"permissionDecision": word, "permissionDecisionReason": why}
        return json.dumps(said)

    def _tool(self, event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        if self.name == "cursor" and event.get("hook_event_name") == "beforeShellExecution":
            return "Shell", {"command": _required(event, "command")}
        tool = _required(event, "toolName" if self.name == "copilot" else "tool_name")
        given = event.get("toolArgs" if self.name == "copilot" else "tool_input")
        if isinstance(given, str):  # Cursor and Copilot send some as the text of JSON
            try:
                given = read_json(given)
            except ValueError:
                raise Malformed("the tool's input is not JSON") from None
        if not isinstance(given, dict):
            raise Malformed("the tool's input is not an object")
        return tool, given

    def _server(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Which MCP server it is, as far as the client says. What it runs or where is bound too."""
        match self.name:
            case "claude-code" | "codex":
                named = event.get("mcp_server")
            case "gemini":
                named = event.get("mcp_context")
            case "cursor" if event.get("hook_event_name") == "beforeMCPExecution":
                named = {name: event[name] for name in ("url", "command") if name in event}
            case _:
                named = None
        found = named if isinstance(named, dict) else {}
        # As `command` it would be read as what this call runs, and it is what the server was
        # started with.
        return {"started_by" if name == "command" else name: one for name, one in found.items()}

    def _call(self, event: Mapping[str, Any]) -> str | None:
        session, call = event.get("session_id"), event.get("tool_use_id")
        if isinstance(session, str) and isinstance(call, str) and call:
            return f"{self.name}:{session}:{call}"
        return None


DIALECTS: Final[Mapping[str, Dialect]] = {
    name: Dialect(name, frozenset(before), frozenset(after))
    for name, before, after in (
        ("claude-code", ("PreToolUse", "PermissionRequest"), ("PostToolUse",)),
        ("codex", ("PreToolUse", "PermissionRequest"), ("PostToolUse",)),
        ("gemini", ("BeforeTool",), ()),
        ("cursor", ("preToolUse", "beforeShellExecution", "beforeMCPExecution"), ()),
        ("copilot", ("preToolUse",), ()),
    )
}


def _payload(
    tool: str, given: dict[str, Any], cwd: str | None, server: dict[str, Any]
) -> dict[str, Any]:
    where = {"cwd": cwd} if cwd else {}
    named = re.fullmatch(r"(?:mcp__|MCP:)(.+?)(?:__|:)(.+)", tool)
    if named is None and not server:
        return {"tool_name": tool, "tool_input": given, **where}
    server = server or ({"name": named[1]} if named else {})
    return {  # as the call goes over the wire, so that it is read as one
        "jsonrpc": "2.0",
        "method": "tools/call",
        "params": {"name": named[2] if named else tool, "arguments": given},
        "server": server,
        **where,
    }


def _identifier(tool: str) -> str:
    """A tool's name as part of an action: rules match it, and a card may show it."""
    return re.sub(r"[^A-Za-z0-9]+", ".", tool).strip(".")[:100] or "tool"


def _required(event: Mapping[str, Any], name: str) -> str:
    value = _text(event, name)
    if not value:
        raise Malformed(f"it has no {name}")
    return value


def _text(event: Mapping[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) else None


def _short(value: object) -> str:
    return repr(value)[:60]
