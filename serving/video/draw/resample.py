"""A plane seen through a window that lies between its pixels, fast.

OpenCV's `resize` takes 1.5 to 2.7 ms for a luma plane of 1080p where `warpAffine` takes 4 to 4.7,
and its weights are finer (1/2048 against 1/32 of a pixel); but its first pixel always lies at the
same place. So some pixels more are made than are needed, from a whole pixel of the source on: of
the places that these have, the one nearest to where the window begins becomes the first.
"""

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.video.draw.yuv import Plane

SAMPLING = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
# Pixels made beyond those needed; more find a nearer place, and cost more.
_MOST_MORE = 64
_NEAR_ENOUGH = 0.004  # of the source's pixels
# Farther off, the slow way is taken. Luma errs by 0.009 rms at most; nobody sees it in colours.
LUMA_OFF, CHROMA_OFF = 0.015, 0.06


class _Room(threading.local):
    """Room of one thread for a plane that is larger than its frame."""

    def __init__(self) -> None:
        self._room = np.empty(0, np.uint8)

    def take(self, height: int, width: int) -> Plane:
        if self._room.size < height * width:
            self._room = np.empty(height * width, np.uint8)
        return self._room[: height * width].reshape(height, width)


_ROOM = _Room()


def sample_plane(
    source: Plane, matrix: NDArray[np.float64], out: Plane, most_off: float = LUMA_OFF
) -> None:
    """Fill `out` with `source`, bilinear; `matrix` leads from out's pixels to the source's.

    Parameters
    ----------
    matrix : float64, shape (2, 3)
        Scales and moves only.
    most_off : by how much of the source's pixels the whole may be misplaced
    """
    height, width = out.shape
    across = _find_start(matrix[0, 0], matrix[0, 2], (width, source.shape[1]), most_off)
    down = _find_start(matrix[1, 1], matrix[1, 2], (height, source.shape[0]), most_off)
    if across is None or down is None:
        _warp(source, matrix, out)
        return
    (left, x), (top, y) = across, down
    part = source[
        top : top + _length(matrix[1, 1], height + y),
        left : left + _length(matrix[0, 0], width + x),
    ]
    factors = (1 / matrix[0, 0], 1 / matrix[1, 1])
    size = [round(part.shape[n] * factors[1 - n]) for n in (0, 1)]  # as OpenCV rounds, half to even
    if size == [*part.shape] and factors != (1, 1):
        _warp(source, matrix, out)  # `resize` copies what keeps its size, whatever the factors are
        return
    made = _ROOM.take(*size)
    cv2.resize(part, None, made, factors[0], factors[1], interpolation=cv2.INTER_LINEAR)
    np.copyto(out, made[y : y + height, x : x + width])


def _warp(source: Plane, matrix: NDArray[np.float64], out: Plane) -> None:
    size = (out.shape[1], out.shape[0])
    border = cv2.BORDER_REPLICATE
    cv2.warpAffine(source, matrix, size, dst=out, flags=SAMPLING, borderMode=border)


def _length(step: float, pixels: int) -> int:
    """Return how much of the source gives that many pixels, and one to spare."""
    return int(np.ceil(step * (pixels + 1))) + 2


def _find_start(
    step: float, first: float, sizes: tuple[int, int], most_off: float
) -> tuple[int, int] | None:
    """Return a whole pixel of the source, and which of the pixels made from there on is the first.

    `resize` puts pixel j of a part that begins at X to X + step (j + 1/2) - 1/2. What lies before X
    it takes to be as X is, which is so at the source's edge alone.
    """
    pixels, length = sizes
    more = np.arange(_MOST_MORE)
    starts = first - step / 2 + 0.5 - step * more
    whole = np.rint(starts)
    inside = (step * (more + 0.5) >= 0.5) | (whole == 0)
    fits = inside & (whole >= 0) & (whole + np.ceil(step * (pixels + more + 1)) + 2 <= length)
    off = np.where(fits, np.abs(starts - whole), 1.0)
    near = np.flatnonzero(off <= _NEAR_ENOUGH)
    best = int(near[0]) if near.size else int(off.argmin())
    return (int(whole[best]), best) if off[best] <= most_off else None
