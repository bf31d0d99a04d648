"""Alembic's way in.

`serving.db.migrate` hands over a connection inside a transaction. The command `alembic`, run in a
checkout, comes without one: then it is the database of the settings, as for our own processes.
"""

from alembic import context
from sqlalchemy import Connection

from serving.db import canary_tables as _canary_tables  # noqa: F401 - metadata of its tables
from serving.db.engine import create_databases, open_engine
from serving.db.migrate import alone
from serving.db.tables import Base
from serving.environment import read_settings


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
elif context.is_offline_mode():
    raise SystemExit(
        "error: migrations look at what they find: run them on a database, without --sql"
    )
else:
    settings = read_settings()
    create_databases(settings, ("studio",))
    with alone(open_engine(settings)) as connection:
        _migrate(connection)
