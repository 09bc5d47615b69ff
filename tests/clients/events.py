"""Events as the clients' own pages show them, and rubbish."""

from __future__ import annotations

import json
from typing import Any

COMMON = {"session_id": "s1", "transcript_path": "/t", "cwd": "/work"}
BASH: dict[str, Any] = {
    **COMMON, "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_use_id": "toolu_1",
    "tool_input": {"command": "rm -rf build"},
}  # fmt: skip
EDIT = {"file_path": "/srv/a.py", "old_string": "a = 1\n", "new_string": "a = 2\n"}
ISSUE = {"repo": "shop", "title": "Broken"}
EVENTS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "claude-code Bash": ("claude-code", BASH, "claude-code.Bash", "Bash: rm -rf build"),
    "claude-code Edit": (
        "claude-code",
        {**BASH, "tool_name": "Edit", "tool_input": EDIT},
        "claude-code.Edit",
        "a.py",
    ),
    "claude-code MCP": (
        "claude-code",
        {**BASH, "tool_name": "mcp__github__create_issue", "tool_input": ISSUE,
         "mcp_server": {"name": "github", "source": "project"}},
        "claude-code.mcp.github.create.issue",
        "tools/call create_issue",
    ),
    "claude-code PermissionRequest": (
        "claude-code",
        {**BASH, "hook_event_name": "PermissionRequest"},
        "claude-code.Bash",
        "Bash: rm -rf build",
    ),
    "codex Bash": ("codex", BASH, "codex.Bash", "Bash: rm -rf build"),
    "gemini shell": (
        "gemini",
        {**COMMON, "hook_event_name": "BeforeTool", "timestamp": "…",
         "tool_name": "run_shell_command", "tool_input": {"command": "rm -rf build"}},
        "gemini.run.shell.command",
        "run_shell_command: rm -rf build",
    ),
    "cursor shell": (
        "cursor",
        {"conversation_id": "c", "generation_id": "g", "workspace_roots": ["/work"],
         "hook_event_name": "beforeShellExecution", "command": "rm -rf build", "cwd": "/work"},
        "cursor.Shell",
        "Shell: rm -rf build",
    ),
    "cursor MCP": (
        "cursor",
        {"conversation_id": "c", "hook_event_name": "beforeMCPExecution",
         "tool_name": "create_issue", "tool_input": json.dumps(ISSUE), "command": "npx server"},
        "cursor.create.issue",
        "tools/call create_issue",
    ),
    "copilot shell": (
        "copilot",
        {"timestamp": 1, "cwd": "/work", "toolName": "bash",
         "toolArgs": json.dumps({"command": "rm -rf build"})},
        "copilot.bash",
        "bash: rm -rf build",
    ),
}  # fmt: skip

BAD: dict[str, tuple[str, str]] = {
    "nothing": ("", "it is not JSON"),
    "junk": ("{'a': 1}", "it is not JSON"),
    "a key twice": ('{"cwd": "/a", "cwd": "/b"}', "a key twice"),
    "no object": ("[]", "not an object"),
    "deep": ("[" * 100_000, "not JSON"),
    "half a character": ('{"hook_event_name": "\\ud800"}', "not JSON"),
    "another event": (json.dumps({**BASH, "hook_event_name": "Stop"}), "the event 'Stop'"),
    "no tool": (json.dumps({**BASH, "tool_name": None}), "it has no tool_name"),
    "no input": (json.dumps({**BASH, "tool_input": None}), "not an object"),
    "input that is no JSON": (json.dumps({**BASH, "tool_input": "{"}), "input is not JSON"),
    "a number that has two readings": (
        json.dumps({**BASH, "tool_input": {"n": 2**60}}),
        "not JSON",
    ),
    "1 MB of arguments": (
        json.dumps({**BASH, "tool_input": {"command": "x" * (1024 * 1024 + 1)}}),
        "Ask about less at a time",
    ),
    "9 MB": (json.dumps({**BASH, "tool_input": {"command": "x" * (9 * 1024 * 1024)}}), "too long"),
}
