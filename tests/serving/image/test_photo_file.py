"""One photo, looked at by several models: decoded once, and never otherwise than for each alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import BadImage, TooLarge
from serving.image import PhotoFile, decode, hash_photo
from tests.fakes import encode, jpeg, picture

PIXELS = 10**6


@given(st.integers(16, 150), st.integers(16, 150), st.lists(st.integers(0, 200), min_size=2))
def test_no_need_changes_the_pixels_of_another(height: int, width: int, needs: list[int]) -> None:
    for data in (
        jpeg(height=height, width=width),
        encode(picture(height=height, width=width), "BMP"),
    ):
        photo = PhotoFile(data, PIXELS)
        assert photo.size == (height, width)
        for min_side in needs:
            np.testing.assert_array_equal(photo.pixels(min_side), decode(data, PIXELS, min_side))


def test_needs_of_one_scale_share_a_decode() -> None:
    photo = PhotoFile(jpeg(height=400, width=600), PIXELS)
    assert photo.pixels(101) is photo.pixels(110)
    assert photo.pixels(0) is photo.pixels(400)
    assert photo.pixels(0) is not photo.pixels(101)


def test_a_photo_is_named_by_its_bytes() -> None:
    data = jpeg()
    assert PhotoFile(data, PIXELS).sha256 == hash_photo(data)
    assert PhotoFile(data, PIXELS, "known").sha256 == "known"


def test_what_is_no_photo_or_too_large_is_refused_at_the_first_look() -> None:
    with pytest.raises(BadImage):
        _ = PhotoFile(b"no photo", PIXELS).size
    with pytest.raises(TooLarge):
        PhotoFile(jpeg(height=100, width=100), 9_999).pixels()


def test_pixels_that_were_released_are_decoded_anew() -> None:
    photo = PhotoFile(jpeg(height=400, width=600), PIXELS)
    first = photo.pixels()
    photo.release()
    np.testing.assert_array_equal(photo.pixels(), first)
    assert photo.decodes == 2
