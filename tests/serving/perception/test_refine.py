from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import BadImage, BadInput
from serving.perception.refine import Refinement, refine_mask, refine_values

SIDE = 32


def make_room(height: int, width: int, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """A bright wall above a dark floor, a little noisy; the photo and which is which."""
    random = np.random.default_rng(0)
    truth = np.ones((height, width), np.uint8)
    truth[int(height * edge) :] = 2
    photo = np.where(truth == 1, 200, 80)[..., None] + random.integers(-6, 7, (height, width, 3))
    return photo.astype(np.uint8), truth


def test_a_border_that_is_a_little_off_moves_to_the_edge_in_the_photo() -> None:
    photo, truth = make_room(480, 640, edge=0.52)
    coarse = np.ones((SIDE, SIDE), np.uint8)
    coarse[SIDE // 2 :] = 2  # 10 px above the edge
    refined = refine_mask(coarse, photo)
    stretched = coarse.repeat(15, axis=0).repeat(20, axis=1)
    assert (stretched != truth).mean() > 0.015
    assert (refined != truth).mean() < 0.002


def test_a_flat_photo_keeps_the_map_as_it_is() -> None:
    coarse = np.ones((SIDE, SIDE), np.uint8)
    coarse[:, SIDE // 2 :] = 7
    refined = refine_mask(coarse, np.full((320, 320, 3), 128, np.uint8))
    assert set(np.unique(refined)) == {1, 7}
    assert abs((refined == 7).mean() - 0.5) < 0.01


def test_what_is_too_small_to_refine_is_left_to_its_neighbours() -> None:
    coarse = np.ones((256, 256), np.uint8)
    coarse[3, 3] = 9
    photo = np.full((300, 300, 3), 128, np.uint8)
    assert set(np.unique(refine_mask(coarse, photo, Refinement(least_share=0.001)))) == {1}


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 70), st.integers(1, 70), st.integers(1, 90), st.integers(1, 700), st.integers(0)
)
def test_every_pixel_gets_a_class_of_the_map(
    rows: int, columns: int, height: int, width: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    ids = random.integers(0, 4, (rows, columns), np.uint8)
    photo = random.integers(0, 256, (height, width, 3), np.uint8)
    refined = refine_mask(ids, photo)
    assert refined.shape == (height, width)
    assert set(np.unique(refined)) <= set(np.unique(ids))


def test_rows_of_a_tall_photo_do_not_show_where_they_were_worked_on() -> None:
    photo, truth = make_room(1100, 64, edge=0.5)
    refined = refine_mask(np.array([[1], [2]], np.uint8).repeat(16, 0).repeat(32, 1), photo)
    assert (refined != truth).mean() < 0.002


def test_what_is_no_map_or_no_photo_is_refused() -> None:
    photo = np.zeros((8, 8, 3), np.uint8)
    wrong: list[Any] = [np.zeros((2, 2), np.int64), np.zeros(4, np.uint8), np.zeros((0, 3), "u1")]
    for ids in wrong:
        with pytest.raises(BadInput):
            refine_mask(ids, photo)
    with pytest.raises(BadImage):
        refine_mask(np.zeros((2, 2), np.uint8), photo[..., 0])


def test_a_step_of_measures_moves_to_the_edge_in_the_photo_and_leaves_their_range_alone() -> None:
    photo, truth = make_room(480, 640, edge=0.52)
    coarse = np.full((SIDE, SIDE), 0.2, np.float32)
    coarse[SIDE // 2 :] = 0.9
    refined = refine_values(coarse, photo)
    assert refined.shape == truth.shape
    assert coarse.min() <= refined.min() <= refined.max() <= coarse.max()
    assert ((refined > 0.55) != (truth == 2)).mean() < 0.005
