"""The same view more than once: a fingerprint of a photo, and how alike two of them are."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image, check_rgb

_SIDE = 32  # px: a view squeezed to a square; every other photo of a house differs at this size
FINGERPRINT_BYTES = _SIDE * _SIDE + 8 * 8 * 2
_INNER = 24  # px of the middle that is looked for in the other photo: the camera may have moved
_SCALES = (0.9, 1.0, 1.1)  # or come closer
ALIKE = 0.86  # correlation from which two photos show the same view
_COLOUR_APART = 22.0  # levels of mean chroma distance that no change of light explains


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a photo to know it again.

    Attributes
    ----------
    luma : uint8, shape (32, 32)
    chroma : uint8, shape (8, 8, 2), Cr and Cb
    """

    luma: NDArray[np.uint8]
    chroma: NDArray[np.uint8]

    def to_bytes(self) -> bytes:
        """Return it as FINGERPRINT_BYTES bytes."""
        return self.luma.tobytes() + self.chroma.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Fingerprint":
        """Read what `to_bytes` wrote."""
        values = np.frombuffer(data, np.uint8)
        luma, chroma = values[: _SIDE * _SIDE], values[_SIDE * _SIDE :]
        return cls(luma.reshape(_SIDE, _SIDE), chroma.reshape(8, 8, 2))


def take_fingerprint(photo: Image) -> Fingerprint:
    """Reduce a photo, uint8 RGB of any size, to its fingerprint."""
    check_rgb(photo)
    small = cv2.resize(photo, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    parted = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)
    chroma = cv2.resize(parted, (8, 8), interpolation=cv2.INTER_AREA)[..., 1:]
    return Fingerprint(parted[..., 0].copy(), chroma.copy())  # type: ignore[arg-type]


def likeness(one: Fingerprint, other: Fingerprint) -> float:
    """Return how much alike two views are, -1..1; ALIKE and more is the same view.

    The middle of either is looked for in the other, somewhat nearer and farther: another
    exposure, size, compression or crop leaves the same view, and so does a hand that moved
    between two shots of a burst.
    """
    moved = max(_found_in(one, other), _found_in(other, one))
    apart = one.chroma.astype(np.float32) - other.chroma
    apart -= apart.mean(axis=(0, 1))  # white balance may differ
    return moved if float(np.abs(apart).mean()) < _COLOUR_APART else min(moved, 0.0)


def group_alike(fingerprints: list[Fingerprint | None]) -> list[int]:
    """Give each photo the number of its view; photos of the same view share one.

    Parameters
    ----------
    fingerprints : None for a photo that could not be read: a view of its own

    Returns
    -------
    list of int
        0 for the first photo's view, 1 for the first other, …; chained: A like B and B like C are
        one view.
    """
    views: list[int] = []
    for index, mine in enumerate(fingerprints):
        near = {
            views[earlier]
            for earlier in range(index)
            if mine is not None
            and (theirs := fingerprints[earlier]) is not None
            and likeness(mine, theirs) >= ALIKE
        }
        views.append(min(near, default=index))
        views = [min(near) if view in near else view for view in views]
    numbers = {view: number for number, view in enumerate(dict.fromkeys(views))}
    return [numbers[view] for view in views]


def _found_in(one: Fingerprint, other: Fingerprint) -> float:
    start = (_SIDE - _INNER) // 2
    inner = one.luma[start : start + _INNER, start : start + _INNER]
    best = -1.0
    for scale in _SCALES:
        side = round(_INNER * scale)
        sought = cv2.resize(inner, (side, side), interpolation=cv2.INTER_LINEAR)
        if sought.std() < 1:
            continue
        best = max(best, float(cv2.matchTemplate(other.luma, sought, cv2.TM_CCOEFF_NORMED).max()))
    return best
