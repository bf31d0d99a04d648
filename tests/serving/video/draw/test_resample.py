import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serving.video.draw.resample import LUMA_OFF, SAMPLING, sample_plane
from serving.video.draw.yuv import Plane
from tests.serving.video.pictures import texture

SOURCE = np.ascontiguousarray(texture(220, 320, sigma=4)[..., 0])


def sample(step: float, x: float, y: float, size: tuple[int, int] = (90, 60)) -> Plane:
    out = np.zeros((size[1], size[0]), np.uint8)
    sample_plane(SOURCE, np.array([[step, 0, x], [0, step, y]]), out)
    return out


def warp(step: float, x: float, y: float, size: tuple[int, int] = (90, 60)) -> Plane:
    matrix = np.array([[step, 0, x], [0, step, y]])
    warped = cv2.warpAffine(SOURCE, matrix, size, flags=SAMPLING, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


@example(0.9948350512026094, 30.0, 67.0)  # as many pixels as the part has, at another scale
@example(0.9970487039210703, 57.0, 2.0)
@example(0.5, 1.75, 63.75)  # the first row lies before the part that is made larger
@example(0.22672842851907216, 15.750923197915018, 6.617766453972908)
@given(st.floats(0.2, 2.4), st.floats(-0.5, 100), st.floats(-0.5, 70))
def test_the_fast_way_shows_what_the_slow_one_does(step: float, x: float, y: float) -> None:
    """Up to what the quantised weights of the slow one and the place allowed for make."""
    difference = np.abs(sample(step, x, y).astype(int) - warp(step, x, y))
    assert difference.mean() < 0.8
    assert difference.max() <= 8


@pytest.mark.parametrize("corner", [(-40.0, -40.0), (300.0, 200.0), (-5.0, 30.0)])
def test_a_window_past_the_edge_repeats_it(corner: tuple[float, float]) -> None:
    assert np.array_equal(sample(1.3, *corner), warp(1.3, *corner))


def test_the_place_is_right_to_a_fraction_of_a_pixel() -> None:
    ramp = np.ascontiguousarray(np.tile(np.arange(256, dtype=np.uint8), (200, 1)))
    for x in np.linspace(3, 60, 23):
        out = np.zeros((50, 40), np.uint8)
        sample_plane(ramp, np.array([[1.37, 0, x], [0, 1.37, 9.1]]), out)
        place = (out.mean(axis=0) - 1.37 * np.arange(40)).mean()
        assert place == pytest.approx(x, abs=LUMA_OFF + 0.1)


def test_threads_do_not_share_room() -> None:
    from concurrent.futures import ThreadPoolExecutor

    steps = [0.7 + 0.01 * n for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda step: sample(step, 10.3, 9.7), steps))
    assert all(
        np.array_equal(a, sample(s, 10.3, 9.7)) for a, s in zip(together, steps, strict=True)
    )
