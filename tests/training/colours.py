"""A task that a tiny network learns in seconds: photos that are mostly red, green or blue."""

from pathlib import Path

import cv2
import numpy as np

from training.loop.loaders import LabelledPhotos
from training.room_classifier.config import TrainingConfig

SMALL = TrainingConfig(
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


def make_photos(folder: Path, count: int, seed: int = 0) -> LabelledPhotos:
    """Write `count` PNG files of 80x60 px, a third of each colour."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    uris, labels = [], []
    for number in range(count):
        label = number % 3
        photo = random.integers(0, 90, (60, 80, 3), dtype=np.uint8)
        photo[..., label] = random.integers(140, 255, (60, 80), dtype=np.uint8)
        path = folder / f"{number:03d}.png"
        cv2.imwrite(str(path), photo[..., ::-1])
        uris.append(path.as_uri())
        labels.append(label)
    return LabelledPhotos(tuple(uris), np.array(labels, np.int64))
