"""Photos of one room are told by what they were said to show, and by what they have in common."""

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from serving.staging.same_room import Find, RoomPhoto, SameRoom, group_photos
from serving.staging.views import View


def pairs(*alike: tuple[int, int], by_chance: int = 5) -> Find:
    """Return a way of finding views that knows these pairs."""

    def find(first: int, second: int) -> View | None:
        return View(0, 1.0, 1.0, 1.0, 20, by_chance) if (first, second) in alike else None

    return find


def bedrooms(*said: str | None) -> list[RoomPhoto]:
    return [RoomPhoto(number, "bedroom", room_id) for number, room_id in enumerate(said)]


def test_photos_that_show_the_same_are_one_room_and_the_weakest_tie_says_how_surely() -> None:
    rooms = group_photos(bedrooms(None, None, None, None), pairs((0, 2), (2, 3)))
    assert rooms == [SameRoom("photo-0", (0, 2, 3), 0.75), SameRoom("photo-1", (1,), 1.0)]


def test_what_was_said_is_not_compared() -> None:
    asked: list[tuple[int, int]] = []

    def find(first: int, second: int) -> View | None:
        asked.append((first, second))
        return None

    assert group_photos(bedrooms("a", "a", "b"), find) == [
        SameRoom("a", (0, 1), 1.0), SameRoom("b", (2,), 1.0),
    ]  # fmt: skip
    assert not asked


def test_a_photo_joins_a_room_that_was_named() -> None:
    rooms = group_photos(bedrooms(None, "den"), pairs((0, 1)))
    assert rooms == [SameRoom("den", (0, 1), 0.75)]


def test_two_rooms_that_were_named_are_never_joined_by_a_third_photo() -> None:
    rooms = group_photos(bedrooms("a", "b", None), pairs((0, 2), (1, 2)))
    assert [room.photos for room in rooms] == [(0,), (1, 2)]


def test_photos_of_two_kinds_of_room_are_not_compared() -> None:
    photos = [RoomPhoto(0, "bedroom", None), RoomPhoto(1, "office", None)]
    assert len(group_photos(photos, pairs((0, 1)))) == 2


ID = st.none() | st.sampled_from("ab")
PAIR = st.tuples(st.integers(0, 7), st.integers(0, 7))


@given(st.lists(ID, max_size=8), st.sets(PAIR))
def test_every_photo_is_in_one_room_and_named_ones_where_they_belong(
    said: list[str | None], alike: Collection[tuple[int, int]]
) -> None:
    rooms = group_photos(bedrooms(*said), pairs(*alike))
    assert sorted(number for room in rooms for number in room.photos) == list(range(len(said)))
    assert len({room.room_id for room in rooms}) == len(rooms)
    for room in rooms:
        named = {said[number] for number in room.photos} - {None}
        assert named in ({room.room_id}, set())
    assert sum(bool({"a"} & {said[n] for n in room.photos}) for room in rooms) == ("a" in said)
