"""A furnished and an emptied view of a room differ by its furniture alone."""

import numpy as np

from synthetic.build import build_scene
from synthetic.raycast.pairs import draw_pair, movable_names


def test_what_hangs_on_walls_and_what_is_built_in_stays() -> None:
    scene = build_scene("living_room", 3, {})
    gone = movable_names(scene)
    left = [item for item in scene.items if item.name not in gone]
    assert all(item.fixed or item.support in ("wall", "ceiling") for item in left)
    assert not any(item.support in gone for item in left)


def test_both_pictures_have_one_exposure() -> None:
    scene = build_scene("bedroom", 5, {})
    pair = draw_pair(scene, {}, (96, 72), 0.02, 1)
    assert pair is not None
    assert pair.movable.any()
    far = ~pair.movable
    apart = np.abs(pair.photo.astype(int) - pair.empty)[far]
    assert np.median(apart) < 12
    assert pair.photo.shape == pair.empty.shape == (72, 96, 3)
