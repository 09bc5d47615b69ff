"""What goes into the store and comes out of it, besides the nouns of `model`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from pydantic_core import to_json

from approvals.buttons import Stored
from approvals.evidence import Checkpoint, Entry, export_line
from approvals.model import ORG, Case, Instant, Request


class Result(StrEnum):
    """What became of one `Change`. Only WON changed anything."""

    WON = "won"
    LOST = "lost"
    """The version had moved, or a new case's id was there already: load again, decide again."""
    SEEN = "seen"
    """The event, or the idempotency key with this very body, was committed before."""
    MISMATCH = "mismatch"
    """The idempotency key was used before with another body."""
    BAD = "bad"
    """The database cannot hold one of its values (a NUL, too long a key). No other change of the
    same call suffers."""


class CardState(StrEnum):
    """POSTING until the platform confirms: a tap on such a card is refused."""

    POSTING = "posting"
    POSTED = "posted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CardRow:
    """One attempt to show a case at one address.

    `echo`: the seal that fits what a tap must echo; `echo_next`: the one that may fit as well while
    a redraw is on its way. `drawn`: the case's version that was last drawn. `altered`: where the
    platform shows it otherwise than sent (a JSON path, or `TAPPED`): no tap on it approves any
    more. `instead`: the card that it was posted in place of. `former`: the message that it was
    before it had to be posted again; no tap on that counts.
    """

    id: str
    request_id: str
    revision: int
    channel: str
    conversation: str
    account: str | None = None
    person: str | None = None
    message: str | None = None
    echo: str | None = None
    echo_next: str | None = None
    state: CardState = CardState.POSTING
    drawn: int = 0
    altered: str | None = None
    instead: str | None = None
    former: str | None = None


TAPPED: Final = "seen at a tap"
"""`CardRow.altered` of a card that came back as sent, and was another one when it was tapped."""


@dataclass(frozen=True, slots=True)
class Press:
    """All that deciding a tap needs, as it stood at one moment. `seen`: this event was here."""

    stored: Stored
    card: CardRow
    case: Case
    seen: bool


@dataclass(frozen=True, slots=True)
class Job:
    """One effect to carry out.

    `target`: the lane, for what may be slow or down on its own (a channel, an endpoint). `data` is
    the worker's own. `id` and `attempts` (claims so far) come from `claim`; together they say which
    claim this is.
    """

    kind: str
    request_id: str
    target: str
    due_at: Instant
    data: str = ""
    id: int = 0
    attempts: int = 0


def post_job(case: Case, channel: str, due: Instant, **to: str | None) -> Job:
    """A card to post: to the `account` of a `person`, or in a `room`; `instead` of which card."""
    return Job("post", case.id, channel, due, to_json(to | {"revision": case.revision}).decode())


def again_job(case: Case, card: CardRow, due: Instant, why: str = "") -> Job:
    """Another card where this one is, or was to be. `why` "echo": a tap showed that this one was
    altered."""
    room = None if card.account else card.conversation
    to = {"room": room, "person": card.person, "account": card.account, "instead": card.id}
    return post_job(case, card.channel, due, **to, why=why)


def draw_job(card: CardRow, due: Instant, *, again: bool = False) -> Job:
    """Make this card say what its case says now. `again`: also where it was told to already."""
    data = f"{card.id} again" if again else card.id
    return Job("draw", card.request_id, card.channel, due, data)


FOUND: Final = "found "


def found_job(card: CardRow, message: str, due: Instant) -> Job:
    """A press named the message of a card that we never heard of again: say there that it is not
    the one to decide on."""
    return Job("draw", card.request_id, card.channel, due, f"{card.id} {FOUND}{message}")


@dataclass(frozen=True, slots=True)
class Parked:
    """A job that is not tried again until `resend`."""

    job: Job
    error: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Change:
    """One case's next state and everything that commits with it.

    `before`: the version this was decided on; None opens the case. `content` comes with a new case
    and with each revision, and only then are the case's terms and `audiences` written.
    `seen`: key of the event behind this. `idempotency`: (requester, key, hash of the body).
    `wake_at`: when time next matters to an open case; its expiry at the latest.
    """

    case: Case
    before: int | None
    entries: tuple[Entry, ...] = ()
    effects: tuple[Job, ...] = ()
    seen: str | None = None
    content: Request | None = None
    audiences: tuple[str, ...] = ()
    idempotency: tuple[str, str, str] | None = None
    wake_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A sealed row of the chain. Its entry's content and salt are None once erased."""

    seq: int
    entry: Entry
    commitment: bytes
    link: bytes

    def line(self) -> str:
        """As exported, without a line end."""
        return export_line(self.seq, self.entry, self.commitment, self.link)


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person. `at`: when they last proved themselves, `how`: by what."""

    person: str
    how: str
    at: Instant
    expires_at: Instant
    org: str = ORG


@dataclass(frozen=True, slots=True)
class LoginLink:
    """A sign-in link; `mac` is the caller's own proof that it, not the database, made the row."""

    person: str
    request_id: str | None
    mac: bytes
    expires_at: Instant
    org: str = ORG


@dataclass(frozen=True, slots=True)
class Token:
    """A person's own token for the CLI and the API. `expires_at` None: until revoked."""

    person: str
    name: str
    at: Instant
    expires_at: Instant | None = None
    org: str = ORG


@dataclass(frozen=True, slots=True)
class Grant:
    """A person's yes in advance to the next request that is identical, until `expires_at`.

    `request_id`: the one that it was given on. `seal`: the caller's own proof that it, not the
    database, made the row. That it is used or revoked is the event `grant:<id>` among those seen.
    """

    id: str
    identity: str
    person: str
    request_id: str
    at: Instant
    expires_at: Instant
    org: str = ORG
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """How an account stands on its channel ("vetted", "refused"), as of `vetted_at`.

    `seal`: the caller's own proof that it, not the database, made the row.
    """

    channel: str
    account: str
    person: str | None
    standing: str
    vetted_at: Instant
    org: str = ORG
    seal: str = ""


@dataclass(frozen=True, slots=True)
class LinkCode:
    """Whoever sends it to `channel` before `expires_at` is this person there.

    `seal`: the caller's own proof that it, not the database, made the row.
    """

    person: str
    channel: str
    expires_at: Instant
    org: str = ORG
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Linked:
    """An account that proved by a code whose it is, since `at`. `seal`: as of a code."""

    channel: str
    account: str
    person: str
    at: Instant
    org: str = ORG
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """For metrics. `jobs`: (kind, target) → (waiting or leased, earliest due). `older`: open cases
    by age, as they were asked for. `unsealed_since`: when the oldest entry was made that is not in
    the chain yet."""

    pending: int
    jobs: Mapping[tuple[str, str], tuple[int, Instant]]
    parked: int
    unsealed: int
    older: Mapping[int, int] = field(default_factory=dict)
    unsealed_since: Instant | None = None


Taps: TypeAlias = Sequence[tuple[bytes, str]]
"""(look-up of the button, key of the event) each."""
Sign: TypeAlias = Callable[[Checkpoint], str]
"""Makes the signed checkpoint (JWS) of a chain's new head ("seq:hash") at this time."""
Heard: TypeAlias = Callable[[Collection[str] | None], None]
"""Called with the ids of requests that moved; None: any may have (notices were lost)."""
