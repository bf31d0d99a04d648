"""Shadows that furniture casts on the floor, beside what is masked.

What counts is darker than the floor's own smooth light, near the mask, darkest where it touches it
and of the floor's own hue; a dark thing or a rug that happens to lie there is none. Walls are left
alone: their light falls off into corners as a shadow would.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.clear.smooth import blur_known
from serving.staging.masks.shapes import widen
from serving.staging.planes import SeenFaces, see_faces
from serving.staging.room import Ids, Room

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_SIDE_PX = 320
_REACH_M = 0.5
_DARKER = 0.07  # of a logarithm of light, under the face's own
_LEAST_PX, _SAMPLES, _ROUNDS = 150, 3000, 10
_BELOW, _ABOVE = 0.05, 0.15  # scale of residuals: dark ones count less, since shadows are dark
_RIM_PX, _RIM_SHARE = 4.0, 0.2
_FADES = 1.1  # darkness beside the mask against that of the shadow's outer half
_HUE = 0.45  # how far hue may move, against brightness
_HALF = 0.5
_LEAST_SHARE = 0.0004  # of the picture
_DEEP = 0.8  # of a logarithm of light: made brighter by more, a floor is noise
_RIM_REACH, _BEHIND_RIM = 0.03, 0.02  # of the long side
_DARK = 0.12  # of a logarithm of light


@dataclass(frozen=True)
class Shadows:
    """What lies in the shadow of what is taken away.

    Attributes
    ----------
    soft : float32 (height, width), 0..1, how far pixels beside the mask do
    deep : bool (height, width), where it is so dark that nothing of the floor is left to brighten
    """

    soft: Floats
    deep: Mask


def find_shadows(photo: Image, mask: Mask, ids: Ids, room: Room) -> Shadows:
    """Return what lies in the shadow of what is masked.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3)
    mask : bool (height, width), what is taken away
    ids : uint8 (height, width), classes
    """
    height, width = mask.shape
    scale = min(1.0, _SIDE_PX / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    gone = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    classes = np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    light = np.log((small / 255) ** np.float32(2.2) + np.float32(0.003))
    seen = see_faces(room, (size[1], size[0]))
    focal = room.camera.focal_px * size[0] / room.camera.size[1]
    far_px = np.asarray(cv2.distanceTransform((~gone).astype(np.uint8), cv2.DIST_L2, 3), np.float32)
    near = far_px <= _REACH_M * focal / np.maximum(seen.depth_m, 0.1)
    found, darker = np.zeros(gone.shape, np.bool_), np.zeros(gone.shape, np.float32)
    known = _shows_floor(classes, seen) & ~gone
    if known.sum() >= _LEAST_PX:
        found, darker = _shadows_on(light, known, near & known, gone, far_px)

    def stretched(shares: Mask) -> Floats:
        blurred = blur_known(shares.astype(np.float32), ~gone, 1.0)  # as far as the mask's edge
        large = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.where(mask, 0, large).astype(np.float32)

    return Shadows(stretched(found), stretched(found & (darker > _DEEP)) > _HALF)


def _shows_floor(classes: Ids, seen: SeenFaces) -> Mask:
    return np.asarray(seen.on("floor") & (classes == CLASSES.index("floor")), np.bool_)


def _shadows_on(
    light: Floats, known: Mask, near: Mask, gone: Mask, far_px: Floats
) -> tuple[Mask, Floats]:
    """Return where there are shadows, and by how much each pixel is darker than the floor."""
    weight = cv2.GaussianBlur(known.astype(np.float32), (0, 0), 1.5)[..., None]
    smooth = cv2.GaussianBlur(light * known[..., None], (0, 0), 1.5) / np.maximum(weight, 1e-3)
    grey = smooth.mean(axis=2)
    darker = even_light(grey, known) - grey
    dark = near & (darker > _DARKER)
    if dark.sum() > 0.5 * near.sum():  # the light falls off: only what is much darker
        dark = near & (darker > 3 * _DARKER)
    rim = known & (far_px <= _RIM_PX)
    count, labels = cv2.connectedComponents((dark | widen(gone, 1.5)).astype(np.uint8))
    kept: Mask = np.zeros_like(dark)
    hue = smooth[..., :2] - smooth[..., 1:]
    plain = np.median(hue[known & ~near], axis=0) if (known & ~near).any() else np.zeros(2)
    for number in range(1, count):
        part = dark & (labels == number)
        if part.sum() < _LEAST_SHARE * dark.size or not _is_shadow(
            part, rim & widen(gone & (labels == number), _RIM_PX), darker, far_px
        ):
            continue
        if np.abs(np.median(hue[part], axis=0) - plain).max() < _HUE * np.median(darker[part]):
            kept |= part
    return kept, np.asarray(darker, np.float32)


def _is_shadow(part: Mask, rim: Mask, darker: Floats, far_px: Floats) -> bool:
    """Say whether something dark touches the mask, and is darkest there."""
    touching = part & rim
    if not touching.any() or touching.sum() < _RIM_SHARE * rim.sum():
        return False
    middle = np.median(far_px[part])
    outer = part & (far_px > middle)
    inner = part & (far_px <= middle)
    if not outer.any():
        return True
    return bool(darker[inner].mean() > _FADES * darker[outer].mean())


def even_light(grey: Floats, known: Mask) -> Floats:
    """Return a face's light as a quadratic of the picture's coordinates, not led by dark pixels.

    Iteratively reweighted least squares with Cauchy weights, narrower below than above.
    """
    rows, columns = grey.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    x, y = x / columns - 0.5, y / rows - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    places = np.flatnonzero(known)
    places = places[:: max(1, len(places) // _SAMPLES)]
    a, b = terms.reshape(-1, 6)[places], grey.ravel()[places].astype(np.float64)
    weight = np.ones(len(b))
    found = np.zeros(6)
    for _ in range(_ROUNDS):
        weighed = a * weight[:, None]
        found = np.linalg.solve(weighed.T @ a + 1e-3 * np.eye(6), weighed.T @ b)
        rest = b - a @ found
        weight = 1 / (1 + (rest / np.where(rest < 0, _BELOW, _ABOVE)) ** 2)
    fitted: Floats = (terms @ found).astype(np.float32)
    return fitted


def dark_rim(photo: Image, mask: Mask, ids: Ids) -> Mask:
    """Return floor beside the mask that is darker than right behind it: its thing's own shade.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3)
    mask : bool (height, width), what is to disappear
    """
    known = (ids == CLASSES.index("floor")) & ~mask
    side = max(mask.shape)
    far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    near, behind = known & (far <= _RIM_REACH * side), known & (far > _RIM_REACH * side)
    if not near.any() or behind.sum() < _LEAST_PX:
        return np.zeros_like(mask)
    grey = np.log(photo.mean(axis=2, dtype=np.float32) + np.float32(4))
    around = blur_known(grey, behind, _BEHIND_RIM * side)
    here = blur_known(grey, near | behind, 2.0)
    return np.asarray(near & (here < around - _DARK), np.bool_)
