"""Whatever file is sent: the right colours the right way up, or a refusal that says why."""

import numpy as np
import pytest

from serving.errors import BadImage
from serving.image import decode, read_header
from tests.serving.image.photo_zoo import HEIGHT, WIDTH, Case, make_zoo

ZOO = list(make_zoo())


@pytest.mark.parametrize("case", ZOO, ids=[case.name for case in ZOO])
def test_a_file_shows_its_picture_or_is_refused_with_a_reason(case: Case) -> None:
    if case.refusal:
        with pytest.raises(BadImage) as caught:
            decode(case.data, 10**6)
        assert case.refusal in str(caught.value)
        return
    header = read_header(case.data)
    assert (header.width, header.height) == (WIDTH, HEIGHT)
    for min_side in (0, 16):
        image = decode(case.data, 10**6, min_side)
        assert min(image.shape[:2]) >= 16
        assert np.abs(quarters(image) - case.colours).max() <= case.tolerance, min_side


def quarters(image: np.ndarray) -> np.ndarray:
    """Return the mean colours of the quarters, away from their edges, shape (4, 3)."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    rows, columns = slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)
    parts = (image[y : y + height, x : x + width] for y in (0, height) for x in (0, width))
    return np.array([part[rows, columns].reshape(-1, 3).mean(0) for part in parts])


def test_every_kind_depth_profile_and_damage_is_there_by_name() -> None:
    names = [case.name for case in ZOO]
    assert len(set(names)) == len(names) > 180
