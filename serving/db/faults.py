"""What a database says when it cannot now: trying later may help, and nothing is wrong with us."""

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeout)
"""The errors of an engine from `open_engine` after which trying later may help."""

_READ_ONLY = "25006"
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_CLASSES = (
    "08",  # the connection failed
    "40",  # rolled back: deadlock, serialization
    "53",  # disk full, out of memory, too many connections
    "55",  # a lock cannot be had, an object is in use
    "57",  # shutting down, starting up, cancelled, timed out
    "58",  # an error of the system around the server
)
_STATES = (
    _READ_ONLY,  # a standby, or a server that was one's primary until now
    "25P03",  # idle for too long in a transaction
    "25P04",  # a transaction took too long
)
# the same connection would go on to say it
_ELSEWHERE = (_READ_ONLY, "25P03", "25P04")


def is_unavailable(error: BaseException) -> bool:
    """Say by a driver's error whether trying later may help."""
    state = sqlstate(error)
    return state is not None and (state[:2] in _CLASSES or state in _STATES)


def sqlstate(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of a driver's error, or of the one that it was raised from."""
    while error is not None:
        state: str | None = getattr(error, "sqlstate", None)
        if state is not None:
            return state
        error = getattr(error, "orig", None) or error.__cause__
    return None


def needs_another_connection(error: BaseException) -> bool:
    """Say whether only a new connection may be answered otherwise: one to the new primary."""
    return sqlstate(error) in _ELSEWHERE


def sort_errors(engine: Engine) -> None:
    """Make whatever means "not now" an OperationalError; SQLAlchemy sorts by class, not by state.

    After a failover the pool's connections may lead to a server that only reads now: with the
    first such answer all of them are given up.
    """

    @event.listens_for(engine, "handle_error", retval=True)
    def _sort(context: ExceptionContext) -> BaseException | None:
        error = context.original_exception
        if needs_another_connection(error):
            context.is_disconnect = True
        if is_unavailable(error) and not isinstance(context.sqlalchemy_exception, UNAVAILABLE):
            return OperationalError(context.statement, context.parameters, error)
        return None
