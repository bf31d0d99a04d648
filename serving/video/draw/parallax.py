"""What a clip films: a photo, or a photo in layers that move apart as the camera does."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.video.draw.camera import Windows, draw_view, to_chroma, view_matrix
from serving.video.draw.crop import PreparedPhoto, add_rim, crop_like, cut_part, prepare_photo
from serving.video.draw.depth import blur_by_depth, fill_behind, split_depth
from serving.video.draw.resample import SAMPLING
from serving.video.draw.yuv import Planes, empty_planes
from serving.video.film import Clip

Grade = Callable[[Image], Image]
Alpha = NDArray[np.float32]

LAYERS = 3


@dataclass(frozen=True)
class Layer:
    """What lies in front: its nearness 0..1, its pixels, and its alpha at their resolution."""

    nearness: float
    prepared: PreparedPhoto
    alpha: Alpha


@dataclass(frozen=True)
class Scene:
    """The farthest layer, those before it from far to near, and how far they move apart."""

    back: PreparedPhoto
    front: tuple[Layer, ...] = ()
    parallax: float = 0.0


def prepare_scene(
    image: Image,
    windows: Windows,
    clip: Clip,
    frame: tuple[int, int],
    extras: tuple[Grade | None, NDArray[np.uint8] | None],
) -> Scene:
    """Make a clip's photo ready, once.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
        Upright RGB. Left unchanged.
    windows : where the camera looks in each frame
    clip : what to do with the depth
    frame : width and height of the film
    extras : a grade of colours, and a depth picture (uint8, near is bright) of the same scene of
        any size; without it there is neither parallax nor blur
    """
    grade, depth = extras
    part, region = cut_part(image, windows, frame)
    part = np.ascontiguousarray(part) if grade is None else grade(np.ascontiguousarray(part))
    if depth is None or not (clip.parallax or clip.focus_blur):
        return Scene(prepare_photo(part, region))
    near = crop_like(depth, region, (part.shape[1], part.shape[0]))
    if clip.focus_blur:
        radius = clip.focus_blur * part.shape[1]
        part = blur_by_depth(part, near, _focus(near), radius)
    if not clip.parallax:
        return Scene(prepare_photo(part, region))
    layers = split_depth(near, LAYERS)
    hidden = layers[0][1] if layers else np.zeros(near.shape, np.float32)
    back = prepare_photo(fill_behind(part, hidden), region)
    front = []
    for number, (nearness, alpha) in enumerate(layers):
        before = layers[number + 1][1] if number + 1 < len(layers) else None
        pixels = part if before is None else fill_behind(part, before)
        front.append(Layer(nearness, prepare_photo(pixels, region), add_rim(alpha)))
    return Scene(back, tuple(front), clip.parallax)


def _focus(depth: NDArray[np.uint8]) -> float:
    """Return the depth in the middle of the picture."""
    height, width = depth.shape
    return float(
        np.median(depth[height // 3 : -(-2 * height // 3), width // 3 : -(-2 * width // 3)])
    )


def draw_scene(scene: Scene, windows: Windows, number: int, out: Planes) -> None:
    """Fill `out` with frame `number` of a clip."""
    draw_view(scene.back, windows[number], out)
    for layer in scene.front:
        amount = scene.parallax * layer.nearness
        _lay_layer(layer, shift_window(windows, number, amount), out)


def shift_window(windows: Windows, number: int, amount: float) -> NDArray[np.float64]:
    """Return the window through which a nearer layer is seen: it has moved further than the rest.

    It goes along with the camera's pan, or with its zoom where it does not pan; in the middle of
    the clip all layers lie as in the photo.
    """
    window: NDArray[np.float64] = windows[number].copy()
    centre = windows[:, :2] + windows[:, 2:] / 2
    way = centre[-1] - centre[0]
    done = number / max(1, len(windows) - 1) - 0.5
    length = float(np.hypot(*(way / windows[:, 2:].max(axis=0))))
    zoom = float(np.log(windows[-1, 2] / windows[0, 2]))
    if length >= abs(zoom):
        if length > 0:
            window[:2] += amount * done * way / length
    else:
        smaller = 1 + amount * done * np.sign(zoom)
        window[:2] += window[2:] * (1 - smaller) / 2
        window[2:] *= smaller
    return window


def _lay_layer(layer: Layer, window: NDArray[np.float64], out: Planes) -> None:
    seen = empty_planes(*out.size)
    draw_view(layer.prepared, window, seen)
    # the alpha has the resolution of the chroma
    luma = view_matrix(layer.prepared, window, out.size)
    full = np.array(
        [[luma[0, 0] / 2, 0, (luma[0, 2] - 0.5) / 2], [0, luma[1, 1] / 2, (luma[1, 2] - 0.5) / 2]]
    )
    half = to_chroma(luma)
    shapes = (out.y.shape, out.u.shape, out.v.shape)
    for plane, into, shape in zip(seen, out, shapes, strict=True):
        matrix = full if shape == out.y.shape else half
        alpha = cv2.warpAffine(
            layer.alpha, matrix, shape[::-1], flags=SAMPLING, borderMode=cv2.BORDER_REPLICATE
        )
        cv2.blendLinear(plane, into, alpha, 1 - alpha, dst=into)
