"""What a fresh machine serves."""

from pathlib import Path

import pytest
import yaml

from registry.bootstrap import STARTERS
from serving.image import decode
from serving.licences import LicencePolicy
from serving.models.local import LocalModels, load_baked
from serving.models.rooms import Classified, LocalRooms
from serving.storage.objects import Storage

SAMPLE = Path(__file__).parents[2] / "datasets" / "sample_listing"
SHOTS = yaml.safe_load((SAMPLE / "listing.yaml").read_text())["photos"]


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot["file"])
def test_the_starter_names_each_room_of_the_sample(shot: dict[str, str], storage: Storage) -> None:
    rooms = LocalRooms(
        LocalModels(storage, load_baked(STARTERS), licences=LicencePolicy(production=False))
    )
    photo = decode((SAMPLE / shot["file"]).read_bytes(), 10**8)
    (result,) = rooms.classify([photo])
    assert isinstance(result, Classified), result
    assert result.answer.room_type == shot["room_type"]


def test_the_starter_is_small_int8_and_says_it_is_a_demo() -> None:
    card = load_baked(STARTERS)["room-classifier"].card
    assert (card.precision, card.demo) == ("int8", True)
    assert (STARTERS / "room-classifier" / "model.onnx").stat().st_size < 8_000_000
