"""Small pictures with transparency that lie on a film: straight RGBA, named by their content."""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from serving.errors import BadInput

Rgba = NDArray[np.uint8]
Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels and the name under which `film.Overlay.picture` finds them.

    Parameters
    ----------
    name : SHA-256 of shape and pixels, 64 hexadecimal digits
    pixels : uint8, shape (height, width, 4)
        RGB is not multiplied by alpha.
    """

    name: str
    pixels: Rgba


def name_picture(pixels: Rgba) -> Picture:
    """Name a picture by its content."""
    shape = np.array(pixels.shape, "<u4").tobytes()
    return Picture(
        hashlib.sha256(shape + np.ascontiguousarray(pixels).tobytes()).hexdigest(), pixels
    )


def check_rgba(pixels: Rgba, what: str) -> None:
    """Raise BadInput unless `pixels` is a uint8 RGBA picture that shows something."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4 or not pixels.size:
        raise BadInput(f"{what}: expected uint8 RGBA, got {pixels.dtype} of shape {pixels.shape}")
    if not pixels[..., 3].any():
        raise BadInput(f"{what} is transparent throughout")


def to_colour(text: str) -> Colour:
    """Read `#rrggbb`.

    Examples
    --------
    >>> to_colour("#ff8000")
    (255, 128, 0)
    """
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def blank(width: int, height: int, colour: Colour = (0, 0, 0), opacity: float = 0.0) -> Rgba:
    """Make a picture of one colour, transparent unless told otherwise."""
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = colour
    pixels[..., 3] = round(255 * opacity)
    return pixels


def lay_over(below: Rgba, above: Rgba, left: int, top: int) -> Rgba:
    """Return `below` with `above` on it; what reaches past an edge is cut off."""
    height, width = below.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + above.shape[1], width), min(top + above.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return below.copy()
    part = above[y0 - top : y1 - top, x0 - left : x1 - left]
    result = Pillow.fromarray(below)
    result.alpha_composite(Pillow.fromarray(np.ascontiguousarray(part)), (x0, y0))
    return np.array(result)


def fit_inside(pixels: Rgba, width: int, height: int) -> Rgba:
    """Resize to the largest size within a box, colours weighted by alpha so that edges stay clean.

    Parameters
    ----------
    pixels : left unchanged
    width, height : the box, at least 1
    """
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    weighted = pixels.astype(np.float32)
    weighted[..., :3] *= weighted[..., 3:] / 255
    resized = cv2.resize(weighted, size, interpolation=method).reshape(size[1], size[0], 4)
    alpha = resized[..., 3:].clip(1e-3, 255)
    colours = resized[..., :3] * (255 / alpha)
    fitted = np.concatenate([colours, alpha], axis=2).clip(0, 255)
    return np.asarray(np.rint(fitted), np.uint8)


def trim(pixels: Rgba) -> Rgba:
    """Cut off transparent borders; a logo's empty margin would put it out of place."""
    rows, columns = (np.flatnonzero((pixels[..., 3] > 8).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fade(pixels: Rgba, opacity: float) -> Rgba:
    """Return the picture with its alpha multiplied by `opacity`, 0..1."""
    faded = pixels.copy()
    faded[..., 3] = np.rint(pixels[..., 3] * opacity)
    return faded


def add_shadow(pixels: Rgba, radius_px: float, opacity: float) -> Rgba:
    """Lay a soft dark shadow under a picture: light letters stay readable on a bright photo.

    Returns
    -------
    uint8, RGBA
        Larger than `pixels` by ``3 * radius_px`` on every side.
    """
    pad = round(3 * radius_px)
    wide = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)))
    spread = cv2.GaussianBlur(wide[..., 3].astype(np.float32), (0, 0), max(radius_px, 0.3))
    shadow = np.zeros_like(wide)
    shadow[..., 3] = np.rint((2.2 * opacity * spread).clip(0, 255 * opacity))
    return lay_over(shadow, wide, 0, 0)
