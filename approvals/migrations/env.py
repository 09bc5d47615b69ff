"""What Alembic runs: the caller's connection, whose transaction holds the lock, and our tables."""

from alembic import context

from approvals.store import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's too: half a migration must not stay
)
context.run_migrations()
