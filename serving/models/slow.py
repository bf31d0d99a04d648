"""Which answers were slow: measured against the champion's own, here and lately."""

import threading
from collections import deque

import numpy as np

_WINDOW, _ENOUGH, _EVERY = 500, 50, 25
_TIMES, _PLUS_S = 3.0, 0.1  # of the champion's p95: nobody notices less in a listing of 12 photos


class SlowRule:
    """Knows what time the champion takes; answers from a cache and of other machines say nothing.

    Examples
    --------
    >>> rule = SlowRule()
    >>> for _ in range(100):
    ...     rule.learn("rooms", 0.02)
    >>> rule.is_slow("rooms", 0.1), rule.is_slow("rooms", 0.32), rule.is_slow("others", 9.0)
    (False, True, False)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: dict[str, deque[float]] = {}
        self._learned: dict[str, int] = {}
        self._limits: dict[str, float] = {}

    def learn(self, task: str, seconds: float) -> None:
        """Take note of how long the champion took."""
        with self._lock:
            recent = self._recent.setdefault(task, deque(maxlen=_WINDOW))
            recent.append(seconds)
            self._learned[task] = self._learned.get(task, 0) + 1
            if self._learned[task] >= _ENOUGH and self._learned[task] % _EVERY == 0:
                self._limits[task] = _TIMES * float(np.quantile(recent, 0.95)) + _PLUS_S

    def is_slow(self, task: str, seconds: float) -> bool:
        """Say whether that is long; never before the champion is known well enough."""
        limit = self._limits.get(task)
        return limit is not None and seconds > limit
