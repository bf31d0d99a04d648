"""Pictures as the planes a film is made of: BT.709, limited range, chroma at half resolution."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image, check_rgb

Plane = NDArray[np.uint8]

BLACK_Y, WHITE_Y, NEUTRAL = 16, 235, 128
# ITU-R BT.709-6, 3.2 and 3.4: luma weights, and 219 and 224 steps of 255 for 8 bits
_KR, _KB = 0.2126, 0.0722
_KG = 1 - _KR - _KB
_LUMA, _CHROMA = 219 / 255, 224 / 255
RGB_TO_YUV = np.array(
    [
        [_LUMA * _KR, _LUMA * _KG, _LUMA * _KB, BLACK_Y],
        [
            -_CHROMA * _KR / (2 - 2 * _KB),
            -_CHROMA * _KG / (2 - 2 * _KB),
            _CHROMA / 2,
            NEUTRAL,
        ],
        [
            _CHROMA / 2,
            -_CHROMA * _KG / (2 - 2 * _KR),
            -_CHROMA * _KB / (2 - 2 * _KR),
            NEUTRAL,
        ],
    ]
)


@dataclass(frozen=True)
class Planes:
    """A picture as uint8 planes: `y` (height, width), `u` and `v` of half that, rounded up."""

    y: Plane
    u: Plane
    v: Plane

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in luma pixels."""
        return self.y.shape[1], self.y.shape[0]

    def __iter__(self) -> Iterator[Plane]:
        return iter((self.y, self.u, self.v))


def make_planes(image: Image, oversample: int = 1) -> Planes:
    """Turn an RGB picture into planes, `oversample` times as large.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
        sRGB-encoded, 0..255. Left unchanged.
    oversample : 1 or 2
        2 makes room for bilinear sampling: against an ideal filter it then errs by -53 dB. The
        chroma of the larger picture has the photo's own resolution, so none of it is lost.

    Returns
    -------
    Planes
        Luma 16..235, chroma 16..240 around 128.
    """
    check_rgb(image)
    y, u, v = cv2.split(cv2.transform(image, RGB_TO_YUV))
    height, width = y.shape
    if oversample == 2:
        large = cv2.resize(y, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
        return as_planes((large, u, v))
    half = (-(-width // 2), -(-height // 2))
    small = [cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (u, v)]
    return as_planes((y, small[0], small[1]))


def as_planes(planes: Iterable[NDArray[Any]]) -> Planes:
    """Return three uint8 arrays as planes; OpenCV's functions do not say what they return."""
    y, u, v = planes
    return Planes(y, u, v)


def empty_planes(width: int, height: int) -> Planes:
    """Return planes of an even size whose content is not yet written."""
    half = (height // 2, width // 2)
    return Planes(
        np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8)
    )


def to_rgb(planes: Planes) -> Image:
    """Return the picture as RGB: for tests, posters and people."""
    width, height = planes.size
    chroma = [
        cv2.resize(p, (width, height), interpolation=cv2.INTER_LINEAR) for p in (planes.u, planes.v)
    ]
    yuv = cv2.merge([planes.y, *chroma]).astype(np.float32)
    back = np.linalg.inv(RGB_TO_YUV[:, :3])
    rgb = (yuv - RGB_TO_YUV[:, 3]) @ back.T
    return np.asarray(np.rint(rgb).clip(0, 255), np.uint8)
