"""How often a client may ask, and what an answer's headers say of it."""

import math
import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from bentos.gateway.http_rules import RATE_LIMIT_KEY
from serving.errors import TooManyRequests


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
