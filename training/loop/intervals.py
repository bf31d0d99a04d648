"""How sure a figure is: 95 % intervals and paired tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A measured value with the ends of its 95 % interval, from `n` photos."""

    value: float
    low: float
    high: float
    n: int


def flatten(figures: Mapping[str, Figure], prefix: str = "") -> dict[str, float]:
    """Return each figure and its `.low` and `.high` as plain numbers, for gates and MLflow."""
    flat: dict[str, float] = {}
    for name, figure in figures.items():
        key = f"{prefix}/{name}" if prefix else name
        flat[key], flat[f"{key}.low"], flat[f"{key}.high"] = figure.value, figure.low, figure.high
    return flat


def proportion(right: Bools) -> Figure:
    """Share of true values with Wilson's interval (E. B. Wilson, JASA 22, 1927).

    Examples
    --------
    >>> figure = proportion(np.array([True] * 98 + [False] * 2))
    >>> f"{figure.value:.2f} {figure.low:.3f} {figure.high:.3f}"
    '0.98 0.930 0.994'
    """
    if not len(right):
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    hits = int(right.sum())
    interval = binomtest(hits, len(right)).proportion_ci(0.95, method="wilson")
    return Figure(hits / len(right), float(interval.low), float(interval.high), len(right))


def bootstrap(
    measure: Callable[[NDArray[np.intp]], float], n: int, rounds: int = 500, seed: int = 0
) -> Figure:
    """Percentile bootstrap of `measure`, a function of row numbers (Efron 1979)."""
    random = np.random.default_rng(seed)
    values = [measure(random.integers(n, size=n)) for _ in range(rounds)]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(float(measure(np.arange(n))), float(low), float(high), n)


def paired_difference(ours: Bools | Floats, theirs: Bools | Floats) -> Figure:
    """Mean difference of scores on the same rows, with its normal interval; of shares Newcombe's.

    Source: R. G. Newcombe, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17, 1998 (method 1).
    """
    difference = ours.astype(float) - theirs.astype(float)
    n = len(difference)
    half = 1.96 * float(difference.std(ddof=1)) / np.sqrt(n) if n > 1 else float("nan")
    middle = float(difference.mean())
    return Figure(middle, middle - half, middle + half, n)


def mcnemar(ours: Bools, theirs: Bools) -> float:
    """Exact two-sided p-value that two classifiers err equally often on the same photos.

    Source: Q. McNemar, Psychometrika 12, 1947; exact binomial form.

    Examples
    --------
    >>> right, wrong = np.ones(20, bool), np.zeros(20, bool)
    >>> mcnemar(right, wrong) < 1e-5, mcnemar(right, right)
    (True, 1.0)
    """
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    if not only_ours + only_theirs:
        return 1.0
    return float(binomtest(only_ours, only_ours + only_theirs).pvalue)
