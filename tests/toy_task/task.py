"""A task of two inputs and two outputs, as small as one can be: how bright a photo is, and where.

Its answer holds a number with its parts and a map, so that it goes through whatever any task may.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper
from pydantic import TypeAdapter

from serving.card import BATCH, ArrayInput, ArraySpec, ModelCard, Score
from serving.encoded import Encoded
from serving.image import PhotoFile
from serving.image.squeeze import to_pixels
from serving.task import Inputs, Outputs, Size, check_arrays

SIDE = 16
_PIXELS = ArraySpec(name="pixels", dtype="uint8", shape=(BATCH, SIDE, SIDE, 3))
_WEIGHTS = ArraySpec(name="weights", dtype="float32", shape=(BATCH, 3))
_MEANS = ArraySpec(name="means", dtype="float32", shape=(BATCH, 3))
_LIGHT = ArraySpec(name="light", dtype="float32", shape=(BATCH, SIDE, SIDE))


@dataclass(frozen=True)
class Brightness:
    """How bright a photo is.

    Attributes
    ----------
    score : 0..100
    parts : of each channel
    light : 0..255 for every pixel of a small copy
    size : of the photo, (height, width)
    """

    score: float
    parts: dict[str, float]
    light: Encoded
    size: tuple[int, ...]


class MeasureBrightness:
    """The task."""

    name = "brightness"
    answer = TypeAdapter(Brightness)

    def prepare(self, source: PhotoFile, card: ModelCard) -> Inputs:
        """Return a small copy and how much each channel counts."""
        weights = np.array(card.parameters["weights"], np.float32)
        return {"pixels": to_pixels(source.pixels(SIDE), SIDE, SIDE), "weights": weights}

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> Brightness:
        """Return the weighted mean, the parts and the map."""
        score = card.output_as(Score)
        parts = (float(mean) * score.highest / 255 for mean in outputs["means"])
        named = dict(zip(score.parts, parts, strict=True))
        total = float(outputs["light"].mean()) * score.highest / 255
        light = outputs["light"].round().clip(0, 255).astype(np.uint8)
        return Brightness(total, named, Encoded.of_map(light), size)

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge both outputs."""
        card.output_as(Score)
        check_arrays(outputs, [_MEANS, _LIGHT], self.name)


BRIGHTNESS = MeasureBrightness()


def brightness_card(**changes: object) -> ModelCard:
    """Return the card of `brightness_model`; `changes` replace its fields."""
    card = ModelCard(
        task=BRIGHTNESS.name,
        input=ArrayInput(arrays=(_PIXELS, _WEIGHTS)),
        output=Score(parts=("red", "green", "blue")),
        parameters={"weights": (0.25, 0.5, 0.25)},
        licence="Apache-2.0",
        backbone="mean",
        precision="fp32",
        data_version="toy-1",
    )
    return card.model_copy(update=changes)


def brightness_model(gain: float = 1.0) -> bytes:
    """Return an ONNX model: each channel's mean, and the channels' weighted sum at each pixel."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "gain"], ["lit"]),
        helper.make_node("ReduceMean", ["lit", "plane"], ["means"], keepdims=0),
        helper.make_node("Unsqueeze", ["weights", "plane"], ["spread"]),
        helper.make_node("Mul", ["lit", "spread"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed", "last"], ["light"], keepdims=0),
    ]
    constants = [
        helper.make_tensor("gain", TensorProto.FLOAT, [], [gain]),
        helper.make_tensor("plane", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("last", TensorProto.INT64, [1], [3]),
    ]
    kinds = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}
    taken, given = (
        [helper.make_tensor_value_info(a.name, kinds[a.dtype], a.shape) for a in arrays]
        for arrays in ((_PIXELS, _WEIGHTS), (_MEANS, _LIGHT))
    )
    graph = helper.make_graph(nodes, "brightness", taken, given, initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
