import numpy as np
import pytest

from serving.models.listing import Seen, arrange_listing
from serving.photos.fingerprint import Fingerprint, take_fingerprint


def _view(seed: int) -> Fingerprint:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    return take_fingerprint(coarse.repeat(40, axis=0).repeat(40, axis=1))


def _seen(photo: str, room: str, score: float, view: int) -> Seen:
    return Seen(photo, room, score, _view(view))


def test_the_best_shot_of_each_view_is_chosen() -> None:
    found = arrange_listing(
        [
            _seen("dark", "kitchen", 40, 1),
            _seen("bath", "bathroom", 70, 2),
            _seen("good", "kitchen", 80, 1),
        ]
    )
    assert found is not None
    assert found.duplicates == [["good", "dark"]]
    assert found.best == ["good", "bath"]


def test_the_order_is_a_visitors_and_begins_with_the_cover() -> None:
    found = arrange_listing(
        [
            _seen("bed", "bedroom", 90, 1),
            _seen("kitchen", "kitchen", 80, 2),
            _seen("house", "exterior", 70, 3),
        ]
    )
    assert found is not None
    assert found.cover == "house"
    assert found.order == ["house", "kitchen", "bed"]


@pytest.mark.parametrize(
    ("house", "living", "cover"),
    [(61.0, 95.0, "house"), (30.0, 95.0, "living"), (30.0, 20.0, "bath")],
)
def test_a_poor_photo_is_no_cover_while_another_could_be(
    house: float, living: float, cover: str
) -> None:
    seen = [
        _seen("house", "exterior", house, 1),
        _seen("living", "living_room", living, 2),
        _seen("bath", "bathroom", 50, 3),
    ]
    found = arrange_listing(seen)
    assert found is not None
    assert found.cover == cover
    assert found.order[0] == cover


def test_photos_of_which_nothing_is_known_are_left_out() -> None:
    assert arrange_listing([None]) is None
    found = arrange_listing([None, _seen("a", "pool", 50, 1)])
    assert found is not None
    assert found.best == ["a"]
