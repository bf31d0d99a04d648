"""Evidence that two arms differ, which may be looked at any time, and what their rates may be.

Listings are assigned by a hash of their key. If an arm and the champion are equally good, a listing
that meets something bad is therefore the arm's with probability w, its share of both, whatever else
differs between listings or changes over time. The number of the arm's bad listings among all is
binomial, and a mixture of likelihood ratios over other probabilities is a martingale: it passes
1/alpha with probability alpha at most, however often and whenever one looks (Robbins 1970; Lindon &
Malek 2022, arXiv:2011.03567). Only bad listings are needed, and of those only how many there are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import betaln, xlog1py, xlogy

# how many bad listings the mixture is worth: with ten, a doubled or halved rate lies within two
# standard deviations of the mixture at equal shares, and nothing is ruled out by it
_PRIOR = 10.0
_CLOSEST = 1e-12
Floats = NDArray[np.float64]


def log_evidence(bad_arm: ArrayLike, bad_control: ArrayLike, share: float) -> Floats:
    """Return the natural logarithm of the e-value against "the arm is as good as the champion".

    Parameters
    ----------
    bad_arm, bad_control : listings that met something bad, so far
    share : the arm's part, 0..1, of its and the champion's listings together

    Examples
    --------
    >>> round(float(log_evidence(0, 0, 0.5)), 3), round(float(log_evidence(40, 20, 0.5)), 2)
    (0.0, 1.95)
    """
    arm, control = np.asarray(bad_arm, np.float64), np.asarray(bad_control, np.float64)
    a, b = _PRIOR * share, _PRIOR * (1 - share)
    mixture = betaln(a + arm, b + control) - betaln(a, b)
    found: Floats = mixture - xlogy(arm, share) - xlog1py(control, -share)
    return found


@dataclass(frozen=True)
class Ratio:
    """How often the arm's listings meet something bad, as a multiple of the champion's."""

    low: float
    high: float


def rate_ratio(bad_arm: int, bad_control: int, share: float, alpha: float) -> Ratio:
    """Return what the ratio of both rates may be: holds at every look, with 1 - alpha.

    It is every ratio against which the evidence does not pass 1/alpha.

    Examples
    --------
    >>> found = rate_ratio(400, 200, 0.5, 0.05)
    >>> round(found.low, 2), round(found.high, 2)
    (1.5, 2.69)
    """
    a, b = _PRIOR * share, _PRIOR * (1 - share)
    mixture = float(betaln(a + bad_arm, b + bad_control) - betaln(a, b))
    limit = -np.log(alpha)

    def excess(part: float) -> float:
        likelihood = xlogy(bad_arm, part) + xlog1py(bad_control, -part)
        return float(mixture - likelihood - limit)

    count = bad_arm + bad_control
    likeliest = min(max(bad_arm / count if count else share, _CLOSEST), 1 - _CLOSEST)
    low = _edge(excess, _CLOSEST, likeliest)
    high = _edge(excess, 1 - _CLOSEST, likeliest)
    odds = (1 - share) / share
    return Ratio(
        0.0 if low is None else odds * low / (1 - low),
        float("inf") if high is None else odds * high / (1 - high),
    )


def _edge(excess: Callable[[float], float], end: float, likeliest: float) -> float | None:
    """Return where the evidence passes the limit between both; None: not before the end."""
    if excess(end) <= 0 or excess(likeliest) >= 0:
        return None
    low, high = sorted((end, likeliest))
    return float(brentq(excess, low, high, xtol=1e-12))
