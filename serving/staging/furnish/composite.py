"""Joins a photo and what was traced of its crop."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.furnish.match import add_grain, blur_px, match_tone, noise_level, soften
from serving.staging.furnish.scene import Crop, Layers, Light
from serving.staging.furnish.shadow import shadow_ratio, spread
from serving.staging.linear import to_coded, to_linear
from serving.staging.room import Ids

Mask = NDArray[np.bool_]
_LIT_BY = [CLASSES.index(name) for name in ("floor", "wall", "rug")]
_PROTECTED = [CLASSES.index(name) for name in ("window", "door", "mirror")]
_PROTECTED_RIM = 0.004  # of the photo's longer side
_LEAST_GAIN, _MOST_GAIN = 0.2, 6.0
_LOCAL = 0.5
_LEAST_COVER = 1 / 255


def paste(
    photo: Image, ids: Ids, layers: Layers, hidden: Light, crop: Crop, seed: int
) -> tuple[Image, Light, float]:
    """Return the photo with what was traced in it, the furniture's cover, and the gain used.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3); left as it is
    ids : uint8 (height, width)
    layers : of `crop`
    hidden : (h, w) of the crop, how much of the furniture the room's own things hide
    seed : of the grain
    """
    size = (photo.shape[0], photo.shape[1])
    within = photo[crop.slices]
    light, classes = to_linear(within), ids[crop.slices]
    gains, gain = _gains(light, layers, classes)
    ratio = shadow_ratio(layers.furnished, layers.empty, layers.cover, crop, size)
    ratio = 1 + (ratio - 1) * (1 - _protected(ids, crop))[..., None]
    whole = (layers.cover > 0.98).astype(np.float32)
    traced = match_tone(spread(layers.furnished, whole, 1.5) * gains[..., None], light)
    traced, cover = soften(traced, layers.cover, blur_px(within))
    traced = add_grain(traced, noise_level(within), seed)
    cover = cover * (1 - hidden)
    cover = np.where(cover < _LEAST_COVER, 0, cover)
    # A shadow falls behind what stands before the furniture, too, but not on it.
    ratio = 1 + (ratio - 1) * (1 - hidden)[..., None]
    joined = light * ratio * (1 - cover[..., None]) + traced * cover[..., None]
    touched = (cover > 0) | (np.abs(ratio - 1).max(axis=2) > 1e-4)
    picture = photo.copy()
    coded = np.rint(to_coded(joined)).astype(np.uint8)
    picture[crop.slices] = np.where(touched[..., None], coded, within)
    whole_cover = np.zeros(size, np.float32)
    whole_cover[crop.slices] = cover
    return picture, whole_cover, gain


def _protected(ids: Ids, crop: Crop) -> Light:
    """Return 1 where windows and doors are, and a rim around them: no shadow falls there."""
    mask = np.isin(ids[crop.slices], _PROTECTED).astype(np.uint8)
    side = max(1, round(_PROTECTED_RIM * max(ids.shape)))
    wide = cv2.dilate(mask, np.ones((2 * side + 1, 2 * side + 1), np.uint8))
    return np.asarray(wide, np.float32)


def _gains(light: Light, layers: Layers, classes: Ids) -> tuple[Light, float]:
    """Return how much brighter the photo is than the traced room, around each pixel and in all.

    Half of what differs from place to place is taken over: furniture in a dark corner is dark, but
    a dark plank under it does not count as one.
    """
    photo, empty = light.mean(axis=2), layers.empty.mean(axis=2)
    usable = (layers.cover < 0.02) & np.isin(classes, _LIT_BY) & (empty > 1e-3)
    if usable.sum() < 200:
        return np.ones_like(photo), 1.0
    found = photo[usable] / empty[usable]
    gain = float(np.clip(np.median(found), _LEAST_GAIN, _MOST_GAIN))
    small = max(photo.shape) / 64
    shape = max(1, round(photo.shape[1] / small)), max(1, round(photo.shape[0] / small))
    ratio = np.where(usable, np.clip(photo / np.maximum(empty, 1e-3), gain / 3, gain * 3), 0)
    sums = cv2.resize(ratio.astype(np.float32), shape, interpolation=cv2.INTER_AREA)
    counts = cv2.resize(usable.astype(np.float32), shape, interpolation=cv2.INTER_AREA)
    sums, counts = (cv2.GaussianBlur(one, (0, 0), 6) for one in (sums, counts))
    local = (sums + gain * 0.02) / (counts + 0.02)
    local = gain * np.clip(local / gain, 0.45, 1.8) ** _LOCAL
    full = cv2.resize(local, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32), gain
