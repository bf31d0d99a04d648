from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.loop.corruptions import CORRUPTIONS
from training.room_classifier.augmentation import Augmentation, augment

PHOTO = np.random.default_rng(0).integers(0, 255, (90, 130, 3), dtype=np.uint8)
ALWAYS = Augmentation(
    low_resolution=1, jpeg=1, quarter_turn=1, blur=1, sharpen=1, light=1, grey=1, noise=1
)
NEVER = Augmentation(
    min_area=1, max_stretch=1, low_resolution=0, jpeg=0, quarter_turn=0, blur=0, sharpen=0,
    light=0, grey=0, noise=0,
)  # fmt: skip


@given(st.integers(17, 200), st.integers(17, 200), st.integers(0, 2**32))
def test_augment_gives_the_models_size_whatever_comes(height: int, width: int, seed: int) -> None:
    photo = np.full((height, width, 3), 120, np.uint8)
    varied = augment(photo, 32, ALWAYS, np.random.default_rng(seed))
    assert varied.shape == (32, 32, 3)
    assert varied.dtype == np.uint8


def test_augment_repeats_itself_from_the_same_seed_and_leaves_the_photo_alone() -> None:
    before = PHOTO.copy()
    first, second = (augment(PHOTO, 64, ALWAYS, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(PHOTO, before)
    assert not np.array_equal(first, augment(PHOTO, 64, ALWAYS, np.random.default_rng(8)))


def test_augment_told_to_do_nothing_only_resizes_and_mirrors() -> None:
    grey = np.full((80, 80, 3), 77, np.uint8)
    assert np.array_equal(augment(grey, 40, NEVER, np.random.default_rng(0)), grey[:40, :40])


def test_low_resolution_takes_the_detail_that_would_give_the_source_away() -> None:
    how = replace(NEVER, low_resolution=1, resolution_px=(20, 20))
    blurred = augment(PHOTO, 64, how, np.random.default_rng(0)).astype(float)
    sharp = augment(PHOTO, 64, NEVER, np.random.default_rng(0)).astype(float)
    assert np.abs(np.diff(blurred, axis=1)).mean() < 0.5 * np.abs(np.diff(sharp, axis=1)).mean()


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_corruptions_are_deterministic_and_keep_the_pixels_format(name: str) -> None:
    first, second = CORRUPTIONS[name](PHOTO), CORRUPTIONS[name](PHOTO)
    assert np.array_equal(first, second)
    assert first.dtype == np.uint8
    assert first.size == PHOTO.size
    assert not np.array_equal(first, PHOTO)
