"""What must look the same after clearing: openings, fixtures, what is outdoors, people."""

from collections.abc import Set as AbstractSet

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES, Class
from serving.staging.masks.kinds import PROTECTED
from serving.staging.masks.shapes import drop_specks
from serving.staging.room import Camera, Ids, Opening, Room

Mask = NDArray[np.bool_]
_SPECK = 0.0005  # of the photo
_FITTED: frozenset[Class] = frozenset(("cabinet", "shelf"))
_CORNERS = 12  # along each edge of an opening: a part of it may lie behind the camera


def protected_of(ids: Ids, movable: AbstractSet[Class], room: Room | None = None) -> Mask:
    """Return the pixels that stay as they are, bool (height, width).

    Parameters
    ----------
    ids : uint8 (height, width), ids of `serving.perception.classes`
    movable : classes that are furniture here; cabinets and shelves that are not stay
    room : its openings are protected where the map does not say that something stands before them
    """
    classes = (PROTECTED | _FITTED) - movable
    kept = np.isin(ids, [CLASSES.index(name) for name in classes])
    kept = drop_specks(kept, max(4, round(_SPECK * ids.size)))
    if room is not None:
        before = np.isin(ids, [CLASSES.index(name) for name in movable])
        camera = room.camera.scaled((ids.shape[0], ids.shape[1]))
        for opening in room.openings:
            kept |= seen_opening(opening, room, camera) & ~before
    return kept


def seen_opening(opening: Opening, room: Room, camera: Camera) -> Mask:
    """Return the pixels of a door or window as if nothing stood before it."""
    along = np.linspace(opening.start_m, opening.end_m, _CORNERS)
    up = np.linspace(opening.bottom_m, opening.top_m, _CORNERS)
    outline = np.concatenate([
        np.stack([along, np.full_like(along, opening.bottom_m)], axis=1),
        np.stack([np.full_like(up, opening.end_m), up], axis=1),
        np.stack([along[::-1], np.full_like(along, opening.top_m)], axis=1),
        np.stack([np.full_like(up, opening.start_m), up[::-1]], axis=1),
    ])  # fmt: skip
    at = {"front": -room.box.front_m, "left": -room.box.left_m, "right": room.box.right_m}
    fixed = np.full(len(outline), at[opening.wall])
    columns = (outline[:, 0], outline[:, 1], fixed)
    if opening.wall != "front":
        columns = (fixed, outline[:, 1], outline[:, 0])
    pixels = camera.project(np.stack(columns, axis=1))
    pixels = pixels[np.isfinite(pixels).all(axis=1)].clip(-20_000, 20_000)
    drawn = np.zeros(camera.size, np.uint8)
    if len(pixels) >= 3:
        cv2.fillPoly(drawn, [np.rint(pixels - 0.5).astype(np.int32)], [1])
    return drawn > 0
