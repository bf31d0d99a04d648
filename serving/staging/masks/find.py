"""What is to be taken out of a photo: whole pieces of furniture, with their margin and shadows."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image import Image, check_rgb
from serving.perception.classes import CLASSES, Class
from serving.staging.clear.openings import HANGING
from serving.staging.masks.grow import grow
from serving.staging.masks.protect import protected_of
from serving.staging.masks.shadows import dark_rim, find_shadows
from serving.staging.masks.shapes import close_gaps, drop_specks, widen
from serving.staging.masks.walls import above, odd_on_curtains, odd_on_walls, pale_shades
from serving.staging.room import Ids, Room

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
LEAST_SHARE = 0.01  # of the photo; below, there is nothing worth clearing
_WORK_SIDE_PX = 640
_SPECK = 0.0008  # of the photo: smaller parts of the map are mistakes
GAP = 0.016  # of the long side: the strip under a sofa, the space between the legs of a chair
HOLE = 0.004  # of the photo
MARGIN = 0.012  # of the long side: the dark rim beside a thing goes with it
_RIM = 0.008  # of the long side: what of an opening shows the thing before it, too
_TALL = 0.3  # of the photo: frames of doors are taller
_SMALL = 0.02  # of the photo: what is small and touches furniture stood on it or beside it
_UNNAMED: tuple[Class, ...] = ("other", "plant", "lamp")
_BESIDE = 0.35  # of the rim of what has no class that must be furniture for it to be part of it


@dataclass(frozen=True)
class Removal:
    """What is to disappear from a photo.

    Attributes
    ----------
    mask : bool (height, width), furniture with its margin; never on `protected`
    shadow : float32 (height, width), 0..1, how far a pixel beside the mask lies in its shadow
    protected : bool (height, width), openings, fixtures, people and all that stays as it is
    share : of the photo that is furniture, without margin
    """

    mask: Mask
    shadow: Floats
    protected: Mask
    share: float

    @property
    def worthwhile(self) -> bool:
        """Whether there is enough to clear."""
        return self.share >= LEAST_SHARE


def find_removal(
    photo: Image, ids: Ids, movable: AbstractSet[Class], room: Room | None = None
) -> Removal:
    """Find what can be carried out of a room.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3)
    ids : uint8 (height, width), what each pixel shows, ids of `serving.perception.classes`
    movable : classes that are furniture here, `movable_in` of the room's type
    room : shadows are looked for on its faces, its openings are protected; without it neither is

    Returns
    -------
    Removal
        Found on a copy of at most 640 px, at the photo's size.

    Raises
    ------
    BadInput
        If the map is not of the photo's size.
    """
    check_rgb(photo)
    if ids.shape != photo.shape[:2]:
        raise BadInput(f"a map of {ids.shape} does not fit a photo of {photo.shape[:2]}")
    small, classes = _small(photo, ids)
    things = furniture_of(small, classes, movable)
    side, area = max(classes.shape), classes.size
    whole = close_gaps(things, GAP * side, round(HOLE * area))
    stays = protected_of(classes, movable, room) & ~things
    if room is not None:
        stays &= ~_rim_of_openings(things, classes)
    mask = widen(whole, MARGIN * side) & ~stays
    shadow = np.zeros(classes.shape, np.float32)
    if room is not None and mask.any():
        found = find_shadows(small, mask, classes, room)
        shadow, mask = found.soft * ~stays, mask | (found.deep & ~stays)
    mask |= dark_rim(small, mask, classes) & ~stays
    size = photo.shape[1], photo.shape[0]
    protected = _stretched(stays, size)
    full = _stretched(mask, size) & ~protected
    shade = cv2.resize(shadow, size, interpolation=cv2.INTER_LINEAR)
    shade = np.where(full | protected, 0, shade)
    return Removal(full, np.asarray(shade, np.float32), protected, float(things.mean()))


def _rim_of_openings(things: Mask, ids: Ids) -> Mask:
    """Return a narrow strip of what hangs or opens in a wall, right above things.

    It shows them, too, a little; what is cleared goes on from above it.
    """
    reach = max(1, round(_RIM * max(ids.shape)))
    hanging = np.isin(ids, [CLASSES.index(name) for name in HANGING])
    higher = np.zeros_like(hanging)
    higher[2 * reach :] = hanging[: -2 * reach]
    return widen(things, reach) & hanging & higher


def furniture_of(photo: Image, ids: Ids, movable: AbstractSet[Class]) -> Mask:
    """Return the pixels that show furniture, grown until its pieces are whole."""
    area = ids.size
    seed = np.isin(ids, [CLASSES.index(name) for name in movable])
    seed = drop_specks(seed, max(4, round(_SPECK * area)))
    if not seed.any():
        return seed
    unnamed = np.isin(ids, [CLASSES.index(name) for name in _UNNAMED])
    seed |= _parts_beside(unnamed, seed)
    whole = grow(photo, seed, ids)
    beside = widen(whole, MARGIN * max(ids.shape))
    odd = unnamed | odd_on_walls(photo, ids, beside) | odd_on_curtains(photo, ids, whole)
    whole |= _touching(odd, beside | above(whole))
    return whole | pale_shades(photo, ids, whole)


def _parts_beside(unnamed: Mask, seed: Mask) -> Mask:
    """Return what has no class and lies on or between furniture: cushions, lids, legs."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(unnamed.astype(np.uint8))
    total = np.bincount(labels.ravel(), minlength=count)
    rim = widen(seed, 1.5) & unnamed
    touching = np.bincount(labels[rim], minlength=count)
    parts = []
    for number in range(1, count):
        width, height = stats[number, 2:4]
        outline = 2.0 * (width + height) * 0.7
        if touching[number] > _BESIDE * outline and total[number] < 0.5 * seed.sum():
            parts.append(number)
    return np.isin(labels, parts)


def _touching(unnamed: Mask, whole: Mask) -> Mask:
    """Return small things that would be cut in two, and left hanging in the air."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(unnamed.astype(np.uint8))
    met = np.bincount(labels[whole], minlength=count)
    met += np.bincount(labels[widen(whole, 2.0) & ~whole], minlength=count)
    tall = _TALL * unnamed.shape[0]
    small = [
        n for n in range(1, count)
        if met[n] and stats[n, 4] < _SMALL * unnamed.size and stats[n, cv2.CC_STAT_HEIGHT] < tall
    ]  # fmt: skip
    return np.isin(labels, small)


def _small(photo: Image, ids: Ids) -> tuple[Image, Ids]:
    height, width = ids.shape
    scale = min(1.0, _WORK_SIDE_PX / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    classes = cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small, np.uint8), np.asarray(classes, np.uint8)


def _stretched(mask: Mask, size: tuple[int, int]) -> Mask:
    stretched = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(stretched > 0.5, np.bool_)
