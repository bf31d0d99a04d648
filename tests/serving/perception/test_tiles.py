import tracemalloc
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import BadImage, BadInput, ModelFailed
from serving.image import Image
from serving.perception.tiles import Tiling, by_tiles

REACH = 3
LARGEST = Tiling(512, 512, REACH)


def enlarge(tiles: Sequence[Image]) -> list[Image]:
    """Twice the side, each pixel by what lies up to three around it; zeros beyond the tile."""
    kernel = np.arange(49, dtype=np.float32).reshape(7, 7) / 1176
    made = []
    for tile in tiles:
        seen = cv2.filter2D(tile, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
        made.append(np.rint(seen).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1))
    return made


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 70), width=st.integers(1, 70), side=st.integers(2 * REACH + 1, 40),
    wide=st.integers(2 * REACH + 1, 40), margin=st.integers(REACH, 8),
)  # fmt: skip
def test_tiles_give_the_pixels_that_the_whole_photo_gives(
    height: int, width: int, side: int, wide: int, margin: int
) -> None:
    photo = noise(height, width)
    tiling = Tiling(side + 2 * margin, wide + 2 * margin, margin)
    np.testing.assert_array_equal(
        by_tiles(photo, 2, tiling, enlarge), by_tiles(photo, 2, LARGEST, enlarge)
    )


def test_too_small_a_margin_is_seen_where_tiles_meet() -> None:
    """The test above would find a seam."""
    photo = noise(60, 60)
    made = by_tiles(photo, 2, Tiling(20, 20, REACH - 1), enlarge)
    assert (made != by_tiles(photo, 2, LARGEST, enlarge)).any()


def test_all_tiles_of_a_photo_have_one_shape() -> None:
    seen: set[tuple[int, ...]] = set()

    def work(tiles: Sequence[Image]) -> list[Image]:
        seen.update(tile.shape for tile in tiles)
        return enlarge(tiles)

    by_tiles(noise(101, 47), 2, Tiling(32, 40, REACH), work)
    assert seen == {(32, 30, 3)}, "no larger than so many tiles need"


def test_what_is_held_beside_the_picture_does_not_grow_with_the_photo() -> None:
    peaks = []
    for height in (462, 2002):  # whole tiles of 154
        photo = np.zeros((height, 1000, 3), np.uint8)
        tracemalloc.start()
        picture = by_tiles(photo, 2, Tiling(160, 160, REACH), enlarge)
        peaks.append(tracemalloc.get_traced_memory()[1] - picture.nbytes)
        tracemalloc.stop()
    assert max(peaks) < 8_000_000
    assert peaks[1] < 1.2 * peaks[0]


def test_what_is_no_photo_no_tile_or_of_another_size_is_refused() -> None:
    with pytest.raises(BadImage):
        by_tiles(np.zeros((8, 8), np.uint8), 2, LARGEST, enlarge)
    with pytest.raises(BadInput):
        Tiling(16, 16, 8)
    with pytest.raises(ModelFailed):
        by_tiles(noise(8, 8), 4, LARGEST, enlarge)
