"""Fits what `serving.audio.levels` weighs metrical levels by, and prints it.

Learns from tracks whose instruments and patterns are drawn at random, from the drum loops of
STUDIO_DATA and from annotated music of one's own (--folder, as for beats.py): what people tap to
is the candidate whose beats agree with the truth. The held-out tracks of beats.py are not used.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from beats import LOOPS, loop, match, read_folder
from figures import Figures, parse
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import minimize
from tracks import KINDS, RATE_HZ, Cast, Pattern, Track, Voice, bell, drum, make_track, string, tone
from tracks import noise as hiss

from serving.audio.features import FRAMES_PER_S, network_features, onset_envelope
from serving.audio.features import RATE_HZ as HEARD_HZ
from serving.audio.levels import WEIGHTS, gather, list_candidates
from serving.audio.samples import Floats, resample
from serving.render.beat_model import open_beat_model

FIRST_SEED, PENALTY = 500_000, 1.0
GOOD_F, AS_GOOD = 0.75, 0.03  # a track teaches if a candidate is right; equals count alike
SHARE_OF_LOOPS, SHARE_OF_FOLDER = 15.0, 4.0


@dataclass(frozen=True)
class Lesson:
    """The evidence of a track's candidates, their F-measures, and how much the track counts."""

    evidence: Floats
    f_measures: Floats
    share: float


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="annotated music of your own")
    parser.add_argument("--count", type=int, default=280, help="random tracks: %(default)s")
    arguments = parse(__doc__, parser)
    figures = Figures()
    count = 14 if arguments.quick else arguments.count
    learnt = [lesson for lesson in lessons(count, arguments.folder) if len(lesson.evidence)]
    teaching = [one for one in learnt if one.f_measures.max() >= GOOD_F]
    scale = np.concatenate([one.evidence - one.evidence.mean(0) for one in teaching]).std(0) + 1e-6
    found = minimize(loss, np.zeros(scale.size), (teaching, scale), jac=True, method="L-BFGS-B")
    weights = found.x / scale
    figures.say("WEIGHTS = " + ", ".join(f"{weight:.2f}" for weight in weights))
    figures.add("fit_levels.tracks", len(learnt))
    figures.add("fit_levels.f", np.mean([chosen_f(one, weights) for one in learnt]))
    figures.add("fit_levels.f_in_use", np.mean([chosen_f(one, WEIGHTS) for one in learnt]))
    figures.add("fit_levels.f_best", np.mean([one.f_measures.max() for one in learnt]))
    figures.print()


def lessons(count: int, folder: Path | None) -> Iterator[Lesson]:
    """Yield all that is learnt from."""
    draw = np.random.default_rng(77)
    for number in range(count):
        rng = np.random.default_rng(FIRST_SEED + number)
        bpm, seconds = draw.uniform(60, 180), draw.uniform(8, 30)
        kind = KINDS[number % len(KINDS)]
        yield listen(make_track(kind, bpm, seconds, draw_cast(rng), rng), 1.0)
    if "STUDIO_DATA" in os.environ:
        music = Path(os.environ["STUDIO_DATA"]) / "music"
        for name in LOOPS:
            for times in (1, 2, 8):
                yield listen(loop(music, name, times), SHARE_OF_LOOPS)
    for track in read_folder(folder) if folder else ():
        yield listen(track, SHARE_OF_FOLDER)


def listen(track: Track, share: float) -> Lesson:
    """Weigh every candidate of a track, as the analysis does."""
    music = resample(track.samples, RATE_HZ, HEARD_HZ)
    music = music / np.abs(music).max()
    features = network_features(music)
    loud = np.flatnonzero(np.abs(music) > 0.01) / HEARD_HZ
    sounding = float(loud[0]), float(loud[-1])
    heard = gather(features, onset_envelope(music), open_beat_model()(features), sounding)
    candidates = list_candidates(heard)
    scores = [f_measure(one.beats / FRAMES_PER_S, track.beats) for one in candidates]
    return Lesson(np.array([one.evidence for one in candidates]), np.array(scores), share)


def f_measure(beats: Floats, truth: Floats) -> float:
    """Return the F-measure at 70 ms."""
    return 2 * match(beats, truth).size / (beats.size + truth.size)


def loss(weights: Floats, teaching: list[Lesson], scale: Floats) -> tuple[float, Floats]:
    """Return the negative log likelihood that a right candidate is chosen, and its slope."""
    total, slope = PENALTY * float(weights @ weights), 2 * PENALTY * weights
    for one in teaching:
        scaled = one.evidence / scale
        odds = np.exp(scaled @ weights - (scaled @ weights).max())
        chance = odds / odds.sum()
        right = chance * (one.f_measures >= one.f_measures.max() - AS_GOOD)
        total -= one.share * float(np.log(right.sum()))
        slope = slope - one.share * (right / right.sum() - chance) @ scaled
    return total, slope


def chosen_f(lesson: Lesson, weights: Floats) -> float:
    """Return the F-measure of the candidate that weights choose."""
    return float(lesson.f_measures[int((lesson.evidence @ weights).argmax())])


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
    """Invent a bar: mostly a backbeat, with hits added at random."""
    kick = {0, *sixteenths(rng, 0.1), *((8,) if rng.uniform() < 0.6 else ())}
    snare = {*((4, 12) if rng.uniform() < 0.85 else (8,)), *sixteenths(rng, 0.04)}
    hats = [range(0, 16, 2), range(16), range(0, 16, 4), (2, 6, 10, 14), sixteenths(rng, 0.6)]
    bass = {0, *sixteenths(rng, rng.uniform(0.1, 0.5))}
    return Pattern(sorted(kick), sorted(snare), hats[int(rng.integers(5))], sorted(bass))


def sixteenths(rng: Generator, share: float) -> list[int]:
    """Draw a share of a bar's sixteenths."""
    chosen: NDArray[np.bool_] = rng.uniform(size=16) < share
    return [int(step) for step in np.flatnonzero(chosen)]


if __name__ == "__main__":
    main()
