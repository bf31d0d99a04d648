"""First guesses of a camera: every horizon, focal length and turn is tried.

The verticals come first: their meeting point holds for every focal length. For each horizon and
each place on it, how well every segment runs there is worked out once; a focal length and a turn
then name two places of it, and a segment counts for the better one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from serving.perception.lines import Lines
from serving.perception.verticals import meeting_point, steep_lines
from serving.staging.geometry.frames import frame_of
from serving.staging.geometry.refine import Pose, Prior, start_pose
from serving.staging.geometry.segments import Segments, off_angles

Floats = NDArray[np.float64]
_REACH = math.radians(2.5)
_HORIZONS = np.linspace(-0.3, 0.3, 41)  # long sides below the middle
_STEP_DEG = 2.0
_PLACES = np.radians(np.arange(-89.0, 90.0, _STEP_DEG))  # along a horizon, seen from `_EYE`
_EYE = 0.7
_FOCALS = 0.5 / np.tan(np.radians(np.arange(48, 111, 4.0)) / 2)
_YAWS = np.radians(np.arange(-45.0, 45.0, 2.0))
_GUESSES = 6
_APART = (4, 3, 3)  # steps of horizon, focal length and yaw, within which guesses are one
_STEEP = 0.97
_FEWEST = 3


def first_guesses(lines: Lines, segments: Segments, prior: Prior) -> list[Pose]:
    """Return some cameras that many segments agree with, the best first."""
    a, c = vertical_point(lines)
    level = segments.only(np.abs(segments.way[:, 1]) < _STEEP)
    scores = _scores(level, a, c, prior)
    guesses = []
    for _ in range(_GUESSES):
        place = np.unravel_index(int(scores.argmax()), scores.shape)
        horizon, focal, yaw = (int(one) for one in place)
        guesses.append(_pose(a, c, horizon, focal, yaw))
        _strike(scores, (horizon, focal, yaw))
    return guesses


def vertical_point(lines: Lines) -> tuple[float, float]:
    """Return a and c: at (x, y) verticals run as (a - c x, 1 - c y); zeros where none are seen."""
    steep = steep_lines(lines)
    if len(steep.x) < _FEWEST:
        return 0.0, 0.0
    a, c, _ = meeting_point(steep)
    return a, c


def _scores(level: Segments, a: float, c: float, prior: Prior) -> Floats:
    """Return how much agrees with each horizon, focal length and yaw, (41, 16, 45)."""
    scores = np.empty((len(_HORIZONS), len(_FOCALS), len(_YAWS)))
    chosen = [_places_of(float(focal), c) for focal in _FOCALS]
    likely = np.exp(-0.08 * np.square(np.log(_FOCALS / prior.focal) / prior.log_focal))
    for number, horizon in enumerate(_HORIZONS):
        along = np.tan(_PLACES) * _EYE
        points = np.stack([along, horizon - a * along, np.ones_like(along)], axis=1)
        agreed = _agreement(level, points)
        for place, (first, second) in enumerate(chosen):
            both = np.maximum(agreed[first], agreed[second]) @ level.weight.astype(np.float32)
            beside = (horizon + c * _FOCALS[place] ** 2) / (2 * prior.centre[1])
            scores[number, place] = both * likely[place] * math.exp(-0.15 * beside**2)
    return scores


def _agreement(level: Segments, points: Floats) -> NDArray[np.float32]:
    off = off_angles(level, points)
    agreed: NDArray[np.float32] = (1 - np.square(off / _REACH)).clip(0).astype(np.float32)
    return agreed


def _places_of(focal: float, c: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places along a horizon where right and ahead vanish, for each yaw."""
    far = focal * math.hypot(1, c * focal)  # the horizon's distance from a camera that looks down
    return _nearest(np.tan(_YAWS + math.pi / 2) * far), _nearest(np.tan(_YAWS) * far)


def _nearest(along: Floats) -> NDArray[np.int64]:
    angle = np.degrees(np.arctan(along / _EYE))
    nearest: NDArray[np.int64] = np.rint((angle + 89.0) / _STEP_DEG).astype(np.int64)
    return nearest.clip(0, len(_PLACES) - 1)


def _pose(a: float, c: float, horizon: int, focal: int, yaw: int) -> Pose:
    """Return the camera of a cell: what its centre is off explains the horizon."""
    length = float(_FOCALS[focal])
    down_by = float(_HORIZONS[horizon]) + c * length**2
    down = np.array([a, 1 - c * down_by, c * length])
    pose = start_pose(frame_of(down, -float(_YAWS[yaw])), length)
    return Pose(pose.frame, pose.focal, np.array([0.0, down_by]), pose.covariance)


def _strike(scores: Floats, place: tuple[int, int, int]) -> None:
    """Take the cells about a place out of the race, yaws in a circle."""
    rows, columns = (
        slice(max(0, at - by), at + by + 1) for at, by in zip(place[:2], _APART[:2], strict=True)
    )
    yaws = [(place[2] + by) % len(_YAWS) for by in range(-_APART[2], _APART[2] + 1)]
    for yaw in yaws:
        scores[rows, columns, yaw] = -1.0
