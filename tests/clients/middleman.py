"""Someone between a door and the real service: they pass on, or drop, forge, steal and replay."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx

from tests.clients.commands import Agents

_PASSED: Final = ("authorization", "content-type", "idempotency-key")


class Does(StrEnum):
    """To every call of the door."""

    PASSES = "passes it on"
    DROPS = "drops it"
    CHANGES_KEY = "puts another requester's key in"
    STEALS = "puts an earlier receipt in"
    REPLAYS = "answers as it did to the first"


class Middleman:
    """Whatever is opened through it, Dana approves at once."""

    def __init__(self, agents: Agents, http: httpx.Client) -> None:
        self.does, self.agents, self._http = Does.PASSES, agents, http
        self.first = dict[str, Any]()
        """What the service answered to the first request: to its `POST`, and to its last `GET`."""
        there = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if there.does is Does.DROPS:
                    self.close_connection = True
                    return
                sent = {name: self.headers[name] for name in _PASSED if name in self.headers}
                status, value = there.answer(self.command, self.path, sent, body)
                raw = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_DELETE = _answer

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any]:
        opens, reads = path == "/v1/requests", method == "GET" and path.startswith("/v1/requests/")
        if self.does is Does.REPLAYS and (opens or reads):
            return 200, self.first["opened" if opens else "read"]
        if self.does is Does.CHANGES_KEY:
            headers = {**headers, "authorization": "Bearer csr_of_another_service"}
        there = self._http.request(
            method, self.agents.place.url + path, headers=headers, content=body, timeout=60
        )
        value = there.json() if there.content else {}
        if opens and there.is_success:
            self.first.setdefault("opened", value)
            if value["status"] == "pending":
                self.agents.place.call(
                    "POST", f"/v1/requests/{value['id']}/decision",
                    {"choice": "approve", "digest": value["digest"]}, key=self.agents.token,
                )  # fmt: skip
        if reads and value.get("receipt"):
            stolen = self.first.setdefault("read", value)["receipt"]
            if self.does is Does.STEALS:
                value = {**value, "receipt": stolen}
        return there.status_code, value


@contextmanager
def between(agents: Agents) -> Iterator[Middleman]:
    with httpx.Client(trust_env=False) as http:
        made = Middleman(agents, http)
        thread = threading.Thread(target=made.server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            made.server.shutdown()
            made.server.server_close()
            thread.join()
