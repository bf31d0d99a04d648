"""Photos whose light was made worse on purpose, each beside what it was."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from serving.image import Image
from serving.image.squeeze import to_pixels
from training.loop.loaders import read_image
from training.photo_quality.samples import Sample

FAULTS: Mapping[str, tuple[str, ...]] = {
    "dark": ("under",),
    "bright": ("over",),
    "cast": ("cast",),
    "flat": ("contrast",),
    "mixed": ("under", "cast", "contrast"),
}
_LEAST, _MOST = 0.1, 0.85  # severities that are drawn
_MOST_BRIGHT = 0.4  # what is clipped does not come back
_MOST_FLAT = 0.5


def spoil(photo: Image, fault: str, rng: np.random.Generator) -> Image:
    """Return a photo with one of FAULTS, as strong as chance has it."""
    sample = Sample(photo)
    for kind in FAULTS[fault]:
        most = {"over": _MOST_BRIGHT, "contrast": _MOST_FLAT}.get(kind, _MOST)
        sample.apply(kind, float(rng.uniform(_LEAST, most)), rng)
    return sample.photo


class Pairs(Dataset[tuple[Tensor, Tensor]]):
    """Photos spoilt and as they were, uint8 (side, side, 3) each.

    Parameters
    ----------
    least_crop : of a photo's area; None: the whole photo, the same pairs each time
    """

    def __init__(
        self, uris: Sequence[str], side: int, least_crop: float | None, untouched: float
    ) -> None:
        self._uris, self._side = list(uris), side
        self._least_crop, self._untouched = least_crop, untouched

    def __len__(self) -> int:
        return len(self._uris)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        varied = self._least_crop is not None
        # torch seeds its own generator in every worker; numpy's draws start from there
        seed = int(torch.randint(2**62, ()).item()) if varied else index
        rng = np.random.default_rng(seed)
        photo = read_image(self._uris[index], self._side)
        if self._least_crop is not None:
            photo = _crop(photo, self._least_crop, rng)
        clean = to_pixels(photo, self._side, self._side)
        spoilt = clean
        if rng.random() >= self._untouched:
            spoilt = spoil(clean, str(rng.choice(list(FAULTS))), rng)
        return torch.from_numpy(np.ascontiguousarray(spoilt)), torch.from_numpy(clean)


def _crop(photo: Image, least: float, rng: np.random.Generator) -> Image:
    """Return a part of a photo, as wide and as high as chance has it, perhaps mirrored."""
    height, width = photo.shape[:2]
    share = float(rng.uniform(least, 1.0)) ** 0.5
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    part = photo[top : top + rows, left : left + columns]
    mirrored = cv2.flip(part, 1) if rng.random() < 0.5 else part
    return np.ascontiguousarray(np.asarray(mirrored, np.uint8))
