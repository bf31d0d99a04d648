"""Moments of a film that are worth a name: its poster and its chapters."""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.video.assembly import CARD
from serving.video.order import Photo
from serving.video.timeline import Timeline


@dataclass(frozen=True)
class Chapter:
    """Where a room begins; the room is None at a card or a photo of an unknown room."""

    frame: int
    room: str | None


def choose_poster(timeline: Timeline, photos: Sequence[Photo]) -> int:
    """Return the middle frame of the weightiest photo's first clip: sharp, and between two cuts."""
    clips = [clip for clip, source in enumerate(timeline.sources) if source != CARD]
    best = max(clips, key=lambda clip: (photos[timeline.sources[clip]].weight, -clip))
    low, high = timeline.span(best)
    return (low + high) // 2


def list_chapters(timeline: Timeline, photos: Sequence[Photo]) -> tuple[Chapter, ...]:
    """List the frames at which another room begins; the first is always frame 0."""
    chapters: list[Chapter] = []
    for clip, source in enumerate(timeline.sources):
        room = None if source == CARD else photos[source].room
        if not chapters or chapters[-1].room != room:
            chapters.append(Chapter(timeline.span(clip)[0], room))
    return tuple(chapters)
