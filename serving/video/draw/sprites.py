"""Pictures with transparency, made ready once and laid on frames: logos, titles, lower thirds."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadImage, BadInput
from serving.video.draw.blending import slice_planes
from serving.video.draw.yuv import RGB_TO_YUV, Plane, Planes, as_planes
from serving.video.film import Overlay

Rgba = NDArray[np.uint8]
Size = tuple[int, int]

_ACROSS = {"left": 0.0, "right": 1.0}
_DOWN = {"top": 0.0, "bottom": 1.0}
_MIDDLE = ("centre", "center")


@dataclass(frozen=True)
class Sprite:
    """A picture at the size it has in the film.

    Parameters
    ----------
    colour : planes of an even size, already multiplied by the alpha
    rest : planes of what shows through, 255 where nothing lies
    """

    colour: Planes
    rest: Planes

    @property
    def size(self) -> Size:
        """Width and height in luma pixels."""
        return self.colour.size


def make_sprite(picture: Rgba, width: int, opacity: float = 1.0) -> Sprite:
    """Scale an RGBA picture to `width` pixels and make it ready to be laid on frames.

    Parameters
    ----------
    picture : uint8, shape (height, width, 4)
        RGB not multiplied by alpha. Left unchanged.
    opacity : 0..1, multiplies the alpha

    Raises
    ------
    BadImage
        Another dtype or shape.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 4 or not picture.size:
        raise BadImage(f"expected uint8 RGBA, got {picture.dtype} of shape {picture.shape}")
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    alpha = picture[..., 3:].astype(np.float32) / 255
    # multiplied first: what is invisible must not bleed into the edges when scaled
    light = np.concatenate([picture[..., :3].astype(np.float32) * alpha, alpha], axis=2)
    if (width, height) != (picture.shape[1], picture.shape[0]):
        how = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_LINEAR
        light = cv2.resize(light, (width, height), interpolation=how)
    light = cv2.copyMakeBorder(light, 0, height % 2, 0, width % 2, cv2.BORDER_CONSTANT)
    return _planes_of(light * np.float32(opacity))


def _planes_of(light: NDArray[np.float32]) -> Sprite:
    """Turn premultiplied RGBA, RGB 0..255 and alpha 0..1, into planes."""
    half = (light.shape[1] // 2, light.shape[0] // 2)
    matrix = RGB_TO_YUV.astype(np.float32)
    yuv = light[..., :3] @ matrix[:, :3].T + light[..., 3:] * matrix[:, 3]
    small = cv2.resize(yuv[..., 1:], half, interpolation=cv2.INTER_AREA).reshape(*half[::-1], 2)
    alpha = np.ascontiguousarray(light[..., 3])
    alpha_small = cv2.resize(alpha, half, interpolation=cv2.INTER_AREA)
    rest, rest_small = _bytes((1 - alpha) * 255), _bytes((1 - alpha_small) * 255)
    colour = Planes(_bytes(yuv[..., 0]), _bytes(small[..., 0]), _bytes(small[..., 1]))
    return Sprite(colour, Planes(rest, rest_small, rest_small))


def _bytes(values: NDArray[Any]) -> Plane:
    return np.asarray(np.rint(values).clip(0, 255), np.uint8)


def fade_sprite(sprite: Sprite, opacity: float) -> Sprite:
    """Return a fainter copy; opacity 0..1."""
    colour = (cv2.convertScaleAbs(plane, alpha=opacity) for plane in sprite.colour)
    clear = 255 * (1 - opacity)
    rest = (cv2.convertScaleAbs(plane, alpha=opacity, beta=clear) for plane in sprite.rest)
    return Sprite(as_planes(colour), as_planes(rest))


def lay_sprite(sprite: Sprite, left: int, top: int, out: Planes) -> None:
    """Lay a sprite on `out`, its corner at an even place; what lies outside is cut off."""
    width, height = sprite.size
    right, bottom = min(out.size[0], left + width), min(out.size[1], top + height)
    x, y = max(0, left), max(0, top)
    if right <= x or bottom <= y:
        return
    part = slice_planes(out, x, y, right, bottom)
    box = (x - left, y - top, right - left, bottom - top)
    over, through = slice_planes(sprite.colour, *box), slice_planes(sprite.rest, *box)
    for plane, rest, colour in zip(part, through, over, strict=True):
        cv2.multiply(plane, rest, dst=plane, scale=1 / 255)
        cv2.add(plane, colour, dst=plane)


def shift_sprite(sprite: Sprite, x: float, y: float) -> Sprite:
    """Return the sprite moved by 0..2 px right and down, in a frame of its own 4 px larger."""
    levels = (1, 2, 2)
    colour = (_shift(p, x / n, y / n, 0) for n, p in zip(levels, sprite.colour, strict=True))
    rest = (_shift(p, x / n, y / n, 255) for n, p in zip(levels, sprite.rest, strict=True))
    return Sprite(_pad_even(as_planes(colour)), _pad_even(as_planes(rest)))


def _shift(plane: Plane, x: float, y: float, border: int) -> Plane:
    size = (plane.shape[1] + 2, plane.shape[0] + 2)
    matrix = np.array([[1, 0, x], [0, 1, y]])
    moved: NDArray[Any] = cv2.warpAffine(
        plane,
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=border,
    )
    return moved


def _pad_even(planes: Planes) -> Planes:
    """Cut chroma to half of luma, both of which grew by 2 px."""
    height, width = planes.y.shape
    half = (slice(0, height // 2), slice(0, width // 2))
    return Planes(planes.y, planes.u[half], planes.v[half])


def anchor_of(name: str) -> tuple[float, float]:
    """Return where in a picture an anchor lies, 0..1 from its left and top.

    Examples
    --------
    >>> anchor_of("bottom-right"), anchor_of("top"), anchor_of("centre")
    ((1.0, 1.0), (0.5, 0.0), (0.5, 0.5))
    """
    x, y = 0.5, 0.5
    for word in name.split("-"):
        if word not in (*_ACROSS, *_DOWN, *_MIDDLE):
            raise BadInput(f"no anchor '{name}': centre, or top, bottom, left, right joined by -")
        x, y = _ACROSS.get(word, x), _DOWN.get(word, y)
    return x, y


def corner_of(overlay: Overlay, sprite: Size, frame: Size) -> tuple[float, float]:
    """Return where a sprite's left top corner lies, in pixels; of a pinned one, from its spot."""
    x, y = anchor_of(overlay.anchor)
    return overlay.x * frame[0] - x * sprite[0], overlay.y * frame[1] - y * sprite[1]


def opacity_at(overlay: Overlay, frame: int) -> float:
    """Return how much of an overlay is seen in a frame of the film, 0..1, its own opacity aside.

    Examples
    --------
    >>> line = Overlay("line", 10, 8, 0, 0, "centre", 0.5, fade_in=3)
    >>> [opacity_at(line, frame) for frame in (9, 10, 11, 12, 13, 17, 18)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 0.0]
    """
    since, left = frame - overlay.start, overlay.start + overlay.frames - 1 - frame
    if since < 0 or left < 0:
        return 0.0
    rise = min(1.0, (since + 1) / (overlay.fade_in + 1))
    fall = min(1.0, (left + 1) / (overlay.fade_out + 1))
    return rise * fall
