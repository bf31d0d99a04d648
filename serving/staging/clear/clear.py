"""Takes what is masked out of a photo, and shows the room behind it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image import Image, check_rgb
from serving.staging.carry import work_copy
from serving.staging.clear.faces import Emptied, empty_faces
from serving.staging.clear.inpainter import Inpainter
from serving.staging.clear.openings import continue_openings
from serving.staging.clear.smooth import blur_known, fill_smoothly
from serving.staging.clear.tones import grey_of, to_levels, to_log
from serving.staging.planes import SeenFaces, see_faces
from serving.staging.room import Ids, Room

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_WORK_PX = 1_000_000  # a fill has little more detail than this: larger photos take it stretched
_FEATHER = 0.003  # of the long side, inside the mask
_SEAM = 0.02  # of the long side: how far a difference at the mask's rim is carried inwards
_RIM = 0.008
_MOST_LIFT = 0.8  # of a logarithm: darker than that is a thing, not a shadow
_MOST_HUE = 0.25
_LEAST_SHADOW = 0.02
_GRAIN_SIGMA = 1.0


@dataclass(frozen=True)
class Cleared:
    """A photo of an emptied room.

    Attributes
    ----------
    photo : uint8 RGB (height, width, 3)
    changed : bool (height, width); outside it, the photo is what it was
    share : of the photo that was changed
    guessed : share of what was cleared whose wall, floor or ceiling the photo does not show
    openings : uint8 (height, width), what else than these was made there, doors, windows and
        curtains, ids of `serving.perception.classes`; 0 elsewhere
    """

    photo: Image
    changed: Mask
    share: float
    guessed: float
    openings: Ids


@dataclass(frozen=True)
class Gone:
    """What is to disappear.

    Attributes
    ----------
    mask : bool (height, width), things, with a margin
    shadow : float32 (height, width), 0..1, how far a pixel lies in a shadow of theirs
    """

    mask: Mask
    shadow: Floats | None = None


def clear_room(
    photo: Image, gone: Gone, ids: Ids, room: Room, *, inpainter: Inpainter | None = None,
    seed: int = 0,
) -> Cleared:  # fmt: skip
    """Fill a mask on the room's own planes.

    Smooth light through what is seen of each wall, floor and ceiling; the floor's texture laid
    flat and continued; skirting and cornice as they are elsewhere on the wall; shadows lifted in
    brightness only; doors, windows and curtains continued downwards. Found at 1 MP at most and
    carried into the mask.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3). Left unchanged.
    ids : uint8 (height, width), what each pixel shows, ids of `serving.perception.classes`
    inpainter : adds to the fill, if there is one
    seed : of the grain

    Returns
    -------
    Cleared
        The same bytes for the same arguments.

    Raises
    ------
    BadInput
        If the mask or the map of classes is not of the photo's size, or nothing is left to see.
    """
    _check(photo, gone, ids)
    if not gone.mask.any():
        return Cleared(photo.copy(), np.zeros_like(gone.mask), 0.0, 0.0, np.zeros_like(ids))
    small = work_copy(photo, _WORK_PX)
    size = small.shape[0], small.shape[1]
    mask, shadow = _small_masks(gone, size)
    classes = np.asarray(cv2.resize(ids, size[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    seen = see_faces(room, size)
    light = to_log(small)
    hidden = mask | (shadow > _LEAST_SHADOW)
    emptied = empty_faces(light, mask, hidden, classes, room, seen)
    filled = _with_seam(emptied, light, mask)
    filled = filled + _grain(light, emptied.taught, seed)[..., None]
    hung = continue_openings(light, mask, classes, room, seen)
    filled = np.where(hung.ids[..., None] > 0, hung.light, filled)
    lift = _lift(emptied, light, shadow, mask)
    levels = to_levels(filled)
    if inpainter is not None:
        levels = _with_residual(levels, small, mask, seen, inpainter)
    made, changed = _carry(photo, gone, levels, lift)
    guessed = float((emptied.unknown & (hung.ids == 0)).sum() / max(mask.sum(), 1))
    shown = cv2.resize(hung.ids, photo.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    openings = np.where(gone.mask, shown, 0).astype(np.uint8)
    return Cleared(made, changed, float(changed.mean()), guessed, openings)


def _check(photo: Image, gone: Gone, ids: Ids) -> None:
    check_rgb(photo)
    for name, array in (("mask", gone.mask), ("map of classes", ids)):
        if array.shape != photo.shape[:2]:
            raise BadInput(f"a {name} of {array.shape} does not fit a photo of {photo.shape[:2]}")
    if gone.mask.all():
        raise BadInput("the mask covers the whole photo: nothing of the room is left to see")


def _resized(values: Floats, size: tuple[int, int], how: int = cv2.INTER_LINEAR) -> Floats:
    if values.shape[:2] == size:
        return values
    return np.asarray(cv2.resize(values, size[::-1], interpolation=how), np.float32)


def _small_masks(gone: Gone, size: tuple[int, int]) -> tuple[Mask, Floats]:
    """Return the mask, whatever it touches, and shadows at the working size."""
    touched = _resized(gone.mask.astype(np.float32), size, cv2.INTER_AREA) > 0
    if gone.shadow is None:
        return touched, np.zeros(size, np.float32)
    shadow = _resized(gone.shadow, size, cv2.INTER_AREA)
    return touched, np.where(touched, 0, shadow).astype(np.float32)


def _with_seam(emptied: Emptied, light: Floats, mask: Mask) -> Floats:
    """Return the fill with what it misses at the mask's rim carried inwards, fading."""
    side = max(mask.shape)
    reach = max(2.0, _RIM * side)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    rim = emptied.taught & (outside <= reach)
    if not rim.any():
        return emptied.light
    missing = blur_known(light - emptied.light, rim, 3.0).clip(-0.4, 0.4)
    carried = fill_smoothly(missing, rim, 0.0)
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    fading = np.exp(-inside / np.float32(_SEAM * side)) * mask
    return np.asarray(emptied.light + carried * fading[..., None], np.float32)


def _grain(light: Floats, taught: Mask, seed: int) -> Floats:
    """Return noise as strong as the photo's, float32 (height, width), of logarithms."""
    grey = grey_of(light)
    fine = (grey - cv2.GaussianBlur(grey, (0, 0), _GRAIN_SIGMA))[taught]
    strength = float(np.median(np.abs(fine)) * 1.48) if fine.size else 0.0
    noise = np.random.default_rng(seed).standard_normal(grey.shape, np.float32)
    return noise * np.float32(min(strength, 0.03))


def _lift(emptied: Emptied, light: Floats, shadow: Floats, mask: Mask) -> Floats:
    """Return by how much shadows are made brighter, float32 (height, width, 3), of logarithms.

    A shadow has a little of another hue than the floor, which is taken from it, too. Right behind
    the mask's edge, where fill and photo are mixed, the photo is made brighter as beside it.
    """
    if not shadow.any():
        return np.zeros_like(light)
    there = ~mask
    lacks = emptied.light - blur_known(light, there, 3.0)
    darker = grey_of(lacks)[..., None]
    hue = (lacks - darker).clip(-_MOST_HUE, _MOST_HUE) * (darker > 0)
    lift = (darker.clip(0, _MOST_LIFT) + hue) * shadow[..., None]
    smooth = cv2.GaussianBlur(lift, (0, 0), 1.5)
    return np.asarray(np.where(there[..., None], smooth, blur_known(lift, there, 2.0)), np.float32)


def _with_residual(
    levels: Floats, small: Image, mask: Mask, seen: SeenFaces, inpainter: Inpainter
) -> Floats:
    fill = np.where(mask[..., None], np.rint(levels), small).astype(np.uint8)
    residual = np.nan_to_num(inpainter(fill, mask, seen.ids))
    return np.asarray((levels + residual).clip(0, 255), np.float32)


def _carry(photo: Image, gone: Gone, levels: Floats, lift: Floats) -> tuple[Image, Mask]:
    """Return the photo with the fill in its mask and its shadows lifted, and where."""
    size = photo.shape[0], photo.shape[1]
    made = photo.copy()
    rows, columns = _extent(gone)
    fill = _resized(levels, size)[rows, columns]
    inside = cv2.distanceTransform(gone.mask.astype(np.uint8), cv2.DIST_L2, 3)[rows, columns]
    share = np.clip(inside / max(1.0, _FEATHER * max(size)), 0, 1)[..., None]
    here = photo[rows, columns].astype(np.float32)
    in_shade = np.zeros_like(gone.mask[rows, columns])
    if gone.shadow is not None:
        raised = _resized(lift, size)[rows, columns]
        in_shade = (gone.shadow[rows, columns] > _LEAST_SHADOW) & ~gone.mask[rows, columns]
        lit = in_shade | ((inside > 0) & (share[..., 0] < 1) & (grey_of(raised) > 0))
        here[lit] = to_levels(to_log(photo[rows, columns][lit]) + raised[lit])
    mixed = here + (fill - here) * share
    touched = gone.mask[rows, columns] | in_shade
    made[rows, columns][touched] = np.rint(mixed[touched]).clip(0, 255).astype(np.uint8)
    changed = np.zeros_like(gone.mask)
    changed[rows, columns] = touched
    return made, changed


def _extent(gone: Gone) -> tuple[slice, slice]:
    both = gone.mask if gone.shadow is None else gone.mask | (gone.shadow > _LEAST_SHADOW)
    rows, columns = np.flatnonzero(both.any(axis=1)), np.flatnonzero(both.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
