"""OpenClaw, as far as we speak to it: the command that lists and resolves its approvals."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from queue import Queue
from typing import Any

from tests.clients.peers.serving import Answers, Peer

COMMAND = """#!{python} -I
import json, os, sys, urllib.request
assert not [name for name in os.environ if name.startswith("COUNTERSIGN_")]
said = urllib.request.urlopen("http://127.0.0.1:{port}/", json.dumps(sys.argv[1:]).encode())
code, text = json.load(said)
print(text, file=sys.stderr if code else sys.stdout)
sys.exit(code)
"""


class OpenClaw(Peer):
    """It holds approvals, and keeps how each was resolved."""

    def __init__(self, folder: Path) -> None:
        self.held = list[dict[str, Any]]()
        self.resolved = Queue[list[str]]()
        self.away = False
        there = self

        class Handler(Answers):
            def do_POST(self) -> None:
                words = json.loads(self.sent())
                self.answer(json.dumps(there.answer(words)).encode())

        self.listen(Handler)
        self.command = folder / "openclaw"
        port = self.host.rpartition(":")[2]
        self.command.write_text(COMMAND.format(python=sys.executable, port=port))
        self.command.chmod(0o700)

    def answer(self, words: list[str]) -> tuple[int, str]:
        """As https://docs.openclaw.ai/cli/approvals has it."""
        if self.away:
            return 1, "Gateway not reachable at ws://127.0.0.1:18789 (ECONNREFUSED)."
        if words == ["approvals", "pending", "--json"]:
            return 0, json.dumps({"approvals": self.held})
        assert words[:2] == ["approvals", "resolve"], words
        left = [one for one in self.held if one["id"] != words[2]]
        if len(left) == len(self.held):
            return 1, "Approval not found."
        self.held = left
        self.resolved.put(words[2:])
        return 0, f"Approval {words[2]} resolved."

    def hold(self, id_: str, summary: str, kind: str = "exec") -> None:
        now = int(time.time() * 1000)
        times = {"createdAtMs": now, "expiresAtMs": now + 600_000}
        about = {"agentId": "main", "sessionKey": "agent:main:main"}
        self.held.append({"id": id_, "kind": kind, **about, **times, "summary": summary})
