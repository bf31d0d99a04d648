import numpy as np
import pytest

from serving.perception.classes import CLASSES
from training.segmenter.annotated import to_truth
from training.segmenter.scores import (
    IGNORED,
    boundary_f,
    confusion,
    overlap,
    part_overlaps,
    pixel_accuracy,
)

WALL, FLOOR, BED, SOFA = (CLASSES.index(name) for name in ("wall", "floor", "bed", "sofa"))


def test_furniture_called_other_furniture_is_wrong_as_a_pixel_and_right_as_a_part() -> None:
    truth = np.array([[BED, BED, WALL, IGNORED]], np.uint8)
    counts = confusion(truth, np.array([[SOFA, BED, WALL, FLOOR]], np.uint8))
    assert pixel_accuracy(counts) == pytest.approx(2 / 3)
    assert overlap(counts, ("bed",)) == pytest.approx(1 / 2)
    parts = part_overlaps(counts)
    assert parts["furniture"] == parts["wall"] == parts["miou"] == 1
    assert np.isnan(parts["floor"]), "what neither shows is not counted"


@pytest.mark.parametrize(("off_px", "expected"), [(0, 1.0), (2, 1.0), (4, 0.0)])
def test_a_border_counts_within_two_pixels(off_px: int, expected: float) -> None:
    truth = np.full((60, 60), WALL, np.uint8)
    truth[30:] = FLOOR
    found = np.roll(truth, off_px, axis=0)
    found[:off_px] = WALL
    assert boundary_f(truth, found, ("floor",)) == pytest.approx(expected)


def test_a_border_that_is_nowhere_has_no_measure() -> None:
    wall = np.full((9, 9), WALL, np.uint8)
    assert np.isnan(boundary_f(wall, wall, ("floor",)))


def test_what_people_left_is_ignored_and_what_we_have_no_class_for_is_other() -> None:
    mask = np.array([[[10, 2, 1], [10, 2, 9], [0, 0, 0], [0, 7, 3]]], np.uint8)
    assert to_truth(mask, {258: "bed", 7: "ghost"}).tolist() == [[BED, BED, IGNORED, 0]]
