"""How near one picture comes to another."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image

_LEAST_ERROR = 1e-3  # of equal pictures, so that they have a number: 78 dB
_WINDOW_PX, _SIGMA_PX = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(one: Image, other: Image) -> float:
    """Return the peak signal-to-noise ratio of all channels, in dB.

    Examples
    --------
    >>> black = np.zeros((8, 8, 3), np.uint8)
    >>> round(psnr(black, black + np.uint8(16)), 2)
    24.05
    """
    error = float(np.square(one.astype(np.float64) - other).mean())
    return 10 * float(np.log10(255**2 / max(error, _LEAST_ERROR)))


def ssim(one: Image, other: Image) -> float:
    """Return the structural similarity of brightness, at most 1.

    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error
    visibility to structural similarity", IEEE TIP 13(4), 2004.

    Parameters
    ----------
    one, other : uint8 RGB (height, width, 3)
    """
    x, y = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float64) for p in (one, other))
    mean_x, mean_y, xx, yy, xy = map(_average, (x, y, x * x, y * y, x * y))
    top = (2 * mean_x * mean_y + _C1) * (2 * (xy - mean_x * mean_y) + _C2)
    below = (mean_x**2 + mean_y**2 + _C1) * (xx - mean_x**2 + yy - mean_y**2 + _C2)
    return float((top / below).mean())


def _average(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    found = cv2.GaussianBlur(plane, (_WINDOW_PX, _WINDOW_PX), _SIGMA_PX)
    return np.asarray(found, np.float64)
