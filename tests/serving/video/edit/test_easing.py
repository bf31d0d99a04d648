import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from serving.errors import BadInput
from serving.video.edit.easing import CURVES, make_curve
from serving.video.film import Clip, Film, Motion, View, check_film

HERE = View(0.5, 0.5, 1.0)


@given(
    st.sampled_from(CURVES),
    st.floats(0, 1),
    st.lists(st.floats(0, 1, exclude_max=True), max_size=40),
)
def test_make_curve_always_goes_forward_from_start_to_end(
    kind: str, strength: float, beats: list[float]
) -> None:
    curve = make_curve(kind, strength, beats)
    check_film(Film(64, 64, 30, (Clip("p", 90, Motion(HERE, HERE, curve)),)))  # type: ignore[arg-type]
    times, progress = np.array(curve).T
    path = PchipInterpolator(times, progress)(np.linspace(0, 1, 400))
    assert (np.diff(path) >= -1e-12).all()
    assert (path[0], path[-1]) == pytest.approx((0, 1))


def speed_at(curve: tuple[tuple[float, float], ...], time: float) -> float:
    times, progress = np.array(curve).T
    path = PchipInterpolator(times, progress)
    return float((path(time + 0.01) - path(time - 0.01)) / 0.02)


def test_a_ramp_bursts_on_the_beat() -> None:
    curve = make_curve("ramp", 0.7, (0.25, 0.75))
    for beat in (0.25, 0.75):
        assert speed_at(curve, beat + 0.02) > 2 * speed_at(curve, beat - 0.15)


def test_eases_are_slow_where_they_say() -> None:
    ease, ease_in, ease_out = (make_curve(kind, 0.8) for kind in ("ease", "ease_in", "ease_out"))
    assert speed_at(ease, 0.5) > 2 * max(speed_at(ease, 0.02), speed_at(ease, 0.98))
    assert speed_at(ease_in, 0.98) > 2 * speed_at(ease_in, 0.02)
    assert speed_at(ease_out, 0.02) > 2 * speed_at(ease_out, 0.98)


def test_make_curve_refuses_unknown_kinds() -> None:
    with pytest.raises(BadInput, match="ramp"):
        make_curve("bounce", 0.5)
