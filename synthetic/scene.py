"""A room as plain values: what stands where, made of what, lit and seen how.

World coordinates are metres, right-handed, y up. The floor is y = 0; a room covers
x 0..width and z 0..depth. An item's own coordinates start at the middle of its footprint,
on its underside, with its front towards +z.
"""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthetic.shapes import Shape

RGB = tuple[float, float, float]
Vector = tuple[float, float, float]
Side = Literal["back", "right", "front", "left"]
Finish = Literal["solid", "thin", "glass", "mirror", "sky"]

SIDES: tuple[Side, ...] = ("back", "right", "front", "left")
CATEGORIES = (
    "none", "wall", "floor", "ceiling", "window", "door", "stairs", "railing", "counter",
    "cabinet", "oven", "hob", "hood", "refrigerator", "sink", "bathtub", "toilet", "washbasin",
    "shower", "mirror", "sofa", "armchair", "chair", "stool", "table", "desk", "bed",
    "bedside_table", "wardrobe", "shelf", "television", "screen", "lamp", "plant", "rug", "picture",
    "curtain", "cushion", "towel", "decoration", "house", "roof", "ground", "road", "tree",
)  # fmt: skip


@dataclass(frozen=True)
class Pattern:
    """A drawn texture: `size_m` of it (along, across) is one tile, repeated."""

    kind: str
    size_m: tuple[float, float]
    colors: tuple[RGB, ...]
    seed: int = 0


@dataclass(frozen=True)
class Material:
    """What a surface is made of; colours are sRGB 0..1.

    `thin` lets light through diffusely (`translucency`), as curtains and lampshades do.
    """

    color: RGB = (0.8, 0.8, 0.8)
    roughness: float = 0.6
    metallic: float = 0.0
    pattern: Pattern | None = None
    image: Path | None = None
    finish: Finish = "solid"
    translucency: float = 0.0


@dataclass(frozen=True)
class Part:
    """One shape of one material, in its item's coordinates."""

    shape: Shape
    material: Material


@dataclass(frozen=True)
class Item:
    """A thing in the room: a catalogue `model` or procedural `parts`.

    `support` names what carries it: "floor", "wall", "ceiling" or another item. `fixed` items
    belong to the building and stay when the room is emptied.
    """

    name: str
    category: str
    size: Vector
    position: Vector = (0.0, 0.0, 0.0)
    yaw_deg: float = 0.0
    parts: tuple[Part, ...] = ()
    model: str | None = None
    recolor: tuple[tuple[str, Material], ...] = ()
    support: str = "floor"
    fixed: bool = False


@dataclass(frozen=True)
class Opening:
    """A hole in a wall; `along_m` is its left edge as seen from inside."""

    kind: Literal["window", "door", "passage"]
    along_m: float
    sill_m: float
    width_m: float
    height_m: float


@dataclass(frozen=True)
class Wall:
    """One side of the room; a band of `lower` (tiles) may reach up to `lower_m`."""

    material: Material
    openings: tuple[Opening, ...] = ()
    lower: Material | None = None
    lower_m: float = 0.0


@dataclass(frozen=True)
class Room:
    """The shell: a box of `size` (width, height, depth) and what covers it."""

    size: Vector
    walls: tuple[Wall, Wall, Wall, Wall]
    floor: Material
    ceiling: Material
    trim: Material
    cornice: bool = True
    skirting: bool = True

    def wall(self, side: Side) -> Wall:
        """Return the wall on `side`."""
        return self.walls[SIDES.index(side)]


@dataclass(frozen=True)
class Camera:
    """A level camera: verticals stay vertical; `rise` shifts the picture up (share of height)."""

    position: Vector
    yaw_deg: float
    hfov_deg: float = 70.0
    rise: float = 0.0


@dataclass(frozen=True)
class Sun:
    """Direct sunlight; `azimuth_deg` is where it comes from, 0 = +z, 90 = +x."""

    azimuth_deg: float
    elevation_deg: float
    strength: float


@dataclass(frozen=True)
class Scene:
    """Everything a picture needs; `room` is None out of doors."""

    room_type: str
    seed: int
    room: Room | None
    items: tuple[Item, ...]
    camera: Camera
    sun: Sun
    window_light: RGB = (10.2, 10.2, 10.3)
    ground_m: float = -0.5
    notes: tuple[str, ...] = field(default=())


def without_furniture(scene: Scene) -> Scene:
    """Return the same room, camera and light with only what belongs to the building."""
    return replace(scene, items=tuple(item for item in scene.items if item.fixed))


def rotate(yaw_deg: float, x: float, z: float) -> tuple[float, float]:
    """Turn (x, z) about the y axis; a yaw of 90 turns +z to +x."""
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    return c * x + s * z, c * z - s * x


def item_to_world(item: Item) -> NDArray[np.float64]:
    """Return the 4x4 matrix from the item's coordinates to the world's."""
    matrix = np.eye(4)
    c, s = math.cos(math.radians(item.yaw_deg)), math.sin(math.radians(item.yaw_deg))
    matrix[0, :3] = c, 0, s
    matrix[2, :3] = -s, 0, c
    matrix[:3, 3] = item.position
    return matrix
