"""The partitions of `predictions`: one a day (UTC), made ahead, dropped whole when it is old.

Rows of a day that nobody made a partition for lie in `predictions_other`. They are moved when the
day gets one. Many processes may call these functions at once.
"""

import logging
import re
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, func, select, text

log = logging.getLogger(__name__)

_LOCK = 7_305_220
_AHEAD_DAYS = 3  # over a weekend with no process that has this thread, rows still have their day
_WAIT_S = 5  # for those who write now; else it is tried again later
_NAME = re.compile(r"predictions_(\d{4})(\d{2})(\d{2})")
_PARTITIONS = text(
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'predictions'::regclass"
)


def make_partitions(engine: Engine) -> list[str]:
    """Make the partitions of today and the next days that are missing; return their names."""
    with engine.connect() as connection:
        today, known = _today(connection), _known(connection)
    days = [today + timedelta(days=ahead) for ahead in range(_AHEAD_DAYS + 1)]
    with engine.connect() as connection:
        stray = connection.scalars(_STRAY).all()
    missing = sorted({*days, *stray} - known.keys())
    return [name for day in missing if (name := _make(engine, day)) is not None]


def drop_partitions(engine: Engine, kept_days: int) -> int:
    """Drop the days that are older, and older rows without one; return how many rows went."""
    with engine.connect() as connection:
        oldest, known = _today(connection) - timedelta(days=kept_days), _known(connection)
    gone = 0
    for day in sorted(day for day in known if day < oldest):
        gone += _drop(engine, known[day])
    with engine.begin() as connection:
        old = text("DELETE FROM predictions_other WHERE at < :oldest")
        gone += connection.execute(old, {"oldest": _midnight(oldest)}).rowcount
    return gone


_STRAY = text("SELECT DISTINCT (at AT TIME ZONE 'UTC')::date FROM predictions_other")


def _make(engine: Engine, day: date) -> str | None:
    """Make a day's partition, with the rows of it that lie in the default one; None if it is."""
    name = f"predictions_{day:%Y%m%d}"
    bounds = {"from": _midnight(day), "to": _midnight(day + timedelta(days=1))}
    with engine.begin() as connection:
        _alone(connection)
        # whoever is about to write waits here and then finds the new day. Waiting at the default
        # partition, as attaching lets them, they would have chosen it already and be refused
        connection.execute(text("LOCK TABLE predictions IN SHARE ROW EXCLUSIVE MODE"))
        if day in _known(connection):  # another process was faster
            return None
        # made beside the table and filled before it is attached: the default may hold no such row
        connection.execute(
            text(f"CREATE TABLE {name} (LIKE predictions INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        )
        moved = connection.execute(
            text(
                "WITH moved AS (DELETE FROM predictions_other WHERE at >= :from AND at < :to "
                f"RETURNING *) INSERT INTO {name} SELECT * FROM moved"
            ),
            bounds,
        ).rowcount
        connection.execute(
            text(
                f"ALTER TABLE predictions ATTACH PARTITION {name} "
                f"FOR VALUES FROM ('{bounds['from']}') TO ('{bounds['to']}')"
            )
        )
    if moved:
        log.warning("%d answers had no day of their own and are in %s now", moved, name)
    return name


def _drop(engine: Engine, name: str) -> int:
    with engine.begin() as connection:
        _alone(connection)
        if name not in connection.scalars(_PARTITIONS).all():
            return 0
        count = connection.scalar(select(func.count()).select_from(text(name))) or 0
        connection.execute(text(f"DROP TABLE {name}"))
    return count


def _alone(connection: Connection) -> None:
    """Wait for others who change partitions, and not long for those who write rows."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_S}s'"))


def _known(connection: Connection) -> dict[date, str]:
    """Return the partitions by their day."""
    matches = (_NAME.fullmatch(name) for name in connection.scalars(_PARTITIONS))
    return {date(*map(int, match.groups())): match.group() for match in matches if match}


def _today(connection: Connection) -> date:
    found: date = connection.scalar(text("SELECT (now() AT TIME ZONE 'UTC')::date"))
    return found


def _midnight(day: date) -> str:
    return f"{day.isoformat()} 00:00:00+00"
