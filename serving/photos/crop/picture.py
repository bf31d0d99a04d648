"""The pixels of a crop."""

import cv2
import numpy as np

from serving.image import Image
from serving.photos.crop.crop import Crop


def draw_crop(photo: Image, crop: Crop, width: int | None = None) -> Image:
    """Return a crop's pixels, never enlarged.

    Parameters
    ----------
    photo : of the whole upright photo
    width : of the crop that is returned; None, or more than there is: as many as there are
    """
    left, top, right, bottom = crop.box
    part = photo[top:bottom, left:right]
    if width is None or width >= part.shape[1]:
        return np.ascontiguousarray(part)
    size = width, max(1, round(part.shape[0] * width / part.shape[1]))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
