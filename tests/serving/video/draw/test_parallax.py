import numpy as np
import pytest

from serving.video.draw.backdrop import lay_on_backdrop
from serving.video.draw.camera import plan_windows
from serving.video.draw.depth import blur_by_depth, fill_behind, split_depth
from serving.video.draw.parallax import draw_scene, prepare_scene, shift_window
from serving.video.draw.yuv import Planes, empty_planes
from serving.video.film import Clip, Motion, View
from tests.serving.video.pictures import error, same, texture

PAN = Motion(View(0.35, 0.5, 0.6), View(0.65, 0.5, 0.6))
FRAME = (64, 36)


def film(clip: Clip, depth: np.ndarray | None, number: int) -> Planes:
    photo = texture(120, 200)
    windows = plan_windows(clip.motion, clip.frames, (200, 120), FRAME)
    scene = prepare_scene(photo, windows, clip, FRAME, (None, depth))
    out = empty_planes(*FRAME)
    draw_scene(scene, windows, number, out)
    return out


def box_depth() -> np.ndarray:
    depth = np.full((60, 100), 40, np.uint8)
    depth[20:40, 40:60] = 220
    return depth


def test_without_depth_parallax_is_a_plain_shot() -> None:
    assert same(film(Clip("a", 9, PAN, parallax=0.05), None, 0), film(Clip("a", 9, PAN), None, 0))


def test_layers_lie_as_in_the_photo_in_the_middle_and_apart_at_the_ends() -> None:
    flat, deep = Clip("a", 9, PAN), Clip("a", 9, PAN, parallax=0.08)
    middle = error(film(flat, None, 4), film(deep, box_depth(), 4))
    end = error(film(flat, None, 8), film(deep, box_depth(), 8))
    assert middle < 1.5
    assert end > 2 * middle


def test_nearer_layers_run_ahead_of_the_camera() -> None:
    windows = plan_windows(PAN, 9, (200, 120), FRAME)
    assert shift_window(windows, 8, 0.05)[0] > windows[8, 0]
    assert shift_window(windows, 0, 0.05)[0] < windows[0, 0]
    still = plan_windows(Motion(View(0.5, 0.5, 0.6), View(0.5, 0.5, 0.6)), 9, (200, 120), FRAME)
    assert np.array_equal(shift_window(still, 8, 0.05), still[8])


def test_blur_spares_what_is_in_focus() -> None:
    photo = texture(60, 100, sigma=1)
    blurred = blur_by_depth(photo, box_depth(), 220, 4)
    assert np.abs(blurred[24:36, 44:56].astype(int) - photo[24:36, 44:56]).max() <= 1
    assert blurred[:, :30].std() < 0.6 * photo[:, :30].std()


def test_what_was_hidden_is_filled_from_around_it() -> None:
    photo = np.full((60, 100, 3), 90, np.uint8)
    photo[20:40, 40:60] = 250
    hidden = (box_depth() > 100).astype(np.float32)
    filled = fill_behind(photo, hidden)
    assert np.abs(filled.astype(int) - 90).max() <= 2


def test_a_flat_scene_has_no_layers() -> None:
    assert split_depth(np.full((30, 30), 7, np.uint8), 3) == [] or all(
        alpha.mean() in (0.0, 1.0) or alpha.std() < 1e-6
        for _, alpha in split_depth(np.full((30, 30), 7, np.uint8), 3)
    )


@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (20, 20)])
def test_a_backdrop_has_the_film_s_shape_and_shows_the_whole_photo(shape: tuple[int, int]) -> None:
    photo = texture(*shape)
    composed = lay_on_backdrop(photo, (160, 90))
    assert composed.shape[1] / composed.shape[0] == pytest.approx(16 / 9, rel=0.03)
    middle = composed[composed.shape[0] // 2, composed.shape[1] // 2].astype(int)
    truth = photo[shape[0] // 2 - 2 : shape[0] // 2 + 3, shape[1] // 2 - 2 : shape[1] // 2 + 3]
    assert np.abs(middle - truth.mean(axis=(0, 1))).max() < 60


@pytest.mark.parametrize("shape", [(3, 6000), (6000, 3)])
def test_a_strip_thinner_than_a_pixel_is_a_line_on_its_backdrop(shape: tuple[int, int]) -> None:
    composed = lay_on_backdrop(np.full((*shape, 3), 200, np.uint8), (160, 90))
    assert composed.shape == (90, 160, 3)
    assert (composed == 200).all(axis=2).any()


def test_a_backdrop_is_darker_than_its_photo() -> None:
    composed = lay_on_backdrop(np.full((300, 100, 3), 200, np.uint8), (160, 90))
    assert composed[:, 0].mean() < 140
    assert composed[45, 80].tolist() == [200, 200, 200]
