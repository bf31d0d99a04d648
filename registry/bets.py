"""Bets on a mean that may be looked at any time.

A stake against "the mean is at most the ceiling" grows by 1 + b (x - ceiling) with each observation
x: while that is true, nobody can expect to win. What the stake has become, the e-value, therefore
exceeds 100 at most once in 100 times however often one looks (Ville's inequality). Six sizes of b
share the stake, because how bad a version is is not known before. The opposite bet, against "the
mean is at least the ceiling", shows that a version is better than that.

Sources: I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS
B 86(1), 2024 (bounded means, mixtures of bets); M. Lindon, A. Malek, "Anytime-valid inference for
multinomial count data", NeurIPS 2022 (which arm an event comes from, whether assignments are
sound); H. Robbins, "Statistical methods related to the law of the iterated logarithm", Ann. Math.
Stat. 41, 1970 (mixtures).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

# as parts of the largest bet that cannot lose everything at once
SIZES = (0.01, 0.03, 0.1, 0.25, 0.5, 0.95)
_NOTHING = (0.0,) * len(SIZES)
_LOG10_E, _LARGEST = math.log10(math.e), 300.0


class Stream(NamedTuple):
    """Bets on the mean of observations between `lowest` and 1.

    `harm` and `safe` are the natural logarithms of what each bet has become: that the mean lies
    above the ceiling, and below it (empty: nobody asks). `total` and `allowed` sum observations
    and ceilings.
    """

    ceiling: float
    weight: float = 0.0
    lowest: float = 0.0
    harm: Sequence[float] = _NOTHING
    safe: Sequence[float] = _NOTHING
    seen: int = 0
    total: float = 0.0
    allowed: float = 0.0

    def after(self, value: float, ceiling: float | None = None) -> "Stream":
        """Return the bets after an observation; its ceiling is its own if one is given.

        Not a number is as bad as can be; where nothing could lie above the ceiling or below it,
        an observation says nothing.

        Examples
        --------
        >>> certain = Stream(0.5).after(1.0).after(1.0).after(1.0)
        >>> [round(10 ** log10_e_value(bets), 2) for bets in (certain.harm, certain.safe)]
        [2.7, 0.53]
        """
        mean = self.ceiling if ceiling is None else ceiling
        if not self.lowest < mean < 1:
            return self
        x = 1.0 if math.isnan(value) else min(max(value, self.lowest), 1.0)
        up, down = (x - mean) / (mean - self.lowest), (mean - x) / (1 - mean)
        harm = [log + math.log1p(size * up) for log, size in zip(self.harm, SIZES, strict=True)]
        safe = [log + math.log1p(size * down) for log, size in zip(self.safe, SIZES, strict=False)]
        sums = self.seen + 1, self.total + x, self.allowed + mean
        return Stream(self.ceiling, self.weight, self.lowest, harm, safe, *sums)


def log10_e_value(bets: Sequence[float]) -> float:
    """Return log10 of the mean of what bets have become, given their natural logarithms.

    At most 300: ten to the power of it is a float.
    """
    most = max(bets)
    mean = sum([math.exp(log - most) for log in bets]) / len(bets)
    return min((most + math.log(mean)) * _LOG10_E, _LARGEST)
