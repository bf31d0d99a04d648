"""Which photos show one room: those that were said to, and those in which the same points are seen.

Two photos are of one room where `serving.staging.views` finds the camera of one in the room of the
other; photos that show too little of the same are not taken for one room.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.staging.views import View

_COMPARED = 12  # photos before each one that it is compared with: those of a room lie together
Find = Callable[[int, int], View | None]


@dataclass(frozen=True)
class RoomPhoto:
    """A photo of a room, and what is known of it before it is compared with others.

    Attributes
    ----------
    number : of the photo
    kind : of room; photos of two kinds are never of one room, unless they were said to be
    room_id : of the room that it was said to show
    """

    number: int
    kind: str
    room_id: str | None


@dataclass(frozen=True)
class SameRoom:
    """Photos of one room.

    Attributes
    ----------
    room_id : as it was said, else named by its first photo
    photos : their numbers, ascending
    confidence : 0..1, of the least certain tie between them; 1 where nothing had to be compared
    """

    room_id: str
    photos: tuple[int, ...]
    confidence: float


def alone(photo: RoomPhoto) -> SameRoom:
    """Return the room of a photo that is compared with no other."""
    return SameRoom(photo.room_id or f"photo-{photo.number}", (photo.number,), 1.0)


def group_photos(photos: Sequence[RoomPhoto], find: Find) -> list[SameRoom]:
    """Return the rooms that photos show, in the order of their first photos.

    Two rooms that were said to be two are never joined.

    Parameters
    ----------
    photos : by ascending numbers
    find : returns the camera of the second photo in the room of the first, by their numbers
    """
    rooms = {photo.number: alone(photo) for photo in photos}
    said = {photo.number: photo.room_id for photo in photos}
    for place, photo in enumerate(photos):
        for earlier in reversed(photos[:place]):
            first, second = rooms[earlier.number], rooms[photo.number]
            if first is second:
                continue
            ids = {said[number] for number in first.photos + second.photos} - {None}
            if photo.room_id is not None and photo.room_id == earlier.room_id:
                confidence = 1.0
            elif len(ids) < 2 and _comparable(earlier, photo):
                view = find(earlier.number, photo.number)
                if view is None:
                    continue
                confidence = view.confidence
            else:
                continue
            joined = _join(first, second, next(iter(ids), None), confidence)
            rooms |= dict.fromkeys(joined.photos, joined)
    return list(dict.fromkeys(rooms[photo.number] for photo in photos))


def _comparable(first: RoomPhoto, second: RoomPhoto) -> bool:
    return first.kind == second.kind and second.number - first.number <= _COMPARED


def _join(first: SameRoom, second: SameRoom, said: str | None, confidence: float) -> SameRoom:
    photos = tuple(sorted(first.photos + second.photos))
    least = min(first.confidence, second.confidence, confidence)
    return SameRoom(said or f"photo-{photos[0]}", photos, least)
