"""How one clip turns into the next: a function of two pictures and the time between them."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from serving.errors import BadInput
from serving.video.draw import transitions_2d as flat_moves
from serving.video.draw import transitions_3d as solid_moves
from serving.video.draw.blending import copy_planes, mix, mix_by_mask, slice_planes
from serving.video.draw.yuv import BLACK_Y, RGB_TO_YUV, WHITE_Y, Planes, empty_planes
from serving.video.film import Transition

Params = Mapping[str, float | str]
Draw = Callable[[Planes, Planes, float, Params, Planes], None]

_SOFT_EDGE = 0.06  # of the frame's width: a hard edge would look like a fault


def draw_transition(kind: Transition, a: Planes, b: Planes, t: float, out: Planes) -> None:
    """Write the picture at time `t` of a transition from `a` to `b`.

    Parameters
    ----------
    a, b : of the same even size. Left unchanged.
    t : 0 is `a` alone, 1 is `b` alone
    out : of that size, none of the two

    Raises
    ------
    BadInput
        An unknown kind, or a parameter that it does not understand.
    """
    draw = find_kind(kind.kind)
    if t <= 0 or t >= 1:
        copy_planes(a if t <= 0 else b, out)
    else:
        draw(a, b, t, dict(kind.params), out)


def find_kind(name: str) -> Draw:
    """Return how a kind is drawn; BadInput if there is none of that name."""
    if name not in KINDS:
        raise BadInput(f"no transition '{name}'; there are {', '.join(KINDS)}")
    return KINDS[name]


def transition_time(frame: int, frames: int) -> float:
    """Return the time of a transition's frame, 0..frames - 1: never quite 0 or 1."""
    return (frame + 1) / (frames + 1)


def _cut(a: Planes, b: Planes, t: float, _: Params, out: Planes) -> None:
    copy_planes(a if t < 0.5 else b, out)


def _crossfade(a: Planes, b: Planes, t: float, _: Params, out: Planes) -> None:
    mix(a, b, t, out)


def _dip(a: Planes, b: Planes, t: float, params: Params, out: Planes) -> None:
    """Go to a colour and from there to the next."""
    colour = parse_colour(str(params.get("colour", "#000000")))
    source, share = (a, 2 * t) if t < 0.5 else (b, 2 - 2 * t)
    for plane, value, into in zip(source, colour, out, strict=True):
        cv2.convertScaleAbs(plane, into, alpha=1 - share, beta=value * share)


def parse_colour(text: str) -> tuple[int, int, int]:
    """Return `#rrggbb` as Y, U and V.

    Examples
    --------
    >>> parse_colour("#ffffff")
    (235, 128, 128)
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise BadInput(f"a colour is #rrggbb, not '{text}'")
    rgb = np.frombuffer(bytes.fromhex(text[1:]), np.uint8)
    y, u, v = np.rint(RGB_TO_YUV[:, :3] @ rgb + RGB_TO_YUV[:, 3]).astype(int).tolist()
    return y, u, v


def _luma(a: Planes, b: Planes, t: float, _: Params, out: Planes) -> None:
    """Let the next picture's lights come first, its shadows last."""
    width, height = b.size
    # as smooth in any size: 16 pixels in 1080p, blurred where there are an eighth of them
    less = max(1, max(width, height) // 240)
    size = (max(1, width // less), max(1, height // less))
    tiny = cv2.resize(b.y, size, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(tiny, (0, 0), max(width, height) / less / 120).astype(np.float32)
    light = (smooth - BLACK_Y) / (WHITE_Y - BLACK_Y)
    rank = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    softness = 0.25
    mask = (t * (1 + softness) - (1 - rank)) / softness
    mix_by_mask(a, b, mask.clip(0, 1).astype(np.float32), out)


def _iris(a: Planes, b: Planes, t: float, _: Params, out: Planes) -> None:
    """Open a circle from the middle."""
    width, height = a.size
    x = np.arange(width, dtype=np.float32) - (width - 1) / 2
    y = np.arange(height, dtype=np.float32) - (height - 1) / 2
    radius = np.sqrt(x[None] ** 2 + y[:, None] ** 2)
    soft = _SOFT_EDGE * width
    edge = t * (np.hypot(width, height) / 2 + soft)
    mix_by_mask(a, b, ((edge - radius) / np.float32(soft)).clip(0, 1).astype(np.float32), out)


def _wipe(direction: str) -> Draw:
    """Return a wipe whose edge moves in `direction`."""

    def draw(a: Planes, b: Planes, t: float, _: Params, out: Planes) -> None:
        width, height = a.size
        length = width if direction in ("left", "right") else height
        soft = _SOFT_EDGE * width
        edge = t * (length + soft)
        if direction in ("left", "up"):
            a, b, edge = b, a, length + soft - edge
        # `b` lies before `start`, `a` from `end` on
        start = max(0, int(edge - soft) // 2 * 2)
        end = min(length, -(-int(np.ceil(edge)) // 2) * 2)
        ramp = ((edge - np.arange(start, end, dtype=np.float32)) / soft).clip(0, 1)
        copy_planes(_part(b, direction, 0, start), _part(out, direction, 0, start))
        copy_planes(_part(a, direction, end, length), _part(out, direction, end, length))
        if end > start:
            band = _part(out, direction, start, end)
            shape = band.y.shape
            line = ramp[None] if direction in ("left", "right") else ramp[:, None]
            mask = np.ascontiguousarray(np.broadcast_to(line, shape), np.float32)
            last, new = (_part(planes, direction, start, end) for planes in (a, b))
            mix_by_mask(last, new, mask, band)

    return draw


def _part(planes: Planes, direction: str, start: int, end: int) -> Planes:
    width, height = planes.size
    if direction in ("left", "right"):
        return slice_planes(planes, start, 0, end, height)
    return slice_planes(planes, 0, start, width, end)


KINDS: Mapping[str, Draw] = MappingProxyType(
    {
        "cut": _cut,
        "crossfade": _crossfade,
        "dip": _dip,
        "luma": _luma,
        "iris": _iris,
        "wipe_left": _wipe("left"),
        "wipe_right": _wipe("right"),
        "wipe_up": _wipe("up"),
        "wipe_down": _wipe("down"),
        "slide": flat_moves.draw_slide,
        "push": flat_moves.draw_push,
        "whip": flat_moves.draw_whip,
        "zoom_through": flat_moves.draw_zoom_through,
        "cube": solid_moves.draw_cube,
        "page": solid_moves.draw_page,
        "fold": solid_moves.draw_fold,
        "perspective_push": solid_moves.draw_perspective_push,
    }
)


def make_scratch(size: tuple[int, int]) -> tuple[Planes, Planes]:
    """Return room for the two pictures between which a transition lies."""
    return empty_planes(*size), empty_planes(*size)
