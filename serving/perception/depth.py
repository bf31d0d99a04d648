"""How far away what every pixel of a photo shows is: the task `depth`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.card import EMBEDDING, FramedInput, Map, ModelCard
from serving.encoded import Encoded
from serving.errors import ModelUnavailable, NotFinite
from serving.image import Image, PhotoFile
from serving.perception.pixels import frame_photo, squeeze_photo
from serving.perception.refine import refine_values
from serving.task import Inputs, Outputs, Size

Floats = NDArray[np.float32]
Steps = NDArray[np.uint16]
METRES, INVERSE = "m", "inverse"
_MM_PER_M = 1000
_MOST = 65535  # of 16 bits: also the farthest that is told, 65.5 m
_NEAREST_MM = 100.0
_ENDS = (0.01, 0.995)  # quantiles that become 0 and 1: a few wrong pixels take no room
_FLAT = 0.02  # of the nearest: less than that apart is not told apart


@dataclass(frozen=True)
class DepthAnswer:
    """How far away every pixel is.

    Attributes
    ----------
    unit : `m`: the map holds millimetres along the optical axis, 65535 stands for all that is
        farther; `inverse`: it holds one over the distance, up to a scale and a shift that nobody
        knows, 0 the farthest and 65535 the nearest of this photo
    map : 16-bit PNG of the whole photo squeezed to the model's rectangle
    size : of the upright photo, (height, width), that the map stands for
    """

    unit: str
    map: Encoded
    size: tuple[int, ...]


def to_millimetres(metres: Floats) -> Steps:
    """Return whole millimetres; what is nearer than none is 0, what is beyond 16 bits the most.

    Examples
    --------
    >>> to_millimetres(np.array([[-1.0, 2.5, 400.0]], np.float32)).tolist()
    [[0, 2500, 65535]]
    """
    steps: Steps = np.rint(np.clip(metres * _MM_PER_M, 0, _MOST)).astype(np.uint16)
    return steps


def stretch(inverse: Floats) -> Steps:
    """Return the same values over all of 16 bits; zeros if all are equal.

    Scale and shift of an inverse depth mean nothing, so nothing is lost but rounding.

    Examples
    --------
    >>> stretch(np.array([[3.0, 4.0, 5.0]], np.float32)).tolist()
    [[0, 32768, 65535]]
    """
    values = inverse.astype(np.float64)
    low, high = values.min(), values.max()
    if high <= low:
        return np.zeros(values.shape, np.uint16)
    steps: Steps = np.rint((values - low) * (_MOST / (high - low))).astype(np.uint16)
    return steps


def nearness_of(answer: DepthAnswer, photo: Image) -> NDArray[np.uint8]:
    """Return how near everything in a photo is, 0..255, 255 the nearest: what films move apart by.

    One over the distance, since that is how far things shift when a camera moves; its steps are
    brought to the photo's edges.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3), that the answer is about

    Returns
    -------
    uint8, the photo's proportions, no longer than `Refinement.work_side_px` along a side
        Zeros where all is equally far.
    """
    steps = answer.map.array().astype(np.float32)
    inverse = steps if answer.unit == INVERSE else 1 / steps.clip(_NEAREST_MM)
    low, high = np.quantile(inverse, _ENDS)
    if high - low <= _FLAT * high:
        steps = np.zeros_like(inverse)
    else:
        steps = ((inverse - low) / (high - low)).clip(0, 1)
    refined = refine_values(steps.astype(np.float32), photo)
    return np.rint(refined * 255).astype(np.uint8)


class Depth:
    """The task: the whole photo, squeezed to a rectangle; a distance for each of its pixels.

    A network from outside, such as MiDaS or Depth Anything, states its own means, layout and name
    of its input as a `framed-photo` that is `squeezed`; the card's `unit` says what it answers.
    """

    name = "depth"
    answer = TypeAdapter(DepthAnswer)

    def prepare(self, source: PhotoFile, card: ModelCard) -> Inputs:
        """Return the card's array of the squeezed photo."""
        if isinstance(card.input, FramedInput):
            return frame_photo(source, card.input)
        return squeeze_photo(source, card)

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> DepthAnswer:
        """Read the only output, (height, width) with dimensions of one around it.

        Raises
        ------
        NotFinite
            If a value is not finite.
        """
        unit, values = card.output_as(Map).unit, values_of(outputs, card)
        steps = stretch(values) if unit == INVERSE else to_millimetres(values)
        return DepthAnswer(unit, Encoded.of_map(steps), size)

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge that it is one map of finite numbers, in a unit that this release reads."""
        unit = card.output_as(Map).unit
        if unit not in (METRES, INVERSE):
            raise ModelUnavailable(self.name, f"its unit is '{unit}', not '{METRES}' or 'inverse'")
        if isinstance(card.input, FramedInput) and card.input.place != "squeezed":
            raise ModelUnavailable(self.name, "its photo is not squeezed: the frame has no depth")
        values = _only(outputs, self.name)
        sides = [length for length in values.shape[1:] if length != 1]
        if len(sides) != 2:
            raise ModelUnavailable(self.name, f"its output {values.shape} is no map")
        if not np.isfinite(values).all():
            raise ModelUnavailable(self.name, "its output is not finite")


def values_of(outputs: Outputs, card: ModelCard) -> Floats:
    """Return the only output, float32 (height, width), in the card's unit.

    The card's parameter `scale`, 1 if there is none, makes metres of a network's own unit.

    Raises
    ------
    NotFinite
        If a value is not finite.
    """
    values = np.squeeze(_only(outputs, card.task)).astype(np.float32)
    if not np.isfinite(values).all():
        raise NotFinite("a depth is not finite")
    if card.output_as(Map).unit == INVERSE:
        return values
    return values * np.asarray(card.parameters.get("scale", 1.0), np.float32)


def _only(outputs: Outputs, task: str) -> NDArray[np.generic]:
    maps = [array for name, array in outputs.items() if name != EMBEDDING]
    if len(maps) != 1:
        raise ModelUnavailable(task, f"it has the outputs {list(outputs)}, where one is needed")
    return maps[0]


DEPTH = Depth()
