"""Text to letters: any script the fonts hold, right to left too, wrapped, never overflowing."""

import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from serving.errors import BadInput, StudioError
from serving.video.draw.rgba import Colour, Rgba
from serving.video.titles.cleaning import can_say, clean_text, has_right_to_left
from serving.video.titles.east_asian import (
    has_east_asian,
    is_east_asian,
    language_of,
    mark_breaks,
    remove_marks,
)
from serving.video.titles.line_breaking import fit_lines

Align = Literal["start", "centre", "end"]
Faces = tuple[bytes, ...]  # font files, the first that has a glyph draws it
EAST_ASIAN = "cjk-medium"  # the font of Chinese, Japanese and Korean, whichever is asked for
_LINE = 1.28  # line pitch per size
_ARABIC_SIZE = 1.18
_UNKNOWN = "\U0010ffff"  # no font has this one
_PROBE_PX = 24
# words of letters that are no East Asian ones, each of those by itself, and spaces
_WIDE = r"\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\ufe30-\uffef"
_PARTS = re.compile(rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+")


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


def draw_text(text: str, lettering: Lettering, width_px: int, fonts: Mapping[str, bytes]) -> Rgba:
    """Set a text within a width.

    It is wrapped at spaces, and between Chinese and Japanese letters, into lines of even length;
    when it does not fit into `max_lines` it gets smaller, then takes more lines. What four times as
    many do not hold ends in an ellipsis.

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
    faces = _faces_for(text, _find_font(lettering.font, fonts), fonts.get(EAST_ASIAN))
    text = clean_text(text, lambda character: any(_draws(font, character) for font in faces))
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
        lambda size_px: partial(measure, faces, size_px),
    )
    lines = [remove_marks(line) for line in lines]
    return _draw_lines(lines, replace(lettering, size_px=size), width_px, faces)


def _faces_for(text: str, font: bytes, east_asian: bytes | None) -> Faces:
    """Return the fonts that a text is drawn with, the one of most of its letters first.

    The East Asian one comes in only for letters that the asked one can neither draw nor write
    otherwise, and never beside letters that read from the right: each line of those is one run,
    for the order of its letters to be right.
    """
    lacks = any(is_east_asian(x) and not can_say(x, partial(_draws, font)) for x in text)
    turned = has_right_to_left(text)
    return (east_asian, font) if lacks and east_asian is not None and not turned else (font,)


def _find_font(name: str, fonts: Mapping[str, bytes]) -> bytes:
    if name not in fonts:
        raise BadInput(f"no font is named '{name}'; there are {', '.join(fonts)}")
    return fonts[name]


def _check_shaping(text: str) -> None:
    """Right-to-left letters drawn without shaping would be unreadable: say so instead."""
    if has_right_to_left(text) and not features.check("raqm"):
        raise StudioError("right-to-left text needs FriBidi on this machine (Debian: libfribidi0)")


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


def _runs(faces: Faces, size_px: int, line: str) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """Part a line where another font has to draw: between words, or within one if need be."""
    runs: list[tuple[str, bytes]] = []
    for part in _PARTS.findall(line) if len(faces) > 1 else [line]:
        whole = next((x for x in faces if all(_draws(x, letter) for letter in part)), None)
        for letter in [part] if whole or len(faces) == 1 else part:
            font = whole or next((x for x in faces if _draws(x, letter)), faces[0])
            font = runs[-1][1] if runs and letter.isspace() else font
            if runs and runs[-1][1] is font:
                runs[-1] = (runs[-1][0] + letter, font)
            else:
                runs.append((letter, font))
    return [(run, _open(font, size_px)) for run, font in runs]


def _box(
    runs: list[tuple[str, ImageFont.FreeTypeFont]], way: str | None, language: str | None
) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a line's ink from where its baseline begins."""
    boxes, at = [], 0.0
    if not runs:
        return 0.0, 0.0, 0.0, 0.0
    for run, face in runs:
        left, top, right, bottom = face.getbbox(run, direction=way, language=language, anchor="ls")
        boxes.append((at + left, top, at + right, bottom))
        at += face.getlength(run, direction=way, language=language)
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _length(faces: Faces, size_px: int, line: str, language: str | None = None) -> float:
    """Return how many pixels wide a line's ink is."""
    left, _, right, _ = _box(_runs(faces, size_px, remove_marks(line)), None, language)
    return right - left


def _language(text: str) -> str | None:
    shapes = has_east_asian(text) and features.check("raqm")
    return language_of(text) if shapes else None


def _draw_lines(lines: list[str], lettering: Lettering, width_px: int, faces: Faces) -> Rgba:
    size = int(lettering.size_px)
    turned = is_right_to_left("\n".join(lines))
    way, language = _direction(turned), _language("\n".join(lines))
    parts = [_runs(faces, size, line) for line in lines]
    boxes = [_box(runs, way, language) for runs in parts]
    above = max(round(0.78 * size), -int(boxes[0][1]))
    below = max(round(0.25 * size), int(boxes[-1][3]))
    pitch = round(_LINE * size)
    width = min(width_px, max(int(np.ceil(_length(faces, size, x, language))) for x in lines))
    mask = Image.new("L", (width, above + pitch * (len(lines) - 1) + below), 0)
    draw = ImageDraw.Draw(mask)
    for number, (runs, box) in enumerate(zip(parts, boxes, strict=True)):
        spare = width - (box[2] - box[0])
        left = spare * _share(lettering.align, turned) - box[0]
        at: float = max(round(left), -int(box[0]))
        for run, face in runs:
            draw.text(
                (round(at), above + pitch * number),
                run, 255, face, "ls", direction=way, language=language,
            )  # fmt: skip
            at += face.getlength(run, direction=way, language=language)
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
