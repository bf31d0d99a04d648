import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from serving.errors import BadInput, TooLarge
from serving.render.template_files import shipped_fonts, shipped_templates
from serving.video.draw.rgba import Rgba, lay_over
from serving.video.titles.layout import Brand, Sheet, Words, contrast, make_sheet, readable_accent
from serving.video.titles.style import TitleStyle
from serving.video.titles.text import EAST_ASIAN, Lettering, draw_text, is_right_to_left
from serving.video.titles.titles import (
    draw_contact_card,
    draw_intro_card,
    draw_logo,
    draw_lower_third,
    draw_opening,
    draw_watermark,
    draw_waveform,
)

FONTS = shipped_fonts()
FACES = sorted(set(FONTS) - {EAST_ASIAN})
ARABIC, HEBREW = "فيلا فاخرة مع مسبح خاص", "דירת גן מרווחת בתל אביב"
ACCENTED = "Élégante maison, Škofja Loka, İstanbul, Ngõ Huế, Łódź ẞ"
LONG = "1234 Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch Boulevard, Apartment 17B"
WORDS = Words(ACCENTED, LONG, "1 250 000 €", "5 ch. · 240 m²")


def sheet_of(width: int = 1280, height: int = 720, **style: object) -> Sheet:
    return make_sheet(width, height, TitleStyle.model_validate(style), FONTS, Brand())


def ink_edges(pixels: Rgba) -> tuple[int, int]:
    """How many columns are free left and right of what is drawn."""
    columns = np.flatnonzero((pixels[..., 3] > 30).any(axis=0))
    return int(columns[0]), int(pixels.shape[1] - 1 - columns[-1])


@settings(max_examples=120, deadline=None)
@given(
    st.text(st.sampled_from("abcÉğ W.-Mفيلاخ דירת 12€²\n🏡"), min_size=0, max_size=120)
    | st.text(st.sampled_from("abÉ W.-湖家、(）のっ호수 12€²\n🏡"), min_size=0, max_size=120),
    st.integers(24, 900),
    st.integers(6, 120),
    st.integers(1, 4),
    st.sampled_from(FACES),
)
def test_draw_text_never_gets_larger_than_its_room(
    text: str, width: int, size: int, lines: int, font: str
) -> None:
    pixels = draw_text(text, Lettering(font, size, max_lines=lines), width, FONTS)
    assert pixels.shape[1] <= width
    assert pixels.shape[0] <= 4 * lines * 1.28 * 1.2 * 0.55 * (size + 1) + 2 * size
    again = draw_text(text, Lettering(font, size, max_lines=lines), width, FONTS)
    assert np.array_equal(pixels, again), "the same text gives the same pixels"


@pytest.mark.parametrize("font", FACES)
def test_every_font_draws_latin_arabic_and_hebrew(font: str) -> None:
    for text in (ACCENTED, ARABIC, HEBREW, "ΑΩ Жщ ₪ ₹ ½ „“ — …"):
        assert draw_text(text, Lettering(font, 40), 2000, FONTS)[..., 3].any()


@pytest.mark.parametrize("text", ["fjÅgẞ,", "Ệ|ų", HEBREW, "لِلّٰه", "j", "WAVE."])
def test_no_ink_is_cut_off(text: str) -> None:
    for font in FACES:
        pixels = draw_text(text, Lettering(font, 50), 2000, FONTS)
        size = 59 if "ل" in text else 50  # Arabic letters are enlarged
        canvas = Image.new("L", (1000, 400))
        face = ImageFont.truetype(io.BytesIO(FONTS[font]), size)
        ImageDraw.Draw(canvas).text((300, 200), text, 255, face, anchor="ls")
        assert int(pixels[..., 3].sum(dtype=int)) == int(np.asarray(canvas).sum(dtype=int))


def test_arabic_letters_are_joined() -> None:
    apart = draw_text("ب\u200cي\u200cت", Lettering("sans-regular", 80), 900, FONTS)
    joined = draw_text("بيت", Lettering("sans-regular", 80), 900, FONTS)
    assert joined.shape[1] < 0.9 * apart.shape[1]


def test_right_to_left_text_starts_at_the_right_and_reads_from_there() -> None:
    assert is_right_to_left(ARABIC)
    assert is_right_to_left("12 " + HEBREW)
    assert not is_right_to_left("12 Villa " + ARABIC)
    lettering = Lettering("sans-bold", 60, align="start", max_lines=2)
    left, right = ink_edges(draw_text(f"{HEBREW}\nגן", lettering, 2000, FONTS)[-70:])
    assert left > right + 100
    first_drawn = draw_text("אב", Lettering("sans-bold", 80), 900, FONTS)
    swapped = draw_text("בא", Lettering("sans-bold", 80), 900, FONTS)
    alone = draw_text("א", Lettering("sans-bold", 80), 900, FONTS)
    half = alone.shape[1] - 8
    assert np.array_equal(first_drawn[:, -half:], alone[:, -half:]), "the first letter is rightmost"
    assert not np.array_equal(swapped[:, -half:], alone[:, -half:])


@pytest.mark.parametrize(
    "text",
    ["湖の上の家", "湖上的别墅", "湖上的別墅", "호수 위의 집", "東京都港区 3-4-5, 8,900万円"],
)
@pytest.mark.parametrize("font", FACES)
def test_chinese_japanese_and_korean_are_drawn_whatever_the_font(font: str, text: str) -> None:
    pixels = draw_text(text, Lettering(font, 60), 2000, FONTS)
    letters = [c for c in text if c != " "]
    assert pixels.shape[1] > 0.4 * 60 * len(letters)
    assert (pixels[..., 3] > 0).any(axis=0).mean() > 0.6
    units, plain = (draw_text(x, Lettering(font, 60), 2000, FONTS) for x in ("4・142㎡", "4142"))
    assert units.shape[1] > plain.shape[1] + 60, "signs without a letter beside them too"
    without = {name: data for name, data in FONTS.items() if name != EAST_ASIAN}
    with pytest.raises(BadInput, match=letters[0]):
        draw_text(text, Lettering(font, 60), 2000, without)


def test_a_letter_has_the_form_of_the_language_it_stands_in() -> None:
    """直 and 骨 have one code point each, and are written differently."""
    lettering = Lettering("sans-bold", 60, align="start")
    first = {
        name: draw_text(text, lettering, 2000, FONTS)[:, :55].tobytes()
        for name, text in (("ja", "骨の"), ("hans", "骨头"), ("hant", "骨頭"))
    }
    assert len(set(first.values())) == 3


def test_chinese_breaks_between_letters_before_it_gets_small() -> None:
    text = "湖畔现代别墅，四室两厅，一百四十二平方米，带花园"
    lettering = Lettering("sans-bold", 50, max_lines=2, align="start")
    pixels = draw_text(text, lettering, 700, FONTS)
    assert 550 < pixels.shape[1] <= 700
    assert pixels.shape[0] > 1.28 * 50 + 40, "two lines at the full size"
    half = pixels.shape[0] // 2
    widths = [int((part[..., 3] > 0).any(axis=0).sum()) for part in (pixels[:half], pixels[half:])]
    assert min(widths) > 0.8 * max(widths)


def test_long_words_are_broken_and_long_texts_cut() -> None:
    lettering = Lettering("sans-regular", 40, max_lines=2)
    word = draw_text("W" * 90, lettering, 400, FONTS)
    assert word.shape[1] <= 400
    assert ink_edges(word) != (0, 0) or word.shape[1] == 400


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
@pytest.mark.parametrize("text", ["Sunny flat with a garden, " * 11 + "no pets", "m" * 240 + " 7"])
def test_no_text_that_may_be_sent_loses_its_end(size: tuple[int, int], text: str) -> None:
    sheet = sheet_of(*size)
    longer = text + "!"
    captions = [draw_lower_third(sheet, words, words).name for words in (text, longer)]
    titles = [draw_opening(sheet, Words(words, facts=words)).name for words in (text, longer)]
    assert captions[0] != captions[1], "its last sign is seen"
    assert titles[0] != titles[1]


def test_wrapped_lines_have_even_lengths() -> None:
    pixels = draw_text(
        "Sunny family home with a large garden", Lettering("sans-bold", 60), 1000, FONTS
    )
    half = pixels.shape[0] // 2
    widths = [int((part[..., 3] > 0).any(axis=0).sum()) for part in (pixels[:half], pixels[half:])]
    assert min(widths) > 0.6 * max(widths), "no single word is left on the last line"


def test_emoji_go_and_unknown_letters_are_named() -> None:
    plain, with_emoji = (
        draw_text(text, Lettering("sans-bold", 40), 900, FONTS)
        for text in ("New home", "New 🏡🏽 home 👨‍👩‍👧\ufe0f")
    )
    assert np.array_equal(plain, with_emoji)
    with pytest.raises(BadInput, match="घ"):
        draw_text("नया घर", Lettering("sans-bold", 40), 900, FONTS)
    with pytest.raises(TooLarge):
        draw_text("a" * 601, Lettering("sans-bold", 40), 900, FONTS)
    with pytest.raises(BadInput, match="sans-bold"):
        draw_text("a", Lettering("comic", 40), 900, FONTS)


@pytest.mark.parametrize("size", [(960, 540), (540, 960), (600, 600)])
@pytest.mark.parametrize("name", sorted(shipped_templates()))
def test_every_template_draws_titles_within_the_safe_frame(
    name: str, size: tuple[int, int]
) -> None:
    logo = np.full((200, 300, 4), 255, np.uint8)
    brand = Brand(LONG, LONG, "+1 413 555 0100", "a" * 60 + "@example.org", LONG, logo)
    sheet = make_sheet(*size, shipped_templates()[name].titles, FONTS, brand)
    for words in (WORDS, Words(ARABIC, ARABIC, "٤٬٥٠٠٬٠٠٠ ر.س"), Words(HEBREW)):
        opening = draw_opening(sheet, words).pixels
        assert opening.shape[1] == size[0]
        assert opening.shape[0] <= size[1] + 4 * sheet.em
        for card in (
            draw_intro_card(sheet, words, brand).pixels,
            draw_contact_card(sheet, brand, words).pixels,
        ):
            assert card.shape == (size[1], size[0], 4)
            assert card[..., 3].min() == 255
            ground = card[0, 0, :3].astype(int)
            drawn = np.abs(card[..., :3].astype(int) - ground).max(axis=2) > 8
            rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
            assert sheet.side <= columns[0] + 1
            assert columns[-1] - 1 <= size[0] - sheet.side
            assert sheet.ends <= rows[0] + 1
            assert rows[-1] - 1 <= size[1] - sheet.ends
        third = draw_lower_third(sheet, words.headline, words.address).pixels
        assert third.shape[1] <= sheet.room + 1 + 0.5 * sheet.em
        assert third.shape[0] < 0.4 * size[1]


def test_a_lower_thirds_bar_stands_where_reading_starts() -> None:
    sheet = sheet_of(box=0.6, accent="#ff0000")
    latin, hebrew = (draw_lower_third(sheet, text).pixels for text in ("Kitchen", HEBREW))
    assert latin[0, 0, :3].tolist() == hebrew[0, -1, :3].tolist() == [255, 0, 0]
    assert latin[0, -1, 3] < 255


def test_the_brands_colour_is_the_accent_unless_it_cannot_be_read_on_the_card() -> None:
    style = TitleStyle(card="#101010")
    for colour, readable in (("#40c080", True), ("#181818", False)):
        sheet = make_sheet(640, 360, style, FONTS, Brand(colour=colour))
        assert (readable_accent(sheet) == sheet.accent) is readable
        assert contrast(readable_accent(sheet), (16, 16, 16)) >= 3


def test_draw_logo_cuts_margins_keeps_proportions_and_clean_edges() -> None:
    logo = np.zeros((300, 500, 4), np.uint8)
    logo[100:200, 100:400] = (250, 120, 10, 255)
    drawn = draw_logo(logo, 150, 100, opacity=0.5).pixels
    assert drawn.shape == (50, 150, 4)
    assert drawn[25, 75].tolist() == [250, 120, 10, 128]
    edge = draw_logo(logo[60:, 60:], 77, 31).pixels
    assert np.abs(edge[edge[..., 3] > 40][:, :3].astype(int) - (250, 120, 10)).max() <= 3
    for bad in (logo[..., :3], np.zeros((9, 9, 4), np.uint8)):
        with pytest.raises(BadInput):
            draw_logo(bad, 100, 100)


def test_a_waveform_shows_the_music_and_how_much_was_played() -> None:
    sheet = sheet_of(accent="#ff0000")
    peaks = np.concatenate([np.full(50, 0.1), np.full(50, 0.9)])
    pixels = draw_waveform(sheet, peaks, 0.5, (400, 100)).pixels
    heights = (pixels[..., 3] > 0).sum(axis=0)
    assert heights[:180].max() < 20
    assert heights[220:].max() > 80
    red = (pixels[..., 1] == 0) & (pixels[..., 3] > 0)
    assert red[:, :190].any()
    assert not red[:, 210:].any()


def test_same_content_same_name_and_other_content_another() -> None:
    sheet = sheet_of()
    first, again, other = (draw_watermark(sheet, text) for text in ("Sample", "Sample", "Draft"))
    assert first.name == again.name != other.name
    assert len(first.name) == 64


def test_nothing_to_draw_is_refused() -> None:
    sheet = sheet_of()
    drawings: tuple[Callable[[], object], ...] = (
        lambda: draw_opening(sheet, Words()),
        lambda: draw_intro_card(sheet, Words(), Brand()),
        lambda: draw_contact_card(sheet, Brand(), Words()),
        lambda: draw_lower_third(sheet, ""),
        lambda: draw_watermark(sheet, " "),
        lambda: draw_waveform(sheet, np.zeros(0), 0.0, (100, 50)),
    )
    for draw in drawings:
        with pytest.raises(BadInput):
            draw()


def test_lay_over_is_the_over_operator_and_cuts_at_edges() -> None:
    red, blue = np.zeros((4, 4, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)
    red[:], blue[:] = (255, 0, 0, 255), (0, 0, 255, 128)
    mixed = lay_over(red, blue, 3, -1)
    assert mixed[0, 3].tolist() == [127, 0, 128, 255]
    assert (mixed.reshape(-1, 4) == (255, 0, 0, 255)).all(axis=1).sum() == 15
    assert red[0, 3].tolist() == [255, 0, 0, 255], "the input stays as it was"
