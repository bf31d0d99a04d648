"""Rendered rooms, as `python -m synthetic rooms` writes them, with true boxes of their things."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.perception.detect import Detection
from serving.perception.things import Thing
from training.detector.agreement import Taught

# what the generator calls things; what is missing here is none of the things that are looked for
_THINGS: Mapping[str, Thing] = {
    "bed": "bed", "sofa": "sofa", "chair": "chair", "armchair": "chair", "table": "table",
    "desk": "table", "television": "tv", "screen": "tv", "sink": "sink", "washbasin": "sink",
    "toilet": "toilet", "bathtub": "bath", "oven": "oven", "refrigerator": "refrigerator",
    "plant": "plant", "window": "window",
}  # fmt: skip
# what some people call by one of those names
_DOUBTFUL: Mapping[str, Thing] = {"stool": "chair", "bedside_table": "table", "hob": "oven"}
UNKNOWN: frozenset[Thing] = frozenset(("microwave",))  # drawn as decoration, if at all
_LEAST_SHARE = 0.0005  # of the picture: about 12 px a side of 640x480
_LEAST_SIDE = 0.01  # of the picture's longer side


def list_rooms(folder: Path) -> list[Path]:
    """Return the folders of rendered rooms, by name; BadInput if there are none."""
    rooms = sorted(file.parent for file in folder.glob("*/instances.png"))
    if not rooms:
        raise BadInput(f"there are no rendered rooms in '{folder}'; `python -m synthetic rooms`")
    return rooms


def read_room(folder: Path) -> Taught:
    """Return the true boxes of a rendered room: of what is seen of each thing.

    Raises
    ------
    BadInput
        If one of its files cannot be read.
    """
    instances, classes = (_read(folder / f"{name}.png") for name in ("instances", "classes"))
    names = json.loads((folder / "scene.json").read_text("utf-8"))["classes"]
    agreed: list[Detection] = []
    unsure: list[Detection] = []
    for thing, box in _boxes(instances, classes, names):
        certain = thing in _THINGS
        known = _THINGS.get(thing) or _DOUBTFUL[thing]
        (agreed if certain else unsure).append(Detection(known, 1.0, box))
    size = (instances.shape[0], instances.shape[1])
    return Taught(size=size, agreed=tuple(agreed), unsure=tuple(unsure))


def _boxes(
    instances: NDArray[np.uint16], classes: NDArray[np.uint16], names: list[str]
) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    for number in np.unique(instances):
        if number == 0:
            continue
        rows, columns = np.nonzero(instances == number)
        name = names[int(classes[rows[0], columns[0]])]
        left, right = float(columns.min()), float(columns.max() + 1)
        top, bottom = float(rows.min()), float(rows.max() + 1)
        large = len(rows) >= _LEAST_SHARE * instances.size
        wide = min(right - left, bottom - top) >= _LEAST_SIDE * max(instances.shape)
        if large and wide and (name in _THINGS or name in _DOUBTFUL):
            yield name, (left, top, right, bottom)


def _read(file: Path) -> NDArray[np.uint16]:
    pixels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 2:
        raise BadInput(f"'{file}' cannot be read")
    return pixels.astype(np.uint16)
