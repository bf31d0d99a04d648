"""Feeds photos to training: decoded as serving decodes them, augmented, batched."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from serving.image import Image, decode
from serving.photos.classify import to_pixels
from training.data.objects import read_photo
from training.room_classifier.augmentation import Augmentation, augment
from training.room_classifier.config import TrainingConfig

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


class RoomPhotos(Dataset[Batch]):
    """Photos as uint8 (side, side, 3) with their label; varied if an augmentation is given."""

    def __init__(
        self, photos: LabelledPhotos, side: int, augmentation: Augmentation | None = None
    ) -> None:
        self._photos, self._side, self._augmentation = photos, side, augmentation

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> Batch:
        uri, label = self._photos.uris[index], int(self._photos.labels[index])
        if self._augmentation is None:
            pixels = to_pixels(read_image(uri, self._side), self._side, self._side)
        else:
            # torch seeds its own generator in every worker; numpy's draws start from there
            random = np.random.default_rng(int(torch.randint(2**62, ()).item()))
            photo = read_image(uri, self._side * 2)
            pixels = augment(photo, self._side, self._augmentation, random)
        return torch.from_numpy(pixels), torch.tensor(label)


class RoomData(L.LightningDataModule):
    """Training and validation photos; what else there is never comes near it."""

    def __init__(
        self, train: LabelledPhotos, validation: LabelledPhotos, config: TrainingConfig
    ) -> None:
        super().__init__()
        self._train = RoomPhotos(train, config.train_side, Augmentation())
        self._validation = RoomPhotos(validation, config.side)
        self._batch_size, self._workers = config.batch_size, config.workers

    def train_dataloader(self) -> DataLoader[Batch]:
        return self._load(self._train, shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._load(self._validation, shuffle=False)

    def _load(self, photos: RoomPhotos, shuffle: bool) -> DataLoader[Batch]:
        return load(photos, self._batch_size, self._workers, shuffle)


def load(
    photos: RoomPhotos, batch_size: int, workers: int, shuffle: bool = False
) -> DataLoader[Batch]:
    """Return a loader whose workers leave the cores to torch."""
    return DataLoader(
        photos,
        batch_size=batch_size,
        shuffle=shuffle,
        drop_last=shuffle and len(photos) > batch_size,
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )


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
