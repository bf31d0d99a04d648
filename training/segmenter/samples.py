"""Photos as the segmenter learns from them: pixels, and what every cell of them shows.

The photo and what is known of it are cropped alike, to whole cells of the teacher's grid; what
changes pixels alone is the room classifier's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors

from serving.errors import BadInput
from serving.image import Image
from serving.image.squeeze import to_pixels
from serving.perception.classes import CLASSES
from serving.perception.segment import STRIDE
from synthetic.scene import CATEGORIES
from training.loop.kept import KeptArrays
from training.loop.loaders import read_image
from training.loop.transforms import Chain, Mirror, Photometric, Random, to_array, to_image
from training.room_classifier.augmentation import PHOTOMETRIC
from training.segmenter.mapping import of_synthetic
from training.segmenter.teacher import GRID, Teacher, to_groups

Sample = tuple[Tensor, Tensor, Tensor]
Floats = NDArray[np.float32]
_CHANCES = {"blur": 0.1, "sharpen": 0.1, "light": 0.8, "grey": 0.05, "noise": 0.1, "jpeg": 0.2}
_MAX_STRETCH = 1.3


@dataclass(frozen=True)
class Window:
    """A part of a photo in cells of the grid."""

    top: int
    left: int
    bottom: int
    right: int

    def of(self, planes: NDArray[Any]) -> NDArray[Any]:
        """Return that part of an array whose first dimensions are rows and columns."""
        height, width = planes.shape[:2]
        top, bottom = (round(height * edge / GRID) for edge in (self.top, self.bottom))
        left, right = (round(width * edge / GRID) for edge in (self.left, self.right))
        return planes[top : max(bottom, top + 1), left : max(right, left + 1)]


WHOLE = Window(0, 0, GRID, GRID)


def draw_window(random: Random, least_area: float) -> Window:
    """Return a part of a photo that has at least that share of its area."""
    area = random.uniform(least_area, 1)
    stretch = np.exp(random.uniform(-1, 1) * np.log(_MAX_STRETCH))
    rows, columns = (
        max(1, round(GRID * min(1.0, np.sqrt(area * factor)))) for factor in (stretch, 1 / stretch)
    )
    top, left = (int(random.integers(GRID - side + 1)) for side in (rows, columns))
    return Window(top, left, top + rows, left + columns)


@cache
def _chain() -> Chain:
    """Return what varies a sample after it was cropped: a tuple of image and mask."""
    return Chain([Mirror(), *(Photometric(_CHANCES[name], how) for name, how in PHOTOMETRIC)])


@dataclass(frozen=True)
class View:
    """How samples are looked at.

    Attributes
    ----------
    least_area : of a crop; None: the whole photo as it is, as serving sees it
    """

    side: int
    least_area: float | None

    @property
    def grid(self) -> int:
        """Cells a side of what is learned."""
        return self.side // STRIDE

    def make(self, photo: Image, truth: Floats, known: bool) -> Sample:
        """Return pixels uint8 (side, side, 3), truth float32 (classes, grid, grid), and `known`.

        Parameters
        ----------
        truth : probabilities, float32 (rows, columns, classes), of the whole photo
        known : whether `other` means that none of our classes is there, or that the teacher has
            none for it
        """
        # torch seeds its own generator in every worker; numpy's draws start from there
        random = np.random.default_rng(int(torch.randint(2**62, ()).item()))
        part = WHOLE if self.least_area is None else draw_window(random, self.least_area)
        pixels = to_pixels(np.ascontiguousarray(part.of(photo)), self.side, self.side)
        seen = cv2.resize(part.of(truth), (self.grid, self.grid), interpolation=cv2.INTER_LINEAR)
        planes = torch.from_numpy(np.moveaxis(np.asarray(seen, np.float32), -1, 0).copy())
        if self.least_area is not None:
            both = _chain()((to_image(pixels), tv_tensors.Mask(planes)), random)
            pixels, planes = np.ascontiguousarray(to_array(both[0])), both[1].as_subclass(Tensor)
        return torch.from_numpy(pixels), planes.contiguous(), torch.tensor(known)


class TaughtPhotos(Dataset[Sample]):
    """Photos and what the teacher says of them.

    Parameters
    ----------
    rows : of the dataset's table, with `uri`, `sha256` and `label`
    squeezed : the photos as they were read once
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        teacher: Teacher,
        squeezed: "SqueezedPhotos",
        view: View,
    ) -> None:
        self._rows, self._teacher, self._squeezed, self._view = rows, teacher, squeezed, view

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Sample:
        row = self._rows[index]
        truth = taught(self._teacher, row)
        photo = self._squeezed.read(row)
        return self._view.make(photo, np.moveaxis(truth, 0, -1).copy(), known=False)


@dataclass(frozen=True)
class SqueezedPhotos:
    """Photos squeezed to a square once and kept, so that no pass decodes them again.

    Attributes
    ----------
    side : of the square, px: enough for the crops, whose borders are cells of the teacher's grid
    """

    kept: KeptArrays
    side: int

    def read(self, row: Mapping[str, Any]) -> Image:
        """Return a row's photo, uint8 (side, side, 3)."""
        pixels = self.kept.recall(row["sha256"])
        if pixels is None:
            pixels = to_pixels(read_image(row["uri"], self.side), self.side, self.side)
            self.kept.keep(row["sha256"], pixels)
        return pixels


def taught(teacher: Teacher, row: Mapping[str, Any]) -> Floats:
    """Return what the teacher says of a row's photo, probabilities (classes, GRID, GRID)."""
    answer = teacher.recall(row["sha256"])
    if answer is None:
        photo = read_image(row["uri"], teacher.side)
        answer = teacher.ask(row["sha256"], to_pixels(photo, teacher.side, teacher.side))
    truth = to_groups(answer, len(CLASSES))
    if row["label"] == "pool":  # the teacher knows water, and the photo's label which
        water, pool = CLASSES.index("water"), CLASSES.index("pool")
        truth[pool], truth[water] = truth[water].copy(), 0
    return truth


class DrawnViews(Dataset[Sample]):
    """Views of drawn rooms with their true classes.

    Parameters
    ----------
    photos : files of `synthetic.raycast.rooms.write_views`, beside which the classes lie
    """

    def __init__(self, photos: Sequence[Path], view: View) -> None:
        self._photos, self._view = photos, view
        self._ours = of_synthetic(CATEGORIES)

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> Sample:
        file = self._photos[index]
        named = file.with_name(f"{file.stem}-classes.png")
        classes = cv2.imread(str(named), cv2.IMREAD_GRAYSCALE)
        if classes is None:
            raise BadInput(f"'{named}' cannot be read")
        photo = read_image(file.absolute().as_uri())
        return self._view.make(photo, one_hot(self._ours[classes]), known=True)


def one_hot(ids: NDArray[np.uint8]) -> Floats:
    """Return ids (rows, columns) as probabilities (rows, columns, classes)."""
    hot: Floats = np.eye(len(CLASSES), dtype=np.float32)[ids]
    return hot
