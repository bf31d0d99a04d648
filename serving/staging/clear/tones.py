"""Photos as logarithms of light, in which shade and texture add up."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image

Floats = NDArray[np.float32]
_GAMMA = 2.2  # sRGB's curve, near enough: it is undone by the same
_DARKEST = 0.003  # of full light: keeps the logarithm of black finite
_THIRDS = np.full((1, 3), 1 / 3, np.float32)
_TABLE = np.log((np.arange(256) / 255) ** _GAMMA + _DARKEST).astype(np.float32)


def to_log(photo: Image) -> Floats:
    """Return the logarithm of each channel's light, float32, -5.8..0.003."""
    return _TABLE[photo]


def to_levels(log_light: Floats) -> Floats:
    """Return levels, float32, 0..255; the inverse of `to_log`.

    Examples
    --------
    >>> photo = np.array([[[0, 20, 255]]], np.uint8)
    >>> np.rint(to_levels(to_log(photo))).astype(int).tolist()
    [[[0, 20, 255]]]
    """
    linear = np.clip(np.exp(log_light) - np.float32(_DARKEST), 0, 1)
    return np.asarray(linear ** np.float32(1 / _GAMMA) * np.float32(255), np.float32)


def grey_of(light: Floats) -> Floats:
    """Return the mean of three channels, float32 (height, width); NumPy's takes ten times as long.

    Examples
    --------
    >>> grey_of(np.array([[[1, 2, 6]]], np.float32)).tolist()
    [[3.0]]
    """
    return np.asarray(cv2.transform(light, _THIRDS), np.float32)
