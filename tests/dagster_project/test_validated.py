import pandas as pd
import pytest

from dagster_project.rooms.validated import is_validated, remember
from serving.storage.objects import Storage
from training.data.room import Room, open_room
from training.data.settings import DataSettings

TABLE = pd.DataFrame({"sha256": ["a", "b"], "label": ["pool", "yard"], "split": ["train", "test"]})


@pytest.fixture(scope="module")
def room() -> Room:
    return open_room(DataSettings().room_folder())


def test_photos_that_nobody_validated_are_not_validated(storage: Storage, room: Room) -> None:
    """Leaving the check out in the launchpad must not open the gate «data/validated»."""
    assert not is_validated(storage, room, TABLE)
    remember(storage, room, TABLE, success=True)
    assert is_validated(storage, room, TABLE)
    remember(storage, room, TABLE, success=False)
    assert not is_validated(storage, room, TABLE)


def test_other_photos_or_other_expectations_have_to_be_validated_anew(
    storage: Storage, room: Room
) -> None:
    remember(storage, room, TABLE, success=True)
    relabelled = TABLE.assign(label=["pool", "pool"])
    assert not is_validated(storage, room, relabelled)
    photos = room.expectations.photos
    lax = photos.model_copy(update={"usable": photos.usable.model_copy(update={"share": 0.1})})
    expectations = room.expectations.model_copy(update={"photos": lax})
    other = Room(room.folder, room.taxonomy, room.manifest, expectations, room.frozen)
    assert not is_validated(storage, other, TABLE)
