"""The camera of a photo of a room, by its straight lines, and how sure that is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.image import Image, check_rgb
from serving.perception.lines import Lines, find_lines
from serving.staging.geometry.frames import angle_between, facing_ahead, rotation_by
from serving.staging.geometry.refine import Pose, Prior, likelihood, refine_pose
from serving.staging.geometry.search import first_guesses
from serving.staging.geometry.segments import Segments, longest_segments, off_angles
from serving.staging.room import Camera

Floats = NDArray[np.float64]
_AGREES = math.radians(1.0)
_OTHER = math.radians(4)  # apart from which another guess is another frame
_FLOOR_AT = np.array([(x, y) for y in (0.3, 0.42) for x in (-0.35, 0.0, 0.35)])  # of the size
_LEAST = 1e-3


@dataclass(frozen=True)
class Evidence:
    """What speaks for a camera.

    Attributes
    ----------
    segments : how many lines were looked at
    counts : of them that run to the right, down and ahead, within a degree
    shares : of their length, of all
    margin : how much likelier it is than the next frame that is another, in natural logarithms
    focal_sd : standard deviation of the focal length's logarithm
    floor_sd : of where a point of the floor is, in its distance; inf if no floor can be seen
    """

    segments: int
    counts: tuple[int, int, int]
    shares: tuple[float, float, float]
    margin: float
    focal_sd: float
    floor_sd: float

    @property
    def weaker_share(self) -> float:
        """Share of lines that run in the one of the two level directions that has fewer."""
        return min(self.shares[0], self.shares[2])

    @property
    def weaker_count(self) -> int:
        """How many they are."""
        return min(self.counts[0], self.counts[2])


@dataclass(frozen=True)
class FoundCamera:
    """A camera of height 1, what it was fitted as, and what speaks for it."""

    camera: Camera
    pose: Pose
    evidence: Evidence


def find_camera(photo: Image, prior: Prior | None = None) -> FoundCamera:
    """Return the camera of a photo of a room.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3). Left unchanged.
    prior : what is known of the camera before any line is seen

    Returns
    -------
    FoundCamera
        Of a camera in any case: `evidence` says whether to believe it. The room's axes are those
        of its lines, its front is the wall closest to where the camera looks, heights are in
        heights of the camera.

    Raises
    ------
    BadImage
        If `photo` is not RGB.
    """
    check_rgb(photo)
    return fit_camera(find_lines(photo), (photo.shape[0], photo.shape[1]), prior or Prior())


def fit_camera(lines: Lines, size: tuple[int, int], prior: Prior) -> FoundCamera:
    """Return the camera of a photo of a size, (height, width), with these lines."""
    segments = longest_segments(lines)
    if not len(segments.weight):
        return _found(segments, Pose(np.eye(3), prior.focal, np.zeros(2), np.eye(6)), 0.0, size)
    tried = [refine_pose(segments, guess, prior) for guess in first_guesses(lines, segments, prior)]
    scores = [likelihood(segments, pose, prior) for pose in tried]
    best = int(np.argmax(scores))
    others = [
        score
        for pose, score in zip(tried, scores, strict=True)
        if angle_between(pose.frame, tried[best].frame) > _OTHER
    ]
    margin = scores[best] - max(others) if others else math.inf
    return _found(segments, tried[best], margin, size)


def _found(segments: Segments, pose: Pose, margin: float, size: tuple[int, int]) -> FoundCamera:
    frame = facing_ahead(pose.frame)
    pose = Pose(frame, pose.focal, pose.centre, pose.covariance)
    return FoundCamera(to_camera(pose, size), pose, _evidence(segments, pose, margin, size))


def to_camera(pose: Pose, size: tuple[int, int], height_m: float = 1.0) -> Camera:
    """Return a camera in pixels of a photo of a size, (height, width)."""
    side = max(size)
    x, y = pose.centre * side
    rotation = pose.frame * np.array([1.0, -1.0, -1.0])  # right, up, back
    centre = float(size[1] / 2 + x), float(size[0] / 2 + y)
    return Camera(size, pose.focal * side, centre, rotation, height_m)


def _evidence(segments: Segments, pose: Pose, margin: float, size: tuple[int, int]) -> Evidence:
    off = off_angles(segments, pose.vanishing_points())
    agrees = [(off.argmin(axis=0) == kind) & (off[kind] < _AGREES) for kind in range(3)]
    total = max(float(segments.weight.sum()), _LEAST)
    return Evidence(
        len(segments.weight),
        (int(agrees[0].sum()), int(agrees[1].sum()), int(agrees[2].sum())),
        (
            float(segments.weight[agrees[0]].sum()) / total,
            float(segments.weight[agrees[1]].sum()) / total,
            float(segments.weight[agrees[2]].sum()) / total,
        ),
        margin,
        math.sqrt(float(pose.covariance[3, 3])),
        floor_deviation(pose, size),
    )


def floor_deviation(pose: Pose, size: tuple[int, int]) -> float:
    """Return the standard deviation of where points of the floor are, in their distance.

    The median of some points in the lower part of a photo of a size, (height, width).
    """
    pixels = _FLOOR_AT * np.array([size[1], size[0]]) / max(size)
    here = _on_floor(pose, pixels)
    if np.isnan(here).any():
        return math.inf
    moved = [(_on_floor(_changed(pose, place), pixels) - here) / _LEAST for place in range(6)]
    slopes = np.stack(moved, axis=-1)  # (points, 2, 6)
    variance = np.einsum("pia,ab,pib->p", slopes, pose.covariance, slopes)
    return float(np.median(np.sqrt(variance) / np.linalg.norm(here, axis=1)))


def _changed(pose: Pose, place: int) -> Pose:
    step = np.zeros(6)
    step[place] = _LEAST
    frame = rotation_by(step[:3]) @ pose.frame
    focal = pose.focal * math.exp(step[3])
    return Pose(frame, focal, pose.centre + step[4:], pose.covariance)


def _on_floor(pose: Pose, pixels: Floats) -> Floats:
    """Return the points right and ahead, in heights of the camera; NaN above the horizon."""
    ways = np.concatenate([(pixels - pose.centre) / pose.focal, np.ones((len(pixels), 1))], axis=1)
    right, down, ahead = (ways @ pose.frame).T
    down = np.where(down > _LEAST, down, np.nan)
    return np.stack([right / down, ahead / down], axis=1)
