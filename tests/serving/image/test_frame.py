import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.image.frame import Place, place

SIDES = st.integers(1, 20_000)
WAYS = st.sampled_from(["centred", "top-left", "squeezed"])


@given(SIDES, SIDES, st.integers(32, 640), st.integers(32, 640), WAYS)
def test_the_photo_lies_whole_within_the_frame(
    height: int, width: int, rows: int, columns: int, how: Place
) -> None:
    placed = place((height, width), (rows, columns), how)
    for corner, inner, frame in zip(placed.corner, placed.inner, placed.frame, strict=True):
        assert inner >= 1
        assert 0 <= corner <= corner + inner <= frame
    assert how != "top-left" or placed.corner == (0, 0)
    fills = [a == b for a, b in zip(placed.inner, placed.frame, strict=True)]
    assert all(fills) if how == "squeezed" else any(fills)


@given(SIDES, SIDES, WAYS, st.integers(0, 2**32))
def test_boxes_come_back_to_where_they_were(height: int, width: int, how: Place, seed: int) -> None:
    ends = np.random.default_rng(seed).random((2, 5, 2)) * (width, height)
    boxes = np.concatenate([ends.min(axis=0), ends.max(axis=0)], axis=1).astype(np.float32)
    placed = place((height, width), (416, 416), how)
    again = placed.to_photo(placed.to_frame(boxes))
    np.testing.assert_allclose(again, boxes, atol=max(height, width) * 1e-4)


@pytest.mark.parametrize("how", ["centred", "top-left", "squeezed"])
def test_what_lies_beside_the_photo_is_cut_off(how: Place) -> None:
    placed = place((100, 400), (64, 64), how)
    found = placed.to_photo(np.array([[-9, -9, 99, 99]], np.float32))
    assert found.tolist() == [[0, 0, 400, 100]]


def test_a_thing_is_where_its_box_says() -> None:
    photo = np.full((300, 900, 3), 40, np.uint8)
    photo[100:200, 600:750] = 250
    for how in ("centred", "top-left", "squeezed"):
        placed = place((300, 900), (192, 192), how)
        framed = placed.fill(photo, 114)
        rows, columns = np.nonzero(framed[..., 0] > 200)
        seen = np.array(
            [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32
        )
        expected = np.array([[600, 100, 750, 200]])
        np.testing.assert_allclose(placed.to_photo(seen), expected, atol=900 / 192)


def test_the_rest_of_the_frame_is_padding() -> None:
    framed = place((10, 100), (50, 50), "centred").fill(np.zeros((10, 100, 3), np.uint8), 114)
    assert (framed[:22] == 114).all()
    assert (framed[23:27] == 0).all()
    assert (framed[28:] == 114).all()
