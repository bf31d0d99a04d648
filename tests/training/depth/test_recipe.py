"""The dataset of drawn views, and the way from them to a candidate, without drawing any."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from serving.card import Map
from serving.errors import BadInput
from serving.perception.depth import INVERSE
from synthetic.raycast.rooms import DrawnScene
from training.candidate import Provenance
from training.data.drawn import FROZEN_COLUMNS
from training.data.frozen import freeze_test
from training.data.settings import DataSettings
from training.depth.config import SMOKE
from training.depth.dataset import DepthDataset, describe, fingerprint, open_depth
from training.depth.evaluation import DepthEvaluation
from training.depth.manifest import RoomManifest
from training.depth.outside import MIDAS_SMALL, adopt_depth
from training.depth.recipe import DEPTHS
from training.depth.samples import DrawnViews, Look
from training.depth.truth import read_truth
from training.loop.candidates import make_candidates
from training.loop.fit import fit
from training.recipe import Rows, TrainingPlan

SOURCES = [
    {"name": "unseen", "part": "unseen", "split": "test", "count": 2, "views": 1},
    {
        "name": "known",
        "part": "learned",
        "split": "validation",
        "first": 90,
        "count": 2,
        "views": 1,
    },
    {"name": "learned", "part": "learned", "split": "train", "count": 4, "views": 1},
]


def write_view(folder: Path, scene: DrawnScene) -> None:
    """Write a view of a wall that recedes to the right, brighter where it is farther."""
    columns = np.tile(np.linspace(0, 1, 96, dtype=np.float32), (72, 1))
    depth = 1.5 + scene.number % 7 / 2 + 3 * columns
    photo = np.repeat((60 + 150 * columns)[..., None], 3, axis=2).astype(np.uint8)
    name = scene.name(0)
    cv2.imwrite(str(folder / f"{name}.jpg"), photo)
    cv2.imwrite(str(folder / f"{name}-depth.png"), (depth * 1000).astype(np.uint16))
    cv2.imwrite(str(folder / f"{name}-planes.png"), np.ones(depth.shape, np.uint8))


@pytest.fixture
def dataset(tmp_path: Path) -> DepthDataset:
    folder = tmp_path / "depth"
    folder.mkdir()
    shipped = DataSettings().dataset_folder("depth")
    shutil.copy(shipped / "expectations.yaml", folder)
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"sources": SOURCES}))
    return open_depth(folder)


@pytest.fixture
def table(dataset: DepthDataset, tmp_path: Path) -> pd.DataFrame:
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    rows = []
    for source in dataset.manifest.sources:
        for scene in source.scenes():
            write_view(rooms, scene)
            rows.append(describe(rooms, scene, 0, source.name, source.split))
    return pd.DataFrame(rows)


def test_the_shipped_dataset_counts_what_it_draws() -> None:
    shipped = open_depth(DataSettings().dataset_folder("depth"))
    assert int(shipped.count(None)["views"].sum()) >= shipped.expectations.views.enough.at_least
    assert len(shipped.frozen) == 96
    assert shipped.licence == "own"


def test_without_furniture_it_is_said_what_to_set(dataset: DepthDataset, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="STUDIO_DATA"):
        dataset.build(None, tmp_path)


def test_nobody_learns_from_furniture_of_the_test(dataset: DepthDataset) -> None:
    wrong = [source | {"split": "train"} for source in SOURCES[:1]]
    with pytest.raises(ValidationError, match="the test alone"):
        RoomManifest.model_validate({"sources": wrong})
    with pytest.raises(ValidationError, match="the same scenes"):
        RoomManifest.model_validate({"sources": [SOURCES[1], SOURCES[1] | {"name": "again"}]})
    assert dataset.licence == "own"


def test_a_view_is_known_by_its_depth_and_not_by_single_pixels() -> None:
    depth = np.full((12, 16), 3.0, np.float32)
    speck = depth.copy()
    speck[3, 4] = 3.2
    assert fingerprint("a", depth) == fingerprint("a", speck)
    assert fingerprint("a", depth) != fingerprint("b", depth)
    assert fingerprint("a", depth) != fingerprint("a", depth * 2)


def test_other_views_than_were_frozen_fail_the_expectations(
    dataset: DepthDataset, table: pd.DataFrame, tmp_path: Path
) -> None:
    freeze_test(table, dataset.folder, FROZEN_COLUMNS)
    frozen = open_depth(dataset.folder)
    assert not any("frozen" in said for said in frozen.validate(table, tmp_path).failures)
    changed = table.assign(sha256=table["sha256"].str[::-1])
    assert any("frozen" in said for said in frozen.validate(changed, tmp_path).failures)
    with pytest.raises(BadInput, match="of the frozen test set"):
        frozen.training_rows(table.assign(split="train"))
    assert set(frozen.training_rows(table)["split"]) == {"train", "validation"}


def test_photo_and_depth_are_cropped_and_mirrored_alike(table: pd.DataFrame) -> None:
    views = DrawnViews(list(table["uri"]), Look(64, 96, 0.5))
    for number in range(len(views)):
        pixels, metres = views[number]
        assert (pixels.shape, metres.shape) == ((64, 96, 3), (16, 24))
        left, right = metres[:, :4].mean(), metres[:, -4:].mean()
        bright = pixels.float().mean(dim=(0, 2))
        assert (bright[-16:].mean() > bright[:16].mean()) == (right > left)


@pytest.mark.slow
def test_the_loop_makes_candidates_that_are_judged(
    dataset: DepthDataset, table: pd.DataFrame, tmp_path: Path
) -> None:
    assert isinstance(DEPTHS.made_by, TrainingPlan)
    rows = Rows(table[table["split"] == "train"], table[table["split"] == "validation"], dataset)
    config = SMOKE.model_copy(update={"weights": "none", "workers": 0, "calibration_views": 4})
    trained = fit(DEPTHS.made_by.steps(), rows, config, tmp_path / "fit")
    found = Provenance("1", ("learned",), "own", "unknown")
    candidates, parity = make_candidates(DEPTHS, trained, rows, config, found)
    assert parity < 0.05
    card = candidates["int8"].card
    assert card.output_as(Map).unit == "m"
    report = DEPTHS.evaluation().evaluate(candidates["int8"], table[:2], dataset)
    assert {"test/abs_rel", "test/delta1.low", "test/flatness"} <= report.figures.keys()
    assert len(report.scores) == 2


def test_weights_from_outside_are_a_recipe_that_says_what_they_mean() -> None:
    recipe = adopt_depth(MIDAS_SMALL, "https://example.org/midas.onnx", "0" * 64, "MIT")
    made = recipe.evaluation()
    assert isinstance(made, DepthEvaluation)
    assert made.unit == INVERSE
    assert recipe.dataset == DEPTHS.dataset


def test_damaged_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_truth(tmp_path / "gone.jpg")
