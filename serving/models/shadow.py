"""What is asked beside an answer that was given: later, in the background, or not at all."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from serving import metrics

log = logging.getLogger(__name__)

_ITEMS = 512
_REST = 3.0  # of the time that a question took
_LONGEST_REST_S = 0.25


@dataclass(frozen=True)
class _Waiting:
    task: str
    ask: Callable[[], None]
    nbytes: int


class ShadowQueue:
    """Questions that nobody waits for, asked one after the other; too many are dropped and counted.

    A question is as large as what it keeps: a file, or a model's input, never decoded pixels. One
    that is larger than all that may wait is taken where nothing else waits, so that photos of any
    size are asked about.

    The threads are not at a lower priority (nice): one of them may hold the interpreter's lock when
    the kernel sets it aside, and everybody who answers a caller would wait for it. What is
    dear about a question happens elsewhere: decoding without the lock, the model in its process.

    After a question none begins for three times as long as it took, so that these take a quarter of
    a core and callers the rest: a challenger that has just started knows no photo yet, and every
    photo whose answer the champion remembers would be decoded again for it at once. A question that
    takes long mostly waits for a challenger that is slow or hangs: there the rest is short, and
    others are asked meanwhile, else it would be found out later the slower it is.

    Parameters
    ----------
    max_bytes, max_items : that may wait
    threads : questions asked at the same time
    """

    def __init__(self, max_bytes: int, max_items: int = _ITEMS, threads: int = 2) -> None:
        self._max_bytes, self._max_items = max_bytes, max_items
        self._waiting: deque[_Waiting] = deque()
        self._nbytes, self._closed = 0, False
        self._changed = threading.Condition()
        self._asking, self._rests_until = 0, 0.0
        self._threads = [
            threading.Thread(target=self._work, name=f"shadow-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, task: str, ask: Callable[[], None], nbytes: int) -> bool:
        """Have a question asked soon; False if it was dropped."""
        with self._changed:
            full = self._nbytes + nbytes > self._max_bytes or len(self._waiting) >= self._max_items
            if self._closed or (full and self._waiting):
                reason = "closed" if self._closed else "full"
                metrics.SHADOW_DROPPED.labels(task, reason).inc()
                return False
            self._waiting.append(_Waiting(task, ask, nbytes))
            self._nbytes += nbytes
            self._changed.notify_all()
            return True

    def drain(self, wait_s: float) -> bool:
        """Wait until nothing is waiting or being asked; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._asking, wait_s)

    def close(self, wait_s: float = 3.0) -> None:
        """Take no more; what waits is dropped and counted."""
        with self._changed:
            self._closed = True
            for left in self._waiting:
                metrics.SHADOW_DROPPED.labels(left.task, "closed").inc()
            self._waiting.clear()
            self._nbytes = 0
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(wait_s)

    def _work(self) -> None:
        while (next_one := self._next()) is not None:
            began = time.monotonic()
            try:
                next_one.ask()
            except Exception:  # what nobody waits for ends nobody's work
                log.exception("a question to %s beside another's answer broke", next_one.task)
                metrics.SHADOW_DROPPED.labels(next_one.task, "error").inc()
            finally:
                self._ended(time.monotonic() - began)

    def _ended(self, took_s: float) -> None:
        with self._changed:
            self._asking -= 1
            rest = min(_REST * took_s, _LONGEST_REST_S)
            self._rests_until = max(self._rests_until, time.monotonic()) + rest
            self._changed.notify_all()

    def _next(self) -> _Waiting | None:
        with self._changed:
            while not (self._closed or (self._waiting and self._rest_s() <= 0)):
                self._changed.wait(self._rest_s() if self._waiting else None)
            if not self._waiting:
                return None
            self._asking += 1
            first = self._waiting.popleft()
            self._nbytes -= first.nbytes
            return first

    def _rest_s(self) -> float:
        return self._rests_until - time.monotonic()
