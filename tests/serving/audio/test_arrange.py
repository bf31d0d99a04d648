"""Music fits a film to the sample, seams lie on bars, and nothing clicks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.audio.arrange import Track, duck, fade, fit_length, mix, move_times, plan_pieces
from serving.errors import BadInput
from tests.serving.audio.music import click_track, tone

RATE_HZ = 8000


@given(
    frames=st.integers(2000, 20_000),
    length=st.integers(0, 60_000),
    bars=st.lists(st.integers(0, 20_000), max_size=6, unique=True).map(sorted),
    channels=st.sampled_from([0, 1, 2]),
    crossfade_s=st.floats(0, 0.2),
)
def test_fit_length_is_exact_to_the_sample(
    frames: int, length: int, bars: list[int], channels: int, crossfade_s: float
) -> None:
    samples = np.ones((frames, channels) if channels else frames, np.float32)
    bars_s = np.array(bars) / RATE_HZ
    fitted = fit_length(samples, RATE_HZ, length, bars_s, crossfade_s)
    assert fitted.shape == (length, *samples.shape[1:])
    assert np.isfinite(fitted).all()
    assert np.abs(fitted).max(initial=0) <= np.sqrt(2) + 1e-6


@given(
    frames=st.integers(1, 1000),
    length=st.integers(0, 5000),
    bars=st.lists(st.integers(0, 1000), max_size=5, unique=True).map(sorted),
)
def test_plan_pieces_follow_each_other_and_stay_in_the_source(
    frames: int, length: int, bars: list[int]
) -> None:
    pieces = plan_pieces(frames, length, bars)
    assert pieces[0].at == pieces[0].start == 0
    assert all(0 <= piece.start <= piece.stop <= frames for piece in pieces)
    for before, after in pairwise(pieces):
        assert after.at == before.at + before.stop - before.start
        assert length <= frames or before.stop in (*bars, frames)
        assert after.start in (*bars, 0)
    assert pieces[-1].at + pieces[-1].stop - pieces[-1].start == length


def test_a_seam_on_a_bar_keeps_the_beat() -> None:
    samples, beats = click_track(120, 10, 0.5)
    rate = 22050
    bars = beats[::4]
    pieces = plan_pieces(samples.size, 25 * rate, [round(at * rate) for at in bars])
    moved = move_times(beats, pieces, rate)
    np.testing.assert_allclose(np.diff(moved), 0.5, atol=1e-3)
    fitted = fit_length(samples, rate, 25 * rate, bars)
    first = samples[round(beats[0] * rate) :][:2000]
    for at in moved[::2][1:-1]:  # a kick sounds at each
        here = fitted[round(at * rate) :][:2000]
        assert np.corrcoef(first, here)[0, 1] > 0.9


def test_a_seam_does_not_click_or_change_loudness() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(size=4 * RATE_HZ).astype(np.float32) * 0.1
    fitted = fit_length(samples, RATE_HZ, 8 * RATE_HZ, np.array([0.5, 3.0]), 0.2)
    seam = fitted[3 * RATE_HZ - 800 : 3 * RATE_HZ + 800]
    assert seam.std() == pytest.approx(0.1, rel=0.1)
    smooth = fit_length(tone(50, 2.013, RATE_HZ), RATE_HZ, 5 * RATE_HZ, np.array([0.11, 1.7]), 0.1)
    assert np.abs(np.diff(smooth)).max() < 1.6 * np.abs(np.diff(tone(50, 1, RATE_HZ))).max()


def test_what_is_too_short_is_not_looped() -> None:
    with pytest.raises(BadInput, match="too short"):
        fit_length(np.ones(100, np.float32), RATE_HZ, RATE_HZ, np.empty(0))


def test_fade_ends_in_silence_and_leaves_the_middle() -> None:
    faded = fade(np.ones((RATE_HZ, 2), np.float32), RATE_HZ, 0.1, 0.2)
    assert faded[0].max() == 0
    assert faded[-1].max() < 1e-6
    assert (faded[1000:6000] == 1).all()


def test_duck_gives_way_to_a_voice_and_comes_back() -> None:
    music = np.ones((8 * RATE_HZ, 2), np.float32)
    voice = np.zeros(6 * RATE_HZ, np.float32)
    voice[2 * RATE_HZ : 3 * RATE_HZ] = tone(200, 1, RATE_HZ)
    ducked = duck(music, voice, RATE_HZ, 12.0)
    assert (ducked[: int(1.7 * RATE_HZ)] > 0.99).all()
    assert ducked[2 * RATE_HZ + 100 : 3 * RATE_HZ - 100].max() == pytest.approx(0.25, abs=0.01)
    assert (ducked[4 * RATE_HZ :] > 0.99).all()
    assert np.abs(np.diff(ducked[:, 0])).max() < 0.01
    assert duck(music, np.zeros(100, np.float32), RATE_HZ) is music


def test_mix_places_and_levels_tracks() -> None:
    mono, both = np.ones(100, np.float32), np.ones((50, 2), np.float32)
    mixed = mix([Track(mono, -6.0206), Track(both, 0.0, 0.01)], RATE_HZ, 120)
    assert mixed.shape == (120, 2)
    np.testing.assert_allclose(mixed[[0, 79, 80, 99, 110], 0], [0.5, 0.5, 1.5, 1.5, 1.0], rtol=1e-4)
    with pytest.raises(BadInput):
        mix([Track(mono, 0.0, -1.0)], RATE_HZ, 100)
