"""A task that a tiny network learns in seconds: photos that are mostly red, green or blue."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from serving.card import Label
from training.data.dataset import Dataset, open_dataset
from training.data.frozen import COLUMNS, FrozenTest
from training.data.manifest import Manifest, Source, SplitRule, Taxonomy
from training.data.settings import DataSettings
from training.recipe import Rows
from training.room_classifier.config import RoomConfig

SMALL = RoomConfig(
    backbone="test_efficientnet",
    weights="none",
    side=64,
    train_side=64,
    frozen_stages=0,
    epochs=2,
    batch_size=8,
    learning_rate=3e-3,
    workers=0,
    average_decay=0.5,
    calibration_photos=16,
    accelerator="cpu",
)
COLOURS = tuple(
    Label(name=name, scene=scene)
    for name, scene in (("red", "interior"), ("green", "exterior"), ("blue", "interior"))
)
DATASET = Dataset(
    folder=Path("colours"),
    taxonomy=Taxonomy(labels=COLOURS),
    manifest=Manifest(
        sources=(Source(name="made", kind="folder", location="made", licence="own"),),
        splits=SplitRule(salt="colours", validation=0.2, test=0.2),
    ),
    expectations=open_dataset(DataSettings().dataset_folder()).expectations,
    frozen=FrozenTest(pd.DataFrame(columns=COLUMNS), near_radius=6),
)


def make_photos(folder: Path, count: int, seed: int = 0) -> pd.DataFrame:
    """Write `count` PNG files of 80x60 px, a third of each colour; return their rows."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        label = number % 3
        photo = random.integers(0, 90, (60, 80, 3), dtype=np.uint8)
        photo[..., label] = random.integers(140, 255, (60, 80), dtype=np.uint8)
        path = folder / f"{number:03d}.png"
        cv2.imwrite(str(path), photo[..., ::-1])
        rows.append((path.as_uri(), COLOURS[label].name, f"{number:064x}"))
    table = pd.DataFrame(rows, columns=["uri", "label", "sha256"])
    return table.assign(source="made", width=80, height=60, brightness=random.random(count))


def make_rows(folder: Path, train: int, validation: int) -> Rows:
    """Write photos to learn from and to validate on."""
    return Rows(
        make_photos(folder / "train", train),
        make_photos(folder / "validation", validation, seed=1),
        DATASET,
    )
