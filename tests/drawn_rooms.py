"""A segmenter and a detector that always see the same, as models to publish."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from serving.card import Boxes, FramedInput, Label, Map, ModelCard, PhotoInput
from serving.perception.classes import CLASSES

SIDE = 32
GRID = 4  # one stride of 8: sixteen places
Drawn = tuple[str, float, tuple[float, float, float, float]]
THINGS = ("bed", "person", "giraffe")


def drawn_ids(**rows: int) -> NDArray[np.uint8]:
    """Return a map of stripes: so many rows of each class, the rest `other`."""
    ids, at = np.zeros((SIDE, SIDE), np.uint8), 0
    names: list[str] = list(CLASSES)
    for name, height in rows.items():
        ids[at : at + height] = names.index(name)
        at += height
    return ids


def segmenter(ids: NDArray[np.uint8]) -> tuple[bytes, ModelCard]:
    """Return a segmenter that answers this map, (rows, columns), for every photo."""
    rows, columns = ids.shape
    logits = np.zeros((1, len(CLASSES), rows // 4, columns // 4), np.float32)
    constants = {"drawn": ids[None], "none": logits}
    nodes = [
        helper.make_node("ReduceMin", ["floats", "axes"], ["least"], keepdims=1),
        helper.make_node("Mul", ["least", "zero"], ["zeros"]),
        helper.make_node("Add", ["none", "zeros"], ["logits"]),
        helper.make_node("Squeeze", ["zeros", "channel"], ["flat"]),
        helper.make_node("Cast", ["flat"], ["small"], to=TensorProto.UINT8),
        helper.make_node("Add", ["drawn", "small"], ["ids"]),
    ]
    given = [
        helper.make_tensor_value_info("ids", TensorProto.UINT8, ["n", rows, columns]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", *logits.shape[1:]]),
    ]
    shape = PhotoInput(height=rows, width=columns, mean=(0, 0, 0), std=(1, 1, 1))
    card = _card("segmenter", input=shape, output=Map(labels=tuple(Label(name=n) for n in CLASSES)))
    return _graph(nodes, constants, given, (rows, columns)), card


def detector(
    *found: tuple[str, float, tuple[float, float, float, float]],
) -> tuple[bytes, ModelCard]:
    """Return a detector that answers these things: label, confidence, middle and size in px."""
    rows = np.zeros((1, 4 + len(THINGS), GRID * GRID), np.float32)
    for place, (label, sure, box) in enumerate(found):
        rows[0, :4, place], rows[0, 4 + THINGS.index(label), place] = box, sure
    nodes = [
        helper.make_node("ReduceMin", ["floats", "axes"], ["least"], keepdims=1),
        helper.make_node("Squeeze", ["least", "channel"], ["flat"]),
        helper.make_node("Mul", ["flat", "zero"], ["zeros"]),
        helper.make_node("Add", ["rows", "zeros"], ["boxes"]),
    ]
    given = [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", *rows.shape[1:]])]
    labels = tuple(Label(name=name) for name in THINGS)
    stated = Boxes(labels=labels, score_above=0.3, strides=(8,), unsaid=("giraffe",))
    taken = FramedInput(height=SIDE, width=SIDE, place="squeezed")
    return _graph(nodes, {"rows": rows}, given), _card("detector", input=taken, output=stated)


def _graph(
    nodes: list[Any],
    constants: dict[str, Any],
    given: list[Any],
    size: tuple[int, int] = (SIDE, SIDE),
) -> bytes:
    shared = {
        "axes": np.array([1, 2, 3], np.int64),
        "channel": np.array([1], np.int64),
        "zero": np.array(0, np.float32),
    }
    values = [numpy_helper.from_array(v, k) for k, v in (constants | shared).items()]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", *size, 3])
    cast = helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT)
    graph = helper.make_graph([cast, *nodes], "drawn", [pixels], given, values)
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString())


def _card(task: str, **stated: object) -> ModelCard:
    common = {"licence": "own", "backbone": "none", "precision": "fp32", "data_version": "drawn"}
    return ModelCard.model_validate({"task": task} | common | stated)
