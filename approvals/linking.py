"""Linking: an account on a channel says, by a code, which person it is.

1. Whoever sends a person's code from an account is that person there. The code is 80 random bits,
   good once, for ten minutes, on one channel, and stored as its SHA-256.
2. A code and what came of it carry a seal by a button key, so that write access to the database
   links nobody; a key that is taken out of the ring ends what was linked with it.
3. Every refusal is one same answer: it does not tell a wrong code from an old or a used one.
4. Where nobody can write to us, the account is sent its code, in a link: it links that account
   alone, and only for who is signed in as that person. So both sides are proven there, too.
5. Nobody is ever matched by a name. The configuration is the master: what it says of an account
   stands, whatever a code says.
5. An account that its person gave up (a number that somebody else may have next) is nobody's, not
   by the configuration either, until a code comes from it.
"""

from __future__ import annotations

import asyncio
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from approvals import audit
from approvals.buttons import ACCOUNT, KeyRing, seal, sealed
from approvals.evidence import Entry, Field
from approvals.model import MINUTE, Busy, Duration, Instant, Refused
from approvals.people import GIVEN_UP, GOOD, Directory, Link
from approvals.port import GivenUp, Named, Notice, NoticeKind, Reply
from approvals.port.setup import Linking
from approvals.store import Account, LinkCode, Linked, Store

LIFETIME: Final[Duration] = 10 * MINUTE
PATIENCE: Final = 5.0
"""Seconds for asking a platform what our bot is called."""
DEAD: Final = Notice(
    NoticeKind.REFUSED,
    "This code links nothing here. A code works once, for ten minutes, on the channel it was "
    "made for. `countersign link` makes another.",
)
"""The one answer to every code that does not link."""
# Crockford's base 32: no letter that is read as another. https://www.crockford.com/base32.html
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SAID: Final = re.compile(r"(?:/start(?:@\w{1,64})?|link)\s+(\S{1,64})", re.IGNORECASE)
_CODE: Final = re.compile(r"CS((?:-[0-9A-Z]{4}){4})")
_ALIKE: Final = str.maketrans("OIL", "011")
_PURPOSE: Final = "countersign/link-code/1"
_LINKED: Final = "countersign/linked/1"

Random = Callable[[int], bytes]
Make = Callable[[Iterable[Link]], Directory]
"""The people of the configuration, with these links."""


async def make_code(
    store: Store,
    ring: KeyRing,
    person: str,
    channel: str,
    *,
    by: str,
    now: Instant,
    random: Random,
    account: str | None = None,
) -> str:
    """A code that links an account of `channel` to `person`. `by`: who asked, for the chain.

    `account`: it is to be sent there, links nothing else, and says both to `invited`.
    """
    number = int.from_bytes(random(10))
    letters = "".join(_LETTERS[number >> 5 * place & 31] for place in range(16))
    secret = "CS-" + "-".join(letters[at : at + 4] for at in range(0, 16, 4))
    said = {"person": person, "channel": channel, "by": by}
    if account is not None:
        about = json.dumps([account, by]).encode()
        secret = f"{secret}.{urlsafe_b64encode(about).decode().rstrip('=')}"
        said["account"] = account
    made = LinkCode(person, channel, now + LIFETIME)
    made = replace(made, seal=seal(ring, _PURPOSE, *_of_code(secret, made)))
    await store.add_code(secret, made, [_entry(audit.Kind.LINK_CODE_MADE, now, random, **said)])
    return secret


async def bot(channel: object, named: str = "") -> str:
    """What our bot is called there: `named`, or as its platform says now. "": nobody says it, and
    then there is a text to send and no link.
    """
    if named or not isinstance(channel, Named):
        return named
    try:
        async with asyncio.timeout(PATIENCE):
            return await channel.called()
    except (Busy, Refused, TimeoutError):
        return ""


@dataclass(frozen=True, slots=True)
class Invited:
    """What a link that was sent to an account would do. `by`: who asked for it."""

    person: str
    account: str
    by: str


async def invited(
    store: Store, ring: KeyRing, channel: str, code: str, now: Instant
) -> Invited | None:
    """What this code was sent to an account for, if it still links; looking does not use it.

    The account stands in the code itself: what is stored is a hash over both, so that one that was
    made for an account links no other.
    """
    found = await _live(store, ring, code, now)
    _, dot, about = code.partition(".")
    if found is None or found.channel != channel or not dot:
        return None
    account, by = json.loads(urlsafe_b64decode(about + "=" * (-len(about) % 4)))
    return Invited(found.person, account, by)


def words(channel: str, how: Linking, code: str, bot: str = "") -> tuple[str, ...]:
    """What a person does with a code, a line each; the text to send, or the link, is the last.

    `how`: what the channel's folder says of it. `bot`: what our bot is called there, if known.
    """
    good = "It works once, for ten minutes."
    if bot and how.deep:
        link = how.deep.format(bot=bot.lstrip("@+"), code=code)
        return (
            f"Open this where you are signed in to {channel}, and press Start or Send.",
            good,
            link,
        )
    if how.command:
        said = f"Type this command in {how.where}, from the account that is to be linked."
        return said, good, how.command.format(code=code)
    who = how.to or f"the bot on {channel}"
    return (
        f"Send this text to {who}, from the account that is to be linked.",
        good,
        f"link {code}",
    )


def code_in(text: str) -> str | None:
    """The code that a person sent; "" if they tried and it is none; None: about something else."""
    said = _SAID.fullmatch(text.strip())
    found = _CODE.fullmatch((said[1] if said else text.strip()).upper())
    if found:
        return "CS" + found[1].translate(_ALIKE)
    return "" if said else None


async def take(
    store: Store,
    ring: KeyRing,
    directory: Directory,
    reply: Reply,
    code: str,
    *,
    now: Instant,
    random: Random,
) -> Linked | Notice:
    """Link the account that sent this code, or say why not: what is refused consumes nothing."""
    if reply.stranger:
        return DEAD
    owner = directory.by_account(reply.channel, reply.account)
    before = await store.linked_as(reply.channel, reply.account)
    whose = owner.id if owner else before.person if before and genuine(ring, before) else None
    if whose is not None:
        # To this very account, and the same whatever it sent.
        text = f"This account is {whose}'s already. Nothing was changed."
        return Notice(NoticeKind.CLOSED, text)
    found = await _live(store, ring, code, now) if code else None
    if found is None or found.channel != reply.channel or directory.person(found.person) is None:
        return DEAD
    made = Linked(reply.channel, reply.account, found.person, now)
    made = replace(made, seal=seal(ring, _LINKED, *_of_linked(made)))
    said = {"person": made.person, "channel": made.channel, "account": made.account}
    entry = _entry(audit.Kind.LINKED, now, random, **said, how="code")
    won = await store.bind(code, found, made, now, [entry], instead=before)
    return made if won else DEAD


def refused(reply: Reply, now: Instant, random: Random, by: str | None = None) -> Entry:
    """For the chain: an account sent a code that links nothing. Not the code. `by`: who pressed."""
    why = reply.stranger or "no such code here"
    said = {"channel": reply.channel, "account": reply.account, "why": why}
    said |= {"by": by} if by else {}
    return _entry(audit.Kind.LINK_REFUSED, now, random, **said)


async def unlink(
    store: Store,
    person: str,
    channel: str,
    account: str | None = None,
    *,
    by: str,
    now: Instant,
    random: Random,
) -> list[str]:
    """End what codes linked, at every copy within a second: the accounts that were.

    `account` None: all of this person's on the channel.
    """
    ended = []
    for one in await store.linked():
        if (one.person, one.channel) == (person, channel) and account in (None, one.account):
            said = {"person": person, "channel": channel, "account": one.account, "by": by}
            if await store.unbind(one, [_entry(audit.Kind.UNLINKED, now, random, **said)]):
                ended.append(one.account)
    return ended


async def give_up(
    store: Store, people: Directory, gone: GivenUp, *, now: Instant, random: Random
) -> bool:
    """End what a code said of an account before it was given up, and what the configuration says.

    False: nothing was to be ended. What a code said since stands: then they have it again.
    """
    where = {"channel": gone.channel, "account": gone.account}
    row, ended = await store.linked_as(gone.channel, gone.account), False
    if row is not None and row.at > gone.at:
        return False
    if row is not None:
        said = {"person": row.person, "by": GIVEN_UP, **where}
        ended = await store.unbind(row, [_entry(audit.Kind.UNLINKED, now, random, **said)])
    for link in people.links:
        key = link.channel, link.account, link.standing
        if not link.learnt and key == (gone.channel, gone.account, GOOD):
            said = {"person": link.person, **where}
            await store.append([_entry(audit.Kind.ACCOUNT_GIVEN_UP, now, random, **said)])
            await store.put_account(link.channel, link.account, link.person, GIVEN_UP, gone.at)
            ended = True
    return ended


def genuine(ring: KeyRing, one: Linked) -> bool:
    """Did we make this row?"""
    return sealed(ring, one.seal, _LINKED, *_of_linked(one))


def directory(
    make: Make, ring: KeyRing, accounts: Sequence[Account], linked: Sequence[Linked]
) -> Directory:
    """A row alone makes nobody an approver: where one says so, our own seal must be on it."""
    codes = [
        Link(one.channel, one.account, one.person, learnt=True, by_code=True)
        for one in linked
        if genuine(ring, one)
    ]
    named = make(codes)
    coded = {(link.channel, link.account, link.person) for link in codes}

    def holds(a: Account, person: str) -> bool:
        if a.standing == GIVEN_UP:  # while the configuration gives it to them all the same
            itself = a.account in named.grounds(a.channel, a.account, person)
            return itself and (a.channel, a.account, person) not in coded
        return a.standing != GOOD or _vouched(named, ring, a, person)

    learnt = [
        Link(a.channel, a.account, a.person, a.standing, learnt=True)
        for a in accounts
        if a.person and holds(a, a.person)
    ]
    return make([*codes, *learnt])


def _vouched(named: Directory, ring: KeyRing, a: Account, person: str) -> bool:
    # The seal is over what the platform was asked: with another address, or once an account is
    # unlinked, the link has ended.
    said = (a.org, a.channel, a.account, a.person, a.standing, a.vetted_at)
    asked = named.grounds(a.channel, a.account, person)
    return any(sealed(ring, a.seal, ACCOUNT, *said, what) for what in asked)


@dataclass(frozen=True, slots=True)
class Shown:
    """An account for a list of them. `how`: configuration, code or platform. `fault`: why it does
    not speak for the person, or "". `since`: when it was linked; None: by the configuration."""

    person: str
    channel: str
    account: str
    how: str
    since: Instant | None
    fault: str = ""


def shown(
    people: Directory, ring: KeyRing, accounts: Sequence[Account], linked: Sequence[Linked]
) -> list[Shown]:
    """Every account of everybody, in the order of their precedence, then what is left out."""
    since = {(a.channel, a.account): a.vetted_at for a in accounts}
    coded = {(one.channel, one.account): one.at for one in linked}
    found = []
    for link in people.links:
        key = link.channel, link.account
        at = coded.get(key) if link.by_code else since.get(key) if link.learnt else None
        fault = "" if link.standing == GOOD else f"barred: {link.standing}"
        found.append(Shown(link.person, *key, _how(link), at, fault))
    for link in people.conflicts:
        owner = people.by_account(link.channel, link.account)
        fault = f"left out: it is {owner.id}'s" if owner else "left out"
        found.append(Shown(link.person, link.channel, link.account, _how(link), None, fault))
    for one in linked:
        if not genuine(ring, one):
            why = "left out: none of our keys made this row"
            found.append(Shown(one.person, one.channel, one.account, "code", one.at, why))
        elif people.person(one.person) is None:
            why = "left out: nobody of this name is configured"
            found.append(Shown(one.person, one.channel, one.account, "code", one.at, why))
    return found


async def _live(store: Store, ring: KeyRing, code: str, now: Instant) -> LinkCode | None:
    """The code's row, if it is of now and ours."""
    found = await store.code(code, now)
    genuine = found and sealed(ring, found.seal, _PURPOSE, *_of_code(code, found))
    return found if genuine else None


def _how(link: Link) -> str:
    if link.by_code:
        return "code"
    return "platform" if link.learnt else "configuration"


def _of_code(secret: str, code: LinkCode) -> tuple[Field, ...]:
    sha = sha256(secret.encode()).digest()
    return code.org, sha, code.person, code.channel, code.expires_at


def _of_linked(one: Linked) -> tuple[Field, ...]:
    return one.org, one.channel, one.account, one.person, one.at


def _entry(kind: audit.Kind, now: Instant, random: Random, **content: str) -> Entry:
    return audit.entry(kind, now, random, None, **content)
