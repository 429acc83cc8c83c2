"""Runs migrations on the connection that cases/migrate.py hands over, inside its transaction."""

from alembic import context

from cases.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
