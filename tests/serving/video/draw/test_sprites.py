import numpy as np
import pytest

from serving.errors import BadImage, BadInput
from serving.video.draw.sprites import (
    anchor_of,
    corner_of,
    fade_sprite,
    lay_sprite,
    make_sprite,
    shift_sprite,
)
from serving.video.draw.yuv import make_planes
from serving.video.film import Overlay
from tests.serving.video.pictures import badge, error, planes, same


def test_what_is_opaque_covers_and_what_is_clear_does_not() -> None:
    out, before = planes(), planes()
    lay_sprite(make_sprite(badge(), 40), 10, 6, out)
    red = make_planes(np.full((2, 2, 3), (220, 30, 30), np.uint8))
    assert (out.y[6:26, 10:30] == red.y[0, 0]).all()
    assert (out.v[3:13, 5:15] == red.v[0, 0]).all()
    assert np.array_equal(out.y[:, 30:], before.y[:, 30:])
    assert np.array_equal(out.y[:6], before.y[:6])


def test_half_opacity_is_half_of_each() -> None:
    out = planes()
    before = out.y[6:26, 10:30].astype(int)
    lay_sprite(make_sprite(badge(), 40, opacity=0.5), 10, 6, out)
    red = int(make_planes(np.full((2, 2, 3), (220, 30, 30), np.uint8)).y[0, 0])
    assert np.abs(out.y[6:26, 10:30] - (before + red) / 2).max() <= 1.5


def test_fading_a_sprite_is_making_it_fainter() -> None:
    a, b = planes(), planes()
    lay_sprite(fade_sprite(make_sprite(badge(), 40), 0.3), 4, 4, a)
    lay_sprite(make_sprite(badge(), 40, opacity=0.3), 4, 4, b)
    assert np.abs(a.y.astype(int) - b.y).max() <= 2


@pytest.mark.parametrize("corner", [(-30, -10), (50, 40), (-100, 0), (0, 100), (62, 46)])
def test_what_lies_outside_is_cut_off(corner: tuple[int, int]) -> None:
    out = planes()
    lay_sprite(make_sprite(badge(), 40), *corner, out)
    assert out.size == (64, 48)


def test_a_clear_colour_does_not_bleed_when_scaled() -> None:
    picture = badge(40, 80)
    picture[:, 40:, :3] = (0, 255, 0)  # green, but clear
    out = planes()
    lay_sprite(make_sprite(picture, 30), 0, 0, out)
    clean = planes()
    lay_sprite(make_sprite(badge(40, 80), 30), 0, 0, clean)
    assert same(out, clean)


def test_a_shifted_sprite_lies_between_its_neighbours() -> None:
    def lay(x: float) -> np.ndarray:
        out = planes()
        lay_sprite(shift_sprite(make_sprite(badge(), 40), x, 0.0), 10, 6, out)
        return out.y.astype(int)

    assert np.abs(lay(0.5) - (lay(0.0) + lay(1.0)) / 2).max() <= 2
    plain = planes()
    lay_sprite(make_sprite(badge(), 40), 10, 6, plain)
    assert error(plain, planes()) > 1
    assert np.array_equal(lay(0.0), plain.y)


def test_anchors_place_a_sprite() -> None:
    corner = Overlay("logo", 0, 1, 1.0, 0.0, "top-right", 0.5)
    assert corner_of(corner, (40, 20), (200, 100)) == (160, 0)
    with pytest.raises(BadInput):
        anchor_of("middle")


def test_a_picture_without_alpha_is_refused() -> None:
    with pytest.raises(BadImage):
        make_sprite(np.zeros((4, 4, 3), np.uint8), 4)
