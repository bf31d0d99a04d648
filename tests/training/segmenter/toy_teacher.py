"""A teacher small enough for tests: bright is wall, dark is floor, and blue is `other`."""

import onnx
from onnx import TensorProto, helper

from training.segmenter.mapping import ADE32

SIDE, CELLS = 64, 16
_WALL, _FLOOR, _OTHER = (ADE32.index(name) for name in ("wall", "floor", "other"))


def toy_teacher() -> bytes:
    """Return ONNX: uint8 (1, SIDE, SIDE, 3) to logits (1, 32, CELLS, CELLS)."""
    weights = [[0.0, 0.0, 0.0] for _ in ADE32]
    weights[_WALL], weights[_OTHER] = [0.04, 0.04, -0.02], [-0.06, -0.06, 0.12]
    offsets = [-20.0] * len(ADE32)
    offsets[_WALL], offsets[_FLOOR], offsets[_OTHER] = -8.0, 0.0, -8.0
    nodes = [
        helper.make_node("Cast", ["PreprocessedImageTensor"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Conv", ["cells", "weights", "offsets"], ["logits"]),
    ]
    flat = [value for row in weights for value in row]
    constants = [
        helper.make_tensor("weights", TensorProto.FLOAT, [len(ADE32), 3, 1, 1], flat),
        helper.make_tensor("offsets", TensorProto.FLOAT, [len(ADE32)], offsets),
    ]
    taken = helper.make_tensor_value_info(
        "PreprocessedImageTensor", TensorProto.UINT8, [1, SIDE, SIDE, 3]
    )
    given = helper.make_tensor_value_info(
        "logits", TensorProto.FLOAT, [1, len(ADE32), CELLS, CELLS]
    )
    graph = helper.make_graph(nodes, "toy", [taken], [given], initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
