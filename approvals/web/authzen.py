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
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from approvals.evidence import rfc3339
from approvals.model import SECOND, Case, Requester, Status
from approvals.proposal import Proposal
from approvals.web.api import AgentBody, Api, OpenBody, parse, problem_of, proposed
from approvals.web.problems import Problem

PATH: Final = "/access/v1/requests"
"""Where the profile's examples have it; a PDP's metadata names it as `access_request_endpoint`."""
ERROR: Final = "urn:openid:authzen:access-request:error:"
NOTE: Final = 10_000
_STATUS: Final = {
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
Handler = Callable[[web.Request], Awaitable[web.Response]]
Text = Annotated[str, Field(min_length=1, max_length=100_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EntityBody(_Body):
    """A subject or a resource."""

    type: Text
    id: Text
    properties: dict[str, Any] = Field(default_factory=dict)


class ActionBody(_Body):
    name: Text
    properties: dict[str, Any] = Field(default_factory=dict)


class DenialBody(_Body):
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


class SubmissionBody(_Body):
    """One denied evaluation. `items` and `callback` are not taken: poll, one task each."""

    subject: EntityBody
    resource: EntityBody
    action: ActionBody
    context: dict[str, Any] = Field(default_factory=dict)
    requested_access: dict[str, Any] = Field(default_factory=dict)
    denial: DenialBody = DenialBody()
    client: ClientBody = ClientBody()


class CancelBody(_Body):
    """Both are the caller's words, and go nowhere."""

    reason: Text | None = None
    comment: Text | None = None


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


def task(case: Case, receipt: str | None, endpoint: str) -> dict[str, Any]:
    """The task handle of a request. `endpoint`: the address of `PATH`."""
    approved = case.status is Status.APPROVED
    status = "pending" if approved and receipt is None else _STATUS[case.status]
    here = f"{endpoint}/{case.id}"
    shown: dict[str, Any] = {
        "id": case.id,
        "status": status,
        "status_endpoint": here,
        **({"links": {"cancel": f"{here}/cancel"}} if case.open else {}),
        **({"display": {"description": case.reason}} if case.reason else {}),
    }
    if not approved or receipt is None:
        return {"task": shown}
    approval = {
        "id": case.id,
        "approved_until": rfc3339(_expiry(receipt) * SECOND),
        **({} if case.decided_at is None else {"approved_at": rfc3339(case.decided_at)}),
        "state": receipt,
    }
    return {"task": shown, "result": {"mode": "reevaluate", "approval": approval}}


def _expiry(receipt: str) -> int:
    """When our own receipt expires, in seconds since 1970."""
    claims = receipt.split(".")[1]
    return int(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])


def _named(handler: Handler) -> Handler:
    """Problems that the profile has a name for get that name."""

    @wraps(handler)
    async def named(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Exception as error:
            known = problem_of(error)
            if known is None or known.slug not in _TYPES:
                raise
            kind = ERROR + _TYPES[known.slug]
            raise Problem(known.status, kind, known.detail, headers=known.headers) from error

    return named


def routes(api: Api, issuer: str) -> list[web.RouteDef]:
    """What the application mounts where it is on. `issuer`: the service's public address."""
    endpoint = issuer + PATH

    def answer(case: Case, receipt: str | None, status: int = 200) -> web.Response:
        value: Mapping[str, Any] = task(case, receipt, endpoint)
        headers = {"Location": value["task"]["status_endpoint"]} if status != 200 else None
        return web.json_response(value, status=status, headers=headers)

    async def submit(request: web.Request) -> web.Response:
        case, receipt, created = await api.opened(request, read)
        # 201 for what is decided at once, 202 for what waits: both are for one that was taken.
        return answer(case, receipt, 200 if not created else 202 if case.open else 201)

    async def show(request: web.Request) -> web.Response:
        return answer(*await api.owned(request))

    async def cancel(request: web.Request) -> web.Response:
        return answer(await api.withdrawn(request, CancelBody), None)

    return [
        web.post(PATH, _named(submit)),
        web.get(f"{PATH}/{{id}}", _named(show), allow_head=False),
        web.post(f"{PATH}/{{id}}/cancel", _named(cancel)),
    ]
