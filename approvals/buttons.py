"""Buttons and votes, each proven by a MAC: write access to the database alone approves nothing.

1. A button's value is a MAC over its card, its binding and a nonce that never leaves the store.
2. The stored binding is compared with the live case and the proven tap field by field first, then
   the MAC in constant time. The token says which button; never who pressed, nor whether they may.
3. A vote's MAC covers the vote, the request, the terms it was given on, and who was barred. What
   a vote is given on is sealed before, when the case is opened or revised.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Final

from approvals.evidence import Field, frame
from approvals.model import ADDED, Address, Ask, Case, Choice, Instant, Label, Refused, Vote

LENGTH: Final = 20
"""Characters of a token without its tail."""
CARD: Final = "countersign/card/1"  # seals card id, message id, echo: what was posted, and showed
ACCOUNT: Final = "countersign/account/1"  # seals every field of a stored account


@dataclass(frozen=True, slots=True)
class Key:
    """A button key. Raises `ValueError` under 32 bytes."""

    kid: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < 32:
            raise ValueError(f"the button key {self.kid!r} is shorter than 32 bytes")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that verify, by kid; `active` signs. A revoked key is simply not here."""

    keys: Mapping[str, Key]
    active: str

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise ValueError(f"the active button key {self.active!r} is not in the ring")
        if any(kid != key.kid for kid, key in self.keys.items()):
            raise ValueError("a button key stands under another name than its own")


@dataclass(frozen=True, slots=True)
class Binding:
    """What a button is good for. `addressee` None: anyone eligible in this conversation."""

    kid: str
    request_id: str
    revision: int
    digest: str
    choice: Choice
    label: Label
    channel: str
    conversation: str
    addressee: str | None
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class Stored:
    """A button as the store keeps it: not the token, nor what one is made of without a key."""

    lookup: bytes
    card_id: str
    nonce: bytes = field(repr=False)
    binding: Binding


def mint(
    ring: KeyRing,
    nonce: bytes,
    *,
    card_id: str,
    case: Case,
    label: Label,
    address: Address,
    tail: str = "",
) -> tuple[Stored, str]:
    """A new button and its token (20 characters). `ValueError`: `nonce` is not 16 random bytes.

    `tail`: random text that the token ends with, for links, where the token is all that is asked
    for. The store has it in the hash of the look-up only, so a copy with the key makes no link.
    """
    if len(nonce) != 16:
        raise ValueError("a button needs a nonce of 16 bytes")
    where = (address.channel, address.conversation, address.account, case.expires_at)
    what = (ring.active, case.id, case.revision, case.digest, label.choice, label)
    binding = Binding(*what, *where)
    token = _token(ring.keys[ring.active], nonce, card_id, binding) + tail
    return Stored(lookup(token), card_id, nonce, binding), token


def token_of(ring: KeyRing, stored: Stored) -> str:
    """The token again, to redraw a card. Raises `Refused` when its key has gone."""
    if (key := ring.keys.get(stored.binding.kid)) is None:
        raise Refused(f"the button key {stored.binding.kid!r} is not in the ring")
    return _token(key, stored.nonce, stored.card_id, stored.binding)


def lookup(token: str) -> bytes:
    """What a button is found by: 16 bytes of the token's SHA-256. Any text will do."""
    return sha256(token.encode(errors="surrogatepass")).digest()[:16]


def mismatch(
    stored: Stored, case: Case, *, channel: str, conversation: str, account: str
) -> str | None:
    """The first field of the binding that the live case or the proven tap contradicts, or None.

    For the log, never for who tapped. `label` and `kid` have no counterpart but in the MAC; that
    the time has passed is for the machine, which says so to the person.
    """
    bound = stored.binding
    if bound.request_id != case.id:
        return "request_id"
    if bound.revision != case.revision:
        return "revision"
    if bound.digest != case.digest:
        return "digest"
    if bound.choice is not bound.label.choice:
        return "choice"
    if bound.channel != channel:
        return "channel"
    if bound.conversation != conversation:
        return "conversation"
    if bound.addressee is not None and bound.addressee != account:
        return "addressee"
    return "expires_at" if bound.expires_at != case.expires_at else None


def genuine(ring: KeyRing, stored: Stored, token: str) -> bool:
    """Is this the token of the button that was found by it, by a key that still counts? In
    constant time. Its tail is proven by the look-up."""
    key = ring.keys.get(stored.binding.kid)
    what = (stored.nonce, stored.card_id, stored.binding)
    tail = lookup(token) == stored.lookup
    return key is not None and _same(_token(key, *what), token[:LENGTH]) and tail


def seal(ring: KeyRing, purpose: str, *what: Field, kid: str = "") -> str:
    """Proof, to be stored beside `what`, that we wrote it and not somebody with the database."""
    key = ring.keys[kid or ring.active]
    return f"{key.kid}:{hmac.digest(key.secret, frame(purpose, *what), 'sha256').hex()}"


def sealed(ring: KeyRing, proof: str | None, purpose: str, *what: Field) -> bool:
    """Is this the proof, by a key that still counts? In constant time."""
    kid = (proof or "").rpartition(":")[0]
    return kid in ring.keys and _same(seal(ring, purpose, *what, kid=kid), proof or "")


def seal_case(ring: KeyRing, case: Case) -> Case:
    """The case with its seal, as it is stored when it is opened or revised."""
    return replace(case, seal=seal(ring, "countersign/case/1", *_about(case)))


def case_genuine(ring: KeyRing, case: Case) -> bool:
    """Is all that a vote rests on as we sealed it?"""
    return sealed(ring, case.seal, "countersign/case/1", *_about(case))


def seal_vote(ring: KeyRing, case: Case, vote: Vote) -> Vote:
    """The vote with `kid` and `mac`, as it is stored."""
    return replace(vote, kid=ring.active, mac=_vote_mac(ring.keys[ring.active], case, vote))


def vote_genuine(ring: KeyRing, case: Case, vote: Vote) -> bool:
    """Was this vote sealed by us for this case, as both stand now? In constant time."""
    key = ring.keys.get(vote.kid)
    return key is not None and _same(_vote_mac(key, case, vote), vote.mac)


def _token(key: Key, nonce: bytes, card_id: str, b: Binding) -> str:
    what = (b.kid, b.request_id, b.revision, b.digest, b.choice, b.label)
    where = (b.channel, b.conversation, b.addressee, b.expires_at)
    message = nonce + frame("countersign/button/1", card_id, *what, *where)
    return urlsafe_b64encode(hmac.digest(key.secret, message, "sha256")[:15]).decode()


def _vote_mac(key: Key, case: Case, vote: Vote) -> str:
    # The case's seal stands for all of the case; whoever trusts a vote checks the case first.
    what = (key.kid, vote.person, vote.choice, vote.channel, vote.revision, vote.at, vote.unseen)
    every = (case.seal, *what, vote.reason, len(vote.groups), *vote.groups)
    return hmac.digest(key.secret, frame("countersign/vote/1", *every), "sha256").hex()


def _about(case: Case) -> tuple[Field, ...]:
    request = (case.id, case.org, case.revision, case.digest, case.requester, case.agent)
    terms = (_terms(case.ask), case.inspectable, case.complete, case.created_at, case.expires_at)
    return (*request, *terms, case.shown, len(case.barred), *case.barred)


@lru_cache(1024)
def _terms(ask: Ask) -> bytes:
    return sha256(frame("countersign/terms/1", *flat(ask))).digest()


def flat(value: object) -> Iterator[Field]:
    """The fields of a frozen value, for `frame`. `TypeError`: it holds something else."""
    # Every field of a dataclass, those of tomorrow too; a count before each run keeps it injective.
    # A field that a later version added stands with its name, and only where it says something:
    # seals made before it was there stay valid (`model.added`).
    if value is None or isinstance(value, str | bytes | int):  # first: most of them are
        yield value
        return
    if is_dataclass(value):
        value = tuple(
            (each.name, one) if ADDED in each.metadata else one
            for each in fields(value)
            if (one := getattr(value, each.name)) != each.default or ADDED not in each.metadata
        )
    if isinstance(value, tuple):
        yield len(value)
        for each in value:
            yield from flat(each)
    else:
        raise TypeError(f"a {type(value).__name__} cannot be sealed")


def _same(ours: str, theirs: str) -> bool:
    # Non-ASCII text would be a TypeError; "?" is in no MAC of ours.
    return hmac.compare_digest(ours.encode(), theirs.encode("ascii", "replace"))
