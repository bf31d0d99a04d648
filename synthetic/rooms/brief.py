"""What every room starts from, and what furnishing it gives."""

from dataclasses import dataclass

import numpy as np

from synthetic.catalogue import Catalogue
from synthetic.decor import make_curtains, make_picture
from synthetic.layout import Plan, at_wall, hang
from synthetic.palette import Palette
from synthetic.scene import Camera, Item, Material, Opening, Room, Side, Sun, Wall


@dataclass(frozen=True)
class Brief:
    """The wish: which furniture there is, the home's materials, and chance."""

    catalogue: Catalogue
    palette: Palette
    rng: np.random.Generator

    def choose(self, count: int) -> int:
        """Draw a number below `count`."""
        return int(self.rng.integers(count))

    def between(self, low: float, high: float) -> float:
        """Draw a length, to the centimetre."""
        return round(float(self.rng.uniform(low, high)), 2)


@dataclass(frozen=True)
class Furnished:
    """The answer: what stands where, where to look from, and the sun."""

    room: Room | None
    items: tuple[Item, ...]
    camera: Camera
    sun: Sun


def plain_room(
    brief: Brief,
    size: tuple[float, float, float],
    openings: dict[Side, tuple[Opening, ...]],
    accent: Side | None = None,
    floor: Material | None = None,
) -> Room:
    """Return a painted room with boards on the floor, one wall perhaps in the accent colour."""
    palette = brief.palette

    def wall(side: Side) -> Wall:
        paint = palette.accent_wall if side == accent else palette.walls
        return Wall(paint, openings.get(side, ()))

    walls = (wall("back"), wall("right"), wall("front"), wall("left"))
    return Room(size, walls, floor or palette.planks, palette.ceiling, palette.trim)


def window(middle_m: float, width_m: float, sill_m: float = 0.85, head_m: float = 2.25) -> Opening:
    """Return a window by the middle of its width and the heights of its edges."""
    return Opening("window", middle_m - width_m / 2, sill_m, width_m, head_m - sill_m)


def door(middle_m: float, width_m: float = 0.86) -> Opening:
    """Return a door by the middle of its width."""
    return Opening("door", middle_m - width_m / 2, 0.0, width_m, 2.06)


def draw_curtains(plan: Plan, side: Side, brief: Brief) -> Plan:
    """Hang curtains at the windows of a wall."""
    for number, hole in enumerate(plan.room.wall(side).openings):
        if hole.kind == "window":
            curtains = make_curtains(
                f"curtains-{side}-{number}", hole, plan.room.size[1], brief.palette
            )
            middle = hole.along_m + hole.width_m / 2
            posed = at_wall(plan.room, side, middle, curtains, 0.05)
            plan = plan.add(posed)
    return plan


def hang_pictures(
    plan: Plan, side: Side, middle_m: float, up_m: float, brief: Brief, count: int = 2
) -> Plan:
    """Hang prints of one size side by side."""
    tall = brief.between(0.6, 0.72)
    wide, gap = round(tall * 0.72, 2), 0.1
    for number in range(count):
        along = middle_m + (number - (count - 1) / 2) * (wide + gap)
        seed = brief.choose(1000)
        picture = make_picture(f"picture-{side}-{number}", wide, tall, brief.palette, seed * 2 + 1)
        plan = plan.add(hang(plan.room, side, along, up_m, picture))
    return plan
