"""What depth is good for in a film: blur of what is out of focus, layers that move apart."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image

Depth = NDArray[np.uint8]
Alpha = NDArray[np.float32]

_STEPS = 3  # blurs between sharp and most blurred
_COVERED = 0.98  # alpha of what is not seen at all until layers move
_RIM = 7  # pixels by which a layer is larger than its things, half of them fading


def blur_by_depth(image: Image, depth: Depth, focus: float, radius_px: float) -> Image:
    """Blur what lies away from the depth in focus.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
        RGB. Left unchanged.
    depth : uint8, shape (height, width)
        Near is bright.
    focus : 0..255, the depth that stays sharp
    radius_px : sigma of the blur at the farthest from it
    """
    away = np.abs(depth.astype(np.float32) - focus)
    away *= _STEPS / max(1.0, focus, 255 - focus)
    away = cv2.blur(away, (5, 5))
    result = image.astype(np.float32)
    for step in range(1, _STEPS + 1):
        blurred = cv2.GaussianBlur(image, (0, 0), max(0.3, radius_px * step / _STEPS))
        share = (away - (step - 1)).clip(0, 1)[..., None]
        result += (blurred - result) * share
    return np.rint(result).clip(0, 255).astype(np.uint8)


def split_depth(depth: Depth, layers: int) -> list[tuple[float, Alpha]]:
    """Return nearness, 0..1, and soft alpha of each layer in front of the farthest, far to near.

    Borders lie where few pixels are (between the quantiles of the depths that there are), so that
    they seldom cut through things.
    """
    smooth = cv2.medianBlur(depth, 5).astype(np.float32)
    found: list[tuple[float, Alpha]] = []
    for border in _borders(depth, layers):
        inside = smooth > border
        if inside.any():
            # a rim of what is behind comes along: a layer's soft edge must lie outside its things
            wide = cv2.dilate(inside.astype(np.float32), np.ones((_RIM, _RIM), np.uint8))
            found.append(
                (
                    float(smooth[inside].mean() / 255),
                    np.asarray(cv2.blur(wide, (_RIM, _RIM)), np.float32),
                )
            )
    return found


def _borders(depth: Depth, layers: int) -> list[float]:
    count = np.bincount(depth.ravel(), minlength=256).astype(np.float64)
    count = np.convolve(count, np.ones(9) / 9, mode="same")
    share = np.cumsum(count) / count.sum()
    borders = []
    for n in range(1, layers):
        around = np.flatnonzero(np.abs(share - n / layers) < 0.4 / layers)
        if around.size:
            borders.append(float(around[count[around].argmin()]))
    return borders


def fill_behind(image: Image, hidden: Alpha) -> Image:
    """Return the picture with what is hidden filled from its surroundings, smoothly.

    Notes
    -----
    Source: push-pull of S. Gortler et al., "The Lumigraph", SIGGRAPH 1996.
    """
    weight = (hidden < _COVERED).astype(np.float32)
    colour = image.astype(np.float32)
    filled = _pull(colour * weight[..., None], weight)
    result = colour * weight[..., None] + filled * (1 - weight[..., None])
    return np.rint(result).clip(0, 255).astype(np.uint8)


def _pull(light: NDArray[np.float32], weight: Alpha) -> NDArray[np.float32]:
    height, width = weight.shape
    known = light / np.maximum(weight, 1e-3)[..., None]
    if min(height, width) <= 2:
        mean = light.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-3)
        return np.where(weight[..., None] > 1e-3, known, mean).astype(np.float32)
    half = (max(1, width // 2), max(1, height // 2))
    coarse = _pull(
        np.asarray(cv2.resize(light, half, interpolation=cv2.INTER_AREA), np.float32),
        np.asarray(cv2.resize(weight, half, interpolation=cv2.INTER_AREA), np.float32),
    )
    back = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    share = weight.clip(0, 1)[..., None]
    return np.asarray(known * share + back * (1 - share), np.float32)
