"""What people paste, made ready to be drawn without saying something else."""

import re
import unicodedata
from collections.abc import Callable

from serving.characters import is_emoji, is_variation_selector, spell_out, without_joined
from serving.errors import BadInput, TooLarge

MOST_CHARACTERS = 600
Draws = Callable[[str], bool]

_JOINERS = "\u200c\u200d"  # join and part letters
# Say which way a part of a text reads (UAX #9, table 4); and a number behind one of them
_TURNS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_TURNED_NUMBER = re.compile(r"[\u200e\u202a\u202d\u2066\u2068][-+()./\d ]*\d")
_NO_BREAK = {"\u2007": "\u00a0", "\u202f": "\u00a0"}  # kept apart from spaces where lines break
# Decompositions that write the same in other letters: ㎡ is m², ﬁ is fi. Not those of ½, ² and ①:
# 2½ is not 21/2, and 10² is not 102.
_SAME = ("<square>", "<wide>", "<narrow>", "<compat>", "<font>", "<noBreak>", "<isolated>")


def clean_text(text: str, draws: Draws) -> str:
    r"""Normalise a text and leave nothing in it that cannot be drawn.

    Runs of spaces become one and lines lose those at their ends; no-break spaces stay, so that a
    price is not parted. Marks of direction stay where letters read from the right, and a number
    behind one is not parted. Control characters, soft hyphens, variation selectors and emoji go. A
    sign that a font lacks, or an emoji of one, is written in others where that says the same (㎡ as
    m², ➖ as −).

    Parameters
    ----------
    draws : says of a character whether there is a glyph for it

    Raises
    ------
    TooLarge
        Over 600 characters.
    BadInput
        Something cannot be drawn that is no decoration: leaving it out would change the text.

    Examples
    --------
    >>> latin = lambda character: character.isascii() or character in "²−\u00a0"
    >>> clean_text("−5 °C".replace("°", ""), latin), clean_text("65㎡  🏡", latin)
    ('−5 C', '65m²')
    """
    if len(text) > MOST_CHARACTERS:
        raise TooLarge("characters in a text", len(text), MOST_CHARACTERS)
    turns = has_right_to_left(text)
    kept: list[str] = []
    lacking: list[str] = []
    for character in unicodedata.normalize("NFC", without_joined("\n".join(text.splitlines()))):
        turned = turns and character in _TURNS
        said = character if turned else _say(character, draws, "".join(kept[-1:]))
        if said is None:
            lacking.append(character)
        else:
            kept.append(said)
    if lacking:
        shown = ", ".join(_describe(character) for character in dict.fromkeys(lacking[:20]))
        raise BadInput(f"no font can draw {shown}")
    whole = _TURNED_NUMBER.sub(lambda found: found[0].replace(" ", "\u00a0"), "".join(kept))
    lines = whole.split("\n")
    lines = [" ".join(part for part in line.split(" ") if part) for line in lines]
    return "\n".join(line for line in lines if line.strip(" \u00a0" + _JOINERS + _TURNS))


def has_right_to_left(text: str) -> bool:
    """Say whether letters of a text read from the right.

    Examples
    --------
    >>> has_right_to_left("Villa דירה"), has_right_to_left("12 Rue")
    (True, False)
    """
    letters = (character for character in text if character not in _TURNS)
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in letters)


def can_say(character: str, draws: Draws) -> bool:
    """Say whether a character is drawn, written otherwise, or left out as a decoration."""
    return _say(character, draws, "") is not None


def _say(character: str, draws: Draws, before: str) -> str | None:
    """Return what is drawn for a character; None where nothing can be."""
    if character == "\n":
        return character
    category = unicodedata.category(character)
    if character in _JOINERS:
        # not those of emoji, which are between nothing once the emoji are gone
        return character if before and (before.isalpha() or before in _JOINERS) else ""
    if (
        category in ("Cc", "Cf", "Zl", "Zp")
        or is_variation_selector(character)
        or character == "\u20e3"
    ):
        return " " if character == "\t" else ""
    if character == "\u00a0" or character in _NO_BREAK:
        return character if draws(character) else _NO_BREAK.get(character, "\u00a0")
    if category == "Zs":
        return " "
    if draws(character):
        return character
    same = _write_out(character, draws)
    if same is not None:
        return same
    return "" if is_emoji(character) else None


def _write_out(character: str, draws: Draws) -> str | None:
    """Return a sign in other letters that say the same; None where they would not."""
    spelt = spell_out(character)
    if spelt is not None and all(draws(letter) for letter in spelt):
        return spelt
    kind, _, codes = unicodedata.decomposition(character).partition(" ")
    if kind not in _SAME:
        return None
    letters = [chr(int(code, 16)) for code in codes.split()]
    written = [x if draws(x) else _write_out(x, draws) for x in letters]
    return None if None in written else "".join(part for part in written if part)


def _describe(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"'{character}' (U+{ord(character):04X}{f', {name}' if name else ''})"
