from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates, spline_filter

from serving.video.draw.camera import draw_view, place_window, plan_windows, view_matrix
from serving.video.draw.crop import MOST_PIXELS, choose_ratio, cut_part, prepare_photo
from serving.video.draw.yuv import empty_planes, make_planes
from serving.video.film import Motion, View
from tests.serving.video.pictures import error, texture

unit = st.floats(0, 1)
views = st.builds(View, unit, unit, st.floats(0.01, 1))
sides = st.integers(1, 6000)
sizes = st.tuples(sides, sides)
curves = st.lists(st.tuples(st.floats(0.01, 0.99), unit), max_size=5).map(
    lambda points: (
        (0.0, 0.0),
        *sorted(dict(points).items()),
        (1.0, 1.0),
    )
)


def monotone(curve: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    times, values = [t for t, _ in curve], sorted(v for _, v in curve)
    return tuple(zip(times, values, strict=True))


@given(views, views, curves.map(monotone), sizes, sizes, st.integers(1, 50))
def test_the_camera_never_sees_past_an_edge(
    start: View,
    end: View,
    curve: tuple[tuple[float, float], ...],
    photo: tuple[int, int],
    frame: tuple[int, int],
    frames: int,
) -> None:
    windows = plan_windows(Motion(start, end, curve), frames, photo, frame)
    assert windows.shape == (frames, 4)
    assert (windows[:, :2] >= 0).all()
    assert (windows[:, :2] + windows[:, 2:] <= 1 + 1e-12).all()
    shapes = windows[:, 2] * photo[0] / (windows[:, 3] * photo[1])
    assert np.allclose(shapes, frame[0] / frame[1])


def test_a_zoom_looks_even_and_points_go_along_straight_lines() -> None:
    motion = Motion(View(0.5, 0.5, 1.0), View(0.3, 0.4, 0.5))
    windows = plan_windows(motion, 11, (1600, 900), (160, 90))
    ratios = [b / a for a, b in pairwise(windows[:, 2])]
    assert np.allclose(ratios, ratios[0])
    spot = (0.25 - windows[:, 0]) / windows[:, 2], (0.25 - windows[:, 1]) / windows[:, 3]
    way = np.stack(spot, axis=1) - np.stack(spot, axis=1)[0]
    assert np.allclose(way[:, 0] * way[-1, 1], way[:, 1] * way[-1, 0], atol=1e-9)


def test_a_curve_slows_and_keeps_the_ends() -> None:
    ends = (View(0.3, 0.5, 0.5), View(0.7, 0.5, 0.5))
    straight = plan_windows(Motion(*ends), 9, (100, 100), (100, 100))
    eased = plan_windows(Motion(*ends, ((0, 0), (0.5, 0.1), (1, 1))), 9, (100, 100), (100, 100))
    assert np.allclose(straight[[0, -1]], eased[[0, -1]])
    assert eased[4, 0] == pytest.approx(0.05 + 0.1 * 0.4)


def test_the_whole_photo_at_its_own_size_is_the_photo() -> None:
    photo = texture(90, 160, sigma=3)
    windows = plan_windows(Motion(View(0.5, 0.5, 1), View(0.5, 0.5, 1)), 2, (160, 90), (160, 90))
    prepared = prepare_photo(*cut_part(photo, windows, (160, 90)))
    out = empty_planes(160, 90)
    draw_view(prepared, windows[0], out)
    truth = make_planes(photo)
    assert error(out, truth) < 1
    assert np.abs(out.u.astype(int) - truth.u).mean() < 4  # ours lies half a pixel further left


def test_chroma_moves_with_luma() -> None:
    """A step from dark grey to red lies at the same place in all planes."""
    photo = np.full((60, 120, 3), 60, np.uint8)
    photo[:, 47:] = (220, 30, 30)
    windows = np.array([[0.2, 0.2, 0.5, 0.5]])
    prepared = prepare_photo(*cut_part(photo, windows, (120, 60)))
    out = empty_planes(120, 60)
    draw_view(prepared, windows[0], out)
    expected = (47 - 0.2 * 120) / (0.5 * 120) * 120

    def edge(row: np.ndarray) -> float:
        values = row.astype(float)
        return float(np.interp((values[0] + values[-1]) / 2, values, np.arange(len(values))))

    assert edge(out.y[30]) + 0.5 == pytest.approx(expected, abs=0.3)
    # left-sited: a chroma sample lies on its first luma pixel
    assert 2 * edge(out.v[15]) + 0.5 == pytest.approx(expected, abs=0.6)


def test_motion_is_smooth_to_a_hundredth_of_a_pixel() -> None:
    """Against what an exact filter shows at the planned place, least squares on the gradient."""
    photo = texture(300, 480, sigma=2.0)
    motion = Motion(View(0.4, 0.45, 0.8), View(0.55, 0.55, 0.7))
    windows = plan_windows(motion, 24, (480, 300), (320, 200))
    prepared = prepare_photo(*cut_part(photo, windows, (320, 200)))
    spline = spline_filter(prepared.planes.y.astype(np.float64))
    errors = []
    for window in windows:
        out = empty_planes(320, 200)
        draw_view(prepared, window, out)
        matrix = view_matrix(prepared, window, (320, 200))
        rows, columns = np.mgrid[20:180, 20:300].astype(float)
        at = (matrix[1, 1] * rows + matrix[1, 2], matrix[0, 0] * columns + matrix[0, 2])
        ideal = map_coordinates(spline, at, prefilter=False)
        slopes = np.stack([g.ravel() for g in np.gradient(ideal)], axis=1)
        rest = out.y[20:180, 20:300] - ideal
        errors.append(np.linalg.lstsq(slopes, rest.ravel(), rcond=None)[0])
    wobble = np.array(errors) - np.mean(errors, axis=0)
    assert np.sqrt((wobble**2).mean()) < 0.01


def test_a_huge_photo_is_prepared_in_bounded_memory() -> None:
    photo = np.zeros((3000, 4000, 3), np.uint8)
    motion = Motion(View(0.1, 0.1, 0.05), View(0.9, 0.9, 0.05))
    windows = plan_windows(motion, 10, (4000, 3000), (160, 90))
    part, region = cut_part(photo, windows, (160, 90))
    assert part.shape[0] * part.shape[1] <= 1.02 * MOST_PIXELS * 160 * 90
    assert region[0] <= windows[:, 0].min()


def test_only_what_the_camera_sees_is_prepared() -> None:
    windows = np.array([[0.5, 0.5, 0.25, 0.25]])
    part, region = cut_part(texture(200, 400), windows, (1600, 800))
    assert part.shape[1] < 110
    matrix = view_matrix(prepare_photo(part, region), windows[0], (1600, 800))
    assert matrix[0, 2] >= -0.5


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2)])
def test_tiny_photos_are_filmed(size: tuple[int, int]) -> None:
    photo = np.full((size[1], size[0], 3), 200, np.uint8)
    motion = Motion(View(0, 0, 0.3), View(1, 1, 1.0))
    windows = plan_windows(motion, 3, size, (64, 36))
    prepared = prepare_photo(*cut_part(photo, windows, (64, 36)))
    out = empty_planes(64, 36)
    for window in windows:
        draw_view(prepared, window, out)
        assert np.ptp(out.y) == 0


def test_place_window_moves_a_view_inside() -> None:
    left, top, width, height = place_window(View(1, 1, 0.5), (1000, 1000), (160, 90))
    assert left + width == pytest.approx(1)
    assert top + height == pytest.approx(1)


@given(st.integers(200, 8000), st.floats(0.2, 1.0), st.floats(0.7, 1.0))
def test_a_photo_is_scaled_to_what_frames_need_and_hardly_up(
    width: int, widest: float, zoom: float
) -> None:
    windows = np.array([[0, 0, widest, 1.0], [0, 0, widest * zoom, 1.0]])
    ratio = choose_ratio(width, windows, (1920, 1080))
    steps = 2 * ratio * width * windows[:, 2] / 1920
    assert ratio <= 1.35
    assert steps.max() <= 2.6
    native = 2 * width * windows[:, 2] / 1920
    assert steps.min() >= 1.4 or steps.min() >= 0.85 * native.min()
