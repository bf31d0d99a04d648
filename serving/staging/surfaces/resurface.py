"""A surface of a photo in another material, in the light that was there."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image import Image, check_rgb
from serving.staging.linear import to_coded, to_linear

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)
_DARKEST = np.float32(0.004)
_EDGE_PX = 0.7  # sigma of the edge of the new surface, as of a lens
_LEAST_SHARE = 0.004
_BURNT = 0.97  # of full light: no colour is left in it, neither old nor new
_GAINS = (0.3, 2.2)  # of exposure: an old floor of any albedo is taken for one of the usual


@dataclass(frozen=True)
class Resurfaced:
    """A photo with a new surface.

    Attributes
    ----------
    photo : uint8 RGB (height, width, 3)
    changed : bool (height, width); outside it, the photo is what it was
    """

    photo: Image
    changed: Mask


def log_luma(photo: Image) -> Floats:
    """Return the logarithm of a photo's luminance, float32 (height, width)."""
    return np.asarray(np.log(to_linear(photo) @ _LUMA + _DARKEST), np.float32)


def resurface(photo: Image, cover: Floats, albedo: Floats, shade: Floats, old: float) -> Resurfaced:
    """Return the photo with a material instead of another.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3). Left unchanged.
    cover : float32 (height, width), 0..1, how much of a pixel is new
    albedo : float32 (height, width, 3), linear, of the new material
    shade : float32 (height, width), logarithm of the light on it
    old : albedo that the surface is taken to have had, which tells exposure

    Raises
    ------
    BadInput
        If shapes differ.
    """
    check_rgb(photo)
    if not cover.shape == shade.shape == albedo.shape[:2] == photo.shape[:2]:
        raise BadInput(f"maps of {cover.shape} do not fit a photo of {photo.shape[:2]}")
    changed = cover > _LEAST_SHARE
    if not changed.any():
        return Resurfaced(photo.copy(), changed)
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    here = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    there = changed[here]
    sure = there & (cover[here] > 0.5)
    middle = float(np.median(shade[here][sure if sure.any() else there]))
    gain = float(np.clip(np.exp(middle) / old, *_GAINS))
    linear = to_linear(photo[here])
    lit = albedo[here] * (np.exp(shade[here] - middle) * gain)[..., None]
    burnt = np.clip((linear.min(axis=2) - _BURNT) / (1 - _BURNT), 0, 1)
    share = (cover[here] * (1 - burnt))[..., None]
    mixed = np.rint(to_coded(linear + (lit - linear) * share)).astype(np.uint8)
    made = photo.copy()
    made[here][there] = mixed[there]
    return Resurfaced(made, changed)


def soft_cover(where: Mask) -> Floats:
    """Return a mask with an edge as a lens makes it, and nothing beyond its own pixels."""
    blurred = cv2.GaussianBlur(where.astype(np.float32), (0, 0), _EDGE_PX)
    return np.asarray(np.clip(2 * blurred - 1, 0, 1) * where, np.float32)
