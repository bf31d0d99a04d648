"""Music of which everything is drawn at random, for fitting: instruments, patterns, harmony, loops.

What a tracker is fitted on has to vary in what it must not rely on: how often chords change, how
many notes a tune has, whether there is a backbeat.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from synthetic.music.tracks import (
    CHORDS,
    KINDS,
    RATE_HZ,
    Cast,
    Pattern,
    Times,
    Track,
    Voice,
    add,
    bell,
    drum,
    make_track,
    pick,
    play_drums,
    step_time,
    string,
    tone,
)
from synthetic.music.tracks import noise as hiss

FIRST_TRACK, FIRST_LOOP = 2_000_000, 3_000_000
LONGEST_LOOP_S = 40


def draw_track(number: int) -> Track:
    """Make a track of 10 to 32 s and 58 to 185 BPM."""
    rng = np.random.default_rng(FIRST_TRACK + number)
    even = np.exp(rng.uniform(np.log(58), np.log(185))) if number % 2 else rng.uniform(60, 180)
    seconds = rng.uniform(10, 32)
    kind = KINDS[number % len(KINDS)]
    return make_track(kind, float(even), seconds, draw_cast(rng), rng, draw_tones)


def draw_loop(number: int) -> Track:
    """Make a loop of one to eight bars, cut on the beat, and repeat it; some are played loosely."""
    rng = np.random.default_rng(FIRST_LOOP + number)
    period_s = 60 / float(np.exp(rng.uniform(np.log(70), np.log(180))))
    bars, cast = int(rng.choice([1, 1, 2, 4, 4, 8])), draw_cast(rng)
    count, size = 4 * bars, round(4 * bars * period_s * RATE_HZ)
    beats = np.arange(count + 5) * period_s
    beats[1:count] += rng.normal(0, rng.choice([0, 0, 0.004, 0.008]), count - 1)
    mix, kind = np.zeros(size + RATE_HZ), "swing" if rng.uniform() < 0.25 else "steady"
    if rng.uniform() < 0.8:
        play_drums(mix, beats[: count + 1], 4, cast, kind, rng)
    if rng.uniform() < 0.6 or not mix.any():
        draw_tones(mix, beats[: count + 1], 4, cast, kind, rng)
    once = mix[:size].copy()
    rest = mix[size:][:size]  # what still sounds at the end sounds at the start
    once[: rest.size] += rest
    times = max(1, min(int(rng.choice([1, 1, 2, 4, 8])), int(LONGEST_LOOP_S * RATE_HZ / size)))
    even = np.arange(count * times) * size / RATE_HZ / count
    samples = np.tile(0.7 * once / np.abs(once).max(), times).astype(np.float32)
    return Track(f"loop {60 / period_s:.0f} x{times}", "loop", samples, even, even[::4])


def draw_tones(mix: Times, beats: Times, meter: int, cast: Cast, kind: str, rng: Generator) -> None:
    """Add bass, chords that change every half, one or two bars, and a sparse or busy tune."""
    bass, lead, pad = pick(rng, cast.basses), pick(rng, cast.leads), pick(rng, cast.pads)
    pattern, root = pick(rng, cast.patterns), rng.uniform(55, 98)
    swing = rng.uniform(0.58, 0.67) if kind == "swing" else 0.5
    tune, bars_a_chord = draw_tune(rng), float(rng.choice([1, 1, 1, 2, 0.5]))
    levels = rng.uniform(0.05, 0.2), rng.uniform(0.2, 0.6), rng.uniform(0.1, 0.4)
    chords, rises = {0: CHORDS[0]}, rng.uniform() < 0.3
    for number, bar in enumerate(range(0, beats.size - meter, meter)):
        bar_s = beats[bar + meter] - beats[bar]
        if bars_a_chord <= 1 or number % 2 == 0:
            chords = {0: pick(rng, CHORDS)}
        if bars_a_chord < 1 and meter == 4:
            chords[8] = pick(rng, CHORDS)
        for step, chord in chords.items():
            for note in chord:
                hz, lasts_s = root * 4 * 2 ** (note / 12), bar_s * min(1, bars_a_chord)
                add(mix, pad(hz, lasts_s, rng), beats[bar + step // 4], levels[0])
        for step in (s for s in pattern.bass if s < 4 * meter):
            hz = root * 2 ** (chord_at(chords, step)[0] / 12)
            sound = bass(hz, bar_s / rng.uniform(3, 8), rng)
            add(mix, sound, step_time(beats, bar, step, swing), levels[1])
        for place, step in enumerate(s for s in tune if s < 4 * meter):
            key = chord_at(chords, step)[place % 3 if rises else rng.integers(3)]
            hz = root * 4 * 2 ** (key / 12 + rng.integers(2))
            at = step_time(beats, bar, step, swing) + rng.normal(0, 0.004)
            add(mix, lead(hz, bar_s / 4, rng), at, levels[2])


def chord_at(chords: dict[int, tuple[int, int, int]], step: int) -> tuple[int, int, int]:
    """Return the chord that sounds at a sixteenth of the bar."""
    return chords[max(start for start in chords if start <= step)]


def draw_tune(rng: Generator) -> list[int]:
    """Draw the sixteenths of a bar that a tune plays on."""
    on, off, between = rng.uniform(0.5, 1), rng.uniform(0.1, 0.9), rng.choice([0, 0, 0.15, 0.6])
    chances = [on if step % 4 == 0 else off if step % 2 == 0 else between for step in range(16)]
    return [step for step, chance in enumerate(chances) if rng.uniform() < chance]


def draw_cast(rng: Generator) -> Cast:
    """Invent instruments and patterns."""
    u = rng.uniform
    return Cast(
        [drum(u(40, 85), u(1, 8), u(6, 25), u(0, 0.6))],
        [hiss(u(10, 45), u(0.2, 0.97), u(0, 350))],
        [hiss(u(12, 100), u(0.7, 0.99))],
        [draw_voice(rng, 0.004)],
        [draw_voice(rng, 0.008)],
        [tone(draw_partials(rng), u(0.1, 0.6), u(0.02, 0.2))],
        [draw_pattern(rng) for _ in range(3)],
    )


def draw_voice(rng: Generator, attack_s: float) -> Voice:
    """Invent a pitched instrument."""
    u = rng.uniform
    voices = [
        tone(draw_partials(rng), u(0.5, 6), attack_s * u(0.5, 2)),
        string(u(0.98, 0.998)),
        bell(u(0.5, 4), u(0.5, 3), u(2, 8)),
    ]
    return voices[int(rng.integers(3))]


def draw_partials(rng: Generator) -> list[float]:
    """Invent a spectrum."""
    return [rng.uniform() / k ** rng.uniform(0.3, 1.5) for k in range(1, int(rng.integers(2, 11)))]


def draw_pattern(rng: Generator) -> Pattern:
    """Invent a bar: mostly a backbeat, or four on the floor, half time, a ballad, or busy."""
    eighths, quarters = range(0, 16, 2), range(0, 16, 4)
    backbeat = (4, 12) if rng.uniform() < 0.85 else (8,)
    styles: list[tuple[Sequence[int], Sequence[int], Sequence[Sequence[int]]]] = [
        (
            (0, *sixteenths(rng, 0.1), *((8,) if rng.uniform() < 0.6 else ())),
            (*backbeat, *sixteenths(rng, 0.04)),
            (eighths, range(16), quarters, (2, 6, 10, 14), sixteenths(rng, 0.6)),
        ),
        ((0, 4, 8, 12), (4, 12), ((2, 6, 10, 14), eighths, range(16))),
        ((0, *sixteenths(rng, 0.08)), (8,), (eighths, quarters, range(16))),
        ((0, 8, *sixteenths(rng, 0.05)), (4, 12), (quarters, eighths)),
        (
            (0, *sixteenths(rng, 0.2)),
            (4, 12, *sixteenths(rng, 0.08)),
            (range(16), sixteenths(rng, 0.7)),
        ),
        ((0, 8, 10), (4, 12), (eighths, (0, 3, 4, 7, 8, 11, 12, 15))),
    ]
    kick, snare, hats = pick(rng, styles)
    basses = [quarters, eighths, (0, 8), (0, 6, 8, 14), range(2, 16, 4)]
    free = [0, *sixteenths(rng, rng.uniform(0.05, 0.5))]
    bass = free if rng.uniform() < 0.6 else pick(rng, basses)
    return Pattern(sorted({*kick}), sorted({*snare}), pick(rng, hats), sorted({*bass}))


def sixteenths(rng: Generator, share: float) -> list[int]:
    """Draw a share of a bar's sixteenths."""
    chosen: NDArray[np.bool_] = rng.uniform(size=16) < share
    return [int(step) for step in np.flatnonzero(chosen)]
