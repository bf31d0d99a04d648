"""The room of a photo: camera, box, openings and what is uncertain of them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image import Image, check_rgb
from serving.perception.lines import find_lines
from serving.staging.geometry.box import FoundBox, fit_box
from serving.staging.geometry.camera import FoundCamera, fit_camera
from serving.staging.geometry.doubts import REFUSALS, doubts_of
from serving.staging.geometry.openings import find_openings
from serving.staging.geometry.refine import Prior
from serving.staging.geometry.scale import Scale, find_scale
from serving.staging.geometry.segments import longest_segments
from serving.staging.room import Box, Opening, Room

Ids = NDArray[np.uint8]


@dataclass(frozen=True)
class FoundRoom:
    """A room, and what it was told by."""

    room: Room
    camera: FoundCamera
    box: FoundBox
    scale: Scale

    @property
    def refusals(self) -> tuple[str, ...]:
        """The doubts that forbid to put anything on this floor; empty: none does."""
        return tuple(code for code in self.room.doubts if code in REFUSALS)


def find_room(photo: Image, ids: Ids, prior: Prior | None = None) -> FoundRoom:
    """Return the room that a photo shows.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3). Left unchanged.
    ids : uint8 (rows, columns), ids of `serving.perception.classes.CLASSES`, of the whole photo
    prior : what is known of the camera before any line is seen

    Returns
    -------
    FoundRoom
        A room in any case. Whether to believe it, its doubts say: with one of
        `doubts.REFUSALS` nothing that needs the floor's perspective should be done.

    Raises
    ------
    BadInput
        If `photo` is not RGB, or `ids` no map of uint8.
    """
    check_rgb(photo)
    if ids.dtype != np.uint8 or ids.ndim != 2 or not ids.size:
        raise BadInput(f"a map of classes is uint8 (rows, columns), not {ids.dtype} {ids.shape}")
    lines = find_lines(photo)
    camera = fit_camera(lines, (photo.shape[0], photo.shape[1]), prior or Prior())
    box = fit_box(camera.camera, ids, longest_segments(lines))
    openings = find_openings(camera.camera, box.box, ids)
    scale = find_scale(box.box, openings)
    room = Room(
        replace(camera.camera, height_m=scale.height_m),
        scaled_box(box.box, scale.height_m),
        tuple(scaled_opening(one, scale.height_m) for one in openings),
        doubts_of(ids, camera, box, scale),
    )
    return FoundRoom(room, camera, box, scale)


def scaled_box(box: Box, by: float) -> Box:
    """Return a box whose lengths are multiplied."""
    return Box(box.front_m * by, box.left_m * by, box.right_m * by, box.height_m * by, box.seen)


def scaled_opening(opening: Opening, by: float) -> Opening:
    """Return an opening whose lengths are multiplied."""
    lengths = opening.start_m, opening.end_m, opening.bottom_m, opening.top_m
    start, end, bottom, top = (length * by for length in lengths)
    return Opening(opening.wall, opening.kind, start, end, bottom, top)
