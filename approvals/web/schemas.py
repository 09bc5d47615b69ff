"""What the API takes and what it answers, as types: handlers and the contract use the same ones.

Bodies are models, because they are checked. Answers are typed dictionaries: a type checker and the
contract know what is in them, and at run time they cost nothing.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
    with_config,
)
from typing_extensions import TypedDict  # pydantic takes no other one on Python 3.11

from approvals.model import Choice, Kind, Risk, Status

HEADER_LIMIT: Final = 200
"""Headers of a held request. SDKs send 10 to 40; each is judged, redacted and shown."""
HEADERS_SIZE: Final = 64 * 1024
"""Characters of them together; servers take 8 to 64 kB."""
TEXT_LIMIT: Final = 128 * 1024
"""Characters of what is said beside what is bound: title, facts, note, decoded values. All of it is
searched for secrets each time that it is shown, and no card shows more than a small part."""
AGENT: Final = r"^[^\x00-\x1f\x7f]{1,200}$"
ID: Final = re.compile(r"^req_[0-9A-Z]{26}$")
"""What a request's id looks like; what cannot be one is not looked for."""
DIGEST: Final = r"^(summary-)?sha-256:[0-9a-f]{64}$"

# Bodies

Decoded = (
    Annotated[str, Field(max_length=10_000)]
    | int
    | float
    | bool
    | Annotated[list[str], Field(max_length=1000)]
)
"""What a rule's condition can be about (`conditions.TYPES`)."""
Line = Annotated[str, Field(min_length=1, max_length=500)]
Digest = Annotated[str, Field(pattern=DIGEST)]


class Body(BaseModel):
    """Nothing that it does not name, and no value that is nearly of its type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AgentBody(Body):
    """Who asks. `on_behalf_of` is believed of a gateway only."""

    id: Annotated[str, Field(pattern=AGENT)]
    name: Annotated[str, Field(max_length=200)] | None = None
    on_behalf_of: Annotated[str, Field(max_length=200)] | None = None


class HttpBody(Body):
    """One HTTP request as it will be sent. `body`: base64 of the exact bytes."""

    method: Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}$")]
    url: Annotated[str, Field(min_length=1, max_length=16_384)]
    headers: dict[
        Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$")],
        str | list[str],
    ] = Field(default_factory=dict)
    body: str = ""
    body_complete: bool = True

    @field_validator("headers")
    @classmethod
    def _bounded_lines(cls, headers: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        each = [values if isinstance(values, list) else [values] for values in headers.values()]
        if sum(map(len, each)) > HEADER_LIMIT:
            raise ValueError(f"more than {HEADER_LIMIT} headers")
        said = sum(len(value) for values in each for value in values)
        if sum(map(len, headers)) + said > HEADERS_SIZE:
            raise ValueError(f"more than {HEADERS_SIZE} characters of headers")
        for name, values in headers.items():
            for value in [values] if isinstance(values, str) else values:
                if any((ord(c) < 32 and c != "\t") or ord(c) == 127 for c in value):
                    raise ValueError(f"header {name!r} holds a control character")
        return headers


class FactBody(Body):
    label: Annotated[str, Field(min_length=1, max_length=200)]
    value: Annotated[str, Field(max_length=10_000)]


class OpenBody(Body):
    """A request for approval. Exactly one of `http` and `payload`.

    `join`: where an identical request of the same agent is pending, or was just decided, that one
    is answered and nothing is opened: for requesters that try again without an Idempotency-Key. An
    agent's own key does so without `join` too, where the same body is pending.
    """

    model_config = ConfigDict(
        json_schema_extra={
            # One HTTP request, or a payload, which may be null.
            "oneOf": [
                {
                    "required": ["http"],
                    "properties": {"http": {"type": "object"}, "payload": False},
                },
                {"required": ["payload"], "properties": {"http": {"type": "null"}}},
            ]
        }
    )

    action: Annotated[str, Field(min_length=1, max_length=200)]
    title: Line | None = None
    agent: AgentBody | None = None
    http: HttpBody | None = None
    payload: Any = None  # any JSON: it was read already, and looking at each value holds others up
    facts: Annotated[list[FactBody], Field(max_length=100)] = Field(default_factory=list)
    note: Annotated[str, Field(max_length=20_000)] | None = None
    risk: Literal["low", "medium", "high"] | None = None
    expires_in: Annotated[int, Field(ge=1, le=7 * 24 * 3600)] | None = None
    decoded: Annotated[dict[str, Decoded], Field(max_length=200)] = Field(default_factory=dict)
    join: bool = False

    @model_validator(mode="after")
    def _one_of(self) -> OpenBody:
        if self.http is None and "payload" not in self.model_fields_set:
            raise ValueError("say what will be done, as `http` or as `payload`")
        if self.http is not None and "payload" in self.model_fields_set:
            raise ValueError("send either `http` or `payload`, not both")
        if self._said() > TEXT_LIMIT:
            raise ValueError(
                f"more than {TEXT_LIMIT} characters in title, facts, note and decoded together"
            )
        return self

    def _said(self) -> int:
        """Characters that are neither bound nor short by themselves."""
        values = [*self.decoded, *self.decoded.values(), self.title or "", self.note or ""]
        values += [part for fact in self.facts for part in (fact.label, fact.value)]
        lists = [one for value in values if isinstance(value, list) for one in value]
        return sum(len(one) for one in (*values, *lists) if isinstance(one, str))


class OutcomeBody(Body):
    """What the gateway did. `delivered` null: it does not know."""

    delivered: bool | None
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    error: Annotated[str, Field(max_length=1000)] | None = None


class WithdrawBody(Body):
    """`reason`: a gateway's words on why nobody waits any more, for the cards."""

    reason: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class DecisionBody(Body):
    """A person's choice on exactly what they were shown."""

    choice: Literal["approve", "decline"]
    digest: Digest
    reason: Annotated[str, Field(max_length=1000)] | None = None


# Answers

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
RequestId = Annotated[str, Field(pattern=ID.pattern)]
_described = with_config(ConfigDict(use_attribute_docstrings=True))


class Fact(TypedDict):
    label: str
    value: str


@_described
class Vote(TypedDict):
    """One person's choice."""

    person: NotRequired[str]
    """Shown to people only."""
    channel: NotRequired[str]
    """Shown to people only."""
    choice: Choice
    at: Time


@_described
class Outcome(TypedDict):
    """What the gateway did with an approved request."""

    delivered: bool | None
    """Null: it does not know."""
    status: int | None
    """Of the answer that it got."""
    error: str | None
    at: Time


class Asker(TypedDict):
    """The key that a request was opened with."""

    name: str
    kind: Kind


class AskingAgent(TypedDict):
    id: str
    name: str | None
    on_behalf_of: str | None


@_described
class AskedHttp(TypedDict):
    """One HTTP request as it was sent."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: Annotated[str, WithJsonSchema({"type": "string", "contentEncoding": "base64"})]
    body_complete: bool
    """False: only its head could be read."""


@_described
class Asked(TypedDict):
    """All that is asked, whole. `http` and `payload` are as they were sent, so that the digest can
    be computed from them. All texts are raw: escape them before you show them."""

    action: str
    requester: Asker
    agent: AskingAgent
    http: AskedHttp | None
    payload: Any
    """Any JSON value, where there is no `http`."""
    facts: list[Fact]
    """A gateway's own."""
    note: str | None
    """The agent's words, unverified."""
    claimed_title: str | None
    """Unverified."""
    claimed_facts: list[Fact]
    """Unverified."""


@_described
class Request(TypedDict):
    """A request, and what became of it."""

    id: RequestId
    revision: Annotated[int, Field(ge=1)]
    status: Status
    digest: Digest
    rule: str
    also: NotRequired[list[str]]
    """Rules that may match too, which is unclear: their demands are added."""
    risk: Risk
    votes: list[Vote]
    needs: list[str]
    created_at: Time
    expires_at: Time
    decided_at: Time | None
    reason: str | None
    """The approver's, for the agent."""
    outcome: Outcome | None
    receipt: str | None
    """The signed verdict, a compact JWS. Trust it alone, not the JSON around it."""
    lapsed: NotRequired[Literal[True]]
    """Approved, but the receipt expired and no outcome was reported, so nobody collected it."""
    state: NotRequired[str]
    """Shown to people only: the status in words, with who decided and what came of it, as cards and
    pages say it."""
    progress: NotRequired[str]
    """Shown to people only: who still has to approve; "" once it is closed."""
    mine: NotRequired[bool]
    """Shown to people only: it waits for this person."""
    why: NotRequired[str | None]
    """Shown to people only: why it is not theirs, or what they did."""
    names: NotRequired[dict[str, str]]
    """Shown to people only: what the people are called who are named here by id."""
    agent: NotRequired[str]
    """Shown to people only."""
    review: NotRequired[str]
    """Shown to people only: the page that shows it."""
    title: NotRequired[str | None]
    """Shown to people only: a gateway's, or what we read; never an agent's."""
    asked: NotRequired[Asked | None]
    """Shown to people only, when they read one request."""


@_described
class Requests(TypedDict):
    """Requests, newest first."""

    requests: list[Request]
    next: str | None
    """The `after` of the next page; null: this is the last."""


@_described
class Requester(Asker):
    """The caller's own key."""

    issuer: str
    """The `iss` of receipts."""


class Keys(TypedDict):
    """A JWK set."""

    keys: list[dict[str, str]]


class Alive(TypedDict):
    status: Literal["ok"]


@_described
class Ready(TypedDict):
    status: Literal["ready"]
    warnings: list[str]
    """What fails and keeps nothing else waiting."""


@_described
class Problem(TypedDict):
    """What is wrong (RFC 9457)."""

    type: str
    """A stable slug."""
    title: str
    status: int
    detail: str
    """What is wrong, where, and what to do next."""
    warnings: NotRequired[list[str]]
    """Of `/readyz`: what fails as well."""
