"""Keeps callers away from a version that fails, until it was seen to answer again."""

import threading

FAILURES_TO_OPEN, ANSWERS_TO_CLOSE = 3, 3


class Breaker:
    """Opens at the third failure in a row, and closes at the third answer in a row after that.

    It opens at the first one if nothing was heard of the version for as long as a caller waits.

    While it is open no caller waits for the version: only what is asked beside an answer that was
    given already goes to it, and closes the breaker again. (pybreaker and its kind let the next
    caller try instead, once a time has passed: that caller would feel it.)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = self._answers = 0
        self._open = False

    @property
    def is_open(self) -> bool:
        """Say whether no caller is to wait for the version."""
        return self._open

    def answered(self) -> None:
        """Count an answer."""
        with self._lock:
            self._failures = 0
            self._answers += 1
            if self._answers >= ANSWERS_TO_CLOSE:
                self._open = False

    def failed(self, silent: bool = False) -> None:
        """Count a failure; `silent`: nobody had an answer for as long as a caller waits."""
        with self._lock:
            self._answers = 0
            self._failures += FAILURES_TO_OPEN if silent else 1
            if self._failures >= FAILURES_TO_OPEN:
                self._open = True
