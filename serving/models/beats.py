"""The beat tracker as the analysis of music calls it, wherever it runs."""

from functools import cached_property
from pathlib import Path

from serving.audio.beat_tracker import BEAT_TRACKER, BeatAnswer, SoundFeatures, weights_of
from serving.audio.features import Weights
from serving.audio.samples import Samples
from serving.models.large_answers import load_stored
from serving.models.local import Loaded, ModelVersion, load_baked
from serving.models.predictor import Predictor, answer_prepared, or_raise, prepare
from serving.storage.interface import Storage


class PredictedBeats:
    """Asks a predictor; `serving.audio.features.BeatModel`.

    Parameters
    ----------
    version : of the beat tracker, as the predictor found it
    storage : where large answers lie
    """

    def __init__(self, predictor: Predictor, version: ModelVersion, storage: Storage) -> None:
        self._predictor, self._version, self._storage = predictor, version, storage

    @property
    def identity(self) -> str:
        """Return what analyses are remembered by."""
        return self._version.identity

    @cached_property
    def weights(self) -> Weights:
        """Return the weights that the version's card carries."""
        return weights_of(self._version.card)

    def __call__(self, features: Samples) -> Samples:
        """Return the probabilities; ModelUnavailable or ModelFailed where there are none."""
        asked = [SoundFeatures(features)]
        (outcome,) = self._predictor.predict(BEAT_TRACKER, asked, self._version)
        answer: BeatAnswer = load_stored(or_raise(outcome).answer, self._storage)
        return answer.probabilities.array()


class HeldBeats:
    """Calls a model that this process holds, without slots and storage."""

    def __init__(self, model: Loaded) -> None:
        self._model = model
        self.identity, self.weights = model.identity, weights_of(model.card)

    def __call__(self, features: Samples) -> Samples:
        """Return the probabilities; ModelFailed where there are none."""
        prepared = prepare(BEAT_TRACKER, SoundFeatures(features), self._model)
        answer: BeatAnswer = or_raise(answer_prepared(BEAT_TRACKER, self._model, [prepared])[0])
        return answer.probabilities.array()


def open_baked_beats(folder: Path) -> HeldBeats:
    """Return the beat tracker among baked-in models, such as the starters; KeyError if none is."""
    return HeldBeats(load_baked(folder, tasks={BEAT_TRACKER.name: BEAT_TRACKER})[BEAT_TRACKER.name])
