"""The port that every adapter implements, and the values that pass through it.

A delivery is proven (`authenticate`), then what only the platform can say of it is asked
(`resolve`), then it is read: `read` takes only what `resolve` returns, so that the wrong order does
not type-check. An adapter never decides: it proves who sent something, says what was pressed, and
carries cards.

`Channel` is what every adapter has. What only some platforms need is a protocol of its own, below
it: an adapter has it by having its methods.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit

from approvals.model import (
    Address,
    Card,
    Choice,
    Duration,
    Fact,
    Instant,
    Label,
    MessageRef,
    Refused,
    Request,
    Tier,
)
from approvals.text import Measure, fit, utf8_len, utf16_len

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
    """What a channel can do, so that the core need not know its name."""

    edit: bool
    echo: bool
    """A tap carries the message as shown, so it can be compared with what we last sent."""
    private_notice: bool
    reason_prompt: bool
    """Asks why, after Decline…; the reason may stay empty."""
    open_by_email: bool
    listen: bool
    """Has an outbound-only mode."""
    tier: Tier
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
    query: str
    headers: Mapping[str, str] = field(repr=False)  # some platforms put a secret there
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
    over the message as the platform echoed it, or None where it sent none. `echo_before` computes
    the same as older versions did, for cards that they posted. `reason`: what a reason
    prompt collected. `ready`: which of the rule's ready reasons was chosen, by its place: its words
    come from the case, never from a platform. `message` None: the platform did not say (a submitted
    prompt): it may decline only, unless the channel never says it (`Abilities.names_message`).
    `reply_to`: what the adapter needs to answer this tap privately;
    opaque to the core.
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
    echo_before: Callable[[], str] | None = field(default=None, repr=False, compare=False)
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
    more). Another way may be open."""

    channel: str
    conversation: str
    message: str


Aside: TypeAlias = GivenUp | Lost
"""What no person did, and the platform tells: of an account, of a message of ours."""


@dataclass(frozen=True, slots=True)
class Several:
    """One delivery that brings several events, in the platform's order; each is taken by itself."""

    events: tuple[Tap | Reply | Ignored | Aside, ...]


Event: TypeAlias = Tap | Reply | Glance | Handshake | Ignored | Aside | Several


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


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked on the other side, whether it is well, and what to do if not."""

    subject: str
    ok: bool
    detail: str


def ready(value: object) -> int | None:
    """The place of a ready reason, as a dialog of ours sends it back; None: none was chosen.
    `ValueError`: no dialog of ours has that."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch("[0-7]", value):
        raise ValueError("not the place of a ready reason")
    return int(value)


def choice(token: str, place: int | None) -> str:
    """What a button of a prompt sends, where a prompt is made of buttons: the token of the Decline…
    that opened it, and which ready reason it is; None: no reason."""
    return f"{token}.{'' if place is None else place}"


def chosen(value: str) -> tuple[str, int | None] | None:
    """Token and place of a `choice`; None: it is none."""
    found = re.fullmatch(r"([A-Za-z0-9_-]{20})\.([0-7]?)", value)
    return (found[1], ready(found[2])) if found else None


def same_buttons(card: Card, drawn: Sequence[tuple[str, str]]) -> None:
    """`Refused` unless what a template drew, (label, token) in order, are the card's own buttons.

    An owner's template could leave one out, or put a label on another's token.
    """
    if [*drawn] != [(str(button.label), button.token) for button in card.buttons]:
        raise Refused("the template draws other buttons than the card's own")


LEAVES_OUT: Final = "This channel's template leaves out "
"""How the sentence on a card begins whose template costs it its Approve."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card as it was drawn: `card` (shortened, where it had to be), its payload, and the texts
    that a person sees on it, in order."""

    card: Card
    payload: Payload
    texts: Sequence[str]


def whole(card: Card, draw: Callable[[Card], Drawn], inert: Callable[[str], str]) -> Drawn:
    """The card as drawn, without Approve where the template leaves out what it approves.

    `inert`: what the adapter makes of a text.
    """
    drawn = draw(card)
    if not approves(drawn.card) or (missing := left_out(drawn.card, drawn.texts, inert)) is None:
        return drawn
    return draw(reviewed(card, missing))


def approves(card: Card) -> bool:
    """May a tap on it approve?"""
    return any(button.label is Label.APPROVE for button in card.buttons)


def reviewed(card: Card, missing: str) -> Card:
    """The card without Approve, since its template leaves out `missing`."""
    kept = tuple(button for button in card.buttons if button.label is not Label.APPROVE)
    return replace(card, buttons=kept, review_needed=f"{LEAVES_OUT}{missing}.")


def left_out(card: Card, texts: Sequence[str], inert: Callable[[str], str]) -> str | None:
    """What of the card these texts do not say; None: they say all that a tap approves.

    Parts may stand in any order, but each in its own order and whole; lines may be indented.
    """
    drawn = "\n".join(texts)

    def shows(parts: Sequence[str]) -> bool:
        at = 0
        for line in (line for part in parts for line in part.split("\n") if line.strip()):
            found = drawn.find(inert(line), at)
            if found < 0:
                return False
            at = found + len(line)
        return True

    if not shows([text for fact in card.facts for text in (fact.label, fact.value)]):
        return "a fact"
    if not shows([card.line]):
        return "method and address"
    if not shows([card.payload, card.payload_tail]):
        return "a part of the request"
    return None if shows([card.note or ""]) else "the agent's note"


def block(facts: Sequence[Fact], inert: Callable[[str], str] = str) -> str:
    """Facts as lines, for a block in which nothing is read: what is not a label is indented."""
    lines = [f"{inert(one.label)}: {inert(one.value)}" for one in facts]
    return "\n".join(line.replace("\n", "\n  ") for line in lines)


def shorter(card: Card, measure: Measure) -> Iterator[Card]:
    """The card, and what to try where a message takes fewer characters than all its texts have.

    First with the texts shortened that are not bound; then, without Approve, with as many facts as
    fit (no label is ever cut) and the ends of the reading: 900 characters are left, in the end 600,
    and `review_needed` says that only the page shows everything.
    """

    def short(text: str, limit: int) -> str:
        kept = fit(text, limit - 16 if measure(text) > limit else limit, measure)
        return f"{kept.head}…[{kept.elided} more]…{kept.tail}" if kept.elided else text

    yield card
    terse = replace(
        card,
        headline=short(card.headline, 100),
        title=short(card.title, 100),
        agent=short(card.agent, 60),
        note=short(card.note, 60) if card.note else None,
        progress=short(card.progress, 80),
    )
    if terse != card:
        yield terse
    yield from (_cut(terse, short, measure, room, ends) for room, ends in ((300, 120), (60, 40)))


def _cut(
    card: Card, short: Callable[[str, int], str], measure: Measure, room: int, ends: int
) -> Card:
    """Without Approve. `room`: for the facts; `ends`: of the reading, at each end."""
    kept = list[Fact]()
    for fact in card.facts:
        # Fewer facts that can be read say more than all of them cut to nothing.
        told = Fact(fact.label, short(fact.value, max(room // 3, 40)))
        room -= measure(told.label) + measure(told.value) + 3
        if room < 0:
            break
        kept.append(told)
    if left := len(card.facts) - len(kept):
        kept.append(Fact("More", f"{left} facts not shown here"))
    start, end = fit(card.payload, ends, measure), fit(card.payload_tail, ends, measure)
    head, tail = start.head.rstrip(), (end.tail or end.head or start.tail).lstrip()
    whole_ = utf8_len(card.payload) + utf8_len(card.payload_tail)
    return replace(
        card,
        title=short(card.title, 60),
        action=short(card.action, 60),
        line=short(card.line, 80),
        note=card.note and short(card.note, 40),
        facts=tuple(kept),
        payload=head,
        payload_tail=tail,
        elided=card.elided + whole_ - utf8_len(head) - utf8_len(tail),
        buttons=tuple(one for one in card.buttons if one.label is not Label.APPROVE),
        review_needed=(card.review_needed or "It is too long for this card.")
        if card.buttons
        else None,
    )


def reachable(url: str) -> bool:
    """Could anybody else follow it? Platforms refuse a whole card ("Wrong HTTP URL",
    URL_TYPE_INVALID_URL) for a button to a place that is not: seen for localhost, IPv6 and hosts
    without a dot. Then the address stands in the text.
    """
    host = urlsplit(url).hostname or ""
    return "." in host and ":" not in host and not host.endswith((".localhost", ".local"))


def retry_after(value: str | None) -> Duration | None:
    """The header of that name, in seconds on every platform that we know, as milliseconds."""
    seconds = re.fullmatch(r"\s*([0-9]{1,6})(?:\.([0-9]+))?\s*", value or "")
    return int(float(seconds[0]) * 1000) if seconds else None


def reason(error: BaseException) -> str:
    """Why nothing came of a call to another machine, in words for its owner. Never with the error's
    own text, which may hold an address or a token, and never with an exception's name."""
    chain: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here not in chain:
        chain.append(here)
        here = getattr(here, "os_error", None) or here.__cause__ or here.__context__
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    for known, why in _REASONS:
        if known & names:
            return why
    if any("Connect call failed" in str(one) for one in chain):  # several addresses, all refused
        return "connection refused"
    for one in chain:
        if isinstance(one, OSError) and one.errno and one.errno in errno.errorcode:
            return os.strerror(one.errno).lower()
    return "the call failed"


_REASONS: Final = (
    ({"gaierror", "ClientConnectorDNSError", "UnicodeError"}, "no such host name is known here"),
    (
        {"SSLCertVerificationError", "ClientConnectorCertificateError"},
        "its TLS certificate is not trusted here, or for another name",
    ),
    ({"SSLError", "ClientSSLError"}, "no TLS connection can be made"),
    ({"TimeoutError", "SMTPTimeoutError", "TimedOut", "ConnectTimeout"}, "no answer in time"),
    ({"ConnectionRefusedError"}, "connection refused"),
    (
        {"ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError"}
        | {"ServerDisconnectedError", "SMTPServerDisconnected", "ClientPayloadError"}
        | {"RemoteProtocolError", "ConnectionClosed"},
        "the connection broke off",
    ),
    ({"SMTPNotSupported"}, "it has no STARTTLS, or no login of this kind"),
    ({"InvalidURL"}, "the address is not a URL"),
    ({"ResponseError", "ContentTypeError", "ValueError"}, "its answer is not as documented"),
)
"""By the names of exceptions and of what they derive from: httpx, aiohttp and aiosmtplib have their
own, and not each is imported."""


def clock_finding(date: str | None, now: Instant) -> Finding:
    """Our clock against a platform's `Date` header: signatures are too old on a wrong one."""
    try:
        late = now / 1000 - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding("clock", False, "it did not say what time it is")
    return Finding("clock", abs(late) < 60, f"{late:+.0f} s from theirs")


def typed(text: str) -> str:
    """What stood behind a command that links an account, as the `Reply.text` that asks for that:
    whatever it is, it gets an answer.
    """
    words = text.split()
    return f"link {words[-1][:64] if words else '-'}"


Deliver: TypeAlias = Callable[[Event], Awaitable[Notice | None]]
"""What `listen` calls with each event; the notice it returns goes back through `tell`."""

Last: TypeAlias = Callable[[str], Awaitable[Instant]]
"""When this account last wrote to us; 0: not known, or what that allows is over."""


class Channel(Protocol):
    """One messaging platform. Implementations are frozen dataclasses of their configuration."""

    @property
    def name(self) -> str: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def abilities(self) -> Abilities: ...

    def escape(self, text: str) -> str:
        """Make cleaned text inert where the platform parses markup."""
        ...

    def drawn(self, card: Card) -> Drawn:
        """The card within the platform's limits. Pure. Raises `Refused` if it cannot be drawn.

        Its `card` is what stands there: shortened, or without Approve, where it had to be.
        """
        ...

    def layout(self, card: Card) -> Payload:
        """The payload of `drawn`."""
        ...

    def authenticate(self, inbound: Inbound) -> Proven:
        """Raise `Forged` unless the platform sent exactly these bytes, just now."""
        ...

    def read(self, resolved: Resolved) -> Event:
        """What happened. Pure. Raises `Malformed`."""
        ...

    async def open(self, account: str) -> Address:
        """The conversation with an account (its id there, or an e-mail address if `open_by_email`).

        Raises `Refused` for an account that may never approve: unknown, a bot, a guest, deleted.
        """
        ...

    def echo(self, payload: Payload) -> str | None:
        """The `Tap.echo` a tap on this payload must carry; None where taps carry none. Pure.

        Equal for what nobody can tell apart (white space at the end of a text, NFC, flags that are
        off or absent); different for any other text, label, token, link or attachment.
        """
        ...

    async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
        """Send a card. `key`: idempotency key, if the platform takes one. `Busy` or `Refused`.

        `altered` of the result: what the platform's answer shows otherwise.
        """
        ...

    async def redraw(self, ref: MessageRef, payload: Payload) -> MessageRef | None:
        """Make the posted card say `payload`, or send a closing message where nothing is edited.

        Where the card is now: another message where it had to be posted again, which then takes the
        taps instead of the old one. `altered` of it: what the platform's answer shows otherwise.
        None: where it was, and there is nothing to say.
        """
        ...

    def answer(self, tap: Tap, notice: Notice) -> Response | None:
        """What the platform wants as HTTP answer, at once. Pure. None: an empty 200."""
        ...

    async def tell(self, tap: Tap, notice: Notice) -> None:
        """After the answer: the private word or reason prompt that `answer` could not say."""
        ...

    async def listen(self, deliver: Deliver) -> None:
        """Outbound-only mode: run until cancelled. Only where `abilities.listen`."""
        ...

    async def check(self) -> list[Finding]:
        """Token, scopes, webhook, clock: is all well on the other side?"""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A channel whose `authenticate` needs what only the platform has, like its newest keys."""

    async def prepare(self, inbound: Inbound) -> None:
        """Awaited before `authenticate`, with nothing proven yet. `Busy`: it must wait."""
        ...


@runtime_checkable
class Resolves(Protocol):
    """A channel whose deliveries do not say all: the platform has to be asked what was pressed, or
    what this account may do there."""

    async def resolve(self, proven: Proven) -> Resolved:
        """Awaited after the proof, for a few seconds at most: the platform waits for our answer.

        `Forged`: the platform knows nothing of it. `Busy`: it must wait, and come again.
        """
        ...


async def resolve(channel: Channel, proven: Proven) -> Resolved:
    """What `read` takes: as it was proven, where the channel has nothing to ask."""
    return await channel.resolve(proven) if isinstance(channel, Resolves) else Resolved.of(proven)


@runtime_checkable
class Places(Protocol):
    """A channel where a card may stand where its request lives: a commit's check, an issue, a
    deployment."""

    async def place(self, whom: Address, request: Request) -> Address:
        """Where the card of this request goes. `whom`: a person's conversation, as `open` gave it,
        or a room of `via`; it is the answer where nothing better is known. `Busy` or `Refused`."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """An address of our own that a platform delivers to, besides `/channels/<name>/events`.

    `path`: below `/channels/<name>/`, or what a protocol demands, which begins with `/_`. It may
    have parts in braces (`{id}`): `Inbound.path` is the one that was called. `done`: the JSON that
    the platform wants to see where all was taken and there is nothing else to answer.
    """

    method: str
    path: str
    done: bytes = field(default=b"", compare=False)


@runtime_checkable
class Routed(Protocol):
    """A channel whose platform delivers to several addresses, or by other methods than POST."""

    @property
    def routes(self) -> Sequence[Route]: ...


class Memory(Protocol):
    """A channel's own small values in the store, by name: a sync cursor, a token that rotates.

    Sealed: a thief of the database reads none of them, and who writes there makes none up. Who can
    write there can bring back one that was true before. All copies of the service share them.
    """

    async def get(self, key: str) -> bytes | None:
        """None: there is none, or none that a key of ours made. `Busy`."""
        ...

    async def put(self, key: str, value: bytes | None, *, was: bytes | None) -> bool:
        """Keep it, or forget it (None). False, and nothing is changed, where what is kept is not
        `was` any more: another copy was faster. `ValueError` for more than 64 kB. `Busy`."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A channel that must know something after a restart, or in another copy."""

    def remember(self, memory: Memory) -> None:
        """What it keeps things in. Called once, before anything else is asked of it."""
        ...


@runtime_checkable
class Talks(Protocol):
    """A channel that reads what people write (`Reply`), so that accounts can be linked there."""

    async def say(self, reply: Reply, notice: Notice) -> None:
        """A private word to the account that wrote: never in a room. `Busy` or `Refused`."""
        ...


@runtime_checkable
class Personal(Protocol):
    """A channel that shows each reader of a room another face of one card, if their client asks."""

    async def viewers(self, conversation: str, accounts: Sequence[str]) -> Sequence[str]:
        """What clients there call these accounts; who is not there is left out. `Busy`."""
        ...

    def shared(self, card: Card, viewers: Sequence[str]) -> Payload:
        """The face for everybody: without buttons, and these clients ask for one of their own
        (`Glance`), as do others by hand. Pure. Raises `Refused`, as `layout` does."""
        ...

    def face(self, glance: Glance, card: Card | None, word: str) -> Response:
        """The answer to whoever looks: this card, and a word to them alone, or ""; `card` None:
        the word only. Pure. Raises `Refused`, as `layout` does."""
        ...


@runtime_checkable
class Answers(Talks, Protocol):
    """A channel whose platform wants that word as the HTTP answer to what was written."""

    def word(self, reply: Reply, notice: Notice) -> Response:
        """The answer, at once, instead of `say`. Pure."""
        ...


@runtime_checkable
class Hears(Protocol):
    """A channel where we may write freely only for a while after somebody wrote to us.

    When that was is kept in the store, so that it outlives a restart and every copy knows it. No
    decision rests on it.
    """

    def heard(self, resolved: Resolved) -> Mapping[str, Instant]:
        """Who wrote to us in this delivery, which `read` took, by every id they have. Pure."""
        ...

    def recall(self, last: Last) -> None:
        """Whom to ask before something is sent. Without it nothing is known."""
        ...


@runtime_checkable
class Named(Protocol):
    """A channel that can be asked what our bot is called there."""

    async def called(self) -> str:
        """The name that links to our bot need. `Busy` or `Refused`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A few lines and one link, for one reader: no card, and nothing to tap.

    `subject`: where there are subjects; it stands on locked screens. `label`: what the link is
    called, where it need not be spelt out.
    """

    subject: str
    before: tuple[str, ...]
    label: str
    link: str = field(repr=False)
    after: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it as plain text."""
        return "\n\n".join((*self.before, self.link, *self.after))


@runtime_checkable
class Whispers(Protocol):
    """A channel where we can write to an account by ourselves, so that nobody else reads it.

    Not one where a thief of the bot's token can read what the bot wrote: a sign-in link that is
    sent there would be theirs.
    """

    async def whisper(self, account: str, letter: Letter) -> None:
        """Send it to this account alone; the link is not unfurled. `Busy` or `Refused`."""
        ...


@runtime_checkable
class Invites(Protocol):
    """A channel where nobody writes to us: an account is sent a link, which links it."""

    async def invite(self, account: str, person: str, by: str, link: str) -> None:
        """Send it. `by`: who asked for it. `Busy` or `Refused`."""
        ...
