"""Runs migrations on the connection that `kpulse.store.schema` hands in."""

from alembic import context

from kpulse.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the caller's transaction holds the commit lock around all of it
    render_as_batch=True,
)
context.run_migrations()
