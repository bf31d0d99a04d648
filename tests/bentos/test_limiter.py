"""How often a client may ask."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentos.gateway.http_rules import RATE_LIMIT_KEY
from bentos.gateway.limiter import Limiter
from serving.errors import TooManyRequests


class Clock:
    """Seconds that pass when a test says so; a window of a minute begins at 0."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now_s


def allowed(limiter: Limiter, client: str = "backend") -> bool:
    try:
        limiter.count(client, {})
    except TooManyRequests:
        return False
    return True


def test_a_request_too_many_is_refused_and_counts_for_nothing() -> None:
    clock = Clock()
    limiter = Limiter("2/minute", clock)
    assert [allowed(limiter) for _ in range(4)] == [True, True, False, False]
    assert allowed(limiter, "another")
    clock.now_s = 120.0
    assert allowed(limiter)


def test_the_window_before_counts_by_the_share_of_it_that_is_not_over() -> None:
    clock = Clock()
    limiter = Limiter("4/minute", clock)
    assert all(allowed(limiter) for _ in range(4))
    clock.now_s = 60.0
    assert not allowed(limiter)
    clock.now_s = 91.0  # less than half of the four
    assert [allowed(limiter) for _ in range(4)] == [True, True, True, False]


def test_a_refusal_says_when_less_will_be_counted() -> None:
    clock = Clock()
    limiter = Limiter("4/minute", clock)
    for _ in range(4):
        limiter.count("backend", {})
    clock.now_s = 40.0
    with pytest.raises(TooManyRequests) as refused:
        limiter.count("backend", {})
    assert refused.value.retry_after_s == 20.0
    clock.now_s = 70.0  # of the four, which are a window old from 60 on, one is over at 75
    scope: dict[str, object] = {}
    limiter.count("backend", scope)
    assert dict(scope[RATE_LIMIT_KEY])[b"ratelimit"] == b'"requests";r=0;t=5'  # type: ignore[call-overload]


@given(st.lists(st.floats(0, 30), max_size=80))
def test_no_window_of_the_clock_ever_has_more_than_the_rate(waits_s: list[float]) -> None:
    clock = Clock()
    limiter = Limiter("5/minute", clock)
    asked: list[float] = []
    for wait_s in waits_s:
        clock.now_s += wait_s
        if allowed(limiter):
            asked.append(clock.now_s)
    for window in range(int(clock.now_s // 60) + 1):
        assert sum(60 * window <= at < 60 * (window + 1) for at in asked) <= 5


def test_a_client_that_stays_away_is_forgotten() -> None:
    clock = Clock()
    limiter = Limiter("5/minute", clock)
    for number in range(100):
        limiter.count(f"links to {number}", {})
    clock.now_s = 180.0
    limiter.count("backend", {})
    assert list(limiter._counts) == ["backend"]


def test_counting_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread))
    Limiter("5/minute").count("backend", {})
    assert not started
