"""Tells whoever looks at a picture that it was staged."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.requests.staging import Label

_STRIP_SHARE, _TEXT_SHARE = 0.045, 0.55  # of the picture's shorter side; of the strip
_LEAST_STRIP_PX = 22
_PAPER, _INK = (32, 36, 42), (255, 255, 255)
_PANEL_OPACITY = 0.62

# draws the label's text: px of an em, and px that it may be wide, to RGBA that is as wide or less
Write = Callable[[float, int], NDArray[np.uint8]]


def add_label(picture: Image, label: Label, write: Write) -> tuple[Image, NDArray[np.bool_]]:
    """Return the picture with a label, and which of its own pixels the label covers.

    Parameters
    ----------
    picture : uint8 RGB (height, width, 3); left as it is
    label : `caption` adds a strip below, `on_image` writes into the lower left corner
    write : draws the text; where it needs several lines, the label is as high as they are

    Returns
    -------
    uint8 (height or more, width, 3), bool (height, width)
    """
    covered = np.zeros(picture.shape[:2], bool)
    if label == "none":
        return picture, covered
    panel, lettered = _panel(picture.shape[:2], write, whole=label == "caption")
    if label == "caption":
        return np.concatenate([picture, panel]), covered
    made, (rows, columns) = picture.copy(), panel.shape[:2]
    edge = max(2, min(rows // 2, picture.shape[0] - rows))
    place = np.s_[-rows - edge : -edge, edge : edge + columns]
    under = made[place]
    opacity = np.maximum(_PANEL_OPACITY, lettered)
    made[place] = np.rint(under * (1 - opacity) + panel * opacity).astype(np.uint8)
    covered[place] = True
    return made, covered


def _panel(size: tuple[int, ...], write: Write, whole: bool) -> tuple[Image, NDArray[np.float64]]:
    """Return the text on a dark ground, as wide as the picture or as the text, and its letters.

    Returns
    -------
    uint8 RGB (rows, columns, 3), float64 (rows, columns, 1), how much of each pixel is letter
    """
    strip = max(_LEAST_STRIP_PX, round(min(size) * _STRIP_SHARE))
    most = size[1] if whole else size[1] - 2 * max(2, strip // 2)
    letters = write(strip * _TEXT_SHARE, max(1, most - strip))
    rows, columns = letters.shape[:2]
    height = max(strip, rows + strip // 3)
    width = size[1] if whole else columns + strip
    lettered = np.zeros((height, width, 1))
    top, left = (height - rows) // 2, min(strip // 2, width - columns)
    lettered[top : top + rows, left : left + columns] = letters[..., 3:] / 255.0
    panel = np.array(_PAPER) * (1 - lettered) + np.array(_INK) * lettered
    return np.rint(panel).astype(np.uint8), lettered
