from collections.abc import Iterable

import numpy as np
import pytest

from synthetic.meshes import mesh_shape
from synthetic.scene import Item, Material, Opening, Room, Wall
from synthetic.shapes import Quad
from synthetic.shell import shell_items

PAINT, TILES = Material((0.9, 0.9, 0.9)), Material((0.1, 0.1, 0.1))
WINDOW = Opening("window", 1.0, 0.9, 1.2, 1.3)
DOOR = Opening("door", 2.6, 0.0, 0.8, 2.0)


def room(*openings: Opening, lower: Material | None = None) -> Room:
    plain = Wall(PAINT)
    back = Wall(PAINT, openings, lower, 1.2 if lower else 0.0)
    return Room((4.0, 2.5, 3.0), (back, plain, plain, plain), PAINT, PAINT, Material())


def area(item: Item, materials: Iterable[Material]) -> float:
    """The area of the flat, full faces of an item, as seen along its z axis."""
    total = 0.0
    for part in item.parts:
        if isinstance(part.shape, Quad) and part.material in materials:
            mesh = mesh_shape(part.shape)
            if abs(mesh.normals[0, 2]) > 0.9:
                total += float(np.prod(np.ptp(mesh.vertices, axis=0)[:2]))
    return total


def test_shell_items_leave_holes_where_windows_and_doors_are() -> None:
    items = {item.name: item for item in shell_items(room(WINDOW, DOOR))}
    holes = 1.2 * 1.3 + 0.8 * 2.0
    assert area(items["wall-back"], [PAINT]) == pytest.approx(4.0 * 2.5 - holes)
    assert {"window-back-0", "door-back-1", "floor", "ceiling"} <= set(items)


def test_shell_items_tile_a_wall_up_to_its_band() -> None:
    back = next(item for item in shell_items(room(lower=TILES)) if item.name == "wall-back")
    assert area(back, [TILES]) == pytest.approx(4.0 * 1.2)
    assert area(back, [PAINT]) == pytest.approx(4.0 * 1.3)


def test_shell_items_belong_to_the_building() -> None:
    assert all(item.fixed for item in shell_items(room(WINDOW)))
