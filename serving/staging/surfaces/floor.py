"""A new floor or a rug, in the room's perspective and at its scale."""

import math
from dataclasses import dataclass

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
_PILE_M = 0.02  # beside a rug the floor is a little darker
_DARKER = 0.12


@dataclass(frozen=True)
class Rug:
    """A rectangle on the floor.

    Attributes
    ----------
    centre_m : (x, z) in the room
    size_m : (width, depth)
    turn_deg : about the vertical
    """

    centre_m: tuple[float, float]
    size_m: tuple[float, float]
    turn_deg: float = 0.0


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


def lay_rug(photo: Image, where: Mask, room: Room, material: Material, rug: Rug) -> Resurfaced:
    """Return the photo with a rug on its floor; the material's tile begins at the rug's corner."""
    flat, step = floor_of(room, (photo.shape[0], photo.shape[1]))
    angle = math.radians(rug.turn_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    x, z = flat[..., 0] - rug.centre_m[0], flat[..., 1] - rug.centre_m[1]
    own = np.stack([x * cos - z * sin, x * sin + z * cos], axis=-1)
    beyond = np.abs(own) - np.asarray(rug.size_m, np.float32) / 2
    outside = np.maximum(beyond[..., 0], beyond[..., 1]).astype(np.float32)
    on_floor = soft_cover(where & np.isfinite(step))
    cover = np.clip(0.5 - outside / np.maximum(step, 1e-4), 0, 1) * on_floor
    albedo = material.at((own + np.asarray(rug.size_m, np.float32) / 2).astype(np.float32), step)
    shade = base_light(log_luma(photo), where)
    laid = resurface(photo, np.asarray(cover, np.float32), albedo, shade, _USUAL_FLOOR)
    return _with_pile(laid, outside, on_floor, cover)


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


def _with_pile(laid: Resurfaced, outside: Floats, on_floor: Floats, cover: Floats) -> Resurfaced:
    """Return the photo with the floor darker right beside the rug, which has a thickness."""
    near = np.clip(1 - outside / np.float32(_PILE_M), 0, 1) * (outside > 0) * on_floor
    near = near * (1 - cover)
    there = near > 0.01
    made = laid.photo.copy()
    made[there] = np.rint(made[there] * (1 - _DARKER * near[there, None])).astype(np.uint8)
    return Resurfaced(made, laid.changed | there)
