import numpy as np
import pandas as pd
import pytest

from serving.image import Image
from training.upscaler.samples import WAYS, Draw, Way, compress, shrink, spread


def slope(height: int = 200, width: int = 300) -> Image:
    rows, columns = np.mgrid[:height, :width]
    planes = rows * 255 / height, columns * 255 / width, (rows + columns) * 255 / (height + width)
    return np.stack(planes, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("way", WAYS)
def test_half_the_side_shows_the_same_in_every_way(way: Way) -> None:
    photo = slope()
    small = shrink(photo, way)
    assert small.shape == (100, 150, 3)
    mean = photo.reshape(100, 2, 150, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - mean).max() <= 3, "no shift of half a pixel"


def test_a_jpeg_leaves_its_marks() -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert np.abs(compress(noisy, 60).astype(int) - noisy).mean() > 5
    assert np.abs(compress(slope(), 95).astype(int) - slope()).mean() < 3


@pytest.mark.parametrize("size", [(200, 300), (40, 500), (30, 20)], ids=str)
def test_crops_of_any_photo_are_pairs_of_the_same_view(size: tuple[int, int]) -> None:
    draw = Draw(side=24, crops=5, compressed_share=0.0, least_quality=70, least_scale=0.6)
    small, large = draw.pairs(slope(*size), np.random.default_rng(1))
    assert small.shape == (5, 24, 24, 3)
    assert large.shape == (5, 48, 48, 3)
    mean = large.reshape(5, 24, 2, 24, 2, 3).mean(axis=(2, 4))
    assert np.abs(small - mean).mean() < 2


def test_the_same_seed_draws_the_same_crops() -> None:
    draw = Draw(side=16, crops=2, compressed_share=0.5, least_quality=70, least_scale=0.6)
    first, again, other = (
        draw.pairs(slope(), np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_large_photos_are_read_more_often() -> None:
    rows = pd.DataFrame({"uri": ["a", "b"], "width": [448, 2000], "height": [336, 1500]})
    assert spread(rows, 3) == ["a", "b", "b", "b"]
