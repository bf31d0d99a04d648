"""The upscaler as `serving.perception.upscale.upscale` calls it, wherever it runs."""

from collections.abc import Callable, Sequence

from serving.card import ModelCard
from serving.image import Image
from serving.models.large_answers import load_stored
from serving.models.local import Loaded, ModelVersion
from serving.models.predictor import Predictor, answer_prepared, or_raise, prepare
from serving.perception.upscale import UPSCALER, Tile
from serving.storage.interface import Storage


class PredictedUpscaler:
    """Asks a predictor; all tiles of a photo go to one version.

    Parameters
    ----------
    version : of the upscaler, as the predictor found it
    storage : where large answers lie
    check : is called before each question, and may raise to end the work
    """

    def __init__(
        self,
        predictor: Predictor,
        version: ModelVersion,
        storage: Storage,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._predictor, self.version, self._storage = predictor, version, storage
        self._check = check

    @property
    def card(self) -> ModelCard:
        """Return the version's card."""
        return self.version.card

    def __call__(self, tiles: Sequence[Tile]) -> list[Image]:
        """Return each tile enlarged; ModelUnavailable or ModelFailed where that fails."""
        self._check()
        said = self._predictor.predict(UPSCALER, tiles, self.version)
        answers = [load_stored(or_raise(one).answer, self._storage) for one in said]
        return [answer.picture.array() for answer in answers]


class HeldUpscaler:
    """Calls a model that this process holds, without slots and storage."""

    def __init__(self, model: Loaded) -> None:
        self._model = model

    @property
    def card(self) -> ModelCard:
        """Return the model's card."""
        return self._model.card

    def __call__(self, tiles: Sequence[Tile]) -> list[Image]:
        """Return each tile enlarged; ModelFailed where that fails."""
        prepared = [prepare(UPSCALER, tile, self._model) for tile in tiles]
        said = answer_prepared(UPSCALER, self._model, prepared)
        return [or_raise(one).picture.array() for one in said]
