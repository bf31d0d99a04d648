import cv2
import numpy as np
import pytest

from serving.photos.quality.tilt import measure_tilt

Luma = np.ndarray


def _room(degrees: float, keystone: float = 0.0) -> Luma:
    """A wall with door and window frames, leaning clockwise; drawn large and averaged."""
    large = np.full((1440, 1920), 190, np.uint8)
    for left in (150, 420, 760, 1130, 1500, 1760):
        cv2.rectangle(large, (left, 180), (left + 130, 1300), 90 + left // 20, -1)
    corners = np.array([[0, 0], [1920, 0], [1920, 1440], [0, 1440]], np.float32)
    inset = np.array([[keystone, 0], [-keystone, 0], [0, 0], [0, 0]], np.float32) * 1920
    converging = cv2.getPerspectiveTransform(corners, corners + inset)
    turn = np.vstack([cv2.getRotationMatrix2D((960, 720), -degrees, 1), [0, 0, 1]])
    leaning = cv2.warpPerspective(
        large, turn @ converging, (1920, 1440), borderMode=cv2.BORDER_REPLICATE
    )
    return cv2.resize(leaning, (640, 480), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("degrees", [-8.0, -2.3, -0.4, 0.0, 1.0, 3.7, 9.0])
def test_measure_tilt_reads_how_far_and_to_which_side(degrees: float) -> None:
    tilt = measure_tilt(_room(degrees))
    assert tilt is not None
    assert tilt.degrees == pytest.approx(degrees, abs=0.15)


def test_measure_tilt_is_not_misled_by_converging_verticals() -> None:
    tilt = measure_tilt(_room(2.0, keystone=0.08))
    assert tilt is not None
    assert tilt.degrees == pytest.approx(2.0, abs=0.3)


def test_measure_tilt_says_nothing_without_verticals() -> None:
    rng = np.random.default_rng(0)
    sky = np.linspace(90, 200, 480)[:, None] + np.zeros((480, 640))
    assert measure_tilt(sky.astype(np.uint8)) is None
    blots = cv2.GaussianBlur(rng.integers(0, 255, (480, 640), np.uint8), (0, 0), 6)
    assert measure_tilt(np.asarray(blots, np.uint8)) is None


def test_measure_tilt_says_nothing_of_a_thumbnail() -> None:
    small = cv2.resize(_room(3.0), (256, 192), interpolation=cv2.INTER_AREA)
    assert measure_tilt(np.asarray(small, np.uint8)) is None
