from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from serving.video.edit.photo_order import WALK, FilmPhoto, choose_photos, order_by_room


def photos_of(*rooms: str | None) -> list[FilmPhoto]:
    return [FilmPhoto(str(n), 4, 3, room=room) for n, room in enumerate(rooms)]


@given(st.lists(st.sampled_from([*WALK, None, "dining", "unheard_of"]), max_size=40))
def test_order_by_room_loses_nothing_and_does_not_mix_rooms(rooms: list[str | None]) -> None:
    photos = photos_of(*rooms)
    order = order_by_room(photos)
    assert sorted(order) == list(range(len(photos)))
    ordered = [photos[index] for index in order]
    assert order_by_room(ordered) == tuple(range(len(photos)))
    seen = [photo.room for photo in ordered]
    runs = [room for room, after in pairwise([*seen, "the end"]) if room != after]
    counts = Counter(
        room for room in runs if room in WALK and room not in ("exterior", "dining_room")
    )
    assert all(n == 1 for n in counts.values()), "a room is visited once"


def test_two_exteriors_open_and_the_rest_return_with_the_yard() -> None:
    photos = [
        FilmPhoto("weak", 4, 3, 1.0, room="exterior"),
        FilmPhoto("bed", 4, 3, room="bedroom"),
        FilmPhoto("best", 4, 3, 3.0, room="exterior"),
        FilmPhoto("good", 4, 3, 2.0, room="exterior"),
        FilmPhoto("pool", 4, 3, room="pool"),
    ]
    names = [photos[index].name for index in order_by_room(photos)]
    assert names == ["best", "good", "bed", "weak", "pool"]


def test_a_photo_that_was_given_three_times_opens_twice_and_returns_once() -> None:
    photos = [
        FilmPhoto("bed", 4, 3, room="bedroom"),
        *[FilmPhoto("same", 4, 3, room="exterior")] * 3,
    ]
    assert order_by_room(photos) == (1, 2, 0, 3)


@given(st.lists(st.floats(0.1, 5), min_size=1, max_size=30), st.integers(1, 90))
def test_choose_photos_gives_the_count_and_never_the_same_twice_running(
    weights: list[float], count: int
) -> None:
    photos = [FilmPhoto(str(n), 4, 3, weight) for n, weight in enumerate(weights)]
    chosen = choose_photos(photos, (count,))
    assert len(chosen) == count
    if len(photos) > 1:
        assert all(a != b for a, b in pairwise(chosen))
    if count < len(photos):
        left = [w for n, w in enumerate(weights) if n not in chosen]
        assert max(left) <= min(weights[n] for n in chosen)
    else:
        shown = Counter(chosen)
        assert max(shown.values()) - min(shown.values()) <= 1 or len(photos) == 1


def test_crowded_rooms_lose_photos_first() -> None:
    photos = photos_of("kitchen", "bedroom", "bedroom", "bedroom", "bathroom")
    assert choose_photos(photos, (3,)) == (0, 1, 4)
