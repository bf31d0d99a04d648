"""A cleared room shows its own floor and walls, and is otherwise the photo, bit for bit."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.clear import Gone, clear_room
from serving.staging.masks.shapes import widen
from tests.drawn_box import draw_box, put

BOX = draw_box()
ROWS, COLUMNS = slice(150, 232), slice(120, 230)  # across the line of floor and wall


def thing() -> tuple[Image, NDArray[np.uint8], NDArray[np.bool_]]:
    photo, ids = put(BOX, ROWS, COLUMNS, "sofa")
    mask = np.zeros(ids.shape, bool)
    mask[ROWS, COLUMNS] = True
    return photo, ids, widen(mask, 3)


def psnr(made: Image, truth: Image, where: NDArray[np.bool_]) -> float:
    apart = made[where].astype(float) - truth[where]
    return float(10 * np.log10(255**2 / max((apart**2).mean(), 1e-6)))


def test_what_was_behind_comes_back_better_than_what_opencv_paints() -> None:
    photo, ids, mask = thing()
    made = clear_room(photo, Gone(mask), ids, BOX.room)
    telea = np.asarray(cv2.inpaint(photo, mask.astype(np.uint8), 5, cv2.INPAINT_TELEA), np.uint8)
    assert psnr(made.photo, BOX.photo, mask) > psnr(telea, BOX.photo, mask) + 6
    assert made.guessed == 0


def test_boards_go_on_in_their_own_direction() -> None:
    photo, ids, mask = thing()
    made = clear_room(photo, Gone(mask), ids, BOX.room).photo
    inner = ~widen(~(mask & BOX.seen.on("floor")), 6)
    likeness = np.corrcoef(made[inner].mean(axis=1), BOX.photo[inner].mean(axis=1))[0, 1]
    assert likeness > 0.6


def test_the_edge_of_floor_and_wall_stays_an_edge() -> None:
    photo, ids, mask = thing()
    made = clear_room(photo, Gone(mask), ids, BOX.room).photo
    for face in ("floor", "front"):
        inner = ~widen(~(mask & BOX.seen.on(face)), 3)
        assert made[inner].mean() == pytest.approx(BOX.photo[inner].mean(), abs=8)


def test_a_patch_of_sun_is_not_copied_over_the_floor() -> None:
    large = draw_box(board_m=0.1, darker=8)
    photo, ids = put(large, ROWS, COLUMNS, "sofa")
    sun = large.seen.on("floor") & (abs(large.seen.points - (1.6, 0, -3.0)).max(axis=2) < 0.35)
    photo[sun & (ids != CLASSES.index("sofa"))] = 250
    mask = widen(ids == CLASSES.index("sofa"), 3)
    made = clear_room(photo, Gone(mask), ids, large.room).photo
    inner = ~widen(~(mask & large.seen.on("floor")), 10)
    assert sun.any()
    assert np.quantile(made[inner].mean(axis=1), 0.99) < 160


def test_a_lamp_that_the_map_calls_wall_leaves_no_trace_in_the_fill() -> None:
    photo, ids, mask = thing()
    photo[120:147, 160:170] = (60, 50, 40)
    made = clear_room(photo, Gone(mask), ids, BOX.room).photo
    inner = ~widen(~(mask & BOX.seen.on("front")), 3)
    assert abs(made[inner].astype(int) - BOX.photo[inner]).mean() < 6


@settings(max_examples=8, deadline=None)
@given(
    top=st.integers(0, 200), left=st.integers(0, 300), rows=st.integers(1, 120),
    columns=st.integers(1, 200), shaded=st.booleans(),
)  # fmt: skip
def test_no_pixel_outside_of_the_mask_is_changed(
    top: int, left: int, rows: int, columns: int, shaded: bool
) -> None:
    mask = np.zeros(BOX.ids.shape, bool)
    mask[top : top + rows, left : left + columns] = True
    shadow = (widen(mask, 9) & ~mask).astype(np.float32) if shaded else None
    made = clear_room(BOX.photo, Gone(mask, shadow), BOX.ids, BOX.room)
    allowed = mask if shadow is None else mask | (shadow > 0)
    assert (made.photo[~made.changed] == BOX.photo[~made.changed]).all()
    assert not (made.changed & ~allowed).any()


def test_a_large_photo_is_changed_only_in_its_mask() -> None:
    large = draw_box((1000, 1500))
    mask = np.zeros(large.ids.shape, bool)
    mask[500:800, 500:1000] = True
    made = clear_room(large.photo, Gone(mask), large.ids, large.room)
    assert (made.photo[~mask] == large.photo[~mask]).all()
    assert made.share == pytest.approx(mask.mean())


def test_a_shadow_becomes_lighter_without_a_new_hue() -> None:
    photo, ids, mask = thing()
    shadow = (widen(mask, 10) & ~mask & BOX.seen.on("floor")).astype(np.float32)
    dark = photo.copy()
    dark[shadow > 0] = (dark[shadow > 0] * 0.7).astype(np.uint8)
    made = clear_room(dark, Gone(mask, shadow), ids, BOX.room).photo
    inside = ~widen(~(shadow > 0), 2)
    was, now = (abs(one[inside].astype(float) - BOX.photo[inside]).mean() for one in (dark, made))
    assert now < 0.6 * was
    ratio = made[inside].mean(axis=0) / dark[inside].mean(axis=0)
    assert np.ptp(ratio) < 0.05


def test_the_same_comes_out_twice_and_another_seed_differs_by_grain_only() -> None:
    photo, ids, mask = thing()
    noisy = photo + np.random.default_rng(3).integers(0, 6, photo.shape).astype(np.uint8)
    first, second, other = (
        clear_room(noisy, Gone(mask), ids, BOX.room, seed=seed).photo for seed in (0, 0, 1)
    )
    assert (first == second).all()
    assert 0 < abs(first.astype(int) - other).mean() < 4


def test_an_inpainter_adds_to_the_fill_and_only_there() -> None:
    photo, ids, mask = thing()

    def brighter(
        fill: Image, mask: NDArray[np.bool_], faces: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        assert faces.shape == mask.shape == fill.shape[:2]
        return np.full(fill.shape, 10, np.float32)

    plain = clear_room(photo, Gone(mask), ids, BOX.room).photo.astype(int)
    made = clear_room(photo, Gone(mask), ids, BOX.room, inpainter=brighter).photo.astype(int)
    assert (made[~mask] == plain[~mask]).all()
    assert (made - plain)[~widen(~mask, 3)].mean() == pytest.approx(10, abs=0.5)


def test_a_wall_that_is_nowhere_seen_is_guessed_and_said_to_be() -> None:
    made = clear_room(BOX.photo, Gone(BOX.seen.on("front")), BOX.ids, BOX.room)
    assert made.guessed == pytest.approx(1.0)


def test_nothing_to_clear_leaves_the_photo() -> None:
    made = clear_room(BOX.photo, Gone(np.zeros(BOX.ids.shape, bool)), BOX.ids, BOX.room)
    assert (made.photo == BOX.photo).all()
    assert made.share == 0


@pytest.mark.parametrize("shape", [(5, 5), (240, 359)])
def test_a_mask_of_another_size_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match="mask"):
        clear_room(BOX.photo, Gone(np.zeros(shape, bool)), BOX.ids, BOX.room)


def test_a_mask_that_covers_everything_is_refused() -> None:
    with pytest.raises(BadInput, match="whole"):
        clear_room(BOX.photo, Gone(np.ones(BOX.ids.shape, bool)), BOX.ids, BOX.room)
