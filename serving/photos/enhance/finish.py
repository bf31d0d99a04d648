"""Tones that a network proposes for a photo: the task `photo-finisher`, and how they are applied.

A curve for each channel, the same all over the photo: light, contrast and colour can change, what
the photo shows cannot.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.card import BATCH, ArraySpec, Curves, ModelCard
from serving.encoded import Encoded
from serving.image import Image, PhotoFile
from serving.perception.pixels import squeeze_photo
from serving.photos.enhance.strips import by_strips, small_copy
from serving.task import Inputs, Outputs, Size, check_arrays, embedding_spec

Tones = NDArray[np.float32]
_LEVELS = 256
_LEAST_CHANGE = 1.5  # levels in the mean, of 255: nobody sees less
_OVERVIEW_SIDE = 200


@dataclass(frozen=True)
class FinishAnswer:
    """What a photo's levels should become.

    Attributes
    ----------
    curves : float32 (points, 3), coded levels 0..1 that equally spaced ones from 0 to 1 become, of
        red, green and blue; they never fall
    """

    curves: Encoded


class Finisher:
    """The task: the whole photo, squeezed to a square; curves that make it look as it should."""

    name = "photo-finisher"
    answer = TypeAdapter(FinishAnswer)

    def prepare(self, source: PhotoFile, card: ModelCard) -> Inputs:
        """Return `pixels`, uint8 (height, width, 3) of the card's size."""
        return squeeze_photo(source, card)

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> FinishAnswer:
        """Read `curves`, float32 (points, 3)."""
        del card, size
        rising = np.maximum.accumulate(outputs["curves"].clip(0, 1), axis=0)
        return FinishAnswer(Encoded.of_map(rising.astype(np.float32)))

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge the shape of the curves, and that they are finite."""
        shape = (BATCH, card.output_as(Curves).points, 3)
        found = ArraySpec(name="curves", dtype="float32", shape=shape)
        check_arrays(outputs, (found, *embedding_spec(card)), self.name)


FINISHER = Finisher()


def finish(photo: Image, curves: Tones, strength: float = 1.0) -> Image:
    """Return a photo whose levels follow curves; the very one where that would not be seen.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3); not changed
    curves : (points, 3), as `FinishAnswer` has them
    strength : 0..1 of the way from the photo to what the curves say
    """
    coded = np.arange(_LEVELS) / (_LEVELS - 1)
    at = np.linspace(0, 1, len(curves))
    wanted = np.stack([np.interp(coded, at, curves[:, c]) for c in range(3)], axis=1)
    made = coded[:, None] + strength * (wanted - coded[:, None])
    table = np.rint((_LEVELS - 1) * made.clip(0, 1)).astype(np.uint8)[None]
    small = small_copy(photo, _OVERVIEW_SIDE)
    if np.abs(cv2.LUT(small, table).astype(np.int16) - small).mean() < _LEAST_CHANGE:
        return photo
    return by_strips(photo, lambda rows, _: np.asarray(cv2.LUT(rows, table), np.uint8))
