"""One photo of several exposures: each part from where it is exposed well, the window's view too.

Exposures are laid over the middle one, and what moved between them is taken from that alone.

Sources: T. Mertens, J. Kautz, F. Van Reeth, "Exposure fusion", Pacific Graphics 2007; G.
Evangelidis, E. Psarakis, "Parametric image alignment using enhanced correlation coefficient
maximization", IEEE TPAMI 30(10), 2008.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image.array import Image
from serving.photos.enhance.strips import Floats, small_copy

Grey = NDArray[np.uint8]
BESIDE = 60.0  # bytes for each pixel that fusing takes beside the exposures themselves
_ALIGN_SIDE = 640  # px of the copies that are laid over each other
_LEAST_ALIKE = 0.6  # correlation of edges, below which it is another view
_MOST_MOVED = 0.06  # of the long side: a hand's movement
# Where levels are good, and how fast they cease to be. Mertens has 0.5 and 0.2, and does not know
# the middle one: white walls become grey then.
_WELL, _SPREAD, _MIDDLE = 0.65, 0.25, 3.0
_MOVED_LEVELS = 45.0  # from what the other exposure leads to expect, that no noise explains
_LEVELS = 9  # of the pyramid at most


def fuse(exposures: Sequence[Image]) -> Image:
    """Return one photo of several exposures of one view.

    Parameters
    ----------
    exposures : uint8 RGB, all of one size, in any order

    Raises
    ------
    BadInput
        They differ in size, or do not show the same view.
    """
    if len({photo.shape for photo in exposures}) != 1:
        sizes = ", ".join(f"{photo.shape[1]}x{photo.shape[0]}" for photo in exposures)
        raise BadInput(f"exposures of one view have the same size, not {sizes}")
    order = sorted(range(len(exposures)), key=lambda n: float(exposures[n][::8, ::8].mean()))
    first = order[len(order) // 2]
    middle = exposures[first]
    laid: list[Image] = []
    for number in order:
        photo = exposures[number]
        over = photo if number == first else _lay_over(photo, middle)
        if over is None:
            raise BadInput(
                f"the exposures do not show the same view: {number + 1} does not fit to {first + 1}"
            )
        laid.append(over)
    weights = [
        _weigh(photo) * (np.float32(_MIDDLE) if photo is middle else _still(photo, middle))
        for photo in laid
    ]
    total = np.sum(weights, axis=0, dtype=np.float32)
    for weight in weights:
        weight /= total
    return _blend(laid, weights)


def _lay_over(photo: Image, middle: Image) -> Image | None:
    """Return the exposure moved onto the middle one; None where it shows something else."""
    small = [
        np.asarray(cv2.cvtColor(small_copy(part, _ALIGN_SIDE), cv2.COLOR_RGB2GRAY), np.uint8)
        for part in (middle, photo)
    ]
    matched = cv2.LUT(small[0], _match(small[0], small[1]))  # is clipped where the other one is
    ways = ((matched, small[1]), tuple(cv2.equalizeHist(plane) for plane in small))
    # the first finds exposures of which much is clipped, the second those with somebody in them
    fits = [_align(*(np.asarray(plane, np.uint8) for plane in way)) for way in ways]
    alike, warp = max(fits, key=lambda fit: fit[0])
    moved = float(np.abs(warp[:, 2]).max()) / max(small[0].shape)
    if alike < _LEAST_ALIKE or moved > _MOST_MOVED:
        return None
    scale = max(photo.shape) / max(small[0].shape)
    warp[:, 2] *= scale
    size = photo.shape[1], photo.shape[0]
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    made = cv2.warpAffine(photo, warp, size, flags=how, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(made, np.uint8)


def _align(middle: Grey, photo: Grey) -> tuple[float, Floats]:
    """Return how well the second fits onto the first, 0..1, and the movement that does it."""
    one, other = (
        np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.5), np.float32) for plane in (middle, photo)
    )
    shift, _ = cv2.phaseCorrelate(one, other)
    warp = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)
    try:
        alike, found = cv2.findTransformECC(one, other, warp, cv2.MOTION_EUCLIDEAN, stop)
    except cv2.error:
        return 0.0, warp
    return float(alike), np.asarray(found, np.float32)


def _weigh(photo: Image) -> Floats:
    """Return how well each pixel is exposed, coloured and detailed."""
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
    detail = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    most, least = photo.max(axis=2).astype(np.float32), photo.min(axis=2).astype(np.float32)
    colour = (most - least) / np.float32(255)
    middle = (most + least) / np.float32(510)
    well = np.exp(-np.square(middle - np.float32(_WELL)) / np.float32(2 * _SPREAD**2))
    clipped = np.clip((255 - most) / np.float32(10), 0, 1)
    return np.asarray(well * clipped * (detail + 0.05) * (colour + 0.1) + 1e-6, np.float32)


def _still(photo: Image, middle: Image) -> Floats:
    """Return 1 where an exposure shows what the middle one does, 0 where something moved."""
    seen, expected = (
        np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8) for part in (photo, middle)
    )
    same = cv2.LUT(expected, _match(expected, seen))
    apart = cv2.blur(cv2.absdiff(same, seen), (9, 9))
    told = (expected > 20) & (expected < 235)  # elsewhere, the middle one knows nothing better
    moved = ((apart > _MOVED_LEVELS) & told).astype(np.uint8)
    wide = cv2.dilate(moved, np.ones((15, 15), np.uint8))
    soft = cv2.GaussianBlur(1 - wide.astype(np.float32), (0, 0), 5)
    return np.asarray(np.clip(2 * soft - 1, 0, 1), np.float32)


def _match(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the levels by which one exposure's ranks become the other's."""
    shares = [
        np.cumsum(cv2.calcHist([plane], [0], None, [256], [0, 256]).ravel()) / plane.size
        for plane in (source, target)
    ]
    levels: NDArray[np.uint8] = np.interp(shares[0], shares[1], np.arange(256)).astype(np.uint8)
    return levels


def _blend(photos: Sequence[Image], weights: Sequence[Floats]) -> Image:
    """Blend by Laplacian pyramids, one exposure in memory at a time."""
    height, width = photos[0].shape[:2]
    levels = int(min(_LEVELS, max(1, np.log2(min(height, width)) - 2)))
    sums: list[Floats] = []
    for photo, weight in zip(photos, weights, strict=True):
        now, share = photo.astype(np.float32), weight
        for level in range(levels):
            last = level == levels - 1
            below = now if last else np.asarray(cv2.pyrDown(now), np.float32)
            size = now.shape[1], now.shape[0]
            detail = now if last else now - np.asarray(cv2.pyrUp(below, dstsize=size), np.float32)
            part = np.asarray(detail * share[..., None], np.float32)
            if level < len(sums):
                sums[level] += part
            else:
                sums.append(part)
            now, share = below, share if last else np.asarray(cv2.pyrDown(share), np.float32)
    made = sums.pop()
    while sums:
        above = sums.pop()
        size = above.shape[1], above.shape[0]
        made = above + np.asarray(cv2.pyrUp(made, dstsize=size), np.float32)
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)
