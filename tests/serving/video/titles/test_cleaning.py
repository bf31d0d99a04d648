"""Text keeps its meaning: what is pasted is drawn, written otherwise, or refused by name."""

import unicodedata
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.characters import is_blank, is_emoji
from serving.errors import BadInput
from serving.render.template_files import shipped_fonts
from serving.requests.film import FilmInput
from serving.video.titles import text as texts
from serving.video.titles.cleaning import clean_text
from serving.video.titles.text import EAST_ASIAN, Lettering, draw_text

FONTS = shipped_fonts()
FACES = sorted(set(FONTS) - {EAST_ASIAN})
LATIN = [
    chr(code)
    for code in (*range(0x20, 0x250), *range(0x1E00, 0x1F00), *range(0x2C60, 0x2C80))
    if unicodedata.category(chr(code))[0] == "L"
]
SIGNS = "−≥≤≈≠±×÷·→←↑↓↗½⅓¼²³°ºª№€£¥₽₴₹₺₪₫₩¢™®©§¶†‡•…‰′″‹›«»„“”‘’–—✓✔✗✘★☆①②Ωµ∞√∑∆"


def draws(face: str) -> Callable[[str], bool]:
    return partial(texts._draws, FONTS[face])


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    "text",
    [
        "−5 °C", "≥ 90 m²", "A → B", "≈ 1 250 000 €", "3 × 4", "½ Bad", "№ 7", "₽ ₴ ₹",
        "✗ Pool ✓ Garage", "Žižkov", "Ǆǅ Ǎǚ Ȁȝ Ḁṿ Ẁỹ ꜰ", "Ɓɗƙ ʻokina", "Ωμέγα ᾳ", "Ѐӽԯ",
    ],
)  # fmt: skip
def test_what_a_listing_says_is_drawn_as_it_is(face: str, text: str) -> None:
    assert clean_text(text, draws(face)) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("face", FACES)
def test_every_latin_letter_and_common_sign_has_a_glyph(face: str) -> None:
    lacking = [character for character in (*LATIN, *SIGNS) if not draws(face)(character)]
    assert lacking == []


def test_a_square_metre_sign_keeps_the_text_in_its_own_font() -> None:
    lettering = Lettering("serif-bold", 60, max_lines=1)
    sign, spelt = (draw_text(f"Žižkov 65{m2}", lettering, 900, FONTS) for m2 in ("㎡", "m²"))
    assert np.array_equal(sign, spelt)


def test_letters_of_other_scripts_come_from_their_font_and_the_others_stay() -> None:
    """Each of two fonts draws its part of a line: neither shows a box."""
    mixed, alone = "湖畔 Žižkov 7", "湖畔"
    faces = texts._faces_for(mixed, FONTS["serif-regular"], FONTS[EAST_ASIAN])
    assert len(faces) == 2
    runs = texts._runs(faces, 40, mixed)
    assert [run for run, _ in runs] == ["湖畔 ", "Žižkov ", "7"]
    lettering = Lettering("serif-regular", 40, max_lines=1)
    wide, narrow = (draw_text(text, lettering, 900, FONTS).shape[1] for text in (mixed, alone))
    assert wide > narrow + 20


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2007"])
def test_a_price_is_not_parted_at_its_no_break_spaces(space: str) -> None:
    price = f"1{space}250{space}000{space}€"
    cleaned = clean_text(f"Seaside  home {price}", draws("sans-bold"))
    assert len(cleaned.split(" ")) == 3, "the double space became one, the price is one word"
    narrow = draw_text(f"Seaside home {price}", Lettering("sans-bold", 40, max_lines=3), 260, FONTS)
    whole = draw_text(price, Lettering("sans-bold", 40, max_lines=1), 260, FONTS)
    assert narrow.shape[1] >= whole.shape[1]


@pytest.mark.parametrize(
    "number",
    ["\u200e{}", "\u202a{}\u202c", "\u202d{}\u202c", "\u2066{}\u2069"],
    ids=["mark", "embedding", "override", "isolate"],
)
def test_a_number_keeps_its_order_among_letters_from_the_right_where_it_is_marked(
    number: str,
) -> None:
    """Unmarked, its groups are read from the right, as the rest is (UAX #9)."""
    one_line = Lettering("sans-regular", 40, max_lines=1)
    marked, turned = (
        draw_text(f"טל׳ {shown}", one_line, 900, FONTS)
        for shown in (number.format("03 55 71"), "71 55 03")
    )
    assert np.array_equal(marked, turned)
    cleaned = clean_text(f"טל׳ {number.format('03 55 71')} ותק", draws("sans-regular"))
    assert len(cleaned.split(" ")) == 3, "no line ends within the number"


def test_marks_of_direction_are_nothing_where_no_letter_reads_from_the_right() -> None:
    assert clean_text("\u202d+41 44\u202c \u200fVilla", draws("sans-bold")) == "+41 44 Villa"


@pytest.mark.parametrize(
    "text", ["", "  ", "\u00a0\n", "🏡", "✨ 🏊‍♀️ 👍🏽", "\u200b", "🇨🇿", "\ufeff"]
)
def test_a_text_of_spaces_and_emoji_alone_is_none(text: str) -> None:
    assert is_blank(text)
    assert clean_text(text, lambda character: not is_emoji(character)) == ""


def test_an_emoji_is_left_out_and_its_digit_stays() -> None:
    assert clean_text("5\ufe0f\u20e3 rooms 🏡!", draws("sans-bold")) == "5 rooms !"


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("➖5 °C", "−5 °C"),
        ("3\ufe0f\u20e3➕1\ufe0f\u20e3", "3+1"),
        ("✅ Pool ❌ Garage", "✓ Pool ✗ Garage"),
        ("🔟 rooms, 💲500", "10 rooms, $500"),
        ("🅿\ufe0f 2 🆓", "P 2 FREE"),
        ("🅻🆄🆇", "LUX"),
        ("🚶🏽\u200d➡\ufe0f 5 min", "5 min"),
        ("🧑\u200d✈\ufe0f 🏡", ""),
    ],
)
def test_an_emoji_that_says_a_sign_or_letters_is_written_as_these(
    face: str, text: str, drawn: str
) -> None:
    assert clean_text(text, draws(face)) == drawn
    assert is_blank(text) == (not drawn)


def test_hyphens_that_are_only_hints_and_marks_that_show_nothing_go() -> None:
    assert clean_text("Wohn\u00adzimmer\u200b\ufeff\x07", draws("sans-bold")) == "Wohnzimmer"


@pytest.mark.parametrize("text", ["10ⁿ", "湖", "ก", "\ue000", "\u0378"])
def test_what_no_font_has_is_refused_by_name_and_not_left_out(text: str) -> None:
    with pytest.raises(BadInput, match=f"U\\+{ord(text[-1]):04X}"):
        clean_text(text, lambda character: character.isascii())


@pytest.mark.parametrize("text", ["2½", "10²", "①②"])
def test_what_would_say_something_else_in_other_letters_is_not_written_so(text: str) -> None:
    with pytest.raises(BadInput):
        clean_text(text, lambda character: character.isascii())


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        st.characters(max_codepoint=0x52F, exclude_categories=("Cs", "Cn", "Cc", "Zl", "Zp"))
        | st.sampled_from(SIGNS + "湖家호수ו𝒳㎡  ﬁ"),
        max_size=60,
    ),
    st.sampled_from(FACES),
)
def test_each_letter_and_sign_is_drawn_or_the_text_is_refused(text: str, face: str) -> None:
    faces = texts._faces_for(text, FONTS[face], FONTS[EAST_ASIAN])

    def has_glyph(character: str) -> bool:
        return any(texts._draws(font, character) for font in faces)

    try:
        cleaned = clean_text(text, has_glyph)
    except BadInput:
        return
    compatible = "".join(
        character
        for character in unicodedata.normalize("NFKC", text)
        if not character.isspace() and unicodedata.category(character)[0] != "C"
    )
    drawn = "".join(x for x in unicodedata.normalize("NFKC", cleaned) if not x.isspace())
    ignored = "\u20e3" + "".join(chr(code) for code in range(0xFE00, 0xFE10))
    assert drawn == "".join(
        x for x in compatible if x in drawn or not (is_emoji(x) or x in ignored)
    )


def test_texts_of_a_request_that_would_show_nothing_are_as_if_not_given() -> None:
    photo = {"photo": "a.jpg", "caption": " \u00a0", "labels": [{"text": "🏡", "x": 0.5, "y": 0.5}]}
    words = {"headline": "✨", "price": "\u200b", "facts": "− 5 °C"}
    work = FilmInput.model_validate({"photos": [photo], "words": words, "brand": {"name": " "}})
    assert (work.photos[0].caption, work.photos[0].labels) == ("", [])
    assert (work.words.headline, work.words.price, work.words.facts) == ("", "", "− 5 °C")
    assert work.brand.name == ""
