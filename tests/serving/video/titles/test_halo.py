import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import BadInput
from serving.render.template_files import shipped_fonts, shipped_templates
from serving.video.draw.rgba import Colour, Rgba, lay_over
from serving.video.titles.halo import add_halo, halo_margin, outline
from serving.video.titles.layout import Brand, Sheet, Words, contrast, contrasts, make_sheet
from serving.video.titles.titles import draw_contact_card, draw_logo_on_photos, draw_watermark

FONTS = shipped_fonts()
GREYS = [(0, 0, 0), (60, 60, 60), (118, 118, 118), (190, 190, 190), (255, 255, 255)]
COLOURS = [
    *GREYS,
    *[(200, 40, 40), (20, 40, 90), (200, 164, 92), (0, 140, 70), (255, 210, 63)],
]
RADIUS = 2.5


def bars(colour: Colour, thick: int = 6) -> Rgba:
    """Strokes as letters have them."""
    logo = np.zeros((60, 180, 4), np.uint8)
    for left in range(0, 180, 3 * thick):
        logo[:, left : left + thick] = (*colour, 255)
    return logo


def sheet_of(template: str = "energetic", width: int = 1280, height: int = 720) -> Sheet:
    return make_sheet(width, height, shipped_templates()[template].titles, FONTS, Brand())


def on(ground: Colour, picture: Rgba) -> Rgba:
    below = np.full(picture.shape, (*ground, 255), np.uint8)
    return lay_over(below, picture, 0, 0)


def beside_strokes(picture: Rgba, logo: Rgba, pad: int, ground: Colour) -> float:
    """The least contrast of a logo's strokes to what lies 2 px beside them, on a ground."""
    seen = on(ground, picture)[pad : pad + logo.shape[0], pad : pad + logo.shape[1], :3]
    row = logo[30, :, 3] > 0
    beside = ~row & (np.roll(row, 2) | np.roll(row, -2))
    beside[:20] = beside[-20:] = False
    return float(contrasts(seen[30, beside], tuple(logo[30, row][0, :3].tolist())).min())


@pytest.mark.parametrize("ground", GREYS)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_logo_of_any_colour_stands_out_from_any_ground(colour: Colour, ground: Colour) -> None:
    logo = bars(colour)
    picture = add_halo(logo, RADIUS)
    assert beside_strokes(picture, logo, halo_margin(RADIUS), ground) > 2.0


def test_where_a_logo_stands_out_already_its_ground_stays_as_it_is() -> None:
    pad = halo_margin(RADIUS)
    for colour, ground in (((255, 255, 255), (0, 0, 0)), ((0, 0, 0), (255, 255, 255))):
        seen = on(ground, add_halo(bars(colour), RADIUS))
        around = np.pad(bars(colour)[..., 3], pad) == 0
        assert (seen[around][:, :3] == ground).all()


def test_each_part_of_a_logo_has_the_glow_it_needs() -> None:
    logo = np.concatenate([bars((0, 0, 0)), np.zeros((60, 60, 4), np.uint8), bars((255,) * 3)], 1)
    picture = add_halo(logo, RADIUS)
    pad = halo_margin(RADIUS)
    left, right = picture[pad + 30, pad + 8], picture[pad + 30, pad + 250]
    assert left[:3].min() > 200
    assert right[:3].max() < 55


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 80), st.integers(1, 80), st.floats(0.3, 12), st.integers(0, 2**31))
def test_a_halo_spares_the_logo_and_ends_before_the_picture_does(
    width: int, height: int, radius: float, seed: int
) -> None:
    logo = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    logo[..., 3] = np.where(logo[..., 3] > 128, 255, 0)
    before = logo.copy()
    picture, pad = add_halo(logo, radius), halo_margin(radius)
    assert np.array_equal(logo, before)
    assert picture.shape == (height + 2 * pad, width + 2 * pad, 4)
    solid = np.pad(logo, ((pad, pad), (pad, pad), (0, 0)))
    inked = solid[..., 3] == 255
    assert np.array_equal(picture[inked], solid[inked])
    if pad > 4:
        frame = picture[..., 3].copy()
        frame[1:-1, 1:-1] = 0
        assert frame.max() <= 6


def test_only_the_outline_counts() -> None:
    disc = np.zeros((50, 50, 4), np.uint8)
    disc[5:45, 5:45] = (20, 40, 90, 255)
    disc[20:30, 20:30] = (255, 255, 255, 255)
    weight = outline(disc)
    assert weight[5, 25] == 1
    assert weight[25, 25] == 0
    assert weight[0, 0] == 0


def test_on_photos_the_logo_has_its_glow_and_keeps_its_size() -> None:
    picture, margin = draw_logo_on_photos(
        sheet_of(), np.full((60, 180, 4), 255, np.uint8), 150, 100
    )
    assert picture.pixels.shape == (50 + 2 * margin, 150 + 2 * margin, 4)
    assert margin < min(sheet_of().side, sheet_of().ends)
    with pytest.raises(BadInput):
        draw_logo_on_photos(sheet_of(), np.zeros((9, 9, 4), np.uint8), 100, 100)


def test_on_a_card_only_a_logo_that_would_be_lost_glows() -> None:
    light = {}
    for name, colour in (("lost", (10, 10, 10)), ("seen", (200, 40, 40))):
        brand = Brand(logo=bars(colour))
        card = draw_contact_card(sheet_of(), brand, Words()).pixels[..., :3]
        light[name] = int((card.min(axis=2) > 100).sum())
    assert light["lost"] > 1000
    assert light["seen"] == 0


@pytest.mark.parametrize("template", sorted(shipped_templates()))
@pytest.mark.parametrize("ground", [(0, 0, 0), (128, 128, 128), (255, 255, 255)])
def test_a_watermark_is_faint_and_yet_seen(template: str, ground: Colour) -> None:
    mark = draw_watermark(sheet_of(template), "Sample").pixels
    seen = on(ground, mark)[..., :3].reshape(-1, 3)
    strongest = contrasts(seen, ground).max()
    assert 1.35 < strongest < 4.5
    assert contrast(ground, ground) == 1
