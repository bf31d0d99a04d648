"""The small pictures that a film is held against show what the film does."""

from dataclasses import replace

import pytest

from serving.render.frames import FrameRenderer
from serving.render.planned import draw_planned
from serving.render.segments import split_film
from serving.video.check.measures import Luma, measure_frames
from serving.video.draw.yuv import empty_planes
from serving.video.film import Film, Transition
from tests.serving.render.films import make_film, make_sources


def draw(film: Film) -> list[Luma]:
    renderer, out, frames = (
        FrameRenderer(film, make_sources()),
        empty_planes(film.width, film.height),
        [],
    )
    for segment in split_film(film):
        paint = renderer.painter(segment)
        for number in range(segment.frames):
            paint(number, out)
            frames.append(out.y.copy())
    return frames


@pytest.mark.parametrize("kind", ["slide", "push", "whip"])
@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (256, 144)])
def test_what_slides_is_where_the_film_has_it(kind: str, size: tuple[int, int]) -> None:
    """At 60 frames a second a small picture that moves by whole pixels is early or late."""
    change = (Transition(kind, 24, (("direction", "left"),)),)
    film = replace(make_film(2, 26), width=size[0], height=size[1], transitions=change)
    figures = measure_frames(draw(film), draw_planned(film, make_sources()))
    assert figures.error.max() < 2.5
