"""How far a photo leans: the direction in which its vertical lines run."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
MOST_DEG = 12.0  # what leans further is a roof, a stair or a creative photo
_BIN_DEG = 0.1
_SPREADS = np.linspace(-20, 20, 21)  # degrees over the width by which verticals converge
# At 256 px a tenth of the photos of Places were misread by more than ten degrees.
_LEAST_SIDE = 320  # px of the long side
_EDGE = 4  # px of the border that are left out
_VOTES = 3000  # of edges at most
_LEAST_HEIGHTS = 0.5  # of lines, in heights of the photo, below which nothing is said


@dataclass(frozen=True)
class Tilt:
    """The lean of a photo.

    Attributes
    ----------
    degrees : above 0: the photo leans to the right (what stands upright is turned clockwise)
    support : length of the lines that agree, in heights of the photo
    """

    degrees: float
    support: float


@dataclass(frozen=True)
class Edges:
    """Every edge of a photo that is nearly upright; arrays of the same length.

    Attributes
    ----------
    angle : of its direction, in degrees
    across, down : its place over the width and the height, -0.5..0.5
    weight : how strong it is
    """

    angle: Floats
    across: Floats
    down: Floats
    weight: Floats


def measure_tilt(luma: NDArray[np.uint8]) -> Tilt | None:
    """Find the roll of the camera; None where the photo shows too few verticals.

    Every edge that is nearly upright votes with its direction. Looking up or down makes verticals
    converge: their direction then changes evenly from left to right, so that is fitted too, and
    the lean is the direction in the photo's middle.

    Parameters
    ----------
    luma : uint8, shape (height, width)
    """
    edges = find_upright_edges(luma)
    found = fit_lean(edges, luma.shape) if edges is not None else None
    return found[0] if found is not None else None


def fit_lean(edges: Edges, shape: tuple[int, ...]) -> tuple[Tilt, float] | None:
    """Return the lean that most edges share, and by how many degrees it changes over the width.

    None where they are too few, or lean further than any wall.

    Parameters
    ----------
    shape : of the luma in which they were found
    """
    angle, across, weight = edges.angle, edges.across, edges.weight
    spread, mode = _vote(angle, across, weight)
    degrees = mode
    for reach in (1.0, 0.6, 0.4):
        near = np.abs(angle - degrees - spread * across) < reach
        if near.sum() < 16:
            return None
        degrees, spread = _fit(angle[near], across[near], weight[near])
    support = float(near.sum()) / shape[0]
    if support < _LEAST_HEIGHTS or abs(degrees) > MOST_DEG:
        return None
    return Tilt(degrees, support), spread


def find_upright_edges(luma: NDArray[np.uint8]) -> Edges | None:
    """Return the edges that may be verticals; None where there are none, or the photo is small."""
    if max(luma.shape) < _LEAST_SIDE:
        return None
    smooth = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), 1.0)
    right = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    down = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    window = (3, 17)  # an upright edge is averaged along itself
    xx, yy, xy = (cv2.blur(a * b, window) for a, b in ((right, right), (down, down), (right, down)))
    power = np.abs(right)
    floor = max(4.0, float(np.percentile(power[::4, ::4], 80)))
    inner = power[_EDGE:-_EDGE, _EDGE:-_EDGE]
    peak = inner > floor
    peak &= inner >= power[_EDGE:-_EDGE, _EDGE - 1 : -_EDGE - 1]  # one vote a row
    peak &= inner > power[_EDGE:-_EDGE, _EDGE + 1 : -_EDGE + 1]
    rows, columns = (places + _EDGE for places in np.nonzero(peak))
    upright = xx[rows, columns] > 8 * yy[rows, columns]
    rows, columns = rows[upright], columns[upright]
    along = xy[rows, columns] / (xx[rows, columns] - yy[rows, columns])
    angle = np.degrees(0.5 * np.arctan(2 * along)).astype(np.float32)
    across = (columns / luma.shape[1] - 0.5).astype(np.float32)
    down_by = (rows / luma.shape[0] - 0.5).astype(np.float32)
    weight = np.minimum(power[rows, columns], 40.0)
    return Edges(angle, across, down_by, weight) if len(angle) else None


def _vote(angle: Floats, across: Floats, weight: Floats) -> tuple[float, float]:
    """Return the convergence and the direction that most edges share."""
    step = len(angle) // _VOTES + 1
    angle, across, weight = angle[::step], across[::step], weight[::step]
    bins = int(2 * MOST_DEG / _BIN_DEG) + 1
    best = (-1.0, 0.0, 0.0)
    for spread in _SPREADS:
        place = (angle - spread * across + MOST_DEG) / _BIN_DEG + 0.5
        kept = (place >= 0) & (place < bins)
        votes = np.bincount(place[kept].astype(np.int64), weight[kept], bins)
        votes = np.convolve(votes, _KERNEL, "same")
        top = int(votes.argmax())
        score = float(votes[top]) * (1 - abs(spread) / 100)
        if score > best[0]:
            best = (score, float(spread), top * _BIN_DEG - MOST_DEG)
    return best[1], best[2]


_KERNEL = np.exp(-0.5 * np.square(np.arange(-9, 10) / 3))


def _fit(angle: Floats, across: Floats, weight: Floats) -> tuple[float, float]:
    """Weighted straight line of direction over place; its value in the middle, and its slope."""
    mean = np.average(across, weights=weight)
    middle = np.average(angle, weights=weight)
    apart = across - mean
    variance = np.average(apart * apart, weights=weight)
    slope = np.average(apart * (angle - middle), weights=weight) / (variance + 1e-3)
    return float(middle - slope * mean), float(slope)
