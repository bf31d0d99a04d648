"""A photo of another shape than the film's, shown whole before a blurred copy of itself."""

import cv2
import numpy as np

from serving.image import Image, check_rgb

_DARKER = 0.62  # the photo, not its backdrop, is looked at
_BLUR = 0.03  # of the frame's width
_SHADOW = 0.35


def lay_on_backdrop(image: Image, frame: tuple[int, int]) -> Image:
    """Compose a picture of the film's aspect ratio: the whole photo, its blurred copy around it.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
        RGB. Left unchanged.
    frame : width and height of the film; the result is no larger than the photo's detail needs

    Returns
    -------
    uint8, shape (height, width, 3)
    """
    check_rgb(image)
    height, width = image.shape[:2]
    fit = min(frame[0] / width, frame[1] / height)
    grow = 1 / fit if fit > 1 else 1.0  # a small photo is not enlarged here
    size = (max(2, round(frame[0] * grow)), max(2, round(frame[1] * grow)))
    canvas = _backdrop(image, size)
    # a strip a thousand times as long as wide is still a line
    across, down = max(1, round(width * fit * grow)), max(1, round(height * fit * grow))
    inner = (min(size[0], across), min(size[1], down))
    photo = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas = _drop_shadow(canvas, (left, top, *inner))
    canvas[top : top + inner[1], left : left + inner[0]] = photo
    return canvas


def _backdrop(image: Image, size: tuple[int, int]) -> Image:
    height, width = image.shape[:2]
    cover = max(size[0] / width, size[1] / height)
    part_width, part_height = round(size[0] / cover), round(size[1] / cover)
    left, top = (width - part_width) // 2, (height - part_height) // 2
    part = image[top : top + max(1, part_height), left : left + max(1, part_width)]
    # blurred at a sixteenth of the size: the eye cannot tell, the clock can
    tiny = (max(2, size[0] // 16), max(2, size[1] // 16))
    small = cv2.resize(part, tiny, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(0.5, _BLUR * tiny[0]))
    dark = cv2.convertScaleAbs(small, alpha=_DARKER)
    return np.asarray(cv2.resize(dark, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _drop_shadow(canvas: Image, box: tuple[int, int, int, int]) -> Image:
    left, top, width, height = box
    shade = np.zeros(canvas.shape[:2], np.float32)
    shade[top : top + height, left : left + width] = _SHADOW
    soft = cv2.blur(shade, (max(3, canvas.shape[1] // 50 | 1),) * 2)
    return np.asarray(np.rint(canvas * (1 - soft[..., None])), np.uint8)
