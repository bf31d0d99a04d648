"""Smooth fields through known values: how light goes on behind what was taken away."""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_SIDE_PX = 192  # light is smooth: a hole of a photo of any size is filled on a copy this long
_COARSEST_PX = 6
_SWEEPS = 24  # of relaxation at each size; more change less than a level of 255
_KNOWN = 0.5  # share of a cell that has to be known for the cell to count
_WIDE_PX = 8.0
_LEAST = np.float32(1e-4)
_AROUND = np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], np.float32)


def blur_known(values: Floats, known: Mask, sigma_px: float) -> Floats:
    """Return the mean of known values around each pixel, weighed by a Gaussian.

    Parameters
    ----------
    values : float32 (height, width) or (height, width, channels)
    sigma_px : if it is large, the mean is found on a smaller copy
    """
    if sigma_px > _WIDE_PX:
        return _blur_widely(values, known, sigma_px)
    weight = known.astype(np.float32)
    spread = cv2.GaussianBlur(weight, (0, 0), sigma_px)
    if values.ndim == 2:
        blurred = cv2.GaussianBlur(values * weight, (0, 0), sigma_px)
        return np.asarray(blurred / np.maximum(spread, _LEAST), np.float32)
    blurred = _channels(cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma_px))
    return np.asarray(blurred / np.maximum(spread, _LEAST)[..., None], np.float32)


def _blur_widely(values: Floats, known: Mask, sigma_px: float) -> Floats:
    shape = known.shape
    scale = _WIDE_PX / 2 / sigma_px
    size = max(2, round(shape[1] * scale)), max(2, round(shape[0] * scale))
    weight = known.astype(np.float32)
    spread = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    spread = cv2.GaussianBlur(spread, (0, 0), _WIDE_PX / 2)
    weighed = values * (weight if values.ndim == 2 else weight[..., None])
    blurred = cv2.resize(weighed, size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(blurred, (0, 0), _WIDE_PX / 2).reshape(*spread.shape, -1)
    mean = blurred / np.maximum(spread, _LEAST)[..., None]
    large = cv2.resize(mean, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32).reshape(values.shape)


def fill_smoothly(values: Floats, known: Mask, blur_cells: float = 1.0) -> Floats:
    """Return a field that is flat nowhere known values make it rise: a membrane through them.

    Laplace's equation, coarse to fine, on a copy of at most `_SIDE_PX`.

    Parameters
    ----------
    values : float32 (height, width, channels)
    known : bool (height, width); some must be
    blur_cells : of the copy's pixels; known values are averaged over them first

    Returns
    -------
    float32 (height, width, channels)
        Also where `values` are known: smoothed, there.

    Examples
    --------
    >>> ramp = np.tile(np.linspace(0, 1, 32, dtype=np.float32)[None, :, None], (32, 1, 1))
    >>> known = np.ones((32, 32), bool)
    >>> known[8:24, 8:24] = False
    >>> bool(abs(fill_smoothly(ramp, known, 0.3) - ramp).max() < 0.05)
    True
    """
    height, width = known.shape
    scale = min(1.0, _SIDE_PX / max(height, width))
    size = max(2, round(width * scale)), max(2, round(height * scale))
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    totals = _channels(cv2.resize(values * known[..., None], size, interpolation=cv2.INTER_AREA))
    usable = share > min(_KNOWN, float(share.max()) * 0.9)
    cells = np.asarray(totals / np.maximum(share, _LEAST)[..., None], np.float32)
    if blur_cells > 0:
        cells = _channels(blur_known(cells, usable, blur_cells))
    field = _relax(cells, usable)
    return _channels(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR))


def _channels(values: NDArray[np.generic]) -> Floats:
    """Return an array with a last axis for channels, which OpenCV drops if it is one."""
    found = np.asarray(values, np.float32)
    return found if found.ndim == 3 else found[..., None]


def _relax(cells: Floats, known: Mask) -> Floats:
    levels = [(cells * known[..., None], known.astype(np.float32))]
    while min(levels[-1][1].shape) > _COARSEST_PX:
        values, weight = levels[-1]
        levels.append((_channels(cv2.pyrDown(values)), np.asarray(cv2.pyrDown(weight))))
    mean = cells[known].mean(axis=0) if known.any() else cells.mean(axis=(0, 1))
    field = np.broadcast_to(mean, levels[-1][0].shape).astype(np.float32)
    for values, weight in reversed(levels):
        field = _channels(cv2.resize(field, weight.shape[::-1], interpolation=cv2.INTER_LINEAR))
        fixed = weight[..., None] > _KNOWN
        held = values / np.maximum(weight, _LEAST)[..., None]
        field = np.where(fixed, held, field)
        for _ in range(_SWEEPS):
            around = cv2.filter2D(field, -1, _AROUND, borderType=cv2.BORDER_REPLICATE)
            field = np.where(fixed, held, _channels(around))
    return np.asarray(field, np.float32)
