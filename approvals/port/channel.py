"""The protocols that an adapter implements.

`Channel` is what every adapter has. What only some platforms need is a protocol of its own, below
it: an adapter has it by having its methods.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from approvals.model import Address, Card, Instant, MessageRef, Request
from approvals.port.fitting import Drawn
from approvals.port.values import (
    Abilities,
    Event,
    Finding,
    Glance,
    Home,
    Inbound,
    Limits,
    Notice,
    Payload,
    Proven,
    Reply,
    Resolved,
    Response,
    Tap,
    Visit,
)

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

        Equal where nobody could see a difference (white space at the end of a text, NFC, flags that
        are off or absent); different for any other text, label, token, link or attachment.
        """
        ...

    async def post(self, address: Address, payload: Payload, key: str) -> MessageRef:
        """Send a card. `key`: idempotency key, if the platform takes one. `Busy` or `Refused`.

        `altered` of the result: where the platform's answer differs from the payload.
        """
        ...

    async def redraw(self, ref: MessageRef, payload: Payload) -> MessageRef | None:
        """Make the posted card say `payload`, or send a closing message where nothing is edited.

        Where the card is now: another message if it had to be posted again, which takes the taps
        from then on. `altered` as in `post`. None: the same message, and nothing to report.
        """
        ...

    def answer(self, tap: Tap, notice: Notice) -> Response | None:
        """The HTTP answer that the platform wants at once. Pure. None: an empty 200."""
        ...

    async def tell(self, tap: Tap, notice: Notice) -> None:
        """After the answer: the private message or reason prompt that `answer` couldn't carry."""
        ...

    async def listen(self, deliver: Deliver) -> None:
        """Outbound-only mode: run until cancelled. Only where `abilities.listen`."""
        ...

    async def check(self) -> list[Finding]:
        """Check token, scopes, webhook and clock with the platform."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A channel whose `authenticate` needs something from the platform, like its newest keys."""

    async def prepare(self, inbound: Inbound) -> None:
        """Awaited before `authenticate`, with nothing proven yet. `Busy`: it must wait."""
        ...


@runtime_checkable
class Resolves(Protocol):
    """A channel whose deliveries don't say enough: it must ask the platform what was pressed, or
    what this account may do there."""

    async def resolve(self, proven: Proven) -> Resolved:
        """Awaited after the proof, for a few seconds at most: the platform waits for our answer.

        `Forged`: the platform knows nothing of it. `Busy`: it must wait, and come again.
        """
        ...


async def resolve(channel: Channel, proven: Proven) -> Resolved:
    """What `read` takes: the proven delivery itself, where the channel has nothing to ask."""
    return await channel.resolve(proven) if isinstance(channel, Resolves) else Resolved.of(proven)


@runtime_checkable
class Places(Protocol):
    """A channel where a card may stand where its request lives: a commit's check, an issue, a
    deployment."""

    async def place(self, whom: Address, request: Request) -> Address:
        """Where the card of this request goes. `whom`: a person's conversation from `open`, a room
        of `via`, or the place of a card that is posted again; returned as it is where nothing
        better is known. `Busy` or `Refused`."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """An address of our own that a platform delivers to, besides `/channels/<name>/events`.

    `path`: all of it, `/channels/<name>/messages`, or one that a protocol demands, which begins
    with `/_`. It may have parts in braces (`{id}`); `Inbound.path` has the called path. `done`: the
    JSON answer to a delivery that was taken and needs no other answer. `/channels/<name>/events`
    answers such a delivery with an empty body. For a platform that doesn't accept one, declare a
    `Route`, and name its address in `guide`, too.
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

    They are sealed: somebody who steals the database can't read them, and somebody who writes to it
    can't invent one, though they could restore an older one. All copies of the service share them.
    """

    async def get(self, key: str) -> bytes | None:
        """None: there is none, or none that our keys sealed. `Busy`."""
        ...

    async def put(self, key: str, value: bytes | None, *, was: bytes | None) -> bool:
        """Store it, or delete it (None). False, and nothing is changed, if the stored value is no
        longer `was`: another copy was faster. `ValueError` for more than 64 kB. `Busy`."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A channel that must know something after a restart, or in another copy."""

    def remember(self, memory: Memory) -> None:
        """Gives it its memory. Called once, before any other method."""
        ...


Count: TypeAlias = Callable[[str], None]
"""Counts one call or delivery that costs money, by its kind: one of a few fixed words."""


@runtime_checkable
class Charged(Protocol):
    """A channel whose platform charges for single calls and deliveries: the metrics count them."""

    def charge(self, count: Count) -> None:
        """Gives it the counter. Called once, before any other method."""
        ...


@runtime_checkable
class CatchesUp(Protocol):
    """A channel whose platform repeats, when asked, the deliveries that we missed in an outage."""

    async def catch_up(self) -> None:
        """Detect our own outages and ask for the missed deliveries. Runs until cancelled."""
        ...


class Homes(Protocol):
    """A person's list of requests. The core makes it; the channel only draws it."""

    async def of(self, account: str, *, stays: bool) -> Home | None:
        """The list of the account's person; None: the account is linked to nobody. `stays`: it is
        on a page that must be shown again (`Hosts.show`) when the list changes. `Busy`."""
        ...


@runtime_checkable
class Hosts(Protocol):
    """A channel with pages of its own: an app's home, a command that lists, an installation."""

    def look_up(self, homes: Homes) -> None:
        """Gives it the lists that its pages draw. Called once, before anything is delivered."""
        ...

    async def host(self, visit: Visit) -> Response:
        """Show the page. The service calls it for deliveries; the channel itself for what arrives
        by its own connection (`listen`). `Busy` or `Refused`."""
        ...

    async def show(self, account: str, home: Home) -> None:
        """The list has changed: show the page again that this account may have open. `Busy` or
        `Refused`."""
        ...


@runtime_checkable
class Talks(Protocol):
    """A channel that reads what people write (`Reply`), so that accounts can be linked there."""

    async def say(self, reply: Reply, notice: Notice) -> None:
        """A private message to the account that wrote: never in a room. `Busy` or `Refused`."""
        ...


@runtime_checkable
class Personal(Protocol):
    """A channel that shows each reader of a room their own view of a card, if their client asks."""

    async def viewers(self, conversation: str, accounts: Sequence[str]) -> Sequence[str]:
        """The ids that clients there use for these accounts, without those who aren't there.
        `Busy`."""
        ...

    def shared(self, card: Card, viewers: Sequence[str]) -> Payload:
        """The view for everybody, without buttons. These clients ask for their own (`Glance`) by
        themselves; other people ask by hand. Pure. Raises `Refused`, as `layout` does."""
        ...

    def face(self, glance: Glance, card: Card | None, word: str) -> Response:
        """The answer to one reader: this card, and a sentence for them alone, or ""; `card` None:
        the sentence only. Pure. Raises `Refused`, as `layout` does."""
        ...


@runtime_checkable
class Answers(Talks, Protocol):
    """A channel that answers a message in its HTTP answer."""

    def word(self, reply: Reply, notice: Notice) -> Response:
        """The answer, at once, instead of `say`. Pure."""
        ...


@runtime_checkable
class Hears(Protocol):
    """A channel where we may write freely only for a while after somebody wrote to us.

    The store keeps when that was, so that it outlives a restart and every copy knows it. No
    decision rests on it.
    """

    def heard(self, resolved: Resolved) -> Mapping[str, Instant]:
        """When each account wrote to us, by all its ids, in a delivery that `read` took. Pure."""
        ...

    def recall(self, last: Last) -> None:
        """Gives it what the store knows. Before that, nothing is known."""
        ...


@runtime_checkable
class Named(Protocol):
    """A channel that can ask for our bot's name."""

    async def called(self) -> str:
        """The bot's name, as links to it need it. `Busy` or `Refused`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A few lines and one link, for one reader: no card, and nothing to tap.

    `subject`: for mail; it is visible on locked screens. `label`: the link's text, where the
    address doesn't have to be spelled out.
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
    """A channel where we can write to an account first, and nobody else can read it.

    Not a channel where a stolen bot token can read the bot's messages: whoever stole it could use
    the sign-in links that we send.
    """

    async def whisper(self, account: str, letter: Letter) -> None:
        """Send it to this account alone; the link is not unfurled. `Busy` or `Refused`."""
        ...


@runtime_checkable
class Invites(Protocol):
    """A channel where nobody can write to us: we send the account a link that links it."""

    async def invite(self, account: str, person: str, by: str, link: str) -> None:
        """Send it. `by`: who asked for it. `Busy` or `Refused`."""
        ...
