import cv2
import numpy as np
import pytest

from serving.photos.crop.perspective import find_perspective

SIZE = (600, 800)


def corridor(x: float, y: float) -> np.ndarray:
    """A corridor that is looked into: its floor, ceiling and walls end at a door around a point."""
    drawn = np.full((*SIZE, 3), 200, np.uint8)
    point, corners = np.array([x, y]), np.array([[0, 0], [800, 0], [800, 600], [0, 600]])
    ends = np.rint(point + 0.15 * (corners - point)).astype(np.int32)
    for n, grey in enumerate((240, 150, 90, 120)):
        wall = np.stack([corners[n], corners[n - 3], ends[n - 3], ends[n]]).astype(np.int32)
        cv2.fillPoly(drawn, [wall], (grey, grey, grey))
    return drawn


@pytest.mark.parametrize("place", [(400.0, 300.0), (260.0, 240.0), (620.0, 330.0)])
def test_the_point_to_which_a_corridor_runs_is_found(place: tuple[float, float]) -> None:
    found = find_perspective(corridor(*place), SIZE)
    assert found is not None
    np.testing.assert_allclose(found.point, place, atol=12)
    assert found.horizon == found.point[1]
    assert found.support > 0.9


def test_it_is_told_in_pixels_of_the_photo_whatever_was_looked_at() -> None:
    found = find_perspective(corridor(260, 240), (1800, 2400))
    assert found is not None
    np.testing.assert_allclose(found.point, (780, 720), atol=36)


def test_a_wall_seen_straight_on_runs_to_no_point() -> None:
    drawn = np.full((*SIZE, 3), 200, np.uint8)
    for n in range(1, 8):
        cv2.rectangle(drawn, (90 * n, 70 * n), (90 * n + 60, 70 * n + 40), (60, 60, 60), -1)
    assert find_perspective(drawn, SIZE) is None


@pytest.mark.parametrize("shape", [(1, 1), (40, 2), (3, 900), (64, 64)])
def test_a_photo_without_lines_has_none(shape: tuple[int, int]) -> None:
    assert find_perspective(np.full((*shape, 3), 90, np.uint8), shape) is None
