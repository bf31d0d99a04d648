"""Ends a step that only waits when its run is to end, at a moment of its own choice."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import dagster as dg

INTERRUPTS = (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)
"""What is raised in a run that is to end; a step that lets it out would be tried again."""


@contextmanager
def noted_interrupts() -> Iterator[threading.Event]:
    """Note the first interrupt instead of raising it; a second one is raised as ever.

    Raised in the middle of a question to a database, it would come out as whatever cleaning up
    raises ("can't change 'autocommit' now", says psycopg), which Dagster takes for a fault that
    another try mends.
    """
    noted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noted  # signals are raised in the main thread alone
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(_number: int, _frame: FrameType | None) -> None:
        restore()
        noted.set()

    try:
        for number in before:
            signal.signal(number, note)
        yield noted
    finally:
        restore()
