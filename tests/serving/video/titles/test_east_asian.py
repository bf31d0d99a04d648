import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.video.titles.east_asian import has_east_asian, language_of, mark_breaks, remove_marks


@given(st.text(st.sampled_from("ab 12-湖家、(）「の」っー호수\né"), max_size=60))
def test_marks_leave_the_text_as_it_was(text: str) -> None:
    assert remove_marks(mark_breaks(text)) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("湖の家", ["湖", "の", "家"]),
        ("「湖」、家。", ["「湖」、", "家。"]),
        ("マンション", ["マ", "ン", "ショ", "ン"]),
        ("约142 m²，南", ["约", "142", "m²，", "南"]),
        ("호수 위의 집", ["호수", "위의", "집"]),
        ("Lake house", ["Lake", "house"]),
    ],
)
def test_lines_break_between_ideographs_and_not_before_what_closes(
    text: str, parts: list[str]
) -> None:
    assert [remove_marks(part) for part in mark_breaks(text).split(" ")] == parts


@pytest.mark.parametrize("text", ["Élégante 12 m²", "بيت", "Дом", "🏡", "₩ 12", ""])
def test_other_scripts_are_left_alone(text: str) -> None:
    assert not has_east_asian(text)
    assert mark_breaks(text) == text


def test_rare_letters_have_a_language_too() -> None:
    assert language_of("𠮷") == "zh-hans"
