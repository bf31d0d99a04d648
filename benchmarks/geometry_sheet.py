"""Draws what was found of a room over its photo, for a person to judge."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.staging.geometry.find import FoundRoom
from serving.staging.room import Camera, Opening, Room

Floats = NDArray[np.float64]
Point = tuple[float, float, float]
Colour = tuple[int, int, int]
_STEP_M, _DEEP_M, _WIDE_M = 0.5, 5.0, 6.0
_ALONG, _ACROSS, _BOX = (255, 220, 0), (0, 230, 255), (255, 0, 0)
_DOOR, _WINDOW = (0, 255, 0), (255, 0, 255)
_PIECES, _FAR_PX = 40, 5000


def draw_room(photo: Image, found: FoundRoom) -> Image:
    """Return a photo with the grid of its floor, box, openings and what is doubted."""
    drawn, room = photo.copy(), found.room
    for start, end, colour in _grid():
        _line(drawn, room.camera, (start, end), colour, 1)
    for start, end in _edges(room):
        _line(drawn, room.camera, (start, end), _BOX, 2)
    for opening in room.openings:
        corners = _corners(room, opening)
        colour = _DOOR if opening.kind == "door" else _WINDOW
        for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
            _line(drawn, room.camera, (start, end), colour, 2)
    for row, text in enumerate(_said(found)):
        at = (6, 16 + 16 * row)
        cv2.putText(drawn, text, at, 0, 0.42, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(drawn, text, at, 0, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def _grid() -> Iterator[tuple[Point, Point, Colour]]:
    near = -2 * _STEP_M / 2
    for x in np.arange(-_WIDE_M, _WIDE_M + 0.01, _STEP_M):
        yield (float(x), 0.0, near), (float(x), 0.0, -_DEEP_M), _ALONG
    for z in np.arange(2 * _STEP_M, _DEEP_M + 0.01, _STEP_M):
        yield (-_WIDE_M, 0.0, -float(z)), (_WIDE_M, 0.0, -float(z)), _ACROSS


def _edges(room: Room) -> Iterator[tuple[Point, Point]]:
    box = room.box
    left, right, front = -box.left_m, box.right_m, -box.front_m
    for y in (0.0, box.height_m):
        yield (left, y, front), (right, y, front)
        for x in (left, right):
            yield (x, y, front), (x, y, -0.2)
    for x in (left, right):
        yield (x, 0.0, front), (x, box.height_m, front)


def _corners(room: Room, opening: Opening) -> list[Point]:
    low, high = opening.bottom_m, opening.top_m
    around = [(opening.start_m, low), (opening.end_m, low), (opening.end_m, high)]
    around.append((opening.start_m, high))
    if opening.wall == "front":
        return [(along, y, -room.box.front_m) for along, y in around]
    x = -room.box.left_m if opening.wall == "left" else room.box.right_m
    return [(x, y, along) for along, y in around]


def _line(
    drawn: Image, camera: Camera, ends: tuple[Point, Point], colour: Colour, width: int
) -> None:
    share = np.linspace(0, 1, _PIECES)[:, None]
    points = np.array(ends[0]) * (1 - share) + np.array(ends[1]) * share
    pixels = camera.project(points)
    for start, end in pairwise(pixels):
        if np.isfinite([start, end]).all() and np.abs([start, end]).max() < _FAR_PX:
            cv2.line(drawn, _sixteenths(start), _sixteenths(end), colour, width, cv2.LINE_AA, 4)


def _sixteenths(pixel: Floats) -> Sequence[int]:
    return int(pixel[0] * 16 - 8), int(pixel[1] * 16 - 8)


def _said(found: FoundRoom) -> Iterator[str]:
    camera, box, proof = found.room.camera, found.room.box, found.camera.evidence
    hfov = 2 * math.degrees(math.atan(camera.size[1] / 2 / camera.focal_px))
    yield (
        f"hfov {hfov:.0f} pitch {math.degrees(found.camera.pose.pitch):.1f} height"
        f" {camera.height_m:.2f} focal sd {proof.focal_sd:.3f} floor sd {proof.floor_sd:.3f} weaker"
        f" {proof.weaker_share:.3f}/{proof.weaker_count} margin {proof.margin:.1f}"
    )
    yield (
        f"front {box.front_m:.1f} left {box.left_m:.1f} right {box.right_m:.1f} height"
        f" {box.height_m:.2f} seen {', '.join(sorted(box.seen))}"
    )
    yield ", ".join(found.room.doubts)
