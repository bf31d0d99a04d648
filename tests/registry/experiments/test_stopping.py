"""The evidence of an experiment keeps its error rate however often one looks, and finds effects."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.experiments.stopping import log_evidence, rate_ratio

ALPHA = 0.05


@pytest.mark.parametrize("share", [0.5, 0.2, 0.02])
def test_evidence_is_a_martingale_when_the_arms_are_equal(share: float) -> None:
    """By brute force: whatever was seen, the mean of what comes next is what there is."""
    for arm, control in itertools.product(range(6), range(6)):
        now = math.exp(log_evidence(arm, control, share))
        after = share * math.exp(log_evidence(arm + 1, control, share)) + (1 - share) * math.exp(
            log_evidence(arm, control + 1, share)
        )
        assert after == pytest.approx(now)
    assert log_evidence(0, 0, share) == 0


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.01, 0.99))
def test_evidence_of_swapped_arms_is_mirrored(arm: int, control: int, share: float) -> None:
    forth, back = log_evidence(arm, control, share), log_evidence(control, arm, 1 - share)
    assert forth == pytest.approx(back, abs=1e-6)


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0.05, 0.95))
def test_the_interval_leaves_out_one_exactly_when_the_evidence_suffices(
    arm: int, control: int, share: float
) -> None:
    ratio = rate_ratio(arm, control, share, ALPHA)
    decided = float(log_evidence(arm, control, share)) >= -math.log(ALPHA)
    assert decided == (not ratio.low < 1 < ratio.high)


def simulate(rates: tuple[float, float], share: float, experiments: int, listings: int) -> float:
    """Return the share of experiments told apart at any look, with one after each listing."""
    random = np.random.default_rng(5)
    in_arm = random.random((experiments, listings)) < share
    bad = random.random((experiments, listings)) < np.where(in_arm, *rates)
    evidence = log_evidence((bad & in_arm).cumsum(1), (bad & ~in_arm).cumsum(1), share)
    return float((evidence.max(axis=1) >= -math.log(ALPHA)).mean())


@pytest.mark.parametrize(("rate", "share"), [(0.05, 0.5), (0.3, 0.5), (0.05, 0.1)])
def test_equal_arms_are_rarely_told_apart_though_one_looks_at_every_listing(
    rate: float, share: float
) -> None:
    """2,000 experiments of 2,000 listings: 5 % are allowed, and 1 % of chance above it."""
    assert simulate((rate, rate), share, 2000, 2000) <= ALPHA + 0.01


def test_a_doubled_rate_is_found() -> None:
    assert simulate((0.10, 0.05), 0.5, 200, 4000) >= 0.95


def test_a_halved_rate_is_found() -> None:
    assert simulate((0.05, 0.10), 0.5, 200, 4000) >= 0.95
