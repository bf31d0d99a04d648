"""Ten kinds of music drawn at random, wider than random_music.py's, for fitting.

Every kind draws its own rhythms by how strong each place of a bar is in its metre, so that what is
learnt on nine kinds can be tried on the tenth. No clave is drawn that beats.py's fresh tracks play;
four kicks to the bar with hats between, which one of their patterns has too, are.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator
from random_music import chord_at, draw_cast
from scipy.signal import lfilter

from synthetic.music.tracks import CHORDS, FRESH, RATE_HZ, Cast, Times, Track, Voice, add, pick

FIRST_SEED, FIRST_LOOP_SEED, LONGEST_LOOP_S = 4_000_000, 5_000_000, 30
NO_DRUMS, NOISY, DULL, FROM_ZERO, PICK_UP = 0.2, 0.15, 0.1, 0.4, 0.25
Chord = tuple[int, int, int]
TAKEN = {tuple(part) for each in FRESH.patterns for part in (each.kick, each.snare, each.bass)}


@dataclass(frozen=True)
class Groove:
    """Where a bar's parts play, in `grid`ths of a beat; `walks` and `rises` say how they move."""

    meter: int = 4
    grid: int = 4
    kick: Collection[int] = ()
    snare: Collection[int] = ()
    hat: Collection[int] = ()
    bass: Collection[int] = ()
    chords: Collection[int] = (0,)
    tune: Collection[int] = ()
    walks: bool = False
    rises: bool = False
    bpm: tuple[float, float] = field(default=(55.0, 200.0))


def draw_kind(number: int) -> Track:
    """Make a track of 10 to 32 s, kind after kind, its tempo even over octaves."""
    rng = np.random.default_rng(FIRST_SEED + number)
    kind = list(GROOVES)[number % len(GROOVES)]
    groove = GROOVES[kind](rng)
    if rng.uniform() < NO_DRUMS:
        groove = replace(groove, kick=(), snare=(), hat=())
    bpm, seconds = float(np.exp(rng.uniform(*np.log(groove.bpm)))), rng.uniform(10, 32)
    beats = draw_beats(bpm, seconds, rng)
    pick_up = int(rng.integers(groove.meter)) if rng.uniform() < PICK_UP else 0
    mix = np.zeros(int(seconds * RATE_HZ) + RATE_HZ)
    play(mix, beats, pick_up, groove, draw_cast(rng), rng)
    mix = record(mix[: int(seconds * RATE_HZ)], rng)
    samples = (0.7 * mix / np.abs(mix).max()).astype(np.float32)
    beats = beats[beats < seconds - 0.05]
    return Track(f"{kind} {bpm:.0f}", kind, samples, beats, beats[pick_up :: groove.meter])


def draw_kind_loop(number: int) -> Track:
    """Make a loop of whole bars of one of the kinds, cut on the beat, and repeat it."""
    rng = np.random.default_rng(FIRST_LOOP_SEED + number)
    kind = list(GROOVES)[number % len(GROOVES)]
    groove = GROOVES[kind](rng)
    bpm = float(np.exp(rng.uniform(*np.log(groove.bpm))))
    bars, times = int(rng.choice([1, 2, 4, 4, 8])), int(rng.choice([1, 2, 4, 8]))
    count = bars * (groove.meter if groove.meter > 2 else 4)
    lasts_s = count * 60 / bpm
    times = max(1, min(times, int(LONGEST_LOOP_S / lasts_s)))
    size = round(lasts_s * RATE_HZ)
    mix = np.zeros(3 * size)  # the second time round, all that rings from the first is heard
    play(mix, np.arange(3 * count + 1) * 60 / bpm, 0, groove, draw_cast(rng), rng)
    once = mix[size : 2 * size]
    samples = np.tile(0.7 * once / np.abs(once).max(), times).astype(np.float32)
    even = np.arange(count * times) * size / RATE_HZ / count
    return Track(
        f"{kind} loop {bpm:.0f} x{times}", "kind loop", samples, even, even[:: groove.meter]
    )


def draw_beats(bpm: float, seconds: float, rng: Generator) -> Times:
    """Place beats that are steady or drift, from the file's first sample or a little later."""
    count = int((seconds + 4) * bpm / 60)
    wander = rng.choice([0, 0.02, 0.05]) * np.sin(rng.uniform(1, 9) * np.arange(count) / count)
    lengths = 60 / bpm * (1 + wander + rng.choice([0, 0.002, 0.006]) * rng.normal(size=count))
    start = 0.0 if rng.uniform() < FROM_ZERO else rng.uniform(0, 1)
    return start + np.concatenate([[0], np.cumsum(lengths)])


def record(mix: Times, rng: Generator) -> Times:
    """Add noise or take the treble away, now and then."""
    if rng.uniform() < NOISY:
        hiss = lfilter([1], [1, -rng.uniform(0, 0.97)], rng.normal(size=mix.size))
        mix = mix + hiss * mix.std() / hiss.std() * 10 ** (-rng.uniform(0, 15) / 20)
    if rng.uniform() < DULL:
        mix = np.asarray(lfilter([0.1], [1, -0.9], mix))
    return mix


@dataclass(frozen=True)
class Stage:
    """What is played on: a mix whose beats lie at `beats`, and how loosely it is played."""

    mix: Times
    beats: Times
    grid: int
    swing: float
    loose_s: float
    rng: Generator

    def strike(self, sound: Times, bar: int, step: int, level: float) -> None:
        """Play a sound at a step of the bar that begins at a beat, if that is in the music."""
        at = swung(bar + step / self.grid, self.swing)
        if 0 <= at < self.beats.size - 1:
            when = float(np.interp(at, np.arange(self.beats.size), self.beats))
            add(self.mix, sound, when + self.rng.normal(0, self.loose_s), level)


Band = Callable[[Stage, int, dict[int, Chord]], None]


def play(
    mix: Times, beats: Times, pick_up: int, groove: Groove, cast: Cast, rng: Generator
) -> None:
    """Play bars to the end; a bar that begins before the music does is its pick-up."""
    swing = rng.uniform(0.55, 0.66) if groove.grid == 4 and rng.uniform() < 0.15 else 0.5
    stage = Stage(mix, beats, groove.grid, swing, float(rng.choice([0, 0.002, 0.006])), rng)
    drums: list[tuple[Voice, Collection[int], float]] = [
        (pick(rng, cast.kicks), groove.kick, rng.uniform(0.5, 1)),
        (pick(rng, cast.snares), groove.snare, rng.uniform(0.2, 0.9)),
        (pick(rng, cast.hats), groove.hat, rng.uniform(0.1, 0.4)),
    ]
    band = draw_band(groove, cast, groove.meter * float(np.diff(beats).mean()), rng)
    every, left_out = int(rng.choice([1, 1, 1, 2])), float(rng.choice([0, 0.05, 0.15]))
    splits = groove.meter == 4 and rng.uniform() < 0.2  # chords change in mid-bar too
    half = groove.meter * groove.grid // 2
    chords = {0: CHORDS[0]}
    for number, bar in enumerate(range(pick_up - groove.meter, beats.size, groove.meter)):
        if number % every == 0:
            chords[0] = pick(rng, CHORDS)
        if splits:
            chords[half] = pick(rng, CHORDS)
        for voice, steps, level in drums:
            for step in steps:
                if rng.uniform() >= left_out:
                    stage.strike(voice(0, 0.4, rng), bar, step, level * rng.uniform(0.7, 1))
        band(stage, bar, chords)


def draw_band(groove: Groove, cast: Cast, bar_s: float, rng: Generator) -> Band:
    """Choose the voices, levels and key of what has a pitch; return how it plays a bar."""
    bass, lead, pad = pick(rng, cast.basses), pick(rng, cast.leads), pick(rng, cast.pads)
    levels = rng.uniform((0.05, 0.2, 0.1), (0.25, 0.6, 0.4))
    root, octaves, steps_in = rng.uniform(55, 98), rng.integers(1, 3), groove.meter * groove.grid

    def play_bar(stage: Stage, bar: int, chords: dict[int, Chord]) -> None:
        for step, until in spans({*groove.chords, *(chords.keys() - {0})}, steps_in):
            for note in chord_at(chords, step):
                sound = pad(root * 4 * 2 ** (note / 12), bar_s * (until - step) / steps_in, rng)
                stage.strike(sound, bar, step, levels[0])
        for step in groove.bass:
            notes = chord_at(chords, step)
            key = pick(rng, (*notes, 2, 5, 10)) if groove.walks and step else notes[0]
            stage.strike(bass(root * 2 ** (key / 12), bar_s / 5, rng), bar, step, levels[1])
        for place, step in enumerate(groove.tune):
            notes = chord_at(chords, step)
            key = notes[place % 3]
            if not groove.rises:
                key = pick(rng, notes) + 12 * int(rng.integers(2))
            hz = root * 2 * octaves * 2 ** (key / 12)
            stage.strike(lead(hz, bar_s / 4, rng), bar, step, levels[2])

    return play_bar


def spans(steps: Collection[int], end: int) -> list[tuple[int, int]]:
    """Pair each step with where the next one begins."""
    starts = sorted(steps)
    return list(zip(starts, [*starts[1:], end], strict=True))


def swung(beat: float, swing: float) -> float:
    """Move the second half of a beat later."""
    whole, part = divmod(beat, 1)
    late = part / 0.5 * swing if part <= 0.5 else swing + (part - 0.5) / 0.5 * (1 - swing)
    return whole + late


def draw(rng: Generator, density: float, bend: float, grid: int = 4, meter: int = 4) -> list[int]:
    """Draw places of a bar: each level down in the metre is `exp(-bend)` as likely."""
    places = np.arange(grid * meter)
    depth = np.where(places % grid == 0, 2, np.where(places % grid * 2 == grid, 3, 4))
    if grid == 3:
        depth = np.where(places % 3 == 0, 2, np.where(places % 3 == 2, 3, 4))
    depth[places == grid * 2 if meter == 4 else places < 0] = 1
    depth[0] = 0
    chosen = rng.uniform(size=places.size) < density * np.exp(-bend * depth)
    return [int(place) for place in np.flatnonzero(chosen)]


def draw_clave(rng: Generator) -> tuple[int, ...]:
    """Draw steps of two, three and four sixteenths that fill a bar, begun anywhere."""
    while True:
        gaps = [int(rng.choice([2, 3, 3, 4])) for _ in range(5)]
        steps = np.cumsum(gaps)
        clave = tuple(sorted({int(step) for step in (steps + rng.integers(16)) % 16}))
        if steps[-1] <= 16 and clave not in TAKEN:
            return clave


def syncopated(rng: Generator) -> Groove:
    """Put kicks and bass on any sixteenth, around a backbeat."""
    kick = {*([0] if rng.uniform() < 0.85 else []), *draw(rng, 0.7, rng.uniform(0, 0.8))}
    snare = {*((4, 12) if rng.uniform() < 0.85 else (12,)), *draw(rng, 0.06, 0)}
    return Groove(
        kick=kick, snare=snare, hat=draw_hats(rng), bass=draw_bass(rng), tune=draw_notes(rng)
    )


def half_time(rng: Generator) -> Groove:
    """Put the backbeat on three alone."""
    kick, bass = {0, *draw(rng, 0.5, rng.uniform(0.1, 0.8))}, draw_bass(rng)
    return Groove(kick=kick, snare=(8,), hat=draw_hats(rng), bass=bass, tune=draw_notes(rng))


def shuffle(rng: Generator) -> Groove:
    """Play triplets, of which the middle one is often left out."""
    kick = pick(rng, [(0, 6), (0, 3, 6, 9), (0, 5, 6), (0, 6, 8), draw(rng, 0.9, 0.3, 3)])
    hat = pick(rng, [(0, 2, 3, 5, 6, 8, 9, 11), range(12), (0, 3, 6, 9), (2, 5, 8, 11)])
    bass = pick(rng, [(0, 3, 6, 9), (0, 2, 3, 5, 6, 8, 9, 11), draw(rng, 1, 0.3, 3)])
    tune = draw(rng, 0.9, rng.uniform(0.1, 0.4), 3)
    return Groove(grid=3, kick=kick, snare=(3, 9), hat=hat, bass=bass, tune=tune, bpm=(55, 180))


def floor(rng: Generator) -> Groove:
    """Put a kick on every beat, hats between."""
    snare = pick(rng, [(4, 12), (4, 12), (), draw_clave(rng)])
    hat = pick(rng, [(2, 6, 10, 14), (2, 6, 10, 14), range(16), draw(rng, 0.6, 0)])
    bass = pick(rng, [(2, 3, 6, 7, 10, 11, 14, 15), draw_bass(rng), draw_clave(rng)])
    tune, chords = draw_notes(rng), pick(rng, [(0,), draw_clave(rng), draw_clave(rng)])
    floor_kick = (0, 4, 8, 12)
    return Groove(
        kick=floor_kick, snare=snare, hat=hat, bass=bass, chords=chords, tune=tune, bpm=(90, 180)
    )


def clave(rng: Generator) -> Groove:
    """Draw a clave, over a steady or a sparse drum."""
    kick = pick(rng, [(0, 8), (0, 4, 8, 12), (0,), (4, 12), draw(rng, 0.8, 0.3)])
    hat = pick(rng, [range(0, 16, 2), range(16), (), (0, 4, 8, 12), draw_clave(rng)])
    bass = pick(rng, [draw_clave(rng), draw_bass(rng), (0, 8)])
    chords = pick(rng, [(0,), draw_clave(rng)])
    return Groove(
        kick=kick, snare=draw_clave(rng), hat=hat, bass=bass, chords=chords, tune=draw_notes(rng)
    )


def late_bass(rng: Generator) -> Groove:
    """Keep bass and kick off the downbeat, chords between the beats."""
    bass = [step for step in draw(rng, 0.6, rng.uniform(-0.1, 0.2)) if step] or [6]
    kick = pick(rng, [(8,), (4, 12), (0, 8), [step for step in draw(rng, 0.6, 0.2) if step]])
    snare = pick(rng, [(4, 12), (8,), ()])
    chords = pick(rng, [(0,), (4, 12), (2, 6, 10, 14), (4, 6, 12, 14), draw_clave(rng)])
    return Groove(
        kick=kick, snare=snare, hat=draw_hats(rng), bass=bass, chords=chords, tune=draw_notes(rng)
    )


def walking(rng: Generator) -> Groove:
    """Put a bass on every beat, under a swung ride, and chords anywhere."""
    hat = pick(rng, [(0, 3, 5, 6, 9, 11), (3, 9), (0, 3, 6, 9), ()])
    chords, tune = draw(rng, 0.6, 0.2, 3) or [0], draw(rng, 0.9, rng.uniform(0.05, 0.3), 3)
    every = (0, 3, 6, 9)
    return Groove(grid=3, hat=hat, bass=every, chords=chords, tune=tune, walks=True, bpm=(70, 200))


def arpeggio(rng: Generator) -> Groove:
    """Break chords, without drums."""
    grid, meter = int(rng.choice([4, 4, 3])), int(rng.choice([4, 4, 3]))
    step = int(rng.choice([1, 2])) if grid == 4 else 1
    bass = pick(rng, [(0,), (0,), range(0, grid * meter, grid), ()])
    tune = range(0, grid * meter, step)
    return Groove(meter, grid, bass=bass, tune=tune, rises=True, bpm=(55, 160))


def pads(rng: Generator) -> Groove:
    """Hold or strike chords, with a few notes, without drums."""
    chords = {0, *draw(rng, rng.uniform(0.3, 1.5), 0.5)}
    bass, tune = pick(rng, [(), (0,), (0, 8)]), draw(rng, rng.uniform(0, 1), 0.3)
    return Groove(bass=bass, chords=chords, tune=tune, bpm=(55, 140))


def triple(rng: Generator) -> Groove:
    """Play three beats in a bar, or two of three parts each."""
    if rng.uniform() < 0.5:
        snare, hat = pick(rng, [(3,), (3,), ()]), pick(rng, [range(6), (0, 2, 3, 5), (0, 3)])
        bass = pick(rng, [(0, 3), (0,), (0, 2, 3, 5), draw(rng, 0.8, 0.2, 3, 2)])
        tune, kick = draw(rng, 1, 0.15, 3, 2), pick(rng, [(0,), (0, 3), (0, 5), (0, 2)])
        return Groove(2, 3, kick, snare, hat, bass, tune=tune, bpm=(55, 120))
    snare = pick(rng, [(4, 8), (8,), (4,), ()])
    hat = pick(rng, [(0, 4, 8), range(0, 12, 2), (4, 8), range(12)])
    low = {0, *draw(rng, 0.3, 0.2, 4, 3)}
    beat_bass = {0, *draw(rng, 0.8, 0.3, 4, 3)}
    chords = pick(rng, [(0,), (4, 8), (0, 4, 8)])
    tune = draw(rng, 1, 0.25, 4, 3)
    return Groove(3, 4, low, snare, hat, beat_bass, chords, tune, bpm=(70, 200))


def draw_hats(rng: Generator) -> Collection[int]:
    """Draw a steady row, a thinned one, or nothing."""
    rows: list[Collection[int]] = [range(0, 16, 2), range(16), range(0, 16, 4), ()]
    return pick(rng, [*rows, (2, 6, 10, 14), draw(rng, 0.8, 0.1)])


def draw_bass(rng: Generator) -> Collection[int]:
    """Draw a bass line."""
    rows: list[Collection[int]] = [range(0, 16, 2), range(0, 16, 4), (0, 8), (0,)]
    return pick(rng, [*rows, draw(rng, 0.8, rng.uniform(0, 0.6)), draw(rng, 0.8, 0.1)])


def draw_notes(rng: Generator) -> list[int]:
    """Draw a tune's rhythm, or none."""
    return draw(rng, rng.choice([0, 0.5, 0.9, 1.2]), rng.uniform(0, 0.5))


GROOVES: dict[str, Callable[[Generator], Groove]] = {
    one.__name__: one
    for one in (
        syncopated,
        half_time,
        shuffle,
        floor,
        clave,
        late_bass,
        walking,
        arpeggio,
        pads,
        triple,
    )
}
