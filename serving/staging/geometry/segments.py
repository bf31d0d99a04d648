"""The straight segments of a photo, as the search for its camera weighs them.

Lengths are in long sides of the photo, from its middle, y downwards.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.perception.lines import Lines

Floats = NDArray[np.float64]
_SHORTEST = 0.015
_LONGEST = 0.24  # what is longer weighs no more: one edge is one witness
_MOST = 500
# The ends of a segment are told to a third of a pixel of a thousand, and what is built straight
# and parallel is so to a twentieth of a degree: with these the errors of drawn photos are as large
# as the covariance says (`benchmarks/staging_geometry.py`, the scenes that were tuned on).
_END, _BUILT = 0.0003, math.radians(0.05)


@dataclass(frozen=True)
class Segments:
    """Segments, each array (n,) or (n, 2).

    Attributes
    ----------
    middle : (n, 2)
    way : (n, 2), of length 1
    weight : length, at most `_LONGEST`
    sigma : standard deviation of the direction, radians
    """

    middle: Floats
    way: Floats
    weight: Floats
    sigma: Floats

    def only(self, chosen: NDArray[np.bool_]) -> "Segments":
        """Return some of them."""
        return Segments(
            self.middle[chosen], self.way[chosen], self.weight[chosen], self.sigma[chosen]
        )


def longest_segments(lines: Lines) -> Segments:
    """Return the longest lines of a photo."""
    order = np.argsort(-lines.length, kind="stable")[:_MOST]
    order = order[lines.length[order] > _SHORTEST]
    length = lines.length[order]
    return Segments(
        np.stack([lines.x[order], lines.y[order]], axis=1),
        np.stack([lines.dx[order], lines.dy[order]], axis=1) / length[:, None],
        np.minimum(length, _LONGEST),
        np.sqrt(_BUILT**2 + np.square(_END / length)),
    )


def off_angles(segments: Segments, points: Floats) -> Floats:
    """Return the angle, 0..pi/2, between each segment and the way from it to vanishing points.

    Parameters
    ----------
    points : (..., 3), homogeneous, in long sides from the middle

    Returns
    -------
    float64 (..., n)
    """
    far = points[..., 2:]
    x = points[..., :1] - segments.middle[:, 0] * far
    y = points[..., 1:2] - segments.middle[:, 1] * far
    across = np.abs(x * segments.way[:, 1] - y * segments.way[:, 0])
    angles: Floats = np.arcsin((across / np.maximum(np.hypot(x, y), 1e-12)).clip(0, 1))
    return angles
