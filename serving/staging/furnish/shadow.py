"""Shadows on what was photographed: by how much the furniture dims each pixel."""

import cv2
import numpy as np

from serving.staging.furnish.scene import Crop, Light

# Traced light is softer than a room's: its shadows are drawn this much deeper.
_DEPTH = 1.35
_LEAST, _WHOLE = 0.015, 0.06
_FAR_PERCENTILE = 80
_RIM = 0.08
_COLOUR = 0.35
_SHARP, _SOFT, _SOFT_SIGMA = 0.006, 0.04, 0.012  # of the photo's longer side


def shadow_ratio(
    furnished: Light, empty: Light, cover: Light, crop: Crop, size: tuple[int, int]
) -> Light:
    """Return by what the photo's light is multiplied, (h, w, 3) of the crop; 1 is no shadow.

    Differential rendering (P. Debevec, "Rendering synthetic objects into real scenes", 1998) as a
    ratio, which needs no true brightness of the room. Far from the furniture it is 1: what light
    the furniture takes out of the whole room is levelled out, and faint rests are dropped.

    Parameters
    ----------
    size : of the photo, (height, width)
    """
    clear = (cover < 0.02).astype(np.float32)
    raw = np.clip(furnished / np.maximum(empty, 1e-4), 0, 1.25)
    grey = raw.mean(axis=2, keepdims=True)
    ratio = spread(np.asarray(grey + (raw - grey) * _COLOUR, np.float32), clear, 2.0)
    # edges of the room fall a little otherwise in both
    ratio = np.asarray(cv2.medianBlur(ratio, 3), np.float32)
    shown = clear > 0.5
    far = float(np.percentile(ratio[shown].mean(axis=1), _FAR_PERCENTILE)) if shown.any() else 1.0
    ratio = ratio / np.float32(np.clip(far, 0.7, 1.0))
    ratio = 1 + (ratio - 1) * _fade(crop, size)[..., None]
    ratio = _soften(np.asarray(ratio, np.float32), clear, max(size))
    away = np.abs(1 - ratio).max(axis=2, keepdims=True)
    ratio = 1 + (ratio - 1) * _smooth((away - _LEAST) / (_WHOLE - _LEAST))
    lit = 1 + (np.minimum(ratio, 1.12) - 1) * 0.4
    return np.asarray(np.where(ratio < 1, ratio**_DEPTH, lit), np.float32)


def _soften(ratio: Light, clear: Light, side: int) -> Light:
    """Return shadows the softer the farther they are from furniture, as light from windows does.

    There is nothing else in them there than what is left of the noise of tracing.
    """
    distance = cv2.distanceTransform((clear > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / side
    share = _smooth(np.asarray((distance - _SHARP) / (_SOFT - _SHARP), np.float32))
    sums = cv2.GaussianBlur(ratio * clear[..., None], (0, 0), _SOFT_SIGMA * side)
    weights = cv2.GaussianBlur(clear, (0, 0), _SOFT_SIGMA * side)[..., None]
    soft = sums / np.maximum(weights, 1e-4)
    return np.asarray(ratio + (soft - ratio) * share[..., None], np.float32)


def spread(values: Light, known: Light, sigma: float) -> Light:
    """Return values (h, w, c), carried from where they are known to where they are not."""
    sums = cv2.GaussianBlur(values * known[..., None], (0, 0), sigma)
    weights = cv2.GaussianBlur(known, (0, 0), sigma)[..., None]
    carried = sums / np.maximum(weights, 1e-4)
    carried = np.where(weights > 1e-3, carried, values)
    return np.where(known[..., None] > 0.5, values, carried).astype(np.float32)


def _fade(crop: Crop, size: tuple[int, int]) -> Light:
    """Return 1 inside a crop and 0 at its rim, where that is not the photo's own."""
    height, width = crop.size
    reach = _RIM * max(height, width)
    across = _to_rim(width, crop.left > 0, crop.right < size[1])
    down = _to_rim(height, crop.top > 0, crop.bottom < size[0])
    return _smooth(np.asarray(np.minimum(across[None], down[:, None]) / reach, np.float32))


def _to_rim(count: int, first: bool, last: bool) -> Light:
    at = np.arange(count, dtype=np.float32)
    far = np.full(count, 1e6, np.float32)
    return np.asarray(np.minimum(at if first else far, at[::-1] if last else far), np.float32)


def _smooth(values: Light) -> Light:
    part = np.clip(values, 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)
