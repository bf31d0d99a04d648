"""New floors and paint: in perspective, to scale, in the light that was there."""

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.staging.masks.shapes import narrow
from serving.staging.room import Camera
from serving.staging.surfaces import Material, lay_floor, paint_walls
from serving.staging.surfaces.floor import floor_of
from tests.drawn_box import draw_box

BOX = draw_box(board_m=0.1, darker=10)
FLOOR = BOX.seen.on("floor")


def checks(side_m: float = 0.5) -> Material:
    tile = np.full((64, 64, 3), 0.1, np.float32)
    tile[:32, :32] = tile[32:, 32:] = 0.6
    return Material(tile, (side_m, side_m))


def plain(albedo: float) -> Material:
    return Material(np.full((8, 8, 3), albedo, np.float32), (1.0, 1.0))


def test_a_pattern_lies_where_the_floor_is_and_to_scale() -> None:
    made = lay_floor(BOX.photo, FLOOR, BOX.room, checks()).photo.mean(axis=2)
    points = BOX.seen.points
    near = narrow(FLOOR, 3) & (points[..., 2] > -3)
    cell = points[..., ::2] % 0.25
    inner = near & (np.minimum(cell, 0.25 - cell).min(axis=2) > 0.05)
    bright = (np.floor(points[..., 0] / 0.25) + np.floor(points[..., 2] / 0.25)) % 2 == 0
    assert made[inner & bright].min() > made[inner & ~bright].max()


def test_far_away_a_pattern_becomes_its_mean_and_no_moire() -> None:
    fine = lay_floor(BOX.photo, FLOOR, BOX.room, checks(0.02)).photo.mean(axis=2)
    inner = narrow(FLOOR, 3) & (BOX.seen.points[..., 2] < -2.5)
    assert fine[inner].std() < 6


def test_light_stays_and_the_old_boards_go() -> None:
    x = np.arange(BOX.photo.shape[1])
    light = np.where(x < 180, 1.0, 0.55)[None, :, None]
    photo = (BOX.photo * light).astype(np.uint8)
    made = lay_floor(photo, FLOOR, BOX.room, plain(0.3)).photo.mean(axis=2).astype(float)
    inner = narrow(FLOOR, 4)
    lit, shaded = made[inner & (x < 165)[None]], made[inner & (x > 195)[None]]
    assert shaded.mean() < 0.75 * lit.mean()
    boards = photo.mean(axis=2)[inner & (x < 165)[None]].std()
    assert lit.std() < 0.8 * boards


def test_what_stands_on_the_floor_is_left() -> None:
    where = FLOOR.copy()
    where[205:230, 150:200] = False
    made = lay_floor(BOX.photo, where, BOX.room, checks())
    assert (made.photo[~where] == BOX.photo[~where]).all()
    assert not made.changed[~where].any()


def test_painted_walls_have_the_colour_and_keep_their_shade() -> None:
    wall = BOX.seen.on("front") | BOX.seen.on("left")
    made = paint_walls(BOX.photo, wall, (0.2, 0.4, 0.6)).photo
    inner = {face: narrow(BOX.seen.on(face), 3) for face in ("front", "left")}
    red, _, blue = made[inner["front"]].mean(axis=0)
    assert blue > red + 30
    assert made[inner["left"]].mean() < made[inner["front"]].mean()
    assert (made[~wall] == BOX.photo[~wall]).all()


def test_what_a_pixel_covers_of_the_floor_grows_with_distance() -> None:
    camera = Camera.level((100, 150), 70, 1.4)
    room = type(BOX.room)(camera, BOX.room.box)
    _, step = floor_of(room, (100, 150))
    column = step[60:, 75]
    assert (np.diff(column) <= 0).all()
    assert np.isnan(step[10, 75])


@pytest.mark.parametrize(
    "tile", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.float32)], ids=["double", "grey"]
)
def test_a_tile_that_is_none_is_refused(tile: NDArray[np.float32]) -> None:
    with pytest.raises(BadInput, match="tile"):
        Material(tile, (1.0, 1.0))


def test_maps_of_another_size_are_refused() -> None:
    with pytest.raises(BadInput):
        paint_walls(BOX.photo, FLOOR[:-1], (0.5, 0.5, 0.5))
