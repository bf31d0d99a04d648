"""Views as the depth model learns from them: pixels, and the depth of every cell of them.

The photo and its depth are cropped and mirrored alike; what changes pixels alone is the room
classifier's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlparse

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors

from serving.image.squeeze import to_pixels
from serving.perception.segment import STRIDE
from training.depth.truth import read_truth
from training.loop.loaders import Batch, read_image
from training.loop.transforms import Chain, Mirror, Photometric, to_array, to_image
from training.room_classifier.augmentation import PHOTOMETRIC
from training.segmenter.samples import WHOLE, draw_window

_CHANCES = {"blur": 0.2, "sharpen": 0.2, "light": 0.9, "grey": 0.05, "noise": 0.2, "jpeg": 0.3}


@cache
def _chain() -> Chain:
    """Return what varies a view after it was cropped: a tuple of image and depth."""
    return Chain([Mirror(), *(Photometric(_CHANCES[name], how) for name, how in PHOTOMETRIC)])


@dataclass(frozen=True)
class Look:
    """How views are looked at.

    Attributes
    ----------
    height, width : of the pixels
    least_area : share of a view that a crop has; None: all of it, unchanged
    """

    height: int
    width: int
    least_area: float | None


class DrawnViews(Dataset[Batch]):
    """Views and their depth.

    Parameters
    ----------
    uris : of the photos; their truth lies beside them
    """

    def __init__(self, uris: Sequence[str], look: Look) -> None:
        self._uris, self._look = tuple(uris), look

    def __len__(self) -> int:
        return len(self._uris)

    def __getitem__(self, index: int) -> Batch:
        """Return pixels uint8 (height, width, 3) and metres float32 (height / 4, width / 4)."""
        uri, look = self._uris[index], self._look
        # torch seeds its own generator in every worker; numpy's draws start from there
        random = np.random.default_rng(int(torch.randint(2**62, ()).item()))
        part = WHOLE if look.least_area is None else draw_window(random, look.least_area)
        photo = np.ascontiguousarray(part.of(read_image(uri)))
        pixels = to_pixels(photo, look.height, look.width)
        grid = (look.width // STRIDE, look.height // STRIDE)
        # nearest: a depth between a chair's and the wall's behind it is nobody's
        depth = cv2.resize(
            part.of(read_truth(file_of(uri)).depth_m), grid, interpolation=cv2.INTER_NEAREST
        )
        metres = torch.from_numpy(np.asarray(depth, np.float32).copy())
        if look.least_area is None:
            return torch.from_numpy(pixels), metres
        both = _chain()((to_image(pixels), tv_tensors.Mask(metres[None])), random)
        changed = np.ascontiguousarray(to_array(both[0]))
        return torch.from_numpy(changed), both[1].as_subclass(Tensor)[0].contiguous()


def file_of(uri: str) -> Path:
    """Return the path of a `file:` address."""
    return Path(unquote(urlparse(uri).path))
