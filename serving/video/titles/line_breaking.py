"""Lines of text that keep to a width: wrapped evenly, made smaller, at last cut."""

import unicodedata
from collections.abc import Callable
from functools import cache

Measure = Callable[[str], float]

_SMALLEST = 0.55  # of the wished size; then words are broken and lines added
_SHRINK = 0.93
# Of the wished lines, small ones there may be: a text of 300 letters then keeps its end in all of
# a film's places, and what it says with it
_MORE_LINES = 4
_ELLIPSIS = "…"


def fit_lines(
    text: str, width_px: int, max_lines: int, wished_px: float, measure_at: Callable[[int], Measure]
) -> tuple[list[str], int]:
    """Find the largest size, up to the wished one, at which a text keeps to its lines.

    Parameters
    ----------
    text : not empty; line ends stay line ends
    width_px : no line gets wider
    max_lines : at least 1
    wished_px : size of the letters
    measure_at : gives, for a size, how wide a line of text is

    Returns
    -------
    lines : of even length; at 0.55 of the wished size words are broken, then there are up to four
        times the lines, and what is still too long ends in an ellipsis
    size : in pixels
    """
    size = max(1, round(wished_px))
    smallest = max(1, round(_SMALLEST * wished_px))
    while True:
        measure = cache(measure_at(size))
        lines = _wrap(text, measure, width_px)
        fits = all(measure(line) <= width_px for line in lines)
        if fits and len(lines) <= max_lines:
            return _even_out(text, measure, width_px), size
        if size <= smallest:
            break
        size = max(smallest, min(size - 1, int(size * _SHRINK)))
    lines = [part for line in lines for part in _break(line, measure, width_px)]
    most = _MORE_LINES * max_lines
    if len(lines) > most:
        lines = lines[:most]
        lines[-1] = _shorten(lines[-1], measure, width_px)
    return lines, size


def _wrap(text: str, measure: Measure, width_px: float) -> list[str]:
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and measure(longer) > width_px:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def _even_out(text: str, measure: Measure, width_px: int) -> list[str]:
    """Narrow the measure until a line would be added: no single word is left on the last line."""
    lines = _wrap(text, measure, width_px)
    low, high = width_px / max(2, len(lines)), float(width_px)
    while high - low > 0.02 * width_px:
        middle = (low + high) / 2
        narrower = _wrap(text, measure, middle)
        if len(narrower) == len(lines) and all(measure(x) <= middle for x in narrower):
            lines, high = narrower, middle
        else:
            low = middle
    return lines


def _break(line: str, measure: Measure, width_px: int) -> list[str]:
    """Break a line with a word longer than the width, between letters and not before a mark."""
    if measure(line) <= width_px:
        return [line]
    parts, part = [], ""
    for letter in _letters(line):
        if part and measure(part + letter) > width_px:
            parts.append(part.strip())
            part = ""
        part += letter
    return [*parts, part.strip()]


def _letters(line: str) -> list[str]:
    """Split a line into letters, each with its marks."""
    letters: list[str] = []
    for character in line:
        if letters and unicodedata.category(character) in ("Mn", "Me", "Mc", "Cf"):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _shorten(line: str, measure: Measure, width_px: int) -> str:
    letters = _letters(line)
    while letters and measure("".join(letters).rstrip() + _ELLIPSIS) > width_px:
        letters.pop()
    return "".join(letters).rstrip() + _ELLIPSIS
