import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthetic.build import ROOM_TYPES, build_scene
from synthetic.catalogue import Catalogue
from synthetic.layout import find_faults
from synthetic.palette import choose_palette
from synthetic.scene import CATEGORIES

INDOORS = [room for room in ROOM_TYPES if room != "exterior"]
MUST_SHOW = {
    "bathroom": {"bathtub", "washbasin", "toilet", "mirror"},
    "bedroom": {"bed", "curtain", "lamp"},
    "dining_room": {"table", "chair", "lamp"},
    "exterior": {"house", "door", "window", "tree", "road", "ground"},
    "kitchen": {"hob", "oven", "sink", "refrigerator", "hood", "cabinet"},
    "living_room": {"sofa", "table", "rug"},
    "office": {"desk", "screen", "chair", "shelf"},
    "staircase": {"stairs", "railing"},
}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(room_type=st.sampled_from(INDOORS), seed=st.integers(0, 2**31), furnished=st.booleans())
def test_build_scene_never_puts_two_things_in_one_place(
    catalogue: Catalogue, room_type: str, seed: int, furnished: bool
) -> None:
    scene = build_scene(room_type, seed, catalogue if furnished else {})
    assert find_faults(scene) == []


@pytest.mark.parametrize("room_type", ROOM_TYPES)
def test_build_scene_shows_what_makes_the_room_its_type(
    catalogue: Catalogue, room_type: str
) -> None:
    for seed in range(4):
        for models in (catalogue, {}):
            seen = {item.category for item in build_scene(room_type, seed, models).items}
            assert seen >= MUST_SHOW[room_type]
            assert seen <= set(CATEGORIES)


@pytest.mark.parametrize("room_type", ROOM_TYPES)
def test_build_scene_is_a_function_of_its_arguments(catalogue: Catalogue, room_type: str) -> None:
    first = build_scene(room_type, 5, catalogue)
    assert first == build_scene(room_type, 5, catalogue)
    assert first != build_scene(room_type, 6, catalogue)


@pytest.mark.parametrize("room_type", ROOM_TYPES)
def test_build_scene_stands_the_camera_at_a_photographers_height(room_type: str) -> None:
    camera = build_scene(room_type, 2, {}).camera
    assert 1.2 <= camera.position[1] <= 1.7
    assert 60 <= camera.hfov_deg <= 80


def test_build_scene_takes_the_materials_of_the_home() -> None:
    palette = choose_palette(9)
    scene = build_scene("living_room", 1, {}, palette)
    assert scene.room is not None
    assert scene.room.floor == palette.planks


def test_build_scene_refuses_a_room_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="ballroom"):
        build_scene("ballroom", 1, {})
