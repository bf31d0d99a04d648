"""Tells whoever looks at a picture that it was staged."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from serving.image import Image
from serving.requests.staging import Label

_STRIP_SHARE, _TEXT_SHARE = 0.045, 0.55  # of the picture's shorter side; of the strip
_LEAST_STRIP_PX = 22
_PAPER, _INK = (32, 36, 42), (255, 255, 255)
_PANEL_OPACITY = 0.62


def add_label(picture: Image, label: Label, text: str) -> tuple[Image, NDArray[np.bool_]]:
    """Return the picture with a label, and which of its own pixels the label covers.

    Parameters
    ----------
    picture : uint8 RGB (height, width, 3); left as it is
    label : `caption` adds a strip below, `on_image` writes into the lower left corner

    Returns
    -------
    uint8 (height or more, width, 3), bool (height, width)
    """
    covered = np.zeros(picture.shape[:2], bool)
    if label == "none":
        return picture, covered
    panel = _panel(picture.shape[:2], text, whole=label == "caption")
    if label == "caption":
        return np.concatenate([picture, panel]), covered
    made, (rows, columns) = picture.copy(), panel.shape[:2]
    edge = max(2, rows // 2)
    place = np.s_[-rows - edge : -edge, edge : edge + columns]
    under = made[place]
    lettered = panel.max(axis=2, keepdims=True) / 255.0
    opacity = np.maximum(_PANEL_OPACITY, lettered)
    made[place] = np.rint(under * (1 - opacity) + panel * opacity).astype(np.uint8)
    covered[place] = True
    return made, covered


def _panel(size: tuple[int, ...], text: str, whole: bool) -> Image:
    """Return the text on a dark ground, as wide as the picture or as the text."""
    height = max(_LEAST_STRIP_PX, round(min(size) * _STRIP_SHARE))
    font = ImageFont.load_default(round(height * _TEXT_SHARE))
    left, top, right, bottom = font.getbbox(text)
    most = size[1] if whole else size[1] - 2 * max(2, height // 2)
    if right - left > most - height:  # a long text on a narrow picture
        font = ImageFont.load_default(
            max(6, round(height * _TEXT_SHARE * (most - height) / (right - left)))
        )
        left, top, right, bottom = font.getbbox(text)
    width = size[1] if whole else min(most, round(right - left) + height)
    panel = Pillow.new("RGB", (width, height), _PAPER)
    at = height / 2 - left if whole else (width - right + left) / 2 - left
    ImageDraw.Draw(panel).text((at, (height - bottom - top) / 2), text, _INK, font)
    return np.asarray(panel)
