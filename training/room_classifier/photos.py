"""Photos as the room classifier learns from them."""

import numpy as np
import torch
from torch.utils.data import Dataset

from serving.image.squeeze import to_pixels
from training.loop.loaders import Batch, LabelledPhotos, read_image
from training.room_classifier.augmentation import Augmentation, augment


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
