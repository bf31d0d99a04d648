"""What of the room stands before the furniture: its own things that are nearer to the camera."""

import cv2
import numpy as np

from serving.perception.classes import CLASSES
from serving.staging.furnish.scene import Crop, Light
from serving.staging.room import Floats, Ids, Room

_STANDING = [
    CLASSES.index(name)
    for name in (
        "cabinet", "sink", "bath", "toilet", "stove", "refrigerator", "bed", "sofa", "chair",
        "armchair", "table", "shelf", "plant", "stairs", "person",
    )
]  # fmt: skip
_LEAST_SHARE = 0.0005
_NEARER = 0.97
_FEATHER = 0.0008


def hidden_by_room(ids: Ids, room: Room, distance_m: Light, crop: Crop) -> Light:
    """Return how much of each pixel of a crop the room's own things hide of the furniture.

    A thing is as far away as the floor at its foot, column by column.

    Parameters
    ----------
    ids : uint8 (height, width) of the photo
    distance_m : float32 of the crop, to the furniture; inf where there is none

    Returns
    -------
    float32, shape (height, width) of the crop
        0 where the furniture is in front.
    """
    mask = np.isin(ids, _STANDING).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    hidden = np.zeros(crop.size, np.float32)
    for part in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[part])
        if area < _LEAST_SHARE * ids.size:
            continue
        place = Crop(left, top, left + width, top + height)
        both = _common(place, crop)
        if both is None:
            continue
        inside = parts[place.slices] == part
        away = _distances(inside, place, room)
        rows, columns = place.within(both)
        nearer = inside[rows, columns] & (
            away[columns][None] < _NEARER * distance_m[crop.within(both)]
        )
        hidden[crop.within(both)][nearer] = 1
    sigma = _FEATHER * max(ids.shape)
    return np.asarray(cv2.GaussianBlur(hidden, (0, 0), sigma), np.float32)


def _common(first: Crop, second: Crop) -> Crop | None:
    both = Crop(
        max(first.left, second.left), max(first.top, second.top),
        min(first.right, second.right), min(first.bottom, second.bottom),
    )  # fmt: skip
    return both if both.right > both.left and both.bottom > both.top else None


def _distances(
    inside: np.ndarray[tuple[int, int], np.dtype[np.bool_]], place: Crop, room: Room
) -> Floats:
    """Return how far each column of a thing is, by where it stands; metres."""
    rows = inside.shape[0] - inside[::-1].argmax(axis=0)
    feet = np.stack([place.left + np.arange(inside.shape[1]) + 0.5, place.top + rows], axis=1)
    floor = room.camera.to_floor(feet.astype(float))
    away = np.hypot(np.hypot(*floor.T), room.camera.height_m)
    away = np.where(np.isfinite(away), away, np.inf)
    # Between its legs a table's top is lowest: it is no farther than most of the thing.
    seen = away[np.isfinite(away)]
    return np.minimum(away, np.percentile(seen, 60)) if seen.size else away
