"""Contrast: haze taken from black, shadows opened, and detail made clearer where it lies.

What is large is told from what is fine by a guided filter, which keeps edges: so no light or dark
border appears along them. K. He, J. Sun, X. Tang, "Guided image filtering", IEEE TPAMI 35(6), 2013.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image
from serving.photos.enhance.strips import Floats, by_strips, small_copy, stretch

_WORK_SIDE = 640  # px of the small copy on which edges are weighed
_RADIUS = 16  # px of it
_FLATNESS = 0.06  # standard deviation of brightness, 0..1, below which an area counts as flat
_MOST_GAIN, _LEAST_GAIN = 1.8, 0.75
_MOST_BLACK, _LEAST_WHITE = 0.16, 0.80  # what is taken for haze, 0..1; more is a view or a mist
_SHADOWS = 0.35  # brightness below which it counts as shadow


def measure_haze(photo: Image) -> float:
    """Return how far black and white are from where they could be, 0..1."""
    black, white = _ends(photo)
    return black + 1 - white


def stretch_contrast(photo: Image, strength: float = 1.0) -> Image:
    """Return the photo with its darkest near black and its brightest near white.

    A thousandth on either side gives the ends, so that no spot does; nothing is clipped further.
    """
    black, white = (strength * end for end in np.subtract(_ends(photo), (0.0, 1.0)))
    if black < 0.01 and white > -0.01:
        return photo
    coded = np.arange(256) / 255
    table = np.rint(255 * np.clip((coded - black) / (1 + white - black), 0, 1)).astype(np.uint8)
    return by_strips(photo, lambda rows, _: np.asarray(cv2.LUT(rows, table), np.uint8))


def _ends(photo: Image) -> tuple[float, float]:
    luma = cv2.cvtColor(small_copy(photo, _WORK_SIDE), cv2.COLOR_RGB2GRAY)
    black, white = np.percentile(np.asarray(luma), (0.1, 99.9)) / 255
    return float(min(black, _MOST_BLACK)), float(max(white, _LEAST_WHITE))


def clarify(photo: Image, detail: float = 0.15, shadows: float = 0.0) -> Image:
    """Return the photo with its detail clearer and its shadows open.

    Parameters
    ----------
    detail : by how much detail grows against what is large; 0: not at all
    shadows : 0..1, how far shadows are opened
    """
    if (not detail and not shadows) or min(photo.shape[:2]) < 16:
        return photo
    slope, offset = _guided(photo)
    height, width = photo.shape[:2]

    def work(rows: Image, top: int) -> Image:
        luma = np.asarray(cv2.cvtColor(rows, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
        a, b = (stretch(plane, top, len(rows), (height, width)) for plane in (slope, offset))
        gain = _gain(luma, np.clip(a * luma + b, 0, 1), detail, shadows)
        channels = [cv2.multiply(plane, gain, dtype=cv2.CV_8U) for plane in cv2.split(rows)]
        return np.asarray(cv2.merge(channels), np.uint8)

    return by_strips(photo, work)


def _gain(luma: Floats, base: Floats, detail: float, shadows: float) -> Floats:
    """Return what every pixel is multiplied by; near white it goes to 1: highlights are kept."""
    deep = np.clip(1 - base / np.float32(_SHADOWS), 0, 1)
    opened = base * (1 + np.float32(0.9 * shadows) * deep * deep)
    wanted = opened + (luma - base) * np.float32(1 + detail)
    gain = np.clip(wanted / np.maximum(luma, np.float32(0.02)), _LEAST_GAIN, _MOST_GAIN)
    room = np.clip((1 - luma) / np.float32(0.2), 0, 1)
    kept: Floats = 1 + (gain - 1) * room
    return kept


def _guided(photo: Image) -> tuple[Floats, Floats]:
    """Return slope and offset by which brightness tells what is large, on a small copy."""
    small = cv2.cvtColor(small_copy(photo, _WORK_SIDE), cv2.COLOR_RGB2GRAY)
    luma = np.asarray(small, np.float32) / np.float32(255)
    mean, square = _average(luma), _average(luma * luma)
    variance = np.maximum(square - mean * mean, 0)
    slope = variance / (variance + np.float32(_FLATNESS**2))
    offset = np.asarray(mean - slope * mean, np.float32)
    return _average(np.asarray(slope, np.float32)), _average(offset)


def _average(plane: NDArray[np.float32]) -> Floats:
    box = (2 * _RADIUS + 1, 2 * _RADIUS + 1)
    return np.asarray(cv2.blur(plane, box, borderType=cv2.BORDER_REFLECT), np.float32)
