import cv2
import numpy as np
import pytest

from serving.errors import BadInput
from serving.photos.enhance.fuse import fuse
from tests.serving.photos.enhance.pictures import Image, psnr, relit, room


def held_by_hand(photo: Image, right: float, down: float, degrees: float) -> Image:
    """Return the photo as the next exposure of a hand-held bracket sees it."""
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += np.array((right, down))
    made = cv2.warpAffine(photo, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(made, np.uint8)


def exposures(light: Image) -> list[Image]:
    """Return a bracket of two stops either way; what is white in the brighter one is clipped."""
    return [relit(light, stops) for stops in (2.0, 0.0, -2.0)]


def inner(photo: Image) -> Image:
    return photo[40:-40, 40:-40]


def test_hand_held_exposures_become_what_those_of_a_tripod_do() -> None:
    dark, middle, bright = exposures(room())
    still = fuse([dark, middle, bright])
    moved = fuse(
        [held_by_hand(dark, 7.0, -4.0, 0.4), middle, held_by_hand(bright, -5.0, 6.0, -0.3)]
    )
    apart = fuse_unaligned([held_by_hand(dark, 7.0, -4.0, 0.4), middle])
    assert psnr(inner(moved), inner(still)) > 28
    assert psnr(inner(moved), inner(still)) > psnr(inner(apart), inner(still)) + 4


def fuse_unaligned(photos: list[Image]) -> Image:
    """Return what laying nothing over would give: OpenCV's own fusion of the same exposures."""
    made = cv2.createMergeMertens().process([photo[:, :, ::-1] for photo in photos])
    return np.asarray(np.clip(255 * made[:, :, ::-1], 0, 255), np.uint8)


def test_who_walks_through_one_exposure_leaves_no_ghost() -> None:
    dark, middle, bright = exposures(room())
    clean = fuse([dark, middle, bright])
    ghost = bright.copy()
    cv2.ellipse(ghost, (500, 430), (60, 200), 0, 0, 360, (20, 25, 40), -1)
    made = fuse([dark, middle, ghost])
    person = (slice(300, 560), slice(450, 550))
    assert np.abs(made[person].astype(int) - clean[person]).mean() < 14
    far = (slice(None), slice(700, None))
    assert np.abs(made[far].astype(int) - clean[far]).mean() < 3


def test_a_window_is_pulled_from_the_dark_exposure() -> None:
    view = room()
    window = (slice(200, 330), slice(430, 580))
    view[window] = np.random.default_rng(0).integers(60, 200, (130, 150, 3), np.uint8)
    brighter = np.asarray(np.clip(view.astype(int) * 1, 0, 255), np.uint8)
    brighter[window] = 255  # outdoors is clipped in all but the dark exposure
    made = fuse([relit(view, 2.0), brighter, relit(brighter, -1.5)])
    assert made[window].std() > 15


def test_the_order_of_exposures_changes_nothing() -> None:
    dark, middle, bright = exposures(room(480, 360))
    assert np.array_equal(fuse([dark, middle, bright]), fuse([bright, dark, middle]))


def test_another_view_or_size_is_refused() -> None:
    photo = room(480, 360)
    other = np.asarray(cv2.GaussianBlur(room(480, 360, seed=5)[:, ::-1], (0, 0), 9), np.uint8)
    with pytest.raises(BadInput, match="same view: 1 does not fit to 2"):
        fuse([np.ascontiguousarray(np.rot90(other, 2)), photo, photo])
    with pytest.raises(BadInput, match="same size, not 480x360, 240x180"):
        fuse([photo, photo[:180, :240]])
