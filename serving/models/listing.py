"""A listing's photos side by side: the same view twice, the best shots, a cover and an order."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from serving.models.results import FailedResult, RoomResult
from serving.photos.fingerprint import Fingerprint, group_alike
from serving.photos.quality.task import QualityAnswer
from serving.video.edit.photo_order import FilmPhoto, order_by_room

# What a listing may open with, the first that there is, as buyers look for it.
_COVERS = ("exterior", "living_room", "kitchen")
_FAIR = 60.0  # a score under which a photo is no cover while another could be


@dataclass(frozen=True)
class Seen:
    """What is known of one photo of the listing."""

    photo: str
    room: str
    score: float
    fingerprint: Fingerprint


class ListingResult(BaseModel):
    """What the photos of one listing are, taken together."""

    duplicates: list[list[str]] = Field(
        description="photos of the same view, each group's best first; views shown once are missing"
    )
    best: list[str] = Field(description="one photo of each view, in the order of the request")
    cover: str = Field(description="the photo to open with")
    order: list[str] = Field(description="the best shots as a visitor walks, the cover first")


def as_seen(result: RoomResult | FailedResult, quality: QualityAnswer | None) -> Seen | None:
    """Put together what was found of a photo; None where something is missing."""
    if isinstance(result, FailedResult) or quality is None:
        return None
    seen = Fingerprint.from_bytes(bytes.fromhex(quality.fingerprint))
    return Seen(result.photo, result.room_type, quality.score, seen)


def arrange_listing(photos: Sequence[Seen | None]) -> ListingResult | None:
    """Group the views, and suggest a cover and an order; None where nothing is known.

    Parameters
    ----------
    photos : None for one of which nothing is known: it is left out
    """
    known = [photo for photo in photos if photo is not None]
    if not known:
        return None
    views = group_alike([photo.fingerprint for photo in known])
    groups = [
        sorted((p for p, v in zip(known, views, strict=True) if v == view), key=lambda p: -p.score)
        for view in dict.fromkeys(views)
    ]
    best = [group[0] for group in groups]
    cover = choose_cover(best)
    walk = order_by_room([FilmPhoto(p.photo, 1, 1, weight=1 + p.score, room=p.room) for p in best])
    order = [cover, *(best[place] for place in walk if best[place] is not cover)]
    return ListingResult(
        duplicates=[[photo.photo for photo in group] for group in groups if len(group) > 1],
        best=[photo.photo for photo in best],
        cover=cover.photo,
        order=[photo.photo for photo in order],
    )


def choose_cover(photos: Sequence[Seen]) -> Seen:
    """Return the best photo of the first kind of room that has a fair one, or the best of all."""
    for room in _COVERS:
        fair = [photo for photo in photos if photo.room == room and photo.score >= _FAIR]
        if fair:
            return max(fair, key=lambda photo: photo.score)
    return max(photos, key=lambda photo: photo.score)
