"""What all the work of a process together may hold in memory, handed out in order."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from serving.errors import Busy, TooLarge

_RETRY_S = 5.0


@dataclass(frozen=True)
class _Waiter:
    size: int
    turn: "Future[None]"


class Budget:
    """A semaphore in bytes; safe to share between threads.

    Whoever came first is served first, so that something large is not overtaken for ever by what
    is small.

    Parameters
    ----------
    limit : bytes held at once by all
    wait_s : how long to wait for what others hold; None: for as long as it takes

    Examples
    --------
    >>> budget = Budget(100, wait_s=0.0)
    >>> with budget.hold(60):
    ...     budget.held
    60
    """

    def __init__(self, limit: int, wait_s: float | None = None) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter] = deque()
        self._held = 0
        self.limit, self.wait_s = limit, wait_s

    @property
    def held(self) -> int:
        """Return how many bytes are held now."""
        return self._held

    def configure(self, limit: int, wait_s: float | None) -> None:
        """Set the limits of this process, where it starts."""
        with self._lock:
            self.limit, self.wait_s = limit, wait_s
            self._serve()

    @contextlib.contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Hold `size` bytes within.

        Raises
        ------
        TooLarge
            It is more than all there is.
        Busy
            Others held too much for too long.
        """
        if not self.try_hold(size):
            self._wait_for(size)
        try:
            yield
        finally:
            self.release(size)

    def _wait_for(self, size: int) -> None:
        turn = self.ask(size)
        try:
            turn.result(self.wait_s)
        except (FutureTimeout, CancelledError):
            self.give_up(turn, size)
            raise self.busy() from None
        except BaseException:
            self.give_up(turn, size)
            raise

    def ask(self, size: int) -> "Future[None]":
        """Return what is done once `size` bytes are held; then they are to be released.

        Whoever stops waiting says so with `give_up`.
        """
        if size > self.limit:
            raise TooLarge("bytes of memory for it", size, self.limit)
        waiter = _Waiter(size, Future())
        with self._lock:
            self._waiting.append(waiter)
            self._serve()
        return waiter.turn

    def give_up(self, turn: "Future[None]", size: int) -> None:
        """Stop waiting for a turn; what it held already is released."""
        if not turn.cancel():
            self.release(size)
            return
        with self._lock:
            self._serve()

    def try_hold(self, size: int) -> bool:
        """Hold `size` bytes if they are free now and nobody waits; say whether they are held."""
        with self._lock:
            if self._waiting or self._held + size > self.limit:
                return False
            self._held += size
            return True

    def release(self, size: int) -> None:
        """Give back what was held."""
        with self._lock:
            self._held -= size
            self._serve()

    def busy(self) -> Busy:
        """Return the error of whoever waited in vain."""
        return Busy("too many large photos are worked on", _RETRY_S)

    def _serve(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if first.turn.cancelled():
                self._waiting.popleft()
                continue
            if self._held + first.size > self.limit:
                return
            self._waiting.popleft()
            if first.turn.set_running_or_notify_cancel():
                self._held += first.size
                first.turn.set_result(None)


DECODING = Budget(3 * 2**29)  # of this process: set where a process starts
BODIES = Budget(2**29)


def set_budgets(limit: int, wait_s: float | None) -> None:
    """Share out a process's memory for photos: a quarter for files sent, the rest for pixels."""
    BODIES.configure(limit // 4, wait_s)
    DECODING.configure(limit - limit // 4, wait_s)
