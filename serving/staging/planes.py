"""The faces of a room in a photo, and a face laid flat."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.staging.room import FACES, Camera, Face, Floats, Ids, Opening, Room, faces_of

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
_CORNERS = 12  # along each edge of an opening: a part of it may lie behind the camera


@dataclass(frozen=True)
class SeenFaces:
    """What each pixel of a photo would be on if the room were empty.

    Attributes
    ----------
    ids : uint8 (height, width), of `FACES`
    points : float32 (height, width, 3), where in the room
    depth_m : float32 (height, width), along the optical axis
    """

    ids: Ids
    points: Float32
    depth_m: Float32

    def on(self, face: Face) -> Mask:
        """Return which pixels are on a face."""
        return np.asarray(self.ids == FACES.index(face), np.bool_)

    def flat(self, face: Face) -> Float32:
        """Return coordinates on a face, float32 (height, width, 2): along it, and up or back."""
        return self.points[..., list(_AXES[face])]


_AXES: dict[Face, tuple[int, int]] = {
    "floor": (0, 2), "ceiling": (0, 2), "front": (0, 1), "left": (2, 1), "right": (2, 1),
}  # fmt: skip


def see_faces(room: Room, size: tuple[int, int]) -> SeenFaces:
    """Return the faces of a room in its photo at a size of (height, width) px."""
    camera = room.camera.scaled(size)
    rays = camera.grid_rays(*size)
    ids, depth = faces_of(camera, room.box, rays)
    points = rays * depth[..., None]
    points[..., 1] += camera.height_m
    return SeenFaces(ids, points.astype(np.float32), depth.astype(np.float32))


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


@dataclass(frozen=True)
class Sheet:
    """A rectangle of a face laid flat, in square cells.

    Attributes
    ----------
    turn_deg : by which its columns are turned from the face's first axis
    origin_m : of its first cell's corner, in the turned coordinates
    shape : (rows, columns)
    """

    face: Face
    origin_m: tuple[float, float]
    cells_per_m: float
    shape: tuple[int, int]
    turn_deg: float = 0.0

    @property
    def _turn(self) -> NDArray[np.float64]:
        angle = math.radians(self.turn_deg)
        cos, sin = math.cos(angle), math.sin(angle)
        return np.array([[cos, sin], [-sin, cos]])

    def cells_of(self, flat: Float32) -> Float32:
        """Return where coordinates (..., 2) of the face are, as (column, row) from cell centres."""
        turned = flat @ self._turn.T - np.asarray(self.origin_m)
        return np.asarray(turned * self.cells_per_m - 0.5, np.float32)

    def pixels(self, room: Room, camera: Camera) -> tuple[Float32, Float32]:
        """Return the photo's pixel (x, y) of each cell, for `cv2.remap`; -9 where unseen."""
        rows, columns = self.shape
        u = self.origin_m[0] + (np.arange(columns) + 0.5) / self.cells_per_m
        v = self.origin_m[1] + (np.arange(rows) + 0.5) / self.cells_per_m
        flat = np.stack(np.meshgrid(u, v), axis=-1) @ self._turn
        pixels = camera.project(_in_room(self.face, flat, room))
        pixels = np.nan_to_num(pixels - 0.5, nan=-9.0).clip(-9, 32000).astype(np.float32)
        return np.ascontiguousarray(pixels[..., 0]), np.ascontiguousarray(pixels[..., 1])

    def back(self, values: Float32, flat: Float32) -> Float32:
        """Return values of cells at coordinates (height, width, 2) of the face, bilinearly."""
        cells = self.cells_of(flat)
        found = cv2.remap(
            values, cells[..., 0], cells[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(found, np.float32)


def _in_room(face: Face, flat: Floats, room: Room) -> Floats:
    constant = {
        "floor": 0.0, "ceiling": room.box.height_m, "front": -room.box.front_m,
        "left": -room.box.left_m, "right": room.box.right_m,
    }[face]  # fmt: skip
    first, second = _AXES[face]
    points = np.full((*flat.shape[:-1], 3), constant)
    points[..., first], points[..., second] = flat[..., 0], flat[..., 1]
    return points
