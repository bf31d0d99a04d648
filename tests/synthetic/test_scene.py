import numpy as np

from synthetic.build import build_scene
from synthetic.scene import Item, item_to_world, rotate, without_furniture


def test_rotate_turns_forward_to_the_right_hand_axis() -> None:
    np.testing.assert_allclose(rotate(90, 0, 1), (1, 0), atol=1e-12)


def test_item_to_world_agrees_with_rotate() -> None:
    item = Item("chair", "chair", (1, 1, 1), (2.0, 0.5, 3.0), 30.0)
    x, z = rotate(30.0, 0.4, -0.7)
    world = item_to_world(item) @ (0.4, 0.2, -0.7, 1)
    np.testing.assert_allclose(world, (2 + x, 0.7, 3 + z, 1))


def test_without_furniture_keeps_only_what_is_fixed() -> None:
    kitchen = build_scene("kitchen", 1, {})
    bare = without_furniture(kitchen)
    left = {item.category for item in bare.items}
    assert {"oven", "hob", "sink"} <= left
    assert "stool" not in left
    assert bare.room == kitchen.room
    assert bare.camera == kitchen.camera
