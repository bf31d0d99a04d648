"""What must look the same after clearing: openings, fixtures, what is outdoors, people."""

from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES, Class
from serving.staging.masks.kinds import PROTECTED
from serving.staging.masks.shapes import drop_specks
from serving.staging.planes import seen_opening
from serving.staging.room import Ids, Room

Mask = NDArray[np.bool_]
_SPECK = 0.0005  # of the photo
_FITTED: frozenset[Class] = frozenset(("cabinet", "shelf"))


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
