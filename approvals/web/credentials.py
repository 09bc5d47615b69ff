"""What proves a person to our own pages and API: sign-in links, sessions, personal tokens.

Laws: each is 32 random bytes of which the store has only the SHA-256, so a stolen database opens
nothing. Each carries a MAC over owner and expiry, by a key that is never in the database, so a
forged row opens nothing either. Removing a key from the ring ends what was made with it.
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
    await store.add_link(secret, replace(link, mac=_mac(key, secret, link)))
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
    cookie = f"{secret}.{_code(ring.keys[ring.active], secret, session)}"
    await store.put_session(cookie, session)
    return cookie


async def session(store: Store, ring: KeyRing, cookie: str, now: Instant) -> Session | None:
    """The live session of a cookie."""
    secret, _, code = cookie.partition(".")
    found = await store.session(cookie, now) if code else None
    return found if found and _genuine(ring, code, secret, found) else None


async def make_token(
    store: Store, ring: KeyRing, person: str, name: str, days: int, *, now: Instant, random: Random
) -> str:
    """A personal token: what the command line and scripts send as a bearer token."""
    secret = _secret(random)
    token = Token(person, name, now, now + days * DAY)
    text = f"{PREFIX}{secret}{_code(ring.keys[ring.active], secret, token)}"
    await store.add_token(text, token)
    return text


async def token(store: Store, ring: KeyRing, text: str, now: Instant) -> Token | None:
    """The live personal token that `text` is."""
    body = text.removeprefix(PREFIX)
    secret, code = body[:_SECRET], body[_SECRET:]
    if not (text.startswith(PREFIX) and code and text.isascii()):
        return None
    found = await store.token(text, now)
    return found if found and _genuine(ring, code, secret, found) else None


_SECRET: Final = 43
"""Characters of 32 bytes in base64url."""


def _secret(random: Random) -> str:
    return urlsafe_b64encode(random(32)).decode().rstrip("=")


def _link_genuine(ring: KeyRing, secret: str, link: LoginLink) -> bool:
    return any(hmac.compare_digest(link.mac, _mac(key, secret, link)) for key in ring.keys.values())


def _genuine(ring: KeyRing, code: str, secret: str, it: Session | Token) -> bool:
    if not code.isascii():
        return False
    return any(hmac.compare_digest(code, _code(key, secret, it)) for key in ring.keys.values())


def _code(key: Key, secret: str, it: Session | Token) -> str:
    """20 characters: 120 bits, like a button's."""
    return urlsafe_b64encode(_mac(key, secret, it)[:15]).decode()


def _mac(key: Key, secret: str, it: LoginLink | Session | Token) -> bytes:
    fields: tuple[str | int | None, ...]
    match it:
        case LoginLink():
            purpose, fields = "login", (it.person, it.request_id, it.expires_at)
        case Session():
            purpose, fields = "session", (it.person, it.how, it.at, it.expires_at)
        case Token():
            purpose, fields = "token", (it.person, it.name, it.at, it.expires_at)
    digest = sha256(secret.encode(errors="surrogateescape")).digest()
    what = frame(f"countersign/{purpose}/1", key.kid, digest, *fields)
    return hmac.digest(key.secret, what, "sha256")
