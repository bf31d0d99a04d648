"""A film's frames as planned, drawn small: what its decoded frames are held against."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np

from serving.render.frames import FrameRenderer, Sources
from serving.render.segments import split_film
from serving.video.check.measures import Luma
from serving.video.draw.yuv import empty_planes
from serving.video.film import Film

# A 1080p frame is 7.5 times as high as what is drawn: one takes a fiftieth of its time. What slides
# does so by whole pairs of pixels, so what is compared is half as high as what is drawn.
_DRAWN_SIDE, _SHORTER_SIDE = 144, 72


def draw_planned(film: Film, sources: Sources) -> Iterator[Luma]:
    """Yield the luma of every frame of a film, drawn anew from its photos, 72 pixels high or wide.

    Nothing that was kept is taken, and nothing is encoded: a fault in either shows.
    """
    width, height = _scaled(film, _DRAWN_SIDE)
    size = _scaled(film, _SHORTER_SIDE)
    small = dataclasses.replace(film, width=width, height=height)
    renderer, out = FrameRenderer(small, sources), empty_planes(width, height)
    for segment in split_film(small):
        draw = renderer.painter(segment)
        for number in range(segment.frames):
            draw(number, out)
            yield np.array(cv2.resize(out.y, size, interpolation=cv2.INTER_AREA), np.uint8)


def _scaled(film: Film, shorter_side: int) -> tuple[int, int]:
    """Return the film's size, its shorter side as long as that, or as it is if that is less."""
    factor = min(Fraction(1), Fraction(shorter_side, min(film.width, film.height)))
    return 2 * round(film.width * factor / 2), 2 * round(film.height * factor / 2)
