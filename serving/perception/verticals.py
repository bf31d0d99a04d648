"""Where the verticals of a photo meet."""

import numpy as np
from numpy.typing import NDArray

from serving.perception.lines import Lines

Floats = NDArray[np.float64]
STEEP = 0.21  # of x over y: 12 degrees; what leans further is a roof or a stair
_SHORTEST = 0.03  # long sides: shorter lines tell their direction too roughly
_REACH = 0.35  # degrees from what was fitted, where a line counts half
_NEAR = np.exp(-0.5 * np.square(np.arange(-12, 13) / 4))


def steep_lines(lines: Lines) -> Lines:
    """Return the lines that may be verticals, and are long enough to tell their direction."""
    steep = np.abs(lines.dx) < STEEP * np.abs(lines.dy)
    return lines.only(steep & (lines.length > _SHORTEST))


def meeting_point(verticals: Lines) -> tuple[float, float, Floats]:
    """Fit where verticals meet, and say how many degrees each runs beside it.

    Returns
    -------
    a, c : at (x, y) from the middle, in long sides, verticals run as (a - c x, 1 - c y)
    off : float64 (lines,), degrees
    """
    slope = verticals.dx / verticals.dy
    arm = slope * verticals.y - verticals.x  # slope (1 - c y) = a - c x
    a, c = _vote(slope, arm, verticals.length)
    for _ in range(10):
        off = np.degrees(np.abs(slope - a - c * arm))
        a, c = _line(arm, slope, verticals.length / (1 + np.square(off / _REACH)) ** 1.5)
    return a, c, np.degrees(np.abs(slope - a - c * arm))


def _vote(slope: Floats, arm: Floats, length: Floats) -> tuple[float, float]:
    """Return the a and c that most lines share, to 0.1 degrees: lines near them are fitted then."""
    best = (-1.0, 0.0, 0.0)
    for c in np.linspace(-0.5, 0.5, 41):
        place = np.rint(10 * (np.degrees(np.arctan(slope - c * arm)) + 13)).astype(np.int64)
        votes = np.bincount(place.clip(0, 260), length, 261)
        votes = np.convolve(votes, _NEAR, "same")
        top = int(votes.argmax())
        score = float(votes[top]) * (1 - 0.3 * abs(c))
        if score > best[0]:
            best = (score, float(np.tan(np.radians(top / 10 - 13))), float(c))
    return best[1], best[2]


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Weighted least squares of y = a + c x; c stays near 0 where lines stand side by side."""
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    variance = np.average(np.square(x - mean_x), weights=weight) + 2e-3
    c = np.average((x - mean_x) * (y - mean_y), weights=weight) / variance
    return float(mean_y - c * mean_x), float(c)
