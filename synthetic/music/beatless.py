"""Sounds without a beat, drawn at random: what no tempo may be claimed of."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from scipy.signal import butter, lfilter, sosfilt

from synthetic.music.tracks import RATE_HZ, Samples, Times

FIRST_SEED = 8_000_000
Sound = Callable[[float, Generator], Times]


def draw_beatless(number: int) -> tuple[str, Samples]:
    """Make 8 to 30 s of a kind of sound, kind after kind; return its name and samples."""
    rng = np.random.default_rng(FIRST_SEED + number)
    name = list(BEATLESS)[number % len(BEATLESS)]
    sound = BEATLESS[name](rng.uniform(8, 30), rng)
    sound = sound / np.abs(sound).max() * 0.7 + rng.normal(0, 3e-4, sound.size)
    return name, sound.astype(np.float32)


def speech(seconds: float, rng: Generator) -> Times:
    """Speak syllables of formants with pauses, as irregular as speech."""
    parts: list[Times] = []
    while sum(part.size for part in parts) < seconds * RATE_HZ:
        if rng.uniform() < 0.18:
            parts.append(np.zeros(int(RATE_HZ * rng.uniform(0.15, 0.7))))
        else:
            parts.append(syllable(int(RATE_HZ * rng.lognormal(np.log(0.17), 0.35)), rng))
    return np.concatenate(parts)


def syllable(length: int, rng: Generator) -> Times:
    """Make pulses or hiss ring at three formants, after a burst now and then."""
    pitch = rng.uniform(90, 240) * (1 + 0.1 * np.sin(np.linspace(0, 3, length)))
    sound = (np.mod(np.cumsum(pitch) / RATE_HZ, 1) < 0.1) - 0.1
    if rng.uniform() < 0.3:
        sound = rng.normal(0, 0.2, length)
    centres = rng.uniform(300, 800), rng.uniform(900, 2200), rng.uniform(2300, 3000)
    for hz, width in zip(centres, (80, 100, 150), strict=True):
        radius = np.exp(-np.pi * width / RATE_HZ)
        turn = 2 * radius * np.cos(2 * np.pi * hz / RATE_HZ)
        sound = lfilter([1 - radius], [1, -turn, radius * radius], sound)
    steps = np.arange(length) / RATE_HZ
    shape = np.minimum(1, np.minimum(steps / 0.02, steps[::-1] / 0.05))
    return np.asarray(sound * shape * rng.uniform(0.4, 1) / max(np.abs(sound).max(), 1e-9))


def birdsong(seconds: float, rng: Generator) -> Times:
    """Repeat chirps a few times each, at no steady distance."""
    song, at_s = np.zeros(int(seconds * RATE_HZ)), rng.uniform(0, 0.5)
    while at_s < seconds:
        hz, lasts_s, gap_s = (
            rng.uniform(2200, 6000),
            rng.uniform(0.04, 0.12),
            rng.uniform(0.05, 0.2),
        )
        for _ in range(int(rng.integers(1, 8))):
            bend = hz + rng.uniform(-800, 800) * np.linspace(0, 1, int(lasts_s * RATE_HZ))
            chirp = np.sin(2 * np.pi * np.cumsum(bend) / RATE_HZ) * np.hanning(bend.size)
            put(song, chirp * rng.uniform(0.3, 1), at_s)
            at_s += lasts_s + gap_s
        at_s += rng.exponential(0.9)
    return song


def drone(seconds: float, rng: Generator) -> Times:
    """Hold partials that swell on their own."""
    t, root = np.arange(int(seconds * RATE_HZ)) / RATE_HZ, rng.uniform(50, 120)
    parts = [
        np.sin(2 * np.pi * root * ratio * t + rng.uniform(0, 6))
        * (1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.03, 0.3) * t))
        for ratio in (1, 1.5, 2.005, 3, 4.01, 6.02)
    ]
    return np.asarray(np.sum(parts, axis=0))


def slow_chords(seconds: float, rng: Generator) -> Times:
    """Fade chords in and out, each as long as it likes."""
    t, at_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ, 0.0
    sound = np.zeros(t.size)
    while at_s < seconds:
        lasts_s = rng.uniform(1.5, 5)
        fade = np.clip(np.minimum((t - at_s) / 0.8, at_s + lasts_s + 1 - t), 0, 1)
        for hz in 110 * 2 ** (rng.integers(0, 24, 4) / 12):
            sound += fade * np.sin(2 * np.pi * hz * t)
        at_s += lasts_s
    return sound


def hits(seconds: float, rng: Generator) -> Times:
    """Strike one to thirty drums anywhere."""
    sound = np.zeros(int(seconds * RATE_HZ))
    t = np.arange(RATE_HZ // 2) / RATE_HZ
    for at_s in rng.uniform(0.1, seconds - 0.5, int(rng.choice([1, 3, 6, 12, 20, 30]))):
        ring = np.exp(-t * rng.uniform(8, 30)) * np.sin(2 * np.pi * rng.uniform(60, 400) * t)
        put(sound, ring * rng.uniform(0.4, 1), float(at_s))
    return sound


def applause(seconds: float, rng: Generator) -> Times:
    """Clap many hands, each when it likes."""
    sound, t = np.zeros(int(seconds * RATE_HZ)), np.arange(RATE_HZ // 50) / RATE_HZ
    for at_s in rng.uniform(0, seconds, int(seconds * rng.uniform(8, 60))):
        put(sound, rng.normal(size=t.size) * np.exp(-t * 280) * rng.uniform(0.2, 1), float(at_s))
    return sound


def hiss(seconds: float, rng: Generator) -> Times:
    """Make noise of any colour."""
    feedback = rng.choice([0.0, 0.7, 0.95, 0.998])
    return np.asarray(lfilter([1], [1, -feedback], rng.normal(size=int(seconds * RATE_HZ))))


def rain(seconds: float, rng: Generator) -> Times:
    """Let drops fall into hiss."""
    sound = rng.normal(0, 0.1, int(seconds * RATE_HZ))
    drops = rng.integers(0, sound.size, int(seconds * rng.uniform(10, 200)))
    sound[drops] += rng.exponential(4, drops.size)
    return np.asarray(sosfilt(butter(2, [800, 8000], "band", fs=RATE_HZ, output="sos"), sound))


def wind(seconds: float, rng: Generator) -> Times:
    """Let low noise swell and die down, or come in waves."""
    noise = lfilter([1], [1, -0.95], rng.normal(size=int(seconds * RATE_HZ)))
    t = np.arange(noise.size) / RATE_HZ
    gusts = np.abs(lfilter([1], [1, -0.99995], rng.normal(size=noise.size)))
    waves = 1.1 + np.sin(2 * np.pi * t / rng.uniform(5, 9) + np.sin(t))
    return np.asarray(noise * (gusts if rng.uniform() < 0.5 else waves))


def steps(seconds: float, rng: Generator) -> Times:
    """Knock, rustle and clatter, as in a kitchen: bursts of noise of any length and colour."""
    sound, at_s = np.zeros(int(seconds * RATE_HZ)), rng.uniform(0, 0.5)
    while at_s < seconds:
        t = np.arange(int(rng.uniform(0.02, 0.4) * RATE_HZ)) / RATE_HZ
        burst = lfilter([1], [1, -rng.uniform(0, 0.98)], rng.normal(size=t.size))
        put(sound, burst / np.abs(burst).max() * np.exp(-t * rng.uniform(5, 60)), at_s)
        at_s += rng.gamma(1.5, 0.3)
    return sound


def put(mix: Times, sound: Times, at_s: float) -> None:
    """Mix a sound in; what sticks out is left off."""
    start = round(at_s * RATE_HZ)
    kept = sound[: max(0, mix.size - start)]
    mix[start : start + kept.size] += kept


BEATLESS: dict[str, Sound] = {
    one.__name__: one
    for one in (
        speech, birdsong, drone, slow_chords, hits, applause, hiss, rain, wind, steps
    )
}  # fmt: skip
