from pathlib import Path

import pytest
import yaml
from PIL import Image

from synthetic.build import ROOM_TYPES
from synthetic.catalogue import Catalogue
from synthetic.files import MARK
from synthetic.sample import (
    SHOTS,
    SIZE,
    credit_models,
    describe_listing,
    design_listing,
    write_card,
)

FOLDER = Path(__file__).parents[2] / "datasets" / "sample_listing"


@pytest.fixture
def photos() -> list[Path]:
    return sorted(FOLDER.glob("*.jpg"))


def test_each_shot_is_of_a_known_room_and_named_after_it() -> None:
    assert len(SHOTS) == len({shot.file for shot in SHOTS})
    assert all(shot.room_type in ROOM_TYPES and shot.room_type in shot.file for shot in SHOTS)


def test_design_listing_makes_one_home(catalogue: Catalogue) -> None:
    scenes = design_listing(catalogue).values()
    rooms = [scene.room for scene in scenes if scene.room is not None]
    assert len({room.trim for room in rooms}) == 1
    assert len({room.ceiling for room in rooms}) == 1


def test_write_card_credits_every_model_used(catalogue: Catalogue) -> None:
    scenes = list(design_listing(catalogue).values())
    card = write_card(scenes, catalogue)
    used = {item.model for scene in scenes for item in scene.items if item.model}
    assert {row[0] for row in credit_models(scenes, catalogue)} == used
    assert all(f"| {name} |" in card for name in used)


def test_the_listing_in_the_repository_is_the_one_described(photos: list[Path]) -> None:
    assert [path.name for path in photos] == [shot.file for shot in SHOTS]
    assert (FOLDER / "listing.yaml").read_text() == describe_listing()
    assert len(yaml.safe_load(describe_listing())["photos"]) == len(SHOTS)
    assert sum(path.stat().st_size for path in photos) < 4_000_000
    for path in photos:
        with Image.open(path) as file:
            assert file.size == SIZE
            assert file.getexif()[0x010E] == MARK
