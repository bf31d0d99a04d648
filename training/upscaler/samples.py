"""Photos made half as large in the ways that people do it: what the upscaler learns to undo."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import pandas as pd
import torch
from PIL import Image as Pillow
from torch import Tensor
from torch.utils.data import Dataset

from serving.image import Image
from training.loop.loaders import read_image
from training.upscaler.config import UpscalerConfig
from training.upscaler.network import SCALE

Way = Literal["area", "bicubic", "lanczos"]
WAYS: tuple[Way, ...] = ("area", "bicubic", "lanczos")
LARGE_PX = 500_000  # of a photo, from which it has more to show than one crop
_KERNELS = {"bicubic": Pillow.Resampling.BICUBIC, "lanczos": Pillow.Resampling.LANCZOS}

Sample = tuple[Tensor, Tensor]


def shrink(image: Image, way: Way, quality: int | None = None) -> Image:
    """Return uint8 RGB of even sides at half its size, and through a JPEG if there is a quality.

    `area` is the mean of four pixels; the others are Pillow's, which weigh what they skip.
    """
    size = image.shape[1] // SCALE, image.shape[0] // SCALE
    if way == "area":
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    else:
        resized = Pillow.fromarray(image).resize(size, _KERNELS[way])
        small = np.ascontiguousarray(resized)
    return small if quality is None else compress(small, quality)


def compress(image: Image, quality: int) -> Image:
    """Return uint8 RGB as it comes out of a JPEG with coarser colours, as cameras write it."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, file = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)
    read = cv2.imdecode(file, cv2.IMREAD_COLOR_RGB)
    return np.asarray(read, np.uint8)


@dataclass(frozen=True)
class Draw:
    """How crops are drawn from photos, as `UpscalerConfig` says it."""

    side: int
    crops: int
    compressed_share: float
    least_quality: int
    least_scale: float

    @classmethod
    def of(cls, config: UpscalerConfig) -> "Draw":
        """Return what the settings say."""
        return cls(
            config.crop_side,
            config.crops,
            config.compressed_share,
            config.least_quality,
            config.least_scale,
        )

    def pairs(self, photo: Image, random: np.random.Generator) -> tuple[Image, Image]:
        """Return small crops, uint8 (crops, side, side, 3), and what they were at twice the side.

        `photo` is shrunk or mirrored first; one that is too small for a crop is stretched.
        """
        shown = self._show(photo, random)
        both = [self._pair(shown, random) for _ in range(self.crops)]
        return np.stack([small for small, _ in both]), np.stack([large for _, large in both])

    def _show(self, photo: Image, random: np.random.Generator) -> Image:
        least = SCALE * self.side
        scale = float(random.uniform(self.least_scale, 1.0))
        if random.random() < 0.3:
            scale = 1.0
        scale = max(scale, least / min(photo.shape[:2]))
        if scale != 1.0:
            height, width = (max(least, round(side * scale)) for side in photo.shape[:2])
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            photo = np.asarray(cv2.resize(photo, (width, height), interpolation=how), np.uint8)
        if random.random() < 0.5:
            photo = photo[:, ::-1]
        return np.rot90(photo) if random.random() < 0.25 else photo

    def _pair(self, photo: Image, random: np.random.Generator) -> tuple[Image, Image]:
        side = SCALE * self.side
        top, left = (int(random.integers(0, length - side + 1)) for length in photo.shape[:2])
        large = np.ascontiguousarray(photo[top : top + side, left : left + side])
        compressed = random.random() < self.compressed_share
        quality = int(random.integers(self.least_quality, 99)) if compressed else None
        return shrink(large, WAYS[int(random.integers(len(WAYS)))], quality), large


class Crops(Dataset[Sample]):
    """Crops of photos, small and large; another draw each time that a photo is read.

    Parameters
    ----------
    seed : of all draws, which then are the same each time; None: as torch's generator goes on
    """

    def __init__(self, uris: Sequence[str], draw: Draw, seed: int | None = None) -> None:
        self._uris, self._draw, self._seed = uris, draw, seed

    def __len__(self) -> int:
        return len(self._uris)

    def __getitem__(self, index: int) -> Sample:
        # torch seeds its own generator in every worker; numpy's draws start from there
        drawn = int(torch.randint(2**62, ()).item()) if self._seed is None else index
        random = np.random.default_rng((self._seed or 0, drawn))
        small, large = self._draw.pairs(read_image(self._uris[index]), random)
        return torch.from_numpy(small), torch.from_numpy(large)


def spread(rows: pd.DataFrame, repeats: int) -> list[str]:
    """Return the addresses of a table's photos, those of large ones several times."""
    large = (rows["width"] * rows["height"]).to_numpy() >= LARGE_PX
    uris = rows["uri"].to_numpy(str)
    return [str(uri) for uri in np.repeat(uris, np.where(large, repeats, 1))]
