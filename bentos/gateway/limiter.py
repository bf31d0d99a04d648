"""How often a client may ask, how many event streams it may hold, and what headers say of it."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, floor

from limits import parse
from starlette.types import Scope

from bentos.gateway.http_rules import RATE_LIMIT_KEY
from serving import metrics
from serving.errors import Overloaded, TooManyRequests, TooManyStreams

_STREAMS_RETRY_S = 10.0


@dataclass(slots=True)
class _Count:
    """What one client asked in the window of this number, and in the one before it."""

    window: int
    current: int = 0
    previous: int = 0


class Limiter:
    """Counts requests per client in this process: an approximate sliding window.

    The requests of the window before count by the share of it that still lies within one window's
    length of now. Not thread-safe: it is asked on the event loop only.

    Parameters
    ----------
    rate : as the package `limits` reads it, such as `600/minute`
    clock : seconds that only grow

    Notes
    -----
    `limits` itself has this strategy over a storage in memory, which starts a thread for each
    request to expire what is old: 0.9 ms of CPU, as much as all the rest of answering one
    (docs/decisions/0030-what-a-photo-costs-beside-its-pixels.md). Here what is old is dropped once
    a window.
    """

    def __init__(self, rate: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = parse(rate), clock
        self._amount, self._window_s = self._rate.amount, self._rate.get_expiry()
        self._policy = f'"requests";q={self._amount};w={self._window_s}'.encode()
        self._counts: dict[str, _Count] = {}
        self._swept = 0  # the window in which old counts were last dropped

    def count(self, client: str, scope: Scope) -> None:
        """Count a request; TooManyRequests if it is one too many.

        Either way the headers `RateLimit-Policy` and `RateLimit` of its answer are left in its
        scope (draft-ietf-httpapi-ratelimit-headers-10).
        """
        window, passed_s = divmod(self._clock(), self._window_s)
        left_s = self._window_s - passed_s
        count = self._count_of(client, int(window))
        weighted = count.current + floor(count.previous * left_s / self._window_s)
        allowed = weighted < self._amount
        count.current += allowed
        wait_s = max(1.0, self._until_more(count, left_s))
        remaining = max(0, self._amount - weighted - allowed)
        state = f'"requests";r={remaining};t={ceil(wait_s)}'.encode()
        scope[RATE_LIMIT_KEY] = [(b"ratelimit-policy", self._policy), (b"ratelimit", state)]
        if not allowed:
            raise TooManyRequests(f"more than {self._rate} for '{client}'", wait_s)

    def _count_of(self, client: str, window: int) -> _Count:
        if window != self._swept:
            self._swept = window
            self._counts = {
                name: count for name, count in self._counts.items() if count.window >= window - 1
            }
        count = self._counts.get(client)
        if count is None:
            count = self._counts[client] = _Count(window)
        elif count.window != window:
            previous = count.current if count.window == window - 1 else 0
            count.window, count.current, count.previous = window, 0, previous
        return count

    def _until_more(self, count: _Count, left_s: float) -> float:
        """Return the seconds until less is counted than now, if nothing more is asked."""
        if not count.previous or count.current >= self._amount:
            return left_s
        return left_s % (self._window_s / count.previous)


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
