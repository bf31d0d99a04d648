"""Brings a photo into a model's frame with its own proportions, and positions back out of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image, check_rgb
from serving.image.squeeze import to_pixels

Place = Literal["centred", "top-left", "squeezed"]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Placement:
    """Where in a frame a photo lies.

    Attributes
    ----------
    frame : (height, width) of the model's input
    photo : (height, width) of the photo
    inner : (height, width) of the photo within the frame
    corner : (top, left) of the photo within the frame
    """

    frame: tuple[int, int]
    photo: tuple[int, int]
    inner: tuple[int, int]
    corner: tuple[int, int]

    def fill(self, image: Image, pad: int) -> Image:
        """Return the frame with the photo in it, uint8 (height, width, 3).

        Parameters
        ----------
        image : of the photo, at any size
        pad : what the rest of the frame is filled with, 0..255
        """
        check_rgb(image)
        inner = to_pixels(image, *self.inner)
        if self.inner == self.frame:
            return inner
        framed = np.full((*self.frame, 3), pad, np.uint8)
        (top, left), (height, width) = self.corner, self.inner
        framed[top : top + height, left : left + width] = inner
        return framed

    def to_photo(self, corners: Floats) -> Floats:
        """Return boxes (n, 4), left, top, right, bottom, of the frame in pixels of the photo.

        Nothing lies outside of the photo afterwards; what lay beside it has no area.
        """
        scale, shift, most = self._axes()
        found: Floats = ((corners - shift) * scale).clip(0, most)
        return found

    def to_frame(self, corners: Floats) -> Floats:
        """Return boxes (n, 4) of the photo in pixels of the frame."""
        scale, shift, _ = self._axes()
        found: Floats = corners / scale + shift
        return found

    def _axes(self) -> tuple[Floats, Floats, Floats]:
        """Return scale, shift and end of x, y, x and y. Sides are rounded: each has its scale."""
        sizes = zip(self.photo, self.inner, strict=True)
        y_scale, x_scale = (photo / inner for photo, inner in sizes)
        (top, left), (height, width) = self.corner, self.photo
        rows = ((x_scale, y_scale), (left, top), (width, height))
        scale, shift, most = (np.array(row * 2, np.float32) for row in rows)
        return scale, shift, most


def place(photo: tuple[int, int], frame: tuple[int, int], how: Place) -> Placement:
    """Fit a photo into a frame as large as it goes.

    Parameters
    ----------
    photo, frame : (height, width)
    how : `squeezed` gives up the proportions and leaves nothing of the frame empty

    Examples
    --------
    >>> place((1200, 1600), (416, 416), "centred")
    Placement(frame=(416, 416), photo=(1200, 1600), inner=(312, 416), corner=(52, 0))
    >>> place((10, 1000), (416, 416), "top-left").inner
    (4, 416)
    """
    if how == "squeezed":
        return Placement(frame, photo, frame, (0, 0))
    scale = min(frame[0] / photo[0], frame[1] / photo[1])
    height, width = (
        min(most, max(1, round(side * scale))) for side, most in zip(photo, frame, strict=True)
    )
    spare = (frame[0] - height, frame[1] - width)
    corner = (0, 0) if how == "top-left" else (spare[0] // 2, spare[1] // 2)
    return Placement(frame, photo, (height, width), corner)
