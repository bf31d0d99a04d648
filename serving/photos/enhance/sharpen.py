"""Sharpens a little: steps become steeper, and never go past what lies on either side of them."""

import cv2
import numpy as np

from serving.image.array import Image
from serving.photos.enhance.strips import by_strips

_RADIUS = 1.0  # px
_MARGIN = 6


def sharpen(photo: Image, amount: float, floor: float = 2.0) -> Image:
    """Return the photo with its edges steeper.

    What is added to brightness stays within the least and the most of the 3x3 around: there are no
    light or dark borders, as an unsharp mask makes.

    Parameters
    ----------
    amount : of what a blur takes away that is added; 1 is much
    floor : levels of difference that count as noise, and are not made larger
    """
    if amount <= 0:
        return photo

    def work(rows: Image, _: int) -> Image:
        luma = np.asarray(cv2.cvtColor(rows, cv2.COLOR_RGB2GRAY), np.float32)
        fine = luma - cv2.GaussianBlur(luma, (0, 0), _RADIUS)
        fine = np.sign(fine) * np.maximum(np.abs(fine) - np.float32(floor), 0)
        kernel = np.ones((3, 3), np.uint8)
        least, most = cv2.erode(luma, kernel), cv2.dilate(luma, kernel)
        change = np.clip(luma + 2 * np.float32(amount) * fine, least, most) - luma
        channels = [cv2.add(plane, change, dtype=cv2.CV_8U) for plane in cv2.split(rows)]
        return np.asarray(cv2.merge(channels), np.uint8)

    return by_strips(photo, work, _MARGIN)
