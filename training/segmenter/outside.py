"""Segmenters that others trained on ADE20K's 32 classes, brought to our classes and arrays.

`SEGMENTATION_MOSAIC` in the place of `SEGMENTATION` in `training/recipes.py`: the same gates,
nothing trained. It knows no sinks, baths, toilets, stoves, refrigerators, lamps, stairs or pools.

MOSAIC: W. Wang, A. Howard, "MOSAIC: Mobile segmentation via decoding aggregated information and
encoded context", arXiv:2112.11623; as MLPerf Mobile v1.1 has it.
"""

from dataclasses import replace

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from serving.card import PhotoInput
from serving.errors import BadInput
from serving.perception.classes import CLASSES
from serving.perception.segment import STRIDE, SegmentAnswer
from training.recipe import OutsideWeights, Recipe
from training.segmenter.mapping import ADE32, of_ade32
from training.segmenter.recipe import SEGMENTATION

_PIXELS, _LOGITS = "PreprocessedImageTensor", "logits"
_NEVER = -1e4  # logit of a class that the network does not have


def to_our_classes(model: bytes) -> bytes:
    """Return a network of ADE32 that takes and gives what the task `segmenter` does.

    Of several of its classes that are one of ours the surer counts. Its batch becomes any number.

    Parameters
    ----------
    model : ONNX with the input `PreprocessedImageTensor`, uint8 (1, height, width, 3), and the
        output `logits`, float32 (1, 32, height / 4, width / 4)

    Raises
    ------
    BadInput
        If it is not of that form.
    """
    found = onnx.load_from_string(model)
    graph = found.graph
    taken = {one.name: _lengths(one) for one in graph.input}.get(_PIXELS)
    given = {one.name: _lengths(one) for one in graph.output}.get(_LOGITS)
    if taken is None or given is None or len(taken) != 4 or given[1] != len(ADE32):
        raise BadInput(
            f"it has no '{_PIXELS}' of photos, or no '{_LOGITS}' of {len(ADE32)} classes"
        )
    _, height, width, _ = taken
    renamed = {_PIXELS: "pixels", _LOGITS: "ade32"}
    nodes = [_renamed(node, renamed) for node in _before(graph, _LOGITS)]
    added, constants = _regrouped()
    shape: list[str | int | None] = ["n", height, width]
    outputs = [
        helper.make_tensor_value_info("ids", TensorProto.UINT8, shape),
        helper.make_tensor_value_info(
            "logits", TensorProto.FLOAT, ["n", len(CLASSES), height // STRIDE, width // STRIDE]
        ),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, [*shape, 3])
    made = helper.make_graph(
        [*nodes, *added], "segmenter", [pixels], outputs, [*graph.initializer, *constants]
    )
    whole: ModelProto = helper.make_model(
        made, opset_imports=list(found.opset_import), ir_version=found.ir_version
    )
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString())


def _lengths(value: onnx.ValueInfoProto) -> list[int]:
    return [one.dim_value for one in value.type.tensor_type.shape.dim]


def _before(graph: onnx.GraphProto, output: str) -> list[NodeProto]:
    """Return the nodes that an output is made by, in their order."""
    wanted, kept = {output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    return kept[::-1]


def _renamed(node: NodeProto, names: dict[str, str]) -> NodeProto:
    copy = NodeProto()
    copy.CopyFrom(node)
    for values in (copy.input, copy.output):
        values[:] = [names.get(name, name) for name in values]
    return copy


def _regrouped() -> tuple[list[NodeProto], list[TensorProto]]:
    """Return what makes our logits and ids of those of ADE32."""
    ours = of_ade32()
    nothing = len(ADE32)
    members = [np.flatnonzero(ours == place).tolist() for place in range(len(CLASSES))]
    most = max(map(len, members))
    rounds = [
        [(one + [one[0] if one else nothing] * most)[n] for one in members] for n in range(most)
    ]
    constants = [
        numpy_helper.from_array(np.array(places, np.int64), f"of_ade32_{n}")
        for n, places in enumerate(rounds)
    ]
    constants += [
        numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 1, 0, 0], np.int64), "one_more"),
        numpy_helper.from_array(np.array(_NEVER, np.float32), "never"),
        numpy_helper.from_array(np.array([1, 1, STRIDE, STRIDE], np.float32), "to_pixels"),
    ]
    node = helper.make_node
    named = [f"group_{n}" for n in range(most)]
    return [
        node("Pad", ["ade32", "one_more", "never"], ["with_nothing"], mode="constant"),
        *(
            node("Gather", ["with_nothing", f"of_ade32_{n}"], [name], axis=1)
            for n, name in enumerate(named)
        ),
        node("Max", named, ["logits"]),
        node("Resize", ["logits", "", "to_pixels"], ["large"], mode="linear",
             coordinate_transformation_mode="half_pixel"),
        node("ArgMax", ["large"], ["places"], axis=1, keepdims=0),
        node("Cast", ["places"], ["ids"], to=TensorProto.UINT8),
    ], constants  # fmt: skip


MOSAIC_WEIGHTS = OutsideWeights(
    location="../models/mosaic_ade20k32_int8.onnx",
    sha256="6a50ba3f569954b00733ec7c13937e86a47512ae729d412cadf699a9bceda7b4",
    licence="Apache-2.0",
    architecture="mosaic-ade32",
    input=PhotoInput(height=512, width=512, mean=(0, 0, 0), std=(1, 1, 1)),
    adapt=to_our_classes,
)
SEGMENTATION_MOSAIC: Recipe[SegmentAnswer] = replace(SEGMENTATION, made_by=MOSAIC_WEIGHTS)
