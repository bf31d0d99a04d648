"""How often a client may ask, how many event streams it may hold, and what headers say of it."""

import contextlib
import math
import time
from collections import Counter
from collections.abc import Iterator

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from bentos.gateway.http_rules import RATE_LIMIT_KEY
from serving import metrics
from serving.errors import Overloaded, TooManyRequests, TooManyStreams

_STREAMS_RETRY_S = 10.0


class Limiter:
    """Counts requests per client in this process; `rate` as the package `limits` reads it."""

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())
        amount, seconds = self._rate.amount, self._rate.get_expiry()
        self._policy = f'"requests";q={amount};w={seconds}'.encode()

    def count(self, client: str, scope: Scope) -> None:
        """Count a request; TooManyRequests if it is one too many.

        Either way the headers `RateLimit-Policy` and `RateLimit` of its answer are left in its
        scope (draft-ietf-httpapi-ratelimit-headers-10).
        """
        hit = self._windows.hit(self._rate, client)
        left = self._windows.get_window_stats(self._rate, client)
        wait_s = max(1.0, left.reset_time - time.time())
        state = f'"requests";r={left.remaining};t={math.ceil(wait_s)}'.encode()
        scope[RATE_LIMIT_KEY] = [(b"ratelimit-policy", self._policy), (b"ratelimit", state)]
        if not hit:
            raise TooManyRequests(f"more than {self._rate} for '{client}'", wait_s)


class Streams:
    """Counts event streams, which last as long as somebody watches.

    Parameters
    ----------
    most : of all
    """

    def __init__(self, most: int) -> None:
        self._most, self._open = most, Counter[str]()

    @contextlib.contextmanager
    def opened(self, whose: str, most: int) -> Iterator[None]:
        """Count a stream meanwhile.

        Raises
        ------
        TooManyStreams
            `whose` has `most` already.
        Overloaded
            This gateway sends as many as it may.
        """
        if self._open[whose] >= most:
            raise TooManyStreams(f"{most} event streams are open for {whose}", _STREAMS_RETRY_S)
        if self._open.total() >= self._most:
            raise Overloaded(f"{self._most} event streams are open", _STREAMS_RETRY_S)
        self._open[whose] += 1
        metrics.STREAMS.inc()
        try:
            yield
        finally:
            metrics.STREAMS.dec()
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]
