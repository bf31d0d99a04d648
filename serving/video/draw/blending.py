"""Mixing planes: by one weight, by a mask, by shade."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.video.draw.yuv import BLACK_Y, NEUTRAL, WHITE_Y, Plane, Planes, as_planes

Mask = NDArray[np.float32]


def copy_planes(source: Planes, out: Planes) -> None:
    """Copy `source` into `out`, of the same size."""
    for plane, into in zip(source, out, strict=True):
        np.copyto(into, plane)


def mix(a: Planes, b: Planes, share: float, out: Planes) -> None:
    """Write `share` of `b` and the rest of `a`; `out` may be one of them."""
    for one, other, into in zip(a, b, out, strict=True):
        cv2.addWeighted(one, 1 - share, other, share, 0, dst=into)


def mix_by_mask(a: Planes, b: Planes, mask: Mask, out: Planes) -> None:
    """Write `b` where `mask` is 1 and `a` where it is 0.

    Parameters
    ----------
    mask : float32, shape (height, width), 0..1
    """
    half = cv2.resize(mask, (a.u.shape[1], a.u.shape[0]), interpolation=cv2.INTER_AREA)
    for one, other, weight, into in zip(a, b, (mask, half, half), out, strict=True):
        cv2.blendLinear(other, one, weight, 1 - weight, dst=into)


def shade_table(gain: float) -> tuple[Plane, Plane]:
    """Return the tables that multiply the light of luma and of chroma by `gain`, 0..2."""
    values = np.arange(256)
    luma = (BLACK_Y + (values - BLACK_Y) * gain).clip(BLACK_Y, WHITE_Y)
    chroma = (NEUTRAL + (values - NEUTRAL) * gain).clip(16, 240)
    return np.rint(luma).astype(np.uint8), np.rint(chroma).astype(np.uint8)


def shade(planes: Planes, gain: float) -> Planes:
    """Return a darker or lighter copy."""
    luma, chroma = shade_table(gain)
    tables = (luma, chroma, chroma)
    return as_planes(cv2.LUT(p, table) for p, table in zip(planes, tables, strict=True))


def slice_planes(planes: Planes, left: int, top: int, right: int, bottom: int) -> Planes:
    """Return the view of a part, all of whose bounds are even."""
    rows, columns = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
    return Planes(
        planes.y[top:bottom, left:right], planes.u[rows, columns], planes.v[rows, columns]
    )
