"""A new floor, in the room's perspective and at its scale."""

import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.staging.room import Room
from serving.staging.surfaces.material import Material
from serving.staging.surfaces.resurface import Resurfaced, log_luma, resurface, soft_cover
from serving.staging.surfaces.shading import base_light

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_USUAL_FLOOR = 0.35  # albedo of a floor nobody has measured


def lay_floor(photo: Image, where: Mask, room: Room, material: Material) -> Resurfaced:
    """Return the photo with another floor.

    Sun patches, shadows and sheen stay: the luminance of the old floor, without its texture, is
    the light on the new one.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3). Left unchanged.
    where : bool (height, width), where the floor is seen; what stands on it is not part

    Raises
    ------
    BadInput
        If `where` is not of the photo's size.
    """
    flat, step = floor_of(room, (photo.shape[0], photo.shape[1]))
    albedo = material.at(flat, step)
    where = where & np.isfinite(step)
    return resurface(
        photo, soft_cover(where), albedo, base_light(log_luma(photo), where), _USUAL_FLOOR
    )


def floor_of(room: Room, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return where on the floor each pixel is, (height, width, 2), and how much it covers, metres.

    Not finite where the pixel is above the horizon.
    """
    camera = room.camera.scaled(size)
    rays = camera.grid_rays(*size)
    down = np.where(rays[..., 1] < -1e-3, -rays[..., 1], np.nan)
    flat = rays[..., ::2] * (camera.height_m / down)[..., None]
    step = np.abs(np.diff(flat, axis=0, append=flat[-1:])).max(axis=-1)
    step[-1] = step[-2]
    return np.nan_to_num(flat).astype(np.float32), step.astype(np.float32)
