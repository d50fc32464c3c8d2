"""Alembic's entry: runs on the connection that `gateway.engine.migrations.migrate` opened."""

from __future__ import annotations

from alembic import context

from gateway.engine.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transaction_per_migration=False,
)
context.run_migrations()
