"""n8n, as far as we speak to it: a workflow that sends a step and waits for its verdict."""

from __future__ import annotations

import json
from queue import Queue
from typing import Any

from tests.clients.commands import Agents
from tests.clients.listening import Listening, raw
from tests.clients.peers.serving import Answers, Peer

KEY = "the value of a header"
PAYLOAD = {"to": "ACME GmbH", "cents": 1_240_000}


class N8n(Peer):
    """Its executions wait, unless they are among `running`; it keeps what resumed them."""

    def __init__(self) -> None:
        self.resumed = Queue[tuple[str, dict[str, Any]]]()
        self.running = set[str]()
        self.elsewhere: str | None = None
        there = self

        class Handler(Answers):
            def do_POST(self) -> None:
                body = json.loads(self.sent())
                status = 200
                if self.headers.get("Authorization") != f"Bearer {KEY}":
                    status = 403
                elif self.path in there.running:  # as n8n does before the Wait node is reached
                    there.running.discard(self.path)
                    status = 409
                elif there.elsewhere:
                    status = 302
                else:
                    there.resumed.put((self.path, body))
                self.answer(status=status, location=there.elsewhere)

        self.listen(Handler)

    def step(self, number: int, **changes: Any) -> dict[str, Any]:
        """What the workflow's HTTP Request node posts."""
        return {
            "id": f"{number}-0",
            "action": "payouts.create",
            "payload": {**PAYLOAD, "invoice": number},
            "resume_url": f"http://{self.host}/webhook-waiting/{number}/pay",
            **changes,
        }


class Door(Listening):
    """The command, as a workflow meets it."""

    def __init__(self, agents: Agents, n8n: N8n, *more: str, **env: str) -> None:
        words = ("n8n", "--host", n8n.host, *more)
        super().__init__(agents, *words, **{"COUNTERSIGN_N8N_KEY": KEY, **env})

    def send(self, body: Any, authorization: str = f"Bearer {KEY}") -> int:
        return self.post(raw(body), {"Authorization": authorization})
