"""Fits what `serving.audio.levels` weighs metrical levels by, and prints it.

Learns from tracks and loops that are drawn at random (random_music.py), from the drum loops of
STUDIO_DATA and from annotated music of one's own (--folder, as for beats.py): what people tap to
is the candidate whose beats agree with the truth. None of beats.py's made tracks are used.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from beats import LOOPS, loop, match, read_folder
from figures import Figures, parse
from random_music import draw_loop, draw_track
from scipy.optimize import minimize
from tracks import RATE_HZ, Track

from serving.audio.analyze import find_sounding
from serving.audio.features import FRAMES_PER_S, network_features, onset_envelope
from serving.audio.features import RATE_HZ as HEARD_HZ
from serving.audio.levels import WEIGHTS, gather, list_candidates
from serving.audio.samples import Floats, resample
from serving.render.beat_model import open_beat_model

PENALTY, LOOPS_A_TRACK = 2.0, 0.22
_MODEL = open_beat_model()
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
    parser.add_argument("--count", type=int, default=560, help="random tracks: %(default)s")
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
    """Yield all that is learnt from, heard by as many processes as there are cores."""
    with Pool() as pool:
        yield from pool.imap(learn_track, range(count), chunksize=4)
        yield from pool.imap(learn_loop, range(int(count * LOOPS_A_TRACK)), chunksize=4)
        yield from pool.starmap(listen, given_tracks(folder), chunksize=1)


def learn_track(number: int) -> Lesson:
    """Hear a track drawn at random."""
    return listen(draw_track(number), 1.0)


def learn_loop(number: int) -> Lesson:
    """Hear a loop drawn at random."""
    return listen(draw_loop(number), 1.0)


def given_tracks(folder: Path | None) -> Iterator[tuple[Track, float]]:
    """Yield the drum loops and the annotated music, and how much each counts."""
    if "STUDIO_DATA" in os.environ:
        music = Path(os.environ["STUDIO_DATA"]) / "music"
        for name in LOOPS:
            for times in (1, 4, 8):
                yield loop(music, name, times), SHARE_OF_LOOPS
    for track in read_folder(folder) if folder else ():
        yield track, SHARE_OF_FOLDER


def listen(track: Track, share: float) -> Lesson:
    """Weigh every candidate of a track, as the analysis does."""
    music = resample(track.samples, RATE_HZ, HEARD_HZ)
    music = music / np.abs(music).max()
    features = network_features(music)
    heard = gather(features, onset_envelope(music), _MODEL(features), find_sounding(music))
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


if __name__ == "__main__":
    main()
