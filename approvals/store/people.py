"""Who is who: sessions, sign-in links and tokens; accounts, linking codes and links.

Secrets are found by their SHA-256, and none is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa

from approvals.evidence import Entry
from approvals.model import ORG, Instant
from approvals.store.columns import named
from approvals.store.meta import select_meta
from approvals.store.outbox import write
from approvals.store.statements import Dialect, P, Script, count, delete_by, insert, select, upsert
from approvals.store.subject import Subject
from approvals.store.tables import (
    accounts,
    link_codes,
    linked,
    login_links,
    meta,
    sessions,
    tokens,
)


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


_upsert_session: Final = upsert(sessions)
_select_session: Final = select(sessions, Session.__slots__, "sha")
_delete_session: Final = delete_by(sessions, "sha")
_insert_link: Final = insert(login_links)
_select_link: Final = select(login_links, (*LoginLink.__slots__, "used_at"), "sha")
_insert_token: Final = insert(tokens)
_select_token: Final = select(tokens, Token.__slots__, "sha")
_select_tokens: Final = select(tokens, Token.__slots__, "org", "person", order="at")
_delete_token: Final = delete_by(tokens, "org", "person", "name")
_upsert_account: Final = upsert(accounts)
_select_account: Final = select(accounts, Account.__slots__, "org", "channel", "account")
_select_accounts: Final = select(accounts, Account.__slots__, "org")


_live: Final = sa.and_(login_links.c.used_at.is_(None), login_links.c.expires_at > P("now"))
_update_used: Final = (
    login_links.update()
    .where(login_links.c.sha == P("sha_"), _live)
    .values(used_at=P("now"))
    .returning(*(login_links.c[name] for name in LoginLink.__slots__))
)
_count_links: Final = count(
    login_links,
    sa.and_(login_links.c.org == P("org_"), login_links.c.person == P("person_"), _live),
)

PEOPLE: Final = "people"
"""The value in `meta` that moves with each change of an account or a link, in one transaction."""


def _move_people(d: Dialect) -> Any:
    new = sa.text("md5(random()::text)" if d.postgresql else "lower(hex(randomblob(16)))")
    made = d.insert(meta).values(key=PEOPLE, value=new)
    return made.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": new})


def moved() -> Script[None]:
    """Copies that look at the mark alone look at the accounts and links again."""
    yield _move_people, {}


def _put_account(account: Account) -> Script[None]:
    yield _upsert_account, named(account)
    yield from moved()


_insert_code: Final = insert(link_codes)
_delete_codes: Final = delete_by(link_codes, "org", "person", "channel")
_select_code: Final = select(link_codes, LinkCode.__slots__, "sha")
_insert_linked: Final = insert(linked, quiet=True)
_delete_linked: Final = delete_by(linked, "org", "channel", "account", "seal")
_select_linked: Final = select(linked, Linked.__slots__, "org", "channel", "account")
_select_all_linked: Final = select(linked, Linked.__slots__, "org")


def _add_code(sha: bytes, code: LinkCode, entries: Sequence[Entry]) -> Script[None]:
    """The one code of this person for this channel: an older one ends."""
    yield _delete_codes, {"org_": code.org, "person_": code.person, "channel_": code.channel}
    yield _insert_code, {"sha": sha, **named(code)}
    yield from write(entries)


_delete_code: Final = delete_by(link_codes, "sha", "seal").where(link_codes.c.expires_at > P("now"))


def _bind(
    sha: bytes,
    code: LinkCode,
    account: Linked,
    now: Instant,
    entries: Sequence[Entry],
    instead: Linked | None,
) -> Script[bool]:
    """Use the code up and keep the account, with the entries; False: neither."""
    if instead is not None:
        yield from _delete_link_of(instead)
    if not (yield _insert_linked, named(account)):
        return False
    # Who comes second waits here for the first, and then there is no code.
    if not (yield _delete_code, {"sha_": sha, "seal_": code.seal, "now": now}):
        yield from _delete_link_of(account)
        return False
    yield from write(entries)
    yield from moved()
    return True


def _delete_link_of(one: Linked) -> Script[bool]:
    key = {"org_": one.org, "channel_": one.channel, "account_": one.account, "seal_": one.seal}
    return bool((yield _delete_linked, key))


def _unbind(one: Linked, entries: Sequence[Entry]) -> Script[bool]:
    """The entries only if it was there."""
    found = yield from _delete_link_of(one)
    if found:
        yield from write(entries)
        yield from moved()
    return found


class PeopleStore(Subject):
    """What lets a person in, and what accounts are theirs."""

    async def put_session(self, secret: str, session: Session) -> None:
        """Keep or renew the session that a cookie opens."""
        await self._write(_upsert_session, sha=_sha(secret), **named(session))

    async def session(self, secret: str, now: Instant) -> Session | None:
        """The live session of a cookie."""
        sha = _sha(secret)
        found = () if sha in self._ended else await self._read(_select_session, sha_=sha)
        session = Session(*found[0]) if found else None
        return session if session and now < session.expires_at else None

    async def end_session(self, secret: str) -> None:
        """Sign out."""
        await self._write(_delete_session, sha_=_sha(secret))
        self._ended.add(_sha(secret))

    async def add_link(self, secret: str, link: LoginLink) -> None:
        """Keep a sign-in link."""
        params = {"sha": _sha(secret), "used_at": None, **named(link)}
        await self._write(_insert_link, **params)

    async def link(self, secret: str, now: Instant) -> LoginLink | None:
        """The live, unused link. Looking does not use it."""
        sha = _sha(secret)
        found = () if sha in self._ended else await self._read(_select_link, sha_=sha)
        link = LoginLink(*found[0][:-1]) if found and found[0][-1] is None else None
        return link if link and now < link.expires_at else None

    async def use_link(self, secret: str, now: Instant) -> LoginLink | None:
        """Use it up: None for all but the first, and when it has expired."""
        sha = _sha(secret)
        if sha in self._ended:
            return None
        found = await self._write(_update_used, sha_=sha, now=now)
        if not found:
            return None
        self._ended.add(sha)
        return LoginLink(*found[0])

    async def live_links(self, person: str, now: Instant, *, org: str = ORG) -> int:
        """How many sign-in links of this person could still be used."""
        found = await self._read(_count_links, org_=org, person_=person, now=now)
        return int(found[0][0])

    async def add_token(self, secret: str, token: Token) -> None:
        """Keep a personal token."""
        await self._write(_insert_token, sha=_sha(secret), **named(token))

    async def token(self, secret: str, now: Instant) -> Token | None:
        """The live token."""
        sha = _sha(secret)
        found = () if sha in self._ended else await self._read(_select_token, sha_=sha)
        token = Token(*found[0]) if found else None
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            return None
        return token

    async def tokens(self, person: str, *, org: str = ORG) -> list[Token]:
        """A person's tokens, expired ones too, the oldest first."""
        found = await self._read(_select_tokens, org_=org, person_=person)
        return [Token(*row) for row in found]

    async def revoke_token(self, person: str, name: str, *, org: str = ORG) -> bool:
        """Delete a person's tokens of this name. False: there was none."""
        key = {"org_": org, "person_": person, "name_": name}
        found = await self._write(_delete_token, **key)
        self._ended.add(*(row[0] for row in found))
        return bool(found)

    async def put_account(
        self,
        channel: str,
        account: str,
        person: str | None,
        standing: str,
        at: Instant,
        *,
        org: str = ORG,
        seal: str = "",
    ) -> None:
        """Keep or renew how an account stands on its channel."""
        known = Account(channel, account, person, standing, at, org, seal)
        await self._db.write(_put_account(known))
        self._ended.note(known)

    async def account(self, channel: str, account: str, *, org: str = ORG) -> Account | None:
        """How an account stood when it was last looked at."""
        found = await self._read(_select_account, org_=org, channel_=channel, account_=account)
        if not found:
            return self._ended.known(org, channel, account)
        return self._ended.note(Account(*found[0]))

    async def accounts(self, *, org: str = ORG) -> list[Account]:
        """All that are known."""
        found = await self._read(_select_accounts, org_=org)
        known = [self._ended.note(Account(*row)) for row in found]
        return [*known, *self._ended.vanished(known, org)]

    async def add_code(self, secret: str, code: LinkCode, entries: Sequence[Entry]) -> None:
        """Keep a code that links an account; the person's older one for the channel ends."""
        await self._db.write(_add_code(_sha(secret), code, entries))

    async def code(self, secret: str, now: Instant) -> LinkCode | None:
        """The live code. Looking does not use it."""
        sha = _sha(secret)
        found = () if sha in self._ended else await self._read(_select_code, sha_=sha)
        code = LinkCode(*found[0]) if found else None
        return code if code and now < code.expires_at else None

    async def bind(
        self,
        secret: str,
        code: LinkCode,
        account: Linked,
        now: Instant,
        entries: Sequence[Entry],
        *,
        instead: Linked | None = None,
    ) -> bool:
        """Use the code up and keep the account, in one transaction.

        False, and nothing is changed, where the code is gone or the account is linked already.
        `instead`: a row of this account that is worth nothing and goes first.
        """
        sha = _sha(secret)
        if sha in self._ended or not self._ended.links(account):
            return False
        done = await self._db.write(_bind(sha, code, account, now, entries, instead))
        if done:
            self._ended.add(sha)
        return done

    async def unbind(self, account: Linked, entries: Sequence[Entry]) -> bool:
        """End a link, as it stands there. False: it does not."""
        done = await self._db.write(_unbind(account, entries))
        self._ended.unlink(account.seal)
        return done

    async def people_mark(self) -> str | None:
        """Another than before where an account or a link changed. What an older version wrote did
        not move it."""
        found = await self._read(select_meta, key_=PEOPLE)
        return found[0][0] if found else None

    async def linked(self, *, org: str = ORG) -> list[Linked]:
        """Every account that was linked by a code, or that a row says was."""
        found = await self._read(_select_all_linked, org_=org)
        return self._ended.standing([Linked(*row) for row in found])

    async def linked_as(self, channel: str, account: str, *, org: str = ORG) -> Linked | None:
        """The row of one account."""
        found = await self._read(_select_linked, org_=org, channel_=channel, account_=account)
        one = Linked(*found[0]) if found else None
        return one if one and self._ended.links(one) else None


def _sha(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
