"""Chinese, Japanese and Korean text: its letters, in whose forms they are, where lines break."""

import unicodedata
from itertools import pairwise
from typing import Literal

Language = Literal["zh-hans", "zh-hant", "ja", "ko"]

# One code point has several forms: whose they are shows in which old character set has all of them.
_CHARSETS: tuple[tuple[str, Language], ...] = (
    ("gb2312", "zh-hans"),
    ("big5", "zh-hant"),
    ("euc_jp", "ja"),
)
# A space that is none: a line may end there, and nothing is drawn. U+2060 joins what it stands by.
_BREAK = " \u2060"
_SMALL_KANA = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々"
_OPENING, _CLOSING = ("Ps", "Pi"), ("Pe", "Pf", "Po")


def has_east_asian(text: str) -> bool:
    """Say whether a text holds a letter or sign that only Chinese, Japanese and Korean have.

    Examples
    --------
    >>> [has_east_asian(text) for text in ("湖畔 12", "호수", "4LDK・142㎡", "Å 🏡")]
    [True, True, True, False]
    """
    return any(is_east_asian(character) for character in text)


def language_of(text: str) -> Language:
    """Guess in whose forms a text's letters are to be drawn.

    Examples
    --------
    >>> [language_of(text) for text in ("湖の家", "호수 집", "湖上别墅", "湖上別墅", "港区東")]
    ['ja', 'ko', 'zh-hans', 'zh-hant', 'ja']
    """
    names = [unicodedata.name(character, "") for character in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return "ja"
    if any(name.startswith("HANGUL") for name in names):
        return "ko"
    letters = "".join(x for x in text if is_east_asian(x) and unicodedata.category(x)[0] == "L")
    return next((name for charset, name in _CHARSETS if _fits(letters, charset)), "zh-hans")


def mark_breaks(text: str) -> str:
    """Mark where lines may break though there is no space: `remove_marks` takes that out again.

    Between Chinese and Japanese letters, but not before what closes or after what opens; Korean
    has spaces (Unicode UAX #14, classes ID, CL, OP, CJ).
    """
    marked = text[:1]
    for before, after in pairwise(text):
        breaks = (_is_ideographic(before) or _is_ideographic(after)) and " " not in (before, after)
        marked += _BREAK if breaks and _may_part(before, after) else ""
        marked += after
    return marked


def remove_marks(text: str) -> str:
    """Take out the marks of `mark_breaks`.

    Examples
    --------
    >>> remove_marks(mark_breaks("湖の上、(家) 12 m²"))
    '湖の上、(家) 12 m²'
    """
    return text.replace(_BREAK, "").replace(_BREAK.strip(" "), "")


def is_east_asian(character: str) -> bool:
    """Say whether a character is a letter or sign that only Chinese, Japanese and Korean have."""
    if unicodedata.east_asian_width(character) not in "WFH":
        return False
    # emoji are wide too: of what is no letter, only the blocks of signs and units, and full width
    signs = "\u3000" <= character <= "\u33ff" or "\uff00" <= character <= "\uffef"
    return signs or unicodedata.category(character)[0] == "L"


def _is_ideographic(character: str) -> bool:
    wide = unicodedata.east_asian_width(character) in "WF"
    return wide and not unicodedata.name(character, "").startswith("HANGUL")


def _may_part(before: str, after: str) -> bool:
    closes = unicodedata.category(after) in _CLOSING or after in _SMALL_KANA
    return (
        not closes and unicodedata.category(before) not in _OPENING and "\n" not in before + after
    )


def _fits(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True
