"""Beats are heard by the same model wherever it runs, and by what its card says."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from registry.bootstrap import STARTERS
from serving.audio.beat_tracker import BEAT_TRACKER, weights_of
from serving.audio.features import network_features
from serving.card import ModelCard
from serving.errors import ModelUnavailable
from serving.models.beats import HeldBeats, PredictedBeats
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor, Predictor
from serving.models.remote import RemotePredictor
from serving.storage.interface import Storage
from serving.storage.prefixes import PREDICTIONS
from tests.fakes import hearing, starter_beats
from tests.model_host import ModelHost
from tests.serving.audio.music import click_track


@pytest.fixture(params=["here", "service"])
def predictor(request: pytest.FixtureRequest, storage: Storage) -> Iterator[Predictor]:
    models = LocalModels(storage, hearing())
    if request.param == "here":
        yield LocalPredictor(models, storage)
        return
    host = ModelHost(BEAT_TRACKER, models)
    remote = RemotePredictor(host.url)
    yield remote
    remote.close()
    host.close()


def test_a_predictor_hears_what_the_model_itself_hears(
    predictor: Predictor, storage: Storage
) -> None:
    features = network_features(click_track(120, 6)[0])
    asked = PredictedBeats(predictor, predictor.find(BEAT_TRACKER), storage)
    held = HeldBeats(starter_beats())
    np.testing.assert_array_equal(asked(features), held(features))
    np.testing.assert_array_equal(asked.weights.level, held.weights.level)
    assert asked.identity == held.identity


def test_an_answer_too_large_to_keep_within_is_read_from_the_storage(storage: Storage) -> None:
    models = LocalModels(storage, hearing())
    predictor = LocalPredictor(models, storage)
    features = np.random.default_rng(1).uniform(0, 2, (40_000, 272)).astype(np.float32)
    asked = PredictedBeats(predictor, predictor.find(BEAT_TRACKER), storage)
    assert asked(features).shape == (40_000, 3)
    assert list(storage.keys(PREDICTIONS))


@pytest.mark.parametrize("missing", ["level", "bars"])
def test_a_card_without_all_weights_is_refused(missing: str) -> None:
    card = json.loads((STARTERS / BEAT_TRACKER.name / "card.json").read_bytes())
    card["parameters"][missing] = [1.0]
    with pytest.raises(ModelUnavailable, match="weights of levels"):
        weights_of(ModelCard.model_validate(card))
