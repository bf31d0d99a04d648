"""What is seen behind pictures that turn in space: their own blurred light, darker."""

import cv2
import numpy as np

from serving.video.blending import shade_table
from serving.video.planes import Plane, Planes

_SHRINK = 16  # blurred at this part of the size: the eye cannot tell, the clock can
_BLUR = 0.035  # of the frame's longer side
_LIGHT, _COLOUR = 0.38, 0.6  # of the pictures' luma, and of their chroma


def draw_surroundings(a: Planes, b: Planes, share: float, out: Planes) -> None:
    """Fill `out` with what two pictures would throw on a dark wall.

    Parameters
    ----------
    a, b : of the size of `out`. Left unchanged.
    share : 0..1 of `b`, the rest is of `a`
    """
    luma, chroma = shade_table(_LIGHT)[0], shade_table(_COLOUR)[1]
    for one, other, table, into in zip(a, b, (luma, chroma, chroma), out, strict=True):
        height, width = into.shape
        small = cv2.addWeighted(_shrink(one), 1 - share, _shrink(other), share, 0)
        soft = cv2.GaussianBlur(
            small, (0, 0), _BLUR * max(small.shape), borderType=cv2.BORDER_REPLICATE
        )
        cv2.resize(cv2.LUT(soft, table), (width, height), into, interpolation=cv2.INTER_LINEAR)


def _shrink(plane: Plane) -> Plane:
    # whole multiples only: several times as fast, for a few rows that a blur hides
    step = min(_SHRINK, *plane.shape)
    height, width = (length // step for length in plane.shape)
    part = plane[: height * step, : width * step]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
