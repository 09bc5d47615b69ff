"""The nouns of Countersign, frozen; nothing but values, and the errors that say whose fault it was.

Times are `Instant`: whole milliseconds since the Unix epoch, UTC. Durations are milliseconds too.
Nothing here reads a clock, draws a random number or does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

_T = TypeVar("_T")
Instant: TypeAlias = int
Duration: TypeAlias = int

ORG: Final = "default"
SECOND: Final[Duration] = 1_000
MINUTE: Final[Duration] = 60 * SECOND
ADDED: Final = "added"
WEB: Final = "web"
"""The name of the inbox as a channel; it is always there and not in the table of adapters."""


def added(default: _T) -> _T:
    """The default of a field that came after the first release: seals leave it out where it holds
    this, so that what was sealed before stays valid (`buttons.flat`)."""
    return field(default=default, metadata={ADDED: True})


class Forged(Exception):
    """The sender did not prove itself. Answered with 401 and nothing else."""


class Malformed(Exception):
    """A proven sender sent what we do not understand. 400, or the platform's "fine"; logged."""


class Refused(Exception):
    """The other side will never accept this: stop, park it, tell the owner. `str()` says why."""


class Scope(StrEnum):
    """What has to wait while the other side is busy."""

    CONVERSATION = "conversation"
    """This conversation: it would take calls about others."""
    PLATFORM = "platform"


class Busy(Exception):
    """The other side is down or wants us slower: try again after `retry_after` milliseconds.

    Only `scope` waits.
    """

    def __init__(
        self,
        message: str,
        retry_after: Duration | None = None,
        *,
        scope: Scope = Scope.PLATFORM,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.scope = scope


class Conflict(Exception):
    """Somebody else changed it first: load it again and decide again."""


class Risk(StrEnum):
    """How bad a wrong approval would be."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    def rank(self) -> int:
        """Orders them: `max(a, b, key=Risk.rank)` is the stricter one."""
        return ("low", "medium", "high").index(self.value)


class Tier(StrEnum):
    """How much a channel's tap proves: A managed identity, B consumer identity, C forgeable."""

    A = "A"
    B = "B"
    C = "C"

    def carries(self, risk: Risk) -> bool:
        """May a tap of this tier approve at this risk? High risk never passes by a tap alone."""
        return risk is Risk.LOW or (risk is Risk.MEDIUM and self is not Tier.C)


class Status(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Choice(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"


class Label(StrEnum):
    """Every text a button may carry. In the MAC, so that a swapped label is a forged button."""

    APPROVE = "Approve"
    DECLINE = "Decline"
    DECLINE_WITH_REASON = "Decline with reason"
    """Of cards that older versions posted; no new card has it."""
    DECLINE_PROMPT = "Decline…"
    """Asks why; the reason may stay empty."""

    @property
    def choice(self) -> Choice:
        return Choice.APPROVE if self is Label.APPROVE else Choice.DECLINE

    @property
    def prompts(self) -> bool:
        """Does a press ask for a reason first?"""
        return self in (Label.DECLINE_WITH_REASON, Label.DECLINE_PROMPT)


class Kind(StrEnum):
    """What a requester is. A gateway's title and facts are facts; an agent's are its own words."""

    AGENT = "agent"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class AgentPeople:
    """The people an agent belongs to: the one it acts for, and the one answerable for it."""

    on_behalf_of: str | None = None
    owner: str | None = None

    def ids(self) -> tuple[str, ...]:
        """Each person once; empty where nobody is named."""
        return tuple(dict.fromkeys(filter(None, (self.on_behalf_of, self.owner))))


@dataclass(frozen=True, slots=True)
class Budget:
    """What each agent of a requester may use; None: any amount.

    `requests`: opened in a minute; `open`: at once; `cards`: to one person in a minute, others
    wait; `bytes`: opened in a day; `held`: bytes of what is open. `refusals`: for how long a
    person's refusal is the answer to the same request.
    """

    requests: int | None = None
    open: int | None = None
    cards: int | None = None
    bytes: int | None = None
    held: int | None = None
    refusals: Duration = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Requester:
    """Who may open requests. `agents` None: any agent id. `owner` and `on_behalf_of` are people.

    `agent_people`: by agent id, for a gateway whose agents belong to different people.
    """

    name: str
    kind: Kind = Kind.AGENT
    agents: tuple[str, ...] | None = None
    on_behalf_of: str | None = None
    owner: str | None = None
    agent_people: Mapping[str, AgentPeople] = field(default_factory=dict, hash=False)
    budget: Budget = Budget()

    def people_of(self, agent: str) -> AgentPeople:
        """The people of this agent; where it has none of its own, the requester's."""
        own = self.agent_people.get(agent, AgentPeople())
        return AgentPeople(own.on_behalf_of or self.on_behalf_of, own.owner or self.owner)


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    name: str | None = None
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Http:
    """One outbound HTTP request as it will be sent; `body` is the exact bytes that were received.

    `body_complete` False: only the head of the body could be read, the rest is unseen.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    body_complete: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, immutable. Exactly one of `http` and `payload` (JCS text) is there.

    `facts`, `title`: decoded by a gateway or by us, never an agent's; what an agent said of itself
    is in `claims` (title and facts) and `note`, and is shown as unverified.
    """

    id: str
    org: str
    revision: int
    requester: str
    kind: Kind
    agent: Agent
    action: str
    http: Http | None
    payload: str | None
    digest: str
    created_at: Instant
    title: str | None = None
    facts: tuple[Fact, ...] = ()
    claimed_title: str | None = None
    claimed_facts: tuple[Fact, ...] = ()
    note: str | None = None

    @property
    def complete(self) -> bool:
        """False when some bytes of what is bound were never received."""
        return self.http is None or self.http.body_complete


@dataclass(frozen=True, slots=True)
class Escalation:
    """After `after`, the members of `to` may fill any seat of the quorum too, and are asked."""

    after: Duration
    to: str


@dataclass(frozen=True, slots=True)
class Ask:
    """What policy says about one request: whom to ask, how, and how long the answer holds.

    `rule` decides; `also`: rules that may match too, which is unclear: their demands are added.
    `quorum`: (group, seats) pairs; every seat is filled by another person. `via`: channel names, or
    `channel:conversation` for a room; empty: every channel a person has linked. `opaque`: a tap may
    approve files by name, size and digest.
    """

    rule: str
    quorum: tuple[tuple[str, int], ...]
    via: tuple[str, ...] = ()
    risk: Risk = Risk.MEDIUM
    expires: Duration = 15 * MINUTE
    release_within: Duration = MINUTE
    four_eyes: bool = False
    allow_unseen: bool = False
    opaque: bool = added(False)
    step_up: str | None = None
    remind: tuple[Duration, ...] = ()
    escalate: Escalation | None = None
    policy: str = ""
    """Digest of the whole policy this came from; named in the receipt."""
    also: tuple[str, ...] = added(())
    reasons: tuple[str, ...] = added(())
    """Ready reasons to decline with, as the rule words them."""


@dataclass(frozen=True, slots=True)
class Person:
    """A human. `accounts` maps a channel's name to the account id there; `groups` are by name.

    `name`: what others read instead of the id. `time_zone`: an IANA name, `Europe/Berlin`;
    `language`: a BCP 47 tag, `de` or `de-AT`. None: not configured.
    """

    id: str
    email: str | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    name: str | None = None
    time_zone: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's choice on one revision. `groups`: the quorum groups they sat in when voting.

    `mac` covers every other field and the case's terms: a row written into the database is no vote.
    """

    person: str
    choice: Choice
    groups: tuple[str, ...]
    channel: str
    revision: int
    at: Instant
    reason: str | None = None
    unseen: bool = False
    kid: str = ""
    mac: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gateway did with the verdict. `delivered` None: unknown, and shown as unknown."""

    delivered: bool | None
    at: Instant
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A request's deciding state, small enough to load on every tap; the content lies apart.

    `barred`: people who may not approve (four eyes). `inspectable`: a card can show every byte
    that is bound, so a tap may approve. `complete`: every byte was received. `version` grows by one
    with each change and is what compare-and-set compares.
    """

    id: str
    org: str
    revision: int
    digest: str
    requester: str
    agent: str
    ask: Ask
    created_at: Instant
    expires_at: Instant
    barred: tuple[str, ...] = ()
    inspectable: bool = True
    complete: bool = True
    status: Status = Status.PENDING
    version: int = 1
    votes: tuple[Vote, ...] = ()
    decided_at: Instant | None = None
    reason: str | None = None
    outcome: Outcome | None = None
    escalated: bool = False
    reminded: int = 0
    head: str | None = None
    """The newest sealed chain head known at the close ("seq:hash"); named in the receipt."""
    shown: str = ""  # fingerprint of the whole `Request`: what people are shown is what was asked
    seal: str = field(default="", repr=False)  # MAC over all that a vote rests on
    lapsed: bool = False
    """Approved, and its receipt expired without anybody having collected it."""

    @property
    def open(self) -> bool:
        return self.status is Status.PENDING


@dataclass(frozen=True, slots=True)
class Address:
    """A place on a channel: the conversation, and whose it is.

    `account` None: a room; anyone eligible there may tap. `person`: whom a direct message is for.
    """

    channel: str
    conversation: str
    account: str | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """A button on a card: what it says and the opaque value it carries (20 characters)."""

    label: Label
    token: str = field(repr=False)

    @property
    def choice(self) -> Choice:
        return self.label.choice


@dataclass(frozen=True, slots=True)
class Card:
    """One rendering of a case for one address. Every string is cleaned and redacted already.

    `payload` is the reading of what is bound (`cards.bound`), whole (`elided` 0) or head and tail
    with `elided` of its `payload_size` bytes between them. `buttons` empty: decided, or only the
    page may decide (`review`).
    """

    request_id: str
    revision: int
    status: Status
    headline: str
    """The state in words (`words.state`): "Approved by Dana Lee", "Expired. Nothing was run." """
    title: str
    subject: str
    """Title and risk in one line, for notifications, subjects and lists; no word of the agent's."""
    risk: Risk
    action: str
    agent: str
    facts: tuple[Fact, ...]
    line: str
    """Method, host, path, kind and size of what is bound, in one line."""
    payload: str
    payload_tail: str
    elided: int
    payload_size: int
    note: str | None
    """The agent's own words (and its claimed title and facts), to be quoted as unverified."""
    digest: str
    """The first eight hex characters of the digest."""
    deadline: Instant
    until: str
    """The deadline in words, in the reader's time zone where that is known, else in UTC."""
    decided_at: Instant | None
    """When the case was closed; None while it is open."""
    decided: str
    """That in words, as `until`; "" while it is open."""
    progress: str
    """Who still has to approve ("You can approve this alone."); "" once it is closed."""
    shared: bool
    """Several people see this one card, in a room."""
    buttons: tuple[Button, ...]
    review: str | None
    """URL of the page that shows all of it; None where no public URL is configured."""
    review_needed: str | None = None
    """Why the page must be used instead of a button; None where buttons decide."""
    reasons: tuple[str, ...] = ()
    """Ready reasons to decline with, where the card itself asks for one; by place (`Tap.ready`)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a platform gave a card back otherwise than it was sent.

    `path`: a JSON path, which holds no text of the card. `sent`: our text there, or the line of it.
    """

    path: str
    sent: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Where a posted card is: enough to edit it later.

    `altered`: how the platform's own answer to the post differs from what was sent, in ways that
    somebody could see; empty: it does not, or the platform gives no message back.
    """

    channel: str
    conversation: str
    message: str
    altered: tuple[Difference, ...] = field(default=(), compare=False)
