"""Walls in another colour."""

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image import Image
from serving.staging.surfaces.resurface import Resurfaced, log_luma, resurface, soft_cover

Mask = NDArray[np.bool_]
_USUAL_WALL = 0.72  # albedo of a white wall, which most are


def paint_walls(photo: Image, where: Mask, albedo: tuple[float, float, float]) -> Resurfaced:
    """Return the photo with painted walls; their light and relief stay.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3). Left unchanged.
    where : bool (height, width), where walls are seen; what hangs on them is not part
    albedo : linear RGB of the paint, 0..1

    Raises
    ------
    BadInput
        If `where` is not of the photo's size, or a channel is out of range.
    """
    if not all(0 <= value <= 1 for value in albedo):
        raise BadInput(f"a paint's albedo is 0..1 in each channel, not {albedo}")
    colour = np.broadcast_to(np.asarray(albedo, np.float32), photo.shape)
    return resurface(photo, soft_cover(where), colour, log_luma(photo), _USUAL_WALL)
