"""What proves a person to our own pages and API: sign-in links, sessions, personal tokens.

Laws: each is 32 random bytes that the store knows by their SHA-256 alone, so a stolen database
opens nothing; each also carries a MAC by a key that is never in the database, over whose it is and
for how long, so a row written into the database opens nothing either. A key that is taken out of
the ring ends what was made with it.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Final

from approvals.buttons import Key, KeyRing
from approvals.evidence import frame
from approvals.model import MINUTE, Duration, Instant
from approvals.store import LoginLink, Session, Store, Token

SESSION: Final[Duration] = 12 * 60 * MINUTE
LINK: Final[Duration] = 10 * MINUTE
DAY: Final[Duration] = 24 * 60 * MINUTE
PREFIX: Final = "csp_"
"""Begins every personal token, so that scanners for leaked secrets can know it."""

Random = Callable[[int], bytes]


async def make_link(
    store: Store,
    ring: KeyRing,
    person: str,
    *,
    now: Instant,
    random: Random,
    request_id: str | None = None,
) -> str:
    """The secret of a sign-in link, good for ten minutes and one use; `/login/<secret>` opens it.

    `request_id`: where the person wants to be afterwards.
    """
    secret = _secret(random)
    link = LoginLink(person, request_id, b"", now + LINK)
    key = ring.keys[ring.active]
    await store.add_link(secret, replace(link, mac=_mac(key, *_of_link(secret, link))))
    return secret


async def see_link(store: Store, ring: KeyRing, secret: str, now: Instant) -> LoginLink | None:
    """The link, if it can still be used; looking does not use it."""
    link = await store.link(secret, now)
    return link if link and _link_genuine(ring, secret, link) else None


async def use_link(store: Store, ring: KeyRing, secret: str, now: Instant) -> LoginLink | None:
    """Use the link up; None for everyone but the first."""
    link = await store.use_link(secret, now)
    return link if link and _link_genuine(ring, secret, link) else None


async def start_session(
    store: Store, ring: KeyRing, person: str, how: str, *, now: Instant, random: Random
) -> str:
    """Sign a person in: the cookie's value."""
    secret = _secret(random)
    session = Session(person, how, now, now + SESSION)
    cookie = f"{secret}.{_code(ring.keys[ring.active], *_of_session(secret, session))}"
    await store.put_session(cookie, session)
    return cookie


async def session(store: Store, ring: KeyRing, cookie: str, now: Instant) -> Session | None:
    """The live session of a cookie."""
    secret, _, code = cookie.partition(".")
    found = await store.session(cookie, now) if code else None
    return found if found and _genuine(ring, code, *_of_session(secret, found)) else None


async def make_token(
    store: Store, ring: KeyRing, person: str, name: str, days: int, *, now: Instant, random: Random
) -> str:
    """A personal token: what the command line and scripts send as a bearer token."""
    secret = _secret(random)
    token = Token(person, name, now, now + days * DAY)
    text = f"{PREFIX}{secret}{_code(ring.keys[ring.active], *_of_token(secret, token))}"
    await store.add_token(text, token)
    return text


async def token(store: Store, ring: KeyRing, text: str, now: Instant) -> Token | None:
    """The live personal token that `text` is."""
    body = text.removeprefix(PREFIX)
    secret, code = body[:_SECRET], body[_SECRET:]
    if not (text.startswith(PREFIX) and code and text.isascii()):
        return None
    found = await store.token(text, now)
    return found if found and _genuine(ring, code, *_of_token(secret, found)) else None


_SECRET: Final = 43
"""Characters of 32 bytes in base64url."""


def _secret(random: Random) -> str:
    return urlsafe_b64encode(random(32)).decode().rstrip("=")


def _of_link(secret: str, link: LoginLink) -> tuple[str, bytes, str, str | None, int]:
    person = link.person
    return "countersign/login/1", _sha(secret), person, link.request_id, link.expires_at


def _of_session(secret: str, it: Session) -> tuple[str, bytes, str, str, int, int]:
    return "countersign/session/1", _sha(secret), it.person, it.how, it.at, it.expires_at


def _of_token(secret: str, it: Token) -> tuple[str, bytes, str, str, int, int | None]:
    return "countersign/token/1", _sha(secret), it.person, it.name, it.at, it.expires_at


def _link_genuine(ring: KeyRing, secret: str, link: LoginLink) -> bool:
    what = _of_link(secret, link)
    return any(hmac.compare_digest(link.mac, _mac(key, *what)) for key in ring.keys.values())


def _genuine(ring: KeyRing, code: str, purpose: str, *fields: str | bytes | int | None) -> bool:
    if not code.isascii():
        return False
    return any(
        hmac.compare_digest(code, _code(key, purpose, *fields)) for key in ring.keys.values()
    )


def _mac(key: Key, purpose: str, *fields: str | bytes | int | None) -> bytes:
    return hmac.digest(key.secret, frame(purpose, key.kid, *fields), "sha256")


def _code(key: Key, purpose: str, *fields: str | bytes | int | None) -> str:
    """20 characters: 120 bits, like a button's."""
    return urlsafe_b64encode(_mac(key, purpose, *fields)[:15]).decode()


def _sha(secret: str) -> bytes:
    return sha256(secret.encode(errors="surrogateescape")).digest()
