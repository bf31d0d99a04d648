"""Tempo, beats and bars of a piece of music."""

from dataclasses import dataclass

import numpy as np

from serving.audio.bars import Bars, find_bars
from serving.audio.beat_times import refine_beats
from serving.audio.features import (
    ATTACKS_PER_S,
    ENVELOPE_PER_S,
    FRAMES_PER_S,
    BeatModel,
    Envelope,
)
from serving.audio.metrical_level import (
    FEWEST_BEATS,
    Candidate,
    Heard,
    choose_level,
    gather,
    recurs,
)
from serving.audio.samples import Floats, Samples

SHORTEST_S = 1.0
# Beats that stand out from what lies between them by less than this are chance.
CLEAR_BEATS = 0.12
# Speech, rain or scattered hits have onsets for any grid to lie on, but no beats are heard again
# after whole beats: clarity and what repeats together tell them from music. A few sounds are alike
# by chance, so that few beats have to be clearer, unless they fill whole bars.
SUPPORTED, FOR_FEW_BEATS, REPEATS_AFTER = 0.57, 2.0, (1, 2, 3, 4, 8)
# Sound that fills its file with whole bars was cut so, on the beat: its even grid is better than
# what is heard, as long as nine of ten beats are heard within this of it.
LOOP_AGREES_S, LOOP_AGREES_SHARE = 0.025, 0.9


@dataclass(frozen=True)
class Beats:
    """Beats and bars; times in seconds.

    Attributes
    ----------
    tempo_bpm : median tempo; None where no beat was found
    beats_s, downbeats_s : float64, rising, within the track; empty where not found
    beats_per_bar : 3 or 4; 0 where no bars were found
    clarity : how far beats stand out from what lies between them, about 0..1
    """

    tempo_bpm: float | None
    beats_s: Floats
    downbeats_s: Floats
    beats_per_bar: int
    clarity: float


NO_BEATS = Beats(None, np.empty(0), np.empty(0), 0, 0.0)


def track_beats(
    features: Samples, envelope: Envelope, sounding_s: tuple[float, float], model: BeatModel | None
) -> Beats:
    """Find the beats of music by what was heard of it.

    Parameters
    ----------
    features, envelope : of `network_features` and `onset_envelope`
    sounding_s : when the sound sets in and when it ends
    model : the beat network; without one no beats are looked for
    """
    if model is None or sounding_s[1] - sounding_s[0] < SHORTEST_S:
        return NO_BEATS
    network = model(features)
    heard = gather(features, envelope, network, sounding_s)
    chosen = choose_level(heard, model.weights.level)
    if chosen is None:
        return NO_BEATS
    clarity = measure_clarity(chosen, heard)
    beats = _within(_to_times(chosen, envelope, sounding_s), sounding_s)
    if beats.size < FEWEST_BEATS or clarity < CLEAR_BEATS:
        return NO_BEATS
    needed = SUPPORTED + (0.0 if chosen.is_loop else FOR_FEW_BEATS / chosen.beats.size)
    if clarity + measure_repetition(chosen, heard) < needed:
        return NO_BEATS
    is_cut = fills_its_file(chosen, envelope, sounding_s) and network is not None
    bars = Bars(beats[::4], 4) if is_cut else find_bars(beats, heard, model.weights.bars)
    tempo = 60 / float(np.median(np.diff(beats)))
    return Beats(tempo, beats, bars.downbeats_s, bars.beats_per_bar, clarity)


def measure_clarity(chosen: Candidate, heard: Heard) -> float:
    """Compare what sounds on the beats with the average of all frames."""
    places = np.rint(chosen.beats).astype(int).clip(2, heard.mixed.size - 3)
    on = np.max([heard.mixed[places + step] for step in (-2, -1, 0, 1, 2)], axis=0)
    return float(on.mean() - heard.mixed.mean())


def measure_repetition(chosen: Candidate, heard: Heard) -> float:
    """Say how far beats are heard again after whole beats: the mean of the best two, 0..1."""
    lag = 60 * FRAMES_PER_S / chosen.bpm
    again = sorted(recurs(heard.beat_recurrence, lag * beats) for beats in REPEATS_AFTER)
    return float(np.clip(again[-2:], 0, 1).mean())


def _to_times(chosen: Candidate, envelope: Envelope, sounding_s: tuple[float, float]) -> Floats:
    """Return the beats as they are heard, or a loop's as it was cut."""
    tracked_s = chosen.beats / FRAMES_PER_S
    heard_s = refine_beats(tracked_s, envelope)
    if fills_its_file(chosen, envelope, sounding_s):
        away = np.quantile(np.abs(heard_s - tracked_s), LOOP_AGREES_SHARE)
        if away < LOOP_AGREES_S:
            return tracked_s
    return heard_s


def fills_its_file(chosen: Candidate, envelope: Envelope, sounding_s: tuple[float, float]) -> bool:
    """Say whether the sound is a loop of whole bars with no silence around it."""
    rest_s = envelope.attacks.size / ATTACKS_PER_S - sounding_s[1]
    return chosen.is_loop and sounding_s[0] == 0 and rest_s < 2 / ATTACKS_PER_S


def _within(beats_s: Floats, sounding_s: tuple[float, float]) -> Floats:
    """Leave off beats where nothing sounds; one just before the start is on it."""
    start, end = sounding_s
    slack = 0.07
    kept = beats_s[(beats_s >= start - slack) & (beats_s < end - 1 / ENVELOPE_PER_S)]
    inside: Floats = np.maximum(kept, 0)
    return inside
