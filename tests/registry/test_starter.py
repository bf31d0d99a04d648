"""What a fresh machine serves."""

import json
from pathlib import Path

import pytest
import yaml

from registry.bootstrap import STARTERS
from registry.judge import judge_by, standard
from serving.image import PhotoFile
from serving.licences import LicencePolicy
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor, or_raise
from serving.photos.classify import ROOM_CLASSIFIER
from serving.storage.objects import Storage

SAMPLE = Path(__file__).parents[2] / "datasets" / "sample_listing"
SHOTS = yaml.safe_load((SAMPLE / "listing.yaml").read_text())["photos"]


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot["file"])
def test_the_starter_names_each_room_of_the_sample(shot: dict[str, str], storage: Storage) -> None:
    predictor = LocalPredictor(
        LocalModels(storage, load_baked(STARTERS), licences=LicencePolicy(production=False))
    )
    photo = PhotoFile((SAMPLE / shot["file"]).read_bytes(), 10**8)
    (result,) = predictor.predict(ROOM_CLASSIFIER, [photo])
    assert or_raise(result).answer.room_type == shot["room_type"]


def test_the_starter_is_small_int8_and_says_it_is_a_demo() -> None:
    card = load_baked(STARTERS)["room-classifier"].card
    assert (card.precision, card.demo) == ("int8", True)
    assert (STARTERS / "room-classifier" / "model.onnx").stat().st_size < 8_000_000


@pytest.mark.parametrize("task", sorted(path.parent.name for path in STARTERS.glob("*/card.json")))
def test_every_starter_is_a_task_and_passes_its_gates(task: str) -> None:
    figures = json.loads((STARTERS / task / "figures.json").read_bytes())
    verdict = judge_by(figures, standard(task))
    assert verdict.passed, verdict.reasons
    assert load_baked(STARTERS)[task].card.task == task
