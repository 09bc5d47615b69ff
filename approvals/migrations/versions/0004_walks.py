"""Indexes for what grows: whose a request is, and what is closed, without reading all of it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    closed = sa.text("status <> 'pending'")
    op.create_index("audiences_request", "audiences", ["request_id"])
    op.create_index("cases_agent", "cases", ["agent", "id"])
    op.create_index(
        "cases_closed",
        "cases",
        ["status", "id"],
        sqlite_where=closed,
        postgresql_where=closed,
    )
