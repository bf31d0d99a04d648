"""How well beats are found: on music made here, on the drum loops of STUDIO_DATA, on your own.

Tempo within 4 % (Acc1; Acc2 allows half, double, a third and three times), F-measure at 70 ms, and
how far matched beats are off, beside librosa's tracker on the same sound in the same run; and what
comes of it: the share of a film's cuts within half a frame (30 a second) of a true beat, paced as
the studio does, by all that was found. A film cut by the true beats is the most that can be. The
fresh and the held-out tracks use instruments and patterns that were not heard while the tracker was
made; the known ones and the loops were (see synthetic/music/tracks.py and fit_levels.py). A folder
given with --folder holds sound files, each beside a text file NAME.beats with one time in seconds
a line.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import librosa
import numpy as np
from figures import Figures, parse
from folk_dances import make_dances

from registry.bootstrap import STARTERS
from serving.audio.analyze import Analysis, analyze
from serving.audio.features import OnsetsAlone
from serving.audio.samples import to_mono
from serving.audio.sections import CURVE_PER_S
from serving.models.beats import open_baked_beats
from serving.render.audio_files import decode_audio
from serving.render.template_files import find_template
from serving.video.edit.assembly import EditOptions, Shape
from serving.video.edit.cut_points import Music, make_music
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.timeline import make_timeline
from synthetic.music.beatless import draw_beatless
from synthetic.music.tracks import CASTS, RATE_HZ, Samples, Times, Track, make_tracks
from training.beat_tracker.scores import Score, score

# beats of a loop: known from its length, which is whole bars
LOOPS = {"amen_full": 16, "breakbeat": 4, "electric": 4, "garzul": 16, "safari": 16}
_FPS, _SHORTEST_FILM_S, _FEWEST_BEATS = Fraction(30), 8.0, 2


@dataclass(frozen=True)
class Found:
    """What a tracker says: tempo, beats, and all that a film is paced by (None without beats)."""

    bpm: float | None
    beats: Times
    music: Music | None


Tracker = Callable[[Samples, int], Found]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="annotated music of your own")
    parser.add_argument("--count", type=int, default=8, help="tracks of every kind: %(default)s")
    arguments = parse(__doc__, parser)
    count = 2 if arguments.quick else arguments.count
    figures = Figures()
    started = time.process_time()
    model = open_baked_beats(STARTERS)
    onsets = OnsetsAlone(model.weights)
    noise = np.random.default_rng(0).normal(size=5 * RATE_HZ).astype(np.float32)
    analyze(noise, RATE_HZ, model)
    figures.add("beats.cold_cpu_s", time.process_time() - started)
    started = time.process_time()
    librosa.beat.beat_track(y=noise, sr=RATE_HZ)
    figures.add("beats.librosa_cold_cpu_s", time.process_time() - started)
    trackers: dict[str, Tracker] = {
        "ours": lambda samples, rate: by_ours(analyze(samples, rate, model)),
        "onsets only": lambda samples, rate: by_ours(analyze(samples, rate, onsets)),
        "librosa": by_librosa,
    }
    for name, tracks in groups(count, arguments.folder):
        measure(figures, name, tracks, trackers)
    claimed = [by_ours(analyze(draw_beatless(n)[1], RATE_HZ, model)).bpm for n in range(10 * count)]
    share = np.mean([bpm is not None for bpm in claimed])
    figures.add("beats.beatless.tempo_claimed", float(share))
    figures.print()


def groups(count: int, folder: Path | None) -> Iterator[tuple[str, list[Track]]]:
    """Yield what there is to be measured on."""
    for cast_name in CASTS:
        yield cast_name, make_tracks(cast_name, count)
    yield "dances", make_dances(max(1, count // 2))
    if "STUDIO_DATA" in os.environ:
        music = Path(os.environ["STUDIO_DATA"]) / "music"
        yield "loops", [loop(music, name, times) for name in LOOPS for times in (1, 4, 8)]
    if folder:
        yield "folder", list(read_folder(folder))


def loop(music: Path, name: str, times: int) -> Track:
    """Repeat a loop; its beats lie evenly over its length."""
    sound = decode_audio((music / f"loop_{name}.flac").read_bytes())
    beats = np.arange(LOOPS[name] * times) * sound.seconds / LOOPS[name]
    samples = np.tile(to_mono(sound.samples), times)
    return Track(f"{name} x{times}", f"x{times}", samples, beats, beats[::4])


def read_folder(folder: Path) -> Iterator[Track]:
    """Yield the annotated files of a folder, at this benchmark's rate."""
    for truth in sorted(folder.glob("*.beats")):
        beats = np.loadtxt(truth, ndmin=2)[:, 0]
        for path in sorted(folder.glob(f"{truth.stem}.*")):
            if path != truth:
                sound = decode_audio(path.read_bytes(), sample_rate_hz=RATE_HZ)
                yield Track(path.name, "folder", to_mono(sound.samples), beats, beats[:0])


def measure(
    figures: Figures, group: str, tracks: list[Track], trackers: dict[str, Tracker]
) -> None:
    """Print one table, and what was missed."""
    scores: dict[tuple[str, str], list[Score]] = defaultdict(list)
    cpu: dict[str, float] = defaultdict(float)
    missed = []
    cuts: dict[str, list[bool]] = defaultdict(list)
    for track in tracks:
        for name, tracker in trackers.items():
            started = time.process_time()
            found = tracker(track.samples, RATE_HZ)
            cpu[name] += time.process_time() - started
            one = score(found.bpm, found.beats, track)
            cuts[name] += on_beat(found.music, track)
            scores[name, track.kind].append(one)
            scores[name, "all"].append(one)
            if name == "ours" and one.f_measure < 0.9:
                missed.append(f"{track.name}: {found.bpm or 0:.1f} BPM, F {one.f_measure:.2f}")
        cuts["the truth"] += on_beat(make_music(track.beats, track.downbeats), track)
    head = f"{'Acc1':>6}{'Acc2':>6}{'F':>7}{'offset':>8}{'|offset|':>9}"
    figures.say(f"\n{group}, {len(tracks)} tracks\n{'':<12}{'':<10}{head}")
    for (name, kind), these in scores.items():
        figures.say(f"{name:<12}{kind:<10}{row(these)}  n={len(these)}")
    figures.say("missed by ours: " + ("; ".join(missed) or "none"))
    seconds = sum(track.samples.size / RATE_HZ for track in tracks)
    for name in trackers:
        these = scores[name, "all"]
        key = f"beats.{group}.{name.replace(' ', '_')}"
        figures.add(f"{key}.acc1", np.mean([one.exact for one in these]))
        figures.add(f"{key}.f", np.mean([one.f_measure for one in these]))
        figures.add(f"{key}.offset_ms", np.nanmedian([one.offset_ms for one in these]))
        figures.add(f"{key}.cuts_on_beat", np.mean(cuts[name] or [0.0]))
        figures.add(f"{key}.cpu_s_per_minute", cpu[name] / seconds * 60)
    figures.add(f"beats.{group}.most_cuts_on_beat", np.mean(cuts["the truth"] or [0.0]))


def row(scores: list[Score]) -> str:
    """Return the means of a row, and the medians of its offsets."""
    exact, octave = (np.mean([getattr(s, name) for s in scores]) for name in ("exact", "octave"))
    text = f"{exact:>6.2f}{octave:>6.2f}{np.mean([s.f_measure for s in scores]):>7.3f}"
    offsets = [s.offset_ms for s in scores if np.isfinite(s.offset_ms)] or [np.nan]
    distances = [s.distance_ms for s in scores if np.isfinite(s.distance_ms)] or [np.nan]
    return f"{text}{np.median(offsets):>8.1f}{np.median(distances):>9.1f}"


def by_ours(analysis: Analysis) -> Found:
    """Take from an analysis what a film takes from it."""
    beats, starts = analysis.beats_s, [section.start_s for section in analysis.sections]
    if beats.size < _FEWEST_BEATS:
        return Found(analysis.tempo_bpm, beats, None)
    music = make_music(beats, analysis.downbeats_s, analysis.energy, 1 / CURVE_PER_S, starts)
    return Found(analysis.tempo_bpm, beats, music)


def by_librosa(samples: Samples, rate: int) -> Found:
    """Track with librosa as it comes."""
    mono = librosa.resample(samples, orig_sr=rate, target_sr=22050)
    tempo, times = librosa.beat.beat_track(y=mono, sr=22050, units="time")
    beats = np.asarray(times, np.float64)
    music = make_music(beats) if beats.size >= _FEWEST_BEATS else None
    return Found(float(np.atleast_1d(tempo)[0]), beats, music)


def on_beat(music: Music | None, track: Track) -> list[bool]:
    """Cut a film of the track's length to the beats; say of each cut whether it is on a true one.

    A film of a few seconds has to be cut between beats too: it says nothing about them.
    """
    seconds = track.samples.size / RATE_HZ
    if seconds < _SHORTEST_FILM_S:
        return []
    photos = [FilmPhoto(str(number), 1600, 1200) for number in range(max(2, round(seconds / 2.5)))]
    shape, options = Shape(1920, 1080, _FPS), EditOptions(frames=round(seconds * _FPS))
    cuts = make_timeline(photos, find_template("modern"), shape, options, music).cuts
    half_s = 0.5 / float(_FPS) + 1e-9
    return [float(np.abs(track.beats - cut / float(_FPS)).min()) <= half_s for cut in cuts]


if __name__ == "__main__":
    main()
