"""Transitions in which pictures move within the frame's plane."""

from collections.abc import Mapping

import cv2
import numpy as np

from serving.errors import BadInput
from serving.video.draw.blending import copy_planes, mix, slice_planes
from serving.video.draw.yuv import Planes, empty_planes

Params = Mapping[str, float | str]

_STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def direction_of(params: Params) -> tuple[int, int]:
    """Return where things move to, as steps right and down; `left` unless told."""
    name = str(params.get("direction", "left"))
    if name not in _STEPS:
        raise BadInput(f"a direction is one of {', '.join(_STEPS)}, not '{name}'")
    return _STEPS[name]


def ease(t: float) -> float:
    """Return a start and an end without a jerk (smootherstep: K. Perlin, 2002)."""
    return t * t * t * (t * (6 * t - 15) + 10)


def draw_slide(a: Planes, b: Planes, t: float, params: Params, out: Planes) -> None:
    """Slide the next picture over the last, which darkens a little under it."""
    step = direction_of(params)
    _dim(a, 0.35 * ease(t), out)
    _place(b, step, 1 - ease(t), out)


def draw_push(a: Planes, b: Planes, t: float, params: Params, out: Planes) -> None:
    """Let the next picture push the last out of the frame."""
    step = direction_of(params)
    _place(a, step, -ease(t), out)
    _place(b, step, 1 - ease(t), out)


def draw_whip(a: Planes, b: Planes, t: float, params: Params, out: Planes) -> None:
    """Tear the camera round: a push, blurred along its way."""
    step = direction_of(params)
    draw_push(a, b, t, params, out)
    speed = (ease(min(1, t + 0.02)) - ease(max(0, t - 0.02))) / 0.04
    for plane in out:
        length = plane.shape[1] if step[0] else plane.shape[0]
        reach = int(speed * length * 0.06) | 1  # shutter open for about 6 % of the time
        if reach > 1:
            size = (reach, 1) if step[0] else (1, reach)
            cv2.blur(plane, size, dst=plane, borderType=cv2.BORDER_REFLECT_101)


def draw_zoom_through(a: Planes, b: Planes, t: float, _: Params, out: Planes) -> None:
    """Fly through the last picture and land in the next."""
    go = ease(t)
    near, far = empty_planes(*out.size), empty_planes(*out.size)
    _zoom(a, 1 + 1.2 * go * go, near)
    _zoom(b, 0.8 + 0.2 * go, far)
    mix(near, far, float(np.clip((t - 0.3) / 0.4, 0, 1)), out)


def _zoom(source: Planes, factor: float, out: Planes) -> None:
    """Scale about the middle; what is missing at the edges is mirrored."""
    for plane, into in zip(source, out, strict=True):
        height, width = plane.shape
        k = 1 / factor
        matrix = np.array([[k, 0, (1 - k) * (width - 1) / 2], [0, k, (1 - k) * (height - 1) / 2]])
        cv2.warpAffine(
            plane,
            matrix,
            (width, height),
            dst=into,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )


def _dim(source: Planes, amount: float, out: Planes) -> None:
    for plane, black, into in zip(source, (16, 128, 128), out, strict=True):
        cv2.convertScaleAbs(plane, into, alpha=1 - amount, beta=black * amount)


def _place(source: Planes, step: tuple[int, int], way: float, out: Planes) -> None:
    """Write `source` as if it still had `way` (of the frame, against `step`) to go."""
    width, height = out.size
    x, y = (-2 * round(s * way * n / 2) for s, n in zip(step, (width, height), strict=True))
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, width + x), min(height, height + y)
    if right > left and bottom > top:
        part = slice_planes(source, left - x, top - y, right - x, bottom - y)
        copy_planes(part, slice_planes(out, left, top, right, bottom))
