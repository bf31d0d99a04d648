"""Harmony tells the level that is tapped from its double, its half, and its off-beats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.audio.features import network_features
from serving.audio.harmony import GROUPS, LAGS, harmony_evidence, sum_spectra
from serving.audio.samples import Floats
from tests.serving.audio.music import RATE_HZ

BEAT_FRAMES = 25  # 120 BPM


@pytest.fixture(scope="module")
def summed() -> Floats:
    """Sixteen bars of four beats at 120 BPM, each with a chord of its own."""
    t = np.arange(16 * 2 * RATE_HZ) / RATE_HZ
    bar = (t // 2).astype(int)
    roots = 110 * 2 ** (np.array([0, 5, 9, 7, 2, 4, 11, 3]) / 12)[bar % 8]
    music = sum(np.sin(2 * np.pi * roots * ratio * t) for ratio in (1, 1.26, 1.5))
    return sum_spectra(network_features((0.2 * np.asarray(music)).astype(np.float32)))


def grouped(beats: Floats, summed: Floats) -> dict[int, float]:
    """The part of the evidence that says how far changes come in groups."""
    start = len(LAGS)
    return dict(zip(GROUPS, harmony_evidence(beats, summed)[start : start + 4], strict=True))


def test_chords_that_change_every_four_beats_say_so(summed: Floats) -> None:
    tapped = grouped(np.arange(0.0, 1600, BEAT_FRAMES), summed)
    assert max(tapped[4], tapped[8]) > 2 * tapped[2]
    assert tapped[4] > 3 * tapped[3]
    doubled = grouped(np.arange(0, 1600, BEAT_FRAMES / 2), summed)
    assert doubled[8] > 1.5 * doubled[4], "eight half beats are a bar"


def test_half_a_beat_off_the_change_is_less_clear(summed: Floats) -> None:
    on = grouped(np.arange(0.0, 1590, BEAT_FRAMES), summed)
    off = grouped(np.arange(BEAT_FRAMES / 2, 1590, BEAT_FRAMES), summed)
    assert off[4] < 0.8 * on[4]


@given(st.lists(st.floats(0, 3000), max_size=30))
def test_harmony_evidence_is_always_finite_and_of_one_length(beats: list[float]) -> None:
    summed = sum_spectra(np.ones((100, 272), np.float32))
    evidence = harmony_evidence(np.array(sorted(beats)), summed)
    assert len(evidence) == len(LAGS) + len(GROUPS) + 1
    assert np.isfinite(evidence).all()
    assert np.abs(evidence).max() <= 1 + 1e-9
