"""Cards within a graded film."""

from fractions import Fraction

import numpy as np
import pytest

from serving.render.frames import Sources
from serving.render.stills import draw_frame
from serving.render.template_files import shipped_fonts, shipped_templates
from serving.video.draw.looks import LOOKS, make_look
from serving.video.edit.assembly import EditOptions, Shape
from serving.video.edit.overlays import Branding, plan_film
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.templates import Look
from serving.video.titles.layout import Brand, Words

TEMPLATES = shipped_templates()
COLOUR = (30, 160, 90)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_logo_on_a_card_keeps_its_colours(name: str) -> None:
    logo = np.full((200, 400, 4), (*COLOUR, 255), np.uint8)
    template = TEMPLATES[name].model_copy(update={"look": Look(name="mono")})
    shape = Shape(640, 360, Fraction(30))
    branding = Branding(Words(), Brand("Agency", logo=logo), shipped_fonts())
    plan = plan_film([FilmPhoto("a", 640, 360)], template, shape, branding, EditOptions(), None)
    photo = np.full((360, 640, 3), COLOUR, np.uint8)
    sources = Sources(
        lambda name: plan.cards.get(name, photo),
        plan.pictures.__getitem__,
        {look: make_look(look) for look in LOOKS},
    )
    last = draw_frame(plan.film, sources, plan.film.frames - 1)
    away = np.abs(last.astype(int) - COLOUR).max(axis=2)
    assert int((away <= 6).sum()) > 2000, "the logo is seen in its colours"
    graded = draw_frame(plan.film, sources, 20)
    assert np.abs(graded[180, 320].astype(int) - COLOUR).max() > 30, "photos go through the look"
