import cv2
import numpy as np
import pytest

from serving.image import Image
from serving.photos.fingerprint import (
    ALIKE,
    Fingerprint,
    group_alike,
    likeness,
    take_fingerprint,
)


def _scene(seed: int) -> Image:
    rng = np.random.default_rng(seed)
    photo = np.full((600, 800, 3), 160, np.uint8)
    for _ in range(14):
        x, y = int(rng.integers(0, 700)), int(rng.integers(0, 500))
        size = (x + int(rng.integers(60, 300)), y + int(rng.integers(60, 300)))
        cv2.rectangle(photo, (x, y), size, tuple(int(v) for v in rng.integers(20, 235, 3)), -1)
    return photo


def _again(photo: Image) -> dict[str, Image]:
    _, file = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 12])
    return {
        "compressed": np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8),
        "small": np.asarray(cv2.resize(photo, (200, 150), interpolation=cv2.INTER_AREA), np.uint8),
        "darker": (photo * 0.6).astype(np.uint8),
        "moved": np.ascontiguousarray(photo[20:580, 45:]),
        "nearer": np.ascontiguousarray(photo[30:570, 40:760]),
    }


@pytest.mark.parametrize("how", ["compressed", "small", "darker", "moved", "nearer"])
def test_the_same_view_is_known_again(how: str) -> None:
    photo = _scene(1)
    assert likeness(take_fingerprint(photo), take_fingerprint(_again(photo)[how])) >= ALIKE


def test_other_views_are_told_apart() -> None:
    prints = [take_fingerprint(_scene(seed)) for seed in range(12)]
    assert group_alike(list(prints)) == list(range(12))


def test_group_alike_numbers_views_in_the_order_of_photos() -> None:
    one, two = _scene(1), _scene(2)
    photos = [two, one, _again(two)["darker"], _again(one)["small"]]
    prints: list[Fingerprint | None] = [take_fingerprint(photo) for photo in photos]
    assert group_alike([prints[0], None, *prints[1:]]) == [0, 1, 2, 0, 2]


def test_blank_photos_of_one_colour_do_not_fail() -> None:
    blank = take_fingerprint(np.full((100, 100, 3), 128, np.uint8))
    assert likeness(blank, blank) < ALIKE


def test_a_fingerprint_survives_being_written() -> None:
    taken = take_fingerprint(_scene(4))
    assert Fingerprint.from_bytes(taken.to_bytes()).to_bytes() == taken.to_bytes()
