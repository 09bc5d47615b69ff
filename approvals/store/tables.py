"""The tables, once, as SQLAlchemy Core; every statement and the migrations are held to them.

Columns are integers (times are milliseconds), text (JSON where it is structured) and bytes, so
that neither driver has anything to convert. What hangs off a request id has its `org` there.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from approvals.model import Status

metadata: Final = sa.MetaData()

_Big: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), primary_key=key, nullable=null)


def _int(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _Big, primary_key=key, nullable=null)


def _bytes(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), primary_key=key, nullable=null)


def _some(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """An index over some rows only."""
    some = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=some, postgresql_where=some)


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    # Without a row id a look-up by the key is one tree, not two.
    return sa.Table(name, metadata, *columns, sqlite_with_rowid=False)


# With a row id, unlike most: a tree by any other key moves rows of over 1,000 bytes to pages of
# their own, which each vote would have to write.
cases: Final = sa.Table(
    "cases",
    metadata,
    _text("id", key=True),
    _text("org"),
    _int("revision"),
    _text("digest"),
    _text("requester"),
    _text("agent"),
    _text("terms"),  # what policy asked, sealed; changes only with the revision
    _int("created_at"),
    _int("expires_at"),
    _text("status"),
    _int("version"),
    _text("state"),  # votes and all else that moves
    _int("wake_at", null=True),  # null once closed
    sa.Index("cases_requester", "requester", "id"),
    sa.Index("cases_agent", "agent", "id"),
    # By id for lists, by time for the clock: walked through for it, 100,000 would cost 12 ms. (The
    # second column of the first is from when there was no other.)
    _some("cases_open", "id", "wake_at", where=f"status = '{Status.PENDING}'"),
    _some("cases_due", "wake_at", "id", where=f"status = '{Status.PENDING}'"),
    _some("cases_closed", "status", "id", where=f"status <> '{Status.PENDING}'"),
)

contents: Final = sa.Table(
    "contents",
    metadata,
    _text("request_id", key=True),
    _int("revision", key=True),
    _text("meta"),
    _bytes("body", null=True),
)

audiences: Final = _table(
    "audiences",
    _text("org", key=True),
    _text("audience", key=True),
    _text("request_id", key=True),
    sa.Index("audiences_request", "request_id"),
)

# With a row id, too: a receipt is longer than a quarter of a page.
receipts: Final = sa.Table("receipts", metadata, _text("request_id", key=True), _text("jws"))

cards: Final = _table(
    "cards",
    _text("id", key=True),
    _text("request_id"),
    _int("revision"),
    _text("channel"),
    _text("conversation"),
    _text("account", null=True),
    _text("person", null=True),
    _text("message", null=True),
    _text("echo", null=True),
    _text("echo_next", null=True),
    _text("state"),
    _int("drawn"),
    _text("altered", null=True),
    _text("instead", null=True),
    _text("former", null=True),
    sa.Index("cards_request", "request_id"),
    sa.Index("cards_message", "channel", "conversation", "message"),
    _some("cards_altered", "id", where="altered IS NOT NULL"),
)

buttons: Final = _table(
    "buttons",
    _bytes("lookup", key=True),
    _text("card_id"),
    _bytes("nonce"),
    _text("kid"),
    _text("request_id"),
    _int("revision"),
    _text("digest"),
    _text("choice"),
    _text("label"),
    _text("channel"),
    _text("conversation"),
    _text("addressee", null=True),
    _int("expires_at"),
    sa.Index("buttons_card", "card_id"),
)

seen: Final = _table("seen", _text("key", key=True), _int("at"))

audit: Final = sa.Table(
    "audit",
    metadata,
    _int("id", key=True),
    _text("org"),
    _int("at"),
    _text("kind"),
    _text("request_id", null=True),
    _text("content", null=True),  # null: erased
    _bytes("salt", null=True),
    _int("seq", null=True),  # null: not in the chain yet
    _bytes("commitment", null=True),
    _bytes("link", null=True),
    # The sealer pays for the others, many rows at once; a tap writes this one only.
    _some("audit_unsealed", "id", where="seq IS NULL"),
    _some("audit_request", "request_id", where="seq IS NOT NULL"),
    _some("audit_seq", "org", "seq", where="seq IS NOT NULL", unique=True),
)

checkpoints: Final = _table(
    "checkpoints", _text("org", key=True), _int("seq", key=True), _int("at"), _text("jws")
)

outbox: Final = sa.Table(
    "outbox",
    metadata,
    _int("id", key=True),
    _text("kind"),
    _text("request_id"),
    _text("target"),
    _text("data"),
    _int("due_at"),  # while a worker holds the job: when its lease ends
    _int("attempts"),
    _text("worker", null=True),
    _text("last_error", null=True),
    _int("parked_at", null=True),
    _some("outbox_due", "target", "due_at", where="parked_at IS NULL"),
)

idempotency: Final = _table(
    "idempotency",
    _text("org", key=True),
    _text("requester", key=True),
    _text("key", key=True),
    _text("body_sha"),
    _text("request_id"),
    _int("at"),
)

sessions: Final = _table(
    "sessions",
    _bytes("sha", key=True),
    _text("org"),
    _text("person"),
    _text("how"),
    _int("at"),
    _int("expires_at"),
)

login_links: Final = _table(
    "login_links",
    _bytes("sha", key=True),
    _text("org"),
    _text("person"),
    _text("request_id", null=True),
    _bytes("mac"),
    _int("expires_at"),
    _int("used_at", null=True),
)

tokens: Final = _table(
    "tokens",
    _bytes("sha", key=True),
    _text("org"),
    _text("person"),
    _text("name"),
    _int("at"),
    _int("expires_at", null=True),
)

accounts: Final = _table(
    "accounts",
    _text("org", key=True),
    _text("channel", key=True),
    _text("account", key=True),
    _text("person", null=True),
    _text("standing"),
    _int("vetted_at"),
    _text("seal"),
)

link_codes: Final = _table(
    "link_codes",
    _bytes("sha", key=True),
    _text("org"),
    _text("person"),
    _text("channel"),
    _int("expires_at"),
    _text("seal"),
)

linked: Final = _table(
    "linked",
    _text("org", key=True),
    _text("channel", key=True),
    _text("account", key=True),
    _text("person"),
    _int("at"),
    _text("seal"),
)

windows: Final = _table(
    "windows",
    _text("org", key=True),
    _text("channel", key=True),
    _text("account", key=True),
    _int("at"),  # when it last wrote to us
    _int("over_at"),  # when the platform said that what this allows is over; 0: it did not
)

memory: Final = _table(
    "memory",
    _text("org", key=True),
    _text("channel", key=True),
    _text("key", key=True),
    _bytes("value"),  # sealed (`approvals.memory`)
)

grants: Final = _table(
    "grants",
    _text("id", key=True),
    _text("org"),
    _text("identity"),  # of what it lets through
    _text("person"),
    _text("request_id"),
    _int("at"),
    _int("expires_at"),
    _text("seal"),
    sa.Index("grants_identity", "identity"),
    sa.Index("grants_request", "request_id"),
)

meta: Final = _table("meta", _text("key", key=True), _text("value"))
