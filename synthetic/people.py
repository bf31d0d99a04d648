"""Draws people and cars with true places of faces and number plates; nobody and no car is real."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Rgba = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Colour = tuple[float, float, float]

_SKINS: tuple[Colour, ...] = ((236, 188, 160), (198, 140, 106), (141, 85, 54), (250, 215, 190))
_LETTERS = tuple("ABCDEFGHKLMNPRSTUVXYZ0123456789")
_HEADS = 7.0  # heights of a head in that of a person


@dataclass(frozen=True)
class Drawn:
    """Something that is drawn.

    Attributes
    ----------
    picture : uint8 (height, width, 4), RGBA
    truth : of its face or its number plate: left, top, right, bottom in pixels of the picture
    """

    picture: Rgba
    truth: Box


def draw_person(rng: np.random.Generator, height: int) -> Drawn:
    """Return a person who stands and looks at the camera, half as wide as high."""
    side = 2 * height  # drawn twice as large: edges are soft then
    drawn = np.zeros((side, height, 4), np.uint8)
    skin = np.array(_SKINS[int(rng.integers(len(_SKINS)))])
    hair, clothes = rng.integers(10, 90, 3), rng.integers(20, 230, 3)
    head = side / _HEADS / 2
    x, y = height / 2, 1.25 * head
    _ellipse(drawn, (x, 0.62 * side), (1.9 * head, 0.42 * side), clothes)
    _ellipse(drawn, (x, y + head), (0.4 * head, 0.7 * head), 0.85 * skin)
    _ellipse(drawn, (x, y - 0.15 * head), (0.86 * head, 1.08 * head), hair)
    _ellipse(drawn, (x, y + 0.08 * head), (0.72 * head, 0.98 * head), skin)
    for eye in (x - 0.3 * head, x + 0.3 * head):
        _ellipse(drawn, (eye, y - 0.05 * head), (0.2 * head, 0.13 * head), 0.72 * skin)
        _ellipse(drawn, (eye, y - 0.05 * head), (0.14 * head, 0.07 * head), np.full(3, 235))
        _ellipse(drawn, (eye, y - 0.05 * head), (0.07 * head, 0.07 * head), np.full(3, 32))
        _ellipse(drawn, (eye, y - 0.25 * head), (0.2 * head, 0.05 * head), 0.7 * hair)
    _ellipse(drawn, (x, y + 0.32 * head), (0.11 * head, 0.09 * head), 0.75 * skin)
    _ellipse(drawn, (x, y + 0.2 * head), (0.05 * head, 0.2 * head), 1.08 * skin)
    _ellipse(drawn, (x, y + 0.6 * head), (0.26 * head, 0.08 * head), np.array([150, 60, 60]))
    soft = cv2.GaussianBlur(drawn, (0, 0), 0.06 * head)
    small = cv2.resize(soft, (height // 2, height), interpolation=cv2.INTER_AREA)
    x, y, head = x / 2, y / 2, head / 2
    truth = (x - 0.72 * head, y - 0.9 * head, x + 0.72 * head, y + 1.06 * head)
    return Drawn(np.asarray(small, np.uint8), truth)


def draw_car(rng: np.random.Generator, width: int) -> Drawn:
    """Return the back of a car with a plate, long as in Europe or high as in America."""
    height = round(0.62 * width)
    drawn = np.full((height, width, 4), 255, np.uint8)
    drawn[..., :3] = rng.integers(30, 220, 3)
    drawn[: round(0.35 * height), :, :3] = 60
    for left in (0.04, 0.82):
        corner = round(left * width), round(0.45 * height)
        end = round((left + 0.14) * width), round(0.6 * height)
        cv2.rectangle(drawn, corner, end, (200.0, 40.0, 40.0, 255.0), -1)
    wide = width * rng.uniform(0.16, 0.3)
    plate = _draw_plate(rng, wide, wide / (4.7 if rng.random() < 0.5 else 2.0))
    left, top = round(width / 2 - wide / 2), round(0.72 * height)
    right, bottom = left + plate.shape[1], top + plate.shape[0]
    drawn[top:bottom, left:right, :3] = plate
    return Drawn(drawn, (float(left), float(top), float(right), float(bottom)))


def paste(photo: NDArray[np.uint8], drawn: Drawn, left: int, top: int) -> Box:
    """Draw something into a photo, in place; return where its face or plate is then."""
    height, width = drawn.picture.shape[:2]
    part = photo[top : top + height, left : left + width]
    alpha = drawn.picture[..., 3:] / np.float32(255)
    part[:] = np.rint(part * (1 - alpha) + drawn.picture[..., :3] * alpha).astype(np.uint8)
    a, b, c, d = drawn.truth
    return a + left, b + top, c + left, d + top


def _draw_plate(rng: np.random.Generator, width: float, height: float) -> NDArray[np.uint8]:
    """Return a plate with seven letters, drawn large and made small."""
    ground = (250, 250, 250) if rng.random() < 0.6 else (250, 210, 60)
    large = np.full((round(6 * height), round(6 * width), 3), ground, np.uint8)
    text = "".join(rng.choice(_LETTERS, 7))
    font = cv2.FONT_HERSHEY_DUPLEX
    (wide, high), _ = cv2.getTextSize(text, font, 1, 2)
    scale = min(0.85 * large.shape[1] / wide, 0.7 * large.shape[0] / high)
    thick = max(3, round(3 * scale))
    (wide, high), _ = cv2.getTextSize(text, font, scale, thick)
    place = (large.shape[1] - wide) // 2, (large.shape[0] + high) // 2
    cv2.putText(large, text, place, font, scale, (20.0, 20.0, 60.0), thick, cv2.LINE_AA)
    size = max(8, round(width)), max(4, round(height))
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.uint8)


def _ellipse(
    drawn: Rgba, middle: tuple[float, float], half: tuple[float, float], colour: np.ndarray
) -> None:
    red, green, blue = (float(value) for value in np.clip(colour, 0, 255))
    at, axes = (
        (round(middle[0]), round(middle[1])),
        (max(1, round(half[0])), max(1, round(half[1]))),
    )
    cv2.ellipse(drawn, at, axes, 0, 0, 360, (red, green, blue, 255.0), -1, cv2.LINE_AA)
