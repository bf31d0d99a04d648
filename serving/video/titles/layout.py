"""What titles are drawn for, and how their parts are set and piled up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.video.draw.rgba import Colour, Rgba, add_shadow, blank, fit_inside, lay_over, to_colour
from serving.video.titles.style import TitleStyle
from serving.video.titles.text import Align, Lettering, draw_text

# Title-safe: EBU R 95 keeps 5 % free on every side; on upright screens apps draw over the ends.
_SIDE, _ENDS_WIDE, _ENDS_TALL = 0.06, 0.06, 0.16
_LEAST_CONTRAST = 3.0  # WCAG 2.2, 1.4.3, for large letters


@dataclass(frozen=True)
class Words:
    """What a film says of its listing; empty texts are left out."""

    headline: str = ""
    address: str = ""
    price: str = ""
    facts: str = ""


@dataclass(frozen=True, eq=False)
class Brand:
    """Who offers the listing.

    Parameters
    ----------
    logo : uint8 RGBA
    colour : `#rrggbb`, replaces the template's accent
    watermark : text laid faintly over the whole film
    """

    name: str = ""
    agent: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    logo: Rgba | None = None
    colour: str | None = None
    watermark: str = ""


@dataclass(frozen=True)
class Sheet:
    """What titles are drawn for: the film's frame in pixels, the style, the fonts by name."""

    width: int
    height: int
    style: TitleStyle
    fonts: Mapping[str, bytes]
    accent: Colour

    @property
    def tall(self) -> bool:
        """Whether the frame is upright, as phones are held."""
        return self.height > 1.2 * self.width

    @property
    def em(self) -> float:
        """Size of a title's letters in pixels."""
        return self.style.size * min(self.width, self.height) * (0.9 if self.tall else 1.0)

    @property
    def side(self) -> int:
        """Free pixels at the left and right."""
        return round(_SIDE * self.width)

    @property
    def ends(self) -> int:
        """Free pixels at the top and bottom."""
        return round((_ENDS_TALL if self.tall else _ENDS_WIDE) * self.height)

    @property
    def room(self) -> int:
        """Width that text may take."""
        return self.width - 2 * self.side


def make_sheet(
    width: int, height: int, style: TitleStyle, fonts: Mapping[str, bytes], brand: Brand
) -> Sheet:
    """Prepare for drawing; the brand's colour, if any, is the accent."""
    return Sheet(width, height, style, fonts, to_colour(brand.colour or style.accent))


@dataclass(frozen=True)
class Line:
    """One text of a title: its size in ems of the sheet, its font, its colour, its most lines."""

    text: str
    size: float = 0.5
    title: bool = False
    colour: Colour | None = None
    most: int = 2


def set_line(sheet: Sheet, line: Line, width_px: int, align: Align) -> Rgba:
    """Draw one text within a width; 1x1 and transparent when it is empty."""
    font = sheet.style.font if line.title else sheet.style.text_font
    shown = line.text.upper() if line.title and sheet.style.uppercase else line.text
    colour = line.colour or to_colour(sheet.style.colour)
    lettering = Lettering(font, line.size * sheet.em, colour, align, line.most)
    return draw_text(shown, lettering, width_px, sheet.fonts)


def set_lines(sheet: Sheet, *lines: Line) -> list[Rgba]:
    """Draw texts in the sheet's full width; empty ones are left out."""
    drawn = [set_line(sheet, line, sheet.room, sheet.style.align) for line in lines]
    return [pixels for pixels in drawn if pixels.shape[0] > 1]


def draw_rule(sheet: Sheet) -> Rgba:
    """Draw the short line of the accent colour under a headline."""
    return blank(round(1.6 * sheet.em), max(2, round(0.06 * sheet.em)), sheet.accent, 1.0)


def readable_accent(sheet: Sheet) -> Colour:
    """Return the accent colour, or the letters' own where it would not stand out on a card."""
    ground, accent = to_colour(sheet.style.card), sheet.accent
    return accent if contrast(accent, ground) >= _LEAST_CONTRAST else to_colour(sheet.style.colour)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1..21 (WCAG 2.2, relative luminance).

    Examples
    --------
    >>> round(contrast((255, 255, 255), (0, 0, 0)), 3)
    21.0
    """
    return float(contrasts(np.array(one), other))


def contrasts(colours: NDArray[np.integer], ground: Colour) -> NDArray[np.float64]:
    """Return the contrast ratio of each of the colours, shape (..., 3), to one ground."""
    one, other = _luminance(colours) + 0.05, _luminance(np.array(ground)) + 0.05
    return np.maximum(one, other) / np.minimum(one, other)


def _luminance(colours: NDArray[np.integer]) -> NDArray[np.float64]:
    parts = colours / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def pile_up(parts: Sequence[Rgba], align: Align, gap: int) -> Rgba:
    """Put pictures below each other, `gap` pixels apart; BadInput when there are none."""
    if not parts:
        raise BadInput("a caption needs words")
    width = max(part.shape[1] for part in parts)
    height = sum(part.shape[0] for part in parts) + gap * (len(parts) - 1)
    pile, top = blank(width, height), 0
    for part in parts:
        spare = width - part.shape[1]
        left = {"start": 0, "centre": spare // 2, "end": spare}[align]
        pile = lay_over(pile, part, left, top)
        top += part.shape[0] + gap
    return pile


def shrink_to(pixels: Rgba, width: int, height: int) -> Rgba:
    """Make a block smaller when it is larger than its room."""
    fits = pixels.shape[1] <= width and pixels.shape[0] <= height
    return pixels if fits else fit_inside(pixels, width, height)


def shadow_of(sheet: Sheet) -> tuple[float, int]:
    """Return the radius of the shadow of letters and the pixels it adds on every side."""
    radius = 0.07 * sheet.em
    return radius, round(3 * radius)


def with_shadow(sheet: Sheet, pixels: Rgba) -> Rgba:
    """Lay a shadow under letters that lie on a photo."""
    return add_shadow(pixels, shadow_of(sheet)[0], 0.7)
