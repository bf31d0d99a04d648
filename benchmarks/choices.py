"""Learns to choose one of several: a conditional logit, and what it chooses of unknown kinds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from serving.audio.samples import Floats

PENALTY = 5.0
GOOD, AS_GOOD = 0.75, 0.03  # a lesson teaches if a choice is right; equals count alike


@dataclass(frozen=True)
class Lesson:
    """The evidence of what may be chosen, how good each is (0..1), how much the lesson counts."""

    kind: str
    evidence: Floats
    goodness: Floats
    share: float


def fit(lessons: list[Lesson]) -> Floats:
    """Return the weights by which a right choice is most likely, large ones penalised."""
    teaching = [one for one in lessons if one.goodness.max() >= GOOD]
    scale = np.concatenate([one.evidence - one.evidence.mean(0) for one in teaching]).std(0) + 1e-6
    sizes = [one.goodness.size for one in teaching]
    right = [one.goodness >= one.goodness.max() - AS_GOOD for one in teaching]
    table = Table(
        np.concatenate([one.evidence for one in teaching]) / scale,
        np.concatenate(right),
        np.repeat(np.arange(len(sizes)), sizes),
        np.cumsum([0, *sizes[:-1]]),
        np.array([one.share for one in teaching]),
    )
    found = minimize(table.loss, np.zeros(scale.size), jac=True, method="L-BFGS-B")
    weights: Floats = found.x / scale
    return weights


@dataclass(frozen=True)
class Table:
    """All that may be chosen: `lesson` is a row's, `first` a lesson's first row."""

    evidence: Floats
    right: NDArray[np.bool_]
    lesson: NDArray[np.int64]
    first: NDArray[np.int64]
    share: Floats

    def loss(self, weights: Floats) -> tuple[float, Floats]:
        """Return the negative log likelihood that a right row is chosen, and its slope."""
        odds = self.evidence @ weights
        odds = np.exp(odds - np.maximum.reduceat(odds, self.first)[self.lesson])
        chosen, right = (np.add.reduceat(o, self.first) for o in (odds, odds * self.right))
        gap = odds * self.right / right[self.lesson] - odds / chosen[self.lesson]
        total = PENALTY * weights @ weights - self.share @ np.log(right / chosen)
        slope = 2 * PENALTY * weights - (self.share[self.lesson] * gap) @ self.evidence
        return float(total), slope


def chosen(lessons: list[Lesson], weights: Floats) -> float:
    """Return how good on average is what weights choose."""
    good = [one.goodness[int((one.evidence @ weights).argmax())] for one in lessons]
    return float(np.mean(good))


def chosen_by_others(lessons: list[Lesson]) -> dict[str, float]:
    """Return for every kind how good the choices are by what is learnt from all other kinds."""
    good = {}
    for kind in sorted({one.kind for one in lessons}):
        these = [one for one in lessons if one.kind == kind]
        good[kind] = chosen(these, fit([one for one in lessons if one.kind != kind]))
    return good
