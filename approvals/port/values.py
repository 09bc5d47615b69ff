"""The values that pass through the port: a platform's deliveries, and what an adapter reads in
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
"""Fills the channel's template with the values that a layout computed; returns the parsed payload.

It raises `Refused` unless the payload has exactly the buttons of `card`.
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
    """Confirms a counted tap in private; otherwise the card shows it and `tell` says nothing."""
    ready_prompt: bool = False
    """Asks why only where the rule has ready reasons: people can't type a reason of their own."""
    dialog: bool = False
    """Its reason prompt is a dialog, where the reason may stay empty: one button does."""
    links: bool = False
    """Its buttons are links: anyone who has a link can use it."""
    names_message: bool = True
    """A tap names its message. Where it doesn't, only the token identifies the card, and
    `policy.tap_tier` says what such a tap may approve."""


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

    A tap names its button by `token`. Where it carries nothing that we made (a reaction, a label),
    the token is empty, and `message` and `choice` name the button: the card's button for this
    choice.

    `event`: the platform's own id of this press, for de-duplication. `stranger`: why this account
    can never approve here (a bot, a guest, a foreign team), or None. `echo`: SHA-256 (hex)
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

    `stranger`, `reply_to`: same meaning as on `Tap`.
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

    `by_hand`: the person asked for it, from a menu; otherwise their client asked by itself.
    `stranger`, `reply_to`: same meaning as on `Tap`.
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
    """A proven delivery about no card: it asks for a page that the channel itself shows (`Hosts`),
    like an app's home, a command that lists, an installation. It decides nothing.

    `what`: for the log. `body`: the delivery, opaque to the core. `waits`: the page is the answer,
    so the delivery waits for it; otherwise it gets an empty answer first.
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
    """A person's list: the requests that wait for them, soonest deadline first, and those that they
    decided, newest first. `more`: how many others wait."""

    waiting: tuple[HomeRow, ...]
    decided: tuple[HomeRow, ...]
    more: int
    inbox: str


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handshake:
    """The platform checks that this URL is ours; `response` is the answer that it expects."""

    response: Response


@dataclass(frozen=True, slots=True)
class Ignored:
    """Proven and understood, and nothing to do (a URL button, our own echo). `why` is logged."""

    why: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A person gave up an account, at `at`: its next owner is somebody else."""

    channel: str
    account: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Lost:
    """A message that the platform had taken didn't arrive: we may not write freely there (any
    longer). Another channel may work. `card`: the id of its card, if the platform returns it, where
    a card is several messages."""

    channel: str
    conversation: str
    message: str
    card: str = ""


Aside: TypeAlias = GivenUp | Lost
"""Platform notifications that no user caused: about an account, about our message."""


@dataclass(frozen=True, slots=True)
class Several:
    """One delivery with several events, in the platform's order; each is handled by itself."""

    events: tuple[Tap | Reply | Ignored | Aside, ...]


Event: TypeAlias = Tap | Reply | Glance | Visit | Handshake | Ignored | Aside | Several


class NoticeKind(StrEnum):
    """The kind of answer to the person who tapped."""

    COUNTED = "counted"
    REFUSED = "refused"
    CLOSED = "closed"
    ASK_REASON = "ask_reason"


@dataclass(frozen=True, slots=True)
class Notice:
    """A private message to the person who tapped. Nothing in it is secret or untrusted.

    `reasons`: the reasons that a prompt offers, in the rule's words (cleaned); a choice comes back
    as its place (`Tap.ready`).
    """

    kind: NoticeKind
    text: str
    reasons: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Is it only what the card will say when it closes a moment later?"""
        return self.text in DECIDED.values()


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of the platform's side: what was checked, the result, and what to do about it."""

    subject: str
    ok: bool
    detail: str
