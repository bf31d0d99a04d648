from collections.abc import Callable

import cv2
import numpy as np
import pytest

from serving.errors import BadImage
from serving.image import Image
from serving.photos.quality.features import feature_names, measure
from serving.photos.quality.views import TILE_SIDE, decode_side, make_views

SHARP_EDGES = "diff_01_1_q0.999"


@pytest.fixture(scope="module")
def scene() -> Image:
    """Boxes and stripes on plain walls, without noise."""
    rng = np.random.default_rng(3)
    photo = np.full((480, 640, 3), 170, np.uint8)
    for _ in range(60):
        x, y = int(rng.integers(0, 600)), int(rng.integers(0, 440))
        colour = tuple(int(level) for level in rng.integers(30, 230, 3))
        corner = (x + int(rng.integers(10, 90)), y + int(rng.integers(10, 90)))
        cv2.rectangle(photo, (x, y), corner, colour, -1)
    return photo


def _noisy(photo: Image) -> Image:
    grain = np.random.default_rng(0).normal(0, 12, photo.shape)
    return np.clip(photo + grain, 0, 255).astype(np.uint8)


def _blurred(photo: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), 2.5), np.uint8)


def _blocky(photo: Image) -> Image:
    _, file = cv2.imencode(".jpg", _noisy(photo), [cv2.IMWRITE_JPEG_QUALITY, 8])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize(
    ("feature", "change"),
    [("band0_r2", _noisy), ("grid8_columns", _blocky), ("grid8_rows", _blocky)],
)
def test_measure_shows_what_was_done(
    scene: Image, feature: str, change: Callable[[Image], Image]
) -> None:
    assert measure(change(scene)).features[feature] > measure(scene).features[feature] + 0.15


def test_noise_does_not_read_as_sharpness(scene: Image) -> None:
    sharp, blurred = measure(scene).features, measure(_blurred(scene)).features
    noisy = measure(_noisy(_blurred(scene))).features
    width = {"sharp": sharp, "blurred": blurred, "noisy": noisy}
    ratio = {name: f["diff_01_1_q0.999"] - f["diff_01_8_q0.999"] for name, f in width.items()}
    assert ratio["noisy"] < ratio["sharp"] - 0.5, "edges are as wide as before the noise"


def test_the_grid_of_a_jpeg_is_found_after_a_crop(scene: Image) -> None:
    cropped = np.ascontiguousarray(_blocky(scene)[3:, 5:])
    assert (
        measure(cropped).features["grid8_columns"] > measure(scene).features["grid8_columns"] + 0.15
    )


def test_light_is_measured_the_same_at_any_size(scene: Image) -> None:
    large = np.asarray(cv2.resize(scene, (1920, 1440), interpolation=cv2.INTER_LINEAR), np.uint8)
    small, much = measure(scene).features, measure(large).features
    for name in ("mean", "luma_p50", "world_red", "world_blue"):
        assert much[name] == pytest.approx(small[name], abs=0.02), name


@pytest.mark.parametrize("shape", [(16, 16), (16, 3000), (127, 129), (700, 90)])
def test_measure_takes_photos_of_any_size(shape: tuple[int, int]) -> None:
    row = measure(np.full((*shape, 3), 99, np.uint8)).row()
    assert row.shape == (len(feature_names()),)
    assert np.isfinite(row).all()


@pytest.mark.parametrize("level", [0, 255])
def test_measure_of_a_blank_photo_is_finite(level: int) -> None:
    assert np.isfinite(measure(np.full((300, 400, 3), level, np.uint8)).row()).all()


def test_measure_leaves_the_photo_as_it_was(scene: Image) -> None:
    before = scene.copy()
    measure(scene)
    assert np.array_equal(scene, before)


def test_measure_refuses_what_is_no_photo() -> None:
    with pytest.raises(BadImage):
        measure(np.zeros((40, 40), np.uint8))


def test_tiles_are_bounded_and_lie_on_the_grid_of_blocks() -> None:
    columns = np.tile(np.arange(2000) % 8, (1500, 1))
    photo = np.repeat(columns[..., None], 3, axis=2).astype(np.uint8)
    tiles = make_views(photo).tiles
    assert tiles.shape == (12, TILE_SIDE, TILE_SIDE, 3)
    assert (tiles[:, :, 0] == 0).all()


def test_decode_side_never_goes_below_what_is_measured() -> None:
    for width, height in ((4032, 3024), (3024, 4032), (8000, 200), (640, 480)):
        scale = decode_side(width, height) / min(width, height)
        assert max(width, height) * scale >= min(1024, max(width, height))
