"""A card may be posted again as another message; channels keep small values of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("cards", sa.Column("former", sa.Text(), nullable=True))
    op.create_table(
        "memory",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("org", "channel", "key"),
        sqlite_with_rowid=False,
    )
