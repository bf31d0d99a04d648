"""A film's frames as planned, drawn very small: what its decoded frames are held against."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction

from serving.render.frames import Cutter, Sources
from serving.render.segments import split_film
from serving.video.film import Film
from serving.video.measures import Luma
from serving.video.planes import empty_planes

_SHORTER_SIDE = 72  # a 1080p frame is 15 times as high: one is drawn in a hundredth of its time


def draw_planned(film: Film, sources: Sources) -> Iterator[Luma]:
    """Yield the luma of every frame of a film, drawn anew from its photos, 72 pixels high or wide.

    Nothing that was kept is taken, and nothing is encoded: a fault in either shows.
    """
    factor = Fraction(_SHORTER_SIDE, min(film.width, film.height))
    width, height = (2 * round(side * factor / 2) for side in (film.width, film.height))
    small = dataclasses.replace(film, width=width, height=height)
    cutter, out = Cutter(small, sources), empty_planes(width, height)
    for segment in split_film(small):
        draw = cutter.painter(segment)
        for number in range(segment.frames):
            draw(number, out)
            yield out.y.copy()
