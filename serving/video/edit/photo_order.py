"""Which photos a film shows, and in what order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from serving.errors import BadInput

# As a visitor walks: up to the house, in, the rooms of the day, of the night, out again.
WALK = (
    "exterior", "driveway", "entrance_hall", "hallway", "living_room", "kitchen", "dining_room",
    "office", "staircase", "bedroom", "bathroom", "laundry", "basement", "gym", "garage",
    "balcony", "terrace", "yard", "garden", "pool", "view", "aerial", "floor_plan",
)  # fmt: skip
_ALIASES = {"entrance": "entrance_hall", "living": "living_room", "dining": "dining_room"}
_OUTSIDE_AGAIN = WALK.index("balcony")
_OPENING_EXTERIORS = 2


@dataclass(frozen=True)
class SpotLabel:
    """A word at a spot of a photo (0..1 of its sides), which it follows under the camera."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class FilmPhoto:
    """What the timeline has to know of a photo.

    Parameters
    ----------
    name : such as its content hash
    width, height : of the upright photo, in pixels
    weight : above 0; 1 is ordinary, 2 twice as important
    focus : points of interest, 0..1 of its sides, the most important last
    room : a room type as `photos.classify` names it
    caption : shown in a lower third
    depth : name of its depth picture
    labels : shown at their spots while the photo is seen alone
    """

    name: str
    width: int
    height: int
    weight: float = 1.0
    focus: tuple[tuple[float, float], ...] = ()
    room: str | None = None
    caption: str | None = None
    depth: str | None = None
    labels: tuple[SpotLabel, ...] = ()


def check_photos(photos: Sequence[FilmPhoto]) -> None:
    """Raise BadInput unless there are photos with sizes, weights and focus points that can be."""
    if not photos:
        raise BadInput("a film needs at least one photo")
    for photo in photos:
        if photo.width < 1 or photo.height < 1:
            raise BadInput(f"photo {photo.name}: {photo.width}x{photo.height} pixels")
        if not 0 < photo.weight <= 1000:
            raise BadInput(f"photo {photo.name}: a weight of {photo.weight} is not in 0..1000")
        spots = (*photo.focus, *((label.x, label.y) for label in photo.labels))
        if not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in spots):
            raise BadInput(f"photo {photo.name}: focus points and labels lie within 0..1")


def order_by_room(photos: Sequence[FilmPhoto]) -> tuple[int, ...]:
    """Return the indices of photos as a visitor walks; within a room the given order stays.

    The two weightiest exteriors open the film, the others join the yard and the pool near its end.
    Photos of unknown rooms come after the rooms of the house. One given twice is two photos.

    Examples
    --------
    >>> rooms = ["pool", "bedroom", None, "exterior", "kitchen"]
    >>> photos = [FilmPhoto(str(n), 4, 3, room=room) for n, room in enumerate(rooms)]
    >>> [photos[index].room for index in order_by_room(photos)]
    ['exterior', 'kitchen', 'bedroom', None, 'pool']
    """
    ranks = [_rank(photo) for photo in photos]
    exteriors = [index for index, rank in enumerate(ranks) if rank == 0]
    weightiest = sorted(exteriors, key=lambda index: -photos[index].weight)
    opening = weightiest[:_OPENING_EXTERIORS]

    def place(index: int) -> float:
        if index in opening:
            return opening.index(index) - len(opening)
        return ranks[index] or _OUTSIDE_AGAIN

    return tuple(sorted(range(len(photos)), key=place))


def _rank(photo: FilmPhoto) -> float:
    room = _ALIASES.get(photo.room or "", photo.room)
    return WALK.index(room) if room in WALK else _OUTSIDE_AGAIN - 0.5


def choose_photos(photos: Sequence[FilmPhoto], counts: Sequence[int]) -> tuple[int, ...]:
    """Choose which photos are shown, when only certain numbers of clips can fill the film.

    Parameters
    ----------
    photos : in the film's order
    counts : numbers of clips that are possible, rising

    Returns
    -------
    tuple of int
        Indices of `photos`, in the film's order. Too many photos: the lightest are left out, first
        of rooms shown often. Too few: all are shown again, the weightiest most often, and never
        the same twice running unless there is only one.

    Examples
    --------
    >>> three = [FilmPhoto("a", 4, 3), FilmPhoto("b", 4, 3, weight=2), FilmPhoto("c", 4, 3)]
    >>> choose_photos(three, (2,)), choose_photos(three, (4,))
    ((0, 1), (0, 1, 2, 1))
    """
    count = min(counts, key=lambda possible: (abs(possible - len(photos)), -possible))
    if count < len(photos):
        return _weightiest(photos, count)
    rounds, more = divmod(count, len(photos))
    again = _weightiest(photos, more)
    if more == 1 and again[0] == len(photos) - 1 and len(photos) > 1:
        again = _weightiest(photos[:-1], 1)
    return tuple(range(len(photos))) * rounds + again


def _weightiest(photos: Sequence[FilmPhoto], count: int) -> tuple[int, ...]:
    kept = list(range(len(photos)))
    crowd = Counter(photo.room for photo in photos)
    while len(kept) > count:
        lightest = min(
            kept, key=lambda index: (photos[index].weight, -crowd[photos[index].room], -index)
        )
        kept.remove(lightest)
        crowd[photos[lightest].room] -= 1
    return tuple(kept)
