"""Altered cards have an index; receipts are kept by row id.

In a tree by their key SQLite put each receipt, over 1,000 bytes, on a page of its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    altered = sa.text("altered IS NOT NULL")
    op.create_index(
        "cards_altered", "cards", ["id"], sqlite_where=altered, postgresql_where=altered
    )
    if op.get_bind().dialect.name != "sqlite":
        return
    op.rename_table("receipts", "receipts_by_key")
    op.create_table(
        "receipts",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.execute("INSERT INTO receipts (request_id, jws) SELECT request_id, jws FROM receipts_by_key")
    op.drop_table("receipts_by_key")
