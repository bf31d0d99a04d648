"""What a map calls wall or curtain and is none: lamps, vases, leaves and posts before it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.clear.smooth import blur_known
from serving.staging.clear.tones import grey_of
from serving.staging.masks.shapes import close_gaps, widen
from serving.staging.room import Ids

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_AROUND = 0.04  # of the long side
_ODD, _PALE, _ODD_HUE = 0.22, 0.1, 0.2  # of a logarithm of a level
_ON_TOP = 0.05  # of the photo's height: from a bedside table to the shade of the lamp on it
_HIGHER = 0.1  # the same, to a pale shade
_FRAME = 0.012  # of the long side: windows and pictures have frames, and throw shadows
_GAP = 0.006
_SHADE = (0.0004, 0.02)  # of the photo, a pale shade and what belongs to it
_TALL, _WIDE = 0.2, 0.15  # of the photo's height and width, at most


def odd_on_walls(photo: Image, ids: Ids, whole: Mask) -> Mask:
    """Return what does not look like the wall around it, of all that the map calls wall.

    Parameters
    ----------
    whole : bool (rows, columns), furniture that was found already
    """
    wall, off = _how_odd(photo, ids, whole)
    return np.asarray(wall & (off > _ODD), np.bool_)


def odd_on_curtains(photo: Image, ids: Ids, whole: Mask) -> Mask:
    """Return what the map calls curtain and has another hue than curtains: posts, lamps.

    Hue alone: folds are light and dark. Of curtains of two hues the rarer one is returned, too.
    """
    hung = np.asarray((ids == CLASSES.index("curtain")) & ~whole, np.bool_)
    if not hung.any():
        return hung
    light = cv2.GaussianBlur(np.log(photo.astype(np.float32) + np.float32(4)), (0, 0), 1.5)
    hue = light - grey_of(light)[..., None]
    off = np.abs(hue - np.median(hue[hung], axis=0)).max(axis=2)
    return np.asarray(hung & (off > _ODD_HUE), np.bool_)


def pale_shades(photo: Image, ids: Ids, whole: Mask) -> Mask:
    """Return shades of lamps that are little lighter or darker than the wall behind them.

    Each is small, stands on furniture or right above it, and is away from frames.
    """
    wall, off = _how_odd(photo, ids, whole)
    if not wall.any():
        return wall
    side, (height, width) = max(ids.shape), ids.shape
    framed = widen(~wall & ~whole, _FRAME * side)
    odd = close_gaps((off > _PALE) & wall & ~framed, _GAP * side, 0)
    near = widen(above(whole, _HIGHER) | whole, 2.0)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(odd.astype(np.uint8))
    met = np.bincount(labels[near], minlength=count)
    shades = np.zeros(ids.shape, np.uint8)
    for number in range(1, count):
        wide, tall, area = stats[number, 2:5]
        small = wide < _WIDE * width and tall < _TALL * height
        if met[number] and small and _SHADE[0] * ids.size < area < _SHADE[1] * ids.size:
            rows, columns = np.nonzero(labels == number)
            outline = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
            cv2.fillConvexPoly(shades, outline, 1)
    return np.asarray((shades > 0) & wall, np.bool_)


def above(whole: Mask, share: float = _ON_TOP) -> Mask:
    """Return what is above a mask by up to a share of the height, and the mask.

    A lamp's foot is too thin to be seen, its shade is not.
    """
    rows = max(1, round(share * whole.shape[0]))
    column = np.ones((rows + 1, 1), np.uint8)
    raised = cv2.dilate(whole.astype(np.uint8), column, anchor=(0, 0))
    return np.asarray(raised > 0, np.bool_)


def _how_odd(photo: Image, ids: Ids, whole: Mask) -> tuple[Mask, Floats]:
    """Return where the map says wall, and by how much each pixel's light is not the wall's."""
    wall = np.asarray((ids == CLASSES.index("wall")) & ~whole, np.bool_)
    if not wall.any():
        return wall, np.zeros(ids.shape, np.float32)
    light = np.log(photo.astype(np.float32) + np.float32(4))
    around = blur_known(light, wall, _AROUND * max(ids.shape))
    return wall, np.asarray(np.abs(light - around).max(axis=2), np.float32)
