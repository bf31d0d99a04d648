from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.video.edit.templates import Transitions, TransitionStyle
from serving.video.edit.transition_choice import Junction, choose_transition, fit_transition
from serving.video.film import Transition

FPS = Fraction(30)
CALM, PUSH, WHIP = (
    TransitionStyle(kind="crossfade", share=3, length_s=0.5),
    TransitionStyle(kind="push", share=1, length_s=0.5, params={"direction": "up"}),
    TransitionStyle(kind="whip", share=2, length_s=0.3, energy=(0.6, 1.0)),
)


def test_kinds_come_in_their_shares() -> None:
    styles = Transitions(ordinary=(CALM, PUSH))
    kinds = Counter(
        choose_transition(styles, Junction(n, False, 0.5, False), FPS).kind for n in range(200)
    )
    assert kinds["push"] / 200 == pytest.approx(0.25, abs=0.02)


def test_energy_rooms_and_sections_choose_the_pool() -> None:
    styles = Transitions(ordinary=(CALM,), new_room=(CALM, WHIP), section=(PUSH,))
    kinds = {
        key: {choose_transition(styles, Junction(n, *key), FPS).kind for n in range(30)}
        for key in [(False, 0.9, False), (True, 0.3, False), (True, 0.9, False), (True, 0.3, True)]
    }
    assert list(kinds.values()) == [{"crossfade"}, {"crossfade"}, {"crossfade", "whip"}, {"push"}]


def test_what_catches_the_eye_never_comes_twice_running() -> None:
    styles = Transitions(ordinary=(PUSH, TransitionStyle(kind="slide", length_s=0.5)))
    kinds = [""]
    for number in range(100):
        junction = Junction(number, False, 0.5, False, kinds[-1])
        kinds.append(choose_transition(styles, junction, FPS).kind)
    assert all(a != b for a, b in pairwise(kinds))


@given(st.integers(0, 200), st.integers(1, 400), st.integers(1, 400))
def test_fit_transition_leaves_each_photo_time_alone(wanted: int, before: int, after: int) -> None:
    fitted = fit_transition(Transition("push", 2 * wanted), before, after)
    assert fitted.frames % 2 == 0, "it can be centred on its cut"
    assert fitted.frames <= 0.4 * min(before, after)
    assert (fitted.kind == "cut") == (fitted.frames == 0)


def test_lengths_are_even_at_every_rate() -> None:
    for fps in (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)):
        frames = choose_transition(Transitions(ordinary=(CALM,)), Junction(0, False, 0, False), fps)
        assert frames.frames % 2 == 0
        assert frames.frames / fps == pytest.approx(0.5, abs=0.05)
