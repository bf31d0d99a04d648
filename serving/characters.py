"""What a character is: an emoji, a variation selector, or nothing that is drawn."""

import re
import unicodedata
from itertools import pairwise

# Pictures that decorate a text: emoji and what they are put together with
_EMOJI = ((0x1F000, 0x1FAFF), (0x2300, 0x2BFF), (0xE0020, 0xE007F))
_EMOJI_PARTS = (
    "\u20e3\u3030\u303d\u3297\u3299"  # a key's cap, and four emoji among East Asian signs
)
_JOINER = "\u200d"
# Emoji and dingbats that say what a sign says: without them −5 °C is 5 °C, and no garage is one
_SIGNS = dict(zip("✅🗸❌❎🗙🞬➕➖➗💲♾⮕⟶⟵🡒🡐", "✓✓✗✗✗×+−÷$∞→→←→←", strict=True)) | {"🔟": "10"}
_IN_BOXES = ("\U0001f100", "\U0001f1ff")
_LETTERS = re.compile(r"(?:NEGATIVE )?(?:CIRCLED|SQUARED) (?:LATIN CAPITAL LETTER )?([A-Z]+)")


def is_blank(text: str) -> bool:
    r"""Say whether nothing of a text would be drawn: spaces, controls and emoji alone.

    Examples
    --------
    >>> [is_blank(text) for text in ("", " \u00a0\n", "🏡 ✨", "\u200b", "5", "−", "№")]
    [True, True, True, True, False, False, False]
    """
    return all(
        character.isspace()
        or (is_emoji(character) and spell_out(character) is None)
        or unicodedata.category(character)[0] == "C"
        for character in without_joined(text)
    )


def lines_of(text: str) -> list[str]:
    r"""Return the lines of a text of which something is drawn, whatever ends them.

    Examples
    --------
    >>> lines_of("🏡\nLiving room\u2028 42 m²\r\n")
    ['Living room', '42 m²']
    """
    return [line.strip() for line in text.splitlines() if not is_blank(line)]


def without_joined(text: str) -> str:
    r"""Take out what only changes the emoji before it, such as the sign of a woman who swims.

    Examples
    --------
    >>> without_joined("🧑\u200d✈\ufe0f here") == "🧑\u200d\ufe0f here"
    True
    """
    kept = list(text[:2])
    for place, (before, joiner) in enumerate(pairwise(text), 2):
        if not (joiner == _JOINER and is_emoji(before)):
            kept.append(text[place : place + 1])
    return "".join(kept)


def spell_out(character: str) -> str | None:
    """Return the sign or the letters that an emoji shows; None where it is a picture.

    Examples
    --------
    >>> [spell_out(character) for character in "➖❌🔟🅿🆓🏡"]
    ['−', '✗', '10', 'P', 'FREE', None]
    """
    if character in _SIGNS:
        return _SIGNS[character]
    if not _IN_BOXES[0] <= character <= _IN_BOXES[1]:
        return None
    found = _LETTERS.fullmatch(unicodedata.name(character, ""))
    return None if found is None else found[1]


def is_emoji(character: str) -> bool:
    """Say whether a character is an emoji, or a part of one.

    Examples
    --------
    >>> [is_emoji(character) for character in "🏡🏽✨㊗°№€"]
    [True, True, True, True, False, False, False]
    """
    code = ord(character)
    among = any(first <= code <= last for first, last in _EMOJI)
    symbol = unicodedata.category(character) in ("So", "Sk", "Cf", "Cn")
    return (among and symbol) or character in _EMOJI_PARTS or is_variation_selector(character)


def is_variation_selector(character: str) -> bool:
    """Say whether a character only selects how the one before it is drawn."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
