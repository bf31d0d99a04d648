"""What is handed to a renderer, and what it gives back.

All light is linear and all coordinates are the room's (`serving.staging.room`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.staging.layout.plan import Placed, Plan
from serving.staging.room import Camera, Floats, Room
from serving.staging.things import RGB, Model, Part

Light = NDArray[np.float32]


@dataclass(frozen=True)
class Emitter:
    """A rectangle that gives light into the room: corners (4, 3) seen counter-clockwise."""

    corners: Floats
    radiance: RGB


@dataclass(frozen=True)
class Lighting:
    """What lights a room, and how much of it its surfaces give back.

    Attributes
    ----------
    floor, wall, ceiling : share of the light that they reflect
    emitters : windows, the ceiling's glow
    """

    floor: RGB
    wall: RGB
    ceiling: RGB
    emitters: tuple[Emitter, ...]


@dataclass(frozen=True, eq=False)
class Standing:
    """A model in its place."""

    model: Model
    place: Placed

    def parts(self) -> tuple[Part, ...]:
        """Return its triangles in room coordinates."""
        yaw = math.radians(self.place.yaw_deg)
        cos, sin = math.cos(yaw), math.sin(yaw)
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
        at = np.array([self.place.x_m, self.place.base_m, self.place.z_m], np.float32)
        return tuple(
            Part(
                part.vertices @ turn.T + at, part.normals @ turn.T, part.uvs, part.faces, part.look
            )
            for part in self.model.parts
        )


@dataclass(frozen=True, eq=False)
class Scene:
    """A room, its light and what stands in it."""

    room: Room
    lighting: Lighting
    things: tuple[Standing, ...]


@dataclass(frozen=True)
class Crop:
    """A part of the photo, px: columns left..right, rows top..bottom, ends excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width) in px."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Return what cuts it out of a picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, inner: "Crop") -> tuple[slice, slice]:
        """Return what cuts `inner` out of a picture of this crop."""
        return (
            slice(inner.top - self.top, inner.bottom - self.top),
            slice(inner.left - self.left, inner.right - self.left),
        )


@dataclass(frozen=True)
class Effort:
    """How much a renderer may take.

    Attributes
    ----------
    scale : of the traced light against the photo's pixels, at most; coverage is found at full size
    samples : light paths for each pixel
    seed : of the noise
    """

    scale: float = 0.7
    samples: int = 4
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Layers:
    """What a renderer saw of a crop, each at the crop's size in pixels of the photo.

    Attributes
    ----------
    furnished, empty : light (h, w, 3) with the furniture and without; without grain
    cover : share of each pixel that furniture covers, (h, w), 0..1
    distance_m : to the nearest furniture, (h, w); inf where there is none
    albedo : (h, w, 3) of the furniture, 0..1
    normals : (h, w, 3) of the furniture, in room coordinates
    """

    furnished: Light
    empty: Light
    cover: Light
    distance_m: Light
    albedo: Light
    normals: Light


class Renderer(Protocol):
    """Traces light."""

    def __call__(self, scene: Scene, crop: Crop, effort: Effort, /) -> Layers:
        """Return what the room's camera sees of a scene within a crop."""
        ...


def stand(plan: Plan, models: Mapping[str, Model]) -> tuple[Standing, ...]:
    """Return the models of a plan in their places.

    Raises
    ------
    BadInput
        If a model of the plan is missing.
    """
    if missing := sorted(set(plan.skus) - models.keys()):
        raise BadInput(f"the kit has no model for {', '.join(missing)}")
    return tuple(Standing(models[piece.sku], piece) for piece in plan.pieces)


def crop_of(
    camera: Camera, pieces: Sequence[Placed], grown: float = 0.1, margin_m: float = 0.35
) -> Crop | None:
    """Return the part of a photo that furniture and its shadows take up.

    Parameters
    ----------
    grown : how much larger it is than that, so that nothing ends at its rim
    margin_m : how far shadows reach around a piece

    Returns
    -------
    Crop or None
        None where nothing is in the picture.
    """
    height, width = camera.size
    found = [_extent(camera, piece.corners(margin_m)) for piece in pieces]
    seen = [ends for ends in found if (ends[1] > 0).all() and (ends[0] < (width, height)).all()]
    if not seen:
        return None
    low = np.min([ends[0] for ends in seen], axis=0)
    high = np.max([ends[1] for ends in seen], axis=0)
    grow = (high - low) * grown / 2
    left, top = np.floor(np.maximum(low - grow, 0)).astype(int)
    right, bottom = np.ceil(np.minimum(high + grow, (width, height))).astype(int)
    return (
        Crop(int(left), int(top), int(right), int(bottom))
        if right - left > 8 and bottom - top > 8
        else None
    )


def _extent(camera: Camera, corners: Floats) -> tuple[Floats, Floats]:
    """Return the least and the largest pixel of a box; all of the picture if the camera is in it.

    Of a box behind the camera nothing is seen: it ends before the picture begins.
    """
    pixels = camera.project(corners)
    ahead = np.isfinite(pixels).all(axis=1)
    if not ahead.any():
        return np.full(2, -1.0), np.full(2, -1.0)
    if not ahead.all():
        return np.zeros(2), np.array(camera.size[::-1], float)
    return pixels.min(axis=0), pixels.max(axis=0)
