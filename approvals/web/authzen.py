"""A second dialect of `POST /v1/requests`: AuthZEN's Access Request and Approval Profile, draft 1.

https://openid.github.io/authzen/authzen-access-request-approval-profile-1_0.html (June 2026). Off
unless `server.authzen` is true: it is a draft. What comes is translated into an ordinary request,
so that keys, limits, rules, digest and receipt are those of the API; the task is that request in
the profile's words. The laws:

1. What is bound is the submission as it was sent: its digest is that of an ordinary request with
   the action `TYPE.NAME` (of the resource and of the action) and the submission as its payload.
2. A task is `approved` only together with its receipt, which stands in `approval.state`.
3. The result says `reevaluate` and nothing more: the PDP decides, by the receipt.

Not checked here is the denial that a submission names: only the PDP that made it can. It has to be
there, is bound and shown, and the PDP compares it when it evaluates again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, Final, Literal, NotRequired

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import TypedDict

from approvals.evidence import rfc3339
from approvals.model import SECOND, Case, Requester, Status
from approvals.proposal import Proposal
from approvals.web.api import Api, as_json, parse, problem_of, proposed
from approvals.web.openapi import REQUESTER, Operation
from approvals.web.problems import Problem
from approvals.web.schemas import AgentBody, Body, OpenBody, RequestId, Time

PATH: Final = "/access/v1/requests"
"""Where the profile's examples have it; a PDP's metadata names it as `access_request_endpoint`."""
ERROR: Final = "urn:openid:authzen:access-request:error:"
NOTE: Final = 10_000
TaskStatus = Literal["pending", "approved", "denied", "expired", "cancelled"]
_STATUS: Final[dict[Status, TaskStatus]] = {
    Status.PENDING: "pending",
    Status.APPROVED: "approved",
    Status.DECLINED: "denied",
    Status.EXPIRED: "expired",
    Status.WITHDRAWN: "cancelled",
}
_TYPES: Final = {
    "idempotency_mismatch": "duplicate_request",
    "not_found": "unknown_task",
    "conflict": "invalid_task_state",
}
"""The profile's names for problems of ours; the others keep their own."""
Handler = Callable[[Any, web.Request], Awaitable[web.Response]]
AUTHZEN: Final[list[Operation]] = []
"""What `Dialect` answers."""
Text = Annotated[str, Field(min_length=1, max_length=100_000)]


class EntityBody(Body):
    """A subject or a resource."""

    type: Text
    id: Text
    properties: dict[str, Any] = Field(default_factory=dict)


class ActionBody(Body):
    name: Text
    properties: dict[str, Any] = Field(default_factory=dict)


class DenialBody(Body):
    """The denied evaluation, as the PDP named it."""

    evaluation_id: Text | None = None
    evaluated_at: Text | None = None
    reason: Text | None = None
    binding_token: Text | None = None
    template: Text | None = None


class ClientBody(BaseModel):
    """Who submits. `id`: which agent, where the requester has several; the rest is only shown."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    id: Text | None = None


class SubmissionBody(Body):
    """One denied evaluation. `items` and `callback` are not taken: poll, one task each."""

    subject: EntityBody
    resource: EntityBody
    action: ActionBody
    context: dict[str, Any] = Field(default_factory=dict)
    requested_access: dict[str, Any] = Field(default_factory=dict)
    denial: DenialBody = DenialBody()
    client: ClientBody = ClientBody()


class CancelBody(Body):
    """Both are the caller's words, and go nowhere."""

    reason: Text | None = None
    comment: Text | None = None


class Links(TypedDict):
    cancel: str


class Display(TypedDict):
    description: str


class Task(TypedDict):
    """A request in the profile's words."""

    id: RequestId
    status: TaskStatus
    status_endpoint: str
    links: NotRequired[Links]
    display: NotRequired[Display]


class Approval(TypedDict):
    """`state`: the receipt."""

    id: RequestId
    approved_until: Time
    approved_at: NotRequired[Time]
    state: str


class Result(TypedDict):
    mode: Literal["reevaluate"]
    approval: Approval


class TaskAnswer(TypedDict):
    """A task, and what came of it once it is approved."""

    task: Task
    result: NotRequired[Result]


def read(by: Requester, raw: bytes) -> tuple[Proposal, bool]:
    """A submission as the request that it asks for. Raises a 4xx problem."""
    body: SubmissionBody = parse(SubmissionBody, raw)
    if body.denial.evaluation_id is None and body.denial.binding_token is None:
        kind = ERROR + "invalid_denial_binding"
        raise Problem(400, kind, "`denial` has neither an evaluation_id nor a binding_token.")
    said = body.context.get("business_justification")
    try:
        ordinary = OpenBody(
            action=f"{body.resource.type}.{body.action.name}",
            payload=body.model_dump(exclude_unset=True),
            agent=AgentBody(id=body.client.id) if body.client.id else None,
            note=said[:NOTE] if isinstance(said, str) and said else None,
        )
    except ValidationError as error:
        why = "`resource.type`, `action.name` and `client.id` are names of at most 200 characters."
        raise Problem(422, "invalid_request", why) from error
    return proposed(by, ordinary)


def task(case: Case, receipt: str | None, endpoint: str) -> TaskAnswer:
    """The task handle of a request. `endpoint`: the address of `PATH`."""
    approved = case.status is Status.APPROVED
    status = "pending" if approved and receipt is None else _STATUS[case.status]
    here = f"{endpoint}/{case.id}"
    shown: Task = {"id": case.id, "status": status, "status_endpoint": here}
    if case.open:
        shown["links"] = {"cancel": f"{here}/cancel"}
    if case.reason:
        shown["display"] = {"description": case.reason}
    if not approved or receipt is None:
        return {"task": shown}
    until = rfc3339(_expiry(receipt) * SECOND)
    approval: Approval = {"id": case.id, "approved_until": until, "state": receipt}
    if case.decided_at is not None:
        approval["approved_at"] = rfc3339(case.decided_at)
    return {"task": shown, "result": {"mode": "reevaluate", "approval": approval}}


def _expiry(receipt: str) -> int:
    """When our own receipt expires, in seconds since 1970."""
    claims = receipt.split(".")[1]
    return int(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])


def _named(handler: Handler) -> Handler:
    """Problems that the profile has a name for get that name."""

    @wraps(handler)
    async def named(self: Any, request: web.Request) -> web.Response:
        try:
            return await handler(self, request)
        except Exception as error:
            known = problem_of(error)
            if known is None or known.slug not in _TYPES:
                raise
            kind = ERROR + _TYPES[known.slug]
            raise Problem(known.status, kind, known.detail, headers=known.headers) from error

    return named


TASK: Final = {200: TaskAnswer}


class Dialect:
    """The handlers; the application mounts them by `AUTHZEN` where it is on. `issuer`: the public
    address of the service."""

    def __init__(self, api: Api, issuer: str) -> None:
        self._api, self._endpoint = api, issuer + PATH

    @Operation(
        AUTHZEN,
        "POST",
        PATH,
        REQUESTER,
        TASK | {201: TaskAnswer, 202: TaskAnswer},
        body=SubmissionBody,
    )
    @_named
    async def submit_access_request(self, request: web.Request) -> web.Response:
        """Submit a denied evaluation. 202: it waits for an approver; 201: it is decided already;
        200: it was submitted before."""
        case, receipt, created = await self._api.opened(request, read)
        status = 200 if not created else 202 if case.open else 201
        answer = self._answer(case, receipt, status)
        if created:
            answer.headers["Location"] = f"{self._endpoint}/{case.id}"
        return answer

    @Operation(AUTHZEN, "GET", f"{PATH}/{{id}}", REQUESTER, TASK)
    @_named
    async def read_access_request(self, request: web.Request) -> web.Response:
        """Read a task."""
        return self._answer(*await self._api.owned(request))

    @Operation(
        AUTHZEN, "POST", f"{PATH}/{{id}}/cancel", REQUESTER, TASK, body=CancelBody, optional=True
    )
    @_named
    async def cancel_access_request(self, request: web.Request) -> web.Response:
        """Cancel a task."""
        return self._answer(await self._api.withdrawn(request, CancelBody), None)

    def _answer(self, case: Case, receipt: str | None, status: int = 200) -> web.Response:
        return as_json(task(case, receipt, self._endpoint), status)
