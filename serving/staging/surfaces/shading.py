"""The light that lies on a surface, apart from what the surface is made of."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.staging.clear.smooth import blur_known

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_SIDE_PX = 512  # light is told from material on a copy; its edges are then found in the photo
_SPACE = 0.012  # of the copy's long side: wider than a joint of boards
_RANGE = 0.25  # of a logarithm: a sun patch's edge is more, a board's less
_BACK_PX = 4
_FLAT = 0.02  # variance of a logarithm below which a place counts as one tone


def base_light(log_luma: Floats, where: Mask) -> Floats:
    """Return the logarithm of a surface's light without its texture.

    Bilateral base (F. Durand, J. Dorsey, "Fast bilateral filtering for the display of
    high-dynamic-range images", SIGGRAPH 2002) on a copy, brought back by a local linear model of
    the photo's own brightness (K. He, J. Sun, "Fast guided filter", 2015).

    Parameters
    ----------
    log_luma : float32 (height, width)
    where : bool (height, width), the surface; what lies beside it does not bleed in

    Returns
    -------
    float32 (height, width)
        Sun patches and shadows keep their edges.
    """
    height, width = where.shape
    scale = min(1.0, _SIDE_PX / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    share = cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(log_luma * where, size, interpolation=cv2.INTER_AREA)
    known = share > 0.3
    if not known.any():
        return log_luma.copy()
    small = np.asarray(sums / np.maximum(share, 1e-3), np.float32)
    reach = max(1.5, _SPACE * max(size))
    whole = np.where(known, small, blur_known(small, known, 2 * reach)).astype(np.float32)
    base = np.asarray(cv2.bilateralFilter(whole, -1, _RANGE, reach), np.float32)
    slope, offset = _local_lines(whole, base)
    a, b = (
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        for plane in (slope, offset)
    )
    return np.asarray(a * log_luma + b, np.float32)


def _local_lines(guide: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return slope and offset by which a guide tells values around each pixel."""
    box = (2 * _BACK_PX + 1, 2 * _BACK_PX + 1)

    def mean(plane: Floats) -> Floats:
        return np.asarray(cv2.blur(plane, box, borderType=cv2.BORDER_REFLECT), np.float32)

    centre, level = mean(guide), mean(values)
    variance = mean(guide * guide) - centre * centre
    together = mean(guide * values) - centre * level
    slope = np.asarray(together / (variance + np.float32(_FLAT)), np.float32)
    return mean(slope), mean(np.asarray(level - slope * centre, np.float32))
