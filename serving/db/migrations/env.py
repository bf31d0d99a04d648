"""Alembic's way in; `serving.db.migrate` hands over a connection inside a transaction."""

from alembic import context

from serving.db.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
