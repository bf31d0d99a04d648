"""Moments of a film that are worth a name: its poster and its chapters."""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.characters import lines_of
from serving.video.edit.assembly import CARD
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.timeline import Timeline


@dataclass(frozen=True)
class Chapter:
    """Where a room or a card begins, and what it is called."""

    frame: int
    name: str


def choose_poster(timeline: Timeline, photos: Sequence[FilmPhoto]) -> int:
    """Return the middle frame of the weightiest photo's first clip: sharp, and between two cuts."""
    clips = [clip for clip, source in enumerate(timeline.sources) if source != CARD]
    best = max(clips, key=lambda clip: (photos[timeline.sources[clip]].weight, -clip))
    low, high = timeline.span(best)
    return (low + high) // 2


def list_chapters(
    timeline: Timeline, photos: Sequence[FilmPhoto], title: str
) -> tuple[Chapter, ...]:
    """List the frames at which another room or a card begins; the first is always frame 0.

    Parameters
    ----------
    title : what the opening card is called; the closing one is "Contact"
    """
    chapters: list[Chapter] = []
    for clip, source in enumerate(timeline.sources):
        card = "Contact" if clip else title or "Opening"
        name = card if source == CARD else _name(photos[source])
        if not chapters or chapters[-1].name != name:
            chapters.append(Chapter(timeline.span(clip)[0], name))
    return tuple(chapters)


def _name(photo: FilmPhoto) -> str:
    """Return the room's name; of an unknown one the first line of the caption."""
    room = (photo.room or "").replace("_", " ").strip()
    if room:
        return room[0].upper() + room[1:]
    return next(iter(lines_of(photo.caption or "")), "Photos")
