"""The room in which design kits are shown to people who choose: path-traced, empty, then furnished.

It is furnished by the steps that furnish photos, so that a picture promises no more than they keep.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.furnish.scene import Crop, Effort, Emitter, Lighting, Renderer, Scene
from serving.staging.kit import Kit, RoomType
from serving.staging.layout.solve import plan
from serving.staging.linear import to_coded
from serving.staging.process import Surface, as_it_is, furnish_photo, restyle_photo, space_of
from serving.staging.room import FACES, Box, Camera, Ids, Opening, Room, faces_of
from serving.staging.things import Model

SIZE = 560, 840  # of its pictures, (height, width)
_SAMPLES = 16  # denoised, not told from 64
_DAY, _CEILING = 5.0, 1.2  # light of the window and of the ceiling
_EXPOSURE = 1.5
_ROOM = Room(
    Camera.level(SIZE, 74, 1.45, 16),
    Box(4.6, 2.4, 2.6, 2.6),
    (Opening("left", "window", -3.5, -1.9, 0.85, 2.2),),
)
_NAMES = ("floor", "ceiling", "wall", "wall", "wall")


@dataclass(frozen=True, eq=False)
class Finished:
    """What a kit makes of the room.

    Attributes
    ----------
    floor, wall : what they become
    models : returns the kit's furniture by name
    """

    kit: Kit
    floor: Surface
    wall: Surface
    models: Callable[[tuple[str, ...]], Mapping[str, Model]]


@dataclass(frozen=True, eq=False)
class Showroom:
    """The empty room.

    Attributes
    ----------
    photo : uint8 RGB, of `SIZE`
    ids : uint8 of the same size, ids of `CLASSES`
    """

    photo: Image
    ids: Ids

    def show(self, finished: Finished, room_type: RoomType, renderer: Renderer) -> Image | None:
        """Return it with a kit's materials and furniture; None if nothing has a place in it."""
        as_empty = as_it_is(self.photo, self.ids)
        empty = restyle_photo(as_empty, _ROOM, finished.floor, finished.wall)
        planned = plan(space_of(empty, _ROOM), finished.kit, room_type)
        if not planned.pieces:
            return None
        models = finished.models(planned.skus)
        return furnish_photo(empty, _ROOM, planned, models, renderer).photo


def draw_showroom(renderer: Renderer) -> Showroom:
    """Return the empty room; `ModelUnavailable` where rooms cannot be traced."""
    pane = np.array([[-2.385, low, z] for low, z in ((0.85, -1.9), (0.85, -3.5))])
    window = np.concatenate([pane, np.add(pane[::-1], (0, 1.35, 0))])
    above = np.array([[-2.4, 2.59, -4.6], [2.6, 2.59, -4.6], [2.6, 2.59, 1.9], [-2.4, 2.59, 1.9]])
    light = Lighting(
        (0.42, 0.35, 0.28), (0.72, 0.71, 0.69), (0.82, 0.82, 0.81),
        (Emitter(window, (_DAY,) * 3), Emitter(above, (_CEILING,) * 3)),
    )  # fmt: skip
    crop = Crop(0, 0, SIZE[1], SIZE[0])
    effort = Effort(scale=1.0, samples=_SAMPLES)
    traced = renderer(Scene(_ROOM, light, ()), crop, effort).furnished
    shown = 1 - np.exp(-_EXPOSURE * traced)
    faces, _ = faces_of(_ROOM.camera, _ROOM.box, _ROOM.camera.grid_rays(*SIZE))
    ids = np.array([CLASSES.index(_NAMES[FACES.index(face)]) for face in FACES], np.uint8)[faces]
    ids[traced.mean(axis=2) > 0.9 * _DAY] = CLASSES.index("window")
    ids[faces == FACES.index("ceiling")] = CLASSES.index("ceiling")
    return Showroom(np.rint(to_coded(shown.astype(np.float32))).astype(np.uint8), ids)
