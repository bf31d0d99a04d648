"""OpenCV's cascades of Haar features, as its wheel brings them, one of each for a thread.

Source: P. Viola, M. Jones, "Rapid object detection using a boosted cascade of simple features",
CVPR 2001; R. Lienhart, J. Maydt, "An extended set of Haar-like features for rapid object
detection", ICIP 2002. The files are OpenCV's own, under its licences (BSD).
"""

import threading
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Cascade = Literal["frontalface_alt2", "profileface", "russian_plate_number"]
Box = tuple[float, float, float, float]

_LOADED = threading.local()  # a classifier has a state of its own while it looks
_STEP = 1.1  # from one size to the next


def look_for(
    what: Cascade, grey: NDArray[np.uint8], neighbours: int, least: tuple[int, int]
) -> list[Box]:
    """Return boxes of what a cascade finds: left, top, right, bottom, in pixels.

    Parameters
    ----------
    grey : uint8 (height, width)
    neighbours : places beside each other that have to agree; fewer find more, also what is not
    least : (width, height) of what is looked for
    """
    found = _cascade(what).detectMultiScale(grey, _STEP, neighbours, 0, least)
    return [
        (float(left), float(top), float(left + width), float(top + height))
        for left, top, width, height in found
    ]


def _cascade(what: Cascade) -> cv2.CascadeClassifier:
    loaded: cv2.CascadeClassifier | None = getattr(_LOADED, what, None)
    if loaded is None:
        folder = cv2.data.haarcascades  # type: ignore[attr-defined]  # not in its stubs
        loaded = cv2.CascadeClassifier(f"{folder}haarcascade_{what}.xml")
        setattr(_LOADED, what, loaded)
    return loaded
