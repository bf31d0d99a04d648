"""Small pieces of sound for tests, with known beats."""

import numpy as np

from serving.audio.samples import Floats, Samples

RATE_HZ = 22050


def click_track(bpm: float, seconds: float, first_s: float = 0.3) -> tuple[Samples, Floats]:
    """Return kick and snare on the beat with hats between, and the beats' times."""
    rng = np.random.default_rng(3)
    beats = np.arange(first_s, seconds - 0.3, 60 / bpm)
    mono = np.zeros(round(seconds * RATE_HZ))
    t = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    kick = np.sin(2 * np.pi * (50 * t + 2 * (1 - np.exp(-30 * t)))) * np.exp(-15 * t)
    snare = rng.normal(size=t.size) * 0.4 * np.exp(-25 * t)
    hat = np.diff(rng.normal(size=t.size + 1)) * 0.1 * np.exp(-80 * t)
    for number, at in enumerate(beats):
        for sound, when in (
            (snare if number % 2 else kick, at),
            (hat, at),
            (hat, at + 30 / bpm),
        ):
            start = round(when * RATE_HZ)
            kept = sound[: max(0, mono.size - start)]
            mono[start : start + kept.size] += kept
    return (0.6 * mono / max(np.abs(mono).max(), 1e-9)).astype(np.float32), beats


def tone(hz: float, seconds: float, rate_hz: int = RATE_HZ, level: float = 0.5) -> Samples:
    """Return a sine."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)
