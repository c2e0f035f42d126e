"""Alembic's entry: runs the migrations on the connection that ``persistence.migrate`` passes in."""

from alembic import context

from spyoncino.persistence.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite cannot alter columns in place
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
