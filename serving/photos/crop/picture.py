"""The file of a crop."""

import cv2
import numpy as np
import simplejpeg

from serving.image import Image
from serving.photos.crop.crop import Crop

_QUALITY = 90
MEDIA_TYPES = {"jpeg": "image/jpeg", "webp": "image/webp", "png": "image/png"}


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


def write_picture(image: Image, kind: str) -> bytes:
    """Return the file of upright sRGB pixels; `kind` is one of `MEDIA_TYPES`."""
    if kind == "jpeg":
        return bytes(simplejpeg.encode_jpeg(image, _QUALITY, "RGB", "420"))
    quality = [cv2.IMWRITE_WEBP_QUALITY, _QUALITY] if kind == "webp" else []
    _, data = cv2.imencode(f".{kind}", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
    return data.tobytes()
