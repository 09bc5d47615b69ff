"""`countersign-client n8n`: a workflow of n8n that waits for a person, and is resumed.

A node of the workflow posts what it is about to do, a Wait node (*On Webhook Call*) waits, and the
verdict is posted to its resume URL:
https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-base.wait/, and n8n's
`packages/cli/src/webhooks/waiting-webhooks.ts` (November 2026, read). The laws:

1. Nothing is read of a delivery without the shared key. Without a key it does not start.
2. A workflow reads `approved: true` only after a verified approval of the payload that stands
   beside it; whatever fails reads `approved: false`. From a door that observes, it reads
   `observed: true` too, a reason, and no `request_id`: nobody was asked.
3. The key goes to resume URLs of the configured hosts only, and no redirect is followed.
"""

from __future__ import annotations

import argparse
import hmac
import os
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from email.message import Message
from hashlib import sha256
from typing import Any, Final

from countersign_client.client import Client
from countersign_client.errors import Misconfigured
from countersign_client.gateways.deliveries import Malformed, json_object, lies_at, listen, taken
from countersign_client.gateways.held import clients, hold
from countersign_client.logs import Line, log
from countersign_client.observe import NOBODY
from countersign_client.protocol import POLL

KEY: Final = "COUNTERSIGN_N8N_KEY"
PAUSES: Final = (0.5, 1, 2, 4, 8, 16)
"""Seconds between attempts to resume. n8n answers 409 until the Wait node has been reached."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def run(args: argparse.Namespace) -> int:
    """Listen until interrupted."""
    key = os.environ.get(KEY, "")
    if not key:
        raise Misconfigured(
            f"{KEY} is not set: anybody could ask, and resume a workflow.",
            "Make a Header Auth credential in n8n, and set its value, after `Bearer `, here.",
        )
    asking = clients(args, "n8n")
    return listen(args.listen, Workflows(key, {*args.host}, asking).take)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a workflow is about to do. `id`: of this execution and item."""

    id: str
    action: str
    payload: Any
    resume: str = field(repr=False)
    note: str | None = None


def read(body: bytes, hosts: Collection[str]) -> Step:
    """A delivery with the key. `Malformed`."""
    value = json_object(body)
    wanted = {"id", "action", "payload", "resume_url"}
    if not wanted <= {*value} <= {*wanted, "note"}:
        raise Malformed("it has other fields than id, action, payload, resume_url and note")
    if not isinstance(value["id"], str) or not 0 < len(value["id"]) <= 200:
        raise Malformed("its id is not a text of at most 200 characters")
    if not isinstance(value["action"], str) or not _NAME.fullmatch(value["action"]):
        raise Malformed("its action is not a name of letters, digits, dots, - and _")
    note = value.get("note")
    if note is not None and not isinstance(note, str):
        raise Malformed("its note is not a text")
    if not lies_at(value["resume_url"], hosts):
        raise Malformed("its resume_url is not n8n's: see --host")
    return Step(
        id=value["id"], action=value["action"], payload=value["payload"], note=note,
        resume=value["resume_url"],
    )  # fmt: skip


@dataclass(slots=True)
class Workflows:
    """Takes deliveries with the key, each in a thread of its own."""

    key: str = field(repr=False)
    hosts: Collection[str]
    client: Callable[[], Client]

    def take(self, body: bytes, headers: Message) -> int:
        """The status for n8n. A delivery that comes again takes up the same request."""
        given = headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(f"Bearer {self.key}".encode(), given):
            return 401
        return taken(lambda: read(body, self.hosts), self.decide, status=202)

    def decide(self, step: Step) -> None:
        """Ask, wait, and resume the workflow. Never raises."""
        with self.client() as client:
            hold(client, _Waiting(step, self.key), beat=POLL)


class _Waiting:
    """A workflow before a step."""

    expires_in: int | None = None

    def __init__(self, step: Step, key: str) -> None:
        self._step, self._key = step, key
        self.action = f"n8n.{step.action}"
        self.note: str | None = step.note
        self.key = sha256(f"n8n:{step.id}".encode()).hexdigest()

    def payload(self) -> Any:
        return self._step.payload

    def waiting(self, request_id: str) -> None:
        """n8n waits by itself."""

    def release(self, request_id: str) -> bool:
        # With the payload, for the workflow to use: what runs is then what was approved.
        return self._resume(approved=True, request_id=request_id, payload=self._step.payload)

    def refuse(self, why: str) -> None:
        self._resume(approved=False, reason=why)

    def observed(self) -> None:
        # `approved`, since that is what a workflow goes on by.
        self._resume(approved=True, observed=True, reason=NOBODY, payload=self._step.payload)

    def _resume(self, **verdict: Any) -> bool:
        import httpx  # noqa: PLC0415 - it takes longer than all of this package

        body = {"id": self._step.id, "action": self._step.action, **verdict}
        headers = {"Authorization": f"Bearer {self._key}"}
        for pause in (*PAUSES, None):
            try:
                answer = httpx.post(self._step.resume, json=body, headers=headers, timeout=15)
            except httpx.HTTPError as error:
                log.warning(Line("platform_not_told", why=type(error).__name__))
            else:
                if answer.is_success:
                    return True
                log.info(Line("platform_not_told", status=answer.status_code))
                if answer.status_code < 500 and answer.status_code not in (404, 409, 429):
                    break
            if pause is not None:
                time.sleep(pause)
        log.warning(Line("workflow_not_resumed"))
        return False
