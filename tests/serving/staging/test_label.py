"""People are told that a picture was staged, in the way that was asked for."""

import numpy as np
import pytest

from serving.staging.label import add_label

TEXT = "Virtually staged"
PHOTO = np.full((600, 900, 3), 128, np.uint8)


def test_a_caption_is_a_strip_below_and_touches_nothing() -> None:
    made, covered = add_label(PHOTO, "caption", TEXT)
    assert made.shape[1] == 900
    assert 620 <= made.shape[0] <= 640
    assert (made[:600] == PHOTO).all()
    assert not covered.any()
    strip = made[600:]
    assert strip.max() == 255, "letters"
    assert np.median(strip) < 60, "on a dark ground"


def test_on_the_image_it_covers_what_it_says_it_covers() -> None:
    made, covered = add_label(PHOTO, "on_image", TEXT)
    assert made.shape == PHOTO.shape
    assert (made[~covered] == PHOTO[~covered]).all()
    assert 0.002 < covered.mean() < 0.05
    assert made[covered].max() == 255
    rows, columns = np.nonzero(covered)
    assert rows.min() > 500
    assert columns.max() < 450


def test_none_is_none() -> None:
    made, covered = add_label(PHOTO, "none", TEXT)
    assert made is PHOTO
    assert not covered.any()


@pytest.mark.parametrize("label", ["caption", "on_image"])
@pytest.mark.parametrize("width", [60, 200, 4000])
def test_a_long_text_fits_any_picture(label: str, width: int) -> None:
    photo = np.full((width * 2, width, 3), 200, np.uint8)
    made, _ = add_label(photo, label, "This room has been furnished by a computer; see the notes")  # type: ignore[arg-type]
    assert made.shape[1] == width
