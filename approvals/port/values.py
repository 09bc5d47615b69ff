"""The values that pass through the port: deliveries of a platform, and what an adapter makes of
them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from approvals.model import Choice, Instant, Risk, Tier
from approvals.text import Measure, utf16_len
from approvals.words import DECIDED

Payload: TypeAlias = dict[str, Any]
"""A channel's native message, as JSON-able values."""


Render: TypeAlias = Callable[[Mapping[str, Any]], Payload]
"""Fills the channel's template: given the values a layout computed, returns the parsed payload.

It raises `Refused` if the buttons of the payload are not exactly those of `card`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much fits, as `measure` counts; each adapter names the source.

    `measure`: how long a text is for the platform, in its unit and as the adapter escapes it; never
    less than its code points. UTF-16 code units are what most platforms count. `total`: all texts
    of one message; `together`: all its facts; `each`: what a fact takes besides label and value.
    `fact_label` has room for the longest that a request may have (200): no label is ever cut.
    `line`: method and address in one line.
    """

    title: int
    fact_label: int
    fact_value: int
    facts: int
    payload: int
    note: int
    buttons: int
    label: int
    measure: Measure = utf16_len
    total: int = 1_000_000
    line: int = 300
    each: int = 4
    together: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a channel can do, so that the core doesn't have to know its name."""

    tier: Tier
    edit: bool = False
    echo: bool = False
    """A tap carries the message as shown, so it can be compared with what we last sent."""
    private_notice: bool = False
    reason_prompt: bool = False
    """Asks why, after Decline…; the reason may stay empty."""
    open_by_email: bool = False
    listen: bool = False
    """Has an outbound-only mode."""
    says_counted: bool = True
    """Has a private word for a tap that counted; where not, the card says it and `tell` nothing."""
    ready_prompt: bool = False
    """Asks why only where the rule has ready reasons: it cannot take words of one's own."""
    dialog: bool = False
    """Its reason prompt is a dialog, where the reason may stay empty: one button does."""
    links: bool = False
    """Its buttons are links: whoever has one needs nothing else."""
    names_message: bool = True
    """A tap says which message it was on. Where it does not, the token alone says which card that
    was: `policy.tap_tier` says what such a tap may approve."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One delivery as it arrived: raw body, headers with lower-case names (first value wins)."""

    method: str
    path: str
    query: str = field(repr=False)  # some platforms put a secret there, or into a header
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: Instant


@dataclass(frozen=True, slots=True)
class Proven:
    """A delivery whose sender proved itself; only `authenticate` makes one."""

    inbound: Inbound
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A proven delivery, with all that `read` needs; only `resolve` makes one."""

    inbound: Inbound
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, proven: Proven, **claims: Any) -> Resolved:
        """`claims`: what the platform said when it was asked."""
        return cls(proven.inbound, {**proven.claims, **claims})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """An authenticated account pressed a button.

    A tap names its button by `token`. Where nothing of ours comes with it (a reaction, a label) the
    token is empty, and `message` and `choice` name the button: the one of this choice on the card
    that this message is.

    `event`: the platform's own id of this press, for de-duplication. `stranger`: why this account
    can never be an approver here (a bot, a guest, a foreign team), else None. `echo`: SHA-256 (hex)
    over the message as the platform echoed it, or None where it sent none. `reason`: what a reason
    prompt collected. `ready`: which of the rule's ready reasons was chosen, by its place: its words
    come from the case, never from a platform. `message` None: the platform did not say (a submitted
    prompt): it may decline only, unless the channel never says it (`Abilities.names_message`).
    `reply_to`: what the adapter needs to answer this tap privately; opaque to the core, which tells
    nothing where it is empty.
    """

    channel: str
    event: str
    account: str
    conversation: str
    message: str | None
    token: str = field(default="", repr=False)
    choice: Choice | None = None
    stranger: str | None = None
    echo: str | None = None
    reason: str | None = None
    reply_to: Mapping[str, str] = field(default_factory=dict, repr=False)
    ready: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An authenticated account wrote text to us (a reason, a link code).

    `stranger`, `reply_to`: as of a `Tap`.
    """

    channel: str
    event: str
    account: str
    conversation: str
    text: str = field(repr=False)
    in_reply_to: str | None = None
    stranger: str | None = None
    reply_to: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Glance:
    """An authenticated account's client asks what to show of a card: nobody pressed a button.

    `by_hand`: the person asked for it, from a menu; else their client did by itself. `stranger`,
    `reply_to`: as of a `Tap`.
    """

    channel: str
    account: str
    conversation: str
    message: str
    by_hand: bool
    stranger: str | None = None
    reply_to: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """Proven, and about no card: a page that the channel shows by itself (`Hosts`), like an app's
    home, a command that lists, an installation. It decides nothing.

    `what`: for the log. `body`: the delivery, opaque to the core. `waits`: the answer is the page,
    so it is waited for; else the delivery gets an empty answer first.
    """

    channel: str
    what: str
    body: Mapping[str, Any] = field(repr=False)
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeRow:
    """A request in a person's list, in cleaned words.

    `at`: the deadline while it waits, the time of the decision after it. `link`: its page.
    """

    title: str
    state: str
    risk: Risk
    at: Instant
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What a person may see besides cards: the requests that wait for them, the soonest deadline
    first, and those they decided, the newest first. `more`: how many others wait."""

    waiting: tuple[HomeRow, ...]
    decided: tuple[HomeRow, ...]
    more: int
    inbox: str


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer over HTTP at once."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handshake:
    """The platform checks that this URL is ours; `response` is what it wants to see."""

    response: Response


@dataclass(frozen=True, slots=True)
class Ignored:
    """Proven and understood, and nothing to do (a URL button, our own echo). `why` is logged."""

    why: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An account is its person's no more, since `at`: whoever has it next is somebody else."""

    channel: str
    account: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Lost:
    """A message that the platform had taken did not arrive: we may not write freely there (any
    more). Another way may be open. `card`: the id of the card that it is a part of, where the
    platform gives it back: a card is several messages there."""

    channel: str
    conversation: str
    message: str
    card: str = ""


Aside: TypeAlias = GivenUp | Lost
"""What no person did, and the platform tells: of an account, of a message of ours."""


@dataclass(frozen=True, slots=True)
class Several:
    """One delivery that brings several events, in the platform's order; each is taken by itself."""

    events: tuple[Tap | Reply | Ignored | Aside, ...]


Event: TypeAlias = Tap | Reply | Glance | Visit | Handshake | Ignored | Aside | Several


class NoticeKind(StrEnum):
    """What the person who tapped is told; the text comes with it."""

    COUNTED = "counted"
    REFUSED = "refused"
    CLOSED = "closed"
    ASK_REASON = "ask_reason"


@dataclass(frozen=True, slots=True)
class Notice:
    """A private word to the person who tapped. Nothing in it is secret or untrusted.

    `reasons`: what a prompt offers, in the rule's words (cleaned); a choice comes back as its place
    (`Tap.ready`).
    """

    kind: NoticeKind
    text: str
    reasons: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Does it say no more than the card that closes a moment later?"""
        return self.text in DECIDED.values()


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked on the other side, whether it is well, and what to do if not."""

    subject: str
    ok: bool
    detail: str
