"""What was done to a small copy, on the photo: nothing else of it is touched."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.staging.carry import carry, work_copy, work_size

RANDOM = np.random.default_rng(0)


def picture(height: int, width: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=30, deadline=None)
@given(height=st.integers(40, 700), width=st.integers(40, 700), pixels=st.integers(2_000, 90_000))
def test_outside_of_the_mask_every_pixel_is_the_photos(
    height: int, width: int, pixels: int
) -> None:
    photo = picture(height, width)
    before = work_copy(photo, pixels)
    assert before.shape[:2] == work_size(height, width, pixels)
    changed = np.zeros(before.shape[:2], bool)
    rows, columns = work_size(height, width, pixels)
    changed[rows // 3 : rows // 2, columns // 4 : columns // 2] = True
    after = np.where(changed[..., None], 255 - before, before)
    made, mask = carry(photo, before, after, changed, changed.astype(np.float32))
    assert (made[~mask] == photo[~mask]).all()
    edge_y, edge_x = 2 * height / rows + 1, 2 * width / columns + 1
    found = np.argwhere(mask)
    assert found[:, 0].min() >= rows // 3 * height / rows - edge_y
    assert found[:, 0].max() <= rows // 2 * height / rows + edge_y
    assert found[:, 1].max() <= columns // 2 * width / columns + edge_x


def test_a_shadow_keeps_the_detail_of_the_floor_and_a_sofa_does_not() -> None:
    photo = np.full((800, 1200, 3), 120, np.uint8)
    photo[::2] += 40  # finer than the copy can show
    before = work_copy(photo, 60_000)
    assert before.std() < 5
    changed = np.ones(before.shape[:2], bool)
    darker, sofa = before // 2, np.full_like(before, 30)
    nothing, all_of_it = (np.full(changed.shape, value, np.float32) for value in (0, 1))
    shaded, _ = carry(photo, before, darker, changed, nothing)
    assert shaded.std() > 15
    assert shaded.mean() < 90
    covered, _ = carry(photo, before, sofa, changed, all_of_it)
    assert (covered == 30).all()


def test_a_photo_that_is_small_enough_is_its_own_copy() -> None:
    photo = picture(60, 90)
    assert work_copy(photo) is photo
    changed = np.zeros((60, 90), bool)
    changed[10:20, 10:20] = True
    after = np.full_like(photo, 7)
    made, mask = carry(photo, photo, after, changed, changed.astype(np.float32))
    assert (made[10:20, 10:20] == 7).all()
    assert (made[~changed] == photo[~changed]).all()
    assert not (mask & ~changed).any()
