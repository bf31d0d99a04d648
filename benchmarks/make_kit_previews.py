"""Draws each design kit in an empty room of its own floor and walls, for choosing.

    python benchmarks/make_kit_previews.py OUT

OUT is `serving/kits/previews`. The room is path-traced, and furnished by the steps that furnish
photos. Needs the extra `render`.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from serving.image import Image
from serving.kits.meshes import look_of, models_of
from serving.kits.read import FOLDER, read_kits
from serving.perception.classes import CLASSES
from serving.render.rooms.renderer import PathTracer
from serving.staging.furnish.scene import Crop, Effort, Emitter, Lighting, Scene
from serving.staging.kit import ANCHORS, Kit, RoomType
from serving.staging.layout.solve import plan
from serving.staging.linear import to_coded
from serving.staging.process import (
    Surface,
    as_it_is,
    furnish_photo,
    restyle_photo,
    space_of,
)
from serving.staging.room import FACES, Box, Camera, Ids, Opening, Room, faces_of

SIZE = 560, 840
_QUALITY = 82
_SAMPLES = 64
_DAY, _CEILING = 5.0, 1.2  # light of the window and of the ceiling
_EXPOSURE = 1.5
ROOM = Room(
    Camera.level(SIZE, 74, 1.45, 16),
    Box(4.6, 2.4, 2.6, 2.6),
    (Opening("left", "window", -3.5, -1.9, 0.85, 2.2),),
)
_NAMES = ("floor", "ceiling", "wall", "wall", "wall")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--kits", nargs="+", metavar="KIT", default=sorted(read_kits()))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    renderer = PathTracer()
    photo, ids = empty_room(renderer)
    for name in asked.kits:
        for room_type in ANCHORS:
            picture = in_kit(read_kits()[name], room_type, photo, ids, renderer)
            file = asked.out / f"{name}_{room_type}.jpg"
            cv2.imwrite(str(file), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            print(file)


def empty_room(renderer: PathTracer) -> tuple[Image, Ids]:
    """Return a path-traced room without furniture, and what each of its pixels shows."""
    pane = np.array([[-2.385, low, z] for low, z in ((0.85, -1.9), (0.85, -3.5))])
    window = np.concatenate([pane, np.add(pane[::-1], (0, 1.35, 0))])
    above = np.array([[-2.4, 2.59, -4.6], [2.6, 2.59, -4.6], [2.6, 2.59, 1.9], [-2.4, 2.59, 1.9]])
    light = Lighting(
        (0.42, 0.35, 0.28), (0.72, 0.71, 0.69), (0.82, 0.82, 0.81),
        (Emitter(window, (_DAY,) * 3), Emitter(above, (_CEILING,) * 3)),
    )  # fmt: skip
    crop = Crop(0, 0, SIZE[1], SIZE[0])
    traced = renderer(Scene(ROOM, light, ()), crop, Effort(scale=1.0, samples=_SAMPLES)).furnished
    shown = 1 - np.exp(-_EXPOSURE * traced)
    faces, _ = faces_of(ROOM.camera, ROOM.box, ROOM.camera.grid_rays(*SIZE))
    ids = np.array([CLASSES.index(_NAMES[FACES.index(face)]) for face in FACES], np.uint8)[faces]
    ids[traced.mean(axis=2) > 0.9 * _DAY] = CLASSES.index("window")
    ids[faces == FACES.index("ceiling")] = CLASSES.index("ceiling")
    return np.rint(to_coded(shown.astype(np.float32))).astype(np.uint8), ids


def in_kit(kit: Kit, room_type: RoomType, photo: Image, ids: Ids, renderer: PathTracer) -> Image:
    """Return the room in the materials of a kit, with its furniture."""
    floor, wall = (
        Surface(look_of(finish, FOLDER), finish.texture_cm / 100)
        for finish in (kit.finishes[kit.floor], kit.finishes[kit.wall])
    )
    empty = restyle_photo(as_it_is(photo, ids), ROOM, floor, wall)
    own = plan(space_of(empty, ROOM), kit, room_type)
    return furnish_photo(empty, ROOM, own, models_of(kit, own.skus), renderer).photo


if __name__ == "__main__":
    main()
