"""The contract as served: OpenAPI 3.1, its bodies taken from the models that check them."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from approvals import __version__
from approvals.model import Status
from approvals.web.api import (
    AGENT,
    PAGE_LIMIT,
    WAIT_LIMIT,
    DecisionBody,
    OpenBody,
    OutcomeBody,
    WithdrawBody,
)
from approvals.web.deps import ID

_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": f"^{ID.pattern}$"},
    "description": "The request's id.",
}
_TIME: Final = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}


def document() -> dict[str, Any]:
    """The whole document, as JSON-able values."""
    schemas: dict[str, Any] = {}
    for model in (OpenBody, OutcomeBody, DecisionBody, WithdrawBody):
        _add(schemas, model)
    schemas["OpenBody"]["oneOf"] = _ONE_OF
    schemas |= {
        "Request": _request(),
        "Requests": _requests(),
        "Requester": _requester(),
        "Problem": _problem(),
    }
    requester: list[Any] = [{"requester": []}]
    person: list[Any] = [{"person": []}]
    either = [*requester, *person]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign",
            "version": __version__,
            "summary": "A human signs off before an agent acts.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/requests": {
                "post": _call(
                    "Open a request",
                    "openRequest",
                    requester,
                    body="OpenBody",
                    answers={"200": "Request", "201": "Request"},
                    errors=(400, 403, 409, 413, 415, 422, 429),
                    parameters=[_IDEMPOTENCY],
                ),
                "get": _call(
                    "List requests, newest first",
                    "listRequests",
                    either,
                    answers={"200": "Requests"},
                    errors=(422,),
                    parameters=_FILTERS,
                ),
            },
            "/v1/requests/{id}": {
                "parameters": [_ID],
                "get": _call(
                    "Read a request; with `wait`, as soon as it is no longer pending",
                    "readRequest",
                    either,
                    answers={"200": "Request"},
                    errors=(404, 409, 422),
                    parameters=[_WAIT],
                ),
                "put": _call(
                    "Ask for something else instead: a new revision, and votes start anew",
                    "reviseRequest",
                    requester,
                    body="OpenBody",
                    answers={"200": "Request"},
                    errors=(400, 403, 404, 409, 413, 415, 422),
                ),
                "delete": _call(
                    "Withdraw a request",
                    "withdrawRequest",
                    requester,
                    body="WithdrawBody",
                    body_required=False,
                    answers={"200": "Request"},
                    errors=(400, 403, 404, 409, 413, 415, 422),
                ),
            },
            "/v1/requests/{id}/outcome": {
                "parameters": [_ID],
                "post": _call(
                    "Report what became of an approved request",
                    "reportOutcome",
                    requester,
                    body="OutcomeBody",
                    answers={"200": "Request"},
                    errors=(400, 403, 404, 409, 413, 415, 422),
                ),
            },
            "/v1/requests/{id}/decision": {
                "parameters": [_ID],
                "post": _call(
                    "Decide, as a person",
                    "decideRequest",
                    person,
                    body="DecisionBody",
                    answers={"200": "Request"},
                    errors=(400, 403, 404, 409, 413, 415, 422),
                ),
            },
            "/v1/requests/{id}/receipt": {
                "parameters": [_ID],
                "get": _call(
                    "The signed verdict, a compact JWS",
                    "readReceipt",
                    either,
                    media={"200": ("application/jose", {"type": "string"})},
                    errors=(404,),
                ),
            },
            "/v1/requester": {
                "get": _call(
                    "What the caller's key is called here",
                    "readRequester",
                    requester,
                    answers={"200": "Requester"},
                    errors=(403,),
                ),
            },
            "/v1/audit": {
                "get": _call(
                    "The audit chain, one JSON object a line",
                    "readAudit",
                    person,
                    media={"200": ("application/x-ndjson", {"type": "string"})},
                    errors=(403, 422),
                    parameters=[_AFTER],
                ),
            },
            "/.well-known/jwks.json": {
                "get": _call(
                    "Public keys that verify receipts",
                    "readKeys",
                    [],
                    media={"200": ("application/json", _JWKS)},
                    errors=(),
                ),
            },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "requester": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A requester's key.",
                },
                "person": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A personal token, made in the inbox (`csp_…`).",
                },
            },
        },
    }


_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "description": "The same key and body: the first answer again. Another body: 409.",
}
_WAIT: Final = {
    "name": "wait",
    "in": "query",
    "schema": {"type": "integer", "minimum": 0, "maximum": WAIT_LIMIT},
    "description": "Seconds to hold the answer while the request is pending.",
}
_AFTER: Final = {
    "name": "after",
    "in": "query",
    "schema": {"type": "integer", "minimum": 0, "maximum": 2**53},
    "description": "Only entries after this sequence number.",
}
_FILTERS: Final = [
    {"name": "status", "in": "query", "schema": {"enum": [status.value for status in Status]}},
    {"name": "agent", "in": "query", "schema": {"type": "string", "pattern": AGENT}},
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_LIMIT},
    },
    {
        "name": "after",
        "in": "query",
        "schema": {"type": "string", "pattern": f"^{ID.pattern}$"},
        "description": "The `next` of the page before.",
    },
]
_ONE_OF: Final = [
    {"required": ["http"], "properties": {"http": {"type": "object"}, "payload": False}},
    {"required": ["payload"], "properties": {"http": {"type": "null"}}},
]
"""What is bound: one HTTP request, or a payload, which may be null."""
_JWKS: Final = {
    "type": "object",
    "required": ["keys"],
    "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
}


def _call(
    summary: str,
    operation: str,
    security: list[Any],
    *,
    body: str | None = None,
    body_required: bool = True,
    answers: dict[str, str] | None = None,
    media: dict[str, tuple[str, Any]] | None = None,
    errors: tuple[int, ...],
    parameters: list[Any] | None = None,
) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, name in (answers or {}).items():
        responses[status] = _content("application/json", {"$ref": f"#/components/schemas/{name}"})
    for status, (kind, schema) in (media or {}).items():
        responses[status] = _content(kind, schema)
    for code in dict.fromkeys((*errors, *((401, 429) if security else ()))):
        responses[str(code)] = _content(
            "application/problem+json", {"$ref": "#/components/schemas/Problem"}
        )
    call: dict[str, Any] = {
        "summary": summary,
        "operationId": operation,
        "security": security,
        "responses": responses,
    }
    if parameters:
        call["parameters"] = parameters
    if body:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}
        call["requestBody"] = {"required": body_required, "content": content}
    return call


def _content(kind: str, schema: Any) -> dict[str, Any]:
    return {"description": kind, "content": {kind: {"schema": schema}}}


def _add(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {})
    schemas[model.__name__] = schema


def _request() -> dict[str, Any]:
    vote = {
        "type": "object",
        "required": ["choice", "at"],
        "properties": {
            "choice": {"enum": ["approve", "decline"]},
            "at": _TIME,
            "person": {"type": "string", "description": "Shown to people only."},
            "channel": {"type": "string", "description": "Shown to people only."},
        },
    }
    outcome = {
        "type": ["object", "null"],
        "required": ["delivered"],
        "properties": {
            "delivered": {"type": ["boolean", "null"]},
            "status": {"type": ["integer", "null"]},
            "error": _MAYBE_TEXT,
            "at": _TIME,
        },
    }
    properties: dict[str, Any] = {
        "id": _ID["schema"],
        "revision": {"type": "integer", "minimum": 1},
        "status": {"enum": [status.value for status in Status]},
        "digest": {"type": "string", "pattern": "^(summary-)?sha-256:[0-9a-f]{64}$"},
        "rule": {"type": "string"},
        "risk": {"enum": ["low", "medium", "high"]},
        "votes": {"type": "array", "items": vote},
        "needs": {"type": "array", "items": {"type": "string"}},
        "created_at": _TIME,
        "expires_at": _TIME,
        "decided_at": _MAYBE_TIME,
        "reason": _MAYBE_TEXT,
        "outcome": outcome,
        "receipt": _MAYBE_TEXT,
    }
    only: dict[str, Any] = {
        "also": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Rules that may match too, which is unclear: their demands are added.",
        },
        "lapsed": {
            "const": True,
            "description": "Where it is there: approved, but its receipt expired and no outcome "
            "was reported, so nobody collected it.",
        },
        "title": {
            "type": ["string", "null"],
            "description": "Shown to people only: a gateway's, or what we read; never an agent's.",
        },
        "agent": {"type": "string", "description": "Shown to people only."},
        "state": {
            "type": "string",
            "description": "Shown to people only: the status in words, with who decided and what"
            " came of it, as cards and pages say it.",
        },
        "progress": {
            "type": "string",
            "description": 'Shown to people only: who still has to approve; "" once it is closed.',
        },
        "mine": {
            "type": "boolean",
            "description": "Shown to people only: it waits for this person.",
        },
        "why": {
            "type": ["string", "null"],
            "description": "Shown to people only: why it is not theirs, or what they did.",
        },
        "names": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Shown to people only: what those are called who are named here by id.",
        },
        "review": {
            "type": "string",
            "description": "Shown to people only: the page that shows it.",
        },
        "asked": _asked(),
    }
    return {"type": "object", "required": list(properties), "properties": properties | only}


def _asked() -> dict[str, Any]:
    text = {"type": "string"}
    facts = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["label", "value"],
            "properties": {"label": text, "value": text},
        },
    }
    pair = {"type": "array", "items": text, "minItems": 2, "maxItems": 2}
    http = {
        "type": ["object", "null"],
        "required": ["method", "url", "headers", "body", "body_complete"],
        "properties": {
            "method": text,
            "url": text,
            "headers": {"type": "array", "items": pair},
            "body": {"type": "string", "contentEncoding": "base64"},
            "body_complete": {"type": "boolean"},
        },
    }
    agent = {
        "type": "object",
        "required": ["id", "name", "on_behalf_of"],
        "properties": {"id": text, "name": _MAYBE_TEXT, "on_behalf_of": _MAYBE_TEXT},
    }
    requester = {
        "type": "object",
        "required": ["name", "kind"],
        "properties": {"name": text, "kind": {"enum": ["agent", "gateway"]}},
    }
    properties = {
        "action": text,
        "requester": requester,
        "agent": agent,
        "http": http,
        "payload": {"description": "Any JSON value, where there is no `http`."},
        "facts": facts,
        "note": {"type": ["string", "null"], "description": "The agent's words, unverified."},
        "claimed_title": {"type": ["string", "null"], "description": "Unverified."},
        "claimed_facts": facts | {"description": "Unverified."},
    }
    return {
        "type": ["object", "null"],
        "description": "All that is asked: shown to people only, when they read one request.",
        "required": list(properties),
        "properties": properties,
    }


def _requester() -> dict[str, Any]:
    text = {"type": "string"}
    properties = {"name": text, "kind": {"enum": ["agent", "gateway"]}, "issuer": text}
    return {"type": "object", "required": list(properties), "properties": properties}


def _requests() -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": "#/components/schemas/Request"}}
    return {
        "type": "object",
        "required": ["requests", "next"],
        "properties": {"requests": items, "next": _MAYBE_TEXT},
    }


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "description": "A stable slug."},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
