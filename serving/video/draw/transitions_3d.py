"""Transitions in which pictures turn in space, painted from back to front."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.video.draw.blending import copy_planes, shade_table, slice_planes
from serving.video.draw.transitions_2d import direction_of, ease
from serving.video.draw.yuv import BLACK_Y, NEUTRAL, Planes, as_planes

Params = Mapping[str, float | str]
Points = NDArray[np.float64]

# The frame is the plane z = 0, 2 high; the camera looks at it from this far. Nearer bends more.
_CAMERA = 3.2
_FAR_CAMERA = 9.0  # for a page, which comes towards it
_PAPER = (218, 126, 131)
_STRIPS = 18
_SUBPIXEL_BITS = 4
_SHRINK = 16  # blurred at this part of the size: the eye cannot tell, the clock can
_BLUR = 0.035  # of the frame's longer side
_LIGHT, _COLOUR = 0.38, 0.6  # of the pictures' luma, and of their chroma


def draw_cube(a: Planes, b: Planes, t: float, params: Params, out: Planes) -> None:
    """Turn a cube by a quarter; both pictures are faces of it."""
    step = direction_of(params)
    half = _aspect(out) if step[0] else 1.0
    angle = ease(t) * np.pi / 2
    back = 0.4 * half * np.sin(2 * angle)  # away from the camera, so that the edge stays in sight
    draw_surroundings(a, b, ease(t), out)
    faces = [(a, angle), (b, angle - np.pi / 2)]
    for picture, turn in sorted(faces, key=lambda face: -abs(face[1])):
        corners = _turn(_card(out) + np.array([0, 0, half]), step, turn)
        corners -= np.array([0, 0, half + back])
        _paint(picture, corners, float(np.cos(turn)) * 0.75 + 0.25, out)


def draw_perspective_push(a: Planes, b: Planes, t: float, params: Params, out: Planes) -> None:
    """Let the last picture swing back and away, and the next come out of the distance."""
    step = direction_of(params)
    go = ease(t)
    width = np.array([2 * _aspect(out), 2.0, 0])
    along = np.array([*step, 0.0]) * width * [1, -1, 0]
    draw_surroundings(a, b, go, out)
    for picture, way in sorted(((a, go), (b, go - 1)), key=lambda card: -abs(card[1])):
        corners = _turn(_card(out), step, -1.1 * way)
        corners += along * way * 1.15 - np.array([0, 0, 1.4 * np.sin(np.pi * go)])
        _paint(picture, corners, 1 - 0.5 * abs(way), out)


def draw_surroundings(a: Planes, b: Planes, share: float, out: Planes) -> None:
    """Fill `out` with what two pictures would throw on a dark wall.

    Parameters
    ----------
    a, b : of the size of `out`. Left unchanged.
    share : 0..1 of `b`, the rest is of `a`
    """
    luma, chroma = shade_table(_LIGHT)[0], shade_table(_COLOUR)[1]
    for one, other, table, into in zip(a, b, (luma, chroma, chroma), out, strict=True):
        height, width = into.shape
        small = cv2.addWeighted(_shrink(one), 1 - share, _shrink(other), share, 0)
        soft = cv2.GaussianBlur(
            small, (0, 0), _BLUR * max(small.shape), borderType=cv2.BORDER_REPLICATE
        )
        cv2.resize(cv2.LUT(soft, table), (width, height), into, interpolation=cv2.INTER_LINEAR)


def _shrink(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # whole multiples only: several times as fast, for a few rows that a blur hides
    step = min(_SHRINK, *plane.shape)
    height, width = (length // step for length in plane.shape)
    part = plane[: height * step, : width * step]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def draw_fold(a: Planes, b: Planes, t: float, params: Params, out: Planes) -> None:
    """Fold one half of the last picture over the other; the next is on its back."""
    step = direction_of(params)
    angle = ease(t) * np.pi
    width, height = out.size
    middle = (width // 4 * 2, height) if step[0] else (width, height // 4 * 2)
    near = (0, 0, *middle)
    far = (middle[0], 0, width, height) if step[0] else (0, middle[1], width, height)
    # the half that moves lies on the far side of its direction
    resting, moving = (near, far) if sum(step) < 0 else (far, near)
    copy_planes(slice_planes(a, *resting), slice_planes(out, *resting))
    copy_planes(slice_planes(b, *moving), slice_planes(out, *moving))
    rising = angle < np.pi / 2
    _darken(slice_planes(out, *(moving if rising else resting)), 1 - 0.5 * np.sin(angle))
    # a half sticks out towards the camera: its light falls as it turns from it
    light = 1 - 0.6 * float(np.sin(angle))
    source, box = (a, moving) if rising else (b, resting)
    corners = _box_corners(out, box)
    turned = _turn(corners, step, angle if rising else angle - np.pi)
    _paint(slice_planes(source, *box), turned, light, out)


def draw_page(a: Planes, b: Planes, t: float, params: Params, out: Planes) -> None:
    """Turn the last picture over like a page, bending as paper does."""
    step = direction_of(params)
    copy_planes(b, out)
    _darken(out, 0.55 + 0.45 * ease(t))
    half = _aspect(out) if step[0] else 1.0
    edges = np.linspace(0, 2 * half, _STRIPS + 1)  # along the page, from its hinge
    along = edges / (2 * half)
    lift = _bend((along[:-1] + along[1:]) / 2, t)
    x = np.concatenate([[0], np.cumsum(np.diff(edges) * np.cos(lift))])
    z = np.concatenate([[0], np.cumsum(np.diff(edges) * np.sin(lift))])
    light = 1 - 0.45 * np.sin(_bend(along, t))
    # what is nearer the hinge lies lower
    for strip in range(_STRIPS):
        _paint_strip(a, step, strip, np.stack([x, z, light]), out)


def _bend(along: Points, t: float) -> Points:
    """Return the page's slope at parts of its length, 0 (flat) .. pi; the free edge goes first."""
    slope: Points = np.pi * (ease(t) * 2.1 - (1 - along) * 1.1).clip(0, 1)
    return slope


def _paint_strip(
    picture: Planes, step: tuple[int, int], strip: int, profile: Points, out: Planes
) -> None:
    """Paint one of the strips of a page as `profile`: way from the hinge, height, light."""
    width, height = picture.size
    length = width if step[0] else height
    near, far = (2 * round(length * n / _STRIPS / 2) for n in (strip, strip + 1))
    if near == far:
        return  # a small frame has fewer pixels than strips
    (x0, x1), (z0, z1), light = profile[:, strip : strip + 2]
    forward = sum(step) < 0  # hinged at the left or the top
    if not forward:
        near, far = length - far, length - near
        x0, x1, z0, z1 = -x1, -x0, z1, z0
        light = light[::-1]
    box = (near, 0, far, height) if step[0] else (0, near, width, far)
    aspect = _aspect(out)
    if step[0]:
        hinge = -aspect if forward else aspect
        left, right = hinge + x0, hinge + x1
        corners = np.array([[left, 1, z0], [right, 1, z1], [right, -1, z1], [left, -1, z0]])
    else:
        hinge = 1 if forward else -1
        top, bottom = hinge - x0, hinge - x1
        corners = np.array(
            [[-aspect, top, z0], [aspect, top, z0], [aspect, bottom, z1], [-aspect, bottom, z1]]
        )
    part = slice_planes(picture, *box)
    tilt = float(np.arctan2(abs(z1 - z0), x1 - x0))
    if tilt > np.pi / 2:  # its back: paper, with the picture showing through
        part = _backside(part)
    _paint(_shade(part, light, step), corners, 1.0, out, _FAR_CAMERA)


def _shade(part: Planes, light: Points, step: tuple[int, int]) -> Planes:
    """Darken from one edge to the other, so that strips do not show."""
    if (light == 1).all():
        return part
    shaded = []
    for plane, floor in zip(part, (BLACK_Y, NEUTRAL, NEUTRAL), strict=True):
        count = plane.shape[1 if step[0] else 0]
        at = (np.arange(count, dtype=np.float32) + 0.5) / count
        ramp = np.interp(at, (0, 1), light).astype(np.float32)
        ramp = ramp[None] if step[0] else ramp[:, None]
        shaded.append(np.rint(floor + (plane - np.float32(floor)) * ramp).astype(np.uint8))
    return as_planes(shaded)


def _backside(part: Planes) -> Planes:
    faded = (
        cv2.addWeighted(p, 0.14, np.full_like(p, v), 0.86, 0)
        for p, v in zip(part, _PAPER, strict=True)
    )
    return as_planes(faded)


def _aspect(planes: Planes) -> float:
    width, height = planes.size
    return width / height


def _card(out: Planes) -> Points:
    """Return the frame's corners in space: clockwise from the top left."""
    aspect = _aspect(out)
    return np.array([[-aspect, 1, 0], [aspect, 1, 0], [aspect, -1, 0], [-aspect, -1, 0]])


def _box_corners(out: Planes, box: tuple[int, int, int, int]) -> Points:
    width, height = out.size
    left, right = ((2 * x / width - 1) * _aspect(out) for x in (box[0], box[2]))
    top, bottom = (1 - 2 * y / height for y in (box[1], box[3]))
    return np.array([[left, top, 0], [right, top, 0], [right, bottom, 0], [left, bottom, 0]])


def _turn(points: Points, step: tuple[int, int], angle: float) -> Points:
    """Turn about the frame's middle axis: what faces the camera goes in its direction."""
    sin, cos = np.sin(angle), np.cos(angle)
    x, y, z = points.T
    if step[0]:
        sin *= step[0]
        return np.stack([x * cos + z * sin, y, z * cos - x * sin], axis=1)
    sin *= -step[1]
    return np.stack([x, y * cos + z * sin, z * cos - y * sin], axis=1)


def _project(points: Points, size: tuple[int, int], camera: float) -> Points:
    """Return where points lie in the frame, in pixels, whose centres are whole numbers."""
    width, height = size
    scale = height / 2 * camera / (camera - points[:, 2])
    x = width / 2 + points[:, 0] * scale - 0.5
    y = height / 2 - points[:, 1] * scale - 0.5
    return np.stack([x, y], axis=1)


def _darken(planes: Planes, light: float) -> None:
    luma, chroma = shade_table(light)
    for plane, table in zip(planes, (luma, chroma, chroma), strict=True):
        cv2.LUT(plane, table, dst=plane)


def _paint(
    picture: Planes, corners: Points, light: float, out: Planes, camera: float = _CAMERA
) -> None:
    """Paint a picture onto a four-cornered card in space, `light` times as bright."""
    if (corners[:, 2] > 0.9 * camera).any():
        return  # beside or behind the camera
    width, height = picture.size
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
    target = _project(corners, out.size, camera)
    luma, chroma = shade_table(light)
    for level, (plane, into, table) in enumerate(
        zip(picture, out, (luma, chroma, chroma), strict=True)
    ):
        if level == 0:
            _paint_plane(plane, source, into, target, table)
        else:
            _paint_plane(plane, (source - 0.5) / 2, into, (target - 0.5) / 2, table)


def _paint_plane(
    plane: NDArray[np.uint8],
    source: Points,
    out: NDArray[np.uint8],
    target: Points,
    table: NDArray[np.uint8],
) -> None:
    height, width = out.shape
    left, top = np.floor(target.min(axis=0)).astype(int).clip(0)
    right, bottom = np.minimum(np.ceil(target.max(axis=0)).astype(int) + 1, (width, height))
    if right <= left or bottom <= top or _area(target) < 1:
        return
    here = target - np.array([left, top])
    matrix = cv2.getPerspectiveTransform(here.astype(np.float32), source.astype(np.float32))
    size = (int(right - left), int(bottom - top))
    warped = cv2.warpPerspective(
        plane,
        matrix,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    warped = cv2.LUT(warped, table)
    mask = np.zeros(warped.shape, np.uint8)
    outline = np.rint(here * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillConvexPoly(mask, outline, 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    part = out[top:bottom, left:right]
    edge = np.nonzero((mask > 0) & (mask < 255))
    weight = mask[edge].astype(np.float32) / 255
    mixed = part[edge] * (1 - weight) + warped[edge] * weight
    cv2.copyTo(warped, mask, part)
    part[edge] = np.rint(mixed).astype(np.uint8)


def _area(corners: Points) -> float:
    return abs(cv2.contourArea(corners.astype(np.float32)))
