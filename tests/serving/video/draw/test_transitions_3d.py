import numpy as np
import pytest

from serving.video.draw.blending import shade
from serving.video.draw.transitions import draw_transition
from serving.video.draw.transitions_3d import draw_surroundings
from serving.video.draw.yuv import BLACK_Y, Planes, empty_planes
from serving.video.film import Transition
from tests.serving.video.pictures import planes, same

SIZES = [(320, 180), (180, 320), (162, 90), (16, 16)]


def flat(size: tuple[int, int], yuv: tuple[int, int, int]) -> Planes:
    out = empty_planes(*size)
    for plane, value in zip(out, yuv, strict=True):
        plane.fill(value)
    return out


def surroundings(a: Planes, b: Planes, share: float) -> Planes:
    out = empty_planes(*a.size)
    draw_surroundings(a, b, share, out)
    return out


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("direction", ["left", "right", "up", "down"])
@pytest.mark.parametrize("kind", ["cube", "perspective_push", "page", "fold"])
def test_no_hole_gapes_behind_pictures_that_turn(
    kind: str, direction: str, size: tuple[int, int]
) -> None:
    a, b, out = flat(size, (200, 110, 140)), flat(size, (180, 140, 120)), empty_planes(*size)
    for t in np.linspace(0.1, 0.9, 9):
        draw_transition(Transition(kind, 10, (("direction", direction),)), a, b, float(t), out)
        assert out.y.min() > BLACK_Y + 20


@pytest.mark.parametrize("size", SIZES)
def test_they_are_darker_than_the_pictures_and_go_from_one_to_the_other(
    size: tuple[int, int],
) -> None:
    red, blue = flat(size, (120, 100, 200)), flat(size, (60, 200, 100))
    first, middle, last = (surroundings(red, blue, share) for share in (0.0, 0.5, 1.0))
    assert first.y.max() < 0.6 * red.y.max()
    assert first.v.min() > 128
    assert last.u.min() > 128
    assert last.y.mean() < middle.y.mean() < first.y.mean()


def test_they_are_smooth_and_spare_the_pictures() -> None:
    a, b = planes(180, 320, 1), planes(180, 320, 2)
    seen = surroundings(a, b, 0.4)
    assert same(a, planes(180, 320, 1))
    assert same(b, planes(180, 320, 2))
    steps = np.abs(np.diff(seen.y.astype(int), axis=0)).max()
    assert steps <= 2


def test_they_do_not_flicker_while_the_camera_moves() -> None:
    b = planes(360, 640, 2)
    wide = planes(360, 800, 1)
    before, moved = (
        Planes(
            wide.y[:, x : x + 640], wide.u[:, x // 2 : x // 2 + 320], wide.v[:, x // 2 :][:, :320]
        )
        for x in (64, 66)
    )
    one, two = surroundings(before, b, 0.4), surroundings(moved, b, 0.4)
    assert np.abs(one.y.astype(int) - two.y).max() <= 2
    lighter = surroundings(shade(before, 1.02), b, 0.4)
    assert np.abs(one.y.astype(int) - lighter.y).max() <= 2
