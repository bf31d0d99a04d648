"""Titles, captions, cards and brand pictures of a film, drawn for its frame and style."""

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.video.draw.rgba import (
    Colour,
    Picture,
    Rgba,
    add_shadow,
    blank,
    check_rgba,
    fade,
    fit_inside,
    lay_over,
    name_picture,
    to_colour,
    trim,
)
from serving.video.titles.halo import add_halo, halo_margin, outline
from serving.video.titles.layout import (
    Brand,
    Line,
    Sheet,
    Words,
    contrasts,
    draw_rule,
    pile_up,
    readable_accent,
    set_line,
    set_lines,
    shadow_of,
    shrink_to,
    with_shadow,
)
from serving.video.titles.text import is_right_to_left

_SCRIM = 0.5  # darkness behind an opening title
_PLATE = 0.7
_SOLID_BOX = 0.35  # opacity from which letters need no shadow
_HALO = 0.0035  # of the frame's shorter side
_LEAST_LOGO_CONTRAST, _MOST_LOST = 2.0, 0.15  # of a logo's outline on a card


def draw_opening(sheet: Sheet, words: Words) -> Picture:
    """Draw the title that lies over the first photo: as wide as the frame, on a soft dark ground.

    Raises
    ------
    BadInput
        There are no words, or letters that the fonts lack.
    """
    parts = pile_up(_title_parts(sheet, words), sheet.style.align, round(0.35 * sheet.em))
    block = shrink_to(with_shadow(sheet, parts), sheet.width, sheet.height - 2 * sheet.ends)
    pad = round(2 * sheet.em)
    ground = _scrim(sheet.width, block.shape[0] + 2 * pad, pad)
    return name_picture(lay_over(ground, block, _indent(sheet, block, words.headline), pad))


def draw_intro_card(sheet: Sheet, words: Words, brand: Brand) -> Picture:
    """Draw the opening card: the whole frame, opaque, with the logo above the title."""
    price = readable_accent(sheet)
    return _card(sheet, [*_logo_part(sheet, brand), *_title_parts(sheet, words, price)])


def draw_contact_card(sheet: Sheet, brand: Brand, words: Words, opacity: float = 1.0) -> Picture:
    """Draw the closing card: logo, who to call and how, and the address once more.

    With an `opacity` below 1 the film shows through its ground.
    """
    parts = _logo_part(sheet, brand)
    parts += set_lines(sheet, Line(brand.agent or brand.name, 0.8, title=True))
    if brand.agent:
        parts += set_lines(sheet, Line(brand.name))
    parts += [draw_rule(sheet)] if parts else []
    parts += set_lines(sheet, Line(brand.phone), Line(brand.email), Line(brand.website))
    parts += set_lines(sheet, Line(words.address, 0.42))
    return _card(sheet, parts, opacity)


def draw_lower_third(sheet: Sheet, title: str, text: str = "") -> Picture:
    """Draw a caption for the frame's lower third: a bar of the accent colour beside two texts.

    Returns
    -------
    Picture
        Tight, at most three fifths of the frame's width (all of it on an upright frame).
    """
    bar, gap = max(2, round(0.09 * sheet.em)), round(0.3 * sheet.em)
    width = (sheet.room if sheet.tall else round(0.6 * sheet.width)) - bar - 3 * gap
    lines = (Line(title, 0.62, title=True), Line(text, 0.44))
    drawn = [set_line(sheet, line, width, "start") for line in lines if line.text]
    turned = is_right_to_left(title or text)
    block = pile_up(drawn, "end" if turned else "start", gap)
    inner_w, inner_h = block.shape[1] + bar + 3 * gap, block.shape[0] + 2 * gap
    ground = blank(inner_w, inner_h, to_colour(sheet.style.card), sheet.style.box)
    edge = blank(bar, inner_h, sheet.accent, 1.0)
    ground = lay_over(ground, edge, inner_w - bar if turned else 0, 0)
    result = lay_over(ground, block, 2 * gap if turned else bar + gap, gap)
    return name_picture(result if sheet.style.box >= _SOLID_BOX else with_shadow(sheet, result))


def draw_label(sheet: Sheet, text: str) -> Picture:
    """Draw a word on a plate, with a dot below it that marks the spot it belongs to.

    Returns
    -------
    Picture
        Tight; the spot is the middle of its lower edge.
    """
    letters = set_line(sheet, Line(text, 0.42), round(0.4 * sheet.width), "centre")
    if letters.shape[0] == 1:
        raise BadInput("a label has no text")
    gap, dot = round(0.18 * sheet.em), max(4, 2 * round(0.1 * sheet.em))
    height, width = letters.shape[0] + 2 * gap, letters.shape[1] + 4 * gap
    plate = blank(width, height, to_colour(sheet.style.card), _PLATE)
    plate = lay_over(plate, letters, 2 * gap, gap)
    result = lay_over(blank(width, height + dot + gap), plate, 0, 0)
    mark = blank(dot, dot, sheet.accent)
    across = np.abs(np.arange(dot) + 0.5 - dot / 2)
    inside = dot / 2 + 0.5 - np.hypot(across[:, None], across)
    mark[..., 3] = np.rint(255 * inside.clip(0, 1))
    return name_picture(lay_over(result, mark, (width - dot) // 2, height + gap))


def draw_logo(logo: Rgba, width_px: int, most_height_px: int, opacity: float = 1.0) -> Picture:
    """Fit a logo into a box, its transparent margin cut off.

    Raises
    ------
    BadInput
        No RGBA picture, or one that shows nothing.
    """
    check_rgba(logo, "the logo")
    return name_picture(fade(fit_inside(trim(logo), width_px, most_height_px), opacity))


def draw_logo_on_photos(
    sheet: Sheet, logo: Rgba, width_px: int, most_height_px: int
) -> tuple[Picture, int]:
    """Fit a logo into a box, with a glow around it that makes it readable on any photo.

    Returns
    -------
    Picture
    margin : pixels by which the glow reaches past the logo, on every side

    Raises
    ------
    BadInput
        As `draw_logo` does.
    """
    radius = _halo_radius(sheet)
    drawn = draw_logo(logo, width_px, most_height_px).pixels
    return name_picture(add_halo(drawn, radius)), halo_margin(radius)


def draw_watermark(sheet: Sheet, text: str, opacity: float = 0.34) -> Picture:
    """Draw a faint line of text that stays legible on light and dark photos."""
    letters = set_line(sheet, Line(text, title=True), sheet.room, "centre")
    if letters.shape[0] == 1:
        raise BadInput("the watermark has no text")
    return name_picture(fade(add_shadow(letters, 0.045 * sheet.em, 1.0), opacity))


def draw_waveform(
    sheet: Sheet, peaks: NDArray[np.floating], played: float, size: tuple[int, int]
) -> Picture:
    """Draw a track's waveform as bars.

    Parameters
    ----------
    peaks : 0..1, any number; the largest of each bar's share is its height
    played : 0..1, the part in the accent colour; the rest is white
    size : width and height in pixels
    """
    width, height = size
    if not peaks.size or not np.isfinite(peaks).all() or width < 8 or height < 4:
        raise BadInput("a waveform needs peaks and 8x4 pixels at least")
    pitch = max(4, round(0.09 * sheet.em))
    bars = width // pitch
    edges = np.linspace(0, peaks.size, bars + 1)
    first, last = np.floor(edges[:-1]).astype(int), np.ceil(edges[1:]).astype(int)
    levels = [float(np.abs(peaks[a:b]).max()) for a, b in zip(first, last, strict=True)]
    result = blank(width, height, (255, 255, 255))
    for number, level in enumerate(levels):
        tall = max(2, round(min(level, 1.0) * height))
        done = (number + 0.5) / bars <= played
        bar = blank(
            max(2, round(0.6 * pitch)), tall, sheet.accent if done else (255, 255, 255), 0.9
        )
        result = lay_over(result, bar, number * pitch, (height - tall) // 2)
    return name_picture(result)


def _title_parts(sheet: Sheet, words: Words, price: Colour | None = None) -> list[Rgba]:
    parts = set_lines(sheet, Line(words.headline, 1.0, title=True, most=3 if sheet.tall else 2))
    parts += [draw_rule(sheet)] if parts else []
    parts += set_lines(sheet, Line(words.address), Line(words.facts))
    parts += set_lines(sheet, Line(words.price, 0.66, title=True, colour=price))
    if not parts:
        raise BadInput("a title needs words: a headline, an address, facts or a price")
    return parts


def _logo_part(sheet: Sheet, brand: Brand) -> list[Rgba]:
    if brand.logo is None:
        return []
    logo = draw_logo(brand.logo, round(0.34 * sheet.width), round(0.2 * sheet.height)).pixels
    if _is_lost(logo, to_colour(sheet.style.card)):
        logo = add_halo(logo, _halo_radius(sheet))
    return [np.pad(logo, ((0, round(0.3 * sheet.em)), (0, 0), (0, 0)))]


def _halo_radius(sheet: Sheet) -> float:
    return _HALO * min(sheet.width, sheet.height)


def _is_lost(logo: Rgba, ground: Colour) -> bool:
    """Say whether a part of a logo's outline can hardly be told from the ground."""
    weight = outline(logo)
    faint = contrasts(logo[..., :3], ground) < _LEAST_LOGO_CONTRAST
    return float((weight * faint).sum()) > _MOST_LOST * float(weight.sum())


def _card(sheet: Sheet, parts: list[Rgba], opacity: float = 1.0) -> Picture:
    if not parts:
        raise BadInput("a card needs words or a logo")
    card = blank(sheet.width, sheet.height, to_colour(sheet.style.card), opacity)
    block = pile_up(parts, "centre", round(0.4 * sheet.em))
    block = shrink_to(block, sheet.room, sheet.height - 2 * sheet.ends)
    left, top = (sheet.width - block.shape[1]) // 2, (sheet.height - block.shape[0]) // 2
    return name_picture(lay_over(card, block, left, top))


def _indent(sheet: Sheet, block: Rgba, text: str) -> int:
    """Return where a block begins; the letters, not their shadow, keep to the margin."""
    if sheet.style.align == "centre":
        return int(sheet.width - block.shape[1]) // 2
    spread = shadow_of(sheet)[1]
    if is_right_to_left(text):
        return int(sheet.width - sheet.side - block.shape[1] + spread)
    return sheet.side - spread


def _scrim(width: int, height: int, soft: int) -> Rgba:
    """Darken a band whose upper and lower `soft` rows fade out."""
    ground = blank(width, height)
    rows = np.arange(height) + 0.5
    near = (np.minimum(rows, height - rows) / soft).clip(0, 1)
    ground[..., 3] = np.rint(255 * _SCRIM * near**2 * (3 - 2 * near))[:, None]
    return ground
