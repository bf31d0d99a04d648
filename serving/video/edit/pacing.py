"""Where a film cuts: on beats, paced by the music's energy, every photo its due time.

Cuts are chosen together, by dynamic programming over the frames where a cut may lie, because a
cut that suits one photo takes time from the next. What is minimised is the sum of

- per photo: log²(time it gets / time it is due). Twice too long costs what twice too short does.
  Time is measured by the music's clock, which runs faster where the energy is high: equal shares
  of it are short clips in a loud passage and long ones in a quiet one;
- per cut: what its point costs (`CutPoints.costs`): a beat that is no downbeat a little, a frame
  that is no beat a lot.

Dwell bounds and the film's length are not costs but limits: a plan that breaks them is no plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CutPoints:
    """Frames at which a cut may lie.

    Parameters
    ----------
    frames : int, shape (points,)
        Rising, the film's first frame (0) and its end included.
    costs : float, shape (points,)
        What a cut there costs; 0 is best.
    """

    frames: Ints
    costs: Floats

    @property
    def total(self) -> int:
        """The film's length in frames."""
        return int(self.frames[-1])


@dataclass(frozen=True)
class Share:
    """What one clip is due: a relative length and its bounds in frames."""

    weight: float
    shortest: int
    longest: int


def choose_cuts(points: CutPoints, shares: Sequence[Share], clock: Floats) -> tuple[int, ...]:
    """Divide the film among its clips.

    Parameters
    ----------
    points : where cuts may lie
    shares : of every clip, in order
    clock : shape (frames + 1,)
        The music's clock at every frame, rising; see `energy_clock`.

    Returns
    -------
    tuple of int
        The frames of the ``len(shares) - 1`` cuts, rising.

    Raises
    ------
    BadInput
        No choice of points keeps all bounds.

    Examples
    --------
    >>> points = CutPoints(np.array([0, 15, 30, 45, 60, 90]), np.zeros(6))
    >>> choose_cuts(points, [Share(1, 10, 60), Share(2, 10, 60)], np.arange(91.0))
    (30,)
    """
    at, ticks = points.frames, clock[points.frames]
    weights = np.array([share.weight for share in shares])
    dues = weights * (ticks[-1] - ticks[0]) / weights.sum()
    before = _reachable_before(at, max(share.longest for share in shares))
    gaps = at[:, None] - at[before]
    spans = np.log(np.maximum(ticks[:, None] - ticks[before], 1e-9))
    costs = np.full(len(at), np.inf)
    costs[0] = 0.0
    came_from: list[Ints] = []
    for share, due in zip(shares, dues, strict=True):
        allowed = (gaps >= share.shortest) & (gaps <= share.longest)
        paths = np.where(allowed, costs[before] + (spans - np.log(due)) ** 2, np.inf)
        best = paths.argmin(axis=1)
        rows = np.arange(len(at))
        came_from.append(before[rows, best])
        costs = paths[rows, best] + points.costs
    if not np.isfinite(costs[-1]):
        raise BadInput(f"{len(shares)} clips cannot fill {points.total} frames within their bounds")
    return _walk_back(at, came_from)


def _reachable_before(at: Ints, longest: int) -> Ints:
    """Return the indices of the points up to `longest` before each, shape (points, band)."""
    first = np.searchsorted(at, at - longest)
    band = int((np.arange(len(at)) - first).max(initial=1))
    before = np.arange(len(at))[:, None] - np.arange(1, band + 1)[None]
    indices: Ints = np.maximum(before, 0)
    return indices


def _walk_back(at: Ints, came_from: Sequence[Ints]) -> tuple[int, ...]:
    cuts, place = [], len(at) - 1
    for sources in reversed(came_from):
        place = int(sources[place])
        cuts.append(int(at[place]))
    return tuple(reversed(cuts[:-1]))


def possible_counts(
    at: Ints, body: Share, first: Share | None = None, last: Share | None = None
) -> tuple[int, ...]:
    """Say how many clips with `body`'s bounds can fill a film.

    Parameters
    ----------
    at : points, as in `CutPoints.frames`
    body : the bounds of the clips that are counted
    first, last : cards before and after them, not counted

    Examples
    --------
    >>> possible_counts(np.arange(0, 91, 15), Share(1, 30, 45))
    (2, 3)
    """
    reached = np.zeros(len(at), bool)
    reached[0] = True
    if first is not None:
        reached = _step(at, reached, first)
    counts: list[int] = []
    for count in range(1, int(at[-1]) // max(1, body.shortest) + 1):
        reached = _step(at, reached, body)
        if not reached.any():
            break
        ends = reached if last is None else _step(at, reached, last)
        if ends[-1]:
            counts.append(count)
    return tuple(counts)


def _step(at: Ints, reached: NDArray[np.bool_], share: Share) -> NDArray[np.bool_]:
    """Say which points one more clip leads to."""
    so_far = np.concatenate([[0], np.cumsum(reached)])
    low = np.searchsorted(at, at - share.longest, side="left")
    high = np.searchsorted(at, at - share.shortest, side="right")
    return np.asarray(so_far[high] > so_far[low])


def energy_clock(frames: int, fps: float, energy: Floats, step_s: float, gain: float) -> Floats:
    """Return the music's clock: it runs faster where the energy is high.

    Parameters
    ----------
    frames : the film's length
    fps : its frames per second
    energy : shape (points,), 0..1
        Sampled every `step_s` from the film's start; held beyond its end; may be empty.
    gain : 0 for the plain clock; at 1 full energy runs e² = 7.4 times as fast as silence

    Returns
    -------
    float, shape (frames + 1,)
        From 0 to `frames`, rising everywhere.

    Examples
    --------
    >>> energy_clock(4, 1.0, np.array([0.0, 0.0, 1.0, 1.0]), 1.0, 0.0).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    if not energy.size or not gain:
        return np.arange(frames + 1, dtype=np.float64)
    times = (np.arange(frames) + 0.5) / fps
    levels = np.interp(times, np.arange(energy.size) * step_s, energy.clip(0, 1))
    ticks = np.concatenate([[0.0], np.cumsum(np.exp(2 * gain * levels))])
    clock: Floats = ticks * (frames / ticks[-1])
    return clock
