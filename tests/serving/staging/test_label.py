"""People are told that a picture was staged, in the way that was asked for."""

import numpy as np
import pytest

from serving.errors import BadInput
from serving.requests.staging import StageInput
from serving.staging.label import add_label
from serving.workflows.staged_files import label_writer

TEXT = label_writer("Virtually staged")
LONG = label_writer("This room has been furnished by a computer; see the notes")
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
    made, _ = add_label(photo, label, LONG)  # type: ignore[arg-type]
    assert made.shape[1] == width


@pytest.mark.parametrize("text", ["möbliert é", "Виртуальная", "虚拟布置", "تأثيث", "Εικονική"])
def test_a_label_is_written_in_the_letters_of_its_language(text: str) -> None:
    """A font without them draws the same box for each."""
    one, other = (label_writer(letter)(24, 400) for letter in (text[1], text[-1]))
    assert one.shape != other.shape or (one != other).any()
    whole = label_writer(text)(24, 400)
    assert whole[..., 3].max() == 255
    assert whole.shape[1] > 2 * one.shape[1]


def test_a_label_that_nobody_would_see_is_refused() -> None:
    for text in ("  ", "\u200b", "a\0b"):
        with pytest.raises(ValueError, match="label_text"):
            StageInput(photos=["a"], label_text=text)
    with pytest.raises(BadInput, match="no font can draw"):
        label_writer("\U00012000\U00012001")
