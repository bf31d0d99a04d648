from collections.abc import Callable

import numpy as np
import pytest

from serving.image import Image
from training.photo_quality import degrade
from training.photo_quality.samples import ORDER, Sample, draw, draw_light
from training.photo_quality.severity import amount_of, severity_of

KINDS = [kind for kind in ORDER if kind != "motion"]


@pytest.fixture(scope="module")
def photo() -> Image:
    rng = np.random.default_rng(1)
    coarse = rng.integers(40, 220, (30, 40, 3)).astype(np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("severity", [0.1, 0.4, 0.8])
def test_amount_of_is_the_inverse_of_severity_of(kind: str, severity: float) -> None:
    assert severity_of(kind, amount_of(kind, severity)) == pytest.approx(severity, abs=0.02)


@pytest.mark.parametrize("kind", ORDER)
def test_a_larger_severity_changes_a_photo_more(photo: Image, kind: str) -> None:
    changed = []
    for severity in (0.15, 0.45, 0.75):
        sample = Sample(photo)
        sample.apply(kind, severity, np.random.default_rng(7))
        assert sample.photo.shape == photo.shape
        changed.append(float(np.abs(sample.photo.astype(float) - photo).mean()))
    assert changed == sorted(changed)
    assert changed[0] > 0


@pytest.mark.parametrize("make", [degrade.underexpose, degrade.overexpose])
@pytest.mark.parametrize("seed", range(6))
def test_exposure_moves_mid_grey_by_its_stops(
    make: Callable[[Image, float, np.random.Generator], Image], seed: int
) -> None:
    grey = np.full((8, 8, 3), round(0.46 * 255), np.uint8)
    moved = make(grey, 1.0, np.random.default_rng(seed))
    stops = 2.2 * np.log2(moved.mean() / grey.mean())
    assert abs(stops) == pytest.approx(1.0, abs=0.05)


def test_a_disc_smaller_than_a_pixel_leaves_the_photo() -> None:
    assert degrade._disc(0.05).max() > 0.9


def test_turn_leaves_no_corner_empty() -> None:
    white = np.full((300, 400, 3), 255, np.uint8)
    for degrees in (-7.0, 3.0):
        assert degrade.turn(white, degrees).min() == 255


def test_draw_is_the_same_for_the_same_seed(photo: Image) -> None:
    one, other = (draw(photo, 0.1, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.photo, other.photo)
    assert one.targets == other.targets


def test_draw_leaves_its_photo_as_it_was(photo: Image) -> None:
    before = photo.copy()
    for seed in range(30):
        draw(photo, 0.0, np.random.default_rng(seed))
        draw_light(photo, np.random.default_rng(seed))
    assert np.array_equal(photo, before)
