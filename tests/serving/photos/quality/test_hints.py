import pytest

from serving.photos.quality.hints import write_hints
from serving.photos.quality.parts import DETAILS, PARTS, Part

FINE = dict.fromkeys(PARTS, 95.0)
NOTHING = dict.fromkeys(DETAILS, 0.0)


def test_nothing_is_said_of_a_good_photo() -> None:
    assert write_hints(FINE, NOTHING) == {}


@pytest.mark.parametrize(
    ("part", "details", "hint"),
    [
        ("tilt", {"lean": 2.31}, "tilted 2.3° to the right"),
        ("tilt", {"lean": -4.0}, "tilted 4.0° to the left"),
        ("exposure", {"under": 0.5}, "too dark"),
        ("exposure", {"over": 0.5}, "too bright"),
        ("sharpness", {"blur": 0.5, "motion": 0.5}, "soft: the camera moved"),
        ("sharpness", {"blur": 0.5}, "soft: out of focus or enlarged"),
        ("white_balance", {"red": 0.2, "blue": -0.2}, "slight orange cast"),
        ("white_balance", {"red": -0.2, "blue": 0.1}, "slight blue cast"),
        ("resolution", {"long_side": 448.0}, "small: 448 pixels on its long side"),
    ],
)
def test_a_hint_says_what_is_wrong(part: Part, details: dict[str, float], hint: str) -> None:
    assert write_hints(FINE | {part: 60.0}, NOTHING | details) == {part: hint}


def test_the_worst_part_comes_first() -> None:
    hints = write_hints(FINE | {"noise": 60.0, "contrast": 20.0}, NOTHING)
    assert list(hints) == ["contrast", "noise"]


def test_a_lean_that_nobody_sees_is_not_said() -> None:
    assert write_hints(FINE | {"tilt": 60.0}, NOTHING | {"lean": 0.8}) == {}
