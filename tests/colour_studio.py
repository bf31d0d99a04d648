"""Data small enough to be trained on in seconds: photos that are red, green or blue."""

import copy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

ROOMS = Path(__file__).resolve().parents[1] / "datasets" / "rooms"
COUNT = 60


def write_photos(folder: Path) -> Path:
    """Write sixty photos of each colour, a folder per label; return the folder."""
    random = np.random.default_rng(0)
    for channel, label in enumerate(("red", "green", "blue")):
        (folder / "colours" / label).mkdir(parents=True)
        for number in range(COUNT):
            patches = random.integers(20, 100, (5, 6, 3), np.uint8)
            photo = cv2.resize(patches, (140, 130), interpolation=cv2.INTER_CUBIC).astype(np.int16)
            photo[..., channel] += 120
            photo += random.integers(-20, 21, photo.shape, np.int16)
            file = folder / "colours" / label / f"{number:03d}.jpg"
            cv2.imwrite(str(file), photo.clip(0, 255).astype(np.uint8)[..., ::-1])
    return folder


def write_dataset(folder: Path) -> None:
    """Write a dataset with the real one's thresholds, where they fit."""
    folder.mkdir(parents=True)
    scenes = {"red": "interior", "green": "exterior", "blue": "interior"}
    labels = [{"name": name, "scene": scene} for name, scene in scenes.items()]
    source = {"name": "colours", "kind": "folder", "location": "colours", "licence": "own"}
    splits = {"salt": "colours", "validation": 0.2, "test": 0.25}
    expectations = adapt(yaml.safe_load((ROOMS / "expectations.yaml").read_text()))
    for name, content in {
        "taxonomy": {"labels": labels},
        "manifest": {"sources": [source], "splits": splits},
        "expectations": expectations,
    }.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))


def adapt(expectations: dict[str, Any]) -> dict[str, Any]:
    """Return the real expectations with the counts of the small data."""
    adapted = copy.deepcopy(expectations)
    adapted["photos"]["enough"]["at_least"] = 3 * COUNT - 10
    adapted["classes"]["enough"]["low"] = COUNT // 2
    adapted["sources"]["counts"]["photos"] = {
        "colours": {"red": COUNT, "green": COUNT, "blue": COUNT}
    }
    return adapted


def freeze(dataset_folder: Path, photos: Path, cache: Path) -> None:
    """Freeze the test set, as is done once for every dataset."""
    from training.data.dataset import build_table, open_dataset
    from training.data.frozen import freeze_test
    from training.data.splits import assign_splits

    dataset = open_dataset(dataset_folder)
    table = build_table(dataset, photos, cache, progress=False)
    freeze_test(assign_splits(table, dataset.manifest.splits, dataset.frozen), dataset_folder)
