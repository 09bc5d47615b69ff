"""`countersign-client terraform`: a run task of HCP Terraform that waits for a person.

https://developer.hashicorp.com/terraform/cloud-docs/api-docs/run-tasks/run-tasks-integration, and
the types of https://github.com/hashicorp/go-tfe (November 2026, read). The laws:

1. Nothing is read of a request that the run task's HMAC key did not sign. Without a key it does not
   start.
2. A run passes only on a verified approval of this run and its plan; whatever fails, fails the run.
   One that observes passes all of them, and says in the task's message that no person was asked.
3. An address out of a request is called only if its host is one that was configured: the run's
   token goes there, and nowhere else.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Final

from countersign_client.client import Client
from countersign_client.errors import Misconfigured
from countersign_client.gateways.deliveries import (
    Malformed,
    Once,
    json_object,
    lies_at,
    listen,
    taken,
)
from countersign_client.gateways.held import clients, hold
from countersign_client.logs import Line, log
from countersign_client.observe import NOBODY

KEY: Final = "COUNTERSIGN_TERRAFORM_KEY"
HOST: Final = "app.terraform.io"
STORE: Final = "archivist.terraform.io"
"""Where HCP Terraform's API sends a reader of a plan, by a redirect with a signed address."""
PLAN: Final = 64 * 1024 * 1024
WITHIN: Final = 3300
"""Seconds until the request expires: less than the hour that a task may take in all."""


def run(args: argparse.Namespace) -> int:
    """Listen until interrupted."""
    key = os.environ.get(KEY, "")
    if not key:
        raise Misconfigured(
            f"{KEY} is not set: anybody could send a run.",
            "Give the run task an HMAC key in Terraform, and set the same here.",
        )
    asking = clients(args, "terraform")
    tasks = Tasks(key.encode(), hosts={*(args.host or [HOST])}, beat=args.beat, client=asking)
    return listen(args.listen, tasks.take)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a run task is asked about. `token`: the run's own, for the answer."""

    id: str
    stage: str
    token: str = field(repr=False)
    callback: str = field(repr=False)
    plan: str | None
    message: str
    about: Mapping[str, Any]


def read(body: bytes, hosts: Collection[str]) -> Task | None:
    """A signed body; None: Terraform only tries the address. `Malformed`."""
    value = json_object(body)
    if value.get("payload_version") != 1:
        raise Malformed("its payload_version is not 1")
    if value.get("access_token") == "test-token":  # what Terraform sends when a task is set up
        return None
    texts = {
        name: value.get(name)
        for name in ("task_result_id", "stage", "access_token", "task_result_callback_url")
    }
    if not all(isinstance(one, str) and one for one in texts.values()):
        raise Malformed("it has no task_result_id, stage, access_token or task_result_callback_url")
    plan = value.get("plan_json_api_url") or None
    for address in (texts["task_result_callback_url"], plan):
        if address is not None and not lies_at(address, hosts):
            raise Malformed("an address in it is not Terraform's: see --host")
    if plan is None and texts["stage"] != "pre_plan":
        raise Malformed("it has no plan_json_api_url, and only a pre_plan has no plan")
    names = ("organization_name", "workspace_name", "run_id", "run_app_url", "is_speculative")
    more = ("run_created_by", "vcs_repo_url", "vcs_branch", "vcs_commit_url")
    return Task(
        id=str(texts["task_result_id"]),
        stage=str(texts["stage"]),
        token=str(texts["access_token"]),
        callback=str(texts["task_result_callback_url"]),
        plan=plan,
        message=str(value.get("run_message") or ""),
        about={name: value[name] for name in (*names, *more) if value.get(name) is not None},
    )


def changes(plan: Any) -> list[dict[str, Any]]:
    """What a plan would do: address and actions of each resource that it does not leave alone.

    https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
    """
    if not isinstance(plan, dict) or "format_version" not in plan:
        raise Malformed("the plan is not Terraform's JSON of a plan")
    found = []
    for one in plan.get("resource_changes") or []:
        actions = one["change"]["actions"]
        if actions != ["no-op"]:
            found.append({"address": one["address"], "actions": actions})
    return found


@dataclass(slots=True)
class Tasks:
    """Takes signed tasks, each in a thread of its own."""

    key: bytes = field(repr=False)
    hosts: Collection[str]
    beat: float
    client: Callable[[], Client]
    _once: Once = field(default_factory=Once)

    def take(self, body: bytes, headers: Message) -> int:
        """The status for Terraform. A task that comes again is taken once."""
        signature = headers.get("X-Tfc-Task-Signature", "")
        wanted = hmac.new(self.key, body, hashlib.sha512).hexdigest()
        if not hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace")):
            return 401
        return taken(lambda: read(body, self.hosts), self.decide)

    def decide(self, task: Task) -> None:
        """Ask, wait, and tell Terraform. Never raises."""
        if not self._once.first(task.id):
            return
        with self.client() as client:
            hold(client, _Run(task, self.hosts), beat=self.beat)


class _Run:
    """A run that waits for its task."""

    expires_in: int | None = WITHIN

    def __init__(self, task: Task, hosts: Collection[str]) -> None:
        self._task, self._hosts = task, hosts
        self.action, self.key = f"terraform.{task.stage}", task.id
        self.note: str | None = task.message
        self._payload: dict[str, Any] | None = None

    def payload(self) -> Any:
        if self._payload is None:  # a run's plan stays what it is
            self._payload = {**self._task.about}
            if self._task.plan is not None:
                raw = self._plan(self._task.plan)
                # Its numbers may be larger than a digest allows: it is bound by its SHA-256.
                planned = changes(json.loads(raw))
                sha256 = hashlib.sha256(raw).hexdigest()
                self._payload["plan"] = {"sha256": sha256, "changes": planned}
        return self._payload

    def waiting(self, request_id: str) -> None:
        self._tell("running", f"Waiting for a person ({request_id}).")

    def release(self, request_id: str) -> bool:
        return self._tell("passed", f"Approved by a person ({request_id}).")

    def refuse(self, why: str) -> None:
        self._tell("failed", why)

    def observed(self) -> None:
        self._tell("passed", NOBODY)

    def _tell(self, status: str, message: str) -> bool:
        import httpx  # noqa: PLC0415 - it takes longer than all of this package

        attributes = {"status": status, "message": message[:1000]}
        body = {"data": {"type": "task-results", "attributes": attributes}}
        headers = {
            "Authorization": f"Bearer {self._task.token}",
            "Content-Type": "application/vnd.api+json",
        }
        for attempt in range(4):
            try:
                answer = httpx.patch(self._task.callback, json=body, headers=headers, timeout=15)
            except httpx.InvalidURL:
                log.warning(Line("platform_not_told", why="its address cannot be called"))
                return False
            except httpx.HTTPError as error:
                log.warning(Line("platform_not_told", why=type(error).__name__))
            else:
                if answer.status_code < 300:
                    return True
                log.warning(Line("platform_not_told", status=answer.status_code))
                if answer.status_code < 500 and answer.status_code != 429:
                    return False
            if status == "running":
                return False  # there is another one soon
            time.sleep(2**attempt)
        return False

    def _plan(self, address: str) -> bytes:
        """By at most one redirect; the token goes to the first address only."""
        import httpx  # noqa: PLC0415 - as in `_tell`

        headers = {"Authorization": f"Bearer {self._task.token}"}
        for _ in range(2):
            with httpx.stream("GET", address, headers=headers, timeout=30) as answer:
                if answer.is_redirect:
                    address, headers = str(answer.headers.get("Location", "")), {}
                    if not lies_at(address, {*self._hosts, STORE}):
                        raise Malformed("the plan lies at an address that is not Terraform's")
                    continue
                if answer.status_code != 200:
                    raise Malformed(f"the plan is answered with HTTP {answer.status_code}")
                raw = bytearray()
                for piece in answer.iter_bytes():
                    raw += piece
                    if len(raw) > PLAN:
                        raise Malformed("the plan is too large")
                return bytes(raw)
        raise Malformed("the plan is redirected twice")
