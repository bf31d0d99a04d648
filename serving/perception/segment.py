"""What every pixel of a photo shows: the task `segmenter`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.card import BATCH, ArraySpec, Map, ModelCard, PhotoInput
from serving.encoded import Encoded
from serving.errors import ModelUnavailable
from serving.image import PhotoFile
from serving.perception.classes import CLASSES
from serving.perception.pixels import squeeze_photo
from serving.task import Inputs, Outputs, Size, check_arrays, embedding_spec

Ids = NDArray[np.uint8]
STRIDE = 4  # pixels of the input along a side of what one logit stands for
_DIGITS = 4


@dataclass(frozen=True)
class SegmentAnswer:
    """What every pixel of a photo shows.

    Attributes
    ----------
    classes : of each id of the map, in order
    map : ids, uint8, of the whole photo squeezed to the model's rectangle;
        `serving.perception.refine.refine_mask` brings it to the photo's own size and edges
    shares : of the photo's area that each class covers, 0..1, the largest first; none are missing
    size : of the photo, (height, width), that the map stands for
    """

    classes: tuple[str, ...]
    map: Encoded
    shares: dict[str, float]
    size: tuple[int, ...]


def shares_of(ids: Ids, classes: tuple[str, ...]) -> dict[str, float]:
    """Return the share of pixels of every class that is there, the largest first.

    Examples
    --------
    >>> shares_of(np.array([[1, 1], [1, 0]], np.uint8), ("other", "wall", "floor"))
    {'wall': 0.75, 'other': 0.25}
    """
    counts = np.bincount(ids.ravel(), minlength=len(classes))
    order = np.argsort(-counts, kind="stable")
    return {classes[n]: round(float(counts[n] / ids.size), _DIGITS) for n in order if counts[n]}


class Segmenter:
    """The task: the whole photo, squeezed to a rectangle; an id for each of its pixels.

    Squeezed, not fitted into a frame: measured on annotated interiors with the network that
    teaches, both are within 0.003 of each other in pixels and 0.003 in mean IoU, and a squeezed
    photo is decoded and shaped once for all models and leaves no pixel of the rectangle unused.
    """

    name = "segmenter"
    answer = TypeAdapter(SegmentAnswer)

    def prepare(self, source: PhotoFile, card: ModelCard) -> Inputs:
        """Return `pixels`, uint8 (height, width, 3) of the card's size."""
        return squeeze_photo(source, card)

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> SegmentAnswer:
        """Read `ids`, uint8 (height, width)."""
        classes = tuple(label.name for label in card.output_as(Map).labels)
        ids = outputs["ids"]
        return SegmentAnswer(classes, Encoded.of_map(ids), shares_of(ids, classes), size)

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge shapes, that the classes are those of this release, and that ids are among them."""
        classes = tuple(label.name for label in card.output_as(Map).labels)
        if classes != CLASSES:
            raise ModelUnavailable(self.name, f"its classes are {classes}, not {CLASSES}")
        size = card.input_as(PhotoInput)
        ids = ArraySpec(name="ids", dtype="uint8", shape=(BATCH, size.height, size.width))
        grid = (size.height // STRIDE, size.width // STRIDE)
        logits = ArraySpec(name="logits", dtype="float32", shape=(BATCH, len(classes), *grid))
        check_arrays(outputs, (ids, logits, *embedding_spec(card)), self.name)
        if outputs["ids"].max(initial=0) >= len(classes):
            raise ModelUnavailable(self.name, "its ids are beyond the classes of its card")


SEGMENTER = Segmenter()
