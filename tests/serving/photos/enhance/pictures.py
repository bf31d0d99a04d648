"""Rooms drawn in the test, and what a camera does to them."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def room(width: int = 960, height: int = 720, seed: int = 0) -> Image:
    """Return a wall with frames, a bright window, a floor and some texture."""
    rng = np.random.default_rng(seed)
    large = np.zeros((2 * height, 2 * width, 3), np.uint8)
    large[:] = (226, 222, 214)
    large[int(1.5 * height) :] = (150, 118, 88)
    for n, left in enumerate((0.08, 0.25, 0.44, 0.63, 0.82)):
        x, y = int(left * 2 * width), int(0.25 * height)
        colour = tuple(int(c) for c in rng.integers(40, 200, 3))
        cv2.rectangle(large, (x, y), (x + width // 5, int(1.3 * height)), colour, -1)
        if n == 2:
            cv2.rectangle(large, (x, y), (x + width // 5, height), (252, 252, 252), -1)
    small = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    grain = cv2.GaussianBlur(rng.normal(0, 12, (height, width, 1)), (0, 0), 3)[..., None]
    return np.asarray(np.clip(np.rint(small + grain), 0, 255), np.uint8)


def lean(photo: Image, degrees: float, converge: float = 0.0) -> Image:
    """Return the photo as a camera sees it that was rolled, without empty corners."""
    height, width = photo.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inset = np.array([[converge, 0], [-converge, 0], [0, 0], [0, 0]], np.float32) * width
    bend = cv2.getPerspectiveTransform(corners, corners + inset)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.14 + converge)
    turned = np.vstack([turn, [0, 0, 1]]) @ bend
    done = cv2.warpPerspective(photo, turned, (width, height), flags=cv2.INTER_CUBIC)
    return np.asarray(done, np.uint8)


def psnr(one: Image, other: Image) -> float:
    """Return how alike two photos are, in dB."""
    return float(10 * np.log10(255**2 / np.square(one.astype(float) - other).mean()))


def relit(photo: Image, stops: float, red: float = 0.0, blue: float = 0.0) -> Image:
    """Return the photo with less light, and with a cast."""
    coded = photo / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    light = np.clip(light * 2.0**-stops * np.exp([red, 0, blue]), 0, 1)
    made = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * made), np.uint8)
