"""OpenClaw, as far as we speak to it: the command that lists and resolves its approvals."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

COMMAND = """#!{python} -I
import json, os, sys, urllib.request
assert not [name for name in os.environ if name.startswith("COUNTERSIGN_")]
said = urllib.request.urlopen("http://127.0.0.1:{port}/", json.dumps(sys.argv[1:]).encode())
code, text = json.load(said)
print(text, file=sys.stderr if code else sys.stdout)
sys.exit(code)
"""


class OpenClaw:
    """It holds approvals, and keeps how each was resolved."""

    def __init__(self, folder: Path) -> None:
        self.held = list[dict[str, Any]]()
        self.resolved = Queue[list[str]]()
        self.away = False
        there = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                words = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(there.answer(words)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever).start()
        self.command = folder / "openclaw"
        port = self.server.server_port
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
