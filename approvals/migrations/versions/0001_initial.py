"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite gives ids only to a key that is INTEGER by name.
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("vetted_at", _BIG, nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "channel", "account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audiences",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "audience", "request_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("seq", _BIG, nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("link", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "audit_request",
        "audit",
        ["request_id"],
        unique=False,
        sqlite_where=sa.text("seq IS NOT NULL"),
        postgresql_where=sa.text("seq IS NOT NULL"),
    )
    op.create_index(
        "audit_seq",
        "audit",
        ["org", "seq"],
        unique=True,
        sqlite_where=sa.text("seq IS NOT NULL"),
        postgresql_where=sa.text("seq IS NOT NULL"),
    )
    op.create_index(
        "audit_unsealed",
        "audit",
        ["id"],
        unique=False,
        sqlite_where=sa.text("seq IS NULL"),
        postgresql_where=sa.text("seq IS NULL"),
    )
    op.create_table(
        "buttons",
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("revision", _BIG, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=True),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("lookup"),
        sqlite_with_rowid=False,
    )
    op.create_index("buttons_card", "buttons", ["card_id"], unique=False)
    op.create_table(
        "cards",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("revision", _BIG, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("echo", sa.Text(), nullable=True),
        sa.Column("echo_next", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("drawn", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("cards_message", "cards", ["channel", "conversation", "message"], unique=False)
    op.create_index("cards_request", "cards", ["request_id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("revision", _BIG, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", _BIG, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wake_at", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "cases_open",
        "cases",
        ["id", "wake_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("cases_requester", "cases", ["requester", "id"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("seq", _BIG, nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contents",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("revision", _BIG, nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", "revision"),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("grants_identity", "grants", ["identity"], unique=False)
    op.create_index("grants_request", "grants", ["request_id"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_sha", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("org", "requester", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "link_codes",
        sa.Column("sha", sa.LargeBinary(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "linked",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "channel", "account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "login_links",
        sa.Column("sha", sa.LargeBinary(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.Column("used_at", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("sha"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("due_at", _BIG, nullable=False),
        sa.Column("attempts", _BIG, nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("parked_at", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "outbox_due",
        "outbox",
        ["target", "due_at"],
        unique=False,
        sqlite_where=sa.text("parked_at IS NULL"),
        postgresql_where=sa.text("parked_at IS NULL"),
    )
    op.create_table(
        "receipts",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "seen",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("sha", sa.LargeBinary(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("sha"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tokens",
        sa.Column("sha", sa.LargeBinary(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("sha"),
        sqlite_with_rowid=False,
    )
