"""The beat tracker as the analysis of music calls it, wherever it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from serving.audio.beat_tracker import BEAT_TRACKER, BeatAnswer, SoundFeatures, weights_of
from serving.audio.features import Weights
from serving.audio.samples import Samples
from serving.models.asker import Asker
from serving.models.large_answers import load_stored
from serving.models.local import Loaded, ModelVersion, load_baked
from serving.models.pinned import PinnedModel, ask_routed, still_holds
from serving.models.predictor import Predictor, answer_prepared, or_raise, prepare
from serving.models.router import Outcome, Router
from serving.models.routing import choose
from serving.storage.interface import Storage

T = TypeVar("T")


class FellBack(Exception):
    """The champion answered for the version that a track is analysed with."""


class PredictedBeats:
    """Asks a predictor; `serving.audio.features.BeatModel`.

    Parameters
    ----------
    version : of the beat tracker, as the predictor found it
    storage : where large answers lie
    ask : asks instead, and may give another version's answer
    """

    def __init__(
        self,
        predictor: Predictor,
        version: ModelVersion,
        storage: Storage,
        ask: Callable[[SoundFeatures], Outcome] | None = None,
    ) -> None:
        self._predictor, self.version, self._storage = predictor, version, storage
        self._ask = ask or self._predict

    @property
    def identity(self) -> str:
        """Return what analyses are remembered by."""
        return self.version.identity

    @cached_property
    def weights(self) -> Weights:
        """Return the weights that the version's card carries."""
        return weights_of(self.version.card)

    def __call__(self, features: Samples) -> Samples:
        """Return the probabilities; ModelUnavailable or ModelFailed where there are none.

        Raises
        ------
        FellBack
            Another version answered: its answer is not read with this one's weights.
        """
        said = or_raise(self._ask(SoundFeatures(features)))
        if said.identity != self.identity:
            raise FellBack(said.version)
        answer: BeatAnswer = load_stored(said.answer, self._storage)
        return answer.probabilities.array()

    def _predict(self, source: SoundFeatures) -> Outcome:
        return self._predictor.predict(BEAT_TRACKER, [source], self.version)[0]


@dataclass(frozen=True)
class BeatTrackers:
    """The versions to analyse a track with: the one whose track it is, and who answers for it."""

    first: PredictedBeats
    champion: PredictedBeats

    def analyse(self, analyse: Callable[[PredictedBeats], T]) -> tuple[T, ModelVersion]:
        """Return what `analyse` makes of a track, and the version that it is made with."""
        try:
            return analyse(self.first), self.first.version
        except FellBack:
            return analyse(self.champion), self.champion.version


def route_beats(
    predictor: Predictor,
    router: Router | None,
    storage: Storage,
    model: PinnedModel,
    asker: Asker,
) -> BeatTrackers:
    """Return whose turn a track is.

    The version is chosen before it is asked, because analyses are kept by version, and one that is
    known costs nothing.

    Parameters
    ----------
    asker : with the track's own hash
    """
    champion = PredictedBeats(predictor, model.champion, storage)
    if router is None:
        return BeatTrackers(champion, champion)

    def ask(source: SoundFeatures) -> Outcome:
        return ask_routed(predictor, router, BEAT_TRACKER, [source], model, [asker])[0]

    version, route = None, model.route
    if route is not None and still_holds(route, router.routes):
        version = route.versions.get(choose(route.route, asker.key()))
    first = PredictedBeats(predictor, version or model.champion, storage, ask)
    return BeatTrackers(first, champion)


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
