"""What a face of the room looks like behind what was taken away."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES, Class
from serving.staging.clear.smooth import blur_known, fill_smoothly
from serving.staging.clear.texture import texture_of
from serving.staging.clear.tones import grey_of
from serving.staging.planes import SeenFaces
from serving.staging.room import FACES, Face, Ids, Room

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_SHOWN_BY: dict[Face, tuple[Class, ...]] = {
    "floor": ("floor",), "ceiling": ("ceiling",),
    "front": ("wall",), "left": ("wall",), "right": ("wall",),
}  # fmt: skip
_LEAST_PX = 250
_LEAST_SEEN = 0.02  # of what is to be filled of a face; from less only nonsense is told
_SKIRTING_M, _CORNICE_M, _STEP_M = 0.22, 0.16, 0.015
_NEAR_STEPS = 2  # heights that nothing is seen of take the next one's look
_SURE_PX = 25  # of a height of a wall, from which what it looks like is half believed
_PATTERNED = 0.06  # deviation of a wall's texture; below, blocks of it look like stains
_ODD = (0.5, 0.3)  # of a logarithm of light, first and second time
_AROUND = 0.03  # of the long side
_KIND_NEAR, _KIND_FAR, _STRIP = 0.006, 0.06, 0.005  # of the long side
_ODD_COLOUR, _ODD_LIGHT = 0.12, 0.45  # of a logarithm of light
_UNUSUAL = 4.0
_MOST_ODD = 0.6  # of a wall must be plain, else it is patterned


@dataclass(frozen=True)
class Emptied:
    """A photo's light as it would be without what is masked.

    Attributes
    ----------
    light : float32 (height, width, 3), logarithms; right on `mask`, smooth elsewhere
    taught : bool (height, width), pixels that it was learned from
    unknown : bool (height, width), masked pixels whose face is seen nowhere
    """

    light: Floats
    taught: Mask
    unknown: Mask


def empty_faces(
    light: Floats, mask: Mask, hidden: Mask, ids: Ids, room: Room, seen: SeenFaces
) -> Emptied:
    """Fill each face from what is seen of it.

    Parameters
    ----------
    light : float32 (height, width, 3), logarithm of the photo's light
    mask : bool (height, width), what is to be filled
    hidden : bool (height, width), what says nothing of a face: the mask, and shadows
    ids : uint8 (height, width), classes
    """
    filled, taught = light.copy(), np.zeros_like(mask)
    unknown = mask.copy()
    for face in FACES:
        on = seen.on(face)
        need = mask & on
        if not need.any():
            continue
        known = teachers(face, on & ~hidden, ids, light)
        if known is None or known.sum() < _LEAST_SEEN * need.sum():
            continue
        base = _light_of(face, light, known, room, seen)
        alike = _of_one_kind(light, known, on & ~known & ~mask) if face == "floor" else known
        fine = _texture_of(face, light, alike, need, room, seen)
        filled[on] = base[on]
        if fine is not None:
            filled[need] += fine[need]
        taught |= known
        unknown &= ~need
    if unknown.any() and not unknown.all():
        everywhere = fill_smoothly(light, ~hidden if (~hidden).any() else ~mask)
        filled[unknown] = everywhere[unknown]
    return Emptied(filled, taught, unknown)


def teachers(face: Face, visible: Mask, ids: Ids, light: Floats) -> Mask | None:
    """Return the pixels that show a face and nothing else; None if there are too few.

    A map of classes misses lamps, sockets and leaves before a wall: what is far from the wall's
    light around it does not count.
    """
    known = visible & np.isin(ids, [CLASSES.index(name) for name in _SHOWN_BY[face]])
    if known.sum() < _LEAST_PX:
        return None
    if face == "floor":
        return known
    grey = grey_of(light)
    for odd in _ODD:
        around = blur_known(grey, known, _AROUND * max(known.shape))
        plain = known & (np.abs(grey - around) < odd)
        if plain.sum() < max(_LEAST_PX, _MOST_ODD * known.sum()):
            break
        known = plain
    return known


def _of_one_kind(light: Floats, known: Mask, others: Mask) -> Mask:
    """Return where a floor has its usual colour: what a map calls floor may be a blanket's hem.

    A joint or a dark board is narrower than what counts here, and light changes more slowly. A
    strip along what stands or lies on the floor and stays does not count either.
    """
    side = max(known.shape)
    here = blur_known(light, known, _KIND_NEAR * side)
    grey = grey_of(here)
    colour = here - grey[..., None]
    usual = np.median(colour[known], axis=0)
    off = np.abs(colour - usual).max(axis=2)
    allowed = max(_ODD_COLOUR, _UNUSUAL * float(np.median(off[known])))
    around = blur_known(grey, known, _KIND_FAR * side)
    reach = max(1, round(_STRIP * side))
    beside = cv2.dilate(others.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    plain = known & (off < allowed) & (np.abs(grey - around) < _ODD_LIGHT) & (beside == 0)
    return plain if plain.sum() > _LEAST_PX else known


def _texture_of(
    face: Face, light: Floats, known: Mask, need: Mask, room: Room, seen: SeenFaces
) -> Floats | None:
    if face == "ceiling" or (face != "floor" and _roughness(light, known) < _PATTERNED):
        return None
    return texture_of(face, light, known, need, room, seen)


def _roughness(light: Floats, known: Mask) -> float:
    grey = grey_of(light)
    return 1.48 * float(np.median(np.abs(grey - blur_known(grey, known, 6.0))[known]))


def _light_of(face: Face, light: Floats, known: Mask, room: Room, seen: SeenFaces) -> Floats:
    """Return smooth light; of a wall, with its skirting and cornice."""
    if face in ("floor", "ceiling"):
        return fill_smoothly(light, known)
    heights = seen.points[..., 1]
    plain = known & (heights > _SKIRTING_M) & (heights < room.box.height_m - _CORNICE_M)
    if plain.sum() < _LEAST_PX:
        return fill_smoothly(light, known)
    base = fill_smoothly(light, plain)
    on = seen.on(face)
    rim = on & ((heights <= _SKIRTING_M) | (heights >= room.box.height_m - _CORNICE_M))
    step = np.clip(heights / _STEP_M, 0, 999).astype(np.int64)
    return np.asarray(base + _rows_of(light - base, known & rim, rim, step), np.float32)


def _rows_of(rest: Floats, known: Mask, rim: Mask, step: NDArray[np.int64]) -> Floats:
    """Return by how much heights of a wall differ from its light, float32 (height, width, 3)."""
    rows = np.zeros_like(rest)
    if not known.any():
        return rows
    found, counts = {}, np.bincount(step[known])
    order = np.argsort(step[known], kind="stable")
    groups = np.split(rest[known][order], np.cumsum(counts)[:-1])
    for number, group in enumerate(groups):
        if len(group):
            found[number] = np.median(group, axis=0) * (len(group) / (len(group) + _SURE_PX))
    numbers = np.array(sorted(found))
    values = np.stack([found[number] for number in numbers])
    asked = step[rim]
    near = np.abs(asked[:, None] - numbers[None]).min(axis=1) <= _NEAR_STEPS
    made = np.stack([np.interp(asked, numbers, values[:, c]) for c in range(3)], axis=1)
    rows[rim] = (made * near[:, None]).astype(np.float32)
    return rows
