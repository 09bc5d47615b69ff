"""Cards that their platform altered, and which card another was posted in place of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name in ("altered", "instead"):
        op.add_column("cards", sa.Column(name, sa.Text(), nullable=True))
