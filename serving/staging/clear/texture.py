"""The texture of a face behind what was taken away, in its own direction and scale."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.staging.clear.quilt import Texture, quilt
from serving.staging.clear.smooth import blur_known
from serving.staging.planes import SeenFaces, Sheet
from serving.staging.room import Camera, Face, Room

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_MOST_CELLS = 560  # along a side: what a photo of 1 MP shows of a floor
_BLOCK_M = 0.45  # a few boards or tiles
_BLUR_M = 0.10  # what is smoother than that is light, and is filled as such
_FARTHEST_M = 9.0
_BEYOND = 1.0  # of the hole's extent that texture may come from, each way
_CLIP = 0.7  # of a logarithm of light: what differs more is a thing that lies there
_UNEVEN = 0.15  # of a logarithm of light
_UNUSUAL = 3.0
_LEAST_EVEN = 0.3
_TURNED_DEG = 8.0
_DIRECTED = 0.25  # how much the gradients have to agree for the texture to have a direction
_LEAST_CELLS = 150


def texture_of(
    face: Face, light: Floats, known: Mask, need: Mask, room: Room, seen: SeenFaces
) -> Floats:
    """Return texture for what is needed of a face.

    Parameters
    ----------
    light : float32 (height, width, 3), logarithm of the photo's light
    known, need : bool (height, width), pixels of the face that show it, and that have to

    Returns
    -------
    float32 (height, width, 3)
        To be added to smooth light, about zero; zeros where not needed.
    """
    texture = np.zeros_like(light)
    flat = seen.flat(face)
    camera = room.camera.scaled((light.shape[0], light.shape[1]))
    sheet = lay_flat(face, flat, known, need)
    if sheet is None:
        return texture
    turn = direction_of(_rectified(sheet, light, known, need, room, camera))
    if abs(turn) > _TURNED_DEG:
        sheet = lay_flat(face, flat, known, need, turn) or sheet
    there = _rectified(sheet, light, known, need, room, camera)
    block = round(_BLOCK_M * sheet.cells_per_m)
    block = min(max(24, block), min(sheet.shape) // 3, 72)
    made = quilt(there, block, own_rows=face not in ("floor", "ceiling"))
    texture[need] = _from_cells(sheet, made, flat, there.rate)[need]
    return texture


def lay_flat(
    face: Face, flat: Floats, known: Mask, need: Mask, turn_deg: float = 0.0
) -> Sheet | None:
    """Return the part of a face that is needed and what is near it; None if too little is seen."""
    one_cell = Sheet(face, (0.0, 0.0), 1.0, (1, 1), turn_deg)
    turned = one_cell.cells_of(flat) + np.float32(0.5)
    close = np.abs(turned).max(axis=2) < _FARTHEST_M
    wanted, given = turned[need & close], turned[known & close]
    if len(wanted) < _LEAST_CELLS or len(given) < _LEAST_CELLS:
        return None
    low, high = np.percentile(wanted, (0.5, 99.5), axis=0)
    beyond = _BEYOND * np.maximum(high - low, 0.5)
    nearest, farthest = np.percentile(given, (1, 99), axis=0)
    start = np.maximum(np.minimum(low, nearest), low - beyond)
    end = np.minimum(np.maximum(high, farthest), high + beyond)
    steps = np.abs(np.diff(turned, axis=1)).max(axis=2)[need[:, 1:] & close[:, 1:]]
    extent = np.maximum(end - start, 0.2)
    rate = 1 / max(float(np.median(steps)), 1e-4)
    cells_per_m = float(np.clip(rate, 20, max(21.0, _MOST_CELLS / float(extent.max()))))
    columns, rows = (max(16, int(side)) for side in extent * cells_per_m)
    return Sheet(face, (float(start[0]), float(start[1])), cells_per_m, (rows, columns), turn_deg)


def _rectified(
    sheet: Sheet, light: Floats, known: Mask, need: Mask, room: Room, camera: Camera
) -> Texture:
    x, y = sheet.pixels(room, camera)
    laid = cv2.remap(light, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    both = np.stack([known, need], axis=-1).astype(np.float32)
    masks = cv2.remap(both, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    seen, wanted = masks[..., 0] > 0.99, masks[..., 1] > 0.01
    sigma = float(np.clip(_BLUR_M * sheet.cells_per_m, 3, 16))
    values = np.asarray(laid, np.float32)
    there = _evenly_lit(values, seen, sigma)
    fine = (values - blur_known(values, there, sigma)).clip(-_CLIP, _CLIP) * there[..., None]
    rate = np.hypot(np.gradient(x, axis=0), np.gradient(y, axis=0))
    rate = np.minimum(rate, np.hypot(np.gradient(x, axis=1), np.gradient(y, axis=1)))
    return Texture(fine.astype(np.float32), there, wanted & ~seen, rate.astype(np.float32))


def _evenly_lit(values: Floats, seen: Mask, sigma: float) -> Mask:
    """Return the cells outside of sun patches, reflections and their edges.

    There the light changes within the breadth of a board, and would be copied with the texture.
    """
    grey = np.asarray(values.mean(axis=2), np.float32)
    change = np.abs(blur_known(grey, seen, sigma) - blur_known(grey, seen, 4 * sigma))
    if not seen.any():
        return seen
    usual = float(np.median(change[seen]))  # of wide boards and large tiles much
    even = seen & (change < max(_UNEVEN, _UNUSUAL * usual))
    return even if even.sum() > _LEAST_EVEN * seen.sum() else seen


def direction_of(texture: Texture) -> float:
    """Return by how many degrees, -45..45, a texture's lines are turned; 0 if it has none."""
    inner = cv2.erode(texture.known.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if inner.sum() < _LEAST_CELLS:
        return 0.0
    grey = texture.values.mean(axis=2)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)[inner]
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)[inner]
    strength = across**2 + down**2
    # four times the angle: lines and those square to them count as one direction
    moment = (strength * np.exp(4j * np.arctan2(down, across))).sum() / max(strength.sum(), 1e-9)
    if abs(moment) < _DIRECTED:
        return 0.0
    return math.degrees(float(np.angle(moment))) / 4


def _from_cells(sheet: Sheet, made: Floats, flat: Floats, rate: Floats) -> Floats:
    """Return texture in the photo, smoothed first where the photo shows it smaller."""
    sharp = sheet.back(made, flat)
    soft = sheet.back(np.asarray(cv2.GaussianBlur(made, (0, 0), 1.0), np.float32), flat)
    smaller = sheet.back(rate, flat) < np.float32(0.6)
    return np.where(smaller[..., None], soft, sharp)
