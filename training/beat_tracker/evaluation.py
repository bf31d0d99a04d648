"""How the beat tracker is judged: beats and tempo of music, and none of what has no beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.audio.analyze import analyze, to_centred_mono, to_network_sound, trim_silence
from serving.audio.beat_tracker import BEAT_TRACKER, COLUMNS, SoundFeatures
from serving.audio.features import FRAMES_PER_S, BeatModel, network_features
from serving.audio.samples import remove_offset
from serving.card import Sequence
from serving.models.beats import HeldBeats
from synthetic.music.tracks import RATE_HZ
from training.beat_tracker.scores import Score, score
from training.beat_tracker.sounds import read_drawing
from training.beat_tracker.weights import BARS, FITTED_ON, LEVEL
from training.candidate import Candidate, Report, Uncalibrated
from training.loop.held import hold
from training.loop.intervals import Figure, bootstrap, flatten, proportion
from training.recipe import Dataset, Rows

_MISSED_BELOW = 0.9
_ON_CARD = ("test/acc1", "test/f", "test/offset_ms", "test/beatless_claimed", "onnx/cpu_ms")


@dataclass(frozen=True)
class Heard:
    """What a candidate made of one row.

    Attributes
    ----------
    bpm : None: no tempo is claimed
    score : against the truth; None where there is no beat
    """

    bpm: float | None
    score: Score | None

    @property
    def worth(self) -> float:
        """The F-measure, 0..1; of a sound without a beat 1 if none is claimed, else 0."""
        return self.score.f_measure if self.score else float(self.bpm is None)


class BeatEvaluation:
    """The steps of `training.recipe.Evaluation`."""

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """Give the network the weights that were fitted to it; hear the validation tracks."""
        output = Sequence(rate_hz=FRAMES_PER_S, columns=COLUMNS)
        card = exported.card(BEAT_TRACKER.name, output, {"level": LEVEL, "bars": BARS})
        card = card.model_copy(update={"trained_on": FITTED_ON})
        candidate = Candidate(exported.model, card, float("nan"))
        found = hear(candidate, rows.validation)
        return Candidate(exported.model, card, float(np.mean([one.worth for one in found])))

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return what each row's answer is worth, 0..1."""
        del dataset
        return _worths(hear(candidate, rows))

    def source(self, row: Mapping[str, Any]) -> SoundFeatures:
        """Draw the row's sound, and measure what the network hears of it."""
        mono = to_centred_mono(remove_offset(read_drawing(dict(row)).draw().samples))
        sound = to_network_sound(mono, RATE_HZ)
        return SoundFeatures(network_features(trim_silence(sound)[0]))

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Measure tempo, beats and their offset on music, and false claims on other sound."""
        del dataset
        found = hear(candidate, rows)
        mistakes = _find_mistakes(found, rows)
        return Report(_figures(found, rows), _worths(found), mistakes=mistakes, on_card=_ON_CARD)


def hear(candidate: Candidate, rows: pd.DataFrame) -> list[Heard]:
    """Draw each row's sound and let the candidate hear it, as serving analyses music."""
    model = HeldBeats(hold(candidate))
    return [_hear_row(model, row) for row in _records(rows)]


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _hear_row(model: BeatModel, row: dict[str, Any]) -> Heard:
    track = read_drawing(row).draw()
    found = analyze(track.samples, RATE_HZ, model)
    if not track.beats.size:
        return Heard(found.tempo_bpm, None)
    return Heard(found.tempo_bpm, score(found.tempo_bpm, found.beats_s, track))


def _worths(found: list[Heard]) -> NDArray[np.float64]:
    return np.array([one.worth for one in found], np.float64)


def _figures(found: list[Heard], rows: pd.DataFrame) -> dict[str, float]:
    """Return all figures by name: `test/…`, and the F-measure of each kind of music."""
    scored = [one.score for one in found if one.score]
    exact = np.array([one.exact for one in scored], bool)
    octave = np.array([one.octave for one in scored], bool)
    claimed = np.array([one.bpm is not None for one in found if one.score is None], bool)
    figures = {
        "acc1": proportion(exact),
        "acc2": proportion(octave),
        "f": _mean([one.f_measure for one in scored]),
        "beatless_claimed": proportion(claimed),
    }
    flat = flatten(figures, "test")
    flat["test/offset_ms"] = float(np.nanmedian([one.offset_ms for one in scored]))
    for kind in sorted(
        {label for label, one in zip(rows["label"], found, strict=True) if one.score}
    ):
        these = [
            one.score.f_measure
            for label, one in zip(rows["label"], found, strict=True)
            if one.score and label == kind
        ]
        flat[f"slice/label/{kind}/f"] = float(np.mean(these))
    return flat


def _mean(values: list[float]) -> Figure:
    array = np.array(values)
    return bootstrap(lambda places: float(array[places].mean()), len(array))


def _find_mistakes(found: list[Heard], rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were heard wrong, the worst first."""
    table = pd.DataFrame(
        {
            "name": rows["listing"].to_numpy(),
            "bpm": rows["bpm"].to_numpy(),
            "heard_bpm": [one.bpm for one in found],
            "worth": _worths(found),
        }
    )
    return table[table["worth"] < _MISSED_BELOW].sort_values("worth", kind="stable")
