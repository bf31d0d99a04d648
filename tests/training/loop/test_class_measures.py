import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, f1_score

from training.loop.class_measures import (
    area_under_risk_coverage,
    brier,
    expected_calibration_error,
    macro_f1,
    risk_coverage,
)
from training.loop.intervals import bootstrap, mcnemar, paired_difference, proportion

random = np.random.default_rng(0)


def make_predictions(n: int = 400, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    odds = np.exp(random.normal(size=(n, count)) * 2)
    return odds / odds.sum(axis=1, keepdims=True), random.integers(count, size=n)


def test_macro_f1_agrees_with_scikit_learn() -> None:
    predicted, labels = random.integers(6, size=500), random.integers(5, size=500)
    expected = f1_score(labels, predicted, average="macro")
    assert macro_f1(predicted, labels, 7) == pytest.approx(expected), "class 6 never occurs"


def test_brier_is_scikit_learns_summed_over_classes() -> None:
    probabilities, labels = make_predictions()
    expected = sum(
        brier_score_loss(labels == k, probabilities[:, k]) for k in range(probabilities.shape[1])
    )
    assert brier(probabilities, labels) == pytest.approx(expected)


def test_calibration_error_is_small_when_confidence_is_honest_and_large_when_not() -> None:
    confidence = random.uniform(0.2, 1, size=20_000)
    right = random.random(20_000) < confidence
    assert expected_calibration_error(confidence, right) < 0.02
    assert expected_calibration_error(np.minimum(1, confidence + 0.3), right) > 0.15


def test_risk_coverage_ends_at_the_error_rate_and_rewards_knowing_when_wrong() -> None:
    right = random.random(1000) < 0.8
    knowing, guessing = np.where(right, 0.9, 0.1), random.random(1000)
    assert risk_coverage(guessing, right)[1][-1] == pytest.approx(1 - right.mean())
    assert area_under_risk_coverage(knowing, right) < area_under_risk_coverage(guessing, right)


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_proportion_lies_inside_its_interval(values: list[bool]) -> None:
    figure = proportion(np.array(values))
    assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert figure.low < figure.high, "one photo can never prove a share"


def test_wilson_interval_covers_the_truth_95_times_in_100() -> None:
    samples = random.random((2000, 60)) < 0.9
    covered = [
        figure.low <= 0.9 <= figure.high for figure in (proportion(sample) for sample in samples)
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_bootstrap_is_the_same_every_time_and_brackets_the_measure() -> None:
    values = random.normal(size=300)
    first, second = (bootstrap(lambda rows: float(values[rows].mean()), 300) for _ in range(2))
    assert first == second
    assert first.low < values.mean() < first.high
    assert first.high - first.low == pytest.approx(2 * 1.96 / np.sqrt(300), rel=0.2)


def test_paired_difference_is_surer_than_two_separate_intervals() -> None:
    theirs = random.random(1000) < 0.9
    ours = theirs | (random.random(1000) < 0.02)
    figure = paired_difference(ours, theirs)
    assert figure.low <= figure.value <= figure.high
    assert figure.high - figure.low < proportion(ours).high - proportion(ours).low


def test_mcnemar_counts_only_the_photos_on_which_they_differ() -> None:
    ours, theirs = np.array([True] * 90 + [False] * 10), np.array([True] * 80 + [False] * 20)
    assert mcnemar(ours, theirs) == pytest.approx(2 * 0.5**10)
    assert mcnemar(ours, ours) == 1.0
