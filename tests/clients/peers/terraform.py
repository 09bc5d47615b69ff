"""HCP Terraform, as far as we speak to it: a run task and what is called back."""

from __future__ import annotations

import hashlib
import hmac
import json
from queue import Queue
from typing import Any

from tests.clients.commands import Agents
from tests.clients.listening import Listening, raw
from tests.clients.peers.serving import Answers, Peer
from tests.harness.house import HANGS

KEY = "an HMAC key of a run task"
PLAN: Any = {
    "format_version": "1.2",
    "resource_changes": [
        {"address": "aws_db.main", "change": {"actions": ["delete", "create"], "before": 2**60}},
        {"address": "aws_s3.logs", "change": {"actions": ["no-op"]}},
    ],
}


class Terraform(Peer):
    """It has a plan behind a redirect, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: Queue[tuple[str, str, str]] = Queue()
        self.tokens = list[tuple[str, str | None]]()
        self.elsewhere: str | None = None
        there = self

        class Handler(Answers):
            def do_GET(self) -> None:
                there.tokens.append((self.path, self.headers.get("Authorization")))
                if self.path == "/api/v2/plans/plan-1/json-output":
                    stored = there.elsewhere or f"http://{there.host}/stored"
                    self.answer(status=307, location=stored)
                    return
                self.answer(json.dumps(PLAN).encode())

            def do_PATCH(self) -> None:
                body = json.loads(self.sent())
                said = body["data"]["attributes"]
                assert body["data"]["type"] == "task-results"
                assert self.headers["Content-Type"] == "application/vnd.api+json"
                there.tokens.append((self.path, self.headers.get("Authorization")))
                there.told.put((self.path, said["status"], said["message"]))
                self.answer()

        self.listen(Handler)

    def task(self, number: int, **changes: Any) -> dict[str, Any]:
        """A body as Terraform sends it."""
        return {
            "payload_version": 1,
            "access_token": f"token-{number}",
            "stage": "post_plan",
            "is_speculative": False,
            "task_result_id": f"taskrs-{number}",
            "task_result_callback_url": f"http://{self.host}/api/v2/task-results/{number}/callback",
            "task_result_enforcement_level": "mandatory",
            "run_id": f"run-{number}",
            "run_message": "Trust me, it is only a label.",
            "run_created_by": "mallory",
            "run_app_url": f"http://{self.host}/app/runs/{number}",
            "organization_name": "acme",
            "workspace_name": "production",
            "plan_json_api_url": f"http://{self.host}/api/v2/plans/plan-1/json-output",
            **changes,
        }

    def last(self) -> tuple[str, str]:
        """What it was told, after the signs of life."""
        while True:
            _, status, message = self.told.get(timeout=HANGS)
            if status != "running":
                return status, message


class Door(Listening):
    """The command, as HCP Terraform meets it."""

    def __init__(self, agents: Agents, terraform: Terraform, *more: str, **env: str) -> None:
        words = ("terraform", "--host", terraform.host, "--beat", "1", *more)
        super().__init__(agents, *words, **{"COUNTERSIGN_TERRAFORM_KEY": KEY, **env})

    def send(self, body: Any, signature: str | None = None) -> int:
        signed = hmac.new(KEY.encode(), raw(body), hashlib.sha512).hexdigest()
        return self.post(
            raw(body), {"X-Tfc-Task-Signature": signed if signature is None else signature}
        )
