"""How the tables came to be what `store.metadata` says; Alembic runs these at start."""
