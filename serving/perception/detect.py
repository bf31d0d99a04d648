"""Which things a photo shows, and where: the task `detector`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.card import Boxes, FramedInput, ModelCard
from serving.errors import ModelFailed, ModelUnavailable
from serving.image import PhotoFile
from serving.perception.boxes import areas, suppress
from serving.perception.decoders import decode_boxes, specs_of
from serving.perception.pixels import frame_photo, placement_in
from serving.task import Inputs, Outputs, Size, check_arrays, embedding_spec

Floats = NDArray[np.float32]
_MOST_CANDIDATES = 1000  # memory of the suppression goes with its square
_LEAST_AREA = 1.0  # pixel of the photo
_MARGIN = 1e-3  # by which rounding may leave 0..1


@dataclass(frozen=True)
class Detection:
    """One thing in a photo.

    Attributes
    ----------
    label : what it is
    confidence : 0..1; not calibrated, and not comparable between models
    box : left, top, right, bottom, in pixels of the upright photo
    """

    label: str
    confidence: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class DetectAnswer:
    """Which things a photo shows.

    Attributes
    ----------
    boxes : the surest first
    size : of the upright photo, (height, width), that the boxes refer to
    """

    boxes: tuple[Detection, ...]
    size: tuple[int, ...]


class Detector:
    """The task: the photo in a frame, with its own proportions; boxes with labels."""

    name = "detector"
    answer = TypeAdapter(DetectAnswer)

    def prepare(self, source: PhotoFile, card: ModelCard) -> Inputs:
        """Return the card's array of the photo, decoded no larger than it fills the frame."""
        return frame_photo(source, card.input_as(FramedInput))

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> DetectAnswer:
        """Read the arrays of the card's family.

        Raises
        ------
        ModelFailed
            If a score is no probability, or a box no box.
        """
        taken, given = card.input_as(FramedInput), card.output_as(Boxes)
        if not taken.batched:
            outputs = {name: outputs[name][0] for name in given.arrays}
        corners, scores = decode_boxes(outputs, given, taken)
        _refuse_nonsense(corners, scores)
        found = choose(placement_in(size, taken).to_photo(corners), scores, given)
        return DetectAnswer(found, size)

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge shapes, and that what is read of them are boxes and probabilities."""
        taken, given = card.input_as(FramedInput), card.output_as(Boxes)
        names = [label.name for label in given.labels]
        if len(set(names)) < len(names):
            raise ModelUnavailable(self.name, "two of its labels have the same name")
        try:
            specs = specs_of(given, taken)
        except ValueError as error:
            reason = f"the family '{given.family}' has other arrays than {given.arrays}"
            raise ModelUnavailable(self.name, reason) from error
        check_arrays(outputs, (*specs, *embedding_spec(card)), self.name)
        one = {name: array[0] for name, array in outputs.items()}
        try:
            _refuse_nonsense(*decode_boxes(one, given, taken))
        except ModelFailed as error:
            raise ModelUnavailable(self.name, str(error)) from error


def choose(corners: Floats, scores: Floats, given: Boxes) -> tuple[Detection, ...]:
    """Return what is answered of all places at which a network looked.

    Each place has one label, its best. Boxes that lie beside the photo, or cover less than a pixel
    of it, are none.

    Parameters
    ----------
    corners : float32 (a, 4), in pixels of the photo
    scores : float32 (a, labels)
    """
    labels = scores.argmax(axis=1)
    best = scores[np.arange(len(labels)), labels]
    said = np.array([label.name not in given.unsaid for label in given.labels])
    places = np.flatnonzero(
        (best >= given.score_above) & said[labels] & (areas(corners) >= _LEAST_AREA)
    )
    places = places[np.argsort(-best[places], kind="stable")][:_MOST_CANDIDATES]
    stay = suppress(corners[places], best[places], labels[places], given.overlap_below)
    return tuple(
        Detection(
            given.labels[labels[place]].name,
            round(min(float(best[place]), 1.0), 4),
            _round(corners[place]),
        )
        for place in places[stay[: given.at_most]]
    )


def _refuse_nonsense(corners: Floats, scores: Floats) -> None:
    if not (np.isfinite(corners).all() and np.isfinite(scores).all()):
        raise ModelFailed("its boxes are not finite")
    if scores.size and not (scores.min() >= -_MARGIN and scores.max() <= 1 + _MARGIN):
        raise ModelFailed(
            f"its scores are {scores.min():.3g} to {scores.max():.3g}, where 0 to 1 are needed"
        )


def _round(corners: Floats) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(float(edge), 1) for edge in corners)
    return left, top, right, bottom


DETECTOR = Detector()
