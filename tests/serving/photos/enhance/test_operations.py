from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.photos.enhance.contrast import clarify, measure_haze, stretch_contrast
from serving.photos.enhance.denoise import compression_sigma, denoise, measure_noise
from serving.photos.enhance.light import Light, measure_exposure, relight
from serving.photos.enhance.sharpen import sharpen
from serving.photos.enhance.straighten import MOST_LOST, find_leaning, straighten
from serving.photos.enhance.strips import stretch
from tests.serving.photos.enhance.pictures import Image, lean, psnr, relit, room


@pytest.mark.parametrize("degrees", [-2.5, -1.0, 0.8, 2.0])
@pytest.mark.parametrize("converge", [0.0, 0.03])
def test_straighten_leaves_hardly_any_lean_and_no_empty_corner(
    degrees: float, converge: float
) -> None:
    leaning = lean(room(), degrees, converge)
    made = straighten(leaning)
    assert made.refused == ""
    assert made.roll_degrees == pytest.approx(degrees, abs=0.3)
    assert 0 < made.lost <= MOST_LOST
    left = find_leaning(made.photo)
    assert not isinstance(left, str)
    assert abs(left.roll_degrees) < 0.2
    assert abs(left.convergence_degrees) < 0.7
    assert made.photo.shape == leaning.shape
    corners = made.photo[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.min() > 30  # black would be what the camera never saw


def test_straighten_refuses_what_would_cost_too_much_of_the_photo() -> None:
    large = lean(room(), 7.0)
    made = straighten(large)
    assert made.photo is large
    assert "the crop would cost" in made.refused


def test_straighten_gives_an_upright_photo_back_as_it_is() -> None:
    upright = room()
    made = straighten(upright)
    assert made.photo is upright
    assert made.refused == "it is upright already"


def test_straighten_refuses_where_nothing_stands_upright() -> None:
    blots = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    made = straighten(np.asarray(cv2.GaussianBlur(blots, (0, 0), 6), np.uint8))
    assert made.refused


@pytest.mark.parametrize("sigma", [4.0, 8.0, 16.0])
def test_denoise_takes_out_what_measure_noise_finds(sigma: float) -> None:
    clean = room()
    noise = np.random.default_rng(1).normal(0, sigma, clean.shape)
    noisy = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
    found = measure_noise(noisy)
    assert 0.5 * sigma < found < sigma  # brightness is a mean of three channels
    assert psnr(denoise(noisy, found), clean) > psnr(noisy, clean) + 6
    assert measure_noise(clean) < 1


def test_strips_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = np.random.default_rng(1).integers(90, 120, (2100, 200, 3), np.uint8)
    in_strips = {name: work(noisy) for name, work in _WORK.items()}
    monkeypatch.setattr("serving.photos.enhance.strips.PIXELS", 10**9)
    for name, work in _WORK.items():
        assert np.abs(work(noisy).astype(int) - in_strips[name]).max() <= 1, name


_WORK: dict[str, Callable[[Image], Image]] = {
    "denoise": lambda photo: denoise(photo, 6.0),
    "clarify": lambda photo: clarify(photo, 0.3, 0.4),
    "sharpen": lambda photo: sharpen(photo, 0.8),
}


@given(stops=st.floats(-1, 3), red=st.floats(-0.6, 0.6), blue=st.floats(-0.6, 0.6))
@settings(max_examples=25, deadline=None)
def test_relight_never_turns_brightness_round_and_keeps_white_white(
    stops: float, red: float, blue: float
) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    made = relight(ramp, Light(stops, red, blue))
    assert (np.diff(made.astype(int), axis=1) >= 0).all()
    if stops >= 0:
        assert made[0, 255].min() >= 250


def test_a_dark_photo_is_brought_back() -> None:
    clean = room()
    dark = relit(clean, 1.5)
    found = measure_exposure(dark)
    assert found == pytest.approx(1.5, abs=0.5)
    assert psnr(relight(dark, Light(found)), clean) > psnr(dark, clean) + 6


def test_a_known_cast_is_undone() -> None:
    clean = room()
    cast = relit(clean, 0.5, red=0.25, blue=-0.3)
    # red was the brightest, and stays as bright as it was: less light is lacking than was taken
    undone = relight(cast, Light(0.5 - 0.25 / np.log(2), 0.25, -0.3))
    assert psnr(undone, clean) > psnr(cast, clean) + 10


def test_haze_is_taken_from_black() -> None:
    hazy = np.asarray(70 + 0.6 * room(), np.uint8)
    assert measure_haze(hazy) > 0.1
    assert measure_haze(stretch_contrast(hazy)) < measure_haze(hazy)
    clear = relit(room(), 0)
    assert np.array_equal(stretch_contrast(np.asarray(clear), 0.0), clear)


def test_clarify_opens_shadows_and_draws_no_border_along_an_edge() -> None:
    step = np.full((400, 400, 3), 40, np.uint8)
    step[:, 200:] = 200
    made = clarify(step, 0.15, 0.5)
    assert made[:, :100].mean() > 44
    across = made[200, :, 0].astype(int)
    assert across[150:199].max() - across[150:199].min() <= 14
    assert np.abs(across[201:260] - 200).max() <= 8


def test_sharpen_makes_steps_steeper_and_never_passes_their_ends() -> None:
    step = np.full((60, 60, 3), 60, np.uint8)
    step[:, 30:] = 180
    soft = np.asarray(cv2.GaussianBlur(step, (0, 0), 1.5), np.uint8)
    made = sharpen(soft, 0.8)
    assert (
        np.abs(np.diff(made[30, :, 0].astype(int))).max()
        > np.abs(np.diff(soft[30, :, 0].astype(int))).max()
    )
    assert (made.min(), made.max()) == (60, 180)


def test_compression_counts_only_where_its_marks_are_seen() -> None:
    assert compression_sigma(None) == compression_sigma(95.0) == 0
    assert 0 < compression_sigma(70.0) < compression_sigma(40.0) < compression_sigma(15.0)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 300), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_stretched_strips_are_those_of_the_whole(rows: int, cols: int, h: int, w: int) -> None:
    plane = np.random.default_rng(rows).random((rows, cols), np.float32)
    whole = stretch(plane, 0, h, (h, w))
    assert whole.shape == (h, w)
    assert np.isfinite(whole).all()
    middle = h // 2
    assert np.allclose(stretch(plane, middle, h - middle, (h, w)), whole[middle:], atol=1e-5)


ODD: list[Image] = [
    np.zeros((1, 1, 3), np.uint8),
    np.zeros((16, 160, 3), np.uint8),
    np.full((700, 70, 3), 255, np.uint8),
    np.random.default_rng(0).integers(0, 255, (17, 401, 3), np.uint8),
]
