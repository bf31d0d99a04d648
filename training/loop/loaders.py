"""Feeds training: photos decoded as serving decodes them, in batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import lightning as L
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from serving.card import Label
from serving.image import Image, PhotoFile, decode
from training.config import TrainingConfig
from training.data.objects import read_photo
from training.devices import readers

Batch = tuple[Tensor, Tensor]
MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos by their address, and the index of each one's label, shape (n,)."""

    uris: tuple[str, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.uris)


def read_image(uri: str, min_side: int = 0) -> Image:
    """Return a photo's pixels, decoded by the code that serves."""
    return decode(read_photo(uri), MAX_PIXELS, min_side)


def read_source(row: Mapping[str, Any]) -> PhotoFile:
    """Return a row's photo as serving is asked about one."""
    return PhotoFile(read_photo(row["uri"]), MAX_PIXELS)


def to_photos(rows: pd.DataFrame, labels: Sequence[Label]) -> LabelledPhotos:
    """Return a table's photos with the index of their label among `labels`."""
    places = {label.name: place for place, label in enumerate(labels)}
    numbers = [places[name] for name in rows["label"]]
    return LabelledPhotos(tuple(rows["uri"]), np.array(numbers, np.int64))


class Loaders(L.LightningDataModule):
    """Batches to train and to validate on; what else there is never comes near it."""

    def __init__(
        self, train: Dataset[Batch], validation: Dataset[Batch], config: TrainingConfig
    ) -> None:
        super().__init__()
        self._train, self._validation = train, validation
        self._batch_size, self._workers = config.batch_size, readers(config)

    def train_dataloader(self) -> DataLoader[Batch]:
        return load(self._train, self._batch_size, self._workers, shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        return load(self._validation, self._batch_size, self._workers)


def load(
    examples: Dataset[Batch], batch_size: int, workers: int, shuffle: bool = False
) -> DataLoader[Batch]:
    """Return a loader whose workers leave the cores to torch.

    OpenCV's threads end here: a worker is forked, and one that finds the pool of its parent, but
    not its threads, waits for them for ever.
    """
    if workers:
        cv2.setNumThreads(1)
    return DataLoader(
        examples,
        batch_size=batch_size,
        shuffle=shuffle,
        drop_last=shuffle and _count(examples) > batch_size,
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )


def _count(examples: Dataset[Batch]) -> int:
    return len(examples)  # type: ignore[arg-type]  # torch's base class does not promise it


def _one_thread(_: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def class_weights(labels: Sequence[int] | NDArray[np.int64], count: int, balance: float) -> Tensor:
    """Return the loss's weight of each class, (mean count / its count) ** balance, float32 (n,).

    Examples
    --------
    >>> class_weights([0, 0, 0, 1], 2, balance=1.0).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = np.bincount(labels, minlength=count).clip(min=1)
    return torch.tensor((counts.mean() / counts) ** balance, dtype=torch.float32)
