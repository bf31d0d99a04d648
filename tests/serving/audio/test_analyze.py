"""Music is heard as it is: its beats where they are, and nothing where there is nothing."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.audio.analyze import analyze
from serving.audio.features import BeatModel, OnsetsAlone
from serving.audio.samples import Samples
from serving.errors import BadInput
from serving.models.beats import HeldBeats
from serving.render.audio_files import decode_audio
from tests.fakes import starter_beats
from tests.serving.audio.music import (
    RATE_HZ,
    click_track,
    encode_sound,
    made_rain,
    made_speech,
    made_waves,
    made_wind,
    tone,
)


@pytest.fixture(scope="module")
def model() -> BeatModel:
    return HeldBeats(starter_beats())


@pytest.mark.parametrize("bpm", [72, 97, 118, 133, 150, 171])
def test_analyze_finds_tempo_and_beats_to_five_milliseconds(model: BeatModel, bpm: int) -> None:
    samples, truth = click_track(bpm, 12)
    found = analyze(samples, RATE_HZ, model)
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.01)
    off = np.abs(found.beats_s[:, None] - truth).min(axis=1)
    assert np.median(off) < 0.005
    hits = np.abs(truth[:, None] - found.beats_s).min(axis=1) < 0.07
    assert hits.mean() > 0.9
    assert (off < 0.07).mean() > 0.9


def test_analyze_follows_a_tempo_that_drifts(model: BeatModel) -> None:
    samples, truth = click_track(120, 16)
    # play ever faster: what lay at t now lies at warp(t)
    at = np.arange(samples.size) / RATE_HZ
    warped_at = at - 0.05 * at**2 / 16
    even = np.arange(0, warped_at[-1], 1 / RATE_HZ)
    faster = np.interp(np.interp(even, warped_at, at), at, samples).astype(np.float32)
    truth = truth - 0.05 * truth**2 / 16
    found = analyze(faster, RATE_HZ, model)
    hits = np.abs(truth[:, None] - found.beats_s).min(axis=1) < 0.015
    assert hits.mean() > 0.9


@pytest.mark.parametrize("softness_s", [0.0, 0.004, 0.012])
def test_beats_are_neither_early_nor_late_however_hard_the_attack(
    model: BeatModel, softness_s: float
) -> None:
    samples, truth = click_track(112, 14)
    count = round(softness_s * RATE_HZ)
    soft = np.convolve(samples, np.ones(count + 1) / (count + 1))[: samples.size]
    found = analyze(soft.astype(np.float32), RATE_HZ, model)
    late = found.beats_s - truth[np.abs(found.beats_s[:, None] - truth).argmin(axis=1)]
    assert -0.002 < np.median(late) < 0.002 + softness_s


def test_a_loop_has_the_even_beats_that_it_was_cut_by(model: BeatModel) -> None:
    samples, truth = click_track(120, 2 * 8 + 0.3, first_s=0.0)
    played = truth[:32] + np.random.default_rng(1).normal(0, 0.006, 32).clip(0)
    played[0] = 0
    loop = np.zeros(16 * RATE_HZ, np.float32)
    for number, at in enumerate(played):
        start, source = round(at * RATE_HZ), round(truth[number] * RATE_HZ)
        piece = samples[source : source + RATE_HZ // 2][: loop.size - start]
        loop[start : start + piece.size] = piece
    loop += np.random.default_rng(2).normal(0, 0.01, loop.size).astype(np.float32)
    np.testing.assert_allclose(analyze(loop, RATE_HZ, model).beats_s, truth[:32], atol=1e-4)


def test_onsets_alone_still_find_a_plain_beat(model: BeatModel) -> None:
    samples, _ = click_track(120, 12)
    found = analyze(samples, RATE_HZ, OnsetsAlone(model.weights))
    assert found.tempo_bpm is not None
    assert round(found.tempo_bpm / 120, 1) in (0.5, 1.0, 2.0)
    assert found.downbeats_s.size == 0


@pytest.mark.parametrize(
    ("samples", "rate_hz"),
    [
        (np.zeros(0, np.float32), 44100),
        (np.zeros(44100 * 3, np.float32), 44100),
        (np.full(44100 * 3, 0.7, np.float32), 44100),
        (np.ones(1, np.float32), 8000),
        (tone(440, 0.4), RATE_HZ),
        (tone(440, 6), RATE_HZ),
        (np.random.default_rng(0).normal(size=8 * 8000).astype(np.float32) * 0.1, 8000),
    ],
    ids=["empty", "silent", "constant", "one sample", "short", "sine", "noise"],
)
def test_analyze_answers_where_there_is_no_beat(
    model: BeatModel, samples: np.ndarray, rate_hz: int
) -> None:
    found = analyze(samples, rate_hz, model)
    assert found.tempo_bpm is None
    assert found.beats_s.size == found.downbeats_s.size == 0
    assert found.notes
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("make", [made_speech, made_rain, made_wind, made_waves])
def test_no_tempo_is_claimed_where_nothing_supports_one(
    model: BeatModel, make: Callable[[float, int], Samples], seed: int
) -> None:
    found = analyze(make(10, seed), RATE_HZ, model)
    assert found.tempo_bpm is None
    assert found.notes == ("no steady beat was found",)


def test_analyze_hears_mono_at_8_khz(model: BeatModel) -> None:
    samples, _ = click_track(110, 10)
    found = analyze(samples[::3].copy(), RATE_HZ // 3, model)
    assert found.tempo_bpm == pytest.approx(110, rel=0.02)


def test_analyze_hears_stereo_as_it_hears_mono(model: BeatModel) -> None:
    samples, _ = click_track(110, 8)
    both = analyze(np.stack([samples, samples], axis=1), RATE_HZ, model)
    assert both.channels == 2
    np.testing.assert_allclose(both.beats_s, analyze(samples, RATE_HZ, model).beats_s, atol=1e-3)


@pytest.mark.parametrize(
    ("form", "codec"), [("mp3", "mp3"), ("ipod", "aac"), ("ogg", "opus"), ("asf", "wmav2")]
)
def test_the_level_is_the_same_whatever_the_codec(model: BeatModel, form: str, codec: str) -> None:
    samples, _ = click_track(104, 16)
    plain = analyze(samples, RATE_HZ, model)
    sound = decode_audio(encode_sound(samples, RATE_HZ, form, codec, "mono"))
    coded = analyze(sound.samples, sound.sample_rate_hz, model)
    assert coded.tempo_bpm == pytest.approx(plain.tempo_bpm, rel=0.01)
    assert coded.beats_per_bar == plain.beats_per_bar


def test_how_long_the_silence_before_lasts_changes_nothing_of_what_is_heard(
    model: BeatModel,
) -> None:
    loop, _ = click_track(140, 16 * 60 / 140, 0)
    soon, late = (
        analyze(np.concatenate([np.zeros(seconds * RATE_HZ, np.float32), loop]), RATE_HZ, model)
        for seconds in (1, 9)
    )
    assert late.tempo_bpm == pytest.approx(soon.tempo_bpm, rel=1e-3)
    assert late.clarity == pytest.approx(soon.clarity, rel=0.01)
    assert late.beats_s - 8 == pytest.approx(soon.beats_s, abs=0.002)
    assert late.downbeats_s - 8 == pytest.approx(soon.downbeats_s, abs=0.002)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("STUDIO_DATA"), reason="STUDIO_DATA is not set")
@pytest.mark.parametrize("before_s", [0.5, 2.0])
def test_a_real_loop_keeps_its_tempo_after_silence(model: BeatModel, before_s: float) -> None:
    path = Path(os.environ["STUDIO_DATA"]) / "music" / "loop_amen_full.flac"
    sound = decode_audio(path.read_bytes())
    silence = np.zeros((round(before_s * sound.sample_rate_hz), sound.samples.shape[1]), np.float32)
    found = analyze(np.concatenate([silence, sound.samples]), sound.sample_rate_hz, model)
    assert found.tempo_bpm == pytest.approx(140, rel=0.01)


def test_opposite_channels_are_heard_and_not_taken_for_silence(model: BeatModel) -> None:
    samples, _ = click_track(110, 8)
    opposite = analyze(np.stack([samples, -samples], axis=1), RATE_HZ, model)
    plain = analyze(samples, RATE_HZ, model)
    assert opposite.notes == plain.notes
    assert opposite.tempo_bpm == pytest.approx(plain.tempo_bpm, rel=0.001)
    np.testing.assert_allclose(opposite.energy, plain.energy, atol=0.02)


def test_an_offset_is_taken_out_before_anything_is_measured(model: BeatModel) -> None:
    samples, _ = click_track(110, 8)
    moved = analyze(samples * np.float32(0.5) + np.float32(0.4), RATE_HZ, model)
    plain = analyze(samples * np.float32(0.5), RATE_HZ, model)
    assert moved.true_peak_dbtp == pytest.approx(plain.true_peak_dbtp, abs=0.1)
    assert float(moved.peaks.high.max()) < 0.4
    assert moved.tempo_bpm == pytest.approx(plain.tempo_bpm, rel=0.001)


def test_analyze_says_when_sound_begins_and_ends(model: BeatModel) -> None:
    samples, truth = click_track(110, 8, first_s=0.0)
    hiss = np.random.default_rng(1).normal(0, 2e-4, 13 * RATE_HZ).astype(np.float32)
    hiss[3 * RATE_HZ : 3 * RATE_HZ + samples.size] += samples
    found = analyze(hiss, RATE_HZ, model)
    assert found.sound_starts_s == pytest.approx(3, abs=0.02)
    assert found.sound_ends_s == pytest.approx(3 + truth[-1] + 0.2, abs=0.2)
    assert found.tempo_bpm == pytest.approx(110, rel=0.01)


@settings(max_examples=8)
@given(
    bpm=st.floats(50, 200),
    seconds=st.floats(0.1, 7),
    gain=st.floats(0.001, 1),
    first_s=st.floats(0, 1),
)
def test_no_time_lies_outside_the_track(
    bpm: float, seconds: float, gain: float, first_s: float
) -> None:
    samples, _ = click_track(bpm, seconds, first_s)
    found = analyze(samples * np.float32(gain), RATE_HZ, HeldBeats(starter_beats()))
    for times in (found.beats_s, found.downbeats_s, found.onsets_s):
        assert ((times >= 0) & (times < found.duration_s)).all()
        assert (np.diff(times) > 0).all()
    assert set(found.downbeats_s) <= set(found.beats_s)
    assert found.sections[0].start_s == 0
    assert found.sections[-1].end_s == found.duration_s


def test_sections_part_a_quiet_start_from_a_loud_middle(model: BeatModel) -> None:
    samples, _ = click_track(120, 48)
    level = np.repeat([0.05, 1.0, 0.05], samples.size // 3).astype(np.float32)
    found = analyze(samples[: level.size] * level, RATE_HZ, model)
    assert [section.label for section in found.sections] == ["intro", "drop", "outro"]
    assert found.sections[1].start_s == pytest.approx(16, abs=2.1)
    assert found.sections[1].energy > 0.8 > 0.3 > found.sections[0].energy
    assert any(moment.kind == "drop" for moment in found.moments)


@pytest.mark.parametrize(
    ("samples", "rate_hz"),
    [
        (np.zeros(100), 44100),
        (np.zeros((2, 3, 4), np.float32), 44100),
        (np.full(100, np.nan, np.float32), 44100),
        (np.zeros(100, np.float32), 0),
    ],
)
def test_analyze_refuses_what_is_no_sound(samples: np.ndarray, rate_hz: int) -> None:
    with pytest.raises(BadInput):
        analyze(samples, rate_hz)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("STUDIO_DATA"), reason="STUDIO_DATA is not set")
@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize(
    ("name", "beats"), [("amen_full", 16), ("breakbeat", 4), ("electric", 4), ("safari", 16)]
)
def test_analyze_finds_the_beats_of_real_loops(
    model: BeatModel, name: str, beats: int, times: int
) -> None:
    path = Path(os.environ["STUDIO_DATA"]) / "music" / f"loop_{name}.flac"
    sound = decode_audio(path.read_bytes())
    found = analyze(np.tile(sound.samples, (times, 1)), sound.sample_rate_hz, model)
    truth = np.arange(beats * times) * sound.seconds / beats
    assert found.tempo_bpm == pytest.approx(60 * beats / sound.seconds, rel=0.01)
    assert found.beats_s.size == truth.size
    assert np.abs(found.beats_s - truth).max() < 0.002
    np.testing.assert_allclose(found.downbeats_s, truth[::4], atol=0.05)
