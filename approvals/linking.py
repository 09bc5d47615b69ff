"""Linking: a code that is sent from an account on a channel links the account to a person.

1. An account that sends a person's code is linked to that person. The code has 80 random bits and
   works once, for ten minutes, on one channel; its SHA-256 is stored.
2. A code and the link that it made carry a seal by a button key, so that write access to the
   database links nobody. A key that is removed from the ring ends the links that it sealed.
3. Every refusal is the same answer: it doesn't say whether the code was wrong, old or used.
4. Where nobody can write to us, we send the account its code in a link. It links that account
   alone, and only for the user who is signed in as that person: both sides are proven.
5. Nobody is ever matched by a name. The configuration wins: what it says of an account stands,
   whatever a code says.
6. An account that its person gave up (a number that somebody else may have next) belongs to nobody,
   even if the configuration names it, until a code comes from it.
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
    "This code doesn't work here. A code works once, for ten minutes, on the channel it was made "
    "for. Get another with `countersign link`.",
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

    `account`: the code will be sent there and links no other; it names both to `invited`.
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
    """Our bot's name there: `named`, or what its platform says. "": unknown, so that there is a
    text to send and no link.
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
    """The person and account that a link would link. `by`: who asked for it."""

    person: str
    account: str
    by: str


async def invited(
    store: Store, ring: KeyRing, channel: str, code: str, now: Instant
) -> Invited | None:
    """What a code in a link would link, if it still works. Looking doesn't use it.

    The account is part of the code itself, and the stored hash covers both: a code that was made
    for an account links no other.
    """
    found = await _live(store, ring, code, now)
    _, dot, about = code.partition(".")
    if found is None or found.channel != channel or not dot:
        return None
    account, by = json.loads(urlsafe_b64decode(about + "=" * (-len(about) % 4)))
    return Invited(found.person, account, by)


def words(channel: str, how: Linking, code: str, bot: str = "") -> tuple[str, ...]:
    """What a person does with a code, a line each; the last is the text to send, or the link.

    `how`: how the channel links accounts. `bot`: our bot's name there, if known.
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
        said = f"Type this command in {how.where}, from the account you want to link."
        return said, good, how.command.format(code=code)
    who = how.to or f"the bot on {channel}"
    return (
        f"Send this text to {who}, from the account you want to link.",
        good,
        f"link {code}",
    )


def code_in(text: str) -> str | None:
    """The code in a person's message; "" for an attempt without one; None: another message."""
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
    """Link the account that sent this code, or say why not. A refusal uses up nothing."""
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
    """For the chain: an account sent a code that doesn't work. It leaves the code out. `by`: who
    pressed the button."""
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
    """End links that codes made; every copy knows within a second. Returns their accounts.

    `account` None: all of this person's accounts on the channel.
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
    """End the links of an account that was given up, by a code or by the configuration.

    False: there was none to end. A link that a code made since then stands: they have it again.
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
    """The people with their linked accounts. A row without our seal makes nobody an approver."""
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
    """An account in a list. `how`: configuration, code or platform. `fault`: why it can't approve
    for the person, or "". `since`: when it was linked; None: by the configuration."""

    person: str
    channel: str
    account: str
    how: str
    since: Instant | None
    fault: str = ""


def shown(
    people: Directory, ring: KeyRing, accounts: Sequence[Account], linked: Sequence[Linked]
) -> list[Shown]:
    """All accounts of all people, in order of precedence, then those that are left out."""
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
    """The code's row, if it hasn't expired and we made it."""
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
