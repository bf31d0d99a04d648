"""A photo made ready for the camera: the part it will see, at the resolution it needs."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image, check_rgb
from serving.video.draw.yuv import Planes, make_planes

Windows = NDArray[np.float64]
Size = tuple[int, int]
Region = tuple[float, float, float, float]

# Pixels of prepared photo per pixel of the frame: what bounds memory when the camera crosses a huge
# photo in close-up. Luma has four times as many.
MOST_PIXELS = 4.0
RIM_PX = 40
_CLEAR = 0.025  # of a whole number of pixels, and what a photo is scaled by at most to get there
_LEAST, _MOST = 0.85, 1.35
_MARGIN_PX = 2  # what bilinear sampling reads past a window, and a pixel for rounding


@dataclass(frozen=True)
class PreparedPhoto:
    """Planes of a part of a photo.

    Parameters
    ----------
    planes : luma twice as large as chroma in both directions, exactly
    region : left, top, width and height of that part, 0..1 of the photo
    """

    planes: Planes
    region: Region


def needed_density(windows: Windows, frame: Size) -> float:
    """Return how many pixels the whole photo's width needs, so that frames get one per pixel.

    Between the widest and the closest view: detail beyond it would flicker in the wide one, detail
    missing would blur the close one.
    """
    widths = windows[:, 2]
    return float(frame[0] / np.sqrt(widths.min() * widths.max()))


def cut_part(image: Image, windows: Windows, frame: Size) -> tuple[Image, Region]:
    """Cut out what `windows` see of a photo, at the resolution needed.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
        Upright RGB. Left unchanged.
    windows : float64, shape (n, 4)
        Left, top, width, height, 0..1 of the photo.
    frame : width and height of the film

    Returns
    -------
    part : uint8 RGB
        At most `MOST_PIXELS` times the frame.
    region : where it lies, 0..1 of the photo
    """
    check_rgb(image)
    left, top, right, bottom = _pixels_seen(image, windows)
    height, width = image.shape[:2]
    region = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    part = image[top:bottom, left:right]
    return _scale(part, choose_ratio(width, windows, frame), frame), region


def prepare_photo(part: Image, region: Region) -> PreparedPhoto:
    """Turn a part of a photo into planes that the camera can sample.

    Its edges are continued by `RIM_PX`, which are part of the region: sampling is fast with room.
    """
    height, width = part.shape[:2]
    x, y = (RIM_PX * side / n for side, n in zip(region[2:], (width, height), strict=True))
    wide = (region[0] - x, region[1] - y, region[2] + 2 * x, region[3] + 2 * y)
    return PreparedPhoto(make_planes(add_rim(part), oversample=2), wide)


def add_rim(picture: NDArray[Any]) -> NDArray[Any]:
    """Return a picture with its edges continued by `RIM_PX`."""
    rim = (RIM_PX,) * 4
    return np.asarray(cv2.copyMakeBorder(picture, *rim, cv2.BORDER_REPLICATE), picture.dtype)


def crop_like(picture: NDArray[np.uint8], region: Region, size: Size) -> NDArray[np.uint8]:
    """Cut the same region out of a picture of the same scene, and bring it to `size`."""
    height, width = picture.shape[:2]
    left, top = int(region[0] * width), int(region[1] * height)
    right = max(left + 1, round((region[0] + region[2]) * width))
    bottom = max(top + 1, round((region[1] + region[3]) * height))
    part = picture[top:bottom, left:right]
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _pixels_seen(image: Image, windows: Windows) -> tuple[int, int, int, int]:
    size = np.array([image.shape[1], image.shape[0]])
    first = np.floor(windows[:, :2].min(axis=0) * size).astype(int) - _MARGIN_PX
    last = np.ceil((windows[:, :2] + windows[:, 2:]).max(axis=0) * size).astype(int) + _MARGIN_PX
    left, top = first.clip(0).tolist()
    right, bottom = np.minimum(last, size).tolist()
    return left, top, right, bottom


def _scale(part: Image, ratio: float, frame: Size) -> Image:
    """Scale by `ratio`, or less if the result were too large."""
    height, width = part.shape[:2]
    most = MOST_PIXELS * frame[0] * frame[1]
    ratio = min(ratio, float(np.sqrt(most / (width * height))))
    if ratio == 1:
        return part
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, size, interpolation=how), np.uint8)


def choose_ratio(width: int, windows: Windows, frame: Size) -> float:
    """Return by how much to scale a photo of that width.

    Down to what frames need, never up; but a little up or down from there where the camera would
    take one or two pixels of luma for each of the frame's: `sampling` is slow at whole numbers, and
    nobody sees the difference.
    """
    ratio = min(1.0, needed_density(windows, frame) / width)
    closest, widest = (
        2 * ratio * width * w / frame[0] for w in (windows[:, 2].min(), windows[:, 2].max())
    )
    if closest < 2 + _CLEAR and widest > 2 - _CLEAR:
        clear = (2 - _CLEAR) / widest
    elif closest < 1 + _CLEAR and widest > 1 - _CLEAR:
        clear = (1 + _CLEAR) / closest
    else:
        return ratio
    return ratio * clear if _LEAST < clear < _MOST else ratio
