"""Music made here, with the true beats of every track: what beat tracking is measured on.

Three casts of instruments and patterns: what `known` plays was heard while the tracker was made.
What `held_out` and the later `fresh` play was not, but their figures were seen: `held_out` from one
version to the next, `fresh` twice; its misses are why the fit was widened, with none of its
patterns. Nothing is drawn from a grid that the tracker itself uses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

Samples = NDArray[np.float32]
Times = NDArray[np.float64]
T = TypeVar("T")
Voice = Callable[[float, float, Generator], NDArray[np.float64]]

RATE_HZ = 44100
KINDS = ("steady", "drift", "swing", "no_drums", "noise", "intro", "waltz")
CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14), (2, 5, 9), (4, 7, 11))


@dataclass(frozen=True)
class Track:
    """A piece of music and its truth; times in seconds."""

    name: str
    kind: str
    samples: Samples
    beats: Times
    downbeats: Times

    @property
    def bpm(self) -> float:
        """Median tempo."""
        return float(60 / np.median(np.diff(self.beats)))


@dataclass(frozen=True)
class Pattern:
    """Drum hits in sixteenths of a bar of four beats, and where the bass plays."""

    kick: Sequence[int]
    snare: Sequence[int]
    hat: Sequence[int]
    bass: Sequence[int]


@dataclass(frozen=True)
class Cast:
    """Who plays: a choice of voices for every part, and of patterns."""

    kicks: Sequence[Voice]
    snares: Sequence[Voice]
    hats: Sequence[Voice]
    basses: Sequence[Voice]
    leads: Sequence[Voice]
    pads: Sequence[Voice]
    patterns: Sequence[Pattern]


def decay(length_s: float, rate: float) -> tuple[Times, Times]:
    """Return the times of a note and its exponential decay."""
    t = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    return t, np.exp(-rate * t)


def drum(low_hz: float, sweep: float, rate: float, click: float) -> Voice:
    """Make a kick or tom: a falling sine with a click."""

    def play(_: float, length_s: float, rng: Generator) -> NDArray[np.float64]:
        t, env = decay(min(length_s, 0.4), rate)
        phase = 2 * np.pi * np.cumsum(low_hz * (1 + sweep * np.exp(-t * 40))) / RATE_HZ
        return np.sin(phase) * env + click * rng.normal(size=t.size) * np.exp(-t * 400)

    return play


def noise(rate: float, colour: float, tone_hz: float = 0) -> Voice:
    """Make a snare, hat or shaker: decaying noise, brighter with `colour` (0..1), with a tone."""

    def play(_: float, length_s: float, rng: Generator) -> NDArray[np.float64]:
        t, env = decay(min(length_s, 0.35), rate)
        hiss = lfilter([1, -colour], [1], rng.normal(size=t.size))
        return np.asarray((hiss * 0.6 + np.sin(2 * np.pi * tone_hz * t) * np.exp(-t * 20)) * env)

    return play


def tone(partials: Sequence[float], rate: float, attack_s: float = 0.003) -> Voice:
    """Make a pitched voice of harmonic partials, the higher ones dying sooner."""

    def play(hz: float, length_s: float, _: Generator) -> NDArray[np.float64]:
        t, env = decay(length_s, rate)
        sound = np.zeros_like(t)
        for k, level in enumerate(partials, 1):
            if hz * k < RATE_HZ / 2:
                sound += level * np.sin(2 * np.pi * hz * k * t) * np.exp(-t * rate * (k - 1) * 0.5)
        release = np.clip((length_s - t) / 0.02, 0, 1)
        return sound * env * np.clip(t / attack_s, 0, 1) * release

    return play


def string(damping: float) -> Voice:
    """Make a plucked string (Karplus and Strong, CMJ 7(2), 1983)."""

    def play(hz: float, length_s: float, rng: Generator) -> NDArray[np.float64]:
        period = round(RATE_HZ / hz)
        excited = np.zeros(int(length_s * RATE_HZ))
        excited[:period] = rng.uniform(-1, 1, min(period, excited.size))
        feedback = np.zeros(period + 2)
        feedback[0], feedback[period], feedback[period + 1] = 1, -damping / 2, -damping / 2
        return np.asarray(lfilter([1], feedback, excited)) * 0.7

    return play


def bell(ratio: float, index: float, rate: float) -> Voice:
    """Make a frequency-modulated voice: electric piano, bell or marimba."""

    def play(hz: float, length_s: float, _: Generator) -> NDArray[np.float64]:
        t, env = decay(length_s, rate)
        bend = index * np.exp(-t * rate * 2) * np.sin(2 * np.pi * hz * ratio * t)
        return np.sin(2 * np.pi * hz * t + bend) * env * np.clip((length_s - t) / 0.02, 0, 1)

    return play


def clap(bursts: int, gap_s: float, rate: float) -> Voice:
    """Make hand claps: bursts of noise one after another, the last one ringing."""

    def play(_: float, length_s: float, rng: Generator) -> NDArray[np.float64]:
        t, _env = decay(min(length_s, 0.3), 1)
        since = t - np.minimum(t // gap_s, bursts - 1) * gap_s
        rates = np.where(t < (bursts - 1) * gap_s, 200.0, rate)
        return lfilter([1, 0, -1], [1], rng.normal(size=t.size)) * np.exp(-rates * since) * 0.5

    return play


def metal(low_hz: float, partials: int, rate: float) -> Voice:
    """Make a cymbal, bell or block: partials that are no harmonics, dying together."""

    def play(_: float, length_s: float, rng: Generator) -> NDArray[np.float64]:
        t, env = decay(min(length_s, 0.4), rate)
        phases = rng.uniform(0, 2 * np.pi, partials)
        ratios = [1.0, 1.34, 1.72, 2.19, 2.66, 3.11, 3.79, 4.53][:partials]
        rings = [
            np.sin(2 * np.pi * low_hz * r * t + p) for r, p in zip(ratios, phases, strict=True)
        ]
        return np.asarray(np.sum(rings, axis=0) / partials * env)

    return play


def ensemble(partials: Sequence[float], spread: float, rate: float, attack_s: float) -> Voice:
    """Make several detuned voices together: strings, brass or a wide synthesiser."""
    single = tone(partials, rate, attack_s)

    def play(hz: float, length_s: float, rng: Generator) -> NDArray[np.float64]:
        voices = [single(hz * (1 + spread * k), length_s, rng) for k in (-1.0, -0.3, 0.4, 1.1)]
        return np.asarray(np.sum(voices, axis=0) / 3)

    return play


SAW = [1 / k for k in range(1, 12)]
SQUARE = [1 / k if k % 2 else 0.0 for k in range(1, 12)]
EIGHTHS, SIXTEENTHS = range(0, 16, 2), range(16)

KNOWN = Cast(
    kicks=[drum(50, 3, 9, 0.3), drum(62, 5, 14, 0.1)],
    snares=[noise(18, 0.5, 190), noise(30, 0.8)],
    hats=[noise(60, 0.95), noise(25, 0.9)],
    basses=[tone([1, 0.3], 2.5), tone(SQUARE[:5], 4)],
    leads=[string(0.996), bell(2, 2, 4), tone([1, 0.5, 0.25], 5)],
    pads=[tone(SAW[:6], 0.3, 0.05), tone([1, 0, 0.4, 0, 0.2], 0.1, 0.12)],
    patterns=[
        Pattern((0, 8, 10), (4, 12), EIGHTHS, (0, 6, 8, 10)),
        Pattern((0, 4, 8, 12), (4, 12), (2, 6, 10, 14), (2, 6, 10, 14)),
        Pattern((0, 7, 10), (4, 12), SIXTEENTHS, (0, 3, 7, 10)),
        Pattern((0, 8), (4, 12), (0, 4, 8, 12), (0, 8)),
    ],
)
UNHEARD = Cast(
    kicks=[drum(44, 2, 6, 0.05), drum(80, 1.5, 22, 0.6), drum(55, 8, 10, 0)],
    snares=[noise(12, 0.3, 240), noise(45, 0.6, 330), noise(22, 0.95)],
    hats=[noise(90, 0.8), noise(14, 0.97), noise(40, 0.99, 6000)],
    basses=[tone(SAW[:8], 3), string(0.99), bell(1, 1.2, 3)],
    leads=[bell(3.5, 1.5, 7), tone(SQUARE, 3, 0.012), string(0.985), tone(SAW, 2, 0.02)],
    pads=[tone(SQUARE[:7], 0.2, 0.08), tone(SAW, 0.5, 0.03), tone([1, 0.6, 0.1, 0.3], 0.1, 0.2)],
    patterns=[
        Pattern((0, 6, 8), (4, 12, 15), (0, 2, 4, 6, 8, 10, 12, 13, 14), (0, 6, 8, 14)),
        Pattern((0, 4, 8, 12), (4, 12), (0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15), (0, 2, 4, 6, 8)),
        Pattern((0, 3, 8, 11), (4, 12), EIGHTHS, (0, 3, 8, 11)),
        Pattern((0, 10), (8,), EIGHTHS, (0, 10)),
        Pattern((0, 2, 8, 9), (4, 12), SIXTEENTHS, (0, 2, 8, 14)),
    ],
)


# Bossa nova, a 3-3-2, disco, a half-time beat, a march and a shuffle's skeleton.
FRESH = Cast(
    kicks=[drum(58, 4, 12, 0.2), drum(48, 6, 8, 0.4), drum(95, 1, 30, 0.15)],
    snares=[clap(3, 0.009, 25), noise(28, 0.2, 205), metal(820, 3, 45)],
    hats=[metal(3900, 8, 40), noise(110, 0.9), metal(2700, 6, 9)],
    basses=[ensemble(SAW[:6], 0.003, 3, 0.004), tone([1, 0.7, 0.1], 1.5, 0.008), bell(0.5, 0.8, 4)],
    leads=[
        tone([1, 0, 0.8, 0, 0.3, 0.2], 0.8, 0.006),
        ensemble(SAW[:9], 0.006, 2.5, 0.015),
        metal(660, 4, 6),
        string(0.992),
    ],
    pads=[ensemble(SAW[:10], 0.005, 0.3, 0.06), tone([0.8, 1, 0.5, 0.25], 0.05, 0.015)],
    patterns=[
        Pattern((0, 6, 8, 14), (0, 3, 6, 10, 13), EIGHTHS, (0, 6, 8, 14)),
        Pattern((0, 4, 8, 12), (3, 6, 11, 14), EIGHTHS, (0, 3, 6, 8, 11, 14)),
        Pattern((0, 4, 8, 12), (4, 12), (2, 6, 10, 14), EIGHTHS),
        Pattern((0, 5), (8,), (0, 4, 8, 12, 14), (0, 5, 11)),
        Pattern((0, 8), (4, 6, 12, 14, 15), (0, 4, 8, 12), (0, 8)),
        Pattern((0, 8, 11), (4, 12), (0, 3, 4, 7, 8, 11, 12, 15), (0, 4, 8, 12)),
    ],
)
CASTS = {"known": (KNOWN, 1), "held_out": (UNHEARD, 10_000), "fresh": (FRESH, 7_310_000)}


Part = Callable[[Times, Times, int, Cast, str, Generator], None]


def make_tracks(cast_name: str, count: int, seconds: float = 30.0) -> list[Track]:
    """Make `count` tracks of every kind, tempi spread over 60 to 180 BPM."""
    return [nth_track(cast_name, kind, (n, count), seconds) for kind in KINDS for n in range(count)]


def nth_track(cast_name: str, kind: str, place: tuple[int, int], seconds: float = 30.0) -> Track:
    """Make one of the tracks of a kind; `place` says which, and of how many."""
    cast, first_seed = CASTS[cast_name]
    n, count = place
    rng = np.random.default_rng(first_seed + 100 * KINDS.index(kind) + n)
    bpm = 60 + 120 * (n + rng.uniform()) / count
    return make_track(kind, bpm, seconds, cast, rng)


def make_track(
    kind: str,
    bpm: float,
    seconds: float,
    cast: Cast,
    rng: Generator,
    tones: Part | None = None,
) -> Track:
    """Play one track; `tones` plays bass, chords and tune, `play_tones` unless told otherwise."""
    meter = 3 if kind == "waltz" else 4
    beats = beat_times(kind, bpm, seconds, rng)
    mix = np.zeros(int(seconds * RATE_HZ) + RATE_HZ)
    drums_from = meter * max(1, round(8 * bpm / 60 / meter)) if kind == "intro" else 0
    (tones or play_tones)(mix, beats, meter, cast, kind, rng)
    if kind != "no_drums":
        play_drums(mix, beats[drums_from:], meter, cast, kind, rng)
    mix = mix[: int(seconds * RATE_HZ)]
    if kind == "noise":
        hiss = lfilter([1], [1, -0.95], rng.normal(size=mix.size))
        mix += hiss * mix.std() / hiss.std() * 10 ** (-rng.uniform(0, 6) / 20)
    beats = beats[beats < seconds - 0.05]
    samples = (0.7 * mix / np.abs(mix).max()).astype(np.float32)
    return Track(f"{kind} {bpm:.0f}", kind, samples, beats, beats[::meter])


def beat_times(kind: str, bpm: float, seconds: float, rng: Generator) -> Times:
    """Place the beats: a start somewhere in the first second, then steady or drifting."""
    count = int((seconds + 2) * bpm / 60)
    tempo = np.full(count, bpm)
    if kind == "drift":
        along = np.arange(count) / count
        tempo *= 1 + 0.05 * np.sin(2 * np.pi * (rng.uniform(0.5, 1.5) * along + rng.uniform()))
        tempo *= 1 + rng.uniform(-0.06, 0.06) * along
    tempo *= 1 + 0.002 * rng.normal(size=count)
    return rng.uniform(0.05, 1.0) + np.concatenate([[0], np.cumsum(60 / tempo)])


def play_drums(mix: Times, beats: Times, meter: int, cast: Cast, kind: str, rng: Generator) -> None:
    """Add kick, snare and hat bar after bar, with a player's few milliseconds of looseness."""
    voices = [pick(rng, cast.kicks), pick(rng, cast.snares), pick(rng, cast.hats)]
    pattern = pick(rng, cast.patterns)
    parts: list[tuple[Voice, Sequence[int], float]] = [
        (voices[0], (0,) if meter == 3 else pattern.kick, 1.0),
        (voices[1], (4, 8) if meter == 3 else pattern.snare, rng.uniform(0.4, 0.9)),
        (voices[2], [step for step in pattern.hat if step < 4 * meter], rng.uniform(0.1, 0.4)),
    ]
    swing = rng.uniform(0.58, 0.67) if kind == "swing" else 0.5
    for bar in range(0, beats.size - meter, meter):
        for voice, steps, level in parts:
            for step in steps:
                at = step_time(beats, bar, step, swing) + rng.normal(0, 0.002)
                add(mix, voice(0, 0.4, rng), at, level * rng.uniform(0.8, 1))


def play_tones(mix: Times, beats: Times, meter: int, cast: Cast, kind: str, rng: Generator) -> None:
    """Add bass, chords and a tune that follow the bars."""
    bass, lead, pad = pick(rng, cast.basses), pick(rng, cast.leads), pick(rng, cast.pads)
    pattern, root = pick(rng, cast.patterns), rng.uniform(55, 98)
    swing = rng.uniform(0.58, 0.67) if kind == "swing" else 0.5
    tune = [step for step in EIGHTHS if step % 4 == 0 or rng.uniform() < 0.5]
    for bar in range(0, beats.size - meter, meter):
        chord = CHORDS[rng.integers(len(CHORDS))]
        bar_s = beats[bar + meter] - beats[bar]
        for note in chord:
            add(mix, pad(root * 4 * 2 ** (note / 12), bar_s, rng), beats[bar], 0.12)
        for step in (s for s in pattern.bass if s < 4 * meter):
            at = step_time(beats, bar, step, swing)
            add(mix, bass(root * 2 ** (chord[0] / 12), bar_s / 5, rng), at, 0.4)
        for step in (s for s in tune if s < 4 * meter):
            key = chord[rng.integers(3)] + 12 * rng.integers(2)
            at = step_time(beats, bar, step, swing) + rng.normal(0, 0.004)
            add(mix, lead(root * 4 * 2 ** (key / 12), bar_s / 4, rng), at, 0.25)


def step_time(beats: Times, bar: int, step: int, swing: float) -> float:
    """Return when a sixteenth of a bar sounds; `swing` is where the second eighth falls."""
    beat, part = bar + step // 4, step % 4 / 4
    bent = part / 0.5 * swing if part <= 0.5 else swing + (part - 0.5) / 0.5 * (1 - swing)
    return float(beats[beat] + bent * (beats[beat + 1] - beats[beat]))


def add(mix: Times, sound: NDArray[np.float64], at_s: float, level: float) -> None:
    """Mix a sound in at a time, to the nearest sample; what sticks out is left off."""
    start = max(0, round(at_s * RATE_HZ))
    kept = sound[: max(0, mix.size - start)]
    mix[start : start + kept.size] += level * kept


def pick(rng: Generator, choices: Sequence[T]) -> T:
    """Choose one."""
    return choices[int(rng.integers(len(choices)))]
