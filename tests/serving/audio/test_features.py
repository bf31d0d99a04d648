"""What beats are heard by is where it sounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.audio.features import ATTACKS_PER_S, RATE_HZ, attack_strength, onset_envelope


@given(
    at_s=st.floats(0.05, 0.9),
    rise_db=st.floats(10, 80),
    gain=st.floats(1e-3, 1),
    seed=st.integers(0, 9),
)
def test_attack_strength_is_highest_where_it_gets_louder(
    at_s: float, rise_db: float, gain: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).normal(size=RATE_HZ)
    noise[: round(at_s * RATE_HZ)] *= 10 ** (-rise_db / 20)
    strength = attack_strength((gain * noise).astype(np.float32))
    assert (strength >= 0).all()
    assert strength.argmax() / ATTACKS_PER_S == pytest.approx(at_s, abs=0.0025)


@pytest.mark.parametrize("count", [0, 1, 22, 351, 352, 374, 1000])
def test_attack_strength_of_next_to_nothing_is_nothing(count: int) -> None:
    strength = attack_strength(np.ones(count, np.float32))
    assert strength.size >= 1
    assert strength.max() < 1e-6


def test_onset_envelope_covers_the_music() -> None:
    envelope = onset_envelope(np.zeros(RATE_HZ, np.float32))
    assert envelope.attacks.size / ATTACKS_PER_S == pytest.approx(1, abs=0.002)
    assert not envelope.total.any()
