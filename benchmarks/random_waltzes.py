"""Waltzes of 60 to 200 BPM drawn at random, for fitting: a bass on one, chords on two and three."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.random import Generator
from random_kinds import draw_beats, record
from random_music import draw_cast

from synthetic.music.tracks import CHORDS, RATE_HZ, Cast, Times, Track, add, pick

FIRST_SEED, SLOWEST_BPM, FASTEST_BPM = 6_000_000, 60, 200
NO_DRUMS, PICK_UP, ENDS_SOFTLY = 0.5, 0.25, 0.3
# A tune's rhythms in beats of a bar: a long note, three even ones, dotted, eighths, tied.
TUNES = (
    (0.0,),
    (0.0, 2.0),
    (0.0, 1.0, 2.0),
    (0.0, 1.5, 2.0),
    (0.0, 1.0, 1.5, 2.0, 2.5),
    (0.0, 0.5, 1.0, 1.5, 2.0, 2.5),
    (1.0, 2.0),
    (0.0, 2.0, 2.5),
)
# What a left hand or a guitar strikes after the bass.
AFTER = ((1.0, 2.0), (1.0, 2.0), (1.0, 2.0), (1.0,), (2.0,), (0.5, 1.0, 1.5, 2.0, 2.5))


@dataclass(frozen=True)
class Waltz:
    """How one waltz goes; places in beats of the bar."""

    after: Collection[float]
    tunes: tuple[Collection[float], ...]
    kick: Collection[float]
    snare: Collection[float]
    ride: Collection[float]
    bars_a_chord: int
    swing: float


def draw_waltz(number: int) -> Track:
    """Make a waltz of 10 to 32 s, its tempo even over octaves."""
    rng = np.random.default_rng(FIRST_SEED + number)
    bpm = float(np.exp(rng.uniform(np.log(SLOWEST_BPM), np.log(FASTEST_BPM))))
    seconds = rng.uniform(10, 32)
    beats = draw_beats(bpm, seconds, rng)
    pick_up = int(rng.integers(1, 3)) if rng.uniform() < PICK_UP else 0
    mix = np.zeros(int(seconds * RATE_HZ) + RATE_HZ)
    play(mix, beats, pick_up, draw_manner(bpm, rng), draw_cast(rng), rng)
    mix = record(mix[: int(seconds * RATE_HZ)], rng)
    samples = (0.7 * mix / np.abs(mix).max()).astype(np.float32)
    beats = beats[beats < seconds - 0.05]
    return Track(f"oompah {bpm:.0f}", "oompah", samples, beats, beats[pick_up::3])


def draw_manner(bpm: float, rng: Generator) -> Waltz:
    """Draw how a waltz goes; fast ones have fewer notes to the bar."""
    rhythms = [tune for tune in TUNES if len(tune) <= (6 if bpm < 140 else 3)]
    after = pick(rng, AFTER if bpm < 130 else AFTER[:5])
    tunes = tuple(pick(rng, rhythms) for _ in range(int(rng.choice([1, 2, 4]))))
    swing = rng.uniform(0.56, 0.66) if rng.uniform() < 0.2 else 0.5
    bars = int(rng.choice([1, 1, 2, 4]))
    if rng.uniform() < NO_DRUMS:
        return Waltz(after, tunes, (), (), (), bars, swing)
    ride = pick(rng, [(), (0.0, 1.0, 2.0), (0.0, 1.0, 1.5, 2.0), np.arange(0, 3, 0.5).tolist()])
    snare = pick(rng, [(1.0, 2.0), (1.0, 2.0), (2.0,), (1.0,), ()])
    return Waltz(after, tunes, pick(rng, [(0.0,), (0.0,), ()]), snare, ride, bars, swing)


@dataclass(frozen=True)
class Hand:
    """Strikes sounds on the beats of a mix, a little loosely."""

    mix: Times
    beats: Times
    swing: float
    loose_s: float
    rng: Generator

    def strike(self, sound: Times, at: float, level: float) -> None:
        """Play a sound at a place in beats, if that is in the music."""
        whole, part = divmod(at, 1)
        late = part / 0.5 * self.swing if part <= 0.5 else part
        if 0 <= at < self.beats.size - 1:
            when = float(np.interp(whole + late, np.arange(self.beats.size), self.beats))
            loose = self.rng.normal(0, self.loose_s)
            add(self.mix, sound, when + loose, level * self.rng.uniform(0.8, 1))


def play(mix: Times, beats: Times, pick_up: int, manner: Waltz, cast: Cast, rng: Generator) -> None:
    """Play bars to the end; the first may begin before the music does."""
    hand = Hand(mix, beats, manner.swing, float(rng.choice([0, 0.003, 0.008])), rng)
    play_drums(hand, pick_up, manner, cast)
    bass, after = pick(rng, cast.basses), pick(rng, [*cast.leads, *cast.pads])
    lead, chord = pick(rng, cast.leads), CHORDS[0]
    levels, root = rng.uniform((0.25, 0.1, 0.1), (0.7, 0.35, 0.4)), rng.uniform(55, 98)
    fifths, beat_s = rng.uniform() < 0.5, float(np.diff(beats).mean())
    for number, bar in enumerate(range(pick_up - 3, beats.size, 3)):
        if number % manner.bars_a_chord == 0:
            chord = pick(rng, CHORDS)
        low = chord[0] - (5 if fifths and number % 2 else 0)
        sound = bass(root * 2 ** (low / 12), beat_s * rng.uniform(0.6, 2.5), rng)
        hand.strike(sound, bar, levels[0])
        for place, note in product(manner.after, chord):
            sound = after(root * 4 * 2 ** (note / 12), beat_s * 0.6, rng)
            hand.strike(sound, bar + place, levels[1] / 2)
        for place in manner.tunes[number % len(manner.tunes)]:
            hz = root * 8 * 2 ** (pick(rng, chord) / 12)
            hand.strike(lead(hz, beat_s * rng.uniform(0.6, 1.5), rng), bar + place, levels[2])


def play_drums(hand: Hand, pick_up: int, manner: Waltz, cast: Cast) -> None:
    """Add kick, snare and ride, each at its own level."""
    rng = hand.rng
    voices = pick(rng, cast.kicks), pick(rng, cast.snares), pick(rng, cast.hats)
    levels = rng.uniform((0.4, 0.1, 0.05), (1.0, 0.7, 0.3))
    parts = zip(voices, (manner.kick, manner.snare, manner.ride), levels, strict=True)
    for voice, places, level in parts:
        for bar, place in product(range(pick_up - 3, hand.beats.size, 3), places):
            hand.strike(voice(0, 0.4, rng), bar + place, float(level))
