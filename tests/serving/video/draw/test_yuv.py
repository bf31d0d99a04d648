import numpy as np
import pytest

from serving.errors import BadImage
from serving.video.draw.yuv import make_planes, to_rgb
from tests.serving.video.pictures import texture


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),  # the bars of ITU-R BT.709, 8 bit
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_make_planes_gives_the_standard_s_numbers(
    rgb: tuple[int, int, int], yuv: tuple[int, int, int]
) -> None:
    made = make_planes(np.full((8, 8, 3), rgb, np.uint8))
    assert (int(made.y[0, 0]), int(made.u[0, 0]), int(made.v[0, 0])) == yuv


def test_oversampled_luma_is_twice_chroma_and_keeps_the_picture() -> None:
    photo = texture(30, 41)
    made = make_planes(photo, oversample=2)
    assert made.size == (82, 60)
    assert made.u.shape == (30, 41)
    plain = make_planes(photo)
    means = made.y.reshape(30, 2, 41, 2).mean(axis=(1, 3))
    assert np.abs(means - plain.y).mean() < 2


def test_odd_sizes_round_chroma_up() -> None:
    assert make_planes(texture(15, 17)).u.shape == (8, 9)


def test_to_rgb_undoes_make_planes_on_smooth_pictures() -> None:
    photo = texture(32, 48, sigma=6)
    assert np.abs(to_rgb(make_planes(photo)).astype(int) - photo).mean() < 2


def test_make_planes_refuses_other_shapes() -> None:
    with pytest.raises(BadImage):
        make_planes(np.zeros((8, 8), np.uint8))
