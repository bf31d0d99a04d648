"""How often a client may ask."""

import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from serving.errors import TooManyRequests


class Limiter:
    """Counts requests per client in this process; `rate` as the package `limits` reads it."""

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count(self, client: str) -> None:
        """Count a request; TooManyRequests if it is one too many."""
        if self._windows.hit(self._rate, client):
            return
        until = self._windows.get_window_stats(self._rate, client).reset_time
        wait_s = max(1.0, until - time.time())
        raise TooManyRequests(f"more than {self._rate} for '{client}'", wait_s)
