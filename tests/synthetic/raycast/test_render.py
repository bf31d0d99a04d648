"""Views drawn by rays alone: the depth is that of the scene, and every view repeats itself."""

import math

import numpy as np
import pytest

from synthetic.build import build_scene
from synthetic.raycast.cameras import (
    numbers_of,
    rotation_of,
    stand_anywhere,
    stand_in_corner,
)
from synthetic.raycast.lights import Lighting
from synthetic.raycast.rooms import DrawnScene, furniture_of, to_millimetres
from synthetic.raycast.suite import join_rooms
from synthetic.raycast.variation import Indoors, View, draw_lighting, draw_stretch, thin_out
from synthetic.scene import Camera
from synthetic.views import pixel_rays

RNG = np.random.default_rng


def test_an_untilted_view_looks_where_the_level_camera_does() -> None:
    camera = Camera((1.0, 1.4, 2.0), yaw_deg=37.0, hfov_deg=70.0, rise=-0.04)
    expected = pixel_rays(camera, 8, 6).reshape(-1, 3)
    np.testing.assert_allclose(View(camera).rays(8, 6), expected, atol=1e-6)


def test_a_view_that_is_pitched_up_looks_up_and_keeps_its_depth_along_the_axis() -> None:
    camera = Camera((0.0, 1.0, 0.0), yaw_deg=0.0, hfov_deg=60.0)
    level, up = View(camera).rays(9, 9), View(camera, pitch_deg=10.0).rays(9, 9)
    assert up[40, 1] == pytest.approx(np.sin(np.radians(10)), abs=1e-3)
    axis = np.array([0, np.sin(np.radians(10)), np.cos(np.radians(10))])
    np.testing.assert_allclose(up @ axis, level[:, 2], atol=1e-5)


def test_what_stood_on_a_thing_that_is_taken_away_goes_too() -> None:
    scene = build_scene("living_room", 3, catalogue={})
    for seed in range(12):
        names = {item.name for item in thin_out(scene, RNG(seed)).items}
        assert all(
            item.support in names
            for item in scene.items
            if item.name in names and item.support not in ("floor", "wall", "ceiling")
        )


def test_rooms_are_joined_by_a_passage_that_nothing_stands_in() -> None:
    for seed in range(8):
        first = build_scene("office", seed, catalogue={})
        joined = join_rooms(first, build_scene("kitchen", seed + 50, catalogue={}), RNG(seed))
        assert joined.room is not None
        holes = [hole for wall in joined.room.walls for hole in wall.openings]
        assert [hole.kind for hole in holes].count("passage") == 1
        floors = [item.name for item in joined.items if item.category == "floor"]
        assert floors == ["beyond-floor"]


def test_a_scene_out_of_doors_is_joined_to_nothing() -> None:
    outside = build_scene("exterior", 1, catalogue={})
    assert join_rooms(outside, build_scene("office", 1, catalogue={}), RNG(0)) is outside


def test_parts_share_neither_furniture_nor_seeds() -> None:
    models = dict.fromkeys("abcdefg")
    learned, unseen = furniture_of(models, "learned"), furniture_of(models, "unseen")  # type: ignore[arg-type]
    assert not learned.keys() & unseen.keys()
    assert learned.keys() | unseen.keys() == models.keys()
    seeds = {DrawnScene("learned", n).seed for n in range(50)}
    assert not seeds & {DrawnScene("unseen", n).seed for n in range(50)}


def test_millimetres_end_at_sixteen_bits() -> None:
    depth = np.array([[0.5, 65.0, np.inf]], np.float32)
    assert to_millimetres(depth).tolist() == [[500, 65000, 65535]]


def test_there_is_always_some_light() -> None:
    panes, size = np.zeros((0, 3, 3), np.float32), np.array([4, 2.5, 4], np.float32)
    for seed in range(40):
        light: Lighting = draw_lighting(panes, size, False, RNG(seed))
        assert light.sky_light.any()
        assert bool(light.lamps.size) == bool(light.lamp_light.any())


def test_proportions_stay_those_of_homes() -> None:
    drawn = np.array([draw_stretch(RNG(seed)) for seed in range(200)])
    assert drawn.min() > 0.7
    assert drawn.max() < 1.7


def test_a_view_repeats_itself_and_its_walls_are_flat() -> None:
    pytest.importorskip("embreex", reason="embreex is not installed")
    from training.depth.scores import flatness

    first, again = (next(iter(DrawnScene("learned", 4, 1).draw({}))) for _ in range(2))
    np.testing.assert_array_equal(first.photo, again.photo)
    np.testing.assert_array_equal(first.depth_m, again.depth_m)
    assert np.isfinite(first.depth_m).all()
    assert 20 < first.photo.mean() < 240
    assert flatness(first.depth_m, first.planes) < 1e-3


def test_a_centre_that_is_shifted_moves_the_picture_and_nothing_else() -> None:
    camera = Camera((1.0, 1.4, 2.0), yaw_deg=37.0, hfov_deg=70.0)
    plain, moved = View(camera).rays(10, 8), View(camera, shift=0.2).rays(10, 8)
    across = plain.reshape(8, 10, 3), moved.reshape(8, 10, 3)
    np.testing.assert_allclose(across[1][:, 2:], across[0][:, :-2], atol=1e-6)


@pytest.mark.parametrize("stand", [stand_in_corner, stand_anywhere])
def test_a_cameras_rotation_brings_its_rays_to_their_pixels(stand: Indoors) -> None:
    view = stand(np.array([4.0, 2.5, 5.0], np.float32), RNG(3))
    width, height = 12, 8
    seen = view.rays(width, height) @ rotation_of(view).T
    focal = width / 2 / math.tan(math.radians(view.camera.hfov_deg) / 2)
    pixels = seen[:, :2] / seen[:, 2:] * focal
    centre = width * (0.5 + view.shift), height * (0.5 + view.camera.rise)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    np.testing.assert_allclose(pixels[:, 0] + centre[0], x.ravel(), atol=1e-4)
    np.testing.assert_allclose(pixels[:, 1] + centre[1], y.ravel(), atol=1e-4)


def test_scenes_out_of_doors_are_not_numbered() -> None:
    assert {DrawnScene("unseen", n).kind for n in numbers_of(40)}.isdisjoint({"exterior"})
