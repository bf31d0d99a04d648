"""Text to letters: any script the fonts hold, right to left too, wrapped, never overflowing."""

import io
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from serving.errors import BadInput, ListingError, TooLarge
from serving.video.east_asian import has_east_asian, language_of, mark_breaks, remove_marks
from serving.video.picture import Colour, Rgba
from serving.video.wrapping import fit_lines

Align = Literal["start", "centre", "end"]
MOST_CHARACTERS = 600
EAST_ASIAN = "cjk-medium"  # the font of Chinese, Japanese and Korean, whichever is asked for
_LINE = 1.28  # line pitch per size
_ARABIC_SIZE = 1.18
_JOINERS = "\u200c\u200d\u200e\u200f"  # what joins, parts and turns letters
_UNKNOWN = "\U0010ffff"  # no font has this one
_PROBE_PX = 24


@dataclass(frozen=True)
class Lettering:
    """How a text is set.

    Parameters
    ----------
    font : name of a font
    size_px : height of an em; made smaller when the text needs it
    colour : RGB, 0..255
    align : `start` is the left for left-to-right text and the right for right-to-left text
    max_lines : at least 1
    """

    font: str
    size_px: float
    colour: Colour = (255, 255, 255)
    align: Align = "centre"
    max_lines: int = 2


def is_right_to_left(text: str) -> bool:
    """Say whether a text's first strong letter reads from the right (UAX #9, rules P2 and P3).

    Examples
    --------
    >>> is_right_to_left("12 שלום"), is_right_to_left("12 Rue")
    (True, False)
    """
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"


def clean_text(text: str, font: bytes) -> str:
    """Normalise what people paste, and keep only what the font can draw.

    Control characters go; emoji and other pictures without a glyph are left out.

    Raises
    ------
    TooLarge
        Over 600 characters.
    BadInput
        A letter, digit or currency sign that the font lacks: leaving it out would change the text.
    """
    if len(text) > MOST_CHARACTERS:
        raise TooLarge("characters in a text", len(text), MOST_CHARACTERS)
    lines = unicodedata.normalize("NFC", text).splitlines()
    text = "\n".join(" ".join(line.split()) for line in lines if line.strip())
    kept: list[str] = []
    lacking: list[str] = []
    for character in text:
        if character in _JOINERS:
            kept += character if kept and kept[-1].isalpha() else ""  # not those of emoji
        elif character in " \n" or _draws(font, character):
            kept.append(character)
        elif unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "Sc":
            lacking.append(character)
    if lacking:
        raise BadInput(f"no font here can draw '{''.join(dict.fromkeys(lacking))[:20]}'")
    return "\n".join(" ".join(line.split()) for line in "".join(kept).splitlines())


def draw_text(text: str, lettering: Lettering, width_px: int, fonts: Mapping[str, bytes]) -> Rgba:
    """Set a text within a width.

    It is wrapped at spaces, and between Chinese and Japanese letters, into lines of even length;
    when it does not fit into `max_lines` it gets smaller, and when it is still too long, words are
    broken and the end becomes an ellipsis.

    Parameters
    ----------
    text : line ends start a new line
    lettering : how
    width_px : that is never exceeded
    fonts : font files by name; `cjk-medium`, if there, for Chinese, Japanese and Korean

    Returns
    -------
    uint8, RGBA, shape (height, ≤ width_px, 4)
        Tight around the lines' advance, with room for accents and descenders; 1x1 and transparent
        for an empty text.
    """
    font_file = _find_font(lettering.font, fonts)
    if has_east_asian(text):
        font_file = fonts.get(EAST_ASIAN, font_file)
    text = clean_text(text, font_file)
    if not text:
        return np.zeros((1, 1, 4), np.uint8)
    _check_shaping(text)
    # Arabic letters are drawn smaller on the same em than Latin ones
    larger = _ARABIC_SIZE if any("ARABIC LETTER" in unicodedata.name(c, "") for c in text) else 1
    measure = partial(_length, language=_language(text))
    lines, size = fit_lines(
        mark_breaks(text),
        width_px,
        lettering.max_lines,
        lettering.size_px * larger,
        lambda size_px: partial(measure, _open(font_file, size_px)),
    )
    lines = [remove_marks(line) for line in lines]
    return _draw_lines(lines, replace(lettering, size_px=size), width_px, font_file)


def _find_font(name: str, fonts: Mapping[str, bytes]) -> bytes:
    if name not in fonts:
        raise BadInput(f"no font is named '{name}'; there are {', '.join(fonts)}")
    return fonts[name]


def _check_shaping(text: str) -> None:
    """Right-to-left letters drawn without shaping would be unreadable: say so instead."""
    turned = any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
    if turned and not features.check("raqm"):
        raise ListingError("right-to-left text needs FriBidi on this machine (Debian: libfribidi0)")


@lru_cache(maxsize=64)
def _open(
    font: bytes, size_px: int, engine: ImageFont.Layout | None = None
) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(io.BytesIO(font), size_px, layout_engine=engine)
    except OSError as error:
        raise BadInput(f"the font cannot be read: {error}") from error


@lru_cache(maxsize=8192)
def _draws(font: bytes, character: str) -> bool:
    """Say whether a font has its own glyph for a character, not just its box for unknown ones."""
    face = _open(font, _PROBE_PX, ImageFont.Layout.BASIC)
    unknown, mask = (face.getmask(letter) for letter in (_UNKNOWN, character))
    return (mask.size, bytes(mask)) != (unknown.size, bytes(unknown))


def _length(face: ImageFont.FreeTypeFont, line: str, language: str | None = None) -> float:
    """Return how many pixels wide a line's ink is."""
    left, _, right, _ = face.getbbox(remove_marks(line), language=language)
    return right - left


def _language(text: str) -> str | None:
    shapes = has_east_asian(text) and features.check("raqm")
    return language_of(text) if shapes else None


def _draw_lines(lines: list[str], lettering: Lettering, width_px: int, font: bytes) -> Rgba:
    size = int(lettering.size_px)
    face = _open(font, size)
    turned = is_right_to_left("\n".join(lines))
    way, language = _direction(turned), _language("\n".join(lines))
    boxes = [face.getbbox(x, direction=way, language=language, anchor="ls") for x in lines]
    above = max(round(0.78 * size), -int(boxes[0][1]))
    below = max(round(0.25 * size), int(boxes[-1][3]))
    pitch = round(_LINE * size)
    width = min(width_px, max(int(np.ceil(_length(face, line, language))) for line in lines))
    mask = Image.new("L", (width, above + pitch * (len(lines) - 1) + below), 0)
    draw = ImageDraw.Draw(mask)
    for number, (line, box) in enumerate(zip(lines, boxes, strict=True)):
        spare = width - (box[2] - box[0])
        left = spare * _share(lettering.align, turned) - box[0]
        place = (max(round(left), -int(box[0])), above + pitch * number)
        draw.text(place, line, 255, face, "ls", direction=way, language=language)
    pixels = np.empty((mask.height, mask.width, 4), np.uint8)
    pixels[..., :3] = lettering.colour
    pixels[..., 3] = np.asarray(mask)
    return pixels


def _direction(turned: bool) -> str | None:
    if not features.check("raqm"):
        return None
    return "rtl" if turned else "ltr"


def _share(align: Align, turned: bool) -> float:
    """Return which part of the spare width goes to the left of a line."""
    if align == "centre":
        return 0.5
    return float((align == "end") != turned)
