"""What is to be hidden is hidden in the file, in its small version, and whatever `auto` decides."""

import numpy as np
import pytest

from serving.image import PhotoFile, decode
from serving.photos.enhance.file import Wanted, enhance_file, enhance_small
from serving.photos.enhance.hide import Hiding
from serving.photos.privacy.find import PrivateArea
from serving.photos.quality.parts import PARTS
from serving.photos.quality.task import QualityAnswer
from tests.serving.photos.enhance.pictures import Image, room
from tests.serving.photos.enhance.test_file import DARK, FINE, saved

MOST = 10**8
FACE = PrivateArea("face", (60.0, 40.0, 140.0, 140.0))
PLATE = PrivateArea("number plate", (200.0, 100.0, 260.0, 120.0))


def shown() -> Image:
    """A room with stripes where somebody's face is."""
    photo = room().copy()
    photo[40:140, 60:140] = np.where(np.arange(80) % 16 < 8, 20, 235)[None, :, None]
    return photo


def stripes(photo: Image) -> float:
    """How much of the stripes is seen, in the photo or a smaller copy."""
    scale = photo.shape[0] / room().shape[0]
    top, bottom, left, right = (round(scale * edge) for edge in (70, 110, 85, 115))
    return float(np.abs(np.diff(photo[top:bottom, left:right, 0].astype(float), axis=1)).max())


def hiding(photo: Image, *areas: PrivateArea) -> Wanted:
    return Wanted(hiding=Hiding(areas, (photo.shape[0], photo.shape[1])))


@pytest.mark.parametrize("before", [FINE, DARK])
@pytest.mark.parametrize("after", [20.0, 95.0])
def test_it_is_hidden_whether_the_photo_is_good_and_whatever_the_judge_says(
    before: QualityAnswer, after: float
) -> None:
    photo = shown()
    judged = QualityAnswer(after, dict.fromkeys(PARTS, after), {}, None, "")
    file = PhotoFile(saved(photo), MOST)
    made = enhance_file(file, hiding(photo, FACE, PLATE), lambda _: judged, MOST, before)
    assert made.applied["blur"] == {"faces": 1.0, "number_plates": 1.0}
    assert stripes(decode(made.data, MOST)) < 0.2 * stripes(photo)
    if after < before.score:
        assert list(made.applied) == ["blur"]


def test_the_small_version_that_is_shown_first_hides_it_too() -> None:
    photo = shown()
    small = enhance_small(PhotoFile(saved(photo), MOST), hiding(photo, FACE), MOST, FINE)
    assert stripes(decode(small, MOST)) < 0.2 * stripes(photo)


def test_where_nobody_is_seen_the_same_bytes_come_back_and_say_so() -> None:
    photo = room()
    data = saved(photo)
    made = enhance_file(PhotoFile(data, MOST), hiding(photo), lambda _: FINE, MOST, FINE)
    assert made.data == data
    assert made.left["blur"] == "it shows no face and no number plate"
