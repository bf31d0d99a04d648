"""The beat is heard where people tap it: waltzes in three, excerpts from anywhere, any codec."""

import os
from pathlib import Path

import numpy as np
import pytest

from serving.audio.analyze import analyze
from serving.audio.features import BeatModel
from serving.audio.samples import to_mono
from serving.models.beats import HeldBeats
from serving.render.audio_files import decode_audio
from tests.fakes import starter_beats
from tests.serving.audio.music import RATE_HZ, click_track, encode_sound, made_hits, waltz


@pytest.fixture(scope="module")
def model() -> BeatModel:
    return HeldBeats(starter_beats())


@pytest.mark.parametrize("bpm", [63, 84, 110, 138, 178, 200])
def test_a_waltz_is_heard_in_three_at_its_own_tempo(model: BeatModel, bpm: int) -> None:
    samples, truth = waltz(bpm, 18)
    found = analyze(samples, RATE_HZ, model)
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.02)
    assert found.beats_per_bar == 3
    away = np.abs(found.downbeats_s[:, None] - truth[::3]).min(axis=1)
    assert np.median(away) < 0.03


@pytest.mark.parametrize("part", [0.3, 0.5, 0.8])
def test_an_excerpt_from_between_two_beats_is_not_half_a_beat_off(
    model: BeatModel, part: float
) -> None:
    samples, truth = click_track(104, 16)
    from_s = truth[3] + part * 60 / 104
    found = analyze(samples[round(from_s * RATE_HZ) :], RATE_HZ, model)
    assert found.tempo_bpm == pytest.approx(104, rel=0.02)
    away = np.abs(found.beats_s[:, None] + from_s - truth).min(axis=1)
    assert np.median(away) < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_scattered_strokes_have_no_tempo(model: BeatModel, seed: int) -> None:
    assert analyze(made_hits(8, seed), RATE_HZ, model).tempo_bpm is None


def test_music_deep_in_noise_keeps_its_tempo(model: BeatModel) -> None:
    samples, _ = click_track(120, 20)
    noise = np.random.default_rng(1).normal(0, 0.09, samples.size)
    found = analyze((0.5 * (samples + noise)).astype(np.float32), RATE_HZ, model)
    assert found.tempo_bpm == pytest.approx(120, rel=0.02)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("STUDIO_DATA"), reason="STUDIO_DATA is not set")
@pytest.mark.parametrize(
    ("form", "codec"), [("mp3", "mp3"), ("adts", "aac"), ("ogg", "libopus"), ("ogg", "vorbis")]
)
@pytest.mark.parametrize(("name", "beats"), [("amen_full", 16), ("electric", 4)])
def test_a_short_loop_keeps_its_level_in_any_codec(
    model: BeatModel, form: str, codec: str, name: str, beats: int
) -> None:
    path = Path(os.environ["STUDIO_DATA"]) / "music" / f"loop_{name}.flac"
    sound = decode_audio(path.read_bytes())
    coded = decode_audio(encode_sound(to_mono(sound.samples), sound.sample_rate_hz, form, codec))
    found = analyze(coded.samples, coded.sample_rate_hz, model)
    assert found.tempo_bpm == pytest.approx(60 * beats / sound.seconds, rel=0.03)
