"""What a character is: an emoji, a variation selector, or nothing that is drawn."""

import unicodedata

# Pictures that decorate a text: emoji and what they are put together with
_EMOJI = ((0x1F000, 0x1FAFF), (0x2300, 0x2BFF), (0xE0020, 0xE007F))
_EMOJI_PARTS = (
    "\u20e3\u3030\u303d\u3297\u3299"  # a key's cap, and four emoji among East Asian signs
)


def is_blank(text: str) -> bool:
    r"""Say whether nothing of a text would be drawn: spaces, controls and emoji alone.

    Examples
    --------
    >>> [is_blank(text) for text in ("", " \u00a0\n", "🏡 ✨", "\u200b", "5", "−", "№")]
    [True, True, True, True, False, False, False]
    """
    return all(
        character.isspace() or is_emoji(character) or unicodedata.category(character)[0] == "C"
        for character in text
    )


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
