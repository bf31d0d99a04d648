"""A soft glow around a logo, dark around light parts and light around dark ones."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.video.draw.rgba import Rgba, lay_over

# Lightness that stands out from black and from white alike: 4.6 times (WCAG 2.2) at 46 % of sRGB
_MIDDLE, _SHARPNESS = 0.46, 5.0
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_NEAR, _MORE, _FAR = 0.62, 0.3, 0.42  # opacity of the contour, and of the glow around it
_FAR_RADIUS = 3.5  # times the contour's
_AREA = 6.0  # in which parts have one glow, times the glow's radius


def add_halo(pixels: Rgba, radius_px: float) -> Rgba:
    """Lay a soft glow of the opposite lightness around a picture: it stays readable on any photo.

    Parameters
    ----------
    pixels : uint8, RGBA. Left unchanged.
    radius_px : of the contour, which a wider and fainter glow surrounds

    Returns
    -------
    uint8, RGBA
        Larger than `pixels` by `halo_margin` on every side.
    """
    pad = halo_margin(radius_px)
    wide = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)))
    alpha = wide[..., 3].astype(np.float32) / 255
    lightness, border = _lightness(wide, _AREA * _FAR_RADIUS * radius_px)
    # gold or red stand out less from their glow than white and black do: it has to be stronger
    middling = 1 - np.abs(lightness - _MIDDLE) / (1 - _MIDDLE)
    near = (3.4 * _blur(alpha, radius_px)).clip(0, 1) * (_NEAR + _MORE * middling.clip(0, 1))
    far = (2.2 * _blur(alpha, _FAR_RADIUS * radius_px)).clip(0, 1) * _FAR
    glow = np.empty_like(wide)
    light = ((border - lightness) * _SHARPNESS + 0.5).clip(0, 1)
    glow[..., :3] = np.rint(255 * light)[..., None]
    glow[..., 3] = np.rint(255 * (1 - (1 - near) * (1 - far)) * _towards_edge(alpha.shape, pad))
    return lay_over(glow, wide, 0, 0)


def halo_margin(radius_px: float) -> int:
    """Return how many pixels a halo adds on every side."""
    return round(2.5 * _FAR_RADIUS * radius_px)


def outline(pixels: Rgba) -> NDArray[np.float32]:
    """Return how much each pixel takes part in a picture's outline, 0..1.

    What lies deeper inside is surrounded by the picture itself and needs no help.
    """
    alpha = np.pad(pixels[..., 3], 2).astype(np.float32) / 255
    inside = cv2.erode(alpha, np.ones((5, 5), np.uint8))
    return np.asarray((alpha - inside)[2:-2, 2:-2], np.float32)


def _lightness(pixels: Rgba, reach_px: float) -> tuple[NDArray[np.float32], float]:
    """Return the lightness 0..1 of the outline around each place, and that from which it is light.

    Parts of a logo may differ; one whose colour lies in the middle must not get a grey glow.
    """
    weight, luma = outline(pixels), pixels[..., :3] @ _LUMA / np.float32(255)
    around = _blur(weight * luma, reach_px) / _blur(weight, reach_px).clip(1e-6)
    mean = float((weight * luma).sum() / max(1e-6, float(weight.sum())))
    half = 0.5 / _SHARPNESS
    border = min(_MIDDLE, mean - half) if mean > _MIDDLE else max(_MIDDLE, mean + half)
    return around, border


def _blur(values: NDArray[np.floating], radius_px: float) -> NDArray[np.float32]:
    # a large one at an eighth of the size: the same to the eye
    if radius_px > 24 and min(values.shape) > 16:
        small = cv2.resize(values, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), radius_px / 8, borderType=cv2.BORDER_CONSTANT)
        blurred = cv2.resize(small, values.shape[::-1], interpolation=cv2.INTER_LINEAR)
    else:
        blurred = cv2.GaussianBlur(
            values, (0, 0), max(0.3, radius_px), borderType=cv2.BORDER_CONSTANT
        )
    return np.asarray(blurred, np.float32)


def _towards_edge(shape: tuple[int, ...], pad: int) -> NDArray[np.float32]:
    """Return what lets a glow end before the picture does: its edge must not show."""
    height, width = shape
    rows, columns = (np.arange(length, dtype=np.float32) + 0.5 for length in (height, width))
    from_edge = np.minimum(
        np.minimum(rows, height - rows)[:, None], np.minimum(columns, width - columns)
    )
    near = (from_edge / max(1.0, 0.6 * pad)).clip(0, 1)
    return np.asarray(near * near * (3 - 2 * near), np.float32)
