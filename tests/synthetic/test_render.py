from dataclasses import replace

import numpy as np
import pytest

from synthetic.catalogue import Catalogue
from synthetic.render import render, trace_truth
from synthetic.scene import (
    CATEGORIES,
    Camera,
    Item,
    Material,
    Opening,
    Part,
    Room,
    Scene,
    Sun,
    Wall,
    without_furniture,
)
from synthetic.shapes import Box
from synthetic.views import intrinsics

pytest.importorskip("mitsuba", reason="mitsuba is not installed")

SIZE = (48, 32)
PAINT = Material((0.8, 0.8, 0.8), roughness=1.0)
RED = Material((0.8, 0.05, 0.05), roughness=1.0)
CRATE = Item(
    "crate",
    "table",
    (0.8, 0.8, 0.6),
    (2.0, 0.0, 1.2),
    parts=(Part(Box((0, 0, 0), (0.8, 0.8, 0.6), 0.0), RED),),
)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A room of 4 x 2.5 x 5 m with a red crate, seen from 4 m off the back wall."""
    plain = Wall(PAINT)
    left = Wall(PAINT, (Opening("window", 3.0, 0.8, 1.2, 1.3),))
    room = Room((4.0, 2.5, 5.0), (plain, plain, plain, left), PAINT, PAINT, PAINT, cornice=False)
    camera = Camera((2.0, 1.2, 4.0), yaw_deg=180.0, hfov_deg=70.0, rise=-0.08)
    return Scene("office", 0, room, (CRATE,), camera, Sun(-70.0, 40.0, 10.0))


def test_trace_truth_measures_the_back_wall_and_its_normal(scene: Scene) -> None:
    truth = trace_truth(scene, {}, SIZE)
    names = ["", "floor", "ceiling", "wall-back"]
    wall = truth.instances == names.index("wall-back")
    far = truth.depth_m > 3.99
    assert (wall & far).sum() > 50
    np.testing.assert_allclose(truth.depth_m[wall & far], 4.0, atol=1e-4)
    np.testing.assert_allclose(
        truth.normals[wall & far], [[0, 0, 1]] * (wall & far).sum(), atol=1e-4
    )


def test_trace_truth_finds_the_crate_where_it_projects_to(scene: Scene) -> None:
    truth = trace_truth(scene, {}, SIZE)
    focal = intrinsics(scene.camera, *SIZE)
    front = 4.0 - (1.2 + 0.3)
    left, right = (focal[0, 2] + focal[0, 0] * x / front for x in (-0.4, 0.4))
    top, bottom = (focal[1, 2] + focal[1, 1] * y / front for y in (1.2 - 0.8, 1.2))
    crate = truth.instances == truth.instances.max()
    face = crate & np.isclose(truth.depth_m, front, atol=1e-4)
    rows, columns = np.nonzero(face)
    assert columns.min() == np.ceil(left - 0.5)
    assert columns.max() == np.floor(right - 0.5)
    assert rows.min() == np.ceil(top - 0.5)
    assert rows.max() == min(SIZE[1] - 1, np.floor(bottom - 0.5))


def test_render_shows_the_photo_the_truth_speaks_of(scene: Scene) -> None:
    rendered = render(scene, {}, SIZE, samples=8)
    assert rendered.photo.shape == (32, 48, 3)
    assert rendered.photo.dtype == np.uint8
    photo = rendered.photo.astype(int)
    reddish = photo[..., 0] - photo[..., 1] > 60
    crate = rendered.classes == CATEGORIES.index("table")
    assert (reddish & crate).sum() / (reddish | crate).sum() > 0.85
    assert rendered.names[-1] == "crate"
    assert {"wall", "floor", "window"} <= {CATEGORIES[k] for k in np.unique(rendered.classes)}
    assert 90 < photo[rendered.classes == CATEGORIES.index("wall")].mean() < 240


def test_render_gives_the_same_picture_again(scene: Scene) -> None:
    away = replace(scene.camera, yaw_deg=140.0)
    closed = replace(scene, camera=away, sun=replace(scene.sun, strength=0.0))
    first, again = (render(closed, {}, (24, 16), samples=2).photo for _ in range(2))
    assert np.abs(first.astype(int) - again).max() <= 2


def test_emptying_a_room_changes_no_geometry_but_the_furnitures(scene: Scene) -> None:
    full = trace_truth(scene, {}, SIZE)
    bare = trace_truth(without_furniture(scene), {}, SIZE)
    kept = full.instances != full.instances.max()
    np.testing.assert_array_equal(full.instances[kept], bare.instances[kept])
    np.testing.assert_allclose(full.depth_m[kept], bare.depth_m[kept], rtol=1e-6)
    np.testing.assert_allclose(full.normals[kept], bare.normals[kept], atol=1e-6)
    assert (full.depth_m[~kept] < bare.depth_m[~kept]).all()


@pytest.mark.data
def test_trace_truth_stands_a_catalogue_model_on_the_floor(
    scene: Scene, furniture: Catalogue
) -> None:
    table = furniture["table"]
    item = Item("table", "table", table.size, (2.0, 0.0, 1.5), model="table")
    truth = trace_truth(replace(scene, items=(item,)), furniture, SIZE)
    seen = truth.instances == truth.instances.max()
    assert seen.sum() > 30
    assert truth.depth_m[seen].min() > 4.0 - 1.5 - table.size[2] / 2 - 0.01
    assert truth.depth_m[seen].max() < 4.0 - 1.5 + table.size[2] / 2 + 0.01
