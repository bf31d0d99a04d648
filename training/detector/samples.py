"""Photos as the detector learns from them: a frame of pixels, and the boxes of what is in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors

from serving.image import Image
from serving.image.frame import place
from serving.perception.boxes import areas
from serving.perception.things import Thing
from training.detector.agreement import Taught, corners_of
from training.detector.coco import ONLY_RENDERED
from training.detector.loss import Truth
from training.detector.rooms import UNKNOWN, list_rooms, read_room
from training.detector.teachers import Teachers
from training.loop.loaders import read_image
from training.loop.transforms import Chain, Crop, Mirror, Photometric, to_array, to_image
from training.room_classifier.augmentation import PHOTOMETRIC

Sample = tuple[Tensor, Tensor, Tensor]
Floats = NDArray[np.float32]
Known = tuple[Image, Taught, frozenset[Thing]]  # the last: labels of which nothing is known
Read = Callable[[], Known]
PAD = 114
_MOST = 100  # rows of what is known of a sample, so that samples stack
_NOTHING, _THING, _DOUBT = 0.0, 1.0, 2.0
_MOST_SEEN, _LEAST_SEEN = 0.4, 0.1  # of a thing's box within a crop: it is there; it may be there
_MAX_STRETCH = 1.5
_CHANCES = {"blur": 0.1, "sharpen": 0.1, "light": 0.8, "grey": 0.05, "noise": 0.1, "jpeg": 0.2}


@dataclass(frozen=True)
class View:
    """What is shown of a photo.

    Attributes
    ----------
    side : of the frame
    least_area : of a crop; None: the whole photo as it is, as serving sees it
    labels : that are learned, in order
    """

    side: int
    least_area: float | None
    labels: tuple[Thing, ...]

    def make(self, photo: Image, taught: Taught, unknown: frozenset[Thing]) -> Sample:
        """Return pixels uint8 (side, side, 3), what is known (_MOST, 7) and of which labels.

        A row is its kind, label, weight, left, top, right and bottom in pixels of the frame.
        """
        boxes = corners_of((*taught.agreed, *taught.unsure)) * _scale(photo, taught)
        rows = _rows(taught, self.labels)
        if self.least_area is not None:
            photo, cropped = _vary(photo, boxes, self.least_area)
            rows[:, 0] = _still_there(rows[:, 0], boxes, cropped)
            boxes = cropped
        placed = place((photo.shape[0], photo.shape[1]), (self.side, self.side), "centred")
        rows[:, 3:] = placed.to_frame(boxes)
        known = [name not in unknown for name in self.labels]
        packed = np.zeros((_MOST, 7), np.float32)
        rows = rows[rows[:, 0] != _NOTHING][:_MOST]
        packed[: len(rows)] = rows
        pixels = torch.from_numpy(placed.fill(photo, PAD))
        return pixels, torch.from_numpy(packed), torch.tensor(known)


def unpack(rows: Tensor, known: Tensor) -> Truth:
    """Return what is known of one sample of `View.make`."""
    things, doubts = rows[rows[:, 0] == _THING], rows[rows[:, 0] == _DOUBT]
    return Truth(things[:, 3:], things[:, 1].long(), things[:, 2], doubts[:, 3:], known)


@cache
def _chain(least_area: float) -> Chain:
    changes = [Photometric(_CHANCES[name], how) for name, how in PHOTOMETRIC]
    return Chain([Crop(least_area, _MAX_STRETCH), Mirror(), *changes])


def _vary(photo: Image, boxes: Floats, least_area: float) -> tuple[Image, Floats]:
    """Return a part of the photo, changed, and the boxes in it, cut off at its edges."""
    # torch seeds its own generator in every worker; numpy's draws start from there
    random = np.random.default_rng(int(torch.randint(2**62, ()).item()))
    marked = tv_tensors.BoundingBoxes(
        torch.from_numpy(boxes), format="XYXY", canvas_size=photo.shape[:2]
    )
    seen, moved = _chain(least_area)((to_image(photo), marked), random)
    return np.ascontiguousarray(to_array(seen)), moved.numpy()


def _scale(photo: Image, taught: Taught) -> Floats:
    height, width = taught.size
    return np.array([photo.shape[1] / width, photo.shape[0] / height] * 2, np.float32)


def _rows(taught: Taught, labels: Sequence[str]) -> Floats:
    """Return kind, label and weight of each thing; of labels that are not learned, doubts."""
    rows = np.zeros((len(taught.agreed) + len(taught.unsure), 7), np.float32)
    for row, one in zip(rows, (*taught.agreed, *taught.unsure), strict=True):
        learned = one.label in labels
        row[1] = labels.index(one.label) if learned else 0
        row[0] = _THING if learned else _DOUBT
        row[2] = min(1.0, 0.5 + one.confidence)
    rows[len(taught.agreed) :, 0] = _DOUBT
    return rows


def _still_there(kinds: Floats, before: Floats, after: Floats) -> Floats:
    """Return kinds of things of which a crop shows much, little or nothing."""
    seen = areas(after) / areas(before).clip(min=1e-6)
    kinds = np.where((seen < _MOST_SEEN) & (kinds == _THING), _DOUBT, kinds)
    left: Floats = np.where(seen < _LEAST_SEEN, _NOTHING, kinds).astype(np.float32)
    return left


class Samples(Dataset[Sample]):
    """Photos that are read when they are asked for, as a view shows them."""

    def __init__(self, read: Sequence[Read], view: View) -> None:
        self._read, self._view = read, view

    def __len__(self) -> int:
        return len(self._read)

    def __getitem__(self, index: int) -> Sample:
        return self._view.make(*self._read[index]())


def taught_photos(rows: pd.DataFrame, teachers: Teachers) -> list[Read]:
    """Return how to read each row's photo, and what both teachers found in it."""
    return [
        partial(_read_taught, {str(name): value for name, value in row.items()}, teachers)
        for row in rows.to_dict("records")
    ]


def rendered_rooms(folder: Path) -> list[Read]:
    """Return how to read each rendered room of a folder, and its true boxes."""
    return [partial(_read_rendered, room) for room in list_rooms(folder)]


def _read_taught(row: Mapping[str, Any], teachers: Teachers) -> Known:
    return read_image(row["uri"]), teachers.ask(row), ONLY_RENDERED


def _read_rendered(room: Path) -> Known:
    return read_image((room / "photo.png").absolute().as_uri()), read_room(room), UNKNOWN
