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
        a room of `via`, or the place of a card that is posted again; it is the answer where nothing
        better is known. `Busy` or `Refused`."""
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


Count: TypeAlias = Callable[[str], None]
"""Counts one call or delivery that costs money, by its kind: one of a few fixed words."""


@runtime_checkable
class Charged(Protocol):
    """A channel whose platform charges for single calls and deliveries: the metrics count them."""

    def charge(self, count: Count) -> None:
        """Whom to tell of each. Called once, before anything else is asked of it."""
        ...


@runtime_checkable
class CatchesUp(Protocol):
    """A channel whose platform repeats, when asked, the deliveries that we missed in an outage."""

    async def catch_up(self) -> None:
        """Detect our own outages and ask for the missed deliveries. Runs until cancelled."""
        ...


class Homes(Protocol):
    """What people may see besides cards. The core answers; the channel only draws it."""

    async def of(self, account: str, *, stays: bool) -> Home | None:
        """The list of the person whose account this is; None: it is nobody's here. `stays`: it is
        on a page that is to be shown again (`Hosts.show`) when it changes. `Busy`."""
        ...


@runtime_checkable
class Hosts(Protocol):
    """A channel with pages of its own: an app's home, a command that lists, an installation."""

    def look_up(self, homes: Homes) -> None:
        """Whom to ask what a page says. Called once, before anything is delivered."""
        ...

    async def host(self, visit: Visit) -> Response:
        """Show the page. Called for what was delivered to us; for what came by a connection of its
        own (`listen`) the channel calls it by itself. `Busy` or `Refused`."""
        ...

    async def show(self, account: str, home: Home) -> None:
        """Show a page again that this account may have open: it has changed. `Busy` or
        `Refused`."""
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
