"""Fits what metrical levels and bars are chosen by: `level` and `bars` of the beat tracker's card.

Learns from music that is drawn at random (random_music.py, random_kinds.py, random_waltzes.py, and
what random_recordings.py does to it), from the drum loops of STUDIO_DATA and from annotated music
of one's own (--folder, as for beats.py): what people tap to is the candidate whose beats agree with
the truth. None of beats.py's made tracks are used. What to judge a change by is
`fit_levels.f_of_new_kinds` and `fit_levels.bars_of_new_kinds`: every kind of music chosen for by
what was learnt on all the others.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from beats import LOOPS, loop, read_folder
from choices import Lesson, chosen, chosen_by_others, fit
from figures import Figures, parse
from random_kinds import draw_kind, draw_kind_loop
from random_music import draw_loop, draw_track
from random_recordings import draw_recording, record_again
from random_waltzes import draw_waltz

from registry.bootstrap import STARTERS
from serving.audio import bars
from serving.audio.analyze import trim_silence
from serving.audio.features import FRAMES_PER_S, network_features, onset_envelope
from serving.audio.features import RATE_HZ as HEARD_HZ
from serving.audio.metrical_level import gather, list_candidates
from serving.audio.samples import Floats, resample
from serving.models.beats import open_baked_beats
from synthetic.music.tracks import RATE_HZ, Track
from training.beat_tracker.scores import match

# How many of each there are to one of `--count`
DRAWN: dict[Callable[[int], Track], float] = {
    draw_track: 1.0,
    draw_loop: 0.43,
    draw_kind: 0.86,
    draw_kind_loop: 0.175,
    draw_waltz: 0.5,
    draw_recording: 1.08,
}
_MODEL = open_baked_beats(STARTERS)
SHARE_OF_LOOPS, SHARE_OF_FOLDER, RECORDINGS_OF_A_LOOP = 4.0, 2.0, 18
GOOD_BEATS, IN_BAR_S, MOST_BARS = 0.9, 0.1, 0.7


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="annotated music of your own")
    parser.add_argument("--count", type=int, default=140, help="random tracks: %(default)s")
    arguments = parse(__doc__, parser)
    figures = Figures()
    count = 14 if arguments.quick else arguments.count
    learnt = list(lessons(count, arguments.folder))
    levels = [level for level, _ in learnt if level is not None]
    measures = [bar for _, bar in learnt if bar is not None]
    report(figures, "f", levels, _MODEL.weights.level)
    report(figures, "bars", measures, _MODEL.weights.bars)
    figures.print()


def report(figures: Figures, name: str, learnt: list[Lesson], in_use: Floats) -> None:
    """Print the weights, how well they choose, and how well each kind is chosen for by others."""
    weights = fit(learnt)
    figures.say(f"{name}: WEIGHTS = " + ", ".join(f"{weight:.2f}" for weight in weights))
    by_others = chosen_by_others(learnt)
    for kind, good in by_others.items():
        best = np.mean([one.goodness.max() for one in learnt if one.kind == kind])
        figures.say(f"{kind:<12} {name} {good:.3f} by the others, at best {best:.3f}")
    figures.add(f"fit_levels.{name}_lessons", len(learnt))
    figures.add(f"fit_levels.{name}", chosen(learnt, weights))
    figures.add(f"fit_levels.{name}_in_use", chosen(learnt, in_use))
    figures.add(f"fit_levels.{name}_best", np.mean([one.goodness.max() for one in learnt]))
    figures.add(f"fit_levels.{name}_of_new_kinds", np.mean(list(by_others.values())))


Learnt = tuple[Lesson | None, Lesson | None]


def lessons(count: int, folder: Path | None) -> Iterator[Learnt]:
    """Yield all that is learnt from, heard by as many processes as there are cores."""
    drawn = [(draw, n) for draw, share in DRAWN.items() for n in range(int(count * share))]
    with Pool() as pool:
        yield from pool.starmap(learn, drawn, chunksize=4)
        yield from pool.starmap(listen, given_tracks(folder), chunksize=1)


def learn(draw: Callable[[int], Track], number: int) -> Learnt:
    """Hear a track drawn at random."""
    return listen(draw(number), 1.0)


def given_tracks(folder: Path | None) -> Iterator[tuple[Track, float]]:
    """Yield the drum loops and the annotated music, and how much each counts."""
    if "STUDIO_DATA" in os.environ:
        music = Path(os.environ["STUDIO_DATA"]) / "music"
        for name in LOOPS:
            for times in (1, 4, 8):
                yield loop(music, name, times), SHARE_OF_LOOPS
            for number in range(RECORDINGS_OF_A_LOOP):
                rng = np.random.default_rng(number)
                again = record_again(
                    loop(music, name, 1), ("coded", "coded", "padded")[number % 3], rng
                )
                yield replace(again, kind="x1"), 1.0
    for track in read_folder(folder) if folder else ():
        yield track, SHARE_OF_FOLDER


def listen(track: Track, share: float) -> Learnt:
    """Weigh every candidate of a track as the analysis does, and its bars on the best of them."""
    music = resample(track.samples, RATE_HZ, HEARD_HZ)
    sound, cut_s, sounding_s = trim_silence(music / np.abs(music).max())
    features = network_features(sound)
    heard = gather(features, onset_envelope(sound), _MODEL(features), sounding_s)
    candidates = list_candidates(heard)
    if not candidates:
        return None, None
    truth = track.beats - cut_s
    scores = np.array([f_measure(one.beats / FRAMES_PER_S, truth) for one in candidates])
    kind = "drum loop" if track.kind.startswith("x") else track.kind
    level = Lesson(kind, np.array([one.evidence for one in candidates]), scores, share)
    if scores.max() < GOOD_BEATS:
        return level, None
    beats = candidates[int(scores.argmax())].beats
    right = rate_bars(beats, track, cut_s)
    if not right.any():
        return level, None
    return level, Lesson(kind, bars.weigh_bars(beats, heard), right, 1.0)


def rate_bars(beats: Floats, track: Track, cut_s: float) -> Floats:
    """Say of every way to count bars whether it is the true one; of none, where that is unknown."""
    ways, downbeats = bars.list_ways(), track.downbeats - cut_s
    if downbeats.size < 2:
        return np.zeros(len(ways))
    meter = round(float(np.median(np.diff(downbeats)) / np.median(np.diff(track.beats))))
    away = np.abs(beats[:, None] / FRAMES_PER_S - downbeats).min(axis=1)
    shares = [(away[place::of] < IN_BAR_S).mean() * (of == meter) for of, place in ways]
    return np.array([float(share > MOST_BARS) for share in shares])


def f_measure(beats: Floats, truth: Floats) -> float:
    """Return the F-measure at 70 ms."""
    return 2 * match(beats, truth).size / (beats.size + truth.size)


if __name__ == "__main__":
    main()
