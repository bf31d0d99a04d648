"""The step that furnishes a photo: picture, map, room and plan in, picture and mask out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image, check_rgb
from serving.staging.furnish.composite import paste
from serving.staging.furnish.light import estimate_lighting
from serving.staging.furnish.occlusion import hidden_by_room
from serving.staging.furnish.scene import Effort, Renderer, Scene, Standing, crop_of
from serving.staging.room import Ids, Room

Mask = NDArray[np.bool_]
_DARK_GAIN = 0.25
_EFFORT = Effort()


@dataclass(frozen=True, eq=False)
class Furnished:
    """A furnished photo.

    Attributes
    ----------
    picture : uint8 (height, width, 3), sRGB; the photo's own bytes wherever `changed` is not set
    changed : bool (height, width)
    cover : float32 (height, width), share of each pixel that is furniture
    gain : how much brighter the photo is than the traced room
    doubts : codes of what is uncertain, with a sentence each
    """

    picture: Image
    changed: Mask
    cover: NDArray[np.float32]
    gain: float
    doubts: Mapping[str, str] = field(default_factory=dict)


def furnish(
    photo: Image,
    ids: Ids,
    room: Room,
    things: tuple[Standing, ...],
    renderer: Renderer,
    effort: Effort = _EFFORT,
) -> Furnished:
    """Return a photo with furniture in it.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3), cleared of what was to go; left as it is
    ids : uint8 (rows, columns), ids of `CLASSES`, of the whole cleared photo
    room : through which camera it is seen, and where its windows are
    things : furniture in its place: `stand(plan, models)`
    renderer : traces the light
    effort : how much it may take, and the seed
    """
    check_rgb(photo)
    room, ids = _at_size(room, ids, photo)
    crop = crop_of(room.camera, [thing.place for thing in things])
    if crop is None:
        shape = photo.shape[:2]
        return Furnished(photo, np.zeros(shape, bool), np.zeros(shape, np.float32), 1.0)
    lighting, doubts = estimate_lighting(photo, ids, room)
    layers = renderer(Scene(room, lighting, things), crop, effort)
    hidden = hidden_by_room(ids, room, layers.distance_m, crop)
    picture, cover, gain = paste(photo, ids, layers, hidden, crop, effort.seed)
    if gain < _DARK_GAIN:
        doubts["dark_photo"] = "the photo is so dark that the furniture's brightness is a guess"
    changed = (picture != photo).any(axis=2)
    return Furnished(picture, changed, cover, gain, doubts)


def _at_size(room: Room, ids: Ids, photo: Image) -> tuple[Room, Ids]:
    """Return the room seen by a camera of the photo's size, and the map at that size."""
    height, width = photo.shape[:2]
    if ids.shape != (height, width):
        ids = np.asarray(
            cv2.resize(ids, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8
        )
    if room.camera.size != (height, width):
        room = replace(room, camera=room.camera.scaled((height, width)))
    return room, ids
