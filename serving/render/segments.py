"""A film as pieces that are encoded apart: its clips between transitions, and transitions."""

from collections.abc import Iterator
from dataclasses import dataclass

from serving.video.film import Film

CLIP, TRANSITION = "clip", "transition"
# A change touches whole segments, and two workers share them: short enough for both.
LONGEST_S = 5.0


@dataclass(frozen=True)
class Segment:
    """Frames `start` .. `start + frames - 1` of a film: part of clip `index`, or transition.

    One that `follows` has no key frame: it goes on from the last picture of the one before it.
    """

    kind: str
    index: int
    start: int
    frames: int
    follows: bool = False

    @property
    def end(self) -> int:
        """The first frame after it."""
        return self.start + self.frames

    @property
    def clips(self) -> tuple[int, ...]:
        """The clips that are seen in it."""
        return (self.index,) if self.kind == CLIP else (self.index, self.index + 1)


def split_film(film: Film) -> tuple[Segment, ...]:
    """Return the film's segments in their order: clips between transitions, and transitions."""
    return tuple(_segments(film))


def _segments(film: Film) -> Iterator[Segment]:
    around = [0, *(transition.frames for transition in film.transitions), 0]
    for index, (clip, start) in enumerate(zip(film.clips, film.starts, strict=True)):
        before, after = around[index], around[index + 1]
        first, last = start + before, start + clip.frames - after
        yield from _parts(index, first, last, int(LONGEST_S * film.fps))
        if after:
            yield Segment(TRANSITION, index, last, after, follows=last > first)


def _parts(index: int, first: int, last: int, longest: int) -> Iterator[Segment]:
    count = -(-(last - first) // longest)
    for part in range(count):
        start, end = (first + (last - first) * n // count for n in (part, part + 1))
        yield Segment(CLIP, index, start, end - start)
