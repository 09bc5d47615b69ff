"""Messages to an MCP proxy that are none."""

from __future__ import annotations

import json
from typing import Any

CALL: dict[str, Any] = {
    "jsonrpc": "2.0", "id": 1, "method": "tools/call",
    "params": {"name": "delete", "arguments": {"path": "a"}},
}  # fmt: skip
BAD = {
    "junk": ("tools/call", "not one JSON-RPC message"),
    "a batch": (json.dumps([CALL]), "not one JSON-RPC message"),
    "a key twice": (
        '{"jsonrpc": "2.0", "id": 1, "method": "ping", "method": "tools/call", '
        '"params": {"name": "delete", "arguments": {"path": "a"}}}',
        "not one JSON-RPC message",
    ),
    "no name": (json.dumps({**CALL, "params": {}}), "names no tool"),
    "no parameters": (json.dumps({**CALL, "params": [1]}), "names no tool"),
    "half a character": (
        json.dumps({**CALL, "params": {"name": "delete", "arguments": {"path": "\ud800"}}}),
        "not one JSON-RPC message",
    ),
    "1 MB of arguments": (
        json.dumps({**CALL, "params": {"name": "delete", "arguments": {"path": "a" * 2**20}}}),
        "nobody can be asked now",
    ),
}
