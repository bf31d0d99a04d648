"""Dances of a village band: polka, jig, reel, march, laendler and tango, for measuring alone.

Nothing is fitted on them and none was heard while the tracker was made: reeds, a fiddle and wood,
with no drum kit, are another sound than that of tracks.py and of what fit_levels.py learns from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.signal import lfilter

from synthetic.music.tracks import RATE_HZ, Times, Track, add

FIRST_SEED, SECONDS = 9_000_000, 30.0
SCALE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16)
TRIADS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7), (2, 5, 9), (7, 11, 14))


@dataclass(frozen=True)
class Dance:
    """Beats of a bar at which bass, chords, wood and tune sound, and how fast it is danced."""

    meter: int
    bpm: tuple[float, float]
    bass: Sequence[float]
    chords: Sequence[float]
    wood: Sequence[float]
    tunes: Sequence[Sequence[float]]


THIRD = 1 / 3
DANCES = {
    "polka": Dance(2, (96, 132), (0, 1), (0.5, 1.5), (0.5, 1.5), ((0, 0.5, 1), (0, 0.25, 0.5, 1))),
    "jig": Dance(
        2, (96, 126), (0, 1), (2 * THIRD, 1 + 2 * THIRD), (0, 1),
        ((0, THIRD, 2 * THIRD, 1, 1 + THIRD, 1 + 2 * THIRD), (0, 2 * THIRD, 1)),
    ),
    "reel": Dance(4, (92, 120), (0, 2), (1, 3), (), ((0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3),)),
    "march": Dance(4, (100, 124), (0, 1, 2, 3), (0.5, 1.5, 2.5, 3.5), (0, 2), ((0, 1.5, 2, 3),)),
    "laendler": Dance(3, (84, 150), (0,), (1, 2), (), ((0, 1, 2), (0, 2), (0, 0.5, 1, 2))),
    "waltz": Dance(3, (150, 200), (0,), (1, 2), (), ((0,), (0, 2), (0, 1, 2))),
    "tango": Dance(4, (108, 132), (0, 1, 2, 3), (0, 1.5, 2, 3), (3.5,), ((0, 0.5, 1.5, 2),)),
}  # fmt: skip


def make_dances(count: int) -> list[Track]:
    """Make `count` tracks of every dance."""
    return [
        make_dance(name, np.random.default_rng(FIRST_SEED + 100 * number + n))
        for number, name in enumerate(DANCES)
        for n in range(count)
    ]


def make_dance(name: str, rng: Generator) -> Track:
    """Play one dance from its first bar to the end."""
    dance = DANCES[name]
    bpm = float(rng.uniform(*dance.bpm))
    count = int((SECONDS + 2) * bpm / 60)
    lengths = 60 / bpm * (1 + 0.003 * rng.normal(size=count))
    beats = rng.uniform(0.05, 1) + np.concatenate([[0], np.cumsum(lengths)])
    mix, root = np.zeros(int((SECONDS + 1) * RATE_HZ)), float(rng.uniform(98, 165))
    triads = [TRIADS[int(rng.integers(len(TRIADS)))] for _ in range(8)]
    lead = (reed, fiddle)[int(rng.integers(2))]
    for number, bar in enumerate(range(0, beats.size - dance.meter - 1, dance.meter)):
        triad, beat_s = triads[number // 2 % len(triads)], 60 / bpm

        def when(place: float, bar: int = bar) -> float:
            at = float(np.interp(bar + place, np.arange(beats.size), beats))
            return at + float(rng.normal(0, 0.006))

        for place in dance.bass:
            hz = root / 2 * 2 ** ((triad[0] - 5 * (place % 2)) / 12)
            add(mix, plucked(hz, beat_s, rng), when(place), 0.5)
        for place in dance.chords:
            for note in triad:
                add(mix, reed(root * 2 ** (note / 12), 0.4 * beat_s, rng), when(place), 0.09)
        for place in dance.wood:
            add(mix, knock(rng), when(place), 0.15)
        for place in dance.tunes[number % len(dance.tunes)]:
            note = (
                SCALE[int(rng.integers(len(SCALE)))] if place % 1 else triad[int(rng.integers(3))]
            )
            hz = 2 * root * 2 ** (note / 12)
            add(mix, lead(hz, beat_s * rng.uniform(0.4, 0.9), rng), when(place), 0.25)
    samples = mix[: int(SECONDS * RATE_HZ)]
    samples = (0.7 * samples / np.abs(samples).max()).astype(np.float32)
    beats = beats[beats < SECONDS - 0.05]
    return Track(f"{name} {bpm:.0f}", name, samples, beats, beats[:: dance.meter])


def reed(hz: float, length_s: float, rng: Generator) -> Times:
    """Sound two reeds a little apart, which beat against each other."""
    t = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    pulses = [np.sign(np.sin(2 * np.pi * hz * off * t + rng.uniform(0, 6))) for off in (1.0, 1.006)]
    bellows = np.minimum(1, np.minimum(t / 0.02, (length_s - t) / 0.03))
    return np.asarray(lfilter([0.3], [1, -0.7], np.sum(pulses, axis=0)) * bellows * 0.4)


def fiddle(hz: float, length_s: float, rng: Generator) -> Times:
    """Bow a string: a saw with vibrato that swells."""
    t = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    phase = np.cumsum(hz * (1 + 0.006 * np.sin(2 * np.pi * 5.5 * t))) / RATE_HZ
    bow = np.minimum(1, np.minimum(t / 0.035, (length_s - t) / 0.03))
    return np.asarray((2 * np.mod(phase, 1) - 1 + 0.03 * rng.normal(size=t.size)) * bow * 0.5)


def plucked(hz: float, length_s: float, rng: Generator) -> Times:
    """Pluck a double bass."""
    t = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    body = np.sin(2 * np.pi * hz * t) + 0.4 * np.sin(4 * np.pi * hz * t)
    noise = rng.normal(size=t.size) * np.exp(-t * 300) * 0.2
    return np.asarray((body * np.exp(-t * 5) + noise) * np.minimum(1, (length_s - t) / 0.02))


def knock(rng: Generator) -> Times:
    """Clap spoons."""
    t = np.arange(int(0.06 * RATE_HZ)) / RATE_HZ
    return np.asarray(
        np.sin(2 * np.pi * 1900 * t) * np.exp(-t * 90) + rng.normal(size=t.size) * 0.1
    )
