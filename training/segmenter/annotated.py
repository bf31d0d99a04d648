"""Photos on which people drew what is where: ADE20K's annotations; for tests alone.

B. Zhou et al., "Semantic understanding of scenes through the ADE20K dataset", IJCV 2019. Non-
commercial research.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from training.loop.loaders import read_image
from training.segmenter.mapping import of_annotations
from training.segmenter.scores import IGNORED

FOLDER = "segmentation"


@dataclass(frozen=True)
class Annotated:
    """A photo and what people said of its pixels.

    Attributes
    ----------
    truth : ids of our classes, uint8 (height, width); `other` where they named what we have no
        class for, IGNORED where they said nothing
    """

    name: str
    uri: str
    photo: Image
    truth: NDArray[np.uint8]


def read_annotated(data: str | None) -> Iterator[Annotated]:
    """Yield the annotated photos below STUDIO_DATA, by name; none where there are none."""
    folder = Path(data or "/nowhere").expanduser() / FOLDER
    for file in sorted((folder / "annotations").glob("*.json")):
        photo = (folder / "images" / f"{file.stem}.jpg").absolute().as_uri()
        mask = cv2.imread(str(folder / "masks" / f"{file.stem}_seg.png"), cv2.IMREAD_COLOR_RGB)
        if mask is None:
            continue
        objects = json.loads(file.read_text("utf-8"))["annotation"]["object"]
        names = {int(one["name_ndx"]): str(one["name"]) for one in objects}
        truth = to_truth(np.asarray(mask, np.uint8), names)
        yield Annotated(file.stem, photo, read_image(photo), truth)


def to_truth(mask: Image, names: dict[int, str]) -> NDArray[np.uint8]:
    """Return our ids of ADE20K's colour mask, whose red and green say the number of a name.

    Examples
    --------
    >>> mask = np.array([[[10, 2, 9], [0, 7, 9]]], np.uint8)
    >>> to_truth(mask, {258: "floor, flooring", 7: "yacht"}).tolist()
    [[2, 0]]
    >>> to_truth(mask, {258: "floor, flooring"}).tolist()
    [[2, 255]]
    """
    numbers = mask[..., 0].astype(np.int64) // 10 * 256 + mask[..., 1]
    truth = np.full(numbers.shape, IGNORED, np.uint8)
    for number, ours in zip(names, of_annotations(list(names.values())), strict=True):
        truth[numbers == number] = ours
    return truth
