"""Fits a camera to straight segments: each goes to the direction of the room that it meets best.

Expectation and maximisation over rotation, focal length and optical centre, each with a weak
prior; where lines say nothing of one of them, its prior stays, and the covariance says so.

Sources: J. Coughlan, A. Yuille, "Manhattan world", ICCV 1999 (lines of three directions, and of
none); R. Hartley, A. Zisserman, "Multiple view geometry", 2nd ed. 2004, appendix 6.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.staging.geometry.frames import rotation_by
from serving.staging.geometry.segments import Segments, off_angles

Floats = NDArray[np.float64]
_WIDE, _STEPS_WIDE, _STEPS = 4.0, 5, 24  # first steps take lines that are farther off
_REACH = 3.0  # standard deviations, where a line counts a quarter
_LIKELY = 2.0  # how much wider than the normal lines that agree are spread
_FAR = math.radians(6)  # what is farther off every direction is no line of the room
_SAME = 0.7  # several segments lie along one edge: so much of each is a witness of its own
_STEP = 0.1


@dataclass(frozen=True)
class Prior:
    """What cameras of listing photos are like, before any line is seen: standard deviations.

    Attributes
    ----------
    focal : in long sides; 72 degrees over the width, 20 to 24 mm of full frame
    log_focal, pitch, roll : of the focal length's logarithm; radians
    centre : of the optical centre, in long sides, across and down
    """

    focal: float = 0.5 / math.tan(math.radians(36))
    log_focal: float = 0.25
    pitch: float = math.radians(7)
    roll: float = math.radians(1.5)
    centre: tuple[float, float] = (0.035, 0.03)


@dataclass(frozen=True)
class Pose:
    """A camera, in long sides from the photo's middle.

    Attributes
    ----------
    frame : (3, 3), see `frames`
    focal : focal length
    centre : (2,), of the optics
    covariance : (6, 6), of a turn about the camera's axes in radians, the focal length's
        logarithm and the centre
    """

    frame: Floats
    focal: float
    centre: Floats
    covariance: Floats

    def vanishing_points(self) -> Floats:
        """Return the homogeneous vanishing points (3, 3) of right, down and ahead, by rows."""
        points = self.frame.T.copy()
        points[:, :2] *= self.focal
        points[:, :2] += points[:, 2:] * self.centre
        return points

    @property
    def pitch(self) -> float:
        """How far the camera looks up, radians."""
        return -math.asin(min(1.0, max(-1.0, float(self.frame[2, 1]))))

    @property
    def roll(self) -> float:
        """How far what stands leans to the right in the photo, radians, at most a half turn."""
        return -math.atan2(float(self.frame[0, 1]), float(self.frame[1, 1]))


def start_pose(frame: Floats, focal: float) -> Pose:
    """Return a camera that nothing is known of but its frame and focal length."""
    return Pose(frame, focal, np.zeros(2), np.eye(6))


def refine_pose(segments: Segments, pose: Pose, prior: Prior, focal_known: bool = False) -> Pose:
    """Return the most likely camera near a first guess.

    Parameters
    ----------
    focal_known : whether the focal length stays, as metadata told it
    """
    for step in range(_STEPS):
        wide = _WIDE if step < _STEPS_WIDE else 1.0
        hessian, gradient = _normal_equations(segments, pose, wide)
        _add_prior(hessian, gradient, pose, prior, focal_known)
        covariance: Floats = np.linalg.inv(hessian).astype(np.float64)
        change: Floats = (-covariance @ gradient).clip(-_STEP, _STEP)
        pose = Pose(
            rotation_by(change[:3]) @ pose.frame,
            pose.focal * math.exp(change[3]),
            pose.centre + change[4:],
            covariance,
        )
        if step > _STEPS_WIDE and np.abs(change).max() < 1e-6:
            break
    return pose


def likelihood(segments: Segments, pose: Pose, prior: Prior) -> float:
    """Return the logarithm of how likely segments and a camera are, up to a constant."""
    off = off_angles(segments, pose.vanishing_points()).min(axis=0) / segments.sigma
    lines = np.log1p(np.exp(-0.5 * np.square(off) / _LIKELY) / (4 * segments.sigma))
    beside = (
        math.log(pose.focal / prior.focal) / prior.log_focal,
        pose.pitch / prior.pitch,
        pose.roll / prior.roll,
        *(pose.centre / prior.centre),
    )
    return _SAME * float(lines.sum()) - 0.5 * float(sum(value * value for value in beside))


def _normal_equations(segments: Segments, pose: Pose, wide: float) -> tuple[Floats, Floats]:
    """Return Hessian (6, 6) and gradient (6,) of half the squares of what segments are off."""
    points = pose.vanishing_points()
    angles = off_angles(segments, points)
    kind, off = angles.argmin(axis=0), angles.min(axis=0)
    sigma = segments.sigma * wide
    weight = (off < _FAR) / np.square(1 + np.square(off / (_REACH * sigma)))
    slopes, across = _slopes(segments, pose, points[kind], kind)
    scaled = slopes * (weight * _SAME / np.square(segments.sigma))[:, None]
    return scaled.T @ slopes, scaled.T @ across


def _slopes(
    segments: Segments, pose: Pose, points: Floats, kind: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return the derivatives (n, 6) of the sines by which segments are off, and the sines (n,)."""
    x, y = (points[:, :2] - segments.middle * points[:, 2:]).T
    length = np.maximum(np.hypot(x, y), 1e-12)
    across = (x * segments.way[:, 1] - y * segments.way[:, 0]) / length
    by_x = (segments.way[:, 1] - across * x / length) / length
    by_y = (-segments.way[:, 0] - across * y / length) / length
    seen = pose.frame.T[kind]
    ahead = pose.centre - segments.middle
    turn_x, turn_y = by_x * pose.focal, by_y * pose.focal
    turn_z = by_x * ahead[:, 0] + by_y * ahead[:, 1]
    turned = np.cross(seen, np.stack([turn_x, turn_y, turn_z], axis=1))
    zoom = pose.focal * (by_x * seen[:, 0] + by_y * seen[:, 1])
    rest = np.stack([zoom, by_x * seen[:, 2], by_y * seen[:, 2]], axis=1)
    return np.concatenate([turned, rest], axis=1), across


def _add_prior(
    hessian: Floats, gradient: Floats, pose: Pose, prior: Prior, focal_known: bool
) -> None:
    """Add what is known beforehand of pitch, roll, focal length and centre, in place."""
    values = (
        -pose.pitch,  # a turn about x to the right-hand side lets the camera's down point ahead
        0.0,
        pose.roll,
        math.log(pose.focal / prior.focal),
        *pose.centre,
    )
    spreads = (prior.pitch, math.inf, prior.roll, prior.log_focal, *prior.centre)
    for place, (value, spread) in enumerate(zip(values, spreads, strict=True)):
        hessian[place, place] += 1 / spread**2 + 1e-9
        gradient[place] += value / spread**2
    if focal_known:
        hessian[3, :] = hessian[:, 3] = 0
        hessian[3, 3], gradient[3] = 1e12, 0
