"""When somebody last wrote to us, where that is what lets us write freely."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "windows",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.Column("over_at", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("org", "channel", "account"),
        sqlite_with_rowid=False,
    )
