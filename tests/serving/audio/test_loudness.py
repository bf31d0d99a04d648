"""Loudness is measured as the standard says, and holds in what is heard after encoding."""

from collections.abc import Callable

import numpy as np
import pyloudnorm  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.audio.limiter import follow, limit
from serving.audio.loudness import normalise
from serving.audio.loudness_meter import integrated_lufs, peak_curve, true_peak_dbtp
from serving.audio.samples import Samples
from serving.render.aac import aac_round_trip
from tests.serving.audio.music import click_track, tone

RATE_HZ = 44100
NOISE = np.random.default_rng(1).normal(size=4 * RATE_HZ)


@pytest.mark.parametrize("rate_hz", [22050, 44100, 48000])
def test_integrated_lufs_agrees_with_pyloudnorm(rate_hz: int) -> None:
    rng = np.random.default_rng(2)
    samples = (rng.normal(size=(5 * rate_hz, 2)) * [0.1, 0.02]).astype(np.float32)
    samples[rate_hz : 2 * rate_hz] *= 0.001
    expected = pyloudnorm.Meter(rate_hz).integrated_loudness(samples.astype(np.float64))
    assert integrated_lufs(samples, rate_hz) == pytest.approx(expected, abs=0.1)


def test_integrated_lufs_of_the_standards_tone() -> None:
    # EBU Tech 3341, case 1: 1 kHz at -23 dBFS on both channels is -23 LUFS
    both = np.repeat(tone(1000, 5, 48000, 10 ** (-23 / 20))[:, None], 2, axis=1)
    assert integrated_lufs(both, 48000) == pytest.approx(-23, abs=0.1)


def test_true_peak_sees_between_samples() -> None:
    # EBU Tech 3341, case 17: a quarter of the sample rate, 45 degrees off, reads 3 dB low
    n = np.arange(48000)
    samples = (0.5 * np.sin(np.pi / 2 * n + np.pi / 4)).astype(np.float32)
    middle = samples[1000:-1000]
    assert 20 * np.log10(np.abs(middle).max()) == pytest.approx(-9.03, abs=0.01)
    window = np.hanning(samples.size).astype(np.float32)
    assert true_peak_dbtp(samples * window) == pytest.approx(-6.0, abs=0.2)


def test_peak_curve_is_the_same_however_it_is_cut() -> None:
    samples = np.tile(NOISE, 2)[:300_000].astype(np.float32)
    whole, part = peak_curve(samples), peak_curve(samples[: 2**18])
    np.testing.assert_allclose(whole[: 2**18 - 64], part[:-64], rtol=1e-5)
    assert (whole >= np.abs(samples) - 1e-4).all()


@settings(max_examples=25)
@given(gain=st.floats(0.1, 30), ceiling=st.floats(-12, -0.5), spikes=st.integers(0, 20))
def test_limit_never_lets_a_peak_through(gain: float, ceiling: float, spikes: int) -> None:
    rng = np.random.default_rng(spikes)
    samples = (rng.normal(size=6000) * 0.1).astype(np.float32)
    samples[rng.integers(0, 6000, spikes)] = 1
    samples *= np.float32(gain)
    limited = limit(samples, peak_curve(samples), 8000, ceiling)
    assert np.abs(limited).max() <= 10 ** (ceiling / 20) * 1.001
    assert true_peak_dbtp(limited) <= ceiling + 0.3


def test_limit_leaves_what_is_low_alone() -> None:
    samples = tone(200, 0.5)
    assert limit(samples, peak_curve(samples), 22050, -1.0) is samples


@settings(max_examples=25)
@given(st.lists(st.floats(0, 40), min_size=1, max_size=200))
def test_follow_reaches_everything_that_is_wanted(wanted: list[float]) -> None:
    curve = follow(np.array(wanted), 100, 0.03, 60.0)
    assert len(curve) == len(wanted)
    assert (curve >= np.array(wanted) - 1e-6).all()


def quiet_and_peaky() -> Samples:
    peaks = np.zeros_like(NOISE)
    peaks[:: RATE_HZ // 2] = 0.5
    return (NOISE * 0.003 + peaks).astype(np.float32)


def speech_with_gaps() -> Samples:
    level = np.repeat(np.tile([0.3, 0.0, 0.05, 0.0], 2), RATE_HZ // 2)
    buzz: Samples = (np.sin(0.03 * np.arange(level.size)) * level).astype(np.float32)
    return buzz * NOISE[: level.size].astype(np.float32)


SOURCES: dict[str, Callable[[], Samples]] = {
    "music": lambda: np.repeat(click_track(120, 4)[0], 2),
    "quiet": lambda: np.repeat(click_track(120, 4)[0], 2) * np.float32(0.01),
    "stereo": lambda: np.stack([NOISE * 0.1, NOISE[::-1] * 0.01], axis=1).astype(np.float32),
    "saturated": lambda: np.clip(NOISE * 5, -1, 1).astype(np.float32),
    "quiet and peaky": quiet_and_peaky,
    "speech with gaps": speech_with_gaps,
    "between samples": lambda: tone(RATE_HZ / 4, 3, RATE_HZ, 0.99),
    "square": lambda: np.sign(tone(70, 3, RATE_HZ)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_normalise_holds_both_promises_on_the_decoded_file(name: str) -> None:
    trip = aac_round_trip(RATE_HZ)
    samples = SOURCES[name]()
    result = normalise(samples, RATE_HZ, trip)
    heard = trip(result.samples)
    assert result.reached, result.note
    assert result.samples.shape == samples.shape
    assert integrated_lufs(heard, RATE_HZ) == pytest.approx(-14, abs=0.5)
    assert true_peak_dbtp(heard) <= -1


@pytest.mark.parametrize("count", [0, 1000, RATE_HZ])
def test_normalise_answers_silence_and_does_not_force_it(count: int) -> None:
    samples = np.zeros(count, np.float32)
    result = normalise(samples, RATE_HZ, aac_round_trip(RATE_HZ))
    assert result.samples is samples
    assert not result.reached
    assert "silent" in result.note


def test_normalise_keeps_the_ceiling_where_the_loudness_is_out_of_reach() -> None:
    clicks = np.zeros(2 * RATE_HZ, np.float32)
    clicks[:: RATE_HZ // 2] = 0.9
    result = normalise(clicks, RATE_HZ, lambda samples: samples)
    assert not result.reached
    assert "cannot be reached" in result.note
    assert result.after.dbtp <= -1


def test_normalise_returns_what_holds_and_not_what_nearly_does() -> None:
    heard = tone(500, 3, RATE_HZ, 0.2)
    heard *= np.float32(10 ** ((-14 - integrated_lufs(heard, RATE_HZ)) / 20))
    heard[60_000:60_200] = np.hanning(200) * 10 ** (-0.99 / 20)  # 0.01 dB too high
    rounds = iter([heard, heard * np.float32(0.97)])  # then 0.26 LU too low, and under
    result = normalise(heard, RATE_HZ, lambda _: next(rounds))
    assert result.reached
    assert result.after.dbtp <= -1
