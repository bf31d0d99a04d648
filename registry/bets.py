"""Bets on a mean that may be looked at any time.

A stake against "the mean is at most the ceiling" grows by 1 + b (x - ceiling) with each observation
x: while that is true, nobody can expect to win. What the stake has become, the e-value, therefore
exceeds 100 at most once in 100 times however often one looks (Ville's inequality). Six sizes of b
share the stake, because how bad a version is is not known before. A part of it is kept back and
put in little by little, because neither is known when it becomes bad: what was lost to thousands of
good observations would have to be won back first. The opposite bet, against "the mean is at least
the ceiling", shows that a version is better than that.

Sources: I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS
B 86(1), 2024 (bounded means, mixtures of bets); M. Lindon, A. Malek, "Anytime-valid inference for
multinomial count data", NeurIPS 2022 (which arm an event comes from, whether assignments are
sound); H. Robbins, "Statistical methods related to the law of the iterated logarithm", Ann. Math.
Stat. 41, 1970 (mixtures, here over sizes of bets and over times at which they begin).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

# as parts of the largest bet that cannot lose everything at once
SIZES = (0.01, 0.03, 0.1, 0.25, 0.5, 0.95)
KEPT_BACK = 0.3
PUT_IN = 0.25  # of what is kept back after t observations, PUT_IN / t is put in
_AT_STAKE = (1 - KEPT_BACK,) * len(SIZES)
LARGEST = 1e300  # winning no more than that is no loss, and it stays a number


class Stream(NamedTuple):
    """Bets on the mean of observations between `lowest` and `highest`.

    `harm` and `safe` are what each bet has become: that the mean lies above the ceiling, and below
    it (empty: nobody asks); `reserve` is kept back of either. `total` and `allowed` sum
    observations and ceilings. `foreseen`: a forecast of this version gave the ceiling. The
    closer `lowest` lies to the ceiling, the larger are the bets.
    """

    ceiling: float
    weight: float = 0.0
    lowest: float = 0.0
    harm: Sequence[float] = _AT_STAKE
    safe: Sequence[float] = _AT_STAKE
    reserve: float = KEPT_BACK
    seen: int = 0
    total: float = 0.0
    allowed: float = 0.0
    foreseen: bool = False
    highest: float = 1.0

    def after(self, value: float, ceiling: float | None = None) -> "Stream":
        """Return the bets after an observation; its ceiling is its own if one is given.

        Not a number is as bad as can be; where nothing could lie above the ceiling or below it,
        an observation says nothing.

        Examples
        --------
        >>> certain = Stream(0.5).after(1.0).after(1.0).after(1.0)
        >>> round(certain.e_harm, 2), round(certain.e_safe, 2)
        (2.35, 0.62)
        """
        mean = self.ceiling if ceiling is None else ceiling
        if not self.lowest < mean < self.highest:
            return self
        x = self.highest if math.isnan(value) else min(max(value, self.lowest), self.highest)
        up, down = (x - mean) / (mean - self.lowest), (mean - x) / (self.highest - mean)
        more = self.reserve * PUT_IN / (self.seen + 1)
        return Stream(
            self.ceiling, self.weight, self.lowest,
            [min((bet + more) * (1 + size * up), LARGEST)
             for bet, size in zip(self.harm, SIZES, strict=True)],
            [min((bet + more) * (1 + size * down), LARGEST)
             for bet, size in zip(self.safe, SIZES, strict=False)],
            self.reserve - more, self.seen + 1, self.total + x, self.allowed + mean,
            self.foreseen, self.highest,
        )  # fmt: skip

    @property
    def e_harm(self) -> float:
        """The e-value against "the mean is at most the ceiling"."""
        return self.reserve + sum(self.harm) / len(SIZES)

    @property
    def e_safe(self) -> float:
        """The e-value against "the mean is at least the ceiling"."""
        return self.reserve + sum(self.safe) / len(SIZES)
