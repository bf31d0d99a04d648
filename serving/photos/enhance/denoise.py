"""Takes noise and the marks of compression out of a photo, only as strongly as they are measured.

Overlapping blocks of 8x8 are brought into frequencies, and what is smaller there than noise would
be is left out; where blocks overlap, those with less in them count more.

Sources: R. Coifman, D. Donoho, "Translation-invariant de-noising", 1995; K. Egiazarian,
V. Katkovnik, J. Astola, "Adaptive window size image de-noising", 2003 (weights); J. Immerkær, "Fast
noise variance estimation", 1996 (the operator); A. Nosratinia, "Enhancement of JPEG-compressed
images by re-application of JPEG", 2001 (why shifted blocks undo compression).
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image
from serving.photos.enhance.strips import by_strips

Floats = NDArray[np.float32]
_SIDE = 8  # px of a block: the best of one size for photos, and JPEG's own
# px between blocks down and across, and by how much every other row of them is shifted. Measured on
# noise of 5 levels: the second costs a quarter of the first and 0.4 dB, the third half of that.
Lattice = tuple[int, int, int]
_FINE: Lattice = (2, 2, 0)
_COARSE: Lattice = (4, 4, 0)
_SPARSE: Lattice = (4, 8, 4)
_FINE_PIXELS, _COARSE_PIXELS = 3_000_000, 8_000_000  # of a photo, up to which they are worth it
_THRESHOLD = 2.7  # standard deviations: what of pure noise one coefficient of 140 exceeds
_TILE = 64  # px
LEAST_SIGMA = 1.5  # levels: rounding and texture are measured as this much
_MOST_SIGMA = 30.0
_FINE_QUALITY = 82  # of a JPEG, from which its marks are not seen
_SIGMA_AT_50 = 4.5  # best by PSNR at 15, 30 and 50 on photos of five listings, with the power 0.6
_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def measure_noise(photo: Image) -> float:
    """Return the standard deviation of a photo's noise in brightness, in levels of 255.

    It is measured where the photo is flattest: noise is there as elsewhere, and texture is not.
    Black and white are left out, for clipping hides noise.
    """
    height, width = photo.shape[:2]
    if min(height, width) < _TILE:
        return 0.0
    found = []
    for y in _starts(height):
        for x in _starts(width):
            luma = cv2.cvtColor(photo[y : y + _TILE, x : x + _TILE], cv2.COLOR_RGB2GRAY)
            found.extend(_noise_of_cells(np.asarray(luma, np.float32)))
    if len(found) < 16:
        return 0.0
    return float(np.percentile(found, 20))


def _starts(side: int) -> list[int]:
    count = max(1, min(12, side // _TILE))
    return [round(at) for at in np.linspace(0, side - _TILE, count)]


def _noise_of_cells(luma: Floats) -> list[float]:
    detail = np.abs(cv2.filter2D(luma, cv2.CV_32F, _KERNEL))
    cells = luma.reshape(4, 16, 4, 16).transpose(0, 2, 1, 3).reshape(16, -1)
    details = detail.reshape(4, 16, 4, 16).transpose(0, 2, 1, 3).reshape(16, -1)
    level = cells.mean(axis=1)
    usable = (level > 12) & (level < 243)
    sigma = details[usable].mean(axis=1) * np.sqrt(np.pi / 2) / 6
    return [float(value) for value in sigma]


def denoise(photo: Image, sigma: float) -> Image:
    """Return the photo without noise of that standard deviation.

    Parameters
    ----------
    photo : uint8 RGB
    sigma : in levels of 255, as `measure_noise` tells
    """
    if min(photo.shape[:2]) < _SIDE or sigma <= 0:
        return photo
    strength = min(sigma, _MOST_SIGMA)
    lattice = _lattice(photo.shape[0] * photo.shape[1])
    return by_strips(photo, lambda rows, _: _clean(rows, strength, lattice), margin=2 * _SIDE)


def _lattice(pixels: int) -> Lattice:
    if pixels <= _FINE_PIXELS:
        return _FINE
    return _COARSE if pixels <= _COARSE_PIXELS else _SPARSE


def compression_sigma(quality: float | None) -> float:
    """Return the noise as which the marks of a JPEG's compression are best taken out; 0: none.

    Parameters
    ----------
    quality : 1..100, as `serving.photos.quality.compression.jpeg_quality` tells; None: no JPEG
    """
    if quality is None or quality >= _FINE_QUALITY:
        return 0.0
    coarse = (200 - 2 * quality) / 100 if quality >= 50 else 50 / quality
    return float(min(12.0, _SIGMA_AT_50 * coarse**0.6))


def _clean(rows: Image, sigma: float, lattice: Lattice) -> Image:
    if rows.shape[0] < 2 * _SIDE or rows.shape[1] < 2 * _SIDE:
        return rows
    levels = cv2.cvtColor(rows, cv2.COLOR_RGB2YCrCb)
    luma, red, blue = cv2.split(levels)
    clean = [_shrink(np.asarray(luma, np.float32), sigma, lattice)]
    for plane in (red, blue):  # colours are finer in no eye, and coarser in every JPEG
        small = _halve(np.asarray(plane, np.float32))
        coloured = _shrink(small, 0.7 * sigma, lattice) if min(small.shape) >= 2 * _SIDE else small
        change = cv2.resize(coloured - small, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
        fine = np.asarray(plane, np.float32) + change
        stretched = cv2.resize(coloured, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
        detail = fine - stretched
        kept = np.sign(detail) * np.maximum(np.abs(detail) - 2 * np.float32(sigma), 0)
        clean.append(stretched + kept)
    merged = np.clip(np.rint(cv2.merge(clean)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(merged, cv2.COLOR_YCrCb2RGB), np.uint8)


def _halve(plane: Floats) -> Floats:
    height, width = plane.shape
    size = (width + 1) // 2, (height + 1) // 2
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


@cache
def _basis() -> Floats:
    """Return the two-dimensional cosine transform of a block of 64 values; shape (64, 64)."""
    at = np.arange(_SIDE)
    one = np.cos(np.pi * np.outer(at, 2 * at + 1) / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    one[0] /= np.sqrt(2)
    return np.kron(one, one).astype(np.float32)


def _shrink(plane: Floats, sigma: float, lattice: Lattice) -> Floats:
    """Leave out what is below noise in every block; float32, any size from 16 px on."""
    height, width = plane.shape
    down, across, shift = lattice
    pad = (-(height - _SIDE) % down, -(width - _SIDE) % across)
    padded = np.pad(plane, ((0, pad[0]), (0, pad[1])), mode="edge")
    total, weight = np.zeros_like(padded), np.zeros_like(padded)
    basis, limit = _basis(), np.float32(_THRESHOLD * sigma)
    ones = np.ones(_SIDE * _SIDE, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (_SIDE, _SIDE))
    for number, y in enumerate(range(0, padded.shape[0] - _SIDE + 1, down)):
        first = shift * (number % 2)
        blocks = windows[y, first::across].reshape(-1, _SIDE * _SIDE)
        found = blocks @ basis.T
        large = (np.abs(found) >= limit).astype(np.float32)
        large[:, 0] = 1  # the mean stays
        found *= large
        share = np.asarray(1 / (large @ ones), np.float32)
        clean = np.asarray((found @ basis) * share[:, None], np.float32)
        strip = slice(y, y + _SIDE), slice(first, None)
        _add(total[strip], weight[strip], clean.reshape(-1, _SIDE, _SIDE), share, across)
    return np.asarray((total / np.maximum(weight, 1e-6))[:height, :width], np.float32)


def _add(total: Floats, weight: Floats, clean: Floats, share: Floats, across: int) -> None:
    """Add a row of blocks to the rows in which it lies, those that do not overlap at once."""
    phases = _SIDE // across
    for phase in range(phases):
        some, parts = clean[phase::phases], share[phase::phases]
        if not len(some):
            continue
        x, width = phase * across, len(some) * _SIDE
        total[:, x : x + width] += some.transpose(1, 0, 2).reshape(_SIDE, width)
        weight[:, x : x + width] += np.repeat(parts, _SIDE)
