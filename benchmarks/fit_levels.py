"""Fits what `serving.audio.metrical_level` weighs metrical levels by, and prints it.

Learns from music that is drawn at random (random_music.py, random_kinds.py), from the drum loops
of STUDIO_DATA and from annotated music of one's own (--folder, as for beats.py): what people tap to
is the candidate whose beats agree with the truth. None of beats.py's made tracks are used. What to
judge a change by is `fit_levels.f_of_new_kinds`: every kind of music weighed by what was learnt on
all the others.
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
from numpy.typing import NDArray
from random_kinds import draw_kind, draw_kind_loop
from random_music import draw_loop, draw_track
from scipy.optimize import minimize
from tracks import RATE_HZ, Track

from serving.audio.analyze import find_sounding
from serving.audio.features import FRAMES_PER_S, network_features, onset_envelope
from serving.audio.features import RATE_HZ as HEARD_HZ
from serving.audio.metrical_level import WEIGHTS, gather, list_candidates
from serving.audio.samples import Floats, resample
from serving.render.beat_model import open_beat_model

PENALTY = 5.0
LOOPS_A_TRACK, KINDS_A_TRACK, KIND_LOOPS_A_TRACK = 0.24, 0.715, 0.096
_MODEL = open_beat_model()
GOOD_F, AS_GOOD = 0.75, 0.03  # a track teaches if a candidate is right; equals count alike
SHARE_OF_LOOPS, SHARE_OF_FOLDER = 15.0, 2.0


@dataclass(frozen=True)
class Lesson:
    """The evidence of a track's candidates, their F-measures, and how much the track counts."""

    kind: str
    evidence: Floats
    f_measures: Floats
    share: float


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="annotated music of your own")
    parser.add_argument("--count", type=int, default=420, help="random tracks: %(default)s")
    arguments = parse(__doc__, parser)
    figures = Figures()
    count = 14 if arguments.quick else arguments.count
    learnt = [lesson for lesson in lessons(count, arguments.folder) if len(lesson.evidence)]
    weights = fit(learnt)
    figures.say("WEIGHTS = " + ", ".join(f"{weight:.2f}" for weight in weights))
    figures.add("fit_levels.tracks", len(learnt))
    figures.add("fit_levels.f", chosen_f(learnt, weights))
    figures.add("fit_levels.f_in_use", chosen_f(learnt, WEIGHTS))
    figures.add("fit_levels.f_best", np.mean([one.f_measures.max() for one in learnt]))
    new = []
    for kind in sorted({one.kind for one in learnt}):
        these = [one for one in learnt if one.kind == kind]
        new.append(chosen_f(these, fit([one for one in learnt if one.kind != kind])))
        best = np.mean([one.f_measures.max() for one in these])
        figures.say(f"{kind:<12} F {new[-1]:.3f} by the others, at best {best:.3f}")
    figures.add("fit_levels.f_of_new_kinds", float(np.mean(new)))
    figures.print()


def lessons(count: int, folder: Path | None) -> Iterator[Lesson]:
    """Yield all that is learnt from, heard by as many processes as there are cores."""
    with Pool() as pool:
        yield from pool.imap(learn_track, range(count), chunksize=4)
        yield from pool.imap(learn_loop, range(int(count * LOOPS_A_TRACK)), chunksize=4)
        yield from pool.imap(learn_kind, range(int(count * KINDS_A_TRACK)), chunksize=4)
        some = range(int(count * KIND_LOOPS_A_TRACK))
        yield from pool.imap(learn_kind_loop, some, chunksize=4)
        yield from pool.starmap(listen, given_tracks(folder), chunksize=1)


def learn_track(number: int) -> Lesson:
    """Hear a track drawn at random."""
    return listen(draw_track(number), 1.0)


def learn_kind(number: int) -> Lesson:
    """Hear a track of the ten kinds drawn at random."""
    return listen(draw_kind(number), 1.0)


def learn_kind_loop(number: int) -> Lesson:
    """Hear a loop of one of them."""
    return listen(draw_kind_loop(number), 1.0)


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
    kind = "drum loop" if track.kind.startswith("x") else track.kind
    return Lesson(kind, np.array([one.evidence for one in candidates]), np.array(scores), share)


def f_measure(beats: Floats, truth: Floats) -> float:
    """Return the F-measure at 70 ms."""
    return 2 * match(beats, truth).size / (beats.size + truth.size)


def fit(lessons: list[Lesson]) -> Floats:
    """Return the weights by which a right candidate is most likely chosen, large ones penalised."""
    teaching = [one for one in lessons if one.f_measures.max() >= GOOD_F]
    scale = np.concatenate([one.evidence - one.evidence.mean(0) for one in teaching]).std(0) + 1e-6
    sizes = [one.f_measures.size for one in teaching]
    right = [one.f_measures >= one.f_measures.max() - AS_GOOD for one in teaching]
    task = Task(
        np.concatenate([one.evidence for one in teaching]) / scale,
        np.concatenate(right),
        np.repeat(np.arange(len(sizes)), sizes),
        np.cumsum([0, *sizes[:-1]]),
        np.array([one.share for one in teaching]),
    )
    found = minimize(task.loss, np.zeros(scale.size), jac=True, method="L-BFGS-B")
    weights: Floats = found.x / scale
    return weights


@dataclass(frozen=True)
class Task:
    """All tracks' candidates in one table: `track` is a row's, `first` a track's first row."""

    evidence: Floats
    right: NDArray[np.bool_]
    track: NDArray[np.int64]
    first: NDArray[np.int64]
    share: Floats

    def loss(self, weights: Floats) -> tuple[float, Floats]:
        """Return the negative log likelihood that a right candidate is chosen, and its slope."""
        odds = self.evidence @ weights
        odds = np.exp(odds - np.maximum.reduceat(odds, self.first)[self.track])
        chosen, right = (np.add.reduceat(o, self.first) for o in (odds, odds * self.right))
        gap = odds * self.right / right[self.track] - odds / chosen[self.track]
        total = PENALTY * weights @ weights - self.share @ np.log(right / chosen)
        slope = 2 * PENALTY * weights - (self.share[self.track] * gap) @ self.evidence
        return float(total), slope


def chosen_f(lessons: list[Lesson], weights: Floats) -> float:
    """Return the mean F-measure of the candidates that weights choose."""
    chosen = [one.f_measures[int((one.evidence @ weights).argmax())] for one in lessons]
    return float(np.mean(chosen))


if __name__ == "__main__":
    main()
