import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import BadInput
from serving.photos.crop.crop import Crop, crop_photo, focus_points
from serving.photos.crop.importance import Scene, WeightedBox, make_scene
from serving.photos.crop.perspective import Perspective
from serving.photos.crop.ratios import STANDARD, read_ratio
from serving.photos.crop.windows import judge_windows

RATIOS = tuple(read_ratio(name) for name in STANDARD)


def blob(x: float, y: float, wide: float = 0.2, high: float = 0.3) -> np.ndarray:
    """A salient rectangle in a map of 320x320; its middle and sides in shares."""
    found = np.zeros((320, 320), np.uint8)
    corners = [
        round(320 * edge) for edge in (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    ]
    cv2.rectangle(found, tuple(corners[:2]), tuple(corners[2:]), 255, -1)
    return found


def crop(scene: Scene, ratio: str, least: tuple[int, int] = (1, 1)) -> Crop:
    return crop_photo(scene, [read_ratio(ratio)], least).crops[0]


@pytest.mark.parametrize("x", [0.15, 0.4, 0.85])
@pytest.mark.parametrize("ratio", ["1:1", "9:16"])
def test_what_is_salient_is_shown_whole_wherever_it_stands(x: float, ratio: str) -> None:
    scene = make_scene(blob(x, 0.6), (1200, 1600))
    found = crop(scene, ratio)
    left, top, right, bottom = found.box
    assert left <= (x - 0.1) * 1600 + 10
    assert right >= (x + 0.1) * 1600 - 10
    assert top <= 0.45 * 1200 + 10
    assert bottom >= 0.75 * 1200 - 10
    assert found.kept > 0.98
    assert not found.cut
    assert found.confidence > 0.9


def test_a_thing_that_was_found_is_not_cut_though_nothing_there_is_salient() -> None:
    nothing = np.zeros((320, 320), np.uint8)
    sofa = WeightedBox((1200, 500, 1590, 900), name="sofa")
    found = crop(make_scene(nothing, (1200, 1600), [sofa]), "9:16")
    assert found.box[0] <= 1200
    assert found.box[2] >= 1590
    assert not found.cut


def test_what_has_to_be_cut_is_named_and_lowers_the_confidence() -> None:
    scene = make_scene(
        np.zeros((320, 320), np.uint8),
        (1200, 1600),
        [WeightedBox((100, 500, 1500, 900), name="sofa")],
    )
    found = crop(scene, "9:16")
    assert found.cut == ("sofa",)
    assert found.confidence < 0.5


def test_a_photo_that_prefers_nothing_is_cropped_in_its_middle() -> None:
    scene = make_scene(np.full((320, 320), 90, np.uint8), (1200, 1600))
    found = crop(scene, "1:1")
    assert abs(found.box[0] - 200) <= 4
    assert found.confidence == 0
    assert focus_points(scene)[0].x == 0.5


def test_a_crop_has_the_size_that_was_asked_where_the_photo_has_it() -> None:
    scene = make_scene(blob(0.5, 0.5, 0.05, 0.05), (1200, 1600))
    assert crop(scene, "1:1", (1100, 1100)).large_enough
    assert crop(scene, "1:1", (1100, 1100)).box[3] >= 1100
    assert not crop(scene, "1:1", (1300, 1300)).large_enough
    assert crop(scene, "1:1", (1300, 1300)).box[3] == 1200


def test_a_vanishing_point_pulls_a_window_to_its_symmetry() -> None:
    even = np.full((320, 320), 90, np.uint8)
    scene = make_scene(even, (1200, 1600), perspective=Perspective((1000.0, 600.0), 0.5))
    left, _, right, _ = crop(scene, "9:16").box
    assert (left + right) / 2 > 860


def test_a_horizon_keeps_its_room() -> None:
    even = np.full((320, 320), 90, np.uint8)
    scene = make_scene(even, (1600, 1000), perspective=Perspective((500.0, 520.0), 0.5))
    _, top, _, bottom = crop(scene, "16:9").box
    assert min(520 - top, bottom - 520) >= 0.1 * (bottom - top)


def test_focus_points_stand_on_what_is_salient_the_heaviest_first() -> None:
    both = np.maximum(blob(0.25, 0.5, 0.2, 0.4), blob(0.8, 0.5, 0.15, 0.2) // 2)
    first, second = focus_points(make_scene(both, (1200, 1600)))[:2]
    assert first.x == pytest.approx(0.25, abs=0.03)
    assert second.x == pytest.approx(0.8, abs=0.03)
    assert first.weight > second.weight


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    seed=st.integers(0, 999),
)
def test_any_photo_has_crops_within_it_of_the_ratio_as_pixels_allow(
    size: tuple[int, int], seed: int
) -> None:
    saliency = np.random.default_rng(seed).integers(0, 256, (16, 16)).astype(np.uint8)
    scene = make_scene(saliency, size)
    answer = crop_photo(scene, RATIOS)
    assert answer == crop_photo(make_scene(saliency, size), RATIOS)
    for ratio, found in zip(RATIOS, answer.crops, strict=True):
        left, top, right, bottom = found.box
        assert 0 <= left < right <= size[1]
        assert 0 <= top < bottom <= size[0]
        across, down = right - left, bottom - top
        assert abs(across - down * ratio.width / ratio.height) <= 1 + ratio.width / ratio.height
        assert 0 <= found.kept <= 1
        assert 0 <= found.confidence <= 1
    assert all(0 <= point.x <= 1 and 0 <= point.y <= 1 for point in answer.focus)


@pytest.mark.parametrize("size", [(1, 1), (100, 1000), (10, 100), (1000, 100), (1, 5000)])
def test_odd_photos_are_cropped(size: tuple[int, int]) -> None:
    scene = make_scene(blob(0.7, 0.5), size)
    for found in crop_photo(scene, RATIOS).crops:
        assert found.box[2] > found.box[0]
        assert found.box[3] > found.box[1]


def test_sums_are_exact_between_cells() -> None:
    scene = Scene((40, 40), np.arange(16.0).reshape(4, 4) / 120)
    windows = judge_windows(scene, 15, 15)
    pixels = np.repeat(np.repeat(scene.map, 10, 0), 10, 1) / 100
    for row, top in enumerate(windows.tops.astype(int)):
        for column, left in enumerate(windows.lefts.astype(int)):
            there = pixels[top : top + 15, left : left + 15].sum()
            assert windows.kept[row, column] == pytest.approx(there)


@pytest.mark.parametrize(
    "text", ["", "1", "0:1", "1:0", "100:1", "1:21", "a:b", "-1:1", "1:1:1", "1e3:1", "１:1"]
)
def test_what_is_no_ratio_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_ratio(text)
