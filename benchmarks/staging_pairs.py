"""Draws rooms twice: furnished, and with all that can be moved taken out, in one exposure.

Each pair is a folder below `--out`, named by its number: `photo.jpg`, `empty.jpg`, `movable.png`
(255 where something that was taken out is seen), `classes.png` (ids of
`serving.perception.classes`) and `room.json` (camera and box, the truth). Light is cast by Embree:
windows, sun, lamps and one bounce. Cameras are drawn as the depth model's are: 52-96 degrees
wide, 60 % of them tilted, their optical centre shifted (printed). Numbers below `DEVELOPMENT` were
looked at while the code was written; those above are for judging. What is there is kept.

The other benchmarks of staging read pairs by `read_pairs`.
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from figures import parse
from numpy.typing import NDArray

from serving.image import Image, PhotoFile
from serving.staging.room import Box, Camera, Room
from synthetic.assemble import class_of_instance
from synthetic.build import build_scene
from synthetic.catalogue import Catalogue, read_catalogue
from synthetic.raycast.cameras import rotation_of
from synthetic.raycast.pairs import FurnishedAndEmpty, draw_pair
from synthetic.raycast.variation import View
from synthetic.scene import CATEGORIES
from training.segmenter.mapping import of_synthetic

DEVELOPMENT = 10  # pairs below this number are not for judging
SIZE = (576, 432)
LEAST_SHARE = 0.17  # of the picture that can be moved
_KINDS = ("living_room", "bedroom", "dining_room", "office")
_FURTHER = 7_000_000  # seeds of these rooms begin here; nothing is trained on them
_TRIES = 4
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """A furnished room, the same without what can be moved, and what is true of it.

    Attributes
    ----------
    movable : bool (height, width), where something that was taken out is seen
    classes : uint8 (height, width), of the furnished room
    """

    number: int
    photo: Image
    empty: Image
    movable: Mask
    classes: NDArray[np.uint8]
    room: Room


def read_pair(folder: Path) -> Pair:
    """Return a pair that was drawn before."""
    photo, empty = (
        PhotoFile((folder / name).read_bytes(), SIZE[0] * SIZE[1]).pixels()
        for name in ("photo.jpg", "empty.jpg")
    )
    movable, classes = (
        np.asarray(cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE), np.uint8)
        for name in ("movable.png", "classes.png")
    )
    told = json.loads((folder / "room.json").read_text())
    camera = told["camera"] | {"rotation": np.array(told["camera"]["rotation"])}
    camera |= {key: tuple(camera[key]) for key in ("size", "centre_px")}
    room = Room(Camera(**camera), Box(**told["box"]))
    return Pair(int(folder.name), photo, empty, movable > 0, classes, room)


def read_pairs(folder: Path, most: int | None = None) -> Iterator[Pair]:
    """Yield the pairs that are for judging."""
    folders = [f.parent for f in sorted(folder.glob("*/room.json"))]
    judged = [folder for folder in folders if int(folder.name) >= DEVELOPMENT]
    yield from (read_pair(one) for one in judged[:most])


def true_room(view: View, size_m: tuple[float, float, float]) -> Room:
    """Return a camera and its room in the coordinates of `serving.staging.room`."""
    (x, height_m, z), (width, tall, depth) = view.camera.position, size_m
    turns = round(view.camera.yaw_deg / 90)
    # what is ahead of a camera that looks along +z, +x, -z or -x of the scene's world
    around = (depth - z, width - x, z, x)
    front, left, right = (around[(turns + by) % 4] for by in (0, 1, 3))
    columns, rows = SIZE
    focal = columns / 2 / math.tan(math.radians(view.camera.hfov_deg) / 2)
    centre = columns / 2, rows * (0.5 + view.camera.rise)
    sin, cos = math.sin(math.pi / 2 * turns), math.cos(math.pi / 2 * turns)
    to_room = np.array([[-cos, 0, sin], [0, 1, 0], [-sin, 0, -cos]])
    camera = Camera((rows, columns), focal, centre, rotation_of(view) @ to_room.T, height_m)
    return Room(camera, Box(front, left, right, tall))


def write_pair(number: int, catalogue: Catalogue, folder: Path) -> bool:
    """Draw a pair into a folder unless it is there; say whether it shows enough furniture."""
    if (folder / "room.json").is_file():
        return True
    for attempt in range(_TRIES):
        seed = _FURTHER + _TRIES * number + attempt
        scene = build_scene(_KINDS[number % len(_KINDS)], seed, catalogue)
        drawn = draw_pair(scene, catalogue, SIZE, LEAST_SHARE, seed)
        if drawn is not None:
            folder.mkdir(parents=True, exist_ok=True)
            classes = of_synthetic(CATEGORIES)[class_of_instance(scene)[drawn.instances]]
            _write(drawn, classes, folder)
            return True
    return False


def _write(drawn: FurnishedAndEmpty, classes: NDArray[np.uint8], folder: Path) -> None:
    for name, picture in (("photo.jpg", drawn.photo), ("empty.jpg", drawn.empty)):
        cv2.imwrite(str(folder / name), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 93])
    cv2.imwrite(str(folder / "movable.png"), drawn.movable.astype(np.uint8) * 255)
    cv2.imwrite(str(folder / "classes.png"), classes)
    room = true_room(drawn.view, drawn.size_m)
    camera = vars(room.camera) | {"rotation": room.camera.rotation.tolist()}
    box = {key: value for key, value in vars(room.box).items() if key != "seen"}
    (folder / "room.json").write_text(json.dumps({"camera": camera, "box": box}))


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--furniture", type=Path, required=True, help="Sweet Home 3D library")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=60)
    given = parse(__doc__, parser)
    catalogue = read_catalogue(given.furniture)
    for number in range(given.first, given.first + 1 if given.quick else given.last):
        made = write_pair(number, catalogue, given.out / f"{number:03d}")
        print(number, "drawn" if made else "shows too little", flush=True)


if __name__ == "__main__":
    main()
